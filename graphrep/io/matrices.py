"""Sparse matrices from arrays of a file, which are checked first: SciPy's own loops do not look at the indices."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp

__all__ = ["checked_csr"]


def checked_csr(data: Any, indices: Any, indptr: Any, shape: Any, *, finite: bool = True) -> sp.csr_array:
    """CSR matrix of finite numbers; ValueError says which of the arrays is wrong.

    Parameters
    ----------
    data, indices, indptr : array
    shape : sequence of two int
    finite : bool
        False allows NaN and infinity.
    """
    for name, array, kinds in (("data", data, "biuf"), ("indices", indices, "iu"), ("indptr", indptr, "iu")):
        if not isinstance(array, np.ndarray) or array.ndim != 1 or array.dtype.kind not in kinds:
            got = f"{array.dtype} {array.shape}" if isinstance(array, np.ndarray) else type(array).__name__
            raise ValueError(f"{name} must be a 1-d array of {'numbers' if name == 'data' else 'integers'}, got {got}")
    if len(shape) != 2 or not all(isinstance(size, (int, np.integer)) and size >= 0 for size in shape):
        raise ValueError(f"the shape must be two numbers, got {shape!r}")
    rows, columns = map(int, shape)
    if len(indptr) != rows + 1 or indptr[0] != 0 or int(indptr[-1]) != len(indices) or (indptr[1:] < indptr[:-1]).any():
        raise ValueError(f"indptr must ascend from 0 to {len(indices)} in {rows} steps, got {len(indptr) - 1}")
    if len(data) != len(indices):
        raise ValueError(f"there are {len(indices)} indices, but {len(data)} numbers")
    if len(indices) and not 0 <= int(indices.min()) <= int(indices.max()) < columns:
        raise ValueError(f"indices must lie in [0, {columns}), got {indices.min()} … {indices.max()}")
    if finite and data.dtype.kind == "f" and not np.isfinite(data).all():
        raise ValueError("data holds NaN or infinity")
    return sp.csr_array((data, indices, indptr), shape=(rows, columns))
