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


def test_importing_data_sets_loads_nothing_heavy():
    code = (
        "import sys, graphrep; graphrep.datasets.load; import graphrep.datasets.ogb, graphrep.datasets.planetoid; "
        "assert not {'torch', 'torch_geometric', 'sklearn', 'pandas', 'ogb', 'tqdm'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
