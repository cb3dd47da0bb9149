from __future__ import annotations

import itertools

import pytest
import torch

import graphrep as gr
from graphrep.ops.neighbors import weighted_intersection
from graphrep.ops.neighbors.sets import count_op, reference

# Column ids of each row: loops, repeats, an isolated node, a hub, rows longer than a block.
GRAPH = [
    [0, 0, 1, 4],
    [],
    list(range(40)),
    [2, 2, 2, 3, 5],
    [0, 1, 2, 3, 4, 5, 9],
    [5],
    sorted([1, 3, 3, 5, 7, 9, 11, 30, 31, 39] * 3),
    [39],
]
PAIRS = [[2, 6, 0, 0, 3, 4, 1, 7, 2, 5, 2], [6, 2, 4, 0, 2, 0, 2, 6, 2, 7, 4]]
REMOVED = [[2, 2, 6, 3, 3, 0, 7, 2, 1], [3, 5, 9, 2, 2, 7, 6, 3, 1]]
NUM_COLS = 40


def make(ids, device, rows=GRAPH):
    offsets = torch.tensor([0, *map(len, rows)]).cumsum(0)
    flat = torch.tensor([column for row in rows for column in row], dtype=ids)
    return gr.ops.Adjacency(offsets, flat, num_cols=NUM_COLS).to(device)


def square(device):
    """The same rows and empty ones, as many as there are columns."""
    return make(torch.int64, device, [*GRAPH, *([[]] * (NUM_COLS - len(GRAPH)))])


def options(removal, device):
    if removal is None or removal == "pairs":
        return {"removed": removal}
    return {"removed": torch.tensor(REMOVED, device=device), "directed": removal == "directed"}


def in_reference(monkeypatch, function):
    with monkeypatch.context() as patch:
        patch.setenv("GRAPHREP_BACKEND", "reference")
        return function()


def assert_same(got, expected):
    assert torch.equal(got.indptr, expected.indptr)
    assert torch.equal(got.indices, expected.indices)
    assert got.indices.dtype == expected.indices.dtype
    if expected.values is not None:
        assert torch.equal(got.values, expected.values)


@pytest.mark.parametrize(
    ("function", "removal"),
    [
        ("intersection_count", "both"),
        *itertools.product(["neighbor_intersection", "neighbor_difference"], [None, "directed", "both", "pairs"]),
    ],
)
def test_sets(function, removal, device, monkeypatch, nan_filled):
    adj, pairs = square(device), torch.tensor(PAIRS, device=device)

    def run():
        return getattr(gr.ops, function)(adj, pairs, **options(removal, device))

    got, expected = run(), in_reference(monkeypatch, run)
    if function == "intersection_count":
        assert torch.equal(got, expected)
        assert got.max() > 8
    else:
        assert_same(got, expected)


@pytest.mark.parametrize("function", ["neighbor_intersection", "neighbor_difference"])
@pytest.mark.parametrize(("limit", "seed"), [(1, 0), (3, 1), (7, 2**62 + 5), (100, 3)])
def test_samples_are_those_of_the_cpu(function, limit, seed, device, monkeypatch, nan_filled):
    adj = make(torch.int32, device)
    pairs = torch.tensor(PAIRS, device=device)

    def run():
        return getattr(gr.ops, function)(adj, pairs, max_neighbors=limit, seed=seed)

    assert_same(run(), in_reference(monkeypatch, run))


@pytest.mark.parametrize("removal", [None, "both"])
@pytest.mark.parametrize("function", ["pool_common_neighbors", "pool_difference"])
def test_pools(function, removal, device, monkeypatch, nan_filled):
    adj, pairs = square(device), torch.tensor(PAIRS, device=device)
    weights, x = torch.randn(NUM_COLS, device=device), torch.randn(NUM_COLS, 5, device=device)

    def run():
        return getattr(gr.ops, function)(adj, pairs, x, weights, **options(removal, device))

    torch.testing.assert_close(run(), in_reference(monkeypatch, run))


@pytest.mark.parametrize(
    ("dtype", "ids", "shape"),
    [
        (torch.float64, torch.int32, ()),
        (torch.float16, torch.int64, (2, 3)),
        (torch.bfloat16, torch.int32, (7,)),
        (torch.float32, torch.int64, (131,)),
    ],
    ids=str,
)
def test_pools_of_every_type(dtype, ids, shape, device, monkeypatch):
    adj, pairs = make(ids, device), torch.tensor(PAIRS, device=device)
    x = torch.randn(NUM_COLS, *shape, device=device).to(dtype)

    def run():
        return gr.ops.pool_common_neighbors(adj, pairs, x)

    torch.testing.assert_close(run(), in_reference(monkeypatch, run))


@pytest.mark.parametrize("function", ["pool_common_neighbors", "pool_difference"])
def test_gradients_and_their_gradients(function, device, monkeypatch):
    adj, pairs = square(device), torch.tensor(PAIRS, device=device)
    leaves = [torch.randn(NUM_COLS, *shape, dtype=torch.float64, device=device) for shape in ((3,), ())]
    for leaf in leaves:
        leaf.requires_grad_()

    def run():
        pooled = getattr(gr.ops, function)(adj, pairs, *leaves, removed="pairs")
        first = torch.autograd.grad(pooled.pow(2).sum(), leaves, create_graph=True)
        return *first, *torch.autograd.grad(sum(part.pow(2).sum() for part in first), leaves)

    torch.testing.assert_close(run(), in_reference(monkeypatch, run))


@pytest.mark.parametrize("weighted", [False, True])
def test_weighted_intersection(weighted, device, monkeypatch):
    arcs = [(row, column) for row, columns in enumerate(GRAPH) for column in columns]
    graph = in_reference(monkeypatch, lambda: gr.as_graph(arcs, num_nodes=NUM_COLS, directed=True))
    weights = torch.rand(NUM_COLS).numpy() if weighted else None

    def run(pairs=PAIRS):
        return torch.from_numpy(weighted_intersection(graph, pairs, weights))

    torch.testing.assert_close(run(), in_reference(monkeypatch, run))
    assert torch.equal(run(), run(PAIRS[::-1]))


def test_nothing_at_all(device, monkeypatch):
    none = torch.empty(2, 0, dtype=torch.int64, device=device)
    for rows, pairs, removed in (
        (GRAPH, none, torch.tensor(REMOVED, device=device)),
        ([[]] * 3, torch.tensor([[0, 1], [1, 2]], device=device), none),
    ):
        adj = make(torch.int64, device, rows)
        args = adj.indptr, adj.indices, pairs, removed, False, True
        assert torch.equal(count_op(*args), reference.count(*args))
        assert gr.ops.neighbor_intersection(adj, pairs, max_neighbors=2).num_entries == 0
        assert not gr.ops.pool_common_neighbors(adj, pairs, torch.ones(NUM_COLS, 2, device=device)).any()
