from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

import graphrep as gr
from graphrep import _core
from graphrep.csr import CSR
from graphrep.graph import Graph
from graphrep.ops import project_neighbors, random_projection, spmm
from graphrep.ops.projection import accumulate_rows

BACKENDS = ["native", "reference"]
DENSITIES = [1.0, 1 / 3, 0.02, 1e-5, 1e-300]


def random_graph(num_nodes, num_arcs, seed=0, *, weighted=False):
    rng = np.random.default_rng(seed)
    ends = (num_nodes * rng.random((2, num_arcs)) ** 3).astype(np.int64)
    weights = 10 ** rng.uniform(-1, 1, num_arcs) if weighted else None
    return gr.as_graph(ends, num_nodes=num_nodes, directed=True, weights=weights, merge="max")


def wide(graph):
    csr = CSR(graph.indptr, graph.indices.astype(np.int64), graph.weights)
    return Graph._trusted(csr, directed=graph.directed)


def scales(num_rows, seed=3):
    return np.random.default_rng(seed).uniform(0.5, 2, (2, num_rows)).astype(np.float32)


# The random matrix


@pytest.mark.parametrize("density", DENSITIES)
@pytest.mark.parametrize(("num_rows", "columns"), [(0, 5), (1, 1), (7, 3), (300, 31), (40, 257), (1100, 2)])
def test_the_matrix_equals_the_reference(monkeypatch, density, num_rows, columns):
    row_scale = scales(num_rows)[0]
    row_scale.flags.writeable = False
    for options in ({}, {"row_scale": row_scale}, {"magnitude": 3.0, "row_scale": row_scale, "dtype": np.float16}):
        matrices, dtype = [], options.pop("dtype", np.float32)
        for backend, n_jobs in (("native", 1), ("native", 5), ("reference", 1)):
            monkeypatch.setenv("GRAPHREP_BACKEND", backend)
            out = np.full((num_rows, columns), np.nan, dtype=dtype)
            r = random_projection(num_rows, columns, density=density, seed=7, n_jobs=n_jobs, out=out, **options)
            assert r is out
            matrices.append(r)
        np.testing.assert_array_equal(matrices[1], matrices[0])
        np.testing.assert_array_equal(matrices[2], matrices[0])


@pytest.mark.parametrize(("density", "columns"), [(1.0, 64), (1 / 3, 100), (0.02, 100), (1e-3, 40)])
def test_moments(density, columns):
    """Values +-1/sqrt(density * columns) with probability density, independent: mean 0, variance 1/columns."""
    num_rows = 20_000
    r = random_projection(num_rows, columns, density=density, seed=11)
    magnitude = 1 / np.sqrt(density * columns)
    assert np.unique(np.abs(r[r != 0])) == pytest.approx([magnitude], rel=1e-6)
    per_column = (r != 0).sum(axis=0)
    if density == 1:
        assert (per_column == num_rows).all()
    else:
        law = stats.binom(num_rows, density)
        spread = ((per_column - law.mean()) ** 2 / law.var()).sum()
        assert 1e-4 < stats.chi2.sf(spread, columns) < 1 - 1e-4
        # The number of entries in a row is binomial too, which fails if columns of a row depend on each other.
        per_row = np.bincount((r != 0).sum(axis=1), minlength=columns + 1)
        expected = stats.binom.pmf(np.arange(columns + 1), columns, density) * num_rows
        often = expected >= 5
        observed = np.r_[per_row[often], per_row[~often].sum()]
        wanted = np.r_[expected[often], expected[~often].sum()]
        assert stats.chisquare(observed[wanted > 1], wanted[wanted > 1], sum_check=False).pvalue > 1e-4
    entries = np.count_nonzero(r)
    assert stats.binomtest(int((r > 0).sum()), entries, 0.5).pvalue > 1e-4
    assert abs(r.mean()) < 4.5 / np.sqrt(r.size * columns)
    assert r.var() * columns == pytest.approx(1, abs=4.5 / np.sqrt(density * r.size))
    gram = r.astype(np.float64).T @ r / num_rows * columns
    one_product = 1 / (density * num_rows)
    assert np.abs(gram - np.diag(np.diag(gram))).max() < 5.5 / np.sqrt(num_rows) + 2 * one_product


def test_a_prefix_of_rows_does_not_depend_on_their_number():
    for density in DENSITIES[:3]:
        long = random_projection(1000, 40, density=density, seed=5)
        np.testing.assert_array_equal(random_projection(321, 40, density=density, seed=5), long[:321])
        assert (random_projection(1000, 40, density=density, seed=6) != long).any()


# Projected neighbors


@pytest.mark.parametrize("density", DENSITIES)
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("scaled", [False, True])
def test_projected_neighbors_are_the_product(monkeypatch, density, weighted, scaled):
    graph = random_graph(700, 4000, weighted=weighted)
    scale, row_scale = scales(700) if scaled else (None, None)
    options = {"density": density, "seed": 9}
    r = random_projection(700, 33, row_scale=row_scale, **options)
    expected = spmm(graph, r) * (1 if scale is None else scale[:, None])
    options |= {"scale": scale, "row_scale": row_scale}
    y = project_neighbors(graph, 33, n_jobs=1, **options)
    np.testing.assert_allclose(y, expected, rtol=1e-4, atol=1e-5 * max(1, np.abs(expected).max()))
    for other in (
        project_neighbors(graph, 33, n_jobs=2, **options),
        project_neighbors(wide(graph), 33, n_jobs=5, **options),
        project_neighbors(graph, 33, out=np.full_like(y, np.nan), **options),
    ):
        np.testing.assert_array_equal(other, y)
    short = project_neighbors(graph, 33, out=np.empty(y.shape, np.float16), magnitude=2.0, **options)
    np.testing.assert_array_equal(short, project_neighbors(graph, 33, magnitude=2.0, **options).astype(np.float16))
    monkeypatch.setenv("GRAPHREP_BACKEND", "reference")
    np.testing.assert_allclose(
        project_neighbors(graph, 33, **options), y, rtol=1e-4, atol=1e-5 * max(1, np.abs(expected).max())
    )


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(("num_nodes", "num_arcs"), [(0, 0), (1, 0), (1, 1), (6, 0)])
def test_projected_neighbors_of_small_graphs(monkeypatch, backend, num_nodes, num_arcs):
    monkeypatch.setenv("GRAPHREP_BACKEND", backend)
    graph = random_graph(num_nodes, num_arcs)
    y = project_neighbors(graph, 5, density=1.0, seed=0)
    r = random_projection(num_nodes, 5, density=1.0, seed=0)
    np.testing.assert_array_equal(y, r if num_arcs else np.zeros((num_nodes, 5), dtype=np.float32))


# Sums of normalized rows


@pytest.mark.parametrize("columns", [1, 3, 4, 8, 16, 31, 33, 130])
@pytest.mark.parametrize("normalize", [False, True])
@pytest.mark.parametrize("isa", ["baseline", "avx2", "avx512"])
@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_accumulate_rows(monkeypatch, isa, columns, normalize, dtype):
    before = _core.isa()
    if not _core.set_isa(isa):
        pytest.skip(f"this processor lacks {isa}")
    try:
        rng = np.random.default_rng(0)
        y = (rng.standard_normal((2100, columns)) * 10 ** rng.uniform(-3, 3, (2100, 1))).astype(dtype)
        y[5] = 0
        y.flags.writeable = False
        assert (np.abs(y) < 6e-5).any()  # subnormal numbers of float16
        start = rng.standard_normal(y.shape).astype(np.float32)
        totals = []
        for backend, n_jobs in (("native", 1), ("native", 3), ("reference", 1)):
            monkeypatch.setenv("GRAPHREP_BACKEND", backend)
            total = start.copy()
            accumulate_rows(y, -2.5, total, normalize=normalize, n_jobs=n_jobs)
            totals.append(total)
    finally:
        _core.set_isa(before)
    norms = np.linalg.norm(y.astype(np.float64), axis=1, keepdims=True) if normalize else 1
    expected = start - 2.5 * np.divide(y, norms, where=norms != 0, out=np.zeros(y.shape))
    np.testing.assert_array_equal(totals[1], totals[0])
    for total in totals[::2]:
        np.testing.assert_allclose(total, expected, rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(totals[0][5], start[5])


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("size", [1e-38, 1e-22, 1e-15, 1e15, 1e22, 1e37])
def test_rows_whose_squares_leave_float32(monkeypatch, backend, size):
    monkeypatch.setenv("GRAPHREP_BACKEND", backend)
    y = (size * np.array([[3.0, -4.0], [0.0, 2.0]])).astype(np.float32)
    total = np.ones((2, 2), dtype=np.float32)
    accumulate_rows(y, 10.0, total)
    np.testing.assert_allclose(total, [[7, -7], [1, 11]], rtol=1e-5)


# Bad input


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"density": 0.0}, ValueError, r"density must lie in \(0, 1\], got 0.0\."),
        ({"density": 1.5}, ValueError, r"density must lie in \(0, 1\], got 1.5\."),
        ({"density": float("nan")}, ValueError, r"density must lie in \(0, 1\], got nan\."),
        ({"columns": 0}, ValueError, r"columns must be at least 1, got 0\."),
        ({"seed": -1}, ValueError, r"seed must be from 0 to 18446744073709551615, got -1\."),
        (
            {"row_scale": np.ones(2, dtype=np.float32)},
            ValueError,
            r"row_scale must be a .* \(3,\), got float32 \(2,\)\.",
        ),
        ({"row_scale": np.ones(3)}, ValueError, r"row_scale must be a .* \(3,\), got float64 \(3,\)\."),
        ({"row_scale": [1, 1, 1]}, ValueError, r"row_scale must be a .* \(3,\), got list\."),
        ({"n_jobs": 0}, ValueError, "n_jobs must not be 0"),
    ],
)
def test_bad_input(options, error, message):
    arguments = {"columns": 4, "density": 0.5, "seed": 0, **options}
    with pytest.raises(error, match=message):
        random_projection(3, **arguments)
    with pytest.raises(error, match=message):
        project_neighbors(gr.as_graph([[0, 1], [1, 2]]), **arguments)


def test_bad_tables():
    graph = gr.as_graph([[0, 1], [1, 2]])
    with pytest.raises(ValueError, match=r"num_rows must be at least 0, got -1"):
        random_projection(-1, 3, density=1.0, seed=0)
    for wrong in (np.zeros((3, 5), np.float32), np.zeros((3, 4)), np.zeros((4, 3), np.float32).T):
        with pytest.raises(
            ValueError, match=r"out must be a writeable C-contiguous float32 or float16 array of shape \(3, 4\)"
        ):
            project_neighbors(graph, 4, density=1.0, seed=0, out=wrong)
        with pytest.raises(ValueError, match=r"total must be a writeable C-contiguous float32 array of shape \(3, 4\)"):
            accumulate_rows(np.zeros((3, 4), np.float32), 1.0, wrong)
    with pytest.raises(
        ValueError, match=r"scale must be a C-contiguous float32 array of shape \(3,\), got float32 \(4,\)"
    ):
        project_neighbors(graph, 4, density=1.0, seed=0, scale=np.ones(4, np.float32))
    with pytest.raises(ValueError, match="y must be a C-contiguous float32 or float16 array"):
        accumulate_rows(np.zeros((3, 4)), 1.0, np.zeros((3, 4), np.float32))


# Keys and nested rows


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("density", [1.0, 0.3, 0.02])
def test_a_row_follows_its_key(monkeypatch, backend, density):
    monkeypatch.setenv("GRAPHREP_BACKEND", backend)
    keys = np.array([5, 0, 2**64 - 1, 5], dtype=np.uint64)
    got = random_projection(4, 60, density=density, seed=3, keys=keys)
    plain = random_projection(6, 60, density=density, seed=3)
    np.testing.assert_array_equal(got[[0, 1, 3]], plain[[5, 0, 5]])
    graph = gr.as_graph([[0, 1, 2], [1, 2, 3]], directed=True, num_nodes=4)
    projected = project_neighbors(graph, 60, density=density, seed=3, keys=keys)
    np.testing.assert_allclose(projected[:3], got[1:], rtol=1e-6)


@pytest.mark.parametrize("backend", BACKENDS)
def test_with_another_density_the_entries_are_nested(monkeypatch, backend):
    """A graph that grows changes the default density a little; that must not move the entries of a row."""
    monkeypatch.setenv("GRAPHREP_BACKEND", backend)
    before = None
    for density in (1e-3, 0.01, 0.011, 0.2, 0.5, 1.0):
        signs = np.sign(random_projection(200, 50, density=density, seed=1))
        if before is not None:
            np.testing.assert_array_equal(signs[before != 0], before[before != 0])
            assert np.count_nonzero(signs) > np.count_nonzero(before)
        before = signs


def test_keys_are_checked():
    for keys in (np.zeros(3, dtype=np.uint64), np.zeros(4, dtype=np.int64), np.zeros(8, dtype=np.uint64)[::2]):
        with pytest.raises(ValueError, match="keys must be a C-contiguous uint64 array of shape"):
            random_projection(4, 8, density=1.0, keys=keys)


@pytest.mark.parametrize("column", [-1, 2000])
def test_a_column_outside_the_graph_is_an_error_in_every_block_of_rows(column):
    indices = np.zeros(2000, dtype=np.int32)
    indices[1500] = column
    graph = Graph._trusted(CSR(np.arange(2001), indices, None), directed=True)
    with pytest.raises(IndexError, match=rf"indices must lie in \[0, 2000\), got {column}"):
        project_neighbors(graph, 4, density=1.0, n_jobs=2)
