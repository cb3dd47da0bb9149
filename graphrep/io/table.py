"""Tables of named columns in .csv, .tsv or .parquet, chosen by the suffix."""

from __future__ import annotations

import csv
import importlib.util
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphrep.io.atomic import replacing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

TABLE_SUFFIXES = (".csv", ".tsv", ".parquet")


def check_table_path(path: str | os.PathLike[str]) -> str:
    """Suffix of ``path`` if a table can be written there; call it before a long computation."""
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in TABLE_SUFFIXES:
        known = f"{', '.join(TABLE_SUFFIXES[:-1])} or {TABLE_SUFFIXES[-1]}"
        raise ValueError(f"cannot tell the format of {path}: the name must end in {known}.")
    if suffix == ".parquet" and importlib.util.find_spec("pyarrow") is None:
        raise ImportError(f"{path}: Parquet needs pyarrow; pip install 'graphrep[io]'.")
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder; give the name of a file.")
    if not path.absolute().parent.is_dir():
        raise FileNotFoundError(f"cannot write {path}: there is no folder {path.parent}.")
    if not os.access(path.absolute().parent, os.W_OK):
        raise PermissionError(f"cannot write {path}: the folder {path.parent} is not writable.")
    return suffix


def write_table(path: str | os.PathLike[str], columns: Mapping[str, Sequence[Any]]) -> None:
    """Write columns of equal length; an existing file is replaced once the new one is complete."""
    suffix = check_table_path(path)
    with replacing(path) as temporary:
        if suffix == ".parquet":
            import pyarrow as pa
            import pyarrow.parquet as pq

            pq.write_table(pa.table(dict(columns)), temporary)
            return
        with temporary.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, delimiter="," if suffix == ".csv" else "\t", lineterminator="\n")
            writer.writerow(columns)
            writer.writerows(zip(*columns.values(), strict=True))
