"""Sums of normalized powers, as FastRP computes them, with the vectors on the disk: columns, then rows, in blocks."""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
import numpy.typing as npt

from graphrep._mapped import mapped_array
from graphrep._memory import readable_bytes
from graphrep._progress import progress_bar
from graphrep.graph import Graph
from graphrep.io.buckets import beside
from graphrep.io.vectors import write_mapped
from graphrep.ops.projection import accumulate_rows
from graphrep.ops.propagation import inverse_degrees, recurrence_step

__all__ = ["Moments", "Powers", "row_blocks", "sums_on_disk"]

F32 = npt.NDArray[np.float32]
_ROWS = 1 << 14  # in a block whose sums are added; part of the result, so the same wherever the vectors are
_PER_NODE = 40  # bytes for degrees, their logarithms, and later for hashes of rows


class Powers(NamedTuple):
    """What is summed: ``start`` and ``first`` write columns [begin, end) of N_0 and N_1; ``first`` may be None."""

    start: Callable[[tuple[int, int], F32], Any]
    first: Callable[[tuple[int, int], F32], Any] | None
    weights: tuple[float, ...]  # of N_0, N_1, …
    normalize: bool
    dimensions: int


class Moments:
    """Sums of columns and of their squares, added block by block so that the place of the rows does not matter."""

    def __init__(self, dimensions: int) -> None:
        self.total, self.squares, self.count = np.zeros(dimensions), np.zeros(dimensions), 0

    def add(self, rows: F32) -> None:
        """The next rows; all calls but the last give a multiple of 16,384 of them."""
        for block in row_blocks(rows):
            self.total += block.sum(axis=0, dtype=np.float64)
            self.squares += np.einsum("ij,ij->j", block, block, dtype=np.float64)
        self.count += len(rows)

    def finish(self) -> tuple[F32, F32]:
        """Mean and scale of each column."""
        mean, squares = self.total / self.count, self.squares / self.count
        deviation = np.sqrt(np.maximum(squares - mean**2, 0))
        # A column that hardly varies (powers converge in a dense graph) consists of rounding errors: do not scale it.
        varies = deviation > 1e-4 * np.sqrt(squares)
        return mean.astype(np.float32), np.where(varies, deviation, 1.0).astype(np.float32)


def row_blocks(rows: F32, step: int = _ROWS) -> Iterator[F32]:
    """Consecutive blocks of rows."""
    for begin in range(0, len(rows), step):
        yield rows[begin : begin + step]


def sums_on_disk(
    graph: Graph,
    powers: Powers,
    out: Path,
    memory: int,
    *,
    standardize: bool,
    warn: Callable[[Callable[[], Iterator[F32]]], None],
    n_jobs: int | None,
) -> tuple[F32, F32, F32]:
    """Write the sum to ``out``, an .npy file; returns it mapped, and mean and scale of its columns.

    ``warn`` gets a function that yields the rows, in blocks, before they are standardized.
    """
    n, d = graph.num_nodes, powers.dimensions
    wanted = [i for i, weight in enumerate(powers.weights) if weight]
    width = _width(n, d, memory)
    _check_disk(out, 4 * n * d * (len(wanted) + 1))
    with beside(out) as folder:
        steps = -(-d // width) * (1 + len(powers.weights)) + 2
        with progress_bar(total=steps, desc="FastRP", unit="passes") as bar:
            cuts = [*range(0, d, width), d]
            parts = list(itertools.pairwise(cuts))
            _write_columns(graph, powers, folder, parts, set(wanted), bar, n_jobs)
            place = folder / "vectors.npy"
            step = max(_ROWS, memory // (4 * 8 * d) // _ROWS * _ROWS)
            moments = Moments(d)
            with place.open("wb") as file:
                header = {"descr": "<f4", "fortran_order": False, "shape": (n, d)}
                np.lib.format.write_array_header_1_0(file, header)
                start = file.tell()
                for rows in _sums(powers, folder, parts, wanted, n, step, n_jobs):
                    moments.add(rows)
                    file.write(rows.data)
            for file_of_columns in folder.glob("*.columns"):
                file_of_columns.unlink()
            bar.update()
            warn(lambda: _rows_of(place, start, n, d, step))
            mean, scale = np.zeros(d, dtype=np.float32), np.ones(d, dtype=np.float32)
            if standardize:
                mean, scale = moments.finish()
                _standardize(place, start, n, d, step, mean, scale)
            bar.update()
        names = graph.nodes if graph.node_keys() is not None else None
        write_mapped(out, place, names)
    with out.open("rb") as file:
        np.lib.format.read_magic(file)
        np.lib.format.read_array_header_1_0(file)
        return mapped_array(file, np.float32, (n, d), file.tell()), mean, scale


def _width(n: int, d: int, memory: int) -> int:
    """Columns in memory at a time, of which there are two blocks."""
    width = (memory - _PER_NODE * n) // (8 * n)
    if width < 1:
        needed = (_PER_NODE + 8) * n
        raise MemoryError(
            f"memory= is {readable_bytes(memory)}, but FastRP of {n:,} nodes on the disk needs "
            f"{readable_bytes(needed)} for one column; give memory={needed} or more."
        )
    unit = next(unit for unit in (16, 8, 4, 1) if width >= unit)  # rows should not straddle cache lines, of 16 numbers
    return int(min(d, width - width % unit))


def _check_disk(out: Path, needed: int) -> None:
    free = shutil.disk_usage(out.absolute().parent).free
    if needed > free:
        raise OSError(
            f"cannot write {out}: its vectors and their terms need {readable_bytes(needed)} there for a while, but "
            f"{readable_bytes(free)} are free on that disk."
        )


def _write_columns(
    graph: Graph,
    powers: Powers,
    folder: Path,
    parts: list[tuple[int, int]],
    wanted: set[int],
    bar: Any,
    n_jobs: int | None,
) -> None:
    """The powers that count, a file per power and block of columns."""
    n, scale = graph.num_nodes, inverse_degrees(graph)
    last = max(wanted)
    for part in parts:
        before, after = (np.empty((n, part[1] - part[0]), dtype=np.float32) for _ in range(2))
        for i in range(len(powers.weights)):
            if i > last:
                break
            if i == 0:
                if 0 in wanted or powers.first is None:
                    powers.start(part, after)
            elif i == 1 and powers.first is not None:
                powers.first(part, after)
            else:
                recurrence_step(graph, before, after, scale=scale, own=0.0, before=0.0, n_jobs=n_jobs)
            if i in wanted:
                with _columns(folder, i, part[0]).open("wb") as file:
                    file.write(after.data)
            before, after = after, before
            bar.update()


def _columns(folder: Path, power: int, begin: int) -> Path:
    return folder / f"{power}.{begin}.columns"


def _sums(
    powers: Powers,
    folder: Path,
    parts: list[tuple[int, int]],
    wanted: list[int],
    n: int,
    step: int,
    n_jobs: int | None,
) -> Iterator[F32]:
    """Blocks of rows of the sum. The norm of a row is over all columns, so all of its parts are read first."""
    for begin in range(0, n, step):
        count = min(step, n - begin)
        total = np.zeros((count, powers.dimensions), dtype=np.float32)
        power = np.empty_like(total)
        for i in wanted:
            for first, end in parts:
                width = end - first
                with _columns(folder, i, first).open("rb") as file:
                    file.seek(4 * begin * width)
                    power[:, first:end] = _read(file, count, width)
            accumulate_rows(power, powers.weights[i], total, normalize=powers.normalize, n_jobs=n_jobs)
        yield total


def _read(file: BinaryIO, rows: int, columns: int) -> F32:
    found = np.fromfile(file, dtype=np.float32, count=rows * columns)
    if len(found) != rows * columns:
        raise OSError(f"the file {file.name} was cut short by another program.")
    return found.reshape(rows, columns)


def _rows_of(place: Path, start: int, n: int, d: int, step: int) -> Iterator[F32]:
    with place.open("rb") as file:
        file.seek(start)
        for begin in range(0, n, step):
            yield _read(file, min(step, n - begin), d)


def _standardize(place: Path, start: int, n: int, d: int, step: int, mean: F32, scale: F32) -> None:
    with place.open("r+b") as file:
        for begin in range(0, n, step):
            at = start + 4 * begin * d
            file.seek(at)
            rows = _read(file, min(step, n - begin), d)
            rows -= mean
            rows /= scale
            file.seek(at, os.SEEK_SET)
            file.write(rows.data)
