"""Graphs that are saved to a file and mapped from it."""

from __future__ import annotations

import json
import pickle
from multiprocessing.reduction import ForkingPickler

import numpy as np
import pytest
import scipy.sparse as sp

import graphrep as gr
from graphrep import Graph, as_graph, cli, open_graph
from graphrep._mapped import mapping_of
from graphrep._types import Types
from graphrep.csr import CSR
from graphrep.io.saved import StoredNames

RNG = np.random.default_rng(0)
ENDS = RNG.integers(40, size=(2, 150))
PLAIN = {"num_nodes": 40}
WORDS = np.array(["red", "grün", None], dtype=object)[RNG.integers(3, size=40)]
GRAPHS = {
    "plain": lambda: as_graph(ENDS, **PLAIN),
    "weighted": lambda: as_graph(ENDS, weights=RNG.random(150), directed=True, **PLAIN),
    "integers": lambda: as_graph([(7, -3), (10**12, 7)]),
    "strings": lambda: Graph([0, 1, 2, 2, 2], [1, 0], nodes=["ann", "bób", "", "dan"]),
    "features": lambda: as_graph(ENDS, x=RNG.random((40, 3), dtype=np.float32), y=RNG.integers(4, size=40), **PLAIN),
    "rows in Fortran order": lambda: as_graph(ENDS, x=np.asfortranarray(RNG.random((40, 3))), **PLAIN),
    "big endian": lambda: as_graph(ENDS, x=RNG.random((40, 3)).astype(">f8"), **PLAIN),
    "truth values": lambda: as_graph(ENDS, x=RNG.random((40, 3)) < 0.5, y=RNG.random(40) < 0.5, **PLAIN),
    "half": lambda: as_graph(ENDS, x=RNG.random((40, 3)).astype(np.float16), y=np.full((40, 2), np.nan), **PLAIN),
    "no columns": lambda: as_graph(ENDS, x=np.zeros((40, 0)), **PLAIN),
    "sparse": lambda: as_graph(ENDS, x=sp.random_array((40, 9), density=0.2, rng=RNG, format="csr"), **PLAIN),
    "sparse by column": lambda: as_graph(ENDS, x=sp.random_array((40, 9), density=0.2, rng=RNG).tocsc(), **PLAIN),
    "labels": lambda: as_graph(ENDS, y=WORDS, **PLAIN),
    "labels of fixed length": lambda: as_graph(ENDS, y=np.array(["a", "bc"])[RNG.integers(2, size=(40, 2))], **PLAIN),
    "labels with NaN": lambda: as_graph([(0, 1)], y=np.array(["a", np.nan], dtype=object)),
    "bipartite": lambda: as_graph([("u", "v"), ("v", "v")], bipartite=True),
    "typed": lambda: as_graph(
        ENDS, edge_type=RNG.integers(3, size=150), node_type=["a", "b"] * 20, edge_types=["x", "y", "z"],
        x={"a": RNG.random((20, 2))}, y={"b": WORDS[:20]}, **PLAIN,
    ),
    "typed, undirected": lambda: as_graph(ENDS, edge_type=RNG.integers(2, size=150), directed=False, **PLAIN),
    "no edges": lambda: as_graph(sp.csr_array((3, 3), dtype=np.float32)),
    "no nodes": lambda: Graph([0], []),
}  # fmt: skip


def assert_equal(one, other):
    if sp.issparse(one):
        assert sp.issparse(other)
        one, other = one.toarray(), other.toarray()
    if one is None:
        assert other is None
    else:
        assert one.dtype == other.dtype.newbyteorder("=")
        if one.dtype == object:
            assert list(map(repr, one)) == list(map(repr, other))  # NaN is not equal to itself
        else:
            np.testing.assert_array_equal(one, other)


def assert_same(opened, graph):
    assert opened == graph
    assert (opened.num_edges, opened.node_types, opened.edge_types) == (
        graph.num_edges, graph.node_types, graph.edge_types,
    )  # fmt: skip
    for name in ("indices", "x", "y", "bipartite_sides", "node_type", "edge_type"):
        assert_equal(getattr(opened, name), getattr(graph, name))
    if graph.node_type is not None:
        for name in ("features", "labels"):
            found, wanted = getattr(opened, name), getattr(graph, name)
            assert found.keys() == wanted.keys()
            for kind in wanted:
                assert_equal(found[kind], wanted[kind])


@pytest.mark.parametrize("kind", GRAPHS)
def test_a_graph_comes_back_whole(kind, tmp_path):
    graph = GRAPHS[kind]()
    path = tmp_path / "a.graph"
    graph.save(path)
    for mmap in (True, False):
        for verify in (None, True, False):
            assert_same(open_graph(path, mmap=mmap, verify=verify), graph)
    content = path.read_bytes()
    open_graph(path).save(path)  # over the file that is mapped
    assert path.read_bytes() == content
    assert [file.name for file in tmp_path.iterdir()] == ["a.graph"]


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "a.graph"
    x = RNG.random((40, 3), dtype=np.float32)
    graph = as_graph(ENDS, weights=RNG.random(150), nodes=[f"n{i}" for i in range(40)], x=x, num_nodes=40)
    graph.save(path)
    return path, graph


def test_arrays_are_mapped_and_read_only(saved):
    path, _ = saved
    opened = open_graph(path)
    for array in (opened.indptr, opened.indices, opened.weights, opened.x):
        assert type(array) is np.ndarray
        assert array.flags.aligned
        assert mapping_of(array) is not None
        with pytest.raises(ValueError, match="read-only"):
            array[:1] = 0
    assert mapping_of(open_graph(path, mmap=False).indices) is None


def test_other_programs_read_the_arrays(saved):
    path, graph = saved
    safetensors = pytest.importorskip("safetensors.numpy")
    arrays = safetensors.load_file(path)
    np.testing.assert_array_equal(arrays["indices"], graph.indices)
    np.testing.assert_array_equal(arrays["x"], graph.x)
    assert arrays["node_names"].tobytes().decode().startswith("n0n1n2")


def test_names_are_decoded_at_the_first_use(saved):
    path, graph = saved
    opened = open_graph(path)
    repr(opened), opened.to_scipy(), opened.transpose(), opened.with_edges([[0], [1]])
    assert isinstance(opened._names, StoredNames)
    assert opened.with_edges([[0], [1]]).row("n7") == 7
    assert opened.neighbors("n3").tolist() == graph.neighbors("n3").tolist()
    assert opened.nodes is opened.nodes


def test_learners_and_operations_take_a_mapped_graph(saved):
    path, graph = saved
    opened = open_graph(path)
    x = RNG.random((40, 4), dtype=np.float32)
    for function in (
        gr.FastRP(dimensions=8).fit_transform,
        gr.Spectral(dimensions=4).fit_transform,
        gr.PropagatedFeatures(dimensions=3).fit_transform,
        lambda g: np.asarray(gr.random_walks(g, walk_length=6, walks_per_node=2, p=0.5)),
        lambda g: np.asarray(gr.ops.spmm(g, x)),
        lambda g: gr.heuristics.resource_allocation(g, [("n1", "n2"), ("n3", "n4")]),
    ):
        np.testing.assert_array_equal(function(opened), function(graph))


def test_a_process_gets_the_path_and_any_other_pickle_the_graph(saved):
    path, graph = saved
    opened = open_graph(path)
    message = bytes(ForkingPickler.dumps(opened))
    assert len(message) < 400
    again = pickle.loads(message)
    assert again == graph
    assert mapping_of(again.indices) is not None
    whole, derived = pickle.dumps(opened), bytes(ForkingPickler.dumps(opened.with_edges(graph.edges())))
    assert pickle.loads(bytes(ForkingPickler.dumps(graph))) == graph
    as_graph([("n1", "n2")]).save(path)
    assert opened == graph  # the old file stays mapped
    with pytest.raises(ValueError, match=r"a\.graph was replaced after it was opened; open it again\.$"):
        pickle.loads(message)
    path.unlink()
    assert pickle.loads(whole) == pickle.loads(derived) == graph


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"nodes": [(1, 2), (3, 4), (5, 6)]}, r"all integers or all strings, but node \(1, 2\)"),
        ({"nodes": ["a", "\ud800", "b"]}, "lone surrogate"),
        ({"x": np.ones((3, 1), dtype=complex)}, "x holds complex128, where a file holds real numbers or strings"),
        ({"y": np.array(["a", 3, None], dtype=object)}, "y holds 3, where a file holds real numbers, or strings"),
        ({"y": np.array(["a", np.nan, None], dtype=object)}, "y holds nan and None"),
        ({"y": np.array(["a", "\ud800", None], dtype=object)}, "lone surrogate"),
        ({"x": sp.csr_array(np.eye(3, dtype=complex))}, "x is a sparse 2-d matrix of complex128"),
    ],
)
def test_what_no_file_can_hold_is_refused(change, message, tmp_path):
    graph = Graph([0, 1, 2, 2], [1, 0], **change)
    with pytest.raises((TypeError, ValueError), match=r"^cannot write .*a\.graph: .*" + message):
        graph.save(tmp_path / "a.graph")
    assert list(tmp_path.iterdir()) == []


def test_the_path_of_a_graph_is_checked(tmp_path):
    graph = as_graph([(0, 1)])
    with pytest.raises(ValueError, match=r"cannot write .*a\.npz: the name of a saved graph must end in \.graph\.$"):
        graph.save(tmp_path / "a.npz")
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        graph.save(tmp_path / "none" / "a.graph")
    with pytest.raises(FileNotFoundError, match=r"there is no file .*none\.graph\.$"):
        open_graph(tmp_path / "none.graph")
    with pytest.raises(TypeError, match="verify must be True, False or None, got 'all'"):
        open_graph(tmp_path / "none.graph", verify="all")
    gr.NodeVectors(np.eye(3)).save(tmp_path / "v.safetensors")
    with pytest.raises(ValueError, match=r"v\.safetensors is damaged or no graph that graphrep saved \(its format"):
        open_graph(tmp_path / "v.safetensors")


def test_a_full_disk_leaves_the_old_file(saved, monkeypatch):
    path, graph = saved
    content = path.read_bytes()

    def full(array):
        yield b"0"
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("graphrep.io.tensors.blocks_of", full)
    with pytest.raises(OSError, match=r"^cannot write .*a\.graph: No space left on device\.$"):
        graph.save(path)
    assert path.read_bytes() == content
    assert len(list(path.parent.iterdir())) == 1


BAD = {
    "indptr descends": (CSR(np.array([0, 2, 1, 2]), np.array([1, 2], np.int32), None), {}),
    "indptr does not begin with 0": (CSR(np.array([1, 1, 1, 2]), np.array([1, 2], np.int32), None), {}),
    "indptr ends beyond the arcs": (CSR(np.array([0, 1, 2, 9]), np.array([1, 2], np.int32), None), {}),
    "a column too large": (CSR(np.array([0, 1, 2, 2]), np.array([1, 3], np.int32), None), {}),
    "a negative column": (CSR(np.array([0, 1, 2, 2]), np.array([1, -1], np.int32), None), {}),
    "a row that does not ascend": (CSR(np.array([0, 2, 2, 2]), np.array([2, 1], np.int32), None), {}),
    "columns of another size": (CSR(np.array([0, 1, 2, 2]), np.array([1, 2]), None), {}),
    "a weight of zero": (CSR(np.array([0, 2, 2, 2]), np.array([1, 2], np.int32), np.float32([1, 0])), {}),
    "NaN as weight": (CSR(np.array([0, 2, 2, 2]), np.array([1, 2], np.int32), np.float32([1, np.nan])), {}),
    "infinity as weight": (CSR(np.array([0, 2, 2, 2]), np.array([1, 2], np.int32), np.float32([1, np.inf])), {}),
    "too few weights": (CSR(np.array([0, 2, 2, 2]), np.array([1, 2], np.int32), np.float32([1])), {}),
    "a side out of range": (None, {"sides": np.array([0, 1, 2], np.int8)}),
    "a type of nodes out of range": (None, {"types": Types(np.array([0, 1, -1], np.int8), ("a", "b"))}),
    "a type of edges out of range": (None, {"types": Types(edge_type=np.array([0, 1], np.int8), edge_types=("a",))}),
    "typed columns out of range": (
        CSR(np.array([0, 2, 2, 2]), np.array([1, 7], np.int32), None),
        {"types": Types(edge_type=np.array([0, 0], np.int8), edge_types=("a",))},
    ),
    "typed rows that do not ascend": (
        CSR(np.array([0, 0, 2, 2]), np.array([1, 1], np.int32), None),
        {"types": Types(edge_type=np.array([1, 0], np.int8), edge_types=("a", "b"))},
    ),
    "too few rows of features": (None, {"x": np.eye(2)}),
    "features whose columns are out of range": (None, {"x": sp.csr_array((3, 2))}),
    "too few names": (None, {"nodes": np.array([4, 5])}),
}


@pytest.mark.parametrize("kind", BAD)
def test_what_would_mislead_native_code_is_refused_without_verify(kind, tmp_path):
    csr, parts = BAD[kind]
    if sp.issparse(parts.get("x")):
        x = sp.csr_array(np.eye(3))
        x.indices[2] = 9
        parts = {"x": x}
    csr = CSR(np.array([0, 1, 2, 2]), np.array([1, 2], np.int32), None) if csr is None else csr
    path = tmp_path / "a.graph"
    Graph._trusted(csr, directed=True, **parts).save(path)
    with pytest.raises(ValueError, match=r"a\.graph is damaged or no graph that graphrep saved \(.*\)\.$"):
        open_graph(path)


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"directed": False}, "an arc has no reverse"),
        ({"directed": True, "nodes": np.array([4, 4, 5])}, "the names of its nodes are not distinct"),
        ({"directed": True, "nodes": np.array(["a", "a", "b"], dtype=object)}, "names of its nodes are not distinct"),
    ],
)
def test_what_verify_sees_beyond_the_checksums(parts, message, tmp_path):
    csr = CSR(np.array([0, 1, 2, 2]), np.array([1, 2], np.int32), None)
    path = tmp_path / "a.graph"
    Graph._trusted(csr, **parts).save(path)
    open_graph(path)
    with pytest.raises(ValueError, match=message):
        open_graph(path, verify=True)


def test_every_damaged_byte_is_found_by_verify(saved):
    path, _ = saved
    content = path.read_bytes()
    start = 8 + int.from_bytes(content[:8], "little")
    padding = len(content[:start].rstrip(b" "))
    for at in (*range(0, padding, 97), *range(start, len(content), 61)):
        path.write_bytes(content[:at] + bytes([content[at] ^ 4]) + content[at + 1 :])
        with pytest.raises(ValueError, match=r"a\.graph .*\.$"):
            open_graph(path, verify=True)
    for size in (0, 7, 8, 100, start, start + 100, len(content) - 1):
        path.write_bytes(content[:size])
        with pytest.raises(ValueError, match=r"a\.graph .*\.$"):
            open_graph(path, verify=False)
    path.write_bytes(content + b"0")
    with pytest.raises(ValueError, match="follow the header"):
        open_graph(path, verify=False)


def test_a_damaged_name_is_found_when_it_is_read(saved):
    path, _ = saved
    path.write_bytes(path.read_bytes().replace(b"n7n8", b"n7n9"))
    opened = open_graph(path)
    with pytest.raises(ValueError, match=r"a\.graph is damaged \(the names of its nodes are not those"):
        opened.row("n7")
    assert open_graph(path, verify=False).nodes[8] == "n9"


def test_a_file_of_a_later_version_says_so(saved):
    path, _ = saved
    path.write_bytes(path.read_bytes().replace(b"graphrep graph 1", b"graphrep graph 2"))
    with pytest.raises(ValueError, match="its format is 'graphrep graph 2', where this version of graphrep reads"):
        open_graph(path)


def test_arrays_that_are_not_aligned_are_refused(saved):
    path, _ = saved
    content = path.read_bytes()
    length = int.from_bytes(content[:8], "little")
    path.write_bytes((length + 1).to_bytes(8, "little") + content[8 : 8 + length] + b" " + content[8 + length :])
    with pytest.raises(ValueError, match=r"its array '\w+' is not aligned"):
        open_graph(path)


def test_as_graph_opens_a_file_whatever_its_name(saved, tmp_path):
    path, graph = saved
    assert as_graph(str(path)) == graph
    assert mapping_of(as_graph(path).indices) is not None
    assert as_graph(path, weights=False, directed=True).directed
    other = path.rename(tmp_path / "a.dat")
    assert as_graph(other) == graph
    with pytest.raises(TypeError, match=r"^delimiter: options of text files, but .*a\.dat is a saved graph\.$"):
        as_graph(other, delimiter=",")
    with pytest.raises(ValueError, match=r"a\.dat is a graph that graphrep saved; give graphrep\.open_graph\(path\)"):
        gr.io.read_edges(other)


def test_the_suffix_is_shared_with_metis(tmp_path):
    path = tmp_path / "a.graph"
    path.write_text("3 2\n2\n1 3\n2\n")
    assert as_graph(path).num_edges == 2
    as_graph(path).save(path)
    assert as_graph(path).num_edges == 2
    path.write_bytes(path.read_bytes().replace(b"graphrep graph 1", b"graphrep_graph 1"))
    with pytest.raises(ValueError, match=r"a\.graph is damaged or no graph that graphrep saved"):
        as_graph(path)


def run(*arguments):
    with pytest.raises(SystemExit) as info:
        cli.main([str(argument) for argument in arguments])
    return info.value.code or 0


def test_the_command_converts_and_others_read_the_result(tmp_path, capsys):
    edges, path = tmp_path / "edges.csv", tmp_path / "a.graph"
    edges.write_text("from,to,weight\nann,bob,2\nbob,cy,0.5\n")
    assert run("convert", edges, "-o", path) == 0
    assert capsys.readouterr().out.startswith(f"{path}: 3 nodes, 2 edges, undirected, ")
    assert open_graph(path, verify=True) == as_graph(edges)
    for source in (edges, path):
        assert run("embed", source, "--dimensions", 4, "-o", tmp_path / f"{source.name}.npy") == 0
    np.testing.assert_array_equal(np.load(tmp_path / "edges.csv.npy"), np.load(tmp_path / "a.graph.npy"))
    capsys.readouterr()
    assert run("convert", edges, "-o", tmp_path / "a.csv") == 1
    assert run("convert", path, "-o", path) == 1
    assert capsys.readouterr().err.splitlines() == [
        f"graphrep: cannot tell the format of {tmp_path / 'a.csv'}: the name must end in .graph.",
        f"graphrep: {path} is the input; give another name for the output.",
    ]


def test_triples_are_converted_with_their_types(tmp_path):
    triples, path = tmp_path / "triples.tsv", tmp_path / "a.graph"
    triples.write_text("head\trelation\ttail\nann\tknows\tbob\nbob\tlikes\tann\n")
    assert run("convert", triples, "--edge-type", "relation", "-o", path) == 0
    assert open_graph(path).edge_types == ("knows", "likes")
    assert as_graph(path, edge_type=True).edge_types == ("knows", "likes")
    assert json.loads(path.read_bytes()[8 : 8 + int.from_bytes(path.read_bytes()[:8], "little")])["indptr"]["shape"]
