"""Degrees and neighborhoods of pairs as columns for a model that is trained on edges."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from graphrep._names import as_pairs
from graphrep.graph import Graph, untyped_graph
from graphrep.heuristics.local import adamic_adar, common_neighbors, resource_allocation
from graphrep.ops.diffusion.loops import degrees_without_loops

__all__ = ["pair_features"]

F64 = npt.NDArray[np.float64]


def pair_features(graph: Any, pairs: npt.ArrayLike, *, n_jobs: int | None = None) -> dict[str, F64]:
    r"""Describe pairs by their degrees and common neighbors, as if no pair had an edge of its own.

    A pair that is an edge of the graph gets the values it would have if only this edge were removed. Columns of
    training edges and of pairs without an edge are therefore comparable, and a model that is trained on them cannot
    tell edges by the degree that they add.

    With the degrees :math:`d` without self loops, the columns of an undirected graph are

    ===========================  ==================================================================
    ``"degrees"``                :math:`\log(1 + d_u) + \log(1 + d_v)`
    ``"degree difference"``      :math:`|\log(1 + d_u) - \log(1 + d_v)|`
    ``"common neighbors"``       :math:`\log(1 + c)`, :math:`c = |\Gamma(u) \cap \Gamma(v)|`
    ``"Adamic-Adar"``            logarithm of 1 plus :func:`adamic_adar`
    ``"resource allocation"``    square root of :func:`resource_allocation`
    ``"Jaccard"``                :math:`c / |\Gamma(u) \cup \Gamma(v)|`
    ===========================  ==================================================================

    In a directed graph the first two are replaced by the logarithms of 1 plus the out- and in-degrees of both ends; the
    last four follow successors, as the heuristics do, and are repeated for the graph without directions; and
    ``"reverse edge"`` says whether v has an edge to u.

    Parameters
    ----------
    graph : Graph or anything :func:`graphrep.as_graph` takes
        Weights are ignored.
    pairs : int array of shape (2, num_pairs)
        Row numbers.
    n_jobs : int or None
        Threads; the result does not depend on it.

    Returns
    -------
    dict of str to float64 array of shape (num_pairs,)
        In an undirected graph all of them are symmetric in the two ends.

    Raises
    ------
    IndexError
        A row number outside [0, num_nodes).

    Notes
    -----
    The time of three passes over the common neighbors of the pairs, and six in a directed graph.

    References
    ----------
    Liben-Nowell, Kleinberg: The link-prediction problem for social networks, JASIST 2007, section 3.

    Examples
    --------
    >>> import graphrep as gr
    >>> from graphrep.heuristics import pair_features
    >>> triangle = gr.as_graph([(0, 1), (1, 2), (2, 0), (2, 3)], directed=False)
    >>> columns = pair_features(triangle, [(0, 1), (0, 3)])  # an edge, and a pair without one
    >>> columns["Jaccard"].tolist()
    [1.0, 0.5]
    """
    g = untyped_graph(graph)
    ends = as_pairs(pairs, g)
    if ends.ndim != 2:
        raise ValueError(f"pairs must have shape (2, num_pairs), got {ends.shape}.")
    u, v = ends
    own = (g.has_edges(u, v) & (u != v)).astype(np.float64)  # what an edge between the two adds to their degrees
    degree = degrees_without_loops(g).astype(np.float64)
    if not g.directed:
        log_u, log_v = np.log1p(degree[u] - own), np.log1p(degree[v] - own)
        columns = {"degrees": log_u + log_v, "degree difference": np.abs(log_u - log_v)}
        return columns | _neighborhoods(g, ends, degree[u] - own, degree[v] - own, n_jobs)
    into = degrees_without_loops(g.transpose()).astype(np.float64)
    columns = {
        "out-degree of the source": np.log1p(degree[u] - own),
        "in-degree of the source": np.log1p(into[u]),
        "out-degree of the target": np.log1p(degree[v]),
        "in-degree of the target": np.log1p(into[v] - own),
        "reverse edge": g.has_edges(v, u).astype(np.float64),
    }
    # The target is no common neighbor, but is counted among the successors of the source.
    columns |= _neighborhoods(g, ends, degree[u] - own, degree[v], n_jobs)
    both = g.to_undirected()
    around, alone = degrees_without_loops(both).astype(np.float64), own * ~g.has_edges(v, u)
    more = _neighborhoods(both, ends, around[u] - alone, around[v] - alone, n_jobs)
    return columns | {f"{name}, either direction": column for name, column in more.items()}


def _neighborhoods(
    graph: Graph, ends: npt.NDArray[np.int64], size_u: F64, size_v: F64, n_jobs: int | None
) -> dict[str, F64]:
    """Columns of common neighbors, which an edge between the two ends does not change; sizes are without this edge."""
    common = common_neighbors(graph, ends, n_jobs=n_jobs)
    return {
        "common neighbors": np.log1p(common),
        "Adamic-Adar": np.log1p(adamic_adar(graph, ends, n_jobs=n_jobs)),
        "resource allocation": np.sqrt(resource_allocation(graph, ends, n_jobs=n_jobs)),
        "Jaccard": common / np.maximum(size_u + size_v - common, 1),
    }
