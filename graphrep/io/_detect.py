"""What the first lines of an edge list tell about it: whether it is one, its delimiter, header and columns."""

from __future__ import annotations

import contextlib
import itertools
import re
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from graphrep._checks import warn_caller
from graphrep.io._lines import BadLineError, Format, Line, data_lines, is_integer
from graphrep.io.columns import find_columns, is_weight_name, known_ends, sides_differ, usual_kind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from graphrep.io._text import Bytes

_SAMPLE = 1000  # lines that decide about the header
_FEW = 30  # lines that decide about the delimiter, and about the header if the first one has numbers

_IN_LIBRARIES = "read it with the library that owns the format and pass the graph to graphrep.as_graph"
_AS_GRAPH = "use graphrep.as_graph(path)"
# Other formats: beginning of the file, what it is, what to do instead. Patterns see the first 4096 bytes.
_FOREIGN = tuple(
    (re.compile(pattern, re.IGNORECASE | re.DOTALL), what, way)
    for pattern, what, way in (
        (rb"%%MatrixMarket", "a Matrix Market file", "read it with scipy.io.mmread and pass the matrix to as_graph"),
        (rb"\s*<[?!a-z].*<graphml", "GraphML", _AS_GRAPH),
        (rb"\s*<graphml", "GraphML", _AS_GRAPH),
        (rb"\s*<[?!a-z].*<gexf", "GEXF", _AS_GRAPH),
        (rb"\s*<gexf", "GEXF", _AS_GRAPH),
        (rb"\s*<(!doctype\s+)?html", "an HTML page", "the server sent a page instead of the file"),
        (rb"\s*<\?xml", "XML", _IN_LIBRARIES),
        (rb"(\s*#[^\n]*\n|\s*creator[^\n]*\n|\s*version[^\n]*\n|\s*comment[^\n]*\n)*\s*graph\s*\[", "GML", _AS_GRAPH),
        (rb"(\s*%[^\n]*\n)*\s*\*(vertices|network)\b", "Pajek", _AS_GRAPH),
        (rb"(\s*//[^\n]*\n)*\s*(strict\s+)?(di)?graph(\s+[^\s{]+)?\s*\{", "a DOT file of Graphviz", _IN_LIBRARIES),
        (rb'\s*(\{\s*"|\[\s*[\[{"0-9]|\{\s*\}\s*$)', "JSON", _AS_GRAPH),
        (rb"PAR1", "a Parquet file", _AS_GRAPH),
        (rb"(ARROW1|FEA1)", "an Arrow or Feather file", _AS_GRAPH),
        (rb"\x93NUMPY", "a NumPy file", "load it with numpy.load and pass the array to as_graph"),
        (rb"\x80[\x02-\x05]", "a pickle, which may run code", "if you trust it, load it and pass it to as_graph"),
        (rb"\x89HDF", "an HDF5 file", "read the table with its library and pass it to as_graph"),
        (rb"SQLite format 3", "an SQLite database", "query it with pandas.read_sql and pass the frame to as_graph"),
        (rb"MATLAB 5", "a MATLAB file", "read it with scipy.io.loadmat and pass the matrix to as_graph"),
        (
            rb'"?_id"?,"?_labels"?,[^\n]*"?_start"?,"?_end"?,"?_type"?',
            "an export of nodes and relationships in one table by APOC",
            "read it with pandas and pass frame.dropna(subset=['_start', '_end']) to as_graph",
        ),
        (rb".{8}[^\n]*graphrep graph ", "a graph that graphrep saved", "give graphrep.open_graph(path)"),
        (rb".{257}ustar", "a tar archive", "unpack it and give the file inside"),
    )
)  # fmt: skip

# Two words of this kind in the first line are the names of columns, not of nodes.
_IDENTIFIER = re.compile(
    r".*[ _.-](id|ids|name|key|code|number|no|nr|node|from|to|src|dst|source|target|a|b|1|2|x|y)"
    r"|(id|name|source|target|from|to|src|dst)[ _.-].*|.*[a-z](Id|ID|Name|Key|Node)|id|name",
)
_KONECT = re.compile(rb"%\s?(sym|asym|bip)\s+\w+")


@dataclass(frozen=True)
class Wish:
    """What the caller of ``read_edges`` asks for; None leaves it to the file."""

    delimiter: bytes | None = None
    comments: tuple[bytes, ...] = (b"#", b"%")
    usual_comments: bool = True
    quotes: bool = True
    header: bool | None = None
    source: Any = None
    target: Any = None
    weight: Any = None
    num_nodes: int | None = None
    kind: Any = None  # as edge_type of find_columns


@dataclass(frozen=True)
class Found:
    """Position of the first edge, the format, and the names of the columns, those of the end points once more.

    ``sides`` says why source and target may be numbered separately.
    """

    begin: int
    form: Format
    names: list[str] | None
    ends: tuple[str, str]
    sides: str | None


def detect(name: str, text: Bytes, wish: Wish) -> Found:
    """Format of an edge list, from its first lines and the wish.

    Raises
    ------
    ValueError
        The file holds something else, no edges, or no such columns.
    BadLineError
        One of the first lines has a bad quote.
    """
    start = 3 if text[:3] == b"\xef\xbb\xbf" else 0
    _refuse_foreign(name, text, start)
    first_line = next(data_lines(text, start, b"\n", wish.comments, quotes=False), None)
    if first_line is None:
        comments = (
            f": all lines begin with {' or '.join(mark.decode() for mark in wish.comments)}" if wish.comments else ""
        )
        raise ValueError(f"{name} holds no edges{comments if text[start:].strip() else ''}.")
    _refuse_lines(name, text, start, wish.comments)
    delimiter = _delimiter(name, text, start, wish) if wish.delimiter is None else wish.delimiter
    rows, fault = _sample(text, start, delimiter, wish, _FEW)
    if wish.header is None and len(rows) == _FEW and not any(map(is_number, rows[0].fields)):
        rows, fault = _sample(text, start, delimiter, wish, _SAMPLE + 1)
    if fault and not rows:
        raise fault
    fields = [row.fields for row in rows]
    if wish.delimiter is None and len(fields) > 1 and len(fields[0]) < 2 <= len(fields[1]):
        words = fields[0][0].split()  # "from to" above lines with tabs
        fields[0] = words if len(words) == len(fields[1]) else fields[0]
    shift = _has_row_names(fields, wish)
    header = shift or (_has_header(name, fields, wish) if wish.header is None else wish.header)
    names = None
    if header:
        names = [""] * shift + [field.decode("utf-8", errors="replace").strip() for field in fields[0]]
        del rows[0], fields[0]
    if not rows:
        raise ValueError(f"{name} holds no edges.")
    if wish.usual_comments:
        _warn_of_comments(name, text, rows, delimiter, wish)
    columns = len(fields[0])
    if columns < 2:
        raise ValueError(
            f"{name}, line {rows[0].number}: an edge needs 2 columns, or 3 with a weight, but there are {columns} "
            f"(separated by {separator(delimiter)})."
        )
    if names is not None and len(names) != columns:
        raise ValueError(
            f"{name}, line {rows[0].number}: the line has {columns} columns, but the header has {len(names)} "
            f"(separated by {separator(delimiter)})."
        )
    if names is None and wish.weight is True and columns == 2:
        raise ValueError(f"{name}, line {rows[0].number}: weight=True, but there is no third column.")
    weight = wish.weight
    if names is None and wish.kind is not None and wish.kind is not False:
        if columns < 3:
            raise ValueError(f"{name}: triples need three columns, head, relation and tail; got {columns}.")
        if columns > 4 and weight is None:
            raise ValueError(
                f"{name} has {columns} columns without names; give weight= the position of weights, or weight=False."
            )
        if columns == 4 and weight is None and wish.source is None:
            weight = 2 if wish.kind == 3 else 3
    found = find_columns(
        columns if names is None else names,
        source=wish.source,
        target=wish.target,
        weight=weight,
        edge_type=wish.kind,
        what=name,
        numbers=any(len(row) > 2 and is_number(row[2]) for row in fields),
    )
    if wish.source is None:
        for column in found[:2]:
            values = [row[column] for row in fields if len(row) == columns]
            if all(map(is_number, values)) and not all(map(is_integer, values)):
                warn_caller(
                    f"{name}: the nodes in column {column if names is None else names[column]!r} are numbers with "
                    "decimals and are read as names; give source= and target= to choose other columns, or to confirm."
                )
    if names is None and wish.source is None and wish.weight is None and columns > 2 and _counts(fields):
        warn_caller(
            f"{name}: the first column counts the lines, but is read as the sources; give source=1 and target=2 if it "
            "only numbers the edges, or source=0 and target=1 to confirm."
        )
    form = Format(delimiter, columns, *found[:3], wish.quotes, wish.comments, wish.num_nodes, kind=found.kind)
    if delimiter == b"::":  # single colons, with an empty column between two
        weight, kind = (None if place is None else 2 * place for place in found[2:])
        one, other = 2 * found.source, 2 * found.target
        form = replace(
            form, delimiter=b":", columns=2 * columns - 1, source=one, target=other, weight=weight, kind=kind
        )
    called = ("source", "target")
    if names is not None and names[found.source] != names[found.target]:
        called = names[found.source], names[found.target]
    sides = _separate_sides(text, start, names, found.source, found.target)
    return Found(rows[0].start, form, names, called, sides)


def separator(delimiter: bytes) -> str:
    """How messages call a delimiter."""
    return {b"": "blanks", b"\t": "tabs", b",": "commas"}.get(delimiter, repr(delimiter.decode()))


def _refuse_foreign(name: str, text: Bytes, start: int) -> None:
    head = text[:4096]
    if head.startswith((b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff")):
        raise ValueError(f"{name} is UTF-16 or UTF-32 text; convert it to UTF-8.")
    for pattern, what, way in _FOREIGN:
        if pattern.match(head, start):
            if name == "standard input" and way == _AS_GRAPH:
                way = "save it to a file and give its path"
            raise ValueError(f"{name} is {what}; {way}.")


def _refuse_lines(name: str, text: Bytes, start: int, comments: tuple[bytes, ...]) -> None:
    """Refuse a file by its first two lines."""
    for line in itertools.islice(data_lines(text, start, b"\n", comments, quotes=False), 2):
        content = line.fields[0]
        if b"\0" in content:
            raise ValueError(f"{name}, line {line.number}: there are NUL bytes; is this UTF-16 or a binary file?")
        if re.search(rb"[ \t,;]\{('[^\n]*)?\}$", content):
            raise ValueError(
                f"{name}, line {line.number}: the line ends with attributes, as networkx.write_edgelist writes them; "
                "read the file with networkx.read_edgelist and pass the graph to as_graph, or write it with "
                "data=False or data=['weight']."
            )


def _delimiter(name: str, text: Bytes, start: int, wish: Wish) -> bytes:
    """The delimiter that splits the first lines into equally many columns.

    A tab precedes a semicolon, which precedes a comma (there may be decimal commas), which precedes a vertical bar;
    blanks come last.
    """

    def columns(lines: list[Line]) -> int:
        """Number of columns if all lines, apart from a header, have equally many; else 0."""
        counts = {len(line.fields) for line in lines[1:] or lines}
        return max(counts) if len(counts) == 1 and max(counts) > 1 else 0

    head = text[start : start + 10_000]
    sampled = {
        d: _sample(text, start, d, wish, _FEW) if d in head else ([], None)
        for d in (b"", b"\t", b";", b",", b"|", b"::")
    }
    by = {d: [] if fault else lines for d, (lines, fault) in sampled.items()}
    if all(len(lines[-1].fields) < 2 for lines in by.values() if lines):
        by = {d: lines for d, (lines, _) in sampled.items()}  # one of the first lines has a bad quote in any case
    edges = {d: lines[1 if len(lines) > 1 else 0].fields if lines else [] for d, lines in by.items()}
    blanks, tab = by[b""], edges[b"\t"]
    if len(tab) > 1 and b" " in tab[0] and all(map(is_number, tab[0].split())):
        return b""  # "1 2", tab, further columns
    if len(tab) > 1 and all(tab[:2]):
        return b"\t"
    if len(tab) > 1 and len(by[b"\t"][0].fields) == columns(by[b"\t"]) and all(by[b"\t"][0].fields):
        return b"\t"
    if len(tab) < 2:
        if columns(by[b";"]) and len(by[b";"][0].fields) > 1:
            return b";"
        if len(edges[b","]) > 1:
            return b"" if columns(blanks) > 2 and _only_decimal_commas(blanks) else b","
    for delimiter in (b"|", b"::"):
        count, others = columns(by[delimiter]), columns(blanks)
        if count and (delimiter == b"|" or not others) and not any(b"" in line.fields[:2] for line in by[delimiter]):
            if others < 2:
                return delimiter
            chosen = b"" if others < count else delimiter
            warn_caller(
                f"{name} could be separated by blanks or by {separator(delimiter)}, and is read as separated by "
                f"{separator(chosen)}; give delimiter=' ' or {separator(delimiter)}."
            )
            return chosen
    if blanks and len(blanks[-1].fields) < 2 and len(edges[b";"]) > 1:
        return b";"
    return b""


def _only_decimal_commas(lines: list[Line]) -> bool:
    """Whether commas occur in numbers only, and in some line."""
    fields = [field for line in lines for field in line.fields if b"," in field]
    return bool(fields) and all(re.fullmatch(rb"[+-]?\d+,\d+", field) for field in fields)


def _sample(text: Bytes, start: int, delimiter: bytes, wish: Wish, size: int) -> tuple[list[Line], BadLineError | None]:
    """The first lines, as far as their quotes are sound, and what is wrong with the next."""
    lines: list[Line] = []
    try:
        for line in itertools.islice(data_lines(text, start, delimiter, wish.comments, quotes=wish.quotes), size):
            lines.append(line)
    except BadLineError as error:
        return lines, error
    return lines, None


def is_number(field: bytes) -> bool:
    """Whether a field is a decimal number."""
    return bool(re.fullmatch(rb"[+-]?(\d+[.,]?\d*|[.,]\d+)([eE][+-]?\d+)?|nan|inf|NA", field))


def _has_row_names(fields: Sequence[list[bytes]], wish: Wish) -> bool:
    """Whether the header lacks the name of a first column that numbers the rows, as in tables of R."""
    if wish.header is False or len(fields) < 2 or len(fields[1]) != len(fields[0]) + 1 or len(fields[0]) < 2:
        return False
    if any(len(row) != len(fields[1]) for row in fields[1:]):
        return False
    return bool(wish.header) or _counts(fields[1:], least=1) or bool(known_ends(_words(fields[0])))


def _counts(fields: Sequence[list[bytes]], least: int = 10) -> bool:
    """Whether the first column counts the lines, from 0 or 1."""
    numbers = [row[0] for row in fields]
    return len(numbers) >= least and any(
        numbers == [str(i).encode() for i in range(first, first + len(numbers))] for first in (0, 1)
    )


def _words(fields: list[bytes]) -> list[str]:
    return [field.decode("utf-8", errors="replace").strip() for field in fields]


def _has_header(name: str, fields: list[list[bytes]], wish: Wish) -> bool:
    """Whether the first line names the columns; warns where that is likely, but not certain."""
    first, body = fields[0], [row for row in fields[1:] if len(row) == len(fields[0])]
    if any(isinstance(column, str) for column in (wish.source, wish.target, wish.weight, wish.kind)):
        return True
    if len(first) < 2:
        return False
    words = _words(first)
    if wish.kind is not False and usual_kind(words) is not None:
        return True
    strong = known_ends(words, weak=False)
    if not body:
        return bool(strong) and len(fields) == 1
    if any(not word and all(row[i] for row in body) for i, word in enumerate(words)):
        return True  # the index of a table has no name
    numeric = [i for i, word in enumerate(first) if not is_number(word) and _all_numbers(body, i)]
    if strong and (numeric or any(map(is_weight_name, words))):
        return True
    ends = (strong or known_ends(words) or [(0, 1)])[0]
    seen = Counter(row[i] for row in body for i in ends)
    recurs = any(first[i] in seen for i in ends)
    alike = all(_shape(first[i]) in {_shape(row[i]) for row in body[:50]} - {None} for i in ends)
    if strong:
        if recurs and not alike:
            _warn_of_first_line(name, words, ends)
        return not recurs and not alike
    if any(map(is_number, first)):
        return False
    if len([i for i in numeric if i in ends or is_weight_name(words[i])]) > 1 or (
        numeric and len(body) > 1 and not recurs
    ):
        return True
    if recurs:
        return False
    if known_ends(words) and all(words[i].isalnum() for i in ends):
        return not any(len(row[i]) == 1 for row in body for i in ends)
    if all(_IDENTIFIER.fullmatch(words[i]) for i in ends):
        likely = sum(bool(_IDENTIFIER.fullmatch(word)) for row in body for word in _words([row[ends[0]], row[ends[1]]]))
        likely = likely < 0.1 * len(body)
    else:
        lonely = sum(seen[row[ends[0]]] == seen[row[ends[1]]] == 1 for row in body)
        likely = (
            len(body) >= 200
            and lonely <= len(body) / 200
            and all(re.fullmatch(rb"[A-Za-z _.-]+", first[i]) for i in ends)
        )
    if likely:
        _warn_of_first_line(name, words, ends)
    return False


def _warn_of_comments(name: str, text: Bytes, rows: list[Line], delimiter: bytes, wish: Wish) -> None:
    """Warn if lines that are skipped look like edges between names such as #tag."""
    if not re.search(rb"\n[ \t]*[#%][^\W_]", text[rows[0].start : rows[0].start + 50_000]):
        return
    lines = data_lines(text, rows[0].start, delimiter, (), quotes=wish.quotes)
    with contextlib.suppress(BadLineError):
        for line in itertools.islice(lines, _SAMPLE):
            first = text[line.start : line.positions[0]].lstrip() + line.fields[0]  # with its quote, if there is one
            if len(line.fields) == len(rows[0].fields) and first.startswith(wish.comments) and first[1:2].isalnum():
                warn_caller(
                    f"{name}: line {line.number} is skipped as a comment, since it begins with {first[:1].decode()!r}; "
                    "give comments=() (--comments '') if names begin so, or comments= these marks to confirm."
                )
                return


def _all_numbers(body: list[list[bytes]], column: int) -> bool:
    values = [row[column] for row in body if row[column]]
    return bool(values) and all(map(is_number, values))


def _shape(field: bytes) -> bytes | None:
    """``node1`` and ``node2`` have the same shape; a word without digits has none."""
    return re.sub(rb"\d+", b"0", field.lower()) if re.search(rb"\d", field) else None


def _warn_of_first_line(name: str, words: list[str], ends: tuple[int, int]) -> None:
    warn_caller(
        f"{name}: the first line, with {words[ends[0]]!r} and {words[ends[1]]!r}, is read as an edge; give header=True "
        "(--header) if it names the columns, or header=False (--no-header) if it does not."
    )


def _separate_sides(text: Bytes, start: int, names: list[str] | None, source: int, target: int) -> str | None:
    """Why the ids of the two columns may denote different things, if there is a sign of it."""
    if names is not None:
        spaces = [re.search(r":(?:START|END)_ID\((.+)\)", names[i]) for i in (source, target)]
        if spaces[0] and spaces[1] and spaces[0][1] != spaces[1][1]:
            return f"its columns hold ids of {spaces[0][1]} and of {spaces[1][1]}"
        if sides_differ(names[source], names[target]):
            return f"its columns are {names[source]!r} and {names[target]!r}"
        return None
    found = _KONECT.match(text[start : start + 100])
    return "KONECT marks it as bipartite (bip)" if found and found[1] == b"bip" else None
