"""Tables of nodes beside tables of edges, and neo4j-admin's form of both."""

from __future__ import annotations

import gzip

import numpy as np
import pandas as pd
import pytest

import graphrep as gr
from graphrep.io.node_tables import parse_field, property_values, read_columns

PERSONS = """personId:ID(Person),name,born:int,scores:float[],:LABEL
1,"Reeves, Keanu",1964,0.5;1,Actor
2,Laurence,1961,2;-1e3,Actor;Director
"""
MOVIES = """:ID(Movie);title;year:int;:LABEL
1;The Matrix;1999;Movie
7;"a ""quoted""
title";2003;Movie
"""
ROLES = """:START_ID(Person),role,weight:double,:END_ID(Movie),:TYPE
1,Neo,2.5,1,ACTED_IN
2,Morpheus,1,1,ACTED_IN
2,,1,7,DIRECTED
1,Neo,1,7,ACTED_IN
"""


@pytest.fixture
def files(tmp_path):
    for name, text in {"persons.csv": PERSONS, "movies.csv": MOVIES, "roles.csv": ROLES}.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def test_two_id_spaces_with_the_same_ids(files):
    nodes = [files / "persons.csv", files / "movies.csv"]
    g = gr.as_graph(files / "roles.csv", nodes=nodes, x="born", y="title")
    assert g.nodes.tolist() == ["Person:1", "Person:2", "Movie:1", "Movie:7"]
    assert g.node_types == ("Actor", "Actor;Director", "Movie")
    assert g.node_type.tolist() == [0, 1, 2, 2]
    assert g.edge_types == ("ACTED_IN", "DIRECTED")
    assert g.directed
    assert g["Person:1"] == {"Movie:1": 2.5, "Movie:7": 1.0}
    assert g.relation("DIRECTED").name == ("Actor;Director", "DIRECTED", "Movie")
    assert g.x is None
    assert {kind: rows.tolist() for kind, rows in g.features.items()} == {"Actor": [1964], "Actor;Director": [1961]}
    assert g.labels["Movie"].tolist() == ["The Matrix", 'a "quoted"\ntitle']
    scored = gr.as_graph(files / "roles.csv", nodes=nodes, x="scores", weight=False, edge_type=False, directed=True)
    assert scored.features["Actor"].dtype == np.float32
    assert scored.features["Actor;Director"].tolist() == [[2.0, -1000.0]]
    assert scored.weights is None
    assert scored.edge_type is None


def test_frames_and_packed_files_give_the_same(files):
    nodes = [files / "persons.csv", files / "movies.csv"]
    expected = gr.as_graph(files / "roles.csv", nodes=nodes)
    frames = [pd.read_csv(files / "persons.csv"), pd.read_csv(files / "movies.csv", sep=";")]
    assert gr.as_graph(pd.read_csv(files / "roles.csv"), nodes=frames) == expected
    halves = pd.read_csv(files / "roles.csv")
    assert gr.as_graph([halves[:1], halves[1:]], nodes=frames) == expected
    (files / "roles.csv.gz").write_bytes(gzip.compress(ROLES.encode()))
    assert gr.as_graph(files / "roles.csv.gz", nodes=nodes) == expected


def test_a_plain_table_of_nodes_beside_any_edges(tmp_path):
    """Isolated nodes, types by a column that is named, features of several columns."""
    table = pd.DataFrame({"Id": ["b", "a", "c"], "kind": ["u", "v", "u"], "age": [3, 4, 5], "z": [0.5, 1.5, 2.5]})
    for edges in ([("a", "b")], pd.DataFrame({"source": ["a"], "target": ["b"]})):
        g = gr.as_graph(edges, nodes=table, node_type="kind", x=["age", "z"], y="kind")
        assert g.nodes.tolist() == ["b", "a", "c"]
        assert g.neighbors("a").tolist() == ["b"]
        assert g.node_types == ("u", "v")
        assert g.x.tolist() == [[3, 0.5], [4, 1.5], [5, 2.5]]
        assert g.y.tolist() == ["u", "v", "u"]
    path = tmp_path / "nodes.tsv"
    path.write_text("node_id\tage\n5\t1\n3\t2\n9\t2.5\n")
    g = gr.as_graph([(3, 5)], nodes=str(path), x="age")
    assert (g.nodes.tolist(), g.x.ravel().tolist()) == ([5, 3, 9], [1, 2, 2.5])
    rows = gr.as_graph(np.array([[0], [1]]), nodes=path)  # row numbers are rows of the table
    assert rows.neighbors(5).tolist() == [3]


def random_graph(seed, *, named, directed, typed):
    rng = np.random.default_rng(seed)
    n, m = 12, 30
    names = [f"node {i}" for i in rng.permutation(n)] if named == "text" else None
    names = rng.permutation(100)[:n].tolist() if named == "int" else names
    names = list(map(str, range(n))) if named == "digits" else names
    options = {"node_type": np.arange(n) // 5, "node_types": ["a", "b", "never", "c"]} if typed else {}
    if typed:
        options |= {"node_type": np.array([0, 1, 3])[options["node_type"]]}
        options |= {"edge_type": rng.integers(3, size=m), "edge_types": ["r", "s", "t"]}
        options |= {"x": {"a": rng.normal(size=(5, 3)).astype(np.float32)}, "y": {"b": rng.integers(4, size=5)}}
    else:
        options |= {"x": rng.normal(size=(n, 2)), "y": rng.random(n) < 0.5}
    weights = rng.random(m).astype(np.float32) + 0.1 if directed else None
    return gr.as_graph(
        rng.integers(n, size=(2, m)), nodes=names, num_nodes=n, directed=directed, weights=weights, **options
    )


@pytest.mark.parametrize("named", ["rows", "text", "int", "digits"])
@pytest.mark.parametrize("directed", [False, True])
@pytest.mark.parametrize("typed", [False, True])
def test_what_is_written_is_read_back(tmp_path, named, directed, typed):
    g = random_graph(3, named=named, directed=directed, typed=typed)
    g.to_neo4j(tmp_path / "out")
    types = {"node_types": g.node_types, "edge_types": g.edge_types} if typed else {}
    back = gr.as_graph(
        tmp_path / "out" / "edges.csv", nodes=tmp_path / "out" / "nodes.csv", directed=directed, x="x", y="y", **types
    )
    assert back == g
    assert type(back.nodes.tolist()[0]) is type(g.nodes.tolist()[0])
    if typed:
        assert set(back.features) == {"a"}
        np.testing.assert_array_equal(back.features["a"], g.features["a"])
        assert back.features["a"].dtype == np.float32
        np.testing.assert_array_equal(back.labels["b"], g.labels["b"])
    else:
        np.testing.assert_array_equal(back.x, g.x)
        np.testing.assert_array_equal(back.y, g.y)
        assert back.y.dtype == bool
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["edges.csv", "nodes.csv"]


def test_what_cannot_be_written_is_refused(tmp_path):
    import scipy.sparse as sp

    with pytest.raises(TypeError, match="x is sparse"):
        gr.as_graph([(0, 1)], x=sp.eye(2).tocsr()).to_neo4j(tmp_path)
    with pytest.raises(TypeError, match=r"nodes called by integers or strings, got \(1, 2\)"):
        gr.as_graph([((1, 2), (3, 4))]).to_neo4j(tmp_path)
    assert not list(tmp_path.iterdir())


def test_features_by_type_are_checked():
    triples, kinds = [("a", "r", "b")], {"a": "u", "b": "v"}
    g = gr.as_graph(triples, edge_type=1, node_type=kinds, x={"u": [[1.0, 2.0]]})
    assert g.features["u"].tolist() == [[1.0, 2.0]]
    for x, error, message in (
        ({"w": [[1.0]]}, ValueError, "x has 'w', which is no type of nodes; these are 'u', 'v'"),
        ({"u": [[1.0], [2.0]]}, ValueError, r"x of 'u' must have one row per node \(1\), got 2"),
    ):
        with pytest.raises(error, match=message):
            gr.as_graph(triples, edge_type=1, node_type=kinds, x=x)
    with pytest.raises(ValueError, match="x names none of the nodes: 'u' is none, and 'a' is one"):
        gr.as_graph([("a", "b")], x={"u": [[1.0]]})


@pytest.mark.parametrize(
    ("nodes", "edges", "message"),
    [
        ("name\tb\n", ":START_ID,:END_ID\n1,1\n", "the end '1' in row 0, which is no node of nodes="),
        ("a,b\n1,2\n", ":START_ID,:END_ID\n", "no column of ids among 'a', 'b'; call it ':ID' or 'id'"),
        (":ID,age:int\n1\n", "", "row 2 has 1 fields, but the header has 2 columns"),
        ("", "", "is empty; it must begin with the names of its columns"),
        (":ID\n1\n1\n", ":START_ID,:END_ID\n", "has the id '1' twice"),
        (':ID\n""\n', ":START_ID,:END_ID\n", "has no id in row 0 of the column ':ID'"),
        (":ID(A)\n1\n", ":START_ID(B),:END_ID(A)\n1,1\n", "ends in the id space 'B', but the nodes are in 'A'"),
        (":ID(A)\n1\n", ":START_ID(A),:END_ID(A)\n1,2\n", "the end '2' in row 0, which is no node of the id space 'A'"),
        (":ID,:ID\n1,1\n", ":START_ID,:END_ID\n", "has 2 columns of the kind :ID; keep one"),
        (":ID\n1\n", ":START_ID,:TYPE\n1,r\n", "has no column ':END_ID'"),
        (":ID\n1\n", ":START_ID,:END_ID,:TYPE\n1,1,\n", "has no type in row 0"),
        (":ID\n1\n", ":START_ID,:END_ID,weight:float\n1,1,x\n", "must hold values of the kind float, got 'x'"),
        (":ID\n1\n", ":START_ID,:END_ID,weight:float\n1,1,\n", "has no value in row 0"),
    ],
)
def test_damaged_tables_are_one_sentence(tmp_path, nodes, edges, message):
    (tmp_path / "nodes.csv").write_text(nodes)
    (tmp_path / "edges.csv").write_text(edges or ":START_ID,:END_ID\n")
    with pytest.raises(ValueError, match=message) as caught:
        gr.as_graph(tmp_path / "edges.csv", nodes=tmp_path / "nodes.csv")
    assert "\n" not in str(caught.value)


def test_properties_that_do_not_fit_are_one_sentence(files):
    nodes = [files / "persons.csv", files / "movies.csv"]
    ragged = pd.DataFrame({":ID": ["a", "b"], "v:float[]": ["1;2", "3"], "s": ["x", None], ":LABEL": ["A", "A"]})
    for obj, table, options, error, message in (
        (
            files / "roles.csv",
            nodes,
            {"x": "moon"},
            ValueError,
            "has a property 'moon'; the properties are 'name'",
        ),
        (files / "roles.csv", nodes, {"x": "name"}, TypeError, "'name' of 'Actor' holds object and no numbers"),
        (
            files / "roles.csv",
            nodes,
            {"x": ["born", "year"]},
            ValueError,
            "missing in some types; give x='born' alone",
        ),
        (files / "roles.csv", nodes, {"weight": "moon"}, ValueError, "no table of edges has a column 'moon'"),
        (files / "roles.csv", nodes, {"bipartite": True}, ValueError, "bipartite=True is for edges alone"),
        (files / "roles.csv", nodes, {"num_nodes": 3}, ValueError, "num_nodes= is given, but the tables of nodes="),
        (files / "roles.csv", nodes, {"source": 1}, TypeError, "options of other tables than those of neo4j-admin"),
        ([("a", "b")], nodes, {}, ValueError, "so the edges must have ':START_ID"),
        ([("a", "b")], ragged, {"x": "v"}, ValueError, "must hold arrays of one length, got 1 to 2 values"),
        ([("a", "b")], ragged, {"y": "s"}, ValueError, "has no value for 'b'; fill it in, or leave it out"),
        ([("a", "z")], ragged, {}, ValueError, "nodes lacks 'z', which is a node of the graph"),
        (gr.as_graph([("a", "b")]), ragged, {}, TypeError, "give the edges that the Graph was made of"),
    ):
        with pytest.raises(error, match=message):
            gr.as_graph(obj, nodes=table, **options)


def test_fields_and_values():
    assert parse_field("id:ID(People){id-type: int}") == ("id", "ID", "People", "int")
    assert parse_field(":START_ID") == ("", "START_ID", "", "")
    assert parse_field("born:Int") == ("born", "int", "", "")
    assert parse_field("plain name") == ("plain name", "", "", "")
    assert property_values(["1", "2"], "", "p").dtype == np.int64
    assert property_values(["1", "2.5"], "", "p").tolist() == [1.0, 2.5]
    assert property_values(["1", "b"], "", "p").tolist() == ["1", "b"]
    assert property_values(["TRUE", "false"], "boolean", "p").tolist() == [True, False]
    assert property_values(["1;2", "3;4"], "long[]", "p").tolist() == [[1, 2], [3, 4]]
    assert property_values([1, 2.5], "", "p").tolist() == [1.0, 2.5]
    assert property_values([True, False], "", "p").dtype == bool
    assert property_values([1.0, 2.0], "long", "p").dtype == np.int64
    with pytest.raises(ValueError, match=r"p must hold values of the kind int, got '1\.5'"):
        property_values([1.0, 1.5], "int", "p")
    assert property_values(["inf", "1e38"], "float", "p").tolist()[0] == np.inf
    with pytest.raises(ValueError, match="p must hold values of the kind float, got '-1e39'"):
        property_values(["1", "-1e39"], "float", "p")
    for kind, bad in (("boolean", "yes"), ("byte", "300"), ("long", "1.5"), ("long", "1_0"), ("double", "x")):
        with pytest.raises(ValueError, match=f"p must hold values of the kind {kind}, got '{bad}'"):
            property_values([bad], kind, "p")


def test_quoted_fields_go_over_lines(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text('a,b\n"1,\n\n2",#x\n')
    assert read_columns(path) == (["a", "b"], [["1,\n\n2"], ["#x"]])


def test_edges_of_another_form_are_read_once(tmp_path, monkeypatch):
    """What does not begin with neo4j-admin's header is no table of theirs, and is not read to find that out."""
    from graphrep import _node_tables

    (tmp_path / "edges.csv").write_text("from,to\n1,2\n2,3\n")
    read = []
    whole = _node_tables.read_columns
    monkeypatch.setattr(_node_tables, "read_columns", lambda path: read.append(path.name) or whole(path))
    (tmp_path / "nodes.csv").write_text("id\n1\n2\n3\n")
    assert gr.as_graph(tmp_path / "edges.csv", nodes=tmp_path / "nodes.csv").num_edges == 2
    assert read == ["nodes.csv"]
    (tmp_path / "edges.csv").write_text(":Start_ID,:END_ID\n1,2\n")
    assert gr.as_graph(tmp_path / "edges.csv", nodes=tmp_path / "nodes.csv").num_edges == 1
    assert read == ["nodes.csv", "nodes.csv", "edges.csv"]


def test_long_names_are_cut_in_errors(tmp_path):
    nodes, edges = tmp_path / "n.csv", tmp_path / "e.csv"
    nodes.write_text("9" * 5000 + "\n1\n")
    edges.write_text("a,b\n1,2\n")
    with pytest.raises(ValueError, match=r"has no column of ids among '9{38}…;") as error:
        gr.as_graph(edges, nodes=nodes)
    assert len(str(error.value)) < 400


@pytest.mark.parametrize(
    ("header", "got"), [("weight:doublelele", "of the kind 'doublelele'"), ("weight:string", "of")]
)
def test_weights_of_a_table_are_numbers(tmp_path, header, got):
    nodes, edges = tmp_path / "n.csv", tmp_path / "e.csv"
    nodes.write_text(":ID\n1\n2\n")
    edges.write_text(f":START_ID,{header},:END_ID\n1,2.5,2\n")
    with pytest.raises(ValueError, match=rf"the column 'weight' of .*e\.csv is {got}.*weight:double"):
        gr.as_graph(edges, nodes=nodes)
    assert gr.as_graph(edges, nodes=nodes, weight=False).weights is None


def test_the_missing_value_of_pandas_is_missing_everywhere():
    ends = {"source": ["a", "b"], "target": ["b", "c"]}
    nodes = pd.DataFrame({"id": ["a", "b", "c"], "kind": ["x", pd.NA, "y"]})
    with pytest.raises(ValueError, match="'kind' of nodes has no value for 'b'"):
        gr.as_graph(pd.DataFrame(ends), nodes=nodes, node_type="kind")
    with pytest.raises(ValueError, match="nodes has no id in row 1"):
        gr.as_graph(pd.DataFrame(ends), nodes=pd.DataFrame({"id": ["a", pd.NA, "c"]}))
    with pytest.raises(ValueError, match="list of sources has no node in row 1"):
        gr.as_graph([("a", "b"), (pd.NA, "c")])
    kinds = pd.Series(["x", pd.NA], dtype=object)
    with pytest.raises(ValueError, match="types of edges has no value in row 1"):
        gr.as_graph(pd.DataFrame(ends | {"kind": kinds}), edge_type="kind")
    with pytest.raises(ValueError, match="triples: row 1 has no value"):
        gr.ComplEx(dimensions=2, epochs=1).fit([("a", "x", "b"), ("b", pd.NA, "c")])


def test_tables_of_nodes_in_parquet_keep_their_dtypes(tmp_path):
    pa, pq = (pytest.importorskip(name) for name in ("pyarrow", "pyarrow.parquet"))
    lists = [[0.5, 1.0], [2.0, 3.0], [4.0, 5.0]]
    columns = {"id": ["a", "b", "c"], "emb": pa.array(lists, pa.list_(pa.float32())), "flag": [True, False, True]}
    columns["size"] = pa.array([1.0, 2.0, 3.0], pa.float32())
    (tmp_path / "nodes").mkdir()
    table = pa.table(columns)
    pq.write_table(table[:2], tmp_path / "nodes" / "0.parquet")
    pq.write_table(table[2:], tmp_path / "nodes" / "1.parquet")
    (tmp_path / "edges.txt").write_text("a b\n")
    for nodes in (table, tmp_path / "nodes", sorted((tmp_path / "nodes").iterdir())):
        g = gr.as_graph(tmp_path / "edges.txt", nodes=nodes, x="emb", y="flag")
        assert (g.x.dtype, g.x.tolist(), g.y.tolist()) == (np.float32, lists, [True, False, True])
        assert gr.as_graph(tmp_path / "edges.txt", nodes=nodes, x=["size"]).x.dtype == np.float32


def test_ids_that_are_strings_match_edges_that_look_like_integers(tmp_path):
    (tmp_path / "nodes.csv").write_text("id\n1\nb\n2\n")
    (tmp_path / "edges.txt").write_text("1 2\n")
    g = gr.as_graph(tmp_path / "edges.txt", nodes=tmp_path / "nodes.csv")
    assert (g.nodes.tolist(), g.neighbors("1").tolist()) == (["1", "b", "2"], ["2"])
