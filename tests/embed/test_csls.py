"""Nearest nodes by CSLS: against the definition, and for what it is there for."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

import graphrep as gr
from graphrep import _search
from graphrep.cli import main

METRICS = ("cosine", "csls")


def by_definition(vectors, queries, exclude=None):
    """CSLS of every query with every row, in float64."""
    a, q = (np.asarray(x, dtype=np.float64) for x in (vectors, queries))

    def cosines(x, y):
        length = np.linalg.norm(x, axis=1)[:, None] * np.linalg.norm(y, axis=1)
        return np.divide(x @ y.T, length, out=np.zeros((len(x), len(y))), where=length > 0)

    def means(scores, without):
        scores = scores.copy()
        if without is not None:
            scores[np.arange(len(scores)), without] = -np.inf
        found = []
        for row in scores:
            best = np.sort(row[np.isfinite(row)])[::-1][:10]
            found.append(best.mean() if len(best) else 0.0)
        return np.array(found)

    every = means(cosines(a, a), np.arange(len(a)))
    own = every[exclude] if exclude is not None else means(cosines(q, a), None)
    return 2 * cosines(q, a) - own[:, None] - every


def order(scores, exclude=None):
    return [row for row in np.argsort(-scores, kind="stable") if row != exclude]


@pytest.mark.parametrize("shape", [(1, 1), (2, 3), (9, 4), (300, 17), (700, 130)])
def test_it_is_the_definition(shape, monkeypatch):
    monkeypatch.setattr(_search, "_BLOCK", 1 << 12)  # so that there are several blocks
    vectors = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    v = gr.NodeVectors(vectors)
    rows = np.arange(len(vectors))
    expected = by_definition(vectors, vectors, rows)
    names, scores = v.neighbors(k=7, metric="csls")
    for row in range(0, len(vectors), 37):
        wanted = order(expected[row], row)[:7]
        assert names[row].tolist() == wanted
        np.testing.assert_allclose(scores[row], expected[row, wanted], atol=1e-12)
        assert v.most_similar(row, k=7, metric="csls") == list(zip(wanted, scores[row].tolist(), strict=True))
    query = np.ones(shape[1], dtype=np.float32)
    expected = by_definition(vectors, query[None])[0]
    found = v.most_similar(query, k=5, metric="csls")
    assert [name for name, _ in found] == order(expected)[:5]
    np.testing.assert_allclose([score for _, score in found], expected[order(expected)[:5]], atol=1e-12)


def test_rows_too_close_for_float32_keep_their_order():
    rng = np.random.default_rng(1)
    vectors = np.tile(rng.standard_normal(200), (90, 1)).astype(np.float32)
    vectors[:, 0] += rng.permutation(90).astype(np.float32) * np.float32(1e-3)
    v = gr.NodeVectors(vectors)
    expected = by_definition(vectors, vectors, np.arange(90))
    for row in (0, 7, 89):
        scores = np.array([score for _, score in v.most_similar(row, k=89, metric="csls")])
        assert (np.diff(scores) <= 0).all()
        names = [name for name, _ in v.most_similar(row, k=89, metric="csls")]
        np.testing.assert_allclose(scores, expected[row, names], atol=1e-12)
        assert scores[0] >= np.delete(expected[row], row).max() - 1e-12


def test_hubs_leave_the_lists():
    """Every vector leans to the mean; the node at the mean is then nearest to too many, but not by CSLS."""
    rng = np.random.default_rng(2)
    centers = 2 * rng.standard_normal((40, 20))
    vectors = np.repeat(centers, 5, axis=0) + 1.5 * rng.standard_normal((200, 20)) + 3
    vectors[0] = 3
    v = gr.NodeVectors(vectors)
    counts = {metric: np.bincount(v.neighbors(k=5, metric=metric)[0].ravel(), minlength=200) for metric in METRICS}
    assert counts["cosine"][0] == counts["cosine"].max() > 30
    assert counts["csls"][0] < counts["cosine"][0] / 2
    same = np.repeat(np.arange(40), 5)
    right = {m: (same[v.neighbors(k=4, metric=m)[0]] == same[:, None])[1:].mean() for m in METRICS}
    assert right["csls"] > right["cosine"]


def test_similarity_is_symmetric_and_the_score_of_the_search():
    v = gr.NodeVectors(np.random.default_rng(3).standard_normal((30, 5)), [f"n{i}" for i in range(30)])
    found = dict(v.most_similar("n4", k=29, metric="csls"))
    for name, score in found.items():
        assert v.similarity("n4", name, metric="csls") == v.similarity(name, "n4", metric="csls") == score
    again = pickle.loads(pickle.dumps(v))
    assert again.most_similar("n4", metric="csls") == v.most_similar("n4", metric="csls")


def test_zero_vectors_and_lengths_of_every_size():
    rng = np.random.default_rng(4)
    vectors = (rng.standard_normal((60, 9)) * 10.0 ** rng.uniform(-40, 37, (60, 1))).astype(np.float32)
    vectors[[3, 50]] = 0
    expected = by_definition(vectors, vectors, np.arange(60))
    v = gr.NodeVectors(vectors)
    for row in (0, 3, 50):
        found = v.most_similar(row, k=8, metric="csls")
        np.testing.assert_allclose([score for _, score in found], expected[row, order(expected[row], row)[:8]])


def test_the_command(tmp_path, capsys):
    v = gr.NodeVectors(np.random.default_rng(5).standard_normal((30, 5)), [f"n{i}" for i in range(30)])
    v.save(tmp_path / "in.safetensors")
    with pytest.raises(SystemExit) as info:
        main(["neighbors", str(tmp_path / "in.safetensors"), "n3", "-k", "3", "--metric", "csls"])
    assert info.value.code == 0
    lines = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert lines == [[f"{score:.4f}", name] for name, score in v.most_similar("n3", 3, "csls")]


def test_an_index_has_no_csls(tmp_path):
    v = gr.NodeVectors(np.eye(3))
    with pytest.raises(ValueError, match="metric must be one of cosine, dot, euclidean; got 'csls'"):
        v.save_index(tmp_path / "in.hnsw", metric="csls")
