"""FastRP's options and bounds, each by what it changes."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
import scipy.sparse as sp

import graphrep as gr
from graphrep.embed import tune_fastrp

KARATE = gr.as_graph(nx.karate_club_graph())


def fit(**options):
    return gr.FastRP(**{"dimensions": 16, **options}).fit_transform(KARATE)


def test_the_defaults():
    default = gr.FastRP().fit_transform(KARATE)
    assert default.shape == (34, 128)
    explicit = gr.FastRP(
        dimensions=128, iteration_weights=(0, 0, 1, 2, 4, 8), normalization_strength=0, self_influence=0,
        sparsity=34**0.5, feature_ratio=0, normalize_rows=True, standardize=True, precision="float32", random_state=0,
    )  # fmt: skip
    np.testing.assert_array_equal(explicit.fit_transform(KARATE), default)


@pytest.mark.parametrize(
    "options",
    [
        {"iteration_weights": (0.0, 0.0, 1.0, 2.0, 4.0, 9.0)},
        {"iteration_weights": (0.1, 0.0, 1.0, 2.0, 4.0, 8.0)},
        {"normalization_strength": -0.5},
        {"self_influence": 1.0},
        {"sparsity": 1.0},
        {"normalize_rows": False},
        {"standardize": False},
        {"random_state": 1},
        {"precision": "float16"},
    ],
    ids=str,
)
def test_every_option_changes_the_vectors(options):
    exact = {"rtol": 1e-5, "atol": 1e-6} if "precision" in options else {}
    assert not np.allclose(fit(**options), fit(), **exact)


def test_a_sparsity_of_one_fills_every_entry():
    options = {"iteration_weights": (), "self_influence": 1.0, "standardize": False, "normalize_rows": False}
    dense = fit(sparsity=1, **options)
    assert (dense != 0).all()
    assert len(np.unique(np.abs(dense).round(5))) == 1
    third = gr.FastRP(dimensions=300, sparsity=3, **options).fit_transform(KARATE)
    assert 0.3 < (third != 0).mean() < 0.37
    default = gr.FastRP(dimensions=300, **options).fit_transform(KARATE)
    assert 0.15 < (default != 0).mean() < 0.195  # 1 / sqrt(34) is 0.171


def test_rows_of_the_sum_are_as_long_as_the_weight():
    for weight in (1.0, 2.5, -3.0):
        rows = fit(iteration_weights=(0.0, weight), standardize=False, sparsity=1)
        np.testing.assert_allclose(np.linalg.norm(rows, axis=1), abs(weight), rtol=1e-5)
    own = fit(iteration_weights=(), self_influence=2.0, standardize=False, sparsity=1)
    np.testing.assert_allclose(np.linalg.norm(own, axis=1), 2, rtol=1e-5)


def test_what_is_subtracted_and_divided_by_is_kept():
    raw = fit(standardize=False, self_influence=0.5)
    model = gr.FastRP(dimensions=16, self_influence=0.5).fit(KARATE)
    np.testing.assert_allclose(model.mean_, raw.mean(axis=0), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(model.scale_, raw.std(axis=0), rtol=1e-4)
    assert model.mean_.dtype == model.scale_.dtype == np.float32
    plain = gr.FastRP(dimensions=16, standardize=False).fit(KARATE)
    assert plain.mean_.tolist() == [0.0] * 16
    assert plain.scale_.tolist() == [1.0] * 16


@pytest.mark.filterwarnings("ignore:.* vectors of FastRP are")  # the features alone do not tell nodes apart
@pytest.mark.parametrize(("ratio", "columns"), [(0.0, 0), (0.1, 1), (0.5, 5), (0.99, 9), (1.0, 10)])
def test_a_share_of_the_columns_comes_from_the_features(ratio, columns):
    x = np.zeros((34, 3))  # so that those columns are zero
    options = {"iteration_weights": (1.0,), "standardize": False, "sparsity": 1.0}
    model = gr.FastRP(dimensions=10, feature_ratio=ratio, **options)
    vectors = model.fit_transform(KARATE, features=x)
    assert (np.flatnonzero((vectors != 0).any(axis=0)) == np.arange(10 - columns)).all()


def test_features_are_projected_by_a_seed_of_their_own():
    x = np.eye(34)
    options = {"dimensions": 400, "iteration_weights": (), "self_influence": 1.0, "standardize": False}
    vectors = gr.FastRP(feature_ratio=0.5, normalize_rows=False, sparsity=3.0, **options).fit_transform(
        KARATE, features=x
    )
    random, projected = vectors[:, :200], vectors[:, 200:]
    assert 0.31 < (projected != 0).mean() < 0.36  # density 1/3
    assert abs(np.corrcoef(random.ravel(), projected.ravel())[0, 1]) < 0.05  # not the same draws


def test_features_given_count_more_than_those_of_the_graph():
    rng = np.random.default_rng(0)
    own, other = rng.standard_normal((2, 34, 4))
    graph = gr.as_graph(KARATE, x=own)
    model = gr.FastRP(dimensions=8, feature_ratio=0.5)
    of_graph, of_argument = model.fit_transform(graph), model.fit_transform(graph, features=other)
    np.testing.assert_array_equal(of_graph, model.fit_transform(KARATE, features=own))
    assert not np.allclose(of_graph, of_argument)
    with pytest.raises(ValueError, match=r"features must have shape \(34, num_features\), got \(34,\)"):
        model.fit(KARATE, features=np.ones(34))


def test_hubs_weigh_less_below_zero():
    star = gr.as_graph(nx.star_graph(20))
    options = {"dimensions": 64, "iteration_weights": (), "self_influence": 1.0, "sparsity": 1.0}
    options |= {"normalize_rows": False, "standardize": False}
    for strength in (-1.0, -0.5, 0.5):
        lengths = np.linalg.norm(gr.FastRP(normalization_strength=strength, **options).fit_transform(star), axis=1)
        assert lengths[0] / lengths[1] == pytest.approx(20**strength, rel=1e-5)
        assert max(lengths[0], lengths[1]) == pytest.approx(1, rel=1e-5)  # the largest factor is 1


def test_new_rows_may_be_empty_or_none():
    model = gr.FastRP(dimensions=8).fit(KARATE)
    empty = model.transform(np.zeros((2, 34)))
    np.testing.assert_allclose(empty, np.broadcast_to(-model.mean_ / model.scale_, (2, 8)), rtol=1e-5)
    one = np.zeros((1, 34))
    one[0, 3] = 5.0
    np.testing.assert_allclose(model.transform(one), model.transform((one > 0).astype(float)), rtol=1e-5)


def test_a_zero_first_weight_still_counts_as_a_step():
    """(0, 1) is the square of the transition matrix, (1,) the matrix."""
    raw = {"standardize": False, "normalize_rows": False, "sparsity": 1.0}
    walk = KARATE.to_scipy().toarray().astype(float)
    walk /= walk.sum(axis=1, keepdims=True)
    start = fit(iteration_weights=(), self_influence=1.0, **raw)
    np.testing.assert_allclose(fit(iteration_weights=(1.0,), **raw), walk @ start, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(fit(iteration_weights=(0.0, 1.0), **raw), walk @ walk @ start, rtol=1e-4, atol=1e-6)
    both = fit(iteration_weights=(2.0, 0.0, 0.5), **raw)
    expected = 2 * walk @ start + 0.5 * np.linalg.matrix_power(walk, 3) @ start
    np.testing.assert_allclose(both, expected, rtol=1e-4, atol=1e-5)


# Tuning


def test_tuning_draws_twenty_settings_of_the_default_ranges():
    _, history = tune_fastrp(KARATE, lambda vectors: float(vectors[0, 0]), estimator=gr.FastRP(dimensions=2))
    assert len(history) == 20
    last = np.array([trial.iteration_weights[-1] for trial in history[1:]])
    strength = np.array([trial.normalization_strength for trial in history[1:]])
    assert history[0].iteration_weights[-1] == 8.0
    assert 1 <= last.min() < last.max() <= 64
    assert -1 <= strength.min() < strength.max() <= 0
    assert np.log(last).mean() == pytest.approx(np.log(64) / 2, abs=1)  # log-uniform
    assert strength.mean() == pytest.approx(-0.5, abs=0.25)


def test_tuning_within_a_single_value():
    best, history = tune_fastrp(
        KARATE, lambda vectors: -1.0, estimator=gr.FastRP(dimensions=2), trials=3, last_weight=(5.0, 5.0),
        strength=(0.25, 0.25),
    )  # fmt: skip
    assert [trial.iteration_weights[-1] for trial in history] == pytest.approx([8, 5, 5])
    assert [trial.normalization_strength for trial in history] == [0, 0.25, 0.25]
    assert best.iteration_weights == history[0].iteration_weights  # the first of equals
    assert all(trial.score == -1.0 for trial in history)


def test_tuning_keeps_the_best_wherever_it_is():
    for winner in range(4):
        values = iter([1.0 if trial == winner else 0.0 for trial in range(4)])
        best, history = tune_fastrp(
            KARATE, lambda vectors, values=values: next(values), estimator=gr.FastRP(dimensions=2), trials=4
        )
        assert (best.iteration_weights, best.normalization_strength) == history[winner][1:]


def test_every_trial_is_scored_by_the_vectors_of_its_own_setting():
    seen = []

    def score(vectors):
        seen.append(vectors.copy())
        return float(len(seen))

    estimator = gr.FastRP(dimensions=8, iteration_weights=(0.0, 1.0, 1.0))
    best, history = tune_fastrp(KARATE, score, estimator=estimator, trials=3)
    for vectors, trial in zip(seen, history, strict=True):
        estimator.set_params(
            iteration_weights=trial.iteration_weights, normalization_strength=trial.normalization_strength
        )
        np.testing.assert_array_equal(vectors, estimator.fit_transform(KARATE))
    assert (best.iteration_weights, best.normalization_strength) == history[2][1:]


# New nodes


def test_one_negative_weight_among_positive_ones_is_refused_and_a_stored_zero_is_none():
    model = gr.FastRP(dimensions=8).fit(KARATE)
    rows = np.zeros((2, 34))
    rows[0, 3], rows[1, 7], rows[1, 9] = 2, 1, -0.5
    with pytest.raises(ValueError, match=r"new must not have negative weights, got -0.5\."):
        model.transform(rows)
    stored = sp.csr_array((np.array([2.0, 0.0]), (np.array([0, 0]), np.array([3, 5]))), shape=(1, 34))
    assert stored.nnz == 2
    np.testing.assert_array_equal(model.transform(stored), model.transform(rows[:1]))


@pytest.mark.parametrize("normalize_rows", [True, False])
def test_new_rows_are_normalized_as_the_fitted_ones(normalize_rows):
    model = gr.FastRP(dimensions=8, normalize_rows=normalize_rows, standardize=False).fit(KARATE)
    np.testing.assert_allclose(model.transform(KARATE), model.embedding_, rtol=1e-3, atol=1e-5)


def test_scikit_learn_is_told_that_vectors_are_single_precision():
    from sklearn.utils import get_tags

    assert get_tags(gr.FastRP()).transformer_tags.preserves_dtype == ["float32"]
    assert gr.FastRP(dimensions=4).fit(KARATE).transform(np.eye(34, dtype=np.float64)).dtype == np.float32
