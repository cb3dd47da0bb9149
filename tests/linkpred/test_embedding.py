from __future__ import annotations

import pickle
import sys

import networkx as nx
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression

import graphrep as gr
from graphrep.evaluate import edge_features, random_link_split, roc_auc
from graphrep.heuristics.non_edges import sample_non_edges


@pytest.fixture(scope="module")
def split():
    return random_link_split(nx.powerlaw_cluster_graph(150, 4, 0.7, seed=1), test=0.2, valid=0.1)


@pytest.fixture(scope="module")
def vectors():
    return np.random.default_rng(0).standard_normal((150, 6)).astype(np.float32)


@pytest.mark.parametrize("operator", ["hadamard", "average", "l1", "l2"])
def test_equal_to_scikit_learn_on_the_same_sample(split, vectors, operator):
    model = gr.EmbeddingScorer(vectors, operator=operator, C=0.5, random_state=3).fit(split.graph)
    rng = np.random.default_rng(3)
    train = split.graph.edges()
    chosen = rng.permutation(train.shape[1])
    pairs = np.concatenate([train, sample_non_edges(split.graph, len(chosen), rng=rng)], axis=1)
    X = edge_features(vectors, pairs, operator).astype(np.float64)
    mean, scale = X.mean(axis=0), X.std(axis=0)
    y = np.arange(pairs.shape[1]) < len(chosen)
    expected = LogisticRegression(C=0.5, tol=1e-10, max_iter=10_000).fit((X - mean) / scale, y)
    test = edge_features(vectors, split.test, operator)
    np.testing.assert_allclose(
        model.score_pairs(split.test), expected.decision_function((test - mean) / scale), atol=2e-3
    )
    assert model.C_ == 0.5


def test_c_is_the_best_on_validation_and_the_strongest_among_equals(split, vectors):
    def value(C):
        model = gr.EmbeddingScorer(vectors, C=C, random_state=0).fit(split.graph)
        return roc_auc(model.score_pairs(split.valid), model.score_pairs(split.valid_neg))

    strengths = (1e-4, 1e-2, 1.0)
    best = max(strengths, key=lambda C: (value(C), -C))
    for val in (split, (split.valid, split.valid_neg)):
        model = gr.EmbeddingScorer(vectors, C=strengths, random_state=0).fit(split.graph, val=val)
        assert best == model.C_


def test_negatives_are_no_edges_of_the_graph_either(monkeypatch, vectors):
    """Edges to learn from may be few; the others of the graph are no negatives for that."""
    graph = gr.as_graph(nx.complete_graph(12))
    fringe = [[0], [12]]
    full = gr.as_graph(np.hstack([graph.edges(), fringe]), num_nodes=14, directed=False)
    seen = []
    module = sys.modules["graphrep.evaluate.link_prediction"]  # the package has a function of that name

    def record(*args, **options):
        seen.append(sample_non_edges(*args, **options))
        return seen[-1]

    monkeypatch.setattr(module, "sample_non_edges", record)
    gr.EmbeddingScorer(vectors[:14], C=1, random_state=0).fit(full, graph.edges()[:, :10])
    assert seen[0].shape == (2, 10)
    assert not full.has_edges(*seen[0]).any()


@pytest.mark.parametrize("operator", ["dot", "cosine"])
def test_untrained_operators(split, vectors, operator):
    scores = gr.EmbeddingScorer(vectors, operator=operator).fit(split.graph).score_pairs(split.test)
    a, b = vectors[split.test[0]], vectors[split.test[1]]
    expected = (a * b).sum(axis=1)
    if operator == "cosine":
        expected /= np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores, expected, rtol=1e-4, atol=1e-6)


def test_an_embedder_is_cloned_and_sees_the_graph_alone(split):
    embedder = gr.FastRP(dimensions=16, random_state=1)
    model = gr.EmbeddingScorer(embedder, random_state=0).fit(split.graph, split.train, val=split)
    assert not hasattr(embedder, "embedding_")
    np.testing.assert_array_equal(model.embedding_, clone(embedder).fit_transform(split.graph))
    again = gr.EmbeddingScorer(model.embedding_, random_state=0).fit(split.graph, split.train, val=split)
    np.testing.assert_array_equal(again.score_pairs(split.test), model.score_pairs(split.test))
    named = gr.EmbeddingScorer(model.embedder_.node_vectors_, random_state=0).fit(split.graph, split.train, val=split)
    np.testing.assert_array_equal(named.score_pairs(split.test), model.score_pairs(split.test))
    assert roc_auc(model.score_pairs(split.test), model.score_pairs(split.test_neg)) > 0.6


def test_scores_depend_on_no_other_pair_and_on_no_order(split, vectors):
    model = gr.EmbeddingScorer(vectors, random_state=0).fit(split.graph, val=split)
    pairs = np.concatenate([split.test, split.test_neg], axis=1)
    once = model.score_pairs(pairs)
    order = np.random.default_rng(0).permutation(pairs.shape[1])
    np.testing.assert_array_equal(model.score_pairs(pairs[:, order]), once[order])
    np.testing.assert_array_equal(
        np.concatenate([model.score_pairs(part) for part in np.split(pairs, [1, 9], 1)]), once
    )
    np.testing.assert_array_equal(model.score_pairs(pairs[::-1]), once)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).score_pairs(pairs), once)
    assert model.score_pairs(pairs[:, :0]).shape == (0,)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda s, x: gr.EmbeddingScorer(x, operator="sum").fit(s.graph), ValueError, "operator must be one of"),
        (
            lambda s, x: gr.EmbeddingScorer(x, C=(0.1, 1.0)).fit(s.graph),
            ValueError,
            "C must be one number without validation pairs, got",
        ),
        (lambda s, x: gr.EmbeddingScorer(x, C=-1).fit(s.graph), ValueError, "C must be positive"),
        (lambda s, x: gr.EmbeddingScorer(x[:9], C=1).fit(s.graph), ValueError, "a row per node of graph, 150; got 9"),
        (lambda s, x: gr.EmbeddingScorer(x * np.nan, C=1).fit(s.graph), ValueError, "vectors must be finite"),
        (
            lambda s, x: gr.EmbeddingScorer(x).fit(s.full, val=s),
            ValueError,
            "graph holds .* of the .* validation edges",
        ),
        (
            lambda s, x: gr.EmbeddingScorer(x).fit(s.full, val=(s.valid, s.valid_neg)),
            ValueError,
            "graph holds .* of the .* validation edges",
        ),
        (lambda s, x: gr.EmbeddingScorer(x).fit(s.graph, [[0], [150]]), IndexError, r"edges must lie in \[0, 150\)"),
        (
            lambda s, x: gr.EmbeddingScorer(x).fit(s.graph, val=([[0], [1]], [[0], [-1]])),
            IndexError,
            r"val negatives must lie in \[0, 150\)",
        ),
        (lambda s, x: gr.EmbeddingScorer(x).fit(s.graph, val=s.valid.T), ValueError, "val must be a LinkSplit"),
        (
            lambda s, x: gr.EmbeddingScorer(x, C=1).fit(gr.as_graph([[0], [0]])),
            ValueError,
            "at least one edge that is not a self loop",
        ),
        (
            lambda s, x: gr.EmbeddingScorer(x, C=1).fit(s.graph).score_pairs([[0], [150]]),
            IndexError,
            r"pairs must lie in \[0, 150\)",
        ),
        (
            lambda s, x: gr.EmbeddingScorer(gr.NodeVectors(x, [f"n{i}" for i in range(150)]), C=1).fit(s.graph),
            ValueError,
            "embedding: there is no row for .* nodes",
        ),
        (lambda s, x: gr.EmbeddingScorer(x).score_pairs(s.test), NotFittedError, "not fitted"),
    ],
)
def test_bad_input_is_one_sentence(split, vectors, make, error, message):
    with pytest.raises(error, match=message):
        make(split, vectors)


def test_popular_negatives_are_what_the_regression_sees(split, vectors):
    scores = [
        gr.EmbeddingScorer(vectors, C=1.0, random_state=0, negative_sampling=kind)
        .fit(split.graph)
        .score_pairs(split.test)
        for kind in ("uniform", "degree", "degree")
    ]
    np.testing.assert_array_equal(scores[1], scores[2])
    assert (scores[0] != scores[1]).any()
    with pytest.raises(ValueError, match="negative_sampling must be one of uniform, degree; got 3"):
        gr.EmbeddingScorer(vectors, negative_sampling=3).fit(split.graph)
