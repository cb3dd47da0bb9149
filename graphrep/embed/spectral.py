"""Spectral embedding: leading eigenvectors of the degree-normalized adjacency matrix."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from sklearn.utils.validation import check_is_fitted

from graphrep import _random
from graphrep._checks import checked_float, checked_int, checked_ints
from graphrep._embedder import is_matrix, new_arcs_of_both_directions
from graphrep._names import as_pairs
from graphrep._rows import Arcs, Rows, mean_weight
from graphrep._saving import packed_graph, unpacked_graph
from graphrep._svd import column_signs
from graphrep.embed._base import ShardedEmbedder
from graphrep.embed._blocks_on_disk import DiskNeeds
from graphrep.embed._division import Division, Needs
from graphrep.embed._filter import leading_eigenpairs
from graphrep.embed.finishing import RMS
from graphrep.graph import Graph, untyped_graph
from graphrep.learn.checkpoint import digest

if TYPE_CHECKING:
    from graphrep.distributed import Ranks

__all__ = ["Spectral"]

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]

_PAIRS = 1 << 18  # pairs scored at a time


class _Choice(NamedTuple):
    which: str
    alpha: float
    power: float


# What which="auto" tries: communities, and roles or words, whose neighbors are unlike themselves.
_CANDIDATES = (_Choice("LA", 0.45, 1.0), _Choice("LM", 0.35, 0.5))


@dataclass(kw_only=True, eq=False, repr=False)
class Spectral(ShardedEmbedder):
    r"""Leading eigenvectors of the regularized, degree-normalized adjacency matrix.

    With the weighted degrees D, :math:`S = (D + \tau)^{-a} A\, (D + \tau)^{-a}` has eigenvectors
    :math:`y_1, y_2, \ldots` of eigenvalues :math:`\lambda_1 \ge \lambda_2 \ge \ldots`, and node v gets

    .. math:: x_v = c\, (\max(\lambda_1, 0)^p\, y_{1v}, \ldots, \max(\lambda_k, 0)^p\, y_{kv}),

    where c makes the root mean square of the lengths 3, at which the default penalty of a logistic regression is fair.
    Eigenvectors of negative eigenvalues separate nodes from their neighbors; an SVD, which takes eigenvalues by
    magnitude (``which="LM"``), spends a third of its columns on them, which helps where neighbors are unlike (words,
    roles) and harms where they are alike (communities).

    A directed graph gets two vectors per node, from the singular vectors :math:`u_i, v_i` of
    :math:`(D_{out} + \tau)^{-a} A\, (D_{in} + \tau)^{-a}`: its role as a source and as a target of arcs.

    Parameters
    ----------
    dimensions : int
        k. Of a directed graph, sources get half of the columns (rounded up) and targets the others.
    which : {"LA", "LM", "auto"}
        Largest eigenvalues by value or by magnitude, with :math:`|\lambda|^p` for the latter. "auto" takes the one of
        ("LA", alpha=0.45, power=1) and ("LM", alpha=0.35, power=0.5) that is better on the labels or validation pairs
        that ``fit`` is given.
    alpha : float, optional
        a; default: 0.45 for "LA", 0.35 for "LM". 0.5 is the normalized Laplacian's.
    power : float, optional
        p; default: 1 for "LA", 0.5 for "LM". Scores of links want 1, which :meth:`score_pairs` uses in any case.
    tau : float
        :math:`\tau` in units of the mean weight of an arc, so that the scale of the weights has no effect. It keeps
        small components and nodes of low degree from taking eigenvectors for themselves.
    filter_degrees : sequence of int
        Degrees of the Chebyshev polynomials, one per round of the subspace iteration. (6, 6) finds the span to a
        fraction that is as good for classification as the exact one; (8, 8, 8) has the upper half of the eigenvalues to
        four digits.
    oversampling : int
        Columns of the iteration beyond k.
    finish : {"center", "smooth", "orthogonalise", "whiten"}, sequence of them, or None
        Finishing steps, in order: :func:`graphrep.embed.smooth` and its neighbors. New nodes go through them as well.
    random_state : int, RandomState, Generator or None
        Seed of the start block. A row of it belongs to the node's name.
    n_jobs : int or None
        Number of threads; the result does not depend on it.
    progress : bool, optional
        Whether a progress bar is shown. Default: in terminals and Jupyter.

    Attributes
    ----------
    embedding_ : float32 array of shape (num_nodes, dimensions)
        Of a directed graph, ``source_`` beside ``target_``.
    eigenvalues_ : float64 array of shape (k,)
        In the order of the columns; singular values of a directed graph.
    eigenvectors_ : float32 array of shape (num_nodes, k)
        Orthonormal columns; those that ``embedding_`` scales by 0 are 0. Undirected graphs only.
    source_, target_ : float32 arrays of shape (num_nodes, k)
        Of a directed graph: :math:`c\, \sigma^p u_v` and :math:`c\, \sigma^p v_v`.
    which_, alpha_, power_ : str, float, float
        As chosen.
    nodes_ : array of shape (num_nodes,)
    node_vectors_ : NodeVectors
    n_features_in_ : int

    Notes
    -----
    Chebyshev-filtered subspace iteration in float32 [1]_: each round applies a polynomial that is small on the unwanted
    part of the spectrum, then solves a generalized eigenproblem of the block's size in float64 (Rayleigh-Ritz). With
    (6, 6) that is 14 products with the graph, in place: time O(14 num_arcs (k + q) + 6 num_nodes (k + q)^2), memory two
    blocks of 4 num_nodes (k + q) bytes; a directed graph counts as an undirected one of twice the nodes. Eigenvalues
    agree with exact ones to a few percent at the lower end. A graph of at most 256 or k + q nodes is
    decomposed densely.

    An isolated node gets a zero vector. Signs: the largest entry of each column is positive. The regularization is that
    of [2]_.

    References
    ----------
    .. [1] Zhou, Saad, Tiago, Chelikowsky. Self-consistent-field calculations using Chebyshev-filtered subspace
       iteration. Journal of Computational Physics 219, 2006, section 3.
    .. [2] Amini, Chen, Bickel, Levina. Pseudo-likelihood methods for community detection in large sparse networks.
       Annals of Statistics 41, 2013, section 2.3 (as :math:`A + \tau`; here on the degrees alone).

    Examples
    --------
    >>> import networkx as nx
    >>> import graphrep as gr
    >>> model = gr.Spectral(dimensions=4).fit(nx.karate_club_graph())
    >>> model.embedding_.shape
    (34, 4)
    >>> model.eigenvalues_.round(2)
    array([1.15, 0.97, 0.8 , 0.61])
    """

    dimensions: int = 128
    which: str = "LA"
    alpha: float | None = None
    power: float | None = None
    tau: float = 1.0
    filter_degrees: Sequence[int] = (6, 6)
    oversampling: int = 16
    random_state: Any = 0
    n_jobs: int | None = None
    progress: bool | None = None

    def fit(
        self,
        graph: Any,
        y: Any = None,
        *,
        val: Any = None,
        ranks: Ranks | None = None,
        shard: str = "columns",
        out: str | os.PathLike[str] | None = None,
        memory: int | str | None = None,
    ) -> Spectral:
        """Embed a graph.

        Parameters
        ----------
        graph : Graph or anything :func:`graphrep.as_graph` takes
            Of a LinkSplit's training graph, with ``val`` its validation pairs.
        y : array of shape (num_nodes,), 0/1 matrix of shape (num_nodes, num_labels) or Series by name, optional
            Labels for the choice of ``which="auto"``, as :func:`graphrep.evaluate.node_classification` takes them:
            negative integers, or rows of zeros, are unlabeled. Hide those of test nodes. Ignored otherwise.
        val : LinkSplit, or pair of int arrays of shapes (2, num_pos) and (2, num_neg), optional
            Validation pairs for the choice of ``which="auto"``.
        ranks : Ranks, optional
            Of :func:`graphrep.distributed.connect`: each computes the products of some of the columns, and the sums of
            some of the rows. The bits are those of one process. All ranks call ``fit`` with the same graph, settings
            and labels or pairs, which is checked, and each gets all vectors.
        shard : {"columns", "rows"}
            "rows", with ``out``, for a graph that does not fit one host: each rank reads and holds the arcs and vectors
            of its rows alone, and gets the rows that its arcs lead to from other ranks, before every product. The bits
            are the same. Give a mapped graph (:func:`graphrep.open_graph` with ``verify=False``).
        out : path, optional
            Write the vectors to this ``.npy`` file, as ``node_vectors_.save(out)`` would, bit by bit, and compute on
            the disk what ``memory`` does not hold. ``embedding_`` is mapped from it, read-only. Not with ``finish`` or
            ``which="auto"``.
            Several ranks need ``shard="rows"``, and a disk that all of them see.
        memory : int or str, optional
            With ``out``: bytes that each process may use, such as ``"4GB"`` (the default), beside those of the
            interpreter and its libraries; a mapped graph takes none.

        Returns
        -------
        self

        Raises
        ------
        MemoryError
            The graph does not fit, or ``memory`` is too little for a column, or for the rows of a rank.
        OSError
            The disk is full, or ``out`` cannot be written.
        RankError
            Another rank failed.
        ValueError
            A parameter out of range; ``which="auto"`` without labels or pairs; ranks that disagree.

        Notes
        -----
        With ``out`` and less ``memory`` than ``estimate`` says, the two blocks of the iteration lie in files beside
        ``out``, of a directed graph with its arcs in both directions. A round reads each column once for all of its
        products, which pass over the arcs once for each range of columns that fits (8 bytes per node and column, and 64
        per node), then reads and writes the rows.
        """
        where: dict[str, Any] = {"shard": shard, "out": out, "memory": memory}
        if self.which != "auto":
            return self._fit_together(graph, ranks, **where, y=None, val=None)
        if (y is None) == (val is None):
            raise ValueError('which="auto" chooses by y (labels) or val (validation pairs); give one of them to fit.')
        return self._fit_together(graph, ranks, **where, y=y, val=val)

    def fit_transform(
        self,
        graph: Any,
        y: Any = None,
        *,
        val: Any = None,
        ranks: Ranks | None = None,
        shard: str = "columns",
        out: str | os.PathLike[str] | None = None,
        memory: int | str | None = None,
    ) -> F32:
        """Embed a graph; return float32 vectors of shape (num_nodes, dimensions), in the order of ``g.nodes``.

        The parameters are those of :meth:`fit`.
        """
        return self.fit(graph, y, val=val, ranks=ranks, shard=shard, out=out, memory=memory).embedding_

    def _embed_rows(self, graph: Graph, division: Division, **options: Any) -> F32:
        self._checked_which()
        y, val = options["y"], options["val"]
        pairs = [val.valid, val.valid_neg] if hasattr(val, "valid") else val
        labels = [y.to_numpy(), list(y.index)] if hasattr(y, "index") and hasattr(y, "to_numpy") else y
        given = {"labels": digest(labels)[:16], "val": digest(pairs)[:16]}
        seed = self._agreed_seed(graph, division, **given)
        if self.which == "auto":
            return self._choose(graph, y, val, division, seed)
        self._use(self._choice(_CANDIDATES[self.which == "LM"]))
        return self._solve(graph, division, seed)

    def _checked_which(self) -> None:
        if self.which not in ("LA", "LM", "auto"):
            raise ValueError(f'which must be "LA", "LM" or "auto", got {self.which!r}.')

    def _choice(self, default: _Choice) -> _Choice:
        """A default with the parameters that are given."""
        return _Choice(
            default.which,
            default.alpha if self.alpha is None else checked_float("alpha", self.alpha, 0, 1),
            default.power if self.power is None else checked_float("power", self.power, 0),
        )

    def _use(self, choice: _Choice) -> None:
        self.which_, self.alpha_, self.power_ = choice

    def _solve(self, graph: Graph, division: Division, seed: int) -> F32:
        dimensions = checked_int("dimensions", self.dimensions, 1)
        degrees = checked_ints("filter_degrees", self.filter_degrees, 1, 10)
        if not degrees:
            raise ValueError("filter_degrees must name at least one degree, got none.")
        oversampling = checked_int("oversampling", self.oversampling, 0)
        tau = checked_float("tau", self.tau, 0)
        keys, k = graph.node_keys(), dimensions
        if graph.directed:
            arcs, rows = division.cover(graph)
            keys, k = _double_keys(keys, graph.num_nodes), -(-dimensions // 2)
        else:
            arcs, rows = division.arcs(graph)
        degree = arcs.degree()
        degree += tau * mean_weight(arcs, rows, degree)
        logarithm = np.log(degree, out=np.zeros_like(degree), where=degree > 0)
        factor = np.where(degree > 0, np.exp(-self.alpha_ * logarithm), 0.0)
        products = rows.passes(k + oversampling) * (sum(degrees) + len(degrees))
        with self._bar(division.ranks, products, " products") as bar:
            vectors, values = leading_eigenpairs(
                arcs,
                factor,
                k,
                magnitude=self.which_ == "LM",
                degrees=degrees,
                oversampling=oversampling,
                seed=seed,
                keys=keys,
                rows=rows,
                step=bar.update,
            )

        return self._arrange(vectors, values, graph, rows)

    def _arrange(self, vectors: F32, values: F64, graph: Graph, rows: Rows) -> F32:
        """Signs, eigenvalue power and scale."""
        self._graph, self.eigenvalues_ = graph, values
        weight = column_signs(vectors, rows) * self._sizes() ** self.power_
        size = np.sqrt((rows.squares(vectors) * weight**2).sum() / graph.num_nodes)
        self._scale = float(RMS / size) if size > 0 else 1.0
        scale = (self._scale * weight).astype(np.float32)

        def scaled(x: F32) -> None:
            x *= scale
            x[:, weight == 0] = 0  # without signs

        def side_by_side(x: F32) -> F32:
            return np.ascontiguousarray(x.reshape(-1, 2 * x.shape[1])[:, : self.dimensions])

        rows.each(scaled, vectors)
        # Sources beside targets, of which the last is left out where the number of columns is odd.
        return rows.map(side_by_side, vectors) if graph.directed else vectors

    def _choose(self, graph: Graph, y: Any, val: Any, division: Division, seed: int) -> F32:
        """The vectors of the candidate that is best by labels or pairs, the first of equals."""
        best = None
        for candidate in map(self._choice, _CANDIDATES):
            self._use(candidate)
            vectors = self._solve(graph, division, seed)
            whole = division.whole(graph, vectors)
            quality = _label_quality(whole, y, graph) if val is None else self._link_quality(whole, val, graph)
            quality = division.ranks.tell("the quality of a candidate", quality)[0]
            if best is None or quality > best[0]:
                best = quality, candidate, self.eigenvalues_, self._scale, vectors
        assert best is not None
        _, chosen, self.eigenvalues_, self._scale, vectors = best
        self._use(chosen)
        return vectors

    @property
    def eigenvectors_(self) -> F32:
        """Orthonormal eigenvectors as columns, float32; 0 where ``embedding_`` scales them by 0."""
        check_is_fitted(self, "embedding_")
        if self._graph.directed:
            raise AttributeError("eigenvectors_ is for undirected graphs; see source_ and target_ of directed ones.")
        return np.asarray(self._unfinished * _inverse(self._column_scale()).astype(np.float32))

    @property
    def source_(self) -> F32:
        """Vectors of nodes as sources of arcs; of an undirected graph, the unfinished vectors."""
        check_is_fitted(self, "embedding_")
        return self._unfinished[:, : -(-self.dimensions // 2)] if self._graph.directed else self._unfinished

    @property
    def target_(self) -> F32:
        """Vectors of nodes as targets of arcs; of an undirected graph, the unfinished vectors."""
        check_is_fitted(self, "embedding_")
        return self._unfinished[:, -(-self.dimensions // 2) :] if self._graph.directed else self._unfinished

    def score_pairs(self, pairs: Any) -> F32:
        r"""Untrained link scores :math:`\sum_i \lambda_i^2\, y_{iu}\, y_{iv}`.

        Of a directed graph, :math:`\sum_i \sigma_i^2\, u_{iu}\, v_{iv}` for an arc from u to v. This is the dot product
        of vectors scaled by eigenvalues, for any ``power``. It keeps the degrees, which carry much of the signal of
        links; unit rows or unscaled eigenvectors do not.

        Parameters
        ----------
        pairs : int array of shape (2, num_pairs), or list of pairs of names (u, v)
            Rows, or names.

        Returns
        -------
        float32 array of shape (num_pairs,)

        Notes
        -----
        Pairs of the fitted graph's edges score higher than they would had the edge been hidden.
        """
        check_is_fitted(self, "embedding_")
        ends = as_pairs(pairs, self._graph)
        k = self.target_.shape[1]
        weight = _inverse(self._column_scale()) ** 2 * self._sizes() ** 2
        weight = weight[:k].astype(np.float32)
        out = np.empty(ends.shape[1], dtype=np.float32)
        for begin in range(0, len(out), _PAIRS):
            u, v = ends[:, begin : begin + _PAIRS]
            np.einsum(
                "ij,ij,j->i",
                self.source_[u, :k],
                self.target_[v],
                weight,
                out=out[begin : begin + len(u)],
                optimize=False,
            )
        return out

    def transform(self, new: Any) -> Any:
        r"""Vectors of new nodes from their arcs to fitted nodes, without fitting again (Nyström's formula).

        A new node with weights w and degree d gets :math:`y_i = (d + \tau)^{-a} \sum_v w_v (d_v + \tau)^{-a}
        y_{iv} / \lambda_i`, the equation that eigenvectors satisfy, scaled as the fitted vectors are. Degrees of the
        fitted nodes stay as they are.

        Parameters
        ----------
        new : array or scipy.sparse matrix of shape (num_new, num_nodes), or graph
            As in :meth:`graphrep.FastRP.transform`.

        Returns
        -------
        float32 array of shape (num_new, dimensions), or NodeVectors

        Raises
        ------
        ValueError
            The fitted graph is directed and ``new`` is a matrix, which has no arcs in the other direction; or none of
            the nodes was fitted.
        """
        check_is_fitted(self, "embedding_")
        if not self._graph.directed:
            return self._new_vectors(new)
        if is_matrix(new):
            raise ValueError("new must be a graph, because a directed graph was fitted; a matrix lacks the arcs back.")
        g = untyped_graph(new) if isinstance(new, Graph) else untyped_graph(new, directed=True)
        names, rows, back = new_arcs_of_both_directions(g, self._graph)
        return self._named(names, self._finish_rows(rows, self._vectors_of(rows, back)))

    def _vectors_of(self, rows: sp.csr_array, back: sp.csr_array | None = None) -> F32:
        """Vectors of nodes with these arcs to fitted nodes, and of a directed graph also from them."""
        degrees = self._graph.weighted_degree()
        tau = self.tau * mean_weight(Arcs(self._graph), Rows(self._graph.num_nodes), degrees)
        inverse = _inverse(self.eigenvalues_)

        def ends(arcs: Any, fitted_degree: F64, vectors: F32) -> F32:
            degree = np.asarray(arcs.sum(axis=1)).ravel()
            there = np.unique(arcs.indices)  # of vectors that may be mapped from a file
            factor = _power(fitted_degree[there] + tau, -self.alpha_)
            sums = arcs[:, there] @ (vectors[there] * factor[:, None])
            return np.asarray(sums * _power(degree + tau * (degree > 0), -self.alpha_)[:, None], dtype=np.float64)

        if back is None:
            values = inverse[: self.dimensions]
            return np.asarray(ends(rows, degrees, self._unfinished) * values, dtype=np.float32)
        source = ends(rows, self._graph.weighted_degree(incoming=True), self.target_)
        target = ends(back, degrees, self.source_)
        k = self.target_.shape[1]
        if source.shape[1] < self.source_.shape[1]:  # an odd number of columns: the last one has no target half
            source = np.pad(source, ((0, 0), (0, 1)))
        return np.concatenate([source * inverse[: source.shape[1]], target[:, :k] * inverse[:k]], 1).astype(np.float32)

    def _column_scale(self) -> F64:
        return np.asarray(self._scale * self._sizes() ** self.power_)

    def _sizes(self) -> F64:
        return np.asarray(np.maximum(self.eigenvalues_, 0) if self.which_ == "LA" else np.abs(self.eigenvalues_))

    def _link_quality(self, vectors: F32, val: Any, graph: Graph) -> float:
        from graphrep.evaluate.metrics import roc_auc

        self._unfinished = self.embedding_ = vectors
        positive, negative = (val.valid, val.valid_neg) if hasattr(val, "valid") else val
        return float(roc_auc(self.score_pairs(as_pairs(positive, graph)), self.score_pairs(as_pairs(negative, graph))))

    def _needs_by_rows(self, graph: Graph) -> Needs:
        width, k = self._widths(graph)
        return Needs(width, 8 * width + 4 * k + 60, gram=width)

    def _needs_on_disk(self, graph: Graph) -> DiskNeeds:
        rows, rounds = (
            graph.num_nodes * (1 + graph.directed),
            len(checked_ints("filter_degrees", self.filter_degrees, 1)),
        )
        return DiskNeeds(
            rows, self._widths(graph)[0], row=84 if graph.directed else 64, blocks=2, files=2, passes=6 * rounds
        )

    def _widths(self, graph: Graph) -> tuple[int, int]:
        """Columns of the blocks, and of eigenvectors, of a fit whose vectors go to a file."""
        self._checked_which()
        if self.which == "auto":
            raise ValueError('which="auto" needs all vectors in memory; give "LA" or "LM" with out=.')
        k = checked_int("dimensions", self.dimensions, 1)
        k = -(-k // 2) if graph.directed else k
        return k + checked_int("oversampling", self.oversampling, 0), k

    def _memory_needed(self, graph: Graph) -> int:
        dimensions = checked_int("dimensions", self.dimensions, 1)
        oversampling = checked_int("oversampling", self.oversampling, 0)
        if graph.directed:
            rows, columns, arcs = 2 * graph.num_nodes, -(-dimensions // 2) + oversampling, graph.num_arcs
        else:
            rows, columns, arcs = graph.num_nodes, dimensions + oversampling, 0
        # The double cover, and what it takes to make it.
        return max((8 * columns + 90) * rows + 32 * columns**2 + 16 * arcs, 40 * arcs)

    def _thread_seconds(self, graph: Graph) -> float:
        width = self.dimensions + 16
        return 14 * graph.num_arcs * width * 4 / 1e10 + 6 * graph.num_nodes * width**2 / 3e10

    def _state(self) -> dict[str, Any]:
        names = ("eigenvalues_", "which_", "alpha_", "power_", "_scale")
        return super()._state() | {name: getattr(self, name) for name in names} | {"_graph": packed_graph(self._graph)}

    def _restore(self, state: dict[str, Any]) -> None:
        graph = unpacked_graph(state["_graph"])
        k = -(-self.dimensions // 2) if graph.directed else self.dimensions
        if graph.num_nodes != len(state["embedding_"]) or state["eigenvalues_"].shape != (k,):
            raise ValueError("graph and vectors differ in size")
        super()._restore(state | {"_graph": graph})


def _inverse(values: F64) -> F64:
    return np.divide(1.0, values, out=np.zeros_like(values), where=np.abs(values) > 1e-12)


def _power(values: F64, exponent: float) -> F64:
    there = values > 0
    return np.where(there, np.where(there, values, 1.0) ** exponent, 0.0)


def _double_keys(keys: Any, n: int) -> Any:
    """Keys of the rows of the cover: those of the names, each followed by another for the target."""
    keys = np.arange(n, dtype=np.uint64) if keys is None else keys
    return np.stack([keys, _random.mix64(keys + _random.GOLDEN)], axis=1).reshape(-1)


def _label_quality(vectors: F32, y: Any, graph: Graph) -> float:
    """Macro-F1 on held-out parts of the labeled nodes, of unit rows."""
    from graphrep.evaluate.node_classification import node_classification
    from graphrep.vectors import NodeVectors

    named = NodeVectors(vectors, graph.nodes, {}) if graph.node_keys() is not None else vectors
    found = node_classification(named, y, ratios=[2 / 3], repeats=3, C=10, normalize="l2", majority=False)
    return float(found.mean("macro_f1")[0])
