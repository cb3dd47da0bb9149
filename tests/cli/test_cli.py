from __future__ import annotations

import io
import re
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

import graphrep as gr
from graphrep import cli


class Stub:
    """An estimator whose vectors are its parameters and the edges that it saw."""

    made: list[Stub]

    def __init__(self, **parameters):
        self.parameters = parameters
        Stub.made.append(self)

    def fit_transform(self, graph):
        self.graph = graph
        vectors = np.zeros((graph.num_nodes, self.parameters["dimensions"]))
        vectors[:, 0] = np.arange(graph.num_nodes) + 1
        self.node_vectors_ = gr.NodeVectors(vectors, graph.nodes, {"method": "stub"})
        return self.node_vectors_.vectors


@pytest.fixture
def stub(monkeypatch):
    """The three learners replaced, so that these tests are about the command line alone."""
    Stub.made = []
    for name in ("FastRP", "Node2Vec", "DeepWalk"):
        monkeypatch.setitem(vars(gr), name, Stub)
    return Stub


@pytest.fixture
def path_graph(monkeypatch):
    """Whatever file is read, it is this graph."""
    graph = gr.as_graph([["a", "b", "c"], ["b", "c", "d"]], directed=False)
    seen = []

    def as_graph(obj, **options):
        seen.append((obj, options))
        return graph

    monkeypatch.setattr(gr, "as_graph", as_graph)
    return seen


def run(*arguments):
    """Exit code of ``graphrep ARGUMENTS``."""
    with pytest.raises(SystemExit) as info:
        cli.main([str(argument) for argument in arguments])
    return info.value.code


@pytest.fixture
def edges(tmp_path):
    path = tmp_path / "edges.txt"
    path.write_text("a b\nb c\nc d\n")
    return path


def test_embed_writes_vectors(stub, path_graph, edges, tmp_path, capsys):
    out = tmp_path / "out.safetensors"
    assert run("embed", edges, "--dimensions", 3, "-o", out) == 0
    v = gr.load_vectors(out)
    assert v.vectors.shape == (4, 3)
    assert v.nodes.tolist() == ["a", "b", "c", "d"]
    assert v.settings == {"method": "stub"}
    assert stub.made[0].parameters == {"dimensions": 3, "random_state": 0, "n_jobs": None}
    printed = capsys.readouterr()
    assert printed.out.startswith(f"{out}: 4 nodes, 3 dimensions, fastrp, ")
    assert printed.err == ""


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (
            ["--method", "fastrp", "--iteration-weights", "0,0,1,4", "--normalization-strength", "-0.5"],
            {"iteration_weights": (0.0, 0.0, 1.0, 4.0), "normalization_strength": -0.5},
        ),
        (
            ["--method", "node2vec", "--walk-length", 40, "--walks-per-node", 5, "--p", 0.5, "--q", 2],
            {"walk_length": 40, "walks_per_node": 5, "p": 0.5, "q": 2.0},
        ),
        (
            ["--method", "deepwalk", "--window", 3, "--epochs", 2, "--num-negatives", 7, "--checkpoint", "c"],
            {"window": 3, "epochs": 2, "num_negatives": 7, "checkpoint": Path("c")},
        ),
        (["--seed", 9, "--threads", 2], {"random_state": 9, "n_jobs": 2}),
    ],
)
def test_options_reach_the_estimator(arguments, expected, stub, path_graph, edges, tmp_path):
    assert run("embed", edges, "-o", tmp_path / "out.npy", *arguments) == 0
    assert stub.made[0].parameters == {"dimensions": 128, "random_state": 0, "n_jobs": None} | expected


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], {"directed": None}),
        (["--directed"], {"directed": True}),
        (["--weighted"], {"directed": None, "weight": True}),
        (["--unweighted"], {"directed": None, "weight": False}),
        (
            ["--source", "from", "--target", 2, "--weight", "cost", "--delimiter", r"\t", "--header", "--num-nodes", 9],
            {
                "directed": None,
                "source": "from",
                "target": 2,
                "weight": "cost",
                "delimiter": "\t",
                "header": True,
                "num_nodes": 9,
            },
        ),
        (
            ["--no-header", "--comments", "//", "--comments", "!", "--no-quotes"],
            {"directed": None, "header": False, "comments": ["//", "!"], "quotes": False},
        ),
        (["--comments", ""], {"directed": None, "comments": []}),
    ],
)
def test_options_reach_the_reader(arguments, expected, stub, path_graph, edges, tmp_path):
    assert run("embed", edges, "-o", tmp_path / "out.npy", *arguments) == 0
    assert path_graph == [(str(edges), expected)]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--method", "fastrp", "--window", 3], "--window is not an option of fastrp"),
        (["--method", "deepwalk", "--p", 0.5], "--p is not an option of deepwalk"),
        (["--method", "node2vec", "--iteration-weights", "1"], "--iteration-weights is not an option of node2vec"),
        (["--iteration-weights", "0,x"], "--iteration-weights must be numbers between commas, got '0,x'"),
        (["--method", "word2vec"], "word2vec"),
    ],
)
def test_wrong_usage_is_exit_code_2(arguments, message, stub, path_graph, edges, tmp_path, capsys):
    assert run("embed", edges, "-o", tmp_path / "out.npy", *arguments) == 2
    assert message in capsys.readouterr().err
    assert path_graph == []


@pytest.mark.parametrize(
    ("output", "message"),
    [
        ("out.xlsx", "cannot tell the format of"),
        ("missing/out.npy", "there is no folder"),
        (".", "cannot tell the format of"),
    ],
)
def test_a_hopeless_target_is_refused_before_the_work(output, message, stub, path_graph, edges, tmp_path, capsys):
    assert run("embed", edges, "-o", tmp_path / output) == 1
    printed = capsys.readouterr()
    assert printed.err.startswith("graphrep: ")
    assert message in printed.err
    assert printed.err.count("\n") == 1
    assert stub.made == path_graph == []


def test_names_that_the_target_cannot_hold_are_refused_before_the_work(stub, edges, tmp_path, monkeypatch, capsys):
    graph = gr.as_graph([["New York"], ["Rome"]], directed=False)
    monkeypatch.setattr(gr, "as_graph", lambda *_, **__: graph)
    assert run("embed", edges, "-o", tmp_path / "out.w2v") == 1
    assert "the white space in node 'New York'" in capsys.readouterr().err
    assert not hasattr(stub.made[0], "graph")


@pytest.mark.parametrize("error", [ValueError("a\n  b"), OSError("a b"), KeyError("a b"), NotImplementedError("a b")])
def test_an_error_of_the_library_is_one_line(error, stub, edges, tmp_path, monkeypatch, capsys):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr(gr, "as_graph", fail)
    assert run("embed", edges, "-o", tmp_path / "out.npy") == 1
    assert capsys.readouterr().err == "graphrep: a b\n"
    for arguments in (["--debug", "embed", str(edges)], ["embed", str(edges), "--debug"]):
        with pytest.raises(type(error)):
            cli.main([*arguments, "-o", str(tmp_path / "out.npy")])
    assert [path.name for path in tmp_path.iterdir()] == ["edges.txt"]


def test_an_error_that_is_a_bug_is_not_hidden(stub, edges, tmp_path, monkeypatch):
    monkeypatch.setattr(gr, "as_graph", lambda *_, **__: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        cli.main(["embed", str(edges), "-o", str(tmp_path / "out.npy")])


@pytest.fixture
def saved(tmp_path):
    names = ["nginx", "apache2", "gimp", "lighttpd"]
    path = tmp_path / "web.safetensors"
    gr.NodeVectors([[1, 0], [3, 1], [-1, 0], [1, 0.1]], names).save(path)
    return path


def test_neighbors(saved, capsys):
    assert run("neighbors", saved, "nginx") == 0
    assert capsys.readouterr().out == "0.9950\tlighttpd\n0.9487\tapache2\n-1.0000\tgimp\n"
    assert run("neighbors", saved, "nginx", "-k", 1, "--metric", "dot") == 0
    assert capsys.readouterr().out == "3.0000\tapache2\n"
    assert run("neighbors", saved, "nginx", "-k", 1, "--metric", "euclidean") == 0
    assert capsys.readouterr().out == "0.1000\tlighttpd\n"


def test_neighbors_of_an_integer(tmp_path, capsys):
    gr.NodeVectors([[1, 0], [1, 0], [2, 0]], [-7, 3, 4]).save(tmp_path / "out.npy")
    assert run("neighbors", tmp_path / "out.npy", "--", "-7") == 0
    assert capsys.readouterr().out == "1.0000\t3\n1.0000\t4\n"
    assert run("neighbors", tmp_path / "out.npy", "nginx") == 1
    assert "there is no node 'nginx'; the nodes are integers." in capsys.readouterr().err
    assert run("neighbors", tmp_path / "out.npy", "5") == 1
    assert capsys.readouterr().err == "graphrep: there is no node 5.\n"


def test_neighbors_of_a_node_that_is_not_there(saved, capsys):
    assert run("neighbors", saved, "ngnix") == 1
    assert capsys.readouterr().err == "graphrep: there is no node 'ngnix'; did you mean nginx?\n"
    assert run("neighbors", saved, "7") == 1
    assert capsys.readouterr().err == "graphrep: there is no node '7'.\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["missing.npy", "a"], "there is no file"),
        (["edges.txt", "a"], "not word2vec text"),
        (["web.safetensors", "nginx", "-k", "0"], "k must be at least 1, got 0"),
    ],
)
def test_neighbors_refuses(arguments, message, saved, edges, tmp_path, capsys):
    assert run("neighbors", tmp_path / arguments[0], *arguments[1:]) == 1
    printed = capsys.readouterr()
    assert message in printed.err
    assert printed.err.count("\n") == 1
    assert printed.out == ""


def test_version_and_help(capsys):
    assert run("--version") == 0
    assert capsys.readouterr().out == f"{gr.__version__}\n"
    assert run("--help") == 0
    printed = capsys.readouterr().out
    assert all(command in printed for command in ("embed", "neighbors", "datasets", "doctor", "--debug"))
    assert run("embed", "--help") == 0
    assert "--walks-per-node" in capsys.readouterr().out


def test_help_loads_nothing_heavy():
    code = (
        "import sys; from graphrep.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "print([m for m in ('torch', 'sklearn', 'scipy', 'networkx', 'numpy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.fixture
def two_cliques(tmp_path):
    """Two cliques of eight, joined by one edge: neighbours of a node are the others of its clique."""
    lines = [f"{side}{i} {side}{j}" for side in "ab" for i in range(8) for j in range(i)]
    path = tmp_path / "cliques.txt"
    path.write_text("\n".join([*lines, "a0 b0"]) + "\n")
    return path


@pytest.mark.parametrize(
    ("method", "options"),
    [
        ("fastrp", ["--iteration-weights", "0,1,1", "--normalization-strength", "0"]),
        ("node2vec", ["--walk-length", 20, "--window", 3, "--epochs", 5, "--p", 0.5, "--q", 2]),
        ("deepwalk", ["--walk-length", 20, "--window", 3, "--epochs", 5, "--finish", "center"]),
        ("node2vec", ["--walk-length", 20, "--epochs", 5, "--finish", "smooth"]),
        ("line", ["--num-negatives", 3]),
        ("prone", []),
        ("netmf", ["--window", 3]),
        ("hope", []),
        ("strap", []),
    ],
)
@pytest.mark.parametrize("suffix", [".safetensors", ".w2v"])
def test_from_an_edge_list_to_neighbours(method, options, suffix, two_cliques, tmp_path, capsys):
    out = tmp_path / f"out{suffix}"
    arguments = ["embed", two_cliques, "--method", method, "--dimensions", 16, "--threads", 1, "-o", out, *options]
    assert run(*arguments, "--seed", 3) == 0
    assert f"{out}: 16 nodes, 16 dimensions, {method}, " in capsys.readouterr().out
    assert run("neighbors", out, "a3", "-k", 7) == 0
    found = [line.split("\t")[1] for line in capsys.readouterr().out.splitlines()]
    assert sorted(found) == [f"a{i}" for i in range(8) if i != 3]
    v = gr.load_vectors(out)
    if suffix == ".safetensors":
        assert v.settings["method"].lower() == method
        assert v.settings["random_state"] == 3
    # The same command gives the same bytes; another seed does not.
    first = out.read_bytes()
    assert run(*arguments, "--seed", 3) == 0
    assert out.read_bytes() == first
    assert run(*arguments, "--seed", 4) == 0
    assert out.read_bytes() != first


def test_weights_and_directions_of_a_file_count(tmp_path):
    path = tmp_path / "edges.txt"
    path.write_text("u v weight\na b 1\nb c 5\nc a 2\nc d 1\n")
    seen = {}
    for options in ([], ["--weighted"], ["--unweighted"], ["--directed"], ["--weight", "weight"], ["--weight", "2"]):
        out = tmp_path / "out.npy"
        assert run("embed", path, "--dimensions", 4, "--iteration-weights", "0,1", "-o", out, *options) == 0
        seen[" ".join(options)] = out.read_bytes()
    assert seen[""] == seen["--weighted"] == seen["--weight weight"] == seen["--weight 2"]
    assert len(set(seen.values())) == 3


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        (None, [], "there is no file"),
        ("a\n", [], "line 1"),
        ("a b\n", ["--weighted"], "weight"),
        ("a b\n", ["--dimensions", 0], "dimensions must be at least 1, got 0"),
        ("a b\n", ["--method", "node2vec", "--walk-length", 0], "--walk-length must be"),
        ("a b\n", ["--threads", 0], "--threads must not be 0"),
    ],
)
def test_what_embed_refuses_is_one_line_and_leaves_no_file(content, options, message, tmp_path, capsys):
    path = tmp_path / "edges.txt"
    if content is not None:
        path.write_text(content)
    assert run("embed", path, "-o", tmp_path / "out.npy", *options) == 1
    printed = capsys.readouterr().err
    assert printed.startswith("graphrep: ")
    assert message in printed
    assert printed.count("\n") == 1
    assert not (tmp_path / "out.npy").exists()


def test_embed_does_not_write_into_the_folder_that_it_reads(tmp_path, capsys):
    folder = tmp_path / "edges"
    (folder / "day").mkdir(parents=True)
    for name in ("part-0.csv", "part-1.csv"):
        (folder / name).write_text("source,target\na,b\nb,c\n")
    for out in (folder / "part-0.csv", folder / "new.csv", folder / "day" / "new.csv"):
        assert run("embed", folder, "-o", out) == 1
        assert f"{out} is in the folder {folder} that is read" in capsys.readouterr().err
    assert (folder / "part-0.csv").read_text() == "source,target\na,b\nb,c\n"
    assert run("embed", folder, "-o", tmp_path / "new.csv") == 0


@pytest.mark.parametrize("link", [None, "symlink_to", "hardlink_to"])
def test_embed_does_not_overwrite_its_input(link, tmp_path, capsys):
    path = tmp_path / "edges.txt"
    path.write_text("a b\nb c\n")
    out = path
    if link is not None:
        out = tmp_path / "other.txt"
        getattr(out, link)(path)
    assert run("embed", path, "-o", out) == 1
    assert capsys.readouterr().err == f"graphrep: {out} is the input; give another name for the output.\n"
    assert path.read_text() == "a b\nb c\n"


@pytest.mark.parametrize("suffix", [".parquet", ".safetensors"])
def test_vectors_computed_on_the_disk_in_other_formats(suffix, edges, tmp_path, capsys):
    if suffix == ".parquet":
        pytest.importorskip("pyarrow")
    whole, parts = tmp_path / f"whole{suffix}", tmp_path / f"parts{suffix}"
    assert run("embed", edges, "-o", whole, "--dimensions", 8) == 0
    assert run("embed", edges, "-o", parts, "--dimensions", 8, "--memory", "1MB") == 0
    assert "4 nodes, 8 dimensions, fastrp" in capsys.readouterr().out
    one, other = gr.load_vectors(whole), gr.load_vectors(parts)
    np.testing.assert_array_equal(one, other)
    assert one.nodes.tolist() == other.nodes.tolist()
    assert sorted(file.name for file in tmp_path.iterdir()) == sorted(["edges.txt", whole.name, parts.name])
    assert run("embed", edges, "-o", tmp_path / "out.csv", "--memory", "1MB") == 1
    assert "--memory is for --output NAME.npy, .parquet or .safetensors, got out.csv" in capsys.readouterr().err


def test_estimate(edges, tmp_path, capsys):
    assert run("embed", edges, "--estimate", "--dimensions", 1000) == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed[:2] == ["nodes: 4", "edges: 3"]
    assert printed[2].startswith("memory: 88,160 bytes (88.2 kB)")
    assert printed[3].startswith("time: about ")
    assert printed[4] == "output: 16,036 bytes (16 kB) as .safetensors"
    assert run("embed", edges, "--estimate", "--memory", "1MB") == 0
    assert "disk: 10,240 bytes (10.2 kB) for a while, with the output\n" in capsys.readouterr().out
    out = tmp_path / "out.npy"
    assert run("embed", edges, "--estimate", "-o", out, "--method", "node2vec") == 0
    assert "as .npy" in capsys.readouterr().out
    assert not out.exists()
    assert run("embed", edges) == 2
    assert "give --output, or --estimate" in capsys.readouterr().err
    assert run("embed", edges, "--weight", "w", "--unweighted", "-o", out) == 2


@pytest.mark.parametrize("method", ["fastrp", "node2vec"])
def test_what_does_not_fit_into_memory_is_refused_first(method, edges, tmp_path, capsys):
    assert run("embed", edges, "--method", method, "--dimensions", 10**12, "-o", tmp_path / "out.npy") == 1
    printed = capsys.readouterr().err
    pattern = r"graphrep: \w+ of 4 nodes needs about \d+ TB of memory, but [\d.]+ \w+ are available; take fewer .*\.\n"
    assert re.fullmatch(pattern, printed)


def test_standard_input_and_warnings(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"a b 3\nb c 4\n")))
    out = tmp_path / "out.npy"
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        assert run("embed", "-", "--dimensions", 4, "-o", out) == 0
    assert capsys.readouterr().err.startswith("graphrep: warning: standard input has a third column, which is ignored")
    assert len(gr.load_vectors(out)) == 3


def test_the_built_in_data_set_is_known_by_name(tmp_path, capsys):
    assert run("datasets") == 0
    assert "debian" in capsys.readouterr().out.split()
    assert run("datasets", "debian") == 0
    assert "# debian: the packages of Debian" in capsys.readouterr().out
    assert run("datasets", "nonsense") == 1
    assert "got 'nonsense'" in capsys.readouterr().err
    assert run("embed", "nonsense", "-o", tmp_path / "out.npy") == 1
    assert "there is no file nonsense, and no data set of that name (debian" in capsys.readouterr().err
    assert run("embed", "debian", "--directed", "-o", tmp_path / "out.npy") == 1
    assert "--directed is for edge lists; debian is a data set." in capsys.readouterr().err
    assert run("embed", "debian", "--header", "--weight", "w", "-o", tmp_path / "out.npy") == 1
    assert "--header, --weight is for edge lists; debian is a data set." in capsys.readouterr().err
    out = tmp_path / "out.npy"
    assert run("embed", "debian", "--unweighted", "--dimensions", 8, "-o", out) == 0
    assert gr.load_vectors(out)["nginx"].shape == (8,)


def test_embed_triples(tmp_path, edges, capsys):
    rows = [(f"a{i}", "next", f"a{i + 1}") for i in range(9)]
    plain, named = tmp_path / "t.tsv", tmp_path / "named.csv"
    plain.write_text("".join("\t".join(row) + "\n" for row in rows))
    named.write_text("head,tail,relation\n" + "".join(f"{head},{tail},{kind}\n" for head, kind, tail in rows))
    wanted = gr.ComplEx(dimensions=4, epochs=2).fit(rows).node_vectors_
    for file in (plain, named):
        out, model = tmp_path / "v.csv", tmp_path / "m.safetensors"
        command = ("embed", file, "--method", "complex", "--dimensions", 4, "--epochs", 2, "-o", out, "--model", model)
        assert run(*command) == 0
        found = gr.load_vectors(out)
        assert sorted(found.nodes) == [f"a{i}" for i in range(10)]
        np.testing.assert_allclose(np.asarray(found[wanted.nodes]), np.asarray(wanted), atol=1e-6)
        assert gr.load(model).predict(head="a3", relation="next", k=1, new=False)
        assert "10 nodes, 8 dimensions, complex" in capsys.readouterr().out
    for text, message in (
        ("a\tb\n", "t.tsv: triples need three columns, head, relation and tail; got 2."),
        ("a\tis\tb\nb\t\tc\n", "t.tsv, line 2: a field is empty (columns are separated by tabs)."),
        ("", "t.tsv holds no edges."),
    ):
        bad = tmp_path / "bad" / "t.tsv"
        bad.parent.mkdir(exist_ok=True)
        bad.write_text(text)
        assert run("embed", bad, "--method", "complex", "-o", out) == 1
        assert message in capsys.readouterr().err
    assert run("transform", model, plain, "-o", out) == 1
    assert "m.safetensors holds a ComplEx, which has no vectors for new nodes" in capsys.readouterr().err
    assert run("embed", plain, "--method", "transe", "--estimate", "--edge-type", 1) == 0
    assert run("embed", "debian", "--method", "complex", "-o", out) == 1
    assert "the data set debian has no types of edges" in capsys.readouterr().err
    assert run("embed", edges, "--method", "complex", "-o", out) == 1
    assert "edges.txt" in capsys.readouterr().err
    assert run("embed", plain, "--method", "fastrp", "--edge-type", 1, "-o", out) == 2
    assert "--edge-type is not an option of fastrp" in " ".join(capsys.readouterr().err.replace("│", " ").split())


def test_embed_spectral(tmp_path, edges, capsys):
    """Small graphs are decomposed without random numbers."""
    out = tmp_path / "v.safetensors"
    assert run("embed", edges, "--method", "spectral", "--dimensions", 2, "--finish", "whiten", "-o", out) == 0
    wanted = gr.Spectral(dimensions=2, finish="whiten").fit_transform(gr.as_graph(edges))
    np.testing.assert_array_equal(gr.load_vectors(out).vectors, wanted)
    assert run("embed", edges, "--method", "hope", "--dimensions", 2, "--finish", "smooth", "-o", out) == 0
    wanted = gr.HOPE(dimensions=2, finish="smooth").fit_transform(gr.as_graph(edges))
    np.testing.assert_array_equal(np.asarray(gr.load_vectors(out)), wanted)
    assert run("embed", edges, "--method", "hope", "--walk-length", 5, "-o", out) == 2
    assert "--walk-length is not an option of hope" in " ".join(capsys.readouterr().err.replace("│", " ").split())


def test_embed_chooses_a_method(tmp_path, edges, capsys):
    """--method auto says what it took and why, and saves the vectors and the model of that."""
    out, model = tmp_path / "v.safetensors", tmp_path / "m.safetensors"
    options = ["--method", "auto", "--dimensions", 4, "--threads", 1]
    assert run("embed", edges, *options, "--task", "links", "-o", out, "--model", model) == 0
    printed = capsys.readouterr()
    assert printed.out.startswith(f"{out}: 4 nodes, 4 dimensions, auto: DeepWalk, ")
    assert printed.err.startswith("auto took DeepWalk: ")
    vectors = gr.load_vectors(out)
    assert vectors == gr.embed(edges, task="links", dimensions=4, n_jobs=1)
    assert vectors.settings["choice"] in printed.err
    assert type(gr.load(model)) is gr.DeepWalk
    assert run("embed", edges, *options, "--max-seconds", 0, "-o", out) == 0
    assert "since DeepWalk would take about" in capsys.readouterr().err
    assert run("embed", edges, "--task", "links", "-o", out) == 2
    assert "--task is not an option of fastrp" in " ".join(capsys.readouterr().err.replace("│", " ").split())
    assert run("embed", edges, *options, "--p", 2, "-o", out) == 2
    assert "--p is not an option of auto" in " ".join(capsys.readouterr().err.replace("│", " ").split())
