"""R-GCN's convolution against a loop over relations, and against torch_geometric's."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import graphrep as gr
from graphrep.nn import RelationalConv, TypedAdjacency

SHAPES = [{}, {"bases": 2}, {"bases": 9}, {"blocks": 2}]


def naive(conv, x, edge_index, edge_type, weights=None):
    """The formula, relation by relation and arc by arc."""
    sources, targets = x if isinstance(x, tuple) else (x, x)
    rows = []
    for v in range(len(targets)):
        row = torch.zeros(conv.out_channels, dtype=sources.dtype)
        for r in range(conv.num_relations):
            if conv.bases is not None:
                matrix = sum(conv.comp[r, b] * conv.weight[b] for b in range(conv.bases))
            elif conv.blocks is not None:
                matrix = torch.block_diag(*conv.weight[r])
            else:
                matrix = conv.weight[r]
            arcs = [e for e in range(len(edge_type)) if edge_index[1, e] == v and edge_type[e] == r]
            factor = [1.0 if weights is None else weights[e] for e in arcs]
            for e, a in zip(arcs, factor, strict=True):
                row = row + a * (sources[edge_index[0, e]] @ matrix) / (sum(factor) if conv.reduce == "mean" else 1)
        rows.append(row)
    out = torch.stack(rows)
    out = out if conv.root is None else out + targets @ conv.root
    return out if conv.bias is None else out + conv.bias


def arcs(num_sources=7, num_targets=7, num_arcs=40, relations=4, seed=0):
    """Parallel arcs and self loops among them; the last node has none, and relation 2 is empty."""
    draw = torch.Generator().manual_seed(seed)
    ends = [torch.randint(size - 1, (num_arcs,), generator=draw) for size in (num_sources, num_targets)]
    kind = torch.randint(relations, (num_arcs,), generator=draw)
    kind[kind == 2] = 3
    return torch.stack(ends), kind, torch.rand(num_arcs, dtype=torch.float64, generator=draw) + 0.5


def gradients(out, *inputs):
    draw = torch.Generator().manual_seed(1)
    direction = torch.rand(out.shape, dtype=out.dtype, generator=draw)
    return torch.autograd.grad(out, inputs, direction)


@pytest.mark.parametrize("reduce", ["mean", "sum"])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("num_arcs", [0, 1, 40])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_values_and_gradients_are_those_of_the_loop(shape, num_arcs, weighted, reduce):
    edge_index, kind, weights = arcs(num_arcs=num_arcs)
    weights = weights if weighted else None
    conv = RelationalConv(4, 6, 4, **shape, reduce=reduce).double()
    torch.nn.init.normal_(conv.bias, generator=torch.Generator().manual_seed(2))
    x = torch.rand(7, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(3), requires_grad=True)
    adj = TypedAdjacency(edge_index, kind, 7, num_relations=4, weights=weights)
    wanted = naive(conv, x, edge_index, kind, weights)
    inputs = (x, conv.root, conv.bias) if num_arcs == 0 else (x, *conv.parameters())
    expected = gradients(wanted, *inputs)
    ways = [conv(x, adj)]
    if conv.comp is not None:  # each of the two orders of computation
        ways += [way(x, adj) + x @ conv.root + conv.bias for way in (conv._by_basis, conv._by_group)]
    for found in ways:
        torch.testing.assert_close(found, wanted)
        torch.testing.assert_close(gradients(found, *inputs), expected)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_sources_and_targets_of_two_kinds(shape):
    edge_index, kind, _ = arcs(num_sources=5, num_targets=9)
    conv = RelationalConv(4, 6, 4, **shape, root_weight=False, bias=False)
    x = torch.rand(5, 4), torch.rand(9, 4)
    torch.testing.assert_close(conv(x, edge_index, kind), naive(conv, x, edge_index, kind))
    torch.testing.assert_close(conv(x, edge_index.int(), kind.int()), conv(x, edge_index, kind), rtol=0, atol=0)


@pytest.mark.parametrize("way", ["_by_basis", "_by_group"])
def test_derivatives(way):
    edge_index, kind, weights = arcs(num_arcs=12)
    adj = TypedAdjacency(edge_index, kind, 7, weights=weights)
    conv = RelationalConv(2, 2, 4, bases=2).double()
    x = torch.rand(7, 2, dtype=torch.float64, requires_grad=True)

    def call(x, weight, comp):
        return torch.func.functional_call(Way(conv, way), {"conv.weight": weight, "conv.comp": comp}, (x, adj))

    inputs = (x, conv.weight, conv.comp)
    assert torch.autograd.gradcheck(call, inputs)
    assert torch.autograd.gradgradcheck(call, inputs)


class Way(torch.nn.Module):
    def __init__(self, conv, way):
        super().__init__()
        self.conv, self.way = conv, way

    def forward(self, x, adj):
        return getattr(self.conv, self.way)(x, adj)


@pytest.mark.parametrize("reduce", ["mean", "sum"])
def test_torch_geometric_gives_the_same_with_the_same_state(reduce):
    theirs = pytest.importorskip("torch_geometric.nn")
    edge_index, kind, _ = arcs(num_sources=300, num_targets=300, num_arcs=2000, relations=5)
    x = torch.rand(300, 8)
    for shape, names in (({}, {}), ({"bases": 3}, {"num_bases": 3}), ({"blocks": 2}, {"num_blocks": 2})):
        conv = RelationalConv(8, 6, 5, **shape, reduce=reduce)
        for kind_of_layer in (theirs.RGCNConv, theirs.FastRGCNConv):
            other = kind_of_layer(8, 6, 5, **names, aggr="mean" if reduce == "mean" else "add")
            other.load_state_dict(conv.state_dict())
            torch.testing.assert_close(conv(x, edge_index, kind), other(x, edge_index, kind), rtol=1e-4, atol=1e-5)


def test_a_typed_graph_sends_messages_along_its_arcs():
    triples = [("ann", "knows", "bob"), ("cy", "likes", "bob"), ("bob", "likes", "ann"), ("cy", "knows", "bob")]
    g = gr.as_graph(triples, edge_type=1)
    conv = RelationalConv(3, 2, 2)
    x = torch.rand(3, 3)
    ends, kind = torch.from_numpy(g.edge_index()), torch.from_numpy(g.edge_type.astype(np.int64))
    torch.testing.assert_close(conv(x, g), naive(conv, x, ends, kind))
    assert g._cache["typed adjacency"] is not None
    torch.testing.assert_close(conv(x, g), conv(x, ends, kind), rtol=0, atol=0)
    both = RelationalConv(3, 2, 4)
    doubled = torch.cat([ends, ends.flip(0)], 1), torch.cat([kind, kind + 2])
    torch.testing.assert_close(both(x, TypedAdjacency.from_graph(g, inverse=True)), naive(both, x, *doubled))
    heavy = gr.as_graph(g.edge_index(), edge_type=g.edge_type, weights=[1.0, 2.0, 3.0, 4.0], num_nodes=3)
    w = torch.from_numpy(np.array(heavy.weights))
    torch.testing.assert_close(conv(x, heavy), naive(conv, x, ends, kind, w))
    with pytest.raises(ValueError, match="undirected graph, which has both directions"):
        TypedAdjacency.from_graph(g.to_undirected(), inverse=True)
    with pytest.raises(ValueError, match="no types of edges"):
        conv(x, g.untyped())


def test_seeded_and_trainable():
    with gr.nn.using_generator(gr.nn.make_generator(5)):
        one = RelationalConv(4, 4, 3, bases=2)
    with gr.nn.using_generator(gr.nn.make_generator(5)):
        two = RelationalConv(4, 4, 3, bases=2)
    for a, b in zip(one.parameters(), two.parameters(), strict=True):
        assert torch.equal(a, b)
    assert repr(one) == "RelationalConv(4, 4, num_relations=3, bases=2)"


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: RelationalConv(4, 4, 2, bases=2, blocks=2), ValueError, "bases or blocks, not both"),
        (lambda: RelationalConv(4, 6, 2, blocks=4), ValueError, "must divide both widths, 4 and 6; got 4"),
        (lambda: RelationalConv(4, 6, 2, reduce="max"), ValueError, "must be 'mean' or 'sum', got 'max'"),
        (lambda: TypedAdjacency(torch.zeros(3, 2).long(), torch.zeros(3).long(), 3), TypeError, r"\(2, num_arcs\)"),
        (lambda: TypedAdjacency(torch.zeros(2, 3).long(), torch.zeros(2).long(), 3), ValueError, "an entry per arc, 3"),
        (lambda: TypedAdjacency(torch.zeros(2, 3).long(), torch.zeros(3), 3), TypeError, "edge_type must be an int"),
        (lambda: TypedAdjacency(torch.full((2, 1), 3), torch.zeros(1).long(), 3), IndexError, r"\[0, 3\), got 3"),
        (
            lambda: TypedAdjacency(torch.zeros(2, 1).long(), torch.tensor([2]), 3, num_relations=2),
            IndexError, r"edge_type must lie in \[0, 2\), got 2",
        ),
        (lambda: RelationalConv(4, 4, 2)(torch.ones(3, 4), torch.zeros(2, 1).long()), TypeError, "edge_type must be"),
        (
            lambda: RelationalConv(4, 4, 2)(torch.ones(3, 5), torch.zeros(2, 1).long(), torch.zeros(1).long()),
            ValueError, r"must have shape \(3, 4\)",
        ),
        (
            lambda: RelationalConv(4, 4, 1)(
                torch.ones(3, 4), TypedAdjacency(torch.zeros(2, 1).long(), torch.tensor([1]), 3)
            ),
            ValueError, "has 2 relations, but num_relations is 1",
        ),
    ],
)  # fmt: skip
def test_bad_input_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
