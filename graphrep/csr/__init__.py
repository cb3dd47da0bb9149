"""The compressed sparse row (CSR) adjacency: building (sort, symmetrize, merge duplicates), transposing, querying."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from graphrep._backend import choose
from graphrep.csr import cpu, reference

__all__ = [
    "CSR",
    "MERGES",
    "build_csr",
    "build_rows",
    "count_loops",
    "double_cover",
    "find_arcs",
    "first_bad_row",
    "index_dtype",
    "is_symmetric",
    "rows_of_arcs",
    "transpose_csr",
]

MERGES = ("sum", "max", "first")

Ids = npt.NDArray[np.integer[Any]]


class CSR(NamedTuple):
    """Rows sorted by column, without duplicates.

    ``indptr`` is int64 of shape (num_nodes + 1,), ``indices`` int32 or int64 of shape (num_arcs,), ``weights`` float32
    of shape (num_arcs,) or None if every arc weighs 1.
    """

    indptr: npt.NDArray[np.int64]
    indices: Ids
    weights: npt.NDArray[np.float32] | None


def index_dtype(num_nodes: int) -> type[np.int32] | type[np.int64]:
    """Return the narrower integer type that holds every node id: int32 below 2**31 nodes, else int64."""
    return np.int32 if num_nodes < 2**31 else np.int64


def rows_of_arcs(indptr: npt.NDArray[np.int64], begin: int, end: int) -> tuple[slice, npt.NDArray[np.int64]]:
    """The rows that the arcs [begin, end) belong to, and how many of these arcs each row has."""
    first = int(np.searchsorted(indptr, begin, side="right")) - 1
    last = int(np.searchsorted(indptr, end, side="left"))
    bounds = np.clip(indptr[first : last + 1], begin, end)
    return slice(first, last), bounds[1:] - bounds[:-1]


def build_csr(
    source: Ids,
    target: Ids,
    weights: npt.NDArray[np.float32] | None,
    num_nodes: int,
    *,
    symmetrize: bool = False,
    merge: str = "sum",
    self_loops: bool = True,
    n_jobs: int | None = None,
) -> CSR:
    r"""Build a CSR adjacency from edges.

    Parallel edges are merged by ``merge`` ("sum", "max" or "first" in input order). With ``symmetrize``, an edge listed
    in both directions is one edge: parallel edges are merged in each direction, then
    :math:`A \leftarrow \max(A, A^\top)`.

    Without weights every edge weighs 1; weights are returned only if a merged weight differs from 1.

    Parameters
    ----------
    source, target : int32 or int64 arrays of shape (num_edges,)
        End points, each in [0, num_nodes).
    weights : float32 array of shape (num_edges,) or None
        Finite and positive.
    num_nodes : int
    symmetrize : bool
    merge : {"sum", "max", "first"}
    self_loops : bool
        Whether to keep edges from a node to itself.
    n_jobs : int or None
        Number of threads; the result does not depend on it.

    Returns
    -------
    CSR
        ``indices`` are int32 if the node ids fit, else int64. Weights are summed as float64 in input order.

    Raises
    ------
    IndexError
        An end point lies outside [0, num_nodes).
    ValueError
        Lengths differ, ``merge`` is unknown, or the summed weight of parallel edges exceeds float32.

    Notes
    -----
    Radix sort: time O(num_edges log(num_nodes)), where the logarithm counts bytes. Memory: 8 bytes per arc in addition
    to the result, 12 with weights.

    Examples
    --------
    >>> import numpy as np
    >>> indptr, indices, weights = build_csr(np.array([2, 0, 0]), np.array([0, 1, 1]), None, 3)
    >>> indptr.tolist(), indices.tolist(), weights.tolist()
    ([0, 1, 1, 2], [1, 0], [2.0, 1.0])
    """
    if merge not in MERGES:
        raise ValueError(f"merge must be one of {', '.join(MERGES)}; got {merge!r}.")
    source, target = _as_ids(source, target)
    if weights is not None:
        weights = np.ascontiguousarray(weights, dtype=np.float32)
        if weights.shape != source.shape:
            raise ValueError(f"weights must have shape {source.shape}, one per edge; got {weights.shape}.")
    build = choose("build_csr", {"native": cpu.build_csr, "reference": reference.build_csr})
    csr = CSR(
        *build(
            source, target, weights, num_nodes, symmetrize=symmetrize, merge=merge, self_loops=self_loops, n_jobs=n_jobs
        )
    )
    _check_sums(weights, csr, merge)
    return csr


def _check_sums(weights: npt.NDArray[np.float32] | None, csr: CSR, merge: str) -> None:
    if weights is not None and merge == "sum" and csr.weights is not None and np.isinf(csr.weights).any():
        raise ValueError(
            "weights of parallel edges add up to more than float32 holds; scale them down or give merge='max'."
        )


def build_rows(
    row: Ids,
    column: Ids,
    weights: npt.NDArray[np.float32] | None,
    num_nodes: int,
    *,
    rows: tuple[int, int],
    num_forward: int | None = None,
    merge: str = "sum",
    n_jobs: int | None = None,
) -> CSR:
    """Build consecutive rows of a CSR adjacency from all of their arcs.

    The rows of several calls, joined, are those of :func:`build_csr`, so that a graph can be built part by part.

    Parameters
    ----------
    row, column : int32 or int64 arrays of shape (num_arcs,)
        Ends of the arcs, in input order.
    weights : float32 array of shape (num_arcs,) or None
        Finite and positive.
    num_nodes : int
        Of the whole graph.
    rows : pair of int
        First row, and the one after the last.
    num_forward : int, optional
        With :func:`build_csr`'s ``symmetrize``: the first so many arcs go from source to target, the others are edges
        from the column to the row, seen from the row; the larger of both weights counts. Default: all are forward.
    merge : {"sum", "max", "first"}
    n_jobs : int or None
        Number of threads; the result does not depend on it.

    Returns
    -------
    CSR
        ``indptr`` is int64 of shape (rows[1] - rows[0] + 1,) and begins with 0. ``weights`` are None if every arc of
        these rows counts 1, although other rows may have weights.

    Raises
    ------
    IndexError
        A row lies outside ``rows``, or a column outside [0, num_nodes).
    ValueError
        Lengths differ, ``merge`` is unknown, or the summed weight of parallel edges exceeds float32.

    Notes
    -----
    Time O(num_arcs log(num_nodes)); memory 8 bytes per arc in addition to the result, 12 with weights.

    Examples
    --------
    >>> import numpy as np
    >>> build_rows(np.array([2, 2]), np.array([1, 0]), None, 3, rows=(1, 3)).indptr.tolist()
    [0, 0, 2]
    """
    if merge not in MERGES:
        raise ValueError(f"merge must be one of {', '.join(MERGES)}; got {merge!r}.")
    row, column = _as_ids(row, column)
    build = choose("build_rows", {"native": cpu.build_rows, "reference": reference.build_rows})
    forward = len(row) if num_forward is None else num_forward
    csr = CSR(*build(row, column, weights, num_nodes, rows=rows, num_forward=forward, merge=merge, n_jobs=n_jobs))
    _check_sums(weights, csr, merge)
    return csr


def transpose_csr(csr: CSR, *, n_jobs: int | None = None) -> CSR:
    """Reverse every arc. Time O(num_arcs); memory 8 bytes per arc in addition to the result, 12 with weights."""
    transpose = choose("transpose_csr", {"native": cpu.transpose_csr, "reference": reference.transpose_csr})
    return CSR(*transpose(csr.indptr, csr.indices, csr.weights, n_jobs=n_jobs))


def is_symmetric(csr: CSR, *, n_jobs: int | None = None) -> bool:
    """Whether every arc has a reverse arc of equal weight. Stops at the first that does not; builds no transpose.

    Time O(num_arcs log(max degree)), no extra memory.
    """
    check = choose("is_symmetric", {"native": cpu.is_symmetric, "reference": reference.is_symmetric})
    return bool(check(csr.indptr, csr.indices, csr.weights, n_jobs=n_jobs))


def count_loops(csr: CSR, *, n_jobs: int | None = None) -> int:
    """Count the arcs from a node to itself. Time O(num_nodes log(max degree)), no extra memory."""
    count = choose("count_loops", {"native": cpu.count_loops, "reference": reference.count_loops})
    return int(count(csr.indptr, csr.indices, n_jobs=n_jobs))


def find_arcs(csr: CSR, source: Ids, target: Ids, *, n_jobs: int | None = None) -> npt.NDArray[np.int64]:
    """Position of each arc source[i]→target[i] in ``indices``, -1 if it does not exist: int64 of shape (num_pairs,).

    Raises IndexError for an end point outside [0, num_nodes). Time O(log(degree)) per pair.
    """
    source, target = (ends.astype(np.int64, copy=False) for ends in _as_ids(source, target))
    num_nodes = len(csr.indptr) - 1
    for name, ends in (("source", source), ("target", target)):
        check_ids(name, ends, num_nodes)
    find = choose("find_arcs", {"native": cpu.find_arcs, "reference": reference.find_arcs})
    return find(csr.indptr, csr.indices, source, target, n_jobs=n_jobs)


def first_bad_row(csr: CSR, *, n_jobs: int | None = None) -> int:
    """Find the first row that is not strictly ascending or has a column outside [0, num_nodes); -1 if none."""
    find = choose("first_bad_row", {"native": cpu.first_bad_row, "reference": reference.first_bad_row})
    return int(find(csr.indptr, csr.indices, n_jobs=n_jobs))


def check_ids(name: str, ids: Ids, num_nodes: int) -> None:
    """Raise IndexError for the first id outside [0, num_nodes)."""
    if len(ids) and (ids.min() < 0 or ids.max() >= num_nodes):
        bad = ids[(ids < 0) | (ids >= num_nodes)][0]
        raise IndexError(f"{name} holds node id {bad}, outside [0, {num_nodes}).")


def _as_ids(source: Ids, target: Ids) -> tuple[Ids, Ids]:
    if source.shape != target.shape or source.ndim != 1:
        raise ValueError(f"source and target must be vectors of equal length, got {source.shape} and {target.shape}.")
    dtype = np.int32 if source.dtype == target.dtype == np.int32 else np.int64
    return np.ascontiguousarray(source, dtype=dtype), np.ascontiguousarray(target, dtype=dtype)


def double_cover(rows: CSR, incoming: CSR) -> CSR:
    """Rows of the undirected bipartite graph of arcs, of which every node i has two.

    Row 2 i has the arcs of ``rows``, that leave it as a source, to columns 2 j + 1; row 2 i + 1 those of ``incoming``,
    the rows of the transpose, that enter it as a target, from columns 2 j.
    """
    dtype = index_dtype(2 * int(max(rows.indices.max(initial=0), incoming.indices.max(initial=0))) + 2)
    counts = np.stack([np.diff(rows.indptr), np.diff(incoming.indptr)], axis=1).reshape(-1)
    indptr = np.concatenate([[0], np.cumsum(counts)])
    indices = np.empty(indptr[-1], dtype=dtype)
    weights = None if rows.weights is None else np.empty(len(indices), dtype=np.float32)
    for side, part in enumerate((rows, incoming)):
        place = np.repeat(indptr[side:-1:2] - part.indptr[:-1], np.diff(part.indptr))
        place += np.arange(len(place))
        indices[place] = 2 * part.indices.astype(dtype) + dtype(1 - side)
        if weights is not None:
            weights[place] = part.weights
    return CSR(indptr, indices, weights)
