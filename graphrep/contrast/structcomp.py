"""``StructComp``: contrastive training on cluster means, without message passing."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from graphrep._checks import checked_float, checked_int
from graphrep._embedder import F32
from graphrep._training import as_features
from graphrep.contrast._base import ContrastiveEmbedder
from graphrep.contrast.compress import ClusterMeans
from graphrep.contrast.partition import Clusters, metis
from graphrep.contrast.sources import ClusterSource, cluster_graph
from graphrep.graph import Graph
from graphrep.nn.gcn import GCN
from graphrep.ops.adjacency import as_adjacency
from graphrep.ops.library import empty_cache

__all__ = ["StructComp"]

Tensor = torch.Tensor

_COMMON: dict[str, Any] = {
    "dimensions": 512,
    "hidden": None,
    "layers": 1,
    "hops": 1,
    "inner_activation": "none",
    "activation": "prelu",
    "temperature": 0.5,
    "weight": None,
    "learning_rate": 1e-3,
    "weight_decay": 5e-4,
    "epochs": 20,
}


class StructComp(ContrastiveEmbedder):
    r"""Structural compression: train the encoder's weights on cluster means, run it on the graph once.

    METIS cuts the graph into clusters :math:`S_1, S_2, \ldots`, and :math:`X_c = P^\top X` are the means of their raw
    features. A perceptron on :math:`X_c` is trained by the objective; its weights then serve as those of a graph
    convolutional network on the whole graph, since :math:`P P^\top`-type averaging stands for :math:`\hat A^k`. The
    second view of CCA-SSG and GRACE is made of the means of a random half of each cluster, drawn in every epoch
    (DropMember).

    Parameters
    ----------
    objective : {"cca-ssg", "sce", "coles", "grace"}
        It sets the defaults of every parameter that is None: the published settings for Cora.
    compression : float
        Nodes per cluster.
    n_clusters : int, optional
        In place of ``compression``.
    partition : int or str array of shape (num_nodes,), optional
        A partition of one's own in place of that of METIS.
    drop_members : float
        Share of a cluster's members that a draw leaves out; at least one member stays.
    weigh_cluster_edges : bool
        For COLES: whether an edge between clusters counts as often as it occurs. The released code counts it once.
    dimensions, hidden, layers, hops : int, optional
    inner_activation, activation : str, optional
        See :class:`graphrep.nn.GCN`.
    temperature : float, optional
        Of GRACE.
    weight : float, optional
        :math:`\lambda` of CCA-SSG and COLES, :math:`\alpha` of SCE.
    negatives : int
        Random pairs that each cluster draws in SCE and COLES.
    learning_rate, weight_decay : float, optional
        Of Adam.
    epochs : int, optional
        At most so many.
    stop : {"agreement", "loss", "last"} or StopRule
        What decides which epoch's weights are used, never a label; see :mod:`graphrep.contrast.stopping`.
    random_features : int
        Columns of the random normal features of a graph that has none.
    checkpoint : path, optional
        File to which every epoch is saved, and from which an interrupted fit goes on.
    device : str, optional
        Of the training and of the result; default: the CPU. Clusters and means are made on the CPU.
    random_state : int, RandomState, Generator or None
    progress : bool
        Show a bar if the output is a terminal.

    Attributes
    ----------
    embedding_ : float32 array of shape (num_nodes, dimensions)
    encoder_ : graphrep.nn.GCN
    clusters_ : int64 array of shape (num_nodes,)
        0 … ``n_clusters_`` - 1, none empty.
    n_clusters_ : int
    history_ : list of dict
        Per epoch: loss, and what the stopping rule looked at.
    best_epoch_ : int
        Whose weights are used, counted from 1; 0 if there was none.
    seconds_ : dict of str to float
        Of "partition", "compression", "training" and "inference".
    num_parameters_ : int
    nodes_ : array
        Names of the rows.

    Raises
    ------
    ValueError
        A directed graph, features that are not finite, settings out of range, or a loss that is no longer finite.

    Notes
    -----
    Edge weights are not used. Beyond the features, the graph and the result, training holds O(n_clusters *
    (num_features + dimensions)) numbers, and for DropMember one per node and non-zero feature. GRACE takes
    O(n_clusters²) time per epoch. Inference goes layer by layer in one buffer, see :meth:`graphrep.nn.GCN.infer`.

    References
    ----------
    Zhang et al. StructComp: Substituting Propagation with Structural Compression in Training Graph Contrastive
    Learning. ICLR 2024, sections 3 and 5.

    Examples
    --------
    >>> import networkx as nx
    >>> import graphrep as gr
    >>> model = gr.StructComp(compression=4, dimensions=8, epochs=3, random_state=0, progress=False)
    >>> model.fit_transform(nx.karate_club_graph()).shape, model.n_clusters_
    ((34, 8), 8)
    """

    SETTINGS = {  # noqa: RUF012
        "cca-ssg": _COMMON | {"layers": 2, "weight": 5e-4},
        "grace": _COMMON,
        "sce": _COMMON | {"hops": 2, "activation": "none", "weight": 2e4, "epochs": 50},
        "coles": _COMMON | {"hops": 2, "activation": "none", "weight": 0.8},
    }

    def __init__(
        self,
        *,
        objective: str = "cca-ssg",
        compression: float = 9,
        n_clusters: int | None = None,
        partition: Any = None,
        drop_members: float = 0.5,
        weigh_cluster_edges: bool = False,
        dimensions: int | None = None,
        hidden: int | None = None,
        layers: int | None = None,
        hops: int | None = None,
        inner_activation: str | None = None,
        activation: str | None = None,
        temperature: float | None = None,
        weight: float | None = None,
        negatives: int = 5,
        learning_rate: float | None = None,
        weight_decay: float | None = None,
        epochs: int | None = None,
        stop: Any = "agreement",
        random_features: int = 128,
        checkpoint: str | os.PathLike[str] | None = None,
        device: str | None = None,
        random_state: Any = None,
        progress: bool = True,
    ) -> None:
        self._store(locals())

    def _embed(
        self, graph: Graph, *, on_epoch: Callable[[int, Callable[[], F32]], None] | None = None, **_: Any
    ) -> F32:
        graph = self._checked_graph(graph)
        checked_float("drop_members", self.drop_members, 0.0, 1.0)
        device, seed = torch.device(self.device or "cpu"), self._seed()
        features = self._features(graph, seed)
        clock = _Clock()
        clusters = self._clusters(graph, seed)
        self.clusters_: npt.NDArray[np.int64] = clusters.labels
        self.n_clusters_ = clusters.num_clusters
        clock.lap("partition")
        means = ClusterMeans(features, clusters, device)
        clock.lap("compression")

        def source() -> ClusterSource:
            between = cluster_graph(graph, clusters.labels, clusters.num_clusters).to(device)
            return ClusterSource(means, between, self.drop_members, weighted=self.weigh_cluster_edges)

        def infer(encoder: GCN) -> Tensor:
            return encoder.infer(as_features(features, device), as_adjacency(graph).to(device))

        self._train(source, features, graph, seed, infer, on_epoch, init="linear")
        self.encoder_.zero_grad()
        empty_cache()  # so that the result takes the place of what training held
        clock.lap("training")
        embedding = infer(self.encoder_).cpu().numpy()
        clock.lap("inference")
        self.seconds_ = clock.laps
        return embedding

    def _clusters(self, graph: Graph, seed: int) -> Clusters:
        if self.partition is not None:
            return Clusters.from_labels(self.partition, graph.num_nodes)
        if self.n_clusters is not None:
            wanted = checked_int("n_clusters", self.n_clusters, 1)
        else:
            wanted = max(1, int(graph.num_nodes / checked_float("compression", self.compression, 1.0)))
        return Clusters.from_labels(metis(graph, wanted, seed=seed), graph.num_nodes)


class _Clock:
    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self.since = time.perf_counter()

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        self.laps[name], self.since = now - self.since, now
