"""Training data of the losses: augmented views of the whole graph, or cluster means."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import Any, NamedTuple

import torch

from graphrep.contrast.compress import ClusterMeans
from graphrep.graph import Graph
from graphrep.nn.generators import current_generator, random_uniform
from graphrep.ops.adjacency import Adjacency, as_adjacency
from graphrep.ops.normalization import coalesce, symmetric_normalize

__all__ = ["ClusterSource", "GraphSource", "View", "cluster_graph"]

Tensor = torch.Tensor


class View(NamedTuple):
    """Arguments of :meth:`graphrep.nn.GCN.forward`."""

    x: Any
    adj: Adjacency | None
    columns: Tensor | None = None
    rows: Tensor | None = None


@dataclass(eq=False, repr=False)
class GraphSource:
    """The whole graph; ``pair`` masks feature columns and drops arcs (each direction of an edge independently).

    Parameters
    ----------
    x : tensor or SparseFeatures of shape (num_nodes, num_features)
    graph_adj : Adjacency
        Used for the positive pairs, and for message passing unless ``message_passing`` is False.
    feature_masking, edge_dropping : pair of float
        Probabilities in the first and second view.
    message_passing : bool
    """

    x: Any
    graph_adj: Adjacency
    feature_masking: tuple[float, float] = (0.0, 0.0)
    edge_dropping: tuple[float, float] = (0.0, 0.0)
    _: KW_ONLY
    message_passing: bool = True

    def __post_init__(self) -> None:
        self.adj = self.graph_adj if self.message_passing else None
        self.num_rows = int(self.x.shape[0])

    def plain(self) -> View:
        """The graph without augmentation."""
        return View(self.x, self.adj)

    def pair(self) -> tuple[View, View]:
        """Two augmented views."""
        return self._augmented(0), self._augmented(1)

    def shuffled(self) -> View:
        """Rows of the features shuffled, after masking as in the first view."""
        rows = torch.randperm(self.num_rows, generator=current_generator()).to(self.graph_adj.device)
        return View(self.x, self.adj, self._columns(0), rows)

    def masked(self) -> View:
        """Features masked as in the first view, all arcs kept."""
        return View(self.x, self.adj, self._columns(0))

    def neighbors(self) -> Adjacency:
        """Edges of the graph."""
        return self.graph_adj

    def positives(self) -> Adjacency:
        """Symmetrically normalized adjacency."""
        return symmetric_normalize(self.graph_adj)

    def _augmented(self, which: int) -> View:
        adj, share = self.adj, self.edge_dropping[which]
        if adj is not None and share > 0:
            adj = adj.with_values((random_uniform(adj.num_entries, adj.device) >= share).float())
        return View(self.x, adj, self._columns(which))

    def _columns(self, which: int) -> Tensor | None:
        share = self.feature_masking[which]
        if not share:
            return None
        return (random_uniform(self.x.shape[1], self.graph_adj.device) >= share).float()


class ClusterSource:
    """Cluster means without message passing; the second view of ``pair`` uses a random subset of the members.

    Parameters
    ----------
    means : ClusterMeans
    clusters : Adjacency
        See :func:`cluster_graph`.
    drop : float
        Fraction of members to drop.
    weighted : bool
        Whether positive pairs are weighted by their number of edges.
    """

    def __init__(self, means: ClusterMeans, clusters: Adjacency, drop: float = 0.5, *, weighted: bool = False) -> None:
        self.means, self.clusters, self.drop, self.weighted = means, clusters, drop, weighted
        self.x = means.mean()
        self.num_rows = int(self.x.shape[0])

    def plain(self) -> View:
        """Means over all members."""
        return View(self.x, None)

    def pair(self) -> tuple[View, View]:
        """Means over all members, and over a random subset."""
        return View(self.x, None), View(self.means.drop_members(self.drop), None)

    def neighbors(self) -> Adjacency:
        """Adjacency of the clusters; the values count the edges between them."""
        return self.clusters

    def positives(self) -> Adjacency:
        """Symmetrically normalized adjacency of the clusters."""
        return symmetric_normalize(self.clusters if self.weighted else self.clusters.with_values(None))


def cluster_graph(graph: Graph, labels: Any, num_clusters: int) -> Adjacency:
    """Adjacency of clusters: number of arcs from one cluster to another, on the diagonal within a cluster.

    Parameters
    ----------
    graph : Graph
    labels : int64 array of shape (num_nodes,)
    num_clusters : int
    """
    label = torch.as_tensor(labels)
    adj = as_adjacency(graph)
    keys = label[adj.rows().long()].mul_(num_clusters).add_(label[adj.indices.long()])
    clusters, counts = coalesce(keys, num_clusters)
    return clusters.with_values(counts.float())
