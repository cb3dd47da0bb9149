"""FastRP with the vectors on the disk: the file and the bits are those of a fit in memory."""

from __future__ import annotations

import numpy as np
import pytest

import graphrep as gr
from graphrep import cli
from graphrep._mapped import mapping_of
from graphrep.embed import _on_disk
from graphrep.ops import project_neighbors, random_projection

RNG = np.random.default_rng(0)
WIDE = gr.as_graph(RNG.integers(17_000, size=(2, 40_000)), num_nodes=17_000, merge="max")  # two blocks of rows
ENDS = (2000 * RNG.random((2, 6000)) ** 2).astype(np.int64)
DIRECTED = gr.as_graph(ENDS, directed=True, weights=RNG.random(6000), num_nodes=2010)
NAMED = gr.as_graph([(f"n{u}", f"n{v}") for u, v in ENDS.T])


def assert_same(graph, tmp_path, memory="1MB", **options):
    one, other = gr.FastRP(**options), gr.FastRP(**options)
    one.fit(graph).node_vectors_.save(tmp_path / "one.npy")
    vectors = other.fit_transform(graph, out=tmp_path / "other.npy", memory=memory)
    assert mapping_of(vectors) is not None
    assert (tmp_path / "one.npy").read_bytes() == (tmp_path / "other.npy").read_bytes()
    for name in ("embedding_", "mean_", "scale_", "nodes_"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
        assert getattr(one, name).dtype == getattr(other, name).dtype
    assert not [file for file in tmp_path.iterdir() if file.name.startswith(".")]
    return other


@pytest.mark.parametrize("width", [3, 16])
@pytest.mark.parametrize("sparsity", [None, 2.0])
def test_any_width_of_blocks(width, sparsity, tmp_path, monkeypatch):
    monkeypatch.setattr(_on_disk, "_width", lambda *_: width)
    assert_same(DIRECTED, tmp_path, dimensions=35, sparsity=sparsity, normalization_strength=-0.5)


@pytest.mark.parametrize(
    "options",
    [
        {"self_influence": 0.5},
        {"iteration_weights": (1,), "self_influence": -1, "sparsity": 2},
        {"iteration_weights": (0, 1, 0, 2, 0)},
        {"normalize_rows": False, "sparsity": 3},
        {"standardize": False, "random_state": 5},
        {"n_jobs": 3},
        {"precision": "float16", "self_influence": 0.5},
        {"precision": "float16", "sparsity": 1, "n_jobs": 2},
    ],
)
def test_every_option(options, tmp_path):
    assert_same(WIDE, tmp_path, **{"dimensions": 8, "sparsity": 20, **options})


def test_names_and_new_nodes(tmp_path):
    model = assert_same(NAMED, tmp_path, memory=10**9, dimensions=16)
    loaded = gr.load_vectors(tmp_path / "other.npy")
    np.testing.assert_array_equal(loaded["n7"], model.node_vectors_["n7"])
    np.testing.assert_array_equal(model.transform([("new", "n7")]).nodes, ["new"])


def test_a_mapped_graph_by_the_command(tmp_path, capsys):
    WIDE.save(tmp_path / "a.graph")
    for name, options in (("a.npy", []), ("b.npy", ["--memory", "1MB"])):
        given = ["embed", str(tmp_path / "a.graph"), "-o", str(tmp_path / name), "--dimensions", "32", *options]
        with pytest.raises(SystemExit) as ended:
            cli.main(given)
        assert not ended.value.code
    assert (tmp_path / "a.npy").read_bytes() == (tmp_path / "b.npy").read_bytes()
    assert "b.npy: 17,000 nodes, 32 dimensions, fastrp" in capsys.readouterr().out


def test_equal_vectors_are_a_warning_there_as_well(tmp_path):
    star = gr.as_graph([(0, leaf) for leaf in range(1, 40)])
    for where in ({}, {"out": tmp_path / "a.npy"}):
        with pytest.warns(UserWarning, match="39 of 40 vectors of FastRP are equal|vectors of FastRP are"):
            gr.FastRP(dimensions=8, sparsity=1).fit(star, **where)


@pytest.mark.parametrize(
    ("options", "where", "error", "message"),
    [
        ({}, {"memory": "1GB"}, TypeError, "memory= bounds a fit on the disk; give out="),
        ({}, {"out": "a.parquet"}, ValueError, "the name must end in .npy"),
        ({}, {"out": "no/a.npy"}, FileNotFoundError, "there is no folder"),
        ({"finish": "smooth"}, {"out": "a.npy"}, ValueError, "finish='smooth' needs all vectors in memory"),
        ({"feature_ratio": 0.5}, {"out": "a.npy"}, ValueError, "feature_ratio=0.5 needs the features in memory"),
        ({}, {"out": "a.npy", "memory": 1000}, ValueError, "memory must be at least 1 MB"),
    ],
)
def test_bad_input_is_one_sentence(options, where, error, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error, match=message):
        gr.FastRP(dimensions=8, **options).fit(DIRECTED, **where)
    assert not list(tmp_path.iterdir())


def test_too_little_memory_or_disk_and_an_interrupt_leave_nothing(tmp_path, monkeypatch):
    model, out = gr.FastRP(dimensions=8), tmp_path / "a.npy"
    large = gr.as_graph([(0, 1)], num_nodes=30_000)
    with pytest.raises(
        MemoryError, match=r"30,000 nodes on the disk needs 1\.44 MB for one column; give memory=1440000"
    ):
        model.fit(large, out=out, memory="1MB")
    with monkeypatch.context() as patch:
        patch.setattr(_on_disk.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 1000}))
        with pytest.raises(
            OSError, match="its vectors and their terms need 322 kB there for a while, but 1 kB are free"
        ):
            model.fit(DIRECTED, out=out)

    def stop(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(_on_disk._Rows, "standardize", stop)
    with pytest.raises(KeyboardInterrupt):
        model.fit(DIRECTED, out=out)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("backend", ["native", "reference"])
def test_columns_of_projections_do_not_depend_on_the_part(backend, monkeypatch):
    monkeypatch.setenv("GRAPHREP_BACKEND", backend)
    graph = gr.as_graph(ENDS[:, :50] % 40, num_nodes=40)
    for density in (0.02, 0.7):
        whole = random_projection(40, 30, density=density), project_neighbors(graph, 30, density=density)
        for part in ((0, 1), (7, 20), (30, 30)):
            drawn = (
                random_projection(40, 30, density=density, part=part),
                project_neighbors(graph, 30, density=density, part=part),
            )
            for one, other in zip(whole, drawn, strict=True):
                np.testing.assert_array_equal(one[:, slice(*part)], other)
    with pytest.raises(ValueError, match=r"part must be \(first, end\) with 0 <= first <= end <= 30, got \(3, 31\)"):
        random_projection(40, 30, density=0.1, part=(3, 31))
