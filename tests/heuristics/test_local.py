from __future__ import annotations

import networkx as nx
import numpy as np
import pytest

import graphrep as gr
from graphrep.heuristics import (
    HEURISTICS,
    adamic_adar,
    common_neighbors,
    jaccard,
    preferential_attachment,
    resource_allocation,
)


@pytest.fixture(scope="module")
def graph_and_pairs():
    network = nx.barabasi_albert_graph(200, 4, seed=0)
    network.remove_edges_from(list(network.edges(17)))  # an isolated node
    network.add_nodes_from([200, 201])
    network.add_edge(200, 201)  # a component of two
    pairs = np.random.default_rng(0).integers(202, size=(2, 3000))
    pairs = pairs[:, pairs[0] != pairs[1]]
    return network, gr.as_graph(network), np.hstack([pairs, [[17, 17, 200], [3, 17, 201]]])


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (adamic_adar, nx.adamic_adar_index),
        (resource_allocation, nx.resource_allocation_index),
        (jaccard, nx.jaccard_coefficient),
        (preferential_attachment, nx.preferential_attachment),
        (common_neighbors, lambda g, e: [(u, v, len(nx.common_neighbors(g, u, v))) for u, v in e]),
    ],
)
def test_equal_to_networkx(graph_and_pairs, ours, theirs):
    network, graph, pairs = graph_and_pairs
    expected = [score for _, _, score in theirs(network, pairs.T.tolist())]
    np.testing.assert_allclose(ours(graph, pairs), expected, rtol=1e-12)
    np.testing.assert_array_equal(ours(graph, pairs[::-1]), ours(graph, pairs))


@pytest.mark.parametrize("name", HEURISTICS)
def test_self_loops_and_edge_weights_change_nothing(graph_and_pairs, name):
    network, graph, pairs = graph_and_pairs
    looped = network.copy()
    looped.add_edges_from((u, u) for u in range(0, 200, 3))
    nx.set_edge_attributes(looped, 2.5, "weight")
    np.testing.assert_allclose(HEURISTICS[name](gr.as_graph(looped), pairs), HEURISTICS[name](graph, pairs), rtol=1e-12)


@pytest.mark.parametrize("name", HEURISTICS)
def test_scores_are_finite_even_of_a_node_with_itself(name):
    star_and_lone = gr.as_graph([[0, 0, 0], [1, 2, 3]], num_nodes=5, directed=False)
    scores = HEURISTICS[name](star_and_lone, np.indices((5, 5)).reshape(2, -1))
    assert scores.dtype == np.float64
    assert np.isfinite(scores).all()


def test_a_common_neighbour_of_degree_one_adds_nothing_to_adamic_adar():
    edge = gr.as_graph([[0], [1]], directed=False)
    assert adamic_adar(edge, [[0], [0]]).tolist() == [0.0]
    assert resource_allocation(edge, [[0], [0]]).tolist() == [1.0]


def test_directed_graphs_share_successors_and_divide_by_in_degree():
    graph = gr.as_graph([[0, 1, 4, 0, 2, 2], [2, 2, 2, 3, 0, 1]], directed=True)
    assert common_neighbors(graph, [[0, 0], [1, 2]]).tolist() == [1.0, 0.0]
    assert resource_allocation(graph, [[0], [1]]).tolist() == [1 / 3]
    assert adamic_adar(graph, [[0], [1]]).tolist() == [1 / np.log(3)]
    assert jaccard(graph, [[0], [1]]).tolist() == [0.5]
    assert preferential_attachment(graph, [[0], [1]]).tolist() == [2.0]


@pytest.mark.parametrize("name", HEURISTICS)
def test_rows_out_of_range_are_refused(name):
    graph = gr.as_graph([[0], [1]], directed=False)
    with pytest.raises(IndexError, match=r"pairs must lie in \[0, 2\)"):
        HEURISTICS[name](graph, [[0], [2]])
