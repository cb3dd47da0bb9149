"""A NumPy array, and its names in a second file unless they are 0 … n - 1."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
import numpy.typing as npt

from graphrep._mapped import mapped_array
from graphrep.io.arrays import array_header
from graphrep.io.bounded import one_line, open_regular
from graphrep.io.formats import MalformedError, Names, Options, VectorTable
from graphrep.io.formats.beside import StaleError, checked_list, entry_of, names_file, write_with_names

if TYPE_CHECKING:
    from pathlib import Path

TAKES = frozenset({"mmap"})


def write(path: Path, vectors: npt.NDArray[np.float32], names: Names, settings: dict[str, Any]) -> None:  # noqa: ARG001
    """See :func:`graphrep.io.write_vectors`."""

    def save(temporary: Path) -> None:
        with temporary.open("wb") as file:
            np.save(file, vectors, allow_pickle=False)

    plain = not isinstance(names, list) and np.array_equal(names, np.arange(len(names)))
    write_with_names(path, save, None if plain else names)


def move(path: Path, made: Path, names: Names | None) -> None:
    """Put a finished file of vectors, on the same disk, in the place of ``path``, with its names."""

    def save(temporary: Path) -> None:
        made.replace(temporary)

    plain = not isinstance(names, list) and names is not None and np.array_equal(names, np.arange(len(names)))
    write_with_names(path, save, None if plain else names)


def read(path: Path, options: Options) -> VectorTable:
    """See :func:`graphrep.io.read_vectors`."""
    for attempt in range(3):
        with open_regular(path) as file:
            try:
                entry = entry_of(path, file)
            except StaleError:
                if attempt == 2:
                    raise
                continue  # the file was replaced after it was opened
            vectors = read_array(file, 0, path.stat().st_size, mmap=options.mmap is not False)
            nodes = None if entry is None else checked_list(entry.get("nodes"), names_file(path).name)
            return VectorTable(vectors, nodes, {})
    raise AssertionError


def read_array(file: BinaryIO, start: int, stop: int, *, mmap: bool) -> npt.NDArray[Any]:
    """Array whose .npy header begins at byte ``start`` of a file, mapped if that is wanted and possible.

    It must end at byte ``stop`` or before: nothing is allocated for a header that promises more than there is.
    """
    try:
        file.seek(start)
        shape, fortran, dtype = array_header(file, stop)
        if mmap and dtype == np.float32 and dtype.isnative and not fortran and shape:
            return mapped_array(file, dtype, shape, file.tell())
        file.seek(start)
        return np.asarray(np.lib.format.read_array(file, allow_pickle=False))
    except (ValueError, EOFError, TypeError, SyntaxError, RecursionError, OverflowError, zlib.error) as error:
        raise MalformedError(f"not a readable .npy file of numbers ({one_line(error)}).") from None
