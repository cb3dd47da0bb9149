"""Exact nearest neighbors among the rows of a matrix, in bounded memory.

Every score is computed separately, in float64 and in a fixed order of additions. A float32 matrix product with a bound
on its rounding error only excludes rows that cannot be among the best. A score therefore depends only on its two
vectors, not on the other queries, the block size or the BLAS, and equal rows tie exactly.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Iterator

METRICS = ("cosine", "dot", "euclidean")

F64 = npt.NDArray[np.float64]
_BLOCK = 1 << 22  # scores held at a time


def pair_scores(a: npt.NDArray[np.float32], b: npt.NDArray[np.float32], metric: str) -> F64:
    """Return the score of each row of ``a`` with the same row of ``b``, or with ``b`` where that is one vector.

    Cosine with a zero vector is 0. ``euclidean`` is the distance, so the smaller the nearer.
    """
    a, b = a.astype(np.float64), b.astype(np.float64)
    if metric == "euclidean":
        return np.asarray(np.sqrt(((a - b) ** 2).sum(axis=-1)))
    dot = (a * b).sum(axis=-1)
    if metric == "dot":
        return np.asarray(dot)
    # One root of the product, not a product of roots, so that the cosine of a vector with itself is exactly 1.
    length = np.sqrt((a * a).sum(axis=-1) * (b * b).sum(axis=-1))
    cosine = np.divide(dot, length, out=np.zeros(np.shape(dot)), where=length > 0)
    return np.asarray(np.clip(cosine, -1.0, 1.0))


def top_k(
    vectors: npt.NDArray[np.float32],
    queries: npt.NDArray[np.float32],
    k: int,
    metric: str,
    exclude: npt.NDArray[np.int64] | None = None,
) -> tuple[npt.NDArray[np.int64], F64]:
    """Find the rows of ``vectors`` nearest to each query, best first, equal scores in ascending order of rows.

    Parameters
    ----------
    vectors : float32 array of shape (num_rows, dimensions)
    queries : float32 array of shape (num_queries, dimensions)
    k : int
        At most the number of rows that may be returned.
    metric : {"cosine", "dot", "euclidean"}
    exclude : int64 array of shape (num_queries,), optional
        One row per query that must not be returned: the query itself.

    Returns
    -------
    rows : int64 array of shape (num_queries, k)
    scores : float64 array of shape (num_queries, k)

    Notes
    -----
    Time O(num_queries * num_rows * dimensions); memory for about five float64 arrays of max(num_rows, 2**22) numbers.
    """
    n = len(vectors)
    k = max(0, min(k, n - (exclude is not None)))
    rows, scores = np.empty((len(queries), k), dtype=np.int64), np.empty((len(queries), k))
    if k == 0:
        return rows, scores
    norms = _norms(vectors)
    block = max(1, _BLOCK // n)
    for begin in range(0, len(queries), block):
        these = queries[begin : begin + block]
        rough, error = _rough_scores(vectors, norms, these, metric)
        if exclude is not None:
            rough[np.arange(len(these)), exclude[begin : begin + block]] = -np.inf
        # k rows certainly reach `floor`, so a row that cannot reach it is not among the best k.
        floor = np.partition(rough - error, n - k, axis=1)[:, n - k]
        maybe = rough + error >= floor[:, None]
        for i, query in enumerate(these):
            rows[begin + i], scores[begin + i] = _best(vectors, query, np.flatnonzero(maybe[i]), k, metric)
    return rows, scores


def _best(
    vectors: npt.NDArray[np.float32],
    query: npt.NDArray[np.float32],
    candidates: npt.NDArray[np.int64],
    k: int,
    metric: str,
) -> tuple[npt.NDArray[np.int64], F64]:
    scores = np.empty(len(candidates))
    for part in _slices(len(candidates), vectors.shape[1]):
        scores[part] = pair_scores(vectors[candidates[part]], query, metric)
    order = np.lexsort((candidates, scores if metric == "euclidean" else -scores))[:k]
    return candidates[order], scores[order]


def _rough_scores(
    vectors: npt.NDArray[np.float32], norms: F64, queries: npt.NDArray[np.float32], metric: str
) -> tuple[F64, F64]:
    """Scores that rank as ``metric`` does, larger is nearer, and a bound on the error of each."""
    n, dimensions = vectors.shape
    length = _norms(queries)[:, None]
    unit = np.divide(queries, length, out=np.zeros(queries.shape), where=length > 0)
    wide = np.float64 if norms.max() > 1e38 else np.float32  # |unit . v| <= |v| must not overflow
    products = np.empty((len(queries), n))
    for part in _slices(n, dimensions):
        products[:, part] = unit.astype(wide) @ vectors[part].astype(wide, copy=False).T
    # Twice the textbook bound (dimensions + 1) * 2**-24 * |v|; the second term is what underflow can lose.
    relative, absolute = (dimensions + 8) * 2.0**-23, dimensions * 2.0**-125
    if metric == "dot":
        return products, relative * norms + absolute
    if metric == "cosine":
        products = np.divide(products, norms, out=np.zeros_like(products), where=norms > 0)
        return products, np.divide(relative * norms + absolute, norms, out=np.zeros(n), where=norms > 0)
    products *= 2 * length
    products -= norms**2  # |q|^2 - |q - v|^2
    # The last term covers the float64 steps, here and in the final scores.
    return products, 2 * length * (relative * norms + absolute) + 1e-13 * (norms**2 + length**2)


def _norms(vectors: npt.NDArray[np.float32]) -> F64:
    squares = np.empty(len(vectors))
    for part in _slices(*vectors.shape):
        squares[part] = (vectors[part].astype(np.float64) ** 2).sum(axis=1)
    return np.sqrt(squares)


def _slices(length: int, width: int) -> Iterator[slice]:
    """Slices of at most a quarter of a block, so that float64 copies stay small."""
    step = max(1, _BLOCK // (4 * width))
    for begin in range(0, length, step):
        yield slice(begin, min(begin + step, length))
