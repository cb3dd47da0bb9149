"""walk_sums and push_pagerank by matrix formulas, a block of sources at a time: the test oracle."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from graphrep.graph import Graph
from graphrep.ops.diffusion.loops import adjacency_without_loops

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
_BLOCK = 64  # sources at a time


def count_walks(
    graph: Graph, incoming: Graph, sources: I64, offsets: I64, targets: I64, weights: F64, out: F64, num_threads: int
) -> None:
    """Powers of the adjacency, multiplied by the indicator columns of the sources."""
    adjacency = adjacency_without_loops(graph)
    for columns, reach in _blocks(graph, sources, offsets):
        at = slice(offsets[columns.start], offsets[columns.stop])
        which = np.repeat(np.arange(reach.shape[1]), np.diff(offsets[columns.start : columns.stop + 1]))
        out[at] = 0
        for weight in weights:
            reach = adjacency.T @ reach
            out[at] += weight * reach[targets[at], which]


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
    """Series, truncated when the remainder is below ``tolerance``: within the error bound of the push, not equal."""
    scale = np.divide(1.0, degree, out=np.zeros(len(degree)), where=degree > 0)
    step = sp.csr_array(adjacency_without_loops(graph).T @ sp.diags_array(scale))
    for columns, start in _blocks(graph, sources, offsets):
        at = slice(offsets[columns.start], offsets[columns.stop])
        which = np.repeat(np.arange(start.shape[1]), np.diff(offsets[columns.start : columns.stop + 1]))
        walking, stopped, left = start, restart * start, 1 - restart
        while left > tolerance:
            walking = step @ walking + start * walking[degree == 0].sum(axis=0)
            stopped = stopped + restart * left * walking
            left *= 1 - restart
        out[at] = stopped[targets[at], which]


def _blocks(graph: Graph, sources: I64, offsets: I64) -> Any:
    """Slices of the sources, and their indicator columns."""
    for first in range(0, len(sources), _BLOCK):
        block = slice(first, min(first + _BLOCK, len(sources)))
        start = np.zeros((graph.num_nodes, block.stop - block.start))
        start[sources[block], np.arange(block.stop - block.start)] = 1
        yield block, start
