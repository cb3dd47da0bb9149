"""The native kernels of ``csrc/csr_build.cpp`` and ``csrc/csr_query.cpp``. Arguments are checked and contiguous."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from graphrep import _core
from graphrep._threads import resolve_threads

Ids = npt.NDArray[np.integer[Any]]
Ptr = npt.NDArray[np.int64]
Weights = npt.NDArray[np.float32] | None


def _threads(n_jobs: int | None, work: int) -> int:
    """Give each thread at least 16 thousand items, unless the caller sets the number of threads."""
    threads = resolve_threads(n_jobs)
    return threads if n_jobs is not None else max(1, min(threads, work >> 14))


def build_csr(
    source: Ids,
    target: Ids,
    weights: Weights,
    num_nodes: int,
    *,
    symmetrize: bool,
    merge: str,
    self_loops: bool,
    n_jobs: int | None = None,
    wide: bool | None = None,
) -> tuple[Ptr, Ids, Weights]:
    """See :func:`graphrep.csr.build_csr`; ``wide`` requests int64 indices."""
    wide = num_nodes >= 2**31 if wide is None else wide
    threads = _threads(n_jobs, len(source))
    return _built(_core.build_csr(source, target, weights, num_nodes, symmetrize, merge, self_loops, wide, threads))


def build_rows(
    row: Ids,
    column: Ids,
    weights: Weights,
    num_nodes: int,
    *,
    rows: tuple[int, int],
    num_forward: int,
    merge: str,
    n_jobs: int | None = None,
) -> tuple[Ptr, Ids, Weights]:
    """See :func:`graphrep.csr.build_rows`."""
    begin, end = rows
    wide, threads = num_nodes >= 2**31, _threads(n_jobs, len(row))
    return _built(
        _core.build_rows(row, column, weights, num_forward, begin, end - begin, num_nodes, merge, wide, threads)
    )


def transpose_csr(
    indptr: Ptr, indices: Ids, weights: Weights, *, n_jobs: int | None = None
) -> tuple[Ptr, Ids, Weights]:
    """See :func:`graphrep.csr.transpose_csr`."""
    return _built(_core.transpose_csr(indptr, indices, weights, _threads(n_jobs, len(indices))))


def _built(csr: tuple[Ptr, Ids, Weights]) -> tuple[Ptr, Ids, Weights]:
    indptr, indices, weights = csr
    return indptr.view(np.int64), indices.view(f"i{indices.itemsize}"), weights  # "long long" becomes NumPy's int64


def is_symmetric(indptr: Ptr, indices: Ids, weights: Weights, *, n_jobs: int | None = None) -> bool:
    """See :func:`graphrep.csr.is_symmetric`."""
    return bool(_core.is_symmetric(indptr, indices, weights, _threads(n_jobs, len(indices))))


def count_loops(indptr: Ptr, indices: Ids, *, n_jobs: int | None = None) -> int:
    """See :func:`graphrep.csr.count_loops`."""
    return int(_core.count_loops(indptr, indices, _threads(n_jobs, len(indptr))))


def find_arcs(indptr: Ptr, indices: Ids, source: Ptr, target: Ptr, *, n_jobs: int | None = None) -> Ptr:
    """See :func:`graphrep.csr.find_arcs`."""
    position = np.empty(len(source), dtype=np.int64)
    _core.find_arcs(indptr, indices, source, target, position, _threads(n_jobs, len(source)))
    return position


def first_bad_row(indptr: Ptr, indices: Ids, *, n_jobs: int | None = None) -> int:
    """See :func:`graphrep.csr.first_bad_row`."""
    return int(_core.first_bad_row(indptr, indices, _threads(n_jobs, len(indices))))
