"""The built-in data set: what is shipped, and how it was built."""

from __future__ import annotations

import importlib
import io
import lzma
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import graphrep as gr
from graphrep.datasets import debian as module

ROOT = Path(__file__).resolve().parents[2]
PARTS = ("train", "valid", "test")

INDEX = """\
Package: tool
Source: tool-src (1.0)
Version: 1.0-1+b1
Architecture: amd64
Pre-Depends: libc
Depends: libtool1 (= 1.0), editor | nano, tool, runner:any (>= 2), missing | nano
Recommends: libtool1
Suggests: nano
Conflicts: old-tool, editor
Description: C++ tool for 3D, a test
 Longer text that is not read.
Tag: role::program, use::editing,
 interface::x11
Section: contrib/utils
Priority: optional
Filename: pool/main/t/tool-src/tool_1.0-1+b1_amd64.deb

Package: libtool1
Source: tool-src
Version: 1.0-1
Architecture: amd64
Depends: libc
Suggests: tool
Description: tool library
Section: libs
Priority: optional
Filename: pool/main/t/tool-src/libtool1_1.0-1_amd64.deb

Package: libc
Version: 2.9
Architecture: amd64
Description: old
Section: libs
Priority: required
Filename: pool/main/libc/libc/libc_2.9_amd64.deb

Package: libc
Version: 2.10
Architecture: amd64
Description: test library
Section: libs
Priority: required
Filename: pool/main/libc/libc/libc_2.10_amd64.deb

Package: libc
Version: 2.10~rc1
Architecture: amd64
Description: candidate
Section: libs
Priority: required
Filename: pool/main/libc/libc/libc_2.10~rc1_amd64.deb

Package: vim
Version: 1
Architecture: all
Provides: editor (= 1), runner
Enhances: tool
Description: editor
Section: editors
Priority: optional
Filename: pool/main/v/vim/vim_1_all.deb

Package: emacs
Version: 1
Architecture: all
Provides: editor, nano
Description: editor
Section: editors
Priority: optional
Filename: pool/main/e/emacs/emacs_1_all.deb


Package: nano
Version: 1
Architecture: all
Description: editor
Section: editors
Priority: optional
Filename: pool/main/n/nano/nano_1_all.deb

Package: tool
Version: 99
Architecture: amd64
Depends: vendor-blob
Description: from a third party
Section: utils
Priority: optional
Filename: vendor/tool_99_amd64.deb

Package: nano
Version: 2-deb12u1
Architecture: all
Depends: libc
Description: from the security archive
Section: editors
Priority: optional
Filename: pool/updates/main/n/nano/nano_2_all.deb

Package: alien
Version: 1
Architecture: i386
Description: other architecture
Section: utils
Priority: optional
Filename: pool/main/a/alien/alien_1_i386.deb
"""


@pytest.fixture(scope="module")
def dataset():
    return gr.datasets.load("debian")


@pytest.fixture
def builder(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "data"))
    return importlib.import_module("build_debian")


@pytest.fixture
def built(builder, tmp_path):
    """The data set built from the made-up index."""
    (tmp_path / "Packages").write_text(INDEX)
    options = ["--packages", str(tmp_path / "Packages"), "--min-count", "2", "--negatives", "5", "--date", "2020-02-02"]
    builder.main([*options, "--out", str(tmp_path / "first")])
    builder.main([*options, "--out", str(tmp_path / "second")])
    return tmp_path


def test_the_graph_is_what_the_card_says(dataset):
    def said(row):
        return int(re.search(rf"^\| {row} \| ([\d,]+) \|", dataset.card, re.MULTILINE)[1].replace(",", ""))

    g, extras = dataset.graph, dataset.extras
    assert said("packages") == g.num_nodes == len(extras["source"])
    assert said("edges") == g.num_edges == extras["edges"].shape[1]
    assert said("sections") == len(dataset.label_names) == len(np.unique(g.y))
    assert said("source packages") == len(extras["source_names"]) == len(np.unique(extras["source"]))
    assert said("features") == len(dataset.feature_names) == g.x.shape[1]
    assert said("feature entries") == g.x.nnz
    assert said("packages without an edge") == np.count_nonzero(g.out_degree == 0)
    assert said("of which architecture amd64") == np.count_nonzero(extras["architecture"] == 1)
    inside = extras["source"][extras["edges"][0]] == extras["source"][extras["edges"][1]]
    assert said("of which inside one source package") == inside.sum()
    for bit, kind in enumerate(("Pre-Depends", "Depends", "Recommends", "Suggests")):
        assert said(kind) == np.count_nonzero((extras["edge_kind"] | extras["edge_kind"] >> 4) & (1 << bit))
    for part in PARTS:
        assert said(part) == getattr(dataset.split, part).shape[1]
        rows = getattr(dataset.label_split, part)
        counts = (len(rows), len(np.unique(extras["source"][rows])), len(np.unique(g.y[rows])))
        assert f"| {part} | {counts[0]:,} | {counts[1]:,} | {counts[2]:,} |" in dataset.card
    lost = (dataset.split.graph.out_degree == 0) & (g.out_degree > 0)
    assert f"\n{lost.sum():,} packages have held-out edges only" in dataset.card


def test_names_and_features(dataset):
    names = dataset.graph.nodes.tolist()
    assert names == sorted(set(names))
    assert dataset.label_names == tuple(sorted(dataset.label_names))
    assert len(set(dataset.feature_names)) == len(dataset.feature_names)
    x = dataset.graph.x
    assert x.dtype == np.float32
    assert (x.data == 1).all()
    assert x.has_canonical_format
    row = dataset.graph.row("gzip")
    features = {dataset.feature_names[j] for j in x.indices[x.indptr[row] : x.indptr[row + 1]]}
    assert {"word:gnu", "word:compression", "tag:role::program"} <= features
    least = dataset.extras["meta"]["min_count"]
    assert np.bincount(x.indices, minlength=x.shape[1]).min() == least


def test_edge_kinds_rebuild_the_directed_graph(dataset):
    g, edges, kind = dataset.graph, dataset.extras["edges"], dataset.extras["edge_kind"]
    np.testing.assert_array_equal(edges, g.edges())
    assert (kind > 0).all()
    at = {tuple(pair): i for i, pair in enumerate(edges.T.tolist())}
    # bash needs libc6 in advance and sorts before it, so the forward bits are set; python3-numpy sorts after it.
    assert kind[at[g.row("bash"), g.row("libc6")]] == 0b0001
    assert kind[at[g.row("libc6"), g.row("python3-numpy")]] == 0b0010 << 4


def test_link_split_covers_the_graph_without_leaks(dataset):
    split, source, g = dataset.split, dataset.extras["source"], dataset.graph
    n = g.num_nodes
    keys = [np.sort(getattr(split, part)[0] * n + getattr(split, part)[1]) for part in PARTS]
    together = np.concatenate(keys)
    assert len(np.unique(together)) == len(together) == g.num_edges
    np.testing.assert_array_equal(np.sort(together), g.edges()[0] * n + g.edges()[1])

    pairs = {part: set(map(tuple, np.sort(source[getattr(split, part)], axis=0).T.tolist())) for part in PARTS}
    assert not pairs["train"] & pairs["valid"]
    assert not pairs["train"] & pairs["test"]
    assert not pairs["valid"] & pairs["test"]
    assert all(a != b for part in ("valid", "test") for a, b in pairs[part])
    between = np.count_nonzero(source[g.edges()[0]] != source[g.edges()[1]])
    assert abs(split.valid.shape[1] / between - 0.1) < 0.002
    assert abs(split.test.shape[1] / between - 0.1) < 0.002
    assert split.graph.num_edges == split.train.shape[1]
    assert not split.graph.has_edges(*split.test).any()
    assert not split.graph.has_edges(*split.valid).any()
    assert split.graph_with_valid.has_edges(*split.valid).all()


@pytest.mark.parametrize("kind", ["", "_uniform"])
def test_negatives_join_unrelated_sources(dataset, kind):
    g, extras = dataset.graph, dataset.extras
    source = extras["source"]
    if kind:
        valid, test = extras["valid_neg_uniform"], extras["test_neg_uniform"]
    else:
        valid, test = dataset.split.valid_neg, dataset.split.test_neg
    assert valid.shape == test.shape == (2, 100_000)
    both = np.concatenate([valid, test], axis=1)
    assert (both[0] < both[1]).all()
    assert len(np.unique(both[0] * g.num_nodes + both[1])) == both.shape[1]
    assert not g.has_edges(*both).any()
    related = np.concatenate([extras["edges"], extras["relations"]], axis=1)

    def source_pairs(pairs):
        low, high = np.sort(source[pairs], axis=0)
        return low * len(extras["source_names"]) + high

    assert not np.isin(source_pairs(both), source_pairs(related)).any()
    assert (source[both[0]] != source[both[1]]).all()


def test_popularity_alone_does_not_separate_the_default_negatives(dataset):
    degree = dataset.split.graph.out_degree.astype(np.float64)

    def auc(negatives):
        positive, negative = (degree[pairs].prod(axis=0) for pairs in (dataset.split.test, negatives))
        order = np.sort(negative)
        below = np.searchsorted(order, positive, "left") + np.searchsorted(order, positive, "right")
        return below.mean() / 2 / len(order)

    assert auc(dataset.split.test_neg) < 0.6
    assert auc(dataset.extras["test_neg_uniform"]) > 0.85


def test_label_split_keeps_sources_together(dataset):
    rows = [getattr(dataset.label_split, part) for part in PARTS]
    np.testing.assert_array_equal(np.sort(np.concatenate(rows)), np.arange(dataset.graph.num_nodes))
    train, valid, test = (set(dataset.extras["source"][part].tolist()) for part in rows)
    assert not train & valid
    assert not train & test
    assert not valid & test
    assert len(np.unique(dataset.graph.y[rows[0]])) == len(dataset.label_names)
    shares = np.array([len(part) for part in rows]) / dataset.graph.num_nodes
    np.testing.assert_allclose(shares, [0.2, 0.1, 0.7], atol=0.005)


def test_arrays_are_read_only(dataset):
    split = dataset.split
    for array in (split.train, split.test_neg, dataset.label_split.train, dataset.extras["edge_kind"]):
        with pytest.raises(ValueError, match="read-only"):
            array[..., 0] = 1


def test_the_builder_on_a_made_up_index(built):
    small = gr.datasets.load("debian", root=built / "first")
    g = small.graph
    assert g.nodes.tolist() == ["emacs", "libc", "libtool1", "nano", "tool", "vim"]
    emacs, libc, libtool1, nano, tool, vim = range(6)
    # editor is virtual: its first provider by name; nano is real, though emacs provides it; runner is vim's.
    expected = {
        (emacs, tool): 0b0010 << 4,
        (libc, libtool1): 0b0010 << 4,
        (libc, tool): 0b0001 << 4,
        (libtool1, tool): 0b1000 | 0b0110 << 4,
        (nano, tool): 0b1000 << 4,
        (tool, vim): 0b0010,
    }
    assert dict(zip(map(tuple, g.edges().T.tolist()), small.extras["edge_kind"].tolist(), strict=True)) == expected
    meta = small.extras["meta"]
    assert meta["dropped"] == {"self": 1, "several providers": 1, "unresolvable": 1, "virtual": 2}
    assert meta["left_out"] == {"not in pool/main": 2, "older version": 2, "other architecture": 1}
    names = small.extras["relation_names"]
    relations = zip(small.extras["relation_kind"], *small.extras["relations"], strict=True)
    assert {(names[code], int(a), int(b)) for code, a, b in relations} == {
        ("enhances", vim, tool),
        ("alternative", tool, nano),
        ("alternative", tool, vim),
        ("provides", emacs, nano),
    }
    assert [small.label_names[y] for y in g.y] == ["editors", "libs", "libs", "editors", "utils", "editors"]
    # "3d", "c++" and the longer text are too rare or not read; "test" is in two of the short descriptions.
    assert small.feature_names == ("word:editor", "word:library", "word:test", "word:tool")
    np.testing.assert_array_equal(
        g.x.toarray(), [[1, 0, 0, 0], [0, 1, 1, 0], [0, 1, 0, 1], [1, 0, 0, 0], [0, 0, 1, 1], [1, 0, 0, 0]]
    )
    assert [small.extras["source_names"][i] for i in small.extras["source"]] == [
        *("emacs", "libc", "tool-src", "nano", "tool-src", "vim")
    ]
    assert (small.split.test_neg[0] < small.split.test_neg[1]).all()
    assert "| packages | 6 |" in small.card
    assert "2020-02-02" in small.card


def test_the_same_index_gives_the_same_bytes(built):
    for name in ("debian.npz.xz", "CARD.md"):
        assert (built / "first" / name).read_bytes() == (built / "second" / name).read_bytes()
    assert sorted(path.name for path in (built / "first").iterdir()) == ["CARD.md", "debian.npz.xz"]


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ("1.9", "1.10"),
        ("1.0~rc1", "1.0"),
        ("1.0", "1.0-1"),
        ("9", "1:0"),
        ("1.0-1", "1.0-1+b1"),
        ("1.0a", "1.0+"),
        ("1-2-3", "1-2-4"),
    ],
)
def test_versions_compare_as_in_debian(builder, older, newer):
    key = sys.modules["debian_index"].version_key
    assert key(older) < key(newer)
    assert key(older) == key(older)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Package: a\nVersion: 1\n", "stanza 1 of the index lacks Architecture"),
        ("Package: a\nVersion: 1\nArchitecture: all\n\nnot an index\n", "stanza 2 of the index has a line without"),
    ],
)
def test_a_malformed_index_is_refused(builder, tmp_path, text, message):
    (tmp_path / "Packages").write_text(text)
    with pytest.raises(ValueError, match=message):
        builder.main(["--packages", str(tmp_path / "Packages"), "--out", str(tmp_path / "out")])
    assert not (tmp_path / "out").exists()


def test_unknown_names_are_refused():
    with pytest.raises(ValueError, match=r"name must be one of debian, .*; got 'debain'"):
        gr.datasets.load("debain")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"must contain the file debian\.npz\.xz of the data set"):
        gr.datasets.load("debian", root=tmp_path)


def _npy() -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.arange(3))
    return lzma.compress(buffer.getvalue())


def _npz(**arrays: object) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return lzma.compress(buffer.getvalue())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is damaged or not a"),
        (b"plain text", "is damaged or not a"),
        ((module._folder() / module.FILE).read_bytes()[:100_000], "is damaged or not a"),
        (lzma.compress(b"no archive"), "is damaged or not a"),
        (_npy(), "is damaged or not a"),
        (_npz(meta=np.array([{"pickled": True}])), "is damaged or not a"),
        (_npz(other=np.arange(3)), "is not a debian file of this version of graphrep"),
        (_npz(meta=np.frombuffer(b'{"format": 0}', dtype=np.uint8)), "its format is 0, not 1"),
    ],
)
def test_a_damaged_file_is_refused(tmp_path, content, message):
    (tmp_path / module.FILE).write_bytes(content)
    with pytest.raises(ValueError, match=message):
        gr.datasets.load("debian", root=tmp_path)


def test_importing_graphrep_does_not_load_a_data_set():
    code = "import sys, graphrep; sys.exit(any(name.startswith('graphrep.datasets') for name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
