"""Which columns of a table, or arrays of a file, are the names and the vectors; and the names as they are kept."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from graphrep.io.formats import MalformedError, Names, Options


def chosen_columns(
    kinds: Mapping[Any, str], nodes: Hashable, vectors: Any, index: Hashable = None
) -> tuple[Any, list[Any]]:
    """Column of the names, or None, and columns of the vectors, which is one if it holds lists.

    ``kinds`` says of each column whether it holds a "float", a "list" or something else. Without being told, only
    ``node_id`` or the index of a data frame are names, and only ``embedding``, a single column of lists, or all other
    columns if they hold floats are vectors: an integer may as well be a label.
    """
    known = ", ".join(map(str, list(kinds)[:8])) + (", …" if len(kinds) > 8 else "")
    wanted = [] if vectors is None else list(vectors) if isinstance(vectors, (list, tuple)) else [vectors]
    for column in [*([] if nodes is None else [nodes]), *wanted]:
        if column not in kinds:
            raise MalformedError(f"it has no column named {column!r}; its columns are {known}.")
    if nodes is None:
        nodes = "node_id" if "node_id" in kinds else index
    if not wanted:
        others = [column for column in kinds if column != nodes]
        lists = [column for column in others if kinds[column] == "list"]
        if "embedding" in others:
            wanted = ["embedding"]
        elif len(lists) == 1:
            wanted = lists
        elif others and all(kinds[column] == "float" for column in others):
            wanted = others
        else:
            raise MalformedError(
                f"cannot tell which of its columns ({known}) are the names and the vectors; "
                'name them: nodes="...", vectors="..." or a list of columns.'
            )
    if nodes in wanted:
        raise MalformedError(f"column {nodes!r} cannot hold both the names and the vectors.")
    return nodes, wanted


def chosen_arrays(
    arrays: Mapping[str, npt.NDArray[Any]], options: Options, *, vectors: str, nodes: str, kind: str
) -> tuple[npt.NDArray[Any], Names | None]:
    """Vectors and names out of named arrays, under the names given by the caller or those that graphrep writes."""
    known = ", ".join(map(repr, arrays)) or "none"
    for option in (options.vectors or vectors, options.nodes):
        if option is not None and (not isinstance(option, str) or option not in arrays):
            raise MalformedError(
                f"it has no {kind} named {option!r}; it has {known}: name one with vectors= or nodes=."
            )
    matrix = arrays[options.vectors or vectors]  # type: ignore[index]
    key = options.nodes or (nodes if nodes in arrays else None)
    if key is not None:
        return matrix, kept_names(arrays[key], key)
    for name, array in arrays.items():
        if array.ndim == 1 and len(array) == len(matrix) and array.dtype.kind in "iuUS":
            raise MalformedError(f"its {kind} {name!r} may hold the names; say so with nodes={name!r}.")
    return matrix, None


def kept_names(array: npt.NDArray[Any], key: Any) -> Names:
    """Names out of an array: int64, or strings."""
    if array.ndim == 1 and array.dtype.kind in "iu" and not (array.dtype.kind == "u" and (array >> 63).any()):
        return array.astype(np.int64)
    if array.ndim == 1 and array.dtype.kind == "U":
        return [str(name) for name in array.tolist()]
    raise MalformedError(f"{key} must be a 1-d array of int64 or strings, got {array.dtype} of shape {array.shape}.")


def rows_of_lists(values: Sequence[Any]) -> npt.NDArray[np.float32]:
    """Matrix out of a column whose cells are lists or arrays of numbers."""
    width = None
    for row, value in enumerate(values):
        size = len(value) if hasattr(value, "__len__") and not isinstance(value, str) else None
        if size is None or size != (width := size if width is None else width):
            what = "no list of numbers" if size is None else f"{size} numbers, the rows above {width}"
            raise MalformedError(f"row {row} of its vectors holds {what}.")
    if not len(values):
        raise MalformedError("it holds no rows, so that the length of its vectors is unknown.")
    try:
        with np.errstate(over="ignore", invalid="ignore"):
            return np.array([np.asarray(value, dtype=np.float32) for value in values]).reshape(len(values), -1)
    except (TypeError, ValueError):
        raise MalformedError("its vectors hold something that is not a number.") from None
