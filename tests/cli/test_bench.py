"""``graphrep bench``: what it reads, prints, writes and refuses. The engine has tests of its own."""

from __future__ import annotations

import json
import warnings

import networkx as nx
import numpy as np
import pytest

import graphrep as gr
from graphrep import cli
from graphrep.bench import engine, worker

SIZES = [15, 15, 15]
LABELS = np.repeat(["red", "green", "blue"], SIZES)


class Here:
    """Stands for a process: calls run in this one."""

    def __init__(self, threads, *data):
        self.data, self.running = data, False

    def call(self, function, *arguments, timeout=None, **options):
        if not self.running:
            worker.begin(*self.data)
            self.running = True
        return function(*arguments, **options)

    def end(self):
        self.running = False


@pytest.fixture(autouse=True)
def _here(monkeypatch):
    monkeypatch.setattr(engine, "_Process", Here)


@pytest.fixture(scope="module")
def network():
    shares = np.full((3, 3), 0.03) + np.diag([0.45] * 3)
    return nx.stochastic_block_model(SIZES, shares, seed=4)


@pytest.fixture
def edges(network, tmp_path):
    path = tmp_path / "edges.csv"
    path.write_text("".join(f"{u},{v}\n" for u, v in network.edges))
    return path


@pytest.fixture
def labels(tmp_path):
    path = tmp_path / "labels.csv"
    path.write_text("".join(f"{i},{label}\n" for i, label in enumerate(LABELS)))
    return path


QUICK = ["--learners", "fastrp", "--dimensions", "8", "--seeds", "1", "--splits", "2", "--threads", "1"]


def run(*arguments):
    """Exit code of ``graphrep bench ARGUMENTS``."""
    with pytest.raises(SystemExit) as info:
        cli.main(["bench", *(str(argument) for argument in arguments)])
    return info.value.code


def test_tables_and_json(edges, labels, tmp_path, capsys):
    out = tmp_path / "r.json"
    assert run(edges, "--labels", labels, *QUICK, "-o", out) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    lines = printed.out.splitlines()
    assert lines[0].startswith("edges.csv: 45 nodes, ")
    assert lines[0].endswith("undirected edges, 3 classes")
    assert [line.split(":")[0] for line in lines if line.startswith(("labels", "links", "clusters"))] == [
        "labels", "links", "clusters",
    ]  # fmt: skip
    assert any(line.startswith("fastrp ") for line in lines)
    assert any(line.startswith("preferential attachment (baseline)") for line in lines)
    assert "  features: skipped; it needs node features, which the graph does not have" in lines
    content = json.loads(out.read_text())
    labels_of = next(cell for cell in content["cells"] if (cell["learner"], cell["task"]) == ("fastrp", "labels"))
    assert labels_of["summary"]["macro_f1"]["mean"] > 0.9  # the labels lie at the right nodes
    before = out.read_bytes()
    assert run(edges, "--labels", labels, *QUICK, "-o", out) == 0
    assert capsys.readouterr().out == printed.out
    assert out.read_bytes() == before


def test_tasks_without_labels(edges, capsys):
    assert run(edges, *QUICK, "--no-baselines") == 0
    out = capsys.readouterr().out
    assert "labels:" not in out
    assert "clusters: k-means on rows of unit length, the number of highest modularity" in out
    assert run(edges, *QUICK, "--no-baselines", "--tasks", "clusters", "--num-clusters", 3) == 0
    out = capsys.readouterr().out
    assert "links:" not in out
    assert "3 clusters" in out


def test_several_labels_and_columns(edges, tmp_path, capsys):
    path = tmp_path / "genres.tsv"
    rows = [("id", "age", "genre")]
    rows += [(i, 30, label) for i, label in enumerate(LABELS)] + [(i, 30, "any") for i in range(0, 45, 2)]
    path.write_text("".join("\t".join(map(str, row)) + "\n" for row in rows))
    assert run(edges, "--labels", path, "--label-column", "genre", *QUICK, "--tasks", "labels", "--no-baselines") == 0
    assert "4 classes" in capsys.readouterr().out


def test_unlabeled_nodes_and_strangers(network, tmp_path, capsys):
    edges = tmp_path / "named.csv"
    edges.write_text("".join(f"n{u},n{v}\n" for u, v in network.edges))
    codes = dict(zip(("red", "green", "blue"), (0, 1, 2), strict=True))
    path = tmp_path / "labels.csv"
    lines = [f"n{i},{codes[label]}" for i, label in enumerate(LABELS)]
    path.write_text("\n".join([*lines[:-1], "n44,-1", "moon,1"]) + "\n")
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        assert run(edges, "--labels", path, *QUICK, "--tasks", "labels", "--no-baselines") == 0
    printed = capsys.readouterr()
    assert "3 classes" in printed.out
    assert printed.err == f"graphrep: warning: 1 of 46 rows of {path} name no node of the graph.\n"
    path.write_text("name,group\n" + path.read_text())  # a header is no row
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        assert run(edges, "--labels", path, *QUICK, "--tasks", "labels", "--no-baselines") == 0
    assert capsys.readouterr().err == printed.err


def test_labels_of_a_graph_file(network, tmp_path, capsys):
    drawn = network.copy()
    nx.set_node_attributes(drawn, dict(enumerate(LABELS.tolist())), "color")
    drawn.graph.pop("partition", None)
    path = tmp_path / "blocks.graphml"
    nx.write_graphml(drawn, path)
    assert run(path, "--labels", "color", *QUICK, "--tasks", "labels", "--no-baselines") == 0
    assert "3 classes" in capsys.readouterr().out


def test_features(edges, labels, tmp_path, capsys):
    order = np.random.default_rng(0).permutation(45)
    codes = np.unique(LABELS, return_inverse=True)[1]
    gr.NodeVectors(np.eye(3)[codes][order], order).save(tmp_path / "x.csv")
    options = ["--labels", labels, "--features", tmp_path / "x.csv", *QUICK, "--tasks", "labels"]
    assert run(edges, *options, "-o", tmp_path / "r.json") == 0
    assert ", 3 features, " in capsys.readouterr().out
    content = json.loads((tmp_path / "r.json").read_text())
    found = next(cell for cell in content["cells"] if cell["learner"] == "features")
    assert found["summary"]["macro_f1"]["mean"] == 1  # features are matched by name
    gr.NodeVectors(np.eye(3)[codes][:40], np.arange(40)).save(tmp_path / "few.csv")
    assert run(edges, "--features", tmp_path / "few.csv", *QUICK) == 1
    assert "few.csv lacks the features of 5 of 45 nodes, such as " in capsys.readouterr().err


def test_a_picture(edges, tmp_path, capsys):
    pytest.importorskip("matplotlib")
    assert run(edges, *QUICK, "--no-baselines", "--tasks", "clusters", "--picture", tmp_path / "p.svg") == 0
    assert "fastrp" in (tmp_path / "p.svg").read_text()


def test_a_data_set_with_its_own_split(monkeypatch, network, capsys):
    graph = gr.as_graph(network)
    split = gr.evaluate.random_link_split(graph, test=0.2, valid=0.1, connected=False)
    dataset = gr.datasets.Dataset("blocks", gr.as_graph(graph, y=LABELS), split=split, metric="hits@3")
    monkeypatch.setattr(gr.datasets, "load", lambda name, **_: dataset)
    monkeypatch.setattr(gr.datasets, "names", lambda: ("blocks",))
    assert run("blocks", *QUICK, "--no-baselines", "--tasks", "links,labels") == 0
    out = capsys.readouterr().out
    assert "links: the split of the data set" in out
    assert "hits@3" in out
    assert run("blocks", *QUICK, "--no-baselines", "--tasks", "links", "--random-links") == 0
    assert "links: 10 % of the edges hidden" in capsys.readouterr().out
    assert run("blocks", *QUICK, "--labels", "color") == 1
    assert capsys.readouterr().err == "graphrep: there is no file color.\n"


def test_the_list_of_learners(capsys):
    assert run("--list") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["tasks", "needs", "default"]
    assert any(line.startswith("fastrp ") for line in lines)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ([], 2, "give GRAPH, or --list"),
        (["{edges}", "--learners", "moon"], 1, "graphrep: there is no learner 'moon'; known are fastrp"),
        (["{edges}", "--learners", ","], 1, "--learners must be names between commas, got ','"),
        (["{edges}", "--tasks", "labels"], 1, "the task labels needs labels, which the graph does not have"),
        (["{edges}", "--tasks", "moon"], 1, "tasks must be of labels, links, clusters; got 'moon'"),
        (["{edges}", "--labels", "color"], 1, "there is no file color, and {edges} has no attributes of nodes"),
        (["{edges}", "--label-column", "1"], 2, "--label-column needs a file of --labels"),
        (["{edges}", "--again"], 2, "--again needs --output"),
        (["{edges}", "--seeds", "0"], 1, "seeds must be at least 1, got 0"),
        (["{edges}", "--train", "2"], 1, "train_share must be a share between 0 and 1, got 2"),
        (["{edges}", "-o", "{edges}"], 1, "is the input; give another name for the output"),
        (["{edges}", "--picture", "p.bmp"], 1, "the name must end in .png, .svg or .pdf"),
        (["{folder}/none.csv"], 1, "there is no file {folder}/none.csv, and no data set of that name"),
        (["{edges}", "-o", "{folder}/none/r.json"], 1, "there is no folder"),
        (["{edges}", "-o", "{folder}/other.json"], 1, "other.json is not a file of graphrep bench: it is not JSON"),
        (["{edges}", "--labels", "{folder}/one.csv"], 1, "one.csv must hold at least two labels, got red"),
        (["{edges}", "--labels", "{folder}/moon.csv"], 1, "moon.csv names none of the nodes of the graph, such as"),
    ],
)
def test_bad_input_is_one_sentence(arguments, code, message, edges, tmp_path, capsys):
    (tmp_path / "other.json").write_text("nothing")
    (tmp_path / "one.csv").write_text("0,red\n1,red\n")
    (tmp_path / "moon.csv").write_text("moon,red\nsun,blue\n")
    places = {"edges": edges, "folder": tmp_path}
    assert run(*(text.format(**places) for text in arguments)) == code
    error = capsys.readouterr().err
    assert message.format(**places) in " ".join(error.replace("│", " ").split())
    if code == 1:
        assert error.count("\n") == 1
