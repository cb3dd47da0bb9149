"""Checks of validation pairs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from graphrep._names import as_pairs
from graphrep.evaluate.checks import refuse_leaks, warn_of_edges
from graphrep.ops.diffusion.loops import degrees_without_loops

if TYPE_CHECKING:
    from graphrep.graph import Graph

I64 = npt.NDArray[np.int64]


def checked_validation(val: Any, graph: Graph, edges: Any = None, *, own_negatives: bool = False) -> tuple[I64, I64]:
    """Validation pairs, checked to be in range and not edges of the graph; both empty if ``val`` is None.

    A validation edge may be an edge of the graph if it is also a training edge (in ``edges`` or ``val.train``), as in a
    multigraph. With ``own_negatives``, negatives can have shape (2, num_pos, num_neg), separate for each positive.
    """
    if val is None:
        return np.zeros((2, 0), dtype=np.int64), np.zeros((2, 0), dtype=np.int64)
    parts = (val.valid, val.valid_neg) if hasattr(val, "valid_neg") else tuple(val)
    if len(parts) != 2:
        raise ValueError(f"val must be a LinkSplit or a pair (positives, negatives), got {len(parts)} parts.")
    pos, neg = as_pairs(parts[0], graph, name="val"), as_pairs(parts[1], graph, name="val negatives")
    wanted = "(2, num_neg)"
    if own_negatives:
        wanted += f" or (2, {pos.shape[1]}, num_neg), separate for each positive"
    if pos.ndim != 2 or (neg.ndim > 2 and not (own_negatives and neg.ndim == 3 and neg.shape[:2] == pos.shape)):
        raise ValueError(
            f"val must have positives of shape (2, num_pos) and negatives of shape {wanted}; got {pos.shape} and "
            f"{neg.shape}."
        )
    if not pos.size or not neg.size:
        raise ValueError("val must hold positives and negatives, got none of one kind.")
    train = getattr(val, "train", np.zeros((2, 0), dtype=np.int64)) if edges is None else edges
    refuse_leaks(graph, pos, as_pairs(train, graph, name="edges"), "validation")
    if neg.ndim == 2:
        warn_of_edges(graph, neg, "validation negatives")
    return pos, neg


def sampling_of(graph: Graph, negatives: I64) -> str:
    """The way of drawing pairs, "uniform" or "degree", to which the degrees of these negatives are nearer."""
    if not negatives.size:
        return "uniform"
    degree = degrees_without_loops(graph.to_undirected() if graph.directed else graph).astype(np.float64)
    height, sides = np.log1p(degree), graph.bipartite_sides
    groups = [np.ones(len(degree), dtype=bool)] if sides is None else [sides == 0, sides == 1]
    uniform = np.mean([height[group].mean() for group in groups])
    popular = np.mean([np.average(height[group], weights=degree[group] + 1e-9) for group in groups])
    return "degree" if 2 * height[negatives].mean() > uniform + popular else "uniform"
