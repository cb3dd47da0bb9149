"""The raw folder of an OGB set: compressed CSV without a header, or one npz."""

from __future__ import annotations

import gzip
import zipfile
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from graphrep._arrays import check_rows

if TYPE_CHECKING:
    from pathlib import Path

    from graphrep.datasets._ogb_spec import Spec

__all__ = ["read_csv", "read_raw", "relation_folders"]

Arrays = dict[str, npt.NDArray[Any]]


def read_raw(raw: Path, spec: Spec) -> Arrays:
    """Everything in the folder except the split.

    ``edge_index`` (int64, (2, num_edges), a column per line of the file), ``num_nodes`` (a scalar), and ``node_*`` and
    ``edge_*`` with a row per node or line. The typed set adds ``type_sizes`` and ``type_names``; its nodes are numbered
    consecutively by type in alphabetical order, and so are the edges of its relations.

    Raises
    ------
    ValueError
        A file is damaged, or two files contradict each other.
    """
    arrays = _read_npz(raw / "data.npz") if spec.binary else _read_typed(raw) if spec.form == "typed" else _read_plain(
        raw, spec
    )  # fmt: skip
    num_nodes, num_edges = int(arrays["num_nodes"]), arrays["edge_index"].shape[1]
    for name, array in arrays.items():
        wanted = {"node": num_nodes, "edge": num_edges}.get(name[:4]) if name != "edge_index" else None
        if wanted is not None and len(array) != wanted:
            raise ValueError(f"{raw}: {name} must have a row per {name[:4]}, {wanted}; got {len(array)}.")
    if "edge_weight" in arrays and not (np.isfinite(arrays["edge_weight"]) & (arrays["edge_weight"] > 0)).all():
        raise ValueError(
            f"{raw}: edge_weight must hold positive finite numbers, got a minimum of {arrays['edge_weight'].min()}."
        )
    check_rows(f"{raw}: the edge list", arrays["edge_index"], num_nodes, error=ValueError)
    return arrays


def read_csv(path: Path, dtype: Any = None) -> npt.NDArray[Any]:
    """Compressed table of numbers, shape (rows, columns): int64 if all are integers, else float32.

    Raises
    ------
    ValueError
        The file is truncated, empty, ragged or holds something else.
    """
    try:
        with gzip.open(path) as file:  # checked first, since loadtxt warns about an empty file
            if not file.read(1):
                raise ValueError("it is empty")
        if dtype is None:
            try:
                return _loadtxt(path, np.int64)
            except ValueError:
                dtype = np.float32
        return _loadtxt(path, dtype)
    except FileNotFoundError:
        raise
    except (ValueError, EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ValueError(f"{path} is damaged or truncated ({error}).") from error


def _loadtxt(path: Path, dtype: Any) -> npt.NDArray[Any]:
    return np.loadtxt(str(path), dtype=dtype, delimiter=",", ndmin=2, comments=None)


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
    return {(h, r, t): raw / "relations" / "___".join((h, r, t)) for h, r, t in sorted(map(tuple, rows))}


def _read_plain(raw: Path, spec: Spec) -> Arrays:
    sizes = {name: read_csv(raw / f"num-{name}-list.csv.gz", np.int64) for name in ("node", "edge")}
    for name, size in sizes.items():
        if size.size != 1:
            raise ValueError(f"{raw / f'num-{name}-list.csv.gz'} must hold one number, got {size.size}.")
    arrays: Arrays = {"edge_index": _edge_index(raw, int(sizes["edge"][0, 0])), "num_nodes": sizes["node"][0, 0]}
    for name in (*spec.node_arrays, *spec.edge_arrays):
        arrays[name] = read_csv(raw / ("node-feat.csv.gz" if name == "node_feat" else f"{name}.csv.gz"))
    if (raw / "edge-feat.csv.gz").is_file():
        arrays["edge_feat"] = read_csv(raw / "edge-feat.csv.gz")
    return arrays


def _read_npz(path: Path) -> Arrays:
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        num_nodes, num_edges = arrays.pop("num_nodes_list"), arrays.pop("num_edges_list")
        edges = arrays["edge_index"]
    except (ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(f"{path} is damaged or not OGB's ({error}).") from error
    if num_nodes.size != 1 or edges.ndim != 2 or len(edges) != 2 or num_edges.tolist() != [edges.shape[1]]:
        raise ValueError(f"{path} must hold one graph of {num_edges.tolist()} edges, got an edge_index {edges.shape}.")
    return arrays | {"edge_index": edges.astype(np.int64), "num_nodes": np.int64(num_nodes.ravel()[0])}


def _read_typed(raw: Path) -> Arrays:
    rows = _read_words(raw / "num-node-dict.csv.gz")
    if len(rows) != 2 or len(rows[0]) != len(rows[1]) or not all(number.isdecimal() for number in rows[1]):
        raise ValueError(f"{raw / 'num-node-dict.csv.gz'} must hold a line of node types and a line of their sizes.")
    names, sizes = rows
    size = {name: int(number) for name, number in zip(names, sizes, strict=True)}
    types = sorted(size)
    start = dict(zip(types, np.cumsum([0, *(size[name] for name in types)]).tolist(), strict=False))
    edges, relations = [], []
    for (head, relation, tail), folder in relation_folders(raw).items():
        if head not in size or tail not in size:
            raise ValueError(f"{raw}: the relation {relation} joins {head} and {tail}; the types are {names}.")
        local = _edge_index(folder, int(read_csv(folder / "num-edge-list.csv.gz", np.int64)[0, 0]))
        for row, kind in zip(local, (head, tail), strict=True):
            check_rows(f"{folder / 'edge.csv.gz'}", row, size[kind], error=ValueError)
        edges.append(local + np.array([[start[head]], [start[tail]]]))
        relations.append(read_csv(folder / "edge_reltype.csv.gz", np.int64))
    return {
        "edge_index": np.concatenate(edges, axis=1),
        "edge_reltype": np.concatenate(relations),
        "num_nodes": np.int64(sum(size.values())),
        "type_names": np.array(types),
        "type_sizes": np.array([size[name] for name in types], dtype=np.int64),
    }


def _edge_index(folder: Path, num_edges: int) -> npt.NDArray[np.int64]:
    edges = read_csv(folder / "edge.csv.gz", np.int64)
    if edges.shape != (num_edges, 2):
        raise ValueError(
            f"{folder / 'edge.csv.gz'} has {edges.shape[0]} rows of {edges.shape[1]} numbers, "
            f"but num-edge-list.csv.gz announces {num_edges} edges."
        )
    return np.ascontiguousarray(edges.T)


def _read_words(path: Path) -> list[list[str]]:
    try:
        with gzip.open(path, "rt", encoding="utf-8") as file:
            return [line.split(",") for line in file.read().splitlines() if line]
    except (EOFError, gzip.BadGzipFile, zlib.error, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is damaged or truncated ({error}).") from error
