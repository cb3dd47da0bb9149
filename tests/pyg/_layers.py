"""Every kind of layer in its settings, and graphs for them."""

from __future__ import annotations

import copy
import warnings

import pytest
import torch

pyg = pytest.importorskip("torch_geometric")

import torch_geometric.nn as pnn  # noqa: E402

import graphrep as gr  # noqa: E402

NODES, EDGES, FEATURES, RELATIONS = 30, 150, 6, 4
BACK = {"flow": "target_to_source"}

LAYERS = {
    "gcn": lambda: pnn.GCNConv(6, 8),
    "gcn improved": lambda: pnn.GCNConv(6, 8, improved=True, bias=False),
    "gcn cached": lambda: pnn.GCNConv(6, 8, cached=True),
    "gcn without loops": lambda: pnn.GCNConv(6, 8, add_self_loops=False),
    "gcn backwards": lambda: pnn.GCNConv(6, 8, **BACK),
    "gcn mean": lambda: pnn.GCNConv(6, 8, aggr="mean"),
    "gcn max": lambda: pnn.GCNConv(6, 8, aggr="max"),
    "gcn weights": lambda: pnn.GCNConv(6, 8),
    "gcn cached weights": lambda: pnn.GCNConv(6, 8, cached=True),
    "gcn weights without norm": lambda: pnn.GCNConv(6, 8, normalize=False),
    "sage mean": lambda: pnn.SAGEConv(6, 8),
    "sage max": lambda: pnn.SAGEConv(6, 8, aggr="max"),
    "sage min": lambda: pnn.SAGEConv(6, 8, aggr="min"),
    "sage all": lambda: pnn.SAGEConv(6, 8, aggr="sum", normalize=True, project=True),
    "sage backwards": lambda: pnn.SAGEConv(6, 8, root_weight=False, project=True, **BACK),
    "gin": lambda: pnn.GINConv(torch.nn.Linear(6, 8), train_eps=True, eps=0.3),
    "gin backwards": lambda: pnn.GINConv(torch.nn.Linear(6, 8), **BACK),
    "graph": lambda: pnn.GraphConv(6, 8),
    "graph weights": lambda: pnn.GraphConv(6, 8, aggr="mean"),
    "graph max weights": lambda: pnn.GraphConv(6, 8, aggr="max", bias=False),
    "graph weights backwards": lambda: pnn.GraphConv(6, 8, **BACK),
    "gat": lambda: pnn.GATConv(6, 4, heads=3),
    "gat mean": lambda: pnn.GATConv(6, 4, heads=3, concat=False, add_self_loops=False),
    "gat residual": lambda: pnn.GATConv(6, 4, heads=2, residual=True, bias=False, negative_slope=0.5),
    "gat backwards": lambda: pnn.GATConv(6, 4, heads=2, **BACK),
    "gat averaged": lambda: pnn.GATConv(6, 4, heads=2, aggr="mean"),
    "gat features": lambda: pnn.GATConv(6, 4, heads=2, edge_dim=3),
    "gat feature fill": lambda: pnn.GATConv(6, 4, heads=2, edge_dim=3, fill_value=0.5),
    "gatv2": lambda: pnn.GATv2Conv(6, 4, heads=3),
    "gatv2 mean": lambda: pnn.GATv2Conv(6, 4, heads=3, concat=False, add_self_loops=False),
    "gatv2 shared": lambda: pnn.GATv2Conv(6, 4, heads=2, share_weights=True, residual=True),
    "gatv2 backwards": lambda: pnn.GATv2Conv(6, 4, heads=2, **BACK),
    "gatv2 features": lambda: pnn.GATv2Conv(6, 4, heads=2, edge_dim=3),
    "transformer": lambda: pnn.TransformerConv(6, 4, heads=3),
    "transformer mean": lambda: pnn.TransformerConv(6, 4, heads=3, concat=False, root_weight=False),
    "transformer beta": lambda: pnn.TransformerConv(6, 4, heads=2, beta=True),
    "transformer beta mean": lambda: pnn.TransformerConv(6, 4, heads=2, beta=True, concat=False),
    "transformer backwards": lambda: pnn.TransformerConv(6, 4, heads=2, **BACK),
    "transformer features": lambda: pnn.TransformerConv(6, 4, heads=2, edge_dim=3),
    "transformer averaged features": lambda: pnn.TransformerConv(6, 4, heads=2, edge_dim=3, aggr="mean"),
    "transformer averaged": lambda: pnn.TransformerConv(6, 4, heads=2, aggr="mean"),
    "rgcn": lambda: pnn.RGCNConv(6, 8, RELATIONS),
    "rgcn sum": lambda: pnn.RGCNConv(6, 8, RELATIONS, aggr="sum", root_weight=False),
    "rgcn max": lambda: pnn.RGCNConv(6, 8, RELATIONS, aggr="max", bias=False),
    "rgcn bases": lambda: pnn.RGCNConv(6, 8, RELATIONS, num_bases=2),
    "rgcn blocks": lambda: pnn.RGCNConv(6, 8, RELATIONS, num_blocks=2),
    "rgcn backwards": lambda: pnn.RGCNConv(6, 8, RELATIONS, **BACK),
    "rgcn unused relations": lambda: pnn.RGCNConv(6, 8, 3 * RELATIONS),
}
KINDS = ("gcn", "sage mean", "gin", "graph", "gat", "gatv2", "transformer", "rgcn")


def data(num_nodes=NODES, num_edges=EDGES, seed=0):
    """Features, edges with loops and repeats, and a number per edge; the last five nodes have no edges."""
    generator = torch.Generator().manual_seed(seed)
    edge_index = torch.randint(0, max(num_nodes - 5, 1), (2, num_edges), generator=generator)
    return (
        torch.randn(num_nodes, FEATURES, generator=generator),
        edge_index,
        torch.rand(num_edges, generator=generator) + 0.1,
    )


def extras(name, weight):
    """Further arguments of a layer."""
    if "weights" in name:
        return {"edge_weight": weight}
    if "feature" in name:
        return {"edge_attr": torch.stack([weight, weight**2, 1 - weight], 1)}
    if name.startswith("rgcn"):
        return {"edge_type": (weight * 1000).long() % RELATIONS}
    return {}


def pair(make):
    """A layer of torch_geometric, and the same switched."""
    torch.manual_seed(0)
    plain = make()
    with torch.no_grad():
        for parameter in plain.parameters():  # biases are 0 at first
            if parameter.dim() == 1:
                parameter.normal_()
    return plain, accelerated(copy.deepcopy(plain))


def accelerated(module):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return gr.pyg.accelerate(module)


def same(found, wanted, **options):
    options = {"rtol": 1e-4, "atol": 1e-5} | options
    torch.testing.assert_close(found, wanted, **options)


class Calls:
    """Counts how often torch_geometric's own message passing runs."""

    def __init__(self, monkeypatch):
        self.count = 0
        for layer in (gr.pyg.GCNConv, gr.pyg.SAGEConv, gr.pyg.GINConv, gr.pyg.GraphConv, gr.pyg.GATConv,
                      gr.pyg.GATv2Conv, gr.pyg.TransformerConv, gr.pyg.RGCNConv):  # fmt: skip
            monkeypatch.setattr(layer.origin, "forward", self._counted(layer.origin.forward))

    def _counted(self, forward):
        def run(*args, **kwargs):
            self.count += 1
            return forward(*args, **kwargs)

        return run
