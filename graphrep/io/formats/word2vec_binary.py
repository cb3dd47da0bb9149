r"""word2vec's binary file, as gensim writes it: ``n dimensions\n``, then a name, a space and float32 for each node."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from graphrep.io.atomic import replacing
from graphrep.io.bounded import read_whole
from graphrep.io.formats import MalformedError, Options, VectorTable
from graphrep.io.formats.word2vec import checked_names as checked_names

if TYPE_CHECKING:
    from pathlib import Path

TAKES: frozenset[str] = frozenset()

_NAME = 1 << 16  # bytes of the longest name that is looked for


def write(path: Path, vectors: npt.NDArray[np.float32], names: list[str], settings: dict[str, Any]) -> None:
    """See :func:`graphrep.io.write_vectors`."""
    del settings
    with replacing(path) as temporary, temporary.open("wb") as file:
        file.write(f"{len(names)} {vectors.shape[1]}\n".encode())
        for name, row in zip(names, vectors, strict=True):
            file.write(name.encode() + b" " + row.astype("<f4").tobytes())


def read(path: Path, options: Options) -> VectorTable:
    """See :func:`graphrep.io.read_vectors`."""
    del options
    content = read_whole(path)
    header, found, _ = content[:64].partition(b"\n")
    fields = header.split()
    if not found or len(fields) != 2 or not all(field.isdigit() for field in fields):
        raise MalformedError("not a readable word2vec file: it must begin with the numbers of nodes and of dimensions.")
    n, dimensions = map(int, fields)
    if n * (4 * dimensions + 1) > len(content):
        raise MalformedError(f"truncated: its first line promises {n} vectors of {dimensions} dimensions.")
    vectors = np.empty((n, dimensions), dtype=np.float32)
    names, at = [], len(header) + 1
    for row in range(n):
        while content[at : at + 1] == b"\n":  # the original program ends each vector with one
            at += 1
        end = content.find(b" ", at, at + _NAME)
        if end < 0 or end + 1 + 4 * dimensions > len(content):
            raise MalformedError(f"truncated: it holds {row} of the {n} vectors that its first line promises.")
        try:
            names.append(content[at:end].decode())
        except UnicodeDecodeError:
            raise MalformedError(f"the name of vector {row} is not UTF-8.") from None
        vectors[row] = np.frombuffer(content, dtype="<f4", count=dimensions, offset=end + 1)
        at = end + 1 + 4 * dimensions
    if content[at:].strip(b"\n"):
        raise MalformedError(f"it holds more than the {n} vectors that its first line promises.")
    return VectorTable(vectors, names, {})
