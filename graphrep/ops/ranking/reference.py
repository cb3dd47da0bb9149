"""Ranks with all scores of one query at a time in NumPy: the test oracle."""

from __future__ import annotations

from typing import Any

import numpy as np


def rank_candidates(
    queries: Any,
    candidates: Any,
    bias: Any,
    answers: Any,
    indptr: Any,
    ids: Any,
    metric: int,
    greater: Any,
    equal: Any,
    num_threads: int,
) -> None:
    """See :func:`graphrep.ops.rank_candidates`; fills ``greater`` and ``equal``."""
    wide = candidates.astype(np.float64)
    for i, (query, answer) in enumerate(zip(queries.astype(np.float64), answers, strict=True)):
        scores = scores_of(query, wide, metric) + (0 if bias is None else bias)
        counted = np.ones(len(wide), dtype=bool)
        counted[answer] = False
        if indptr is not None:
            counted[ids[indptr[i] : indptr[i + 1]]] = False
        greater[i] = np.count_nonzero(scores[counted] > scores[answer])
        equal[i] = np.count_nonzero(scores[counted] == scores[answer])


def scores_of(query: Any, candidates: Any, metric: int) -> Any:
    """Scores of one query against all candidates; each row is summed in the same order, so that equal rows tie."""
    if metric == 0:
        return (candidates * query).sum(axis=1)
    difference = candidates - query
    if metric == 3:
        half = len(query) // 2
        return -np.hypot(difference[:, :half], difference[:, half:]).sum(axis=1)
    return -(np.abs(difference) if metric == 1 else np.square(difference)).sum(axis=1)
