from __future__ import annotations

import numpy as np
import pytest

import graphrep as gr
from graphrep.evaluate.ranking import KnownTriples


def triples_of(seed, count, num_entities=9, num_relations=3):
    rng = np.random.default_rng(seed)
    ends, kinds = rng.integers(num_entities, size=(count, 2)), rng.integers(num_relations, size=count)
    return np.stack([ends[:, 0], kinds, ends[:, 1]], axis=1)


def by_definition(score, triples, side, known, num_entities):
    """(greater, equal) of each triple, candidate by candidate."""
    column, true = (0 if side == "head" else 2), {tuple(one) for part in known for one in part.tolist()}
    found = []
    for triple in triples:
        scores = []
        for entity in range(num_entities):
            other = triple.copy()
            other[column] = entity
            if entity != triple[column] and tuple(other.tolist()) not in true:
                scores.append(score(other[None])[0])
        own = score(triple[None])[0]
        found.append((sum(s > own for s in scores), sum(s == own for s in scores)))
    return np.array(found)


@pytest.mark.parametrize("sides", [("head", "tail"), ("tail",), ("head",)])
def test_ranks_follow_the_definition(sides):
    train, valid, test = (triples_of(seed, 25) for seed in range(3))
    table = np.random.default_rng(0).integers(0, 5, (9, 3, 9)).astype(float)

    def score(triples):
        return table[tuple(triples.T)]

    class Dense:
        def score_candidates(self, triples, side):
            return np.stack([table[:, r, t] if side == "head" else table[h, r] for h, r, t in triples])

    for known in ([], [train], [train, valid, test]):
        for scorer in (score, Dense()):
            got = gr.evaluate.ranking(scorer, test, known=known, sides=sides, num_entities=9)
            want = {side: by_definition(score, test, side, known, 9) for side in sides}
            ranks = np.stack([1 + part[:, 0] + part[:, 1] / 2 for part in want.values()], axis=1)
            np.testing.assert_array_equal(got.ranks, ranks)
            index = KnownTriples(np.concatenate([*known, test[:0]]))
            again = gr.evaluate.ranking(scorer, test, known=index, sides=sides, num_entities=9)
            np.testing.assert_array_equal(again.ranks, ranks)
            assert got["mrr"] == pytest.approx((1 / ranks).mean())
            assert got["hits@3"] == (ranks <= 3).mean()
            assert got["mean_rank"] == ranks.mean()
            assert got["mrr_optimistic"] == pytest.approx(np.mean([1 / (1 + part[:, 0]) for part in want.values()]))
            worst = [1 / (1 + part.sum(1)) for part in want.values()]
            assert got["mrr_pessimistic"] == pytest.approx(np.mean(worst))
            for i, side in enumerate(sides):
                assert got.sides[side]["mrr"] == pytest.approx((1 / ranks[:, i]).mean())
            for kind in np.unique(test[:, 1]).tolist():
                assert got.relations[kind]["mrr"] == pytest.approx((1 / ranks[test[:, 1] == kind]).mean())
                assert got.relations[kind]["count"] == (test[:, 1] == kind).sum()
    assert dict(got).keys() == got.scores.keys()


def test_a_constant_scorer_has_the_middle_rank():
    result = gr.evaluate.ranking(lambda triples: np.zeros(len(triples)), [(0, 0, 1)], num_entities=101)
    assert result["mean_rank"] == 51
    assert (result["mrr_optimistic"], result["mrr_pessimistic"]) == (1, pytest.approx(1 / 101))


def test_known_answers_of_unseen_relations_are_none():
    known = KnownTriples(np.array([[0, 0, 1], [0, 0, 2], [1, 0, 2]]))
    indptr, ids = known.lists(np.array([[0, 0, 5], [0, 7, 5], [1, 0, 5]]), "tail")
    assert (indptr.tolist(), ids.tolist()) == ([0, 2, 2, 3], [1, 2, 2])
    assert KnownTriples(np.zeros((0, 3), np.int64)).lists(np.array([[0, 0, 1]]), "head")[0].tolist() == [0, 0]


def test_given_candidates_have_the_numbers_of_ogb():
    """The evaluator of ogbl-biokg and ogbl-wikikg2 (ogb 1.3.6): both sides as one list, ties half."""
    rng = np.random.default_rng(0)
    triples = triples_of(0, 40, 30)
    negatives = {side: rng.integers(30, size=(40, 50)) for side in ("head", "tail")}
    table = rng.integers(0, 40, (30, 3, 30)).astype(np.float32)
    result = gr.evaluate.ranking(
        lambda t: table[tuple(t.T)], triples, head_neg=negatives["head"], tail_neg=negatives["tail"]
    )
    pos = np.tile(table[tuple(triples.T)], 2)[:, None]
    heads, tails = (triples[:, [i]] for i in (0, 2))
    kinds = triples[:, [1]]
    neg = np.concatenate([table[negatives["head"], kinds, tails], table[heads, kinds, negatives["tail"]]])
    optimistic, pessimistic = (neg > pos).sum(1), (neg >= pos).sum(1)
    ranking_list = 0.5 * (optimistic + pessimistic) + 1
    for k in (1, 3, 10):
        assert result[f"hits@{k}"] == (ranking_list <= k).mean()
    assert result["mrr"] == pytest.approx((1 / ranking_list).mean(), abs=1e-12)
    report = gr.evaluate.mrr_report(pos[:, 0], neg)
    assert result["mrr"] == pytest.approx(report["mrr_list"].mean(dtype=np.float64), abs=1e-7)


def test_wrong_arguments_are_one_sentence():
    def score(triples):
        return np.zeros(len(triples))

    one = [(0, 0, 1)]
    with pytest.raises(ValueError, match="num_entities must be given"):
        gr.evaluate.ranking(score, one)
    with pytest.raises(ValueError, match="sides must be"):
        gr.evaluate.ranking(score, one, sides="tail", num_entities=3)
    with pytest.raises(ValueError, match="at least one triple"):
        gr.evaluate.ranking(score, np.zeros((0, 3), int), num_entities=3)
    with pytest.raises(ValueError, match="shape \\(num_triples, 3\\), got \\(3, 5\\); transpose it"):
        gr.evaluate.ranking(score, np.zeros((3, 5), int), num_entities=3)
    with pytest.raises(ValueError, match="given together"):
        gr.evaluate.ranking(score, one, head_neg=[[1]])
    with pytest.raises(ValueError, match="tail_neg must have shape"):
        gr.evaluate.ranking(score, one, head_neg=[[1]], tail_neg=[1])
    with pytest.raises(ValueError, match="one score per triple"):
        gr.evaluate.ranking(lambda triples: np.zeros(2), one, num_entities=5)
    with pytest.raises(IndexError, match="entities of triples"):
        gr.evaluate.ranking(score, [(0, 0, 5)], num_entities=3)
    with pytest.raises(TypeError, match="no names of entities"):
        gr.evaluate.ranking(score, [("a", "b", "c")], num_entities=3)
