from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
import scipy.sparse as sp

import graphrep as gr
from graphrep.heuristics import hard_negatives

QUIET = {"random_state": 0, "progress": False}
ONE = {
    "common neighbors": gr.heuristics.common_neighbors,
    "Adamic-Adar": gr.heuristics.adamic_adar,
    "resource allocation": gr.heuristics.resource_allocation,
    "personalized PageRank": lambda g, pairs: gr.ops.diffusion.push_pagerank(g, pairs, tolerance=1e-7),
    "features": lambda g, pairs: cosine(g)[tuple(pairs)],
}


def cosine(graph):
    x = graph.x.toarray() if sp.issparse(graph.x) else graph.x.astype(float)
    length = np.linalg.norm(x, axis=1, keepdims=True)
    unit = x / np.where(length > 0, length, 1)
    return unit @ unit.T


@pytest.fixture(scope="module")
def split():
    graph = gr.as_graph(nx.powerlaw_cluster_graph(120, 4, 0.7, seed=1))
    x = np.random.default_rng(0).random((120, 9)) * (np.random.default_rng(1).random((120, 9)) < 0.4)
    return gr.evaluate.random_link_split(gr.as_graph(graph, x=x.astype("f4")), test=0.1, valid=0.1, random_state=0)


def halves(pairs, negatives):
    """(end, the nodes it is paired with), for either end of each pair."""
    half = (negatives.shape[2] + 1) // 2
    for i, (a, b) in enumerate(pairs.T):
        assert (negatives[0, i, :half] == a).all()
        assert (negatives[1, i, half:] == b).all()
        yield a, negatives[1, i, :half]
        yield b, negatives[0, i, half:]


def test_no_negative_is_an_edge(split):
    found = hard_negatives(split.graph, split.test, num_negatives=31, exclude=split.valid, **QUIET)
    assert found.shape == (2, split.test.shape[1], 31)
    assert found.dtype == np.int64
    whole = gr.as_graph(np.concatenate([split.train, split.valid, split.test], axis=1), num_nodes=120, directed=False)
    assert not whole.has_edges(*found.reshape(2, -1)).any()
    for end, others in halves(split.test, found):
        assert end not in others
        assert len(np.unique(others)) == len(others)
    metrics = gr.evaluate.link_metrics(np.zeros(found.shape[1]), np.zeros(found.shape[1:]), ["mrr", "hits@10"])
    assert metrics["mrr"] < 0.1


@pytest.mark.parametrize("name", list(ONE))
def test_one_score_takes_its_best(split, name):
    found = hard_negatives(split.graph, split.test, num_negatives=12, scores=[name], **QUIET)
    taken = np.concatenate([split.train, split.test], axis=1)
    whole = gr.as_graph(taken, num_nodes=120, directed=False)
    for end, others in halves(split.test, found):
        everyone = np.arange(120)
        free = (everyone != end) & ~whole.has_edges(np.full(120, end), everyone)
        value = ONE[name](split.graph, np.stack([np.full(120, end), everyone]))
        rest = np.setdiff1d(np.flatnonzero(free), others)
        assert value[others].min() >= value[rest].max() - 1e-9


def test_the_smallest_rank_over_the_scores_decides(split):
    """Against ranks written out: every node that must be in is, and no node that must be out."""
    names = ["resource allocation", "personalized PageRank", "features"]
    for rank_unseen in (False, True):
        found = hard_negatives(split.graph, split.test, num_negatives=40, rank_unseen=rank_unseen, **QUIET)
        whole = gr.as_graph(np.concatenate([split.train, split.test], axis=1), num_nodes=120, directed=False)
        for end, others in halves(split.test, found):
            everyone = np.arange(120)
            free = (everyone != end) & ~whole.has_edges(np.full(120, end), everyone)
            ranks = []
            for name in names:
                value = np.round(ONE[name](split.graph, np.stack([np.full(120, end), everyone])), 12)
                seen = free & (value > 0)
                rank = np.array([1 + np.count_nonzero(value[seen] > v) for v in value], dtype=float)
                rank[~seen] = rank[seen].max() + 1 if rank_unseen and seen.any() else 1 if rank_unseen else np.inf
                ranks.append(rank)
            smallest = np.min(ranks, axis=0)
            limit = np.sort(smallest[free])[19]
            assert free[others].all()
            assert (smallest[others] <= limit).all()
            assert np.isin(np.flatnonzero(free & (smallest < limit)), others).all()


def test_seeds_threads_and_sparse_features(split):
    first = hard_negatives(split.graph, split.test, num_negatives=30, **QUIET)
    again = hard_negatives(split.graph, split.test, num_negatives=30, n_jobs=2, **QUIET)
    np.testing.assert_array_equal(first, again)
    other = hard_negatives(split.graph, split.test, num_negatives=30, random_state=1, progress=False)
    assert (first != other).any()
    sparse = gr.as_graph(split.graph, x=sp.csr_array(split.graph.x))
    names = ["features"]
    np.testing.assert_array_equal(
        np.sort(hard_negatives(split.graph, split.test, num_negatives=8, scores=names, **QUIET), axis=2),
        np.sort(hard_negatives(sparse, split.test, num_negatives=8, scores=names, **QUIET), axis=2),
    )


def test_random_nodes_where_no_score_sees_any():
    graph = gr.as_graph([[0, 1, 2], [1, 2, 0]], num_nodes=30, directed=False)
    found = hard_negatives(graph, [[5], [6]], num_negatives=20, **QUIET)
    assert (found[0, 0, :10] == 5).all()
    assert not np.isin([5, 6], found[1, 0, :10]).any()
    assert len(np.unique(found[1, 0, :10])) == 10
    assert hard_negatives(graph, np.zeros((2, 0), int), num_negatives=3, **QUIET).shape == (2, 0, 3)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda s: hard_negatives(gr.as_graph([[0], [1]], directed=True), s.test), ValueError, "must be undirected"),
        (lambda s: hard_negatives(s.graph, [[0], [500]]), IndexError, r"must lie in \[0, 120\)"),
        (lambda s: hard_negatives(s.graph, s.test, exclude=[[0], [-1]]), IndexError, "exclude must lie in"),
        (lambda s: hard_negatives(s.graph, s.test, num_negatives=0), ValueError, "num_negatives must be at least 1"),
        (
            lambda s: hard_negatives(s.graph, s.test, scores=["katz"]),
            ValueError,
            r"scores must be some of .*; got \['katz'",
        ),
        (lambda s: hard_negatives(s.graph, s.test, scores="features"), ValueError, "scores must be some of"),
        (lambda s: hard_negatives(s.graph, s.test, restart=0), ValueError, "restart must be greater than 0"),
        (lambda s: hard_negatives(s.graph, s.test, num_negatives=400), ValueError, "num_negatives needs 200 pairs"),
        (
            lambda s: hard_negatives(gr.as_graph(s.graph, x=np.full((120, 1), np.inf)), s.test),
            ValueError,
            "x must be finite",
        ),
        (
            lambda s: hard_negatives(nx.path_graph(9), [[0], [5]], num_negatives=2, scores=["features"]),
            ValueError,
            "graph.x is None",
        ),
    ],
)
def test_bad_input_is_one_sentence(split, call, error, message):
    with pytest.raises(error, match=message):
        call(split)
