"""Fixed splits of edges and of nodes, in the form of OGB."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from graphrep._arrays import check_integers, check_rows

if TYPE_CHECKING:
    from collections.abc import Mapping

    from graphrep.graph import Graph

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False, repr=False)
class LinkSplit:
    """Training, validation and test edges of a graph, with fixed negatives for the latter two.

    Parameters
    ----------
    full : Graph
        The graph that was split.
    train, valid, test : int array of shape (2, num_edges)
        Edges by row number, an undirected edge once. Stored as read-only int64.
    valid_neg, test_neg : int array of shape (2, num_negatives) or (2, num_edges, num_negatives)
        Pairs without an edge. In the first shape, all positives of a part are ranked against all of its negatives; in
        the second, each positive against its own. The latter, of which there can be 10**8, keep their integer dtype.
    train_neg : int array of shape (2, num_negatives), optional
        Negatives for training, if the data set prescribes them.
    attributes : mapping of str to array, optional
        Further properties of the edges, a row per edge: ``"train_weight"``, ``"valid_year"``, ... Weights become those
        of ``graph`` and ``graph_with_valid``.
    full_is_training : bool
        ``full`` holds only the training edges, as in OGB.

    Raises
    ------
    TypeError
        An array does not hold integers.
    ValueError
        An array has the wrong shape.
    IndexError
        A row number is out of range.

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
    valid_neg: npt.NDArray[np.integer[Any]]
    test_neg: npt.NDArray[np.integer[Any]]
    train_neg: Ints | None = None
    attributes: Mapping[str, npt.NDArray[Any]] = field(default_factory=lambda: MappingProxyType({}))
    full_is_training: bool = False

    def __post_init__(self) -> None:
        for name in ("train", "valid", "test", "train_neg"):
            if name != "train_neg" or self.train_neg is not None:
                pairs = _rows(name, getattr(self, name), self.full.num_nodes)
                if pairs.ndim != 2 or pairs.shape[0] != 2:
                    raise ValueError(f"{name} must have shape (2, num_edges), got {pairs.shape}.")
                object.__setattr__(self, name, pairs)
        for part in ("valid", "test"):
            name, count = f"{part}_neg", getattr(self, part).shape[1]
            value = np.asarray(getattr(self, name))
            negatives = _rows(name, value, self.full.num_nodes, keep_dtype=value.ndim == 3)
            if negatives.ndim not in (2, 3) or len(negatives) != 2 or negatives.shape[1:-1] not in ((), (count,)):
                raise ValueError(
                    f"{name} must have shape (2, num_negatives) or (2, {count}, num_negatives), got {negatives.shape}."
                )
            object.__setattr__(self, name, negatives)
        object.__setattr__(self, "attributes", MappingProxyType(self._checked_attributes()))

    def _checked_attributes(self) -> dict[str, npt.NDArray[Any]]:
        checked = {}
        for name, value in self.attributes.items():
            part = name.split("_", 1)[0]
            if part not in ("train", "valid", "test") or "_" not in name:
                raise ValueError(f'attributes must be named after a part, as in "train_year"; got {name!r}.')
            array = np.array(value)
            if array.ndim == 0 or len(array) != getattr(self, part).shape[1]:
                raise ValueError(f"{name} must have {getattr(self, part).shape[1]} rows, got shape {array.shape}.")
            array.flags.writeable = False
            checked[name] = array
        return checked

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"attributes": dict(self.attributes)}  # a mapping proxy cannot be pickled

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state | {"attributes": MappingProxyType(state["attributes"])})

    @cached_property
    def graph(self) -> Graph:
        """Graph of the training edges on all nodes, for training."""
        return self.full if self.full_is_training else self._graph_of("train")

    @cached_property
    def graph_with_valid(self) -> Graph:
        """Graph of the training and validation edges, for protocols that use both for the test."""
        return self._graph_of("train", "valid")

    def _graph_of(self, *parts: str) -> Graph:
        edges = np.concatenate([getattr(self, part) for part in parts], axis=1)
        if not all(f"{part}_weight" in self.attributes for part in parts):
            return self.full.with_edges(edges)
        weights = np.concatenate([self.attributes[f"{part}_weight"].ravel() for part in parts])
        # Parallel edges add up in either order of their ends.
        return self.full.with_edges(edges if self.full.directed else np.sort(edges, axis=0), weights)

    def check_leaks(self) -> None:
        """Raise an error if validation or test edges are among the training edges.

        In an undirected graph, both orders of the ends are the same edge.

        Raises
        ------
        ValueError
            There is such an edge, which the message names.
        """
        parts = {"train": self.train, "valid": self.valid, "test": self.test}
        refuse_overlap("the split", parts, directed=self.full.directed)

    def __repr__(self) -> str:
        names = ("train", "valid", "test", "train_neg", "valid_neg", "test_neg")
        arrays = ((name, getattr(self, name)) for name in names)
        sizes = (f"{name}={'x'.join(map(str, a.shape[1:]))}" for name, a in arrays if a is not None)
        return f"LinkSplit({', '.join(sizes)})"


@dataclass(frozen=True, eq=False, repr=False)
class TripleSplit:
    """Training, validation and test triples (head, relation, tail), with fixed negatives for the latter two.

    Parameters
    ----------
    graph : Graph
        An arc from head to tail for each training triple of any relation.
    num_relations : int
    train, valid, test : int array of shape (3, num_triples)
        Rows head, relation, tail. Heads and tails are row numbers of ``graph``. Stored as read-only int64.
    valid_head_neg, valid_tail_neg, test_head_neg, test_tail_neg : int array of shape (num_triples, num_negatives)
        Nodes that replace the head or the tail of each triple to give negatives. They keep their integer dtype.

    Raises
    ------
    TypeError
        An array does not hold integers.
    ValueError
        An array has the wrong shape.
    IndexError
        A row or relation number is out of range.

    Examples
    --------
    >>> import graphrep as gr
    >>> g = gr.as_graph([(0, 1), (0, 2)], directed=True, num_nodes=4)
    >>> one = [[3]]
    >>> gr.datasets.TripleSplit(g, 2, [[0, 0], [1, 0], [1, 2]], [[1], [0], [2]], [[2], [1], [3]], one, one, one, one)
    TripleSplit(train=2, valid=1, test=1, num_relations=2, negatives=1+1)
    """

    graph: Graph
    num_relations: int
    train: Ints
    valid: Ints
    test: Ints
    valid_head_neg: npt.NDArray[np.integer[Any]]
    valid_tail_neg: npt.NDArray[np.integer[Any]]
    test_head_neg: npt.NDArray[np.integer[Any]]
    test_tail_neg: npt.NDArray[np.integer[Any]]

    def __post_init__(self) -> None:
        for part in ("train", "valid", "test"):
            triples = _rows(part, getattr(self, part), max(self.graph.num_nodes, self.num_relations))
            if triples.ndim != 2 or len(triples) != 3:
                raise ValueError(f"{part} must have shape (3, num_triples), got {triples.shape}.")
            _rows(f"heads and tails of {part}", triples[::2], self.graph.num_nodes)
            _rows(f"relations of {part}", triples[1], self.num_relations)
            object.__setattr__(self, part, triples)
        for part in ("valid", "test"):
            for name in (f"{part}_head_neg", f"{part}_tail_neg"):
                negatives = _rows(name, getattr(self, name), self.graph.num_nodes, keep_dtype=True)
                count = getattr(self, part).shape[1]
                if negatives.ndim != 2 or len(negatives) != count:
                    raise ValueError(f"{name} must have shape ({count}, num_negatives), got {negatives.shape}.")
                object.__setattr__(self, name, negatives)

    def __repr__(self) -> str:
        sizes = ", ".join(f"{part}={getattr(self, part).shape[1]}" for part in ("train", "valid", "test"))
        negatives = f"{self.test_head_neg.shape[1]}+{self.test_tail_neg.shape[1]}"
        return f"TripleSplit({sizes}, num_relations={self.num_relations}, negatives={negatives})"


@dataclass(frozen=True, eq=False, repr=False)
class LabelSplit:
    """Nodes with labels for training, validation and test.

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
        An array is not one-dimensional.
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


def refuse_overlap(what: str, parts: Mapping[str, npt.NDArray[np.integer[Any]]], *, directed: bool) -> None:
    """Raise ValueError if a validation or test column (head, tail, optionally relation) is also a training column.

    O(E log E) for E training columns; ``what`` names the split.
    """
    sizes = [
        1 + max((int(p[i].max()) for p in parts.values() if p.size), default=0) for i in range(len(parts["train"]))
    ]
    num_nodes = max(sizes[:2])

    def keys(columns: npt.NDArray[np.integer[Any]]) -> Ints:
        u, v, *relation = columns.astype(np.int64, copy=False)
        u, v = (u, v) if directed else (np.minimum(u, v), np.maximum(u, v))
        return np.asarray(((relation[0] * num_nodes if relation else 0) + u) * num_nodes + v, dtype=np.int64)

    train = np.sort(keys(parts["train"]))
    for part in (name for name in parts if name != "train"):
        wanted = keys(parts[part])
        if not len(train) or not len(wanted):
            continue
        leaked = train[np.minimum(np.searchsorted(train, wanted), len(train) - 1)] == wanted
        if leaked.any():
            first = tuple(parts[part][:2, int(np.argmax(leaked))].tolist())
            raise ValueError(
                f"{what} leaks: {int(leaked.sum())} of its {len(wanted)} {part} edges, the first of them {first}, "
                "are training edges as well."
            )


def _rows(name: str, value: Any, num_nodes: int, *, keep_dtype: bool = False) -> npt.NDArray[Any]:
    rows = np.asarray(value)
    check_integers(name, rows)
    # A copy, since freezing must not change the caller's array; a large array that is already read-only is shared.
    if not (keep_dtype and rows.dtype.kind == "i" and not rows.flags.writeable):
        rows = rows.copy() if keep_dtype and rows.dtype.kind == "i" else rows.astype(np.int64)
    check_rows(name, rows, num_nodes)
    rows.flags.writeable = False
    return rows
