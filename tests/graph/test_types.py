"""Types of nodes and edges of a Graph: building, selecting, leading out and back, and the door of learners."""

from __future__ import annotations

import gzip
import pickle

import numpy as np
import pytest
from scipy import sparse

import graphrep as gr
from graphrep.graph import Graph

TRIPLES = [
    ("ann", "knows", "bob"),
    ("ann", "likes", "bob"),
    ("bob", "knows", "cy"),
    ("cy", "likes", "ann"),
    ("ann", "knows", "bob"),
]


@pytest.fixture
def people():
    return gr.as_graph(TRIPLES, edge_type=1, node_type={"ann": "adult", "bob": "adult", "cy": "child"})


def as_set(g):
    heads, kinds, tails = g.triples().T
    names = g.nodes
    return {(names[h], g.edge_types[k], names[t]) for h, k, t in zip(heads, kinds, tails, strict=True)}


def random_typed(rng, n=30, m=400, kinds=4, directed=True):
    triples = np.stack([rng.integers(n, size=m), rng.integers(kinds, size=m), rng.integers(n, size=m)], axis=1)
    return triples, gr.as_graph(triples, edge_type=1, num_nodes=n, directed=directed)


def test_arcs_of_different_types_stay_apart(people):
    assert people.directed
    assert people.num_arcs == 4  # the repeated triple is merged
    assert as_set(people) == set(TRIPLES)
    assert people.edge_types == ("knows", "likes")
    assert people.node_types == ("adult", "child")
    assert people["ann"] == {"bob": 3.0}  # two of knows, one of likes
    assert people.neighbors("ann").tolist() == ["bob"]
    assert repr(people).endswith("2 node types, 2 edge types)")


@pytest.mark.parametrize("directed", [True, False])
def test_rows_ascend_by_column_and_type_and_agree_with_loops(directed):
    triples, g = random_typed(np.random.default_rng(0), directed=directed)
    expected = {}
    for h, r, t in triples.tolist():
        expected[h, r, t] = expected.get((h, r, t), 0) + 1
    if not directed:
        expected = {
            (h, r, t): max(expected.get((h, r, t), 0), expected.get((t, r, h), 0))
            for a, r, b in expected
            for h, t in ((a, b), (b, a))
        }
    found = dict(zip(map(tuple, g.triples().tolist()), g.weights.tolist(), strict=True))
    assert found == expected
    keys = list(zip(g.sources().tolist(), g.indices.tolist(), g.edge_type.tolist(), strict=True))
    assert keys == sorted(set(keys))
    checked = Graph(g.indptr, g.indices, g.weights, directed=directed, edge_type=g.edge_type, edge_types=g.edge_types)
    assert checked == g
    assert g.num_edges == len({(min(h, t), r, max(h, t)) for h, r, t in expected} if not directed else expected)


def test_untyped_sums_parallel_arcs_and_is_cached():
    triples, g = random_typed(np.random.default_rng(1))
    plain = g.untyped()
    assert plain is g.untyped()
    assert plain == gr.as_graph((triples[:, 0], triples[:, 2]), num_nodes=30, directed=True)
    assert plain.untyped() is plain
    assert gr.as_graph(g, edge_type=False) == plain
    np.testing.assert_array_equal(g.to_scipy().toarray(), plain.to_scipy().toarray())


def test_an_untyped_view_without_parallel_arcs_shares_memory():
    g = gr.as_graph([(0, 0, 1), (1, 1, 2)], edge_type=1)
    assert np.shares_memory(g.untyped().indices, g.indices)


def test_transpose_and_to_undirected_keep_types(people):
    assert as_set(people.transpose()) == {(t, r, h) for h, r, t in TRIPLES}
    assert people.transpose().transpose() == people
    both = people.to_undirected()
    assert not both.directed
    assert both.num_edges == 4
    assert as_set(both) == set(TRIPLES) | {(t, r, h) for h, r, t in TRIPLES}
    assert gr.as_graph(people, directed=False) == both


def test_equality_and_pickle_know_types(people):
    assert pickle.loads(pickle.dumps(people)) == people
    assert people != people.untyped()
    other = gr.as_graph(TRIPLES, edge_type=1, edge_types=("likes", "knows"))
    assert gr.as_graph(TRIPLES, edge_type=1) != other
    assert not pickle.loads(pickle.dumps(people)).edge_type.flags.writeable


def test_nodes_are_reordered_with_their_types(people):
    g = gr.as_graph(people, nodes=["cy", "bob", "ann"])
    assert as_set(g) == as_set(people)
    assert [g.node_types[code] for code in g.node_type] == ["child", "adult", "adult"]


def test_relations_are_rectangular():
    g = gr.as_graph([(0, 0, 2), (1, 0, 3), (1, 0, 2), (2, 1, 0)], edge_type=1, edge_types=["writes", "by"],
                    node_type=["author", "author", "paper", "paper"])  # fmt: skip
    writes = g.relation("writes")
    assert writes.name == ("author", "writes", "paper")
    assert (writes.num_sources, writes.num_targets, writes.num_arcs) == (2, 2, 3)
    assert writes.to_scipy().toarray().tolist() == [[1, 0], [1, 1]]
    assert writes.targets.tolist() == [2, 3]
    assert [r.name for r in g.relations()] == [("author", "writes", "paper"), ("paper", "by", "author")]
    assert g.of_types("by").edge_index().tolist() == [[2], [0]]
    with pytest.raises(AttributeError, match="immutable"):
        writes.name = None
    assert pickle.loads(pickle.dumps(writes)).name == writes.name
    adjacency = gr.ops.as_adjacency(writes)
    assert (adjacency.num_rows, adjacency.num_cols, adjacency.num_entries) == (2, 2, 3)


def test_an_ambiguous_relation_is_refused():
    g = gr.as_graph([(0, 0, 1)], edge_type=1, edge_types=["writes"], node_type=["author", "paper"], directed=False)
    with pytest.raises(ValueError, match="ambiguous; give one of"):
        g.relation("writes")
    assert g.relation(("paper", "writes", "author")).num_arcs == 1
    for name, message in (
        ("likes", "no type of edges"),
        (("author", "writes", "author"), "no edge has the type"),
        (("author", "writes", "cat"), "no type of nodes"),
    ):
        with pytest.raises(ValueError, match=message):
            g.relation(name)
    empty = gr.as_graph([(0, 0, 1)], edge_type=1, edge_types=["writes", "cites"])
    with pytest.raises(ValueError, match="no edge has the type 'cites'"):
        empty.relation("cites")


def test_triples_come_in_every_form():
    pd = pytest.importorskip("pandas")
    expected = gr.as_graph(TRIPLES, edge_type=1)
    columns = list(zip(*TRIPLES, strict=True))
    for names in (("head", "relation", "tail"), ("subject", "predicate", "object"), ("h", "r", "t")):
        assert gr.as_graph(pd.DataFrame(dict(zip(names, columns, strict=True)))) == expected
    odd = pd.DataFrame({"p": columns[0], "how": columns[1], "q": columns[2]})
    assert gr.as_graph(odd, edge_type="how") == expected
    neo = pd.DataFrame({":START_ID": columns[0], ":END_ID": columns[2], ":TYPE": columns[1]})
    assert gr.as_graph(neo) == expected
    assert gr.as_graph([(h, t, r) for h, r, t in TRIPLES], edge_type=2) == expected
    assert gr.as_graph(np.array(TRIPLES), edge_type=1) == expected
    assert gr.as_graph([(h, t) for h, _, t in TRIPLES], edge_type=list(columns[1])) == expected
    frame = pd.DataFrame(dict(zip(("head", "relation", "tail"), columns, strict=True)))
    ignored = gr.as_graph(frame, edge_type=False)
    assert ignored.edge_type is None


def test_zero_weights_are_dropped_with_their_types():
    g = gr.as_graph([(0, 1, 1, 2.0), (0, 0, 1, 0.0), (1, 0, 2, 3.0)], edge_type=1)
    assert g.triples().tolist() == [[0, 1, 1], [1, 0, 2]]
    assert g.weights.tolist() == [2, 3]


@pytest.mark.parametrize(
    ("obj", "options", "message"),
    [
        (TRIPLES, {}, "give edge_type=1 for"),
        (TRIPLES, {"edge_type": "relation"}, "is a position"),
        (TRIPLES, {"edge_type": 0}, "edge_type must be 1"),
        (TRIPLES, {"edge_type": 1, "edge_types": ["knows"]}, "holds 'likes'"),
        (TRIPLES, {"edge_type": 1, "node_type": ["a"]}, "one row per node"),
        (TRIPLES, {"edge_type": 1, "node_type": {"ann": "a"}}, "no entry for 'bob'"),
        ([[0, 1], [1, 2]], {"edge_type": [0]}, "one type for each of 2 edges"),
        ([[0, 1], [1, 2]], {"edge_type": [0, -1]}, "must lie in"),
        ([[0, 1], [1, 2]], {"edge_type": [0.5, 1]}, "integers or strings"),
        ([[0, 1], [1, 2]], {"edge_types": ["a"]}, "which is missing"),
        ([("a", "x", "b"), ("b", "", "c")], {"edge_type": 1}, "edge_type is empty in row 1; drop such rows"),
        (
            np.array([("a", "x", "b"), ("b", "", "c")], dtype=[(name, "U1") for name in ("head", "relation", "tail")]),
            {"edge_type": True},
            "types of edges is empty in row 1",
        ),
        ([("a", "b")], {"node_type": ["x", ""]}, "node_type is empty in row 1"),
        ([("a", "b")], {"edge_type": np.array([0]), "edge_types": [""]}, "distinct strings that are not empty"),
    ],
)
def test_bad_types_are_refused(obj, options, message):
    with pytest.raises((TypeError, ValueError), match=message):
        gr.as_graph(obj, **options)


def test_networkx_and_back(people):
    nx = pytest.importorskip("networkx")
    network = people.to_networkx()
    assert isinstance(network, nx.MultiDiGraph)
    assert gr.as_graph(network, edge_type="type", node_type="type") == people
    assert isinstance(people.to_undirected().to_networkx(), nx.MultiGraph)
    single = gr.as_graph([("a", "r", "b")], edge_type=1).to_networkx()
    assert type(single) is nx.DiGraph
    assert single["a"]["b"]["type"] == "r"


def test_pandas_has_a_column_of_types(people):
    pytest.importorskip("pandas")
    frame = people.to_pandas()
    assert set(frame.columns) == {"source", "target", "type", "weight"}
    assert gr.as_graph(frame, edge_type="type") == gr.as_graph(TRIPLES, edge_type=1)


def test_hetero_data_and_back():
    torch = pytest.importorskip("torch")
    HeteroData = pytest.importorskip("torch_geometric.data").HeteroData
    data = HeteroData()
    data["paper"].x, data["paper"].y = torch.eye(3), torch.tensor([0, 1, 0])
    data["author"].x = torch.ones(2, 5)
    data["paper", "by", "author"].edge_index = torch.tensor([[0, 1, 2], [0, 0, 1]])
    data["paper", "cites", "paper"].edge_index = torch.tensor([[0, 0], [1, 2]])
    g = gr.as_graph(data)
    assert g.node_types == ("paper", "author")
    assert g.edge_types == ("by", "cites")
    assert g.x is None
    assert g.features["author"].shape == (2, 5)
    assert list(g.labels) == ["paper"]
    assert g.relation("by").name == ("paper", "by", "author")
    back = g.to_pyg()
    assert back["paper", "by", "author"].edge_index.tolist() == [[0, 1, 2], [0, 0, 1]]
    assert back["author"].x.shape == (2, 5)
    assert gr.as_graph(back) == g
    order = [4, 2, 0, 1, 3]
    turned = gr.as_graph(gr.as_graph(g, nodes=["p0", "p1", "p2", "a0", "a1"]), nodes=["a1", "p2", "p0", "p1", "a0"])
    assert turned.node_type.tolist() == g.node_type[order].tolist()
    assert turned.features["paper"].tolist() == np.eye(3)[[2, 0, 1]].tolist()
    data["author"].x = torch.ones(2, 3)
    assert gr.as_graph(data).x.shape == (5, 3)
    data["paper", "by", "author"].edge_index = torch.tensor([[0, 1, 2], [0, 0, 2]])
    with pytest.raises(IndexError, match="nodes of type 'author'"):
        gr.as_graph(data)


def test_with_edges_refuses_types(people):
    with pytest.raises(ValueError, match="untyped"):
        people.with_edges([[0], [1]])


def test_learners_and_ops_see_merged_edges():
    _, g = random_typed(np.random.default_rng(2), directed=False)
    plain = g.untyped()
    np.testing.assert_array_equal(
        gr.FastRP(dimensions=8).fit_transform(g), gr.FastRP(dimensions=8).fit_transform(plain)
    )
    pairs = np.array([[0, 1, 2], [3, 4, 5]])
    np.testing.assert_array_equal(
        gr.heuristics.common_neighbors(g, pairs), gr.heuristics.common_neighbors(plain, pairs)
    )
    assert gr.ops.as_adjacency(g).num_entries == plain.num_arcs
    walks = [gr.random_walks(graph, walk_length=5, walks_per_node=1, seed=0) for graph in (g, plain)]
    np.testing.assert_array_equal(*map(np.asarray, walks))


@pytest.mark.parametrize(("name", "mark"), [("triples.tsv", "\t"), ("triples.csv", ","), ("triples.txt", " ")])
def test_text_files_of_triples(tmp_path, name, mark):
    path = tmp_path / name
    path.write_text("".join(mark.join(triple) + "\n" for triple in TRIPLES))
    assert gr.as_graph(path, edge_type=1) == gr.as_graph(TRIPLES, edge_type=1)
    path.write_text(mark.join(("head", "kind", "tail")) + "\n" + path.read_text())
    assert gr.as_graph(path, edge_type="kind") == gr.as_graph(TRIPLES, edge_type=1)
    with pytest.raises(ValueError, match="no column"):
        gr.as_graph(path, edge_type="relation")


def test_text_of_triples_passes_the_door_of_all_files(tmp_path):
    packed = tmp_path / "triples.tsv.gz"
    packed.write_bytes(gzip.compress("\ufeffann\tknows\tbob\n".encode()))
    assert gr.as_graph(packed, edge_type=1).nodes.tolist() == ["ann", "bob"]  # without the byte order mark
    bomb = tmp_path / "bomb.tsv.gz"
    bomb.write_bytes(gzip.compress(b"0" * (300 << 20), 1))
    with pytest.raises(ValueError, match="the limit against decompression bombs"):
        gr.as_graph(bomb, edge_type=1)
    binary = tmp_path / "binary.tsv"
    binary.write_bytes(b"a\t\xff\tb\n")
    with pytest.raises(ValueError, match=r"binary.tsv, line 1: a name is not valid UTF-8"):
        gr.as_graph(binary, edge_type=1)


def test_a_rectangular_matrix_is_sent_to_a_public_function():
    with pytest.raises(ValueError, match=r"give as_graph\(matrix, bipartite=True\)"):
        gr.FastRP().fit(sparse.csr_array(np.ones((2, 3))))


def test_true_finds_the_types():
    pd = pytest.importorskip("pandas")
    rows = [("ann", "knows", "bob"), ("bob", "likes", "cy")]
    wanted = gr.as_graph(rows, edge_type=1)
    assert gr.as_graph(rows, edge_type=True) == wanted
    frame = pd.DataFrame(rows, columns=["head", "relation", "tail"])
    assert gr.as_graph(frame[["tail", "head", "relation"]], edge_type=True).num_arcs == 2
    assert gr.as_graph(frame[["head", "relation", "tail"]], edge_type=True) == wanted
    assert gr.as_graph(frame.set_axis(["a", "b", "c"], axis=1), edge_type=True) == wanted


def test_a_first_line_of_usual_names_is_a_header(tmp_path):
    (tmp_path / "t.tsv").write_text("relation\thead\ttail\nknows\tann\tbob\nlikes\tbob\tcy\n")
    graph = gr.as_graph(tmp_path / "t.tsv", edge_type=True)
    assert graph == gr.as_graph([("ann", "knows", "bob"), ("bob", "likes", "cy")], edge_type=1)
    assert gr.as_graph(tmp_path / "t.tsv", edge_type="relation") == graph
    assert gr.as_graph(tmp_path / "t.tsv", edge_type=0) == graph


def test_a_saved_model_knows_the_types_of_its_nodes(people, tmp_path):
    kinds = {name: "cat" if name == "bob" else "person" for name in people.nodes.tolist()}
    typed = gr.as_graph(people, node_type=kinds)
    model = gr.FastRP(dimensions=4).fit(typed.to_undirected())
    model.save(tmp_path / "m.safetensors")
    again = gr.load(tmp_path / "m.safetensors")
    assert again._graph.node_types == typed.node_types
    assert again._graph == model._graph


@pytest.mark.parametrize("name", ["FastRP", "Node2Vec", "DeepWalk", "PropagatedFeatures"])
def test_walks_along_arcs_with_types_are_seldom_meant(name, people):
    model = getattr(gr, name)(dimensions=4)
    with pytest.warns(UserWarning, match=f"{name} follows arcs from source to target alone; give graph.to_undirected"):
        model.fit(people)
    for graph in (people.to_undirected(), people.untyped()):
        model.fit(graph)  # without a warning
    gr.HOPE(dimensions=4).fit(people)


def test_usual_names_of_columns_mean_types_in_text_as_in_frames(tmp_path):
    (tmp_path / "t.csv").write_text("subject,predicate,object\nann,knows,bob\nbob,likes,cy\n")
    wanted = gr.as_graph([("ann", "knows", "bob"), ("bob", "likes", "cy")], edge_type=1)
    assert gr.as_graph(tmp_path / "t.csv") == wanted
    assert gr.as_graph(tmp_path / "t.csv", edge_type=False).edge_types is None
    assert gr.as_graph(tmp_path / "t.csv", source="subject", target="object").edge_types is None
    (tmp_path / "r.csv").write_text(":START_ID,:END_ID,:TYPE,weight\n1,2,KNOWS,1.5\n2,3,LIKES,2\n")
    for graph in (gr.as_graph(tmp_path / "r.csv"), gr.as_graph(tmp_path / "r.csv", edge_type=":TYPE")):
        assert graph.edge_types == ("KNOWS", "LIKES")
        assert graph.weights.tolist() == [1.5, 2.0]
    (tmp_path / "bad.csv").write_text("head,relation,tail,weight\nann,knows,bob,many\n")
    with pytest.raises(ValueError, match=r"bad\.csv, line 2: weight 'many'"):
        gr.as_graph(tmp_path / "bad.csv")


@pytest.mark.parametrize("suffix", ["parquet", "feather", "arrow"])
def test_tables_in_files_keep_their_types(suffix, tmp_path):
    pa = pytest.importorskip("pyarrow")
    path = tmp_path / f"t.{suffix}"

    def write(**columns):
        table = pa.table(columns)
        if suffix == "parquet":
            pytest.importorskip("pyarrow.parquet").write_table(table, path)
        else:
            with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
                writer.write_table(table)

    wanted = gr.as_graph([("ann", "knows", "bob"), ("bob", "likes", "cy")], edge_type=1)
    heads, kinds, tails = ["ann", "bob"], ["knows", "likes"], ["bob", "cy"]
    write(tail=tails, head=heads, relation=kinds)
    for kind in (None, True, "relation", 2):
        assert gr.as_graph(path, edge_type=kind) == wanted
    assert gr.as_graph(path, edge_type=False).edge_types is None
    assert gr.as_graph(path, source=1, target=0, edge_type=2) == wanted
    write(since=[1, 2], a=heads, sort=kinds, b=tails, w=[2.0, 3.0])
    plain = gr.as_graph(path, source="a", target="b", weight=False)
    assert (plain.edge_types, plain.directed) == (None, False)
    typed = gr.as_graph(path, source="a", target="b", edge_type="sort", weights="w")
    assert (typed.edge_types, typed.weights.tolist()) == (wanted.edge_types, [2.0, 3.0])
    assert gr.as_graph(path, source=1, target=3, edge_type=["x", "y"], weight=False).edge_types == ("x", "y")
    with pytest.raises(ValueError, match=r"edge_type='kind' is no column of .*, which has the columns 'since', 'a'"):
        gr.as_graph(path, edge_type="kind")


def test_text_with_types_is_read_as_other_text(tmp_path):
    path = tmp_path / "t.txt"
    path.write_text('source|target|kind|weight\n"007"|1_0|"a | b"|0,5\n% a comment\n8|007|c|2\n')
    graph = gr.as_graph(path, edge_type=2, delimiter="|")
    assert graph.nodes.tolist() == ["007", "1_0", "8"]
    assert (graph.edge_types, graph.weights.tolist()) == (("a | b", "c"), [0.5, 2.0])
    path.write_text("1 3 2 0.5\n2 0 1 4\n")
    graph = gr.as_graph(path, edge_type=1)
    assert (graph.triples().tolist(), graph.weights.tolist()) == ([[0, 3, 1], [1, 0, 0]], [0.5, 4.0])
    assert graph.edge_types == ("0", "1", "2", "3")
    assert gr.as_graph(path, edge_type=1, weight=False).weights is None
    path.write_text("1 01 2\n2 1 1\n")  # not the same type, spelled twice
    assert gr.as_graph(path, edge_type=1).edge_types == ("01", "1")
    path.write_text("1 2\n2 1\n")
    assert gr.as_graph(path, edge_type=np.array([1, 0])).triples().tolist() == [[0, 1, 1], [1, 0, 0]]
    edges = gr.io.read_edges(tmp_path / "t.txt")
    assert (edges.edge_type, edges.edge_types) == (None, None)
