from __future__ import annotations

import pickle
import time
from collections.abc import Mapping
from xml.etree import ElementTree as ET

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
    with pytest.raises(KeyError, match=r"there is no node -1\."):
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
            "metric must be one of cosine, dot, euclidean, csls; got 'l2'",
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


# a mapping


@pytest.mark.parametrize("nodes", [None, [10, 20, 30], ["x", "y", "z"], [("t", 1), ("t", 2), ("t", 3)]])
def test_a_mapping_from_names_to_vectors(nodes):
    v = some_vectors(3, nodes=nodes)
    names = v.nodes.tolist()
    assert list(v) == list(v.keys()) == names
    assert [type(name) for name in v] == [type(name) for name in names]
    for row, (name, vector) in enumerate(v.items()):
        assert name == names[row]
        np.testing.assert_array_equal(vector, v.vectors[row])
    np.testing.assert_array_equal(np.stack(list(v.values())), v.vectors)
    assert dict(v).keys() == set(names)
    assert isinstance(v, Mapping)
    np.testing.assert_array_equal(v.get(names[1]), v.vectors[1])
    assert v.get("stranger") is None
    assert v.get([1], 5) == 5


def test_equal_if_names_and_vectors_are():
    v = some_vectors(3, nodes=["a", "b", "c"], settings={"seed": 1})
    assert v == some_vectors(3, nodes=["a", "b", "c"])  # where they come from does not count
    assert v != some_vectors(3, nodes=["a", "c", "b"])
    assert v != some_vectors(3)
    assert v != some_vectors(3, seed=1, nodes=["a", "b", "c"])
    assert v != v.vectors.tolist()
    assert some_vectors(3) == some_vectors(3, nodes=range(3))
    with pytest.raises(TypeError, match="unhashable"):
        hash(v)


def test_unknown_names_come_with_similar_ones():
    v = some_vectors(3, nodes=["nginx", "apache2", "7"])
    for call in (v.row, v.most_similar, v.__getitem__, lambda name: v.similarity("nginx", name)):
        with pytest.raises(KeyError) as info:
            call("ngnix")
        assert str(info.value) == "there is no node 'ngnix'; did you mean nginx?"
    with pytest.raises(KeyError, match="there is no node 7, but there is '7', a string"):
        v[7]
    with pytest.raises(KeyError, match="there is no node 'a'; the nodes are integers"):
        some_vectors(3)["a"]
    error = pickle.loads(pickle.dumps(info.value))
    assert error.args == ("there is no node 'ngnix'; did you mean nginx?",)


def test_a_thousand_unknown_names_cost_no_search():
    v = some_vectors(50_000, 1, nodes=[f"node-{i}" for i in range(50_000)])
    began = time.perf_counter()
    for i in range(1000):
        assert f"nobody-{i}" not in v
        with pytest.raises(KeyError):
            v[f"nobody-{i}"]
    assert time.perf_counter() - began < 5  # one search takes a twentieth of a second


def test_true_is_no_name_of_an_integer_and_masks_are_refused():
    for v in (some_vectors(3), some_vectors(3, nodes=[3, 1, 2])):
        assert True not in v
        assert np.True_ not in v
        with pytest.raises(
            TypeError, match=r"a mask is no list of names; select rows by position with v\[mask, \.\.\.\]"
        ):
            v[np.array([True, False, True])]
        with pytest.raises(TypeError, match=r"a mask is no list of names; give v\.nodes\[mask\]"):
            v.select(np.array([True, False, True]))
        with pytest.raises(KeyError, match="there is no node True"):
            v[[True, False, True]]
    assert True in some_vectors(2, nodes=[True, False])


def test_a_string_is_no_list_of_names():
    v = some_vectors(3, nodes=["a", "b", "ab"])
    for call in (v.rows, v.neighbors, v.select):
        with pytest.raises(TypeError, match="nodes must be a list of names, got 'ab'"):
            call("ab")


def test_a_dict_of_vectors():
    v = gr.NodeVectors({"a": [1, 2], "b": np.array([3.0, 4.0])})
    assert v == gr.NodeVectors([[1, 2], [3, 4]], ["a", "b"]) == gr.NodeVectors(dict(v))
    with pytest.raises(ValueError, match="vectors has names of its own"):
        gr.NodeVectors({"a": [1, 2]}, ["b"])
    with pytest.raises(ValueError, match="rows of different lengths"):
        gr.NodeVectors({"a": [1, 2], "b": [1]})
    with pytest.raises(ValueError, match="vectors must have shape"):
        gr.NodeVectors({})


# an array


@pytest.mark.parametrize("nodes", [None, [2, 0, 1], ["x", "y", "z"]])
def test_an_array_of_rows(nodes):
    v = some_vectors(3, nodes=nodes)
    assert np.asarray(v) is v.vectors
    assert (v.shape, v.ndim, v.dtype, len(v)) == ((3, 7), 2, np.float32, 3)
    assert np.asarray(v, dtype=np.float64).dtype == np.float64
    copy = np.array(v)
    copy[0] = 9
    assert v.vectors[0, 0] != 9
    np.testing.assert_array_equal(np.concatenate([v, v]), np.concatenate([v.vectors, v.vectors]))
    np.testing.assert_array_equal(np.linalg.norm(v, axis=1), np.linalg.norm(v.vectors, axis=1))
    np.testing.assert_array_equal(v[:2], v.vectors[:2])
    np.testing.assert_array_equal(v[:, 0], v.vectors[:, 0])
    np.testing.assert_array_equal(v[[2, 0], ...], v.vectors[[2, 0]])  # by position, as scikit-learn selects rows
    np.testing.assert_array_equal(v[np.array([True, False, True]), ...], v.vectors[[0, 2]])
    assert v.__array__(copy=True) is not v.vectors
    with pytest.raises(ValueError, match="float32 vectors cannot become float64 without a copy"):
        v.__array__(np.float64, copy=False)


def test_a_private_mapping_keeps_what_was_written_to_it(tmp_path):
    source = np.memmap(tmp_path / "data", np.float32, "w+", shape=(50, 3))
    source.flush()
    private = np.memmap(tmp_path / "data", np.float32, "c", shape=(50, 3))
    private[:] = np.random.default_rng(0).standard_normal((50, 3))
    v = gr.NodeVectors(private)
    expected = gr.NodeVectors(np.array(private))
    assert v.most_similar(0) == expected.most_similar(0)
    assert v == expected


def test_scikit_learn_takes_rows_by_position():
    cluster, linear_model, selection = (
        pytest.importorskip(f"sklearn.{name}") for name in ("cluster", "linear_model", "model_selection")
    )
    rng = np.random.default_rng(0)
    v = some_vectors(40, 3, nodes=rng.permutation(40))
    y = np.arange(40) % 2
    labels = cluster.KMeans(3, n_init=1, random_state=0).fit(v).labels_
    np.testing.assert_array_equal(labels, cluster.KMeans(3, n_init=1, random_state=0).fit(v.vectors).labels_)
    parts = selection.train_test_split(v, y, random_state=0)
    for part, expected in zip(parts, selection.train_test_split(v.vectors, y, random_state=0), strict=True):
        np.testing.assert_array_equal(part, expected)
    model = linear_model.LogisticRegression()
    np.testing.assert_array_equal(
        selection.cross_val_score(model, v, y), selection.cross_val_score(model, v.vectors, y)
    )


def test_torch_takes_a_copy():
    torch = pytest.importorskip("torch")
    v = some_vectors(4, 3, nodes=["a", "b", "c", "d"])
    for tensor in (torch.as_tensor(v), torch.asarray(v), torch.from_dlpack(v)):
        assert tensor.dtype == torch.float32
        np.testing.assert_array_equal(tensor.numpy(), v.vectors)
        tensor[0] = 5
        assert v.vectors[0, 0] != 5


# names


def test_select_matches_by_name():
    v = some_vectors(5, nodes=["a", "b", "c", "d", "e"], settings={"seed": 1})
    w = v.select(["e", "a"])
    assert w.nodes.tolist() == ["e", "a"]
    np.testing.assert_array_equal(w.vectors, v.vectors[[4, 0]])
    assert w.settings == {"seed": 1}
    assert v.select(v.nodes) is v
    assert v.select([]).shape == (0, 7)
    assert some_vectors(5).select(np.array([3, 1])).nodes.tolist() == [3, 1]
    assert v.select(name for name in "ba").nodes.tolist() == ["b", "a"]
    with pytest.raises(KeyError, match="3 of the 5 nodes have no vector: 'x', 'y', 'z'"):
        v.select(["a", "x", "y", "b", "z"])
    with pytest.raises(KeyError, match="there is no node 'aa'; did you mean a"):
        v.select(["a", "aa"])
    with pytest.raises(KeyError, match="there is no node 1, but there is '1', a string"):
        some_vectors(2, nodes=["1", "2"]).select([1, 2])
    with pytest.raises(ValueError, match="nodes must be distinct"):
        v.select(["a", "a"])


@pytest.mark.parametrize("missing", [None, float("nan"), np.nan, np.datetime64("NaT")])
def test_missing_names_are_refused(missing):
    with pytest.raises(
        ValueError, match=r"every node needs a name, but that of row 1 is missing \((None|nan|.*NaT.*)\)"
    ):
        gr.NodeVectors([[1.0], [2.0]], ["a", missing])
    assert ("t", missing) in gr.NodeVectors([[1.0], [2.0]], ["a", ("t", missing)])


# data frames


def test_to_frame_and_back():
    pd = pytest.importorskip("pandas")
    for nodes in (None, [5, 3, 1], ["x", "y", "z"], [("t", 1), ("t", 2), ("t", 3)]):
        v = some_vectors(3, nodes=nodes)
        frame = v.to_frame()
        assert frame.index.name == "node"
        assert frame.index.tolist() == v.nodes.tolist()
        assert frame.columns[:2].tolist() == ["x0", "x1"]
        assert frame.dtypes.unique().tolist() == [np.float32]
        assert gr.NodeVectors(frame) == v
        frame.iloc[0, 0] = 9
        assert v.vectors[0, 0] != 9
    assert some_vectors(0, nodes=[]).to_frame().shape == (0, 7)
    np.testing.assert_array_equal(pd.DataFrame(v).to_numpy(), v.vectors)
    again = pd.DataFrame(v, index=pd.Index(v.nodes, tupleize_cols=False))
    assert gr.NodeVectors(again) == v


def test_pandas_frames():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"who": ["ann", "bob"], "age": [30, 40], "x": [1.0, 3.0], "y": [2.0, 4.0]})
    v = gr.NodeVectors.from_frame(frame, nodes="who", vectors=["x", "y"], settings={"seed": 1})
    assert v == gr.NodeVectors([[1, 2], [3, 4]], ["ann", "bob"])
    assert v.settings == {"seed": 1}
    assert gr.NodeVectors(frame[["x", "y"]]) == gr.NodeVectors([[1, 2], [3, 4]])
    assert gr.NodeVectors(frame[["x", "y"]][1:]).nodes.tolist() == [1]  # a slice keeps the names of its rows
    assert gr.NodeVectors(frame[["age"]]).vectors.tolist() == [[30], [40]]
    assert gr.NodeVectors(frame[["x", "y"]], ["p", "q"]).nodes.tolist() == ["p", "q"]
    lists = pd.DataFrame({"node_id": ["ann", "bob"], "emb": [[1, 2], np.array([3.0, 4.0])], "note": ["", ""]})
    assert gr.NodeVectors(lists) == v
    for bad, options, message in (
        (frame, {}, "cannot tell which of its columns"),
        (frame.drop(columns="who"), {}, "cannot tell which of its columns"),  # is age a dimension or a label
        (frame, {"nodes": "name"}, "it has no column named 'name'; its columns are who, age, x, y"),
        (frame, {"nodes": "who", "vectors": ["who", "x"]}, "column 'who' cannot hold both"),
        (frame, {"nodes": "x", "vectors": ["who"]}, "column who must hold numbers, got"),
        (frame.set_axis(["a", "b", "x", "x"], axis=1), {}, "two of its columns have the same name"),
        (lists.assign(emb=[[1], [1, 2]]), {}, "row 1 of its vectors holds 2 numbers, the rows above 1"),
        (lists.assign(emb=[[1], "a"]), {}, "row 1 of its vectors holds no list of numbers"),
        (lists.assign(emb=[["a"], ["b"]]), {}, "its vectors hold something that is not a number"),
        (frame.assign(who=["a", None]), {"nodes": "who", "vectors": "x"}, "every node needs a name"),
        (frame.assign(who=["a", "a"]), {"nodes": "who", "vectors": "x"}, "nodes must be distinct"),
        (frame.assign(x=[1.0, np.nan]), {"nodes": "who", "vectors": "x"}, "vectors must be finite; row 1 holds nan"),
        (frame.assign(x=pd.array([1.0, None], "Float64")), {"nodes": "who", "vectors": "x"}, "must be finite; row 1"),
    ):
        with pytest.raises(ValueError, match=message):
            gr.NodeVectors.from_frame(bad, **options)
    with pytest.raises(ValueError, match="vectors has names of its own, so nodes must be None"):
        gr.NodeVectors(v, ["p", "q"])
    with pytest.raises(ValueError, match="vectors has names of its own, so nodes must be None"):
        gr.NodeVectors(v.to_frame(), ["p", "q"])
    with pytest.raises(TypeError, match="frame must be a data frame, got list"):
        gr.NodeVectors.from_frame([[1.0]])


@pytest.mark.parametrize("library", ["polars", "pyarrow", "duckdb"])
def test_other_frames(library):
    pa = pytest.importorskip("pyarrow")
    module = pytest.importorskip(library)
    table = pa.table({"node_id": ["ann", "bob"], "x": [1.0, 3.0], "y": [2.0, 4.0]})
    whole = gr.NodeVectors([[1, 2], [3, 4]], ["ann", "bob"])

    def made(table):
        if library == "duckdb":
            return module.from_arrow(table)
        return table if library == "pyarrow" else module.from_arrow(table)

    assert gr.NodeVectors(made(table)) == whole
    assert gr.NodeVectors.from_frame(made(table.rename_columns(["n", "x", "y"])), nodes="n") == whole
    lists = pa.table({"id": [5, 3], "emb": [[1.0, 2.0], [3.0, 4.0]]})
    assert gr.NodeVectors.from_frame(made(lists), nodes="id") == gr.NodeVectors(whole.vectors, [5, 3])
    for bad, options, message in (
        (table, {"nodes": "n"}, "it has no column named 'n'"),
        (pa.table({"a": ["p"], "b": [1], "c": [1.0]}), {}, "cannot tell which of its columns"),
        (pa.table({"node_id": ["p", None], "c": [1.0, 2.0]}), {}, "node_id holds nulls"),
        (pa.table({"node_id": ["p", "q"], "c": [1.0, None]}), {}, "column c holds nulls"),
        (table, {"nodes": "x", "vectors": ["node_id", "y"]}, "column node_id must hold numbers"),
    ):
        with pytest.raises(ValueError, match=message):
            gr.NodeVectors.from_frame(made(bad), **options)


def test_html_for_jupyter():
    v = some_vectors(20, 9, nodes=["<b>", *map(str, range(19))], settings={"method": "<i>"})
    page = v._repr_html_()
    ET.fromstring(page)
    assert "NodeVectors: 20 nodes, 9 dimensions, &lt;i&gt;" in page
    assert "&lt;b&gt;" in page
    assert page.count("<tr>") == 10  # the head, eight rows and the dots
    small = some_vectors(2, 3)._repr_html_()
    ET.fromstring(small)
    assert "…" not in small
    ET.fromstring(gr.NodeVectors(np.zeros((0, 2)))._repr_html_())


def test_a_name_of_one_side_leads_to_that_of_a_bipartite_graph():
    graph = gr.as_graph([("ann", "tea"), ("ann", "milk")], bipartite=True)
    vectors = gr.FastRP(dimensions=2).fit(graph).node_vectors_
    with pytest.raises(KeyError, match="there is no node 'ann'; did you mean source:ann"):
        vectors["ann"]
