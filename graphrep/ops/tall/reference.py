"""Products of tall blocks with NumPy in float64: the test oracle."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]


def gram(x: F32, y: F32, scale: F32 | None, symmetric: bool, share: int, out: F64, num_threads: int) -> None:
    """Out = x' diag(scale) y of each share of the rows."""
    left = x.astype(np.float64) if scale is None else x * scale[:, None].astype(np.float64)
    for s in range(len(out)):
        rows = slice(s * share, (s + 1) * share)
        out[s] = left[rows].T @ y[rows].astype(np.float64)


def multiply_rows(x: F32, matrix: F32, scale: F32 | None, out: F32, num_threads: int) -> None:
    """Out = diag(scale) x matrix."""
    y = x.astype(np.float64) @ matrix.astype(np.float64)
    out[...] = y if scale is None else y * scale[:, None].astype(np.float64)
