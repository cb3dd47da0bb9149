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


def unit(x):
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def svd(x, columns):
    left, values, _ = np.linalg.svd(x, full_matrices=False)
    return (left * values)[:, :columns]


def propagation(graph):
    a = graph.to_scipy().toarray() + np.eye(graph.num_nodes)
    scale = 1 / np.sqrt(a.sum(1))
    return scale[:, None] * a * scale


def test_baselines_are_k_means_on_three_tables(ring_of_blobs):
    from sklearn.cluster import KMeans

    graph, _ = ring_of_blobs
    found = clustering_baselines(graph, 3, hops=1, components=5, n_init=4, communities=False, random_state=7)
    assert list(found) == ["features", "propagated features", "several hops"]
    assert found.hops == 1
    s, x = propagation(graph), unit(graph.x.astype(np.float64))
    wide = svd(x, 10)
    several = [unit(svd(np.linalg.matrix_power(s, hops) @ wide, 5)) for hops in (0, 1, 2, 4)]
    tables = unit(svd(x, 5)), unit(s @ svd(x, 5)), np.hstack(several)
    for labels, table in zip(found.values(), tables, strict=True):
        assert labels.dtype == np.int64
        expected = KMeans(3, n_init=4, random_state=7).fit_predict(table)
        assert metrics.adjusted_rand_score(labels, expected) == 1
    hopless = clustering_baselines(graph, 3, hops=0, n_init=4)
    np.testing.assert_array_equal(hopless["features"], hopless["propagated features"])


def test_hops_are_the_fewest_of_nearly_the_best_modularity(ring_of_blobs):
    graph, _ = ring_of_blobs
    single = {hops: clustering_baselines(graph, 3, hops=hops, communities=False) for hops in (0, 1, 2, 4, 8, 16)}
    quality = {hops: found.modularity["propagated features"] for hops, found in single.items()}
    best = min(hops for hops in quality if quality[hops] >= max(quality.values()) - 0.005)
    chosen = clustering_baselines(graph, 3, communities=False)
    assert chosen.hops == best
    np.testing.assert_array_equal(chosen["propagated features"], single[best]["propagated features"])


def test_long_rows_do_not_decide():
    """k-means without unit rows finds the lengths."""
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1, 2], 40)
    ends = rng.integers(120, size=(2, 1500))
    ends = ends[:, (y[ends[0]] == y[ends[1]]) | (rng.random(1500) < 0.05)]
    x = (np.eye(3, 12)[y] + 0.3 * rng.standard_normal((120, 12))) * np.exp(1.5 * rng.standard_normal((120, 1)))
    graph = gr.as_graph(ends, num_nodes=120, directed=False, self_loops=False, merge="max", x=x)
    plain = gr.evaluate.clustering(y, gr.evaluate.clustering.__globals__["k_means"](x, 3, n_init=10, seed=0)[1])
    found = clustering_baselines(graph, 3)
    assert plain["accuracy"] < 0.7 < 0.95 < clustering(y, found["features"])["accuracy"]
    assert clustering(y, found["propagated features"])["accuracy"] > 0.98


def by_definition(graph, labels):
    a = graph.to_undirected().to_scipy().toarray().astype(np.float64)
    labels, total, degree = np.asarray(labels), a.sum(), a.sum(1)
    together = labels[:, None] == labels
    return float(((a - np.outer(degree, degree) / total) * together).sum() / total)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("directed", [False, True])
def test_modularity_is_its_definition(weighted, directed):
    rng = np.random.default_rng(5)
    ends, labels = rng.integers(20, size=(2, 50)), rng.integers(4, size=23)
    weights = rng.random(50).astype(np.float32) if weighted else None
    graph = gr.as_graph(ends, num_nodes=23, directed=directed, weights=weights, merge="sum")
    assert gr.evaluate.modularity(graph, labels) == pytest.approx(by_definition(graph, labels), abs=1e-6)
    assert gr.evaluate.modularity(graph, labels.astype(str)) == gr.evaluate.modularity(graph, labels)


def test_modularity_agrees_with_networkx_and_refuses_what_are_no_labels():
    import networkx as nx

    club = nx.karate_club_graph()
    sides = np.array([club.nodes[node]["club"] == "Officer" for node in club])
    groups = [set(np.flatnonzero(sides)), set(np.flatnonzero(~sides))]
    expected = nx.community.modularity(club, groups)
    assert gr.evaluate.modularity(club, sides) == pytest.approx(expected)
    assert gr.evaluate.modularity(gr.as_graph([], num_nodes=2, directed=False), [0, 1]) == 0
    for wrong in (sides[:-1], sides[:, None], sides.astype(float)):
        with pytest.raises(ValueError, match=r"labels"):
            gr.evaluate.modularity(club, wrong)


def test_communities_need_no_features_and_merge_to_the_number_of_clusters():
    import networkx as nx

    cliques = nx.ring_of_cliques(8, 6)
    cliques.add_nodes_from(range(48, 50))  # without edges
    found = clustering_baselines(cliques, 4)
    names = ["Louvain", "Leiden", "label propagation"]
    assert list(found) == [row for name in names for row in (name, f"{name}, merged")]
    assert found.hops is None
    truth = np.append(np.arange(48) // 6, [8, 8])
    for name in ("Louvain", "Leiden"):
        assert metrics.adjusted_rand_score(truth, found[name]) == 1
    merged = found["Louvain, merged"]
    assert len(np.unique(merged)) == 4
    # pairs of adjacent cliques: no other division into four has a higher modularity
    assert found.modularity["Louvain, merged"] == pytest.approx(4 * (62 / 256 * 1 - 1 / 16), abs=2e-2)
    assert len(np.unique(merged[48:])) == 1
    for clique in range(8):
        assert len(np.unique(merged[6 * clique : 6 * clique + 6])) == 1
    for name, labels in found.items():
        assert found.modularity[name] == pytest.approx(gr.evaluate.modularity(cliques, labels))


def test_without_a_number_of_clusters_there_are_communities_only():
    import networkx as nx

    graph = gr.as_graph(nx.karate_club_graph(), x=np.eye(34))
    found = clustering_baselines(graph)
    assert list(found) == ["Louvain", "Leiden", "label propagation"]
    assert found.modularity["Leiden"] == pytest.approx(0.445, abs=0.002)  # the largest there is, with these weights
    with pytest.raises(ValueError, match="n_clusters must be given if communities is False"):
        clustering_baselines(graph, communities=False)


def test_leiden_needs_igraph_and_leaves_its_random_numbers_alone(monkeypatch):
    import random

    import networkx as nx

    state = random.getstate()
    first, again = (clustering_baselines(nx.karate_club_graph(), 4)["Leiden"] for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert random.getstate() == state
    monkeypatch.setattr("graphrep.evaluate.untrained_clusters.has_igraph", lambda: False)
    assert not [name for name in clustering_baselines(nx.karate_club_graph(), 4) if "Leiden" in name]


def test_many_communities_are_merged_in_bounded_time():
    """3,000 components: more than are merged pair by pair."""
    ends = np.arange(6000).reshape(3000, 2).T
    merged = clustering_baselines(gr.as_graph(ends, num_nodes=6000, directed=False), 5)["Louvain, merged"]
    assert len(np.unique(merged)) == 5
    assert (merged[::2] == merged[1::2]).all()


def test_a_graph_without_edges():
    graph = gr.as_graph([], num_nodes=6, directed=False, x=np.repeat([[0.0, 1.0], [1.0, 0.0]], 3, axis=0))
    found = clustering_baselines(graph, 2)
    assert clustering([0, 0, 0, 1, 1, 1], found["features"])["accuracy"] == 1
    assert found.hops == 0
    assert not found["Louvain"].any()


@pytest.fixture(scope="module")
def noise():
    """Features without clusters, so that the labels tell of every step to them."""
    rng = np.random.default_rng(1)
    ends = rng.integers(80, size=(2, 200))
    return gr.as_graph(ends, num_nodes=80, directed=False, x=rng.standard_normal((80, 60)).astype(np.float32))


def test_defaults_are_as_documented(noise):
    default = clustering_baselines(noise, 5)
    explicit = clustering_baselines(
        noise, 5, hops=(0, 1, 2, 4, 8, 16), components=64, n_init=10, communities=True, random_state=0
    )
    for name, labels in default.items():
        np.testing.assert_array_equal(labels, explicit[name])
    for options in ({"components": 4}, {"normalize": False}):
        other = clustering_baselines(noise, 5, **options)
        assert any((other[name] != default[name]).any() for name in ("features", "several hops"))
    once = [clustering_baselines(noise, 5, n_init=1, communities=False, random_state=seed) for seed in range(4)]
    often = [clustering_baselines(noise, 5, communities=False, random_state=seed) for seed in range(4)]
    assert any((one["features"] != other["features"]).any() for one, other in zip(once, often, strict=True))


@pytest.mark.parametrize("threads", [1, 2])
def test_the_seed_decides_and_the_global_state_does_not(noise, threads):
    from threadpoolctl import threadpool_limits

    runs = []
    for seed, state in ((0, 1), (0, 2), (2, 1)):
        np.random.seed(state)  # noqa: NPY002
        with threadpool_limits(threads if state == 2 else 1):
            runs.append(clustering_baselines(noise, 5, n_init=1, components=8, random_state=seed))
    for name, labels in runs[0].items():
        np.testing.assert_array_equal(labels, runs[1][name])
    assert any((labels != runs[2][name]).any() for name, labels in runs[0].items())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"hops": -1}, "hops must be at least 0"),
        ({"hops": []}, "hops must have at least one number"),
        ({"components": 0}, "components must be at least 1"),
        ({"n_clusters": 0}, "n_clusters must be at least 1"),
        ({"n_clusters": 81}, "n_clusters must be at most the number of nodes, 80; got 81"),
    ],
)
def test_baselines_refuse(noise, options, message):
    with pytest.raises(ValueError, match=message):
        clustering_baselines(noise, **({"n_clusters": 5} | options))


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
