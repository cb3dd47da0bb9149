"""STRAP: a truncated SVD of the logarithm of approximate personalized PageRank, for directed graphs."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from graphrep._checks import checked_float, checked_int
from graphrep._embedder import F32
from graphrep._memory import check_memory
from graphrep._progress import progress_bar
from graphrep._random import resolve_seed
from graphrep._saving import packed_graph, unpacked_graph
from graphrep._svd import inverse, randomized_svd, rms_scaled
from graphrep._threads import resolve_threads
from graphrep.embed._base import TwoSidedEmbedder
from graphrep.graph import Graph
from graphrep.ops.propagation import graph_matmul

__all__ = ["STRAP"]

F64 = npt.NDArray[np.float64]

# Sources whose PageRank is computed together.
_SOURCES = 512
_WALKERS = 32  # sources of one product, which is as long as Ctrl-C may wait


@dataclass(kw_only=True, eq=False, repr=False)
class STRAP(TwoSidedEmbedder):
    r"""STRAP: vectors of nodes as sources and as targets from sparse personalized PageRank.

    :math:`\pi_{uv}` is the probability that a walk from u, which stops at each node with probability
    :math:`\alpha` and otherwise follows an arc in proportion to its weight, stops at v. Entries below
    :math:`\delta` are left out:

    .. math:: M_{uv} = \log_{10} \max\Bigl(1, \frac{\pi_{uv} + \pi^\top_{uv}}{\delta}\Bigr), \qquad
        R^{-b} M C^{-b} \approx U S V^\top, \qquad x_u = (U S^{1/2})_u, \quad y_v = (V S^{1/2})_v,

    where :math:`\pi^\top_{uv}` is the probability that a walk against the arcs from v stops at u, if ``transposed``,
    R holds 1 + the row sums of M, and C 1 + the column sums of :math:`R^{-b} M`. The score of an arc u -> v is
    :math:`x_u \cdot y_v`.

    Parameters
    ----------
    dimensions : int
        Even, half for X and half for Y.
    restart : float in [0.05, 1)
        :math:`\alpha`.
    tolerance : float in [1e-8, 0.1]
        :math:`\delta`. A row of M has at most :math:`2 / \delta` entries.
    transposed : bool
        Whether walks against the arcs count, as in the paper.
    normalization : float in [0, 1]
        b. The paper has 0. On the hyperlinks of cnr-2000 and the dependencies of Debian, 0.5 ranks hidden arcs higher
        among other pairs, and 0 tells an arc better from its reverse.
    power : int
        Power iterations of the SVD.
    finish : {"center", "smooth", "orthogonalise", "whiten"}, sequence of them, or None
        Steps that follow; see :func:`graphrep.embed.center`, :func:`graphrep.embed.smooth`,
        :func:`graphrep.embed.orthogonalise` and :func:`graphrep.embed.whiten`.
    random_state : int, RandomState, Generator or None
    n_jobs : int or None
        Threads; results do not depend on it.
    progress : bool, optional
        Whether a progress bar is shown. Default: in terminals and Jupyter.

    Attributes
    ----------
    embedding_ : float32 array of shape (num_nodes, dimensions)
        ``scale_`` times [X | Y]; the root mean square of the row norms is 3. Isolated nodes have zeros, and so
        have columns beyond the rank of M.
    source_, target_ : float32 arrays of shape (num_nodes, dimensions / 2)
        X and Y, unscaled.
    values_ : float64 array of shape (dimensions / 2,)
        S.
    num_entries_ : int
        Number of entries of M.
    scale_ : float
    nodes_ : array of shape (num_nodes,)
        Node names in row order.
    node_vectors_ : NodeVectors
    n_features_in_ : int
        Number of nodes.

    Notes
    -----
    The distribution of the walk after each step is kept as a sparse row, from which probabilities are dropped that
    would add less than :math:`\delta / 4`. A walk ends at a node without out-arcs. Time O(num_nodes / tolerance) at
    worst, for M; memory 12 bytes per entry of M, three times while it is turned, and five float32 tables of shape
    (num_nodes, dimensions / 2). The number of entries is extrapolated while M grows, and a graph is refused for which
    there is not enough memory.

    References
    ----------
    .. [1] Yin, Wei. Scalable Graph Embeddings via Sparse Transpose Proximities. KDD 2019, sections 3 and 4.
    .. [2] Zhou, Liu, Liu, Liu, Gao. Scalable Graph Embedding for Asymmetric Proximity. AAAI 2017.

    Examples
    --------
    >>> import networkx as nx
    >>> import graphrep as gr
    >>> model = gr.STRAP(dimensions=16).fit(nx.gn_graph(30, seed=0))
    >>> model.embedding_.shape, model.source_.shape
    ((30, 16), (30, 8))
    """

    dimensions: int = 128
    restart: float = 0.5
    tolerance: float = 1e-4
    transposed: bool = True
    normalization: float = 0.5
    power: int = 3
    random_state: Any = 0
    n_jobs: int | None = None
    progress: bool | None = None

    def transform(self, new: Any) -> Any:
        """Vectors of new nodes from their arcs to and from the fitted nodes, whose walks do not change.

        A new row of M, normalized as the others, is multiplied by Y / S, and a new column by X / S.

        Parameters
        ----------
        new : array or scipy.sparse matrix of shape (num_new, num_nodes), or graph
            As in :meth:`graphrep.FastRP.transform`. A matrix holds the arcs from the new nodes; for a directed graph
            there are none to them then, and their vectors as targets are zero.

        Returns
        -------
        float32 array of shape (num_new, dimensions), or NodeVectors
            A NodeVectors holds the nodes of the graph that were not fitted, or all of its nodes if every one was. A new
            node with the arcs of a fitted node gets nearly that node's vector: only its own column is missing.

        Raises
        ------
        ValueError
            None of the nodes of the graph was fitted.

        Warns
        -----
        UserWarning
            New nodes have no fitted neighbor, so that their vectors are zero; or have new neighbors, which do not
            count.

        Notes
        -----
        Memory 12 * num_nodes bytes for each of at most 512 new nodes at a time.
        """
        return self._new_vectors(new)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.non_deterministic = True  # only in that rows of fitted nodes, taken as new, lack their own column
        return tags

    def _two_sided_vectors(self, rows: sp.csr_array, incoming: sp.csr_array) -> F32:
        graph, turned, along = self._graph, self._graph.transpose(), bool(self.transposed)
        by_value = inverse(self.values_)
        by_row, by_column = self._factors
        half = len(self.values_)
        found = np.zeros((rows.shape[0], 2 * half), dtype=np.float32)
        for first in range(0, len(found), _SOURCES):
            part = slice(first, min(first + _SOURCES, len(found)))
            m = self._entries(graph, turned, sp.csr_array(rows[part]), along=True, against=along)
            m *= by_column * ((1 + m.sum(axis=1)) ** -self.normalization)[:, None]
            found[part, :half] = m @ (self.target_ * by_value)
            m = self._entries(turned, graph, sp.csr_array(incoming[part]), along=along, against=True) * by_row
            m *= ((1 + m.sum(axis=1)) ** -self.normalization)[:, None]
            found[part, half:] = m @ (self.source_ * by_value)
        found *= np.float32(self.scale_)
        return found

    def _entries(self, graph: Graph, turned: Graph, weights: sp.csr_array, *, along: bool, against: bool) -> F64:
        """Rows of M of new nodes with these weights of arcs, for walks along these arcs and of walks against them."""
        leave = 1 - self.restart
        steps = int(np.ceil(np.log(self.tolerance / 4) / np.log(leave)))
        forward, backward = (inverse(part.weighted_degree()).astype(np.float32)[:, None] for part in (graph, turned))
        total = np.zeros(weights.shape[::-1], dtype=np.float32)
        sums = np.asarray(weights.sum(axis=1), dtype=np.float64).ravel()
        if along:  # from the new nodes, along the arcs
            reach = np.ascontiguousarray((sp.diags_array(inverse(sums)) @ weights).T.toarray(), dtype=np.float32)
            for _ in range(steps):
                total += reach
                reach = graph_matmul(turned, reach * forward, n_jobs=self.n_jobs)
                reach *= np.float32(leave)
        if against:  # from all others, against the arcs, to the new nodes; a fitted node's share of what enters
            share = weights.copy()
            share.data /= np.maximum(turned.weighted_degree()[share.indices], share.data)
            reach = np.ascontiguousarray(share.T.toarray(), dtype=np.float32)
            for _ in range(steps):
                total += reach
                reach = graph_matmul(turned, reach, n_jobs=self.n_jobs) * (backward * np.float32(leave))
        found: F64 = total.T * (self.restart * leave / self.tolerance)
        return np.log10(np.maximum(found, 1))

    def _embed(self, graph: Graph, **options: Any) -> F32:
        del options
        dimensions, power = checked_int("dimensions", self.dimensions, 1), checked_int("power", self.power, 0)
        if dimensions % 2:
            raise ValueError(f"dimensions must be even, half for sources and half for targets; got {dimensions}.")
        restart = checked_float("restart", self.restart, 0.05)
        if restart >= 1:
            raise ValueError(f"restart must be less than 1, or no walk leaves its start; got {self.restart}.")
        tolerance = checked_float("tolerance", self.tolerance, 1e-8, 0.1)
        exponent = checked_float("normalization", self.normalization, 0, 1)
        n, directions = graph.num_nodes, 1 + bool(self.transposed)
        steps = directions * -(-n // _WALKERS) + 2 * power + 2
        with progress_bar(total=steps, desc="STRAP", unit=" blocks", progress=self.progress) as bar:
            ranks = self._pagerank(graph, restart, tolerance, bar.update)
            if self.transposed:
                ranks = sp.csr_array(ranks + self._pagerank(graph.transpose(), restart, tolerance, bar.update).T)
            ranks.data = np.log10(ranks.data / tolerance)
            ranks.data[ranks.data < 1e-6] = 0  # sums may fall below the tolerance by rounding, but not two parts
            ranks.eliminate_zeros()
            ranks.sort_indices()
            rows = (1 + np.asarray(ranks.sum(axis=1))).ravel() ** -exponent
            ranks.data *= np.repeat(rows, np.diff(ranks.indptr))
            columns = (1 + np.asarray(ranks.sum(axis=0))).ravel() ** -exponent
            ranks.data *= columns[ranks.indices]
            self._graph, self._factors = graph, (rows, columns)
            matrix = Graph(ranks.indptr, ranks.indices, ranks.data, directed=True)
            self.num_entries_ = matrix.num_arcs
            del ranks
            turned = matrix.transpose()
            u, self.values_, v = randomized_svd(
                lambda x: graph_matmul(matrix, x, n_jobs=self.n_jobs),
                lambda y: graph_matmul(turned, y, n_jobs=self.n_jobs),
                (n, n),
                dimensions // 2,
                power=power,
                seed=resolve_seed(self.random_state),
                keys=graph.node_keys(),
                n_jobs=self.n_jobs,
                advance=bar.update,
            )
        found = np.concatenate([u, v], axis=1)
        found *= np.sqrt(np.tile(self.values_, 2)).astype(np.float32)
        vectors, self.scale_ = rms_scaled(found)
        return vectors

    def _pagerank(self, graph: Graph, restart: float, tolerance: float, advance: Callable[[], object]) -> sp.csr_array:
        """Probabilities of at least ``tolerance``, one row per source."""
        n = graph.num_nodes
        degree = graph.weighted_degree()
        alone = (degree + graph.weighted_degree(incoming=True)) == 0
        inverse = np.divide(1 - restart, degree, out=np.zeros_like(degree), where=degree > 0)
        step = sp.csr_array(sp.diags_array(inverse) @ graph.to_scipy().astype(np.float64))

        stopped = threading.Event()  # the threads of the pool do not hear Ctrl-C

        def rows(first: int) -> sp.csr_array:
            own = np.arange(first, min(first + _WALKERS, n))
            start = np.where(alone[own], 0, restart)  # isolated nodes would take a singular vector each
            walk = sp.csr_array((start, (np.arange(len(own)), own)), shape=(len(own), n))
            walk.eliminate_zeros()
            total = walk.copy()
            while walk.nnz and not stopped.is_set():
                walk = sp.csr_array(walk @ step)
                walk.data[walk.data < tolerance / 4] = 0
                walk.eliminate_zeros()
                total = total + walk
            total.data[total.data < tolerance] = 0
            total.eliminate_zeros()
            return sp.csr_array(total, dtype=np.float32)

        parts: list[sp.csr_array] = []
        entries = 0
        with ThreadPoolExecutor(resolve_threads(self.n_jobs)) as pool:
            try:
                for part in pool.map(rows, range(0, n, _WALKERS)):
                    parts.append(part)
                    entries += part.nnz
                    done = sum(part.shape[0] for part in parts)
                    left = int(entries / done * n) * 12 * 3 - entries * 12  # and two copies, to be turned
                    check_memory(left, f"STRAP of {n:,} nodes", "give a larger tolerance")
                    advance()
            except BaseException:
                stopped.set()
                pool.shutdown(cancel_futures=True)
                raise
        return sp.csr_array(sp.vstack(parts, format="csr"))

    def _memory_needed(self, graph: Graph) -> int:
        half = checked_int("dimensions", self.dimensions, 1) // 2 + 16
        return 20 * graph.num_nodes * half + 24 * graph.num_arcs

    def _state(self) -> dict[str, Any]:
        fitted = {"scale_": self.scale_, "values_": self.values_, "num_entries_": self.num_entries_}
        factors = dict(zip(("rows", "columns"), self._factors, strict=True))
        return super()._state() | fitted | {"_factors": factors, "_graph": packed_graph(self._graph)}

    def _restore(self, state: dict[str, Any]) -> None:
        if state["embedding_"].shape[1] != 2 * len(state["values_"]):
            raise ValueError("vectors and singular values differ in size")
        graph, factors = unpacked_graph(state["_graph"]), (state["_factors"]["rows"], state["_factors"]["columns"])
        if any(part.shape != (graph.num_nodes,) for part in factors):
            raise ValueError("graph and factors differ in size")
        super()._restore(state | {"_graph": graph, "_factors": factors})
