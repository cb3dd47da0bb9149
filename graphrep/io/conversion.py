"""Edges of files and arrays to a saved graph, in bounded memory."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from graphrep._arrays import to_numpy
from graphrep._checks import checked_int, warn_caller
from graphrep._memory import checked_bytes
from graphrep._progress import progress_bar
from graphrep._threads import resolve_threads
from graphrep._types import NO_TYPES, Types, encode, narrow
from graphrep.io.arrays import mapped_npy
from graphrep.io.bounded import is_pipe, one_line
from graphrep.io.buckets import MINIMUM, Sorting, block_edges, write_sorted
from graphrep.io.edge_chunks import Chunk, NotIntegersError, TableFile, TextFile
from graphrep.io.edgelist import checked_wish, warn_of_zeros
from graphrep.io.graph_files import REFUSED, files_of_edges, kind_of_file
from graphrep.io.name_tables import FixedIntegers, IntegerNames, KindNames, StringNames
from graphrep.io.node_chunks import Attributes
from graphrep.io.partial import Work, partial_work, stamp
from graphrep.io.paths import check_writable, checked_suffix, need_pyarrow
from graphrep.io.saved import StoredNames

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from typing_extensions import Self

__all__ = ["convert_edges"]

_WHOLE = "leave out memory= (--memory) to read it as a whole"
_FEW, _SPARSE = 10_000_000, 100  # as in as_graph


def convert_edges(
    edges: Any,
    path: str | os.PathLike[str],
    *,
    memory: int | str = "4GB",
    source: str | int | None = None,
    target: str | int | None = None,
    weight: str | int | bool | None = None,
    weights: npt.ArrayLike | None = None,
    num_nodes: int | None = None,
    directed: bool | None = None,
    merge: str = "sum",
    self_loops: bool = True,
    edge_type: Any = None,
    edge_types: Sequence[str] | None = None,
    nodes: str | os.PathLike[str] | Sequence[str | os.PathLike[str]] | None = None,
    node_type: Any = None,
    node_types: Sequence[str] | None = None,
    x: Any = None,
    y: Any = None,
    progress: bool | None = None,
    n_jobs: int | None = None,
    **reader_options: Any,
) -> None:
    r"""Write edges to a file that :func:`graphrep.open_graph` maps, without holding them in memory.

    The file is, byte by byte, that of ``as_graph(edges, ...).save(path)``, with the same meaning of names, weights,
    direction, parallel edges and self loops. The edges are read once, in chunks, and kept as numbers in a folder beside
    ``path``; they are then distributed to files of consecutive rows, each of which is sorted in memory.

    Parameters
    ----------
    edges : path or array
        A text file as :func:`graphrep.io.read_edges` takes it, plain or packed with gzip, zstd, bzip2 or xz; a Parquet
        file; a folder of such files; a ``.npy`` file or an array of integers of shape (2, num_edges), which may be
        mapped, with row numbers.
    path : path
        Must end in ``.graph``. The file appears, or replaces an older one, when it is complete.
    memory : int or str
        Bytes to use, such as ``"4GB"``; 1 MB at least. See the notes.
    source, target, weight
        Columns of the file, as in :func:`graphrep.as_graph`.
    weights : array of shape (num_edges,), optional
        Weights of an array of edges.
    num_nodes : int, optional
        Take integers as row numbers in [0, num_nodes); names then need no memory.
    directed : bool, optional
        True takes the edges as arcs; default: undirected, and with types of edges directed.
    merge : {"sum", "max", "first"}
        How parallel edges are merged.
    self_loops : bool
        Whether to keep edges from a node to itself.
    edge_type : str, int, bool or array of shape (num_edges,), optional
        Types of the edges: the column, as in :func:`graphrep.as_graph`, where usual names such as head, relation and
        tail mean types, too; False ignores them. Of an array of edges, integers from 0, which may be mapped.
    edge_types : sequence of str, optional
        All types by name, in order.
    nodes : path, or list of paths, optional
        Tables of all nodes, in their order, as in :func:`graphrep.as_graph`: text with a header, Parquet, or folders of
        parts, all with the same columns, one of which is called :ID, id, node_id, node, name or key. Their names must
        include all ends of edges; those without edges are isolated nodes. ``:LABEL`` is their type.
    node_type : str, or array of shape (num_nodes,), optional
        Column of ``nodes`` with the types of the nodes; or integers from 0 in the order of the nodes.
    node_types : sequence of str, optional
        All types of nodes by name, in order.
    x, y : str, list of str (x), array, or Path of an .npy file, optional
        Features and labels: columns of numbers of ``nodes``, one of which may hold arrays of equal length; or an array
        with a row per node, in their order, which may be mapped. It is copied block by block.
    progress : bool or None
        Whether to show progress bars; None shows them in terminals and Jupyter.
    n_jobs : int or None
        Number of threads; the result does not depend on it.
    **reader_options
        ``delimiter``, ``header``, ``comments`` and ``quotes`` of text files, as in :func:`graphrep.io.read_edges`; and
        ``bipartite=False`` confirms that equal names in both columns are the same nodes.

    Raises
    ------
    ValueError
        The input is damaged, or of a format that is only read as a whole.
    TypeError, IndexError
        As for :func:`graphrep.as_graph`.
    MemoryError
        The names of the nodes, or the arcs of one node, need more than half of ``memory``.
    OSError
        The disk is full, or ``path`` cannot be written.

    Warns
    -----
    UserWarning
        As for :func:`graphrep.as_graph`.

    Notes
    -----
    Time O(num_edges log(num_nodes)). Memory: ``memory`` beside that of the interpreter and its libraries; names may
    take half of it. Integers that name nodes take a byte per number between the smallest and the largest, and unless
    they are 0 … n - 1, 4 more and 8 per node; or 32 per node if they are far apart. Strings take about 160 bytes each
    beside their characters. Pages of files that the system keeps in its cache do not count.

    If the process is stopped after the edges have been read, a folder beside ``path`` stays, and the same call with the
    same files goes on from there; not with arrays in memory, and not on Windows.

    Disk, beside ``path``, for a while: 8 bytes per edge of the input (16 if ids exceed 31 bits) and 8 per arc (16 from
    2**31 nodes on), 4 more for each with weights; an undirected edge is two arcs. Types of edges take 4 bytes per edge,
    and 16 per arc instead of 8 if num_nodes times the number of types exceeds 2**31. The result has 4 bytes per arc, 1
    to 4 more for its type, and 8 per node.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import graphrep as gr
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> _ = (folder / "friends.csv").write_text("from,to\nann,bob\nbob,cy\n")
    >>> gr.io.convert_edges(folder / "friends.csv", folder / "friends.graph", memory="1MB")
    >>> gr.open_graph(folder / "friends.graph")
    Graph(num_nodes=3, num_edges=2, undirected)
    """
    size = checked_bytes("memory", memory, MINIMUM)
    how = Sorting(directed=directed, merge=merge, self_loops=self_loops, memory=size, progress=progress, n_jobs=n_jobs)
    resolve_threads(n_jobs)
    checked_suffix(path, (".graph",))
    options = {name: value for name, value in reader_options.items() if value is not None}
    one_set = options.get("bipartite") is False
    if one_set:
        del options["bipartite"]
    unknown = [name for name in options if name not in ("delimiter", "header", "comments", "quotes")]
    if unknown:
        raise TypeError(f"convert_edges has no option {', '.join(unknown)}; two sides need as_graph(...).save(path).")
    if nodes is not None and num_nodes is not None:
        raise ValueError("num_nodes= is given, but the tables of nodes= say how many nodes there are.")
    attributes = Attributes(nodes, node_type, node_types, x, y, how)
    num_nodes = None if num_nodes is None else checked_int("num_nodes", num_nodes, 0)
    if not isinstance(edges, (str, os.PathLike)):
        check_writable(path)
        _refuse_options(options, source, target, weight, "an array")
        array = edges if isinstance(edges, np.ndarray) else to_numpy(edges)
        _convert_array(array, weights, path, num_nodes, how, "edges", edge_type, edge_types, attributes)
        return
    if weights is not None:
        raise TypeError("weights= is for arrays; give weight=, the name of a column.")
    if str(edges) == "-" or is_pipe(edges):
        raise ValueError("standard input and pipes are read once and as a whole; save the edges as a file first.")
    check_writable(path, edges, *(attributes.table.paths if attributes.table else ()))
    columns = (source, target, weight, edge_type)
    _convert_file(Path(edges), path, columns, num_nodes, how, options, edge_types, attributes, one_set=one_set)


def _convert_file(
    place: Path,
    path: Any,
    columns: tuple[Any, Any, Any, Any],
    num_nodes: int | None,
    how: Sorting,
    options: dict[str, Any],
    edge_types: Sequence[str] | None,
    attributes: Attributes,
    *,
    one_set: bool,
) -> None:
    source, target, weight, edge_type = columns
    files = files_of_edges(place) if place.is_dir() else [place]
    kind = kind_of_file(files[0])
    if kind == ".npy" and not place.is_dir():
        _refuse_options(options, source, target, weight, f"{place}, an array")
        identity = None
        if attributes.identity is not None and isinstance(edge_type, (bool, type(None))):
            identity = ["array", stamp(place), attributes.identity, num_nodes, how.identity]
        array = mapped_npy(place)
        _convert_array(array, None, path, num_nodes, how, str(place), edge_type, edge_types, attributes, identity)
        return
    if not isinstance(edge_type, (str, int, type(None))):
        raise TypeError(f"edge_type of {place} is a column; give its name or position.")
    readers: list[Any]
    if kind == "Parquet":
        _refuse_options(options, None, None, None, f"{place}, a Parquet file")
        need_pyarrow(files[0])
        readers = [TableFile(files, columns, block_edges(how.memory))]
    elif kind is None:
        wish = checked_wish(
            source=source, target=target, weight=weight, num_nodes=num_nodes, edge_type=edge_type, **options
        )
        block = min(max(1 << 16, how.memory // 16), 1 << 26)
        readers = [TextFile(file, wish, block, how.n_jobs) for file in files]
        if len({reader.typed for reader in readers}) > 1:
            raise ValueError(
                "some files of the folder have types of edges and some have none; give edge_type=False to ignore them."
            )
        if len({reader.weighted for reader in readers}) > 1:
            raise ValueError(
                "some files of the folder have weights and some have none; give weight=False to ignore them."
            )
    elif kind in REFUSED:
        raise ValueError(f"{files[0]} is {REFUSED[kind]}.")
    else:
        raise ValueError(f"{files[0]} is {kind}, which is not read in parts; {_WHOLE}.")
    weighted, typed = readers[0].weighted, readers[0].typed
    if edge_types is not None and not typed:
        raise TypeError("edge_types= names the types that edge_type= gives, which is missing.")
    how = replace(how, directed=typed if how.directed is None else how.directed)
    if num_nodes is not None:
        attributes.check(num_nodes)
    identity = None
    if attributes.identity is not None:
        inputs = [stamp(*files), list(columns), options, edge_types, attributes.identity]
        identity = ["edges", inputs, num_nodes, how.identity, one_set]
    with partial_work(path, identity) as work:
        if "read" in work.state:
            spool = _Spool(work.folder / "edges", weighted=weighted, typed=typed)
            _write_spool(path, work, spool, None, how, attributes)
            return
        folder = work.folder
        names: Any = IntegerNames(how.memory // 2) if num_nodes is None else None
        if attributes.table is not None:
            attributes.read(folder)
            names = attributes.table.names
            for reader in readers:
                reader.spelled = True
        with _Spool(folder / "edges", weighted=weighted, typed=typed).writing() as spool:
            kinds = KindNames(how.memory // 8, "edge_type")
            try:
                _read(readers, spool, names, kinds, how, strings=isinstance(names, StringNames))
            except NotIntegersError:
                if num_nodes is not None:
                    raise TypeError("num_nodes cannot be given with named end points.") from None
                if attributes.table is not None:
                    raise ValueError(
                        f"the names in {place} are strings, and those in {attributes.table.what} are integers."
                    ) from None
                spool.clear()
                names, kinds = StringNames(how.memory // 2), KindNames(how.memory // 8, "edge_type")
                _read(readers, spool, names, kinds, how, strings=True)
            work.settle(spool.file)
        if typed:
            try:
                spool.codes, spool.edge_types = kinds.finish(edge_types)
            except (TypeError, ValueError) as error:
                raise type(error)(f"{place}: {error}") from None
        if isinstance(names, IntegerNames):
            for reader in readers:
                if isinstance(reader, TextFile):
                    warn_of_zeros(reader.name, reader.padded)
        hint = None if one_set else next((reader.sides for reader in readers if reader.sides), None)
        stored: Any = None
        if names is not None:
            stored = names.finish(folder)
            num_nodes = names.count
        assert num_nodes is not None
        if hint is not None and _overlap(_blocks_of(spool, names, how), num_nodes):
            warn_caller(
                f"{place}: {hint}, but the same ids occur on both sides and are taken for the same nodes; make the "
                "graph with as_graph(..., bipartite=True) to tell them apart."
            )
        types, x, y = attributes.finish(folder, num_nodes)
        _keep_read(work, spool, names, stored, num_nodes, types, (x, y), attributes)
        _write_spool(path, work, spool, names, how, attributes)


def _refuse_options(options: dict[str, Any], source: Any, target: Any, weight: Any, what: str) -> None:
    given = [*options, *(name for name, value in (("source", source), ("target", target)) if value is not None)]
    if weight not in (None, False):
        given.append("weight")
    if given:
        raise TypeError(f"{', '.join(given)}: options of text files and tables, but edges are {what}.")


def _read(readers: list[Any], spool: _Spool, names: Any, kinds: KindNames, how: Sorting, *, strings: bool) -> None:
    """All chunks of all files to the spool."""
    total = sum(file.stat().st_size for reader in readers for file in reader.paths)
    bar = progress_bar(total=total, desc="reading", unit="B", unit_scale=True, progress=how.progress)
    with bar:
        for reader in readers:
            for chunk in reader.chunks(bar.update, strings=strings):
                try:
                    spool.add(_numbered(chunk, names), None if chunk.kinds is None else kinds.add(*chunk.kinds))
                except ValueError as error:
                    raise ValueError(f"{reader.paths[0]}: {one_line(error)}.") from None
            if strings and not getattr(reader, "spelled", False) and len(readers) > 1 and reader.all_integers:
                raise ValueError(
                    f"the names in {reader.path} are integers, and strings in other files of the folder; {_WHOLE}."
                )


def _numbered(chunk: Chunk, names: Any) -> Chunk:
    if names is None:
        return chunk
    if isinstance(names, FixedIntegers):
        return chunk._replace(source=names.find(chunk.source), target=names.find(chunk.target))
    if chunk.names is None:
        for values in (chunk.source, chunk.target) if chunk.ids is None else (chunk.ids,):
            names.add(values)
        return chunk
    rows = names.find(chunk.names) if names.complete else names.add(chunk.names)
    return chunk._replace(source=rows[chunk.source], target=rows[chunk.target])


class _Spool:
    """Edges as numbers in a file, in input order; those of weight zero are dropped."""

    def __init__(self, path: Path, *, weighted: bool, typed: bool = False) -> None:
        self.path, self.weighted, self.typed = path, weighted, typed
        self.codes: Any = None  # of the numbers of types
        self.edge_types: tuple[str, ...] | None = None
        self._begin()

    @contextmanager
    def writing(self) -> Iterator[Self]:
        """With the file open for :meth:`add`."""
        with self.path.open("wb") as self.file:
            yield self

    def clear(self) -> None:
        """Begin again."""
        self.file.seek(0)
        self.file.truncate()
        self._begin()

    def _begin(self) -> None:
        self.chunks: list[tuple[int, np.dtype[Any]]] = []
        self.ones = True  # all weights are 1
        self.num_edges = 0

    def add(self, chunk: Chunk, kinds: npt.NDArray[np.int32] | None) -> None:
        """Append edges and the numbers of their types."""
        source, target, weights = chunk[:3]
        if self.weighted:
            assert weights is not None
            if not weights.all():
                keep = weights != 0
                source, target, weights = source[keep], target[keep], weights[keep]
                kinds = None if kinds is None else kinds[keep]
            self.ones = self.ones and bool((weights == 1).all())
        ends = [source, target]
        if source.dtype == np.int64 and all(_fits(values) for values in ends):
            source, target = (values.astype(np.int32) for values in ends)
        self.chunks.append((len(source), source.dtype))
        self.num_edges += len(source)
        for part in (source, target, weights, kinds):
            if part is not None:
                self.file.write(np.ascontiguousarray(part).data)

    def read(self) -> Iterator[tuple[Any, Any, Any, Any]]:
        """The chunks again, with codes of types; their weights are None if all are 1, types if there are none."""
        with self.path.open("rb") as file:
            for count, dtype in self.chunks:
                source, target = (_filled(file, count, dtype) for _ in range(2))
                weights = _filled(file, count, np.dtype(np.float32)) if self.weighted else None
                kinds = self.codes[_filled(file, count, np.dtype(np.int32))] if self.typed else None
                yield source, target, None if self.ones else weights, kinds


def _fits(values: npt.NDArray[np.int64]) -> bool:
    """Whether 32 bits hold all values."""
    return not len(values) or (int(values.min()) >= -(2**31) and int(values.max()) < 2**31)


def _filled(file: Any, count: int, dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    values = np.empty(count, dtype=dtype)
    if count and file.readinto(values.view(np.uint8).data) != values.nbytes:
        raise OSError(f"the file {file.name} was cut short by another program.")
    return values


def _keep_read(
    work: Work,
    spool: _Spool,
    names: Any,
    stored: Any,
    num_nodes: int,
    types: Types,
    of_nodes: tuple[Any, Any],
    attributes: Attributes,
) -> None:
    """Save what was read, so that it need not be read again."""
    kept: dict[str, Any] = {"num_nodes": num_nodes, "node_types": types.node_types, "edge_types": spool.edge_types}
    kept["spool"] = [[count, dtype.str] for count, dtype in spool.chunks], spool.ones, spool.num_edges
    kept["codes"] = work.stored("edge_codes", spool.codes)
    kept["node_type"] = work.stored("node_type", types.node_type)
    for name, array in zip("xy", of_nodes, strict=True):
        kept[name] = None if attributes.columns[name] is None else work.stored(name, array)
    if isinstance(stored, StoredNames):
        kept["strings"] = [work.stored("node_names", stored.text), work.stored("node_offsets", stored.offsets)]
    else:
        kept["integers"] = work.stored("ids", stored)
    kept["ranked"] = isinstance(names, IntegerNames) and names.is_ranked
    kept["searched"] = isinstance(names, IntegerNames)
    work.save(read=kept)


def _blocks_of(spool: _Spool, names: Any, how: Sorting) -> Iterator[tuple[Any, Any, Any, Any]]:
    """Row numbers of the edges."""
    step = block_edges(how.memory)
    for source, target, weights, kinds in spool.read():
        for begin in range(0, len(source), step):
            part = slice(begin, begin + step)
            ends = source[part], target[part]
            if isinstance(names, IntegerNames):
                ends = names.rows(ends[0]), names.rows(ends[1])
            yield *ends, None if weights is None else weights[part], None if kinds is None else kinds[part]


def _write_spool(path: Any, work: Work, spool: _Spool, names: Any, how: Sorting, attributes: Attributes) -> None:
    """Sort what was read, in this run or an earlier one, of which ``names`` is None."""
    kept = work.state["read"]
    chunks, spool.ones, spool.num_edges = kept["spool"]
    spool.chunks = [(count, np.dtype(dtype)) for count, dtype in chunks]
    spool.codes = work.array(kept["codes"]) if spool.codes is None else spool.codes
    integers = work.array(kept.get("integers"))
    if names is None and kept["searched"] and "arcs" not in work.state:
        names = IntegerNames.of(integers, ranked=kept["ranked"])
    stored: Any = integers
    if "strings" in kept:
        text, offsets = map(work.array, kept["strings"])
        stored = StoredNames(work.folder / "node_names", text, offsets, None)
    of_nodes, of_edges = kept["node_types"], kept["edge_types"]
    types = Types(
        node_type=work.array(kept["node_type"]),
        node_types=None if of_nodes is None else tuple(of_nodes),
        edge_types=None if of_edges is None else tuple(of_edges),
    )
    x, y = (
        attributes.arrays[name] if attributes.columns[name] is None else work.array(kept[name]) for name in ("x", "y")
    )

    def sorted_out() -> None:
        spool.path.unlink(missing_ok=True)
        if isinstance(names, IntegerNames):
            names.release()

    write_sorted(
        path,
        work,
        lambda: _blocks_of(spool, names, how),
        kept["num_nodes"],
        how,
        num_edges=spool.num_edges,
        weighted=spool.weighted and not spool.ones,
        names=stored,
        types=types,
        x=x,
        y=y,
        sorted_out=sorted_out,
    )


def _overlap(blocks: Iterator[tuple[Any, Any, Any, Any]], num_nodes: int) -> bool:
    seen = np.zeros((2, num_nodes), dtype=bool)
    for block in blocks:
        seen[0, block[0]] = True
        seen[1, block[1]] = True
    return bool((seen[0] & seen[1]).any())


def _convert_array(
    array: npt.NDArray[Any],
    weights: Any,
    path: Any,
    num_nodes: int | None,
    how: Sorting,
    what: str,
    edge_type: Any,
    edge_types: Sequence[str] | None,
    attributes: Attributes,
    identity: Any = None,
) -> None:
    """Row numbers of shape (2, num_edges)."""
    if array.ndim != 2 or len(array) != 2 or array.dtype.kind not in "iu":
        hint = " (transpose it?)" if array.ndim == 2 and array.shape[1] == 2 else ""
        raise ValueError(
            f"{what} must hold integers in the shape (2, num_edges), got {array.dtype} of shape {array.shape}{hint}."
        )
    count, step = array.shape[1], block_edges(how.memory)
    if weights is not None:
        weights = np.asarray(weights)
        if weights.shape != (count,):
            raise ValueError(f"weights must have shape ({count},), one per edge; got {weights.shape}.")
    types, kinds = _kinds_of_array(edge_type, edge_types, count, step)
    how = replace(how, directed=kinds is not None if how.directed is None else how.directed)
    largest, ones = -1, True
    for begin in range(0, count, step):
        part = array[:, begin : begin + step]
        largest = max(largest, int(part.max()))
        if what != "edges" and int(part.min()) < 0:
            raise ValueError(f"{what} must hold row numbers from 0, got {part.min()}.")
        if weights is not None:
            values = _checked(weights[begin : begin + step], begin)
            ones = ones and bool((values[values != 0] == 1).all())
    n = largest + 1 if num_nodes is None else num_nodes
    if num_nodes is None and n > _FEW and n > _SPARSE * array.size:
        raise ValueError(
            f"{what} hold the row number {n - 1}, so that the graph would have {n:,} nodes for {count} edges; give a "
            f"table or text file if these are names, or num_nodes={n}."
        )
    if largest >= 2**63:
        raise ValueError(f"{what} hold {largest}, which is no row number; give a table or text file.")

    def blocks() -> Iterator[tuple[Any, Any, Any, Any]]:
        for begin in range(0, count, step):
            part = slice(begin, begin + step)
            ends = [np.ascontiguousarray(row[part]) for row in array]
            ends = [row if row.dtype in (np.int32, np.int64) else row.astype(np.int64) for row in ends]
            codes = None if kinds is None else narrow(kinds[part], len(types.edge_types or ()))
            if weights is None:
                yield ends[0], ends[1], None, codes
                continue
            values = _checked(weights[part], begin)
            keep = slice(None) if values.all() else values != 0
            codes = None if codes is None else codes[keep]
            yield ends[0][keep], ends[1][keep], None if ones else values[keep], codes

    with partial_work(path, identity) as work:
        weighted = weights is not None and not ones
        names: Any = None
        if attributes.table is not None:
            attributes.read(work.folder)
            found = attributes.table.names
            if n > found.count:
                raise ValueError(f"nodes must name each of the {n} nodes once, got {found.count} names.")
            n, names = found.count, found.finish(work.folder)
        of_nodes, x, y = attributes.finish(work.folder, n)
        types = of_nodes._replace(edge_types=types.edge_types)
        write_sorted(path, work, blocks, n, how, num_edges=count, weighted=weighted, names=names, types=types, x=x, y=y)


def _kinds_of_array(given: Any, names: Sequence[str] | None, count: int, step: int) -> tuple[Types, Any]:
    """Names and codes of the types of an array of edges."""
    if given is None or given is False:
        if names is not None:
            raise TypeError("edge_types= names the types that edge_type= gives, which is missing.")
        return NO_TYPES, None
    if isinstance(given, (str, int)):
        raise TypeError(f"edge_type={given!r} names a column, which an array lacks; give an array of types.")
    kinds = given if isinstance(given, np.ndarray) else to_numpy(given)
    if kinds.shape != (count,) or kinds.dtype.kind not in "iu":
        raise ValueError(
            f"edge_type must hold an integer from 0 for each of {count} edges, whose names edge_types= gives; got "
            f"{kinds.dtype} of shape {kinds.shape}."
        )
    parts = [kinds[begin : begin + step] for begin in range(0, count, step)]
    ends = [edge for part in parts for edge in (int(part.min()), int(part.max()))]
    low_high = np.array([min(ends), max(ends)] if ends else [], dtype=kinds.dtype)
    return Types(edge_types=encode(low_high, names, len(low_high), "edge_type", among=count)[1]), kinds


def _checked(weights: Any, begin: int) -> npt.NDArray[np.float32]:
    from graphrep._convert import checked_weights

    try:
        values = checked_weights(weights, len(weights))
    except ValueError as error:
        raise ValueError(f"{error} (counted from entry {begin})" if begin else str(error)) from None
    assert values is not None
    return values
