"""Graphs for the experiments: data sets by name, files of plain arrays, and a synthetic one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp

import graphrep as gr


def load_graph(name: str, root: str | None = None) -> tuple[gr.Graph, Any]:
    """Graph with features and labels, and its public split of labels or None.

    ``cora``, ``citeseer``, ``pubmed`` and ``debian`` through :func:`graphrep.datasets.load`; ``synthetic-2m``; any
    other name is a folder under ``root`` with a file ``graph.npz`` of plain arrays.
    """
    if name == "synthetic-2m":
        return planted_graph(2_000_000), None
    if root is not None and (Path(root) / name / "graph.npz").is_file():
        return read_npz(Path(root) / name / "graph.npz"), None
    dataset = gr.datasets.load(name, root=root if name != "debian" else None)
    graph = gr.as_graph(dataset.graph, self_loops=False)
    return graph, dataset.label_split


def read_npz(path: Path) -> gr.Graph:
    """An undirected graph from edge_index, num_nodes, y, and features as x_data, x_indices, x_indptr, x_shape."""
    with np.load(path, allow_pickle=False) as arrays:
        x = sp.csr_array(
            (arrays["x_data"], arrays["x_indices"], arrays["x_indptr"]), shape=tuple(arrays["x_shape"].tolist())
        )
        return gr.as_graph(
            arrays["edge_index"],
            num_nodes=int(arrays["num_nodes"]),
            directed=False,
            self_loops=False,
            x=x.astype(np.float32),
            y=arrays["y"].astype(np.int64),
        )


def planted_graph(num_nodes: int, *, size: int = 200, classes: int = 32, degree: int = 10, seed: int = 0) -> gr.Graph:
    """Communities of ``size`` nodes on a ring, a class each; two of a node's eight words are of its topic.

    The second ends of edges lie in the community of the first (70 %), in the next one (20 %) or anywhere (10 %).
    """
    rng = np.random.default_rng(seed)
    words = 512
    community = np.arange(num_nodes) // size
    y = rng.integers(classes, size=community[-1] + 1)[community]
    source = rng.integers(num_nodes, size=num_nodes * degree // 2)
    kind = rng.random(len(source))
    near = (community[source] + (kind > 0.7)) * size + rng.integers(size, size=len(source))
    target = np.where(kind < 0.9, near % num_nodes, rng.integers(num_nodes, size=len(source)))
    topic = words // classes
    words_of = rng.integers(words, size=(num_nodes, 8))
    words_of[:, :2] = y[:, None] * topic + rng.integers(topic, size=(num_nodes, 2))
    x = sp.csr_array(
        (np.ones(num_nodes * 8, np.float32), words_of.ravel().astype(np.int32), np.arange(num_nodes + 1) * 8),
        shape=(num_nodes, words),
    )
    graph = gr.as_graph(np.stack([source, target]), num_nodes=num_nodes, directed=False, self_loops=False, x=x, y=y)
    return gr.as_graph(graph, weights=False)
