from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from torch.library import opcheck

import graphrep as gr
from graphrep.ops import scatter, scatter_max, scatter_mean, scatter_min, scatter_mul, scatter_sum
from graphrep.ops.adjacency import shared
from graphrep.ops.segment import cpu, kernels

from ._groups import FLOATS, INTEGERS, LAYOUTS, SIZES, assert_same, case, ids, values

REDUCES = ["sum", "mean", "mul", "max", "min"]
DIRECT, GROUPED = 1, 2


pytestmark = pytest.mark.usefixtures("nan_filled")


def reduced(src, index, dim, size, reduce):
    """Values, and entries where there are any."""
    if reduce in ("max", "min"):
        return (scatter_max if reduce == "max" else scatter_min)(src, index, dim, dim_size=size)
    return (scatter(src, index, dim, dim_size=size, reduce=reduce),)


def on_reference(monkeypatch, function, *args):
    with monkeypatch.context() as patch:
        patch.setenv("GRAPHREP_BACKEND", "reference")
        return function(*args)


@pytest.mark.parametrize("reduce", REDUCES)
@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_equals_reference_in_values_and_gradients(monkeypatch, size, layout, reduce):
    src, index, dim, groups = case(layout, size)
    src.requires_grad_()

    def run():
        out = reduced(src, index, dim, groups, reduce)
        weight = torch.arange(out[0].numel(), dtype=src.dtype).view(out[0].shape).sin()
        return (*out, torch.autograd.grad(out[0], src, weight)[0])

    wanted = on_reference(monkeypatch, run)
    for path in (0, DIRECT, GROUPED):
        monkeypatch.setattr(cpu, "PATH", path)
        for got, want in zip(run(), wanted, strict=True):
            torch.testing.assert_close(got, want, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("reduce", REDUCES)
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("id_dtype", [torch.int32, torch.int64])
def test_float_types_on_every_instruction_set(monkeypatch, isa, id_dtype, dtype, reduce):
    for columns, path in itertools.product([1, 2, 8, 16, 17, 33, 64, 130], [DIRECT, GROUPED]):
        monkeypatch.setattr(cpu, "PATH", path)
        src, index, dim, groups = case(((), (columns,), 0), (500, 60), dtype=dtype, id_dtype=id_dtype)
        if reduce == "mul":
            src = 2.0 ** src.round().clamp(-1, 1)  # exact
        wanted = on_reference(monkeypatch, reduced, src.double(), index, dim, groups, reduce)
        got = reduced(src, index, dim, groups, reduce)
        assert got[0].dtype == dtype
        if reduce == "mean":  # a product with the reciprocal, which may round twice
            torch.testing.assert_close(got[0].double(), wanted[0], rtol=2 * torch.finfo(dtype).eps, atol=1e-6)
        else:
            for g, w in zip(got, wanted, strict=True):
                assert_same(g, w.to(g.dtype))


@pytest.mark.parametrize("reduce", REDUCES)
@pytest.mark.parametrize("dtype", INTEGERS)
@pytest.mark.parametrize("layout", [((), (), 0), ((2,), (70,), 0), ((), (3,), 2)], ids=str)
def test_integers(monkeypatch, layout, dtype, reduce):
    src, index, dim, groups = case(layout, (90, 20), dtype=dtype)
    if reduce == "mul":
        src = src.clamp(-2, 2)
    wanted = on_reference(monkeypatch, reduced, src, index, dim, groups, reduce)
    for path in (DIRECT, GROUPED):
        monkeypatch.setattr(cpu, "PATH", path)
        got = reduced(src, index, dim, groups, reduce)
        assert got[0].dtype == dtype
        for g, w in zip(got, wanted, strict=True):
            assert_same(g, w)


def test_integer_means_round_down_and_sums_wrap():
    index = torch.tensor([0, 0, 1, 1])
    assert scatter_mean(torch.tensor([-1, -2, 1, 2]), index).tolist() == [-2, 1]
    assert scatter_sum(torch.tensor([100, 100, 1, 1], dtype=torch.int8), index).tolist() == [-56, 2]
    assert scatter_mean(torch.full((300,), 7, dtype=torch.int8), torch.zeros(300, dtype=torch.int64)).tolist() == [7]


def test_mean_of_many_16_bit_values_keeps_its_count():
    x = torch.ones(3000, dtype=torch.bfloat16, requires_grad=True)
    y = scatter_mean(x, torch.zeros(3000, dtype=torch.int64))
    y.sum().backward()
    assert y.tolist() == [1]
    assert_same(x.grad, torch.full_like(x, 1 / 3000))


@pytest.mark.parametrize("reduce", REDUCES)
@pytest.mark.parametrize(
    "layout", [((), (), 0), ((), (40,), 0), ((3,), (40,), 0), ((7,), (3,), 1), ((), (33,), 2)], ids=str
)
def test_threads_and_paths_change_nothing(monkeypatch, layout, reduce):
    src, index, dim, groups = case(layout, (20_000, 700), dtype=torch.float32)
    src = src + 0.1 * torch.rand(src.shape)
    if reduce == "mul":
        src = 1 + src / 100
    before = torch.get_num_threads()
    results = []
    try:
        for threads, path in itertools.product([1, 2, 5], [DIRECT, GROUPED, 0]):
            torch.set_num_threads(threads)
            monkeypatch.setattr(cpu, "PATH", path)
            results.append(reduced(src, index, dim, groups, reduce))
    finally:
        torch.set_num_threads(before)
    for result in results[1:]:
        for got, want in zip(result, results[0], strict=True):
            assert_same(got, want)


@pytest.mark.parametrize("path", [DIRECT, GROUPED])
def test_nan_and_infinity(monkeypatch, path):
    monkeypatch.setattr(cpu, "PATH", path)
    nan, inf = torch.nan, torch.inf
    src = torch.tensor([1.0, nan, nan, 3.0, -inf, -inf, inf, 5.0])
    index = torch.tensor([0, 0, 0, 0, 2, 2, 3, 3])
    for columns in (1, 3, 20):
        x = src.view(-1, 1).expand(-1, columns)
        largest, arg = scatter_max(x, index, 0)
        assert_same(largest, torch.tensor([nan, 0, -inf, inf]).view(-1, 1).expand(-1, columns))
        assert arg[:, -1].tolist() == [1, 8, 4, 6]
        smallest, arg = scatter_min(x, index, 0)
        assert_same(smallest, torch.tensor([nan, 0, -inf, 5]).view(-1, 1).expand(-1, columns))
        assert arg[:, -1].tolist() == [1, 8, 4, 7]
        assert_same(scatter(x, index, 0, reduce="max"), largest)


def test_broadcast_index_costs_no_copy():
    """However the index is spelled, the op sees the least of it."""
    src = values(2, 30, 4)
    index = ids(30, groups=5)
    wanted = scatter(src, index, 1, dim_size=5)
    spelled = [index.view(1, 30), index.view(1, 30, 1), index.view(1, 30, 1).expand(2, 30, 4), index.expand(2, 30)]
    for other in spelled:
        assert_same(scatter(src, other, 1, dim_size=5), wanted)
        assert_same(scatter(src, other, -2, dim_size=5), wanted)
        assert gr.ops.segment.arguments.compact(other, src.shape, 1).shape == (30,)
    one = torch.tensor([2])
    assert_same(scatter(src, one, 1)[:, 2], src.sum(1))
    assert_same(scatter(src.mT, index, dim_size=5), wanted.mT)


def test_inputs_stay_as_they_are():
    x = np.arange(12.0)
    x.flags.writeable = False
    src = shared(x).view(6, 2)
    index = torch.tensor([0, 9, 1, 9, 1, 9, 0, 9, 1, 9, 3, 9])[::2]
    assert scatter(src[:, 1], index).tolist() == [1 + 7, 3 + 5 + 9, 0, 11]
    assert scatter(src.T, index).tolist() == [[0 + 6, 2 + 4 + 8, 0, 10], [8, 17, 0, 11]]
    assert x.tolist() == list(range(12))


def test_without_dim_size():
    assert scatter(torch.ones(3), torch.tensor([4, 0, 4])).tolist() == [1, 0, 0, 0, 2]
    assert scatter(torch.ones(0), torch.zeros(0, dtype=torch.int64)).shape == (0,)
    assert scatter(torch.ones(0, 2), torch.zeros(0, dtype=torch.int32), 0).shape == (0, 2)
    assert scatter(torch.ones(3, 0), torch.tensor([4, 0, 4]), 0).shape == (5, 0)
    assert scatter_max(torch.ones(100_000), torch.arange(100_000))[1].equal(torch.arange(100_000))


@pytest.mark.parametrize("backend", ["native", "reference"])
def test_out_takes_part(monkeypatch, backend):
    monkeypatch.setenv("GRAPHREP_BACKEND", backend)
    src, index = torch.tensor([1.0, 5.0, 2.0, 9.0]), torch.tensor([0, 0, 2, 2])
    start = torch.tensor([4.0, -1.0, 9.0])
    expected = {"sum": [10, -1, 20], "mean": [5, -1, 10], "mul": [20, -1, 162], "max": [5, -1, 9], "min": [1, -1, 2]}
    for reduce, want in expected.items():
        out = start.clone()
        assert scatter(src, index, out=out, reduce=reduce) is out
        assert out.tolist() == want
    out = start.clone()
    assert scatter_max(src, index, out=out)[1].tolist() == [1, 4, 4]  # a tie stays with out
    # Gradients of both, whatever lies in memory between.
    for reduce in REDUCES:
        x, y = (t.double().requires_grad_() for t in (src, start))
        run = lambda x, y, reduce=reduce: scatter(x, index, out=y.clone().view(3), reduce=reduce)  # noqa: E731
        if reduce != "max":
            torch.autograd.gradcheck(run, (x, y))
    wide = torch.zeros(3, 6)[:, ::2]
    scatter(torch.ones(4, 3), index, 0, out=wide)
    assert wide.tolist() == [[2] * 3, [0] * 3, [2] * 3]


@pytest.mark.parametrize("layout", [((), (3,), 0), ((2,), (3,), 1), ((), (2,), 2)], ids=str)
def test_derivatives(layout):
    src, index, dim, groups = case(layout, (9, 4))
    x = (src + torch.arange(src.numel()).view(src.shape) / 64).requires_grad_()  # no ties
    for reduce in REDUCES:
        run = lambda x, reduce=reduce: scatter(x, index, dim, dim_size=groups, reduce=reduce)  # noqa: E731
        x_ = (2 + x.detach() / 4).requires_grad_() if reduce == "mul" else x
        torch.autograd.gradcheck(run, x_)
        torch.autograd.gradgradcheck(run, x_)


def test_gradient_of_ties_and_of_zero_factors():
    x = torch.tensor([2.0, 2.0, 0.0, 3.0], requires_grad=True)
    index = torch.tensor([0, 0, 1, 1])
    scatter(x, index, reduce="max").sum().backward()
    assert x.grad.tolist() == [1, 0, 0, 1]
    x.grad = None
    scatter_mul(x, index).sum().backward()
    assert x.grad.tolist() == [2, 2, 0, 0]  # as torch-scatter has it


def test_opcheck():
    x = values(2, 7, 3, dtype=torch.float32).requires_grad_()
    for index in (ids(7, groups=4), ids(2, 7, groups=4), ids(2, 7, 3, groups=4, dtype=torch.int32)):
        for reduce in (kernels.SUM, kernels.MEAN, kernels.MUL):
            opcheck(kernels.fold_op._op, (x, index, 1, 4, reduce))
        opcheck(kernels.extreme_op._op, (x, index, 1, 4, True, True))
        opcheck(kernels.gather_op._op, (values(2, 4, 3, dtype=torch.float32).requires_grad_(), index, 1))
        opcheck(kernels.softmax_op._op, (x, index, 1, 4))
    arg = scatter_max(x.detach(), ids(7, groups=4), 1)[1]
    opcheck(kernels.place_op._op, (torch.ones(2, arg.shape[1], 3, requires_grad=True), arg, 1, 7))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
def test_compiles_without_a_break():
    torch.use_deterministic_algorithms(False)
    x = values(50, 8, dtype=torch.float32).requires_grad_()
    index = ids(50, groups=9)
    sorted_index = index.sort().values

    def model(x):
        h = scatter(x, index, 0, dim_size=9, reduce="mean").relu()
        h = gr.ops.gather_coo(h, sorted_index) * gr.ops.scatter_softmax(x, index, 0, dim_size=9)
        return gr.ops.segment_coo(h, sorted_index, dim_size=9, reduce="max").sum()

    (wanted,) = torch.autograd.grad(model(x), x)
    (got,) = torch.autograd.grad(torch.compile(model, fullgraph=True, backend="aot_eager")(x), x)
    torch.testing.assert_close(got, wanted)


def test_function_transforms():
    x, index = values(6, 2, dtype=torch.float32), torch.tensor([0, 1, 1, 0, 3, 3])
    grad = torch.func.grad(lambda x: scatter(x, index, 0).square().sum())(x)
    torch.testing.assert_close(grad, 2 * scatter(x, index, 0)[index])


@pytest.mark.parametrize("backend", ["native", "reference"])
@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda i: scatter(torch.ones(3), i([0, 1, 5]), dim_size=3), IndexError, r"index must lie in \[0, 3\), got 5"),
        (lambda i: scatter(torch.ones(3), i([0, -1, 2])), IndexError, r"index must lie in \[0, 3\), got -1"),
        (lambda i: scatter(torch.ones(3, 2), i([[0, 1], [1, 7], [8, 0]]), 0, dim_size=2), IndexError, r"got 7"),
        (lambda i: scatter(torch.ones(3), i([0, 0, 0]), dim_size=0), IndexError, r"index must lie in \[0, 0\), got 0"),
        (lambda i: scatter(torch.ones(3), i([0, 0, 0]), dim_size=-2), ValueError, "dim_size must not be negative"),
        (lambda i: scatter(torch.ones(3), i([0, 0]), 0), ValueError, r"index of shape \(2,\) does not broadcast"),
        (lambda i: scatter(torch.ones(3, 2), i([[0, 0]] * 2), 0), ValueError, "does not broadcast to"),
        (lambda i: scatter(torch.ones(3), i([[0]] * 3), 0), ValueError, "does not broadcast to"),
        (lambda i: scatter(torch.ones(3), i([0] * 3), 1), IndexError, r"dim must lie in \[-1, 1\), got 1"),
        (lambda i: scatter(torch.ones(3), i([0] * 3).double()), TypeError, "index must be an int32 or int64 tensor"),
        (lambda i: scatter(torch.ones(3).bool(), i([0] * 3)), TypeError, "src must be a tensor of floats or integers"),
        (lambda i: scatter([1, 2, 3], i([0] * 3)), TypeError, "got list"),
        (lambda i: scatter(torch.ones(3), i([0] * 3), reduce="any"), ValueError, "reduce must be one of .* got 'any'"),
        (lambda i: scatter(torch.ones(3), i([0] * 3), out=torch.ones(2).double()), TypeError, "out must be"),
        (lambda i: scatter(torch.ones(3, 2), i([0] * 3), 0, out=torch.ones(2)), ValueError, "out must have the shape"),
        (lambda i: scatter(torch.ones(3, device="meta"), i([0] * 3)), ValueError, "src is on meta"),
        (lambda i: gr.ops.scatter_softmax(torch.ones(3).int(), i([0] * 3)), ValueError, "needs a floating-point src"),
    ],
)
def test_wrong_arguments(monkeypatch, backend, call, error, message):
    monkeypatch.setenv("GRAPHREP_BACKEND", backend)
    for path, kind in itertools.product([DIRECT, GROUPED], [torch.int32, torch.int64]):
        monkeypatch.setattr(cpu, "PATH", path)
        with pytest.raises(error, match=message):
            call(lambda i, kind=kind: torch.tensor(i, dtype=kind))


def test_first_wrong_index_is_named_for_any_number_of_threads(monkeypatch):
    index = torch.zeros(2, 30_000, dtype=torch.int64)
    index[1, 20_000:] = 9
    before = torch.get_num_threads()
    try:
        for threads, path in itertools.product([1, 3], [DIRECT, GROUPED]):
            torch.set_num_threads(threads)
            monkeypatch.setattr(cpu, "PATH", path)
            with pytest.raises(IndexError, match=r"got 9 at position \(1, 20000\)"):
                scatter(torch.ones(2, 30_000, 33), index, 1, dim_size=9)
    finally:
        torch.set_num_threads(before)
