from __future__ import annotations

import pickle

import networkx as nx
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression

import graphrep as gr
from graphrep.evaluate import edge_features, link_metrics, random_link_split, roc_auc
from graphrep.heuristics import HEURISTICS, pair_features
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
        model = gr.EmbeddingScorer(vectors, operator="hadamard", C=C).fit(split.graph)
        return roc_auc(model.score_pairs(split.valid), model.score_pairs(split.valid_neg))

    strengths = (1e-4, 1e-2, 1.0)
    best = max(strengths, key=lambda C: (value(C), -C))
    for val in (split, (split.valid, split.valid_neg)):
        model = gr.EmbeddingScorer(vectors, operator="hadamard", C=strengths).fit(split.graph, val=val)
        assert best == model.C_


def test_negatives_are_no_edges_of_the_graph_either(monkeypatch, vectors):
    """Edges to learn from may be few; the others of the graph are no negatives for that."""
    graph = gr.as_graph(nx.complete_graph(12))
    fringe = [[0], [12]]
    full = gr.as_graph(np.hstack([graph.edges(), fringe]), num_nodes=14, directed=False)
    seen = []

    def record(*args, **options):
        seen.append(sample_non_edges(*args, **options))
        return seen[-1]

    monkeypatch.setattr("graphrep.linkpred.embedding.sample_non_edges", record)
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
        (lambda s, x: gr.EmbeddingScorer(x, C=-1).fit(s.graph), ValueError, "C must be greater than 0, got -1"),
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


def test_named_methods_are_regressions_on_named_columns(split, vectors):
    """Coefficients and columns are in the documented order."""
    model = gr.EmbeddingScorer(vectors, operator="l1 unit + heuristics", C=0.3).fit(split.graph)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    a, b = vectors[split.test[0]], vectors[split.test[1]]
    dot, cosine = (a * b).sum(axis=1), (unit[split.test[0]] * unit[split.test[1]]).sum(axis=1)
    columns = [
        edge_features(unit, split.test, "l1"),
        np.stack(list(pair_features(split.graph, split.test).values()), axis=1),
        np.stack([np.sign(dot) * np.log1p(np.abs(dot)), cosine], axis=1),
    ]
    expected = np.concatenate(columns, axis=1) @ model.coef_ + model.intercept_
    np.testing.assert_allclose(model.score_pairs(split.test), expected, rtol=1e-4, atol=1e-4)
    assert model.validation_ == {}
    alone = gr.EmbeddingScorer(vectors, operator="heuristics").fit(split.graph)
    assert alone.coef_.shape == (6,)


@pytest.mark.parametrize("metric", ["auc", "hits@20", "mrr"])
@pytest.mark.parametrize("random_state", [0, 1])
def test_never_below_an_ingredient_on_validation(vectors, metric, random_state):
    graph = gr.as_graph(nx.powerlaw_cluster_graph(150, 4, 0.7, seed=2))
    split = random_link_split(graph, test=0.1, valid=0.15, connected=False, random_state=random_state)

    def value(score):
        return link_metrics(score(split.valid), score(split.valid_neg), [metric])[metric]

    for given in (vectors, gr.FastRP(dimensions=8)):  # noise, and vectors of the graph
        model = gr.EmbeddingScorer(given, metric=metric, random_state=random_state).fit(split.graph, val=split)
        assert value(model.score_pairs) == model.validation_[model.operator_] == max(model.validation_.values())
        for heuristic in HEURISTICS.values():
            assert value(lambda pairs, score=heuristic: score(split.graph, pairs)) <= value(model.score_pairs) + 1e-9
        for name in ("dot", "cosine", "heuristics", "heuristics + similarity"):
            alone = gr.EmbeddingScorer(given, operator=name, metric=metric, random_state=random_state)
            assert value(alone.fit(split.graph, val=split).score_pairs) <= value(model.score_pairs)


def test_edges_do_not_give_themselves_away():
    """In a random graph nothing predicts edges; degrees that count the edge itself would seem to (AUC above 0.7)."""
    g = gr.as_graph(nx.gnm_random_graph(2000, 2000, seed=0))
    model = gr.EmbeddingScorer(np.random.default_rng(0).standard_normal((2000, 4)), operator="heuristics").fit(g)
    others = sample_non_edges(g, 2000, rng=np.random.default_rng(1))
    assert roc_auc(model.score_pairs(g.edges()), model.score_pairs(others)) == pytest.approx(0.5, abs=0.04)
    popularity = HEURISTICS["preferential attachment"]
    assert roc_auc(popularity(g, g.edges()), popularity(g, others)) > 0.7


@pytest.mark.parametrize("directed", [False, True])
def test_columns_are_those_of_the_graph_without_the_edge(directed):
    rng = np.random.default_rng(3)
    g = gr.as_graph(rng.integers(0, 25, (2, 120)), num_nodes=25, directed=directed, self_loops=True)
    edges = g.edges() if not directed else g.edge_index()
    pairs = np.concatenate([edges, rng.integers(0, 25, (2, 50))], axis=1)
    found = pair_features(g, pairs)
    arcs = {tuple(arc) for arc in g.edge_index().T.tolist()}
    for i, (u, v) in enumerate(pairs.T.tolist()):
        if u == v:
            continue
        gone = {(u, v)} if directed else {(u, v), (v, u)}
        left = np.array(sorted(arcs - gone)).T
        without = (
            gr.as_graph(left, num_nodes=25, directed=True)
            if directed
            else gr.as_graph(left, num_nodes=25, directed=False)
        )
        alone = pair_features(without, [[u], [v]])
        assert {name: column[i] for name, column in found.items()} == pytest.approx(
            {name: column[0] for name, column in alone.items()}
        )


def test_columns_by_definition():
    g = gr.as_graph(nx.karate_club_graph(), weights=False)
    h, pairs = nx.karate_club_graph(), [(0, 33), (4, 9), (16, 25)]  # no edges
    found = pair_features(g, pairs)
    common = [len(list(nx.common_neighbors(h, u, v))) for u, v in pairs]
    np.testing.assert_allclose(found["common neighbors"], np.log1p(common))
    np.testing.assert_allclose(found["degrees"], [np.log1p(h.degree[u]) + np.log1p(h.degree[v]) for u, v in pairs])
    for name, score in (
        ("Adamic-Adar", nx.adamic_adar_index),
        ("resource allocation", nx.resource_allocation_index),
        ("Jaccard", nx.jaccard_coefficient),
    ):
        values = np.array([value for _, _, value in score(h, pairs)])
        change = {"Adamic-Adar": np.log1p, "resource allocation": np.sqrt, "Jaccard": np.asarray}[name]
        np.testing.assert_allclose(found[name], change(values))
    with pytest.raises(IndexError, match="pairs must lie in"):
        pair_features(g, [[0], [34]])
    with pytest.raises(ValueError, match="pairs must have shape"):
        pair_features(g, np.zeros((2, 3, 4), dtype=int))


def test_negatives_follow_those_of_validation(monkeypatch, split, vectors):
    seen = []

    def record(*args, **options):
        seen.append(options["sampling"])
        return sample_non_edges(*args, **options)

    monkeypatch.setattr("graphrep.linkpred.embedding.sample_non_edges", record)
    rng = np.random.default_rng(0)
    for sampling in ("uniform", "degree"):
        negatives = sample_non_edges(split.full, 200, rng=rng, sampling=sampling)
        gr.EmbeddingScorer(vectors, operator="heuristics").fit(split.graph, val=(split.valid, negatives))
    gr.EmbeddingScorer(vectors).fit(split.graph)
    model = gr.EmbeddingScorer(vectors, negative_sampling="degree").fit(split.graph)
    assert seen == ["uniform", "degree", "uniform", "degree"]
    assert model.negative_sampling_ == "degree"


def test_a_choice_is_saved_and_repeated(split, vectors, tmp_path):
    for operator in ("auto", ("resource allocation", "cosine"), "average unit + heuristics"):
        model = gr.EmbeddingScorer(vectors, operator=operator, metric="hits@10").fit(split.graph, val=split)
        model.save(tmp_path / "m")
        again = gr.load(tmp_path / "m")
        np.testing.assert_array_equal(again.score_pairs(split.test), model.score_pairs(split.test))
        assert (again.operator_, again.C_, again.validation_) == (model.operator_, model.C_, model.validation_)
        repeated = gr.EmbeddingScorer(vectors, operator=model.operator_, C=model.C_).fit(split.graph)
        np.testing.assert_array_equal(repeated.score_pairs(split.test), model.score_pairs(split.test))
        other = clone(model).set_params(n_jobs=1).fit(split.graph, val=split)
        assert other.operator_ == model.operator_
    assert model.metric_ == "hits@10"
    assert not hasattr(clone(model).fit(split.graph), "metric_")


def test_own_negatives_of_each_edge(split, vectors):
    own = np.stack(np.broadcast_arrays(split.valid[:, :, None], split.valid_neg[:, None, :20]))[0]
    model = gr.EmbeddingScorer(vectors).fit(split.graph, val=(split.valid, own))
    assert model.metric_ == "mrr"
    with pytest.raises(ValueError, match="operator must be one method without validation pairs"):
        gr.EmbeddingScorer(vectors, operator=("dot", "cosine")).fit(split.graph)


def test_direction_is_seen():
    """All edges lead from the first half to the second, which products of vectors cannot tell."""
    rng = np.random.default_rng(0)
    edges = np.stack([rng.integers(0, 50, 400), rng.integers(50, 100, 400)])
    g = gr.as_graph(edges, num_nodes=100, directed=True)
    split = random_link_split(g, test=0.1, valid=0.1, connected=False)
    model = gr.EmbeddingScorer(rng.standard_normal((100, 4)), metric="auc").fit(split.graph, val=split)
    assert (model.score_pairs(split.test) > model.score_pairs(split.test[::-1])).mean() > 0.95
