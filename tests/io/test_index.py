from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest

import graphrep as gr

LIBRARIES = {"faiss": ".faiss", "hnswlib": ".hnsw", "usearch": ".usearch"}
METRICS = ("cosine", "dot", "euclidean")


@pytest.fixture(scope="module")
def vectors():
    """Five thousand vectors in groups, of different lengths; two are zero."""
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((40, 24))[rng.integers(0, 40, 5000)] + rng.standard_normal((5000, 24))
    rows *= rng.uniform(0.5, 2, (5000, 1))
    rows[[7, 8]] = 0
    return gr.NodeVectors(rows, [f"n{i}" for i in range(5000)])


def needs(library):
    pytest.importorskip(library)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("library", LIBRARIES)
def test_almost_all_of_the_nearest_are_found(library, metric, vectors, tmp_path):
    needs(library)
    path = tmp_path / f"web{LIBRARIES[library]}"
    vectors.save_index(path, metric=metric, n_jobs=1, random_state=0)
    index = gr.load_index(path, n_jobs=1)
    assert (index.library, index.metric, index.dimensions, len(index)) == (library, metric, 24, 5000)
    asked = vectors.nodes[10:510]
    names, scores = index.neighbors(asked, k=10)
    exact, exact_scores = vectors.neighbors(asked, k=10, metric=metric)
    assert names.shape == scores.shape == (500, 10)
    assert all(node not in row for node, row in zip(asked, names, strict=True))
    recall = np.mean([len({*row} & {*best}) / 10 for row, best in zip(names.tolist(), exact.tolist(), strict=True)])
    assert recall >= 0.95
    same = names == exact
    np.testing.assert_allclose(scores[same], exact_scores[same], rtol=1e-4, atol=1e-4)
    order = np.diff(scores, axis=1)
    assert (order >= -1e-5).all() if metric == "euclidean" else (order <= 1e-5).all()
    by_vector, _ = index.neighbors(vectors=vectors[asked], k=1)
    if metric != "dot":
        assert (by_vector[:, 0] == asked).all()


@pytest.mark.parametrize("library", LIBRARIES)
def test_one_node_and_one_vector(library, vectors, tmp_path):
    needs(library)
    vectors.save_index(tmp_path / "web.index", library=library, n_jobs=1)
    index = gr.load_index(tmp_path / "web.index")
    found = index.most_similar("n3", k=5)
    assert [name for name, _ in found] == [name for name, _ in vectors.most_similar("n3", k=5)]
    assert index.most_similar(vectors["n3"], k=1)[0] == ("n3", pytest.approx(1))
    assert index.most_similar(vectors["n3"].tolist(), k=1)[0][0] == "n3"
    assert all(score == 0 for _, score in index.most_similar("n7", k=3))  # a zero vector, as in the exact search
    with pytest.raises(KeyError, match="there is no node 'n5000'; did you mean"):
        index.most_similar("n5000")
    with pytest.raises(ValueError, match=r"vectors must be finite, of shape \(num_queries, 24\); got \(1, 3\)"):
        index.most_similar([1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match="give nodes or vectors, not both"):
        index.neighbors(["n3"], vectors=vectors[["n3"]])
    with pytest.raises(ValueError, match="k must be at least 1, got 0"):
        index.most_similar("n3", k=0)
    assert index.neighbors([], k=3)[0].shape == (0, 4)


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("nodes", [None, [30, 10, 20], ["", "a b", "é\n"]])
def test_names_come_back(library, nodes, tmp_path):
    needs(library)
    v = gr.NodeVectors([[1, 0], [0.9, 0.1], [0, 1]], nodes)
    path = tmp_path / f"web{LIBRARIES[library]}"
    v.save_index(path)
    index = gr.load_index(path)
    assert index.nodes.tolist() == v.nodes.tolist()
    assert index.nodes.dtype == v.nodes.dtype
    names, _ = index.neighbors(k=99)
    assert names.tolist() == v.neighbors(k=99)[0].tolist()
    assert sorted(entry.name for entry in tmp_path.iterdir()) == [path.name, f"{path.name}.nodes.json"]


def test_the_file_is_the_librarys_own(vectors, tmp_path):
    faiss, hnswlib, usearch = (pytest.importorskip(name) for name in ("faiss", "hnswlib", "usearch.index"))
    for suffix in LIBRARIES.values():
        vectors.save_index(tmp_path / f"web{suffix}", n_jobs=1)
    query = vectors["n3"] / np.linalg.norm(vectors["n3"])
    assert faiss.read_index(str(tmp_path / "web.faiss")).search(query[None], 1)[1].tolist() == [[3]]
    index = hnswlib.Index(space="cosine", dim=24)
    index.load_index(str(tmp_path / "web.hnsw"))
    assert index.knn_query(query, k=1)[0].tolist() == [[3]]
    assert usearch.Index.restore(str(tmp_path / "web.usearch")).search(query, 1).keys.tolist() == [3]


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_damaged_or_foreign_index_is_refused_before_the_library_reads_it(library, vectors, tmp_path):
    needs(library)
    path = tmp_path / f"web{LIBRARIES[library]}"
    vectors.select(vectors.nodes[:50]).save_index(path)
    beside = path.with_name(path.name + ".nodes.json")
    whole = path.read_bytes()
    path.write_bytes(whole[:-7])
    with pytest.raises(ValueError, match="belong to another version of it"):
        gr.load_index(path)
    path.write_bytes(whole)
    assert len(gr.load_index(path)) == 50
    beside.unlink()
    with pytest.raises(ValueError, match=r"no index of graphrep: web\..*\.nodes\.json, which says how it was made"):
        gr.load_index(path)
    gr.NodeVectors([[1.0]], ["a"]).save(tmp_path / "out.npy")
    with pytest.raises(ValueError, match="no index of graphrep"):
        gr.load_index(tmp_path / "out.npy")
    with pytest.raises(FileNotFoundError, match="there is no file"):
        gr.load_index(tmp_path / "missing.hnsw")


@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        (["web.idx"], {}, ValueError, r"the name must end in \.faiss, \.hnsw or \.usearch, or library= must be given"),
        (["web.hnsw", "annoy"], {}, ValueError, "library must be one of faiss, hnswlib, usearch; got 'annoy'"),
        (["web.hnsw"], {"metric": "l2"}, ValueError, "metric must be one of"),
        (["web.hnsw"], {"connectivity": 1}, ValueError, "connectivity must be at least 2, got 1"),
        (["web.hnsw"], {"random_state": None}, TypeError, "random_state must be an integer, got None"),
        (["no/web.hnsw"], {}, FileNotFoundError, "there is no folder"),
    ],
)
def test_bad_arguments_are_refused(arguments, options, error, message, vectors, tmp_path):
    needs("hnswlib")
    with pytest.raises(error, match=message):
        vectors.save_index(tmp_path / arguments[0], *arguments[1:], **options)
    assert list(tmp_path.iterdir()) == []


def test_no_nodes_and_other_names_are_refused(tmp_path):
    needs("hnswlib")
    with pytest.raises(ValueError, match="an index needs at least one node, got none"):
        gr.NodeVectors(np.zeros((0, 3))).save_index(tmp_path / "web.hnsw")
    with pytest.raises(TypeError, match=r"node \('a', 1\) is of type tuple"):
        gr.NodeVectors([[1.0], [2.0]], [("a", 1), ("b", 2)]).save_index(tmp_path / "web.hnsw")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_missing_library_is_one_sentence(library, vectors, tmp_path):
    code = (
        "import sys, graphrep as gr\n"
        f"sys.modules[{library!r}] = sys.modules['usearch.index'] = None\n"
        "try: gr.NodeVectors([[1.0]]).save_index(sys.argv[1], library=sys.argv[2])\n"
        "except ImportError as error: print(error)\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "web"), library]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert done.stdout == f"an index of {library} needs it; pip install 'graphrep[search]'.\n"


def test_one_thread_and_one_seed_give_one_index(vectors, tmp_path):
    needs("hnswlib")
    found = []
    for seed in (0, 0, 1):
        vectors.save_index(tmp_path / "web.hnsw", connectivity=2, construction=5, n_jobs=1, random_state=seed)
        found.append(gr.load_index(tmp_path / "web.hnsw", effort=10, n_jobs=1).neighbors(k=5)[0].tolist())
    assert found[0] == found[1] != found[2]  # an index so poor that its seed matters


def test_what_is_beside_an_index(vectors, tmp_path):
    needs("hnswlib")
    few = vectors.select(vectors.nodes[:3])
    few.save_index(tmp_path / "web.hnsw", metric="dot")
    few.save_index(tmp_path / "web.hnsw", metric="euclidean")
    (entry,) = json.loads((tmp_path / "web.hnsw.nodes.json").read_text(encoding="utf-8"))["files"].values()
    entry.pop("digest")
    expected = {"library": "hnswlib", "metric": "euclidean", "dimensions": 24, "num_nodes": 3}
    assert entry == {"nodes": ["n0", "n1", "n2"], **expected}
