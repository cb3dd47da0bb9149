"""Recommenders in closed form: popularity, nearest items, EASE and GF-CF."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from graphrep._checks import checked_float, checked_int
from graphrep._interactions import Interactions
from graphrep._memory import check_memory
from graphrep._names import node_keys
from graphrep._random import resolve_seed
from graphrep._sparse import largest_entries
from graphrep._svd import inverse, randomized_svd
from graphrep._threads import one_blas_thread, own_blas_thread, resolve_threads
from graphrep.ops.tall import multiply_rows
from graphrep.recommend._base import Recommender

__all__ = ["EASE", "GFCF", "ItemKNN", "Popularity"]

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]

_TILE = 256  # rows that one thread handles at a time; the last digits of an inverse depend on it


@dataclass(kw_only=True, eq=False, repr=False)
class Popularity(Recommender):
    """The number of users of each item: the same ranking for all users, the row that every table needs.

    Examples
    --------
    >>> import graphrep as gr
    >>> gr.Popularity().fit([("ann", "tea"), ("bob", "tea"), ("bob", "jam")]).recommend("ann")
    [[('jam', 1.0)]]
    """

    _learned: ClassVar[tuple[str, ...]] = ("counts_",)

    def _learn(self, found: Interactions) -> None:
        self.counts_ = np.bincount(found.matrix.indices, minlength=found.matrix.shape[1]).astype(np.float32)

    def _score(self, rows: Any) -> F32:
        return np.tile(self.counts_, (rows.shape[0], 1))


@dataclass(kw_only=True, eq=False, repr=False)
class ItemKNN(Recommender):
    r"""Scores by the most similar items: the sum over a user's items j of the cosine of i and j.

    .. math:: S_{ij} = \frac{(X^\top X)_{ij}}{\sqrt{n_i n_j} + \texttt{shrinkage}}, \quad S_{ii} = 0, \qquad
        \mathrm{score} = X S.

    Parameters
    ----------
    neighbors : int
        Entries that are kept in each row of S, the largest ones, the lower column first if equal.
    shrinkage : float
        Lowers the similarity of items with few users, whose cosines are high by chance.

    Attributes
    ----------
    similarity_ : float32 CSR matrix of shape (num_items, num_items)
        S.

    Notes
    -----
    Time and memory of the sparse product :math:`X^\top X`, in blocks of items.

    Examples
    --------
    >>> import graphrep as gr
    >>> pairs = [("ann", "tea"), ("bob", "tea"), ("bob", "jam"), ("cy", "jam"), ("cy", "nut")]
    >>> gr.ItemKNN(shrinkage=0.0).fit(pairs).recommend("ann", k=1)
    [[('jam', 0.5)]]
    """

    neighbors: int = 1000
    shrinkage: float = 10.0

    _learned: ClassVar[tuple[str, ...]] = ("similarity_",)

    def _learn(self, found: Interactions) -> None:
        checked_int("neighbors", self.neighbors, 1)
        checked_float("shrinkage", self.shrinkage, 0.0)
        matrix = found.matrix
        counts = np.bincount(matrix.indices, minlength=matrix.shape[1]).astype(np.float64)
        transposed, parts = sp.csr_array(matrix.T), []
        for first in range(0, matrix.shape[1], 1024):
            block = sp.csr_array(transposed[first : first + 1024] @ matrix)
            rows = np.repeat(np.arange(block.shape[0]), np.diff(block.indptr)) + first
            values = block.data / (np.sqrt(counts[rows] * counts[block.indices]) + self.shrinkage)
            block.data = np.where(rows == block.indices, 0, values).astype(np.float32)
            block.eliminate_zeros()
            parts.append(largest_entries(block, self.neighbors))
        self.similarity_ = sp.csr_array(sp.vstack(parts))

    def _score(self, rows: Any) -> F32:
        scores: F32 = (rows @ self.similarity_.T).toarray()
        return scores


@dataclass(kw_only=True, eq=False, repr=False)
class EASE(Recommender):
    r"""A linear model of items on items with a zero diagonal, in closed form.

    .. math:: P = (X^\top X + \lambda I)^{-1}, \qquad B_{ij} = -P_{ij} / P_{jj}, \quad B_{jj} = 0, \qquad
        \mathrm{score} = X B.

    Parameters
    ----------
    l2 : float
        :math:`\lambda`.
    n_jobs : int or None
        Threads of the inversion; the result does not depend on their number.

    Attributes
    ----------
    weights_ : float32 array of shape (num_items, num_items)
        B.

    Notes
    -----
    Time num_items ** 3 multiplications, memory 24 bytes * num_items ** 2; MemoryError beyond what is available.

    References
    ----------
    Steck. Embarrassingly Shallow Autoencoders for Sparse Data. WWW 2019, section 3.

    Examples
    --------
    >>> import graphrep as gr
    >>> pairs = [("ann", "tea"), ("bob", "tea"), ("bob", "jam"), ("cy", "jam"), ("cy", "nut")]
    >>> gr.EASE(l2=1.0).fit(pairs).recommend("ann", k=1)[0][0][0]
    'jam'
    """

    l2: float = 100.0
    n_jobs: int | None = None

    _learned: ClassVar[tuple[str, ...]] = ("weights_",)

    def _learn(self, found: Interactions) -> None:
        checked_float("l2", self.l2, 0.0, exclusive=True)
        threads, n = resolve_threads(self.n_jobs), found.matrix.shape[1]
        check_memory(24 * n * n, f"EASE with {n:,} items", "use ItemKNN, which is sparse")
        gram = (found.matrix.T @ found.matrix).toarray().astype(np.float64)
        gram[np.diag_indices(n)] += self.l2
        precision = inverted(gram, threads)
        weights = precision.astype(np.float32)
        weights /= -np.diagonal(precision).astype(np.float32)
        weights[np.diag_indices(n)] = 0
        self.weights_ = weights

    def _score(self, rows: Any) -> F32:
        scores: F32 = rows @ self.weights_
        return scores


@dataclass(kw_only=True, eq=False, repr=False)
class GFCF(Recommender):
    r"""A graph filter in closed form: a linear low-pass filter, and an ideal one of the leading singular vectors.

    With the numbers of items and users on the diagonals of :math:`D_U` and :math:`D_I`, :math:`\tilde R = D_U^{-1/2} R
    D_I^{-1/2}` and its leading right singular vectors V,

    .. math:: \mathrm{score}_u = r_u \bigl(\tilde R^\top \tilde R
        + \alpha\, D_I^{-1/2} V V^\top D_I^{1/2}\bigr).

    Parameters
    ----------
    dimensions : int
        Number of singular vectors.
    ideal : float
        :math:`\alpha`, the weight of the ideal filter; 0 leaves it out, and with it the decomposition.
    random_state : int, RandomState, Generator or None
        Start of the decomposition.
    n_jobs : int or None
        Number of threads; the result does not depend on it.

    Attributes
    ----------
    normalized_ : float32 CSR matrix of shape (num_users, num_items)
        :math:`\tilde R`.
    item_factors_ : float32 array of shape (num_items, dimensions)
        V.

    Notes
    -----
    Fitting takes 10 sparse products with dimensions + 16 columns. Scores of a user take two sparse products and
    O(num_items * dimensions); no matrix of items by items is made.

    References
    ----------
    Shen et al. How Powerful is Graph Convolution for Recommendation? CIKM 2021, section 4.2.

    Examples
    --------
    >>> import graphrep as gr
    >>> pairs = [("ann", "tea"), ("bob", "tea"), ("bob", "jam"), ("cy", "jam"), ("cy", "nut")]
    >>> gr.GFCF(dimensions=2).fit(pairs).recommend("ann", k=1)[0][0][0]
    'jam'
    """

    dimensions: int = 256
    ideal: float = 0.3
    random_state: Any = 0
    n_jobs: int | None = None

    _learned: ClassVar[tuple[str, ...]] = ("normalized_", "item_factors_")

    def _learn(self, found: Interactions) -> None:
        checked_int("dimensions", self.dimensions, 1)
        checked_float("ideal", self.ideal, 0.0)
        seed, matrix = resolve_seed(self.random_state), found.matrix
        users, items = np.diff(matrix.indptr), np.bincount(matrix.indices, minlength=matrix.shape[1])
        scaled = _inverse_root(users)[:, None] * matrix * _inverse_root(items)
        self.normalized_ = forward = sp.csr_array(scaled, dtype=np.float32)
        self.item_factors_ = np.zeros((matrix.shape[1], 0), dtype=np.float32)
        if self.ideal:
            back = sp.csr_array(forward.T)
            keys = node_keys(found.items)
            rank = min(self.dimensions, *matrix.shape)
            self.item_factors_ = randomized_svd(
                lambda x: forward @ x,
                lambda y: back @ y,
                matrix.shape,
                rank,
                power=4,
                seed=seed,
                keys=keys,
                n_jobs=self.n_jobs,
            ).right

    def _score(self, rows: Any) -> F32:
        forward = self.normalized_
        scores: F32 = ((rows @ forward.T) @ forward).toarray()
        if self.ideal:
            items = np.bincount(forward.indices, minlength=forward.shape[1])
            before = rows @ (_inverse_root(items)[:, None] * self.item_factors_)
            after = (np.float32(self.ideal) * self.item_factors_ * np.sqrt(items, dtype=np.float32)[:, None]).T
            scores += multiply_rows(np.ascontiguousarray(before, np.float32), after, n_jobs=self.n_jobs)
        return scores

    def _check_learned(self, num_users: int, num_items: int) -> None:
        if self.normalized_.shape != (num_users, num_items) or len(self.item_factors_) != num_items:
            raise ValueError("interactions and model differ in size")


def _inverse_root(counts: npt.NDArray[np.integer[Any]]) -> F32:
    """1 / sqrt of counts, 0 where they are 0."""
    return np.asarray(inverse(np.sqrt(counts, dtype=np.float64)), dtype=np.float32)


def inverted(matrix: F64, threads: int) -> F64:
    r"""Inverse of a symmetric positive definite matrix, in its place, with the same bits for any number of threads.

    Blocks K of the diagonal are swept one after the other, which turns :math:`A_{KK}` into :math:`-A_{KK}^{-1}`,
    :math:`A_{IK}` into :math:`A_{IK} A_{KK}^{-1}` and :math:`A_{IJ}` into :math:`A_{IJ} - A_{IK} A_{KK}^{-1} A_{KJ}`;
    after all of them the matrix is minus its inverse. Only the lower triangle is computed. Each product is that of one
    tile by one thread of BLAS, whose results depend on the number of threads.
    """
    n = len(matrix)
    tiles = [slice(first, min(first + _TILE, n)) for first in range(0, n, _TILE)]
    with one_blas_thread(), ThreadPoolExecutor(threads) as pool:

        def run(work: Callable[[slice], None], parts: list[slice]) -> None:
            if threads == 1:
                for part in parts:
                    work(part)
                return

            def alone(part: slice) -> None:
                with own_blas_thread():
                    work(part)

            for _ in pool.map(alone, parts):
                pass

        for pivot in tiles:
            inner = np.linalg.inv(matrix[pivot, pivot])
            inner = (inner + inner.T) / 2
            panel = np.concatenate([matrix[pivot, : pivot.start].T, matrix[pivot.start :, pivot]])
            scaled = np.empty_like(panel)

            def scale(tile: slice, panel: F64 = panel, scaled: F64 = scaled, inner: F64 = inner) -> None:
                scaled[tile] = panel[tile] @ inner

            def update(tile: slice, panel: F64 = panel, scaled: F64 = scaled) -> None:
                matrix[tile, : tile.stop] -= scaled[tile] @ panel[: tile.stop].T

            run(scale, tiles)
            panel[pivot] = 0  # the pivot's own rows and columns are set below
            run(update, [tile for tile in tiles if tile != pivot])
            matrix[pivot, : pivot.start] = scaled[: pivot.start].T
            matrix[pivot.stop :, pivot] = scaled[pivot.stop :]
            matrix[pivot, pivot] = -inner
    for tile in tiles:  # the upper triangle, and the sign
        np.negative(matrix[tile, : tile.stop], out=matrix[tile, : tile.stop])
        lower = np.tril(matrix[tile, tile])
        matrix[tile, tile] = lower + np.tril(lower, -1).T
        matrix[: tile.start, tile] = matrix[tile, : tile.start].T
    return matrix
