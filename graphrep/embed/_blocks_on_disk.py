"""Tall blocks on the disk, for iterations of more vectors than memory holds: products by columns, sums by rows."""

from __future__ import annotations

import itertools
import tempfile
import weakref
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from graphrep._mapped import mapped_array
from graphrep._memory import readable_bytes
from graphrep._rows import Arcs, Rows
from graphrep._threads import resolve_threads
from graphrep.csr import CSR, rows_of_arcs
from graphrep.distributed.ranks import Ranks
from graphrep.distributed.rows import UNITS
from graphrep.embed._division import Division
from graphrep.embed._on_disk import read_whole
from graphrep.graph import Graph, open_graph
from graphrep.io.buckets import Block as Edges
from graphrep.io.buckets import Sorting, block_edges, write_sorted
from graphrep.io.partial import Work
from graphrep.ops.projection import random_projection
from graphrep.ops.tall import grams, multiply_rows, share_rows

__all__ = ["Block", "DiskDivision", "DiskNeeds", "DiskRows", "chunks_of", "sizes_in_blocks"]

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
U64 = npt.NDArray[np.uint64]

_GROUP = UNITS[0]  # columns that lie together in a file
_PIECE = 1 << 14  # rows of a group that are copied at a time
_ROW_BLOCKS = 3  # that a step by rows holds at a time
_MOST_SHARES = 8  # of the rows, at a time


class DiskNeeds(NamedTuple):
    """What a learner needs whose blocks lie on the disk.

    Attributes
    ----------
    rows, width : int
        Shape of its blocks.
    row : int
        Bytes in memory for each row.
    blocks : int
        Most blocks of columns in memory at a time.
    files : int
        Most blocks on the disk at a time.
    arc : int
        Bytes on the disk for each arc.
    passes : int
        How often a block is read or written.
    gram : int
        Columns that are read by rows, if that is more than ``width``.
    """

    rows: int
    width: int
    row: int
    blocks: int
    files: int
    arc: int = 0
    passes: int = 0
    gram: int = 0

    @property
    def widest(self) -> int:
        """Columns of what is read by rows."""
        return max(self.width, self.gram)

    @property
    def traffic(self) -> int:
        """Bytes that are read and written."""
        return 4 * self.passes * self.rows * self.width


class Block:
    """A float32 block of shape (num_rows, width) in a file without a name, which goes with it.

    Groups of 16 columns lie one after the other, each by rows, so that columns and rows are both read in long pieces.
    """

    def __init__(self, folder: Path, num_rows: int, width: int) -> None:
        self.shape = (num_rows, width)
        self._groups = list(itertools.pairwise([*range(0, width, _GROUP), width]))
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115
        weakref.finalize(self, self._file.close)
        self._file.truncate(4 * num_rows * width)

    def read(self, rows: tuple[int, int], columns: tuple[int, int] | None = None) -> F32:
        """Some rows of some columns, by default of all, in memory."""
        begin, end = (0, self.shape[1]) if columns is None else columns
        out = np.empty((rows[1] - rows[0], end - begin), dtype=np.float32)
        for group, theirs, mine in self._overlaps(begin, end):
            for first, last in _pieces(*rows):
                out[first - rows[0] : last - rows[0], mine] = self._group(group, first, last)[:, theirs]
        return out

    def write(self, row: int, column: int, x: F32) -> None:
        """Replace the entries from this row and column on."""
        for group, theirs, mine in self._overlaps(column, column + x.shape[1]):
            for first, last in _pieces(row, row + len(x)):
                piece = x[first - row : last - row, mine]
                if theirs != slice(0, group[1] - group[0]):
                    given, piece = piece, self._group(group, first, last)
                    piece[:, theirs] = given
                self._seek(group, first)
                self._file.write(np.ascontiguousarray(piece).data)

    def _overlaps(self, begin: int, end: int) -> Iterator[tuple[tuple[int, int], slice, slice]]:
        """Groups that have some of these columns, with their places in the group and among these columns."""
        for first, last in self._groups:
            low, high = max(first, begin), min(last, end)
            if low < high:
                yield (first, last), slice(low - first, high - first), slice(low - begin, high - begin)

    def _group(self, group: tuple[int, int], begin: int, end: int) -> F32:
        """Rows of a group of columns."""
        out = np.empty((end - begin, group[1] - group[0]), dtype=np.float32)
        self._seek(group, begin)
        read_whole(self._file, out)
        return out

    def _seek(self, group: tuple[int, int], row: int) -> None:
        self._file.seek(4 * (self.shape[0] * group[0] + row * (group[1] - group[0])))


def _pieces(begin: int, end: int) -> Iterator[tuple[int, int]]:
    return itertools.pairwise([*range(begin, end, _PIECE), end])


class DiskRows(Rows):
    """Rows of blocks on the disk; numbers by rows are in memory. The bits are those of :class:`Rows`."""

    def __init__(
        self, num_rows: int, n_jobs: int | None, *, share: int, memory: int, needs: DiskNeeds, folder: Path
    ) -> None:
        super().__init__(num_rows, n_jobs, share=share)
        self._room, self._needs, self._folder = memory - needs.row * num_rows, needs, folder
        most = max(1, self._room // (4 * _ROW_BLOCKS * share * needs.widest))
        self._step = share * min(most, max(_MOST_SHARES, resolve_threads(n_jobs)))  # rows in memory at a time

    def passes(self, width: int) -> int:
        """How often a product with a block of so many columns passes over the arcs."""
        return len(self._parts(width, self._needs.blocks))

    def random(self, width: int, *, seed: int, keys: U64 | None, scale: F32 | None = None) -> Any:
        """A random block of signs, by rows; a row is multiplied by its ``scale``."""

        def drawn(own: U64, *factor: F32) -> F32:
            options: dict[str, Any] = {"density": 1.0, "seed": seed, "n_jobs": self.n_jobs}
            return random_projection(len(own), width, keys=own, row_scale=factor[0] if factor else None, **options)

        own = np.arange(self.num_rows, dtype=np.uint64) if keys is None else keys
        return self.map(drawn, own, *(() if scale is None else (scale,)))

    def drawn(self, width: int, *, seed: int, keys: U64 | None, scale: F32, part: tuple[int, int] | None = None) -> F32:
        """Some columns of a random block."""
        options: dict[str, Any] = {"density": 1.0, "seed": seed, "keys": keys, "row_scale": scale}
        return random_projection(self.num_rows, width, part=part, **options, n_jobs=self.n_jobs)

    def filtered(self, function: Any, width: int, draw: Callable[..., F32], blocks: list[Any]) -> tuple[Any, Any]:
        """Two blocks that ``function`` makes of some columns at a time, as :meth:`Rows.filtered`."""
        fresh = not blocks
        u, other = blocks or (self.empty(width), self.empty(width))
        blocks.clear()
        for begin, end in self._parts(width, 2):
            x = draw(part=(begin, end)) if fresh else u.read((0, self.num_rows), (begin, end))
            x, y = function(x, np.empty_like(x))
            u.write(0, begin, x)
            other.write(0, begin, y)
            del x, y
        return u, other

    def by_columns(self, function: Callable[[F32], F32], *, blocks: int = 2) -> Callable[[Any], Any]:
        """A function of columns, which holds so many blocks of them, as one of blocks on the disk."""

        def divided(x: Block) -> Block:
            out = self.empty(x.shape[1])
            for begin, end in self._parts(x.shape[1], blocks):
                out.write(0, begin, function(x.read((0, self.num_rows), (begin, end))))
            return out

        return divided

    def part_of(self, x: Any) -> Any:
        """The block, of which products take some columns at a time."""
        return x

    def on_columns(self, function: Callable[[F32], F32], x: Any, *, blocks: int) -> Any:
        """What a function makes of some columns at a time."""
        return self.by_columns(function, blocks=blocks)(x)

    def put(self, out: Any, column: int, function: Callable[[F32], F32], x: Any) -> None:
        """Write what the function makes of rows of x to columns of ``out``."""
        for begin, rows in self.chunks(x):
            out.write(begin, column, function(rows))
            del rows

    def held(self, x: F32) -> Block:
        """A block of an array."""
        return self.map(lambda some: some, x)

    def chunks(self, *blocks: Any) -> Iterator[tuple[Any, ...]]:
        """First row, and rows of blocks and arrays in memory, some at a time; drop them before the next ones."""
        for begin in range(0, self.num_rows, self._step):
            end = min(begin + self._step, self.num_rows)
            yield begin, *(x.read((begin, end)) if isinstance(x, Block) else x[begin:end] for x in blocks)

    def each(self, function: Callable[..., object], *blocks: Any) -> None:
        """Change the first of these in place."""
        for begin, *parts in self.chunks(*blocks):
            function(*parts)
            blocks[0].write(begin, 0, parts[0])
            del parts

    def map(self, function: Callable[..., F32], *blocks: Any) -> Block:
        """A block of the rows that the function makes; of several rows it may make one."""
        out = None
        for begin, *parts in self.chunks(*blocks):
            found, count = function(*parts), len(parts[0])
            if out is None:
                out = Block(self._folder, self.num_rows * len(found) // count, found.shape[1])
            out.write(begin * len(found) // count, 0, found)
            del parts, found
        assert out is not None
        return out

    def numbers(self, function: Callable[[F32], npt.NDArray[Any]], x: Any) -> npt.NDArray[Any]:
        """Numbers by rows."""
        return np.concatenate([function(rows) for _, rows in self.chunks(x)])

    def multiply(self, x: Any, matrix: npt.NDArray[np.floating], out: Any = None) -> Any:
        """A block times a small matrix."""
        out = self.empty(matrix.shape[1]) if out is None else out
        for begin, rows in self.chunks(x):
            out.write(begin, 0, multiply_rows(rows, matrix, n_jobs=self.n_jobs))
            del rows
        return out

    def shares(self, x: Any) -> Iterator[Any]:
        """The shares of a block."""
        for _, rows in self.chunks(x):
            yield from super().shares(rows)
            del rows

    def gram(self, x: Any, y: Any = None, *, scale: F32 | None = None, symmetric: bool = False) -> F64:
        """Inner products of columns."""

        def products() -> Iterator[F64]:
            more = [x] if y is None else [x, y]
            for _, *rows, factor in self.chunks(*more, np.zeros(self.num_rows, bool) if scale is None else scale):
                by: Any = factor if scale is not None else None
                first, other = (*rows, None)[:2]
                yield from grams(first, other, self.share, scale=by, symmetric=symmetric, n_jobs=self.n_jobs)
                del rows, first, other

        return self.total_of(products(), (x.shape[1], (x if y is None else y).shape[1]))

    def extremes(self, x: Any) -> tuple[F32, F32]:
        """Largest and least entry of each column, and 0."""
        found = np.array([super(DiskRows, self).extremes(rows) for _, rows in self.chunks(x)])
        return found[:, 0].max(axis=0), found[:, 1].min(axis=0)

    def empty(self, width: int) -> Block:
        """A block to be filled."""
        return Block(self._folder, self.num_rows, width)

    def _parts(self, width: int, blocks: int) -> list[tuple[int, int]]:
        """Ranges of columns, of which so many blocks fit into memory."""
        most = max(1, self._room // (4 * blocks * self.num_rows))
        most -= most % next(unit for unit in UNITS if most >= unit)
        return list(itertools.pairwise([*range(0, width, most), width]))


class DiskDivision(Division):
    """Blocks in files of a folder, and some of their columns or rows in memory."""

    def __init__(self, n_jobs: int | None, memory: int, needs: DiskNeeds, folder: Path) -> None:
        super().__init__(Ranks(), n_jobs, in_file=True)
        self._memory, self._needs, self._folder = memory, needs, folder

    def arcs(self, graph: Graph) -> tuple[Arcs, Any]:
        """The arcs of a graph, and the rows of blocks that they are multiplied with."""
        return self._rows(graph, share_rows(graph.num_nodes))

    def undirected(self, graph: Graph) -> tuple[Arcs, Any]:
        """Those of :meth:`graphrep.Graph.to_undirected`, which is made on the disk."""
        return self.arcs(graph if not graph.directed else self._sorted(graph, graph.num_nodes, lambda *ends: ends))

    def cover(self, graph: Graph) -> tuple[Arcs, Any]:
        """Those of :func:`graphrep.csr.double_cover` of a directed graph, which is made on the disk."""
        both = self._sorted(graph, 2 * graph.num_nodes, lambda source, target: (2 * source, 2 * target + 1))
        return self._rows(both, 2 * share_rows(graph.num_nodes))

    def per_arc(self, pieces: Iterable[tuple[F32, ...]], num_arcs: int, count: int) -> list[F32]:
        """Arrays with a number per arc, mapped from files without a name."""
        with ExitStack() as stack:
            files = [stack.enter_context(tempfile.TemporaryFile(dir=self._folder)) for _ in range(count)]
            for parts in pieces:
                for file, part in zip(files, parts, strict=True):
                    file.write(part.data)
            for file in files:
                file.flush()
            return [np.asarray(mapped_array(file, np.float32, (num_arcs,), 0)) for file in files]

    def _rows(self, graph: Graph, share: int) -> tuple[Arcs, DiskRows]:
        rows = DiskRows(
            graph.num_nodes,
            self._n_jobs,
            share=share,
            memory=self._memory,
            needs=self._needs,
            folder=self._folder,
        )
        return Arcs(graph, self._n_jobs), rows

    def _sorted(self, graph: Graph, num_nodes: int, ends: Callable[[Any, Any], tuple[Any, Any]]) -> Graph:
        """The undirected graph with these ends of each arc, in the folder."""
        csr, step = CSR(graph.indptr, graph.indices, graph.weights), block_edges(self._memory)

        def edges() -> Iterator[Edges]:
            for begin in range(0, graph.num_arcs, step):
                end = min(begin + step, graph.num_arcs)
                rows, counts = rows_of_arcs(csr.indptr, begin, end)
                source = np.repeat(np.arange(rows.start, rows.stop), counts)
                weights = None if csr.weights is None else csr.weights[begin:end]
                yield *ends(source, csr.indices[begin:end].astype(np.int64)), weights

        how = Sorting(directed=False, merge="max", memory=self._memory, progress=False, n_jobs=self._n_jobs)
        place, buckets = self._folder / "undirected.graph", self._folder / "buckets"
        buckets.mkdir()
        write_sorted(
            place, Work(buckets), edges, num_nodes, how, num_edges=graph.num_arcs, weighted=graph.weights is not None
        )
        for path in buckets.iterdir():
            path.unlink()
        return open_graph(place, verify=False)


def sizes_in_blocks(graph: Graph, needs: DiskNeeds, memory: int, name: str) -> tuple[int, int]:
    """Bytes of memory, and of disk; MemoryError if ``memory`` is too little for a column."""
    n, share = needs.rows, share_rows(graph.num_nodes) * (needs.rows // max(graph.num_nodes, 1))
    column, rows = 4 * needs.blocks * n, 4 * _ROW_BLOCKS * share * needs.widest
    fixed = needs.row * n
    least = fixed + max(column, rows)
    if memory < least:
        raise MemoryError(
            f"memory= is {readable_bytes(memory)}, but {name} of {graph.num_nodes:,} nodes on the disk needs "
            f"{readable_bytes(least)} for one column; give memory={least} or more."
        )
    columns = min(needs.width, (memory - fixed) // column)
    shares = min(-(-n // share), _MOST_SHARES, (memory - fixed) // rows)
    disk = 4 * needs.files * n * needs.width + needs.arc * graph.num_arcs
    if graph.directed:  # sorted into an undirected graph
        per_arc = 2 * graph.indices.itemsize + (0 if graph.weights is None else 4)
        disk += (2 * per_arc + needs.arc) * graph.num_arcs + 8 * n
    return fixed + max(column * columns, rows * shares), disk


def chunks_of(x: Any, memory: int) -> Iterator[tuple[int, F32]]:
    """First row, and rows of a block on the disk, some at a time; or those of an array."""
    if not isinstance(x, Block):
        yield 0, x
        return
    n, width = x.shape
    step = max(1, memory // (16 * width))
    for begin in range(0, n, step):
        yield begin, x.read((begin, min(begin + step, n)))
