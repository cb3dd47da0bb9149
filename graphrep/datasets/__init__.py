"""Built-in and well-known graphs with their fixed splits.

``load`` reads all of them; the module of a data set is imported when it is loaded, and importing uses no network.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from graphrep.datasets.dataset import Dataset
from graphrep.datasets.heart import read_heart
from graphrep.datasets.splits import LabelSplit, LinkSplit, TripleSplit

if TYPE_CHECKING:
    import os

__all__ = ["Dataset", "LabelSplit", "LinkSplit", "TripleSplit", "load", "names", "read_heart"]

# Name of a data set -> module with a function load(name, root, download) -> Dataset; the built-in one first.
_HOME = {
    "debian": "graphrep.datasets.debian",
    **dict.fromkeys(("citeseer", "cora", "pubmed"), "graphrep.datasets.planetoid"),
    **dict.fromkeys(
        (
            "ogbl-biokg", "ogbl-citation2", "ogbl-collab", "ogbl-ddi", "ogbl-ppa", "ogbl-vessel", "ogbl-wikikg2",
            "ogbn-mag",
        ),
        "graphrep.datasets.ogb",
    ),
}  # fmt: skip


def names() -> tuple[str, ...]:
    """Names of the data sets that :func:`load` knows, the built-in one first.

    Returns
    -------
    tuple of str

    Examples
    --------
    >>> import graphrep as gr
    >>> "debian" in gr.datasets.names()
    True
    """
    return tuple(_HOME)


def load(name: str, root: str | os.PathLike[str] | None = None, *, download: bool = False) -> Dataset:
    """Load a data set by name from the disk, or with ``download`` from its server.

    Parameters
    ----------
    name : str
        One of :func:`names`; "debian" is built in; for the others see :func:`graphrep.datasets.ogb.load` and
        :func:`graphrep.datasets.planetoid.load`.
    root : path, optional
        Folder that contains the folder of the data set. Default: the files that come with graphrep for "debian"; for
        the others the environment variable ``GRAPHREP_DATA``, or ``~/.cache/graphrep``.
    download : bool
        Download missing files without asking, with a progress bar in terminals and Jupyter.

    Returns
    -------
    Dataset

    Raises
    ------
    ValueError
        The name is unknown, or a file is damaged.
    FileNotFoundError
        A file of the data set is missing.
    ConnectionError
        The download failed.

    Examples
    --------
    >>> import graphrep as gr
    >>> debian = gr.datasets.load("debian")
    >>> g = debian.graph
    >>> g.neighbors("gzip")[:3].tolist()
    ['arqiver', 'battery-stats', 'dpkg']
    """
    if name not in _HOME:
        raise ValueError(f"name must be one of {', '.join(names())}; got {name!r}.")
    dataset = importlib.import_module(_HOME[name]).load(name, root, download=download)
    assert isinstance(dataset, Dataset)
    return dataset
