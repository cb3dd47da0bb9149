"""How many threads a kernel uses."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


def available_cpus() -> int:
    """Processors this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def resolve_threads(n_jobs: int | None) -> int:
    """Turn an ``n_jobs`` argument into a number of threads.

    ``None`` follows torch's setting where torch is loaded (so that ``torch.set_num_threads`` governs both), else
    ``OMP_NUM_THREADS``, else every processor this process may use. A negative value counts back from all processors
    as in joblib: -1 is all of them.
    """
    if n_jobs is None:
        torch = sys.modules.get("torch")
        if torch is not None and hasattr(torch, "get_num_threads"):
            return int(torch.get_num_threads())
        limit = os.environ.get("OMP_NUM_THREADS", "")
        return min(int(limit), available_cpus()) if limit.isdigit() and int(limit) > 0 else available_cpus()
    if isinstance(n_jobs, bool) or not hasattr(n_jobs, "__index__"):
        raise TypeError(f"n_jobs must be an integer or None, got {n_jobs!r}.")
    if n_jobs == 0:
        raise ValueError("n_jobs must not be 0; use None for the default, or a positive number of threads.")
    return int(n_jobs) if n_jobs > 0 else max(1, available_cpus() + 1 + int(n_jobs))


@contextmanager
def limited_threads(n_jobs: int | None) -> Iterator[None]:
    """Placeholder until merged."""
    if n_jobs is None:
        yield
        return
    import torch
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    count, before = resolve_threads(n_jobs), torch.get_num_threads()
    with threadpool_limits(count):
        torch.set_num_threads(count)
        try:
            yield
        finally:
            torch.set_num_threads(before)
