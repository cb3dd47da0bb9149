"""Meta-paths: their steps, and the adjacency of each step."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse as sp

from graphrep._types import code_of, rows_of_type

if TYPE_CHECKING:
    from collections.abc import Sequence

    from graphrep.graph import Graph

Step = tuple[str, str | None, str]  # type of the source, of the edges or None for all, of the target


def steps_of(graph: Graph, path: Any) -> list[Step]:
    """Steps of a meta-path, whose types of nodes the graph has."""
    if graph.node_type is None or graph.node_types is None:
        raise ValueError("meta-paths need types of nodes; give node_type= to as_graph.")
    listed: list[Any] = [path] if isinstance(path, str) else list(path)
    steps: list[Step]
    if listed and all(isinstance(step, tuple) and len(step) == 3 for step in listed):
        steps = listed
        if any(one[2] != other[0] for one, other in pairwise(listed)):
            raise ValueError(f"each step of a meta-path begins where the one before ends, got {listed}.")
    elif len(listed) >= 2 and all(isinstance(step, str) for step in listed):
        steps = [(one, None, other) for one, other in pairwise(listed)]
    else:
        raise ValueError(f"a meta-path is two or more types of nodes, or triples of types, got {path!r}.")
    for one, _, other in steps:
        for name in (one, other):
            code_of(name, graph.node_types, "nodes")
    return steps


def factors_of(graph: Graph, steps: Sequence[Step], *, required: bool = True) -> list[sp.csr_array]:
    """Adjacency of each step, float64 by position within the types; if ``required``, an error where it has no edge."""
    whole = None
    factors = []
    for one, kind, other in steps:
        if kind is not None:
            matrix = graph.of_types(kind).to_scipy()
        else:
            whole = matrix = graph.to_scipy() if whole is None else whole
        rows, cols = rows_of_type(graph, one), rows_of_type(graph, other)
        factor = matrix[rows][:, cols]
        if not factor.nnz:
            factor = matrix[cols][:, rows].T
        if required and not factor.nnz:
            named = "" if kind is None else f" of type {kind!r}"
            raise ValueError(f"no edge{named} joins nodes of the types {one!r} and {other!r}.")
        factors.append(sp.csr_array(factor, dtype=np.float64))
    return factors


def closed_paths(graph: Graph, paths: Any) -> list[list[Step]]:
    """Steps of one meta-path, as a sequence of types of nodes, or of several; each ends in the type it begins in."""
    if isinstance(paths, str) or not hasattr(paths, "__iter__"):
        raise TypeError(f"metapaths must be a sequence of meta-paths, got {paths!r}.")
    listed = list(paths)
    if listed and all(isinstance(part, str) for part in listed):
        listed = [listed]
    if not listed:
        raise ValueError("metapaths must hold a meta-path, got none.")
    found = [steps_of(graph, path) for path in listed]
    for path, steps in zip(listed, found, strict=True):
        if steps[0][0] != steps[-1][2]:
            types = [steps[0][0], *(step[2] for step in steps)]
            raise ValueError(
                f"a walk repeats its meta-path, which must end in the type in which it begins; {tuple(path)!r} there "
                f"and back is {tuple(types + types[-2::-1])!r}."
            )
    return found
