"""Atomic writes: a file is replaced as a whole or not at all."""

from __future__ import annotations

import os
import secrets
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


def refusal(path: str | os.PathLike[str], error: OSError) -> OSError:
    """The error of the same type that names the file to be written, not the one beside it."""
    return type(error)(f"cannot write {path}: {error.strerror or error}.")


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield the name of a temporary file beside ``path`` that replaces ``path`` if the block succeeds.

    If the block raises, the temporary file is removed and ``path`` is unchanged. A symbolic link stays a link: the file
    that it points to is replaced. Permissions are those of the replaced file, or those of a new file.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> target = pathlib.Path(tempfile.mkdtemp()) / "numbers.txt"
    >>> with replacing(target) as temporary:
    ...     _ = temporary.write_text("1 2 3")
    >>> target.read_text(), len(list(target.parent.iterdir()))
    ('1 2 3', 1)
    """
    target = Path(os.path.realpath(path))
    # A name has 255 bytes at most, and a character up to 4.
    temporary = target.with_name(f".{target.name[:40]}.{secrets.token_hex(6)}.tmp")
    try:
        try:
            temporary.touch(exist_ok=False)
        except OSError as error:
            raise refusal(path, error) from None
        mode = (target if target.exists() else temporary).stat().st_mode
        yield temporary
        temporary.chmod(mode & 0o777)  # some libraries create files that only the owner may read
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
