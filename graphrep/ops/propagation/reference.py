"""graph_matmul with SciPy in float64: the test oracle."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from graphrep.graph import Graph

F32 = npt.NDArray[np.float32]


def graph_matmul(
    graph: Graph, x: F32, scale: F32 | None, out: F32, num_threads: int, own: float = 0.0, before: float = 0.0
) -> None:
    """Out = diag(scale) A x + own x + before out."""
    y: Any = graph.to_scipy().astype(np.float64) @ x.astype(np.float64)
    y = y if scale is None else y * scale[:, None].astype(np.float64)
    y = y + own * x.astype(np.float64) if own else y
    out[...] = y + before * out.astype(np.float64) if before else y
