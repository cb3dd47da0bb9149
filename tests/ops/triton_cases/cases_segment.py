from __future__ import annotations

import pytest
import torch

import graphrep as gr
from graphrep.ops.segment import kernels, reference

# Shape of src, dimension, shape of the index, number of groups.
SHAPES = [
    ((0, 3), 0, (0,), 4),
    ((1,), 0, (1,), 1),
    ((13, 5), 0, (13,), 4),
    ((2, 9, 3), 1, (9,), 3),
    ((2, 9, 3), 1, (2, 9), 3),
    ((3, 7), 1, (3, 7), 5),
    ((6, 2), 0, (6, 2), 4),
]
shapes = pytest.mark.parametrize(("shape", "dim", "index_shape", "size"), SHAPES, ids=str)


def make(shape, index_shape, size, dtype, ids, device):
    low = 0 if dtype == torch.uint8 else -3
    return torch.randint(low, 4, shape).to(device, dtype), torch.randint(size, index_shape).to(device, ids)


@shapes
@pytest.mark.parametrize("deterministic", [False, True])
def test_scattered_sums(shape, dim, index_shape, size, deterministic, device, request):
    if deterministic:
        request.getfixturevalue("nan_filled")
    src, index = make(shape, index_shape, size, torch.float16, torch.int32, device)
    for reduce in (kernels.SUM, kernels.MEAN, kernels.MUL):
        args = src, index, dim, size, reduce
        torch.testing.assert_close(kernels.fold_op(*args), reference.fold(*args))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.int32, torch.uint8], ids=str)
def test_dtypes(dtype, device):
    src, index = make((6, 2), (6,), 3, dtype, torch.int32, device)
    args = src, index, 0, 3, kernels.MEAN
    torch.testing.assert_close(kernels.fold_op(*args), reference.fold(*args))
    for got, expected in zip(
        kernels.extreme_op(*args[:4], False, True), reference.extreme(*args[:4], False, True), strict=True
    ):
        assert torch.equal(got, expected)


@shapes
def test_scattered_extremes(shape, dim, index_shape, size, device):
    src, index = make(shape, index_shape, size, torch.float32, torch.int64, device)
    for largest in (False, True):
        args = src, index, dim, size, largest, True
        out, arg = kernels.extreme_op(*args)
        expected, expected_arg = reference.extreme(*args)
        assert torch.equal(out, expected)
        assert torch.equal(arg, expected_arg)
        assert torch.equal(kernels.extreme_op(*args[:-1], False)[0], expected)


@pytest.mark.parametrize("offsets", [[0], [0, 0, 5, 6, 9], [2, 2, 3, 8]], ids=str)
@pytest.mark.parametrize(("shape", "dim"), [((9,), 0), ((2, 9, 2), 1)], ids=str)
def test_segments(offsets, shape, dim, device, nan_filled):
    src, _ = make(shape, (), 1, torch.float16, torch.int64, device)
    shared = torch.tensor(offsets, device=device)
    own = shared.expand(*shape[:dim], -1).contiguous()
    for indptr in (shared, own) if dim else (shared,):
        for flag in (False, True):
            args = src, indptr, dim, kernels.MEAN if flag else kernels.SUM
            torch.testing.assert_close(kernels.segment_op(*args), reference.segment_fold(*args))
            args = src, indptr, dim, flag, True
            for got, expected in zip(kernels.segment_extreme_op(*args), reference.segment_extreme(*args), strict=True):
                assert torch.equal(got, expected)


@pytest.mark.parametrize("reduce", ["sum", "mean", "mul", "min", "max"])
def test_gradients(reduce, device, monkeypatch):
    src, index = make((13, 3), (13,), 4, torch.float32, torch.int64, device)
    indptr = torch.tensor([0, 3, 3, 4, 13], device=device)

    def gradients():
        leaf = src.clone().requires_grad_()
        results = [gr.ops.scatter(leaf, index, dim=0, dim_size=4, reduce=reduce)]
        if reduce != "mul":
            results.append(gr.ops.segment_csr(leaf, indptr, reduce=reduce))
        return [torch.autograd.grad(result.pow(2).sum(), leaf)[0] for result in results]

    found = gradients()
    monkeypatch.setenv("GRAPHREP_BACKEND", "reference")
    torch.testing.assert_close(found, gradients())


def test_gather_and_softmax(device):
    src, index = make((7, 3), (7,), 4, torch.float32, torch.int64, device)
    rows = src.new_tensor([[1.0], [2.0], [3.0], [4.0]])
    assert torch.equal(gr.ops.gather_coo(rows, index.sort().values), rows[index.sort().values])
    shares = gr.ops.scatter_softmax(src, index, dim=0)
    expected = torch.stack(
        [
            src[index == group].softmax(0)[index[: e + 1][index[: e + 1] == group].numel() - 1]
            for e, group in enumerate(index)
        ]
    )
    torch.testing.assert_close(shares, expected)


def test_index_out_of_range(device):
    src = torch.ones(3, 2, device=device)
    for wrong in (-1, 2):
        index = torch.tensor([0, 1, wrong], device=device)
        with pytest.raises(IndexError, match=rf"index must lie in \[0, 2\), got {wrong}"):
            kernels.fold_op(src, index, 0, 2, kernels.SUM)
        with pytest.raises(IndexError, match=rf"index must lie in \[0, 2\), got {wrong}"):
            kernels.extreme_op(src, index, 0, 2, True, True)
