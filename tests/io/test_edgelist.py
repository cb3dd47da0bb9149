from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import re
import sys
import tarfile
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
    source, target, weights, ids, names, positions, padded = table
    return (
        (source.dtype, source.tolist(), target.dtype, target.tolist()),
        None if weights is None else (weights.dtype, weights.tobytes()),
        None if ids is None else (ids.dtype, ids.tolist()),
        names,
        np.searchsorted(np.flatnonzero(np.frombuffer(text, np.uint8) == ord("\n")), positions).tolist(),
        padded,
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
floats = st.sampled_from(["1.0", "7.00", "-3.0", "1.", "1.5", "2.0x", ".0", "99999999999999999999.0"])
commas = st.sampled_from(["0,5", "1,234", "12,3456", "-0,5", "1,2,3", "1.5,0", ",5", "5,", "0,123", "+1,5", "1e3,5"])
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


def quoted(text):
    return '"' + text.replace('"', '""') + '"'


# Quoted fields, sound and not: with delimiters, quotes and line breaks inside, left open, with text behind them.
in_quotes = st.one_of(
    st.text(st.sampled_from('ab,;\t "\n\r#é'), max_size=8).map(quoted),
    st.integers(0, 40).map(lambda number: f'"{number}"'),
    st.sampled_from(['"', '"a"b', 'a"b', '"a', '""', '"1" ', ' "1"', '"a""', '5"', '"#"']),
)


def lines_of(fields, separator):
    junk = st.sampled_from(["", "  ", "\t", "# note", " % note", "#", '# "note', '#"'])
    gaps = st.just(separator) if separator else st.sampled_from([" ", "\t", "  ", " \t "])
    row = st.tuples(*fields, gaps, gaps).map(lambda r: r[0] + r[-1] + (r[-2].join(r[1:-2])))
    return st.lists(st.one_of(row, row, row, junk), max_size=12)


@st.composite
def files(draw):
    """Text of a file, mostly sound, and the format to read it with."""
    columns = draw(st.sampled_from([2, 3, 3, 4, 5]))
    order = draw(st.one_of(st.just([0, 1, 2]), st.permutations(range(columns))))
    weight = order[2] if columns > 2 and draw(st.booleans()) else None
    separator = draw(st.sampled_from(["\t", ",", "", ";", ":"]))
    name = {0: small_ids, 1: any_ids, 2: st.one_of(small_ids, names) if separator else small_ids}[
        draw(st.integers(0, 2))
    ]
    name = draw(
        st.sampled_from([name, name, st.one_of(name, odd), st.one_of(name, in_quotes), st.one_of(name, floats)])
    )
    value = draw(st.sampled_from([numbers, numbers, st.one_of(numbers, odd), st.one_of(numbers, commas, in_quotes)]))
    fields = [st.one_of(name, value, in_quotes) if draw(st.booleans()) else name for _ in range(columns)]
    fields[order[0]] = fields[order[1]] = name
    if weight is not None:
        fields[weight] = value
    lines = draw(lines_of(fields, separator))
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
        order[0],
        order[1],
        weight,
        draw(st.sampled_from([True, True, True, False])),
        num_nodes=draw(st.sampled_from([None, None, None, 41, 5, 2**31])),
    )
    return text.encode(), form


@given(files())
@example((b"", Format()))
@example((b"1\t2", Format(b"\t")))
@example((b"1 2\n3 4\n" * 40 + b"a b\n", Format()))
@example((b"1 2\n" * 40 + b"9223372036854775808 1\n", Format()))
@example((b"9223372036854775808 1\n" + b"1 2\n" * 40 + b"1 2 3\n" + b"a b\n", Format()))
@example((b'"a\n","b"\n"b","c"', Format(b",")))
@example((b'"a\n\n\n\nb","c"\n"b\n","c\n\n"\n"\n" , "d"\nb,"\n', Format(b",")))
@example((b'#"\n1,2\n', Format(b",")))
@example((b'"1"\t"2"\r\n3\t4\r\n' + b"\n" * 64, Format(b"\t")))
@settings(max_examples=600, deadline=None)
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
    table = read_edges(path, delimiter=delimiter, weight=weighted, header=False)
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
    table = read_edges(write("b\ta\t.5\na\tc\t1\n"), weight=2)
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
        ("a;b\nb;c,d\n", [("a", "b"), ("b", "c,d")]),
        ("a;b;0,5\nb;c;1,5\n", [("a", "b"), ("b", "c")]),
        ("New York|Los Angeles\nBoston|Rome\n", [("New York", "Los Angeles"), ("Boston", "Rome")]),
        ("1::1193::5::978300760\n1::661::3::978302109\n", [(1, 1193), (1, 661)]),
        ("a b 0,5\nb c 1,25\n", [("a", "b"), ("b", "c")]),
        ("std::map std::set\nstd::set std::pair\n", [("std::map", "std::set"), ("std::set", "std::pair")]),
        ("1 2\t5\t1082\n1 3\t5\t1083\n", [(1, 2), (1, 3)]),
    ],
)
def test_delimiters(write, backend, text, expected):
    assert pairs(read_edges(write(text), weight=False)) == expected


def test_a_delimiter_that_could_be_another(write, backend):
    with pytest.warns(
        UserWarning, match=r"separated by blanks or by '\|', and is read as separated by blanks; give deli"
    ):
        assert pairs(read_edges(write("sp|P1|A sp|P2|B\nsp|P2|B sp|P3|C\n"))) == [
            ("sp|P1|A", "sp|P2|B"),
            ("sp|P2|B", "sp|P3|C"),
        ]


def test_lines_that_are_hardly_meant(write, backend):
    path = write("#love #peace\nann #love\n#peace ann\n")
    with pytest.warns(UserWarning, match=r"line 3 is skipped as a comment, since it begins with '#'; give"):
        assert pairs(read_edges(path)) == [("ann", "#love")]
    assert len(read_edges(path, comments=()).source) == 3
    assert len(read_edges(path, comments="#").source) == 1
    path = write("".join(f"{i}\ta{i % 3}\tb{i % 4}\n" for i in range(12)))
    with (
        pytest.warns(UserWarning, match="has a third column, which is ignored"),
        pytest.warns(UserWarning, match="the first column counts the lines, but is read as the sources; give source=1"),
    ):
        read_edges(path)
    assert pairs(read_edges(path, source=1, target=2))[:2] == [("a0", "b0"), ("a1", "b1")]
    assert pairs(read_edges(path, source=0, target=1))[:2] == [("0", "a0"), ("1", "a1")]
    with pytest.warns(UserWarning, match="the nodes in column 0 are numbers with decimals and are read as names"):
        assert pairs(read_edges(write("1.5 2\n2.5 3\n"))) == [("1.5", "2"), ("2.5", "3")]
    assert pairs(read_edges(write("1.5 2\n2.5 3\n"), source=0, target=1)) == [("1.5", "2"), ("2.5", "3")]


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
        ("U V\nxx yy\n", {}, [("xx", "yy")]),
        ("u v\nv w\n", {}, [("u", "v"), ("v", "w")]),
        ("a b\nc d\n", {}, [("a", "b"), ("c", "d")]),
        ("node1 node2\n1 2\n", {}, [(1, 2)]),
        ("# c\nleft right\n\n# c\n1 2\n", {}, [(1, 2)]),
        ("left right\nx y\n", {}, [("left", "right"), ("x", "y")]),
        ("left right\nx y\n", {"header": True}, [("x", "y")]),
        ("1 2\n3 4\n", {"header": True}, [(3, 4)]),
        ("from to\n1 2\n", {"header": False}, [("from", "to"), ("1", "2")]),
        ("a 1\n2 3\n", {}, [("a", "1"), ("2", "3")]),
        ("one line\n", {}, [("one", "line")]),
        ("from to\n1\t2\n", {}, [(1, 2)]),
        ("anything,something\n1,2\n", {}, [(1, 2)]),
        ('"any thing","some thing"\n1,2\n', {}, [(1, 2)]),
        ("word,number\nab,1\ncd,2\n", {}, [("ab", "1"), ("cd", "2")]),
        ("ab,cd\nab,1\ncd,2\n", {}, [("ab", "cd"), ("ab", "1"), ("cd", "2")]),
        ("n1 n2\nn2 n3\n", {}, [("n1", "n2"), ("n2", "n3")]),
        ("node1 node2\nnode3 node4\n", {}, [("node1", "node2"), ("node3", "node4")]),
        ("node1,node2,weight\nnode1,node5,2\n", {}, [("node1", "node5")]),
        ("customer,product\nann,tea\n", {}, [("ann", "tea")]),
        ("head,tail\nx,y\n", {}, [("x", "y")]),
        ("from_id,to_id\nx,y\n", {}, [("x", "y")]),
        ("follower,followee\nx,y\n", {}, [("x", "y")]),
        (",source,target\n0,5,7\n1,8,9\n", {}, [(5, 7), (8, 9)]),
        (",0,1\n0,5,7\n1,8,9\n", {}, [(5, 7), (8, 9)]),
        ("Unnamed: 0,a,b\n0,5,7\n1,8,9\n", {}, [(5, 7), (8, 9)]),
        ('"from" "to"\n"1" "A b" "C"\n"2" "C" "D"\n', {}, [("A b", "C"), ("C", "D")]),
        ('"x1" "x2"\n"1" "A" "C"\n"2" "C" "D"\n', {}, [("A", "C"), ("C", "D")]),
        ("edge_id,source,target\n1,a,b\n2,b,c\n", {}, [("a", "b"), ("b", "c")]),
        ("weight,src,dst\n.5,a,b\n2,b,c\n", {}, [("a", "b"), ("b", "c")]),
        ("x,y,z\n1,a,b\n", {"source": "z", "target": "y"}, [("b", "a")]),
        ("1,a,b\n2,c,d\n", {"source": 1, "target": 2}, [("a", "b"), ("c", "d")]),
        ("Ann,Bob\nCid,Dan\nEve,Flo\n", {}, [("Ann", "Bob"), ("Cid", "Dan"), ("Eve", "Flo")]),
    ],
)
def test_headers(write, backend, text, options, expected):
    assert pairs(read_edges(write(text), **options)) == expected


@pytest.mark.parametrize(
    ("text", "edges"),
    [
        ("customer_name,store_name\nann,north\nbob,south\n", 3),
        ("buyer.id,shop.id\nann,north\nbob,south\n", 3),
        ("the one,the other\n" + "".join(f"n{i % 50},m{i * i % 97}\n" for i in range(400)), 401),
        ("source target\ntarget audience\nopen source\n", 3),  # a graph of words
    ],
)
def test_a_first_line_that_could_be_a_header(write, backend, text, edges):
    path = write(text)
    with pytest.warns(
        UserWarning, match=r"edges.txt: the first line, with .* is read as an edge; give header=True"
    ) as said:
        assert len(read_edges(path).source) == edges
    assert said[0].filename == __file__
    assert len(read_edges(path, header=True).source) == edges - 1
    assert len(read_edges(path, header=False).source) == edges


def test_ordinary_words_are_no_header(write, backend):
    rng = np.random.default_rng(3)
    words = np.array([f"w{i}" if i % 3 else ("the", "quick", "brown", "fox", "jumps")[i % 5] for i in range(900)])
    for size in (5, 300, 2000):
        text = "".join(f"{u}\t{v}\n" for u, v in words[rng.integers(0, 900, (size, 2))])
        assert len(read_edges(write("Ann\tBob\n" + text)).source) >= size
        assert len(read_edges(write(text + "Ann\tBob\n")).source) == size + 1


def test_weights(write, backend):
    path = write("1 2 0.25\n2 3 0\n3 1 1e2\n")
    with pytest.warns(UserWarning, match=r"has a third column, which is ignored; give weight=2 to") as said:
        assert read_edges(path).weights is None
    assert said[0].filename == __file__
    assert read_edges(path, weight=True).weights.tolist() == [0.25, 0, 100]
    assert read_edges(path, weight=2).weights.tolist() == [0.25, 0, 100]
    assert read_edges(path, weight=False).weights is None
    assert read_edges(write("1 2 friend\n2 3 foe\n"), weight=False).source.tolist() == [0, 1]
    assert read_edges(write("1 2\n")).weights is None
    path = write("u,v,w,time\n1,2,3,4\n")
    assert read_edges(path).weights.tolist() == [3]
    assert read_edges(path, weight="time").weights.tolist() == [4]
    assert read_edges(path, weight="TIME", source="v", target="u").weights.tolist() == [4]


def test_decimal_commas(write, backend):
    assert read_edges(write("a;b;weight\n1;2;0,5\n2;3;1,234\n3;4;2.5\n")).weights.tolist() == [
        0.5,
        np.float32(1.234),
        2.5,
    ]
    assert read_edges(write('a,b,weight\n1,2,"0,5"\n2,3,"12,25"\n')).weights.tolist() == [0.5, 12.25]
    with pytest.raises(ValueError, match="line 3: weight '1,234' may have a decimal comma or separate thousands"):
        read_edges(write('a,b,weight\n1,2,"0,5"\n2,3,"1,234"\n'))


def test_quotes(write, backend):
    text = (
        'source,target\n"Ada, Countess","He said ""hi"""\r\n5" disk,"two\nlines"\n" padded " , a"b \n"two\nlines",x\n'
    )
    expected = [
        ("Ada, Countess", 'He said "hi"'),
        ('5" disk', "two\nlines"),
        (" padded ", 'a"b'),
        ("two\nlines", "x"),
    ]
    assert pairs(read_edges(write(text))) == expected
    assert pairs(read_edges(write(text.replace(",", "\t")))) == [
        tuple(name.replace(",", "\t") for name in edge) for edge in expected
    ]
    assert pairs(read_edges(write('"1","2"\n3,"1"\n'))) == [(1, 2), (3, 1)]
    assert pairs(read_edges(write('"a b" "c"\nc\t"d"\n'))) == [("a b", "c"), ("c", "d")]
    assert pairs(read_edges(write('"Weird Al" Y.\tB\n"x\ty\n'), quotes=False)) == [('"Weird Al" Y.', "B"), ('"x', "y")]
    assert pairs(read_edges(write('# it\'s "\n"#a","b"\n'))) == [("#a", "b")]
    assert pairs(read_edges(write("1.0,2.0\n2.0,3\n"))) == [(1, 2), (2, 3)]


def test_many_quoted_lines(tmp_path):
    """Every reader sees the same, however chunks cut lines with line breaks inside."""
    pa_csv = pytest.importorskip("pyarrow.csv")
    rng = np.random.default_rng(8)
    names = [f'n{i}"\n, {i}'[: 2 + i % 9] + f"{i}" for i in range(500)]
    rows = [(names[u], names[v]) for u, v in rng.integers(0, 500, (4000, 2)).tolist()]
    path = tmp_path / "quoted.csv"
    path.write_text("source,target\n" + "".join(f"{quoted(u)},{quoted(v)}\n" for u, v in rows), newline="")
    assert pairs(read_edges(path)) == rows
    table = pa_csv.read_csv(path, parse_options=pa_csv.ParseOptions(newlines_in_values=True))
    assert list(zip(table["source"].to_pylist(), table["target"].to_pylist(), strict=True)) == rows
    assert_parsers_agree(path.read_bytes(), Format(b","), cuts=((1, 0), (2, 1), (2, 100), (5, 1000)))


FORMATS = {
    "SNAP with times": (
        "# comment\n# FromNodeId ToNodeId\n9 8 1217567877\n1 8 1217573801\n",
        {"weight": False},
        [(9, 8), (1, 8)],
        None,
    ),
    "KONECT": (
        "% sym weighted\n% 2 3 3\n1 2 5 1082040961\n1 3 2.5 1082155839\n",
        {"weight": 2},
        [(1, 2), (1, 3)],
        [5, 2.5],
    ),
    "MovieLens": (
        "userId,movieId,rating,timestamp\n1,31,2.5,1260759144\n7,1029,3.0,1260759179\n",
        {"weight": "rating"},
        [(1, 31), (7, 1029)],
        [2.5, 3],
    ),
    "MovieLens, not weighted": ("userId,movieId,rating,timestamp\n1,31,2.5,1260759144\n", {}, [(1, 31)], None),
    "MovieLens 1M": ("1::1193::5::978300760\n1::661::3::978302109\n", {"weight": 2}, [(1, 1193), (1, 661)], [5, 3]),
    "Gephi": (
        "Source,Target,Type,Id,Label,Weight\na,b,Undirected,0,,1.5\nb,c,Undirected,1,,2.0\n",
        {},
        [("a", "b"), ("b", "c")],
        [1.5, 2],
    ),
    "STRING": (
        "protein1 protein2 combined_score\n9606.ENSP1 9606.ENSP2 490\n9606.ENSP1 9606.ENSP3 198\n",
        {},
        [("9606.ENSP1", "9606.ENSP2"), ("9606.ENSP1", "9606.ENSP3")],
        None,
    ),
    "STRING, weighted": (
        "protein1 protein2 combined_score\n9606.ENSP1 9606.ENSP2 490\n",
        {"weight": "combined_score"},
        [("9606.ENSP1", "9606.ENSP2")],
        [490],
    ),
    "neo4j-admin": (
        ":START_ID,:END_ID,:TYPE\nkeanu,m1,ACTED_IN\nlaurence,m1,ACTED_IN\n",
        {},
        [("keanu", "m1"), ("laurence", "m1")],
        None,
    ),
    "neo4j-admin, typed": ("person:START_ID(P),weight:float,:END_ID(P),:TYPE\n1,.5,2,KNOWS\n", {}, [(1, 2)], [0.5]),
    "R": ('"from" "to" "weight"\n"1" "a" "b" 0.5\n"2" "b" "c" 2\n', {}, [("a", "b"), ("b", "c")], [0.5, 2]),
    "pandas with its index": (",src,dst,w\n0,a,b,0.5\n1,b,c,2.0\n", {}, [("a", "b"), ("b", "c")], [0.5, 2]),
    "Excel in Europe": ("\ufeffvon;nach;weight\r\n1;2;0,5\r\n2;3;1,25\r\n", {}, [(1, 2), (2, 3)], [0.5, 1.25]),
}


@pytest.mark.parametrize("kind", FORMATS)
def test_files_as_people_have_them(write, backend, kind):
    text, options, expected, weights = FORMATS[kind]
    edges = read_edges(write(text), **options)
    assert pairs(edges) == expected
    assert (None if edges.weights is None else edges.weights.tolist()) == weights


def test_bipartite(write, backend):
    path = write("userId,movieId\n1,31\n1,1\n2,1\n")
    edges = read_edges(path, bipartite=True)
    assert edges.nodes.tolist() == [1, 2, 1, 31]
    with pytest.warns(
        UserWarning, match="its columns are 'userId' and 'movieId', but the same ids occur on both sides"
    ):
        assert read_edges(path).nodes.tolist() == [1, 2, 31]
    assert (edges.source.tolist(), edges.target.tolist()) == ([0, 0, 1], [3, 2, 2])
    assert (edges.sides.dtype, edges.sides.tolist()) == (np.int8, [0, 0, 1, 1])
    assert edges.source.dtype == edges.target.dtype == np.int32
    edges = read_edges(write("x y\ny z\n"), bipartite=True)
    assert edges.nodes.tolist() == ["x", "y", "y", "z"]
    assert read_edges(path, bipartite=False).sides is None
    for text in (":START_ID(Person),:END_ID(Movie)\n1,1\n", "% bip unweighted\n1 1\n"):
        with pytest.warns(UserWarning, match=r"the same ids occur on both sides .* bipartite=True"):
            assert len(read_edges(write(text)).nodes) == 1
        assert len(read_edges(write(text), bipartite=False).nodes) == 1
        assert len(read_edges(write(text), bipartite=True).nodes) == 2
    assert pairs(read_edges(write(":START_ID(Person),:END_ID(Movie)\np1,m1\n"))) == [("p1", "m1")]
    with pytest.raises(ValueError, match="num_nodes numbers the nodes of both sides together"):
        read_edges(path, bipartite=True, num_nodes=40)


FOREIGN = {
    "GraphML": '<?xml version="1.0" encoding="UTF-8"?>\n<graphml xmlns="x"><graph/></graphml>',
    "GEXF": '<?xml version="1.0"?>\n<gexf version="1.2">',
    "XML": '<?xml version="1.0"?>\n<table>',
    "an HTML page": "<!DOCTYPE html>\n<html><body>404",
    "GML": 'Creator "igraph"\nVersion 1\ngraph\n[\n  directed 0\n',
    "Pajek": '*Vertices 3\n1 "a"\n*Edges\n1 2\n',
    "JSON": '{"directed": false, "nodes": []}',
    "a DOT file of Graphviz": "digraph G {\n a -> b;\n}",
    "an export of nodes and relationships in one table by APOC": (
        '"_id","_labels","name","_start","_end","_type"\n"0",":P","ann",,,\n,,,"0","0","A"\n'
    ),
    "a Parquet file": b"PAR1\x15\x04\x15",
    "an Arrow or Feather file": b"ARROW1\0\0\xff",
    "a NumPy file": b"\x93NUMPY\x01\0v\0",
    "a pickle, which may run code": b"\x80\x04\x95\x10\0\0\n",
    "an SQLite database": b"SQLite format 3\0\x10",
    "an HDF5 file": b"\x89HDF\r\n\x1a\n",
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_other_formats_are_named(write, kind):
    with pytest.raises(ValueError, match=rf"edges\.txt is {kind}; .*(as_graph|instead of the file)"):
        read_edges(write(FOREIGN[kind]))


def test_attributes_of_networkx(write):
    for line in ("1 2 {}\n", "1 2 {'weight': 3}\n"):
        with pytest.raises(ValueError, match=r"line 1: the line ends with attributes, as networkx\.write_edgelist"):
            read_edges(write(line * 2))


def test_names_of_columns(write):
    path = write("a,b,c\nx,y,1\nz,w,2\n")
    with pytest.raises(ValueError, match=r"source: .*edges.txt has no column 'd'; its columns are 'a', 'b', 'c'"):
        read_edges(path, source="d", target="b")
    with pytest.raises(ValueError, match="give both source= and target=, or neither"):
        read_edges(path, source="a")
    with pytest.raises(ValueError, match=r"target: .*edges.txt has no column 7"):
        read_edges(path, source=0, target=7)
    with pytest.raises(ValueError, match=r"the end points of .* could be 'from' and 'to', or 'id1' and 'id2'"):
        read_edges(write("from,to,id1,id2\n1,2,3,4\n"))
    with pytest.raises(
        ValueError, match=r"line 2: the line has 3 columns, but the header has 2 \(separated by commas\)"
    ):
        read_edges(write("from,to\n1,2,3\n4,5,6\n7,8\n"))


def test_integers_are_strings_if_any_name_is(write, backend):
    table = read_edges(write("7 007\n7 x\n-1 9223372036854775808\n"))
    assert table.nodes.tolist() == ["7", "007", "x", "-1", "9223372036854775808"]
    with pytest.warns(UserWarning, match="names such as 007 are read as integers, without leading zeros"):
        table = read_edges(write("7 007\n-1 7\n"))
    assert table.nodes.tolist() == [-1, 7]


@pytest.mark.parametrize("line", ["5 007\n", "007\t5\n", "5 -007\n", '5 "007"\n', "5  007.0\n"])
@pytest.mark.parametrize("columns", [{}, {"source": 1, "target": 0}])
def test_leading_zeros_are_told_wherever_they_are(line, columns, write, backend):
    name = line.replace('"', "").replace("5", "").strip()
    with pytest.warns(UserWarning, match=f"names such as {re.escape(name)} are read as integers"):
        table = read_edges(write("0 10\n" * 1500 + line + "08 09\n" + "0 100\n" * 200), **columns)
    assert {7, -7} & set(table.nodes.tolist())


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
        (
            "1,2,3\n1,2\n",
            {"weight": 2},
            r"line 2: the line has 2 columns, but the first edge has 3 \(separated by commas\)\.",
        ),
        ("lonely\n", {}, "line 1: an edge needs 2 columns, or 3 with a weight, but there are 1"),
        ("1,2\n", {"delimiter": "\t"}, r"line 1: an edge needs 2 columns.*there are 1 \(separated by tabs\)"),
        ("a\tb\n\tb\n", {}, r"line 2: a field is empty \(columns are separated by tabs\)\."),
        ("a,b,1\na,b,\n", {"weight": 2}, "line 2: a field is empty"),
        ("1 2 3\n1 2 x\n", {"weight": 2}, "line 2: weight 'x' is not a number"),
        ("1 2 nan\n", {"weight": 2}, "line 1: weight 'nan' must be finite as float32 and not negative"),
        ("1 2 1\n1 2 inf\n", {"weight": 2}, "line 2: weight 'inf' must be finite"),
        ("1 2 1\n1 2 1e39\n", {"weight": 2}, "line 2: weight '1e39' must be finite"),
        ("a b 1\na c -0.5\n", {"weight": 2}, "line 2: weight '-0.5' must be finite as float32 and not negative"),
        ("1 2\n", {"weight": True}, "line 1: weight=True, but there is no third column"),
        (
            'a,b\n"a\nb,c\n',
            {},
            r"line 2: the quote that begins a field is not closed; quotes=False takes quotes as parts",
        ),
        ('a,b\nb,"c"d\n', {}, "line 2: text follows the closing quote of a field; quotes=False takes"),
        ('"c"d,b\n', {}, "line 1: text follows the closing quote"),
        ("a,b\n" * 2000 + '"a\nb,c\n', {}, r"line 2001: the quote that begins a field is not closed"),
        (
            "1::2::3\n1::2\n",
            {"delimiter": "::", "weight": 2},
            r"line 2: the line has 2 columns, but the first edge has 3 \(separated by '::'\)",
        ),
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
        ("# nothing\n\n%\n", {}, "holds no edges: all lines begin with # or %"),
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


def zipped(files):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return packed.getvalue()


@pytest.mark.parametrize("kind", ["bz2", "xz", "zip"])
def test_other_compressions(write, kind):
    content = "".join(f"{i}\t{i + 1}\n" for i in range(3000)).encode()
    pack = {
        "bz2": bz2.compress,
        "xz": lzma.compress,
        "zip": lambda text: zipped({"folder/": b"", "folder/e.txt": text}),
    }
    packed = pack[kind](content)
    if kind == "bz2":
        packed = bz2.compress(content[:100]) + bz2.compress(content[100:])
    for file in (write(packed, f"EDGES.{kind.upper()}"), write(packed, "no_suffix")):
        assert read_edges(file).nodes.tolist() == list(range(3001))
    for bad in (packed[: len(packed) // 2], content):
        with pytest.raises(ValueError, match=r"edges\.\w+ is (not a valid|a truncated) (bzip2|xz|zip) file") as caught:
            read_edges(write(bad, f"edges.{kind}"))
        assert "\n" not in str(caught.value)


def test_archives_of_another_kind(write):
    with pytest.raises(ValueError, match=r"holds 2 files \(a.txt, b.txt\); unzip it and give one of them"):
        read_edges(write(zipped({"a.txt": b"1 2", "b.txt": b"1 2"})))
    for member, what in {
        "data.npy": "a NumPy archive",
        "[Content_Types].xml": "an Excel workbook",
        "content.xml": "an OpenDocument table",
        "archive/data.pkl": "a file of torch",
    }.items():
        with pytest.raises(ValueError, match=f"is {what}; .* as_graph"):
            read_edges(write(zipped({member: b"x"})))
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        archive.add(write("1 2\n", "member.txt"))
    path = write(gzip.compress(packed.getvalue()), "edges.tar.gz")
    with pytest.raises(ValueError, match="is a tar archive; unpack it"):
        read_edges(path)


def test_unknown_compression(write):
    with pytest.raises(ValueError, match="is compressed with lz4, which is not supported"):
        read_edges(write(b"\x04\x22\x4d\x18rest"))
    assert pairs(read_edges(write("BZh 7z\nPK xz\n"))) == [("BZh", "7z"), ("PK", "xz")]


def test_standard_input_and_file_objects(write, monkeypatch):
    path = write("1 2\n")
    with path.open("rb") as file:
        assert pairs(read_edges(file)) == [(1, 2)]
    assert pairs(read_edges(io.StringIO("é b\n"))) == [("é", "b")]
    assert pairs(read_edges(io.BytesIO(gzip.compress(b"1 2\n")))) == [(1, 2)]
    with gzip.open(write(gzip.compress(b"1 2\n"), "edges.gz")) as file:
        assert pairs(read_edges(file)) == [(1, 2)]
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"1 2\n3\n")))
    with pytest.raises(ValueError, match="standard input, line 2: the line has 1 columns"):
        read_edges("-")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"1 2\n")))
    assert pairs(read_edges("-")) == [(1, 2)]


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
        ({"delimiter": ":::"}, ValueError, "delimiter must be one ASCII character"),
        ({"delimiter": '"'}, ValueError, "delimiter must not be part of"),
        ({"comments": '"'}, ValueError, "comments must be strings"),
        ({"delimiter": "\n"}, ValueError, "delimiter must be one ASCII character"),
        ({"delimiter": "1"}, ValueError, "delimiter must not be part of a number"),
        ({"comments": [""]}, ValueError, "comments must be strings"),
        ({"comments": "1"}, ValueError, "comments must be strings"),
        ({"comments": [5]}, ValueError, "comments must be strings"),
        ({"header": "yes"}, TypeError, "header must be True, False or None, got 'yes'"),
        ({"weight": 1.5}, TypeError, "weight must be the name or the position of a column, got 1.5"),
        ({"source": True, "target": 1}, TypeError, "source must be the name or the position of a column, got True"),
        ({"quotes": None}, TypeError, "quotes must be True or False, got None"),
        ({"bipartite": "yes"}, TypeError, "bipartite must be True, False or None"),
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
    assert gr.as_graph(path, weight=False).num_edges == 3
    assert gr.as_graph(path, self_loops=False).num_edges == 1
    assert gr.as_graph(path, nodes=["c", "a", "x", "b"]).nodes.tolist() == ["c", "a", "x", "b"]
    assert gr.as_graph(path, header=True, delimiter=",").num_edges == 2
    with pytest.raises(TypeError, match="weights of a file are a column of it"):
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
    assert gr.as_graph(write("0 1 1\n1 2 1.0\n"), weight=True).weights is None


@pytest.mark.parametrize("text", [b"007 1\n1 7\n", b"a 1\n1 a\n", b'"1" 2.0\n# x\n\n-3 99999999999999999999', b"# x\n"])
@pytest.mark.parametrize("n_jobs", THREADS)
def test_integers_are_strings_as_they_are_spelled_if_that_is_asked_for(text, n_jobs):
    form = Format(strings=True)
    expected = _edgelist_reference.parse_edges(text, 0, form)
    for chunk_bytes in (0, 1, 6):
        found = _edgelist_cpu.parse_edges(text, 0, form, n_jobs=n_jobs, chunk_bytes=chunk_bytes)
        assert found.ids is expected.ids is None
        assert found.names == expected.names
        for one, other in zip(found[:2], expected[:2], strict=True):
            np.testing.assert_array_equal(one, other)
        np.testing.assert_array_equal(found.positions, expected.positions)
