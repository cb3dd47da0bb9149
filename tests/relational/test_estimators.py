from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from sklearn.base import clone

import graphrep as gr
from graphrep.evaluate.ranking import KnownTriples
from graphrep.nn.generators import make_generator, random_seed, using_generator
from graphrep.relational import factorization
from graphrep.relational.factorization import RowAdagrad, TripleModel, TripleTask
from tests.evaluate.test_ranking import by_definition, triples_of

SMALL = {"dimensions": 6, "epochs": 3, "batch_size": 16}
MODELS = [
    gr.ComplEx(**SMALL),
    gr.ComplEx(**SMALL, reciprocal=False, num_negatives=7),
    gr.ComplEx(**SMALL, nonnegative=True),
    gr.DistMult(**SMALL, reciprocal=False),
    gr.RotatE(**SMALL, num_negatives=7),
    gr.TransE(**SMALL, num_negatives=7),
]
EVERY = pytest.mark.parametrize("model", MODELS, ids=lambda m: type(m).__name__)
TRAIN, TEST = triples_of(0, 60, 12), triples_of(1, 20, 12)


def named(triples):
    return [(f"e{h}", f"r{r}", f"e{t}") for h, r, t in triples.tolist()]


@EVERY
def test_ranks_follow_the_scores(model):
    fitted = clone(model).fit(TRAIN, val=TEST, entities=13, relations=3)
    result = fitted.rank(TEST, known=[TRAIN, TEST])
    for i, side in enumerate(("head", "tail")):
        want = by_definition(lambda t, side=side: fitted.score(t, side=side), TEST, side, [TRAIN, TEST], 13)
        np.testing.assert_array_equal(result.ranks[:, i], 1 + want[:, 0] + want[:, 1] / 2)
    for n_jobs in (1, 3):
        np.testing.assert_array_equal(fitted.set_params(n_jobs=n_jobs).rank(TEST).ranks, fitted.rank(TEST).ranks)
    assert fitted.history_[fitted.best_epoch_ - 1]["mrr"] == max(record["mrr"] for record in fitted.history_)
    assert fitted.history_[fitted.best_epoch_ - 1]["mrr"] == pytest.approx(result["mrr"])


@EVERY
def test_same_seed_same_bits_and_the_file_gives_the_same(model, tmp_path):
    first, again = (clone(model).fit(named(TRAIN)) for _ in range(2))
    np.testing.assert_array_equal(first.embedding_, again.embedding_)
    other = clone(model).set_params(random_state=1).fit(named(TRAIN))
    assert not np.array_equal(first.embedding_, other.embedding_)
    first.save(tmp_path / "model.safetensors")
    loaded = gr.load(tmp_path / "model.safetensors")
    assert {**loaded.get_params(), "callbacks": ()} == first.get_params()
    np.testing.assert_array_equal(loaded.score(named(TRAIN)), first.score(named(TRAIN)))
    assert loaded.predict(head="e1", relation="r0") == first.predict(head="e1", relation="r0")
    assert loaded.rank(named(TRAIN))["mrr"] == first.rank(named(TRAIN))["mrr"]


def test_the_known_triples_are_indexed_once_per_fit(monkeypatch):
    made, index = [], KnownTriples.__init__

    def counted(self, triples):
        made.append(len(triples))
        index(self, triples)

    monkeypatch.setattr(KnownTriples, "__init__", counted)
    gr.ComplEx(**SMALL).fit(TRAIN, val=TEST)
    assert made == [len(np.unique(TRAIN, axis=0)) + len(TEST)]


def formula(kind, h, r, t):
    if kind == "distmult":
        return (h * r * t).sum()
    if kind == "translate":
        return -np.abs(h + r - t).sum()
    d = len(h) // 2
    h, t = h[:d] + 1j * h[d:], t[:d] + 1j * t[d:]
    if kind == "complex":
        return (h * (r[:d] + 1j * r[d:]) * t.conj()).sum().real
    return -np.abs(h * np.exp(1j * r) - t).sum()


@EVERY
def test_scores_are_the_formula_from_both_sides(model):
    fitted = clone(model).fit(TRAIN)
    entities, relations = fitted.embedding_.astype(float), fitted.relation_embedding_.astype(float)
    tails = [formula(model._kind, entities[h], relations[r], entities[t]) for h, r, t in TRAIN]
    np.testing.assert_allclose(fitted.score(TRAIN), tails, rtol=2e-5, atol=2e-5)
    if getattr(model, "reciprocal", False):
        assert len(relations) == 6
        tails = [formula(model._kind, entities[t], relations[r + 3], entities[h]) for h, r, t in TRAIN]
    np.testing.assert_allclose(fitted.score(TRAIN, side="head"), tails, rtol=2e-5, atol=2e-5)
    np.testing.assert_array_equal(fitted.score(TRAIN)[5:9], fitted.score(TRAIN[5:9]))


def task_of(kind, reciprocal, num_negatives):
    model = TripleModel(kind, 12, 3, 4, reciprocal=reciprocal, scale=0.7).double()
    return TripleTask(model, TRAIN, batch_size=50, num_negatives=num_negatives, regularization=0.3, temperature=0.5)


@pytest.mark.parametrize("reciprocal", [True, False])
@pytest.mark.parametrize("kind", ["complex", "distmult"])
def test_closed_form_gradients_are_those_of_the_loss(kind, reciprocal, monkeypatch):
    monkeypatch.setattr(factorization, "_SCORES", 0)  # several blocks of 16 queries
    task = task_of(kind, reciprocal, None)
    model = task.model
    with using_generator(make_generator(0)):
        batch = next(task.batches(0))
    loss = task.loss(batch)
    found = [model.entities.grad, model.relations.grad]
    relations = model.relations[model.rows(batch.relations, batch.backward.long())]
    parts = model.entities[batch.known], relations, model.entities[batch.answers]
    scores = model.query(parts[0], relations, batch.backward) @ model.entities.T
    want = torch.nn.functional.cross_entropy(scores, batch.answers)
    halves = [part.chunk(2, 1) if kind == "complex" else (part, 0 * part) for part in parts]
    want = want + 0.3 * sum(((a**2 + b**2) ** 1.5).sum() for a, b in halves) / len(batch.known)
    assert loss.item() == pytest.approx(want.item())
    for got, exact in zip(found, torch.autograd.grad(want, [model.entities, model.relations]), strict=True):
        torch.testing.assert_close(got, exact)


@pytest.mark.parametrize("kind", ["complex", "rotate", "translate"])
def test_sampled_gradients_are_those_of_the_loss(kind):
    task = task_of(kind, False, 9)
    model = task.model
    task.regularization = 0.0
    with using_generator(make_generator(0)):
        batch = next(task.batches(0))
    with using_generator(make_generator(1)):
        loss = task.loss(batch)
    found = [model.entities.grad.to_dense(), model.relations.grad]
    with using_generator(make_generator(1)):
        drawn = np.random.default_rng(random_seed()).choice(12, 9, replace=False, shuffle=False)
    query = model.query(model.entities[batch.known], model.relations[batch.relations], batch.backward)
    losses = []
    for i, answer in enumerate(batch.answers.tolist()):
        own = model.score(query[i : i + 1], model.entities[[answer]])[0]
        negatives = [c for c in drawn.tolist() if c != answer]
        others = model.score(query[i : i + 1].expand(len(negatives), -1), model.entities[negatives])
        if kind == "complex":
            weighted = others + np.log(12 / 9)  # nine of twelve entities stand for all
            losses.append(torch.logsumexp(torch.cat([own[None], weighted]), 0) - own)
        else:
            share = torch.softmax(0.5 * others.detach(), 0)
            far = (share * torch.log(torch.sigmoid(-others - 6))).sum()
            losses.append(-(torch.log(torch.sigmoid(6 + own)) + far) / 2)
    want = torch.stack(losses).mean()
    assert loss.item() == pytest.approx(want.item())
    for got, exact in zip(found, torch.autograd.grad(want, [model.entities, model.relations]), strict=True):
        torch.testing.assert_close(got, exact, rtol=1e-5, atol=1e-8)


def test_a_sample_of_all_entities_is_the_full_softmax():
    tasks = [task_of("complex", True, negatives) for negatives in (None, 12, 500)]
    with using_generator(make_generator(0)):
        batch = next(tasks[0].batches(0))
        losses = [task.loss(batch) for task in tasks]
    exact = tasks[0].model
    for task, loss in zip(tasks[1:], losses[1:], strict=True):
        torch.testing.assert_close(loss, losses[0])
        torch.testing.assert_close(task.model.entities.grad.to_dense(), exact.entities.grad)
        torch.testing.assert_close(task.model.relations.grad, exact.relations.grad)


def test_sparse_steps_are_those_of_adagrad():
    rows = torch.nn.Parameter(torch.randn(7, 3, generator=torch.Generator().manual_seed(0)))
    dense, exact = (torch.nn.Parameter(rows.detach().clone()) for _ in range(2))
    steps = RowAdagrad([rows], 0.1), RowAdagrad([dense], 0.1), torch.optim.Adagrad([exact], lr=0.1)
    for i in range(4):
        at, values = torch.tensor([i, 5, 6]), torch.randn(3, 3, generator=torch.Generator().manual_seed(i))
        rows.grad = torch.sparse_coo_tensor(at[None], values, (7, 3), is_coalesced=True, check_invariants=True)
        dense.grad = rows.grad.to_dense()
        exact.grad = dense.grad.clone()
        for step in steps:
            step.step()
        torch.testing.assert_close(rows, exact)
        torch.testing.assert_close(dense, exact)


def shifts(*, ring):
    every = [(i, k, (i + step) % 30) for k, step in enumerate((1, 2, 3)) for i in range(30 if ring else 30 - step)]
    every = np.array(every)
    order = np.random.default_rng(0).permutation(len(every))
    return every[order[:-12]], every[order[-12:]]


@pytest.mark.parametrize(
    ("model", "bound"),
    [
        (gr.ComplEx(dimensions=30, epochs=60, batch_size=30, regularization=0.02), 0.5),
        (gr.ComplEx(dimensions=30, epochs=60, batch_size=30, regularization=0.02, num_negatives=20), 0.5),
        (gr.RotatE(dimensions=10, epochs=60, batch_size=30, num_negatives=20), 0.5),
        (gr.TransE(dimensions=30, epochs=60, batch_size=60, num_negatives=20, margin=3.0, learning_rate=0.3), 0.5),
    ],
    ids=["complex", "complex sampled", "rotate", "translate"],
)
def test_held_out_shifts_are_found(model, bound):
    """Steps of 1, 2 and 3 on a ring of 30, or a line for translations, which never come back to where they began."""
    train, test = shifts(ring=not isinstance(model, gr.TransE))
    assert model.fit(train, entities=30).rank(test, known=[train, test])["mrr"] > bound


def test_nonnegative_vectors_lie_in_the_unit_interval():
    for negatives in (None, 5):
        vectors = gr.ComplEx(**SMALL, nonnegative=True, num_negatives=negatives).fit(TRAIN).embedding_
        assert 0 <= vectors.min() < vectors.max() <= 1


@EVERY
def test_fits_in_several_threads_are_fits_one_after_the_other(model):
    seeds = range(3)
    alone = [clone(model).set_params(random_state=seed).fit_transform(TRAIN) for seed in seeds]
    with ThreadPoolExecutor(3) as pool:
        found = list(pool.map(lambda seed: clone(model).set_params(random_state=seed).fit_transform(TRAIN), seeds))
    np.testing.assert_array_equal(found, alone)


def test_names_a_graph_and_numbers_are_the_same_triples():
    model = gr.ComplEx(**SMALL).fit(named(TRAIN))
    assert model.entities_.tolist()[0] == f"e{TRAIN[0, 0]}"
    table = np.array(named(TRAIN), dtype=str)
    np.testing.assert_array_equal(gr.ComplEx(**SMALL).fit(table).embedding_, model.embedding_)
    listed = [tuple(one) for one in TRAIN.tolist()]
    by_number = gr.ComplEx(**SMALL).fit(TRAIN)
    np.testing.assert_array_equal(gr.ComplEx(**SMALL).fit(listed).embedding_, by_number.embedding_)
    unique = np.unique(TRAIN, axis=0)
    graph = gr.as_graph((unique[:, 0], unique[:, 2]), edge_type=unique[:, 1], directed=True, num_nodes=12)
    from_graph = gr.ComplEx(**SMALL).fit(graph)
    assert from_graph.embedding_.shape == (12, 12)
    assert len(from_graph.triples_) == len(unique)
    assert list(from_graph.relations_) == list(graph.edge_types)


def test_a_graph_of_another_numbering_is_the_same_triples():
    model = gr.ComplEx(**SMALL).fit(gr.as_graph(named(np.unique(TRAIN, axis=0)), edge_type=1))
    test = named(TRAIN[5:9])
    expected = model.score(test)
    order = np.argsort([str(triple) for triple in test])  # of a graph, arcs are sorted by its own numbers
    other = gr.as_graph([test[i] for i in order[::-1]], edge_type=1)
    assert sorted(model.score(other).tolist()) == sorted(expected.tolist())
    ranks = model.rank(other, known=[named(TRAIN)])
    assert ranks["mrr"] == pytest.approx(model.rank(test, known=[named(TRAIN)])["mrr"])
    with pytest.raises(KeyError, match="test: no entity is named 'newcomer'"):
        model.vocabulary_.rows(gr.as_graph([("newcomer", named(TRAIN)[0][1], named(TRAIN)[0][0])], edge_type=1), "test")


def test_columns_of_a_table_are_found_by_name():
    heads, kinds, tails = zip(*named(TRAIN), strict=True)
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"tail": tails, "other": 0, "Relation": kinds, "head": heads})
    model = gr.ComplEx(**SMALL).fit(frame)
    np.testing.assert_array_equal(model.embedding_, gr.ComplEx(**SMALL).fit(named(TRAIN)).embedding_)
    with pytest.raises(ValueError, match="needs the columns head, relation and tail, got 'a', 'b', 'c'"):
        model.score(frame[["head", "Relation", "tail"]].set_axis(["a", "b", "c"], axis=1))
    frame.loc[3, "head"] = None
    with pytest.raises(ValueError, match="triples: row 3 has no value"):
        model.score(frame)


def test_integers_are_names_where_names_are_integers():
    far = [(10 * int(head) + 7, int(kind), 10 * int(tail) + 7) for head, kind, tail in TRAIN]
    entities = sorted({end for head, _, tail in far for end in (head, tail)})
    model = gr.ComplEx(**SMALL).fit(np.array(far), entities=entities)
    assert model.score(far[:3]).shape == (3,)
    assert model.predict(head=far[0][0], relation=far[0][1], k=1)[0][0] in entities
    with pytest.raises(KeyError, match="no entity is named 0"):
        model.score([(0, 0, 17)])


def test_weights_are_not_used_without_a_word():
    graph = gr.as_graph(named(TRAIN), edge_type=1, weights=np.full(len(TRAIN), 2.0))
    with pytest.warns(UserWarning, match="does not use the weights of the graph"):
        gr.ComplEx(**SMALL).fit(graph)


def test_predictions_are_the_best_new_entities_by_name():
    model = gr.ComplEx(**SMALL).fit(named(TRAIN))
    for side, given in (("tail", "head"), ("head", "tail")):
        every = model.predict(**{given: "e1"}, relation="r0", k=100, new=False)
        assert len(every) == 12
        scores = [score for _, score in every]
        assert scores == sorted(scores, reverse=True)
        triples = [("e1", "r0", name) if side == "tail" else (name, "r0", "e1") for name, _ in every]
        np.testing.assert_allclose(model.score(triples, side=side), scores, rtol=1e-5, atol=1e-6)
        new = [one for one, triple in zip(every, triples, strict=True) if triple not in set(named(TRAIN))]
        assert model.predict(**{given: "e1"}, relation="r0", k=3) == new[:3]


def interrupt(epoch, record, model):
    if epoch == 3:  # the second epoch was saved
        raise KeyboardInterrupt


def test_an_interrupted_fit_resumes_with_the_same_bits(tmp_path):
    for options in ({}, {"num_negatives": 5}):
        whole = gr.ComplEx(**SMALL, **options).fit(TRAIN)
        path = tmp_path / "fit.ckpt"
        model = gr.ComplEx(**SMALL, **options, checkpoint=path)
        with pytest.raises(KeyboardInterrupt):
            clone(model).set_params(callbacks=[interrupt]).fit(TRAIN)
        assert path.exists()
        np.testing.assert_array_equal(model.fit(TRAIN).embedding_, whole.embedding_)
        assert not path.exists()


def test_wrong_arguments_are_one_sentence():
    model = gr.ComplEx(**SMALL).fit(named(TRAIN))
    with pytest.raises(KeyError, match="no entity is named 'moon'; fit knows 12 entities"):
        model.score([("moon", "r0", "e1")])
    with pytest.raises(KeyError, match="no relation is named 'orbits'"):
        model.rank([("e1", "orbits", "e2")])
    with pytest.raises(IndexError, match=r"entities of triples must lie in \[0, 12\)"):
        model.score([[12, 0, 1]])
    with pytest.raises(ValueError, match="needs a relation and either a head or a tail"):
        model.predict(head="e1", tail="e2", relation="r0")
    with pytest.raises(ValueError, match="side must be head or tail"):
        model.score(named(TRAIN), side="left")
    with pytest.raises(ValueError, match="at least one triple, got none"):
        gr.ComplEx().fit(np.zeros((0, 3), int))
    with pytest.raises(ValueError, match="num_negatives must be a number for RotatE"):
        gr.RotatE(num_negatives=None).fit(TRAIN)
    with pytest.raises(ValueError, match="dimensions must be at least 1"):
        gr.ComplEx(dimensions=0).fit(TRAIN)
    with pytest.raises(ValueError, match="name all"):
        gr.ComplEx(**SMALL).fit(named(TRAIN), val=TEST)
    with pytest.raises(TypeError, match="triples must hold integers"):
        gr.ComplEx().fit(np.zeros((2, 3)))
    with pytest.raises(ValueError, match="got one of another length"):
        gr.ComplEx().fit([("a", "b")])
    with pytest.raises(ValueError, match="row 1 has an empty name in one of its columns"):
        gr.ComplEx().fit([("a", "is", "b"), ("b", "", "c")])


def test_the_symmetry_rule_has_its_published_rank(shared_data):
    parts = np.load(shared_data / "wn18rr" / "graph.npz")
    train, valid, test = (
        np.stack([parts[ends][0], parts[kinds], parts[ends][1]], axis=1).astype(np.int64)
        for ends, kinds in (
            ("edge_index", "edge_type"),
            ("split_valid_edge", "split_valid_edge_type"),
            ("split_test_edge", "split_test_edge_type"),
        )
    )
    found = gr.relational.triple_baselines(train, test, known=[train, valid, test], entities=40943)
    measured = {name: [round(row[m], 4) for m in ("mrr", "hits@1", "hits@10")] for name, row in found.items()}
    assert measured == {"degree": [0.0256, 0.0155, 0.0440], "symmetry": [0.3715, 0.3618, 0.3901]}


@EVERY
def test_relations_without_a_triple_are_named(model):
    short, triples = clone(model).set_params(epochs=1), named(TRAIN)
    heard = r"no triple of the relations 'unheard' to learn from"
    with pytest.warns(UserWarning, match=heard):
        short.fit(triples, relations=["r0", "r1", "r2", "unheard"])
    with pytest.warns(UserWarning, match=heard):
        short.fit(triples, val=[("e0", "unheard", "e1")])
    short.fit(TRAIN[TRAIN[:, 1] != 1])  # a number that is left out is no name
    with pytest.warns(UserWarning, match="of the relations 3, 4, 5 and 4 more to"):
        short.fit(TRAIN, relations=10)


def test_columns_in_another_order_are_noticed():
    facts, model = named(TRAIN), gr.ComplEx(**SMALL)
    for turned in ([(h, t, r) for h, r, t in facts], np.array([(h, t, r) for h, r, t in facts])):
        with pytest.warns(UserWarning, match=r"relations, such as 'e\d+', are entities, too: .* head, relation, tail"):
            model.fit(turned)
    model.fit([*facts, ("r0", "r1", "e1")])  # some relations may be entities
