from __future__ import annotations

import numpy as np
import pytest

import graphrep as gr
from graphrep.graph import Graph
from graphrep.ops.neighbors import cpu, reference, weighted_intersection

BACKENDS = ["native", "reference"]


def random_graph(num_nodes, num_arcs, seed=0, *, directed=False):
    """Some hubs, some isolated nodes, self loops and duplicates."""
    rng = np.random.default_rng(seed)
    ends = (num_nodes * rng.random((2, num_arcs)) ** 4).astype(np.int64)
    return gr.as_graph(ends, num_nodes=num_nodes, directed=directed)


def brute_force(graph, pairs, weights):
    rows = [set(graph.neighbor_rows(u).tolist()) for u in range(graph.num_nodes)]
    return np.array([sum(weights[z] for z in sorted((rows[u] & rows[v]) - {u, v})) for u, v in pairs.T.tolist()])


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("directed", [False, True])
@pytest.mark.parametrize(
    ("num_nodes", "num_arcs", "num_pairs"), [(1, 0, 3), (1, 1, 3), (7, 0, 5), (50, 120, 0), (300, 4000, 1025)]
)
def test_equals_sets(monkeypatch, backend, directed, num_nodes, num_arcs, num_pairs):
    graph = random_graph(num_nodes, num_arcs, directed=directed)
    monkeypatch.setenv("GRAPHREP_BACKEND", backend)
    rng = np.random.default_rng(1)
    pairs = rng.integers(num_nodes, size=(2, num_pairs))
    weights = rng.standard_normal(num_nodes)
    counts = weighted_intersection(graph, pairs)
    assert counts.dtype == np.float64
    np.testing.assert_array_equal(counts, brute_force(graph, pairs, np.ones(num_nodes)))
    expected = brute_force(graph, pairs, weights)
    np.testing.assert_allclose(weighted_intersection(graph, pairs, weights), expected, rtol=1e-12, atol=1e-12)
    narrow = weighted_intersection(graph, pairs, weights, dtype=np.float32)
    assert narrow.dtype == np.float32
    np.testing.assert_allclose(narrow, expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("length", [0, 1, 2, 3, 5, 8, 13, 100])
@pytest.mark.parametrize("ratio", [1, 15, 16, 17, 18, 100])
def test_long_and_short_rows_meet(length, ratio):
    """Node 0 has few neighbors, node 1 many: merging and galloping must find the same common ones."""
    rng = np.random.default_rng(length * 1000 + ratio)
    pool = 2 + rng.permutation(3 * max(1, length) * ratio + 5)
    few, many = pool[:length], rng.permutation(pool)[: length * ratio]
    edges = np.stack([np.r_[np.zeros(len(few)), np.ones(len(many))], np.r_[few, many]]).astype(np.int64)
    graph = gr.as_graph(tuple(edges), num_nodes=int(pool.max()) + 1, directed=True)
    weights = rng.random(graph.num_nodes)
    expected = weights[np.intersect1d(few, many)].sum()
    for pair in ([[0], [1]], [[1], [0]]):
        np.testing.assert_allclose(weighted_intersection(graph, pair, weights), [expected], rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("index", [np.int32, np.int64])
@pytest.mark.parametrize("value", [np.float32, np.float64])
def test_id_types_threads_and_the_order_of_ends_change_no_bit(index, value):
    graph = random_graph(500, 20000, seed=2)
    indices = graph.indices.astype(index)
    indices.flags.writeable = False
    rng = np.random.default_rng(3)
    u, v = rng.integers(500, size=(2, 2000))
    weights = rng.random(500)
    results = []
    for a, b, threads in ((u, v, 1), (u, v, 2), (u, v, 5), (v, u, 2)):
        out = np.full(2000, np.nan, dtype=value)
        cpu.weighted_intersection(graph.indptr, indices, weights, a, b, out, threads)
        results.append(out)
    for other in results[1:]:
        np.testing.assert_array_equal(other, results[0])
    expected = np.empty(2000)
    reference.weighted_intersection(graph.indptr, indices, weights, u, v, expected, 1)
    np.testing.assert_allclose(results[0], expected, rtol=1e-6 if value is np.float32 else 1e-12)


def test_weights_of_edges_play_no_part():
    weighted = gr.as_graph([(0, 2, 5.0), (1, 2, 7.0)])
    assert weighted_intersection(weighted, [[0], [1]]).tolist() == [1.0]


def test_unusable_input_is_refused():
    graph = Graph([0, 1, 2], [1, 0])
    for pairs, options, error, message in (
        ([[0, 1]], {}, ValueError, r"shape \(2, num_pairs\), got \(1, 2\)"),
        ([[0, 1], [0, 1], [1, 0]], {}, ValueError, "transpose"),
        (np.zeros((2, 3, 1), int), {}, ValueError, "shape"),
        ([[0.0], [1.0]], {}, TypeError, "pairs must hold integers, got dtype float64"),
        ([[0], [2]], {}, IndexError, r"pairs must lie in \[0, 2\), got 0 … 2"),
        ([[-1], [1]], {}, IndexError, "pairs must lie in"),
        ([[0], [1]], {"node_weights": [1.0]}, ValueError, r"node_weights must have shape \(2,\)"),
        ([[0], [1]], {"dtype": np.int64}, ValueError, "dtype must be float64 or float32"),
    ):
        with pytest.raises(error, match=message):
            weighted_intersection(graph, pairs, **options)
