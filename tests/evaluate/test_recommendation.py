"""The protocol of recommenders: by hand, against a plain loop, and its refusals."""

from __future__ import annotations

import numpy as np
import pytest

from graphrep._interactions import as_interactions
from graphrep.evaluate import hold_out_items, recommendation
from graphrep.evaluate.recommendation import top_items


def plain(scores, train, test, k):
    found = []
    for s, known, wanted in zip(scores, train, test, strict=True):
        if wanted.any():
            order = [i for i in np.lexsort((np.arange(len(s)), -s)) if not known[i]][:k]
            hits = [1 / np.log2(p + 2) for p, i in enumerate(order) if wanted[i]]
            best = sum(1 / np.log2(p + 2) for p in range(min(k, wanted.sum())))
            found.append((len(hits) / wanted.sum(), sum(hits) / best, bool(hits)))
    return np.mean(found, axis=0)


@pytest.mark.parametrize("k", [1, 3, 50])
def test_equals_a_plain_loop_with_ties(k):
    rng = np.random.default_rng(0)
    kind = rng.integers(0, 4, size=(30, 17))
    train, test = (kind == 1).astype(int), kind == 2
    test[3] = False
    scores = rng.integers(0, 5, size=(30, 17)).astype(np.float32)
    found = recommendation(lambda users: scores[users], train, test.astype(int), k=k)
    np.testing.assert_allclose(found[:3], plain(scores, train, test, k))
    assert found.num_users == test.any(axis=1).sum()


def test_too_few_unknown_items():
    columns, values = top_items([[1.0, 2.0, 3.0]], 3, as_interactions(np.array([[0, 1, 1]])).matrix)
    assert columns.tolist() == [[0, -1, -1]]
    assert values.tolist() == [[1.0, -np.inf, -np.inf]]


def test_refusals():
    train = np.array([[1, 0]])
    with pytest.raises(ValueError, match="test holds 1 items"):
        recommendation(lambda users: np.zeros((len(users), 2)), train, train)
    with pytest.raises(ValueError, match="must be finite"):
        recommendation(lambda users: np.full((len(users), 2), np.nan), train, 1 - train)
    with pytest.raises(ValueError, match="item 'z'"):
        recommendation(None, [("a", "x"), ("b", "y")], [("a", "z")])


def test_hold_out_keeps_an_item_of_each_user():
    matrix = np.random.default_rng(0).random((40, 30)) < 0.3
    matrix[0] = np.arange(30) < 1
    split = hold_out_items(matrix.astype(int), share=0.9)
    assert np.array_equal(split.train.matrix.toarray() + split.valid.matrix.toarray(), matrix)
    assert (np.diff(split.train.matrix.indptr) > 0).all()


def test_names_are_the_callers():
    found = as_interactions([(1, 1), (2, 1), (2, 7)])
    assert found.users.tolist() == [1, 2]
    assert found.items.tolist() == [1, 7]
    assert as_interactions([("1", "x"), ("2", "y")]).users.tolist() == ["1", "2"]


def test_names_are_no_positions():
    """Users 0 and 1 of the test are those of training by name, wherever they stand."""
    train = [(2, 5), (1, 5), (0, 6)]
    found = recommendation(lambda users: np.tile([0.0, 1.0], (len(users), 1)), train, [(1, 6), (0, 5)], k=1)
    assert found[:3] == (1.0, 1.0, 1.0)
    with pytest.raises(ValueError, match=r"must have the shape \(3, 2\) of train"):
        recommendation(None, train, np.eye(3))


def test_an_item_of_each_user_is_left():
    with pytest.raises(ValueError, match="share must be below 1"):
        hold_out_items(np.ones((2, 3)), share=1.0)
