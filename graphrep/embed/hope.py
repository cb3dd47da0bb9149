"""HOPE: a truncated SVD of the Katz matrix, with vectors of nodes as sources and as targets."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from scipy.sparse.csgraph import connected_components

from graphrep._checks import checked_float, checked_int
from graphrep._embedder import F32
from graphrep._rows import Arcs
from graphrep._saving import packed_graph, unpacked_graph
from graphrep._svd import inverse, randomized_svd, rms_scaled, symmetric_eigenpairs
from graphrep.embed._base import ShardedEmbedder, TwoSidedEmbedder
from graphrep.embed._blocks_on_disk import DiskNeeds
from graphrep.embed._division import Division, Needs
from graphrep.graph import Graph

__all__ = ["HOPE"]

F64 = npt.NDArray[np.float64]

# Longest series of powers of A, and the size of the terms, relative to the sum, at which it ends.
_TERMS, _TERM_ERROR = 500, 1e-5
_PIECE = 1 << 17  # arcs, about, that are multiplied at a time
_TURNS: Any = {"turns": 300, "tolerance": 1e-4}  # of the bound of the spectral radius


@dataclass(kw_only=True, eq=False, repr=False)
class HOPE(TwoSidedEmbedder, ShardedEmbedder):
    r"""HOPE with the Katz index: vectors whose dot products are counts of walks that decay with length.

    .. math:: K = \sum_{l \ge 1} (\beta A)^l = (I - \beta A)^{-1} \beta A \approx U S V^\top, \qquad
        X = U S^{1/2}, \quad Y = V S^{1/2}, \quad K_{uv} \approx x_u \cdot y_v,

    with :math:`\beta` = ``factor`` / :math:`\rho(A)`. The series ends only if :math:`\beta` is below the reciprocal of
    the spectral radius :math:`\rho`, which differs by orders of magnitude between graphs; beyond it the inverse exists,
    but is not the Katz index.

    Parameters
    ----------
    dimensions : int
        Even for a directed graph, half for X and half for Y.
    factor : float in (0, 1)
        Walks longer by one arc count about this much, 0 < factor < 1.
    beta : float or None
        :math:`\beta` itself, instead of ``factor``.
    power : int
        Iterations on the random subspace before the singular vectors, or eigenvectors, are computed from it.
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
        ``scale_`` times X for an undirected graph, and [X | Y] for a directed one. The root mean square of the row
        norms is 3. Isolated nodes have zeros, and so have columns beyond the rank.
    source_, target_ : float32 arrays of shape (num_nodes, dimensions), or dimensions / 2 columns if directed
        X and Y, unscaled. Undirected: the columns of Y are those of X, or their opposite where an eigenvalue of K is
        negative.
    values_ : float64 array
        S; for an undirected graph the eigenvalues of K with their signs, in descending order of magnitude.
    beta_ : float
    scale_ : float
    nodes_ : array of shape (num_nodes,)
        Node names in row order.
    node_vectors_ : NodeVectors
    n_features_in_ : int
        Number of nodes.

    Notes
    -----
    The spectral radius is bounded from above by :math:`\max_i (Ax)_i / x_i` (Collatz and Wielandt) for the iterates of
    :math:`A + \sigma I`, so that the series always converges. Only arcs within strongly connected components count: an
    acyclic graph has radius 0, and its longest walks end by themselves; :math:`\beta` is then ``factor`` over the
    spectral norm.

    Undirected: eigenpairs of A, whose eigenvalues w give those of K, :math:`\beta w / (1 - \beta w)`; 3 * power + 2
    products of A with (num_nodes, dimensions + 16). Directed: a randomized SVD, in which each of 2 * power + 2 products
    with K is a series of products with A, about log(1e-5) / log(factor) of them (17 at 0.5). Memory about five float32
    tables of shape (num_nodes, dimensions).

    ``fit(out=...)`` takes undirected graphs, and does not keep the second table that new nodes, and a model in a file,
    need.

    References
    ----------
    .. [1] Ou, Cui, Pei, Zhang, Zhu. Asymmetric Transitivity Preserving Graph Embedding. KDD 2016, sections 3.2 and 4.

    Examples
    --------
    >>> import networkx as nx
    >>> import graphrep as gr
    >>> model = gr.HOPE(dimensions=16).fit(nx.path_graph(5, create_using=nx.DiGraph))
    >>> model.embedding_.shape, model.source_.shape
    ((5, 16), (5, 8))
    """

    dimensions: int = 128
    factor: float = 0.5
    beta: float | None = None
    power: int = 3
    random_state: Any = 0
    n_jobs: int | None = None
    progress: bool | None = None

    @property
    def target_(self) -> F32:
        """Y: the vectors of nodes as targets."""
        if self._graph.directed:
            return super().target_
        return self.source_ * np.sign(self.values_).astype(np.float32)

    def transform(self, new: Any) -> Any:
        r"""Vectors of new nodes from their arcs to and from the fitted nodes.

        The row of K of a new node with the row a of weights is :math:`\beta a (I + K)`, so its vector as a source is
        :math:`\beta a (Y S^{-1} + X)`; as a target :math:`\beta b (X S^{-1} + Y)` with the weights b of arcs to it.

        Parameters
        ----------
        new : array or scipy.sparse matrix of shape (num_new, num_nodes), or graph
            As in :meth:`graphrep.FastRP.transform`. A matrix holds the arcs from the new nodes; for a directed graph
            there are none to them then, and their vectors as targets are zero.

        Returns
        -------
        float32 array of shape (num_new, dimensions), or NodeVectors
            A NodeVectors holds the nodes of the graph that were not fitted, or all of its nodes if every one was.

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
        Walks through the new nodes themselves do not count. A new node with the arcs of a fitted node gets that node's
        vector, up to the accuracy of the singular vectors.
        """
        return self._new_vectors(new)

    def _two_sided_vectors(self, rows: sp.csr_array, incoming: sp.csr_array) -> F32:
        if self._graph.directed:
            source, target = self.source_, self.target_
            by = inverse(self.values_).astype(np.float32)
            parts = [rows @ (target * by + source), incoming @ (source * by + target)]
        else:
            parts = [rows @ self._table_of_all(self._right)]
        return (np.concatenate(parts, axis=1) * (self.beta_ * self.scale_)).astype(np.float32)

    def _embed_rows(self, graph: Graph, division: Division, **options: Any) -> F32:
        del options
        dimensions, power = checked_int("dimensions", self.dimensions, 1), checked_int("power", self.power, 0)
        if graph.directed and dimensions % 2:
            raise ValueError(
                f"dimensions must be even for a directed graph, half for sources, half for targets; got {dimensions}."
            )
        seed, ranks, n = self._agreed_seed(graph, division), division.ranks, graph.num_nodes
        self._graph, (arcs, rows) = graph, division.arcs(graph)
        radius = partial(_radius_by_rows, arcs) if division.in_file else partial(spectral_radius, graph)
        self.beta_ = float(ranks.tell("beta", self._checked_beta(graph, radius))[0])
        common: dict[str, Any] = {"seed": seed, "keys": graph.node_keys(), "n_jobs": self.n_jobs, "rows": rows}
        steps = 2 * power + 2 if graph.directed else power + 1
        with self._bar(ranks, steps, " steps") as bar:
            common["advance"] = bar.update
            if graph.directed:
                incoming = Arcs(graph.transpose(), self.n_jobs)
                terms = ranks.tell("terms", self._series_length(arcs, incoming))[0]
                # The SVD of K', so that K V = U S holds to rounding.
                v, self.values_, u = randomized_svd(
                    rows.by_columns(lambda y: self._katz(incoming, y, terms)),
                    rows.by_columns(lambda x: self._katz(arcs, x, terms)),
                    (n, n),
                    dimensions // 2,
                    power=power,
                    **common,
                )
                found = np.concatenate([u, v], axis=1)
                found *= np.sqrt(np.concatenate([self.values_] * 2)).astype(np.float32)
                self._right = None
            else:
                found, w = symmetric_eigenpairs(
                    rows.by_columns(lambda x: self._step(arcs, x)),
                    n,
                    dimensions,
                    order=lambda w: np.abs(w / (1 - w)),
                    steps=[rows.by_columns(lambda x: self._katz(arcs, x, 3), blocks=3)] * power,  # near K, and cheap
                    **common,
                )
                self.values_ = w / (1 - w)
                root = np.sqrt(np.abs(self.values_))
                inverse = np.divide(np.sign(w), root, out=np.zeros_like(root), where=root > 0)
                # X again as a product with A: a step of refinement, and what transform does with new rows.
                right = rows.map(lambda x: x * (inverse + root).astype(np.float32), found)
                del found
                found = rows.by_columns(lambda x: self._step(arcs, x))(right)
                self._right = None if division.in_file else rows.whole(right)
        vectors, self.scale_ = rms_scaled(found, rows=rows)
        return vectors

    def _step(self, arcs: Arcs, x: F32) -> F32:
        """Beta A x."""
        y = arcs.product(x)
        y *= np.float32(self.beta_)
        return y

    def _katz(self, arcs: Arcs, x: F32, terms: int) -> F32:
        """The first terms of K x, by Horner's rule."""
        y = self._step(arcs, x)
        for _ in range(1, terms):
            y += x
            y = self._step(arcs, y)
        return y

    def _series_length(self, *directions: Arcs) -> int:
        """Number of terms after which K 1 and K' 1, the row and column sums, hardly change."""
        lengths = []
        for part in directions:
            term = np.ones((part.num_rows, 1), dtype=np.float32)
            total = np.zeros_like(term)
            count, left = 0, 1.0
            while count < _TERMS and left > _TERM_ERROR:
                term = self._step(part, term)
                total += term
                count, left = count + 1, float(term.max(initial=0) / max(total.max(initial=0), 1e-30))
            lengths.append(count)
        return max(lengths)

    def _checked_beta(self, graph: Graph, find_radius: Callable[[], float]) -> float:
        factor = checked_float("factor", self.factor, 0, exclusive=True)
        if factor >= 1:
            raise ValueError(f"factor must be less than 1, or the sum over all walks has no limit; got {self.factor}.")
        radius = find_radius()
        if self.beta is not None:
            beta = checked_float("beta", self.beta, 0, exclusive=True)
            if radius * beta >= 1:
                raise ValueError(
                    f"beta must be less than 1 / {radius:.6g}, the reciprocal of the spectral radius of this graph, or "
                    f"the sum over all walks has no limit; got {self.beta}."
                )
            return beta
        if radius == 0 and graph.directed:
            radius = _spectral_norm(graph)
        return factor / radius if radius > 0 else factor

    def _needs_by_rows(self, graph: Graph) -> Needs:
        self._check_undirected(graph)
        width = checked_int("dimensions", self.dimensions, 1) + 16
        return Needs(width, 20 * width + 60, arc=12, gram=width)

    def _needs_on_disk(self, graph: Graph) -> DiskNeeds:
        self._check_undirected(graph)
        width = checked_int("dimensions", self.dimensions, 1) + 16
        return DiskNeeds(graph.num_nodes, width, row=40, blocks=3, files=3, passes=10 * (self.power + 2))

    @staticmethod
    def _check_undirected(graph: Graph) -> None:
        if graph.directed:
            raise ValueError(
                "the spectral radius of a directed graph needs all of its arcs; give HOPE graph.to_undirected(), or "
                "leave out out= and shard=."
            )

    def _memory_needed(self, graph: Graph) -> int:
        width = checked_int("dimensions", self.dimensions, 1) + 16
        return 20 * graph.num_nodes * width + (16 * graph.num_arcs if graph.directed else 0)

    def _state(self) -> dict[str, Any]:
        right = None if self._graph.directed else self._table_of_all(self._right)
        fitted = {"scale_": self.scale_, "beta_": self.beta_, "values_": self.values_, "_right": right}
        return super()._state() | fitted | {"_graph": packed_graph(self._graph)}

    def _restore(self, state: dict[str, Any]) -> None:
        graph, vectors = unpacked_graph(state["_graph"]), state["embedding_"]
        if vectors.shape != (graph.num_nodes, len(state["values_"]) * (2 if graph.directed else 1)):
            raise ValueError("graph and vectors differ in size")
        if not graph.directed and state["_right"].shape != vectors.shape:
            raise ValueError("vectors differ in size")
        super()._restore(state | {"_graph": graph})


def spectral_radius(graph: Graph) -> float:
    """Spectral radius of the adjacency, or a little more: never less, up to rounding in float64."""
    a = sp.csr_array(graph.to_scipy(), dtype=np.float64)
    if graph.directed:
        # Arcs between strongly connected components are on no cycle, and do not change the eigenvalues.
        component = connected_components(a, directed=True, connection="strong")[1]
        arcs = a.tocoo()
        inside = component[arcs.row] == component[arcs.col]
        a = sp.csr_array((arcs.data[inside], (arcs.row[inside], arcs.col[inside])), shape=a.shape)
    return _radius(lambda x: a @ x, graph.num_nodes, **_TURNS)


def _spectral_norm(graph: Graph) -> float:
    """Root of the spectral radius of A' A, or a little more."""
    a = sp.csr_array(graph.to_scipy(), dtype=np.float64)
    return float(np.sqrt(_radius(lambda x: a.T @ (a @ x), graph.num_nodes, turns=50)))


def _radius_by_rows(arcs: Arcs) -> float:
    """:func:`spectral_radius` of an undirected graph, of which this process has some rows."""
    indptr, indices, weights = arcs.csr
    cuts = np.searchsorted(indptr, np.arange(0, len(indices), _PIECE))
    bounds = sorted({0, *cuts.tolist(), arcs.num_rows})

    def product(x: F64) -> F64:
        table, out = arcs.table(x), np.zeros(arcs.num_rows)
        for begin, end in itertools.pairwise(bounds):
            some = slice(*indptr[[begin, end]])
            values = np.ones(some.stop - some.start) if weights is None else weights[some].astype(np.float64)
            own = (values, indices[some], indptr[begin : end + 1] - some.start)
            out[begin:end] = sp.csr_array(own, shape=(end - begin, arcs.num_columns)) @ table
        return out

    return _radius(product, arcs.num_rows, **_TURNS, largest=arcs.largest)


def _largest(x: F64) -> float:
    return float(x.max(initial=0))


def _radius(
    product: Callable[[F64], F64],
    size: int,
    *,
    turns: int,
    tolerance: float = 0.0,
    largest: Callable[[F64], float] = _largest,
) -> float:
    """A bound of the spectral radius of a matrix without negative entries: max (Mx)_i / x_i of a positive x.

    The iteration ends when ten turns have lowered it by less than ``tolerance``.
    """
    x = np.ones(size)
    bound = previous = np.inf
    for turn in range(turns):
        y = product(x)
        bound = min(bound, largest(y / x))
        if bound == 0:
            break
        if turn % 10 == 9:
            if bound > (1 - tolerance) * previous:
                break
            previous = bound
        x = y + bound / 2 * x  # the shift keeps x positive, and bipartite graphs from alternating
        x = np.maximum(x / largest(x), 1e-250)
    return bound
