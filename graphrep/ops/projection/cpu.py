"""Random projections with the native kernels."""

from __future__ import annotations

from typing import Any

from graphrep import _core
from graphrep.csr import CSR


def fill(
    row_scale: Any,
    keys: Any,
    counts: Any,
    magnitude: float,
    seed: int,
    columns: int,
    first: int,
    out: Any,
    num_threads: int,
) -> None:
    """Out = diag(row_scale) R, from column ``first`` on."""
    _core.fill_projection(row_scale, keys, counts, magnitude, seed, columns, first, out, num_threads)


def project_neighbors(
    rows: CSR,
    scale: Any,
    row_scale: Any,
    keys: Any,
    counts: Any,
    magnitude: float,
    seed: int,
    columns: int,
    first: int,
    out: Any,
    num_threads: int,
) -> None:
    """Out = diag(scale) A diag(row_scale) R."""
    _core.spmm_projection(
        rows.indptr,
        rows.indices,
        rows.weights,
        scale,
        row_scale,
        keys,
        counts,
        magnitude,
        seed,
        columns,
        first,
        out,
        num_threads,
    )


def accumulate_rows(y: Any, factor: float, total: Any, normalize: bool, num_threads: int) -> None:
    """Total += factor * y, with normalized rows."""
    _core.accumulate_rows(y, factor, normalize, total, num_threads)
