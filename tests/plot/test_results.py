"""Pictures of results: what is drawn is what the definitions say, and what is refused."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
from sklearn.metrics import confusion_matrix, precision_recall_curve

import graphrep as gr
from graphrep.bench import results, tasks
from graphrep.plot.clusters import ordered
from graphrep.plot.judging import bin_edges, precision_and_recall

pytest.importorskip("matplotlib")
from matplotlib.figure import Figure


def axes():
    return Figure().add_subplot()


def texts(found):
    return [text.get_text() for text in found.texts]


@pytest.fixture(scope="module")
def split():
    return gr.evaluate.random_link_split(nx.karate_club_graph(), test=0.3, random_state=0)


@pytest.fixture(scope="module")
def bench():
    cells = [
        results.Cell(name, "links", baseline, runs=[results.Run(0, 9.0, seconds, {"auc": [0.5, value]})])
        for name, baseline, seconds, value in [
            ("fast", False, 1.0, 0.7),
            ("slow", False, 8.0, 0.6),
            ("aa", True, 0, 0.5),
        ]
    ]
    cells.append(results.Cell("broken", "links", state="failed"))
    protocol = tasks.Protocol(8, 2, 0.5, 0.1, 0.05, None, None, None, 0, "random")
    return results.Benchmark({"name": "g"}, protocol, cells)


# Quality against time


def points(found):
    return {float(box.lines[0].get_xdata()[0]): float(box.lines[0].get_ydata()[0]) for box in found.containers}


def test_a_benchmark_and_its_file_are_the_same_picture(bench, tmp_path):
    bench.save(tmp_path / "b.json")
    for given in (bench, tmp_path / "b.json"):
        found = gr.plot.quality(given, ax=axes())
        assert points(found) == {0.001: 0.5, 1.0: 0.6, 8.0: pytest.approx(0.55)}
        assert sorted(texts(found)) == ["aa", "fast", "slow"]
        assert (found.get_xlabel(), found.get_ylabel()) == ("CPU seconds of a fit", "AUC")
        best = next(line for line in found.lines if line.get_drawstyle() == "steps-post")
        assert best.get_xydata().tolist() == [[0.001, 0.5], [1.0, 0.6]]  # slow is beaten in less time
    assert set(points(gr.plot.quality(bench, clock="wall", ax=axes()))) == {9.0}


def test_a_comparison_takes_seconds_and_the_rest_are_lines(split):
    vectors = gr.FastRP(dimensions=8).fit_transform(split.graph)
    table = gr.evaluate.compare({"mine": vectors}, split, metrics=["auc"], operator="dot")
    found = gr.plot.quality(table, "auc", seconds={"mine": 0.5, "Adamic-Adar": 0.01}, ax=axes())
    assert points(found) == {0.5: table["mine"]["auc"], 0.01: table["Adamic-Adar"]["auc"]}
    assert sorted(texts(found)) == sorted(table)
    colors = {text.get_text(): text.get_color() for text in found.texts}
    assert colors["mine"] != colors["Adamic-Adar"] == colors["random"]


def test_numbers_are_a_mean_and_an_unbiased_deviation(tmp_path):
    found = gr.plot.quality(
        {"a": [1.0, 2.0, 4.5], "$b$": 2}, "NMI", seconds={"a": 3, "$b$": 1}, path=tmp_path / "q.svg"
    )
    (bar,) = [box.lines[2][0].get_segments()[0] for box in found.containers if box.lines[0].get_xdata()[0] == 3]
    np.testing.assert_allclose(np.diff(bar[:, 1]), 2 * np.std([1, 2, 4.5], ddof=1))
    assert "$b$" in (tmp_path / "q.svg").read_text()


def test_quality_refuses_in_a_sentence(bench, split):
    labels = gr.evaluate.node_classification(
        np.random.default_rng(0).standard_normal((40, 3)), np.arange(40) % 2, ratios=[0.5, 0.8], repeats=2
    )
    empty = results.Benchmark({}, bench.protocol, [])
    for given, options, message in (
        (bench, {"metric": "mrr"}, "must be one of auc"),
        (bench, {"task": "labels"}, "must be one of links"),
        (bench, {"seconds": {"fast": 1}}, "holds its own"),
        (bench, {"clock": "sun"}, "must be cpu or wall"),
        (empty, {}, "nothing to draw"),
        ([1], {}, "must be a Benchmark"),
        ({}, {}, "an empty one"),
        ({"a": 1.0}, {}, "seconds must hold seconds of the fits of a, got none"),
        ({"a": 1.0}, {"seconds": {"b": 1}}, "got 'b'"),
        ({"a": 1.0}, {"seconds": {"a": -1}}, r"seconds\['a'\]"),
        ({"a": float("nan")}, {"seconds": {"a": 1}}, "must be numbers"),
        ({"a": 1.0}, {"seconds": {"a": 1}, "task": "links"}, "task must be left out"),
        ({"a": labels}, {"seconds": {"a": 1}, "metric": "accuracy"}, "2 train shares"),
        ({"a": labels}, {"seconds": {"a": 1}, "metric": "auc"}, "must be one of"),
    ):
        with pytest.raises(ValueError, match=message):
            gr.plot.quality(given, ax=axes(), **options)


# Scores of pairs


def test_precision_and_recall_are_those_of_scikit_learn():
    rng = np.random.default_rng(0)
    pos, neg = rng.integers(0, 6, 30) / 5, rng.integers(0, 5, 80) / 5
    recall, precision = precision_and_recall(pos, neg)
    want, at, _ = precision_recall_curve(np.repeat([1, 0], [30, 80]), np.concatenate([pos, neg]))
    np.testing.assert_allclose(recall[1:], at[-2::-1])
    np.testing.assert_allclose(precision[1:], want[-2::-1])
    assert (recall[0], precision[0]) == (0, precision[1])
    long = precision_and_recall(rng.standard_normal(20_000) + 1, rng.standard_normal(20_000))
    assert 1_000 < len(long[0]) < 5_000
    assert long[0][-1] == 1


def test_curves_carry_their_names_and_average_precision(split, tmp_path):
    some = {"RA": lambda pairs: gr.heuristics.resource_allocation(split.graph, pairs)}
    some["vectors"] = gr.FastRP(dimensions=8).fit_transform(split.graph)
    found = gr.plot.precision_recall(some, split, operator="dot", path=tmp_path / "p.svg")
    for name, scorer in some.items():
        value = gr.evaluate.link_prediction(scorer, split, metrics=["ap"], operator="dot")["ap"]
        assert f"{name} {value:.3f}" in texts(found)
    pair = {"RA": ([0.9, 0.4], [0.5, 0.1])}
    assert texts(gr.plot.precision_recall(pair, ax=axes())) == ["RA 0.833"]


def test_scores_refuse_in_a_sentence(split):
    good = ([1.0], [0.0])
    for call, given, error, message in (
        (gr.plot.precision_recall, {}, ValueError, "1 to 8"),
        (gr.plot.precision_recall, [good], ValueError, "got list"),
        (gr.plot.precision_recall, {"a": good, "b": ([1.0], [0.0, 2.0])}, ValueError, "the same pairs"),
        (gr.plot.precision_recall, {"a": ([1.0], [[0.0]])}, ValueError, "that all edges share"),
        (gr.plot.precision_recall, {"a": lambda pairs: pairs}, TypeError, "or pass split"),
        (gr.plot.score_distribution, ([1.0], [np.nan]), ValueError, "NaN"),
        (gr.plot.score_distribution, ([np.inf], [-np.inf]), ValueError, "no score is finite"),
    ):
        with pytest.raises(error, match=message):
            call(given, ax=axes())
    with pytest.raises(ValueError, match="part must be test or valid"):
        gr.plot.score_distribution(np.zeros((34, 2)), split, part="train", ax=axes())


def test_the_bins_hold_all_scores():
    rng = np.random.default_rng(0)
    pos, neg = np.append(rng.standard_normal(2_000) + 2, np.inf), np.append(rng.standard_normal(3_000), -1e6)
    found = gr.plot.score_distribution((pos, neg), ax=axes())
    shares = [patch.get_data().values for patch in found.patches]
    np.testing.assert_allclose([share.sum() for share in shares], 1)
    assert {text.get_text() for text in found.texts} == {"edges", "other pairs"}
    caption = found.get_title(loc="left")
    assert f"AUC {gr.evaluate.roc_auc(pos, neg):.4f}" in caption
    low, high = found.get_xlim()
    assert f"; {((pos > high) | (pos < low)).sum() + ((neg < low) | (neg > high)).sum()} in the outermost" in caption
    assert "AUC" not in gr.plot.score_distribution(([1.0, 2.0], [[0.5], [2.5]]), ax=axes()).get_title(loc="left")


@pytest.mark.parametrize(
    ("pos", "neg", "edges"),
    [([3, 1], [0, 0], [-0.5, 0.5, 1.5, 2.5, 3.5]), ([7, 0], [1, 9], [-0.5, 2.5, 5.5, 8.5, 11.5]), ([2.5], [2.5], None)],
)
def test_whole_numbers_have_bins_of_whole_widths(pos, neg, edges):
    found = bin_edges(np.array(pos, dtype=float), np.array(neg, dtype=float), 4)
    np.testing.assert_allclose(found, np.linspace(2, 3, 5) if edges is None else edges)


# Clusters


def cells_of(found):
    return {tuple(map(int, text.get_position()[::-1])): int(text.get_text().replace(",", "")) for text in found.texts}


def test_the_confusion_is_that_of_scikit_learn_in_the_order_of_the_matching():
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1, 2, -1], [20, 50, 30, 5])
    clusters = np.where(rng.random(105) < 0.8, np.array([2, 0, 1, 0])[y], rng.integers(0, 4, 105))
    found = gr.plot.confusion(y, clusters, ax=axes())
    assert [tick.get_text() for tick in found.get_xticklabels()] == ["1", "2", "0"]
    assert [tick.get_text().split()[0] for tick in found.get_yticklabels()] == ["0", "1", "2", "3"]
    full = confusion_matrix(clusters[:100], y[:100], labels=range(4))[:, [1, 2, 0]]
    assert cells_of(found) == {(i, j): full[i, j] for i, j in np.argwhere(full).tolist()}
    assert [patch.get_xy() for patch in found.patches] == [(i - 0.5, i - 0.5) for i in range(3)]
    accuracy = gr.evaluate.clustering(y, clusters)["accuracy"]
    assert found.get_title(loc="left").startswith(f"100 nodes; {100 * accuracy:.1f} %")


def test_smaller_groups_are_summed():
    y = np.repeat(np.arange(6), [9, 8, 7, 3, 2, 1])
    found = gr.plot.confusion(y, [f"c{label}" for label in y], max_groups=4, ax=axes())
    assert cells_of(found) == {(0, 0): 9, (1, 1): 8, (2, 2): 7, (3, 3): 6}
    assert found.get_xticklabels()[3].get_text() == "3 more classes"
    assert found.get_yticklabels()[3].get_text() == "3 more clusters  (6)"
    assert len(found.patches) == 3


def test_a_cluster_without_a_node_of_its_class_has_no_frame():
    rows, cols, places = ordered(np.array([[5, 4], [3, 0]]))
    assert (rows.tolist(), cols.tolist(), places) == ([1, 0], [0, 1], [(0, 0), (1, 1)])
    rows, cols, places = ordered(np.array([[5, 0], [3, 0]]))
    assert (rows.tolist(), cols.tolist(), places) == ([0, 1], [0, 1], [(0, 0)])


def test_the_confusion_refuses_in_a_sentence(tmp_path):
    with pytest.raises(ValueError, match="same length"):
        gr.plot.confusion([0, 1], [0], path=tmp_path / "c.png")
    with pytest.raises(ValueError, match="must be"):
        gr.plot.confusion([0, 1], [0, 1], max_groups=1)
    assert list(tmp_path.iterdir()) == []
