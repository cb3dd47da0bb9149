from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
import scipy.sparse as sp
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, f1_score

import graphrep as gr
from graphrep.evaluate import compare_nodes, node_classification
from graphrep.evaluate._node_splits import per_class_splits
from graphrep.evaluate.logistic import fit_one_vs_rest
from graphrep.evaluate.node_classification import f1_scores


@pytest.fixture
def blobs():
    rng = np.random.default_rng(0)
    y = rng.choice(5, size=300, p=[0.4, 0.3, 0.15, 0.1, 0.05])
    return (rng.standard_normal((5, 8))[y] + rng.standard_normal((300, 8))).astype(np.float32), y


@pytest.fixture
def multilabel():
    rng = np.random.default_rng(1)
    X = rng.standard_normal((250, 10))
    return X, (X @ rng.standard_normal((10, 6)) + rng.standard_normal((250, 6)) > 2).astype(int)


@pytest.mark.parametrize("C", [0.01, 1.0, 100.0])
@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
def test_joint_fit_is_the_optimum_of_each_class(C, scale):
    rng = np.random.default_rng(2)
    X = rng.standard_normal((400, 6)) * [1, 2, 3, 0.1, 5, 20] + 3
    Y = X[:, :3] @ rng.standard_normal((3, 4)) + 3 * rng.standard_normal((400, 4)) > 1
    ours = fit_one_vs_rest(X * scale, Y, C / scale**2)
    for c in range(4):
        theirs = LogisticRegression(C=C, solver="newton-cholesky", tol=1e-10).fit(X, Y[:, c])
        np.testing.assert_allclose(ours(X * scale)[:, c], theirs.decision_function(X), atol=0.02)


def test_classes_without_examples_or_counter_examples_are_certain():
    X = np.arange(6.0)[:, None]
    Y = np.array([[0, 1, 0], [0, 1, 0], [0, 1, 0], [0, 1, 1], [0, 1, 1], [0, 1, 1]], dtype=bool)
    scores = fit_one_vs_rest(X, Y)(X)
    assert (scores[:, 0] == -np.inf).all()
    assert (scores[:, 1] == np.inf).all()
    assert ((scores[:, 2] > 0) == Y[:, 2]).all()


def test_a_constant_column_changes_nothing(blobs):
    X, y = blobs
    more = np.hstack([X, np.full((len(X), 1), 1e4, np.float32)])
    Y = np.eye(5, dtype=bool)[y]
    np.testing.assert_allclose(fit_one_vs_rest(more, Y)(more), fit_one_vs_rest(X, Y)(X), atol=1e-3)


@pytest.mark.parametrize("standardize", [False, True])
def test_more_dimensions_than_samples(standardize):
    """The optimum in the span of the samples is the optimum: scikit-learn's, constant columns and lone classes too."""
    rng = np.random.default_rng(0)
    X = (rng.standard_normal((30, 6)) @ rng.standard_normal((6, 80)) + 0.5 * rng.standard_normal((30, 80))).astype("f4")
    X[:, 3] = 7.0
    Y = np.eye(5, dtype=bool)[rng.integers(4, size=30)]
    model = fit_one_vs_rest(X, Y, 0.1, standardize=standardize)
    fresh = rng.standard_normal((9, 80)).astype("f4")
    spread = X.std(axis=0, dtype=np.float64)
    scale = np.where(spread > 1e-5, spread, np.inf) if standardize else np.ones(80)
    for label in range(4):
        expected = LogisticRegression(C=0.1, tol=1e-10, max_iter=10_000).fit((X - X.mean(axis=0)) / scale, Y[:, label])
        np.testing.assert_allclose(
            model(fresh)[:, label], expected.decision_function((fresh - X.mean(axis=0)) / scale), atol=5e-3
        )
    assert np.isneginf(model(fresh)[:, 4]).all()


def test_one_sample_in_many_dimensions():
    model = fit_one_vs_rest(np.ones((1, 4), np.float32), np.array([[True, False]]))
    assert model(np.zeros((1, 4)))[0].tolist() == [np.inf, -np.inf]


@pytest.mark.parametrize("all_labels", [True, False])
def test_f1_equals_scikit_learn(all_labels):
    rng = np.random.default_rng(3)
    if all_labels:
        truth, predicted = rng.random((2, 40, 6)) < 0.3
        truth[:, 5] = predicted[:, 5] = False
    else:
        truth, predicted = np.eye(6, dtype=bool)[rng.integers(4, size=(2, 40))]
    to_sklearn = (lambda m: m) if all_labels else (lambda m: m.argmax(axis=1))
    expected = [
        f1_score(to_sklearn(truth), to_sklearn(predicted), average=how, zero_division=0) for how in ("micro", "macro")
    ]
    assert f1_scores(truth, predicted, all_labels=all_labels) == pytest.approx(expected)


@pytest.mark.parametrize("classifier", ["ovr", "liblinear", "multinomial"])
def test_fixed_split_of_single_labels(blobs, classifier):
    X, y = blobs
    train, test = np.arange(0, 200), np.arange(200, 300)
    result = node_classification(X, y, train=train, test=test, classifier=classifier)
    if classifier == "multinomial":
        predicted = LogisticRegression(max_iter=1000).fit(X[train], y[train]).predict(X[test])
    else:
        solver = {"ovr": "lbfgs", "liblinear": "liblinear"}[classifier]
        margins = [
            LogisticRegression(solver=solver, max_iter=1000).fit(X[train], y[train] == c).decision_function(X[test])
            for c in range(5)
        ]
        predicted = np.argmax(margins, axis=0)
    expected = {
        "micro_f1": f1_score(y[test], predicted, average="micro"),
        "macro_f1": f1_score(y[test], predicted, average="macro"),
        "accuracy": accuracy_score(y[test], predicted),
    }
    assert {name: values.item() for name, values in result.scores.items()} == pytest.approx(expected)
    assert result.train_shares.tolist() == [200 / 300]
    common = np.bincount(y[train]).argmax()
    assert result.majority["accuracy"].item() == pytest.approx((y[test] == common).mean())


@pytest.mark.parametrize("as_sparse", [False, True])
def test_topk_predicts_as_many_labels_as_are_true(multilabel, as_sparse):
    X, Y = multilabel
    train, test = np.arange(0, 150), np.arange(150, 250)
    y = sp.csr_matrix(Y) if as_sparse else Y
    scores = np.stack(
        [LogisticRegression(max_iter=1000).fit(X[train], Y[train, c]).decision_function(X[test]) for c in range(6)], 1
    )
    topk = np.zeros_like(Y[test])
    for i, row in enumerate(scores):
        topk[i, np.argsort(-row)[: Y[test][i].sum()]] = 1
    for known, predicted in ((True, topk), (False, scores > 0)):
        result = node_classification(X, y, train=train, test=test, known_label_counts=known)
        assert set(result.scores) == {"micro_f1", "macro_f1"}
        assert result.scores["micro_f1"].item() == pytest.approx(f1_score(Y[test], predicted, average="micro"))
        assert result.scores["macro_f1"].item() == pytest.approx(f1_score(Y[test], predicted, average="macro"))
        assert ("TopK" in result.protocol) == known


def test_random_splits_follow_the_seed(blobs):
    X, y = blobs
    options = {"repeats": 3, "majority": False}
    both = node_classification(X, y, ratios=[0.2, 0.5], **options)
    half = node_classification(X, y, ratios=[0.5], **options)
    other = node_classification(X, y, ratios=[0.5], random_state=1, **options)
    np.testing.assert_array_equal(both.scores["macro_f1"][1:], half.scores["macro_f1"])
    assert (other.scores["macro_f1"] != half.scores["macro_f1"]).any()
    assert len(set(half.scores["macro_f1"][0])) > 1
    np.testing.assert_allclose(both.mean("macro_f1")[1], half.scores["macro_f1"].mean())
    np.testing.assert_allclose(both.std("macro_f1")[1], np.std(half.scores["macro_f1"], ddof=1))


def test_vectors_that_say_nothing_score_as_the_majority():
    y = np.repeat([0, 1, 2], [60, 30, 10])
    result = node_classification(np.zeros((100, 3)), y, ratios=[0.5], repeats=4)
    for name, values in result.scores.items():
        np.testing.assert_array_equal(values, result.majority[name])


def test_unlabeled_nodes_are_left_out(blobs):
    X, y = blobs
    hidden = y.copy()
    hidden[::3] = -1
    kept = np.flatnonzero(hidden >= 0)
    a = node_classification(X, hidden, ratios=[0.5], repeats=2)
    b = node_classification(X[kept], y[kept], ratios=[0.5], repeats=2)
    np.testing.assert_array_equal(a.scores["micro_f1"], b.scores["micro_f1"])


def test_masks_tensors_and_names_are_understood(blobs):
    X, y = blobs
    masks = np.zeros((300, 2), dtype=bool)
    masks[:100, 0] = masks[200:, 1] = True
    result = node_classification(torch.tensor(X), np.array(list("abcde"))[y], train=torch.tensor(masks))
    singles = [
        node_classification(X, y, train=np.flatnonzero(masks[:, i]), test=~masks[:, i]).scores["micro_f1"].item()
        for i in range(2)
    ]
    assert result.scores["micro_f1"].tolist() == [singles]


@pytest.mark.parametrize("classifier", ["ovr", "liblinear", "multinomial"])
def test_a_class_absent_from_training_is_never_predicted(blobs, classifier):
    X, y = blobs
    train = np.flatnonzero(y < 2)
    result = node_classification(X, y, train=train, classifier=classifier)
    assert result.scores["accuracy"].item() == 0.0
    alone = node_classification(X, y, train=np.flatnonzero(y == 0), classifier=classifier, majority=False)
    assert alone.scores["accuracy"].item() == 0.0
    assert alone.majority is None


def test_normalisation(blobs):
    X, y = blobs
    train = np.arange(0, 150)
    lengths = np.linalg.norm(X, axis=1, keepdims=True)
    for how, prepared in (("l2", X / lengths), ("standardize", (X - X[train].mean(0)) / X[train].std(0))):
        a = node_classification(X * [[1.0]], y, train=train, normalize=how, C=0.01)
        b = node_classification(prepared, y, train=train, C=0.01)
        assert a.scores["macro_f1"] == pytest.approx(b.scores["macro_f1"])


def test_table_names_the_protocol(blobs):
    X, y = blobs
    text = str(node_classification(X, y, ratios=[0.1, 0.5], repeats=2, normalize="l2", n_jobs=1))
    head, columns, _, *rows = text.splitlines()
    assert head.startswith("one-vs-rest logistic regression, C=1, rows of unit length, 2 random splits")
    assert columns.split("  ")[0] == "trained on"
    assert "majority macro-F1" in columns
    assert [row.split("  ")[0] for row in rows] == ["10 %", "50 %"]
    assert all(row.count("±") == 4 for row in rows)


def test_unusable_input_is_refused(blobs):
    X, y = blobs
    broken = X.copy()
    broken[7, 0] = np.nan
    for arguments, options, error, message in (
        ((broken, y), {}, ValueError, "vectors must be finite; row 7"),
        ((X[0], y), {}, ValueError, "real matrix"),
        ((X, y[:-1]), {}, ValueError, "y has 299 rows, but vectors has 300"),
        ((X, y / 2), {}, ValueError, "y must be one integer or string per node"),
        ((X, np.full((300, 2), 2)), {}, ValueError, "only 0 and 1"),
        ((X, y), {"ratios": [1.0]}, ValueError, "ratios must lie in"),
        ((X, y), {"ratios": [0.001]}, ValueError, "each split needs a training and a test node, got 0 and 300"),
        ((X, y), {"repeats": 0}, ValueError, "at least one split"),
        ((X, y), {"C": 0}, ValueError, "C must be positive"),
        ((X, y), {"normalize": "l1"}, ValueError, "normalize must be one of"),
        ((X, y), {"classifier": "svm"}, ValueError, "classifier must be one of"),
        ((X, np.eye(5)[y]), {"classifier": "multinomial"}, ValueError, "label matrix"),
        ((X, y), {"train": [1, 2], "test": [2, 3]}, ValueError, "train and test share 1 nodes, row 2"),
        ((X, y), {"train": [300]}, IndexError, "train must lie in"),
        ((X, y), {"train": np.ones(3, bool)}, ValueError, "mask of 300 rows"),
        ((X, y), {"test": [1]}, ValueError, "test was given without train"),
    ):
        with pytest.raises(error, match=message):
            node_classification(*arguments, **options)


def test_per_class_splits(blobs):
    _, y = blobs
    Y, labeled = np.eye(5, dtype=bool)[y], np.flatnonzero(np.arange(300) % 3 > 0)
    seen = []
    for train, valid, test in per_class_splits(Y, labeled, 12, 4, 7, 30):
        assert np.array_equal(np.sort(np.concatenate([train, valid, test])), labeled)
        assert len(valid) == 30
        np.testing.assert_array_equal(Y[train].sum(0), np.minimum(12, Y[labeled].sum(0)))
        seen.append(tuple(np.sort(train)))
    assert len(set(seen)) == 4
    again = per_class_splits(Y, labeled, 12, 1, 7, 30)
    assert tuple(np.sort(next(again)[0])) == seen[0]


def test_per_class_draws_every_node_equally_often(blobs):
    y = np.repeat([0, 1], [10, 30])
    often = np.zeros(40)
    for train, _, _ in per_class_splits(np.eye(2, dtype=bool)[y], np.arange(40), 5, 600, 0):
        often[train] += 1
    np.testing.assert_allclose(often / 600, np.where(y == 0, 0.5, 5 / 30), atol=0.09)


@pytest.mark.parametrize("how", [{"per_class": 10}, {"ratios": [0.3]}])
def test_the_strength_is_chosen_on_validation_nodes(blobs, how):
    X, y = blobs
    choices = [1e-4, 0.1, 10.0]
    chosen = node_classification(X, y, C=choices, num_valid=60, repeats=4, random_state=3, **how)
    assert {name: values.shape for name, values in chosen.chosen_C.items()} == dict.fromkeys(chosen.scores, (1, 4))
    fixed = {C: node_classification(X, y, C=C, num_valid=60, repeats=4, random_state=3, **how) for C in choices}
    for name, values in chosen.chosen_C.items():
        for split, C in enumerate(values[0]):
            assert chosen.scores[name][0, split] == fixed[C].scores[name][0, split]
    assert "C of 0.0001 … 10 chosen on validation nodes" in chosen.protocol
    assert fixed[0.1].chosen_C is None


def test_the_strength_is_the_best_of_the_validation_nodes_alone(blobs):
    X, y = blobs
    train, valid, test = np.arange(100), np.arange(100, 180), np.arange(180, 300)
    choices = [1e-5, 1e-2, 1.0, 100.0]
    chosen = node_classification(X, y, train=train, valid=valid, test=test, C=choices)
    alone = [node_classification(X, y, train=train, test=valid, C=C) for C in choices]
    for name in ("accuracy", "micro_f1", "macro_f1"):  # each by its own values
        values = [result.scores[name][0, 0] for result in alone]
        assert chosen.chosen_C[name][0, 0] == choices[int(np.argmax(values))]
    spoilt = y.copy()
    spoilt[test] = 0  # test labels are not used
    again = node_classification(X, spoilt, train=train, valid=valid, test=test, C=choices)
    assert again.chosen_C == chosen.chosen_C


def test_valid_nodes_are_not_tested(blobs):
    X, y = blobs
    mask = np.zeros(300, dtype=bool)
    mask[:50] = True
    result = node_classification(X, y, train=np.arange(50, 90), valid=mask, C=1.0)
    explicit = node_classification(X, y, train=np.arange(50, 90), test=np.arange(90, 300))
    np.testing.assert_array_equal(result.scores["accuracy"], explicit.scores["accuracy"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"C": [1.0, 2.0]}, "C must be one number without validation nodes"),
        ({"C": [0.0, 2.0], "num_valid": 9}, "C must be positive"),
        ({"per_class": 0}, "per_class and repeats must be at least 1"),
        ({"num_valid": 10**6}, "num_valid asks for 1000000 validation nodes"),
        ({"valid": [1, 2]}, "valid was given without train"),
        ({"train": [1, 2], "valid": [2, 3]}, "train and valid share 1 nodes, row 2"),
        ({"train": [1, 2], "valid": [3], "test": [3, 4]}, "valid and test share 1 nodes, row 3"),
    ],
)
def test_bad_protocols(blobs, options, message):
    with pytest.raises(ValueError, match=message):
        node_classification(*blobs, **options)


def test_per_class_needs_one_label_per_node(multilabel):
    with pytest.raises(ValueError, match="per_class must be None for a label matrix"):
        node_classification(*multilabel, per_class=5)


def test_compare_nodes_puts_untrained_rows_beside(blobs):
    X, y = blobs
    drawn = nx.stochastic_block_model(np.bincount(y).tolist(), 0.02 + 0.2 * np.eye(5), seed=0)
    graph = gr.as_graph(drawn, x=X[np.argsort(y, kind="stable")], y=np.sort(y))
    table = compare_nodes({"mine": graph.x}, graph, per_class=5, repeats=3, components=4, encoder=8)
    untrained = ["features", "propagated features", "PCA of propagated features", "several hops"]
    untrained += ["GCN of random weights"]
    assert list(table) == ["mine", *untrained]
    np.testing.assert_array_equal(table["mine"].scores["accuracy"], table["features"].scores["accuracy"])
    assert table["propagated features"].mean("accuracy") > table["features"].mean("accuracy")
    assert "propagated features (untrained)" in repr(table)
    with pytest.raises(ValueError, match="y must be given"):
        compare_nodes({}, nx.path_graph(4))


def test_several_hops_side_by_side(blobs):
    """Unit rows of the SVD after 0, 1, 2 and 4 hops; each block has the inner products of its SVD."""
    X, y = blobs
    graph = gr.as_graph(nx.gnp_random_graph(len(y), 0.05, seed=0), x=X)
    found = gr.evaluate.node_baselines(graph, columns_per_hop=min(X.shape))["several hops"]
    smooth = gr.evaluate.node_baselines(gr.as_graph(graph, x=X / np.linalg.norm(X, axis=1, keepdims=True)), hops=4)
    width = min(X.shape)
    assert found.shape == (len(y), 4 * width)
    last = smooth["propagated features"]
    last = last / np.linalg.norm(last, axis=1, keepdims=True)
    np.testing.assert_allclose(found[:, -width:] @ found[:, -width:].T, last @ last.T, atol=1e-4)
    assert "several hops" not in gr.evaluate.node_baselines(graph)
