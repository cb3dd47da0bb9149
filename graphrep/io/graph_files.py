"""Files of graphs and tables, each read through the library that owns its format; no file is unpickled."""

from __future__ import annotations

import io
import json
import math
import os
import re
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from graphrep.io._text import head_of, unpacked
from graphrep.io.arrays import read_npz
from graphrep.io.bounded import Budget, GrowthError, is_pipe, one_line, open_regular, read_whole, reading
from graphrep.io.columns import find_columns
from graphrep.io.formats import MalformedError
from graphrep.io.formats.parquet import check_parquet
from graphrep.io.matrices import checked_csr
from graphrep.io.saved import looks_saved

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["FoundTable", "files_of_edges", "kind_of_file", "read_graph_file", "read_table"]

# Suffix: the name of the format.
SUFFIXES = {
    ".graphml": "GraphML",
    ".gexf": "GEXF",
    ".gml": "GML",
    ".net": "Pajek",
    ".paj": "Pajek",
    ".pajek": "Pajek",
    ".json": "JSON",
    ".adjlist": "an adjacency list",
    ".graph": "METIS",
    ".metis": "METIS",
    ".g6": "graph6",
    ".graph6": "graph6",
    ".s6": "sparse6",
    ".sparse6": "sparse6",
    ".mtx": "Matrix Market",
    ".npz": "NumPy .npz",
    ".parquet": "Parquet",
    ".pq": "Parquet",
    ".feather": "Feather",
    ".arrow": "Arrow",
    ".ipc": "Arrow",
}
# Suffix: what to do instead.
_REFUSED = {
    "a pickle, and no pickle is read, since it can run code": (".pkl", ".pickle", ".gpickle", ".pt", ".pth", ".joblib"),
    "an Excel file; read it with pandas.read_excel and give the DataFrame": (".xlsx", ".xls", ".ods"),
    "HDF5; read it with pandas or h5py and give the table": (".h5", ".hdf5", ".h5ad"),
    "a Graphviz file; read it with networkx.nx_agraph.read_dot and give the graph": (".dot", ".gv"),
    "a database; give the table or query through duckdb, pandas or polars": (".db", ".sqlite", ".sqlite3", ".duckdb"),
    "an array without names; load it with numpy.load and give the array": (".npy",),
    "JSON lines; read it with polars.read_ndjson or pandas.read_json(lines=True) and give the table": (
        ".jsonl",
        ".ndjson",
    ),
    "an ORC file; read it with pyarrow.orc and give the table": (".orc",),
    "RDF; read it with rdflib and give (subject, object) pairs": (".ttl", ".nt", ".rdf", ".owl"),
}
REFUSED = {suffix: why for why, suffixes in _REFUSED.items() for suffix in suffixes}
_PACKED = (".gz", ".bz2", ".xz", ".zst")
_TABLES = ("Parquet", "Feather", "Arrow")
_TEXT = (".csv", ".tsv", ".txt", ".edges", ".edgelist", ".tab", ".el")


@dataclass(frozen=True)
class FoundTable:
    """A pyarrow Table, the names of its columns of end points, and those of the weights and types, or False."""

    table: Any
    source: str
    target: str
    weight: str | bool
    edge_type: str | bool


def read_graph_file(
    path: str | os.PathLike[str],
    *,
    columns: tuple[Any, Any, Any, Any] = (None, None, None, None),
    directed: bool = False,
) -> tuple[str, Any] | None:
    """Read a file that is not a plain edge list.

    The suffix decides, and the content where it contradicts: GraphML, GEXF, GML, Pajek, adjacency lists, graph6,
    networkx's edge lists with dictionaries and JSON (node-link, adjacency, Cytoscape) become a networkx graph; METIS,
    Matrix Market and scipy's .npz a sparse matrix; Parquet, Feather and Arrow a pyarrow Table of the columns needed,
    beside their names.

    Parameters
    ----------
    path : str or path-like
        A folder stands for all its files of edges, which must be of one kind and have the same columns.
    columns : tuple
        ``source``, ``target``, ``weight`` and ``edge_type`` as in :func:`graphrep.io.columns.find_columns`.
    directed : bool
        Direction of a format that does not state it.

    Returns
    -------
    tuple of str and object, or None
        The name of the format and what was read, in a form that ``as_graph`` takes; for a folder of text files, the
        tuple of their paths. None means that the file is text for :func:`graphrep.io.read_edges`.

    Raises
    ------
    FileNotFoundError
        There is no such file.
    ImportError
        The library for the format is missing.
    ValueError
        The file is damaged or of a format that is not read; the message names the file and the format.
    """
    if os.fspath(path) == "-":
        return None
    path = Path(path)
    if path.is_dir():
        return _folder(path, columns)
    if not path.exists() or is_pipe(path):
        return None  # the reader of text says so, and a pipe is read only once
    packed, kind = _suffix(path)[0], kind_of_file(path)
    if kind is None:
        return None
    if kind in REFUSED:
        raise ValueError(f"{path} is {REFUSED[kind]}.")
    if kind in _TABLES:
        if packed:
            raise ValueError(f"{path} is a packed {kind} file; unpack it first.")
        return kind, _table([path], kind, columns)
    read: Callable[[Path], Any] = {
        "METIS": _read_metis,
        "Matrix Market": _read_matrix_market,
        "NumPy .npz": _read_npz,
        "JSON": _read_json,
        "an adjacency list": lambda file: _read_adjlist(file, directed=directed),
        "an edge list of networkx": _read_networkx_edges,
    }.get(kind) or (lambda file: _read_networkx(file, kind))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of libraries, about attributes without a type or numbers out of range
        try:
            return kind, read(path)
        except (ImportError, GrowthError):
            raise
        except MemoryError:
            raise ValueError(f"{path} does not fit into memory.") from None
        except Exception as error:
            if isinstance(error, OSError) and str(path) in str(error):
                raise
            raise ValueError(f"cannot read {path} as {kind}: {one_line(error).removeprefix(f'{path} ')}.") from None


def _suffix(path: Path) -> tuple[bool, str]:
    """Whether a file is packed, by its name, and the suffix of what it holds."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    packed = bool(suffixes) and suffixes[-1] in _PACKED
    return packed, suffixes[-2] if packed and len(suffixes) > 1 else "" if packed or not suffixes else suffixes[-1]


def kind_of_file(path: Path) -> str | None:
    """Format of a file by its content, else by its suffix, which is the format of those that are refused.

    None stands for text. ValueError if it is a saved graph.
    """
    head, suffix = head_of(path), _suffix(path)[1]
    if looks_saved(head, suffix):
        raise ValueError(f"{path} is a graph that graphrep saved; give graphrep.open_graph(path).")
    kind = _sniffed(head, suffix)
    return SUFFIXES.get(suffix, suffix if suffix in REFUSED else None) if kind is None else kind


def _sniffed(head: bytes, suffix: str) -> str | None:
    """Format by content, or None if the content does not tell."""
    text = head.lstrip(b"\xef\xbb\xbf").lstrip()
    if head[:4] == b"PAR1":
        return "Parquet"
    if head[:6] == b"ARROW1":
        return "Feather" if suffix == ".feather" else "Arrow"
    if head[:4] == b"PK\x03\x04":
        return suffix if suffix in REFUSED else "NumPy .npz" if b".npy" in head[:200] else None
    if head[:4] == b"\x89HDF":
        return ".h5"
    if head[:6] == b"\x93NUMPY":
        return ".npy"
    if head[:15] == b"SQLite format 3":
        return ".db"
    if head[:1] == b"\x80" and head[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05"):
        return ".pkl"
    if text.startswith(b"%%MatrixMarket"):
        return "Matrix Market"
    if text.startswith(b"<"):
        for mark, kind in ((b"<graphml", "GraphML"), (b"<gexf", "GEXF")):
            if mark in text:
                return kind
        return None
    if re.match(rb"\*(vertices|network)\b", text, re.IGNORECASE):
        return "Pajek"
    if re.match(rb"(?:#[^\n]*\n\s*|(?:creator|version|comment)\b[^\n]*\n\s*)*graph\s*\[", text, re.IGNORECASE):
        return "GML"
    if text[:1] in (b"{", b"[") and suffix in ("", ".json", ".txt"):
        return "JSON"
    if suffix not in SUFFIXES or suffix == ".adjlist":
        for line in text.splitlines()[:100]:
            if line.strip() and not line.lstrip().startswith((b"#", b"%")):
                return "an edge list of networkx" if re.match(rb"\s*[^\s{]+\s+[^\s{]+\s+\{.*\}\s*$", line) else None
    return None


def _read_networkx(path: Path, kind: str) -> Any:
    import networkx as nx

    reader = {
        "GraphML": nx.read_graphml,
        "GEXF": nx.read_gexf,
        "GML": lambda file: _read_gml(nx, file),
        "Pajek": nx.read_pajek,
        "graph6": nx.read_graph6,
        "sparse6": nx.read_sparse6,
    }[kind]
    content = _content(path)
    if kind in ("GraphML", "GEXF") and b"<!ENTITY" in content:
        raise ValueError("it defines entities, which can grow without bounds; write it without them")
    if kind == "sparse6":
        _check_sparse6(path, content)
    graph = reader(io.BytesIO(content))
    if isinstance(graph, list):
        raise ValueError(f"the file holds {len(graph)} graphs; read it with networkx and give one of them")
    return _with_integers(graph)


def _read_gml(nx: Any, file: BinaryIO) -> Any:
    """GML by labels where every node has one of its own, else by ids."""
    try:
        return nx.read_gml(file)
    except nx.NetworkXError as error:
        if "label" not in str(error):
            raise
        file.seek(0)
        return nx.read_gml(file, label="id")


def _content(path: Path) -> bytes:
    """The file without its compression, within the bounds of what it may grow to."""
    whole = read_whole(path)
    return bytes(unpacked(str(path), whole, path.suffix.lower() if path.suffix.lower() in _PACKED else ""))


def _check_sparse6(path: Path, content: bytes) -> None:
    """Count the nodes that a sparse6 file announces: a few bytes are enough for 2**36 of them."""
    data = [byte - 63 for byte in content.strip().removeprefix(b">>sparse6<<").removeprefix(b":")[:8]]
    size = 1 if data[:1] < [63] else 3 if data[1:2] < [63] else 6
    announced = data[{1: 0, 3: 1, 6: 2}[size] :][:size]
    Budget(path, len(content)).take(400 * sum(max(0, part) << 6 * i for i, part in enumerate(announced[::-1])))


def _read_text(path: Path) -> str:
    return _content(path).decode("utf-8-sig")


def _read_json(path: Path) -> Any:
    """Node-link, adjacency or Cytoscape JSON."""
    import networkx as nx

    data = json.loads(_read_text(path))
    if isinstance(data, dict) and isinstance(data.get("elements"), dict):
        return nx.cytoscape_graph({"data": {}, "directed": False, "multigraph": False} | data)
    if isinstance(data, dict) and "adjacency" in data and "nodes" in data:
        return nx.adjacency_graph(data)
    edges = next((data[key] for key in ("links", "edges") if isinstance(data, dict) and key in data), None)
    if edges is None or not isinstance(data.get("nodes"), list):
        raise ValueError(
            'it has no "nodes" beside "links" or "edges" (node-link), "adjacency" or "elements" (Cytoscape)'
        )
    kind = {(False, False): nx.Graph, (True, False): nx.DiGraph, (False, True): nx.MultiGraph}.get(
        (bool(data.get("directed")), bool(data.get("multigraph"))), nx.MultiDiGraph
    )
    graph = kind()
    for row, node in enumerate(data["nodes"]):
        if not isinstance(node, dict):
            node = {"id": node}
        key = node.get("id", node.get("name", row))
        key = tuple(key) if isinstance(key, list) else key
        if key in graph:
            raise ValueError(f"two nodes have the id {key!r}")
        graph.add_node(key, **{str(name): value for name, value in node.items() if name != "id"})
    for edge in edges:
        ends = [tuple(end) if isinstance(end, list) else end for end in (edge["source"], edge["target"])]
        missing = [end for end in ends if end not in graph]
        if missing:
            raise ValueError(f'an edge names {missing[0]!r}, which is the "id" of no node')
        graph.add_edge(
            *ends, **{str(name): value for name, value in edge.items() if name not in ("source", "target", "key")}
        )
    return graph


def _with_integers(graph: Any) -> Any:
    """Names that are all integers, in their usual spelling, as integers."""
    import networkx as nx

    names = list(graph)
    if not names or not all(isinstance(name, str) and re.fullmatch(r"0|-?[1-9]\d{0,17}", name) for name in names):
        return graph
    return nx.relabel_nodes(graph, int)


def _read_adjlist(path: Path, *, directed: bool) -> Any:
    import networkx as nx

    kind = nx.DiGraph if directed else nx.Graph
    return _with_integers(nx.read_adjlist(io.BytesIO(_content(path)), create_using=kind))


def _read_networkx_edges(path: Path) -> list[tuple[Any, Any, Any]]:
    """Edges with a dictionary of attributes each, as networkx.write_edgelist writes them."""
    import networkx as nx

    graph = nx.read_edgelist(io.BytesIO(_content(path)), create_using=nx.MultiDiGraph, data=True)
    return list(_with_integers(graph).edges(data=True))


def _read_matrix_market(path: Path) -> Any:
    import scipy.io
    import scipy.sparse as sp

    content = _content(path)
    other = re.compile(rb"[^\t-\r -~]")
    if other.search(content) and other.search(re.sub(rb"(?m)^[ \t]*%.*$", b"", content)):
        raise ValueError("it holds bytes that are not text")  # at which SciPy's parser may crash
    content = content.rstrip() + b"\n"  # SciPy's parser looks for the end of the last line beyond the end of the file
    size, numbers = len(content), _numbers_of_market(content)
    # An entry takes two bytes at least, or four with its place: nothing is allocated for what the file cannot hold.
    if content[:40].lower().find(b"array") >= 0:
        if math.prod(numbers[:2]) > size:
            raise ValueError(f"its header promises a matrix of {numbers[0]} x {numbers[1]}, but the file ends before")
    elif len(numbers) < 3 or 4 * numbers[2] > size:
        raise ValueError(f"its header promises {numbers[2:] or 'no'} entries, but the file ends before")
    return _checked_matrix(path, size, sp.coo_array(scipy.io.mmread(io.BytesIO(content))))


def _numbers_of_market(content: bytes) -> list[int]:
    """The line of sizes, the first that is neither empty nor a comment."""
    for line in io.BytesIO(content):
        if line.strip() and not line.lstrip().startswith(b"%"):
            numbers = [int(field) for field in line.split() if len(field) < 20]
            if len(numbers) < 2 or min(numbers) < 0:
                break
            return numbers
    raise ValueError("it has no line of sizes")


def _checked_matrix(path: Path, size: int, matrix: Any) -> Any:
    """A matrix whose indices are within its shape, and whose shape is within the bounds of a file of this size."""
    Budget(path, size).take(8 * sum(matrix.shape))
    coo = matrix.tocoo()
    for name, index, count in zip(("row", "column"), coo.coords, coo.shape, strict=True):
        if len(index) and not 0 <= index.min() <= index.max() < count:
            raise ValueError(f"a {name} lies outside [0, {count})")
    return coo


def _read_npz(path: Path) -> Any:
    """A matrix that scipy.sparse.save_npz wrote."""
    import scipy.sparse as sp

    arrays = read_npz(path)
    names = list(arrays)
    if "format" not in names:
        raise ValueError(
            f"it holds the arrays {', '.join(names[:8]) or 'of no name'} and no matrix of scipy.sparse.save_npz; load "
            "it with numpy.load and give the array of edges"
        )
    form = arrays["format"].item()
    form, shape = form.decode() if isinstance(form, bytes) else str(form), tuple(arrays["shape"].tolist())
    if len(shape) != 2 or not all(type(size) is int and size >= 0 for size in shape):
        raise ValueError(f"its shape is {shape}")
    budget = Budget(path, path.stat().st_size)
    budget.take(8 * sum(shape))
    if form in ("csr", "csc"):
        parts = (arrays["data"], arrays["indices"], arrays["indptr"])
        matrix = checked_csr(*parts, shape if form == "csr" else shape[::-1])
        return sp.coo_array(matrix if form == "csr" else matrix.T)
    if form == "coo":
        matrix = sp.coo_array((arrays["data"], (arrays["row"], arrays["col"])), shape=shape)
    elif form == "bsr":
        budget.take(arrays["data"].nbytes)
        matrix = sp.bsr_array((arrays["data"], arrays["indices"], arrays["indptr"]), shape=shape)
        matrix.check_format(full_check=True)
    elif form == "dia":
        matrix = sp.dia_array((arrays["data"], arrays["offsets"]), shape=shape)
    else:
        raise ValueError(f"its format is {form!r}, where csr, csc, coo, bsr and dia are known")
    return _checked_matrix(path, path.stat().st_size, matrix)


def _read_metis(path: Path) -> Any:
    """METIS: a header with the numbers of nodes and edges, then the neighbors of node 1, 2, … in a line each."""
    import scipy.sparse as sp

    lines = [line for line in _read_text(path).splitlines() if not line.lstrip().startswith("%")]
    if not lines:
        raise ValueError("the file has no header")
    header = lines[0].split()
    if not 2 <= len(header) <= 4 or not all(field.isdigit() for field in header):
        raise ValueError(f"the header must hold the numbers of nodes and edges, got {lines[0][:60]!r}")
    n, m = int(header[0]), int(header[1])
    form = header[2].zfill(3) if len(header) > 2 else "000"
    skipped = int(form[0]) + (int(header[3]) if len(header) > 3 else int(form[1]))
    weighted = form[2] == "1"
    rows = lines[1 : n + 1]
    rows += [""] * (n - len(rows) if len(lines) - 1 >= n - 1 else 0)  # a last empty line may be cut
    if len(rows) != n or any(line.strip() for line in lines[n + 1 :]):
        raise ValueError(f"the header says {n} nodes, but {len(lines) - 1} lines follow it")
    fields = [np.array(line.split()[skipped:], dtype=np.int64) for line in rows]
    counts = np.array([len(field) for field in fields])
    flat = np.concatenate(fields) if fields else np.zeros(0, np.int64)
    if weighted:
        if (counts % 2).any():
            raise ValueError(f"line {int((counts % 2).argmax()) + 2} has a neighbor without a weight")
        flat, weights, counts = flat[::2], flat[1::2], counts // 2
    else:
        weights = np.ones(len(flat), dtype=np.int64)
    if len(flat) != 2 * m:
        raise ValueError(f"the header says {m} edges, but {len(flat)} neighbors are listed instead of {2 * m}")
    if len(flat) and not (flat.min() >= 1 and flat.max() <= n):
        raise ValueError(f"neighbors must lie in [1, {n}], got {flat.min()} … {flat.max()}")
    return sp.coo_array((weights, (np.repeat(np.arange(n), counts), flat - 1)), shape=(n, n))


def _table(paths: Sequence[Path], kind: str, columns: tuple[Any, Any, Any, Any]) -> FoundTable:
    """The columns of end points, weights and types of files with equal columns."""
    try:
        import pyarrow as pa
        from pyarrow import dataset
    except ImportError:
        raise ImportError(f"{paths[0]}: {kind} needs pyarrow; pip install 'graphrep[io]'.") from None
    for path in paths:
        open_regular(path).close()
    try:
        parts = [dataset.dataset(str(path), format="parquet" if kind == "Parquet" else "ipc") for path in paths]
        names = parts[0].schema.names
        for path, part in zip(paths, parts, strict=True):
            if part.schema.names != names:
                raise ValueError(f"{path} has the columns {part.schema.names}, but {paths[0]} has {names}.")
        source, target, weight, edge_type = columns
        found = find_columns(
            names, source=source, target=target, weight=weight, edge_type=edge_type, what=str(paths[0])
        )
        wanted = found.present
        if len(set(names)) < len(names):
            raise ValueError(f"{paths[0]} has two columns of the same name, of {names}.")
        for path in paths:
            if kind == "Parquet":
                with open_regular(path) as file:
                    check_parquet(path, file, {names[i] for i in wanted})
        tables = [part.to_table(columns=[names[i] for i in wanted]) for part in parts]
        for part in tables:  # offsets and codes that a damaged file holds are followed without a look at them
            part.validate(full=True)
        table = tables[0] if len(tables) == 1 else pa.concat_tables(tables, promote_options="permissive")
    except MemoryError:
        raise ValueError(f"{paths[0]} does not fit into memory.") from None
    except (pa.ArrowException, OSError, UnicodeDecodeError, MalformedError) as error:
        raise ValueError(f"cannot read {paths[0]} as {kind}: {one_line(error)}.") from None
    weights, kinds = (False if i is None else names[i] for i in (found.weight, found.kind))
    return FoundTable(table, names[found.source], names[found.target], weights, kinds)


def read_table(path: Path) -> Any:
    """All columns of a Parquet, Feather or Arrow file as a pyarrow Table; None if it is none of these."""
    if not path.exists() or is_pipe(path):
        return None
    kind = _sniffed(head_of(path), path.suffix.lower())
    if kind not in _TABLES:
        return None
    try:
        from pyarrow import dataset
    except ImportError:
        raise ImportError(f"{path}: {kind} needs pyarrow; pip install 'graphrep[io]'.") from None
    with reading(path, f"cannot be read as {kind}"):
        part = dataset.dataset(str(path), format="parquet" if kind == "Parquet" else "ipc")
        if len(set(part.schema.names)) < len(part.schema.names):
            raise ValueError(f"it has two columns of the same name, of {part.schema.names}")
        if kind == "Parquet":
            with open_regular(path) as file:
                check_parquet(path, file, set(part.schema.names))
        table = part.to_table()
        table.validate(full=True)
    return table


def _folder(path: Path, columns: tuple[Any, Any, Any, Any]) -> tuple[str, Any]:
    files = files_of_edges(path)
    kind = _kind_in_folder(files[0])
    if kind in _TABLES:
        return f"a folder of {kind} files", _table(files, kind, columns)
    return "a folder of text files", tuple(files)


def _kind_in_folder(file: Path) -> str:
    suffixes = [suffix.lower() for suffix in file.suffixes if suffix.lower() not in _PACKED]
    suffix = suffixes[-1] if suffixes else ""
    kind = SUFFIXES.get(suffix, suffix)
    return "Parquet" if kind == "Parquet" or head_of(file, 4) == b"PAR1" else kind


def files_of_edges(path: Path) -> list[Path]:
    """All files of edges in a folder and the folders below it, in the order of their names; they are of one kind."""
    inside = [file for file in sorted(path.rglob("*")) if file.is_file()]
    seen = [f for f in inside if not any(part.startswith((".", "_")) for part in f.relative_to(path).parts)]
    kinds: dict[str, list[Path]] = {}
    for file in seen:
        kinds.setdefault(_kind_in_folder(file), []).append(file)
    if not kinds:
        raise ValueError(f"{path} is a folder without files of edges.")
    if len(kinds) > 1:
        listed = ", ".join(f"{files[0].name}" for files in kinds.values())
        raise ValueError(
            f"{path} holds files of several kinds ({listed}); give one file, or a folder of parts of one kind."
        )
    [(kind, files)] = kinds.items()
    if kind not in (*_TABLES, *_TEXT) and kind:
        raise ValueError(
            f"{path} holds {files[0].name}; a folder must hold parts of one table, .parquet, .arrow or .csv."
        )
    return files
