from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from graphrep.evaluate import link_prediction, node_classification

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
    parts = {"train": TRAIN, "valid": VALID, "test": TEST, "n_jobs": 1}
    for C in choices:
        result = node_classification(*separable, train=TRAIN, test=VALID, C=C, n_jobs=1)
        assert result.scores["accuracy"].item() == 1.0  # so all are equally good
    chosen = node_classification(*separable, **parts, C=choices)
    assert chosen.chosen_C["accuracy"].tolist() == [[0.01]]
    strongest, weakest = (node_classification(*separable, **parts, C=C).scores["accuracy"] for C in (0.01, 100.0))
    np.testing.assert_array_equal(chosen.scores["accuracy"], strongest)
    assert strongest != weakest


def test_a_weaker_penalty_that_is_better_is_chosen():
    rng = np.random.default_rng(1)
    y = np.arange(180) % 10
    X = np.eye(10)[y] + 0.1 * rng.standard_normal((180, 10))
    y[0:60] = 0  # so frequent in training that a strong penalty predicts nothing else
    X[0:60] = np.eye(10)[0]
    parts = {"train": np.arange(90), "valid": np.arange(90, 130), "test": np.arange(130, 180), "n_jobs": 1}
    chosen = node_classification(X, y, **parts, C=[1e-4, 10.0]).chosen_C
    assert chosen["accuracy"].tolist() == chosen["macro_f1"].tolist() == [[10.0]]


@pytest.mark.parametrize("choices", [[0.01, 1.0, 100.0], [100.0, 0.01, 1.0]])
def test_link_prediction_keeps_the_strongest_of_equally_good_penalties(choices):
    """A clique of each half: one component of the vectors tells edges from other pairs whatever the penalty."""
    side = np.arange(20) % 2
    vectors = np.stack([2.0 * side - 1, np.random.default_rng(0).standard_normal(20)], axis=1)
    pairs = np.stack(np.triu_indices(20, k=1))
    same = side[pairs[0]] == side[pairs[1]]
    edges, others = pairs[:, same], pairs[:, ~same]
    split = SimpleNamespace(
        train=edges[:, :60],
        valid=edges[:, 60:75],
        test=edges[:, 75:],
        valid_neg=others[:, :50],
        test_neg=others[:, 50:],
    )
    options = {"operator": "hadamard", "metrics": ["auc"], "part": "valid"}
    for C in choices:
        assert link_prediction(vectors, split, C=C, **options)["auc"] == 1.0  # so all are equally good
    chosen = link_prediction(vectors, split, C=choices, **options)
    assert chosen.method == "logistic regression on hadamard features, C=0.01"
