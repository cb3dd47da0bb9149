"""Very sparse random projections that are never stored, and the weighted sums of rows that FastRP computes."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import bdtr

from graphrep._backend import choose
from graphrep._checks import checked_int
from graphrep._threads import resolve_threads
from graphrep.csr import CSR
from graphrep.graph import Graph, untyped_graph
from graphrep.ops.projection import cpu, reference

__all__ = ["accumulate_rows", "project_neighbors", "project_rows", "random_projection"]

F32 = npt.NDArray[np.float32]
Table = npt.NDArray[Any]  # float32 or float16
F64 = npt.NDArray[np.float64]
U64 = npt.NDArray[np.uint64]

TABLES = (np.float32, np.float16)  # types of rows that products gather


def random_projection(
    num_rows: int,
    columns: int,
    *,
    density: float,
    seed: int = 0,
    row_scale: F32 | None = None,
    keys: U64 | None = None,
    part: tuple[int, int] | None = None,
    magnitude: float | None = None,
    out: Table | None = None,
    n_jobs: int | None = None,
) -> Table:
    r"""Dense copy of :math:`\mathrm{diag}(\texttt{row\_scale})\, R` for a very sparse random matrix R.

    An entry of R is :math:`\pm 1/\sqrt{\texttt{density} \cdot \texttt{columns}}` with probability ``density``, both
    signs equally likely, and otherwise 0; entries are independent. A row is a function of (seed, key of the row), so it
    does not depend on the other rows. With a smaller density, a row loses some of its entries and keeps the others.

    Parameters
    ----------
    num_rows, columns : int
    density : float in (0, 1]
    seed : int
        In [0, 2**64).
    row_scale : float32 array of shape (num_rows,), optional
    keys : uint64 array of shape (num_rows,), optional
        Keys of the rows, such as :meth:`graphrep.Graph.node_keys`; default: the row numbers.
    part : pair of int, optional
        First column that is wanted, and the one after the last; default: all.
    magnitude : float, optional
        Of the entries, instead of :math:`1/\sqrt{\texttt{density} \cdot \texttt{columns}}`.
    out : float32 or float16 array of shape (num_rows, columns of ``part``), optional
        Written and returned.
    n_jobs : int or None

    Returns
    -------
    float32 or float16 array of shape (num_rows, columns of ``part``)

    Notes
    -----
    Time O(num_rows * columns) to zero the result, and O(1 + density * columns) random numbers per row: the number of
    entries is binomial, and they stand at the first columns of a random permutation.

    References
    ----------
    Li, Hastie, Church. Very Sparse Random Projections. KDD 2006, section 2.

    Examples
    --------
    >>> from graphrep.ops.projection import random_projection
    >>> abs(random_projection(2, 4, density=1.0, seed=0))
    array([[0.5, 0.5, 0.5, 0.5],
           [0.5, 0.5, 0.5, 0.5]], dtype=float32)
    """
    num_rows, columns = checked_int("num_rows", num_rows, 0), checked_int("columns", columns, 1)
    _check(density, seed, num_rows, keys, row_scale=row_scale)
    first, out = _part(columns, part, num_rows, out)
    counts, magnitude = _entry_counts(density, columns), _magnitude(density, columns, magnitude)
    choose("random_projection", {"native": cpu.fill, "reference": reference.fill})(
        row_scale, keys, counts, magnitude, seed, columns, first, out, resolve_threads(n_jobs)
    )
    return out


def project_neighbors(
    graph: Any,
    columns: int,
    *,
    density: float,
    seed: int = 0,
    scale: F32 | None = None,
    row_scale: F32 | None = None,
    keys: U64 | None = None,
    part: tuple[int, int] | None = None,
    magnitude: float | None = None,
    out: Table | None = None,
    n_jobs: int | None = None,
) -> Table:
    r""":math:`\mathrm{diag}(\texttt{scale})\, A\, \mathrm{diag}(\texttt{row\_scale})\, R` without R in memory.

    Equal to ``scale[:, None] * (A @ random_projection(...))`` up to rounding; the entries of a row of R are drawn again
    at every arc, which pays off if they are few: time O(num_arcs * (1 + density * columns)).

    Parameters
    ----------
    graph : Graph or anything :func:`graphrep.as_graph` takes
        Its adjacency is A.
    columns : int
    density, seed, keys, magnitude
        Parameters of R, as in :func:`random_projection`.
    scale, row_scale : float32 arrays of shape (num_nodes,), optional
    part : pair of int, optional
        First column that is wanted, and the one after the last; default: all. Their bits do not depend on it.
    out : float32 or float16 array of shape (num_nodes, columns of ``part``), optional
        Written and returned; sums are formed in float32.
    n_jobs : int or None
        Number of threads; the result does not depend on it.

    Returns
    -------
    float32 or float16 array of shape (num_nodes, columns of ``part``)

    Examples
    --------
    >>> import graphrep as gr
    >>> arc = gr.as_graph([[0], [1]], directed=True)
    >>> projected = gr.ops.project_neighbors(arc, 8, density=1.0, seed=0)  # row 0 is row 1 of R
    >>> bool((projected[0] == gr.ops.random_projection(2, 8, density=1.0, seed=0)[1]).all())
    True
    """
    g: Graph = untyped_graph(graph)
    columns = checked_int("columns", columns, 1)
    _check(density, seed, g.num_nodes, keys, scale=scale, row_scale=row_scale)
    first, out = _part(columns, part, g.num_nodes, out)
    rows = CSR(g.indptr, g.indices, g.weights)
    _project(rows, scale, row_scale, keys, density, seed, columns, first, magnitude, out, n_jobs)
    return out


def project_rows(
    rows: CSR,
    columns: int,
    *,
    density: float,
    seed: int,
    scale: F32,
    row_scale: F32 | None,
    keys: U64,
    magnitude: float | None = None,
    dtype: Any = np.float32,
    n_jobs: int | None = None,
) -> Table:
    """:func:`project_neighbors` for some rows of an adjacency, whose columns have these ``keys`` and ``row_scale``."""
    _check(density, seed, len(keys), keys, row_scale=row_scale)
    out = np.empty((len(rows.indptr) - 1, columns), dtype=dtype)
    _project(rows, scale, row_scale, keys, density, seed, columns, 0, magnitude, out, n_jobs)
    return out


def _project(
    rows: CSR,
    scale: F32 | None,
    row_scale: F32 | None,
    keys: U64 | None,
    density: float,
    seed: int,
    columns: int,
    first: int,
    magnitude: float | None,
    out: Table,
    n_jobs: int | None,
) -> None:
    counts, magnitude = _entry_counts(density, columns), _magnitude(density, columns, magnitude)
    choose("project_neighbors", {"native": cpu.project_neighbors, "reference": reference.project_neighbors})(
        rows, scale, row_scale, keys, counts, magnitude, seed, columns, first, out, resolve_threads(n_jobs)
    )


def accumulate_rows(y: Table, factor: float, total: F32, *, normalize: bool = True, n_jobs: int | None = None) -> None:
    r"""Add factor * y to ``total`` in place; if ``normalize``, each row of y is first divided by its Euclidean norm.

    Rows of norm zero add nothing. Both arrays are C-contiguous and of the same shape; ``total`` is float32, and y is
    float32 or float16.
    """
    _check_table("total", total, y.shape)
    _check_table("y", y, y.shape, TABLES, writeable=False)
    choose("accumulate_rows", {"native": cpu.accumulate_rows, "reference": reference.accumulate_rows})(
        y, factor, total, normalize, resolve_threads(n_jobs)
    )


def _part(columns: int, part: tuple[int, int] | None, num_rows: int, out: Table | None) -> tuple[int, Table]:
    """First column that is wanted, and the array for these columns."""
    first, end = (0, columns) if part is None else part
    if not 0 <= first <= end <= columns:
        raise ValueError(f"part must be (first, end) with 0 <= first <= end <= {columns}, got {part!r}.")
    if out is None:
        return first, np.empty((num_rows, end - first), dtype=np.float32)
    _check_table("out", out, (num_rows, end - first), TABLES)
    return first, out


def _magnitude(density: float, columns: int, magnitude: float | None) -> float:
    return float(1 / np.sqrt(density * columns)) if magnitude is None else magnitude


def _entry_counts(density: float, columns: int) -> F64:
    """Distribution function of the number of entries in a row, at 0 … columns."""
    counts: F64 = np.ascontiguousarray(bdtr(np.arange(columns + 1), columns, density))
    counts[columns] = 1
    return counts


def _check(density: float, seed: int, num_rows: int, keys: Any, **scales: Any) -> None:
    if not 0 < density <= 1:
        raise ValueError(f"density must lie in (0, 1], got {density}.")
    checked_int("seed", seed, 0, 2**64 - 1)
    if keys is not None and (keys.dtype != np.uint64 or keys.shape != (num_rows,) or not keys.flags.c_contiguous):
        got = f"{keys.dtype} {keys.shape}"
        raise ValueError(f"keys must be a C-contiguous uint64 array of shape ({num_rows},), got {got}.")
    for name, scale in scales.items():
        if scale is not None:
            _check_table(name, scale, (num_rows,), writeable=False)


def _check_table(
    name: str, array: Any, shape: tuple[int, ...], dtypes: tuple[Any, ...] = (np.float32,), *, writeable: bool = True
) -> None:
    # The kernels rely on the shapes: a wrong one would read or write out of bounds.
    fits = isinstance(array, np.ndarray) and array.shape == shape and array.dtype in dtypes
    if not fits or not array.flags.c_contiguous or (writeable and not array.flags.writeable):
        got = f"{array.dtype} {array.shape}" if isinstance(array, np.ndarray) else type(array).__name__
        kind = "writeable C-contiguous" if writeable else "C-contiguous"
        names = " or ".join(np.dtype(dtype).name for dtype in dtypes)
        raise ValueError(f"{name} must be a {kind} {names} array of shape {shape}, got {got}.")
