"""Random walks from enumerated transition probabilities, slow and simple: the test oracle.

The distribution is that of the kernel, but the random numbers are not, so tests compare distributions, not walks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from graphrep import _random
from graphrep._checks import checked_float
from graphrep.graph import Graph

if TYPE_CHECKING:
    from graphrep.ops.walks import WalkSampler


def transition_probabilities(
    graph: Graph, current: int, previous: int | None = None, p: float = 1.0, q: float = 1.0
) -> npt.NDArray[np.float64]:
    """Exact distribution of the next step of a walk, by enumeration; :func:`graphrep.random_walks` has the formula.

    Parameters
    ----------
    graph : Graph
    current : int
        Row number of the node to leave.
    previous : int or None
        Row number of the node before it; None for the first step of a walk.
    p, q : float
        Return and in-out parameters.

    Returns
    -------
    float64 array of shape (out-degree of current,)
        Probabilities in the order of ``graph.neighbor_rows(current)``; empty for a dead end.

    Notes
    -----
    Time O(degree log degree).

    Examples
    --------
    >>> import graphrep as gr
    >>> triangle_and_tail = gr.as_graph([[0, 1, 2, 1], [1, 2, 0, 3]], directed=False)
    >>> gr.ops.transition_probabilities(triangle_and_tail, current=1, previous=0, p=0.5, q=2).round(3)
    array([0.571, 0.286, 0.143])
    """
    p, q = checked_bias("p", p), checked_bias("q", q)
    neighbors, row = graph.neighbor_rows(current), slice(graph.indptr[current], graph.indptr[current + 1])
    mass = np.ones(len(neighbors)) if graph.weights is None else graph.weights[row].astype(np.float64)
    if previous is not None:
        near = np.isin(neighbors, graph.neighbor_rows(previous))
        mass = mass * np.where(neighbors == previous, 1 / p, np.where(near, 1.0, 1 / q))
    return np.asarray(mass / mass.sum()) if len(mass) else mass


def checked_bias(name: str, value: Any) -> float:
    """Bias p or q as a float, bounded so that p / q times any weight is finite."""
    return checked_float(name, value, 1e-100, 1e100)


def sample(sampler: WalkSampler, walk_ids: npt.NDArray[np.int64] | None, first: int, out: npt.NDArray[Any]) -> None:
    """Fill ``out`` with walks, one step at a time."""
    graph = sampler.graph
    out.fill(-1)
    for i in range(len(out)):
        walk_id = first + i if walk_ids is None else int(walk_ids[i])
        rng = np.random.default_rng([sampler.seed, walk_id])
        start = walk_id % sampler.num_starts
        current = start if sampler.start is None else int(sampler.start[start])
        previous = None
        out[i, 0] = current
        for step in range(1, sampler.walk_length):
            law = transition_probabilities(graph, current, previous, sampler.p, sampler.q)
            if not len(law):
                break
            previous = current if sampler.back is None else int(sampler.back[current])
            current = int(rng.choice(graph.neighbor_rows(current), p=law))
            out[i, step] = current


def shuffled_ids(sampler: WalkSampler, first: int, ids: npt.NDArray[np.int64]) -> None:
    """The kernel's keyed permutation: a Feistel network of four rounds, walked until it lands below num_starts."""
    n, half = sampler.num_starts, 1
    while (1 << (2 * half)) < n:
        half += 1
    mask = (1 << half) - 1
    for i in range(len(ids)):
        pass_number, x = divmod(first + i, n)
        key = int(_random.stream_key(sampler.seed, pass_number))
        while True:
            left, right = x >> half, x & mask
            for turn in range(4):
                word = (key ^ (right * int(_random.GOLDEN) + turn)) & 0xFFFFFFFFFFFFFFFF
                left, right = right, left ^ int(_random.mix64(np.uint64(word))) & mask
            x = left << half | right
            if x < n:
                break
        ids[i] = pass_number * n + x


def count_visits(sampler: WalkSampler, walks: npt.NDArray[Any], counts: npt.NDArray[np.int64]) -> None:
    """Add occurrences to counts."""
    counts += np.bincount(walks[walks >= 0], minlength=len(counts))
