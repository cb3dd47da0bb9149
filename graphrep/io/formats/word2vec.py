"""word2vec text: a line ``n dimensions``, then ``name v1 v2 …`` for each node. Names are strings on reading."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TextIO

import numpy as np
import numpy.typing as npt

from graphrep.io.atomic import replacing
from graphrep.io.bounded import open_text
from graphrep.io.formats import MalformedError, Names, Options, VectorTable

if TYPE_CHECKING:
    from pathlib import Path


TAKES: frozenset[str] = frozenset()


def checked_names(names: Names) -> list[str]:
    """Names as strings; raises ValueError for a name that the layout would corrupt."""
    words = names if isinstance(names, list) else list(map(str, names.tolist()))
    for word in words:
        if word.split() != [word]:
            reason = f"the white space in node {word!r}" if word else "an empty node name"
            raise ValueError(
                f"word2vec and GloVe files cannot hold {reason}; choose .safetensors or .parquet, or rename the node."
            )
    return words


def write(path: Path, vectors: npt.NDArray[np.float32], names: list[str], settings: dict[str, Any]) -> None:  # noqa: ARG001
    """See :func:`graphrep.io.write_vectors`."""
    line = "%s" + " %.9g" * vectors.shape[1] + "\n"  # nine digits reproduce every float32 exactly
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as file:
        file.write(f"{len(names)} {vectors.shape[1]}\n")
        file.writelines(line % (name, *row.tolist()) for name, row in zip(names, vectors, strict=True))


def read(path: Path, options: Options) -> VectorTable:
    """See :func:`graphrep.io.read_vectors`."""
    del options
    with open_text(path, newline="\n") as file:
        try:
            return _parse(file, path.stat().st_size)
        except UnicodeDecodeError:
            raise MalformedError("not UTF-8 text.") from None


def _parse(file: TextIO, size: int) -> VectorTable:
    header = file.readline().split()
    if len(header) != 2 or not all(part.isascii() and part.isdigit() for part in header):
        raise MalformedError(
            "not word2vec text: its first line must be two integers, the numbers of nodes and of dimensions; "
            "GloVe's text has no such line: give format='glove'."
        )
    n, dimensions = map(int, header)
    if n * (2 * dimensions + 1) > size:  # a number takes at least two bytes: do not allocate more than the file holds
        raise MalformedError(f"truncated: its first line promises {n} vectors of {dimensions} dimensions.")
    vectors = np.empty((n, dimensions), dtype=np.float32)
    names: list[str] = []
    for number, text in enumerate(file, start=2):
        if len(names) == n:
            raise MalformedError(f"line {number} is beyond the {n} vectors that the first line promises.")
        name, *values = text.rstrip().split(" ")
        if len(values) != dimensions or not text.endswith("\n"):
            end = "" if text.endswith("\n") else " and no end of line: is it truncated?"
            raise MalformedError(f"line {number} holds {len(values)} numbers, expected {dimensions}{end or '.'}")
        try:
            with np.errstate(over="ignore"):  # a number beyond float32 becomes inf, which NodeVectors refuses
                vectors[number - 2] = [float(value) for value in values]
        except ValueError:
            raise MalformedError(f"line {number} holds something that is not a number.") from None
        names.append(name)
    if len(names) < n:
        raise MalformedError(f"truncated: it holds {len(names)} of the {n} vectors that its first line promises.")
    return VectorTable(vectors, names, {})
