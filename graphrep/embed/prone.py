"""ProNE: a sparse factorization of the edges, then a spectral filter over the graph."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from scipy.special import ive

from graphrep._checks import checked_float, checked_int
from graphrep._embedder import F32
from graphrep._rows import Arcs, Rows, mean_weight
from graphrep._saving import packed_graph, unpacked_graph
from graphrep._svd import by_rows, column_signs, inverse, orthonormal, randomized_svd, rms_scaled
from graphrep._threads import one_blas_thread, resolve_threads
from graphrep.csr import rows_of_arcs
from graphrep.distributed.ranks import Ranks
from graphrep.embed._base import ShardedEmbedder
from graphrep.embed._blocks_on_disk import DiskNeeds
from graphrep.embed._division import Division, Needs
from graphrep.graph import Graph
from graphrep.ops.tall import multiply_rows

__all__ = ["ProNE"]

F64 = npt.NDArray[np.float64]

# Largest error of the truncated filter, relative to its largest response.
_FILTER_ERROR = 1e-4
_FILTER_BLOCKS = 5  # that the filter holds at a time
_PIECE = 1 << 18  # arcs whose entries are computed at a time


@dataclass(kw_only=True, eq=False, repr=False)
class ProNE(ShardedEmbedder):
    r"""ProNE: truncated SVD of a sparse matrix of log ratios, then a band-pass filter over the graph.

    With :math:`P_{ij} = w_{ij} / d_i` and :math:`\nu_j \propto (\sum_i P_{ij})^{3/4}`, :math:`\sum_j \nu_j = 1`,

    .. math:: F_{ij} = \log P_{ij} - \log \nu_j \quad \text{on the edges, else } 0, \qquad
        F \approx U S V^\top, \qquad X = \mathrm{rownorm}(U S^{1/2}).

    Then, with :math:`B = A + c I`, c the mean weight of an edge, :math:`L = I - D_B^{-1} B` and
    :math:`N = \tfrac12 (L - \mu I)^2 - I`,

    .. math:: Z = B \bigl(X - e^{-\theta N} X\bigr) \approx U' S' V'^\top, \qquad E = \mathrm{rownorm}(U' S'^{1/2}).

    The exponential is a Chebyshev series with modified Bessel functions as coefficients. The eigenvalues of N lie in
    [-1, 1], as the series needs, if :math:`\mu` lies in [0, 2]; other values are refused.

    Parameters
    ----------
    dimensions : int
    theta : float in (0, 10]
        :math:`\theta`, strength of the filter.
    mu : float in [0, 2]
        :math:`\mu`, the eigenvalue of L around which the filter is centered.
    power : int
        Power iterations of the first SVD.
    normalize_rows : bool
        Apply ``rownorm`` at the end, the division of each row by its Euclidean norm.
    finish : {"center", "smooth", "orthogonalise", "whiten"}, sequence of them, or None
        Finishing steps, in order: :func:`graphrep.embed.smooth` and its neighbors. New nodes go through them as well.
    random_state : int, RandomState, Generator or None
    n_jobs : int or None
        Threads; results do not depend on it.
    progress : bool, optional
        Whether a progress bar is shown. Default: in terminals and Jupyter.

    Attributes
    ----------
    embedding_ : float32 array of shape (num_nodes, dimensions)
        Scaled so that the root mean square of the row norms is 3; with ``normalize_rows`` every row has that length.
        Isolated nodes have zeros, and so have columns beyond the rank.
    scale_ : float
        What the vectors of the formula were multiplied by.
    nodes_ : array of shape (num_nodes,)
        Node names in row order.
    node_vectors_ : NodeVectors
    n_features_in_ : int
        Number of nodes.

    Notes
    -----
    A directed graph is taken as undirected (:meth:`graphrep.Graph.to_undirected`), as by the authors: a node without
    out-arcs would have no vector otherwise.

    Weights count in :math:`P` and in B. In the authors' code and its copies they cancel: both logarithms are weighted
    there, and the difference does not contain the weights any more.

    The series ends where the rest is below 1e-4 of the largest response: 5 terms for :math:`\theta = 0.5`. The 10 terms
    of the authors differ from these in the fifth digit.

    2 * power + 2 products with F and 9 with B at the default filter. Memory 8 bytes per arc beside the graph for F, and
    about five float32 tables of shape (num_nodes, dimensions). ``fit(out=...)`` does not keep V, which new
    nodes, and a model in a file, need.

    References
    ----------
    .. [1] Zhang, Dong, Wang, Tang, Ding. ProNE: Fast and Scalable Network Representation Learning. IJCAI 2019,
       sections 3.1 and 3.2.

    Examples
    --------
    >>> import networkx as nx
    >>> import graphrep as gr
    >>> gr.ProNE(dimensions=16).fit_transform(nx.karate_club_graph()).shape
    (34, 16)
    """

    dimensions: int = 128
    theta: float = 0.5
    mu: float = 0.2
    power: int = 5
    normalize_rows: bool = True
    random_state: Any = 0
    n_jobs: int | None = None
    progress: bool | None = None

    def transform(self, new: Any) -> Any:
        """Vectors of new nodes from their edges to the fitted nodes, which keep their vectors.

        A new row of F is multiplied by :math:`V S^{-1/2}`, filtered with the fitted nodes, and rotated as they were.

        Parameters
        ----------
        new : array or scipy.sparse matrix of shape (num_new, num_nodes), or graph
            As in :meth:`graphrep.FastRP.transform`.

        Returns
        -------
        float32 array of shape (num_new, dimensions), or NodeVectors
            A NodeVectors holds the nodes of the graph that were not fitted, or all of its nodes if every one was. A new
            node with the edges of a fitted node gets that node's vector, up to rounding.

        Raises
        ------
        ValueError
            None of the nodes of the graph was fitted.

        Warns
        -----
        UserWarning
            New nodes have no fitted neighbor, so that their vectors are zero; or have new neighbors, which do not
            count.
        """
        return self._new_vectors(new, undirected=True)

    def _embed_rows(self, graph: Graph, division: Division, **options: Any) -> F32:
        del options
        seed, keys = self._agreed_seed(graph, division), graph.node_keys()
        self._graph = graph if division.in_file else graph.to_undirected()
        arcs, rows = division.undirected(self._graph)
        dimensions, power = checked_int("dimensions", self.dimensions, 1), checked_int("power", self.power, 0)
        coefficients = self._coefficients()
        products = 2 * power + 2 + rows.passes(dimensions) * self._filter_products(coefficients)
        with self._bar(division.ranks, products, " products") as bar:
            degree = arcs.degree()
            looped = _Looped(arcs, mean_weight(arcs, rows, degree), degree, self.n_jobs)
            noise = _log_noise(arcs, rows, degree)
            forward, backward = division.per_arc(_log_ratios(arcs, degree, noise), len(arcs.csr.indices), 2)
            # The SVD of F', so that F V = U S holds to rounding, and new rows of F can be treated alike.
            v, values, u = randomized_svd(
                rows.by_columns(lambda y: arcs.product(y, values=backward)),
                rows.by_columns(lambda x: arcs.product(x, values=forward)),
                (rows.num_rows, rows.num_rows),
                dimensions,
                power=power,
                seed=seed,
                keys=keys,
                n_jobs=self.n_jobs,
                rows=rows,
                advance=bar.update,
            )
            root = np.sqrt(values)
            self._right = None
            if not division.in_file:
                v *= inverse(root).astype(np.float32)
                self._right = rows.whole(v)
            del v

            def start(x: F32) -> None:
                x *= root.astype(np.float32)
                _unit_rows(x)

            def banded(x: F32) -> F32:
                return self._filtered(x, looped, coefficients, bar.update)

            rows.each(start, u)
            forward = backward = None  # type: ignore[assignment]
            filtered = rows.by_columns(banded, blocks=_FILTER_BLOCKS)(u)
            del u
        with one_blas_thread():
            _, triangle = orthonormal(filtered, rows=rows)
            _, values, rotation = rows.common(*np.linalg.svd(triangle))
            # Directions that float32 does not resolve would be noise.
            root = np.sqrt(np.where(values > (rows.num_rows + 1) * 1.2e-7 * values.max(initial=0), values, 0))
            self._rotation = rotation.T * inverse(root)
            vectors = rows.multiply(filtered, self._rotation)
            del filtered
        flip = column_signs(vectors, rows)
        self._rotation *= flip

        def end(x: F32) -> None:
            x *= flip
            if self.normalize_rows:
                _unit_rows(x)

        rows.each(end, vectors)
        vectors, self.scale_ = rms_scaled(vectors, rows=rows)
        return vectors

    def _vectors_of(self, rows: sp.csr_array) -> F32:
        """Vectors of nodes with these weights of the edges to the fitted nodes, a CSR matrix."""
        right = self._table_of_all(self._right)
        arcs, added = Arcs(self._graph, self.n_jobs), sp.csr_array(rows)
        added.eliminate_zeros()
        degree = np.asarray(added.sum(axis=1)).ravel()
        all_rows, fitted = Rows(arcs.num_rows), arcs.degree()
        noise = _log_noise(arcs, all_rows, fitted)
        logs = np.log(added.data / np.repeat(degree, np.diff(added.indptr))) - noise[added.indices]
        ratios = sp.csr_array((logs, added.indices, added.indptr), shape=added.shape)
        per_arc = Division(Ranks(), self.n_jobs).per_arc
        forward, _ = per_arc(_log_ratios(arcs, fitted, noise), len(arcs.csr.indices), 2)
        start = np.concatenate([arcs.product(right, values=forward), ratios @ right]).astype(np.float32)
        walk = _Looped(arcs, mean_weight(arcs, all_rows, fitted), np.append(fitted, degree), self.n_jobs, added)
        filtered = self._filtered(_unit_rows(start), walk, self._coefficients())[arcs.num_rows :]
        vectors = multiply_rows(np.ascontiguousarray(filtered), self._rotation, n_jobs=self.n_jobs)
        if self.normalize_rows:
            _unit_rows(vectors)
        vectors *= np.float32(self.scale_)
        return vectors

    def _filtered(
        self, x: F32, looped: _Looped, coefficients: F64, advance: Callable[[], object] = lambda: None
    ) -> F32:
        """B (X - exp(-theta N) X); x is overwritten."""
        threads, mu = resolve_threads(self.n_jobs), checked_float("mu", self.mu, 0, 2)
        first, second = (np.float32(c) for c in coefficients[:2])
        before, spare, power = x, np.empty_like(x), np.empty_like(x)
        total = np.empty_like(x)

        def squared(y: F32, out: F32) -> None:
            """(L - mu I)^2 y."""
            looped.shifted(y, mu, spare)
            advance()
            looped.shifted(spare, mu, out)
            advance()

        squared(x, power)

        def start(rows: slice) -> None:
            power[rows] *= np.float32(0.5)
            power[rows] -= x[rows]
            np.multiply(x[rows], 1 - first, out=total[rows])
            total[rows] -= second * power[rows]

        by_rows(start, len(x), threads)
        following = np.empty_like(x) if len(coefficients) > 2 else x
        for coefficient in coefficients[2:].astype(np.float32):
            squared(power, following)

            def step(
                rows: slice, to: F32 = following, now: F32 = power, last: F32 = before, c: np.float32 = coefficient
            ) -> None:
                to[rows] -= np.float32(2) * now[rows]
                to[rows] -= last[rows]
                total[rows] -= c * to[rows]

            by_rows(step, len(x), threads)
            before, power, following = power, following, before
        advance()
        return looped.sum(total, spare)

    def _coefficients(self) -> F64:
        """Chebyshev coefficients of exp(-theta t) on [-1, 1], as many as the accuracy needs."""
        theta = checked_float("theta", self.theta, 0, 10, exclusive=True)
        terms = 2 * ive(np.arange(60), theta)  # divided by exp(theta), the largest response
        count = max(2, int(np.argmax(np.cumsum(terms[::-1])[::-1] < _FILTER_ERROR)))
        signs = np.where(np.arange(count) % 2, -1.0, 1.0)
        return np.asarray(signs * terms[:count] * np.exp(theta) / np.where(np.arange(count) == 0, 2, 1))

    @staticmethod
    def _filter_products(coefficients: F64) -> int:
        return 2 * (len(coefficients) - 1) + 1

    def _needs_by_rows(self, graph: Graph) -> Needs:
        del graph
        width = checked_int("dimensions", self.dimensions, 1) + 16
        return Needs(width, 24 * width + 60, arc=16, gram=width)

    def _needs_on_disk(self, graph: Graph) -> DiskNeeds:
        width = checked_int("dimensions", self.dimensions, 1) + 16
        return DiskNeeds(
            graph.num_nodes, width, row=48, blocks=_FILTER_BLOCKS, files=4, arc=8, passes=10 * (self.power + 3)
        )

    def _memory_needed(self, graph: Graph) -> int:
        width = checked_int("dimensions", self.dimensions, 1) + 16
        arcs = graph.num_arcs * (1 + graph.directed)
        return max(8 * arcs + (18 * width + 60) * graph.num_nodes, 24 * arcs * graph.directed)

    def _state(self) -> dict[str, Any]:
        right = self._table_of_all(self._right)
        fitted = {"scale_": self.scale_, "_right": right, "_rotation": self._rotation}
        return super()._state() | fitted | {"_graph": packed_graph(self._graph)}

    def _restore(self, state: dict[str, Any]) -> None:
        graph, vectors = unpacked_graph(state["_graph"]), state["embedding_"]
        columns = vectors.shape[1]
        if state["_right"].shape != (graph.num_nodes, columns) or state["_rotation"].shape != (columns, columns):
            raise ValueError("graph and vectors differ in size")
        super()._restore(state | {"_graph": graph})


class _Looped:
    """B = A + c I of a graph, with rows of new nodes below it, which the fitted nodes do not see."""

    def __init__(
        self, arcs: Arcs, loop: float, degree: F64, n_jobs: int | None, added: sp.csr_array | None = None
    ) -> None:
        self._arcs, self._threads, self._added = arcs, resolve_threads(n_jobs), added
        self._loop = np.float32(loop)
        self._inverse = (1 / (degree + self._loop)).astype(np.float32)[:, None]

    def sum(self, x: F32, out: F32) -> F32:
        """B x."""

        def add(rows: slice) -> None:
            out[rows] += self._loop * x[rows]

        self._neighbors(x, out)
        by_rows(add, len(x), self._threads)
        return out

    def shifted(self, x: F32, mu: float, out: F32) -> None:
        """(L - mu I) x with L = I - D_B^-1 B."""

        def rest(rows: slice) -> None:
            out[rows] *= -self._inverse[rows]
            out[rows] += (np.float32(1 - mu) - self._loop * self._inverse[rows]) * x[rows]

        self._neighbors(x, out)
        by_rows(rest, len(x), self._threads)

    def _neighbors(self, x: F32, out: F32) -> None:
        """A x."""
        n = self._arcs.num_rows
        self._arcs.product(x[:n], out=out[:n])
        if self._added is not None:
            out[n:] = self._added @ x[:n]


def _log_noise(arcs: Arcs, rows: Rows, degree: F64) -> F32:
    """Log of nu of each node; 0 for isolated nodes, which have no edge."""
    mass = arcs.product(inverse(degree).astype(np.float32)[:, None])[:, 0].astype(np.float64)
    noise = mass**0.75
    logs = np.log(noise / max(float(rows.sum(rows.own(noise))), 1e-300), out=np.zeros_like(noise), where=noise > 0)
    return np.asarray(logs, dtype=np.float32)


def _log_ratios(arcs: Arcs, degree: F64, noise: F32) -> Iterator[tuple[F32, F32]]:
    """Entries of F and of F' in the order of the arcs of an undirected graph, some of them at a time."""
    logs = np.log(degree, out=np.zeros_like(degree), where=degree > 0).astype(np.float32)
    indptr, indices, weights = arcs.csr
    logs_there, noise_there = arcs.table(logs), arcs.table(noise)
    for begin in range(0, len(indices), _PIECE):
        end = min(begin + _PIECE, len(indices))
        (own, counts), target = rows_of_arcs(indptr, begin, end), indices[begin:end]
        forward = -np.repeat(logs[own], counts) - noise_there[target]
        backward = -logs_there[target] - np.repeat(noise[own], counts)
        if weights is not None:
            weight = np.log(weights[begin:end])
            forward += weight
            backward += weight
        yield forward, backward


def _unit_rows(x: F32) -> F32:
    """The rows divided by their length, in place; zero rows stay zero."""
    norms = np.sqrt(np.einsum("ij,ij->i", x, x))
    x *= inverse(norms)[:, None]
    return x
