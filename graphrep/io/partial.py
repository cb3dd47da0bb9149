"""Work that goes through many files beside its result, and goes on where an earlier run of it was stopped."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from graphrep._checks import warn_caller
from graphrep._mapped import mapped_array
from graphrep._version import __version__
from graphrep.io.atomic import refusal, replacing

if TYPE_CHECKING:
    from collections.abc import Iterator

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

__all__ = ["Work", "beside", "partial_work", "stamp"]

_STATE, _LOCK = "state.json", "lock"


class Work:
    """A folder of files, and how far the work has come.

    Attributes
    ----------
    folder : Path
    state : dict
        What :meth:`save` has saved, of JSON; empty at the beginning.
    """

    def __init__(self, folder: Path, state: dict[str, Any] | None = None, *, identity: str | None = None) -> None:
        self.folder, self.state, self._identity = folder, state or {}, identity

    def save(self, *written: Any, **values: Any) -> None:
        """Keep these values, of which None drops one, once the open files in ``written`` are on the disk."""
        self.state = {name: value for name, value in (self.state | values).items() if value is not None}
        if self._identity is None:
            return
        if written:
            self.settle(*written)
        text = json.dumps({"identity": self._identity, "state": self.state})
        with replacing(self.folder / _STATE) as path, path.open("w", encoding="utf-8") as file:
            file.write(text)
            self.settle(file)

    def settle(self, *files: Any) -> None:
        """See that open files, by default all of the system, are on the disk, if an interrupt will leave them."""
        if self._identity is None:
            return
        for file in files:
            file.flush()
            os.fsync(file.fileno())
        if not files and hasattr(os, "sync"):
            os.sync()

    def stored(self, name: str, array: Any) -> dict[str, Any] | None:
        """What :meth:`array` finds an array by, which is written to a file unless one of this name holds it."""
        if array is None:
            return None
        path = self.folder / name
        if not path.exists():
            with path.open("wb") as file:
                file.write(np.ascontiguousarray(array).data)
                self.settle(file)
        return {"name": name, "dtype": array.dtype.str, "shape": list(array.shape)}

    def array(self, place: dict[str, Any] | None) -> Any:
        """The array, mapped."""
        if place is None:
            return None
        with (self.folder / place["name"]).open("rb") as file:
            return mapped_array(file, np.dtype(place["dtype"]), place["shape"], 0)


def stamp(*paths: str | os.PathLike[str]) -> list[list[Any]]:
    """What tells files from others, and from themselves after a change."""
    found = [(os.path.realpath(path), os.stat(path)) for path in paths]
    return [[path, status.st_size, status.st_mtime_ns] for path, status in found]


@contextmanager
def beside(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield an empty folder beside ``path`` that goes with all of its files when the block ends, however it ends."""
    target = Path(path).absolute()
    try:
        folder = Path(tempfile.mkdtemp(".tmp", f".{target.name[:40]}.", target.parent))
    except OSError as error:
        raise refusal(path, error) from None
    try:
        with _told_of_space(path):
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def partial_work(path: str | os.PathLike[str], identity: Any) -> Iterator[Work]:
    """Yield work in a folder beside ``path`` that stays if the process is stopped, and that the same work goes on from.

    ``identity`` is all that the files depend on, of JSON; work with another one begins anew. None, or a folder in which
    another process is at work: the folder is a temporary one. An error other than an interrupt removes it.
    """
    target = Path(path).absolute()
    mark = hashlib.sha256(os.fsencode(target)).hexdigest()[:8]  # of names that begin alike
    folder = target.with_name(f".{target.name[:40]}.{mark}.partial")
    lock = None if identity is None or fcntl is None else _locked(path, folder)
    if lock is None:
        with beside(path) as temporary:
            yield Work(temporary)
        return
    text = json.dumps([__version__, os.fspath(target), identity], default=str)
    digest = hashlib.sha256(text.encode()).hexdigest()
    with lock:
        work, keep = Work(folder, _state_in(folder, digest), identity=digest), False
        try:
            if not work.state:
                _clear(folder)
            with _told_of_space(path):
                yield work
        except KeyboardInterrupt:
            keep = bool(work.state)
            if keep:
                warn_caller(f"what was done is kept in {folder}; the same call goes on from there.")
            raise
        finally:
            if not keep:
                shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _told_of_space(path: Any) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", None)):
            raise OSError(
                f"cannot write {path}: the disk is full; files beside it take several times its size for a while."
            ) from None
        raise


def _locked(path: Any, folder: Path) -> Any:
    """The open file that no other process has locked; None if one has."""
    for left in reversed(range(10)):
        try:
            folder.mkdir(mode=0o700, exist_ok=True)
            file = (folder / _LOCK).open("ab")
        except OSError as error:
            if isinstance(error, FileNotFoundError) and left:  # another process has just removed the folder
                continue
            raise refusal(path, error) from None
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(file.fileno()), os.stat(folder / _LOCK)):
                return file
        except BlockingIOError:
            file.close()
            return None
        except FileNotFoundError:
            pass
        except OSError:  # a file system without locks
            file.close()
            return None
        file.close()
    return None


def _state_in(folder: Path, identity: str) -> dict[str, Any]:
    """The saved state, if it is that of this work."""
    try:
        found = json.loads((folder / _STATE).read_text(encoding="utf-8"))
        return dict(found["state"]) if found["identity"] == identity else {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _clear(folder: Path) -> None:
    for item in folder.iterdir():
        if item.name != _LOCK:
            shutil.rmtree(item) if item.is_dir() and not item.is_symlink() else item.unlink()
