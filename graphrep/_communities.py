"""Communities of the edges by the methods of networkx and igraph, for baselines of clusters."""

from __future__ import annotations

import importlib.util
import random
import threading
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from graphrep.graph import Graph

__all__ = ["COMMUNITIES", "communities", "has_igraph"]

_GENERATOR = threading.Lock()  # igraph has one random number generator for the process


def has_igraph() -> bool:
    return importlib.util.find_spec("igraph") is not None


def communities(name: str, graph: Graph, seed: int) -> npt.NDArray[np.int64]:
    """Communities of an undirected graph, int64 of shape (num_nodes,); nodes without edges form one community."""
    source, target = graph.edges()
    weights = np.ones(len(source)) if graph.weights is None else graph.weights[graph.sources() <= graph.indices]
    labels = np.full(graph.num_nodes, -1, dtype=np.int64)
    number = -1
    if len(source):
        for number, members in enumerate(COMMUNITIES[name](source, target, weights, seed)):
            labels[list(members)] = number
    labels[labels < 0] = number + 1
    return labels


def _network(source: Any, target: Any, weights: Any) -> Any:
    import networkx as nx

    network = nx.Graph()
    network.add_weighted_edges_from(zip(source.tolist(), target.tolist(), weights.tolist(), strict=True))
    return network


def _louvain(source: Any, target: Any, weights: Any, seed: int) -> Iterable[Any]:
    import networkx as nx

    found: Iterable[Any] = nx.community.louvain_communities(_network(source, target, weights), seed=seed % 2**32)
    return found


def _label_propagation(source: Any, target: Any, weights: Any, seed: int) -> Iterable[Any]:
    import networkx as nx

    network = _network(source, target, weights)
    found: Iterable[Any] = nx.community.fast_label_propagation_communities(network, weight="weight", seed=seed % 2**32)
    return found


def _leiden(source: Any, target: Any, weights: Any, seed: int) -> Iterable[Any]:
    import igraph

    nodes, ends = np.unique(np.stack([source, target]), return_inverse=True)
    network = igraph.Graph(len(nodes), ends.reshape(2, -1).T)
    with _GENERATOR:
        igraph.set_random_number_generator(random.Random(seed))
        try:
            found = network.community_leiden("modularity", weights=weights.tolist(), n_iterations=-1)
        finally:
            igraph.set_random_number_generator(random)  # its default
    return [nodes[members] for members in found]


#: Methods by the name of their row. Leiden needs igraph.
COMMUNITIES: dict[str, Callable[[Any, Any, Any, int], Iterable[Any]]] = {
    "Louvain": _louvain,
    "Leiden": _leiden,
    "label propagation": _label_propagation,
}
