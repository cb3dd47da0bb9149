"""Downloads that appear whole or not at all, and resume after an interruption."""

from __future__ import annotations

import hashlib
import http.client
import json
import shutil
import tempfile
import urllib.error
import urllib.request
import zipfile
import zlib
from pathlib import Path
from typing import Any

from graphrep._progress import progress_bar
from graphrep.io.atomic import replacing

__all__ = ["download", "unpack"]

_TIMEOUT = 30.0  # seconds without a byte
_BLOCK = 1 << 20


def download(url: str, target: Path, *, what: str, sha256: str | None = None) -> Path:
    """Download ``url`` to ``target`` with a progress bar; ``what`` names the file in messages.

    An incomplete file is kept in ``target.part``, and the next call requests the rest if the server still has the same
    file. The finished file has the length that the server announced and the SHA-256, if one is given.

    Raises
    ------
    ConnectionError
        The server cannot be reached, refuses the request, or closes the connection.
    ValueError
        The file is not the one expected.
    """
    part, tag = target.with_name(f"{target.name}.part"), target.with_name(f"{target.name}.part.json")
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        _fetch(url, part, tag, what)
    except (OSError, http.client.HTTPException) as error:  # URLError is an OSError
        if isinstance(error, OSError) and not isinstance(error, urllib.error.URLError) and error.filename is not None:
            raise  # an error of the disk, not of the network
        reason = getattr(error, "reason", None) or str(error) or type(error).__name__
        status = f"HTTP {error.code} " if isinstance(error, urllib.error.HTTPError) else ""
        kept = f"; {part.stat().st_size} bytes are kept, and the next call resumes from there" if part.is_file() else ""
        raise ConnectionError(f"{what} could not be downloaded from {url} ({status}{reason}){kept}.") from error
    if sha256 is not None and _sha256(part) != sha256:
        part.unlink()
        tag.unlink(missing_ok=True)
        raise ValueError(f"{what} from {url} must have the SHA-256 {sha256}, but has another.")
    part.replace(target)
    tag.unlink(missing_ok=True)
    return target


def unpack(archive: Path, folder: Path, *, what: str) -> None:
    """Unpack the only folder of a zip file as ``folder``, which must not exist; CRCs are checked first.

    Raises
    ------
    ValueError
        The archive is damaged or does not hold exactly one folder.
    """
    scratch = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        with zipfile.ZipFile(archive) as file:
            file.extractall(scratch)  # checks each member's CRC and writes nothing outside scratch
        inside = [path for path in scratch.iterdir() if path.is_dir() and not path.name.startswith(("__", "."))]
        if len(inside) != 1:
            raise ValueError(f"{archive} must hold {what} in one folder, but holds {len(inside)} folders.")
        inside[0].rename(folder)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise ValueError(
            f"{archive}, the archive of {what}, is damaged ({error}); delete it and download again."
        ) from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _fetch(url: str, part: Path, tag: Path, what: str) -> None:
    have = part.stat().st_size if part.is_file() else 0
    known = json.loads(tag.read_text()) if have and tag.is_file() else {}
    resumable = bool(have and known.get("url") == url and known.get("version"))
    if resumable and known["total"] == have:
        return  # complete, only to be renamed
    request = urllib.request.Request(url, headers={"User-Agent": "graphrep"})
    if resumable and known["total"] is not None and known["total"] > have:
        request.add_header("Range", f"bytes={have}-")
        request.add_header("If-Range", known["version"])  # a changed file is sent from the start
    with urllib.request.urlopen(request, timeout=_TIMEOUT) as answer:
        resumes = answer.status == 206 and answer.headers.get("Content-Range", "").startswith(f"bytes {have}-")
        length = answer.headers.get("Content-Length")
        start = have if resumes else 0
        total = None if length is None else start + int(length)
        if not resumes:
            part.unlink(missing_ok=True)
            version = answer.headers.get("ETag") or answer.headers.get("Last-Modified")
            with replacing(tag) as temporary:
                temporary.write_text(json.dumps({"url": url, "version": version, "total": total}))
        _copy(answer, part, start, total, what)
    size = part.stat().st_size
    if total is not None and size != total:
        raise http.client.HTTPException(f"the connection closed after {size} of {total} bytes")


def _copy(answer: Any, part: Path, start: int, total: int | None, what: str) -> None:
    with (
        part.open("ab") as file,
        progress_bar(total=total, initial=start, desc=what, unit="B", unit_scale=True) as bar,
    ):
        while block := answer.read(_BLOCK):
            file.write(block)
            bar.update(len(block))


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()
