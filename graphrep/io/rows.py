"""Rows of fields of a text file, for tables that are no list of edges alone."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from graphrep.io._text import head_of, read_text
from graphrep.io.bounded import reading

if TYPE_CHECKING:
    import os

__all__ = ["first_row", "read_rows"]


def read_rows(path: str | os.PathLike[str]) -> list[tuple[str, ...]]:
    """Fields of each line that is neither empty nor a comment: between tabs, else commas, else blanks.

    Compressed files are read within the bounds of :class:`graphrep.io.bounded.Budget`. ValueError if lines differ in
    their number of fields, or the file is no text in UTF-8.
    """
    text = read_text(path)
    with reading(path, "is not readable as a table"):
        rows = _rows_of(text)
    if not rows:
        raise ValueError(f"{path} holds no lines.")
    widths = {len(row) for row in rows}
    if len(widths) != 1:
        raise ValueError(f"{path}: lines must have the same number of fields, got {sorted(widths)}.")
    return rows


def first_row(path: str | os.PathLike[str]) -> tuple[str, ...] | None:
    """Fields of the first line, as :func:`read_rows` splits it; None where it cannot be looked at beforehand."""
    try:
        head = head_of(path)
        rows = _rows_of(head.decode("utf-8-sig", errors="ignore").partition("\n")[0])
    except (OSError, csv.Error, ValueError):
        return None
    return rows[0] if rows else None


def _rows_of(text: str) -> list[tuple[str, ...]]:
    lines = [line for line in io.StringIO(text, newline="") if line.strip() and not line.startswith("#")]
    first = lines[0] if lines else ""
    if "\t" in first or "," in first:
        return [tuple(row) for row in csv.reader(lines, delimiter="\t" if "\t" in first else ",")]
    return [tuple(line.split()) for line in lines]
