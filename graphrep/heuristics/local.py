r"""Link-prediction scores of neighborhoods, without training.

:math:`\Gamma(u)` are the neighbors of u other than u itself (successors in a directed graph), and :math:`d(z)` is the
number of other nodes of which z is a neighbor: the degree, or the in-degree in a directed graph. Edge weights are
ignored. Every function takes a graph, or anything that ``as_graph`` takes, and pairs of row numbers of shape
(2, num_pairs), and returns float64 scores of shape (num_pairs,), higher for likelier edges. A row number outside
[0, num_nodes) is an IndexError.

Liben-Nowell and Kleinberg (The link-prediction problem for social networks, JASIST 2007, section 3) compare them.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from graphrep._names import as_pairs
from graphrep.graph import Graph, untyped_graph
from graphrep.ops.diffusion.loops import degrees_without_loops
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
    r"""Count the common neighbors, :math:`|\Gamma(u) \cap \Gamma(v)|`.

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
    r"""Count common neighbors, weighted by rarity, :math:`\sum_{z \in \Gamma(u) \cap \Gamma(v)} 1 / \log d(z)`.

    A common neighbor of two different nodes has :math:`d(z) \ge 2`. Only for a pair of a node with itself
    can :math:`d(z) = 1` occur; its :math:`1 / \log 1` counts as 0.

    Adamic, Adar: Friends and neighbors on the web, Social Networks 25, 2003.

    Parameters and result are those of :func:`common_neighbors`.

    Examples
    --------
    >>> import graphrep as gr
    >>> from graphrep.heuristics import adamic_adar
    >>> path = gr.as_graph([[0, 1, 2], [1, 2, 3]], directed=False)
    >>> adamic_adar(path, [[0, 0], [2, 3]])
    array([1.44269504, 0.        ])
    """
    g = untyped_graph(graph)
    degree = _times_listed(g)
    weights = np.zeros(len(degree))
    np.divide(1, np.log(np.maximum(degree, 1)), out=weights, where=degree > 1)
    return np.asarray(weighted_intersection(g, pairs, weights, n_jobs=n_jobs))


def resource_allocation(graph: Any, pairs: npt.ArrayLike, *, n_jobs: int | None = None) -> F64:
    r"""Let each common neighbor distribute one unit, :math:`\sum_{z \in \Gamma(u) \cap \Gamma(v)} 1 / d(z)`.

    Zhou, Lü, Zhang: Predicting missing links via local information, Eur. Phys. J. B 71, 2009.

    Parameters and result are those of :func:`common_neighbors`.

    Examples
    --------
    >>> import graphrep as gr
    >>> from graphrep.heuristics import resource_allocation
    >>> path = gr.as_graph([[0, 1, 2], [1, 2, 3]], directed=False)
    >>> resource_allocation(path, [[0, 0], [2, 3]])
    array([0.5, 0. ])
    """
    g = untyped_graph(graph)
    weights = 1 / np.maximum(_times_listed(g), 1)
    return np.asarray(weighted_intersection(g, pairs, weights, n_jobs=n_jobs))


def jaccard(graph: Any, pairs: npt.ArrayLike, *, n_jobs: int | None = None) -> F64:
    r"""Share of common among all neighbors, :math:`|\Gamma(u) \cap \Gamma(v)| / |\Gamma(u) \cup \Gamma(v)|`.

    Two nodes without neighbors score 0.

    Parameters and result are those of :func:`common_neighbors`.

    Examples
    --------
    >>> import graphrep as gr
    >>> from graphrep.heuristics import jaccard
    >>> path = gr.as_graph([[0, 1, 2], [1, 2, 3]], directed=False)
    >>> jaccard(path, [[0, 0], [2, 3]])
    array([0.5, 0. ])
    """
    g = untyped_graph(graph)
    u, v = as_pairs(pairs, g)
    common = weighted_intersection(g, (u, v), n_jobs=n_jobs)
    size = degrees_without_loops(g)
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
        Ignored.

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
    g = untyped_graph(graph)
    u, v = as_pairs(pairs, g)
    size = degrees_without_loops(g).astype(np.float64)
    return np.asarray(size[u] * size[v])


HEURISTICS: Mapping[str, Callable[..., F64]] = MappingProxyType(
    {
        "common neighbors": common_neighbors,
        "Adamic-Adar": adamic_adar,
        "resource allocation": resource_allocation,
        "Jaccard": jaccard,
        "preferential attachment": preferential_attachment,
    }
)
"""These heuristics by their usual names."""


def _times_listed(graph: Graph) -> npt.NDArray[np.int64]:
    """Number of other nodes of which each node is a neighbor."""
    degree = degrees_without_loops(graph)
    if not graph.directed:
        return degree
    loops = graph.out_degree - degree
    return np.asarray(np.bincount(graph.indices, minlength=graph.num_nodes) - loops)
