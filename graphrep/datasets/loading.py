"""Data sets by name."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import os

    from graphrep.datasets.dataset import Dataset

__all__ = ["load", "names"]

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
    dataset: Dataset = importlib.import_module(_HOME[name]).load(name, root, download=download)
    return dataset
