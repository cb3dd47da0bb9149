r"""Link-prediction scores read off the neighbourhoods, without training.

Throughout, :math:`\Gamma(u)` are the neighbours of u other than u itself, successors in a directed graph, and
:math:`d(z)` counts the other nodes that have z for a neighbour: the degree, or the in-degree in a directed graph.
Edge weights play no part. Every function takes a graph, or what ``as_graph`` makes one of, and pairs of row numbers,
shape (2, num_pairs), and returns float64 scores of shape (num_pairs,), the higher the likelier; a row number outside
[0, num_nodes) is an IndexError.

Liben-Nowell and Kleinberg (The link-prediction problem for social networks, JASIST 2007, section 3) compare them.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from graphrep._arrays import as_pairs
from graphrep.graph import Graph, as_graph
from graphrep.ops.neighbors import weighted_intersection

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = [
    "HEURISTICS",
    "adamic_adar",
    "common_neighbors",
    "jaccard",
    "preferential_attachment",
    "resource_allocation",
]

F64 = npt.NDArray[np.float64]


def common_neighbors(graph: Any, pairs: npt.ArrayLike, *, n_jobs: int | None = None) -> F64:
    r"""Count the common neighbours, :math:`|\Gamma(u) \cap \Gamma(v)|`.

    Newman: Clustering and preferential attachment in growing networks, Phys. Rev. E 64, 2001.

    Parameters
    ----------
    graph : Graph or anything :func:`graphrep.as_graph` takes
    pairs : int array of shape (2, num_pairs)
        Row numbers.
    n_jobs : int or None
        Threads; the result does not depend on it.

    Returns
    -------
    float64 array of shape (num_pairs,)

    Examples
    --------
    >>> import graphrep as gr
    >>> from graphrep.heuristics import common_neighbors
    >>> path = gr.as_graph([[0, 1, 2], [1, 2, 3]], directed=False)
    >>> common_neighbors(path, [[0, 0], [2, 3]])
    array([1., 0.])
    """
    return np.asarray(weighted_intersection(graph, pairs, n_jobs=n_jobs))


def adamic_adar(graph: Any, pairs: npt.ArrayLike, *, n_jobs: int | None = None) -> F64:
    r"""Count common neighbours, rare ones for more, :math:`\sum_{z \in \Gamma(u) \cap \Gamma(v)} 1 / \log d(z)`.

    A common neighbour of two different nodes has :math:`d(z) \ge 2`. Only where a node is paired with itself can
    :math:`d(z) = 1` come in, whose :math:`1 / \log 1` counts 0 here.

    Adamic, Adar: Friends and neighbors on the web, Social Networks 25, 2003.

    Parameters
    ----------
    graph : Graph or anything :func:`graphrep.as_graph` takes
    pairs : int array of shape (2, num_pairs)
        Row numbers.
    n_jobs : int or None
        Threads; the result does not depend on it.

    Returns
    -------
    float64 array of shape (num_pairs,)

    Examples
    --------
    >>> import graphrep as gr
    >>> from graphrep.heuristics import adamic_adar
    >>> path = gr.as_graph([[0, 1, 2], [1, 2, 3]], directed=False)
    >>> adamic_adar(path, [[0, 0], [2, 3]])
    array([1.44269504, 0.        ])
    """
    g = as_graph(graph)
    degree = _times_listed(g)
    weights = np.zeros(len(degree))
    np.divide(1, np.log(np.maximum(degree, 1)), out=weights, where=degree > 1)
    return np.asarray(weighted_intersection(g, pairs, weights, n_jobs=n_jobs))


def resource_allocation(graph: Any, pairs: npt.ArrayLike, *, n_jobs: int | None = None) -> F64:
    r"""Let each common neighbour share out one unit, :math:`\sum_{z \in \Gamma(u) \cap \Gamma(v)} 1 / d(z)`.

    Zhou, Lü, Zhang: Predicting missing links via local information, Eur. Phys. J. B 71, 2009.

    Parameters
    ----------
    graph : Graph or anything :func:`graphrep.as_graph` takes
    pairs : int array of shape (2, num_pairs)
        Row numbers.
    n_jobs : int or None
        Threads; the result does not depend on it.

    Returns
    -------
    float64 array of shape (num_pairs,)

    Examples
    --------
    >>> import graphrep as gr
    >>> from graphrep.heuristics import resource_allocation
    >>> path = gr.as_graph([[0, 1, 2], [1, 2, 3]], directed=False)
    >>> resource_allocation(path, [[0, 0], [2, 3]])
    array([0.5, 0. ])
    """
    g = as_graph(graph)
    weights = 1 / np.maximum(_times_listed(g), 1)
    return np.asarray(weighted_intersection(g, pairs, weights, n_jobs=n_jobs))


def jaccard(graph: Any, pairs: npt.ArrayLike, *, n_jobs: int | None = None) -> F64:
    r"""Divide common by all neighbours, :math:`|\Gamma(u) \cap \Gamma(v)| / |\Gamma(u) \cup \Gamma(v)|`.

    Two nodes without neighbours score 0.

    Parameters
    ----------
    graph : Graph or anything :func:`graphrep.as_graph` takes
    pairs : int array of shape (2, num_pairs)
        Row numbers.
    n_jobs : int or None
        Threads; the result does not depend on it.

    Returns
    -------
    float64 array of shape (num_pairs,)

    Examples
    --------
    >>> import graphrep as gr
    >>> from graphrep.heuristics import jaccard
    >>> path = gr.as_graph([[0, 1, 2], [1, 2, 3]], directed=False)
    >>> jaccard(path, [[0, 0], [2, 3]])
    array([0.5, 0. ])
    """
    g = as_graph(graph)
    u, v = as_pairs(pairs, g.num_nodes)
    common = weighted_intersection(g, (u, v), n_jobs=n_jobs)
    size = g.out_degree - _loops(g)
    return np.asarray(common / np.maximum(size[u] + size[v] - common, 1))


def preferential_attachment(graph: Any, pairs: npt.ArrayLike, *, n_jobs: int | None = None) -> F64:
    r"""Multiply the degrees, :math:`|\Gamma(u)| \, |\Gamma(v)|`.

    Newman, as for :func:`common_neighbors`.

    Parameters
    ----------
    graph : Graph or anything :func:`graphrep.as_graph` takes
    pairs : int array of shape (2, num_pairs)
        Row numbers.
    n_jobs : int or None
        Threads; not used here.

    Returns
    -------
    float64 array of shape (num_pairs,)

    Examples
    --------
    >>> import graphrep as gr
    >>> from graphrep.heuristics import preferential_attachment
    >>> path = gr.as_graph([[0, 1, 2], [1, 2, 3]], directed=False)
    >>> preferential_attachment(path, [[0, 0], [2, 3]])
    array([2., 1.])
    """
    del n_jobs
    g = as_graph(graph)
    u, v = as_pairs(pairs, g.num_nodes)
    size = (g.out_degree - _loops(g)).astype(np.float64)
    return np.asarray(size[u] * size[v])


HEURISTICS: Mapping[str, Callable[..., F64]] = MappingProxyType(
    {
        "common neighbours": common_neighbors,
        "Adamic-Adar": adamic_adar,
        "resource allocation": resource_allocation,
        "Jaccard": jaccard,
        "preferential attachment": preferential_attachment,
    }
)
"""All of them by their usual names."""


def _times_listed(graph: Graph) -> npt.NDArray[np.int64]:
    """Count the other nodes that have each node for a neighbour."""
    listed = np.bincount(graph.indices, minlength=graph.num_nodes) if graph.directed else graph.out_degree
    return np.asarray(listed - _loops(graph))


def _loops(graph: Graph) -> npt.NDArray[np.int64]:
    """1 for each node with a self loop, else 0; kept with the graph, which never changes."""
    if "loops" not in graph._cache:
        at = graph.indices[graph.indices == graph.sources()]
        graph._cache["loops"] = np.bincount(at, minlength=graph.num_nodes)
    return np.asarray(graph._cache["loops"])
