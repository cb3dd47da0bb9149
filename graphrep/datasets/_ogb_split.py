"""The split folder of an OGB set as named arrays, checked against the graph."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from graphrep._arrays import check_rows
from graphrep.datasets._ogb_raw import marked_types, read_csv
from graphrep.datasets._torch_file import read_torch_file
from graphrep.datasets.splits import refuse_overlap

if TYPE_CHECKING:
    from pathlib import Path

    from graphrep.datasets._ogb_raw import Arrays
    from graphrep.datasets._ogb_spec import Spec

__all__ = ["label_files", "read_labels", "read_split", "split_files"]

PARTS = ("train", "valid", "test")


def split_files(folder: Path) -> list[Path]:
    """``split_dict.pt`` if it exists, which OGB prefers; otherwise a file per part."""
    whole = folder / "split_dict.pt"
    return [whole] if whole.is_file() else [folder / f"{part}.pt" for part in PARTS]


def label_files(folder: Path) -> list[Path]:
    """Files of a split of nodes of several types; only that of the types while it is missing."""
    types = folder / "nodetype-has-split.csv.gz"
    names = marked_types(types) if types.is_file() else []
    return [types, *(folder / name / f"{part}.csv.gz" for name in names for part in PARTS)]


def read_labels(folder: Path, raw: Arrays) -> Arrays:
    """``train_node``, ``valid_node`` and ``test_node``: nodes of all types, numbered consecutively.

    Raises
    ------
    ValueError
        A file is damaged, nodes are out of range or without labels, or a node is in two parts.
    """
    types = raw["type_names"].tolist()
    starts = (np.cumsum(raw["type_sizes"]) - raw["type_sizes"]).tolist()
    arrays: dict[str, list[npt.NDArray[np.int64]]] = {f"{part}_node": [] for part in PARTS}
    for name in marked_types(folder / "nodetype-has-split.csv.gz"):
        if name not in types or f"of_{name}:label" not in raw:
            raise ValueError(f"{folder} splits nodes of type {name}, which has no labels in the graph beside it.")
        for part in PARTS:
            path = folder / name / f"{part}.csv.gz"
            rows = read_csv(path, np.int64)
            if rows.shape[1] != 1:
                raise ValueError(f"{path} must hold one number per line, got {rows.shape[1]}.")
            check_rows(f"{path}", rows, int(raw["type_sizes"][types.index(name)]), error=ValueError)
            arrays[f"{part}_node"].append(rows[:, 0] + starts[types.index(name)])
    whole = {name: np.concatenate(parts) for name, parts in arrays.items()}
    every = np.concatenate(list(whole.values()))
    if len(np.unique(every)) < len(every):
        raise ValueError(f"{folder} leaks: a node is in two parts of the split, or twice in one.")
    return whole


def read_split(folder: Path, spec: Spec, raw: Arrays) -> Arrays:
    """Arrays named by part and key of OGB: ``train_edge``, ``valid_edge_neg``, ``test_target_node_neg`` and so on.

    The ids of the typed set become global, and its lists of types are dropped. Matrices of negatives are int32 if the
    ids fit.

    Raises
    ------
    ValueError
        A file is damaged, incomplete, or contradicts the graph; or a validation or test edge is a training edge.
    """
    files = split_files(folder)
    read = [read_torch_file(path) for path in files]
    parts = read[0] if len(files) == 1 else dict(zip(PARTS, read, strict=True))
    arrays: Arrays = {}
    for part in PARTS:
        if not isinstance(parts, dict) or not isinstance(parts.get(part), dict):
            raise ValueError(f"{folder} must hold a dictionary of arrays for {part}.")
        here = f"{folder}: {part}"
        arrays |= {f"{part}_{name}": array for name, array in _part(here, parts[part], part, spec, raw).items()}
    _check_against_graph(folder, spec, raw, arrays)
    return arrays


def _part(here: str, given: dict[str, Any], part: str, spec: Spec, raw: Arrays) -> Arrays:
    positives, negatives = {
        "shared": (("edge",), ("edge_neg",)),
        "own": (("source_node", "target_node"), ("target_node_neg",)),
        "triples": (("head", "relation", "tail"), ("head_neg", "tail_neg")),
        "typed": (("head", "relation", "tail"), ("head_neg", "tail_neg")),
    }[spec.form]
    wanted = positives if part == "train" and not spec.train_negatives else positives + negatives
    attributes = tuple(name.removeprefix("edge_") for name in spec.edge_arrays if spec.form == "shared")
    arrays: Arrays = {}
    for name in wanted + attributes:
        if name not in given:
            raise ValueError(f"{here} has no {name}; it has {', '.join(map(str, given)) or 'nothing'}.")
        arrays[name] = np.asarray(given[name])
        kinds, what = ("biuf", "real numbers") if name in attributes else ("iu", "integers")
        if arrays[name].dtype.kind not in kinds:
            raise ValueError(f"{here}: {name} must hold {what}, got {arrays[name].dtype}.")
    count = len(arrays[positives[0]])
    for name in wanted + attributes:
        _check_shape(f"{here}: {name}", arrays[name], spec.form, count, is_neg=name in negatives, own=name in positives)
    sizes: dict[str, npt.NDArray[np.int64]] = {}
    if spec.form == "typed":
        sizes = _make_global(here, given, arrays, raw)
    for name in wanted:
        if name not in ("relation", *sizes):
            check_rows(f"{here}: {name}", arrays[name], int(raw["num_nodes"]), error=ValueError)
        if arrays[name].ndim == 2 and spec.form != "shared" and raw["num_nodes"] < 2**31:
            arrays[name] = arrays[name].astype(np.int32, copy=False)
    return arrays


def _check_shape(what: str, array: npt.NDArray[Any], form: str, count: int, *, is_neg: bool, own: bool) -> None:
    if form == "shared" and (is_neg or own):
        if array.ndim != 2 or array.shape[1] != 2:
            raise ValueError(f"{what} must have shape (num_pairs, 2), got {array.shape}.")
    elif is_neg:
        if array.ndim != 2 or len(array) != count:
            raise ValueError(f"{what} must have shape ({count}, num_negatives), got {array.shape}.")
    elif array.shape != (count,):
        raise ValueError(f"{what} must have shape ({count},), got {array.shape}.")


def _make_global(here: str, given: dict[str, Any], arrays: Arrays, raw: Arrays) -> dict[str, npt.NDArray[np.int64]]:
    """Number the nodes of ogbl-biokg consecutively, where OGB counts each type from 0."""
    code = {name: i for i, name in enumerate(raw["type_names"].tolist())}
    starts = np.cumsum(raw["type_sizes"]) - raw["type_sizes"]
    sizes = {}
    for end in ("head", "tail"):
        types = given.get(f"{end}_type")
        if not isinstance(types, (list, tuple)) or len(types) != len(arrays[end]) or not set(types) <= set(code):
            raise ValueError(f"{here}: {end}_type must name one of {', '.join(code)} for each {end}.")
        kind = np.fromiter(map(code.__getitem__, types), dtype=np.int64, count=len(types))
        for name in (end, f"{end}_neg"):
            if name not in arrays:
                continue
            ids, shape = arrays[name], (-1,) + (1,) * (arrays[name].ndim - 1)
            size = raw["type_sizes"][kind].reshape(shape)
            if ids.size and (ids.min() < 0 or (ids >= size).any()):
                raise ValueError(f"{here}: {name} must hold ids of nodes of its type.")
            arrays[name] = ids + starts[kind].reshape(shape)
            sizes[name] = size
    return sizes


def _check_against_graph(folder: Path, spec: Spec, raw: Arrays, arrays: Arrays) -> None:
    num_train, num_edges = len(next(iter(arrays.values()))), raw["edge_index"].shape[1]
    if num_train != num_edges and not spec.binary:
        raise ValueError(
            f"{folder} has {num_train} training edges, but the graph beside it has {num_edges}; the graphs of OGB hold "
            "only the training edges, so the two are from different releases."
        )
    if "train_year" in arrays:
        train, later = arrays["train_year"], np.concatenate([arrays["valid_year"], arrays["test_year"]])
        if train.size and later.size and train.max() >= later.min():
            last, first = int(train.max()), int(later.min())
            raise ValueError(
                f"{folder} leaks: the last training year is {last}, but the first validation or test year is {first}."
            )
    if spec.once:
        columns = {p: _columns(arrays, p, spec.form) for p in PARTS}
        refuse_overlap(str(folder), columns, directed=spec.directed)


def _columns(arrays: Arrays, part: str, form: str) -> npt.NDArray[np.int64]:
    """Rows head, tail and, for triples, relation."""
    if form == "shared":
        return np.asarray(arrays[f"{part}_edge"].T, dtype=np.int64)
    names = ("source_node", "target_node") if form == "own" else ("head", "tail", "relation")
    return np.stack([arrays[f"{part}_{name}"] for name in names])
