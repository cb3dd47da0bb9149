"""Quick checks that an installed graphrep works with the Python and the dependencies around it.

Only pytest and graphrep are needed: ``python -m pytest tests/smoke``.
"""

from __future__ import annotations

import importlib
import pkgutil
import subprocess
import sys

import numpy as np
import pytest

import graphrep as gr

OPTIONAL = {"gensim", "matplotlib", "pyarrow", "torch_geometric", "triton", "zstandard"}
BLOCK = 12  # nodes in each of the two groups of `graph`


@pytest.fixture(scope="module")
def graph():
    """Two cliques joined by one edge, with a feature that tells them apart, noise, and labels."""
    u, v = np.triu_indices(BLOCK, k=1)
    edges = np.hstack([[u, v], [u + BLOCK, v + BLOCK], [[0], [BLOCK]]])
    labels = np.repeat([0, 1], BLOCK)
    noise = np.random.default_rng(0).normal(size=(2 * BLOCK, 7))
    x = np.column_stack([4 * labels - 2, noise]).astype(np.float32)
    return gr.as_graph(edges, directed=False, x=x, y=labels)


def within_beats_across(score):
    """Whether pairs inside a clique score higher, on average, than pairs of the two cliques."""
    u, v = np.triu_indices(BLOCK, k=1)
    across = np.array([[i, j + BLOCK] for i in range(1, BLOCK) for j in range(1, BLOCK)]).T
    return np.mean(score(np.stack([u, v]))) > np.mean(score(across))


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_module_imports():
    modules = [info.name for info in pkgutil.walk_packages(gr.__path__, "graphrep.")]
    missing = set()
    for name in modules:
        if name == "graphrep.__main__":
            continue
        try:
            importlib.import_module(name)
        except ModuleNotFoundError as error:
            missing.add(error.name)
    assert len(modules) > 50
    assert missing <= OPTIONAL


def test_every_public_name_is_there_after_the_modules_were_imported():
    code = (
        "import importlib, pkgutil, types, graphrep\n"
        "modules = []\n"
        "for info in pkgutil.walk_packages(graphrep.__path__, 'graphrep.'):\n"
        "    if info.name != 'graphrep.__main__':\n"
        "        try: modules.append(importlib.import_module(info.name))\n"
        "        except ModuleNotFoundError: pass\n"
        "packages = [graphrep, *(module for module in modules if hasattr(module, '__path__'))]\n"
        "for package in packages:\n"
        "    for name in getattr(package, '__all__', ()):\n"
        "        if package is graphrep and name == 'pyg': continue\n"
        "        value = getattr(package, name)\n"
        "        if isinstance(value, types.ModuleType): assert not callable(getattr(value, name, None)), value\n"
        "print(len(packages))"
    )
    assert int(run(sys.executable, "-c", code)) > 10


def test_fastrp_learns_and_transforms(graph):
    model = gr.FastRP(dimensions=16, random_state=0)
    vectors = model.fit_transform(graph)
    assert vectors.shape == (2 * BLOCK, 16)
    assert within_beats_across(lambda pairs: (vectors[pairs[0]] * vectors[pairs[1]]).sum(axis=1))
    np.testing.assert_allclose(model.transform(graph), vectors, rtol=1e-4, atol=1e-5)


def test_node2vec_learns(graph):
    vectors = gr.Node2Vec(dimensions=16, epochs=5, random_state=0, n_jobs=1, progress=False).fit_transform(graph)
    assert vectors.shape == (2 * BLOCK, 16)
    assert within_beats_across(lambda pairs: (vectors[pairs[0]] * vectors[pairs[1]]).sum(axis=1))


def test_a_graph_autoencoder_learns(graph):
    model = gr.GAE(dimensions=16, epochs=5, random_state=0, progress=False).fit(graph)
    assert within_beats_across(model.score_pairs)


def test_structcomp_learns(graph):
    vectors = gr.StructComp(dimensions=16, compression=3, epochs=5, random_state=0, progress=False).fit_transform(graph)
    assert vectors.shape == (2 * BLOCK, 16)
    assert np.isfinite(vectors).all()


def test_pamc_finds_the_cliques(graph):
    model = gr.PamC(n_clusters=2, hidden=(64,), pretraining_epochs=20, epochs=50, random_state=0, progress=False)
    found = model.fit_predict(graph)
    assert gr.evaluate.clustering(graph.y, found)["accuracy"] == 1


def test_link_prediction_is_judged(graph):
    split = gr.evaluate.random_link_split(graph, random_state=0)
    table = gr.evaluate.compare({"FastRP": gr.FastRP(dimensions=8).fit_transform(split.graph)}, split, metrics=["auc"])
    assert "FastRP" in str(table)


def test_the_built_in_graph_is_packed():
    assert gr.datasets.load("debian").graph.num_nodes == 63_436


@pytest.mark.parametrize("suffix", ["safetensors", "npy", "npz", "csv", "w2v", "bin", "glove"])
def test_vectors_come_back_from_a_file(graph, tmp_path, suffix):
    vectors = gr.FastRP(dimensions=8).fit(graph).node_vectors_
    vectors.save(tmp_path / f"vectors.{suffix}")
    np.testing.assert_array_equal(gr.load_vectors(tmp_path / f"vectors.{suffix}").vectors, vectors.vectors)


def test_networkx_and_scipy_graphs_come_in(graph):
    networkx = pytest.importorskip("networkx")
    assert gr.as_graph(networkx.karate_club_graph()).num_edges == 78
    assert gr.as_graph(graph.to_scipy(), directed=False).num_edges == graph.num_edges


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("first", ["torch", "graphrep._core"])
def test_torch_and_the_kernels_share_an_openmp_runtime(first):
    code = (
        f"import io, {first}, graphrep as gr; facts = gr.show_versions(file=io.StringIO())\n"
        "print(facts['openmp']['shared'], facts['problems'])"
    )
    assert run(sys.executable, "-c", code).strip() == "True []"


def test_the_command_line(tmp_path):
    command = (sys.executable, "-m", "graphrep")
    edges, vectors, links = tmp_path / "edges.txt", tmp_path / "vectors.safetensors", tmp_path / "links.csv"
    rows = [f"{clique}{i} {clique}{j}" for clique in "ab" for i in range(BLOCK) for j in range(i)]
    edges.write_text("\n".join([*rows, "a0 b0"]), encoding="utf-8")
    assert run(*command, "--version").strip() == gr.__version__
    run(*command, "embed", str(edges), "--dimensions", "8", "-o", str(vectors))
    assert len(run(*command, "neighbors", str(vectors), "a3", "-k", "4").splitlines()) == 4
    run(*command, "linkpred", str(edges), "--model", "aa", "-o", str(links))
    assert links.read_text(encoding="utf-8").count("\n") > 1
    assert gr.__version__ in run(*command, "doctor")
    refused = subprocess.run([*command, "embed", "no-such-file", "-o", str(vectors)], capture_output=True, check=False)
    assert refused.returncode == 1
