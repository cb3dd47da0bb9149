"""Triples (head, relation, tail) out of what callers give, and the names of entities and relations."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import numpy.typing as npt

from graphrep._arrays import check_integers, check_rows, to_numpy
from graphrep._checks import is_missing, warn_caller
from graphrep._convert import is_table
from graphrep._names import NodeIndex
from graphrep._tables import columns_of_table
from graphrep.io.columns import places_of_triples

__all__ = ["Vocabulary", "as_triples", "is_typed_graph", "vocabulary_of"]

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
        """Triples as int64 numbers of shape (num_triples, 3); one sentence for what the vocabulary does not know.

        Integers are numbers of rows, unless the entities or the relations have integers for names.
        """
        if is_typed_graph(triples):
            return self._rows_of_graph(triples, name)
        found = as_triples(triples, name)
        if not isinstance(found, np.ndarray):
            heads, kinds, tails = zip(*found, strict=True) if found else ((), (), ())
            ends = [self.entity_rows(heads, name), self._relation_rows(kinds, name), self.entity_rows(tails, name)]
            return np.ascontiguousarray(np.stack(ends, axis=1))
        if _integer_names(self.entities) or _integer_names(self.relations):
            found = found.copy()  # it may be the caller's array
        if _integer_names(self.entities):
            found[:, ::2] = self.entity_rows(found[:, ::2].ravel(), name).reshape(-1, 2)
        else:
            check_rows(f"entities of {name}", found[:, ::2], self.entities.num_nodes)
        if _integer_names(self.relations):
            found[:, 1] = self._relation_rows(found[:, 1], name)
        else:
            check_rows(f"relations of {name}", found[:, 1], self.relations.num_nodes)
        return found

    def numbers(self, triples: Any, name: str = "triples") -> I64:
        """Triples of numbers of rows, also where the entities or the relations have integers for names."""
        found = as_triples(triples, name)
        if not isinstance(found, np.ndarray):
            raise TypeError(f"{name} must be numbers of entities_ and relations_ here, got names.")
        check_rows(f"entities of {name}", found[:, ::2], self.entities.num_nodes)
        check_rows(f"relations of {name}", found[:, 1], self.relations.num_nodes)
        return found

    def spelled(self, rows: I64) -> I64:
        """Numbers of rows as :meth:`rows` takes them: as the names where these are integers."""
        out: I64 = rows.copy()
        for columns, index in (([0, 2], self.entities), ([1], self.relations)):
            if index.names is not None and index.names.dtype.kind == "i":
                out[:, columns] = index.names[rows[:, columns]]
        return out

    def _rows_of_graph(self, graph: Any, name: str) -> I64:
        """The arcs of a graph, whose rows may be numbered otherwise."""
        rows: I64 = graph.triples()
        for columns, own, index, names, kind in (
            ([0, 2], graph.node_index, self.entities, _names_of(graph), "entity"),
            ([1], graph.edge_types, self.relations, list(graph.edge_types), "relation"),
        ):
            if own is index:
                continue
            table = index.find(names)
            unknown = table[rows[:, columns]] < 0
            if unknown.any():
                missing = names[int(rows[:, columns][unknown][0])]
                raise KeyError(f"{name}: no {kind} is named {missing!r}.")
            rows[:, columns] = table[rows[:, columns]]
        return rows

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
        listed = names.tolist() if isinstance(names, np.ndarray) else list(names)
        missing = listed[int(np.argmax(rows < 0))]
        raise KeyError(f"{sentence} {missing!r}; fit knows {index.num_nodes} {kind}, and {kind}= adds others.")
    return rows


def as_triples(triples: Any, name: str = "triples") -> I64 | list[tuple[Any, Any, Any]]:
    """Integers of shape (num_triples, 3), or a list of triples of names.

    Integer arrays are numbers of rows. Names are a list of tuples, an array of strings, or a table. A graph gives its
    arcs, by name if it has names.
    """
    if is_typed_graph(triples):
        return _of_graph(triples)
    if isinstance(triples, (str, os.PathLike)):
        raise TypeError(f"{name} must be triples or a graph, got a path; read it with gr.as_graph(path, edge_type=1).")
    if is_table(triples):
        triples = _of_table(triples, name)
    named = isinstance(triples, list) and bool(triples) and all(isinstance(one, tuple) for one in triples)
    if named and not all(len(one) == 3 for one in triples):
        raise ValueError(f"{name} must be tuples (head, relation, tail), got one of another length.")
    if named and not all(_is_integer(part) for one in triples for part in one):
        return _without_gaps([tuple(one) for one in triples], name)
    table = to_numpy(triples)
    if table.ndim == 1 and not len(table):
        table = table.reshape(0, 3)
    if table.ndim != 2 or table.shape[1] != 3:
        hint = "; transpose it" if table.ndim == 2 and len(table) == 3 else ""
        raise ValueError(f"{name} must have shape (num_triples, 3), got {table.shape}{hint}.")
    if table.dtype.kind in "OUT" and table.size:
        return _without_gaps([tuple(row) for row in table.tolist()], name)
    check_integers(name, table)
    return np.ascontiguousarray(table, dtype=np.int64)


def is_typed_graph(obj: Any) -> bool:
    """Whether an object is a graph whose arcs are triples, or refuses to be one."""
    return hasattr(obj, "triples") and hasattr(obj, "node_index")


def _names_of(graph: Any) -> npt.NDArray[Any]:
    names = graph.node_index.names
    return np.arange(graph.num_nodes) if names is None else np.asarray(names)


def _of_graph(graph: Any) -> list[tuple[Any, Any, Any]]:
    rows, nodes, kinds = graph.triples(), _names_of(graph), graph.edge_types
    parts = nodes[rows[:, 0]].tolist(), [kinds[i] for i in rows[:, 1].tolist()], nodes[rows[:, 2]].tolist()
    return list(zip(*parts, strict=True))


def _of_table(table: Any, name: str) -> npt.NDArray[Any]:
    """Columns head, relation, tail of a table, found by their usual names or, where they have none, by their places."""
    names, load = columns_of_table(table)
    places = [0, 1, 2] if names == 3 else None if isinstance(names, int) else places_of_triples(names)
    if places is None:
        shown = f"{names} columns without names" if isinstance(names, int) else ", ".join(map(repr, names))
        raise ValueError(f"{name}: a table of triples needs the columns head, relation and tail, got {shown}.")
    columns = [np.asarray(column if isinstance(column, np.ndarray) else column.to_numpy()) for column in load(places)]
    if all(column.dtype.kind in "iu" for column in columns):
        return np.stack(columns, axis=1)
    return np.stack([column.astype(object) for column in columns], axis=1)


def _integer_names(index: NodeIndex) -> bool:
    return index.names is not None and index.names.dtype.kind == "i"


def _without_gaps(triples: list[tuple[Any, ...]], name: str) -> list[tuple[Any, Any, Any]]:
    for row, triple in enumerate(triples):
        if any(is_missing(part) for part in triple):
            raise ValueError(f"{name}: row {row} has no value in one of its columns; drop such rows.")
        if "" in triple:
            raise ValueError(f"{name}: row {row} has an empty name in one of its columns; drop such rows.")
    return triples


def vocabulary_of(parts: dict[str, Any], entities: Any = None, relations: Any = None) -> Vocabulary:
    """Vocabulary of triples: as given by number or by names, of a graph, or what occurs in order of first appearance.

    ``parts`` holds triples by the name of the argument; the first may be a graph, whose nodes and types count.
    """
    graph = next(iter(parts.values()))
    if is_typed_graph(graph):
        entities = graph.node_index if entities is None else entities
        relations = graph.edge_types if relations is None else relations
    index = [_index(what, given) for what, given in (("entities", entities), ("relations", relations))]
    if index[0] is not None and index[1] is not None:
        return Vocabulary(index[0], index[1])
    found = [as_triples(part, name) for name, part in parts.items()]
    rows = [part for part in found if isinstance(part, np.ndarray)]
    names = [part for part in found if not isinstance(part, np.ndarray)]
    for name, part in zip(parts, found, strict=True):
        if isinstance(part, np.ndarray):
            check_rows(name, part, np.iinfo(np.int32).max)
    if rows and names and any(len(part) for part in rows):
        raise ValueError("some triples are named and some are numbers; name all, or give entities= and relations=.")
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
    if names and not is_typed_graph(graph):
        _warn_of_order(index[0], index[1])
    return Vocabulary(index[0], index[1])


def _warn_of_order(entities: NodeIndex, relations: NodeIndex) -> None:
    """Say that most relations are entities, too, as where the columns are head, tail, relation."""
    if relations.names is None or relations.names.dtype.kind == "i":
        return
    both = relations.names[entities.find(relations.names) >= 0].tolist()
    if 2 * len(both) > relations.num_nodes:
        warn_caller(
            f"{len(both):,} of {relations.num_nodes:,} relations, such as {both[0]!r}, are entities, too: columns are "
            "taken for head, relation, tail; give them in this order, or a table that names them."
        )


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
