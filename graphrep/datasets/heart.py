"""The splits and hard negatives of HeaRT, read from the files of its authors."""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from graphrep.csr import build_csr
from graphrep.datasets._torch_file import read_torch_file
from graphrep.datasets.dataset import Dataset
from graphrep.datasets.splits import LinkSplit
from graphrep.graph import Graph
from graphrep.io.arrays import read_npy
from graphrep.io.bounded import Budget, read_whole, reading

if TYPE_CHECKING:
    import os

__all__ = ["read_heart"]

Pairs = npt.NDArray[np.int64]


def read_heart(folder: str | os.PathLike[str], base: Dataset | None = None, *, negatives: str = "heart") -> Dataset:
    r"""Read a split of HeaRT: 500 hard negatives for each validation and test edge.

    For Cora, Citeseer and Pubmed the folder contains ``train_pos.txt``, ``valid_pos.txt`` and ``test_pos.txt`` with one
    edge per line (a fixed split, 85/5/10), optionally ``gnn_feature`` (features), and the negatives. For an OGB set it
    contains only the negatives and optionally ``valid_samples_index.pt`` and ``test_samples_index.pt``, the edges of
    ``base`` that are ranked.

    Parameters
    ----------
    folder : path
    base : Dataset, optional
        The OGB set whose edges are ranked. Default: the edges are in the folder.
    negatives : {"heart", "shared"}
        "heart": ``heart_valid_samples.npy`` and ``heart_test_samples.npy``, integers of shape (num_edges,
        num_negatives, 2), separate for each edge. "shared": ``valid_neg.txt`` and ``test_neg.txt``, the random pairs of
        the "existing setting" of the authors.

    Returns
    -------
    Dataset
        ``split.valid_neg`` and ``split.test_neg`` have shape (2, num_edges, num_negatives), or (2, num_negatives) if
        shared. Without ``base``, ``graph`` has the edges of all parts. Self loops, by which the files of Citeseer and
        Pubmed list isolated nodes, are dropped.

    Raises
    ------
    FileNotFoundError
        A file is missing.
    ValueError
        A file is damaged, a validation or test edge is a training edge, or a negative has no end in common with its
        edge or is out of range.

    Notes
    -----
    Metrics are MRR and hits@10 (hits@20 for OGB) of the ranks among the negatives of each edge, see
    :func:`graphrep.evaluate.hits_at_k`. They are not comparable with results of the existing setting.

    References
    ----------
    Li, Shomer et al.: Evaluating Graph Neural Networks for Link Prediction: Current Pitfalls and New Benchmarking,
    NeurIPS 2023.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import numpy as np
    >>> import graphrep as gr
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> for part, lines in {"train": "0\t1\n1\t2\n", "valid": "2\t3\n", "test": "3\t0\n"}.items():
    ...     _ = (folder / f"{part}_pos.txt").write_text(lines)
    >>> np.save(folder / "heart_valid_samples.npy", [[[2, 0], [1, 3]]])
    >>> np.save(folder / "heart_test_samples.npy", [[[3, 1], [2, 0]]])
    >>> gr.datasets.read_heart(folder).split
    LinkSplit(train=2, valid=1, test=1, valid_neg=1x2, test_neg=1x2)
    """
    where = Path(folder)
    if negatives not in ("heart", "shared"):
        raise ValueError(f'negatives must be "heart" or "shared", got {negatives!r}.')
    if base is not None and base.split is None:
        raise ValueError(f"base must have a link split, but {base.name} has none.")
    kept: dict[str, npt.NDArray[Any] | None]
    if base is None:
        graph, parts, kept = _own(where)
    else:
        graph, parts, kept = _of_base(where, base)
    for part in ("valid", "test"):
        if negatives == "shared":
            parts[f"{part}_neg"] = _read_pairs(where / f"{part}_neg.txt")
        else:
            parts[f"{part}_neg"] = _hard(where / f"heart_{part}_samples.npy", parts[part], kept[part])
    whole = base is not None and base.split is not None and base.split.full_is_training
    with reading(where, "does not hold a split of HeaRT"):
        split = LinkSplit(graph, **parts, full_is_training=whole)
        if base is None:
            split.check_leaks()
    return Dataset(name=where.name if base is None else base.name, graph=graph, split=split, metric="mrr")


def _own(where: Path) -> tuple[Graph, dict[str, Any], dict[str, Any]]:
    """Edges of the folder, and masks of the lines that are kept."""
    lines = {part: _read_pairs(where / f"{part}_pos.txt") for part in ("train", "valid", "test")}
    x = _features(where / "gnn_feature")
    num_nodes = 1 + max((int(pairs.max()) for pairs in lines.values() if pairs.size), default=-1)
    if x is not None and len(x) < num_nodes:
        raise ValueError(f"{where / 'gnn_feature'} has {len(x)} rows, but the edges mention {num_nodes} nodes.")
    num_nodes = num_nodes if x is None else len(x)
    size = sum((where / f"{part}_pos.txt").stat().st_size for part in lines)
    Budget(f"{where}, whose edges mention {num_nodes} nodes,", size).take(0 if x is not None else 8 * num_nodes)
    kept = {part: pairs[0] != pairs[1] for part, pairs in lines.items()}
    parts = {part: pairs[:, kept[part]] for part, pairs in lines.items()}
    edges = np.concatenate(list(parts.values()), axis=1)
    csr = build_csr(edges[0], edges[1], None, num_nodes, symmetrize=True, merge="max")
    return Graph._trusted(csr, directed=False, x=x), parts, kept


def _of_base(where: Path, base: Dataset) -> tuple[Graph, dict[str, Any], dict[str, Any]]:
    """Edges of ``base``, of which validation and test keep only the ranked ones."""
    assert base.split is not None
    parts: dict[str, Any] = {"train": base.split.train}
    for part in ("valid", "test"):
        edges, path = getattr(base.split, part), where / f"{part}_samples_index.pt"
        if path.is_file():
            index = np.asarray(read_torch_file(path))
            if index.ndim != 1 or index.dtype.kind not in "iu" or (index.size and index.min() < 0):
                raise ValueError(f"{path} must hold row numbers, got {index.dtype} of shape {index.shape}.")
            if index.size and index.max() >= edges.shape[1]:
                raise ValueError(f"{path} refers to edge {index.max()}, but there are only {edges.shape[1]} edges.")
            edges = edges[:, index]
        parts[part] = edges
    return base.split.full, parts, dict.fromkeys(("valid", "test"))


def _hard(path: Path, edges: Pairs, kept: npt.NDArray[np.bool_] | None) -> npt.NDArray[Any]:
    """Negatives of each edge, (2, num_edges, num_negatives)."""
    rows = read_npy(path)
    if kept is not None and rows.ndim == 3 and len(rows) == len(kept) > edges.shape[1]:
        rows = rows[kept]  # the samples include rows for self loops
    if rows.ndim != 3 or rows.shape[::2] != (edges.shape[1], 2) or rows.dtype.kind not in "iu":
        raise ValueError(
            f"{path} must hold integers of shape ({edges.shape[1]}, num_negatives, 2), got {rows.dtype} {rows.shape}."
        )
    a, b = (end[:, None] for end in edges)
    touches = (rows[..., 0] == a) | (rows[..., 1] == b) | (rows[..., 0] == b) | (rows[..., 1] == a)
    if not touches.all():
        row = int(np.flatnonzero(~touches.all(axis=1))[0])
        raise ValueError(
            f"{path} does not match the edges: a negative in row {row} has no end in common with "
            f"its edge {tuple(edges[:, row].tolist())}."
        )
    result = np.ascontiguousarray(np.moveaxis(rows, -1, 0))
    result.flags.writeable = False
    return result


def _read_pairs(path: Path) -> Pairs:
    if not path.exists():
        raise FileNotFoundError(f"the HeaRT folder {path.parent} must contain {path.name}.")
    with reading(path, "must hold two row numbers per line"), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # an empty file is valid
        pairs = np.loadtxt(io.BytesIO(read_whole(path)), dtype=np.int64, ndmin=2, comments=None)
    if pairs.size and (pairs.shape[1] != 2 or pairs.min() < 0):
        raise ValueError(f"{path} must hold two row numbers per line, got {pairs.shape[1]} columns from {pairs.min()}.")
    return np.ascontiguousarray(pairs.reshape(-1, 2).T)


def _features(path: Path) -> npt.NDArray[np.float32] | None:
    if not path.is_file():
        return None
    held = read_torch_file(path)
    x = held.get("entity_embedding") if isinstance(held, dict) else None
    if not isinstance(x, np.ndarray) or x.ndim != 2 or x.dtype.kind not in "biuf":
        raise ValueError(f"{path} must hold a matrix under the key entity_embedding.")
    with np.errstate(over="ignore", invalid="ignore"):
        x = x.astype(np.float32, copy=False)
    if not np.isfinite(x).all():
        raise ValueError(f"{path} must hold finite numbers in float32.")
    return x
