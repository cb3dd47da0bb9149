"""Arrays that are mapped from a file, and whose pages can be given back."""

from __future__ import annotations

import math
import mmap
import os
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt


def mapped_array(file: BinaryIO, dtype: npt.DTypeLike, shape: Sequence[int], offset: int) -> npt.NDArray[Any]:
    """Map an array in C order that begins at byte ``offset`` of an open file; ValueError if the file is too short."""
    size = np.dtype(dtype).itemsize * math.prod(shape)  # in whole numbers: it may not fit into int64
    if min(shape) < 0 or offset + size > os.fstat(file.fileno()).st_size:
        raise ValueError(f"the file ends before its array of shape {tuple(shape)} does")
    if size == 0:  # no system maps nothing
        return np.zeros(shape, dtype)
    return np.memmap(file, dtype=dtype, mode="r", offset=offset, shape=tuple(shape))


def mapping_of(array: Any) -> mmap.mmap | None:
    """Return the mapping of a file that an array is a read-only view of; None if there is none.

    Pages of a private mapping that were written to would be lost if they were given back.
    """
    while isinstance(array, np.ndarray):
        if isinstance(array, np.memmap) and array.mode != "r":
            return None
        array, above = array.base, array
    return array if isinstance(array, mmap.mmap) and isinstance(above, np.memmap) else None


def forget(array: Any) -> None:
    """Give the pages of a mapped array back to the system, which reads them again when they are needed."""
    mapping = mapping_of(array)
    if mapping is not None and hasattr(mmap, "MADV_DONTNEED"):
        mapping.madvise(mmap.MADV_DONTNEED)


def in_memory(array: npt.NDArray[Any], out: npt.NDArray[Any] | None = None) -> npt.NDArray[Any]:
    """Copy a mapped array into ordinary memory, ``out`` if it is given, without holding it twice."""
    copy = np.empty(array.shape, array.dtype) if out is None else out
    step = max(1, (1 << 24) // max(1, array[:1].nbytes))
    for begin in range(0, len(array), step):
        copy[begin : begin + step] = array[begin : begin + step]
        forget(array)
    return copy
