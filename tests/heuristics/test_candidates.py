from __future__ import annotations

import networkx as nx
import numpy as np
import pytest

import graphrep as gr
from graphrep.heuristics import candidates, resource_allocation, two_hop_pairs


@pytest.fixture(scope="module")
def network():
    network = nx.powerlaw_cluster_graph(80, 3, 0.5, seed=0)
    network.remove_edges_from(list(network.edges(11)))
    network.add_edges_from((u, u) for u in range(0, 80, 7))
    nx.set_edge_attributes(network, 3.0, "weight")
    return network


@pytest.mark.parametrize("block", [1, 50, 1 << 24])
def test_equal_to_all_pairs_in_order_of_resource_allocation(monkeypatch, network, block):
    monkeypatch.setattr(candidates, "_BLOCK", block)
    graph = gr.as_graph(network)
    every = np.stack(np.triu_indices(80, k=1))
    every = every[:, ~graph.has_edges(*every)]
    scores = resource_allocation(graph, every)
    order = np.lexsort((every[1], every[0], -scores.round(12)))
    expected = every[:, order][:, : np.count_nonzero(scores)]
    np.testing.assert_array_equal(two_hop_pairs(graph), expected)
    for limit in (1, 10, 10**6):
        np.testing.assert_array_equal(two_hop_pairs(graph, limit=limit), expected[:, :limit])


def test_graphs_without_any():
    for graph in (gr.as_graph([[], []], num_nodes=3, directed=False), gr.as_graph(nx.complete_graph(5))):
        assert two_hop_pairs(graph).shape == (2, 0)


def test_refusals():
    with pytest.raises(ValueError, match="graph must be undirected"):
        two_hop_pairs(gr.as_graph([[0], [1]], directed=True))
    with pytest.raises(ValueError, match="limit must be at least 1, got 0"):
        two_hop_pairs(gr.as_graph([[0], [1]], directed=False), limit=0)


def test_hubs_are_left_out_with_a_warning():
    star = gr.as_graph(np.stack([np.zeros(70_000, dtype=int), np.arange(1, 70_001)]), directed=False)
    with pytest.warns(UserWarning, match="1 nodes of more than .* are left out as common neighbors"):
        assert two_hop_pairs(star, limit=10).shape == (2, 0)


def test_max_degree_leaves_out_the_paths_over_hubs():
    rng = np.random.default_rng(0)
    graph = gr.as_graph(rng.integers(0, 40, (2, 150)), directed=False, num_nodes=40)
    a = (graph.to_scipy() > 0).toarray().astype(float)
    np.fill_diagonal(a, 0)
    degree = a.sum(1)
    for most in (1, int(np.median(degree)), int(degree.max())):
        shares = np.where(degree <= most, 1 / np.maximum(degree, 1), 0)
        score = np.triu((a * shares) @ a * (a == 0), 1)
        found = two_hop_pairs(graph, max_degree=most)
        assert sorted(map(tuple, found.T.tolist())) == sorted(map(tuple, np.argwhere(score > 0).tolist()))
        kept = score[tuple(found)]
        assert (np.diff(kept) <= 1e-11).all()
    np.testing.assert_array_equal(two_hop_pairs(graph, max_degree=int(degree.max())), two_hop_pairs(graph))
    with pytest.raises(ValueError, match="max_degree"):
        two_hop_pairs(graph, max_degree=0)
