"""Shared by all benchmarks: the environment, alternating timing, a table, and results written as JSON.

A benchmark is a script in this folder. It imports from this module with ``from _harness import ...`` and is run as
``python experiments/bench/NAME.py`` from the root of the repository.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

RESULTS = Path(os.environ.get("GRAPHREP_RESULTS", Path(__file__).resolve().parents[1] / "results"))
PACKAGES = ("graphrep", "numpy", "scipy", "torch", "scikit-learn")
LOAD_BEFORE = os.getloadavg()  # at import: how quiet the machine was before the benchmark itself loaded it


def environment(packages: Iterable[str] = ()) -> dict[str, Any]:
    """Hardware, operating system and versions: those of ``PACKAGES`` and of ``packages`` (None where absent)."""
    from graphrep.bench.engine import package_version, processor  # not before a benchmark has set its threads

    return {
        "cpu": processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "system": f"{platform.system()} {platform.machine()}",
        "load_average_before": [round(load, 2) for load in LOAD_BEFORE],
        "python": platform.python_version(),
        "packages": {name: package_version(name) for name in dict.fromkeys((*PACKAGES, *packages))},
    }


def keep_freed_memory() -> bool:
    """Have the C library keep freed memory in the process; False where it is not glibc.

    Otherwise every large array is made of fresh pages, and a virtual machine may take longer to find them than a kernel
    takes to fill them. Holds for all engines of the process that allocate through ``malloc``.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):
        return False
    never_mmap, never_trim = (-4, 0), (-1, 2**31 - 1)  # M_MMAP_MAX, M_TRIM_THRESHOLD
    return bool(mallopt(*never_mmap)) and bool(mallopt(*never_trim))


def reset_peak() -> bool:
    """Reset the peak memory of the process if Linux permits it."""
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    except OSError:
        return False
    return True


def peak_mb() -> float:
    """Peak resident memory since the last reset."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1024


def alternate(
    functions: Mapping[str, Callable[[], object]],
    rounds: int,
    *,
    warmup: int = 1,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, list[float]]:
    """Seconds of each function over ``rounds`` rounds, by the clock on the wall or another.

    Every round calls all of them once, starting with another one each time, so that drift of the machine (clock,
    neighbors, caches) hits all alike. ``warmup`` untimed rounds come first.
    """
    seconds: dict[str, list[float]] = {name: [] for name in functions}
    names = list(functions)
    for turn in range(-warmup, rounds):
        shift = turn % len(names)
        for name in names[shift:] + names[:shift]:
            gc.collect()
            start = clock()
            functions[name]()
            elapsed = clock() - start
            if turn >= 0:
                seconds[name].append(elapsed)
    return seconds


def spread(seconds: Mapping[str, Sequence[float]], *, ours: str) -> dict[str, dict[str, float]]:
    """``{name: {median, min, max, ratio}}``; the ratio says how many times longer than ``ours`` the other took."""
    base = statistics.median(seconds[ours])
    return {
        name: {
            "median": statistics.median(times),
            "min": min(times),
            "max": max(times),
            "ratio": statistics.median(times) / base,
        }
        for name, times in seconds.items()
    }


def report(title: str, seconds: Mapping[str, Sequence[float]], *, ours: str) -> dict[str, dict[str, float]]:
    """Print medians and ratios to ``ours``, and return them; see :func:`spread`."""
    summary = spread(seconds, ours=ours)
    columns = ("median", "min", "max")
    rows = [(name, *(f"{row[key]:.4g}" for key in columns), f"{row['ratio']:.2f}") for name, row in summary.items()]
    print(title)
    print_table(("", *(f"{key} s" for key in columns), f"x {ours}"), rows)
    return summary


def report_rates(
    title: str, seconds: Mapping[str, Sequence[float]], work: Mapping[str, float], *, unit: str, ours: str
) -> dict[str, dict[str, Any]]:
    """Print ``work`` per second, in millions, for functions that did different amounts of it.

    Returns ``{name: {work, seconds, median, min, max, ours_times}}``; ``ours_times``: how many times faster ours is.
    """
    rates = {name: sorted(work[name] / time for time in times) for name, times in seconds.items()}
    base = statistics.median(rates[ours])
    summary: dict[str, dict[str, Any]] = {
        name: {
            "work": work[name],
            "seconds": list(seconds[name]),
            "median": statistics.median(values),
            "min": values[0],
            "max": values[-1],
            "ours_times": base / statistics.median(values),
        }
        for name, values in rates.items()
    }
    columns = ("median", "min", "max")
    rows = [
        (name, *(f"{row[key] / 1e6:.4g}" for key in columns), f"{row['ours_times']:.2f}")
        for name, row in summary.items()
    ]
    print(title)
    print_table(("", *(f"{key} M {unit}/s" for key in columns), f"{ours} is x"), rows)
    return summary


def print_table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print columns aligned: the first to the left, numbers to the right."""
    lines = [[str(cell) for cell in line] for line in (header, *rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    for first, *rest in lines:
        cells = [cell.rjust(width) for cell, width in zip(rest, widths[1:], strict=True)]
        print("  ".join([first.ljust(widths[0]), *cells]))


def write_results(name: str, payload: Mapping[str, Any]) -> Path:
    """Write ``RESULTS/NAME.json`` whole or not at all; add the environment if the payload has none."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    path = RESULTS / f"{name}.json"
    content = json.dumps({"environment": environment(), **payload}, indent=2, allow_nan=False) + "\n"
    handle, temporary = tempfile.mkstemp(dir=RESULTS, prefix=f".{name}.", suffix=".json")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(content)
        Path(temporary).chmod(0o644)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return path


def resident(field: str = "VmRSS", *, reset: bool = False) -> int:
    """Bytes that this process holds ("VmRSS"), without pages of files ("RssAnon"), or held at most ("VmHWM").

    The last is since the process began or ``reset`` was last given.
    """
    if reset:
        Path("/proc/self/clear_refs").write_text("5")
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(field))


def measured_apart(
    script: str, name: str, fits: Sequence[str], options: Sequence[str]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Measure each fit by ``script --here --fits FIT`` in a process of its own, and yield it with all of the results.

    They are those of experiments/results/NAME.json, in which a fit replaces an older one of its name, and are written
    when the caller goes on.
    """
    path = RESULTS / f"{name}.json"
    found = json.loads(path.read_text(encoding="utf-8"))["fits"] if path.exists() else {}
    for fit in fits:
        command = [sys.executable, script, "--here", "--fits", fit, *options]
        out = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        found[fit] = json.loads(out.stdout.splitlines()[-1])
        yield fit, found
        write_results(name, {"environment": environment(), "fits": dict(sorted(found.items()))})


@contextmanager
def largest(measure: Callable[[], int] = lambda: resident("RssAnon"), *, every: float = 0.05) -> Iterator[list[int]]:
    """A list with the largest value of ``measure``, taken every so many seconds while the block runs, and at its ends.

    By default, the bytes that this process holds without pages of files.
    """
    found, done = [measure()], threading.Event()

    def look() -> None:
        found[0] = max(found[0], measure())

    def watch() -> None:
        while not done.wait(every):
            look()

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield found
    finally:
        done.set()
        watcher.join()
        look()
