"""Edges and node tables of what other libraries and callers hold: pairs, networkx, SciPy, PyG, DGL, igraph, files."""

from __future__ import annotations

import numbers
import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from graphrep._arrays import detached, to_numpy
from graphrep._checks import checked_int, warn_caller
from graphrep._names import lacks_rows, warn_of_default_index
from graphrep._numbering import (
    Names,
    all_integers,
    check_distinct,
    column_of,
    name_array,
    name_list,
    number_nodes,
)
from graphrep._types import NO_TYPES, Types, narrow, refuse_empty

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

_TAKEN = (
    "a Graph, a networkx or igraph graph, PyG Data, a DGL graph, a sparse matrix of SciPy or torch, a table (pandas, "
    "polars, pyarrow, duckdb), a list of pairs, a (2, num_edges) array or tensor, or the path of a file"
)
_FEW, _SPARSE = 10_000_000, 100  # more rows than this, and that many per end point, are hardly meant


@dataclass
class Asked:
    """What the caller of ``as_graph`` says about the object."""

    num_nodes: int | None = None
    weights: Any = None
    source: Any = None
    target: Any = None
    weight: Any = None
    bipartite: bool | None = None
    directed: bool | None = None
    edge_type: Any = None
    kinds: Any = None  # types of the edges as the reader found them, in the order of the input
    states_direction: bool = False  # of a graph that knows its direction

    def takes_kinds(self, values: Any, length: int) -> None:
        """Take an array of types that the caller gave, one per edge."""
        if values is None or values is False:
            return
        if isinstance(values, (str, int)):
            raise TypeError(f"edge_type={values!r} names a column, which obj does not have; give an array of types.")
        kinds = to_numpy(values)
        if kinds.shape != (length,):
            raise ValueError(f"edge_type must hold one type for each of {length} edges, got shape {kinds.shape}.")
        self.kinds = kinds

    def attribute(self, kind: str) -> str | bool | None:
        """Name of the edge attribute with the weights; None for the usual one, False for none."""
        name = self.weight if self.weights is None else self.weights
        if name is True:
            return "weight"
        if name is None or name is False or isinstance(name, str):
            return name
        raise TypeError(
            f"weights of {kind} must be the name of an edge attribute, False or None; got {type(name).__name__}."
        )

    def refuse_columns(self, kind: str) -> None:
        """Refuse names of columns for what has none."""
        for name in ("source", "target"):
            if getattr(self, name) is not None:
                raise TypeError(f"{name}= names a column of a table, but obj is {kind}.")

    def refuse_sides(self, kind: str) -> None:
        """Refuse ``bipartite=True`` for what has one set of nodes."""
        if self.bipartite:
            raise ValueError(
                f"bipartite=True is for tables, pairs of names and matrices, not for {kind}; give "
                "list(zip(source, target)) or a scipy.sparse matrix with one row per node of the first side."
            )


@dataclass
class Parts:
    """Edges and node table of an object, before they become a CSR.

    ``nodes`` is an array of distinct names, or None if the names are the row numbers; ``named`` says that these are
    names nevertheless, and not merely positions. ``directed=None`` means that the edges decide. ``open`` means that
    num_nodes is only the largest row number + 1. ``attribute`` gives a node attribute by its name.
    """

    source: npt.NDArray[np.integer[Any]]
    target: npt.NDArray[np.integer[Any]]
    weights: npt.NDArray[np.float32] | None
    num_nodes: int
    nodes: npt.NDArray[Any] | None = None
    directed: bool | None = None
    x: Any = None
    y: Any = None
    sides: npt.NDArray[np.int8] | None = None
    named: bool = False
    open: bool = False
    attribute: Callable[[str], Any] | None = field(default=None, repr=False)
    labels: tuple[str, str] | None = None
    types: Types = NO_TYPES
    kept: npt.NDArray[np.bool_] | None = None  # which edges of the input are left

    def drop_zeros(self) -> Parts:
        """Drop edges of weight zero, and weights that are all 1."""
        if self.weights is not None and not self.weights.all():
            keep = self.kept = self.weights != 0
            if self.types.edge_type is not None:
                self.types = self.types._replace(edge_type=self.types.edge_type[keep])
            self.source, self.target, self.weights = self.source[keep], self.target[keep], self.weights[keep]
        if self.weights is not None and bool((self.weights == 1).all()):
            self.weights = None
        return self

    def names(self) -> list[Any]:
        """Names in row order."""
        return list(range(self.num_nodes)) if self.nodes is None else self.nodes.tolist()

    def split_sides(self, labels: tuple[str, str]) -> Parts:
        """Give each end of an edge list nodes of its own, called ``label:name``, those of the sources first."""
        if any(one.startswith(f"{other}:") for one, other in (labels, labels[::-1])) or labels[0] == labels[1]:
            raise ValueError(f"the columns {labels[0]!r} and {labels[1]!r} give ambiguous names of nodes; rename one.")
        names, rows, start = self.names(), [], 0
        spelled: list[str] = []
        for label, ends in zip(labels, (self.source, self.target), strict=True):
            seen = np.zeros(self.num_nodes, dtype=bool)
            seen[ends] = True
            rows.append((np.cumsum(seen) - 1)[ends] + start)
            spelled += [f"{label}:{names[row]}" for row in np.flatnonzero(seen).tolist()]
            if not start:
                start = len(spelled)
        check_distinct(spelled)
        self.source, self.target = rows
        self.num_nodes, self.nodes, self.named, self.labels = len(spelled), name_array(spelled), True, labels
        self.sides = (np.arange(len(spelled)) >= start).astype(np.int8)
        return self

    def arrange(self, nodes: Any) -> Parts:
        """Order and extent of the nodes as the caller says; nodes that are mere row numbers get these names."""
        names = name_list(nodes)
        check_distinct(names)
        if not self.named:
            if len(names) < self.num_nodes or (len(names) > self.num_nodes and not self.open):
                raise ValueError(f"nodes must name each of the {self.num_nodes} nodes once, got {len(names)} names.")
            self.num_nodes, self.nodes = len(names), name_array(names)
            return self
        position = {name: row for row, name in enumerate(names)}
        old = self.names()
        rows = np.fromiter((position.get(name, -1) for name in old), dtype=np.int64, count=len(old))
        if len(rows) and rows.min() < 0:
            raise ValueError(
                f"nodes lacks {old[int(rows.argmin())]!r}, which is a node of the graph; nodes= sets the order and may "
                "add nodes, but it does not rename them."
            )
        self.source, self.target = rows[self.source], rows[self.target]
        order = np.full(len(names), -1)
        order[rows] = np.arange(len(rows))
        self._take_rows(order)
        if self.sides is not None:
            self.sides = self._sides_of(names, order)
        if self.attribute is not None:
            inner = self.attribute
            self.attribute = lambda name: _reordered(name, inner(name), order)
        self.num_nodes, self.nodes = len(names), name_array(names)
        return self

    def restrict(self, rows: npt.NDArray[np.int64]) -> Parts:
        """Keep distinct nodes, in this order, and the edges between them; row numbers become names."""
        place = np.full(self.num_nodes, -1, dtype=np.int64)
        place[rows] = np.arange(len(rows))
        source, target = place[self.source], place[self.target]
        keep = (source >= 0) & (target >= 0)
        self.source, self.target = source[keep], target[keep]
        self.weights = None if self.weights is None else self.weights[keep]
        if self.types.edge_type is not None:
            self.types = self.types._replace(edge_type=self.types.edge_type[keep])
        self._take_rows(rows)
        self.sides = None if self.sides is None else self.sides[rows]
        self.nodes = rows if self.nodes is None else self.nodes[rows]
        self.num_nodes = len(rows)
        return self

    def _take_rows(self, order: npt.NDArray[np.int64]) -> None:
        """Features, labels and types of nodes of these rows."""
        for name in ("x", "y"):
            value = getattr(self, name)
            if value is not None:
                setattr(self, name, _reordered(name, value, order))
        if self.types.node_type is not None:
            self.types = _arranged_types(self.types, order)

    def _sides_of(self, names: list[Any], order: npt.NDArray[np.int64]) -> npt.NDArray[np.int8]:
        assert self.sides is not None
        sides = self.sides[order]
        for row in np.flatnonzero(order < 0).tolist():
            found = [side for side, label in enumerate(self.labels or ()) if str(names[row]).startswith(f"{label}:")]
            if not found:
                known = "" if self.labels is None else f"; begin it with '{self.labels[0]}:' or '{self.labels[1]}:'"
                raise ValueError(f"nodes adds {names[row]!r}, whose side of the bipartite graph is unknown{known}.")
            sides[row] = found[0]
        return sides


def _arranged_types(types: Types, order: npt.NDArray[np.int64]) -> Types:
    """Types, and the features and labels of single types, of reordered nodes."""
    old = types.node_type
    new = _reordered("node_type", old, order)
    by_type: dict[str, dict[str, Any]] = {}
    for name, parts in (types.by_type or {}).items():
        by_type[name] = {}
        for kind, values in parts.items():
            code = (types.node_types or ()).index(kind)
            local = np.cumsum(old == code) - 1
            by_type[name][kind] = values[local[order[new == code]]]
    return types._replace(node_type=new, by_type=by_type)


def _reordered(name: str, value: Any, order: npt.NDArray[np.int64]) -> Any:
    if len(order) and order.min() < 0:
        raise ValueError(
            f"nodes adds nodes that have no {name}; give {name}= with a row for each of {len(order)} nodes."
        )
    value = detached(value)
    return value.tocsr()[order] if sp.issparse(value) else np.asarray(value)[order]


def is_table(obj: Any) -> bool:
    """Whether an object has columns: a frame of any library, or a NumPy array with named fields."""
    names = ("columns", "__arrow_c_stream__", "__dataframe__", "__narwhals_dataframe__", "__narwhals_lazyframe__")
    if isinstance(obj, np.ndarray):
        return obj.dtype.names is not None
    single = type(obj).__name__ in ("Series", "ChunkedArray")  # one column is no table
    return not single and any(hasattr(type(obj), name) for name in names)


def is_edge_list(obj: Any) -> bool:
    """Whether a list or tuple lists edges or names rather than the rows of a matrix of numbers.

    It does if its items are tuples, two arrays, or lists that hold strings.
    """
    if not isinstance(obj, (list, tuple)) or not obj:
        return False
    if isinstance(obj[0], tuple) or (
        len(obj) == 2 and all(isinstance(row, np.ndarray) and row.ndim == 1 for row in obj)
    ):
        return True
    return any(isinstance(value, str) for row in obj if isinstance(row, (list, np.ndarray)) for value in row)


def parts_of(obj: Any, asked: Asked) -> Parts:
    """Edges of anything graph-like except a path or a Graph."""
    kind, name = type(obj).__module__.split(".")[0], type(obj).__name__
    if is_table(obj):
        from graphrep._tables import parts_of_table

        return parts_of_table(obj, asked)
    asked.refuse_columns(f"of type {name}")
    if sp.issparse(obj):
        return from_matrix(obj, asked)
    if hasattr(obj, "is_directed") and hasattr(obj, "adj") and hasattr(obj, "nodes"):
        return _from_networkx(obj, asked)
    if kind == "igraph":
        return _from_igraph(obj, asked)
    if kind == "dgl":
        return _from_dgl(obj, asked)
    if name == "SparseTensor":
        return _from_sparse_tensor(obj, asked)
    if name == "HeteroData":
        return _from_hetero(obj, asked)
    if hasattr(obj, "edge_index"):
        return _from_pyg(obj, asked)
    if str(getattr(obj, "layout", "torch.strided")).startswith("torch.sparse"):
        return from_matrix(torch_matrix(obj), asked)
    if isinstance(obj, (Iterator, list, tuple)) and not hasattr(obj, "read"):
        rows = obj if isinstance(obj, (list, tuple)) else list(obj)
        if rows and all(issubclass(kind, tuple) for kind in set(map(type, rows))):
            return _from_pairs(rows, asked)
        return _from_array(rows, asked)
    if kind in ("torch", "torch_geometric"):
        directed = None if hasattr(obj, "sparse_size") else False  # an EdgeIndex knows
        if hasattr(obj, "sparse_size") and asked.num_nodes is None:
            sizes = [size for size in obj.sparse_size() if size is not None]
            asked.num_nodes = max(sizes) if sizes else None
        return _from_array(obj, asked, directed=directed)
    if isinstance(obj, np.ndarray):
        return _from_array(obj, asked)
    hint = ""
    if hasattr(obj, "read"):
        hint = " (give the path of the file)"
    elif kind == "networkx":
        hint = " (give the networkx graph itself, which knows its direction)"
    elif isinstance(obj, Mapping):
        hint = " (a dictionary of neighbors: networkx.Graph(obj); of columns: pandas.DataFrame(obj))"
    elif isinstance(obj, (set, frozenset)):
        hint = " (sets have no order: give sorted(obj))"
    raise TypeError(f"cannot make a graph from {name}{hint}; give {_TAKEN}.")


def parts_of_file(path: str | os.PathLike[str], asked: Asked, options: dict[str, Any]) -> Parts:
    """Edges of a file; ``options`` go to ``read_edges`` if it is text."""
    from graphrep.io.bounded import one_line
    from graphrep.io.graph_files import FoundTable, read_graph_file

    options = {name: value for name, value in options.items() if value is not None}
    weight = asked.weight if asked.weights is None else asked.weights
    array = asked.edge_type if not isinstance(asked.edge_type, (str, int, type(None))) else None
    column = False if array is not None else asked.edge_type
    columns = asked.source, asked.target, weight if isinstance(weight, (str, int, type(None))) else False, column
    found = read_graph_file(path, columns=columns, directed=bool(asked.directed))
    if found is None or isinstance(found[1], tuple):
        paths = (path,) if found is None else found[1]
        parts = _from_edge_lists([_read_text(one, asked, options, column) for one in paths], asked)
        asked.takes_kinds(array, len(parts.source) if parts.kept is None else len(parts.kept))
        return parts
    what, obj = found
    if options:
        raise TypeError(f"{', '.join(options)}: options of text files, but {path} is {what}.")
    # What the caller asked for may not fit to the file; if nothing was asked, the content is at fault.
    nothing = all(value is None or value is False for name, value in vars(asked).items() if name != "directed")
    if isinstance(obj, FoundTable):  # whose columns have other positions than in the file
        asked.source, asked.target, asked.weight = obj.source, obj.target, obj.weight
        asked.edge_type = array if array is not None else obj.edge_type
        if isinstance(asked.weights, (str, int)):
            asked.weights = None
        obj = obj.table
    try:
        return parts_of(obj, asked)
    except (TypeError, ValueError, LookupError, ArithmeticError, AttributeError) as error:
        kind = TypeError if isinstance(error, TypeError) and not nothing else ValueError
        raise kind(f"{path} ({what}): {one_line(error)}.") from None


def _read_text(path: Any, asked: Asked, options: dict[str, Any], edge_type: Any) -> Any:
    from graphrep.io import read_edges

    if asked.weights is not None and not isinstance(asked.weights, (bool, str)):
        raise TypeError("weights of a file are a column of it; give weight= its name or position, or weight=False.")
    wanted = {"source": asked.source, "target": asked.target, "num_nodes": asked.num_nodes}
    wanted["weight"] = asked.weight if asked.weights is None else asked.weights
    wanted["edge_type"] = edge_type
    wanted["bipartite"] = False if asked.bipartite else asked.bipartite  # sides are told apart here, by name
    return read_edges(path, **{name: value for name, value in wanted.items() if value is not None} | options)


def _from_edge_lists(tables: Sequence[Any], asked: Asked) -> Parts:
    """Edge lists of text files, joined by name."""
    asked.kinds = _kinds_of_text(tables)
    if len(tables) == 1:
        table = tables[0]
        n, nodes = len(table.nodes), table.nodes
        rows = n == 0 or (nodes.dtype == np.int64 and nodes[0] == 0 and nodes[-1] == n - 1)  # ids are ascending
        parts = Parts(table.source, table.target, table.weights, n, None if rows else nodes)
        return edge_list(parts, asked, table.columns, named=asked.num_nodes is None)
    weighted = {table.weights is not None for table in tables}
    if len(weighted) > 1:
        raise ValueError("some files of the folder have weights and some have none; give weight=False to ignore them.")
    integers = {table.nodes.dtype == np.int64 for table in tables}
    if len(integers) > 1:
        warn_caller(
            "the names in some files of the folder are integers, and strings in others: all are taken as strings, "
            "without the leading zeros of integers; give one file to be sure."
        )
    ends = []
    for side in ("source", "target"):
        column = np.concatenate([table.nodes[getattr(table, side)] for table in tables])
        ends.append(column if column.dtype == np.int64 else column_of(column.tolist(), side))
    weights = np.concatenate([table.weights for table in tables]) if weighted == {True} else None
    called = {table.columns for table in tables}
    return from_columns(ends[0], ends[1], weights, asked, called.pop() if len(called) == 1 else ("source", "target"))


def _kinds_of_text(tables: Sequence[Any]) -> npt.NDArray[Any] | None:
    """Types of all edges: integers if all are spelled as such, else strings."""
    typed = [table.edge_type is not None for table in tables]
    if not any(typed):
        return None
    if not all(typed):
        raise ValueError("some files of the folder have types of edges and some have none; give edge_type=False.")
    named = [names_of_kinds(table.edge_types) for table in tables]
    kind = np.int64 if all(names.dtype == np.int64 for names in named) else object
    spelled = named if kind == np.int64 else [np.array(table.edge_types, dtype=object) for table in tables]
    return np.concatenate([names[table.edge_type] for names, table in zip(spelled, tables, strict=True)])


def names_of_kinds(spelled: Sequence[str]) -> npt.NDArray[Any]:
    """Distinct types of edges of a text: int64 codes if all of them are plain integers, else the strings."""
    if all(re.fullmatch(r"0|-?[1-9][0-9]{0,17}", one) for one in spelled):
        return np.array(spelled, dtype=np.int64)
    return np.array(spelled, dtype=object)


def edge_list(parts: Parts, asked: Asked, labels: tuple[str, str], *, named: bool) -> Parts:
    """What holds for every list of edges: undirected unless said otherwise, sides told apart if asked."""
    parts.directed, parts.named = False, named
    if asked.bipartite:
        if not named:
            asked.refuse_sides("row numbers")
        parts.split_sides(labels)
    return parts.drop_zeros()


def from_matrix(
    matrix: Any,
    asked: Asked,
    names: tuple[list[Any], list[Any]] | None = None,
    labels: tuple[str, str] = ("row", "column"),
) -> Parts:
    """An adjacency matrix; with ``bipartite``, its rows are the first nodes and its columns those after them."""
    matrix = sp.coo_array(matrix) if isinstance(matrix, np.ndarray) else matrix
    if asked.weights is not None and asked.weights is not False:
        raise TypeError("weights of a scipy.sparse matrix are its entries; give weights=None or False.")
    if asked.weight is not None and not isinstance(asked.weight, bool):
        raise TypeError(
            f"weight= names a column of a table, got {asked.weight!r} for a matrix, whose entries are weights."
        )
    if matrix.ndim != 2:
        raise ValueError(f"an adjacency matrix must be square, got shape {matrix.shape}.")
    height, width = map(int, matrix.shape)
    if height != width and not asked.bipartite:
        raise ValueError(
            f"an adjacency matrix must be square, got shape {(height, width)}; give bipartite=True if rows and columns "
            "are different nodes."
        )
    coo = matrix.tocoo()
    row, col = coo.coords if hasattr(coo, "coords") else (coo.row, coo.col)
    n = height + width if asked.bipartite else height
    if asked.num_nodes not in (None, n):
        counted = f"{height} rows and {width} columns" if asked.bipartite else f"{n} rows"
        raise ValueError(f"num_nodes is {asked.num_nodes}, but the matrix has {counted}.")
    parts = Parts(row, col, checked_weights(coo.data, len(coo.data), what="the matrix"), n).drop_zeros()
    if asked.weights is False or asked.weight is False:
        parts.weights = None
    if asked.bipartite:
        parts.target = parts.target.astype(np.int64) + height
        parts.directed = False
        parts.sides = (np.arange(n) >= height).astype(np.int8)
    if names is not None:
        listed = names[0]
        if asked.bipartite:
            listed = [f"{label}:{name}" for label, side in zip(labels, names, strict=True) for name in side]
            parts.labels = labels
        check_distinct(listed)
        parts.nodes, parts.named = name_array(listed), True
    return parts


def torch_matrix(tensor: Any) -> sp.coo_array:
    """A sparse tensor of torch, of any layout, as a SciPy matrix."""
    if tensor.ndim != 2:
        raise ValueError(f"an adjacency matrix must be square, got shape {tuple(tensor.shape)}.")
    coo = tensor.detach().cpu().to_sparse_coo().coalesce()
    row, col = coo.indices().numpy()
    return sp.coo_array((detached(coo.values()), (row, col)), shape=tuple(coo.shape))


def _sparse_tensor_matrix(tensor: Any) -> sp.coo_array:
    row, col, value = tensor.coo()
    row, col = to_numpy(row), to_numpy(col)
    data = np.ones(len(row), dtype=np.float32) if value is None else to_numpy(value)
    return sp.coo_array((data, (row, col)), shape=tuple(map(int, tensor.sparse_sizes())))


def _from_sparse_tensor(tensor: Any, asked: Asked) -> Parts:
    matrix = _sparse_tensor_matrix(tensor)
    if matrix.shape[0] == matrix.shape[1] and not asked.bipartite and asked.directed is not False:
        difference = (matrix.tocsr() != matrix.T.tocsr()).nnz
        if difference:
            warn_caller(
                "the SparseTensor is not symmetric, and its rows are taken as sources; give adj_t.t() if it is PyG's "
                "transposed adjacency, or the PyG Data itself.",
            )
    return from_matrix(matrix, asked)


def _from_networkx(graph: Any, asked: Asked) -> Parts:
    """A networkx graph; node names that are integers 0 … n - 1 in order are no names of their own."""
    names = list(graph.nodes)
    n = len(names)
    if asked.num_nodes not in (None, n):
        raise ValueError(f"num_nodes is {asked.num_nodes}, but the networkx graph has {n} nodes.")
    attribute = asked.attribute("a networkx graph")
    rows = {name: i for i, name in enumerate(names)}
    edges = list(graph.edges(data=attribute or "weight"))
    if isinstance(asked.edge_type, str):
        asked.kinds = [edge[2] for edge in graph.edges(data=asked.edge_type)]
        absent = sum(kind is None for kind in asked.kinds)
        if absent:
            raise ValueError(f"{absent} of {len(edges)} edges have no attribute {asked.edge_type!r}; set it on all.")
        if not all(isinstance(kind, str) for kind in asked.kinds):
            asked.kinds = np.asarray(asked.kinds)
    else:
        asked.takes_kinds(asked.edge_type, len(edges))
    asked.states_direction = True
    source, target = (np.fromiter((rows[edge[end]] for edge in edges), dtype=np.int64) for end in (0, 1))
    w = _attribute_weights([edge[2] for edge in edges], attribute)
    parts = Parts(source, target, w, n, name_array(names), bool(graph.is_directed()), named=True).drop_zeros()

    def values(name: str) -> Any:
        found = [data.get(name) for _, data in graph.nodes(data=True)]
        return _attribute_values(found, name, [value is None for value in found])

    parts.attribute = values
    if asked.bipartite:
        sides = values("bipartite")
        if not np.isin(sides, (0, 1)).all():
            raise ValueError("bipartite=True needs networkx nodes whose attribute 'bipartite' is 0 or 1.")
        parts.sides = sides.astype(np.int8)
    return parts


def _attribute_weights(values: list[Any], attribute: Any) -> npt.NDArray[np.float32] | None:
    """Weights out of an edge attribute; by default "weight", which all edges must have, or none."""
    if attribute is False:
        return None
    name = "weight" if attribute is None else attribute
    missing = sum(value is None for value in values)
    if missing == len(values):
        if attribute is not None and values:
            raise ValueError(f"no edge has an attribute {name!r}.")
        return None
    if missing:
        raise ValueError(f"{missing} of {len(values)} edges have no attribute {name!r}; set it, or give weights=False.")
    return checked_weights(values, len(values), what=f"edge attribute {name!r}")


def _attribute_values(values: Any, name: str, missing: Sequence[bool]) -> Any:
    absent = sum(missing)
    if absent:
        raise ValueError(f"{absent} of {len(missing)} nodes have no attribute {name!r}; set it on every node.")
    try:
        return np.asarray(values)
    except ValueError:
        raise ValueError(f"the node attribute {name!r} has values of different lengths.") from None


def _from_igraph(graph: Any, asked: Asked) -> Parts:
    asked.refuse_sides("an igraph graph")
    n = int(graph.vcount())
    if asked.num_nodes not in (None, n):
        raise ValueError(f"num_nodes is {asked.num_nodes}, but the igraph graph has {n} nodes.")
    ends = np.array(graph.get_edgelist(), dtype=np.int64).reshape(-1, 2)
    attribute = asked.attribute("an igraph graph")
    name = attribute or "weight"
    known = name in graph.es.attributes()
    w = _attribute_weights(graph.es[name] if known else [None] * len(ends), attribute)
    asked.states_direction = True
    parts = Parts(ends[:, 0], ends[:, 1], w, n, directed=bool(graph.is_directed())).drop_zeros()
    if "name" in graph.vs.attributes():
        names = list(graph.vs["name"])
        check_distinct(names)
        parts.nodes, parts.named = name_array(names), True

    def values(name: str) -> Any:
        found = graph.vs[name] if name in graph.vs.attributes() else [None] * n
        return _attribute_values(found, name, [value is None for value in found])

    parts.attribute = values
    return parts


def _from_dgl(graph: Any, asked: Asked) -> Parts:
    asked.refuse_sides("a DGL graph")
    if not graph.is_homogeneous:
        raise TypeError("the DGL graph has several kinds of nodes or edges; give dgl.to_homogeneous(graph).")
    attribute = asked.attribute("a DGL graph")
    name = attribute or "weight"
    source, target = (to_numpy(ends) for ends in graph.edges())
    w = None
    if attribute is not False and name in graph.edata:
        w = checked_weights(to_numpy(graph.edata[name]), len(source), what=f"edata[{name!r}]")
    elif isinstance(attribute, str):
        raise ValueError(f"the DGL graph has no edata[{name!r}].")
    n = int(graph.num_nodes())
    if asked.num_nodes not in (None, n):
        raise ValueError(f"num_nodes is {asked.num_nodes}, but the DGL graph has {n} nodes.")
    parts = Parts(source, target, w, n).drop_zeros()
    parts.x, parts.y = (detached(graph.ndata[name]) if name in graph.ndata else None for name in ("feat", "label"))
    parts.attribute = lambda name: _stored(graph.ndata, name, "the DGL graph has no ndata")
    return parts


def _stored(values: Any, name: str, sentence: str) -> Any:
    if name not in values:
        raise ValueError(f"{sentence}[{name!r}].")
    return detached(values[name])


def _from_pyg(data: Any, asked: Asked) -> Parts:
    asked.refuse_sides("PyG Data")
    transposed = getattr(data, "adj_t", None)
    edge_index, entries = data.edge_index, None
    if edge_index is None and transposed is not None:  # rows are targets
        matrix = _sparse_tensor_matrix(transposed) if hasattr(transposed, "coo") else torch_matrix(transposed)
        row, col = matrix.coords if hasattr(matrix, "coords") else (matrix.row, matrix.col)
        edge_index, entries = np.stack([col, row]), matrix.data
        if asked.num_nodes is None:
            asked.num_nodes = max(matrix.shape)
    if edge_index is None:
        raise ValueError("the PyG data has no edge_index.")
    if asked.num_nodes is None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # PyG warns when it infers the number of nodes, as this function does
            asked.num_nodes = getattr(data, "num_nodes", None)
    name = asked.weight if asked.weights is None else asked.weights
    values = name
    if name is None or name is True or isinstance(name, str):
        wanted = name if isinstance(name, str) else "edge_weight"
        values = getattr(data, wanted, None)
        if values is None and not isinstance(name, str):
            values = entries
        if name is not None and values is None:
            raise ValueError(f"the PyG data has no attribute {wanted!r}.")
    ends = Asked(asked.num_nodes, values, directed=asked.directed)
    kinds = asked.edge_type
    if isinstance(kinds, str):
        kinds = getattr(data, asked.edge_type, None)
        if kinds is None:
            raise ValueError(f"the PyG data has no attribute {asked.edge_type!r}.")
    asked.takes_kinds(kinds, edge_index.shape[1])
    asked.states_direction = True
    parts = _from_array(edge_index, ends, directed=None)
    parts.x, parts.y = (_tensor(getattr(data, name, None)) for name in ("x", "y"))
    names = getattr(data, "node_names", None)
    if isinstance(names, list) and len(names) == parts.num_nodes:
        check_distinct(names)
        parts.nodes, parts.named = name_array(names), True
    parts.attribute = lambda name: _tensor(_stored(data, name, "the PyG data has no attribute "))
    return parts


def _from_hetero(data: Any, asked: Asked) -> Parts:
    """PyG HeteroData: nodes in the order of its types."""
    asked.refuse_sides("PyG HeteroData")
    if asked.edge_type is not None and asked.edge_type is not False:
        raise TypeError("edge_type= is given, but PyG HeteroData has types of its own.")
    kinds = list(data.node_types)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyG warns when it infers the number of nodes
        sizes = [int(data[kind].num_nodes or 0) for kind in kinds]
    start = dict(zip(kinds, np.concatenate([[0], np.cumsum(sizes)]).tolist(), strict=False))
    n = sum(sizes)
    if asked.num_nodes not in (None, n):
        raise ValueError(f"num_nodes is {asked.num_nodes}, but the HeteroData has {n} nodes.")
    wanted = asked.weight if asked.weights is None else asked.weights
    if wanted is not None and not isinstance(wanted, (bool, str)):
        raise TypeError("weights of PyG HeteroData are an edge attribute; give its name, False or None.")
    name = wanted if isinstance(wanted, str) else "edge_weight"
    ends, codes, weighted = [np.zeros((2, 0), dtype=np.int64)], [], False
    weights: list[npt.NDArray[np.float32]] = []
    edge_types = tuple(dict.fromkeys(kind for _, kind, _ in data.edge_types))
    for triple in data.edge_types:
        store = data[triple]
        if "edge_index" not in store:
            raise ValueError(f"the relation {triple} of the HeteroData has no edge_index; give edge_index, not adj_t.")
        pairs = edge_array(store.edge_index).astype(np.int64)
        for end, row, side in zip((triple[0], triple[2]), pairs, ("sources", "targets"), strict=True):
            size = sizes[kinds.index(end)]
            if row.size and (row.min() < 0 or row.max() >= size):
                raise IndexError(f"{side} of {triple} must lie in [0, {size}), the nodes of type {end!r}.")
        ends.append(pairs + np.array([[start[triple[0]]], [start[triple[2]]]]))
        codes.append(np.full(pairs.shape[1], edge_types.index(triple[1])))
        here = None if wanted is False else store.get(name)
        weighted |= here is not None
        given = None if here is None else checked_weights(detached(here), pairs.shape[1])
        weights.append(np.ones(pairs.shape[1], dtype=np.float32) if given is None else given)
    if not weighted and (wanted is True or isinstance(wanted, str)):
        raise ValueError(f"no relation of the PyG data has an attribute {name!r}.")
    source, target = np.concatenate(ends, axis=1)
    w = np.concatenate(weights).astype(np.float32) if weighted and weights else None
    parts = Parts(source, target, w, n)
    by_type: dict[str, dict[str, Any]] = {}
    for attribute in ("x", "y"):
        found = {kind: _tensor(data[kind][attribute]) for kind in kinds if attribute in data[kind]}
        for kind, values in found.items():
            if values.shape[0] != sizes[kinds.index(kind)]:
                raise ValueError(
                    f"{attribute} of {kind!r} must have {sizes[kinds.index(kind)]} rows, got {values.shape}."
                )
        shapes = {values.shape[1:] for values in found.values()}
        if found and len(found) == len(kinds) and len(shapes) == 1:
            sparse = any(map(sp.issparse, found.values()))
            setattr(parts, attribute, (sp.vstack if sparse else np.concatenate)(list(found.values())))
        elif found:
            by_type[attribute] = found
    node_type = narrow(np.repeat(np.arange(len(kinds)), sizes), len(kinds))
    if asked.edge_type is False:
        parts.types = Types(node_type, tuple(kinds), by_type=by_type)
    else:
        edge_type = np.concatenate(codes) if codes else np.zeros(0, dtype=np.int64)
        parts.types = Types(node_type, tuple(kinds), narrow(edge_type, len(edge_types)), edge_types, by_type)
    named = [data[kind].get("node_names") for kind in kinds]
    if all(isinstance(names, list) and len(names) == size for names, size in zip(named, sizes, strict=True)) and kinds:
        listed = [one for names in named for one in names]
        check_distinct(listed)
        parts.nodes, parts.named = name_array(listed), True
    return parts.drop_zeros()


def _tensor(value: Any) -> Any:
    sparse = str(getattr(value, "layout", "")).startswith("torch.sparse")
    return torch_matrix(value).tocsr() if sparse else detached(value)


def _from_pairs(rows: Sequence[tuple[Any, ...]], asked: Asked) -> Parts:
    """A list of tuples: (source, target), or (source, target, weight or dictionary of attributes), or triples."""
    lengths = set(map(len, rows))
    position = asked.edge_type
    if isinstance(position, str):
        raise TypeError("edge_type= of tuples is a position: 1 in (head, relation, tail), 2 in (source, target, type).")
    if isinstance(position, int) and position is not False:
        return _from_triples(rows, asked, lengths)
    asked.takes_kinds(position, len(rows))
    if lengths == {3} and position is None and asked.weight is not False and asked.weights is not False:
        third = [row[2] for row in rows]
        if all(isinstance(value, str) for value in third):
            raise TypeError(
                "tuples of length 3 are (source, target, weight), but the third item is a string; give edge_type=1 for "
                "(head, relation, tail), edge_type=2 for (source, target, type), or weight=False to ignore it."
            )
    if lengths not in ({2}, {3}):
        shown = " and ".join(map(str, sorted(lengths)))
        raise ValueError(
            f"a list of tuples is a list of edges, (source, target) or (source, target, weight), got tuples of length "
            f"{shown}; for an array of shape (2, num_edges) give numpy.array(edges)."
        )
    source, target, *third = (list(column) for column in zip(*rows, strict=True))
    given = asked.weight if asked.weights is None else asked.weights
    weights: Any = None
    if third and given is not False:
        values = third[0]
        if all(isinstance(value, dict) for value in values):
            name = asked.attribute("pairs with attributes")
            weights = _attribute_weights([value.get(name or "weight") for value in values], name)
        elif given is not None and given is not True:
            raise TypeError("weights are given twice: in the tuples and by weights=.")
        else:
            if len(rows) == 2 and all_integers([*source, *target, *values]):
                warn_caller(
                    "two tuples of three integers are read as two edges (source, target, weight); give "
                    "numpy.array(edges) for an array of shape (2, 3), or weights as floats.",
                )
            weights = checked_weights(values, len(rows))
    elif given is True:
        raise ValueError("weight=True needs tuples (source, target, weight).")
    elif given is not None and given is not False:
        if isinstance(given, str):
            raise TypeError("weights of a list of pairs must be an array, not a name.")
        weights = checked_weights(detached(given), len(rows))
    named = (("the list of sources", source), ("the list of targets", target))
    columns = [column_of(ends, what, hashable=True) for what, ends in named]
    return from_columns(columns[0], columns[1], weights, asked, ("source", "target"))


def _from_triples(rows: Any, asked: Asked, lengths: set[int]) -> Parts:
    """Tuples or rows of an array with a type at the position ``asked.edge_type``, and perhaps a weight at the end."""
    at = asked.edge_type
    if at not in (1, 2) or not lengths <= {3, 4} or len(lengths) > 1:
        shown = " and ".join(map(str, sorted(lengths)))
        raise ValueError(
            f"edge_type must be 1 for (head, relation, tail) or 2 for (source, target, type), with a weight as fourth "
            f"item if there are weights; got edge_type={at} and rows of length {shown}."
        )
    columns = list(rows.T) if isinstance(rows, np.ndarray) else [list(column) for column in zip(*rows, strict=True)]
    kinds = columns.pop(at)
    asked.kinds = _kinds(kinds)
    given = asked.weight if asked.weights is None else asked.weights
    weights: Any = columns[2] if len(columns) == 3 else None
    if given is False:
        weights = None
    elif given is True and weights is None:
        raise ValueError("weight=True needs tuples with a fourth item.")
    elif given is not None and given is not True:
        if weights is not None or isinstance(given, str):
            raise TypeError("weights of triples are their fourth item, or an array if there is none.")
        weights = detached(given)
    weights = checked_weights(weights, len(kinds))
    named = zip(columns[:2], ("the list of sources", "the list of targets"), strict=True)
    ends = [
        column if isinstance(column, np.ndarray) and column.dtype.kind in "iu" else _named_column(column, what)
        for column, what in named
    ]
    return from_columns(ends[0], ends[1], weights, asked, ("source", "target"))


def _named_column(column: Any, what: str) -> Any:
    return column_of(column.tolist() if isinstance(column, np.ndarray) else column, what, hashable=True)


def _kinds(values: Any) -> Any:
    """Types as integers if all are, and as they are if not."""
    listed = values.tolist() if isinstance(values, np.ndarray) else list(values)
    refuse_empty(listed, "edge_type")
    return np.array(listed, dtype=np.int64) if listed and all_integers(listed) else np.array(listed, dtype=object)


def from_columns(source: Any, target: Any, weights: Any, asked: Asked, labels: tuple[str, str]) -> Parts:
    """Edges of two columns of names; integers are row numbers if the number of nodes is given."""
    if asked.num_nodes is None:
        rows, cols, n, names = number_nodes(source, target)
        return edge_list(Parts(rows, cols, weights, n, names), asked, labels, named=True)
    if isinstance(source, Names) or isinstance(target, Names):
        raise TypeError("num_nodes cannot be given with named end points.")
    n = checked_int("num_nodes", asked.num_nodes, 0)
    for name, column in zip(labels, (source, target), strict=True):
        low, high = (int(column.min()), int(column.max())) if len(column) else (0, -1)
        if low < 0 or high >= n:
            raise IndexError(
                f"{name} must lie in [0, {n}), as num_nodes={n} makes integers row numbers; got {low} … {high}."
            )
    source, target = (column.astype(np.int64, copy=False) for column in (source, target))
    return edge_list(Parts(source, target, weights, n), asked, labels, named=False)


def _from_array(ends: Any, asked: Asked, *, directed: bool | None = False) -> Parts:
    """An array of shape (2, num_edges): row numbers, or names."""
    weights = asked.weights
    if isinstance(weights, str) or (asked.weight is not None and not isinstance(asked.weight, bool)):
        raise TypeError("weights of an array of end points must be an array, not a name.")
    if asked.weight is True and weights is None:
        raise ValueError("weight=True needs a third column; give weights= an array for an array of end points.")
    weights = False if asked.weight is False else weights
    if isinstance(asked.edge_type, int) and asked.edge_type is not False:
        rows = to_numpy(ends)
        if rows.ndim != 2 or rows.dtype.kind not in "iuOUT":
            raise ValueError(f"triples must be an array of shape (num_edges, 3), got {rows.shape} of {rows.dtype}.")
        if rows.dtype.kind in "iu" and asked.num_nodes is None and len(rows):
            ids = rows[:, [0, 3 - asked.edge_type]] if rows.shape[1] == 3 and asked.edge_type in (1, 2) else rows
            asked.num_nodes = int(ids.max()) + 1  # row numbers, as in other arrays of integers
        return _from_triples(rows, asked, {rows.shape[1]})
    array, extra = _ends(ends)
    if asked.bipartite and array.dtype.kind not in "OUT":
        if array.ndim == 2 and (array.shape[0] != 2 or array.dtype.kind == "f"):
            return from_matrix(sp.coo_array(array), asked)
        asked.refuse_sides("row numbers")
    pairs = edge_array(array, names_allowed=True)
    asked.takes_kinds(asked.edge_type, pairs.shape[1])
    if directed is None:
        asked.states_direction = True
    if extra is not None and weights is None:
        weights = extra
    w = None if weights is False else checked_weights(detached(weights), pairs.shape[1])
    if pairs.dtype == object:
        columns = [column_of(ends.tolist(), "the array of edges") for ends in pairs]
        return from_columns(columns[0], columns[1], w, asked, ("source", "target"))
    n, inferred = asked.num_nodes, asked.num_nodes is None
    if n is None:
        n = max(int(pairs.max()) + 1, 0) if pairs.size else 0
        if n > _FEW and n > _SPARSE * pairs.size:
            raise ValueError(
                f"edges hold the row number {n - 1}, so that the graph would have {n:,} nodes for {pairs.shape[1]} "
                f"edges; give list(zip(source, target)) or a table if these are names, or num_nodes={n}."
            )
    n = checked_int("num_nodes", n, 0)
    if pairs.shape == (2, 2) and pairs[0, 1] != pairs[1, 0] and _could_be_pairs(ends, inferred=inferred):
        warn_caller(
            "a 2 x 2 array of end points is read as (2, num_edges), so that its columns are the edges; give "
            "(array[0], array[1]) to confirm, or a list of tuples if its rows are the edges.",
        )
    return Parts(pairs[0], pairs[1], w, n, directed=directed, open=inferred).drop_zeros()


def _could_be_pairs(ends: Any, *, inferred: bool) -> bool:
    """Whether rows may be meant as edges: lists of lists, and arrays if the number of nodes is not given."""
    listed = isinstance(ends, (list, tuple)) and all(isinstance(row, list) for row in ends)
    return listed or (inferred and isinstance(ends, np.ndarray))


def _ends(ends: Any) -> tuple[npt.NDArray[Any], Any]:
    """End points as an array, and weights if they stand in a third column beside strings."""
    try:
        array = to_numpy(ends)
        if array.dtype.kind in "UT" and not isinstance(ends, np.ndarray):
            array = np.array([list(row) for row in ends], dtype=object)  # numbers must not become strings
    except ValueError:
        raise ValueError("edges must have shape (2, num_edges), got rows of different lengths.") from None
    if array.dtype.kind not in "OUT" or array.ndim != 2:
        return array, None
    if array.dtype == object and array.shape[1] == 3 and all(isinstance(v, str) for v in array[:, :2].ravel().tolist()):
        third = array[:, 2].tolist()
        if all(isinstance(value, numbers.Real) for value in third):
            return array[:, :2].T, third
    if array.shape[1] == 2 and any(isinstance(value, str) for value in array.ravel().tolist()):
        return array.T, None
    return array, None


def edge_array(ends: Any, *, names_allowed: bool = False) -> npt.NDArray[Any]:
    """End points as an array of shape (2, num_edges): int32, int64, or object for names if these are allowed."""
    try:
        pairs = to_numpy(ends)
    except ValueError:
        raise ValueError("edges must have shape (2, num_edges), got rows of different lengths.") from None
    if pairs.ndim != 2 or pairs.shape[0] != 2:
        if pairs.size == 0:
            return np.zeros((2, 0), dtype=np.int64)
        hint = ""
        if pairs.ndim == 2 and pairs.shape[1] == 2:
            hint = " (transpose it?)"
        elif pairs.ndim == 2 and pairs.shape[0] == pairs.shape[1]:
            hint = " (for a dense adjacency matrix, give scipy.sparse.csr_array(matrix))"
        elif pairs.ndim == 2 and names_allowed and pairs.dtype.kind in "iuf":
            hint = " (for a matrix of one side by the other, give bipartite=True; for edges in rows, a list of tuples)"
        raise ValueError(f"edges must have shape (2, num_edges), got {pairs.shape}{hint}.")
    if pairs.size == 0:
        return np.zeros((2, 0), dtype=np.int64)
    if pairs.dtype.kind in "OUT":
        pairs = pairs.astype(object)
        if all_integers(pairs.ravel().tolist()):
            pairs = _integers(pairs)
    if pairs.dtype == object and not names_allowed:
        raise TypeError("edges must hold row numbers, got strings.")
    if pairs.dtype != object and pairs.dtype.kind not in "iu":
        raise TypeError(f"edges must hold integers or strings, got dtype {pairs.dtype}.")
    return pairs if pairs.dtype in (np.int32, np.int64, object) else _integers(pairs)


def _integers(pairs: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    if pairs.size and int(pairs.max()) >= 2**63:
        raise ValueError(
            f"edges hold {pairs.max()}, which is no row number; give list(zip(source, target)) or a table if these are "
            "names."
        )
    return pairs.astype(np.int64)


def checked_weights(weights: Any, length: int, what: str = "weights") -> npt.NDArray[np.float32] | None:
    """Weights as a new float32 array of shape (length,), finite and not negative; None stays None."""
    if weights is None:
        return None
    values = np.asarray(weights)
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.dtype == object and all(isinstance(value, numbers.Real) for value in values.ravel().tolist()):
        values = values.astype(np.float64)
    if values.dtype.kind not in "biuf":
        raise TypeError(f"{what} must be real numbers, got dtype {values.dtype}.")
    if values.shape != (length,):
        raise ValueError(f"{what} must have shape ({length},), one per edge; got {values.shape}.")
    with np.errstate(over="ignore", invalid="ignore"):  # too large, or a signaling NaN: refused below
        values = values.astype(np.float32)
    bad = np.flatnonzero(~(np.isfinite(values) & (values >= 0)))
    if len(bad):
        raise ValueError(f"{what} must be finite and not negative; entry {bad[0]} is {values[bad[0]]}.")
    return values


def checked_nodes(nodes: Any, num_nodes: int) -> npt.NDArray[Any] | None:
    """Names as an array, distinct, one per node; None if they are the row numbers."""
    if nodes is None:
        return None
    names = name_list(nodes)
    if len(names) != num_nodes:
        raise ValueError(f"nodes must name each of the {num_nodes} nodes once, got {len(names)} names.")
    check_distinct(names)
    return name_array(names)


def checked_rows(name: str, value: Any, num_nodes: int, nodes: npt.NDArray[Any] | None = None) -> Any:
    """Features or labels with one row per node, in the order of the nodes.

    Arrays and matrices stay unchanged, tensors, lists and frames become arrays. What names its rows (the index of a
    pandas object, NodeVectors) is matched by name; the index 0 … n - 1 that pandas makes by default counts as none.
    """
    if value is None:
        return None
    given, names, kind = value, _row_names(value), type(value).__name__
    if names is not None:
        rows = _rows_by_name(name, names, num_nodes, nodes)
        value = value.vectors[rows] if hasattr(value, "vectors") else value.iloc[rows]
    if kind in ("DataFrame", "Series", "Table", "RecordBatch", "ChunkedArray", "LazyFrame"):
        value = _frame_values(name, value)
    value = detached(value)
    value = value if hasattr(value, "shape") and hasattr(value, "ndim") else np.asarray(value)
    count = value.shape[0] if value.ndim else 0
    if count != num_nodes:
        raise ValueError(f"{name} must have one row per node ({num_nodes}), got {count}.")
    if names is None:
        warn_of_default_index(given, nodes, name)
    return value


def _row_names(value: Any) -> list[Any] | None:
    if hasattr(value, "vectors") and hasattr(value, "nodes"):  # NodeVectors
        return value.nodes.tolist()  # type: ignore[no-any-return]
    if type(value).__module__.split(".")[0] != "pandas" or not hasattr(value, "iloc"):
        return None
    index = value.index
    if type(index).__name__ == "RangeIndex" and index.start == 0 and index.step == 1:
        return None
    return list(index.tolist())


def _rows_by_name(
    name: str, labels: list[Any], num_nodes: int, nodes: npt.NDArray[Any] | None
) -> npt.NDArray[np.int64]:
    """Rows of features or labels in the order of the nodes."""
    wanted = list(range(num_nodes)) if nodes is None else nodes.tolist()
    position = {label: row for row, label in enumerate(labels)}
    if len(position) < len(labels):
        twice = next(label for row, label in enumerate(labels) if position[label] != row)
        raise ValueError(f"the index of {name} holds {twice!r} twice.")
    rows = np.fromiter((position.get(label, -1) for label in wanted), dtype=np.int64, count=len(wanted))
    if len(rows) and rows.min() < 0:
        raise ValueError(
            f"{name} has no row {wanted[int(rows.argmin())]!r}, which is a node of the graph; {lacks_rows(name)}, or "
            f"give {name} as an array if its rows are in the order of the nodes."
        )
    if len(labels) > len(wanted):
        known = set(wanted)
        extra = next(label for label in labels if label not in known)
        warn_caller(
            f"{len(labels) - len(wanted)} rows of {name} name no node of the graph and are ignored (the first is "
            f"{extra!r}); give nodes={name}.index to keep them as nodes without edges."
        )
    return rows


def _frame_values(name: str, value: Any) -> npt.NDArray[Any]:
    """Values of a frame or series; features must be numbers."""
    import narwhals as nw

    if is_table(value):
        from graphrep._labels import refuse_table
        from graphrep._tables import columns_of_table

        if name == "y":
            refuse_table(value, name)
        names, load = columns_of_table(value)
        labels = list(range(names)) if isinstance(names, int) else names
        columns = list(zip(labels, load(list(range(len(labels)))), strict=True))
        if name == "x":
            for label, column in columns:
                if not (column.dtype.is_numeric() or column.dtype == nw.Boolean or _of_numbers(column)):
                    raise TypeError(
                        f"x has the column {label!r}, which holds {column.dtype} and no numbers; drop it, or, if it "
                        f"names the nodes, give x.set_index({label!r}) of a pandas DataFrame."
                    )
        return np.column_stack([_values(column) for _, column in columns]) if columns else np.zeros((len(value), 0))
    series = nw.from_native(value, allow_series=True, pass_through=True)
    return _values(series) if isinstance(series, nw.Series) else np.asarray(value)


def _of_numbers(column: Any) -> bool:
    """Whether a column of objects holds numbers alone, as one of pandas may."""
    import narwhals as nw

    return column.dtype == nw.Object and all(isinstance(value, numbers.Real) for value in column.to_list())


def _values(column: Any) -> npt.NDArray[Any]:
    import narwhals as nw

    if _of_numbers(column):
        return np.array(column.to_list())
    missing = column.dtype.is_numeric() and column.null_count()  # as NaN
    return np.asarray((column.cast(nw.Float64) if missing else column).to_numpy())


def frozen(array: Any) -> Any:
    """Return a contiguous, read-only view of an array; None stays None."""
    if array is None:
        return None
    array = np.ascontiguousarray(array)
    if array.flags.writeable:
        array = array.view()
        array.flags.writeable = False
    return array
