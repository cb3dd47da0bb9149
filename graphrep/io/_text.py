"""The bytes of a text file, plain or compressed."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import mmap
import os
import signal
import sys
import zipfile
import zlib
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

from graphrep._memory import available_memory
from graphrep.io.bounded import Budget, drained, is_pipe, one_line, open_regular, read_pipe, read_stable, reading

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from collections.abc import Callable

Bytes = bytes | mmap.mmap
_LARGE = 1 << 20  # bytes from which copying a file takes long

# Compression formats that are recognized but not read: name, suffixes and magic bytes.
_UNREAD = (
    ("lz4", (".lz4",), b"\x04\x22\x4d\x18"),
    ("compress", (".z",), b"\x1f\x9d"),
    ("7z", (".7z",), b"7z\xbc\xaf\x27\x1c"),
)
_ZSTD_FED = 1 << 13  # bytes at a time: each can become 2**15
_GZIP, _ZSTD, _XZ, _ZIP = b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"\xfd7zXZ\x00", b"PK\x03\x04"
MAGIC = {"gzip": _GZIP, "zstd": _ZSTD, "xz": _XZ, "zip": _ZIP}


def source_name(source: Any) -> str:
    """How messages call a path, ``"-"`` (standard input) or a file object."""
    if hasattr(source, "read"):
        name = getattr(source, "name", None)
        return name if isinstance(name, str) else f"the {type(source).__name__}"
    return "standard input" if source == "-" else str(Path(source))


def read_bytes(source: Any) -> Bytes:
    """All bytes of a path, of standard input (``"-"``) or of a file object.

    A plain file is read. A large one is mapped if the system keeps others from changing it until :func:`released` is
    called, or if it is larger than a quarter of the memory. gzip, zstd, bzip2, xz and a zip of one file, recognized by
    suffix or magic bytes, are decompressed within the bounds of :class:`Budget`. A pipe is read to its end. Raises
    FileNotFoundError, IsADirectoryError, OSError for a file that changes meanwhile or a pipe without a writer,
    ValueError for a corrupt file or an unsupported compression, and ImportError if no library for zstd is installed.
    """
    name = source_name(source)
    if hasattr(source, "read"):
        content: Bytes = _all(source)
    elif source == "-":
        content = _all(getattr(sys.stdin, "buffer", sys.stdin))
    else:
        content = _file(Path(source))
    text = None
    try:
        text = unpacked(name, content, "" if hasattr(source, "read") else PurePath(name).suffix.lower())
    finally:
        if text is not content:
            released(content)
    return text


def read_text(path: str | os.PathLike[str]) -> str:
    """Content of :func:`read_bytes` as UTF-8, without a byte order mark; ValueError names a file that is no text."""
    content = read_bytes(path)
    try:
        with reading(path, "is no text"):
            return bytes(content).decode("utf-8-sig")
    finally:
        released(content)


def unpacked(name: str, content: Bytes, suffix: str = "") -> Bytes:
    """Content without its compression, which its suffix or its first bytes tell."""
    magic, budget = content[:16], Budget(name, len(content))
    if suffix == ".gz" or magic.startswith(_GZIP):
        return _decompressed(name, "gzip", gzip.GzipFile(fileobj=io.BytesIO(content)), budget)
    if suffix in (".zst", ".zstd") or magic.startswith(_ZSTD):
        return _unzstd(name, content, budget)
    if suffix == ".bz2" or (magic.startswith(b"BZh") and magic.startswith(b"1AY&SY", 4)):
        return _decompressed(name, "bzip2", bz2.BZ2File(io.BytesIO(content)), budget)
    if suffix in (".xz", ".lzma") or magic.startswith(_XZ):
        return _decompressed(name, "xz", lzma.LZMAFile(io.BytesIO(content)), budget)
    if suffix == ".zip" or magic.startswith(_ZIP):
        return _unzip(name, content, budget)
    for kind, suffixes, start in _UNREAD:
        if suffix in suffixes or magic.startswith(start):
            raise ValueError(
                f"{name} is compressed with {kind}, which is not supported; use gzip, zstd, bzip2, xz or plain text."
            )
    return content


def _all(file: Any) -> bytes:
    content = file.read()
    return content.encode() if isinstance(content, str) else bytes(content)


def _file(path: Path) -> Bytes:
    if is_pipe(path):
        return read_pipe(path)
    with open_regular(path) as file:
        size, available = os.fstat(file.fileno()).st_size, available_memory()
        # A map needs no memory and no copy, but ends the process if the file is cut short meanwhile.
        if size >= _LARGE and _lease(file):
            return _LeasedMap(file)
        if available is not None and size > available // 4:
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        return read_stable(path, file)


class _LeasedMap(mmap.mmap):
    """Map of a file that others cannot change until it is released."""

    number: int | None = None  # of a copy of the descriptor

    def __new__(cls, file: Any) -> _LeasedMap:
        text = super().__new__(cls, file.fileno(), 0, access=mmap.ACCESS_READ)
        text.number = os.dup(file.fileno())
        return text

    def release(self) -> None:
        """Let others write; the content must not be read afterwards."""
        if self.number is not None:
            fcntl.fcntl(self.number, fcntl.F_SETLEASE, fcntl.F_UNLCK)
            os.close(self.number)
            self.number = None

    __del__ = release


def _lease(file: Any) -> bool:
    """Whether the system makes programs wait that open this file for writing or cut it short, as Linux does.

    They wait until the lease is given back, or for 45 seconds (``/proc/sys/fs/lease-break-time``). Refused for files
    that are open for writing and for those of other users.
    """
    if fcntl is None or not hasattr(fcntl, "F_SETLEASE"):
        return False
    try:
        fcntl.fcntl(file, fcntl.F_SETSIG, signal.SIGURG)  # if somebody waits; ignored unless there is a handler
        fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_RDLCK)
    except OSError:
        return False
    return True


def released(text: Bytes) -> None:
    """Let others change the file of :func:`read_bytes`; at once, as a traceback may keep the content for long."""
    if isinstance(text, _LeasedMap):
        text.release()


def _decompressed(name: str, kind: str, reader: Any, budget: Budget) -> bytes:
    try:
        return drained(reader, budget)
    except EOFError:
        raise ValueError(f"{name} is a truncated {kind} file.") from None
    except (OSError, lzma.LZMAError, zlib.error) as error:
        raise ValueError(f"{name} is not a valid {kind} file: {one_line(error)}.") from None


def _unzip(name: str, content: Bytes, budget: Budget) -> bytes:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            files = [
                info.filename
                for info in archive.infolist()
                if not info.is_dir() and not info.filename.startswith("__MACOSX/")
            ]
            for mark, kind, way in _ARCHIVES:
                if any(file == mark or (mark.startswith("*") and file.endswith(mark[1:])) for file in files):
                    raise ValueError(f"{name} is {kind}; {way}.")
            if len(files) != 1:
                listed = ", ".join(files[:5]) + (", …" if len(files) > 5 else "")
                raise ValueError(f"{name} holds {len(files)} files ({listed}); unzip it and give one of them.")
            with archive.open(files[0]) as member:
                return drained(member, budget)
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, OSError, EOFError, RuntimeError, LookupError) as error:
        raise ValueError(f"{name} is not a valid zip file: {one_line(error)}.") from None
    except ValueError as error:
        if str(error).startswith(name):
            raise
        raise ValueError(f"{name} is not a valid zip file: {one_line(error)}.") from None


# Files that are zip archives: a member, what the file is, what to do.
_ARCHIVES = (
    ("*.npy", "a NumPy archive", "load the arrays or the matrix (scipy.sparse.load_npz) and pass them to as_graph"),
    ("[Content_Types].xml", "an Excel workbook", "read it with pandas.read_excel and pass the frame to as_graph"),
    ("content.xml", "an OpenDocument table", "read it with pandas.read_excel and pass the frame to as_graph"),
    ("*data.pkl", "a file of torch", "load it with torch.load and pass the tensor or graph to as_graph"),
)


def _unzstd(name: str, content: Bytes, budget: Budget) -> bytes:
    start, error = _zstd(name)
    whole, view, at = io.BytesIO(), memoryview(content), 0
    while at < len(view):
        frame = start()
        while not frame.eof:
            if at == len(view):
                raise ValueError(f"{name} is a truncated zstd file.")
            fed = view[at : at + _ZSTD_FED]
            try:
                block = frame.decompress(fed)
            except error as reason:
                raise ValueError(f"{name} is not a valid zstd file: {one_line(reason)}.") from None
            budget.take(len(block))
            whole.write(block)
            at += len(fed)
        at -= len(frame.unused_data)
    return whole.getvalue()


class ZstdReader:
    """A reader of what an open zstd file holds; ValueError if the file ends within a frame."""

    def __init__(self, name: str, file: Any) -> None:
        self.name, self.file = name, file
        self.start, self.error = _zstd(name)
        self.frame: Any = None
        self.ready = bytearray()

    def read(self, size: int) -> bytes:
        """So many bytes, or fewer at the end."""
        while len(self.ready) < size:
            unused = self.frame.unused_data if self.frame is not None and self.frame.eof else b""
            fed = unused or self.file.read(_ZSTD_FED)
            if self.frame is None or self.frame.eof:
                if not fed:
                    break
                self.frame = self.start()
            if not fed:
                raise EOFError
            try:
                self.ready += self.frame.decompress(fed)
            except self.error as error:
                raise ValueError(one_line(error)) from None
        content = bytes(self.ready[:size])
        del self.ready[:size]
        return content

    def close(self) -> None:
        """Nothing is held."""


def _zstd(path: str) -> tuple[Callable[[], Any], type[Exception]]:
    """Constructor of a decompressor for one frame, and the exception that it raises."""
    if sys.version_info >= (3, 14):
        from compression.zstd import ZstdDecompressor, ZstdError

        return ZstdDecompressor, ZstdError
    try:
        import zstandard
    except ImportError:
        raise ImportError(
            f"reading {path} needs the package zstandard: pip install 'graphrep[io]', or decompress the file."
        ) from None
    return lambda: zstandard.ZstdDecompressor().decompressobj(), zstandard.ZstdError


def head_of(path: str | os.PathLike[str], size: int = 4096) -> bytes:
    """First bytes of the content, unpacked if need be."""
    with open_regular(path) as file:
        raw = file.read(size)
        file.seek(0)
        module: Any = {b"\x1f\x8b": gzip, b"BZ": bz2, b"\xfd7": lzma}.get(raw[:2])
        if module is None:
            return raw
        try:
            with module.open(file) as packed:
                return bytes(packed.read(size))
        except (OSError, EOFError, zlib.error, lzma.LZMAError):
            return raw
