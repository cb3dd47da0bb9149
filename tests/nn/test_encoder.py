from __future__ import annotations

import pytest
import torch

import graphrep as gr
from graphrep.nn import Encoder

# Pairs of nodes: a sum over neighbors swaps the two vectors, and a second sum swaps them back.
COUPLES = gr.ops.as_adjacency(gr.as_graph(torch.arange(1000).reshape(-1, 2).T.numpy(), directed=False))
SWAPPED = torch.arange(1000).reshape(-1, 2).flip(1).reshape(-1)


def plain_encoder(**options):
    """An encoder whose input layer changes nothing."""
    encoder = Encoder(6, dimensions=6, convolution="puresum", **options)
    with torch.no_grad():
        encoder.input.weight.copy_(torch.eye(6))
        encoder.input.bias.zero_()
    return encoder


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_output_dropout_follows_the_last_convolution_alone(layers):
    torch.manual_seed(0)
    x = 1 + torch.rand(1000, 6)
    encoder = plain_encoder(layers=layers, output_dropout=0.5)
    clean = x[SWAPPED] if layers % 2 else x
    ratio = encoder(x, COUPLES).detach() / clean
    kept = ratio > 0
    assert 0.45 < kept.float().mean() < 0.55  # 1/2, not 1/2 per layer
    torch.testing.assert_close(ratio[kept], torch.full_like(ratio[kept], 2.0))
    encoder.eval()
    torch.testing.assert_close(encoder(x, COUPLES).detach(), clean)


def test_output_dropout_leaves_inner_layers_whole():
    torch.manual_seed(0)
    x = 1 + torch.rand(1000, 6)
    encoder = plain_encoder(layers=2, output_dropout=0.9, jumping_knowledge=True)
    with torch.no_grad():
        encoder.jump.copy_(torch.tensor([1.0, 0.0]))  # the result is the first layer's
    torch.testing.assert_close(encoder(x, COUPLES).detach(), x[SWAPPED])


def test_dropout_of_the_input_layer_is_drawn_once():
    torch.manual_seed(0)
    x = 1 + torch.rand(1000, 6)
    ratio = plain_encoder(layers=2, dropout=0.25)(x, COUPLES).detach() / x
    kept = ratio > 0
    assert 0.71 < kept.float().mean() < 0.79
    torch.testing.assert_close(ratio[kept], torch.full_like(ratio[kept], 4 / 3))


@pytest.mark.parametrize("layers", [1, 2])
def test_edge_dropout_is_drawn_anew_in_every_layer(layers):
    torch.manual_seed(0)
    x = torch.ones(1000, 6)
    out = plain_encoder(layers=layers, edge_dropout=0.5)(x, COUPLES).detach()
    assert (out == out[:, :1]).all()  # an edge is there for all columns, or for none
    kept = out[:, 0] > 0
    assert abs(kept.float().mean() - 0.5**layers) < 0.06
    assert (out[kept] == 2**layers).all()
    # the two directions of an edge go by themselves
    if layers == 1:
        assert 0.4 < (kept != kept[SWAPPED]).float().mean() < 0.6


@pytest.mark.parametrize("num_nodes", [0, 4])
def test_inference_leaves_the_mode_of_each_part(num_nodes):
    encoder = Encoder(3, dimensions=2, layers=2, convolution="gcn", layer_norm=True)
    encoder.norms[0].eval()
    modes = [part.training for part in encoder.modules()]
    assert len(set(modes)) == 2
    adj = gr.ops.as_adjacency(gr.as_graph([[], []], num_nodes=num_nodes))
    encoder.infer(torch.ones(num_nodes, 3), adj)
    assert [part.training for part in encoder.modules()] == modes
    with pytest.raises(RuntimeError):
        encoder.infer(torch.ones(num_nodes, 5), adj)
    assert [part.training for part in encoder.modules()] == modes
