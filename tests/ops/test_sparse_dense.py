from __future__ import annotations

import gc
import pickle
import weakref

import numpy as np
import pytest
import torch
from torch.library import opcheck

import graphrep as gr
from graphrep.ops import Adjacency, sddmm, spmm
from graphrep.ops.sparse_dense import extreme_grad_op, extreme_op, sddmm_op, spmm_extreme, sum_op

from ._tensors import FLOATS, SHAPES, random_adjacency

REDUCES = ["sum", "mean", "max", "min"]


pytestmark = pytest.mark.usefixtures("nan_filled")


def on_backend(monkeypatch, backend, function, *args):
    monkeypatch.setenv("GRAPHREP_BACKEND", backend)
    result = function(*args)
    monkeypatch.delenv("GRAPHREP_BACKEND")
    return result


def features(*shape, dtype=torch.float64, seed=1):
    # Coarse values, so that maxima tie; torch's own generator, so that seeds are those of the test.
    values = torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return ((values * 8).round() / 8).to(dtype)


@pytest.mark.parametrize("reduce", REDUCES)
@pytest.mark.parametrize("heads", [None, 0, 1, 3])
@pytest.mark.parametrize("ids", [torch.int32, torch.int64])
@pytest.mark.parametrize(("rows", "cols", "entries"), SHAPES)
def test_equals_reference_in_values_and_gradients(monkeypatch, rows, cols, entries, ids, heads, reduce):
    adj = random_adjacency(rows, cols, entries, ids=ids, heads=heads)
    x = features(cols, *([heads] if heads else []), 5).requires_grad_()
    leaves = [x] if adj.values is None else [x, adj.values.requires_grad_()]

    def run():
        y = spmm(adj.with_values(adj.values), x, reduce)
        grad = torch.arange(y.numel(), dtype=y.dtype).view(y.shape).sin()
        return y, torch.autograd.grad(y, leaves, grad)

    y, grads = run()
    expected, expected_grads = on_backend(monkeypatch, "reference", run)
    assert y.shape == (rows, *x.shape[1:])
    torch.testing.assert_close(y, expected)
    for got, wanted in zip(grads, expected_grads, strict=True):
        torch.testing.assert_close(got, wanted)


def test_equals_dense_matrices():
    adj = random_adjacency(20, 30, 200, heads=0)
    x = features(30, 7)
    dense = adj.to_dense()
    torch.testing.assert_close(spmm(adj, x), dense @ x)
    torch.testing.assert_close(spmm(adj, x, "mean"), dense @ x / adj.degree().clamp(min=1)[:, None])
    torch.testing.assert_close(spmm(adj.t(), features(20, 4)), dense.T @ features(20, 4))
    scores = sddmm(adj, features(20, 4), x[:, :4])
    torch.testing.assert_close(scores, (features(20, 4) @ x[:, :4].T)[adj.rows(), adj.indices])


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("width", [1, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33, 64, 100, 128, 129, 257])
def test_every_width_type_and_instruction_set(monkeypatch, isa, dtype, width):
    for heads in (None, 0):
        adj = random_adjacency(30, 40, 300, heads=heads, dtype=dtype)
        x = features(40, width, dtype=dtype)
        for reduce in REDUCES:
            y = spmm(adj, x, reduce)
            wanted = on_backend(monkeypatch, "reference", spmm, adj, x, reduce)
            assert y.dtype == dtype
            torch.testing.assert_close(y, wanted)
        p = features(30, width, dtype=dtype, seed=2)
        torch.testing.assert_close(sddmm(adj, p, x), on_backend(monkeypatch, "reference", sddmm, adj, p, x))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_sixteen_bit_sums_are_formed_in_float32(isa, dtype):
    adj = Adjacency(torch.tensor([0, 4096]), torch.zeros(4096, dtype=torch.int64), num_cols=1)
    assert spmm(adj, torch.ones(1, 20, dtype=dtype)).tolist() == [[4096.0] * 20]  # alone they stop at 256 and 2048
    special = torch.tensor(
        [0.0, -0.0, 1e-7, 6e-5, 65504, torch.inf, -torch.inf, torch.nan, 1 / 3, -3.14159], dtype=dtype
    )
    copied = spmm(Adjacency(torch.arange(2), torch.zeros(1, dtype=torch.int32)), special.repeat(1, 2))[0, :10]
    torch.testing.assert_close(copied, special, rtol=0, atol=0, equal_nan=True)


@pytest.mark.parametrize("reduce", REDUCES)
def test_threads_change_nothing(reduce):
    before = torch.get_num_threads()
    adj = random_adjacency(3000, 2000, 60_000, heads=0, dtype=torch.float32)
    x = features(2000, 24, dtype=torch.float32).requires_grad_()
    results = []
    for count in (1, 2, 7):
        torch.set_num_threads(count)
        adj = adj.with_values(adj.values.detach().requires_grad_())
        y = spmm(adj, x, reduce)
        results.append((y, *torch.autograd.grad(y.sin().sum(), [x, adj.values])))
    torch.set_num_threads(before)
    for other in results[1:]:
        for a, b in zip(results[0], other, strict=True):
            assert torch.equal(a, b)


def test_gradients_of_gradients():
    for heads in (None, 0, 2):
        adj = random_adjacency(5, 7, 20, heads=heads)
        x = features(7, *([heads] if heads else []), 3).requires_grad_()
        values = None if heads is None else adj.values.requires_grad_()
        for reduce in REDUCES:
            function = lambda x, v, adj=adj, reduce=reduce: spmm(adj.with_values(v), x, reduce)  # noqa: E731
            if reduce in ("max", "min"):  # finite differences need extremes without ties
                x = torch.linspace(0, 1, x.numel(), dtype=x.dtype).sin().view(x.shape).requires_grad_()
            assert torch.autograd.gradcheck(function, (x, values))
            if reduce in ("sum", "mean"):
                assert torch.autograd.gradgradcheck(function, (x, values))
    p, q = features(5, 2, 3).requires_grad_(), features(7, 2, 3).requires_grad_()
    assert torch.autograd.gradcheck(lambda p, q: sddmm(adj, p, q), (p, q))
    assert torch.autograd.gradgradcheck(lambda p, q: sddmm(adj, p, q), (p, q))


def test_equal_extremes_belong_to_the_first_entry():
    adj = Adjacency(torch.tensor([0, 3, 3]), torch.tensor([2, 0, 1]), num_cols=3)
    x = torch.ones(3, 2, requires_grad=True)
    y, arg = spmm_extreme(adj, x, largest=True)
    assert arg.tolist() == [[0, 0], [-1, -1]]
    y.sum().backward()
    assert x.grad.tolist() == [[0, 0], [0, 0], [1, 1]]


@pytest.mark.parametrize("backend", ["native", "reference"])
def test_nan_and_infinity(monkeypatch, backend):
    adj = Adjacency(torch.tensor([0, 3, 5]), torch.tensor([0, 1, 2, 0, 3]), num_cols=4)
    x = torch.tensor([1.0, torch.nan, 3.0, -torch.inf])[:, None].expand(4, 20)
    for reduce, wanted in (
        ("max", [torch.nan, 1.0]),
        ("min", [torch.nan, -torch.inf]),
        ("sum", [torch.nan, -torch.inf]),
    ):
        y = on_backend(monkeypatch, backend, spmm, adj, x, reduce)
        torch.testing.assert_close(y[:, 0], torch.tensor(wanted), equal_nan=True)


def test_inputs_may_be_read_only_not_contiguous_or_numpy():
    graph = gr.as_graph([[0, 0, 1], [1, 2, 2]], num_nodes=4, weights=[1.0, 2.0, 3.0], directed=True)
    table = features(4, 6, dtype=torch.float32)
    wanted = spmm(graph, table[:, ::2].contiguous())
    assert torch.equal(spmm(graph, table[:, ::2]), wanted)
    array = table[:, ::2].contiguous().numpy()
    array.flags.writeable = False
    np.testing.assert_array_equal(spmm(graph, array), wanted.numpy())
    assert torch.equal(spmm(graph, torch.ones(4, dtype=torch.float32)), torch.tensor([3.0, 3.0, 0.0, 0.0]))


@pytest.mark.parametrize("make", ["csr", "coo", "scipy", "networkx", "edge_index"])
def test_every_kind_of_adjacency(make):
    graph = gr.as_graph([[0, 1, 1, 3], [1, 2, 1, 0]], directed=True, num_nodes=4)
    adj = gr.ops.as_adjacency(graph)
    assert gr.ops.as_adjacency(graph) is adj
    x = features(4, 3, dtype=torch.float32)
    if make == "csr":
        other = adj.to_torch()
    elif make == "coo":
        other = adj.to_torch().to_sparse_coo()
    elif make == "scipy":
        other = graph.to_scipy()
    elif make == "networkx":
        networkx = pytest.importorskip("networkx")
        other = networkx.from_scipy_sparse_array(graph.to_scipy(), create_using=networkx.DiGraph)
    else:
        pyg = pytest.importorskip("torch_geometric")
        other = pyg.EdgeIndex(torch.from_numpy(graph.edge_index()[[1, 0]].copy()), sparse_size=(4, 4))
    torch.testing.assert_close(spmm(other, x), adj.to_dense() @ x)


@pytest.mark.parametrize("heads", [None, 0])
def test_registered_ops_keep_torchs_rules(heads):
    adj = random_adjacency(5, 7, 20, heads=heads, dtype=torch.float32)
    x = features(7, 4, dtype=torch.float32).requires_grad_()
    values = None if adj.values is None else adj.values.requires_grad_()
    t = adj.t()
    order = adj._structure.order()
    opcheck(sum_op._op, (adj.indptr, adj.indices, values, x, True, t.indptr, t.indices, order))
    opcheck(sum_op._op, (adj.indptr, adj.indices, values, x, False, None, None, None))
    opcheck(extreme_op._op, (adj.indptr, adj.indices, values, x, True, True))
    arg = spmm_extreme(adj, x, largest=True)[1]
    opcheck(extreme_grad_op._op, (adj.indptr, adj.indices, None, arg, torch.ones(5, 4), 7))
    p, q = (features(n, 2, 3, dtype=torch.float32).requires_grad_() for n in (5, 7))
    opcheck(sddmm_op._op, (adj.indptr, adj.indices, p, q, 2))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
def test_compiles_without_a_break():
    torch.use_deterministic_algorithms(False)
    adj = random_adjacency(20, 20, 90, heads=0, dtype=torch.float32)
    x = features(20, 8, dtype=torch.float32).requires_grad_()
    values = adj.values.requires_grad_()

    def model(x, values):
        h = spmm(adj.with_values(values), x, "mean").relu()
        return spmm(adj, h, "max").sum() + sddmm(adj, h, x).square().sum()

    wanted = torch.autograd.grad(model(x, values), [x, values])
    got = torch.autograd.grad(torch.compile(model, fullgraph=True, backend="aot_eager")(x, values), [x, values])
    for a, b in zip(got, wanted, strict=True):
        torch.testing.assert_close(a, b)


def test_function_transforms():
    adj = random_adjacency(5, 7, 20, heads=0, dtype=torch.float32)
    x = features(7, 4, dtype=torch.float32)
    grad = torch.func.grad(lambda x: spmm(adj, x).square().sum())(x)
    assert adj._structure._transposed is None  # what a transform computes is not kept
    dense = adj.to_dense()
    torch.testing.assert_close(grad, 2 * dense.T @ (dense @ x))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda a: spmm(a, torch.ones(7, 2), "prod"),
            ValueError,
            "reduce must be one of sum, mean, max, min; got 'prod'",
        ),
        (
            lambda a: spmm(a, torch.ones(6, 2)),
            ValueError,
            r"one row per column of the adjacency, 7; got shape \(6, 2\)",
        ),
        (lambda a: spmm(a, torch.ones(7, dtype=torch.int64)), TypeError, "x must be a float32, .* got int64 tensor"),
        (lambda a: spmm(a, [1.0]), TypeError, "x must be a float32, .* got list"),
        (lambda a: spmm(a, torch.ones(7, 2, device="meta")), ValueError, "x is on meta, but the adjacency is on cpu"),
        (
            lambda a: spmm(a.with_values(torch.ones(20).double()), torch.ones(7)),
            TypeError,
            "the same dtype, got .*float64",
        ),
        (
            lambda a: spmm(a.with_values(torch.ones(20, 3)), torch.ones(7, 2)),
            ValueError,
            r"3 heads, so x must have shape",
        ),
        (lambda a: a.with_values(torch.ones(19)), ValueError, r"shape \(20,\) or \(20, heads\)"),
        (lambda a: a.with_values(torch.ones(20).int()), TypeError, "values must be a floating-point tensor, got int32"),
        (lambda a: sddmm(a, torch.ones(5, 2), torch.ones(7, 3)), ValueError, "agree in all dimensions but the first"),
        (lambda a: sddmm(a, torch.ones(4, 2), torch.ones(7, 2)), ValueError, r"x must have shape \(5, d\)"),
        (lambda a: sddmm(a, torch.ones(5, 2), torch.ones(7, 2).half()), TypeError, "the same dtype"),
        (lambda a: Adjacency(torch.tensor([0, 2, 1]), torch.tensor([0])), ValueError, "indptr must ascend from 0"),
        (
            lambda a: Adjacency(torch.tensor([0, 1]), torch.tensor([1])),
            IndexError,
            r"indices must lie in \[0, 1\), got 1",
        ),
        (lambda a: Adjacency(torch.tensor([0, 1]), torch.tensor([-1])), IndexError, r"indices must lie in \[0, 1\)"),
        (
            lambda a: Adjacency(torch.tensor([0.0]), torch.tensor([0])),
            TypeError,
            "indptr must be a one-dimensional int64",
        ),
        (
            lambda a: Adjacency.from_edges(torch.tensor([3]), torch.tensor([0]), num_rows=3),
            IndexError,
            r"row ids must lie in \[0, 3\), got 3 at entry 0",
        ),
        (
            lambda a: Adjacency.from_edges(torch.tensor([0]), torch.tensor([-2]), num_rows=3),
            IndexError,
            r"cols must lie in \[0, 3\), got -2",
        ),
        (lambda a: Adjacency.from_edge_index(torch.ones(3, 2).long()), ValueError, r"shape \(2, num_edges\)"),
    ],
)
def test_bad_input_is_one_sentence(call, error, message):
    with pytest.raises(error, match=message):
        call(random_adjacency(5, 7, 20))


def test_unknown_backend(monkeypatch):
    monkeypatch.setenv("GRAPHREP_BACKEND", "fast")
    with pytest.raises(ValueError, match="GRAPHREP_BACKEND must be one of"):
        spmm(random_adjacency(5, 7, 20), torch.ones(7, 2))


def test_adjacency_of_an_edge_list():
    edge_index = torch.tensor([[3, 0, 2, 0, 1], [1, 1, 0, 1, 3]])
    weights = torch.arange(5.0)
    adj = Adjacency.from_edge_index(edge_index, weights, num_nodes=4, sort_columns=True)
    assert adj.indptr.tolist() == [0, 1, 4, 4, 5]
    assert adj.indices.tolist() == [2, 0, 0, 3, 1]
    assert adj.permutation.tolist() == [2, 1, 3, 0, 4]
    assert torch.equal(adj.values, weights[adj.permutation])
    assert torch.equal(adj.entry_order(weights), adj.values)
    assert adj.t().t().to_dense().equal(adj.to_dense())
    torch.testing.assert_close(adj.t().to_dense(), adj.to_dense().T)
    assert adj.to("cpu") is adj
    assert repr(adj) == "Adjacency(shape=(4, 4), entries=5, indices=int64, values=float32 tensor of shape (5,))"
    unsorted = Adjacency.from_edge_index(edge_index, num_nodes=4)
    assert unsorted.indices.tolist() == [2, 3, 0, 0, 1]
    assert unsorted.t() is unsorted.t()


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_grouping_is_stable_for_any_number_of_threads(threads):
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    generator = torch.Generator().manual_seed(0)
    keys = torch.randint(0, 100, (50_000,), generator=generator)
    adj = Adjacency.from_edges(keys, torch.arange(50_000) % 100, num_rows=100)
    torch.set_num_threads(before)
    assert torch.equal(adj.permutation, keys.argsort(stable=True))


def test_transposes_leave_with_the_last_reference():
    """No cycle keeps them until Python looks for cycles: an adjacency made for each batch must not pile up."""
    gc.collect()
    gc.disable()
    try:
        structure = random_adjacency(30, 20, 100)._structure
        watch = weakref.ref(structure), weakref.ref(structure.transposed())
        assert structure.transposed().transposed() is structure
        del structure
        assert [ref() for ref in watch] == [None, None]
    finally:
        gc.enable()
    lone = random_adjacency(30, 20, 100).t()  # what it was the transpose of is gone
    torch.testing.assert_close(lone.t().to_dense(), lone.to_dense().T)


def test_pickled_without_what_follows_from_it():
    adj = random_adjacency(30, 20, 100)
    adj.t()
    again = pickle.loads(pickle.dumps(adj))
    torch.testing.assert_close(again.to_dense(), adj.to_dense())
    torch.testing.assert_close(again.t().to_dense(), adj.to_dense().T)
