"""The CSR operations in plain NumPy: the test oracle."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Ids = npt.NDArray[np.integer[Any]]
Ptr = npt.NDArray[np.int64]
Weights = npt.NDArray[np.float32] | None


def build_csr(
    source: Ids,
    target: Ids,
    weights: Weights,
    num_nodes: int,
    *,
    symmetrize: bool,
    merge: str,
    self_loops: bool,
    n_jobs: int | None = None,  # noqa: ARG001
) -> tuple[Ptr, Ids, Weights]:
    """See :func:`graphrep.csr.build_csr`."""
    from graphrep.csr import check_ids, index_dtype

    check_ids("source", source, num_nodes)
    check_ids("target", target, num_nodes)
    u, v = source.astype(np.int64), target.astype(np.int64)
    w = np.ones(len(u)) if weights is None else weights.astype(np.float64)
    if not self_loops:
        keep = u != v
        u, v, w = u[keep], v[keep], w[keep]
    u, v, w = _merge(u, v, w, merge)
    if symmetrize:
        loops = u == v
        u, v, w = np.r_[u, v[~loops]], np.r_[v, u[~loops]], np.r_[w, w[~loops]]
        u, v, w = _merge(u, v, w, "max")
    indptr = np.zeros(num_nodes + 1, dtype=np.int64)
    np.cumsum(np.bincount(u, minlength=num_nodes), out=indptr[1:])
    plain = weights is None and bool((w == 1).all())
    with np.errstate(over="ignore"):
        return indptr, v.astype(index_dtype(num_nodes)), None if plain else w.astype(np.float32)


def build_rows(
    row: Ids,
    column: Ids,
    weights: Weights,
    num_nodes: int,
    *,
    rows: tuple[int, int],
    num_forward: int,
    merge: str,
    n_jobs: int | None = None,  # noqa: ARG001
) -> tuple[Ptr, Ids, Weights]:
    """See :func:`graphrep.csr.build_rows`."""
    from graphrep.csr import check_ids, index_dtype

    begin, end = rows
    check_ids("row", row - begin, end - begin)
    check_ids("column", column, num_nodes)
    w = np.ones(len(row)) if weights is None else weights.astype(np.float64)
    u, v = row.astype(np.int64) - begin, column.astype(np.int64)
    sides = [_merge(u[s], v[s], w[s], merge) for s in (slice(num_forward), slice(num_forward, None))]
    (u, v, w), (other_u, other_v, other_w) = sides
    u, v, w = _merge(np.r_[u, other_u], np.r_[v, other_v], np.r_[w, other_w], "max")
    indptr = np.zeros(end - begin + 1, dtype=np.int64)
    np.cumsum(np.bincount(u, minlength=end - begin), out=indptr[1:])
    plain = weights is None and bool((w == 1).all())
    with np.errstate(over="ignore"):
        return indptr, v.astype(index_dtype(num_nodes)), None if plain else w.astype(np.float32)


def _merge(u: Ptr, v: Ptr, w: npt.NDArray[np.float64], merge: str) -> tuple[Ptr, Ptr, npt.NDArray[np.float64]]:
    order = np.lexsort((v, u))  # stable: parallel edges stay in input order
    u, v, w = u[order], v[order], w[order]
    new = np.ones(len(u), dtype=bool)
    new[1:] = (u[1:] != u[:-1]) | (v[1:] != v[:-1])
    first = np.flatnonzero(new)
    if merge == "sum":
        # bincount adds one by one in input order; np.add.reduceat would add pairwise.
        w = np.asarray(np.bincount(np.cumsum(new) - 1, weights=w), dtype=np.float64)
    else:
        w = np.maximum.reduceat(w, first) if merge == "max" and len(w) else w[first]
    return u[first], v[first], w


def _rows(indptr: Ptr) -> Ptr:
    return np.repeat(np.arange(len(indptr) - 1, dtype=np.int64), np.diff(indptr))


def transpose_csr(
    indptr: Ptr,
    indices: Ids,
    weights: Weights,
    *,
    n_jobs: int | None = None,  # noqa: ARG001
) -> tuple[Ptr, Ids, Weights]:
    """See :func:`graphrep.csr.transpose_csr`."""
    order = np.argsort(indices, kind="stable")
    counts = np.bincount(indices, minlength=len(indptr) - 1)
    return (
        np.concatenate(([0], np.cumsum(counts))).astype(np.int64),
        _rows(indptr)[order].astype(indices.dtype),
        None if weights is None else weights[order],
    )


def is_symmetric(indptr: Ptr, indices: Ids, weights: Weights, *, n_jobs: int | None = None) -> bool:
    """See :func:`graphrep.csr.is_symmetric`."""
    other = transpose_csr(indptr, indices, weights, n_jobs=n_jobs)
    pairs = zip((indptr, indices, weights), other, strict=True)
    return all(b is None if a is None else np.array_equal(a, b) for a, b in pairs)  # type: ignore[arg-type]


def count_loops(indptr: Ptr, indices: Ids, *, n_jobs: int | None = None) -> int:  # noqa: ARG001
    """See :func:`graphrep.csr.count_loops`."""
    return int(np.count_nonzero(_rows(indptr) == indices))


def find_arcs(indptr: Ptr, indices: Ids, source: Ptr, target: Ptr, *, n_jobs: int | None = None) -> Ptr:  # noqa: ARG001
    """See :func:`graphrep.csr.find_arcs`."""
    n = len(indptr) - 1
    keys, query = _rows(indptr) * n + indices, source * n + target
    at = np.searchsorted(keys, query)
    found = np.append(keys, -1)[at] == query
    return np.where(found, at, -1)


def first_bad_row(indptr: Ptr, indices: Ids, *, n_jobs: int | None = None) -> int:  # noqa: ARG001
    """See :func:`graphrep.csr.first_bad_row`."""
    n = len(indptr) - 1
    for row in range(n):
        columns = indices[indptr[row] : indptr[row + 1]]
        if len(columns) and (columns[0] < 0 or columns[-1] >= n or (columns[1:] <= columns[:-1]).any()):
            return row
    return -1
