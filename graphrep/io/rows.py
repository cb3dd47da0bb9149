"""Rows of fields of a text file, for tables that are no list of edges alone."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from graphrep.io._text import read_bytes, released
from graphrep.io.bounded import reading

if TYPE_CHECKING:
    import os

__all__ = ["read_rows"]


def read_rows(path: str | os.PathLike[str]) -> list[tuple[str, ...]]:
    """Fields of each line that is neither empty nor a comment: between tabs, else commas, else blanks.

    Compressed files are read within the bounds of :class:`graphrep.io.bounded.Budget`. ValueError if lines differ in
    their number of fields, or the file is no text in UTF-8.
    """
    content = read_bytes(path)
    try:
        with reading(path, "is no text"):
            text = bytes(content).decode("utf-8-sig")
    finally:
        released(content)
    lines = [line for line in io.StringIO(text, newline="") if line.strip() and not line.startswith("#")]
    first = lines[0] if lines else ""
    with reading(path, "is not readable as a table"):
        if "\t" in first or "," in first:
            rows = [tuple(row) for row in csv.reader(lines, delimiter="\t" if "\t" in first else ",")]
        else:
            rows = [tuple(line.split()) for line in lines]
    widths = {len(row) for row in rows}
    if len(widths) != 1:
        raise ValueError(f"{path}: lines must have the same number of fields, got {sorted(widths)}.")
    return rows
