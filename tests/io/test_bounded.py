"""What may be opened, how far a file may grow, and that each refusal is a sentence that names the file."""

from __future__ import annotations

import bz2
import contextlib
import fcntl
import gzip
import io
import lzma
import os
import subprocess
import sys
import threading
import time
import zipfile

import numpy as np
import pytest
import scipy.sparse as sp

import graphrep as gr
from graphrep.datasets._torch_file import read_torch_file
from graphrep.io import _text, bounded, read_edges, tensors
from graphrep.io._text import read_bytes, released
from graphrep.learn import Checkpoint

ZEROS = b"0 0\n" * 300_000


def zipped(content):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("a.txt", content)
    return buffer.getvalue()


def npz(**arrays):
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def market(lines):
    return f"%%MatrixMarket matrix coordinate real general\n{lines}".encode()


@pytest.fixture
def small(monkeypatch):
    """Bounds that small files reach."""
    monkeypatch.setattr(bounded, "FLOOR", 1 << 16)
    monkeypatch.setenv("GRAPHREP_MAX_EXPANSION", "10")


BOMBS = {
    "a.txt.gz": gzip.compress(ZEROS),
    "a.txt.bz2": bz2.compress(ZEROS),
    "a.txt.xz": lzma.compress(ZEROS),
    "a.zip": zipped(ZEROS),
    "a.graphml.gz": gzip.compress(b"<?xml version='1.0'?><graphml>" + b" " * 10**6 + b"</graphml>"),
    "a.json.gz": gzip.compress(b'{"nodes": [' + b" " * 10**6 + b']}'),
    "a.mtx.gz": gzip.compress(market("1 1 0\n" + "%\n" * 10**6)),
    "a.npz": npz(format=np.array("csr"), data=np.zeros(10**6)),
    "big.npz": npz(
        format=np.array("coo"), shape=np.array([10**7, 10**7]), row=np.zeros(1, int), col=np.zeros(1, int),
        data=np.ones(1),
    ),
    "big.mtx": market("10000000 10000000 1\n1 1 1.0\n"),
    "a.s6": b":~~?Hogw?\n",
}  # fmt: skip


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_are_refused_and_the_bound_can_be_lifted(name, small, tmp_path, monkeypatch):
    path = tmp_path / name
    path.write_bytes(BOMBS[name])
    with pytest.raises(
        ValueError, match=r"takes more than .* when it is read, the limit .*bombs; if you trust"
    ) as info:
        gr.as_graph(path)
    assert str(path) in str(info.value)
    assert "\n" not in str(info.value)
    if name in ("a.txt.gz", "a.txt.bz2", "a.txt.xz", "a.zip", "big.npz", "big.mtx"):
        monkeypatch.setenv("GRAPHREP_MAX_EXPANSION", "0")
        assert gr.as_graph(path).num_nodes > 0


def test_zstd_is_bounded_while_it_grows(small, tmp_path):
    zstandard = pytest.importorskip("zstandard")
    path = tmp_path / "a.zst"
    path.write_bytes(zstandard.ZstdCompressor().compress(ZEROS))
    with pytest.raises(ValueError, match=r"a\.zst has \d+ bytes, but takes more than 65\.5 kB"):
        gr.as_graph(path)
    frames = [zstandard.ZstdCompressor().compress(part) for part in (b"0 1\n", b"1 2\n")]
    path.write_bytes(b"".join(frames))
    assert gr.as_graph(path).num_edges == 2


def test_vectors_are_bounded(small, tmp_path):
    path = tmp_path / "v.npz"
    np.savez_compressed(path, vectors=np.zeros((10**5, 4), np.float32))
    with pytest.raises(ValueError, match=r"v\.npz has .* but takes more than"):
        gr.load_vectors(path)
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet as pq

    path = tmp_path / "v.parquet"
    pq.write_table(pa.table({"node_id": np.zeros(10**5, int), "x": np.zeros(10**5)}), path, compression="zstd")
    with pytest.raises(ValueError, match=r"v\.parquet has .* but takes more than"):
        gr.load_vectors(path)
    with pytest.raises(ValueError, match=r"v\.parquet has .* but takes more than"):
        gr.as_graph(path, source="node_id", target="x")


@pytest.mark.parametrize("value", ["many", "-1", "nan"])
def test_a_bound_that_is_no_ratio_is_refused(value, tmp_path, monkeypatch):
    monkeypatch.setenv("GRAPHREP_MAX_EXPANSION", value)
    (tmp_path / "a.gz").write_bytes(gzip.compress(b"0 1\n"))
    with pytest.raises(ValueError, match=rf"GRAPHREP_MAX_EXPANSION must be a ratio, or 0 for no limit; got '{value}'"):
        gr.as_graph(tmp_path / "a.gz")


def test_a_large_factor_is_allowed_for_small_content(tmp_path):
    (tmp_path / "a.gz").write_bytes(gzip.compress(ZEROS))
    assert (tmp_path / "a.gz").stat().st_size * bounded.RATIO < len(ZEROS)
    assert gr.as_graph(tmp_path / "a.gz").num_nodes == 1


# Pipes and devices


def test_a_pipe_without_a_writer_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(bounded, "PATIENCE", 0.1)
    path = tmp_path / "pipe"
    os.mkfifo(path)
    for read in (read_edges, gr.as_graph):
        with pytest.raises(OSError, match=rf"^{path} is a pipe that nobody writes to; start the writer"):
            read(path)


def test_a_pipe_is_read_to_its_end(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    lines = "".join(f"{i} {i + 1}\n" for i in range(50_000))

    def write():
        with path.open("w") as file:
            time.sleep(0.2)  # a writer that takes its time is waited for
            file.write(lines)

    writer = threading.Thread(target=write)
    writer.start()
    assert gr.as_graph(path).num_edges == 50_000
    writer.join()


def test_a_command_of_the_shell_can_be_read(tmp_path):
    (tmp_path / "a.gz").write_bytes(gzip.compress(b"a b\nb c\n"))
    code = "import sys, graphrep as gr; print(gr.as_graph(sys.argv[1]).num_edges)"
    for command in (f"zcat {tmp_path}/a.gz", f"cat {tmp_path}/a.gz"):
        shell = f"{sys.executable} -c '{code}' <({command})"
        assert subprocess.run(["bash", "-c", shell], check=True, capture_output=True, text=True).stdout == "2\n"
    shell = f"{sys.executable} -c '{code}' <(true)"
    done = subprocess.run(["bash", "-c", shell], check=False, capture_output=True, text=True)
    assert "holds no edges" in done.stderr


@pytest.mark.parametrize(
    "read",
    [
        lambda path: gr.load_vectors(path, format="npy"),
        lambda path: gr.load_vectors(path, format="safetensors"),
        lambda path: gr.load_vectors(path, format="word2vec"),
        gr.load,
        gr.load_index,
        read_torch_file,
        lambda path: Checkpoint(path, "identity", 0),
    ],
)
def test_other_readers_refuse_pipes_at_once(read, tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    with pytest.raises((OSError, ValueError), match=r"pipe.* is a pipe, from which only edge lists are read; save"):
        read(path)


def test_devices_are_refused():
    for path in ("/dev/zero", "/dev/null"):
        with pytest.raises(OSError, match=f"{path} is a device, not a file"):
            gr.as_graph(path)
        with pytest.raises(OSError, match=f"{path} is a device, not a file"):
            gr.load_vectors(path, format="npy")


# Files that change


@pytest.mark.parametrize("change", ["cut", "written"])
def test_a_file_that_changes_meanwhile_is_an_error(change, tmp_path, monkeypatch):
    path = tmp_path / "a.txt"
    path.write_bytes(b"0 1\n" * 1000)
    original = os.fstat
    seen = []

    def fstat(number):
        found = original(number)
        if os.path.sameopenfile(number, number) and found.st_size == 4000 and not seen:
            seen.append(number)
            os.truncate(path, 8) if change == "cut" else path.write_bytes(b"0 2\n" * 1001)
        return found

    monkeypatch.setattr(bounded, "available_memory", lambda: (fstat(os.open(path, os.O_RDONLY)), None)[1])
    with pytest.raises(OSError, match=rf"^{path} changed while it was read; read it again when it is complete\.$"):
        read_edges(path)


@pytest.mark.skipif(not hasattr(fcntl, "F_SETLEASE"), reason="needs leases of files")
def test_a_large_file_is_mapped_only_while_nobody_can_cut_it(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"0 1\n" * (1 << 19))
    text = read_bytes(path)
    if isinstance(text, bytes):
        pytest.skip("this file system has no leases")
    code = "import os, sys; os.truncate(sys.argv[1], 8); print('cut', flush=True)"
    with subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, text=True) as other:
        with pytest.raises(subprocess.TimeoutExpired):
            other.wait(1)
        assert text[-4:] == b"0 1\n"
        released(text)
        assert other.communicate(timeout=30)[0] == "cut\n"
    assert path.stat().st_size == 8
    with path.open("ab"):  # open for writing: no lease
        path.write_bytes(b"0 1\n" * (1 << 19))
        assert isinstance(read_bytes(path), bytes)
    assert read_edges(path).source.shape == (1 << 19,)
    path.write_bytes(b"0 1\n" * (1 << 19) + b"0\n")
    with pytest.raises(ValueError, match="line 524289") as caught:  # whose traceback holds the map
        read_edges(path)
    subprocess.run([sys.executable, "-c", code, str(path)], check=True, timeout=20, stdout=subprocess.DEVNULL)
    assert caught.value is not None


@pytest.mark.parametrize("read", [gr.load, lambda path: gr.load_vectors(path, format="safetensors")])
def test_tensors_that_are_cut_meanwhile_are_an_error(read, tmp_path, monkeypatch):
    """The header is read, the file is cut, and its tensors are read: a map would end the process."""
    path = tmp_path / "m.safetensors"
    model = gr.FastRP(dimensions=4).fit(gr.as_graph([[0, 1], [1, 2]]))
    model.save(path) if read is gr.load else gr.NodeVectors(np.ones((5000, 8))).save(path)
    original = tensors._header

    def header(file, size):
        found = original(file, size)
        os.truncate(path, found[1] + 8)
        return found

    monkeypatch.setattr(tensors, "_header", header)
    with pytest.raises((ValueError, OSError), match=r"m\.safetensors.* (\(?it is truncated|changed while it was read)"):
        read(path)


def test_only_files_that_do_not_fit_are_mapped(tmp_path, monkeypatch):
    path = tmp_path / "a.txt"
    path.write_bytes(b"0 1\n" * 1000)
    assert isinstance(_text.read_bytes(path), bytes)
    monkeypatch.setattr(_text, "available_memory", lambda: 5000)
    assert not isinstance(_text.read_bytes(path), bytes)
    assert gr.as_graph(path).num_edges == 1


def test_a_file_larger_than_the_memory_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "a.npz"
    path.write_bytes(npz(a=np.zeros(3)))
    monkeypatch.setattr(bounded, "available_memory", lambda: 10)
    with pytest.raises(OSError, match=r"a\.npz has \d+ bytes, but 10 bytes of memory are available"):
        read_torch_file(path)


# Errors


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ValueError("two\nlines."), "two lines"),
        (KeyError("edge"), "it has no 'edge'"),
        (RecursionError("maximum"), "it is nested too deeply"),
        (MemoryError(), "MemoryError"),
        (RuntimeError("do this only if you trust it: weights_only=False"), "RuntimeError"),
        (ValueError("x" * 1000), "x" * 300 + "…"),
        (ValueError("malformed: <ast.Name object at 0x7f9bca8d2560>"), "malformed: ast.Name"),
    ],
)
def test_reasons_are_one_line(error, text):
    assert bounded.one_line(error) == text


def test_whatever_goes_wrong_names_the_file():
    for error in (ZeroDivisionError("by zero"), AssertionError(), ValueError("no\nname"), StopIteration()):
        with pytest.raises(ValueError, match=r"^a\.bin is damaged \(.*\)\.$"), bounded.reading("a.bin", "is damaged"):
            raise error
    for error in (ValueError("a.bin is wrong."), OSError("a.bin is a pipe."), ImportError("pyarrow")):
        with pytest.raises(type(error), match=f"^{error}$"), bounded.reading("a.bin", "is damaged"):
            raise error
    with pytest.raises(ValueError, match=r"^a\.bin does not fit into memory\.$"), bounded.reading("a.bin", ""):
        raise MemoryError
    with pytest.raises(KeyboardInterrupt), bounded.reading("a.bin", ""):
        raise KeyboardInterrupt


# Matrices


@pytest.mark.parametrize("form", ["csr", "csc", "bsr", "coo"])
def test_indices_of_matrices_are_checked(form, tmp_path):
    matrix = sp.random_array((20, 20), density=0.2, format=form, rng=np.random.default_rng(0))
    sp.save_npz(tmp_path / "m.npz", matrix)
    assert gr.as_graph(tmp_path / "m.npz", directed=True).num_nodes == 20
    for name in ("row", "col") if form == "coo" else ("indices", "indptr"):
        for wrong in (-1, 20, 2**31 - 1):
            arrays = dict(np.load(tmp_path / "m.npz"))
            arrays[name][3] = wrong
            np.savez(tmp_path / "bad.npz", **arrays)
            with pytest.raises(ValueError, match=r"cannot read .*bad\.npz as NumPy \.npz: "):
                gr.as_graph(tmp_path / "bad.npz")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (market("2 2 100000000000\n1 1 1\n"), r"its header promises \[100000000000\] entries, but the file ends"),
        (b"%%MatrixMarket matrix array real general\n1000000 1000000\n1\n", r"promises a matrix of 1000000 x 1000000"),
        (market("2 2 1\n1 1 0.\0\0\0\0\n"), "it holds bytes that are not text"),
        (market("% \xff\n"), "it has no line of sizes"),
        (market("2 -2 1\n1 1 1\n"), "it has no line of sizes"),
        (market(f"2 2 {'9' * 30}\n"), "its header promises no entries"),
    ],
)
def test_headers_of_matrix_market_are_checked(content, message, tmp_path):
    (tmp_path / "m.mtx").write_bytes(content)
    with pytest.raises(ValueError, match=rf"cannot read .*m\.mtx as Matrix Market: .*{message}"):
        gr.as_graph(tmp_path / "m.mtx")


@pytest.mark.parametrize("end", [b"3 3 1.0E-", b"3 3 1e", b"3 3 1.0x", b"3 3 4", b"3 3 4 ", b"3 3 1.0\n\n  "])
def test_a_last_line_of_matrix_market_without_its_end_is_no_crash(end, tmp_path):
    (tmp_path / "m.mtx").write_bytes(market("3 3 3\n1 1 1.0\n2 2 2.0\n") + end)
    with contextlib.suppress(ValueError):
        assert gr.as_graph(tmp_path / "m.mtx", directed=True).num_edges == 3


def test_codes_and_offsets_of_arrow_are_checked(tmp_path):
    pa = pytest.importorskip("pyarrow")
    from pyarrow import feather

    path = tmp_path / "e.arrow"
    table = pa.table({"source": ["a", "b", "c"], "target": ["b", "c", "abcdefghijkl"]})
    feather.write_feather(table, path, compression="uncompressed")
    offsets = np.array([0, 1, 2, 14], dtype=np.int32).tobytes()
    whole = path.read_bytes()
    assert whole.count(offsets) == 1
    path.write_bytes(whole.replace(offsets, np.array([0, 1, 2, 2**30], dtype=np.int32).tobytes()))
    with pytest.raises(ValueError, match=r"cannot read .*e\.arrow as Arrow: "):
        gr.as_graph(path)


# Pickles


def test_lists_that_are_shared_do_not_multiply(tmp_path):
    """Each list holds the one before ten times: 10**40 items in some hundred bytes."""
    import torch

    value = [1]
    for _ in range(40):
        value = [value] * 10
    torch.save(value, tmp_path / "a.pt", _use_new_zipfile_serialization=False)
    assert (tmp_path / "a.pt").stat().st_size < 2000
    with pytest.raises(ValueError, match=r"a\.pt is damaged or not .* \(its lists refer to each other more often than"):
        read_torch_file(tmp_path / "a.pt")
    value = [1]
    for _ in range(100):
        value = [value]
    torch.save(value, tmp_path / "a.pt")
    with pytest.raises(ValueError, match=r"it holds more than 64 lists in each other"):
        read_torch_file(tmp_path / "a.pt")


@pytest.mark.parametrize("number", [b"r\xff\xff\xff\x7f", b"p4000000000\n"])
def test_a_pickle_cannot_reserve_memory_by_a_number(number, tmp_path):
    import torch

    torch.save({"edge": [1, 2]}, tmp_path / "a.pt")
    with zipfile.ZipFile(tmp_path / "a.pt") as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(tmp_path / "a.pt", "w") as archive:
        for name, content in members.items():
            archive.writestr(name, b"\x80\x02]" + number + b"." if name.endswith("data.pkl") else content)
    with pytest.raises(ValueError, match=r"a\.pt is damaged or not .* \(it numbers an object \d+, but has \d+ bytes"):
        read_torch_file(tmp_path / "a.pt")


def test_a_tensor_that_repeats_its_data_is_bounded(small, tmp_path):
    import torch

    torch.save(torch.ones(1).expand(1000, 1000), tmp_path / "a.pt")
    with pytest.raises(ValueError, match=r"a\.pt has .* but takes more than"):
        read_torch_file(tmp_path / "a.pt")


# Writing


def test_a_full_disk_leaves_no_temporary_file(tmp_path):
    """A limit on the size of files stops all writers, those of libraries, too, as a full disk does."""
    code = """
import resource, sys
from pathlib import Path
import numpy as np
import graphrep as gr
from graphrep.io.table import write_table
from graphrep.learn import Checkpoint

folder = Path(sys.argv[1])
v = gr.NodeVectors(np.random.default_rng(0).standard_normal((4000, 8)), [f"n{i}" for i in range(4000)])
model = gr.FastRP(dimensions=4).fit(gr.as_graph(np.random.default_rng(0).integers(3000, size=(2, 9000))))
checkpoint = Checkpoint(folder / "c.ckpt", "identity", 0)
writers = {
    **{f"v{s}": v.save for s in (".safetensors", ".npy", ".npz", ".csv", ".tsv", ".w2v", ".bin", ".glove", ".parquet")},
    "m.model": model.save,
    "t.csv": lambda path: write_table(path, {"a": list(range(9000))}),
    "t.parquet": lambda path: write_table(path, {"a": np.random.default_rng(0).random(9000)}),
    "c.ckpt": lambda path: checkpoint.save("training", {"weights": np.ones(9000)}),
}
import pyarrow.parquet
resource.setrlimit(resource.RLIMIT_FSIZE, (5000, resource.RLIM_INFINITY))
for name, write in writers.items():
    try:
        write(folder / name)
    except Exception as error:
        print(name, type(error).__name__)
    else:
        print(name, "was written")
"""
    pytest.importorskip("pyarrow")
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True, capture_output=True, text=True)
    lines = done.stdout.splitlines()
    assert len(lines) == 13
    assert not [line for line in lines if line.endswith("was written")]
    assert list(tmp_path.iterdir()) == []
