"""A NumPy array, and a JSON list of names in a second file unless the names are 0 … n - 1."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from graphrep.io.atomic import replacing
from graphrep.io.formats import MalformedError, Names, VectorTable


def names_file(path: Path) -> Path:
    """File of the names of the vectors in ``path``: ``out.nodes.json`` for ``out.npy``."""
    return path.with_name(path.stem + ".nodes.json")


def write(path: Path, vectors: npt.NDArray[np.float32], names: Names, settings: dict[str, Any]) -> None:  # noqa: ARG001
    """See :func:`graphrep.io.write_vectors`."""
    path = Path(os.path.realpath(path))
    plain = not isinstance(names, list) and np.array_equal(names, np.arange(len(names)))
    with replacing(path) as temporary:
        with temporary.open("wb") as file:
            np.save(file, vectors, allow_pickle=False)
        if plain:
            names_file(path).unlink(missing_ok=True)  # the names of an older file must not be read with the new vectors
        else:
            with replacing(names_file(path)) as beside:
                values = names if isinstance(names, list) else names.tolist()
                beside.write_text(json.dumps(values, ensure_ascii=False, indent=0) + "\n", encoding="utf-8")


def read(path: Path) -> VectorTable:
    """See :func:`graphrep.io.read_vectors`."""
    try:
        with path.open("rb") as file:
            vectors = np.lib.format.read_array(file, allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise MalformedError(f"not a readable .npy file of numbers ({error}).") from None
    beside = names_file(path)
    return VectorTable(vectors, _read_names(beside) if beside.exists() else None, {})


def _read_names(path: Path) -> Names:
    try:
        names = json.loads(path.read_text(encoding="utf-8"))
        kinds = {type(name) for name in names} if isinstance(names, list) else {dict}
        if kinds <= {int}:
            return np.array(names, dtype=np.int64)
    except (ValueError, OverflowError):
        kinds = {dict}
    if kinds != {str}:
        raise MalformedError(f"{path.name}, the names beside it, must hold one JSON list of integers or of strings.")
    return list(names)
