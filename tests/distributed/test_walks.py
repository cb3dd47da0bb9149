"""Walkers on divided rows: kernels beside definitions, and the walks of all ranks beside those of one process."""

from __future__ import annotations

import threading
from itertools import product

import numpy as np
import pytest

import graphrep as gr
from graphrep import _core, _random
from graphrep.csr import CSR
from graphrep.distributed.ranks import Ranks
from graphrep.graph import Graph
from graphrep.ops.walks.cpu import alias_tables, edge_filter

RNG = np.random.default_rng(2)
ENDS = (200 * RNG.random((2, 1500)) ** 2).astype(np.int64)  # self loops, hubs, and at least ten nodes without arcs
WEIGHTS = RNG.random(1500) + 0.01
KINDS = list(product([False, True], repeat=2))
# Many steps of the last ones end with the scan of a row.
BIASES = [(0.25, 4), (4, 0.25), (0.5, 1), (1, 1), (300, 300), (0.001, 300), (1e-100, 1e100), (1e100, 1e-100)]


def graph_of(directed, weighted, dtype=np.int32):
    g = gr.as_graph(ENDS, num_nodes=210, directed=directed, weights=WEIGHTS if weighted else None, merge="max")
    assert (g.weights is not None) == weighted
    return Graph._trusted(CSR(g.indptr, g.indices.astype(dtype), g.weights), directed=directed)


# Definitions


def fixed(value):
    return int(min(value, 2.0**31) * 2.0**31)


def next_node(graph, rule, number, node, before, drawn):
    """One step of second order, and how many random numbers have been drawn then."""
    key = _random.stream_key(rule["seed"], rule["first_walk"] + number)

    def bits():
        nonlocal drawn
        drawn += 1
        return int(_random.random_bits(key, drawn - 1))

    begin, end = graph.indptr[node : node + 2].tolist()
    row, degree, near_before = graph.indices[begin:end].tolist(), end - begin, set(graph.neighbor_rows(before).tolist())
    weights = [1.0] * degree if graph.weights is None else graph.weights[begin:end].astype(float).tolist()
    back, near, far = 1 / rule["p"], 1.0, 1 / rule["q"]
    bound, first, span = max(near, far), rule["step"] == 1, degree << 31
    alphas = [back if x == before else near if x in near_before else far for x in row]
    if not first and back > bound and before in row:
        slots = 1.0
        if graph.weights is not None:
            slots = weights[row.index(before)] * degree / graph.weighted_degree()[node]
        span += fixed((back / bound - 1) * slots)
    keep, slot, _ = alias_tables(graph, 1)
    for _ in range(64):
        arc, height = divmod(bits() * span >> 64, 1 << 31)
        returns = arc >= degree
        arc = 0 if returns else arc
        if keep is not None and _random.uniform_float(bits()) >= keep[begin + arc]:
            arc = int(slot[begin + arc])
        if returns:
            return before, drawn
        if first or height < fixed(min(alphas[arc] / bound, 1.0)):
            return row[arc], drawn
    masses = np.array(alphas) * weights
    u, likely = float(_random.uniform_double(bits())), np.flatnonzero(masses > 0)
    left = np.cumsum([u * np.cumsum(masses)[-1], *-masses[likely]])[1:]
    return row[likely[np.flatnonzero(left < 0)[0] if (left < 0).any() else -1]], drawn


def next_of_first_order(graph, rule, number, node):
    begin, end = graph.indptr[node : node + 2].tolist()
    product_ = int(_random.random_bits(_random.stream_key(rule["seed"], rule["first_walk"] + number), rule["step"]))
    slot, rest = divmod(product_ * (end - begin), 1 << 64)
    keep, alias, _ = alias_tables(graph, 1)
    if keep is not None and _random.uniform_float(rest) >= keep[begin + slot]:
        slot = int(alias[begin + slot])
    return int(graph.indices[begin + slot])


# Kernels


def part_of(graph, begin, end, num_threads):
    """Arguments of the kernels for the rows from begin to end."""
    arcs = slice(graph.indptr[begin], graph.indptr[end])
    weights = None if graph.weights is None else graph.weights[arcs].copy()
    rows = CSR(graph.indptr[begin : end + 1] - arcs.start, graph.indices[arcs].copy(), weights)
    own = Graph._trusted(rows, directed=True)
    keep, slot, sums = alias_tables(own, 1)
    common = {"indptr": own.indptr, "indices": own.indices, "first_node": begin, "num_nodes": graph.num_nodes}
    tables = {"weights": weights, "alias_keep": keep, "alias_slot": slot, "row_sums": sums}
    return {**common, "num_threads": num_threads}, tables, edge_filter(own, 1)


def walkers_at(graph, begin, end, size):
    """Walkers in any state: at dead ends, and on a directed graph from any node; on another one from a neighbor."""
    rng = np.random.default_rng(5)
    nodes = rng.integers(begin, end, size)
    before = rng.integers(graph.num_nodes, size=size)
    for i in range(0, size, 1 + graph.directed):
        row = graph.neighbor_rows(nodes[i])
        before[i] = rng.choice(row) if len(row) else nodes[i]
    walkers = np.stack([rng.permutation(size), nodes, before, rng.integers(100, size=size)], axis=1)
    walkers[::17, 1] = -1  # has ended
    return walkers


@pytest.mark.parametrize("dtype", [np.int32, np.int64])
@pytest.mark.parametrize(("directed", "weighted"), KINDS)
@pytest.mark.parametrize(("begin", "end"), [(0, 210), (60, 130)])
def test_steps_are_those_of_the_definition(directed, weighted, dtype, begin, end):
    graph = graph_of(directed, weighted, dtype)
    exists = {(u, v) for u in range(210) for v in graph.neighbor_rows(u).tolist()}
    scanned = 0
    for (p, q), step in product(BIASES, [1, 3]):
        rule = {"walk_length": 9, "seed": 7, "first_walk": 40, "step": step}
        start = walkers_at(graph, begin, end, 150)
        expected = start.copy()
        made = np.full((len(start), 2), -1)
        for i, (number, node, before, drawn) in enumerate(start.tolist()):
            if node < 0 or graph.indptr[node] == graph.indptr[node + 1]:
                expected[i, 1] = -1
            elif (p, q) == (1, 1):
                expected[i, 1] = next_of_first_order(graph, rule, number, node)
            else:
                expected[i, 1::2] = next_node(graph, rule | {"p": p, "q": q}, number, node, before, drawn)
                expected[i, 2] = node
            if expected[i, 1] >= 0:
                made[i] = 9 * number + step, expected[i, 1]
        for num_threads, filtered in [(1, True), (3, False)]:
            common, tables, words = part_of(graph, begin, end, num_threads)
            walkers, found = start.copy(), np.zeros_like(made)
            if (p, q) == (1, 1):
                walkers = walkers[:, :2].copy()
                _core.step_walkers(**common, **tables, **rule, walkers=walkers, made=found)
            else:
                words = words if filtered else None
                scanned += len(second_order(common, tables, words, rule | {"p": p, "q": q}, walkers, found, exists,
                                            directed=directed, begin=begin, end=end))  # fmt: skip
            np.testing.assert_array_equal(walkers, expected[:, : walkers.shape[1]])
            np.testing.assert_array_equal(found, made)
    assert (scanned > 0) == (begin > 0)  # the process that has all rows asks nothing


def second_order(common, tables, words, rule, walkers, made, exists, *, directed, begin, end):
    """A step whose questions are answered from a set of all arcs; returns the walkers that needed all answers."""
    moved = {"walkers": walkers, "made": made}
    asked = _core.try_steps(**common, **tables, **rule, **moved, filter=words, directed=directed)
    pairs, askers = (part.reshape(-1, 2) for part in asked)
    for source, target in pairs.tolist():
        assert not begin <= source < end
        assert directed or not begin <= target < end
    assert len(pairs) == 0 or rule["q"] != 1
    assert (np.diff(askers[:, 0] // 1024) >= 0).all()
    where = np.random.default_rng(1).permutation(len(pairs))
    answers = np.zeros(len(pairs), np.uint8)
    answers[where] = [pair in exists for pair in map(tuple, pairs.tolist())]
    questions = {"pairs": pairs, "askers": askers, "where": where, "answers": answers}
    rest = _core.settle_steps(**rule, **questions, **moved, num_threads=common["num_threads"])
    begin_of, end_of = common["indptr"][walkers[rest, 1] - begin], common["indptr"][walkers[rest, 1] - begin + 1]
    offsets = np.concatenate([[0], np.cumsum(end_of - begin_of)])
    known = [
        (before, x) in exists
        for before, first, last in zip(walkers[rest, 2].tolist(), begin_of, end_of, strict=True)
        for x in common["indices"][first:last].tolist()
    ]
    scan = {"rows": rest, "offsets": offsets, "answers": np.array(known, np.uint8)}
    _core.scan_steps(**common, **tables, **rule, **moved, **scan)
    return rest


@pytest.mark.parametrize("dtype", [np.int32, np.int64])
@pytest.mark.parametrize("num_threads", [1, 3])
def test_answers_and_routes(dtype, num_threads):
    rng, graph = np.random.default_rng(0), graph_of(True, False, dtype)
    for count in (0, 1, 63, 70_000):  # several blocks of items
        pairs = np.stack([rng.integers(60, 130, count), rng.integers(210, size=count)], axis=1)
        common, _, words = part_of(graph, 60, 130, num_threads)
        for some in (words, None):
            answers = np.full(count, 7, np.uint8)
            _core.answer_questions(**common, filter=some, pairs=pairs, answers=answers)
            np.testing.assert_array_equal(answers, graph.has_edges(*pairs.T))
        for width, column, size in product((2, 4), (0, 1), (1, 3, 40)):  # few processes and many
            items = rng.integers(-20, 200, (count, width))
            ends = np.sort(rng.integers(0, 200, size))
            ends[-1] = 200
            counts, out, where = np.zeros(size, np.int64), np.zeros_like(items), np.zeros(count, np.int64)
            _core.route_items(items, column, ends, counts, out, where, num_threads)
            kept = np.flatnonzero(items[:, column] >= 0)
            process = np.searchsorted(ends, items[kept, column], side="right")
            order = kept[np.argsort(process, kind="stable")]
            np.testing.assert_array_equal(counts, np.bincount(process, minlength=size))
            np.testing.assert_array_equal(out[: len(order)], items[order])
            np.testing.assert_array_equal(where[order], np.arange(len(order)))
            assert (where[items[:, column] < 0] == -1).all()
        made = np.stack([rng.permutation(count) + 5, rng.integers(210, size=count)], axis=1)
        made[::7, 0] = -1
        found, expected = np.full((count, 1), -1, dtype), np.full(count, -1, dtype)
        _core.place_nodes(made, 5, found, num_threads)
        expected[made[made[:, 0] >= 0, 0] - 5] = made[made[:, 0] >= 0, 1]
        np.testing.assert_array_equal(found[:, 0], expected)


def test_what_leads_outside_is_refused():
    graph = graph_of(False, False)
    common, tables, words = part_of(graph, 60, 130, 1)
    rule = {"walk_length": 9, "seed": 7, "first_walk": 0, "step": 2, "p": 0.5, "q": 2.0}
    made = np.zeros((1, 2), np.int64)
    for node, before in [(59, 0), (130, 0), (2**62, 0), (61, 210), (61, -1)]:
        walkers = np.array([[0, node, before, 0]])
        with pytest.raises(IndexError, match="must lie in"):
            _core.try_steps(**common, **tables, **rule, walkers=walkers, made=made, filter=words, directed=False)
    for pair in ([59, 0], [130, 0], [61, 210], [61, -1]):
        with pytest.raises(IndexError, match="must lie in"):
            _core.answer_questions(**common, filter=words, pairs=np.array([pair]), answers=np.zeros(1, np.uint8))
    waits = {"walkers": np.array([[0, 61, 0, 0]]), "made": np.array([[-2, -1]]), "num_threads": 1}
    ask = {"pairs": np.array([[0, 1]]), "answers": np.ones(1, np.uint8)}
    for asker, where in [(1, 0), (-1, 0), (0, 1), (0, -1)]:
        with pytest.raises(IndexError, match="must lie in"):
            _core.settle_steps(**rule, **ask, **waits, askers=np.array([[asker, 1]]), where=np.array([where]))
    degree = int(graph.out_degree[61])
    scan = {"rows": np.zeros(1, np.int64), "answers": np.ones(degree, np.uint8)}
    for offsets in ([0, degree + 1], [1, degree], [-1, degree - 1]):
        with pytest.raises(ValueError, match=r"answer for each arc|indptr must ascend"):
            _core.scan_steps(**tables, **rule, **scan, offsets=np.array(offsets), **waits | common)
    items, out = np.array([[5, 0]]), np.zeros((1, 2), np.int64)
    with pytest.raises(IndexError, match=r"the process of an item must lie in \[0, 2\), got 2"):
        _core.route_items(items, 0, np.array([2, 5]), np.zeros(2, np.int64), out, None, 1)
    with pytest.raises(IndexError, match="place must lie in"):
        _core.place_nodes(items, 6, np.zeros((1, 1), np.int32), 1)


# Ranks that are threads of this process


class Local(Ranks):
    def __init__(self, rank, size, shared, barrier):
        super().__init__(rank, size)
        self._shared, self._barrier = shared, barrier

    def tell(self, step, value):
        self._shared[self.rank] = step, value
        self._barrier.wait(60)
        found = list(self._shared)
        self._barrier.wait(60)
        assert {one for one, _ in found} == {step}
        return [value for _, value in found]

    def _send(self, items, out, sent, received):
        parts = [given[self.rank] for given in self.tell("items", np.split(items, np.cumsum(sent)[:-1]))]
        assert [len(part) for part in parts] == list(received)
        out[...] = np.concatenate(parts)


def on_ranks(size, function):
    """What a function of its rank returns on each of them."""
    shared, barrier, found = [None] * size, threading.Barrier(size), [None] * size

    def run(rank):
        try:
            found[rank] = function(Local(rank, size, shared, barrier))
        except BaseException as error:
            found[rank] = error
            barrier.abort()

    threads = [threading.Thread(target=run, args=(rank,)) for rank in range(size)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    errors = [one for one in found if isinstance(one, BaseException)]
    for error in sorted(errors, key=lambda error: isinstance(error, threading.BrokenBarrierError)):
        raise error
    return found


def check_walks(graph, size, n_jobs=1, **options):
    found = on_ranks(size, lambda ranks: list(gr.distributed.iter_walks(graph, ranks, n_jobs=n_jobs, **options)))
    for rank, batches in enumerate(found):
        expected = list(gr.iter_walks(graph, rank=rank, world_size=size, n_jobs=1, **options))
        assert len(batches) == len(expected)
        for one, other in zip(batches, expected, strict=True):
            assert one.dtype == other.dtype
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(("directed", "weighted"), KINDS)
def test_ranks_have_the_walks_of_one_process(directed, weighted):
    graphs = [graph_of(directed, weighted, dtype) for dtype in (np.int32, np.int64)]
    for i, ((p, q), size) in enumerate(product([*BIASES, (1e-100, 1e-100), (1e100, 1e100)], [1, 2, 3])):
        options = {"walk_length": 5, "walks_per_node": 2, "batch_size": 106, "seed": 3, "p": p, "q": q}
        check_walks(graphs[i % 2], size, n_jobs=1 + i % 3, **options)


@pytest.mark.parametrize(("p", "q"), [(1, 1), (0.25, 4), (4, 0.25)])
def test_threads_take_the_steps(p, q):
    graph = graph_of(True, True)  # more walkers and items than a thread takes at a time
    check_walks(graph, 2, n_jobs=3, walk_length=4, walks_per_node=200, batch_size=21_000, p=p, q=q)


def test_odd_shapes():
    few = gr.as_graph([("a", "b")])  # fewer nodes than ranks
    none = gr.as_graph(np.zeros((2, 0), int), num_nodes=3)
    hub = gr.as_graph(np.stack([np.zeros(99, int), np.arange(1, 100)]), num_nodes=100)
    for graph, (p, q) in product([few, none, hub], [(1, 1), (0.5, 2), (1e100, 1e-3)]):
        for options in ({"walk_length": 1}, {"walk_length": 3, "batch_size": 30, "start": [1, 1, 0]}):
            check_walks(graph, 4, walks_per_node=1, p=p, q=q, **options)
    check_walks(few, 3, walks_per_node=0)
    check_walks(few, 3, walk_length=3, walks_per_node=1, batch_size=1 << 62)


def test_a_step_stops_scanning_in_parts(monkeypatch):
    monkeypatch.setattr("graphrep.distributed.walks._ASKED", 50)  # ranks need several rounds, and not the same number
    check_walks(graph_of(False, True), 3, walk_length=6, walks_per_node=1, p=0.001, q=300)
