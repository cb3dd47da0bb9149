"""Candidates for missing links: pairs two steps apart without an edge."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from graphrep._checks import checked_int
from graphrep.graph import as_graph
from graphrep.ops.diffusion.loops import adjacency_without_loops, degrees_without_loops

__all__ = ["two_hop_pairs"]

_BLOCK = 1 << 22  # paths of two arcs per block


def two_hop_pairs(graph: Any, *, limit: int | None = None) -> npt.NDArray[np.int64]:
    r"""Pairs of nodes that have a common neighbor but no edge, likeliest first.

    Most missing links close a triangle, and only few of all :math:`n^2 / 2` pairs do.

    Parameters
    ----------
    graph : Graph or anything :func:`graphrep.as_graph` takes
        Undirected.
    limit : int, optional
        Upper bound on the number of pairs; those with the highest resource allocation :math:`\sum_z 1 / d(z)` over
        common neighbors z are kept.

    Returns
    -------
    int64 array of shape (2, num_pairs)
        Row numbers, the smaller first; pairs in descending order of resource allocation, equals in ascending order.

    Raises
    ------
    ValueError, TypeError
        A directed graph, or a limit below 1.

    Notes
    -----
    O(sum of squared degrees) time. Memory for the pairs that are kept and a block of others.

    Examples
    --------
    >>> import graphrep as gr
    >>> from graphrep.heuristics import two_hop_pairs
    >>> two_hop_pairs(gr.as_graph([[0, 1, 2], [1, 2, 3]], directed=False)).T.tolist()
    [[0, 2], [1, 3]]
    """
    g = as_graph(graph)
    if g.directed:
        raise ValueError("graph must be undirected; graph.to_undirected() makes it so.")
    most = None if limit is None else checked_int("limit", limit, 1)
    n = g.num_nodes
    adjacency = adjacency_without_loops(g)
    degree = degrees_without_loops(g)
    shares = sp.csr_array(sp.diags_array(1 / np.maximum(degree, 1)) @ adjacency)
    paths = np.concatenate([[0], np.cumsum(adjacency @ degree)])  # of two arcs, that start before each row
    keys, scores = np.zeros(0, dtype=np.int64), np.zeros(0)
    begin, threshold = 0, 0.0
    while begin < n:
        end = max(begin + 1, int(np.searchsorted(paths, paths[begin] + _BLOCK, side="right")) - 1)
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


def _best(
    keys: npt.NDArray[np.int64], scores: npt.NDArray[np.float64], most: int | None
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    # Sums of the same shares in another order differ in the last bits, which must not break ties.
    order = np.lexsort((keys, -scores.round(12)))[:most]
    return keys[order], scores[order]
