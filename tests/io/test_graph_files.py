"""Graph files are read through the libraries that own their formats, or refused in one sentence."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import pickle
import sys

import networkx as nx
import numpy as np
import pandas as pd
import pytest
import scipy.io
import scipy.sparse as sp

from graphrep import as_graph
from graphrep.io.graph_files import read_graph_file

NETWORK = nx.Graph()
NETWORK.add_edge("ann", "bob", weight=2.0)
NETWORK.add_edge("bob", "cy", weight=0.5)
NETWORK.add_node("dan")
ARROWS = nx.DiGraph([(3, 1), (1, 2), (2, 3)])
FRAME = pd.DataFrame({"id": [1, 2], "from_id": ["a", "b"], "to_id": ["b", "c"], "weight": [1.0, 3.0], "time": [7, 8]})


def dump(function):
    return lambda graph, path: path.write_text(json.dumps(function(graph)))


WRITERS = {
    "g.graphml": nx.write_graphml,
    "g.gexf": nx.write_gexf,
    "g.gml": nx.write_gml,
    "g.net": nx.write_pajek,
    "node_link.json": dump(nx.node_link_data),
    "edges.json": dump(lambda graph: nx.node_link_data(graph, edges="edges")),
    "adjacency.json": dump(nx.adjacency_data),
    "cytoscape.json": dump(nx.cytoscape_data),
}


@pytest.mark.parametrize("name", WRITERS)
def test_what_networkx_writes(tmp_path, name):
    WRITERS[name](NETWORK, tmp_path / name)
    assert as_graph(tmp_path / name) == as_graph(NETWORK)
    assert as_graph(str(tmp_path / name), weight=False) == as_graph(NETWORK, weights=False)
    WRITERS[name](nx.relabel_nodes(ARROWS, str), tmp_path / name)
    g = as_graph(tmp_path / name)
    assert g.directed
    names = g.nodes.tolist()
    assert {(int(names[u]), int(names[v])) for u, v in g.edges().T} == set(ARROWS.edges)
    assert not as_graph(tmp_path / name, directed=False).directed
    if name.endswith(("ml", "gexf", "net")):
        with pytest.raises(ValueError, match=rf"{name} \(.*\): no edge has an attribute 'cost'"):
            as_graph(tmp_path / name, weight="cost")


@pytest.mark.parametrize("name", ["g.graphml", "g.gml", "node_link.json"])
@pytest.mark.parametrize(("pack", "suffix"), [(gzip.compress, ".gz"), (bz2.compress, ".bz2"), (lzma.compress, ".xz")])
def test_packed(tmp_path, name, pack, suffix):
    WRITERS[name](NETWORK, tmp_path / name)
    packed = tmp_path / (name + suffix)
    packed.write_bytes(pack((tmp_path / name).read_bytes()))
    assert as_graph(packed) == as_graph(NETWORK)
    other = tmp_path / f"{name}.xz"
    other.write_bytes(b"\xfd7zXZ")
    with pytest.raises(ValueError, match=r"cannot read .*\.xz as .*: is a truncated xz file\."):
        as_graph(other)


@pytest.mark.parametrize("name", ["g.graphml", "g.gexf", "g.gml", "g.net", "node_link.json"])
def test_content_decides_where_the_suffix_lies(tmp_path, name):
    WRITERS[name](NETWORK, tmp_path / name)
    for other in ("g.txt", "g"):
        assert as_graph((tmp_path / name).rename(tmp_path / other)) == as_graph(NETWORK)
        (tmp_path / other).rename(tmp_path / name)


def test_attributes(tmp_path):
    network = NETWORK.copy()
    nx.set_node_attributes(network, {"ann": 1, "bob": 2, "cy": 3, "dan": 4}, "age")
    nx.write_graphml(network, tmp_path / "g.graphml")
    assert as_graph(tmp_path / "g.graphml", x="age", y="age").x.tolist() == [[1], [2], [3], [4]]


def test_names_that_are_integers(tmp_path):
    nx.write_graphml(ARROWS, tmp_path / "g.graphml")
    assert as_graph(tmp_path / "g.graphml") == as_graph(ARROWS)
    nx.write_graphml(nx.Graph([("007", "1")]), tmp_path / "g.graphml")
    assert as_graph(tmp_path / "g.graphml").nodes.tolist() == ["007", "1"]


def test_gml_without_labels(tmp_path):
    (tmp_path / "g.gml").write_text("graph [ node [ id 3 ] node [ id 7 ] edge [ source 3 target 7 ] ]")
    assert as_graph(tmp_path / "g.gml").nodes.tolist() == [3, 7]


def test_edge_lists_of_networkx(tmp_path):
    path = tmp_path / "e.edgelist"
    nx.write_edgelist(NETWORK, path)
    g = as_graph(path)
    assert (g.nodes.tolist(), g.weights.tolist()) == (["ann", "bob", "cy"], [2, 2, 0.5, 0.5])
    assert as_graph(path, weight=False).weights is None
    nx.write_edgelist(ARROWS, tmp_path / "e.txt")  # a b {}
    g = as_graph(tmp_path / "e.txt", directed=True)
    assert (g.nodes.tolist(), g.edges().tolist(), g.weights) == ([1, 2, 3], [[0, 1, 2], [1, 2, 0]], None)
    assert not as_graph(tmp_path / "e.txt").directed
    (tmp_path / "e.txt").write_text("a b {'weight': open('x')}\n")
    with pytest.raises(ValueError, match=r"e\.txt as an edge list of networkx"):
        as_graph(tmp_path / "e.txt")


def test_adjacency_lists(tmp_path):
    nx.write_adjlist(NETWORK, tmp_path / "g.adjlist")
    assert as_graph(tmp_path / "g.adjlist") == as_graph(NETWORK, weights=False)
    (tmp_path / "g.adjlist").write_text("# a comment\n5 3 1\n3\n1\n")
    g = as_graph(tmp_path / "g.adjlist", directed=True)
    assert (g.nodes.tolist(), g.edges().tolist()) == ([5, 3, 1], [[0, 0], [1, 2]])


def test_graph6(tmp_path):
    for suffix, write in ((".g6", nx.write_graph6), (".s6", nx.write_sparse6)):
        write(nx.path_graph(4), tmp_path / f"p{suffix}")
        assert as_graph(tmp_path / f"p{suffix}") == as_graph(nx.path_graph(4))
    (tmp_path / "two.g6").write_bytes((tmp_path / "p.g6").read_bytes() * 2)
    with pytest.raises(ValueError, match="holds 2 graphs"):
        as_graph(tmp_path / "two.g6")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"nodes": [{"id": "a"}], "links": [{"source": "a", "target": "b"}]}', "an edge names 'b'"),
        ('{"nodes": [{"id": "a"}, {"id": "b"}], "links": [{"source": 0, "target": 1}]}', "an edge names 0"),
        ('{"nodes": [{"id": "a"}, {"id": "a"}], "links": []}', "two nodes have the id 'a'"),
        ("[[0, 1]]", 'no "nodes" beside "links"'),
        ("{", "Expecting property name"),
        ('{"nodes": [{"id": "a"}], "links": [{"from": "a"}]}', "source"),
    ],
)
def test_bad_json(tmp_path, text, message):
    (tmp_path / "g.json").write_text(text)
    with pytest.raises(ValueError, match=rf"cannot read .*g\.json as JSON: .*{message}"):
        as_graph(tmp_path / "g.json")


def test_weights_of_a_file_that_are_words_are_a_fault_of_the_file(tmp_path):
    (tmp_path / "g.json").write_text('{"nodes": [{"id": 0}], "links": [{"source": 0, "target": 0, "weight": "x"}]}')
    with pytest.raises(ValueError, match=r"g\.json \(JSON\): edge attribute 'weight' must be real numbers"):
        as_graph(tmp_path / "g.json")
    with pytest.raises(TypeError, match=r"g\.json \(JSON\): edge attribute 'weight' must be real numbers"):
        as_graph(tmp_path / "g.json", weight="weight")


class TestMatrices:
    def test_matrix_market(self, tmp_path):
        one_way = np.array([[0, 2.0, 0], [0, 0, 1], [0, 0, 0]])
        scipy.io.mmwrite(tmp_path / "m.mtx", sp.coo_array(one_way))
        assert as_graph(tmp_path / "m.mtx") == as_graph(sp.csr_array(one_way))
        scipy.io.mmwrite(tmp_path / "s.mtx", sp.coo_array(one_way + one_way.T), symmetry="symmetric")
        assert as_graph(tmp_path / "s.mtx") == as_graph(sp.csr_array(one_way + one_way.T))
        (tmp_path / "m.mtx").rename(tmp_path / "m.txt")
        assert as_graph(tmp_path / "m.txt").directed
        packed = tmp_path / "m.mtx.gz"
        packed.write_bytes(gzip.compress((tmp_path / "m.txt").read_bytes()))
        assert as_graph(packed) == as_graph(tmp_path / "m.txt")
        scipy.io.mmwrite(tmp_path / "r.mtx", sp.coo_array(np.ones((2, 3))))
        with pytest.raises(ValueError, match=r"r\.mtx \(Matrix Market\): .* must be square, .* give bipartite=True"):
            as_graph(tmp_path / "r.mtx")
        assert as_graph(tmp_path / "r.mtx", bipartite=True).bipartite_sides.tolist() == [0, 0, 1, 1, 1]

    def test_npz(self, tmp_path):
        sp.save_npz(tmp_path / "m.npz", sp.csr_array([[0, 2.0], [2, 0]]))
        assert as_graph(tmp_path / "m.npz").weights.tolist() == [2, 2]
        np.savez(tmp_path / "e.npz", edge_index=np.zeros((2, 3), int))
        with pytest.raises(ValueError, match=r"e\.npz as NumPy .npz: it holds the arrays edge_index and no matrix"):
            as_graph(tmp_path / "e.npz")

    def test_nothing_is_unpickled(self, tmp_path):
        class Bomb:
            def __reduce__(self):
                return (sys.exit, ("unpickled",))

        np.savez(tmp_path / "bomb.npz", format=np.array([Bomb()], dtype=object))
        with pytest.raises(ValueError, match=r"cannot read .*bomb\.npz"):
            as_graph(tmp_path / "bomb.npz")
        for name in ("bomb.pkl", "bomb.gpickle", "bomb.graphml", "bomb.txt", "bomb.pt"):
            (tmp_path / name).write_bytes(pickle.dumps(Bomb()))
            with pytest.raises(ValueError, match=rf"{name} is a pickle, and no pickle is read"):
                as_graph(tmp_path / name)

    @pytest.mark.parametrize(
        ("text", "edges", "weights"),
        [
            ("% plain\n4 2\n2\n1 3\n2\n\n", [[0, 1], [1, 2]], None),
            ("3 2 001\n2 5\n1 5 3 7\n2 7\n", [[0, 1], [1, 2]], [5, 5, 7, 7]),
            ("3 2 011 2\n9 9 2 5\n9 9 1 5 3 7\n9 9 2 7\n", [[0, 1], [1, 2]], [5, 5, 7, 7]),
            ("3 2 100\n4 2\n4 1 3\n4 2\n", [[0, 1], [1, 2]], None),
            ("2 0\n\n\n", [[], []], None),
        ],
    )
    def test_metis(self, tmp_path, text, edges, weights):
        path = tmp_path / "m.graph"
        path.write_text(text)
        g = as_graph(path)
        assert (g.edges().tolist(), g.directed) == (edges, False)
        assert (None if g.weights is None else g.weights.tolist()) == weights
        path.rename(tmp_path / "m.metis")
        assert as_graph(tmp_path / "m.metis") == g

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("", "no header"),
            ("a b\nb c\n", "the header must hold the numbers of nodes and edges, got 'a b'"),
            ("3 2\n2\n1 3\n", "the header says 2 edges, but 3 neighbors are listed instead of 4"),
            ("5 2\n2\n1 3\n", "the header says 5 nodes, but 2 lines follow it"),
            ("2 1\n2\n1\n1\n", "the header says 2 nodes, but 3 lines follow it"),
            ("2 1\n3\n1\n", r"neighbors must lie in \[1, 2\], got 1 … 3"),
            ("2 1\nx\n1\n", "invalid literal|could not convert"),
            ("2 1 1\n2\n1 4\n", "line 2 has a neighbor without a weight"),
        ],
    )
    def test_bad_metis(self, tmp_path, text, message):
        (tmp_path / "m.graph").write_text(text)
        with pytest.raises(ValueError, match=rf"cannot read .*m\.graph as METIS: .*({message})"):
            as_graph(tmp_path / "m.graph")


class TestTables:
    @pytest.mark.parametrize("name", ["e.parquet", "e.feather", "e.arrow", "e.txt"])
    def test_columns_by_name(self, tmp_path, name):
        path = tmp_path / name
        FRAME.to_parquet(path) if name in ("e.parquet", "e.txt") else FRAME.to_feather(path)
        g = as_graph(path)
        assert (g.nodes.tolist(), g.weights.tolist()) == (["a", "b", "c"], [1, 1, 3, 3])
        assert as_graph(path, weight=False).weights is None
        named = as_graph(path, source="to_id", target="from_id", weight="time", directed=True)
        assert (named.nodes.tolist(), named.edges().tolist()) == (["b", "a", "c"], [[0, 2], [1, 0]])
        assert named.weights.tolist() == [7, 8]
        assert as_graph(path, bipartite=True).nodes.tolist() == ["from_id:a", "from_id:b", "to_id:b", "to_id:c"]
        with pytest.raises(TypeError, match=r"delimiter: options of text files, but .* is (Parquet|Feather|Arrow)"):
            as_graph(path, delimiter=",")
        with pytest.raises(ValueError, match=rf"source: .*{name} has no column 'sender'"):
            as_graph(path, source="sender", target="to_id")

    def test_only_the_columns_needed_are_read(self, tmp_path):
        FRAME.to_parquet(tmp_path / "e.parquet")
        kind, found = read_graph_file(tmp_path / "e.parquet")
        assert (kind, found.table.column_names) == ("Parquet", ["from_id", "to_id", "weight"])

    def test_an_index_of_pandas_is_no_end_point(self, tmp_path):
        FRAME.rename(columns={"from_id": "one", "to_id": "two"})[["one", "two"]].iloc[::-1].to_parquet(
            tmp_path / "e.parquet"
        )
        assert as_graph(tmp_path / "e.parquet").nodes.tolist() == ["b", "c", "a"]

    def test_folders(self, tmp_path):
        FRAME.to_parquet(tmp_path / "2.parquet")
        (tmp_path / "year=1999").mkdir()
        FRAME.assign(to_id="z", weight=[1, 2]).to_parquet(tmp_path / "year=1999" / "1.parquet")
        (tmp_path / "_SUCCESS").write_text("")
        (tmp_path / ".part.crc").write_text("x")
        g = as_graph(tmp_path)
        assert sorted(g.nodes.tolist()) == ["a", "b", "c", "z"]
        assert g.num_edges == 4
        FRAME.drop(columns="time").to_parquet(tmp_path / "3.parquet")
        with pytest.raises(ValueError, match=r"3\.parquet has the columns .*, but .*2\.parquet has"):
            as_graph(tmp_path)
        (tmp_path / "3.parquet").rename(tmp_path / "3.csv")
        (tmp_path / "3.csv").write_text("a,b\n")
        with pytest.raises(ValueError, match=r"holds files of several kinds \(2.parquet, 3.csv\)"):
            as_graph(tmp_path)

    def test_folders_of_text(self, tmp_path):
        (tmp_path / "1.csv").write_text("source,target\nb,a\n")
        (tmp_path / "2.csv").write_text("source,target\na,7\n")
        g = as_graph(tmp_path, directed=True)
        assert (g.nodes.tolist(), g.edges().tolist()) == (["b", "a", "7"], [[0, 1], [1, 2]])
        (tmp_path / "1.csv").write_text("30,10\n")
        (tmp_path / "2.csv").write_text("10,20\n10,30\n")
        g = as_graph(tmp_path)
        assert (g.nodes.tolist(), g.num_edges) == ([10, 20, 30], 2)
        assert as_graph(tmp_path, bipartite=True).num_nodes == 5
        assert as_graph(tmp_path, num_nodes=40).num_nodes == 40
        (tmp_path / "3.csv").write_text("a,b\n")
        with pytest.warns(UserWarning, match="are integers, and strings in others: all are taken as strings"):
            assert as_graph(tmp_path).nodes.tolist() == ["30", "10", "20", "a", "b"]
        (tmp_path / "3.csv").write_text("source,target,weight\n10,20,0.5\n")
        with pytest.raises(ValueError, match="some files of the folder have weights and some have none"):
            as_graph(tmp_path)

    def test_bad_folders(self, tmp_path):
        with pytest.raises(ValueError, match="is a folder without files of edges"):
            as_graph(tmp_path)
        (tmp_path / "readme.md").write_text("x")
        with pytest.raises(ValueError, match=r"holds readme\.md; a folder must hold parts of one table"):
            as_graph(tmp_path)

    def test_without_pyarrow(self, tmp_path, monkeypatch):
        FRAME.to_parquet(tmp_path / "e.parquet")
        monkeypatch.setitem(sys.modules, "pyarrow", None)
        with pytest.raises(ImportError, match=r"e\.parquet: Parquet needs pyarrow; pip install 'graphrep\[io\]'"):
            as_graph(tmp_path / "e.parquet")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("g.graphml", b"<?xml version='1.0'?><graphml", "cannot read .*g.graphml as GraphML: "),
        ("g.graphml", b"a b\n", "cannot read .*g.graphml as GraphML: "),
        ("g.gexf", b"<gexf></gexf>", "cannot read .*g.gexf as GEXF: "),
        ("g.gml", b"graph [ node [ id ", "cannot read .*g.gml as GML: "),
        ("g.net", b"*Vertices x\n", "cannot read .*g.net as Pajek: "),
        ("g.parquet", b"PAR1", "cannot read .*g.parquet as Parquet: "),
        ("g.feather", b"x", "cannot read .*g.feather as Feather: "),
        ("g.npz", b"PK\x03\x04", "cannot read .*g.npz as NumPy .npz: "),
        ("g.mtx", b"1 2\n", "cannot read .*g.mtx as Matrix Market: "),
        ("g.xlsx", b"PK\x03\x04", "is an Excel file; read it with pandas.read_excel"),
        ("g.h5", b"\x89HDF\r\n", "is HDF5; read it with pandas or h5py"),
        ("g.txt", b"\x89HDF\r\n", "is HDF5"),
        ("g.npy", b"\x93NUMPY", "is an array without names; load it with numpy.load"),
        ("g.db", b"SQLite format 3\0", "is a database"),
        ("g.jsonl", b'{"source": 1, "target": 2}', "is JSON lines; read it with polars.read_ndjson"),
        ("g.dot", b"graph { a -- b }", "is a Graphviz file"),
    ],
)
def test_damaged_and_foreign_files(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=message):
        as_graph(tmp_path / name)


def test_text_stays_text(tmp_path):
    for name in ("e.txt", "e.csv", "e", "e.tsv.gz", "e.edges"):
        text = b"a\tb\nb\tc\n"
        (tmp_path / name).write_bytes(gzip.compress(text) if name.endswith("gz") else text)
        assert read_graph_file(tmp_path / name) is None
        assert as_graph(tmp_path / name).num_edges == 2
    assert read_graph_file("-") is None
    with pytest.raises(FileNotFoundError, match=r"nothing\.graphml"):
        as_graph(tmp_path / "nothing.graphml")
    with pytest.raises(TypeError, match="give the path of the file"), (tmp_path / "e.txt").open() as file:
        as_graph(file)


def test_entities_do_not_multiply(tmp_path):
    """Ten entities, each ten times the one before: 10 GB from 1 kB, if the parser let it happen."""
    entities = "".join(f"<!ENTITY e{i} '{f'&e{i - 1};' * 10 if i else 'x' * 10}'>" for i in range(10))
    (tmp_path / "bomb.graphml").write_text(
        f"<?xml version='1.0'?><!DOCTYPE graphml [{entities}]><graphml><graph><node id='&e9;'/></graph></graphml>"
    )
    with pytest.raises(ValueError, match=r"cannot read .*bomb\.graphml as GraphML: "):
        as_graph(tmp_path / "bomb.graphml")
