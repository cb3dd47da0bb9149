"""The raw folder of an OGB set: compressed CSV without a header, or one npz."""

from __future__ import annotations

import gzip
import io
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from graphrep._arrays import check_rows
from graphrep.io.arrays import read_npz
from graphrep.io.bounded import Budget, drained, read_whole, reading

if TYPE_CHECKING:
    from pathlib import Path

    from graphrep.datasets._ogb_spec import Spec

__all__ = ["check_arrays", "marked_types", "read_csv", "read_raw", "relation_folders"]

Arrays = dict[str, npt.NDArray[Any]]


def read_raw(raw: Path, spec: Spec) -> Arrays:
    """Everything in the folder except the split.

    ``edge_index`` (int64, (2, num_edges), a column per line of the file), ``num_nodes`` (a scalar), and ``node_*`` and
    ``edge_*`` with a row per node or line. Typed sets add ``type_sizes``, ``type_names`` and ``relation_names``; their
    nodes are numbered consecutively by type in alphabetical order, and so are the edges of their relations. Arrays of
    one type of nodes, of sets with labels, are called ``of_TYPE:node_feat`` and so on, with ``label`` for the labels.

    Raises
    ------
    ValueError
        A file is damaged, or two files contradict each other.
    """
    if spec.binary:
        arrays = _read_npz(raw / "data.npz")
    elif spec.typed:
        arrays = _read_typed(raw)
        if spec.form == "labels":
            arrays |= _read_node_arrays(raw, spec, arrays)
    else:
        arrays = _read_plain(raw, spec)
    check_arrays(raw, arrays)
    return arrays


def check_arrays(raw: Path, arrays: Arrays) -> None:
    """Raise ValueError if arrays of :func:`read_raw` contradict each other. O(size of the edge list)."""
    edges = arrays["edge_index"]
    if edges.ndim != 2 or len(edges) != 2 or edges.dtype.kind not in "iu" or arrays["num_nodes"].dtype.kind not in "iu":
        raise ValueError(
            f"{raw}: edge_index must be integers of shape (2, num_edges), got {edges.dtype} {edges.shape}."
        )
    num_nodes, num_edges = int(arrays["num_nodes"]), edges.shape[1]
    # More nodes than this cannot be those of an archive of this size: an index of them would be larger than its arrays.
    size = sum(path.stat().st_size for path in raw.rglob("*") if path.is_file())
    if num_nodes < 0:
        raise ValueError(f"{raw}: num_nodes must not be negative, got {num_nodes}.")
    Budget(raw, size).take(8 * num_nodes)
    if "type_sizes" in arrays:
        sizes = arrays["type_sizes"]
        fits = sizes.shape == arrays["type_names"].shape and sizes.ndim == 1 and sizes.dtype.kind in "iu"
        if not fits or any(one < 0 for one in sizes.tolist()) or sum(sizes.tolist()) != num_nodes:
            raise ValueError(f"{raw}: type_sizes must add up to the {num_nodes} nodes, got {sizes.tolist()[:8]}.")
    for name, array in arrays.items():
        wanted = {"node": num_nodes, "edge": num_edges}.get(name[:4]) if name != "edge_index" else None
        if wanted is not None and (array.ndim == 0 or len(array) != wanted):
            raise ValueError(
                f"{raw}: {name} must have a row per {name[:4]}, {wanted}; got {len(np.atleast_1d(array))}."
            )
        if wanted is not None and array.dtype.kind not in "biuf":
            raise ValueError(f"{raw}: {name} must hold numbers, got {array.dtype}.")
    with np.errstate(over="ignore", invalid="ignore"):
        weights = arrays.get("edge_weight", np.ones(0)).astype(np.float32)
    if not (np.isfinite(weights) & (weights > 0)).all():
        raise ValueError(
            f"{raw}: edge_weight must hold positive finite numbers, got a minimum of {arrays['edge_weight'].min()}."
        )
    check_rows(f"{raw}: the edge list", arrays["edge_index"], num_nodes, error=ValueError)


def read_csv(path: Path, dtype: Any = None) -> npt.NDArray[Any]:
    """Compressed table of numbers, shape (rows, columns): int64 if all are integers, else float32.

    Raises
    ------
    ValueError
        The file is truncated, empty, ragged or holds something else.
    """
    with reading(path, "is damaged or truncated"):
        content = _gunzipped(path)
        if not content:  # checked first, since loadtxt warns about an empty file
            raise ValueError("it is empty")
        if dtype is None:
            try:
                return _loadtxt(content, np.int64)
            except ValueError:
                dtype = np.float32
        return _loadtxt(content, dtype)


def _loadtxt(content: bytes, dtype: Any) -> npt.NDArray[Any]:
    return np.loadtxt(io.BytesIO(content), dtype=dtype, delimiter=",", ndmin=2, comments=None)


def _gunzipped(path: Path) -> bytes:
    content = read_whole(path)
    with gzip.GzipFile(fileobj=io.BytesIO(content)) as reader:
        return drained(reader, Budget(path, len(content)))


def relation_folders(raw: Path) -> dict[tuple[str, str, str], Path]:
    """Folder of each (head type, relation, tail type), in alphabetical order.

    Raises
    ------
    ValueError
        The list of relations is damaged.
    """
    rows = _read_words(raw / "triplet-type-list.csv.gz")
    if any(len(row) != 3 for row in rows):
        raise ValueError(f"{raw / 'triplet-type-list.csv.gz'} must have three columns: head type, relation, tail type.")
    if any("/" in word or "\0" in word for row in rows for word in row):
        raise ValueError(f"{raw / 'triplet-type-list.csv.gz'} must hold names of types and relations, not paths.")
    if any(len("___".join(row).encode()) > 255 for row in rows):
        raise ValueError(f"{raw / 'triplet-type-list.csv.gz'} must hold names of folders, of at most 255 bytes.")
    return {(h, r, t): raw / "relations" / "___".join((h, r, t)) for h, r, t in sorted(map(tuple, rows))}


def _read_plain(raw: Path, spec: Spec) -> Arrays:
    sizes = {name: _number(raw / f"num-{name}-list.csv.gz") for name in ("node", "edge")}
    arrays: Arrays = {"edge_index": _edge_index(raw, sizes["edge"]), "num_nodes": np.int64(sizes["node"])}
    for name in (*spec.node_arrays, *spec.edge_arrays):
        arrays[name] = read_csv(raw / ("node-feat.csv.gz" if name == "node_feat" else f"{name}.csv.gz"))
    if (raw / "edge-feat.csv.gz").is_file():
        arrays["edge_feat"] = read_csv(raw / "edge-feat.csv.gz")
    return arrays


def _read_npz(path: Path) -> Arrays:
    with reading(path, "is damaged or not OGB's"):
        arrays = read_npz(path)
        num_nodes, num_edges = arrays.pop("num_nodes_list"), arrays.pop("num_edges_list")
        edges = arrays["edge_index"]
    if edges.dtype.kind not in "iu" or num_nodes.dtype.kind not in "iu":
        raise ValueError(f"{path} must hold integers in edge_index and num_nodes_list, got {edges.dtype}.")
    if num_nodes.size != 1 or edges.ndim != 2 or len(edges) != 2 or num_edges.tolist() != [edges.shape[1]]:
        raise ValueError(f"{path} must hold one graph of {num_edges.tolist()} edges, got an edge_index {edges.shape}.")
    return arrays | {"edge_index": edges.astype(np.int64), "num_nodes": np.int64(num_nodes.ravel()[0])}


def _read_typed(raw: Path) -> Arrays:
    rows = _read_words(raw / "num-node-dict.csv.gz")
    if len(rows) != 2 or len(rows[0]) != len(rows[1]) or not all(number.isdecimal() for number in rows[1]):
        raise ValueError(f"{raw / 'num-node-dict.csv.gz'} must hold a line of node types and a line of their sizes.")
    names, sizes = rows
    if any("/" in name or "\0" in name for name in names):
        raise ValueError(f"{raw / 'num-node-dict.csv.gz'} must hold names of node types, not paths.")
    if any(len(number) > 18 for number in sizes) or len(set(names)) < len(names):
        raise ValueError(f"{raw / 'num-node-dict.csv.gz'} must hold different node types and sizes below 2**63.")
    size = {name: int(number) for name, number in zip(names, sizes, strict=True)}
    types = sorted(size)
    start = dict(zip(types, np.cumsum([0, *(size[name] for name in types)]).tolist(), strict=False))
    edges, relations = [np.zeros((2, 0), dtype=np.int64)], [np.zeros((0, 1), dtype=np.int64)]
    named: dict[int, str] = {}
    for (head, relation, tail), folder in relation_folders(raw).items():
        if head not in size or tail not in size:
            raise ValueError(f"{raw}: the relation {relation} joins {head} and {tail}; the types are {names}.")
        local = _edge_index(folder, _number(folder / "num-edge-list.csv.gz"))
        for row, kind in zip(local, (head, tail), strict=True):
            check_rows(f"{folder / 'edge.csv.gz'}", row, size[kind], error=ValueError)
        edges.append(local + np.array([[start[head]], [start[tail]]]))
        relations.append(read_csv(folder / "edge_reltype.csv.gz", np.int64))
        codes = np.unique(relations[-1])
        if len(codes) == 1 and codes[0] not in named:
            named[int(codes[0])] = relation
    return {
        "edge_index": np.concatenate(edges, axis=1),
        "edge_reltype": np.concatenate(relations),
        "num_nodes": np.int64(sum(size.values())),
        "relation_codes": np.array(list(named), dtype=np.int64),
        "relation_names": np.array(list(named.values()), dtype=np.str_),
        "type_names": np.array(types),
        "type_sizes": np.array([size[name] for name in types], dtype=np.int64),
    }


def _read_node_arrays(raw: Path, spec: Spec, arrays: Arrays) -> Arrays:
    """Labels and further arrays of single types of nodes."""
    found: Arrays = {}
    labeled = marked_types(raw / "nodetype-has-label.csv.gz")
    for name, size in zip(arrays["type_names"].tolist(), arrays["type_sizes"].tolist(), strict=True):
        here = raw / "node-feat" / name
        files = {what: here / f"{what.replace('_feat', '-feat')}.csv.gz" for what in spec.node_arrays}
        files = {what: path for what, path in files.items() if path.is_file()}
        if name in labeled:
            files["label"] = raw / "node-label" / name / "node-label.csv.gz"
        for what, path in files.items():
            rows = read_csv(path, np.int64 if what == "label" else None)
            if len(rows) != size:
                raise ValueError(f"{path} must have a row per node of type {name}, {size}; got {len(rows)}.")
            found[f"of_{name}:{what}"] = rows
    return found


def marked_types(path: Path) -> list[str]:
    """Types of nodes that a file of OGB marks with True.

    Raises
    ------
    ValueError
        The file is damaged, or marks no type.
    """
    rows = _read_words(path)
    if len(rows) != 2 or len(rows[0]) != len(rows[1]) or not set(rows[1]) <= {"True", "False"} or "True" not in rows[1]:
        raise ValueError(f"{path} must hold a line of node types and a line of True and False, True at least once.")
    if any("/" in word or "\0" in word for word in rows[0]):
        raise ValueError(f"{path} must hold names of types, not paths.")
    return [name for name, mark in zip(*rows, strict=True) if mark == "True"]


def _number(path: Path) -> int:
    numbers = read_csv(path, np.int64)
    if numbers.size != 1:
        raise ValueError(f"{path} must hold one number, got {numbers.size}.")
    return int(numbers[0, 0])


def _edge_index(folder: Path, num_edges: int) -> npt.NDArray[np.int64]:
    edges = read_csv(folder / "edge.csv.gz", np.int64)
    if edges.shape != (num_edges, 2):
        raise ValueError(
            f"{folder / 'edge.csv.gz'} has {edges.shape[0]} rows of {edges.shape[1]} numbers, "
            f"but num-edge-list.csv.gz announces {num_edges} edges."
        )
    return np.ascontiguousarray(edges.T)


def _read_words(path: Path) -> list[list[str]]:
    with reading(path, "is damaged or truncated"):
        return [line.split(",") for line in _gunzipped(path).decode("utf-8").splitlines() if line]
