from __future__ import annotations

import os
import pickle
import shutil
import subprocess
import sys

import numpy as np
import pytest
import scipy.sparse as sp

import graphrep as gr
from graphrep.datasets import _download, planetoid

SIZES = {"cora": (2708, 5278, 1433, 7), "citeseer": (3327, 4552, 3703, 6)}


@pytest.fixture
def root(shared_data):
    pytest.importorskip("torch_geometric")
    folder = shared_data / "planetoid"
    if not folder.is_dir():
        pytest.skip("no Planetoid files among the shared data")
    return folder


@pytest.mark.parametrize("name", SIZES)
def test_the_real_files_equal_what_pyg_makes_of_them(name, root, tmp_path, capsys):
    from torch_geometric.datasets import Planetoid

    folder = planetoid.FOLDERS[name]
    shutil.copytree(root / folder, tmp_path / folder)
    before = sorted(path.name for path in (tmp_path / folder).rglob("*"))
    ours = gr.datasets.load(name, tmp_path)
    assert sorted(path.name for path in (tmp_path / folder).rglob("*")) == before  # nothing is written
    theirs = Planetoid(str(tmp_path), folder)[0]
    num_nodes, num_edges, num_features, num_classes = SIZES[name]
    assert (ours.graph.num_nodes, ours.graph.num_edges, ours.graph.directed) == (num_nodes, num_edges, False)
    np.testing.assert_array_equal(
        ours.graph.edge_index(), theirs.edge_index[:, theirs.edge_index[0].argsort(stable=True)]
    )
    assert isinstance(ours.graph.x, sp.csr_array)
    assert ours.graph.x.dtype == np.float32
    assert ours.graph.x.shape == (num_nodes, num_features)
    np.testing.assert_array_equal(ours.graph.x.toarray(), theirs.x.numpy())
    np.testing.assert_array_equal(ours.graph.y, theirs.y.numpy())
    assert ours.graph.y.max() == num_classes - 1
    for part, mask in {"train": "train", "valid": "val", "test": "test"}.items():
        np.testing.assert_array_equal(getattr(ours.label_split, part), np.flatnonzero(theirs[f"{mask}_mask"]))
    assert repr(ours.label_split) == f"LabelSplit(train={20 * num_classes}, valid=500, test=1000)"


def test_the_folder_may_be_named_at_any_depth(root):
    for path in (root, root / "Cora", root / "Cora" / "raw"):
        assert gr.datasets.load("cora", path).graph.num_edges == 5278


def test_missing_files_are_named(root, tmp_path):
    with pytest.raises(
        FileNotFoundError, match=r"^pubmed is not in \S+: there is no PubMed/raw/ind.pubmed.x, .*download=True"
    ):
        gr.datasets.load("pubmed", root)
    shutil.copytree(root / "Cora", tmp_path / "Cora")
    (tmp_path / "Cora" / "raw" / "ind.cora.graph").unlink()
    with pytest.raises(FileNotFoundError, match=r"there is no Cora/raw/ind.cora.graph; give download=True"):
        gr.datasets.load("cora", tmp_path)


def test_missing_files_are_fetched_if_asked(root, tmp_path, monkeypatch):
    asked = []

    def fetch(url, target, *, what, kind, sha256):
        assert kind == ("numbers" if what.endswith("index") else "pickle")
        assert len(sha256) == 64
        asked.append(url)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(root / "Cora" / "raw" / what, target)

    monkeypatch.setattr(planetoid, "download_file", fetch)
    assert gr.datasets.load("cora", tmp_path, download=True).graph.num_edges == 5278
    assert len(asked) == 8
    assert all(url.startswith("https://github.com/kimiyoung/planetoid/raw/master/data/ind.cora.") for url in asked)
    gr.datasets.load("cora", tmp_path, download=True)
    assert len(asked) == 8
    assert planetoid.download_file is not _download.download


class Malice:
    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return os.mkdir, (self.mark,)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            lambda mark: pickle.dumps({0: Malice(mark)}),
            r"ind.cora.graph refers to posix.mkdir, which Planetoid files do not",
        ),
        (lambda mark: b"nonsense", "ind.cora.graph is damaged or not a Planetoid file"),
        (lambda mark: b"", "ind.cora.graph is damaged or not a Planetoid file"),
    ],
)
def test_damaged_and_malicious_files_are_refused(content, message, root, tmp_path):
    shutil.copytree(root / "Cora", tmp_path / "Cora")
    mark = tmp_path / "was here"
    path = tmp_path / "Cora" / "raw" / "ind.cora.graph"
    path.chmod(0o644)
    path.write_bytes(content(str(mark)))
    with pytest.raises(ValueError, match=message):
        gr.datasets.load("cora", tmp_path)
    assert not mark.exists()


@pytest.fixture
def small(tmp_path, planetoid_files):
    """The small files, and a function that replaces one of them."""
    raw = planetoid_files.write(tmp_path)

    def put(part, value):
        (raw / f"ind.cora.{part}").write_bytes(value if isinstance(value, bytes) else planetoid_files.pickle(value))

    return raw, put


def test_small_files_equal_what_pyg_makes_of_them(small, tmp_path):
    pytest.importorskip("torch_geometric")
    from torch_geometric.io import read_planetoid_data

    raw, _ = small
    ours, theirs = gr.datasets.load("cora", tmp_path), read_planetoid_data(str(raw), "cora")
    np.testing.assert_array_equal(ours.graph.x.toarray(), theirs.x.numpy())
    np.testing.assert_array_equal(ours.graph.y, theirs.y.numpy())
    edges = gr.as_graph(theirs.edge_index.numpy(), num_nodes=572, directed=False)
    np.testing.assert_array_equal(ours.graph.indptr, edges.indptr)
    np.testing.assert_array_equal(ours.graph.indices, edges.indices)
    for part, mask in {"train": "train", "valid": "val", "test": "test"}.items():
        np.testing.assert_array_equal(getattr(ours.label_split, part), np.flatnonzero(theirs[f"{mask}_mask"]))


def matrix(**wrong):
    """A feature matrix as a pickle, whose arrays are replaced without a check."""
    made = sp.csr_matrix(np.eye(12, 9, dtype=np.float32))
    for name, value in wrong.items():
        setattr(made, name, value)
    return made


@pytest.mark.parametrize(
    ("part", "value", "message"),
    [
        ("tx", matrix(indices=np.full(9, 9, np.int32)), r"tx must hold .*indices must lie in \[0, 9\), got 9 … 9"),
        ("tx", matrix(indices=np.full(9, -1, np.int32)), r"tx must hold .*indices must lie in \[0, 9\), got -1"),
        ("tx", matrix(indptr=np.array([0, 2**31 - 1] + [9] * 11, np.int32)), "indptr must ascend from 0 to 9 in 12"),
        ("tx", matrix(indptr=np.arange(5, dtype=np.int32)), "indptr must ascend"),
        ("tx", matrix(data=np.full(9, np.nan, np.float32)), "data holds NaN or infinity"),
        ("tx", matrix(data=np.ones(8, np.float32)), "there are 9 indices, but 8 numbers"),
        ("tx", matrix(indices=np.ones((3, 3), np.int32)), "indices must be a 1-d array of integers, got int32"),
        ("tx", matrix(data=np.array([b"a"] * 9)), "data must be a 1-d array of numbers"),
        ("tx", matrix(_shape=(12, -9)), "the shape must be two numbers"),
        ("tx", matrix(_shape=(12, 2**40)), "tx has .*, but takes more than"),
        ("tx", sp.csr_matrix((3, 9), dtype=np.float32), "which fits neither to 12 rows in ind.cora.ty nor"),
        ("tx", np.eye(12, 9), r"tx must hold a sparse matrix \(it holds something else"),
        ("ty", np.eye(12, 3), "ty must hold a matrix of integers with a column per class"),
        ("ty", np.full((12, 3), 1), "ty must hold rows with a 1 for the class"),
        ("graph", {0: [572]}, r"the neighbors must lie in \[0, 572\), got 0 … 572"),
        ("graph", {0: [2**70]}, "graph is damaged or not a Planetoid file"),
        ("graph", {0: 1}, "graph must hold a dictionary of lists of neighbors"),
        ("graph", {0: [1.5]}, "graph must hold a dictionary of lists of neighbors"),
        ("graph", [1], "graph must hold a dictionary of lists of neighbors"),
        ("test.index", b"560\n561\n", "must number the 12 test nodes from 560 on; got 2 numbers from 560 to 561"),
        ("test.index", b"".join(b"%d\n" % (560 + 10**i) for i in range(12)), "must hold a row number per line"),
        ("test.index", b"560\n" * 12, r"must hold a row number per line \(a number occurs twice"),
        ("test.index", b"a\n", "must hold a row number per line"),
        ("ally", np.eye(3, dtype=np.int32), "allx has the shape"),
    ],
)  # fmt: skip
def test_every_array_is_checked(part, value, message, small, tmp_path):
    _, put = small
    put(part, value)
    with pytest.raises(ValueError, match=message) as info:
        gr.datasets.load("cora", tmp_path)
    assert f"ind.cora.{part}" in str(info.value) or part == "ally"
    assert "\n" not in str(info.value)


def test_importing_data_sets_loads_nothing_heavy():
    code = (
        "import sys, graphrep; graphrep.datasets.load; import graphrep.datasets.ogb, graphrep.datasets.planetoid; "
        "assert not {'torch', 'torch_geometric', 'sklearn', 'pandas', 'ogb', 'tqdm'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
