from __future__ import annotations

import numpy as np
import pytest

import graphrep as gr

NAMES = ["a", "b", "c", "d"]
VECTORS = np.array([[1, 0], [3, 4], [0, 2], [-1, 0]], dtype=np.float32)


@pytest.fixture
def four():
    return gr.NodeVectors(VECTORS, nodes=NAMES)


def test_three_metrics_of_four_vectors(four):
    assert four.most_similar("a", metric="cosine") == [("b", pytest.approx(0.6)), ("c", 0.0), ("d", -1.0)]
    assert four.most_similar("a", metric="dot") == [("b", 3.0), ("c", 0.0), ("d", -1.0)]
    near = four.most_similar("a", metric="euclidean")
    assert near == [("d", 2.0), ("c", pytest.approx(5**0.5)), ("b", pytest.approx(20**0.5))]
    assert four.similarity("b", "c") == pytest.approx(8 / 10)
    assert four.similarity("b", "c", metric="dot") == 8.0
    assert four.similarity("b", "c", metric="euclidean") == pytest.approx(13**0.5)


def test_ten_by_cosine_unless_told_otherwise():
    many = gr.NodeVectors(np.random.default_rng(0).standard_normal((15, 3)))
    assert many.most_similar(0) == many.most_similar(0, k=10, metric="cosine")
    names, scores = many.neighbors()
    assert names.shape == scores.shape == (15, 10)
    np.testing.assert_array_equal(scores, many.neighbors(k=10, metric="cosine")[1])
    assert many.similarity(0, 1) == many.similarity(0, 1, "cosine")


def test_a_node_is_not_its_own_neighbor_but_a_vector_equal_to_it_finds_it(four):
    assert [name for name, _ in four.most_similar("a", k=4)] == ["b", "c", "d"]
    assert [name for name, _ in four.most_similar([1.0, 0.0], k=4)] == ["a", "b", "c", "d"]
    names, _ = four.neighbors(["d", "a"], k=9)
    assert names.tolist() == [["c", "b", "a"], ["b", "c", "d"]]


def test_a_tuple_is_a_name():
    pairs = gr.NodeVectors(VECTORS, nodes=[(0, 1), (1, 0), (2, 2), (3, 3)])
    assert pairs.most_similar((0, 1), k=1) == [((1, 0), pytest.approx(0.6))]
    with pytest.raises(KeyError, match="there is no node"):
        pairs.most_similar((1, 1))


def test_parallel_vectors_are_never_more_than_one():
    base = np.random.default_rng(0).standard_normal((2000, 3)).astype(np.float32)
    longer = base * np.float32(1.7)
    a, b = base.astype(np.float64), longer.astype(np.float64)
    raw = (a * b).sum(axis=1) / np.sqrt((a * a).sum(axis=1) * (b * b).sum(axis=1))
    beyond = np.flatnonzero(raw > 1)
    assert len(beyond)  # rounding alone would pass the bound
    both = gr.NodeVectors(np.concatenate([base, longer, -longer]))
    for row in beyond.tolist():
        assert both.similarity(row, row + 2000) == 1
        assert both.similarity(row, row + 4000) == -1


@pytest.mark.parametrize("nodes", [None, NAMES])
def test_rows_at_both_ends(nodes):
    v = gr.NodeVectors(VECTORS, nodes=nodes)
    names = v.nodes.tolist()
    assert [v.row(name) for name in (names[0], names[-1])] == [0, 3]
    assert v.rows(names).dtype == np.int64
    np.testing.assert_array_equal(v[names[0]], VECTORS[0])
    for missing in (4, -1, "q"):
        assert missing not in v
        with pytest.raises(KeyError, match="there is no node"):
            v.row(missing)
        with pytest.raises(KeyError, match="there is no node"):
            v.rows([names[0], missing])


def test_names_in_any_order_find_their_rows():
    v = gr.NodeVectors(VECTORS, nodes=[30, 10, 20, 0])
    assert [v.row(name) for name in (0, 10, 20, 30)] == [3, 1, 2, 0]
    assert 3 not in v
    assert v.nodes.dtype == np.int64
    assert v.most_similar(30, k=1) == [(10, pytest.approx(0.6))]


@pytest.mark.parametrize("settings", [None, {}, {"a": np.float32(0.5), "b": [np.int8(3)], "c": np.bool_(True)}])
def test_settings_are_plain_values(settings):
    v = gr.NodeVectors(VECTORS, settings=settings)
    assert v.settings == {name: [3] if name == "b" else value for name, value in (settings or {}).items()}
    assert all(type(value) in (float, list, bool) for value in v.settings.values())


@pytest.mark.parametrize("kind", [bool, np.int8, np.uint16, np.float16, np.float64])
def test_real_numbers_of_any_kind_become_single_precision(kind):
    v = gr.NodeVectors(np.abs(VECTORS).astype(kind))
    assert v.vectors.dtype == np.float32
    np.testing.assert_array_equal(v.vectors, np.abs(VECTORS).astype(kind))
    assert v.vectors.flags.c_contiguous
    fortran = gr.NodeVectors(np.asfortranarray(VECTORS))
    assert fortran.vectors.flags.c_contiguous
    np.testing.assert_array_equal(fortran.vectors, VECTORS)


def test_large_finite_numbers_are_finite():
    top = np.finfo(np.float32).max
    v = gr.NodeVectors(np.full((3, 4), top))  # their sum is beyond float32
    assert (v.vectors == top).all()
    for bad, row in (([[0.0, 1.0], [np.inf, 2.0]], 1), ([[np.nan, 1.0], [np.inf, 2.0]], 0), ([[1.0, -1e39]], 0)):
        with pytest.raises(ValueError, match=f"vectors must be finite; row {row} holds"):
            gr.NodeVectors(bad)


@pytest.mark.parametrize("query", [[1.0], [1.0, 2.0, 3.0], np.float32(1), np.zeros((1, 2))])
def test_queries_of_another_shape_are_refused(four, query):
    error = KeyError if isinstance(query, np.float32) else ValueError
    with pytest.raises(error):
        four.most_similar(query)


def test_lists_and_arrays_of_names_give_rows_and_one_name_a_vector(four):
    assert four["b"].shape == (2,)
    assert four[["b"]].shape == (1, 2)
    assert four[np.array(["d", "a"])].tolist() == [[-1, 0], [1, 0]]
    assert len(four) == 4
    assert four.dimensions == 2


def test_pickling_forgets_no_name_and_stays_read_only(four):
    import pickle

    assert four.row("d") == 3
    again = pickle.loads(pickle.dumps(four))
    assert again.nodes.tolist() == NAMES
    assert again.row("d") == 3
    assert not again.vectors.flags.writeable
    plain = pickle.loads(pickle.dumps(gr.NodeVectors(VECTORS)))
    assert plain.nodes.tolist() == [0, 1, 2, 3]
    assert plain.row(3) == 3


def test_without_gensim_the_error_says_what_to_install(four, monkeypatch):
    import sys

    for name in ("gensim", "gensim.models"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ImportError, match=r"to_keyed_vectors needs gensim; pip install 'graphrep\[gensim\]'"):
        four.to_keyed_vectors()


def test_a_file_of_numbers_that_are_no_vectors_is_named(tmp_path):
    for name, table, message in (
        ("nan.npy", np.array([[1.0, np.nan]], dtype=np.float32), "vectors must be finite; row 0 holds nan"),
        ("flat.npy", np.ones(3, dtype=np.float32), "shape"),
    ):
        np.save(tmp_path / name, table)
        with pytest.raises(ValueError, match=rf"{name}.*{message}"):
            gr.load_vectors(tmp_path / name)
