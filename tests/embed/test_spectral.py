from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
import scipy.linalg
import scipy.sparse as sp

import graphrep as gr
from graphrep._rows import Arcs, Rows
from graphrep.embed._filter import eigenpairs, leading_eigenpairs


def planted(sizes=(100, 100, 100), inside=0.15, between=0.0075, seed=0):
    """A graph of communities, and the community of each node."""
    blocks = np.full((len(sizes),) * 2, between)
    np.fill_diagonal(blocks, inside)
    return gr.as_graph(nx.stochastic_block_model(list(sizes), blocks, seed=seed)), np.repeat(range(len(sizes)), sizes)


def normalized(graph, alpha=0.45, tau=1.0):
    a = graph.to_scipy().astype(np.float64).toarray()
    tau = tau * (a[a != 0].mean() if a.any() else 1)
    degree = a.sum(1) + tau
    factor = np.where(degree > 0, np.where(degree > 0, degree, 1) ** -alpha, 0)
    return a * factor[:, None] * factor


def accurate(**options):
    return gr.Spectral(filter_degrees=(8, 8, 8, 8), **options)


@pytest.mark.parametrize("alpha", [0.25, 0.45, 0.5])
@pytest.mark.parametrize("weighted", [False, True])
def test_eigenvalues_are_those_of_the_dense_matrix(alpha, weighted):
    graph = planted()[0]
    if weighted:
        weights = np.random.default_rng(0).uniform(0.1, 10, graph.num_edges)
        graph = gr.as_graph(graph.edges(), weights=weights, num_nodes=graph.num_nodes)
    model = accurate(dimensions=8, alpha=alpha).fit(graph)
    values, vectors = np.linalg.eigh(normalized(graph, alpha))
    np.testing.assert_allclose(model.eigenvalues_, values[::-1][:8], rtol=1e-3)
    y = model.eigenvectors_
    np.testing.assert_allclose(y.T @ y, np.eye(8), atol=1e-5)
    # The three leading vectors, which are far from the rest of the spectrum
    np.testing.assert_allclose(np.abs(y[:, :3].T @ vectors[:, ::-1][:, :3]), np.eye(3), atol=1e-2)
    assert (y.max(0) >= -y.min(0)).all()


def test_by_magnitude():
    graph = planted(inside=0.015, between=0.15)[0]  # neighbors are unlike: eigenvalues below zero count
    model = accurate(dimensions=6, which="LM", alpha=0.5, oversampling=40).fit(graph)
    values = np.linalg.eigvalsh(normalized(graph, 0.5))
    values = values[np.argsort(-np.abs(values))]
    np.testing.assert_allclose(model.eigenvalues_[:3], values[:3], rtol=1e-3)
    assert model.eigenvalues_[1] < 0
    np.testing.assert_allclose(np.abs(model.eigenvalues_), np.abs(values[:6]), rtol=2e-2)


def test_scale_power_and_eigenvectors():
    graph = planted()[0]
    for power in (0, 0.5, 1, 2):
        model = gr.Spectral(dimensions=5, power=power).fit(graph)
        assert np.sqrt((model.embedding_**2).sum(1).mean()) == pytest.approx(3, rel=1e-5)
        scaled = model.eigenvectors_ * model.eigenvalues_**power
        ratio = model.embedding_[:, 0] @ scaled[:, 0] / (scaled[:, 0] @ scaled[:, 0])
        np.testing.assert_allclose(model.embedding_, ratio * scaled, atol=1e-4)


def test_the_scale_of_weights_has_no_effect():
    graph = planted()[0]
    weights = np.random.default_rng(0).uniform(1, 2, graph.num_edges)
    models = [
        gr.Spectral(dimensions=4).fit(gr.as_graph(graph.edges(), weights=c * weights)) for c in (1, 2.0**-20, 2.0**20)
    ]
    for model in models[1:]:
        np.testing.assert_allclose(model.embedding_, models[0].embedding_, rtol=1e-3, atol=1e-4)
    # An array of float64 weights is the same graph
    matrix = gr.as_graph(graph.edges(), weights=weights).to_scipy().astype(np.float64)
    np.testing.assert_array_equal(gr.Spectral(dimensions=4).fit_transform(matrix), models[0].embedding_)


GRAPHS = {
    "star": nx.star_graph(999),
    "ring": nx.cycle_graph(500),
    "bipartite": nx.complete_bipartite_graph(60, 90),
    "two components": nx.disjoint_union(nx.barabasi_albert_graph(200, 3, seed=0), nx.cycle_graph(70)),
    "isolated nodes": nx.disjoint_union(nx.barabasi_albert_graph(200, 3, seed=0), nx.empty_graph(50)),
    "no edges": nx.empty_graph(200),
    "complete": nx.complete_graph(120),
    "small": nx.path_graph(5),
    "one node": nx.empty_graph(1),
    "self loops": nx.Graph([(i, i) for i in range(100)]),
    "ring, star and isolated nodes": nx.disjoint_union_all(
        [nx.cycle_graph(100), nx.star_graph(150), nx.empty_graph(100)]
    ),
}


@pytest.mark.parametrize("which", ["LA", "LM"])
@pytest.mark.parametrize("name", GRAPHS)
def test_odd_graphs(name, which):
    graph = gr.as_graph(GRAPHS[name])
    model = accurate(dimensions=8, which=which).fit(graph)
    x, values = model.embedding_, model.eigenvalues_
    assert x.shape == (graph.num_nodes, 8)
    assert np.isfinite(x).all()
    assert not x[graph.out_degree == 0].any()
    exact = np.linalg.eigvalsh(normalized(graph, model.alpha_))
    exact = exact[np.argsort(-(np.abs(exact) if which == "LM" else exact))][:8]
    exact = np.pad(exact, (0, 8 - len(exact)))
    # By value, vectors of negative values are scaled by zero; by magnitude, float32 loses those far below the largest.
    shown = np.abs(exact) > 0.01 * np.abs(exact).max() if which == "LM" else exact > 0.05
    np.testing.assert_allclose(np.abs(values[shown]), np.abs(exact[shown]), atol=0.03)
    y = model.eigenvectors_[:, np.abs(values) > 1e-3]
    y = y[:, y.any(0)]
    np.testing.assert_allclose(y.T @ y, np.eye(y.shape[1]), atol=1e-4)


def test_the_dense_form_is_the_oracle_of_the_filter():
    graph = planted()[0]
    factor = (graph.weighted_degree() + 1) ** -0.45
    options = {"degrees": (8, 8, 8), "oversampling": 16, "seed": 0, "rows": Rows(graph.num_nodes)}
    for magnitude in (False, True):
        found = leading_eigenpairs(Arcs(graph), factor, 3, magnitude=magnitude, **options)
        wanted = eigenpairs(Arcs(graph), factor, 3, magnitude=magnitude)
        np.testing.assert_allclose(found.values, wanted.values, rtol=1e-3)
        np.testing.assert_allclose(np.abs(found.vectors.T @ wanted.vectors), np.eye(3), atol=0.02)


def test_threads_and_seeds():
    graph = planted()[0]
    wanted = gr.Spectral(dimensions=16, n_jobs=1).fit_transform(graph)
    for threads in (2, 3):
        np.testing.assert_array_equal(gr.Spectral(dimensions=16, n_jobs=threads).fit_transform(graph), wanted)
    assert not np.array_equal(gr.Spectral(dimensions=16, random_state=1).fit_transform(graph), wanted)


def test_vectors_follow_names():
    drawn = nx.relabel_nodes(nx.barabasi_albert_graph(300, 3, seed=1), lambda v: f"n{v}")
    nodes = list(drawn)
    other = nx.Graph()
    other.add_nodes_from(reversed(nodes))
    other.add_edges_from(drawn.edges())
    a = gr.Spectral(dimensions=4).fit(drawn).node_vectors_
    b = gr.Spectral(dimensions=4).fit(other).node_vectors_
    for name in nodes[:20]:
        np.testing.assert_allclose(a[name], b[name], atol=1e-2)


def test_communities_are_found():
    graph, labels = planted()
    found = gr.evaluate.node_classification(gr.Spectral(dimensions=8).fit_transform(graph), labels, ratios=[0.1])
    assert found.mean("macro_f1")[0] > 0.97


class TestDirected:
    graph = gr.as_graph(
        np.random.default_rng(0).integers(0, 200, (2, 3000)), directed=True, num_nodes=205, weights=None
    )

    def test_singular_values_and_vectors(self):
        model = accurate(dimensions=8).fit(self.graph)
        a = self.graph.to_scipy().astype(np.float64).toarray()
        tau = self.graph.weights.mean() if self.graph.weights is not None else 1.0
        s = a * ((a.sum(1) + tau) ** -0.45)[:, None] * (a.sum(0) + tau) ** -0.45
        u, values, vt = scipy.linalg.svd(s)
        np.testing.assert_allclose(model.eigenvalues_, values[:4], rtol=0.01)
        assert model.embedding_.shape == (205, 8)
        np.testing.assert_array_equal(model.embedding_, np.hstack([model.source_, model.target_]))
        assert abs(np.corrcoef(model.source_[:, 0], u[:, 0])[0, 1]) > 0.999
        assert abs(np.corrcoef(model.target_[:, 0], vt[0])[0, 1]) > 0.999
        # sources without arcs out, and targets without arcs in
        assert not model.source_[200:].any()
        with pytest.raises(AttributeError, match="source_ and target_"):
            _ = model.eigenvectors_

    def test_scores_have_a_direction(self):
        model = gr.Spectral(dimensions=64).fit(self.graph)
        arcs = self.graph.edge_index()
        forth, back = model.score_pairs(arcs), model.score_pairs(arcs[::-1])
        assert forth.mean() > 3 * back.mean()

    def test_odd_number_of_columns(self):
        model = gr.Spectral(dimensions=5).fit(self.graph)
        assert (model.source_.shape, model.target_.shape) == ((205, 3), (205, 2))
        assert np.isfinite(model.score_pairs(self.graph.edge_index())).all()

    def test_new_nodes_with_the_arcs_of_a_fitted_one(self):
        names = [f"n{i}" for i in range(205)]
        pairs = [(names[u], names[v]) for u, v in self.graph.edge_index().T]
        model = accurate(dimensions=8).fit(gr.as_graph(pairs, directed=True))
        twin = [("new", v) for u, v in pairs if u == "n7"] + [(u, "new") for u, v in pairs if v == "n7"]
        got = model.transform(gr.as_graph(twin, directed=True))["new"]
        np.testing.assert_allclose(got, model.node_vectors_["n7"], atol=0.2)
        with pytest.raises(ValueError, match="a matrix lacks the arcs back"):
            model.transform(np.ones((1, model.n_features_in_)))


def test_scores_of_links_are_a_low_rank_form_of_the_square():
    graph = planted()[0]
    pairs = graph.edges()[:, :50]
    for power in (0, 0.5, 1):
        model = accurate(dimensions=300, power=power).fit(graph)
        y, values = model.eigenvectors_.astype(float), np.maximum(model.eigenvalues_, 0)
        wanted = (y[pairs[0]] * y[pairs[1]] * values**2).sum(1)
        np.testing.assert_allclose(model.score_pairs(pairs), wanted, atol=1e-3)


def test_new_nodes():
    graph, _ = planted()
    model = accurate(dimensions=3).fit(graph)
    rows = graph.to_scipy()[:20]
    np.testing.assert_allclose(model.transform(rows), model.embedding_[:20], atol=0.05)
    lonely = model.transform(sp.csr_array((1, graph.num_nodes)))
    assert not lonely.any()


class TestAuto:
    def test_labels_choose(self):
        alike, labels = planted()
        model = gr.Spectral(dimensions=4, which="auto").fit(alike, labels)
        assert (model.which_, model.alpha_, model.power_) == ("LA", 0.45, 1.0)
        unlike, labels = planted(inside=0.0075, between=0.12)
        model = gr.Spectral(dimensions=4, which="auto").fit(unlike, labels)
        assert (model.which_, model.power_) == ("LM", 0.5)
        other = gr.Spectral(dimensions=4, which="LM").fit_transform(unlike)
        np.testing.assert_array_equal(model.embedding_, other)

    def test_pairs_choose(self):
        split = gr.evaluate.random_link_split(planted()[0], test=0.1, valid=0.1)
        model = gr.Spectral(dimensions=8, which="auto").fit(split.graph, val=split)
        assert model.which_ == "LA"

    def test_something_must_choose(self):
        with pytest.raises(ValueError, match=r"by y \(labels\) or val \(validation pairs\)"):
            gr.Spectral(which="auto").fit(nx.karate_club_graph())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"which": "SM"}, 'which must be "LA", "LM" or "auto"'),
        ({"alpha": -1}, "alpha"),
        ({"power": -1}, "power"),
        ({"tau": -1}, "tau"),
        ({"filter_degrees": (60,)}, "filter_degrees"),
        ({"filter_degrees": ()}, "filter_degrees must name at least one degree"),
        ({"dimensions": 0}, "dimensions"),
        ({"oversampling": -1}, "oversampling"),
        ({"finish": "polish"}, "finish must be None or of center, smooth, orthogonalise, whiten"),
    ],
)
def test_bad_settings(options, message):
    with pytest.raises(ValueError, match=message):
        gr.Spectral(**options).fit(nx.karate_club_graph())
