"""Features of clusters: means over all members or over a random subset (DropMember)."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp
import torch

from graphrep._checks import checked_features
from graphrep.contrast.partition import Clusters
from graphrep.nn.generators import current_generator
from graphrep.nn.sparse import SparseFeatures
from graphrep.ops.adjacency import Adjacency, shared
from graphrep.ops.segment import segment_sum_csr
from graphrep.ops.sparse_dense import spmm

__all__ = ["ClusterMeans"]

Tensor = torch.Tensor

_DENSE_ABOVE = 0.25  # fraction of non-zeros above which a dense product is faster than a sparse one


class ClusterMeans:
    r"""Cluster means of node features, :math:`X_c = P^\top X`, over all members or a random subset.

    Sparse features stay sparse: the non-zero pattern of :math:`X_c` is computed once, and each draw only sums values.

    Parameters
    ----------
    x : scipy.sparse matrix or array of shape (num_nodes, num_features)
    clusters : Clusters
    device : torch.device or str

    Notes
    -----
    Each mean takes O(non-zeros of x) time and O(non-zeros) memory in addition to the features. A draw also sorts one
    number per node.

    References
    ----------
    Zhang et al. StructComp: Substituting Propagation with Structural Compression in Training Graph Contrastive
    Learning. ICLR 2024, section 3.

    Examples
    --------
    >>> import numpy as np
    >>> from graphrep.contrast.compress import ClusterMeans
    >>> from graphrep.contrast.partition import Clusters
    >>> x = np.array([[1.0], [3.0], [5.0]])
    >>> ClusterMeans(x, Clusters.from_labels([0, 0, 1], 3)).mean()
    tensor([[2.],
            [5.]])
    """

    def __init__(self, x: Any, clusters: Clusters, device: torch.device | str = "cpu") -> None:
        if x.shape[0] != len(clusters.labels):
            raise ValueError(f"x has {x.shape[0]} rows, but the partition has {len(clusters.labels)} nodes.")
        x = checked_features("x", x)
        self.clusters, self.device = clusters, torch.device(device)
        self.num_features = int(x.shape[1])
        self._offsets = torch.from_numpy(clusters.offsets)
        self._sizes = torch.from_numpy(clusters.sizes)
        # Cluster of each entry of clusters.members, the order used throughout.
        self._cluster = torch.arange(clusters.num_clusters).repeat_interleave(self._sizes)
        self._sums: _SparseSums | _DenseSums = _SparseSums(x, clusters) if sp.issparse(x) else _DenseSums(x, clusters)

    def mean(self) -> Tensor | SparseFeatures:
        """Means over all members, (num_clusters, num_features)."""
        return self._means(torch.ones(len(self._cluster), dtype=torch.float32), self._sizes)

    def drop_members(self, share: float = 0.5) -> Tensor | SparseFeatures:
        """Means over a random subset of each cluster, drawn without replacement from the current generator.

        max(1, ⌊(1 - share) s⌋) of s members are kept.
        """
        return self._means(self.draw(share), self._kept(share))

    def draw(self, share: float = 0.5) -> Tensor:
        """1 for the members that are kept, otherwise 0; float32 in the order of ``clusters.members``."""
        keys = torch.rand(len(self._cluster), dtype=torch.float64, generator=current_generator()) + self._cluster
        order = keys.argsort()  # by cluster, random within each cluster
        rank = torch.arange(len(order)) - self._offsets[self._cluster]
        keep = torch.empty(len(order), dtype=torch.float32)
        keep[order] = (rank < self._kept(share)[self._cluster]).float()
        return keep

    def _kept(self, share: float) -> Tensor:
        return torch.clamp((self._sizes * (1 - share)).long(), min=1)

    def _means(self, keep: Tensor, counts: Tensor) -> Tensor | SparseFeatures:
        return self._sums(keep, 1 / counts.float(), self.device)


class _DenseSums:
    def __init__(self, x: Any, clusters: Clusters) -> None:
        self.x = shared(np.ascontiguousarray(x, dtype=np.float32))
        self.members = Adjacency(
            torch.from_numpy(clusters.offsets), torch.from_numpy(clusters.members), num_cols=len(clusters.labels)
        )

    def __call__(self, keep: Tensor, scale: Tensor, device: torch.device) -> Tensor:
        total: Tensor = spmm(self.members.with_values(keep), self.x)
        return (total * scale[:, None]).to(device)


class _SparseSums:
    """Feature values sorted by the entry of the result that they contribute to, so that a draw is one segment sum."""

    def __init__(self, x: Any, clusters: Clusters) -> None:
        matrix = sp.csr_array(x)[clusters.members]
        self.shape = (clusters.num_clusters, int(matrix.shape[1]))
        width = max(self.shape[1], 1)
        member = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
        keys = clusters.labels[clusters.members][member] * width + matrix.indices
        order = np.argsort(keys, kind="stable")
        keys = keys[order]
        first = np.flatnonzero(np.append(True, keys[1:] != keys[:-1])) if len(keys) else np.zeros(0, np.int64)
        self.values = torch.from_numpy(matrix.data.astype(np.float32)[order])
        self.member = torch.from_numpy(member.astype(np.int32)[order])
        self.starts = torch.from_numpy(np.append(first, len(keys)).astype(np.int64))
        self.flat = torch.from_numpy(keys[first].astype(np.int64))
        self.rows = self.flat // width
        indptr = torch.zeros(self.shape[0] + 1, dtype=torch.int64)
        torch.cumsum(torch.bincount(self.rows, minlength=self.shape[0]), 0, out=indptr[1:])
        self.structure = Adjacency(indptr, self.flat % width, num_cols=self.shape[1])
        self.dense = len(first) > _DENSE_ABOVE * self.shape[0] * self.shape[1]

    def __call__(self, keep: Tensor, scale: Tensor, device: torch.device) -> Tensor | SparseFeatures:
        total: Tensor = segment_sum_csr(self.values * keep[self.member.long()], self.starts)
        values = total * scale[self.rows]
        if not self.dense:
            return SparseFeatures.from_adjacency(self.structure.to(device).with_values(values.to(device)))
        table = torch.zeros(self.shape[0] * self.shape[1], dtype=torch.float32)
        table[self.flat] = values
        return table.view(self.shape).to(device)
