"""ProNE, NetMF and HOPE against dense formulas in float64, and on graphs where they could fail."""

from __future__ import annotations

import pickle

import networkx as nx
import numpy as np
import pytest
import scipy.linalg
import scipy.sparse as sp
from sklearn.base import clone

import graphrep as gr
from graphrep import _memory
from graphrep.embed.hope import spectral_radius

PRONE, NETMF, HOPE = gr.ProNE(dimensions=12), gr.NetMF(dimensions=12, window=4), gr.HOPE(dimensions=12)
STRAP = gr.STRAP(dimensions=12)
MODELS = [STRAP, PRONE, gr.ProNE(dimensions=12, normalize_rows=False), NETMF, gr.NetMF(dimensions=12, rank=8), HOPE]


def network(n=26, seed=0, *, weighted=True, directed=False, density=0.2):
    rng = np.random.default_rng(seed)
    a = (rng.random((n, n)) < density) * (rng.lognormal(0, 1, (n, n)) if weighted else 1.0)
    a[0, 1] = a[1, 0] = 1.0
    return gr.as_graph(sp.csr_array(a), directed=directed)


def dense(graph):
    return graph.to_scipy().toarray().astype(np.float64)


def truncated(matrix, k):
    u, s, v = np.linalg.svd(matrix)
    return u[:, :k], s[:k], v[:k].T


def unit(x):
    norm = np.linalg.norm(x, axis=1, keepdims=True)
    return np.divide(x, norm, out=np.zeros_like(x), where=norm > 0)


def rms(x):
    squares = (x**2).sum(axis=1)
    return x * 3 / np.sqrt(squares[squares > 1e-10 * squares.max()].mean())


def assert_same_up_to_signs(x, y, atol):
    signs = np.sign(np.einsum("ij,ij->j", x, y))
    np.testing.assert_allclose(x, y * np.where(signs == 0, 1, signs), atol=atol)


def prone(a, k, theta=0.5, mu=0.2, *, rows=True):
    """The formulas of the docstring, with the matrix exponential of SciPy."""
    d = a.sum(axis=1, keepdims=True)
    p = np.divide(a, d, out=np.zeros_like(a), where=d > 0)
    noise = p.sum(axis=0) ** 0.75
    noise = noise / noise.sum()
    f = np.zeros_like(a)
    i, j = np.nonzero(a)
    f[i, j] = np.log(p[i, j]) - np.log(noise[j])
    u, s, _ = truncated(f, k)
    x = unit(u * np.sqrt(s))
    b = a + np.eye(len(a)) * a[a > 0].mean()
    laplacian = np.eye(len(a)) - b / b.sum(axis=1, keepdims=True)
    shifted = laplacian - mu * np.eye(len(a))
    z = b @ (x - scipy.linalg.expm(-theta * (shifted @ shifted / 2 - np.eye(len(a)))) @ x)
    u, s, _ = truncated(z, k)
    found = u[:, :k] * np.sqrt(s)
    return rms(unit(found) if rows else found)


def netmf_matrix(a, window, negatives=1.0):
    d = a.sum(axis=1)
    inverse = np.divide(1, d, out=np.zeros_like(d), where=d > 0)
    p = inverse[:, None] * a
    total = sum(np.linalg.matrix_power(p, r) for r in range(1, window + 1)) * inverse
    return np.log(np.maximum(1, d.sum() / (negatives * window) * total))


def katz(a, beta):
    return np.linalg.inv(np.eye(len(a)) - beta * a) @ (beta * a)


class TestProNE:
    @pytest.mark.parametrize("weighted", [False, True])
    @pytest.mark.parametrize("options", [{}, {"theta": 2.0, "mu": 1.0}, {"mu": 0.0, "normalize_rows": False}])
    def test_it_is_the_formula(self, weighted, options):
        graph = network(weighted=weighted)
        found = gr.ProNE(dimensions=10, **options).fit_transform(graph)
        rows = options.pop("normalize_rows", True)
        # Rows are divided by their length after the SVD, so the error of the series, 1e-4, may grow a little.
        assert_same_up_to_signs(found, prone(dense(graph), 10, rows=rows, **options), atol=2e-3)

    def test_weights_count(self):
        graph = network()
        assert np.abs(PRONE.fit_transform(graph) - PRONE.fit_transform(gr.as_graph(graph, weights=False))).max() > 0.1

    @pytest.mark.parametrize("factor", [1e-6, 2.0**10, 1e6])
    def test_the_unit_of_the_weights_does_not(self, factor):
        a = dense(network())
        np.testing.assert_allclose(
            gr.ProNE(dimensions=6).fit_transform(factor * a), gr.ProNE(dimensions=6).fit_transform(a), atol=2e-3
        )

    def test_a_directed_graph_is_taken_as_undirected(self):
        graph = network(directed=True)
        np.testing.assert_array_equal(PRONE.fit_transform(graph), PRONE.fit_transform(graph.to_undirected()))

    def test_five_terms_of_the_series_at_the_default(self):
        assert len(PRONE._coefficients()) == 5
        assert len(gr.ProNE(theta=10.0)._coefficients()) < 40
        for theta in (1e-9, 0.1, 0.5, 3.0, 10.0):
            t = np.linspace(-1, 1, 101)
            series = np.polynomial.chebyshev.chebval(t, gr.ProNE(theta=theta)._coefficients())
            assert np.abs(series - np.exp(-theta * t)).max() < 1e-4 * np.exp(theta)

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"mu": -4.0}, "mu must be at least 0 and at most 2, got -4"),
            ({"mu": 2.1}, "mu must be at least 0 and at most 2"),
            ({"theta": 0.0}, "theta must be greater than 0 and at most 10"),
            ({"theta": 11}, "theta must be greater than 0 and at most 10"),
            ({"power": -1}, "power must be at least 0"),
            ({"dimensions": 0}, "dimensions must be at least 1"),
        ],
    )
    def test_settings_outside_the_range(self, options, message):
        with pytest.raises(ValueError, match=message):
            gr.ProNE(**options).fit(network())


class TestNetMF:
    @pytest.mark.parametrize("weighted", [False, True])
    @pytest.mark.parametrize(("window", "negatives"), [(1, 1.0), (4, 1.0), (10, 0.5), (2, 3)])
    def test_it_is_the_formula(self, weighted, window, negatives):
        graph = network(weighted=weighted)
        model = gr.NetMF(dimensions=10, window=window, negatives=negatives).fit(graph)
        u, s, _ = truncated(netmf_matrix(dense(graph), window, negatives), 10)
        np.testing.assert_allclose(model.singular_values_, s, rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(
            model.embedding_ @ model.embedding_.T, rms(u * np.sqrt(s)) @ rms(u * np.sqrt(s)).T, atol=2e-3
        )

    def test_all_eigenvalues_give_the_positive_part_of_the_powers(self):
        graph = network(weighted=False)
        model = gr.NetMF(dimensions=26, window=4, rank=26).fit(graph)
        a = dense(graph)
        d = a.sum(axis=1)
        w, u = np.linalg.eigh(a / np.sqrt(np.outer(d, d)))
        left = u / np.sqrt(d)[:, None]
        values = np.where(w > 0, sum(w**r for r in range(1, 5)), 0)
        expected = np.log(np.maximum(1, d.sum() / 4 * (left * values) @ left.T))
        np.testing.assert_allclose(model.singular_values_, np.linalg.svd(expected)[1], atol=1e-4)

    def test_a_smaller_rank_keeps_the_largest_eigenvalues(self):
        graph = gr.as_graph(nx.powerlaw_cluster_graph(300, 4, 0.3, seed=0))
        model = gr.NetMF(dimensions=8, rank=20).fit(graph)
        a = dense(graph)
        d = a.sum(axis=1)
        w, u = np.linalg.eigh(a / np.sqrt(np.outer(d, d)))
        np.testing.assert_allclose(model._eigen[1], w[::-1][:20], atol=0.02)
        left, w = (u / np.sqrt(d)[:, None])[:, ::-1][:, :20], w[::-1][:20]
        values = sum(w**r for r in range(1, 11)) * (w > 0)
        expected = np.log(np.maximum(1, d.sum() / 10 * (left * values) @ left.T))
        np.testing.assert_allclose(model.singular_values_, np.linalg.svd(expected)[1][:8], rtol=0.03)

    @pytest.mark.parametrize("factor", [1e-6, 1e6])
    def test_the_unit_of_the_weights_does_not_matter(self, factor):
        a = dense(network())
        np.testing.assert_allclose(NETMF.fit_transform(factor * a), NETMF.fit_transform(a), atol=2e-3)

    def test_a_matrix_of_zeros_is_said(self):
        with pytest.warns(UserWarning, match=r"the matrix of NetMF is zero .* smaller window or fewer negatives"):
            vectors = gr.NetMF(negatives=50.0).fit_transform(nx.complete_graph(9))
        assert not vectors.any()

    def test_what_does_not_fit_into_memory_is_refused_before_it_begins(self, monkeypatch):
        monkeypatch.setattr(_memory, "available_memory", lambda: 10**9)
        with pytest.raises(MemoryError, match=r"^NetMF of 100,000 nodes needs about 41 GB .*; use ProNE, whose memory"):
            gr.NetMF().fit(gr.as_graph([[0], [1]], num_nodes=100_000))

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"window": 0}, "window must be at least 1"),
            ({"negatives": 0}, "negatives must be greater than 0"),
            ({"rank": 0}, "rank must be at least 1"),
            ({"power": -1}, "power must be at least 0"),
        ],
    )
    def test_settings_outside_the_range(self, options, message):
        with pytest.raises(ValueError, match=message):
            gr.NetMF(**options).fit(network())


class TestHOPE:
    @pytest.mark.parametrize("weighted", [False, True])
    @pytest.mark.parametrize("factor", [0.1, 0.5, 0.9])
    def test_undirected_vectors_factorize_the_katz_index(self, weighted, factor):
        graph = network(weighted=weighted)
        model = gr.HOPE(dimensions=10, factor=factor).fit(graph)
        a = dense(graph)
        rho = np.abs(np.linalg.eigvalsh(a)).max()
        assert model.beta_ == pytest.approx(factor / rho, rel=1e-3)
        k = katz(a, model.beta_)
        w, v = np.linalg.eigh(k)
        order = np.argsort(-np.abs(w))[:10]
        np.testing.assert_allclose(model.values_, w[order], rtol=1e-4, atol=1e-5)
        expected = (v[:, order] * w[order]) @ v[:, order].T
        np.testing.assert_allclose(model.source_ @ model.target_.T, expected, atol=1e-4 * np.abs(k).max())
        np.testing.assert_allclose(model.embedding_, model.source_ * model.scale_, rtol=1e-6)

    @pytest.mark.parametrize("weighted", [False, True])
    @pytest.mark.parametrize("factor", [0.1, 0.5, 0.9])
    def test_directed_vectors_factorize_the_katz_index(self, weighted, factor):
        graph = network(weighted=weighted, directed=True)
        model = gr.HOPE(dimensions=20, factor=factor).fit(graph)
        a = dense(graph)
        assert model.beta_ == pytest.approx(factor / np.abs(np.linalg.eigvals(a)).max(), rel=1e-3)
        k = katz(a, model.beta_)
        u, s, v = truncated(k, 10)
        np.testing.assert_allclose(model.values_, s, rtol=1e-3)
        np.testing.assert_allclose(model.source_ @ model.target_.T, (u * s) @ v.T, atol=1e-3 * np.abs(k).max())
        assert model.source_.shape == model.target_.shape == (26, 10)
        np.testing.assert_allclose(model.embedding_[:, 10:], model.target_ * model.scale_, rtol=1e-6)

    def test_directions_are_not_mixed_up(self):
        model = gr.HOPE(dimensions=6).fit(gr.as_graph([("a", "b"), ("b", "c"), ("c", "b")], directed=True))
        scores = model.source_ @ model.target_.T
        assert scores[0, 1] > 0.1
        assert scores[0, 2] > 0.1
        np.testing.assert_allclose(scores[:, 0], 0, atol=1e-5)

    def test_without_cycles_the_norm_takes_the_place_of_the_radius(self):
        path = gr.as_graph(nx.gn_graph(40, seed=0))
        model = gr.HOPE(dimensions=40).fit(path)
        a = dense(path)
        assert spectral_radius(path) == 0
        assert model.beta_ == pytest.approx(0.5 / np.linalg.norm(a, 2), rel=1e-2)
        np.testing.assert_allclose(model.source_ @ model.target_.T, katz(a, model.beta_), atol=0.02)

    @pytest.mark.parametrize("directed", [False, True])
    def test_beta_itself(self, directed):
        graph = network(directed=directed)
        rho = np.abs(np.linalg.eigvals(dense(graph))).max()
        assert gr.HOPE(dimensions=4, beta=0.9 / rho).fit(graph).beta_ == 0.9 / rho
        with pytest.raises(ValueError, match=r"beta must be less than 1 / .*, the reciprocal of the spectral radius"):
            gr.HOPE(dimensions=4, beta=1.01 / rho).fit(graph)

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"factor": 1.0}, "factor must be less than 1, or the sum over all walks has no limit; got 1.0"),
            ({"factor": 0}, "factor must be greater than 0"),
            ({"beta": -1.0}, "beta must be greater than 0"),
            ({"dimensions": 5}, "dimensions must be even for a directed graph"),
        ],
    )
    def test_settings_outside_the_range(self, options, message):
        with pytest.raises(ValueError, match=message):
            gr.HOPE(**options).fit(network(directed=True))

    @pytest.mark.parametrize(
        "graph",
        [
            network(),
            network(directed=True),
            network(60, directed=True, density=0.03),
            gr.as_graph(nx.star_graph(50)),
            gr.as_graph(nx.cycle_graph(31)),
            gr.as_graph(nx.path_graph(100)),
            gr.as_graph(nx.disjoint_union(nx.complete_graph(9), nx.star_graph(3))),
            gr.as_graph(nx.complete_bipartite_graph(3, 70)),
        ],
        ids=lambda graph: repr(graph),
    )
    def test_the_spectral_radius_is_never_below_the_true_one(self, graph):
        exact = np.abs(np.linalg.eigvals(dense(graph))).max()
        assert exact * (1 - 1e-9) <= spectral_radius(graph) <= exact * 1.01


AWKWARD = {
    "star": nx.star_graph(60),
    "ring": nx.cycle_graph(50),
    "bipartite": nx.complete_bipartite_graph(4, 9),
    "components": nx.disjoint_union_all([nx.complete_graph(6), nx.star_graph(4), nx.path_graph(3), nx.cycle_graph(9)]),
    "two nodes": nx.path_graph(2),
    "one node": nx.empty_graph(1),
    "no edges": nx.empty_graph(7),
    "loop only": nx.Graph([(0, 0), (1, 2)]),
    "directed path": nx.path_graph(9, create_using=nx.DiGraph),
    "directed star": nx.DiGraph([(0, i) for i in range(1, 30)]),
}


@pytest.mark.filterwarnings("ignore:the matrix of NetMF is zero")  # a star is what chance makes of its degrees
@pytest.mark.parametrize("name", AWKWARD)
@pytest.mark.parametrize("model", MODELS, ids=repr)
def test_awkward_graphs_give_finite_vectors_of_the_scale(model, name):
    """With isolated nodes beside them, which get zeros."""
    drawn = AWKWARD[name].copy()
    drawn.add_nodes_from([1001, 1002])
    graph = gr.as_graph(drawn)
    vectors = clone(model).fit_transform(graph)
    assert vectors.shape == (graph.num_nodes, 12)
    assert np.isfinite(vectors).all()
    isolated = (graph.weighted_degree() + graph.weighted_degree(incoming=True)) == 0
    assert not vectors[isolated].any()
    norms = np.linalg.norm(vectors.astype(np.float64), axis=1)
    if norms.any():
        assert np.sqrt((norms[norms > 0] ** 2).mean()) == pytest.approx(3, rel=1e-5)
    again = clone(model).set_params(random_state=5).fit_transform(graph)
    assert np.isfinite(again).all()


@pytest.mark.parametrize("model", MODELS, ids=repr)
def test_the_number_of_threads_changes_no_bit(model):
    rng = np.random.default_rng(0)
    ends = (9000 * rng.random((2, 20_000)) ** 2).astype(int)
    if isinstance(model, (gr.NetMF, gr.STRAP)):
        ends = ends[:, :8000] // 8
    for directed in (False, True):
        graph = gr.as_graph(ends, directed=directed)
        one, two = (clone(model).set_params(n_jobs=n, dimensions=40).fit(graph) for n in (1, 2))
        np.testing.assert_array_equal(one.embedding_, two.embedding_)


@pytest.mark.parametrize("model", MODELS, ids=repr)
def test_random_numbers_follow_the_names(model):
    """Another order of the nodes gives the same vectors up to rounding, and their signs."""
    drawn = nx.relabel_nodes(nx.powerlaw_cluster_graph(80, 3, 0.5, seed=1), lambda v: f"n{v}")
    graph = gr.as_graph(drawn)
    other = gr.as_graph(drawn, nodes=list(np.random.default_rng(0).permutation(graph.nodes)))
    first, second = (clone(model).set_params(dimensions=6, power=6).fit(g).node_vectors_ for g in (graph, other))
    got = np.array([second[name] for name in graph.nodes])
    assert_same_up_to_signs(got, first.vectors, atol=5e-3)


@pytest.mark.parametrize("directed", [False, True])
@pytest.mark.parametrize("model", MODELS[1:], ids=repr)
def test_new_nodes_with_the_arcs_of_fitted_ones_get_their_vectors(model, directed):
    graph = gr.as_graph(
        [(f"n{u}", f"n{v}", w) for u, v, w in zip(*sp.find(network(40).to_scipy())[:3], strict=True)], directed=directed
    )
    fitted = clone(model).set_params(power=8).fit(graph)
    rows = graph.to_scipy()[[3, 8]]
    atol = 0.05 if fitted.get_params().get("rank") else 2e-3
    half = 6 if directed and isinstance(model, gr.HOPE) else 12
    undirected = graph if isinstance(model, gr.HOPE) else graph.to_undirected()
    found = fitted.transform(undirected.to_scipy()[[3, 8]])
    assert found.dtype == np.float32
    np.testing.assert_allclose(found[:, :half], fitted.embedding_[[3, 8], :half], atol=atol)
    assert not found[:, half:].any()
    np.testing.assert_array_equal(fitted.transform(sp.csr_matrix(undirected.to_scipy()[[3, 8]])), found)
    # As a graph: a node that is named otherwise, with all arcs of another.
    ends = graph.edges()
    weights = dict(zip(map(tuple, ends.T.tolist()), graph._edge_weights().tolist(), strict=True))
    arcs = [
        (*("copy" if v == 3 else graph.nodes[v] for v in pair), weight)
        for pair, weight in weights.items()
        if 3 in pair and pair[0] != pair[1]
    ]
    if (3, 3) not in weights:
        copied = fitted.transform(gr.as_graph(arcs, directed=directed))
        assert copied.nodes.tolist() == ["copy"]
        np.testing.assert_allclose(copied["copy"], fitted.embedding_[3], atol=atol)
    assert rows.shape == (2, graph.num_nodes)


@pytest.mark.parametrize("model", [HOPE, STRAP], ids=repr)
@pytest.mark.parametrize("texts", [(True, False), (False, True)])
def test_arcs_of_new_nodes_are_matched_by_name_in_both_directions(model, texts):
    """Also if the names are integers in one of the graphs, and strings in the other."""
    fitted = clone(model).fit(
        gr.as_graph([(str(u), str(v)) if texts[0] else (u, v) for u, v in ((1, 2), (2, 3), (3, 1))], directed=True)
    )
    arcs = [(9, 2), (3, 9)]
    named = fitted.transform(gr.as_graph([tuple(map(str, arc)) if texts[1] else arc for arc in arcs], directed=True))
    assert named.nodes.tolist() == ["9"]
    rows = {name: row for row, name in enumerate(map(str, fitted.nodes_.tolist()))}
    out, into = np.zeros((2, 1, 3))
    out[0, rows["2"]] = into[0, rows["3"]] = 1
    expected = fitted._two_sided_vectors(sp.csr_array(out), sp.csr_array(into))
    assert expected.any(axis=0).sum() >= 4
    np.testing.assert_array_equal(named.vectors, expected)


@pytest.mark.parametrize("model", MODELS, ids=repr)
def test_new_nodes_without_arcs_and_of_other_types(model):
    graph = network(weighted=False)
    fitted = clone(model).fit(graph)
    with pytest.raises(ValueError, match="negative weights"):
        fitted.transform(-np.ones((1, 26)))
    assert fitted.transform(np.zeros((1, 26))).tolist() == [[0.0] * 12]
    with pytest.raises(ValueError, match="none of the nodes of the new graph"):
        fitted.transform([("x", "y")])
    with pytest.warns(UserWarning, match="1 of 2 new nodes have no fitted neighbor"):
        found = fitted.transform(gr.as_graph([("30", "1")], nodes=["30", "1", "31"]))
    assert not found["31"].any()
    assert found["30"].any()


@pytest.mark.parametrize("directed", [False, True])
@pytest.mark.parametrize("model", MODELS, ids=repr)
def test_saved_and_loaded(model, directed, tmp_path):
    graph = network(directed=directed)
    fitted = clone(model).fit(graph)
    fitted.save(tmp_path / "model")
    again = gr.load(tmp_path / "model")
    assert again.get_params() == fitted.get_params()
    rows = np.eye(26)[:3]
    for other in (again, pickle.loads(pickle.dumps(fitted))):
        np.testing.assert_array_equal(other.embedding_, fitted.embedding_)
        np.testing.assert_array_equal(other.transform(rows), fitted.transform(rows))
    if isinstance(model, (gr.HOPE, gr.STRAP)):
        np.testing.assert_array_equal(again.source_, fitted.source_)
        np.testing.assert_array_equal(again.target_, fitted.target_)


@pytest.mark.parametrize("model", MODELS, ids=repr)
def test_a_damaged_state_is_refused(model):
    fitted = clone(model).fit(network())
    state = {"embedding_": fitted.embedding_, **fitted._state()}
    for name in ("_right", "_rotation", "_basis", "values_", "_factors"):
        if state.get(name) is not None:
            part = state[name]
            shorter = {key: value[:-1] for key, value in part.items()} if isinstance(part, dict) else part[:-1]
            with pytest.raises(ValueError, match="differ in size"):
                clone(model)._restore(state | {name: shorter})


@pytest.mark.parametrize("model", MODELS, ids=repr)
def test_communities_are_found(model):
    """The vectors are worth something: nearest neighbors are of the same planted community."""
    sizes = [60] * 4
    drawn = nx.stochastic_block_model(sizes, np.full((4, 4), 0.02) + 0.2 * np.eye(4), seed=3)
    vectors = unit(
        clone(model).set_params(dimensions=8).fit_transform(gr.as_graph(nx.Graph(drawn.edges), nodes=range(240)))
    )
    cosine = vectors @ vectors.T - 2 * np.eye(240)
    group = np.repeat(range(4), sizes)
    nearest = np.argsort(-cosine, axis=1)[:, :5]
    assert (group[nearest] == group[:, None]).mean() > 0.8


@pytest.mark.parametrize("model", MODELS, ids=repr)
def test_progress_counts_to_the_end(model, capsys):
    clone(model).set_params(progress=True).fit(network(directed=isinstance(model, gr.HOPE)))
    assert "100%" in capsys.readouterr().err
    clone(model).set_params(progress=False).fit(network())
    assert capsys.readouterr().err == ""


class TestSTRAP:
    @staticmethod
    def matrix(a, restart, tolerance, *, transposed, b):
        """The formulas of the docstring, with inverses."""

        def pagerank(a):
            d = a.sum(axis=1, keepdims=True)
            walk = np.divide(a, d, out=np.zeros_like(a), where=d > 0)
            exact = restart * np.linalg.inv(np.eye(len(a)) - (1 - restart) * walk)
            return np.where(exact >= tolerance, exact, 0)

        total = pagerank(a) + (pagerank(a.T).T if transposed else 0)
        m = np.log10(np.maximum(1, total / tolerance))
        m = m / (1 + m.sum(axis=1, keepdims=True)) ** b
        return m / (1 + m.sum(axis=0, keepdims=True)) ** b

    @pytest.mark.parametrize("weighted", [False, True])
    @pytest.mark.parametrize("directed", [False, True])
    @pytest.mark.parametrize(
        ("restart", "transposed", "b"), [(0.5, True, 0.5), (0.2, False, 0.25), (0.8, True, 0.0), (0.15, False, 1.0)]
    )
    def test_it_is_the_formula(self, weighted, directed, restart, transposed, b):
        graph = network(weighted=weighted, directed=directed)
        model = gr.STRAP(dimensions=20, restart=restart, tolerance=1e-6, transposed=transposed, normalization=b)
        model.fit(graph)
        # Dropped probabilities, each below a quarter of the tolerance, are a small part of what is large.
        m = self.matrix(dense(graph), restart, 1e-6, transposed=transposed, b=b)
        u, s, v = truncated(m, 10)
        np.testing.assert_allclose(model.values_, s, rtol=0.01)
        np.testing.assert_allclose(model.source_ @ model.target_.T, (u * s) @ v.T, atol=0.02 * m.max())
        assert model.num_entries_ == pytest.approx(np.count_nonzero(m), rel=0.02)

    def test_a_larger_tolerance_keeps_fewer_entries(self):
        graph = gr.as_graph(nx.gnp_random_graph(600, 0.01, seed=0, directed=True))
        sizes = [gr.STRAP(dimensions=4, tolerance=t).fit(graph).num_entries_ for t in (1e-2, 1e-3, 1e-4)]
        assert sizes == sorted(sizes)
        assert sizes[0] < sizes[2] / 4

    def test_directions_are_not_mixed_up(self):
        model = gr.STRAP(dimensions=8, normalization=0.0).fit(
            gr.as_graph([("a", "b"), ("b", "c"), ("c", "d")], directed=True)
        )
        scores = model.source_ @ model.target_.T
        assert scores[0, 1] > 1
        assert scores[1, 3] > 1
        np.testing.assert_allclose(np.tril(scores, -1), 0, atol=1e-4)

    @pytest.mark.parametrize("transposed", [False, True])
    @pytest.mark.parametrize("directed", [False, True])
    def test_new_nodes_have_rows_and_columns_of_the_matrix(self, transposed, directed):
        """All arcs of a fitted node, given to a new one: the vectors differ only by its own column and row."""
        drawn = network(60, directed=True, density=0.1)
        ends, weights = drawn.edges(), drawn.weights
        drawn = gr.as_graph(ends[:, ends[0] != ends[1]], weights=weights[ends[0] != ends[1]], directed=directed)
        names = [f"n{v}" for v in range(drawn.num_nodes)]
        graph = gr.as_graph(drawn, nodes=names)
        model = gr.STRAP(dimensions=40, tolerance=1e-6, transposed=transposed, normalization=0.0).fit(graph)
        a = dense(graph)
        arcs = [("new", names[v], a[3, v]) for v in range(60) if a[3, v]]
        arcs += [(names[u], "new", a[u, 3]) for u in range(60) if a[u, 3]] if directed else []
        found = model.transform(gr.as_graph(arcs, directed=directed))["new"]
        m = self.matrix(a, 0.5, 1e-6, transposed=transposed, b=0.0)
        scale, inverse = model.scale_, 1 / model.values_
        # The new node has no column, so that what stops at the start is missing from the entry of node 3.
        returns = 1e-6 * 10 ** m[3, 3] - 0.5 * (1 + transposed)
        missing = m[3, 3] - np.log10(max(1, returns / 1e-6))
        own = missing * np.concatenate([model.target_[3] * inverse, model.source_[3] * inverse]) * scale
        np.testing.assert_allclose(found + own, model.embedding_[3], atol=0.02 * np.abs(model.embedding_).max())
        if directed:
            only = model.transform(a[[3]])
            np.testing.assert_allclose(only[0, :20], found[:20], atol=1e-5)
            assert not only[:, 20:].any()

    def test_a_matrix_that_outgrows_memory_is_refused_while_it_grows(self, monkeypatch):
        graph = gr.as_graph(nx.gnp_random_graph(1500, 0.01, seed=0, directed=True))
        sizes = iter([10**9])
        monkeypatch.setattr(_memory, "available_memory", lambda: next(sizes, 10**6))
        with pytest.raises(MemoryError, match=r"^STRAP of 1,500 nodes needs about .*; give a larger tolerance"):
            gr.STRAP(dimensions=4).fit(graph)

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"restart": 1.0}, "restart must be less than 1, or no walk leaves its start; got 1.0"),
            ({"restart": 0.0}, "restart must be at least 0.05"),
            ({"tolerance": 0}, "tolerance must be at least 1e-08 and at most 0.1"),
            ({"normalization": 1.1}, "normalization must be at least 0 and at most 1"),
            ({"dimensions": 5}, "dimensions must be even"),
        ],
    )
    def test_settings_outside_the_range(self, options, message):
        with pytest.raises(ValueError, match=message):
            gr.STRAP(**options).fit(network(directed=True))
