from __future__ import annotations

import numpy as np
import pytest

from graphrep.evaluate import node_classification

TRAIN, VALID, TEST = np.arange(40), np.arange(40, 80), np.arange(80, 180)


@pytest.fixture
def separable():
    """Validation nodes that any penalty gets right, and test nodes that need the right one."""
    rng = np.random.default_rng(0)
    y = np.arange(180) % 2
    X = rng.standard_normal((180, 30))
    X[:80, 0] = np.where(y[:80] == 1, 60.0, -60.0)
    X[80:, 0] = 0.3 * rng.standard_normal(100) + 0.1 * (2 * y[80:] - 1)
    return X, y


@pytest.mark.parametrize("choices", [[0.01, 1.0, 100.0], [100.0, 0.01, 1.0], [1.0, 100.0, 0.01]])
def test_of_equally_good_penalties_the_strongest_is_chosen(separable, choices):
    parts = {"train": TRAIN, "valid": VALID, "test": TEST}
    for C in choices:
        result = node_classification(*separable, train=TRAIN, test=VALID, C=C)
        assert result.scores["accuracy"].item() == 1.0  # so all are equally good
    chosen = node_classification(*separable, **parts, C=choices)
    assert chosen.chosen_C.tolist() == [[0.01]]
    strongest, weakest = (node_classification(*separable, **parts, C=C).scores["accuracy"] for C in (0.01, 100.0))
    np.testing.assert_array_equal(chosen.scores["accuracy"], strongest)
    assert strongest != weakest


def test_a_weaker_penalty_that_is_better_is_chosen():
    rng = np.random.default_rng(1)
    y = np.arange(180) % 10
    X = np.eye(10)[y] + 0.1 * rng.standard_normal((180, 10))
    y[0:60] = 0  # so frequent in training that a strong penalty predicts nothing else
    X[0:60] = np.eye(10)[0]
    parts = {"train": np.arange(90), "valid": np.arange(90, 130), "test": np.arange(130, 180)}
    assert node_classification(X, y, **parts, C=[1e-4, 10.0]).chosen_C.tolist() == [[10.0]]
