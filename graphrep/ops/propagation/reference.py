"""graph_matmul with SciPy in float64: the test oracle."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from graphrep.csr import CSR
from graphrep.graph import Graph

F32 = npt.NDArray[np.float32]


def graph_matmul(
    graph: Graph | CSR,
    values: F32 | None,
    x: Any,
    scale: F32 | None,
    out: Any,
    num_threads: int,
    own: float = 0.0,
    before: float = 0.0,
) -> None:
    """Out = diag(scale) A x + own x + before out, with these entries of A, or ones."""
    data = np.ones(len(graph.indices)) if values is None else values.astype(np.float64)
    shape = len(graph.indptr) - 1, len(x)
    y: Any = sp.csr_array((data, graph.indices, graph.indptr), shape=shape) @ x.astype(np.float64)
    y = y if scale is None else y * scale[:, None].astype(np.float64)
    y = y + own * x[: len(y)].astype(np.float64) if own else y
    out[...] = y + before * out.astype(np.float64) if before else y
