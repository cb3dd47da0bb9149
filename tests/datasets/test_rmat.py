"""Random graphs of the R-MAT model."""

from __future__ import annotations

import numpy as np
import pytest

from graphrep import as_graph, cli, open_graph
from graphrep.datasets import _rmat_reference, rmat, write_rmat
from graphrep.datasets.random_graphs import _checked, _edges


def drawn(count, *, first=0, n_jobs=1, num_nodes=1 << 6, shares=(0.57, 0.19, 0.19), scramble=True, seed=0):
    model = _checked(None, num_nodes, count, shares, seed, scramble=scramble)
    return _edges(model, first, count, n_jobs)


@pytest.mark.parametrize("num_nodes", [1, 2, 3, 5, 64, 100, 2**33 + 1])
@pytest.mark.parametrize("scramble", [False, True])
@pytest.mark.parametrize("shares", [(0.57, 0.19, 0.19), (0, 0, 0)])
def test_native_equals_reference(num_nodes, scramble, shares, monkeypatch):
    how = {"num_nodes": num_nodes, "scramble": scramble, "shares": shares, "seed": 7}
    native = drawn(500, **how)
    monkeypatch.setenv("GRAPHREP_BACKEND", "reference")
    np.testing.assert_array_equal(native, drawn(500, **how))
    assert native.min() >= 0
    assert native.max() < num_nodes


def test_an_edge_is_a_function_of_seed_and_number():
    whole = drawn(9000)
    np.testing.assert_array_equal(whole, drawn(9000, n_jobs=5))
    np.testing.assert_array_equal(whole[:, 4000:], drawn(9000, first=4000))
    assert (whole != drawn(9000, seed=1)).any()


@pytest.mark.parametrize("num_nodes", [1, 2, 3, 8, 1000, 1025])
def test_scrambling_is_a_permutation(num_nodes):
    nodes = np.arange(num_nodes)
    moved = _rmat_reference.permuted(5, nodes, num_nodes)
    np.testing.assert_array_equal(np.sort(moved), nodes)
    plain = drawn(300, num_nodes=num_nodes, scramble=False, seed=5)
    np.testing.assert_array_equal(drawn(300, num_nodes=num_nodes, seed=5), moved[plain])


def test_quarters_have_their_probabilities():
    shares = np.array([[0.4, 0.3], [0.2, 0.1]])
    ends = drawn(200_000, num_nodes=4, shares=shares.ravel()[:3], scramble=False)
    counts = np.zeros((4, 4))
    np.add.at(counts, tuple(ends), 1)
    expected = np.kron(shares, shares) * ends.shape[1]  # the levels are independent
    assert (np.abs(counts - expected) < 5 * np.sqrt(expected)).all()


@pytest.mark.parametrize(
    "how", [{"scale": 9}, {"num_nodes": 700, "directed": True, "self_loops": True, "scramble": False}]
)
def test_the_graph_on_the_disk_is_the_one_in_memory(how, tmp_path):
    how |= {"num_edges": 30_000, "random_state": 3}
    graph, path = rmat(**how), tmp_path / "a.graph"
    write_rmat(path, memory="1MB", **how)
    graph.save(tmp_path / "b.graph")
    assert path.read_bytes() == (tmp_path / "b.graph").read_bytes()
    assert graph.weights is None
    size = graph.num_nodes
    ends = drawn(30_000, num_nodes=size, scramble=how.get("scramble", True), seed=3)
    options = {"num_nodes": size, "merge": "first", "self_loops": "self_loops" in how, "directed": graph.directed}
    assert graph == as_graph(ends, **options)


def test_the_command_writes_a_graph(tmp_path, capsys):
    for count, options in ((0, ["--scale", "6"]), (1, [])):
        with pytest.raises(SystemExit) as ended:
            cli.main(["generate", "-o", str(tmp_path / "a.graph"), *options])
        assert (ended.value.code or 0) == count
    assert open_graph(tmp_path / "a.graph") == rmat(scale=6)
    shown = capsys.readouterr()
    assert "a.graph: 64 nodes" in shown.out
    assert shown.err == "graphrep: give either --scale or --num-nodes, got no --scale and no --num-nodes.\n"


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"scale": 4, "num_nodes": 16}, "give either scale= or num_nodes="),
        ({"scale": 41}, "scale must"),
        ({"num_nodes": 0}, "num_nodes must"),
        ({"scale": 3, "a": -0.1}, "a must"),
        ({"scale": 3, "a": 0.9, "b": 0.2, "c": 0}, "a \\+ b \\+ c must be 1 at most, since d is the rest, got 1.1"),
        ({"scale": 3, "num_edges": -1}, "num_edges must"),
    ],
)
def test_bad_input_is_one_sentence(how, message, tmp_path):
    for call in (lambda: rmat(**how), lambda: write_rmat(tmp_path / "a.graph", **how)):
        with pytest.raises(ValueError, match=message):
            call()


def test_more_than_memory_leads_to_the_disk():
    with pytest.raises(MemoryError, match="write_rmat works on the disk"):
        rmat(scale=40)
