from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

import graphrep as gr
from graphrep.ops.diffusion import cpu, push_pagerank, walk_sums
from graphrep.ops.diffusion import degrees_without_loops as degrees

BACKENDS = ["native", "reference"]
SIZES = [(1, 0, 3), (1, 1, 3), (7, 0, 5), (50, 120, 0), (150, 400, 333)]


def random_graph(num_nodes, num_arcs, *, directed=False):
    """Some hubs, some isolated nodes, self loops and duplicates."""
    ends = (num_nodes * np.random.default_rng(0).random((2, num_arcs)) ** 3).astype(np.int64)
    return gr.as_graph(ends, num_nodes=num_nodes, directed=directed)


def dense(graph):
    a = graph.to_scipy().toarray().astype(np.float64)
    np.fill_diagonal(a, 0)
    return (a > 0).astype(np.float64)


def exact_pagerank(graph, restart):
    """Row u: where a walk from u stops, by solving for it."""
    a = dense(graph)
    degree = a.sum(axis=1)
    step = a / np.maximum(degree, 1)[:, None]
    eye = np.eye(len(a))
    rows = []
    for u in range(len(a)):
        p = step.copy()
        p[degree == 0, u] = 1  # stuck walks go on from the source
        rows.append(restart * np.linalg.solve(eye - (1 - restart) * p.T, eye[u]))
    return np.array(rows)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("directed", [False, True])
@pytest.mark.parametrize(("num_nodes", "num_arcs", "num_pairs"), SIZES)
@pytest.mark.parametrize("length", [1, 2, 4])
def test_walks_are_powers_of_the_adjacency(monkeypatch, backend, directed, num_nodes, num_arcs, num_pairs, length):
    monkeypatch.setenv("GRAPHREP_BACKEND", backend)
    graph = random_graph(num_nodes, num_arcs, directed=directed)
    pairs = np.random.default_rng(1).integers(num_nodes, size=(2, num_pairs))
    weights = np.arange(1, length + 1) / 7
    a = dense(graph)
    total = sum(w * np.linalg.matrix_power(a, i + 1) for i, w in enumerate(weights))
    scores = walk_sums(graph, pairs, weights)
    assert scores.dtype == np.float64
    np.testing.assert_allclose(scores, total[tuple(pairs)], rtol=1e-12)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("directed", [False, True])
@pytest.mark.parametrize(("num_nodes", "num_arcs", "num_pairs"), SIZES)
def test_pagerank_keeps_its_bound(monkeypatch, backend, directed, num_nodes, num_arcs, num_pairs):
    monkeypatch.setenv("GRAPHREP_BACKEND", backend)
    graph = random_graph(num_nodes, num_arcs, directed=directed)
    pairs = np.random.default_rng(1).integers(num_nodes, size=(2, num_pairs))
    exact = exact_pagerank(graph, 0.2)[tuple(pairs)]
    for tolerance in (1e-2, 1e-4, 1e-7):
        found = push_pagerank(graph, pairs, restart=0.2, tolerance=tolerance)
        assert (found <= exact + 1e-12).all()
        degree = np.maximum(degrees(graph), 1)
        slack = tolerance * (degree.sum() if directed else degree[pairs[1]])
        assert (found >= exact - slack - 1e-12).all()


@pytest.mark.parametrize("index", [np.int32, np.int64])
def test_id_types_threads_and_other_pairs_change_no_bit(index):
    graph = random_graph(400, 3000)
    graph = gr.Graph(graph.indptr, graph.indices.astype(index))
    pairs = np.random.default_rng(2).integers(400, size=(2, 900))
    pairs.flags.writeable = False
    for score in (
        lambda p, n: walk_sums(graph, p, [0.1, 0.03, 0.007], n_jobs=n),
        lambda p, n: push_pagerank(graph, p, n_jobs=n),
    ):
        once = score(pairs, 1)
        np.testing.assert_array_equal(score(pairs, 3), once)
        order = np.random.default_rng(3).permutation(900)
        np.testing.assert_array_equal(score(pairs[:, order], 2), once[order])
        np.testing.assert_array_equal(np.concatenate([score(pairs[:, :7], 1), score(pairs[:, 7:], 1)]), once)
    swapped = walk_sums(graph, pairs[::-1], [0.1, 0.03, 0.007])
    np.testing.assert_array_equal(swapped, walk_sums(graph, pairs, [0.1, 0.03, 0.007]))


def test_int64_columns_in_the_kernels():
    graph = random_graph(60, 300)
    wide = type("Wide", (), {"indptr": graph.indptr, "indices": graph.indices.astype(np.int64)})()
    u, v = np.indices((60, 60)).reshape(2, -1)
    sources, offsets = np.arange(60), np.arange(61) * 60
    out = np.full((2, 3600), np.nan)
    cpu.count_walks(wide, wide, sources, offsets, v, np.array([1.0, 0.5]), out[0], 2)
    np.testing.assert_array_equal(out[0], walk_sums(graph, (u, v), [1.0, 0.5]))
    cpu.push_pagerank(wide, degrees(graph), sources, offsets, v, 0.15, 1e-5, out[1], 2)
    np.testing.assert_array_equal(out[1], push_pagerank(graph, (u, v)))


def test_weights_of_edges_do_not_count():
    a = sp.csr_array(np.array([[0, 2, 0], [2, 0, 7], [0, 7, 5.0]]))
    plain = gr.as_graph([[0, 1], [1, 2]], directed=False)
    pairs = np.indices((3, 3)).reshape(2, -1)
    np.testing.assert_array_equal(walk_sums(gr.as_graph(a), pairs, [1, 2, 3]), walk_sums(plain, pairs, [1, 2, 3]))
    np.testing.assert_array_equal(push_pagerank(gr.as_graph(a), pairs), push_pagerank(plain, pairs))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda g: walk_sums(g, [[0], [2]], [1]), IndexError, r"pairs must lie in \[0, 2\), got 0 … 2"),
        (lambda g: walk_sums(g, [0, 1], [1]), ValueError, r"pairs must have shape \(2, num_pairs\)"),
        (
            lambda g: walk_sums(g, [[0], [1]], []),
            ValueError,
            "weights must be a list of finite numbers, one per length",
        ),
        (lambda g: walk_sums(g, [[0], [1]], [np.nan]), ValueError, "weights must be a list of finite numbers"),
        (lambda g: push_pagerank(g, [[0], [1]], restart=0), ValueError, "restart must be greater than 0"),
        (lambda g: push_pagerank(g, [[0], [1]], restart=1), ValueError, "restart must be at least 1e-6"),
        (lambda g: push_pagerank(g, [[0], [1]], tolerance=0), ValueError, "tolerance must be greater than 0"),
        (lambda g: push_pagerank(g, [[0], [-1]]), IndexError, r"pairs must lie in \[0, 2\)"),
    ],
)
def test_bad_input_is_one_sentence(call, error, message):
    with pytest.raises(error, match=message):
        call(gr.as_graph([[0], [1]], directed=False))


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        ({"restart": 1e-300}, "restart must be at least 1e-6"),
        ({"restart": 1.0}, "restart must be at least 1e-6, .* and less than 1"),
        ({"tolerance": 5e-324}, "tolerance must be at least 1e-100"),
    ],
)
def test_walks_that_would_hardly_end_are_refused(settings, match):
    with pytest.raises(ValueError, match=match):
        push_pagerank(gr.as_graph([(0, 1)], directed=False), [[0], [1]], **settings)
