"""Closed forms against their equations."""

from __future__ import annotations

import numpy as np
import pytest

import graphrep as gr
from graphrep.recommend.closed import inverted

X = (np.random.default_rng(0).random((25, 12)) < 0.3).astype(np.float32)
X[6, 0] = 1  # every user has an item
USERS = np.arange(25)


def test_item_knn():
    norm = np.sqrt(X.sum(axis=0))
    similar = X.T @ X / (np.outer(norm, norm) + 2)
    np.fill_diagonal(similar, 0)
    np.testing.assert_allclose(gr.ItemKNN(shrinkage=2.0).fit(X).score_users(USERS), X @ similar, rtol=1e-5)
    few = gr.ItemKNN(neighbors=2, shrinkage=2.0).fit(X)
    assert np.diff(few.similarity_.indptr).max() == 2


def test_ease_solves_its_regression():
    """Column j of B is the ridge regression of item j on the others."""
    weights = gr.EASE(l2=3.0).fit(X).weights_
    others = np.arange(12) != 4
    wanted = np.linalg.solve(X[:, others].T @ X[:, others] + 3 * np.eye(11), X[:, others].T @ X[:, 4])
    np.testing.assert_allclose(weights[others, 4], wanted, atol=1e-5)
    assert not np.diagonal(weights).any()


@pytest.mark.parametrize("n", [1, 3, 256, 300, 600])
def test_the_inverse_has_the_same_bits_for_any_number_of_threads(n):
    x = np.random.default_rng(n).standard_normal((n + 5, n))
    matrix = x.T @ x + np.eye(n)
    found = [inverted(matrix.copy(), threads) for threads in (1, 2, 5)]
    np.testing.assert_allclose(found[0] @ matrix, np.eye(n), atol=1e-9)
    for other in (*found[1:], found[0].T):
        np.testing.assert_array_equal(other, found[0])


def test_ease_refuses_what_does_not_fit(monkeypatch):
    monkeypatch.setattr("graphrep._memory.available_memory", lambda: 1000)
    with pytest.raises(MemoryError, match="use ItemKNN"):
        gr.EASE().fit(X)


@pytest.mark.parametrize(("dimensions", "ideal"), [(3, 0.5), (100, 2.0), (3, 0)])
def test_gf_cf(dimensions, ideal):
    d_u, d_i = X.sum(axis=1), X.sum(axis=0)
    normal = X / np.sqrt(np.outer(d_u, d_i))
    v = np.linalg.svd(normal)[2][:dimensions].T
    wanted = X @ (normal.T @ normal + ideal * (v @ v.T) * np.sqrt(d_i) / np.sqrt(d_i)[:, None])
    model = gr.GFCF(dimensions=dimensions, ideal=ideal).fit(X)
    np.testing.assert_allclose(model.score_users(USERS), wanted, rtol=1e-3, atol=1e-4)
