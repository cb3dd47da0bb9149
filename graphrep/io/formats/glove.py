"""GloVe's text: ``name v1 v2 …`` for each node, and no line before them. Names are strings on reading."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from graphrep.io.atomic import replacing
from graphrep.io.bounded import open_text
from graphrep.io.formats import MalformedError, Options, VectorTable
from graphrep.io.formats.word2vec import checked_names as checked_names

if TYPE_CHECKING:
    from pathlib import Path

TAKES: frozenset[str] = frozenset()


def write(path: Path, vectors: npt.NDArray[np.float32], names: list[str], settings: dict[str, Any]) -> None:
    """See :func:`graphrep.io.write_vectors`."""
    del settings
    if not names:
        raise ValueError("GloVe text cannot hold 0 nodes: it would not say how long their vectors are.")
    line = "%s" + " %.9g" * vectors.shape[1] + "\n"  # nine digits reproduce every float32 exactly
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(line % (name, *row.tolist()) for name, row in zip(names, vectors, strict=True))


def looks_like(path: Path) -> bool:
    """Whether the first line is a name and two numbers or more; word2vec's text begins with two integers."""
    try:
        with open_text(path, newline="\n") as file:
            _, *values = file.readline(1 << 20).rstrip().split(" ")
            return len(values) > 1 and bool([float(value) for value in values])
    except ValueError:  # no number, or not UTF-8
        return False


def read(path: Path, options: Options) -> VectorTable:
    """See :func:`graphrep.io.read_vectors`."""
    del options
    names, rows = [], []
    try:
        with open_text(path, newline="\n") as file:
            for number, text in enumerate(file, start=1):
                if number == 1:
                    dimensions = len(text.rstrip().split(" ")) - 1
                    if dimensions < 1:
                        raise MalformedError("not readable GloVe text: its first line holds no numbers.")
                    may_count = dimensions == 1 and all(part.isdigit() for part in text.split())
                if may_count and text.count(" ") != 1:
                    raise MalformedError(
                        "its first line counts the vectors, as in word2vec text: give format='word2vec'."
                    )
                name, *values = text.rstrip().rsplit(" ", dimensions)  # some names of the published files have spaces
                if len(values) != dimensions:
                    raise MalformedError(f"line {number} holds {len(values)} numbers, line 1 {dimensions}.")
                if not text.endswith("\n"):
                    raise MalformedError(f"line {number} has no end of line: is it truncated?")
                try:
                    with np.errstate(over="ignore"):
                        rows.append(np.array([float(value) for value in values]).astype(np.float32))
                except ValueError:
                    what = "not readable GloVe text: " if number == 1 else ""
                    raise MalformedError(f"{what}line {number} holds something that is not a number.") from None
                names.append(name)
    except UnicodeDecodeError:
        raise MalformedError("not UTF-8 text.") from None
    if not names:
        raise MalformedError("not readable GloVe text: it is empty.")
    return VectorTable(np.stack(rows), names, {})
