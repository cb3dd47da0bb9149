from __future__ import annotations

import copy
import pickle

import pytest
import torch

pyg = pytest.importorskip("torch_geometric")

import torch_geometric.nn as pnn  # noqa: E402

import graphrep as gr  # noqa: E402

LAYERS = {
    "gcn": lambda: pnn.GCNConv(6, 8),
    "gcn improved": lambda: pnn.GCNConv(6, 8, improved=True),
    "gcn cached": lambda: pnn.GCNConv(6, 8, cached=True),
    "gcn without norm": lambda: pnn.GCNConv(6, 8, normalize=False),
    "sage mean": lambda: pnn.SAGEConv(6, 8),
    "sage max": lambda: pnn.SAGEConv(6, 8, aggr="max"),
    "sage lstm": lambda: pnn.SAGEConv(6, 8, aggr="lstm"),
    "gin": lambda: pnn.GINConv(torch.nn.Linear(6, 8), train_eps=True),
    "graph": lambda: pnn.GraphConv(6, 8),
    "gat": lambda: pnn.GATConv(6, 4, heads=3),
    "gat mean": lambda: pnn.GATConv(6, 4, heads=3, concat=False, add_self_loops=False),
    "gat backwards": lambda: pnn.GATConv(6, 4, heads=2, flow="target_to_source"),
}


def data(num_nodes=30, num_edges=150, seed=0):
    generator = torch.Generator().manual_seed(seed)
    edge_index = torch.randint(0, num_nodes, (2, num_edges), generator=generator)
    return torch.randn(num_nodes, 6, generator=generator), edge_index, torch.rand(num_edges, generator=generator)


def pair(make):
    torch.manual_seed(0)
    plain = make()
    return plain, gr.pyg.accelerate(copy.deepcopy(plain))


@pytest.mark.parametrize("name", LAYERS)
def test_same_results_and_gradients(name):
    plain, fast = pair(LAYERS[name])
    assert type(fast) is not type(plain)
    assert isinstance(fast, type(plain))
    x, edge_index, weight = data()
    if name == "sage lstm":
        edge_index = edge_index[:, edge_index[1].argsort()]
    options = {"edge_weight": weight} if name.startswith(("graph", "gcn without")) else {}
    for round_ in range(3):  # the second call finds its rows kept
        results = []
        for layer in (plain, fast):
            x = x.detach().requires_grad_()
            out = layer(x, edge_index, **options)
            out.sin().sum().backward()
            results.append((out, x.grad, *(p.grad.clone() for p in layer.parameters())))
            layer.zero_grad()
        for a, b in zip(*results, strict=True):
            torch.testing.assert_close(b, a, rtol=1e-4, atol=1e-5)
        if round_ == 1 and "cached" not in name:
            edge_index[:, 0] = 3 - edge_index[:, 0].clamp(max=3)  # changed in place: nothing kept may be used
            if name == "sage lstm":
                edge_index = edge_index[:, edge_index[1].argsort()]


def test_gcn_with_edge_weights_that_learn():
    plain, fast = pair(lambda: pnn.GCNConv(6, 8))
    x, edge_index, weight = data()
    grads = []
    for layer in (plain, fast):
        w = weight.clone().requires_grad_()
        layer(x, edge_index, w).sin().sum().backward()
        grads.append(w.grad)
    torch.testing.assert_close(grads[1], grads[0])
    torch.testing.assert_close(fast(x, edge_index), plain(x, edge_index))


@pytest.mark.parametrize(
    "layer", [lambda: pnn.SAGEConv((6, 6), 8), lambda: pnn.GATConv((6, 6), 4, heads=2, add_self_loops=False)]
)
def test_bipartite(layer):
    plain, fast = pair(layer)
    x, edge_index, _ = data()
    edge_index[1] %= 10
    both = (x, x[:10])
    torch.testing.assert_close(fast(both, edge_index), plain(both, edge_index))
    torch.testing.assert_close(fast(both, edge_index, size=(30, 10)), plain(both, edge_index, size=(30, 10)))


def test_gat_with_edge_features_dropout_and_weights():
    plain, fast = pair(lambda: pnn.GATConv(6, 4, heads=2, edge_dim=3, dropout=0.5))
    x, edge_index, weight = data()
    attributes = torch.stack([weight, weight**2, 1 - weight], 1)
    for layer in (plain, fast):
        layer.eval()
    wanted, (wanted_edges, wanted_weights) = plain(x, edge_index, attributes, return_attention_weights=True)
    out, (edges, weights) = fast(x, edge_index, attributes, return_attention_weights=True)
    torch.testing.assert_close(out, wanted)
    assert torch.equal(edges, wanted_edges)
    torch.testing.assert_close(weights, wanted_weights)
    fast.train()
    plain.train()
    torch.manual_seed(1)
    dropped = fast(x, edge_index, attributes)
    torch.manual_seed(1)
    torch.testing.assert_close(dropped, plain(x, edge_index, attributes))


def test_other_inputs_run_as_before():
    plain, fast = pair(lambda: pnn.SAGEConv(6, 8))
    x, edge_index, _ = data()
    index = pyg.EdgeIndex(edge_index, sparse_size=(30, 30)).sort_by("col")[0]
    torch.testing.assert_close(fast(x, index), plain(x, index))
    fast.register_message_forward_hook(lambda module, inputs, out: 2 * out)
    plain.register_message_forward_hook(lambda module, inputs, out: 2 * out)
    torch.testing.assert_close(fast(x, edge_index), plain(x, edge_index))


def test_a_model_trains_copies_and_pickles():
    torch.manual_seed(0)
    x, edge_index, _ = data()
    labels = torch.arange(30) % 3
    model = gr.pyg.accelerate(pnn.GCN(6, 16, num_layers=2, out_channels=3))
    assert [type(conv) for conv in model.convs] == [gr.pyg.GCNConv] * 2
    optimiser = torch.optim.Adam(model.parameters(), lr=0.05)
    losses = []
    for _ in range(60):
        optimiser.zero_grad()
        loss = torch.nn.functional.cross_entropy(model(x, edge_index), labels)
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert torch.equal(other(x, edge_index), model(x, edge_index))


def test_no_edges_and_one_node():
    for make in (lambda: pnn.GCNConv(6, 8), lambda: pnn.GATConv(6, 4), lambda: pnn.SAGEConv(6, 8, aggr="max")):
        plain, fast = pair(make)
        x, none = data()[0][:1], torch.empty(2, 0, dtype=torch.int64)
        torch.testing.assert_close(fast(x, none), plain(x, none))
