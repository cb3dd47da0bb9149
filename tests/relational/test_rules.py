from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import torch

import graphrep as gr
from graphrep._names import NodeIndex
from graphrep._triples import Vocabulary
from graphrep.nn.generators import make_generator, using_generator
from graphrep.relational import Entailment, entailments
from graphrep.relational.factorization import TripleModel, TripleTask
from graphrep.relational.rules import rule_rows
from tests.evaluate.test_ranking import triples_of


def by_definition(triples, inverse, body, head):
    """Support and number of pairs of the body whose entity has a triple of the head."""
    every = {tuple(one) for one in triples.tolist()}
    pairs = {(t, h) if inverse else (h, t) for h, r, t in every if r == body}
    starts = {h for h, r, _ in every if r == head}
    return sum((h, head, t) in every for h, t in pairs), sum(h in starts for h, _ in pairs)


@pytest.mark.parametrize("bounds", [(0.3, 1), (0.5, 3), (1.0, 2)])
def test_the_rules_found_are_those_of_the_definition(bounds):
    least, support = bounds
    triples = triples_of(0, 150, 7)
    triples = np.concatenate([triples, triples[triples[:, 1] == 2][:, [2, 1, 0]], triples[:9]])
    want = {}
    for inverse, body, head in product((False, True), range(3), range(3)):
        both, known = by_definition(triples, inverse, body, head)
        if (inverse or body != head) and both >= support and both >= least * known:
            want[body, head, inverse] = both / known
    found = entailments(triples, min_confidence=least, min_support=support)
    assert {(rule.body, rule.head, rule.inverse): rule.confidence for rule in found} == pytest.approx(want)
    assert [rule.confidence for rule in found] == sorted((rule.confidence for rule in found), reverse=True)
    names = [(f"e{h}", f"r{r}", f"e{t}") for h, r, t in triples.tolist()]
    named = entailments(names, min_confidence=least, min_support=support)
    assert {(rule.body, rule.head, rule.inverse) for rule in named} == {(f"r{b}", f"r{r}", i) for b, r, i in want}


@pytest.mark.parametrize("kind", ["complex", "distmult"])
def test_the_loss_of_rules_is_the_formula(kind):
    model = TripleModel(kind, 12, 3, 4, reciprocal=False, scale=0.7).double()
    words = Vocabulary(NodeIndex(None, 12), NodeIndex(None, 3))
    rules = rule_rows([(0, 1), (2, 1, 0.5, True), (2, 2, 0.25, True)], words, reciprocal=False)
    losses, gradients = [], []
    for given in (None, rules):
        task = TripleTask(model, triples_of(0, 40, 12), batch_size=20, num_negatives=None, rules=given, rule_weight=0.3)
        model.zero_grad()
        with using_generator(make_generator(0)):
            losses.append(task.loss(next(task.batches(0))).item())
        gradients.append(model.relations.grad.clone())
    table = model.relations.detach().clone().requires_grad_()
    vectors = torch.complex(table[:, :4], table[:, 4:]) if kind == "complex" else torch.complex(table, 0 * table)
    want = 0
    for body, head, confidence in (
        (vectors[0], vectors[1], 1),
        (vectors[2].conj(), vectors[1], 0.5),
        (vectors[2].conj(), vectors[2], 0.25),
    ):
        over = (body.real - vectors.real[1] if head is vectors[1] else body.real - head.real).clamp_min(0).sum()
        want = want + 0.3 * confidence * (over + (body.imag - head.imag).square().sum())
    assert losses[1] - losses[0] == pytest.approx(want.item())
    torch.testing.assert_close(gradients[1] - gradients[0], torch.autograd.grad(want, table)[0])


def planted(inverse=False):
    """Pairs of "lives in", of which "knows" has a few, that it entails; and the pairs of "knows" that are missing."""
    rng = np.random.default_rng(0)
    pairs = rng.permutation(40 * 40)[:160]
    h, t = pairs // 40, pairs % 40
    rows = np.stack([h, np.zeros_like(h), t], axis=1)
    entailed = np.stack([t, np.ones_like(h), h] if inverse else [h, np.ones_like(h), t], axis=1)
    return np.concatenate([rows, entailed[:10]]), entailed[10:]


@pytest.mark.parametrize("inverse", [False, True])
@pytest.mark.parametrize(("kind", "reciprocal"), [("ComplEx", True), ("ComplEx", False), ("DistMult", True)])
def test_what_a_rule_entails_is_found_better(kind, reciprocal, inverse):
    train, held_out = planted(inverse)
    settings = {"dimensions": 20, "epochs": 80, "batch_size": 100, "regularization": 0.01, "n_jobs": 1}
    model = getattr(gr, kind)(**settings, nonnegative=True, reciprocal=reciprocal)
    every = np.array(list(product(range(40), [0], range(40))))
    entailed = every[:, [2, 1, 0]] if inverse else every.copy()
    entailed[:, 1] = 1
    found, broken = [], []
    for rules in ([], [(0, 1, 1.0, inverse)]):
        model.set_params(rules=rules).fit(train, entities=40, relations=2)
        found.append(model.rank(held_out, known=[train, held_out])["mrr"])
        sides = [("head", "tail"), ("tail", "head")] if inverse else [("head", "head"), ("tail", "tail")]
        gaps = [model.score(every, side=a) - model.score(entailed, side=b) for a, b in sides]
        broken.append(max(gap.max() for gap in gaps))
    assert broken[0] > 1  # of scores that differ by about 12
    assert broken[1] < 0.2
    if kind == "ComplEx":  # nonnegative DistMult is too poor to learn the direction of random pairs
        assert found[1] > found[0] + 0.1


def test_rules_by_name_survive_a_file(tmp_path):
    train = [(f"e{h}", ("lives in", "knows")[r], f"e{t}") for h, r, t in planted()[0].tolist()]
    rules = [Entailment("lives in", "knows", 0.9)]
    model = gr.ComplEx(dimensions=4, epochs=2, nonnegative=True, rules=rules).fit(train)
    model.save(tmp_path / "model.safetensors")
    loaded = gr.load(tmp_path / "model.safetensors")
    assert [tuple(rule) for rule in loaded.rules] == [("lives in", "knows", 0.9, False)]
    np.testing.assert_array_equal(loaded.fit(train).embedding_, model.embedding_)


def test_wrong_rules_are_one_sentence():
    train, _ = planted()

    def fit(rules, **options):
        gr.ComplEx(**{"nonnegative": True, "epochs": 1} | options, rules=rules).fit(train)

    with pytest.raises(ValueError, match="rules need nonnegative=True"):
        fit([(0, 1)], nonnegative=False)
    with pytest.raises(ValueError, match=r"rules must be tuples \(body, head, confidence=1, .*, got \(0,\)"):
        fit([(0,)])
    with pytest.raises(ValueError, match="rules must be tuples"):
        fit(["knows"])
    with pytest.raises(ValueError, match="rules must be tuples"):
        fit([7])
    with pytest.raises(KeyError, match="no relation is named 7"):
        fit([(7, 1)])
    with pytest.raises(ValueError, match="the confidence of a rule must be greater than 0 and at most 1, got 2"):
        fit([(0, 1, 2)])
    with pytest.raises(TypeError, match="the fourth part of a rule says whether it is inverse"):
        fit([(0, 1, 1, "yes")])
    with pytest.raises(ValueError, match="two relations unless it is inverse"):
        fit([(1, 1)])
    with pytest.raises(ValueError, match="rule_weight must be at least 0"):
        fit([(0, 1)], rule_weight=-1)
    with pytest.raises(ValueError, match="min_support must be at least 1"):
        entailments(train, min_support=0)
