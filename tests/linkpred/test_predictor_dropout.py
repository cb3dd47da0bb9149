from __future__ import annotations

import pytest
import torch

import graphrep as gr
from graphrep.linkpred import CompletionPredictor, HadamardPredictor, NeighborPredictor, ResidualPredictor
from graphrep.nn import Dropout, NormDropoutReLU

PREDICTORS = (HadamardPredictor, ResidualPredictor, NeighborPredictor, CompletionPredictor)
WIDTH, PAIRS = 64, torch.arange(800).reshape(2, 400)


def set_linear(linear, weight, bias=0.0):
    with torch.no_grad():
        linear.weight.copy_(weight)
        linear.bias.fill_(bias)


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_every_layer_of_the_residual_predictor_drops(layers):
    torch.manual_seed(0)
    predictor = ResidualPredictor(WIDTH, layers=layers, dropout=0.5, layer_norm=False, residual=False)
    for linear in predictor.linears:
        set_linear(linear, torch.eye(WIDTH))
    set_linear(predictor.last, torch.ones(1, WIDTH))
    h = torch.ones(800, WIDTH)
    kept = predictor(h, None, PAIRS).detach() / 2**layers  # of the 64 ones, each doubled by every layer it passes
    assert (kept == kept.round()).all()
    assert kept.mean() == pytest.approx(WIDTH / 2**layers, rel=0.1)
    assert len(kept.unique()) > 3
    predictor.eval()
    assert (predictor(h, None, PAIRS) == WIDTH).all()


def test_dropout_follows_the_norm_and_the_product_is_added_before_it():
    torch.manual_seed(0)
    predictor = ResidualPredictor(WIDTH, layers=1, dropout=0.5)
    set_linear(predictor.linears[0], torch.zeros(WIDTH, WIDTH))
    set_linear(predictor.last, torch.ones(1, WIDTH))
    h = torch.ones(800, WIDTH)
    h[:400, ::2] = -1  # the product, which is all that the layer gets, is 32 times 1 and 32 times -1
    kept = predictor(h, None, PAIRS).detach() / 2
    torch.testing.assert_close(kept, kept.round(), rtol=0, atol=1e-3)
    assert kept.mean() == pytest.approx(WIDTH / 4, rel=0.1)
    predictor.eval()
    torch.testing.assert_close(predictor(h, None, PAIRS).detach(), torch.full((400,), WIDTH / 2), rtol=0, atol=1e-2)


@pytest.mark.parametrize("layer_norm", [False, True])
@pytest.mark.parametrize("kind", PREDICTORS)
def test_dropout_reaches_every_block(kind, layer_norm):
    predictor = kind(8, dropout=0.3, layer_norm=layer_norm)
    blocks = [module for module in predictor.modules() if isinstance(module, (Dropout, NormDropoutReLU))]
    assert {block.p for block in blocks} == {0.3}
    num_hidden = sum(isinstance(module, torch.nn.Linear) for module in predictor.modules()) - 1
    assert len(blocks) == num_hidden  # after every layer but the last
    assert any(isinstance(block, NormDropoutReLU) for block in blocks) == layer_norm


@pytest.mark.parametrize("kind", PREDICTORS)
def test_dropout_is_for_training(kind):
    torch.manual_seed(0)
    square = gr.ops.as_adjacency(gr.as_graph([[0, 1, 2, 3], [1, 2, 3, 0]], directed=False))
    h, pairs = torch.randn(4, 32), torch.tensor([[0, 1, 0], [2, 3, 1]])
    predictor = kind(32, dropout=0.5)
    assert not torch.equal(predictor(h, square, pairs), predictor(h, square, pairs))
    without = kind(32)
    without.load_state_dict(predictor.state_dict())
    predictor.eval()
    torch.testing.assert_close(predictor(h, square, pairs), without.eval()(h, square, pairs))
