from __future__ import annotations

import csv

import networkx as nx
import numpy as np
import pytest

import graphrep as gr
from graphrep import cli


def run(*arguments):
    """Exit code of ``graphrep linkpred ARGUMENTS``."""
    with pytest.raises(SystemExit) as info:
        cli.main(["linkpred", *(str(argument) for argument in arguments)])
    return info.value.code


@pytest.fixture(scope="module")
def network():
    sizes, inside, between = [20] * 3, 0.4, 0.02
    shares = np.full((3, 3), between) + np.diag([inside - between] * 3)
    return nx.relabel_nodes(nx.stochastic_block_model(sizes, shares, seed=0), lambda i: f"n {i}")


@pytest.fixture
def edges(network, tmp_path):
    path = tmp_path / "edges.csv"
    path.write_text("".join(f"{u},{v}\n" for u, v in network.edges))
    return path


def read(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file, delimiter="\t" if path.suffix == ".tsv" else ","))


@pytest.mark.parametrize(
    "options",
    [
        ["--model", "cn"],
        ["--model", "aa"],
        [],
        ["--model", "katz"],
        ["--model", "ppr"],
        ["--model", "fastrp", "--dimensions", 8],
        ["--model", "node2vec", "--dimensions", 8, "--epochs", 1, "--threads", 1],
        ["--model", "gae", "--dimensions", 8, "--epochs", 2],
        ["--model", "ncn", "--dimensions", 8, "--epochs", 2, "--batch-size", 40],
        ["--model", "ncnc", "--dimensions", 8, "--epochs", 1],
        ["--model", "best", "--max-seconds", 2],
    ],
    ids=lambda options: options[1] if options else "default",
)
def test_every_model_judges_and_writes_missing_links(options, network, edges, tmp_path, capsys):
    out = tmp_path / "links.csv"
    assert run(edges, *options, "-o", out, "--top", 20) == 0
    printed = capsys.readouterr()
    assert printed.err == ""  # no progress where nobody watches
    model = options[1] if options else "ra"
    lines = printed.out.splitlines()
    assert lines[1].split() == ["auc", "hits@2", "mrr"]
    assert lines[3].startswith(model)
    assert sum("(untrained)" in line for line in lines) == 6
    assert lines[-1].startswith(f"{out}: the best 20 of ")
    rows = read(out)
    assert len(rows) == 20
    assert list(rows[0]) == ["source", "target", "score", "known"]
    scores = [float(row["score"]) for row in rows]
    assert scores == sorted(scores, reverse=True)
    for row in rows:
        u, v = row["source"], row["target"]
        assert row["known"] == "False"
        assert not network.has_edge(u, v)
        assert u != v
        assert list(nx.common_neighbors(network, u, v))


def test_the_table_is_scored_on_all_edges(network, edges, tmp_path):
    assert run(edges, "-o", tmp_path / "all.csv", "--top", 10**6, "--model", "aa") == 0
    rows = read(tmp_path / "all.csv")
    expected = {
        frozenset(pair): score
        for *pair, score in nx.adamic_adar_index(network, list(nx.non_edges(network)))
        if score > 0
    }
    found = {frozenset((row["source"], row["target"])): float(row["score"]) for row in rows}
    assert found.keys() == expected.keys()
    np.testing.assert_allclose([found[pair] for pair in expected], list(expected.values()), rtol=1e-6)
    assert run(edges, "-o", tmp_path / "few.csv", "--max-candidates", 7) == 0
    best = sorted(nx.resource_allocation_index(network, list(nx.non_edges(network))), key=lambda row: -row[2])
    assert {frozenset((row["source"], row["target"])) for row in read(tmp_path / "few.csv")} == {
        frozenset(row[:2]) for row in best[:7]
    }


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".parquet"])
def test_pairs_of_a_file_keep_their_names(suffix, network, edges, tmp_path):
    u, v = next(iter(network.edges))
    pairs, out = tmp_path / "pairs.tsv", tmp_path / f"out{suffix}"
    pairs.write_text(f"n 1\tn 2\n{u}\t{v}\nn 0\tn 50\n")
    assert run(edges, "--pairs", pairs, "-o", out) == 0
    if suffix == ".parquet":
        rows = pytest.importorskip("pyarrow.parquet").read_table(out).to_pylist()
    else:
        rows = [row | {"score": float(row["score"]), "known": row["known"] == "True"} for row in read(out)]
    assert {(row["source"], row["target"]) for row in rows} == {("n 1", "n 2"), (u, v), ("n 0", "n 50")}
    graph = gr.as_graph(network)
    for row in rows:
        ends = graph.rows([row["source"], row["target"]])[:, None]
        assert row["score"] == pytest.approx(gr.heuristics.resource_allocation(graph, ends)[0], rel=1e-6)
        assert row["known"] == ((row["source"], row["target"]) == (u, v))
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["edges.csv", "pairs.tsv", out.name])


def test_integer_names_stay_integers_and_a_seed_decides(tmp_path, capsys):
    path = tmp_path / "edges.txt"
    path.write_text("".join(f"{10 * u} {10 * v}\n" for u, v in nx.powerlaw_cluster_graph(60, 3, 0.8, seed=0).edges))
    tables = []
    for seed in (1, 1, 2):
        assert run(path, "--model", "fastrp", "--dimensions", 8, "--seed", seed, "-o", tmp_path / "out.tsv") == 0
        tables.append((tmp_path / "out.tsv").read_bytes())
    assert tables[0] == tables[1] != tables[2]
    assert all(int(row["source"]) % 10 == 0 for row in read(tmp_path / "out.tsv"))
    (tmp_path / "pairs.txt").write_text("10 20\n")
    assert run(path, "--pairs", tmp_path / "pairs.txt", "-o", tmp_path / "out.tsv") == 0
    assert [(row["source"], row["target"]) for row in read(tmp_path / "out.tsv")] == [("10", "20")]


def test_a_data_set_is_judged_on_its_own_split(capsys):
    assert run("--dataset", "debian", "--model", "cn") == 0
    printed = capsys.readouterr().out
    split = gr.datasets.load("debian").split
    assert f"test: {split.test.shape[1]} edges against {split.test_neg.shape[1]} other pairs" in printed
    assert printed.splitlines()[1].split() == ["hits@1000", "auc", "hits@100", "mrr"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "give either FILE or --dataset"),
        (["EDGES", "--dataset", "debian"], "give either FILE or --dataset"),
        (["EDGES", "--root", "."], "--root needs --dataset"),
        (["--dataset", "debian", "--test", 0.2], "--test is for edge lists"),
        (["EDGES", "--epochs", 3], "--epochs is not an option of ra"),
        (["EDGES", "--model", "fastrp", "--epochs", 3], "--epochs is not an option of fastrp"),
        (["EDGES", "--model", "node2vec", "--batch-size", 3], "--batch-size is not an option of node2vec"),
        (["EDGES", "--top", 0], "--top must be at least 1, got 0"),
        (["EDGES", "--model", "seal"], "seal"),
    ],
)
def test_wrong_usage_is_exit_code_2(arguments, message, edges, capsys):
    assert run(*(edges if argument == "EDGES" else argument for argument in arguments)) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["missing.csv"], "there is no file missing.csv"),
        (["EDGES", "-o", "TMP/out.json"], "cannot tell the format of"),
        (["EDGES", "-o", "TMP/none/out.csv"], "there is no folder"),
        (["EDGES", "--test", 1.5], "--test must be a share of the edges between 0 and 1, got 1.5"),
        (["EDGES", "--test", 0.9, "--valid", 0.5], "only"),
        (["EDGES", "--valid", 0.0001], "too few to hide"),
        (["EDGES", "--pairs", "TMP/none.txt", "-o", "TMP/out.csv"], "there is no file"),
        (
            ["EDGES", "--pairs", "TMP/strange.txt", "-o", "TMP/out.csv"],
            "names 'nobody', which is not a node",
        ),
        (["--dataset", "nonsense"], "name must be one of debian"),
        (["--dataset", "ogbl-ddi", "--root", "TMP"], "ogbl"),
        (["EDGES", "--model", "gae", "--dimensions", 0, "--epochs", 1], "dimensions must be at least 1, got 0"),
        (["EDGES", "--model", "fastrp", "--dimensions", 0], "dimensions must be at least 1, got 0"),
    ],
)
def test_what_is_refused_is_one_line_and_leaves_no_file(arguments, message, edges, tmp_path, capsys):
    (tmp_path / "strange.txt").write_text("nobody somebody\n")
    arguments = [str(argument).replace("TMP", str(tmp_path)).replace("EDGES", str(edges)) for argument in arguments]
    assert run(*arguments) == 1
    printed = capsys.readouterr()
    assert printed.err.startswith("graphrep: ")
    assert message in printed.err
    assert printed.err.count("\n") == 1
    assert printed.out == ""
    assert sorted(path.name for path in tmp_path.iterdir()) == ["edges.csv", "strange.txt"]


def test_half_an_ogb_folder_is_one_line(tmp_path, capsys):
    (tmp_path / "ogbl_ddi" / "raw").mkdir(parents=True)
    (tmp_path / "ogbl_ddi" / "raw" / "num-node-list.csv.gz").write_bytes(b"")
    assert run("--dataset", "ogbl-ddi", "--root", tmp_path) == 1
    printed = capsys.readouterr().err
    assert printed.count("\n") == 1
    assert "ogbl_ddi" in printed


def test_options_of_the_reader(network, tmp_path, capsys):
    path = tmp_path / "many.csv"
    lines = [f"{i};{v};1,5;{u}\n" for i, (u, v) in enumerate(network.edges)]
    path.write_text("nr;this end;cost;that end\n// note\n" + "".join(lines))
    out = tmp_path / "links.csv"
    named = ["--source", "this end", "--target", "that end", "--comments", "//", "--delimiter", ";"]
    assert run(path, "--model", "fastrp", "--dimensions", 8, *named, "--weight", "cost", "-o", out) == 0
    assert {row["source"][:2] for row in read(out)} == {"n "}
    placed = ["--source", 1, "--target", 3, "--comments", "//", "--header"]
    assert run(path, "--model", "fastrp", "--dimensions", 8, *placed, "--weight", 2, "-o", tmp_path / "same.csv") == 0
    assert read(tmp_path / "same.csv") == read(out)
    capsys.readouterr()
    assert run("--dataset", "debian", "--no-header", "--weight", "w") == 2
    assert "--header, --weight is for edge lists; debian is a data set." in capsys.readouterr().err


@pytest.mark.parametrize("which", ["file", "pairs"])
def test_inputs_are_not_overwritten(which, edges, tmp_path, capsys):
    pairs = tmp_path / "pairs.csv"
    pairs.write_text("n 0,n 1\n")
    out = tmp_path / "link.csv"
    out.symlink_to(edges if which == "file" else pairs)
    assert run(edges, "--pairs", pairs, "-o", out) == 1
    assert "link.csv is the input; give another name for the output" in capsys.readouterr().err
    assert pairs.read_text() == "n 0,n 1\n"
