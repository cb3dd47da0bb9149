"""Built-in and well-known graphs, with their fixed splits.

``load`` is the one entry; a data set's module is imported when it is asked for, and nothing touches the network.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from graphrep.datasets.dataset import Dataset
from graphrep.datasets.splits import LabelSplit, LinkSplit

if TYPE_CHECKING:
    import os

__all__ = ["Dataset", "LabelSplit", "LinkSplit", "load", "names"]

# Name of a data set -> module with a function load(name, root) -> Dataset.
_HOME = {"debian": "graphrep.datasets.debian"}


def names() -> tuple[str, ...]:
    """Names that :func:`load` knows, sorted.

    Returns
    -------
    tuple of str

    Examples
    --------
    >>> import graphrep as gr
    >>> "debian" in gr.datasets.names()
    True
    """
    return tuple(sorted(_HOME))


def load(name: str, root: str | os.PathLike[str] | None = None) -> Dataset:
    """Load a data set by name, offline.

    Parameters
    ----------
    name : str
        One of :func:`names`; "debian" is built in.
    root : path, optional
        Folder that holds the data set's files. Default: the files that come with graphrep.

    Returns
    -------
    Dataset

    Raises
    ------
    ValueError
        The name is unknown, or a file is damaged.
    FileNotFoundError
        A file of the data set is not where it should be.

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
    dataset = importlib.import_module(_HOME[name]).load(name, root)
    assert isinstance(dataset, Dataset)
    return dataset
