"""What a Graph keeps when it is made, changed or compared: names, features, labels, weights, direction."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
import scipy.sparse as sp

import graphrep as gr
from graphrep import Graph, as_graph

NAMES = ["a", "b", "c"]
X, Y = np.arange(6.0).reshape(3, 2), np.array([7, 8, 9])


def named(*, directed=True, weights=(1, 2, 3)):
    return as_graph([[0, 1, 2], [1, 2, 0]], directed=directed, weights=list(weights), nodes=NAMES, x=X, y=Y)


def assert_same_rows(graph):
    assert graph.nodes.tolist() == NAMES
    np.testing.assert_array_equal(graph.x, X)
    np.testing.assert_array_equal(graph.y, Y)


@pytest.mark.parametrize("directed", [False, True])
def test_the_constructor_takes_names_features_and_labels(directed):
    g = Graph([0, 1, 2, 2], [1, 0], directed=directed, nodes=NAMES, x=X, y=Y)
    assert_same_rows(g)
    assert g.directed is directed
    assert g.num_edges == (2 if directed else 1)
    assert [g.row(name) for name in NAMES] == [0, 1, 2]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"nodes": NAMES[:2]}, "nodes must name each of the 3 nodes once, got 2 names"),
        ({"x": X[:2]}, r"x must have one row per node \(3\)"),
        ({"y": np.zeros(4)}, r"y must have one row per node \(3\)"),
    ],
)
def test_the_constructor_counts_rows(options, message):
    with pytest.raises(ValueError, match=message):
        Graph([0, 1, 2, 2], [1, 0], **options)


def test_an_empty_graph_can_be_constructed():
    g = Graph([0], [])
    assert (g.num_nodes, g.num_arcs, g.num_edges) == (0, 0, 0)
    with pytest.raises(ValueError, match=r"indices must hold indptr\[-1\] = 0 integers, got shape \(1, 0\)"):
        Graph([0], [[]])


def test_derived_graphs_keep_names_features_and_labels():
    g = named()
    assert_same_rows(g.transpose())
    assert_same_rows(g.to_undirected())
    assert_same_rows(g.with_edges([[0], [2]]))
    assert_same_rows(named(directed=False).with_edges([[0], [2]]))
    assert_same_rows(as_graph(g, directed=False))
    assert_same_rows(as_graph(g, weights=False))
    assert_same_rows(as_graph(g, self_loops=False))


def test_direction_is_kept_or_forgotten():
    g = named()
    assert g.transpose().directed
    assert not g.to_undirected().directed
    assert g.with_edges([[0], [2]]).directed
    assert not named(directed=False).with_edges([[0], [2]]).directed
    assert as_graph(g, weights=False).directed
    both = as_graph([[0, 1], [1, 0]], directed=True)
    assert as_graph(both, weights=False).directed  # though it is symmetric
    assert as_graph(both, nodes=["u", "v"]).directed


def test_one_override_leaves_the_rest():
    g = named()
    for options in ({"nodes": NAMES}, {"x": X + 1}, {"y": Y + 1}):
        h = as_graph(g, **options)
        assert h.nodes.tolist() == NAMES
        np.testing.assert_array_equal(h.x, options.get("x", X))
        np.testing.assert_array_equal(h.y, options.get("y", Y))
        assert h.weights.tolist() == [1, 2, 3]
        assert g.nodes.tolist() == NAMES


def test_rows_at_both_ends_of_the_range():
    g = as_graph([[0, 1, 2], [1, 2, 0]], directed=True)
    assert [g.row(number) for number in (0, 2)] == [0, 2]
    assert g.rows([2, 0]).tolist() == [2, 0]
    assert g.rows([2, 0]).dtype == np.int64
    assert [g.neighbor_rows(row).tolist() for row in (0, 2)] == [[1], [0]]
    for row in (-1, 3):
        with pytest.raises(IndexError, match=rf"row must lie in \[0, 3\), got {row}"):
            g.neighbor_rows(row)


def test_weighted_degree_is_added_in_float64():
    """2**25 + 3 is no float32, in whatever order it is added up."""
    weights = [2.0**25, 2, 1]
    out = as_graph([[0, 0, 0], [1, 2, 3]], directed=True, weights=weights)
    assert out.weighted_degree().tolist() == [2.0**25 + 3, 0, 0, 0]
    into = as_graph([[1, 2, 3], [0, 0, 0]], directed=True, weights=weights)
    assert into.weighted_degree(incoming=True).tolist() == [2.0**25 + 3, 0, 0, 0]
    for incoming in (False, True):
        assert named(weights=(1, 1, 1)).weighted_degree(incoming=incoming).dtype == np.float64
        assert named().weighted_degree(incoming=incoming).dtype == np.float64


def test_unweighted_degrees_count_arcs():
    g = as_graph([[0, 0, 2], [1, 2, 2]], directed=True, num_nodes=5)
    assert g.weighted_degree().tolist() == [2, 0, 1, 0, 0]
    assert g.weighted_degree(incoming=True).tolist() == [0, 1, 2, 0, 0]


def test_loops_of_an_undirected_graph_count_once():
    g = as_graph([[0, 0, 1, 2], [0, 1, 1, 2]], directed=False)
    assert (g.num_arcs, g.num_edges) == (5, 4)
    assert g.edges().tolist() == [[0, 0, 1, 2], [0, 1, 1, 2]]


def test_membership_of_no_pairs_and_of_unsigned_rows():
    g = named()
    assert g.has_edges(np.zeros((2, 0)), 0).shape == (2, 0)
    assert g.has_edges(np.zeros((2, 0)), 0).dtype == bool
    assert g.has_edges(np.array([0, 1], np.uint8), np.array([1, 0], np.uint8)).tolist() == [True, False]
    for ends in ((0, [1.0]), ([0.0], 1)):
        with pytest.raises(TypeError, match="source and target must hold row numbers"):
            g.has_edges(*ends)


def test_to_scipy_keeps_weights_and_index_types():
    a = named().to_scipy()
    assert a.toarray().tolist() == [[0, 1, 0], [0, 0, 2], [3, 0, 0]]
    assert a.indptr.dtype == a.indices.dtype == np.int32
    plain = named(weights=(1, 1, 1)).to_scipy()
    assert plain.toarray().tolist() == [[0, 1, 0], [0, 0, 1], [1, 0, 0]]
    assert plain.dtype == np.float32


def test_with_edges_of_a_directed_graph_looks_up_each_direction():
    g = as_graph([[0, 1, 1], [1, 0, 2]], directed=True, weights=[2, 3, 4])
    kept = g.with_edges([[1, 0, 2], [0, 1, 1]])
    assert kept.edge_index().tolist() == [[0, 1, 2], [1, 0, 1]]
    assert kept.weights.tolist() == [2, 3, 1]
    assert as_graph([[], []], num_nodes=3, weights=[]).with_edges([[0], [1]]).weights is None
    dropped = g.with_edges([[0, 1], [1, 2]], [0, 5])  # weight 0: no edge
    assert (dropped.edges().tolist(), dropped.weights.tolist()) == ([[1], [2]], [5])


def test_to_undirected_keeps_the_larger_weight():
    g = as_graph([[0, 1, 1], [1, 0, 2]], directed=True, weights=[2, 3, 4])
    assert g.to_undirected().to_scipy().toarray().tolist() == [[0, 3, 0], [3, 0, 4], [0, 4, 0]]


def test_each_part_counts_in_a_comparison():
    g = named()
    assert g == named()
    differing = [
        as_graph([[0, 1, 2], [2, 0, 1]], directed=True, weights=[1, 2, 3], nodes=NAMES),
        as_graph([[0, 0, 2], [1, 2, 0]], directed=True, weights=[1, 2, 3], nodes=NAMES),
        named(weights=(1, 2, 4)),
        named(weights=(1, 1, 1)),
        Graph(g.indptr, g.indices, g.weights, directed=True, nodes=["a", "b", "d"]),
    ]
    for other in differing:
        assert g != other
        assert other != g
    assert as_graph(g, x=X + 1, y=Y + 1) == g  # features and labels are no part of it
    both = [as_graph([[0, 1], [1, 0]], directed=directed) for directed in (True, False)]
    np.testing.assert_array_equal(both[0].indices, both[1].indices)
    assert both[0] != both[1]
    assert as_graph([[0, 1], [1, 0]]) == as_graph([[0, 1], [1, 0]], nodes=[0, 1])


def test_repr_names_what_there_is():
    assert repr(named(directed=False, weights=(1, 1, 1))) == (
        "Graph(num_nodes=3, num_edges=3, undirected, x=(3, 2), y=(3,))"
    )
    assert repr(as_graph([[0], [1]], y=[1, 2])) == "Graph(num_nodes=2, num_edges=1, undirected, y=(2,))"


def test_self_loops_and_merging_by_default():
    g = as_graph([[0, 0, 0], [0, 1, 1]], directed=True)
    assert g.edge_index().tolist() == [[0, 0], [0, 1]]
    assert g.weights.tolist() == [1, 2]  # parallel edges add up
    assert as_graph([(0, 0), (0, 1)], self_loops=False, directed=True).edge_index().tolist() == [[0], [1]]
    looped = as_graph(g, self_loops=False)
    assert looped is not g
    assert looped.num_arcs == 1


def test_arguments_that_make_no_sense_are_refused():
    with pytest.raises(TypeError, match="as_graph has no parameter separator; it is called delimiter here"):
        as_graph([[0], [1]], separator=",")
    g = named()
    with pytest.raises(ValueError, match="num_nodes is 4, but the Graph has 3 nodes"):
        as_graph(g, num_nodes=4)
    assert as_graph(g, num_nodes=3) is g
    with pytest.raises(TypeError, match="a graph has its weights already"):
        as_graph(g, weights=True)
    with pytest.raises(ValueError, match="weight=True, but the graph has no weights"):
        as_graph(as_graph([(0, 1)]), weight=True)
    assert as_graph(heavy := as_graph([(0, 1, 2.0)]), weight=True) is heavy
    for indptr, indices, message in (
        ([[0, 1]], [0], "indptr must be"),
        ([0, 1], [[0]], r"indices must hold indptr\[-1\] = 1 integers"),
        ([0, 1], [0, 0], r"indices must hold indptr\[-1\] = 1 integers"),
        ([0, 2, 1, 2], [0, 1], "indptr must be a non-decreasing"),
    ):
        with pytest.raises(ValueError, match=message):
            Graph(indptr, indices)
    with pytest.raises(IndexError, match=r"indices must lie in \[0, 2\), got 2 … 2"):
        Graph([0, 1, 1], [2])


def test_a_pickled_graph_is_read_only_in_every_part():
    import pickle

    g = named()
    g.row("a")
    h = pickle.loads(pickle.dumps(g))
    for part in (h.indptr, h.indices, h.weights, h.nodes):
        assert not part.flags.writeable
    assert h.row("b") == 1
    assert gr.as_graph(h) is h


@pytest.mark.parametrize("block", [1, 7, 64, 1 << 20])
@pytest.mark.parametrize("weighted", [False, True])
def test_weighted_degree_converts_a_block_of_arcs_at_a_time(block, weighted, monkeypatch):
    rng = np.random.default_rng(0)
    source, target = rng.integers(30, size=(2, 300))
    weights = rng.random(300).astype(np.float32) if weighted else None
    g = gr.as_graph(np.stack([source, target]), weights=weights, num_nodes=33, directed=True)  # three have no arcs
    matrix = sp.csr_array(g.to_scipy(), dtype=np.float64)
    monkeypatch.setattr("graphrep.graph._BLOCK", block)
    np.testing.assert_allclose(g.weighted_degree(), matrix.sum(axis=1), rtol=1e-15)
    np.testing.assert_allclose(g.weighted_degree(incoming=True), matrix.sum(axis=0), rtol=1e-15)


def test_weighted_degree_holds_no_copy_of_the_arcs():
    g = gr.as_graph(sp.csr_array(np.random.default_rng(0).random((1800, 1800), np.float32)), directed=True)
    for incoming in (False, True):
        tracemalloc.start()
        try:
            g.weighted_degree(incoming=incoming)
            assert tracemalloc.get_traced_memory()[1] < 7 * g.num_arcs  # a copy in float64 has 8 bytes for each
        finally:
            tracemalloc.stop()
