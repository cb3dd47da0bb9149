"""``PropagatedFeatures``: node features smoothed over the graph, without training."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from sklearn.utils.validation import check_is_fitted

from graphrep._checks import checked_features, checked_int, checked_ints
from graphrep._embedder import F32, is_matrix, new_arcs
from graphrep._rows import Arcs, Rows, smoothed
from graphrep._saving import packed_graph, unpacked_graph
from graphrep._threads import limited_threads
from graphrep.embed._base import ShardedEmbedder
from graphrep.embed._blocks_on_disk import DiskNeeds
from graphrep.embed._division import Division, Needs
from graphrep.graph import Graph, untyped_graph
from graphrep.learn.checkpoint import digest
from graphrep.ops.projection import random_projection
from graphrep.ops.tall import share_rows

__all__ = ["PropagatedFeatures"]

_SCALE = 3.0  # root mean square of the row lengths
_OVERSAMPLING, _POWER_STEPS = 16, 3
_SMOOTHED_BLOCKS = 5  # that a smoothing step holds at a time
_LEAST = 1e-6  # share of the largest singular value below which a direction is rounding


@dataclass(kw_only=True, eq=False, repr=False)
class PropagatedFeatures(ShardedEmbedder):
    r"""Features averaged over neighborhoods of several sizes, reduced by an SVD.

    With :math:`X \approx U \Sigma V^\top` truncated to ``dimensions`` columns and the propagation matrix
    :math:`S = (D+I)^{-1/2} (A+I) (D+I)^{-1/2}`,

    .. math::
        B = [\, \mathrm{rownorm}(S^{h_1} U \Sigma) \; \dots \; \mathrm{rownorm}(S^{h_k} U \Sigma) \,], \qquad
        E = c\, B W,

    where the columns of W are the ``dimensions`` right singular vectors of B, and c makes the root mean square of the
    lengths of the rows 3. Nothing is trained and no label is used. On many graphs with features, a classifier or
    k-means finds no better vectors than these.

    Parameters
    ----------
    dimensions : int
    hops : sequence of int
        :math:`h_1 \dots h_k`, each at least 0: 0 stands for a node's own features.
    finish : {"center", "smooth", "orthogonalise", "whiten"}, sequence of them, or None
        Steps that follow; see :func:`graphrep.embed.center`, :func:`graphrep.embed.smooth`,
        :func:`graphrep.embed.orthogonalise` and :func:`graphrep.embed.whiten`.
    random_state : int, RandomState, Generator or None
        For the start of the truncated SVD.
    n_jobs : int or None
        Threads of the propagation; results do not depend on it.

    Attributes
    ----------
    embedding_ : float32 array of shape (num_nodes, dimensions)
        The last columns are zero if B has fewer independent ones.
    nodes_ : array of shape (num_nodes,)
        Node names in row order.
    node_vectors_ : NodeVectors
    components_ : float32 array of shape (num_features, width)
        V.
    mixing_ : float32 array of shape (len(hops) * width, dimensions)
        c W.
    n_features_in_ : int
        Number of nodes.

    Raises
    ------
    ValueError
        Features that are not finite, or a setting out of range.

    Notes
    -----
    A graph without features is taken with the rows of its adjacency matrix for features, but not by
    ``fit(out=...)``, which reads some rows of the features at a time. Sparse features stay sparse.
    Time O(nnz(X) d + max(hops) num_arcs d + num_nodes len(hops)² d²) with d dimensions; memory 2 len(hops) + 4 tables
    of shape (num_nodes, dimensions).

    References
    ----------
    .. [1] Wu et al. Simplifying Graph Convolutional Networks. ICML 2019, section 2, for S.
    .. [2] Frasca et al. SIGN: Scalable Inception Graph Neural Networks. 2020, section 3, for several powers side by
       side.
    .. [3] Halko, Martinsson, Tropp. Finding Structure with Randomness. SIAM Review 2011, algorithms 4.4 and 5.1.

    Examples
    --------
    >>> import numpy as np
    >>> import graphrep as gr
    >>> path = gr.as_graph([[0, 1, 2], [1, 2, 3]], directed=False, x=np.eye(4))
    >>> gr.PropagatedFeatures(dimensions=3).fit_transform(path).shape
    (4, 3)
    """

    _follows_arcs = True

    dimensions: int = 128
    hops: Sequence[int] = (0, 1, 2, 4)
    random_state: Any = 0
    n_jobs: int | None = None

    def transform(self, new: Any) -> Any:
        """Vectors of new nodes from their features and their neighbors among the fitted nodes.

        Parameters
        ----------
        new : array or scipy.sparse matrix of shape (num_new, num_nodes), or graph
            As in :meth:`graphrep.FastRP.transform`. If the fitted graph has features, it must be a graph with those of
            the new nodes.

        Returns
        -------
        float32 array of shape (num_new, dimensions), or NodeVectors
            A new node with the features and neighbors of a fitted node gets that node's vector, up to rounding.

        Raises
        ------
        ValueError
            None of the nodes was fitted, or features are missing or have another number of columns.
        """
        check_is_fitted(self, "embedding_")
        if is_matrix(new):
            if self._has_features:
                raise ValueError("new must be a graph with features of the new nodes, as in fit; got a matrix.")
            arcs = self._new_rows(new)
            return self._finish_rows(arcs, self._propagated(arcs, arcs))
        g = untyped_graph(new)
        names, arcs = new_arcs(g, self._graph)
        if not self._has_features:
            return self._named(names, self._finish_rows(arcs, self._propagated(arcs, arcs)))
        if g.x is None or g.x.shape[1] != len(self.components_):
            count = 0 if g.x is None else g.x.shape[1]
            raise ValueError(f"new must have {len(self.components_)} features per node as in fit, got {count}.")
        x = checked_features("x", g.x, g.num_nodes)[g.node_index.find(names)]
        return self._named(names, self._finish_rows(arcs, self._propagated(arcs, x)))

    def _propagated(self, arcs: sp.csr_array, x: Any) -> F32:
        """Vectors of nodes with these arcs to the fitted nodes, and these features."""
        fitted, start = Arcs(self._graph, self.n_jobs), self._start_of_all()
        inner = 1 / np.sqrt(fitted.degree() + 1)[:, None]
        own = 1 / np.sqrt(np.asarray(arcs.sum(axis=1)).reshape(-1, 1) + 1)
        with limited_threads(1):
            power = np.asarray(x @ self.components_, dtype=np.float32)
            powers = [power]
            for _ in range(max(self._checked_hops())):
                power = np.asarray(own * (arcs @ (inner * start) + own * power), dtype=np.float32)
                start = smoothed(fitted, start, 1)
                powers.append(power)
            blocks = np.hstack([_unit(powers[hop]) for hop in self._checked_hops()])
            return np.asarray(blocks @ self.mixing_, dtype=np.float32)

    def _embed_rows(self, graph: Graph, division: Division, **options: Any) -> F32:
        del options
        dimensions = checked_int("dimensions", self.dimensions, 1)
        self._checked_hops()
        self._has_features, self._graph = graph.x is not None, graph
        keys = None if self._has_features else graph.node_keys()
        in_file = division.by_rows and "file" in graph._cache  # which all of it belongs to
        known = division.ranks.world_size == 1 or in_file
        seed = self._agreed_seed(graph, division, features=None if known else digest(graph.x)[:16])
        arcs, rows = division.arcs(graph)
        # Every rank decomposes the features of all nodes, or all of them together, by the same sums.
        held: Rows = rows if division.in_file else Rows(graph.num_nodes, self.n_jobs)
        with limited_threads(1):  # a product of matrices may be summed in another order with more threads
            x = self._features(held, None if division.in_file else np.float32)
            found = _right_vectors(x, graph.num_nodes, dimensions, seed, keys, held)
            (self.components_,) = rows.common(found)
            start = _by_shares(x, self.components_, held)
            self._start = None if division.in_file else start
            del x
            blocks = self._blocks(arcs, start, rows)
            squares, axes = rows.common(*np.linalg.eigh(rows.gram(blocks)))
            order = np.argsort(-squares)[:dimensions]
            order = order[squares[order] > _LEAST**2 * max(squares.max(), 0.0)]
            mixing = axes[:, order]
            mixing = mixing * np.where(mixing[np.abs(mixing).argmax(axis=0), np.arange(len(order))] < 0, -1.0, 1.0)
            total = float(squares[order].sum())
            scale = _SCALE * np.sqrt(graph.num_nodes / total) if total > 0 else 0.0
            self.mixing_ = np.zeros((blocks.shape[1], dimensions), dtype=np.float32)
            self.mixing_[:, : len(order)] = scale * mixing
        vectors: F32 = rows.multiply(blocks, self.mixing_)
        return vectors

    def _features(self, rows: Rows, dtype: Any = None) -> Any:
        """Features, by default of any type, or rows of the adjacency, of some nodes."""
        x = _adjacency(self._graph) if self._graph.x is None else self._graph.x
        mine = x if rows.mine == slice(0, self._graph.num_nodes) else x[rows.mine]
        return checked_features("x", mine, rows.mine.stop - rows.mine.start, dtype)

    def _blocks(self, arcs: Arcs, start: F32, rows: Rows) -> Any:
        """Unit rows of the powers side by side."""
        hops, width, done = self._checked_hops(), start.shape[1], 0
        power, blocks = rows.part_of(start), rows.empty(len(hops) * width)
        for place in np.argsort(hops, kind="stable"):
            more, done = hops[place] - done, hops[place]
            if more:
                power = rows.on_columns(partial(_smoothed, arcs, more), power, blocks=_SMOOTHED_BLOCKS)
            rows.put(blocks, place * width, _unit, rows.rows(power, width))
        return blocks

    def _start_of_all(self) -> F32:
        """U Sigma, which a fit whose vectors go to a file does not keep."""
        if self._start is None:
            rows = Rows(self._graph.num_nodes, self.n_jobs)
            with limited_threads(1):
                self._start = _by_shares(self._features(rows), self.components_, rows)
        return self._start

    def _checked_hops(self) -> list[int]:
        hops = checked_ints("hops", self.hops, 0)
        if not hops:
            raise ValueError("hops must hold at least one number, got none.")
        return hops

    def _thread_seconds(self, graph: Graph) -> float:
        x = graph.x
        entries = 0 if x is None else int(x.nnz if sp.issparse(x) else math.prod(x.shape))
        products = 8 * entries + 4 * graph.num_arcs  # times the columns: the SVD of X, and four propagations
        return self.dimensions * (products / 5e8 + graph.num_nodes * 20 * self.dimensions / 1e10)

    def _needs_on_disk(self, graph: Graph) -> DiskNeeds:
        self._check_features(graph)
        hops, width = len(self._checked_hops()), checked_int("dimensions", self.dimensions, 1)
        row, gram = 64, max(hops * width, graph.x.shape[1])
        return DiskNeeds(graph.num_nodes, width, row, _SMOOTHED_BLOCKS, files=hops + 3, passes=5 * hops, gram=gram)

    @staticmethod
    def _check_features(graph: Graph) -> None:
        if graph.x is None:
            raise ValueError(
                "a graph without features has its adjacency in their place, whose SVD needs all rows; give features, "
                "or take Spectral, with out=."
            )

    def _needs_by_rows(self, graph: Graph) -> Needs:
        self._check_features(graph)
        hops, width = len(self._checked_hops()), checked_int("dimensions", self.dimensions, 1)
        features, shares = graph.x.shape[1], -(-graph.num_nodes // share_rows(graph.num_nodes))
        own = 24 * graph.x.nnz // graph.num_nodes if sp.issparse(graph.x) else 8 * features
        sums = 8 * min(width + _OVERSAMPLING, features) * features * (2 * shares + 6)
        return Needs(width, 4 * (hops + 5) * width + own + 60, gram=hops * width, fixed=sums)

    def _memory_needed(self, graph: Graph) -> int:
        tables = 2 * len(self._checked_hops()) + 4
        return 4 * tables * graph.num_nodes * checked_int("dimensions", self.dimensions, 1)

    def _state(self) -> dict[str, Any]:
        self._start_of_all()
        names = ("components_", "mixing_", "_start", "_has_features")
        fitted = {name: getattr(self, name) for name in names}
        return super()._state() | fitted | {"_graph": packed_graph(self._graph)}

    def _restore(self, state: dict[str, Any]) -> None:
        graph, width = unpacked_graph(state["_graph"]), state["components_"].shape[1]
        shapes = (len(self._checked_hops()) * width, state["embedding_"].shape[1]), (graph.num_nodes, width)
        if (state["mixing_"].shape, state["_start"].shape) != shapes or graph.num_nodes != len(state["nodes_"]):
            raise ValueError("graph, components and vectors differ in size")
        super()._restore(state | {"_graph": graph})


def _smoothed(arcs: Arcs, hops: int, x: F32) -> F32:
    return smoothed(arcs, x, hops)


def _unit(rows: F32) -> F32:
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.where(length > 0, length, 1))


def _adjacency(graph: Graph) -> sp.csr_array:
    return sp.csr_array(graph.to_scipy(), dtype=np.float32)


def _right_vectors(
    x: Any, num_rows: int, width: int, seed: int, keys: npt.NDArray[np.uint64] | None, rows: Rows
) -> F32:
    """Leading right singular vectors, as columns, at most ``width``, of a matrix of which there are these rows."""
    least = min(num_rows, x.shape[1])
    width, wide = min(width, least), min(width + _OVERSAMPLING, least)
    basis: Any = random_projection(x.shape[1], wide, density=1.0, seed=seed, keys=keys, n_jobs=rows.n_jobs)
    for _ in range(_POWER_STEPS):
        squared = rows.total_of((share.T @ (share @ basis) for share in _shares(x, rows)), basis.shape)
        (basis,) = rows.common(np.linalg.qr(squared)[0].astype(np.float32))
    images = (np.asarray(share @ basis, dtype=np.float64) for share in _shares(x, rows))
    axes = np.linalg.eigh(rows.total_of((image.T @ image for image in images), (wide, wide)))[1]
    found = basis @ axes[:, ::-1][:, :width]
    return np.asarray(found, dtype=np.float32)


def _shares(x: Any, rows: Rows) -> Iterator[Any]:
    """The shares of features, in float32."""
    return (share.astype(np.float32, copy=False) for share in rows.shares(x))


def _by_shares(x: Any, matrix: F32, rows: Rows) -> F32:
    """A matrix by rows times a small one, each share on its own: the rounding depends on the number of rows."""

    def product(some: Any) -> F32:
        out = np.empty((some.shape[0], matrix.shape[1]), dtype=np.float32)
        for begin in range(0, len(out), rows.share):
            share = some[begin : begin + rows.share]
            out[begin : begin + rows.share] = share.astype(np.float32, copy=False) @ matrix
        return out

    found: F32 = rows.map(product, x)
    return found
