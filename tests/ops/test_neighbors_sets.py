from __future__ import annotations

import numpy as np
import pytest
import torch

import graphrep as gr
from graphrep import _core
from graphrep.ops.adjacency import Adjacency
from graphrep.ops.neighbors.sets import collect_op, count_op, cpu, pool_op, reference, transposed_op

BACKENDS = ["native", "reference"]
SHAPES = [(1, 0, 3), (1, 2, 3), (7, 0, 5), (7, 20, 0), (50, 300, 64), (300, 4000, 1025)]


@pytest.fixture(autouse=True)
def _nan_in_fresh_memory():
    torch.use_deterministic_algorithms(True)  # fills what torch.empty gives with NaN
    yield
    torch.use_deterministic_algorithms(False)


@pytest.fixture
def set_isa():
    before = _core.isa()
    yield lambda name: _core.set_isa(name) or pytest.skip(f"this processor lacks {name}")
    _core.set_isa(before)


def random_adjacency(num_nodes, num_entries, seed=0, *, dtype=torch.int64):
    """Hubs, isolated nodes, self loops and repeated entries; columns ascend."""
    rng = np.random.default_rng(seed)
    ends = torch.from_numpy((num_nodes * rng.random((2, num_entries)) ** 3).astype(np.int64)).to(dtype)
    return Adjacency.from_edges(ends[0], ends[1], num_rows=num_nodes, sort_columns=True)


def random_pairs(num_nodes, num_pairs, seed=1):
    return torch.randint(num_nodes, (2, num_pairs), generator=torch.Generator().manual_seed(seed))


def expected_sets(adj, pairs, removed=(), *, difference=False):
    rows = [set(adj.indices[adj.indptr[v] : adj.indptr[v + 1]].tolist()) for v in range(adj.num_rows)]
    for u, v in removed:
        rows[u].discard(v)
    return [sorted(rows[u] - rows[v] if difference else rows[u] & rows[v]) for u, v in pairs.T.tolist()]


def as_lists(sets):
    return [part.tolist() for part in sets.indices.tensor_split(sets.indptr[1:-1])] if sets.num_rows else []


def removed_edges(adj, num_removed, seed=2):
    """Some that exist, some that do not, some twice."""
    generator = torch.Generator().manual_seed(seed)
    absent = torch.randint(adj.num_rows, (2, num_removed), generator=generator)
    if not adj.num_entries:
        return absent
    entry = torch.randint(adj.num_entries, (num_removed,), generator=generator)
    present = torch.stack([adj.rows()[entry], adj.indices[entry]]).long()
    return torch.cat([absent, present, present[:, ::2]], 1)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(("num_nodes", "num_entries", "num_pairs"), SHAPES)
@pytest.mark.parametrize("difference", [False, True])
@pytest.mark.parametrize("removal", [None, "directed", "both", "pairs"])
def test_sets_equal_python_sets(monkeypatch, backend, num_nodes, num_entries, num_pairs, difference, removal):
    monkeypatch.setenv("GRAPHREP_BACKEND", backend)
    adj = random_adjacency(num_nodes, num_entries)
    pairs = random_pairs(num_nodes, num_pairs)
    removed, options = torch.empty(2, 0, dtype=torch.int64), {}
    if removal == "pairs":
        removed, options = pairs, {"removed": "pairs"}
    elif removal:
        removed = removed_edges(adj, max(1, num_entries // 4))
        options = {"removed": removed, "directed": removal == "directed"}
    gone = removed.T.tolist() + ([] if removal == "directed" else removed.flip(0).T.tolist())
    expected = expected_sets(adj, pairs, gone, difference=difference)
    make = gr.ops.neighbor_difference if difference else gr.ops.neighbor_intersection
    sets = make(adj, pairs, **options)
    assert (sets.num_rows, sets.num_cols, sets.values) == (num_pairs, num_nodes, None)
    assert (sets.indptr.dtype, sets.indices.dtype) == (torch.int64, adj.indices.dtype)
    assert as_lists(sets) == expected
    if not difference:
        counts = gr.ops.intersection_count(adj, pairs, **options)
        assert counts.dtype == torch.int64
        assert counts.tolist() == [len(members) for members in expected]
    x = torch.randn(num_nodes, 5, dtype=torch.float64)
    weights = torch.rand(num_nodes, dtype=torch.float64)
    pool = gr.ops.pool_difference if difference else gr.ops.pool_common_neighbors
    for w in (None, weights):
        wx = x if w is None else w[:, None] * x
        total = torch.stack([wx[members].sum(0) for members in expected]) if num_pairs else x[:0]
        torch.testing.assert_close(pool(adj, pairs, x, w, **options), total)


@pytest.mark.parametrize("isa", ["baseline", "avx2", "avx512"])
@pytest.mark.parametrize("ids", [torch.int32, torch.int64])
@pytest.mark.parametrize("length", [0, 1, 2, 15, 16, 17, 40])
@pytest.mark.parametrize("ratio", [1, 2, 17, 140])
def test_long_and_short_rows_meet(set_isa, isa, ids, length, ratio):
    """Node 0 has few neighbors, node 1 many: scanning and searching must give the same sets, both ways round."""
    set_isa(isa)
    rng = np.random.default_rng(length * 100 + ratio)
    pool = 2 + rng.permutation(3 * max(1, length) * ratio + 5)
    few, many = pool[:length], rng.permutation(pool)[: length * ratio]
    rows = torch.from_numpy(np.r_[np.zeros(len(few)), np.ones(len(many))]).to(ids)
    cols = torch.from_numpy(np.r_[few, many]).to(ids)
    adj = Adjacency.from_edges(rows, cols, num_rows=int(pool.max()) + 1, sort_columns=True)
    pairs = torch.tensor([[0, 1], [1, 0]])
    assert as_lists(gr.ops.neighbor_intersection(adj, pairs)) == [np.intersect1d(few, many).tolist()] * 2
    only = [np.setdiff1d(few, many).tolist(), np.setdiff1d(many, few).tolist()]
    assert as_lists(gr.ops.neighbor_difference(adj, pairs)) == only


@pytest.mark.parametrize("ids", [torch.int32, torch.int64])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("columns", [(), (1,), (17,), (64,), (3, 5)])
def test_pooling_in_every_type(ids, dtype, columns):
    adj = random_adjacency(60, 700, dtype=ids)
    pairs = random_pairs(60, 300)
    x = torch.randn(60, *columns).to(dtype)
    weights = torch.rand(60).to(dtype)
    before = torch.get_num_threads()
    results = []
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            for with_sets in (False, True):
                args = (adj.indptr, adj.indices, pairs, pairs, True, False, x, weights, with_sets)
                results.append(cpu.pool(*args)[0])
    finally:
        torch.set_num_threads(before)
    assert all(torch.equal(result, results[0]) for result in results)
    expected = reference.pool(adj.indptr, adj.indices, pairs, pairs, True, False, x.double(), weights.double(), False)
    tolerance = {torch.float32: 1e-5, torch.float64: 1e-12, torch.bfloat16: 2e-2, torch.float16: 3e-3}[dtype]
    assert results[0].dtype == dtype
    torch.testing.assert_close(results[0].double(), expected[0], rtol=tolerance, atol=tolerance)


def test_threads_change_no_bit(monkeypatch):
    """Several blocks of pairs, so that threads have something to divide."""
    adj = random_adjacency(400, 9000)
    pairs = random_pairs(400, 3000)
    x = torch.randn(400, 33)
    g = torch.randn(3000, 33)
    before = torch.get_num_threads()
    seen = []
    try:
        for threads in (1, 2, 5):
            torch.set_num_threads(threads)
            args = (adj.indptr, adj.indices, pairs, None, False, True)
            backward = cpu.pool_transposed(*args, g, None, None, 400)
            seen.append((*cpu.collect(*args, 4, 7), cpu.count(*args), cpu.pool(*args, x, None, False)[0], backward))
    finally:
        torch.set_num_threads(before)
    for other in seen[1:]:
        assert all(torch.equal(a, b) for a, b in zip(other, seen[0], strict=True))


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("difference", [False, True])
def test_gradients(monkeypatch, backend, difference):
    monkeypatch.setenv("GRAPHREP_BACKEND", backend)
    adj = random_adjacency(7, 30)
    pairs = random_pairs(7, 6)
    x = torch.randn(7, 2, dtype=torch.float64, requires_grad=True)
    weights = torch.rand(7, dtype=torch.float64, requires_grad=True)
    pool = gr.ops.pool_difference if difference else gr.ops.pool_common_neighbors

    def pooled(x, weights=None):
        return pool(adj, pairs, x, weights, removed="pairs")

    assert pooled(x).abs().sum() > 0
    assert torch.autograd.gradcheck(pooled, (x,))
    assert torch.autograd.gradcheck(pooled, (x, weights))
    assert torch.autograd.gradcheck(lambda w: pooled(x.detach(), w), (weights,))
    assert torch.autograd.gradgradcheck(pooled, (x, weights))


def test_the_gradient_is_the_same_whether_or_not_the_sets_were_kept():
    adj = random_adjacency(100, 1500)
    pairs, grad = random_pairs(100, 700), torch.randn(700, 9)
    args = (adj.indptr, adj.indices, pairs, pairs, True, False)
    _, offsets, ids = cpu.pool(*args, torch.randn(100, 9), None, True)
    kept = cpu.pool_transposed(*args, grad, offsets, ids, 100)
    assert torch.equal(kept, cpu.pool_transposed(*args, grad, None, None, 100))
    torch.testing.assert_close(kept, reference.pool_transposed(*args, grad, None, None, 100))


def test_values_per_pair_and_neighbor_train():
    """Completion: probabilities of the entries of a difference are weights that get gradients."""
    adj = random_adjacency(40, 300)
    pairs = random_pairs(40, 20)
    only = gr.ops.neighbor_difference(adj, pairs)
    p = torch.rand(only.num_entries, dtype=torch.float64, requires_grad=True)
    x = torch.randn(40, 4, dtype=torch.float64)
    out = gr.ops.spmm(only.with_values(p), x)
    ones = gr.ops.spmm(only.with_values(torch.ones_like(p)), x)
    torch.testing.assert_close(ones, gr.ops.pool_difference(adj, pairs, x))
    out.sum().backward()
    torch.testing.assert_close(p.grad, x.sum(1)[only.indices])


@pytest.mark.parametrize("difference", [False, True])
def test_a_capped_set_is_a_function_of_seed_and_pair(difference):
    adj = random_adjacency(80, 2500)
    pairs = random_pairs(80, 600)
    make = gr.ops.neighbor_difference if difference else gr.ops.neighbor_intersection
    whole, capped = make(adj, pairs), make(adj, pairs, max_neighbors=5, seed=3)
    sizes = whole.degree()
    assert int(sizes.max()) > 10
    assert bool((capped.degree() <= 5).all())
    small = sizes <= 5
    for i in range(600):
        full, some = (s.indices[s.indptr[i] : s.indptr[i + 1]] for s in (whole, capped))
        assert set(some.tolist()) <= set(full.tolist())
        assert some.tolist() == sorted(some.tolist())
        assert not small[i] or torch.equal(some, full)
        torch.testing.assert_close(capped.values[capped.indptr[i] : capped.indptr[i + 1]].sum(), sizes[i].float())
    arguments = (adj.indptr, adj.indices, pairs, None, False, difference, 5, 3)
    for ours, oracle in zip(cpu.collect(*arguments), reference.collect(*arguments), strict=True):
        torch.testing.assert_close(ours, oracle, rtol=0, atol=0)
    order = torch.randperm(600)  # another batch, the same sets
    assert as_lists(make(adj, pairs[:, order], max_neighbors=5, seed=3)) == [as_lists(capped)[i] for i in order]
    assert as_lists(make(adj, pairs, max_neighbors=5, seed=4)) != as_lists(capped)


def test_a_capped_sum_keeps_its_expectation():
    """Each member's mean weight over many seeds is 1: draws of 4 from n = 30 have variance (n - 1) / 4 each."""
    rows = torch.cat([torch.zeros(30, dtype=torch.int64), torch.ones(30, dtype=torch.int64)])
    adj = Adjacency.from_edges(rows, torch.arange(30).repeat(2), num_rows=30, sort_columns=True)
    total, trials = torch.zeros(30), 4000
    for seed in range(trials):
        capped = gr.ops.neighbor_intersection(adj, [[0], [1]], max_neighbors=4, seed=seed)
        total[capped.indices] += capped.values
    deviation = (29 / 4 / trials) ** 0.5
    assert (total / trials - 1).abs().max() < 4.5 * deviation


def test_a_graph_says_whether_removal_goes_both_ways():
    edges = [[0, 0, 1, 1], [2, 3, 2, 3]]
    undirected = gr.as_graph(edges, directed=False)
    directed = gr.as_graph(edges, num_nodes=4, directed=True)
    # arc 2 -> 0 is the other direction of edge 0 - 2; a directed graph has only 0 -> 2
    assert gr.ops.intersection_count(undirected, [[0], [1]], removed=[[2], [0]]).tolist() == [1]
    assert gr.ops.intersection_count(directed, [[0], [1]], removed=[[2], [0]]).tolist() == [2]
    assert gr.ops.intersection_count(directed, [[0], [1]], removed=[[2], [0]], directed=False).tolist() == [1]
    assert gr.ops.intersection_count(directed, [[0], [1]], removed=[[0], [2]]).tolist() == [1]


def test_a_matrix_that_is_not_square():
    adj = Adjacency(torch.tensor([0, 3, 5]), torch.tensor([1, 4, 6, 4, 6]), num_cols=7)
    assert as_lists(gr.ops.neighbor_intersection(adj, [[0], [1]])) == [[4, 6]]
    assert as_lists(gr.ops.neighbor_intersection(adj, [[0], [1]], removed=[[1], [6]])) == [[4]]
    assert as_lists(gr.ops.neighbor_difference(adj, [[0], [1]], removed=[[1], [6]])) == [[1, 6]]
    with pytest.raises(ValueError, match="directed must be True where the adjacency is not square: 2 x 7"):
        gr.ops.neighbor_intersection(adj, [[0], [1]], directed=False)


def test_inputs_that_are_read_only_or_not_contiguous():
    graph = gr.as_graph([[0, 1, 2, 3, 0], [1, 2, 3, 0, 2]], directed=False)  # its arrays are read-only
    pairs = torch.tensor([[0, 2], [1, 3], [0, 1]], dtype=torch.int32).T
    assert not pairs.is_contiguous()
    x = torch.randn(6, 4).T[:, ::2]
    weights = torch.rand(8)[::2]
    out = gr.ops.pool_common_neighbors(graph, pairs, x, weights)
    common = expected_sets(gr.ops.as_adjacency(graph), pairs)
    torch.testing.assert_close(out, torch.stack([(weights[z, None] * x[z]).sum(0) for z in common]))


def test_unusable_input_is_refused():
    graph = gr.as_graph([[0, 1], [1, 2]], directed=False)
    unsorted = Adjacency(torch.tensor([0, 2, 2, 2]), torch.tensor([2, 1]))
    x = torch.ones(3, 2)
    for function, args, options, error, message in (
        (gr.ops.intersection_count, (graph, [[0, 1]]), {}, ValueError, "shape"),
        (gr.ops.intersection_count, (graph, torch.zeros(5, 2).long()), {}, ValueError, "transpose"),
        (gr.ops.intersection_count, (graph, torch.zeros(2, 5)), {}, TypeError, "pairs must be an int32 or int64"),
        (gr.ops.intersection_count, (graph, [[0], [3]]), {}, IndexError, r"pairs must lie in \[0, 3\), got 3 … 3"),
        (gr.ops.intersection_count, (graph, [[-1], [0]]), {}, IndexError, "pairs must lie in"),
        (gr.ops.intersection_count, (unsorted, [[0], [1]]), {}, ValueError, "must ascend within rows"),
        (gr.ops.neighbor_intersection, (graph, [[0], [1]]), {"removed": [[0], [9]]}, IndexError, "removed must lie in"),
        (gr.ops.neighbor_intersection, (graph, [[0], [1]]), {"removed": "all"}, ValueError, "removed must be edges"),
        (gr.ops.neighbor_intersection, (graph, [[0], [1]]), {"max_neighbors": 0}, ValueError, "max_neighbors must be"),
        (gr.ops.neighbor_intersection, (graph, [[0], [1]]), {"max_neighbors": 2, "seed": -1}, ValueError, "seed"),
        (gr.ops.pool_difference, (graph, [[0], [1]], x.int()), {}, TypeError, "x must be a float32"),
        (gr.ops.pool_difference, (graph, [[0], [1]], x[:2]), {}, ValueError, "one row per column"),
        (gr.ops.pool_difference, (graph, [[0], [1]], x, torch.ones(2)), {}, ValueError, "weights must have shape"),
        (gr.ops.pool_difference, (graph, [[0], [1]], x, torch.ones(3).double()), {}, TypeError, "dtype of x"),
        (gr.ops.pool_difference, (graph, [[0], [1]], x.to("meta")), {}, ValueError, "x is on meta"),
    ):
        with pytest.raises(error, match=message):
            function(*args, **options)


def test_ascending_is_told_apart_from_falling():
    adjacency = Adjacency(torch.tensor([0, 0, 2, 2, 4, 4]), torch.tensor([3, 4, 0, 0]))  # falls only between rows
    assert adjacency._structure.ascending()
    assert not Adjacency(torch.tensor([0, 0, 4]), torch.tensor([0, 1, 1, 0]))._structure.ascending()
    assert Adjacency(torch.tensor([0]), torch.empty(0, dtype=torch.int64))._structure.ascending()


def test_opcheck():
    adj = random_adjacency(10, 40)
    pairs = random_pairs(10, 6)
    sets = (adj.indptr, adj.indices, pairs, pairs, True, False)
    x, weights = torch.randn(10, 3, requires_grad=True), torch.rand(10, requires_grad=True)
    g = torch.randn(6, 3, requires_grad=True)
    library = torch.ops.graphrep
    torch.library.opcheck(library.count_neighbor_sets.default, sets)
    torch.library.opcheck(library.collect_neighbor_sets.default, (*sets, 3, 1))
    torch.library.opcheck(library.pool_neighbor_sets.default, (*sets, x, weights, False))
    torch.library.opcheck(library.pool_neighbor_sets_transposed.default, (*sets, g, None, None, 10))
    assert {op.name for op in (count_op, collect_op, pool_op, transposed_op)} <= set(dir(library))


def test_compiles_without_a_graph_break():
    adj = random_adjacency(30, 200)
    pairs = random_pairs(30, 50)
    x = torch.randn(30, 8)

    def loss(x):
        return gr.ops.pool_common_neighbors(adj, pairs, x, removed="pairs").tanh().sum()

    plain, compiled = x.clone().requires_grad_(), x.clone().requires_grad_()
    loss(plain).backward()
    torch.compile(loss, fullgraph=True, backend="aot_eager")(compiled).backward()
    torch.testing.assert_close(compiled.grad, plain.grad)
