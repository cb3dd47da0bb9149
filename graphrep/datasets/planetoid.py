"""The citation graphs Cora, CiteSeer and PubMed in the format of Planetoid, read by PyG."""

from __future__ import annotations

import pickle
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse as sp

from graphrep.datasets._download import download as download_file
from graphrep.datasets.dataset import Dataset
from graphrep.datasets.ogb import data_root
from graphrep.datasets.splits import LabelSplit
from graphrep.graph import as_graph

if TYPE_CHECKING:
    import os

FOLDERS = {"cora": "Cora", "citeseer": "CiteSeer", "pubmed": "PubMed"}
PARTS = ("x", "tx", "allx", "y", "ty", "ally", "graph", "test.index")


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
        Download missing files from the address in PyG.

    Returns
    -------
    Dataset

    Raises
    ------
    FileNotFoundError
        A file is missing.
    ValueError
        A file is damaged, or is a pickle of anything but arrays.
    ImportError
        torch_geometric is not installed.

    Notes
    -----
    The raw files are pickles, which PyG unpickles. They are inspected first, and those that refer to
    anything but arrays, sparse matrices and dictionaries are refused. Nothing is written.

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
        raise FileNotFoundError(f"{name} is not in {where}: there is no {listed}; give download=True to fetch it.")
    from torch_geometric.datasets import Planetoid
    from torch_geometric.io import read_planetoid_data

    for file in missing:
        download_file(f"{Planetoid.url}/{file}", raw / file, what=file)
    for file in files[:-1]:
        _inspect(raw / file)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # old names of scipy's classes inside the files
            data = read_planetoid_data(str(raw), name)
    except (OSError, EOFError, ValueError, RuntimeError, IndexError, AttributeError, pickle.UnpicklingError) as error:
        raise ValueError(f"{raw} holds a damaged {name} ({error}).") from error
    graph = as_graph(
        data.edge_index.numpy(),
        num_nodes=int(data.num_nodes),
        directed=False,
        x=sp.csr_array(data.x.numpy()),
        y=data.y.numpy().astype(np.int64),
    )
    split = {part: np.flatnonzero(data[f"{mask}_mask"].numpy()) for part, mask in _MASKS.items()}
    return Dataset(name=name, graph=graph, label_split=LabelSplit(graph.num_nodes, **split))


_MASKS = {"train": "train", "valid": "val", "test": "test"}
_HARMLESS = {
    "copy_reg": {"_reconstructor"},
    "copyreg": {"_reconstructor"},
    "__builtin__": {"object", "list", "bytes", "set", "long", "int"},
    "builtins": {"object", "list", "bytes", "set", "int"},
    "collections": {"defaultdict", "OrderedDict"},
    "_codecs": {"encode"},
    "numpy": {"ndarray", "dtype"},
    "numpy.core.multiarray": {"_reconstruct", "scalar"},
    "numpy._core.multiarray": {"_reconstruct", "scalar"},
    "scipy.sparse.csr": {"csr_matrix"},
    "scipy.sparse._csr": {"csr_matrix", "csr_array"},
}


class _Blank:
    """Stands for everything that a pickle refers to, so that inspecting it runs no code."""

    def __init__(self, *arguments: Any) -> None: ...

    def __setstate__(self, state: Any) -> None: ...

    def __setitem__(self, key: Any, value: Any) -> None: ...

    def append(self, value: Any) -> None: ...

    def extend(self, values: Any) -> None: ...


class _Inspector(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if name not in _HARMLESS.get(module, ()):
            raise PermissionError(f"{module}.{name}")
        return _Blank


def _inspect(path: Path) -> None:
    """Raise ValueError for a pickle that refers to something that Planetoid files do not contain."""
    try:
        with path.open("rb") as file:
            _Inspector(file, encoding="latin1").load()
    except PermissionError as error:
        raise ValueError(f"{path} refers to {error}, which Planetoid files do not contain.") from None
    except (pickle.UnpicklingError, EOFError, ValueError, TypeError, IndexError, KeyError, AttributeError) as error:
        raise ValueError(f"{path} is damaged or not a Planetoid file ({error}).") from error
