"""Downloads that appear whole or not at all, and resume after an interruption."""

from __future__ import annotations

import hashlib
import http.client
import json
import lzma
import re
import shutil
import tempfile
import urllib.error
import urllib.request
import zipfile
import zlib
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from graphrep._progress import progress_bar
from graphrep.io.atomic import replacing
from graphrep.io.bounded import Budget, GrowthError, check_zip, one_line

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["download", "unpack"]

_TIMEOUT = 30.0  # seconds without a byte
_BLOCK = 1 << 20


def download(
    url: str, target: Path, *, what: str, sha256: str | None = None, kind: Literal["zip", "pickle", "numbers"]
) -> Path:
    """Download ``url`` to ``target`` with a progress bar; ``what`` names the file in messages.

    An incomplete file is kept in ``target.part``, and the next call requests the rest if the server still has the same
    file; otherwise, or if what is kept is damaged, it begins anew. The file takes its place when it has the length that
    the server announced and the SHA-256, if one is known, and begins and ends like its ``kind``; a web page does not.

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
    except (OSError, http.client.HTTPException, ValueError) as error:  # URLError is an OSError
        if isinstance(error, OSError) and not isinstance(error, urllib.error.URLError) and error.filename is not None:
            raise  # an error of the disk, not of the network
        reason = getattr(error, "reason", None) or str(error) or type(error).__name__
        status = f"HTTP {error.code} " if isinstance(error, urllib.error.HTTPError) else ""
        kept = f"; {part.stat().st_size} bytes are kept, and the next call resumes from there" if part.is_file() else ""
        raise ConnectionError(f"{what} could not be downloaded from {url} ({status}{reason}){kept}.") from error
    wrong = _fault(part, kind, sha256)
    if wrong is not None:
        _discard(part, tag)
        raise ValueError(f"{what} from {url} {wrong}.")
    part.replace(target)
    tag.unlink(missing_ok=True)
    return target


def _fault(path: Path, kind: str, sha256: str | None) -> str | None:
    """What is wrong with a file that has arrived; None if nothing is."""
    with path.open("rb") as file:
        head = file.read(1024)
        file.seek(max(0, path.stat().st_size - 1))
        end = file.read()
    if re.match(rb"(\xef\xbb\xbf)?\s*<(!doctype|html|\?xml|head|!--)", head, re.IGNORECASE):
        return "is a web page instead of the file; is there a proxy or a login in between?"
    if sha256 is not None and _sha256(path) != sha256:
        return f"must have the SHA-256 {sha256}, but has another"
    sound = {
        "zip": lambda: head.startswith(b"PK") and zipfile.is_zipfile(path),  # which looks for its end
        "pickle": lambda: head[:1] == b"\x80" and end == b".",
        "numbers": lambda: re.fullmatch(rb"[\d\s]+", head) is not None and end == b"\n",
    }[kind]()
    return None if sound else f"is incomplete or not a file of {'numbers' if kind == 'numbers' else f'type {kind}'}"


def _discard(part: Path, tag: Path) -> None:
    part.unlink(missing_ok=True)
    tag.unlink(missing_ok=True)


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
            check_zip(file, Budget(archive, archive.stat().st_size))
            file.extractall(scratch)  # checks each member's CRC and writes nothing outside scratch
        inside = [path for path in scratch.iterdir() if path.is_dir() and not path.name.startswith(("__", "."))]
        if len(inside) != 1:
            raise _FolderError(f"{archive} must hold {what} in one folder, but holds {len(inside)} folders.")
        inside[0].rename(folder)
    except (GrowthError, OSError, _FolderError):
        raise
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, RuntimeError, ValueError, LookupError) as error:
        raise ValueError(
            f"{archive}, the archive of {what}, is damaged ({one_line(error)}); delete it and download again."
        ) from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


class _FolderError(ValueError):
    """A sound archive with other content."""


class _Kept(NamedTuple):
    """What is known of an incomplete file."""

    url: str
    version: str
    total: int


def _kept(part: Path, tag: Path, url: str) -> _Kept | None:
    """Notes on an incomplete file that can be continued; None if there are none, or they are damaged."""
    try:
        known = json.loads(tag.read_bytes())
        kept = _Kept(known["url"], known["version"], known["total"])
        usable = kept.url == url and isinstance(kept.version, str) and type(kept.total) is int
        return kept if usable and 0 < part.stat().st_size <= kept.total else None
    except (OSError, ValueError, TypeError, LookupError, RecursionError):
        return None


def _fetch(url: str, part: Path, tag: Path, what: str) -> None:
    kept = _kept(part, tag, url)
    if kept is None:
        _discard(part, tag)
    elif part.stat().st_size == kept.total:
        return  # complete, only to be checked and renamed
    else:
        if _resume(url, part, kept, what):
            return
        _discard(part, tag)  # the server sent something else than was asked for
    with _open(url) as answer:
        if answer.status != 200:
            raise http.client.HTTPException(f"the server answered {answer.status} to a request for the whole file")
        _receive(answer, url, part, tag, what)


def _resume(url: str, part: Path, kept: _Kept, what: str) -> bool:
    """Request the rest of a file; False if the answer is neither that rest nor the whole."""
    have = part.stat().st_size
    try:
        answer = _open(url, {"Range": f"bytes={have}-", "If-Range": kept.version})  # a changed file is sent whole
    except urllib.error.HTTPError as error:
        if error.code == 416:  # there is no such rest
            return False
        raise
    with answer:
        if answer.status == 200:
            part.unlink()
            _receive(answer, url, part, part.with_name(f"{part.name}.json"), what)
            return True
        if answer.headers.get("Content-Range", "").strip() != f"bytes {have}-{kept.total - 1}/{kept.total}":
            return False
        _copy(answer, part, have, kept.total, what)
        _check_size(part, kept.total)
        return True


def _open(url: str, headers: Mapping[str, str] = MappingProxyType({})) -> Any:
    answer = urllib.request.urlopen(
        urllib.request.Request(url, headers={"User-Agent": "graphrep", **headers}), timeout=_TIMEOUT
    )
    if url.startswith("https:") and not answer.url.startswith("https:"):
        answer.close()
        raise http.client.HTTPException(f"it was redirected to {answer.url}, which is not encrypted")
    if answer.headers.get("Content-Encoding", "identity") != "identity":
        answer.close()
        raise http.client.HTTPException("the server packed it, which was not asked for")
    return answer


def _receive(answer: Any, url: str, part: Path, tag: Path, what: str) -> None:
    """Receive a whole file, with notes that let a later call go on."""
    length = answer.headers.get("Content-Length")
    total = int(length) if length is not None and length.strip().isdecimal() else None
    version = answer.headers.get("ETag") or answer.headers.get("Last-Modified")
    tag.unlink(missing_ok=True)
    if total is not None and version is not None:
        with replacing(tag) as temporary:
            temporary.write_text(json.dumps(_Kept(url, version, total)._asdict()))
    try:
        _copy(answer, part, 0, total, what)
        if total is not None:
            _check_size(part, total)
    except BaseException:
        if not tag.exists():  # it cannot be continued
            part.unlink(missing_ok=True)
        raise


def _check_size(part: Path, total: int) -> None:
    size = part.stat().st_size
    if size > total:
        part.unlink()
        raise http.client.HTTPException(f"the server sent {size} bytes, but announced {total}")
    if size < total:
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
