"""LinkSplit and LabelSplit check what they are given."""

from __future__ import annotations

import numpy as np
import pytest

import graphrep as gr
from graphrep.datasets import LabelSplit, LinkSplit

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
        ([[0, 1]], ValueError, r"{} must have shape \(2, num_edges\), got \(1, 2\)"),
        ([[0.5], [1.0]], TypeError, "{} must hold integers, got dtype float64"),
        ([[0], [4]], IndexError, r"{} must hold row numbers in \[0, 4\), got 0 to 4"),
        ([[-1], [2]], IndexError, r"{} must hold row numbers in \[0, 4\), got -1 to 2"),
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
        ([5], IndexError, r"valid must hold row numbers in \[0, 5\), got 5 to 5"),
    ],
)
def test_bad_label_splits(value, error, message):
    with pytest.raises(error, match=message):
        LabelSplit(5, train=[0], valid=value, test=[4])
