"""Edges out of tables: pandas, polars, pyarrow, duckdb and whatever else narwhals reads, NumPy arrays with fields."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from graphrep._arrays import detached
from graphrep._checks import is_missing, warn_caller
from graphrep._convert import Asked, Parts, checked_weights, from_columns, from_matrix
from graphrep._numbering import Names, column_of
from graphrep._types import refuse_empty
from graphrep.io.columns import find_columns, known_ends, sides_differ

if TYPE_CHECKING:
    from collections.abc import Callable

_LARGEST = 2**53  # floats above it skip integers


def parts_of_table(obj: Any, asked: Asked) -> Parts:
    """Edges of a table: one row per edge, or a square pandas frame with the same names on both sides."""
    if type(obj).__module__.split(".")[0] == "pandas":
        matrix = _as_matrix(obj, asked)
        if matrix is not None:
            return matrix
        obj = _with_index(obj, asked)
    names, load = columns_of_table(obj)
    weight = asked.weight if asked.weights is None else asked.weights
    given = None if weight is None or isinstance(weight, (str, int)) else weight
    found = find_columns(
        names,
        source=asked.source,
        target=asked.target,
        weight=False if given is not None else weight,
        edge_type=asked.edge_type,
        numbers=names != 3 or str(load([2])[0].dtype) != "String",
    )
    kind = found.kind
    for i in found.present:
        if not isinstance(names, int) and names.count(names[i]) > 1:
            raise ValueError(f"the table has {names.count(names[i])} columns {names[i]!r}; rename them.")
    called = [str(i if isinstance(names, int) else names[i]) for i in found[:2]]
    if kind is not None:
        asked.kinds = kind_values(load([kind])[0])
    columns = load(found._replace(kind=None).present)
    ends = [ends_of(column, f"column {name!r} of the table") for column, name in zip(columns, called, strict=False)]
    length = len(ends[0].values if isinstance(ends[0], Names) else ends[0])
    if kind is None:
        asked.takes_kinds(asked.edge_type, length)
    if given is not None:
        weights = checked_weights(detached(given), length)
    elif found.weight is None:
        weights = None
    else:
        label = found.weight if isinstance(names, int) else names[found.weight]
        weights = weights_of(columns[2], length, f"column {label!r} of the table, the weights,")
    if asked.bipartite is None and not isinstance(names, int) and sides_differ(*called) and _overlap(*ends):
        warn_caller(
            f"the columns {called[0]!r} and {called[1]!r} of the table seem to name different things, but the same "
            "names occur in both and are taken for the same nodes; give bipartite=True to tell them apart, or "
            "bipartite=False to confirm."
        )
    labels = ("source", "target") if isinstance(names, int) else (called[0], called[1])
    return from_columns(ends[0], ends[1], weights, asked, labels)


def kind_values(column: Any) -> npt.NDArray[Any]:
    """A column of types: integers or strings."""
    values = column if isinstance(column, np.ndarray) else np.asarray(column.to_numpy())
    if values.dtype.kind in "iu":
        return values
    listed = values.tolist()
    missing = next((row for row, value in enumerate(listed) if is_missing(value)), None)
    if missing is not None:
        raise ValueError(f"the column of the types of edges has no value in row {missing}; drop such edges.")
    refuse_empty(listed, "the column of the types of edges")
    return np.array(listed, dtype=object)


def _overlap(*columns: npt.NDArray[Any] | Names) -> bool:
    """Whether a name occurs in both columns."""
    values = [column.values if isinstance(column, Names) else column for column in columns]
    source, target = (set(column if isinstance(column, list) else column.tolist()) for column in values)
    return not source.isdisjoint(target)


def columns_of_table(obj: Any) -> tuple[list[Any] | int, Callable[[list[int]], list[Any]]]:
    """Names of the columns, or their number if they have none, and a function that gives those asked for."""
    if isinstance(obj, np.ndarray):
        fields = list(obj.dtype.names or ())
        return fields, lambda wanted: [obj[fields[i]].ravel() for i in wanted]
    import narwhals as nw

    def series(native: Any) -> Any:
        return nw.from_native(native, series_only=True)

    module = type(obj).__module__.split(".")[0]
    if module == "pandas":
        labels = list(obj.columns)
        unnamed = labels == list(range(len(labels)))
        return len(labels) if unnamed else labels, lambda wanted: [series(obj.iloc[:, i]) for i in wanted]
    frame = nw.from_native(obj, pass_through=True)
    if module == "pyarrow" or not isinstance(frame, (nw.DataFrame, nw.LazyFrame)):
        table = _as_arrow(obj)
        return list(table.column_names), lambda wanted: [series(table.column(i)) for i in wanted]
    names = frame.collect_schema().names()

    def load(wanted: list[int]) -> list[Any]:
        chosen = [names[i] for i in wanted]
        few = frame.select(chosen)
        eager = few.collect() if isinstance(few, nw.LazyFrame) else few  # at once, so that the rows stay together
        return [eager[name] for name in chosen]

    return names, load


def _as_arrow(obj: Any) -> Any:
    """A pyarrow Table of whatever speaks Arrow's protocols."""
    if importlib.util.find_spec("pyarrow") is None:
        raise ImportError(f"a table of type {type(obj).__name__} needs pyarrow; pip install 'graphrep[io]'.")
    import pyarrow as pa

    try:
        if isinstance(obj, pa.RecordBatch):
            return pa.Table.from_batches([obj])
        if isinstance(obj, pa.Table):
            return obj
        if hasattr(obj, "__arrow_c_stream__"):
            return pa.table(obj)
        if hasattr(obj, "__dataframe__"):
            from pyarrow.interchange import from_dataframe

            return from_dataframe(obj)
    except (pa.ArrowException, NotImplementedError, ValueError) as error:
        raise TypeError(f"cannot read the table of type {type(obj).__name__}: {error}.") from None
    raise TypeError(
        f"cannot make a graph from {type(obj).__name__}; give a table of pandas, polars, pyarrow or duckdb, or a list "
        "of pairs."
    )


def _with_index(frame: Any, asked: Asked) -> Any:
    """A pandas frame whose index takes part as columns if it holds end points."""
    import pandas as pd

    index, columns = list(frame.index.names), list(frame.columns)
    if isinstance(frame.index, pd.MultiIndex):
        if None in index or set(index) & set(columns):
            raise ValueError("the levels of the index have no names of their own; give frame.reset_index().")
        return frame.reset_index()
    if index[0] is None or index[0] in columns:
        return frame
    wanted = any(name is not None and name == index[0] for name in (asked.source, asked.target))
    found = known_ends([index[0], *columns])
    if wanted or (asked.source is None and not known_ends(columns) and any(0 in pair for pair in found)):
        return frame.reset_index()
    return frame


def _as_matrix(frame: Any, asked: Asked) -> Parts | None:
    """A frame as an adjacency matrix if its rows and columns have the same names, or those of a cross table."""
    import pandas as pd

    rows, columns = frame.index, frame.columns
    if asked.source is not None or isinstance(rows, pd.MultiIndex) or isinstance(columns, pd.MultiIndex):
        return None
    cross = rows.name is not None and columns.name is not None
    unnamed = list(columns) == list(range(len(columns)))
    square = 0 < len(rows) == len(columns) and rows.is_unique and columns.is_unique
    same = square and set(rows.tolist()) == set(columns.tolist())
    if unnamed and not cross and not (same and not isinstance(rows, pd.RangeIndex)):
        if same and len(rows) > 3:
            raise ValueError(
                f"a DataFrame of shape {frame.shape} without names could be an adjacency matrix or a table of edges; "
                "give scipy.sparse.csr_array(frame) for a matrix, or name the columns of edges."
            )
        return None
    if not (same or cross) or not all(dtype.kind in "biufc" for dtype in frame.dtypes):
        return None
    if not same and not asked.bipartite:
        raise ValueError(
            f"the DataFrame is a cross table of {rows.name!r} by {columns.name!r} with different names of rows and "
            "columns; give bipartite=True if these are different nodes, or frame.stack().reset_index() as edges."
        )
    if same and not asked.bipartite:
        frame = frame.loc[:, rows]  # columns in the order of the rows
    values = frame.to_numpy()
    if values.dtype == object:
        values = values.astype(np.float64)
    missing = int(np.isnan(values).sum()) if values.dtype.kind == "f" else 0
    if missing:
        raise ValueError(
            f"the adjacency matrix has {missing} missing values; give frame.fillna(0) if these are no edges."
        )
    labels = tuple(str(axis.name) if cross else name for axis, name in ((rows, "row"), (columns, "column")))
    return from_matrix(values, asked, (rows.tolist(), frame.columns.tolist()), (labels[0], labels[1]))


def weights_of(column: Any, length: int, what: str) -> Any:
    import narwhals as nw

    if isinstance(column, nw.Series):
        if column.null_count():
            row = int(column.is_null().to_numpy().argmax())
            raise ValueError(f"{what} has no value in row {row}; drop such edges, or give weight=False.")
        if column.dtype == nw.Decimal:
            column = column.cast(nw.Float64)
        column = column.to_numpy()
    return checked_weights(column, length, what)


def ends_of(column: Any, what: str) -> npt.NDArray[Any] | Names:
    """A column of end points: integers as an array, names encoded."""
    import narwhals as nw

    if isinstance(column, np.ndarray):
        if column.dtype.kind in "iu":
            return column
        if column.dtype.kind == "f":
            return _whole(column, what)
        if column.dtype.kind in "OUT":
            return column_of(column.tolist(), what)
        raise TypeError(f"{what} holds {column.dtype}, which names no nodes; cast it to strings or integers.")
    missing = column.is_null()
    if missing.any():
        raise ValueError(
            f"{what} has no node in row {int(missing.to_numpy().argmax())} ({int(missing.sum())} such rows in all); "
            "drop the edges without one."
        )
    kind, native = column.dtype, column.to_native()
    pandas = column.implementation.is_pandas_like()
    if pandas and native.dtype == object:
        return column_of(native.tolist(), what)
    if kind in (nw.Categorical, nw.Enum):
        if pandas:
            plain = native.astype(native.cat.categories.dtype)
        elif column.implementation.is_pyarrow():
            plain = native.cast(native.type.value_type)
        else:
            return _strings(column.cast(nw.String), what)
        return ends_of(nw.from_native(plain, series_only=True), what)
    if kind.is_integer():
        ids = np.asarray(column.to_numpy())
        return ids if ids.dtype.kind in "iu" else column_of(column.to_list(), what)
    if kind.is_float():
        return _whole(np.asarray(column.to_numpy()), what)
    if kind == nw.Decimal:
        values = column.to_list()
        return column_of([int(value) if value == int(value) else value for value in values], what)
    if kind == nw.String:
        return _strings(column, what)
    if kind == nw.Object:
        return column_of(column.to_list(), what)
    raise TypeError(f"{what} holds {kind}, which names no nodes; give source= and target=, or cast it to strings.")


def _strings(column: Any, what: str) -> Names:
    if importlib.util.find_spec("pyarrow") is None:
        return Names(column.to_list(), what)
    import pyarrow as pa

    native = column.to_native()
    stored = getattr(native, "array", None)  # pandas may hold Arrow data already
    array = pa.array(stored) if hasattr(stored, "__arrow_array__") else column.to_arrow()
    if isinstance(array, pa.ChunkedArray):
        array = array.cast(pa.large_string()).combine_chunks()
    return Names(pa.concat_arrays(array.chunks) if isinstance(array, pa.ChunkedArray) else array, what)


def _whole(values: npt.NDArray[Any], what: str) -> npt.NDArray[np.int64]:
    """Floats that are whole numbers, as pandas makes of integers beside missing values."""
    bad = ~(np.abs(values) <= _LARGEST) | (values != np.floor(values))
    if bad.any():
        row = int(bad.argmax())
        raise TypeError(f"{what} holds {values[row]} in row {row}, which is no whole number that names a node.")
    return values.astype(np.int64)
