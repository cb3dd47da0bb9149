"""Link predictors trained on sampled neighborhoods: equal to training on the whole graph, exactly or in expectation."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
import torch

import graphrep as gr
from graphrep import _memory
from graphrep.linkpred import GAE, NCN, NCNC, HadamardPredictor, NeighborPredictor
from graphrep.linkpred.sampled import SampledTask
from graphrep.linkpred.training import PairBatch, PairModel, PairTask
from graphrep.nn import Encoder, make_generator, using_generator
from graphrep.nn.blocks import sample_blocks
from graphrep.nn.sparse import as_features

ENCODERS = [
    {"convolution": "puregcn", "layers": 1, "jumping_knowledge": True},
    {"convolution": "puremean", "layers": 3, "residual": True, "initial_residual": 0.3},
    {"convolution": "puresum", "layers": 2, "jumping_knowledge": True, "jumping_weights": "mean"},
    {"convolution": "gcn", "layers": 2, "layer_norm": True, "jumping_knowledge": True, "jumping_weights": "softmax"},
    {"convolution": "mean", "layers": 3, "shared_convolution": True},
    {"convolution": "sum", "layers": 2, "residual": True},
]
PREDICTORS = [HadamardPredictor(8), NeighborPredictor(8), NeighborPredictor(8, node_transform=False)]
PLAIN = {"dimensions": 8, "epochs": 2, "batch_size": 50, "untrained_scores": False, "progress": False}
UNDROPPED = {"feature_dropout": 0.0, "encoder_dropout": 0.0, "output_dropout": 0.0}
UNDROPPED |= {"predictor_dropout": 0.0, "predictor_edge_dropout": 0.0}


@pytest.fixture(scope="module")
def graph():
    """A graph with hubs, isolated nodes, self loops and features of three kinds."""
    return gr.datasets.rmat(num_nodes=200, num_edges=900, self_loops=True)


def features(kind, graph, width=8):
    if kind is None:
        return None
    x = np.random.default_rng(0).standard_normal((graph.num_nodes, width)).astype(np.float32)
    return as_features(sp.csr_array(np.where(np.abs(x) > 1.5, x, 0)) if kind == "sparse" else x, torch.device("cpu"))


def batch_of(graph):
    """Edges, one of them twice in both directions and one that is not in the graph, and other pairs."""
    edges = graph.edges()
    pos = edges[:, edges[0] != edges[1]][:, ::7]
    pos = np.concatenate([pos, pos[::-1, :1], [[0], [199]]], axis=1)
    assert not graph.has_edges([0], [199])[0]
    neg = np.random.default_rng(1).integers(graph.num_nodes, size=(2, 60))
    return PairBatch(torch.tensor(pos), torch.tensor(neg))


def task_of(kind, graph, encoder, predictor, x, **options):
    torch.manual_seed(0)
    width = None if x is None else x.shape[1]
    model = PairModel(Encoder(width, dimensions=8, num_embeddings=graph.num_nodes, **encoder), predictor)
    edges = torch.from_numpy(graph.edges())
    return kind(model, graph, gr.ops.as_adjacency(graph), x, edges, batch_size=64, **options)


@pytest.mark.parametrize("predictor", PREDICTORS, ids=["GAE", "NCN", "NCN without transform"])
@pytest.mark.parametrize(("encoder", "kind"), list(zip(ENCODERS, ["dense", None, "sparse"] * 2, strict=True)))
@pytest.mark.parametrize("hide_targets", [True, False])
def test_all_neighbors_are_training_on_the_whole_graph(graph, predictor, encoder, kind, hide_targets):
    x, found = features(kind, graph, 12), []
    most = int(graph.out_degree.max())
    for task_type, counts in ((PairTask, {}), (SampledTask, {"neighbors": [most] * encoder["layers"]})):
        task = task_of(task_type, graph, encoder, predictor, x, hide_targets=hide_targets, **counts)
        task.model.zero_grad()
        with using_generator(make_generator(0)):
            loss = task.loss(batch_of(graph))
        found.append((loss, {name: part.grad.clone() for name, part in task.model.named_parameters()}, task.encode()))
    torch.testing.assert_close(found[1][0], found[0][0])
    for name, wanted in found[0][1].items():
        torch.testing.assert_close(found[1][1][name], wanted, rtol=1e-4, atol=1e-5 * float(wanted.abs().max()) + 1e-8)
    torch.testing.assert_close(found[1][2], found[0][2], rtol=1e-5, atol=1e-6 * float(found[0][2].abs().max()))


@pytest.mark.parametrize("convolution", ["puregcn", "puremean", "puresum"])
def test_sampled_vectors_are_those_of_the_whole_graph_in_expectation(graph, convolution):
    # Three layers, because a walk can meet a row twice in them.
    encoder = Encoder(3, dimensions=4, layers=3, convolution=convolution).eval()
    x, batch = features("dense", graph, 3), batch_of(graph)
    task = task_of(PairTask, graph, {}, PREDICTORS[0], None)
    adj = gr.ops.as_adjacency(graph)
    nodes = torch.from_numpy(np.argsort(-graph.out_degree)[::20].copy())
    there = torch.from_numpy(graph.has_edges(*batch.pos.numpy()))
    with torch.no_grad():
        wanted = encoder(x, adj.with_values(task._kept(batch.pos).float()))[nodes].double()
        draws = []
        for seed in range(400):
            with using_generator(make_generator(seed)):
                read, blocks = sample_blocks(adj, nodes, [4, 3, 3], encoder.kind, batch.pos[:, there])
            draws.append(encoder(x[read], blocks))
    draws = torch.stack(draws).double()
    error = (draws.mean(0) - wanted).abs()
    deviation = draws.std(0)
    assert float(deviation.max()) > 0.01 * float(wanted.abs().max())  # something was sampled
    assert bool((error <= 5 * deviation / len(draws) ** 0.5 + 1e-5 * wanted.abs().max()).all())


def test_dropout_of_edges_keeps_common_neighbors_as_often_as_on_the_whole_graph(graph):
    predictor = NeighborPredictor(8, edge_dropout=0.4)
    task, batch = task_of(SampledTask, graph, {}, predictor, None, neighbors=[5]), batch_of(graph)
    pairs = torch.cat(batch[:2], 1)
    task.model.eval()
    whole = task._common(pairs, torch.arange(pairs.shape[1]), batch.pos).num_entries
    task.model.train()
    kept = [task._common(pairs, torch.arange(pairs.shape[1]), batch.pos).num_entries for _ in range(300)]
    assert whole > 100
    assert abs(np.mean(kept) / whole - 0.36) < 5 * np.std(kept) / whole / 300**0.5


@pytest.mark.parametrize("learner", [GAE, NCN])
def test_a_fit_with_all_neighbors_is_a_fit_on_the_whole_graph(graph, learner, tmp_path):
    options = PLAIN | {name: value for name, value in UNDROPPED.items() if name in learner().get_params()}
    whole = learner(**options).fit(graph)
    sampled = learner(**options, neighbors=[-1]).fit(graph)
    for one, other in zip(whole.history_, sampled.history_, strict=True):
        assert one["loss"] == pytest.approx(other["loss"], rel=1e-4)
    pairs = batch_of(graph).neg.numpy()
    scores = sampled.score_pairs(pairs)
    np.testing.assert_allclose(scores, whole.score_pairs(pairs), rtol=1e-3, atol=1e-4)
    sampled.save(tmp_path / "model")
    np.testing.assert_array_equal(gr.load(tmp_path / "model").score_pairs(pairs), scores)


def test_samples_depend_on_the_seed_and_not_on_threads():
    x = np.random.default_rng(0).standard_normal((200, 6)).astype(np.float32)
    graph = gr.datasets.rmat(num_nodes=200, num_edges=900)
    graph = gr.as_graph(graph.edges(), num_nodes=200, directed=False, x=x)
    split = gr.evaluate.random_link_split(graph, valid=0.1, test=0.1, random_state=0)
    fits = [
        NCN(**PLAIN, neighbors=(4, 3), layers=2, n_jobs=jobs, random_state=seed).fit(split.graph, val=split)
        for jobs, seed in ((1, 0), (3, 0), (1, 1))
    ]
    np.testing.assert_array_equal(fits[0].embedding_, fits[1].embedding_)
    assert fits[0].history_ == fits[1].history_ != fits[2].history_
    np.testing.assert_allclose(fits[0].transform(split.graph).vectors, fits[0].embedding_, rtol=1e-5)


def test_a_step_that_does_not_fit_is_refused_with_the_way_out(graph, monkeypatch):
    monkeypatch.setattr(_memory, "available_memory", lambda: 70_000)
    with pytest.raises(MemoryError, match=r"^NCN of 200 nodes needs about .* sample neighbors, for example"):
        NCN(**PLAIN).fit(graph)
    assert NCN(**PLAIN, neighbors=[5]).fit(graph).embedding_.shape == (200, 8)
    monkeypatch.setattr(_memory, "available_memory", lambda: 40_000)
    with pytest.raises(MemoryError, match=r"^NCN of 200 nodes needs about .* take fewer dimensions"):
        NCN(**PLAIN, neighbors=[5]).fit(graph)


@pytest.mark.parametrize(
    ("learner", "options", "message"),
    [
        (NCN, {"neighbors": 5}, "neighbors must be a sequence of integers, got 5"),
        (NCN, {"neighbors": [5, 5]}, "for each of the layers=1"),
        (NCN, {"neighbors": [0]}, "a positive number, or -1 for all"),
        (GAE, {"neighbors": [], "layers": 0}, "at least one"),
        (NCN, {"neighbors": [5], "convolution": "puremax"}, 'cannot be sampled with convolution="puremax"'),
        (NCN, {"neighbors": [5], "encoder_edge_dropout": 0.1}, "cannot be sampled with encoder_edge_dropout=0.1"),
        (GAE, {"neighbors": [5], "encoder": lambda *_: None}, "an encoder or predictor of your own"),
        (GAE, {"neighbors": [5], "predictor": lambda *_: None}, "an encoder or predictor of your own"),
        (NCNC, {"neighbors": [5]}, "NCNC cannot train on sampled neighbors"),
    ],
)
def test_what_cannot_be_sampled_is_refused(graph, learner, options, message):
    with pytest.raises((TypeError, ValueError), match=message):
        learner(**options).fit(graph)
