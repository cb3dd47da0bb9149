"""Whole models: switching them, what is said about it, copies, files, compilation."""

from __future__ import annotations

import copy
import io
import pickle

import pytest
import torch

pyg = pytest.importorskip("torch_geometric")

import torch_geometric.nn as pnn  # noqa: E402

import graphrep as gr  # noqa: E402

from ._layers import KINDS, LAYERS, accelerated, data, extras, pair, same  # noqa: E402


@pytest.mark.parametrize("kind", ["GCN", "GraphSAGE", "GIN", "GAT"])
def test_a_model_trains_copies_and_pickles(kind):
    torch.manual_seed(0)
    x, edge_index, _ = data()
    labels = torch.arange(30) % 3
    plain = getattr(pnn, kind)(6, 16, num_layers=2, out_channels=3)
    model = accelerated(copy.deepcopy(plain))
    losses = []
    for trained in (plain, model):
        optimiser = torch.optim.SGD(trained.parameters(), lr=0.02)
        losses.append([])
        for _ in range(20):
            optimiser.zero_grad()
            loss = torch.nn.functional.cross_entropy(trained(x, edge_index), labels)
            loss.backward()
            optimiser.step()
            losses[-1].append(loss.item())
    assert losses[0] == pytest.approx(losses[1], rel=1e-3)
    assert losses[1][-1] < losses[1][0]
    model.eval()
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert set(gr.pyg.report(other).values()) == {"graphrep"}
        assert torch.equal(other(x, edge_index), model(x, edge_index))


def test_gatv2_in_a_model():
    model = accelerated(pnn.GAT(6, 16, num_layers=2, v2=True, jk="cat"))
    assert [type(conv) for conv in model.convs] == [gr.pyg.GATv2Conv] * 2
    assert model(*data()[:2]).shape == (30, 16)


@pytest.mark.parametrize("name", KINDS)
def test_parameters_are_exchanged_with_torch_geometric(name):
    torch.manual_seed(0)
    plain = LAYERS[name]()
    ours = accelerated(LAYERS[name]())
    assert repr(ours) == repr(plain)
    x, edge_index, weight = data()
    options = extras(name, weight)
    ours(x, edge_index, **options)
    ours.load_state_dict(plain.state_dict())
    same(ours(x, edge_index, **options), plain(x, edge_index, **options))
    again = LAYERS[name]()
    again.load_state_dict(ours.state_dict())
    same(again(x, edge_index, **options), plain(x, edge_index, **options))
    assert list(ours.state_dict()) == list(plain.state_dict())
    file = io.BytesIO()
    torch.save(ours, file)
    file.seek(0)
    loaded = torch.load(file, weights_only=False)
    assert type(loaded) is type(ours)
    same(loaded(x, edge_index, **options), plain(x, edge_index, **options))


@pytest.mark.parametrize("name", KINDS)
def test_classes_in_place_of_their_namesakes(name):
    plain = LAYERS[name]()
    cls = getattr(gr.pyg, type(plain).__name__)
    arguments = {"GINConv": (torch.nn.Linear(6, 8),), "RGCNConv": (6, 8, 4)}.get(cls.__name__, (6, 8))
    torch.manual_seed(3)
    ours = cls(*copy.deepcopy(arguments))
    torch.manual_seed(3)
    theirs = cls.origin(*copy.deepcopy(arguments))
    assert isinstance(ours, cls.origin)
    x, edge_index, weight = data()
    same(ours(x, edge_index, **extras(name, weight)), theirs(x, edge_index, **extras(name, weight)))
    assert cls.supported


def test_what_is_left_alone_is_said():
    class Mine(pnn.GCNConv):
        pass

    model = torch.nn.ModuleList([
        pnn.GCNConv(6, 8), pnn.PNAConv(6, 8, ["mean"], ["identity"], torch.ones(3)), pnn.ChebConv(6, 8, 2),
        pnn.ChebConv(8, 8, 2), pnn.SAGEConv(6, 8, aggr="median"), Mine(6, 8), torch.nn.Linear(6, 8),
    ])  # fmt: skip
    with pytest.warns(UserWarning, match="layers of message passing stay") as caught:
        assert gr.pyg.accelerate(model) is model
    assert len(caught) == 1
    assert str(caught[0].message) == (
        "5 of 6 layers of message passing stay on torch_geometric's code: PNAConv; 2 x ChebConv; "
        "SAGEConv (aggregation median); Mine (a subclass of GCNConv)."
    )
    assert caught[0].filename == __file__
    assert gr.pyg.report(model)["0"] == "graphrep"
    assert gr.pyg.report(model)["2"] == "ChebConv"
    assert len(gr.pyg.report(model)) == 6
    assert type(model[5]) is Mine
    with pytest.warns(UserWarning, match="Linear has no layer of message passing"):
        gr.pyg.accelerate(torch.nn.Linear(2, 2))
    with pytest.raises(TypeError, match=r"module must be a torch\.nn\.Module, got list"):
        gr.pyg.accelerate([pnn.GCNConv(6, 8)])


def test_another_version_of_torch_geometric(monkeypatch):
    """A layer whose parameters are not those known here runs on the installed code."""

    class Newer(pnn.SAGEConv):
        def __init__(self, in_channels, out_channels, twice=True, **kwargs):
            super().__init__(in_channels, out_channels, **kwargs)

        def forward(self, x, edge_index, size=None):
            return 2 * super().forward(x, edge_index, size)

    class Ours(gr.pyg.convolutions._Sum, Newer):
        origin, known, forward = Newer, gr.pyg.SAGEConv.known, gr.pyg.SAGEConv.forward

    assert not Ours.supported
    assert gr.pyg.SAGEConv.supported


def hetero():
    x = {"paper": torch.randn(30, 6), "author": torch.randn(20, 6)}
    edges = {
        ("paper", "cites", "paper"): torch.randint(0, 30, (2, 90)),
        ("author", "writes", "paper"): torch.randint(0, 20, (2, 70)),
        ("paper", "written_by", "author"): torch.randint(0, 20, (2, 70)),
    }
    return x, edges


def test_hetero_conv():
    torch.manual_seed(0)
    x, edges = hetero()
    kinds = (pnn.GCNConv(6, 8), pnn.SAGEConv((6, 6), 8), pnn.GATConv((6, 6), 4, heads=2, add_self_loops=False))
    plain = pnn.HeteroConv(dict(zip(edges, kinds, strict=True)))
    fast = accelerated(copy.deepcopy(plain))
    assert set(gr.pyg.report(fast).values()) == {"graphrep"}
    for key, value in fast(x, edges).items():
        same(value, plain(x, edges)[key])


@pytest.mark.parametrize("first", ["switched", "converted"])
def test_to_hetero(first):
    torch.manual_seed(0)
    x, edges = hetero()
    metadata = (list(x), list(edges))
    model = pnn.GraphSAGE((-1, -1), 8, num_layers=2)
    plain = pnn.to_hetero(copy.deepcopy(model), metadata)
    if first == "switched":
        fast = pnn.to_hetero(accelerated(model), metadata)
    else:
        fast = accelerated(pnn.to_hetero(model, metadata))
    plain(x, edges), fast(x, edges)  # the widths are known afterwards
    fast.load_state_dict(plain.state_dict())
    assert set(gr.pyg.report(fast).values()) == {"graphrep"}
    for key, value in fast(x, edges).items():
        same(value, plain(x, edges)[key])


@pytest.mark.slow
@pytest.mark.parametrize("name", [*KINDS, "gcn weights", "sage max"])
def test_compiled(name):
    torch._dynamo.reset()
    plain, fast = pair(LAYERS[name])
    x, edge_index, weight = data()
    options = extras(name, weight)
    compiled = torch.compile(fast, backend="aot_eager", fullgraph=name != "rgcn")
    found = []
    for layer in (plain, compiled, fast, compiled):
        leaf = x.clone().requires_grad_()
        out = layer(leaf, edge_index, **options)
        found.append((out.detach(), torch.autograd.grad(out.sin().sum(), leaf)[0]))
    for other in found[1:]:
        same(other, found[0])
    other = data(seed=1)[1]
    same(compiled(x, other, **options), plain(x, other, **options))
