"""Labels of nodes as callers give them, and which of them are missing."""

from __future__ import annotations

import math
import numbers
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from graphrep._arrays import to_numpy
from graphrep._checks import is_missing
from graphrep._convert import is_table
from graphrep._names import NodeIndex, aligned
from graphrep._tables import columns_of_table

__all__ = ["is_unlabeled", "node_labels", "of_mapping", "refuse_table"]


def is_unlabeled(labels: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Which entries of what :func:`node_labels` returns stand for no label."""
    if labels.dtype.kind == "O":
        return np.fromiter((label is None for label in labels.tolist()), dtype=bool, count=len(labels))
    return labels < 0 if labels.dtype.kind == "i" else np.zeros(len(labels), dtype=bool)


def node_labels(values: Any, index: NodeIndex | None, what: str) -> Any:
    """Labels in the order of the nodes: one per node, or the matrix of labels that was given.

    A mapping goes from names to labels, and nodes that it lacks have none; what else carries names is matched by them.
    Missing labels (None, NaN, NA) are -1 among integers and None among strings; floats that are whole are integers. A
    table of one column counts as one label per node.
    """
    if isinstance(values, Mapping) and not hasattr(values, "vectors"):
        listed = of_mapping(values, index, what)
        array = np.fromiter(listed, dtype=object, count=len(listed))
    elif sp.issparse(values):
        return values
    else:
        refuse_table(values, what)
        array = to_numpy(aligned(values, index, what))
        if array.ndim == 2 and array.shape[1] == 1 and hasattr(values, "columns"):
            array = array[:, 0]
    if array.ndim == 1 and array.dtype.kind == "f":
        known = ~np.isnan(array)
        if not (np.abs(array[known]) < 2**53).all() or (array[known] != np.floor(array[known])).any():
            return array
        return np.where(known, array, -1).astype(np.int64)
    if array.ndim != 1 or array.dtype.kind != "O":
        return array
    listed = [None if is_missing(value) else value for value in array.tolist()]
    some = [value for value in listed if value is not None]
    if some and all(isinstance(value, numbers.Integral) for value in some):
        return np.array([-1 if value is None else int(value) for value in listed], dtype=np.int64)
    if some and all(isinstance(value, numbers.Real) for value in some):
        return node_labels(np.array([math.nan if one is None else one for one in listed], dtype=float), None, what)
    if not all(isinstance(value, str) for value in some):
        listed = [None if value is None else str(value) for value in listed]
    return np.fromiter(listed, dtype=object, count=len(listed))


def refuse_table(values: Any, what: str) -> None:
    """ValueError for a table of names and labels, of which only one column can be the labels."""
    if not is_table(values):
        return
    columns, load = columns_of_table(values)
    if isinstance(columns, int) or len(columns) < 2 or load([0])[0].dtype.is_numeric():
        return
    raise ValueError(
        f"{what} is a table with the columns {', '.join(map(repr, columns))}; give one column, with the names as its "
        f"index, as {what}.set_index({columns[0]!r})[{columns[1]!r}] in pandas, or a dictionary from names to labels."
    )


def of_mapping(values: Mapping[Any, Any], index: NodeIndex | None, what: str) -> list[Any]:
    """Values in the order of the nodes, None for a node that is no key; keys that name no node are ignored."""
    if index is None:
        raise ValueError(f"{what}: there are names, but no graph to match them with; give a plain array.")
    rows = index.find(list(values))
    if len(rows) and (rows < 0).all():
        example = 0 if index.names is None else index.names[:1].tolist()[0]
        raise ValueError(f"{what} names none of the nodes: {next(iter(values))!r} is none, and {example!r} is one.")
    given: list[Any] = [None] * index.num_nodes
    for row, value in zip(rows.tolist(), values.values(), strict=True):
        if row >= 0:
            given[row] = value
    return given
