from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import warnings

import numpy as np
import pytest

import graphrep as gr
from graphrep.io import check_vector_path, write_vectors
from graphrep.io.atomic import replacing

SUFFIXES = (".safetensors", ".npy", ".npz", ".parquet", ".csv", ".tsv", ".w2v", ".vec", ".txt", ".bin", ".glove")
STRINGS = (".w2v", ".vec", ".txt", ".bin", ".glove")  # names become strings, without white space
SETTINGS = {"method": "fastrp", "iteration_weights": [0.0, 1.0], "seed": 3, "name": "ö"}
NAMES = {
    "plain": [f"n{i}" for i in range(6)],
    "unicode": ["é", "日本", "a-b", "x\u0301", "🙂", "."],
    "digits": ["1", "02", "3", "0x4", "5", "6"],
    "integers": [7, -5, 0, 2**62, 9, 10],
    "default": None,
}


def skip_without_pyarrow(suffix):
    if suffix == ".parquet":
        pytest.importorskip("pyarrow")


def some_vectors(nodes, n=6, dimensions=5):
    vectors = np.random.default_rng(0).standard_normal((n, dimensions)).astype(np.float32)
    vectors[0, 0], vectors[1, 1], vectors[2, 2] = np.float32(1e-45), np.finfo(np.float32).max, -0.0
    return gr.NodeVectors(vectors, nodes, SETTINGS)


def bits(vectors):
    return vectors.view(np.uint32).tolist()


@pytest.mark.parametrize("names", NAMES)
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_is_saved_comes_back_to_the_bit(suffix, names, tmp_path):
    skip_without_pyarrow(suffix)
    v = some_vectors(NAMES[names])
    v.save(tmp_path / f"out{suffix}")
    w = gr.load_vectors(tmp_path / f"out{suffix}")
    assert bits(w.vectors) == bits(v.vectors)
    assert w.nodes.tolist() == ([str(name) for name in v.nodes] if suffix in STRINGS else v.nodes.tolist())
    assert w.settings == (SETTINGS if suffix in (".safetensors", ".npz", ".parquet") else {})
    assert not w.vectors.flags.writeable


@pytest.mark.parametrize("shape", [(0, 3), (1, 1), (3, 1)])
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_odd_shapes(suffix, shape, tmp_path):
    skip_without_pyarrow(suffix)
    v = gr.NodeVectors(np.ones(shape), [f"n{i}" for i in range(shape[0])])
    if suffix == ".glove" and shape[0] == 0:
        with pytest.raises(ValueError, match="GloVe text cannot hold 0 nodes"):
            v.save(tmp_path / f"out{suffix}")
        return
    v.save(tmp_path / f"out{suffix}")
    w = gr.load_vectors(str(tmp_path / f"out{suffix}"))
    assert w.vectors.shape == shape
    assert w.nodes.tolist() == v.nodes.tolist()


@pytest.mark.parametrize("suffix", [suffix for suffix in SUFFIXES if suffix not in STRINGS])
def test_any_string_is_a_name_where_the_layout_allows_it(suffix, tmp_path):
    skip_without_pyarrow(suffix)
    names = ["", "New York", "tab\there, and a comma", "line\r\nbreak", " \n ", '"quoted"']
    some_vectors(names).save(tmp_path / f"out{suffix}")
    assert gr.load_vectors(tmp_path / f"out{suffix}").nodes.tolist() == names


def test_names_that_npz_would_cut_are_refused(tmp_path):
    for suffix in (".safetensors", ".npy", ".parquet"):
        skip_without_pyarrow(suffix)
        gr.NodeVectors(TWO, ["\0", "a\0"]).save(tmp_path / f"out{suffix}")
        assert gr.load_vectors(tmp_path / f"out{suffix}").nodes.tolist() == ["\0", "a\0"]
    with pytest.raises(ValueError, match=r"an \.npz file cannot hold the name 'a\\x00', which ends in a zero byte"):
        gr.NodeVectors(TWO, ["b", "a\0"]).save(tmp_path / "out.npz")
    assert not (tmp_path / "out.npz").exists()


@pytest.mark.parametrize("suffix", STRINGS)
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("New York", "cannot hold the white space in node 'New York'"),
        ("a\tb", "the white space in node"),
        ("a\u00a0b", "the white space in node"),
        (" a", "the white space in node ' a'"),
        ("a\n", "the white space in node"),
        ("", "cannot hold an empty node name"),
    ],
)
def test_word2vec_and_glove_refuse_names_that_they_would_corrupt(name, message, suffix, tmp_path):
    with pytest.raises(ValueError, match=message):
        some_vectors(["a", "b", "c", "d", "e", name]).save(tmp_path / f"out{suffix}")
    assert list(tmp_path.iterdir()) == []


def test_word2vec_text_is_what_gensim_reads_and_writes(tmp_path):
    models = pytest.importorskip("gensim.models")
    v = some_vectors(NAMES["unicode"])
    v.save(tmp_path / "ours.w2v")
    keyed = models.KeyedVectors.load_word2vec_format(str(tmp_path / "ours.w2v"))
    assert keyed.index_to_key == v.nodes.tolist()
    np.testing.assert_array_equal(keyed.vectors, v.vectors)
    keyed.save_word2vec_format(str(tmp_path / "theirs.txt"))
    np.testing.assert_array_equal(gr.load_vectors(tmp_path / "theirs.txt")[["日本", "é"]], v[["日本", "é"]])


def test_npy_is_a_plain_array_and_names_lie_beside(tmp_path):
    some_vectors(NAMES["plain"]).save(tmp_path / "out.npy")
    assert np.load(tmp_path / "out.npy").shape == (6, 5)
    beside = json.loads((tmp_path / "out.npy.nodes.json").read_text(encoding="utf-8"))
    assert [entry["nodes"] for entry in beside["files"].values()] == [NAMES["plain"]]
    # Saving vectors of unnamed nodes must not leave the old names to be taken for theirs.
    some_vectors(None).save(tmp_path / "out.npy")
    assert [path.name for path in tmp_path.iterdir()] == ["out.npy"]
    assert gr.load_vectors(tmp_path / "out.npy").nodes.tolist() == list(range(6))


@pytest.mark.parametrize("dtype", ["<f2", ">f8", "<f4"])
def test_npy_of_other_programs(dtype, tmp_path):
    np.save(tmp_path / "out.npy", np.asfortranarray(np.arange(6).reshape(2, 3).astype(dtype)))
    v = gr.load_vectors(tmp_path / "out.npy")
    assert v.vectors.tolist() == [[0, 1, 2], [3, 4, 5]]
    assert v.vectors.flags.c_contiguous


def test_safetensors_of_another_program(tmp_path):
    from safetensors.numpy import save_file

    save_file({"embedding": np.ones((2, 3), np.float16), "other": np.zeros(1)}, tmp_path / "out.safetensors")
    v = gr.load_vectors(tmp_path / "out.safetensors")
    assert v.vectors.tolist() == [[1.0] * 3] * 2
    assert v.settings == {}


@pytest.mark.parametrize("names", [None, [f"n{i}" for i in range(10)]])
def test_parquet_is_written_by_row_groups(names, tmp_path, monkeypatch):
    pq = pytest.importorskip("pyarrow.parquet")
    from graphrep.io.formats import parquet

    monkeypatch.setattr(parquet, "_GROUP", 4 * 5 * 3)
    v = gr.NodeVectors(np.random.default_rng(0).random((10, 5), dtype=np.float32), names)
    v.save(tmp_path / "out.parquet")
    assert pq.ParquetFile(tmp_path / "out.parquet").num_row_groups == 4
    assert gr.load_vectors(tmp_path / "out.parquet") == v
    empty = gr.NodeVectors(np.zeros((0, 5), dtype=np.float32))
    empty.save(tmp_path / "out.parquet")
    assert gr.load_vectors(tmp_path / "out.parquet").vectors.shape == (0, 5)


def test_parquet_is_what_pandas_and_arrow_expect(tmp_path):
    pq = pytest.importorskip("pyarrow.parquet")
    v = some_vectors(NAMES["plain"])
    v.save(tmp_path / "out.parquet")
    table = pq.read_table(tmp_path / "out.parquet")
    assert str(table.schema.field("node_id").type) == "string"
    assert str(table.schema.field("embedding").type) == "fixed_size_list<element: float>[5]"
    assert table["embedding"].to_pylist()[3] == v["n3"].tolist()


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_same_vectors_same_bytes(suffix, tmp_path):
    skip_without_pyarrow(suffix)
    for name in ("a", "b"):
        some_vectors(NAMES["plain"]).save(tmp_path / f"{name}{suffix}")
    assert (tmp_path / f"a{suffix}").read_bytes() == (tmp_path / f"b{suffix}").read_bytes()


@pytest.mark.parametrize("names", ["plain", "integers"])
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_truncated_file_is_one_sentence(suffix, names, tmp_path):
    if suffix in (".csv", ".tsv"):
        pytest.skip("a last line without its end is legal: see below")
    skip_without_pyarrow(suffix)
    path = tmp_path / f"out{suffix}"
    some_vectors(NAMES[names]).save(path)
    whole = path.read_bytes()
    for length in {0, 1, 7, len(whole) // 2, len(whole) - 9, len(whole) - 1}:
        path.write_bytes(whole[:length])
        with pytest.raises(ValueError, match=r"out\.") as info:
            gr.load_vectors(path)
        assert str(info.value).startswith(str(path))
        assert info.value.__suppress_context__


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_another_file_under_the_suffix_is_one_sentence(suffix, tmp_path):
    skip_without_pyarrow(suffix)
    for content in (b"\x80\x04garbage\xff" * 30, b"hello world\n" * 10):
        (tmp_path / f"out{suffix}").write_bytes(content)
        with pytest.raises(ValueError, match=r"not .*(readable|word2vec text|UTF-8|number)"):
            gr.load_vectors(tmp_path / f"out{suffix}")


def test_pickles_are_never_read(tmp_path):
    np.save(tmp_path / "out.npy", np.array([[{"a": 1}]], dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match=r"out.npy: not a readable .npy file of numbers \(Object arrays cannot"):
        gr.load_vectors(tmp_path / "out.npy")


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.arange(6), r"expected a 2-d array of floats, got int64 of shape \(6,\)"),
        (np.arange(6).reshape(2, 3), r"expected a 2-d array of floats, got int64 of shape \(2, 3\)"),
        (np.ones((2, 2, 2)), r"got float64 of shape \(2, 2, 2\)"),
        (np.ones((2, 3), complex), "got complex128"),
        (np.array([[1.0, np.nan]]), "vectors must be finite; row 0 holds nan"),
        (np.array([[1e200]]), "vectors must be finite; row 0 holds inf"),
    ],
)
def test_wrong_arrays(array, message, tmp_path):
    np.save(tmp_path / "out.npy", array)
    with pytest.raises(ValueError, match=message):
        gr.load_vectors(tmp_path / "out.npy")


def names_beside(path, nodes):
    """Write a names file for the present version of ``path``."""
    digest = hashlib.blake2b(path.read_bytes(), digest_size=16).hexdigest()
    of_names = hashlib.blake2b(json.dumps({"nodes": nodes}).encode(), digest_size=16).hexdigest()
    content = {"format": "graphrep node names, 2", "files": {digest: {"nodes": nodes, "digest": of_names}}}
    path.with_name(path.name + ".nodes.json").write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["a", "b", "c"], "3 names for 2 vectors"),
        (["a", "a"], "nodes must be distinct"),
        (["a", 1], "must hold lists of integers or of strings"),
        ([True, False], "must hold lists of integers"),
        ({"a": 1, "b": 2}, "must hold lists of integers"),
        ([1, 10**20], "must hold lists of integers"),
    ],
)
def test_wrong_names_beside_npy(names, message, tmp_path):
    np.save(tmp_path / "out.npy", np.ones((2, 2)))
    names_beside(tmp_path / "out.npy", names)
    with pytest.raises(ValueError, match=message):
        gr.load_vectors(tmp_path / "out.npy")


@pytest.mark.parametrize(
    "text", ["[1, 2", '["a", "b"]', "{}", '{"format": "graphrep node names, 2", "files": {"a": 1}}']
)
def test_another_file_beside_npy(text, tmp_path):
    np.save(tmp_path / "out.npy", np.ones((2, 2)))
    (tmp_path / "out.npy.nodes.json").write_text(text)
    with pytest.raises(
        ValueError, match=r"out\.npy: out\.npy\.nodes\.json, the names beside it, is no JSON written by"
    ):
        gr.load_vectors(tmp_path / "out.npy")


def test_names_of_other_vectors_are_refused(tmp_path):
    path = tmp_path / "out.npy"
    some_vectors(NAMES["plain"]).save(path)
    np.save(path, np.load(path)[::-1])  # another program wrote other vectors of the same shape
    with pytest.raises(ValueError, match=r"its names in out\.npy\.nodes\.json belong to another version of it"):
        gr.load_vectors(path)


TWO = np.ones((2, 2), np.float32)
LETTERS = np.frombuffer(b"ab", np.uint8)


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        ({"weights": TWO}, "it has no tensor named 'embedding'; it has 'weights': name one with vectors="),
        ({"embedding": TWO, "ids": np.arange(2)}, "its tensor 'ids' may hold the names; say so with nodes='ids'"),
        ({"embedding": TWO, "node_id": np.arange(3)}, "3 names for 2 vectors"),
        ({"embedding": TWO, "node_id": np.arange(2.0)}, "node_id must be a 1-d array of int64 or strings, got float64"),
        ({"embedding": TWO, "node_id": np.arange(4).reshape(2, 2)}, r"of shape \(2, 2\)"),
        ({"embedding": TWO, "node_names": LETTERS}, "node_names needs node_offsets"),
        ({"embedding": TWO, "node_names": np.ones(2), "node_offsets": np.arange(3)}, "1-d array of uint8"),
        ({"embedding": TWO, "node_names": LETTERS, "node_offsets": np.array([0, 3, 2])}, "must ascend from 0 to 2"),
        ({"embedding": TWO, "node_names": LETTERS, "node_offsets": np.array([0, 1, 1])}, "must ascend from 0 to 2"),
        ({"embedding": TWO, "node_names": LETTERS, "node_offsets": np.array([0, 2])}, "1 names for 2 vectors"),
        (
            {"embedding": TWO, "node_names": np.array([255, 97], np.uint8), "node_offsets": np.arange(3)},
            "node_names is not UTF-8",
        ),
        ({"embedding": np.ones((2, 2), np.int32)}, "expected a 2-d array of floats, got int32"),
    ],
)
def test_wrong_safetensors(tensors, message, tmp_path):
    from safetensors.numpy import save_file

    save_file(tensors, tmp_path / "out.safetensors")
    with pytest.raises(ValueError, match=message):
        gr.load_vectors(tmp_path / "out.safetensors")


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ("{", "its metadata is not JSON"),
        ("[1]", "its metadata is not a JSON object"),
        ('{"settings": 3}', "its metadata is not a JSON object with settings"),
        ('{"format": "graphrep node vectors, 9"}', "this version of graphrep reads"),
    ],
)
def test_wrong_metadata(metadata, message, tmp_path):
    from safetensors.numpy import save_file

    save_file({"embedding": TWO}, tmp_path / "out.safetensors", metadata={"graphrep": metadata})
    with pytest.raises(ValueError, match=message):
        gr.load_vectors(tmp_path / "out.safetensors")


def test_wrong_parquet(tmp_path):
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    rows = pa.FixedSizeListArray.from_arrays(pa.array(np.ones(4, np.float32)), 2)
    cases = [
        ({"node_id": [1, 2]}, "cannot tell which of its columns"),
        ({"x": [1, 2]}, r"cannot tell which of its columns \(x\) are the names and the vectors; name them"),
        (
            {"node_id": [1, 2], "embedding": [[1.0, 2.0], [3.0]]},
            "row 1 of its vectors holds 1 numbers, the rows above 2",
        ),
        ({"node_id": [1, 2], "embedding": [["a"], ["b"]]}, "embedding must hold lists of floats, got list"),
        ({"node_id": [1, None], "embedding": rows}, "node_id holds nulls"),
        ({"node_id": [1, 2], "embedding": [[1.0, None], [1.0, 2.0]]}, "embedding holds nulls"),
        ({"node_id": [1, 2], "x": [1.0, 2.0], "label": [0, 1]}, "cannot tell which of its columns"),
        ({"node_id": [1, 2], "x": [1.0, None]}, "column x holds nulls"),
        ({"node_id": [1.5, 2.5], "embedding": rows}, "node_id must hold int64 or strings, got double"),
        ({"node_id": ["a", "a"], "embedding": rows}, "nodes must be distinct"),
    ]
    for columns, message in cases:
        pq.write_table(pa.table(columns), tmp_path / "out.parquet")
        with pytest.raises(ValueError, match=message):
            gr.load_vectors(tmp_path / "out.parquet")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "its first line must be two integers"),
        ("a 1 2\n", "its first line must be two integers"),
        ("-1 2\n", "its first line must be two integers"),
        ("2 2\na 1 2\n", "truncated: it holds 1 of the 2 vectors"),
        ("1 2\na 1 2\nb 1 2\n", "line 3 is beyond the 1 vectors"),
        ("1 2\na 1\n\n\n", "line 2 holds 1 numbers, expected 2"),
        ("1 2\nNew York 1 2\n", "line 2 holds 3 numbers, expected 2"),
        ("1 2\na 1 x\n", "line 2 holds something that is not a number"),
        ("1 2\na 1 2.5", "line 2 .* no end of line: is it truncated"),
        ("1 2\na 1 nan\n", "vectors must be finite; row 0 holds nan"),
        ("2 1\na 1\na 2\n", "nodes must be distinct"),
        ("1 0\na\n", "vectors must have shape"),
        ("9999999999 9999999999\n", "truncated: its first line promises 9999999999 vectors"),
    ],
)
def test_wrong_word2vec_text(text, message, tmp_path):
    (tmp_path / "out.w2v").write_text(text)
    with pytest.raises(ValueError, match=message):
        gr.load_vectors(tmp_path / "out.w2v")


@pytest.mark.parametrize(
    ("nodes", "message"),
    [
        ([("a", 1), ("b", 2)], r"node \('a', 1\) is of type tuple"),
        ([1, "a"], "node 1 is of type int"),
        ([True, False], "node True is of type bool"),
        ([1.5, 2.5], "node 1.5 is of type float"),
        ([frozenset(), "a"], r"node frozenset\(\) is of type frozenset"),
    ],
)
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_names_of_other_types_are_refused(suffix, nodes, message, tmp_path):
    skip_without_pyarrow(suffix)
    with pytest.raises(TypeError, match=message):
        gr.NodeVectors(TWO, nodes).save(tmp_path / f"out{suffix}")
    assert list(tmp_path.iterdir()) == []


def test_odd_integers_and_strings(tmp_path):
    with pytest.raises(TypeError, match="integer names below 2"):
        write_vectors(tmp_path / "out.npy", TWO, np.array([1, 2**70], dtype=object))
    with pytest.raises(ValueError, match="lone surrogate"):
        gr.NodeVectors(TWO, ["a", "b\udc80"]).save(tmp_path / "out.npy")
    gr.NodeVectors(TWO, [np.int32(5), np.int32(4)]).save(tmp_path / "out.safetensors")
    assert gr.load_vectors(tmp_path / "out.safetensors").nodes.tolist() == [5, 4]
    gr.NodeVectors(TWO, np.array(["p", "q"])).save(tmp_path / "out.safetensors")
    assert gr.load_vectors(tmp_path / "out.safetensors").nodes.tolist() == ["p", "q"]


@pytest.mark.parametrize("name", ["out", "out.xlsx", "out.pkl", "out.safetensors.gz", ".npy"])
def test_unknown_suffix(name, tmp_path):
    for call in (some_vectors(None).save, gr.load_vectors, check_vector_path):
        with pytest.raises(ValueError, match=r"cannot tell the format of .*: the name must end in \.safetensors, "):
            call(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_suffix_in_capitals(tmp_path):
    some_vectors(None).save(tmp_path / "OUT.NPY")
    assert len(gr.load_vectors(tmp_path / "OUT.NPY")) == 6


def test_missing_files_and_folders(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no file"):
        gr.load_vectors(tmp_path / "out.npy")
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        some_vectors(None).save(tmp_path / "missing" / "out.npy")
    (tmp_path / "folder.npy").mkdir()
    with pytest.raises(IsADirectoryError, match="is a folder"):
        some_vectors(None).save(tmp_path / "folder.npy")
    with pytest.raises(IsADirectoryError, match=r"folder\.npy is a directory; give a file"):
        gr.load_vectors(tmp_path / "folder.npy")


def test_parquet_without_pyarrow(tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"Parquet needs pyarrow; pip install 'graphrep\[io\]'"):
        check_vector_path(tmp_path / "out.parquet", writing=True)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_failed_write_leaves_the_old_file_and_nothing_else(suffix, tmp_path, monkeypatch):
    skip_without_pyarrow(suffix)
    path = tmp_path / f"out{suffix}"
    some_vectors(NAMES["plain"]).save(path)
    before = {entry.name: entry.read_bytes() for entry in tmp_path.iterdir()}

    def fail(*_):
        raise OSError("no space left on device")

    monkeypatch.setattr("pathlib.Path.replace", fail)
    with pytest.raises(OSError, match="no space left"):
        gr.NodeVectors(TWO, ["x", "y"]).save(path)
    assert {entry.name: entry.read_bytes() for entry in tmp_path.iterdir()} == before


def test_an_interrupted_write_leaves_nothing(tmp_path):
    def interrupted():
        with replacing(tmp_path / "out") as temporary:
            temporary.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list(tmp_path.iterdir()) == []


def test_a_link_stays_a_link_and_permissions_follow_the_umask(tmp_path):
    (tmp_path / "real").mkdir()
    link = tmp_path / "link.npy"
    link.symlink_to(tmp_path / "real" / "target.npy")
    some_vectors(None).save(link)
    assert link.is_symlink()
    assert (tmp_path / "real" / "target.npy").is_file()
    umask = os.umask(0)
    os.umask(umask)
    for suffix in (".npy", ".safetensors", ".w2v"):
        some_vectors(None).save(tmp_path / f"out{suffix}")
        assert (tmp_path / f"out{suffix}").stat().st_mode & 0o777 == 0o666 & ~umask
    (tmp_path / "out.npy").chmod(0o600)
    some_vectors(None).save(tmp_path / "out.npy")
    assert (tmp_path / "out.npy").stat().st_mode & 0o777 == 0o600


def test_reading_and_writing_load_neither_torch_nor_pyarrow(tmp_path):
    code = (
        "import sys, graphrep as gr; gr.NodeVectors([[1.0]], ['a']).save(sys.argv[1]); gr.load_vectors(sys.argv[1]);"
        "print([m for m in ('torch', 'pyarrow', 'sklearn', 'gensim') if m in sys.modules])"
    )
    for suffix in (".safetensors", ".npy", ".w2v"):
        command = [sys.executable, "-c", code, str(tmp_path / f"out{suffix}")]
        assert subprocess.run(command, check=True, capture_output=True, text=True).stdout == "[]\n"


def test_no_warning_on_overflow(tmp_path):
    np.save(tmp_path / "out.npy", np.array([[1e300]]))
    with warnings.catch_warnings(record=True) as caught, pytest.raises(ValueError, match="finite"):
        gr.load_vectors(tmp_path / "out.npy")
    assert caught == []
