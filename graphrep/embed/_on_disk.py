"""Sums of normalized powers, as FastRP computes them, with the vectors on the disk: columns, then rows, in blocks."""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
import numpy.typing as npt

from graphrep._checks import warn_caller
from graphrep._mapped import mapped_array
from graphrep._memory import readable_bytes
from graphrep._progress import progress_bar
from graphrep.distributed.halo import RowGraph
from graphrep.distributed.ranks import Range, Ranks
from graphrep.distributed.rows import UNITS, column_parts
from graphrep.graph import Graph
from graphrep.io.partial import beside
from graphrep.io.vectors import write_mapped
from graphrep.ops.projection import accumulate_rows
from graphrep.ops.propagation import inverse_degrees, recurrence_step

__all__ = [
    "PER_NODE_OF_ALL",
    "ROWS",
    "Moments",
    "Powers",
    "check_rows",
    "columns_within",
    "read_whole",
    "row_blocks",
    "sizes_on_disk",
    "sums_by_rows",
    "sums_on_disk",
    "write_by_rows",
]

F32 = npt.NDArray[np.float32]
ROWS = 1 << 14  # in a block whose sums are added; part of the result, so the same wherever the vectors are
_PER_NODE = 40  # bytes for degrees, their logarithms, and later for hashes of rows
PER_NODE_OF_ALL = 48  # bytes on a rank that has some rows: numbers, their places, hashes of rows


class Powers(NamedTuple):
    """What is summed: ``start`` and ``first`` write columns [begin, end) of N_0 and N_1; ``first`` may be None."""

    start: Callable[[tuple[int, int], Any], Any]
    first: Callable[[tuple[int, int], Any], Any] | None
    weights: tuple[float, ...]  # of N_0, N_1, …
    normalize: bool
    dimensions: int
    dtype: np.dtype[Any]


class Moments:
    """Sums of columns and of their squares, added block by block so that the place of the rows does not matter."""

    def __init__(self, dtype: Any) -> None:
        # A column that hardly varies (powers converge in a dense graph) consists of rounding errors: do not scale it.
        self._least = 1e-4 if np.dtype(dtype) == np.float32 else 2e-3
        self._sums: list[npt.NDArray[np.float64]] = []

    def add(self, rows: F32, *, before: bool = False) -> None:
        """Rows that follow those added so far, or stand before them; only the last ones may end between two blocks."""
        found = [
            np.stack([block.sum(axis=0, dtype=np.float64), np.einsum("ij,ij->j", block, block, dtype=np.float64)])
            for block in row_blocks(rows)
        ]
        self._sums = [*found, *self._sums] if before else [*self._sums, *found]

    def finish(self, count: int, ranks: Ranks, parts: Sequence[Range] | None = None) -> tuple[F32, F32]:
        """Mean and scale of each column of ``count`` rows, of which every rank has added its own ``parts``."""
        found = ranks.tell("columns", self._sums[0].shape[1] if self._sums else 0)
        sums = np.array(self._sums).reshape(len(self._sums), 2, max(found))
        # In the order of the blocks, one after the other.
        blocks = None if parts is None else [(-(-begin // ROWS), -(-end // ROWS)) for begin, end in parts]
        total, square = np.add.accumulate(ranks.gather("sums", sums, -(-count // ROWS), parts=blocks))[-1]
        mean, squares = total / count, square / count
        deviation = np.sqrt(np.maximum(squares - mean**2, 0))
        varies = deviation > self._least * np.sqrt(squares)
        lost = np.count_nonzero(~varies & (deviation > 1e-4 * np.sqrt(squares)))
        if lost and ranks.rank == 0:
            warn_caller(
                f"{lost} of {len(varies)} columns of FastRP vary too little for float16, and are not scaled; "
                'precision="float32" keeps them.'
            )
        return mean.astype(np.float32), np.where(varies, deviation, 1.0).astype(np.float32)


def row_blocks(rows: F32, step: int = ROWS) -> Iterator[F32]:
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
    warn: Callable[[Callable[[], Iterator[F32]], Callable[[Any], Any]], None],
    ranks: Ranks,
    n_jobs: int | None,
) -> tuple[F32, F32, F32]:
    """Write the sum to ``out``, an .npy file; returns it mapped, and mean and scale of its columns.

    ``warn`` gets a function that yields the rows of this rank, in blocks, before they are standardized, and one that
    gathers what belongs to the rows of all ranks.
    """
    n, d = graph.num_nodes, powers.dimensions
    wanted = [i for i, weight in enumerate(powers.weights) if weight]
    parts = _parts(n, d, memory, ranks, powers.dtype.itemsize)
    begin, end = ranks.part(n, ROWS)
    if ranks.rank == 0:
        _check_disk(out, sizes_on_disk(n, d, len(wanted), memory, powers.dtype.itemsize)[1])
    with _common_folder(out, ranks) as folder:
        steps = len(parts) * (1 + len(powers.weights)) + 2
        with progress_bar(
            total=steps, desc="FastRP", unit="passes", progress=None if ranks.rank == 0 else False
        ) as bar:
            columns = _Columns(folder, ranks.rank, parts)
            _write_columns(graph, powers, columns, set(wanted), ranks, bar, n_jobs)
            step = _rows_at_once(d, memory)
            place, start = folder / "vectors.npy", _created(folder / "vectors.npy", n, d, ranks)
            rows = _Rows(place, start + 4 * begin * d, end - begin, d, step)
            moments = Moments(powers.dtype)
            with place.open("r+b") as file:
                for at, block in columns.sums(powers, wanted, end - begin, step, n_jobs):
                    moments.add(block, before=True)
                    file.seek(rows.start + 4 * at * d)
                    file.write(block.data)
            columns.remove()
            bar.update()
            warn(rows.blocks, lambda values: ranks.gather("rows", values, n, ROWS))
            mean, scale = np.zeros(d, dtype=np.float32), np.ones(d, dtype=np.float32)
            if standardize:
                mean, scale = moments.finish(n, ranks)
                rows.standardize(mean, scale)
            bar.update()
        return _published(out, place, graph, d, ranks), mean, scale


def sums_by_rows(
    graph: Graph,
    rows: RowGraph,
    total: Callable[[Any], F32],
    dimensions: int,
    dtype: Any,
    out: Path,
    *,
    standardize: bool,
    warn: Callable[[Callable[[], Iterator[F32]], Callable[[Any], Any]], None],
    ranks: Ranks,
    steps: int,
) -> tuple[F32, F32, F32]:
    """Write rows that every rank computes by ``total(bar)``; otherwise as :func:`sums_on_disk`."""
    n, d = graph.num_nodes, dimensions
    if ranks.rank == 0:
        _check_disk(out, 4 * n * d)
    with _common_folder(out, ranks) as folder:
        place, start = folder / "vectors.npy", _created(folder / "vectors.npy", n, d, ranks)
        shown = None if ranks.rank == 0 else False
        with progress_bar(total=steps, desc="FastRP", unit="passes", progress=shown) as bar:
            own = total(bar)
        warn(lambda: row_blocks(own), lambda values: ranks.gather("rows", values, n, parts=rows.parts))
        mean, scale = np.zeros(d, dtype=np.float32), np.ones(d, dtype=np.float32)
        if standardize:
            moments = Moments(dtype)
            moments.add(own)
            mean, scale = moments.finish(n, ranks, rows.parts)
            own -= mean
            own /= scale
        with place.open("r+b") as file:
            file.seek(start + 4 * rows.begin * d)
            file.write(own.data)
        return _published(out, place, graph, d, ranks), mean, scale


def write_by_rows(
    graph: Graph, compute: Callable[[Path], Iterable[tuple[int, F32]]], dimensions: int, out: Path, ranks: Ranks, *,
    disk: int = 0,
) -> F32:  # fmt: skip
    """Write what ``compute(folder)`` yields on each rank, rows and the number of the first, to ``out``; all, mapped.

    ``disk`` is what the files of ``compute`` take, which are gone before the rows are written.
    """
    size = 4 * graph.num_nodes * dimensions
    if ranks.rank == 0:
        _check_disk(out, max(size, disk))
    with _common_folder(out, ranks) as folder:
        place = folder / "vectors.npy"
        start = _created(place, graph.num_nodes, dimensions, ranks)
        with place.open("r+b") as file:
            for begin, rows in compute(folder):
                file.seek(start + 4 * begin * dimensions)
                file.write(np.ascontiguousarray(rows).data)
        return _published(out, place, graph, dimensions, ranks)


def check_rows(
    rows: int, arcs: int, halo: tuple[int, int], graph: Graph, d: int, memory: int, ranks: Ranks, *, itemsize: int
) -> int:
    """Columns that are exchanged at a time; MemoryError if a rank has no memory for one, with so many rows and arcs."""
    per_arc = graph.indices.itemsize + (0 if graph.weights is None else 4)
    fixed = per_arc * arcs + ((4 + itemsize) * d + 24) * rows + 20 * sum(halo) + PER_NODE_OF_ALL * graph.num_nodes
    column = itemsize * (2 * rows + sum(halo))
    return columns_within(memory, fixed, column, d, ranks)


def columns_within(memory: int, fixed: int, column: int, d: int, ranks: Ranks) -> int:
    """Columns, at most d, that fit beside ``fixed`` bytes; MemoryError if a rank has no memory for one."""
    needed = ranks.tell("memory for rows", fixed + column)
    most = max(needed)
    if most > memory:
        raise MemoryError(
            f"memory= is {readable_bytes(memory)}, but rank {needed.index(most)} of {ranks.world_size} needs "
            f"{readable_bytes(most)} for its rows; start more ranks or give memory={most} or more."
        )
    width = (memory - fixed) // max(column, 1)
    return int(min(d, width - width % next(unit for unit in UNITS if width >= unit)))


def _published(out: Path, place: Path, graph: Graph, d: int, ranks: Ranks) -> F32:
    """Put the file that all ranks have written in its place, and map it."""
    ranks.meet("the rows are written")
    if ranks.rank == 0:
        write_mapped(out, place, graph.nodes if graph.node_keys() is not None else None)
    ranks.meet("the file is written")
    with out.open("rb") as file:
        np.lib.format.read_magic(file)
        np.lib.format.read_array_header_1_0(file)
        return mapped_array(file, np.float32, (graph.num_nodes, d), file.tell())


@contextmanager
def _common_folder(out: Path, ranks: Ranks) -> Iterator[Path]:
    """A folder beside ``out`` that all ranks see and rank 0 makes and removes."""
    if ranks.rank == 0:
        with beside(out) as folder, ranks.together():
            ranks.tell("the folder", folder.name)
            ranks.meet("the folder is there")
            yield folder
        return
    folder = out.absolute().parent / ranks.tell("the folder", None)[0]
    if not folder.is_dir():
        raise FileNotFoundError(f"out={out} is on a disk that rank {ranks.rank} does not share with rank 0.")
    ranks.meet("the folder is there")
    yield folder


def _created(place: Path, n: int, d: int, ranks: Ranks) -> int:
    """Make a file for all vectors; where they begin in it."""
    if ranks.rank == 0:
        with place.open("wb") as file:
            np.lib.format.write_array_header_1_0(file, {"descr": "<f4", "fortran_order": False, "shape": (n, d)})
            file.truncate(file.tell() + 4 * n * d)
    ranks.meet("the file is made")
    return place.stat().st_size - 4 * n * d


def _parts(n: int, d: int, memory: int, ranks: Ranks, itemsize: int) -> list[list[tuple[int, int]]]:
    """Ranges of columns that the ranks compute at a time: a list for each pass, with a range for each rank."""
    width = _width(n, d, memory, 2 if ranks.world_size == 1 else 3, itemsize)
    shares = column_parts(d, ranks)
    lists = [list(itertools.pairwise([*range(begin, end, width), end])) for begin, end in shares]
    nothing = [(end, end) for _, end in shares]
    passes = max(map(len, lists))
    return [
        [found[i] if i < len(found) else none for found, none in zip(lists, nothing, strict=True)]
        for i in range(passes)
    ]


def sizes_on_disk(n: int, d: int, terms: int, memory: int, itemsize: int) -> tuple[int, int]:
    """Bytes of memory, and of disk for a sum of so many terms, whose files shrink as it grows."""
    columns = (_PER_NODE + 2 * itemsize * _width(n, d, memory, 2, itemsize)) * n
    rows = min(n, _rows_at_once(d, memory))
    return max(columns, (4 + 2 * itemsize) * rows * d), max(itemsize * terms, 4) * n * d + 4 * rows * d


def _rows_at_once(d: int, memory: int) -> int:
    return max(ROWS, memory // (4 * 8 * d) // ROWS * ROWS)


def _width(n: int, d: int, memory: int, blocks: int, itemsize: int) -> int:
    """Columns in memory at a time, of which there are so many blocks."""
    width = (memory - _PER_NODE * n) // (itemsize * blocks * n)
    if width < 1:
        needed = (_PER_NODE + itemsize * blocks) * n
        raise MemoryError(
            f"memory= is {readable_bytes(memory)}, but FastRP of {n:,} nodes on the disk needs "
            f"{readable_bytes(needed)} for one column; give memory={needed} or more."
        )
    unit = next(unit for unit in (4 // itemsize * UNITS[0], *UNITS) if width >= unit)
    return int(min(d, width - width % unit))


def _check_disk(out: Path, needed: int) -> None:
    free = shutil.disk_usage(out.absolute().parent).free
    if needed > free:
        raise OSError(
            f"cannot write {out}: its vectors and their terms need {readable_bytes(needed)} there for a while, but "
            f"{readable_bytes(free)} are free on that disk."
        )


class _Columns:
    """Files of the rows of this rank: one for each power that counts and each range of columns."""

    def __init__(self, folder: Path, rank: int, parts: list[list[tuple[int, int]]]) -> None:
        self._folder, self._rank, self.passes = folder, rank, parts
        self._parts = [part for ranges in parts for part in ranges if part[0] < part[1]]

    def path(self, power: int, begin: int) -> Path:
        return self._folder / f"{self._rank}.{power}.{begin}.columns"

    def remove(self) -> None:
        for path in self._folder.glob(f"{self._rank}.*.columns"):
            path.unlink()

    def sums(
        self, powers: Powers, wanted: list[int], rows: int, step: int, n_jobs: int | None
    ) -> Iterator[tuple[int, F32]]:
        """Blocks of rows of the sum, from the last to the first, so that the files shrink; and where each begins.

        The norm of a row is over all columns, so all of its parts are read first.
        """
        for begin in reversed(range(0, rows, step)):
            count = min(step, rows - begin)
            total = np.zeros((count, powers.dimensions), dtype=np.float32)
            power = np.empty_like(total, dtype=powers.dtype)
            for i in wanted:
                for first, end in self._parts:
                    with self.path(i, first).open("r+b") as file:
                        file.seek(powers.dtype.itemsize * begin * (end - first))
                        power[:, first:end] = _read(file, count, end - first, powers.dtype)
                        file.truncate(powers.dtype.itemsize * begin * (end - first))
                accumulate_rows(power, powers.weights[i], total, normalize=powers.normalize, n_jobs=n_jobs)
            yield begin, total


def _write_columns(
    graph: Graph, powers: Powers, columns: _Columns, wanted: set[int], ranks: Ranks, bar: Any, n_jobs: int | None
) -> None:
    """The powers that count: each rank computes columns and writes rows."""
    n, scale = graph.num_nodes, inverse_degrees(graph)
    rows, last = ranks.parts(n, ROWS), max(wanted)
    for ranges in columns.passes:
        part = ranges[ranks.rank]
        before, after = (np.empty((n, part[1] - part[0]), dtype=powers.dtype) for _ in range(2))
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
                _write_power(columns, i, ranges, ranks.to_rows("a power", after, [b - a for a, b in ranges], rows))
            before, after = after, before
            bar.update()


def _write_power(columns: _Columns, power: int, ranges: list[Range], blocks: list[Any]) -> None:
    # A function of its own, so that nothing keeps a block while the next one is computed.
    for (first, end), block in zip(ranges, blocks, strict=True):
        if first < end:
            columns.path(power, first).write_bytes(block.data)


class _Rows(NamedTuple):
    """The rows of this rank in the file of all vectors."""

    path: Path
    start: int
    num_rows: int
    dimensions: int
    step: int

    def blocks(self) -> Iterator[F32]:
        """Blocks of these rows."""
        with self.path.open("rb") as file:
            file.seek(self.start)
            for begin in range(0, self.num_rows, self.step):
                yield _read(file, min(self.step, self.num_rows - begin), self.dimensions)

    def standardize(self, mean: F32, scale: F32) -> None:
        """Write the standardized rows in their place."""
        with self.path.open("r+b") as file:
            for begin in range(0, self.num_rows, self.step):
                at = self.start + 4 * begin * self.dimensions
                file.seek(at)
                rows = _read(file, min(self.step, self.num_rows - begin), self.dimensions)
                rows -= mean
                rows /= scale
                file.seek(at, os.SEEK_SET)
                file.write(rows.data)


def _read(file: BinaryIO, rows: int, columns: int, dtype: Any = np.float32) -> Any:
    found = np.empty((rows, columns), dtype=dtype)
    read_whole(file, found)
    return found


def read_whole(file: BinaryIO, table: npt.NDArray[Any]) -> None:
    """Fill an array from a file."""
    if file.readinto(table.reshape(-1).view(np.uint8).data) != table.nbytes:  # type: ignore[attr-defined]
        raise OSError(f"the file {file.name} was cut short by another program.")
