"""The link prediction experiment on a graph of a few nodes: what it writes, cuts, continues and searches."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

import networkx as nx
import numpy as np
import pytest
import yaml

FOLDER = Path(__file__).resolve().parents[2] / "experiments"

SETTINGS = {
    "name": "NCN",
    "dataset": "tiny",
    "structure_only": True,
    "protocol": "ncn",
    "estimator": "NCN",
    "metrics": ["auc", "hits@20"],
    "parameters": {"dimensions": 8, "epochs": 3, "batch_size": 32, "progress": False},
    "search": {"dimensions": [8, 12], "layers": [1, 2]},
}


@pytest.fixture
def script(tmp_path, monkeypatch):
    """The script as a module whose configurations and results lie in a temporary folder."""
    monkeypatch.setattr(sys, "path", [str(FOLDER), *sys.path])
    spec = importlib.util.spec_from_file_location("experiment_linkpred", FOLDER / "linkpred.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    import _harness

    for name in ("configs", "results", "data/tiny"):
        (tmp_path / name).mkdir(parents=True)
    monkeypatch.setattr(_harness, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(module, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(module, "TABLE", tmp_path / "results" / "linkpred.md")
    monkeypatch.setattr(module, "CURVES", tmp_path / "results" / "linkpred_curves.png")
    monkeypatch.setattr(module, "CONFIGS", tmp_path / "configs")
    edges = np.array(nx.planted_partition_graph(4, 12, 0.6, 0.02, seed=0).edges()).T
    np.savez(tmp_path / "data/tiny/graph.npz", edge_index=edges, num_nodes=48)

    def run(*arguments, **changes):
        (tmp_path / "configs/tiny.yaml").write_text(yaml.safe_dump(SETTINGS | changes), encoding="utf-8")
        places = ("--root", str(tmp_path / "data"), "--runs", str(tmp_path / "runs"))
        monkeypatch.setattr(sys, "argv", ["linkpred.py", *arguments, *places])
        module.main()
        result = tmp_path / "results/linkpred_tiny.json"
        return json.loads(result.read_text(encoding="utf-8")) if result.exists() else None

    run.folder, run.module = tmp_path, module
    return run


def test_runs_table_and_folders(script):
    result = script("tiny", "--seeds", "2", "--table")
    assert [run["seed"] for run in result["runs"]] == [0, 1]
    assert "70/10/20" in result["protocol"]
    row = result["table"][0]
    values = [run["scores"]["auc"] for run in result["runs"]]
    assert row["auc"] == {"mean": pytest.approx(np.mean(values)), "std": pytest.approx(np.std(values, ddof=1))}
    assert all(run["peak_mb"] > 0 and run["complete"] for run in result["runs"])
    folder = script.folder / "runs/tiny/seed1"
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    assert [line["epoch"] for line in lines] == [1, 2, 3]
    assert {"loss", "auc", "seconds"} < lines[0].keys()
    assert yaml.safe_load((folder / "config.yaml").read_text()) == SETTINGS
    assert "torch" in json.loads((folder / "environment.json").read_text())["packages"]
    assert f"{100 * row['auc']['mean']:.2f} ± " in (script.folder / "results/linkpred.md").read_text()
    # What is there is not made again, and a third seed is added to it.
    more = script("tiny", "--seeds", "3")
    assert more["runs"][:2] == result["runs"]
    assert len(more["runs"]) == 3


def test_time_limit_cuts_and_the_next_call_goes_on(script):
    whole = script("tiny", "--seeds", "1")["runs"][0]
    cut = script("tiny", "--seeds", "1", "--again", "--time-limit", "1e-9")["runs"][0]
    assert not cut["complete"]
    assert cut["epochs"] == 1
    for _ in range(2):
        rest = script("tiny", "--seeds", "1", "--time-limit", "1e-9")["runs"][0]
    assert rest["complete"]
    assert [record["epoch"] for record in rest["curve"]] == [1, 2, 3]
    assert rest["scores"] == whole["scores"]


def test_learning_curves_are_drawn(script):
    plt = pytest.importorskip("matplotlib.pyplot")
    script("tiny", "--seeds", "2", "--time-limit", "60", "--draw")
    axis = plt.gcf().axes[0]
    assert plt.gcf().legends[0].get_texts()[0].get_text() == "NCN on tiny, validation auc"
    assert len(axis.lines) == 4  # a curve and a point per run
    assert len(axis.lines[0].get_xdata()) == 3
    plt.close("all")
    assert (script.folder / "results/linkpred_curves.png").stat().st_size > 5000


def test_search_looks_at_validation_alone(script, capsys):
    script("tiny", "--tune", "3")
    found = json.loads((script.folder / "results/linkpred_tiny_tune.json").read_text())
    assert len(found["trials"]) == 3
    assert found["trials"][0]["parameters"] == {}  # the configuration itself
    assert found["best"]["valid"] == max(trial["valid"] for trial in found["trials"])
    assert all(trial.keys() == {"parameters", "valid", "values", "epochs"} for trial in found["trials"])
    assert len(found["best"]["values"]) == 3
    # What is there is not fitted again, unless the search is another one.
    path, tuned = script.folder / "results/linkpred_tiny_tune.json", script.folder / "configs/tiny_tuned.yaml"
    tuned.unlink(missing_ok=True)
    found["trials"][0] |= {"valid": 2.0, "values": [2.0] * 3}
    path.write_text(json.dumps(found))
    script("tiny", "--tune", "3")
    assert not tuned.exists()
    assert capsys.readouterr().out.endswith("none of 3 settings is better than those of tiny.yaml\n")
    found["trials"][1] |= {"valid": 3.0, "values": [3.0] * 3}
    path.write_text(json.dumps(found))
    script("tiny", "--tune", "4")
    more = json.loads(path.read_text())
    assert more["trials"][:3] == found["trials"]
    assert len(more["trials"]) == 4
    wanted = SETTINGS["parameters"] | found["trials"][1]["parameters"]
    assert yaml.safe_load(tuned.read_text())["parameters"] == wanted
    script("tiny", "--tune", "2", search={"layers": [1, 2]})
    assert all(trial["valid"] <= 1 for trial in json.loads(path.read_text())["trials"])


def test_differences_on_the_same_splits(script):
    scores = {"NCN": {0: 80.0, 1: 90.0, 2: 85.0}, "NCNC": {0: 81.0, 1: 93.0, 2: 87.0, 3: 10.0}, "GAE": {0: 70.0}}
    text = script.module.differences(scores | {"common neighbors (untrained)": scores["NCNC"]})
    assert text.endswith("mean and its standard error: NCNC +2.00 ± 0.58 (3 seeds).")
    assert script.module.differences({"GAE": scores["NCNC"]}) == ""


def test_untrained_scores(script):
    result = script("tiny", "--seeds", "1", estimator="untrained")
    names = [run["model"] for run in result["runs"]]
    heuristics = ("common neighbors", "Adamic-Adar", "resource allocation")
    assert names == [*(f"{name} (untrained)" for name in heuristics), "NetInfoF Act (linear)"]
    assert result["runs"][0]["scores"]["auc"] > 0.7


def test_a_fit_that_starts_from_another(script):
    (script.folder / "configs/first.yaml").write_text(yaml.safe_dump(SETTINGS), encoding="utf-8")
    result = script("tiny", "--seeds", "1", start="first", estimator="NCNC")
    assert len((script.folder / "runs/first/seed0/metrics.jsonl").read_text().splitlines()) == 3
    assert result["runs"][0]["complete"]


def test_missing_things_are_named(script):
    with pytest.raises(SystemExit, match=r"there is no configuration huge; those there are: .*ncn_ddi.*tiny"):
        script("huge")
    with pytest.raises(SystemExit, match="HeaRT's files for tiny are needed in"):
        script("tiny", protocol="heart")


@pytest.mark.parametrize("path", sorted((FOLDER / "configs/linkpred").glob("*.yaml")), ids=lambda path: path.stem)
def test_every_configuration_names_what_exists(path, monkeypatch):
    from graphrep import linkpred

    settings = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert {"name", "dataset", "protocol", "estimator", "metrics"} <= settings.keys()
    if settings["estimator"] == "PlainGCN":
        pytest.importorskip("torch_geometric")
        monkeypatch.syspath_prepend(str(FOLDER))
        import _plain_gcn

        _plain_gcn.PlainGCN(**settings["parameters"])
    elif settings["estimator"] != "untrained":
        kind = getattr(linkpred, settings["estimator"])
        kind(**settings["parameters"])
        for name in settings.get("search", {}):
            assert name in kind().get_params()


def test_a_plain_gcn_learns_and_is_a_row_like_the_others(script, monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    pytest.importorskip("torch_geometric")
    parameters = {"dimensions": 16, "epochs": 3, "batch_size": 64}
    script("tiny", estimator="PlainGCN", parameters=parameters)
    found = json.loads((script.folder / "results/linkpred_tiny.json").read_text(encoding="utf-8"))
    (run, *_) = found["runs"]
    assert run["epochs"] == 3
    assert set(run["scores"]) == set(SETTINGS["metrics"])

    import _plain_gcn
    import networkx as nx

    import graphrep as gr

    graph = gr.as_graph(nx.planted_partition_graph(4, 25, 0.4, 0.01, seed=0))
    split = gr.evaluate.random_link_split(graph, test=0.1, valid=0.1)
    model = _plain_gcn.PlainGCN(dimensions=16, epochs=30, metric="auc").fit(split.graph, val=split)
    assert gr.evaluate.roc_auc(model.score_pairs(split.test), model.score_pairs(split.test_neg)) > 0.8
    assert model.history_[model.best_epoch_ - 1]["auc"] == max(record["auc"] for record in model.history_)
