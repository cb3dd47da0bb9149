from __future__ import annotations

import networkx as nx
import numpy as np
import pytest

import graphrep as gr
from graphrep.heuristics import PATH_HEURISTICS, katz, personalized_pagerank


@pytest.fixture(scope="module")
def network():
    network = nx.barabasi_albert_graph(60, 3, seed=0)
    network.remove_edges_from(list(network.edges(17)))  # an isolated node
    return network


def test_katz_sums_to_the_centrality_of_networkx(network):
    graph = gr.as_graph(network)
    all_pairs = np.indices((60, 60)).reshape(2, -1)
    beta, length = 0.02, 12
    rows = katz(graph, all_pairs, beta=beta, max_length=length).reshape(60, 60).sum(axis=1)
    expected = nx.katz_centrality_numpy(network, alpha=beta, beta=1.0, normalized=False)
    np.testing.assert_allclose(1 + rows, [expected[u] for u in range(60)], rtol=1e-6)


def test_katz_is_as_far_from_the_full_sum_as_it_says(network):
    graph = gr.as_graph(network)
    all_pairs = np.indices((60, 60)).reshape(2, -1)
    a = nx.to_numpy_array(network)
    norm = np.linalg.norm(a, 2)
    beta = 0.5 / norm
    full = np.linalg.inv(np.eye(60) - beta * a) - np.eye(60)
    for length in (1, 2, 5):
        missing = full.ravel() - katz(graph, all_pairs, beta=beta, max_length=length)
        assert missing.min() > -1e-12
        assert 0 < missing.max() <= (beta * norm) ** (length + 1) / (1 - beta * norm)


def test_pagerank_agrees_with_networkx_both_ways(network):
    graph = gr.as_graph(network)
    chance = np.zeros((60, 60))
    for u in range(60):
        found = nx.pagerank(network, alpha=0.85, personalization={u: 1.0}, tol=1e-12, max_iter=1000)
        chance[u] = [found[v] for v in range(60)]
    all_pairs = np.indices((60, 60)).reshape(2, -1)
    np.testing.assert_allclose(
        personalized_pagerank(graph, all_pairs, tolerance=1e-10), (chance + chance.T).ravel(), atol=1e-7
    )
    degree = np.maximum(graph.out_degree, 1)
    short = (chance + chance.T).ravel() - personalized_pagerank(graph, all_pairs, tolerance=1e-3)
    assert short.min() > -1e-9
    assert (short <= 1e-3 * (degree[all_pairs[0]] + degree[all_pairs[1]]) + 1e-9).all()


def test_a_directed_graph_is_walked_along_its_arcs():
    graph = gr.as_graph([[0, 1, 2], [1, 2, 0]], directed=True)
    np.testing.assert_allclose(katz(graph, [[0, 0], [1, 2]], beta=0.1, max_length=3), [0.1, 0.01])
    network = nx.DiGraph([(0, 1), (1, 2), (2, 0), (0, 3)])  # 3 has no way out: the walk starts again
    chance = [nx.pagerank(network, personalization={u: 1.0}, tol=1e-12, max_iter=1000) for u in range(4)]
    found = personalized_pagerank(gr.as_graph(network), [[0, 3, 1], [2, 0, 3]], tolerance=1e-10)
    np.testing.assert_allclose(found, [chance[u][v] + chance[v][u] for u, v in ((0, 2), (3, 0), (1, 3))], atol=1e-7)


@pytest.mark.parametrize("name", PATH_HEURISTICS)
def test_symmetric_finite_and_blind_to_loops_and_weights(network, name):
    score = PATH_HEURISTICS[name]
    pairs = np.indices((60, 60)).reshape(2, -1)
    once = score(gr.as_graph(network), pairs)
    assert once.dtype == np.float64
    assert np.isfinite(once).all()
    np.testing.assert_array_equal(score(gr.as_graph(network), pairs[::-1]), once)
    looped = network.copy()
    looped.add_edges_from((u, u) for u in range(0, 60, 3))
    nx.set_edge_attributes(looped, 2.5, "weight")
    np.testing.assert_array_equal(score(gr.as_graph(looped), pairs), once)


@pytest.mark.parametrize(
    ("options", "message"),
    [({"beta": 0}, "beta must be greater than 0"), ({"max_length": 0}, "max_length must be at least 1")],
)
def test_katz_refuses(options, message):
    with pytest.raises(ValueError, match=message):
        katz(gr.as_graph([[0], [1]], directed=False), [[0], [1]], **options)


@pytest.mark.parametrize("name", PATH_HEURISTICS)
def test_rows_out_of_range_are_refused(name):
    with pytest.raises(IndexError, match=r"pairs must lie in \[0, 2\)"):
        PATH_HEURISTICS[name](gr.as_graph([[0], [1]], directed=False), [[0], [2]])
