"""The bytes of a text file, plain or compressed."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import mmap
import os
import stat
import sys
import zipfile
import zlib
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

Bytes = bytes | mmap.mmap

# Compression formats that are recognized but not read: name, suffixes and magic bytes.
_UNREAD = (
    ("lz4", (".lz4",), b"\x04\x22\x4d\x18"),
    ("compress", (".z",), b"\x1f\x9d"),
    ("7z", (".7z",), b"7z\xbc\xaf\x27\x1c"),
)
_GZIP, _ZSTD, _XZ, _ZIP = b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"\xfd7zXZ\x00", b"PK\x03\x04"


def source_name(source: Any) -> str:
    """How messages call a path, ``"-"`` (standard input) or a file object."""
    if hasattr(source, "read"):
        name = getattr(source, "name", None)
        return name if isinstance(name, str) else f"the {type(source).__name__}"
    return "standard input" if source == "-" else str(Path(source))


def read_bytes(source: Any) -> Bytes:
    """All bytes of a path, of standard input (``"-"``) or of a file object.

    A plain file is memory-mapped; gzip, zstd, bzip2, xz and a zip of one file, recognized by suffix or magic bytes, are
    decompressed. Raises FileNotFoundError, IsADirectoryError, ValueError for a corrupt file or an unsupported
    compression, and ImportError if no library for zstd is installed.
    """
    name = source_name(source)
    if hasattr(source, "read"):
        content: Bytes = _all(source)
    elif source == "-":
        content = _all(getattr(sys.stdin, "buffer", sys.stdin))
    else:
        content = _file(Path(source))
    suffix, magic = "" if hasattr(source, "read") else PurePath(name).suffix.lower(), content[:16]
    if suffix == ".gz" or magic.startswith(_GZIP):
        return _gunzip(name, content)
    if suffix in (".zst", ".zstd") or magic.startswith(_ZSTD):
        return _unzstd(name, content)
    if suffix == ".bz2" or (magic.startswith(b"BZh") and magic.startswith(b"1AY&SY", 4)):
        return _decompressed(name, content, "bzip2", bz2.decompress)
    if suffix in (".xz", ".lzma") or magic.startswith(_XZ):
        return _decompressed(name, content, "xz", lzma.decompress)
    if suffix == ".zip" or magic.startswith(_ZIP):
        return _unzip(name, content)
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
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        raise FileNotFoundError(f"there is no file {path}.") from None
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(f"{path} is a directory; give a file.")
    with path.open("rb") as file:
        if not stat.S_ISREG(mode):  # a pipe
            return file.read()
        if os.fstat(file.fileno()).st_size:
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        return b""


def _decompressed(name: str, content: Bytes, kind: str, decompress: Callable[[Any], bytes]) -> bytes:
    try:
        return decompress(content)
    except (OSError, ValueError, lzma.LZMAError) as error:
        if "ended before" in str(error):
            raise ValueError(f"{name} is a truncated {kind} file.") from None
        raise ValueError(f"{name} is not a valid {kind} file: {error}.") from None


def _unzip(name: str, content: Bytes) -> bytes:
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
            return archive.read(files[0])
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError) as error:
        raise ValueError(f"{name} is not a valid zip file: {error}.") from None


# Files that are zip archives: a member, what the file is, what to do.
_ARCHIVES = (
    ("*.npy", "a NumPy archive", "load the arrays or the matrix (scipy.sparse.load_npz) and pass them to as_graph"),
    ("[Content_Types].xml", "an Excel workbook", "read it with pandas.read_excel and pass the frame to as_graph"),
    ("content.xml", "an OpenDocument table", "read it with pandas.read_excel and pass the frame to as_graph"),
    ("*data.pkl", "a file of torch", "load it with torch.load and pass the tensor or graph to as_graph"),
)


def _gunzip(path: str, content: Bytes) -> bytes:
    try:
        return gzip.GzipFile(fileobj=io.BytesIO(content)).read()
    except EOFError:
        raise ValueError(f"{path} is a truncated gzip file.") from None
    except (gzip.BadGzipFile, zlib.error) as error:
        raise ValueError(f"{path} is not a valid gzip file: {error}.") from None


def _unzstd(path: str, content: Bytes) -> bytes:
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
