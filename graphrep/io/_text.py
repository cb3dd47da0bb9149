"""The bytes of a text file, plain or compressed."""

from __future__ import annotations

import gzip
import io
import mmap
import os
import stat
import sys
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

Bytes = bytes | mmap.mmap

# Compression formats that are recognized but not read: name, suffixes, magic bytes and their position.
_UNREAD = (
    ("bzip2", (".bz2",), b"1AY&SY", 4),
    ("xz", (".xz", ".lzma"), b"\xfd7zXZ\x00", 0),
    ("zip", (".zip",), b"PK\x03\x04", 0),
    ("lz4", (".lz4",), b"\x04\x22\x4d\x18", 0),
    ("compress", (".z",), b"\x1f\x9d", 0),
    ("7z", (".7z",), b"7z\xbc\xaf\x27\x1c", 0),
)
_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"


def read_bytes(path: str | os.PathLike[str]) -> Bytes:
    """All bytes of a file: a plain file is memory-mapped, gzip and zstd (by suffix or magic bytes) are decompressed.

    Raises FileNotFoundError, IsADirectoryError, ValueError for a corrupt file or an unsupported compression, and
    ImportError if no library for zstd is installed.
    """
    path = Path(path)
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        raise FileNotFoundError(f"there is no file {path}.") from None
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(f"{path} is a directory; give a file.")
    with path.open("rb") as file:
        if not stat.S_ISREG(mode):  # a pipe
            content: Bytes = file.read()
        elif os.fstat(file.fileno()).st_size:
            content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        else:
            content = b""
    suffix, magic = path.suffix.lower(), content[:16]
    if suffix == ".gz" or magic.startswith(_GZIP):
        return _gunzip(path, content)
    if suffix in (".zst", ".zstd") or magic.startswith(_ZSTD):
        return _unzstd(path, content)
    for name, suffixes, start, at in _UNREAD:
        if suffix in suffixes or magic.startswith(start, at):
            raise ValueError(f"{path} is compressed with {name}, which is not supported; use gzip, zstd or plain text.")
    return content


def _gunzip(path: Path, content: Bytes) -> bytes:
    try:
        return gzip.GzipFile(fileobj=io.BytesIO(content)).read()
    except EOFError:
        raise ValueError(f"{path} is a truncated gzip file.") from None
    except (gzip.BadGzipFile, zlib.error) as error:
        raise ValueError(f"{path} is not a valid gzip file: {error}.") from None


def _unzstd(path: Path, content: Bytes) -> bytes:
    start, error = _zstd(path)
    parts, rest = [], content[:]
    while rest:
        frame = start()
        try:
            parts.append(frame.decompress(rest))
        except error as reason:
            raise ValueError(f"{path} is not a valid zstd file: {reason}.") from None
        if not frame.eof:
            raise ValueError(f"{path} is a truncated zstd file.")
        rest = frame.unused_data
    return b"".join(parts)


def _zstd(path: Path) -> tuple[Callable[[], Any], type[Exception]]:
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
