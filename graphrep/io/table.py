"""Tables of named columns in .csv, .tsv or .parquet, chosen by the suffix."""

from __future__ import annotations

import csv
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from graphrep.io.atomic import replacing
from graphrep.io.paths import check_writable, checked_suffix

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator, Mapping, Sequence

TABLE_SUFFIXES = (".csv", ".tsv", ".parquet")


def check_table_path(path: str | os.PathLike[str], *sources: str | os.PathLike[str]) -> str:
    """Suffix of ``path`` if a table can be written there; call it before a long computation."""
    suffix = checked_suffix(path, TABLE_SUFFIXES)
    check_writable(path, *sources)
    return suffix


def write_table(path: str | os.PathLike[str], columns: Mapping[str, Sequence[Any]]) -> None:
    """Write columns of equal length; an existing file is replaced once the new one is complete."""
    with table_writer(path) as write:
        write(columns)


@contextmanager
def table_writer(path: str | os.PathLike[str]) -> Iterator[Callable[[Mapping[str, Any]], None]]:
    """Yield a function that appends rows, given as columns of equal length and of the same types in every call.

    The file appears, or replaces an existing one, once the block ends without an error.
    """
    suffix = check_table_path(path)
    with replacing(path) as temporary:
        if suffix == ".parquet":
            import pyarrow as pa
            import pyarrow.parquet as pq

            writer = None
            try:

                def append(columns: Mapping[str, Any]) -> None:
                    nonlocal writer
                    table = pa.table(dict(columns), schema=None if writer is None else writer.schema)
                    if writer is None:
                        writer = pq.ParquetWriter(temporary, table.schema)
                    writer.write_table(table)

                yield append
            finally:
                if writer is not None:
                    writer.close()
            return
        with temporary.open("w", encoding="utf-8", newline="") as file:
            rows = csv.writer(file, delimiter="," if suffix == ".csv" else "\t", lineterminator="\n")

            def append(columns: Mapping[str, Any]) -> None:
                if file.tell() == 0:
                    rows.writerow(columns)
                rows.writerows(zip(*columns.values(), strict=True))

            yield append
