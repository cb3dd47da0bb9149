"""Ensembles of scorers of triples against rankings from their definition."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import rankdata
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

import graphrep as gr
from graphrep.relational.ensemble import candidates, mean_ranks
from tests.evaluate.test_ranking import by_definition, triples_of

SMALL = {"dimensions": 6, "epochs": 3, "batch_size": 16}
TRAIN, VAL = triples_of(0, 60, 12), triples_of(1, 40, 12)
VAL = np.unique([row for row in VAL.tolist() if row not in TRAIN.tolist()], axis=0)
SIZES = {"entities": 12, "relations": 3}


@pytest.fixture(scope="module")
def fitted():
    models = gr.ComplEx(**SMALL), gr.TransE(**SMALL, num_negatives=7)
    return [model.fit(TRAIN, val=VAL, **SIZES) for model in models]


def mrr(score, triples, known, relation=None):
    """Reciprocal ranks from scores of all entities, by side."""
    rows = triples if relation is None else triples[triples[:, 1] == relation]
    found = []
    for side in ("head", "tail"):
        want = by_definition(lambda t, side=side: score(t, side), rows, side, known, 12)
        found.append((1 / (1 + want[:, 0] + want[:, 1] / 2)).mean())
    return np.array(found)


def test_mean_ranks_are_those_of_scipy():
    scores = np.random.default_rng(0).integers(0, 5, (6, 9)).astype(float)
    np.testing.assert_array_equal(mean_ranks(scores), rankdata(-scores, axis=1))
    assert mean_ranks(np.zeros((2, 1))).tolist() == [[1.0], [1.0]]
    assert mean_ranks(np.zeros((0, 4))).shape == (0, 4)


@pytest.mark.parametrize("min_triples", [1, 13, 100])
def test_no_weights_are_better_on_validation(fitted, min_triples):
    model = gr.RelationEnsemble(models=["symmetry", *fitted], trials=12, min_triples=min_triples)
    model.fit(TRAIN, val=VAL, **SIZES)
    known, tried = [TRAIN, VAL], candidates(3, 12, 0)
    ranks = {
        side: model._ranks(np.array([[e, r, e] for e in range(12) for r in range(3)]), side)
        for side in ("head", "tail")
    }

    def scorer(weights):
        def score(triples, side):
            given, answer = (2, 0) if side == "head" else (0, 2)
            rows = ranks[side][:, triples[:, given] * 3 + triples[:, 1], triples[:, answer]]
            return -(weights @ rows)

        return score

    each = np.array([[mrr(scorer(w), VAL, known, kind) for kind in range(3)] for w in tried])  # weights, relation, side
    counts = np.bincount(VAL[:, 1], minlength=3)
    total = (each.mean(axis=2) * counts).sum(axis=1) / len(VAL)
    np.testing.assert_allclose(model.model_mrr_, total[:3])
    for one, found in zip(fitted, model.model_mrr_[1:], strict=True):
        assert one.rank(VAL, known=known)["mrr"] == pytest.approx(found)
    assert model.mrr_ == pytest.approx(model.rank(VAL, known=known)["mrr"])
    assert model.mrr_ >= model.model_mrr_.max()
    few = counts < min_triples
    assert few.any() == (min_triples > 1)
    for kind in np.flatnonzero(~few).tolist():
        np.testing.assert_array_equal(model.weights_[kind], tried[each[:, kind].argmax(axis=0)])
    if few.any():
        of_few = (each[:, few].mean(axis=2) * counts[few]).sum(axis=1)
        good = np.flatnonzero(of_few >= of_few[total[:3].argmax()] - 1e-12)
        shared = tried[good[total[good].argmax()]]
        assert (model.weights_[few] == shared).all()


def test_each_relation_gets_the_model_that_knows_it():
    """The symmetry rule knows one relation, a scorer of the user the other."""
    rng = np.random.default_rng(0)
    near = np.array([(a, 0, b) for a, b in rng.permutation(40).reshape(20, 2).tolist() for a, b in ((a, b), (b, a))])
    after = np.array([(i, 1, (i + 1) % 40) for i in range(40)])
    held = np.concatenate([near[1::4], after[::4]])
    train = np.concatenate([np.delete(near, np.s_[1::4], axis=0), np.delete(after, np.s_[::4], axis=0)])

    class Next:
        def score_candidates(self, triples, side):
            step = 1 if side == "tail" else -1
            given = triples[:, 0 if side == "tail" else 2]
            return -np.abs((given[:, None] + step) % 40 - np.arange(40))

    rule = Next()
    model = gr.RelationEnsemble(models=["symmetry", rule], min_triples=5, trials=0)
    model.fit(train, val=held, entities=40, relations=2)
    assert model.weights_.tolist() == [[[1, 0]] * 2, [[0, 1]] * 2]
    assert model.mrr_ == 1
    assert (model.model_mrr_ < 0.8).all()
    assert model.predict(head=4, relation=1, k=1, new=False) == [(5, -1.0)]
    with pytest.raises(ValueError, match="models holds Next, which a file cannot hold"):
        model.save("never")


def test_names_files_and_clones(tmp_path):
    def named(triples):
        return [(f"e{h}", f"r{r}", f"e{t}") for h, r, t in triples.tolist()]

    one = gr.DistMult(**SMALL)
    model = gr.RelationEnsemble(models=("degree", "symmetry", one), trials=5, min_triples=9)
    fitted = clone(model).fit(named(TRAIN), val=named(VAL))
    assert not hasattr(one, "embedding_")
    assert not hasattr(fitted.models[2], "embedding_")
    fitted.save(tmp_path / "ensemble.safetensors")
    loaded = gr.load(tmp_path / "ensemble.safetensors")
    assert {**loaded.get_params(deep=False), "models": None} == {**fitted.get_params(deep=False), "models": None}
    assert loaded.models[:2] == ["degree", "symmetry"]
    for name in ("weights_", "model_mrr_", "entities_", "triples_"):
        np.testing.assert_array_equal(getattr(loaded, name), getattr(fitted, name))
    np.testing.assert_array_equal(loaded.score(named(VAL), side="head"), fitted.score(named(VAL), side="head"))
    for side, given in (("tail", "head"), ("head", "tail")):
        best = loaded.predict(**{given: "e1"}, relation="r0", k=4)
        triples = [("e1", "r0", name) if side == "tail" else (name, "r0", "e1") for name, _ in best]
        np.testing.assert_array_equal([score for _, score in best], fitted.score(triples, side=side))
        assert not set(triples) & set(named(TRAIN))
    again = clone(model).set_params(n_jobs=2).fit(named(TRAIN), val=named(VAL))
    np.testing.assert_array_equal(again.weights_, fitted.weights_)
    default = gr.RelationEnsemble(trials=3)
    with pytest.raises(NotFittedError):
        default.score(named(VAL))


def test_wrong_models_are_one_sentence(fitted):
    for models, message in (
        ([], "at least one model"),
        ("degree", "must be a sequence of estimators and rules, got 'degree'"),
        (["popularity"], "got 'popularity'"),
        ([gr.FastRP()], "estimators of triples"),
        ([fitted[0], gr.DistMult(**SMALL).fit(TRAIN, entities=13)], "DistMult has others than ComplEx"),
    ):
        with pytest.raises((TypeError, ValueError), match=message):
            gr.RelationEnsemble(models=models).fit(TRAIN, val=VAL)
    with pytest.warns(UserWarning, match="ComplEx was trained on 5 triples of val"):
        gr.RelationEnsemble(models=[fitted[0]], trials=1).fit(
            TRAIN, val=np.concatenate([VAL, np.unique(TRAIN, axis=0)[:5]])
        )
    with pytest.raises(ValueError, match="val must hold at least one triple"):
        gr.RelationEnsemble(models=["degree"]).fit(TRAIN, val=VAL[:0])


def test_ranks_where_names_are_integers():
    far = TRAIN * [10, 1, 10] + [7, 0, 7]
    held = VAL * [10, 1, 10] + [7, 0, 7]
    names = {"entities": np.arange(12) * 10 + 7, "relations": 3}
    plain, model = gr.ComplEx(**SMALL).fit(TRAIN, **SIZES), gr.ComplEx(**SMALL).fit(far, **names)
    assert far.tolist() == (TRAIN * [10, 1, 10] + [7, 0, 7]).tolist()  # the caller's array is not written to
    model.model_.load_state_dict(plain.model_.state_dict())  # names change the start
    expected, found = plain.rank(VAL, known=[TRAIN]), model.rank(held, known=[far])
    np.testing.assert_array_equal(found.ranks, expected.ranks)
    neg = np.random.default_rng(0).integers(0, 12, (len(VAL), 4))
    expected = gr.evaluate.ranking(plain, VAL, head_neg=neg, tail_neg=neg)
    np.testing.assert_array_equal(gr.evaluate.ranking(model, held, head_neg=neg, tail_neg=neg).ranks, expected.ranks)
    assert model.predict(head=17, relation=0, k=1)[0][0] == 10 * plain.predict(head=1, relation=0, k=1)[0][0] + 7
    ensemble = gr.RelationEnsemble(models=["degree", model], trials=3).fit(far, val=held)
    assert ensemble.mrr_ == pytest.approx(ensemble.rank(held, known=[far, held])["mrr"])
