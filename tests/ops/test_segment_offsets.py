from __future__ import annotations

import itertools

import pytest
import torch
from torch.library import opcheck

from graphrep.ops import (
    gather_coo,
    gather_csr,
    scatter,
    scatter_max,
    scatter_min,
    segment_coo,
    segment_csr,
    segment_max_coo,
    segment_max_csr,
    segment_mean_coo,
    segment_min_coo,
    segment_min_csr,
    unchecked,
)
from graphrep.ops.segment import kernels

from ._groups import FLOATS, INTEGERS, SIZES, assert_same, cut, ids, values

REDUCES = ["sum", "mean", "max", "min"]
SHAPES = [((), ()), ((), (1,)), ((), (5,)), ((), (40,)), ((2,), ()), ((5,), (19,)), ((2, 3), (2, 2))]


pytestmark = pytest.mark.usefixtures("nan_filled")


def by_offset(src, indptr, reduce):
    if reduce in ("max", "min"):
        return (segment_max_csr if reduce == "max" else segment_min_csr)(src, indptr)
    return (segment_csr(src, indptr, reduce=reduce),)


def by_sorted_index(src, index, size, reduce):
    if reduce in ("max", "min"):
        return (segment_max_coo if reduce == "max" else segment_min_coo)(src, index, dim_size=size)
    return (segment_coo(src, index, dim_size=size, reduce=reduce),)


def with_gradient(run, src):
    out = run(src)
    weight = torch.arange(out[0].numel(), dtype=src.dtype).view(out[0].shape).sin()
    return (*out, torch.autograd.grad(out[0], src, weight)[0])


def close(got, wanted):
    for g, w in zip(got, wanted, strict=True):
        torch.testing.assert_close(g, w, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("reduce", REDUCES)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_csr_equals_reference(monkeypatch, size, shape, reduce):
    (leading, trailing), (entries, groups) = shape, size
    src = values(*leading, entries, *trailing).requires_grad_()
    for indptr in (
        cut(entries, groups).view(*[1] * len(leading), -1),
        cut(entries, groups, *leading),
        cut(entries, groups, *leading).int(),
    ):
        got = with_gradient(lambda src, indptr=indptr: by_offset(src, indptr, reduce), src)
        with monkeypatch.context() as patch:
            patch.setenv("GRAPHREP_BACKEND", "reference")
            close(got, with_gradient(lambda src, indptr=indptr: by_offset(src, indptr, reduce), src))


@pytest.mark.parametrize("reduce", REDUCES)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_coo_equals_scatter(size, shape, reduce):
    (leading, trailing), (entries, groups) = shape, size
    src = values(*leading, entries, *trailing).requires_grad_()
    extreme = {"max": scatter_max, "min": scatter_min}.get(reduce)

    def plain(src, index):
        if extreme:
            return extreme(src, index, len(leading), dim_size=groups)
        return (scatter(src, index, len(leading), dim_size=groups, reduce=reduce),)

    for index in (
        ids(entries, groups=groups).sort().values.view(*[1] * len(leading), -1),
        ids(*leading, entries, groups=groups).sort().values,
        ids(*leading, entries, groups=groups, dtype=torch.int32).sort().values,
    ):
        wanted = with_gradient(lambda src, index=index: plain(src, index), src)
        close(with_gradient(lambda src, index=index: by_sorted_index(src, index, groups, reduce), src), wanted)
        if entries:
            assert segment_coo(src, index).shape[len(leading)] == int(index.max()) + 1


@pytest.mark.parametrize("reduce", REDUCES)
@pytest.mark.parametrize("dtype", FLOATS)
def test_float_types_on_every_instruction_set(monkeypatch, isa, dtype, reduce):
    indptr = torch.tensor([3, 3, 4, 5, 22, 60, 61, 700, 700, 733, 900])
    for columns in (None, 2, 17, 64):
        src = values(*((907,) if columns is None else (907, columns)), dtype=dtype)
        got = by_offset(src, indptr, reduce)
        with monkeypatch.context() as patch:
            patch.setenv("GRAPHREP_BACKEND", "reference")
            wanted = by_offset(src.double(), indptr, reduce)
        assert got[0].dtype == dtype
        if reduce == "mean":
            torch.testing.assert_close(got[0].double(), wanted[0], rtol=2 * torch.finfo(dtype).eps, atol=1e-6)
        else:  # coarse values: sums are exact
            for g, w in zip(got, wanted, strict=True):
                assert_same(g, w.to(g.dtype))


@pytest.mark.parametrize("reduce", REDUCES)
@pytest.mark.parametrize("dtype", INTEGERS)
def test_integers(monkeypatch, dtype, reduce):
    for shape in ((80,), (80, 70)):
        src, indptr = values(*shape, dtype=dtype), cut(80, 12)
        got = by_offset(src, indptr, reduce)
        with monkeypatch.context() as patch:
            patch.setenv("GRAPHREP_BACKEND", "reference")
            for g, w in zip(got, by_offset(src, indptr, reduce), strict=True):
                assert_same(g, w)
        assert got[0].dtype == dtype


def test_nan_and_infinity_in_one_column(isa):
    for n in (1, 5, 40, 100):
        for place in {0, n // 2, n - 1}:
            x = torch.arange(float(n))
            x[place] = torch.nan
            x[(place + 1) % n :] = torch.nan
            first = int(x.isnan().nonzero()[0])
            for function in (segment_max_csr, segment_min_csr):
                value, arg = function(x, torch.tensor([0, n]))
                assert value.isnan().all()
                assert arg.tolist() == [first]
        assert_same(
            segment_max_csr(torch.full((n,), -torch.inf), torch.tensor([0, n])),
            (torch.tensor([-torch.inf]), torch.tensor([0])),
        )


def test_threads_change_nothing():
    entries, groups = 150_000, 900
    index = ids(2, entries, groups=groups).sort().values
    src = torch.rand(2, entries, 3, generator=torch.Generator().manual_seed(0))
    before = torch.get_num_threads()
    results = []
    try:
        for threads in (1, 2, 5):
            torch.set_num_threads(threads)
            result = [gather_coo(src[:, :groups], index)]
            for reduce, x in itertools.product(REDUCES, (src, src[..., 0].contiguous())):
                result += by_sorted_index(x, index, groups, reduce)
            results.append(result)
    finally:
        torch.set_num_threads(before)
    for result in results[1:]:
        for got, want in zip(result, results[0], strict=True):
            assert_same(got, want)


@pytest.mark.parametrize("backend", ["native", "reference"])
@pytest.mark.parametrize("dtype", [*FLOATS, *INTEGERS])
def test_gather(monkeypatch, backend, dtype):
    monkeypatch.setenv("GRAPHREP_BACKEND", backend)
    for (leading, trailing), (entries, groups) in itertools.product(SHAPES, SIZES):
        index = ids(*leading, entries, groups=groups).sort().values
        src = values(*leading, groups, *trailing, dtype=dtype)
        at = index.view(*index.shape, *[1] * len(trailing)).expand(*leading, entries, *trailing)
        wanted = src.gather(len(leading), at)
        assert_same(gather_coo(src, index), wanted)
        out = torch.zeros_like(wanted)
        assert gather_coo(src, index.int(), out=out) is out
        assert_same(out, wanted)
    src = values(4, 3, dtype=dtype)
    indptr = torch.tensor([1, 3, 3, 4, 6])
    zero = [0] * 3
    rows = src.tolist()
    assert gather_csr(src, indptr).tolist() == [zero, rows[0], rows[0], rows[2], rows[3], rows[3]]
    out = torch.ones(7, 3, dtype=dtype)
    assert gather_csr(src, indptr, out=out) is out
    assert out[6].tolist() == zero
    both = torch.stack([indptr, torch.tensor([0, 0, 0, 0, 2])])
    assert gather_csr(src.expand(2, 4, 3), both)[1].tolist() == [rows[3], rows[3], zero, zero, zero, zero]


@pytest.mark.parametrize("leading", [(), (2,)])
def test_derivatives(leading):
    x = (values(*leading, 9, 2) + torch.arange(18).view(9, 2) / 64).requires_grad_()
    indptr = cut(9, 4, *leading)
    index = ids(*leading, 9, groups=4).sort().values
    for reduce in REDUCES:
        for run in (
            lambda x, r=reduce: segment_csr(x, indptr, reduce=r),
            lambda x, r=reduce: segment_coo(x, index, reduce=r),
        ):
            torch.autograd.gradcheck(run, x)
            torch.autograd.gradgradcheck(run, x)
    y = values(*leading, 4, 3).requires_grad_()
    for run in (lambda y: gather_csr(y, indptr), lambda y: gather_coo(y, index)):
        torch.autograd.gradcheck(run, y)
        torch.autograd.gradgradcheck(run, y)


@pytest.mark.parametrize("backend", ["native", "reference"])
def test_out(monkeypatch, backend):
    """Overwritten by segment_csr; takes part in segment_coo."""
    monkeypatch.setenv("GRAPHREP_BACKEND", backend)
    src, index, indptr = torch.tensor([1.0, 5.0, 2.0, 9.0]), torch.tensor([0, 0, 2, 2]), torch.tensor([0, 2, 2, 4])
    start = torch.tensor([4.0, -1.0, 9.0])
    for reduce, csr, coo in (
        ("sum", [6, 0, 11], [10, -1, 20]),
        ("mean", [3, 0, 5.5], [5, -1, 10]),
        ("max", [5, 0, 9], [5, -1, 9]),
        ("min", [1, 0, 2], [1, -1, 2]),
    ):
        out = start.clone()
        assert segment_csr(src, indptr, out, reduce) is out
        assert out.tolist() == csr
        out = start.clone()
        assert segment_coo(src, index, out, reduce=reduce) is out
        assert out.tolist() == coo
    out = start.clone()
    assert segment_max_coo(src, index, out)[1].tolist() == [1, 4, 4]
    assert segment_max_csr(src, indptr, out)[1].tolist() == [1, 4, 3]
    x, y = src.double().requires_grad_(), start.double().requires_grad_()
    torch.autograd.gradcheck(lambda x, y: segment_mean_coo(x, index, y.clone()), (x, y))


def test_opcheck():
    x = values(2, 7, 3, dtype=torch.float32).requires_grad_()
    for indptr in (cut(7, 4), cut(7, 4, 2)):
        for reduce in (kernels.SUM, kernels.MEAN):
            opcheck(kernels.segment_op._op, (x, indptr, 1, reduce))
        opcheck(kernels.segment_extreme_op._op, (x, indptr, 1, False, True))
        y = values(2, 4, 3, dtype=torch.float32).requires_grad_()
        opcheck(kernels.expand_op._op, (y, indptr, 1, 7))
    opcheck(kernels.offsets_op._op, (ids(2, 7, groups=4).sort().values, 4))


@pytest.mark.parametrize("backend", ["native", "reference"])
@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda i: segment_csr(torch.ones(3), i([0, 4])),
            IndexError,
            r"indptr must lie in \[0, 3\], got 4 at position 1",
        ),
        (lambda i: segment_csr(torch.ones(3), i([-1, 3])), IndexError, r"indptr must lie in \[0, 3\], got -1"),
        (
            lambda i: segment_csr(torch.ones(3), i([0, 2, 1])),
            ValueError,
            "indptr must ascend, got 1 after 2 at position 2",
        ),
        (lambda i: segment_csr(torch.ones(2, 3), i([[0, 3], [2, 0]])), ValueError, "indptr must ascend"),
        (lambda i: segment_csr(torch.ones(3), i([[0, 1]])), ValueError, "1 to 1 dimensions"),
        (lambda i: segment_csr(torch.ones(2, 3), i([[0, 1]] * 3)), ValueError, "indptr of shape .* does not broadcast"),
        (lambda i: segment_csr(torch.ones(3), i([0, 3]).float()), TypeError, "indptr must be an int32 or int64"),
        (lambda i: segment_csr(torch.ones(3), i([0, 3]), reduce="mul"), ValueError, "reduce must be one of"),
        (lambda i: segment_csr(torch.ones(3), i([0, 3]), torch.ones(2)), ValueError, "out must have the shape"),
        (lambda i: gather_csr(torch.ones(3), i([0, 3])), ValueError, "src must have 1 rows along dimension 0"),
        (
            lambda i: gather_csr(torch.ones(1), i([0, 3]), torch.ones(2)),
            IndexError,
            r"indptr must lie in \[0, 2\], got 3",
        ),
        (lambda i: segment_coo(torch.ones(3), i([0, 2, 1])), ValueError, "index must ascend"),
        (lambda i: segment_coo(torch.ones(2, 3), i([[0, 2, 5], [1, 1, 0]])), ValueError, "index must ascend"),
        (
            lambda i: segment_coo(torch.ones(3), i([0, 2, 3]), dim_size=3),
            IndexError,
            r"index must lie in \[0, 3\), got 3",
        ),
        (lambda i: segment_coo(torch.ones(3), i([-2, 0, 0])), IndexError, r"index must lie in \[0, 1\), got -2"),
        (lambda i: segment_coo(torch.ones(3), i([0, 0])), ValueError, "index of shape .* does not broadcast"),
        (lambda i: segment_coo(torch.ones(3), i([0] * 3), dim_size=-1), ValueError, "dim_size must not be negative"),
        (lambda i: segment_coo(torch.ones(3), i([0] * 3), reduce="mul"), ValueError, "reduce must be one of"),
        (lambda i: gather_coo(torch.ones(3), i([0, 1, 3])), IndexError, r"index must lie in \[0, 3\), got 3"),
        (lambda i: gather_coo(torch.ones(3), i([1, 0])), ValueError, "index must ascend"),
        (lambda i: gather_coo(torch.ones(3), i([[1, 0]])), ValueError, "index must have 1 to 1 dimensions"),
    ],
)
def test_wrong_arguments(monkeypatch, backend, call, error, message):
    monkeypatch.setenv("GRAPHREP_BACKEND", backend)
    for kind in (torch.int32, torch.int64):
        with pytest.raises(error, match=message):
            call(lambda i, kind=kind: torch.tensor(i, dtype=kind))


def test_wrong_order_across_blocks_and_threads():
    """The first of two faults is named, on whichever thread it lies."""
    index = torch.arange(200_000)
    index[65_536] = 7
    index[150_000] = -3
    before = torch.get_num_threads()
    try:
        for threads in (1, 3):
            torch.set_num_threads(threads)
            with pytest.raises(ValueError, match="got 7 after 65535 at position 65536"):
                segment_coo(torch.ones(200_000), index)
    finally:
        torch.set_num_threads(before)


def test_unchecked_leaves_the_check_of_offsets_out(monkeypatch):
    calls = []
    monkeypatch.setattr("graphrep.ops.segment.arguments.check_offsets", lambda *args: calls.append(args))
    segment_csr(torch.ones(3), torch.tensor([0, 3]))
    assert len(calls) == 1
    with unchecked():
        assert segment_csr(torch.ones(3), torch.tensor([0, 3])).tolist() == [3]
    assert len(calls) == 1


def test_no_offsets_are_no_segments():
    none = torch.empty(0, dtype=torch.int64)
    for src in (torch.ones(3), torch.ones(3, 2)):
        for reduce in ("sum", "mean", "min", "max"):
            assert segment_csr(src, none, reduce=reduce).shape == (0, *src.shape[1:])
        assert gather_csr(src[:0], none).shape == (0, *src.shape[1:])
    assert segment_csr(torch.ones(2, 3), torch.empty(2, 0, dtype=torch.int64)).shape == (2, 0)
    with pytest.raises(ValueError, match="src must have 0 rows"):
        gather_csr(torch.ones(3), none)
