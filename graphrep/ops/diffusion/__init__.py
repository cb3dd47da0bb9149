"""Diffusion from one node to another: counts of walks of bounded length, and random walks with restart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from graphrep._backend import choose
from graphrep._checks import checked_float
from graphrep._names import as_pairs
from graphrep._threads import resolve_threads
from graphrep.graph import Graph, untyped_graph
from graphrep.ops.diffusion import cpu, reference
from graphrep.ops.diffusion.loops import degrees_without_loops

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["push_pagerank", "walk_sums"]

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]


def walk_sums(graph: Any, pairs: npt.ArrayLike, weights: npt.ArrayLike, *, n_jobs: int | None = None) -> F64:
    r"""Sum over walks from u to v, weighted by length: :math:`s_{uv} = \sum_{l=1}^{L} \omega_l \, (A^l)_{uv}`.

    A is the 0/1 adjacency without self loops.

    Parameters
    ----------
    graph : Graph or anything :func:`graphrep.as_graph` takes
        Edge weights are ignored.
    pairs : int array of shape (2, num_pairs)
        Row numbers u, v.
    weights : float array of shape (L,)
        :math:`\omega`; the first weight is for length 1.
    n_jobs : int or None
        Number of threads; the result does not depend on it.

    Returns
    -------
    float64 array of shape (num_pairs,)
        In an undirected graph, swapping the two ends of a pair gives the same bits.

    Raises
    ------
    ValueError
        ``pairs`` or ``weights`` has a wrong shape, or a weight is not finite.
    IndexError
        A row number lies outside [0, num_nodes).

    Notes
    -----
    Walks of L - 1 arcs are propagated from each distinct source, with at most (L - 1) * num_arcs additions and far
    fewer for small neighborhoods; the last arc is gathered at the targets. In an undirected graph the end with more
    neighbors is the source of a pair, since hubs occur in many pairs. Memory: two arrays of num_nodes float64 per
    thread. Counts are exact below 2**53.

    Examples
    --------
    >>> import graphrep as gr
    >>> from graphrep.ops.diffusion import walk_sums
    >>> ring = gr.as_graph([[0, 1, 2, 3], [1, 2, 3, 0]], directed=False)
    >>> walk_sums(ring, [[0, 0], [1, 2]], weights=[1, 1, 1])
    array([5., 2.])
    """
    g: Graph = untyped_graph(graph)
    ends = _flat(pairs, g)
    by_length = np.ascontiguousarray(weights, dtype=np.float64)
    if by_length.ndim != 1 or not len(by_length) or not np.isfinite(by_length).all():
        raise ValueError(f"weights must be a list of finite numbers, one per length from 1; got {by_length.tolist()}.")
    incoming = g.transpose()
    run = choose("walk_sums", {"native": cpu.count_walks, "reference": reference.count_walks})

    def read(sources: I64, offsets: I64, targets: I64) -> F64:
        out = np.empty(len(targets))
        run(g, incoming, sources, offsets, targets, by_length, out, resolve_threads(n_jobs))
        return out

    u, v = ends if g.directed else hub_first(g, ends)
    return _by_source(u, v, read)


def push_pagerank(
    graph: Any,
    pairs: npt.ArrayLike,
    *,
    restart: float = 0.15,
    tolerance: float = 1e-5,
    n_jobs: int | None = None,
) -> F64:
    r"""Probability :math:`\pi_u(v)` that a random walk from u, which may stop at each node, stops at v.

    .. math:: \pi_u = \alpha \sum_{k \ge 0} (1 - \alpha)^k \, e_u P^k, \qquad P = D^{-1} A

    with :math:`\alpha` = ``restart`` and A without self loops; at a node without out-neighbors the walk continues from
    u. Forward push: a residual above ``tolerance`` times the degree of its node is pushed to the neighbors.

    Parameters
    ----------
    graph : Graph or anything :func:`graphrep.as_graph` takes
        Edge weights are ignored.
    pairs : int array of shape (2, num_pairs)
        Row numbers u, v.
    restart : float in [1e-6, 1)
        :math:`\alpha`.
    tolerance : float
        :math:`\varepsilon \ge 10^{-100}`. In an undirected graph
        :math:`\pi_u(v) - \varepsilon \max(d(v), 1) \le \text{result} \le \pi_u(v)`; in a directed graph the total
        error of one source is at most :math:`\varepsilon \sum_w \max(d(w), 1)`.
    n_jobs : int or None
        Number of threads; the result does not depend on it.

    Returns
    -------
    float64 array of shape (num_pairs,)
        0 if v is too far from u for the tolerance.

    Raises
    ------
    ValueError
        ``pairs`` has a wrong shape, or ``restart`` or ``tolerance`` is out of range.
    IndexError
        A row number lies outside [0, num_nodes).

    Notes
    -----
    Visits at most :math:`1 / (\alpha \varepsilon)` arcs per distinct u, independently of the size of the graph. Memory:
    two arrays of num_nodes float64 per thread.

    References
    ----------
    Andersen, Chung, Lang. Local Graph Partitioning using PageRank Vectors. FOCS 2006, section 3.

    Examples
    --------
    >>> import graphrep as gr
    >>> from graphrep.ops.diffusion import push_pagerank
    >>> edge = gr.as_graph([[0], [1]], directed=False)
    >>> push_pagerank(edge, [[0, 0], [0, 1]], restart=0.5, tolerance=1e-9).round(6)
    array([0.666667, 0.333333])
    """
    g: Graph = untyped_graph(graph)
    ends = _flat(pairs, g)
    stop = checked_float("restart", restart, 0.0, 1.0, exclusive=True)
    if not 1e-6 <= stop < 1:
        raise ValueError(
            f"restart must be at least 1e-6, or the walk would hardly end, and less than 1; got {restart}."
        )
    limit = checked_float("tolerance", tolerance, 0.0, exclusive=True)
    if limit < 1e-100:
        raise ValueError(f"tolerance must be at least 1e-100, got {tolerance}.")
    degree = degrees_without_loops(g)
    run = choose("push_pagerank", {"native": cpu.push_pagerank, "reference": reference.push_pagerank})

    def read(sources: I64, offsets: I64, targets: I64) -> F64:
        out = np.empty(len(targets))
        run(g, degree, sources, offsets, targets, stop, limit, out, resolve_threads(n_jobs))
        return out

    return _by_source(ends[0], ends[1], read)


def hub_first(graph: Graph, pairs: I64) -> I64:
    """Pairs of shape (2, num_pairs) with the end of higher degree first; ties go to the smaller row number."""
    degree = degrees_without_loops(graph)
    u, v = pairs
    swap = (degree[v] > degree[u]) | ((degree[v] == degree[u]) & (v < u))
    return np.where(swap, pairs[::-1], pairs)


def _flat(pairs: npt.ArrayLike, graph: Graph) -> I64:
    ends = as_pairs(pairs, graph)
    if ends.ndim != 2:
        raise ValueError(f"pairs must have shape (2, num_pairs), got {ends.shape}.")
    return ends


def _by_source(u: I64, v: I64, read: Callable[[I64, I64, I64], F64]) -> F64:
    """Call ``read`` with the pairs grouped by u, and return its results in the original order."""
    order = np.argsort(u, kind="stable")
    sources, first = np.unique(u[order], return_index=True)
    out = np.empty(len(u))
    out[order] = read(sources, np.append(first, len(u)).astype(np.int64), v[order])
    return out
