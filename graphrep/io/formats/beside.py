"""Names in a second file, which says what version of the first file they belong to.

Two files cannot be replaced in one step. So the second one, ``out.npy.nodes.json`` beside ``out.npy``, lists names
under the digest of the file that they belong to, and while that file is replaced it lists the old names and the new
ones. At every moment the first file therefore finds its own names, and no others.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from graphrep.io.atomic import replacing
from graphrep.io.bounded import read_whole
from graphrep.io.formats import MalformedError, Names

if TYPE_CHECKING:
    from collections.abc import Callable

_FORMAT = "graphrep node names, 2"


def names_file(path: str | os.PathLike[str]) -> Path:
    """File of the names of the nodes in ``path``: ``out.npy.nodes.json`` for ``out.npy``."""
    path = Path(path)
    return path.with_name(path.name + ".nodes.json")


def write_with_names(
    path: Path, write: Callable[[Path], None], names: Names | None, about: dict[str, Any] | None = None
) -> None:
    """Replace ``path`` by what ``write`` makes, with its names; there is no second file if it would say nothing."""
    path = Path(os.path.realpath(path))
    beside = names_file(path)
    entry = {"nodes": names if names is None or isinstance(names, list) else names.tolist(), **(about or {})}
    needed = names is not None or bool(about)
    with replacing(path) as temporary:
        write(temporary)
        with temporary.open("rb") as file:
            digest = _digest(file)
        try:
            before = _entries(beside)
        except MalformedError:
            before = {}
        if needed and path.exists() and not beside.exists():  # the present file has no names, and keeps none
            with path.open("rb") as file:
                before = {_digest(file): {"nodes": None, "digest": _digest_of({"nodes": None})}}
        entry["digest"] = _digest_of(entry)
        if needed or beside.exists():
            _write_entries(beside, {**before, digest: entry})
    if not needed:
        beside.unlink(missing_ok=True)
    elif before.keys() - {digest}:
        _write_entries(beside, {digest: entry})


def entry_of(path: Path, file: BinaryIO) -> dict[str, Any] | None:
    """What the second file says about this open version of ``path``; None if there is no second file."""
    beside = names_file(os.path.realpath(path))
    if not beside.exists():
        return None
    digest = _digest(file)
    if digest in (entries := _entries(beside)):
        entry = dict(entries[digest])
        if entry.pop("digest", None) != _digest_of(entry):
            raise MalformedError(f"{beside.name}, the names beside it, is damaged; remove or restore it.")
        return entry
    raise StaleError(  # or the file was replaced after it was opened: a reader tries again
        f"its names in {beside.name} belong to another version of it; save the vectors again, or remove that file to "
        "read them without names."
    )


class StaleError(MalformedError):
    """The names belong to another version of the file."""


def checked_list(values: Any, beside: str) -> Names | None:
    """Names out of an entry."""
    if values is None:
        return None
    kinds = {type(value) for value in values} if isinstance(values, list) else {dict}
    if kinds <= {int}:
        try:
            return np.array(values, dtype=np.int64)
        except OverflowError:
            kinds = {dict}
    if kinds != {str}:
        raise MalformedError(f"{beside}, the names beside it, must hold lists of integers or of strings.")
    return list(values)


def _digest(file: BinaryIO) -> str:
    digest, buffer = hashlib.blake2b(digest_size=16), bytearray(1 << 20)
    file.seek(0)
    while size := file.readinto(buffer):  # type: ignore[attr-defined]
        digest.update(memoryview(buffer)[:size])
    file.seek(0)
    return digest.hexdigest()


def _digest_of(entry: dict[str, Any]) -> str:
    text = json.dumps(entry, sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def _entries(beside: Path) -> dict[str, dict[str, Any]]:
    try:
        content = json.loads(read_whole(beside).decode("utf-8"))
    except FileNotFoundError:
        return {}
    except (ValueError, OSError, RecursionError):
        content = None
    entries = content.get("files") if isinstance(content, dict) and content.get("format") == _FORMAT else None
    if not isinstance(entries, dict) or not all(isinstance(entry, dict) for entry in entries.values()):
        raise MalformedError(
            f"{beside.name}, the names beside it, is no JSON written by graphrep; remove or restore it."
        )
    return entries


def _write_entries(beside: Path, entries: dict[str, dict[str, Any]]) -> None:
    with replacing(beside) as temporary:
        text = json.dumps({"format": _FORMAT, "files": entries}, ensure_ascii=False, indent=0)
        temporary.write_text(text + "\n", encoding="utf-8")
