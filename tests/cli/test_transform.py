"""graphrep embed --model and graphrep transform: vectors of new nodes in another process."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest

import graphrep as gr
from graphrep import cli


def run(*arguments):
    """Exit code of ``graphrep ARGUMENTS``."""
    with pytest.raises(SystemExit) as info:
        cli.main([str(argument) for argument in arguments])
    return info.value.code or 0


@pytest.fixture
def friends(tmp_path):
    """An edge list of the karate club with names, and its graph."""
    source = nx.relabel_nodes(nx.Graph(nx.karate_club_graph().edges), lambda v: f"n{v}")
    path = tmp_path / "friends.txt"
    path.write_text("\n".join(f"{u} {v}" for u, v in source.edges))
    return path, source


@pytest.mark.parametrize("method", ["fastrp", "node2vec"])
def test_new_nodes(friends, tmp_path, capsys, method):
    path, source = friends
    model, vectors, new = tmp_path / "m.safetensors", tmp_path / "v.parquet", tmp_path / "new.csv"
    options = ["--walks-per-node", 2] if method == "node2vec" else []
    assert run("embed", path, "-o", vectors, "--method", method, "--threads", 1, "--model", model, *options) == 0
    new.write_text("person,friend\n" + "\n".join(f"twin,{neighbor}" for neighbor in source["n33"]))
    out = tmp_path / "new.csv.parquet"
    assert run("transform", model, new, "-o", out, "--source", "person", "--target", "friend") == 0
    assert "1 nodes, 128 dimensions" in capsys.readouterr().out
    got = gr.load_vectors(out)
    assert got.nodes.tolist() == ["twin"]
    want = gr.load(model).transform([("twin", neighbor) for neighbor in source["n33"]])
    np.testing.assert_array_equal(got.vectors, want.vectors)
    if method == "fastrp":
        np.testing.assert_allclose(got["twin"], gr.load_vectors(vectors)["n33"], rtol=1e-3, atol=1e-3)


def test_integers_beside_strings(tmp_path):
    """In the fitted file one name is no integer, so that all are strings; in the file of new nodes all are integers."""
    (tmp_path / "e.txt").write_text("1 2\n2 3\n3 1\nann 3\n")
    (tmp_path / "n.txt").write_text("7 1\n7 2\n")
    assert run("embed", tmp_path / "e.txt", "-o", tmp_path / "v.npy", "--model", tmp_path / "m") == 0
    assert run("transform", tmp_path / "m", tmp_path / "n.txt", "-o", tmp_path / "o.parquet") == 0
    assert gr.load_vectors(tmp_path / "o.parquet").nodes.tolist() == ["7"]


def test_refused(friends, tmp_path, capsys):
    path, _ = friends
    model = tmp_path / "m"
    assert run("embed", path, "-o", model, "--model", model) != 0
    assert run("embed", path, "-o", tmp_path / "v.npy", "--model", path) == 1
    assert "is the input" in capsys.readouterr().err
    assert run("embed", path, "-o", tmp_path / "v.npy", "--model", model) == 0
    assert run("transform", path, path, "-o", tmp_path / "o.npy") == 1
    assert "is not a model" in capsys.readouterr().err
    assert run("transform", model, tmp_path / "absent", "-o", tmp_path / "o.npy") == 1
    assert "there is no file" in capsys.readouterr().err
    assert run("transform", model, path, "-o", path.with_suffix(".dat")) == 1
    before = path.read_bytes()
    assert run("transform", model, path, "-o", path) == 1
    assert path.read_bytes() == before


def test_a_format_that_knows_its_direction_keeps_it(tmp_path):
    nx.write_graphml(nx.DiGraph([("a", "b"), ("b", "c"), ("c", "a"), ("d", "a")]), tmp_path / "g.graphml")
    assert run("embed", tmp_path / "g.graphml", "-o", tmp_path / "v.npy", "--dimensions", 4) == 0
    directed = gr.as_graph(tmp_path / "g.graphml")
    assert directed.directed
    want = gr.FastRP(dimensions=4).fit_transform(directed)
    np.testing.assert_array_equal(gr.load_vectors(tmp_path / "v.npy").vectors, want)


def test_two_kinds_of_nodes(tmp_path):
    (tmp_path / "buys.csv").write_text("customer,product\n" + "\n".join(f"{i % 5},{i % 3}" for i in range(15)))
    assert run("embed", tmp_path / "buys.csv", "-o", tmp_path / "v.parquet", "--dimensions", 4, "--bipartite") == 0
    assert len(gr.load_vectors(tmp_path / "v.parquet")) == 8
