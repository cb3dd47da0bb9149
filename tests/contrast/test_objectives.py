from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.autograd import gradcheck
from torch.nn import functional

import graphrep as gr
from graphrep import contrast

SHAPES = [(1, 3), (2, 1), (2, 5), (7, 4), (40, 16)]


def pair(n, d, seed=0):
    generator = torch.Generator().manual_seed(seed)
    draw = [torch.randn(n, d, dtype=torch.float64, generator=generator) for _ in range(2)]
    return [part.requires_grad_() for part in draw]


def literal_info_nce(h1, h2, tau):
    def one(u, v, i):
        s = [torch.exp(functional.cosine_similarity(u[i], v[j], dim=0) / tau) for j in range(len(u))]
        t = [torch.exp(functional.cosine_similarity(u[i], u[j], dim=0) / tau) for j in range(len(u)) if j != i]
        return -torch.log(s[i] / (sum(s) + sum(t)))

    return sum(one(h1, h2, i) + one(h2, h1, i) for i in range(len(h1))) / (2 * len(h1))


def assert_same(ours, literal, inputs):
    torch.testing.assert_close(ours, literal, rtol=1e-6, atol=1e-9)
    grads = [torch.autograd.grad(loss, inputs, allow_unused=True) for loss in (ours, literal)]
    for one, other in zip(*grads, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize(("n", "d"), SHAPES[:-1])
@pytest.mark.parametrize("tau", [0.05, 0.5, 2.0])
@pytest.mark.parametrize("options", [{"block_rows": 1}, {"block_rows": 3}, {}, {"dense": True}], ids=str)
def test_info_nce_is_the_literal_sum(n, d, tau, options):
    h = pair(n, d)
    assert_same(contrast.info_nce(*h, tau, **options), literal_info_nce(*h, tau), h)


@pytest.mark.parametrize("rows", [1, 7, 40, 1000])
def test_the_block_size_changes_nothing(rows):
    h = pair(40, 16)
    assert_same(contrast.info_nce(*h, block_rows=rows), contrast.info_nce(*h, dense=True), h)


def test_info_nce_at_low_temperature_neither_overflows_nor_vanishes():
    h = [part.detach().float().requires_grad_() for part in pair(40, 16)]
    loss = contrast.info_nce(*h, 0.004)
    literal = literal_info_nce(*(part.double() for part in h), 0.004)
    assert loss.dtype == torch.float32
    torch.testing.assert_close(loss.double(), literal, rtol=1e-5, atol=0)
    assert all(grad.isfinite().all() for grad in torch.autograd.grad(loss, h))


def test_info_nce_leaves_a_zero_row_finite():
    h = pair(5, 3)
    with torch.no_grad():
        h[0][2] = 0
    loss = contrast.info_nce(*h, block_rows=2)
    assert loss.isfinite()
    assert all(grad.isfinite().all() for grad in torch.autograd.grad(loss, h))


def test_info_nce_derivative():
    assert gradcheck(lambda a, b: contrast.info_nce(a, b, 0.7, block_rows=3), pair(7, 4))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((torch.zeros(3, 2), torch.zeros(2, 2)), "h1 and h2 must both have shape"),
        ((torch.zeros(0, 2), torch.zeros(0, 2)), "h1 and h2 must both have shape"),
        ((torch.zeros(3, 2), torch.zeros(3, 2), 0.0), "temperature must be at least 0.003"),
    ],
)
def test_info_nce_refuses(arguments, message):
    with pytest.raises(ValueError, match=message):
        contrast.info_nce(*arguments)


@pytest.mark.parametrize(("n", "d"), SHAPES[1:])
def test_cca_ssg_is_the_formula(n, d):
    z = pair(n, d)
    a, b = ((part - part.mean(0)) / part.std(0) for part in z)
    eye = torch.eye(d, dtype=torch.float64)
    c, c1, c2 = a.T @ b / n, a.T @ a / n, b.T @ b / n
    literal = -torch.trace(c) + 0.3 * ((eye - c1).norm() ** 2 + (eye - c2).norm() ** 2)
    assert_same(contrast.cca_ssg(*z, 0.3, eps=0.0), literal, z)


@pytest.mark.parametrize(("n", "d"), SHAPES[1:])
def test_barlow_twins_is_the_formula(n, d):
    z = pair(n, d)
    a, b = ((part - part.mean(0)) / part.std(0, correction=0) for part in z)
    c = a.T @ b / n
    literal = sum((1 - c[i, i]) ** 2 if i == j else 0.2 * c[i, j] ** 2 for i in range(d) for j in range(d))
    assert_same(contrast.barlow_twins(*z, 0.2, eps=0.0), literal, z)
    torch.testing.assert_close(contrast.barlow_twins(*z), contrast.barlow_twins(*z, 1 / d))


@pytest.mark.parametrize("loss", [contrast.cca_ssg, contrast.barlow_twins])
@pytest.mark.parametrize("n", [1, 6])
def test_dead_channels_and_a_single_row_stay_finite(loss, n):
    z = [part.detach() for part in pair(n, 4)]
    z[0][:, 1], z[1][:, 2] = 0.0, 3.0
    z = [part.requires_grad_() for part in z]
    value = loss(*z, 0.1)
    assert value.isfinite()
    assert all(grad.isfinite().all() for grad in torch.autograd.grad(value, z))


def square(n, seed=0, self_pairs=True):
    generator = torch.Generator().manual_seed(seed)
    return contrast.random_negatives(n, 3, self_pairs=self_pairs, generator=generator)


@pytest.mark.parametrize("n", [2, 3, 20])
def test_sce_is_the_formula(n):
    z, negatives = pair(n, 4)[0], square(n)
    dense = negatives.to_dense().double()
    laplacian = torch.diag(dense.sum(1)) - dense
    assert_same(contrast.sce(z, negatives, 10.0), 10 / torch.trace(z.T @ laplacian @ z), [z])


def test_sce_of_one_node_has_no_gradient():
    z = torch.ones(1, 3, requires_grad=True)
    loss = contrast.sce(z, square(1))
    assert loss.isfinite()
    assert (torch.autograd.grad(loss, z)[0] == 0).all()


def test_coles_is_the_formula():
    n, z = 20, pair(20, 4)[0]
    positives, negatives = square(n, 1), square(n, 2, self_pairs=False)

    def normal(adj):
        dense = adj.to_dense().double()
        scale = dense.sum(1).clamp(min=1).rsqrt()
        return scale[:, None] * dense * scale

    literal = 0.8 * torch.trace(z.T @ normal(negatives) @ z) - torch.trace(z.T @ normal(positives) @ z)
    sparse = [gr.ops.symmetric_normalize(adj, torch.float64) for adj in (positives, negatives)]
    assert_same(contrast.coles(z, *sparse), literal / n, [z])


def test_random_negatives():
    for n in (0, 1, 2, 50):
        dense = square(n).to_dense()
        assert dense.shape == (n, n)
        assert (dense == dense.T).all()
        assert set(dense.unique().tolist()) <= {0.0, 1.0}
    assert (square(50).to_dense().sum(1) >= 1).all()
    assert square(50, self_pairs=False).to_dense().diagonal().sum() == 0
    assert square(1, self_pairs=False).num_entries == 0
    counts = sum(square(30, seed).to_dense() for seed in range(400)) / 400
    np.testing.assert_allclose(counts.fill_diagonal_(0.19).numpy(), 1 - (29 / 30) ** 6, atol=0.1)


def test_dgi_is_the_formula():
    h, c = pair(7, 4)
    w = pair(4, 4, 1)[0]
    summary = torch.sigmoid(h.mean(0))
    logits = torch.stack([x @ w @ summary for x in torch.cat([h, c])])
    truth = torch.tensor([1.0] * 7 + [0.0] * 7, dtype=torch.float64)
    assert_same(contrast.dgi(h, c, w), functional.binary_cross_entropy_with_logits(logits, truth), [h, c, w])


def test_ggd_is_the_formula():
    h, c = pair(7, 4)
    truth = torch.tensor([1.0] * 7 + [0.0] * 7, dtype=torch.float64)
    assert_same(
        contrast.ggd(h, c), functional.binary_cross_entropy_with_logits(torch.cat([h, c]).sum(1), truth), [h, c]
    )


def test_bgrl_sends_no_gradient_to_the_targets():
    p, t = pair(7, 4), pair(7, 4, 1)
    loss = contrast.bgrl(p[0], t[1], p[1], t[0])
    literal = sum(
        2
        - functional.cosine_similarity(p[0][i], t[1][i], dim=0)
        - functional.cosine_similarity(p[1][i], t[0][i], dim=0)
        for i in range(7)
    )
    torch.testing.assert_close(loss, literal / 7)
    grads = torch.autograd.grad(loss, [*p, *t], allow_unused=True)
    assert grads[2] is None
    assert grads[3] is None
    assert grads[0].abs().sum() > 0


@pytest.mark.parametrize("shape", [(1, 4), (9, 4), (4, 9), (50, 20)])
def test_rankme_is_the_formula(shape):
    z = np.random.default_rng(0).standard_normal(shape)
    sigma = np.linalg.svd(z, compute_uv=False)
    p = sigma / sigma.sum() + 1e-7
    assert contrast.rankme(torch.from_numpy(z)) == pytest.approx(np.exp(-(p * np.log(p)).sum()), rel=1e-6)


def test_rankme_of_special_vectors():
    assert contrast.rankme(np.zeros((5, 3))) == 0
    assert contrast.rankme(np.eye(100), max_rows=10) == pytest.approx(10, rel=1e-4)
    with pytest.raises(ValueError, match="vectors must have shape"):
        contrast.rankme(np.zeros(5))


def test_objectives_take_the_vectors_of_any_graph():
    """The functions stand alone: vectors of any module, adjacency of any graph."""
    g = gr.as_graph([[0, 1, 2], [1, 2, 3]], directed=False)
    z = torch.randn(4, 3)
    positives = gr.ops.symmetric_normalize(gr.ops.as_adjacency(g))
    assert contrast.coles(z, positives, positives, 1.0).abs() < 1e-6
