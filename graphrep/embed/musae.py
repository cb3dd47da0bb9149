"""MUSAE and AE: node vectors from the features of the nodes at every distance."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from scipy.sparse.linalg import svds
from sklearn.utils.validation import check_is_fitted

from graphrep._checks import checked_features, checked_float, checked_int
from graphrep._embedder import F32, is_matrix
from graphrep._memory import check_memory
from graphrep._names import aligned
from graphrep._progress import progress_bar
from graphrep._random import bounded, random_bits, resolve_seed, stream_key, uniform_double
from graphrep._saving import packed_graph, unpacked_graph
from graphrep._threads import limited_threads
from graphrep.embed._base import NodeEmbedder
from graphrep.embed.finishing import finish_again
from graphrep.graph import Graph, as_graph
from graphrep.ops.propagation import inverse_degrees
from graphrep.ops.skipgram import SkipGram
from graphrep.ops.walks import WalkSampler

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["AE", "MUSAE"]

F64 = npt.NDArray[np.float64]

# Root mean square of the row norms of the fitted vectors.
_RMS = 3.0

# Entries of a block of rows of P R before it is cut, and pairs of a chunk of walks.
_BLOCK_ENTRIES, _CHUNK_PAIRS = 20_000_000, 500_000


@dataclass(kw_only=True, eq=False, repr=False)
class AttributedEmbedder(NodeEmbedder):
    """Base class: vectors from node-feature matrices; subclasses say which distances share vectors."""

    _follows_arcs = True

    dimensions: int = 128
    scales: int = 3
    algorithm: str = "exact"
    identity: bool = False
    entries_per_row: int = 1000
    samples_per_node: int = 1000
    num_negatives: int = 5
    learning_rate: float = 0.05
    min_learning_rate: float = 1e-4
    random_state: Any = 0
    n_jobs: int | None = None
    progress: bool | None = None

    def _groups(self) -> list[list[int]]:
        """Distances whose features share a block of columns."""
        raise NotImplementedError

    def fit(self, graph: Any, y: Any = None, *, features: Any = None) -> Self:
        """Embed a graph.

        Parameters
        ----------
        graph : Graph or anything :func:`graphrep.as_graph` takes
        y : ignored
        features : array or scipy.sparse matrix of shape (num_nodes, num_features), optional
            Not negative; default: ``graph.x``. Rows that carry names are matched with the nodes.

        Returns
        -------
        MUSAE or AE
            The estimator itself.

        Raises
        ------
        ValueError
            There are no features, or negative ones, or parameters are out of range.
        MemoryError
            The matrices of ``algorithm="exact"`` do not fit into memory.
        """
        del y
        self._fit(graph, features=features)
        return self

    def fit_transform(self, graph: Any, y: Any = None, *, features: Any = None) -> F32:
        """Embed a graph; return float32 vectors of shape (num_nodes, dimensions), in the order of ``g.nodes``."""
        return self.fit(graph, y, features=features).embedding_

    def transform(self, new: Any, *, features: Any = None) -> Any:
        """Vectors of the nodes of another graph with the same features, or of new nodes, without fitting again.

        The vectors of the features are kept. ``algorithm="exact"`` multiplies the PPMI matrices of the new graph, with
        the frequencies of the features in the fitted graph, by them: the fitted graph gives ``embedding_`` again, up to
        rounding. ``algorithm="sampled"`` trains the vectors of the nodes against them.

        Parameters
        ----------
        new : graph, or array or scipy.sparse matrix of shape (num_new, num_nodes)
            A Graph or anything else that :func:`graphrep.as_graph` takes is a whole graph, whose nodes need not have
            been fitted. Row i of a matrix holds the weights of the arcs from new node i to the fitted nodes.
        features : array or scipy.sparse matrix of shape (num_nodes or num_new, num_features), optional
            The same columns as in ``fit``; default: ``graph.x``. New nodes of a matrix may go without features of their
            own: those of their neighbors count.

        Returns
        -------
        float32 array of shape (num_new, dimensions), or NodeVectors
            A NodeVectors of all nodes of a graph, an array for a matrix.

        Raises
        ------
        ValueError
            The graph has no features, or their number differs from that of ``fit``.
        """
        check_is_fitted(self, "embedding_")
        if self._layout() != tuple(self._fitted_layout):
            raise ValueError("algorithm, dimensions, scales and identity must be as in fit; fit again after a change.")
        if is_matrix(new):
            rows = self._new_rows(new)
            return self._finish_rows(rows, self._vectors_of_rows(rows, features))
        g = self._validated_graph(new, reset=False)
        vectors = self._vectors_against(g, self._features(g, features, fitted=True))
        return self._named(g.nodes, finish_again(g, vectors, self._finishes, self.n_jobs))

    def _vectors_against(self, graph: Graph, x: sp.csr_array, begin: int = 0) -> F32:
        """Vectors of the nodes in rows from ``begin`` on, against the fitted features."""
        if self.algorithm == "exact":
            return self._exact_rows(graph, x)[begin:]
        vectors = self._trained(graph, x, fixed=True, begin=begin)[begin:]
        vectors *= np.float32(self._factor)
        return vectors

    def _vectors_of_rows(self, rows: sp.csr_array, features: Any) -> F32:
        """Vectors of new nodes with these weights of the arcs to the fitted nodes."""
        old, added = self._graph.num_nodes, rows.shape[0]
        fitted, new = self._graph.to_scipy().tocoo(), rows.tocoo()
        ends = np.stack([np.r_[fitted.row, new.row + old], np.r_[fitted.col, new.col]]).astype(np.int64)
        weights = np.r_[fitted.data, new.data].astype(np.float32)
        # Directed: fitted nodes do not see new ones.
        whole = as_graph(ends, weights=weights, num_nodes=old + added, directed=True)
        x = sp.csr_array((added, self._x.shape[1]), dtype=np.float32)
        if features is not None:
            own = self._checked(features, added)
            x = _row_shares(sp.csr_array((own.data, own.indices, own.indptr), shape=x.shape))
        return self._vectors_against(whole, sp.csr_array(sp.vstack([self._x, x], format="csr")), old)

    def _embed(self, graph: Graph, **options: Any) -> F32:
        self._check_parameters()
        self._num_features, self._fitted_layout = 0, self._layout()
        self._graph = graph
        self._x = x = self._features(graph, options.get("features"), fitted=False)
        if not x.nnz:
            raise ValueError("features must have an entry above 0, got zeros only.")
        if self.algorithm == "exact":
            return self._fit_exact(graph, x)
        return self._fit_sampled(graph, x)

    def _layout(self) -> tuple[Any, ...]:
        return self.algorithm, int(self.dimensions), int(self.scales), bool(self.identity)

    def _check_parameters(self) -> None:
        checked_int("scales", self.scales, 1, 100)
        checked_int("dimensions", self.dimensions, len(self._groups()))
        checked_int("entries_per_row", self.entries_per_row, 1)
        checked_int("samples_per_node", self.samples_per_node, 1)
        if self.algorithm not in ("exact", "sampled"):
            raise ValueError(f'algorithm must be "exact" or "sampled", got {self.algorithm!r}.')
        if not isinstance(self.identity, (bool, np.bool_)):
            raise TypeError(f"identity must be True or False, got {self.identity!r}.")
        rate = checked_float("learning_rate", self.learning_rate, 0, exclusive=True)
        checked_float("min_learning_rate", self.min_learning_rate, 0, rate)
        checked_int("num_negatives", self.num_negatives, 0, 50)
        self._seed = resolve_seed(self.random_state)

    def _features(self, graph: Graph, features: Any, *, fitted: bool) -> sp.csr_array:
        """X with float32 entries above 0 and rows of sum 1; with ``identity`` it has a column for every fitted node."""
        x = graph.x if features is None else aligned(features, graph.node_index, "features")
        if x is None and not self.identity:
            raise ValueError("features or graph.x must be given; identity=True uses the nodes themselves as features.")
        parts = []
        if x is not None:
            parts.append(self._checked(x, graph.num_nodes, fitted=fitted))
        elif fitted and self._num_features:
            raise ValueError(f"features or graph.x must be given, with {self._num_features} columns as in fit.")
        if not fitted:
            self._num_features = parts[0].shape[1] if parts else 0
        if self.identity:
            rows = self._graph.node_index.find(graph.nodes) if fitted else np.arange(graph.num_nodes)
            known = np.flatnonzero(rows >= 0)
            ones = np.ones(len(known), dtype=np.float32)
            parts.append(sp.csr_array((ones, (known, rows[known])), shape=(graph.num_nodes, self._graph.num_nodes)))
        return _row_shares(sp.csr_array(sp.hstack(parts, format="csr")) if len(parts) > 1 else parts[0].copy())

    def _checked(self, features: Any, num_rows: int, *, fitted: bool = True) -> sp.csr_array:
        x = sp.csr_array(checked_features("features", features, num_rows))
        if x.nnz and x.data.min() < 0:
            raise ValueError(
                f"features must not be negative, got {x.data.min():g}; they count as occurrences. Clip them, or use an "
                "estimator that takes any numbers, such as FastRP."
            )
        if fitted and x.shape[1] != self._num_features:
            raise ValueError(f"features must have {self._num_features} columns as in fit, got {x.shape[1]}.")
        return x

    def _columns(self) -> list[slice]:
        """Columns of the blocks."""
        count = len(self._groups())
        ends = [self.dimensions * i // count for i in range(count + 1)]
        return [slice(begin, end) for begin, end in pairwise(ends)]

    # The closed form

    def _fit_exact(self, graph: Graph, x: sp.csr_array) -> F32:
        num_features = x.shape[1]
        vectors = np.zeros((graph.num_nodes, self.dimensions), dtype=np.float32)
        self._loadings = np.zeros((num_features, self.dimensions), dtype=np.float32)
        self._shares = np.zeros((len(self._groups()), num_features))
        self._contexts = np.zeros((0, self.dimensions), dtype=np.float32)
        for i, (columns, matrix) in enumerate(zip(self._columns(), self._matrices(graph, x), strict=True)):
            self._shares[i] = matrix.sum(axis=0, dtype=np.float64) / max(matrix.sum(dtype=np.float64), 1e-300)
            ppmi = _positive_pmi(matrix, self._shares[i])
            left, values, right = _truncated_svd(ppmi, columns.stop - columns.start)
            vectors[:, columns] = left * np.sqrt(values)
            self._loadings[:, columns] = right / np.sqrt(np.where(values > 0, values, np.inf))
        self._factor = _scale(vectors)
        self._loadings *= np.float32(self._factor)
        vectors *= np.float32(self._factor)
        return vectors

    def _exact_rows(self, graph: Graph, x: sp.csr_array) -> F32:
        vectors = np.zeros((graph.num_nodes, self.dimensions), dtype=np.float32)
        for i, (columns, matrix) in enumerate(zip(self._columns(), self._matrices(graph, x), strict=True)):
            vectors[:, columns] = _positive_pmi(matrix, self._shares[i]) @ self._loadings[:, columns]
        return vectors

    def _matrices(self, graph: Graph, x: sp.csr_array) -> Iterator[sp.csr_array]:
        """The node-feature matrix of each block: the sum of R_r = P^r X over its distances."""
        self._check_exact_memory(graph, x)
        step = sp.diags_array(inverse_degrees(graph)) @ graph.to_scipy()
        step = sp.csr_array(step, dtype=np.float32)
        power, last = _largest(x, self.entries_per_row), 0
        for group in self._groups():
            total: Any = None
            for distance in group:
                for _ in range(distance - last):
                    power = _product(step, power, self.entries_per_row)
                last = distance
                total = power if total is None else total + power
            yield _largest(sp.csr_array(total), self.entries_per_row)

    def _check_exact_memory(self, graph: Graph, x: sp.csr_array) -> None:
        ones = sp.csr_array((np.ones(graph.num_arcs), graph.indices, graph.indptr), shape=(graph.num_nodes,) * 2)
        limit = min(x.shape[1], self.entries_per_row)
        entries = peak = np.minimum(np.diff(x.indptr), limit).astype(np.float64)
        for _ in range(self.scales):
            entries = np.minimum(ones @ entries, limit)
            peak = np.maximum(peak, entries)
        # Two powers, their sum, and the PPMI matrix and a copy of it in float64.
        needed = 48 * float(peak.sum()) + min(12 * _BLOCK_ENTRIES, 12 * graph.num_nodes * x.shape[1])
        needed += 8 * self.dimensions * (graph.num_nodes + x.shape[1])
        check_memory(
            int(needed),
            f"{type(self).__name__} of {graph.num_nodes:,} nodes and {x.shape[1]:,} features",
            'take algorithm="sampled", or fewer entries_per_row',
        )

    # By sampling

    def _fit_sampled(self, graph: Graph, x: sp.csr_array) -> F32:
        self._loadings = np.zeros((0, self.dimensions), dtype=np.float32)
        self._shares = np.stack([_frequencies(graph, x, group) for group in self._groups()])
        self._contexts = np.zeros((x.shape[1], self.dimensions), dtype=np.float32)
        vectors = self._trained(graph, x, fixed=False)
        self._factor = _scale(vectors)
        vectors *= np.float32(self._factor)
        return vectors

    def _trained(self, graph: Graph, x: sp.csr_array, *, fixed: bool, begin: int = 0) -> F32:
        """Input vectors of the nodes in rows from ``begin`` on, trained against contexts that are features."""
        n, num_features = graph.num_nodes, x.shape[1]
        padded = (self.dimensions // len(self._groups()) + 16) // 16 * 16
        check_memory(
            8 * (n + num_features) * (padded + self.dimensions) + 80 * _CHUNK_PAIRS,
            f"{type(self).__name__} of {n:,} nodes and {num_features:,} features",
            "take fewer dimensions",
        )
        vectors = np.zeros((n, self.dimensions), dtype=np.float32)
        equal = not (x.data != x.data[:1]).any()
        cumulated = None if equal else np.r_[0.0, np.cumsum(x.data, dtype=np.float64)]
        passes = [-(-self.samples_per_node // len(group)) for group in self._groups()]
        keys = graph.node_keys()
        if keys is not None:
            keys = np.r_[keys, np.zeros(num_features, dtype=np.uint64)]
        start = np.arange(begin, n)
        with progress_bar(
            total=sum(passes) * len(start),
            desc=type(self).__name__,
            unit=" walks",
            unit_scale=True,
            progress=self.progress,
        ) as bar:
            for i, (columns, group) in enumerate(zip(self._columns(), self._groups(), strict=True)):
                seed = int(stream_key(self._seed, i) >> np.uint64(1))
                sampler = WalkSampler(graph, walk_length=group[-1] + 1, start=start, seed=seed, n_jobs=self.n_jobs)
                model = SkipGram(
                    n + num_features,
                    columns.stop - columns.start,
                    counts=np.r_[np.zeros(n), self._shares[i]],
                    window=1,
                    num_negatives=self.num_negatives,
                    learning_rate=self.learning_rate,
                    min_learning_rate=self.min_learning_rate,
                    seed=seed,
                    node_keys=keys,
                    one_sided=True,
                    fixed_contexts=fixed,
                    n_jobs=self.n_jobs,
                )
                if fixed:
                    model.output[n:, : model.dimensions] = self._contexts[:, columns]
                pairs_of_walk, total = len(group), passes[i] * len(start)
                chunk = max(1, _CHUNK_PAIRS // pairs_of_walk)
                for first in range(0, total, chunk):
                    ids = sampler.shuffled_ids(first, min(chunk, total - first))
                    pairs, numbers = _pairs(sampler.sample_ids(ids), ids, group, x, cumulated, seed)
                    model.train_unchecked(pairs, numbers, first * pairs_of_walk, total * pairs_of_walk)
                    bar.update(len(ids))
                seen = _reach(graph, x, group)
                vectors[seen, columns] = model.vectors[:n][seen]
                if not fixed:
                    self._contexts[:, columns] = model.output[n:, : model.dimensions]
        return vectors

    # Both

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        # New rows have no features of their own, and sampling varies with several threads.
        tags.non_deterministic = True
        return tags

    def _state(self) -> dict[str, Any]:
        names = ("_loadings", "_shares", "_contexts", "_num_features", "_seed", "_factor", "_fitted_layout", "_x")
        fitted = {name: getattr(self, name) for name in names}
        return super()._state() | fitted | {"_graph": packed_graph(self._graph)}

    def _restore(self, state: dict[str, Any]) -> None:
        graph, features = unpacked_graph(state["_graph"]), state["_x"].shape[1]
        kept = state["_loadings"] if state["_fitted_layout"][0] == "exact" else state["_contexts"]
        if kept.shape != (features, self.dimensions) or state["_shares"].shape != (len(self._groups()), features):
            raise ValueError("features and vectors differ in size")
        if not len(state["nodes_"]) == graph.num_nodes == state["_x"].shape[0]:
            raise ValueError("graph and vectors differ in size")
        super()._restore(state | {"_graph": graph})


@dataclass(kw_only=True, eq=False, repr=False)
class MUSAE(AttributedEmbedder):
    r"""MUSAE: multi-scale attributed node vectors.

    With the transition matrix :math:`P = D^{-1} A` and non-negative features X, whose rows are divided by their sums,
    :math:`R_r = P^r X` is the probability that a walk of r steps from a node, and then a draw among the features of the
    node where it ends, lead to a feature. The vectors of distance r factorize its positive pointwise mutual information

    .. math::
        M^{(r)}_{uf} = \max\Bigl(0, \log \frac{R_{r,uf}\, \sum R_r}{\sum_{f'} R_{r,uf'} \sum_{u'} R_{r,u'f}}\Bigr)
        \approx U_r S_r V_r^\top,

    and the vectors :math:`U_r S_r^{1/2}` of the distances r = 0 … ``scales`` stand side by side.

    Parameters
    ----------
    dimensions : int
        Length of the vectors, divided evenly among the scales + 1 distances (published: 32 each).
    scales : int
        Largest distance.
    algorithm : {"exact", "sampled"}
        ``"exact"`` computes the matrices and their truncated singular value decompositions. ``"sampled"`` never makes
        them: it draws the features of the nodes at the end of random walks and trains skip-gram vectors with
        negative sampling, as published, for graphs whose matrices are too large.
    identity : bool
        Every fitted node is a feature of itself, too: structure counts where features do not tell nodes apart.
    entries_per_row : int
        Exact: the largest entries of each row of :math:`R_r` that are kept, which bounds time and memory.
    samples_per_node : int
        Sampled: number of (node, feature) pairs per node and distance.
    num_negatives : int
        Sampled: noise features per pair, drawn in proportion to their frequency to the power of 3/4.
    learning_rate, min_learning_rate : float
        Sampled: start and end of the linear decay.
    finish : {"center", "smooth", "orthogonalise", "whiten"}, sequence of them, or None
        Steps that follow; see :func:`graphrep.embed.center`, :func:`graphrep.embed.smooth`,
        :func:`graphrep.embed.orthogonalise` and :func:`graphrep.embed.whiten`.
    random_state : int, RandomState, Generator or None
        Sampled: for walks, noise and first vectors.
    n_jobs : int or None
        Sampled: threads. Walks do not depend on it, but several threads update vectors without locks, so results differ
        in the last digits from run to run; ``n_jobs=1`` is reproducible bit by bit.
    progress : bool, optional
        Sampled: whether a progress bar is shown. Default: in terminals and Jupyter.

    Attributes
    ----------
    embedding_ : float32 array of shape (num_nodes, dimensions)
        Distance 0 first. All are scaled by one factor, such that the root mean square of the row norms is 3. A node
        without a feature at a distance has zeros there.
    nodes_ : array of shape (num_nodes,)
        Node names in row order.
    node_vectors_ : NodeVectors
    n_features_in_ : int
        Number of nodes.

    Raises
    ------
    ValueError
        There are no features, or negative ones.

    Notes
    -----
    Exact: time O(num_arcs * entries_per_row * scales) for the products, and num_nodes * entries_per_row * dimensions
    for the decompositions; memory at most 48 * num_nodes * entries_per_row bytes, refused before the work if there is
    less. Sampled: time O(num_nodes * samples_per_node * (num_negatives + 1) * dimensions), memory
    12 * (num_nodes + num_features) * dimensions bytes. Sparse features stay sparse.

    References
    ----------
    .. [1] Rozemberczki, Allen, Sarkar. Multi-scale Attributed Node Embedding. Journal of Complex Networks 9(2), 2021,
       section 3.

    Examples
    --------
    >>> import networkx as nx
    >>> import numpy as np
    >>> import graphrep as gr
    >>> graph = gr.as_graph(nx.karate_club_graph(), x=np.eye(34)[:, :20])
    >>> model = gr.MUSAE(dimensions=16).fit(graph)
    >>> model.embedding_.shape
    (34, 16)
    >>> other = gr.as_graph(nx.path_graph(3), x=np.eye(20)[:3])
    >>> model.transform(other)
    NodeVectors(num_nodes=3, dimensions=16)
    """

    def _groups(self) -> list[list[int]]:
        return [[distance] for distance in range(self.scales + 1)]


@dataclass(kw_only=True, eq=False, repr=False)
class AE(AttributedEmbedder):
    r"""AE: attributed node vectors with all distances pooled.

    As :class:`MUSAE`, but one block of vectors factorizes the positive pointwise mutual information of
    :math:`R_1 + \dots + R_{\text{scales}}`, beside the block of the nodes' own features :math:`R_0`; each has half of
    the dimensions (published: 32). Parameters and attributes as in :class:`MUSAE`.

    References
    ----------
    Rozemberczki, Allen, Sarkar. Multi-scale Attributed Node Embedding. Journal of Complex Networks 9(2), 2021,
    section 3.

    Examples
    --------
    >>> import networkx as nx
    >>> import numpy as np
    >>> import graphrep as gr
    >>> club = gr.as_graph(nx.karate_club_graph(), x=np.eye(34)[:, :20])
    >>> gr.AE(dimensions=16).fit_transform(club).shape
    (34, 16)
    """

    def _groups(self) -> list[list[int]]:
        return [[0], list(range(1, self.scales + 1))]


def _row_shares(x: sp.csr_array) -> sp.csr_array:
    """Features without zeros, each row divided by its sum."""
    x.sum_duplicates()
    x.eliminate_zeros()
    x.data /= np.repeat(x.sum(axis=1, dtype=np.float64), np.diff(x.indptr))
    return x


def _largest(matrix: sp.csr_array, count: int) -> sp.csr_array:
    """The largest entries of each row, ``count`` of them at most; among equals, those of the first columns."""
    lengths = np.diff(matrix.indptr)
    if lengths.max(initial=0) <= count:
        return matrix
    matrix.sort_indices()
    keep = np.ones(matrix.nnz, dtype=bool)
    for row in np.flatnonzero(lengths > count):
        begin, end = matrix.indptr[row : row + 2]
        values = matrix.data[begin:end]
        bound = np.partition(values, len(values) - count)[len(values) - count]
        chosen = values > bound
        equal = np.flatnonzero(values == bound)
        chosen[equal[: count - np.count_nonzero(chosen)]] = True
        keep[begin:end] = chosen
    indptr = np.r_[0, np.cumsum(np.minimum(lengths, count))]
    return sp.csr_array((matrix.data[keep], matrix.indices[keep], indptr), shape=matrix.shape)


def _product(step: sp.csr_array, power: sp.csr_array, count: int) -> sp.csr_array:
    """P R with the largest entries of each row, in blocks of rows that bound the product before it is cut."""
    ones = sp.csr_array((np.ones(step.nnz), step.indices, step.indptr), shape=step.shape)
    bound = np.cumsum(np.minimum(ones @ np.diff(power.indptr), power.shape[1]))
    blocks, begin = [], 0
    while begin < step.shape[0]:
        before = bound[begin - 1] if begin else 0.0
        end = max(begin + 1, int(np.searchsorted(bound, before + _BLOCK_ENTRIES, side="right")))
        blocks.append(_largest(sp.csr_array(step[begin:end] @ power), count))
        begin = end
    return sp.csr_array(sp.vstack(blocks, format="csr")) if len(blocks) > 1 else blocks[0]


def _positive_pmi(matrix: sp.csr_array, shares: F64) -> sp.csr_array:
    """max(0, log(share of the feature in its row / its share in all rows)); features of share 0 are left out."""
    rows = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    of_row = np.bincount(rows, weights=matrix.data, minlength=matrix.shape[0])
    expected = of_row[rows] * shares[matrix.indices]
    values = np.zeros(matrix.nnz)
    np.log(np.divide(matrix.data, expected, out=np.ones(matrix.nnz), where=expected > 0), out=values)
    keep = values > 0
    indptr = np.r_[0, np.cumsum(np.bincount(rows[keep], minlength=matrix.shape[0]))]
    return sp.csr_array((values[keep], matrix.indices[keep], indptr), shape=matrix.shape)


def _truncated_svd(matrix: sp.csr_array, rank: int) -> tuple[F64, F64, F64]:
    """The largest singular triplets, the largest first: left (rows, rank), values (rank,), right (columns, rank).

    Columns beyond the rank of the matrix are zero. The sign of a triplet is that of the largest entry on the right.
    """
    left, values, right = np.zeros((matrix.shape[0], rank)), np.zeros(rank), np.zeros((matrix.shape[1], rank))
    small = min(matrix.shape)
    if not matrix.nnz:
        return left, values, right
    with limited_threads(1):  # the same bits for any number of threads
        if small <= max(64, 2 * rank):
            u, s, vt = np.linalg.svd(matrix.toarray(), full_matrices=False)
        else:
            start = np.random.default_rng(0).standard_normal(small)
            u, s, vt = svds(matrix, k=rank, v0=start)
            u, s, vt = u[:, ::-1], s[::-1], vt[::-1]
    count = int(np.count_nonzero(s[:rank] > 1e-10 * s[0]))
    largest = np.abs(vt[:count]).argmax(axis=1)
    sign = np.sign(vt[np.arange(count), largest])
    left[:, :count], values[:count], right[:, :count] = u[:, :count] * sign, s[:count], (vt[:count].T * sign)
    return left, values, right


def _scale(vectors: F32) -> float:
    """Factor that brings the root mean square of the row norms to the documented value."""
    square = np.einsum("ij,ij->", vectors, vectors, dtype=np.float64) / len(vectors)
    return float(_RMS / np.sqrt(square)) if square > 0 else 1.0


def _transition(graph: Graph) -> sp.csr_array:
    return sp.csr_array(sp.diags_array(inverse_degrees(graph).astype(np.float64)) @ graph.to_scipy())


def _frequencies(graph: Graph, x: sp.csr_array, group: list[int]) -> F64:
    """How often each feature is found from all nodes: column sums of the sum of P^r X over the distances."""
    step, arrivals = _transition(graph).T.tocsr(), np.ones(graph.num_nodes)
    total, last = np.zeros(x.shape[1]), 0
    for distance in group:
        for _ in range(distance - last):
            arrivals = step @ arrivals
        last = distance
        total += arrivals @ x
    return total


def _reach(graph: Graph, x: sp.csr_array, group: list[int]) -> npt.NDArray[np.bool_]:
    """Nodes from which a feature can be found at one of the distances."""
    step, mass = _transition(graph), (np.diff(x.indptr) > 0).astype(np.float64)
    seen, last = np.zeros(graph.num_nodes, dtype=bool), 0
    for distance in group:
        for _ in range(distance - last):
            mass = step @ mass
        last = distance
        seen |= mass > 0
    return seen


def _pairs(
    walks: npt.NDArray[Any],
    ids: npt.NDArray[np.int64],
    group: list[int],
    x: sp.csr_array,
    cumulated: F64 | None,
    seed: int,
) -> tuple[npt.NDArray[Any], npt.NDArray[np.int64]]:
    """(node, num_nodes + feature) for the node that each walk meets at each distance, and the numbers of these pairs.

    The feature is one of those of the node met, drawn in proportion to their values: ``cumulated`` has the sums of all
    values before each entry, or is None if all are equal. It depends only on the seed and the number of the pair.
    """
    walk, place = np.nonzero(walks[:, group] >= 0)
    met, numbers = walks[walk, np.asarray(group)[place]], ids[walk] * len(group) + place
    begin, end = x.indptr[met].astype(np.int64), x.indptr[met + 1].astype(np.int64)
    bits = random_bits(stream_key(seed, 2**64 - 2), numbers)
    if cumulated is None:
        at = begin + bounded(bits, np.maximum(end - begin, 1)).astype(np.int64)
    else:
        drawn = cumulated[begin] + uniform_double(bits) * (cumulated[end] - cumulated[begin])
        at = np.clip(np.searchsorted(cumulated, drawn, side="right") - 1, begin, np.maximum(end - 1, begin))
    found = end > begin
    width = np.int32 if sum(x.shape) <= np.iinfo(np.int32).max else np.int64
    pairs = np.empty((np.count_nonzero(found), 2), dtype=width)
    pairs[:, 0], pairs[:, 1] = walks[walk[found], 0], x.indices[at[found]]
    pairs[:, 1] += width(x.shape[0])
    return pairs, numbers[found]
