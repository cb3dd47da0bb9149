"""``graphrep linkpred --config`` on small files in OGB's layout."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest

import graphrep as gr
from graphrep import cli
from graphrep.cli import published

SMALL = {"dimensions": 4, "batch_size": 8, "epochs": 2, "layers": 1, "progress": False}


@pytest.fixture(scope="module")
def files():
    path = Path(__file__).resolve().parents[1] / "datasets/conftest.py"
    spec = importlib.util.spec_from_file_location("ogb_files", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def small(monkeypatch):
    """Every configuration with a model of a few parameters."""
    read = published.read

    def smaller(name):
        settings = read(name)
        metrics = ["hits@3" if metric.startswith("hits") else metric for metric in settings["metrics"]]
        return settings | {"metrics": metrics, "parameters": settings["parameters"] | SMALL}

    monkeypatch.setattr(published, "read", smaller)


def run(*arguments):
    with pytest.raises(SystemExit) as info:
        cli.main(["linkpred", *(str(argument) for argument in arguments)])
    return info.value.code


@pytest.mark.parametrize("name", published.names())
def test_every_configuration_runs_on_the_files_of_its_data_set(name, files, small, tmp_path, capsys):
    settings = published.read(name)
    files.write_set(tmp_path / settings["dataset"].replace("-", "_"), settings["dataset"])
    out = tmp_path / "found.json"
    assert run("--config", name, "--root", tmp_path, "--seeds", 1, "-o", out) == 0
    found, printed = json.loads(out.read_text(encoding="utf-8")), capsys.readouterr()
    metric = settings["metrics"][0]
    assert found["test"] == {"mean": found["runs"][0]["test"][metric], "std": None}
    assert (found["seeds"], found["metric"], found["settings"]) == ([0], metric, settings)
    assert found["parameters"] == found["runs"][0]["parameters"] > 0
    assert "threads; graphrep" in found["hardware"]
    assert f"Adamic-Adar {100 * found['untrained']['Adamic-Adar'][metric]:.2f}" in printed.out
    assert f"test        {100 * found['test']['mean']:.2f}\n" in printed.out
    assert "OGB asks for 10 seeds, 0 to 9; this is 1." in printed.out
    assert ("At test time they are part of the graph" in printed.out) == ("collab" in name)
    assert printed.err.count("seed ") == 1


def test_a_run_continues_and_refuses_other_settings(files, small, tmp_path, capsys):
    files.write_set(tmp_path / "ogbl_ddi", "ogbl-ddi")
    out, given = tmp_path / "found.json", ("--config", "ncn_ddi", "--root", tmp_path, "-o", tmp_path / "found.json")
    assert run(*given, "--seeds", 1) == 0
    first = json.loads(out.read_text(encoding="utf-8"))
    assert first["test"]["std"] is None
    assert run(*given, "--seeds", 2) == 0
    both = json.loads(out.read_text(encoding="utf-8"))
    assert both["runs"][0] == first["runs"][0]
    assert both["seeds"] == [0, 1]
    values = [run["test"]["hits@3"] for run in both["runs"]]
    assert both["test"] == {"mean": pytest.approx(np.mean(values)), "std": pytest.approx(np.std(values, ddof=1))}
    assert f"{100 * np.mean(values):.2f} ± {100 * np.std(values, ddof=1):.2f}" in capsys.readouterr().out
    assert run(*given, "--epochs", 1) == 1
    assert "holds results of other settings than those of ncn_ddi" in capsys.readouterr().err
    out.write_text("[]", encoding="utf-8")
    assert run(*given) == 1
    assert "holds no results of graphrep linkpred --config" in capsys.readouterr().err


def test_collab_is_tested_with_validation_edges_in_the_graph(files, small, tmp_path):
    files.write_set(tmp_path / "ogbl_collab", "ogbl-collab")
    settings = published.read("ncn_collab")
    split = gr.datasets.load("ogbl-collab", root=tmp_path).split
    seen = []

    class Model:
        def score_pairs(self, pairs, *, graph=None):
            seen.append(graph)
            return np.arange(pairs.shape[1], dtype=np.float32)

    published.test_metrics(settings, Model(), split)
    assert all(graph.has_edges(*split.valid).all() for graph in seen)
    seen.clear()
    published.test_metrics(settings | {"valid_at_test": False}, Model(), split)
    assert seen == [None, None]


def test_own_negatives_keep_to_their_source(files, small, tmp_path, monkeypatch):
    monkeypatch.setattr(published, "_CHUNK", 7)
    files.write_set(tmp_path / "ogbl_citation2", "ogbl-citation2")
    split = gr.datasets.load("ogbl-citation2", root=tmp_path).split
    scores = published._scores(lambda pairs: pairs[0], split.test_neg)
    np.testing.assert_array_equal(scores, np.broadcast_to(split.test[0][:, None], scores.shape))


def test_the_list_and_what_is_refused(tmp_path, capsys):
    assert run("--config", "list") == 0
    printed = capsys.readouterr().out
    assert {line.split()[0] for line in printed.split("\n\n")[0].splitlines()[1:] if line[0].isalpha()} == set(
        published.names()
    )
    for arguments, message in (
        (["--config", "huge"], "--config must be list or one of gae_ddi, "),
        (["--config", "ncn_ddi", "--top", 3], "--config and --top exclude each other"),
        (["--config", "ncn_ddi", "-o", "found.csv"], "the name must end in .json"),
        (["--config", "ncn_ddi", "--seeds", 0], "--seeds must be at least 1"),
        (["web.txt", "--seeds", 3], "--seeds needs --config"),
    ):
        assert run(*arguments) in (1, 2)
        assert message in " ".join(capsys.readouterr().err.split())


def test_the_numbers_of_parameters_are_those_published():
    graph = gr.as_graph([(0, 1), (1, 2), (2, 3), (3, 0), (0, 2)], directed=False)
    for name, features, total in (("ncn_collab", 128, 33_922), ("ncn_ppa", 58, 33_538 - 64 * 64)):
        settings = published.read(name)
        x = np.zeros((4, features), dtype=np.float32)
        model = getattr(gr, settings["estimator"])(**settings["parameters"] | {"epochs": 1, "progress": False})
        assert model.fit(gr.as_graph(graph, x=x)).num_parameters_ == total
