"""Trained recommenders: gradients against autograd, what they learn, stopping, checkpoints, refusals."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from sklearn.base import clone

import graphrep as gr
from graphrep.recommend.training import (
    Losses,
    RankingTask,
    Table,
    gaps,
    propagated,
    symmetric_adjacency,
    unknown_items,
)

RNG = np.random.default_rng(0)
MATRIX = sp.csr_array((RNG.random((12, 9)) < 0.3).astype(np.float32))
QUICK = {"dimensions": 8, "epochs": 3, "batch_size": 256}
MODELS = [
    gr.MatrixFactorization(**QUICK),
    gr.MatrixFactorization(loss="ccl", num_negatives=20, margin=0.2, negative_weight=5.0, **QUICK),
    gr.MatrixFactorization(loss="ccl", num_negatives=20, history=0.6, margin=0.2, negative_weight=5.0, **QUICK),
    gr.LightGCN(layers=2, **QUICK),
]
EVERY = pytest.mark.parametrize(
    "model", MODELS, ids=lambda model: f"{type(model).__name__}-{model.loss}{getattr(model, 'history', '') or ''}"
)


def groups(seed=0, size=50, width=40):
    """Users of two tastes, who have items of their taste."""
    rng = np.random.default_rng(seed)
    alike = (np.arange(size)[:, None] % 2) == (np.arange(width) % 2)
    return (rng.random((size, width)) < np.where(alike, 0.45, 0.02)).astype(np.float32)


def test_propagation_is_the_mean_of_powers():
    dense = MATRIX.toarray()
    whole = np.block([[np.zeros((12, 12)), dense], [dense.T, np.zeros((9, 9))]])
    degree = np.maximum(whole.sum(axis=1), 1)
    a = whole / np.sqrt(np.outer(degree, degree))
    x = RNG.standard_normal((21, 3)).astype(np.float32)
    wanted = (x + a @ x + a @ a @ x) / 3
    found = propagated(symmetric_adjacency(MATRIX), torch.from_numpy(x), 2)
    np.testing.assert_allclose(found.numpy(), wanted, atol=1e-5)


@pytest.mark.parametrize(
    ("loss", "layers", "history"), [("bpr", 0, 0.0), ("bpr", 3, 0.0), ("ccl", 0, 0.0), ("ccl", 3, 0.0), ("ccl", 0, 0.7)]
)
def test_the_gradient_is_that_of_autograd(loss, layers, history, monkeypatch):
    settings = Losses(loss, 2 if loss == "bpr" else 5, 0.1, 3.0, 0.5, history)
    table = Table(RNG.standard_normal((21, 4)).astype(np.float32), mixing=history > 0)
    if history:
        table.mix.data += 0.3 * torch.from_numpy(RNG.standard_normal((4, 4)).astype(np.float32))
    task = RankingTask(table, MATRIX, layers, settings, 100)
    monkeypatch.setattr("graphrep.recommend.training.random_seed", lambda: 7)
    batch = np.arange(10)
    value = float(task.loss(batch))
    found = table.weight.grad.double()

    weight = table.weight.detach().double().requires_grad_()
    dense = symmetric_adjacency(MATRIX).to_dense().double()
    vectors = sum(torch.linalg.matrix_power(dense, k) @ weight for k in range(layers + 1)) / (layers + 1)
    if history:
        mix, counts = table.mix.detach().double().requires_grad_(), MATRIX.toarray().sum(axis=1, keepdims=True)
        means = torch.from_numpy(MATRIX.toarray() / np.maximum(counts, 1)).double() @ weight[12:]
        vectors = torch.cat([0.3 * weight[:12] + 0.7 * means @ mix.T, weight[12:]])
    users, items = task.users[batch], task.items[batch]
    rng = np.random.default_rng(7)
    if loss == "bpr":
        owners = np.repeat(users, 2)
        others = unknown_items(task.gaps, owners, rng)
        u, p, n = vectors[owners], vectors[np.repeat(items, 2) + 12], vectors[others + 12]
        wanted = torch.nn.functional.softplus((u * (n - p)).sum(1)).mean()
        rows = np.concatenate([owners, np.repeat(items, 2) + 12, others + 12])
    else:
        shared = rng.permutation(9)[:5]
        u, p, n = (torch.nn.functional.normalize(vectors[rows], dim=1) for rows in (users, items + 12, shared + 12))
        over = (u @ n.T - 0.1).clamp_min(0) * torch.from_numpy(MATRIX.toarray()[users][:, shared] == 0)
        wanted = (1 - (u * p).sum(1)).mean() + 3 * over.mean(1).mean()
        rows = np.concatenate([users, items + 12, shared + 12])
    assert value == pytest.approx(wanted.item(), rel=1e-5)
    (wanted + 0.5 / (2 * len(batch)) * weight[rows].square().sum()).backward()
    np.testing.assert_allclose(found, weight.grad, atol=1e-6)
    if history:
        np.testing.assert_allclose(table.mix.grad, mix.grad, atol=1e-6)


def test_unknown_items_are_unknown_and_equally_likely():
    users = np.repeat(np.arange(12), 4000)
    found = unknown_items(gaps(MATRIX), users, np.random.default_rng(0))
    counts = np.zeros((12, 9))
    np.add.at(counts, (users, found), 1)
    free = MATRIX.toarray() == 0
    assert not counts[~free].any()
    expected = (4000 * free / free.sum(axis=1, keepdims=True))[free]
    assert (abs(counts[free] - expected) < 6 * np.sqrt(expected)).all()


@EVERY
def test_tastes_are_learned(model):
    data = groups()
    split = gr.evaluate.hold_out_items(data, share=0.2)
    model = clone(model).set_params(epochs=15, learning_rate=0.1, refit=False).fit(split.train)
    found = gr.evaluate.recommendation(model, split.train, split.valid, k=10)
    popular = gr.evaluate.recommendation(gr.Popularity().fit(split.train), split.train, split.valid, k=10)
    assert found.recall > 1.3 * popular.recall
    # A new user gets items of the taste of the old ones.
    even = model.recommend_for([0, 2, 4], k=6)
    assert sum(item % 2 == 0 for item, _ in even) >= 5


def test_users_who_have_nothing_of_their_own_are_what_new_users_are():
    model = gr.MatrixFactorization(loss="ccl", history=1.0, num_negatives=20, validation=0, **QUICK).fit(groups())
    for user in (0, 7):
        items = model.interactions_[[user]].indices
        old = dict(model.recommend(user, k=40)[0])
        new = dict(model.recommend_for(items, k=40))
        assert old.keys() == new.keys()
        assert [old[item] for item in old] == pytest.approx([new[item] for item in old], abs=1e-5)


@EVERY
def test_the_epoch_is_chosen_on_items_of_training(model):
    data = groups()
    model = clone(model).set_params(epochs=4, patience=2, refit=False).fit(data)
    history = [record["ndcg@20"] for record in model.history_]
    assert model.best_epoch_ == 1 + int(np.argmax(history))
    split = gr.evaluate.hold_out_items(data, share=0.1, random_state=0)
    again = clone(model).fit(split.train, val=split.valid)
    np.testing.assert_array_equal(again.user_factors_, model.user_factors_)
    assert again.history_ == model.history_
    whole = clone(model).set_params(refit=True).fit(data)
    assert whole.history_ == model.history_
    fixed = clone(model).set_params(validation=0, epochs=model.best_epoch_).fit(data)
    np.testing.assert_array_equal(whole.user_factors_, fixed.user_factors_)
    with pytest.raises(ValueError, match="item 'zoe', which train lacks"):
        clone(model).fit([("ann", "tea"), ("bob", "jam")], val=[("ann", "zoe")])


@EVERY
def test_seeds_threads_and_torch_random_numbers(model):
    data, state = groups(), torch.get_rng_state()
    one, two = (clone(model).set_params(n_jobs=n).fit(data).user_factors_ for n in (1, 2))
    np.testing.assert_array_equal(one, two)
    assert torch.equal(torch.get_rng_state(), state)
    assert abs(clone(model).set_params(random_state=1).fit(data).user_factors_ - one).max() > 1e-4


@EVERY
@pytest.mark.parametrize("stage", [2, 4])
def test_an_interrupted_fit_resumes(model, stage, tmp_path):
    data, path = groups(), tmp_path / "fit.ckpt"
    seen = []

    def interrupt(epoch, record, estimator):
        seen.append(epoch)
        if len(seen) == stage:
            raise KeyboardInterrupt

    wanted = clone(model).fit(data)
    model = clone(model).set_params(checkpoint=path, callbacks=[interrupt])
    with pytest.raises(KeyboardInterrupt):
        model.fit(data)
    with pytest.raises(ValueError, match="belongs to another fit"):
        clone(model).set_params(callbacks=[]).fit(groups(1))
    again = model.set_params(callbacks=[]).fit(data)
    assert not path.exists()
    np.testing.assert_array_equal(again.item_factors_, wanted.item_factors_)
    assert again.history_ == wanted.history_


def test_nothing_to_hold_out():
    pairs = [("ann", "tea"), ("bob", "tea"), ("bob", "jam")]
    with pytest.warns(UserWarning, match="no user has enough items to hold one out"):
        model = gr.MatrixFactorization(**QUICK).fit(pairs)
    assert [set(record) for record in model.history_] == [{"loss"}] * 3
    with pytest.raises(ValueError, match="val must hold at least one item"):
        clone(model).fit(pairs, val=np.zeros((2, 2)))


def test_users_who_have_everything_train_nothing():
    model = gr.MatrixFactorization(validation=0, **QUICK).fit(np.ones((3, 4)))
    assert model.recommend(0) == [[]]
    assert np.isfinite(model.user_factors_).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"loss": "hinge"}, "loss must be one of bpr, ccl; got 'hinge'"),
        ({"validation": 1.0}, "validation must be below 1"),
        ({"epochs": 0}, "epochs must be at least 1"),
        ({"batch_size": 0}, "batch_size must be at least 1"),
        ({"learning_rate": 0.0}, "learning_rate must be greater than 0"),
    ],
)
def test_settings_out_of_range(options, message):
    with pytest.raises(ValueError, match=message):
        gr.LightGCN(**options).fit(groups())


def test_history_is_for_cosines():
    with pytest.raises(ValueError, match="history needs loss=\"ccl\", got 'bpr'"):
        gr.MatrixFactorization(history=0.5).fit(groups())
    with pytest.raises(ValueError, match="history must be at least 0 and at most 1, got 2"):
        gr.MatrixFactorization(loss="ccl", history=2).fit(groups())
