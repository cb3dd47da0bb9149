"""The built-in data set "debian": packages of Debian bookworm (main, amd64) and their dependencies.

``data/build_debian.py`` builds the file; its data card, ``data/debian/CARD.md``, describes how.
"""

from __future__ import annotations

import io
import json
import lzma
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from graphrep._arrays import check_rows
from graphrep.csr import build_csr
from graphrep.datasets.dataset import Dataset
from graphrep.datasets.splits import LabelSplit, LinkSplit
from graphrep.graph import Graph
from graphrep.io.arrays import read_npz
from graphrep.io.bounded import Budget, drained, read_whole, reading
from graphrep.io.matrices import checked_csr

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

FILE = "debian.npz.xz"
FORMAT = 1  # of the file, as in data/build_debian.py
METRIC = "hits@1000"  # of 100,000 negatives: the true positive rate at 1 % false positives; see the card


def load(name: str = "debian", root: str | os.PathLike[str] | None = None, *, download: bool = False) -> Dataset:
    """Load the package graph: about 63,000 packages, 310,000 edges, 58 sections.

    Rows are packages, sorted by name. An edge u-v means that one of the two declares Pre-Depends, Depends, Recommends
    or Suggests on the other. ``graph.x`` is a binary float32 ``scipy.sparse.csr_array`` of words in the short
    description (``word:...``) and debtags (``tag:...``); ``graph.y`` is the section, int64.

    ``extras`` holds

    * ``source`` (int64 per package) and ``source_names``: the source package that each is built from;
    * ``architecture`` and ``priority`` (uint8 per package) with ``architecture_names``, ``priority_names``;
    * ``edges`` (int64, shape (2, num_edges), u < v) and ``edge_kind`` (uint8): bits 0 to 3 mean that u declares
      Pre-Depends, Depends, Recommends, Suggests on v, bits 4 to 7 that v declares them on u; ``kind_names``;
    * ``relations`` (int64, shape (2, num_relations), from the package that declares it) and ``relation_kind`` (uint8)
      with ``relation_names``: Breaks, Conflicts, Replaces, Enhances, further alternatives and providers, Provides of
      a real name;
    * ``valid_neg_uniform``, ``test_neg_uniform``: the easier, uniformly drawn negatives;
    * ``meta``: release, date, seed and counts.

    Parameters
    ----------
    name : str
        "debian".
    root : path, optional
        Folder with ``debian.npz.xz`` and ``CARD.md``. Default: the one that comes with graphrep.
    download : bool
        Ignored: the file comes with graphrep.

    Returns
    -------
    Dataset

    Raises
    ------
    FileNotFoundError
        The file is missing.
    ValueError
        The file is truncated or not of this format.

    Examples
    --------
    >>> from graphrep.datasets import debian
    >>> dataset = debian.load()
    >>> dataset.label_names[dataset.graph.y[dataset.graph.row("gzip")]]
    'utils'
    """
    del download
    folder = _folder() if root is None else Path(root)
    path = folder / FILE
    if not path.is_file():
        raise FileNotFoundError(f"{folder} must contain the file {FILE} of the data set {name!r}.")
    arrays = _read(path)
    with reading(path, f"is not a {name} file of this version of graphrep"):
        return _assemble(name, arrays, folder / "CARD.md")


def _folder() -> Path:
    """Folder of the data: beside this module in a wheel, otherwise in the source tree."""
    here = Path(__file__).resolve().parent
    installed = here / "data" / "debian"
    in_tree = here.parents[1] / "data" / "debian"
    return in_tree if (in_tree / FILE).is_file() and not (installed / FILE).is_file() else installed


def _read(path: Path) -> dict[str, npt.NDArray[Any]]:
    with reading(path, "is damaged or not a .npz.xz file"):
        content = read_whole(path)
        with lzma.open(io.BytesIO(content)) as reader:
            unpacked = drained(reader, Budget(path, len(content)))
        return read_npz(path, unpacked)


def _assemble(name: str, arrays: dict[str, npt.NDArray[Any]], card: Path) -> Dataset:
    meta = json.loads(arrays["meta"].tobytes())
    if meta["format"] != FORMAT:
        raise ValueError(f"its format is {meta['format']}, not {FORMAT}")
    nodes = np.empty(len(arrays["source"]), dtype=object)
    nodes[:] = list(_unpacked(arrays, "name"))
    labels, features = tuple(_unpacked(arrays, "section_name")), tuple(_unpacked(arrays, "feature_name"))
    indices = arrays["feature_indices"].astype(np.int32)
    ones = np.ones(len(indices), dtype=np.float32)
    x = checked_csr(ones, indices, arrays["feature_indptr"], (len(nodes), len(features)))
    edges = arrays["edges"].astype(np.int64)
    if edges.ndim != 2 or len(edges) != 2 or arrays["section"].shape != nodes.shape:
        raise ValueError(f"edges has the shape {edges.shape}, section {arrays['section'].shape}")
    check_rows("edges", edges, len(nodes), error=ValueError)
    check_rows("section", arrays["section"], len(labels), error=ValueError)
    csr = build_csr(edges[0], edges[1], None, len(nodes), symmetrize=True)
    graph = Graph(csr.indptr, csr.indices, nodes=nodes, x=x, y=arrays["section"].astype(np.int64))
    link, label = arrays["link_part"], arrays["label_part"]
    return Dataset(
        name=name,
        graph=graph,
        split=LinkSplit(
            graph,
            train=edges[:, link == 0],
            valid=edges[:, link == 1],
            test=edges[:, link == 2],
            valid_neg=arrays["valid_neg"],
            test_neg=arrays["test_neg"],
        ),
        label_split=LabelSplit(
            len(nodes),
            train=np.flatnonzero(label == 0),
            valid=np.flatnonzero(label == 1),
            test=np.flatnonzero(label == 2),
        ),
        label_names=labels,
        feature_names=features,
        metric=METRIC,
        card=card.read_text(encoding="utf-8") if card.is_file() else "",
        extras=MappingProxyType(_extras(arrays, meta)),
    )


def _extras(arrays: dict[str, npt.NDArray[Any]], meta: dict[str, Any]) -> dict[str, Any]:
    wide = ("source", "edges", "relations", "valid_neg_uniform", "test_neg_uniform")
    extras: dict[str, Any] = {name: arrays[name].astype(np.int64) for name in wide}
    extras |= {name: arrays[name] for name in ("architecture", "priority", "edge_kind", "relation_kind")}
    for array in extras.values():
        array.flags.writeable = False
    extras["source_names"] = tuple(_unpacked(arrays, "source_name"))
    for name, key in (("architecture", "architectures"), ("priority", "priorities"), ("kind", "kinds")):
        extras[f"{name}_names"] = tuple(meta[key])
    return extras | {"relation_names": tuple(meta["relations"]), "meta": meta}


def _unpacked(arrays: dict[str, npt.NDArray[Any]], name: str) -> Iterator[str]:
    """Strings from their UTF-8 bytes and offsets."""
    data, offsets = arrays[f"{name}_bytes"].tobytes(), arrays[f"{name}_offsets"].tolist()
    return (data[a:b].decode() for a, b in pairwise(offsets))
