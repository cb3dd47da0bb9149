"""Ranks with the native kernel."""

from __future__ import annotations

from typing import Any

from graphrep import _core


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
    _core.rank_candidates(queries, candidates, bias, answers, indptr, ids, metric, greater, equal, num_threads)
