from __future__ import annotations

import numpy as np
import pytest
import torch

from graphrep.evaluate import average_precision, hits_at_k, link_metrics, mrr, mrr_report, roc_auc

pytestmark = pytest.mark.filterwarnings("ignore:Hits@.* is 1 for every scorer")


def tied_scores(seed, num_pos, neg_shape, levels=7, dtype=np.float32):
    rng = np.random.default_rng(seed)
    return rng.integers(levels, size=num_pos).astype(dtype), rng.integers(levels, size=neg_shape).astype(dtype)


def brute_rank(score, negatives):
    above = sum(n > score for n in negatives)
    not_below = sum(n >= score for n in negatives)
    return 1 + 0.5 * (above + not_below)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("k", [1, 2, 10, 29, 30, 31])
def test_hits_counts_positives_strictly_above_the_kth_negative(seed, k):
    pos, neg = tied_scores(seed, 40, 30)
    expected = 1.0 if k > 30 else sum(p > sorted(neg, reverse=True)[k - 1] for p in pos) / 40
    assert hits_at_k(pos, neg, k) == expected


def test_hits_ties_miss_and_few_negatives_hit():
    assert hits_at_k(np.ones(5), np.ones(5), 5) == 0.0
    assert hits_at_k(np.zeros(5), np.ones(4), 5) == 1.0


@pytest.mark.parametrize("seed", range(5))
def test_mrr_equals_the_definition(seed):
    pos, neg = tied_scores(seed, 12, (12, 9))
    ranks = [brute_rank(p, row) for p, row in zip(pos, neg, strict=True)]
    assert mrr(pos, neg) == pytest.approx(np.mean([1 / r for r in ranks]), rel=1e-15)
    report = mrr_report(pos, neg)
    for k in (1, 3, 10):
        assert report[f"hits@{k}_list"].tolist() == [float(r <= k) for r in ranks]
    np.testing.assert_array_equal(report["mrr_list"], (1 / np.array(ranks)).astype(np.float32))


@pytest.mark.parametrize("num_neg", [1, 2, 50])
def test_shared_negatives_equal_repeated_ones(num_neg):
    pos, neg = tied_scores(3, 20, num_neg)
    assert mrr(pos, neg) == mrr(pos, np.tile(neg, (20, 1)))


def test_ranking_in_chunks_changes_nothing(monkeypatch):
    pos, neg = tied_scores(1, 17, (17, 5))
    whole = mrr_report(pos, neg)["mrr_list"]
    monkeypatch.setattr("graphrep.evaluate.metrics._CHUNK", 12)
    np.testing.assert_array_equal(mrr_report(pos, neg)["mrr_list"], whole)


def test_a_tie_with_one_negative_ranks_one_and_a_half():
    assert mrr([1.0], [[1.0]]) == pytest.approx(1 / 1.5)


def test_scores_of_different_width_are_compared_in_the_wider_one():
    third = np.float32(1 / 3)  # above 1/3 in float64
    neg = np.array([1 / 3])
    assert third > neg[0]
    assert hits_at_k(np.array([third]), neg, 1) == 1.0
    assert mrr(np.array([third]), neg) == mrr(np.array([third]), neg[None]) == 1.0


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.int64])
def test_tensors_and_arrays_agree(dtype):
    pos, neg = (torch.tensor(part).to(dtype) for part in tied_scores(0, 30, 20))
    wide = pos.double().numpy(), neg.double().numpy()
    names = ["hits@3", "mrr", "auc", "ap"]
    assert link_metrics(pos, neg, names) == link_metrics(*wide, names)
    assert link_metrics(pos.requires_grad_() if dtype.is_floating_point else pos, neg, ["auc"])["auc"] == roc_auc(*wide)


def test_auc_and_average_precision_equal_their_definitions():
    pos, neg = tied_scores(4, 60, 80, levels=9)
    wins = (pos[:, None] > neg).mean() + 0.5 * (pos[:, None] == neg).mean()
    assert roc_auc(pos, neg) == pytest.approx(wins)
    total, last_recall = 0.0, 0.0
    for threshold in sorted({*pos, *neg}, reverse=True):
        found, wrong = (pos >= threshold).sum(), (neg >= threshold).sum()
        total += (found / len(pos) - last_recall) * found / (found + wrong)
        last_recall = found / len(pos)
    assert average_precision(pos, neg) == pytest.approx(total)


def test_infinite_scores_have_a_rank():
    pos, neg = np.array([np.inf, 0.0]), np.array([0.5, -np.inf])
    assert link_metrics(pos, neg, ["hits@1", "mrr", "auc"]) == {"hits@1": 0.5, "mrr": 0.75, "auc": 0.75}


METRICS = [lambda p, n: hits_at_k(p, n, 1), mrr, mrr_report, roc_auc, average_precision]


@pytest.mark.parametrize("metric", METRICS)
def test_unusable_scores_are_refused(metric):
    good = np.ones(3)
    for pos, neg, name in (([], good, "y_pos"), (good, [], "y_neg")):
        with pytest.raises(ValueError, match=f"{name} must hold at least one score"):
            metric(pos, neg)
    with pytest.raises(ValueError, match=r"y_neg must not hold NaN, which has no rank; 1 of 2 scores do"):
        metric(good, np.array([1, np.nan]))
    with pytest.raises(ValueError, match=r"y_pos must have shape \(num_pairs,\), got \(3, 1\)"):
        metric(good[:, None], good)
    with pytest.raises(TypeError, match="real numbers"):
        metric(np.array(["a", "b"]), good)


def test_misshapen_negatives_and_unknown_names_are_refused():
    with pytest.raises(ValueError, match=r"y_neg must have shape \(num_neg,\) or \(3, num_neg\), got \(2, 3\)"):
        mrr(np.ones(3), np.ones((2, 3)))
    with pytest.raises(ValueError, match="k must be a positive integer"):
        hits_at_k(np.ones(3), np.ones(3), 0)
    for bad in ("hits@0", "hits@x", "AUC", "precision"):
        with pytest.raises(ValueError, match="metrics must be"):
            link_metrics(np.ones(3), np.ones(3), [bad])
    with pytest.raises(ValueError, match="at least one"):
        link_metrics(np.ones(3), np.ones(3), [])


def test_hits_among_own_negatives_count_ranks():
    pos, neg = tied_scores(2, 40, (40, 9))
    ranks = np.array([brute_rank(p, row) for p, row in zip(pos, neg, strict=True)])
    for k in (1, 3, 9, 10):
        assert hits_at_k(pos, neg, k) == (ranks <= k).mean()
        assert hits_at_k(torch.tensor(pos), torch.tensor(neg), k) == (ranks <= k).mean()
    assert hits_at_k([1.0], [[1.0]], 1) == 0  # a tie: rank 1.5
    assert link_metrics(pos, neg, ["hits@3", "mrr"]) == {"hits@3": (ranks <= 3).mean(), "mrr": mrr(pos, neg)}
    with pytest.raises(ValueError, match=r"y_neg must have shape \(num_neg,\) or \(40, num_neg\), got \(39, 9\)"):
        hits_at_k(pos, neg[1:], 3)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("num_neg", [1, 19, 40, 500])
@pytest.mark.parametrize("levels", [2, 20, 10**6])
def test_equal_to_ogb(ogb, levels, num_neg, dtype):
    seed = levels + num_neg
    pos, neg = tied_scores(seed, 50, num_neg, levels, dtype)
    for name in ("ogbl-ddi", "ogbl-collab", "ogbl-ppa"):
        evaluator = ogb.Evaluator(name)
        for k in {evaluator.K, 1, 20, num_neg, num_neg + 1}:
            evaluator.K = k
            for to in (np.asarray, torch.tensor):
                expected = evaluator.eval({"y_pred_pos": to(pos), "y_pred_neg": to(neg)})[f"hits@{k}"]
                assert hits_at_k(to(pos), to(neg), k) == expected
    for to in (np.asarray, torch.tensor):
        auc = ogb.Evaluator("ogbl-vessel").eval({"y_pred_pos": to(pos), "y_pred_neg": to(neg)})["rocauc"]
        assert roc_auc(to(pos), to(neg)) == auc
    pos, neg = tied_scores(seed, 50, (50, num_neg), levels, dtype)
    for name in ("ogbl-citation2", "ogbl-wikikg2", "ogbl-biokg"):
        # tensors alone: ogb 1.3.6 fails on arrays
        theirs = ogb.Evaluator(name).eval({"y_pred_pos": torch.tensor(pos), "y_pred_neg": torch.tensor(neg)})
        for to in (np.asarray, torch.tensor):
            ours = mrr_report(to(pos), to(neg))
            assert set(ours) == set(theirs)
            for key, values in theirs.items():
                np.testing.assert_array_equal(ours[key], values.numpy())
            for k in (1, 3, 10):
                assert hits_at_k(to(pos), to(neg), k) == pytest.approx(theirs[f"hits@{k}_list"].mean().item())


def test_a_metric_that_is_constant_is_not_computed_in_silence():
    """With fewer than K negatives, Hits@K is 1 for every scorer; OGB returns it all the same."""
    with pytest.warns(UserWarning, match="Hits@5 is 1 for every scorer with 4 negatives; take a smaller K"):
        assert hits_at_k(np.zeros(3), np.ones(4), 5) == 1.0
    assert list(link_metrics(np.zeros(3), np.ones(100))) == ["mrr", "auc", "ap"]
    assert list(link_metrics(np.zeros(3), np.ones(101))) == ["hits@100", "mrr", "auc", "ap"]
    assert list(link_metrics(np.zeros(3), np.ones((3, 101)))) == ["hits@100", "mrr"]
