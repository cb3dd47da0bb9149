"""Vectors and names out of data frames: pandas, pyarrow, polars and others that narwhals knows."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import numpy.typing as npt

from graphrep.io.formats import MalformedError
from graphrep.io.formats.columns import chosen_columns, kept_names, rows_of_lists


def is_frame(value: Any) -> bool:
    """Whether this is a data frame; no library is imported to find out."""
    if isinstance(value, (np.ndarray, list, tuple)):
        return False
    pandas, pyarrow = sys.modules.get("pandas"), sys.modules.get("pyarrow")
    if pandas is not None and isinstance(value, pandas.DataFrame):
        return True
    if pyarrow is not None and isinstance(value, pyarrow.Table):
        return True
    return any(name in sys.modules for name in ("polars", "modin", "cudf", "duckdb")) and _narwhals(value) is not None


def frame_vectors(frame: Any, nodes: Any, vectors: Any) -> tuple[npt.NDArray[Any], Any]:
    """Matrix and names of a data frame; names are None where it has none. ValueError says what is wrong with it."""
    pandas, pyarrow = sys.modules.get("pandas"), sys.modules.get("pyarrow")
    try:
        if pandas is not None and isinstance(frame, pandas.DataFrame):
            return _from_pandas(frame, nodes, vectors)
        if pyarrow is not None and isinstance(frame, pyarrow.Table):
            from graphrep.io.formats.parquet import arrow_kinds, arrow_names, arrow_vectors

            node, columns = chosen_columns(arrow_kinds(frame.schema), nodes, vectors)
            return arrow_vectors(frame, columns), None if node is None else arrow_names(frame, node)
        return _from_narwhals(frame, nodes, vectors)
    except MalformedError as error:
        raise ValueError(f"the data frame cannot be read: {error}") from None


def _from_pandas(frame: Any, nodes: Any, vectors: Any) -> tuple[npt.NDArray[Any], Any]:
    if not frame.columns.is_unique:
        raise MalformedError("two of its columns have the same name.")
    kinds = {
        column: "float" if getattr(dtype, "kind", "O") == "f" else "list" if _holds_lists(frame[column]) else "other"
        for column, dtype in frame.dtypes.items()
    }
    if nodes is None and vectors is None and all(getattr(dtype, "kind", "O") in "biu" for dtype in frame.dtypes):
        node, columns = None, list(frame.columns)  # a matrix of integers; beside floats they may be labels
    else:
        node, columns = chosen_columns(kinds, nodes, vectors)
    names = None
    if node is not None:
        names = frame[node].tolist()
    elif not (type(frame.index).__name__ == "RangeIndex" and frame.index.start == 0 and frame.index.step == 1):
        names = frame.index.tolist()
    if len(columns) == 1 and kinds[columns[0]] == "list":
        return rows_of_lists(frame[columns[0]].tolist()), names
    for column in columns:
        if getattr(frame[column].dtype, "kind", "O") not in "biuf":
            raise MalformedError(f"column {column} must hold numbers, got {frame[column].dtype}.")
    return frame[columns].to_numpy(dtype=np.float64, na_value=np.nan), names


def _holds_lists(column: Any) -> bool:
    return len(column) > 0 and isinstance(column.iloc[0], (list, tuple, np.ndarray))


def _from_narwhals(frame: Any, nodes: Any, vectors: Any) -> tuple[npt.NDArray[Any], Any]:
    table = _narwhals(frame)
    if table is None:
        raise TypeError(f"frame must be a data frame, got {type(frame).__name__}.")
    kinds = {
        name: "float" if dtype.is_float() else "list" if str(dtype).startswith(("List", "Array")) else "other"
        for name, dtype in table.schema.items()
    }
    node, columns = chosen_columns(kinds, nodes, vectors)
    names = None
    if node is not None:
        series = table[node]
        if series.is_null().any():
            raise MalformedError(f"{node} holds nulls.")
        names = kept_names(series.to_numpy(), node) if series.dtype.is_integer() else series.to_list()
    if len(columns) == 1 and kinds[columns[0]] == "list":
        return rows_of_lists(table[columns[0]].to_list()), names
    matrix = np.empty((len(table), len(columns)))
    for i, column in enumerate(columns):
        if not table.schema[column].is_numeric():
            raise MalformedError(f"column {column} must hold numbers, got {table.schema[column]}.")
        if table[column].is_null().any():
            raise MalformedError(f"column {column} holds nulls.")
        matrix[:, i] = table[column].to_numpy()
    return matrix, names


def _narwhals(value: Any) -> Any:
    """Data frame in memory behind narwhals, or None if it is none."""
    try:
        import narwhals as nw
    except ImportError:
        return None
    table = nw.from_native(value, pass_through=True)
    if isinstance(table, nw.LazyFrame):
        return table.collect()
    return table if isinstance(table, nw.DataFrame) else None
