from __future__ import annotations

import itertools

import pytest
import torch

import graphrep as gr
from graphrep.ops import sparse_dense
from graphrep.ops.sparse_dense import reference

# Number of rows, number of columns, column ids of each row.
GRAPHS = {
    "no entries": (5, 5, [[]] * 5),
    "one node": (1, 1, [[0]]),
    "loops, duplicates, isolated": (5, 5, [[0, 0], [], [3, 2, 2, 3], [3], []]),
    "long rows": (6, 7, [[0, 6], list(range(7)) * 2, [], [1] * 5, [2] * 4, [3, 3, 4, 4, 0, 1, 5, 6, 2]]),
    "no rows": (0, 3, []),
}
# dtype of ids, dtype of features, shape of a row of x, heads of the values (0: no values).
PLAIN, WEIGHTED, HEADS = FEATURES = [
    (torch.int32, torch.float32, (5,), 0),
    (torch.int64, torch.float64, (7,), 1),
    (torch.int32, torch.float16, (2, 3), 2),
]
CASES = [
    *itertools.product(GRAPHS, FEATURES),
    ("loops, duplicates, isolated", (torch.int64, torch.float64, (131,), 1)),  # more than a block of features
    ("loops, duplicates, isolated", (torch.int64, torch.float32, (), 1)),
    ("long rows", (torch.int64, torch.bfloat16, (3, 1), 3)),
]
cases = pytest.mark.parametrize(("graph", "feature"), CASES, ids=str)
flagged_cases = pytest.mark.parametrize(
    ("graph", "feature", "flag"),
    [*((*case, False) for case in CASES), *(("long rows", feature, True) for feature in FEATURES)],
    ids=str,
)


def make(graph, feature, device):
    """Adjacency with values and features, both of few different numbers, so that there are equals."""
    ids, dtype, shape, heads = feature
    _, num_cols, columns = GRAPHS[graph]
    counts = torch.tensor([0, *map(len, columns)])
    flat = torch.tensor([column for row in columns for column in row], dtype=ids)
    values = torch.randint(1, 4, (len(flat), heads)).to(dtype) / 2 if heads else None
    if heads == 1:
        values = values.view(-1)
    adj = gr.ops.Adjacency(counts.cumsum(0), flat, num_cols=num_cols).to(device)
    x = torch.randint(-3, 4, (num_cols, *shape)).to(device, dtype)
    return adj.with_values(None if values is None else values.to(device)), x


def in_reference(monkeypatch, function):
    with monkeypatch.context() as patch:
        patch.setenv("GRAPHREP_BACKEND", "reference")
        return function()


@flagged_cases
def test_sum(graph, feature, flag, device, nan_filled):
    adj, x = make(graph, feature, device)
    args = adj.indptr, adj.indices, adj.values, x, flag
    result = sparse_dense.sum_op(*args, None, None, None)
    torch.testing.assert_close(result, reference.spmm_sum(*args))


@flagged_cases
def test_extreme(graph, feature, flag, device, nan_filled):
    adj, x = make(graph, feature, device)
    args = adj.indptr, adj.indices, adj.values, x, flag, True
    out, arg = sparse_dense.extreme_op(*args)
    expected, expected_arg = reference.spmm_extreme(*args)
    torch.testing.assert_close(out, expected, rtol=0, atol=0)
    assert torch.equal(arg, expected_arg)


@cases
def test_sddmm(graph, feature, device, nan_filled):
    adj, y = make(graph, feature, device)
    heads = max(feature[3], 1)
    if not feature[2]:
        y = y.unsqueeze(1)
    x = torch.randint(-3, 4, (adj.num_rows, *y.shape[1:])).to(y)
    args = adj.indptr, adj.indices, x, y, heads
    torch.testing.assert_close(sparse_dense.sddmm_op(*args), reference.sddmm(*args))


@pytest.mark.parametrize("largest", [False, True])
def test_nan_wins_and_infinities_count(largest, device):
    adj, x = make("long rows", (torch.int64, torch.float32, (4,), 0), device)
    x[2, 0] = x[6, 0] = x[4, 1] = float("nan")
    x[:, 2] = float("-inf") if largest else float("inf")
    args = adj.indptr, adj.indices, None, x, largest, True
    out, arg = sparse_dense.extreme_op(*args)
    expected, expected_arg = reference.spmm_extreme(*args)
    assert out.isnan().any()
    torch.testing.assert_close(out, expected, rtol=0, atol=0, equal_nan=True)
    assert torch.equal(arg, expected_arg)


@pytest.mark.parametrize("reduce", ["sum", "mean", "max", "min"])
@pytest.mark.parametrize("feature", [WEIGHTED, (torch.int64, torch.float32, (2, 3), 2)], ids=str)
def test_gradients(reduce, feature, device, monkeypatch):
    adj, x = make("long rows", feature, device)
    weight = torch.randn(adj.num_rows, *x.shape[1:], dtype=x.dtype, device=device)

    def gradients():
        leaves = [x.clone().requires_grad_()]
        a = adj
        if adj.values is not None:
            leaves.append(adj.values.clone().requires_grad_())
            a = adj.with_values(leaves[1])
        return torch.autograd.grad((gr.ops.spmm(a, leaves[0], reduce) * weight).sum(), leaves)

    torch.testing.assert_close(gradients(), in_reference(monkeypatch, gradients))


def test_gradients_of_sddmm_and_of_gradients(device, monkeypatch):
    adj, y = make("long rows", (torch.int32, torch.float64, (2, 3), 0), device)
    x = torch.randn(adj.num_rows, 2, 3, dtype=y.dtype, device=device)

    def gradients():
        leaves = [x.clone().requires_grad_(), y.clone().requires_grad_()]
        scores = gr.ops.sddmm(adj, *leaves).pow(2).sum()
        first = torch.autograd.grad(scores, leaves, create_graph=True)
        second = torch.autograd.grad(sum(g.pow(3).sum() for g in first), leaves)
        return *first, *second

    torch.testing.assert_close(gradients(), in_reference(monkeypatch, gradients))


def test_gradient_of_extremes_is_deterministic_on_demand(device, nan_filled, monkeypatch):
    adj, x = make("long rows", PLAIN, device)
    arg = reference.spmm_extreme(adj.indptr, adj.indices, None, x, True, True)[1]
    args = adj.indptr, adj.indices, None, arg, torch.randn(arg.shape, device=device), adj.num_cols
    assert torch.equal(sparse_dense.extreme_grad_op(*args), reference.spmm_extreme_backward(*args))


def test_cut_rows_give_what_whole_rows_give(device, monkeypatch):
    from graphrep.ops.sparse_dense import triton

    adj, x = make("long rows", (torch.int32, torch.float64, (3,), 1), device)
    monkeypatch.setattr(triton, "LONG", 2)  # more pieces than one step of the joining takes
    cut = [gr.ops.spmm(adj, x, reduce) for reduce in ("mean", "max")]
    monkeypatch.setattr(triton, "LONG", 1024)
    whole = [gr.ops.spmm(adj, x, reduce) for reduce in ("mean", "max")]
    torch.testing.assert_close(cut, whole)


def test_cuts_follow_offsets_that_change(device):
    x = torch.arange(1.0, 13.0, device=device)
    indptr, indices = torch.tensor([0, 0, 12], device=device), torch.arange(12, device=device)
    for middle in (0, 12, 5):
        indptr[1] = middle
        args = indptr, indices, None, x, False
        torch.testing.assert_close(sparse_dense.sum_op(*args, None, None, None), reference.spmm_sum(*args))


@pytest.mark.parametrize("mean", [False, True])
@pytest.mark.parametrize("shape", [(), (3,)], ids=str)
def test_rows_of_x_themselves(mean, shape, device, nan_filled):
    """Without column ids, entry e is row e of x: what segment reductions are made of."""
    from graphrep.ops.sparse_dense import triton

    adj, _ = make("long rows", PLAIN, device)
    x = torch.randint(-3, 4, (adj.num_entries, *shape)).to(device, torch.float32)
    entries = torch.arange(adj.num_entries, device=device)
    result = triton.spmm_sum(adj.indptr, None, None, x, mean)
    torch.testing.assert_close(result, reference.spmm_sum(adj.indptr, entries, None, x, mean))
    out, arg = triton.spmm_extreme(adj.indptr, None, None, x, mean, True)
    expected, expected_arg = reference.spmm_extreme(adj.indptr, entries, None, x, mean, True)
    assert torch.equal(out, expected)
    assert torch.equal(arg, expected_arg)
    grad = triton.spmm_extreme_backward(adj.indptr, None, None, arg, out, len(x))
    assert torch.equal(grad, reference.spmm_extreme_backward(adj.indptr, entries, None, arg, out, len(x)))


@pytest.mark.parametrize("dtype", [torch.int32, torch.int64], ids=str)
def test_integers(dtype, device):
    from graphrep.ops.sparse_dense import triton

    indptr = torch.tensor([0, 1, 1, 4, 13], device=device)
    x = torch.randint(-9, 9, (13, 2), device=device).to(dtype)
    x[0] = torch.iinfo(dtype).min
    parts = [x[begin:end] for begin, end in itertools.pairwise(indptr.tolist())]
    total = torch.stack([part.sum(0) for part in parts]).to(dtype)
    count = indptr.diff().clamp(min=1)[:, None].to(dtype)
    assert torch.equal(triton.spmm_sum(indptr, None, None, x, False), total)
    mean = triton.spmm_sum(indptr, None, None, x, True)
    assert torch.equal(mean, total.div(count, rounding_mode="floor"))
    for largest in (False, True):
        out, arg = triton.spmm_extreme(indptr, None, None, x, largest, True)
        for got, at, part in zip(out, arg, parts, strict=True):
            if not len(part):
                assert (got.tolist(), at.tolist()) == ([0, 0], [-1, -1])
                continue
            expected = part.amax(0) if largest else part.amin(0)
            assert torch.equal(got, expected)
            assert torch.equal(at.long(), (part == expected).long().argmax(0))


def test_dispatcher(device):
    adj, x = make("long rows", (torch.int64, torch.float32, (3,), 1), device)
    strided = torch.stack([x, x], -1)[..., 0]
    assert not strided.is_contiguous()
    op = torch.ops.graphrep.spmm_sum.default
    args = adj.indptr, adj.indices, adj.values, strided, False, None, None, None
    torch.testing.assert_close(op(*args), reference.spmm_sum(*args[:5]))
    torch.library.opcheck(op, args, test_utils=("test_schema", "test_faketensor"))
