"""Untrained features of several hops, the part of the vectors that needs no training."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from graphrep._threads import limited_threads
from graphrep.evaluate.baselines import as_float32, directions, smooth_features, unit_rows
from graphrep.graph import Graph

__all__ = ["hop_columns", "hop_directions", "hop_features", "hop_memory"]

F32 = npt.NDArray[np.float32]

LEAST_PER_HOP, MOST_PER_HOP = 16, 128
STEPS = (0, 1, 1, 2)  # further hops: after 0, 1, 2 and 4 in all


def hop_columns(wanted: int, num_nodes: int, num_features: int) -> int:
    """Number of columns that :func:`hop_features` has: ``wanted``, or fewer if there is no more to take."""
    return min(wanted, num_nodes, len(STEPS) * min(_per_hop(wanted), num_nodes, num_features))


def hop_memory(wanted: int, num_nodes: int, num_features: int, *, sparse: bool) -> int:
    """About the bytes that finding the columns takes; unit rows of dense features are a copy."""
    each = min(_per_hop(wanted), num_features)
    of_features = (0 if sparse else num_features) + 8 * each  # with the tables of the decomposition
    return 4 * num_nodes * max(of_features, 10 * each + 2 * wanted, 6 * each + 4 * wanted)


def hop_directions(graph: Graph, x: Any, wanted: int, *, seed: int) -> list[F32]:
    r"""Matrices that :func:`hop_features` multiplies with.

    They hold the leading right singular vectors of the unit rows of the features (twice as many as of each hop), of
    these columns after 0, 1, 2 and 4 hops, and of the four blocks side by side.

    Parameters
    ----------
    graph : Graph
    x : float32 array or scipy.sparse matrix of shape (num_nodes, num_features)
    wanted : int
        Number of columns of the result.
    seed : int
        For the randomized decompositions.

    Returns
    -------
    list of float32 array

    Notes
    -----
    O(non-zeros of x * wanted + num_arcs * wanted + num_nodes * wanted²), on one thread: the result does not depend on
    the number of threads.
    """
    with limited_threads(1):
        each, scaled = _per_hop(wanted), _scaling(x)
        rows = scaled(x)
        found = [directions(rows, 2 * each, seed)]
        smooth, blocks = rows @ found[0], []
        del rows
        for further in STEPS:
            smooth = smooth_features(graph, smooth, further, n_jobs=1)
            found.append(directions(smooth, each, seed))
            blocks.append(unit_rows(smooth @ found[-1]))
        side = np.hstack(blocks)
        del blocks
        return [*found, directions(side, hop_columns(wanted, *x.shape), seed)] if side.shape[1] > wanted else found


def hop_features(graph: Graph, x: Any, matrices: list[F32]) -> F32:
    """Unit rows of the projections on ``matrices``, which :func:`hop_directions` found on this or another graph.

    Parameters
    ----------
    graph : Graph
    x : float32 array or scipy.sparse matrix of shape (num_nodes, num_features)
    matrices : list of float32 array

    Returns
    -------
    float32 array of shape (num_nodes, columns)
        Rows have length 1, or 0 if all neighbors' features are 0.
    """
    with limited_threads(1):
        smooth, blocks = _scaling(x)(x) @ matrices[0], []
        for further, matrix in zip(STEPS, matrices[1:], strict=False):
            smooth = smooth_features(graph, smooth, further, n_jobs=1)
            blocks.append(unit_rows(smooth @ matrix))
        side = np.hstack(blocks)
        del blocks
        result: F32 = unit_rows(side @ matrices[-1] if len(matrices) > len(STEPS) + 1 else side)
        return result


def _per_hop(wanted: int) -> int:
    return min(MOST_PER_HOP, max(LEAST_PER_HOP, wanted))


def _scaling(x: Any) -> Any:
    return unit_rows if x.shape[1] > 1 else as_float32  # a single column has no direction
