"""NetMF: the matrix that DeepWalk factorizes implicitly, in closed form and factorized explicitly."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from graphrep._checks import checked_float, checked_int, warn_caller
from graphrep._embedder import F32
from graphrep._progress import progress_bar
from graphrep._random import resolve_seed
from graphrep._saving import packed_graph, unpacked_graph
from graphrep._svd import by_rows, inverse, randomized_svd, rms_scaled, symmetric_eigenpairs
from graphrep._threads import one_blas_thread, resolve_threads
from graphrep.embed._base import NodeEmbedder
from graphrep.graph import Graph
from graphrep.ops.propagation import graph_matmul
from graphrep.ops.tall import multiply_rows

__all__ = ["NetMF"]

F64 = npt.NDArray[np.float64]

# Rows of the matrix that are computed together.
_ROWS = 512
# Entries before the logarithm that differ from 1 by less do so by the rounding of float32.
_LEAST = np.float32(1 + 1e-5)
# Chebyshev filters that find the eigenvectors for `rank`, and their degree.
_ROUNDS, _DEGREE = 3, 8


@dataclass(kw_only=True, eq=False, repr=False)
class NetMF(NodeEmbedder):
    r"""NetMF: the closed form of DeepWalk's objective, factorized.

    With the transition matrix :math:`P = D^{-1} A`, the volume :math:`\mathrm{vol} = \sum_i d_i`, the window T and b
    negative samples, skip-gram on infinitely many walks factorizes

    .. math:: M = \log \max\Bigl(1, \frac{\mathrm{vol}}{b\, T} \sum_{r=1}^{T} P^r D^{-1}\Bigr)
        \approx U S V^\top, \qquad E = U S^{1/2},

    where log and max act on each entry.

    Parameters
    ----------
    dimensions : int
    window : int
        T. A small one is better where neighbors differ, such as words that follow each other.
    negatives : float
        b.
    rank : int or None
        None: M as above. Otherwise the powers are those of the ``rank`` largest eigenvalues of
        :math:`D^{-1/2} A D^{-1/2}`, the paper's form for large graphs (its section 3.2, rank 256): the sum becomes
        :math:`D^{-1/2} U f(\Lambda) U^\top D^{-1/2}` with :math:`f(x) = \sum_{r=1}^T x^r`, negative values set to 0.
        It saves the T products with the whole identity, and smooths; M is dense all the same.
    power : int
        Power iterations of the SVD.
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
        Scaled so that the root mean square of the row norms is 3. Isolated nodes have zeros, and so have columns beyond
        the rank of M.
    scale_ : float
        What the vectors of the formula were multiplied by.
    singular_values_ : float64 array of shape (dimensions,)
        S.
    nodes_ : array of shape (num_nodes,)
        Node names in row order.
    node_vectors_ : NodeVectors
    n_features_in_ : int
        Number of nodes.

    Notes
    -----
    M is dense: memory 4 * num_nodes**2 bytes (10,000 nodes: 0.4 GB, 100,000: 40 GB), refused beforehand if that does
    not fit; :class:`graphrep.ProNE` factorizes a sparse matrix. Time O(window * num_arcs * num_nodes) for M, or
    O(num_nodes**2 * rank), and O(num_nodes**2 * dimensions) for each of the 2 * power + 2 products of the SVD.

    A directed graph is taken as undirected (:meth:`graphrep.Graph.to_undirected`): the closed form assumes walks that
    can be reversed. Weights are those of the walks.

    References
    ----------
    .. [1] Qiu, Dong, Ma, Li, Wang, Tang. Network Embedding as Matrix Factorization: Unifying DeepWalk, LINE, PTE, and
       node2vec. WSDM 2018, Theorem 2.3, Algorithms 3 and 4.

    Examples
    --------
    >>> import networkx as nx
    >>> import graphrep as gr
    >>> gr.NetMF(dimensions=16, window=5).fit_transform(nx.karate_club_graph()).shape
    (34, 16)
    """

    dimensions: int = 128
    window: int = 10
    negatives: float = 1.0
    rank: int | None = None
    power: int = 4
    random_state: Any = 0
    n_jobs: int | None = None
    progress: bool | None = None

    _memory_advice = "use ProNE, whose memory grows with the number of edges"

    def transform(self, new: Any) -> Any:
        """Vectors of new nodes from their edges to the fitted nodes: a new row of M, multiplied by V S^(-1/2).

        Parameters
        ----------
        new : array or scipy.sparse matrix of shape (num_new, num_nodes), or graph
            As in :meth:`graphrep.FastRP.transform`.

        Returns
        -------
        float32 array of shape (num_new, dimensions), or NodeVectors
            A NodeVectors holds the nodes of the graph that were not fitted, or all of its nodes if every one was. A new
            node with the edges of a fitted node gets that node's vector, up to rounding (with ``rank``, up to the error
            of the eigenvectors).

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
        Memory 8 * num_nodes bytes for each of at most 512 new nodes at a time.
        """
        return self._new_vectors(new, undirected=True)

    def _embed(self, graph: Graph, **options: Any) -> F32:
        del options
        graph = graph.to_undirected()
        dimensions, power = checked_int("dimensions", self.dimensions, 1), checked_int("power", self.power, 0)
        checked_int("window", self.window, 1)
        checked_float("negatives", self.negatives, 0, exclusive=True)
        n, seed, keys = graph.num_nodes, resolve_seed(self.random_state), graph.node_keys()
        self._graph, self._eigen = graph, None
        steps = -(-n // _ROWS) + 2 * power + 2 + (0 if self.rank is None else _ROUNDS + 1)
        with (
            progress_bar(total=steps, desc="NetMF", unit=" blocks", progress=self.progress) as bar,
            one_blas_thread(),
        ):
            if self.rank is not None:
                self._eigen = self._eigenpairs(checked_int("rank", self.rank, 1), seed, bar.update)
            threads = resolve_threads(self.n_jobs)
            matrix = np.empty((n, n), dtype=np.float32)
            for first in range(0, n, _ROWS):
                own = np.arange(first, min(first + _ROWS, n))
                matrix[own[0] : own[-1] + 1] = self._rows(sp.csr_array(graph.to_scipy()[own]))
                bar.update()
            if graph.num_arcs and not matrix.any():
                warn_caller(
                    "the matrix of NetMF is zero because no pair is met more often than by chance times negatives, so "
                    "all vectors are zero; take a smaller window or fewer negatives."
                )

            def product(x: F32) -> F32:
                out = np.empty_like(x)
                by_rows(lambda rows: np.matmul(matrix[rows], x, out=out[rows]), len(x), threads)
                return out

            # M is symmetric. M' U = V S holds to rounding, so V S^(1/2) is what a row of M times U S^(-1/2) gives.
            u, values, v = randomized_svd(
                product,
                product,
                (n, n),
                dimensions,
                power=power,
                seed=seed,
                keys=keys,
                n_jobs=self.n_jobs,
                advance=bar.update,
            )
        root = np.sqrt(values)
        self.singular_values_ = values
        self._basis = u * np.divide(1, root, out=np.zeros_like(root), where=root > 0).astype(np.float32)
        vectors, self.scale_ = rms_scaled(v * root.astype(np.float32))
        return vectors

    def _rows(self, adjacency: sp.csr_array) -> F32:
        """Rows of M of nodes with these weights of the edges to the fitted nodes."""
        graph, degree = self._graph, np.asarray(adjacency.sum(axis=1), dtype=np.float64).ravel()
        volume = float(graph.weighted_degree().sum())
        walk = sp.csr_array(sp.diags_array(inverse(degree)) @ adjacency, dtype=np.float32)
        if self._eigen is not None:
            left, values = self._eigen  # D^-1/2 U, and the eigenvalues
            powers = sum(values**r for r in range(self.window))  # one step is walked here
            near = np.asarray(walk @ left, dtype=np.float32) * (powers * (values > 0)).astype(np.float32)
            total = multiply_rows(np.ascontiguousarray(near), left.T, n_jobs=self.n_jobs)
        else:
            # The columns of (P^r)' = (A D^-1)^r for r = 1 ... T, and D^-1 at the end.
            per_degree = inverse(graph.weighted_degree()).astype(np.float32)[:, None]
            power = np.ascontiguousarray(walk.T.toarray())
            columns, spare = power.copy(), np.empty_like(power)
            for _ in range(1, self.window):
                power *= per_degree
                power, spare = graph_matmul(graph, power, out=spare, n_jobs=self.n_jobs), power
                columns += power
            columns *= per_degree
            total = columns.T
        total = total * np.float32(volume / (self.negatives * self.window))
        # An entry that is 1 but for rounding would be noise, and all there is in a star.
        total[total < _LEAST] = 1
        logs: F32 = np.log(total, out=total)
        return logs

    def _eigenpairs(self, rank: int, seed: int, advance: Callable[[], object]) -> tuple[F32, F64]:
        """D^-1/2 U and the eigenvalues of the largest eigenpairs of D^-1/2 A D^-1/2."""
        graph = self._graph
        root = np.sqrt(inverse(graph.weighted_degree())).astype(np.float32)[:, None]

        def scaled(x: F32) -> F32:
            y = graph_matmul(graph, x * root, n_jobs=self.n_jobs)
            y *= root
            return y

        def damped(x: F32) -> F32:
            """The Chebyshev polynomial that is at most 1 on [-1, 0] and grows above: eigenvalues lie in [-1, 1]."""
            before, power = x, 2 * scaled(x) + x
            for _ in range(1, _DEGREE):
                before, power = power, 4 * scaled(power) + 2 * power - before
            return power

        vectors, values = symmetric_eigenpairs(
            scaled,
            graph.num_nodes,
            rank,
            order=lambda w: w,
            steps=[damped] * _ROUNDS,
            seed=seed,
            keys=graph.node_keys(),
            n_jobs=self.n_jobs,
            advance=advance,
        )
        vectors *= root
        return vectors, np.minimum(values, 1)

    def _vectors_of(self, rows: sp.csr_array) -> F32:
        parts = [self._rows(sp.csr_array(rows[i : i + _ROWS])) @ self._basis for i in range(0, rows.shape[0], _ROWS)]
        found = np.concatenate([np.zeros((0, self._basis.shape[1]), np.float32), *parts])
        return np.asarray(found * np.float32(self.scale_), dtype=np.float32)

    def _memory_needed(self, graph: Graph) -> int:
        n, width = graph.num_nodes, checked_int("dimensions", self.dimensions, 1) + 16
        kept = 0 if self.rank is None else 8 * n * (checked_int("rank", self.rank, 1) + 16)
        return 4 * n * n + 16 * n * min(_ROWS, n) + 16 * n * width + kept

    def _state(self) -> dict[str, Any]:
        left, values = (None, None) if self._eigen is None else self._eigen
        fitted = {"scale_": self.scale_, "singular_values_": self.singular_values_, "_basis": self._basis}
        return (
            super()._state()
            | fitted
            | {"_eigen": {"left": left, "values": values}}
            | {"_graph": packed_graph(self._graph)}
        )

    def _restore(self, state: dict[str, Any]) -> None:
        graph, (left, values) = unpacked_graph(state["_graph"]), (state["_eigen"][key] for key in ("left", "values"))
        if state["_basis"].shape != (graph.num_nodes, state["embedding_"].shape[1]):
            raise ValueError("graph and vectors differ in size")
        if left is not None and left.shape != (graph.num_nodes, len(values)):
            raise ValueError("graph and eigenvectors differ in size")
        super()._restore(state | {"_graph": graph, "_eigen": None if left is None else (left, values)})
