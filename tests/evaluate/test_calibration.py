"""Calibration against the definition, and calibrators against scikit-learn and SciPy."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pandas as pd
import pytest
import torch
from scipy.optimize import minimize
from scipy.special import expit
from sklearn.isotonic import IsotonicRegression

import graphrep as gr
from graphrep.evaluate import Calibrator, Comparison, calibration, edge_calibration, fit_calibrator, pair_groups


def ece_by_definition(p, y, bins):
    total = 0.0
    for m in range(bins):
        inside = (p >= m / bins) & ((p < (m + 1) / bins) | (m == bins - 1))
        if inside.any():
            total += inside.mean() * abs(p[inside].mean() - y[inside].mean())
    return total


@pytest.fixture
def scores():
    """Scores of edges and of three times as many other pairs whose logits are three times too large."""
    rng = np.random.default_rng(0)
    logit = rng.normal(-1, 1.5, 4000)
    edge = rng.random(4000) < expit(logit)
    return 3 * logit[edge], 3 * logit[~edge]


class TestCalibration:
    @pytest.mark.parametrize("bins", [1, 5, 15])
    def test_it_is_the_definition(self, scores, bins):
        pos, neg = scores
        found = calibration(pos, neg, logits=True, bins=bins)
        p, y = expit(np.concatenate([pos, neg])), np.repeat([1, 0], [len(pos), len(neg)])
        assert found.ece == pytest.approx(ece_by_definition(p, y, bins))
        assert found.brier == pytest.approx(((p - y) ** 2).mean())
        assert found.counts.sum() == 4000
        np.testing.assert_allclose(np.nansum(found.counts * found.confidence), p.sum())
        np.testing.assert_allclose(np.nansum(found.counts * found.frequency), y.sum())
        same = calibration(expit(pos), torch.tensor(expit(neg)), bins=bins)
        assert same.ece == pytest.approx(found.ece)

    def test_negatives_of_each_positive(self, scores):
        pos, neg = expit(scores[0][:100]), expit(scores[1][:300])
        assert calibration(pos, neg.reshape(100, 3)).ece == calibration(pos, neg).ece

    def test_the_ends_of_the_range(self):
        found = calibration([1.0, 1.0], [0.0])
        assert found.ece == found.brier == 0
        assert found.counts[[0, -1]].tolist() == [1, 2]
        assert np.isnan(found.confidence[1:-1]).all()

    def test_groups(self, scores):
        pos, neg = (expit(part) for part in scores)
        kinds = np.where(pos > 0.5, "sure", "unsure"), np.where(neg > 0.5, "sure", "unsure")
        found = calibration(pos, neg, groups=kinds)
        assert list(found.groups) == ["sure", "unsure"]
        for name, group in found.groups.items():
            alone = calibration(pos[kinds[0] == name], neg[kinds[1] == name])
            assert (group.ece, group.brier) == (alone.ece, alone.brier)
        assert [line.split()[0] for line in repr(found).splitlines()[3:6]] == ["all", "sure", "unsure"]
        for wrong in ((kinds[0][1:], kinds[1]), (kinds[0], kinds[1][1:])):
            with pytest.raises(ValueError, match="groups must have one group for each of the"):
                calibration(pos, neg, groups=wrong)

    def test_tables(self, scores):
        found = calibration(*(expit(part) for part in scores))
        table = Comparison({"mine": found}, {})
        assert repr(table).splitlines()[0] == "4000 pairs"
        assert repr(table).splitlines()[1].split() == ["ECE", "Brier", "mean", "true"]

    def test_what_is_refused(self):
        with pytest.raises(
            ValueError, match=r"y_neg must hold probabilities in \[0, 1\], got -1 … 2; give logits=True"
        ):
            calibration([0.5], [-1.0, 2.0])
        with pytest.raises(ValueError, match="y_pos must be finite, but 1 of 2 scores are not"):
            calibration([np.inf, 0.5], [0.1])
        with pytest.raises(ValueError, match="y_pos must not hold NaN"):
            calibration([np.nan], [0.1])
        with pytest.raises(ValueError, match="y_neg must hold at least one score"):
            calibration([0.5], [])
        with pytest.raises(ValueError, match="bins must be at least 1"):
            calibration([0.5], [0.1], bins=0)
        with pytest.raises(ValueError, match="logits must be False with a calibrator"):
            calibration([0.5], [0.1], logits=True, calibrator=Calibrator("platt"))
        with pytest.warns(UserWarning, match="give logits=False if they are probabilities already"):
            calibration([0.5], [0.1], logits=True)


class TestCalibrators:
    @pytest.mark.parametrize("method", ["isotonic", "platt"])
    def test_what_is_fitted_on_validation_calibrates_the_test_pairs(self, scores, method):
        pos, neg = scores
        calibrator = fit_calibrator(pos[::2], neg[::2], method)
        raw = calibration(pos[1::2], neg[1::2], logits=True)
        found = calibration(pos[1::2], neg[1::2], calibrator=calibrator)
        assert raw.ece > 0.08
        assert found.ece < 0.04
        assert found.brier < raw.brier
        grid = calibrator.transform(np.linspace(-20, 20, 99))
        assert (np.diff(grid) >= 0).all()
        assert ((grid >= 0) & (grid <= 1)).all()

    def test_isotonic_is_that_of_scikit_learn(self, scores):
        pos, neg = (np.round(part, 1) for part in scores)  # ties
        fitted = IsotonicRegression(out_of_bounds="clip").fit(
            np.concatenate([pos, neg]), np.repeat([1.0, 0.0], [len(pos), len(neg)])
        )
        grid = np.linspace(-15, 15, 301).reshape(7, 43)
        found = fit_calibrator(pos, neg).transform(grid)
        assert found.shape == (7, 43)
        np.testing.assert_allclose(found.ravel(), fitted.predict(grid.ravel()))

    @pytest.mark.parametrize(("scale", "shift"), [(1.0, 0.0), (1e-6, 0.0), (1e5, -3e6)])
    def test_platt_is_the_optimum(self, scores, scale, shift):
        pos, neg = scores
        high, low = (len(pos) + 1) / (len(pos) + 2), 1 / (len(neg) + 2)
        target = np.repeat([high, low], [len(pos), len(neg)])
        both = np.concatenate([pos, neg])

        def loss(line):
            logit = line[0] * both + line[1]
            return (np.logaddexp(0, logit) - target * logit).sum()

        best = minimize(loss, [0.1, 0.0], method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-9}).x
        found = fit_calibrator(pos * scale + shift, neg * scale + shift, "platt")
        np.testing.assert_allclose(found.transform(both * scale + shift), expit(best[0] * both + best[1]), atol=1e-6)

    def test_platt_of_separated_and_constant_scores(self):
        found = fit_calibrator([5.0, 6.0, 7.0], [-5.0, -6.0], "platt")
        assert np.isfinite([found.slope, found.intercept]).all()
        low, high = found.transform([-5.5, 6.0])
        assert low == pytest.approx(1 / 4, abs=0.05)  # Platt's targets
        assert high == pytest.approx(4 / 5, abs=0.05)
        assert fit_calibrator([1.0] * 3, [1.0] * 6, "platt").transform([1.0])[0] == pytest.approx(
            (3 * 4 / 5 + 6 * 1 / 8) / 9
        )
        with pytest.warns(UserWarning, match="higher scores mean less likely edges"):
            fit_calibrator([0.0, 1.0, 2.0, 2.5], [2.0, 3.0, 4.0], "platt")

    def test_what_is_refused(self):
        with pytest.raises(ValueError, match="method must be one of isotonic, platt; got 'beta'"):
            fit_calibrator([1.0], [0.0], "beta")
        with pytest.raises(ValueError, match="y_neg must be finite"):
            fit_calibrator([1.0], [-np.inf])
        with pytest.raises(ValueError, match="scores must not hold NaN"):
            fit_calibrator([1.0], [0.0]).transform([np.nan])
        assert fit_calibrator([1.0], [0.0]).transform([]).shape == (0,)


class TestGroups:
    def test_common_neighbors_and_degrees(self):
        graph = nx.gnp_random_graph(40, 0.3, seed=0)
        graph.add_edge(3, 3)
        pairs = np.array([(u, v) for u in range(40) for v in range(u)]).T
        lows = [0, 2, 3, 5, 9]
        plain = nx.Graph(graph)
        plain.remove_edge(3, 3)
        numbers = {
            "common neighbors": [len(set(plain[u]) & set(plain[v])) for u, v in pairs.T],
            "degree": [min(plain.degree(u), plain.degree(v)) for u, v in pairs.T],
        }
        for by, values in numbers.items():
            expected = [max(low for low in lows if low <= value) for value in values]
            assert pair_groups(graph, pairs, by, lows=lows).tolist() == expected
            both = pair_groups(graph, np.stack([pairs, pairs[::-1]], axis=-1), by, lows=lows)
            assert both.shape == (780, 2)
            assert both[:, 1].tolist() == expected

    def test_names(self):
        g = gr.as_graph([("a", "b"), ("b", "c"), ("a", "c")])
        assert pair_groups(g, [("a", "b"), ("a", "c")], lows=(0, 1)).tolist() == [1, 1]

    def test_what_is_refused(self):
        g = nx.path_graph(3)
        with pytest.raises(ValueError, match="by must be one of common neighbors, degree"):
            pair_groups(g, [[0], [1]], "distance")
        for lows in ((1, 2), (0, 0), ()):
            with pytest.raises(ValueError, match="lows must ascend from 0"):
                pair_groups(g, [[0], [1]], lows=lows)

    def test_calibration_by_them(self):
        split = gr.evaluate.random_link_split(nx.powerlaw_cluster_graph(200, 4, 0.5, seed=0), test=0.2)
        rng = np.random.default_rng(0)
        groups = tuple(pair_groups(split.graph, part) for part in (split.test, split.test_neg))
        found = calibration(rng.random(split.test.shape[1]), rng.random(split.test_neg.shape[1]), groups=groups)
        assert 0 in found.groups
        assert sum(group.counts.sum() for group in found.groups.values()) == found.counts.sum()


class TestEdges:
    def test_it_is_the_definition(self):
        rng = np.random.default_rng(0)
        P = rng.dirichlet(np.ones(3), 50).astype(np.float32)
        y = np.where(rng.random(50) < 0.1, -1, rng.integers(3, size=50))
        graph = nx.gnp_random_graph(50, 0.2, seed=1)
        graph.add_edge(0, 0)
        confidence, right, same = [], [], []
        for u, v in graph.edges:
            if u != v and y[u] >= 0 and y[v] >= 0:
                confidence.append(float(P[u].max()) * float(P[v].max()))
                right.append(P[u].argmax() == y[u] and P[v].argmax() == y[v])
                same.append(y[u] == y[v])
        confidence, right, same = map(np.array, (confidence, right, same))
        found = edge_calibration(P, y, graph, bins=10)
        assert found.counts.sum() == len(right)
        assert found.ece == pytest.approx(ece_by_definition(confidence, right, 10))
        for name, rows in (("same label", same), ("different labels", ~same)):
            assert found.groups[name].ece == pytest.approx(ece_by_definition(confidence[rows], right[rows], 10))
        assert repr(found).startswith(f"{len(right)} edges")

    def test_names(self):
        names = np.array([f"n{i}" for i in range(6)], dtype=object)
        P = np.random.default_rng(1).dirichlet(np.ones(2), 6)
        y = np.array([0, 1, 0, 1, 1, 0])
        order = np.array([3, 1, 0, 5, 4, 2])
        g = gr.as_graph([("n0", "n1"), ("n1", "n2"), ("n3", "n4"), ("n4", "n5")])
        expected = edge_calibration(P, y, [[0, 1, 3, 4], [1, 2, 4, 5]])
        found = edge_calibration(pd.DataFrame(P[order], names[order]), pd.Series(y[order[::-1]], names[order[::-1]]), g)
        assert found.ece == pytest.approx(expected.ece)

    def test_what_is_refused(self):
        P, y, edge = np.full((4, 2), 0.5), np.array([0, 1, 0, 1]), [[0], [1]]
        for arguments, message in (
            ((P * 2, y, edge), "sum to 1 in each row; row 0 sums to 2"),
            ((P + np.array([0.7, -0.7]), y, edge), "probabilities must be at least 0"),
            ((P, y + 1, edge), "y must be column numbers below 2, got 2"),
            ((P, y[:3], edge), "y must be one integer for each of the 4 nodes"),
            ((P, y / 2, edge), "y must be one integer for each of the 4 nodes"),
            ((P, -y - 1, edge), "must have an edge between two labeled nodes"),
            ((P, y, [[2], [2]]), "must have an edge between two labeled nodes"),
        ):
            with pytest.raises(ValueError, match=message):
                edge_calibration(*arguments)
