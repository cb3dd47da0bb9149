from __future__ import annotations

import numpy as np
import pytest

import graphrep as gr

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
