from __future__ import annotations

import pickle

import numpy as np
import pytest

import graphrep as gr
from graphrep import _search

METRICS = ("cosine", "dot", "euclidean")


def some_vectors(n=50, dimensions=7, seed=0, **kwargs):
    return gr.NodeVectors(np.random.default_rng(seed).standard_normal((n, dimensions)), **kwargs)


def brute_force(vectors, query, k, metric, exclude=None):
    """Rank every row in float64, ties by row: the definition."""
    a, q = vectors.astype(np.float64), np.asarray(query, dtype=np.float64)
    if metric == "euclidean":
        key = scores = np.linalg.norm(a - q, axis=1)
    else:
        scores = a @ q
        if metric == "cosine":
            length = np.linalg.norm(a, axis=1) * np.linalg.norm(q)
            scores = np.where(length > 0, scores / np.where(length > 0, length, 1), 0)
        key = -scores
    order = [row for row in np.argsort(key, kind="stable") if row != exclude][:k]
    return order, scores[order]


def test_lookup_by_name_list_and_row():
    v = some_vectors(3, nodes=["a", "b", "c"], settings={"method": "none", "seed": np.int64(3)})
    assert len(v) == 3
    assert v.dimensions == 7
    assert v.vectors.dtype == np.float32
    assert v.nodes.tolist() == ["a", "b", "c"]
    assert v.settings == {"method": "none", "seed": 3}
    np.testing.assert_array_equal(v["b"], v.vectors[1])
    np.testing.assert_array_equal(v[["c", "a"]], v.vectors[[2, 0]])
    np.testing.assert_array_equal(v[np.array(["c", "a"])], v.vectors[[2, 0]])
    assert v[[]].shape == (0, 7)
    assert v.row("c") == 2
    assert v.rows(["c", "c"]).tolist() == [2, 2]
    assert repr(v) == "NodeVectors(num_nodes=3, dimensions=7)"


@pytest.mark.parametrize("nodes", [None, [10, 20, 30], ["x", "y", "z"], [("t", 1), ("t", 2), ("t", 3)]])
def test_membership(nodes):
    v = some_vectors(3, nodes=nodes)
    names = v.nodes.tolist()
    assert all(name in v for name in names)
    assert [v.row(name) for name in names] == [0, 1, 2]
    for stranger in (-1, 3, "w", [1], None, 0.5):
        assert stranger not in v
    with pytest.raises(KeyError, match="there is no node -1"):
        v[-1]


def test_numpy_integers_find_integer_names():
    for v in (some_vectors(3), some_vectors(3, nodes=np.array([7, 5, 0], dtype=np.int32))):
        assert v.row(np.int32(0)) == v.row(0)
    assert v.nodes.dtype == np.int64


def test_immutable():
    source = np.ones((3, 2), dtype=np.float32)
    v = gr.NodeVectors(source, nodes=["a", "b", "c"], settings={"deep": {"list": [1]}})
    assert np.shares_memory(v.vectors, source)
    for array in (v.vectors, v["a"], v.nodes, some_vectors(2).nodes):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 5
    v.settings["deep"]["list"].append(2)
    assert v.settings == {"deep": {"list": [1]}}
    source.flags.writeable = False
    assert gr.NodeVectors(source).vectors is source


def test_pickle_keeps_everything():
    v = some_vectors(4, nodes=["a", "b", "c", "d"], settings={"seed": 1})
    _ = v.row("a")
    w = pickle.loads(pickle.dumps(v))
    np.testing.assert_array_equal(w.vectors, v.vectors)
    assert w.nodes.tolist() == v.nodes.tolist()
    assert w.settings == v.settings
    assert w.row("d") == 3
    assert not w.vectors.flags.writeable
    assert not w.nodes.flags.writeable


def test_a_torch_tensor_is_taken():
    torch = pytest.importorskip("torch")
    tensor = torch.ones((2, 3), requires_grad=True)
    v = gr.NodeVectors(tensor)
    assert v.vectors.tolist() == [[1.0] * 3] * 2
    assert v.most_similar(tensor[0], k=1) == [(0, pytest.approx(1.0))]


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (([1.0, 2.0],), ValueError, r"vectors must have shape \(num_nodes, dimensions\), got \(2,\)"),
        ((np.zeros((3, 0)),), ValueError, r"got \(3, 0\)"),
        (([[1, 2], [3]],), ValueError, "rows of different lengths"),
        (([["a"]],), TypeError, "vectors must be real numbers, got dtype <U1"),
        (([[1j]],), TypeError, "got dtype complex128"),
        (([[1, 2], [3, np.nan]],), ValueError, "vectors must be finite; row 1 holds nan"),
        (([[1, np.inf], [3, -np.inf]],), ValueError, "row 0 holds inf"),
        (([[1e300]],), ValueError, "vectors must be finite; row 0 holds inf"),
        (([[1.0]], ["a", "b"]), ValueError, "got 2 names"),
        (([[1.0], [2.0]], ["a", "a"]), ValueError, "nodes must be distinct"),
        (([[1.0]], None, {"x": object()}), TypeError, "settings must be a dict that JSON can hold: it holds a object"),
        (([[1.0]], None, {"x": float("nan")}), TypeError, "settings must be a dict that JSON can hold"),
        (([[1.0]], None, [1]), TypeError, "settings must be a dict, got list"),
    ],
)
def test_bad_input_is_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        gr.NodeVectors(*arguments)


def test_no_nodes():
    v = gr.NodeVectors(np.zeros((0, 4)))
    assert len(v) == 0
    assert v.most_similar(np.ones(4)) == []
    names, scores = v.neighbors(k=3)
    assert names.shape == scores.shape == (0, 0)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("shape", [(1, 1), (2, 1), (17, 3), (300, 130)])
def test_most_similar_is_exact(metric, shape):
    v = some_vectors(*shape)
    for k in (1, 5, 1000):
        rows, scores = brute_force(v.vectors, v.vectors[0], k, metric, exclude=0)
        found = v.most_similar(0, k=k, metric=metric)
        assert [name for name, _ in found] == rows
        np.testing.assert_allclose([score for _, score in found], scores, rtol=1e-12, atol=1e-12)
    rows, _ = brute_force(v.vectors, np.ones(shape[1]), 5, metric)
    assert [name for name, _ in v.most_similar(np.ones(shape[1]), k=5, metric=metric)] == rows
    assert [name for name, _ in v.most_similar([1.0] * shape[1], k=5, metric=metric)] == rows


@pytest.mark.parametrize("metric", METRICS)
def test_near_ties_beyond_float32_are_ordered(metric):
    # The rows differ by one float32 step in one of 200 columns: a float32 product alone cannot rank them.
    base = np.random.default_rng(1).standard_normal(200).astype(np.float32)
    vectors = np.tile(base, (101, 1))
    steps = np.random.default_rng(2).permutation(100)
    for row, step in enumerate(steps, start=1):
        for _ in range(step):
            vectors[row, 0] = np.nextafter(vectors[row, 0], np.float32(np.inf))
    v = gr.NodeVectors(vectors)
    expected, _ = brute_force(vectors, vectors[0], 10, metric, exclude=0)
    if metric != "cosine":  # cosines this close to 1 are equal in float64, too
        assert [name for name, _ in v.most_similar(0, metric=metric)] == expected
    scores = [score for _, score in v.most_similar(0, k=100, metric=metric)]
    assert scores == sorted(scores, reverse=metric != "euclidean")


@pytest.mark.parametrize("metric", METRICS)
def test_equal_rows_tie_exactly_and_go_by_row(metric):
    rng = np.random.default_rng(3)
    vectors = np.repeat(rng.standard_normal((5, 33)), 40, axis=0)[rng.permutation(200)]
    v = gr.NodeVectors(vectors)
    for query in range(0, 200, 17):
        found = v.most_similar(query, k=39, metric=metric)
        twins = [row for row in range(200) if row != query and np.array_equal(vectors[row], vectors[query])]
        assert [name for name, _ in found] == twins
        assert len({score for _, score in found}) == 1


def test_a_vector_is_exactly_one_from_itself():
    v = some_vectors(20, 13)
    twice = gr.NodeVectors(np.concatenate([v.vectors, v.vectors]))
    assert [twice.similarity(i, i + 20) for i in range(20)] == [1.0] * 20
    assert twice.similarity(3, 23, metric="euclidean") == 0.0


@pytest.mark.parametrize("metric", METRICS)
def test_zero_vectors(metric):
    v = gr.NodeVectors([[0, 0], [1, 0], [0, 0], [-1, 0]])
    scores = dict(v.most_similar(0, metric=metric))
    assert scores == dict.fromkeys((1, 2, 3), 0.0) if metric != "euclidean" else {1: 1.0, 2: 0.0, 3: 1.0}
    assert v.similarity(0, 2) == 0.0
    # Zero lies between what points the same way and what points the other way.
    if metric == "cosine":
        assert v.most_similar(1) == [(0, 0.0), (2, 0.0), (3, -1.0)]


@pytest.mark.parametrize("scale", [1e-42, 1e-30, 1.0, 1e30, 3e38])
@pytest.mark.parametrize("metric", METRICS)
def test_extreme_lengths(scale, metric):
    unit = np.random.default_rng(4).uniform(-1, 1, (40, 5))
    v = gr.NodeVectors((unit * scale).astype(np.float32))
    rows, scores = brute_force(v.vectors, v.vectors[7], 6, metric, exclude=7)
    found = v.most_similar(7, k=6, metric=metric)
    assert [name for name, _ in found] == rows
    np.testing.assert_allclose([score for _, score in found], scores, rtol=1e-9)


def test_lengths_of_every_size_together():
    rng = np.random.default_rng(5)
    vectors = (rng.standard_normal((60, 9)) * 10.0 ** rng.uniform(-40, 37, (60, 1))).astype(np.float32)
    v = gr.NodeVectors(vectors)
    for metric in METRICS:
        rows, _ = brute_force(vectors, vectors[0], 8, metric, exclude=0)
        assert [name for name, _ in v.most_similar(0, k=8, metric=metric)] == rows


@pytest.mark.parametrize("metric", METRICS)
def test_neighbors_agrees_with_most_similar_for_any_block(metric, monkeypatch):
    v = some_vectors(60, 11, nodes=[f"n{i}" for i in range(60)])
    names, scores = v.neighbors(k=4, metric=metric)
    assert names.shape == (60, 4)
    for row, node in enumerate(v.nodes):
        single = v.most_similar(node, k=4, metric=metric)
        assert list(zip(names[row].tolist(), scores[row].tolist(), strict=True)) == single
    for block in (1, 7, 130, 1000):
        monkeypatch.setattr(_search, "_BLOCK", block)
        again, same = v.neighbors(k=4, metric=metric)
        np.testing.assert_array_equal(again, names)
        np.testing.assert_array_equal(same, scores)


def test_neighbors_of_some_nodes():
    v = some_vectors(9, nodes=list("abcdefghi"))
    names, scores = v.neighbors(["c", "a"], k=100)
    assert names.shape == scores.shape == (2, 8)
    assert "c" not in names[0]
    assert "a" not in names[1]
    assert v.similarity("c", names[0, 0]) == scores[0, 0] == v.similarity(names[0, 0], "c")


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda v: v.most_similar("q"), KeyError, "there is no node 'q'"),
        (lambda v: v.most_similar(0, k=0), ValueError, "k must be at least 1, got 0"),
        (lambda v: v.most_similar(0, k=2.5), TypeError, "k must be an integer, got 2.5"),
        (
            lambda v: v.most_similar(0, metric="l2"),
            ValueError,
            "metric must be one of cosine, dot, euclidean; got 'l2'",
        ),
        (lambda v: v.similarity(0, 1, metric="l2"), ValueError, "metric must be one of"),
        (lambda v: v.most_similar([1.0, 2.0]), ValueError, r"the query must be a vector of shape \(7,\), got \(2,\)"),
        (lambda v: v.most_similar(np.ones((2, 7))), ValueError, r"shape \(7,\), got \(2, 7\)"),
        (lambda v: v.most_similar([np.nan] * 7), ValueError, "vectors must be finite"),
        (lambda v: v.neighbors([0, 99]), KeyError, "there is no node 99"),
    ],
)
def test_bad_queries_are_refused(call, error, message):
    with pytest.raises(error, match=message):
        call(some_vectors())


def test_to_keyed_vectors():
    pytest.importorskip("gensim")
    v = some_vectors(5, nodes=[3, 1, 4, 15, 9])
    keyed = v.to_keyed_vectors()
    assert keyed.index_to_key == ["3", "1", "4", "15", "9"]
    np.testing.assert_array_equal(keyed["15"], v[15])
    assert [int(name) for name, _ in keyed.most_similar("1", topn=3)] == [name for name, _ in v.most_similar(1, k=3)]
    with pytest.raises(ValueError, match="two nodes are called '1'"):
        some_vectors(2, nodes=[1, "1"]).to_keyed_vectors()
