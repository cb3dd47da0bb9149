"""Conversion of edges to a saved graph in bounded memory: the file is that of as_graph, byte by byte."""

from __future__ import annotations

import errno
import gzip

import numpy as np
import pytest

from graphrep import as_graph, cli, open_graph
from graphrep.io import buckets, convert_edges
from graphrep.io.name_tables import IntegerNames

RNG = np.random.default_rng(0)
ENDS = (300 * RNG.random((2, 24_000)) ** 2).astype(np.int64)  # several buckets of 1 MB, and many parallel edges
FEW = ENDS[:, :300]


def assert_same(edges, tmp_path, *, memory="1MB", **options):
    one, other = tmp_path / "one.graph", tmp_path / "other.graph"
    as_graph(edges, **options).save(one)
    convert_edges(edges, other, memory=memory, **options)
    assert one.read_bytes() == other.read_bytes()
    assert not [file for file in tmp_path.iterdir() if file.name.startswith(".")]


def write_lines(path, rows, header=""):
    path.write_text(header + "".join(" ".join(map(str, row)) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.mark.parametrize("options", [{}, {"directed": True}, {"merge": "max"}, {"self_loops": False}])
def test_many_buckets(options, tmp_path, monkeypatch):
    seen = []
    divide = buckets._Plan.divide
    monkeypatch.setattr(buckets._Plan, "divide", lambda plan, *rest: (divide(plan, *rest), seen.append(plan.buckets)))
    assert_same(ENDS, tmp_path, num_nodes=1000, **options)
    assert seen[0] > 1


@pytest.mark.parametrize(
    ("merge", "directed"), [("sum", False), ("sum", True), ("max", False), ("max", True), ("first", False)]
)
def test_weights(merge, directed, tmp_path):
    weights = RNG.integers(0, 4, size=ENDS.shape[1]) / 3  # some are zero
    assert_same(ENDS, tmp_path, weights=weights, merge=merge, directed=directed)
    assert_same(FEW, tmp_path, weights=(weights[:300] > 0.5).astype(float), merge=merge, directed=directed)


def test_text_of_integers_with_gaps(tmp_path):
    assert_same(write_lines(tmp_path / "near.txt", 3 * ENDS.T[:8_000] + 5), tmp_path)
    far = 10**13 * FEW.T - 10**15
    assert_same(write_lines(tmp_path / "far.txt", far), tmp_path)
    assert_same(write_lines(tmp_path / "rows.txt", FEW.T), tmp_path)
    assert_same(write_lines(tmp_path / "rows.txt", FEW.T), tmp_path, num_nodes=500, directed=True)


def test_integers_become_strings_as_they_are_spelled_if_any_name_is_one(tmp_path):
    rows = [(f"{u:05d}", v) for u, v in ENDS.T[:9_000]]
    assert_same(write_lines(tmp_path / "words.txt", [*rows, ("grün", 7), (2**70, "ann")]), tmp_path)
    graph = open_graph(tmp_path / "other.graph")
    assert graph.nodes[0] == f"{ENDS[0, 0]:05d}"


def test_leading_zeros_are_lost_with_a_warning(tmp_path):
    many = [(str(u), str(u + 1)) for u in range(10_000, 30_000)]
    path = write_lines(tmp_path / "codes.txt", [*many, ("00123", "01234"), ("01234", "98765")])
    for read in (as_graph, lambda one: convert_edges(one, tmp_path / "other.graph", memory="2MB")):
        with pytest.warns(UserWarning, match="codes.txt: names such as 00123 are read as integers, without leading"):
            read(path)
    assert open_graph(tmp_path / "other.graph").nodes.tolist() == [123, 1234, *range(10_000, 30_001), 98765]


def test_text_with_header_weights_and_quotes_across_blocks(tmp_path):
    body = "".join(f'{u},"a ""{v}"",\n{v}",{w / 2}\n' for u, v, w in zip(*FEW, FEW[0], strict=True)) * 14
    path = tmp_path / "edges.csv"
    path.write_bytes(b"\xef\xbb\xbf" + f"from,to,weight\n{body}".encode())
    assert path.stat().st_size > 1 << 16
    assert_same(path, tmp_path)
    assert_same(path, tmp_path, weight=False)
    packed = tmp_path / "edges.csv.gz"
    packed.write_bytes(gzip.compress(path.read_bytes(), 1))
    assert_same(packed, tmp_path, merge="max")


@pytest.mark.parametrize("kind", ["bz2", "xz", "zst"])
def test_other_compressions(kind, tmp_path):
    content = write_lines(tmp_path / "plain.txt", FEW.T).read_bytes()
    pack = pytest.importorskip({"bz2": "bz2", "xz": "lzma", "zst": "zstandard"}[kind]).compress
    path = tmp_path / f"edges.txt.{kind}"
    path.write_bytes(pack(content))
    assert_same(path, tmp_path)
    path.write_bytes(pack(content)[:-20])
    with pytest.raises(ValueError, match=rf"edges.txt.{kind} is (a truncated|not a valid)"):
        convert_edges(path, tmp_path / "new.graph")


def test_folders_of_parts(tmp_path):
    for names in (list, lambda row: [f"n{node}" for node in row]):
        folder = tmp_path / f"parts {names is list}"
        folder.mkdir()
        for part in range(3):
            write_lines(folder / f"{part}.txt", [names(row) for row in FEW.T[part::3]])
        assert_same(folder, tmp_path)
    write_lines(folder / "2.txt", FEW.T)
    with pytest.raises(ValueError, match=r"the names in .*2\.txt are integers, and strings in other files"):
        convert_edges(folder, tmp_path / "new.graph")


@pytest.mark.parametrize("kind", ["integers", "far", "strings", "categories", "mixed", "floats"])
def test_parquet(kind, tmp_path):
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    ends = ENDS[:, :6000] + 10**14 * (kind == "far")
    columns = [pa.array(row.astype(float) if kind == "floats" else row) for row in ends]
    if kind in ("strings", "categories", "mixed"):
        columns[0] = pa.array([f"n{node}" for node in ends[0].tolist()])
    if kind in ("strings", "categories"):
        columns[1] = pa.array([f"n{node}" for node in ends[1].tolist()])
    if kind == "categories":
        columns = [column.dictionary_encode() for column in columns]
    table = pa.table({"source": columns[0], "target": columns[1], "weight": RNG.integers(3, size=6000)})
    (tmp_path / "parts").mkdir()
    pq.write_table(table[:1000], tmp_path / "parts" / "a.parquet")
    pq.write_table(table[1000:], tmp_path / "parts" / "b.parquet", row_group_size=700)
    assert_same(tmp_path / "parts", tmp_path)
    assert_same(tmp_path / "parts" / "b.parquet", tmp_path, weight=False, directed=True)
    with pytest.raises((TypeError, IndexError), match=r"named end points|outside"):
        convert_edges(tmp_path / "parts", tmp_path / "new.graph", num_nodes=2)
    with pytest.raises(TypeError, match="delimiter: options of text files"):
        convert_edges(tmp_path / "parts", tmp_path / "new.graph", delimiter=",")


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", [np.int64, np.int32, np.uint16])
def test_npy(order, dtype, tmp_path):
    edges = np.array(FEW, dtype=dtype, order=order)
    np.save(tmp_path / "edges.npy", edges)
    as_graph(edges).save(tmp_path / "one.graph")
    convert_edges(tmp_path / "edges.npy", tmp_path / "other.graph", memory=10**6)
    assert (tmp_path / "one.graph").read_bytes() == (tmp_path / "other.graph").read_bytes()


def test_isolated_nodes_and_no_edges(tmp_path):
    assert_same(np.zeros((2, 0), dtype=np.int64), tmp_path)
    assert_same(np.zeros((2, 0), dtype=np.int64), tmp_path, num_nodes=100_000)
    assert_same(np.array([[5], [5]]), tmp_path, num_nodes=70_000, self_loops=False)


def test_marks_of_integers_give_way_to_runs():
    for scale, shift in ((1, 0), (1, -(10**18)), (10**9, 5), (10**4, -(10**6))):
        names, values = IntegerNames(10**6), RNG.permutation(3000) * scale + shift
        for part in np.split(np.tile(values, 2), 6):
            names.add(part)
        expected = np.unique(values)
        ids = names.finish()
        assert names.count == 3000
        assert (ids is None) == (scale == 1 and shift == 0)
        if ids is not None:
            np.testing.assert_array_equal(ids, expected)
        np.testing.assert_array_equal(names.rows(values), np.searchsorted(expected, values))


@pytest.mark.parametrize(
    ("bad", "message"),
    [("1 2 3", "line 10001: the line has 3 columns"), (f"7 {2**63}", f"line 10001: node id '{2**63}' does not fit")],
)
def test_a_bad_line_far_behind_is_named(bad, message, tmp_path):
    path = write_lines(tmp_path / "edges.txt", [*ENDS.T[:10_000], bad.split()])
    for read in (as_graph, lambda file: convert_edges(file, tmp_path / "new.graph", memory="1MB")):
        with pytest.raises(ValueError, match=message):
            read(path)
    assert [file.name for file in tmp_path.iterdir()] == ["edges.txt"]


@pytest.mark.parametrize(
    ("edges", "options", "error", "message"),
    [
        ("t.txt", {"memory": "1 lot"}, ValueError, "memory must be a number of bytes"),
        ("t.txt", {"memory": 1000}, ValueError, "memory must be at least 1 MB, got 1 kB"),
        ("t.txt", {"bipartite": True}, TypeError, "convert_edges has no option bipartite"),
        ("t.txt", {"merge": "mean"}, ValueError, "merge must be one of"),
        ("t.txt", {"num_nodes": 2}, ValueError, r"line 1: node id '3' lies outside \[0, 2\)"),
        ("none.txt", {}, FileNotFoundError, "there is no file .*none.txt"),
        ("-", {}, ValueError, "read once and as a whole; save the edges"),
        ("t.gml", {}, ValueError, "t.gml is GML, which is not read in parts; leave out memory="),
        ("t.pkl", {}, ValueError, "t.pkl is a pickle, and no pickle is read"),
        ("triples.tsv", {}, ValueError, "has types of edges, by its columns 'head', 'relation', 'tail'"),
        (np.ones((3, 4), int), {}, ValueError, r"edges must hold integers in the shape \(2, num_edges\)"),
        (np.ones((2, 4), int), {"source": "a"}, TypeError, "source: options of text files and tables"),
        (np.array([[0], [-1]]), {}, IndexError, r"target holds node id -1, outside \[0, 1\)"),
        (np.array([[0], [10**12]]), {}, ValueError, "would have 1,000,000,000,001 nodes for 1 edges"),
    ],
)
def test_bad_input_is_one_sentence(edges, options, error, message, tmp_path):
    write_lines(tmp_path / "t.txt", [(3, 4)])
    write_lines(tmp_path / "t.gml", [("graph", "[", "]")])
    write_lines(tmp_path / "t.pkl", [(1, 2)])
    (tmp_path / "triples.tsv").write_text("head\trelation\ttail\na\tr\tb\n")
    given = tmp_path / edges if isinstance(edges, str) and edges != "-" else edges
    with pytest.raises(error, match=message):
        convert_edges(given, tmp_path / "new.graph", **options)
    assert len(list(tmp_path.iterdir())) == 4


def test_names_and_nodes_that_need_more_memory_are_refused(tmp_path):
    path = write_lines(tmp_path / "words.txt", [(f"name{i}", "x" * 20) for i in range(4000)])
    with pytest.raises(MemoryError, match=r"the names of the nodes need .* or more, and half of memory= is 500 kB"):
        convert_edges(path, tmp_path / "new.graph", memory="1MB")
    star = np.stack([np.zeros(30_000, dtype=np.int64), np.arange(30_000)])
    with pytest.raises(MemoryError, match=r"nodes? 0.* have 30,0\d\d arcs, and sorting them takes .*; give memory="):
        convert_edges(star, tmp_path / "new.graph", memory="1MB")
    assert [file.name for file in tmp_path.iterdir()] == ["words.txt"]


@pytest.mark.parametrize(
    ("place", "raised", "expected"),
    [
        ("build_rows", KeyboardInterrupt(), None),
        ("_append", KeyboardInterrupt(), None),
        ("build_rows", OSError(errno.ENOSPC, "No space left on device"), "new.graph: the disk is full"),
    ],
)
def test_an_end_before_the_end_leaves_the_old_file(place, raised, expected, tmp_path, monkeypatch):
    def stop(*_, **__):
        raise raised

    path = tmp_path / "new.graph"
    as_graph(FEW).save(path)
    before = path.read_bytes()
    monkeypatch.setattr(buckets, place, stop)
    with pytest.raises(type(raised), match=expected):
        convert_edges(ENDS, path)
    assert [file.name for file in tmp_path.iterdir()] == ["new.graph"]
    assert path.read_bytes() == before


def test_a_small_disk_is_seen_before_the_edges_are_distributed(tmp_path, monkeypatch):
    monkeypatch.setattr(buckets.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 1000}))
    with pytest.raises(OSError, match=r"sorting 47,\d\d\d arcs needs 38\d kB beside it, but 1 kB are free"):
        convert_edges(ENDS, tmp_path / "new.graph")


def test_two_sides_of_equal_ids_are_a_warning(tmp_path):
    path = tmp_path / "sales.csv"
    path.write_text("user,item\n1,2\n2,3\n")
    with pytest.warns(UserWarning, match="its columns are 'user' and 'item', but the same ids occur on both sides"):
        convert_edges(path, tmp_path / "new.graph")


def test_the_command_takes_memory(tmp_path, capsys):
    path = write_lines(tmp_path / "edges.tsv", [f"{u}\t{v}".split() for u, v in FEW.T])
    for options in ([], ["--memory", "1MB"]):
        with pytest.raises(SystemExit) as ended:
            cli.main(["convert", str(path), "-o", str(tmp_path / f"g{len(options)}.graph"), "--directed", *options])
        assert not ended.value.code
    assert (tmp_path / "g0.graph").read_bytes() == (tmp_path / "g2.graph").read_bytes()
    assert "directed" in capsys.readouterr().out
