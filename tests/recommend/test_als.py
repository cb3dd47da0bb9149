"""ALS against its objective."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

import graphrep as gr

RNG = np.random.default_rng(0)
R = ((RNG.random((30, 20)) < 0.25) * RNG.integers(1, 5, (30, 20))).astype(np.float32)
R[:, 0] = 1


def solved(r, other, alpha, l2, power):
    """Minimizers for the rows of r by the normal equations."""
    found = []
    for row in r:
        c = 1 + alpha * row
        penalty = l2 * (c.sum() / alpha) ** power
        square = (other * c[:, None]).T @ other + penalty * np.eye(other.shape[1])
        found.append(np.linalg.solve(square, other.T @ (c * (row > 0))))
    return np.array(found)


@pytest.mark.parametrize(("alpha", "l2", "power"), [(2.0, 0.5, 0.0), (10.0, 0.1, 1.0)])
def test_both_sides_minimize_the_objective(alpha, l2, power):
    options = {"dimensions": 6, "alpha": alpha, "l2": l2, "l2_power": power, "cg_steps": 8}
    model = gr.ALS(**options, iterations=100).fit(R)
    x, y = (factors.astype(np.float64) for factors in (model.user_factors_, model.item_factors_))
    np.testing.assert_allclose(x, solved(R, y, alpha, l2, power), atol=2e-4)
    np.testing.assert_allclose(y, solved(R.T, x, alpha, l2, power), atol=2e-2)


def test_a_new_user_is_one_of_fit_with_the_same_items():
    model = gr.ALS(dimensions=4).fit(R > 0)
    items = np.flatnonzero(R[3]).tolist()
    assert model.recommend_for(items) == model.recommend(3)[0]


def test_weights_are_confidence():
    """The more often a user has an item, the nearer its score is to 1."""
    listed = sp.csr_array(R > 0, dtype=np.float32)
    more = listed.copy()
    more[5, 0] = 50
    user, item = [5], 0
    one, other = (gr.ALS(dimensions=3).fit(matrix).score_users(user)[0, item] for matrix in (listed, more))
    assert abs(1 - other) < abs(1 - one)
    pairs = [(u, i) for u, i in zip(*listed.nonzero(), strict=True)]
    again = gr.ALS(dimensions=3).fit([*pairs, *[(5, 0)] * 49])
    np.testing.assert_allclose(again.score_users(user)[0, item], other, rtol=1e-3)


@pytest.mark.parametrize(("name", "value"), [("alpha", 0), ("l2", -1.0), ("l2_power", 2), ("iterations", 0)])
def test_settings_out_of_range(name, value):
    with pytest.raises(ValueError, match=f"{name} must be"):
        gr.ALS(**{name: value}).fit(R)


def test_vanishing_vectors_are_told():
    with pytest.warns(UserWarning, match=r"the vectors nearly vanish: .* take a smaller l2 than 10000.0"):
        gr.ALS(dimensions=4, l2=10_000.0).fit(R > 0)


def test_ratings_that_are_not_read_are_named():
    rated = pd.DataFrame({"user": [1, 1, 2, 2], "item": [1, 2, 1, 3], "rating": [5, 1, 4, 2]})
    model = gr.ALS(dimensions=2, l2=0.1)
    with pytest.warns(UserWarning, match="ALS does not read the column 'rating': only a column called weight"):
        without = model.fit(rated).user_factors_
    np.testing.assert_array_equal(model.fit(rated.drop(columns="rating")).user_factors_, without)
    assert (model.fit(rated.rename(columns={"rating": "weight"})).user_factors_ != without).any()
