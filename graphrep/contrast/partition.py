"""Clusters of nodes, from METIS or given by the user."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from graphrep._arrays import to_numpy
from graphrep._checks import checked_int
from graphrep._random import resolve_seed
from graphrep.graph import Graph, untyped_graph

__all__ = ["Clusters", "metis"]

I64 = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Clusters:
    """A partition of the nodes, with the members of each cluster.

    Attributes
    ----------
    labels : int64 array of shape (num_nodes,)
        Cluster of each node, 0 … num_clusters - 1; no cluster is empty.
    members : int64 array of shape (num_nodes,)
        Nodes sorted by cluster.
    offsets : int64 array of shape (num_clusters + 1,)
        The members of cluster c are ``members[offsets[c]:offsets[c + 1]]``.
    """

    labels: I64
    members: I64
    offsets: I64

    @classmethod
    def from_labels(cls, labels: Any, num_nodes: int) -> Clusters:
        """Clusters from integer or string labels; empty clusters are dropped, the others keep their order.

        Raises ValueError unless there is one label per node.
        """
        values = to_numpy(labels)
        if values.shape != (num_nodes,) or values.dtype.kind not in "iuUSO":
            raise ValueError(
                f"partition must hold an integer or a name for each of the {num_nodes} nodes, "
                f"got {values.dtype} {values.shape}."
            )
        _, codes = np.unique(values, return_inverse=True)
        codes = codes.astype(np.int64).ravel()
        sizes = np.bincount(codes)
        return cls(codes, np.argsort(codes, kind="stable"), np.append(0, np.cumsum(sizes)).astype(np.int64))

    @property
    def num_clusters(self) -> int:
        """Number of clusters."""
        return len(self.offsets) - 1

    @property
    def sizes(self) -> I64:
        """Nodes per cluster."""
        return np.diff(self.offsets)


def metis(graph: Any, num_clusters: int, *, seed: Any = 0) -> I64:
    """Partition a graph with METIS into clusters of about equal size with few edges between them.

    Parameters
    ----------
    graph : Graph or anything :func:`graphrep.as_graph` takes
        Undirected. Self loops and weights are ignored.
    num_clusters : int
        Upper bound: METIS can leave clusters empty.
    seed : int, RandomState, Generator or None

    Returns
    -------
    int64 array of shape (num_nodes,)
        Cluster of each node.

    Raises
    ------
    ValueError
        The graph is directed.

    Notes
    -----
    k-way partitioning in about O(num_arcs + num_clusters log num_clusters) time, on one thread. The result is a
    function of the seed.

    References
    ----------
    Karypis, Kumar. A Fast and High Quality Multilevel Scheme for Partitioning Irregular Graphs. SIAM Journal on
    Scientific Computing 1998.

    Examples
    --------
    >>> import networkx as nx
    >>> from graphrep.contrast import metis
    >>> len(set(metis(nx.karate_club_graph(), 4).tolist()))
    4
    """
    g = untyped_graph(graph)
    if g.directed:
        raise ValueError("graph must be undirected, got a directed graph; pass graph.to_undirected().")
    parts = checked_int("num_clusters", num_clusters, 1)
    if parts >= g.num_nodes:
        return np.arange(g.num_nodes)
    indptr, indices = _without_loops(g)
    if not len(indices):  # METIS expects edges
        return np.arange(g.num_nodes) * parts // max(g.num_nodes, 1)
    import pymetis

    options = pymetis.Options(seed=resolve_seed(seed) % (2**31 - 1))
    found = pymetis.part_graph(parts, pymetis.CSRAdjacency(indptr, indices), options=options)
    return np.asarray(found.vertex_part, dtype=np.int64)


def _without_loops(graph: Graph) -> tuple[I64, I64]:
    """Offsets and columns as int64, the integer type of pymetis, which therefore copies nothing."""
    sources = graph.sources()
    keep = sources != graph.indices
    if keep.all():
        return graph.indptr, graph.indices.astype(np.int64)
    kept = np.bincount(sources[keep], minlength=graph.num_nodes)
    return np.append(0, np.cumsum(kept)), graph.indices[keep].astype(np.int64)
