from __future__ import annotations

import itertools
from itertools import pairwise, product

import numpy as np
import pytest
from scipy import stats

import graphrep as gr
from graphrep import _core
from graphrep.csr import CSR
from graphrep.graph import Graph
from graphrep.ops import WalkSampler, iter_walks, random_walks, transition_probabilities
from graphrep.ops.walks import cpu

BACKENDS = ["native", "reference"]
BIASES = list(product([0.25, 1.0, 4.0], repeat=2))


def random_graph(num_nodes, num_arcs, seed=0, *, directed=False, weighted=False):
    """Hubs, isolated nodes or (directed) dead ends, self loops; weights over two orders of magnitude."""
    rng = np.random.default_rng(seed)
    ends = (num_nodes * rng.random((2, num_arcs)) ** 2).astype(np.int64)
    ends = ends[:, ends[0] < 0.9 * num_nodes] if directed else (0.9 * ends).astype(np.int64)
    weights = 10 ** rng.uniform(-1, 1, ends.shape[1]) if weighted else None
    graph = gr.as_graph(ends, num_nodes=num_nodes, directed=directed, weights=weights, merge="max")
    assert (graph.weights is None) != weighted
    return graph


def triangle_and_pendant(*, directed=False, weighted=False):
    """All three classes of alpha at the arc 0-1; directed: both ways but for 2 -> 0 and the pendant's self loop."""
    ends = np.array([[0, 1, 2, 1], [1, 2, 0, 3]])
    if directed:
        ends = np.concatenate([ends, [[1, 2, 3, 3, 0], [0, 1, 1, 3, 3]]], axis=1)
    weights = 1 + np.arange(ends.shape[1]) % 3 if weighted else None
    return gr.as_graph(ends, directed=directed, weights=weights)


def wide(graph):
    """The same graph with int64 ids, for the kernels that large graphs use."""
    csr = CSR(graph.indptr, graph.indices.astype(np.int64), graph.weights)
    return Graph._trusted(csr, directed=graph.directed)


def steps_of(walks):
    """Triples (previous, current, next) of all walks, shape (3, num_steps)."""
    triples = np.stack([walks[:, :-2], walks[:, 1:-1], walks[:, 2:]]).reshape(3, -1)
    return triples[:, triples[2] >= 0].astype(np.int64)


def misfit(graph, steps, p, q):
    """Probability that steps which follow the law of (p, q) look as unlikely as these: chi-square over all states."""
    n = graph.num_nodes
    counts = np.bincount((steps[0] * n + steps[1]) * n + steps[2], minlength=n**3).reshape(n * n, n)
    states = np.flatnonzero(counts.any(axis=1))
    counts, law = counts[states], np.zeros((len(states), n))
    for row, (previous, current) in zip(law, np.stack(np.divmod(states, n), axis=1).tolist(), strict=True):
        row[graph.neighbor_rows(current)] = transition_probabilities(graph, current, previous, p, q)
    assert not counts[law == 0].any()
    expected = law * counts.sum(axis=1, keepdims=True)
    often = expected >= 5  # the other outcomes of a state are pooled
    got = np.column_stack([np.where(often, counts, 0), np.where(often, 0, counts).sum(axis=1)])
    want = np.column_stack([np.where(often, expected, 0), np.where(often, 0, expected).sum(axis=1)])
    freedom = np.count_nonzero(want) - len(states)
    assert freedom > 0
    return stats.chi2.sf(((got - want)[want > 0] ** 2 / want[want > 0]).sum(), freedom)


# The law


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("directed", [False, True])
@pytest.mark.parametrize(("p", "q"), BIASES)
def test_every_state_follows_the_law_and_no_other(directed, weighted, p, q):
    graph = random_graph(30, 200, directed=directed, weighted=weighted)
    degree = graph.out_degree
    assert (degree.max() > 16, degree.min(), graph.has_edges([0], [0])[0]) == (True, 0, True)
    steps = steps_of(random_walks(graph, walk_length=100, walks_per_node=700 if directed else 150, p=p, q=q, seed=1))
    assert steps.shape[1] > 200_000
    assert misfit(graph, steps, p, q) > 1e-4
    # The test sees a wrong alpha: one and a half times its value is beyond doubt.
    assert misfit(graph, steps, p * 1.5, q) < 1e-9
    assert misfit(graph, steps, p, q * 1.5) < 1e-9
    assert misfit(graph, steps, p * 1.5, q * 1.5) < 1e-9


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("directed", [False, True])
@pytest.mark.parametrize(("p", "q"), BIASES)
def test_triangle_and_pendant(directed, weighted, p, q):
    graph = triangle_and_pendant(directed=directed, weighted=weighted)
    steps = steps_of(random_walks(graph, walk_length=50, walks_per_node=500, p=p, q=q, seed=2))
    assert misfit(graph, steps, p, q) > 1e-4
    for other in set(BIASES) - {(p, q)}:
        assert misfit(graph, steps, *other) < 1e-9


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("directed", [False, True])
@pytest.mark.parametrize(("p", "q"), [(0.25, 4.0), (4.0, 0.25)])
def test_the_reference_follows_the_law(monkeypatch, directed, weighted, p, q):
    monkeypatch.setenv("GRAPHREP_BACKEND", "reference")
    graph = triangle_and_pendant(directed=directed, weighted=weighted)
    steps = steps_of(random_walks(graph, walk_length=50, walks_per_node=30, p=p, q=q, seed=2))
    assert misfit(graph, steps, p, q) > 1e-4
    assert misfit(graph, steps, q, p) < 1e-9


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("p", "q"), [(1.0, 1.0), (0.5, 2.0)])
def test_the_first_step_follows_the_weights(weighted, p, q):
    graph = random_graph(20, 90, weighted=weighted)
    walks = random_walks(graph, walk_length=2, walks_per_node=5000, p=p, q=q, seed=3)
    for start in np.flatnonzero(graph.out_degree).tolist():
        counts = np.bincount(walks[walks[:, 0] == start, 1], minlength=graph.num_nodes)[graph.neighbor_rows(start)]
        law = transition_probabilities(graph, start)
        weights = np.ones(len(law)) if graph.weights is None else graph.weights[slice(*graph.indptr[start : start + 2])]
        np.testing.assert_allclose(law, weights / weights.sum(), rtol=1e-6)
        assert stats.chisquare(counts, law * 5000).pvalue > 1e-5


def test_transition_probabilities_by_hand():
    graph = triangle_and_pendant(weighted=True)  # 0-1 weighs 1, 1-2 weighs 2, 0-2 weighs 3, 1-3 weighs 1
    law = transition_probabilities(graph, current=1, previous=0, p=0.5, q=4)
    np.testing.assert_allclose(law, np.array([2, 2, 1 / 4]) / 4.25)
    np.testing.assert_allclose(transition_probabilities(graph, current=1), [1 / 4, 2 / 4, 1 / 4])
    assert transition_probabilities(gr.as_graph([[0], [1]], directed=True), current=1).shape == (0,)


@pytest.mark.parametrize("backend", BACKENDS)
def test_return_comes_before_near(monkeypatch, backend):
    """A self loop of t makes t its own neighbor; p must count all the same."""
    monkeypatch.setenv("GRAPHREP_BACKEND", backend)
    graph = gr.as_graph([[0, 0, 1], [0, 1, 2]], directed=False)
    walks = random_walks(graph, walk_length=3, walks_per_node=100, p=1e12, q=1e-3)
    came = walks[(walks[:, 0] == 0) & (walks[:, 1] == 1)]
    assert len(came) > 20
    assert (came[:, 2] == 2).all()
    walks = random_walks(graph, walk_length=3, walks_per_node=100, p=1e-12, q=1)
    came = walks[(walks[:, 0] == 0) & (walks[:, 1] == 1)]
    assert (came[:, 2] == 0).all()


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("q", [1e-9, 1e9])
def test_near_means_an_arc_from_the_previous_node(monkeypatch, backend, q):
    """0 -> 1 -> {2, 3}, 0 -> 2 and 3 -> 0: node 2 is near 0, node 3 is not."""
    monkeypatch.setenv("GRAPHREP_BACKEND", backend)
    graph = gr.as_graph([[0, 1, 1, 0, 3], [1, 2, 3, 2, 0]], directed=True)
    walks = random_walks(graph, walk_length=3, walks_per_node=100, q=q)
    came = walks[(walks[:, 0] == 0) & (walks[:, 1] == 1)]
    assert len(came) > 20
    assert (came[:, 2] == (2 if q > 1 else 3)).all()


def test_no_return_without_an_arc_back():
    graph = gr.as_graph([[0, 1, 2, 1], [1, 2, 0, 3]], directed=True)
    walks = random_walks(graph, walk_length=40, walks_per_node=100, p=1e-6, q=0.5)
    steps = steps_of(walks)
    assert steps.shape[1] > 200
    assert not (steps[0] == steps[2]).any()


@pytest.mark.parametrize("directed", [False, True])
@pytest.mark.parametrize(("p", "q"), [(1e12, 1e12), (1e12, 1e-12)])
def test_near_and_far_are_told_apart_on_rows_of_every_length(directed, p, q):
    """Extreme settings leave one class possible, so a single wrong look-up shows."""
    graph = random_graph(150, 3000, seed=4, directed=directed)
    assert len(set(range(40)) & set(graph.out_degree.tolist())) > 20
    adjacent = graph.to_scipy().toarray() > 0
    previous, current, following = steps_of(random_walks(graph, walk_length=30, walks_per_node=100, p=p, q=q))
    candidates = adjacent[current] & (np.arange(150) != previous[:, None])
    wanted = candidates & (adjacent[previous] if q > 1 else ~adjacent[previous])
    forced = wanted.any(axis=1)
    assert forced.sum() > 100_000
    assert wanted[np.flatnonzero(forced), following[forced]].all()


# Every way through the kernel


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("directed", [False, True])
@pytest.mark.parametrize(
    ("p", "q"),
    [
        (1e6, 3e6),  # where no node is near, nearly all proposals fail: the exact scan draws
        (0.5, 1e6),  # folding; where there is no arc back, the exact scan
        (0.02, 1.0),  # folding with a strong pull back
        (0.02, 0.5),
    ],
)
def test_law_on_a_sparse_graph(directed, weighted, p, q):
    rng = np.random.default_rng(5)
    ends = np.array([[rng.integers(v), v] for v in range(1, 12)] + [[11, 0], [10, 0], [9, 1]]).T
    if directed:  # some arcs in both directions, the others in one
        ends = np.concatenate([ends, ends[::-1, :6], ends[::-1, -3:], [[6, 7, 8], [1, 2, 3]]], axis=1)
    weights = 10 ** rng.uniform(-1, 1, ends.shape[1]) if weighted else None
    graph = gr.as_graph(ends, weights=weights, directed=directed)
    steps = steps_of(random_walks(graph, walk_length=60, walks_per_node=300, p=p, q=q, seed=6))
    assert misfit(graph, steps, p, q) > 1e-4
    assert misfit(graph, steps, p * 2, q) < 1e-9


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    ("p", "q", "likeliest"),
    [
        (1e-100, 1.0, {0}),
        (1.0, 1e-100, {3}),
        (1e-100, 1e-100, {0, 3}),
        (1e100, 1e100, {2}),
        (1e100, 1e-100, {3}),
        (1e-100, 1e100, {0}),
    ],
)
def test_extreme_biases(monkeypatch, backend, p, q, likeliest):
    """Only the likeliest class is left, or what there is."""
    monkeypatch.setenv("GRAPHREP_BACKEND", backend)
    graph = gr.as_graph([[0, 1, 2, 1], [1, 2, 0, 3]], directed=False, weights=np.full(4, 1e-30))
    walks = random_walks(graph, walk_length=3, walks_per_node=100, p=p, q=q)
    came = walks[(walks[:, 0] == 0) & (walks[:, 1] == 1), 2]  # at 1, from 0: 0 is back, 2 near, 3 far
    assert set(came.tolist()) == likeliest
    came = walks[(walks[:, 0] == 1) & (walks[:, 1] == 3), 2]
    assert set(came.tolist()) == {1}


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("directed", [False, True])
def test_the_edge_filter_changes_nothing(directed, weighted):
    """Neither a filter that says "maybe" to everything, nor a tiny one, nor none."""
    graph = random_graph(60, 300, seed=7, directed=directed, weighted=weighted)
    options = {"walk_length": 30, "walks_per_node": 20, "p": 0.5, "q": 2.0}
    expected = random_walks(graph, **options)
    assert len(graph._cache["edge_filter"]) > 8
    tiny = np.zeros(1, dtype=np.uint64)
    _core.build_edge_filter(graph.indptr, graph.indices, graph.directed, tiny, 1)
    for words in (np.full(1, 2**64 - 1, dtype=np.uint64), tiny, None):
        graph._cache["edge_filter"] = words
        np.testing.assert_array_equal(random_walks(graph, **options), expected)


def test_the_edge_filter_holds_every_arc():
    graph = random_graph(200, 1000, seed=8)
    words = [cpu.edge_filter(random_graph(200, 1000, seed=8), threads).copy() for threads in (1, 4)]
    np.testing.assert_array_equal(*words)
    assert 8 * len(words[0]) >= graph.num_edges
    assert np.unpackbits(words[0].view(np.uint8)).mean() < 0.35


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("directed", [False, True])
@pytest.mark.parametrize(("p", "q"), [(1.0, 1.0), (0.25, 4.0), (4.0, 0.5)])
def test_int64_ids_give_the_same_walks(directed, weighted, p, q):
    graph = random_graph(50, 400, seed=9, directed=directed, weighted=weighted)
    options = {"walk_length": 30, "walks_per_node": 20, "p": p, "q": q}
    narrow, broad = random_walks(graph, **options), random_walks(wide(graph), **options)
    assert (narrow.dtype, broad.dtype) == (np.int32, np.int64)
    np.testing.assert_array_equal(narrow, broad)


def test_alias_tables_hold_the_weights():
    graph = random_graph(40, 500, seed=10, weighted=True)
    keep, slot, sums = cpu.alias_tables(graph, 1)
    np.testing.assert_allclose(sums, graph.to_scipy().astype(np.float64).sum(axis=1), rtol=1e-12)
    for begin, end in pairwise(graph.indptr.tolist()):
        law = keep[begin:end].astype(np.float64)
        np.add.at(law, slot[begin:end], 1 - keep[begin:end].astype(np.float64))
        weights = graph.weights[begin:end].astype(np.float64)
        np.testing.assert_allclose(law * weights.sum(), weights * (end - begin), rtol=1e-6, atol=1e-6)


def test_weights_of_very_different_size():
    """A row of tiny weights beside a row of huge ones keeps its own law."""
    ends = [[0, 1, 2, 2, 2], [1, 0, 3, 4, 5]]
    weights = np.array([1e30, 1e30, 1e-20, 2e-20, 4e-20])
    graph = gr.as_graph(ends, weights=weights, directed=False)
    steps = steps_of(random_walks(graph, walk_length=30, walks_per_node=300, p=0.25, q=1))
    assert misfit(graph, steps, 0.25, 1) > 1e-4


# Shape and order of the result


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(("p", "q"), [(1.0, 1.0), (0.5, 2.0)])
def test_walks_step_along_arcs_and_end_in_dead_ends(monkeypatch, backend, p, q):
    monkeypatch.setenv("GRAPHREP_BACKEND", backend)
    graph = random_graph(40, 60, seed=11, directed=True)
    walks = random_walks(graph, walk_length=7, walks_per_node=3, p=p, q=q)
    assert walks.shape == (120, 7)
    assert walks.dtype == graph.indices.dtype
    np.testing.assert_array_equal(walks[:, 0], np.arange(120) % 40)
    assert (walks == -1).any()
    for source, target in pairwise(walks.T.astype(np.int64)):
        moved = target >= 0
        assert graph.has_edges(source[moved], target[moved]).all()
        assert (graph.out_degree[source[~moved & (source >= 0)]] == 0).all()
        assert (target[source < 0] == -1).all()


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(("p", "q"), [(1.0, 1.0), (0.5, 2.0)])
def test_small_graphs(monkeypatch, backend, p, q):
    monkeypatch.setenv("GRAPHREP_BACKEND", backend)
    options = {"walks_per_node": 2, "p": p, "q": q}
    nothing = gr.as_graph(np.zeros((2, 0), dtype=np.int64), num_nodes=0)
    assert random_walks(nothing, walk_length=4, **options).shape == (0, 4)
    assert list(iter_walks(nothing, walk_length=4, **options)) == []
    one = gr.as_graph(np.zeros((2, 0), dtype=np.int64), num_nodes=1)
    assert random_walks(one, walk_length=3, **options).tolist() == [[0, -1, -1]] * 2
    loop = gr.as_graph([[0], [0]])
    assert random_walks(loop, walk_length=3, **options).tolist() == [[0, 0, 0]] * 2
    isolated = gr.as_graph([[0, 1], [1, 0]], num_nodes=4)
    walks = random_walks(isolated, walk_length=3, **options)
    assert walks.tolist() == [[0, 1, 0], [1, 0, 1], [2, -1, -1], [3, -1, -1]] * 2
    assert random_walks(isolated, walk_length=1, **options).tolist() == [[0], [1], [2], [3]] * 2
    assert random_walks(isolated, walk_length=2, p=p, q=q, walks_per_node=0).shape == (0, 2)


def test_parallel_edges_add_up():
    graph = gr.as_graph([[0, 0, 0, 0], [1, 1, 1, 2]], directed=True)
    np.testing.assert_allclose(transition_probabilities(graph, 0), [3 / 4, 1 / 4])
    walks = random_walks(graph, walk_length=2, walks_per_node=4000, start=[0])
    assert stats.binomtest(int((walks[:, 1] == 1).sum()), 4000, 3 / 4).pvalue > 1e-4


@pytest.mark.parametrize(("p", "q"), [(1.0, 1.0), (0.25, 4.0)])
@pytest.mark.parametrize("weighted", [False, True])
def test_neither_threads_nor_batches_change_a_walk(p, q, weighted):
    graph = random_graph(700, 3000, seed=12, directed=True, weighted=weighted)
    options = {"walk_length": 12, "walks_per_node": 3, "p": p, "q": q, "seed": 13}
    expected = random_walks(graph, n_jobs=1, **options)
    for n_jobs in (2, 5):
        np.testing.assert_array_equal(random_walks(graph, n_jobs=n_jobs, **options), expected)
    for batch_size in (1, 33, 512, 2100, 10**6):
        batches = list(iter_walks(graph, batch_size=batch_size, n_jobs=2, **options))
        assert {len(batch) for batch in batches[:-1]} <= {batch_size}
        np.testing.assert_array_equal(np.concatenate(batches), expected)
    for world_size in (2, 3):
        parts = [
            list(iter_walks(graph, batch_size=200, rank=i, world_size=world_size, **options)) for i in range(world_size)
        ]
        in_turn = [part for parts in itertools.zip_longest(*parts, fillvalue=expected[:0]) for part in parts]
        np.testing.assert_array_equal(np.concatenate(in_turn), expected)
    sampler = WalkSampler(graph, walk_length=12, p=p, q=q, seed=13)
    ids = np.array([2099, 0, 5, 5, 1024])
    np.testing.assert_array_equal(sampler.sample_ids(ids), expected[ids])
    assert (random_walks(graph, **{**options, "seed": 14}) != expected).any()


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(("p", "q"), [(1.0, 1.0), (0.5, 2.0)])
def test_start(monkeypatch, backend, p, q):
    monkeypatch.setenv("GRAPHREP_BACKEND", backend)
    graph = random_graph(30, 100, seed=15)
    start = np.array([7, 3, 7], dtype=np.int32)
    walks = random_walks(graph, walk_length=4, walks_per_node=5, p=p, q=q, start=start)
    np.testing.assert_array_equal(walks[:, 0], np.tile(start, 5))
    assert random_walks(graph, start=[], walk_length=4).shape == (0, 4)


def test_any_seed_object():
    graph = random_graph(30, 100, seed=15)
    for make in (lambda: 5, lambda: np.random.RandomState(5), lambda: np.random.default_rng(5)):
        np.testing.assert_array_equal(random_walks(graph, seed=make()), random_walks(graph, seed=make()))
    assert (random_walks(graph, seed=None) != random_walks(graph, seed=None)).any()


@pytest.mark.parametrize("num_starts", [1, 2, 3, 4, 5, 16, 17, 100, 1000])
def test_each_pass_visits_every_start_once(monkeypatch, num_starts):
    graph = gr.as_graph(np.zeros((2, 0), dtype=np.int64), num_nodes=num_starts)
    sampler = WalkSampler(graph, seed=16)
    ids = sampler.shuffled_ids(0, 3 * num_starts)
    passes = ids.reshape(3, num_starts)
    np.testing.assert_array_equal(np.sort(passes, axis=1), np.arange(3 * num_starts).reshape(3, -1))
    if num_starts >= 16:
        orders = [(order % num_starts).tolist() for order in passes]
        assert len(set(map(tuple, [*orders, range(num_starts)]))) == 4
    # Any part of the series, any number of threads, either implementation.
    sampler.num_threads = 3
    first = num_starts // 2
    np.testing.assert_array_equal(sampler.shuffled_ids(first, num_starts), ids[first : first + num_starts])
    monkeypatch.setenv("GRAPHREP_BACKEND", "reference")
    np.testing.assert_array_equal(sampler.shuffled_ids(0, 3 * num_starts), ids)


def test_the_shuffled_order_is_spread_evenly():
    graph = gr.as_graph(np.zeros((2, 0), dtype=np.int64), num_nodes=60)
    first = [WalkSampler(graph, seed=seed).shuffled_ids(0, 1)[0] for seed in range(3000)]
    assert stats.chisquare(np.bincount(first, minlength=60)).pvalue > 1e-4


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("dtype", [np.int32, np.int64])
def test_count_visits(monkeypatch, backend, dtype):
    monkeypatch.setenv("GRAPHREP_BACKEND", backend)
    sampler = WalkSampler(random_graph(20, 30, directed=True), walk_length=5, n_jobs=3)
    walks = sampler.sample(0, 200).astype(dtype)
    counts = np.ones(20, dtype=np.int64)
    sampler.count_visits(walks, counts)
    np.testing.assert_array_equal(counts, 1 + np.bincount(walks[walks >= 0], minlength=20))


def test_read_only_input():
    graph = random_graph(30, 100, seed=17, weighted=True)
    assert not any(part.flags.writeable for part in (graph.indptr, graph.indices, graph.weights))
    start = np.arange(30)
    ids = np.arange(10)
    for array in (start, ids):
        array.flags.writeable = False
    walks = random_walks(graph, start=start, walk_length=5, p=0.5)
    np.testing.assert_array_equal(WalkSampler(graph, start=start, walk_length=5, p=0.5).sample_ids(ids), walks[:10])


# Bad input


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"p": 0}, ValueError, r"p must be at least 1e-100 and at most 1e\+100, got 0\."),
        ({"q": -1.0}, ValueError, r"q must be at least 1e-100 and at most 1e\+100, got -1.0\."),
        ({"p": float("nan")}, ValueError, r"p must be at least 1e-100 and at most 1e\+100, got nan\."),
        ({"q": float("inf")}, ValueError, r"q must be at least 1e-100 and at most 1e\+100, got inf\."),
        ({"p": "1"}, TypeError, r"p must be a number, got '1'\."),
        ({"walk_length": 0}, ValueError, r"walk_length must be at least 1, got 0\."),
        ({"walk_length": -3}, ValueError, r"walk_length must be at least 1, got -3\."),
        ({"walk_length": 2.0}, TypeError, r"walk_length must be an integer, got 2.0\."),
        ({"walks_per_node": -1}, ValueError, r"walks_per_node must be at least 0, got -1\."),
        ({"walks_per_node": True}, TypeError, r"walks_per_node must be an integer, got True\."),
        ({"start": [0, 3]}, IndexError, r"start must lie in \[0, 3\), got 0 … 3\."),
        ({"start": [-1]}, IndexError, r"start must lie in \[0, 3\), got -1 … -1\."),
        ({"start": [0.5]}, TypeError, r"start must be a one-dimensional integer array"),
        ({"start": 1}, TypeError, r"start must be a one-dimensional integer array"),
        ({"seed": -1}, ValueError, r"the seed must lie in \[0, 2\*\*63\), got -1\."),
        ({"seed": "x"}, TypeError, r"the seed must be None, an integer"),
        ({"n_jobs": 0}, ValueError, r"n_jobs must not be 0"),
    ],
)
def test_bad_arguments(options, error, message):
    path = gr.as_graph([[0, 1], [1, 2]])
    with pytest.raises(error, match=message):
        random_walks(path, **options)
    with pytest.raises(error, match=message):
        iter_walks(path, **options)


def test_bad_arguments_of_the_law():
    path = gr.as_graph([[0, 1], [1, 2]])
    with pytest.raises(ValueError, match="q must be at least 1e-100"):
        transition_probabilities(path, 1, 0, q=0)
    for rows in ((3,), (-1,), (1, 3), (1, -1)):
        with pytest.raises(IndexError, match=r"row must lie in \[0, 3\), got (3|-1)"):
            transition_probabilities(path, *rows)


def test_bad_batch_size():
    with pytest.raises(ValueError, match="batch_size must be at least 1, got 0"):
        iter_walks([[0], [1]], batch_size=0)


@pytest.mark.parametrize("backend", BACKENDS)
def test_bad_calls_of_a_sampler(monkeypatch, backend):
    monkeypatch.setenv("GRAPHREP_BACKEND", backend)
    sampler = WalkSampler(gr.as_graph([[0, 1], [1, 2]]), walk_length=3)
    with pytest.raises(ValueError, match="first must be at least 0, got -1"):
        sampler.sample(-1, 2)
    with pytest.raises(ValueError, match="first must be at least 0, got -1"):
        sampler.shuffled_ids(-1, 2)
    with pytest.raises(ValueError, match="count must be at least 0, got -2"):
        sampler.shuffled_ids(0, -2)
    with pytest.raises(ValueError, match="walk_ids must not be negative, got -1"):
        sampler.sample_ids(np.array([0, -1]))
    for ids in (np.array([0.5]), np.array([[0, 1]])):
        with pytest.raises(TypeError, match="walk_ids must be a one-dimensional integer array"):
            sampler.sample_ids(ids)
    counts = np.zeros(3, dtype=np.int64)
    with pytest.raises(IndexError, match=r"walks must lie in \[-1, 3\), got 0 … 3"):
        sampler.count_visits(np.array([[0, 3]]), counts)
    with pytest.raises(TypeError, match=r"counts must be a writeable int64 array of shape \(3,\)"):
        sampler.count_visits(np.array([[0, 1]]), np.zeros(2, dtype=np.int64))
    empty = WalkSampler(gr.as_graph(np.zeros((2, 0), dtype=np.int64), num_nodes=0))
    for call in (empty.sample, empty.shuffled_ids):
        with pytest.raises(ValueError, match="count must be 0 because there are no start nodes, got "):
            call(0, 1)
        assert len(call(0, 0)) == 0
