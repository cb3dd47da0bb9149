"""Graphs larger than memory: edges that pass by in blocks are sorted through files beside the saved graph."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
import numpy.typing as npt

from graphrep._mapped import mapped_array
from graphrep._memory import readable_bytes
from graphrep._progress import progress_bar
from graphrep._types import NO_TYPES, Codes, Types, narrow, with_types, without_types
from graphrep.csr import CSR, MERGES, build_rows, check_ids, count_loops, index_dtype
from graphrep.io.partial import Work
from graphrep.io.saved import StoredNames, write_saved

__all__ = ["MINIMUM", "Blocks", "SortedGraph", "Sorting", "block_edges", "write_sorted"]

MINIMUM = 1_000_000  # bytes of memory
_PER_EDGE = 80  # bytes that distributing a block takes per edge
_MOST_BUCKETS = 4096

Ids = npt.NDArray[np.integer[Any]]
Weights = npt.NDArray[np.float32] | None
Block = tuple[Ids, Ids, Weights] | tuple[Ids, Ids, Weights, Codes | None]  # source, target, weights and types
Blocks = Callable[[], Iterable[Block]]  # all edges, the same at every call


def block_edges(memory: int) -> int:
    """Edges that a block should have."""
    return max(1024, memory // (4 * _PER_EDGE))


@dataclass
class SortedGraph:
    """What :func:`graphrep.io.saved.write_saved` reads of a :class:`graphrep.Graph`, and nothing else."""

    indptr: Any
    indices: Any
    weights: Any
    num_edges: int
    directed: bool
    _names: npt.NDArray[Any] | StoredNames | None
    _types: Types = NO_TYPES
    x: Any = None
    y: Any = None
    bipartite_sides = None

    @property
    def num_nodes(self) -> int:
        """Number of rows."""
        return len(self.indptr) - 1

    @property
    def num_arcs(self) -> int:
        """Number of entries."""
        return len(self.indices)

    def __getattr__(self, name: str) -> Any:
        if name not in ("node_type", "node_types", "edge_type", "edge_types"):
            raise AttributeError(name)
        return getattr(self._types, name)


@dataclass(kw_only=True)
class Sorting:
    """How edges become rows: as :func:`graphrep.as_graph` takes it, within ``memory`` bytes."""

    directed: bool | None = False  # None: until it is known whether edges have types
    merge: str = "sum"
    self_loops: bool = True
    memory: int
    progress: bool | None = None
    n_jobs: int | None = None

    @property
    def identity(self) -> list[Any]:
        """What the files depend on."""
        return [self.directed, self.merge, self.self_loops, self.memory]

    def __post_init__(self) -> None:
        if self.merge not in MERGES:
            raise ValueError(f"merge must be one of {', '.join(MERGES)}; got {self.merge!r}.")


def write_sorted(
    path: str | os.PathLike[str],
    work: Work,
    blocks: Blocks,
    num_nodes: int,
    how: Sorting,
    *,
    num_edges: int,
    weighted: bool,
    names: npt.NDArray[Any] | StoredNames | None = None,
    types: Types = NO_TYPES,
    x: Any = None,
    y: Any = None,
    sorted_out: Callable[[], None] = lambda: None,
) -> SortedGraph:
    """Save the graph of edges that are given as row numbers, byte by byte as it would be saved out of memory.

    Parameters
    ----------
    path : path
    work : Work
        Its folder takes the files; what it has saved of an earlier call is not done again.
    blocks : callable
        Gives all edges; it is called twice, or not at all once they are distributed. Weights are positive, and some of
        them differ from 1.
    num_nodes : int
    how : Sorting
    num_edges : int
        For the progress bar.
    weighted : bool
        Whether the blocks have weights.
    names : array, StoredNames or None
    types : Types
        Those of the nodes, and the names of those of the edges if the blocks have types.
    x, y : array, optional
        Features and labels, which may be mapped.
    sorted_out : callable
        Called when ``blocks`` is no longer needed.
    """
    plan = _Plan(num_nodes, how, weighted=weighted, edge_types=types.edge_types)
    shown: dict[str, Any] = {"unit_scale": True, "progress": how.progress}
    if "arcs" in work.state:
        plan.bounds, arcs = work.state["bounds"], np.array(work.state["arcs"]).reshape(-1, 2)
    else:
        with progress_bar(total=num_edges, desc="counting", unit="edges", **shown) as bar:
            counts = _count(blocks, plan, bar)
        plan.divide(counts, path)
        _check_disk(path, work.folder, int(counts.sum()), plan)
        for place in work.folder.glob("*.[01].*"):  # of a distribution that was stopped
            place.unlink()
        with progress_bar(total=num_edges, desc="distributing", unit="edges", **shown) as bar:
            arcs = _distribute(blocks, plan, work.folder, bar)
        work.settle()
        work.save(bounds=plan.bounds, arcs=arcs.tolist())
    sorted_out()
    with progress_bar(total=int(arcs.sum()), desc="sorting", unit="arcs", **shown) as bar:
        csr, kinds, loops = _build(plan, arcs, work, bar)
    size = len(csr.indices)
    if not how.directed and kinds is None:
        loops = count_loops(csr, n_jobs=how.n_jobs)
    edges = size if how.directed else (size + loops) // 2
    graph = SortedGraph(*csr, edges, bool(how.directed), names, types._replace(edge_type=kinds), x, y)
    write_saved(graph, path)
    return graph


class _Plan:
    """Which rows go to which bucket. Rows are counted in groups of consecutive ones, so that any number can be."""

    def __init__(
        self, num_nodes: int, how: Sorting, *, weighted: bool, edge_types: tuple[str, ...] | None = None
    ) -> None:
        self.num_nodes, self.weighted, self.how = num_nodes, weighted, how
        self.typed, self.num_types = edge_types is not None, max(1, len(edge_types or ()))
        self.kind = narrow(np.zeros(0), self.num_types).dtype
        self.dtype = np.dtype(index_dtype(num_nodes * self.num_types))  # of columns with their types
        most = int(np.clip(how.memory // 256, 1024, 1 << 20))
        self.shift = max(0, (max(num_nodes - 1, 0)).bit_length() - (most.bit_length() - 1))
        self.groups = (num_nodes - 1 >> self.shift) + 1 if num_nodes else 0
        self.bounds: list[int] = []  # groups at which buckets begin, and the end
        # Of an arc, what is read, its key with a spare one, and what is made of it.
        self.per_arc = 3 * self.dtype.itemsize + 16 + (12 if weighted else 4)
        self.per_arc += self.dtype.itemsize if self.typed else 0

    def divide(self, counts: npt.NDArray[np.int64], path: Any) -> None:
        """Choose buckets whose rows can be sorted in half of the memory."""
        room = self.how.memory // 2
        rows = np.minimum(self.num_nodes - (np.arange(self.groups) << self.shift), 1 << self.shift)
        cost = self.per_arc * counts + 16 * rows
        worst = int(cost.argmax()) if len(cost) else 0
        if len(cost) and cost[worst] > room:
            first = worst << self.shift
            some = f"node {first}" if self.shift == 0 else f"nodes {first} … {first + int(rows[worst]) - 1}"
            raise MemoryError(
                f"{some} of {path} have {counts[worst]:,} arcs, and sorting them takes {readable_bytes(cost[worst])} "
                f"or half of memory=; give memory={2 * int(cost[worst])} or more."
            )
        ends = np.cumsum(cost)
        self.bounds = [0]
        while self.bounds[-1] < self.groups:
            begin = self.bounds[-1]
            before = int(ends[begin - 1]) if begin else 0
            self.bounds.append(max(begin + 1, int(np.searchsorted(ends, before + room, side="right"))))
        if len(self.bounds) - 1 > _MOST_BUCKETS:
            needed = self.how.memory * (len(self.bounds) // _MOST_BUCKETS + 1)
            raise MemoryError(
                f"memory={self.how.memory} would take {len(self.bounds) - 1:,} buckets of rows for {path}, more than "
                f"{_MOST_BUCKETS:,}; give memory={needed} or more."
            )

    @property
    def buckets(self) -> int:
        return len(self.bounds) - 1

    def rows(self, bucket: int) -> tuple[int, int]:
        """First row of a bucket, and the one after its last."""
        begin, end = self.bounds[bucket : bucket + 2]
        return begin << self.shift, min(end << self.shift, self.num_nodes)

    def kept(self, block: Block) -> tuple[Ids, Ids, Any, Any]:
        """A block of checked row numbers, without the self loops that are not wanted."""
        source, target, weights = block[:3]
        kinds = block[3] if len(block) == 4 else None
        check_ids("source", source, self.num_nodes)
        check_ids("target", target, self.num_nodes)
        if self.how.self_loops:
            return source, target, weights, kinds
        source, target, weights, kinds = _chosen(source != target, source, target, weights, kinds)
        return source, target, weights, kinds

    def columns(self, ends: Ids, kinds: Codes | None) -> Ids:
        """Columns of arcs, with their types."""
        return ends if kinds is None else with_types(ends, kinds, self.num_nodes, self.num_types)


def _chosen(keep: npt.NDArray[np.bool_], *parts: Any) -> Any:
    return tuple(None if part is None else part[keep] for part in parts)


def _count(blocks: Blocks, plan: _Plan, bar: Any) -> npt.NDArray[np.int64]:
    """Arcs by group of rows."""
    counts = np.zeros(plan.groups, dtype=np.int64)
    for block in blocks():
        source, target, *_ = plan.kept(block)
        counts += np.bincount(source >> plan.shift, minlength=plan.groups)
        if not plan.how.directed:
            counts += np.bincount(target[source != target] >> plan.shift, minlength=plan.groups)
        bar.update(len(block[0]))
    return counts


def _check_disk(path: Any, folder: Path, arcs: int, plan: _Plan) -> None:
    """Refuse what the disk surely cannot hold: the buckets, or the rows twice."""
    size = plan.dtype.itemsize
    needed = arcs * (2 * size + 4 * plan.weighted)
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise OSError(
            f"cannot write {path}: sorting {arcs:,} arcs needs {readable_bytes(needed)} beside it, but "
            f"{readable_bytes(free)} are free on that disk."
        )


_PARTS = ("row", "column", "weight")


def _place(folder: Path, bucket: int, reverse: int, part: str) -> Path:
    return folder / f"{bucket}.{reverse}.{part}"


def _distribute(blocks: Blocks, plan: _Plan, folder: Path, bar: Any) -> npt.NDArray[np.int64]:
    """Append the arcs to the files of their buckets, in input order; returns their numbers, (buckets, 2 directions)."""
    arcs = np.zeros((plan.buckets, 2), dtype=np.int64)
    of_group = np.repeat(np.arange(plan.buckets, dtype=np.uint16), np.diff(plan.bounds))
    for block in blocks():
        source, target, weights, kinds = plan.kept(block)
        _append(source, plan.columns(target, kinds), weights, 0, of_group, plan, folder, arcs)
        if not plan.how.directed:
            apart = source != target
            if not apart.all():
                source, target, weights, kinds = _chosen(apart, source, target, weights, kinds)
            _append(target, plan.columns(source, kinds), weights, 1, of_group, plan, folder, arcs)
        bar.update(len(block[0]))
    return arcs


def _append(
    row: Ids,
    column: Ids,
    weights: Any,
    reverse: int,
    of_group: npt.NDArray[np.uint16],
    plan: _Plan,
    folder: Path,
    arcs: npt.NDArray[np.int64],
) -> None:
    bucket = of_group[row >> plan.shift]
    order = np.argsort(bucket, kind="stable")  # a radix sort
    counts = np.bincount(bucket, minlength=plan.buckets)
    ends = np.cumsum(counts)
    parts = [row.astype(plan.dtype, copy=False), column.astype(plan.dtype, copy=False)]
    if plan.weighted:
        parts.append(weights)
    for name, part in zip(_PARTS, parts, strict=False):
        ordered = part[order]
        for b in np.flatnonzero(counts).tolist():
            with _place(folder, b, reverse, name).open("ab") as file:
                file.write(ordered[ends[b] - counts[b] : ends[b]].data)
    arcs[:, reverse] += counts


class _Built(NamedTuple):
    """Buckets whose rows are written, the entries, whether weights differ from 1, and self loops of typed arcs."""

    buckets: int = 0
    written: int = 0
    found: bool = False
    loops: int = 0


def _build(plan: _Plan, arcs: npt.NDArray[np.int64], work: Work, bar: Any) -> tuple[CSR, Codes | None, int]:
    """Sort bucket by bucket; the rows and their types are mapped from files. With types, self loops are counted."""
    how, folder, built = plan.how, work.folder, _Built(*work.state.get("built", ()))
    names = {name: folder / name for name in ("indptr", "indices", "weights", "edge_type")}
    rows_done = plan.rows(built.buckets - 1)[1] if built.buckets else 0
    sizes = {
        "indptr": 8 * (rows_done + 1) if built.buckets else 0,
        "indices": index_dtype(plan.num_nodes)(0).itemsize * built.written,
        "weights": 4 * built.written * built.found,
        "edge_type": plan.kind.itemsize * built.written * plan.typed,
    }
    written, found, loops = built[1:]
    bar.update(int(arcs[: built.buckets].sum()))
    with ExitStack() as stack:
        files = {name: stack.enter_context(_continued(path, sizes[name])) for name, path in names.items()}
        indptr, indices, all_weights, edge_type = files.values()
        if not built.buckets:
            indptr.write(np.zeros(1, dtype=np.int64).data)
        for b, (forward, backward) in enumerate(arcs.tolist()):
            if b < built.buckets:
                continue
            row, column, weights = _bucket(plan, folder, b, (forward, backward))
            csr = build_rows(
                row,
                column,
                weights,
                plan.num_nodes * plan.num_types,
                rows=plan.rows(b),
                num_forward=forward,
                merge=how.merge,
                n_jobs=how.n_jobs,
            )
            del row, column, weights
            if csr.weights is not None and not found:
                found = True
                _write_ones(all_weights, written)
            if plan.typed:
                columns, kinds = without_types(csr.indices, plan.num_nodes, plan.num_types, plan.kind)
                loops += _count_loops(csr.indptr, columns, plan.rows(b)[0])
                edge_type.write(kinds.data)
                csr = csr._replace(indices=columns)
                del columns, kinds
            indices.write(csr.indices.data)
            if found:
                if csr.weights is None:
                    _write_ones(all_weights, len(csr.indices))
                else:
                    all_weights.write(csr.weights.data)
            indptr.write((csr.indptr[1:] + written).data)
            written += len(csr.indices)
            work.save(*files.values(), built=_Built(b + 1, written, found, loops))
            _remove_bucket(folder, b)
            bar.update(forward + backward)
    wanted: dict[str, tuple[Any, int]] = {
        "indptr": (np.int64, plan.num_nodes + 1),
        "indices": (index_dtype(plan.num_nodes), written),
    }
    if found:
        wanted["weights"] = np.float32, written
    if plan.typed:
        wanted["edge_type"] = plan.kind, written
    mapped: dict[str, Any] = {}
    for name, (dtype, size) in wanted.items():
        with names[name].open("rb") as file:
            mapped[name] = mapped_array(file, np.dtype(dtype), (size,), 0)
    csr = CSR(mapped["indptr"], mapped["indices"], mapped.get("weights"))
    return csr, mapped.get("edge_type"), loops


def _continued(path: Path, size: int) -> BinaryIO:
    """A file whose first bytes are kept, to be written on."""
    if size and path.stat().st_size < size:
        raise OSError(f"the file {path} was cut short by another program.")
    file = path.open("r+b" if size else "w+b")
    file.truncate(size)
    file.seek(size)
    return file


def _remove_bucket(folder: Path, bucket: int) -> None:
    for reverse in (0, 1):
        for part in _PARTS:
            _place(folder, bucket, reverse, part).unlink(missing_ok=True)


def _count_loops(indptr: Any, columns: Ids, first: int) -> int:
    """Arcs from a node to itself in consecutive rows, in which columns may repeat."""
    loops, step = 0, 1 << 16
    for begin in range(0, len(indptr) - 1, step):
        ends = indptr[begin : begin + step + 1]
        rows = np.repeat(np.arange(first + begin, first + begin + len(ends) - 1), np.diff(ends))
        loops += int((columns[ends[0] : ends[-1]] == rows).sum())
    return loops


def _bucket(plan: _Plan, folder: Path, bucket: int, sizes: tuple[int, int]) -> tuple[Ids, Ids, Any]:
    """The arcs of a bucket, those in the direction of the input first."""
    parts: list[Any] = []
    for name in _PARTS[: 3 if plan.weighted else 2]:
        values = np.empty(sum(sizes), dtype=np.float32 if name == "weight" else plan.dtype)
        begin = 0
        for reverse, size in enumerate(sizes):
            if size:
                place = _place(folder, bucket, reverse, name)
                with place.open("rb", buffering=0) as file:
                    view = values[begin : begin + size].view(np.uint8).data
                    while len(view):
                        count = file.readinto(view)
                        if not count:
                            raise OSError(f"the file {place} was cut short by another program.")
                        view = view[count:]
            begin += size
        parts.append(values)
    return parts[0], parts[1], parts[2] if plan.weighted else None


def _write_ones(file: Any, count: int) -> None:
    ones = np.ones(min(count, 1 << 20), dtype=np.float32)
    for begin in range(0, count, 1 << 20):
        file.write(ones[: count - begin].data)
