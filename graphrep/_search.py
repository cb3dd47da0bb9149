"""Exact nearest neighbors among the rows of a matrix, in bounded memory.

Every score is computed separately, in float64 and in a fixed order of additions. A float32 matrix product with a bound
on its rounding error only excludes rows that cannot be among the best. A score therefore depends only on its two
vectors, not on the other queries, the block size or the BLAS, and equal rows tie exactly.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from graphrep._mapped import forget

if TYPE_CHECKING:
    from collections.abc import Iterator

METRICS = ("cosine", "dot", "euclidean")
CSLS_NEIGHBORS = 10  # as in the paper

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
_CSLS_ERROR = 2.0**-20  # of float32 steps on numbers of at most 3, and of the float64 ones
_BLOCK = 1 << 22  # a quarter of it: entries of a block of rows, and scores of a tile


def pair_scores(a: F32, b: F32, metric: str) -> F64:
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


def csls(cosine: F64, own: F64 | float, others: F64 | float) -> F64:
    """Cosine twice, minus the mean cosines of both vectors to their neighbors; swapping the two gives the same bits."""
    return np.asarray(2.0 * cosine - (own + others))


def neighbor_means(vectors: F32, queries: F32, exclude: I64 | None = None) -> F64:
    """Mean cosine of each query to its 10 nearest rows of ``vectors``; 0 without any."""
    best = top_k(vectors, queries, CSLS_NEIGHBORS, "cosine", exclude)[1]
    return np.asarray(best.mean(axis=1)) if best.shape[1] else np.zeros(len(queries))


def top_k(
    vectors: F32,
    queries: F32,
    k: int,
    metric: str,
    exclude: I64 | None = None,
    *,
    means: tuple[F64, F64] | None = None,
) -> tuple[I64, F64]:
    """Find the rows of ``vectors`` nearest to each query, best first, equal scores in ascending order of rows.

    Parameters
    ----------
    vectors : float32 array of shape (num_rows, dimensions)
        May be mapped from a file: it is read block by block, and each block is forgotten.
    queries : float32 array of shape (num_queries, dimensions)
    k : int
        At most the number of rows that may be returned.
    metric : {"cosine", "dot", "euclidean"}
    exclude : int64 array of shape (num_queries,), optional
        One row per query that must not be returned: the query itself.
    means : float64 arrays of shape (num_rows,) and (num_queries,), optional
        With "cosine": rank by :func:`csls` with these mean cosines instead.

    Returns
    -------
    rows : int64 array of shape (num_queries, k)
    scores : float64 array of shape (num_queries, k)

    Notes
    -----
    Time O(num_queries * num_rows * dimensions). Memory beside the result: one number per row, and some arrays of 2**20
    numbers, more only where more than that many rows are as good as equally near.
    """
    n, dimensions = vectors.shape
    k = max(0, min(k, n - (exclude is not None)))
    rows, scores = np.empty((len(queries), k), dtype=np.int64), np.empty((len(queries), k))
    if k == 0 or len(queries) == 0:
        return rows, scores
    norms = _norms(vectors)
    height = min(n, max(1, _BLOCK // (4 * dimensions)))
    width = max(1, _BLOCK // (4 * height))
    for begin in range(0, len(queries), width):
        these = np.array(queries[begin : begin + width])
        without = None if exclude is None else exclude[begin : begin + width]
        part = None if means is None else (means[0], means[1][begin : begin + width])
        found = _candidates(vectors, norms, these, k, metric, without, height, part)
        ends = np.searchsorted(found.query, np.arange(len(these) + 1))
        for i, query in enumerate(these):
            candidates, shift = found.row[ends[i] : ends[i + 1]], None if part is None else (part[0], part[1][i])
            rows[begin + i], scores[begin + i] = _best(vectors, query, candidates, k, metric, shift)
    forget(vectors)
    return rows, scores


class _Found(NamedTuple):
    """Rows that may be among the best of a query, with bounds on a score that ranks as the metric does."""

    query: I64
    row: I64
    low: F64
    high: F64

    def take(self, entries: npt.NDArray[Any]) -> _Found:
        """Entries by position or by mask."""
        return _Found(self.query[entries], self.row[entries], self.low[entries], self.high[entries])

    def joined(self, other: _Found) -> _Found:
        """These and others."""
        return _Found(*(np.concatenate(columns) for columns in zip(self, other, strict=True)))


def _candidates(
    vectors: F32,
    norms: F64,
    queries: F32,
    k: int,
    metric: str,
    exclude: I64 | None,
    height: int,
    means: tuple[F64, F64] | None,
) -> _Found:
    """Every row that may be among the k best of a query, sorted by query."""
    floor = np.full(len(queries), -np.inf)  # k rows above the present block certainly reach it
    length = _norms(queries)
    nothing = np.empty(0, dtype=np.int64)
    found, pending = _Found(nothing, nothing, nothing.astype(np.float64), nothing.astype(np.float64)), 0
    for begin in range(0, len(vectors), height):
        part = slice(begin, min(begin + height, len(vectors)))
        rough, margin = _rough_scores(vectors[part], norms[part], queries, length, metric)
        if means is not None:  # each query's own mean changes no order
            rough = 2 * rough - means[0][part].astype(rough.dtype)
            margin = 2 * margin + _CSLS_ERROR
        forget(vectors)
        if exclude is not None:
            own = np.flatnonzero((exclude >= part.start) & (exclude < part.stop))
            rough[own, exclude[own] - begin] = -np.inf
        # A row that only ties with k rows above it comes after them: above the floor, not on it.
        bound = floor - margin
        if begin == 0 and rough.shape[1] >= k:  # no floor yet, and rows of this block may tie with one another
            kth = np.partition(rough, rough.shape[1] - k, axis=1)[:, rough.shape[1] - k]
            bound = np.nextafter(kth - 2.0 * margin, -np.inf)
        below: Any = bound.astype(rough.dtype)
        below = np.where(below > bound, np.nextafter(below, rough.dtype.type(-np.inf)), below)  # rounded down
        query, row = np.divmod(np.flatnonzero(rough > below[:, None]), rough.shape[1])  # faster than a 2-d nonzero
        value = rough[query, row].astype(np.float64)
        error = _error(norms[part][row], length[query], vectors.shape[1], metric)
        if means is not None:
            error = 2 * error + _CSLS_ERROR
        high = value + error
        reaches = (high > floor[query]) & (value > -np.inf)
        found = found.joined(_Found(query, row + begin, value - error, high).take(reaches))
        pending += int(np.count_nonzero(reaches))
        if begin == 0 or pending > max(2 * k * len(queries), 4096) or part.stop == len(vectors):
            found, pending = _shrunk(found, floor, k), 0
            if len(found.row) > max(_BLOCK // 4, 4 * k * len(queries)):
                found = _settled(vectors, queries, found, k, metric, means)
    return found


def _shrunk(found: _Found, floor: F64, k: int) -> _Found:
    """Raise the floors, in place, and drop the rows below them; sorted by query."""
    found = found.take(np.lexsort((found.row, -found.low, found.query)))
    first = np.searchsorted(found.query, np.arange(len(floor)))
    rank = np.arange(len(found.query)) - first[found.query]
    kth = rank == k - 1
    floor[found.query[kth]] = np.maximum(floor[found.query[kth]], found.low[kth])
    least = floor[found.query]  # who only reaches it must not stand behind k others
    return found.take((found.high > least) | ((found.high == least) & (rank < k)))


def _settled(vectors: F32, queries: F32, found: _Found, k: int, metric: str, means: tuple[F64, F64] | None) -> _Found:
    """Keep the k best of each query: where crowds of rows are equal, the candidates would not fit into memory."""
    ends = np.searchsorted(found.query, np.arange(len(queries) + 1))
    keep = np.ones(len(found.row), dtype=bool)
    for i, query in enumerate(queries):
        own = slice(ends[i], ends[i + 1])
        if own.stop - own.start > k:
            shift = None if means is None else (means[0], means[1][i])
            best, _ = _best(vectors, query, found.row[own], k, metric, shift)
            keep[own] = np.isin(found.row[own], best)
    return found.take(keep)


def _best(
    vectors: F32, query: F32, candidates: I64, k: int, metric: str, means: tuple[F64, float] | None
) -> tuple[I64, F64]:
    scores = np.empty(len(candidates))
    for part in _slices(len(candidates), vectors.shape[1]):
        scores[part] = pair_scores(vectors[candidates[part]], query, metric)
    if means is not None:
        scores = csls(scores, means[1], means[0][candidates])
    order = np.lexsort((candidates, scores if metric == "euclidean" else -scores))[:k]
    return candidates[order], scores[order]


def _rough_scores(rows: F32, norms: F64, queries: F32, length: F64, metric: str) -> tuple[Any, F64]:
    """Scores that rank as ``metric`` does, larger is nearer, and a bound on the error of each query's scores."""
    unit = np.divide(queries, length[:, None], out=np.zeros(queries.shape), where=length[:, None] > 0)
    if metric == "cosine":
        if norms.max() < 1e18 and norms.min() > 1e-18:
            rows = np.divide(rows, norms[:, None].astype(np.float32))
        else:
            rows = np.divide(rows, norms[:, None], out=np.zeros(rows.shape), where=norms[:, None] > 0).astype(
                np.float32
            )
    # |unit . v| <= |v| must not overflow
    wide: Any = np.float64 if metric != "cosine" and norms.max() > 1e38 else np.float32
    rough: Any = unit.astype(wide) @ rows.astype(wide, copy=False).T
    if metric == "euclidean":
        rough = rough * (2 * length[:, None])
        rough -= norms**2  # |q|^2 - |q - v|^2
    return rough, _error(norms.max(), length, rows.shape[1], metric)


def _error(norm: F64, length: F64, dimensions: int, metric: str) -> F64:
    """Bound on the error of a rough score, from the lengths of the row and the query."""
    # Twice the textbook bound (dimensions + 1) * 2**-24 * |v|; the second term is what underflow can lose.
    relative, absolute = (dimensions + 8) * 2.0**-23, dimensions * 2.0**-125
    some = (norm > 0) & (length > 0)  # a product with zero is exact
    if metric == "cosine":
        return np.asarray(some * (relative + absolute))
    product = some * (relative * norm + absolute)
    if metric == "dot":
        return np.asarray(product)
    # The last term covers the float64 steps, here and in the final scores.
    return np.asarray(2 * length * product + 1e-13 * (norm**2 + length**2))


def _norms(vectors: F32) -> F64:
    squares = np.empty(len(vectors))
    for part in _slices(*vectors.shape):
        squares[part] = (vectors[part].astype(np.float64) ** 2).sum(axis=1)
        forget(vectors)
    return np.sqrt(squares)


def _slices(length: int, width: int) -> Iterator[slice]:
    """Slices of at most a quarter of a block, so that float64 copies stay small."""
    step = max(1, _BLOCK // (4 * width))
    for begin in range(0, length, step):
        yield slice(begin, min(begin + step, length))
