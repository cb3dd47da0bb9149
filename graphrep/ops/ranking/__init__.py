"""Ranks of given answers among all candidates, without a matrix of scores and without sorting."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from graphrep._arrays import check_integers, check_rows, to_numpy
from graphrep._backend import choose
from graphrep._threads import resolve_threads
from graphrep.ops.ranking import cpu, reference

__all__ = ["METRICS", "RankCounts", "rank_candidates"]

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]

METRICS = ("dot", "l1", "l2", "complex")


class RankCounts(NamedTuple):
    r"""Numbers of candidates that score higher than the answer of a query, and as high; int64 (num_queries,).

    Attributes
    ----------
    greater, equal : int64 arrays of shape (num_queries,)

    Examples
    --------
    >>> import numpy as np
    >>> from graphrep.ops.ranking import RankCounts
    >>> RankCounts(np.array([2]), np.array([3])).ranks("mean")
    array([4.5])
    """

    greater: I64
    equal: I64

    def ranks(self, ties: str = "mean") -> F64:
        """Ranks from 1, with ties counted half ("mean"), for the answer ("optimistic") or against it ("pessimistic").

        Parameters
        ----------
        ties : {"mean", "optimistic", "pessimistic"}

        Returns
        -------
        float64 array of shape (num_queries,)
        """
        share = {"mean": 0.5, "optimistic": 0.0, "pessimistic": 1.0}
        if ties not in share:
            raise ValueError(f"ties must be one of {', '.join(share)}; got {ties!r}.")
        return np.asarray(1 + self.greater + share[ties] * self.equal, dtype=np.float64)


def rank_candidates(
    queries: npt.ArrayLike,
    candidates: npt.ArrayLike,
    answers: npt.ArrayLike,
    known: tuple[npt.ArrayLike, npt.ArrayLike] | None = None,
    *,
    metric: str = "dot",
    bias: npt.ArrayLike | None = None,
    n_jobs: int | None = None,
) -> RankCounts:
    r"""Count the candidates that score higher than the answer of each query, and those that score as high.

    ===========  ====================================================
    ``dot``      :math:`s(q, c) = q^\top c + b_c`
    ``l1``       :math:`s(q, c) = b_c - \sum_k |q_k - c_k|`
    ``l2``       :math:`s(q, c) = b_c - \sum_k (q_k - c_k)^2`
    ``complex``  :math:`s(q, c) = b_c - \sum_k |q_k - c_k|`, complex moduli; the first half of the columns holds the
                 real parts, the second half the imaginary parts
    ===========  ====================================================

    The answer itself and the ``known`` candidates of the query do not count, which makes the ranks filtered.

    Parameters
    ----------
    queries : array of shape (num_queries, d)
    candidates : array of shape (num_candidates, d)
        Both are rounded to float32.
    answers : int array of shape (num_queries,)
        Rows of ``candidates``.
    known : pair of int arrays (indptr, ids), optional
        Candidates that query i leaves out: ``ids[indptr[i]:indptr[i + 1]]``, in any order; they may contain the answer.
    metric : {"dot", "l1", "l2", "complex"}
    bias : array of shape (num_candidates,), optional
    n_jobs : int or None
        Number of threads; the result does not depend on it.

    Returns
    -------
    RankCounts
        ``greater`` and ``equal``, int64 of shape (num_queries,); :meth:`RankCounts.ranks` makes ranks of them. All
        scores are computed by the same operations in the same order, so that equal rows tie exactly: a scorer that
        gives all candidates the same score has the middle rank.

    Raises
    ------
    ValueError
        Shapes that do not fit, an unknown metric, or numbers that are not finite.
    IndexError
        An answer or a known candidate that is no row of ``candidates``.
    TypeError
        Answers or known candidates that are no integers.

    Notes
    -----
    Time O((num_queries * num_candidates + len(ids)) * d), in blocks that stay in the cache; memory O(num_queries)
    beside the arguments. No score is written to memory.

    Examples
    --------
    >>> import graphrep as gr
    >>> queries, candidates = [[1.0, 0.0], [0.0, 1.0]], [[3.0, 1.0], [2.0, 1.0], [1.0, 1.0]]
    >>> gr.ops.rank_candidates(queries, candidates, answers=[2, 2])
    RankCounts(greater=array([2, 0]), equal=array([0, 2]))
    >>> gr.ops.rank_candidates(queries, candidates, answers=[2, 2], known=([0, 1, 1], [0])).ranks()
    array([2., 2.])
    """
    q, c = _matrix("queries", queries), _matrix("candidates", candidates)
    if q.shape[1] != c.shape[1]:
        raise ValueError(f"queries and candidates must have as many columns, got {q.shape[1]} and {c.shape[1]}.")
    if metric not in METRICS:
        raise ValueError(f"metric must be one of {', '.join(METRICS)}; got {metric!r}.")
    if metric == "complex" and q.shape[1] % 2:
        raise ValueError(f"complex rows have an even number of columns, got {q.shape[1]}.")
    wanted = _rows("answers", answers, len(c))
    if len(wanted) != len(q):
        raise ValueError(f"answers must have one entry per query, {len(q)}; got {len(wanted)}.")
    offsets = None if bias is None else np.ascontiguousarray(to_numpy(bias), dtype=np.float32)
    if offsets is not None and (offsets.shape != (len(c),) or not np.isfinite(offsets).all()):
        raise ValueError(f"bias must be finite, of shape ({len(c)},), one entry per candidate; got {offsets.shape}.")
    indptr, ids = (None, np.zeros(0, dtype=np.int64)) if known is None else _lists(*known, len(q), len(c))
    counts = RankCounts(np.zeros(len(q), dtype=np.int64), np.zeros(len(q), dtype=np.int64))
    run = choose("rank_candidates", {"native": cpu.rank_candidates, "reference": reference.rank_candidates})
    run(q, c, offsets, wanted, indptr, ids, METRICS.index(metric), *counts, resolve_threads(n_jobs))
    return counts


def _matrix(name: str, value: Any) -> F32:
    matrix = np.ascontiguousarray(to_numpy(value), dtype=np.float32)
    if matrix.ndim != 2:
        raise ValueError(f"{name} must have shape (number, d), got {matrix.shape}.")
    if not np.isfinite(matrix).all():
        row = int(np.flatnonzero(~np.isfinite(matrix).all(axis=1))[0])
        raise ValueError(f"{name} must be finite in float32; row {row} is not.")
    return matrix


def _rows(name: str, value: Any, stop: int) -> I64:
    rows = to_numpy(value)
    if rows.ndim != 1:
        raise ValueError(f"{name} must have one dimension, got shape {rows.shape}.")
    check_integers(name, rows)
    check_rows(name, rows, stop)
    return np.ascontiguousarray(rows, dtype=np.int64)


def _lists(indptr: Any, ids: Any, num_queries: int, num_candidates: int) -> tuple[I64, npt.NDArray[Any]]:
    """Known candidates as checked lists, ascending in each row."""
    offsets, found = to_numpy(indptr), to_numpy(ids)
    check_integers("known indptr", offsets)
    check_integers("known ids", found)
    if found.ndim != 1:
        raise ValueError(f"known ids must have one dimension, got shape {found.shape}.")
    check_rows("known ids", found, num_candidates)
    ends = np.ascontiguousarray(offsets, dtype=np.int64)
    fits = ends.shape == (num_queries + 1,) and ends[0] == 0 and ends[-1] == len(found) and (np.diff(ends) >= 0).all()
    if not fits:
        raise ValueError(f"known indptr must ascend from 0 to {len(found)} with {num_queries + 1} entries.")
    listed = np.ascontiguousarray(found, dtype=np.int32 if found.dtype == np.int32 else np.int64)
    descents = np.flatnonzero(listed[1:] < listed[:-1]) + 1
    if not np.isin(descents, ends).all():
        owner = np.repeat(np.arange(num_queries), np.diff(ends))
        listed = np.ascontiguousarray(listed[np.lexsort((listed, owner))])
    return ends, listed
