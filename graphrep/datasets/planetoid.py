"""The citation graphs Cora, CiteSeer and PubMed in the format of Planetoid."""

from __future__ import annotations

import io
import itertools
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from graphrep._arrays import check_rows
from graphrep.datasets._download import download as download_file
from graphrep.datasets._pickles import STAND_INS, Matrix, RefusedError, Resolver, Unpickler, check_memo, may_overflow
from graphrep.datasets.dataset import Dataset
from graphrep.datasets.ogb import data_root
from graphrep.datasets.splits import LabelSplit
from graphrep.graph import as_graph
from graphrep.io.bounded import Budget, one_line, read_whole, reading
from graphrep.io.matrices import checked_csr

if TYPE_CHECKING:
    import os

FOLDERS = {"cora": "Cora", "citeseer": "CiteSeer", "pubmed": "PubMed"}
URL = "https://github.com/kimiyoung/planetoid/raw/master/data"
PARTS = ("x", "tx", "allx", "y", "ty", "ally", "graph", "test.index")
_VALID = 500  # validation nodes, those after the training nodes

# Of the files of the authors, except PubMed's allx, which is checked by its form alone.
_SHA256 = {
    "ind.citeseer.allx": "2ac30345d95c9ec933a817ee0bdd6a5f077f8c184a20e696910192d534414668",
    "ind.citeseer.ally": "f704b2d986dde6c2669934de1f3ae5696a6cf9455c0f6b2646a2d135ea0a1c95",
    "ind.citeseer.graph": "d79a4ef9d3e7169aee8946145f6b7306e35bc79bffad26346cfb94e10e9912a7",
    "ind.citeseer.test.index": "2af990671580b6b2df5d158d1038f8292e30c9cd821b5453f399659b25b723d4",
    "ind.citeseer.tx": "539a8906a2da97628d212f2fdd668c109a8b3f0d36574b59e5d3fd5b5303da21",
    "ind.citeseer.ty": "55e5bd1ba1e733a04598753ad1a8d57957f4b8f89e74519f41f4f4938767e4ce",
    "ind.citeseer.x": "d20de19150741e555de0ed037195630fc194114ebc7fd72ced62810148aa22f6",
    "ind.citeseer.y": "8ba87e515d8e3ee3cf52f6d2c5b86aa73f11ecad825a808455209ec26cd54924",
    "ind.cora.allx": "9419ba2f26f5c35243db64aba110e0f35a04851609e0dc5433450676ca6b8543",
    "ind.cora.ally": "2b998f5cc7fedc86e7f97ca2498f47a1ffc1462c29e2d578b23bf3f62b6e7d71",
    "ind.cora.graph": "58f13302f39dde8852dad6fe6d15b89b077b6d7f837626bce671ef80344b383d",
    "ind.cora.test.index": "297ce89af2b51a6a194181c7dbe1796c6a1cf9cd9349a88383b1b1e227867875",
    "ind.cora.tx": "b9afbaa4a400df991f6f02ef677e1e44da55ffc04801fd02f9e673987829226a",
    "ind.cora.ty": "41f5ac76596a1699cc33f53084a2419e92961c42bb75f36fc38e616d348532ad",
    "ind.cora.x": "23cfa55d91c6f624233f5eb7b6e3f141f1bd2b2ae39608a63cf5d084bb27baab",
    "ind.cora.y": "94465c14eb53e04ca262198dcbb2521ee8af60fb3f3d546cd6ca24a511b0e7d1",
    "ind.pubmed.x": "fbe9cb5c47200d1b7769a26e579be3b7130b556831f9d850e77c4c74f2599b33",
    "ind.pubmed.tx": "4eb5f5d0f30f26497eb0ac6ac9719d09c67e284f1ed0385c93f3ef27a671da3d",
    "ind.pubmed.y": "e6c807633307a07ed659249006536a147c7999c797f11a2560752990181b41b3",
    "ind.pubmed.ty": "ee2e0d4819d9fbcc403689c3bf2e49face401b605932f093bc58ab6461130fdd",
    "ind.pubmed.ally": "0c37bbe3b5014ec365e9d393cf4791925e5ed94fb194305d74f064a8d7b50f0e",
    "ind.pubmed.graph": "5b89f0036ca22909471f1e6558eb42fa06e0c730a577bde5b058b40638f81dc9",
    "ind.pubmed.test.index": "b101d421688bbaecbd82e8a18f1e282378d6830f3a37666f28ebc47f844341b5",
}

Ints = npt.NDArray[np.int64]


def load(name: str, root: str | os.PathLike[str] | None = None, *, download: bool = False) -> Dataset:
    """Load Cora, CiteSeer or PubMed with the public split of 20 training nodes per class, 500 and 1000.

    ``graph`` is undirected, without self loops and duplicates (5,278, 4,552 and 44,324 edges), and has all connected
    components; ``graph.x`` is a float32 ``scipy.sparse.csr_array``, not normalized; ``graph.y`` holds the classes,
    int64. There is no link split: make one with :func:`graphrep.evaluate.ncn_link_split` or
    :func:`graphrep.evaluate.random_link_split`, or read HeaRT's with :func:`graphrep.datasets.read_heart`.

    Parameters
    ----------
    name : {"cora", "citeseer", "pubmed"}
    root : path, optional
        As for ``torch_geometric.datasets.Planetoid``: the files are ``<root>/Cora/raw/ind.cora.x`` and so on. The
        folder that contains ``raw`` or the files themselves is also accepted. Default: ``$GRAPHREP_DATA``, or
        ``~/.cache/graphrep``.
    download : bool
        Download missing files from the repository of the authors, as PyG does.

    Returns
    -------
    Dataset

    Raises
    ------
    FileNotFoundError
        A file is missing.
    ValueError
        A file is damaged, or is a pickle of anything but arrays.

    Notes
    -----
    The raw files are pickles. They are read by a reader that accepts arrays, sparse matrices, lists and dictionaries,
    refuses everything else, and checks shapes, dtypes and indices. Nothing is written. The result equals that of
    ``torch_geometric.datasets.Planetoid``.

    References
    ----------
    Yang, Cohen, Salakhutdinov: Revisiting Semi-Supervised Learning with Graph Embeddings, ICML 2016.

    Examples
    --------
    >>> from graphrep.datasets import planetoid
    >>> planetoid.load("cora", root="/nowhere")
    Traceback (most recent call last):
    FileNotFoundError: cora is not in /nowhere: there is no Cora/raw/ind.cora.x...; give download=True ...
    """
    where = data_root(root)
    files = [f"ind.{name}.{part}" for part in PARTS]
    places = (where / FOLDERS[name] / "raw", where / name / "raw", where / "raw", where)
    raw = next((place for place in places if (place / files[0]).is_file()), places[0])
    missing = [file for file in files if not (raw / file).is_file()]
    if missing and not download:
        inside = raw.relative_to(where) if raw != where else Path()
        listed = ", ".join((inside / file).as_posix() for file in missing)
        raise FileNotFoundError(f"{name} is not in {where}: there is no {listed}; give download=True to datasets.load.")
    for file in missing:
        kind: Literal["numbers", "pickle"] = "numbers" if file.endswith(".index") else "pickle"
        download_file(f"{URL}/{file}", raw / file, what=file, kind=kind, sha256=_SHA256.get(file))
    x, y, graph, train, test = _read(raw, name)
    n = len(y)
    return Dataset(
        name=name,
        graph=as_graph(graph, num_nodes=n, directed=False, x=x, y=y),
        label_split=LabelSplit(n, train=np.arange(train), valid=np.arange(train, train + _VALID), test=np.sort(test)),
    )


def _read(raw: Path, name: str) -> tuple[Any, Ints, Ints, int, Ints]:
    """Features, classes, edges without self loops, number of training nodes, and test nodes."""
    paths = {part: raw / f"ind.{name}.{part}" for part in PARTS}
    parts: dict[str, Any] = {part: _unpickled(path) for part, path in paths.items() if part != "test.index"}
    x = {part: _features(paths[part], parts[part]) for part in ("x", "tx", "allx")}
    y = {part: _classes(paths[part], parts[part]) for part in ("y", "ty", "ally")}
    for features, classes in (("x", "y"), ("tx", "ty"), ("allx", "ally")):
        if x[features].shape[0] != len(y[classes]) or x[features].shape[1] != x["allx"].shape[1]:
            raise ValueError(
                f"{paths[features]} has the shape {x[features].shape}, which fits neither to {len(y[classes])} rows in "
                f"{paths[classes].name} nor to {x['allx'].shape[1]} columns in {paths['allx'].name}."
            )
    num_known, test = len(y["ally"]), _test_rows(paths["test.index"])
    last = int(test.max(initial=num_known - 1))
    if len(test) != len(y["ty"]) or (len(test) and test.min() != num_known) or last >= num_known + 2 * len(test):
        raise ValueError(
            f"{paths['test.index']} must number the {len(y['ty'])} test nodes from {num_known} on; got {len(test)} "
            f"numbers{f' from {test.min()} to {last}' if len(test) else ''}."
        )
    if len(y["y"]) + _VALID > num_known:
        raise ValueError(f"{paths['ally']} has {num_known} rows, too few for {len(y['y'])} + {_VALID} nodes.")
    # Row i of tx belongs to node test[i]; nodes that test leaves out have no features and class 0, as in PyG.
    n = last + 1
    place = sp.csr_array(
        (np.ones(len(test), np.float32), (test - num_known, np.arange(len(test)))), (n - num_known, len(test))
    )
    sparse = sp.csr_array(sp.vstack([x["allx"], place @ x["tx"]], format="csr"))
    sparse.sort_indices()
    labels = np.zeros(n, dtype=np.int64)
    labels[:num_known] = y["ally"]
    labels[test] = y["ty"]
    return sparse, labels, _edges(paths["graph"], parts["graph"], n), len(y["y"]), test


def _unpickled(path: Path) -> Any:
    with reading(path, "is damaged or not a Planetoid file"):
        try:
            content = read_whole(path)
            if may_overflow(content):
                check_memo(content)
            value = Unpickler(io.BytesIO(content), _STAND_INS, encoding="latin1").load()
            return Resolver(Budget(path, len(content)))(value)
        except RefusedError as error:
            raise ValueError(f"{path} refers to {one_line(error, 80)}, which Planetoid files do not contain.") from None


def _features(path: Path, parts: Any) -> Any:
    with reading(path, "must hold a sparse matrix"):
        if not isinstance(parts, dict) or "indptr" not in parts:
            raise ValueError("it holds something else")
        budget = Budget(path, path.stat().st_size)
        budget.take(8 * sum(size for size in parts["shape"] if type(size) is int))
        matrix = checked_csr(parts["data"], parts["indices"], parts["indptr"], parts["shape"])
        with np.errstate(over="ignore", invalid="ignore"):
            matrix = sp.csr_array(matrix, dtype=np.float32, copy=True)
        if not np.isfinite(matrix.data).all():
            raise ValueError("a number is too large for float32")
        matrix.sum_duplicates()
        matrix.eliminate_zeros()
        return matrix


def _classes(path: Path, rows: Any) -> Ints:
    if not isinstance(rows, np.ndarray) or rows.ndim != 2 or rows.dtype.kind not in "iu" or rows.shape[1] == 0:
        raise ValueError(f"{path} must hold a matrix of integers with a column per class.")
    if rows.size and (rows.min() < 0 or rows.max() > 1 or (rows.sum(axis=1) > 1).any()):
        raise ValueError(f"{path} must hold rows with a 1 for the class of a node and 0 else.")
    return np.asarray(rows.argmax(axis=1), dtype=np.int64)


def _test_rows(path: Path) -> Ints:
    with reading(path, "must hold a row number per line"):
        lines = read_whole(path).split()
        if not all(line.isdigit() and len(line) < 10 for line in lines):
            raise ValueError("it holds something else")
        rows = np.array(lines, dtype=np.int64)
        if len(np.unique(rows)) != len(rows):
            raise ValueError("a number occurs twice")
        return rows


def _edges(path: Path, neighbors: Any, num_nodes: int) -> Ints:
    """Both directions as they are listed, shape (2, num_edges), once each and without self loops."""
    if not isinstance(neighbors, dict) or not all(
        type(node) is int and isinstance(row, list) and set(map(type, row)) <= {int} for node, row in neighbors.items()
    ):
        raise ValueError(f"{path} must hold a dictionary of lists of neighbors.")
    with reading(path, "is damaged or not a Planetoid file"):
        counts = np.array([len(row) for row in neighbors.values()], dtype=np.int64)
        source = np.repeat(np.array(list(neighbors), dtype=np.int64), counts)
        target = np.array(list(itertools.chain.from_iterable(neighbors.values())), dtype=np.int64)
        edges = np.stack([source, target])
        check_rows(f"{path}: the neighbors", edges, num_nodes, error=ValueError)
    keys = np.unique((source * num_nodes + target)[source != target])  # some edges are listed twice
    return np.stack(np.divmod(keys, max(1, num_nodes)))


def _reconstructor(kind: Any, _base: Any, _state: Any = None) -> Any:
    """Stand for ``copyreg._reconstructor``, which makes the objects of old classes."""
    if kind is not Matrix:
        raise ValueError("it makes an object of an unknown class")
    return Matrix()


def _nothing(*_arguments: Any) -> Any:
    """Stand for a class that is only mentioned."""
    raise ValueError("it makes an object of an unknown class")


_STAND_INS = dict(STAND_INS)
_STAND_INS |= {(module, "_reconstructor"): _reconstructor for module in ("copy_reg", "copyreg")}
_STAND_INS |= {(module, name): _nothing for module in ("__builtin__", "builtins") for name in ("object", "list")}
_STAND_INS["collections", "defaultdict"] = lambda *_arguments: {}
_STAND_INS |= {
    (f"scipy.sparse.{module}", name): Matrix for module in ("csr", "_csr") for name in ("csr_matrix", "csr_array")
}
