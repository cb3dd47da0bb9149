"""The edge-list parser in plain Python: the test oracle."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

import numpy as np

from graphrep.csr import index_dtype
from graphrep.io._lines import NO_POSITIONS, BadLineError, Format, Table, data_lines, integer, is_integer, is_padded

if TYPE_CHECKING:
    from graphrep.io._text import Bytes

_NUMBER = re.compile(rb"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?|[+-]?(inf|infinity|nan)", re.IGNORECASE)
_THOUSANDS = re.compile(rb"[+-]?[1-9]\d{0,2},\d{3}")


def parse_edges(text: Bytes, begin: int, form: Format, *, n_jobs: int | None = None) -> Table:  # noqa: ARG001
    """Read the lines from ``begin`` on.

    Nodes are numbered by rank if all names are integers, else by first appearance; with ``form.num_nodes`` the names
    are the row numbers.

    Raises
    ------
    BadLineError
        For the first bad line. An integer outside int64 is an error only if all names are integers and no other line
        is bad.
    """
    names: list[bytes] = []
    first: dict[bytes, int] = {}  # positions
    weights = []
    overflow = padded = None
    for line in data_lines(text, begin, form.delimiter, form.comments, quotes=form.quotes):
        if len(line.fields) != form.columns:
            raise BadLineError("columns", line.number, columns=len(line.fields))
        wanted = [form.source, form.target, *([] if form.weight is None else [form.weight])]
        if not all(line.fields[column] for column in wanted):
            raise BadLineError("empty_field", line.number)
        if form.weight is not None:
            weights.append(_weight(line.fields[form.weight], line.number, form.delimiter))
        for column in wanted[:2]:
            name = line.fields[column]
            if form.num_nodes is not None and not is_integer(name):
                raise BadLineError("integer_needed", line.number, name)
            if form.num_nodes is not None and not 0 <= integer(name) < form.num_nodes:
                raise BadLineError("id_outside", line.number, name)
            if overflow is None and is_integer(name) and not -(2**63) <= integer(name) < 2**63:
                overflow = BadLineError("integer_range", line.number, name)
            names.append(name)
            first.setdefault(name, line.positions[column])
        if padded is None:
            ends = sorted((line.positions[column], line.fields[column]) for column in wanted[:2])
            padded = next((name for _, name in ends if is_padded(name)), None)
    w = None if form.weight is None else np.array(weights, dtype=np.float32)
    if form.strings or not all(map(is_integer, first)):
        for name, position in first.items():
            if b"\0" in name:
                raise BadLineError("nul_byte", text[:position].count(b"\n") + 1)
        number = {name: i for i, name in enumerate(first)}
        positions = np.array(list(first.values()), dtype=np.int64)
        codes = np.array([number[name] for name in names], dtype=index_dtype(len(number)))
        return Table(
            codes[::2].copy(), codes[1::2].copy(), w, None, b"".join(name + b"\0" for name in first), positions
        )
    if overflow is not None:
        raise overflow
    values = np.array([integer(name) for name in names], dtype=np.int64)
    if form.num_nodes is not None:
        ids, codes = None, values.astype(index_dtype(form.num_nodes))
    else:
        ids, codes = np.unique(values, return_inverse=True)
        codes = codes.astype(index_dtype(len(ids)))
    return Table(codes[::2].copy(), codes[1::2].copy(), w, ids, b"", NO_POSITIONS, padded)


def _weight(field: bytes, line: int, delimiter: bytes) -> float:
    point = field
    if not _NUMBER.fullmatch(field):
        point = field.replace(b",", b".", 1)
        if len(field) >= 64 or not _NUMBER.fullmatch(point):
            raise BadLineError("weight_text", line, field)
        if delimiter != b";" and _THOUSANDS.fullmatch(field):
            raise BadLineError("weight_comma", line, field)
    value = float(point)
    with np.errstate(over="ignore"):
        if not math.isfinite(np.float32(value)) or value < 0:
            raise BadLineError("weight_value", line, field)
    return value
