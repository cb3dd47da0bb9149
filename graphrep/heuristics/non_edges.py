"""Pairs of nodes without an edge, at random."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from graphrep._checks import checked_int
from graphrep.graph import Graph, untyped_graph
from graphrep.ops.diffusion.loops import degrees_without_loops

__all__ = ["SAMPLINGS", "check_sampling", "sample_non_edges"]

I64 = npt.NDArray[np.int64]

SAMPLINGS = ("uniform", "degree")

_FEW_NODES = 2048  # all pairs of so few nodes are listed, which also serves graphs that are almost complete
_ROUNDS = 100
_MOST_DRAWN = 1 << 24  # pairs drawn at once


def check_sampling(name: str, sampling: str) -> None:
    """Raise ValueError unless ``sampling`` is a way of drawing the ends of pairs."""
    if sampling not in SAMPLINGS:
        raise ValueError(f"{name} must be one of {', '.join(SAMPLINGS)}; got {sampling!r}.")


def sample_non_edges(
    graph: Any,
    size: int,
    *,
    rng: np.random.Generator,
    sampling: str = "uniform",
    directed: bool | None = None,
    distinct: bool = True,
) -> I64:
    """Draw pairs of different nodes that have no edge; with ``graph.bipartite_sides``, one node of each side.

    If all arcs of a directed bipartite graph leave the first side, so do the pairs.

    Parameters
    ----------
    graph : Graph or anything :func:`graphrep.as_graph` takes
    size : int
        Number of pairs.
    rng : numpy.random.Generator
    sampling : {"uniform", "degree"}
        Draw every pair with the same probability, or each end in proportion to its degree, as in the configuration
        model; in a directed graph, the first end by out-degree and the second by in-degree.
    directed : bool, optional
        Whether (u, v) and (v, u) are different pairs; default ``graph.directed``. If they are not, an arc in either
        direction is an edge.
    distinct : bool
        Whether all pairs differ. Distinct pairs without a direction have the smaller row first; otherwise the two ends
        are in the order in which they were drawn.

    Returns
    -------
    int64 array of shape (2, size)

    Raises
    ------
    ValueError
        There are too few such pairs, or drawing finds hardly any.

    Notes
    -----
    Time O(size log(degree)) in a sparse graph. Memory O(size), or O(num_nodes**2) up to 2,048 nodes.

    Examples
    --------
    >>> import numpy as np
    >>> import graphrep as gr
    >>> from graphrep.heuristics.non_edges import sample_non_edges
    >>> path = gr.as_graph([[0, 1, 2], [1, 2, 3]], directed=False)
    >>> sorted(sample_non_edges(path, 3, rng=np.random.default_rng(0)).T.tolist())
    [[0, 2], [0, 3], [1, 3]]
    """
    g = untyped_graph(graph)
    count = checked_int("size", size, 0)
    check_sampling("sampling", sampling)
    ordered = g.directed if directed is None else directed
    if g.directed and not ordered:
        g = g.to_undirected()
    arcs, n, sides = int(degrees_without_loops(g).sum()), g.num_nodes, g.bipartite_sides
    total = n * (n - 1) // (1 if ordered else 2)
    one_way = False
    if sides is not None:
        one_way = ordered and not g.out_degree[sides == 1].any()
        both_ways = ordered and not one_way
        total = int(np.count_nonzero(sides == 0)) * int(np.count_nonzero(sides == 1)) * (2 if both_ways else 1)
    free = total - (arcs if ordered else arcs // 2)
    if count > free and (distinct or not free):
        raise _too_few(count, f"there are only {free}")
    if distinct and sampling == "uniform" and n <= _FEW_NODES:
        u, v = np.nonzero(~np.eye(n, dtype=bool) if ordered else np.tri(n, k=-1, dtype=bool).T)
        kept = ~g.has_edges(u, v)
        if sides is not None:
            kept &= (sides[u] < sides[v]) if one_way else (sides[u] != sides[v])
        keys = rng.permutation(u[kept] * n + v[kept])[:count]
        return np.stack(np.divmod(keys, max(1, n)))
    groups = None if sides is None else (np.flatnonzero(sides == 0), np.flatnonzero(sides == 1))
    halved = sides is not None and sampling == "degree"  # half of the pairs are inside a side and thrown away
    found = np.zeros((2, 0), dtype=np.int64)
    for _ in range(_ROUNDS):
        missing = count - found.shape[1]
        left = free - found.shape[1] if distinct else free
        wanted = int((2.2 if halved else 1.1) * missing * total / max(1, left)) + 16
        if groups is None or halved:
            drawn = _ends(g, min(wanted, _MOST_DRAWN), sampling, rng)
            drawn = drawn[:, drawn[0] != drawn[1] if sides is None else sides[drawn[0]] != sides[drawn[1]]]
        else:
            drawn = np.stack([rng.choice(group, min(wanted, _MOST_DRAWN)) for group in groups])
        if groups is not None and ordered and not (halved and g.directed):
            turned = np.zeros(drawn.shape[1], dtype=bool) if one_way else rng.random(drawn.shape[1]) < 0.5
            drawn = np.where(turned, drawn[::-1], drawn)
        found = np.concatenate([found, drawn[:, ~g.has_edges(*drawn)]], axis=1)
        if distinct:
            found = found if ordered else np.sort(found, axis=0)
            found = found[:, np.sort(np.unique(found[0] * n + found[1], return_index=True)[1])]
        if found.shape[1] >= count:
            return found[:, :count]
    raise _too_few(count, f'drawing by sampling="{sampling}" finds hardly any')


def _ends(graph: Graph, count: int, sampling: str, rng: np.random.Generator) -> I64:
    if sampling == "uniform":
        return rng.integers(graph.num_nodes, size=(2, count))
    if not graph.num_arcs:
        return np.zeros((2, 0), dtype=np.int64)
    arcs = rng.integers(graph.num_arcs, size=(2, count))
    second = graph.indices[arcs[1]]
    first = np.searchsorted(graph.indptr, arcs[0], side="right") - 1 if graph.directed else graph.indices[arcs[0]]
    return np.stack([first, second]).astype(np.int64)


def _too_few(size: int, reason: str) -> ValueError:
    return ValueError(f"cannot sample {size} pairs without an edge: {reason}.")
