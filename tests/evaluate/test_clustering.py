from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from sklearn import metrics

import graphrep as gr
from graphrep.evaluate import clustering, clustering_baselines


@pytest.mark.parametrize(("classes", "clusters"), [(3, 3), (2, 4), (4, 2), (1, 3), (3, 1), (1, 1)])
def test_scores_are_those_of_brute_force_and_scikit_learn(classes, clusters):
    rng = np.random.default_rng(classes + 10 * clusters)
    y, labels = rng.integers(classes, size=60), rng.integers(clusters, size=60)
    result = clustering(y, labels)
    assert result["nmi"] == pytest.approx(metrics.normalized_mutual_info_score(y, labels), abs=1e-12)
    assert result["ari"] == pytest.approx(metrics.adjusted_rand_score(y, labels), abs=1e-12)
    width = max(classes, clusters)
    accuracies = [np.mean(np.array(names)[labels] == y) for names in permutations(range(width))]
    assert result["accuracy"] == pytest.approx(max(accuracies))
    assert (result.num_classes, result.num_clusters) == (len(set(y)), len(set(labels)))
    if classes == clusters == 3:
        matched = np.array([result.matching[label] for label in labels.tolist()])
        assert result["macro_f1"] == pytest.approx(metrics.f1_score(y, matched, average="macro"))


def test_names_do_not_matter():
    y = np.array(["a", "b", "c", "a", "b", "c", "c"])
    result = clustering(y, np.array([7, 7, -3, 0, 7, -3, -3]))
    assert result.matching == {-3: "c", 0: "a", 7: "b"}
    assert result["accuracy"] == pytest.approx(6 / 7)
    assert dict(clustering(y, y)) == {"accuracy": 1, "nmi": pytest.approx(1), "ari": 1, "macro_f1": 1}


def test_a_class_without_a_cluster_counts_in_macro_f1():
    result = clustering([0, 0, 1, 1], [0, 0, 0, 0])
    assert result["macro_f1"] == pytest.approx((2 / 3 + 0) / 2)


def test_unlabelled_nodes_are_left_out():
    assert clustering([0, 1, -1, -1], [1, 0, 0, 0]).scores["accuracy"] == 1
    assert clustering([0, 1, -1, -1], [1, 0, 0, 0]).num_nodes == 2


@pytest.mark.parametrize(
    ("y", "labels", "message"),
    [
        ([0, 1], [0, 1, 1], "y and labels must have the same length, got 2 and 3"),
        ([0.5, 1.0], [0, 1], "y must hold one integer or string per node, got float64"),
        ([0, 1], [[0], [1]], r"labels must hold one integer or string per node, got int64 \(2, 1\)"),
        ([-1, -1], [0, 1], "y must have a labeled node"),
    ],
)
def test_bad_input(y, labels, message):
    with pytest.raises(ValueError, match=message):
        clustering(y, labels)


def test_baselines_profit_from_the_graph():
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1, 2], 50)
    ends = rng.integers(150, size=(2, 6000))
    ends = ends[:, (y[ends[0]] == y[ends[1]]) | (rng.random(6000) < 0.05)]
    x = rng.standard_normal((150, 8)) + np.eye(3, 8)[y]
    graph = gr.as_graph(ends, num_nodes=150, directed=False, self_loops=False, merge="max", x=x)
    found = clustering_baselines(graph, 3, random_state=0)
    accuracy = {name: clustering(y, labels)["accuracy"] for name, labels in found.items()}
    assert accuracy["features"] < 0.85
    assert accuracy["propagated features"] > 0.95
    assert accuracy["several hops"] > 0.95
    assert accuracy["Louvain, merged"] > 0.9
    again = clustering_baselines(graph, 3, random_state=0)
    assert all(np.array_equal(found[name], again[name]) for name in found)
    with pytest.raises(ValueError, match="n_clusters must be at most the number of nodes, 150; got 200"):
        clustering_baselines(graph, 200)
    with pytest.raises(ValueError, match="graph must have features x"):
        clustering_baselines([[0], [1]], 1, communities=False)
