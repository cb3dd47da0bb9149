"""Checks of the names of files, made before a long computation."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def checked_suffix(path: str | os.PathLike[str], suffixes: Sequence[str], hint: str = "") -> str:
    """Suffix of ``path`` in lower case, which must be one of ``suffixes``; the package that it needs must be there."""
    suffix = Path(path).suffix.lower()
    if suffix not in suffixes:
        known = " or ".join(filter(None, (", ".join(suffixes[:-1]), suffixes[-1])))
        raise ValueError(f"cannot tell the format of {path}: the name must end in {known}{hint}.")
    if suffix == ".parquet":
        need_pyarrow(path)
    return suffix


def need_pyarrow(path: str | os.PathLike[str]) -> None:
    """Raise ImportError unless Parquet files can be read and written."""
    if importlib.util.find_spec("pyarrow") is None:
        raise ImportError(f"{path}: Parquet needs pyarrow; pip install 'graphrep[io]'.")


def check_writable(path: str | os.PathLike[str], *sources: str | os.PathLike[str]) -> None:
    """Raise OSError if no file can be written to ``path``, ValueError if it is read or in a folder that is read.

    Sources that do not exist are skipped.
    """
    path = Path(path)
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder; give the name of a file.")
    if not path.absolute().parent.is_dir():
        raise FileNotFoundError(f"cannot write {path}: there is no folder {path.parent}.")
    if not os.access(path.absolute().parent, os.W_OK):
        raise PermissionError(f"cannot write {path}: the folder {path.parent} is not writable.")
    for source in sources:
        if not os.path.exists(source):
            continue
        if path.exists() and path.samefile(source):
            raise ValueError(f"{path} is the input; give another name for the output.")
        if os.path.isdir(source) and any(parent.samefile(source) for parent in path.resolve().parents):
            raise ValueError(f"{path} is in the folder {source} that is read; write the output somewhere else.")
