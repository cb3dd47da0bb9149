"""What a protocol of node classification promises: who is trained on, what is reported, and how ties fall."""

from __future__ import annotations

import numpy as np
import pytest

from graphrep.evaluate import NodeClassification, node_classification
from graphrep.evaluate.node_classification import f1_scores


@pytest.fixture
def three_classes():
    y = np.repeat([0, 1, 2], [60, 30, 10])
    return np.eye(3)[y] + 0.8 * np.random.default_rng(0).standard_normal((100, 3)), y


def test_the_defaults_are_nine_ratios_and_ten_splits(three_classes):
    ratios = node_classification(*three_classes, repeats=1, n_jobs=1)  # threads cost more than such small fits
    np.testing.assert_allclose(ratios.train_shares, np.arange(1, 10) / 10)
    default = node_classification(*three_classes, ratios=[0.3], n_jobs=1)
    assert default.scores["macro_f1"].shape == (1, 10)
    assert default.majority is not None
    assert default.chosen_C is None
    explicit = node_classification(
        *three_classes,
        ratios=[0.3],
        repeats=2,
        C=1.0,
        num_valid=0,
        classifier="ovr",
        majority=True,
        random_state=0,
        n_jobs=1,
    )
    for name in ("micro_f1", "macro_f1", "accuracy"):
        np.testing.assert_array_equal(explicit.scores[name], default.scores[name][:, :2])
        np.testing.assert_array_equal(explicit.majority[name], default.majority[name][:, :2])


def test_label_counts_are_known_by_default():
    rng = np.random.default_rng(1)
    X = rng.standard_normal((120, 5))
    Y = (X @ rng.standard_normal((5, 4)) + rng.standard_normal((120, 4)) > 1.5).astype(int)
    default, known, unknown = (
        node_classification(X, Y, ratios=[0.5], repeats=2, n_jobs=1, **how)
        for how in ({}, {"known_label_counts": True}, {"known_label_counts": False})
    )
    np.testing.assert_array_equal(default.scores["micro_f1"], known.scores["micro_f1"])
    assert (default.scores["micro_f1"] != unknown.scores["micro_f1"]).any()
    assert "number of labels per node known (TopK)" in default.protocol
    assert "TopK" not in unknown.protocol
    assert "TopK" not in node_classification(X, np.arange(120) % 2, ratios=[0.5], repeats=2).protocol


def test_shares_are_of_the_labelled_nodes(three_classes):
    X, y = three_classes
    hidden = np.where(np.arange(100) % 2 == 0, y, -1)
    fixed = node_classification(X, hidden, train=np.arange(40))
    assert fixed.train_shares.tolist() == [20 / 50]
    per_class = node_classification(X, y, per_class=20, repeats=2)
    assert per_class.train_shares.tolist() == [(20 + 20 + 10) / 100]
    assert per_class.scores["accuracy"].shape == (1, 2)
    assert "2 random 20-per-class splits" in per_class.protocol
    assert "1 fixed split" in fixed.protocol
    assert "splits" not in fixed.protocol
    assert "mean ±" not in fixed.protocol
    assert "mean ± standard deviation" in per_class.protocol


def test_label_zero_is_a_label_and_minus_one_is_none(three_classes):
    X, y = three_classes
    result = node_classification(X, y, train=np.arange(0, 100, 2))
    truth = y[1::2]
    assert result.majority["accuracy"].item() == pytest.approx((truth == 0).mean())
    whole = node_classification(X, y.astype(np.uint8), train=np.arange(0, 100, 2))
    np.testing.assert_array_equal(result.scores["accuracy"], whole.scores["accuracy"])


def test_the_majority_ranks_labels_by_their_frequency_in_training():
    Y = np.zeros((40, 3), dtype=int)
    Y[:, 0] = np.arange(40) % 2 == 0
    Y[:, 1] = np.arange(40) % 4 != 3
    Y[:, 2] = np.arange(40) % 8 == 0
    X = np.random.default_rng(0).standard_normal((40, 2))
    train, test = np.arange(20), np.arange(20, 40)
    result = node_classification(X, Y, train=train, test=test, known_label_counts=False)
    frequent = np.broadcast_to(Y[train].mean(axis=0) > 0.5, Y[test].shape)  # more often than not
    assert result.majority["micro_f1"].item() == pytest.approx(f1_scores(Y[test] > 0, frequent)[0])
    assert frequent[0].tolist() == [False, True, False]
    topk = node_classification(X, Y, train=train, test=test)
    predicted = np.zeros(Y[test].shape, dtype=bool)
    order = np.argsort(-Y[train].mean(axis=0), kind="stable")
    for row, count in zip(predicted, Y[test].sum(axis=1), strict=True):
        row[order[:count]] = True
    assert topk.majority["micro_f1"].item() == pytest.approx(f1_scores(Y[test] > 0, predicted)[0])


def test_f1_of_labels_that_never_occur():
    truth = np.array([[True, False, False], [True, True, False]])
    predicted = np.array([[True, False, False], [False, True, False]])
    micro = 2 * 2 / (3 + 2)
    assert f1_scores(truth, predicted) == pytest.approx((micro, (2 / 3 + 1 + 0) / 3))
    assert f1_scores(truth, predicted, all_labels=False) == pytest.approx((micro, (2 / 3 + 1) / 2))
    nothing = np.zeros((2, 3), dtype=bool)
    assert f1_scores(nothing, nothing) == (0.0, 0.0)
    assert f1_scores(nothing, nothing, all_labels=False) == (0.0, 0.0)


def test_rows_of_zero_length_stay_when_rows_are_scaled(three_classes):
    X, y = three_classes
    X[3] = X[97] = 0
    lengths = np.linalg.norm(X, axis=1, keepdims=True)
    scaled = X / np.where(lengths > 0, lengths, 1)
    train = np.arange(0, 100, 2)
    found, expected = (
        node_classification(X, y, train=train, normalize="l2"),
        node_classification(scaled, y, train=train),
    )
    np.testing.assert_array_equal(found.scores["macro_f1"], expected.scores["macro_f1"])
    assert "rows of unit length" in found.protocol
    assert "rows" not in expected.protocol


def test_means_and_deviations_are_over_the_splits():
    scores = {"micro_f1": np.array([[0.1, 0.3], [0.5, 0.9]]), "macro_f1": np.array([[0.2, 0.2], [0.4, 0.8]])}
    result = NodeClassification("how", np.array([0.1, 0.5]), scores)
    np.testing.assert_allclose(result.mean("micro_f1"), [0.2, 0.7])
    np.testing.assert_allclose(result.std("micro_f1"), [0.2 / 2**0.5, 0.4 / 2**0.5])
    title, head, _, *rows = repr(result).splitlines()
    assert title == "how"
    assert "majority" not in head
    assert "accuracy" not in head
    assert rows[0].split() == ["10", "%", "0.2000", "±", "0.1414", "0.2000", "±", "0.0000"]
    assert rows[1].split() == ["50", "%", "0.7000", "±", "0.2828", "0.6000", "±", "0.2828"]
    one = NodeClassification("how", np.array([0.125]), {name: values[:1, :1] for name, values in scores.items()})
    assert np.isnan(one.std("macro_f1")).all()
    assert one.std("macro_f1").shape == (1,)
    assert repr(one).splitlines()[-1].split() == ["12.5", "%", "0.1000", "0.2000"]


def test_the_table_calls_micro_f1_accuracy_with_one_label_per_node(three_classes):
    text = str(node_classification(*three_classes, ratios=[0.5], repeats=2, protocol="published", n_jobs=1))
    assert text.count("accuracy (= micro-F1)") == 2
    assert text.count("majority ") == 2
    without = str(node_classification(*three_classes, ratios=[0.5], repeats=2, majority=False, n_jobs=1))
    assert "majority" not in without


@pytest.mark.parametrize("n_jobs", [None, 1, 2])
def test_threads_change_no_score(three_classes, n_jobs):
    found = node_classification(*three_classes, ratios=[0.5], repeats=2, n_jobs=n_jobs)
    expected = node_classification(*three_classes, ratios=[0.5], repeats=2)
    np.testing.assert_array_equal(found.scores["macro_f1"], expected.scores["macro_f1"])


def test_equal_scores_go_to_the_first_labels():
    """Vectors that say nothing: all test nodes get the labels most frequent in training, the first among equals."""
    Y = np.zeros((40, 4), dtype=int)
    Y[:20, :] = 1
    Y[20:, :2] = 1
    result = node_classification(np.zeros((40, 2)), Y, train=np.arange(10), test=np.arange(20, 40))
    assert result.scores["micro_f1"].item() == 1.0


@pytest.mark.parametrize("wrong", [[0.0, 1.0], [-1.0], []])
def test_penalties_must_be_positive(three_classes, wrong):
    with pytest.raises(ValueError, match="C must be positive"):
        node_classification(*three_classes, C=wrong, num_valid=10)


def test_label_matrices_hold_zeros_and_ones_of_any_real_type(three_classes):
    X, y = three_classes
    Y = np.eye(3)[y]
    options = {"train": np.arange(0, 100, 2), "n_jobs": 1}
    scores = [node_classification(X, Y.astype(kind), **options).scores["micro_f1"] for kind in (bool, "u1", "i8", "f4")]
    assert len({value.item() for value in scores}) == 1
    for bad in (Y + 0.5, Y - 1, Y.astype(str), Y.astype(complex)):
        with pytest.raises(ValueError, match="only 0 and 1"):
            node_classification(X, bad, **options)
    with pytest.raises(ValueError, match="y must be one integer or string per node"):
        node_classification(X, Y[None], **options)


def test_a_class_neither_tested_nor_predicted_is_no_part_of_macro_f1():
    """As in scikit-learn, which averages over the labels that occur; of a label matrix all columns count."""
    y = np.array([0, 1, 2] * 10 + [0, 1] * 10)
    X = 5.0 * np.eye(3)[y]
    train, test = np.arange(30), np.arange(30, 50)
    assert node_classification(X, y, train=train, test=test).scores["macro_f1"].item() == 1.0
    matrix = node_classification(X, np.eye(3, dtype=int)[y], train=train, test=test)
    assert matrix.scores["macro_f1"].item() == pytest.approx(2 / 3)
