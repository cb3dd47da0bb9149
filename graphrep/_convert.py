"""Edges and node tables of other libraries' objects: networkx, SciPy, PyG, DataFrames, arrays, files."""

from __future__ import annotations

import numbers
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from graphrep._arrays import detached, to_numpy
from graphrep._checks import checked_int

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable


@dataclass
class Parts:
    """Edges and node table of an object, before they become a CSR.

    ``nodes`` is an array of distinct names, or None if the names are the row numbers. ``directed=None`` means that the
    edges decide.
    """

    source: npt.NDArray[np.integer[Any]]
    target: npt.NDArray[np.integer[Any]]
    weights: npt.NDArray[np.float32] | None
    num_nodes: int
    nodes: npt.NDArray[Any] | None = None
    directed: bool | None = None
    x: Any = None
    y: Any = None

    def drop_zeros(self) -> Parts:
        """Drop edges of weight zero, and weights that are all 1."""
        if self.weights is not None and not self.weights.all():
            keep = self.weights != 0
            self.source, self.target, self.weights = self.source[keep], self.target[keep], self.weights[keep]
        if self.weights is not None and bool((self.weights == 1).all()):
            self.weights = None
        return self


def parts_of(obj: Any, num_nodes: int | None, weights: Any) -> Parts:
    """Edges of anything graph-like except a path or a Graph."""
    kind = type(obj).__module__.split(".")[0]
    if sp.issparse(obj):
        return _from_scipy(obj, num_nodes, weights)
    if hasattr(obj, "is_directed") and hasattr(obj, "adj") and hasattr(obj, "nodes"):
        return _from_networkx(obj, num_nodes, weights)
    if hasattr(obj, "edge_index"):
        return _from_pyg(obj, num_nodes, weights)
    if kind == "pandas" and hasattr(obj, "iloc"):
        return _from_frame(obj, num_nodes, weights)
    if hasattr(obj, "sparse_size") and num_nodes is None:  # PyG EdgeIndex
        sizes = [size for size in obj.sparse_size() if size is not None]
        num_nodes = max(sizes) if sizes else None
    if kind in ("torch", "torch_geometric") or isinstance(obj, (np.ndarray, list, tuple)):
        return _from_array(obj, num_nodes, weights)
    raise TypeError(
        f"cannot make a graph from {type(obj).__name__}; give a Graph, a networkx graph, a scipy.sparse matrix, "
        "PyG Data, a (2, num_edges) array or tensor, a DataFrame, or a path."
    )


def parts_of_file(path: str | os.PathLike[str], num_nodes: int | None, weights: Any, options: dict[str, Any]) -> Parts:
    """Edges of a text file; ``options`` go to ``read_edges``."""
    from graphrep.io import read_edges

    if weights is not None and weights is not False:
        raise TypeError("weights of a file are a column of it; give weight= its name or position, or weight=False.")
    if weights is False:
        options = {"weight": False} | options
    table = read_edges(path, num_nodes=num_nodes, **options)
    if table.sides is not None:
        raise ValueError("bipartite=True names nodes of both sides alike, which a graph cannot; use read_edges.")
    n, nodes = len(table.nodes), table.nodes
    rows = n == 0 or (nodes.dtype == np.int64 and nodes[0] == 0 and nodes[-1] == n - 1)  # ids are ascending
    parts = Parts(table.source, table.target, table.weights, n, None if rows else nodes, directed=False)
    return parts.drop_zeros()


def _from_scipy(matrix: Any, num_nodes: int | None, weights: Any) -> Parts:
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise ValueError(f"an adjacency matrix must be square, got shape {matrix.shape}.")
    n = int(matrix.shape[0])
    if num_nodes not in (None, n):
        raise ValueError(f"num_nodes is {num_nodes}, but the matrix has {n} rows.")
    if weights is not None and weights is not False:
        raise TypeError("weights of a scipy.sparse matrix are its entries; give weights=None or False.")
    coo = matrix.tocoo()
    row, col = coo.coords if hasattr(coo, "coords") else (coo.row, coo.col)
    parts = Parts(row, col, checked_weights(coo.data, len(coo.data), what="the matrix"), n).drop_zeros()
    if weights is False:
        parts.weights = None
    return parts


def _from_networkx(graph: Any, num_nodes: int | None, weights: Any) -> Parts:
    names = list(graph.nodes)
    n = len(names)
    if num_nodes not in (None, n):
        raise ValueError(f"num_nodes is {num_nodes}, but the networkx graph has {n} nodes.")
    attribute = "weight" if weights is None or weights is False else weights
    if not isinstance(attribute, str):
        raise TypeError(
            "weights of a networkx graph must be the name of an edge attribute, False or None; "
            f"got {type(attribute).__name__}."
        )
    rows = {name: i for i, name in enumerate(names)}
    edges = list(graph.edges(data=attribute))
    source, target = (np.fromiter((rows[edge[end]] for edge in edges), dtype=np.int64) for end in (0, 1))
    values = [edge[2] for edge in edges]
    missing = sum(value is None for value in values)
    w = None
    if weights is not False and missing < len(values):
        if missing:
            raise ValueError(
                f"{missing} of {len(values)} edges have no attribute {attribute!r}; set it, or give weights=False."
            )
        w = checked_weights(values, len(values), what=f"edge attribute {attribute!r}")
    elif isinstance(weights, str) and values:
        raise ValueError(f"no edge has an attribute {attribute!r}.")
    return Parts(source, target, w, n, _name_array(names), bool(graph.is_directed())).drop_zeros()


def _from_pyg(data: Any, num_nodes: int | None, weights: Any) -> Parts:
    if data.edge_index is None:
        raise ValueError("the PyG data has no edge_index.")
    if num_nodes is None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # PyG warns when it infers the number of nodes, as this function does
            num_nodes = getattr(data, "num_nodes", None)
    values = weights
    if weights is None or isinstance(weights, str):
        values = getattr(data, weights or "edge_weight", None)
        if weights is not None and values is None:
            raise ValueError(f"the PyG data has no attribute {weights!r}.")
    parts = _from_array(data.edge_index, num_nodes, values)
    parts.x = detached(getattr(data, "x", None))
    parts.y = detached(getattr(data, "y", None))
    return parts


def _from_frame(frame: Any, num_nodes: int | None, weights: Any) -> Parts:
    if frame.shape[1] < 2:
        raise ValueError(f"a DataFrame of edges needs two columns, got {frame.shape[1]}.")
    if weights is None and frame.shape[1] > 2:
        weights = frame.iloc[:, 2].to_numpy()
    ends = [frame.iloc[:, i].to_numpy() for i in (0, 1)]
    if any(end.dtype == object for end in ends):  # np.stack would convert integers beside strings
        ends = [end.astype(object) for end in ends]
    return _from_array(np.stack(ends), num_nodes, weights)


def _from_array(ends: Any, num_nodes: int | None, weights: Any) -> Parts:
    if isinstance(weights, str):
        raise TypeError("weights of an array of end points must be an array, not a name.")
    pairs = edge_array(ends, names_allowed=True)
    names = None
    if pairs.dtype == object:
        if num_nodes is not None:
            raise TypeError("num_nodes cannot be given with named end points.")
        pairs, names = _numbered(pairs)
        num_nodes = len(names)
    elif num_nodes is None:
        num_nodes = max(int(pairs.max()) + 1, 0) if pairs.size else 0
    num_nodes = checked_int("num_nodes", num_nodes, 0)
    w = None if weights is False else checked_weights(detached(weights), pairs.shape[1])
    return Parts(pairs[0], pairs[1], w, num_nodes, names).drop_zeros()


def _numbered(pairs: npt.NDArray[Any]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.object_]]:
    """Number names by first appearance, edge by edge, source before target, as ``read_edges`` does."""
    number: dict[str, int] = {}
    flat = np.fromiter((number.setdefault(name, len(number)) for name in pairs.T.ravel().tolist()), dtype=np.int64)
    return flat.reshape(-1, 2).T, np.fromiter(number, dtype=object, count=len(number))


def edge_array(ends: Any, *, names_allowed: bool = False) -> npt.NDArray[Any]:
    """End points as an array of shape (2, num_edges): int32, int64, or object for strings if these are allowed."""
    try:
        pairs = to_numpy(ends)
    except ValueError:
        raise ValueError("edges must have shape (2, num_edges), got rows of different lengths.") from None
    if pairs.ndim != 2 or pairs.shape[0] != 2:
        if pairs.size == 0:
            return np.zeros((2, 0), dtype=np.int64)
        hint = " (transpose it?)" if pairs.ndim == 2 and pairs.shape[1] == 2 else ""
        raise ValueError(f"edges must have shape (2, num_edges), got {pairs.shape}{hint}.")
    if pairs.size == 0:
        return np.zeros((2, 0), dtype=np.int64)
    if pairs.dtype.kind in "OUT":
        pairs = _names_or_integers(pairs)
    if pairs.dtype == object and not names_allowed:
        raise TypeError("edges must hold row numbers, got strings.")
    if pairs.dtype != object and pairs.dtype.kind not in "iu":
        raise TypeError(f"edges must hold integers or strings, got dtype {pairs.dtype}.")
    return pairs if pairs.dtype in (np.int32, np.int64, object) else pairs.astype(np.int64)


def _names_or_integers(pairs: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Integers if all values are integers, else strings, as in a file."""
    pairs = pairs.astype(object)
    flat = pairs.ravel().tolist()
    if _all_integers(flat):
        return pairs.astype(np.int64)
    for value in flat:
        if not isinstance(value, str) and not _all_integers([value]):
            raise TypeError(f"edges must hold integers or strings, got {value!r}.")
    return np.array([str(value) for value in flat], dtype=object).reshape(pairs.shape)


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
    with np.errstate(over="ignore"):
        values = values.astype(np.float32)
    bad = np.flatnonzero(~(np.isfinite(values) & (values >= 0)))
    if len(bad):
        raise ValueError(f"{what} must be finite and not negative; entry {bad[0]} is {values[bad[0]]}.")
    return values


def checked_nodes(nodes: Any, num_nodes: int) -> npt.NDArray[Any] | None:
    """Names as an array, distinct, one per node; None if they are the row numbers."""
    if nodes is None:
        return None
    nodes = detached(nodes)
    if len(nodes) != num_nodes:
        raise ValueError(f"nodes must name each of the {num_nodes} nodes once, got {len(nodes)} names.")
    names = _name_array(nodes)
    if names is None:
        return None
    try:
        distinct = len(set(names.tolist()))
    except TypeError as error:
        raise TypeError(f"nodes must be hashable: {error}.") from None
    if distinct != num_nodes:
        raise ValueError(f"nodes must be distinct, but only {distinct} of the {num_nodes} names are.")
    return names


def _name_array(names: Any) -> npt.NDArray[Any] | None:
    """Integers as int64, or None if they equal the row numbers; other names as objects."""
    values = names.tolist() if isinstance(names, np.ndarray) else list(names)
    if _all_integers(values):
        try:
            ids = np.array(values, dtype=np.int64)
        except OverflowError:
            pass
        else:
            return None if np.array_equal(ids, np.arange(len(ids))) else ids
    return np.fromiter(values, dtype=object, count=len(values))  # np.array would unpack tuples


def _all_integers(values: Iterable[Any]) -> bool:
    return all(issubclass(kind, numbers.Integral) and not issubclass(kind, bool) for kind in set(map(type, values)))


def checked_rows(name: str, value: Any, num_nodes: int) -> Any:
    """Features or labels with one row per node; arrays and matrices unchanged, tensors and lists as arrays."""
    if value is None:
        return None
    value = detached(value)
    value = value if hasattr(value, "shape") else np.asarray(value)
    rows = value.shape[0] if value.ndim else 0
    if rows != num_nodes:
        raise ValueError(f"{name} must have one row per node ({num_nodes}), got {rows}.")
    return value


def frozen(array: Any) -> Any:
    """Return a contiguous, read-only view of an array; None stays None."""
    if array is None:
        return None
    array = np.ascontiguousarray(array)
    if array.flags.writeable:
        array = array.view()
        array.flags.writeable = False
    return array
