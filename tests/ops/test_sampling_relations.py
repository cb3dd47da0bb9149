"""Disjoint samples, samples with times, several relations, induced subgraphs."""

from __future__ import annotations

import itertools
import math
from collections import Counter

import numpy as np
import pytest
import torch
from scipy import stats

import graphrep as gr
from graphrep.ops.adjacency import Adjacency
from graphrep.ops.sampling import Relation, Task, draw, induced_edges, time_keys, time_order

GENERATOR = torch.Generator().manual_seed(5)


def equal(first, second):
    if isinstance(first, torch.Tensor):
        return torch.equal(first, second)
    if isinstance(first, (tuple, list)):
        return len(first) == len(second) and all(map(equal, first, second))
    return first == second


def relation(rows, columns, entries, fanouts, target, source, *, ids, weights=None, times=None):
    """A random relation with a hub, empty rows and repeats; times may be of "entries" or of "nodes"."""
    ends = torch.stack(
        [(rows * torch.rand(entries, generator=GENERATOR) ** 3).long(), torch.randint(columns, (entries,))]
    )
    adj = Adjacency.from_edges(ends[0].to(ids), ends[1].to(ids), num_rows=rows, num_cols=columns)
    value = None if weights is None else torch.rand(entries, generator=GENERATOR, dtype=weights)
    node_time = torch.randint(6, (columns,), generator=GENERATOR)
    entry_time = node_time[adj.indices.long()] if times == "nodes" else torch.randint(6, (entries,))
    if times is None:
        return Relation(adj.indptr, adj.indices, adj.permutation, value, None, None, fanouts, target, source)
    order = time_order(adj, entry_time)
    indices, edge_ids = adj.indices[order], adj.permutation[order]
    if times == "nodes":
        return Relation(adj.indptr, indices, edge_ids, value, None, node_time, fanouts, target, source)
    return Relation(adj.indptr, indices, edge_ids, value, entry_time[order], None, fanouts, target, source)


@pytest.mark.parametrize("ids", [torch.int32, torch.int64])
@pytest.mark.parametrize("weights", [None, torch.float32])
@pytest.mark.parametrize("replace", [False, True])
@pytest.mark.parametrize(
    ("disjoint", "times", "last"),
    [(False, None, False), (True, None, False)]
    + [(True, kind, last) for kind in ("entries", "nodes") for last in (False, True)],
)
@pytest.mark.parametrize("fanouts", [[], [3, 2], [-1, 1], [40, 0, 2]], ids=str)
def test_the_kernel_is_the_reference(monkeypatch, ids, weights, replace, disjoint, times, last, fanouts):
    """Three types of which the last is only a neighbor, and five relations; one without entries."""
    sizes = 30, 12, 9
    options = {"ids": ids, "weights": weights}
    relations = [
        relation(sizes[t], sizes[s], entries, fanouts, t, s, **options, times=times if i % 2 == 0 else None)
        for i, (t, s, entries) in enumerate([(0, 0, 200), (0, 1, 60), (1, 0, 90), (1, 2, 30), (1, 1, 0)])
    ]
    seeds = [torch.tensor([4, 0, 4]), torch.tensor([1, 11]), torch.tensor([], dtype=torch.int64)]
    task = Task(len(fanouts), replace, disjoint, last, torch.tensor([3, 0, 5, 2, 9]) if times else None, 7, 8)
    native = draw(seeds, relations, task)
    monkeypatch.setenv("GRAPHREP_BACKEND", "reference")
    assert equal(native, draw(seeds, relations, task))
    for (node, example, per_hop), ids_of_type in zip(native[0], seeds, strict=True):
        assert torch.equal(node[: len(ids_of_type)], ids_of_type)
        assert sum(per_hop) == len(node)
        assert (example is not None) is disjoint
        if disjoint:
            assert len(set(zip(node.tolist(), example.tolist(), strict=True))) == len(node)


@pytest.mark.parametrize("ids", [torch.int32, torch.int64])
@pytest.mark.parametrize(("disjoint", "times"), [(False, None), (True, None), (True, "entries"), (True, "nodes")])
@pytest.mark.parametrize("threads", [1, 2, 5])
def test_induced_edges_are_all_edges_between_the_nodes(monkeypatch, ids, times, disjoint, threads):
    whole = relation(700, 700, 5000, [], 0, 0, ids=ids, times=times)
    nodes = torch.randperm(700, generator=GENERATOR)[:600]
    examples = torch.randint(3, (600,), generator=GENERATOR) if disjoint else None
    seed_time = torch.tensor([1, 4, 9]) if times else None
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        found = induced_edges(nodes, examples, seed_time, whole)
    finally:
        torch.set_num_threads(before)
    monkeypatch.setenv("GRAPHREP_BACKEND", "reference")
    assert equal(found, induced_edges(nodes, examples, seed_time, whole))
    source, target, edge = found
    place = {int(node): i for i, node in enumerate(nodes)}
    entries = []
    for row in range(700):
        for entry in range(int(whole.indptr[row]), int(whole.indptr[row + 1])):
            other = int(whole.indices[entry])
            if row in place and other in place:
                if disjoint and examples[place[row]] != examples[place[other]]:
                    continue
                if times:
                    time = whole.entry_time[entry] if times == "entries" else whole.node_time[other]
                    if time > seed_time[examples[place[row]]]:
                        continue
                entries.append((place[other], place[row], int(whole.edge_ids[entry])))
    assert sorted(zip(source.tolist(), target.tolist(), edge.tolist(), strict=True)) == sorted(entries)


def test_no_nodes_and_repeated_nodes():
    path = Relation(torch.tensor([0, 0, 1, 2]), torch.tensor([0, 1]), None, None, None, None, [])
    assert [len(part) for part in induced_edges(torch.tensor([], dtype=torch.int64), None, None, path)] == [0, 0, 0]
    row, col, edge = induced_edges(torch.tensor([1, 0, 1]), None, None, path)
    assert list(zip(row.tolist(), col.tolist(), edge.tolist(), strict=True)) == [(1, 0, 0), (1, 2, 0)]


def star(num_entries, **options):
    """Node 0 has the in-neighbors 1 … num_entries, over edges of these numbers less one."""
    edge_index = torch.stack([torch.arange(1, num_entries + 1), torch.zeros(num_entries, dtype=torch.int64)])
    adj = Adjacency.from_edge_index(edge_index, num_nodes=num_entries + 1)
    return lambda seeds, k, batch, **more: gr.ops.sample_neighbors(
        adj, seeds, [k], seed=2, batch=batch, **options, **more
    )


def chi_square(counts, probabilities):
    trials = sum(counts.values())
    assert set(counts) <= set(probabilities)
    assert math.isclose(sum(probabilities.values()), 1)
    return stats.chisquare([counts[key] for key in probabilities], [p * trials for p in probabilities.values()]).pvalue


TIMES = torch.tensor([5, 1, 3, 3, 9, 2])  # of the edges 0 … 5


@pytest.mark.parametrize("kind", ["edge", "node"])
def test_what_a_time_allows_is_drawn_uniformly(kind):
    """At time 3, edges 1, 2, 3 and 5 are in the past; every pair of them is equally likely."""
    times = {"edge_time": TIMES} if kind == "edge" else {"node_time": torch.cat([torch.tensor([3]), TIMES])}
    sample = star(6, **times)
    options = {"seed_time": [3]} if kind == "edge" else {}
    counts = Counter(tuple(sorted(sample([0], 2, batch, **options).edge.tolist())) for batch in range(3000))
    assert chi_square(counts, dict.fromkeys(itertools.combinations((1, 2, 3, 5), 2), 1 / 6)) > 1e-4


def test_last_takes_the_latest_that_are_allowed():
    sample = star(6, edge_time=TIMES, last=True)
    for time, k, expected in (
        (0, 2, []),
        (1, 2, [1]),
        (2, 1, [5]),
        (3, 2, [2, 3]),
        (3, 1, [3]),
        (8, 3, [0, 2, 3]),
        (9, -1, range(6)),
    ):
        assert sorted(sample([0], k, 0, seed_time=[time]).edge.tolist()) == list(expected)
    repeated = star(6, edge_time=TIMES, last=True, replace=True)
    counts = Counter(tuple(repeated([0], 2, batch, seed_time=[4]).edge.tolist()) for batch in range(2000))
    assert chi_square(counts, dict.fromkeys(itertools.product((2, 3), repeat=2), 1 / 4)) > 1e-4


def test_weights_among_what_a_time_allows():
    edge_index = torch.stack([torch.arange(1, 7), torch.zeros(6, dtype=torch.int64)])
    weights = torch.tensor([9.0, 1.0, 2.0, 3.0, 9.0, 4.0])
    adj = Adjacency.from_edge_index(edge_index, weights, num_nodes=7)
    options = {"weighted": True, "edge_time": TIMES, "seed_time": [3]}
    counts = Counter(int(gr.ops.sample_neighbors(adj, [0], [1], batch=batch, **options).edge) for batch in range(3000))
    assert chi_square(counts, {1: 0.1, 2: 0.2, 3: 0.3, 5: 0.4}) > 1e-4


def test_later_hops_keep_the_time_of_the_seed():
    """0 <- 1 <- 2: the second edge is earlier than the first, and both are seen only by late seeds."""
    edge_index = torch.tensor([[1, 2], [0, 1]])
    adj = Adjacency.from_edge_index(edge_index, num_nodes=3)
    for time, nodes in ((0, [0]), (1, [0]), (2, [0, 1, 2])):
        sample = gr.ops.sample_neighbors(adj, [0], [-1, -1], edge_time=[2.0, 1.0], seed_time=[time])
        assert sample.node.tolist() == nodes


def test_examples_are_disjoint_and_independent():
    sample = star(3, disjoint=True)
    counts = Counter()
    for batch in range(4000):
        drawn = sample([0, 0], 1, batch)
        assert drawn.example.tolist() == [0, 1, 0, 1]
        assert drawn.col.tolist() == [0, 1]
        assert drawn.row.tolist() == [2, 3]
        counts[tuple(drawn.edge.tolist())] += 1
    assert chi_square(counts, dict.fromkeys(itertools.product(range(3), repeat=2), 1 / 9)) > 1e-4


def test_relations_draw_independently():
    """The same row in two relations: their draws are as if from separate streams."""
    parts = [Relation(torch.tensor([0, 3, 3, 3]), torch.arange(3), None, None, None, None, [1], 0, s) for s in (0, 1)]
    counts = Counter()
    for batch in range(4000):
        empty = torch.tensor([], dtype=torch.int64)
        edges = draw([torch.tensor([0]), empty], parts, Task(1, False, False, False, None, 3, batch))[1]
        counts[tuple(int(part.edge) for part in edges)] += 1
    assert chi_square(counts, dict.fromkeys(itertools.product(range(3), repeat=2), 1 / 9)) > 1e-4


@pytest.mark.parametrize("dtype", [torch.int16, torch.int64, torch.float32, torch.float64])
def test_keys_are_in_the_order_of_the_times(dtype):
    values = torch.tensor([-3.0, -1.0, -0.0, 0.0, 2.0, 1e4]).to(dtype)
    if dtype.is_floating_point:
        values = torch.cat([torch.tensor([-math.inf], dtype=dtype), values, torch.tensor([math.inf], dtype=dtype)])
    (keys,) = time_keys(values)
    assert keys.dtype == torch.int64
    for a, b in itertools.product(range(len(values)), repeat=2):
        assert (values[a] < values[b]) == (keys[a] < keys[b])
    mixed = time_keys(np.array([1, 3]), [2.5])
    assert mixed[0][0] < mixed[1][0] < mixed[0][1]


def test_unusable_times_are_refused():
    adj = Adjacency.from_edge_index(torch.tensor([[1, 2], [0, 1]]), num_nodes=3)
    for options, error, message in (
        ({"seed_time": [1]}, ValueError, "seed_time needs node_time or edge_time"),
        ({"last": True}, ValueError, "last needs node_time or edge_time"),
        ({"edge_time": [1, 2]}, ValueError, "edge_time needs seed_time"),
        ({"edge_time": [1, 2], "node_time": [1, 2, 3]}, ValueError, "exclude each other"),
        ({"edge_time": [1], "seed_time": [1]}, ValueError, r"edge_time must have shape \(2,\), got \(1,\)"),
        ({"node_time": [1, 2]}, ValueError, r"node_time must have shape \(3,\), got \(2,\)"),
        ({"node_time": [1, 2, 3], "seed_time": [1, 2]}, ValueError, r"seed_time must have shape \(1,\), got \(2,\)"),
        ({"node_time": [1, 2, math.nan]}, ValueError, "times must not be NaN"),
        ({"node_time": [True, False, True]}, TypeError, "times must be integers or floating-point"),
    ):
        with pytest.raises(error, match=message):
            gr.ops.sample_neighbors(adj, [0], [1], **options)
