"""Files from the net: whole or not at all, resumed where they were cut off."""

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

from graphrep.io.atomic import replacing

__all__ = ["download", "unpack"]

_TIMEOUT = 30.0  # seconds without a byte
_BLOCK = 1 << 20


def download(url: str, target: Path, *, what: str, sha256: str | None = None) -> Path:
    """Fetch ``url`` to ``target``, showing progress on a terminal; ``what`` names it in messages.

    What has come is kept in ``target.part``, and the next call asks for the rest if the server still has the same
    file. The finished file has the length that the server announced and, where one is given, the SHA-256.

    Raises
    ------
    ConnectionError
        The server cannot be reached, refuses, or breaks off.
    ValueError
        The file is not the one expected.
    """
    part, tag = target.with_name(f"{target.name}.part"), target.with_name(f"{target.name}.part.json")
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        _fetch(url, part, tag, what)
    except (OSError, http.client.HTTPException) as error:  # URLError is an OSError
        if isinstance(error, OSError) and not isinstance(error, urllib.error.URLError) and error.filename is not None:
            raise  # the disk, not the net
        reason = getattr(error, "reason", None) or str(error) or type(error).__name__
        status = f"HTTP {error.code} " if isinstance(error, urllib.error.HTTPError) else ""
        kept = f"; {part.stat().st_size} bytes are kept, and another call goes on from there" if part.is_file() else ""
        raise ConnectionError(f"{what} could not be downloaded from {url} ({status}{reason}){kept}.") from error
    if sha256 is not None and _sha256(part) != sha256:
        part.unlink()
        tag.unlink(missing_ok=True)
        raise ValueError(f"{what} from {url} is not the file that it should be: its SHA-256 differs from {sha256}.")
    part.replace(target)
    tag.unlink(missing_ok=True)
    return target


def unpack(archive: Path, folder: Path, *, what: str) -> None:
    """Unpack the one folder inside a zip as ``folder``, which must not exist; CRCs are checked before it appears.

    Raises
    ------
    ValueError
        The archive is damaged or holds something else than one folder.
    """
    scratch = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        with zipfile.ZipFile(archive) as file:
            file.extractall(scratch)  # checks each member's CRC, and leads no path out of scratch
        inside = [path for path in scratch.iterdir() if path.is_dir() and not path.name.startswith(("__", "."))]
        if len(inside) != 1:
            raise ValueError(f"{archive} should hold {what} in one folder, but holds {len(inside)} folders.")
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
        return  # complete, but for its name
    request = urllib.request.Request(url, headers={"User-Agent": "graphrep"})
    if resumable and known["total"] is not None and known["total"] > have:
        request.add_header("Range", f"bytes={have}-")
        request.add_header("If-Range", known["version"])  # a changed file comes whole
    with urllib.request.urlopen(request, timeout=_TIMEOUT) as answer:
        go_on = answer.status == 206 and answer.headers.get("Content-Range", "").startswith(f"bytes {have}-")
        length = answer.headers.get("Content-Length")
        start = have if go_on else 0
        total = None if length is None else start + int(length)
        if not go_on:
            part.unlink(missing_ok=True)
            version = answer.headers.get("ETag") or answer.headers.get("Last-Modified")
            with replacing(tag) as temporary:
                temporary.write_text(json.dumps({"url": url, "version": version, "total": total}))
        _copy(answer, part, start, total, what)
    size = part.stat().st_size
    if total is not None and size != total:
        raise http.client.HTTPException(f"it broke off after {size} of {total} bytes")


def _copy(answer: Any, part: Path, start: int, total: int | None, what: str) -> None:
    from tqdm import tqdm

    # disable=None: a bar on a terminal, silence elsewhere
    with (
        part.open("ab") as file,
        tqdm(total=total, initial=start, unit="B", unit_scale=True, desc=what, disable=None) as bar,
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
