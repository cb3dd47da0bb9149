"""Results and gradients equal torch_geometric's."""

from __future__ import annotations

import pytest
import torch

pyg = pytest.importorskip("torch_geometric")

import torch_geometric.nn as pnn  # noqa: E402

import graphrep as gr  # noqa: E402

from ._layers import KINDS, LAYERS, RELATIONS, Calls, data, extras, pair, same  # noqa: E402


def results(layer, x, edge_index, options):
    """Output and gradients of a layer, its parameters and all floating inputs."""
    inputs = {"x": x, **options}
    learned = {
        k: v
        for k, v in inputs.items()
        if v.is_floating_point() and not (k == "edge_weight" and getattr(layer, "cached", False))
    }
    leaves = {k: v.detach().clone().requires_grad_() for k, v in learned.items()}
    layer.zero_grad()
    out = layer(**(inputs | leaves), edge_index=edge_index)
    out.sin().sum().backward()
    gradients = [p.grad.clone() for p in layer.parameters() if p.grad is not None]
    return [out.detach(), *(leaf.grad for leaf in leaves.values() if leaf.grad is not None), *gradients]


@pytest.mark.parametrize("name", LAYERS)
def test_same_results_and_gradients(name, monkeypatch):
    plain, fast = pair(LAYERS[name])
    assert type(fast) is not type(plain)
    assert isinstance(fast, type(plain))
    x, edge_index, weight = data()
    options = extras(name, weight)
    wanted = results(plain, x, edge_index, options)
    calls = Calls(monkeypatch)
    for _ in range(2):  # the second call finds its rows kept
        found = results(fast, x, edge_index, options)
        assert len(found) == len(wanted)
        for a, b in zip(found, wanted, strict=True):
            same(a, b)
    assert calls.count == 0  # it did run on the kernels


@pytest.mark.parametrize("name", LAYERS)
def test_double_precision_agrees_to_many_digits(name):
    plain, fast = pair(lambda: LAYERS[name]().double())
    x, edge_index, weight = data()
    options = extras(name, weight.double())
    for a, b in zip(
        results(fast, x.double(), edge_index, options), results(plain, x.double(), edge_index, options), strict=True
    ):
        same(a, b, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("num_edges", [0, 1])
def test_hardly_any_edges(name, num_edges):
    plain, fast = pair(LAYERS[name])
    for num_nodes in (1, 7):
        if "cached" in name:
            plain.reset_parameters(), fast.load_state_dict(plain.state_dict())
            fast._cached_edge_index = None
        x, edge_index, weight = data(num_nodes, num_edges)
        for a, b in zip(
            results(fast, x, edge_index, extras(name, weight)),
            results(plain, x, edge_index, extras(name, weight)),
            strict=True,
        ):
            same(a, b)


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision(name, dtype):
    plain, fast = pair(lambda: LAYERS[name]().to(dtype))
    x, edge_index, weight = data()
    found, wanted = (layer(x.to(dtype), edge_index, **extras(name, weight)) for layer in (fast, plain))
    assert found.dtype is wanted.dtype
    same(found.float(), wanted.float(), rtol=0.05, atol=0.08)


@pytest.mark.parametrize("name", KINDS)
def test_autocast(name):
    plain, fast = pair(LAYERS[name])
    x, edge_index, weight = data()
    with torch.autocast("cpu", torch.bfloat16):
        found, wanted = (layer(x, edge_index, **extras(name, weight)) for layer in (fast, plain))
    assert found.dtype is wanted.dtype
    same(found.float(), wanted.float(), rtol=0.05, atol=0.08)


@pytest.mark.parametrize("name", KINDS)
def test_ids_of_32_bits(name):
    plain, fast = pair(LAYERS[name])
    x, edge_index, weight = data()
    options = extras(name, weight)
    if name in ("gcn", "gat", "gatv2", "rgcn"):  # torch_geometric's own code makes them int64 on the way, or fails
        wanted = plain(x, edge_index, **options)
    else:
        wanted = plain(x, edge_index.int(), **options)
    try:
        plain(x, edge_index.int(), **options)
    except (RuntimeError, IndexError):
        return
    same(fast(x, edge_index.int(), **options), wanted)


@pytest.mark.parametrize(
    "name", ["gcn", "gcn weights", "sage mean", "sage max", "gin", "graph weights", "gcn backwards"]
)
@pytest.mark.parametrize("batch", [(3,), (30,), (40,), (2, 3)])
def test_one_graph_for_a_batch_of_features(name, batch):
    plain, fast = pair(LAYERS[name])
    _, edge_index, weight = data()
    x = torch.randn(*batch, 30, 6)
    for a, b in zip(
        results(fast, x, edge_index, extras(name, weight)),
        results(plain, x, edge_index, extras(name, weight)),
        strict=True,
    ):
        same(a, b)


@pytest.mark.parametrize("name", ["gcn weights", "gcn cached weights", "gcn weights without norm", "graph weights"])
@pytest.mark.parametrize("kind", ["column", "double", "half", "learned", "negative"])
def test_edge_weights(name, kind):
    plain, fast = pair(LAYERS[name])
    x, edge_index, weight = data()
    weight = {
        "column": weight[:, None],
        "double": weight.double(),
        "half": weight.bfloat16(),
        "learned": torch.nn.Parameter(weight),
        "negative": weight - 0.5 if "norm" in name or "graph" in name else weight,
    }[kind]
    if kind == "double" and name.startswith("graph"):  # its linear layer comes after the sum
        for layer in (fast, plain):
            with pytest.raises(RuntimeError, match="dtype"):
                layer(x, edge_index, weight)
        return
    found, wanted = (layer(x, edge_index, weight) for layer in (fast, plain))
    assert found.dtype is wanted.dtype
    same(found, wanted)


def test_integer_edge_weights():
    plain, fast = pair(LAYERS["graph weights"])
    x, edge_index, weight = data()
    for other in ((weight * 10).long(), weight > 0.5):
        same(fast(x, edge_index, other), plain(x, edge_index, other))


BIPARTITE = {
    "sage": lambda **o: pnn.SAGEConv((6, 6), 8, **o),
    "gin": lambda **o: pnn.GINConv(torch.nn.Linear(6, 8), **o),
    "graph": lambda **o: pnn.GraphConv((6, 6), 8, **o),
    "gat": lambda **o: pnn.GATConv((6, 6), 4, heads=2, **o),
    "gat shared": lambda **o: pnn.GATConv(6, 4, heads=2, add_self_loops=False, **o),
    "gatv2": lambda **o: pnn.GATv2Conv((6, 6), 4, heads=2, **o),
    "transformer": lambda **o: pnn.TransformerConv((6, 6), 4, heads=2, **o),
    "rgcn": lambda **o: pnn.RGCNConv((6, 6), 8, RELATIONS, **o),
}


@pytest.mark.parametrize("name", BIPARTITE)
@pytest.mark.parametrize("flow", ["source_to_target", "target_to_source"])
def test_two_sides(name, flow):
    plain, fast = pair(lambda: BIPARTITE[name](flow=flow))
    x, edge_index, weight = data()
    options = extras(name, weight)
    edge_index = torch.stack([edge_index[0], edge_index[1] % 10])
    cases = [((x, torch.randn(30, 6)), {})]
    if flow == "source_to_target":
        cases += [((x, x[:10] + 1), {})]
        if name not in ("rgcn", "transformer", "gatv2"):
            cases += [((x, x[:10] + 1), {"size": (30, 10)})]
        if name in ("sage", "gin", "graph", "gat shared"):
            cases += [((x, None), {}), ((x, None), {"size": (30, 10)})]
    for both, more in cases:
        same(fast(both, edge_index, **options, **more), plain(both, edge_index, **options, **more))


def test_sizes_that_disagree_are_refused_as_before():
    for name, make in BIPARTITE.items():
        if name in ("rgcn", "transformer", "gatv2"):
            continue
        for layer in pair(make):
            x, edge_index, _ = data()
            with pytest.raises(ValueError, match="expected size"):
                layer((x, x), edge_index % 10, size=(30, 12))


@pytest.mark.parametrize("name", KINDS)
def test_edges_beyond_the_features(name):
    fast = pair(LAYERS[name])[1]
    x, edge_index, weight = data()
    for at, value in ((0, 30), (1, 30), (0, -1), (1, -1)):
        wrong = edge_index.clone()
        wrong[at, 7] = value
        with pytest.raises((IndexError, RuntimeError)):
            fast(x, wrong, **extras(name, weight))
    if name == "sage mean":
        with pytest.raises(IndexError, match=r"edge_index must hold sources in \[0, 30\).*got nodes"):
            fast(x, wrong)


@pytest.mark.parametrize(
    "name", ["gat", "gat features", "gatv2", "gatv2 features", "transformer", "transformer features"]
)
def test_attention_weights_and_dropout(name):
    plain, fast = pair(lambda: LAYERS[name]())
    x, edge_index, weight = data()
    options = extras(name, weight)
    for p in (0.0, 0.5):
        for training in (False, True):
            found = []
            for layer in (plain, fast):
                layer.dropout = p
                layer.train(training)
                torch.manual_seed(1)
                out, (edges, attention) = layer(x, edge_index, **options, return_attention_weights=True)
                torch.manual_seed(1)
                same(layer(x, edge_index, **options), out)
                found.append((out, edges, attention))
            for a, b in zip(*found, strict=True):
                same(b, a)


def test_false_as_attention_weights():
    for name in ("gat", "gatv2", "transformer"):
        plain, fast = pair(LAYERS[name])
        x, edge_index, _ = data()
        found, wanted = (layer(x, edge_index, return_attention_weights=False) for layer in (fast, plain))
        assert type(found) is type(wanted)


@pytest.mark.parametrize(
    "name", ["gcn weights", "sage mean", "gat", "gat features", "gatv2", "gatv2 features", "transformer", "rgcn"]
)
def test_second_derivatives(name):
    plain, fast = pair(lambda: LAYERS[name]().double())
    x, edge_index, weight = data()
    found = []
    for layer in (plain, fast):
        leaf = x.double().requires_grad_()
        out = layer(leaf, edge_index, **extras(name, weight.double()))
        (first,) = torch.autograd.grad(out.sin().sum(), leaf, create_graph=True)
        layer.zero_grad()
        first.square().sum().backward()
        found.append([first.detach(), leaf.grad, *(p.grad for p in layer.parameters() if p.grad is not None)])
    for a, b in zip(*found, strict=True):
        same(b, a, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("bases", [None, 2])
@pytest.mark.parametrize("aggr", ["mean", "sum", "max"])
def test_rgcn_of_ids(bases, aggr):
    plain, fast = pair(lambda: pnn.RGCNConv(30, 8, RELATIONS, num_bases=bases, aggr=aggr))
    _, edge_index, weight = data()
    types = extras("rgcn", weight)["edge_type"]
    ids = torch.randperm(30)
    for x in (None, ids, (None, ids), (ids, ids.flip(0)), ids % 3):
        found = []
        for layer in (plain, fast):
            layer.zero_grad()
            out = layer(x, edge_index, types)
            out.sin().sum().backward()
            found.append((out.detach(), *(p.grad.clone() for p in layer.parameters())))
        for a, b in zip(*found, strict=True):
            same(b, a)


def test_rgcn_with_relations_that_it_does_not_have():
    _, fast = pair(LAYERS["rgcn"])
    x, edge_index, weight = data()
    types = extras("rgcn", weight)["edge_type"]
    for wrong in (RELATIONS, -1):
        types[3] = wrong
        with pytest.raises((RuntimeError, IndexError)):
            fast(x, edge_index, types)


def test_layers_that_learn_their_width():
    x, edge_index, _ = data()
    for make in (
        lambda: gr.pyg.GCNConv(-1, 8),
        lambda: gr.pyg.SAGEConv(-1, 8),
        lambda: gr.pyg.GraphConv(-1, 8),
        lambda: gr.pyg.GATConv(-1, 8),
        lambda: gr.pyg.GATv2Conv(-1, 8),
        lambda: gr.pyg.TransformerConv(-1, 8),
    ):
        assert make()(x, edge_index).shape == (30, 8)
    layer = gr.pyg.TransformerConv(-1, 8, edge_dim=-1)
    assert layer(x, edge_index, torch.randn(150, 3)).shape == (30, 8)


def test_scores_of_pairs_in_blocks(monkeypatch):
    """The same for blocks of any length, with rows that are longer than a block."""
    from graphrep.pyg import blocks
    from graphrep.pyg import pair_scores as module

    generator = torch.Generator().manual_seed(0)
    rows = torch.cat([torch.zeros(400, dtype=torch.int64), torch.randint(0, 9, (500,), generator=generator)])
    adj = gr.ops.Adjacency.from_edges(rows, torch.randint(0, 7, (900,), generator=generator), num_rows=12, num_cols=8)
    shapes = ((12, 2, 3), (8, 2, 3), (2, 3), (900, 2, 3))
    parts = [torch.randn(shape, generator=generator, dtype=torch.float64, requires_grad=True) for shape in shapes]
    for entry in (None, parts[3]):
        given = parts if entry is not None else parts[:3]
        wanted = module.pair_scores_reference(adj, *parts[:3], entry, 0.2)
        grads = torch.autograd.grad(wanted.sin().sum(), given)
        for block in (1, 6 * 300, 1 << 20):
            monkeypatch.setitem(blocks.BLOCK, "cpu", block)
            found = module.pair_scores(adj, *parts[:3], entry, 0.2)
            same(found, wanted, rtol=1e-12, atol=1e-12)
            for a, b in zip(torch.autograd.grad(found.sin().sum(), given), grads, strict=True):
                same(a, b, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("reduce", ["max", "min"])
def test_equal_extremes_share_the_gradient(reduce, monkeypatch):
    """Integers, so that rows have equal extremes and zeros; in blocks of any length."""
    from graphrep.pyg import blocks
    from graphrep.pyg.extremes import extreme, extreme_reference

    generator = torch.Generator().manual_seed(0)
    rows = torch.cat([torch.zeros(400, dtype=torch.int64), torch.randint(0, 30, (500,), generator=generator)])
    adj = gr.ops.Adjacency.from_edges(rows, torch.randint(0, 20, (900,), generator=generator), num_rows=33, num_cols=21)
    for shape in ((21, 5), (21,), (21, 2, 3), (21, 0)):
        x = torch.randint(-2, 3, shape, generator=generator).double().requires_grad_()
        values = torch.randint(-1, 3, (900,), generator=generator).double().requires_grad_()
        for matrix, given in ((adj, [x]), (adj.with_values(values), [x, values])):
            wanted = extreme_reference(matrix, x, reduce)
            weight = torch.randn(wanted.shape, generator=generator, dtype=torch.float64)
            grads = torch.autograd.grad((wanted * weight).sum(), given)
            for block in (1, 6 * 300, 1 << 20):
                monkeypatch.setitem(blocks.BLOCK, "cpu", block)
                found = extreme(matrix, x, reduce)
                same(found, wanted)
                for a, b in zip(torch.autograd.grad((found * weight).sum(), given), grads, strict=True):
                    same(a, b, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("name", ["sage max", "sage min", "gcn max", "graph max weights", "rgcn max"])
def test_equal_extremes_in_a_layer(name):
    plain, fast = pair(LAYERS[name])
    x, edge_index, weight = data()
    options = extras(name, (weight * 3).ceil())
    for features in (x.relu(), x.round(), torch.zeros_like(x)):
        for a, b in zip(
            results(fast, features, edge_index, options), results(plain, features, edge_index, options), strict=True
        ):
            same(a, b)
