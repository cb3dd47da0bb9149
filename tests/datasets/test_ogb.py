from __future__ import annotations

import gzip
import os
import shutil
import warnings

import numpy as np
import pytest
import torch

import graphrep as gr
from graphrep.datasets import _ogb_raw, ogb
from graphrep.datasets._cache import read_cache, write_cache
from graphrep.datasets._torch_file import read_torch_file
from graphrep.io.arrays import digest_of

NAMES = ("ogbl-biokg", "ogbl-citation2", "ogbl-collab", "ogbl-ddi", "ogbl-ppa", "ogbl-vessel", "ogbl-wikikg2")
SHARED = ("ogbl-collab", "ogbl-ddi", "ogbl-ppa", "ogbl-vessel")
PARTS = ("train", "valid", "test")


@pytest.fixture
def made(tmp_path, ogb_files):
    """Writes a set and returns its folder and split."""

    def make(name, **options):
        folder = tmp_path / name.replace("-", "_")
        return folder, ogb_files.write_set(folder, name, **options)

    return make


def their_set(ogb, name, root, monkeypatch, capsys):
    monkeypatch.setattr("builtins.input", lambda *_: pytest.fail("ogb asked"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset = ogb.LinkPropPredDataset(name, root=str(root))
    return dataset[0], dataset.get_edge_split()


def assert_same_links(split, theirs):
    for part in PARTS:
        if "edge" in theirs[part]:
            np.testing.assert_array_equal(getattr(split, part), theirs[part]["edge"].T)
        else:
            source = theirs[part]["source_node"]
            np.testing.assert_array_equal(getattr(split, part), [source, theirs[part]["target_node"]])
        if "edge_neg" in theirs[part]:
            np.testing.assert_array_equal(getattr(split, f"{part}_neg"), theirs[part]["edge_neg"].T)
        if "target_node_neg" in theirs[part]:
            negatives = getattr(split, f"{part}_neg")
            np.testing.assert_array_equal(negatives[1], theirs[part]["target_node_neg"])
            np.testing.assert_array_equal(negatives[0], np.broadcast_to(source[:, None], negatives[0].shape))
        for extra in ("weight", "year"):
            assert (f"{part}_{extra}" in split.attributes) == (extra in theirs[part])
            if extra in theirs[part]:
                np.testing.assert_array_equal(split.attributes[f"{part}_{extra}"], theirs[part][extra])


def assert_same_triples(dataset, theirs, starts):
    split = dataset.triple_split
    for part in PARTS:
        given = theirs[part]
        start = {
            end: np.array([starts[kind] for kind in given[f"{end}_type"]]) if starts else 0 for end in ("head", "tail")
        }
        np.testing.assert_array_equal(
            getattr(split, part), [given["head"] + start["head"], given["relation"], given["tail"] + start["tail"]]
        )
        if part != "train":
            for end in ("head", "tail"):
                shift = start[end][:, None] if starts else 0
                np.testing.assert_array_equal(getattr(split, f"{part}_{end}_neg"), given[f"{end}_neg"] + shift)


def their_graph(name, theirs, ogb_files):
    """Edges (with repeats) of ogb's graph object, as one array of ours."""
    if name != "ogbl-biokg":
        return theirs["edge_index"]
    starts = dict(zip(sorted(ogb_files.types), np.cumsum([0, 5, 4]).tolist(), strict=True))
    return np.concatenate(
        [e + np.array([[starts[h]], [starts[t]]]) for (h, _, t), e in theirs["edge_index_dict"].items()], axis=1
    )


@pytest.mark.parametrize("name", NAMES)
def test_small_sets_equal_what_ogb_reads(name, made, ogb, ogb_files, monkeypatch, capsys):
    folder, _ = made(name)
    graph, split = their_set(ogb, name, folder.parent, monkeypatch, capsys)
    ours = gr.datasets.load(name, folder.parent)
    edges = their_graph(name, graph, ogb_files)
    directed = name in ("ogbl-citation2", "ogbl-wikikg2", "ogbl-biokg")
    assert ours.graph.directed == directed
    expected = gr.as_graph(edges, num_nodes=ours.graph.num_nodes, directed=directed, merge="max")
    np.testing.assert_array_equal(ours.graph.untyped().indptr, expected.indptr)
    np.testing.assert_array_equal(ours.graph.untyped().indices, expected.indices)
    if name in ("ogbl-wikikg2", "ogbl-biokg"):  # a triple is an arc, with OGB's number of the relation
        assert set(map(tuple, ours.graph.triples().tolist())) == set(map(tuple, ours.triple_split.train.T.tolist()))
        assert ours.graph.num_arcs == ours.triple_split.train.shape[1]
    if name == "ogbl-biokg":
        assert graph["num_nodes_dict"] == ogb_files.types
        assert ours.graph.num_nodes == sum(ogb_files.types.values())
        assert ours.graph.node_types == ("disease", "drug", "protein")
        assert ours.graph.node_type.tolist() == [0] * 5 + [1] * 4 + [2] * 7
        assert ours.graph.edge_types == ("drug-protein", "disease-protein", "drug-drug")
        assert ours.graph.relation("drug-protein").name == ("drug", "drug-protein", "protein")
        assert_same_triples(ours, split, {"disease": 0, "drug": 5, "protein": 9})
        return
    assert ours.graph.num_nodes == graph["num_nodes"]
    if graph["node_feat"] is None:
        assert ours.graph.x is None
    else:
        assert ours.graph.x.dtype == graph["node_feat"].dtype
        np.testing.assert_array_equal(ours.graph.x, graph["node_feat"])
    if name == "ogbl-wikikg2":
        assert_same_triples(ours, split, None)
        assert ours.triple_split.num_relations == 3
        assert ours.graph.edge_types == ("0", "1", "2")
        return
    assert_same_links(ours.split, split)
    assert ours.split.graph is ours.graph
    if name == "ogbl-citation2":
        np.testing.assert_array_equal(ours.extras["node_year"], graph["node_year"])
        assert ours.split.test_neg.dtype == np.int32
    if name == "ogbl-vessel":
        np.testing.assert_array_equal(ours.extras["edge_index"], graph["edge_index"])
        np.testing.assert_array_equal(ours.extras["edge_feat"], graph["edge_feat"])


def test_ogbn_mag_equals_what_ogb_reads(made, monkeypatch, capsys):
    """Twice: from the files, and from the cache."""
    from ogb.nodeproppred import NodePropPredDataset

    folder, _ = made("ogbn-mag")
    (folder / "RELEASE_v2.txt").write_text("# Release note\n")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = NodePropPredDataset("ogbn-mag", root=str(folder.parent))
    (graph, label), split = theirs[0], theirs.get_idx_split()
    for _ in range(2):
        ours = gr.datasets.load("ogbn-mag", folder.parent)
        g, start = ours.graph, {"author": 0, "paper": 6, "topic": 18}
        assert g.node_types == ("author", "paper", "topic")
        assert np.bincount(g.node_type).tolist() == [graph["num_nodes_dict"][name] for name in g.node_types]
        assert (set(g.features), set(g.labels)) == ({"paper"}, {"paper"})
        np.testing.assert_array_equal(g.features["paper"], graph["node_feat_dict"]["paper"])
        assert g.features["paper"].dtype == np.float32
        np.testing.assert_array_equal(g.labels["paper"], label["paper"][:, 0])
        np.testing.assert_array_equal(ours.extras["node_year"]["paper"], graph["node_year"]["paper"])
        for key, edges in graph["edge_index_dict"].items():
            row, col = g.relation(key).to_scipy().nonzero()
            assert sorted(zip(row.tolist(), col.tolist(), strict=True)) == sorted(zip(*edges.tolist(), strict=True))
            code = g.edge_types.index(key[1])
            assert set(graph["edge_reltype"][key].ravel().tolist()) == {code}
        for part in PARTS:
            expected = split[part]["paper"] + start["paper"]
            np.testing.assert_array_equal(getattr(ours.label_split, part), expected)
    assert (folder / "graphrep.npz").is_file()
    batch = next(iter(gr.loader.NeighborLoader(g, [2], ("paper", split["train"]["paper"]), batch_size=6)))
    assert batch["paper"].y[:6].tolist() == label["paper"][split["train"]["paper"], 0].tolist()


@pytest.mark.parametrize(
    ("file", "rows", "message"),
    [
        ("raw/nodetype-has-label.csv.gz", [[1, 2]], "must hold a line of node types and a line of True and False"),
        ("raw/node-label/paper/node-label.csv.gz", [1] * 5, "must have a row per node of type paper, 12; got 5"),
        ("raw/node-feat/paper/node-feat.csv.gz", [[1, 2]] * 5, "must have a row per node of type paper, 12; got 5"),
        ("split/time/paper/test.csv.gz", [12], r"test.csv.gz must lie in \[0, 12\), got 12"),
        ("split/time/paper/valid.csv.gz", list(range(12)), "leaks: a node is in two parts of the split"),
        ("split/time/paper/valid.csv.gz", [[1, 2]], "must hold one number per line, got 2"),
    ],
)
def test_damaged_files_of_ogbn_mag_are_one_sentence(file, rows, message, made, ogb_files):
    folder, _ = made("ogbn-mag")
    ogb_files.write_csv(folder / file, rows)
    with pytest.raises(ValueError, match=message) as caught:
        gr.datasets.load("ogbn-mag", folder.parent)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("file", ["split/time/nodetype-has-split.csv.gz", "raw/node-label/paper/node-label.csv.gz"])
def test_missing_files_of_ogbn_mag_are_named(file, made):
    folder, _ = made("ogbn-mag")
    (folder / file).unlink()
    with pytest.raises(FileNotFoundError, match=f"ogbn_mag is an incomplete ogbn-mag without {file}"):
        gr.datasets.load("ogbn-mag", folder.parent)


def linked(shared_data, tmp_path):
    """The real ogbl-ddi under a folder that may be written."""
    source, folder = shared_data / "ogbl-ddi" / "ogbl_ddi", tmp_path / "ogbl_ddi"
    if not source.is_dir():
        pytest.skip("no ogbl-ddi among the shared data")
    folder.mkdir()
    (folder / "processed").mkdir()
    for name in ("raw", "split", "RELEASE_v1.txt"):
        os.symlink(source / name, folder / name)
    return tmp_path


def test_the_real_ddi_equals_what_ogb_reads(shared_data, tmp_path, ogb, monkeypatch, capsys):
    root = linked(shared_data, tmp_path)
    graph, split = their_set(ogb, "ogbl-ddi", root, monkeypatch, capsys)
    for _from in ("the files", "the cache"):
        ours = gr.datasets.load("ogbl-ddi", root)
        assert ours.graph.num_nodes == graph["num_nodes"] == 4267
        assert ours.graph == gr.as_graph(graph["edge_index"], num_nodes=4267, directed=False, merge="max")
        np.testing.assert_array_equal(ours.split.train, graph["edge_index"][:, ::2])
        assert_same_links(ours.split, split)
    assert (tmp_path / "ogbl_ddi" / "graphrep.npz").is_file()


def test_the_real_ddi_holds_what_was_published(shared_data, tmp_path):
    split = gr.datasets.load("ogbl-ddi", linked(shared_data, tmp_path)).split
    sizes = [a.shape[1] for a in (split.train, split.valid, split.test, split.valid_neg, split.test_neg)]
    assert sizes == [1_067_911, 133_489, 133_489, 101_882, 95_599]
    assert split.graph.num_edges == 1_067_911
    split.check_leaks()


def test_the_real_split_files_of_collab(shared_data):
    folder = shared_data / "ogbl-collab-partial"
    known = np.load(folder / "graph.npz")
    for part in ("valid", "test"):
        held = read_torch_file(folder / "ogbl_collab" / "split" / "time" / f"{part}.pt")
        assert set(held) == {"edge", "edge_neg", "weight", "year"}
        for name, array in held.items():
            np.testing.assert_array_equal(array.T, known[f"split_{part}_{name}"])
    with pytest.raises(FileNotFoundError, match=r"is an incomplete ogbl-collab without raw/edge.csv.gz, raw/node-feat"):
        gr.datasets.load("ogbl-collab", folder)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("form", ["zip", "tensors", "protocol 4"])
def test_split_files_of_any_form_hold_the_same(name, form, made, tmp_path, ogb_files):
    folder, _ = made(name)
    other = tmp_path / "other"
    ogb_files.write_set(other / folder.name, name, form=form)
    ours, theirs = gr.datasets.load(name, folder.parent), gr.datasets.load(name, other)
    if ours.split is None:
        ours, theirs = ours.triple_split, theirs.triple_split
        arrays = [*PARTS, "valid_head_neg", "valid_tail_neg", "test_head_neg", "test_tail_neg"]
    else:
        ours, theirs = ours.split, theirs.split
        arrays = [*PARTS, "valid_neg", "test_neg"]
    for array in arrays:
        np.testing.assert_array_equal(getattr(ours, array), getattr(theirs, array))
        assert not getattr(ours, array).flags.writeable


def test_split_dict_wins_over_the_parts(made):
    folder, split = made("ogbl-ddi")
    split["test"]["edge_neg"] = split["test"]["edge_neg"][:3]
    torch.save(split, folder / "split" / "target" / "split_dict.pt")
    assert gr.datasets.load("ogbl-ddi", folder.parent).split.test_neg.shape == (2, 3)


def test_the_folder_goes_by_any_of_its_names(tmp_path, ogb_files):
    for i, name in enumerate(("ppassoc", "ogbl_ppa_pyg", "ogbl_ppa", "")):
        ogb_files.write_set(tmp_path / str(i) / name, "ogbl-ppa", seed=i)
        assert gr.datasets.load("ogbl-ppa", tmp_path / str(i)).graph.num_edges == 30
        assert gr.datasets.load("ogbl-ppa", tmp_path / str(i) / name).name == "ogbl-ppa"


def test_collab_keeps_years_and_adds_up_weights(made):
    folder, split = made("ogbl-collab")
    ours = gr.datasets.load("ogbl-collab", folder.parent)
    (u, v), w = split["train"]["edge"].T, split["train"]["weight"]
    dense = np.zeros((20, 20))
    np.add.at(dense, (u, v), w)
    np.add.at(dense, (v, u), w)  # the repeat is listed the other way round
    np.testing.assert_array_equal(ours.graph.to_scipy().toarray(), dense)
    assert ours.split.train.shape[1] == 30
    assert ours.graph.num_edges == 29
    (u, v), w = split["valid"]["edge"].T, split["valid"]["weight"]
    np.add.at(dense, (u, v), w)
    np.add.at(dense, (v, u), w)
    np.testing.assert_array_equal(ours.split.graph_with_valid.to_scipy().toarray(), dense)


def test_the_cache_is_used_until_a_file_changes(made, monkeypatch):
    folder, split = made("ogbl-citation2")
    first = gr.datasets.load("ogbl-citation2", folder.parent)
    monkeypatch.setattr(ogb, "read_raw", lambda *_: pytest.fail("read again"))
    again = gr.datasets.load("ogbl-citation2", folder.parent)
    assert again.graph == first.graph
    np.testing.assert_array_equal(again.graph.x, first.graph.x)
    np.testing.assert_array_equal(again.split.test_neg, first.split.test_neg)
    assert again.split.test_neg.dtype == first.split.test_neg.dtype
    monkeypatch.undo()
    split["test"]["target_node_neg"] = split["test"]["target_node_neg"][:, :7]
    torch.save(split["test"], folder / "split" / "time" / "test.pt")
    assert gr.datasets.load("ogbl-citation2", folder.parent).split.test_neg.shape == (2, 5, 7)
    (folder / "graphrep.npz").write_bytes(b"PK\x03\x04 not a cache")
    assert gr.datasets.load("ogbl-citation2", folder.parent).split.test_neg.shape == (2, 5, 7)
    assert sorted(p.name for p in folder.iterdir()) == ["RELEASE_v1.txt", "graphrep.npz", "processed", "raw", "split"]


def rewritten(path, signed, **changes):
    """Replace arrays of a cache, and sign it as a whole one if asked."""
    with np.load(path) as archive:
        arrays = {name: archive[name] for name in archive.files} | changes
    if signed:
        meta, _ = arrays.pop("__meta__"), arrays.pop("__digest__")
        digest = np.frombuffer(digest_of(meta.tobytes(), arrays, 32), np.uint8)
        arrays |= {"__meta__": meta, "__digest__": digest}
    np.savez(path, **arrays)


def test_a_cache_is_not_believed(made):
    folder, _ = made("ogbl-ddi")
    sound = gr.datasets.load("ogbl-ddi", folder.parent)
    cache = folder / "graphrep.npz"
    train = np.load(cache)["train_edge"]
    for changes in (
        {"num_nodes": np.int64(-1)},
        {"num_nodes": np.int64(2**40)},
        {"edge_index": np.full((2, 30), 10**6)},
        {"test_edge": train[:8]},
        {"valid_edge": train[:8].astype(np.float32)},
        {"more": np.zeros(3)},
    ):
        rewritten(cache, signed=False, **changes)
        again = gr.datasets.load("ogbl-ddi", folder.parent)  # read anew from the files
        assert again.graph == sound.graph
        np.testing.assert_array_equal(again.split.test, sound.split.test)
    before = cache.read_bytes()
    gr.datasets.load("ogbl-ddi", folder.parent)
    assert cache.read_bytes() == before  # it was made anew, and serves again


@pytest.mark.parametrize(
    "changes",
    [
        {"num_nodes": np.int64(-1)},
        {"num_nodes": np.array([1, 2])},
        {"edge_index": np.full((2, 30), 10**6)},
        {"edge_index": np.zeros((3, 30), int)},
        {"test_edge": np.full((8, 2), 99)},
    ],
)
def test_a_forged_cache_is_no_crash(changes, made):
    folder, _ = made("ogbl-ddi")
    sound = gr.datasets.load("ogbl-ddi", folder.parent)
    rewritten(folder / "graphrep.npz", signed=True, **changes)
    assert gr.datasets.load("ogbl-ddi", folder.parent).graph == sound.graph


def test_a_cache_that_cannot_be_written_is_done_without(made, monkeypatch):
    folder, _ = made("ogbl-ddi")

    def refuse(*_args, **_options):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(np, "savez", refuse)
    assert gr.datasets.load("ogbl-ddi", folder.parent).graph.num_edges == 30
    assert not (folder / "graphrep.npz").exists()
    assert not list(folder.glob(".*"))


def test_nothing_asks_and_nothing_is_deleted(made, monkeypatch):
    monkeypatch.setattr("builtins.input", lambda *_: pytest.fail("asked"))
    folder, _ = made("ogbl-ddi")
    (folder / "RELEASE_v1.txt").unlink()
    gr.datasets.load("ogbl-ddi", folder.parent)
    (folder / "raw" / "edge.csv.gz").unlink()
    for download in (False, True):
        with pytest.raises(FileNotFoundError, match=r"is an incomplete ogbl-ddi without raw/edge.csv.gz; move it away"):
            gr.datasets.load("ogbl-ddi", folder.parent, download=download)
    assert (folder / "split" / "target" / "train.pt").is_file()


@pytest.mark.parametrize("name", NAMES)
def test_half_a_set_is_named_by_what_it_lacks(name, made):
    folder, _ = made(name)
    shutil.rmtree(folder / "split")
    with pytest.raises(FileNotFoundError, match=rf"ogbl_\w+ is an incomplete {name} without split/\w+/train.pt"):
        gr.datasets.load(name, folder.parent)


def test_a_missing_relation_folder_is_named(made):
    folder, _ = made("ogbl-biokg")
    (folder / "raw" / "relations" / "drug___drug-drug___drug" / "edge_reltype.csv.gz").unlink()
    with pytest.raises(FileNotFoundError, match=r"without raw/relations/drug___drug-drug___drug/edge_reltype.csv.gz"):
        gr.datasets.load("ogbl-biokg", folder.parent)


def test_an_absent_set_is_named_with_its_address(tmp_path, monkeypatch):
    with pytest.raises(
        FileNotFoundError, match=r"no folder ogbl_ppa, ogbl_ppa_pyg, ppassoc .* unpack https://snap\S*/ppassoc.zip"
    ):
        gr.datasets.load("ogbl-ppa", tmp_path)
    monkeypatch.setenv("GRAPHREP_DATA", str(tmp_path / "elsewhere"))
    with pytest.raises(FileNotFoundError, match="elsewhere"):
        gr.datasets.load("ogbl-ppa")


def cut(path):
    path.write_bytes(path.read_bytes()[:-12])


def damaged_files(folder, ogb_files):
    raw = folder / "raw"
    return {
        "cut": lambda: cut(raw / "edge.csv.gz"),
        "no gzip": lambda: (raw / "edge.csv.gz").write_bytes(b"0,1\n"),
        "empty": lambda: ogb_files.write_csv(raw / "edge.csv.gz", []),
        "words": lambda: ogb_files.write_csv(raw / "edge.csv.gz", [np.array(["a", "b"])] * 30),
        "ragged": lambda: gzip.open(raw / "edge.csv.gz", "wt").write("0,1\n2\n"),
        "short": lambda: ogb_files.write_csv(raw / "edge.csv.gz", [[0, 1]]),
        "columns": lambda: ogb_files.write_csv(raw / "edge.csv.gz", [[0, 1, 2]] * 30),
        "range": lambda: ogb_files.write_csv(raw / "edge.csv.gz", [[0, 20]] * 30),
        "graphs": lambda: ogb_files.write_csv(raw / "num-node-list.csv.gz", [10, 10]),
        "split cut": lambda: cut(folder / "split" / "target" / "valid.pt"),
        "split text": lambda: (folder / "split" / "target" / "valid.pt").write_text("edge"),
    }


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        ("cut", r"edge.csv.gz is damaged or truncated \(Compressed file ended"),
        ("no gzip", r"edge.csv.gz is damaged or truncated \(Not a gzipped file"),
        ("empty", r"edge.csv.gz is damaged or truncated \(it is empty\)"),
        ("words", r"edge.csv.gz is damaged or truncated \(could not convert"),
        ("ragged", r"edge.csv.gz is damaged or truncated \(the number of columns changed"),
        ("short", r"edge.csv.gz has 1 rows of 2 numbers, but num-edge-list.csv.gz announces 30 edges"),
        ("columns", r"edge.csv.gz has 30 rows of 3 numbers"),
        ("range", r"the edge list must lie in \[0, 20\), got 0 … 20"),
        ("graphs", r"num-node-list.csv.gz must hold one number, got 2"),
        ("split cut", r"valid.pt is damaged or not a file of torch.save"),
        ("split text", r"valid.pt is damaged or not a file of torch.save"),
    ],
)
def test_damaged_files_are_one_sentence(damage, message, made, ogb_files):
    folder, _ = made("ogbl-ddi")
    damaged_files(folder, ogb_files)[damage]()
    with pytest.raises(ValueError, match=message) as caught:
        gr.datasets.load("ogbl-ddi", folder.parent)
    assert "\n" not in str(caught.value)
    assert not (folder / "graphrep.npz").exists()


@pytest.mark.parametrize(
    ("name", "file", "rows", "message"),
    [
        ("ogbl-ppa", "node-feat.csv.gz", [[1, 0]] * 19, "node_feat must have a row per node, 20; got 19"),
        ("ogbl-collab", "edge_year.csv.gz", [2000] * 31, "edge_year must have a row per edge, 30; got 31"),
        (
            "ogbl-collab",
            "edge_weight.csv.gz",
            [0] * 30,
            "must hold positive finite numbers, got a minimum of 0",
        ),
        ("ogbl-biokg", "num-node-dict.csv.gz", [[5, 4, 7]], "must hold a line of node types and a line of their sizes"),
        ("ogbl-biokg", "triplet-type-list.csv.gz", [[1, 2]], "must have three columns: head type, relation, tail type"),
        ("ogbl-biokg", "triplet-type-list.csv.gz", [[1, 10**150, 10**150]], "names of folders, of at most 255 bytes"),
        (
            "ogbl-biokg",
            "relations/drug___drug-drug___drug/edge.csv.gz",
            [[4, 0]] * 6,
            r"edge.csv.gz must lie in \[0, 4\), got 4 … 4",
        ),
    ],
)
def test_raw_files_that_disagree_are_one_sentence(name, file, rows, message, made, ogb_files):
    folder, _ = made(name)
    ogb_files.write_csv(folder / "raw" / file, rows)
    with pytest.raises(ValueError, match=message) as caught:
        gr.datasets.load(name, folder.parent)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("sizes", [[2**31 - 1, 4, 7], [-1, 10, 7], [12, 4], [4.0, 5.0, 7.0]])
def test_sizes_of_types_add_up_to_the_nodes(sizes, made):
    folder, _ = made("ogbl-biokg")
    arrays = _ogb_raw.read_raw(folder / "raw", ogb.SPECS["ogbl-biokg"])
    _ogb_raw.check_arrays(folder / "raw", arrays)
    with pytest.raises(ValueError, match="type_sizes must add up to the 16 nodes"):
        _ogb_raw.check_arrays(folder / "raw", arrays | {"type_sizes": np.array(sizes)})


def test_a_damaged_npz_is_one_sentence(made):
    folder, _ = made("ogbl-vessel")
    path = folder / "raw" / "data.npz"
    whole = dict(np.load(path))
    cut(path)
    with pytest.raises(ValueError, match=r"data.npz is damaged or not a .npz file \("):
        gr.datasets.load("ogbl-vessel", folder.parent)
    for change in ({"num_edges_list": np.array([29])}, {"edge_index": whole["edge_index"].T}):
        np.savez(path, **(whole | change))
        with pytest.raises(ValueError, match=r"data.npz must hold one graph of \[\d+\] edges, got an edge_index \("):
            gr.datasets.load("ogbl-vessel", folder.parent)
    whole.pop("num_nodes_list")
    np.savez(path, **whole)
    with pytest.raises(ValueError, match=r"data.npz is damaged or not OGB's"):
        gr.datasets.load("ogbl-vessel", folder.parent)


def spoil(name, part, change, made):
    folder, split = made(name)
    change(split[part])
    (subfolder,) = (folder / "split").iterdir()
    torch.save(split[part], subfolder / f"{part}.pt")
    return folder.parent, split


@pytest.mark.parametrize(
    ("name", "part", "change", "message"),
    [
        ("ogbl-ddi", "test", lambda s: s.pop("edge_neg"), "test has no edge_neg; it has edge"),
        (
            "ogbl-ddi",
            "test",
            lambda s: s.update(edge=s["edge"].T),
            r"test: edge must have shape \(num_pairs, 2\), got \(2, 8",
        ),
        ("ogbl-ddi", "test", lambda s: s.update(edge=s["edge"] + 0.5), "test: edge must hold integers, got float64"),
        ("ogbl-ddi", "test", lambda s: s.update(edge_neg=s["edge"] + 20), r"test: edge_neg must lie in \[0, 20\)"),
        (
            "ogbl-ddi",
            "train",
            lambda s: s.update(edge=s["edge"][1:]),
            "29 training edges, but the graph beside it has",
        ),
        ("ogbl-collab", "valid", lambda s: s.update(year=s["year"] - 20), "leaks: the last training year is"),
        (
            "ogbl-collab",
            "valid",
            lambda s: s.update(year=s["year"][1:]),
            r"valid: year must have shape \(8,\), got \(7,\)",
        ),
        ("ogbl-vessel", "train", lambda s: s.pop("edge_neg"), "train has no edge_neg"),
        (
            "ogbl-citation2",
            "valid",
            lambda s: s.update(target_node_neg=s["target_node_neg"][:2]),
            r"shape \(4, num_neg",
        ),
        (
            "ogbl-wikikg2",
            "test",
            lambda s: s.update(head_neg=s["head_neg"] + 25),
            r"head_neg must lie in \[0, 25\)",
        ),
        (
            "ogbl-biokg",
            "test",
            lambda s: s.update(tail_neg=s["tail_neg"] + 7),
            "tail_neg must hold ids of nodes of its",
        ),
        (
            "ogbl-biokg",
            "test",
            lambda s: s.update(head_type=["cell"] * 6),
            "head_type must name one of disease, drug, protein",
        ),
    ],
)
def test_a_split_that_contradicts_is_one_sentence(name, part, change, message, made):
    root, _ = spoil(name, part, change, made)
    with pytest.raises(ValueError, match=message) as caught:
        gr.datasets.load(name, root)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["ogbl-ddi", "ogbl-ppa", "ogbl-citation2", "ogbl-wikikg2", "ogbl-biokg"])
def test_a_split_that_leaks_is_refused(name, made):
    folder, split = made(name)
    train, test = split["train"], split["test"]
    if "edge" in test:
        test["edge"][2] = train["edge"][7][::-1]
    else:
        for key in ("head", "relation", "tail", "source_node", "target_node", "head_type", "tail_type"):
            if key in test:
                test[key][2] = train[key][7]
    if name == "ogbl-biokg":  # types changed, so make the negatives fit any of them
        test |= {"head_neg": test["head_neg"] * 0, "tail_neg": test["tail_neg"] * 0}
    (subfolder,) = (folder / "split").iterdir()
    torch.save(test, subfolder / "test.pt")
    with pytest.raises(
        ValueError, match=r"leaks: 1 of its \d+ test edges, the first of them \(\d+, \d+\), are training edges"
    ):
        gr.datasets.load(name, folder.parent)


def test_the_reverse_of_a_directed_edge_is_no_leak(made):
    folder, split = made("ogbl-citation2")
    split["test"]["source_node"][0] = split["train"]["target_node"][0]
    split["test"]["target_node"][0] = split["train"]["source_node"][0]
    torch.save(split["test"], folder / "split" / "time" / "test.pt")
    assert gr.datasets.load("ogbl-citation2", folder.parent).split.test.shape == (2, 5)


def test_numbers_are_read_as_pandas_reads_them(tmp_path, ogb_files):
    pd = pytest.importorskip("pandas")
    rng = np.random.default_rng(0)
    tables = {
        "ints": rng.integers(-5, 10**12, (7, 3)),
        "floats": rng.normal(size=(50, 9)) * 10.0 ** rng.integers(-20, 20, (50, 9)),
        "mixed": np.array([[1, 2.5], [3, 4]], dtype=object),
        "late": np.array([[1], [2], [0.25]], dtype=object),
        "one": np.array([[4]]),
    }
    for name, table in tables.items():
        path = tmp_path / f"{name}.csv.gz"
        ogb_files.write_csv(path, table)
        theirs = pd.read_csv(path, compression="gzip", header=None).values
        theirs = theirs.astype(np.int64 if "int" in str(theirs.dtype) else np.float32)
        ours = _ogb_raw.read_csv(path)
        assert ours.dtype == theirs.dtype
        np.testing.assert_array_equal(ours, theirs)


def test_link_prediction_ranks_own_negatives(made):
    folder, _ = made("ogbl-citation2")
    ours = gr.datasets.load("ogbl-citation2", folder.parent).split
    # the score is the source: all negatives tie with their positive, so each rank is 1 + 10 / 2
    assert gr.evaluate.link_prediction(lambda pairs: pairs[0], ours, metrics=["mrr"])["mrr"] == pytest.approx(1 / 6)


@pytest.mark.parametrize("dtype", ["complex64", "datetime64[s]"])
def test_a_cache_holds_real_numbers_and_strings(tmp_path, dtype):
    write_cache(tmp_path / "c.npz", ["key"], {"a": np.zeros(3)})
    assert list(read_cache(tmp_path / "c.npz", ["key"])) == ["a"]
    write_cache(tmp_path / "c.npz", ["key"], {"a": np.zeros(3, dtype=dtype)})
    assert read_cache(tmp_path / "c.npz", ["key"]) is None
