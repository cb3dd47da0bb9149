from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn import metrics

import graphrep as gr
from graphrep.evaluate import clustering, clustering_baselines


def test_a_table_of_five_nodes():
    """Cluster 5 holds a, a, b; cluster 2 holds b, b."""
    result = clustering(["a", "a", "b", "b", "b"], [5, 5, 5, 2, 2])
    assert result["accuracy"] == pytest.approx(4 / 5)
    assert result["macro_f1"] == pytest.approx((4 / 5 + 4 / 5) / 2)
    assert result["ari"] == pytest.approx((2 - 4 * 4 / 10) / (4 - 4 * 4 / 10))
    h = -(0.4 * np.log(0.4) + 0.6 * np.log(0.6))
    mutual = 0.4 * np.log(0.4 / 0.24) + 0.2 * np.log(0.2 / 0.36) + 0.4 * np.log(0.4 / 0.24)
    assert result["nmi"] == pytest.approx(mutual / h)
    assert result.matching == {5: "a", 2: "b"}
    assert (result.num_nodes, result.num_classes, result.num_clusters) == (5, 2, 2)


def test_it_is_a_mapping_and_a_table():
    result = clustering([0, 0, 1, 1], [5, 5, 5, 2])
    assert list(result) == ["accuracy", "nmi", "ari", "macro_f1"]
    assert len(result) == 4
    assert dict(result) == result.scores
    title, head, _, row = repr(clustering([0, 0, 1, 1, 2, -1], [5, 5, 5, 2, 2, 2])).splitlines()
    assert title == "2 clusters against 3 classes on 5 nodes"
    assert head.split() == ["accuracy", "NMI", "ARI", "macro-F1"]
    assert len(row.split()) == 4


def test_labels_of_an_estimator_and_of_any_kind():
    y = np.array([0, 0, 1, 1, 2])
    expected = clustering(y, y[::-1]).scores
    assert clustering(y, SimpleNamespace(labels_=y[::-1])).scores == expected
    for kind in (np.uint8, str, object):
        assert clustering(y.astype(kind), y[::-1].astype(kind)).scores == pytest.approx(expected)
    both = clustering(np.array([True, False]), np.array([False, True]))
    assert both["accuracy"] == 1
    names = clustering(np.array(["x", -1, "x"], dtype=object), [0, 1, 0])
    assert (names.num_nodes, names["accuracy"]) == (3, 1.0)  # among names, -1 is a name


def test_one_node_and_nodes_all_apart():
    assert dict(clustering([3], [7])) == {"accuracy": 1.0, "nmi": 1.0, "ari": 1.0, "macro_f1": 1.0}
    y = np.arange(6)
    assert dict(clustering(y, y)) == pytest.approx({"accuracy": 1.0, "nmi": 1.0, "ari": 1.0, "macro_f1": 1.0})
    apart = clustering(np.zeros(6, int), y)
    assert apart["accuracy"] == pytest.approx(1 / 6)
    assert apart["nmi"] == pytest.approx(0, abs=1e-12)
    assert apart["ari"] == metrics.adjusted_rand_score(np.zeros(6, int), y) == 0


def test_independent_groups_share_no_information():
    y, labels = np.divmod(np.arange(16), 4)
    result = clustering(y, labels)
    assert result["nmi"] == pytest.approx(0, abs=1e-12)
    assert result["nmi"] >= 0
    assert result["ari"] == pytest.approx(metrics.adjusted_rand_score(y, labels))
    assert result["ari"] < 0


@pytest.mark.parametrize("y", [np.zeros((2, 2), int), np.array([1 + 0j, 2]), np.array(3)])
def test_other_shapes_and_kinds_are_refused(y):
    with pytest.raises(ValueError, match="y must hold one integer or string per node"):
        clustering(y, [0, 1])
    with pytest.raises(ValueError, match="labels must hold one integer or string per node"):
        clustering([0, 1], y)


# Clusters without training


@pytest.fixture(scope="module")
def ring_of_blobs():
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1, 2], 20)
    ends = np.stack(np.nonzero(np.triu(y[:, None] == y, k=1) & (rng.random((60, 60)) < 0.3)))
    x = (np.eye(3, 40)[y] * 4 + rng.standard_normal((60, 40))).astype(np.float32)
    return gr.as_graph(ends, num_nodes=60, directed=False, x=x), y


def test_baselines_are_k_means_on_three_tables(ring_of_blobs):
    from sklearn.cluster import KMeans
    from sklearn.decomposition import PCA

    graph, _ = ring_of_blobs
    found = clustering_baselines(graph, 3, hops=1, components=5, n_init=4, random_state=7)
    assert list(found) == ["features", "propagated features", "PCA of propagated features"]
    smooth = gr.evaluate.smooth_features(graph, graph.x, 1)
    reduced = PCA(5, svd_solver="full").fit_transform(smooth)
    for labels, table in zip(found.values(), (graph.x, smooth, reduced), strict=True):
        assert labels.dtype == np.int64
        expected = KMeans(3, n_init=4, random_state=7).fit_predict(table)
        assert metrics.adjusted_rand_score(labels, expected) == 1
    hopless = clustering_baselines(graph, 3, hops=0, n_init=4)
    np.testing.assert_array_equal(hopless["features"], hopless["propagated features"])


@pytest.fixture(scope="module")
def noise():
    """Features without clusters, so that the labels tell of every step to them."""
    rng = np.random.default_rng(1)
    ends = rng.integers(80, size=(2, 200))
    return gr.as_graph(ends, num_nodes=80, directed=False, x=rng.standard_normal((80, 60)).astype(np.float32))


def test_defaults_are_two_hops_and_seed_zero(noise):
    default = clustering_baselines(noise, 5)
    explicit = clustering_baselines(noise, 5, hops=2, components=32, n_init=20, random_state=0)
    for name, labels in default.items():
        np.testing.assert_array_equal(labels, explicit[name])
    table = "PCA of propagated features"
    for options in ({"hops": 1}, {"components": 4}, {"n_init": 1}):
        assert (clustering_baselines(noise, 5, **options)[table] != default[table]).any()


def test_the_seed_decides_and_the_global_state_does_not(noise):
    runs = []
    for seed, state in ((0, 1), (0, 2), (2, 1)):
        np.random.seed(state)  # noqa: NPY002
        runs.append(clustering_baselines(noise, 5, n_init=1, components=8, random_state=seed))
    for name, labels in runs[0].items():
        np.testing.assert_array_equal(labels, runs[1][name])
        assert (labels != runs[2][name]).any()


def test_sparse_features_and_few_components(ring_of_blobs):
    graph, _ = ring_of_blobs
    sparse = gr.as_graph(graph, x=sp.csr_array(graph.x))
    one, other = clustering_baselines(graph, 3, random_state=1), clustering_baselines(sparse, 3, random_state=1)
    for name, labels in one.items():
        assert metrics.adjusted_rand_score(labels, other[name]) == 1
    narrow = gr.as_graph([[0, 1], [1, 2]], directed=False, x=np.array([[0.0], [1.0], [9.0]]))
    assert set(map(len, clustering_baselines(narrow, 2).values())) == {3}


def test_as_many_clusters_as_nodes_and_no_more():
    graph = gr.as_graph([[0, 1], [1, 2]], directed=False, x=np.array([[0.0], [5.0], [9.0]]))
    found = clustering_baselines(graph, 3, n_init=1)["features"]
    assert sorted(found.tolist()) == [0, 1, 2]
    with pytest.raises(ValueError, match="n_clusters must be at most the number of nodes, 3; got 4"):
        clustering_baselines(graph, 4)
    with pytest.raises(ValueError, match="n_clusters must be at least 1, got 0"):
        clustering_baselines(graph, 0)
    equal = gr.as_graph([[0, 1], [1, 2]], directed=False, x=np.ones((3, 1)))
    assert set(clustering_baselines(equal, 2, n_init=1)["features"].tolist()) <= {0, 1}  # and no warning
