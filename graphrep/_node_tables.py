"""Tables of nodes beside tables of edges, in the form of neo4j-admin or plain ones with a column of ids."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from graphrep._checks import brief, is_missing
from graphrep._convert import Asked, Parts, checked_weights, is_table, parts_of, parts_of_file
from graphrep._numbering import check_distinct, name_array
from graphrep._types import encode
from graphrep.io.bounded import one_line
from graphrep.io.node_tables import (
    Field,
    id_column,
    is_integer_text,
    may_link_nodes,
    node_files,
    parse_field,
    property_column,
    property_values,
    read_columns,
    typed_values,
    write_columns,
)

if TYPE_CHECKING:
    from graphrep.graph import Graph

__all__ = ["are_tables", "parts_with_nodes", "write_tables"]


class _Table(NamedTuple):
    what: str
    fields: list[Field]
    load: Callable[[int], list[Any]]
    raw: Callable[[int], Any]  # a column as the table has it

    def find(self, kind: str) -> int | None:
        """Position of the one column of a kind such as ID."""
        found = [at for at, one in enumerate(self.fields) if one.kind == kind]
        if len(found) > 1:
            raise ValueError(f"{self.what} has {len(found)} columns of the kind :{kind}; keep one.")
        return found[0] if found else None


def are_tables(obj: Any) -> bool:
    """Whether ``nodes`` of ``as_graph`` are tables: a frame, a path, or a list of frames and pathlib.Path."""
    if isinstance(obj, (str, os.PathLike)) or is_table(obj):
        return True
    return isinstance(obj, (list, tuple)) and bool(obj) and all(is_table(one) or _is_path(one) for one in obj)


def _is_path(obj: Any) -> bool:
    return isinstance(obj, os.PathLike)


def _tables(obj: Any, what: str) -> list[_Table]:
    listed = obj if isinstance(obj, (list, tuple)) else [obj]
    listed = [file for one in listed for file in (node_files(one) if _is_folder(one) else [one])]
    return [_read(one, f"{what}[{i}]" if len(listed) > 1 else what) for i, one in enumerate(listed)]


def _is_folder(obj: Any) -> bool:
    return isinstance(obj, (str, os.PathLike)) and os.path.isdir(obj)


def _read(obj: Any, what: str) -> _Table:
    if isinstance(obj, (str, os.PathLike)):
        from graphrep.io.graph_files import read_table

        what, table = str(os.fspath(obj)), read_table(Path(obj))
        if table is None:
            header, columns = read_columns(obj)
            return _Table(what, list(map(parse_field, header)), lambda at: columns[at], lambda at: columns[at])
        obj = table
    from graphrep._tables import columns_of_table

    names, load = columns_of_table(obj)
    if isinstance(names, int):
        raise TypeError(f"{what} must be a table whose columns have names, got {type(obj).__name__}.")

    def values(at: int) -> list[Any]:
        (column,) = load([at])
        return list(column.tolist() if isinstance(column, np.ndarray) else column.to_list())

    return _Table(what, list(map(parse_field, names)), values, lambda at: load([at])[0])


class _Nodes:
    """All nodes of the tables: their names, types and properties."""

    def __init__(self, tables: Sequence[_Table]) -> None:
        self.rows: dict[str, dict[str, int]] = {}  # by space and id
        self.ids: list[str] = []
        spaces: list[str] = []
        self.starts = [0]
        self.tables, labels, id_types = tables, [], set()
        self.labeled = False
        for table in tables:
            at = id_column(table.fields, table.what)
            space, count = table.fields[at].space, len(self.ids)
            ids = _ids(table.load(at), table, at)
            known = self.rows.setdefault(space, {})
            seen = set(known)
            known.update(zip(ids, range(count, count + len(ids)), strict=True))
            if len(known) < len(seen) + len(ids):
                twice = next(one for one in ids if one in seen or seen.add(one))  # type: ignore[func-returns-value]
                raise ValueError(
                    f"{table.what} has the id {brief(twice)} twice, or another table has it; ids are distinct."
                )
            self.ids += ids
            spaces += [space] * len(ids)
            self.starts.append(len(self.ids))
            id_types.add(table.fields[at].id_type)
            of_labels = table.find("LABEL")
            self.labeled |= of_labels is not None or bool(space)
            listed = [""] * len(ids) if of_labels is None else table.load(of_labels)
            labels += [space or "node" if _missing(label) else str(label) for label in listed]
        self.labels = labels if self.labeled else None
        self.spaced = len(self.rows) > 1
        self.names: list[Any] = list(self.ids)
        if self.spaced:
            self.names = [f"{space}:{one}" if space else one for space, one in zip(spaces, self.ids, strict=True)]
            check_distinct(self.names)
        elif not id_types & {"string", "actual"} and all(map(is_integer_text, self.ids)):
            self.names = list(map(int, self.ids))

    def properties(self) -> list[str]:
        """Names of the properties."""
        every = (one for table in self.tables for one in table.fields if one.kind not in ("ID", "LABEL", "IGNORE"))
        return list(dict.fromkeys(one.name for one in every))

    def values(self, name: str) -> Any:
        """A property of all nodes; or, by type, of the nodes of the types that have it."""
        full: list[Any] = [None] * len(self.ids)
        kinds, source = set(), ""
        for table, start, stop in zip(self.tables, self.starts, self.starts[1:], strict=False):
            for at, one in enumerate(table.fields):
                if one.name == name and one.kind not in ("ID", "LABEL", "IGNORE"):
                    full[start:stop] = table.load(at)
                    kinds.add(one.kind)
                    source = source or table.what
        if not kinds:
            listed = brief(*self.properties()) or "none"
            tables = ", ".join(table.what for table in self.tables)
            raise ValueError(f"no table of nodes ({tables}) has a property {brief(name)}; the properties are {listed}.")
        if kinds == {""}:
            arrays = self._arrays(name, f"the property {brief(name)} of {source}")
            if arrays is not None:
                return np.concatenate(arrays)
        numeric = kinds <= {"byte", "short", "int", "long", "float", "double"}
        if len(kinds) > 1 and not numeric:
            raise ValueError(
                f"the property {brief(name)} of {source} has several kinds, {', '.join(sorted(kinds))}; give it one."
            )
        kind = "double" if len(kinds) > 1 else kinds.pop()
        there = np.fromiter((not _missing(value) for value in full), dtype=bool, count=len(full))
        what = f"the property {brief(name)} of {source}"
        if there.all():
            return property_values(full, kind, what)
        if self.labels is not None and there.any():
            labels = np.array(self.labels, dtype=object)
            some = list(dict.fromkeys(labels[there].tolist()))
            if np.array_equal(there, np.isin(labels, some)):
                rows = {label: np.flatnonzero(labels == label).tolist() for label in some}
                return {label: property_values([full[i] for i in of], kind, what) for label, of in rows.items()}
        first = self.names[int(np.argmin(there))]
        raise ValueError(
            f"{what} has no value for {brief(first)}; fill it in, or leave it out for all nodes of the type."
        )

    def _arrays(self, name: str, what: str) -> list[npt.NDArray[Any]] | None:
        """A property of all tables as arrays of numbers of one width, if all of them have such."""
        found: list[npt.NDArray[Any]] = []
        for table in self.tables:
            places = [at for at, one in enumerate(table.fields) if one.name == name and not one.kind]
            values = typed_values(table.raw(places[-1]), what) if places else None
            if values is None or (found and values.shape[1:] != found[0].shape[1:]):
                return None
            found.append(values)
        return found


def _ids(values: list[Any], table: _Table, at: int) -> list[str]:
    """Ids as text; integers of a frame are spelled as in a file."""
    for row, value in enumerate(values):
        if _missing(value) or isinstance(value, (float, bool)):
            name = table.fields[at].name or f":{table.fields[at].kind}"
            state = "no id" if _missing(value) else f"the id {brief(value)}, which is neither an integer nor a string,"
            raise ValueError(f"{table.what} has {state} in row {row} of the column {brief(name)}.")
    return list(map(str, values))


def _missing(value: Any) -> bool:
    return is_missing(value) or value == ""


def parts_with_nodes(edges: Any, nodes: Any, asked: Asked, options: dict[str, Any], names: Any) -> Parts:
    """See :func:`_parts_with_nodes`; errors name the files, if there are some."""
    try:
        return _parts_with_nodes(edges, nodes, asked, options, names)
    except (TypeError, ValueError, LookupError) as error:
        given = [one for obj in (edges, nodes) for one in (obj if isinstance(obj, (list, tuple)) else [obj])]
        paths = [os.fspath(one) for one in given if isinstance(one, (str, os.PathLike))]
        if not paths or isinstance(error, OSError) or any(path in str(error) for path in paths):
            raise
        raise type(error)(f"{', '.join(dict.fromkeys(paths))}: {one_line(error)}.") from None


def _parts_with_nodes(edges: Any, nodes: Any, asked: Asked, options: dict[str, Any], names: Any) -> Parts:
    """Edges of ``as_graph`` whose ends are in tables of nodes; ``names``: all types of the nodes, if given."""
    if asked.bipartite:
        raise ValueError("bipartite=True is for edges alone; tables of nodes tell sides apart by ':ID(Space)'.")
    if asked.num_nodes is not None:
        raise ValueError("num_nodes= is given, but the tables of nodes= say how many nodes there are.")
    found = _Nodes(_tables(nodes, "nodes"))
    tables = _edge_tables(edges)
    if tables is not None:
        if options or asked.source is not None or asked.target is not None:
            given = ", ".join(options) or "source, target"
            raise TypeError(f"{given}: options of other tables than those of neo4j-admin, whose header says it all.")
        parts = _from_tables(tables, found, asked)
    else:
        path = isinstance(edges, (str, os.PathLike))
        parts = parts_of_file(edges, asked, options) if path else parts_of(edges, asked)
        if found.spaced:
            raise ValueError(
                "nodes= has several id spaces, so the edges must have ':START_ID(Space)' and ':END_ID(Space)'."
            )
        if parts.named and found.names and isinstance(found.names[0], str):
            parts.nodes = name_array(list(map(str, parts.names())))  # integers, by chance
        parts.arrange(found.names)
    if parts.types.node_type is not None:
        raise TypeError("nodes= are tables, but obj has types of nodes of its own.")
    parts.named, parts.attribute = True, found.values
    if found.labels is not None:
        node_type, node_types = encode(found.labels, names, len(found.labels), "node_type")
        parts.types = parts.types._replace(node_type=node_type, node_types=node_types)
    return parts


def _edge_tables(edges: Any) -> list[_Table] | None:
    """Tables of edges with neo4j-admin's header; None for anything else, which ``as_graph`` reads as ever."""
    if isinstance(edges, (list, tuple)):
        return _tables(edges, "obj") if are_tables(edges) else None
    if isinstance(edges, (str, os.PathLike)):
        if os.path.isdir(edges) or os.fspath(edges) == "-" or not may_link_nodes(edges):
            return None
        try:
            table = _read(edges, "")
        except ValueError:  # no text, or another form of it
            return None
    elif is_table(edges):
        table = _read(edges, "the table of edges") if _named_columns(edges) else None  # type: ignore[assignment]
    else:
        return None
    return [table] if table is not None and table.find("START_ID") is not None else None


def _named_columns(frame: Any) -> bool:
    from graphrep._tables import columns_of_table

    return not isinstance(columns_of_table(frame)[0], int)


def _from_tables(tables: Sequence[_Table], nodes: _Nodes, asked: Asked) -> Parts:
    """Edges of neo4j-admin's tables."""
    ends: tuple[list[int], list[int]] = ([], [])
    kinds: list[str] = []
    weights: list[npt.NDArray[Any]] = []
    wanted = asked.weight if asked.weights is None else asked.weights
    name = wanted if isinstance(wanted, str) else "weight"
    typed = [table.find("TYPE") is not None for table in tables]
    if any(typed) and not all(typed) and asked.edge_type is not False:
        raise ValueError(f"{tables[typed.index(False)].what} has no column ':TYPE', which other tables of edges have.")
    for table in tables:
        for kind, rows in zip(("START_ID", "END_ID"), ends, strict=True):
            at = table.find(kind)
            if at is None:
                raise ValueError(f"{table.what} has no column ':{kind}'.")
            rows += _rows(_ids(table.load(at), table, at), table, at, nodes)
        at = table.find("TYPE")
        if at is not None and asked.edge_type is None:
            listed = table.load(at)
            if any(map(_missing, listed)):
                raise ValueError(f"{table.what} has no type in row {list(map(_missing, listed)).index(True)}.")
            kinds += map(str, listed)
        columns = [i for i, one in enumerate(table.fields) if one.name == name and one.kind != "IGNORE"]
        if columns and (wanted is None or wanted is True or isinstance(wanted, str)):
            what = f"the column {brief(name)} of {table.what}"
            values = table.load(columns[0])
            if any(map(_missing, values)):
                raise ValueError(f"{what} has no value in row {list(map(_missing, values)).index(True)}.")
            kind = table.fields[columns[0]].kind
            numbers = property_values(values, kind, what)
            if numbers.dtype.kind not in "biuf":
                held = f"of the kind {brief(kind)}" if kind else "of strings"
                raise ValueError(f"{what} is {held}; weights are numbers, as in {name}:double, or give weight=False.")
            weights.append(numbers)
    total = len(ends[0])
    if weights and sum(map(len, weights)) != total:
        raise ValueError(f"some tables of edges have a column {brief(name)} and others have none; give weight=False.")
    if not weights and (wanted is True or isinstance(wanted, str)):
        raise ValueError(f"no table of edges has a column {brief(name)}.")
    given: Any = np.concatenate(weights) if weights else None
    if wanted is not None and not isinstance(wanted, (bool, str)):
        given = wanted
    if asked.edge_type is not None and asked.edge_type is not False:
        if isinstance(asked.edge_type, str):
            kinds = _column(tables, asked.edge_type)
        else:
            asked.takes_kinds(asked.edge_type, total)
    if kinds or (any(typed) and asked.edge_type is None):
        asked.kinds = np.array(kinds, dtype=object)
    source, target = (np.array(rows, dtype=np.int64) for rows in ends)
    n = len(nodes.names)
    parts = Parts(source, target, checked_weights(given, total), n, name_array(nodes.names), directed=False)
    return parts.drop_zeros()


def _column(tables: Sequence[_Table], name: str) -> list[str]:
    values: list[str] = []
    for table in tables:
        found = [i for i, one in enumerate(table.fields) if name in (one.name, f":{one.kind}")]
        if not found:
            raise ValueError(f"edge_type={brief(name)} is no column of {table.what}.")
        values += map(str, table.load(found[0]))
    return values


def _rows(ids: list[str], table: _Table, at: int, nodes: _Nodes) -> list[int]:
    """Rows of the ends of edges."""
    field = table.fields[at]
    space = field.space
    if space not in nodes.rows and not space and len(nodes.rows) == 1:
        (space,) = nodes.rows
    if space not in nodes.rows:
        known = brief(*nodes.rows)
        raise ValueError(f"{table.what} has ends in the id space {brief(space)}, but the nodes are in {known}.")
    known_rows = nodes.rows[space]
    try:
        return [known_rows[one] for one in ids]
    except KeyError:
        row, lost = next((row, one) for row, one in enumerate(ids) if one not in known_rows)
        inside = f" of the id space {brief(space)}" if space else ""
        what = f"{table.what} has the end {brief(lost)} in row {row}"
        raise ValueError(f"{what}, which is no node{inside} of nodes=.") from None


def write_tables(graph: Graph, kinds_of_edges: Any, weights: Any, folder: str | os.PathLike[str]) -> None:
    """See :meth:`graphrep.Graph.to_neo4j`; the types and weights are those of ``graph.edges()``."""
    names = graph.nodes.tolist()
    if not all(isinstance(name, (int, str)) and not isinstance(name, bool) and name != "" for name in names):
        odd = next(name for name in names if not isinstance(name, (int, str)) or name == "")
        raise TypeError(f"neo4j-admin's tables hold nodes called by integers or strings, got {brief(odd)}.")
    if len(set(map(str, names))) < len(names):
        raise ValueError("two nodes have the same name when it is written as text; rename one.")
    text = any(isinstance(name, str) for name in names) and all(is_integer_text(str(name)) for name in names)
    columns: list[tuple[str, Any]] = [(":ID{id-type: string}" if text else ":ID", names)]
    kinds, types = graph.node_type, graph.node_types or ()
    if kinds is not None:
        columns.append((":LABEL", [types[code] for code in kinds.tolist()]))
    for name, whole in (("x", graph.x), ("y", graph.y)):
        by_type = {} if whole is not None or kinds is None else graph.features if name == "x" else graph.labels
        if sp.issparse(whole) or any(map(sp.issparse, by_type.values())):
            raise TypeError(f"{name} is sparse, and tables hold dense values; give as_graph(graph, {name}=dense).")
        if whole is not None:
            columns.append(property_column(name, np.asarray(whole), name))
        elif by_type and kinds is not None:
            filled: list[Any] = [""] * graph.num_nodes
            headers = set()
            for kind, values in by_type.items():
                header, listed = property_column(name, np.asarray(values), f"{name} of {kind!r}")
                headers.add(header)
                for row, value in zip(np.flatnonzero(kinds == types.index(kind)).tolist(), listed, strict=True):
                    filled[row] = value
            if len(headers) > 1:
                raise TypeError(f"{name} has several kinds in the types of nodes, {', '.join(sorted(headers))}.")
            columns.append((headers.pop(), filled))
    source, target = ([names[row] for row in rows.tolist()] for rows in graph.edges())
    edges: list[tuple[str, Any]] = [(":START_ID", source), (":END_ID", target)]
    if kinds_of_edges is not None:
        edges.append((":TYPE", kinds_of_edges.tolist()))
    if weights is not None:
        edges.append(property_column("weight", weights, "weights"))
    where = Path(folder)
    where.mkdir(parents=True, exist_ok=True)
    write_columns(where / "nodes.csv", columns)
    write_columns(where / "edges.csv", edges)
