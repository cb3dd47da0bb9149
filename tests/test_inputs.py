"""What callers hold becomes the graph that they mean, or is refused in a sentence: tables, pairs, names, matrices."""

from __future__ import annotations

import datetime as dt
import pickle
import warnings

import duckdb
import igraph
import networkx as nx
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy.sparse as sp
import torch

import graphrep as gr
from graphrep import as_graph

FRIENDS = {"edge_id": [7, 8, 9], "source": [10, 30, 30], "target": [30, 10, 20], "time": [1.5, 2.5, 3.5]}
NAMED = {"src": ["b", "c", "b"], "dst": ["a", "b", "d"], "weight": [1.0, 0.5, 2.0]}


class Interchange:
    """A table that offers nothing but ``__dataframe__``."""

    def __init__(self, table):
        self.table = table

    def __dataframe__(self, **options):
        return self.table.__dataframe__(**options)


class Stream(Interchange):
    """A table that offers nothing but Arrow's stream."""

    __dataframe__ = None

    def __arrow_c_stream__(self, schema=None):
        return self.table.__arrow_c_stream__(schema)


KINDS = {
    "pandas": pd.DataFrame,
    "pandas object": lambda data: pd.DataFrame(data).astype(object),
    "pandas arrow": lambda data: pl.DataFrame(data).to_pandas(use_pyarrow_extension_array=True),
    "polars": pl.DataFrame,
    "polars lazy": pl.LazyFrame,
    "pyarrow": pa.table,
    "record batch": lambda data: pa.RecordBatch.from_pydict(data),
    "chunked": lambda data: pa.concat_tables([pa.table(data).slice(0, 1), pa.table(data).slice(1)]),
    "duckdb": lambda data: duckdb.from_arrow(pa.table(data)),
    "interchange": lambda data: Interchange(pa.table(data)),
    "stream": lambda data: Stream(pl.DataFrame(data)),
    "categories": lambda data: pd.DataFrame(data).astype(dict.fromkeys(list(data)[:2], "category")),
    "dictionaries": lambda data: pa.table(
        {name: column if name == "weight" else pa.array(column).dictionary_encode() for name, column in data.items()}
    ),
}


def edges_of(graph):
    """Names and weights of the edges as listed by ``edges()``."""
    names = graph.nodes.tolist()
    weights = graph.to_pandas().get("weight", [1.0] * graph.num_edges)
    ends = graph.edges().T.tolist()
    return [(names[u], names[v], float(w)) for (u, v), w in zip(ends, weights, strict=True)]


class TestTables:
    @pytest.mark.parametrize("kind", KINDS)
    def test_names_by_first_appearance(self, kind):
        g = as_graph(KINDS[kind](NAMED), directed=True)
        assert g.nodes.tolist() == ["b", "a", "c", "d"]
        assert edges_of(g) == [("b", "a", 1.0), ("b", "d", 2.0), ("c", "b", 0.5)]
        assert not as_graph(KINDS[kind](NAMED)).directed

    @pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in ("categories", "dictionaries")])
    def test_integers_are_names_and_columns_are_found(self, kind):
        table = KINDS[kind](FRIENDS)
        g = as_graph(table)
        assert g == as_graph(KINDS[kind](FRIENDS), directed=False)
        assert (g.nodes.dtype, g.nodes.tolist()) == (np.int64, [10, 20, 30])
        assert edges_of(g) == [(10, 30, 1.0), (20, 30, 1.0)]
        timed = as_graph(KINDS[kind](FRIENDS), source="edge_id", target="target", weight="time", directed=True)
        assert edges_of(timed) == [(7, 30, 1.5), (8, 10, 2.5), (9, 20, 3.5)]
        with pytest.raises(ValueError, match="source: the table has no column 'sender'"):
            as_graph(KINDS[kind](FRIENDS), source="sender", target="target")

    def test_record_arrays(self):
        rows = np.array([("b", "a", 2.0)], dtype=[("src", "U3"), ("dst", "U3"), ("weight", "f4")])
        assert edges_of(as_graph(rows)) == [("b", "a", 2.0)]

    def test_weights(self):
        frame = pd.DataFrame(NAMED)
        assert as_graph(frame, weight=False).weights is as_graph(frame, weights=False).weights is None
        assert edges_of(as_graph(frame, weights=[3, 4, 5], directed=True))[0] == ("b", "a", 3.0)
        with pytest.raises(TypeError, match=r"give weight= .* or weights= .*, not both"):
            as_graph(frame, weight="weight", weights=[1, 2, 3])
        with pytest.raises(ValueError, match="the table has no column of weights"):
            as_graph(pd.DataFrame(FRIENDS), weight=True)
        holes = pl.DataFrame(NAMED).with_columns(weight=pl.Series([1.0, None, 2.0]))
        with pytest.raises(ValueError, match="column 'weight' of the table, the weights, has no value in row 1"):
            as_graph(holes)

    def test_complete_ids_need_no_names(self):
        g = as_graph(pd.DataFrame({"src": [2, 0], "dst": [1, 1]}))
        assert g == as_graph((np.array([2, 0]), np.array([1, 1])))
        assert g.nodes.tolist() == [0, 1, 2]
        rows = as_graph(pd.DataFrame({"src": [2, 0], "dst": [5, 5]}), num_nodes=7)
        assert (rows.num_nodes, rows.nodes.tolist()) == (7, list(range(7)))
        with pytest.raises(IndexError, match=r"dst must lie in \[0, 5\), as num_nodes=5 makes integers row numbers"):
            as_graph(pd.DataFrame({"src": [2, 0], "dst": [5, 5]}), num_nodes=5)
        with pytest.raises(TypeError, match="num_nodes cannot be given with named end points"):
            as_graph(pd.DataFrame(NAMED), num_nodes=5)

    def test_large_ids(self):
        few = as_graph(pd.DataFrame({"src": [300_000_000, 5], "dst": [5, 2**62]}))
        assert few.nodes.tolist() == [5, 300_000_000, 2**62]
        hashes = pd.DataFrame({"src": np.array([2**64 - 1], np.uint64), "dst": np.array([2**63], np.uint64)})
        assert as_graph(hashes).nodes.tolist() == [2**63, 2**64 - 1]
        mixed = pl.DataFrame({"src": pl.Series([2**64 - 1, 4], dtype=pl.UInt64), "dst": [-5, 2**60 + 1]})
        g = as_graph(mixed)
        assert g.nodes.tolist() == [-5, 4, 2**60 + 1, 2**64 - 1]
        assert g.row(2**64 - 1) == 3
        assert as_graph([(2**70, 1), (1, -(2**70))]).nodes.tolist() == [-(2**70), 1, 2**70]

    def test_floats_that_are_whole(self):
        assert as_graph(pd.DataFrame({"src": [3.0, 1.0], "dst": [1, 9]})).nodes.tolist() == [1, 3, 9]
        for bad in (1.5, np.inf, 2.0**60):
            with pytest.raises(
                TypeError, match=r"column 'src' of the table holds .* in row 1, which is no whole number"
            ):
                as_graph(pd.DataFrame({"src": [3.0, bad], "dst": [1, 9]}))
        assert as_graph(duckdb.sql("select 3::decimal(9, 0) src, 5::hugeint dst")).nodes.tolist() == [3, 5]

    @pytest.mark.parametrize("missing", [None, float("nan")])
    def test_missing_ends(self, missing):
        for frame in (
            pd.DataFrame({"src": ["a", "b", missing], "dst": ["b", "c", "d"]}),
            pd.DataFrame({"src": [1, 2, missing], "dst": [1, 2, 3]}),
            pd.DataFrame({"src": [1, 2, missing], "dst": [1, 2, 3]}, dtype=object),
            pa.table({"src": ["a", "b", None], "dst": ["b", "c", "d"]}),
        ):
            with pytest.raises(ValueError, match="column 'src' of the table has no node in row 2"):
                as_graph(frame)
        with pytest.raises(ValueError, match="column 'dst' of the table has an empty name in row 1"):
            as_graph(pl.DataFrame({"src": ["a", "b"], "dst": ["b", ""]}))

    @pytest.mark.parametrize(
        ("column", "holds"),
        [
            ([True, False], "Boolean"),
            ([dt.date(2020, 1, 1)] * 2, "Date"),
            ([dt.datetime(2020, 1, 1)] * 2, "Datetime"),
            ([b"a", b"b"], "Binary"),
            ([[1], [2]], "List"),
        ],
    )
    def test_columns_that_name_nothing(self, column, holds):
        with pytest.raises(TypeError, match=f"column 'src' of the table holds {holds}.*; give source= and target="):
            as_graph(pa.table({"src": column, "dst": ["a", "b"]}))

    def test_integers_beside_strings_are_strings(self):
        for kind in ("pandas", "polars", "pyarrow"):
            assert as_graph(KINDS[kind]({"user": [1, 2], "item": ["a", "2"]})).nodes.tolist() == ["1", "a", "2"]

    def test_unnamed_columns(self):
        frame = pd.DataFrame([(1, 2), (2, 5)])
        assert edges_of(as_graph(frame)) == [(1, 2, 1.0), (2, 5, 1.0)]
        with pytest.warns(UserWarning, match="a third column, which is ignored; give weight=2"):
            assert as_graph(pd.DataFrame([(1, 2, 0.5), (2, 5, 0.25)])).weights is None
        with pytest.warns(UserWarning, match=r"a third column, which is ignored; give edge_type=1 for \(head"):
            as_graph(pd.DataFrame([("ann", "likes", "tea"), ("bob", "likes", "jam")]))
        assert edges_of(as_graph(pd.DataFrame([(1, 2, 0.5), (2, 5, 0.25)]), weight=2))[0] == (1, 2, 0.5)
        with pytest.raises(ValueError, match=r"shape \(4, 4\) without names could be an adjacency matrix or a table"):
            as_graph(pd.DataFrame(np.eye(4)))

    def test_columns_of_one_name(self):
        with pytest.raises(ValueError, match="the table has 2 columns 'source'"):
            as_graph(pd.DataFrame([[1, 2, 3]], columns=["source", "target", "source"]))

    def test_an_index_with_end_points(self):
        frame = pd.DataFrame(FRIENDS)
        assert as_graph(frame.groupby(["source", "target"])[["time"]].sum()) == as_graph(frame)
        assert as_graph(frame.set_index("source")[["target", "time"]]) == as_graph(frame)
        assert as_graph(frame.set_index("edge_id")) == as_graph(frame)
        assert as_graph(frame.set_index("edge_id"), source="edge_id", target="target").num_nodes == 6
        with pytest.raises(ValueError, match="the levels of the index have no names of their own"):
            as_graph(frame.set_index([[1, 2, 3], [4, 5, 6]]))

    def test_no_rows(self):
        g = as_graph(pd.DataFrame({"src": [], "dst": []}, dtype="int64"), nodes=["a", "b"])
        assert (g.num_nodes, g.num_edges, g.nodes.tolist()) == (2, 0, ["a", "b"])
        assert (
            as_graph(pl.DataFrame({"src": [], "dst": []}, schema={"src": pl.String, "dst": pl.String})).num_nodes == 0
        )

    def test_many_names_equal_few(self):
        """Above a number of edges, pyarrow numbers the names; it must number them as a dictionary does."""
        rng = np.random.default_rng(0)
        ends = np.char.add("n", rng.integers(0, 5000, (2, 120_000)).astype(str))
        number = {}
        rows = np.array([number.setdefault(name, len(number)) for name in ends.T.ravel().tolist()]).reshape(-1, 2).T
        for table in (pd.DataFrame({"src": ends[0], "dst": ends[1]}), list(zip(*ends.tolist(), strict=True)), ends):
            g = as_graph(table)
            assert g.nodes.tolist() == list(number)
            assert np.array_equal(g.indices, as_graph(rows).indices)
        odd = ends.astype(object)
        odd[1, 5] = "\ud800"  # a lone surrogate, which Arrow refuses
        assert as_graph(odd).nodes[as_graph(odd).row("\ud800")] == "\ud800"

    def test_one_column_is_no_graph(self):
        for column in (pd.Series([1, 2]), pl.Series([1, 2]), pa.chunked_array([[1, 2]])):
            with pytest.raises(TypeError, match="cannot make a graph from"):
                as_graph(column)

    @pytest.mark.parametrize("obj", [{("a", "b")}, {"a": ["b"]}, nx.path_graph(3).edges])
    def test_hints(self, obj):
        hint = {set: r"give sorted\(obj\)", dict: "a dictionary of neighbors: networkx"}.get(
            type(obj), "networkx graph itself"
        )
        with pytest.raises(TypeError, match=hint):
            as_graph(obj)

    def test_columns_are_for_tables(self):
        with pytest.raises(TypeError, match="source= names a column of a table, but obj is of type ndarray"):
            as_graph(np.zeros((2, 3), int), source="a", target="b")


class TestFramesAsMatrices:
    matrix = pd.DataFrame([[0, 2, 0], [2, 0, 1], [0, 1, 0]], index=list("abc"), columns=list("abc"))

    def test_square(self):
        g = as_graph(self.matrix)
        assert edges_of(g) == [("a", "b", 2.0), ("b", "c", 1.0)]
        assert as_graph(self.matrix[["c", "a", "b"]]) == g  # by name, not by position
        one_way = as_graph(self.matrix * np.triu(np.ones((3, 3))))
        assert one_way.directed
        numbered = pd.DataFrame([[0, 1], [1, 0]], index=[5, 3], columns=[5, 3])
        assert as_graph(numbered).nodes.tolist() == [5, 3]

    def test_missing_values(self):
        with pytest.raises(ValueError, match=r"has 5 missing values; give frame.fillna\(0\)"):
            as_graph(self.matrix.replace(0, np.nan))

    def test_cross_tables(self):
        bought = pd.DataFrame({"customer": [1, 1, 2], "product": [1, 2, 1]})
        table = pd.crosstab(bought["customer"], bought["product"].map({1: "x", 2: "y"}))
        with pytest.raises(ValueError, match=r"a cross table of 'customer' by 'product' .*bipartite=True"):
            as_graph(table)
        g = as_graph(table, bipartite=True)
        assert g.nodes.tolist() == ["customer:1", "customer:2", "product:x", "product:y"]
        assert g.bipartite_sides.tolist() == [0, 0, 1, 1]


class TestBipartite:
    bought = pd.DataFrame({"customer": [1, 2, 2], "product": [1, 1, 7], "count": [3, 1, 2]})

    @pytest.mark.parametrize("kind", ["pandas", "polars", "polars lazy", "pyarrow"])
    def test_tables(self, kind):
        table = KINDS[kind](self.bought.to_dict("list"))
        g = as_graph(table, bipartite=True, weight="count")
        assert g.nodes.tolist() == ["customer:1", "customer:2", "product:1", "product:7"]
        assert edges_of(g) == [
            ("customer:1", "product:1", 3.0),
            ("customer:2", "product:1", 1.0),
            ("customer:2", "product:7", 2.0),
        ]
        assert (g.bipartite_sides.dtype, g.bipartite_sides.tolist()) == (np.int8, [0, 0, 1, 1])

    def test_without_it_equal_names_are_one_node(self):
        for columns in (["customer", "product"], ["user_id", "movieId"], ["authors", "papers"]):
            frame = self.bought[["customer", "product"]].set_axis(columns, axis=1)
            with pytest.warns(UserWarning, match=r"seem to name different things, .* give bipartite=True to tell them"):
                g = as_graph(frame)
            assert g.nodes.tolist() == [1, 2, 7]
            assert g.bipartite_sides is None
            assert as_graph(frame, bipartite=False) == g
        assert as_graph(self.bought.replace({"customer": {1: 100, 2: 200}})).num_nodes == 4  # nothing in common

    def test_pairs_and_files(self, tmp_path):
        names = ["source:1", "source:2", "target:1"]
        g = as_graph([(1, 1), (2, 1)], bipartite=True)
        assert (g.nodes.tolist(), g.bipartite_sides.tolist()) == (names, [0, 0, 1])
        (tmp_path / "e.txt").write_text("1 1\n2 1\n")
        assert as_graph(tmp_path / "e.txt", bipartite=True) == g

    def test_a_file_gives_the_graph_of_its_table(self, tmp_path):
        self.bought.to_csv(tmp_path / "a.csv", index=False)
        g = as_graph(self.bought, bipartite=True, weight="count")
        assert as_graph(tmp_path / "a.csv", bipartite=True, weight="count") == g
        self.bought.iloc[:2].to_csv(tmp_path / "a.csv", index=False)
        self.bought.iloc[2:].to_csv(tmp_path / "b.csv", index=False)
        assert as_graph(tmp_path, bipartite=True, weight="count") == g
        (tmp_path / "a.csv").write_text("x,x\n1,1\n")
        twice = as_graph(tmp_path / "a.csv", bipartite=True, source=0, target=1, header=True)
        assert twice.nodes.tolist() == ["source:1", "target:1"]

    def test_sides_survive(self):
        g = as_graph(self.bought, bipartite=True, directed=True)
        for other in (
            g.transpose(),
            g.to_undirected(),
            g.with_edges(g.edges()[:, 1:]),
            pickle.loads(pickle.dumps(g)),
            as_graph(g, weights=False, directed=False),
        ):
            assert other.bipartite_sides.tolist() == [0, 0, 1, 1]
            assert not other.bipartite_sides.flags.writeable
        assert as_graph(g, bipartite=True) is g
        with pytest.raises(ValueError, match="the Graph was not made with bipartite=True"):
            as_graph(as_graph(self.bought, bipartite=False), bipartite=True)

    def test_nodes_beside_those_of_edges(self):
        nodes = ["product:9", "customer:2", "customer:1", "product:7", "product:1"]
        g = as_graph(self.bought, bipartite=True, nodes=nodes)
        assert (g.nodes.tolist(), g.bipartite_sides.tolist()) == (nodes, [1, 0, 0, 1, 1])
        with pytest.raises(
            ValueError, match=r"nodes adds 'shop:1', whose side .* begin it with 'customer:' or 'product:'"
        ):
            as_graph(self.bought, bipartite=True, nodes=[*nodes, "shop:1"])

    def test_matrices(self):
        matrix = np.array([[1, 0, 2], [0, 3, 0]])
        expected = [[0, 0, 1], [2, 4, 3]]
        for form in (
            sp.csr_array(matrix),
            sp.coo_matrix(matrix),
            matrix.astype(float),
            torch.tensor(matrix).to_sparse(),
        ):
            g = as_graph(form, bipartite=True)
            assert g.edges().tolist() == expected
            assert g.bipartite_sides.tolist() == [0, 0, 1, 1, 1]
            assert not g.directed
        with pytest.raises(ValueError, match=r"must be square, got shape \(2, 3\); give bipartite=True"):
            as_graph(sp.csr_array(matrix))
        with pytest.raises(
            ValueError, match="bipartite=True is for tables, pairs of names and matrices, not for row numbers"
        ):
            as_graph(matrix, bipartite=True)
        square = as_graph(sp.csr_array(np.eye(2)), bipartite=True)
        assert square.edges().tolist() == [[0, 1], [2, 3]]

    def test_networkx(self):
        network = nx.complete_bipartite_graph(2, 3)
        assert as_graph(network, bipartite=True).bipartite_sides.tolist() == [0, 0, 1, 1, 1]
        with pytest.raises(ValueError, match="3 of 3 nodes have no attribute 'bipartite'"):
            as_graph(nx.path_graph(3), bipartite=True)

    def test_columns_whose_names_run_together(self):
        frame = pd.DataFrame({"a": ["b:c"], "a:b": ["c"]})
        with pytest.raises(ValueError, match="the columns 'a' and 'a:b' give ambiguous names of nodes; rename one"):
            as_graph(frame, bipartite=True)


class TestPairs:
    def test_two_as_three(self):
        assert edges_of(as_graph([("ann", "bob"), ("cy", "dan")])) == [("ann", "bob", 1.0), ("cy", "dan", 1.0)]
        assert edges_of(as_graph([("a", "b"), ("b", "c"), ("c", "d")]))[2] == ("c", "d", 1.0)
        assert edges_of(as_graph((("ann", "bob"),))) == [("ann", "bob", 1.0)]
        assert edges_of(as_graph([(0, 1), (2, 3)])) == [(0, 1, 1.0), (2, 3, 1.0)]
        assert edges_of(as_graph(zip("ab", "bc", strict=True))) == [("a", "b", 1.0), ("b", "c", 1.0)]

    def test_names(self):
        assert as_graph([(300_000_000, 7), (7, 9)]).nodes.tolist() == [7, 9, 300_000_000]
        assert as_graph([(0, 3)], num_nodes=5).num_nodes == 5
        grid = as_graph([((0, 0), (0, 1)), ((0, 1), (1, 1))])
        assert grid.nodes.tolist() == [(0, 0), (0, 1), (1, 1)]
        assert as_graph([(1, "a"), ("a", "1")]).nodes.tolist() == ["1", "a"]
        assert as_graph([(np.int32(4), 9)]).nodes.tolist() == [4, 9]

    def test_weights(self):
        assert edges_of(as_graph([("a", "b", 2), ("b", "c", 0.5)])) == [("a", "b", 2.0), ("b", "c", 0.5)]
        assert as_graph([("a", "b", 2), ("b", "c", 0.5)], weight=False).weights is None
        assert edges_of(as_graph([("a", "b"), ("b", "c")], weights=[2, 3]))[1] == ("b", "c", 3.0)
        assert edges_of(as_graph([("a", "b", {"weight": 4})])) == [("a", "b", 4.0)]
        assert as_graph([("a", "b", {}), ("b", "c", {})]).weights is None
        assert edges_of(as_graph([("a", "b", {"cost": 4})], weight="cost")) == [("a", "b", 4.0)]
        with pytest.warns(UserWarning, match=r"two tuples of three integers are read as two edges"):
            assert as_graph([(0, 1, 2), (1, 2, 5)]).weights is not None

    @pytest.mark.parametrize(
        ("pairs", "error", "message"),
        [
            ([("a", "b"), ("b", "c", 1)], ValueError, "got tuples of length 2 and 3"),
            (
                [(1, 2, 3, 4), (2, 3, 4, 5)],
                ValueError,
                r"got tuples of length 4; for an array of shape \(2, num_edges\)",
            ),
            ([("a", None)], ValueError, "the list of targets has no node in row 0"),
            ([("a", "b"), (float("nan"), "b")], ValueError, "the list of sources has no node in row 1"),
            ([(1.5, 2)], TypeError, "the list of sources must hold integers or strings, got 1.5 in row 0"),
            ([(True, 2)], TypeError, "got True in row 0"),
            ([(b"a", b"b")], TypeError, "got b'a' in row 0"),
            ([((0, 0), "a")], TypeError, "the nodes of edges must be of one kind, got str and tuple"),
            ([([0], [1])], TypeError, "the list of sources must be hashable"),
            ([("a", "")], ValueError, "the list of targets has an empty name in row 0"),
            ([("a", "b", "x")], TypeError, "give edge_type=1 for"),
            ([("a", "b", -1)], ValueError, "weights must be finite and not negative"),
        ],
    )
    def test_refused(self, pairs, error, message):
        with pytest.raises(error, match=message):
            as_graph(pairs)

    def test_lists_of_lists(self):
        for form in (list, np.array):
            assert edges_of(as_graph(form([["ann", "bob"], ["cy", "dan"]]))) == [
                ("ann", "bob", 1.0),
                ("cy", "dan", 1.0),
            ]
            assert edges_of(as_graph(form([["a", "b"], ["b", "c"], ["c", "d"]])))[2] == ("c", "d", 1.0)
            assert edges_of(as_graph(form([["a", "b", "c"], ["b", "c", "d"]])))[2] == ("c", "d", 1.0)
        assert edges_of(as_graph([["ann", "bob", 0.5], ["bob", "cy", 2]])) == [("ann", "bob", 0.5), ("bob", "cy", 2.0)]

    def test_two_by_two_integers(self):
        for form in ([[0, 1], [2, 3]], np.array([[0, 1], [2, 3]])):
            with pytest.warns(UserWarning, match=r"a 2 x 2 array of end points is read as \(2, num_edges\)"):
                assert as_graph(form).edges().tolist() == [[0, 1], [2, 3]]
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert as_graph((np.array([0, 1]), np.array([2, 3]))).edges().tolist() == [[0, 1], [2, 3]]
            assert as_graph(torch.tensor([[0, 1], [2, 3]])).edges().tolist() == [[0, 1], [2, 3]]
            assert as_graph(np.array([[0, 1], [2, 3]]), num_nodes=4).edges().tolist() == [[0, 1], [2, 3]]
            assert as_graph([[0, 1], [1, 2]]).num_edges == 2  # the same edges either way
        with pytest.raises(ValueError, match=r"got \(3, 2\) \(transpose it\?\)"):
            as_graph([[0, 1], [1, 2], [2, 3]])

    def test_large_row_numbers(self):
        with pytest.raises(
            ValueError, match="the row number 300000000, so that the graph would have 300,000,001 nodes for 1"
        ):
            as_graph([[300_000_000], [7]])
        with pytest.raises(ValueError, match="which is no row number"):
            as_graph(np.array([[2**64 - 1], [3]], np.uint64))
        assert as_graph([[9_999_999], [0]]).num_nodes == 10_000_000


class TestNodes:
    def test_order_and_extent(self):
        g = as_graph([("a", "b", 2.0)], nodes=["c", "b", "a"])
        assert (g.nodes.tolist(), edges_of(g)) == (["c", "b", "a"], [("b", "a", 2.0)])
        for nodes in (
            pd.Index(["b", "a"]),
            pl.Series(["b", "a"]),
            pa.array(["b", "a"]),
            np.array(["b", "a"]),
            iter("ba"),
        ):
            assert as_graph([("a", "b")], nodes=nodes).nodes.tolist() == ["b", "a"]
        assert as_graph(pd.DataFrame({"src": [5], "dst": [3]}), nodes=[5, 4, 3]).edges().tolist() == [[0], [2]]
        assert as_graph(nx.Graph([(0, 1)]), nodes=[1, 0, 2]).nodes.tolist() == [1, 0, 2]

    @pytest.mark.parametrize(
        "obj",
        [[("a", "b")], nx.Graph([("a", "b")]), pd.DataFrame({"src": ["a"], "dst": ["b"]}), as_graph([("a", "b")])],
    )
    def test_never_renames(self, obj):
        with pytest.raises(ValueError, match="nodes lacks 'a', which is a node of the graph"):
            as_graph(obj, nodes=["b", "x"])

    @pytest.mark.parametrize(
        ("obj", "what"),
        [
            (pd.DataFrame({"source": [1, "1", "a"], "target": ["a", "b", "b"]}), "column 'source' of the table"),
            (pd.DataFrame({"user": ["1", 1], "item": ["a", "b"]}), "column 'user' of the table"),
            ([("a", 1), ("b", "1")], "the list of targets"),
            (np.array([["a", "1", 1], ["x", "y", "z"]], dtype=object), "the array of edges"),
        ],
    )
    def test_an_integer_and_its_spelling_are_one_node_with_a_warning(self, obj, what):
        with pytest.warns(UserWarning, match=f"{what} has the names 1 and '1', which are taken for one node"):
            assert {"1", "user:1"} & set(as_graph(obj).nodes.tolist())
        assert as_graph(nx.Graph([(1, "1"), ("1", 2)])).nodes.tolist() == [1, "1", 2]

    def test_integers_of_pairs_are_names(self):
        with pytest.raises(ValueError, match="nodes lacks 0"):
            as_graph([(0, 1)], nodes=["x", "y"])

    def test_row_numbers_get_names(self):
        assert as_graph((np.array([0]), np.array([1])), nodes=["x", "y", "z"]).nodes.tolist() == ["x", "y", "z"]
        for obj, options in (
            ([[0], [2]], {}),
            ([[0], [1]], {"num_nodes": 3}),
            (sp.csr_array(np.eye(3)), {}),
        ):
            assert as_graph(obj, nodes=["x", "y", "z"], **options).nodes.tolist() == ["x", "y", "z"]
            with pytest.raises(ValueError, match="nodes must name each of the 3 nodes once, got 2 names"):
                as_graph(obj, nodes=["x", "y"], **options)
        with pytest.raises(ValueError, match="nodes must name each of the 3 nodes once, got 4"):
            as_graph(sp.csr_array(np.eye(3)), nodes=list("wxyz"))

    def test_features_follow(self):
        g = as_graph([("a", "b")], x=np.array([[1.0], [2.0]]), y=["u", "v"])
        turned = as_graph(g, nodes=["b", "a"])
        assert (turned.x.tolist(), turned.y.tolist()) == ([[2], [1]], ["v", "u"])
        assert as_graph(as_graph(g, x=sp.csr_array([[1], [2]])), nodes=["b", "a"]).x.toarray().tolist() == [[2], [1]]
        with pytest.raises(ValueError, match="nodes adds nodes that have no x; give x="):
            as_graph(g, nodes=["b", "a", "c"])
        assert as_graph(g, nodes=["b", "a", "c"], x=np.eye(3), y=[1, 2, 3]).x.tolist() == np.eye(3).tolist()

    @pytest.mark.parametrize(
        ("nodes", "error", "message"),
        [
            ({"a", "b"}, TypeError, "nodes must be a sequence of names"),
            ("ab", FileNotFoundError, "there is no file ab"),
            (pd.DataFrame({"a": [1], "b": [2]}), ValueError, "nodes has no column of ids among 'a', 'b'"),
        ],
    )
    def test_no_sequence_of_names(self, nodes, error, message):
        with pytest.raises(error, match=message):
            as_graph([("a", "b")], nodes=nodes)


class TestFeaturesByName:
    pairs = (("ann", "bob"), ("bob", "cy"))

    def test_frames_are_matched(self):
        x = pd.DataFrame({"age": [3, 1, 2], "income": [30.0, 10.0, 20.0]}, index=["cy", "ann", "bob"])
        y = pd.Series(["c", "a", "b"], index=["cy", "ann", "bob"])
        g = as_graph(self.pairs, x=x, y=y)
        assert isinstance(g.x, np.ndarray)
        assert g.x.tolist() == [[1, 10], [2, 20], [3, 30]]
        assert g.y.tolist() == ["a", "b", "c"]
        assert as_graph(self.pairs, nodes=x.index, x=x).x.tolist() == x.to_numpy().tolist()
        shuffled = pd.DataFrame({"age": [3, 1, 2]}, index=[2, 0, 1])
        assert as_graph([[0, 1], [1, 2]], x=shuffled).x.tolist() == [[1], [2], [3]]
        values = np.array([[3.0, 30], [1, 10], [2, 20]])
        for columns in (None, [7, 7], pd.MultiIndex.from_tuples([("a", 1), ("b", 2)])):  # names that are no strings
            for dtype in (float, object, "Float64"):
                x = pd.DataFrame(values, index=["cy", "ann", "bob"], columns=columns).astype(dtype)
                assert as_graph(self.pairs, x=x).x.tolist() == [[1, 10], [2, 20], [3, 30]]
        assert gr.Graph([0, 1, 2], [1, 0], nodes=["u", "v"], y=pd.Series([2, 1], index=["v", "u"])).y.tolist() == [1, 2]

    def test_without_an_index_of_names(self):
        with pytest.warns(UserWarning, match="x has the default index of pandas, which names no nodes"):
            assert as_graph(self.pairs, x=pd.DataFrame({"age": [1, 2, 3]})).x.tolist() == [[1], [2], [3]]
        assert as_graph(self.pairs, x=pl.DataFrame({"age": [1, 2, 3]})).x.tolist() == [[1], [2], [3]]
        assert as_graph(self.pairs, y=pl.Series([1, 2, 3])).y.tolist() == [1, 2, 3]

    def test_names_that_disagree(self):
        with pytest.raises(ValueError, match="x has no row 'ann', which is a node of the graph"):
            as_graph(self.pairs, x=pd.DataFrame({"age": [1, 2, 3]}, index=["bob", "cy", "dan"]))
        with pytest.raises(ValueError, match="y has no row 'ann'"):
            as_graph(self.pairs, y=pd.Series([1, 2, 3], index=[5, 6, 7]))
        with pytest.raises(ValueError, match="y has no row 'ann'"):
            as_graph(self.pairs, y=pd.Series([1, 2, 3], index=pd.RangeIndex(1, 4)))
        with pytest.raises(ValueError, match="the index of y holds 'ann' twice"):
            as_graph(self.pairs, y=pd.Series([1, 2, 3, 4], index=["ann", "ann", "bob", "cy"]))
        more = pd.Series([1, 2, 3, 4], index=["dan", "ann", "bob", "cy"])
        with pytest.warns(UserWarning, match=r"1 rows of y name no node .* \(the first is 'dan'\); give nodes=y.index"):
            assert as_graph(self.pairs, y=more).y.tolist() == [2, 3, 4]

    def test_vectors_are_matched(self):
        vectors = gr.NodeVectors(np.array([[3.0], [1.0], [2.0]], np.float32), ["cy", "ann", "bob"])
        assert as_graph(self.pairs, x=vectors).x.tolist() == [[1], [2], [3]]
        with pytest.raises(ValueError, match="x has no row 'dan'"):
            as_graph(self.pairs, nodes=["ann", "bob", "cy", "dan"], x=vectors)

    def test_features_are_numbers(self):
        frame = pd.DataFrame({"name": ["ann", "bob", "cy"], "age": [1, 2, 3]})
        with pytest.raises(TypeError, match=r"x has the column 'name', .* give x.set_index\('name'\)"):
            as_graph(self.pairs, x=frame)
        assert as_graph(self.pairs, x=frame.set_index("name")).x.tolist() == [[1], [2], [3]]
        with pytest.raises(TypeError, match="x has the column 1, which holds Object and no numbers"):
            as_graph(self.pairs, x=pd.DataFrame({0: [1, 2, 3], 1: [1, [2], 3]}))
        holes = pd.DataFrame({"age": pd.array([1, None, 3], dtype="Int64")}, index=frame["name"])
        np.testing.assert_array_equal(as_graph(self.pairs, x=holes).x, [[1], [np.nan], [3]])


def test_signaling_nans_are_refused_as_others_are(tmp_path):
    values = np.array([0x7FF0000000000001, 0x3FF0000000000000], dtype=np.uint64).view(np.float64)
    matrix = sp.coo_array((values, ([0, 1], [1, 0])), shape=(2, 2))
    for make in (lambda: as_graph([[0, 1], [1, 0]], weights=values), lambda: as_graph(matrix)):
        with pytest.raises(ValueError, match="must be finite and not negative; entry 0 is nan"):
            make()
    np.save(tmp_path / "v.npy", values[:, None])
    with pytest.raises(ValueError, match=r"v\.npy: vectors must be finite; row 0"):
        gr.load_vectors(tmp_path / "v.npy")


class TestAttributes:
    def network(self):
        network = nx.Graph([("ann", "bob")])
        nx.set_node_attributes(network, {"ann": 30, "bob": 40}, "age")
        nx.set_node_attributes(network, {"ann": [1.0, 2.0], "bob": [3.0, 4.0]}, "text")
        nx.set_node_attributes(network, {"ann": "u", "bob": "v"}, "club")
        network.nodes["ann"]["half"] = 1
        return network

    def test_networkx(self):
        assert as_graph(self.network()).x is None
        assert as_graph(self.network(), x=["age", "text"]).x.tolist() == [[30, 1, 2], [40, 3, 4]]
        assert as_graph(self.network(), x="text", y="club").x.tolist() == [[1, 2], [3, 4]]
        assert as_graph(self.network(), x="age", y="club").y.tolist() == ["u", "v"]
        assert as_graph(self.network(), x="age", nodes=["bob", "ann"]).x.tolist() == [[40], [30]]
        with pytest.raises(ValueError, match="1 of 2 nodes have no attribute 'half'"):
            as_graph(self.network(), x="half")
        with pytest.raises(TypeError, match=r"the node attribute 'club' holds .* no numbers"):
            as_graph(self.network(), x="club")
        with pytest.raises(TypeError, match="x names node attributes, which obj does not have"):
            as_graph([("ann", "bob")], x="age")

    def test_igraph(self):
        g = igraph.Graph.TupleList([("a", "b", 2.0), ("b", "c", 3.0)], weights=True)
        g.vs["age"] = [1, 2, 3]
        assert edges_of(as_graph(g)) == [("a", "b", 2.0), ("b", "c", 3.0)]
        assert as_graph(g, x="age").x.tolist() == [[1], [2], [3]]
        assert as_graph(g, weights=False).weights is None
        arrow = as_graph(igraph.Graph([(1, 0)], directed=True))
        assert (arrow.directed, arrow.edges().tolist()) == (True, [[1], [0]])
        with pytest.raises(ValueError, match="no edge has an attribute 'cost'"):
            as_graph(g, weight="cost")


def fake(module, name, **attributes):
    """An object as a library that is not installed makes it."""
    return type(name, (), {"__module__": module, **attributes})()


class TestOtherLibraries:
    def dgl(self, **attributes):
        ends = torch.tensor([0, 1]), torch.tensor([1, 0])
        usual = {
            "is_homogeneous": True,
            "edges": lambda self: ends,
            "num_nodes": lambda self: 3,
            "ndata": {},
            "edata": {},
        }
        return fake("dgl.heterograph", "DGLGraph", **usual | attributes)

    def test_dgl(self):
        assert (as_graph(self.dgl()).num_nodes, as_graph(self.dgl()).directed) == (3, False)
        one_way = lambda self: (torch.tensor([0]), torch.tensor([1]))  # noqa: E731
        assert as_graph(self.dgl(edges=one_way)).directed
        data = {"feat": torch.eye(3), "label": torch.arange(3), "age": torch.tensor([4, 5, 6])}
        g = as_graph(self.dgl(ndata=data, edata={"weight": torch.tensor([2.0, 2.0])}))
        assert (g.x.tolist(), g.y.tolist(), g.weights.tolist()) == (np.eye(3).tolist(), [0, 1, 2], [2, 2])
        assert as_graph(self.dgl(ndata=data), y="age").y.tolist() == [4, 5, 6]
        with pytest.raises(TypeError, match=r"give dgl.to_homogeneous\(graph\)"):
            as_graph(self.dgl(is_homogeneous=False))

    def sparse(self, row, col, size=(3, 3)):
        ends = torch.tensor(row), torch.tensor(col)
        return fake(
            "torch_sparse.tensor", "SparseTensor", coo=lambda self: (*ends, None), sparse_sizes=lambda self: size
        )

    def test_sparse_tensors(self):
        g = as_graph(self.sparse([0, 1], [1, 0]))
        assert (g.num_nodes, g.directed, g.edges().tolist()) == (3, False, [[0], [1]])
        with pytest.warns(UserWarning, match=r"its rows are taken as sources; give adj_t.t\(\)"):
            assert as_graph(self.sparse([0], [1])).edges().tolist() == [[0], [1]]
        assert as_graph(self.sparse([0, 0], [1, 2], (2, 3)), bipartite=True).edges().tolist() == [[0, 0], [3, 4]]

    @pytest.mark.filterwarnings("ignore:Sparse CS:UserWarning")
    def test_torch(self):
        matrix = torch.tensor([[0, 1.0, 0], [2, 0, 0], [0, 0, 0]])
        for form in (matrix.to_sparse(), matrix.to_sparse_csr(), matrix.to_sparse_csc()):
            assert as_graph(form).to_scipy().toarray().tolist() == matrix.tolist()

    @pytest.mark.filterwarnings("ignore:Sparse CS:UserWarning")
    def test_adj_t(self):
        from torch_geometric.data import Data, HeteroData

        transposed = torch.tensor([[0, 0, 0], [5.0, 0, 0], [0, 0, 0]])  # 0 → 1
        for form in (transposed.to_sparse_csr(), transposed.to_sparse()):
            g = as_graph(Data(adj_t=form, x=torch.eye(3)))
            assert (g.edges().tolist(), g.weights.tolist(), g.num_nodes, g.directed) == ([[0], [1]], [5], 3, True)
        g = as_graph(Data(adj_t=self.sparse([1], [0]), num_nodes=3))
        assert (g.edges().tolist(), g.num_nodes) == ([[0], [1]], 3)
        assert as_graph(Data(edge_index=torch.tensor([[0], [1]]), feat=torch.eye(2)), x="feat").x.tolist() == [
            [1, 0],
            [0, 1],
        ]
        with pytest.raises(TypeError, match="edge_type= is given, but PyG HeteroData has types"):
            as_graph(HeteroData(), edge_type=1)


class TestWaysOut:
    def graphs(self):
        x, y = np.array([[1.0, 2], [3, 4], [5, 6], [7, 8]], np.float32), np.array([1, 0, 1, 0])
        pairs, nodes = [("a", "b", 2.0), ("c", "b", 0.5)], ["b", "a", "c", "d"]
        for directed in (False, True):
            yield as_graph(pairs, nodes=nodes, x=x, y=y, directed=directed)
            yield as_graph([pair[:2] for pair in pairs], nodes=nodes, x=x, y=y, directed=directed)
        yield as_graph([[0, 1], [1, 2]], num_nodes=4, x=x, y=y)

    def same(self, g, h):
        assert h == g
        np.testing.assert_array_equal(h.x, g.x)
        np.testing.assert_array_equal(h.y, g.y)

    def test_networkx(self):
        for g in self.graphs():
            self.same(g, as_graph(g.to_networkx(), x="x", y="y"))
        assert isinstance(as_graph([("a", "b")], directed=True).to_networkx(), nx.DiGraph)
        bought = as_graph([(1, 1)], bipartite=True)
        assert as_graph(bought.to_networkx(), bipartite=True).bipartite_sides.tolist() == [0, 1]
        sparse = as_graph([[0], [1]], x=sp.csr_array([[0, 1.0], [2, 0]]))
        assert as_graph(sparse.to_networkx(), x="x").x.tolist() == [[0, 1], [2, 0]]

    def test_pyg(self):
        for g in self.graphs():
            self.same(g, as_graph(g.to_pyg()))
        sparse = as_graph([[0], [1]], x=sp.csr_array([[0, 1.0], [2, 0]]))
        assert as_graph(sparse.to_pyg()).x.toarray().tolist() == [[0, 1], [2, 0]]
        with pytest.raises(TypeError, match=r"y holds .* no numbers, which PyG cannot hold"):
            as_graph([[0], [1]], y=["u", "v"]).to_pyg()

    def test_pandas_and_scipy(self):
        for g in self.graphs():
            self.same(g, as_graph(g.to_pandas(), nodes=g.nodes, directed=g.directed, x=g.x, y=g.y))
            self.same(g, as_graph(g.to_scipy(), nodes=g.nodes, directed=g.directed, x=g.x, y=g.y))
        assert as_graph([("a", "b", 2.0)]).to_pandas().to_dict("list") == {
            "source": ["a"],
            "target": ["b"],
            "weight": [2],
        }
        assert as_graph([[0], [1]]).to_pandas().dtypes.tolist() == [np.int64, np.int64]

    def test_html(self):
        html = as_graph([("<a>", "b", 2.0), ("b", "c", 0.5)], x=np.eye(3))._repr_html_()
        assert "&lt;a&gt;" in html
        assert "<a>" not in html
        for text in ("<td>3 (", "<td>2, undirected</td>", "<td>0.5 … 2</td>", "<td>3 by 3</td>"):
            assert text in html
        assert "1 and 1" in as_graph([(1, 1)], bipartite=True)._repr_html_()
        assert "<td>0</td>" in as_graph([[], []])._repr_html_()


class TestEmbedders:
    """``fit`` takes what ``as_graph`` takes; only square arrays of numbers are adjacencies, as in scikit-learn."""

    fast = gr.FastRP(dimensions=4)

    def test_same_door(self):
        expected = self.fast.fit_transform(as_graph([("a", "b"), ("b", "c")]))
        for form in (
            [("a", "b"), ("b", "c")],
            [["a", "b"], ["b", "c"]],
            np.array([["a", "b"], ["b", "c"]]),
            pd.DataFrame({"src": ["a", "b"], "dst": ["b", "c"]}),
            pl.DataFrame({"src": ["a", "b"], "dst": ["b", "c"]}).lazy(),
            np.array([("a", "b"), ("b", "c")], dtype=[("src", "U1"), ("dst", "U1")]),
        ):
            np.testing.assert_array_equal(self.fast.fit_transform(form), expected)
            assert self.fast.nodes_.tolist() == ["a", "b", "c"]
        path = as_graph([[0, 1, 2], [1, 2, 3]])
        for form in ([(0, 1), (1, 2), (2, 3)], [[0, 1, 2], [1, 2, 3]], (np.array([0, 1, 2]), np.array([1, 2, 3]))):
            np.testing.assert_array_equal(self.fast.fit_transform(form), self.fast.fit_transform(path))

    def test_two_by_two(self):
        with pytest.warns(UserWarning, match="a 2 x 2 array of integers is read as an adjacency matrix"):
            assert self.fast.fit_transform([[0, 1], [1, 2]]).shape == (2, 4)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert self.fast.fit_transform([[0, 1], [1, 0]]).shape == (2, 4)
            assert self.fast.fit_transform([(0, 1), (1, 2)]).shape == (3, 4)

    def test_refused(self):
        with pytest.raises(ValueError, match="rows of different lengths"):
            self.fast.fit([[0, 1], [1]])
        with pytest.raises(ValueError, match=r"got shape \(3, 2\); for a matrix of one side by the other"):
            self.fast.fit(np.ones((3, 2)))


def test_directions_that_are_not_there_are_not_made_up_without_a_word():
    plain = as_graph([("a", "b"), ("b", "c")])
    drawn = igraph.Graph([(0, 1)])
    for undirected in (nx.Graph([("a", "b")]), drawn):
        with pytest.warns(UserWarning, match="the graph is undirected, and directed=True cannot tell the directions"):
            assert as_graph(undirected, directed=True).directed
        assert not as_graph(undirected, directed=False).directed
    assert as_graph(plain, directed=True).num_edges == 4  # both ways
    as_graph(plain.to_scipy(), directed=True)  # a symmetric matrix may be directed, as are edges in a list
    as_graph(nx.DiGraph([("a", "b")]), directed=True)
    as_graph(as_graph([("a", "b")], directed=True), directed=True)
