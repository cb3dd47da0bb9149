from __future__ import annotations

import pytest
import torch
from torch import nn

import graphrep as gr
from graphrep.nn import Dropout, Linear, NormDropoutReLU, layers
from graphrep.nn.generators import make_generator, random_seed, using_generator, using_rows


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("rows", [1, 3, 700])
def test_linear_is_torchs(rows, bias):
    torch.manual_seed(0)
    own = Linear(70, 90, bias=bias)
    plain = nn.Linear(70, 90, bias=bias)
    plain.load_state_dict(own.state_dict())
    x, y = (torch.randn(rows, 70, generator=torch.Generator().manual_seed(1)).requires_grad_() for _ in range(2))
    direction = torch.randn(rows, 90)
    torch.testing.assert_close(own(x), plain(y), rtol=1e-5, atol=1e-4)
    own(x).backward(direction)
    plain(y).backward(direction)
    torch.testing.assert_close(x.grad, y.grad, rtol=1e-5, atol=1e-4)
    for a, b in zip(own.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(a.grad, b.grad, rtol=1e-5, atol=1e-3)


def test_large_products_go_another_way_and_can_be_differentiated_twice():
    if layers._PRODUCT is None:
        pytest.skip("this torch has no oneDNN")
    x, weight = torch.randn(800, 30, requires_grad=True), torch.randn(40, 30, requires_grad=True)
    assert type(layers.linear(x, weight).grad_fn).__name__ == "_ProductBackward"
    assert type(layers.linear(x.double(), weight.double()).grad_fn).__name__ != "_ProductBackward"

    def second(product):
        (grad,) = torch.autograd.grad(product(x, weight).sin().sum(), x, create_graph=True)
        return torch.autograd.grad(grad.square().sum(), weight)[0]

    torch.testing.assert_close(second(layers.linear), second(nn.functional.linear), rtol=1e-3, atol=1e-2)


def test_large_results_are_those_of_small_ones():
    if layers._PRODUCT is None:
        pytest.skip("this torch has no oneDNN")
    x, weight, bias = torch.randn(70_001, 9), torch.randn(64, 9), torch.randn(64)
    assert 4 * x.shape[0] * len(weight) > layers.CACHED
    torch.testing.assert_close(layers.linear(x, weight, bias), x @ weight.T + bias, rtol=1e-5, atol=1e-5)


def test_parts_that_need_no_gradient_get_none():
    x, weight = torch.randn(800, 30), torch.randn(40, 30, requires_grad=True)
    layers.linear(x, weight, torch.zeros(40)).sum().backward()
    torch.testing.assert_close(weight.grad, x.sum(0).expand(40, 30), rtol=1e-4, atol=1e-3)


def test_product_of_dropped_rows(monkeypatch):
    if layers._PRODUCT is None:
        pytest.skip("this torch has no oneDNN")
    monkeypatch.setattr(layers, "_ROWS", 300)
    x, weight, bias = torch.randn(800, 30), torch.randn(40, 30, requires_grad=True), torch.randn(40, requires_grad=True)

    def product(p=0.25, training=True):
        torch.manual_seed(1)
        return layers.dropped_linear(x, weight, bias, p, training=training)

    torch.manual_seed(1)
    seeds = torch.randint(2**63 - 1, (3,)).tolist()
    dropped = torch.cat([gr.ops.dropout(x[300 * i : 300 * (i + 1)], 0.25, seed=seed) for i, seed in enumerate(seeds)])
    assert type(product().grad_fn).__name__ == "_DroppedProductBackward"
    torch.testing.assert_close(product(), dropped @ weight.T + bias, rtol=1e-5, atol=1e-4)
    direction = torch.randn(800, 40)
    got = torch.autograd.grad((product() * direction).sum(), (weight, bias))
    wanted = torch.autograd.grad(((dropped @ weight.T + bias) * direction).sum(), (weight, bias))
    for a, b in zip(got, wanted, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-3)
    twice = [
        torch.autograd.grad(torch.autograd.grad(out.sin().sum(), weight, create_graph=True)[0].square().sum(), weight)
        for out in (product(), dropped @ weight.T + bias)
    ]
    torch.testing.assert_close(*twice, rtol=1e-3, atol=1)
    torch.testing.assert_close(product(training=False), x @ weight.T + bias, rtol=1e-5, atol=1e-4)
    torch.testing.assert_close(product(p=0.0), x @ weight.T + bias, rtol=1e-5, atol=1e-4)
    draws = [layers.dropped_linear(x, weight, bias, 0.5, training=True).detach() for _ in range(300)]
    mean = torch.stack(draws).mean(0)
    assert (mean - x @ weight.T - bias).abs().mean() < 0.1 * (x @ weight.T).abs().mean()


def test_dropped_linear_of_some_rows_is_that_part_of_the_whole(monkeypatch):
    monkeypatch.setattr(layers, "_ROWS", 300)
    torch.manual_seed(0)
    x, weight, bias = torch.randn(900, 50), torch.randn(40, 50, requires_grad=True), torch.randn(40)
    some = torch.randperm(900)[:700]

    def product(rows, kind):
        with using_generator(make_generator(5)), using_rows(rows, None):
            out = layers.dropped_linear(x[rows], weight, bias, 0.25, training=True)
            after = random_seed()  # does not depend on the number of rows
        assert type(out.grad_fn).__name__ == kind
        return out, after, torch.autograd.grad(out.square().sum(), weight)[0]

    whole, part = (product(rows, "_DroppedProductBackward") for rows in (torch.arange(900), some))
    small = product(some[:200], "_ProductBackward")  # dropout before the product
    for found, rows in ((part, some), (small, some[:200])):
        torch.testing.assert_close(found[0], whole[0][rows], rtol=1e-5, atol=1e-4)
        assert found[1] == whole[1]
    dropped = gr.ops.dropout(x[some], 0.25, seed=drawn_first(5), rows=some)
    wanted = torch.autograd.grad((dropped @ weight.T + bias).square().sum(), weight)[0]
    torch.testing.assert_close(part[2], wanted, rtol=1e-4, atol=1e-2)


def drawn_first(seed):
    with using_generator(make_generator(seed)):
        return random_seed()


def test_dropout_draws_from_torchs_random_numbers():
    x = torch.ones(1000)
    drop = Dropout(0.25)
    torch.manual_seed(3)
    first, second = drop(x), drop(x)
    torch.manual_seed(3)
    assert torch.equal(drop(x), first)
    assert not torch.equal(first, second)
    assert set(first.tolist()) == {0.0, float(torch.tensor(1 / 0.75))}
    assert torch.equal(drop.eval()(x), x)
    state = torch.get_rng_state()
    Dropout(0.0)(x)
    assert torch.equal(torch.get_rng_state(), state)


def test_block_is_norm_dropout_relu():
    block = NormDropoutReLU(20, 0.5)
    norm = nn.LayerNorm(20)
    norm.load_state_dict(block.state_dict())
    x = torch.randn(50, 20)
    torch.testing.assert_close(block.eval()(x), norm(x).relu())
    torch.testing.assert_close(block(x.bfloat16()), norm(x.bfloat16().float()).relu())
    dropped = block.train()(x)
    kept = dropped > 0
    torch.testing.assert_close(dropped[kept], 2 * norm(x).relu()[kept])
    assert 0.3 < kept.sum() / (norm(x) > 0).sum() < 0.7


def test_layers_compile():
    net = nn.Sequential(Linear(600, 40), NormDropoutReLU(40), Linear(40, 600), Dropout(0.0, relu=True))
    x = torch.randn(100, 600)
    torch.testing.assert_close(torch.compile(net, backend="aot_eager", fullgraph=True)(x), net(x), rtol=1e-4, atol=1e-4)
