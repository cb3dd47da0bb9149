"""Fixed splits of edges and of nodes, in the form that OGB gave them."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from graphrep.graph import Graph

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False, repr=False)
class LinkSplit:
    """Training, validation and test edges of a graph, with fixed negatives to rank the latter two against.

    Parameters
    ----------
    full : Graph
        The graph that was split.
    train, valid, test : int array of shape (2, num_edges)
        Edges by row number, an undirected edge once. Stored as read-only int64.
    valid_neg, test_neg : int array of shape (2, num_negatives)
        Pairs that are no edges. All positives of a part are ranked against all of its negatives.

    Raises
    ------
    TypeError
        An array does not hold integers.
    ValueError
        An array does not have two rows.
    IndexError
        A row number is not one of the graph's.

    Examples
    --------
    >>> import graphrep as gr
    >>> ring = gr.as_graph([[0, 1, 2, 3], [1, 2, 3, 0]], directed=False)
    >>> split = gr.datasets.LinkSplit(ring, [[0, 1], [1, 2]], [[2], [3]], [[3], [0]], [[0], [2]], [[1], [3]])
    >>> split
    LinkSplit(train=2, valid=1, test=1, valid_neg=1, test_neg=1)
    >>> split.graph
    Graph(num_nodes=4, num_edges=2, undirected)
    """

    full: Graph = field(repr=False)
    train: Ints
    valid: Ints
    test: Ints
    valid_neg: Ints
    test_neg: Ints

    def __post_init__(self) -> None:
        for name in ("train", "valid", "test", "valid_neg", "test_neg"):
            pairs = _rows(name, getattr(self, name), self.full.num_nodes)
            if pairs.ndim != 2 or pairs.shape[0] != 2:
                raise ValueError(f"{name} must have shape (2, num_edges), got {pairs.shape}.")
            object.__setattr__(self, name, pairs)

    @cached_property
    def graph(self) -> Graph:
        """The training edges alone, on all nodes: what may be learned from."""
        return self.full.with_edges(self.train)

    @cached_property
    def graph_with_valid(self) -> Graph:
        """Training and validation edges: for settings that let the test see both. Say so where you use it."""
        return self.full.with_edges(np.concatenate([self.train, self.valid], axis=1))

    def __repr__(self) -> str:
        sizes = ", ".join(
            f"{k}={getattr(self, k).shape[1]}" for k in ("train", "valid", "test", "valid_neg", "test_neg")
        )
        return f"LinkSplit({sizes})"


@dataclass(frozen=True, eq=False, repr=False)
class LabelSplit:
    """Nodes whose labels are for training, validation and test.

    Parameters
    ----------
    num_nodes : int
        Number of nodes of the graph.
    train, valid, test : int array of shape (num_part,)
        Row numbers. Stored as read-only int64.

    Raises
    ------
    TypeError
        An array does not hold integers.
    ValueError
        An array is not flat.
    IndexError
        A row number lies outside [0, num_nodes).

    Examples
    --------
    >>> import graphrep as gr
    >>> gr.datasets.LabelSplit(5, [0, 1], [2], [3, 4])
    LabelSplit(train=2, valid=1, test=2)
    """

    num_nodes: int
    train: Ints
    valid: Ints
    test: Ints

    def __post_init__(self) -> None:
        for name in ("train", "valid", "test"):
            rows = _rows(name, getattr(self, name), self.num_nodes)
            if rows.ndim != 1:
                raise ValueError(f"{name} must have shape (num_nodes_of_part,), got {rows.shape}.")
            object.__setattr__(self, name, rows)

    def __repr__(self) -> str:
        return f"LabelSplit(train={len(self.train)}, valid={len(self.valid)}, test={len(self.test)})"


def _rows(name: str, value: Any, num_nodes: int) -> Ints:
    rows = np.asarray(value)
    if rows.size and rows.dtype.kind not in "iu":
        raise TypeError(f"{name} must hold integers, got dtype {rows.dtype}.")
    # A copy, so that freezing it leaves the caller's array alone.
    rows = rows.astype(np.int64)
    if rows.size and (rows.min() < 0 or rows.max() >= num_nodes):
        raise IndexError(f"{name} must hold row numbers in [0, {num_nodes}), got {rows.min()} to {rows.max()}.")
    rows.flags.writeable = False
    return rows
