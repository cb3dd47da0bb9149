"""Lines of an edge list: which lines count, and how they are split.

The native scanner, ``csrc/edgelist_scan.hpp``, follows the same rules.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Iterator

    from graphrep.io._text import Bytes

BLANKS = b" \t"
_LINE_END = re.compile(rb"\r?(?:\n|\Z)")
_INTEGER = re.compile(rb"-?\d+(\.0+)?")
_PADDED = re.compile(rb"-?0\d")


@dataclass(frozen=True)
class Format:
    """Format of the lines of an edge list: a delimiter, empty for runs of spaces and tabs, and positions of columns."""

    delimiter: bytes = b""
    columns: int = 2
    source: int = 0
    target: int = 1
    weight: int | None = None
    quotes: bool = True
    comments: tuple[bytes, ...] = (b"#", b"%")
    num_nodes: int | None = None
    strings: bool = False  # names are strings even if all are integers
    kind: int | None = None  # of the types of edges, which `of_kinds` reads

    def of_kinds(self) -> Format:
        """Format that reads the types of the edges as names of end points."""
        assert self.kind is not None
        return replace(self, source=self.kind, target=self.kind, weight=None, num_nodes=None, strings=True, kind=None)


class Table(NamedTuple):
    """Result of a parser.

    ``ids`` are the distinct integer names, ascending; None if ``num_nodes`` was given or a name is not an integer. In
    the latter case ``names`` holds the distinct names in order of first appearance, each followed by a NUL byte, and
    ``positions`` their first positions in the text. ``padded`` is the first integer that has leading zeros, where all
    names are integers.
    """

    source: npt.NDArray[np.integer[Any]]
    target: npt.NDArray[np.integer[Any]]
    weights: npt.NDArray[np.float32] | None
    ids: npt.NDArray[np.int64] | None
    names: bytes
    positions: npt.NDArray[np.int64]
    padded: bytes | None = None


NO_POSITIONS = np.zeros(0, dtype=np.int64)


class BadLineError(ValueError):
    """A line that is not an edge; ``fault`` is a key of ``FAULTS`` in edgelist.py."""

    def __init__(self, fault: str, line: int, field: bytes = b"", columns: int = 0) -> None:
        super().__init__(fault, line, field, columns)
        self.fault, self.line, self.field, self.columns = fault, line, field, columns


class Line(NamedTuple):
    """A line that is neither blank nor a comment: its start, its number from 1, its fields and where they start.

    A quoted field may have line breaks, so that the line spans several lines of the text.
    """

    start: int
    number: int
    fields: list[bytes]
    positions: list[int]


def data_lines(
    text: Bytes, begin: int, delimiter: bytes, comments: tuple[bytes, ...], *, quotes: bool = True
) -> Iterator[Line]:
    """Lines from ``begin`` on, without blank lines and comments. Blanks around a field that has no quotes are stripped.

    Raises
    ------
    BadLineError
        A quoted field does not end, or text follows it.
    """
    number = text[:begin].count(b"\n") + 1
    while begin < len(text):
        stop = text.find(b"\n", begin)
        stop = len(text) if stop < 0 else stop
        line = text[begin:stop]
        bare = line.lstrip(BLANKS + b"\r")
        if bare and not bare.startswith(comments):
            if quotes and b'"' in line:
                fields, positions, stop = _split_quoted(text, begin, number, delimiter)
            else:
                fields, positions = _split(line, begin, delimiter)
            yield Line(begin, number, fields, positions)
        number += text[begin : stop + 1].count(b"\n")
        begin = stop + 1


def _split(line: bytes, begin: int, delimiter: bytes) -> tuple[list[bytes], list[int]]:
    """Fields of a line without quotes, which starts at ``begin``, and their positions."""
    line = line.removesuffix(b"\r")
    parts = line.split(delimiter) if delimiter else line.replace(b"\t", b" ").split(b" ")
    width = len(delimiter) or 1
    starts = itertools.accumulate((len(part) + width for part in parts[:-1]), initial=begin)
    if delimiter:
        return [part.strip(BLANKS) for part in parts], list(starts)
    kept = [(part, start) for part, start in zip(parts, starts, strict=True) if part]
    return [part for part, _ in kept], [start for _, start in kept]


def _split_quoted(text: Bytes, begin: int, number: int, delimiter: bytes) -> tuple[list[bytes], list[int], int]:
    """Fields of the line at ``begin``, their positions, and the position of its line feed."""
    fields: list[bytes] = []
    positions: list[int] = []
    at = begin
    gap, plain = _patterns(delimiter)
    while True:
        at = _end(gap, text, at)
        if not delimiter and (end := _LINE_END.match(text, at)):
            return fields, positions, _feed(text, end)
        if text[at : at + 1] == b'"':
            line = number + text[begin:at].count(b"\n")
            stop = _closing_quote(text, at + 1)
            if stop < 0:
                raise BadLineError("quote_open", line)
            fields.append(text[at + 1 : stop].replace(b'""', b'"'))
            positions.append(at + 1)
            at = _end(gap, text, stop + 1)
            separated = text[at : at + len(delimiter)] == delimiter if delimiter else at > stop + 1
            if not separated and not _LINE_END.match(text, at):
                raise BadLineError("quote_tail", line)
        else:
            stop = _end(plain, text, at)
            fields.append(text[at:stop].strip(BLANKS))
            positions.append(at)
            at = stop
        if end := _LINE_END.match(text, at):
            return fields, positions, _feed(text, end)
        at += len(delimiter)


def _closing_quote(text: Bytes, at: int) -> int:
    """Position of the first quote that is not doubled; -1 if there is none."""
    while (at := text.find(b'"', at)) >= 0 and text[at + 1 : at + 2] == b'"':
        at += 2
    return at


@lru_cache
def _patterns(delimiter: bytes) -> tuple[re.Pattern[bytes], re.Pattern[bytes]]:
    """Blanks before a field, and a field without quotes."""
    separator = re.escape(delimiter) if delimiter else rb"[ \t]"
    gap = rb" *" if delimiter == b"\t" else rb"[ \t]*"
    return re.compile(gap), re.compile(rb"(?:(?!%s)(?!\r?(?:\n|\Z)).)*" % separator, re.DOTALL)


def _end(pattern: re.Pattern[bytes], text: Bytes, at: int) -> int:
    found = pattern.match(text, at)
    return found.end() if found else at


def _feed(text: Bytes, end: re.Match[bytes]) -> int:
    """Position of the line feed that ends a line, or of the end of the text."""
    return end.end() - 1 if text[end.start() : end.end()].endswith(b"\n") else end.end()


def is_integer(field: bytes) -> bool:
    """Whether the field consists of digits, with an optional minus; ``.0`` may follow."""
    return bool(_INTEGER.fullmatch(field))


def is_padded(field: bytes) -> bool:
    """Whether an integer has leading zeros, without which it is another name."""
    return bool(_PADDED.match(field))


def integer_at(text: Bytes, position: int) -> bytes:
    """The integer that begins there, as it is spelled."""
    found = _INTEGER.match(text, position)
    return found[0] if found else b""


def integer(field: bytes) -> int:
    """Value of a field that :func:`is_integer`; beyond 20 digits, any that 64 bits do not hold."""
    digits = field.partition(b".")[0]
    plain = digits.lstrip(b"-0") or b"0"
    value = int(plain) if len(plain) <= 20 else 1 << 70
    return -value if digits.startswith(b"-") else value
