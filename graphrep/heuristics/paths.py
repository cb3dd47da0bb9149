r"""Link-prediction scores of all walks between two nodes, without training.

As in :mod:`graphrep.heuristics.local`, self loops and edge weights are ignored, and every function takes a graph and
pairs of row numbers and returns float64 scores. A pair's score does not depend on the other pairs.

Liben-Nowell and Kleinberg (The link-prediction problem for social networks, JASIST 2007, section 3.2) compare them with
the scores of neighborhoods. They use more than common neighbors, and cost more.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from graphrep._checks import checked_float, checked_int
from graphrep._names import as_pairs
from graphrep.graph import untyped_graph
from graphrep.ops.diffusion import hub_first, push_pagerank, walk_sums
from graphrep.ops.diffusion.loops import degrees_without_loops

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["PATH_HEURISTICS", "katz", "personalized_pagerank"]

F64 = npt.NDArray[np.float64]


def katz(
    graph: Any, pairs: npt.ArrayLike, *, beta: float = 0.005, max_length: int = 3, n_jobs: int | None = None
) -> F64:
    r"""Sum the walks between two nodes, long ones with less weight, :math:`\sum_{l=1}^{L} \beta^l (A^l)_{uv}`.

    Katz: A new status index derived from sociometric analysis, Psychometrika 18, 1953; truncated after length L.

    Parameters
    ----------
    graph : Graph or anything :func:`graphrep.as_graph` takes
        In a directed graph walks follow the arcs from u to v.
    pairs : int array of shape (2, num_pairs)
        Row numbers.
    beta : float
        :math:`\beta > 0`.
    max_length : int
        L, at least 1. Longer walks would add at most
        :math:`(\beta \lambda)^{L+1} / (1 - \beta \lambda)`, where :math:`\lambda` is the spectral norm of A, if
        :math:`\beta \lambda < 1`; otherwise the full sum need not exist. In an undirected graph :math:`\lambda` is at
        most the largest degree.
    n_jobs : int or None
        Threads; the result does not depend on it.

    Returns
    -------
    float64 array of shape (num_pairs,)

    Raises
    ------
    ValueError, TypeError, IndexError
        Settings or pairs out of range.

    Notes
    -----
    The cost is that of :func:`graphrep.ops.walk_sums`: with the default, the two-step neighborhood of each
    distinct source, and the degrees of the targets.

    Examples
    --------
    >>> import graphrep as gr
    >>> from graphrep.heuristics import katz
    >>> path = gr.as_graph([[0, 1, 2], [1, 2, 3]], directed=False)
    >>> katz(path, [[0, 0, 0], [1, 2, 3]], beta=0.1)
    array([0.102, 0.01 , 0.001])
    """
    base = checked_float("beta", beta, 0.0, exclusive=True)
    weights = base ** np.arange(1, checked_int("max_length", max_length, 1) + 1)
    return walk_sums(graph, pairs, weights, n_jobs=n_jobs)


def personalized_pagerank(
    graph: Any,
    pairs: npt.ArrayLike,
    *,
    restart: float = 0.15,
    tolerance: float = 1e-5,
    n_jobs: int | None = None,
) -> F64:
    r"""Add the probabilities that a random walk with restart from one end is at the other, :math:`\pi_u(v) + \pi_v(u)`.

    See :func:`graphrep.ops.push_pagerank` for :math:`\pi`. In an undirected graph
    :math:`d(u) \, \pi_u(v) = d(v) \, \pi_v(u)`, so that the walks from one end are sufficient.

    Parameters
    ----------
    graph : Graph or anything :func:`graphrep.as_graph` takes
    pairs : int array of shape (2, num_pairs)
        Row numbers.
    restart : float in [1e-6, 1)
        Probability that the walk returns to its start, 1 minus the damping factor of networkx.
    tolerance : float
        :math:`\varepsilon`. In an undirected graph the result is at most the exact score s, and at least
        :math:`s - \varepsilon (\max(d(u), 1) + \max(d(v), 1))`.
    n_jobs : int or None
        Threads; the result does not depend on it.

    Returns
    -------
    float64 array of shape (num_pairs,)
        Symmetric in the two ends; 0 if the ends are too far apart for the tolerance.

    Raises
    ------
    ValueError, TypeError, IndexError
        Settings or pairs out of range.

    Notes
    -----
    At most 1 / (restart * tolerance) arcs are visited per distinct source, however large the graph.

    Examples
    --------
    >>> import graphrep as gr
    >>> from graphrep.heuristics import personalized_pagerank
    >>> path = gr.as_graph([[0, 1, 2], [1, 2, 3]], directed=False)
    >>> personalized_pagerank(path, [[0, 0, 0], [1, 2, 3]], tolerance=1e-9).round(4)
    array([0.5373, 0.3575, 0.2026])
    """
    g = untyped_graph(graph)
    ends = as_pairs(pairs, g)
    if g.directed:
        both = np.concatenate([ends, ends[::-1]], axis=1)
        forth, back = push_pagerank(g, both, restart=restart, tolerance=tolerance, n_jobs=n_jobs).reshape(2, -1)
        return np.asarray(forth + back)
    hub, other = hub_first(g, ends)
    degree = np.maximum(degrees_without_loops(g), 1)
    seen = push_pagerank(g, (hub, other), restart=restart, tolerance=tolerance, n_jobs=n_jobs)
    return np.asarray(seen * (1 + degree[hub] / degree[other]))


PATH_HEURISTICS: Mapping[str, Callable[..., F64]] = MappingProxyType(
    {"Katz": katz, "personalized PageRank": personalized_pagerank}
)
"""Heuristics of walks by their usual names; they take longer than those of :data:`HEURISTICS`."""
