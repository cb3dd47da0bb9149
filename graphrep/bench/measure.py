"""Seconds of the wall clock, seconds of all threads, and peak memory of a block."""

from __future__ import annotations

import contextlib
import gc
import sys
import time
from pathlib import Path

_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


class Measured:
    """A context manager; afterwards its attributes hold what the block took.

    ``peak_mb`` is the largest resident size of the process during the block, ``fit_mb`` by how much that exceeds its
    size before. Both are None where the system does not say. The peak of a process is reset where Linux permits it;
    else it is that since the process began, so that ``fit_mb`` is an upper bound.
    """

    wall_seconds: float
    cpu_seconds: float
    peak_mb: float | None = None
    fit_mb: float | None = None

    def __enter__(self) -> Measured:
        gc.collect()
        if _CLEAR.exists():
            with contextlib.suppress(OSError):
                _CLEAR.write_text("5", encoding="ascii")
        self._before = _resident("VmRSS")
        self._wall, self._cpu = time.perf_counter(), time.process_time()
        return self

    def __exit__(self, *_: object) -> None:
        self.wall_seconds, self.cpu_seconds = time.perf_counter() - self._wall, time.process_time() - self._cpu
        self.peak_mb = _resident("VmHWM")
        if self.peak_mb is not None and self._before is not None:
            self.fit_mb = max(0.0, self.peak_mb - self._before)


def _resident(field: str) -> float | None:
    """MiB that the process holds ("VmRSS"), or held at most ("VmHWM")."""
    try:
        lines = _STATUS.read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(field))
    except (OSError, StopIteration):
        pass
    try:
        import resource
    except ImportError:  # Windows
        return None
    size = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return size / 2**20 if sys.platform == "darwin" else size / 1024
