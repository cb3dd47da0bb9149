from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch.library import opcheck

from graphrep._random import random_bits, stream_key
from graphrep.ops import dropout, norm_dropout_relu
from graphrep.ops.counter_dropout import dropout_op, norm_grad_op, norm_op, relu_grad_op

from ._tensors import FLOATS

SHAPES = [(0, 5), (1, 1), (1, 7), (3, 16), (37, 129), (70, 515), (5, 1030)]


pytestmark = pytest.mark.usefixtures("nan_filled")


def normal(*shape, dtype=torch.float64, seed=1):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


def problems(rows, columns, p, dtype=torch.float64):
    """Function and inputs of every op."""
    leaf = lambda seed, *shape: normal(*shape, dtype=dtype, seed=seed).requires_grad_()  # noqa: E731
    x = leaf(1, rows, columns)
    return [
        (lambda x: dropout(x, p, seed=3), (x,)),
        (lambda x: dropout(x, p, seed=3, relu=True), (x,)),
        (lambda x, w, b: norm_dropout_relu(x, w, b, p, seed=3), (x, leaf(2, columns), leaf(3, columns))),
    ]


def values_and_gradients(function, inputs):
    y = function(*inputs)
    direction = torch.arange(y.numel(), dtype=torch.float64).view(y.shape).sin().to(y.dtype)
    return y, *torch.autograd.grad(y, inputs, direction)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("p", [0.0, 0.05, 0.7, 1.0])
@pytest.mark.parametrize(("rows", "columns"), SHAPES)
def test_equals_reference_in_values_and_gradients(monkeypatch, isa, rows, columns, p, dtype):
    loose = {} if dtype in (torch.float32, torch.float64) else {"rtol": 2e-2, "atol": 2e-2}
    for function, inputs in problems(rows, columns, p, dtype):
        got = values_and_gradients(function, inputs)
        monkeypatch.setenv("GRAPHREP_BACKEND", "reference")
        wanted = values_and_gradients(function, inputs)
        monkeypatch.delenv("GRAPHREP_BACKEND")
        for a, b in zip(got, wanted, strict=True):
            assert a.dtype == dtype
            torch.testing.assert_close(a, b, **loose)


def test_mask_is_a_function_of_seed_and_position():
    p = 0.3
    bits = random_bits(stream_key(11, 0), np.arange(500, dtype=np.uint64))
    half = np.stack([bits & np.uint64(0xFFFFFFFF), bits >> np.uint64(32)], 1).ravel()
    wanted = torch.from_numpy(half >= round(p * 2**32))
    y = dropout(torch.ones(1000), p, seed=11)
    torch.testing.assert_close(y, wanted / (1 - p))
    torch.testing.assert_close(dropout(torch.ones(7, 11), p, seed=11).ravel(), y[:77])
    assert not torch.equal(dropout(torch.ones(1000), p, seed=12), y)
    # A norm's mask is that of its result's positions.
    through = norm_dropout_relu(normal(20, 50), torch.zeros(50).double(), torch.ones(50).double(), p, seed=11)
    torch.testing.assert_close(through.ravel(), y.double())


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("columns", [1, 7, 16, 515, 1030])
def test_rows_have_the_mask_of_the_whole(monkeypatch, isa, columns, dtype):
    x, w, b = normal(60, columns, dtype=dtype), *(normal(columns, dtype=dtype, seed=seed) for seed in (2, 3))
    rows = torch.tensor([3, 4, 5, 59, 0, 17, 17])
    functions = [
        lambda x, rows=None: dropout(x, 0.4, seed=3, rows=rows),
        lambda x, rows=None: dropout(x, 0.4, seed=3, relu=True, rows=rows),
        lambda x, rows=None: norm_dropout_relu(x, w, b, 0.4, seed=3, rows=rows),
    ]
    for backend in ("native", "reference"):
        monkeypatch.setenv("GRAPHREP_BACKEND", backend)
        for function in functions:
            whole, part = x.clone().requires_grad_(), x[rows].clone().requires_grad_()
            y, own = function(whole), function(part, rows)
            torch.testing.assert_close(own, y[rows], rtol=0, atol=0)
            direction = torch.arange(y.numel()).view(y.shape).sin().to(dtype)
            (of_whole,), (of_part,) = (
                torch.autograd.grad(y, whole, direction),
                torch.autograd.grad(own, part, direction[rows]),
            )
            torch.testing.assert_close(of_part, of_whole[rows], rtol=0, atol=0)
        assert dropout(x[:0], 0.4, seed=3, rows=rows[:0]).shape == (0, columns)


@pytest.mark.parametrize("p", [0.05, 0.5, 0.9])
def test_share_variance_and_independence(p):
    n = 1 << 20
    kept = (dropout(torch.ones(n), p, seed=5) > 0).double()
    bound = 5 * math.sqrt(p * (1 - p) / n)  # five standard errors
    assert abs(kept.mean().item() - (1 - p)) < bound
    z = (kept - (1 - p)) / math.sqrt(p * (1 - p))
    for lag in (1, 2, 3, 64, 256, 257, 512):
        assert abs((z[lag:] * z[:-lag]).mean().item()) < 5 / math.sqrt(n - lag)
    other = (dropout(torch.ones(n), p, seed=6) > 0).double()
    assert abs((z * (other - (1 - p))).mean().item() / math.sqrt(p * (1 - p))) < 5 / math.sqrt(n)
    counts = kept.view(-1, 64).sum(1)  # of a binomial distribution
    assert counts.var().item() == pytest.approx(64 * p * (1 - p), rel=0.06)


def test_result_does_not_depend_on_threads():
    x, w, b = normal(700, 300, dtype=torch.float32), normal(300, dtype=torch.float32), normal(300, dtype=torch.float32)
    before, results = torch.get_num_threads(), []
    try:
        for threads in (1, 3):
            torch.set_num_threads(threads)
            inputs = [part.clone().requires_grad_() for part in (x, w, b)]
            results.append([*values_and_gradients(lambda x, w, b: norm_dropout_relu(x, w, b, 0.4, seed=1), inputs)])
            results[-1] += values_and_gradients(lambda x: dropout(x, 0.4, seed=1), inputs[:1])
            results[-1] += values_and_gradients(lambda x: dropout(x, 0.4, seed=1, relu=True), inputs[:1])
    finally:
        torch.set_num_threads(before)
    assert all(torch.equal(a, b) for a, b in zip(*results, strict=True))


def test_norm_is_torchs():
    x, w, b = normal(30, 65), normal(65, seed=2), normal(65, seed=3)
    torch.testing.assert_close(norm_dropout_relu(x, w, b), torch.nn.functional.layer_norm(x, (65,), w, b).relu())
    y = norm_dropout_relu(x, w, b, 0.25, seed=8)
    torch.testing.assert_close(y, dropout(torch.nn.functional.layer_norm(x, (65,), w, b), 0.25, seed=8, relu=True))


def test_gradients_against_finite_differences():
    for function, inputs in problems(3, 5, 0.3):
        assert torch.autograd.gradcheck(function, inputs)
        assert torch.autograd.gradgradcheck(function, inputs)


def test_special_numbers():
    x = torch.tensor([torch.nan, torch.inf, -torch.inf, -0.0])
    torch.testing.assert_close(dropout(x, 0.0, seed=0), x, equal_nan=True)
    relu = torch.tensor([torch.nan, torch.inf, 0.0, 0.0])
    torch.testing.assert_close(dropout(x, 0.0, seed=0, relu=True), relu, equal_nan=True)
    # A column of zeros has no deviation; epsilon keeps it finite.
    flat = norm_dropout_relu(torch.full((2, 4), 3.0), torch.ones(4), torch.ones(4))
    assert torch.equal(flat, torch.ones(2, 4))


def test_read_only_and_strided_inputs():
    table = np.arange(12, dtype=np.float32).reshape(3, 4)
    x = torch.from_numpy(table)
    before = table.copy()
    torch.testing.assert_close(dropout(x.T, 0.5, seed=2), dropout(x.T.contiguous(), 0.5, seed=2))
    assert (table == before).all()


def test_library_contracts():
    x, w, b = (normal(*shape).requires_grad_() for shape in ((4, 6), (6,), (6,)))
    for relu in (False, True):
        opcheck(dropout_op._op, (x, 0.3, 1, relu))
        opcheck(dropout_op._op, (x, 0.3, 1, relu, torch.tensor([3, 0, 1, 7])))
    opcheck(norm_op._op, (x, w, b, 1e-5, 0.3, 1))
    opcheck(norm_op._op, (x, w, b, 1e-5, 0.3, 1, torch.tensor([3, 0, 1, 7])))
    y, mean, inverse = norm_op.kernel(x.detach(), w.detach(), b.detach(), 1e-5, 0.3, 1)
    opcheck(relu_grad_op._op, (y, x.detach(), 0.3))
    opcheck(norm_grad_op._op, (x.detach(), w.detach(), mean, inverse, y, x.detach(), 0.3))


def test_bad_input():
    x, w = torch.ones(2, 3), torch.ones(3)
    with pytest.raises(ValueError, match=r"p must lie in \[0, 1\], got 1.5"):
        dropout(x, 1.5, seed=0)
    with pytest.raises(ValueError, match="seed"):
        dropout(x, 0.5, seed=-1)
    with pytest.raises(TypeError, match="x must be a float32"):
        dropout(torch.ones(3, dtype=torch.int64), 0.5, seed=0)
    with pytest.raises(TypeError, match="rows must be an int64 tensor on the device of x, cpu; got"):
        dropout(x, 0.5, seed=0, rows=torch.tensor([0, 1], dtype=torch.int32))
    with pytest.raises(ValueError, match=r"rows must have a number for each row of x, \(2, 3\); got \(3,\)"):
        norm_dropout_relu(x, w, w, 0.5, seed=0, rows=torch.arange(3))
    with pytest.raises(TypeError, match="weight must have the dtype and device of x"):
        norm_dropout_relu(x, w.double(), w)
    with pytest.raises(ValueError, match=r"bias must have shape \(3,\), got \(2,\)"):
        norm_dropout_relu(x, w, torch.ones(2))
    with pytest.raises(ValueError, match="x must have columns"):
        norm_dropout_relu(torch.ones(2, 0), torch.ones(0), torch.ones(0))
