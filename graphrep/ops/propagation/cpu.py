"""graph_matmul with the native kernel."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from graphrep import _core
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
    _core.propagate(graph.indptr, graph.indices, values, scale, x, out, own, before, num_threads)
