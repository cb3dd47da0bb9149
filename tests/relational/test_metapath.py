"""Meta-paths against dense products, and the published splits of ACM."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import scipy.sparse as sp

import graphrep as gr
from graphrep.relational import metapath, metapath_features

PAP = ("paper", "author", "paper")


@pytest.fixture
def small():
    rng = np.random.default_rng(0)
    dense = (rng.random((12, 7)) < 0.3).astype(float)
    dense[0, 0] = 1
    p, a = np.nonzero(dense)
    kinds = ["paper"] * 12 + ["author"] * 7
    graph = gr.as_graph((p, a + 12), edge_type=["by"] * len(p), num_nodes=19, node_type=kinds)
    return graph, dense


def test_counts_pathsim_and_top_equal_dense_products(small, monkeypatch):
    graph, dense = small
    counts = dense @ dense.T
    np.testing.assert_array_equal(metapath(graph, PAP).toarray(), counts)
    own = np.diag(counts)
    with np.errstate(invalid="ignore"):
        similar = np.nan_to_num(2 * counts / (own[:, None] + own))
    np.testing.assert_allclose(metapath(graph, PAP, weight="pathsim").toarray(), similar)
    np.testing.assert_array_equal(metapath(graph, ("author", "paper", "author")).toarray(), dense.T @ dense)
    triples = [("paper", "by", "author"), ("author", "by", "paper")]
    np.testing.assert_array_equal(metapath(graph, triples).toarray(), counts)
    monkeypatch.setattr(sys.modules[metapath.__module__], "_BLOCK", 10)
    blocked = metapath(graph, PAP, weight="pathsim", top=3).toarray()
    kept = np.zeros_like(similar)
    for row, values in enumerate(similar):
        chosen = np.lexsort((np.arange(12), -values))[:3]
        kept[row, chosen] = values[chosen]
    np.testing.assert_allclose(blocked, kept)


def test_features_are_means_over_paths(small):
    graph, dense = small
    x = np.random.default_rng(1).random((12, 4))
    counts = dense @ dense.T
    means = counts @ x / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    np.testing.assert_allclose(metapath_features(graph, [PAP], x, normalize=False), np.hstack([x, means]))
    np.testing.assert_allclose(metapath_features(graph, [PAP], sp.csr_array(x), normalize=False), np.hstack([x, means]))


@pytest.mark.parametrize(
    ("path", "options", "message"),
    [
        (("paper",), {}, "two or more types"),
        (("paper", "cat"), {}, "'cat' is no type of nodes"),
        (("paper", "paper"), {}, "no edge joins"),
        ([("paper", "likes", "author")], {}, "'likes' is no type of edges"),
        ([("paper", "by", "author"), ("paper", "by", "author")], {}, "begins where"),
        (("paper", "author"), {"weight": "pathsim"}, "between nodes of one type"),
        (PAP, {"weight": "cosine"}, "weight must be"),
    ],
)
def test_bad_paths_are_refused(small, path, options, message):
    with pytest.raises(ValueError, match=message):
        metapath(small[0], path, **options)


def acm(folder):
    data = np.load(folder / "acm-hetero" / "graph.npz")
    p, a, s = (int(data[f"num_nodes_{kind}"]) for kind in "pas")
    authors, subjects = (data[f"edge_index_p_{kind}"].astype(np.int64) for kind in "as")
    authors[1] += p
    subjects[1] += p + a
    edges = np.hstack([authors, subjects])
    kinds = np.repeat([0, 1], [authors.shape[1], subjects.shape[1]])
    graph = gr.as_graph(
        edges, edge_type=kinds, edge_types=["pa", "ps"], num_nodes=p + a + s,
        node_type=np.repeat([0, 1, 2], [p, a, s]), node_types=["p", "a", "s"],
    )  # fmt: skip
    x = sp.csr_array((data["x_p_data"], data["x_p_indices"], data["x_p_indptr"]), shape=tuple(data["x_p_shape"]))
    return graph, x, data


def test_the_meta_path_of_acm_is_the_published_one(shared_data):
    if not (shared_data / "acm-hetero" / "graph.npz").exists():
        pytest.skip("no acm-hetero")
    graph, _, data = acm(shared_data)
    found = sp.triu(metapath(graph, ("p", "a", "p")), 1).tocoo()
    wanted = data["metapath_pap"]
    assert set(zip(found.row.tolist(), found.col.tolist(), strict=True)) == set(map(tuple, wanted.T.tolist()))


def test_features_of_acm_reach_the_reference(shared_data):
    if not (shared_data / "acm-hetero" / "graph.npz").exists():
        pytest.skip("no acm-hetero")
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import f1_score

    graph, x, data = acm(shared_data)
    z, y = metapath_features(graph, [("p", "a", "p"), ("p", "s", "p")], x, dimensions=32), data["y"]
    train, test = data["split_20_train"], data["split_20_test"]
    found = LogisticRegression(C=10, max_iter=300).fit(z[train], y[train]).predict(z[test])
    assert f1_score(y[test], found, average="macro") > 0.86
