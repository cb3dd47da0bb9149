from __future__ import annotations

import networkx as nx
import numpy as np
import pytest

import graphrep as gr
from graphrep.evaluate import random_link_split
from graphrep.evaluate._edge_sampling import sample_non_edges

PARTS = ("train", "valid", "test", "valid_neg", "test_neg")


def keys(pairs):
    return set(map(tuple, pairs.T.tolist()))


@pytest.mark.parametrize("directed", [False, True])
@pytest.mark.parametrize("connected", [False, True])
def test_parts_make_up_the_graph_and_negatives_are_no_edges(directed, connected):
    network = nx.gnm_random_graph(120, 700, seed=1, directed=directed)
    network.add_edges_from([(3, 3), (4, 4)])
    graph = gr.as_graph(network)
    split = random_link_split(graph, test=0.4, valid=0.1, connected=connected)
    assert [getattr(split, part).shape for part in PARTS] == [(2, n) for n in (351, 70, 281, 70, 281)]
    parts = {part: keys(getattr(split, part)) for part in PARTS}
    assert sum(map(len, parts.values())) == 702 + 351  # distinct within each part ...
    assert parts["train"] | parts["valid"] | parts["test"] == keys(graph.edges())  # ... and disjoint
    assert {(3, 3), (4, 4)} <= parts["train"]
    negatives = parts["valid_neg"] | parts["test_neg"]
    assert len(negatives) == 351
    assert not any(network.has_edge(u, v) or u == v for u, v in negatives)
    if not directed:
        assert all(u < v for u, v in negatives)
    assert split.graph.num_edges == 351


@pytest.mark.parametrize("directed", [False, True])
def test_what_hangs_together_still_does(directed):
    network = nx.disjoint_union(nx.barabasi_albert_graph(80, 3, seed=0), nx.cycle_graph(20))
    network.add_node(100)
    if directed:
        network = nx.DiGraph(network.edges)
        network.add_edges_from([(v, u) for u, v in network.edges if (u + v) % 3 == 0])
    graph = gr.as_graph(network, nodes=None)
    split = random_link_split(graph, test=0.4, valid=0.05)
    before = list(nx.connected_components(nx.Graph(graph.edges().T.tolist())))
    after = list(nx.connected_components(nx.Graph(split.train.T.tolist())))
    assert {frozenset(part) for part in before} == {frozenset(part) for part in after}


def test_only_edges_outside_a_spanning_forest_can_go():
    ring = gr.as_graph(nx.cycle_graph(10))
    removed = {tuple(random_link_split(ring, test=0.1, valid=0, seed=seed).test[:, 0]) for seed in range(40)}
    assert len(removed) > 5  # any edge of a ring, but one only
    with pytest.raises(ValueError, match="only 1 can be removed without tearing"):
        random_link_split(ring, test=0.2, valid=0)
    assert random_link_split(ring, test=0.5, valid=0.2, connected=False).train.shape == (2, 3)


def test_the_seed_decides():
    graph = gr.as_graph(nx.gnm_random_graph(60, 300, seed=2))
    first, again, other = (random_link_split(graph, seed=seed) for seed in (5, 5, 6))
    for part in PARTS:
        np.testing.assert_array_equal(getattr(first, part), getattr(again, part))
        assert keys(getattr(first, part)) != keys(getattr(other, part))


@pytest.mark.parametrize("directed", [False, True])
@pytest.mark.parametrize("num_nodes", [30, 3000])
def test_non_edges_are_uniform(directed, num_nodes):
    """Both ways of sampling: listing all pairs of few nodes, and drawing from many."""
    rng = np.random.default_rng(0)
    edges = rng.integers(num_nodes, size=(2, 10 * num_nodes))
    avoid = np.array([[0], [1]])
    drawn = sample_non_edges(num_nodes, edges, 200, rng, directed=directed, avoid=avoid)
    forbidden = keys(edges) | {(0, 1)}
    if not directed:
        assert (drawn[0] < drawn[1]).all()
        forbidden |= {(v, u) for u, v in forbidden}
    assert drawn.shape == (2, 200)
    assert len(keys(drawn)) == 200
    assert not keys(drawn) & forbidden
    assert (drawn[0] != drawn[1]).all()
    spread = drawn.ravel() if directed else np.sort(drawn, axis=0).ravel()
    assert 0.4 < spread.mean() / num_nodes < 0.6


def test_every_non_edge_can_be_drawn():
    edges = np.array([[0, 1, 2], [1, 2, 0]])
    rng = np.random.default_rng(0)
    assert keys(sample_non_edges(4, edges, 3, rng)) == {(0, 3), (1, 3), (2, 3)}
    assert len(keys(sample_non_edges(4, edges, 9, rng, directed=True))) == 9
    assert sample_non_edges(0, np.zeros((2, 0), np.int64), 0, rng).shape == (2, 0)
    with pytest.raises(ValueError, match="4 pairs without an edge were asked for, but the graph has only 3"):
        sample_non_edges(4, edges, 4, rng)


def test_unusable_shares_are_refused():
    for options, message in (
        ({"test": 1.0}, "test must be a share"),
        ({"valid": -0.1}, "valid must be a share"),
        ({"test": 0.9, "valid": 0.9}, "ask for"),
    ):
        with pytest.raises(ValueError, match=message):
            random_link_split(nx.complete_graph(20), connected=False, **options)
    with pytest.raises(ValueError, match="pairs without an edge"):
        random_link_split(nx.complete_graph(20))
