from __future__ import annotations

import pytest
import torch
from torch.library import opcheck

import graphrep as gr
from graphrep.ops.distances import distances_op, gradient_op, reference

SHAPES = [(0, 3, 4), (2, 0, 4), (1, 1, 2), (3, 5, 0), (5, 9, 6), (13, 40, 34), (17, 6, 66)]
METRIC = pytest.mark.parametrize("metric", ["l1", "complex"])


pytestmark = pytest.mark.usefixtures("nan_filled")


def rows(n, m, columns, dtype=torch.float32):
    generator = torch.Generator().manual_seed(n + m + columns)
    x, y = (torch.randn(size, columns, generator=generator, dtype=torch.float64) for size in (n, m))
    if n and m:
        y[0] = x[0]  # at a distance of zero
    return [part.to(dtype).requires_grad_() for part in (x, y)]


def with_gradients(x, y, metric):
    found = gr.ops.distances(x, y, metric=metric)
    direction = torch.arange(found.numel(), dtype=torch.float64).view(found.shape).cos()
    return [found, *torch.autograd.grad(found, (x, y), direction.to(found.dtype))]


@METRIC
@pytest.mark.parametrize("shape", SHAPES)
def test_distances_and_gradients_are_those_of_the_formula(isa, shape, metric):
    x, y = rows(*shape)
    wide = [part.detach().double().requires_grad_() for part in (x, y)]
    apart = wide[0][:, None] - wide[1]
    if metric == "complex":
        apart = torch.complex(*apart.chunk(2, dim=-1))
    exact = apart.abs().sum(-1)
    direction = torch.arange(exact.numel(), dtype=torch.float64).view(exact.shape).cos()
    wanted = [exact, *torch.autograd.grad(exact, wide, direction)]
    for got, want in zip(with_gradients(x, y, metric), wanted, strict=True):
        torch.testing.assert_close(got.double(), want.detach(), rtol=1e-5, atol=1e-5)


@METRIC
def test_all_implementations_and_dtypes_agree(metric, monkeypatch):
    x, y = rows(13, 40, 34)
    wanted = with_gradients(x, y, metric)
    monkeypatch.setattr(reference, "_DIFFERENCES", 4000)  # several blocks
    double = with_gradients(x.detach().double().requires_grad_(), y.detach().double().requires_grad_(), metric)
    monkeypatch.setenv("GRAPHREP_BACKEND", "reference")
    for found in (double, with_gradients(x, y, metric)):
        for got, want in zip(found, wanted, strict=True):
            torch.testing.assert_close(got.float(), want, rtol=1e-5, atol=1e-5)


@METRIC
def test_the_number_of_threads_changes_nothing(metric):
    x, y = rows(33, 40, 34)
    before = torch.get_num_threads()
    found = []
    try:
        for threads in (1, 2, 50):
            torch.set_num_threads(threads)
            found.append(with_gradients(x, y, metric))
    finally:
        torch.set_num_threads(before)
    for other in found[1:]:
        for got, want in zip(other, found[0], strict=True):
            assert torch.equal(got, want)


def test_the_operators_are_those_that_torch_expects():
    x, y = rows(3, 4, 6, torch.float64)
    opcheck(distances_op._op, (x, y, True))
    opcheck(gradient_op._op, (x.detach(), y.detach(), torch.ones(3, 4, dtype=torch.float64), True))


def test_wrong_arguments_are_one_sentence():
    x = torch.rand(2, 3)
    with pytest.raises(TypeError, match="x must be a floating tensor with two dimensions"):
        gr.ops.distances(x.long(), x)
    with pytest.raises(TypeError, match="y must have the dtype and device of x"):
        gr.ops.distances(x, x.double())
    with pytest.raises(ValueError, match=r"y must have shape \(m, 3\)"):
        gr.ops.distances(x, torch.rand(2, 4))
    with pytest.raises(ValueError, match="metric must be l1 or complex, got 'l2'"):
        gr.ops.distances(x, x, metric="l2")
    with pytest.raises(ValueError, match="even number of columns, got 3"):
        gr.ops.distances(x, x, metric="complex")
