from __future__ import annotations

import numpy as np
import pytest
import torch

import graphrep as gr
from graphrep.cluster import affinity as affinity_module
from graphrep.cluster import influence, knn_graph, spectral_features
from graphrep.cluster.losses import (
    all_pairs_similarity,
    clustering_divergence,
    meta_node_loss,
    meta_nodes,
    neighbor_contrast_loss,
    neighbor_similarity,
    soft_assignment,
    target_distribution,
)


def graph_of(num_nodes, num_edges, seed=0):
    ends = np.random.default_rng(seed).integers(num_nodes, size=(2, num_edges))
    return gr.as_graph(ends, num_nodes=num_nodes, directed=False, self_loops=False, merge="max")


def dense_cosines(z):
    length = z.norm(dim=1, keepdim=True).clamp(min=1e-12)
    cosine = (z / length) @ (z / length).T
    return cosine * (1 - torch.eye(len(z), dtype=z.dtype))


def dense_meta_node_loss(z, labels, gamma, n_clusters, temperature):
    """The equation with an N x C one-hot matrix and an N x N matrix, empty clusters left out."""
    positive = (gamma * (dense_cosines(z) / temperature).exp()).sum(1)
    one_hot = torch.nn.functional.one_hot(labels, n_clusters).to(z.dtype)
    centers = (one_hot.T @ z)[one_hot.sum(0) > 0]
    negative = (dense_cosines(centers) / temperature).exp().sum(1)
    return -(positive + 1e-10).log().mean() + (negative + 1e-10).log().mean()


def dense_neighbor_contrast_loss(z, gamma, temperature):
    e = (dense_cosines(z) / temperature).exp()
    return -((gamma * e).sum(1) / e.sum(1) + 1e-8).log().mean()


CASES = {
    "one node": (1, 0, 1, 3),
    "no edges": (5, 0, 2, 3),
    "one cluster": (7, 9, 1, 4),
    "two nodes": (2, 1, 2, 1),
    "isolated nodes": (23, 11, 4, 10),
    "odd": (67, 200, 5, 13),
}


@pytest.fixture(params=CASES, ids=CASES.keys())
def case(request):
    nodes, edges, clusters, width = CASES[request.param]
    torch.manual_seed(0)
    z = torch.randn(nodes, width, dtype=torch.float64)
    return graph_of(nodes, edges), z, torch.randint(clusters, (nodes,)), clusters


def agree(got, wanted, z):
    torch.testing.assert_close(got, wanted)
    for a, b in zip(torch.autograd.grad(got, z), torch.autograd.grad(wanted, z), strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize("temperature", [4.0, 0.5])
@pytest.mark.parametrize("empty", [0, 2])
def test_meta_node_loss_is_its_equation(case, temperature, empty):
    graph, z, labels, clusters = case
    z.requires_grad_()
    gamma = influence(graph, 2)
    got = meta_node_loss(z, labels, gamma, n_clusters=clusters + empty, temperature=temperature)
    dense = gamma.to_dense().double()
    agree(got, dense_meta_node_loss(z, labels, dense, clusters + empty, temperature), z)


@pytest.mark.parametrize("block", [None, 1, 3, 1000])
def test_neighbor_contrast_loss_is_its_equation(case, block):
    graph, z, _, _ = case
    z.requires_grad_()
    gamma = influence(graph, 3)
    got = neighbor_contrast_loss(z, gamma, temperature=0.7, block=block)
    agree(got, dense_neighbor_contrast_loss(z, gamma.to_dense().double(), 0.7), z)


def test_derivatives_numerically():
    gamma = influence(graph_of(9, 14), 2, max_entries=3)  # no longer symmetric in its structure
    z = torch.randn(9, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda z: neighbor_similarity(z, gamma, 0.8), z)
    assert torch.autograd.gradcheck(lambda z: all_pairs_similarity(z, 0.8, block=4), z)


def test_zero_vectors_and_repeated_ones_have_finite_derivatives():
    gamma = influence(graph_of(6, 8))
    z = torch.tensor([[0.0, 0.0], [0.0, 0.0], [1.0, 2.0], [1.0, 2.0], [-1.0, -2.0], [3.0, 0.0]], requires_grad=True)
    labels = torch.tensor([0, 0, 1, 1, 1, 2])  # the sum of the first cluster is zero
    for loss in (meta_node_loss(z, labels, gamma, n_clusters=4), neighbor_contrast_loss(z, gamma)):
        (grad,) = torch.autograd.grad(loss, z)
        assert loss.isfinite()
        assert grad.isfinite().all()


def test_labels_carry_no_gradient_and_scale_does_not_matter():
    graph = graph_of(20, 40)
    z = torch.randn(20, 3)
    labels = torch.randint(3, (20,))
    loss = meta_node_loss(z, labels, influence(graph), n_clusters=3)
    torch.testing.assert_close(meta_node_loss(5 * z, labels, influence(graph), n_clusters=3), loss)


def test_meta_nodes_are_sums():
    sums, present = meta_nodes(torch.ones(4, 2), torch.tensor([3, 3, 0, 3]), 5)
    assert sums[:, 0].tolist() == [1, 0, 0, 3, 0]
    assert present.tolist() == [True, False, False, True, False]


def test_losses_refuse_an_influence_of_another_size():
    with pytest.raises(ValueError, match=r"influence must have shape \(4, 4\)"):
        neighbor_contrast_loss(torch.ones(4, 2), influence(graph_of(5, 3)))


@pytest.mark.parametrize("freedom", [1.0, 3.0])
def test_soft_assignment_is_its_equation(freedom):
    z = torch.randn(31, 7, dtype=torch.float64, requires_grad=True)
    centers = torch.randn(4, 7, dtype=torch.float64, requires_grad=True)
    kernel = (1 + (z[:, None] - centers[None]).square().sum(2) / freedom) ** (-(freedom + 1) / 2)
    wanted = kernel / kernel.sum(1, keepdim=True)
    got = soft_assignment(z, centers, freedom)
    torch.testing.assert_close(got, wanted)
    weight = torch.rand_like(got)
    for a, b in zip(
        torch.autograd.grad((got * weight).sum(), (z, centers)),
        torch.autograd.grad((wanted * weight).sum(), (z, centers)),
        strict=True,
    ):
        torch.testing.assert_close(a, b)


def test_target_and_divergence():
    q = torch.softmax(torch.randn(50, 3, dtype=torch.float64), 1).requires_grad_()
    p = target_distribution(q)
    weight = q.detach() ** 2 / q.detach().sum(0)
    torch.testing.assert_close(p, weight / weight.sum(1, keepdim=True))
    assert not p.requires_grad
    torch.testing.assert_close(clustering_divergence(q, p), (p * (p / q).log()).sum() / 50)
    empty = torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    assert clustering_divergence(empty, target_distribution(empty)) == 0


@pytest.mark.parametrize("hops", [1, 2, 4])
@pytest.mark.parametrize("cumulative", [True, False])
@pytest.mark.parametrize("block", [1, 40, 2**23])
def test_influence_is_a_sum_of_powers(monkeypatch, hops, cumulative, block):
    monkeypatch.setattr(affinity_module, "BLOCK_PRODUCTS", block)
    graph = graph_of(30, 40)
    a = graph.to_scipy().toarray().astype(np.float64) + np.eye(30)
    step = a / a.sum(1, keepdims=True)
    powers = [np.linalg.matrix_power(step, r) for r in range(1, hops + 1)]
    wanted = sum(powers) if cumulative else powers[-1]
    np.testing.assert_allclose(influence(graph, hops, cumulative=cumulative).to_dense().numpy(), wanted, atol=1e-6)


def test_influence_keeps_the_largest_entries():
    graph = graph_of(40, 200)
    full, kept = influence(graph, 1).to_dense(), influence(graph, 1, max_entries=4)
    assert kept.degree().max() <= 4
    for row, kept_row in zip(full, kept.to_dense(), strict=True):
        best = row.topk(min(4, int((row > 0).sum()))).values
        torch.testing.assert_close(kept_row[kept_row > 0].sort(descending=True).values, best)
    assert influence(graph, 5, max_entries=7).degree().max() <= 7


def test_influence_symmetrises_and_keeps_weights():
    arcs = gr.as_graph([[0, 1], [1, 0]], weights=[1.0, 3.0], directed=True)
    torch.testing.assert_close(influence(arcs).to_dense(), torch.tensor([[0.25, 0.75], [0.75, 0.25]]))


def test_knn_graph_of_odd_tables():
    assert knn_graph([[1.0, 2.0]], 5).num_edges == 0
    assert knn_graph(np.zeros((4, 2)), 9).num_edges == 6  # repeated rows, more neighbours than rows
    x = np.random.default_rng(0).standard_normal((30, 3))
    graph = knn_graph(x, 2)
    distance = np.linalg.norm(x[:, None] - x[None], axis=2) + np.diag(np.full(30, np.inf))
    wanted = {(min(i, j), max(i, j)) for i in range(30) for j in np.argsort(distance[i])[:2].tolist()}
    assert {tuple(pair) for pair in graph.edges().T.tolist()} == wanted
    assert graph.weights is None
    with pytest.raises(ValueError, match="NaN"):
        knn_graph([[1.0], [np.nan]])


def test_spectral_features_are_singular_vectors():
    graph = graph_of(25, 50)
    x = spectral_features(graph, 25)
    degree = graph.weighted_degree()
    scale = 1 / np.sqrt(degree + degree.mean())
    matrix = scale[:, None] * graph.to_scipy().toarray() * scale
    np.testing.assert_allclose(x @ x.T, 25 * matrix @ matrix.T, atol=1e-4)
