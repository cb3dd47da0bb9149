"""The scores written out from their definitions on sets, on graphs with loops, arcs one way, weights and lone nodes."""

from __future__ import annotations

import math

import networkx as nx
import numpy as np
import pytest

import graphrep as gr
from graphrep import heuristics
from graphrep.heuristics import HEURISTICS, PATH_HEURISTICS, hard_negatives, katz, personalized_pagerank, two_hop_pairs

QUIET = {"random_state": 0, "progress": False}
COMMON = next(iter(HEURISTICS))
PAGERANK = next(name for name in PATH_HEURISTICS if "PageRank" in name)


def random_arcs(*, directed, seed=0):
    rng = np.random.default_rng(seed)
    ends = rng.integers(25, size=(2, 110))
    ends[:, :6] = np.arange(6)  # loops
    return gr.as_graph(ends, num_nodes=27, directed=directed, weights=rng.integers(1, 4, 110))


@pytest.mark.parametrize("directed", [False, True])
def test_local_scores_are_those_of_sets(directed):
    graph = random_arcs(directed=directed)
    out = [set(graph.neighbor_rows(u).tolist()) - {u} for u in range(27)]
    listed = [sum(z in out[u] for u in range(27)) for z in range(27)]
    u, v = pairs = np.indices((27, 27)).reshape(2, -1)
    common = [out[a] & out[b] for a, b in zip(u, v, strict=True)]
    expected = {
        "common_neighbors": [len(shared) for shared in common],
        "adamic_adar": [sum(1 / math.log(listed[z]) for z in shared if listed[z] > 1) for shared in common],
        "resource_allocation": [sum(1 / listed[z] for z in shared) for shared in common],
        "jaccard": [
            len(shared) / len(out[a] | out[b]) if out[a] | out[b] else 0
            for a, b, shared in zip(u, v, common, strict=True)
        ],
        "preferential_attachment": [len(out[a]) * len(out[b]) for a, b in zip(u, v, strict=True)],
    }
    for name, values in expected.items():
        for n_jobs in (None, 1, 2):
            found = getattr(heuristics, name)(graph, pairs, n_jobs=n_jobs)
            np.testing.assert_allclose(found, values, rtol=1e-12, err_msg=name)
            assert found.dtype == np.float64


@pytest.mark.parametrize("directed", [False, True])
def test_katz_is_a_sum_of_matrix_powers(directed):
    graph = random_arcs(directed=directed)
    a = (graph.to_scipy().toarray() > 0).astype(float)
    np.fill_diagonal(a, 0)
    pairs = np.indices((27, 27)).reshape(2, -1)
    for beta, length in ((0.3, 1), (0.3, 2), (0.1, 5)):
        expected = sum(beta**k * np.linalg.matrix_power(a, k) for k in range(1, length + 1))
        found = katz(graph, pairs, beta=beta, max_length=length)
        np.testing.assert_allclose(found, expected.ravel(), rtol=1e-10)
    default = sum(0.005**k * np.linalg.matrix_power(a, k) for k in range(1, 4))
    np.testing.assert_allclose(katz(graph, pairs), default.ravel(), rtol=1e-10)


def exact_pagerank(graph, restart):
    a = (graph.to_scipy().toarray() > 0).astype(float)
    np.fill_diagonal(a, 0)
    degree = a.sum(axis=1)
    walk = a / np.maximum(degree, 1)[:, None] + np.diag(degree == 0)
    return restart * np.linalg.inv(np.eye(len(a)) - (1 - restart) * walk)


@pytest.mark.parametrize("restart", [0.15, 0.6])
def test_pagerank_of_an_undirected_graph_is_the_inverse_of_a_matrix(restart):
    graph = random_arcs(directed=False)
    pairs = np.indices((27, 27)).reshape(2, -1)
    chance = exact_pagerank(graph, restart)
    found = personalized_pagerank(graph, pairs, restart=restart, tolerance=1e-11)
    np.testing.assert_allclose(found, (chance + chance.T).ravel(), atol=1e-7)


@pytest.mark.parametrize("directed", [False, True])
def test_pagerank_by_default_restarts_every_seventh_step_or_so(directed):
    graph = random_arcs(directed=directed)
    pairs = np.indices((27, 27)).reshape(2, -1)
    default = personalized_pagerank(graph, pairs)
    np.testing.assert_array_equal(default, personalized_pagerank(graph, pairs, restart=0.15, tolerance=1e-5))
    assert (default != personalized_pagerank(graph, pairs, restart=0.15, tolerance=1e-4)).any()


# Candidates


def test_candidates_end_at_the_limit_even_among_equals():
    star = gr.as_graph(nx.star_graph(6))  # 15 pairs of leaves, all with the same score
    assert two_hop_pairs(star, limit=4).T.tolist() == [[1, 2], [1, 3], [1, 4], [1, 5]]
    assert two_hop_pairs(star).shape == (2, 15)
    assert two_hop_pairs(star).dtype == np.int64
    assert two_hop_pairs(gr.as_graph([[], []], num_nodes=0, directed=False)).shape == (2, 0)


# Hard negatives


@pytest.fixture(scope="module")
def graph():
    return gr.as_graph(nx.powerlaw_cluster_graph(60, 3, 0.6, seed=2))


@pytest.fixture(scope="module")
def features():
    return np.random.default_rng(3).random((60, 5)) - 0.4


PAIRS = np.array([[0, 5, 9], [30, 41, 58]])


def test_the_default_scores_are_two_and_the_features_if_there_are_any(graph, features):
    two = ["resource allocation", PAGERANK]
    found = hard_negatives(graph, PAIRS, num_negatives=10, **QUIET)
    np.testing.assert_array_equal(found, hard_negatives(graph, PAIRS, num_negatives=10, scores=two, **QUIET))
    with_x = gr.as_graph(graph, x=features)
    three = hard_negatives(with_x, PAIRS, num_negatives=10, **QUIET)
    explicit = hard_negatives(with_x, PAIRS, num_negatives=10, scores=[*two, "features"], **QUIET)
    np.testing.assert_array_equal(three, explicit)
    assert (three != found).any()


def test_five_hundred_by_default_and_another_draw_without_a_seed():
    graph = gr.as_graph([[0], [1]], num_nodes=400, directed=False)
    first, second = (hard_negatives(graph, [[2], [3]]) for _ in range(2))
    assert first.shape == (2, 1, 500)
    assert (first == second).all()  # the same call, the same result
    first, second = (hard_negatives(graph, [[2], [3]], random_state=None) for _ in range(2))
    assert (first != second).any()  # no score sees a node, so all are drawn


@pytest.mark.parametrize("count", [1, 2, 3])
def test_the_first_end_gets_the_larger_half(graph, count):
    found = hard_negatives(graph, PAIRS, num_negatives=count, **QUIET)
    assert found.shape == (2, 3, count)
    half = (count + 1) // 2
    assert (found[0, :, :half] == PAIRS[0][:, None]).all()
    assert (found[1, :, half:] == PAIRS[1][:, None]).all()
    assert (found[1, :, :half] != PAIRS[1][:, None]).all()


def test_restart_and_tolerance_reach_the_walks(graph):
    options = {"num_negatives": 20, "scores": [PAGERANK], **QUIET}
    taken = gr.as_graph(np.concatenate([graph.edges(), PAIRS], axis=1), num_nodes=60, directed=False)
    for restart, tolerance in ((0.15, 1e-7), (0.9, 1e-7)):
        found = hard_negatives(graph, PAIRS, restart=restart, tolerance=tolerance, **options)
        for i, a in enumerate(PAIRS[0]):
            everyone = np.arange(60)
            value = gr.ops.push_pagerank(graph, [np.full(60, a), everyone], restart=restart, tolerance=tolerance)
            free = (everyone != a) & ~taken.has_edges(np.full(60, a), everyone)
            ranked = everyone[free][np.argsort(-value[free].round(12), kind="stable")]
            assert set(found[1, i, :10]) == set(ranked[:10])
    # a walk that may lose so much sees nobody, so that nodes are drawn
    blind = [hard_negatives(graph, PAIRS, tolerance=0.9, **{**options, "random_state": s}) for s in (0, 1)]
    assert (blind[0] != blind[1]).any()


def test_pairs_and_exclusions_count_both_ways():
    graph = gr.as_graph(nx.cycle_graph(7))
    # of node 0, only 2, 3, 4 and 5 are no neighbors
    found = hard_negatives(graph, [[0], [3]], num_negatives=3, exclude=[[5], [0]], **QUIET)
    assert sorted(found[1, 0, :2]) == [2, 4]
    swapped = hard_negatives(graph, [[3], [0]], num_negatives=4, exclude=[[0], [5]], **QUIET)
    assert sorted(swapped[0, 0, 2:]) == [2, 4]
    with pytest.raises(ValueError, match="needs 3 pairs at each end, but node 0 is without an edge to only 2"):
        hard_negatives(graph, [[0], [3]], num_negatives=5, exclude=[[5], [0]], **QUIET)


def test_loops_and_weights_change_nothing(graph):
    a = graph.to_scipy().tolil()
    a.setdiag(1)
    looped = gr.as_graph(a.tocsr() * 2.5, directed=False)
    assert looped.num_edges == graph.num_edges + 60
    for name in (COMMON, "Adamic-Adar", "resource allocation", PAGERANK):
        options = {"num_negatives": 12, "scores": [name], **QUIET}
        np.testing.assert_array_equal(hard_negatives(looped, PAIRS, **options), hard_negatives(graph, PAIRS, **options))


def test_ties_are_broken_at_random_but_ranks_are_kept():
    star = gr.as_graph(nx.star_graph(30))
    star = star.with_edges(np.concatenate([star.edges(), [[1, 2], [31 - 1, 31 - 1]]], axis=1))
    lists = {
        tuple(
            sorted(
                hard_negatives(star, [[1], [2]], num_negatives=6, scores=[COMMON], progress=False, random_state=s)[
                    1, 0, :3
                ]
            )
        )
        for s in range(20)
    }
    assert len(lists) > 5  # all other leaves share one neighbor with leaf 1


def test_a_node_unlike_all_others_gets_random_ones(features):
    x = features.copy()
    x[0] = 0  # its cosine with any node is 0
    graph = gr.as_graph([[1], [2]], num_nodes=60, directed=False, x=x)
    lists = [
        hard_negatives(graph, [[0], [7]], num_negatives=8, scores=["features"], random_state=s, progress=False)
        for s in (0, 1)
    ]
    assert set(lists[0][1, 0, :4]) != set(lists[1][1, 0, :4])  # of node 0
    assert set(lists[0][0, 0, 4:]) == set(lists[1][0, 0, 4:])  # of node 7, which is like some


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"restart": 1.0}, "restart must be"),
        ({"tolerance": 0.0}, "tolerance must be greater than 0"),
        ({"scores": []}, "scores must be some of"),
        ({"scores": ["features", "x"]}, "scores must be some of"),
    ],
)
def test_settings_out_of_range(graph, options, message):
    with pytest.raises(ValueError, match=message):
        hard_negatives(graph, PAIRS, **options)


def test_two_ends_of_a_path_share_all_they_have():
    path = gr.as_graph([[0, 1], [1, 2]], directed=False)
    assert heuristics.jaccard(path, [[0], [2]]).tolist() == [1.0]
    assert heuristics.resource_allocation(path, [[0], [2]]).tolist() == [0.5]
    assert heuristics.adamic_adar(path, [[0], [2]]).tolist() == [pytest.approx(1 / math.log(2))]


def test_nodes_that_a_score_does_not_see_have_no_rank_unless_asked_for():
    graph = gr.as_graph(nx.path_graph(40))
    options = {"num_negatives": 20, "scores": [COMMON, PAGERANK], "progress": False, "random_state": 3}
    default = hard_negatives(graph, [[5], [30]], **options)
    np.testing.assert_array_equal(default, hard_negatives(graph, [[5], [30]], rank_unseen=False, **options))
    # two nodes share a neighbor with node 5; with False the walk ranks the others, with True all have rank 2
    near, any_of_them = default, hard_negatives(graph, [[5], [30]], rank_unseen=True, **options)
    distance = [np.abs(found[1, 0, :10] - 5).max() for found in (near, any_of_them)]
    assert distance[0] < distance[1]


def test_a_score_that_sees_nobody_ranks_all_first_if_unseen_nodes_have_a_rank():
    x = np.ones((40, 2))
    x[5] = 0
    graph = gr.as_graph(nx.path_graph(40), x=x)
    options = {"num_negatives": 4, "scores": [COMMON, PAGERANK, "features"], "progress": False}
    unseen, seen = (
        {
            tuple(sorted(hard_negatives(graph, [[5], [30]], rank_unseen=ranked, random_state=s, **options)[1, 0, :2]))
            for s in range(10)
        }
        for ranked in (True, False)
    )
    assert seen == {(3, 7)}  # the two that share a neighbor with node 5
    assert len(unseen) > 5
