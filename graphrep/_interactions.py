"""Purchases and other bipartite graphs as a matrix of users by items, with the names of both."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from graphrep._names import NodeIndex
from graphrep.graph import Graph, as_graph

__all__ = ["Interactions", "aligned_interactions", "as_interactions"]


class Interactions(NamedTuple):
    """A float32 CSR matrix of users by items, columns ascending within a row; names are None for row numbers."""

    matrix: Any
    users: npt.NDArray[Any] | None = None
    items: npt.NDArray[Any] | None = None


def as_interactions(obj: Any, name: str = "graph") -> Interactions:
    """Read what ``as_graph(obj, bipartite=True)`` takes, and give each side the names that the caller uses.

    A table or a list of pairs keeps its names and their types. The nodes "customer:1" of a Graph are called 1, or "1"
    if not all names of the side are integers.
    """
    if isinstance(obj, Interactions):
        return obj
    if sp.issparse(obj) or (isinstance(obj, np.ndarray) and obj.ndim == 2 and obj.dtype.kind in "biuf"):
        matrix = sp.csr_array(obj, dtype=np.float32)
        matrix.sum_duplicates()
        matrix.eliminate_zeros()
        if not np.isfinite(matrix.data).all() or (matrix.data < 0).any():
            raise ValueError(f"{name} must hold finite weights that are not negative.")
        return Interactions(matrix)
    if isinstance(obj, Graph) and obj.bipartite_sides is None:
        raise ValueError(f"{name} must be a bipartite graph; make it by as_graph(purchases, bipartite=True).")
    graph = as_graph(obj, bipartite=True)
    sides = graph.bipartite_sides
    assert sides is not None
    users, items = np.flatnonzero(sides == 0), np.flatnonzero(sides == 1)
    adjacency = graph if not graph.directed else graph.to_undirected()
    matrix = sp.csr_array(adjacency.to_scipy()[users][:, items])
    matrix.sort_indices()
    if graph.node_index.names is None:
        return Interactions(matrix)
    kept = None if isinstance(obj, Graph) else obj
    own = [
        _own_names([str(one) for one in graph.nodes[rows].tolist()], kept, side)
        for side, rows in enumerate((users, items))
    ]
    return Interactions(matrix, own[0], own[1])


def _own_names(spelled: list[str], obj: Any, side: int) -> npt.NDArray[Any]:
    """Names without the label of their side, as integers where the caller's were."""
    labels = {one.partition(":")[0] for one in spelled if ":" in one}
    labeled = len(labels) == 1 and all(":" in one for one in spelled)
    label = labels.pop() if labeled else ""
    names = [one.partition(":")[2] for one in spelled] if labeled else spelled
    whole = all(
        one.removeprefix("-").isascii() and one.removeprefix("-").isdigit() and str(int(one)) == one for one in names
    )
    if whole and _of_integers(obj, label, side):
        return np.array([int(one) for one in names], dtype=np.int64)
    out = np.empty(len(names), dtype=object)
    out[:] = names
    return out


def _of_integers(obj: Any, label: str, side: int) -> bool:
    """Whether the caller's names of a side were integers, as far as one can see."""
    if isinstance(obj, list) and obj and isinstance(obj[0], tuple):
        return all(isinstance(one[side], (int, np.integer)) for one in obj)
    if hasattr(obj, "columns") and hasattr(obj, "__getitem__"):
        try:
            return np.asarray(obj[label]).dtype.kind in "iuf"
        except (KeyError, TypeError, ValueError):
            return True
    return True


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
        index = NodeIndex(theirs, size)
        wanted = at if own is None else own[at]
        rows = index.find(wanted)
        if len(rows) and rows.min() < 0:
            raise ValueError(
                f"{name} holds the {kind} {np.asarray(wanted)[rows < 0].tolist()[0]!r}, which train lacks."
            )
        ends.append(rows)
    return sp.csr_array((coo.data, (ends[0], ends[1])), shape=(height, width))
