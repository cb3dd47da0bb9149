"""Names of nodes: their rows, what is matched by them, and the keys of their random numbers."""

from __future__ import annotations

import difflib
from collections.abc import Hashable, Iterable, Iterator
from hashlib import blake2b
from typing import Any

import numpy as np
import numpy.typing as npt

from graphrep._arrays import check_integers, check_rows, detached, to_numpy
from graphrep._checks import warn_caller

__all__ = [
    "NodeIndex",
    "UnknownNodeError",
    "aligned",
    "as_pairs",
    "lacks_rows",
    "names_of",
    "node_keys",
    "warn_of_default_index",
]

I64 = npt.NDArray[np.int64]

_SEARCHED = 200_000  # a search for similar names among more takes seconds


class UnknownNodeError(KeyError):
    """No node has this name; the message, made when it is read, suggests similar names.

    A loop that catches the error a million times does not pay for a million searches.
    """

    def __init__(self, node: Any, nodes: npt.NDArray[Any] | None) -> None:
        super().__init__(node)
        self._nodes = nodes

    def __reduce__(self) -> tuple[Any, ...]:
        return KeyError, (str(self),)

    def __str__(self) -> str:
        node, nodes = self.args[0], self._nodes
        if nodes is None or not len(nodes):
            return f"there is no node {node!r}; the nodes are the row numbers of the graph."
        if isinstance(node, str) and nodes.dtype.kind == "i":
            return f"there is no node {node!r}; the nodes are integers."
        alike: list[str] = []
        if isinstance(node, str) and len(nodes) <= _SEARCHED:
            names = [name for name in nodes.tolist() if isinstance(name, str)]
            sided = [name for name in names if name.endswith(f":{node}")]  # the two sides of a bipartite graph
            alike = sided[:3] or difflib.get_close_matches(node, names, n=3)
        elif nodes.dtype == object and str(node) in set(nodes.tolist()):
            return f"there is no node {node!r}, but there is {str(node)!r}, a string."
        hint = f"; did you mean {' or '.join(alike)}?" if alike else "."
        return f"there is no node {node!r}{hint}"


class NodeIndex:
    """Row numbers by node name; without names, the row numbers are the names.

    Parameters
    ----------
    names : int64 or object array of shape (num_nodes,), or None
    num_nodes : int
    """

    __slots__ = ("_order", "_rows", "names", "num_nodes")

    def __init__(self, names: npt.NDArray[Any] | None, num_nodes: int) -> None:
        self.names, self.num_nodes = names, num_nodes
        self._rows: dict[Hashable, int] | None = None
        self._order: I64 | None = None

    def get(self, name: Any) -> int | None:
        """Row of a name, or None if there is no such node."""
        if isinstance(name, (bool, np.bool_)) and (self.names is None or self.names.dtype.kind == "i"):
            return None  # True is no name for node 1
        if self.names is None:
            return int(name) if isinstance(name, (int, np.integer)) and 0 <= int(name) < self.num_nodes else None
        if self._rows is None:
            self._rows = {one: i for i, one in enumerate(self.names.tolist())}
        return self._rows.get(name)

    def row(self, name: Hashable) -> int:
        """Row of a name; raises KeyError if there is no such node."""
        row = self.get(name)
        if row is None:
            raise UnknownNodeError(name, self.names)
        return row

    def rows(self, names: Any) -> I64:
        """Rows of many names, int64; raises KeyError for the first unknown one."""
        if isinstance(names, str):  # or its characters would be taken for names
            raise TypeError(f"give a list of names, [{names!r}], not the string.")
        rows = self.find(names)
        if len(rows) and rows.min() < 0:
            values = names.tolist() if isinstance(names, np.ndarray) else list(names)
            raise UnknownNodeError(values[int(np.argmax(rows < 0))], self.names)
        return rows

    def find(self, names: Any) -> I64:
        """Rows of many names, int64, -1 for unknown ones."""
        if not isinstance(names, np.ndarray):
            names = list(names)
        integers = self._integers()
        array = np.asarray(names) if integers is not None and _of_integers(names) else None
        if array is not None and array.dtype.kind in "iu" and array.ndim == 1:
            if self.names is None:
                return np.where((array >= 0) & (array < self.num_nodes), array, -1).astype(np.int64)
            if self._order is None:
                self._order = np.argsort(integers, kind="stable")
            at = np.searchsorted(integers, array, sorter=self._order)
            rows = self._order[np.minimum(at, self.num_nodes - 1)] if self.num_nodes else np.zeros(0, np.int64)
            return np.where(integers[rows] == array, rows, -1) if self.num_nodes else np.full(len(array), -1)
        found = map(self.get, names.tolist() if isinstance(names, np.ndarray) else names)
        return np.fromiter((-1 if row is None else row for row in found), dtype=np.int64, count=len(names))

    def _integers(self) -> Any:
        if self.names is None:
            return np.arange(0)
        return self.names if self.names.dtype.kind == "i" else None


def _of_integers(names: Any) -> bool:
    if isinstance(names, np.ndarray):
        return names.dtype.kind in "iu"
    return all(isinstance(name, (int, np.integer)) and not isinstance(name, bool) for name in names)


def node_keys(names: npt.NDArray[Any] | None) -> npt.NDArray[np.uint64] | None:
    """Keys of the random numbers of each node, a function of its name; None stands for the row numbers.

    An integer is its own key, so that a node keeps its key where names 0 … n - 1 are dropped. Any other name is hashed;
    a name whose ``repr`` holds a memory address differs from process to process.
    """
    if names is None:
        return None
    if names.dtype.kind == "i":
        return np.asarray(names.astype(np.int64, copy=False).view(np.uint64))
    return np.fromiter((_key(name) for name in names.tolist()), dtype=np.uint64, count=len(names))


def _key(name: Any) -> int:
    if isinstance(name, (int, np.integer)) and not isinstance(name, bool):
        return int(name) % 2**64
    text = name if isinstance(name, str) else f"{type(name).__name__}:{name!r}"
    return int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")


def names_of(value: Any) -> npt.NDArray[Any] | None:
    """Names that a value carries: those of NodeVectors, or the index of a pandas object; None if it has none.

    A pandas RangeIndex from 0 counts as no names.
    """
    if hasattr(value, "nodes") and hasattr(value, "vectors"):
        return np.asarray(value.nodes)
    if type(value).__module__.split(".")[0] != "pandas" or not hasattr(value, "index"):
        return None
    index = value.index
    if getattr(index, "start", None) == 0 and getattr(index, "step", None) == 1 and hasattr(index, "stop"):
        return None
    names: npt.NDArray[Any] = index.to_numpy()
    return names if names.dtype.kind == "i" else names.astype(object)


def warn_of_default_index(value: Any, names: Any, what: str) -> None:
    """Say that the rows of a pandas object have the order of the nodes, which have other names than its index."""
    if type(value).__module__.split(".")[0] != "pandas" or not hasattr(value, "index") or names is None:
        return
    if names.dtype.kind != "i" or not np.array_equal(names, np.arange(len(names))):
        warn_caller(
            f"{what} has the default index of pandas, which names no nodes, so that its rows are taken in the order of "
            f"the nodes; give it the names as its index, as set_index does, or {what}.to_numpy() to confirm."
        )


def lacks_rows(what: str) -> str:
    """What to give instead of labels or features that lack some of the nodes."""
    if what in ("y", "labels"):
        return "give a row for every name, NaN where there is no label, as .reindex(graph.nodes) does"
    return "give a row for every name"


def aligned(value: Any, index: NodeIndex | None, what: str) -> Any:
    """Return ``value`` with a row per node, in the order of ``index``; matched by name if it carries names.

    ``index=None`` stands for nodes of unknown names. Values without names are returned unchanged, except that a pandas
    object or NodeVectors becomes an array. Raises ValueError if a node has no row.
    """
    names = names_of(value)
    if names is None and type(value).__module__.split(".")[0] != "pandas":
        return value
    values = detached(getattr(value, "vectors", value))
    values = values if isinstance(values, np.ndarray) else values.to_numpy()
    if names is None:
        warn_of_default_index(value, None if index is None else index.names, what)
        return values
    if index is None:
        if np.array_equal(names, np.arange(len(names))):
            return values
        raise ValueError(f"{what}: there are names, but no graph to match them with; give a plain array.")
    own = NodeIndex(names, len(names))
    if len(set(names.tolist())) < len(names):
        raise ValueError(f"{what}: the names must be distinct.")
    wanted = np.arange(index.num_nodes) if index.names is None else index.names
    rows = own.find(wanted)
    missing = np.flatnonzero(rows < 0)
    if len(missing):
        first = wanted[missing[:1]].tolist()[0]
        raise ValueError(
            f"{what}: there is no row for {len(missing)} of the {index.num_nodes} nodes, the first of them {first!r}; "
            f"{lacks_rows(what)}, or a plain array with the rows in the order of graph.nodes."
        )
    return values if np.array_equal(rows, np.arange(len(values))) else values[rows]


def as_pairs(pairs: Any, graph: Any = None, *, name: str = "pairs") -> I64:
    """Pairs as contiguous int64 row numbers of shape (2, ...).

    Parameters
    ----------
    pairs : int array of shape (2, ...), or names
        Row numbers; or names of nodes as a list of tuples (u, v), as an array of strings of shape (num_pairs, 2), or as
        a table with two columns.
    graph : Graph, NodeIndex or int, optional
        Looks up the names, and bounds the row numbers; an integer is the number of rows.
    name : str
        Starts each message.

    Raises
    ------
    ValueError, TypeError, IndexError, KeyError
        Another shape, a dtype other than integer, a row number out of range, an unknown name.
    """
    index = getattr(graph, "node_index", graph)
    if isinstance(pairs, Iterator):
        pairs = list(pairs)
    if isinstance(pairs, (list, tuple)) and not pairs:
        return np.zeros((2, 0), dtype=np.int64)
    names = as_name_pairs(pairs)
    if names is not None:
        if not isinstance(index, NodeIndex):
            raise TypeError(f"{name} must be row numbers of shape (2, num_pairs) here, got names.")
        return np.ascontiguousarray(index.rows(names).reshape(-1, 2).T)
    ends = to_numpy(pairs)
    if ends.dtype.kind in "OUT" and isinstance(index, NodeIndex):
        raise ValueError(
            f"{name} of names must be a list of tuples (u, v), an array of shape (num_pairs, 2) or a table with two "
            f"columns, got shape {ends.shape}; of two lists of names, give list(zip(sources, targets))."
        )
    if ends.ndim < 2 or len(ends) != 2:
        hint = " (transpose it, or give a list of tuples)" if ends.ndim == 2 and ends.shape[1] == 2 else ""
        raise ValueError(f"{name} must have shape (2, num_pairs), got {ends.shape}{hint}.")
    check_integers(name, ends)
    ends = np.ascontiguousarray(ends, dtype=np.int64)
    if index is not None:
        check_rows(name, ends, index.num_nodes if isinstance(index, NodeIndex) else index)
    return ends


def as_name_pairs(pairs: Any) -> list[Hashable] | None:
    """Flat list u0, v0, u1, v1, … of pairs given by name; None for pairs of row numbers of shape (2, num_pairs).

    Names are a list of tuples (u, v), an array of strings of shape (num_pairs, 2), or a table with two columns.
    """
    if isinstance(pairs, list) and pairs and all(isinstance(pair, tuple) and len(pair) == 2 for pair in pairs):
        return [end for pair in pairs for end in pair]
    if hasattr(pairs, "columns") and hasattr(pairs, "shape"):
        if pairs.shape[1] != 2:
            raise ValueError(f"a table of pairs needs two columns, got {pairs.shape[1]}.")
        table = np.asarray(pairs.to_numpy())
    elif isinstance(pairs, (list, np.ndarray)):
        table = np.asarray(pairs) if not isinstance(pairs, list) or _holds_strings(pairs) else np.zeros(0)
        if table.ndim != 2 or table.shape[1] != 2 or table.dtype.kind not in "OUT":
            return None
    else:
        return None
    return [end for pair in table.tolist() for end in pair]


def _holds_strings(pairs: Iterable[Any]) -> bool:
    return all(isinstance(pair, (list, tuple)) and any(isinstance(end, str) for end in pair) for pair in pairs)
