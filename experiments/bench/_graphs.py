"""Graphs for the benchmarks, and files of them for peers that read only files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

import graphrep as gr

if TYPE_CHECKING:
    from pathlib import Path


def power_law_edges(
    num_nodes: int = 100_000, num_edges: int = 1_000_000, exponent: float = 2.5, seed: int = 0
) -> npt.NDArray[np.int64]:
    r"""Distinct undirected edges of a random graph with a power-law degree distribution, int64 of shape (2, num_edges).

    Chung-Lu: both ends of an edge are drawn in proportion to :math:`(i + 10)^{-1/(\gamma - 1)}`, so that the degrees
    follow :math:`P(d) \propto d^{-\gamma}`. One edge of each node is drawn first, with that node as one end: no node is
    isolated, and all engines see the same node set. Ids are shuffled, so that they say nothing about degrees.
    """
    rng = np.random.default_rng(seed)
    cumulated = np.cumsum((np.arange(num_nodes) + 10.0) ** (-1 / (exponent - 1)))

    def draw(count: int) -> npt.NDArray[np.int64]:
        return np.searchsorted(cumulated, rng.random(count) * cumulated[-1], side="right")

    first = np.arange(num_nodes)
    second = draw(num_nodes)
    keys = _distinct(first, np.where(second == first, (first + 1) % num_nodes, second), num_nodes)
    while len(keys) < num_edges:
        missing = num_edges - len(keys)
        more = _distinct(draw(missing), draw(missing), num_nodes)
        keys = np.union1d(keys, more)
    name = rng.permutation(num_nodes)
    return name[np.stack([keys // num_nodes, keys % num_nodes])]


def _distinct(u: npt.NDArray[np.int64], v: npt.NDArray[np.int64], num_nodes: int) -> npt.NDArray[np.int64]:
    """One number per undirected edge, loops dropped."""
    u, v = np.minimum(u, v), np.maximum(u, v)
    return np.unique((u * num_nodes + v)[u != v])


def power_law_graph(
    num_nodes: int = 100_000, num_edges: int = 1_000_000, exponent: float = 2.5, seed: int = 0
) -> gr.Graph:
    """Undirected :class:`graphrep.Graph` of :func:`power_law_edges`: 100,000 nodes and 2 million arcs by default."""
    edges = power_law_edges(num_nodes, num_edges, exponent, seed)
    return gr.as_graph(edges, num_nodes=num_nodes, directed=False)


def dense_test_graph(num_nodes: int = 24, seed: int = 0) -> gr.Graph:
    """Small undirected graph whose second-order states are few enough to be counted one by one."""
    rng = np.random.default_rng(seed)
    upper = np.triu(rng.random((num_nodes, num_nodes)) < 0.25, k=1)
    ring = np.arange(num_nodes)
    upper[np.minimum(ring, (ring + 1) % num_nodes), np.maximum(ring, (ring + 1) % num_nodes)] = True
    return gr.as_graph(np.stack(np.nonzero(upper)), num_nodes=num_nodes, directed=False)


def describe(graph: gr.Graph) -> dict[str, int | float]:
    """Size and degrees, for the results."""
    degree = graph.out_degree
    return {
        "nodes": graph.num_nodes,
        "arcs": graph.num_arcs,
        "mean_degree": round(float(degree.mean()), 2),
        "median_degree": float(np.median(degree)),
        "max_degree": int(degree.max()),
        "isolated": int((degree == 0).sum()),
    }


def write_edge_list(graph: gr.Graph, path: Path) -> None:
    """Write every undirected edge once, two row numbers per line, separated by a tab."""
    np.savetxt(path, graph.edges().T, fmt="%d", delimiter="\t")
