"""Skip-gram training of tables that are larger than memory: their parts are files, and two of them are in memory."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from graphrep._memory import readable_bytes
from graphrep.distributed.skipgram import Dealt
from graphrep.embed._on_disk import read_whole
from graphrep.embed.finishing import center_in_place
from graphrep.io.formats import npy
from graphrep.io.vectors import write_mapped
from graphrep.learn.checkpoint import Checkpoint
from graphrep.ops.skipgram import SkipGram
from graphrep.ops.walks import WalkSampler

__all__ = ["MOST_PARTS", "PER_NODE", "Manifest", "Place", "Plan", "TableFiles", "WalkFile", "check_disk", "publish"]

F32 = npt.NDArray[np.float32]
MOST_PARTS = 32
PER_NODE = 56  # bytes beside the tables: counts, the order of nodes, the noise distribution
_BLOCK = 1 << 14  # rows that are copied at a time


class Place(NamedTuple):
    """Where in the training a chunk of walks is."""

    begin: int  # walks of the round
    end: int
    first: int  # walk of the chunk
    centers: int  # parts that are trained
    contexts: int


class Plan(NamedTuple):
    """How a training is divided: each walk of a round is trained with all pairs of parts, then comes the next round."""

    parts: int
    epoch: int  # walks
    total: int
    round: int
    chunk: int

    @property
    def pairs(self) -> int:
        """Number of pairs of parts."""
        return self.parts**2

    @property
    def _rounds(self) -> int:
        """Rounds of an epoch."""
        return -(-self.epoch // self.round)

    def place(self, position: int) -> Place:
        """Where the training is after so many walks, each of which counts once for every pair of parts."""
        epoch, rest = divmod(position, self.epoch * self.pairs)
        number, rest = divmod(rest, self.round * self.pairs)
        begin = epoch * self.epoch + number * self.round
        end = min(begin + self.round, (epoch + 1) * self.epoch)
        pair, rest = divmod(rest, end - begin)
        index = epoch * self._rounds + number
        return Place(begin, end, begin + rest, *_pair(self.parts, index, pair))

    def traffic(self, table: int, walk: int) -> int:
        """Bytes that are read and written, with tables and walks of these sizes."""
        rounds = self._rounds * (self.total // self.epoch)
        return 2 * rounds * (self.parts + 1) * table + self.pairs * self.total * walk


def _pair(parts: int, number: int, pair: int) -> tuple[int, int]:
    """A pair of parts; the next one has one of the two in common with it, in this round and at the end of it."""
    if number % 2:
        pair = parts**2 - 1 - pair
    centers, contexts = divmod(pair, parts)
    return centers, parts - 1 - contexts if centers % 2 else contexts


class TableFiles:
    """Tables x and y of a model in files of a folder, one for each part; one part of each is in the model.

    Parameters
    ----------
    folder : Path
    model : SkipGram
        Of the first part, which is the largest one.
    kept : bool
        A part that is written does not replace the one that was saved before the next :meth:`settle`.
    """

    def __init__(self, folder: Path, model: SkipGram, *, kept: bool) -> None:
        self._folder, self._model, self._kept = folder, model, kept
        self._room = {"x": model.input, "y": model.output}
        self._part = {"x": 0, "y": 0}
        self.versions = {name: [0] * len(model.parts) for name in self._room}
        self._saved = {name: [-1] * len(model.parts) for name in self._room}

    def create(self, start: Callable[[SkipGram, int], Any]) -> None:
        """Write the initial vectors; ``start`` may change those of a part."""
        self._clear()
        for part in range(len(self._model.parts)):
            for name in self._room:
                self._place(name, part)
            self._model.draw_vectors()
            self._model.output.fill(0)
            start(self._model, part)
            for name in self._room:
                self._write(name)

    def open(self, versions: Any) -> None:
        """Continue with the files of an earlier process; ValueError if one of them is missing."""
        for name in self._room:
            for part, (begin, end) in enumerate(self._model.parts):
                path = self._path(name, part, versions[name][part])
                if not path.is_file() or path.stat().st_size != 4 * (end - begin) * self._room[name].shape[1]:
                    raise ValueError(f"{path} is missing or was cut short")
        self.versions = {name: list(versions[name]) for name in self._room}
        self.settle()
        self._clear(but=versions)
        for name in self._room:
            self._place(name, 0)
            self._read(name)

    def bring(self, centers: int, contexts: int) -> None:
        """Put parts into the model, those that are there into their files."""
        for name, part in (("x", centers), ("y", contexts)):
            if self._part[name] != part:
                self._write(name)
                self._place(name, part)
                self._read(name)

    def write(self) -> None:
        """Write the parts that are in the model."""
        for name in self._room:
            self._write(name)

    def settle(self) -> None:
        """What is written is saved; files that it replaces are removed."""
        for name, versions in self._saved.items():
            for part, version in enumerate(versions):
                if version not in (-1, self.versions[name][part]):
                    self._path(name, part, version).unlink(missing_ok=True)
        self._saved = {name: list(versions) for name, versions in self.versions.items()}

    def rows(self, order: npt.NDArray[np.int64], dimensions: int) -> Iterator[F32]:
        """The rows of x in the order of the nodes, in blocks; those of y are given up."""
        x, room = self._room["x"], self._room["y"].reshape(-1)
        step = len(room) // dimensions
        for begin in range(0, len(order), step):
            block = room[: dimensions * min(step, len(order) - begin)].reshape(-1, dimensions)
            for part, (first, end) in enumerate(self._model.parts):
                self._place("x", part)
                self._read("x")
                for at in range(first, end, _BLOCK):
                    nodes = order[at : min(at + _BLOCK, end)] - begin
                    here = np.flatnonzero((nodes >= 0) & (nodes < len(block)))
                    block[nodes[here]] = x[at - first + here, :dimensions]
            yield block

    def remove(self, *names: str) -> None:
        """Remove the files of tables."""
        for name in names:
            for part, version in enumerate(self.versions[name]):
                self._path(name, part, version).unlink(missing_ok=True)

    def _path(self, name: str, part: int, version: int) -> Path:
        return self._folder / f"{name}.{part}.{version}"

    def _clear(self, but: Any = None) -> None:
        """Remove what earlier processes have left."""
        wanted = {self._path(name, *one).name for name in but or () for one in enumerate(but[name])}
        for path in self._folder.iterdir():
            if re.fullmatch(r"[xy]\.\d+\.\d+", path.name) and path.name not in wanted:
                path.unlink()

    def _place(self, name: str, part: int) -> None:
        """Let the model have the part, whatever is in memory."""
        begin, end = self._model.parts[part]
        put = self._model.keep if name == "x" else self._model.hold
        put(part, self._room[name][: end - begin])
        self._part[name] = part

    def _table(self, name: str) -> F32:
        return self._model.input if name == "x" else self._model.output

    def _read(self, name: str) -> None:
        part = self._part[name]
        with self._path(name, part, self.versions[name][part]).open("rb") as file:
            read_whole(file, self._table(name))

    def _write(self, name: str) -> None:
        part = self._part[name]
        if self._kept and self.versions[name][part] == self._saved[name][part]:
            self.versions[name][part] += 1
        self._path(name, part, self.versions[name][part]).write_bytes(self._table(name).data)


class Manifest:
    """A :class:`Checkpoint` of tables that are files already: it says which ones, and where the training is."""

    def __init__(self, checkpoint: Checkpoint, tables: TableFiles, start: Callable[[SkipGram, int], Any]) -> None:
        self._checkpoint, self._tables, self._start = checkpoint, tables, start
        self.path = checkpoint.path

    def load(self, stage: str) -> Any:
        """The state of a training that goes on; None if it begins."""
        state = self._checkpoint.load(stage)
        if state is None:
            self._tables.create(self._start)
            return None
        try:
            self._tables.open(state["versions"])
        except (ValueError, KeyError, IndexError, TypeError) as error:
            raise ValueError(
                f"checkpoint {self.path} cannot be continued: {error}; remove it or name another file."
            ) from error
        return state

    def discard(self, stage: str) -> None:
        """Exclude a stage from later saves."""
        self._checkpoint.discard(stage)

    def save(self, stage: str, state: Any) -> None:
        """Write what is in memory, then which files count."""
        self._tables.write()
        self._checkpoint.save(stage, {**state, "versions": self._tables.versions})
        self._tables.settle()

    def remove(self) -> None:
        """Nothing: the files are needed until the vectors are in their place."""


class WalkFile:
    """The walks of a round in a file, drawn when they are first needed."""

    def __init__(self, path: Path, sampler: WalkSampler, dealt: Dealt, chunk: int) -> None:
        self._path, self._sampler, self._dealt, self._chunk = path, sampler, dealt, chunk
        self._begin, self._drawn = -1, 0

    def walks(self, place: Place) -> tuple[Any, Any]:
        """Numbers of walks, and the walks in rows of the tables."""
        if place.begin != self._begin:
            self._begin, self._drawn = place.begin, 0
            self._path.write_bytes(b"")
        first, count = place.first - place.begin, min(self._chunk, place.end - place.first)
        while self._drawn < first:  # of a round that another process began
            self._draw(min(self._chunk, first - self._drawn))
        if self._drawn == first:
            return self._draw(count)
        walks = np.empty((count, self._sampler.walk_length), self._dealt.rows.dtype)
        with self._path.open("rb") as file:
            file.seek(walks[:1].nbytes * first)
            read_whole(file, walks)
        return self._sampler.shuffled_ids(place.first, count), walks

    def _draw(self, count: int) -> tuple[Any, Any]:
        ids = self._sampler.shuffled_ids(self._begin + self._drawn, count)
        walks = self._dealt.placed(self._sampler.sample_ids(ids))
        with self._path.open("ab") as file:
            file.write(walks.data)
        self._drawn += count
        return ids, walks


def check_disk(out: Path, folder: Path, needed: int, result: int) -> None:
    """OSError unless there is room for the files of a folder, and for the result."""
    there = sum(path.stat().st_size for path in folder.iterdir() if path.is_file())
    for path, size, what in ((folder, needed - there, "its tables and walks"), (out.absolute().parent, result, "it")):
        free = shutil.disk_usage(path).free
        if size > free:
            raise OSError(
                f"cannot write {out}: {what} need{'s' * (what == 'it')} {readable_bytes(size)} in {path}, but "
                f"{readable_bytes(free)} are free on that disk."
            )


def publish(
    out: Path, place: Path, blocks: Iterator[F32], shape: tuple[int, int], names: Any, *, centered: bool
) -> F32:
    """Write rows to an .npy file, center them if asked to, put it in its place, and map it."""
    with place.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "<f4", "fortran_order": False, "shape": shape})
        begin = file.tell()
        for block in blocks:
            file.write(block.data)
    if centered:
        table = np.memmap(place, np.float32, "r+", begin, shape)
        center_in_place(table)
        table.flush()
        del table  # some systems rename no file that is mapped
    write_mapped(out, place, names)
    with out.open("rb") as file:
        return np.asanyarray(npy.read_array(file, 0, out.stat().st_size, mmap=True))
