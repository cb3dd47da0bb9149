"""Products of tall blocks with the native kernels."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from graphrep import _core

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]


def gram(x: F32, y: F32, scale: F32 | None, symmetric: bool, share: int, out: F64, num_threads: int) -> None:
    """Out = x' diag(scale) y of each share of the rows."""
    _core.gram(x, y, scale, symmetric, share, out, num_threads)


def multiply_rows(x: F32, matrix: F32, scale: F32 | None, out: F32, num_threads: int) -> None:
    """Out = diag(scale) x matrix."""
    _core.multiply_rows(x, matrix, scale, out, num_threads)
