"""Skip-gram with negative sampling (SGNS) over random walks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from graphrep import _random
from graphrep._arrays import check_rows
from graphrep._backend import choose
from graphrep._checks import checked_float, checked_int
from graphrep._threads import resolve_threads
from graphrep.ops.skipgram import cpu, reference
from graphrep.ops.skipgram.arcs import ArcSampler

__all__ = ["ArcSampler", "SkipGram"]

F32 = npt.NDArray[np.float32]

_MAX_KINDS = 256  # kMaxKinds of the kernel


class SkipGram:
    r"""Two vector tables, and their training on random walks.

    For a center node :math:`u` with contexts :math:`C`, the nodes before and after it on a walk, the loss is

    .. math::
        -\sum_{c \in C} \Bigl[ \log \sigma(x_u \cdot y_c)
            + k\, \mathbb{E}_{n \sim P_n} \log \sigma(-x_u \cdot y_n) \Bigr],
        \qquad P_n(v) \propto \mathrm{count}(v)^{3/4}.

    The window is dynamic: its size is drawn from 1 … window for each center. All pairs of a center share :math:`x_u`,
    so they share one estimate of the expectation, from a pool of ``noise_rows`` draws with weight
    :math:`k |C| / \texttt{noise\_rows}` each; a draw that equals a context is skipped in the pair of that context. The
    pool slides along the walk: each center replaces the k oldest draws. The learning rate decreases linearly from
    ``learning_rate`` to ``min_learning_rate`` over the whole training.

    With ``one_sided`` only the nodes *after* a center are its contexts, so that a walk (u, v) trains :math:`x_u` with
    :math:`y_v` but not :math:`x_v` with :math:`y_u`: x and y are then vectors of the sources and targets of arcs, or of
    nodes and the features they have. With ``tied`` tables :math:`y` is :math:`x`, as in the first-order proximity of
    LINE; pairs of a node with itself, as contexts or as noise, are left out.

    With ``kinds`` of nodes the noise of a context is drawn from the nodes of its kind t, as in metapath2vec++:
    :math:`P_n(v) \propto \mathrm{count}(v)^{3/4}` among these. The pool has the share :math:`p_t` of the tokens of kind
    t, and its draws count for the contexts of their kind alone, with weight :math:`1 / p_t`.

    Parameters
    ----------
    num_nodes, dimensions : int
    counts : int or float array of shape (num_nodes,)
        Number of occurrences of each node in the walks, or weights in proportion to it, for the noise distribution and
        for subsampling.
    window : int
        Largest distance between center and context.
    num_negatives : int
        k in the objective.
    noise_rows : int or None
        Size of the pool of noise draws, at least ``num_negatives``, at most 200. A larger pool reduces the variance of
        the estimate; time is proportional to window + 1 + noise_rows. None grows with the number of pairs that share
        it: ``num_negatives`` times 2 * window - 1, at most eight times (from window 5 on).
    noise_power : float
        Exponent of the noise distribution.
    subsampling : float
        Threshold t: an occurrence of v is kept with probability :math:`\min(1, (\sqrt{f_v/t} + 1)\, t / f_v)`, where f
        is the share of v in all tokens. 0 keeps everything.
    learning_rate, min_learning_rate : float
    seed : int, None, RandomState or Generator
        None uses a new seed in every call.
    node_keys : uint64 array of shape (num_nodes,), optional
        Keys of the initial vectors, such as :meth:`graphrep.Graph.node_keys`; default: the row numbers.
    one_sided : bool
        The contexts of a center are only the nodes after it.
    tied : bool
        x and y are one table.
    fixed_contexts : bool
        Train x alone and leave y as it is: vectors of new nodes against given contexts.
    kinds : int array of shape (num_nodes,), optional
        Numbers of the kinds of nodes, from 0 and below 256.
    parts : sequence of (begin, end), optional
        Consecutive ranges of all nodes, for a training that processes share: the model has the vectors x of range
        ``part``, and the vectors y of one range at a time, at first of the same; see :meth:`hold` and :meth:`keep`.
    part : int
    n_jobs : int or None
        Number of threads. Several threads update the tables without locks (Hogwild), so results vary from run to run.
        ``n_jobs=1`` gives the same bits in every run on one instruction set.

    Attributes
    ----------
    input, output : float32 arrays of shape (num_nodes, stride)
        Vector tables x and y, the same array if they are tied; ``stride`` is ``dimensions`` rounded up to a multiple of
        16, padded with zeros. x is initialized uniformly in [-1/2, 1/2) / dimensions, y with zeros. With ``parts`` they
        have the rows of a part.
    vectors : float32 array of shape (num_nodes, dimensions)
        View of x.

    Notes
    -----
    Time about 6 * dimensions * (window + 1 + noise_rows) flops per token, memory 8 * num_nodes * (stride + 1) bytes,
    about half of it if the tables are tied.

    References
    ----------
    Mikolov et al. Distributed Representations of Words and Phrases and their Compositionality. NeurIPS 2013,
    sections 2.2 and 2.3. Tang et al. LINE: Large-scale Information Network Embedding. WWW 2015, section 4.1. Dong,
    Chawla, Swami. metapath2vec. KDD 2017, section 3.3, for kinds.

    Examples
    --------
    >>> import graphrep as gr
    >>> from graphrep.ops import SkipGram
    >>> ring = gr.as_graph([[0, 1, 2, 3], [1, 2, 3, 0]], directed=False)
    >>> model = SkipGram(4, 16, counts=ring.out_degree, window=2, seed=0, n_jobs=1)
    >>> model.train(gr.random_walks(ring, walk_length=10), first_position=0, total_positions=40)
    >>> model.vectors.shape
    (4, 16)
    """

    def __init__(
        self,
        num_nodes: int,
        dimensions: int,
        *,
        counts: npt.ArrayLike,
        window: int = 10,
        num_negatives: int = 5,
        noise_rows: int | None = None,
        noise_power: float = 0.75,
        subsampling: float = 0.0,
        learning_rate: float = 0.025,
        min_learning_rate: float = 1e-4,
        seed: Any = 0,
        node_keys: npt.NDArray[np.uint64] | None = None,
        one_sided: bool = False,
        tied: bool = False,
        fixed_contexts: bool = False,
        kinds: npt.ArrayLike | None = None,
        parts: Sequence[tuple[int, int]] | None = None,
        part: int = 0,
        n_jobs: int | None = None,
    ) -> None:
        self.num_nodes = checked_int("num_nodes", num_nodes, 1)
        self.dimensions = checked_int("dimensions", dimensions, 1)
        self.window = checked_int("window", window, 1, 150)
        self.num_negatives = checked_int("num_negatives", num_negatives, 0, 50)
        rows = min(min(8, 2 * self.window - 1) * self.num_negatives, 200) if noise_rows is None else noise_rows
        self.noise_rows = checked_int("noise_rows", rows, self.num_negatives, 200)
        self.learning_rate = checked_float("learning_rate", learning_rate, 0, exclusive=True)
        self.min_learning_rate = checked_float("min_learning_rate", min_learning_rate, 0, self.learning_rate)
        self.seed = _random.resolve_seed(seed)
        self.num_threads = resolve_threads(n_jobs)
        self.node_keys = node_keys
        if node_keys is not None and (node_keys.dtype != np.uint64 or node_keys.shape != (self.num_nodes,)):
            raise ValueError(f"node_keys must be a uint64 array of shape ({self.num_nodes},).")
        self.one_sided, self.tied = _checked_flag("one_sided", one_sided), _checked_flag("tied", tied)
        self.fixed_contexts = _checked_flag("fixed_contexts", fixed_contexts)
        if self.tied and self.fixed_contexts:
            raise ValueError("fixed_contexts must be False if the tables are tied: contexts need a table of their own.")
        occurrences = np.asarray(counts)
        if occurrences.shape != (self.num_nodes,) or occurrences.dtype.kind not in "iuf":
            raise ValueError(
                f"counts must be {self.num_nodes} non-negative numbers, got shape {occurrences.shape}, "
                f"dtype {occurrences.dtype}."
            )
        occurrences = np.ascontiguousarray(occurrences, dtype=np.float64)
        if not (np.isfinite(occurrences) & (occurrences >= 0)).all():
            raise ValueError("counts must be non-negative and finite.")
        noise_power = checked_float("noise_power", noise_power, -10, 10)  # no power may overflow
        self.kinds, self.kind_weights = None, None
        mass = occurrences
        if kinds is not None:
            self.kinds = _checked_kinds(kinds, self.num_nodes)
            mass, self.kind_weights = _mass_by_kind(occurrences, noise_power, self.kinds)
            noise_power = 1.0
        self.parts = [(0, self.num_nodes)] if parts is None else _checked_parts(parts, self.num_nodes)
        self.part = self.held = checked_int("part", part, 0, len(self.parts) - 1)
        if len(self.parts) > 1 and (self.tied or kinds is not None):
            raise ValueError("parts must be left out with tied tables or kinds, which are not divided.")
        table = choose("noise_table", {"native": cpu.noise_table, "reference": reference.noise_table})
        self._noise = [table(np.ascontiguousarray(mass[begin:end]), noise_power) for begin, end in self.parts]
        self._noise_shares = _shares(mass, noise_power, self.parts)
        self.keep_probability = _keep_probability(occurrences, checked_float("subsampling", subsampling, 0))
        shape = (self.centers[1] - self.centers[0], -(-self.dimensions // 16) * 16)
        self.input: F32 = np.empty(shape, dtype=np.float32)
        self.output: F32 = self.input if self.tied else np.zeros(shape, dtype=np.float32)
        self.draw_vectors()

    @property
    def vectors(self) -> F32:
        """View of the input table without its padding, float32 of shape (num_nodes, dimensions)."""
        return self.input[:, : self.dimensions]

    @property
    def centers(self) -> tuple[int, int]:
        """Range of the nodes whose vectors x are here."""
        return self.parts[self.part]

    @property
    def contexts(self) -> tuple[int, int]:
        """Range of the nodes whose vectors y are here."""
        return self.parts[self.held]

    @property
    def noise(self) -> tuple[Any, Any]:
        """Alias table of the noise distribution among ``contexts``."""
        return self._noise[self.held]

    @property
    def slide(self) -> int:
        """Number of draws by which the pool slides at each center; of the parts together, at least k."""
        return -(-self.num_negatives // len(self.parts))

    @property
    def pool(self) -> int:
        """Size of the pool of noise draws among ``contexts``; of the parts together, at least ``noise_rows``."""
        return -(-self.noise_rows // len(self.parts))

    @property
    def noise_weight(self) -> float:
        """Share of ``contexts`` in the noise distribution, times k / ``slide``."""
        return self._noise_shares[self.held] * (self.num_negatives / max(self.slide, 1))

    @property
    def noise_stream(self) -> int:
        """Number of the first noise draw of a walk; centers of one part and contexts of one have draws of their own."""
        return (self.part * len(self.parts) + self.held) << 32

    def draw_vectors(self) -> None:
        """Fill x with the initial vectors of ``centers``."""
        choose("initial_vectors", {"native": cpu.initial_vectors, "reference": reference.initial_vectors})(self)

    def keep(self, part: int, input: F32) -> None:  # noqa: A002
        """Train the centers of another part from here on.

        Parameters
        ----------
        part : int
        input : float32 array of shape (end - begin, stride)
            Vectors x of the part.
        """
        self.part, self.input = self._checked_table("input", part, input), input

    def hold(self, part: int, output: F32) -> None:
        """Train with the contexts of another part from here on.

        Only pairs of a center and a context that are here are trained, and noise is drawn among the contexts that are
        here. A center has all its contexts, there or here, as negatives of it, times the share of the part in the noise
        distribution. Thus walks that are trained once with every part have the loss above in expectation, whatever the
        parts are.

        Parameters
        ----------
        part : int
        output : float32 array of shape (end - begin, stride)
            Vectors y of the part.
        """
        self.held, self.output = self._checked_table("output", part, output), output

    def _checked_table(self, name: str, part: int, table: F32) -> int:
        begin, end = self.parts[checked_int("part", part, 0, len(self.parts) - 1)]
        shape = (end - begin, self.input.shape[1])
        if table.shape != shape or table.dtype != np.float32:
            raise ValueError(f"{name} must be float32 of shape {shape}, got {table.dtype} of shape {table.shape}.")
        return part

    def train(
        self,
        walks: npt.NDArray[np.integer[Any]],
        *,
        first_position: int,
        total_positions: int,
        walk_ids: npt.NDArray[np.int64] | None = None,
    ) -> None:
        """Train on walks, in place.

        Parameters
        ----------
        walks : int32 or int64 array of shape (num_walks, walk_length)
            Row numbers, -1 after the end of a walk.
        first_position, total_positions : int
            Position of the first walk among all walks of the training; determines the learning rate.
        walk_ids : int64 array of shape (num_walks,), optional
            Random stream of each walk; default: its position.
        """
        walks = np.ascontiguousarray(walks)
        if walks.ndim != 2 or walks.dtype not in (np.int32, np.int64):
            raise TypeError(f"walks must be a two-dimensional int32 or int64 array, got {walks.dtype} {walks.shape}.")
        check_rows("walks", walks, self.num_nodes, start=-1)
        if walk_ids is not None:
            walk_ids = np.asarray(walk_ids)
            if walk_ids.dtype.kind not in "iu":
                raise TypeError(f"walk_ids must be integers, got {walk_ids.dtype}.")
            if walk_ids.shape != (len(walks),):
                raise ValueError(f"walk_ids must have shape ({len(walks)},), got {walk_ids.shape}.")
            walk_ids = np.ascontiguousarray(walk_ids, dtype=np.int64)
        first = checked_int("first_position", first_position, 0)
        total = checked_int("total_positions", total_positions, first + len(walks))
        self.train_unchecked(walks, walk_ids, first, max(total, 1))

    def train_unchecked(self, walks: Any, walk_ids: Any, first: int, total: int) -> None:
        """Train on walks that are known to be valid, as those of :class:`graphrep.ops.WalkSampler` are."""
        choose("train_skipgram", {"native": cpu.train, "reference": reference.train})(
            self, walks, walk_ids, first, total
        )


def _checked_flag(name: str, value: Any) -> bool:
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} must be True or False, got {value!r}.")
    return bool(value)


def _checked_parts(parts: Sequence[tuple[int, int]], num_nodes: int) -> list[tuple[int, int]]:
    ranges = [(checked_int("begin", begin, 0), checked_int("end", end, 0)) for begin, end in parts]
    ends = [0, *(end for _, end in ranges)]
    if [begin for begin, _ in ranges] != ends[:-1] or sorted(ends) != ends or ends[-1] != num_nodes:
        raise ValueError(f"parts must be consecutive ranges of 0 … {num_nodes}, got {ranges}.")
    return ranges


def _shares(counts: npt.NDArray[np.float64], power: float, parts: list[tuple[int, int]]) -> list[float]:
    """Shares of ranges of nodes in the noise distribution."""
    if len(parts) == 1:
        return [1.0]
    mass = np.power(counts, power, where=counts > 0, out=np.zeros(len(counts)))
    mass = mass if mass.any() else np.ones(len(counts))
    return [float(mass[begin:end].sum() / mass.sum()) for begin, end in parts]


def _checked_kinds(kinds: npt.ArrayLike, num_nodes: int) -> npt.NDArray[np.int32]:
    found = np.asarray(kinds)
    if found.shape != (num_nodes,) or found.dtype.kind not in "iu":
        raise ValueError(f"kinds must be {num_nodes} integers, got shape {found.shape}, dtype {found.dtype}.")
    if found.min() < 0 or found.max() >= _MAX_KINDS:
        raise ValueError(f"kinds must lie in [0, {_MAX_KINDS}), got {found.min()} to {found.max()}.")
    return np.ascontiguousarray(found, dtype=np.int32)


def _mass_by_kind(
    counts: npt.NDArray[np.float64], power: float, kinds: npt.NDArray[np.int32]
) -> tuple[npt.NDArray[np.float64], F32]:
    """Noise in which each kind has its share of the tokens, and one over that share."""
    powers = np.power(counts, power, where=counts > 0, out=np.zeros(len(counts)))
    tokens, within = np.bincount(kinds, counts), np.bincount(kinds, powers)
    share = tokens / max(tokens.sum(), 1e-300)
    mass = powers * (share / np.where(within > 0, within, 1))[kinds]
    return mass, (1 / np.where(share > 0, share, 1)).astype(np.float32)


def _keep_probability(counts: npt.NDArray[np.float64], threshold: float) -> F32 | None:
    if threshold == 0 or not counts.any():
        return None
    share = np.where(counts > 0, counts, 1) / counts.sum()
    keep: F32 = np.minimum(1.0, (np.sqrt(share / threshold) + 1) * threshold / share).astype(np.float32)
    return keep
