"""The protocols of node classification that do not depend on the scale of the vectors."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score

import graphrep as gr
from graphrep.evaluate import compare_nodes, node_classification
from graphrep.evaluate._node_splits import dealt_folds
from graphrep.evaluate.checks import unit_rows
from graphrep.evaluate.logistic import fit_one_vs_rest, fit_path


@pytest.fixture(params=["one label", "several labels"])
def task(request):
    rng = np.random.default_rng(0)
    centers = rng.standard_normal((4, 12))
    y = rng.choice(4, size=400, p=[0.4, 0.3, 0.2, 0.1])
    X = (centers[y] + rng.standard_normal((400, 12))) * rng.uniform(0.5, 3, (400, 1))
    X[5] = 0
    if request.param == "one label":
        return X.astype(np.float32), y
    Y = np.eye(4, dtype=int)[y]
    Y[np.arange(400), rng.integers(4, size=400)] = 1
    return X.astype(np.float32), Y


OPTIONS = {"ratios": [0.5], "repeats": 3, "majority": False, "n_jobs": 1}


@pytest.mark.parametrize("protocol", ["scale-free", "unit"])
def test_scale_changes_no_bit_and_rotation_nearly_nothing(task, protocol):
    X, y = task
    found = node_classification(X, y, protocol=protocol, **OPTIONS)
    for c in (2.0**-10, 2.0**10, 2.0**-100):
        scaled = node_classification(X * np.float32(c), y, protocol=protocol, **OPTIONS)
        assert scaled.protocol == found.protocol
        for name, values in found.scores.items():
            np.testing.assert_array_equal(scaled.scores[name], values)
            if protocol == "scale-free":
                np.testing.assert_array_equal(scaled.chosen_C[name], found.chosen_C[name])
    Q = np.linalg.qr(np.random.default_rng(1).standard_normal((12, 12)))[0]
    turned = node_classification((X @ Q).astype(np.float32), y, protocol=protocol, **OPTIONS)
    for name in found.scores:
        np.testing.assert_allclose(turned.mean(name), found.mean(name), atol=1e-3)
    published = [node_classification(X * c, y, protocol="published", **OPTIONS) for c in (1.0, 2.0**-10)]
    assert abs(published[0].mean("macro_f1") - published[1].mean("macro_f1")) > 0.1  # what the protocols are for


def test_the_strength_is_that_of_a_cross_validation_by_scikit_learn():
    """Each metric by its own values, over the predictions of the three folds together, the smallest of equals."""
    rng = np.random.default_rng(5)
    y = rng.choice(5, size=240, p=[0.5, 0.2, 0.15, 0.1, 0.05])
    X = unit_rows(rng.standard_normal((5, 6))[y] + 0.9 * rng.standard_normal((240, 6)))
    train = np.arange(0, 240, 2)
    found = node_classification(3 * X, y, train=train, protocol="scale-free", majority=False)
    fold = dealt_folds(np.eye(5, dtype=bool)[y], train, 3, 0)
    strengths = (0.1, 1.0, 10.0, 100.0, 1000.0)

    def predicted(C, fit, rows):
        models = [LogisticRegression(C=C, tol=1e-8, max_iter=5000).fit(X[fit], y[fit] == label) for label in range(5)]
        return np.argmax([model.decision_function(X[rows]) for model in models], axis=0)

    together = {C: np.empty(len(train), dtype=int) for C in strengths}
    for C in strengths:
        for i in range(3):
            together[C][fold == i] = predicted(C, train[fold != i], train[fold == i])
    test = np.setdiff1d(np.arange(240), train)
    for name, average in (("micro_f1", "micro"), ("macro_f1", "macro")):
        values = [f1_score(y[train], together[C], average=average) for C in strengths]
        best = strengths[int(np.argmax(values))]
        assert found.chosen_C[name].tolist() == [[best]]
        expected = f1_score(y[test], predicted(best, train, test), average=average)
        assert found.scores[name].item() == pytest.approx(expected, abs=1e-6)
    assert found.chosen_C["micro_f1"] != found.chosen_C["macro_f1"]  # so that the test can tell them apart


def test_unit_is_ten_on_unit_rows(task):
    X, y = task
    unit = node_classification(X, y, protocol="unit", **OPTIONS)
    same = node_classification(unit_rows(X), y, C=10.0, **OPTIONS)
    for name in unit.scores:
        np.testing.assert_allclose(unit.scores[name], same.scores[name], atol=0.01)
    assert unit.protocol.startswith("unit: one-vs-rest logistic regression, C=10, rows of unit length")
    assert unit.chosen_C is None


def test_test_labels_have_no_part_in_the_choice(task):
    X, y = task
    train = np.arange(0, 400, 2)
    spoilt = y.copy()
    spoilt[1::2] = y[1::2][::-1]
    found, other = (node_classification(X, labels, train=train, protocol="scale-free") for labels in (y, spoilt))
    assert found.chosen_C == other.chosen_C
    assert found.scores["macro_f1"] != other.scores["macro_f1"]


def test_which_protocols_stand_beside_each_other(task):
    X, y = task
    default = node_classification(X, y, **OPTIONS)
    assert list(default.beside) == ["unit"]
    alone = node_classification(X, y, protocol="unit", **OPTIONS)
    np.testing.assert_array_equal(default.beside["unit"].scores["macro_f1"], alone.scores["macro_f1"])
    assert node_classification(X, y, C=2.0, **OPTIONS).beside == {}
    assert node_classification(X, y, normalize="l2", **OPTIONS).beside == {}
    both = node_classification(X, y, protocol="both", **OPTIONS)
    assert list(both.beside) == ["scale-free"]
    np.testing.assert_array_equal(both.scores["macro_f1"], default.scores["macro_f1"])
    every = node_classification(X, y, protocol=["scale-free", "unit", "published"], **OPTIONS)
    assert every.protocol.startswith("scale-free: ")
    assert list(every.beside) == ["unit", "published"]
    np.testing.assert_array_equal(every.scores["macro_f1"], both.beside["scale-free"].scores["macro_f1"])


def test_tables_say_which_protocol_a_number_has(task):
    X, y = task
    both = node_classification(X, y, protocol="both", **OPTIONS)
    first, second = repr(both).split("\n\n")
    assert first.startswith("one-vs-rest logistic regression, C=1,")
    assert second.startswith("scale-free: one-vs-rest logistic regression, C of 0.1 … 1000 chosen by cross-validation")
    assert "C for macro-F1" in second
    assert "C for" not in first
    title, header, cells = both.row()
    assert title.split("\n") == [first.split("\n")[0], second.split("\n")[0]]
    assert len(header) == len(cells) == 2 + 4
    assert header[2].startswith("scale-free ")
    assert cells[1] == f"{both.mean('macro_f1')[0]:.4f} ± {both.std('macro_f1')[0]:.4f}"
    chosen = both.beside["scale-free"].chosen_C["macro_f1"][0]
    counts = cells[5].split(", ")
    assert [float(text.split(" ")[0]) for text in counts] == np.unique(chosen).tolist()


def test_a_frame_has_every_score_with_its_protocol(task):
    both = node_classification(*task, protocol="both", **OPTIONS)
    frame = both.to_frame()
    assert frame["protocol"].unique().tolist() == [both.protocol, both.beside["scale-free"].protocol]
    assert len(frame) == 2 * 3 * len(both.scores)
    part = frame[(frame["protocol"] != both.protocol) & (frame["metric"] == "macro_f1")]
    np.testing.assert_array_equal(part["score"], both.beside["scale-free"].scores["macro_f1"][0])
    np.testing.assert_array_equal(part["C"], both.beside["scale-free"].chosen_C["macro_f1"][0])
    assert frame["C"][frame["protocol"] == both.protocol].isna().all()


def test_comparisons_show_both():
    g = gr.as_graph(nx.stochastic_block_model([30, 30], [[0.3, 0.02], [0.02, 0.3]], seed=0))
    vectors = gr.FastRP(dimensions=8).fit_transform(g)
    table = compare_nodes({"mine": vectors, "tiny": vectors * 2.0**-12}, g, np.arange(60) // 30, ratios=[0.5])
    np.testing.assert_array_equal(
        table["mine"].beside["unit"].scores["accuracy"], table["tiny"].beside["unit"].scores["accuracy"]
    )
    text = repr(table)
    assert "unit macro-F1, 0.5" in text
    assert text.splitlines()[1].startswith("unit: one-vs-rest logistic regression, C=10")


@pytest.mark.parametrize("classifier", ["liblinear", "multinomial"])
def test_other_classifiers_choose_too(classifier):
    rng = np.random.default_rng(0)
    y = np.arange(90) % 3
    X = np.eye(3)[y] + 0.3 * rng.standard_normal((90, 3))
    found = node_classification(X, y, protocol="scale-free", classifier=classifier, ratios=[0.5], repeats=2)
    assert found.mean("accuracy")[0] > 0.9
    assert found.chosen_C["accuracy"].shape == (1, 2)


def test_what_is_refused(task):
    X, y = task
    for options, message in (
        (
            {"protocol": "fair"},
            "protocol must be both, or distinct names out of published, scale-free, unit; got 'fair'",
        ),
        ({"protocol": []}, "protocol must be both"),
        ({"protocol": ["unit", "unit"]}, "protocol must be both"),
        ({"protocol": "unit", "C": 3.0}, 'C and normalize are options of protocol="published"'),
        ({"protocol": "scale-free", "normalize": "standardize"}, "C and normalize are options"),
        ({"protocol": "scale-free", "train": [0, 1]}, 'needs at least 3 training nodes .* take protocol="unit"'),
    ):
        with pytest.raises(ValueError, match=message):
            node_classification(X, y, **options)


class TestUnitRows:
    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_extreme_rows(self, dtype):
        tiny, huge = np.finfo(dtype).tiny, np.finfo(dtype).max
        rows = np.array([[3, 4], [3 * tiny, 4 * tiny], [huge, huge], [0, 0], [tiny / 4, 0]], dtype=dtype)
        with np.errstate(all="raise", under="ignore"):
            found = unit_rows(rows)
        assert found.dtype == dtype
        half = 0.5**0.5
        np.testing.assert_allclose(found, [[0.6, 0.8], [0.6, 0.8], [half, half], [0, 0], [1, 0]], rtol=1e-6)

    def test_nothing(self):
        assert unit_rows(np.zeros((0, 3))).shape == (0, 3)
        assert unit_rows(np.zeros((2, 0))).shape == (2, 0)


class TestFolds:
    def test_classes_are_spread_evenly(self):
        y = np.repeat([0, 1, 2], [30, 9, 4])
        rows = np.random.default_rng(0).permutation(43)
        fold = dealt_folds(np.eye(3, dtype=bool)[y], rows, 3, 0)
        for label, counts in ((0, [10, 10, 10]), (1, [3, 3, 3])):
            assert np.bincount(fold[y[rows] == label], minlength=3).tolist() == counts
        assert sorted(np.bincount(fold[y[rows] == 2], minlength=3)) == [1, 1, 2]
        np.testing.assert_array_equal(dealt_folds(np.eye(3, dtype=bool)[y], rows, 3, 0), fold)
        assert (dealt_folds(np.eye(3, dtype=bool)[y], rows, 3, 1) != fold).any()

    def test_the_rarest_label_counts(self):
        Y = np.zeros((31, 3), dtype=bool)
        Y[:, 0] = True
        Y[:6, 1] = True
        Y[30] = False  # no label at all
        fold = dealt_folds(Y, np.arange(31), 3, 0)
        assert np.bincount(fold[:6]).tolist() == [2, 2, 2]
        assert sorted(np.bincount(fold)) == [10, 10, 11]


class TestPath:
    @pytest.mark.parametrize("shape", [(200, 5), (12, 40), (3, 3), (1, 4), (50, 1)])
    def test_each_is_the_optimum_of_its_strength(self, shape):
        rng = np.random.default_rng(0)
        X = rng.standard_normal(shape).astype(np.float32) + 2
        Y = rng.random((shape[0], 3)) < [0.5, 0.2, 0]
        for C, model in zip((0.1, 1.0, 10.0), fit_path(X, Y, [0.1, 1.0, 10.0]), strict=True):
            expected = fit_one_vs_rest(X, Y, C, tol=1e-6)(X)
            found = model(X)
            np.testing.assert_array_equal(np.isfinite(found), np.isfinite(expected))
            finite = np.isfinite(expected)
            np.testing.assert_allclose(found[finite], expected[finite], atol=0.05)

    def test_rows_that_are_all_equal(self):
        Y = np.arange(6)[:, None] < 2
        (model,) = fit_path(np.ones((6, 3), np.float32), Y, [10.0])
        np.testing.assert_allclose(model(np.ones((6, 3))), np.log(2 / 4), atol=1e-3)
