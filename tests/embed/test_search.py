from __future__ import annotations

import numpy as np
import pytest

import graphrep as gr
from graphrep import _search

METRICS = ("cosine", "dot", "euclidean")


def exact_order(vectors, query, metric):
    """Rows from the nearest on, every score in extended precision: the definition."""
    a, q = vectors.astype(np.longdouble), query.astype(np.longdouble)
    if metric == "euclidean":
        return np.argsort(((a - q) ** 2).sum(axis=1), kind="stable")
    scores = a @ q
    if metric == "cosine":
        scores = scores / np.sqrt((a * a).sum(axis=1))
    return np.argsort(-scores, kind="stable")


def crowded(seed, num_rows=400, dimensions=150):
    """Rows as good as equally near to a query: what tells them apart is how their entries were rounded to float32."""
    rng = np.random.default_rng(seed)
    query = rng.standard_normal(dimensions).astype(np.float32)
    unit = query / np.linalg.norm(query.astype(np.float64))
    across = rng.standard_normal((num_rows, dimensions))
    across -= (across @ unit)[:, None] * unit
    across /= np.linalg.norm(across, axis=1, keepdims=True)
    return (unit + across).astype(np.float32), query


@pytest.mark.parametrize("metric", METRICS)
def test_rows_too_close_for_float32_are_found_in_exact_order(metric):
    for seed in range(5):
        vectors, query = crowded(seed)
        found = [row for row, _ in gr.NodeVectors(vectors).most_similar(query, k=3, metric=metric)]
        assert found == exact_order(vectors, query, metric)[:3].tolist()


def test_the_case_above_is_beyond_float32():
    """Otherwise it would say nothing about the bound on the error of float32 products."""
    wrong = 0
    for seed in range(5):
        vectors, query = crowded(seed)
        rough = np.argsort(-(vectors @ query), kind="stable")
        wrong += rough[:3].tolist() != exact_order(vectors, query, "dot")[:3].tolist()
    assert wrong == 5


@pytest.mark.parametrize("metric", METRICS)
def test_vectors_of_zeros_alone_are_all_found(metric):
    zeros = gr.NodeVectors(np.zeros((5, 3)))
    expected = 1.0 if metric == "euclidean" else 0.0
    assert zeros.most_similar([1.0, 0.0, 0.0], k=3, metric=metric) == [(row, expected) for row in (0, 1, 2)]
    assert zeros.most_similar(2, k=9, metric=metric) == [(row, 0.0) for row in (0, 1, 3, 4)]


def exact_top(vectors, queries, k, metric, exclude):
    """Rank every row by its own score, ties by row: the definition."""
    rows = []
    for query, own in zip(queries, exclude, strict=True):
        scores = _search.pair_scores(vectors, query, metric)
        order = np.lexsort((np.arange(len(vectors)), scores if metric == "euclidean" else -scores))
        rows.append([row for row in order.tolist() if row != own][:k])
    return rows


def with_crowds(seed):
    """Rows of every kind: equal ones in many blocks, zeros, twins of other lengths, huge and tiny ones."""
    rng = np.random.default_rng(seed)
    vectors = rng.standard_normal((300, 6)).astype(np.float32)
    vectors[rng.integers(0, 300, 90)] = vectors[0]
    vectors[rng.integers(0, 300, 60)] = 0
    vectors[rng.integers(0, 300, 30)] *= np.float32(3)
    vectors[rng.integers(0, 300, 10)] *= np.float32(10.0 ** rng.integers(-40, 30))
    return vectors


@pytest.mark.parametrize("block", [1, 60, 700, 5000, 1 << 22])
@pytest.mark.parametrize("metric", METRICS)
def test_blocks_of_any_size_find_the_same_rows(metric, block, monkeypatch):
    monkeypatch.setattr(_search, "_BLOCK", block)
    for seed in range(3 if block > 1 else 1):
        vectors = with_crowds(seed)
        asked = np.array([0, 1, 5, 17, 299, int(np.flatnonzero(~vectors.any(axis=1))[0])])
        for k in (1, 7, 150, 299):
            rows, _ = _search.top_k(vectors, vectors[asked], k, metric, asked)
            assert rows.tolist() == exact_top(vectors, vectors[asked], k, metric, asked)


@pytest.mark.parametrize("metric", METRICS)
def test_crowds_of_equal_rows_are_settled_on_the_way(metric, monkeypatch):
    """The rows that are as good as the best do not all have to be held at once."""
    monkeypatch.setattr(_search, "_BLOCK", 4000)
    settled, original = [], _search._settled
    monkeypatch.setattr(_search, "_settled", lambda *arguments: settled.append(original(*arguments)) or settled[-1])
    rng = np.random.default_rng(0)
    vectors = np.repeat(rng.standard_normal((4, 5)).astype(np.float32), 5000, axis=0)[rng.permutation(20_000)]
    asked = np.arange(3)
    rows, _ = _search.top_k(vectors, vectors[asked], 4, metric, asked)
    assert rows.tolist() == exact_top(vectors, vectors[asked], 4, metric, asked)
    assert len(settled) > 3
    assert max(len(found.row) for found in settled) <= 3 * 4
