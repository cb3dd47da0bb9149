from __future__ import annotations

import pickle

import networkx as nx
import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.cluster import KMeans
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import adjusted_rand_score
from sklearn.preprocessing import StandardScaler

import graphrep as gr
from graphrep.embed import tune_fastrp
from graphrep.ops import random_projection


def planted_partition(num_nodes=400, blocks=4, inside=0.1, outside=0.01, seed=0):
    """A graph whose blocks are denser inside, and the block of each node."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(blocks, size=num_nodes)
    chance = np.where(labels[:, None] == labels, inside, outside)
    upper = np.triu(rng.random((num_nodes, num_nodes)) < chance, 1)
    return gr.as_graph(np.stack(np.nonzero(upper)), num_nodes=num_nodes, directed=False), labels


def random_graph(num_nodes, num_arcs, *, directed=False, weighted=False, **options):
    """Hubs, isolated nodes, self loops."""
    rng = np.random.default_rng(1)
    ends = (0.95 * num_nodes * rng.random((2, num_arcs)) ** 2).astype(np.int64)
    weights = 10 ** rng.uniform(-1, 1, num_arcs) if weighted else None
    return gr.as_graph(ends, num_nodes=num_nodes, directed=directed, weights=weights, merge="max", **options)


def unit_rows(x):
    norms = np.linalg.norm(x, axis=1, keepdims=True)
    return np.divide(x, norms, out=np.zeros_like(x), where=norms > 0)


def by_the_formula(graph, model, features=None):
    """The docstring in NumPy and scipy, float64, with the same random entries."""
    a, n, d = graph.to_scipy().astype(np.float64), graph.num_nodes, model.dimensions
    incoming, outgoing = np.asarray(a.sum(axis=0)), np.asarray(a.sum(axis=1))
    factor = np.power(incoming, model.normalization_strength, out=np.zeros(n), where=incoming > 0)
    factor = np.where(incoming > 0, factor / factor.max(), 1)
    last = int(d * model.feature_ratio)
    density = 1 / (np.sqrt(n) if model.sparsity is None else model.sparsity)
    power = np.zeros((n, d))
    if last < d:
        r = random_projection(n, d - last, density=density, seed=model.random_state)
        power[:, : d - last] = factor[:, None] * r
    if last:
        loadings = random_projection(features.shape[1], last, density=1 / 3, seed=model.random_state + 1)
        power[:, d - last :] = features @ loadings
    norm = unit_rows if model.normalize_rows else np.asarray
    total = model.self_influence * norm(power)
    for weight in model.iteration_weights:
        power = np.divide(1, outgoing, out=np.zeros(n), where=outgoing > 0)[:, None] * (a @ power)
        total += weight * norm(power)
    return (total - total.mean(axis=0)) / total.std(axis=0) if model.standardize else total


def accuracy(vectors, labels, test):
    model = LogisticRegression(max_iter=500).fit(StandardScaler().fit_transform(vectors)[~test], labels[~test])
    return model.score(StandardScaler().fit_transform(vectors)[test], labels[test])


# The formula


@pytest.mark.parametrize("directed", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(
    "options",
    [
        {"dimensions": 32},  # few entries per row of R: drawn at each arc
        {"dimensions": 200},  # many: R is stored
        {"iteration_weights": (1.0,), "normalization_strength": 0.0},
        {"iteration_weights": (0.5, -2.0), "normalization_strength": 0.5, "sparsity": 3.0},
        {"iteration_weights": (), "self_influence": 2.0, "sparsity": 1.0},
        {"self_influence": 0.7, "normalization_strength": -1.0, "random_state": 2**63 - 2},
        {"standardize": False},
        {"normalize_rows": False},
        {"normalize_rows": False, "standardize": False, "dimensions": 17},
    ],
    ids=str,
)
def test_equals_the_formula(directed, weighted, options):
    graph = random_graph(500, 3000, directed=directed, weighted=weighted)
    model = gr.FastRP(**{"dimensions": 48, **options})
    vectors = model.fit_transform(graph)
    assert (vectors.shape, vectors.dtype) == ((500, model.dimensions), np.float32)
    np.testing.assert_allclose(vectors, by_the_formula(graph, model), rtol=1e-3, atol=2e-4)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"normalization_strength": -0.5, "dimensions": 200},
        {"normalize_rows": False, "standardize": False, "self_influence": 1.0},
        {"normalize_rows": False, "sparsity": 1.0, "iteration_weights": (1.0, 0.0, 2.0)},
    ],
    ids=str,
)
def test_powers_of_float16_are_those_of_float32_rounded(weighted, options):
    graph = random_graph(500, 3000, directed=True, weighted=weighted)
    vectors = gr.FastRP(**options).fit_transform(graph)
    short = gr.FastRP(precision="float16", **options).fit(graph)
    assert short.embedding_.dtype == np.float32
    scale = np.abs(vectors).max()
    assert 0 < np.abs(short.embedding_ - vectors).max() < 0.02 * scale
    assert np.abs(short.embedding_ - vectors).mean() < 0.001 * scale
    if not options.get("self_influence"):  # new nodes have no vector of their own
        again = short.transform(graph.to_scipy()[:50])
        np.testing.assert_allclose(again, short.embedding_[:50], rtol=0.01, atol=0.005 * scale)


@pytest.mark.filterwarnings("ignore:.* vectors of FastRP are zero")
def test_a_hub_with_many_neighbors_keeps_its_digits_in_float16():
    """Its first power is an average of 50,000 rows that are mostly zero."""
    star = gr.as_graph([(0, leaf) for leaf in range(1, 50_001)] + [(leaf, leaf + 1) for leaf in range(1, 50_000)])
    options = {"dimensions": 64, "iteration_weights": (1.0,), "standardize": False}
    vectors, short = (gr.FastRP(precision=name, **options).fit_transform(star) for name in ("float32", "float16"))
    np.testing.assert_allclose(short[0], vectors[0], rtol=2e-3, atol=1e-7)


def test_columns_that_vary_less_than_float16_can_tell_are_a_warning():
    rng = np.random.default_rng(0)
    dense = gr.as_graph(sp.csr_array(rng.random((400, 400)) + 5.0), directed=True)
    assert np.abs(gr.FastRP(dimensions=16, iteration_weights=(0, 1.0)).fit_transform(dense)).max() > 1
    with pytest.warns(UserWarning, match='columns of FastRP vary too little for float16.*precision="float32" keeps'):
        gr.FastRP(dimensions=16, iteration_weights=(0, 1.0), precision="float16").fit(dense)


@pytest.mark.parametrize("feature_ratio", [0.34, 1.0])
@pytest.mark.parametrize("form", ["dense", "sparse", "graph.x"])
def test_features_equal_the_formula(feature_ratio, form):
    x = np.random.default_rng(2).standard_normal((300, 20)).astype(np.float32)
    x *= np.random.default_rng(3).random(x.shape) < 0.3
    graph = random_graph(300, 2000, x=x if form == "graph.x" else None)
    model = gr.FastRP(dimensions=40, feature_ratio=feature_ratio, self_influence=0.5)
    given = {"dense": x.astype(np.float64), "sparse": sp.csr_matrix(x), "graph.x": None}[form]
    vectors = model.fit_transform(graph, features=given)
    np.testing.assert_allclose(vectors, by_the_formula(graph, model, x), rtol=1e-3, atol=2e-4)


def test_columns_have_mean_0_and_variance_1():
    vectors = gr.FastRP(dimensions=64).fit_transform(planted_partition()[0]).astype(np.float64)
    np.testing.assert_allclose(vectors.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(vectors.var(axis=0), 1, atol=1e-5)


def test_columns_without_variance_stay_zero():
    """In a complete graph with loops all nodes are alike; rounding errors must not be blown up."""
    with pytest.warns(UserWarning, match="300 of 300 vectors of FastRP are equal") as found:
        vectors = gr.FastRP(dimensions=64).fit_transform(np.ones((300, 300)))
    assert np.abs(vectors).max() < 1e-3
    assert found[0].filename == __file__  # not that of scikit-learn, which wraps the method


def test_backends_agree(monkeypatch):
    graph = random_graph(120, 500, weighted=True)
    native = gr.FastRP(dimensions=20).fit_transform(graph)
    monkeypatch.setenv("GRAPHREP_BACKEND", "reference")
    np.testing.assert_allclose(gr.FastRP(dimensions=20).fit_transform(graph), native, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("dimensions", [8, 64])
def test_threads_change_nothing(dimensions):
    graph = random_graph(3000, 60_000)
    options = {"dimensions": dimensions, "self_influence": 1.0}
    one = gr.FastRP(n_jobs=1, **options).fit_transform(graph)
    for n_jobs in (2, 5):
        np.testing.assert_array_equal(gr.FastRP(n_jobs=n_jobs, **options).fit_transform(graph), one)


@pytest.mark.filterwarnings("ignore:.* vectors of FastRP are zero")
@pytest.mark.parametrize("strength", [-1000.0, 1000.0])
def test_extreme_strength_stays_finite(strength):
    vectors = gr.FastRP(dimensions=8, normalization_strength=strength).fit_transform(random_graph(100, 400))
    assert np.isfinite(vectors).all()


def test_isolated_nodes():
    graph = gr.as_graph([[0, 1, 2, 3], [1, 2, 3, 0]], num_nodes=7, directed=False)
    model = gr.FastRP(dimensions=16)
    vectors = model.fit_transform(graph)
    for node in (4, 5, 6):
        np.testing.assert_allclose(vectors[node], -model.mean_ / model.scale_, rtol=1e-6)
    apart = gr.FastRP(dimensions=64, self_influence=1.0, sparsity=1.0, standardize=False).fit_transform(graph)
    np.testing.assert_allclose(np.linalg.norm(apart[4:], axis=1), 1, rtol=1e-5)
    assert np.abs(unit_rows(apart[4:]) @ unit_rows(apart[4:]).T - np.eye(3)).max() < 0.6


@pytest.mark.parametrize("graph", [gr.as_graph([[0], [0]]), gr.as_graph(np.zeros((2, 0), dtype=int), num_nodes=3)])
def test_graphs_with_nothing_to_tell(graph):
    vectors = gr.FastRP(dimensions=8).fit_transform(graph)
    np.testing.assert_array_equal(vectors, np.zeros((graph.num_nodes, 8)))


# What it is good for


def test_a_planted_partition_is_found():
    """Right for more than 95 % of hidden labels; chance is 25 %, which the unpropagated projection does not beat."""
    graph, labels = planted_partition()
    vectors = gr.FastRP(dimensions=64).fit_transform(graph)
    test = np.arange(400) % 2 == 0
    assert accuracy(vectors, labels, test) > 0.95
    clusters = KMeans(4, n_init=5, random_state=0).fit_predict(vectors)
    assert adjusted_rand_score(labels, clusters) > 0.9
    untrained = gr.FastRP(dimensions=64, iteration_weights=(), self_influence=1.0).fit_transform(graph)
    assert accuracy(untrained, labels, test) < 0.4


# New nodes


@pytest.mark.parametrize("directed", [False, True])
@pytest.mark.parametrize("standardize", [False, True])
@pytest.mark.parametrize("dimensions", [8, 64])
def test_transform_of_the_fitted_rows_is_the_embedding(directed, standardize, dimensions):
    graph = random_graph(300, 2000, directed=directed, weighted=True)
    model = gr.FastRP(dimensions=dimensions, standardize=standardize).fit(graph)
    for adjacency in (graph, graph.to_scipy(), graph.to_scipy().toarray()):
        np.testing.assert_allclose(model.transform(adjacency), model.embedding_, rtol=1e-3, atol=2e-4)
    few = graph.to_scipy()[[7, 3]]
    np.testing.assert_allclose(model.transform(few), model.embedding_[[7, 3]], rtol=1e-3, atol=2e-4)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.transform(few), model.transform(few))


def test_transform_with_features():
    x = np.random.default_rng(2).standard_normal((300, 6)).astype(np.float32)
    graph = random_graph(300, 2000)
    model = gr.FastRP(dimensions=24, feature_ratio=0.5).fit(graph, features=x)
    np.testing.assert_allclose(model.transform(graph), model.embedding_, rtol=1e-3, atol=2e-4)


def test_transform_leaves_out_self_influence():
    graph = random_graph(200, 900)
    settings = {"dimensions": 16, "standardize": False}
    without = gr.FastRP(**settings).fit_transform(graph)
    model = gr.FastRP(self_influence=3.0, **settings).fit(graph)
    np.testing.assert_allclose(model.transform(graph), without, rtol=1e-3, atol=2e-4)


def test_new_nodes_lie_near_their_neighbours():
    graph, labels = planted_partition()
    model = gr.FastRP(dimensions=64).fit(graph)
    rng = np.random.default_rng(4)
    blocks = np.arange(80) % 4
    adjacency = np.zeros((80, 400))
    for row, block in zip(adjacency, blocks, strict=True):
        row[rng.choice(np.flatnonzero(labels == block), size=6, replace=False)] = 1
    vectors = model.transform(adjacency)
    centres = np.stack([model.embedding_[labels == block].mean(axis=0) for block in range(4)])
    nearest = np.linalg.norm(vectors[:, None] - centres, axis=2).argmin(axis=1)
    assert (nearest == blocks).mean() > 0.95


def test_output_names_and_frames():
    pandas = pytest.importorskip("pandas")
    adjacency = nx.to_scipy_sparse_array(nx.karate_club_graph())
    model = gr.FastRP(dimensions=3).set_output(transform="pandas").fit(adjacency)
    assert model.get_feature_names_out().tolist() == ["fastrp0", "fastrp1", "fastrp2"]
    frame = model.transform(adjacency)
    assert isinstance(frame, pandas.DataFrame)
    assert frame.columns.tolist() == ["fastrp0", "fastrp1", "fastrp2"]


# Tuning


def test_tuning_improves_validation_and_test():
    graph, labels = planted_partition()
    rng = np.random.default_rng(5)
    part = rng.integers(3, size=400)  # 0 trains, 1 validates, 2 tests

    def score_on(vectors, which):
        known = part != (3 - which)
        return accuracy(vectors[known], labels[known], part[known] == which)

    poor = gr.FastRP(dimensions=16, iteration_weights=(1.0, 0.0, 0.0, 0.0), normalization_strength=1.0, sparsity=3.0)
    best, history = tune_fastrp(graph, lambda vectors: score_on(vectors, 1), estimator=poor, trials=12)
    assert len(history) == 12
    assert history[0][1:] == ((1.0, 0.0, 0.0, 0.0), 1.0)
    assert all(trial.iteration_weights[:3] == (1.0, 0.0, 0.0) for trial in history)
    assert all(1 <= trial.iteration_weights[3] <= 64 for trial in history[1:])
    assert all(-1 <= trial.normalization_strength <= 0 for trial in history[1:])
    top = max(history, key=lambda trial: trial.score)
    assert (best.iteration_weights, best.normalization_strength) == top[1:]
    assert best.sparsity == 3.0
    assert not hasattr(best, "embedding_")
    assert top.score > history[0].score + 0.2
    assert score_on(best.fit_transform(graph), 2) > score_on(poor.fit_transform(graph), 2) + 0.2


def test_tuning_is_reproducible_and_leaves_the_estimator_alone():
    graph = nx.karate_club_graph()
    estimator = gr.FastRP(dimensions=4)
    before = estimator.get_params()
    runs = [
        tune_fastrp(graph, lambda vectors: float(vectors[0, 0]), estimator=estimator, trials=3, random_state=seed)
        for seed in (1, 1, 2)
    ]
    assert runs[0][1] == runs[1][1] != runs[2][1]
    assert estimator.get_params() == before
    assert vars(estimator) == before


def test_tuning_prefers_the_given_setting_among_equals():
    best, _ = tune_fastrp(nx.path_graph(4), lambda vectors: 1.0, trials=5)
    assert best.get_params() == gr.FastRP().get_params()


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"trials": 0}, ValueError, "trials must be at least 1, got 0"),
        ({"last_weight": (0.0, 5.0)}, ValueError, "last_weight must be greater than 0, got 0.0"),
        (
            {"last_weight": (5.0, 1.0)},
            ValueError,
            r"last_weight must be \(low, high\) with low <= high, got \(5.0, 1.0\)",
        ),
        ({"last_weight": 3.0}, TypeError, r"last_weight must be a pair \(low, high\), got 3.0"),
        ({"strength": (-1.0, 0.0, 1.0)}, TypeError, r"strength must be a pair \(low, high\)"),
        ({"score": lambda vectors: float("nan")}, ValueError, "score returned NaN for iteration_weights="),
    ],
)
def test_bad_tuning(options, error, message):
    with pytest.raises(error, match=message):
        tune_fastrp(**{"graph": nx.path_graph(4), "score": lambda vectors: 0.0, **options})


# Bad input


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"dimensions": 0}, ValueError, r"dimensions must be at least 1, got 0\."),
        ({"dimensions": 1.5}, TypeError, r"dimensions must be an integer, got 1.5\."),
        ({"iteration_weights": 1.0}, TypeError, r"iteration_weights must be a sequence of numbers, got 1.0\."),
        ({"iteration_weights": "12"}, TypeError, r"iteration_weights must be a sequence of numbers, got '12'\."),
        ({"iteration_weights": [1, "2"]}, TypeError, r"iteration_weights must be a number, got '2'\."),
        ({"precision": "half"}, ValueError, "precision must be one of float32, float16; got 'half'"),
        (
            {"precision": "float16", "feature_ratio": 0.5},
            ValueError,
            'precision="float16" is for random vectors alone; got feature_ratio=0.5',
        ),
        ({"iteration_weights": [np.nan]}, ValueError, r"iteration_weights must be finite, got nan\."),
        ({"iteration_weights": [0.0]}, ValueError, r"iteration_weights and self_influence must not all be zero\."),
        ({"normalization_strength": None}, TypeError, r"normalization_strength must be a number, got None\."),
        ({"self_influence": np.inf}, ValueError, r"self_influence must be finite, got inf\."),
        ({"sparsity": 0.5}, ValueError, r"sparsity must be at least 1, got 0.5\."),
        ({"feature_ratio": 1.5}, ValueError, r"feature_ratio must be at least 0 and at most 1, got 1.5\."),
        ({"feature_ratio": 0.5}, ValueError, r"features or graph.x must be given if feature_ratio is above 0\."),
        ({"random_state": -1}, ValueError, r"the seed must lie in"),
        ({"n_jobs": 0}, ValueError, r"n_jobs must not be 0"),
    ],
)
def test_bad_parameters(options, error, message):
    with pytest.raises(error, match=message):
        gr.FastRP(**options).fit(nx.path_graph(4))


def test_bad_features_and_rows():
    model = gr.FastRP(dimensions=8, feature_ratio=0.5)
    with pytest.raises(ValueError, match=r"features must have shape \(4, num_features\), got \(3, 2\)"):
        model.fit(nx.path_graph(4), features=np.ones((3, 2)))
    with pytest.raises(ValueError, match="features must be finite, but 1 of its entries"):
        model.fit(nx.path_graph(4), features=[[0], [1], [np.nan], [2]])
    model = gr.FastRP(dimensions=8).fit(nx.path_graph(4))
    with pytest.raises(ValueError, match=r"new must not have negative weights, got -1.0\."):
        model.transform(-np.eye(4))
    with pytest.raises(ValueError, match="3 features, but FastRP is expecting 4"):
        model.transform(np.eye(3))
