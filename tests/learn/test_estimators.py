"""What every estimator that trains keeps: its checkpoint, its random numbers, its options."""

from __future__ import annotations

import json
import sys
import threading

import numpy as np
import pytest
import torch
from sklearn.base import clone

import graphrep as gr
from graphrep._embedder import plain_settings

SMALL = {"dimensions": 8, "epochs": 3}
MODELS = [
    gr.GAE(**SMALL, feature_dropout=0.3, predictor_dropout=0.3, batch_size=32),
    gr.NCN(**SMALL, batch_size=32),
    gr.NCNC(**SMALL, batch_size=32),
    *[gr.Contrastive(objective=name, **SMALL) for name in ("grace", "sce", "coles", "dgi", "bgrl")],
    *[gr.StructComp(objective=name, compression=3, **SMALL) for name in ("cca-ssg", "sce")],
    gr.PamC(n_clusters=3, hidden=(8,), pretraining_epochs=2, **SMALL),
    gr.SCGC(n_clusters=3, hidden=(8,), pretraining_epochs=2, **SMALL),
    gr.Node2Vec(dimensions=8, walk_length=10, walks_per_node=2, n_jobs=1),
    gr.MetaPath2Vec(dimensions=8, walk_length=10, walks_per_node=2, n_jobs=1),
    gr.LINE(dimensions=8, samples=2_000, n_jobs=1),
]
WALKERS = (gr.Node2Vec, gr.MetaPath2Vec, gr.LINE)
EVERY = pytest.mark.parametrize("model", MODELS, ids=lambda m: f"{type(m).__name__}-{getattr(m, 'objective', '')}")


def graph_of(seed=0, x_seed=0, num_edges=150):
    ends = np.random.default_rng(seed).integers(60, size=(2, num_edges))
    x = np.random.default_rng(x_seed).standard_normal((60, 6)).astype(np.float32)
    return gr.as_graph(ends, num_nodes=60, directed=False, self_loops=False, merge="max", x=x)


@EVERY
def test_fits_in_several_threads_are_fits_one_after_the_other(model):
    graph = graph_of()
    seeds = range(4)
    alone = (
        [clone(model).set_params(random_state=seed).fit_transform(graph) for seed in seeds]
        if hasattr(model, "fit_transform")
        else [clone(model).set_params(random_state=seed).fit(graph).embedding_ for seed in seeds]
    )
    state, threads = torch.get_rng_state(), torch.get_num_threads()
    found = {}

    def fit(seed):
        found[seed] = clone(model).set_params(random_state=seed).fit(graph).embedding_

    workers = [threading.Thread(target=fit, args=(seed,)) for seed in seeds]
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    finally:
        sys.setswitchinterval(before)
    for seed in seeds:
        np.testing.assert_array_equal(found[seed], alone[seed])
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.get_num_threads() == threads


class Changed(gr.learn.JSONLines):
    """Interrupts a fit after its first epoch was saved."""

    def __call__(self, epoch, record, estimator):
        if epoch == 2:
            raise KeyboardInterrupt


@EVERY
@pytest.mark.parametrize("change", ["edges", "features", "weights"])
def test_a_checkpoint_of_another_graph_of_the_same_size_is_refused(model, change, tmp_path):
    path = tmp_path / "fit.ckpt"
    one = gr.as_graph(graph_of(), weights=False)
    model = clone(model).set_params(checkpoint=path, callbacks=[Changed(tmp_path / "unused")])
    if isinstance(model, (gr.Node2Vec, gr.MetaPath2Vec)):
        model.set_params(epochs=3, checkpoint_seconds=0.0)
    with pytest.raises(KeyboardInterrupt):
        model.fit(one)
    before = path.read_bytes()
    if change == "edges":
        u, v = one.edges().copy()
        v[0] = next(w for w in range(60) if w != u[0] and not one.has_edges([u[0]], [w])[0])
        other = gr.as_graph(np.stack([u, v]), num_nodes=60, directed=False, x=one.x)
        assert other.num_arcs == one.num_arcs
    elif change == "features":
        other = gr.as_graph(one, x=graph_of(x_seed=1).x)
    else:
        other = gr.as_graph(one.edges(), weights=2.0 * np.ones(one.num_edges), num_nodes=60, directed=False, x=one.x)
    indifferent = change == "features" if isinstance(model, WALKERS) else False
    blind = change == "weights" and not isinstance(model, (gr.PamC, *WALKERS))  # weights are ignored
    model.set_params(callbacks=[])
    if indifferent or blind:
        model.fit(other)
        assert not path.exists()
        return
    with pytest.raises(ValueError, match=r"fit\.ckpt belongs to another fit \(graph, features or settings differ\)"):
        model.fit(other)
    assert path.read_bytes() == before
    model.fit(one)
    assert not path.exists()


def test_a_checkpoint_of_another_partition_labels_or_validation_is_refused(tmp_path):
    path, graph = tmp_path / "fit.ckpt", graph_of()

    def interrupted(model, **options):
        with pytest.raises(KeyboardInterrupt):
            model.set_params(checkpoint=path, callbacks=[Changed(tmp_path / "unused")]).fit(graph, **options)
        return model.set_params(callbacks=[])

    model = interrupted(gr.StructComp(partition=np.arange(60) // 5, **SMALL))
    with pytest.raises(ValueError, match="belongs to another fit"):
        model.set_params(partition=np.arange(60) // 4).fit(graph)
    path.unlink()
    split = gr.evaluate.random_link_split(graph, valid=0.1, test=0.1)
    graph = split.graph
    model = interrupted(gr.GAE(**SMALL, metric="auc"), val=split)
    for other in (None, (split.valid[:, 1:], split.valid_neg), (split.valid, split.valid_neg[:, 1:])):
        with pytest.raises(ValueError, match="belongs to another fit"):
            model.fit(graph, val=other)
    with pytest.raises(ValueError, match="belongs to another fit"):
        model.fit(graph, graph.edges()[:, 1:], val=split)
    path.unlink()
    start = gr.GAE(**SMALL, metric="auc").fit(graph)
    model = interrupted(gr.GAE(**SMALL, metric="auc"), val=split, start=start)
    with pytest.raises(ValueError, match="belongs to another fit"):
        model.fit(graph, val=split)


@EVERY
def test_the_same_call_gives_the_same_result_and_none_asks_for_another(model):
    graph = graph_of()
    first, second = (clone(model).fit(graph).embedding_ for _ in range(2))
    np.testing.assert_array_equal(first, second)
    one, other = (clone(model).set_params(random_state=None).fit(graph).embedding_ for _ in range(2))
    assert abs(one - other).max() > 1e-4


def prepared(**options):
    graph = graph_of()
    options = {"batch_size": 1000, "untrained_scores": False} | options  # with them, the first step moves one layer
    model = gr.GAE(**SMALL | options)
    return model._prepared(graph, graph.edges(), None, None)[:2]


def moved(module, before):
    return max(float((a.detach() - b).abs().max()) for a, b in zip(module.parameters(), before, strict=True))


def test_learning_rates_decay_to_the_share_of_epochs_that_are_left():
    _, loop = prepared(epochs=6, decay_every=2, learning_rate=0.3, predictor_learning_rate=0.6)
    seen = []
    for epoch in range(6):
        loop.train_epoch(epoch)
        seen.append([group["lr"] for group in loop.optimizer.param_groups])
    shares = np.array([1, 1, 2 / 3, 2 / 3, 1 / 3, 1 / 3])
    np.testing.assert_allclose(seen, shares[:, None] * [0.3, 0.6])
    _, constant = prepared(epochs=6)
    constant.train_epoch(5)
    assert [group["lr"] for group in constant.optimizer.param_groups] == [0.003, 0.003]


@pytest.mark.parametrize("clip_norm", [None, 1e-30])
def test_clipping_holds_encoder_and_predictor(clip_norm):
    """Adam divides by the size of the gradient, but for its epsilon: one clipped to nothing moves nothing."""
    task, loop = prepared(clip_norm=clip_norm)
    parts = (task.model.encoder, task.model.predictor)
    before = [[parameter.detach().clone() for parameter in part.parameters()] for part in parts]
    loop.train_epoch(0)
    for part, values in zip(parts, before, strict=True):
        assert (moved(part, values) > 1e-4) == (clip_norm is None)


def test_weight_decay_is_adams():
    task, loop = prepared(weight_decay=0.25)
    assert [group["weight_decay"] for group in loop.optimizer.param_groups] == [0.25, 0.25]
    for part, rate in ((task.model.encoder, "learning_rate"), (task.model.predictor, "predictor_learning_rate")):
        frozen, again = prepared(**{rate: 0.0})
        name = "encoder" if part is task.model.encoder else "predictor"
        own = getattr(frozen.model, name)
        before = [parameter.detach().clone() for parameter in own.parameters()]
        again.train_epoch(0)
        assert moved(own, before) == 0


def test_a_partial_batch_is_dropped_if_asked():
    for drop_last, sizes in ((True, [40, 40, 40]), (False, None)):
        task, _ = prepared(batch_size=40, drop_last=drop_last, num_negatives=2)
        batches = list(task.batches(0))
        count = task.positives.shape[1]
        wanted = sizes or [40] * (count // 40) + [count % 40]
        assert [batch.pos.shape[1] for batch in batches] == wanted[: len(batches)]
        assert len(batches) == (count // 40 if drop_last else -(-count // 40))
        assert all(batch.neg.shape[1] == 2 * batch.pos.shape[1] for batch in batches)


def test_targets_are_hidden_or_not():
    task, _ = prepared()
    batch = next(iter(task.batches(0)))
    torch.manual_seed(0)
    hidden = task.loss(batch).item()
    task.hide_targets = False
    assert task.loss(batch).item() != pytest.approx(hidden, rel=1e-6)


def test_an_own_encoder_and_predictor_are_trained_and_judged():
    class Encoder(torch.nn.Module):
        def __init__(self, in_channels, width=8):
            super().__init__()
            self.linear = gr.nn.Linear(in_channels, width)

        def forward(self, x, adj):
            return self.linear(gr.ops.propagate(adj, x))

    class Predictor(torch.nn.Module):
        def __init__(self, width):
            super().__init__()
            self.seen, self.scale = [], torch.nn.Parameter(torch.ones(width))

        def forward(self, h, adj, pairs):
            self.seen.append((adj.num_entries, pairs.shape[1]))
            return (h[pairs[0]] * h[pairs[1]] * self.scale).sum(1)

    graph = graph_of()
    split = gr.evaluate.random_link_split(graph, valid=0.1, test=0.2)
    model = gr.GAE(
        encoder=lambda width, nodes: Encoder(width), predictor=Predictor, **SMALL, batch_size=30, metric="auc"
    )
    model.fit(split.graph, val=split)
    assert isinstance(model.model_.encoder, Encoder)
    entries = {entry for entry, pairs in model.model_.predictor.seen if pairs == 60}
    assert entries == {split.graph.num_arcs - 60}  # the edges of a batch of 30 are missing
    scores = model.score_pairs(split.test)
    np.testing.assert_allclose(model.score_pairs(split.test[:, :5]), scores[:5], rtol=1e-5)
    given = Encoder(6)
    before = given.linear.weight.detach().clone()
    fitted = gr.GAE(encoder=given, **SMALL).fit(graph)
    assert torch.equal(given.linear.weight, before)  # a copy is trained
    assert not torch.equal(fitted.model_.encoder.linear.weight, before)
    with pytest.raises(ValueError, match=r"encoder must return vectors of shape \(num_nodes, dimensions\) = \(60, 9\)"):
        gr.GAE(encoder=given, dimensions=9).fit(graph)
    with pytest.raises(ValueError, match="layers, residual would have no effect on a custom encoder"):
        gr.GAE(encoder=given, layers=3, residual=True).fit(graph)
    with pytest.raises(TypeError, match=r"encoder must be a torch\.nn\.Module or a function"):
        gr.GAE(encoder="gat").fit(graph)
    with pytest.raises(TypeError, match=r"predictor must be a torch\.nn\.Module or a function of dimensions"):
        gr.GAE(predictor="dot").fit(graph)


def test_own_objectives_and_encoders_of_contrastive_learners():
    graph = graph_of()

    class Scaled(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = torch.nn.Parameter(torch.ones(8))

        def forward(self, z1, z2):
            return (self.scale * z1 - z2).square().mean()

    objective = Scaled()
    for model in (
        gr.Contrastive(objective=objective, **SMALL),
        gr.StructComp(objective=objective, compression=3, **SMALL),
    ):
        vectors = model.fit_transform(graph)
        assert vectors.shape == (60, 8)
        assert model.num_parameters_ > sum(p.numel() for p in model.encoder_.parameters())
    assert torch.equal(objective.scale, torch.ones(8))
    plain = gr.Contrastive(objective=lambda a, b: (a - b).square().mean(), **SMALL).fit(graph)
    assert len(plain.history_) == 3
    own = gr.Contrastive(encoder=lambda width: torch.nn.Bilinear(width, 1, 8), objective="cca-ssg", **SMALL)
    with pytest.raises(TypeError):  # a module of other arguments
        own.fit(graph)

    class Wide(gr.nn.Linear):
        def forward(self, x, adj):
            return super().forward(gr.ops.propagate(adj, x))

    with pytest.raises(ValueError, match=r"encoder must return vectors of shape .* = \(60, 8\), got \(60, 6\)"):
        gr.Contrastive(encoder=Wide(6, 6), objective="cca-ssg", **SMALL).fit(graph)
    with pytest.raises(ValueError, match="dimensions must be the width of the result of a custom encoder"):
        gr.Contrastive(encoder=torch.nn.Linear(2, 2), epochs=1).fit(graph)
    with pytest.raises(TypeError, match="objective must be a name or a function"):
        gr.StructComp(objective=3).fit(graph)


def test_settings_of_any_estimator_are_plain():
    def stop(epoch, record, estimator):
        del epoch, record, estimator

    nested = {"callbacks": [stop, (np.float32(2), None)], "model": gr.GAE(callbacks=[stop]), "table": np.zeros((2, 2))}
    plain = plain_settings(nested)
    assert json.loads(json.dumps(plain)) == plain == plain_settings(nested)
    assert "stop" in plain["callbacks"][0]
    assert plain["callbacks"][1] == [2.0, None]
    assert " at 0x" not in json.dumps(plain)
    model = gr.Node2Vec(dimensions=8, walk_length=10, walks_per_node=2, callbacks=[stop]).fit(graph_of())
    assert model.node_vectors_.settings["dimensions"] == 8
    again = gr.Node2Vec(dimensions=8, walk_length=10, walks_per_node=2, init=model).fit(graph_of())
    assert again.node_vectors_.settings["init"].startswith("Node2Vec(")
