"""CSV and TSV as of RFC 4180: a header ``node,x0,x1,…``, then a name and its numbers in each record.

Names that are strings are written between quotes and integers without, and so they are told apart again.
"""

from __future__ import annotations

import csv
import re
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from graphrep._checks import warn_caller
from graphrep.io.atomic import replacing
from graphrep.io.bounded import open_text
from graphrep.io.formats import MalformedError, Names, Options, VectorTable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TAKES = frozenset({"nodes", "vectors", "header"})

_INTEGER = re.compile(r"0|-?[1-9]\d{0,18}", re.ASCII)  # as Python writes it: 007 is a string
_LABELS = frozenset({"", "node", "nodes", "node_id", "nodeid", "id", "name", "names", "index", "word", "unnamed: 0"})
_ROWS = 4096  # converted at a time
_CELL = 1 << 24  # characters; the library's own limit is 131,072


def write(
    path: Path, vectors: npt.NDArray[np.float32], names: Names, settings: dict[str, Any], delimiter: str = ","
) -> None:
    """See :func:`graphrep.io.write_vectors`."""
    del settings
    number = delimiter + "%.9g"  # nine digits reproduce every float32 exactly
    line = "%s" + number * vectors.shape[1] + "\n"
    texts = (f'"{name.replace(chr(34), chr(34) * 2)}"' if isinstance(name, str) else str(name) for name in names)
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        file.write(delimiter.join(["node", *(f"x{i}" for i in range(vectors.shape[1]))]) + "\n")
        file.writelines(line % (text, *row.tolist()) for text, row in zip(texts, vectors, strict=True))


def read(path: Path, options: Options, delimiter: str = ",") -> VectorTable:
    """See :func:`graphrep.io.read_vectors`."""
    limit = csv.field_size_limit(_CELL)
    try:
        with open_text(path, "utf-8-sig", newline="") as file:
            return _Reader(file, delimiter).table(options)
    except UnicodeDecodeError:
        raise MalformedError("not UTF-8 text.") from None
    except csv.Error as error:
        raise MalformedError(f"not readable CSV ({error}).") from None
    finally:
        csv.field_size_limit(limit)


class _Reader:
    """Records of a file, with the number of the line where each begins and whether it begins with a quote."""

    def __init__(self, file: Any, delimiter: str) -> None:
        self._file, self._delimiter = file, delimiter
        self.line, self.quoted, self._fresh, self._ended = 0, False, True, True
        self._records = csv.reader(self._lines(), delimiter=delimiter, strict=True)

    def _lines(self) -> Iterator[str]:
        for number, text in enumerate(self._file, start=1):
            if self._fresh:
                self.line, self.quoted, self._fresh = number, text.startswith('"'), False
            self._ended = text.endswith(("\n", "\r"))
            yield text

    def records(self) -> Iterator[list[str]]:
        for record in self._records:
            if record:  # not an empty line
                yield record
            self._fresh = True

    def table(self, options: Options) -> VectorTable:
        records = self.records()
        first = next(records, None)
        if first is None:
            raise MalformedError("not readable CSV: it is empty.")
        if len(first) < 2:
            raise MalformedError(
                f"not readable CSV of vectors: its first line has no {'comma' if self._delimiter == ',' else 'tab'}."
            )
        quoted, line = self.quoted, self.line
        header = _is_header(first) if options.header is None else options.header
        if not header and (options.nodes is not None or options.vectors is not None):
            raise MalformedError("it has no header whose columns nodes= and vectors= could name.")
        node, columns = _positions(first, options) if header else (0, list(range(1, len(first))))
        names: list[str] = []
        strings = False
        blocks: list[npt.NDArray[np.float32]] = []
        pending: list[list[str]] = [] if header else [first]
        lines: list[int] = [] if header else [line]
        if not header:
            names.append(first[0])
            strings = quoted
        for record in records:
            if len(record) != len(first):
                raise MalformedError(f"line {self.line} has {len(record)} fields, the first line {len(first)}.")
            names.append(record[node])
            strings |= self.quoted and node == 0
            pending.append(record)
            lines.append(self.line)
            if len(pending) == _ROWS:
                blocks.append(_numbers(pending, columns, lines, first if header else None))
                pending, lines = [], []
        blocks.append(_numbers(pending, columns, lines, first if header else None))
        if not self._ended:
            message = f"the last line of {self._file.name} has no end of line; is the file truncated?"
            warn_caller(message)
        integer = list(map(bool, map(_INTEGER.fullmatch, names)))
        if not header and options.header is None and len(names) > 1 and not integer[0] and all(integer[1:]):
            message = (
                f"the first line of {self._file.name}, {first[:4]}, is read as a vector, but may be a header; "
                "give header=True or header=False."
            )
            warn_caller(message)
        nodes: Names = names
        if not strings and names and all(integer):
            integers = list(map(int, names))
            if min(integers) >= -(1 << 63) and max(integers) < 1 << 63:
                nodes = np.array(integers, dtype=np.int64)
        return VectorTable(np.concatenate(blocks), nodes, {})


def _is_header(first: list[str]) -> bool:
    rest = first[1:]
    if not all(map(_is_number, rest)):
        return True
    if first[0].strip().lower() in _LABELS:
        return True
    if any(text != str(i) for i, text in enumerate(rest)):  # pandas numbers columns that have no names
        return False
    if len(rest) < 3:
        warn_caller(
            f"the first line, {first}, may be a header or a vector, and is read as a header; "
            "give header=True or header=False."
        )
    return True


def _positions(header: list[str], options: Options) -> tuple[int, list[int]]:
    wanted = options.vectors if isinstance(options.vectors, list) else options.vectors and [options.vectors]
    for column in [*([] if options.nodes is None else [options.nodes]), *(wanted or [])]:
        if header.count(column) != 1:
            reason = "no column" if column not in header else "several columns"
            raise MalformedError(f"it has {reason} named {column!r}; its columns are {', '.join(header[:8])}.")
    node = 0 if options.nodes is None else header.index(options.nodes)
    columns = [header.index(column) for column in wanted] if wanted else [i for i in range(len(header)) if i != node]
    if node in columns:
        raise MalformedError(f"column {header[node]!r} cannot hold both the names and the vectors.")
    return node, columns


def _numbers(
    records: list[list[str]], columns: list[int], lines: list[int], header: list[str] | None
) -> npt.NDArray[np.float32]:
    block = np.empty((len(records), len(columns)))
    for i, record in enumerate(records):
        try:
            block[i] = [float(record[column]) for column in columns]
        except ValueError:
            bad = next(column for column in columns if not _is_number(record[column]))
            where = f"line {lines[i]}, column {header[bad] if header else bad + 1}"
            raise MalformedError(
                f"{where} holds {record[bad][:40]!r}, which is not a number; name the columns with vectors= and nodes=."
            ) from None
    with np.errstate(over="ignore"):
        return block.astype(np.float32)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
