from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
import scipy.sparse as sp
import torch

import graphrep as gr
from graphrep.contrast import metis
from graphrep.contrast.compress import ClusterMeans
from graphrep.contrast.partition import Clusters
from graphrep.contrast.sources import ClusterSource, cluster_graph
from graphrep.nn import SparseFeatures

LABELS = [np.zeros(11, int), np.arange(11), np.array([3, 3, 0, 7, 7, 7, 7, 0, 3, 9, 9])]


def dense(x):
    return x.matmul(torch.eye(x.shape[1])) if isinstance(x, SparseFeatures) else x


def features(density, seed=0):
    return sp.random_array((11, 13), density=density, rng=np.random.default_rng(seed), dtype=np.float32).tocsr()


def loop_means(x, clusters, keep):
    rows = []
    for c in range(clusters.num_clusters):
        inside = slice(clusters.offsets[c], clusters.offsets[c + 1])
        members = clusters.members[inside][keep[inside] > 0]
        rows.append(x[members].mean(axis=0))
    return np.stack(rows)


@pytest.mark.parametrize("labels", LABELS, ids=["one", "singletons", "mixed"])
@pytest.mark.parametrize("density", [0.0, 0.05, 0.6])
@pytest.mark.parametrize("kind", [sp.csr_array, lambda x: x.toarray(), sp.coo_array])
def test_means_are_those_of_a_loop(labels, density, kind):
    x, clusters = features(density), Clusters.from_labels(labels, 11)
    means = ClusterMeans(kind(x), clusters)
    expected = loop_means(x.toarray(), clusters, np.ones(11))
    np.testing.assert_allclose(dense(means.mean()), expected, rtol=1e-6, atol=1e-7)
    torch.manual_seed(1)
    keep = means.draw(0.5).numpy()
    torch.manual_seed(1)
    drawn = dense(means.drop_members(0.5))
    np.testing.assert_allclose(drawn, loop_means(x.toarray(), clusters, keep), rtol=1e-6, atol=1e-7)
    assert torch.isfinite(drawn).all()


@pytest.mark.parametrize("share", [0.0, 0.3, 0.5, 1.0])
def test_a_draw_keeps_the_share_of_each_cluster_and_at_least_one(share):
    clusters = Clusters.from_labels(LABELS[2], 11)
    means = ClusterMeans(np.ones((11, 1), np.float32), clusters)
    keep = means.draw(share).numpy()
    kept = np.add.reduceat(keep, clusters.offsets[:-1])
    np.testing.assert_array_equal(kept, np.maximum(1, ((1 - share) * clusters.sizes).astype(int)))


def test_draws_are_uniform():
    means = ClusterMeans(np.ones((11, 1), np.float32), Clusters.from_labels(LABELS[2], 11))
    torch.manual_seed(0)
    often = sum(means.draw(0.5).numpy() for _ in range(2000)) / 2000
    sizes = np.repeat(means.clusters.sizes, means.clusters.sizes)
    np.testing.assert_allclose(often, np.maximum(1, sizes // 2) / sizes, atol=0.05)


def test_sparse_features_stay_sparse():
    x = sp.random_array((900, 500), density=0.01, rng=np.random.default_rng(0), dtype=np.float32).tocsr()
    means = ClusterMeans(x, Clusters.from_labels(np.arange(900) // 9, 900))
    assert isinstance(means.mean(), SparseFeatures)
    assert isinstance(means.drop_members(), SparseFeatures)


def test_clusters():
    clusters = Clusters.from_labels(["b", "a", "b", "c"], 4)
    assert clusters.labels.tolist() == [1, 0, 1, 2]
    assert clusters.members.tolist() == [1, 0, 2, 3]
    assert clusters.offsets.tolist() == [0, 1, 3, 4]
    with pytest.raises(ValueError, match="partition must hold an integer or a name for each of the 5 nodes"):
        Clusters.from_labels([0, 1], 5)
    with pytest.raises(ValueError, match="partition must hold"):
        Clusters.from_labels([0.5, 1.0], 2)
    with pytest.raises(ValueError, match="x has 3 rows, but the partition has 4 nodes"):
        ClusterMeans(np.ones((3, 1)), clusters)
    with pytest.raises(ValueError, match="x must be finite"):
        ClusterMeans(np.full((4, 1), np.nan), clusters)


def test_metis_finds_planted_blocks():
    blocks = nx.planted_partition_graph(4, 25, 0.5, 0.01, seed=0)
    labels = metis(blocks, 4)
    assert sorted(np.bincount(labels)) == pytest.approx([25] * 4, abs=2)
    for block in range(4):
        inside = labels[block * 25 : (block + 1) * 25]
        assert np.bincount(inside).max() >= 24
    np.testing.assert_array_equal(labels, metis(blocks, 4, seed=0))


@pytest.mark.parametrize("num_nodes", [1, 2, 7])
def test_metis_of_odd_graphs(num_nodes):
    empty = gr.as_graph(np.zeros((2, 0), int), num_nodes=num_nodes)
    loops = gr.as_graph(np.stack([np.arange(num_nodes)] * 2), num_nodes=num_nodes, directed=False)
    for graph in (empty, loops):
        for parts in (1, 2, 3, 50):
            labels = metis(graph, parts)
            assert labels.shape == (num_nodes,)
            assert len(np.unique(labels)) == min(parts, num_nodes)


def test_metis_with_isolated_nodes_and_loops():
    graph = gr.as_graph([[0, 1, 2, 2], [1, 2, 0, 2]], num_nodes=9, directed=False)
    assert len(metis(graph, 3)) == 9
    with pytest.raises(ValueError, match="graph must be undirected"):
        metis(gr.as_graph([[0], [1]], directed=True), 2)


def test_cluster_graph_contracts_the_adjacency():
    graph = gr.as_graph(nx.karate_club_graph(), weights=False)
    labels = metis(graph, 5)
    member = np.eye(labels.max() + 1)[labels]
    found = cluster_graph(graph, labels, labels.max() + 1)
    np.testing.assert_array_equal(found.to_dense(), member.T @ graph.to_scipy().toarray() @ member)
    means = ClusterMeans(np.ones((34, 1), np.float32), Clusters.from_labels(labels, 34))
    plain = ClusterSource(means, found).positives().to_dense()
    expected = gr.ops.symmetric_normalize(found.with_values(None)).to_dense()
    torch.testing.assert_close(plain, expected)
    assert (ClusterSource(means, found, weighted=True).positives().to_dense() != plain).any()
