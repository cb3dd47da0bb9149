"""Lines of an edge list: which lines count, how they are split, and what the first lines tell about the file.

The native scanner, ``csrc/edgelist_scan.hpp``, follows the same rules.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Iterator

    from graphrep.io._text import Bytes

# The first two fields of known headers, in lower case.
HEADERS = {
    (b"source", b"target"),
    (b"source", b"destination"),
    (b"src", b"dst"),
    (b"src", b"dest"),
    (b"from", b"to"),
    (b"fromnodeid", b"tonodeid"),
    (b"node1", b"node2"),
    (b"node_1", b"node_2"),
    (b"u", b"v"),
}
BLANKS = b" \t"


@dataclass(frozen=True)
class Format:
    """Format of the lines of an edge list. ``delimiter`` is one byte, or empty for runs of spaces and tabs."""

    delimiter: bytes = b""
    columns: int = 2
    weighted: bool = False
    comments: tuple[bytes, ...] = (b"#", b"%")
    num_nodes: int | None = None


class Table(NamedTuple):
    """Result of a parser.

    ``ids`` are the distinct integer names, ascending; None if ``num_nodes`` was given or a name is not an integer. In
    the latter case ``names`` holds the distinct names in order of first appearance, each followed by a line feed, and
    ``positions`` their first positions in the text.
    """

    source: npt.NDArray[np.integer[Any]]
    target: npt.NDArray[np.integer[Any]]
    weights: npt.NDArray[np.float32] | None
    ids: npt.NDArray[np.int64] | None
    names: bytes
    positions: npt.NDArray[np.int64]


NO_POSITIONS = np.zeros(0, dtype=np.int64)


class BadLineError(ValueError):
    """A line that is not an edge; ``fault`` is a key of ``FAULTS`` in edgelist.py."""

    def __init__(self, fault: str, line: int, field: bytes = b"", columns: int = 0) -> None:
        super().__init__(fault, line, field, columns)
        self.fault, self.line, self.field, self.columns = fault, line, field, columns


class Line(NamedTuple):
    """A line that is neither blank nor a comment: its start, its number from 1, its bytes without the line end."""

    start: int
    number: int
    text: bytes

    def fields(self, delimiter: bytes) -> list[bytes]:
        """Split into fields without surrounding blanks."""
        if not delimiter:
            return [field for field in self.text.replace(b"\t", b" ").split(b" ") if field]
        return [field.strip(BLANKS) for field in self.text.split(delimiter)]


def data_lines(text: Bytes, begin: int, comments: tuple[bytes, ...]) -> Iterator[Line]:
    """Lines from ``begin`` on, without blank lines and comments."""
    number = text[:begin].count(b"\n")
    while begin < len(text):
        number += 1
        stop = text.find(b"\n", begin)
        stop = len(text) if stop < 0 else stop
        line = text[begin:stop]
        bare = line.lstrip(BLANKS + b"\r")
        if bare and not bare.startswith(comments):
            yield Line(begin, number, line[:-1] if line.endswith(b"\r") else line)
        begin = stop + 1


def detect_delimiter(line: Line) -> bytes:
    """Tab if that leaves no field empty, else comma if there is one, else runs of spaces and tabs."""
    if b"\t" in line.text and all(line.fields(b"\t")):
        return b"\t"
    return b"," if b"," in line.text and b"\t" not in line.text else b""


def is_integer(field: bytes) -> bool:
    """Whether the field consists of digits, with an optional minus."""
    return field.removeprefix(b"-").isdigit()


def is_header(first: list[bytes], second: list[bytes]) -> bool:
    """Whether the first line is a header: well-known names, or no integers above a line of integers."""
    if len(first) < 2:
        return False
    if (first[0].strip(b'"').lower(), first[1].strip(b'"').lower()) in HEADERS:
        return True
    return len(second) >= 2 and all(map(is_integer, second[:2])) and not any(map(is_integer, first[:2]))
