from __future__ import annotations

import signal

import networkx as nx
import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.linear_model import LogisticRegression

import graphrep as gr
from graphrep.embed import line
from graphrep.ops.skipgram import SkipGram

QUICK = {"dimensions": 16, "samples": 3_000, "n_jobs": 1}


def planted_partition(num_nodes=300, blocks=3, inside=0.12, outside=0.01, seed=0):
    outside = outside if num_nodes > 100 else 0.1  # no node without edges
    rng = np.random.default_rng(seed)
    labels = rng.integers(blocks, size=num_nodes)
    chance = np.where(labels[:, None] == labels, inside, outside)
    upper = np.triu(rng.random((num_nodes, num_nodes)) < chance, 1)
    return gr.as_graph(np.stack(np.nonzero(upper)), num_nodes=num_nodes, directed=False), labels


def accuracy(vectors, labels):
    test = np.arange(len(labels)) % 2 == 0
    return LogisticRegression(max_iter=500).fit(vectors[~test], labels[~test]).score(vectors[test], labels[test])


def cosines(vectors):
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit @ unit.T


# What it learns


@pytest.mark.parametrize("order", ["auto", "both", 1, 2])
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_a_planted_partition_is_found(order, n_jobs):
    graph, labels = planted_partition()
    model = gr.LINE(dimensions=32, order=order, n_jobs=n_jobs).fit(graph)
    assert accuracy(model.embedding_, labels) > 0.95
    assert model.order_ == ("both" if order == "auto" else order)


def complete_graph(num_nodes, *, directed, seed=0):
    """All pairs, with weights over a factor of 7."""
    rng = np.random.default_rng(seed)
    weights = np.exp(rng.uniform(0, 2, (num_nodes, num_nodes)))
    np.fill_diagonal(weights, 0)
    weights = weights if directed else np.triu(weights) + np.triu(weights).T
    return gr.as_graph(sp.csr_array(weights), directed=directed), weights


OPTIMUM = {"dimensions": 32, "num_negatives": 2, "noise_power": 1.0, "samples": 1_500_000, "learning_rate": 0.1}


@pytest.mark.parametrize("directed", [False, True])
def test_second_order_reaches_the_optimum_of_its_objective(directed):
    """The gradient vanishes at x_u . y_v = log(w_uv / (k P(v) (d_u - w_uv))): noise that is the context is skipped."""
    graph, w = complete_graph(7, directed=directed)
    model = gr.LINE(order=2, normalize_rows=False, n_jobs=1, **OPTIMUM).fit(graph)
    noise = w.sum(axis=0) + w.sum(axis=1)
    noise /= noise.sum()
    others = ~np.eye(7, dtype=bool)
    wanted = np.log(w[others] / (2 * noise * (w.sum(axis=1)[:, None] - w))[others])
    found = (model.embedding_ @ model._contexts.T)[others]
    assert wanted.std() > 0.5
    assert np.abs(found - wanted).max() < 0.3
    assert np.abs(found - wanted).mean() < 0.07


def test_first_order_reaches_the_optimum_of_its_objective():
    graph, w = complete_graph(7, directed=False)
    model = gr.LINE(order=1, normalize_rows=False, n_jobs=1, **OPTIMUM).fit(graph)
    degree = w.sum(axis=1)
    noise = degree / degree.sum()
    others = ~np.eye(7, dtype=bool)
    against = noise * (degree[:, None] - w)  # noise v of center u
    wanted = np.log(2 * w[others] / (2 * (against + against.T)[others]))
    found = (model.embedding_ @ model.embedding_.T)[others]
    assert wanted.std() > 0.5
    assert np.abs(found - wanted).max() < 0.3
    assert np.abs(found - wanted).mean() < 0.07


def test_orders_of_proximity():
    """In a complete bipartite graph first order joins the sides, and second order the nodes of a side."""
    graph = gr.as_graph(nx.complete_bipartite_graph(8, 8))
    side = np.arange(16) // 8
    same = (side[:, None] == side) & ~np.eye(16, dtype=bool)
    first, second = (cosines(gr.LINE(dimensions=16, order=o, n_jobs=1).fit_transform(graph)) for o in (1, 2))
    assert first[same].max() < first[side[:, None] != side].min()
    assert second[same].min() > 0.9
    assert second[side[:, None] != side].max() < 0.5


def test_weights_count():
    """A clique whose edges weigh 100 between halves of it falls into these."""
    half = np.arange(20) // 10
    weights = np.where(half[:, None] == half, 100.0, 1.0)
    np.fill_diagonal(weights, 0)
    similarity = cosines(gr.LINE(dimensions=16, n_jobs=1).fit_transform(gr.as_graph(sp.csr_array(weights))))
    same = half[:, None] == half
    np.fill_diagonal(same, False)
    assert similarity[same].mean() > similarity[half[:, None] != half].mean() + 0.5
    # Weights in the same proportions are the same graph.
    fits = [gr.LINE(**QUICK).fit_transform(gr.as_graph(sp.csr_array(weights * factor))) for factor in (1, 4)]
    np.testing.assert_array_equal(fits[0], fits[1])


def test_directed_graphs_have_vectors_of_sources_and_targets():
    """Arcs from 0 ... 9 to 10 ... 19 in two groups: sources know their targets, and targets are no sources."""
    source = np.repeat(np.arange(10), 5)
    target = 10 + 5 * (source // 5) + np.tile(np.arange(5), 10)
    graph = gr.as_graph([source, target], directed=True)
    model = gr.LINE(dimensions=16, n_jobs=1, normalize_rows=False).fit(graph)
    assert model.order_ == 2
    scores = model.embedding_[:10] @ model.target_embedding_[10:].T
    linked = (np.arange(10)[:, None] // 5) == (np.arange(10) // 5)
    assert scores[linked].min() > scores[~linked].max() + 1
    assert not model.embedding_[10:].any()
    assert not hasattr(model.fit(graph.to_undirected()), "target_embedding_")


@pytest.mark.parametrize("order", [1, "both"])
def test_first_order_of_a_directed_graph_is_refused(order):
    graph = gr.as_graph([[0, 1], [1, 2]], directed=True)
    with pytest.raises(ValueError, match=r"order must be 2 for a directed graph, got .*first-order proximity is symm"):
        gr.LINE(order=order).fit(graph)
    assert gr.LINE(**QUICK, order=order).fit(graph.to_undirected()).order_ == order


# Shapes, scale, parameters


@pytest.mark.parametrize("dimensions", [2, 7, 16, 100])
def test_the_two_orders_stand_side_by_side(dimensions):
    graph, _ = planted_partition(60)
    options = {**QUICK, "dimensions": dimensions}
    both = gr.LINE(**options).fit_transform(graph)
    assert both.shape == (60, dimensions)
    assert both.flags.c_contiguous
    begin = 0
    for order, columns in ((1, dimensions // 2), (2, dimensions - dimensions // 2)):
        alone = gr.LINE(**{**options, "dimensions": columns}, order=order).fit_transform(graph)
        np.testing.assert_allclose(np.linalg.norm(alone, axis=1), 3, rtol=1e-5)
        part = both[:, begin : begin + columns]
        np.testing.assert_allclose(part, alone / np.sqrt(2), rtol=1e-5, atol=1e-6)
        begin += columns
    np.testing.assert_allclose(np.linalg.norm(both, axis=1), 3, rtol=1e-5)


@pytest.mark.parametrize(
    "change",
    [
        {"samples": 3_001},
        {"num_negatives": 4},
        {"learning_rate": 0.03},
        {"min_learning_rate": 0.01},
        {"noise_power": 0.5},
        {"random_state": 1},
    ],
    ids=str,
)
def test_every_parameter_counts(change):
    graph, _ = planted_partition(60)
    usual = gr.LINE(**QUICK).fit_transform(graph)
    assert (gr.LINE(**{**QUICK, **change}).fit_transform(graph) != usual).any()
    np.testing.assert_array_equal(gr.LINE(**QUICK).fit_transform(graph), usual)


def test_the_default_number_of_samples_follows_the_graph():
    for num_nodes in (6, 9):  # nodes without edges do not count
        graph = gr.as_graph([range(5), range(1, 6)], num_nodes=num_nodes, directed=False)
        assert gr.LINE(dimensions=4, n_jobs=1).fit(graph).samples_ == 12_000
    dense = gr.as_graph(nx.complete_graph(70), weights=False)
    assert gr.LINE(dimensions=4, n_jobs=1).fit(dense).samples_ == 40 * 70 * 69
    assert gr.LINE(dimensions=4, samples=7).fit(dense).samples_ == 7


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"order": 3}, ValueError, r'order must be "auto", "both", 1 or 2, got 3\.'),
        ({"order": True}, ValueError, r'order must be "auto", "both", 1 or 2, got True\.'),
        ({"order": "first"}, ValueError, r'order must be "auto", "both", 1 or 2, got \'first\'\.'),
        ({"samples": 0}, ValueError, r"samples must be at least 1, got 0\."),
        ({"samples": 1e6}, TypeError, r"samples must be an integer, got 1000000.0\."),
        ({"dimensions": 1}, ValueError, r"dimensions must be at least 2, got 1\."),
        ({"num_negatives": -1}, ValueError, r"num_negatives must be from 0 to 50"),
        ({"learning_rate": 0}, ValueError, r"learning_rate must be greater than 0"),
        ({"min_learning_rate": 1}, ValueError, r"min_learning_rate must be at least 0 and at most 0.025"),
        ({"normalize_rows": 1}, TypeError, r"normalize_rows must be True or False, got 1\."),
        ({"checkpoint_seconds": -1}, ValueError, r"checkpoint_seconds must be at least 0"),
        ({"n_jobs": 0}, ValueError, r"n_jobs must not be 0"),
        ({"random_state": -1}, ValueError, r"the seed must lie in"),
    ],
)
def test_bad_parameters(options, error, message):
    with pytest.raises(error, match=message):
        gr.LINE(**options).fit(nx.path_graph(4))


# Odd graphs


@pytest.mark.parametrize("order", ["both", 1, 2])
def test_isolated_nodes_have_zero_vectors(order):
    graph = gr.as_graph([[0, 1, 2, 5], [1, 2, 0, 5]], num_nodes=7, directed=False)
    vectors = gr.LINE(**QUICK, order=order).fit_transform(graph)
    assert not vectors[[3, 4, 6]].any()
    assert vectors[[0, 1, 2, 5]].any(axis=1).all()
    assert np.isfinite(vectors).all()


def test_graphs_without_edges():
    for num_nodes in (1, 4):
        graph = gr.as_graph(np.zeros((2, 0), dtype=np.int64), num_nodes=num_nodes)
        np.testing.assert_array_equal(gr.LINE(**QUICK).fit_transform(graph), np.zeros((num_nodes, 16)))


def test_components_fall_apart():
    """Within a component all are alike, and no component is like another."""
    graph = gr.as_graph(nx.disjoint_union_all([nx.complete_graph(8)] * 3))
    component = np.arange(24) // 8
    similarity = cosines(gr.LINE(dimensions=24, n_jobs=1).fit_transform(graph))
    same = component[:, None] == component
    assert similarity[same].min() > similarity[~same].max() + 0.3


def test_names_survive_and_choose_the_first_vectors():
    graph = nx.relabel_nodes(nx.karate_club_graph(), "member {}".format)
    vectors = gr.LINE(**QUICK).fit(graph).node_vectors_
    assert vectors.nodes.tolist() == list(graph)
    assert vectors.settings["method"] == "LINE"
    order = np.random.default_rng(0).permutation(34)
    g = gr.as_graph(graph)
    shuffled = gr.as_graph(g.to_scipy()[order][:, order], nodes=g.nodes[order].tolist())
    untrained = [{**QUICK, "samples": 1, "learning_rate": 1e-9, "min_learning_rate": 0.0, "normalize_rows": False}] * 2
    a, b = (gr.LINE(**o).fit(h).node_vectors_ for o, h in zip(untrained, (g, shuffled), strict=True))
    np.testing.assert_allclose(a[g.nodes], b[g.nodes], atol=1e-8)
    assert np.abs(a[g.nodes][:, :8]).max() > 0.01


# Threads, chunks, interrupts


def test_chunks_and_threads_do_not_change_the_samples(monkeypatch):
    graph, _ = planted_partition(60)
    seen = []
    train = SkipGram.train_unchecked

    def spy(self, pairs, ids, position, total):
        seen.append(pairs.copy())
        train(self, pairs, ids, position, total)

    monkeypatch.setattr(SkipGram, "train_unchecked", spy)
    whole = gr.LINE(**QUICK, order=1).fit_transform(graph)
    drawn, seen[:] = np.concatenate(seen), []
    monkeypatch.setattr(line, "_CHUNK", 70)
    np.testing.assert_array_equal(gr.LINE(**QUICK, order=1).fit_transform(graph), whole)
    np.testing.assert_array_equal(np.concatenate(seen), drawn)
    seen[:] = []
    gr.LINE(**{**QUICK, "n_jobs": 3}, order=1).fit(graph)
    np.testing.assert_array_equal(np.concatenate(seen), drawn)
    assert graph.has_edges(*drawn.T).all()


def test_backends_agree(monkeypatch):
    graph, _ = planted_partition(40)
    options = {**QUICK, "samples": 800, "normalize_rows": False}
    native = gr.LINE(**options).fit_transform(graph)
    monkeypatch.setenv("GRAPHREP_BACKEND", "reference")
    np.testing.assert_allclose(gr.LINE(**options).fit_transform(graph), native, rtol=1e-4, atol=1e-6)


def test_callbacks_see_epochs_of_as_many_samples_as_arcs():
    graph = gr.as_graph(nx.cycle_graph(10))
    epochs = []
    gr.LINE(**QUICK, callbacks=[lambda epoch, record, model: epochs.append((epoch, record["seconds"] >= 0))]).fit(graph)
    assert epochs == [(epoch, True) for epoch in range(1, 151)]
    stopped = []
    gr.LINE(**QUICK, callbacks=[lambda epoch, record, model: stopped.append(epoch) or epoch == 3]).fit(graph)
    assert stopped == [1, 2, 3]


def test_progress_is_silent_off_a_terminal(capfd):
    gr.LINE(**QUICK).fit(nx.path_graph(5))
    assert capfd.readouterr() == ("", "")
    gr.LINE(**QUICK, progress=True).fit(nx.path_graph(5))
    assert "LINE" in capfd.readouterr().err


@pytest.fixture
def task(monkeypatch, tmp_path):
    """A graph, a model that trains in many chunks with its state in a file, and the vectors of an undisturbed fit."""
    graph, _ = planted_partition(60)
    monkeypatch.setattr(line, "_CHUNK", 100)
    model = gr.LINE(**QUICK, checkpoint=tmp_path / "state", random_state=7)
    return graph, model, gr.LINE(**QUICK, random_state=7).fit_transform(graph)


@pytest.mark.parametrize("at_call", [1, 8, 9])
def test_an_interrupted_fit_goes_on_where_it_was(monkeypatch, task, at_call):
    """Ctrl-C waits for the end of the chunk, of both orders."""
    graph, model, expected = task
    train, calls = SkipGram.train_unchecked, []

    def disturbed(self, *arguments):
        train(self, *arguments)
        calls.append(arguments)
        if len(calls) == at_call:
            signal.raise_signal(signal.SIGINT)

    with monkeypatch.context() as patch:
        patch.setattr(SkipGram, "train_unchecked", disturbed)
        with pytest.raises(KeyboardInterrupt):
            model.fit(graph)
    assert len(calls) == at_call + at_call % 2
    assert model.checkpoint.exists()
    np.testing.assert_array_equal(model.fit_transform(graph), expected)
    assert not model.checkpoint.exists()


def test_an_error_within_a_chunk_leaves_the_last_regular_save(monkeypatch, task):
    graph, model, expected = task
    train, calls = SkipGram.train_unchecked, []

    def break_down(self, *arguments):
        calls.append(arguments)
        if len(calls) == 8:
            raise RuntimeError("out of luck")
        train(self, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(SkipGram, "train_unchecked", break_down)
        with pytest.raises(RuntimeError, match="out of luck"):
            model.set_params(checkpoint_seconds=0.0).fit(graph)
    np.testing.assert_array_equal(model.fit_transform(graph), expected)


@pytest.mark.parametrize("change", [{"order": 2}, {"samples": 4_000}, {"dimensions": 32}], ids=str)
def test_a_checkpoint_of_other_settings_is_refused(monkeypatch, task, change):
    graph, model, _ = task
    with monkeypatch.context() as patch:
        patch.setattr(SkipGram, "train_unchecked", lambda self, *_: self.tied and signal.raise_signal(signal.SIGINT))
        with pytest.raises(KeyboardInterrupt):
            model.fit(graph)
    with pytest.raises(ValueError, match="belongs to another fit"):
        model.set_params(**change).fit(graph)


# New nodes, files


@pytest.mark.parametrize("order", ["both", 1, 2])
@pytest.mark.parametrize("normalize_rows", [True, False])
def test_new_nodes_join_their_group(order, normalize_rows, tmp_path):
    graph, labels = planted_partition()
    graph = gr.as_graph(graph, nodes=[f"n{i}" for i in range(300)])
    model = gr.LINE(dimensions=32, order=order, normalize_rows=normalize_rows, n_jobs=1).fit(graph)
    rng = np.random.default_rng(0)
    edges, groups = [], np.arange(12) % 3
    for new, group in enumerate(groups):
        edges += [(f"new {new}", f"n{v}") for v in rng.choice(np.flatnonzero(labels == group), 15, replace=False)]
    before = model.embedding_.copy()
    vectors = model.transform(edges)
    np.testing.assert_array_equal(model.embedding_, before)
    assert vectors.nodes.tolist() == [f"new {i}" for i in range(12)]
    centers = np.stack([before[labels == group].mean(axis=0) for group in range(3)])
    similarity = cosines(np.concatenate([vectors.vectors, centers]))[:12, 12:]
    np.testing.assert_array_equal(similarity.argmax(axis=1), groups)
    lengths = np.linalg.norm(vectors.vectors, axis=1)
    if normalize_rows:
        np.testing.assert_allclose(lengths, 3, rtol=1e-5)
    rows = np.zeros((12, 300))
    for new, neighbor in edges:
        rows[int(new[4:]), int(neighbor[1:])] = 1
    given = model.transform(sp.csr_array(rows))  # without names, so from other first vectors
    np.testing.assert_array_equal(given, model.transform(rows))
    assert np.diag(cosines(np.concatenate([given, vectors.vectors]))[:12, 12:]).min() > 0.97
    rows[5] = 0  # without an arc
    assert np.flatnonzero(~model.transform(rows).any(axis=1)).tolist() == [5]
    model.save(tmp_path / "m")
    again = gr.load(tmp_path / "m")
    np.testing.assert_array_equal(again.embedding_, model.embedding_)
    np.testing.assert_array_equal(again.transform(edges).vectors, vectors.vectors)
    assert (again.order_, again.samples_) == (model.order_, model.samples_)


def test_a_directed_model_is_saved_with_its_targets(tmp_path):
    model = gr.LINE(**QUICK).fit(gr.as_graph([[0, 1, 2], [1, 2, 0]], directed=True))
    model.save(tmp_path / "m")
    again = gr.load(tmp_path / "m")
    np.testing.assert_array_equal(again.target_embedding_, model.target_embedding_)


def test_memory_is_checked_before_the_work(monkeypatch):
    monkeypatch.setattr("graphrep._memory.available_memory", lambda: 10_000_000)
    with pytest.raises(MemoryError, match=r"LINE of 2,000 nodes needs about .*; take fewer dimensions"):
        gr.LINE(dimensions=4096).fit(nx.path_graph(2_000))


# Published figures


def test_ppi_as_published(shared_data):
    """The node2vec paper's table 2 has .1447 for LINE (macro-F1, 50 % labeled)."""
    with np.load(shared_data / "ppi-homo-sapiens" / "graph.npz", allow_pickle=False) as f:
        ends = np.concatenate([f["edge_index"], np.stack([f["self_loop_nodes"]] * 2)], axis=1).astype(np.int64)
        graph = gr.as_graph(ends, num_nodes=int(f["num_nodes"]), directed=False)
        labels = sp.csr_array((np.ones(len(f["y_indices"])), f["y_indices"], f["y_indptr"]), shape=f["y_shape"])
    vectors = gr.LINE(n_jobs=1).fit_transform(graph)
    for options in ({"C": 1.0}, {"C": 10.0, "normalize": "l2"}):
        found = gr.evaluate.node_classification(vectors, labels, ratios=[0.5], repeats=3, majority=False, **options)
        assert found.mean("macro_f1")[0] > 0.165
