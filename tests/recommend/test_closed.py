"""Closed forms against their equations, and the names that recommendations speak."""

from __future__ import annotations

import numpy as np
import pytest

import graphrep as gr
from graphrep.recommend import EASE, ItemKNN, Popularity

X = (np.random.default_rng(0).random((25, 12)) < 0.3).astype(np.float32)
USERS = np.arange(25)


def test_item_knn():
    norm = np.sqrt(X.sum(axis=0))
    similar = X.T @ X / (np.outer(norm, norm) + 2)
    np.fill_diagonal(similar, 0)
    np.testing.assert_allclose(ItemKNN(shrinkage=2.0).fit(X).score_users(USERS), X @ similar, rtol=1e-5)
    few = ItemKNN(neighbors=2, shrinkage=2.0).fit(X)
    assert np.diff(few.similarity_.indptr).max() == 2


def test_ease_solves_its_regression():
    """Column j of B is the ridge regression of item j on the others."""
    weights = EASE(l2=3.0).fit(X).weights_
    others = np.arange(12) != 4
    wanted = np.linalg.solve(X[:, others].T @ X[:, others] + 3 * np.eye(11), X[:, others].T @ X[:, 4])
    np.testing.assert_allclose(weights[others, 4], wanted, atol=1e-5)
    assert not np.diagonal(weights).any()


def test_ease_refuses_what_does_not_fit(monkeypatch):
    monkeypatch.setattr("graphrep._memory.available_memory", lambda: 1000)
    with pytest.raises(MemoryError, match="use ItemKNN"):
        EASE().fit(X)


@pytest.mark.parametrize("model", [Popularity(), ItemKNN(), EASE()])
def test_names_and_known_items(model):
    model.fit([(1, 1), (1, 2), (2, 1), (2, 3), (3, 3)])
    (found,) = model.recommend([1])
    assert [name for name, _ in found] == [3]
    assert {name for name, _ in model.recommend([1], known=True)[0]} == {1, 2, 3}
    assert model.score_pairs([(1, 3)])[0] == np.float32(found[0][1])
    assert model.recommend_for([1, 2]) == found
    with pytest.raises(KeyError, match="no user 9"):
        model.recommend([9])
    with pytest.raises(KeyError, match="no item 9"):
        model.recommend_for([9])


@pytest.mark.parametrize("model", [Popularity(), ItemKNN(neighbors=2), EASE(l2=3.0)])
@pytest.mark.parametrize("data", [X, [("ann", 1), ("bob", 1), ("bob", 2)], [("ann", "x"), ("bob", "y")]])
def test_saved_and_loaded(model, data, tmp_path):
    model.fit(data).save(tmp_path / "model")
    again = gr.load(tmp_path / "model")
    user = "ann" if isinstance(data, list) else 0
    assert again.recommend(user, k=3) == model.recommend(user, k=3)
