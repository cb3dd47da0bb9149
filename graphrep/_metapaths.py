"""Meta-paths: their steps, and the adjacency of each step."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import scipy.sparse as sp

from graphrep._types import code_of, rows_of_type

if TYPE_CHECKING:
    from collections.abc import Sequence

    from graphrep.graph import Graph

REVERSED = "rev_"  # of a type of edges, as torch_geometric's ToUndirected names them


class Step(NamedTuple):
    """A step from nodes of a type to those of another, along edges of a type, or of all (None), or against them.

    Without ``backward``, edges are taken against their direction only if none has the direction of the step.
    """

    source: str
    kind: str | None
    target: str
    backward: bool = False


def steps_of(graph: Graph, path: Any) -> list[Step]:
    """Steps of a meta-path, whose types the graph has, each with its direction."""
    if graph.node_type is None or graph.node_types is None:
        raise ValueError("meta-paths need types of nodes; give node_type= to as_graph.")
    listed: list[Any] = [path] if isinstance(path, str) else list(path)
    if listed and all(isinstance(step, tuple) and len(step) == 3 for step in listed):
        if any(one[2] != other[0] for one, other in pairwise(listed)):
            raise ValueError(f"each step of a meta-path begins where the one before ends, got {listed}.")
    elif len(listed) >= 2 and all(isinstance(step, str) for step in listed):
        listed = [(one, None, other) for one, other in pairwise(listed)]
    else:
        raise ValueError(f"a meta-path is two or more types of nodes, or triples of types, got {path!r}.")
    return [_step(graph, *step) for step in listed]


def _step(graph: Graph, one: Any, kind: Any, other: Any) -> Step:
    for name in (one, other):
        code_of(name, graph.node_types or (), "nodes")
    known = graph.edge_types or ("to",)  # what to_hetero calls edges without types
    backward = isinstance(kind, str) and kind not in known and kind.startswith(REVERSED)
    kind = kind.removeprefix(REVERSED) if backward else kind
    if kind is not None:
        code_of(kind, known, "edges")
    return Step(one, kind if graph.edge_types else None, other, backward)


def factors_of(graph: Graph, steps: Sequence[Step], *, required: bool = True) -> list[sp.csr_array]:
    """Adjacency of each step, float64 by position within the types; if ``required``, an error where it has no edge."""
    whole = None
    factors = []
    for step in steps:
        if step.kind is not None:
            matrix = graph.of_types(step.kind).to_scipy()
        else:
            whole = matrix = graph.to_scipy() if whole is None else whole
        rows, cols = rows_of_type(graph, step.source), rows_of_type(graph, step.target)
        factor = matrix[rows][:, cols]
        if step.backward or not factor.nnz:
            factor = matrix[cols][:, rows].T
        if required and not factor.nnz:
            named = "" if step.kind is None else f" of type {REVERSED * step.backward + step.kind!r}"
            raise ValueError(f"no edge{named} joins nodes of the types {step.source!r} and {step.target!r}.")
        factors.append(sp.csr_array(factor, dtype=np.float64))
    return factors


def _are_triples(graph: Graph, listed: list[Any]) -> bool:
    """Whether these are the steps of one path, and not several paths of three types of nodes."""
    if not all(isinstance(part, tuple) and len(part) == 3 for part in listed):
        return False
    names, kinds = graph.node_types or (), graph.edge_types or ()
    return all(kind not in names and {kind, str(kind).removeprefix(REVERSED)} & {*kinds} for _, kind, _ in listed)


def closed_paths(graph: Graph, paths: Any) -> list[list[Step]]:
    """Steps of one meta-path, as types of nodes or as triples, or of several; each ends in the type it begins in."""
    if isinstance(paths, str) or not hasattr(paths, "__iter__"):
        raise TypeError(f"metapaths must be a sequence of meta-paths, got {paths!r}.")
    listed = list(paths)
    if listed and (_are_triples(graph, listed) or all(isinstance(part, str) for part in listed)):
        listed = [listed]
    if not listed:
        raise ValueError("metapaths must hold a meta-path, got none.")
    found = [steps_of(graph, path) for path in listed]
    for path, steps in zip(listed, found, strict=True):
        if steps[0].source != steps[-1].target:
            types = [steps[0].source, *(step.target for step in steps)]
            raise ValueError(
                f"a walk repeats its meta-path, which must end in the type in which it begins; {tuple(path)!r} there "
                f"and back is {tuple(types + types[-2::-1])!r}."
            )
    return found
