from __future__ import annotations

import pickle

import networkx as nx
import numpy as np
import pytest
import scipy.sparse as sp
import torch
from sklearn.base import clone
from sklearn.utils.estimator_checks import parametrize_with_checks

import graphrep as gr
from graphrep.contrast.contrastive import Contrastive
from graphrep.contrast.stopping import HighestAgreement, Probe, agreement, make_stop
from graphrep.contrast.structcomp import StructComp
from graphrep.learn import StopRule, Verdict

FULL, COMPRESSED = (tuple(name for name in kind.SETTINGS if name != "own") for kind in (Contrastive, StructComp))
QUICK = {"dimensions": 8, "epochs": 3, "random_state": 0, "progress": False}
MODELS = [gr.Contrastive(objective=name, **QUICK) for name in FULL]
MODELS += [gr.StructComp(objective=name, compression=4, **QUICK) for name in COMPRESSED]


def name_of(model):
    return f"{type(model).__name__}-{model.objective}"


@pytest.fixture(scope="module")
def planted():
    """Four blocks; words of a block's topic are somewhat more frequent there, so features alone tell little."""
    rng = np.random.default_rng(0)
    y = np.repeat(np.arange(4), 60)
    drawn = nx.planted_partition_graph(4, 60, 0.12, 0.01, seed=0)
    share = np.where(np.arange(40)[None] // 10 == y[:, None], 0.16, 0.08)
    x = sp.csr_array((rng.random((240, 40)) < share).astype(np.float32))
    return gr.as_graph(drawn, x=x, y=y)


def accuracy(vectors, y, **options):
    result = gr.evaluate.node_classification(vectors, y, per_class=10, repeats=3, majority=False, **options)
    return float(result.mean("accuracy")[0])


# Rows of a graph are not samples of their own: without the other nodes, a row is another graph.
OF_ROWS = dict.fromkeys(
    ("check_methods_sample_order_invariance", "check_methods_subset_invariance", "check_fit_idempotent"),
    "a node's vector depends on the other nodes",
)


@parametrize_with_checks(
    [
        gr.Contrastive(objective="cca-ssg", dimensions=4, epochs=2, progress=False),
        gr.StructComp(compression=2, dimensions=4, epochs=2, progress=False),
    ],
    expected_failed_checks=lambda _: OF_ROWS,
)
def test_estimator_checks(estimator, check):
    check(estimator)


@pytest.mark.parametrize("model", MODELS, ids=name_of)
def test_same_seed_same_vectors_for_any_thread_count(model, planted):
    before = torch.get_num_threads()
    state = torch.get_rng_state()
    try:
        torch.set_num_threads(1)
        one = clone(model).fit_transform(planted)
        torch.set_num_threads(2)
        two = clone(model).fit_transform(planted)
    finally:
        torch.set_num_threads(before)
    assert one.shape == (240, 8)
    assert one.dtype == np.float32
    assert torch.equal(torch.get_rng_state(), state)  # the caller's random numbers are left alone
    # Products of torch may round otherwise with another number of threads, and batch normalisation magnifies it.
    np.testing.assert_allclose(two, one, rtol=1e-4, atol=0.05 if model.objective == "bgrl" else 1e-5)
    np.testing.assert_array_equal(clone(model).fit_transform(planted), clone(model).fit_transform(planted))
    other = clone(model).set_params(random_state=1).fit_transform(planted)
    assert abs(other - one).max() > 1e-3


@pytest.mark.parametrize("objective", FULL)
def test_full_graph_training_finds_planted_blocks(objective, planted):
    epochs = {"bgrl": 60, "ggd": 60, "dgi": 60, "grace": 60, "barlow-twins": 60}.get(objective, 20)
    model = gr.Contrastive(objective=objective, dimensions=32, hidden=32, epochs=epochs, random_state=0, progress=False)
    assert accuracy(model.fit_transform(planted), planted.y, normalize="standardize") > 0.6
    assert accuracy(planted.x.toarray(), planted.y) < 0.4
    losses = [record["loss"] for record in model.history_]
    assert len(losses) == epochs == model.best_epoch_
    assert np.mean(losses[-10:]) < np.mean(losses[:10])


@pytest.mark.parametrize("objective", COMPRESSED)
def test_compressed_training_finds_planted_blocks(objective, planted):
    model = gr.StructComp(objective=objective, dimensions=64, compression=6, random_state=0, progress=False)
    assert accuracy(model.fit_transform(planted), planted.y, normalize="standardize") > 0.65
    assert model.n_clusters_ == len(np.unique(model.clusters_)) <= 40
    assert 1 <= model.best_epoch_ <= len(model.history_)
    assert set(model.seconds_) == {"partition", "compression", "training", "inference"}
    adj = gr.ops.as_adjacency(gr.as_graph(planted, weights=False))
    learned = model.encoder_(torch.from_numpy(planted.x.toarray()), adj).detach().numpy()
    assert learned.shape == (240, 32)
    learned /= np.linalg.norm(learned, axis=1, keepdims=True)
    np.testing.assert_allclose(model.embedding_[:, 32:], learned, rtol=1e-3, atol=1e-4)


def untrained_by_definition(graph, columns):
    """Unit rows of the SVDs of the unit rows of X after 0, 1, 2 and 4 hops, up to rotations."""
    a = graph.to_scipy().toarray() + np.eye(graph.num_nodes)
    step = a / np.sqrt(np.outer(a.sum(0), a.sum(0)))

    def unit(x):
        return x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12)

    def svd(x, most):
        left, values, _ = np.linalg.svd(x, full_matrices=False)
        return (left * values)[:, :most]

    wide = svd(unit(graph.x.toarray().astype(np.float64)), 2 * columns // 4)
    blocks = [unit(svd(np.linalg.matrix_power(step, hops) @ wide, columns // 4)) for hops in (0, 1, 2, 4)]
    return unit(np.hstack(blocks))


@pytest.mark.parametrize("estimator", [gr.Contrastive, gr.StructComp])
def test_half_of_the_columns_are_untrained(estimator, planted):
    whole = {"objective": "cca-ssg", "dimensions": 320, "epochs": 2, "random_state": 0, "progress": False}
    model = estimator(**whole).fit(planted)
    both = model.embedding_
    assert both.shape == (240, 320)
    assert model.num_untrained_ == 160
    untrained, learned = both[:, :160], both[:, 160:]
    np.testing.assert_allclose(np.linalg.norm(untrained, axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(learned, axis=1), 1, rtol=1e-5)
    expected = untrained_by_definition(planted, 160)
    np.testing.assert_allclose(untrained @ untrained.T, expected @ expected.T, atol=1e-4)
    published = estimator(**whole, residual=False).fit(planted)
    assert published.embedding_.shape == (240, 320)
    assert published.num_untrained_ == 0
    half = estimator(**(whole | {"dimensions": 160}), residual=False).fit_transform(planted)
    half /= np.linalg.norm(half, axis=1, keepdims=True)
    np.testing.assert_allclose(learned, half, atol=1e-5)  # the learned half is the published method


@pytest.mark.parametrize("estimator", [gr.Contrastive, gr.StructComp])
def test_what_the_objective_loses_is_kept(estimator):
    """Features that decide, on edges that say nothing: propagation and any objective lose, the result does not."""
    rng = np.random.default_rng(0)
    y = np.repeat(np.arange(4), 60)
    noise = nx.gnm_random_graph(240, 1200, seed=0)
    x = (rng.random((240, 40)) < np.where(np.arange(40)[None] // 10 == y[:, None], 0.4, 0.05)).astype(np.float32)
    graph = gr.as_graph(noise, x=x, y=y)
    options = {"objective": "cca-ssg", "dimensions": 64, "epochs": 20, "random_state": 0, "progress": False}
    learned = accuracy(estimator(**options, residual=False).fit_transform(graph), y, normalize="l2")
    both = accuracy(estimator(**options).fit_transform(graph), y, normalize="l2")
    assert learned < 0.75 < 0.85 < both
    assert both > accuracy(x, y, normalize="l2") - 0.05


@pytest.mark.parametrize("columns", [1, 2, 3, 5, 40, 200])
def test_any_number_of_columns(columns, planted):
    model = gr.StructComp(dimensions=columns, epochs=1, compression=4, progress=False)
    found = model.fit_transform(planted)
    assert found.shape == (240, columns)
    np.testing.assert_allclose(model.transform(planted), found, atol=1e-5)
    narrow = gr.as_graph(planted, x=planted.x.toarray()[:, :1] + np.arange(240, dtype=np.float32)[:, None])
    assert clone(model).fit_transform(narrow).shape == (240, columns)


def test_untrained_columns_are_the_same_bits_for_any_number_of_threads(planted):
    from threadpoolctl import threadpool_limits

    from graphrep.contrast.untrained import hop_directions, hop_features

    found = []
    for threads in (1, 2, 5):
        with threadpool_limits(threads):
            found.append(hop_features(planted, planted.x, hop_directions(planted, planted.x, 40, seed=0)))
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_array_equal(found[0], found[2])


def test_what_is_not_published_has_no_untrained_columns_unless_asked(planted):
    def loss(a, b):
        return (a - b).square().mean()

    for own in (
        gr.Contrastive(objective=loss, **QUICK),
        gr.StructComp(objective=loss, **QUICK),
        gr.Contrastive(objective="cca-ssg", encoder="mlp", **QUICK),
    ):
        np.testing.assert_array_equal(
            clone(own).fit_transform(planted), clone(own).set_params(residual=False).fit_transform(planted)
        )
        asked = clone(own).set_params(residual=True).fit_transform(planted)
        np.testing.assert_allclose(np.linalg.norm(asked[:, :4], axis=1), 1, rtol=1e-5)
    assert gr.Contrastive(objective="grace", epochs=1, progress=False).fit_transform(planted).shape == (240, 512)
    published = gr.Contrastive(objective="grace", residual=False, epochs=1, progress=False)
    assert published.fit_transform(planted).shape == (240, 128)


@pytest.mark.parametrize("residual", [True, False])
def test_a_saved_model_has_the_same_columns(residual, planted, tmp_path):
    model = gr.StructComp(**QUICK, residual=residual).fit(planted)
    model.save(tmp_path / "model.safetensors")
    again = gr.load(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(again.embedding_, model.embedding_)
    np.testing.assert_array_equal(again.transform(planted), model.transform(planted))
    np.testing.assert_allclose(again.transform(planted), model.embedding_, atol=1e-5)


@pytest.mark.parametrize("model", MODELS, ids=name_of)
@pytest.mark.parametrize(
    "graph",
    [
        gr.as_graph(np.zeros((2, 0), int), num_nodes=6),
        gr.as_graph(np.zeros((2, 0), int), num_nodes=1),
        gr.as_graph([[0, 1, 0], [1, 2, 0]], num_nodes=9, directed=False),
        gr.as_graph([[0, 1], [1, 2]], weights=[2.0, 3.0], num_nodes=4, directed=False, x=np.eye(4)),
        gr.as_graph([[0, 1], [1, 2]], num_nodes=4, directed=False, x=sp.csr_array((4, 3), dtype=np.float32)),
    ],
    ids=["no edges", "one node", "isolated nodes", "weights and features", "zero features"],
)
def test_odd_graphs_work(model, graph):
    found = clone(model).fit_transform(graph)
    assert found.shape == (graph.num_nodes, 8)
    assert np.isfinite(found).all()


@pytest.mark.parametrize("objective", COMPRESSED)
@pytest.mark.parametrize("options", [{"n_clusters": 1}, {"compression": 1.0}, {"n_clusters": 10**6}], ids=str)
def test_one_cluster_and_a_cluster_per_node(objective, options, planted):
    model = gr.StructComp(objective=objective, **QUICK, **options).fit(planted)
    assert model.n_clusters_ == (1 if options == {"n_clusters": 1} else 240)
    assert np.isfinite(model.embedding_).all()


def test_a_partition_of_ones_own(planted):
    names = np.array(["a", "b", "c", "d"])[planted.y]
    model = gr.StructComp(partition=names, **QUICK).fit(planted)
    np.testing.assert_array_equal(model.clusters_, planted.y)
    with pytest.raises(ValueError, match="partition must hold an integer or a name for each of the 240 nodes"):
        gr.StructComp(partition=[0, 1], **QUICK).fit(planted)


@pytest.mark.parametrize("estimator", [gr.Contrastive, gr.StructComp])
@pytest.mark.parametrize(
    ("options", "graph", "message"),
    [
        ({"objective": "moco"}, None, "objective must be one of"),
        ({"dimensions": 0}, None, "dimensions must be at least 1"),
        ({"epochs": -1}, None, "epochs must be at least 0"),
        ({"stop": "never"}, None, "stop must be one of last, loss, agreement or a StopRule"),
        ({"activation": "tanh"}, None, "activation must be one of"),
        ({}, gr.as_graph([[0], [1]], directed=True), "graph must be undirected"),
        ({}, gr.as_graph([[0], [1]], directed=False, x=np.array([[1.0], [np.nan]])), "x must be finite"),
        ({}, gr.as_graph([[0], [1]], directed=False, x=sp.csr_array([[np.inf], [0]])), "x must be finite"),
        ({}, gr.as_graph([[0], [1]], directed=False, x=np.zeros((2, 0))), "x has no columns"),
        ({"objective": "coles", "learning_rate": 1e30, "epochs": 9, "stop": "last"}, None, "the loss became"),
    ],
)
def test_bad_input_is_refused_in_a_sentence(estimator, options, graph, message):
    with pytest.raises(ValueError, match=message):
        estimator(**(QUICK | options)).fit(nx.karate_club_graph() if graph is None else graph)


def test_bad_settings_of_one_estimator():
    graph = nx.karate_club_graph()
    with pytest.raises(ValueError, match="edge_dropping must be two probabilities"):
        gr.Contrastive(edge_dropping=(0.1, 0.2, 0.3), **QUICK).fit(graph)
    with pytest.raises(ValueError, match="encoder must be gcn or mlp"):
        gr.Contrastive(encoder="gat", **QUICK).fit(graph)
    with pytest.raises(ValueError, match="compression must be at least 1"):
        gr.StructComp(compression=0.5, **QUICK).fit(graph)
    with pytest.raises(ValueError, match="drop_members must be at least 0 and at most 1"):
        gr.StructComp(drop_members=1.5, **QUICK).fit(graph)


def test_an_mlp_sees_no_edges(planted):
    lonely = gr.as_graph(np.zeros((2, 0), int), num_nodes=240, x=planted.x)
    model = gr.Contrastive(objective="cca-ssg", encoder="mlp", **QUICK)
    np.testing.assert_array_equal(clone(model).fit_transform(planted), clone(model).fit_transform(lonely))


def cut_after(last):
    def callback(epoch, record, model):
        if epoch == last:
            raise KeyboardInterrupt

    return callback


@pytest.mark.parametrize("model", MODELS, ids=name_of)
def test_a_resumed_fit_is_the_fit(model, planted, tmp_path):
    whole = clone(model).set_params(epochs=5).fit(planted)
    path = tmp_path / "fit.ckpt"
    with pytest.raises(KeyboardInterrupt):
        clone(model).set_params(epochs=5, checkpoint=path, callbacks=[cut_after(4)]).fit(planted)
    with pytest.raises(ValueError, match="belongs to another fit"):
        clone(model).set_params(epochs=5, checkpoint=path, dimensions=4).fit(planted)
    with pytest.raises(ValueError, match="belongs to a fit with another random_state"):
        clone(model).set_params(epochs=5, checkpoint=path, random_state=4).fit(planted)
    seen = []
    resumed = clone(model).set_params(epochs=5, checkpoint=path, callbacks=[lambda epoch, *_: seen.append(epoch)])
    np.testing.assert_array_equal(resumed.fit(planted).embedding_, whole.embedding_)
    assert seen == [4, 5]
    assert resumed.history_ == whole.history_
    assert not path.exists()
    path.write_bytes(b"rubbish")
    with pytest.raises(ValueError, match="cannot be read"):
        clone(model).set_params(checkpoint=path).fit(planted)


def test_pickle(planted):
    model = gr.StructComp(**QUICK).fit(planted)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.embedding_, model.embedding_)
    assert again.node_vectors_.settings["method"] == "StructComp"


class Falling(StopRule):
    """Pretends that the second epoch is best and the fourth the last."""

    keeps_best = True

    def after(self, epoch, record, probe=None):
        return Verdict(epoch <= 2, epoch == 4, {"width": probe.vectors().shape[1]})


def test_the_weights_of_the_chosen_epoch_are_used(planted):
    seen = {}
    model = gr.StructComp(**(QUICK | {"epochs": 9, "stop": Falling()}), residual=False)
    model.set_params(callbacks=[lambda epoch, record, now: seen.update({epoch: now.current_embedding()})])
    model.fit(planted)
    assert list(seen) == [1, 2, 3, 4]
    assert model.best_epoch_ == 2
    np.testing.assert_array_equal(model.embedding_, seen[2])
    np.testing.assert_array_equal(model.current_embedding(), model.embedding_)
    assert model.history_[0]["width"] == 8


def test_agreement_is_the_mean_cosine_of_neighbors():
    graph = gr.as_graph([[0, 1, 2, 4], [1, 2, 3, 4]], weights=[1.0, 2.0, 3.0, 9.0], num_nodes=6, directed=False)
    z = torch.randn(6, 4, generator=torch.Generator().manual_seed(0))
    u = torch.nn.functional.normalize(z - z.mean(0))
    expected = (u[0] @ u[1] + 2 * u[1] @ u[2] + 3 * u[2] @ u[3]) / 6
    assert agreement(z, gr.ops.as_adjacency(graph)) == pytest.approx(float(expected), rel=1e-5)
    plain = (u[0] @ u[1] + u[1] @ u[2] + u[2] @ u[3]) / 3
    assert agreement(z, gr.ops.as_adjacency(gr.as_graph(graph, weights=False))) == pytest.approx(float(plain), rel=1e-5)
    assert agreement(z, gr.ops.as_adjacency(gr.as_graph([[0], [0]], num_nodes=6, directed=False))) == 0


def test_the_last_epoch_near_the_highest_agreement_is_used(monkeypatch):
    def run(values, **options):
        rule, best = make_stop(HighestAgreement(**options)), 0
        for epoch, value in enumerate(values, 1):
            monkeypatch.setattr("graphrep.contrast.stopping.agreement", lambda *_, value=value: value)
            better, stop, notes = rule.after(epoch, {"loss": 0.0}, Probe(lambda: None, lambda: None))
            assert notes == {"agreement": value}
            best = epoch if better else best
            if stop:
                break
        return best, epoch

    assert run([0.1, 0.2, 0.4, 0.395, 0.39, 0.38, 0.37]) == (4, 7)
    assert run([0.1, 0.2, 0.4, 0.395, 0.38, 0.37, 0.41, 0.42]) == (8, 8)
    assert run([0.4, 0.395, 0.38], tolerance=0.0, patience=1) == (1, 2)
    assert run([-0.5, -0.4, -0.405, -0.5, -0.5, -0.5]) == (3, 6)
    assert run([0.0, 0.0, 0.0]) == (3, 3)
    assert repr(HighestAgreement(patience=9)) == "HighestAgreement(tolerance=0.02, patience=9)"


def test_loss_rule(planted):
    model = gr.Contrastive(objective="sce", stop="loss", **(QUICK | {"epochs": 5})).fit(planted)
    losses = [record["loss"] for record in model.history_]
    assert model.best_epoch_ == int(np.argmin(losses)) + 1
