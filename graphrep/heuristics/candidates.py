"""Candidates for missing links: pairs two steps apart without an edge."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from graphrep._checks import checked_int, warn_caller
from graphrep.graph import untyped_graph
from graphrep.ops.diffusion.loops import adjacency_without_loops, degrees_without_loops

__all__ = ["two_hop_pairs"]

_BLOCK = 1 << 22  # paths of two arcs per block


def two_hop_pairs(graph: Any, *, limit: int | None = None, max_degree: int | None = None) -> npt.NDArray[np.int64]:
    r"""Pairs of nodes that have a common neighbor but no edge, likeliest first.

    Most missing links close a triangle, and only few of all :math:`n^2 / 2` pairs do.

    Parameters
    ----------
    graph : Graph or anything :func:`graphrep.as_graph` takes
        Undirected.
    limit : int, optional
        Upper bound on the number of pairs; those with the highest resource allocation :math:`\sum_z 1 / d(z)` over
        common neighbors z are kept.
    max_degree : int, optional
        Common neighbors z of a higher degree are left out, from the pairs as from their scores: hubs, which join
        :math:`d(z)^2 / 2` pairs, each with a share of only :math:`1 / d(z)`. Default: as high as the bound on the time
        below allows; if it leaves out any, there is a UserWarning.

    Returns
    -------
    int64 array of shape (2, num_pairs)
        Row numbers, the smaller first; pairs in descending order of resource allocation, equals in ascending order.

    Raises
    ------
    ValueError, TypeError
        A directed graph, or a limit or degree below 1.

    Notes
    -----
    Time: the sum of :math:`d(z)^2` over the common neighbors, which is at most max_degree * num_arcs, and by default at
    most max(2**31, 256 * num_arcs). Memory for the pairs that are kept and a block of others; without a limit all pairs
    that are found are kept.

    Examples
    --------
    >>> import graphrep as gr
    >>> from graphrep.heuristics import two_hop_pairs
    >>> two_hop_pairs(gr.as_graph([[0, 1, 2], [1, 2, 3]], directed=False)).T.tolist()
    [[0, 2], [1, 3]]
    """
    g = untyped_graph(graph)
    if g.directed:
        raise ValueError("graph must be undirected; graph.to_undirected() makes it so.")
    most = None if limit is None else checked_int("limit", limit, 1)
    n = g.num_nodes
    adjacency = adjacency_without_loops(g)
    degree = degrees_without_loops(g)
    highest = _highest_degree(degree) if max_degree is None else checked_int("max_degree", max_degree, 1)
    if (degree > highest).any():  # paths lead from any node to a common neighbor and on to any node
        adjacency = sp.csr_array(adjacency @ sp.diags_array((degree <= highest).astype(np.float64)))
        adjacency.eliminate_zeros()
    shares = sp.csr_array(sp.diags_array(1 / np.maximum(degree, 1)) @ adjacency_without_loops(g))
    paths = np.concatenate([[0], np.cumsum(adjacency @ degree)])  # of two arcs, that start before each row
    keys, scores = np.zeros(0, dtype=np.int64), np.zeros(0)
    begin, threshold = 0, 0.0
    while begin < n:
        end = max(begin + 1, int(np.searchsorted(paths, paths[begin] + _BLOCK, side="right")) - 1)
        if paths[end] == paths[begin]:
            begin = end
            continue
        found = sp.csr_array(
            adjacency[begin:end] @ shares[:, begin:]
        )  # of each pair, the one with the smaller row first
        at = np.flatnonzero(found.data >= threshold)
        u, v = np.searchsorted(found.indptr, at, side="right") - 1 + begin, found.indices[at].astype(np.int64) + begin
        new = u < v
        new[new] = ~g.has_edges(u[new], v[new])
        keys = np.concatenate([keys, u[new] * n + v[new]])
        scores = np.concatenate([scores, found.data[at[new]]])
        if most is not None and len(keys) > 2 * most:
            keys, scores = _best(keys, scores, most)
            threshold = float(scores[-1]) - 1e-11  # lower scores are not among the best; see _best
        begin = end
    return np.stack(np.divmod(_best(keys, scores, most)[0], max(n, 1)))


def _highest_degree(degree: npt.NDArray[np.int64]) -> int:
    """Highest degree of common neighbors that keeps the number of paths within the default bound."""
    ascending = np.sort(degree)
    fit = int(np.searchsorted(np.cumsum(ascending**2), max(1 << 31, 256 * int(degree.sum())), side="right"))
    if fit == len(degree):
        return int(ascending[-1]) if fit else 0
    highest = max(int(ascending[fit]) - 1, 1)
    warn_caller(
        f"{int((degree > highest).sum())} nodes of more than {highest} neighbors are left out as common neighbors: "
        f"they would join {float((degree[degree > highest].astype(float) ** 2).sum()) / 2:.1e} pairs; max_degree="
        f"{int(ascending[-1])} includes them."
    )
    return highest


def _best(
    keys: npt.NDArray[np.int64], scores: npt.NDArray[np.float64], most: int | None
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    # Sums of the same shares in another order differ in the last bits, which must not break ties.
    order = np.lexsort((keys, -scores.round(12)))[:most]
    return keys[order], scores[order]
