"""Edges of files and arrays in chunks of bounded size, without their names having numbers yet."""

from __future__ import annotations

import bz2
import gzip
import itertools
import lzma
import os
import zlib
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

import numpy as np
import numpy.typing as npt

from graphrep._backend import choose
from graphrep._checks import brief
from graphrep._numbering import Names, number_nodes
from graphrep.io import _edgelist_cpu, _edgelist_reference
from graphrep.io._detect import Found, Wish, detect
from graphrep.io._lines import BadLineError, Format, data_lines, integer, is_integer
from graphrep.io._text import MAGIC, ZstdReader
from graphrep.io.bounded import Budget, check_unchanged, one_line, open_regular
from graphrep.io.columns import find_columns, sides_differ
from graphrep.io.edgelist import sentence_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["IN_PARTS", "Chunk", "NotIntegersError", "TableFile", "TextFile", "opened_text", "parquet_errors"]

_SEEN = 1001  # lines that decide about the format of a text
_HEAD = 1 << 18
# Of pyarrow, which otherwise reads the columns of all row groups before the first batch.
IN_PARTS: dict[str, Any] = {"buffer_size": 1 << 18, "pre_buffer": False}


class NotIntegersError(Exception):
    """A name is not an integer, so that all names are strings; raised where they were taken for integers."""


class Chunk(NamedTuple):
    """Edges in input order. Without ``names``, the ends are integers as given; else positions in ``names``."""

    source: npt.NDArray[Any]
    target: npt.NDArray[Any]
    weights: npt.NDArray[np.float32] | None
    names: list[bytes] | None = None
    ids: npt.NDArray[np.int64] | None = None  # the distinct integers, where they are known
    kinds: tuple[npt.NDArray[Any], Any] | None = None  # positions of types, and the types: bytes, or an array of codes


class TextFile:
    """A text file of edges, plain or compressed, that is read in blocks."""

    def __init__(self, path: Path, wish: Wish, block: int, n_jobs: int | None) -> None:
        self.path, self.wish, self.block, self.n_jobs = path, wish, block, n_jobs
        self.name, self.paths = str(path), [path]
        try:
            self.found = self._detected()
        except BadLineError as error:
            raise ValueError(sentence_of(self.name, error, Format(wish.delimiter or b""))) from None
        self.weighted, self.typed = self.found.form.weight is not None, self.found.form.kind is not None
        self.sides = self.found.sides
        self.all_integers = False  # once all chunks have been read as strings
        self.padded: bytes | None = None  # an integer with leading zeros, once all chunks have been read as integers

    def _detected(self) -> Found:
        """Format, from as many lines as the reader of whole files looks at."""
        with opened_text(self.path) as (file, _):
            text = b""
            while True:
                more = file.read(max(_HEAD, len(text)))
                text += more
                head = text[: text.rfind(b"\n") + 1] if more else text
                start = 3 if head[:3] == b"\xef\xbb\xbf" else 0
                lines = data_lines(head, start, b"\n", self.wish.comments, quotes=False)
                # Twice as many: a field in quotes may take several of them.
                if not more or sum(1 for _ in itertools.islice(lines, 2 * _SEEN)) == 2 * _SEEN:
                    return detect(self.name, head, self.wish)

    def chunks(self, bar: Callable[[int], Any], *, strings: bool) -> Iterator[Chunk]:
        """All edges; ``bar`` gets the bytes of the file as they are read. With ``strings``, all names are strings.

        Raises
        ------
        NotIntegersError
            ``strings`` is False, and a name is not an integer.
        ValueError
            A line is bad; the message names it.
        """
        parse = choose(
            "read_edges", {"native": _edgelist_cpu.parse_edges, "reference": _edgelist_reference.parse_edges}
        )
        form = self.found.form
        if strings:
            form = replace(form, strings=True)
        lines, begin, rest = 0, self.found.begin, b""
        overflow: ValueError | None = None
        integers = True
        with opened_text(self.path) as (file, position):
            size = self.block
            done = 0
            while True:
                more = file.read(size)
                bar(-done + (done := position()))
                text = rest + more
                end = text.rfind(b"\n") + 1 if more else len(text)
                if begin >= end:  # a header or a line that is longer than the block
                    if not more:
                        break
                    rest = text
                    continue
                part = text[:end]
                try:
                    table = parse(part, begin, form, n_jobs=self.n_jobs)
                    kinds = None
                    if self.typed:
                        found = parse(part, begin, form.of_kinds(), n_jobs=self.n_jobs)
                        kinds = found.source, self._names(found, part, lines)
                except BadLineError as error:
                    if error.fault == "quote_open" and more and len(text) < 64 * self.block:
                        rest, size = text, size + self.block  # the field may end in the next block
                        continue
                    if error.fault == "integer_range" and not strings:
                        raise NotIntegersError from None  # unless all other names are integers, too
                    error.line += lines
                    raise ValueError(sentence_of(self.name, error, form)) from None
                if strings:
                    chunk, bad = self._named(table, part, lines)
                    if integers:
                        integers = bad is None or bad is not False
                        overflow = overflow or (bad if isinstance(bad, ValueError) else None)
                    yield chunk._replace(kinds=kinds)
                else:
                    if table.ids is None and form.num_nodes is None:
                        raise NotIntegersError
                    self.padded = self.padded or table.padded
                    yield self._numbered(table)._replace(kinds=kinds)
                rest, size, begin = text[end:], self.block, 0
                lines += part.count(b"\n")
                if not more:
                    break
        self.all_integers = integers
        if integers and overflow is not None:
            raise overflow

    def _numbered(self, table: Any) -> Chunk:
        if table.ids is None:  # row numbers
            return Chunk(table.source, table.target, table.weights)
        ids = table.ids
        return Chunk(ids[table.source], ids[table.target], table.weights, ids=ids)

    def _named(self, table: Any, text: bytes, lines: int) -> tuple[Chunk, Any]:
        """Strings; and False if some name is no integer, an error if an integer is too large, else None."""
        names = self._names(table, text, lines)
        bad: Any = None
        for name, at in zip(names, table.positions.tolist(), strict=True):
            if not is_integer(name):
                bad = False
                break
            if bad is None and not -(2**63) <= integer(name) < 2**63:
                fault = BadLineError("integer_range", lines + text[:at].count(b"\n") + 1, name)
                bad = ValueError(sentence_of(self.name, fault, self.found.form))
        return Chunk(table.source, table.target, table.weights, names), bad

    def _names(self, table: Any, text: bytes, lines: int) -> list[bytes]:
        """Distinct names of a table, which are UTF-8."""
        try:
            table.names.decode("utf-8")
        except UnicodeDecodeError as error:
            at = table.positions[table.names.count(b"\0", 0, error.start)]
            line = lines + text[:at].count(b"\n") + 1
            raise ValueError(f"{self.name}, line {line}: a name is not valid UTF-8.") from None
        listed: list[bytes] = table.names.split(b"\0")[:-1]
        return listed


@contextmanager
def opened_text(path: Path) -> Iterator[tuple[Any, Callable[[], int]]]:
    """A reader of the unpacked content, and a function that tells the position in the file as it lies on the disk."""
    with open_regular(path) as file:
        before = os.fstat(file.fileno())
        magic, suffix = file.read(8), path.suffix.lower()
        file.seek(0)
        kind, reader = _unpacking(path, file, magic, suffix)
        try:
            yield _Bounded(path, kind, reader, Budget(path, before.st_size)), file.tell
        finally:
            if reader is not file:
                reader.close()
        check_unchanged(path, file, before)


def _unpacking(path: Path, file: BinaryIO, magic: bytes, suffix: str) -> tuple[str, Any]:
    if suffix == ".gz" or magic.startswith(MAGIC["gzip"]):
        return "gzip", gzip.GzipFile(fileobj=file)
    if suffix in (".zst", ".zstd") or magic.startswith(MAGIC["zstd"]):
        return "zstd", ZstdReader(str(path), file)
    if suffix == ".bz2" or magic.startswith(b"BZh"):
        return "bzip2", bz2.BZ2File(file)
    if suffix in (".xz", ".lzma") or magic.startswith(MAGIC["xz"]):
        return "xz", lzma.LZMAFile(file)
    if suffix == ".zip" or magic.startswith(MAGIC["zip"]):
        raise ValueError(f"{path} is a zip file, which is not read in parts; unzip it first.")
    return "", file


class _Bounded:
    """A reader whose errors name the file, and that stops at a decompression bomb."""

    def __init__(self, path: Path, kind: str, reader: Any, budget: Budget) -> None:
        self.path, self.kind, self.reader, self.budget = path, kind, reader, budget

    def read(self, size: int) -> bytes:
        if not self.kind:
            return bytes(self.reader.read(size))
        try:
            parts, left = [], size
            while left and (block := self.reader.read(left)):
                parts.append(block)
                left -= len(block)
        except EOFError:
            raise ValueError(f"{self.path} is a truncated {self.kind} file.") from None
        except (OSError, lzma.LZMAError, zlib.error, ValueError) as error:
            raise ValueError(f"{self.path} is not a valid {self.kind} file: {one_line(error)}.") from None
        content = b"".join(parts)
        self.budget.take(len(content))
        return content


@contextmanager
def parquet_errors(path: Path) -> Iterator[None]:
    """Errors of a Parquet file that name it."""
    import pyarrow as pa

    from graphrep.io.formats import MalformedError

    try:
        yield
    except MemoryError:
        raise ValueError(f"{path} does not fit into memory.") from None
    except (pa.ArrowException, OSError, UnicodeDecodeError, MalformedError) as error:
        if isinstance(error, OSError) and str(path) in str(error):
            raise
        raise ValueError(f"cannot read {path} as Parquet: {one_line(error)}.") from None


class TableFile:
    """Parquet files with the same columns, read in batches of rows."""

    def __init__(self, paths: list[Path], columns: tuple[Any, Any, Any, Any], block: int) -> None:
        import pyarrow.parquet as pq

        from graphrep.io.formats.parquet import check_parquet

        self.paths, self.block = paths, block
        self.spelled = False  # whether integers are spelled where names must be strings
        names: list[str] | None = None
        for path in paths:
            with parquet_errors(path), open_regular(path) as file:
                found = pq.ParquetFile(file).schema_arrow
                if names is None:
                    names = list(found.names)
                    if len(set(names)) < len(names):
                        raise ValueError(f"{path} has two columns of the same name, of {names}.")
                    source, target, weight, kind = columns
                    places = find_columns(
                        names, source=source, target=target, weight=weight, edge_type=kind, what=str(path)
                    )
                    self.wanted = [names[i] for i in places.present]
                if found.names != names:
                    raise ValueError(f"{path} has the columns {found.names}, but {paths[0]} has {names}.")
                file.seek(0)
                check_parquet(path, file, set(self.wanted))
        self.names = names or []
        self.weighted, self.typed = places.weight is not None, places.kind is not None
        self.sides = (
            f"its columns are {self.wanted[0]!r} and {self.wanted[1]!r}" if sides_differ(*self.wanted[:2]) else None
        )

    def chunks(self, bar: Callable[[int], Any], *, strings: bool) -> Iterator[Chunk]:
        """All edges; ``bar`` gets the bytes of the files as they are read. See :meth:`TextFile.chunks`."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        from graphrep._tables import columns_of_table, ends_of, weights_of

        for path in self.paths:
            with parquet_errors(path), open_regular(path) as file:
                before = os.fstat(file.fileno())
                whole, row, done = pq.ParquetFile(file, **IN_PARTS), 0, 0
                for batch in whole.iter_batches(self.block, columns=self.wanted, use_threads=False):
                    table = pa.Table.from_batches([batch])
                    table.validate(full=True)
                    load = columns_of_table(table)[1]
                    columns = load([table.column_names.index(name) for name in self.wanted])
                    try:
                        ends = [
                            ends_of(column, f"column {name!r}")
                            for column, name in zip(columns[:2], self.wanted, strict=False)
                        ]
                        what = f"column {self.wanted[2]!r}, the weights," if self.weighted else ""
                        weights = weights_of(columns[2], len(table), what) if self.weighted else None
                        chunk = _of_columns(ends, weights, strings=strings, spelled=self.spelled)
                        if self.typed:
                            chunk = chunk._replace(kinds=_kinds_of(columns[-1]))
                    except (TypeError, ValueError) as error:
                        where = f"{path}, in the rows from {row} on" if row else str(path)
                        raise type(error)(f"{where}: {error}") from None
                    yield chunk
                    row += len(table)
                    share = before.st_size * row // max(whole.metadata.num_rows, 1)
                    bar(-done + (done := share))
                check_unchanged(path, file, before)


def _kinds_of(column: Any) -> tuple[npt.NDArray[Any], Any]:
    """Types of edges: positions, and the distinct types."""
    import narwhals as nw
    import pyarrow as pa

    from graphrep._tables import kind_values

    native = column.to_native()
    if column.dtype == nw.String and not column.null_count():
        found = (native.combine_chunks() if isinstance(native, pa.ChunkedArray) else native).dictionary_encode()
        found = found.combine_chunks() if isinstance(found, pa.ChunkedArray) else found
        names = found.dictionary.to_pylist()
        if "" not in names:
            return found.indices.to_numpy(), [name.encode() for name in names]
    values = kind_values(column)
    if values.dtype.kind in "iu":
        distinct, codes = np.unique(values, return_inverse=True)
        return codes.ravel(), distinct
    number: dict[Any, int] = {}
    codes = np.fromiter((number.setdefault(value, len(number)) for value in values.tolist()), dtype=np.int32)
    bad = next((value for value in number if not isinstance(value, str)), None)
    if bad is not None:
        raise TypeError(f"edge_type must hold integers or strings, got {type(bad).__name__} {brief(bad)}.")
    return codes, [name.encode() for name in number]


def _of_columns(ends: list[Any], weights: Any, *, strings: bool, spelled: bool) -> Chunk:
    named = [isinstance(column, Names) for column in ends]
    if not any(named):
        for column in ends:
            if column.dtype.kind == "u" and len(column) and int(column.max()) >= 2**63:
                raise ValueError(f"it holds {column.max()}, which does not fit into 64 bits with a sign")
        if strings and spelled:
            ids, rows = np.unique(np.concatenate(ends), return_inverse=True)
            source, target = rows.reshape(2, -1)
            return Chunk(source, target, weights, [str(one).encode() for one in ids.tolist()])
        if strings:
            raise ValueError("its names are integers, but those in front of them are strings; give one kind of names")
        source, target = (column.astype(np.int64, copy=False) for column in ends)
        return Chunk(source, target, weights)
    if not strings:
        raise NotIntegersError
    found = number_nodes(*ends)
    names = [] if found.names is None else [name.encode() for name in found.names.tolist()]
    return Chunk(found.source, found.target, weights, names)
