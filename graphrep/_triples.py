"""Triples (head, relation, tail) out of what callers give, and the names of entities and relations."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from graphrep._arrays import check_integers, check_rows, to_numpy
from graphrep._names import NodeIndex

__all__ = ["Vocabulary", "as_triples", "vocabulary_of"]

I64 = npt.NDArray[np.int64]


class Vocabulary:
    """Names of entities and relations; without names, the numbers from 0 are the names.

    Parameters
    ----------
    entities, relations : NodeIndex
    """

    def __init__(self, entities: NodeIndex, relations: NodeIndex) -> None:
        self.entities, self.relations = entities, relations

    def rows(self, triples: Any, name: str = "triples") -> I64:
        """Triples as int64 numbers of shape (num_triples, 3); one sentence for what the vocabulary does not know."""
        found = as_triples(triples, name)
        if isinstance(found, np.ndarray):
            for column, kind, index in ((0, "entities", self.entities), (2, "entities", self.entities)):
                check_rows(f"{kind} of {name}", found[:, column], index.num_nodes)
            check_rows(f"relations of {name}", found[:, 1], self.relations.num_nodes)
            return found
        heads, kinds, tails = zip(*found, strict=True) if found else ((), (), ())
        ends = [self.entity_rows(heads, name), self._relation_rows(kinds, name), self.entity_rows(tails, name)]
        return np.ascontiguousarray(np.stack(ends, axis=1))

    def entity_rows(self, names: Any, what: str = "triples") -> I64:
        """Rows of entities by name; KeyError for one that was not fitted."""
        return _found(self.entities, names, f"{what}: no entity is named", "entities")

    def relation_row(self, name: Any) -> int:
        """Row of a relation by name."""
        return int(self._relation_rows([name], "relation")[0])

    def _relation_rows(self, names: Any, what: str) -> I64:
        return _found(self.relations, names, f"{what}: no relation is named", "relations")


def _found(index: NodeIndex, names: Any, sentence: str, kind: str) -> I64:
    rows = index.find(names)
    if len(rows) and rows.min() < 0:
        missing = list(names)[int(np.argmax(rows < 0))]
        raise KeyError(f"{sentence} {missing!r}; fit knows {index.num_nodes} {kind}, and {kind}= adds others.")
    return rows


def as_triples(triples: Any, name: str = "triples") -> I64 | list[tuple[Any, Any, Any]]:
    """Integers of shape (num_triples, 3), or a list of triples of names.

    Integer arrays are numbers of rows. Names are a list of tuples, an array of strings, or a table with three columns.
    An object with ``triples()``, such as a graph with types of edges, gives its own.
    """
    if hasattr(triples, "triples"):
        triples = triples.triples()
    if hasattr(triples, "columns") and hasattr(triples, "shape"):
        if triples.shape[1] != 3:
            raise ValueError(f"{name}: a table of triples needs the columns head, relation, tail; got {triples.shape}.")
        triples = np.asarray(triples.to_numpy())
    named = isinstance(triples, list) and bool(triples) and all(isinstance(one, tuple) for one in triples)
    if named and not all(len(one) == 3 for one in triples):
        raise ValueError(f"{name} must be tuples (head, relation, tail), got one of another length.")
    if named and not all(_is_integer(part) for one in triples for part in one):
        return [tuple(one) for one in triples]
    table = to_numpy(triples)
    if table.ndim == 1 and not len(table):
        table = table.reshape(0, 3)
    if table.ndim != 2 or table.shape[1] != 3:
        hint = "; transpose it" if table.ndim == 2 and len(table) == 3 else ""
        raise ValueError(f"{name} must have shape (num_triples, 3), got {table.shape}{hint}.")
    if table.dtype.kind in "OUT" and table.size:
        return [tuple(row) for row in table.tolist()]
    check_integers(name, table)
    return np.ascontiguousarray(table, dtype=np.int64)


def vocabulary_of(parts: dict[str, Any], entities: Any = None, relations: Any = None) -> Vocabulary:
    """Vocabulary of triples: as given by number or by names, of a graph, or what occurs in order of first appearance.

    ``parts`` holds triples by the name of the argument; the first may be a graph, whose nodes and types count.
    """
    graph = next(iter(parts.values()))
    if hasattr(graph, "triples") and hasattr(graph, "node_index"):
        entities = graph.node_index if entities is None else entities
        relations = graph.edge_types if relations is None else relations
    found = [as_triples(part, name) for name, part in parts.items()]
    rows = [part for part in found if isinstance(part, np.ndarray)]
    names = [part for part in found if not isinstance(part, np.ndarray)]
    for name, part in zip(parts, found, strict=True):
        if isinstance(part, np.ndarray):
            check_rows(name, part, np.iinfo(np.int32).max)
    if rows and names and (entities is None or relations is None) and any(len(part) for part in rows):
        raise ValueError("some triples are named and some are numbers; name all, or give entities= and relations=.")
    index = [_index(what, given) for what, given in (("entities", entities), ("relations", relations))]
    for side, columns in enumerate(([0, 2], [1])):
        if index[side] is None and names:
            listed = dict.fromkeys(one[column] for part in names for one in part for column in columns)
            index[side] = _index("names", list(listed))
        elif index[side] is None:
            index[side] = NodeIndex(
                None, max((int(part[:, columns].max()) + 1 for part in rows if len(part)), default=0)
            )
    assert index[0] is not None
    assert index[1] is not None
    return Vocabulary(index[0], index[1])


def _index(what: str, given: Any) -> NodeIndex | None:
    if given is None or isinstance(given, NodeIndex):
        return given
    if _is_integer(given):
        if given < 1:
            raise ValueError(f"{what} must be a positive number or a list of names, got {given}.")
        return NodeIndex(None, int(given))
    listed = given.tolist() if isinstance(given, np.ndarray) else list(given)
    if len(set(listed)) < len(listed):
        raise ValueError(f"{what} must be distinct names.")
    if listed == list(range(len(listed))):
        return NodeIndex(None, len(listed))
    integers = all(_is_integer(one) for one in listed)
    names = np.asarray(listed, dtype=np.int64) if integers else np.fromiter(listed, dtype=object, count=len(listed))
    return NodeIndex(names, len(listed))


def _is_integer(value: Any) -> bool:
    return isinstance(value, (int, np.integer)) and not isinstance(value, (bool, np.bool_))
