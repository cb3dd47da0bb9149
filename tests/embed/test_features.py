"""PropagatedFeatures against its formula."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
import scipy.sparse as sp

import graphrep as gr


@pytest.fixture(scope="module")
def graph():
    network = nx.gnp_random_graph(40, 0.15, seed=2)
    return gr.as_graph(network, x=np.random.default_rng(0).standard_normal((40, 6)).astype(np.float32))


def by_formula(graph, dimensions, hops):
    """Dense float64: the product B B^T, which no choice of signs or rotation changes."""
    x = np.asarray(graph.x, dtype=np.float64)
    u, s, _ = np.linalg.svd(x, full_matrices=False)
    start = (u * s)[:, :dimensions]
    adjacency = graph.to_scipy().toarray() + np.eye(graph.num_nodes)
    scale = np.diag(1 / np.sqrt(adjacency.sum(1)))
    powers = [np.linalg.matrix_power(scale @ adjacency @ scale, hop) @ start for hop in hops]
    blocks = np.hstack([power / np.linalg.norm(power, axis=1, keepdims=True) for power in powers])
    u, s, _ = np.linalg.svd(blocks, full_matrices=False)
    vectors = (u * s)[:, :dimensions]
    vectors *= 3 / np.sqrt((vectors**2).sum() / len(vectors))
    return vectors @ vectors.T


@pytest.mark.parametrize("hops", [(0,), (1, 2), (0, 1, 2, 4), (4, 0), (2, 2)])
@pytest.mark.parametrize("dimensions", [3, 6, 20])
def test_products_of_vectors_follow_the_formula(graph, hops, dimensions):
    found = gr.PropagatedFeatures(dimensions=dimensions, hops=hops).fit_transform(graph)
    assert found.shape == (40, dimensions)
    np.testing.assert_allclose(found @ found.T, by_formula(graph, dimensions, hops), atol=5e-3)
    assert np.sqrt((found**2).sum(1).mean()) == pytest.approx(3, abs=1e-3)
    width = min(dimensions, 6) * len(hops)
    assert not found[:, width:].any()


def test_sparse_features_and_names_change_nothing(graph):
    expected = gr.PropagatedFeatures(dimensions=4).fit_transform(graph)
    sparse = gr.as_graph(graph, x=sp.csr_array(graph.x))
    np.testing.assert_allclose(gr.PropagatedFeatures(dimensions=4).fit_transform(sparse), expected, atol=1e-4)
    order = np.random.default_rng(1).permutation(40)
    turned = gr.as_graph(nx.relabel_nodes(graph.to_networkx(), {}), nodes=order.tolist(), x=np.asarray(graph.x)[order])
    again = gr.PropagatedFeatures(dimensions=4).fit_transform(turned)
    np.testing.assert_allclose(again @ again.T, (expected @ expected.T)[np.ix_(order, order)], atol=2e-3)


def test_the_number_of_threads_changes_nothing(graph):
    one, two = (gr.PropagatedFeatures(dimensions=4, n_jobs=n).fit_transform(graph) for n in (1, 2))
    np.testing.assert_array_equal(one, two)


def test_without_features_the_rows_of_the_adjacency_stand_for_them(graph):
    bare = gr.Graph(graph.indptr, graph.indices)
    with_rows = gr.as_graph(bare, x=bare.to_scipy())
    one, other = (gr.PropagatedFeatures(dimensions=40).fit_transform(g) for g in (bare, with_rows))
    np.testing.assert_allclose(one @ one.T, other @ other.T, atol=1e-2)


def test_isolated_nodes_and_empty_features_are_finite():
    graph = gr.as_graph([[0], [1]], num_nodes=4, directed=False, x=np.array([[1.0], [1.0], [2.0], [0.0]]))
    found = gr.PropagatedFeatures(dimensions=3).fit_transform(graph)
    assert np.isfinite(found).all()
    assert not found[3].any()
    nothing = gr.as_graph([[0], [1]], directed=False, x=np.zeros((2, 2)))
    assert not gr.PropagatedFeatures(dimensions=3).fit_transform(nothing).any()


@pytest.mark.parametrize("with_features", [True, False])
def test_a_new_node_like_a_fitted_one_gets_its_vector(graph, with_features, tmp_path):
    g = gr.as_graph(graph, nodes=None) if with_features else gr.Graph(graph.indptr, graph.indices)
    model = gr.PropagatedFeatures(dimensions=5).fit(g)
    pairs = [(100, int(v)) for v in g.neighbor_rows(7)] + [(101, int(v)) for v in g.neighbor_rows(9)]
    known = sorted({v for _, v in pairs})
    x = None
    if with_features:
        x = pd_frame({**{v: g.x[v] for v in known}, 100: g.x[7], 101: g.x[9]})
    new = gr.as_graph(pairs, x=x)
    found = model.transform(new)
    assert found.nodes.tolist() == [100, 101]
    np.testing.assert_allclose(found[[100, 101]], model.embedding_[[7, 9]], atol=1e-4)
    model.save(tmp_path / "m.safetensors")
    np.testing.assert_array_equal(gr.load(tmp_path / "m.safetensors").transform(new).vectors, found.vectors)
    if not with_features:
        rows = g.to_scipy()[[7, 9]]
        np.testing.assert_allclose(model.transform(rows), model.embedding_[[7, 9]], atol=1e-4)
        return
    with pytest.raises(ValueError, match="new must have 6 features per node as in fit, got 0"):
        model.transform(pairs)
    with pytest.raises(ValueError, match="new must be a graph with features of the new nodes"):
        model.transform(np.ones((1, 40)))


def pd_frame(rows):
    pandas = pytest.importorskip("pandas")
    return pandas.DataFrame.from_dict(rows, orient="index", columns=[f"column {i}" for i in range(6)])


def test_saved_and_loaded(graph, tmp_path):
    model = gr.PropagatedFeatures(dimensions=4, hops=(0, 2)).fit(graph)
    model.save(tmp_path / "m.safetensors")
    again = gr.load(tmp_path / "m.safetensors")
    np.testing.assert_array_equal(again.embedding_, model.embedding_)
    assert tuple(again.hops) == (0, 2)
    assert again.node_vectors_.settings == model.node_vectors_.settings


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"hops": ()}, ValueError, "hops must hold at least one number"),
        ({"hops": 2}, TypeError, "hops must be a sequence of integers, got 2"),
        ({"hops": (1, -1)}, ValueError, "hops must be at least 0, got -1"),
        ({"dimensions": 0}, ValueError, "dimensions must be at least 1, got 0"),
    ],
)
def test_settings_out_of_range(graph, given, error, message):
    with pytest.raises(error, match=message):
        gr.PropagatedFeatures(**given).fit(graph)
