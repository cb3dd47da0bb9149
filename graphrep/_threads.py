"""How many threads a computation uses."""

from __future__ import annotations

import os
import sys
import threading
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


def available_cpus() -> int:
    """Number of CPUs that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def resolve_threads(n_jobs: int | None) -> int:
    """Turn an ``n_jobs`` argument into a number of threads.

    ``None`` follows torch's setting where torch is loaded (so that ``torch.set_num_threads`` governs both), else
    ``OMP_NUM_THREADS``, else all CPUs that this process may use. A negative value counts back from all CPUs as in
    joblib: -1 is all of them.
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
    """Run a block on ``n_jobs`` threads: BLAS, OpenMP and, where it is loaded, torch. None changes nothing."""
    if n_jobs is None:
        yield
        return
    from threadpoolctl import threadpool_limits

    count, torch = resolve_threads(n_jobs), sys.modules.get("torch")
    before = None if torch is None else torch.get_num_threads()
    with threadpool_limits(count):
        try:
            if torch is not None:
                torch.set_num_threads(count)
            yield
        finally:
            if torch is not None:
                torch.set_num_threads(before)


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Run a block with one thread of BLAS, whose results depend on their number in the last digits.

    The number belongs to the calling thread or to the process, depending on the library, so Python threads take turns.
    """
    from threadpoolctl import threadpool_limits

    with _BLAS_LOCK, threadpool_limits(1, user_api="blas"):
        yield


@contextmanager
def own_blas_thread() -> Iterator[None]:
    """The same for NumPy in a thread that works for one within :func:`one_blas_thread`, which holds the lock."""
    with _libraries().limit(limits=1, user_api="blas"):
        yield


_BLAS_LOCK = threading.RLock()


@cache
def _libraries() -> Any:
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()
