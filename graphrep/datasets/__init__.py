"""Built-in and well-known graphs, with their fixed splits.

``load`` is the one entry; a data set's module is imported when it is asked for, and nothing touches the network.
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

# Name of a data set -> module with a function load(name, root, download) -> Dataset. The built-in one first.
_HOME = {
    "debian": "graphrep.datasets.debian",
    **dict.fromkeys(("citeseer", "cora", "pubmed"), "graphrep.datasets.planetoid"),
    **dict.fromkeys(
        (
            "ogbl-biokg", "ogbl-citation2", "ogbl-collab", "ogbl-ddi", "ogbl-ppa", "ogbl-vessel", "ogbl-wikikg2",
        ),
        "graphrep.datasets.ogb",
    ),
}  # fmt: skip


def names() -> tuple[str, ...]:
    """Names that :func:`load` knows, the built-in one first.

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
    """Load a data set by name, from the disk unless ``download`` is given.

    Parameters
    ----------
    name : str
        One of :func:`names`; "debian" is built in. What the others hold: :func:`graphrep.datasets.ogb.load`,
        :func:`graphrep.datasets.planetoid.load`.
    root : path, optional
        Folder that holds the data set's folder. Default: for "debian" the files that come with graphrep, for the others
        the environment variable ``GRAPHREP_DATA``, else ``~/.cache/graphrep``.
    download : bool
        Fetch what is not there, without asking.

    Returns
    -------
    Dataset

    Raises
    ------
    ValueError
        The name is unknown, or a file is damaged.
    FileNotFoundError
        A file of the data set is not where it should be.
    ConnectionError
        The download failed.

    Examples
    --------
    >>> import graphrep as gr
    >>> debian = gr.datasets.load("debian")
    >>> g = debian.graph
    >>> g.nodes[g.neighbors(g.row("gzip"))[:3]].tolist()
    ['arqiver', 'battery-stats', 'dpkg']
    """
    if name not in _HOME:
        raise ValueError(f"there is no data set named {name!r}; the known ones are {', '.join(names())}.")
    dataset = importlib.import_module(_HOME[name]).load(name, root, download=download)
    assert isinstance(dataset, Dataset)
    return dataset
