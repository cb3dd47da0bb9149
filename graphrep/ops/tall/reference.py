"""Products of tall blocks with NumPy in float64: the test oracle."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

F32 = npt.NDArray[np.float32]


def gram(x: F32, y: F32, scale: F32 | None, symmetric: bool, out: npt.NDArray[np.float64], num_threads: int) -> None:
    """Out = x' diag(scale) y."""
    left = x.astype(np.float64) if scale is None else x * scale[:, None].astype(np.float64)
    out[...] = left.T @ y.astype(np.float64)


def multiply_rows(x: F32, matrix: F32, scale: F32 | None, out: F32, num_threads: int) -> None:
    """Out = diag(scale) x matrix."""
    y = x.astype(np.float64) @ matrix.astype(np.float64)
    out[...] = y if scale is None else y * scale[:, None].astype(np.float64)
