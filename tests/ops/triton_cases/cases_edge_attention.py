from __future__ import annotations

import pytest
import torch

import graphrep as gr

# Number of rows, number of columns, column ids of each row.
GRAPHS = {
    "no entries": (5, 5, [[]] * 5),
    "one node": (1, 1, [[0]]),
    "loops, duplicates, isolated": (5, 5, [[0, 0], [], [3, 2, 2, 3], [3], []]),
    "long rows": (6, 7, [[0, 6], list(range(7)) * 3, [], [1] * 5, [2] * 4, [3, 3, 4, 4, 0, 1, 5, 6, 2]]),
    "no rows": (0, 3, []),
    "hub": (6, 7, [list(range(7)) * 3, [], [], [], [], [6]]),
}
# dtype of ids, dtype of features, heads (None: none), columns of keys, columns of values.
SIZES = [
    (torch.int32, torch.float32, None, 5, 3),
    (torch.int64, torch.float64, 3, 2, 7),
    (torch.int32, torch.float16, 2, 3, 1),
]
CASES = [
    *((graph, SIZES[1]) for graph in GRAPHS if graph != "hub"),
    ("long rows", SIZES[0]),
    ("long rows", SIZES[2]),
    ("long rows", (torch.int64, torch.bfloat16, 1, 4, 4)),
    ("loops, duplicates, isolated", (torch.int64, torch.float64, 2, 131, 3)),  # more columns than a block
    ("loops, duplicates, isolated", (torch.int64, torch.float64, None, 3, 131)),
    ("loops, duplicates, isolated", (torch.int64, torch.float64, None, 0, 2)),
    ("loops, duplicates, isolated", (torch.int64, torch.float64, 2, 2, 0)),
]
ops = pytest.mark.parametrize("op", ["softmax", "dot", "additive"])


def make(graph, ids, device):
    _, num_cols, columns = GRAPHS[graph]
    offsets = torch.tensor([0, *map(len, columns)]).cumsum(0)
    flat = torch.tensor([column for row in columns for column in row], dtype=ids)
    return gr.ops.Adjacency(offsets, flat, num_cols=num_cols).to(device)


def problem(op, adj, size, device):
    """Function and leaves."""
    _, dtype, heads, key_columns, columns = size
    head = () if heads is None else (heads,)
    n, m, e = adj.num_rows, adj.num_cols, adj.num_entries

    def leaf(*shape):
        return torch.randn(*shape, dtype=torch.float64).to(device, dtype).requires_grad_()

    if op == "softmax":
        return lambda s: gr.ops.edge_softmax(adj, s), [leaf(e, *head)]
    if op == "dot":
        leaves = [leaf(n, *head, key_columns), leaf(m, *head, key_columns), leaf(m, *head, columns)]
        return lambda *parts: gr.ops.dot_attention(adj, *parts, scale=0.7), leaves
    leaves = [leaf(n, *head), leaf(m, *head), leaf(m, *head, columns)]
    return lambda *parts: gr.ops.additive_attention(adj, *parts, negative_slope=0.3), leaves


@ops
@pytest.mark.parametrize(("graph", "size"), CASES, ids=str)
def test_values_and_gradients(op, graph, size, device, monkeypatch, nan_filled):
    adj = make(graph, size[0], device)
    function, leaves = problem(op, adj, size, device)

    def run():
        y = function(*leaves)
        return y.detach(), *torch.autograd.grad(
            y, leaves, torch.arange(y.numel(), device=device).view(y.shape).sin().to(y)
        )

    found = run()
    monkeypatch.setenv("GRAPHREP_BACKEND", "reference")
    loose = {"rtol": 2e-2, "atol": 2e-2} if size[1].itemsize == 2 else {}
    for got, expected in zip(found, run(), strict=True):
        torch.testing.assert_close(got, expected, **loose)


def test_second_derivative_of_the_softmax(device, monkeypatch):
    adj = make("long rows", torch.int64, device)
    function, leaves = problem("softmax", adj, SIZES[1], device)

    def run():
        (first,) = torch.autograd.grad(function(*leaves).pow(2).sum(), leaves, create_graph=True)
        return torch.autograd.grad(first.pow(3).sum(), leaves)

    found = run()
    monkeypatch.setenv("GRAPHREP_BACKEND", "reference")
    torch.testing.assert_close(found, run())


@ops
def test_cut_rows_give_what_whole_rows_give(op, device, monkeypatch):
    from graphrep.ops.sparse_dense import triton

    adj = make("hub", torch.int32, device)
    function, leaves = problem(op, adj, (torch.int32, torch.float64, None, 2, 3), device)
    results = []
    for long in (2, 1024):  # more pieces than one step of the joining takes; none
        monkeypatch.setattr(triton, "LONG", long)
        y = function(*leaves)
        results.append((y.detach(), *torch.autograd.grad(y.sin().sum(), leaves)))
    torch.testing.assert_close(*results)


@pytest.mark.filterwarnings("ignore:(divide by zero|invalid value) encountered:RuntimeWarning")  # in the interpreter
@pytest.mark.parametrize("long", [2, 8])
def test_large_small_and_special_scores(long, device, monkeypatch):
    from graphrep.ops.sparse_dense import triton

    monkeypatch.setattr(triton, "LONG", long)
    inf, nan = torch.inf, torch.nan
    rows = [[-300.0, 0.0, 300.0], [1e30, 2e30], [-inf, 0.0, 1.0], [nan, 0.0, 1.0], [-inf, -inf, -inf], [0.0, inf, 1.0]]
    scores = torch.tensor([score for row in rows for score in row], device=device)
    offsets = torch.tensor([0, *map(len, rows)]).cumsum(0)
    adj = gr.ops.Adjacency(offsets, torch.arange(len(scores)), num_cols=len(scores)).to(device)
    expected = torch.cat([torch.tensor(row, device=device).softmax(0) for row in rows])
    torch.testing.assert_close(gr.ops.edge_softmax(adj, scores), expected, equal_nan=True)
    ones = torch.ones(len(scores), 1, device=device)
    sums = gr.ops.additive_attention(adj, scores.new_zeros(len(rows)), scores, ones, negative_slope=1.0)
    torch.testing.assert_close(
        sums.ravel(), torch.stack([part.sum() for part in expected.split([*map(len, rows)])]), equal_nan=True
    )


def test_inputs_that_are_not_contiguous(device, monkeypatch):
    adj = make("long rows", torch.int64, device)
    parts = [torch.randn(3, 2, n, device=device).permute(2, 1, 0) for n in (6, 7, 7)]
    found = (
        gr.ops.dot_attention(adj, *parts),
        gr.ops.edge_softmax(adj, torch.ones(2, adj.num_entries, device=device).t()),
    )
    monkeypatch.setenv("GRAPHREP_BACKEND", "reference")
    expected = (
        gr.ops.dot_attention(adj, *parts),
        gr.ops.edge_softmax(adj, torch.ones(adj.num_entries, 2, device=device)),
    )
    torch.testing.assert_close(found, expected)
