"""Random samples that follow the names of nodes, pairs out of what callers give, and blocks of work on threads."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import numpy.typing as npt

from graphrep._arrays import as_vectors
from graphrep._names import NodeIndex, aligned, as_pairs, names_of, node_keys
from graphrep._random import random_bits, stream_key
from graphrep._threads import limited_threads, resolve_threads
from graphrep.graph import Graph, untyped_graph

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from graphrep.evaluate.checks import I64

U64 = npt.NDArray[np.uint64]
Task = TypeVar("Task")


def random_order(index: NodeIndex, seed: int, stream: int = 0) -> U64:
    """Random 64-bit numbers of all nodes, functions of the seed and the name of the node."""
    keys = node_keys(index.names)
    keys = np.arange(index.num_nodes, dtype=np.uint64) if keys is None else keys
    return random_bits(stream_key(seed, stream), keys)


def lowest(bits: U64, count: int) -> I64:
    """Positions of the ``count`` smallest numbers, ascending; all of them if there are no more."""
    if count >= len(bits):
        return np.arange(len(bits))
    return np.sort(np.argpartition(bits, count)[:count])


def sampled_nodes(rows: I64, index: NodeIndex, count: int, seed: int) -> I64:
    """At most ``count`` of the rows, chosen by the names of their nodes."""
    return rows[lowest(random_order(index, seed)[rows], count)]


def sampled_pairs(pairs: I64, index: NodeIndex, count: int, seed: int) -> I64:
    """At most ``count`` of the pairs, chosen by the names of their ends."""
    if pairs.shape[1] <= count:
        return pairs
    keys = node_keys(index.names)
    ends = pairs.astype(np.uint64) if keys is None else keys[pairs]
    low, high = np.minimum(*ends), np.maximum(*ends)
    return pairs[:, lowest(random_bits(stream_key(seed, low), high), count)]


def vectors_and_pairs(vectors: Any, graph_or_pairs: Any, name: str) -> tuple[npt.NDArray[Any], I64, NodeIndex]:
    """Vectors in the order of the nodes, the edges of a graph or the given pairs, and the nodes' names."""
    if isinstance(graph_or_pairs, (list, np.ndarray)) or hasattr(graph_or_pairs, "detach") or _is_table(graph_or_pairs):
        X = as_vectors(vectors)
        index = NodeIndex(names_of(vectors), len(X))
        return X, as_pairs(graph_or_pairs, index, name=name).reshape(2, -1), index
    graph = untyped_graph(graph_or_pairs)
    return node_matrix(vectors, graph), graph.edges(), graph.node_index


def node_matrix(vectors: Any, graph: Graph, what: str = "vectors") -> npt.NDArray[Any]:
    """Vectors in the row order of the graph, matched by name if they carry names."""
    X = as_vectors(aligned(vectors, graph.node_index, what))
    if len(X) != graph.num_nodes:
        raise ValueError(f"{what} must have a row for each of the {graph.num_nodes} nodes, got {len(X)} rows.")
    return X


def _is_table(value: Any) -> bool:
    return hasattr(value, "columns") and hasattr(value, "shape")


def in_threads(run: Callable[[Task], Any], tasks: Iterable[Task], n_jobs: int | None) -> list[Any]:
    """Results of a function on each task, in order; a task runs on one thread, so that its bits are always the same."""
    pool = ThreadPoolExecutor(resolve_threads(n_jobs))
    with limited_threads(1):
        try:
            return list(pool.map(run, tasks))
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
