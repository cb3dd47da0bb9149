"""The door of every file that is read: what may be opened, how far it may grow, and errors that name it."""

from __future__ import annotations

import errno
import io
import math
import os
import re
import select
import stat
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO, TextIO

from graphrep._memory import available_memory, readable_bytes

if TYPE_CHECKING:
    import zipfile
    from collections.abc import Iterator

__all__ = [
    "Budget",
    "check_zip",
    "drained",
    "one_line",
    "open_regular",
    "open_text",
    "read_pipe",
    "read_whole",
    "reading",
]

VARIABLE = "GRAPHREP_MAX_EXPANSION"
RATIO = 200.0  # text of edges seldom compresses to less than a fiftieth
FLOOR = 1 << 28  # bytes that a file of any size may grow to
MEMBERS = 1 << 20  # files in a zip archive
PATIENCE = 10.0  # seconds until a pipe that nobody writes to is refused
_BLOCK = 1 << 20


class GrowthError(ValueError):
    """A file grows more than it may."""


class Budget:
    """How many bytes the content of a file may take, once it is decompressed and its references are followed.

    That is ``GRAPHREP_MAX_EXPANSION`` (default 200, 0: no limit) times its size, and 256 MiB at least.

    Parameters
    ----------
    name : object
        The file, for messages.
    size : int
        Its bytes on disk.

    Examples
    --------
    >>> budget = Budget("edges.gz", 1000)
    >>> budget.take(1 << 28)
    >>> budget.take(1)
    Traceback (most recent call last):
    graphrep.io.bounded.GrowthError: edges.gz has 1 kB, but takes more than 268 MB when it is read, ...
    """

    def __init__(self, name: Any, size: int) -> None:
        self.name, self.size = name, size
        ratio = _ratio()
        self.limit = math.inf if ratio == 0 else max(FLOOR, ratio * size)
        self.left = self.limit

    def take(self, amount: int) -> None:
        """Count bytes; GrowthError if they are too many."""
        self.left -= amount
        if self.left < 0:
            raise GrowthError(
                f"{self.name} has {readable_bytes(self.size)}, but takes more than {readable_bytes(self.limit)} when "
                f"it is read, the limit against decompression bombs; if you trust it, set the environment variable "
                f"{VARIABLE} to a ratio above {_ratio():g}, or to 0 for none."
            )


def _ratio() -> float:
    text = os.environ.get(VARIABLE, "")
    if not text:
        return RATIO
    try:
        ratio = float(text)
    except ValueError:
        ratio = math.nan
    if not ratio >= 0:
        raise ValueError(f"the environment variable {VARIABLE} must be a ratio, or 0 for no limit; got {text!r}.")
    return 0 if ratio == math.inf else ratio


def drained(reader: Any, budget: Budget) -> bytes:
    """Everything that a decompressing reader gives, as long as the budget lasts."""
    content = io.BytesIO()
    while block := reader.read(_BLOCK):
        budget.take(len(block))
        content.write(block)
    return content.getvalue()


def check_zip(archive: zipfile.ZipFile, budget: Budget) -> None:
    """Count what the members of an archive promise; no member gives more than it promises."""
    members = archive.infolist()
    if len(members) > MEMBERS:
        raise GrowthError(f"{budget.name} holds {len(members)} files, more than the {MEMBERS} that are read.")
    budget.take(sum(member.file_size for member in members))


def open_regular(path: str | os.PathLike[str]) -> BinaryIO:
    """Open a regular file for reading. Folders, pipes, sockets and devices are refused, and nothing waits for them.

    Raises
    ------
    FileNotFoundError, IsADirectoryError, PermissionError
    OSError
        It is a pipe, a socket or a device.
    """
    file = _opened(path)
    mode = os.fstat(file.fileno()).st_mode
    if not stat.S_ISREG(mode):
        file.close()
        if stat.S_ISFIFO(mode):
            raise OSError(f"{path} is a pipe, from which only edge lists are read; save its content as a file.")
        raise OSError(f"{path} is a device, not a file.")
    return file


def _opened(path: str | os.PathLike[str]) -> BinaryIO:
    def opener(name: str, flags: int) -> int:
        # Without a wait: opening a pipe that has no writer would last for ever.
        number = os.open(name, flags | getattr(os, "O_NONBLOCK", 0))
        if stat.S_ISDIR(os.fstat(number).st_mode):
            os.close(number)
            raise IsADirectoryError(f"{path} is a directory; give a file.")
        return number

    try:
        return open(path, "rb", opener=opener)
    except FileNotFoundError:
        raise FileNotFoundError(f"there is no file {path}.") from None
    except OSError as error:
        if error.errno == errno.ENXIO:
            raise OSError(f"{path} is a socket or a device, not a file.") from None
        raise


def open_text(path: str | os.PathLike[str], encoding: str = "utf-8", newline: str | None = None) -> TextIO:
    """Open a regular file as text."""
    return io.TextIOWrapper(open_regular(path), encoding=encoding, newline=newline)


def read_whole(path: str | os.PathLike[str]) -> bytes:
    """All bytes of a regular file, read rather than mapped: a file that is cut meanwhile is an error, not a crash."""
    with open_regular(path) as file:
        return read_stable(path, file)


def read_stable(path: str | os.PathLike[str], file: BinaryIO) -> bytes:
    """All bytes of an open regular file; OSError if it changes meanwhile."""
    before = os.fstat(file.fileno())
    available = available_memory()
    if available is not None and before.st_size > available:
        raise OSError(
            f"{path} has {readable_bytes(before.st_size)}, but {readable_bytes(available)} of memory are available."
        )
    content = file.read()
    check_unchanged(path, file, before)
    if len(content) != before.st_size and before.st_size:  # files of /proc have no size
        raise OSError(f"{path} changed while it was read; read it again when it is complete.")
    return content


def check_unchanged(path: str | os.PathLike[str], file: BinaryIO, before: os.stat_result) -> None:
    """Raise OSError if an open file is no longer what ``before`` says."""
    after = os.fstat(file.fileno())
    if (after.st_size, after.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
        raise OSError(f"{path} changed while it was read; read it again when it is complete.")


def is_pipe(path: str | os.PathLike[str]) -> bool:
    """Whether this is a named pipe, or the end of one as ``<(command)`` of a shell gives it."""
    try:
        return stat.S_ISFIFO(os.stat(path).st_mode)
    except OSError:
        return False


def read_pipe(path: str | os.PathLike[str]) -> bytes:
    """All that is written into a named pipe, or by the command of ``<(command)``.

    A writer may take its time, as with standard input. OSError if there is none for ten seconds.
    """
    with _opened(path) as file:
        number, content, deadline = file.fileno(), io.BytesIO(), time.monotonic() + PATIENCE
        while True:
            try:
                block = os.read(number, _BLOCK)
            except BlockingIOError:  # there is a writer, who has written nothing yet
                select.select([number], [], [])
                continue
            if block:
                content.write(block)
            elif content.tell() or _was_closed(number):
                return content.getvalue()
            elif time.monotonic() > deadline:
                raise OSError(f"{path} is a pipe that nobody writes to; start the writer, or give a file.")
            else:
                time.sleep(0.02)


def _was_closed(number: int) -> bool:
    """Whether a pipe had a writer; one that never had any does not report that it was hung up."""
    poll = select.poll()
    poll.register(number, select.POLLIN)
    return any(event & select.POLLHUP for _, event in poll.poll(0))


@contextmanager
def reading(path: Any, verdict: str) -> Iterator[None]:
    """Turn whatever goes wrong inside into ``PATH VERDICT (REASON).``, a ValueError.

    An error that names the file in one line stays as it is, and so does a missing package.
    """
    try:
        yield
    except (ImportError, Warning):
        raise
    except MemoryError:
        raise ValueError(f"{path} does not fit into memory.") from None
    except Exception as error:
        if isinstance(error, (ValueError, OSError)) and str(path) in str(error) and "\n" not in str(error):
            raise
        raise ValueError(f"{path} {verdict} ({one_line(error)}).") from error


def one_line(error: BaseException, length: int = 300) -> str:
    """What an exception of a library says, in one line without a full stop at its end."""
    text = re.sub(r"<([\w.]+)[^<>]* at 0x[0-9a-f]+>", r"\1", " ".join(str(error).split())).rstrip(".")
    if isinstance(error, KeyError):
        text = f"it has no {text}"
    elif isinstance(error, RecursionError):
        text = "it is nested too deeply"
    if not text or "weights_only" in text:  # advice of torch that would let the file run code
        text = type(error).__name__
    return text if len(text) <= length else text[:length] + "…"
