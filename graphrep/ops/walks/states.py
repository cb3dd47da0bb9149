"""The graph on which a walk along meta-paths is a first-order walk: its nodes are pairs (position on a path, node)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from graphrep._metapaths import closed_paths, factors_of
from graphrep._types import rows_of_type
from graphrep.csr import CSR, index_dtype
from graphrep.graph import Graph

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["States", "joined_states", "starts_at", "states_of"]

Rows = npt.NDArray[np.int64]


class States(NamedTuple):
    """Directed graph of the states, the node of each state, and the states at position 0 of each path.

    ``back`` has the state in which a walk is that returns to the node of a state: it is two positions further on. None:
    the state itself, as on paths of one or two steps. Where the types there differ, a walk cannot return.
    """

    graph: Graph
    nodes: Rows
    begin: list[Rows]
    back: npt.NDArray[Any] | None


def states_of(graph: Graph, metapaths: Any) -> States:
    """States of the walks along meta-paths of a graph with types."""
    chains, rows = [], []
    for steps in closed_paths(graph, metapaths):
        chains.append(factors_of(graph, steps))
        rows.append([rows_of_type(graph, step.source) for step in steps])
    return joined_states(chains, rows)


def joined_states(chains: Sequence[Sequence[sp.csr_array]], rows: Sequence[Sequence[Rows]]) -> States:
    """States of paths from the adjacency of each of their steps, and the nodes at each position.

    ``chains[i][k]`` has a row per node of ``rows[i][k]``, and columns for the first nodes at the next position.
    """
    counts, columns, weights, begin, back = [], [], [], [], []
    offset = 0
    total = sum(len(part) for path in rows for part in path)
    dtype = index_dtype(total)
    for factors, path in zip(chains, rows, strict=True):
        first = offset + np.concatenate([[0], np.cumsum([len(part) for part in path])])
        begin.append(np.arange(first[0], first[1]))
        for k, factor in enumerate(factors):
            other = (k + 2) % len(path)
            at = other if np.array_equal(path[k], path[other]) else k
            back.append(np.arange(first[at], first[at] + len(path[k]), dtype=dtype))
            step = sp.csr_array(factor)
            step.sum_duplicates()  # and sorts
            counts.append(np.diff(step.indptr))
            columns.append(step.indices.astype(dtype) + dtype(first[(k + 1) % len(path)]))
            weights.append(step.data.astype(np.float32))
        offset = int(first[-1])
    indptr = np.zeros(total + 1, dtype=np.int64)
    np.cumsum(np.concatenate(counts), out=indptr[1:])
    weight = np.concatenate(weights)
    csr = CSR(indptr, np.concatenate(columns), None if (weight == 1).all() else weight)
    nodes = np.concatenate([part for path in rows for part in path])
    returns = np.concatenate(back) if any(len(path) > 2 for path in rows) else None
    return States(Graph._trusted(csr, directed=True), nodes, begin, returns)


def starts_at(states: States, wanted: Rows) -> Rows:
    """States at the beginning of the paths with these nodes, in their order, path by path."""
    found = []
    for part in states.begin:
        nodes = states.nodes[part]  # ascending
        at = np.minimum(np.searchsorted(nodes, wanted), max(len(nodes) - 1, 0))
        found.append(part[at[nodes[at] == wanted]] if len(nodes) else part)
    return np.concatenate(found)
