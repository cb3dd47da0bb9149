"""Conversion of edges to a saved graph in bounded memory: the file is that of as_graph, byte by byte."""

from __future__ import annotations

import csv
import errno
import gzip
import os

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
    assert_same(write_lines(tmp_path / "wide.txt", 12_000 * FEW.T), tmp_path)  # marked, but too many to be ranked
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


def test_a_file_of_negative_row_numbers_is_named(tmp_path):
    np.save(tmp_path / "edges.npy", np.array([[0, 1], [1, -1]]))
    with pytest.raises(ValueError, match=r"edges\.npy must hold row numbers from 0, got -1"):
        convert_edges(tmp_path / "edges.npy", tmp_path / "new.graph", num_nodes=2)


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
        ("huge.txt", {}, ValueError, "huge.txt, line 2: node id '99999.*' does not fit into 64 bits"),
        ("t.txt", {"memory": 1000}, ValueError, "memory must be at least 1 MB, got 1 kB"),
        ("t.txt", {"merge": "mean"}, ValueError, "merge must be one of"),
        ("t.txt", {"num_nodes": 2}, ValueError, r"line 1: node id '3' lies outside \[0, 2\)"),
        ("none.txt", {}, FileNotFoundError, "there is no file .*none.txt"),
        ("-", {}, ValueError, "read once and as a whole; save the edges"),
        ("t.gml", {}, ValueError, "t.gml is GML, which is not read in parts; leave out memory="),
        ("t.pkl", {}, ValueError, "t.pkl is a pickle, and no pickle is read"),
        ("t.txt", {"edge_type": [0]}, TypeError, "edge_type of .*t.txt is a column; give its name or position"),
        (np.ones((2, 4), int), {"edge_type": 1}, TypeError, "edge_type=1 names a column, which an array lacks"),
        (np.ones((2, 4), int), {"edge_type": ["r"] * 4}, ValueError, "edge_type must hold an integer from 0 for each"),
        (np.ones((3, 4), int), {}, ValueError, r"edges must hold integers in the shape \(2, num_edges\)"),
        (np.ones((2, 4), int), {"source": "a"}, TypeError, "source: options of text files and tables"),
        (np.array([[0], [-1]]), {}, IndexError, r"target holds node id -1, outside \[0, 1\)"),
        (np.array([[0], [10**12]]), {}, ValueError, "would have 1,000,000,000,001 nodes for 1 edges"),
    ],
)
def test_bad_input_is_one_sentence(edges, options, error, message, tmp_path):
    write_lines(tmp_path / "t.txt", [(3, 4)])
    write_lines(tmp_path / "huge.txt", [(3, 4), (0, "9" * 5000)])
    write_lines(tmp_path / "t.gml", [("graph", "[", "]")])
    write_lines(tmp_path / "t.pkl", [(1, 2)])
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


def test_files_beside_the_output_have_short_names_and_their_errors_name_the_output(tmp_path, monkeypatch):
    path = write_lines(tmp_path / "edges.txt", FEW.T.tolist())
    for write in (lambda out: convert_edges(path, out), lambda out: as_graph(path).save(out)):
        out = tmp_path / f"{'圖' * 80}.graph"  # 246 bytes, of 255
        write(out)
        assert open_graph(out).num_edges
        out.unlink()
        with monkeypatch.context() as patch:
            patch.setattr("os.mkdir", lambda *_, **__: fail())
            patch.setattr("pathlib.Path.touch", lambda *_, **__: fail())
            with pytest.raises(FileNotFoundError, match=r"^cannot write .*new\.graph: No such file"):
                write(tmp_path / "new.graph")


def fail():
    raise OSError(errno.ENOENT, os.strerror(errno.ENOENT), "beside")


def test_two_sides_of_equal_ids_are_a_warning(tmp_path):
    path = tmp_path / "sales.csv"
    path.write_text("user,item\n1,2\n2,3\n")
    with pytest.warns(UserWarning, match="its columns are 'user' and 'item', but the same ids occur on both sides"):
        convert_edges(path, tmp_path / "new.graph")
    convert_edges(path, tmp_path / "new.graph", bipartite=False)
    assert open_graph(tmp_path / "new.graph").num_nodes == 3


def test_the_command_takes_memory(tmp_path, capsys):
    path = write_lines(tmp_path / "edges.tsv", [f"{u}\t{v}".split() for u, v in FEW.T])
    for options in ([], ["--memory", "1MB"]):
        with pytest.raises(SystemExit) as ended:
            cli.main(["convert", str(path), "-o", str(tmp_path / f"g{len(options)}.graph"), "--directed", *options])
        assert not ended.value.code
    assert (tmp_path / "g0.graph").read_bytes() == (tmp_path / "g2.graph").read_bytes()
    assert "directed" in capsys.readouterr().out


KINDS = RNG.integers(5, size=ENDS.shape[1])


def write_kinds(path, count, kinds, *, weights=None):
    """Edges as text or Parquet with a header, and names that need quotes."""
    names = [f'the "kind" {kind}, and more' if kinds is str else kind for kind in KINDS[:count].tolist()]
    ends = [f"n {node}" for node in ENDS[0, :count].tolist()], ENDS[1, :count].tolist()
    columns = {"source": ends[0], "kind": names, "target": [str(node) for node in ends[1]]}
    columns |= {} if weights is None else {"weight": weights[:count].tolist()}
    if path.suffix == ".csv":
        with path.open("w", encoding="utf-8", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(columns)
            rows.writerows(zip(*columns.values(), strict=True))
    else:
        pa, pq = (pytest.importorskip(name) for name in ("pyarrow", "pyarrow.parquet"))
        pq.write_table(pa.table(columns), path, row_group_size=700)
    return path


@pytest.mark.parametrize("options", [{}, {"directed": False}, {"directed": False, "merge": "max", "self_loops": False}])
def test_types_of_arrays(options, tmp_path, monkeypatch):
    seen = []
    divide = buckets._Plan.divide
    monkeypatch.setattr(buckets._Plan, "divide", lambda plan, *rest: (divide(plan, *rest), seen.append(plan.buckets)))
    weights = RNG.integers(0, 4, size=ENDS.shape[1]) / 3
    assert_same(ENDS, tmp_path, weights=weights, edge_type=KINDS.astype(np.uint8), **options)
    assert seen[0] > 1
    assert open_graph(tmp_path / "other.graph", verify=True).edge_types == ("0", "1", "2", "3", "4")
    named = [f"kind {kind}" for kind in range(600)]
    assert_same(FEW, tmp_path, memory="64MB", edge_type=KINDS[:300], edge_types=named, num_nodes=2**22)  # 64 bits


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
@pytest.mark.parametrize("kinds", [str, int])
def test_types_of_files(suffix, kinds, tmp_path):
    weights = RNG.integers(0, 4, size=3000) / 3
    path = write_kinds(tmp_path / f"edges{suffix}", 3000, kinds, weights=weights)
    assert_same(path, tmp_path, edge_type="kind")
    graph = open_graph(tmp_path / "other.graph", verify=True)
    assert (graph.directed, len(graph.edge_types)) == (True, 5)
    assert_same(path, tmp_path, edge_type=1, directed=False, weight=False)
    assert_same(path, tmp_path)
    assert open_graph(tmp_path / "other.graph").edge_types is None


def test_types_of_triples(tmp_path):
    names = tmp_path / "triples.tsv"
    write_lines(names, [(f"e{u}", f"r{k}", f"e{v}") for u, k, v in zip(*FEW, KINDS, strict=False)])
    assert_same(names, tmp_path, edge_type=True)
    numbers = write_lines(tmp_path / "numbers.tsv", [(u, v, k) for u, v, k in zip(*ENDS, KINDS, strict=True)])
    assert_same(numbers, tmp_path, edge_type=2, num_nodes=300)
    usual = tmp_path / "usual.csv"
    usual.write_text("head,relation,tail\na,r,b\nb,s,c\n")
    assert_same(usual, tmp_path)
    assert open_graph(tmp_path / "other.graph").edge_types == ("r", "s")
    assert_same(usual, tmp_path, edge_type=False)
    assert open_graph(tmp_path / "other.graph").edge_types is None
    parts = tmp_path / "parts"
    parts.mkdir()
    for part in range(2):
        write_lines(parts / f"{part}.txt", [(u, f"r{part}", v) for u, v in FEW.T[part::2]])
    assert_same(parts, tmp_path, edge_type=1)


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("a,b,kind\n1,2,r\n1,2,\n", {"edge_type": "kind"}, r"t.csv, line 3: a field is empty"),
        ("a,b,kind\n1,2,r\n", {"edge_type": "sort"}, r"edge_type='sort' is no column of .*t.csv, which has the col"),
        ("a,b,kind\n1,2,r\n", {"edge_type": 3}, r"edge_type=3 is no column of .*t.csv, which has the columns 'a'"),
        ("a,b,kind\n1,2,7\n1,3,-1\n", {"edge_type": "kind"}, r"edge_type must lie in the codes from 0 upward; got -1"),
        ("a,b,kind\n1,2,r\n", {"edge_type": "kind", "edge_types": ["s"]}, r"edge_type holds 'r', which is none of 's'"),
        (
            "a,b,kind\n1,2,r\n",
            {"edge_type": "b", "source": "a", "target": "b"},
            "column 'b' of .*, which holds end points",
        ),
        ("a,b\n1,2\n", {"edge_types": ["r"]}, "edge_types= names the types that edge_type= gives, which is missing"),
        ("1 r 2 a b\n", {"edge_type": 1}, "t.csv has 5 columns without names; give weight="),
        ("1 2\n", {"edge_type": 1}, "t.csv: triples need three columns, head, relation and tail; got 2"),
    ],
)
def test_bad_types_are_one_sentence(text, options, message, tmp_path):
    path = tmp_path / "t.csv"
    path.write_text(text)
    for read in (as_graph, lambda edges, **rest: convert_edges(edges, tmp_path / "new.graph", **rest)):
        with pytest.raises((ValueError, TypeError), match=message):
            read(path, **options)
    assert [file.name for file in tmp_path.iterdir()] == ["t.csv"]


def write_nodes(path, names):
    """A table of nodes: kinds, numbers, and arrays of numbers, as text or Parquet."""
    count = len(names)
    numbers = np.random.default_rng(1)
    rows = numbers.random((count, 3)).astype(np.float32)
    columns = {
        "id": names,
        "kind": [f"k {i % 4}" for i in range(count)],
        "age": numbers.integers(9, size=count).tolist(),
    }
    columns["score"] = numbers.random(count).round(3).tolist()
    if path.suffix == ".parquet":
        pa, pq = (pytest.importorskip(name) for name in ("pyarrow", "pyarrow.parquet"))
        lists = pa.FixedSizeListArray.from_arrays(pa.array(rows.ravel()), 3)
        pq.write_table(pa.table(columns | {"emb": lists, "f32": rows[:, 0]}), path, row_group_size=70)
        return path
    columns |= {"emb:float[]": [";".join(map(str, row)) for row in rows.tolist()], "f32:float": rows[:, 0].tolist()}
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(columns)
        table.writerows(zip(*columns.values(), strict=True))
    return path


NAMES = {
    "rows": lambda node: node,
    "integers": lambda node: 7 * ((node * 101) % 300) - 3,  # in no order
    "strings": lambda node: f'n "{node}", é',
}


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
@pytest.mark.parametrize("kind", NAMES)
def test_tables_of_nodes(kind, suffix, tmp_path):
    spelled = NAMES[kind]
    nodes = write_nodes(tmp_path / f"nodes{suffix}", [spelled(node) for node in range(300)])
    edges = tmp_path / "edges.csv"
    with edges.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["source", "target", "sort"])
        rows.writerows(
            [spelled(u), spelled(v), f"r{k}"] for u, v, k in zip(*FEW.tolist(), KINDS.tolist(), strict=False)
        )
    for options in (
        {"node_type": "kind", "x": ["age", "score"], "edge_type": "sort"},
        {"node_type": "age", "x": "emb", "y": "score"},
        {"x": ["f32"], "y": "age", "node_type": "kind", "node_types": [f"k {i}" for i in range(200)][::-1]},
    ):
        assert_same(edges, tmp_path, nodes=nodes, **options)
        graph = open_graph(tmp_path / "other.graph", verify=True)
        assert graph.nodes.tolist() == [spelled(node) for node in range(300)]
        assert graph.x.dtype == (np.float64 if "score" in options["x"] else np.float32)


def test_types_that_look_like_integers(tmp_path):
    edges = write_lines(tmp_path / "edges.txt", [("a", "b")])
    nodes = tmp_path / "nodes.csv"
    for header, options in ((":LABEL", {}), ("k", {"node_type": "k"}), ("k:string", {"node_type": "k"})):
        nodes.write_text(f"id,{header}\na,3\nb,1\n")
        assert_same(edges, tmp_path, nodes=nodes, **options)
        types = ("0", "1", "2", "3") if header == "k" else ("3", "1")
        assert open_graph(tmp_path / "other.graph").node_types == types
    rows = 10_000
    nodes.write_text("id,k\n" + "".join(f"n{row},{'x' if row == rows - 1 else row % 5}\n" for row in range(rows)))
    assert_same(write_lines(tmp_path / "edges.txt", [("n3", "n5")]), tmp_path, nodes=nodes, node_type="k", memory="8MB")


def test_parts_of_a_table_of_nodes_and_labels(tmp_path):
    (tmp_path / "nodes").mkdir()
    for part in range(3):
        lines = "".join(f"{node},{'' if node == 4 else f'L{node % 2}'},{node / 2}\n" for node in range(part, 300, 3))
        (tmp_path / "nodes" / f"{part}.csv").write_text(f":ID,:LABEL,size:double\n{lines}", encoding="utf-8")
    edges = write_lines(tmp_path / "edges.txt", FEW.T)
    assert_same(edges, tmp_path, nodes=tmp_path / "nodes", x="size")
    files = sorted((tmp_path / "nodes").iterdir())
    assert_same(edges, tmp_path, nodes=files, y="size")
    assert open_graph(tmp_path / "other.graph").node_types == ("L0", "L1", "node")


@pytest.mark.parametrize("order", ["C", "F"])
def test_arrays_of_nodes(order, tmp_path):
    np.save(tmp_path / "x.npy", np.asarray(RNG.random((300, 40)), dtype=np.float32, order=order))
    x = np.load(tmp_path / "x.npy", mmap_mode="r")
    kinds, labels = np.arange(300) % 3, np.array(["a", "b", None] * 100, dtype=object)
    edges = write_lines(tmp_path / "edges.txt", FEW.T)
    assert_same(edges, tmp_path, num_nodes=300, x=x, y=labels, node_type=kinds, node_types=["u", "v", "w"])
    assert_same(FEW, tmp_path, num_nodes=300, x=x, y=kinds)
    nodes = write_nodes(tmp_path / "nodes.csv", [f"n{node}" for node in range(300)])
    assert_same(FEW, tmp_path, nodes=nodes, x=x, node_type="kind")
    convert_edges(FEW, tmp_path / "other.graph", nodes=nodes, x=tmp_path / "x.npy", node_type="kind")
    assert (tmp_path / "one.graph").read_bytes() == (tmp_path / "other.graph").read_bytes()


TABLE = "id,kind,age,word\na,k,1,one\nb,k,2,two\n"


@pytest.mark.parametrize(
    ("table", "edges", "options", "message"),
    [
        (TABLE, "a b", {"x": "size"}, r"property 'size'; the properties are .*'kind'"),
        (TABLE, "a b", {"x": ["age", "word"]}, "the node attribute 'word' holds object and no numbers"),
        (TABLE, "a c", {}, "nodes lacks 'c', which is a node of the graph"),
        ("id\n1\n2\n", "1 3", {}, "nodes lacks 3, which is a node of the graph"),
        ("id\n7\n5\n", "7 6", {}, "nodes lacks 6, which is a node of the graph"),
        (TABLE.replace("b,k", "a,k"), "a a", {}, "has the id 'a' twice, or another table has it"),
        ("id\n5\n7\n5\n", "5 7", {}, "has the id '?5'? twice, or another table has it"),
        (TABLE.replace("b,k", ",k"), "a a", {}, "has no id in row 1 of the column 'id'"),
        (
            TABLE.replace("2,two", ",two"),
            "a b",
            {"x": "age"},
            "the property 'age' of .* has no value for 'b'; fill it in",
        ),
        (TABLE.replace("id,", "ident,"), "a b", {}, "has no column of ids among 'ident', 'kind'"),
        (TABLE + "c,k\n", "a b", {}, "row 4 has 2 fields, but the header has 4 columns"),
        ("", "a b", {}, "nodes.csv is empty; it must begin with the names of its columns"),
        ("id,v:float[]\na,1;2\nb,1\n", "a b", {"x": "v"}, "must hold arrays of one length, got 1 to 2 values"),
        (TABLE, "a b", {"num_nodes": 2}, "num_nodes= is given, but the tables of nodes= say how many"),
        (TABLE, "a b", {"node_types": ["k"]}, "node_types= names the types that node_type= gives, which is missing"),
        (TABLE, "a b", {"node_type": "kind", "node_types": ["m"]}, "node_type holds 'k', which is none of 'm'"),
        (TABLE, "a b", {"x": np.ones((3, 2))}, r"x must have one row per node \(2\), got 3"),
        ("id,:LABEL\na,k\nb,k\n", "a b", {"node_type": "id"}, "node_type"),
    ],
)
def test_bad_tables_of_nodes_are_one_sentence(table, edges, options, message, tmp_path):
    (tmp_path / "nodes.csv").write_text(table)
    (tmp_path / "edges.txt").write_text(edges + "\n")
    for read in (as_graph, lambda path, **rest: convert_edges(path, tmp_path / "new.graph", **rest)):
        with pytest.raises((ValueError, TypeError), match=message):
            read(tmp_path / "edges.txt", nodes=tmp_path / "nodes.csv", **options)
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"x": "age"}, "x='age' names a column of nodes=, which is missing"),
        ({"x": "x.npy"}, r"x='x.npy' names a column of nodes=; give pathlib.Path\('x.npy'\) for a file"),
        ({"node_type": {"a": 1}}, "node_type must be an array with a row per node, the path of an .npy file"),
        ({"y": np.ones(2, complex)}, "y holds complex128, where a file holds real numbers or strings"),
        ({"nodes": ["a", "b"]}, "there is no file a|No such file"),
        ({"nodes": 5}, "nodes must be the path of a table of nodes, or a list of paths, got 5"),
        ({"bipartite": True}, "convert_edges has no option bipartite; two sides need"),
    ],
)
def test_what_is_not_carried_is_refused(options, message, tmp_path):
    (tmp_path / "edges.txt").write_text("a b\n")
    with pytest.raises((ValueError, TypeError, OSError), match=message):
        convert_edges(tmp_path / "edges.txt", tmp_path / "new.graph", **options)
    assert [file.name for file in tmp_path.iterdir()] == ["edges.txt"]


def test_ids_with_spaces_and_labels_that_are_strings_are_refused(tmp_path):
    (tmp_path / "edges.txt").write_text("a b\n")
    nodes = tmp_path / "nodes.csv"
    for table, options, message in (
        (":ID(Person),age\na,1\nb,2\n", {}, r"has an id space, by its column ':ID\(Person\)'; leave out memory="),
        (TABLE, {"y": "word"}, "the node attribute 'word' holds object and no numbers, so it is only read as a whole"),
    ):
        nodes.write_text(table)
        as_graph(tmp_path / "edges.txt", nodes=nodes, **options)
        with pytest.raises((ValueError, TypeError), match=message):
            convert_edges(tmp_path / "edges.txt", tmp_path / "new.graph", nodes=nodes, **options)
    assert len(list(tmp_path.iterdir())) == 2


def test_the_command_takes_types_and_features(tmp_path, capsys):
    np.save(tmp_path / "x.npy", RNG.random((300, 4)))
    nodes = write_nodes(tmp_path / "nodes.csv", [f"n{node}" for node in range(300)])
    edges = tmp_path / "edges.tsv"
    edges.write_text("from\tto\tsort\n" + "".join(f"n{u}\tn{v}\tr{u % 3}\n" for u, v in FEW.T))
    common = ["--nodes", str(nodes), "--node-type", "kind", "--edge-type", "sort", "--y", "age"]
    for given in (["--x", "age", "--x", "score"], ["--x", str(tmp_path / "x.npy")]):
        for options in ([], ["--memory", "1MB"]):
            with pytest.raises(SystemExit) as ended:
                cli.main(
                    ["convert", str(edges), "-o", str(tmp_path / f"g{len(options)}.graph"), *common, *given, *options]
                )
            assert not ended.value.code
        assert (tmp_path / "g0.graph").read_bytes() == (tmp_path / "g2.graph").read_bytes()
        assert " directed" in capsys.readouterr().out
