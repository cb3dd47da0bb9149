"""Purchases and other bipartite graphs as a matrix of users by items, with the names of both."""

from __future__ import annotations

import os
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from graphrep._arrays import detached
from graphrep._checks import warn_caller
from graphrep._convert import Asked, Parts, is_edge_list, is_table, parts_of, parts_of_file, torch_matrix
from graphrep._names import NodeIndex
from graphrep._numbering import name_array
from graphrep._tables import columns_of_table
from graphrep._types import Relation
from graphrep.graph import Graph

__all__ = ["Interactions", "aligned_interactions", "as_interactions", "binary_interactions", "warn_of_ratings"]

_RATINGS = ("rating", "ratings", "stars", "count", "counts", "plays", "quantity")


class Interactions(NamedTuple):
    """Who has what: a matrix of users by items, and the names of both.

    Attributes
    ----------
    matrix : float32 CSR matrix of shape (num_users, num_items)
        Columns ascending within a row, no zeros.
    users, items : array of names, or None for row and column numbers
    weighted : bool
        Whether the input had weights; entries that are listed more than once do not count as such.
    """

    matrix: Any
    users: npt.NDArray[Any] | None = None
    items: npt.NDArray[Any] | None = None
    weighted: bool = False


def as_interactions(obj: Any, name: str = "graph", **options: Any) -> Interactions:
    """Read users and items from what ``as_graph(obj, bipartite=True)`` takes; weights of repeated entries are added.

    Users are the first side: sources, rows of a matrix, nodes with ``bipartite=0``. A table, a file or a list of pairs
    gives its names with their types, where names in a file that are all integers are integers; a matrix has row and
    column numbers; a Graph and a networkx graph keep the names of their nodes, a Relation the row numbers of its graph.
    ``options`` are those of ``as_graph`` that choose columns and read text files.
    """
    if isinstance(obj, Interactions):
        return obj
    if isinstance(obj, (list, tuple)) and not len(obj):
        return Interactions(sp.csr_array((0, 0), dtype=np.float32))
    if isinstance(obj, (list, tuple)) and not is_edge_list(obj):
        try:
            obj = np.asarray(obj)
        except ValueError:
            raise ValueError(f"{name} must be a matrix, got rows of different lengths.") from None
    if str(getattr(obj, "layout", "")).startswith("torch.sparse"):
        obj = torch_matrix(obj)
    elif hasattr(obj, "detach"):
        obj = detached(obj)
    if isinstance(obj, np.ndarray) and obj.dtype == object and not is_edge_list(obj.tolist()):
        obj = obj.astype(np.float64)  # of Python numbers
    if sp.issparse(obj) or (isinstance(obj, np.ndarray) and obj.dtype.kind in "biufc"):
        return _of_matrix(obj, name)
    if isinstance(obj, Relation):
        return _of_relation(obj)
    if isinstance(obj, Graph):
        if obj.bipartite_sides is None:
            raise ValueError(
                f"{name} must have users and items as two sides; give the table or pairs it was made of, "
                "as_graph(purchases, bipartite=True), or graph.relation(type) of a graph with types."
            )
        return _of_graph(obj, name)
    asked = Asked(bipartite=True, **{key: options.pop(key, None) for key in ("source", "target", "weight")})
    if isinstance(obj, (str, os.PathLike)):
        parts = parts_of_file(obj, asked, options)
    else:
        if not (isinstance(obj, (list, tuple)) or hasattr(obj, "__iter__") or hasattr(obj, "adj") or is_table(obj)):
            raise TypeError(f"{name} must be a table, pairs of users and items, or a matrix, got {type(obj).__name__}.")
        obj = obj if isinstance(obj, (list, tuple)) or hasattr(type(obj), "__len__") or is_table(obj) else list(obj)
        parts = parts_of(obj, asked)
    if asked.kinds is not None:
        raise ValueError(f"{name} has types of edges; give one of them, as_graph({name}).relation(type).")
    return _of_parts(parts, obj, name)


def warn_of_ratings(obj: Any, method: str) -> None:
    """Name a column of a table that looks like weights and is not read."""
    names = columns_of_table(obj)[0] if is_table(obj) else 0
    unread = [] if isinstance(names, int) else [name for name in names if str(name).casefold() in _RATINGS]
    if unread:
        warn_caller(
            f"{method} does not read the column {unread[0]!r}: only a column called weight holds weights, which are "
            "confidence; rename it to weight, or drop it."
        )


def binary_interactions(found: Interactions, method: str) -> Any:
    """Who has what, as ones; warns that other weights are not used."""
    if found.weighted and found.matrix.nnz and np.ptp(found.matrix.data) > 0:
        warn_caller(
            f"{method} asks only whether a user has an item, and ignores the weights of graph; give the table without "
            "the column to confirm, or use ALS, for which they are confidence."
        )
    matrix = found.matrix.copy()
    matrix.data = np.ones_like(matrix.data)
    return matrix


def _of_matrix(obj: Any, name: str) -> Interactions:
    if obj.ndim != 2:
        raise ValueError(f"{name} must be a matrix of users by items, got shape {obj.shape}; reshape your data.")
    ends = not sp.issparse(obj) and obj.dtype.kind in "iu" and 2 in obj.shape and obj.max(initial=0) > 1
    if ends:
        raise ValueError(
            f"{name} of shape {obj.shape} could be a matrix of users by items, or end points; give "
            "scipy.sparse.csr_array(matrix), or a list of pairs (user, item)."
        )
    obj = sp.coo_array(obj) if sp.issparse(obj) else obj
    values = obj.data if sp.issparse(obj) else obj
    if values.dtype.kind == "c":
        raise ValueError(f"Complex data not supported: {name} must hold real weights.")
    if not np.isfinite(values).all() or (values < 0).any():
        raise ValueError(
            f"{name} must hold finite weights that are not negative, got NaN, inf or Negative values in data."
        )
    matrix = sp.csr_array(obj, dtype=np.float32)
    matrix.sum_duplicates()
    matrix.eliminate_zeros()
    if not np.isfinite(matrix.data).all():
        raise ValueError(f"{name} must hold weights that fit into float32.")
    return Interactions(matrix, weighted=bool((matrix.data != 1).any()))


def _of_relation(relation: Any) -> Interactions:
    matrix = sp.csr_array(relation.to_scipy(), dtype=np.float32)
    matrix.sum_duplicates()
    return Interactions(matrix, relation.sources, relation.targets, relation.weights is not None)


def _of_graph(graph: Graph, name: str) -> Interactions:
    sides = graph.bipartite_sides
    assert sides is not None
    users, items = np.flatnonzero(sides == 0), np.flatnonzero(sides == 1)
    adjacency = (graph.to_undirected() if graph.directed else graph).to_scipy()
    matrix = sp.csr_array(adjacency[users][:, items])
    _check_sides(2 * matrix.nnz, adjacency.nnz, name)
    matrix.sort_indices()
    return Interactions(matrix.astype(np.float32), graph.nodes[users], graph.nodes[items], graph.weights is not None)


def _of_parts(parts: Parts, obj: Any, name: str) -> Interactions:
    sides = parts.sides
    assert sides is not None
    rank = np.where(sides == 0, np.cumsum(sides == 0), np.cumsum(sides == 1)) - 1
    forward = sides[parts.source] == 0
    users, items = np.where(forward, (parts.source, parts.target), (parts.target, parts.source))
    _check_sides(int(np.count_nonzero((sides[users] == 0) & (sides[items] == 1))), len(users), name)
    weights = np.ones(len(users), np.float32) if parts.weights is None else parts.weights
    shape = (int(np.count_nonzero(sides == 0)), int(np.count_nonzero(sides == 1)))
    matrix = sp.csr_array((weights, (rank[users], rank[items])), shape=shape)
    matrix.sum_duplicates()
    if parts.nodes is None:  # of a matrix
        return Interactions(matrix, weighted=parts.weights is not None)
    nodes = np.asarray(parts.nodes, dtype=parts.nodes.dtype)
    own = [nodes[sides == side] for side in (0, 1)]
    if parts.labels is not None:
        own = [_own_names(names.tolist(), parts.labels[side], obj, side) for side, names in enumerate(own)]
    return Interactions(matrix, own[0], own[1], parts.weights is not None)


def _check_sides(across: int, arcs: int, name: str) -> None:
    if across != arcs:
        raise ValueError(f"{name} must link users to items, but it has edges between two nodes of the same side.")


def _own_names(labeled: list[str], label: str, obj: Any, side: int) -> npt.NDArray[Any]:
    """Names of a side as the caller gave them, without the label that ``as_graph`` puts before them."""
    names: list[Any] = [one[len(label) + 1 :] for one in labeled]
    if isinstance(obj, (list, tuple)) and obj and isinstance(obj[0], tuple):
        given = {str(row[side]): row[side] for row in obj}
        names = [given[one] for one in names]
    elif _are_integers(names, label, obj):
        names = list(map(int, names))
    own = name_array(names)
    return np.arange(len(names)) if own is None else own  # None stands for a matrix


def _are_integers(names: list[str], label: str, obj: Any) -> bool:
    """Whether the caller's names of a side are integers: by the column of a table, else by how they are spelled."""
    if any(not (one.removeprefix("-").isascii() and one.removeprefix("-").isdigit()) for one in names):
        return False
    if is_table(obj):
        try:
            return np.asarray(obj[label]).dtype.kind in "iuf"
        except (KeyError, TypeError, ValueError, IndexError):  # the names come from the index
            pass
        if hasattr(obj, "iloc") and label in ("source", "target"):  # of a frame without names of columns
            return bool(obj.dtypes.iloc[label == "target"].kind in "iuf")
    return all(str(int(one)) == one and abs(int(one)) < 2**63 for one in names)


def aligned_interactions(obj: Any, train: Interactions, name: str) -> Any:
    """Matrix of other interactions in the rows and columns of ``train``; ValueError for a user or item it lacks."""
    other = as_interactions(obj, name)
    height, width = train.matrix.shape
    coo = other.matrix.tocoo()
    ends = []
    for kind, own, theirs, at, size in (
        ("user", other.users, train.users, coo.row, height),
        ("item", other.items, train.items, coo.col, width),
    ):
        if own is None and theirs is not None:
            if other.matrix.shape != train.matrix.shape:
                raise ValueError(f"{name} must have the shape {train.matrix.shape} of train, got {other.matrix.shape}.")
            ends.append(at)
            continue
        index = NodeIndex(theirs, size)
        wanted = at if own is None else own[at]
        rows = index.find(wanted)
        if len(rows) and rows.min() < 0:
            unknown = np.asarray(wanted)[rows < 0].tolist()
            raise ValueError(
                f"{name} holds the {kind} {unknown[0]!r}, which train lacks; drop the {len(unknown)} entries of such "
                f"{kind}s, which no model knows."
            )
        ends.append(rows)
    return sp.csr_array((coo.data, (ends[0], ends[1])), shape=(height, width))
