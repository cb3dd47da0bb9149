from __future__ import annotations

import csv
import os
import subprocess
import sys

import numpy as np
import pytest

import graphrep as gr
from graphrep import cli


def run(*arguments):
    """Exit code of ``graphrep neighbors ARGUMENTS``."""
    with pytest.raises(SystemExit) as info:
        cli.main(["neighbors", *(str(argument) for argument in arguments)])
    return info.value.code


@pytest.fixture
def vectors():
    return gr.NodeVectors(np.random.default_rng(0).standard_normal((30, 5)), [f"node {i}" for i in range(30)])


def table(path):
    """Columns of a table of neighbors."""
    if path.suffix == ".parquet":
        return pytest.importorskip("pyarrow.parquet").read_table(path).to_pydict()
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="," if path.suffix == ".csv" else "\t"))
    kinds = {"node": str, "neighbor": str, "rank": int, "score": float}
    return {name: [kind(row[name]) for row in rows] for name, kind in kinds.items()}


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".parquet"])
@pytest.mark.parametrize("metric", ["cosine", "dot", "euclidean"])
def test_all_neighbors_of_all_nodes(suffix, metric, vectors, tmp_path, monkeypatch, capsys):
    from graphrep.cli import neighbors

    monkeypatch.setattr(neighbors, "_CHUNK", 7)
    vectors.save(tmp_path / "in.safetensors")
    path = tmp_path / f"knn{suffix}"
    assert run(tmp_path / "in.safetensors", "--all", "-k", 4, "--metric", metric, "-o", path) == 0
    assert capsys.readouterr().out.startswith(f"{path}: 120 neighbors, {metric}, ")
    names, scores = vectors.neighbors(k=4, metric=metric)
    found = table(path)
    assert list(found) == ["node", "neighbor", "rank", "score"]
    assert found["node"] == np.repeat(vectors.nodes, 4).tolist()
    assert found["neighbor"] == names.ravel().tolist()
    assert found["rank"] == [1, 2, 3, 4] * 30
    assert found["score"] == scores.ravel().tolist()


def test_integer_names_stay_integers(tmp_path):
    pq = pytest.importorskip("pyarrow.parquet")
    gr.NodeVectors([[1, 0], [1, 1], [0, 1]], [5, -3, 2**60]).save(tmp_path / "in.npy")
    assert run(tmp_path / "in.npy", "--all", "-k", 99, "-o", tmp_path / "knn.parquet") == 0
    found = pq.read_table(tmp_path / "knn.parquet")
    assert [str(field.type) for field in found.schema] == ["int64", "int64", "int64", "double"]
    assert found["node"].to_pylist() == [5, 5, -3, -3, 2**60, 2**60]


def test_several_nodes(vectors, tmp_path, capsys):
    vectors.save(tmp_path / "in.npz")
    assert run(tmp_path / "in.npz", "node 3", "node 1", "-k", 2) == 0
    lines = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    expected = [
        [node, f"{score:.4f}", name] for node in ("node 3", "node 1") for name, score in vectors.most_similar(node, 2)
    ]
    assert lines == expected
    assert run(tmp_path / "in.npz", "node 3", "-k", 2, "-o", tmp_path / "knn.csv") == 0
    assert table(tmp_path / "knn.csv")["neighbor"] == [name for name, _ in vectors.most_similar("node 3", 2)]
    assert run(tmp_path / "in.npz", "node 3", "nobody") == 1
    assert "there is no node 'nobody'" in capsys.readouterr().err


def test_foreign_files(tmp_path, capsys):
    (tmp_path / "people.csv").write_text("age,who,x,y\n30,ann,1,0\n40,bob,1,1\n")
    assert run(tmp_path / "people.csv", "ann", "--names", "who", "--columns", "x,y") == 0
    assert capsys.readouterr().out == "0.7071\tbob\n"
    (tmp_path / "words").write_text("the 1 0\nof 1 1\n")
    assert run(tmp_path / "words", "the", "--format", "glove") == 0
    assert capsys.readouterr().out == "0.7071\tof\n"


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["in.csv"], 2, "give either NODE or --all"),
        (["in.csv", "node 1", "--all", "-o", "knn.csv"], 2, "give either NODE or --all"),
        (["in.csv", "--all"], 2, "--all needs --output"),
        (["in.csv", "--all", "-k", "0", "-o", "knn.csv"], 1, "k must be at least 1, got 0"),
        (["in.csv", "--all", "-o", "in.csv"], 1, "in.csv is the input; give another name for the output"),
        (["in.csv", "--all", "-o", "link.csv"], 1, "link.csv is the input"),
        (["in.csv", "--all", "-o", "knn.npy"], 1, "the name must end in .csv, .tsv or .parquet"),
        (["in.csv", "--all", "-o", "missing/knn.csv"], 1, "there is no folder"),
        (["none.csv", "--all", "-o", "knn.csv"], 1, "there is no file"),
    ],
)
def test_what_is_refused_leaves_all_as_it_was(arguments, code, message, vectors, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    vectors.save("in.csv")
    os.symlink("in.csv", "link.csv")
    before = (tmp_path / "in.csv").read_bytes()
    assert run(*arguments) == code
    assert message in capsys.readouterr().err
    assert (tmp_path / "in.csv").read_bytes() == before
    assert {entry.name for entry in tmp_path.iterdir()} == {"in.csv", "link.csv"}


def test_a_table_appears_whole_or_not_at_all(vectors, tmp_path, monkeypatch):
    from graphrep.cli import neighbors

    vectors.save(tmp_path / "in.npy")
    (tmp_path / "knn.csv").write_text("old")
    monkeypatch.setattr(neighbors, "_CHUNK", 7)
    calls = []

    def interrupted(*arguments, **options):
        calls.append(arguments)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return original(*arguments, **options)

    original = gr.NodeVectors.neighbors
    monkeypatch.setattr(gr.NodeVectors, "neighbors", interrupted)
    for suffix in (".csv", ".parquet"):
        calls.clear()
        with pytest.raises((KeyboardInterrupt, SystemExit)):
            cli.main(["neighbors", str(tmp_path / "in.npy"), "--all", "-o", str(tmp_path / f"knn{suffix}")])
        assert len(calls) == 3
    assert (tmp_path / "knn.csv").read_text() == "old"
    assert {entry.name for entry in tmp_path.iterdir()} == {"in.npy", "in.npy.nodes.json", "knn.csv"}


def test_no_nodes(tmp_path):
    gr.NodeVectors(np.zeros((0, 3))).save(tmp_path / "in.npy")
    for suffix in (".csv", ".parquet"):
        assert run(tmp_path / "in.npy", "--all", "-o", tmp_path / f"knn{suffix}") == 0
        assert table(tmp_path / f"knn{suffix}") == {"node": [], "neighbor": [], "rank": [], "score": []}
    assert (tmp_path / "knn.csv").read_text() == "node,neighbor,rank,score\n"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="asks Linux for its memory")
def test_memory_is_bounded(tmp_path):
    """A table of a million neighbors of 10,000 nodes takes 32 MB and more; the command holds a part of it at a time."""
    vectors = np.random.default_rng(0).standard_normal((10_000, 4), dtype=np.float32)
    gr.NodeVectors(vectors).save(tmp_path / "in.npy")
    code = (
        "import resource, sys\n"
        "from graphrep.cli import neighbors\n"
        "from pathlib import Path\n"
        "path, out, k = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])\n"
        "neighbors._CHUNK = 500\n"
        "neighbors.write(out, neighbors.read(path, None, None, None), None, k, 'cosine')\n"
        "print(1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)\n"
    )
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    peaks = []
    for k in (1, 100):
        command = [sys.executable, "-c", code, str(tmp_path / "in.npy"), str(tmp_path / "knn.parquet"), str(k)]
        pytest.importorskip("pyarrow")
        done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
        peaks.append(int(done.stdout))
    assert peaks[1] - peaks[0] < 20e6
