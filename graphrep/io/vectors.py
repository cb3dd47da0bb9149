"""Node vectors on disk: vectors, names and settings, in the file format that the suffix selects.

=============  ==============================================  ==================  ========
suffix         layout                                          names are read as   settings
=============  ==============================================  ==================  ========
.safetensors   tensors ``embedding`` and ``node_id``, or       written: int, str   kept
               ``node_names`` with ``node_offsets``
.parquet       columns ``node_id`` and ``embedding``           written: int, str   kept
.npy           the array; names other than 0 … n - 1 go to a   written: int, str   dropped
               second file beside it, ``STEM.nodes.json``
.w2v, .txt     word2vec text                                   always str          dropped
=============  ==============================================  ==================  ========

No pickle is read or written. A file is written under a temporary name beside its target and then renamed.
"""

from __future__ import annotations

import importlib.util
import os
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from graphrep.io.formats import MalformedError, Names, VectorTable

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["VECTOR_SUFFIXES", "VectorTable", "check_vector_path", "read_vectors", "write_vectors"]

_LAYOUTS = {
    ".safetensors": "safetensors",
    ".npy": "npy",
    ".parquet": "parquet",
    ".w2v": "word2vec",
    ".txt": "word2vec",
}
VECTOR_SUFFIXES = tuple(_LAYOUTS)


def check_vector_path(
    path: str | os.PathLike[str], *, writing: bool = False, nodes: npt.NDArray[Any] | None = None
) -> str:
    """Suffix of ``path`` if vectors can be stored there; call it before a long computation.

    Parameters
    ----------
    path : path
    writing : bool
        Also require that the folder exists and that the path is not itself a folder.
    nodes : int64 or object array, optional
        Also require that the layout can hold these names.

    Returns
    -------
    str
        The suffix in lower case, one of ``VECTOR_SUFFIXES``.

    Raises
    ------
    ValueError, TypeError
        The suffix is unknown, or the layout cannot hold one of the names.
    ImportError
        The suffix needs a package that is not installed.
    FileNotFoundError, IsADirectoryError, PermissionError
        The folder does not exist, the path is itself a folder, or the folder is not writable.

    Examples
    --------
    >>> check_vector_path("out.safetensors")
    '.safetensors'
    >>> check_vector_path("out.csv")
    Traceback (most recent call last):
    ValueError: cannot tell the format of out.csv: the name must end in .safetensors, .npy, .parquet, .w2v or .txt.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in _LAYOUTS:
        known = f"{', '.join(VECTOR_SUFFIXES[:-1])} or {VECTOR_SUFFIXES[-1]}"
        raise ValueError(f"cannot tell the format of {path}: the name must end in {known}.")
    if suffix == ".parquet" and importlib.util.find_spec("pyarrow") is None:
        raise ImportError(f"{path}: Parquet needs pyarrow; pip install 'graphrep[io]'.")
    if writing:
        if path.is_dir():
            raise IsADirectoryError(f"{path} is a folder; give the name of a file.")
        if not path.absolute().parent.is_dir():
            raise FileNotFoundError(f"cannot write {path}: there is no folder {path.parent}.")
        if not os.access(path.absolute().parent, os.W_OK):
            raise PermissionError(f"cannot write {path}: the folder {path.parent} is not writable.")
    if nodes is not None:
        _names(suffix, nodes)
    return suffix


def write_vectors(
    path: str | os.PathLike[str],
    vectors: npt.NDArray[np.float32],
    nodes: npt.NDArray[Any],
    settings: Mapping[str, Any] | None = None,
) -> None:
    """Write node vectors in the layout that the suffix selects; the module docstring compares the layouts.

    Parameters
    ----------
    path : path
        Ends in .safetensors, .npy, .parquet, .w2v or .txt. An existing file is replaced once the new one is complete.
    vectors : float32 array of shape (num_nodes, dimensions)
    nodes : int64 or object array of shape (num_nodes,)
        Names in row order: all integers or all strings.
    settings : JSON-serializable dict, optional

    Raises
    ------
    TypeError
        The names are neither all integers nor all strings.
    ValueError
        The suffix is unknown, or the layout cannot hold one of the names.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import numpy as np
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "two.npy"
    >>> write_vectors(path, np.eye(2, dtype=np.float32), np.array(["curl", "wget"], dtype=object))
    >>> sorted(file.name for file in path.parent.iterdir())
    ['two.nodes.json', 'two.npy']
    """
    suffix = check_vector_path(path, writing=True)
    names = _names(suffix, nodes)
    _layout(suffix).write(Path(path), np.ascontiguousarray(vectors, dtype=np.float32), names, dict(settings or {}))


def read_vectors(path: str | os.PathLike[str]) -> VectorTable:
    r"""Read a file written by :func:`write_vectors`; ``graphrep.load_vectors`` returns a ``NodeVectors`` instead.

    Parameters
    ----------
    path : path
        Ends in .safetensors, .npy, .parquet, .w2v or .txt.

    Returns
    -------
    VectorTable
        ``vectors`` float32 (num_nodes, dimensions); ``nodes`` int64 array, list of str, or None for 0 … num_nodes - 1;
        ``settings`` dict, empty if the layout does not store settings.

    Raises
    ------
    ValueError
        The suffix is unknown, or the file is truncated or holds something else.
    FileNotFoundError

    Examples
    --------
    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "two.w2v"
    >>> _ = path.write_text("2 3\ncurl 1 0 0\nwget 0 1 0\n")
    >>> table = read_vectors(path)
    >>> table.vectors.shape, table.nodes
    ((2, 3), ['curl', 'wget'])
    """
    layout = _layout(check_vector_path(path))
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}.")
    try:
        vectors, nodes, settings = layout.read(path)
    except MalformedError as error:
        raise ValueError(f"{path}: {error}") from None
    if vectors.ndim != 2 or vectors.dtype.kind != "f":
        raise ValueError(f"{path}: expected a 2-d array of floats, got {vectors.dtype} of shape {vectors.shape}.")
    if nodes is not None and len(nodes) != len(vectors):
        raise ValueError(f"{path}: {len(nodes)} names for {len(vectors)} vectors.")
    with np.errstate(over="ignore"):  # a float64 beyond float32 becomes inf, which NodeVectors refuses
        return VectorTable(np.ascontiguousarray(vectors, dtype=np.float32), nodes, settings)


def _layout(suffix: str) -> Any:
    return import_module(f"graphrep.io.formats.{_LAYOUTS[suffix]}")


def _names(suffix: str, nodes: npt.NDArray[Any]) -> Names:
    """Names in the form that the layout requires."""
    names = _plain(nodes)
    layout = _layout(suffix)
    return layout.checked_names(names) if hasattr(layout, "checked_names") else names


def _plain(nodes: npt.NDArray[Any]) -> Names:
    """Names as int64 or as a list of str; no other type survives a round trip to disk."""
    if nodes.dtype.kind in "iu":
        return nodes.astype(np.int64)
    names = nodes.tolist()
    if names and all(isinstance(name, (int, np.integer)) and not isinstance(name, bool) for name in names):
        try:
            return np.array(names, dtype=np.int64)
        except OverflowError:
            raise TypeError("a file holds integer names below 2**63 only; make the larger ones strings.") from None
    for name in names:
        if not isinstance(name, str):
            raise TypeError(
                "a file holds names that are all integers or all strings, "
                f"but node {name!r} is of type {type(name).__name__}; convert the names first."
            )
        if not name.isascii() and name.encode(errors="ignore").decode() != name:
            raise ValueError(f"node {name!r} cannot be written as UTF-8: it holds a lone surrogate.")
    return [str(name) for name in names]  # numpy.str_ becomes str
