"""Random walks with the native kernel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from graphrep import _core
from graphrep.graph import Graph

if TYPE_CHECKING:
    from graphrep.ops.walks import WalkSampler


def sample(sampler: WalkSampler, walk_ids: npt.NDArray[np.int64] | None, first: int, out: npt.NDArray[Any]) -> None:
    """Fill ``out`` with walks."""
    graph = sampler.graph
    keep, slot, sums = alias_tables(graph, sampler.num_threads)
    second_order = (sampler.p, sampler.q) != (1.0, 1.0)
    _core.random_walks(
        graph.indptr,
        graph.indices,
        graph.weights,
        keep,
        slot,
        sums,
        edge_filter(graph, sampler.num_threads) if second_order else None,
        graph.directed,
        sampler.p,
        sampler.q,
        sampler.seed,
        sampler.back if second_order else None,
        walk_ids,
        first,
        sampler.start,
        out,
        sampler.num_threads,
    )


def shuffled_ids(sampler: WalkSampler, first: int, ids: npt.NDArray[np.int64]) -> None:
    """Fill ``ids`` with walk numbers of the shuffled order."""
    _core.shuffled_walk_ids(first, sampler.num_starts, sampler.seed, ids, sampler.num_threads)


def count_visits(sampler: WalkSampler, walks: npt.NDArray[Any], counts: npt.NDArray[np.int64]) -> None:
    """Add occurrences to counts."""
    _core.count_visits(walks, counts, sampler.num_threads)


def alias_tables(graph: Graph, num_threads: int) -> tuple[Any, Any, Any]:
    """Walker's alias tables and row sums of a weighted graph, cached on the graph; None for each if unweighted."""
    if graph.weights is None:
        return None, None, None
    if "alias" not in graph._cache:
        keep = np.empty(graph.num_arcs, dtype=np.float32)
        slot = np.empty(graph.num_arcs, dtype=graph.indices.dtype)
        _core.build_alias_tables(graph.indptr, graph.weights, keep, slot, num_threads)
        graph._cache["alias"] = keep, slot, graph.weighted_degree()
    return graph._cache["alias"]  # type: ignore[no-any-return]


def edge_filter(graph: Graph, num_threads: int) -> npt.NDArray[np.uint64]:
    """Bloom filter of the edges, about one byte each, cached on the graph."""
    if "edge_filter" not in graph._cache:
        edges = graph.num_arcs if graph.directed else graph.num_arcs // 2
        words = np.empty(1 << max(0, (edges // 8 - 1).bit_length()), dtype=np.uint64)
        _core.build_edge_filter(graph.indptr, graph.indices, graph.directed, words, num_threads)
        graph._cache["edge_filter"] = words
    return graph._cache["edge_filter"]  # type: ignore[no-any-return]
