"""Tables of nodes in blocks of rows: their names, types and properties, in bounded memory."""

from __future__ import annotations

import codecs
import csv
import io
import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from graphrep._arrays import detached
from graphrep._checks import brief, is_missing
from graphrep._mapped import mapped_array
from graphrep._progress import progress_bar
from graphrep._types import NO_TYPES, Codes, Types, encode
from graphrep.io._text import head_of
from graphrep.io.arrays import mapped_npy
from graphrep.io.bounded import check_unchanged, open_regular, reading
from graphrep.io.edge_chunks import IN_PARTS, opened_text, parquet_errors
from graphrep.io.name_tables import FixedIntegers, KindNames, StringNames
from graphrep.io.node_tables import (
    Field,
    id_column,
    is_integer_text,
    node_files,
    parse_field,
    property_values,
    typed_values,
)
from graphrep.io.partial import stamp
from graphrep.io.paths import need_pyarrow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from graphrep.io.buckets import Sorting

__all__ = ["Attributes", "NodeTable"]

_ROWS = 1 << 13  # rows at a time, fewer where memory asks for it
_BLOCK = 1 << 20  # characters of text at a time
_WHOLE = "leave out memory= (--memory) to read it as a whole"


class Attributes:
    """Names, types, features and labels of nodes that go with edges: out of a table of nodes, or arrays by row.

    Parameters
    ----------
    nodes : path, list of paths or None
        Table of the nodes.
    node_type : str, int array or None
        A column of the table, or codes.
    node_types : sequence of str, optional
    x, y : str, list of str, array, Path of an .npy file, or None
    how : Sorting
    """

    def __init__(self, nodes: Any, node_type: Any, node_types: Any, x: Any, y: Any, how: Sorting) -> None:
        self.how, self.node_types = how, node_types
        self.table = None if nodes is None else NodeTable(nodes, how.memory // 2)
        self.kind = self._column("node_type", node_type)
        label = None if self.table is None else self.table.label
        if label is not None and node_type is not None:
            raise TypeError("node_type= is given, but the table of nodes= has a column :LABEL.")
        self.kind = label if self.kind is None else self.kind
        self.codes = None if isinstance(node_type, (str, type(None))) else _array("node_type", node_type)
        self.identity = _identity(self.table, node_type, node_types, x, y)
        if node_types is not None and self.kind is None and self.codes is None:
            raise TypeError("node_types= names the types that node_type= gives, which is missing.")
        self.columns = {name: self._columns(name, value) for name, value in (("x", x), ("y", y))}
        self.arrays = {
            name: None if value is None or self.columns[name] is not None else _array(name, value)
            for name, value in (("x", x), ("y", y))
        }

    def _column(self, name: str, value: Any) -> int | None:
        found = self._columns(name, value if isinstance(value, str) else None)
        return None if found is None else found[0]

    def _columns(self, name: str, value: Any) -> list[int] | None:
        """Positions of columns of the table of nodes, if ``value`` names some."""
        named = isinstance(value, str) or (isinstance(value, (list, tuple)) and _are_names(value))
        if not named:
            return None
        if isinstance(value, str) and value.endswith(".npy"):
            raise TypeError(f"{name}={value!r} names a column of nodes=; give pathlib.Path({value!r}) for a file.")
        if self.table is None:
            raise TypeError(
                f"{name}={value!r} names a column of nodes=, which is missing; give the table of the nodes."
            )
        if name == "y" and not isinstance(value, str):
            raise TypeError(f"y must name one column of nodes=, got {value!r}.")
        return self.table.find([value] if isinstance(value, str) else value, name)

    def check(self, num_nodes: int) -> None:
        """ValueError if an array has another number of rows than the graph."""
        for name, array in (("node_type", self.codes), *self.arrays.items()):
            if array is not None and array.shape[0] != num_nodes:
                raise ValueError(f"{name} must have one row per node ({num_nodes}), got {array.shape[0]}.")

    def read(self, folder: Path) -> None:
        """Read the names of the table, and whatever must be known beforehand."""
        if self.table is not None:
            self._kinds = None
            if self.kind is not None:
                guessed = self.table.fields[self.kind].kind == ""  # labels and what is called a string stay strings
                self._kinds = KindNames(self.how.memory // 8, "node_type", numbers=guessed)
            wanted = [at for found in self.columns.values() for at in found or ()]
            with self._bar("reading nodes") as bar:
                self.table.read(folder, self.kind, self._kinds, wanted, bar.update)
            self.check(self.table.count)

    def finish(self, folder: Path, num_nodes: int) -> tuple[Types, Any, Any]:
        """Types of the nodes, features and labels, mapped where they are large."""
        self.check(num_nodes)
        types = NO_TYPES
        if self.table is not None and self.kind is not None:
            assert self._kinds is not None
            codes, names = self._kinds.finish(self.node_types)
            types = Types(node_type=self.table.node_type(folder, codes), node_types=names)
        elif self.codes is not None:
            codes, names = encode(self.codes, self.node_types, num_nodes, "node_type")
            types = Types(node_type=codes, node_types=names)
        found = dict(self.arrays)
        for name, wanted in self.columns.items():
            if wanted is not None:
                assert self.table is not None
                flat = name == "y"
                with self._bar(f"reading {name}") as bar:
                    found[name] = self.table.matrix(folder, name, wanted, bar.update, flat=flat)
        return types, found["x"], found["y"]

    def _bar(self, what: str) -> Any:
        assert self.table is not None
        total = sum(file.stat().st_size for file in self.table.paths)
        return progress_bar(total=total, desc=what, unit="B", unit_scale=True, progress=self.how.progress)


def _identity(table: NodeTable | None, node_type: Any, node_types: Any, x: Any, y: Any) -> list[Any] | None:
    """What tells these attributes from others, of JSON; None if they are arrays in memory."""
    found: list[Any] = [table and stamp(*table.paths), node_types and list(node_types)]
    for value in (node_type, x, y):
        if isinstance(value, os.PathLike):
            found.append(stamp(value))
        elif value is None or isinstance(value, str) or (isinstance(value, (list, tuple)) and _are_names(value)):
            found.append(value)
        else:
            return None
    return found


def _are_names(values: Sequence[Any]) -> bool:
    return bool(values) and all(isinstance(one, str) for one in values)


def _array(name: str, value: Any) -> Any:
    """An array with a row per node, which may be mapped; a path is that of an .npy file."""
    if isinstance(value, os.PathLike):
        value = mapped_npy(Path(value))
    if hasattr(value, "vectors") or type(value).__module__.split(".")[0] == "pandas" or hasattr(value, "keys"):
        raise TypeError(
            f"{name} must be an array with a row per node, the path of an .npy file, or a column of nodes=; got "
            f"{type(value).__name__}, whose rows have names."
        )
    value = value if sp.issparse(value) else detached(value)
    value = value if hasattr(value, "shape") and hasattr(value, "ndim") else np.asarray(value)
    if not value.ndim:
        raise ValueError(f"{name} must have one row per node, got a single value.")
    if value.dtype.kind not in "biufOUT":
        raise TypeError(f"{name} holds {value.dtype}, where a file holds real numbers or strings; convert it.")
    return value


class NodeTable:
    """A table of nodes, of one or several files with the same columns: text with a header, or Parquet.

    Parameters
    ----------
    nodes : path or list of paths
    memory : int
        Bytes for names; blocks are small beside it.
    """

    def __init__(self, nodes: Any, memory: int) -> None:
        self.paths, self.memory = node_files(nodes), memory
        headers = [_header(path) for path in self.paths]
        for path, header in zip(self.paths, headers, strict=True):
            if header != headers[0]:
                raise ValueError(
                    f"{path} has the columns {brief(*header)}, but {self.paths[0]} has {brief(*headers[0])}."
                )
        self.what = str(self.paths[0])
        self.fields = [parse_field(name) for name in headers[0]]
        self.id = id_column(self.fields, self.what)
        if any(one.space for one in self.fields if one.kind == "ID"):
            raise ValueError(f"{self.what} has an id space, by its column {brief(headers[0][self.id])}; {_WHOLE}.")
        labels = [at for at, one in enumerate(self.fields) if one.kind == "LABEL"]
        if len(labels) > 1:
            raise ValueError(f"{self.what} has {len(labels)} columns of the kind :LABEL; keep one.")
        self.label = labels[0] if labels else None
        self.names: FixedIntegers | StringNames
        self.dtypes = _known_dtypes(self.paths, self.fields)
        self.count = 0

    def find(self, names: Sequence[str], argument: str) -> list[int]:
        """Positions of properties."""
        known = {one.name: at for at, one in enumerate(self.fields) if one.kind not in ("ID", "LABEL", "IGNORE")}
        for name in names:
            if name not in known:
                listed = brief(*known) or "none"
                raise ValueError(
                    f"{argument}: no table of nodes ({self.what}) has a property {brief(name)}; the properties are "
                    f"{listed}."
                )
        return [known[name] for name in names]

    def read(
        self,
        folder: Path,
        kind: int | None,
        kinds: KindNames | None,
        properties: Sequence[int],
        bar: Callable[[int], Any],
    ) -> None:
        """Read the names, the numbers of the types to a file, and which numbers properties hold of no known dtype."""
        properties = [at for at in properties if at not in self.dtypes]
        text = self.fields[self.id].id_type in ("string", "actual")
        names: FixedIntegers | StringNames = StringNames(self.memory) if text else FixedIntegers(folder, self.memory)
        again = not self._read(names, folder, kind, kinds, properties, bar)
        if again:
            names = StringNames(self.memory)
            self._read(names, folder, kind, None, (), bar)
        twice = names.close() if isinstance(names, FixedIntegers) else None
        if twice is not None:
            raise ValueError(f"{self.what} has the id {twice} twice, or another table has it; ids are distinct.")
        if isinstance(names, StringNames):
            names.complete = True
        self.names = names
        self.count = names.count

    def _read(
        self,
        names: FixedIntegers | StringNames,
        folder: Path,
        kind: int | None,
        kinds: KindNames | None,
        properties: Sequence[int],
        bar: Callable[[int], Any],
    ) -> bool:
        """False if the names are no integers although ``names`` expects them; all else is read nevertheless."""
        wanted = list(dict.fromkeys([self.id, *([] if kind is None else [kind]), *properties]))
        integers = True
        row = 0
        with (folder / "kinds").open("ab" if kinds is None else "wb") as file:
            for columns in self._blocks(wanted, bar):
                ids = columns[self.id]
                integers = self._add_names(names, ids, row) and integers
                if kinds is not None and kind is not None:
                    file.write(self._kinds(columns[kind], kind, kinds, ids).data)
                for at in properties:
                    found = self._values(columns[at], at, ids).dtype
                    self.dtypes[at] = np.result_type(self.dtypes.get(at, found), found)
                row += len(ids)
        return integers

    def _add_names(self, names: FixedIntegers | StringNames, column: Any, row: int) -> bool:
        """False if they are no integers although ``names`` expects them."""
        values = typed_values(column)
        if isinstance(names, FixedIntegers) and values is not None and values.dtype.kind in "iu" and values.ndim == 1:
            if len(values) and max(abs(int(values.min())), int(values.max())) >= 10**18:  # as in text
                return False
            names.append(values.astype(np.int64))
            return True
        ids = _ids(column, self.what, self.fields[self.id], row)
        if isinstance(names, StringNames):
            self._add_strings(names, ids)
            return True
        if not all(map(is_integer_text, ids)):
            return False
        names.append(np.array(ids, dtype=np.int64))
        return True

    def _add_strings(self, names: StringNames, ids: list[str]) -> None:
        before = names.count
        rows = names.add(name.encode() for name in ids)
        if names.count < before + len(ids):
            expected = np.arange(before, before + len(ids))
            twice = ids[int(np.flatnonzero(rows != expected)[0])]
            raise ValueError(f"{self.what} has the id {brief(twice)} twice, or another table has it; ids are distinct.")

    def _kinds(self, column: Any, at: int, kinds: KindNames, ids: Any) -> npt.NDArray[np.int32]:
        """Numbers of types; a label that is missing is "node", as in tables that are read as a whole."""
        if at == self.label:
            listed = ["node" if _missing(one) else str(one) for one in _listed(column)]
        else:
            self._check_present(column, at, ids)
            values = typed_values(column)
            if values is None and self.fields[at].kind not in ("", "string"):
                values = self._values(column, at, ids)
            if values is not None and values.dtype.kind in "iu" and values.ndim == 1:
                distinct, codes = np.unique(values, return_inverse=True)
                return kinds.add(codes.ravel(), distinct)
            listed = _listed(column) if values is None else values.tolist()
        number: dict[Any, int] = {}
        codes = np.fromiter((number.setdefault(one, len(number)) for one in listed), dtype=np.int32)
        odd = next((one for one in number if not isinstance(one, str)), None)
        if odd is not None:
            raise TypeError(f"node_type must hold integers or strings, got {type(odd).__name__} {brief(odd)}.")
        return kinds.add(codes, [one.encode() for one in number])

    def _values(self, column: Any, at: int, ids: Any) -> npt.NDArray[Any]:
        """Values of a property, one for each of the nodes."""
        field = self.fields[at]
        what = f"the property {brief(field.name)} of {self.what}"
        values = None if field.kind else typed_values(column, what)
        if values is not None:
            return values
        self._check_present(column, at, ids)
        return property_values(_listed(column), field.kind, what)

    def _check_present(self, column: Any, at: int, ids: Any) -> None:
        lost = next((i for i, one in enumerate(_listed(column)) if _missing(one)), None)
        if lost is not None:
            what = f"the property {brief(self.fields[at].name)} of {self.what}"
            raise ValueError(f"{what} has no value for {brief(_listed(ids)[lost])}; fill it in, or {_WHOLE}.")

    def node_type(self, folder: Path, codes: Codes) -> npt.NDArray[Any]:
        """The types of the nodes, whose numbers :meth:`read` wrote, mapped from a file."""
        step = 1 << 18
        with (folder / "kinds").open("rb") as numbers, (folder / "node_type").open("wb") as file:
            while block := numbers.read(4 * step):
                file.write(codes[np.frombuffer(block, dtype=np.int32)].data)
        with (folder / "node_type").open("rb") as file:
            return mapped_array(file, codes.dtype, (self.count,), 0)

    def matrix(self, folder: Path, name: str, wanted: Sequence[int], bar: Callable[[int], Any], *, flat: bool) -> Any:
        """Properties as the columns of a matrix, or one as it is if ``flat``, mapped from a file."""
        for at in wanted:
            self.dtypes.setdefault(at, np.dtype(np.int64))  # of no rows
            if self.dtypes[at].kind not in "biuf":
                called, dtype = brief(self.fields[at].name), self.dtypes[at]
                use = "is no feature" if name == "x" else f"is only read as a whole; {_WHOLE.split(' to ')[0]}"
                raise TypeError(f"the node attribute {called} holds {dtype} and no numbers, so it {use}.")
        dtype = np.result_type(*(self.dtypes[at] for at in wanted))
        shape: tuple[int, ...] | None = None
        with (folder / name).open("wb") as file:
            for columns in self._blocks([self.id, *wanted], bar):
                parts = [self._values(columns[at], at, columns[self.id]) for at in wanted]
                alone = len(parts) == 1 and (flat or parts[0].ndim == 2)
                block = parts[0] if alone else np.column_stack(parts)
                if shape is not None and shape != block.shape[1:]:
                    raise ValueError(
                        f"the property {brief(self.fields[wanted[0]].name)} of {self.what} must hold arrays of one "
                        f"length, got {shape[0]} and {block.shape[1]} values."
                    )
                shape = block.shape[1:]
                if block.dtype.kind not in "biuf":  # a list without numbers
                    called = brief(*(self.fields[at].name for at in wanted))
                    raise TypeError(f"the property {called} of {self.what} holds other than numbers in some rows.")
                file.write(np.ascontiguousarray(block, dtype=dtype).data)
        if shape is None:
            shape = () if flat else (len(wanted),)
        with (folder / name).open("rb") as file:
            return mapped_array(file, dtype, (self.count, *shape), 0)

    def _blocks(self, wanted: Sequence[int], bar: Callable[[int], Any]) -> Iterator[dict[int, Any]]:
        """Columns of some rows, by position; ``bar`` gets the bytes as they are read."""
        for path in self.paths:
            blocks = _parquet_blocks if _is_parquet(path) else _text_blocks
            yield from blocks(path, list(dict.fromkeys(wanted)), self.memory // 16, bar)


def _is_parquet(path: Path) -> bool:
    return head_of(path, 4) == b"PAR1"


def _known_dtypes(paths: Sequence[Path], fields: Sequence[Field]) -> dict[int, np.dtype[Any]]:
    """Dtypes of the columns of numbers, and of arrays of them, if all files are Parquet."""
    if not all(map(_is_parquet, paths)):
        return {}
    import pyarrow as pa
    import pyarrow.parquet as pq

    found: dict[int, np.dtype[Any]] = {}
    lists = (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list)
    unknown = set()
    for path in paths:
        with parquet_errors(path), open_regular(path) as file:
            kinds = pq.ParquetFile(file).schema_arrow.types
        for at, (field, kind) in enumerate(zip(fields, kinds, strict=True)):
            listed = any(is_list(kind) for is_list in lists)
            inner = kind.value_type if listed else kind
            numbers = pa.types.is_integer(inner) or pa.types.is_floating(inner)
            if not field.kind and (numbers or (pa.types.is_boolean(inner) and not listed)):
                dtype = np.dtype(inner.to_pandas_dtype())
                found[at] = np.result_type(found.get(at, dtype), dtype)
            else:
                unknown.add(at)
    return {at: dtype for at, dtype in found.items() if at not in unknown}


def _header(path: Path) -> list[str]:
    if _is_parquet(path):
        need_pyarrow(path)
        import pyarrow.parquet as pq

        with parquet_errors(path), open_regular(path) as file:
            names = list(pq.ParquetFile(file).schema_arrow.names)
        if len(set(names)) < len(names):
            raise ValueError(f"{path} has two columns of the same name, of {brief(*names)}.")
        return names
    with _rows(path, lambda _: None) as rows:
        return next(rows)


@contextmanager
def _rows(path: Path, bar: Callable[[int], Any]) -> Iterator[Iterator[list[str]]]:
    """Rows of a text, the header first, as :func:`graphrep.io.node_tables.read_columns` splits them."""
    with reading(path, "is not readable as a table"), opened_text(path) as (file, position):
        lines = _lines(file, position, bar)
        first = next(lines, "")
        delimiter = max(",\t;|", key=first.count)

        def rows() -> Iterator[list[str]]:
            def text() -> Iterator[str]:
                yield first
                yield from lines

            width = 0
            number = 0
            for row in csv.reader(text(), delimiter=delimiter, strict=True):
                if not row:
                    continue
                number += 1
                width = width or len(row)
                if len(row) != width:
                    raise ValueError(f"{path}: row {number} has {len(row)} fields, but the header has {width} columns.")
                yield row

        found = rows()
        head = next(found, None)
        if head is None:
            raise ValueError(f"{path} is empty; it must begin with the names of its columns.")

        def again() -> Iterator[list[str]]:
            yield head
            yield from found

        yield again()


def _lines(file: Any, position: Callable[[], int], bar: Callable[[int], Any]) -> Iterator[str]:
    """Lines of a text in UTF-8 with their ends."""
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    rest, done = "", 0
    while block := file.read(_BLOCK):
        bar(-done + (done := position()))
        lines = list(io.StringIO(rest + decoder.decode(block), newline=""))
        rest = lines.pop() if lines and not lines[-1].endswith("\n") else ""
        yield from lines
    last = rest + decoder.decode(b"", final=True)
    if last:
        yield last


def _text_blocks(path: Path, wanted: Sequence[int], room: int, bar: Callable[[int], Any]) -> Iterator[dict[int, Any]]:
    with _rows(path, bar) as rows:
        next(rows)
        block: list[list[str]] = []
        left = room // 16  # characters; values in Python take more
        for row in rows:
            block.append([row[at] for at in wanted])
            left -= sum(map(len, row))
            if left < 0 or len(block) == _ROWS:
                yield dict(zip(wanted, map(list, zip(*block, strict=True)), strict=True))
                block, left = [], room // 16
        if block:
            yield dict(zip(wanted, map(list, zip(*block, strict=True)), strict=True))


def _parquet_blocks(
    path: Path, wanted: Sequence[int], room: int, bar: Callable[[int], Any]
) -> Iterator[dict[int, Any]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    from graphrep._tables import columns_of_table
    from graphrep.io.formats.parquet import check_parquet
    from graphrep.io.formats.parquet_footer import column_chunks

    with parquet_errors(path), open_regular(path) as file:
        before = os.fstat(file.fileno())
        whole = pq.ParquetFile(file, **IN_PARTS)
        names = whole.schema_arrow.names
        chosen = [names[at] for at in wanted]
        file.seek(0)
        check_parquet(path, file, set(chosen))
        row, done, count = 0, 0, whole.metadata.num_rows
        size = sum(chunk.num_bytes for chunk in column_chunks(file) if chunk.column in chosen)
        file.seek(0)
        step = max(1, min(_ROWS, room * count // max(1, 4 * size)))
        for batch in whole.iter_batches(step, columns=chosen, use_threads=False):
            table = pa.Table.from_batches([batch])
            table.validate(full=True)
            load = columns_of_table(table)[1]
            yield dict(zip(wanted, load([table.column_names.index(name) for name in chosen]), strict=True))
            row += len(table)
            share = before.st_size * row // max(count, 1)
            bar(-done + (done := share))
        check_unchanged(path, file, before)


def _listed(column: Any) -> list[Any]:
    return list(column) if isinstance(column, list) else list(column.to_list())


def _missing(value: Any) -> bool:
    return is_missing(value) or (isinstance(value, str) and value == "")


def _ids(column: Any, what: str, field: Field, row: int) -> list[str]:
    """Ids as text; integers are spelled as in a file."""
    values = _listed(column)
    for at, value in enumerate(values):
        if _missing(value) or isinstance(value, (float, bool)):
            name = field.name or f":{field.kind}"
            state = "no id" if _missing(value) else f"the id {brief(value)}, which is neither an integer nor a string,"
            raise ValueError(f"{what} has {state} in row {row + at} of the column {brief(name)}.")
    return list(map(str, values))
