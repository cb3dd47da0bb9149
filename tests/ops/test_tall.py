from __future__ import annotations

import numpy as np
import pytest

import graphrep as gr
from graphrep.ops.propagation import recurrence_step
from graphrep.ops.tall import gram, multiply_rows
from tests.ops.test_propagation import random_graph, wide

SHAPES = [(0, 3, 4), (1, 1, 1), (5, 7, 17), (300, 6, 16), (257, 13, 33), (5000, 144, 130), (70_001, 3, 5)]


def block(n, columns, seed):
    return np.random.default_rng(seed).standard_normal((n, columns)).astype(np.float32)


@pytest.mark.parametrize(("n", "p", "q"), SHAPES)
@pytest.mark.usefixtures("isa")
def test_gram_equals_the_reference(n, p, q, monkeypatch):
    x, y = block(n, p, 0), block(n, q, 1)
    scale = np.random.default_rng(2).random(n).astype(np.float32)
    for args, options in [((x, y), {}), ((x, y), {"scale": scale}), ((x,), {"scale": scale}), ((x,), {})]:
        monkeypatch.setenv("GRAPHREP_BACKEND", "native")
        got = gram(*args, **options, n_jobs=1)
        np.testing.assert_array_equal(gram(*args, **options, n_jobs=3), got)
        monkeypatch.setenv("GRAPHREP_BACKEND", "reference")
        want = gram(*args, **options)
        assert got.dtype == np.float64
        assert got.shape == want.shape
        size = np.sqrt(np.outer((x**2).sum(0), (args[-1] ** 2).sum(0)))
        assert (np.abs(got - want) <= 3e-6 * size + 1e-12).all()


@pytest.mark.parametrize(("n", "p", "q"), SHAPES)
@pytest.mark.usefixtures("isa")
def test_row_products_equal_the_reference(n, p, q, monkeypatch):
    x, matrix = block(n, p, 0), np.random.default_rng(1).standard_normal((p, q))
    scale = np.random.default_rng(2).random(n).astype(np.float32)
    for options in ({}, {"scale": scale}):
        monkeypatch.setenv("GRAPHREP_BACKEND", "native")
        got = multiply_rows(x, matrix, **options, n_jobs=1)
        np.testing.assert_array_equal(multiply_rows(x, matrix, **options, n_jobs=3), got)
        monkeypatch.setenv("GRAPHREP_BACKEND", "reference")
        want = multiply_rows(x, matrix, **options)
        assert got.dtype == want.dtype == np.float32
        np.testing.assert_allclose(got, want, atol=1e-5 * p**0.5 + 1e-5)


def test_a_known_symmetric_product_is_mirrored():
    x = block(500, 20, 0)
    whole = gram(x, np.ascontiguousarray(x * 2))
    half = gram(x, np.ascontiguousarray(x * 2), symmetric=True)
    np.testing.assert_array_equal(half, half.T)
    np.testing.assert_allclose(half, whole, rtol=1e-6, atol=1e-3)


def test_shapes_that_disagree():
    with pytest.raises(ValueError, match="same number of rows, got 3 and 4"):
        gram(block(3, 2, 0), block(4, 2, 0))
    with pytest.raises(ValueError, match=r"a row per column of x, 2; got shape \(3, 2\)"):
        multiply_rows(block(3, 2, 0), np.ones((3, 2)))


@pytest.mark.parametrize("columns", [1, 3, 16, 31, 128, 144])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("ids", ["int32", "int64"])
@pytest.mark.usefixtures("isa")
def test_a_step_of_a_recurrence(columns, weighted, ids, monkeypatch):
    graph = random_graph(300, 4000, weighted=weighted)
    graph = graph if ids == "int32" else wide(graph)
    x, start = block(300, columns, 1), block(300, columns, 2)
    scale = np.random.default_rng(3).random(300).astype(np.float32)
    for own, before in [(0.5, -1.0), (-2.0, 0.0), (0.0, 3.0), (0.0, 0.0)]:
        monkeypatch.setenv("GRAPHREP_BACKEND", "native")
        outs = [start.copy() if before else np.full_like(start, np.nan) for _ in range(3)]
        recurrence_step(graph, x, outs[0], scale=scale, own=own, before=before, n_jobs=1)
        recurrence_step(graph, x, outs[1], scale=scale, own=own, before=before, n_jobs=3)
        monkeypatch.setenv("GRAPHREP_BACKEND", "reference")
        recurrence_step(graph, x, outs[2], scale=scale, own=own, before=before)
        np.testing.assert_array_equal(outs[0], outs[1])
        size = np.abs(graph.to_scipy()) @ np.abs(x) * scale[:, None] + 3 * (np.abs(x) + np.abs(start))
        assert (np.abs(outs[0] - outs[2]) <= 1e-5 * size + 1e-6).all()


def test_a_graph_without_arcs():
    graph, out = gr.as_graph(np.zeros((2, 0), int), num_nodes=3), np.ones((3, 2), np.float32)
    recurrence_step(graph, 2 * out, out, scale=np.ones(3, np.float32), own=1.0, before=-1.0)
    np.testing.assert_array_equal(out, np.ones((3, 2)))
