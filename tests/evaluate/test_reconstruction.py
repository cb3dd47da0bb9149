"""Reconstruction at k hops against the definition, node by node."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import average_precision_score

import graphrep as gr
from graphrep.evaluate import Comparison, reconstruction
from graphrep.evaluate import hops as module


def by_definition(X, graph, hop, *, score="dot", within=False, targets=None):
    """Average precision of every node with a relevant one, by networkx and scikit-learn."""
    X = np.asarray(X, dtype=np.float64)
    Y = X if targets is None else np.asarray(targets, dtype=np.float64)
    if score == "cosine":
        X, Y = (Z / np.maximum(np.linalg.norm(Z, axis=1, keepdims=True), 1e-300) for Z in (X, Y))
    scores = (X @ Y.T).astype(np.float32)
    found = {}
    for v in range(len(X)):
        distance = nx.single_source_shortest_path_length(graph, v)
        others = [u for u in range(len(X)) if u != v]
        relevant = np.array([u in distance and (distance[u] <= hop if within else distance[u] == hop) for u in others])
        if relevant.any():
            found[v] = average_precision_score(relevant, scores[v, others])
    return found


@pytest.fixture
def path_and_ring():
    graph = nx.disjoint_union(nx.path_graph(6), nx.watts_strogatz_graph(24, 4, 0.3, seed=1))
    graph.add_node(30)  # isolated
    graph.add_edge(3, 3)  # a self loop
    return graph


@pytest.mark.parametrize("within", [False, True])
@pytest.mark.parametrize("score", ["dot", "cosine"])
def test_it_is_the_definition(path_and_ring, score, within, monkeypatch):
    monkeypatch.setattr(module, "_SCORES", 100)  # so that there are many blocks
    monkeypatch.setattr(module, "_BLOCK", 20)
    rng = np.random.default_rng(0)
    X = np.round(rng.standard_normal((31, 5)), 1).astype(np.float32)
    X[7] = X[8] = X[9]  # ties
    X[12] = 0
    found = reconstruction(X, path_and_ring, hops=(1, 2, 3, 9), score=score, within=within)
    for hop, value, count in zip(found.hops, found.scores, found.counts, strict=True):
        expected = by_definition(X, path_and_ring, hop, score=score, within=within)
        assert count == len(expected)
        np.testing.assert_equal(found[hop], value)
        assert value == pytest.approx(np.mean(list(expected.values())) if expected else np.nan, nan_ok=True)


def test_groups_by_degree(path_and_ring):
    X = np.random.default_rng(1).standard_normal((31, 4)).astype(np.float32)
    found = reconstruction(X, path_and_ring, hops=[2], degree_bins=(1, 2, 4, 5, 100))
    expected = by_definition(X, path_and_ring, 2)
    degree = {v: path_and_ring.degree(v) - 2 * path_and_ring.has_edge(v, v) for v in path_and_ring}
    assert found.degrees.tolist() == [1, 2, 4, 5]
    for low, high, (value,), (count,) in zip(
        (1, 2, 4, 5), (2, 4, 5, 100), found.by_degree, found.by_degree_counts, strict=True
    ):
        values = [precision for v, precision in expected.items() if low <= degree[v] < high]
        assert count == len(values)
        assert value == pytest.approx(np.mean(values))
    text = repr(found)
    assert "degree 1  " in text
    assert "degree 2 to 3" in text
    assert "degree 5 or more" in text


def test_arcs_have_a_direction():
    graph = nx.gnp_random_graph(20, 0.1, seed=3, directed=True)
    X, Y = np.random.default_rng(2).standard_normal((2, 20, 3)).astype(np.float32)
    for targets in (None, Y):
        found = reconstruction(X, graph, hops=(1, 2), targets=targets)
        for hop in (1, 2):
            expected = by_definition(X, graph, hop, targets=targets)
            assert found[hop] == pytest.approx(np.mean(list(expected.values())))
    with pytest.raises(ValueError, match="targets must have the 3 columns of vectors, got 2"):
        reconstruction(X, graph, targets=Y[:, :2])


def test_chance_is_the_mean_over_random_orders():
    graph = nx.star_graph(9)
    found = reconstruction(np.zeros((10, 1)), graph, hops=(1, 2), n_sample=10)
    rng = np.random.default_rng(0)
    for hop, chance in zip((1, 2), found.chance, strict=True):
        means = []
        for _ in range(20_000):
            relevant = np.arange(9) < (1 if hop == 1 else 8)  # of a leaf: the center, or the other leaves
            hits = np.flatnonzero(relevant[rng.permutation(9)])
            means.append(np.mean(np.arange(1, len(hits) + 1) / (hits + 1)))  # average precision
        center = 1.0 if hop == 1 else None
        expected = np.mean(means) if center is None else (9 * np.mean(means) + center) / 10
        assert chance == pytest.approx(expected, abs=0.01)
    assert found[1] == pytest.approx((9 * (1 / 9) + 1) / 10)  # equal scores: the share of the relevant nodes


def test_perfect_vectors_are_perfect():
    graph = nx.disjoint_union(nx.complete_graph(4), nx.complete_graph(5))
    side = np.repeat(np.eye(2), [4, 5], axis=0)
    assert reconstruction(side, graph, hops=1)[1] == 1.0
    assert reconstruction(side * 1e30, graph, hops=1)[1] == 1.0
    assert reconstruction(side * 1e-30, graph, hops=1)[1] == 1.0
    far = reconstruction(side, graph, hops=(1, 2))
    assert np.isnan(far[2])
    assert far.counts.tolist() == [9, 0]


def test_the_sample_follows_names_and_threads_change_no_bit():
    graph = nx.relabel_nodes(nx.watts_strogatz_graph(60, 4, 0.2, seed=0), lambda v: f"n{v}")
    g = gr.as_graph(graph)
    vectors = gr.FastRP(dimensions=8).fit(g).node_vectors_
    found = reconstruction(vectors, g, n_sample=20)
    assert found.counts[0] == 20
    order = np.random.default_rng(0).permutation(60)
    frame = pd.DataFrame(vectors.vectors[order], index=vectors.nodes[order])
    other = gr.as_graph(
        [(f"n{u}", f"n{v}") for u, v in np.array(nx.watts_strogatz_graph(60, 4, 0.2, seed=0).edges)[::-1]]
    )
    assert other.nodes.tolist() != g.nodes.tolist()
    for given, graph_, options in ((frame, g, {"n_jobs": 3}), (vectors, g, {"n_jobs": 1}), (vectors, other, {})):
        again = reconstruction(given, graph_, n_sample=20, **options)
        np.testing.assert_allclose(again.scores, found.scores, rtol=0 if graph_ is g else 1e-12)
    assert (reconstruction(vectors, g, n_sample=20, random_state=1).scores != found.scores).any()


def test_it_goes_into_a_comparison():
    g = gr.as_graph(nx.karate_club_graph())
    vectors = gr.FastRP(dimensions=16).fit_transform(g)
    baselines = gr.evaluate.node_baselines(g, dimensions=16)
    table = Comparison(
        {"FastRP": reconstruction(vectors, g)}, {name: reconstruction(x, g) for name, x in baselines.items()}
    )
    assert table["FastRP"][1] > table["random"][1]
    assert repr(table).splitlines()[1].split() == ["1", "hop", "2", "hops", "3", "hops"]


def test_what_is_refused():
    g, X = nx.path_graph(4), np.eye(4)
    for arguments, options, error, message in (
        ((X[:3], g), {}, ValueError, "vectors must have a row for each of the 4 nodes, got 3 rows"),
        ((X, g), {"score": "l2"}, ValueError, "score must be one of dot, cosine"),
        ((X, g), {"hops": (1, 1)}, ValueError, "hops must be distinct"),
        ((X, g), {"hops": ()}, ValueError, "hops must be distinct, and at least one"),
        ((X, g), {"hops": (0,)}, ValueError, "hops must be from 1 to 100, got 0"),
        ((X, g), {"hops": 1.5}, TypeError, "hops must be an integer, got 1.5"),
        ((X, g), {"n_sample": 0}, ValueError, "n_sample must be at least 1"),
        ((X, g), {"degree_bins": (2, 5)}, ValueError, r"degree_bins must ascend from 1, got \[2, 5\]"),
        ((np.eye(3), nx.empty_graph(3)), {}, ValueError, "graph must have an edge between two nodes"),
        ((X * np.nan, g), {}, ValueError, "vectors must be finite"),
        ((gr.NodeVectors(X, list("abcd")), g), {}, ValueError, "vectors: there is no row for 4 of the 4 nodes"),
    ):
        with pytest.raises(error, match=message):
            reconstruction(*arguments, **options)
    with pytest.raises(KeyError, match="hops must be one of 1, 2, 3; got 5"):
        reconstruction(X, g)[5]
