"""``StructComp``: contrastive training on cluster means, without message passing."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch

from graphrep._checks import checked_float, checked_int
from graphrep._embedder import F32
from graphrep._estimator import graph_sizes
from graphrep.contrast._base import COMMON_SETTINGS, ContrastiveEmbedder
from graphrep.contrast.compress import ClusterMeans
from graphrep.contrast.partition import Clusters, metis
from graphrep.contrast.sources import ClusterSource, cluster_graph
from graphrep.distributed.ranks import Ranks
from graphrep.graph import Graph
from graphrep.ops.library import empty_cache

__all__ = ["StructComp"]

Tensor = torch.Tensor

log = logging.getLogger("graphrep.contrast")

_COMMON = COMMON_SETTINGS | {"inner_activation": "none", "weight_decay": 5e-4, "epochs": 20}


@dataclass(kw_only=True, eq=False, repr=False)
class StructComp(ContrastiveEmbedder):
    r"""Structural compression: trains the encoder on cluster means and runs it on the graph once.

    METIS partitions the graph into clusters :math:`S_1, S_2, \ldots`, and :math:`X_c = P^\top X` are the means of their
    raw features. The objective trains a multilayer perceptron on :math:`X_c`. A graph convolutional network then uses
    its weights on the whole graph, because averaging by :math:`P P^\top` approximates :math:`\hat A^k`. The second view
    of CCA-SSG and GRACE consists of the means of a random half of each cluster, drawn in every epoch (DropMember).

    Parameters
    ----------
    objective : {"cca-ssg", "sce", "coles", "grace"}, callable or torch.nn.Module
        The name also sets the default of every parameter that is None: the published settings for Cora. A custom
        function or module takes the vectors of two views, tensors of shape (n_clusters, dimensions), and returns the
        loss; a copy of a module is trained with the encoder.
    compression : float
        Nodes per cluster.
    n_clusters : int, optional
        Replaces ``compression``.
    partition : int or str array of shape (num_nodes,), optional
        Replaces the partition by METIS.
    drop_members : float
        Fraction of a cluster's members to drop; at least one member is kept.
    weigh_cluster_edges : bool
        For COLES: weight pairs of clusters by the number of edges between them. The released code does not.
    dimensions, hidden, layers, hops : int, optional
    inner_activation, activation : str, optional
        See :class:`graphrep.nn.GCN`.
    temperature : float, optional
        Temperature of GRACE.
    weight : float, optional
        :math:`\lambda` of CCA-SSG and COLES, :math:`\alpha` of SCE.
    num_negatives : int
        Number of random pairs that each cluster draws in SCE and COLES.
    learning_rate, weight_decay : float, optional
        Settings of Adam.
    epochs : int, optional
        Upper bound on the number of epochs. 0 keeps the encoder as it was drawn, which is an untrained baseline.
    stop : {"agreement", "loss", "last"} or StopRule
        Selects, without labels, the epoch whose weights are used; see :class:`graphrep.contrast.HighestAgreement`.
    residual : bool, optional
        Whether half of the columns are untrained features of several hops, as in :class:`graphrep.Contrastive`. False:
        all columns are learned, as published. Default: True, except with a custom objective.
    random_features : int
        Number of random normal features to use if the graph has none.
    checkpoint, callbacks, max_seconds, device, n_jobs, random_state, progress
        As in :class:`graphrep.GAE`. In a callback, ``current_embedding()`` returns the current vectors. Clusters and
        means are computed on the CPU for any ``device``.

    Attributes
    ----------
    embedding_ : float32 array of shape (num_nodes, dimensions)
        With ``residual``: the untrained columns, then the learned ones.
    num_untrained_ : int
        Number of untrained columns; 0 without ``residual``.
    encoder_ : graphrep.nn.GCN
        Computes the learned columns.
    clusters_ : int64 array of shape (num_nodes,)
        Cluster of each node, 0 … ``n_clusters_`` - 1; no cluster is empty.
    n_clusters_ : int
    history_ : list of dict
        Per epoch: the loss and the values that the stop rule computed.
    best_epoch_ : int
        Epoch whose weights are used, from 1; 0 without epochs.
    seconds_ : dict of str to float
        Times of "partition", "compression", "training" and "inference" of the learned columns.
    num_parameters_ : int
    nodes_ : array
        Names of the rows.

    Raises
    ------
    ValueError
        The graph is directed, features or the loss are not finite, or a setting is out of range.

    Notes
    -----
    Edge weights are ignored. In addition to the features, the graph and the result, training stores O(n_clusters *
    (num_features + dimensions)) numbers, and for DropMember one per node and per non-zero feature. GRACE takes
    O(n_clusters²) time per epoch. Inference computes layer by layer in one buffer, see :meth:`graphrep.nn.GCN.infer`.
    The untrained columns (``residual``) take O(num_arcs * dimensions + num_nodes * dimensions²) time and O(num_nodes *
    dimensions) memory, which can be more than the training.

    References
    ----------
    Zhang et al. StructComp: Substituting Propagation with Structural Compression in Training Graph Contrastive
    Learning. ICLR 2024, sections 3 and 5.

    Examples
    --------
    >>> import networkx as nx
    >>> import graphrep as gr
    >>> model = gr.StructComp(compression=4, dimensions=8, epochs=3)
    >>> model.fit_transform(nx.karate_club_graph()).shape, model.n_clusters_
    ((34, 8), 8)
    """

    SETTINGS: ClassVar[dict[str, dict[str, Any]]] = {
        "cca-ssg": _COMMON | {"layers": 2, "weight": 5e-4, "epochs": 50},
        "grace": _COMMON | {"epochs": 50},
        "sce": _COMMON | {"hops": 2, "activation": "none", "weight": 2e4, "epochs": 50},
        "coles": _COMMON | {"hops": 2, "activation": "none", "weight": 0.8},
        "own": _COMMON,
    }

    stop: Any = "agreement"
    compression: float = 9
    n_clusters: int | None = None
    partition: Any = None
    drop_members: float = 0.5
    weigh_cluster_edges: bool = False

    def _fit_vectors(self, graph: Graph, ranks: Ranks) -> F32:
        device = self._device()
        checkpoint = self._open_checkpoint(graph, graph.x, ranks=ranks, sizes=graph_sizes(graph))
        features = self._features(graph, checkpoint.seed)
        times = [time.perf_counter()]
        clusters = self._clusters(graph, checkpoint.seed)
        self.clusters_: npt.NDArray[np.int64] = clusters.labels
        self.n_clusters_ = clusters.num_clusters
        times.append(time.perf_counter())
        log.info("StructComp: %d nodes in %d clusters", graph.num_nodes, clusters.num_clusters)
        means = ClusterMeans(features, clusters, device)
        times.append(time.perf_counter())

        def source() -> ClusterSource:
            between = cluster_graph(graph, clusters.labels, clusters.num_clusters).to(device)
            return ClusterSource(means, between, self.drop_members, weighted=self.weigh_cluster_edges)

        def infer(encoder: Any) -> Tensor:
            return self._encode(encoder, *self._tensors(graph, features))

        complete = self._train(source, int(features.shape[1]), infer, checkpoint, ranks, init="linear")
        self.encoder_.zero_grad()
        empty_cache()  # so that the result can reuse the memory of training
        times.append(time.perf_counter())
        embedding: F32 = infer(self.encoder_).cpu().numpy()
        seconds = np.diff([*times, time.perf_counter()]).tolist()
        self.seconds_ = dict(zip(("partition", "compression", "training", "inference"), seconds, strict=True))
        if complete:
            checkpoint.remove()
        ranks.meet("the end of the fit")
        return embedding

    def _state(self) -> dict[str, Any]:
        return super()._state() | {name: getattr(self, name) for name in ("clusters_", "n_clusters_", "seconds_")}

    def _check(self) -> None:
        super()._check()
        checked_float("drop_members", self.drop_members, 0.0, 1.0)

    def _clusters(self, graph: Graph, seed: int) -> Clusters:
        if self.partition is not None:
            return Clusters.from_labels(self.partition, graph.num_nodes)
        if self.n_clusters is not None:
            wanted = checked_int("n_clusters", self.n_clusters, 1)
        else:
            wanted = max(1, int(graph.num_nodes / checked_float("compression", self.compression, 1.0)))
        return Clusters.from_labels(metis(graph, wanted, seed=seed), graph.num_nodes)
