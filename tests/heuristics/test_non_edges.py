from __future__ import annotations

from itertools import product

import networkx as nx
import numpy as np
import pytest

import graphrep as gr
from graphrep.heuristics import non_edges
from graphrep.heuristics.non_edges import sample_non_edges


def free_pairs(graph, *, directed):
    """All pairs that may be drawn, by definition."""
    arcs = set(zip(*graph.edge_index().tolist(), strict=True))
    nodes = range(graph.num_nodes)
    if directed:
        return {(u, v) for u, v in product(nodes, nodes) if u != v and (u, v) not in arcs}
    return {(u, v) for u, v in product(nodes, nodes) if u < v and not {(u, v), (v, u)} & arcs}


def keys(pairs):
    return list(map(tuple, pairs.T.tolist()))


def network(num_nodes, num_edges, *, directed):
    made = nx.gnm_random_graph(num_nodes, num_edges, seed=1, directed=directed)
    made.add_edges_from([(3, 3), (4, 4)])
    return gr.as_graph(made)


@pytest.mark.parametrize("few_nodes", [2048, 0])
@pytest.mark.parametrize("of_directed", [False, True])
@pytest.mark.parametrize("directed", [False, True, None])
@pytest.mark.parametrize("sampling", ["uniform", "degree"])
@pytest.mark.parametrize("distinct", [True, False])
def test_only_pairs_without_an_edge(monkeypatch, few_nodes, of_directed, directed, sampling, distinct):
    monkeypatch.setattr(non_edges, "_FEW_NODES", few_nodes)
    graph = network(20, 60, directed=of_directed)
    ordered = of_directed if directed is None else directed
    free = free_pairs(graph, directed=ordered)
    size = len(free) // 2 if distinct else 4 * len(free)
    rng = np.random.default_rng(0)
    drawn = sample_non_edges(graph, size, sampling=sampling, rng=rng, directed=directed, distinct=distinct)
    assert drawn.dtype == np.int64
    assert drawn.shape == (2, size)
    if distinct:
        assert len(set(keys(drawn))) == size
        assert set(keys(drawn)) <= free
    else:
        either_order = free if ordered else free | {(v, u) for u, v in free}
        assert set(keys(drawn)) <= either_order
        if not ordered:  # both orders occur
            assert (drawn[0] < drawn[1]).any()
            assert (drawn[0] > drawn[1]).any()


@pytest.mark.parametrize("few_nodes", [2048, 0])
@pytest.mark.parametrize("directed", [False, True])
def test_every_pair_is_equally_likely(monkeypatch, few_nodes, directed):
    monkeypatch.setattr(non_edges, "_FEW_NODES", few_nodes)
    graph = network(9, 20, directed=directed)
    free = free_pairs(graph, directed=directed)
    rng = np.random.default_rng(0)
    counts = dict.fromkeys(free, 0)
    runs, size = 2000, 3
    for _ in range(runs):
        for pair in keys(sample_non_edges(graph, size, rng=rng)):
            counts[pair] += 1
    expected = runs * size / len(free)
    assert np.abs(np.array(list(counts.values())) - expected).max() < 5 * np.sqrt(expected)


def test_ends_in_proportion_to_the_degree():
    edges = np.array([[0, 0, 0, 0, 5, 5, 7], [1, 2, 3, 4, 6, 8, 9]])
    rng = np.random.default_rng(0)
    for directed in (False, True):
        graph = gr.as_graph(edges, num_nodes=11, directed=directed)
        drawn = sample_non_edges(graph, 100_000, sampling="degree", rng=rng, distinct=False)
        weight = graph.transpose().out_degree[None] * graph.out_degree[:, None].astype(float)
        weight[edges[0], edges[1]] = 0
        if not directed:
            weight[edges[1], edges[0]] = 0
        np.fill_diagonal(weight, 0)
        found = np.zeros((11, 11))
        np.add.at(found, tuple(drawn), 1)
        np.testing.assert_allclose(found / found.sum(), weight / weight.sum(), atol=0.005)


@pytest.mark.parametrize("few_nodes", [2048, 0])
def test_all_pairs_of_a_graph_that_is_almost_complete(monkeypatch, few_nodes):
    monkeypatch.setattr(non_edges, "_FEW_NODES", few_nodes)
    made = nx.complete_graph(60)
    made.remove_edges_from([(3, 5), (8, 1), (50, 59)])
    graph = gr.as_graph(made)
    rng = np.random.default_rng(0)
    assert set(keys(sample_non_edges(graph, 3, rng=rng))) == {(3, 5), (1, 8), (50, 59)}
    assert len(set(keys(sample_non_edges(graph, 6, rng=rng, directed=True)))) == 6


def test_the_same_generator_gives_the_same_pairs():
    graph = network(30, 100, directed=False)
    for options in ({}, {"sampling": "degree"}, {"distinct": False}):
        one, two = (sample_non_edges(graph, 50, rng=np.random.default_rng(4), **options) for _ in range(2))
        np.testing.assert_array_equal(one, two)


def test_too_few_pairs_are_refused():
    rng = np.random.default_rng(0)
    triangle = gr.as_graph([[0, 1, 2], [1, 2, 0]], num_nodes=4, directed=False)
    with pytest.raises(ValueError, match="cannot sample 4 pairs without an edge: there are only 3"):
        sample_non_edges(triangle, 4, rng=rng)
    full = gr.as_graph(nx.complete_graph(4))
    with pytest.raises(ValueError, match="cannot sample 1 pairs without an edge: there are only 0"):
        sample_non_edges(full, 1, rng=rng, distinct=False)
    for distinct in (True, False):  # only node 3, which has no edge, is without an edge to any
        with pytest.raises(ValueError, match=r'cannot sample 2 pairs .*: drawing by sampling="degree" finds'):
            sample_non_edges(triangle, 2, sampling="degree", rng=rng, distinct=distinct)
    assert sample_non_edges(gr.as_graph(np.zeros((2, 0), np.int64)), 0, rng=rng).shape == (2, 0)
    with pytest.raises(ValueError, match="sampling must be one of uniform, degree; got 'popular'"):
        sample_non_edges(triangle, 1, sampling="popular", rng=rng)
    with pytest.raises(ValueError, match="size must be at least 0, got -1"):
        sample_non_edges(triangle, -1, rng=rng)
