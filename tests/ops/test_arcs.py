"""Arcs drawn by weight: against the exact distribution, and the kernel against its twin."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

import graphrep as gr
from graphrep.ops import ArcSampler

BACKENDS = ["native", "reference"]


def odd_graph(*, weighted=False, directed=False):
    """Self loops, isolated nodes at both ends and in between, a hub, and weights over four powers of ten."""
    source = np.array([1, 1, 1, 1, 1, 2, 3, 5, 5])
    target = np.array([2, 3, 5, 6, 1, 3, 5, 5, 6])
    weights = 10.0 ** np.arange(-2, 2.5, 0.5) if weighted else None
    return gr.as_graph([source, target], weights=weights, num_nodes=9, directed=directed)


def with_ids(graph, dtype):
    """The same graph with column ids of another width."""
    csr = graph._csr
    return graph._with_csr(type(csr)(csr.indptr, csr.indices.astype(dtype), csr.weights), directed=graph.directed)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("directed", [False, True])
def test_the_distribution_is_exact(weighted, directed):
    graph, draws = odd_graph(weighted=weighted, directed=directed), 200_000
    pairs = ArcSampler(graph, seed=1).sample(0, draws)
    found = np.zeros((9, 9))
    np.add.at(found, tuple(pairs.T), 1)
    law = graph.to_scipy().toarray().astype(np.float64)
    law /= law.sum()
    assert not found[law == 0].any()
    few = law * draws < 5  # too rare for the test
    keep = ~few & (law > 0)
    expected = np.r_[law[keep], law[few].sum()] * draws
    observed = np.r_[found[keep], found[few].sum()]
    used = expected > 0
    expected = expected[used] * observed.sum() / expected.sum()
    assert stats.chisquare(observed[used], expected).pvalue > 1e-4


@pytest.mark.parametrize("weighted", [False, True])
def test_every_probability_by_enumeration(weighted):
    """The exact law of the two tables: the share of random numbers that lead to each arc."""
    graph = odd_graph(weighted=weighted)
    sampler = ArcSampler(graph)
    keep, alias = (table.astype(np.float64) for table in sampler.sources)
    law = keep.copy()
    np.add.at(law, alias.astype(int), 1 - keep)
    degree = graph.weighted_degree()
    np.testing.assert_allclose(law / 9, degree / degree.sum(), atol=1e-7)
    assert not law[degree == 0].any()


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("dtype", [np.int32, np.int64])
def test_native_and_reference_draw_the_same_arcs(monkeypatch, weighted, dtype):
    graph = with_ids(odd_graph(weighted=weighted), dtype)
    drawn = []
    for backend in BACKENDS:
        monkeypatch.setenv("GRAPHREP_BACKEND", backend)
        drawn.append(ArcSampler(graph, seed=2**63 - 1).sample(7, 333))
        assert drawn[-1].dtype == dtype
        assert drawn[-1].shape == (333, 2)
    np.testing.assert_array_equal(*drawn)


def test_a_draw_depends_on_its_number_alone():
    graph = odd_graph(weighted=True)
    whole = ArcSampler(graph, seed=3, n_jobs=1).sample(0, 20_000)
    for n_jobs in (2, 5):
        np.testing.assert_array_equal(ArcSampler(graph, seed=3, n_jobs=n_jobs).sample(0, 20_000), whole)
    np.testing.assert_array_equal(ArcSampler(graph, seed=3).sample(12_345, 678), whole[12_345 : 12_345 + 678])
    assert (ArcSampler(graph, seed=4).sample(0, 100) != whole[:100]).any()
    # Neighboring draws are independent.
    heavy = (whole == 5).any(axis=1)
    assert abs(np.corrcoef(heavy[:-1], heavy[1:])[0, 1]) < 0.03


def test_graphs_without_edges():
    graph = gr.as_graph(np.zeros((2, 0), dtype=np.int64), num_nodes=3)
    assert ArcSampler(graph).sample(0, 0).shape == (0, 2)
    with pytest.raises(ValueError, match="count must be 0 because the graph has no edges, got 5"):
        ArcSampler(graph).sample(0, 5)


@pytest.mark.parametrize(("first", "count"), [(-1, 2), (0, -1)])
def test_bad_numbers(first, count):
    with pytest.raises(ValueError, match="must be at least 0"):
        ArcSampler(odd_graph()).sample(first, count)
