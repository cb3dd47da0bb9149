"""The work of ``graphrep neighbors``: exact nearest nodes, printed or written to a table."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import numpy as np

from graphrep._progress import progress_bar
from graphrep.io.table import table_writer
from graphrep.vectors import load_vectors

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from graphrep.vectors import NodeVectors, SearchMetric

_CHUNK = 4096  # nodes whose neighbors are held at a time


def read(path: Path, form: str | None, names: str | None, columns: str | None) -> NodeVectors:
    """Vectors of a file, mapped where that is possible: to find a few neighbors does not load a large file."""
    chosen = None if columns is None else columns.split(",") if "," in columns else columns
    return load_vectors(path, format=form, nodes=names, vectors=chosen, mmap=None)


def node_named(vectors: NodeVectors, text: str) -> Any:
    """Node that ``text`` names; KeyError, with similar names, if there is none."""
    node: Any = text
    if vectors.nodes.dtype.kind == "i":
        with contextlib.suppress(ValueError):  # the error below says that the nodes are integers
            node = int(text)
    vectors.row(node)
    return node


def lines(vectors: NodeVectors, nodes: list[Any], k: int, metric: SearchMetric) -> Iterator[str]:
    """Score, tab, neighbor; before them the node and a tab if there are several."""
    names, scores = vectors.neighbors(nodes, k=k, metric=metric)
    for node, row, values in zip(nodes, names.tolist(), scores.tolist(), strict=True):
        start = f"{node}\t" if len(nodes) > 1 else ""
        for name, score in zip(row, values, strict=True):
            yield f"{start}{score:.4f}\t{name}"


def write(output: Path, vectors: NodeVectors, nodes: list[Any] | None, k: int, metric: SearchMetric) -> int:
    """Write the neighbors of some nodes, or of all; return their number. Memory holds those of a few thousand nodes."""
    queries = vectors.nodes if nodes is None else nodes
    count = 0
    with (
        table_writer(output) as append,
        progress_bar(total=len(queries), desc="neighbors", unit="node", unit_scale=True) as bar,
    ):
        for begin in range(0, max(len(queries), 1), _CHUNK):
            these = queries[begin : begin + _CHUNK]
            names, scores = vectors.neighbors(these, k=k, metric=metric)
            found = names.shape[1]
            append(
                {
                    "node": _repeated(these, found, vectors.nodes.dtype),
                    "neighbor": names.ravel(),
                    "rank": np.tile(np.arange(1, found + 1), len(these)),
                    "score": scores.ravel(),
                }
            )
            count += names.size
            bar.update(len(these))
    return count


def _repeated(nodes: Any, times: int, dtype: Any) -> Any:
    column = np.empty(len(nodes), dtype=dtype)
    column[:] = nodes
    return np.repeat(column, times)
