"""FastRP: node vectors by very sparse random projection of powers of the transition matrix."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from sklearn.base import clone

from graphrep import _random
from graphrep._checks import checked_features, checked_float, checked_int, warn_caller
from graphrep._embedder import F32
from graphrep._memory import Estimate, checked_bytes
from graphrep._names import aligned
from graphrep._progress import progress_bar
from graphrep._saving import packed_graph, unpacked_graph
from graphrep.distributed.halo import RowGraph, balanced_parts
from graphrep.distributed.ranks import Ranks, checked_ranks
from graphrep.distributed.rows import column_parts
from graphrep.embed._base import EmbedderOnDisk, is_by_rows
from graphrep.embed._on_disk import (
    ROWS,
    Moments,
    Powers,
    check_rows,
    row_blocks,
    sizes_on_disk,
    sums_by_rows,
    sums_on_disk,
)
from graphrep.graph import Graph
from graphrep.learn.checkpoint import digest
from graphrep.ops.projection import accumulate_rows, project_neighbors, project_rows, random_projection
from graphrep.ops.propagation import graph_matmul, inverse_degrees, inverses

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["FastRP", "FastRPTrial", "tune_fastrp"]

F64 = npt.NDArray[np.float64]


@dataclass(kw_only=True, eq=False, repr=False)
class FastRP(EmbedderOnDisk):
    r"""Fast random projection.

    With the transition matrix :math:`P = D^{-1} A`, the degree factor
    :math:`L = \mathrm{diag}\bigl((d_j / 2m)^{\beta}\bigr)` and a very sparse random matrix :math:`R`,

    .. math::
        N_0 = L R, \qquad N_i = P N_{i-1}, \qquad
        E = \sigma\, \mathrm{rownorm}(N_0) + \sum_{i=1}^{k} \alpha_i\, \mathrm{rownorm}(N_i),

    and each column of E is standardized to mean 0 and variance 1. :math:`d_j` is the weighted degree (in-degree in a
    directed graph, whose walks follow out-arcs), :math:`2m` their sum. L is divided by its largest entry, which does
    not change the normalized rows, and is 1 where :math:`d_j = 0`.

    Parameters
    ----------
    dimensions : int
    iteration_weights : sequence of float
        :math:`\alpha_1 \dots \alpha_k`. The default was chosen on validation edges and nodes of the Debian
        graph. The authors fix (0, 0, 1) and tune the fourth: 6.67 for BlogCatalog, with a strength of -0.64.
    normalization_strength : float
        :math:`\beta`, usually in [-1, 0]; negative values reduce the weight of hubs.
    self_influence : float
        :math:`\sigma`, weight of a node's own initial vector (``nodeSelfInfluence`` of Neo4j GDS).
    sparsity : float or None
        s: an entry of R is non-zero with probability 1/s. None: :math:`\sqrt{n}`, as in the authors' code.
    feature_ratio : float in [0, 1]
        Share of the dimensions that start from node features (``propertyRatio`` of Neo4j GDS): the last
        ``int(dimensions * feature_ratio)`` columns of :math:`N_0` are X R' with R' of density 1/3.
    normalize_rows : bool
        Apply ``rownorm``, the division of each row by its Euclidean norm; otherwise powers are added unchanged.
    standardize : bool
        Standardize each column to mean 0 and variance 1 at the end.
    precision : {"float32", "float16"}
        Type of the powers. float16 halves their memory and the bytes that a product gathers, which saves time on graphs
        that exceed the cache; sums and vectors are float32. Not with ``feature_ratio``.
    finish : {"center", "smooth", "orthogonalise", "whiten"}, sequence of them, or None
        Finishing steps, in order: :func:`graphrep.embed.smooth` and its neighbors. New nodes go through them as well.
    random_state : int, RandomState, Generator or None
    n_jobs : int or None
        Threads; results do not depend on it.

    Attributes
    ----------
    embedding_ : float32 array of shape (num_nodes, dimensions)
    nodes_ : array of shape (num_nodes,)
        Node names in row order.
    node_vectors_ : NodeVectors
    mean_, scale_ : float32 arrays of shape (dimensions,)
        Mean and scale of the standardization.
    n_features_in_ : int
        Number of nodes.

    Notes
    -----
    Time O(k * num_arcs * dimensions), memory three float32 tables of shape (num_nodes, dimensions), two of which
    ``precision`` can make float16, or what ``memory`` of :meth:`fit` says. If the rows of R have few entries, R is not
    stored; entries are drawn again at each arc. Nodes without out-neighbors get the vector of an all-zero row, unless
    ``self_influence`` is not 0.

    References
    ----------
    .. [1] Chen, Sultan, Tian, Chen, Skiena. Fast and Accurate Network Embeddings via Very Sparse Random Projection.
       CIKM 2019, section 3 and Algorithm 1.

    Examples
    --------
    >>> import networkx as nx
    >>> import graphrep as gr
    >>> model = gr.FastRP(dimensions=32, random_state=0)
    >>> model.fit_transform(nx.karate_club_graph()).shape
    (34, 32)
    """

    _follows_arcs = True

    dimensions: int = 128
    iteration_weights: Sequence[float] = (0.0, 0.0, 1.0, 2.0, 4.0, 8.0)
    normalization_strength: float = 0.0
    self_influence: float = 0.0
    sparsity: float | None = None
    feature_ratio: float = 0.0
    normalize_rows: bool = True
    standardize: bool = True
    precision: str = "float32"
    random_state: Any = 0
    n_jobs: int | None = None

    def fit(
        self,
        graph: Any,
        y: Any = None,
        *,
        features: Any = None,
        out: str | os.PathLike[str] | None = None,
        memory: int | str | None = None,
        ranks: Ranks | None = None,
        shard: str = "columns",
    ) -> Self:
        """Embed a graph.

        Parameters
        ----------
        graph : Graph or anything :func:`graphrep.as_graph` takes
        y : ignored
        features : array or scipy.sparse matrix of shape (num_nodes, num_features), optional
            Used if ``feature_ratio`` > 0; default: ``graph.x``.
        out : path, optional
            Compute on the disk and write the vectors to this ``.npy`` file, as ``node_vectors_.save(out)`` would, bit
            by bit. ``embedding_`` is then mapped from it, read-only. Not with ``feature_ratio`` or ``finish``.
        memory : int or str, optional
            With ``out``: bytes to use, such as ``"4GB"`` (the default), beside those of the interpreter, its libraries
            and the graph; a mapped graph takes none.
        ranks : Ranks, optional
            Of :func:`graphrep.distributed.connect`: each computes some of the columns, and then some of the rows. The
            bits are those of one process. All ranks call ``fit`` with the same graph and settings, which is checked.
            Each gets all vectors; with ``out``, ``memory`` is that of one rank, and all ranks must see the disk.
        shard : {"columns", "rows"}
            "rows", with ``out`` and without ``feature_ratio``, for a graph that does not fit one host: each rank reads
            and holds the arcs and vectors of its rows alone, and gets the rows that its arcs lead to from other ranks,
            before every product. Give a mapped graph (:func:`graphrep.open_graph` with ``verify=False``).

        Returns
        -------
        FastRP
            The estimator itself.

        Raises
        ------
        MemoryError
            The graph does not fit; or ``memory`` is less than 48 bytes per node; or, with ``shard="rows"``, less than
            a rank needs for its rows.
        OSError
            The disk is full, or ``out`` cannot be written.
        RankError
            Another rank failed.
        ValueError
            Among others: the ranks disagree on the graph or the settings.

        Notes
        -----
        With ``out``, the powers of blocks of columns are computed one block after the other, as many columns as fit
        into ``memory`` with 8 bytes per node and column, or 4 of float16, and 40 per node; each pass over the arcs is
        repeated for every block. The norm of a row and its sum need all columns, so terms with a weight other than 0
        are written to files beside ``out``, 4 or 2 bytes per node, column and term, and read again by rows, from the
        last to the first, while the files shrink; this takes 12 bytes per column (8) of 16,384 rows, whatever
        ``memory`` says. ``standardize`` needs the mean of whole columns: the sum is read and
        written once more. Names that are strings are decoded in memory, as in
        ``nodes_``.
        """
        del y
        ranks = checked_ranks(ranks)
        with ranks.together():
            is_by_rows(shard, out is not None)
            if out is not None:
                return self._fit_on_disk(graph, Path(out), "4GB" if memory is None else memory, ranks, shard)
            if memory is not None:
                raise TypeError("memory= bounds a fit on the disk; give out=, the file of the vectors, too.")
            return self._fit(graph, features=features, ranks=ranks)

    def fit_transform(
        self,
        graph: Any,
        y: Any = None,
        *,
        features: Any = None,
        out: str | os.PathLike[str] | None = None,
        memory: int | str | None = None,
        ranks: Ranks | None = None,
        shard: str = "columns",
    ) -> F32:
        """Embed a graph; return float32 vectors of shape (num_nodes, dimensions), in the order of ``g.nodes``.

        The parameters are those of :meth:`fit`.
        """
        return self.fit(graph, y, features=features, out=out, memory=memory, ranks=ranks, shard=shard).embedding_

    def transform(self, new: Any) -> Any:
        """Vectors of new nodes from their neighbors among the fitted nodes, without training.

        Parameters
        ----------
        new : array or scipy.sparse matrix of shape (num_new, num_nodes), or graph
            Row i of a matrix holds the weights of the arcs from new node i to the fitted nodes. Anything else that
            :func:`graphrep.as_graph` takes (a Graph, a networkx graph, a path, a list of pairs (new node, neighbor))
            is matched with the fitted nodes by name.

        Returns
        -------
        float32 array of shape (num_new, dimensions), or NodeVectors
            A NodeVectors holds the nodes of the graph that were not fitted, or all of its nodes if every one was. A new
            node with the neighbors of a fitted node gets that node's vector (up to rounding, and without the
            ``self_influence`` term, which new nodes do not have).

        Raises
        ------
        ValueError
            None of the nodes of the graph was fitted.

        Warns
        -----
        UserWarning
            New nodes have no fitted neighbor, so that their vectors are those of an isolated node; or have new
            neighbors, which do not count.
        """
        return self._new_vectors(new)

    def _vectors_of(self, rows: Any) -> F32:
        """Vectors of nodes with these weights of the arcs to the fitted nodes, a CSR matrix."""
        degree = np.asarray(rows.sum(axis=1)).ravel()
        step = sp.diags_array(np.divide(1.0, degree, out=np.zeros_like(degree), where=degree > 0)) @ rows
        total = np.zeros((rows.shape[0], self._settings.dimensions), dtype=np.float32)
        weights = self._settings.weights
        before = chain([self._initial(self._graph)], self._powers(self._graph))
        for weight, power in zip(weights, before, strict=False):
            if weight:
                y = np.ascontiguousarray(step @ power.astype(np.float32, copy=False), dtype=np.float32)
                self._add(y, weight, total)
        return np.asarray((total - self.mean_) / self.scale_)

    def _state(self) -> dict[str, Any]:
        settings = tuple(self._settings)
        fitted = {"mean_": self.mean_, "scale_": self.scale_, "_features": self._features, "_settings": settings}
        return super()._state() | fitted | {"_graph": packed_graph(self._graph)}

    def _restore(self, state: dict[str, Any]) -> None:
        settings, graph = _Settings(*state["_settings"]), unpacked_graph(state["_graph"])
        if graph.num_nodes != len(state["nodes_"]) or len(state["mean_"]) != settings.dimensions:
            raise ValueError("graph and vectors differ in size")
        super()._restore(state | {"_settings": settings, "_graph": graph})

    def _embed(self, graph: Graph, **options: Any) -> F32:
        ranks: Ranks = options["ranks"]
        self._settings = settings = self._checked_settings(graph.num_nodes)
        self._graph = graph
        self._features = self._checked_features(graph, options.get("features"))
        self._agree_on_all(ranks, graph, {})
        n, d = graph.num_nodes, settings.dimensions
        parts, rows = column_parts(d, ranks), ranks.parts(n, ROWS)
        begin, end = rows[ranks.rank]
        total = np.zeros((end - begin, d), dtype=np.float32)

        def add(power: F32, weight: float) -> None:
            blocks = ranks.to_rows("a power", power, [end - begin for begin, end in parts], rows)
            whole = blocks[0] if len(blocks) == 1 else np.concatenate(blocks, axis=1)
            self._add(whole, weight, total)

        part = parts[ranks.rank]
        if settings.self_influence:
            add(self._initial(graph, part), settings.self_influence)
        for weight, power in zip(settings.weights, self._powers(graph, part), strict=True):
            if weight:
                add(power, weight)

        def gather(values: Any) -> Any:
            return ranks.gather("rows", values, n, ROWS)

        _warn_of_sameness(graph, lambda: row_blocks(total), gather, quiet=ranks.rank > 0)
        self.mean_, self.scale_ = np.zeros(d, dtype=np.float32), np.ones(d, dtype=np.float32)
        if self.standardize:
            moments = Moments(settings.precision)
            moments.add(total)
            self.mean_, self.scale_ = moments.finish(n, ranks)
            total -= self.mean_
            total /= self.scale_
        return np.asarray(gather(total))

    def _agree_on_all(self, ranks: Ranks, graph: Graph, options: dict[str, Any]) -> None:
        features = None if self._features is None else digest(self._features)[:16]
        by_file = options.get("shard") == "rows"
        seed = self._agree(ranks, graph, self._settings.seed, {"features": features, **options}, by_file=by_file)
        self._settings = self._settings._replace(seed=seed)

    def _fit_on_disk(self, graph: Any, out: Path, memory: int | str, ranks: Ranks, shard: str) -> Self:
        size = checked_bytes("memory", memory, 1_000_000)
        g = self._checked_for_file(graph, out, "out=")
        self._settings = settings = self._checked_settings(g.num_nodes)
        if settings.feature_columns:
            raise ValueError(f"feature_ratio={self.feature_ratio} needs the features in memory; leave out out=.")
        self._graph, self._features = g, None
        self._agree_on_all(ranks, g, {"memory": size, "out": out.name, "shard": shard})
        divided = self._sums_by_rows if shard == "rows" else self._sums_by_columns
        vectors, self.mean_, self.scale_ = divided(g, out, size, ranks)
        return self._fitted_on_disk(g, vectors)

    def _sums_by_columns(self, g: Graph, out: Path, size: int, ranks: Ranks) -> tuple[F32, F32, F32]:
        settings = self._settings
        drawn = self._drawn() | {"row_scale": self._degree_factor(g), "keys": g.node_keys()}
        d = settings.dimensions
        powers = Powers(
            lambda part, to: random_projection(g.num_nodes, d, part=part, out=to, **drawn),
            (lambda part, to: project_neighbors(g, d, part=part, out=to, scale=inverse_degrees(g), **drawn))
            if settings.density * d <= _FEW_ENTRIES
            else None,
            tuple(weight / self._unit for weight in (settings.self_influence, *settings.weights)),
            self.normalize_rows,
            d,
            np.dtype(settings.precision),
        )
        return sums_on_disk(
            g,
            powers,
            out,
            size,
            standardize=self.standardize,
            warn=lambda rows, gather: _warn_of_sameness(g, rows, gather, quiet=ranks.rank > 0),
            ranks=ranks,
            n_jobs=self.n_jobs,
        )

    def _sums_by_rows(self, g: Graph, out: Path, size: int, ranks: Ranks) -> tuple[F32, F32, F32]:
        settings, d = self._settings, self._settings.dimensions
        begin, end = balanced_parts(g, ranks, ROWS)[ranks.rank]
        arcs = int(g.indptr[end] - g.indptr[begin])

        def width_with(halo: tuple[int, int]) -> int:
            return check_rows(end - begin, arcs, halo, g, d, size, ranks, itemsize=settings.itemsize)

        width_with((0, 0))  # before they are read
        rows = RowGraph(g, ranks, ROWS)
        width = min(ranks.tell("the width", width_with(rows.sizes)))
        scale, factor = inverses(rows.degree()), None
        if settings.beta:
            whole = _factor(rows.incoming_degree() if g.directed else rows.degree(), settings.beta, ranks)
            factor = rows.table(whole)
        ids = np.concatenate([np.arange(begin, end), rows.halo])
        names = g.node_keys()
        keys = ids.astype(np.uint64) if names is None else names[ids]
        drawn = self._drawn()
        weights = np.trim_zeros(settings.weights, "b")

        def total(bar: Any) -> F32:
            found = np.zeros((end - begin, d), dtype=np.float32)
            few = settings.density * d <= _FEW_ENTRIES
            x = np.empty((0 if few and not settings.self_influence else end - begin, d), dtype=settings.precision)
            if len(x):
                own = None if factor is None else factor[: end - begin]
                random_projection(end - begin, d, row_scale=own, keys=keys[: end - begin], out=x, **drawn)
            if settings.self_influence:
                self._add(x, settings.self_influence, found)
            for i, weight in enumerate(weights):
                if i == 0 and few:
                    x = project_rows(rows.csr, d, scale=scale, row_scale=factor, keys=keys, dtype=x.dtype, **drawn)
                else:
                    rows.multiply(x, scale, width, self.n_jobs)
                if weight:
                    self._add(x, weight, found)
                bar.update()
            return found

        return sums_by_rows(
            g,
            rows,
            total,
            d,
            settings.precision,
            out,
            standardize=self.standardize,
            warn=lambda found, gather: _warn_of_sameness(g, found, gather, quiet=ranks.rank > 0),
            ranks=ranks,
            steps=len(weights),
        )

    def _drawn(self) -> dict[str, Any]:
        """Arguments of a random projection."""
        settings = self._settings
        magnitude = None if settings.precision == "float32" else _LARGE
        return {"density": settings.density, "seed": settings.seed, "magnitude": magnitude, "n_jobs": self.n_jobs}

    @property
    def _unit(self) -> float:
        """How many times as large the powers are as those of the formula, if that matters."""
        settings = self._settings
        if self.normalize_rows or settings.precision == "float32":
            return 1.0
        return float(_LARGE * np.sqrt(settings.density * settings.dimensions))

    def _add(self, power: Any, weight: float, total: F32) -> None:
        accumulate_rows(power, weight / self._unit, total, normalize=self.normalize_rows, n_jobs=self.n_jobs)

    def _memory_needed(self, graph: Graph) -> int:
        dimensions, size = checked_int("dimensions", self.dimensions, 1), np.dtype(self._checked_precision()).itemsize
        tables = (4 + 2 * size) * dimensions * graph.num_nodes
        return tables + 40 * graph.num_nodes + 40 * dimensions  # and degrees; moments of columns

    def _checked_precision(self) -> str:
        if self.precision not in _PRECISIONS:
            raise ValueError(f"precision must be one of {', '.join(_PRECISIONS)}; got {self.precision!r}.")
        return self.precision

    def _thread_seconds(self, graph: Graph) -> float:
        steps = len(self._checked_settings(graph.num_nodes).weights)
        return steps * graph.num_arcs * self.dimensions / 1e9

    def _estimate_on_disk(self, graph: Graph, memory: int) -> Estimate:
        settings = self._checked_settings(graph.num_nodes)
        terms = sum(map(bool, (settings.self_influence, *settings.weights)))
        needed, disk = sizes_on_disk(graph.num_nodes, settings.dimensions, terms, memory, settings.itemsize)
        seconds = self._seconds(graph)
        assert seconds is not None
        return Estimate(needed, disk, seconds + 64e-9 * graph.num_nodes * settings.dimensions)

    def _powers(self, graph: Graph, part: tuple[int, int] | None = None) -> Iterator[Any]:
        """Columns of N_1 … N_k in two buffers; a yielded array is overwritten two steps later."""
        settings = self._settings
        if not settings.weights:
            return
        scale = inverse_degrees(graph)
        if settings.feature_columns == 0 and settings.density * settings.dimensions <= _FEW_ENTRIES:
            power = project_neighbors(
                graph,
                settings.dimensions,
                scale=scale,
                row_scale=self._degree_factor(graph),
                keys=graph.node_keys(),
                part=part,
                out=self._table(graph, part),
                **self._drawn(),
            )
            spare = None
        else:
            spare = self._initial(graph, part)
            power = graph_matmul(graph, spare, normalize=True, n_jobs=self.n_jobs)
        yield power
        for _ in settings.weights[1:]:
            power, spare = graph_matmul(graph, power, normalize=True, out=spare, n_jobs=self.n_jobs), power
            yield power

    def _table(self, graph: Graph, part: tuple[int, int] | None) -> Any:
        begin, end = (0, self._settings.dimensions) if part is None else part
        return np.empty((graph.num_nodes, end - begin), dtype=self._settings.precision)

    def _initial(self, graph: Graph, part: tuple[int, int] | None = None) -> Any:
        """Columns of N_0: random columns, then feature columns."""
        settings = self._settings
        random_columns = settings.dimensions - settings.feature_columns
        factor, keys = self._degree_factor(graph), graph.node_keys()
        if settings.feature_columns == 0:
            drawn = self._drawn() | {"row_scale": factor, "keys": keys, "part": part, "out": self._table(graph, part)}
            return random_projection(graph.num_nodes, random_columns, **drawn)
        initial = np.empty((graph.num_nodes, settings.dimensions), dtype=np.float32)
        initial[:, :random_columns] = self._random(
            graph.num_nodes, random_columns, settings.density, settings.seed, factor, keys
        )
        loadings = self._random(self._features.shape[1], settings.feature_columns, 1 / 3, settings.seed + 1)
        initial[:, random_columns:] = self._features @ loadings
        # The digits of a dense product depend on the number of its columns, so all of them are computed.
        return initial if part is None else np.ascontiguousarray(initial[:, part[0] : part[1]])

    def _random(
        self,
        rows: int,
        columns: int,
        density: float,
        seed: int,
        scale: F32 | None = None,
        keys: Any = None,
    ) -> Any:
        if columns == 0:
            return np.zeros((rows, 0), dtype=np.float32)
        options: Any = {"density": density, "seed": seed, "row_scale": scale, "keys": keys}
        return random_projection(rows, columns, **options, n_jobs=self.n_jobs)

    def _degree_factor(self, graph: Graph) -> F32 | None:
        beta = self._settings.beta
        return None if beta == 0 else _factor(graph.weighted_degree(incoming=True), beta, Ranks())

    def _checked_settings(self, num_nodes: int) -> _Settings:
        dimensions = checked_int("dimensions", self.dimensions, 1)
        weights = _checked_weights(self.iteration_weights)
        self_influence = checked_float("self_influence", self.self_influence)
        if not any(weights) and not self_influence:
            raise ValueError("iteration_weights and self_influence must not all be zero.")
        sparsity = np.sqrt(num_nodes) if self.sparsity is None else checked_float("sparsity", self.sparsity, 1)
        ratio = checked_float("feature_ratio", self.feature_ratio, 0, 1)
        precision = self._checked_precision()
        if precision != "float32" and int(dimensions * ratio):
            raise ValueError(f'precision="float16" is for random vectors alone; got feature_ratio={ratio:g}.')
        return _Settings(
            dimensions,
            weights,
            checked_float("normalization_strength", self.normalization_strength),
            self_influence,
            float(1 / max(1.0, sparsity)),
            int(dimensions * ratio),
            _random.resolve_seed(self.random_state),
            precision,
        )

    def _checked_features(self, graph: Graph, features: Any) -> Any:
        if self._settings.feature_columns == 0:
            return None
        x = graph.x if features is None else aligned(features, graph.node_index, "features")
        if x is None:
            raise ValueError("features or graph.x must be given if feature_ratio is above 0.")
        return checked_features("features", x, graph.num_nodes)


def _factor(degree: F64, beta: float, ranks: Ranks) -> F32:
    """Powers of the degrees of the rows of this rank; 1 where there are none."""
    logarithm = beta * np.log(degree, out=np.zeros_like(degree), where=degree > 0)
    # Rows are normalized later, so a common factor has no effect; the largest entry of all ranks becomes 1.
    largest = max(ranks.tell("the largest factor", float(logarithm.max(where=degree > 0, initial=-np.inf))))
    factor = np.exp(logarithm - largest, out=np.ones_like(degree), where=degree > 0)
    return np.asarray(factor, dtype=np.float32)


def _warn_of_sameness(
    graph: Graph, rows: Callable[[], Iterator[F32]], gather: Callable[[Any], Any], *, quiet: bool
) -> None:
    """Warn if many vectors are zero or equal, and say why; ``rows`` yields those of this rank in blocks."""
    n = graph.num_nodes
    zero = gather(_joined([~block.any(axis=1) for block in rows()], bool))
    count = int(np.count_nonzero(zero))
    if count > max(n / 5, 10):
        sinks = int(np.count_nonzero(zero & (graph.out_degree == 0)))
        why = f"{sinks} of them have no out-neighbors"
        if graph.directed:
            why += "; directed=False lets walks follow an edge in both directions"
        elif sinks < count:
            why += ", and the random vectors cancel or vanish for the others"
        if not quiet:
            warn_caller(f"{count} of {n} vectors of FastRP are zero: {why}.")
        return
    # Rows that differ somewhere mostly differ in a few columns; look at all columns only if these hardly do.
    if _equal_rows((block[:, :: max(1, block.shape[1] // 8)] for block in rows()), gather) <= max(n / 2, 10):
        return
    equal = _equal_rows(rows(), gather)
    if equal > max(n / 2, 10) and not quiet:
        warn_caller(
            f"{equal} of {n} vectors of FastRP are equal to that of another node: these nodes have the same neighbors, "
            "as the leaves of a tree or the customers of one product do. self_influence > 0 tells them apart."
        )


def _equal_rows(blocks: Iterable[F32], gather: Callable[[Any], Any]) -> int:
    """Number of rows that are equal to another row, found by a hash of 64 bits."""
    hashes = []
    for block in blocks:
        bits = np.ascontiguousarray(block).view(np.uint32).astype(np.uint64)
        factors = _random.mix64(np.arange(1, bits.shape[1] + 1, dtype=np.uint64))
        hashes.append((bits * factors).sum(axis=1, dtype=np.uint64))
    counts = np.unique(gather(_joined(hashes, np.uint64)), return_counts=True)[1]
    return int(counts[counts > 1].sum())


def _joined(blocks: list[Any], dtype: Any) -> Any:
    return np.concatenate(blocks) if blocks else np.empty(0, dtype)


# With fewer expected entries per row of R, drawing them again at each arc is faster than a dense product.
_FEW_ENTRIES = 2.0

_PRECISIONS = ("float32", "float16")
# Entries of R in float16. Averages never exceed them, and have all of their 11 bits down to 2**-28 times as much.
_LARGE = 2.0**14


class _Settings(NamedTuple):
    dimensions: int
    weights: tuple[float, ...]
    beta: float
    self_influence: float
    density: float
    feature_columns: int
    seed: int
    precision: str = "float32"

    @property
    def itemsize(self) -> int:
        """Bytes of an entry of the powers."""
        return np.dtype(self.precision).itemsize


def _checked_weights(weights: Any) -> tuple[float, ...]:
    if isinstance(weights, str) or not isinstance(weights, Iterable):
        raise TypeError(f"iteration_weights must be a sequence of numbers, got {weights!r}.")
    return tuple(checked_float("iteration_weights", weight) for weight in weights)


class FastRPTrial(NamedTuple):
    """One setting that :func:`tune_fastrp` tried.

    Attributes
    ----------
    score : float
        Larger is better.
    iteration_weights : tuple of float
    normalization_strength : float
    """

    score: float
    iteration_weights: tuple[float, ...]
    normalization_strength: float


def tune_fastrp(
    graph: Any,
    score: Callable[[F32], float],
    *,
    estimator: FastRP | None = None,
    trials: int = 20,
    last_weight: tuple[float, float] = (1.0, 64.0),
    strength: tuple[float, float] = (-1.0, 0.0),
    random_state: Any = 0,
    progress: bool | None = None,
) -> tuple[FastRP, list[FastRPTrial]]:
    r"""Choose the last iteration weight and the normalization strength by a score on validation data.

    Random search as in the paper's section 4.2: the last weight log-uniform in ``last_weight``, :math:`\beta` uniform
    in ``strength``; the other weights stay as in ``estimator``. The first trial is ``estimator`` itself.

    Parameters
    ----------
    graph : Graph or anything :func:`graphrep.as_graph` takes
        For link prediction, the graph of the training edges only.
    score : callable from float32 array (num_nodes, dimensions) to float
        Larger is better. It must only use validation data; a score on test data would invalidate the test.
    estimator : FastRP, optional
    trials : int
    last_weight, strength : (low, high)
    random_state : int, RandomState, Generator or None
        For the search; the estimator has its own.
    progress : bool or None
        Whether to show a progress bar; None shows it in terminals and Jupyter.

    Returns
    -------
    best : FastRP
        Unfitted, with the winning setting.
    history : list of FastRPTrial
        In the order tried.

    Examples
    --------
    >>> import networkx as nx
    >>> import graphrep as gr
    >>> from graphrep.embed import tune_fastrp
    >>> g = gr.as_graph(nx.karate_club_graph())
    >>> best, history = tune_fastrp(g, lambda vectors: float(vectors[0] @ vectors[1]), trials=3)
    >>> len(history)
    3
    """
    base = FastRP() if estimator is None else estimator
    first, beta = _checked_weights(base.iteration_weights), base.normalization_strength
    (low, high), strengths = _checked_range("last_weight", last_weight, 0), _checked_range("strength", strength)
    rng = np.random.default_rng(_random.resolve_seed(random_state))
    g = clone(base)._validated_graph(graph)
    history: list[FastRPTrial] = []
    count = checked_int("trials", trials, 1)
    with progress_bar(total=count, desc="tune_fastrp", unit="trial", progress=progress) as bar:
        for trial in range(count):
            weights = first
            if trial > 0:
                weights = (*first[:-1], float(np.exp(rng.uniform(np.log(low), np.log(high)))))
                beta = float(rng.uniform(*strengths))
            candidate = clone(base).set_params(iteration_weights=weights, normalization_strength=beta)
            value = float(score(candidate.fit_transform(g)))
            if np.isnan(value):
                raise ValueError(f"score returned NaN for iteration_weights={weights}, normalization_strength={beta}.")
            history.append(FastRPTrial(value, weights, beta))
            bar.update()
    best = max(history, key=lambda trial: trial.score)  # the earliest of equals
    chosen = clone(base).set_params(
        iteration_weights=best.iteration_weights, normalization_strength=best.normalization_strength
    )
    return chosen, history


def _checked_range(name: str, limits: Any, minimum: float = -np.inf) -> tuple[float, float]:
    if not isinstance(limits, Sequence) or len(limits) != 2:
        raise TypeError(f"{name} must be a pair (low, high), got {limits!r}.")
    low, high = (checked_float(name, limit, minimum, exclusive=True) for limit in limits)
    if low > high:
        raise ValueError(f"{name} must be (low, high) with low <= high, got {limits!r}.")
    return low, high
