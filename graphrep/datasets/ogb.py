"""The Open Graph Benchmark: its link sets and ogbn-mag, read from OGB's files without prompts and unpickling."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from graphrep._types import Types, build_typed, narrow
from graphrep.csr import build_csr
from graphrep.datasets._cache import fingerprint, read_cache, write_cache
from graphrep.datasets._download import download as download_file
from graphrep.datasets._download import unpack
from graphrep.datasets._ogb_raw import check_arrays, marked_types, read_raw, relation_folders
from graphrep.datasets._ogb_spec import SPECS
from graphrep.datasets._ogb_split import PARTS, label_files, read_labels, read_split, split_files
from graphrep.datasets.dataset import Dataset
from graphrep.datasets.splits import LabelSplit, LinkSplit, TripleSplit
from graphrep.graph import Graph
from graphrep.io.bounded import reading

if TYPE_CHECKING:
    from graphrep.datasets._ogb_raw import Arrays
    from graphrep.datasets._ogb_spec import Spec

CACHE = "graphrep.npz"
FORMAT = 3  # of the cache


def load(name: str, root: str | os.PathLike[str] | None = None, *, download: bool = False) -> Dataset:
    """Load a link set of OGB or ogbn-mag from its folder, in the form of the archive or of the ``ogb`` package.

    ==============  ========  ==================================================================================
    name            metric    contents
    ==============  ========  ==================================================================================
    ogbl-ddi        hits@20   undirected
    ogbl-collab     hits@50   undirected; ``graph.x``; pairs of ``split`` repeat, once per year, with
                              ``split.attributes`` ``"train_weight"``, ``"train_year"``, ...; in ``graph``, the only
                              one with weights, they are one edge with the sum as its weight
    ogbl-ppa        hits@100  undirected; ``graph.x`` (int64, one-hot species)
    ogbl-citation2  mrr       directed, from the citing paper; ``graph.x``; ``extras["node_year"]``;
                              ``split.valid_neg`` of shape (2, num_edges, 1000), sources in row 0
    ogbl-vessel     auc       undirected; ``graph.x`` (coordinates); ``split.train_neg``;
                              ``extras["edge_feat"]``, a row per column of ``extras["edge_index"]``
    ogbl-wikikg2    mrr       ``triple_split``; directed from head to tail; ``graph.edge_type``
    ogbl-biokg      mrr       ``triple_split``; directed; ``graph.edge_type`` and ``graph.node_type``
    ogbn-mag                  ``label_split``; directed; ``graph.edge_type``, ``graph.node_type``;
                              ``graph.features["paper"]``, ``graph.labels["paper"]``; ``extras["node_year"]`` by type
    ==============  ========  ==================================================================================

    As in OGB, ``graph`` has only the training edges, and ``split.train`` has each undirected edge in one direction, in
    the order of the file. In the last three sets the code of an edge's type is OGB's number of the relation, as in
    ``triple_split``; ogbl-wikikg2's are called "0", "1", .... OGB numbers the nodes of ogbl-biokg and ogbn-mag from 0
    within each type; here they are numbered consecutively by type in alphabetical order: row = id of OGB + number of
    nodes of earlier types. Negatives and the nodes of ``label_split`` are numbered in the same way.

    The arrays are cached in ``graphrep.npz`` in the folder of the data set, if it can be written, until the files
    change. The cache holds a digest of its content, and is made anew if that does not match. ``processed/`` is neither
    read nor written, and ``RELEASE_v1.txt`` is not needed.

    Parameters
    ----------
    name : str
        One of the names above.
    root : path, optional
        Folder that contains the folder of the data set (``ogbl_ddi``, ``ogbl_ddi_pyg``, or ``ddi`` as in the archive),
        or that folder itself. Default: the environment variable ``GRAPHREP_DATA``, or ``~/.cache/graphrep``.
    download : bool
        Download the archive if the data set is missing: 45 MB (ogbl-ddi) to several GB. OGB publishes no checksums; the
        length and the CRCs of the archive are checked. An interrupted download resumes.

    Returns
    -------
    Dataset

    Raises
    ------
    FileNotFoundError
        The data set is missing or incomplete.
    ValueError
        A file is damaged, ids are out of range, or validation or test edges are training edges. The last is not checked
        in ogbl-collab, where a pair may publish again (years are compared instead), and in ogbl-vessel.
    ConnectionError
        The download failed.

    Notes
    -----
    Split files are pickles; they are read by a reader that accepts arrays, tensors, lists and dictionaries and refuses
    everything else. Memory and time are a few times those of the arrays; separate negatives of each edge are int32.

    References
    ----------
    Hu et al.: Open Graph Benchmark: Datasets for Machine Learning on Graphs, NeurIPS 2020.

    Examples
    --------
    >>> from graphrep.datasets import ogb
    >>> ogb.load("ogbl-ddi", root="/nowhere")
    Traceback (most recent call last):
    FileNotFoundError: ogbl-ddi is not in /nowhere, where no folder ogbl_ddi, ogbl_ddi_pyg, ddi holds raw/ and ...
    """
    spec = SPECS[name]
    where = data_root(root)
    folder = _find(spec, where)
    if folder is None and download:
        folder = _fetch(spec, where)
    if folder is None:
        raise FileNotFoundError(
            f"{name} is not in {where}, where no folder {', '.join(spec.folders)} holds raw/ and split/; "
            f"give download=True to datasets.load, or unpack {spec.url} there."
        )
    files = _files(spec, folder)
    key = {"format": FORMAT, "name": name, "files": fingerprint(folder, files)}
    arrays = read_cache(folder / CACHE, key)
    if arrays is not None:
        with contextlib.suppress(ValueError, TypeError, LookupError):  # it was forged, and is made anew
            check_arrays(folder / "raw", arrays)
            return _assemble(spec, arrays)
    raw = read_raw(folder / "raw", spec)
    split = folder / "split" / spec.split
    arrays = raw | (read_labels(split, raw) if spec.form == "labels" else read_split(split, spec, raw))
    write_cache(folder / CACHE, key, arrays)
    with reading(folder, f"is damaged or not {name}"):
        return _assemble(spec, arrays)


def data_root(root: str | os.PathLike[str] | None) -> Path:
    """``root``, or ``$GRAPHREP_DATA``, or ``~/.cache/graphrep``."""
    if root is not None:
        return Path(root).expanduser()
    return Path(os.environ.get("GRAPHREP_DATA") or "~/.cache/graphrep").expanduser()


def _find(spec: Spec, root: Path) -> Path | None:
    """Folder of the data set; a complete one is preferred."""
    found = [root / name for name in spec.folders if _has(root / name, "raw") or _has(root / name, "split")]
    if _has(root, "raw") and _has(root, "split"):
        found.append(root)
    return min(found, key=lambda path: len(_missing(spec, path)), default=None)


def _has(folder: Path, name: str) -> bool:
    return (folder / name).is_dir()


def _needed(spec: Spec, folder: Path) -> list[Path]:
    raw = folder / "raw"
    files = [raw / name for name in spec.raw_files()]
    if spec.typed and (raw / "triplet-type-list.csv.gz").is_file():
        names = ("edge.csv.gz", "num-edge-list.csv.gz", "edge_reltype.csv.gz")
        files += [path / name for path in relation_folders(raw).values() for name in names]
    split = folder / "split" / spec.split
    if spec.form != "labels":
        return files + split_files(split)
    if (raw / "nodetype-has-label.csv.gz").is_file():
        types = marked_types(raw / "nodetype-has-label.csv.gz")
        files += [raw / "node-label" / name / "node-label.csv.gz" for name in types]
    return files + label_files(split)


def _missing(spec: Spec, folder: Path) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in _needed(spec, folder) if not path.is_file()]


def _files(spec: Spec, folder: Path) -> list[Path]:
    """Files to read; raises FileNotFoundError if one is missing."""
    missing = _missing(spec, folder)
    if missing:
        listed = ", ".join(missing[:8]) + (f" and {len(missing) - 8} more" if len(missing) > 8 else "")
        raise FileNotFoundError(
            f"{folder} is an incomplete {spec.name} without {listed}; move it away and unpack {spec.url} again."
        )
    optional = [folder / "raw" / "edge-feat.csv.gz", *sorted((folder / "raw" / "node-feat").glob("*/*.csv.gz"))]
    return _needed(spec, folder) + [path for path in optional if path.is_file()]


def _fetch(spec: Spec, root: Path) -> Path:
    folder, archive = root / spec.folders[0], root / f"{spec.archive}.zip"
    if folder.exists():
        raise FileExistsError(f"{folder} exists but does not contain {spec.name}; move it away to download.")
    if not archive.is_file():
        download_file(spec.url, archive, what=spec.name, kind="zip")
    unpack(archive, folder, what=spec.name)
    archive.unlink()
    return folder


def _assemble(spec: Spec, arrays: Arrays) -> Dataset:
    graph = _graph(spec, arrays)
    extras: dict[str, Any] = {}
    for name, array in arrays.items():
        if name.startswith("node_") and name != "node_feat":
            extras[name] = array
        elif name.startswith("edge_") and name not in ("edge_index", *spec.edge_arrays):
            extras |= {name: array, "edge_index": arrays["edge_index"]}
    for extra in extras.values():
        if isinstance(extra, np.ndarray):
            extra.flags.writeable = False
    for name in spec.node_arrays if spec.typed else ():
        if name != "node_feat":
            extras[name] = MappingProxyType(_by_type(arrays, name))
    relational = spec.form in ("triples", "typed")
    if spec.form == "labels":
        split = LabelSplit(graph.num_nodes, *(arrays[f"{part}_node"] for part in PARTS))
        return Dataset(name=spec.name, graph=graph, label_split=split, extras=MappingProxyType(extras))
    return Dataset(
        name=spec.name,
        graph=graph,
        split=None if relational else _link_split(spec, graph, arrays),
        triple_split=_triple_split(graph, arrays) if relational else None,
        metric=spec.metric,
        extras=MappingProxyType(extras),
    )


def _graph(spec: Spec, arrays: Arrays) -> Graph:
    (u, v), weights = arrays["edge_index"], arrays.get("edge_weight")
    if weights is not None:
        weights = weights.ravel().astype(np.float32)
        if not spec.directed:  # papers of two authors add up in either order
            u, v = np.minimum(u, v), np.maximum(u, v)
    if spec.typed or spec.form == "triples":
        return _typed_graph(spec, arrays)
    merge = "max" if weights is None else "sum"
    csr = build_csr(u, v, weights, int(arrays["num_nodes"]), symmetrize=not spec.directed, merge=merge)
    x = arrays.get("node_feat")
    if x is not None:
        x.flags.writeable = False
    return Graph._trusted(csr, directed=spec.directed, x=x)


def _typed_graph(spec: Spec, arrays: Arrays) -> Graph:
    relations = arrays["edge_reltype"].ravel()
    listed = [arrays[name] for name in ("edge_reltype", *(f"{part}_relation" for part in PARTS)) if name in arrays]
    count = 1 + max((int(part.max()) for part in listed if part.size), default=0)
    if relations.dtype.kind not in "iu" or (len(relations) and relations.min() < 0) or count > 2**20:
        raise ValueError("edge_reltype must hold numbers of relations from 0 upward.")
    names = list(map(str, range(count)))
    for code, name in zip(arrays.get("relation_codes", ()), arrays.get("relation_names", ()), strict=True):
        names[code] = str(name)
    if len(set(names)) < count:
        names = list(map(str, range(count)))
    u, v = arrays["edge_index"]
    kinds = narrow(relations, count)
    csr, kinds = build_typed(u, v, None, kinds, int(arrays["num_nodes"]), merge="max")
    types = Types(edge_type=kinds, edge_types=tuple(names))
    if spec.typed:
        sizes = arrays["type_sizes"]
        code = narrow(np.repeat(np.arange(len(sizes)), sizes), len(sizes))
        features, labels = _by_type(arrays, "node_feat"), _by_type(arrays, "label")
        labels = {kind: values[:, 0] if values.shape[1] == 1 else values for kind, values in labels.items()}
        by_type = {name: values for name, values in (("x", features), ("y", labels)) if values}
        types = types._replace(node_type=code, node_types=tuple(arrays["type_names"].tolist()), by_type=by_type)
    return Graph._trusted(csr, directed=True, types=types)


def _by_type(arrays: Arrays, what: str) -> dict[str, npt.NDArray[Any]]:
    """Arrays of single types of nodes."""
    found = {}
    for name, size in zip(arrays["type_names"].tolist(), arrays["type_sizes"].tolist(), strict=True):
        values = arrays.get(f"of_{name}:{what}")
        if values is not None:
            if len(values) != size or values.ndim != 2:
                raise ValueError(f"{what} of {name} must have {size} rows, got {values.shape}.")
            values.flags.writeable = False
            found[name] = values
    return found


def _link_split(spec: Spec, graph: Graph, arrays: Arrays) -> LinkSplit:
    own = spec.form == "own"
    pairs: dict[str, npt.NDArray[Any]] = {}
    for part in PARTS:
        if not own:
            pairs[part] = arrays[f"{part}_edge"].T
            if f"{part}_edge_neg" in arrays:
                pairs[f"{part}_neg"] = arrays[f"{part}_edge_neg"].T
            continue
        source = arrays[f"{part}_source_node"]
        pairs[part] = np.stack([source, arrays[f"{part}_target_node"]])
        if part != "train":
            targets = arrays[f"{part}_target_node_neg"]
            negatives = np.empty((2, *targets.shape), dtype=targets.dtype)
            negatives[0], negatives[1] = source[:, None], targets
            negatives.flags.writeable = False
            pairs[f"{part}_neg"] = negatives
    names = [f"{part}_{name.removeprefix('edge_')}" for part in PARTS for name in spec.edge_arrays]
    return LinkSplit(graph, **pairs, attributes={name: arrays[name] for name in names}, full_is_training=True)


def _triple_split(graph: Graph, arrays: Arrays) -> TripleSplit:
    triples = {p: np.stack([arrays[f"{p}_{name}"] for name in ("head", "relation", "tail")]) for p in PARTS}
    names = [f"{part}_{end}_neg" for part in PARTS[1:] for end in ("head", "tail")]
    for name in names:
        arrays[name].flags.writeable = False  # large: shared rather than copied
    return TripleSplit(
        graph,
        1 + max(int(array[1].max()) for array in triples.values() if array.size),
        **triples,
        **{name: arrays[name] for name in names},
    )
