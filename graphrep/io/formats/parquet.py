"""Parquet: columns ``node_id`` (int64 or string) and ``embedding`` (fixed-size list of float32)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from graphrep.io.atomic import replacing
from graphrep.io.formats import MalformedError, Names, VectorTable, pack_settings, unpack_settings

if TYPE_CHECKING:
    from pathlib import Path


def write(path: Path, vectors: npt.NDArray[np.float32], names: Names, settings: dict[str, Any]) -> None:
    """See :func:`graphrep.io.write_vectors`."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    ids = pa.array(names, type=pa.string() if isinstance(names, list) else pa.int64())
    rows = pa.FixedSizeListArray.from_arrays(pa.array(vectors.reshape(-1)), vectors.shape[1])
    table = pa.table({"node_id": ids, "embedding": rows}).replace_schema_metadata({"graphrep": pack_settings(settings)})
    with replacing(path) as temporary:
        pq.write_table(table, temporary)


def read(path: Path) -> VectorTable:
    """See :func:`graphrep.io.read_vectors`."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            missing = {"node_id", "embedding"}.difference(file.schema_arrow.names)
            if missing:
                raise MalformedError(f"it has no column named {' and none named '.join(map(repr, sorted(missing)))}.")
            table = file.read(columns=["node_id", "embedding"])
    except (pa.ArrowException, OSError) as error:
        raise MalformedError(f"not a readable Parquet file ({error}).") from None
    ids, rows = table["node_id"].combine_chunks(), table["embedding"].combine_chunks()
    if not pa.types.is_fixed_size_list(rows.type) or not pa.types.is_floating(rows.type.value_type):
        raise MalformedError(f"embedding must be a fixed-size list of floats, got {rows.type}.")
    flat = rows.flatten()
    if ids.null_count or rows.null_count or flat.null_count:
        raise MalformedError("it holds nulls.")
    vectors = flat.to_numpy(zero_copy_only=False).reshape(len(rows), rows.type.list_size)
    settings = unpack_settings((table.schema.metadata or {}).get(b"graphrep"))
    if pa.types.is_signed_integer(ids.type):
        return VectorTable(vectors, ids.to_numpy(zero_copy_only=False).astype(np.int64), settings)
    if not (pa.types.is_string(ids.type) or pa.types.is_large_string(ids.type)):
        raise MalformedError(f"node_id must hold int64 or strings, got {ids.type}.")
    return VectorTable(vectors, ids.to_pylist(), settings)
