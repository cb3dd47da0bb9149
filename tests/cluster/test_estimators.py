from __future__ import annotations

import pickle

import networkx as nx
import numpy as np
import pytest
import scipy.sparse as sp
import torch
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.utils.estimator_checks import estimator_checks_generator

import graphrep as gr
from graphrep.cluster import AutoEncoder, knn_graph, pretrain_autoencoder
from graphrep.cluster.autoencoder import FeatureTable
from graphrep.evaluate import clustering

SMALL = {"n_clusters": 3, "hidden": (32,), "dimensions": 4, "pretraining_epochs": 3, "epochs": 4, "n_init": 3}
SMALL |= {"random_state": 0, "progress": False}
BOTH = pytest.mark.parametrize("estimator", [gr.PamC, gr.SCGC])


def planted(size=60, groups=3, signal=1.3, seed=0, columns=12):
    """Groups of nodes dense within, with features that tell the group, but not well."""
    rng = np.random.default_rng(seed)
    n = groups * size
    y = np.repeat(np.arange(groups), size)
    graph = nx.random_partition_graph([size] * groups, 0.15, 0.01, seed=seed)
    x = rng.standard_normal((n, columns)) + signal * np.eye(groups, columns)[y]
    return gr.as_graph(np.array(graph.edges).T, num_nodes=n, directed=False, x=x.astype(np.float32), y=y)


@BOTH
def test_planted_groups_are_found_better_than_by_the_autoencoder(estimator):
    graph = planted(size=100, signal=2.5)
    settings = {"n_clusters": 3, "hidden": (64,), "pretraining_epochs": 40, "pretraining_batch_size": 32}
    settings |= {"alpha": 2.0, "beta": 2.0, "temperature": 2.0, "epochs": 100, "progress": False}
    gains = []
    for seed in range(2):
        model = estimator(random_state=seed, **settings).fit(graph)
        before = clustering(graph.y, model.initial_labels_)["accuracy"]
        gains.append(clustering(graph.y, model)["accuracy"] - before)
    assert min(gains) > 0.02
    assert np.mean(gains) > 0.06


@BOTH
def test_what_a_fit_leaves(estimator):
    graph = planted()
    model = estimator(**SMALL)
    labels = model.fit_predict(graph)
    assert labels.dtype == np.int64
    assert labels.shape == (180,)
    assert model.embedding_.shape == (180, 4)
    np.testing.assert_allclose(model.probabilities_.sum(1), 1, atol=1e-5)
    assert model.cluster_centers_.shape == (3, 4)
    assert len(model.history_) == model.n_iter_ == 4
    assert len(model.pretraining_loss_) == 3
    np.testing.assert_array_equal(model.predict(graph), labels)
    np.testing.assert_array_equal(model.predict(graph.x[5:9]), labels[5:9])
    np.testing.assert_allclose(model.transform(graph), model.embedding_)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).predict(graph), labels)
    assert clone(model).get_params() == model.get_params()
    np.testing.assert_allclose(clone(model).fit_transform(graph), model.embedding_)


@BOTH
def test_a_seed_is_one_result_for_any_number_of_threads(estimator):
    graph = planted()
    state, before = torch.get_rng_state(), torch.get_num_threads()
    try:
        results = []
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            results.append(estimator(**SMALL).fit(graph).embedding_)
            assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    assert all(np.array_equal(results[0], other) for other in results[1:])
    assert torch.equal(state, torch.get_rng_state())
    other = estimator(**SMALL | {"random_state": 1}).fit(graph).embedding_
    assert not np.array_equal(results[0], other)


def test_blocks_do_not_matter():
    graph = planted()
    one, all_rows = (gr.SCGC(**SMALL, block=block).fit(graph).embedding_ for block in (7, 1000))
    np.testing.assert_allclose(one, all_rows, atol=1e-4)


@BOTH
@pytest.mark.parametrize("name", ["no edges", "isolated nodes", "one cluster", "one node", "equal features"])
def test_odd_graphs(estimator, name):
    graph, settings = planted(), dict(SMALL)
    if name == "no edges":
        graph = graph.with_edges(np.zeros((2, 0), dtype=np.int64))
    elif name == "isolated nodes":
        edges = graph.edges()
        graph = graph.with_edges(edges[:, edges.max(0) < 90])
    elif name == "one cluster":
        settings["n_clusters"] = 1
    elif name == "one node":
        settings["n_clusters"] = 1
        graph = gr.as_graph(np.zeros((2, 0), dtype=np.int64), num_nodes=1, x=np.ones((1, 3)))
    else:
        graph = gr.as_graph(graph, x=np.ones((180, 3)))
    model = estimator(**settings).fit(graph)
    assert np.isfinite(model.embedding_).all()
    assert model.labels_.shape == (graph.num_nodes,)
    assert set(model.labels_.tolist()) <= set(range(settings["n_clusters"]))


def test_a_graph_without_features_is_clustered_by_its_edges():
    sizes = [40, 40, 40]
    graph = gr.as_graph(nx.random_partition_graph(sizes, 0.4, 0.02, seed=0))
    model = gr.PamC(**SMALL | {"pretraining_epochs": 60, "pretraining_batch_size": 16, "epochs": 30}).fit(graph)
    assert clustering(np.repeat([0, 1, 2], sizes), model)["accuracy"] > 0.9
    with pytest.raises(ValueError, match="fitted to a graph without features"):
        model.predict(np.ones((2, 3)))
    with pytest.raises(ValueError, match="neither features nor edges"):
        gr.PamC(**SMALL).fit(gr.as_graph(np.zeros((2, 0), dtype=np.int64), num_nodes=5))


@BOTH
def test_sparse_features_are_dense_ones(estimator):
    graph = planted()
    x = np.where(graph.x > 1.5, graph.x, 0).astype(np.float32)
    assert (x != 0).mean() < 0.2
    settings = SMALL | ({"reconstruction": 1.0} if estimator is gr.SCGC else {})
    found = [estimator(**settings).fit(gr.as_graph(graph, x=form)) for form in (x, sp.csr_array(x))]
    np.testing.assert_array_equal(found[0].embedding_, found[1].embedding_)
    sparse, full = FeatureTable(x), torch.from_numpy(x)
    x_hat = torch.randn(x.shape)
    torch.testing.assert_close(sparse.squared_error(x_hat), torch.nn.functional.mse_loss(x_hat, full))
    torch.testing.assert_close(sparse.batch(torch.tensor([3, 3, 0])), full[[3, 3, 0]])
    encode = AutoEncoder(x.shape[1], hidden=(5,)).encode
    torch.testing.assert_close(sparse.encoded(encode, size=50), encode(full).detach())


def test_a_plain_table():
    rng = np.random.default_rng(0)
    y = np.arange(120) % 3
    x = rng.standard_normal((120, 6)) + 5 * np.eye(3, 6)[y]
    model = gr.PamC(**SMALL | {"pretraining_batch_size": 8, "pretraining_epochs": 10})
    assert clustering(y, model.fit_predict(x))["accuracy"] > 0.95
    np.testing.assert_array_equal(model.fit_predict(knn_graph(x, 5)), model.labels_)
    np.testing.assert_array_equal(model.fit_predict(torch.from_numpy(x)), model.predict(sp.csr_array(x)))


@pytest.mark.parametrize(
    ("settings", "graph", "message"),
    [
        ({"n_clusters": 181}, planted, "n_clusters is 181, but there are n_samples = 180 nodes"),
        ({"temperature": 0.0}, planted, "temperature must be greater than 0, got 0.0"),
        ({"hops": 0}, planted, "hops must be at least 1, got 0"),
        ({"hidden": (0,)}, planted, "hidden must be at least 1, got 0"),
        ({"tol": 2.0}, planted, "tol must be at least 0 and at most 1"),
        ({}, lambda: gr.as_graph(planted(), x=np.full((180, 2), np.nan)), "x must be finite, but 360 of its entries"),
        ({}, lambda: gr.as_graph(planted(), x=np.zeros((180, 0))), "x has no columns"),
        ({}, lambda: np.array([[np.nan], [1], [2], [3]]), "contains NaN"),
        ({"learning_rate": 1e30}, planted, "the loss became nan in epoch 2 of PamC; try a smaller learning rate"),
    ],
)
def test_bad_input_is_one_sentence(settings, graph, message):
    with pytest.raises(ValueError, match=message):
        gr.PamC(**SMALL | settings).fit(graph())


def test_more_refusals():
    model = gr.PamC(**SMALL)
    with pytest.raises(NotFittedError):
        model.predict(np.ones((2, 3)))
    with pytest.raises(ValueError, match="autoencoder takes 5 features, but x has 12"):
        model.fit(planted(), autoencoder=AutoEncoder(5))
    model.fit(planted())
    with pytest.raises(ValueError, match="graph has no features x"):
        model.predict(nx.path_graph(3))
    with pytest.raises(ValueError, match="block must be at least 1"):
        gr.SCGC(**SMALL, block=0).fit(planted())


def test_a_trained_autoencoder_is_copied():
    graph = planted()
    trained = pretrain_autoencoder(graph.x, hidden=(32,), dimensions=4, epochs=3, random_state=0, progress=False)
    before = {name: part.clone() for name, part in trained.state_dict().items()}
    given = gr.PamC(**SMALL).fit(graph, autoencoder=trained)
    assert all(torch.equal(part, trained.state_dict()[name]) for name, part in before.items())
    assert given.pretraining_loss_ == []
    # The estimator's own pre-training is the function's.
    np.testing.assert_array_equal(given.initial_labels_, gr.PamC(**SMALL).fit(graph).initial_labels_)


def test_pretraining_learns():
    x = planted().x
    table = FeatureTable(x)
    errors = []
    for epochs in (0, 20):
        model = pretrain_autoencoder(
            x, hidden=(32,), dimensions=6, epochs=epochs, batch_size=16, random_state=0, progress=False
        )
        errors.append(table.squared_error(model(table.full)[1]).item())
    assert errors[1] < 0.7 * errors[0]


def test_callbacks_see_the_assignments_of_every_epoch():
    seen = {}
    model = gr.PamC(**SMALL, callbacks=[lambda epoch, _, now: seen.update({epoch: now.labels_.copy()})]).fit(planted())
    assert list(seen) == [1, 2, 3, 4]
    seen[5] = model.labels_
    assert model.history_[0]["changed"] == 1
    for epoch in (2, 3, 4):
        assert model.history_[epoch - 1]["changed"] == pytest.approx((seen[epoch] != seen[epoch - 1]).mean())
    np.testing.assert_array_equal(model.predict(planted()), seen[5])


def test_training_stops_when_assignments_settle():
    settings = SMALL | {"epochs": 300, "tol": 0.01, "patience": 4}
    model = gr.PamC(**settings).fit(planted())
    assert 5 <= model.n_iter_ < 300
    assert all(record["changed"] <= 0.01 for record in model.history_[-4:])
    assert model.history_[-5]["changed"] > 0.01


@BOTH
@pytest.mark.parametrize("interrupted", ["pre-training", "clustering"])
def test_a_fit_resumes_where_it_was_interrupted(estimator, tmp_path, interrupted, monkeypatch):
    from graphrep.cluster import training

    graph, path = planted(), tmp_path / "fit.ckpt"
    whole = estimator(**SMALL).fit(graph)
    calls = {"left": 30 if interrupted == "pre-training" else 2}
    owner, target = torch.optim.Adam, "step"
    if interrupted == "clustering":
        owner, target = training, "target_distribution"
    original = getattr(owner, target)

    def interrupting(*arguments, **options):
        calls["left"] -= 1
        if calls["left"] < 0:
            raise KeyboardInterrupt
        return original(*arguments, **options)

    settings = SMALL | {"pretraining_batch_size": 12, "checkpoint": path}
    whole = estimator(**settings | {"checkpoint": None}).fit(graph)
    monkeypatch.setattr(owner, target, interrupting)
    with pytest.raises(KeyboardInterrupt):
        estimator(**settings).fit(graph)
    monkeypatch.setattr(owner, target, original)
    epochs = []
    resumed = estimator(**settings, callbacks=[lambda epoch, *_: epochs.append(epoch)]).fit(graph)
    assert epochs == ([1, 2, 3, 4] if interrupted == "pre-training" else [3, 4])
    np.testing.assert_array_equal(resumed.embedding_, whole.embedding_)
    np.testing.assert_array_equal(resumed.initial_labels_, whole.initial_labels_)
    assert resumed.history_ == whole.history_
    assert resumed.pretraining_loss_ == whole.pretraining_loss_
    assert not list(tmp_path.iterdir())


def interrupted_fit(path, graph, **settings):
    def stop(epoch, record, model):
        if epoch == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        gr.PamC(**SMALL | settings, checkpoint=path, callbacks=[stop]).fit(graph)


def test_checkpoints_of_other_fits_are_refused(tmp_path):
    graph, path = planted(), tmp_path / "fit.ckpt"
    interrupted_fit(path, graph)
    for settings, other in (({"temperature": 10.0}, graph), ({}, planted(seed=1))):
        with pytest.raises(ValueError, match="belongs to another fit"):
            gr.PamC(**SMALL | settings, checkpoint=path).fit(other)
    with pytest.raises(ValueError, match="belongs to a fit with another random_state"):
        gr.PamC(**SMALL | {"random_state": 5}, checkpoint=path).fit(graph)
    path.write_bytes(b"nothing of the kind")
    with pytest.raises(ValueError, match=r"checkpoint .* cannot be read"):
        gr.PamC(**SMALL, checkpoint=path).fit(graph)
    with pytest.raises(FileNotFoundError, match="not a directory"):
        gr.PamC(**SMALL, checkpoint=tmp_path / "nowhere" / "fit.ckpt").fit(graph)


def test_a_fit_without_a_seed_resumes_with_the_seed_it_drew(tmp_path):
    graph, path = planted(), tmp_path / "fit.ckpt"
    interrupted_fit(path, graph, random_state=None)
    before = path.read_bytes()
    first = gr.PamC(**SMALL | {"random_state": None}, checkpoint=path).fit(graph)
    path.write_bytes(before)
    second = gr.PamC(**SMALL | {"random_state": None}, checkpoint=path).fit(graph)
    np.testing.assert_array_equal(first.embedding_, second.embedding_)
    assert not np.array_equal(gr.PamC(**SMALL | {"random_state": None}).fit(graph).embedding_, first.embedding_)


def test_the_time_limit_leaves_a_result_and_a_checkpoint(tmp_path):
    graph, path = planted(), tmp_path / "fit.ckpt"
    whole = gr.PamC(**SMALL).fit(graph)
    limited = gr.PamC(**SMALL, max_seconds=0.0, checkpoint=path).fit(graph)
    assert len(limited.pretraining_loss_) == len(limited.history_) == 1
    assert path.exists()
    for _ in range(10):
        limited.fit(graph)
        if not path.exists():
            break
    np.testing.assert_array_equal(limited.embedding_, whole.embedding_)
    assert limited.history_ == whole.history_


@BOTH
def test_scikit_learn_checks(estimator):
    """Of an estimator of tables; a seed is an integer here, as 'None' would draw another one in every fit."""
    model = estimator(n_clusters=2, hidden=(4,), pretraining_epochs=1, epochs=1, n_init=1, progress=False)
    assert model.__sklearn_tags__().transformer_tags is not None
    for instance, check in estimator_checks_generator(model.set_params(random_state=0)):
        check(instance)
