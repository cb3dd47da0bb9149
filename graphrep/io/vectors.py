"""Node vectors on disk: vectors, names and settings, in the format that the suffix or ``format`` selects.

===================  ====================  ============================================  ===============  ========
format               suffix                content                                       names are read   settings
===================  ====================  ============================================  ===============  ========
``safetensors``      .safetensors          tensors ``embedding`` and ``node_id``, or     int, str         kept
                                           ``node_names`` with ``node_offsets``
``parquet``          .parquet              columns ``node_id`` and ``embedding``         int, str         kept
``npz``              .npz                  arrays ``vectors``, ``nodes``, ``settings``   int, str         kept
``npy``              .npy                  the array; names other than 0 … n - 1 lie     int, str         dropped
                                           beside it in ``NAME.npy.nodes.json``
``csv``, ``tsv``     .csv, .tsv            a header, then a name and its numbers         int, str         dropped
``word2vec``         .w2v, .vec, .txt      word2vec text                                 str              dropped
``word2vec-binary``  .bin                  word2vec binary, as gensim writes it          str              dropped
``glove``            .glove; .txt is read  GloVe text: word2vec without its first line   str              dropped
===================  ====================  ============================================  ===============  ========

No pickle is read or written. A file is written under a temporary name beside its target and then renamed. The names
beside an .npy file say what version of it they belong to: they are never read with other vectors.

Files of other programs are read, too. ``nodes`` and ``vectors`` name what holds the names and the vectors: columns of
.parquet, .csv and .tsv, arrays of .npz, tensors of .safetensors.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from graphrep._mapped import mapping_of
from graphrep.io.bounded import one_line, open_regular, reading
from graphrep.io.formats import MalformedError, Names, Options, VectorTable
from graphrep.io.vector_paths import VECTOR_FORMATS, check_vector_path

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence

__all__ = ["VectorTable", "checked_names", "plain_names", "read_vectors", "write_vectors"]

_DELIMITERS = {"csv": ",", "tsv": "\t"}


def write_vectors(
    path: str | os.PathLike[str],
    vectors: npt.NDArray[np.float32],
    nodes: npt.NDArray[Any],
    settings: Mapping[str, Any] | None = None,
    *,
    format: str | None = None,  # noqa: A002
) -> None:
    """Write node vectors in the format that the suffix selects; the module docstring compares the formats.

    Parameters
    ----------
    path : path
        An existing file is replaced once the new one is complete.
    vectors : float32 array of shape (num_nodes, dimensions)
    nodes : int64 or object array of shape (num_nodes,)
        Names in row order: all integers or all strings.
    settings : JSON-serializable dict, optional
    format : one of ``VECTOR_FORMATS``, optional
        Default: what the suffix says.

    Raises
    ------
    TypeError
        The names are neither all integers nor all strings.
    ValueError
        The suffix or format is unknown, or the format cannot hold one of the names.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import numpy as np
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "two.npy"
    >>> write_vectors(path, np.eye(2, dtype=np.float32), np.array(["curl", "wget"], dtype=object))
    >>> sorted(file.name for file in path.parent.iterdir())
    ['two.npy', 'two.npy.nodes.json']
    """
    format = check_vector_path(path, format=format, writing=True)  # noqa: A001
    names = checked_names(format, nodes)
    delimiter = [_DELIMITERS[format]] if format in _DELIMITERS else []
    matrix = np.ascontiguousarray(vectors, dtype=np.float32)
    _layout(format).write(Path(path), matrix, names, dict(settings or {}), *delimiter)


def write_mapped(path: str | os.PathLike[str], made: Path, nodes: npt.NDArray[Any] | None) -> None:
    """Put a finished .npy file, on the same disk, in the place of ``path``, with the names that it belongs to."""
    from graphrep.io.formats import npy

    npy.move(Path(path), made, None if nodes is None else plain_names(nodes))


def read_vectors(
    path: str | os.PathLike[str],
    *,
    format: str | None = None,  # noqa: A002
    nodes: str | None = None,
    vectors: str | Sequence[str] | None = None,
    header: bool | None = None,
    mmap: bool | None = False,
) -> VectorTable:
    r"""Read a file written by :func:`write_vectors`; ``graphrep.load_vectors`` returns a ``NodeVectors`` instead.

    Parameters
    ----------
    path, format, nodes, vectors, header, mmap
        As in :func:`graphrep.load_vectors`.

    Returns
    -------
    VectorTable
        ``vectors`` float32 (num_nodes, dimensions); ``nodes`` int64 array, list of str, or None for 0 … num_nodes - 1;
        ``settings`` dict, empty if the format does not store settings.

    Raises
    ------
    ValueError
        The suffix or format is unknown, an option means nothing for it, or the file is truncated or holds something
        else.
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
    given, path = format, Path(path)
    format = check_vector_path(path, format=format)  # noqa: A001
    with reading(path, "is damaged or not a file of vectors"):
        return _read(path, given, format, Options(nodes, _listed(vectors), header, mmap))


def _listed(vectors: Any) -> Any:
    return vectors if vectors is None or isinstance(vectors, str) else list(vectors)


def _read(path: Path, given: str | None, format: str, options: Options) -> VectorTable:  # noqa: A002
    seen = _seen(path)
    if seen not in (None, format):
        raise ValueError(f"{path}: this is a file of format {seen}, not {format}; give format={seen!r}.")
    if given is None and path.suffix.lower() == ".txt" and _layout("glove").looks_like(path):
        format = "glove"  # noqa: A001
    layout = _layout(format)
    for name, value in options._asdict().items():
        if name not in layout.TAKES and value not in (None, False):
            can = ", ".join(other for other in VECTOR_FORMATS if name in _layout(other).TAKES)
            raise ValueError(f"{path}: {name}= means nothing for {format}, only for {can}.")
    delimiter = [_DELIMITERS[format]] if format in _DELIMITERS else []
    try:
        matrix, names, settings = layout.read(path, options, *delimiter)
    except MalformedError as error:
        raise ValueError(f"{path}: {one_line(error, 600)}.") from None
    if matrix.ndim != 2 or matrix.dtype.kind != "f":
        raise ValueError(f"{path}: expected a 2-d array of floats, got {matrix.dtype} of shape {matrix.shape}.")
    if names is not None and len(names) != len(matrix):
        raise ValueError(f"{path}: {len(names)} names for {len(matrix)} vectors.")
    with np.errstate(over="ignore", invalid="ignore"):  # NodeVectors refuses what comes of it
        kept = np.ascontiguousarray(matrix, dtype=np.float32)
    if options.mmap and kept.size and mapping_of(kept) is None:
        raise ValueError(
            f"{path}: only uncompressed float32 in C order can be mapped, and this file holds {matrix.dtype}; "
            "read it without mmap, and save it again."
        )
    return VectorTable(kept, names, settings)


def _seen(path: Path) -> str | None:
    """Format that the first bytes of a file give away."""
    with open_regular(path) as file:
        start = file.read(9)
    magic = {b"\x93NUMPY": "npy", b"PK\x03\x04": "npz", b"PK\x05\x06": "npz", b"PAR1": "parquet"}
    for begin, format in magic.items():  # noqa: A001
        if start.startswith(begin):
            return format
    return "safetensors" if start[8:] == b"{" and int.from_bytes(start[:8], "little") < 1 << 32 else None


def _layout(format: str) -> Any:  # noqa: A002
    module = "delimited" if format in _DELIMITERS else format.replace("-", "_")
    return import_module(f"graphrep.io.formats.{module}")


def checked_names(format: str, nodes: npt.NDArray[Any]) -> Names:  # noqa: A002
    """Names in the form that the format requires."""
    names = plain_names(nodes)
    layout = _layout(format)
    return layout.checked_names(names) if hasattr(layout, "checked_names") else names


def plain_names(nodes: npt.NDArray[Any]) -> Names:
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
