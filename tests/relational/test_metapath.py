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


@pytest.fixture
def citations():
    """Papers that cite papers, and authors who write and review them, all drawn at random."""
    rng = np.random.default_rng(2)
    cites = np.triu(rng.random((9, 9)) < 0.4, 1)
    wrote, reviewed = rng.random((2, 5, 9)) < 0.4
    ends = [
        np.argwhere(cites),
        np.argwhere(wrote) + np.array([9, 0]),
        np.argwhere(reviewed)[:, ::-1] + np.array([0, 9]),
    ]
    kinds = np.repeat(["cites", "wrote", "reviewed by"], [len(part) for part in ends])
    types = ["paper"] * 9 + ["author"] * 5
    graph = gr.as_graph(np.concatenate(ends).T, edge_type=kinds, num_nodes=14, node_type=types)
    return graph, cites.astype(float), wrote.astype(float), reviewed.astype(float)


def test_a_step_says_its_direction(citations):
    graph, cites, wrote, reviewed = citations
    forth, back = ("paper", "cites", "paper"), ("paper", "rev_cites", "paper")
    for path, wanted in (
        ([forth], cites),
        (("paper", "paper"), cites),
        ([back], cites.T),
        ([forth, back], cites @ cites.T),
        ([back, forth], cites.T @ cites),
        ([("author", "wrote", "paper"), back, ("paper", "rev_wrote", "author")], wrote @ cites.T @ wrote.T),
        ([("paper", "wrote", "author")], wrote.T),  # none has the direction of the step
        ([("author", "rev_reviewed by", "paper")], reviewed),
        (("author", "paper"), wrote),  # both directions have edges: those of the step
        (("paper", "author"), reviewed.T),
    ):
        np.testing.assert_array_equal(metapath(graph, path).toarray(), wanted)
    x = np.arange(9.0)[:, None]
    means = cites.T @ x / np.maximum(cites.sum(axis=0)[:, None], 1)
    np.testing.assert_allclose(metapath_features(graph, [[back]], x, normalize=False), np.hstack([x, means]))
    with pytest.raises(ValueError, match="no edge of type 'rev_wrote' joins nodes of the types 'author' and 'paper'"):
        metapath(graph, [("author", "rev_wrote", "paper")])
    with pytest.raises(ValueError, match="'likes' is no type of edges; these are 'cites', 'wrote', 'reviewed by'"):
        metapath(graph, [("paper", "rev_likes", "paper")])


def test_a_type_of_that_name_and_edges_without_types(citations):
    cites = citations[1]
    rows = [("p", "cites", "q"), ("q", "rev_cites", "r")]
    both = gr.as_graph(rows, edge_type=1, node_type=["paper"] * 3)
    own = metapath(both, [("paper", "rev_cites", "paper")]).toarray()
    np.testing.assert_array_equal(own, [[0, 0, 0], [0, 0, 1], [0, 0, 0]])
    turned = metapath(both, [("paper", "rev_rev_cites", "paper")]).toarray()
    np.testing.assert_array_equal(turned, own.T)
    plain = gr.as_graph(np.argwhere(cites).T, directed=True, num_nodes=9, node_type=["paper"] * 9)
    np.testing.assert_array_equal(metapath(plain, [("paper", "to", "paper")]).toarray(), cites)
    np.testing.assert_array_equal(metapath(plain, [("paper", "rev_to", "paper")]).toarray(), cites.T)
    with pytest.raises(ValueError, match="'cites' is no type of edges; these are 'to'"):
        metapath(plain, [("paper", "cites", "paper")])


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
