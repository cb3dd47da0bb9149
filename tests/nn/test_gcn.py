from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
import scipy.sparse as sp
import torch

import graphrep as gr
from graphrep.nn import GCN, SparseFeatures

GRAPH = gr.as_graph(nx.karate_club_graph(), weights=False)
ADJ = gr.ops.as_adjacency(GRAPH)


def operator():
    a = GRAPH.to_scipy().toarray() + np.eye(34)
    scale = a.sum(1) ** -0.5
    return torch.from_numpy((scale[:, None] * a * scale).astype(np.float32))


def test_layers_are_the_formula():
    torch.manual_seed(0)
    gcn = GCN(5, 6, hidden=4, layers=2, hops=2, inner_activation="prelu", activation="relu")
    x, s = torch.randn(34, 5), operator()
    with torch.no_grad():
        for linear in gcn.linears:
            linear.bias.uniform_(-1, 1)
        inner = s @ s @ x @ gcn.linears[0].weight.T + gcn.linears[0].bias
        inner = torch.where(inner > 0, inner, gcn.activations[0].weight * inner)
        expected = (s @ s @ inner @ gcn.linears[1].weight.T + gcn.linears[1].bias).relu()
        torch.testing.assert_close(gcn(x, ADJ), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "options", [{}, {"batch_norm": True}, {"hidden": 9}, {"hops": 2}, {"activation": "none"}], ids=str
)
@pytest.mark.parametrize("adj", [None, ADJ], ids=["mlp", "gcn"])
@pytest.mark.parametrize("block", [1, 3, 100])
def test_inference_in_blocks_is_the_forward_pass(options, adj, block):
    torch.manual_seed(0)
    gcn = GCN(5, 7, layers=3, **options)
    dense = sp.random_array((34, 5), density=0.4, rng=np.random.default_rng(0), dtype=np.float32).tocsr()
    for x in (SparseFeatures(dense), torch.from_numpy(dense.toarray())):
        gcn.train()
        gcn(x, adj)  # moves the statistics of a batch norm
        found = gcn.infer(x, adj, block=block)
        assert gcn.training
        gcn.eval()
        torch.testing.assert_close(found, gcn(x, adj).detach(), rtol=1e-4, atol=1e-5)


def test_masked_columns_and_shuffled_rows_are_those_of_the_features():
    torch.manual_seed(0)
    gcn = GCN(5, 4)
    dense = sp.random_array((34, 5), density=0.4, rng=np.random.default_rng(0), dtype=np.float32).tocsr()
    mask, order = torch.tensor([1.0, 0, 1, 1, 0]), torch.randperm(34)
    expected = gcn((torch.from_numpy(dense.toarray()) * mask)[order], ADJ)
    torch.testing.assert_close(gcn(SparseFeatures(dense), ADJ, columns=mask, rows=order), expected)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"layers": 0}, "layers must be at least 1"),
        ({"init": "zeros"}, "init must be glorot or linear"),
        ({"activation": "tanh"}, "activation must be one of none, relu, prelu"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(ValueError, match=message):
        GCN(3, 4, **options)
