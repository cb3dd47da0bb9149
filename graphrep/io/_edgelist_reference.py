"""The edge-list parser in plain Python: the test oracle."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

import numpy as np

from graphrep.csr import index_dtype
from graphrep.io._lines import NO_POSITIONS, BadLineError, Format, Table, data_lines, is_integer

if TYPE_CHECKING:
    from graphrep.io._text import Bytes

_NUMBER = re.compile(rb"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?|[+-]?(inf|infinity|nan)", re.IGNORECASE)


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
    first: dict[bytes, int] = {}
    weights = []
    overflow = None
    for line in data_lines(text, begin, form.comments):
        fields = line.fields(form.delimiter)
        if len(fields) != form.columns:
            raise BadLineError("columns", line.number, columns=len(fields))
        if not all(fields[: 3 if form.weighted else 2]):
            raise BadLineError("empty_field", line.number)
        if form.weighted:
            weights.append(_weight(fields[2], line.number))
        for name in fields[:2]:
            if form.num_nodes is not None and not is_integer(name):
                raise BadLineError("integer_needed", line.number, name)
            if form.num_nodes is not None and not 0 <= int(name) < form.num_nodes:
                raise BadLineError("id_outside", line.number, name)
            if overflow is None and is_integer(name) and not -(2**63) <= int(name) < 2**63:
                overflow = BadLineError("integer_range", line.number, name)
            names.append(name)
            first.setdefault(name, line.start)
    w = np.array(weights, dtype=np.float32) if form.weighted else None
    if not all(map(is_integer, first)):
        number = {name: i for i, name in enumerate(first)}
        positions = np.array([text.find(name, start) for name, start in first.items()], dtype=np.int64)
        codes = np.array([number[name] for name in names], dtype=index_dtype(len(number)))
        return Table(
            codes[::2].copy(), codes[1::2].copy(), w, None, b"".join(name + b"\n" for name in first), positions
        )
    if overflow is not None:
        raise overflow
    values = np.array([int(name) for name in names], dtype=np.int64)
    if form.num_nodes is not None:
        ids, codes = None, values.astype(index_dtype(form.num_nodes))
    else:
        ids, codes = np.unique(values, return_inverse=True)
        codes = codes.astype(index_dtype(len(ids)))
    return Table(codes[::2].copy(), codes[1::2].copy(), w, ids, b"", NO_POSITIONS)


def _weight(field: bytes, line: int) -> float:
    if not _NUMBER.fullmatch(field):
        raise BadLineError("weight_text", line, field)
    value = float(field)
    with np.errstate(over="ignore"):
        if not math.isfinite(np.float32(value)) or value < 0:
            raise BadLineError("weight_value", line, field)
    return value
