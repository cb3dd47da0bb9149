"""Learners that share the batches of a training among ranks, beside the same training in one process."""

from __future__ import annotations

import copy
import io
import itertools
from contextlib import redirect_stderr, redirect_stdout

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from sklearn.base import clone

import graphrep as gr
from graphrep import cli
from graphrep.distributed import Ranks
from graphrep.distributed.training import SharedTraining
from graphrep.learn import Loop
from graphrep.linkpred import sampled as sampling
from graphrep.linkpred import training
from graphrep.linkpred.sampled import SampledTask
from graphrep.linkpred.training import PairModel, PairTask
from graphrep.nn import Encoder, SparseFeatures
from graphrep.nn.blocks import sample_blocks
from graphrep.nn.generators import make_generator, using_generator
from graphrep.relational.factorization import RowAdagrad, TripleModel, TripleTask
from graphrep.relational.rules import RuleRows

RNG = np.random.default_rng(0)
# Nodes of high degree, so that pairs have common neighbors; and more nodes than pairs of a batch.
DENSE = gr.as_graph((40 * RNG.random((2, 300)) ** 1.5).astype(np.int64), num_nodes=40)
WIDE = gr.as_graph((200 * RNG.random((2, 330)) ** 2).astype(np.int64), num_nodes=200)
X = RNG.random((200, 6))
DROPOUT = {"dropout": 0.3, "edge_dropout": 0.2}


def predictors():
    """Predictors with every path of dropout, and a graph for each."""
    yield DENSE, gr.linkpred.HadamardPredictor(8, dropout=0.3, two_layer_head=True)
    yield DENSE, gr.linkpred.ResidualPredictor(8, dropout=0.3, layers=2, layer_norm=False)
    yield DENSE, gr.linkpred.NeighborPredictor(8, **DROPOUT)
    yield WIDE, gr.linkpred.NeighborPredictor(8, **DROPOUT)  # transforms common neighbors alone
    yield DENSE, gr.linkpred.CompletionPredictor(8, **DROPOUT, max_neighbors=4, chunk=50)
    yield DENSE, gr.linkpred.CompletionPredictor(8, **DROPOUT, depth=2, max_neighbors=2, chunk=300)
    yield WIDE, Plain()


class Plain(torch.nn.Module):
    """A predictor that is not trained in parts."""

    def __init__(self):
        super().__init__()
        self.layers = torch.nn.Sequential(gr.nn.Linear(8, 8), gr.nn.Dropout(0.5), gr.nn.Linear(8, 1))

    def forward(self, h, adj, pairs):
        return self.layers(h[pairs[0]] * h[pairs[1]]).squeeze(1)


def pair_models():
    """Models with their graphs, in float64."""
    with using_generator(make_generator(3)):
        for graph, predictor in predictors():
            dropout = {"dropout": 0.3, "edge_dropout": 0.1, "feature_dropout": 0.2}
            encoder = Encoder(6, dimensions=8, layers=2, convolution="gcn", **dropout)
            yield graph, PairModel(encoder, predictor).double()


def run(model, task, optimizer, ranks, **options):
    """Parameters after an epoch, and the history."""
    together = SharedTraining(ranks) if ranks.world_size > 1 else None
    options |= {"epochs": 1, "seed": 1, "together": together, "progress": False}
    loop = Loop(model, task.loss, task.batches, optimizer, **options)
    loop.run()
    return model.state_dict(), loop.history


def same(one, other):
    """Equal but for the rounding of sums."""
    for name, part in one[0].items():
        torch.testing.assert_close(other[0][name], part, rtol=1e-12, atol=1e-12)
    for record, shared in zip(one[1], other[1], strict=True):
        assert shared == pytest.approx(record, rel=1e-12)


def pairs(ranks, monkeypatch):
    monkeypatch.setattr(training, "rows_at_a_time", lambda device: 60)  # several parts of several blocks
    for graph, model in pair_models():
        adj, x, edges = gr.ops.as_adjacency(graph), torch.from_numpy(X[: graph.num_nodes]), graph.edges()
        held_out = torch.from_numpy(edges[:, :50]), torch.from_numpy(RNG.integers(graph.num_nodes, size=(2, 70)))
        options = {"batch_size": 120, "num_negatives": 2, "val": held_out, "metric": "auc"}
        found = []
        for some in (Ranks(), ranks):
            own = copy.deepcopy(model)
            task = PairTask(own, graph, adj, x, torch.from_numpy(edges), ranks=some, **options)
            found.append(run(own, task, torch.optim.Adam(own.parameters(), lr=0.01), some, validate=task.validate))
        same(*found)


def sampled_models():
    """Features, neighbors to sample, and models with every path of dropout, in float64."""
    entries = SparseFeatures(sp.random_array((200, 30), density=0.1, rng=RNG))._matrix
    of_words = SparseFeatures.from_adjacency(entries.with_values(entries.values.double()))
    drawn = {"dropout": 0.3, "output_dropout": 0.2}
    deep = {"convolution": "gcn", "layers": 2, "layer_norm": True, "feature_dropout": 0.2, "jumping_knowledge": True}
    with using_generator(make_generator(3)):
        for x, width, encoder, predictor, neighbors in (
            (torch.from_numpy(X), 6, deep, gr.linkpred.NeighborPredictor(8, **DROPOUT), [3, 2]),
            (of_words, 30, {"convolution": "mean", "feature_dropout": 0.4}, gr.linkpred.HadamardPredictor(8), [4]),
            (of_words, 30, {"feature_dropout": 0.4}, gr.linkpred.NeighborPredictor(8, **DROPOUT), [-1]),
            (None, None, {"layers": 3}, gr.linkpred.NeighborPredictor(8, node_transform=False, **DROPOUT), [2, 2, 2]),
        ):
            made = Encoder(width, dimensions=8, num_embeddings=200, **drawn, **encoder)
            yield x, neighbors, PairModel(made, predictor).double()


def sampled(ranks, monkeypatch):
    """Every rank computes vectors for its share of the pairs: losses and gradients add up to those of one process."""
    monkeypatch.setattr(training, "rows_at_a_time", lambda device: 60)
    adj, edges, rows = gr.ops.as_adjacency(WIDE), torch.from_numpy(WIDE.edges()), []
    size = edges.shape[1] // 2 - 1  # the last batch has few pairs, which some ranks have none of
    draw = sample_blocks
    monkeypatch.setattr(
        sampling, "sample_blocks", lambda a, nodes, *given: rows.append(len(nodes)) or draw(a, nodes, *given)
    )
    for x, neighbors, model in itertools.islice(sampled_models(), 4 if ranks.world_size == 2 else 1):
        found, counts = [], []
        for some in (Ranks(), ranks):
            own = copy.deepcopy(model)
            task = SampledTask(own, WIDE, adj, x, edges, batch_size=size, ranks=some, neighbors=neighbors)
            rows.clear()
            found.append(run(own, task, torch.optim.Adam(own.parameters(), lr=0.01), some))
            counts.append(sum(rows))
        same(*found)
        assert counts[1] < counts[0]  # the work on nodes is divided


TRIPLES = np.unique(
    np.stack([RNG.integers(40, size=300), RNG.integers(4, size=300), RNG.integers(40, size=300)], 1), axis=0
)
RULES = RuleRows(np.array([0, 1]), np.array([1, 2]), np.array([1.0, 0.5]), np.array([False, True]))


def triple_tasks():
    common = {"batch_size": 90, "regularization": 0.1}
    yield "complex", {**common, "num_negatives": None, "nonnegative": True, "rules": RULES, "rule_weight": 0.1}
    yield "distmult", {**common, "num_negatives": 7}
    yield "rotate", {**common, "num_negatives": 7}
    yield (
        "translate",
        {**common, "batch_size": len(TRIPLES) * 2 - 1, "num_negatives": 7},
    )  # the last batch has one query


def triples(ranks):
    for kind, options in triple_tasks():
        found = []
        for some in (Ranks(), ranks):
            model = TripleModel(kind, 40, 4, 6, scale=0.1).double()
            task = TripleTask(model, TRIPLES, val=TRIPLES[:50], ranks=some, **options)
            optimizer = RowAdagrad(model.parameters(), 0.1)
            options_of_loop = {"validate": task.validate, "after_step": task.after_step}
            found.append(run(model, task, optimizer, some, **options_of_loop))
        same(*found)


LINKED = gr.as_graph(
    (60 * RNG.random((2, 700)) ** 1.5).astype(np.int64), num_nodes=60, x=sp.random_array((60, 30), density=0.1, rng=RNG)
)
SPLIT = gr.evaluate.random_link_split(LINKED)
FACTS = [(f"e{head}", f"r{kind}", f"e{tail}") for head, kind, tail in TRIPLES.tolist()]


def estimators():
    """Estimators, what they are fitted to, and what they score."""
    options = {"epochs": 3, "progress": False}
    some = RNG.integers(60, size=(2, 200))
    pairs = lambda model: model.score_pairs(some)  # noqa: E731
    plain = {"untrained_scores": False}
    for learner, own in ((gr.GAE, {}), (gr.NCN, {**plain, "neighbors": [5]}), (gr.NCNC, plain)):
        yield learner(dimensions=16, batch_size=100, **own, **options), (SPLIT.graph,), {"val": SPLIT}, pairs
    facts = lambda model: model.score(FACTS[:50])  # noqa: E731
    yield gr.ComplEx(dimensions=4, batch_size=100, **options), (FACTS[50:],), {"val": FACTS[:50]}, facts


def in_float32(ranks):
    for model, data, options, scores in estimators():
        alone, shared = clone(model).fit(*data, **options), clone(model).fit(*data, **options, ranks=ranks)
        near(shared.embedding_, alone.embedding_)
        near(scores(shared), scores(alone))
        assert shared.best_epoch_ == alone.best_epoch_
        for one, other in zip(shared.history_, alone.history_, strict=True):
            assert one == pytest.approx(other, rel=1e-4)
        assert len({float(number) for number in ranks.tell("a sum", float(scores(shared).sum()))}) == 1


def near(one, other):
    """Equal but for the rounding of sums in float32, over a few epochs."""
    np.testing.assert_allclose(one, other, rtol=0, atol=1e-3 * np.abs(other).max())


class Interrupt(Exception):  # noqa: N818
    pass


def checkpoints(ranks, folder):
    """An interrupted fit resumes with the same number of ranks, bit by bit, and with another one up to rounding."""

    def stop(epoch, record, model):
        del record, model
        if epoch == 2:
            raise Interrupt

    for model, data, options, scores in list(estimators())[2:]:
        model.set_params(checkpoint=folder / "fit.ckpt", random_state=5)
        whole = clone(model).fit(*data, **options, ranks=ranks)
        assert not any(folder.glob("*.ckpt*"))  # a complete fit removes it
        ranks.meet("the first fit has ended")
        with pytest.raises(Interrupt if ranks.rank == 0 else gr.distributed.RankError):
            clone(model).set_params(callbacks=[stop]).fit(*data, **options, ranks=ranks)
        ranks.meet("interrupted")
        if ranks.rank == 0:
            (folder / "copy.ckpt").write_bytes((folder / "fit.ckpt").read_bytes())
            alone = clone(model).set_params(checkpoint=folder / "copy.ckpt").fit(*data, **options)
            assert len(alone.history_) == len(whole.history_)
            near(alone.embedding_, whole.embedding_)
            near(scores(alone), scores(whole))
        ranks.meet("resumed alone")
        again = clone(model).fit(*data, **options, ranks=ranks)
        np.testing.assert_array_equal(again.embedding_, whole.embedding_)
        assert again.history_ == whole.history_
        assert [path.name for path in folder.iterdir() if "ckpt" in path.name] == []
        ranks.meet("resumed")


def callbacks(ranks):
    """The first rank calls them, and all end if one of them says so."""
    seen = []
    model = gr.GAE(dimensions=4, epochs=9, batch_size=500, random_state=None, progress=False)
    model.set_params(callbacks=[lambda epoch, record, model: seen.append(epoch) or epoch == 2])
    model.fit(SPLIT.graph, ranks=ranks)
    assert len(model.history_) == 2
    assert seen == ([1, 2] if ranks.rank == 0 else [])
    assert len(set(ranks.tell("a drawn seed", float(np.abs(model.embedding_).sum())))) == 1
    model.set_params(callbacks=(), max_seconds=1e-6 if ranks.rank == 0 else 1e6)
    refused(ranks, "the ranks disagree on max_seconds", lambda: model.fit(SPLIT.graph, ranks=ranks))
    model.set_params(max_seconds=1e-6, untrained_scores=False).fit(SPLIT.graph, ranks=ranks)
    assert model.training_["stopped_by"] == "time"


def refused(ranks, text, call):
    with pytest.raises((ValueError, RuntimeError), match=text):
        call()
    ranks.meet("refused")


class Made:
    """A function that makes a predictor, and looks the same on every rank."""

    def __init__(self, layer):
        self.layer = layer

    def __call__(self, dimensions):
        return self.layer

    def __repr__(self):
        return "made"


def refusals(ranks):
    torch.manual_seed(ranks.rank)
    last = ranks.rank == ranks.world_size - 1
    small = {"dimensions": 4, "epochs": 1, "progress": False, "untrained_scores": False}
    disagree = "the ranks disagree on {} of the {}: rank 0 has"
    for options, what in (({"batch_size": 50 + last}, "batch_size"), ({"random_state": int(last)}, "random_state")):
        place = "checkpoint" if what == "random_state" else "settings"
        model = gr.NCN(**small, **options)
        refused(ranks, disagree.format(what, place), lambda model=model: model.fit(SPLIT.graph, ranks=ranks))
    edges = LINKED.edges()
    refused(
        ranks,
        disagree.format("num_edges", "data"),
        lambda: gr.NCN(**small).fit(LINKED, edges[:, 10 * last :], ranks=ranks),
    )
    refused(ranks, disagree.format("the contents", "data"), lambda: gr.ComplEx().fit(FACTS[last:][:250], ranks=ranks))
    for layer, text in (
        (torch.nn.Dropout(0.5), "Dropout of torch draws other numbers"),
        (torch.nn.BatchNorm1d(4), "BatchNorm1d mixes the pairs"),
        (torch.nn.Linear(4, 1), "rank . starts from other weights than rank 0"),
    ):
        model = gr.GAE(**small, predictor=Made(layer))
        refused(ranks, text, lambda model=model: model.fit(LINKED, ranks=ranks))

    def spoil(progress):
        del progress
        with torch.no_grad():
            layer.weight += float(last)

    layer, x = gr.nn.Linear(2, 1), torch.ones(3, 2)
    options = {"epochs": 1, "together": SharedTraining(ranks), "after_step": spoil, "progress": False}
    with torch.no_grad():
        layer.weight.fill_(0.5)
        layer.bias.fill_(0.5)
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.1)
    loop = Loop(layer, lambda _: layer(x).mean(), lambda _: [None], optimizer, **options)
    refused(ranks, f"rank {ranks.world_size - 1} has other weights than rank 0 after epoch 1", loop.run)


def rankings(ranks):
    """Ranks of triples, of which each process counts a part."""
    model = gr.DistMult(dimensions=4, epochs=1, progress=False).fit(FACTS[50:], ranks=ranks)
    alone = gr.evaluate.ranking(model, FACTS[:50], known=[FACTS])
    assert gr.evaluate.ranking(ranks.scorer(model), FACTS[:50], known=[FACTS]) == alone
    np.testing.assert_array_equal(
        gr.evaluate.ranking(ranks.scorer(model), FACTS[:1], known=[FACTS]).ranks, alone.ranks[:1]
    )


def contrastive(ranks):
    """InfoNCE of which each process computes a part of the rows, and fits with it."""
    h1, h2 = (torch.from_numpy(RNG.standard_normal((50, 4))).requires_grad_() for _ in range(2))
    for rows in (None, 7):
        found = []
        for some in (Ranks(), ranks):
            loss = gr.contrast.info_nce(h1, h2, 0.3, block_rows=rows, ranks=some)
            gradients = torch.autograd.grad(loss, (h1, h2))
            values = torch.cat([part.detach().flatten() for part in (loss, *gradients)])
            found.append(some.summed("loss and gradients", values.numpy()))
        np.testing.assert_allclose(found[1], found[0], rtol=1e-12, atol=1e-14)
    for learner, options in ((gr.Contrastive, {}), (gr.StructComp, {"compression": 3})):
        model = learner(objective="grace", dimensions=16, epochs=3, progress=False, **options)
        near(clone(model).fit_transform(LINKED, ranks=ranks), clone(model).fit_transform(LINKED))
        other = clone(model).set_params(objective="cca-ssg")
        refused(ranks, "cannot be divided among ranks", lambda other=other: other.fit(LINKED, ranks=ranks))


def sums(ranks):
    """Sums of arrays, in the order of the ranks, of any length."""
    for count in (1, 2, 5, 1000):
        each = [
            np.random.default_rng(rank).standard_normal(count).astype(np.float32) for rank in range(ranks.world_size)
        ]
        found = ranks.summed("numbers", each[ranks.rank])
        np.testing.assert_array_equal(found, np.sum(each, axis=0, dtype=np.float32))


def command(ranks, folder):
    """``graphrep linkpred`` as torchrun starts it: one process writes and prints, as it does alone."""
    path = folder / "edges.csv"
    if ranks.rank == 0:
        path.write_text("".join(f"n{u},n{v}\n" for u, v in SPLIT.train.T), encoding="utf-8")
    ranks.meet("the graph is written")
    given = ["linkpred", str(path), "--model", "ncn", "--dimensions", "8", "--epochs", "2", "--top", "30", "-o"]
    shared, alone = folder / "shared.csv", folder / "alone.csv"
    printed = run_command([*given, str(shared)])
    assert bool(printed) == (ranks.rank == 0)
    ranks.meet("the command has ended")
    if ranks.rank == 0:
        with pytest.MonkeyPatch.context() as monkeypatch:
            monkeypatch.delenv("WORLD_SIZE")
            assert run_command([*given, str(alone)]).splitlines()[2] == printed.splitlines()[2]  # the metrics
        scores = [np.genfromtxt(name, delimiter=",", skip_header=1, usecols=2) for name in (shared, alone)]
        near(*scores)
    ranks.meet("compared")
    with pytest.raises(SystemExit), redirect_stderr(io.StringIO()) as error:
        cli.main(["linkpred", str(path), "--model", "ra"])
    assert "need --model gae, ncn or ncnc" in error.getvalue()


def run_command(arguments):
    with pytest.raises(SystemExit) as ended, redirect_stdout(io.StringIO()) as printed:
        cli.main(arguments)
    assert not ended.value.code
    return printed.getvalue()


def check(ranks, folder):
    """All of the above; what does not depend on the number of ranks only once."""
    sums(ranks)
    with pytest.MonkeyPatch.context() as monkeypatch:
        pairs(ranks, monkeypatch)
    with pytest.MonkeyPatch.context() as monkeypatch:
        sampled(ranks, monkeypatch)
    triples(ranks)
    refusals(ranks)
    rankings(ranks)
    contrastive(ranks)
    if ranks.world_size == 2:
        in_float32(ranks)
        checkpoints(ranks, folder)
        callbacks(ranks)
        command(ranks, folder)
