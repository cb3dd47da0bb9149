"""A cache of arrays beside the files from which they were read, valid until these files or the cache itself change."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from graphrep.io.arrays import digest_of, read_npz
from graphrep.io.atomic import replacing

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

__all__ = ["fingerprint", "read_cache", "write_cache"]

_META, _DIGEST = "__meta__", "__digest__"
_BYTES = 32  # of the digest


def fingerprint(folder: Path, files: Iterable[Path]) -> list[list[Any]]:
    """Path, size and modification time of each file."""
    stats = ((path.relative_to(folder).as_posix(), path.stat()) for path in sorted(files))
    return [[name, stat.st_size, stat.st_mtime_ns] for name, stat in stats]


def read_cache(path: Path, key: Any) -> dict[str, npt.NDArray[Any]] | None:
    """Arrays that :func:`write_cache` saved for ``key``.

    None if they are missing, of another key, or are not the ones that were written: the digest of names, dtypes, shapes
    and bytes must be the one in the file.
    """
    try:
        arrays = read_npz(path)
        meta, digest = arrays.pop(_META), arrays.pop(_DIGEST)
        if json.loads(meta.tobytes()) != key or digest.tobytes() != digest_of(meta.tobytes(), arrays, _BYTES):
            return None
    except (OSError, ValueError, KeyError):
        return None
    return arrays


def write_cache(path: Path, key: Any, arrays: dict[str, npt.NDArray[Any]]) -> None:
    """Save arrays for ``key``; a folder that cannot be written is not an error."""
    text = json.dumps(key).encode()
    own = {_META: np.frombuffer(text, np.uint8), _DIGEST: np.frombuffer(digest_of(text, arrays, _BYTES), np.uint8)}
    try:
        with replacing(path) as temporary, temporary.open("wb") as file:
            np.savez(file, **own, **arrays)  # type: ignore[arg-type]  # the stub mistakes the names for options
    except OSError:  # a read-only folder or a full disk
        return
