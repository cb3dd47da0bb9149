from __future__ import annotations

import numpy as np
import pytest

import graphrep as gr
from graphrep.ops.ranking import METRICS

SHAPES = [(0, 5, 4), (1, 1, 2), (5, 7, 6), (7, 33, 2), (13, 300, 10), (31, 129, 16), (520, 70, 4)]


def problem(num_queries, num_candidates, columns, dtype=np.int64):
    """Small integers, whose scores are exact and often equal; known lists with repeats and with answers."""
    rng = np.random.default_rng([num_queries, num_candidates, columns])
    queries = rng.integers(-2, 3, (num_queries, columns)).astype(np.float32)
    candidates = rng.integers(-2, 3, (num_candidates, columns)).astype(np.float32)
    answers = rng.integers(0, num_candidates, num_queries)
    sizes = rng.integers(0, 50, num_queries)
    indptr = np.concatenate([[0], np.cumsum(sizes)])
    ids = rng.integers(0, num_candidates, indptr[-1]).astype(dtype)
    return queries, candidates, answers, (indptr, ids)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.usefixtures("isa")
def test_counts_equal_the_reference(shape, metric, monkeypatch):
    for dtype in (np.int64, np.int32):
        queries, candidates, answers, known = problem(*shape, dtype)
        if metric == "complex":  # moduli of real numbers are exact
            queries[:, shape[2] // 2 :] = candidates[:, shape[2] // 2 :] = 0
        bias = np.arange(shape[1], dtype=np.float32) % 3
        for options in ({}, {"known": known}, {"known": known, "bias": bias}):
            monkeypatch.setenv("GRAPHREP_BACKEND", "native")
            got = gr.ops.rank_candidates(queries, candidates, answers, metric=metric, n_jobs=1, **options)
            again = gr.ops.rank_candidates(queries, candidates, answers, metric=metric, n_jobs=3, **options)
            monkeypatch.setenv("GRAPHREP_BACKEND", "reference")
            want = gr.ops.rank_candidates(queries, candidates, answers, metric=metric, **options)
            for counts in zip(got, again, want, strict=True):
                np.testing.assert_array_equal(counts[0], counts[2])
                np.testing.assert_array_equal(counts[1], counts[2])


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.usefixtures("isa")
def test_equal_rows_tie_wherever_they_stand(metric):
    """The rounding of a score must not depend on the place of a candidate, or a constant scorer would not be one."""
    rng = np.random.default_rng(0)
    queries, row = rng.standard_normal((11, 38)).astype(np.float32), rng.standard_normal(38).astype(np.float32)
    candidates = np.tile(row, (301, 1))
    counts = gr.ops.rank_candidates(queries, candidates, np.arange(11) * 27, metric=metric)
    assert not counts.greater.any()
    assert (counts.equal == 300).all()
    assert (counts.ranks() == 151).all()
    assert (counts.ranks("optimistic") == 1).all()
    assert (counts.ranks("pessimistic") == 301).all()
    known = np.arange(12) * 4, np.tile([0, 27, 54, 300], 11)
    counts = gr.ops.rank_candidates(queries, candidates, np.arange(11) * 27, known, metric=metric)
    assert not counts.greater.any()
    assert counts.equal.tolist() == [297, 297, 297] + 8 * [296]


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.usefixtures("isa")
def test_real_numbers_have_the_ranks_of_a_sorted_list(metric):
    rng = np.random.default_rng(1)
    queries, candidates = rng.standard_normal((40, 14)), rng.standard_normal((500, 14))
    queries, candidates = queries.astype(np.float32), candidates.astype(np.float32)
    difference = queries[:, None] - candidates
    scores = {
        "dot": queries @ candidates.T,
        "l1": -np.abs(difference).sum(2),
        "l2": -(difference**2).sum(2),
        "complex": -np.abs(difference[..., :7] + 1j * difference[..., 7:]).sum(2),
    }[metric]
    answers = rng.integers(0, 500, 40)
    order = np.argsort(-scores, axis=1)
    ranks = (order == answers[:, None]).argmax(1) + 1
    np.testing.assert_array_equal(gr.ops.rank_candidates(queries, candidates, answers, metric=metric).ranks(), ranks)


def test_scores_that_overflow_count_as_ties():
    big = np.full((1, 4), 3e38, np.float32)
    signs = np.array([[1, -1, 1, -1], [1, 1, 1, 1], [-1, -1, -1, -1], [1, -1, -1, 1]], np.float32)
    counts = gr.ops.rank_candidates(big, signs * big, [1])
    assert counts.greater[0] == 0


def test_arguments_are_refused_in_one_sentence():
    one = np.zeros((1, 2), np.float32)
    rank = gr.ops.rank_candidates
    with pytest.raises(ValueError, match="as many columns, got 2 and 3"):
        rank(one, np.zeros((1, 3)), [0])
    with pytest.raises(ValueError, match="metric must be one of dot, l1, l2, complex; got 'cosine'"):
        rank(one, one, [0], metric="cosine")
    with pytest.raises(ValueError, match="even number of columns, got 3"):
        rank(np.zeros((1, 3)), np.zeros((1, 3)), [0], metric="complex")
    with pytest.raises(IndexError, match=r"answers must lie in \[0, 1\)"):
        rank(one, one, [1])
    with pytest.raises(TypeError, match="answers must hold integers"):
        rank(one, one, [0.5])
    with pytest.raises(ValueError, match="answers must have one entry per query"):
        rank(one, one, [0, 0])
    with pytest.raises(IndexError, match="known ids"):
        rank(one, one, [0], ([0, 1], [1]))
    with pytest.raises(ValueError, match="known indptr must ascend from 0 to 1 with 2 entries"):
        rank(one, one, [0], ([0, 2], [0]))
    with pytest.raises(ValueError, match="queries must be finite in float32; row 0 is not"):
        rank(np.full((1, 2), np.nan), one, [0])
    with pytest.raises(ValueError, match="bias must be finite"):
        rank(one, one, [0], bias=[0.0, 1.0])
    with pytest.raises(ValueError, match="ties must be one of"):
        rank(one, one, [0]).ranks("best")
