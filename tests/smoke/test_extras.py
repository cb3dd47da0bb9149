"""One check per extra, skipped if the extra is not installed."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

import graphrep as gr


@pytest.fixture(scope="module")
def graph():
    return gr.as_graph([["a", "b", "c", "a"], ["b", "c", "a", "d"]], directed=False)


def test_pyg_data_come_in_and_its_convolutions_are_accelerated(graph):
    pyg = pytest.importorskip("torch_geometric")
    torch = pytest.importorskip("torch")
    edge_index = torch.from_numpy(graph.edge_index().copy())
    data = pyg.data.Data(x=torch.eye(graph.num_nodes), edge_index=edge_index)
    assert gr.as_graph(data).num_arcs == graph.num_arcs
    layer = pyg.nn.GCNConv(graph.num_nodes, 3)
    expected = layer(data.x, edge_index)
    torch.testing.assert_close(gr.pyg.accelerate(layer)(data.x, edge_index), expected)


def test_io_writes_parquet(graph, tmp_path):
    pytest.importorskip("pyarrow")
    vectors = gr.FastRP(dimensions=4).fit(graph).node_vectors_
    vectors.save(tmp_path / "vectors.parquet")
    back = gr.load_vectors(tmp_path / "vectors.parquet")
    np.testing.assert_array_equal(back.vectors, vectors.vectors)
    assert list(back.nodes) == list(vectors.nodes)


def test_io_reads_zstd(tmp_path):
    zstandard = pytest.importorskip("zstandard")
    path = tmp_path / "edges.txt.zst"
    path.write_bytes(zstandard.ZstdCompressor().compress(b"a b\nb c\n"))
    assert gr.as_graph(path).num_edges == 2


def test_gensim_takes_the_vectors(graph):
    pytest.importorskip("gensim")
    vectors = gr.FastRP(dimensions=4).fit(graph).node_vectors_
    np.testing.assert_array_equal(vectors.to_keyed_vectors()["d"], vectors["d"])


@pytest.mark.parametrize(("library", "suffix"), [("faiss", "faiss"), ("hnswlib", "hnsw"), ("usearch", "usearch")])
def test_search_finds_the_nearest(graph, tmp_path, library, suffix):
    pytest.importorskip(library)
    vectors = gr.FastRP(dimensions=4).fit(graph).node_vectors_
    vectors.save_index(tmp_path / f"web.{suffix}")
    assert (
        gr.load_index(tmp_path / f"web.{suffix}").most_similar("d", k=1)[0][0] == vectors.most_similar("d", k=1)[0][0]
    )


def test_triton_kernels_run_in_the_interpreter():
    pytest.importorskip("triton", minversion="3.2")  # torch 2.4 and 2.5 install an older one
    code = (
        "import torch, graphrep as gr\n"
        "adj = gr.ops.Adjacency.from_edges(torch.tensor([0, 1, 1]), torch.tensor([1, 0, 2]), num_rows=3)\n"
        "x = torch.arange(12.0).reshape(3, 4)\n"
        "torch.testing.assert_close(gr.ops.spmm(adj, x), torch.stack([x[1], x[0] + x[2], torch.zeros(4)]))\n"
    )
    environment = os.environ | {"GRAPHREP_BACKEND": "triton", "TRITON_INTERPRET": "1"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
