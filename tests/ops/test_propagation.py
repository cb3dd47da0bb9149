from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
import torch

import graphrep as gr
from graphrep import _core
from graphrep.csr import CSR
from graphrep.graph import Graph
from graphrep.ops.propagation import graph_matmul, inverse_degrees, recurrence_step, rows_matmul

BACKENDS = ["native", "reference"]
ISAS = ["baseline", "avx2", "avx512"]


@pytest.fixture
def set_isa():
    before = _core.isa()
    yield lambda name: _core.set_isa(name) or pytest.skip(f"this processor lacks {name}")
    _core.set_isa(before)


def random_graph(num_nodes, num_arcs, seed=0, *, weighted=False):
    """A hub, isolated nodes, self loops, rows of many lengths."""
    rng = np.random.default_rng(seed)
    ends = (0.9 * num_nodes * rng.random((2, num_arcs)) ** 3).astype(np.int64)
    weights = 10 ** rng.uniform(-2, 2, num_arcs) if weighted else None
    return gr.as_graph(ends, num_nodes=num_nodes, directed=True, weights=weights, merge="max")


def wide(graph):
    """The same graph with int64 ids, for the kernels that large graphs use."""
    csr = CSR(graph.indptr, graph.indices.astype(np.int64), graph.weights)
    return Graph._trusted(csr, directed=graph.directed)


def features(num_rows, columns, seed=1):
    return np.random.default_rng(seed).standard_normal((num_rows, columns)).astype(np.float32)


def expected_product(graph, x, reduce):
    """In float64 by scipy, and the sum of absolute terms, which bounds what rounding can do."""
    a = sp.csr_array(graph.to_scipy(), dtype=np.float64)
    if reduce == "mean":
        degree = np.asarray(a.sum(axis=1))
        a = sp.diags_array(1 / np.where(degree > 0, degree, 1)) @ a
    return a @ x.astype(np.float64), a @ np.abs(x.astype(np.float64))


def assert_product(y, graph, x, reduce):
    expected, size = expected_product(graph, x, reduce)
    assert y.dtype == x.dtype
    longest = max(1, int(graph.out_degree.max(initial=0)))
    bound = (longest + 4) * 2.0**-24 * size
    if x.dtype == np.float16:
        bound += 2.0**-11 * np.abs(expected) + 2.0**-25
    assert (np.abs(y - expected) <= bound).all()


@pytest.mark.parametrize("columns", [1, 3, 8, 16, 31, 32, 48, 64, 128, 130, 257])
@pytest.mark.parametrize("isa", ISAS)
def test_equals_scipy_at_every_width(set_isa, isa, columns):
    set_isa(isa)
    for weighted in (False, True):
        graph = random_graph(150, 2000, weighted=weighted)
        assert (graph.out_degree.max() > 60, graph.out_degree.min()) == (True, 0)
        x = features(150, columns)
        for reduce in ("sum", "mean"):
            for dtype in (np.float32, np.float16):
                x = x.astype(dtype)
                y = graph_matmul(graph, x, normalize=reduce == "mean", n_jobs=1)
                assert_product(y, graph, x, reduce)
                np.testing.assert_array_equal(graph_matmul(wide(graph), x, normalize=reduce == "mean", n_jobs=1), y)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("reduce", ["sum", "mean"])
@pytest.mark.parametrize(
    ("num_nodes", "num_arcs", "columns"),
    [(0, 0, 4), (1, 0, 4), (1, 1, 17), (5, 0, 3), (7, 20, 0), (40, 3, 33), (60, 900, 20)],
)
@pytest.mark.parametrize("weighted", [False, True])
def test_odd_shapes(monkeypatch, backend, reduce, num_nodes, num_arcs, columns, weighted):
    monkeypatch.setenv("GRAPHREP_BACKEND", backend)
    graph = random_graph(num_nodes, num_arcs, weighted=weighted)
    for dtype in (np.float32, np.float16):
        x = features(num_nodes, columns).astype(dtype)
        out = np.full_like(x, np.nan)  # what the kernel leaves out shows
        y = graph_matmul(graph, x, normalize=reduce == "mean", out=out)
        assert y is out
        assert_product(y, graph, x, reduce)
        assert not y[graph.out_degree == 0].any()


@pytest.mark.parametrize("reduce", ["sum", "mean"])
def test_threads_change_nothing(reduce):
    """More arcs than one task holds, and a hub whose row spans several tasks."""
    rng = np.random.default_rng(2)
    n = 50_000
    ends = np.concatenate([rng.integers(n, size=(2, 100_000)), np.stack([np.full(n, 17), np.arange(n)])], axis=1)
    graph = gr.as_graph(ends, num_nodes=n, directed=True)
    assert graph.out_degree[17] == n
    x = features(n, 5)
    y = graph_matmul(graph, x, normalize=reduce == "mean", n_jobs=1)
    for n_jobs in (2, 5):
        np.testing.assert_array_equal(graph_matmul(graph, x, normalize=reduce == "mean", n_jobs=n_jobs), y)
    expected, size = expected_product(graph, x, reduce)
    assert (np.abs(y - expected) <= n * 2.0**-24 * size).all()


@pytest.mark.parametrize("backend", BACKENDS)
def test_direction_and_weights_by_hand(monkeypatch, backend):
    """Row v gathers its out-neighbors."""
    monkeypatch.setenv("GRAPHREP_BACKEND", backend)
    graph = gr.as_graph([[0, 0, 1], [1, 2, 2]], weights=[1.0, 3.0, 2.0], directed=True)
    x = np.array([[1.0], [10.0], [100.0]], dtype=np.float32)
    assert graph_matmul(graph, x).ravel().tolist() == [310, 200, 0]
    assert graph_matmul(graph, x, normalize=True).ravel().tolist() == [77.5, 100, 0]


def test_rows_of_very_different_weight():
    """A light row after a heavy one keeps its degree."""
    graph = gr.as_graph([[0, 1, 2, 2], [1, 0, 0, 1]], weights=[1e30, 1e30, 1e-10, 3e-10], directed=True)
    x = np.array([[2.0], [6.0], [0.0]], dtype=np.float32)
    np.testing.assert_allclose(graph_matmul(graph, x, normalize=True).ravel(), [6, 2, 5], rtol=1e-6)
    np.testing.assert_allclose(inverse_degrees(graph), [1e-30, 1e-30, 2.5e9], rtol=1e-6)
    assert graph_matmul(graph, x.astype(np.float16), normalize=True).ravel().tolist() == [6, 2, 5]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_a_step_of_a_recurrence(monkeypatch, set_isa, isa, backend, dtype):
    set_isa(isa)
    monkeypatch.setenv("GRAPHREP_BACKEND", backend)
    graph, scale = random_graph(40, 300, weighted=True), np.linspace(0.5, 1, 40, dtype=np.float32)
    x, y = (features(40, 37, seed).astype(dtype) for seed in (1, 2))
    exact = scale[:, None] * (graph.to_scipy().astype(np.float64) @ x.astype(np.float64))
    for own, before in ((0.0, 0.0), (0.5, 0.0), (-0.25, 2.0), (0.0, -1.0)):
        out = y.copy()
        recurrence_step(graph, x, out, scale=scale, own=own, before=before)
        expected = exact + own * x.astype(np.float64) + before * y.astype(np.float64)
        np.testing.assert_allclose(out, expected, rtol=1e-5 if dtype == np.float32 else 5e-4, atol=1e-3)


@pytest.mark.parametrize("backend", BACKENDS)
def test_some_rows_have_the_bits_of_all(backend, monkeypatch):
    monkeypatch.setenv("GRAPHREP_BACKEND", backend)
    graph = random_graph(60, 500, weighted=True)
    x, y, scale = features(60, 20), features(60, 20, seed=1), features(60, 1, seed=2).ravel()
    n, m = 25, graph.indptr[25]
    rows = CSR(graph.indptr[: n + 1], graph.indices[:m], graph.weights[:m])
    for own, before in ((0.0, 0.0), (0.5, 0.0), (-0.25, 2.0)):
        whole, some = y.copy(), y[:n].copy()
        recurrence_step(graph, x, whole, scale=scale, own=own, before=before)
        rows_matmul(rows, x, some, scale=scale[:n], own=own, before=before)
        np.testing.assert_array_equal(some, whole[:n])
    if backend == "native":
        with pytest.raises(ValueError, match="x must have a row for each row of y"):
            rows_matmul(rows, x[: n - 1], some, own=0.5)


def test_layouts_and_read_only_input():
    graph = random_graph(30, 200)
    x = features(60, 34)
    part = x[::2, ::2]
    part.flags.writeable = False
    y = graph_matmul(graph, np.ascontiguousarray(part))
    np.testing.assert_array_equal(graph_matmul(graph, part), y)
    np.testing.assert_array_equal(graph_matmul(graph, np.asfortranarray(part)), y)
    assert not graph.indices.flags.writeable
    np.testing.assert_array_equal(graph_matmul(graph.to_scipy(), part), y)


def test_infinity_and_nan_pass_through():
    graph = gr.as_graph([[0, 1], [1, 2]], directed=True)
    x = np.array([[0.0], [np.inf], [np.nan]], dtype=np.float32)
    np.testing.assert_array_equal(graph_matmul(graph, x).ravel(), np.array([np.inf, np.nan, 0], dtype=np.float32))


@pytest.mark.parametrize(
    ("x", "options", "error", "message"),
    [
        (np.zeros((3, 2)), {}, TypeError, r"x must be a float32 or float16 NumPy array, got float64\."),
        (np.zeros((3, 2), dtype=">f4"), {}, TypeError, r"x must be a float32 or float16 NumPy array, got >f4\."),
        (torch.zeros(3, 2), {}, TypeError, r"x must be a float32 or float16 NumPy array, got torch.float32\."),
        ([[0.0], [0.0], [0.0]], {}, TypeError, r"x must be a float32 or float16 NumPy array, got list\."),
        (features(2, 2), {}, ValueError, r"x must have shape \(3, columns\), got \(2, 2\)\."),
        (features(3, 2)[:, 0], {}, ValueError, r"x must have shape \(3, columns\), got \(3,\)\."),
        (features(3, 2), {"n_jobs": 0}, ValueError, r"n_jobs must not be 0"),
        (features(3, 2), {"out": features(3, 3)}, ValueError, r"out must be a writeable .* of shape \(3, 2\)\."),
        (features(3, 2), {"out": np.zeros((3, 2))}, ValueError, r"out must be a writeable .* of shape \(3, 2\)\."),
        (features(3, 2), {"out": features(2, 3).T}, ValueError, r"out must be a writeable .* of shape \(3, 2\)\."),
        (features(3, 2), {"out": [[0, 0]] * 3}, ValueError, r"out must be a writeable .* of shape \(3, 2\)\."),
    ],
)
def test_bad_input(x, options, error, message):
    with pytest.raises(error, match=message):
        graph_matmul(gr.as_graph([[0, 1], [1, 2]]), x, **options)


def test_out_must_be_writeable_and_apart():
    graph = gr.as_graph([[0, 1], [1, 2]])
    x = features(6, 2)
    with pytest.raises(ValueError, match="out must not overlap x"):
        graph_matmul(graph, x[:3], out=x[1:4])
    out = features(3, 2)
    out.flags.writeable = False
    with pytest.raises(ValueError, match="out must be a writeable"):
        graph_matmul(graph, x[:3], out=out)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("weighted", [False, True])
def test_values_take_the_place_of_weights(monkeypatch, backend, weighted):
    monkeypatch.setenv("GRAPHREP_BACKEND", backend)
    graph = random_graph(60, 300, weighted=weighted)
    values = np.random.default_rng(0).standard_normal(graph.num_arcs).astype(np.float32)
    x = features(60, 9)
    a = sp.csr_array((values.astype(np.float64), graph.indices, graph.indptr), shape=(60, 60))
    for g in (graph, wide(graph)):
        np.testing.assert_allclose(graph_matmul(g, x, values=values), a @ x, atol=1e-5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"values": np.ones(299, np.float32)}, r"values must be a C-contiguous float32 array of shape \(\d+,\)"),
        ({"values": np.ones(300)}, "values must be a C-contiguous float32"),
        ({"values": [1.0] * 300}, "values must be a C-contiguous float32"),
    ],
)
def test_values_that_do_not_fit(options, message):
    graph = random_graph(60, 400)
    with pytest.raises(ValueError, match=message):
        graph_matmul(graph, features(60, 2), **options)
    with pytest.raises(ValueError, match="normalize divides by sums of weights"):
        graph_matmul(graph, features(60, 2), values=np.ones(graph.num_arcs, np.float32), normalize=True)
