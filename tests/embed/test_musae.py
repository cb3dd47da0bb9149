from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
import scipy.sparse as sp
from scipy import stats
from sklearn.linear_model import LogisticRegression

import graphrep as gr
from graphrep.embed import musae
from graphrep.ops import WalkSampler

pd = pytest.importorskip("pandas")

SAMPLED = {"algorithm": "sampled", "samples_per_node": 100, "n_jobs": 1}


def attributed(num_nodes=240, blocks=3, num_features=60, *, weighted=False, directed=False, seed=0, x_seed=None):
    """A planted partition whose blocks prefer features of their own, and the block of each node."""
    rng = np.random.default_rng(seed)
    labels = np.arange(num_nodes) % blocks
    chance = np.where(labels[:, None] == labels, 0.1, 0.01)
    source, target = np.nonzero(np.triu(rng.random((num_nodes, num_nodes)) < chance, 1))
    weights = rng.uniform(0.5, 4, len(source)) if weighted else None
    rng = np.random.default_rng(seed if x_seed is None else x_seed)
    liked = np.arange(num_features) % blocks
    x = rng.random((num_nodes, num_features)) < np.where(labels[:, None] == liked, 0.12, 0.04)
    x[np.arange(num_nodes), rng.integers(num_features, size=num_nodes)] = True
    graph = gr.as_graph([source, target], num_nodes=num_nodes, weights=weights, directed=directed)
    return gr.as_graph(graph, x=sp.csr_array(x.astype(np.float32))), labels


def accuracy(vectors, labels):
    test = np.arange(len(labels)) // 3 % 2 == 0
    return LogisticRegression(max_iter=500).fit(vectors[~test], labels[~test]).score(vectors[test], labels[test])


def dense_powers(graph, x, scales):
    """R_0 ... R_scales by the definition."""
    a = graph.to_scipy().toarray().astype(np.float64)
    degree = a.sum(axis=1, keepdims=True)
    p = np.divide(a, degree, out=np.zeros_like(a), where=degree > 0)
    x = np.asarray(x.todense() if sp.issparse(x) else x, dtype=np.float64)
    rows = x.sum(axis=1, keepdims=True)
    power = np.divide(x, rows, out=np.zeros_like(x), where=rows > 0)
    powers = [power]
    for _ in range(scales):
        powers.append(p @ powers[-1])
    return powers


def dense_ppmi(m):
    expected = m.sum(axis=1, keepdims=True) * m.sum(axis=0) / m.sum()
    ratio = np.divide(m, expected, out=np.ones_like(m), where=expected > 0)
    return np.log(np.maximum(ratio, 1))


# The closed form


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("directed", [False, True])
@pytest.mark.parametrize("kind", [gr.MUSAE, gr.AE])
def test_blocks_factorize_the_positive_pmi_of_each_distance(kind, weighted, directed):
    """The block times the loadings of its features is the best approximation of its rank."""
    graph, _ = attributed(80, weighted=weighted, directed=directed)
    model = kind(dimensions=40, scales=3).fit(graph)
    powers = dense_powers(graph, graph.x, 3)
    matrices = powers if kind is gr.MUSAE else [powers[0], sum(powers[1:])]
    columns = 40 // len(matrices)
    norms = np.linalg.norm(model.embedding_, axis=1)
    np.testing.assert_allclose(np.sqrt(np.mean(norms**2)), 3, rtol=1e-5)
    factor = None
    for i, matrix in enumerate(matrices):
        u, s, vt = np.linalg.svd(dense_ppmi(matrix), full_matrices=False)
        block = model.embedding_[:, i * columns : (i + 1) * columns]
        gram = u[:, :columns] * s[:columns] @ u[:, :columns].T  # (U S^1/2)(U S^1/2)^T, whatever the signs
        found = block @ block.T
        factor = np.trace(found) / np.trace(gram) if factor is None else factor  # one for all blocks
        np.testing.assert_allclose(found / factor, gram, atol=2e-3 * np.abs(gram).max())
        assert np.abs(vt).max() <= 1 + 1e-9


@pytest.mark.parametrize("kind", [gr.MUSAE, gr.AE])
def test_groups_are_found_that_features_or_edges_alone_do_not_show(kind):
    graph, labels = attributed()
    whole = kind(dimensions=24).fit_transform(graph)
    assert accuracy(whole, labels) > 0.95
    assert accuracy(kind(dimensions=24, scales=1).fit_transform(graph)[:, :4], labels) < accuracy(whole, labels)


def test_only_the_largest_entries_of_a_row_are_kept():
    rng = np.random.default_rng(0)
    dense = rng.integers(0, 6, (30, 40)) / 2.0
    matrix = sp.csr_array(dense)
    for count in (1, 3, 20, 40, 100):
        cut = musae._largest(matrix.copy(), count).toarray()
        for row, kept in zip(dense, cut, strict=True):
            wanted = np.zeros(40)
            order = np.lexsort((np.arange(40), -row))[:count]  # equals: the first columns
            wanted[order] = row[order]
            np.testing.assert_array_equal(kept, wanted)


def test_products_in_blocks_are_the_product(monkeypatch):
    graph, _ = attributed(60, weighted=True)
    step, x = musae._transition(graph).astype(np.float32), sp.csr_array(graph.x, dtype=np.float32)
    whole = (step @ x).toarray()
    for entries in (1, 50, 1000):
        monkeypatch.setattr(musae, "_BLOCK_ENTRIES", entries)
        np.testing.assert_array_equal(musae._product(step, x, 1000).toarray(), whole)
    assert np.diff(musae._product(step, x, 5).indptr).max() == 5


def test_fewer_entries_change_little():
    graph, labels = attributed()
    model = gr.MUSAE(dimensions=24, entries_per_row=20).fit(graph)
    assert accuracy(model.embedding_, labels) > 0.95
    assert (model.embedding_ != gr.MUSAE(dimensions=24).fit_transform(graph)).any()


@pytest.mark.parametrize("shape", [(200, 150), (150, 200), (12, 300), (5, 4)])
def test_truncated_svd(shape):
    matrix = sp.random_array(shape, density=0.2, rng=np.random.default_rng(0), format="csr")
    left, values, right = musae._truncated_svd(matrix, 6)
    u, s, vt = np.linalg.svd(matrix.toarray())
    rank = min(6, *shape)
    np.testing.assert_allclose(values[:rank], s[:rank], rtol=1e-8)
    assert not values[rank:].any()
    wanted = u[:, :rank] * s[:rank] @ vt[:rank]
    np.testing.assert_allclose(left * values @ right.T, wanted, atol=1e-8)
    count = np.count_nonzero(values)
    assert (right[np.abs(right).argmax(axis=0), np.arange(6)][:count] > 0).all()
    again = musae._truncated_svd(matrix, 6)
    np.testing.assert_array_equal(again[0], left)


def test_rank_that_is_smaller_than_the_dimensions():
    one = sp.csr_array(np.outer(np.arange(1, 101), np.arange(1, 91)).astype(float))
    left, values, _ = musae._truncated_svd(one, 8)
    assert np.count_nonzero(values) == 1
    assert not left[:, 1:].any()
    vectors = gr.MUSAE(dimensions=64).fit_transform(gr.as_graph(nx.path_graph(4), x=np.eye(4, 3)))
    assert vectors.shape == (4, 64)
    assert np.isfinite(vectors).all()


# Sampling


@pytest.mark.parametrize("binary", [False, True])
@pytest.mark.parametrize("directed", [False, True])
def test_pairs_are_drawn_by_the_closed_form(binary, directed):
    """The share of (node, feature) among the pairs of a distance is R_r, by a chi-square test."""
    graph, _ = attributed(9, num_features=5, weighted=True, directed=directed)
    graph = graph.with_edges(np.array([[0, 1, 2, 3, 4, 5, 6, 0], [1, 2, 0, 4, 5, 3, 0, 3]]))
    x = np.array(graph.x.toarray())
    x *= 1 if binary else np.random.default_rng(1).uniform(0.1, 5, x.shape)
    x[3] = 0  # a node without features
    values = sp.csr_array(x.astype(np.float32))
    cumulated = None if binary else np.r_[0.0, np.cumsum(values.data, dtype=np.float64)]
    sampler = WalkSampler(graph, walk_length=4, seed=1)
    ids = np.arange(9 * 5_000)
    walks = sampler.sample_ids(ids)
    powers = dense_powers(graph, x, 3)
    for group in ([0], [1], [3], [1, 2, 3]):
        pairs, numbers = musae._pairs(walks, ids, group, values, cumulated, seed=7)
        assert pairs.dtype == np.int32
        assert len(np.unique(numbers)) == len(numbers)
        found = np.zeros((9, 5))
        np.add.at(found, (pairs[:, 0], pairs[:, 1] - 9), 1)
        law = sum(powers[distance] for distance in group)
        assert not found[law == 0].any()
        frequency = musae._frequencies(graph, sp.csr_array(powers[0]), group)
        np.testing.assert_allclose(frequency, law.sum(axis=0), atol=1e-6)
        kept = law > 1e-3
        expected = law[kept] / law[kept].sum() * found[kept].sum()
        assert stats.chisquare(found[kept], expected).pvalue > 1e-4
        # Another division into chunks draws the same.
        halves = [
            musae._pairs(walks[part], ids[part], group, values, cumulated, seed=7)[0] for part in (ids < 99, ids >= 99)
        ]
        np.testing.assert_array_equal(np.concatenate(halves), pairs)


@pytest.mark.parametrize("kind", [gr.MUSAE, gr.AE])
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_sampled_vectors_find_the_groups_too(kind, n_jobs):
    graph, labels = attributed()
    model = kind(dimensions=24, **{**SAMPLED, "samples_per_node": 500, "n_jobs": n_jobs})
    assert accuracy(model.fit_transform(graph), labels) > (0.95 if n_jobs == 1 else 0.92)  # threads differ by the time


def test_sampling_reaches_the_optimum_of_its_objective():
    """The gradient vanishes at x_u . c_f = log(R_uf / (k P(f) (1 - R_uf))): noise that is the feature is skipped."""
    x = np.random.default_rng(0).uniform(0.3, 3, (8, 6))
    graph = gr.as_graph(nx.cycle_graph(8), x=x)
    options = {"num_negatives": 2, "samples_per_node": 40_000, "learning_rate": 0.1, "n_jobs": 1}
    model = gr.MUSAE(dimensions=32, scales=1, algorithm="sampled", **options).fit(graph)
    for matrix, columns in zip(dense_powers(graph, x, 1), model._columns(), strict=True):
        noise = matrix.sum(axis=0) ** 0.75
        wanted = np.log(matrix / (2 * noise / noise.sum() * (1 - matrix)))
        found = model.embedding_[:, columns] / model._factor @ model._contexts[:, columns].T
        assert np.abs(found - wanted).mean() < 0.07
        assert np.corrcoef(found.ravel(), wanted.ravel())[0, 1] > 0.95


def test_one_thread_is_reproducible_whatever_the_backend(monkeypatch):
    graph, _ = attributed(40)
    options = {"dimensions": 8, "scales": 1, **SAMPLED, "samples_per_node": 20}
    first = gr.MUSAE(**options).fit_transform(graph)
    np.testing.assert_array_equal(gr.MUSAE(**options).fit_transform(graph), first)
    assert (gr.MUSAE(**options, random_state=1).fit_transform(graph) != first).any()


def test_progress(capfd):
    graph, _ = attributed(30)
    gr.MUSAE(dimensions=8, **SAMPLED).fit(graph)
    gr.MUSAE(dimensions=8, progress=True).fit(graph)
    assert capfd.readouterr() == ("", "")
    gr.AE(dimensions=8, **SAMPLED, progress=True).fit(graph)
    assert "AE" in capfd.readouterr().err


# Other graphs, names, files


@pytest.mark.parametrize("kind", [gr.MUSAE, gr.AE])
@pytest.mark.parametrize("identity", [False, True])
def test_transform_of_the_fitted_graph_gives_its_vectors(kind, identity):
    graph, _ = attributed(90, weighted=True)
    model = kind(dimensions=24, identity=identity).fit(graph)
    np.testing.assert_allclose(model.transform(graph).vectors, model.embedding_, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("options", [{}, {**SAMPLED, "samples_per_node": 500}], ids=["exact", "sampled"])
@pytest.mark.parametrize("kind", [gr.MUSAE, gr.AE])
def test_vectors_of_another_graph_with_the_same_features(kind, options, tmp_path):
    """A classifier of the vectors of one graph is right on those of another, which shares no node with it."""
    graph, labels = attributed()
    other, truth = attributed(300, seed=5)
    model = kind(dimensions=24, **options).fit(graph)
    named = gr.as_graph(other, nodes=[f"n{i}" for i in range(300)])
    before = model.embedding_.copy()
    vectors = model.transform(named)
    np.testing.assert_array_equal(model.embedding_, before)
    assert vectors.nodes.tolist() == named.nodes.tolist()
    classifier = LogisticRegression(max_iter=500).fit(model.embedding_, labels)
    assert classifier.score(vectors.vectors, truth) > (0.8 if options else 0.9)  # chance is 0.33
    model.save(tmp_path / "m")
    again = gr.load(tmp_path / "m")
    np.testing.assert_array_equal(again.embedding_, model.embedding_)
    np.testing.assert_array_equal(again.transform(named).vectors, vectors.vectors)
    with pytest.raises(ValueError, match="features must have 60 columns as in fit, got 7"):
        model.transform(named, features=np.ones((300, 7)))
    with pytest.raises(ValueError, match=r"features or graph\.x must be given"):
        model.transform(nx.path_graph(3))
    with pytest.raises(ValueError, match="must be as in fit; fit again after a change"):
        model.set_params(scales=2).transform(named)


@pytest.mark.parametrize("kind", [gr.MUSAE, gr.AE])
def test_new_nodes_by_their_arcs_to_fitted_nodes(kind, tmp_path):
    """A new node with the arcs and the features of a fitted node gets its vector; without features, the rest of it."""
    graph, _ = attributed(90, weighted=True)
    model = kind(dimensions=24).fit(graph)
    rows, x = graph.to_scipy()[:10], graph.x.toarray()[:10]
    given = model.transform(rows, features=x)
    np.testing.assert_allclose(given, model.embedding_[:10], rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(model.transform(rows.toarray(), features=sp.csr_array(x)), given, rtol=1e-5, atol=1e-6)
    own = 24 // len(model._groups())
    without = model.transform(rows)
    np.testing.assert_array_equal(without[:, own:], given[:, own:])
    assert not without[:, :own].any()
    model.save(tmp_path / "m")
    np.testing.assert_array_equal(gr.load(tmp_path / "m").transform(rows, features=x), given)
    with pytest.raises(ValueError, match="features must have 60 columns as in fit, got 3"):
        model.transform(rows, features=np.ones((10, 3)))
    sampled = kind(dimensions=24, **{**SAMPLED, "samples_per_node": 500}).fit(graph)
    found, own = sampled.transform(rows, features=x), sampled.embedding_
    unit = [vectors / np.linalg.norm(vectors, axis=1, keepdims=True) for vectors in (found, own)]
    np.testing.assert_array_equal((unit[0] @ unit[1].T).argmax(axis=1), np.arange(10))


@pytest.mark.parametrize("options", [{}, SAMPLED], ids=["exact", "sampled"])
def test_the_order_of_nodes_changes_nothing(options):
    graph, _ = attributed(60)
    graph = gr.as_graph(graph, nodes=[f"n{i}" for i in range(60)])
    order = np.random.default_rng(0).permutation(60)
    shuffled = gr.as_graph(graph.to_scipy()[order][:, order], nodes=graph.nodes[order].tolist())
    frame = pd.DataFrame(graph.x.toarray()[order], index=graph.nodes[order])
    a = gr.MUSAE(dimensions=16, **options).fit(graph, features=frame).node_vectors_
    b = gr.MUSAE(dimensions=16, **options).fit(shuffled, features=frame).node_vectors_
    if not options:
        np.testing.assert_allclose(b[graph.nodes], a[graph.nodes], rtol=1e-3, atol=1e-3)
        np.testing.assert_array_equal(gr.MUSAE(dimensions=16).fit_transform(graph), a.vectors)
    assert a.settings["method"] == "MUSAE"


@pytest.mark.parametrize("form", ["dense", "csr", "coo", "csc", "int", "bool"])
@pytest.mark.parametrize("options", [{}, SAMPLED], ids=["exact", "sampled"])
def test_features_of_every_form(form, options):
    graph, _ = attributed(60)
    want = gr.MUSAE(dimensions=16, **options).fit_transform(graph)
    x = graph.x
    given = {"dense": x.toarray, "csr": lambda: x, "coo": x.tocoo, "csc": x.tocsc}.get(form)
    given = x.toarray().astype({"int": np.int32, "bool": bool}[form]) if given is None else given()
    plain = gr.as_graph(graph.edges(), num_nodes=60, directed=False)
    np.testing.assert_array_equal(gr.MUSAE(dimensions=16, **options).fit_transform(plain, features=given), want)


def test_rows_of_features_count_by_their_proportions():
    graph, _ = attributed(60)
    x = graph.x.toarray() * np.random.default_rng(0).uniform(0.1, 9, (60, 60))
    fits = [gr.MUSAE(dimensions=16).fit_transform(graph, features=x * c) for c in (1, np.arange(1, 61)[:, None])]
    np.testing.assert_allclose(fits[1], fits[0], rtol=1e-3, atol=1e-3)
    assert (gr.MUSAE(dimensions=16).fit_transform(graph) != fits[0]).any()


def test_nodes_as_their_own_features():
    """Without features identity factorizes the walks alone; with them it adds columns."""
    graph, labels = attributed()
    plain = gr.as_graph(graph.edges(), num_nodes=240, directed=False)
    model = gr.MUSAE(dimensions=32, identity=True).fit(plain)
    assert accuracy(model.embedding_, labels) > 0.95
    same = gr.MUSAE(dimensions=32).fit_transform(plain, features=sp.eye_array(240, format="csr"))
    np.testing.assert_array_equal(model.embedding_, same)
    assert model._loadings.shape == (240, 32)
    assert gr.MUSAE(dimensions=32, identity=True).fit(graph)._loadings.shape == (300, 32)
    # Fitted nodes are found by name in another graph; nodes that were not fitted have no feature of themselves.
    few = gr.as_graph([("new", "n5"), ("new", "n8"), ("n5", "n8")], directed=False)
    named = gr.as_graph(plain, nodes=[f"n{i}" for i in range(240)])
    vectors = gr.MUSAE(dimensions=32, identity=True).fit(named).transform(few)
    assert not vectors["new"][:8].any()
    assert vectors["new"][8:16].any()


# Odd graphs, bad input


@pytest.mark.parametrize("options", [{}, SAMPLED], ids=["exact", "sampled"])
def test_nodes_without_edges_or_features(options):
    x = np.eye(7, 5)
    x[1] = 0
    graph = gr.as_graph([[0, 1, 2, 4], [1, 2, 0, 4]], num_nodes=7, directed=False, x=x)
    vectors = gr.MUSAE(dimensions=16, **options).fit_transform(graph)
    assert np.isfinite(vectors).all()
    assert vectors[3, :4].any()  # isolated: its own features alone
    assert not vectors[3, 4:].any()
    assert not vectors[1, :4].any()
    assert vectors[1, 4:8].any()
    assert not vectors[5:].any()


def test_graphs_without_edges():
    graph = gr.as_graph(np.zeros((2, 0), dtype=np.int64), num_nodes=4, x=np.eye(4))
    for options in ({}, SAMPLED):
        vectors = gr.MUSAE(dimensions=8, **options).fit_transform(graph)
        assert vectors[:, :2].any()
        assert not vectors[:, 2:].any()


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"dimensions": 3}, ValueError, r"dimensions must be at least 4, got 3\."),
        ({"scales": 0}, ValueError, r"scales must be from 1 to 100, got 0\."),
        ({"algorithm": "svd"}, ValueError, r'algorithm must be "exact" or "sampled", got \'svd\'\.'),
        ({"identity": 1}, TypeError, r"identity must be True or False, got 1\."),
        ({"entries_per_row": 0}, ValueError, r"entries_per_row must be at least 1"),
        ({"samples_per_node": 0}, ValueError, r"samples_per_node must be at least 1"),
        ({"num_negatives": 51}, ValueError, r"num_negatives must be from 0 to 50"),
        ({"learning_rate": 0}, ValueError, r"learning_rate must be greater than 0"),
        ({"min_learning_rate": 1}, ValueError, r"min_learning_rate must be at least 0 and at most 0.05"),
        ({"random_state": -1}, ValueError, r"the seed must lie in"),
    ],
)
def test_bad_parameters(options, error, message):
    with pytest.raises(error, match=message):
        gr.MUSAE(**options).fit(gr.as_graph(nx.path_graph(4), x=np.eye(4)))


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (None, r"features or graph\.x must be given; identity=True uses the nodes themselves"),
        (-np.eye(4), r"features must not be negative, got -1; they count as occurrences\."),
        (np.zeros((4, 2)), r"features must have an entry above 0, got zeros only\."),
        (np.eye(3), r"features must have shape \(4, num_features\), got \(3, 3\)"),
    ],
)
def test_bad_features(x, message):
    for algorithm in ("exact", "sampled"):
        with pytest.raises(ValueError, match=message):
            gr.AE(dimensions=4, algorithm=algorithm).fit(nx.path_graph(4), features=x)


def test_memory_is_checked_before_the_work(monkeypatch):
    graph, _ = attributed()
    monkeypatch.setattr("graphrep._memory.available_memory", lambda: 500_000)
    with pytest.raises(MemoryError, match=r'MUSAE of 240 nodes and 60 features needs .*; take algorithm="sampled"'):
        gr.MUSAE(dimensions=8).fit(graph)
    with pytest.raises(MemoryError, match=r"AE of 240 nodes and 60 features needs about .*; take fewer dimensions"):
        gr.AE(dimensions=8, **SAMPLED).fit(graph)


# Measured figures


@pytest.mark.parametrize(("name", "least"), [("chameleon", 0.625), ("cora", 0.835)])
def test_real_graphs(shared_data, name, least):
    """Micro-F1 of a logistic regression (C = 0.1, standardized columns, 50 % labeled): .650 and .851."""
    with np.load(shared_data / name / "graph.npz", allow_pickle=False) as f:
        x = sp.csr_array((f["x_data"], f["x_indices"], f["x_indptr"]), shape=tuple(f["x_shape"]))
        graph = gr.as_graph(f["edge_index"].astype(np.int64), num_nodes=len(f["y"]), directed=False, x=x)
        labels = f["y"]
    options = {"ratios": [0.5], "repeats": 3, "C": 0.1, "normalize": "standardize", "classifier": "multinomial"}
    found = gr.evaluate.node_classification(gr.MUSAE().fit_transform(graph), labels, majority=False, **options)
    assert found.mean("micro_f1")[0] > least
