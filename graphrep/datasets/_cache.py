"""A cache of arrays beside the files from which they were read, valid until these files change."""

from __future__ import annotations

import json
import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from graphrep.io.atomic import replacing

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

__all__ = ["fingerprint", "read_cache", "write_cache"]

_META = "__meta__"


def fingerprint(folder: Path, files: Iterable[Path]) -> list[list[Any]]:
    """Path, size and modification time of each file."""
    stats = ((path.relative_to(folder).as_posix(), path.stat()) for path in sorted(files))
    return [[name, stat.st_size, stat.st_mtime_ns] for name, stat in stats]


def read_cache(path: Path, key: Any) -> dict[str, npt.NDArray[Any]] | None:
    """Arrays that :func:`write_cache` saved for ``key``; None if they are missing, of another key, or damaged."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            if json.loads(archive[_META].tobytes()) != key:
                return None
            return {name: archive[name] for name in archive.files if name != _META}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None


def write_cache(path: Path, key: Any, arrays: dict[str, npt.NDArray[Any]]) -> None:
    """Save arrays for ``key``; a folder that cannot be written is not an error."""
    meta = np.frombuffer(json.dumps(key).encode(), dtype=np.uint8)
    try:
        with replacing(path) as temporary, temporary.open("wb") as file:
            np.savez(file, **{_META: meta}, **arrays)  # type: ignore[arg-type]  # the stub mistakes the names for options
    except OSError:  # a read-only folder or a full disk
        return
