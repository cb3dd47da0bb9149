"""Graphs with labels for the quality comparisons, and the metrics."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

import graphrep as gr

SHARED_DATA = Path(os.environ.get("GRAPHREP_SHARED_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))


class Labelled(NamedTuple):
    """A graph and a 0/1 label matrix of shape (num_nodes, num_labels)."""

    graph: gr.Graph
    labels: sp.csr_array


def load_ppi(path: Path | None = None) -> Labelled:
    """Homo sapiens protein interactions with 50 hallmark gene sets, as node2vec used them: 3,890 nodes.

    Reads ``graph.npz`` with ``edge_index``, ``num_nodes``, ``self_loop_nodes`` and the labels as a CSR ``y_*``. Self
    loops are put back, so that the adjacency has the published 76,584 entries.
    """
    path = SHARED_DATA / "ppi-homo-sapiens" if path is None else path
    with np.load(path / "graph.npz" if path.is_dir() else path) as file:
        loops = file["self_loop_nodes"]
        edges = np.concatenate([file["edge_index"], np.stack([loops, loops])], axis=1)
        graph = gr.as_graph(edges, num_nodes=int(file["num_nodes"]), directed=False)
        indptr, columns, shape = file["y_indptr"], file["y_indices"], tuple(file["y_shape"])
    labels = sp.csr_array((np.ones(len(columns), dtype=np.int8), columns, indptr), shape=shape)
    return Labelled(graph, labels)


def load_mat(path: Path) -> Labelled:
    """A ``.mat`` file in the layout of BlogCatalog: ``network`` (adjacency) and ``group`` (labels), both sparse."""
    from scipy.io import loadmat

    content = loadmat(path)
    missing = {"network", "group"} - content.keys()
    if missing:
        raise ValueError(f"{path} lacks {' and '.join(sorted(missing))}; it has {', '.join(content)}.")
    labels = sp.csr_array(content["group"]) != 0
    return Labelled(gr.as_graph(sp.csr_array(content["network"]), directed=False), labels.astype(np.int8))


def pair_features(vectors: npt.NDArray[np.float32], pairs: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
    """Hadamard products, node2vec's best operator, of shape (num_pairs, dimensions)."""
    return vectors[pairs[0]] * vectors[pairs[1]]


def link_scores(
    vectors: npt.NDArray[np.float32], split: gr.datasets.LinkSplit, part: str, *, seed: int = 0, examples: int = 50_000
) -> dict[str, float]:
    """AUC and Hits@1000 on a part of a link split, by cosine and by logistic regression on Hadamard products.

    The regression sees ``examples`` training edges and as many pairs made of the ends of two training edges.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    positive, negative = getattr(split, part), getattr(split, f"{part}_neg")
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit = vectors / np.where(length > 0, length, 1)
    cosine = [(unit[pairs[0]] * unit[pairs[1]]).sum(axis=1) for pairs in (positive, negative)]

    rng = np.random.default_rng(seed)
    edges = split.train[:, rng.choice(split.train.shape[1], examples, replace=False)]
    other = np.stack([edges[0], rng.permutation(edges[1])])
    other = other[:, ~split.graph.has_edges(*other)]
    scaler = StandardScaler()
    x = scaler.fit_transform(np.concatenate([pair_features(vectors, edges), pair_features(vectors, other)]))
    y = np.repeat([1, 0], [edges.shape[1], other.shape[1]])
    model = LogisticRegression(max_iter=200).fit(x, y)
    learned = [model.decision_function(scaler.transform(pair_features(vectors, p))) for p in (positive, negative)]
    found: dict[str, Any] = {}
    for name, (pos, neg) in {"cosine": cosine, "Hadamard": learned}.items():
        found[f"{name} AUC"] = gr.evaluate.roc_auc(pos, neg)
        found[f"{name} Hits@1000"] = gr.evaluate.hits_at_k(pos, neg, 1000)
    return found
