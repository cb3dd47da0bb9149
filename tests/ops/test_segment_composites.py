from __future__ import annotations

import pytest
import torch

from graphrep.ops import scatter_log_softmax, scatter_logsumexp, scatter_softmax, scatter_std

from ._groups import FLOATS, LAYOUTS, SIZES, case, values

ALL = [scatter_softmax, scatter_log_softmax, scatter_logsumexp, scatter_std]


def columns_of(x, dim):
    """All vectors along a dimension, as rows."""
    return x.movedim(dim, -1).flatten(0, -2) if x.dim() > 1 else x.view(1, -1)


def expanded(index, src, dim):
    at = index.view(*[1] * dim, -1, *[1] * (src.dim() - dim - 1)) if index.dim() == 1 else index
    return at.view(*at.shape, *[1] * (src.dim() - at.dim())).expand(src.shape)


@pytest.mark.parametrize("backend", ["native", "reference"])
@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_equal_torch_group_by_group(monkeypatch, size, layout, backend):
    monkeypatch.setenv("GRAPHREP_BACKEND", backend)
    src, index, dim, groups = case(layout, size)
    biased = scatter_std(src, index, dim, dim_size=groups, unbiased=False)
    results = [f(src, index, dim, dim_size=groups) for f in ALL]
    parts = [columns_of(t, dim) for t in (src, expanded(index, src, dim), *results, biased)]
    for x, at, soft, log, total, deviation, simple in list(zip(*parts, strict=True))[:6]:
        for group in range(groups):
            mine = x[at == group]
            torch.testing.assert_close(soft[at == group], mine.softmax(0))
            torch.testing.assert_close(log[at == group], mine.log_softmax(0))
            torch.testing.assert_close(total[group], mine.logsumexp(0) if len(mine) else x.new_zeros(()))
            squares = (mine - mine.mean()).square().sum() if len(mine) else x.new_zeros(())
            for got, free in ((deviation, 1), (simple, 0)):
                torch.testing.assert_close(got[group], (squares / (max(len(mine) - free, 1) + 1e-6)).sqrt())


@pytest.mark.parametrize("function", ALL)
@pytest.mark.parametrize("layout", [((), (3,), 0), ((2,), (3,), 1), ((), (2,), 2)], ids=str)
def test_derivatives(function, layout):
    src, index, dim, groups = case(layout, (9, 4))
    x = (src + torch.arange(src.numel()).view(src.shape) / 64).requires_grad_()
    torch.autograd.gradcheck(lambda x: function(x, index, dim, dim_size=groups), x)
    if function is not scatter_std:  # bent at single entries
        torch.autograd.gradgradcheck(lambda x: function(x, index, dim, dim_size=groups), x)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("function", ALL)
def test_float_types(function, dtype):
    src, index, dim, _ = case(((), (5,), 0), (200, 7), dtype=dtype)
    got = function(src.requires_grad_(), index, dim)
    wanted = function(src.detach().double(), index, dim)
    eps = torch.finfo(dtype).eps
    assert got.dtype == dtype
    torch.testing.assert_close(got.double(), wanted, rtol=30 * eps, atol=10 * eps)
    got.float().square().sum().backward()
    assert src.grad.isfinite().all()


def test_single_entries_have_no_deviation_and_no_gradient():
    x = torch.tensor([3.0, 1.0, 5.0], requires_grad=True)
    y = scatter_std(x, torch.tensor([0, 1, 1]))
    y.sum().backward()
    assert y[0] == 0
    assert x.grad[0] == 0
    assert x.grad.isfinite().all()


def test_large_and_infinite_values():
    inf, nan = torch.inf, torch.nan
    x = torch.tensor([1000.0, 1000.0, -inf, -inf, -inf, inf, 0.0, nan, 1.0])
    index = torch.tensor([0, 0, 0, 1, 1, 3, 3, 4, 4])
    soft, log = scatter_softmax(x, index), scatter_log_softmax(x, index)
    assert soft[:3].tolist() == [0.5, 0.5, 0]
    torch.testing.assert_close(log[:3], torch.tensor([0.5, 0.5, 0.0]).log())
    assert soft[7:].isnan().all()
    assert log[7:].isnan().all()
    total = scatter_logsumexp(x, index)
    wanted = torch.tensor([1000 + torch.tensor(2.0).log(), 0, 0, inf, nan])
    torch.testing.assert_close(total, wanted, equal_nan=True)


def test_out():
    x, index = values(6), torch.tensor([0, 0, 3, 3, 3, 1])
    start = values(4, seed=8)
    out = start.clone()
    assert scatter_logsumexp(x, index, out=out) is out
    torch.testing.assert_close(out, scatter_logsumexp(torch.cat([x, start]), torch.cat([index, torch.arange(4)])))
    out = torch.ones(4, dtype=x.dtype)
    deviation = scatter_std(x, index, out=out)
    squares = scatter_std(x, index, dim_size=4).square()
    torch.testing.assert_close(
        deviation.square(), squares + 1 / torch.tensor([1, 1, 1, 2 + 1e-6]), rtol=1e-5, atol=1e-5
    )
    assert scatter_std(torch.tensor([1, 3]), torch.tensor([0, 0]), unbiased=False).item() == pytest.approx(1)


@pytest.mark.parametrize("function", ALL[:3])
def test_integers_are_refused(function):
    with pytest.raises(ValueError, match=f"{function.__name__} needs a floating-point src, got int64 tensor"):
        function(torch.ones(3, dtype=torch.int64), torch.tensor([0, 0, 1]))
