"""Sizes of the column chunks of a Parquet file, out of its footer.

``pyarrow`` gives them too, but ends the process where the statistics of a damaged file contradict its schema: the
function that makes its ``ColumnChunkMetaData`` lets no error of C++ through.
"""

from __future__ import annotations

import struct
from typing import Any, BinaryIO, NamedTuple

from graphrep.io.formats import MalformedError

__all__ = ["ColumnChunk", "column_chunks"]

_DEPTH = 32
# Types of Thrift's compact protocol.
_TRUE, _FALSE, _BYTE, _DOUBLE, _BINARY, _LIST, _SET, _MAP, _STRUCT, _UUID = 1, 2, 3, 7, 8, 9, 10, 11, 12, 13
# Numbers of the fields in parquet.thrift.
_ROW_GROUPS, _COLUMNS, _METADATA, _PATH, _NUM_VALUES, _UNCOMPRESSED = 4, 1, 3, 3, 5, 6


class ColumnChunk(NamedTuple):
    """A column of one row group.

    Attributes
    ----------
    column : str
        Name of the outermost column.
    num_values : int
    num_bytes : int
        Uncompressed.
    """

    column: str
    num_values: int
    num_bytes: int


def column_chunks(file: BinaryIO) -> list[ColumnChunk]:
    """Column chunks of all row groups, as the footer says; MalformedError if it cannot be understood."""
    size = file.seek(0, 2)
    file.seek(max(0, size - 8))
    length, magic = struct.unpack("<I4s", file.read(8).rjust(8, b"\0"))
    if magic != b"PAR1" or length + 8 > size:
        raise MalformedError("not a readable Parquet file (it has no footer).")
    file.seek(size - 8 - length)
    try:
        groups = _Reader(file.read(length)).struct()[_ROW_GROUPS]
        parts = [chunk[_METADATA] for group in groups for chunk in group[_COLUMNS]]
        return [ColumnChunk(part[_PATH][0].decode(), part[_NUM_VALUES], part[_UNCOMPRESSED]) for part in parts]
    except (IndexError, KeyError, TypeError, AttributeError, ValueError):
        raise MalformedError("not a readable Parquet file (its footer is damaged).") from None


class _Reader:
    """Thrift's compact protocol; a structure is a dictionary by the numbers of its fields."""

    def __init__(self, content: bytes) -> None:
        self._content, self._at, self._depth = content, 0, 0

    def struct(self) -> dict[int, Any]:
        fields: dict[int, Any] = {}
        number = 0
        while head := self._byte():
            number = number + (head >> 4) if head >> 4 else self._integer()
            kind = head & 15
            fields[number] = kind == _TRUE if kind in (_TRUE, _FALSE) else self._value(kind)
        return fields

    def _value(self, kind: int) -> Any:
        self._depth += 1
        if self._depth > _DEPTH:
            raise ValueError("nested too deeply")
        value = self._of_kind(kind)
        self._depth -= 1
        return value

    def _of_kind(self, kind: int) -> Any:
        if kind == _STRUCT:
            return self.struct()
        if kind in (_LIST, _SET):
            head = self._byte()
            size = head >> 4 if head >> 4 < 15 else self._unsigned()
            return self._many(size, head & 15)
        if kind == _MAP:
            size = self._unsigned()
            kinds = self._byte() if size else 0
            return [self._many(1, half) for _ in range(self._fits(size)) for half in (kinds >> 4, kinds & 15)]
        if kind in (_BINARY, _DOUBLE, _UUID):
            return self._bytes({_DOUBLE: 8, _UUID: 16}.get(kind) or self._unsigned())
        if kind in (_TRUE, _FALSE, _BYTE):
            return self._byte()
        if kind > _UUID:
            raise ValueError("unknown type")
        return self._integer()

    def _many(self, size: int, kind: int) -> list[Any]:
        return [self._value(kind) for _ in range(self._fits(size))]

    def _fits(self, size: int) -> int:
        """The number of values to come, each of which takes a byte at least."""
        if size > len(self._content) - self._at:
            raise ValueError("more values than bytes")
        return size

    def _byte(self) -> int:
        self._at += 1
        return self._content[self._at - 1]

    def _bytes(self, size: int) -> bytes:
        begin, self._at = self._at, self._at + self._fits(size)
        return self._content[begin : self._at]

    def _unsigned(self) -> int:
        value = shift = 0
        while (byte := self._byte()) >= 128:
            value |= (byte & 127) << shift
            shift += 7
            if shift > 63:
                raise ValueError("an integer of more than 64 bits")
        return value | byte << shift

    def _integer(self) -> int:
        value = self._unsigned()
        return (value >> 1) ^ -(value & 1)
