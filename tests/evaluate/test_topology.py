"""Topological concentration against the definition, with multisets of walks, and beside the hits of each node."""

from __future__ import annotations

from collections import Counter

import networkx as nx
import numpy as np
import pytest

import graphrep as gr
from graphrep.evaluate import hits_at_k, topological_concentration
from graphrep.evaluate import topology as module


def by_definition(graph, pairs, hops, beta):
    """C of each ordered pair, by following every walk."""

    def walks(i):
        ends, found = Counter({i: 1}), []
        for _ in range(hops):
            following = Counter()
            for u, times in ends.items():
                for v in graph[u]:
                    following[v] += times
            ends = following
            found.append(ends)
        return found

    scores = []
    for i, j in pairs:
        known = graph.has_edge(i, j)
        if graph.degree(i) <= known:
            scores.append(0.0)
            continue
        from_i, from_j = walks(i), walks(j)
        num = den = 0.0
        for a in range(hops):
            for b in range(hops):
                factor = beta ** (a + b)
                num += factor * sum(times for u, times in from_i[a].items() if u in from_j[b])
                den += factor * (sum(from_i[a].values()) - (known and a == b == 0))
        scores.append(num / den)
    return np.array(scores)


@pytest.fixture
def graph():
    g = nx.gnp_random_graph(25, 0.15, seed=4)
    g.add_edge(25, 0)  # degree 1
    g.add_node(26)
    return g


@pytest.mark.parametrize("hops", [1, 2, 3])
@pytest.mark.parametrize("beta", [None, 0.5])
@pytest.mark.parametrize("dense", [0.0, 2.0])
def test_it_is_the_definition(graph, hops, beta, dense, monkeypatch):
    monkeypatch.setattr(module, "_WALKS", 300)  # so that there are many blocks
    monkeypatch.setattr(module, "_DENSE", dense)  # both ways to multiply rows
    used = 27 / (2 * graph.number_of_edges()) if beta is None else beta
    others = np.array([(0, 5), (5, 9), (26, 3), (25, 7), (1, 2), (0, 25), (8, 8 + 5), (5, 9)]).T
    for edges in (None, others):
        found = topological_concentration(graph, edges, hops=hops, beta=beta)
        pairs = np.array(graph.edges).T if edges is None else edges
        expected = by_definition(graph, pairs.T, hops, used), by_definition(graph, pairs[::-1].T, hops, used)
        if edges is not None:
            np.testing.assert_allclose(found.pair_scores, expected)
        for node in range(27):
            own = [*expected[0][pairs[0] == node], *expected[1][pairs[1] == node]]
            assert found.num_edges[node] == len(own)
            np.testing.assert_allclose(found.concentration[node], np.mean(own) if own else np.nan)


def test_weights_and_self_loops_do_not_count(graph):
    expected = topological_concentration(graph)
    weighted = nx.Graph(graph)
    nx.set_edge_attributes(weighted, {edge: 2.0 + i for i, edge in enumerate(weighted.edges)}, "weight")
    weighted.add_edge(3, 3, weight=5.0)
    found = topological_concentration(weighted)
    np.testing.assert_array_equal(found.concentration, expected.concentration)
    np.testing.assert_array_equal(found.degree, expected.degree)


def test_cliques_are_concentrated_and_trees_are_not():
    clique = topological_concentration(nx.complete_graph(6), hops=1)
    np.testing.assert_allclose(clique.concentration, 1)
    assert np.isnan(clique.correlation("degree"))
    tree = topological_concentration(nx.balanced_tree(2, 3), hops=1)
    assert tree.concentration.tolist() == [0.0] * 15


@pytest.mark.parametrize("name", ["cora", "citeseer"])
def test_the_approximation_orders_nodes_as_the_exact_values_do(name, shared_data):
    with np.load(shared_data / name / "graph.npz") as file:
        g = gr.as_graph(tuple(file["edge_index"]), num_nodes=int(file["num_nodes"]))
    split = gr.evaluate.random_link_split(g, test=0.15, valid=0, connected=False)
    for edges in (None, split.test):
        exact = topological_concentration(split.graph, edges)
        rough = topological_concentration(split.graph, edges, method="approximate")
        known = (exact.num_edges > 0) & (exact.degree > 1)
        ranks = [np.argsort(np.argsort(values[known])) for values in (exact.concentration, rough.concentration)]
        assert np.corrcoef(*ranks)[0, 1] > 0.65
        assert exact.concentration[known].mean() > (0.4 if edges is None else 0.15)


def test_the_approximation_by_hand():
    g = gr.as_graph(nx.relabel_nodes(nx.karate_club_graph(), lambda v: f"n{v}"), weights=False)
    pairs = np.array([[0, 3, 9], [1, 20, 30]])
    found = topological_concentration(g, pairs, method="approximate", hops=2, dimensions=64, random_state=5)
    P = g.to_scipy().toarray() / g.out_degree[:, None]
    R = gr.ops.random_projection(34, 64, density=1.0, seed=5, keys=g.node_keys())
    N = P @ R + P @ P @ R
    N /= np.linalg.norm(N, axis=1, keepdims=True)
    np.testing.assert_allclose(found.pair_scores, [(N[pairs[0]] * N[pairs[1]]).sum(axis=1)] * 2, atol=1e-5)
    for n_jobs in (1, 3):
        again = topological_concentration(
            g, pairs, method="approximate", hops=2, dimensions=64, random_state=5, n_jobs=n_jobs
        )
        np.testing.assert_array_equal(again.pair_scores, found.pair_scores)


@pytest.mark.parametrize("shape", ["shared", "separate"])
def test_hits_of_each_node(graph, shape):
    rng = np.random.default_rng(0)
    edges = np.array([(0, 1), (0, 2), (3, 4), (0, 4), (5, 26)]).T
    pos = rng.random(5)
    neg = rng.random(40 if shape == "shared" else (5, 8))
    found = topological_concentration(graph, edges, y_pos=pos, y_neg=neg, k=3)
    single = [hits_at_k(pos[[i]], neg if shape == "shared" else neg[[i]], 3) for i in range(5)]
    for node in range(27):
        own = [single[i] for i in range(5) if node in edges[:, i]]
        np.testing.assert_allclose(found.hits[node], np.mean(own) if own else np.nan)
    # every edge counts at both ends
    total = np.nansum(found.hits * found.num_edges)
    assert total == pytest.approx(2 * 5 * hits_at_k(pos, neg, 3))


def test_which_nodes_a_predictor_fails_on():
    """A predictor by common neighbors finds the edges of cliques and misses those of a tree."""
    graph = nx.disjoint_union(nx.relaxed_caveman_graph(12, 6, 0.05, seed=0), nx.random_labeled_tree(60, seed=0))
    g = gr.as_graph(nx.relabel_nodes(graph, lambda v: f"n{v}"))
    split = gr.evaluate.random_link_split(g, test=0.2, valid=0, connected=False)
    pos, neg = (gr.heuristics.common_neighbors(split.graph, part) for part in (split.test, split.test_neg))
    found = topological_concentration(split.graph, split.test, y_pos=pos, y_neg=neg, k=5)
    assert found.correlation() > 0.7
    worst = found.worst(5)
    assert len(worst) == 5
    assert all(hits == 0 for _, hits, _ in worst)
    assert worst[0][0] in g
    lines = repr(found).splitlines()
    assert lines[0].startswith("topological concentration, exact; rank correlation with degree")
    assert lines[1].startswith(f"rank correlation of hits@5 with concentration {found.correlation():.2f}, with degree")
    assert [line.split()[0] for line in lines[4:]] == ["lowest", "low", "high", "highest"]
    assert sum(int(line.split()[1]) for line in lines[4:]) == (found.num_edges > 0).sum()
    first, last = (float(lines[i].split()[-1]) for i in (4, 7))
    assert first < last


def test_rank_correlation_is_that_of_scipy():
    from scipy.stats import spearmanr

    a, b = np.round(np.random.default_rng(0).random((2, 50)), 1)
    assert module._spearman(a, b) == pytest.approx(spearmanr(a, b)[0])


def test_what_is_refused(graph):
    for arguments, options, error, message in (
        ((nx.DiGraph([(0, 1)]),), {}, ValueError, "graph must be undirected; graph.to_undirected"),
        ((graph, [[1], [1]]), {}, ValueError, "edges must join two nodes; edge 0 is a self loop"),
        ((graph, np.zeros((2, 0), dtype=int)), {}, ValueError, "edges must hold at least one edge"),
        ((nx.empty_graph(3),), {}, ValueError, "edges must hold at least one edge"),
        ((graph, [[0], [99]]), {}, IndexError, "edges must lie in"),
        ((graph,), {"hops": 0}, ValueError, "hops must be from 1 to 4"),
        ((graph,), {"beta": 0.0}, ValueError, "beta must be greater than 0"),
        ((graph,), {"method": "fast"}, ValueError, "method must be one of exact, approximate"),
        ((graph, [[0], [1]]), {"y_pos": [1.0]}, ValueError, "y_pos and y_neg must be given together"),
        ((graph, [[0], [1]]), {"y_pos": [1.0, 2.0], "y_neg": [0.0]}, ValueError, "a score for each of the 1 edges"),
    ):
        with pytest.raises(error, match=message):
            topological_concentration(*arguments, **options)
    found = topological_concentration(graph)
    with pytest.raises(ValueError, match="there are no hits; give y_pos and y_neg"):
        found.correlation()
    with pytest.raises(ValueError, match="there are no hits"):
        found.worst()
    with pytest.raises(ValueError, match="other must be hits or degree"):
        found.correlation("size")
