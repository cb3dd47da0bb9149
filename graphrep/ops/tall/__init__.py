"""Products of NumPy blocks with many rows and few columns; unlike those of BLAS, equal for any number of threads."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from graphrep._backend import choose
from graphrep._threads import resolve_threads
from graphrep.ops.tall import cpu, reference

__all__ = ["gram", "grams", "multiply_rows", "share_rows", "total"]

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]

_MOST_SHARES, _LEAST_ROWS = 64, 2048  # of a sum over rows; the result depends on them in the last digits


def share_rows(num_rows: int) -> int:
    """Rows in a share of so many rows, whose products are added on their own: at least 2,048, in at most 64 shares."""
    return -(-num_rows // min(_MOST_SHARES, max(1, -(-num_rows // _LEAST_ROWS)))) or 1


def gram(
    x: F32, y: F32 | None = None, *, scale: F32 | None = None, symmetric: bool = False, n_jobs: int | None = None
) -> F64:
    r"""Inner products of columns: :math:`x^\top \mathrm{diag}(s)\, y`, or :math:`x^\top \mathrm{diag}(s)\, x`.

    Parameters
    ----------
    x : float32 array of shape (num_rows, p), C-contiguous
    y : float32 array of shape (num_rows, q), C-contiguous, optional
    scale : float32 array of shape (num_rows,), optional
        s; default: ones.
    symmetric : bool
        The result is known to be symmetric, so that half of it is computed.
    n_jobs : int or None
        Number of threads; the result does not depend on it.

    Returns
    -------
    float64 array of shape (p, q)

    Notes
    -----
    Time O(num_rows * p * q), bound by arithmetic. At most 256 products are summed in float32, these sums in float64.
    """
    return total(grams(x, y, share_rows(len(x)), scale=scale, symmetric=symmetric, n_jobs=n_jobs))


def grams(
    x: F32,
    y: F32 | None,
    share: int,
    *,
    scale: F32 | None = None,
    symmetric: bool = False,
    n_jobs: int | None = None,
) -> F64:
    """:func:`gram` of each share of so many rows, float64 of shape (shares, p, q)."""
    other = x if y is None else y
    if len(x) != len(other):
        raise ValueError(f"x and y must have the same number of rows, got {len(x)} and {len(other)}.")
    out = np.empty((-(-len(x) // share), x.shape[1], other.shape[1]), dtype=np.float64)
    choose("gram", {"native": cpu.gram, "reference": reference.gram})(
        x, other, scale, symmetric or y is None, share, out, resolve_threads(n_jobs)
    )
    return out


def total(shares: F64) -> F64:
    """The sum of matrices, one after the other."""
    out = np.zeros(shares.shape[1:])
    for share in shares:
        out += share
    return out


def multiply_rows(
    x: F32,
    matrix: npt.NDArray[np.floating],
    *,
    scale: F32 | None = None,
    out: F32 | None = None,
    n_jobs: int | None = None,
) -> F32:
    r"""A tall block times a small matrix: :math:`\mathrm{diag}(s)\, x M`, in float32.

    Parameters
    ----------
    x : float32 array of shape (num_rows, p), C-contiguous
    matrix : floating array of shape (p, q)
        M; rounded to float32.
    scale : float32 array of shape (num_rows,), optional
        s; default: ones.
    out : float32 array of shape (num_rows, q), C-contiguous, optional
        Written and returned; must not overlap ``x``.
    n_jobs : int or None
        Number of threads; the result does not depend on it.

    Returns
    -------
    float32 array of shape (num_rows, q)
    """
    small = np.ascontiguousarray(matrix, dtype=np.float32)
    if small.ndim != 2 or len(small) != x.shape[1]:
        raise ValueError(f"matrix must have a row per column of x, {x.shape[1]}; got shape {small.shape}.")
    if out is None:
        out = np.empty((len(x), small.shape[1]), dtype=np.float32)
    choose("multiply_rows", {"native": cpu.multiply_rows, "reference": reference.multiply_rows})(
        x, small, scale, out, resolve_threads(n_jobs)
    )
    return out
