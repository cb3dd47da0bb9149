"""LinkSplit and LabelSplit check what they are given."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

import graphrep as gr
from graphrep.datasets import LabelSplit, LinkSplit, TripleSplit

RING = gr.as_graph([[0, 1, 2, 3], [1, 2, 3, 0]], directed=False)
PARTS = {
    "train": [[0, 1], [1, 2]],
    "valid": [[2], [3]],
    "test": [[3], [0]],
    "valid_neg": [[0], [2]],
    "test_neg": [[1], [3]],
}


def test_graphs_of_a_link_split():
    split = LinkSplit(RING, **PARTS)
    assert split.graph == RING.with_edges(PARTS["train"])
    assert split.graph is split.graph
    np.testing.assert_array_equal(split.graph_with_valid.edges(), [[0, 1, 2], [1, 2, 3]])


def test_a_part_may_be_empty():
    split = LinkSplit(RING, **{**PARTS, "valid": np.zeros((2, 0)), "valid_neg": np.zeros((2, 0), dtype=np.int32)})
    assert split.valid.dtype == split.valid_neg.dtype == np.int64
    assert split.graph_with_valid == split.graph


def test_the_given_array_stays_writable():
    mine = np.array(PARTS["train"])
    split = LinkSplit(RING, **{**PARTS, "train": mine})
    mine[0, 0] = 3
    np.testing.assert_array_equal(split.train, PARTS["train"])
    with pytest.raises(ValueError, match="read-only"):
        split.train[0, 0] = 3


@pytest.mark.parametrize("part", list(PARTS))
@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        ([[0, 1]], ValueError, r"{} must have shape \(2, num_\w+\).*, got \(1, 2\)"),
        ([[0.5], [1.0]], TypeError, "{} must hold integers, got dtype float64"),
        ([[0], [4]], IndexError, r"{} must lie in \[0, 4\), got 0 … 4"),
        ([[-1], [2]], IndexError, r"{} must lie in \[0, 4\), got -1 … 2"),
    ],
)
def test_bad_link_splits(part, value, error, message):
    with pytest.raises(error, match=message.format(part)):
        LinkSplit(RING, **{**PARTS, part: value})


@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        ([[0]], ValueError, r"valid must have shape \(num_nodes_of_part,\), got \(1, 1\)"),
        ([True], TypeError, "valid must hold integers, got dtype bool"),
        ([5], IndexError, r"valid must lie in \[0, 5\), got 5 … 5"),
    ],
)
def test_bad_label_splits(value, error, message):
    with pytest.raises(error, match=message):
        LabelSplit(5, train=[0], valid=value, test=[4])


def test_negatives_of_each_edge_its_own_keep_their_type():
    own = np.array([[[0, 0]], [[2, 3]]], dtype=np.int32)
    split = LinkSplit(RING, **{**PARTS, "test_neg": own})
    assert split.test_neg.dtype == np.int32
    assert repr(split).endswith("test_neg=1x2)")
    own[0, 0, 0] = 3
    assert split.test_neg[0, 0, 0] == 0
    own.flags.writeable = False
    assert np.shares_memory(LinkSplit(RING, **{**PARTS, "test_neg": own}).test_neg, own)
    for bad in (np.zeros((2, 2, 3), int), np.zeros((3, 1, 3), int), np.zeros((2, 1, 1, 1), int)):
        with pytest.raises(ValueError, match=r"test_neg must have shape .* or \(2, 1, num_negatives\), got"):
            LinkSplit(RING, **{**PARTS, "test_neg": bad})
    with pytest.raises(IndexError, match="test_neg must lie in"):
        LinkSplit(RING, **{**PARTS, "test_neg": own + np.int32(1)})


def test_attributes_weigh_the_graphs():
    split = LinkSplit(
        RING,
        **{**PARTS, "train": [[0, 1, 1], [1, 0, 2]]},
        attributes={"train_weight": [2, 3, 4], "valid_weight": [[5]], "test_year": [1999]},
    )
    assert split.graph.to_scipy().toarray().tolist() == [[0, 5, 0, 0], [5, 0, 4, 0], [0, 4, 0, 0], [0, 0, 0, 0]]
    assert split.graph_with_valid.to_scipy().toarray()[2, 3] == 5
    assert split.attributes["test_year"].tolist() == [1999]
    with pytest.raises(TypeError):
        split.attributes["test_year"] = 3
    for name, message in (("year", "named after a part"), ("test_year", "test_year must have 1 rows, got shape")):
        with pytest.raises(ValueError, match=message):
            LinkSplit(RING, **PARTS, attributes={name: [1, 2, 3]})


def test_training_negatives_and_a_graph_of_training_edges():
    train = RING.with_edges(PARTS["train"])
    split = LinkSplit(train, **PARTS, train_neg=[[0], [2]], full_is_training=True)
    assert split.graph is train
    assert split.graph_with_valid.num_edges == train.num_edges + 1
    assert "train_neg=1" in repr(split)
    with pytest.raises(IndexError, match="train_neg"):
        LinkSplit(train, **PARTS, train_neg=[[0], [9]])


def test_leaks_are_found_in_either_direction():
    LinkSplit(RING, **PARTS).check_leaks()
    leaking = LinkSplit(RING, **{**PARTS, "test": [[3, 1], [0, 0]]})
    with pytest.raises(
        ValueError, match=r"the split leaks: 1 of its 2 test edges, the first of them \(1, 0\), are training"
    ):
        leaking.check_leaks()
    directed = gr.as_graph(RING, directed=True)
    LinkSplit(directed, **{**PARTS, "test": [[3, 1], [0, 0]]}).check_leaks()
    with pytest.raises(ValueError, match="leaks: 1 of its 1 valid edges"):
        LinkSplit(directed, **{**PARTS, "valid": [[0], [1]]}).check_leaks()
    LinkSplit(RING, **{**PARTS, "train": np.zeros((2, 0), int)}).check_leaks()


def test_triples_are_checked():
    one = np.zeros((1, 2), dtype=np.int32)
    parts = {"train": [[0], [6], [1]], "valid": [[1], [0], [2]], "test": [[2], [6], [3]]}
    negatives = dict.fromkeys(("valid_head_neg", "valid_tail_neg", "test_head_neg", "test_tail_neg"), one)
    split = TripleSplit(RING, 7, **parts, **negatives)
    assert repr(split) == "TripleSplit(train=1, valid=1, test=1, num_relations=7, negatives=2+2)"
    assert split.train.dtype == np.int64
    assert split.test_head_neg.dtype == np.int32
    for change, error, message in (
        ({"test": [[2], [7], [3]]}, IndexError, r"relations of test must lie in \[0, 7\)|test must lie in"),
        ({"test": [[4], [6], [3]]}, IndexError, r"heads and tails of test must lie in \[0, 4\)"),
        ({"test": [[2], [3]]}, ValueError, r"test must have shape \(3, num_triples\), got \(2, 1\)"),
        ({"test_tail_neg": one.T}, ValueError, r"test_tail_neg must have shape \(1, num_negatives\), got \(2, 1\)"),
        ({"valid_head_neg": one + 4}, IndexError, "valid_head_neg must lie in"),
    ):
        with pytest.raises(error, match=message):
            TripleSplit(RING, 7, **{**parts, **negatives, **change})


def test_a_split_survives_pickling():
    split = LinkSplit(RING, **PARTS, attributes={"train_year": [1999] * np.shape(PARTS["train"])[1]})
    copy = pickle.loads(pickle.dumps(split))
    assert copy.graph == split.graph
    np.testing.assert_array_equal(copy.test_neg, split.test_neg)
    np.testing.assert_array_equal(copy.attributes["train_year"], split.attributes["train_year"])
    with pytest.raises(TypeError):
        copy.attributes["train_year"] = 3
