"""Edge lists: text files with one edge per line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

import numpy as np
import numpy.typing as npt

from graphrep._backend import choose
from graphrep._checks import checked_int, warn_caller
from graphrep._threads import resolve_threads
from graphrep.csr import index_dtype
from graphrep.io import _edgelist_cpu, _edgelist_reference
from graphrep.io._detect import Wish, detect, separator
from graphrep.io._lines import BadLineError, Format
from graphrep.io._text import read_bytes, released, source_name

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from graphrep.io._text import Bytes

__all__ = ["EdgeList", "read_edges"]

# Error texts for bad lines; {field} and {columns} describe the line, the rest what is expected.
FAULTS = {
    "columns": "the line has {columns} columns, but the first edge has {expected} (separated by {separator})",
    "empty_field": "a field is empty (columns are separated by {separator})",
    "quote_open": "the quote that begins a field is not closed; quotes=False takes quotes as parts of names",
    "quote_tail": "text follows the closing quote of a field; quotes=False takes quotes as parts of names",
    "nul_byte": "a name holds a NUL byte; is this UTF-16 or a binary file?",
    "integer_needed": "node {field} is not an integer, but with num_nodes the nodes must be 0 … {last}",
    "integer_range": "node id {field} does not fit into 64 bits",
    "id_outside": "node id {field} lies outside [0, {num_nodes})",
    "weight_text": "weight {field} is not a number",
    "weight_comma": "weight {field} may have a decimal comma or separate thousands; write it with a decimal point",
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
    sides : int8 array of shape (num_nodes,) or None
        With ``bipartite=True``, 0 for nodes of the source column, which come first, and 1 for those of the target
        column; a name may then occur on both sides.
    columns : pair of str
        Names of the columns of the end points in the header; without a header, source and target.
    edge_type : int32 array of shape (num_edges,) or None
        Type of each edge, as a position in ``edge_types``.
    edge_types : tuple of str or None
        Types as they are spelled, in order of first appearance.
    """

    source: npt.NDArray[np.integer[Any]]
    target: npt.NDArray[np.integer[Any]]
    weights: npt.NDArray[np.float32] | None
    nodes: npt.NDArray[Any]
    sides: npt.NDArray[np.int8] | None = None
    columns: tuple[str, str] = ("source", "target")
    edge_type: npt.NDArray[np.integer[Any]] | None = None
    edge_types: tuple[str, ...] | None = None


def read_edges(
    path: str | os.PathLike[str] | BinaryIO,
    *,
    source: str | int | None = None,
    target: str | int | None = None,
    weight: str | int | bool | None = None,
    delimiter: str | None = None,
    header: bool | None = None,
    comments: str | Sequence[str] | None = None,
    quotes: bool = True,
    bipartite: bool | None = None,
    num_nodes: int | None = None,
    edge_type: str | int | bool | None = None,
    n_jobs: int | None = None,
) -> EdgeList:
    r"""Read a text file with one edge per line: source, target, and possibly a weight, a type and other columns.

    The file is UTF-8, plain or compressed with gzip, bzip2, xz, zip (of one file) or zstd (which needs the ``io`` extra
    before Python 3.14). Blank lines are skipped. Blanks around a field are stripped. A field may stand in double quotes
    as in RFC 4180: it may then hold delimiters, line breaks and, doubled, quotes. Quotes elsewhere are literal.

    Parameters
    ----------
    path : str, path-like or file object
        ``"-"`` is standard input. A named pipe, or the command of ``<(command)``, is read to its end.
    source, target : str or int, optional
        Name, or position from 0, of the columns of the end points. Default: well-known names of a header (source and
        target, from_id and to_id, head and tail, … in any case), wherever they stand; else the first two columns that
        hold neither weights nor an unnamed index.
    weight : str, int or bool, optional
        Name or position of the column of weights; True takes the column called weight, or the third if there is no
        header; False ignores weights. Default: a column called weight. Weights may have a decimal comma.
    delimiter : str, optional
        One character between columns, or ``"::"``; ``" "`` stands for any run of spaces and tabs. Default: a tab,
        semicolon, comma, vertical bar or ``"::"`` that splits the first lines into equally many columns, else runs of
        blanks. With a delimiter other than blanks, names may contain spaces.
    header : bool, optional
        Whether the first line names the columns. Default: it does if it has well-known names, or words above numbers,
        or if a column is asked for by name. A warning is given if the first line is read as an edge, but looks like a
        header.
    comments : str or sequence of str, optional
        Lines that begin with one of these are skipped; () skips none. Default: # and %, with a warning if such a line
        looks like an edge.
    quotes : bool
        False takes double quotes as parts of names.
    bipartite : bool, optional
        True numbers the names of the two columns separately: source 1 and target 1 are then two nodes. Default: False,
        with a warning if the file says that its sides differ, yet the same ids occur on both.
    num_nodes : int, optional
        Take the names as row numbers, integers in [0, num_nodes).
    edge_type : str, int or bool, optional
        Name or position of the column with the types of the edges. True takes the column of the usual names, such as
        head, relation and tail, else the second; False none. Default: the one of the usual names, unless ``source`` and
        ``target`` are given. Without a header, a fourth column holds weights, unless ``weight=False``.
    n_jobs : int, optional
        Number of threads; the result does not depend on it.

    Returns
    -------
    EdgeList
        If every name is an integer, in quotes or not, ``nodes`` holds the distinct integers in ascending order (0 …
        num_nodes - 1 if ``num_nodes`` is given); a minus sign, a trailing ``.0`` and, with a warning, leading zeros
        are allowed. Otherwise all names are strings, in order of first appearance, the
        source of a line before its target. Edges of weight zero are kept.

    Warns
    -----
    UserWarning
        The delimiter or the header could be understood in another way, or a column is left out that may be meant.

    Raises
    ------
    FileNotFoundError, IsADirectoryError
        ``path`` does not exist or is a folder.
    OSError
        ``path`` is a device or a pipe that nobody writes to, or the file changes while it is read.
    ImportError
        The file is compressed with zstd and no library for zstd is installed.
    ValueError
        The file has no edges, is corrupt or of another format, unpacks to more than 200 times its size and 256 MiB
        (``GRAPHREP_MAX_EXPANSION`` sets another ratio), has no such columns, or has a bad line: a wrong number
        of columns, an empty end point or weight, a quote that is not closed, a weight that is not finite and
        non-negative, an integer outside int64, a node outside ``num_nodes``, text that is not UTF-8. The message names
        the file and the line.

    Notes
    -----
    Time O(size of the file); everything except decompression runs in parallel. Memory: the text, which is mapped rather
    than read if it is larger than a quarter of the free memory, the result, and the distinct names.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "friends.csv"
    >>> _ = path.write_text('id,from,to,since\n1,"Lovelace, Ada",Mary,1833\n2,Mary,Charles,1830\n')
    >>> edges = read_edges(path)
    >>> edges.nodes[edges.source].tolist(), edges.nodes[edges.target].tolist()
    (['Lovelace, Ada', 'Mary'], ['Mary', 'Charles'])
    >>> read_edges(path, source="to", target="from", weight="since").weights
    array([1833., 1830.], dtype=float32)
    """
    if bipartite not in (None, True, False):
        raise TypeError(f"bipartite must be True, False or None, got {bipartite!r}.")
    if num_nodes is not None and bipartite:
        raise ValueError("num_nodes numbers the nodes of both sides together; leave it out with bipartite=True.")
    resolve_threads(n_jobs)
    wish = checked_wish(
        source=source,
        target=target,
        weight=weight,
        delimiter=delimiter,
        header=header,
        comments=comments,
        quotes=quotes,
        num_nodes=num_nodes,
        edge_type=edge_type,
    )
    name, text = source_name(path), read_bytes(path)
    parse = choose("read_edges", {"native": _edgelist_cpu.parse_edges, "reference": _edgelist_reference.parse_edges})
    form = Format(wish.delimiter or b"")
    try:
        found = detect(name, text, wish)
        form = found.form
        ends, others, weights, ids, names, positions, padded = parse(text, found.begin, form, n_jobs=n_jobs)
        kinds, called = None, None
        if form.kind is not None:
            table = parse(text, found.begin, form.of_kinds(), n_jobs=n_jobs)
            kinds, called = table.source, tuple(_decoded(name, text, table.names, table.positions).tolist())
        if num_nodes is not None:
            nodes: npt.NDArray[Any] = np.arange(num_nodes, dtype=np.int64)
        else:
            nodes = _decoded(name, text, names, positions) if ids is None else ids
    except BadLineError as error:
        raise ValueError(sentence_of(name, error, form)) from None
    finally:
        released(text)
    if ids is not None:
        warn_of_zeros(name, padded)
    edges = EdgeList(ends, others, weights, nodes, columns=found.ends, edge_type=kinds, edge_types=called)
    if num_nodes is not None:
        return edges
    if bipartite:
        return _two_sides(edges)
    if found.sides and bipartite is None and _sides_overlap(edges):
        warn_caller(
            f"{name}: {found.sides}, but the same ids occur on both sides and are taken for the same nodes; give "
            "bipartite=True to tell them apart, or bipartite=False to confirm."
        )
    return edges


def checked_wish(
    *,
    source: Any = None,
    target: Any = None,
    weight: Any = None,
    delimiter: str | None = None,
    header: bool | None = None,
    comments: Any = None,
    quotes: bool = True,
    num_nodes: int | None = None,
    edge_type: Any = None,
) -> Wish:
    """What the caller asks for, as :func:`read_edges` takes it, checked."""
    if header not in (None, True, False):
        raise TypeError(f"header must be True, False or None, got {header!r}.")
    if quotes not in (True, False):
        raise TypeError(f"quotes must be True or False, got {quotes!r}.")
    for name, column in (("source", source), ("target", target), ("weight", weight)):
        if not isinstance(column, (str, int, type(None))) or (isinstance(column, bool) and name != "weight"):
            raise TypeError(f"{name} must be the name or the position of a column, got {column!r}.")
    if not isinstance(edge_type, (str, int, type(None))):
        raise TypeError(f"edge_type must be the name or the position of a column, True or False, got {edge_type!r}.")
    return Wish(
        _checked_delimiter(delimiter, quotes=quotes),
        _checked_comments(("#", "%") if comments is None else comments),
        comments is None,
        bool(quotes),
        header,
        source,
        target,
        weight,
        None if num_nodes is None else checked_int("num_nodes", num_nodes, 0),
        edge_type,
    )


def _two_sides(edges: EdgeList) -> EdgeList:
    """Number the two columns separately, sources first, each side in the order that its names have."""
    rows, names, first = [], [], 0
    for ends in (edges.source, edges.target):
        seen = np.zeros(len(edges.nodes), dtype=bool)
        seen[ends] = True
        rows.append((np.cumsum(seen) - 1 + first)[ends])
        names.append(edges.nodes[seen])
        first += len(names[-1])
    dtype = index_dtype(first)
    sides = np.repeat(np.array([0, 1], dtype=np.int8), [len(side) for side in names])
    source, target = (side.astype(dtype) for side in rows)
    return edges._replace(source=source, target=target, nodes=np.concatenate(names), sides=sides)


def _sides_overlap(edges: EdgeList) -> bool:
    seen = np.zeros(len(edges.nodes), dtype=bool)
    seen[edges.source] = True
    return bool(seen[edges.target].any())


def _decoded(name: str, text: Bytes, names: bytes, positions: npt.NDArray[np.int64]) -> npt.NDArray[np.object_]:
    """Names as strings; their positions identify the line of an invalid one."""
    try:
        decoded = names.decode("utf-8")
    except UnicodeDecodeError as error:
        line = text[: positions[names.count(b"\0", 0, error.start)]].count(b"\n") + 1
        raise ValueError(f"{name}, line {line}: a name is not valid UTF-8.") from None
    return np.array(decoded.split("\0")[:-1], dtype=object)


def warn_of_zeros(name: str, padded: bytes | None) -> None:
    """Say that names have been read as integers which are spelled otherwise, such as this one."""
    if padded is not None:
        warn_caller(
            f"{name}: names such as {padded.decode()} are read as integers, without leading zeros; to keep them as "
            "text, give pandas.read_csv(path, dtype=str), or a Parquet file with columns of strings."
        )


def sentence_of(name: str, error: BadLineError, form: Format) -> str:
    field = error.field.decode("utf-8", errors="replace")
    twice = form.delimiter == b":" and form.columns > 2  # "::"
    text = FAULTS[error.fault].format(
        field=repr(field if len(field) <= 40 else field[:40] + "…"),
        columns=error.columns // 2 + 1 if twice else error.columns,
        expected=form.columns // 2 + 1 if twice else form.columns,
        separator=separator(b"::" if twice else form.delimiter),
        num_nodes=form.num_nodes,
        last=(form.num_nodes or 0) - 1,
    )
    return f"{name}, line {error.line}: {text}."


def _checked_delimiter(delimiter: Any, *, quotes: bool) -> bytes | None:
    if delimiter is None or delimiter == " ":
        return None if delimiter is None else b""
    if delimiter == "::":
        return b"::"
    if not isinstance(delimiter, str) or len(delimiter) != 1 or not delimiter.isascii() or delimiter in "\r\n\0":
        raise ValueError(f"delimiter must be one ASCII character, '::' or None, got {delimiter!r}.")
    if delimiter.isalnum() or delimiter in "+-." or (quotes and delimiter == '"'):
        raise ValueError(f"delimiter must not be part of a number or a name, got {delimiter!r}.")
    return delimiter.encode()


def _checked_comments(comments: Any) -> tuple[bytes, ...]:
    marks = (comments,) if isinstance(comments, str) else tuple(comments or ())
    for mark in marks:
        if not isinstance(mark, str) or not mark or mark[0].isspace() or mark[0].isdigit() or mark[0] == '"':
            raise ValueError(f"comments must be strings that begin with no blank, digit or quote, got {mark!r}.")
    return tuple(mark.encode() for mark in marks)
