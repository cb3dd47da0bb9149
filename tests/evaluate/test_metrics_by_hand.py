"""Small cases whose values can be worked out on paper."""

from __future__ import annotations

import numpy as np
import pytest

from graphrep.evaluate import average_precision, hits_at_k, link_metrics, mrr, mrr_report, roc_auc

POS, NEG = [0.9, 0.5, 0.2], [0.6, 0.5, 0.1]


def test_four_metrics_of_three_pairs():
    found = link_metrics(POS, NEG, ["hits@1", "hits@2", "hits@3", "mrr", "auc", "ap"])
    assert list(found) == ["hits@1", "hits@2", "hits@3", "mrr", "auc", "ap"]
    assert found["hits@1"] == pytest.approx(1 / 3)
    assert found["hits@2"] == pytest.approx(1 / 3)  # 0.5 ties with the second
    assert found["hits@3"] == 1.0
    assert found["mrr"] == pytest.approx((1 + 1 / 2.5 + 1 / 3) / 3)
    assert found["auc"] == pytest.approx((3 + 1.5 + 1) / 9)
    # thresholds 0.9, 0.6, 0.5, 0.2: recall grows by a third at the first, the third and the fourth
    assert found["ap"] == pytest.approx((1 / 1 + 2 / 4 + 3 / 5) / 3)


def test_default_metrics_are_those_of_the_tables():
    assert list(link_metrics(POS, NEG)) == ["mrr", "auc", "ap"]
    assert link_metrics(POS, NEG, "auc") == {"auc": roc_auc(POS, NEG)}


@pytest.mark.parametrize("k", [True, False, 1.0, "1", 0, -1])
def test_only_positive_integers_are_a_k(k):
    with pytest.raises(ValueError, match="k must be a positive integer"):
        hits_at_k(POS, NEG, k)


def test_numpy_integers_are_a_k():
    assert hits_at_k(POS, NEG, np.int64(1)) == hits_at_k(POS, NEG, 1) == pytest.approx(1 / 3)


@pytest.mark.parametrize("name", ["hits@01", "hits@-1", "hits@", "hits@1 ", "hits@10x", " mrr", "mrr2", 3])
def test_names_must_match_from_end_to_end(name):
    with pytest.raises(ValueError, match="metrics must be"):
        link_metrics(POS, NEG, [name])


def test_the_report_is_in_single_precision_and_by_positive():
    report = mrr_report([0.9, 0.5], [[0.1, 0.2, 0.3], [0.7, 0.6, 0.8]])
    assert set(report) == {"hits@1_list", "hits@3_list", "hits@10_list", "mrr_list"}
    assert all(values.dtype == np.float32 and values.shape == (2,) for values in report.values())
    assert report["hits@1_list"].tolist() == report["hits@3_list"].tolist() == [1, 0]
    assert report["hits@10_list"].tolist() == [1, 1]
    assert report["mrr_list"].tolist() == [1, 0.25]


def test_negatives_of_three_axes_and_scores_of_two_are_refused():
    with pytest.raises(ValueError, match=r"y_neg must have shape \(num_neg,\) or \(3, num_neg\), got \(3, 1, 1\)"):
        mrr(POS, np.zeros((3, 1, 1)))
    for metric in (roc_auc, average_precision):
        with pytest.raises(ValueError, match=r"y_neg must have shape \(num_pairs,\), got \(3, 1\)"):
            metric(POS, np.zeros((3, 1)))


def test_infinities_keep_their_order():
    assert average_precision([np.inf, 0.0], [0.5, -np.inf]) == pytest.approx((1 + 2 / 3) / 2)
    assert roc_auc([np.inf], [np.inf, -np.inf]) == 0.75
    assert mrr([np.inf], [np.inf]) == pytest.approx(1 / 1.5)
