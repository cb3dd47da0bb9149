"""The native parser of ``csrc/edgelist.cpp``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from graphrep import _core
from graphrep._threads import resolve_threads
from graphrep.io._lines import NO_POSITIONS, BadLineError, Format, Table, integer_at

if TYPE_CHECKING:
    from graphrep.io._text import Bytes


def parse_edges(
    text: Bytes,
    begin: int,
    form: Format,
    *,
    n_jobs: int | None = None,
    wide: bool = False,
    chunk_bytes: int = 0,
) -> Table:
    """See :func:`graphrep.io._edgelist_reference.parse_edges`.

    ``wide`` requests int64 end points; the text is split into chunks of ``chunk_bytes`` (0: a cache-friendly size).
    """
    threads = resolve_threads(n_jobs) if n_jobs is not None else max(1, min(resolve_threads(None), len(text) >> 16))
    num_nodes = -1 if form.num_nodes is None else form.num_nodes
    problem, source, target, weights, ids, names, positions, padded = _core.read_edge_list(
        np.frombuffer(text, dtype=np.uint8),
        begin,
        form.delimiter,
        form.columns,
        form.source,
        form.target,
        -1 if form.weight is None else form.weight,
        form.quotes,
        list(form.comments),
        num_nodes,
        form.strings,
        wide or num_nodes >= 2**31,
        chunk_bytes,
        threads,
    )
    if problem is not None:
        fault, line, start, stop, columns = problem
        field = text[start:stop]
        if form.quotes and text[start - 1 : start] == b'"':
            field = field.replace(b'""', b'"')
        raise BadLineError(fault, line, field, columns)
    kind = f"i{source.itemsize}"  # "long long" becomes NumPy's int64
    return Table(
        source.view(kind),
        target.view(kind),
        weights,
        None if ids is None else ids.view(np.int64),
        names or b"",
        NO_POSITIONS if positions is None else positions.view(np.int64),
        None if padded < 0 else integer_at(text, padded),
    )
