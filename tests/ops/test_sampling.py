from __future__ import annotations

import contextlib
import itertools
import math
from collections import Counter

import numpy as np
import pytest
import torch
from scipy import stats

import graphrep as gr
from graphrep.ops.adjacency import Adjacency

BACKENDS = ["native", "reference"]


def random_adjacency(num_nodes, num_entries, seed=0, *, dtype=torch.int64, values=None):
    """From an edge list in random order: a hub, isolated nodes, self loops and repeats; some values are zero."""
    rng = np.random.default_rng(seed)
    ends = torch.from_numpy((num_nodes * rng.random((2, num_entries)) ** 3).astype(np.int64)).to(dtype)
    weights = None
    if values is not None:
        weights = torch.from_numpy(np.where(rng.random(num_entries) < 0.2, 0, rng.random(num_entries))).to(values)
    return Adjacency.from_edges(ends[0], ends[1], weights, num_rows=num_nodes)


def assert_is_a_sample(adj, seeds, num_neighbors, sample, *, replace=False, weighted=False):
    """What must hold for any draw."""
    node, row, col, edge, nodes_per_hop, edges_per_hop, _ = sample
    assert all(part.dtype == torch.int64 for part in sample[:4])
    assert torch.equal(node[: len(seeds)], seeds)
    rest = node[len(seeds) :].tolist()
    assert len(set(rest)) == len(rest)
    assert not set(rest) & set(seeds.tolist())
    assert (sum(nodes_per_hop), sum(edges_per_hop)) == (len(node), len(row))
    assert len(nodes_per_hop) == len(num_neighbors) + 1 == len(edges_per_hop) + 1
    entry = edge if adj.permutation is None else torch.argsort(adj.permutation)[edge]
    assert torch.equal(adj.rows()[entry].long(), node[col])
    assert torch.equal(adj.indices[entry].long(), node[row])
    assert bool((col[1:] >= col[:-1]).all())
    first_edge = first_node = met = 0
    for hop, fanout in enumerate(num_neighbors):
        frontier = range(first_node, first_node + nodes_per_hop[hop])
        met += nodes_per_hop[hop]
        here = slice(first_edge, first_edge + edges_per_hop[hop])
        assert set(col[here].tolist()) <= set(frontier)
        counts = torch.bincount(col[here], minlength=len(node))[first_node:met]
        for target, count in zip(frontier, counts.tolist(), strict=True):
            v = int(node[target])
            span = slice(int(adj.indptr[v]), int(adj.indptr[v + 1]))
            degree = span.stop - span.start
            if weighted:
                degree = int((adj.values[span] > 0).sum())
            whole = fanout < 0 or (degree <= fanout and not replace)
            assert count == (degree if whole else fanout if degree else 0)
            drawn = entry[here][col[here] == target]
            assert replace or len(drawn.unique()) == count
        first_node, first_edge = met, here.stop
    if weighted:
        assert bool((adj.values[entry] > 0).all())


@pytest.mark.parametrize(("num_nodes", "num_entries"), [(1, 0), (1, 3), (9, 0), (40, 60), (300, 5000)])
@pytest.mark.parametrize("num_neighbors", [[], [3], [2, 0, 2], [5, 3], [-1, 2], [70, 1]])
@pytest.mark.parametrize("replace", [False, True])
@pytest.mark.parametrize("values", [None, torch.float32, torch.float64])
@pytest.mark.parametrize("ids", [torch.int32, torch.int64])
def test_the_kernel_is_the_reference(monkeypatch, num_nodes, num_entries, num_neighbors, replace, values, ids):
    adj = random_adjacency(num_nodes, num_entries, dtype=ids, values=values)
    seeds = torch.randint(num_nodes, (7,), generator=torch.Generator().manual_seed(1)).unique()
    options = {"replace": replace, "weighted": values is not None, "seed": 3, "batch": 5}
    sample = gr.ops.sample_neighbors(adj, seeds, num_neighbors, **options)
    assert_is_a_sample(adj, seeds, num_neighbors, sample, replace=replace, weighted=values is not None)
    monkeypatch.setenv("GRAPHREP_BACKEND", "reference")
    expected = gr.ops.sample_neighbors(adj, seeds, num_neighbors, **options)
    assert_equal_samples(sample, expected)


@contextlib.contextmanager
def torch_threads(count):
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def assert_equal_samples(sample, expected):
    for ours, oracle in zip(sample, expected, strict=True):
        assert torch.equal(ours, oracle) if isinstance(ours, torch.Tensor) else ours == oracle


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("replace", [False, True])
@pytest.mark.parametrize("options", [{}, {"disjoint": True}, {"node_time": torch.arange(8000) % 7}], ids=str)
def test_threads_change_nothing(weighted, replace, options):
    adj = random_adjacency(8000, 200000, values=torch.float32)
    options = {"weighted": weighted, "replace": replace, "seed": 1, "batch": 2} | options
    samples = []
    for threads in (1, 2, 5):
        with torch_threads(threads):
            samples.append(gr.ops.sample_neighbors(adj, torch.arange(5000), [9, 4], **options))
    assert max(samples[0].num_sampled_edges) > 1 << 15  # enough for the kernel to use its threads
    for other in samples[1:]:
        assert_equal_samples(other, samples[0])


def test_batches_and_seeds_differ():
    adj = random_adjacency(200, 4000)
    seeds = torch.arange(50)
    edges = [
        gr.ops.sample_neighbors(adj, seeds, [4], seed=seed, batch=batch).edge.tolist()
        for seed, batch in ((0, 0), (0, 0), (1, 0), (0, 1))
    ]
    assert edges[0] == edges[1]
    assert edges[2] != edges[0] != edges[3] != edges[2]
    assert gr.ops.sample_neighbors(adj, seeds, [4]).edge.tolist() == edges[0]  # the default seed is 0
    fresh = [gr.ops.sample_neighbors(adj, seeds, [4], seed=None).edge.tolist() for _ in range(2)]
    assert fresh[0] != fresh[1]


def test_a_repeated_seed_is_kept():
    adj = random_adjacency(50, 600)
    sample = gr.ops.sample_neighbors(adj, [3, 1, 3], [2, 2], seed=0)
    assert sample.node[:3].tolist() == [3, 1, 3]
    assert sample.num_sampled_nodes[0] == 3
    first, again = (sample.edge[sample.col == i].tolist() for i in (0, 2))
    assert first == again
    assert 2 not in sample.row.tolist()  # others refer to the first of the two


def chi_square(counts, probabilities, trials):
    """P-value that counts were drawn with these probabilities; outcomes that cannot happen must not have happened."""
    expected = {outcome: p * trials for outcome, p in probabilities.items()}
    assert set(counts) <= set(expected)
    assert math.isclose(sum(probabilities.values()), 1)
    observed = [counts[outcome] for outcome in expected]
    return stats.chisquare(observed, list(expected.values())).pvalue


def outcomes(num_entries, k, trials, *, weights=None, replace=False, ordered=False):
    """Draw the neighbors of node 0 in many batches."""
    indptr = torch.tensor([0] + [num_entries] * num_entries)
    adj = Adjacency(indptr, torch.arange(num_entries), None if weights is None else torch.tensor(weights))
    counts = Counter()
    for batch in range(trials):
        args = {"replace": replace, "weighted": weights is not None, "seed": 11, "batch": batch}
        drawn = gr.ops.sample_neighbors(adj, [0], [k], **args).edge.tolist()
        counts[tuple(drawn if ordered else sorted(drawn))] += 1
    return counts


WEIGHTS = [0.5, 0.0, 2.0, 1.0, 4.0]


def test_uniform_without_replacement_draws_every_set_alike():
    counts = outcomes(6, 3, 6000)
    sets = list(itertools.combinations(range(6), 3))
    assert chi_square(counts, dict.fromkeys(sets, 1 / len(sets)), 6000) > 1e-4


def test_uniform_without_replacement_from_a_long_row():
    """More than a word of marks: each place is drawn equally often."""
    n, k, trials = 200, 60, 3000
    counts = np.zeros(n)
    for drawn, times in outcomes(n, k, trials).items():
        assert len(set(drawn)) == k
        counts[list(drawn)] += times
    # places of one draw exclude each other: variance k/n (1 - k/n), of which n - 1 are free
    statistic = ((counts - trials * k / n) ** 2).sum() / (trials * k / n * (1 - k / n)) * (n - 1) / n
    assert stats.chi2(n - 1).sf(statistic) > 1e-4


def test_uniform_with_replacement():
    counts = outcomes(4, 2, 6000, replace=True, ordered=True)
    pairs = list(itertools.product(range(4), repeat=2))
    assert chi_square(counts, dict.fromkeys(pairs, 1 / 16), 6000) > 1e-4


def test_weighted_with_replacement():
    counts = outcomes(5, 2, 6000, weights=WEIGHTS, replace=True, ordered=True)
    total = sum(WEIGHTS)
    p = {(a, b): WEIGHTS[a] * WEIGHTS[b] / total**2 for a in (0, 2, 3, 4) for b in (0, 2, 3, 4)}
    assert chi_square(counts, p, 6000) > 1e-4


@pytest.mark.parametrize("k", [1, 2, 3])
def test_weighted_without_replacement_is_successive_sampling(k):
    counts = outcomes(5, k, 6000, weights=WEIGHTS)
    p = Counter()
    for order in itertools.permutations((0, 2, 3, 4), k):
        chance, left = 1.0, sum(WEIGHTS)
        for chosen in order:
            chance *= WEIGHTS[chosen] / left
            left -= WEIGHTS[chosen]
        p[tuple(sorted(order))] += chance
    assert chi_square(counts, p, 6000) > 1e-4


def test_nodes_draw_independently():
    """The same row given to two nodes: their draws in one batch are as if from separate streams."""
    adj = Adjacency(torch.tensor([0, 3, 6, 6]), torch.tensor([0, 1, 2, 0, 1, 2]))
    counts = Counter()
    for batch in range(4500):
        edge = gr.ops.sample_neighbors(adj, [0, 1], [1], seed=5, batch=batch).edge
        counts[int(edge[0]), int(edge[1]) - 3] += 1
    assert chi_square(counts, dict.fromkeys(itertools.product(range(3), repeat=2), 1 / 9), 4500) > 1e-4


def test_the_adjacency_of_a_sample():
    adj = random_adjacency(60, 900)
    sample = gr.ops.sample_neighbors(adj, torch.arange(10), [3, 3], seed=0)
    x = torch.randn(60, 4)
    out = gr.ops.spmm(sample.adjacency(), x[sample.node])
    expected = torch.zeros(len(sample.node), 4).index_add(0, sample.col, x[sample.node][sample.row])
    torch.testing.assert_close(out, expected)


def test_edges_of_a_pyg_edge_index_are_incoming():
    edge_index = torch.tensor([[0, 1, 2, 3], [3, 3, 3, 0]])
    adj = Adjacency.from_edge_index(edge_index, num_nodes=4)
    sample = gr.ops.sample_neighbors(adj, [3], [-1])
    assert sample.edge.tolist() == [0, 1, 2]
    assert torch.equal(sample.node[torch.stack([sample.row, sample.col])], edge_index[:, sample.edge])


def test_unusable_input_is_refused():
    adj = random_adjacency(5, 20, values=torch.float32)
    bad = adj.with_values(torch.full((20,), float("nan")))
    negative = adj.with_values(-torch.ones(20))
    wide = Adjacency(torch.tensor([0, 1]), torch.tensor([2]), num_cols=3)
    plain = adj.with_values(None)
    for args, options, error, message in (
        ((wide, [0], [1]), {}, ValueError, "adj must be square for neighbor sampling, got 1 x 3"),
        ((adj, [5], [1]), {}, IndexError, r"seeds must lie in \[0, 5\), got 5 … 5"),
        ((adj, [-1], [1]), {}, IndexError, "seeds must lie in"),
        ((adj, [[0]], [1]), {}, ValueError, "seeds must have shape"),
        ((adj, [0.5], [1]), {}, TypeError, "seeds must be int32 or int64"),
        ((adj, [0], [-2]), {}, ValueError, "num_neighbors must be at least -1"),
        ((adj, [0], [1.5]), {}, TypeError, "num_neighbors must be an integer"),
        ((adj, [0], [1]), {"batch": -1}, ValueError, "batch must be at least 0"),
        ((plain, [0], [1]), {"weighted": True}, ValueError, "one float32 or float64 value per entry, got none"),
        ((adj.with_values(torch.ones(20, 2)), [0], [1]), {"weighted": True}, ValueError, "value per entry"),
        ((bad, [0], [1]), {"weighted": True}, ValueError, "in row 0 they are not"),
        ((negative, [0], [1]), {"weighted": True, "replace": True}, ValueError, "in row 0 they are not"),
    ):
        with pytest.raises(error, match=message):
            gr.ops.sample_neighbors(*args, **options)


@pytest.mark.parametrize("backend", BACKENDS)
def test_no_seeds(monkeypatch, backend):
    monkeypatch.setenv("GRAPHREP_BACKEND", backend)
    sample = gr.ops.sample_neighbors(random_adjacency(5, 20), [], [2, 2], seed=0)
    assert [len(part) for part in sample[:4]] == [0] * 4
    assert (sample.num_sampled_nodes, sample.num_sampled_edges) == ([0, 0, 0], [0, 0])
