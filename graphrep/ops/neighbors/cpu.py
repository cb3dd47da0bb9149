"""weighted_intersection with the native kernel."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from graphrep import _core

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]


def weighted_intersection(
    indptr: I64, indices: npt.NDArray[Any], weights: F64 | None, u: I64, v: I64, out: npt.NDArray[Any], num_threads: int
) -> None:
    """See :func:`graphrep.ops.neighbors.weighted_intersection`; fills ``out``."""
    _core.weighted_intersection(indptr, indices, weights, u, v, out, num_threads)
