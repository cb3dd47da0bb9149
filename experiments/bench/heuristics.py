"""Common neighbors and Adamic-Adar of a million random pairs: graphrep, products of SciPy's sparse rows, and networkx.

    python experiments/bench/heuristics.py [--pairs 1000000] [--rounds 5]

The graph has 100,000 nodes and about 2 million arcs, with expected degrees that follow a power law of exponent 2.5.
networkx scores a sample of the pairs; its times are scaled up to all of them and labeled so. All three must agree.
"""

from __future__ import annotations

import argparse
from functools import partial

import networkx as nx
import numpy as np
from _harness import alternate, environment, report, write_results

import graphrep as gr
from graphrep.heuristics import adamic_adar, common_neighbors

NODES, EDGES, EXPONENT = 100_000, 1_070_000, 2.5
SCIPY_ROWS = 50_000  # pairs per product, to bound its memory
SAMPLE = 5_000  # pairs that networkx scores


def power_law_graph(seed: int = 0) -> gr.Graph:
    """Both ends of each edge drawn in proportion to rank ** (-1 / (exponent - 1)); repeats and loops dropped."""
    rng = np.random.default_rng(seed)
    share = np.cumsum(np.arange(1, NODES + 1) ** (-1 / (EXPONENT - 1)))
    ends = np.searchsorted(share, rng.random((2, EDGES)) * share[-1])
    return gr.as_graph(rng.permutation(NODES)[ends], num_nodes=NODES, directed=False, self_loops=False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()

    graph = power_law_graph()
    pairs = np.random.default_rng(1).integers(NODES, size=(2, options.pairs))
    pairs = pairs[:, pairs[0] != pairs[1]]
    count = pairs.shape[1]

    adjacency = graph.to_scipy().astype(np.float64)
    adjacency.data[:] = 1
    network = nx.Graph(graph.edges().T.tolist())
    sample = pairs[:, np.isin(pairs, list(network)).all(axis=0)][:, :SAMPLE]

    def scipy_products(weights: np.ndarray) -> np.ndarray:
        u, v = pairs
        parts = [
            adjacency[u[i : i + SCIPY_ROWS]].multiply(adjacency[v[i : i + SCIPY_ROWS]]) @ weights
            for i in range(0, count, SCIPY_ROWS)
        ]
        return np.concatenate(parts)

    def networkx_counts() -> list[int]:
        return [len(nx.common_neighbors(network, u, v)) for u, v in sample.T.tolist()]

    def networkx_adamic_adar() -> list[float]:
        return [score for _, _, score in nx.adamic_adar_index(network, sample.T.tolist())]

    found = {}
    for name, ours, weights, networkx_sample in (
        ("common neighbors", common_neighbors, np.ones(NODES), networkx_counts),
        ("Adamic-Adar", adamic_adar, 1 / np.log(np.maximum(graph.out_degree, 2)), networkx_adamic_adar),
    ):
        scores = ours(graph, pairs)
        np.testing.assert_allclose(scipy_products(weights), scores, rtol=1e-9)
        np.testing.assert_allclose(networkx_sample(), ours(graph, sample), rtol=1e-9)
        # networkx times are of the sample, so it is not warmed up beyond the check above
        seconds = alternate(
            {
                "graphrep, 1 thread": partial(ours, graph, pairs, n_jobs=1),
                "graphrep, all threads": partial(ours, graph, pairs),
                "SciPy row products": partial(scipy_products, weights),
                "networkx, extrapolated": networkx_sample,
            },
            options.rounds,
        )
        factor = count / sample.shape[1]
        seconds["networkx, extrapolated"] = [factor * time for time in seconds["networkx, extrapolated"]]
        title = (
            f"{name} of {count:,} random pairs, {graph.num_nodes:,} nodes, {graph.num_arcs:,} arcs, "
            f"largest degree {graph.out_degree.max():,}; networkx scaled up from {sample.shape[1]:,} pairs"
        )
        found[name] = {
            "title": title,
            "seconds": seconds,
            "summary": report(title, seconds, ours="graphrep, all threads"),
        }
    path = write_results(
        "heuristics",
        {
            "environment": environment(["networkx"]),
            "pairs": count,
            "nodes": graph.num_nodes,
            "arcs": graph.num_arcs,
            "networkx_pairs": sample.shape[1],
            **found["Adamic-Adar"],
            "common_neighbours": found["common neighbors"],
        },
    )
    print(f"written to {path.relative_to(path.parents[2])}")


if __name__ == "__main__":
    main()
