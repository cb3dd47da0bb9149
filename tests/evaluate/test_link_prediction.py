from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace

import networkx as nx
import numpy as np
import pytest
import scipy.sparse as sp
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

import graphrep as gr
from graphrep.evaluate import (
    compare,
    edge_features,
    link_baselines,
    link_prediction,
    node_baselines,
    random_link_split,
    smooth_features,
)
from graphrep.evaluate.link_prediction import pair_scorer

OPERATORS = ("average", "hadamard", "l1", "l2")
ALL = (*OPERATORS, "dot", "cosine")
OPTIONS = {"C": 1.0, "max_train": 10**6, "batch_size": 100, "seed": 0}


@pytest.fixture(scope="module")
def split():
    blocks = nx.stochastic_block_model([60, 60, 60], np.full((3, 3), 0.01) + 0.2 * np.eye(3), seed=0)
    return random_link_split(nx.Graph(blocks.edges), test=0.2, valid=0.1)


@pytest.fixture(scope="module")
def vectors(split):
    values, basis = np.linalg.eigh(split.graph.to_scipy().toarray().astype(float))
    return (basis[:, -6:] * np.sqrt(np.abs(values[-6:]))).astype(np.float32)


def test_edge_features_are_the_four_of_node2vec(vectors):
    pairs = np.array([[0, 1, 2], [5, 1, 0]])
    a, b = vectors[pairs[0]], vectors[pairs[1]]
    for operator, expected in (("average", (a + b) / 2), ("hadamard", a * b), ("l1", abs(a - b)), ("l2", (a - b) ** 2)):
        before = vectors.copy()
        found = edge_features(torch.tensor(vectors), torch.tensor(pairs), operator)
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, expected, rtol=1e-6)
        np.testing.assert_array_equal(found, edge_features(vectors, pairs[::-1], operator))
        np.testing.assert_array_equal(vectors, before)
    with pytest.raises(ValueError, match="operator must be one of"):
        edge_features(vectors, pairs, "dot")
    with pytest.raises(IndexError, match="pairs must lie in"):
        edge_features(vectors, [[0], [len(vectors)]])


@pytest.mark.parametrize("operator", ALL)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_score_does_not_depend_on_its_batch(monkeypatch, split, operator, dtype):
    vectors = np.random.default_rng(2).standard_normal((180, 70))  # wide enough for every unrolled loop
    score, _ = pair_scorer(vectors.astype(dtype), split, operator=operator, **OPTIONS)
    pairs = np.random.default_rng(0).integers(len(vectors), size=(2, 999))
    whole = score(pairs)
    np.testing.assert_array_equal(np.concatenate([score(pairs[:, i : i + 1]) for i in range(999)]), whole)
    shuffled = np.random.default_rng(1).permutation(999)
    np.testing.assert_array_equal(score(pairs[:, shuffled]), whole[shuffled])
    np.testing.assert_array_equal(score(pairs[::-1]), whole)
    monkeypatch.setattr(sys.modules[link_prediction.__module__], "_CHUNK", 7 * 70)
    np.testing.assert_array_equal(score(pairs), whole)


@pytest.mark.parametrize("operator", OPERATORS)
def test_regression_is_that_of_scikit_learn_on_standardized_features(split, vectors, operator):
    """Fitted on all training edges and the pairs that the seed draws; compared on the test pairs."""
    from graphrep.heuristics.non_edges import sample_non_edges

    result = link_prediction(vectors, split, operator=operator, C=0.1, metrics=["auc"])
    rng = np.random.default_rng(0)
    rng.permutation(split.train.shape[1])
    negatives = sample_non_edges(split.graph, split.train.shape[1], rng=rng)
    X = edge_features(vectors, np.hstack([split.train, negatives]), operator).astype(float)
    y = np.arange(len(X)) < split.train.shape[1]
    mean, scale = X.mean(0), X.std(0)
    model = LogisticRegression(C=0.1, tol=1e-8).fit((X - mean) / scale, y)
    test = np.hstack([split.test, split.test_neg])
    margin = model.decision_function((edge_features(vectors, test, operator) - mean) / scale)
    truth = np.arange(len(margin)) < split.test.shape[1]
    assert result["auc"] == pytest.approx(roc_auc_score(truth, margin), abs=2e-3)
    assert result.method == f"logistic regression on {operator} features, C=0.1"


def test_structure_is_found(split, vectors):
    scores = {operator: link_prediction(vectors, split, operator=operator, metrics=["auc"])["auc"] for operator in ALL}
    for operator in ("hadamard", "l1", "l2", "dot", "cosine"):
        assert scores[operator] > 0.75, scores
    noise = np.random.default_rng(0).standard_normal(vectors.shape)
    assert link_prediction(noise, split, metrics=["auc"])["auc"] < 0.65


def test_the_penalty_is_chosen_on_validation_edges_alone(split, vectors):
    grid = [1e-6, 1e-3, 1.0]
    options = {"operator": "l1", "metrics": ["auc"]}
    on_valid = [link_prediction(vectors, split, part="valid", C=C, **options)["auc"] for C in grid]
    chosen = link_prediction(vectors, split, C=grid, **options)
    best = grid[int(np.argmax(on_valid))]
    assert chosen.method.endswith(f"C={best:g}")
    assert chosen["auc"] == link_prediction(vectors, split, C=best, **options)["auc"]
    swapped = SimpleNamespace(**{part: getattr(split, part) for part in ("train", "valid", "valid_neg")})
    swapped.test, swapped.test_neg = split.test_neg, split.test
    assert link_prediction(vectors, swapped, C=grid, **options).method == chosen.method
    no_valid = SimpleNamespace(**{**vars(swapped), "valid": np.zeros((2, 0), int)})
    with pytest.raises(ValueError, match="C must be one number"):
        link_prediction(vectors, no_valid, **options)
    assert link_prediction(vectors, no_valid, C=1.0, **options)["auc"] > 0


def test_fewer_training_edges_and_seeds(split, vectors):
    few = [link_prediction(vectors, split, C=1.0, max_train=40, random_state=seed)["auc"] for seed in (0, 0, 1)]
    assert few[0] == few[1] != few[2]


@pytest.mark.parametrize(
    "wrap",
    [
        lambda f: f,
        lambda f: SimpleNamespace(score_pairs=f),
        lambda f: lambda pairs: torch.tensor(f(pairs)),
        lambda f: lambda pairs: f(pairs)[:, None],
    ],
)
def test_scorers_of_any_make(split, wrap):
    sizes = []

    def total(pairs):
        sizes.append(pairs.shape[1])
        assert pairs.dtype == np.int64
        return np.sin(pairs.sum(axis=0))

    result = link_prediction(wrap(total), split, metrics=["hits@10", "mrr", "auc", "ap"], batch_size=64)
    pos, neg = (np.sin(pairs.sum(axis=0)) for pairs in (split.test, split.test_neg))
    assert max(sizes) == 64
    assert dict(result.scores) == gr.evaluate.link_metrics(pos, neg, ["hits@10", "mrr", "auc", "ap"])
    assert (result.num_pos, result.num_neg) == (len(pos), len(neg))


def test_vectors_of_an_object_are_its_vectors(split, vectors):
    a = link_prediction(SimpleNamespace(vectors=vectors), split, operator="cosine")
    assert a.scores == link_prediction(vectors, split, operator="cosine").scores


def test_negatives_of_each_edge_its_own():
    own = np.stack(np.meshgrid([0, 1], [2, 3, 4], indexing="ij"))  # (2, 2, 3): sources 0 and 1, three targets each
    split = SimpleNamespace(test=np.array([[0, 1], [4, 2]]), test_neg=own)
    result = link_prediction(lambda pairs: pairs[1], split, metrics=["mrr"])
    assert result["mrr"] == pytest.approx((1 / 1.5 + 1 / 3.5) / 2)
    assert result.num_neg == 3
    assert link_prediction(lambda pairs: pairs[1], split, metrics=["hits@1", "hits@3"]).scores == {
        "hits@1": 0,
        "hits@3": 0.5,
    }
    with pytest.raises(ValueError, match="metrics must be mrr or hits@K where each edge has its own negatives"):
        link_prediction(lambda pairs: pairs[1], split, metrics=["auc"])
    assert list(link_prediction(lambda pairs: pairs[1], split).scores) == ["mrr"]


def test_unusable_input_is_refused(split, vectors):
    for scorer, options, error, message in (
        (vectors, {"operator": "cross"}, ValueError, "operator must be one of"),
        (vectors, {"part": "train"}, ValueError, "part must be test or valid"),
        (vectors, {"metrics": ["f1"]}, ValueError, "metrics must be"),
        (vectors, {"C": 0}, ValueError, "C must be positive"),
        (vectors, {"C": []}, ValueError, "C must be positive"),
        (vectors, {"max_train": 0}, ValueError, "needs training edges"),
        (vectors, {"batch_size": 0}, ValueError, "batch_size must be positive"),
        (vectors[:10], {}, IndexError, r"train must lie in \[0, 10\)"),
        (vectors[:10], {"operator": "dot"}, IndexError, r"must lie in \[0, 10\)"),
        (vectors[0], {}, ValueError, "vectors must be a real matrix"),
        (lambda pairs: np.ones(3), {}, ValueError, "one score per pair"),
        (lambda pairs: np.full(pairs.shape[1], np.nan), {}, ValueError, "NaN"),
    ):
        with pytest.raises(error, match=message):
            link_prediction(scorer, split, **options)
    empty = SimpleNamespace(test=np.zeros((2, 0), int), test_neg=split.test_neg)
    with pytest.raises(ValueError, match="y_pos must hold at least one score"):
        link_prediction(lambda pairs: pairs[0], empty)


def test_a_comparison_shows_the_untrained_too(split, vectors):
    table = compare({"dot": lambda p: (vectors[p[0]] * vectors[p[1]]).sum(1)}, split, metrics=["auc"])
    assert list(table) == ["dot", *link_baselines(split.graph)]
    for name, scorer in link_baselines(split.graph).items():
        assert table[name]["auc"] == link_prediction(scorer, split, metrics=["auc"])["auc"]
    rows = str(table).splitlines()[3:]
    assert [row.split("  ")[0] for row in rows] == ["dot", *(f"{name} (untrained)" for name in table.baselines)]
    assert abs(table["random"]["auc"] - 0.5) < 0.15
    alone = SimpleNamespace(test=split.test, test_neg=split.test_neg)
    assert list(compare({"dot": lambda p: p[0]}, alone)) == ["dot"]


def test_a_graph_with_test_edges_is_refused(split):
    with pytest.raises(ValueError, match=f"graph holds {split.test.shape[1]} of the {split.test.shape[1]} test edges"):
        compare({}, split, graph=split.full)
    assert len(compare({}, split, graph=split.graph_with_valid)) == 6
    with pytest.raises(ValueError, match="valid edges"):
        compare({}, split, graph=split.graph_with_valid, part="valid")


def test_random_scores_depend_on_the_pair_alone(split):
    score = link_baselines(split.graph)["random"]
    pairs = np.array([[0, 1, 2, 0], [1, 2, 3, 1]])
    first = score(pairs)
    assert first[0] == first[3]
    np.testing.assert_array_equal(score(pairs[:, ::-1]), first[::-1])
    assert (link_baselines(split.graph, random_state=1)["random"](pairs) != first).all()


@pytest.mark.parametrize("kind", [np.asarray, sp.csr_array, torch.tensor])
def test_propagation_is_the_matrix_power(kind):
    network = nx.gnm_random_graph(30, 60, seed=3)
    for u, v in network.edges:
        network.edges[u, v]["weight"] = 1.0 + (u * v) % 5
    x = np.random.default_rng(0).random((30, 4))
    A = nx.to_numpy_array(network) + np.eye(30)
    S = A / np.sqrt(np.outer(A.sum(1), A.sum(1)))
    for hops in (0, 1, 3):
        found = smooth_features(network, kind(x), hops)
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, np.linalg.matrix_power(S, hops) @ x, rtol=1e-5)
    with pytest.raises(ValueError, match="x must have shape"):
        smooth_features(network, x[:-1])
    with pytest.raises(ValueError, match="hops must not be negative"):
        smooth_features(network, x, -1)


def test_node_baselines():
    graph = gr.as_graph([[0, 1], [1, 2]], num_nodes=5, directed=False, x=sp.eye_array(5, format="csr"))
    found = node_baselines(graph, dimensions=16, hops=1)
    assert {name: values.shape for name, values in found.items()} == {
        "random": (5, 16),
        "random projection": (5, 16),
        "features": (5, 5),
        "propagated features": (5, 5),
    }
    np.testing.assert_allclose(found["random projection"], found["propagated features"] @ found["random"], rtol=1e-5)
    np.testing.assert_array_equal(found["random"], node_baselines(graph, dimensions=16, random_state=0)["random"])
    assert (found["random"] != node_baselines(graph, dimensions=16, random_state=1)["random"]).any()


@pytest.mark.parametrize("kind", [np.asarray, sp.csr_array])
def test_wide_features_keep_their_inner_products(kind):
    x = np.random.default_rng(0).standard_normal((4, 3000))
    graph = gr.as_graph([[0], [1]], num_nodes=4, directed=False, x=kind(x))
    found = node_baselines(graph, dimensions=2, max_features=2500)["features"]
    assert found.shape == (4, 2500)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found @ found.T / 3000, x @ x.T / 3000, atol=0.1)
    assert node_baselines(graph, dimensions=2, max_features=3000)["features"].shape == (4, 3000)


def test_heuristics_reach_their_published_scores_on_ogbl_ddi(shared_data):
    """OGB's leaderboard gives 17.73 % to common neighbours and 18.61 % to Adamic-Adar, in Hits@20."""
    with np.load(shared_data / "ogbl-ddi" / "graph.npz", allow_pickle=False) as file:
        arrays = {name: file[name] for name in file}
    split = SimpleNamespace(
        train=arrays["edge_index"], test=arrays["split_test_edge"], test_neg=arrays["split_test_edge_neg"]
    )
    graph = gr.as_graph(split.train, num_nodes=int(arrays["num_nodes"]), directed=False)
    found = compare({}, split, graph=graph, metrics=["hits@20"])
    assert round(100 * found["common neighbors"]["hits@20"], 2) == 17.73
    assert round(100 * found["Adamic-Adar"]["hits@20"], 2) == 18.61
    assert round(100 * found["resource allocation"]["hits@20"], 2) == 6.23


def test_importing_loads_neither_scikit_learn_nor_torch():
    code = (
        "import sys, graphrep.evaluate, graphrep.linkpred; print([m for m in ('sklearn', 'torch') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_a_split_that_leaks_is_refused_unless_edges_may_repeat(split):
    parts = (split.full, np.hstack([split.train, split.test[:, :3]]), split.valid, split.test)
    negatives = (split.valid_neg, split.test_neg)
    leaking = gr.datasets.LinkSplit(*parts, *negatives)
    with pytest.raises(ValueError, match=rf"3 of the {split.test.shape[1]} test edges are also training edges"):
        gr.evaluate.compare({}, leaking, metrics=["auc"])
    years = {"train_year": np.zeros(leaking.train.shape[1], dtype=np.int64)}
    gr.evaluate.compare({}, gr.datasets.LinkSplit(*parts, *negatives, attributes=years), metrics=["auc"])
