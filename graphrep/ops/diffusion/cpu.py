"""walk_sums and push_pagerank with the native kernels."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from graphrep import _core
from graphrep.graph import Graph

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]


def count_walks(
    graph: Graph, incoming: Graph, sources: I64, offsets: I64, targets: I64, weights: F64, out: F64, num_threads: int
) -> None:
    """See :func:`graphrep.ops.diffusion.walk_sums`; fills ``out``, whose targets are grouped by source."""
    _core.count_walks(
        graph.indptr,
        graph.indices,
        incoming.indptr,
        incoming.indices,
        sources,
        offsets,
        targets,
        weights,
        out,
        num_threads,
    )


def push_pagerank(
    graph: Graph,
    degree: I64,
    sources: I64,
    offsets: I64,
    targets: I64,
    restart: float,
    tolerance: float,
    out: F64,
    num_threads: int,
) -> None:
    """See :func:`graphrep.ops.diffusion.push_pagerank`; fills ``out``, whose targets are grouped by source."""
    _core.push_pagerank(
        graph.indptr, graph.indices, degree, sources, offsets, targets, restart, tolerance, out, num_threads
    )
