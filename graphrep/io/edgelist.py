"""Edge lists: text files with one edge per line."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from graphrep._backend import choose
from graphrep._checks import checked_int
from graphrep._threads import resolve_threads
from graphrep.io import _edgelist_cpu, _edgelist_reference
from graphrep.io._lines import BadLineError, Format, data_lines, detect_delimiter, is_header
from graphrep.io._text import read_bytes

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from graphrep.io._text import Bytes

__all__ = ["EdgeList", "read_edges"]

# Error texts for bad lines; {field} and {columns} describe the line, the rest what is expected.
FAULTS = {
    "columns": "the line has {columns} columns, but the first edge has {expected} (separated by {separator})",
    "empty_field": "a field is empty (columns are separated by {separator})",
    "integer_needed": "node {field} is not an integer, but with num_nodes the nodes must be 0 … {last}",
    "integer_range": "node id {field} does not fit into 64 bits",
    "id_outside": "node id {field} lies outside [0, {num_nodes})",
    "weight_text": "weight {field} is not a number",
    "weight_value": "weight {field} must be finite as float32 and not negative",
}


class EdgeList(NamedTuple):
    """Edges as row numbers, and the names of the rows.

    Attributes
    ----------
    source, target : int32 array of shape (num_edges,), or int64 from 2**31 nodes on
        Row numbers.
    weights : float32 array of shape (num_edges,) or None
    nodes : int64 array of shape (num_nodes,), or object for strings
        Names of the rows.
    """

    source: npt.NDArray[np.integer[Any]]
    target: npt.NDArray[np.integer[Any]]
    weights: npt.NDArray[np.float32] | None
    nodes: npt.NDArray[Any]


def read_edges(
    path: str | os.PathLike[str],
    *,
    delimiter: str | None = None,
    comments: str | Sequence[str] = ("#", "%"),
    header: bool | None = None,
    weighted: bool | None = None,
    num_nodes: int | None = None,
    n_jobs: int | None = None,
) -> EdgeList:
    r"""Read a text file with one edge per line: source, target and optionally a weight.

    The file is UTF-8, plain or compressed with gzip or zstd (which needs the ``io`` extra before Python 3.14). Blank
    lines are skipped. Blanks around a field are stripped; quotes have no special meaning.

    Parameters
    ----------
    path : str or path-like
    delimiter : str, optional
        One character between columns; ``" "`` stands for any run of spaces and tabs. Default: what the first edge
        contains, a tab, else a comma, else runs of blanks. With a tab or a comma, names may contain spaces.
    comments : str or sequence of str
        Lines that begin with one of these are skipped; () skips none.
    header : bool, optional
        Whether the first line is a header. Default: it is if its first two fields are well-known (source and target,
        src and dst, from and to, node1 and node2, u and v, … in any case), or if neither is an integer while those of
        the next line are.
    weighted : bool, optional
        True requires a third column, False ignores it. Default: a third column, if there is one, holds the weights.
    num_nodes : int, optional
        Take the names as row numbers, integers in [0, num_nodes).
    n_jobs : int, optional
        Number of threads; the result does not depend on it.

    Returns
    -------
    EdgeList
        If every name is an integer, ``nodes`` holds the distinct integers in ascending order (0 … num_nodes - 1 if
        ``num_nodes`` is given); a minus sign and leading zeros are allowed. Otherwise all names are strings, in order
        of first appearance, the source of a line before its target. Edges of weight zero are kept.

    Raises
    ------
    FileNotFoundError, IsADirectoryError
        ``path`` does not exist or is a folder.
    ImportError
        The file is compressed with zstd and no library for zstd is installed.
    ValueError
        The file has no edges, is corrupt, or has a bad line: a wrong number of columns, an empty field, a weight that
        is not finite and non-negative, an integer outside int64, a node outside ``num_nodes``, text that is not UTF-8.
        The message names the file and the line.

    Notes
    -----
    Time O(size of the file); everything except decompression runs in parallel. Memory: the result and the distinct
    names.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "friends.csv"
    >>> _ = path.write_text("from,to\nAda Lovelace,Mary\nMary,Charles\n")
    >>> edges = read_edges(path)
    >>> edges.nodes[edges.source].tolist(), edges.nodes[edges.target].tolist()
    (['Ada Lovelace', 'Mary'], ['Mary', 'Charles'])
    """
    given = _checked_delimiter(delimiter)
    marks = _checked_comments(comments)
    for name, flag in (("header", header), ("weighted", weighted)):
        if flag not in (None, True, False):
            raise TypeError(f"{name} must be True, False or None, got {flag!r}.")
    if num_nodes is not None:
        num_nodes = checked_int("num_nodes", num_nodes, 0)
    resolve_threads(n_jobs)

    path = Path(path)
    text = read_bytes(path)
    begin, form = _first_edge(path, text, given, marks, header, weighted, num_nodes)
    parse = choose("read_edges", {"native": _edgelist_cpu.parse_edges, "reference": _edgelist_reference.parse_edges})
    try:
        source, target, weights, ids, names, positions = parse(text, begin, form, n_jobs=n_jobs)
    except BadLineError as error:
        raise ValueError(_sentence(path, error, form)) from None
    if num_nodes is not None:
        return EdgeList(source, target, weights, np.arange(num_nodes, dtype=np.int64))
    return EdgeList(source, target, weights, _decoded(path, text, names, positions) if ids is None else ids)


def _first_edge(
    path: Path,
    text: Bytes,
    delimiter: bytes | None,
    comments: tuple[bytes, ...],
    header: bool | None,  # noqa: FBT001
    weighted: bool | None,  # noqa: FBT001
    num_nodes: int | None,
) -> tuple[int, Format]:
    """Position of the first edge, and the format detected from it."""
    start = text[:4]
    if start.startswith((b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff")):
        raise ValueError(f"{path} is UTF-16 or UTF-32 text; convert it to UTF-8.")
    if text[:14] == b"%%MatrixMarket":
        raise ValueError(
            f"{path} is a Matrix Market file; read it with scipy.io.mmread and pass the matrix to as_graph."
        )
    lines = list(itertools.islice(data_lines(text, 3 if start.startswith(b"\xef\xbb\xbf") else 0, comments), 2))
    for line in lines:
        if b"\0" in line.text:
            raise ValueError(f"{path}, line {line.number}: there are NUL bytes; is this UTF-16 or a binary file?")
    split = [line.fields(detect_delimiter(line) if delimiter is None else delimiter) for line in lines]
    if header or (header is None and lines and is_header(split[0], split[-1])):
        del lines[0], split[0]
    if not lines:
        raise ValueError(f"{path} holds no edges.")
    edge, columns = lines[0], len(split[0])
    delimiter = detect_delimiter(edge) if delimiter is None else delimiter
    if columns not in (2, 3):
        raise ValueError(
            f"{path}, line {edge.number}: an edge needs 2 columns, or 3 with a weight, but there are {columns} "
            f"(separated by {_separator(delimiter)})."
        )
    if weighted and columns == 2:
        raise ValueError(f"{path}, line {edge.number}: weighted=True, but there is no third column.")
    return edge.start, Format(delimiter, columns, columns == 3 and weighted is not False, comments, num_nodes)


def _decoded(path: Path, text: Bytes, names: bytes, positions: npt.NDArray[np.int64]) -> npt.NDArray[np.object_]:
    """Names as strings; their positions identify the line of an invalid one."""
    try:
        decoded, bad = names.decode("utf-8"), names.find(b"\0")
    except UnicodeDecodeError as error:
        decoded, bad = "", error.start
    if bad >= 0:
        line = text[: positions[names.count(b"\n", 0, bad)]].count(b"\n") + 1
        what = (
            "a name is not valid UTF-8" if not decoded else "a name holds a NUL byte; is this UTF-16 or a binary file?"
        )
        raise ValueError(f"{path}, line {line}: {what}.")
    return np.array(decoded.split("\n")[:-1], dtype=object)


def _sentence(path: Path, error: BadLineError, form: Format) -> str:
    field = error.field.decode("utf-8", errors="replace")
    text = FAULTS[error.fault].format(
        field=repr(field if len(field) <= 40 else field[:40] + "…"),
        columns=error.columns,
        expected=form.columns,
        separator=_separator(form.delimiter),
        num_nodes=form.num_nodes,
        last=(form.num_nodes or 0) - 1,
    )
    return f"{path}, line {error.line}: {text}."


def _separator(delimiter: bytes) -> str:
    return {b"": "blanks", b"\t": "tabs", b",": "commas"}.get(delimiter, repr(delimiter.decode()))


def _checked_delimiter(delimiter: Any) -> bytes | None:
    if delimiter is None or delimiter == " ":
        return None if delimiter is None else b""
    if not isinstance(delimiter, str) or len(delimiter) != 1 or not delimiter.isascii() or delimiter in "\r\n\0":
        raise ValueError(f"delimiter must be one ASCII character or None, got {delimiter!r}.")
    if delimiter.isalnum() or delimiter in "+-.":
        raise ValueError(f"delimiter must not be part of a number or a name, got {delimiter!r}.")
    return delimiter.encode()


def _checked_comments(comments: Any) -> tuple[bytes, ...]:
    marks = (comments,) if isinstance(comments, str) else tuple(comments or ())
    for mark in marks:
        if not isinstance(mark, str) or not mark or mark[0].isspace() or mark[0].isdigit():
            raise ValueError(f"comments must be strings that begin with neither a blank nor a digit, got {mark!r}.")
    return tuple(mark.encode() for mark in marks)
