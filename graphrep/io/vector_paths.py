"""Which format of node vectors a path stands for, and whether they can be stored there; imports no library."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graphrep.io.paths import check_writable, checked_suffix, need_pyarrow

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    import numpy.typing as npt

__all__ = ["VECTOR_FORMATS", "VECTOR_SUFFIXES", "check_vector_path"]

_SUFFIXES = {
    ".safetensors": "safetensors",
    ".npy": "npy",
    ".npz": "npz",
    ".parquet": "parquet",
    ".csv": "csv",
    ".tsv": "tsv",
    ".w2v": "word2vec",
    ".vec": "word2vec",
    ".txt": "word2vec",
    ".bin": "word2vec-binary",
    ".glove": "glove",
}
VECTOR_SUFFIXES = tuple(_SUFFIXES)
VECTOR_FORMATS = tuple(dict.fromkeys(_SUFFIXES.values()))


def check_vector_path(
    path: str | os.PathLike[str],
    *,
    format: str | None = None,  # noqa: A002
    writing: bool = False,
    sources: Sequence[str | os.PathLike[str]] = (),
    nodes: npt.NDArray[Any] | None = None,
) -> str:
    """Format of ``path`` if vectors can be stored there; call it before a long computation.

    Parameters
    ----------
    path : path
    format : one of ``VECTOR_FORMATS``, optional
        Default: what the suffix says.
    writing : bool
        Also require that the folder exists and that the path is not itself a folder.
    sources : sequence of paths
        What is read; with ``writing``, the path must be none of them, nor lie in one.
    nodes : int64 or object array, optional
        Also require that the format can hold these names.

    Returns
    -------
    str
        One of ``VECTOR_FORMATS``.

    Raises
    ------
    ValueError, TypeError
        The suffix or format is unknown, or the format cannot hold one of the names.
    ImportError
        The format needs a package that is not installed.
    FileNotFoundError, IsADirectoryError, PermissionError
        The folder does not exist, the path is itself a folder, or the folder is not writable.

    Examples
    --------
    >>> check_vector_path("out.safetensors")
    'safetensors'
    >>> check_vector_path("out.dat", format="glove")
    'glove'
    >>> check_vector_path("out.xlsx")
    Traceback (most recent call last):
    ValueError: cannot tell the format of out.xlsx: the name must end in .safetensors, .npy, ...
    """
    if format is None:
        format = _SUFFIXES[checked_suffix(path, VECTOR_SUFFIXES, ", or format= must be given")]  # noqa: A001
    elif format not in VECTOR_FORMATS:
        raise ValueError(f"format must be one of {', '.join(VECTOR_FORMATS)}; got {format!r}.")
    if format == "parquet":
        need_pyarrow(path)
    if writing:
        check_writable(path, *sources)
    if nodes is not None:
        from graphrep.io.vectors import checked_names

        checked_names(format, nodes)
    return format
