from __future__ import annotations

import pytest
import torch

import graphrep as gr
from graphrep.ops.sampling import triton

# Column ids of each row: a hub with repeats, an isolated node, a loop.
GRAPH = [[*range(1, 12), 1, 1, 3], [0, 1], [], [0, 1, 2, 4, 5], [3, 3], [6, 7, 8, 9, 10, 11, 0], *[[0, 5, 11]] * 6]
SEEDS = [5, 0, 0, 2, 3, 5]


def make(device, values=None, ids=torch.int64):
    """From an edge list in another order, so that entries are not numbered as edges."""
    edges = torch.tensor([[row, column] for row, columns in enumerate(GRAPH) for column in columns], dtype=ids)
    edges = edges[torch.randperm(len(edges))]
    weights = None
    if values is not None:
        weights = torch.rand(len(edges), dtype=values)
        weights[torch.rand(len(edges)) < 0.3] = 0
        weights[edges[:, 0] == 4] = 0  # a row that nothing can be drawn from
    return gr.ops.Adjacency.from_edges(edges[:, 0], edges[:, 1], weights, num_rows=len(GRAPH)).to(device)


def assert_same_sample(monkeypatch, adj, seeds, num_neighbors, **options):
    options = {"seed": 2**40 + 3, "batch": 5, **options}
    got = gr.ops.sample_neighbors(adj, seeds, num_neighbors, **options)
    with monkeypatch.context() as patch:
        patch.setenv("GRAPHREP_BACKEND", "reference")
        expected = gr.ops.sample_neighbors(adj, seeds, num_neighbors, **options)
    for a, b in zip(got[:4], expected[:4], strict=True):
        assert torch.equal(a, b)
        assert (a.dtype, a.device) == (b.dtype, b.device)
    assert got[4:6] == expected[4:6]
    assert (got.example is None) == (expected.example is None)
    assert got.example is None or torch.equal(got.example, expected.example)
    return got


@pytest.mark.parametrize("replace", [False, True])
@pytest.mark.parametrize("values", [None, torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("num_neighbors", [[], [3, 2, 1], [1, -1], [12, 0], [6, 20]], ids=str)
def test_samples_are_those_of_the_cpu(num_neighbors, values, replace, device, monkeypatch):
    adj = make(device, values)
    weighted = values is not None
    sample = assert_same_sample(monkeypatch, adj, SEEDS, num_neighbors, replace=replace, weighted=weighted)
    assert sample.adjacency().device == adj.device


def test_no_seeds_and_narrow_ids(device, monkeypatch):
    adj = make(device, ids=torch.int32)
    assert_same_sample(monkeypatch, adj, [], [3, 2])
    assert_same_sample(monkeypatch, adj, torch.tensor(SEEDS, dtype=torch.int32, device=device), [2])
    empty = gr.ops.Adjacency(torch.zeros(4, dtype=torch.int64), torch.zeros(0, dtype=torch.int64)).to(device)
    assert_same_sample(monkeypatch, empty, [2, 1], [3, -1], replace=True)


def test_more_than_a_program_holds(device, monkeypatch):
    monkeypatch.setattr(triton, "WIDEST", 2)
    adj = make(device, torch.float32)
    for num_neighbors in ([2, 4], [20]):  # of longer rows, and of none
        assert_same_sample(monkeypatch, adj, SEEDS, num_neighbors)
    assert_same_sample(monkeypatch, adj, SEEDS, [5], replace=True, weighted=True)


@pytest.mark.parametrize("replace", [False, True])
@pytest.mark.parametrize("wrong", [-1.0, float("nan"), float("inf")])
@pytest.mark.parametrize("row", [0, 1])
def test_weights_that_are_none(row, wrong, replace, device):
    adj = make(device)
    values = torch.ones(adj.num_entries, device=device)
    values[adj.indptr[row + 1] - 1] = wrong
    adj = adj.with_values(values)
    with pytest.raises(ValueError, match=f"in row {row} they are not"):
        gr.ops.sample_neighbors(adj, [3, row], [4], weighted=True, replace=replace, seed=0)
    gr.ops.sample_neighbors(adj, [3], [4], weighted=True, replace=replace, seed=0)


def test_disjoint_samples_and_times(device, monkeypatch):
    adj = make(device, torch.float32)
    assert_same_sample(monkeypatch, adj, SEEDS, [3, 2], disjoint=True, weighted=True)
    sample = assert_same_sample(monkeypatch, adj, SEEDS, [3, 2], node_time=torch.arange(len(GRAPH)), last=True)
    assert sample.example.device == adj.device
