"""Tables of nodes and edges in the form of neo4j-admin: the fields of a header, rows of text, and files written."""

from __future__ import annotations

import codecs
import csv
import importlib.util
import io
import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from graphrep._checks import brief
from graphrep.io._text import head_of, read_text
from graphrep.io.atomic import replacing
from graphrep.io.bounded import reading

__all__ = [
    "Field",
    "id_column",
    "is_integer_text",
    "may_link_nodes",
    "node_files",
    "parse_field",
    "property_column",
    "property_values",
    "read_columns",
    "typed_values",
    "write_columns",
]

_FIELD = re.compile(
    r"(?P<name>[^:]*):(?P<kind>[A-Za-z_-]+(?:\[\])?)\s*(?:\((?P<space>[^)]*)\))?\s*(?:\{(?P<more>.*)\})?\s*"
)
_INTEGERS = {"byte": np.int8, "short": np.int16, "int": np.int64, "long": np.int64, "integer": np.int64}
_FLOATS = {"float": np.float32, "double": np.float64, "number": np.float64}
_NEO4J = {"i": "long", "u": "long", "b": "boolean", "f": "double"}
_IDS = ("id", "nodeid", "node", "name", "key")  # of a plain table, as the first of them is called
SEPARATOR = ";"  # between the values of an array, and between labels


class Field(NamedTuple):
    """A column of a table: ``age:int`` has the name age and the kind int, ``id:ID(Person)`` the space Person."""

    name: str
    kind: str  # "ID", "START_ID", "END_ID", "LABEL", "TYPE", "IGNORE", or of a property, in small letters; "": unknown
    space: str
    id_type: str  # as in ``:ID{id-type: int}``, or ""


def parse_field(header: Any) -> Field:
    """Parts of a name of a column."""
    found = _FIELD.fullmatch(str(header))
    if found is None:
        return Field(str(header), "", "", "")
    kind = found["kind"]
    upper = kind.upper()
    known = upper in ("ID", "START_ID", "END_ID", "LABEL", "TYPE", "IGNORE")
    id_type = re.search(r"id-type\s*:\s*(\w+)", found["more"] or "")
    return Field(found["name"], upper if known else kind.lower(), found["space"] or "", id_type[1] if id_type else "")


def may_link_nodes(path: str | os.PathLike[str]) -> bool:
    """Whether a file may be a table of edges; False only for text that begins otherwise, which need not be read."""
    try:
        text = codecs.getincrementaldecoder("utf-8-sig")().decode(head_of(path))
    except (OSError, UnicodeDecodeError):  # a pipe, or packed otherwise
        return True
    return "\n" not in text or ":start_id" in text.lower()


def read_columns(path: str | os.PathLike[str]) -> tuple[list[str], list[list[str]]]:
    """Header and columns of a text file with a header; the separator is the most frequent of ``, tab ; |`` in it.

    Compressed files are read within the bounds of :class:`graphrep.io.bounded.Budget`. Fields may be quoted, and quoted
    ones go over several lines. ValueError if a line has another number of fields than the header, or for no text.
    """
    text = read_text(path)
    first = text[: (text + "\n").index("\n")]
    delimiter = max(",\t;|", key=first.count)
    with reading(path, "is not readable as a table"):
        rows = [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True) if row]
    if not rows:
        raise ValueError(f"{path} is empty; it must begin with the names of its columns.")
    wrong = next((number for number, row in enumerate(rows) if len(row) != len(rows[0])), None)
    if wrong is not None:
        raise ValueError(
            f"{path}: row {wrong + 1} has {len(rows[wrong])} fields, but the header has {len(rows[0])} columns."
        )
    header, *body = rows
    return header, [list(column) for column in zip(*body, strict=True)] if body else [[] for _ in header]


def id_column(fields: Sequence[Field], what: str) -> int:
    """Position of the column of ids."""
    ids = [at for at, one in enumerate(fields) if one.kind == "ID"]
    if len(ids) > 1:
        raise ValueError(f"{what} has {len(ids)} columns of the kind :ID; keep one.")
    if ids:
        return ids[0]
    plain = [one.name.replace("_", "").casefold() if not one.kind else "" for one in fields]
    found = next((name for name in _IDS if name in plain), None)
    if found is None:
        listed = brief(*(one.name for one in fields))
        raise ValueError(f"{what} has no column of ids among {listed}; call it ':ID' or 'id'.")
    return plain.index(found)


def is_integer_text(text: str) -> bool:
    """Whether an id is an integer in its usual spelling."""
    digits = text.removeprefix("-")
    return digits.isascii() and digits.isdigit() and len(digits) <= 18 and (digits == "0" or digits[0] != "0") and (
        text != "-0"
    )  # fmt: skip


def node_files(nodes: Any) -> list[Path]:
    """Files of tables that are given as a path, a folder of parts or a list of these."""
    from graphrep.io.graph_files import files_of_edges

    listed = nodes if isinstance(nodes, (list, tuple)) else [nodes]
    if not listed or not all(isinstance(one, (str, os.PathLike)) for one in listed):
        raise TypeError(f"nodes must be the path of a table of nodes, or a list of paths, got {brief(nodes)}.")
    return [file for one in listed for file in (files_of_edges(Path(one)) if os.path.isdir(one) else [Path(one)])]


def typed_values(column: Any, what: str = "a column") -> npt.NDArray[Any] | None:
    """Numbers of a column of a frame, none of which is missing; lists of numbers become rows. None for all else."""
    if isinstance(column, list):
        return None
    if isinstance(column, np.ndarray):
        values = column
    else:
        import narwhals as nw

        if column.null_count():
            return None
        if column.dtype in (nw.List, nw.Array):
            return None if importlib.util.find_spec("pyarrow") is None else _rows_of_lists(column, what)
        if not (column.dtype.is_integer() or column.dtype.is_float() or column.dtype == nw.Boolean):
            return None
        values = np.asarray(column.to_numpy())
    if values.dtype.kind not in "biuf" or (values.dtype.kind == "f" and bool(np.isnan(values).any())):
        return None
    return values


def _rows_of_lists(column: Any, what: str) -> npt.NDArray[Any] | None:
    import pyarrow as pa

    found = column.to_arrow()
    found = found.combine_chunks() if isinstance(found, pa.ChunkedArray) else found
    flat = found.flatten()
    if not (pa.types.is_integer(flat.type) or pa.types.is_floating(flat.type)) or flat.null_count:
        return None
    widths = found.value_lengths().to_numpy() if len(found) else np.zeros(0)
    if len(widths) and widths.min() != widths.max():
        raise ValueError(f"{what} must hold arrays of one length, got {widths.min()} to {widths.max()} values.")
    return np.asarray(flat.to_numpy(zero_copy_only=False)).reshape(len(found), -1 if len(flat) else 0)


def property_values(values: Sequence[Any], kind: str, what: str) -> npt.NDArray[Any]:
    """An array of the values of a property, none of which is missing; of shape (n, width) for arrays such as float[].

    Without a kind, text becomes integers or floats if all of it can.

    Raises
    ------
    ValueError
        A value is not of the kind, or arrays differ in length.
    """
    if kind.endswith("[]"):
        split = [value.split(SEPARATOR) if isinstance(value, str) else list(value) for value in values]
        widths = sorted({len(row) for row in split})
        if len(widths) > 1:
            raise ValueError(f"{what} must hold arrays of one length, got {widths[0]} to {widths[-1]} values.")
        flat = property_values([value for row in split for value in row], kind[:-2], what)
        return flat.reshape(len(split), widths[0] if widths else 0)
    if kind == "boolean":
        spelled = [str(value).strip().lower() for value in values]
        _refuse(what, kind, values, (text in ("true", "false") for text in spelled))
        return np.array([text == "true" for text in spelled], dtype=bool)
    if kind in _INTEGERS or kind in _FLOATS:
        try:
            return _numbers(kind, values)
        except (ValueError, TypeError, OverflowError):
            _refuse(what, kind, values, (_is(kind, value) for value in values))
            raise

    if not kind and values and all(isinstance(value, (bool, np.bool_)) for value in values):
        return np.array(values, dtype=bool)
    if not kind:
        for guess in ("long", "double"):
            try:
                return property_values(values, guess, what)
            except (ValueError, TypeError, OverflowError):
                continue
    return np.fromiter(map(str, values), dtype=object, count=len(values))


def _whole(value: Any) -> int:
    """An integer, without what Python accepts besides: 1.5 cut off, and 1_000."""
    if isinstance(value, bool) or (isinstance(value, str) and "_" in value):
        raise ValueError("not an integer")
    if isinstance(value, float) and not value.is_integer():
        raise ValueError("not an integer")
    return int(value)


def _real(value: Any) -> float:
    if isinstance(value, bool) or (isinstance(value, str) and "_" in value):
        raise ValueError("not a number")
    return float(value)


def _numbers(kind: str, values: Sequence[Any]) -> npt.NDArray[Any]:
    if kind in _INTEGERS:
        return np.array(list(map(_whole, values)), dtype=_INTEGERS[kind])
    wide = np.array(list(map(_real, values)), dtype=np.float64)
    with np.errstate(over="ignore"):
        found = wide.astype(_FLOATS[kind])
    if (np.isinf(found) & np.isfinite(wide)).any():
        raise OverflowError("too large")
    return found


def _is(kind: str, value: Any) -> bool:
    try:
        _numbers(kind, [value])
    except (ValueError, TypeError, OverflowError):
        return False
    return True


def _refuse(what: str, kind: str, values: Sequence[Any], good: Iterable[bool]) -> None:
    for value, fine in zip(values, good, strict=True):
        if not fine:
            raise ValueError(f"{what} must hold values of the kind {kind}, got {str(value)[:40]!r}.")


def write_columns(path: str | os.PathLike[str], columns: Sequence[tuple[str, Sequence[Any]]]) -> None:
    """Write columns with their headers, whole or not at all."""
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([header for header, _ in columns])
        writer.writerows(zip(*(values for _, values in columns), strict=True))


def property_column(name: str, values: npt.NDArray[Any], what: str) -> tuple[str, list[Any]]:
    """Header and texts of a property: ``x:float[]`` for a matrix of float32."""
    if values.ndim not in (1, 2) or values.dtype.kind not in "iubfOUS":
        got = f"{values.dtype} {values.shape}"
        raise TypeError(f"{what} must be numbers or strings of one or two dimensions, got {got}.")
    kind = "float" if values.dtype == np.float32 else _NEO4J.get(values.dtype.kind, "string")
    if kind == "boolean":
        texts = np.where(values, "true", "false")
    else:
        texts = values.astype(str) if kind != "string" else values
    if values.ndim == 1:
        return f"{name}:{kind}", texts.tolist()
    return f"{name}:{kind}[]", [SEPARATOR.join(row) for row in texts.astype(str).tolist()]
