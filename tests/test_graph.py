from __future__ import annotations

import copy
import pickle
import warnings
from fractions import Fraction

import networkx as nx
import numpy as np
import pytest
import scipy.sparse as sp

import graphrep as gr
from graphrep import Graph, as_graph

TRIANGLE = np.array([[0, 1, 2], [1, 2, 0]])


def arcs(graph):
    """Arcs and weights as a dictionary of names."""
    nodes = graph.nodes.tolist()
    weights = np.ones(graph.num_arcs) if graph.weights is None else graph.weights
    ends = zip(graph.sources().tolist(), graph.indices.tolist(), strict=True)
    return {(nodes[u], nodes[v]): w for (u, v), w in zip(ends, weights.tolist(), strict=True)}


def random_graph(num_nodes=60, num_edges=400, *, directed=True, weighted=True, seed=0):
    rng = np.random.default_rng(seed)
    ends = rng.integers(0, num_nodes, (2, num_edges))
    weights = rng.integers(1, 5, num_edges) if weighted else None
    return as_graph(ends, num_nodes=num_nodes, directed=directed, weights=weights)


class TestGraph:
    def test_properties(self):
        g = as_graph([[0, 0, 2, 3], [1, 2, 0, 3]], num_nodes=5, directed=True, weights=[1, 2, 3, 4])
        assert (g.num_nodes, g.num_arcs, g.num_edges, g.directed) == (5, 4, 4, True)
        assert g.indptr.tolist() == [0, 2, 2, 3, 4, 4]
        assert g.indices.tolist() == [1, 2, 0, 3]
        assert g.weights.tolist() == [1, 2, 3, 4]
        assert (g.indptr.dtype, g.indices.dtype, g.weights.dtype) == (np.int64, np.int32, np.float32)
        assert g.nodes.tolist() == [0, 1, 2, 3, 4]
        assert g.out_degree.tolist() == [2, 0, 1, 1, 0]
        assert g.sources().tolist() == [0, 0, 2, 3]
        assert g.sources().dtype == g.indices.dtype
        assert g.neighbors(0).tolist() == [1, 2]
        assert g.weighted_degree().tolist() == [3, 0, 3, 4, 0]
        assert g.weighted_degree(incoming=True).tolist() == [3, 1, 2, 4, 0]
        assert g.edge_index().tolist() == [[0, 0, 2, 3], [1, 2, 0, 3]]
        assert g.edges().tolist() == g.edge_index().tolist()
        assert repr(g) == "Graph(num_nodes=5, num_edges=4, directed, weighted)"

    def test_undirected_properties(self):
        g = as_graph([[0, 1, 2, 2], [1, 2, 0, 2]], directed=False, x=np.zeros((3, 7)))
        assert (g.num_arcs, g.num_edges) == (7, 4)
        assert g.edges().tolist() == [[0, 0, 1, 2], [1, 2, 2, 2]]
        assert g.weighted_degree().tolist() == g.weighted_degree(incoming=True).tolist() == [2, 2, 3]
        assert g.transpose() is g
        assert g.to_undirected() is g
        assert repr(g) == "Graph(num_nodes=3, num_edges=4, undirected, x=(3, 7))"

    @pytest.mark.parametrize("num_nodes", [0, 1, 4])
    def test_no_edges(self, num_nodes):
        g = as_graph(np.zeros((2, 0), int), num_nodes=num_nodes)
        assert (g.num_nodes, g.num_arcs, g.num_edges, g.directed) == (num_nodes, 0, 0, False)
        assert g.weighted_degree().tolist() == [0] * num_nodes
        assert g.edges().shape == (2, 0)
        assert g.to_scipy().shape == (num_nodes, num_nodes)
        assert g.has_edges([], []).tolist() == []
        if num_nodes:
            assert not g.has_edges(0, num_nodes - 1)

    def test_read_only(self):
        g = random_graph()
        for array in (g.indptr, g.indices, g.weights, g.nodes, g.neighbors(3)):
            with pytest.raises(ValueError, match="read-only"):
                array[:1] = 0
        with pytest.raises(AttributeError):
            g.weights = None

    def test_constructor_copies(self):
        indptr, indices, weights = np.array([0, 1, 2]), np.array([1, 0]), np.array([2.0, 2.0])
        g = Graph(indptr, indices, weights)
        indptr[1], indices[0], weights[0] = 0, 0, 9
        assert arcs(g) == {(0, 1): 2, (1, 0): 2}

    @pytest.mark.parametrize(
        ("arguments", "error", "message"),
        [
            (([1, 2], [0]), ValueError, "indptr must be a non-decreasing integer array that starts with 0"),
            (([0, 2, 1], [0, 1]), ValueError, "indptr must be a non-decreasing"),
            (([0.0, 1.0], [0]), ValueError, "indptr must be a non-decreasing"),
            (([], []), ValueError, "indptr must be a non-decreasing"),
            (([0, 1, 2], [0]), ValueError, r"indices must hold indptr\[-1\] = 2 integers, got shape \(1,\)"),
            (([0, 1], [0.5]), ValueError, "indices must hold"),
            (([0, 1, 2], [0, 2]), IndexError, r"indices must lie in \[0, 2\), got 0 … 2"),
            (([0, 1, 2], [-1, 0]), IndexError, r"indices must lie in \[0, 2\), got -1 … 0"),
            (([0, 0, 2], [1, 0]), ValueError, "indices must ascend strictly in each row, but row 1 does not"),
            (([0, 2, 2], [1, 1]), ValueError, "but row 0 does not"),
            (([0, 1, 1], [1]), ValueError, "the adjacency is not symmetric, so directed must be True"),
            (([0, 1, 2], [1, 0], [1, 2]), ValueError, "the adjacency is not symmetric"),
            (([0, 1, 2], [1, 0], [0, 0]), ValueError, "weights must be positive"),
            (([0, 1, 2], [1, 0], [1]), ValueError, r"weights must have shape \(2,\)"),
            (([0, 1, 2], [1, 0], [1, np.nan]), ValueError, "weights must be finite and not negative; entry 1 is nan"),
        ],
    )
    def test_constructor_checks(self, arguments, error, message):
        with pytest.raises(error, match=message):
            Graph(*arguments)

    def test_constructor_keeps(self):
        g = random_graph(directed=True)
        assert Graph(g.indptr, g.indices, g.weights, directed=True) == g
        h = random_graph(directed=False)
        assert Graph(h.indptr, h.indices, h.weights) == h
        assert Graph(h.indptr, h.indices, h.weights, directed=True).directed

    def test_has_edges(self):
        g = random_graph(weighted=False)
        dense = g.to_scipy().toarray() > 0
        u, v = np.indices((60, 60))
        np.testing.assert_array_equal(g.has_edges(u, v), dense)
        assert g.has_edges(3, [[0], [1]]).shape == (2, 1)
        with pytest.raises(IndexError, match=r"target holds node id 60, outside \[0, 60\)"):
            g.has_edges([0, 1], [59, 60])
        with pytest.raises(IndexError, match="source holds node id -1"):
            g.has_edges(-1, 0)
        with pytest.raises(TypeError, match="source and target must hold row numbers"):
            g.has_edges([0.5], [1])

    def test_neighbors_of_a_node_that_is_not_there(self):
        with pytest.raises(KeyError, match="there is no node 3; the nodes are the row numbers of the graph"):
            as_graph(TRIANGLE).neighbors(3)

    def test_rows_by_name(self):
        g = as_graph([["b", "a"], ["a", "c"]])
        assert g.row("c") == 2
        assert g.rows(["a", "b"]).tolist() == [1, 0]
        with pytest.raises(KeyError):
            g.row("d")
        plain = as_graph(TRIANGLE)
        assert plain.row(2) == 2
        for missing in (3, -1, "a", 1.0):
            with pytest.raises(KeyError):
                plain.row(missing)

    def test_weighted_degree_is_exact_beside_heavy_rows(self):
        """A light row after heavy ones: differences of a running total would lose it."""
        g = as_graph([[0, 0, 1, 3], [1, 2, 2, 2]], directed=True, num_nodes=5, weights=[1e30, 1e30, 1e-8, 3e-8])
        expected = g.to_scipy().astype(np.float64).sum(axis=1)
        np.testing.assert_array_equal(g.weighted_degree(), expected)

    @pytest.mark.parametrize("weighted", [True, False])
    def test_transpose(self, weighted):
        g = random_graph(weighted=weighted)
        t = g.transpose()
        assert arcs(t) == {(v, u): w for (u, v), w in arcs(g).items()}
        assert t.transpose() == g
        assert t.directed

    def test_to_undirected(self):
        g = random_graph()
        h = g.to_undirected()
        a = g.to_scipy()
        assert not h.directed
        assert (h.to_scipy() != a.maximum(a.T)).nnz == 0

    def test_with_edges(self):
        g = as_graph([["a", "b", "c"], ["b", "c", "a"]], directed=False, x=np.eye(3), y=[0, 1, 0])
        h = g.with_edges([[0], [1]])
        assert arcs(h) == {("a", "b"): 1, ("b", "a"): 1}
        assert h.x is g.x
        assert h.y is g.y
        assert not h.directed
        assert arcs(g.with_edges([[0, 1], [1, 2]], [2, 0])) == {("a", "b"): 2, ("b", "a"): 2}
        assert g.with_edges(np.zeros((2, 0), int)).num_edges == 0
        d = as_graph(TRIANGLE, directed=True).with_edges([[0], [1]])
        assert arcs(d) == {(0, 1): 1}
        with pytest.raises(IndexError, match=r"target holds node id 3, outside \[0, 3\)"):
            g.with_edges([[0], [3]])
        with pytest.raises(ValueError, match=r"shape \(2, num_edges\), got \(3, 2\) \(transpose it\?\)"):
            g.with_edges([[0, 1], [1, 2], [2, 0]])
        with pytest.raises(TypeError, match="edges must hold row numbers"):
            g.with_edges([["a"], ["b"]])

    def test_equality(self):
        g = random_graph()
        assert g == random_graph()
        assert g != random_graph(seed=1)
        assert g != random_graph(weighted=False)
        assert g != as_graph(g, nodes=range(1, 61))
        assert g != as_graph(g, directed=False)
        assert g != 3
        with pytest.raises(TypeError, match="unhashable"):
            hash(g)

    @pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, lambda g: pickle.loads(pickle.dumps(g))])
    def test_copies(self, duplicate):
        g = as_graph([["a", "b"], ["b", "c"]], weights=[1, 2], x=np.eye(3), y=[1, 2, 3])
        g.row("a")
        h = duplicate(g)
        assert h == g
        assert h.num_edges == 2
        assert h.row("c") == 2
        np.testing.assert_array_equal(h.x, g.x)
        np.testing.assert_array_equal(h.y, g.y)
        with pytest.raises(ValueError, match="read-only"):
            h.indices[0] = 0

    def test_to_scipy(self):
        g = random_graph()
        a = g.to_scipy()
        assert (a.dtype, a.shape) == (np.float32, (60, 60))
        assert np.shares_memory(a.indices, g.indices)
        assert np.shares_memory(a.data, g.weights)
        assert as_graph(a) == g
        assert random_graph(weighted=False).to_scipy().data.min() >= 1


class TestArrays:
    @pytest.mark.parametrize(
        "ends",
        [
            TRIANGLE,
            TRIANGLE.astype(np.int32),
            TRIANGLE.astype(np.uint8),
            TRIANGLE.astype(object),
            TRIANGLE.tolist(),
            tuple(TRIANGLE.tolist()),
            [*TRIANGLE],
            list(zip(*TRIANGLE.tolist(), strict=True)),
            np.asfortranarray(TRIANGLE),
            np.repeat(TRIANGLE, 2, axis=1)[:, ::2],
        ],
        ids=["int64", "int32", "uint8", "object", "list", "tuple", "rows", "pairs", "fortran", "strided"],
    )
    def test_inputs(self, ends):
        g = as_graph(ends, directed=True)
        assert g.directed
        assert arcs(g) == {(0, 1): 1, (1, 2): 1, (2, 0): 1}
        assert g.indices.dtype == np.int32
        assert as_graph(ends) == g.to_undirected()

    def test_a_column_of_a_read_only_table(self):
        table = TRIANGLE.T.copy()
        table.flags.writeable = False
        assert as_graph(table.T) == as_graph(TRIANGLE)

    def test_the_result_is_independent_of_the_input(self):
        ends, weights = TRIANGLE.copy(), np.array([1.0, 2, 3], dtype=np.float32)
        g = as_graph(ends, weights=weights)
        before = arcs(g)
        ends[:], weights[:] = 0, 7
        assert arcs(g) == before

    def test_directed(self):
        """A list of edges is undirected unless the caller says otherwise, whatever it lists."""
        both = np.concatenate([TRIANGLE, TRIANGLE[::-1]], axis=1)
        for ends in (TRIANGLE, both):
            assert not as_graph(ends).directed
            assert as_graph(ends, directed=False) == as_graph(ends)
            assert as_graph(ends).num_edges == 3
        assert as_graph(both, weights=[1, 2, 3, 1, 2, 4]).directed is False
        assert as_graph(TRIANGLE, directed=True).num_edges == 3
        assert as_graph(both, directed=True).num_edges == 6
        assert as_graph(both, directed=True).directed

    def test_symmetrize(self):
        """An edge listed both ways is one edge and weighs the larger; listed twice one way it merges first."""
        ends, weights = [[0, 1, 0, 0, 2, 2], [1, 0, 2, 2, 0, 2]], [1, 5, 2, 2, 3, 7]
        expected = {"sum": 4, "max": 3, "first": 3}
        for merge, weight in expected.items():
            g = as_graph(ends, weights=weights, directed=False, merge=merge)
            assert arcs(g) == {(0, 1): 5, (1, 0): 5, (0, 2): weight, (2, 0): weight, (2, 2): 7}
            assert g.num_edges == 3
        assert as_graph([[0, 1], [1, 0]], directed=False).weights is None
        assert as_graph([(0, 1), (0, 1)], directed=False).weights.tolist() == [2, 2]

    def test_merge(self):
        ends, weights = [[0, 0, 0], [1, 1, 1]], [2, 5, 3]
        for merge, weight in {"sum": 10, "max": 5, "first": 2}.items():
            assert as_graph(ends, weights=weights, merge=merge, directed=True).weights.tolist() == [weight]
        with pytest.raises(ValueError, match="merge must be one of sum, max, first; got 'mean'"):
            as_graph(ends, merge="mean")

    def test_self_loops(self):
        assert as_graph([(0, 0), (1, 0)]).num_edges == 2
        assert as_graph([(0, 0), (1, 0)], self_loops=False).num_edges == 1

    def test_num_nodes(self):
        assert as_graph(TRIANGLE, num_nodes=7).num_nodes == 7
        assert as_graph(TRIANGLE, num_nodes=np.int32(3)).num_nodes == 3
        assert as_graph([[], []]).num_nodes == 0
        with pytest.raises(IndexError, match=r"source holds node id 2, outside \[0, 2\)"):
            as_graph(TRIANGLE, num_nodes=2)
        with pytest.raises(IndexError, match="source holds node id -1"):
            as_graph([[-1], [0]])
        with pytest.raises(IndexError, match="source holds node id -3"):
            as_graph([[-3], [-2]])
        for bad, error in ((-1, ValueError), (2.5, TypeError), (True, TypeError), ("3", TypeError)):
            with pytest.raises(error, match="num_nodes must be"):
                as_graph(TRIANGLE, num_nodes=bad)

    @pytest.mark.parametrize(
        "weights",
        [[1, 2, 3], np.array([1, 2, 3], dtype=np.int8), np.array([[1.0], [2], [3]]), [Fraction(1), 2, np.float32(3)]],
    )
    def test_weights(self, weights):
        g = as_graph(TRIANGLE, weights=weights, directed=True)
        assert (g.weights.dtype, g.weights.tolist()) == (np.float32, [1, 2, 3])

    def test_weights_that_say_nothing(self):
        assert as_graph(TRIANGLE, weights=[1, 1, 1]).weights is None
        assert as_graph(TRIANGLE, weights=False).weights is None
        assert as_graph(TRIANGLE, weights=[True, True, False]).num_edges == 2

    def test_zero_weights_are_no_edges(self):
        g = as_graph(TRIANGLE, weights=[1, 0, 2], directed=True)
        assert arcs(g) == {(0, 1): 1, (2, 0): 2}
        assert g.num_nodes == 3

    @pytest.mark.parametrize(
        ("weights", "error", "message"),
        [
            ([1, np.nan, 1], ValueError, "weights must be finite and not negative; entry 1 is nan"),
            ([1, 1, np.inf], ValueError, "entry 2 is inf"),
            ([1, 1, 1e39], ValueError, "entry 2 is inf"),
            ([-1, 1, 1], ValueError, "entry 0 is -1"),
            ([1, 1], ValueError, r"weights must have shape \(3,\), one per edge; got \(2,\)"),
            (np.ones((3, 2)), ValueError, r"weights must have shape \(3,\)"),
            (["1", "2", "3"], TypeError, "weights must be real numbers"),
            ([1j, 1, 1], TypeError, "weights must be real numbers, got dtype complex"),
            ([None, 1, 1], TypeError, "weights must be real numbers"),
            ("weight", TypeError, "weights of an array of end points must be an array, not a name"),
        ],
    )
    def test_bad_weights(self, weights, error, message):
        with pytest.raises(error, match=message):
            as_graph(TRIANGLE, weights=weights)

    def test_weights_whose_sum_overflows(self):
        with pytest.raises(ValueError, match="add up to more than float32 holds"):
            as_graph([(0, 1), (0, 1)], weights=[3e38, 3e38])

    def test_names(self):
        """Names are numbered by first appearance, edge by edge, as in a file."""
        for ends in (
            [["b", "c", "b"], ["a", "b", "d"]],
            np.array([["b", "c", "b"], ["a", "b", "d"]]),
            np.array([["b", "c", "b"], ["a", "b", "d"]], dtype=object),
        ):
            g = as_graph(ends, directed=True)
            assert g.nodes.tolist() == ["b", "a", "c", "d"]
            assert g.nodes.dtype == object
            assert arcs(g) == {("b", "a"): 1, ("c", "b"): 1, ("b", "d"): 1}
        mixed = as_graph(np.array([[1, "a"], ["a", 2]], dtype=object))
        assert mixed.nodes.tolist() == ["1", "a", "2"]
        with pytest.raises(TypeError, match="num_nodes cannot be given with named end points"):
            as_graph([["a"], ["b"]], num_nodes=2)

    @pytest.mark.parametrize(
        ("ends", "error", "message"),
        [
            (np.zeros((3, 2), int), ValueError, r"shape \(2, num_edges\), got \(3, 2\) \(transpose it\?\)"),
            (np.arange(4), ValueError, r"edges must have shape \(2, num_edges\), got \(4,\)"),
            ([[0, 1], [1]], ValueError, "rows of different lengths"),
            (np.zeros((2, 2)), TypeError, "edges must hold integers or strings, got dtype float64"),
            (np.ones((2, 2), bool), TypeError, "edges must hold integers or strings, got dtype bool"),
            ([["a", None, "b"], ["b", "c", "d"]], ValueError, "the array of edges has no node in row 1"),
            ([[0, 1.5, 1], ["b", True, 1]], TypeError, "the array of edges must hold integers or strings, got 1.5"),
            ({0: [1]}, TypeError, r"cannot make a graph from dict \(a dictionary of neighbors: networkx.Graph\(obj\)"),
            (None, TypeError, "cannot make a graph from NoneType"),
        ],
    )
    def test_bad_edges(self, ends, error, message):
        if isinstance(ends, list) and len(set(map(len, ends))) == 1:
            ends = [np.array(row, dtype=object) for row in ends]
        with pytest.raises(error, match=message):
            as_graph(ends)

    def test_unknown_arguments(self):
        with pytest.raises(TypeError, match="as_graph got unexpected arguments for ndarray: color"):
            as_graph(TRIANGLE, color=",")


class TestNodeTable:
    @pytest.mark.parametrize(
        ("nodes", "dtype"),
        [
            (["a", "b", "c"], object),
            (np.array(["a", "b", "c"]), object),
            ([5, 7, 9], np.int64),
            (np.array([5, 7, 9], dtype=np.int32), np.int64),
            (range(3), np.int64),
            ([np.int64(4), 5, 6], np.int64),
            ([(0, 0), (0, 1), (1, 0)], object),
            ([("x",), frozenset({1}), None], object),
            ([2**70, 1, 2], object),
            ([True, 5, 6], object),
        ],
    )
    def test_names(self, nodes, dtype):
        g = as_graph(TRIANGLE, nodes=nodes)
        assert g.nodes.dtype == dtype
        assert g.nodes.shape == (3,)
        assert g.nodes.tolist() == list(nodes)
        assert [g.row(name) for name in nodes] == [0, 1, 2]

    @pytest.mark.parametrize(
        ("nodes", "error", "message"),
        [
            (["a", "b"], ValueError, "nodes must name each of the 3 nodes once, got 2 names"),
            (["a", "b", "a"], ValueError, "nodes must be distinct, but only 2 of the 3 names are"),
            ([1, 1, 1], ValueError, "nodes must be distinct, but only 1 of the 3 names are"),
            ([[1], [2], [3]], TypeError, "nodes must be hashable"),
        ],
    )
    def test_bad_names(self, nodes, error, message):
        with pytest.raises(error, match=message):
            as_graph(TRIANGLE, nodes=nodes)

    def test_features_and_labels(self):
        x, y = sp.eye_array(3, format="csr"), np.arange(3)
        g = as_graph(TRIANGLE, x=x, y=y)
        assert g.x is x
        assert g.y is y
        assert as_graph(TRIANGLE, y=["u", "v", "w"]).y.tolist() == ["u", "v", "w"]
        for bad in (np.zeros((2, 4)), [1, 2], np.float64(3)):
            with pytest.raises(ValueError, match=r"x must have one row per node \(3\)"):
                as_graph(TRIANGLE, x=bad)
        with pytest.raises(ValueError, match=r"y must have one row per node \(3\), got 4"):
            as_graph(TRIANGLE, y=np.zeros(4))


class TestGraphInput:
    def test_same_object(self):
        g = random_graph()
        assert as_graph(g) is g
        assert as_graph(g, directed=True, num_nodes=60) is g

    def test_changes(self):
        g = as_graph([[0, 1, 1], [1, 0, 1]], weights=[1, 2, 3], x=np.eye(2), nodes=["a", "b"], directed=True)
        assert as_graph(g, directed=False).weights.tolist() == [2, 2, 3]
        assert as_graph(g, weights=False).weights is None
        assert as_graph(g, self_loops=False).num_edges == 2
        turned = as_graph(g, nodes=["b", "a"], y=[1, 2])
        assert turned.nodes.tolist() == ["b", "a"]
        assert arcs(turned) == arcs(g)
        assert turned.x.tolist() == [[0, 1], [1, 0]]
        assert turned.y.tolist() == [1, 2]
        with pytest.raises(ValueError, match="nodes lacks 'a', which is a node of the graph"):
            as_graph(g, nodes=["c", "d"])
        assert arcs(as_graph(g, weights=False)).keys() == arcs(g).keys()

    def test_bad_changes(self):
        g = random_graph()
        with pytest.raises(ValueError, match="num_nodes is 3, but the Graph has 60 nodes"):
            as_graph(g, num_nodes=3)
        with pytest.raises(TypeError, match="a graph has its weights already; leave them out"):
            as_graph(g, weights=np.ones(400))


class TestNetworkx:
    def test_undirected(self):
        source = nx.Graph([("a", "b"), ("b", "c"), ("c", "c")])
        source.add_node("alone")
        g = as_graph(source)
        assert not g.directed
        assert g.nodes.tolist() == ["a", "b", "c", "alone"]
        assert arcs(g) == {(u, v): 1 for a, b in source.edges for u, v in ((a, b), (b, a))}

    def test_directed(self):
        source = nx.gnp_random_graph(30, 0.2, seed=1, directed=True)
        g = as_graph(source)
        assert g.directed
        assert set(arcs(g)) == set(source.edges)
        assert as_graph(source, directed=False).num_edges == source.to_undirected().number_of_edges()
        assert as_graph(nx.DiGraph([(0, 1), (1, 0)])).directed

    def test_multigraphs(self):
        edges = [(0, 1, 2.0), (0, 1, 3.0), (1, 0, 4.0)]
        single = nx.MultiGraph()
        single.add_weighted_edges_from(edges)
        assert arcs(as_graph(single)) == {(0, 1): 9, (1, 0): 9}
        assert arcs(as_graph(single, merge="max")) == {(0, 1): 4, (1, 0): 4}
        double = nx.MultiDiGraph()
        double.add_weighted_edges_from(edges)
        assert arcs(as_graph(double)) == {(0, 1): 5, (1, 0): 4}

    def test_weights(self):
        source = nx.Graph()
        source.add_edge(0, 1, weight=2, cost=5)
        source.add_edge(1, 2, weight=0)
        assert arcs(as_graph(source)) == {(0, 1): 2, (1, 0): 2}
        assert as_graph(source, weights=False).weights is None
        assert as_graph(source, weights=False).num_edges == 2
        with pytest.raises(ValueError, match="1 of 2 edges have no attribute 'cost'"):
            as_graph(source, weights="cost")
        with pytest.raises(ValueError, match="no edge has an attribute 'length'"):
            as_graph(source, weights="length")
        with pytest.raises(TypeError, match="name of an edge attribute"):
            as_graph(source, weights=[1, 2])
        source[0][1]["weight"] = "heavy"
        with pytest.raises(TypeError, match="edge attribute 'weight' must be real numbers"):
            as_graph(source)
        assert as_graph(nx.path_graph(3)).weights is None

    def test_names_that_are_tuples(self):
        source = nx.grid_2d_graph(3, 4)
        g = as_graph(source)
        assert g.nodes.shape == (12,)
        assert set(arcs(g)) == {pair for u, v in source.edges for pair in ((u, v), (v, u))}
        assert set(g.neighbors((0, 0))) == {(0, 1), (1, 0)}

    def test_integers_out_of_order(self):
        g = as_graph(nx.Graph([(7, 3), (3, 5)]))
        assert (g.nodes.dtype, g.nodes.tolist()) == (np.int64, [7, 3, 5])

    def test_mixed_names_and_empty(self):
        assert as_graph(nx.Graph([(1, "a"), ("a", None.__class__)])).nodes.tolist() == [1, "a", type(None)]
        assert as_graph(nx.DiGraph()).num_nodes == 0
        with pytest.raises(ValueError, match="num_nodes is 9, but the networkx graph has 3 nodes"):
            as_graph(nx.path_graph(3), num_nodes=9)

    def test_views(self):
        karate = nx.karate_club_graph()
        assert as_graph(karate.subgraph(range(10))).num_edges == karate.subgraph(range(10)).number_of_edges()
        assert as_graph(nx.DiGraph([(0, 1)]).reverse(copy=False)).edges().tolist() == [[1], [0]]


class TestScipy:
    @pytest.mark.parametrize("kind", ["csr_array", "csr_matrix", "csc_array", "coo_array", "coo_matrix", "lil_array"])
    def test_formats(self, kind):
        dense = np.array([[0, 2, 0], [0, 0, 0], [1, 0, 3]])
        g = as_graph(getattr(sp, kind)(dense))
        assert g.directed
        assert arcs(g) == {(0, 1): 2, (2, 0): 1, (2, 2): 3}

    def test_symmetry_decides(self):
        matrix = sp.csr_array(np.array([[0, 2.0], [2, 0]]))
        assert not as_graph(matrix).directed
        assert as_graph(matrix).num_edges == 1
        assert as_graph(matrix, directed=True).num_edges == 2
        assert as_graph(sp.csr_array(np.array([[0, 2.0], [3, 0]])), directed=False).weights.tolist() == [3, 3]

    def test_explicit_zeros_and_duplicates(self):
        matrix = sp.coo_array(([1.0, 1.0, 0.0], ([0, 0, 1], [1, 1, 0])), shape=(2, 2))
        assert arcs(as_graph(matrix)) == {(0, 1): 2}
        assert matrix.nnz == 3

    def test_ones_are_no_weights(self):
        assert as_graph(sp.csr_array(np.eye(3, dtype=bool))).weights is None
        assert as_graph(sp.csr_array(2 * np.eye(3)), weights=False).weights is None

    def test_bad_matrices(self):
        with pytest.raises(ValueError, match=r"an adjacency matrix must be square, got shape \(2, 3\)"):
            as_graph(sp.csr_array((2, 3)))
        with pytest.raises(ValueError, match="num_nodes is 3, but the matrix has 2 rows"):
            as_graph(sp.csr_array((2, 2)), num_nodes=3)
        with pytest.raises(ValueError, match="the matrix must be finite and not negative; entry 0 is -1"):
            as_graph(sp.csr_array(-np.eye(2)))
        with pytest.raises(TypeError, match="the matrix must be real numbers, got dtype complex"):
            as_graph(sp.csr_array(1j * np.eye(2)))
        with pytest.raises(TypeError, match=r"weights of a scipy\.sparse matrix are its entries"):
            as_graph(sp.csr_array((2, 2)), weights=[1])


class TestFrames:
    pd = pytest.importorskip("pandas")

    def test_names_and_weights(self):
        frame = self.pd.DataFrame({"a": ["x", "y"], "b": ["y", "z"], "w": [0.5, 2]})
        g = as_graph(frame, directed=True)
        assert arcs(g) == {("x", "y"): 0.5, ("y", "z"): 2}
        assert g.nodes.tolist() == ["x", "y", "z"]
        assert as_graph(frame, weights=False).weights is None
        assert as_graph(frame[["a", "b"]]).weights is None
        assert as_graph(frame, weights=[3, 4], directed=True).weights.tolist() == [3, 4]

    def test_row_numbers(self):
        frame = self.pd.DataFrame({"u": [0, 1], "v": np.array([1, 2], dtype=np.int32)})
        assert arcs(as_graph(frame, num_nodes=4, directed=True)) == {(0, 1): 1, (1, 2): 1}
        assert as_graph(frame.astype("Int64")) == as_graph(frame)
        assert as_graph(frame.astype("category")) == as_graph(frame)

    def test_mixed_columns_become_strings(self):
        g = as_graph(self.pd.DataFrame({"user": [1, 2], "item": ["a", "b"]}))
        assert g.nodes.tolist() == ["1", "a", "2", "b"]

    def test_bad_frames(self):
        with pytest.raises(ValueError, match="the table needs two columns of end points, got 'a'"):
            as_graph(self.pd.DataFrame({"a": [1]}))
        for missing in (None, np.nan):
            with pytest.raises(
                ValueError, match=r"column 'a' of the table has no node in row 1 \(1 such rows in all\)"
            ):
                as_graph(self.pd.DataFrame({"a": ["x", missing], "b": ["y", "z"]}))
        with pytest.raises(ValueError, match="column 'a' of the table has no node in row 1"):
            as_graph(self.pd.DataFrame({"a": [0, np.nan], "b": [1, 2]}))
        with pytest.raises(TypeError, match="column 'w' of the table, the weights, must be real numbers"):
            as_graph(self.pd.DataFrame({"a": [0], "b": [1], "w": ["friend"]}))


class TestTorch:
    torch = pytest.importorskip("torch")

    def test_tensors(self):
        torch = self.torch
        expected = as_graph(TRIANGLE, weights=[1, 2, 3])
        for dtype in (torch.int64, torch.int32, torch.uint8):
            ends = torch.tensor(TRIANGLE, dtype=dtype)
            assert as_graph(ends, weights=torch.tensor([1.0, 2, 3], requires_grad=True)) == expected
        assert as_graph(ends, weights=torch.tensor([1, 2, 3], dtype=torch.bfloat16)) == expected
        assert as_graph(torch.tensor(TRIANGLE.T.copy()).T) == as_graph(TRIANGLE)
        g = as_graph(ends, x=torch.eye(3), y=torch.arange(3))
        assert isinstance(g.x, np.ndarray)
        assert g.y.tolist() == [0, 1, 2]


class TestPyG:
    @pytest.fixture(autouse=True)
    def modules(self):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            pytest.importorskip("torch_geometric")
            import torch
            from torch_geometric import EdgeIndex
            from torch_geometric.data import Data
        self.torch, self.data_class, self.edge_index_class = torch, Data, EdgeIndex

    def data(self, ends=TRIANGLE, **attributes):
        return self.data_class(edge_index=self.torch.tensor(ends), **attributes)

    def test_data(self):
        torch = self.torch
        x, y = torch.eye(4), torch.arange(4)
        g = as_graph(self.data(x=x, y=y, edge_weight=torch.tensor([1.0, 2, 3])))
        assert g.directed
        assert g.num_nodes == 4
        assert arcs(g) == {(0, 1): 1, (1, 2): 2, (2, 0): 3}
        np.testing.assert_array_equal(g.x, x.numpy())
        np.testing.assert_array_equal(g.y, y.numpy())
        both = np.concatenate([TRIANGLE, TRIANGLE[::-1]], axis=1)
        assert not as_graph(self.data(both)).directed

    def test_weights(self):
        torch = self.torch
        data = self.data(edge_weight=torch.tensor([1.0, 2, 3]), edge_attr=torch.tensor([[4.0], [5], [6]]), num_nodes=3)
        assert as_graph(data, weights="edge_attr").weights.tolist() == [4, 5, 6]
        assert as_graph(data, weights=False).weights is None
        assert as_graph(data, weights=[7, 8, 9]).weights.tolist() == [7, 8, 9]
        assert as_graph(self.data(edge_attr=torch.ones(3, 2), num_nodes=3)).weights is None
        with pytest.raises(ValueError, match="the PyG data has no attribute 'cost'"):
            as_graph(data, weights="cost")

    def test_number_of_nodes(self):
        assert as_graph(self.data()).num_nodes == 3
        assert as_graph(self.data(num_nodes=9)).num_nodes == 9
        assert as_graph(self.data(), num_nodes=5).num_nodes == 5
        with pytest.raises(IndexError, match="outside"):
            as_graph(self.data(num_nodes=2))

    def test_no_edges(self):
        with pytest.raises(ValueError, match="the PyG data has no edge_index"):
            as_graph(self.data_class(x=self.torch.eye(3)))

    def test_edge_index(self):
        ends = self.torch.tensor(TRIANGLE)
        assert as_graph(self.edge_index_class(ends)) == as_graph(TRIANGLE, directed=True)
        assert as_graph(ends) == as_graph(TRIANGLE)
        assert as_graph(self.edge_index_class(ends, sparse_size=(6, 5))).num_nodes == 6
        assert as_graph(self.edge_index_class(ends, sparse_size=(6, 5)), num_nodes=7).num_nodes == 7
        assert as_graph(self.data_class(edge_index=self.edge_index_class(ends), num_nodes=4)).num_nodes == 4


def test_as_graph_needs_none_of_the_libraries(tmp_path):
    """Only networkx, torch and pandas objects load their libraries."""
    import subprocess
    import sys

    code = (
        "import sys, graphrep as gr; gr.as_graph([[0, 1], [1, 2]]); "
        "print({'torch', 'networkx', 'pandas', 'torch_geometric', 'sklearn'} & set(sys.modules))"
    )
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert output.stdout == "set()\n"


def test_public_names():
    assert gr.Graph is Graph
    assert gr.as_graph is as_graph


def test_with_edges_keeps_the_weights_of_edges_that_stay():
    g = gr.as_graph([[0, 1, 2], [1, 2, 3]], weights=[2.0, 3.0, 4.0], directed=False)
    held_out = g.with_edges([[2, 0, 0], [1, 1, 3]])
    u, v = held_out.edges()
    weights = held_out.to_scipy()[u, v].tolist()
    assert dict(zip(zip(u.tolist(), v.tolist(), strict=True), weights, strict=True)) == {
        (0, 1): 2.0,
        (0, 3): 1.0,
        (1, 2): 3.0,
    }
    assert gr.datasets.LinkSplit(g, [[0], [1]], *([[0], [2]],) * 4).graph.weights.tolist() == [2.0, 2.0]
