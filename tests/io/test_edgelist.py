from __future__ import annotations

import bz2
import gzip
import lzma
import os
import sys
import threading
import zipfile

import numpy as np
import pytest
import zstandard
from hypothesis import example, given, settings
from hypothesis import strategies as st

import graphrep as gr
from graphrep.io import EdgeList, _edgelist_cpu, _edgelist_reference, read_edges
from graphrep.io._lines import BadLineError, Format

THREADS = (1, 2, 5)


@pytest.fixture
def write(tmp_path):
    def write(content, name="edges.txt"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


@pytest.fixture(params=["native", "reference"])
def backend(request, monkeypatch):
    monkeypatch.setenv("GRAPHREP_BACKEND", request.param)
    return request.param


def pairs(edges: EdgeList):
    """Edges as pairs of names."""
    return list(zip(edges.nodes[edges.source].tolist(), edges.nodes[edges.target].tolist(), strict=True))


def outcome(parse, text, form, begin=0, **options):
    """All that a parser says, comparable with ==; positions of names become their lines."""
    try:
        table = parse(text, begin, form, **options)
    except BadLineError as error:
        return error.args
    source, target, weights, ids, names, positions = table
    return (
        (source.dtype, source.tolist(), target.dtype, target.tolist()),
        None if weights is None else (weights.dtype, weights.tobytes()),
        None if ids is None else (ids.dtype, ids.tolist()),
        names,
        np.searchsorted(np.flatnonzero(np.frombuffer(text, np.uint8) == ord("\n")), positions).tolist(),
    )


def assert_parsers_agree(text, form, begin=0, cuts=((1, 0), (1, 1), (2, 7), (2, 64), (5, 1))):
    """The native parser says what the reference says, for each (threads, chunk size)."""
    expected = outcome(_edgelist_reference.parse_edges, text, form, begin)
    for n_jobs, chunk_bytes in cuts:
        got = outcome(_edgelist_cpu.parse_edges, text, form, begin, n_jobs=n_jobs, chunk_bytes=chunk_bytes)
        assert got == expected, (n_jobs, chunk_bytes)
    return expected


# What a field may be: ids of all sizes, names, numbers that are weights and ones that are not.
small_ids = st.integers(0, 40).map(str)
any_ids = st.one_of(
    small_ids,
    st.integers(-(2**63), 2**63 - 1).map(str),
    st.sampled_from(["007", "-0", "12345678", "123456789", "999999999999999999", "2147483647", "2147483648", "-5"]),
)
names = st.text(st.sampled_from("ab é日.-+1"), min_size=1, max_size=12).map(str.strip).filter(bool)
numbers = st.one_of(
    st.floats(0, 1e6, width=32).map(repr),
    st.sampled_from(["1", "0", "-0.0", "+2.5", ".5", "3.", "1e-300", "1e-50", "3.4e38", "1E2", "0.1", "16777217"]),
)
odd = st.sampled_from(
    [
        "",
        "x",
        "-",
        "+1",
        "1_0",
        "0x1",
        "nan",
        "inf",
        "-inf",
        "1e39",
        "1e400",
        "1e-400",
        "-1",
        "+-1",
        "1e",
        "9" * 19,
        "9" * 30,
    ]
)


def lines_of(fields, columns, separator):
    junk = st.sampled_from(["", "  ", "\t", "# note", " % note", "#"])
    gaps = st.just(separator) if separator else st.sampled_from([" ", "\t", "  ", " \t "])
    row = st.tuples(*fields[:columns], gaps, gaps).map(lambda r: r[0] + r[-1] + (r[-2].join(r[1:-2])))
    return st.lists(st.one_of(row, row, row, junk), max_size=12)


@st.composite
def files(draw):
    """Text of a file, mostly sound, and the format to read it with."""
    columns = draw(st.sampled_from([2, 3]))
    separator = draw(st.sampled_from(["\t", ",", "", ";"]))
    name = {0: small_ids, 1: any_ids, 2: st.one_of(small_ids, names) if separator else small_ids}[
        draw(st.integers(0, 2))
    ]
    name = draw(st.sampled_from([name, name, st.one_of(name, odd)]))
    weight = draw(st.sampled_from([numbers, numbers, st.one_of(numbers, odd)]))
    lines = draw(lines_of([name, name, weight], columns, separator))
    if draw(st.integers(0, 5)) == 0:
        lines.insert(draw(st.integers(0, len(lines))), draw(st.sampled_from(["1", "1,2,3,4", "a b c d", "1\t2\t3\t4"])))
    ends = st.sampled_from(["\n", "\r\n"])
    text = "".join(line + draw(ends) for line in lines)
    if draw(st.booleans()):
        text = text.rstrip("\r\n")
    elif draw(st.booleans()):
        text += "\n" * 64  # so that the quick path, which looks ahead, sees every line
    form = Format(
        separator.encode(),
        columns,
        weight=2 if columns == 3 and draw(st.booleans()) else None,
        num_nodes=draw(st.sampled_from([None, None, None, 41, 5, 2**31])),
    )
    return text.encode(), form


@given(files())
@example((b"", Format()))
@example((b"1\t2", Format(b"\t")))
@example((b"1 2\n3 4\n" * 40 + b"a b\n", Format()))
@example((b"1 2\n" * 40 + b"9223372036854775808 1\n", Format()))
@example((b"9223372036854775808 1\n" + b"1 2\n" * 40 + b"1 2 3\n" + b"a b\n", Format()))
@settings(max_examples=300, deadline=None)
def test_native_equals_reference(file):
    text, form = file
    assert_parsers_agree(text, form, cuts=((1, 0), (1, 1), (2, 7)))


@pytest.mark.parametrize("spread", [1, 3, 1000, 2**40])
@pytest.mark.parametrize("columns", [2, 3])
def test_many_integers(spread, columns):
    """Dense and sparse ids, beyond 32 bits and negative, over many chunks."""
    rng = np.random.default_rng(5)
    ends = (rng.integers(-50, 5000, (3000, 2)) * spread).tolist()
    rows = [[*map(str, row), *(["0.5", "2"][i % 2] for _ in range(columns - 2))] for i, row in enumerate(ends)]
    text = "".join("\t".join(row) + "\n" for row in rows).encode()
    for weight in {None, 2 if columns == 3 else None}:
        result = assert_parsers_agree(text, Format(b"\t", columns, weight=weight))
        assert result[2][1] == sorted({name for row in ends for name in row})


def test_default_chunks_and_tables():
    """Enough text for several chunks and tables of the default sizes."""
    rng = np.random.default_rng(6)
    ids = rng.integers(0, 30_000, (150_000, 2))
    plain = "".join(f"{u} {v}\n" for u, v in ids.tolist()).encode()
    named = "".join(f"n{u} n{v}\n" for u, v in ids.tolist()).encode()
    for text in (plain, named):
        assert len(text) > 3 << 19
        assert_parsers_agree(text, Format(), cuts=[(n_jobs, 0) for n_jobs in THREADS])


@pytest.mark.parametrize("end", ["\n", "\r\n", " \n", "x\n", " 1\n", ""])
def test_integers_of_every_length(end):
    """Digits are read eight at a time; 19 may or may not fit int64."""
    ids = [digit * length for digit in "0129" for length in range(1, 22)] + [
        "9223372036854775807",
        "9223372036854775808",
    ]
    for name in ids:
        for line in (f"{name} 5{end}", f"5 {name}{end}", f"{name}\t{name}{end}"):
            assert_parsers_agree((line + "\n" * 64).encode(), Format(), cuts=((1, 0),))
            assert_parsers_agree(line.encode(), Format(), cuts=((1, 0),))


@pytest.mark.parametrize("text", [b"1 2\n2 3\n", b"a b\nb c\n", b"1 2\n4294967296 1\n"])
def test_wide_end_points(text):
    """int64 end points, as from 2**31 nodes on, hold the same numbers."""
    narrow = _edgelist_cpu.parse_edges(text, 0, Format())
    wide = _edgelist_cpu.parse_edges(text, 0, Format(), wide=True)
    assert (narrow.source.dtype, wide.source.dtype) == (np.int32, np.int64)
    assert narrow.source.tolist() == wide.source.tolist()
    assert narrow.target.tolist() == wide.target.tolist()
    given = _edgelist_cpu.parse_edges(b"1 2147483648\n", 0, Format(num_nodes=2**31 + 1))
    assert given.target.dtype == np.int64
    assert given.target.tolist() == [2**31]


@given(
    st.lists(st.tuples(small_ids, small_ids, numbers), min_size=1, max_size=20),
    st.sampled_from(["\t", ",", " ", ";"]),
    st.booleans(),
)
@settings(max_examples=100, deadline=None)
def test_round_trip(tmp_path_factory, edges, delimiter, weighted):
    path = tmp_path_factory.mktemp("edges") / "edges.txt"
    rows = [edge if weighted else edge[:2] for edge in edges]
    path.write_text("".join(delimiter.join(row) + "\n" for row in rows))
    table = read_edges(path, delimiter=delimiter)
    assert pairs(table) == [(int(u), int(v)) for u, v, _ in edges]
    assert table.nodes.tolist() == sorted({int(name) for u, v, _ in edges for name in (u, v)})
    if weighted:
        np.testing.assert_array_equal(table.weights, np.array([float(w) for *_, w in edges], dtype=np.float32))
    else:
        assert table.weights is None


def test_result_types(write, backend):
    table = read_edges(write("5 7\n7 9 \n"))
    assert isinstance(table, EdgeList)
    assert [part.dtype for part in (table.source, table.target, table.nodes)] == [np.int32, np.int32, np.int64]
    assert (table.source.tolist(), table.target.tolist(), table.nodes.tolist()) == ([0, 1], [1, 2], [5, 7, 9])
    table = read_edges(write("b\ta\t.5\na\tc\t1\n"))
    assert table.nodes.dtype == object
    assert table.nodes.tolist() == ["b", "a", "c"]
    assert (table.weights.dtype, table.weights.tolist()) == (np.float32, [0.5, 1])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "New York\tLos Angeles\nLos Angeles\tSão Paulo\n",
            [("New York", "Los Angeles"), ("Los Angeles", "São Paulo")],
        ),
        ("a, b c\nb c ,d\n", [("a", "b c"), ("b c", "d")]),
        ("  a   b\n\tb \t c  \n", [("a", "b"), ("b", "c")]),
        ("a\t\tb\n", [("a", "b")]),
        ("a,b c\n", [("a", "b c")]),
        ("x,1\ty,2\n", [("x,1", "y,2")]),
        ('"a","b"\n', [('"a"', '"b"')]),
    ],
)
def test_delimiters(write, backend, text, expected):
    assert pairs(read_edges(write(text))) == expected


def test_given_delimiter(write, backend):
    assert pairs(read_edges(write("a b|c\n"), delimiter="|")) == [("a b", "c")]
    assert pairs(read_edges(write("a,x b\n"), delimiter=" ")) == [("a,x", "b")]
    assert pairs(read_edges(write("a b\tc,d\n"), delimiter=",")) == [("a b\tc", "d")]


def test_comments_blank_lines_and_line_ends(write, backend):
    text = "\ufeff# a comment\r\n\r\n%another\r\n  \t \r\n1\t2\r\n # indented\n2\t3\n\n#last"
    for content in (text, text + "\n", text.replace("\r", "")):
        assert pairs(read_edges(write(content))) == [(1, 2), (2, 3)]
    assert pairs(read_edges(write("// note\n#a b\n"), comments="//")) == [("#a", "b")]
    assert pairs(read_edges(write("#a b\n%c d\n"), comments=())) == [("#a", "b"), ("%c", "d")]
    assert pairs(read_edges(write("# 1 2\n! 1 2\n3 4\n"), comments=["#", "!"])) == [(3, 4)]


@pytest.mark.parametrize(
    ("text", "options", "expected"),
    [
        ("source\ttarget\n1\t2\n", {}, [(1, 2)]),
        ("Source,Target,Weight\na,b,1\n", {}, [("a", "b")]),
        ("from to\nx y\n", {}, [("x", "y")]),
        ('"src","dst"\nx,y\n', {}, [("x", "y")]),
        ("U V\nx y\n", {}, [("x", "y")]),
        ("node1 node2\n1 2\n", {}, [(1, 2)]),
        ("# c\nleft right\n\n# c\n1 2\n", {}, [(1, 2)]),
        ("left right\nx y\n", {}, [("left", "right"), ("x", "y")]),
        ("left right\nx y\n", {"header": True}, [("x", "y")]),
        ("1 2\n3 4\n", {"header": True}, [(3, 4)]),
        ("from to\n1 2\n", {"header": False}, [("from", "to"), ("1", "2")]),
        ("a 1\n2 3\n", {}, [("a", "1"), ("2", "3")]),
        ("one line\n", {}, [("one", "line")]),
        ("from to\n1\t2\n", {}, [(1, 2)]),
    ],
)
def test_headers(write, backend, text, options, expected):
    assert pairs(read_edges(write(text), **options)) == expected


def test_weights(write, backend):
    path = write("1 2 0.25\n2 3 0\n3 1 1e2\n")
    assert read_edges(path).weights.tolist() == [0.25, 0, 100]
    assert read_edges(path, weighted=True).weights.tolist() == [0.25, 0, 100]
    assert read_edges(path, weighted=False).weights is None
    assert read_edges(write("1 2 friend\n2 3 foe\n"), weighted=False).source.tolist() == [0, 1]
    assert read_edges(write("1 2\n")).weights is None


def test_integers_are_strings_if_any_name_is(write, backend):
    table = read_edges(write("7 007\n7 x\n-1 9223372036854775808\n"))
    assert table.nodes.tolist() == ["7", "007", "x", "-1", "9223372036854775808"]
    table = read_edges(write("7 007\n-1 7\n"))
    assert table.nodes.tolist() == [-1, 7]


def test_num_nodes(write, backend):
    table = read_edges(write("3 0\n"), num_nodes=5)
    assert (table.source.tolist(), table.target.tolist(), table.nodes.tolist()) == ([3], [0], [0, 1, 2, 3, 4])


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        (
            "1 2\n\n# c\n3 4 5\n",
            {},
            r"line 4: the line has 3 columns, but the first edge has 2 \(separated by blanks\)\.",
        ),
        ("1,2,3\n1,2\n", {}, r"line 2: the line has 2 columns, but the first edge has 3 \(separated by commas\)\."),
        ("lonely\n", {}, "line 1: an edge needs 2 columns, or 3 with a weight, but there are 1"),
        ("1 2 3 4\n", {}, "line 1: an edge needs 2 columns, or 3 with a weight, but there are 4"),
        ("1,2\n", {"delimiter": "\t"}, r"line 1: an edge needs 2 columns.*there are 1 \(separated by tabs\)"),
        ("a\tb\n\tb\n", {}, r"line 2: a field is empty \(columns are separated by tabs\)\."),
        ("a,b,1\na,b,\n", {}, "line 2: a field is empty"),
        ("1 2 3\n1 2 x\n", {}, "line 2: weight 'x' is not a number"),
        ("1 2 nan\n", {}, "line 1: weight 'nan' must be finite as float32 and not negative"),
        ("1 2 1\n1 2 inf\n", {}, "line 2: weight 'inf' must be finite"),
        ("1 2 1\n1 2 1e39\n", {}, "line 2: weight '1e39' must be finite"),
        ("a b 1\na c -0.5\n", {}, "line 2: weight '-0.5' must be finite as float32 and not negative"),
        ("1 2\n", {"weighted": True}, "line 1: weighted=True, but there is no third column"),
        ("1 2\n2 9\n", {"num_nodes": 5}, r"line 2: node id '9' lies outside \[0, 5\)"),
        ("1 2\n-2 1\n", {"num_nodes": 5}, r"line 2: node id '-2' lies outside \[0, 5\)"),
        ("1 99999999999999999999\n", {"num_nodes": 5}, r"line 1: node id '99999999999999999999' lies outside \[0, 5\)"),
        (
            "1 2\n1 Ann\n",
            {"num_nodes": 5},
            "line 2: node 'Ann' is not an integer, but with num_nodes the nodes must be 0 … 4",
        ),
        ("1 2\n1 9223372036854775808\n", {}, "line 2: node id '9223372036854775808' does not fit into 64 bits"),
        ("", {}, "holds no edges"),
        ("# nothing\n\n%\n", {}, "holds no edges"),
        ("source target\n", {}, "holds no edges"),
        ("1 2\n", {"header": True}, "holds no edges"),
        (b"a b\n\nc \xff\xfe\n", {}, "line 3: a name is not valid UTF-8"),
        (b"a b\nc\0 d\n" + b"e f\n", {}, "line 2: there are NUL bytes"),
        (b"a b\nb c\nc\0 d\n", {}, "line 3: a name holds a NUL byte"),
        ("1\t2\n".encode("utf-16"), {}, "is UTF-16 or UTF-32 text; convert it to UTF-8"),
        ("1\t2\n".encode("utf-16-le"), {}, "line 1: there are NUL bytes"),
        ("1\t2\n".encode("utf-32-be"), {}, "line 1: there are NUL bytes"),
        ("%%MatrixMarket matrix coordinate\n2 2 1\n1 2 1\n", {}, "is a Matrix Market file"),
        ("1 2\n" * 3 + "x" * 100 + " 1 2\n", {"num_nodes": 3}, "line 4: the line has 3 columns"),
        ("1 2\n" * 3 + "x" * 100 + " 1\n", {"num_nodes": 3}, f"line 4: node '{'x' * 40}…' is not an integer"),
    ],
)
def test_bad_content(write, backend, content, options, message):
    path = write(content)
    with pytest.raises(ValueError, match=message) as caught:
        read_edges(path, **options)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("chunk_bytes", [0, 1, 100])
def test_the_first_bad_line_is_named(chunk_bytes):
    lines = ["1 2 1"] * 500
    lines[123], lines[321], lines[499] = "1 2 x", "1 2", "1 2 -1"
    text = "\n".join(lines).encode()
    for n_jobs in THREADS:
        with pytest.raises(BadLineError) as caught:
            _edgelist_cpu.parse_edges(text, 0, Format(b"", 3, weight=2), n_jobs=n_jobs, chunk_bytes=chunk_bytes)
        assert (caught.value.fault, caught.value.line, caught.value.field) == ("weight_text", 124, b"x")


def compressed(name, content):
    half = len(content) // 2  # members in a row are one file
    if name.endswith(".gz"):
        return gzip.compress(content[:half]) + gzip.compress(content[half:])
    pack = zstandard.ZstdCompressor(write_checksum=True).compress
    return pack(content[:half]) + pack(content[half:])


@pytest.mark.parametrize("name", ["edges.tsv.gz", "edges.tsv.zst", "EDGES.GZ"])
def test_compressed(write, name):
    content = "".join(f"{i}\t{i + 1}\n" for i in range(3000)).encode()
    packed = compressed(name.lower(), content)
    for file in (write(packed, name), write(packed, "no_suffix")):
        assert read_edges(file).nodes.tolist() == list(range(3001))
    for size in (len(packed) // 4, len(packed) - 3):
        with pytest.raises(ValueError, match=r"is a truncated (gzip|zstd) file\.$"):
            read_edges(write(packed[:size], name))
    with pytest.raises(ValueError, match=r"is not a valid (gzip|zstd) file"):
        read_edges(write(b"1 2\n3 4\n" * 20, name))
    damaged = bytearray(packed)
    damaged[len(packed) // 4] ^= 0xFF
    with pytest.raises(ValueError, match=r"is (not a valid|a truncated) (gzip|zstd) file"):
        read_edges(write(bytes(damaged), name))


def test_empty_gzip(write):
    with pytest.raises(ValueError, match="holds no edges"):
        read_edges(write(gzip.compress(b""), "empty.gz"))


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="the standard library reads zstd")
def test_zstd_without_its_package(write, monkeypatch):
    monkeypatch.setitem(sys.modules, "zstandard", None)
    with pytest.raises(ImportError, match=r"needs the package zstandard: pip install 'graphrep\[io\]'"):
        read_edges(write(zstandard.compress(b"1 2\n"), "edges.zst"))


def test_unknown_compression(write, tmp_path):
    text = b"1 2\n" * 50
    archive = tmp_path / "archive"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("edges.txt", text)
    for name, packed in {
        "bzip2": bz2.compress(text),
        "xz": lzma.compress(text),
        "zip": archive.read_bytes(),
        "lz4": b"\x04\x22\x4d\x18rest",
    }.items():
        with pytest.raises(ValueError, match=f"is compressed with {name}, which is not supported"):
            read_edges(write(packed))
    with pytest.raises(ValueError, match="is compressed with bzip2"):
        read_edges(write(b"", "edges.bz2"))
    assert pairs(read_edges(write("BZh 7z\nPK xz\n"))) == [("BZh", "7z"), ("PK", "xz")]


def test_no_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"there is no file .*missing\.txt\.$"):
        read_edges(tmp_path / "missing.txt")
    with pytest.raises(IsADirectoryError, match="is a directory"):
        read_edges(str(tmp_path))


def test_pipe(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_text, args=("1 2\n",))
    writer.start()
    assert pairs(read_edges(path)) == [(1, 2)]
    writer.join()


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"delimiter": ""}, ValueError, "delimiter must be one ASCII character"),
        ({"delimiter": "::"}, ValueError, "delimiter must be one ASCII character"),
        ({"delimiter": "\n"}, ValueError, "delimiter must be one ASCII character"),
        ({"delimiter": "1"}, ValueError, "delimiter must not be part of a number"),
        ({"comments": [""]}, ValueError, "comments must be strings"),
        ({"comments": "1"}, ValueError, "comments must be strings"),
        ({"comments": [5]}, ValueError, "comments must be strings"),
        ({"header": "yes"}, TypeError, "header must be True, False or None, got 'yes'"),
        ({"weighted": "w"}, TypeError, "weighted must be True, False or None, got 'w'"),
        ({"num_nodes": -1}, ValueError, "num_nodes must be at least 0, got -1"),
        ({"num_nodes": 2.0}, TypeError, "num_nodes must be an integer"),
        ({"n_jobs": 0}, ValueError, "n_jobs must not be 0"),
    ],
)
def test_bad_arguments(write, options, error, message):
    with pytest.raises(error, match=message):
        read_edges(write("1 2\n"), **options)


def test_as_graph_reads_files(write):
    path = write("source,target,weight\na,b,2\nb,a,3\nb,c,0\nc,c,1\n", "edges.csv")
    graph = gr.as_graph(path)
    assert graph == gr.as_graph(str(path), directed=False)
    assert graph.nodes.tolist() == ["a", "b", "c"]
    assert graph.edges().tolist() == [[0, 2], [1, 2]]
    assert graph.weights.tolist() == [3, 3, 1]
    assert gr.as_graph(path, directed=True).weights.tolist() == [2, 3, 1]
    assert gr.as_graph(path, weights=False).weights is None
    assert gr.as_graph(path, weighted=False).num_edges == 3
    assert gr.as_graph(path, self_loops=False).num_edges == 1
    assert gr.as_graph(path, nodes=["x", "y", "z"]).nodes.tolist() == ["x", "y", "z"]
    assert gr.as_graph(path, header=True, delimiter=",").num_edges == 2
    with pytest.raises(TypeError, match="weights of a file are its third column"):
        gr.as_graph(path, weights=[1, 2, 3, 4])
    with pytest.raises(TypeError, match="sep"):
        gr.as_graph(path, sep=",")


def test_as_graph_names_integer_ids(write):
    graph = gr.as_graph(write("10 30\n30 20\n"), directed=True)
    assert graph.nodes.tolist() == [10, 20, 30]
    assert graph.edges().tolist() == [[0, 2], [2, 1]]
    assert graph.row(20) == 1
    rows = gr.as_graph(write("0 3\n"), num_nodes=5)
    assert rows.nodes.tolist() == [0, 1, 2, 3, 4]
    assert rows == gr.as_graph([[0], [3]], num_nodes=5, directed=False)
    assert gr.as_graph(write("1 0\n0 2\n")) == gr.as_graph([[1, 0], [0, 2]], directed=False)
    assert gr.as_graph(write("0 1 1\n1 2 1.0\n")).weights is None
