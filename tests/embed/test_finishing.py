from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
from scipy.special import iv

import graphrep as gr
from graphrep.embed import center, orthogonalise, smooth, whiten

GRAPH = gr.as_graph(nx.disjoint_union(nx.barabasi_albert_graph(120, 3, seed=0), nx.empty_graph(5)))
X = np.random.default_rng(0).standard_normal((125, 6)).astype(np.float32) @ np.diag([9, 5, 4, 3, 2, 1]) + 2


def dense(graph):
    a = graph.to_scipy().toarray().astype(np.float64)
    a = a + np.eye(len(a)) * (a[a != 0].mean() if a.any() else 1)
    return a, a / a.sum(1, keepdims=True)


def principal(x, power):
    u, s, _ = np.linalg.svd(x, full_matrices=False)
    y = u * s**power
    return 3 * y / np.sqrt((y**2).sum(1).mean())


def assert_same_axes(got, wanted):
    signs = np.sign((got * wanted).sum(0))
    np.testing.assert_allclose(got, wanted * signs, atol=2e-3)
    assert (got.max(0) >= -got.min(0)).all()


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("kind", ["neighborhood", 0, 1, 3, "bandpass"])
def test_smooth_equals_the_dense_formula(kind, weighted):
    graph = GRAPH
    if weighted:
        weights = np.random.default_rng(1).uniform(0.5, 3, graph.num_edges)
        graph = gr.as_graph(graph.edges(), weights=weights, num_nodes=125)
    a, p = dense(graph)
    if kind == "neighborhood":
        wanted = a @ p @ p @ X
    elif kind == "bandpass":
        m = np.eye(125) - p - 0.2 * np.eye(125)
        y = m @ m / 2 - np.eye(125)  # the argument of the Chebyshev polynomials
        terms = [np.eye(125), y]
        while len(terms) < 5:
            terms.append(2 * y @ terms[-1] - terms[-2])
        series = sum((2 - (i == 0)) * (-1) ** i * iv(i, 0.5) * t for i, t in enumerate(terms))
        wanted = a @ (np.eye(125) - series) @ X
    else:
        wanted = np.linalg.matrix_power(p, kind) @ X
    assert_same_axes(smooth(graph, X, kind=kind), principal(wanted, 0.5))


def test_orthogonalise_and_whiten():
    assert_same_axes(orthogonalise(X), principal(X.astype(float), 0))
    assert_same_axes(whiten(X), principal(X - X.mean(0), 0))
    y = whiten(X)
    np.testing.assert_allclose(y.mean(0), 0, atol=1e-5)
    np.testing.assert_allclose(y.T @ y / (y[:, 0] @ y[:, 0]), np.eye(6), atol=1e-5)


def test_center_subtracts_the_mean():
    x = np.random.default_rng(0).normal([0, 10, -1e4], size=(40_000, 3))
    mean = x.mean(axis=0, dtype=np.float64)
    np.testing.assert_allclose(center(x), x.astype(np.float32) - mean, atol=2e-3)
    y = center(gr.NodeVectors(x[:5], list("abcde")))
    np.testing.assert_array_equal(y, center(x[:5]))
    assert y.dtype == np.float32
    assert center(np.zeros((0, 3))).shape == (0, 3)


def test_columns_of_very_different_length_become_orthonormal():
    x = np.random.default_rng(0).standard_normal((4000, 4)).astype(np.float32)
    x = x @ np.diag([1e3, 1, 1e-1, 1e-2]).astype(np.float32)
    y = orthogonalise(x).astype(float)
    np.testing.assert_allclose(y.T @ y / (y[:, 0] @ y[:, 0]), np.eye(4), atol=1e-4)


def test_missing_directions_are_zero_columns():
    y = orthogonalise(np.repeat(X[:, :2], 2, axis=1))
    assert not y[:, 2:].any()
    assert y[:, :2].any(0).all()
    assert not orthogonalise(np.zeros((5, 3))).any()
    assert orthogonalise(np.zeros((0, 3))).shape == (0, 3)


def test_the_number_of_threads_has_no_effect():
    x = np.random.default_rng(0).standard_normal((5000, 40)).astype(np.float32)
    graph = gr.as_graph(np.random.default_rng(1).integers(0, 5000, (2, 20_000)), num_nodes=5000)
    for step in (lambda **o: smooth(graph, x, **o), lambda **o: orthogonalise(x, **o), lambda **o: whiten(x, **o)):
        np.testing.assert_array_equal(step(n_jobs=1), step(n_jobs=3))


def test_vectors_are_matched_by_name():
    graph = gr.as_graph([("a", "b"), ("b", "c")])
    vectors = gr.NodeVectors(np.eye(3, dtype=np.float32), ["c", "a", "b"])
    rows = np.eye(3, dtype=np.float32)[[1, 2, 0]]
    np.testing.assert_array_equal(smooth(graph, vectors), smooth(graph, rows))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: smooth(GRAPH, X, kind="strong"), 'kind must be "neighborhood", "bandpass" or a number'),
        (lambda: smooth(GRAPH, X, kind=-1), "kind must not be negative"),
        (lambda: smooth(GRAPH, X[:5]), "a row per node of graph, 125; got 5"),
        (lambda: center(np.full((3, 2), np.inf)), "vectors must be finite; row 0"),
        (lambda: whiten(np.full((3, 2), np.nan)), "vectors must be finite; row 0"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()


WALKS = {"dimensions": 6, "walk_length": 10, "walks_per_node": 4, "n_jobs": 1}
EMBEDDERS = {
    "FastRP": lambda **o: gr.FastRP(dimensions=6, **o),
    "Node2Vec": lambda **o: gr.Node2Vec(**WALKS, **o),
    "MetaPath2Vec": lambda **o: gr.MetaPath2Vec(**WALKS, **o),
    "Spectral": lambda **o: gr.Spectral(dimensions=6, **o),
    "LINE": lambda **o: gr.LINE(dimensions=6, samples=3000, n_jobs=1, **o),
    "ProNE": lambda **o: gr.ProNE(dimensions=6, **o),
    "NetMF": lambda **o: gr.NetMF(dimensions=6, window=3, **o),
    "HOPE": lambda **o: gr.HOPE(dimensions=6, **o),
    "STRAP": lambda **o: gr.STRAP(dimensions=6, **o),
    "MUSAE": lambda **o: gr.MUSAE(dimensions=6, identity=True, **o),
    "AE": lambda **o: gr.AE(dimensions=6, identity=True, **o),
    "PropagatedFeatures": lambda **o: gr.PropagatedFeatures(dimensions=6, hops=(0, 1), **o),
}


@pytest.mark.parametrize("name", EMBEDDERS)
class TestOption:
    def test_it_is_the_function(self, name):
        plain = EMBEDDERS[name]().fit_transform(GRAPH)
        np.testing.assert_array_equal(EMBEDDERS[name](finish="center").fit_transform(GRAPH), center(plain))
        np.testing.assert_array_equal(EMBEDDERS[name](finish="whiten").fit_transform(GRAPH), whiten(plain))
        np.testing.assert_array_equal(EMBEDDERS[name](finish="smooth").fit_transform(GRAPH), smooth(GRAPH, plain))
        both = EMBEDDERS[name](finish=("smooth", "orthogonalise")).fit_transform(GRAPH)
        np.testing.assert_allclose(both, orthogonalise(smooth(GRAPH, plain)), atol=1e-4)

    def test_new_nodes_take_the_same_steps(self, name):
        rows = GRAPH.to_scipy()[:3]
        plain = EMBEDDERS[name]()
        raw = plain.fit(GRAPH).transform(rows)
        model = EMBEDDERS[name](finish=["smooth", "whiten"]).fit(GRAPH)
        got = model.transform(rows)
        # By hand: the extended graph, with the axes of the fitted vectors
        fitted = plain.embedding_
        edges = np.concatenate([GRAPH.edge_index(), np.stack([125 + rows.tocoo().row, rows.tocoo().col])], axis=1)
        edges = np.concatenate([edges, edges[::-1]], axis=1)
        extended = gr.as_graph(np.unique(edges, axis=1), num_nodes=128, directed=True)
        a, p = dense(extended)
        long, short = dense(GRAPH)
        filtered, new = long @ short @ short @ fitted, (a @ p @ p @ np.concatenate([fitted, raw]))[125:]
        before = np.linalg.lstsq(filtered, smooth(GRAPH, fitted), rcond=None)[0]
        mean = smooth(GRAPH, fitted).mean(0)
        rotation = np.linalg.lstsq(smooth(GRAPH, fitted) - mean, model.embedding_, rcond=None)[0]
        np.testing.assert_allclose(got, (new @ before - mean) @ rotation, atol=5e-3)

    def test_new_nodes_lose_the_mean_of_the_fitted_ones(self, name):
        rows, plain = GRAPH.to_scipy()[:3], EMBEDDERS[name]().fit(GRAPH)
        model = EMBEDDERS[name](finish="center").fit(GRAPH)
        mean = plain.embedding_.mean(axis=0, dtype=np.float64)
        np.testing.assert_allclose(model.transform(rows), plain.transform(rows) - mean, atol=1e-5)

    @pytest.mark.parametrize("steps", [["smooth", "whiten"], "center"])
    def test_save_and_load(self, name, steps, tmp_path):
        model = EMBEDDERS[name](finish=steps).fit(GRAPH)
        model.save(tmp_path / "model")
        again = gr.load(tmp_path / "model")
        np.testing.assert_array_equal(again.embedding_, model.embedding_)
        rows = GRAPH.to_scipy()[:3]
        np.testing.assert_array_equal(again.transform(rows), model.transform(rows))


@pytest.mark.parametrize("name", ["HOPE", "STRAP"])
@pytest.mark.parametrize("directed", [False, True])
def test_sources_and_targets_are_those_before_the_steps(name, directed):
    graph = gr.as_graph(GRAPH.edge_index(), num_nodes=125, directed=directed)
    plain, model = (EMBEDDERS[name](finish=finish).fit(graph) for finish in (None, "whiten"))
    assert not np.array_equal(plain.embedding_, model.embedding_)
    np.testing.assert_array_equal(plain.source_, model.source_)
    np.testing.assert_array_equal(plain.target_, model.target_)


def test_another_graph_takes_the_steps_of_the_fitted_one():
    model = gr.MUSAE(dimensions=6, identity=True, finish=["smooth", "whiten"]).fit(GRAPH)
    np.testing.assert_allclose(np.asarray(model.transform(GRAPH)), model.embedding_, atol=1e-3)


def test_earlier_vectors_start_without_their_finish():
    model = gr.Node2Vec(**WALKS, finish="whiten").fit(GRAPH)
    plain = gr.Node2Vec(**WALKS).fit(GRAPH)
    again = [gr.Node2Vec(**WALKS, init=start).fit_transform(GRAPH) for start in (model, plain)]
    np.testing.assert_array_equal(*again)
