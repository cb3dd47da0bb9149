"""Pairs of row numbers, checked."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt


def as_pairs(pairs: Any, num_nodes: int | None = None, *, name: str = "pairs") -> npt.NDArray[np.int64]:
    """Pairs as contiguous int64 of shape (2, ...), each in [0, num_nodes) where that is known.

    Takes arrays, lists and tensors. Raises ValueError for another shape, TypeError for other than integers and
    IndexError for a row number out of range, each naming ``name``.
    """
    ends = np.asarray(pairs.detach().cpu() if hasattr(pairs, "detach") else pairs)
    if ends.ndim < 2 or len(ends) != 2:
        hint = " (transpose it?)" if ends.ndim == 2 and ends.shape[1] == 2 else ""
        raise ValueError(f"{name} must have shape (2, num_pairs), got {ends.shape}{hint}.")
    if ends.size and ends.dtype.kind not in "iu":
        raise TypeError(f"{name} must hold integer row numbers, got dtype {ends.dtype}.")
    ends = np.ascontiguousarray(ends, dtype=np.int64)
    if num_nodes is not None and ends.size and (ends.min() < 0 or ends.max() >= num_nodes):
        raise IndexError(f"{name} must lie in [0, {num_nodes}), got {ends.min()} … {ends.max()}.")
    return ends
