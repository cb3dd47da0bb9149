from __future__ import annotations

import itertools

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from graphrep import csr as csr_module
from graphrep.csr import (
    CSR,
    MERGES,
    build_csr,
    build_rows,
    count_loops,
    cpu,
    find_arcs,
    first_bad_row,
    index_dtype,
    is_symmetric,
    reference,
    transpose_csr,
)

THREADS = (1, 2, 5)


def random_edges(num_nodes, num_edges, *, seed=0, dtype=np.int64, skew=2):
    rng = np.random.default_rng(seed)
    source, target = (num_nodes * rng.random((2, num_edges)) ** skew).astype(dtype)
    weights = (rng.random(num_edges) * 10.0 ** rng.integers(-6, 6, num_edges)).astype(np.float32)
    return source, target, weights


def random_csr(num_nodes, num_edges, *, symmetrize=False, weighted=True, dtype=np.int32, seed=0):
    source, target, weights = random_edges(num_nodes, num_edges, seed=seed)
    built = build_csr(source, target, weights if weighted else None, num_nodes, symmetrize=symmetrize)
    return CSR(built.indptr, built.indices.astype(dtype), built.weights)


def assert_same(got, expected, dtype=None):
    """Bit for bit, dtypes included; ``dtype`` overrides that of the indices."""
    assert len(got) == len(expected) == 3
    for a, b, kind in zip(got, expected, (np.int64, dtype or expected[1].dtype, np.float32), strict=True):
        assert (a is None) == (b is None)
        if a is not None:
            assert a.dtype == kind
            np.testing.assert_array_equal(a, b)


SIZES = [(0, 0), (1, 0), (1, 3), (5, 0), (2, 9), (63, 200), (1000, 3), (1025, 70_001), (70_003, 40_000)]


@pytest.mark.parametrize(("num_nodes", "num_edges"), SIZES)
@pytest.mark.parametrize("dtype", [np.int32, np.int64])
@pytest.mark.parametrize("symmetrize", [False, True])
@pytest.mark.parametrize("merge", MERGES)
def test_native_equals_reference(num_nodes, num_edges, dtype, symmetrize, merge):
    source, target, weights = random_edges(num_nodes, num_edges, dtype=dtype)
    for w in (None, weights):
        for self_loops in (True, False):
            options = {"symmetrize": symmetrize, "merge": merge, "self_loops": self_loops}
            expected = reference.build_csr(source, target, w, num_nodes, **options)
            for n_jobs in THREADS:
                got = cpu.build_csr(source, target, w, num_nodes, n_jobs=n_jobs, **options)
                assert_same(got, expected)


def test_wide_indices():
    source, target, weights = random_edges(700, 5000)
    options = {"symmetrize": True, "merge": "sum", "self_loops": True}
    expected = reference.build_csr(source, target, weights, 700, **options)
    for ids in (np.int32, np.int64):
        got = cpu.build_csr(source.astype(ids), target.astype(ids), weights, 700, wide=True, n_jobs=2, **options)
        assert_same(got, expected, dtype=np.int64)
    assert index_dtype(2**31 - 1) is np.int32
    assert index_dtype(2**31) is np.int64


@given(
    st.integers(1, 6).flatmap(
        lambda n: st.tuples(
            st.just(n),
            st.lists(st.tuples(st.integers(0, n - 1), st.integers(0, n - 1), st.integers(1, 9)), max_size=30),
        )
    ),
    st.booleans(),
    st.booleans(),
    st.sampled_from(MERGES),
)
@settings(max_examples=200, deadline=None)
def test_against_a_dictionary(graph, symmetrize, self_loops, merge):
    """The contract spelled out: merge per direction, then the larger of the two directions."""
    num_nodes, edges = graph
    arcs: dict[tuple[int, int], float] = {}
    for u, v, w in edges:
        if u != v or self_loops:
            old = arcs.get((u, v))
            arcs[u, v] = w if old is None else {"sum": old + w, "max": max(old, w), "first": old}[merge]
    if symmetrize:
        arcs = {pair: max(arcs.get(pair, 0), arcs.get(pair[::-1], 0)) for key in arcs for pair in (key, key[::-1])}
    source, target, weights = np.array(edges, dtype=np.int64).reshape(-1, 3).T
    got = build_csr(
        source,
        target,
        weights.astype(np.float32),
        num_nodes,
        symmetrize=symmetrize,
        self_loops=self_loops,
        merge=merge,
        n_jobs=2,
    )
    rows = np.repeat(np.arange(num_nodes), np.diff(got.indptr))
    assert dict(zip(zip(rows.tolist(), got.indices.tolist(), strict=True), got.weights.tolist(), strict=True)) == arcs
    assert first_bad_row(got) == -1
    if symmetrize:
        assert is_symmetric(got)


def test_agrees_with_scipy():
    source, target, _ = random_edges(3001, 90_000)
    weights = np.random.default_rng(1).random(90_000).astype(np.float32)
    got = build_csr(source, target, weights, 3001)
    expected = sp.coo_array((weights.astype(np.float64), (source, target)), shape=(3001, 3001)).tocsr()
    np.testing.assert_array_equal(got.indptr, expected.indptr)
    np.testing.assert_array_equal(got.indices, expected.indices)
    np.testing.assert_array_equal(got.weights, expected.data.astype(np.float32))


def test_sums_run_in_input_order():
    """1 + 1e-16 a thousand times over is 1 from the left, more from the right: order and precision show."""
    small = np.full(1000, 1e-16, dtype=np.float32)
    for values in (np.r_[np.float32(1), small], np.r_[small, np.float32(1)]):
        total = 0.0
        for value in values.tolist():
            total += value
        zeros = np.zeros(1001, dtype=np.int64)
        for implementation in (cpu, reference):
            _, _, weights = implementation.build_csr(
                zeros, zeros, values, 1, symmetrize=False, merge="sum", self_loops=True, n_jobs=2
            )
            assert weights.tolist() == [np.float32(total)]


def test_unweighted_input_gets_weights_only_where_edges_repeat():
    edges = np.array([[0, 1, 2], [1, 2, 0]])
    assert build_csr(*edges, None, 3).weights is None
    assert build_csr(*edges, None, 3, symmetrize=True).weights is None
    both = np.concatenate([edges, edges[::-1]], axis=1)
    assert build_csr(*both, None, 3, symmetrize=True).weights is None
    twice = np.concatenate([edges, edges[:, :1]], axis=1)
    assert build_csr(*twice, None, 3).weights.tolist() == [2, 1, 1]
    assert build_csr(*twice, None, 3, merge="max").weights is None
    assert build_csr(*edges, np.ones(3, np.float32), 3).weights.tolist() == [1, 1, 1]


def test_strided_and_read_only_input():
    source, target, weights = random_edges(50, 400)
    expected = build_csr(source, target, weights, 50)
    table = np.column_stack([source, target])
    table.flags.writeable = False
    many = np.repeat(weights, 3)[::3]
    assert_same(build_csr(table[:, 0], table[:, 1], many, 50), expected)
    assert_same(build_csr(source.astype(np.int32), target, weights, 50), expected)
    assert_same(build_csr(source.astype(np.uint8), target.astype(np.uint8), weights, 50), expected)


def test_input_stays_as_it_was():
    source, target, weights = random_edges(50, 400)
    copies = source.copy(), target.copy(), weights.copy()
    build_csr(source, target, weights, 50, symmetrize=True)
    for array, copy in zip((source, target, weights), copies, strict=True):
        np.testing.assert_array_equal(array, copy)


@pytest.mark.parametrize("backend", ["native", "reference"])
@pytest.mark.parametrize("dtype", [np.int32, np.int64])
@pytest.mark.parametrize(
    ("source", "target", "message"),
    [
        ([0, 7, 9], [0, 0, 0], r"source holds node id 7, outside \[0, 3\)\."),
        ([0, -1], [-2, 0], r"source holds node id -1, outside \[0, 3\)\."),
        ([0, 1], [3, -2], r"target holds node id 3, outside \[0, 3\)\."),
    ],
)
def test_ids_outside(monkeypatch, backend, dtype, source, target, message):
    monkeypatch.setenv("GRAPHREP_BACKEND", backend)
    with pytest.raises(IndexError, match=message):
        build_csr(np.array(source, dtype), np.array(target, dtype), None, 3, n_jobs=2)


def test_the_first_bad_id_is_named_whatever_the_threads():
    source = np.zeros(300_000, dtype=np.int64)
    source[[70_000, 180_000, 299_999]] = 11, 22, 33
    for n_jobs in THREADS:
        with pytest.raises(IndexError, match="source holds node id 11,"):
            build_csr(source, source, None, 5, n_jobs=n_jobs)


def test_no_nodes_but_edges():
    with pytest.raises(IndexError, match=r"outside \[0, 0\)"):
        build_csr(np.array([0]), np.array([0]), None, 0)


def test_bad_arguments():
    ends = np.array([0, 1])
    with pytest.raises(ValueError, match=r"merge must be one of sum, max, first; got 'mean'\."):
        build_csr(ends, ends, None, 2, merge="mean")
    with pytest.raises(ValueError, match="vectors of equal length"):
        build_csr(ends, ends[:1], None, 2)
    with pytest.raises(ValueError, match=r"weights must have shape \(2,\)"):
        build_csr(ends, ends, np.ones(3, np.float32), 2)


@pytest.mark.parametrize("backend", ["native", "reference"])
def test_a_sum_beyond_float32(monkeypatch, backend):
    monkeypatch.setenv("GRAPHREP_BACKEND", backend)
    zeros, huge = np.zeros(2, dtype=np.int64), np.full(2, 3e38, dtype=np.float32)
    with pytest.raises(ValueError, match="add up to more than float32 holds"):
        build_csr(zeros, zeros, huge, 1)
    assert build_csr(zeros, zeros, huge, 1, merge="max").weights.tolist() == huge[:1].tolist()


@pytest.mark.parametrize("dtype", [np.int32, np.int64])
@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.parametrize(("num_nodes", "num_edges"), SIZES)
def test_transpose(dtype, weighted, num_nodes, num_edges):
    csr = random_csr(num_nodes, num_edges, weighted=weighted, dtype=dtype)
    expected = reference.transpose_csr(*csr)
    for n_jobs in THREADS:
        assert_same(cpu.transpose_csr(*csr, n_jobs=n_jobs), expected)
    assert_same(transpose_csr(transpose_csr(csr)), csr)


@pytest.mark.parametrize("dtype", [np.int32, np.int64])
@pytest.mark.parametrize(("num_nodes", "num_edges"), SIZES)
def test_symmetric(dtype, num_nodes, num_edges):
    csr = random_csr(num_nodes, num_edges, symmetrize=True, dtype=dtype)
    directed = random_csr(num_nodes, num_edges, dtype=dtype)
    for n_jobs in THREADS:
        assert cpu.is_symmetric(*csr, n_jobs=n_jobs)
        assert cpu.is_symmetric(*directed, n_jobs=n_jobs) == reference.is_symmetric(*directed)


def test_one_flaw_in_a_symmetric_graph_is_found():
    """Flaws that the sampled look-up misses: one arc gone, one weight off, one arc moved."""
    csr = random_csr(3000, 60_000, symmetrize=True)
    rows = np.repeat(np.arange(3000), np.diff(csr.indptr))
    step = len(rows) // 1024 + 1
    for at in np.flatnonzero((rows != csr.indices) & (np.arange(len(rows)) % step != 0))[[5, 20_000, -1]]:
        keep = np.arange(len(rows)) != at
        broken = build_csr(rows[keep], csr.indices[keep], csr.weights[keep], 3000)
        weights = csr.weights.copy()
        weights[at] = np.nextafter(weights[at], np.float32(np.inf))
        elsewhere = csr.indices.copy()
        elsewhere[at] = np.setdiff1d(np.arange(3000), csr.indices[rows == rows[at]])[0]
        moved = build_csr(rows, elsewhere, csr.weights, 3000)
        for flawed in (broken, moved, csr._replace(weights=weights)):
            assert not reference.is_symmetric(*flawed)
            for n_jobs in THREADS:
                assert not cpu.is_symmetric(*flawed, n_jobs=n_jobs)


@pytest.mark.parametrize("dtype", [np.int32, np.int64])
@pytest.mark.parametrize(("num_nodes", "num_edges"), SIZES)
def test_queries(dtype, num_nodes, num_edges):
    csr = random_csr(num_nodes, num_edges, dtype=dtype)
    rng = np.random.default_rng(3)
    source, target = rng.integers(0, max(num_nodes, 1), (2, 500 if num_nodes else 0))
    if len(csr.indices):
        rows = np.repeat(np.arange(num_nodes), np.diff(csr.indptr))
        source, target = np.r_[source, rows[:500]], np.r_[target, csr.indices[:500]]
    for n_jobs in THREADS:
        assert cpu.count_loops(csr.indptr, csr.indices, n_jobs=n_jobs) == reference.count_loops(*csr[:2])
        at = cpu.find_arcs(csr.indptr, csr.indices, source, target, n_jobs=n_jobs)
        np.testing.assert_array_equal(at, reference.find_arcs(csr.indptr, csr.indices, source, target))
        assert cpu.first_bad_row(csr.indptr, csr.indices, n_jobs=n_jobs) == -1
    if len(csr.indices):
        assert (at[-1:] >= 0).all()


def test_count_loops():
    loops = np.array([0, 3, 4])
    assert count_loops(build_csr(np.r_[loops, 1], np.r_[loops, 2], None, 5)) == 3


def test_find_arcs_checks_ids():
    csr = random_csr(10, 30)
    with pytest.raises(IndexError, match=r"target holds node id 10, outside \[0, 10\)"):
        find_arcs(csr, np.array([0]), np.array([10]))


@pytest.mark.parametrize("module", [cpu, reference])
@pytest.mark.parametrize(
    "row", [[1, 0], [1, 1], [-1, 0], [2, 3000], [3000]], ids=["descends", "repeats", "negative", "outside", "single"]
)
def test_first_bad_row(module, row):
    indptr = np.full(3001, 1 + len(row), dtype=np.int64)
    indptr[:1501] = np.minimum(np.arange(1501), 1)
    indices = np.array([5, *row], dtype=np.int32)
    assert module.first_bad_row(indptr, indices, n_jobs=2) == 1500


def test_every_operation_follows_the_switch(monkeypatch):
    """GRAPHREP_BACKEND reaches each public function, and both backends agree."""
    source, target, weights = random_edges(40, 300)
    answers = {}
    for backend in ("native", "reference"):
        monkeypatch.setenv("GRAPHREP_BACKEND", backend)
        csr = build_csr(source, target, weights, 40)
        answers[backend] = [
            *csr,
            *transpose_csr(csr),
            is_symmetric(csr),
            count_loops(csr),
            find_arcs(csr, source, target[::-1].copy()),
            first_bad_row(csr),
        ]
        spy = {"native": reference, "reference": cpu}[backend]
        for name in ("build_csr", "transpose_csr", "is_symmetric", "count_loops", "find_arcs", "first_bad_row"):
            with monkeypatch.context() as patch:
                patch.setattr(spy, name, None)  # the other one must not be called
                arguments = (source, target, weights, 40) if name == "build_csr" else (csr,)
                extra = (source, target) if name == "find_arcs" else ()
                getattr(csr_module, name)(*arguments, *extra)
    for a, b in zip(answers["native"], answers["reference"], strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("dtype", [np.int32, np.int64])
@pytest.mark.parametrize("symmetrize", [False, True])
@pytest.mark.parametrize("merge", MERGES)
@pytest.mark.parametrize("weighted", [False, True])
def test_rows_that_are_built_apart_are_those_of_the_whole(dtype, symmetrize, merge, weighted, monkeypatch):
    num_nodes, cuts = 70, (0, 1, 1, 33, 70)
    source, target, weights = random_edges(num_nodes, 900, dtype=dtype)
    whole = build_csr(source, target, weights if weighted else None, num_nodes, symmetrize=symmetrize, merge=merge)
    apart = source != target
    sides = [(source, target, weights), (target[apart], source[apart], weights[apart])][: 1 + symmetrize]
    for backend, n_jobs in (("native", 1), ("native", 5), ("reference", 1)):
        monkeypatch.setenv("GRAPHREP_BACKEND", backend)
        parts = []
        for begin, end in itertools.pairwise(cuts):
            kept = [(side[0] >= begin) & (side[0] < end) for side in sides]
            chosen = [[part[keep] for part in side] for side, keep in zip(sides, kept, strict=True)]
            row, column, w = (np.concatenate(part) for part in zip(*chosen, strict=True))
            rows, forward = (begin, end), len(chosen[0][0])
            built = build_rows(
                row,
                column,
                w if weighted else None,
                num_nodes,
                rows=rows,
                num_forward=forward,
                merge=merge,
                n_jobs=n_jobs,
            )
            assert built.indptr.dtype == np.int64
            assert len(built.indptr) == end - begin + 1
            parts.append(built)
        np.testing.assert_array_equal(np.concatenate([np.diff(part.indptr) for part in parts]), np.diff(whole.indptr))
        np.testing.assert_array_equal(np.concatenate([part.indices for part in parts]), whole.indices)
        assert all(part.indices.dtype == whole.indices.dtype for part in parts)
        ones = [np.ones(len(part.indices)) if part.weights is None else part.weights for part in parts]
        expected = np.ones(len(whole.indices)) if whole.weights is None else whole.weights
        np.testing.assert_array_equal(np.concatenate(ones), expected)


@pytest.mark.parametrize("backend", ["native", "reference"])
def test_rows_refuse_arcs_of_others(backend, monkeypatch):
    monkeypatch.setenv("GRAPHREP_BACKEND", backend)
    one = np.array([1])
    for row, column in ((0, 0), (3, 0), (1, 5), (1, -1)):
        with pytest.raises(IndexError, match="holds node id"):
            build_rows(row * one, column * one, None, 5, rows=(1, 3))
    with pytest.raises(ValueError, match="merge must be one of"):
        build_rows(one, one, None, 5, rows=(1, 3), merge="mean")
    with pytest.raises(ValueError, match="add up to more than float32"):
        build_rows(one.repeat(2), one.repeat(2), np.full(2, 3e38, np.float32), 5, rows=(1, 3))
