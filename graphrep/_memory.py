"""How much memory there is, and the refusal of work that does not fit."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path
from typing import Any, NamedTuple

__all__ = ["Estimate", "available_memory", "check_memory", "checked_bytes", "readable_bytes"]

_FRESH = 0.05  # seconds for which an answer holds: the system's files take milliseconds to read, small graphs as many
_last: tuple[float, int | None] = (float("-inf"), None)


class Estimate(NamedTuple):
    """What a fit will take, about.

    Attributes
    ----------
    memory : int
        Bytes that it allocates beside the graph, the interpreter and its libraries, and beside buffers of a megabyte.
    disk : int
        Bytes of the files that it writes, some of them for a while.
    seconds : float or None
        With the threads that it would use, within a factor of three or so; None where there is no formula.
    """

    memory: int
    disk: int
    seconds: float | None


def available_memory(root: Path = Path("/")) -> int | None:
    """Bytes that this process can still allocate, as the system and its control groups say; None if they do not.

    ``root`` is the folder that holds ``proc`` and ``sys``.
    """
    if root != Path("/"):
        return _available(root)
    global _last
    asked, found = _last
    if not 0 <= time.monotonic() - asked < _FRESH:
        found = _available(root)
        _last = (time.monotonic(), found)
    return found


def _available(root: Path) -> int | None:
    bounds = [_of_system(root), *_of_groups(root)]
    known = [bound for bound in bounds if bound is not None]
    return max(0, min(known)) if known else None


def check_memory(needed: int, what: str, advice: str) -> None:
    """Raise MemoryError, from ``what`` to ``advice``, if ``needed`` bytes are more than there are."""
    available = available_memory()
    if available is not None and needed > available:
        raise MemoryError(
            f"{what} needs about {readable_bytes(needed)} of memory, but {readable_bytes(available)} are available; "
            f"{advice}."
        )


def checked_bytes(name: str, value: Any, minimum: int = 0) -> int:
    """A number of bytes: an integer, or a text such as ``"4GB"``, ``"512 MiB"`` or ``"1.5e9"``."""
    found = (
        re.fullmatch(r"\s*(\d+\.?\d*(?:e\d+)?)\s*(?:([kmgt]?)(i?)b)?\s*", value, re.I)
        if isinstance(value, str)
        else None
    )
    if found:
        step = 1024 if found[3] else 1000
        value = (
            int(float(found[1]) * step ** "kmgt".find((found[2] or " ").lower()) * step)
            if found[2]
            else int(float(found[1]))
        )
    if not hasattr(value, "__index__") or isinstance(value, bool):
        raise ValueError(f'{name} must be a number of bytes such as "4GB" or 4_000_000_000, got {value!r}.')
    if int(value) < minimum:
        raise ValueError(f"{name} must be at least {readable_bytes(minimum)}, got {readable_bytes(int(value))}.")
    return int(value)


def readable_bytes(size: float) -> str:
    """A size in decimal units: ``3.2 GB``."""
    units = iter(("bytes", "kB", "MB", "GB", "TB", "PB"))
    unit = next(units)
    while size >= 1000 and unit != "PB":
        size, unit = size / 1000, next(units)
    return f"{size:.0f} {unit}" if size >= 100 or unit == "bytes" else f"{size:.3g} {unit}"


def _of_system(root: Path) -> int | None:
    try:
        for line in (root / "proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError, IndexError):
        pass
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):  # Windows
        return None


def _of_groups(root: Path) -> list[int | None]:
    """What the limits of the process's control groups, version 1 or 2, and of their parents leave."""
    try:
        lines = [line.split(":", 2) for line in (root / "proc/self/cgroup").read_text().splitlines()]
    except OSError:
        return []
    bounds: list[int | None] = []
    for _, controllers, group in (line for line in lines if len(line) == 3):
        if controllers == "":
            top, names = root / "sys/fs/cgroup", ("memory.max", "memory.current", "inactive_file")
        elif "memory" in controllers.split(","):
            top = root / "sys/fs/cgroup/memory"
            names = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
        else:
            continue
        folder = top / group.strip("/")  # inside a container, the group may be visible only as the top
        for place in (folder, *(parent for parent in folder.parents if parent == top or top in parent.parents)):
            bounds.append(_left(place, *names))
    return bounds


def _left(group: Path, limit: str, usage: str, cache: str) -> int | None:
    """Limit minus usage; the cache of files does not count, since it gives way."""
    try:
        left = int((group / limit).read_text()) - int((group / usage).read_text())  # "max" is no limit
        stat = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
        return left + int(stat.get(cache, 0))
    except (OSError, ValueError):
        return None
