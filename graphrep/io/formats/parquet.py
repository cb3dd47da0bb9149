"""Parquet: columns ``node_id`` (int64 or string) and ``embedding`` (fixed-size list of float32), or others by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
import numpy.typing as npt

from graphrep._mapped import forget
from graphrep.io.atomic import replacing
from graphrep.io.bounded import Budget, one_line
from graphrep.io.formats import MalformedError, Names, Options, VectorTable, pack_settings, unpack_settings
from graphrep.io.formats.columns import chosen_columns, rows_of_lists
from graphrep.io.formats.parquet_footer import column_chunks

if TYPE_CHECKING:
    from pathlib import Path

TAKES = frozenset({"nodes", "vectors"})
_GROUP = 1 << 26  # bytes of vectors in a row group, which is held in memory until it is complete


def write(path: Path, vectors: npt.NDArray[np.float32], names: Names, settings: dict[str, Any]) -> None:
    """See :func:`graphrep.io.write_vectors`."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    kind = pa.string() if isinstance(names, list) else pa.int64()
    width = vectors.shape[1]
    fields = [pa.field("node_id", kind), pa.field("embedding", pa.list_(pa.float32(), width))]
    schema = pa.schema(fields, metadata={"graphrep": pack_settings(settings)})
    step = max(1, min(1 << 20, _GROUP // (4 * max(1, width))))
    with replacing(path) as temporary, pq.ParquetWriter(temporary, schema) as writer:
        for begin in range(0, len(vectors), step):
            part = slice(begin, begin + step)
            rows = pa.FixedSizeListArray.from_arrays(pa.array(vectors[part].reshape(-1)), width)
            writer.write_table(pa.table([pa.array(names[part], type=kind), rows], schema=schema), row_group_size=step)
            forget(vectors)


def read(path: Path, options: Options) -> VectorTable:
    """See :func:`graphrep.io.read_vectors`."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file, path.open("rb") as source:
            node, columns = _chosen(file.schema_arrow, options)
            check_parquet(path, source, {name for name in (node, *columns) if name is not None})
            table = file.read(columns=[*([] if node is None else [node]), *columns])
            table.validate(full=True)
    except (pa.ArrowException, OSError) as error:
        raise MalformedError(f"not a readable Parquet file ({one_line(error)}).") from None
    settings = unpack_settings((table.schema.metadata or {}).get(b"graphrep"))
    return VectorTable(arrow_vectors(table, columns), None if node is None else arrow_names(table, node), settings)


def check_parquet(path: Path, file: BinaryIO, columns: set[str]) -> None:
    """Refuse a file whose columns grow beyond bounds: a run of equal values takes a few bytes, however long it is."""
    budget = Budget(path, path.stat().st_size)
    for chunk in column_chunks(file):
        if chunk.column in columns:
            budget.take(max(0, chunk.num_bytes, 4 * chunk.num_values))


def _chosen(schema: Any, options: Options) -> tuple[str | None, list[str]]:
    index = [column for column in (schema.pandas_metadata or {}).get("index_columns", []) if isinstance(column, str)]
    if len(index) > 1 and options.nodes is None:
        raise MalformedError(f"its index has {len(index)} columns; name one of them with nodes=.")
    return chosen_columns(arrow_kinds(schema), options.nodes, options.vectors, index[0] if index else None)


def arrow_kinds(schema: Any) -> dict[str, str]:
    """Kinds of the columns for ``chosen_columns``."""
    import pyarrow as pa

    if len(set(schema.names)) != len(schema.names):
        raise MalformedError("two of its columns have the same name.")
    lists = (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list)
    return {
        field.name: "list" if any(is_list(field.type) for is_list in lists)
        else "float" if pa.types.is_floating(field.type) else "other"
        for field in schema
    }  # fmt: skip


def arrow_names(table: Any, column: str) -> Names:
    """Names out of a column of integers or strings."""
    import pyarrow as pa

    ids = table[column].combine_chunks()
    if pa.types.is_dictionary(ids.type):
        ids = ids.cast(ids.type.value_type)
    if ids.null_count:
        raise MalformedError(f"{column} holds nulls.")
    if pa.types.is_integer(ids.type):
        try:
            return np.asarray(ids.cast(pa.int64()).to_numpy(zero_copy_only=False))
        except pa.ArrowInvalid:
            raise MalformedError(f"{column} holds integers of 2**63 or more; make them strings.") from None
    if not (pa.types.is_string(ids.type) or pa.types.is_large_string(ids.type)):
        raise MalformedError(f"{column} must hold int64 or strings, got {ids.type}.")
    return list(ids.to_pylist())


def arrow_vectors(table: Any, columns: list[str]) -> npt.NDArray[Any]:
    """Vectors out of one column of lists, or of several columns of numbers."""
    import pyarrow as pa

    if len(columns) == 1 and arrow_kinds(table.schema)[columns[0]] == "list":
        rows = table[columns[0]].combine_chunks()
        flat = rows.flatten()
        if rows.null_count or flat.null_count:
            raise MalformedError(f"{columns[0]} holds nulls.")
        if not (pa.types.is_floating(flat.type) or pa.types.is_integer(flat.type)):
            raise MalformedError(f"{columns[0]} must hold lists of floats, got {rows.type}.")
        values = flat.to_numpy(zero_copy_only=False)
        if pa.types.is_fixed_size_list(rows.type):
            return np.asarray(values.reshape(len(rows), rows.type.list_size))
        sizes = np.diff(rows.offsets.to_numpy(zero_copy_only=False))
        if len(sizes) == 0 or (sizes != sizes[0]).any():
            rows_of_lists([range(size) for size in sizes.tolist()])  # says which row differs
        with np.errstate(over="ignore", invalid="ignore"):
            return np.asarray(values.reshape(len(rows), -1), dtype=np.float32)
    vectors = np.empty((len(table), len(columns)), dtype=np.float32)
    for i, column in enumerate(columns):
        values = table[column]
        if not (pa.types.is_floating(values.type) or pa.types.is_integer(values.type)):
            raise MalformedError(f"column {column} must hold numbers, got {values.type}.")
        if values.null_count:
            raise MalformedError(f"column {column} holds nulls.")
        with np.errstate(over="ignore", invalid="ignore"):
            vectors[:, i] = values.to_numpy()
    return vectors
