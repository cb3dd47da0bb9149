"""The engine of ``graphrep bench``: what is judged, kept, skipped and refused."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import ClassVar

import networkx as nx
import numpy as np
import pytest
import scipy.sparse as sp

import graphrep as gr
from graphrep.bench import LEARNERS, Learner, baselines, benchmark, engine, read_benchmark, results, tasks, worker
from graphrep.bench.learners import chosen_learners

SIZES = [20, 20, 20]
LABELS = np.repeat(np.arange(3), SIZES)


@pytest.fixture(scope="module")
def blocks():
    shares = np.full((3, 3), 0.02) + np.diag([0.4] * 3)
    network = nx.stochastic_block_model(SIZES, shares, seed=1)
    x = np.eye(3)[LABELS] + np.random.default_rng(0).standard_normal((60, 3)) / 4
    return gr.as_graph(nx.relabel_nodes(network, lambda i: f"n{i}"), x=x)


class Here:
    """Stands for a process: calls run in this one."""

    started = 0

    def __init__(self, threads, *data):
        self.data, self.running = data, False

    def call(self, function, *arguments, timeout=None, **options):
        if not self.running:
            worker.begin(*self.data)
            self.running = True
            Here.started += 1
        return function(*arguments, **options)

    def end(self):
        self.running = False


@pytest.fixture
def here(monkeypatch):
    Here.started = 0
    monkeypatch.setattr(engine, "_Process", Here)
    return Here


class Oracle:
    """Vectors that are the labels, a scorer that knows nothing; counts its fits."""

    fits: ClassVar[list[int]] = []

    def __init__(self, seed=0):
        self.seed = seed

    def fit_transform(self, graph):
        if graph.num_nodes == len(LABELS):
            Oracle.fits.append(self.seed)
        return np.eye(3, dtype=np.float32)[np.arange(graph.num_nodes) * 3 // graph.num_nodes]


def oracle(name="oracle", **options):
    return Learner(name, lambda setting, graph: Oracle(setting.seed), **options)


def options(**given):
    return {"dimensions": 8, "seeds": 2, "splits": 3, "progress": False} | given


def test_what_is_right_scores_one_and_every_value_is_kept(here, blocks):
    found = benchmark(blocks, LABELS, learners=[oracle()], tasks=["labels", "clusters"], **options(baselines=False))
    labels, clusters = found.cell("oracle", "labels"), found.cell("oracle", "clusters")
    assert [run.seed for run in labels.runs] == [0, 1]
    assert labels.values("macro_f1") == [1.0] * 6
    assert (labels.mean("macro_f1"), labels.std("macro_f1")) == (1.0, 0.0)
    assert clusters.values("nmi") == pytest.approx([1.0, 1.0])
    network = blocks.to_networkx()
    sides = [{f"n{i}" for i in np.flatnonzero(c == LABELS)} for c in range(3)]
    assert clusters.mean("modularity") == pytest.approx(nx.community.modularity(network, sides))
    assert labels.seconds("wall") >= 0
    assert labels.fit_mb is not None


def test_values_equal_those_of_the_judges(here, blocks):
    """A cell of FastRP by hand: the same vectors, split and scorer."""
    found = benchmark(
        blocks, LABELS, learners=["fastrp"], tasks=["labels", "links"], **options(baselines=False, seeds=1)
    )
    vectors = gr.FastRP(dimensions=8).fit_transform(blocks)
    by_hand = gr.evaluate.node_classification(vectors, LABELS, ratios=[0.5], repeats=3, normalize="l2", C=10)
    assert found.cell("fastrp", "labels").values("macro_f1") == by_hand.scores["macro_f1"][0].tolist()
    split = gr.evaluate.random_link_split(blocks, test=0.1, valid=0.05, random_state=0, connected=False)
    scorer = gr.EmbeddingScorer(gr.FastRP(dimensions=8).fit_transform(split.graph)).fit(split.graph, val=split)
    expected = gr.evaluate.link_prediction(scorer, split, metrics=["auc"])["auc"]
    assert found.cell("fastrp", "links").values("auc") == [expected]


def test_links_are_learned_from_the_training_edges_only(here, blocks):
    seen = []

    class Spy:
        def fit_transform(self, graph):
            seen.append(graph)
            return np.ones((graph.num_nodes, 2), dtype=np.float32)

    spy = Learner("spy", lambda setting, graph: Spy(), tasks=("links",))
    benchmark(blocks, learners=[spy], tasks=["links"], **options(baselines=False, seeds=1))
    split = gr.evaluate.random_link_split(blocks, test=0.1, valid=0.05, random_state=0, connected=False)
    (graph,) = (one for one in seen if one.num_nodes == 60)
    assert graph.num_edges == split.train.shape[1] < blocks.num_edges
    assert not graph.has_edges(*split.test).any()


def test_learners_never_see_the_labels(here, blocks):
    seen = []
    spy = Learner("spy", lambda setting, graph: lambda g: seen.append(g) or np.ones((g.num_nodes, 2)))
    benchmark(gr.as_graph(blocks, y=LABELS), learners=[spy], tasks=["labels"], **options(baselines=False, seeds=1))
    assert seen
    assert all(graph.y is None for graph in seen)


def test_a_given_split_is_used_and_fixed(here, blocks):
    split = gr.evaluate.random_link_split(blocks, test=0.3, valid=0.1, random_state=7, connected=False)
    found = benchmark(
        blocks, learners=["fastrp", "Adamic-Adar"], tasks=["links"], split=split, **options(baselines=False)
    )
    assert len(found.cell("fastrp", "links").runs) == 2
    assert len(found.cell("Adamic-Adar", "links").runs) == 1  # another seed changes neither split nor score
    by_hand = gr.evaluate.link_prediction(
        lambda pairs: gr.heuristics.adamic_adar(split.graph, pairs), split, metrics=["auc"]
    )["auc"]
    assert found.cell("Adamic-Adar", "links").mean("auc") == by_hand
    assert "the split of the data set" in repr(found)


def test_the_metric_of_a_data_set_comes_first_and_selects(here, blocks):
    found = benchmark(
        blocks, learners=["fastrp", "ncn"], tasks=["links"], metric="hits@5", **options(baselines=False, seeds=1)
    )
    assert list(found.cell("fastrp", "links").runs[0].scores) == ["hits@5", "auc", "hits@2", "mrr"]
    assert found.first_metric("links") == "hits@5"
    assert found.cell("ncn", "links").settings["class"] == "NCN"
    with pytest.raises(ValueError, match="must"):
        benchmark(blocks, tasks=["links"], metric="accuracy", **options())


def test_each_edge_among_its_own_negatives(here, blocks):
    split = gr.evaluate.random_link_split(blocks, test=0.2, valid=0.1, random_state=0, connected=False)
    own = {f"{part}_neg": np.stack([getattr(split, f"{part}_neg")] * 1, axis=1) for part in ("valid", "test")}
    own = {name: np.repeat(value, getattr(split, name[:-4]).shape[1], axis=1) for name, value in own.items()}
    hard = dataclasses.replace(split, **own)
    found = benchmark(blocks, learners=["Adamic-Adar"], tasks=["links"], split=hard, **options(baselines=False))
    cell = found.cell("Adamic-Adar", "links")
    assert cell.state == "done", cell.reason
    assert found.first_metric("links") == "mrr"
    assert next(iter(cell.runs[0].scores)) == "mrr"


def test_several_labels_per_node(here, blocks):
    matrix = np.zeros((60, 4), dtype=bool)
    matrix[np.arange(60), LABELS] = True
    matrix[::2, 3] = True
    matrix[5] = False  # no label: neither trained on nor tested
    for y in (matrix, sp.csr_array(matrix)):
        found = benchmark(blocks, y, learners=["fastrp"], tasks=["labels"], **options(baselines=False, seeds=1))
        assert 0.3 < found.cell("fastrp", "labels").mean("micro_f1") <= 1
        assert found.graph["classes"] == 4
    known = matrix.any(axis=1)
    vectors = gr.FastRP(dimensions=8).fit_transform(blocks)
    expected = gr.evaluate.node_classification(
        vectors[known], matrix[known], ratios=[0.5], repeats=3, normalize="l2", C=10
    ).scores["macro_f1"][0]
    assert found.cell("fastrp", "labels").values("macro_f1") == expected.tolist()


def test_clusters_without_classes(here, blocks):
    """The number is that of the highest modularity; nothing is compared with labels."""
    found = benchmark(blocks, learners=[oracle()], tasks=["clusters"], **options(baselines=False, seeds=1))
    cell = found.cell("oracle", "clusters")
    assert list(cell.runs[0].scores) == ["modularity"]
    assert cell.mean("modularity") == pytest.approx(tasks.modularity(blocks, LABELS))
    assert "the number of highest modularity" in repr(found)
    found = benchmark(blocks, learners=[oracle()], tasks=["clusters"], **options(baselines=False, n_clusters=2))
    assert 0 < found.cell("oracle", "clusters").mean("modularity") < cell.mean("modularity")


@pytest.mark.parametrize("directed", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
def test_modularity_is_that_of_networkx(directed, weighted):
    rng = np.random.default_rng(3)
    ends = rng.integers(12, size=(2, 60))  # with loops
    weights = rng.uniform(0.5, 2, 60).astype(np.float32) if weighted else None
    graph = gr.as_graph(ends, num_nodes=12, weights=weights, directed=directed)
    labels = rng.integers(3, size=12)
    sides = [set(np.flatnonzero(labels == c).tolist()) for c in range(3)]
    expected = nx.community.modularity(graph.to_networkx(), sides)
    assert tasks.modularity(graph, labels) == pytest.approx(expected, abs=1e-6)
    assert tasks.modularity(gr.as_graph([[], []], num_nodes=3), [0, 1, 1]) == 0


def test_a_learner_that_cannot_serve_the_graph_is_a_row_with_the_reason(here, blocks):
    bare = gr.Graph(blocks.indptr, blocks.indices)
    found = benchmark(bare, LABELS, learners=["structcomp", "fastrp"], tasks=["labels"], **options(seeds=1))
    cell = found.cell("structcomp", "labels")
    assert (cell.state, cell.runs) == ("skipped", [])
    assert cell.reason == "it needs node features, which the graph does not have"
    assert f"structcomp: skipped; {cell.reason}" in repr(found)
    assert cell.reason in found.to_markdown()
    assert cell.reason in found._repr_html_()
    directed = gr.as_graph(blocks.edge_index()[:, ::3], num_nodes=60, directed=True, x=blocks.x)
    assert LEARNERS["ncn"].unfit(directed) == "it needs an undirected graph"
    assert LEARNERS["ncn"].unfit(blocks) is None
    large = dataclasses.replace(LEARNERS["fastrp"], max_nodes=59)
    assert large.unfit(blocks) == "it is too slow for 60 nodes; at most 59 are taken"
    wide = dataclasses.replace(LEARNERS["fastrp"], max_edges=10)
    assert wide.unfit(blocks).startswith(f"it is too slow for {blocks.num_edges} edges")


def test_an_error_is_a_row_and_the_others_go_on(here, blocks):
    def broken(setting, graph):
        def run(graph):
            raise ZeroDivisionError("divided by   the number\nof moons.")

        return run

    def hungry(setting, graph):
        def run(graph):
            raise MemoryError("needs 3 TB")

        return run

    def infinite(setting, graph):
        return lambda graph: np.full((graph.num_nodes, 2), np.nan, dtype=np.float32)

    def unbuilt(setting, graph):
        raise ImportError("no module named moons")

    mine = [Learner("broken", broken), Learner("hungry", hungry), Learner("infinite", infinite)]
    mine += [Learner("unbuilt", unbuilt), oracle()]
    found = benchmark(blocks, LABELS, learners=mine, tasks=["labels"], **options(baselines=False, seeds=1))
    cells = {cell.learner: (cell.state, cell.reason) for cell in found.cells}
    assert cells["broken"] == ("failed", "divided by the number of moons")
    assert cells["hungry"] == ("skipped", "needs 3 TB")
    assert cells["infinite"][0] == "failed"
    assert "finite" in cells["infinite"][1]
    assert cells["unbuilt"] == ("failed", "no module named moons")
    assert cells["oracle"] == ("done", "")
    assert found.of_task("labels")[0].learner == "oracle"


def test_warnings_of_a_fit_are_shown(here, blocks):
    import warnings

    def warner(setting, graph):
        def run(graph):
            warnings.warn("the moon is full", UserWarning, stacklevel=1)
            return np.ones((graph.num_nodes, 2), dtype=np.float32)

        return run

    found = benchmark(
        blocks, LABELS, learners=[Learner("warner", warner)], tasks=["labels"], **options(baselines=False)
    )
    assert found.cell("warner", "labels").warnings == ["the moon is full"]
    assert "warner warned: the moon is full" in repr(found)


class TestResume:
    def run(self, blocks, path, **given):
        wanted = options(baselines=False, path=path) | {"learners": [oracle()], "tasks": ["labels"]} | given
        Oracle.fits.clear()
        return benchmark(blocks, LABELS, **wanted)

    def test_what_is_done_is_not_done_again(self, here, blocks, tmp_path):
        path = tmp_path / "r.json"
        first = self.run(blocks, path)
        assert Oracle.fits == [0, 1]
        again = self.run(blocks, path)
        assert (Oracle.fits, here.started) == ([], 1)
        assert again.cells == first.cells == read_benchmark(path).cells
        more = self.run(blocks, path, seeds=3)
        assert Oracle.fits == [2]
        assert [run.seed for run in more.cells[0].runs] == [0, 1, 2]
        both = self.run(blocks, path, seeds=3, tasks=["labels", "clusters"])
        assert Oracle.fits == [0, 1, 2]
        assert {(cell.task, len(cell.runs)) for cell in both.cells} == {("labels", 3), ("clusters", 3)}
        assert {cell.task for cell in read_benchmark(path).cells} == {"labels", "clusters"}
        replaced = self.run(blocks, path, again=True)
        assert Oracle.fits == [0, 1]
        assert len(read_benchmark(path).cells) == len(replaced.cells) == 1

    def test_an_interrupted_run_keeps_its_finished_fits(self, here, blocks, tmp_path):
        path = tmp_path / "r.json"

        class Tired(Oracle):
            def fit_transform(self, graph):
                if graph.num_nodes == 60 and self.seed == 1:
                    raise KeyboardInterrupt
                return super().fit_transform(graph)

        tired = Learner("oracle", lambda setting, graph: Tired(setting.seed))
        with pytest.raises(KeyboardInterrupt):
            self.run(blocks, path, learners=[tired])
        assert [run.seed for run in read_benchmark(path).cells[0].runs] == [0]
        self.run(blocks, path)
        assert Oracle.fits == [1]

    def test_other_learners_and_tasks_of_the_file_are_kept(self, here, blocks, tmp_path):
        path = tmp_path / "r.json"
        self.run(blocks, path)
        second = self.run(blocks, path, learners=["fastrp"])
        assert [cell.learner for cell in second.cells] == ["fastrp"]
        assert {cell.learner for cell in read_benchmark(path).cells} == {"oracle", "fastrp"}

    def test_another_limit_of_time_keeps_what_does_not_depend_on_it(self, here, blocks, tmp_path):
        path = tmp_path / "r.json"
        self.run(blocks, path, max_seconds=100.0)
        self.run(blocks, path, max_seconds=200.0)
        assert Oracle.fits == []
        assert read_benchmark(path).protocol.max_seconds == 200

    def test_a_stopped_cell_is_tried_again_under_another_limit_only(self, here, blocks, tmp_path, monkeypatch):
        path = tmp_path / "r.json"

        def slow(process, function, *arguments, timeout=None, **options):
            if timeout == 5:
                raise TimeoutError
            return call(process, function, *arguments, **options)

        call = Here.call
        monkeypatch.setattr(Here, "call", slow)
        found = self.run(blocks, path, max_seconds=5.0)
        assert (found.cells[0].state, found.cells[0].reason) == ("stopped", "a fit took longer than 5 s")
        monkeypatch.setattr(Here, "call", call)
        again = self.run(blocks, path, max_seconds=5.0, tasks=["labels", "clusters"])
        assert {cell.state for cell in again.cells} == {"stopped"}
        assert Oracle.fits == []
        assert {cell.state for cell in self.run(blocks, path, max_seconds=6.0).cells} == {"done"}

    def test_a_failed_cell_is_tried_again(self, here, blocks, tmp_path):
        path = tmp_path / "r.json"

        def broken(setting, graph):
            raise ValueError("not today")

        found = self.run(blocks, path, learners=[Learner("oracle", broken)])
        assert found.cells[0].state == "failed"
        assert self.run(blocks, path).cells[0].state == "done"

    def test_other_settings_of_a_learner_are_fitted_anew(self, here, blocks, tmp_path):
        path = tmp_path / "r.json"
        old = self.run(blocks, path, learners={"mine": gr.FastRP(dimensions=4)}, seeds=1)
        new = self.run(blocks, path, learners={"mine": gr.FastRP(dimensions=4, self_influence=1.0)}, seeds=1)
        assert old.cells[0].settings["self_influence"] == 0.0
        assert new.cells[0].settings["self_influence"] == 1.0
        assert old.cells[0].runs[0].wall_seconds != new.cells[0].runs[0].wall_seconds

    @pytest.mark.parametrize(
        ("given", "message"),
        [
            (
                {"dimensions": 16},
                r"r\.json holds results with dimensions=8; give the same, another path, or again=True",
            ),
            ({"metric": "hits@3"}, "holds results with link_metric=None"),
            ({"splits": 2, "train_share": 0.2}, r"holds results with splits=3, train_share=0.5"),
        ],
    )
    def test_another_protocol_is_refused(self, here, blocks, tmp_path, given, message):
        self.run(blocks, tmp_path / "r.json")
        before = (tmp_path / "r.json").read_bytes()
        with pytest.raises(ValueError, match=message):
            self.run(blocks, tmp_path / "r.json", **given)
        assert (tmp_path / "r.json").read_bytes() == before

    def test_another_graph_is_refused(self, here, blocks, tmp_path):
        self.run(blocks, tmp_path / "r.json")
        other = gr.as_graph(blocks, x=np.asarray(blocks.x) * 2)
        with pytest.raises(ValueError, match="holds results of another graph; give another path, or again=True"):
            self.run(other, tmp_path / "r.json")


def test_json_has_a_fixed_form(here, blocks, tmp_path):
    path = tmp_path / "r.json"
    found = benchmark(
        blocks, LABELS, learners=["fastrp", "structcomp"], tasks=["labels", "links"], name="blocks", path=path,
        **options(baselines=False, seeds=1),
    )  # fmt: skip
    content = json.loads(path.read_text(encoding="utf-8"))
    assert list(content) == ["format", "version", "graph", "protocol", "environment", "cells"]
    assert (content["format"], content["version"]) == ("graphrep bench", 1)
    sizes = {"name": "blocks", "nodes": 60, "directed": False, "weighted": False, "features": 3, "classes": 3}
    assert content["graph"].items() >= sizes.items()
    assert content["protocol"]["train_share"] == 0.5
    for cell in content["cells"]:
        assert set(cell) == {
            "learner", "task", "baseline", "state", "reason", "settings", "runs", "peak_mb", "fit_mb", "warnings",
            "summary",
        }  # fmt: skip
    fastrp = next(cell for cell in content["cells"] if (cell["learner"], cell["task"]) == ("fastrp", "labels"))
    assert fastrp["settings"]["class"] == "FastRP"
    assert "random_state" not in fastrp["settings"]
    assert set(fastrp["runs"][0]) == {"seed", "wall_seconds", "cpu_seconds", "scores"}
    values = fastrp["runs"][0]["scores"]["macro_f1"]
    assert fastrp["summary"]["macro_f1"] == {
        "mean": pytest.approx(np.mean(values)), "std": pytest.approx(np.std(values, ddof=1)), "count": 3,
    }  # fmt: skip
    links = next(cell for cell in content["cells"] if (cell["learner"], cell["task"]) == ("fastrp", "links"))
    assert links["summary"]["auc"]["std"] is None
    assert list(links["runs"][0]["scores"]) == ["auc", "hits@2", "mrr"]
    assert repr(read_benchmark(path)) == repr(dataclasses.replace(found, cells=read_benchmark(path).cells))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[1", "is not a file of graphrep bench: it is not JSON"),
        ("[]", r"is not a file of graphrep bench: it has no \"format\""),
        ('{"format": "graphrep bench", "version": 9}', "has version 9 of the results of graphrep bench, not 1"),
        ('{"format": "graphrep bench", "version": 1}', "is a damaged file of graphrep bench"),
        (
            '{"format": "graphrep bench", "version": 1, "graph": {}, "protocol": {}, "environment": {}, "cells": [3]}',
            "is a damaged file of graphrep bench",
        ),
    ],
)
def test_a_damaged_file_is_refused_by_name(tmp_path, content, message):
    path = tmp_path / "r.json"
    path.write_text(content)
    with pytest.raises(ValueError, match=rf"r\.json {message}"):
        read_benchmark(path)
    with pytest.raises(FileNotFoundError, match="there is no file"):
        read_benchmark(tmp_path / "none.json")


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"learners": ["fastrb"]}, ValueError, r"^there is no learner 'fastrb'; did you mean fastrp\?$"),
        ({"learners": ["moon"]}, ValueError, r"^there is no learner 'moon'; known are fastrp, "),
        ({"learners": "fastrp"}, TypeError, "^learners must be a list of names, got the string 'fastrp'"),
        ({"learners": ["fastrp", "fastrp"]}, ValueError, "must have distinct names, got fastrp twice"),
        ({"learners": {"mine": 3}}, TypeError, r"learners\['mine'\] must be an estimator with fit_transform"),
        ({"learners": ["ncn"], "tasks": ["labels"]}, ValueError, "^ncn serves none of the tasks labels"),
        ({"learners": [], "baselines": False}, ValueError, "must name at least one learner"),
        ({"tasks": ["label"]}, ValueError, "^tasks must be of labels, links, clusters; got 'label'"),
        ({"tasks": "labels"}, TypeError, "^tasks must be a list of names, got the string"),
        ({"tasks": []}, ValueError, "must name at least one task"),
        ({"seeds": 0}, ValueError, "^seeds must be at least 1, got 0"),
        ({"train_share": 1.0}, ValueError, "^train_share must be a share between 0 and 1, got 1"),
        ({"test": 0}, ValueError, "^test must be a share"),
        ({"n_clusters": 1}, ValueError, "^n_clusters must be at least 2"),
        ({"max_seconds": 0}, ValueError, "^max_seconds must be greater than 0"),
        ({"path": "/no/such/folder/r.json"}, FileNotFoundError, "there is no folder"),
    ],
)
def test_bad_input_is_refused_before_anything_runs(here, blocks, given, error, message):
    with pytest.raises(error, match=message):
        benchmark(blocks, LABELS, **options(**given))
    assert here.started == 0


def test_labels_are_needed_for_labels(here, blocks):
    with pytest.raises(ValueError, match="the task labels needs labels, which the graph does not have; give y"):
        benchmark(blocks, tasks=["labels"], **options())
    with pytest.raises(ValueError, match="tasks of a learner of clusters must be of clusters; got 'labels'"):
        Learner("x", None, "clusters", tasks=("labels",))
    with pytest.raises(ValueError, match="kind must be one of vectors, scores, clusters"):
        Learner("x", None, "edges")


def test_every_learner_of_the_registry_can_be_built_and_runs(here, blocks):
    """On a small graph with features: nothing fails, whatever it scores. The vectors of one are judged by links."""
    by_links = {"fastrp"}
    small = {"stop": "last"}
    quick = {
        "NCN": {"epochs": 1}, "NCNC": {"epochs": 1}, "GAE": {"epochs": 1}, "StructComp": {"epochs": 1, **small},
        "Contrastive": {"epochs": 1, **small}, "PamC": {"epochs": 1, "pretraining_epochs": 1, "hidden": (8,)},
        "SCGC": {"epochs": 1, "pretraining_epochs": 1, "hidden": (8,)}, "Node2Vec": {"walks_per_node": 1},
        "DeepWalk": {"walks_per_node": 1},
    }  # fmt: skip

    def quickly(learner):
        def build(setting, graph):
            built = learner.build(setting, graph)
            changes = quick.get(type(built).__name__, {})
            return built.set_params(**changes) if changes else built

        few = "labels" in learner.tasks and "links" in learner.tasks and learner.name not in by_links
        tasks = tuple(task for task in learner.tasks if task != "links") if few else learner.tasks
        return dataclasses.replace(learner, build=build, tasks=tasks)

    mine = [quickly(learner) for learner in LEARNERS.values()]
    found = benchmark(blocks, LABELS, learners=mine, **options(seeds=1, splits=1, n_jobs=1, max_seconds=20.0))
    assert {(cell.learner, cell.task) for cell in found.cells} == {
        (learner.name, task) for learner in mine for task in learner.tasks
    }
    left = {(cell.learner, cell.reason) for cell in found.cells if cell.state != "done"}
    assert left == {("musae", "it takes features as counts, and some are negative")}
    for task in found.tasks:
        scores = [cell.mean(found.first_metric(task)) for cell in found.of_task(task)]
        assert scores == sorted(scores, reverse=True)


def test_names_and_defaults_of_the_registry():
    assert list(LEARNERS) == [learner.name for learner in LEARNERS.values()]
    default = [learner.name for learner in chosen_learners(None, tasks=["links"], with_baselines=True)]
    assert {"fastrp", "ncn", "preferential attachment", "resource allocation", "svd"} <= set(default)
    assert "katz" not in default
    assert "pamc" not in default
    own = Learner("svd", baselines.svd)
    assert chosen_learners([own], tasks=["links"], with_baselines=True)[0] is own  # the named one, not the baseline


def test_the_picture(tmp_path):
    pytest.importorskip("matplotlib")
    runs = {("fastrp", "labels"): "macro_f1", ("fastrp", "links"): "auc", ("Adamic-Adar", "links"): "auc"}
    cells = [results.Cell(*key, runs=[results.Run(0, 1.5, 1.5, {metric: [0.5, 0.6]})]) for key, metric in runs.items()]
    protocol = tasks.Protocol(8, 2, 0.5, 0.1, 0.05, None, None, None, 0, "random")
    found = results.Benchmark(graph={"name": "blocks"}, protocol=protocol, cells=cells)
    for name in ("p.svg", "p.png", "p.pdf"):
        found.picture(tmp_path / name)
        assert (tmp_path / name).stat().st_size > 1000
    text = (tmp_path / "p.svg").read_text()
    for word in ("fastrp", "Adamic-Adar", "macro-F1", "AUC", "CPU seconds of a fit", "blocks"):
        assert word in text
    found.picture(tmp_path / "again.svg")
    assert (tmp_path / "again.svg").read_text() == text
    with pytest.raises(ValueError, match=r"the name must end in \.png, \.svg or \.pdf"):
        found.picture(tmp_path / "p.bmp")


@pytest.mark.parametrize("seconds", [(0.08741149231878376,), (0.00491956413795156,) * 2, (0.0, 3000.0)])
def test_a_picture_of_fits_that_take_equally_long(seconds, tmp_path):
    pytest.importorskip("matplotlib")
    cells = [
        results.Cell(f"learner {i}", "clusters", runs=[results.Run(0, value, value, {"nmi": [0.5, 0.5]})])
        for i, value in enumerate(seconds)
    ]
    protocol = tasks.Protocol(8, 2, 0.5, 0.1, 0.05, None, None, None, 0, "random")
    found = results.Benchmark(graph={"name": "g"}, protocol=protocol, cells=cells)
    found.picture(tmp_path / "p.svg")
    assert f"learner {len(seconds) - 1}" in (tmp_path / "p.svg").read_text()


def test_the_picture_without_matplotlib(monkeypatch, tmp_path):
    from graphrep import _pictures as picture

    monkeypatch.setattr(picture.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"^\S+p\.png: a picture needs matplotlib; pip install 'graphrep\[viz\]'\.$"):
        picture.check_picture(tmp_path / "p.png")


class Sleepy:
    def fit_transform(self, graph):
        if graph.num_nodes == 60:
            time.sleep(600)
        return np.ones((graph.num_nodes, 2), dtype=np.float32)


class Crashing:
    def fit_transform(self, graph):
        if graph.num_nodes == 60:
            os._exit(3)
        return np.ones((graph.num_nodes, 2), dtype=np.float32)


CODE = """
import os, sys, time
import networkx as nx
import graphrep as gr

class Sleepy:
    def fit_transform(self, graph):
        if graph.num_nodes == 30:
            print(os.getpid(), flush=True)
            time.sleep(600)

sleepy = gr.bench.Learner("sleepy", lambda setting, graph: Sleepy())
gr.bench.benchmark(nx.path_graph(30), range(30), learners=[sleepy], tasks=["labels"], baselines=False)
"""


@pytest.mark.slow
@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="needs /proc")
def test_processes_end_with_a_parent_that_is_killed():
    """No guard of __main__ is needed, and nothing computes on after the command was killed."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    parent = subprocess.Popen([sys.executable, "-c", CODE], text=True, **pipes)
    child = int(parent.stdout.readline())
    parent.stdout.close()
    parent.kill()
    parent.wait()
    for _ in range(100):
        if not os.path.isdir(f"/proc/{child}") or "State:\tZ" in Path(f"/proc/{child}/status").read_text():
            break
        time.sleep(0.2)
    else:
        os.kill(child, 9)
        pytest.fail("the process of the fit lives on")


class Hoarding:
    """Vectors beside which much remains in memory, as in a fit of a large graph."""

    kept: ClassVar[list[object]] = []

    def fit_transform(self, graph):
        if graph.num_nodes == 60:
            type(self).kept.append(np.ones(90 << 20, dtype=np.float32))  # 360 MiB
            time.sleep(1.1)
        return np.ones((graph.num_nodes, 2), dtype=np.float32)


class Large:
    def fit_transform(self, graph):
        block = np.ones(40 << 20 if graph.num_nodes == 60 else 1, dtype=np.float32)  # 160 MiB
        return np.full((graph.num_nodes, 2), block[-1], dtype=np.float32)


def test_processes_are_measured_stopped_and_survived(blocks):
    """In real processes: the memory of a fit, a fit that takes too long, one that ends its process."""

    def run(limit, **mine):
        learners = [Learner(name, lambda setting, graph, one=one: one) for name, one in mine.items()]
        wanted = options(baselines=False, seeds=1, max_seconds=limit, n_jobs=1)
        found = benchmark(blocks, LABELS, learners=learners, tasks=["labels"], **wanted)
        return {cell.learner: cell for cell in found.cells}

    cells = run(None, hoarding=Hoarding(), large=Large(), crashing=Crashing())
    assert cells["hoarding"].state == "done", cells["hoarding"].reason
    assert cells["large"].state == "done", cells["large"].reason
    assert 150 < cells["large"].fit_mb < 250
    assert cells["large"].peak_mb > cells["large"].fit_mb
    assert (cells["crashing"].state, cells["crashing"].reason) == ("failed", "its process crashed")
    cells = run(2.0, sleepy=Sleepy())
    assert (cells["sleepy"].state, cells["sleepy"].reason) == ("stopped", "a fit took longer than 2 s")
