"""The relational convolution of torch_geometric on graphrep's kernels."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
import torch_geometric.nn as pyg

from graphrep.ops import Adjacency, spmm
from graphrep.pyg.kept import kept
from graphrep.pyg.native import Native, adjacency, plain, reduced

__all__ = ["RGCNConv"]

Tensor = torch.Tensor


class _Relations(NamedTuple):
    """Edges grouped by the pairs (relation, target) that occur, in ascending order."""

    of_pairs: Adjacency  # a row per pair, its sources as columns; or relation * sources + source
    of_targets: Adjacency  # a row per target, its pairs as columns
    counts: list[int]  # pairs of each relation


class RGCNConv(Native, pyg.RGCNConv):  # type: ignore[misc]
    r"""The layer :class:`torch_geometric.nn.RGCNConv` on graphrep's kernels.

    :math:`y_v = W_0 x_v + \sum_r W_r \bigoplus_{u \in N_r(v)} x_u`. The neighbors of all pairs (relation, target) that
    have any are aggregated in one product, each relation transforms its pairs, and a second product adds them up.
    Memory O(pairs * (in_channels + out_channels)), at most one row per edge.

    Parameters as in :class:`torch_geometric.nn.RGCNConv`.

    Examples
    --------
    >>> import torch
    >>> import graphrep as gr
    >>> conv = gr.pyg.RGCNConv(8, 4, num_relations=2)
    >>> conv(torch.ones(3, 8), torch.tensor([[0, 1], [1, 2]]), torch.tensor([0, 1])).shape
    torch.Size([3, 4])
    """

    origin = pyg.RGCNConv
    known = (
        "in_channels out_channels num_relations num_bases num_blocks aggr root_weight is_sorted bias",
        "x edge_index edge_type",
    )

    def forward(self, x: Any, edge_index: Any, edge_type: Any = None) -> Any:
        """Node features of shape (num_nodes, out_channels)."""
        pair = x if isinstance(x, tuple) else (x, x)
        if len(pair) != 2 or torch.compiler.is_compiling() or not self.covers(edge_index):
            return super().forward(x, edge_index, edge_type)
        source = torch.arange(self.in_channels_l, device=self.weight.device) if pair[0] is None else pair[0]
        own = pair[1] if isinstance(x, tuple) else source
        if not self._takes(source, own, edge_index, edge_type):
            return super().forward(x, edge_index, edge_type)
        ids = not source.is_floating_point()
        relations = self._relations(edge_index, edge_type, source.shape[0], own.shape[0], one_hot=ids)
        weight = self.weight
        if self.num_bases is not None:
            weight = (self.comp @ weight.flatten(1)).view(-1, *weight.shape[1:])
        dtype = torch.promote_types(weight.dtype, torch.get_default_dtype())
        if ids:
            table = weight.index_select(1, source).flatten(0, 1) if pair[0] is not None else weight.flatten(0, 1)
            by_pair = reduced(relations.of_pairs, table, self.reduction())
        else:
            by_pair = self._transformed(reduced(relations.of_pairs, source, self.reduction()), weight, relations.counts)
        out = spmm(relations.of_targets, by_pair.to(dtype))
        if self.root is not None:
            out = out + (self.root[own] if ids else own @ self.root)
        return out if self.bias is None else out + self.bias

    def __prepare_scriptable__(self) -> Any:
        layer = super().__prepare_scriptable__()
        if type(layer) is self.origin:  # which sets it in its first call only, and is to be scripted before that
            layer.__dict__.setdefault("_use_segment_matmul_heuristic_output", False)
        return layer

    def _takes(self, source: Any, own: Any, edge_index: Tensor, edge_type: Any) -> bool:
        """Whether these are features of both sides, or ids of both sides, and a known relation per edge."""
        integers = (torch.int64,)
        features = plain(source) and plain(own) and source.dim() == own.dim() == 2
        ids = plain(source, integers) and plain(own, integers) and source.dim() == own.dim() == 1
        j = self.ends()[1]
        if not (
            (features or (ids and self.num_blocks is None))
            and source.device == own.device == edge_index.device == self.weight.device
            and (source.shape[0], own.shape[0])[j] == source.shape[0]
            and plain(edge_type, (torch.int64, torch.int32))
            and edge_type.device == edge_index.device
            and edge_type.shape == edge_index.shape[1:]
        ):
            return False
        return not edge_type.numel() or bool(edge_type.min() >= 0 and edge_type.max() < self.num_relations)

    def _relations(
        self, edge_index: Tensor, edge_type: Tensor, sources: int, targets: int, *, one_hot: bool
    ) -> _Relations:
        i, j = self.ends()
        rows, count = (sources, targets)[i], self.num_relations

        def build(edges: Tensor, types: Tensor) -> _Relations:
            adjacency(edges, (i, j), rows, sources)  # the ids are in range
            pairs, row = torch.unique(types.long() * rows + edges[i], return_inverse=True)
            cols = edges[j].long()
            if one_hot:
                cols = cols + types.long() * sources
            return _Relations(
                Adjacency.from_edges(row, cols, num_rows=len(pairs), num_cols=sources * (count if one_hot else 1)),
                Adjacency.from_edges(
                    pairs % max(rows, 1),
                    torch.arange(len(pairs), device=pairs.device),
                    num_rows=rows,
                    num_cols=len(pairs),
                ),
                torch.bincount(pairs // max(rows, 1), minlength=count).tolist(),
            )

        return kept(self, ("rgcn", i, rows, sources, count, one_hot), (edge_index, edge_type), build)

    def _transformed(self, by_pair: Tensor, weight: Tensor, counts: list[int]) -> Tensor:
        """Rows of each relation times the weight of that relation."""
        parts, matrices = torch.split(by_pair, counts), weight.unbind(0)
        found = []
        for at in [at for at, count in enumerate(counts) if count] or [0]:  # one at least, or there were no gradients
            if self.num_blocks is None:
                found.append(parts[at] @ matrices[at])
            else:
                blocks = parts[at].view(-1, *matrices[at].shape[:2])
                found.append(torch.einsum("pbf,bfo->pbo", blocks, matrices[at]).flatten(1))
        return torch.cat(found)
