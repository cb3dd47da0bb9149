from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.base import clone

import graphrep as gr
from graphrep.evaluate import netinfof_components, netinfof_probe, random_link_split, roc_auc
from graphrep.evaluate.netinfof import compatibility, information


def planted(seed=0, features=True, half=60):
    """Two blocks that link mostly to each other, whose features say which block a node is in: heterophily."""
    g = nx.stochastic_block_model([half, half], [[0.01, 0.3], [0.3, 0.01]], seed=seed)
    x = np.random.default_rng(seed).random((2 * half, 12)).astype(np.float32)
    x[:half, :4] += 2
    return gr.as_graph(np.array(g.edges()).T, num_nodes=2 * half, directed=False, x=x if features else None)


@pytest.fixture(scope="module")
def split():
    return random_link_split(planted(), test=0.1, valid=0.15, connected=False)


def scaled(Y):
    Y = Y / Y.std(axis=0)
    return Y / np.linalg.norm(Y, axis=1, keepdims=True)


@pytest.mark.parametrize("sparse", [False, True])
def test_components_are_the_decompositions_of_dense_matrices(sparse):
    g = planted(half=10)  # few enough nodes for the random subspace to hold all of them
    x = np.maximum(g.x - 0.5, 0) if sparse else g.x
    g = gr.as_graph(g, x=sp.csr_array(x) if sparse else x)
    found = netinfof_components(g, dimensions=5, hops=2)
    A = g.to_scipy().toarray().astype(float)
    degree = A.sum(axis=1)
    P, Q = A / degree[:, None], (A + np.eye(20)) / (degree + 1)[:, None]
    visits = P + P @ np.divide(A, degree[:, None] - 1, out=np.zeros_like(A), where=degree[:, None] > 1)
    np.fill_diagonal(visits, 0)
    X = x - x.min()
    X = X / X.sum(axis=1, keepdims=True)
    matrices = {
        "structure": (A, True),
        "walks": (visits, True),
        "features": (X, False),
        "propagated features": (P @ P @ X, False),
        "propagated features, with self loops": (Q @ Q @ X, False),
    }
    assert list(found) == list(matrices)
    for name, (M, rooted) in matrices.items():
        U, S, _ = np.linalg.svd(M if rooted else M - M.mean(axis=0))
        wanted = scaled(U[:, :5] * (np.sqrt(S[:5]) if rooted else S[:5]))
        # Singular vectors have no sign; products of rows do not depend on it.
        np.testing.assert_allclose(found[name] @ found[name].T, wanted @ wanted.T, atol=1e-3, err_msg=name)
        assert found[name].dtype == np.float32


def test_walks_of_two_steps_do_not_turn_back():
    """The visits of a leaf's walks: its neighbor and the others behind it, not itself."""
    star = gr.as_graph([[0, 0, 0], [1, 2, 3]], directed=False)
    walks = gr.random_walks(star, walk_length=3, walks_per_node=400, p=1e100)
    assert netinfof_components(star, dimensions=3)["walks"].shape[0] == 4
    visited = {(walk[0], node) for walk in np.asarray(walks).tolist() for node in walk[1:] if walk[0] not in (0, node)}
    assert visited == {(u, v) for u in (1, 2, 3) for v in (0, 1, 2, 3) if u != v}


def test_compatibility_minimizes_its_objective():
    """Against the normal equations in all coefficients of a symmetric matrix."""
    g = planted(features=False)
    Z = netinfof_components(g, dimensions=6)["structure"]
    rng = np.random.default_rng(0)
    negatives = rng.integers(0, 120, (2, 2 * g.num_edges))
    pairs, target = (
        np.concatenate([g.edges(), negatives], axis=1),
        np.repeat([1.0, 0.0], [g.num_edges, 2 * g.num_edges]),
    )
    H = compatibility(Z, g, g.edges(), negatives)
    np.testing.assert_array_equal(H, H.T)

    def loss(H):
        return ((np.einsum("ij,jk,ik->i", Z[pairs[0]], H, Z[pairs[1]]) - target) ** 2).sum()

    row, col = np.triu_indices(6)
    design = Z[pairs[0]][:, row] * Z[pairs[1]][:, col] + Z[pairs[0]][:, col] * Z[pairs[1]][:, row]
    design[:, row == col] /= 2
    best = np.linalg.solve(design.T @ design + np.eye(len(row)), design.T @ target)
    dense = np.zeros((6, 6))
    dense[row, col] = dense[col, row] = best
    assert loss(dense) <= loss(H) < 1.03 * loss(dense)


def test_information_of_known_scores():
    assert information(np.arange(8), np.arange(4, 8), np.arange(4)) == pytest.approx(1)
    assert information(np.arange(8), np.arange(8), np.arange(8)) == pytest.approx(0.5)
    # A quarter of the edges is alone in the upper bin: entropy 7/8 h(3/7) bits.
    p = np.array([3 / 7, 4 / 7])
    wanted = 2 ** (7 / 8 * (p * np.log2(p)).sum())
    assert information([0, 1], [1, 0, 0, 0], [0, 0], bins=2) == pytest.approx(wanted)


def test_the_probe_tells_views_apart(split):
    found = netinfof_probe(split, dimensions=8)
    assert found["features"] > 0.6
    noise = gr.as_graph(split.full, x=np.random.default_rng(0).random((120, 6), dtype=np.float32))
    other = random_link_split(noise, test=0.1, valid=0.15, connected=False)
    assert netinfof_probe(other, dimensions=8)["features"] < 0.55
    again = netinfof_probe(split, dimensions=8, random_state=0, n_jobs=1)
    assert again == pytest.approx(found)
    assert netinfof_probe(split, part="test", dimensions=8) != found
    with pytest.raises(ValueError, match="part must be valid or test"):
        netinfof_probe(split, part="train")


def test_act_learns_that_unlike_nodes_link(split):
    """The cosine of the features is worse than chance here; H is what helps."""
    model = gr.NetInfoFAct(dimensions=8).fit(split.graph, split.train, val=split)
    assert roc_auc(model.score_pairs(split.test), model.score_pairs(split.test_neg)) > 0.65
    cosine = gr.EmbeddingScorer(split.full.x, operator="cosine").fit(split.graph)
    assert roc_auc(cosine.score_pairs(split.test), cosine.score_pairs(split.test_neg)) < 0.5
    assert model.metric_ == "auc"
    assert model.components_ == list(model.compatibility_)


def test_scores_are_symmetric_alone_repeatable_and_saved(split, tmp_path):
    model = gr.NetInfoFAct(dimensions=8, C=1).fit(split.graph)
    pairs = np.concatenate([split.test, split.test_neg], axis=1)
    scores = model.score_pairs(pairs)
    assert scores.dtype == np.float32
    np.testing.assert_array_equal(model.score_pairs(pairs[::-1]), scores)
    np.testing.assert_array_equal(
        np.concatenate([model.score_pairs(pairs[:, :1]), model.score_pairs(pairs[:, 1:])]), scores
    )
    np.testing.assert_array_equal(clone(model).fit(split.graph).score_pairs(pairs), scores)
    np.testing.assert_allclose(clone(model).set_params(n_jobs=2).fit(split.graph).score_pairs(pairs), scores, atol=1e-3)
    assert (clone(model).set_params(random_state=1).fit(split.graph).score_pairs(pairs) != scores).any()
    model.save(tmp_path / "m")
    np.testing.assert_allclose(gr.load(tmp_path / "m").score_pairs(pairs), scores, rtol=1e-5, atol=1e-6)


def test_c_is_the_best_on_validation(split):
    strengths = (0.01, 1.0, 100.0)

    def value(C):
        model = gr.NetInfoFAct(dimensions=8, C=C).fit(split.graph)
        return roc_auc(model.score_pairs(split.valid), model.score_pairs(split.valid_neg))

    model = gr.NetInfoFAct(dimensions=8, C=strengths, negative_sampling="uniform").fit(split.graph, val=split)
    assert max(strengths, key=lambda C: (value(C), -C)) == model.C_


def test_odd_graphs():
    for graph in (
        nx.path_graph(3),
        nx.star_graph(5),
        nx.disjoint_union(nx.complete_graph(3), nx.empty_graph(4)),
        nx.DiGraph([(0, 1), (1, 2), (2, 0), (2, 3)]),
    ):
        g = gr.as_graph(graph)
        scores = gr.NetInfoFAct().fit(g).score_pairs([[0, 1], [1, 2]])
        assert np.isfinite(scores).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dimensions": 0}, "dimensions must be at least 1, got 0"),
        ({"hops": -1}, "hops must be at least 0, got -1"),
        ({"C": (1, 2)}, "C must be one number without validation pairs"),
        ({"C": 0}, "C must be greater than 0"),
        ({"max_train": 0}, "max_train must be at least 1"),
        ({"metric": "f1"}, "metrics must be"),
        ({"negative_sampling": "hard"}, "negative_sampling must be one of"),
    ],
)
def test_bad_input_is_one_sentence(split, options, message):
    with pytest.raises(ValueError, match=message):
        gr.NetInfoFAct(**options).fit(split.graph)
    with pytest.raises(ValueError, match=r"graph holds .* validation edges"):
        gr.NetInfoFAct().fit(split.full, val=split)


def test_a_row_of_every_table(split):
    table = gr.evaluate.compare({}, split, act=True, metrics=["auc"])
    model = gr.NetInfoFAct(negative_sampling="uniform").fit(split.graph, val=split)
    assert table["NetInfoF Act"]["auc"] == pytest.approx(
        roc_auc(model.score_pairs(split.test), model.score_pairs(split.test_neg))
    )
    assert "NetInfoF Act (untrained)" not in repr(table)
    assert "NetInfoF Act" not in gr.evaluate.compare({}, split, metrics=["auc"])
    assert "NetInfoF Act" in gr.evaluate.link_baselines(split.graph, act=True)
