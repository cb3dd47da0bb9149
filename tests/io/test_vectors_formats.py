"""Files of vectors of other programs, and files that other programs read."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import zipfile

import numpy as np
import pytest

import graphrep as gr
from graphrep._mapped import mapping_of
from graphrep.io import VECTOR_FORMATS, VECTOR_SUFFIXES

TWO = np.array([[1.0, 2.0], [3.0, 4.0]], np.float32)
AB = gr.NodeVectors(TWO, ["a", "b"])


def refuses(path, message, **options):
    with pytest.raises(ValueError, match=message) as info:
        gr.load_vectors(path, **options)
    assert str(info.value).startswith(str(path))
    assert "\n" not in str(info.value)


@pytest.mark.parametrize("form", VECTOR_FORMATS)
def test_format_overrides_the_suffix(form, tmp_path):
    for name in ("out.dat", "out.txt", "out"):
        AB.save(tmp_path / name, format=form)
        assert gr.load_vectors(tmp_path / name, format=form) == AB


@pytest.mark.parametrize("suffix", VECTOR_SUFFIXES)
def test_a_suffix_that_belies_the_content_is_one_sentence(suffix, tmp_path):
    for form in VECTOR_FORMATS:
        path = tmp_path / f"{form}{suffix}"
        AB.save(path, format=form)
        if form == gr.io.check_vector_path(path) or (form, suffix) == ("glove", ".txt"):
            assert gr.load_vectors(path) == AB
        else:
            sure = form in ("npy", "npz", "parquet", "safetensors")
            refuses(path, f"give format='{form}'" if sure else form)


def test_unknown_format(tmp_path):
    with pytest.raises(ValueError, match=r"format must be one of safetensors, npy, .*; got 'pickle'"):
        AB.save(tmp_path / "out.npy", format="pickle")
    with pytest.raises(ValueError, match="format must be one of"):
        gr.load_vectors(tmp_path / "out.npy", format="w2v")


@pytest.mark.parametrize("dtype", [np.float16, np.float64, np.int32])
@pytest.mark.parametrize("suffix", VECTOR_SUFFIXES)
def test_vectors_of_other_dtypes_are_kept_as_float32(suffix, dtype, tmp_path):
    v = gr.NodeVectors(TWO.astype(dtype), ["a", "b"])
    v.save(tmp_path / f"out{suffix}")
    assert gr.load_vectors(tmp_path / f"out{suffix}") == AB == v


# CSV and TSV


def test_csv_is_what_pandas_polars_and_the_library_read(tmp_path):
    pd = pytest.importorskip("pandas")
    v = gr.NodeVectors(np.array([[0.1, 1e-45], [3e38, -0.0]]), ['say "hi", Ann', "two\nlines"])
    v.save(tmp_path / "out.csv")
    frame = pd.read_csv(tmp_path / "out.csv", index_col="node")
    assert frame.index.tolist() == v.nodes.tolist()
    np.testing.assert_array_equal(frame.to_numpy(np.float32), v.vectors)
    with (tmp_path / "out.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["node", "x0", "x1"]
    assert [row[0] for row in rows[1:]] == v.nodes.tolist()
    polars = pytest.importorskip("polars")
    assert polars.read_csv(tmp_path / "out.csv")["node"].to_list() == v.nodes.tolist()


@pytest.mark.parametrize("index", [["a", "b"], [7, 5], ["007", "8"], ["1", "2"]])
@pytest.mark.parametrize("label", [None, "who"])
def test_csv_of_pandas(index, label, tmp_path):
    pd = pytest.importorskip("pandas")
    pd.DataFrame(TWO, index=pd.Index(index, name=label)).to_csv(tmp_path / "out.csv")
    options = {"header": True} if len(TWO[0]) < 3 else {}
    v = gr.load_vectors(tmp_path / "out.csv", **options)
    # pandas writes the strings "1" and "2" as it writes integers
    assert v.nodes.tolist() == ([1, 2] if index == ["1", "2"] else index)
    np.testing.assert_array_equal(v.vectors, TWO)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ('"a",1,2\n"b",3,4\n', ["a", "b"]),  # no header
        ("a,1,2\nb,3,4\n", ["a", "b"]),
        ("node,x,y\n1,1,2\n2,3,4\n", [1, 2]),
        ('node,x,y\n"1",1,2\n"2",3,4\n', ["1", "2"]),  # quoted: strings
        ("\ufeffnode,x,y\r\n\r\na,1,2\r\nb,3,4\r\n", ["a", "b"]),  # as Excel writes it
        ('"","V1","V2"\n"a",1,2\n"b",3,4\n', ["a", "b"]),  # as R writes it
        ("node,x,y\n-1,1,2\n99999999999999999999,3,4\n", ["-1", "99999999999999999999"]),
    ],
)
def test_csv_of_others(text, names, tmp_path):
    (tmp_path / "out.csv").write_text(text, newline="")
    (tmp_path / "out.tsv").write_text(text.replace(",", "\t"), newline="")
    for suffix in (".csv", ".tsv"):
        v = gr.load_vectors(tmp_path / f"out{suffix}")
        assert v.nodes.tolist() == names
        np.testing.assert_array_equal(v.vectors, TWO)


def test_csv_with_columns_named(tmp_path):
    path = tmp_path / "out.csv"
    path.write_text("age,who,y,x\n30,ann,2,1\n40,bob,4,3\n")
    v = gr.load_vectors(path, nodes="who", vectors=["x", "y"])
    assert (v.nodes.tolist(), v.vectors.tolist()) == (["ann", "bob"], TWO.tolist())
    assert gr.load_vectors(path, nodes="who").dimensions == 3
    assert gr.load_vectors(path, nodes="who", vectors="x").vectors.tolist() == [[1], [3]]
    refuses(path, r"line 2, column who holds 'ann', which is not a number; name the columns with vectors=")
    refuses(path, "it has no column named 'z'; its columns are age, who, y, x", nodes="who", vectors=["x", "z"])
    refuses(path, "column 'x' cannot hold both", nodes="x", vectors=["x", "y"])
    path.write_text("ann,1,2\nbob,3,4\n")
    refuses(path, "it has no header whose columns nodes= and vectors= could name", vectors=["x"])
    path.write_text("a,x,x\nann,1,2\n")
    refuses(path, "it has several columns named 'x'", vectors=["x"])


def test_a_first_line_that_could_be_either_warns(tmp_path):
    path = tmp_path / "out.csv"
    path.write_text("5,0,1\n6,3,4\n")
    with pytest.warns(UserWarning, match="may be a header or a vector, and is read as a header; give header=True or"):
        assert len(gr.load_vectors(path)) == 1
    assert len(gr.load_vectors(path, header=True)) == 1
    assert gr.load_vectors(path, header=False).nodes.tolist() == [5, 6]
    path.write_text("5,0,1,2\n6,3,4,5\n")  # pandas' own header
    assert len(gr.load_vectors(path)) == 1


def test_numbers_as_the_names_of_columns(tmp_path):
    path = tmp_path / "out.csv"
    path.write_text("Node,2019,2020\n1,1,2\n2,3,4\n")
    assert gr.load_vectors(path).nodes.tolist() == [1, 2]
    path.write_text("city,2019,2020\n1,1,2\n2,3,4\n")
    with pytest.warns(UserWarning, match="is read as a vector, but may be a header; give header=True or header=False"):
        assert gr.load_vectors(path).nodes.tolist() == ["city", "1", "2"]
    assert gr.load_vectors(path, header=True).nodes.tolist() == [1, 2]
    assert len(gr.load_vectors(path, header=False)) == 3


@pytest.mark.parametrize("shape", [(1 << 62, 1 << 62), (1 << 40, 4), (-1, 4)])
@pytest.mark.parametrize("mmap", [True, False])
def test_a_header_that_promises_too_much_takes_no_memory(shape, mmap, tmp_path):
    np.save(tmp_path / "out.npy", TWO)
    whole = (tmp_path / "out.npy").read_bytes()
    old = b"'shape': (2, 2), }"
    new = f"'shape': {shape}, }}".encode()
    (tmp_path / "out.npy").write_bytes(whole.replace(old + b" " * (len(new) - len(old)), new))
    message = "its shape is" if shape[0] < 0 else "it ends before its array of shape"
    refuses(tmp_path / "out.npy", message, mmap=mmap)
    with zipfile.ZipFile(tmp_path / "out.npz", "w") as archive:
        archive.write(tmp_path / "out.npy", "vectors.npy")
    refuses(tmp_path / "out.npz", message, mmap=mmap)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "it is empty"),
        ("node\na\n", "its first line has no comma"),
        ("node;x;y\na;1;2\n", "its first line has no comma"),
        ("node,x\na,1,2\n", "line 2 has 3 fields, the first line 2"),
        ("node,x,y\na,1\n", "line 2 has 2 fields"),
        ('node,x\n"a,1\n', "not readable CSV"),
        ('node,x\n"a\nb",1\n\n"c",z\n', "line 5, column x holds 'z'"),
        ("node,x\na,nan\n", "vectors must be finite; row 0 holds nan"),
        ("node,x\na,\n", "line 2, column x holds ''"),
        ("node,x\na,1\na,2\n", "nodes must be distinct"),
        ("a,b\nx,1e400\n", "vectors must be finite"),
    ],
)
def test_wrong_csv(text, message, tmp_path):
    (tmp_path / "out.csv").write_text(text)
    refuses(tmp_path / "out.csv", message)


def test_csv_cut_off_in_a_number_warns(tmp_path):
    (tmp_path / "out.csv").write_text("node,x,y\na,1,2\nb,3,4.5")
    with pytest.warns(UserWarning, match=r"the last line of .*out\.csv has no end of line; is the file truncated"):
        assert len(gr.load_vectors(tmp_path / "out.csv")) == 2


def test_csv_longer_than_a_block(tmp_path):
    v = gr.NodeVectors(np.random.default_rng(0).standard_normal((9000, 2)), [f"n{i}" for i in range(9000)])
    v.save(tmp_path / "out.csv")
    assert gr.load_vectors(tmp_path / "out.csv") == v


# word2vec binary and GloVe


def test_binary_word2vec_is_what_gensim_reads_and_writes(tmp_path):
    models = pytest.importorskip("gensim.models")
    v = gr.NodeVectors(np.random.default_rng(0).standard_normal((4, 3)), ["é", "日本", "a-b", "🙂"])
    v.save(tmp_path / "ours.bin")
    keyed = models.KeyedVectors.load_word2vec_format(str(tmp_path / "ours.bin"), binary=True)
    assert keyed.index_to_key == v.nodes.tolist()
    np.testing.assert_array_equal(keyed.vectors, v.vectors)
    keyed.save_word2vec_format(str(tmp_path / "theirs.bin"), binary=True)
    assert gr.load_vectors(tmp_path / "theirs.bin") == v
    assert gr.NodeVectors.from_keyed_vectors(keyed) == v
    assert gr.NodeVectors.from_keyed_vectors(v.to_keyed_vectors()) == v
    with pytest.raises(TypeError, match="keyed must be gensim KeyedVectors, got dict"):
        gr.NodeVectors.from_keyed_vectors({})


def test_binary_word2vec_of_the_original_program(tmp_path):
    rows = [b"a " + TWO[0].tobytes() + b"\n", b"b " + TWO[1].tobytes() + b"\n"]
    (tmp_path / "out.bin").write_bytes(b"2 2\n" + b"".join(rows))
    assert gr.load_vectors(tmp_path / "out.bin") == AB


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not a readable word2vec file"),
        (b"a b\n", "not a readable word2vec file"),
        (b"99999999 9\na ", "truncated: its first line promises 99999999 vectors"),
        (b"1 1\naaaaaaaa", "truncated: it holds 0 of the 1 vectors"),
        (b"1 1\na \0\0\0\0b", "it holds more than the 1 vectors"),
        (b"1 1\n\xff \0\0\0\0", "the name of vector 0 is not UTF-8"),
    ],
)
def test_wrong_binary_word2vec(content, message, tmp_path):
    (tmp_path / "out.bin").write_bytes(content)
    refuses(tmp_path / "out.bin", message)


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")  # gensim's
def test_glove_as_it_is_published(tmp_path):
    models = pytest.importorskip("gensim.models")
    path = tmp_path / "glove.6B.2d.txt"
    path.write_text("the 0.418 0.24968\n. . 1 2\nat name@domain.com -1 2\n")
    v = gr.load_vectors(path)
    assert v.nodes.tolist() == ["the", ". .", "at name@domain.com"]
    AB.save(tmp_path / "ours.glove")
    keyed = models.KeyedVectors.load_word2vec_format(str(tmp_path / "ours.glove"), no_header=True)
    assert keyed.index_to_key == ["a", "b"]
    np.testing.assert_array_equal(keyed.vectors, TWO)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "it is empty"),
        ("a\n", "its first line holds no numbers"),
        ("a b\n", "not readable GloVe text: line 1 holds something that is not a number"),
        ("a 1 2\nb 1\n", "line 2 holds 1 numbers, line 1 2"),
        ("a 1\nb x\n", "line 2 holds something that is not a number"),
        ("a 1\nb 2", "line 2 has no end of line"),
        ("a 1\na 2\n", "nodes must be distinct"),
    ],
)
def test_wrong_glove(text, message, tmp_path):
    (tmp_path / "out.glove").write_text(text)
    refuses(tmp_path / "out.glove", message)


def test_an_edge_list_is_no_file_of_vectors(tmp_path):
    for text in ("a b\nb c\n", "1 2\n3 4\n", "a b 0.5\n"):
        (tmp_path / "edges.txt").write_text(text)
        refuses(tmp_path / "edges.txt", "not word2vec text|truncated|numbers, expected")


# .npz and safetensors


def test_npz_is_what_numpy_reads(tmp_path):
    AB.save(tmp_path / "out.npz")
    with np.load(tmp_path / "out.npz", allow_pickle=False) as arrays:
        assert sorted(arrays) == ["nodes", "settings", "vectors"]
        assert arrays["nodes"].tolist() == ["a", "b"]
        np.testing.assert_array_equal(arrays["vectors"], TWO)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_foreign_npz_and_safetensors(save, tmp_path):
    from safetensors.numpy import save_file

    save(tmp_path / "out.npz", emb=TWO, ids=np.array([9, 4], np.int32), words=np.array(["p", "q"]))
    save_file({"emb": TWO, "ids": np.array([9, 4], np.int32), "deg": TWO[0].copy()}, tmp_path / "out.safetensors")
    for suffix in (".npz", ".safetensors"):
        path = tmp_path / f"out{suffix}"
        v = gr.load_vectors(path, nodes="ids", vectors="emb")
        assert (v.nodes.tolist(), v.vectors.tolist()) == ([9, 4], TWO.tolist())
        refuses(path, r"it has no (array|tensor) named '(vectors|embedding)'; it has .*'emb'.*: name one with vectors=")
        refuses(path, "its (array|tensor) 'ids' may hold the names; say so with nodes='ids'", vectors="emb")
        refuses(path, "it has no (array|tensor) named 'x'", vectors="emb", nodes="x")
        refuses(path, "emb must be a 1-d array of int64 or strings", vectors="emb", nodes="emb")
    assert gr.load_vectors(tmp_path / "out.npz", nodes="words", vectors="emb")["q"].tolist() == [3, 4]


def test_safetensors_in_half_precision(tmp_path):
    torch = pytest.importorskip("torch")
    from safetensors.torch import save_file

    for dtype in (torch.bfloat16, torch.float16, torch.float64):
        save_file({"embedding": torch.tensor([[1.5, -2.25], [0.0, 3e4]]).to(dtype)}, tmp_path / "out.safetensors")
        expected = torch.tensor([[1.5, -2.25], [0.0, 3e4]]).to(dtype).double().tolist()
        assert gr.load_vectors(tmp_path / "out.safetensors").vectors.tolist() == expected


def test_npz_runs_no_code_and_names_its_faults(tmp_path):
    path = tmp_path / "out.npz"
    np.savez(path, vectors=np.array([[{}]], dtype=object), nodes=np.array(["a"]))
    refuses(path, "Object arrays cannot be loaded")
    path.write_bytes(b"PK\x03\x04garbage")
    refuses(path, "not a readable .npz file")
    np.savez(path, vectors=TWO, nodes=np.array(["a", "b", "c"]))
    refuses(path, "3 names for 2 vectors")
    np.savez(path, vectors=TWO, nodes=np.array([1, 2**64 - 1], np.uint64))
    refuses(path, "nodes must be a 1-d array of int64 or strings, got uint64")
    np.savez(path, vectors=TWO, nodes=np.array(["a", "b"]), settings=np.array("{"))
    refuses(path, "its metadata is not JSON")


# Parquet


def test_parquet_of_others(tmp_path):
    pd, pa = pytest.importorskip("pandas"), pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "out.parquet"
    wide = pd.DataFrame({"who": ["ann", "bob"], "age": [30, 40], "x": TWO[:, 0], "y": TWO[:, 1].astype(np.float64)})
    wide.to_parquet(path)
    v = gr.load_vectors(path, nodes="who", vectors=["x", "y"])
    assert (v.nodes.tolist(), v.vectors.tolist()) == (["ann", "bob"], TWO.tolist())
    refuses(path, r"cannot tell which of its columns \(who, age, x, y\)")
    refuses(path, r"cannot tell which of its columns", nodes="who")
    refuses(path, "it has no column named 'name'; its columns are who, age, x, y", nodes="name")
    refuses(path, "column who must hold numbers, got", nodes="age", vectors=["who", "x"])
    refuses(path, "column 'x' cannot hold both", nodes="x", vectors=["x", "y"])
    wide.drop(columns="age").set_index("who").to_parquet(path)  # the index holds the names
    assert gr.load_vectors(path) == v
    wide[["x", "y"]].to_parquet(path)  # the default index holds none
    assert gr.load_vectors(path) == gr.NodeVectors(TWO)
    AB.to_frame().to_parquet(path)
    assert gr.load_vectors(path) == AB
    lists = {"id": pa.array([5, 6], pa.uint32()), "emb": TWO.tolist(), "note": ["p", "q"]}
    for kind in (pa.list_(pa.float64()), pa.large_list(pa.float32()), pa.list_(pa.float16(), 2), pa.list_(pa.int64())):
        pq.write_table(pa.table(lists | {"emb": pa.array(TWO.tolist(), pa.list_(pa.float64())).cast(kind)}), path)
        assert gr.load_vectors(path, nodes="id", vectors="emb") == gr.NodeVectors(TWO, [5, 6])
    pq.write_table(pa.table({"id": pa.array(["a", "b"]).dictionary_encode(), "emb": TWO.tolist()}), path)
    assert gr.load_vectors(path, nodes="id") == AB
    pq.write_table(pa.table({"id": pa.array([1, 2**64 - 1], pa.uint64()), "emb": TWO.tolist()}), path)
    refuses(path, r"id holds integers of 2\*\*63 or more; make them strings", nodes="id")
    wide.set_index(["who", "age"]).to_parquet(path)
    refuses(path, "its index has 2 columns; name one of them with nodes=")


def test_a_slice_of_a_list_column(tmp_path):
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    table = pa.table({"node_id": ["z", "a", "b"], "embedding": [[9.0, 9.0], *TWO.tolist()]}).slice(1)
    assert gr.NodeVectors(table) == AB
    pq.write_table(table, tmp_path / "out.parquet", row_group_size=1)
    assert gr.load_vectors(tmp_path / "out.parquet") == AB


# options


@pytest.mark.parametrize(
    ("suffix", "options", "message"),
    [
        (".npy", {"nodes": "a"}, "nodes= means nothing for npy, only for safetensors, npz, parquet, csv, tsv"),
        (".w2v", {"vectors": "a"}, "vectors= means nothing for word2vec"),
        (".parquet", {"header": True}, "header= means nothing for parquet, only for csv, tsv"),
        (".csv", {"mmap": True}, "mmap= means nothing for csv, only for safetensors, npy, npz"),
    ],
)
def test_options_that_mean_nothing_are_refused(suffix, options, message, tmp_path):
    if suffix == ".parquet":
        pytest.importorskip("pyarrow")
    AB.save(tmp_path / f"out{suffix}")
    refuses(tmp_path / f"out{suffix}", message, **options)


# mapping


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".safetensors"])
def test_mapped_vectors_are_the_same(suffix, tmp_path):
    v = gr.NodeVectors(np.random.default_rng(0).standard_normal((50, 7)), [f"n{i}" for i in range(50)], {"seed": 1})
    path = tmp_path / f"out{suffix}"
    v.save(path)
    mapped, read = gr.load_vectors(path, mmap=True), gr.load_vectors(path)
    assert mapped == read == v
    assert mapping_of(mapped.vectors) is not None
    assert mapping_of(gr.load_vectors(path, mmap=None).vectors) is not None
    assert mapping_of(read.vectors) is None
    assert not mapped.vectors.flags.writeable
    for metric in ("cosine", "dot", "euclidean"):
        assert mapped.most_similar("n3", metric=metric) == v.most_similar("n3", metric=metric)
    v.select(v.nodes[:5]).save(path)  # the mapping stays what it was
    assert mapped == v


def test_what_cannot_be_mapped(tmp_path):
    np.savez_compressed(tmp_path / "out.npz", vectors=TWO, nodes=np.array(["a", "b"]))
    np.save(tmp_path / "wide.npy", TWO.astype(np.float64))
    np.save(tmp_path / "fortran.npy", np.asfortranarray(TWO))
    AB.save(tmp_path / "out.csv")
    for name in ("out.npz", "wide.npy", "fortran.npy"):
        refuses(tmp_path / name, "only uncompressed float32 in C order can be mapped", mmap=True)
    for name in ("out.npz", "wide.npy", "fortran.npy", "out.csv"):
        np.testing.assert_array_equal(gr.load_vectors(tmp_path / name, mmap=None).vectors, TWO)
    np.save(tmp_path / "bad.npy", np.array([[1.0], [np.nan]], np.float32))
    refuses(tmp_path / "bad.npy", "vectors must be finite; row 1 holds nan", mmap=True)
    whole = (tmp_path / "bad.npy").read_bytes()
    (tmp_path / "bad.npy").write_bytes(whole[:-1])
    refuses(tmp_path / "bad.npy", "not a readable .npy file", mmap=True)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="asks Linux for its memory")
@pytest.mark.parametrize("suffix", [".npy", ".npz", ".safetensors"])
def test_the_neighbors_of_one_node_do_not_load_the_file(suffix, tmp_path):
    size = 160_000_000
    vectors = np.random.default_rng(0).standard_normal((size // 4 // 250, 250), dtype=np.float32)
    gr.NodeVectors(vectors).save(tmp_path / f"out{suffix}")
    expected = gr.NodeVectors(vectors).most_similar(7, k=3)
    code = (
        "import json, resource, sys, graphrep as gr\n"
        "gr.NodeVectors([[1.0], [2.0]]).most_similar(0)\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "found = gr.load_vectors(sys.argv[1], mmap=True).most_similar(7, k=3)\n"
        "print(json.dumps([found, 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)]))\n"
    )
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", code, str(tmp_path / f"out{suffix}")]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    found, grown = json.loads(done.stdout)
    assert [tuple(pair) for pair in found] == expected
    assert grown < size / 3
