"""torch-scatter as a second oracle: what it gives, we give."""

from __future__ import annotations

import inspect

import pytest
import torch

import graphrep.ops as ours

from ._groups import LAYOUTS, case, cut, ids, values

theirs = pytest.importorskip("torch_scatter")

NAMES = [name for name in theirs.__all__ if callable(getattr(theirs, name, None))]
SIZES = [(1, 1), (5, 1), (7, 40), (300, 9), (301, 70)]
BY_INDEX = [name for name in NAMES if name.startswith("scatter")]


def flat(result):
    return result if isinstance(result, tuple) else (result,)


def compare(name, src, *args, gradient=True, **options):
    results = []
    for module in (ours, theirs):
        x = src.clone().requires_grad_(gradient and src.is_floating_point())
        given = {key: v.clone() if isinstance(v, torch.Tensor) else v for key, v in options.items()}
        out = flat(getattr(module, name)(x, *args, **given))
        grad = ()
        if x.requires_grad:
            weight = torch.arange(out[0].numel(), dtype=x.dtype).view(out[0].shape).sin()
            grad = torch.autograd.grad(out[0], x, weight)
        written = (given["out"],) if "out" in given else ()
        results.append((*out, *grad, *written))
    for got, want in zip(*results, strict=True):
        torch.testing.assert_close(got, want, rtol=1e-9, atol=1e-9, equal_nan=True)


def test_every_function_is_there_with_its_arguments():
    assert len(NAMES) == 25
    for name in NAMES:
        wanted = inspect.signature(getattr(theirs, name)).parameters.values()
        got = inspect.signature(getattr(ours, name)).parameters.values()
        assert [(p.name, p.default, p.kind) for p in got] == [(p.name, p.default, p.kind) for p in wanted]


@pytest.mark.parametrize("name", BY_INDEX)
@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_scatter(size, layout, name):
    src, index, dim, groups = case(layout, size)
    gradient = name != "scatter_std"  # NaN where a deviation is 0
    if index.dim() not in (1, src.dim()) and name == "scatter_mean" and index.dim() <= dim:
        pytest.skip("counts along another dimension")
    compare(name, src, index, dim, gradient=gradient)
    compare(name, src, index, dim - src.dim(), dim_size=groups, gradient=gradient)


@pytest.mark.parametrize("reduce", ["sum", "add", "mul", "mean", "min", "max"])
def test_out_of_scatter(reduce):
    src, index, dim, groups = case(((2,), (3,), 0), (30, 6))
    out = values(2, groups, 3, seed=5)
    compare("scatter", src, index, dim, out=out, reduce=reduce, gradient=False)
    if reduce in ("min", "max"):
        compare(f"scatter_{reduce}", src, index, dim, out=out, gradient=False)


def test_out_of_composites():
    src, index, dim, groups = case(((), (3,), 0), (300, 6))
    index[:groups] = torch.arange(groups)
    for name in ("scatter_std", "scatter_logsumexp"):
        compare(name, src, index, dim, out=values(groups, 3, seed=5).abs(), gradient=False)
    compare("scatter_std", src, index, dim, unbiased=False)
    compare("scatter_log_softmax", src, index, dim, eps=1e-3)


@pytest.mark.parametrize("dtype", [torch.int64, torch.int32, torch.int16])
@pytest.mark.parametrize("reduce", ["sum", "mul", "mean", "min", "max"])
def test_integers(dtype, reduce):
    src, index, dim, _ = case(((), (3,), 0), (40, 6), dtype=dtype)
    compare("scatter", src, index, dim, reduce=reduce)
    if reduce not in ("mul", "mean"):
        compare("segment_csr", src, torch.tensor([0, 3, 3, 40]), reduce=reduce)


@pytest.mark.parametrize("leading", [(), (2,), (2, 3)])
@pytest.mark.parametrize("trailing", [(), (5,)])
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_segments(size, leading, trailing):
    entries, groups = size
    src, few = values(*leading, entries, *trailing), values(*leading, groups, *trailing)
    index = ids(*leading, entries, groups=groups).sort().values
    indptr = cut(entries, groups, *leading)
    indptr[..., 0], indptr[..., -1] = 0, entries  # torch-scatter leaves the gradient of other entries undefined
    wide = ids(*[1] * len(leading), entries, groups=groups).sort().values
    for name in NAMES:
        if name.startswith("segment") and name.endswith(("csr", "coo")):
            compare(name, src, indptr if name.endswith("csr") else index)
            if name.endswith("coo"):  # torch-scatter cannot derive this
                compare(name, src, wide, gradient=False)
    for name in ("sum", "mean", "min", "max"):
        compare(f"segment_{name}_coo", src, index, dim_size=groups + 2)
        compare("segment_coo", src, index, out=values(*leading, groups, *trailing, seed=9), reduce=name, gradient=False)
        compare(
            "segment_csr", src, indptr, out=values(*leading, groups, *trailing, seed=9), reduce=name, gradient=False
        )
    compare("gather_csr", few, indptr)
    compare("gather_coo", few, index)
