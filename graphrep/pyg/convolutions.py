"""Convolutions of torch_geometric on graphrep's kernels whose messages are features, weighted or not."""

from __future__ import annotations

from typing import Any

import torch
import torch_geometric.nn as pyg
from torch_geometric.nn.conv.gcn_conv import gcn_norm
from torch_geometric.utils import add_remaining_self_loops

from graphrep.ops import Adjacency
from graphrep.pyg.kept import kept, unrecorded
from graphrep.pyg.native import FLOATS, Native, adjacency, aggregate, plain

__all__ = ["GCNConv", "GINConv", "GraphConv", "SAGEConv"]

Tensor = torch.Tensor
WEIGHTS = (*FLOATS, torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool)


def _fits(weight: Any, edge_index: Tensor) -> bool:
    """Whether these are no weights, or one per edge."""
    return weight is None or (
        plain(weight, WEIGHTS)
        and weight.dim() >= 1
        and weight.shape[0] == edge_index.shape[1] == weight.numel()
        and weight.device == edge_index.device
    )


class _Sum(Native):
    """Aggregation of x, for layers whose messages are the features of the sources."""

    def neighbors(self, x: Any, edge_index: Any, size: Any, weight: Any = None) -> Any:
        """Aggregated features; None if the call has to run on torch_geometric's code."""
        pair = x if isinstance(x, (tuple, list)) else (x, x)
        if len(pair) != 2 or not self.covers(edge_index, *pair) or not _fits(weight, edge_index):
            return None
        if any(part is not None and self.node_dim % max(part.dim(), 1) != part.dim() - 2 for part in pair):  # type: ignore[attr-defined]
            return None
        sizes = self.sizes(pair, size)
        if sizes is None:
            return None
        x = self.projected(pair[0])
        return aggregate(self.grouped(edge_index, *sizes), x, self.reduction(), weight)

    def projected(self, x: Tensor) -> Tensor:
        """Features of the sources, before they are aggregated."""
        return x


class GCNConv(Native, pyg.GCNConv):  # type: ignore[misc]
    """:class:`torch_geometric.nn.GCNConv` on graphrep's kernels.

    Without edge weights, the normalized edges are kept like the grouped ones, whether or not ``cached`` is set.

    Parameters as in :class:`torch_geometric.nn.GCNConv`.

    Examples
    --------
    >>> import torch
    >>> import graphrep as gr
    >>> gr.pyg.GCNConv(8, 4)(torch.ones(3, 8), torch.tensor([[0, 1], [1, 2]])).shape
    torch.Size([3, 4])
    """

    origin = pyg.GCNConv
    _cached_edge_index: tuple[Tensor, Tensor] | None
    known = ("in_channels out_channels improved cached add_self_loops normalize bias", "x edge_index edge_weight")

    def forward(self, x: Any, edge_index: Any, edge_weight: Any = None) -> Any:
        """Node features of shape (..., num_nodes, out_channels)."""
        if (
            not self.covers(edge_index, x)
            or x is None
            or x.dim() < 2
            or self.node_dim % x.dim() != x.dim() - 2
            or not _fits(edge_weight, edge_index)
        ):
            return super().forward(x, edge_index, edge_weight)
        adj, weight = self._normalized(edge_index, edge_weight, x.shape[-2], x.dtype)
        out = aggregate(adj, self.lin(x), self.reduction(), weight)
        return out if self.bias is None else out + self.bias

    def _normalized(
        self, edge_index: Tensor, weight: Tensor | None, n: int, dtype: torch.dtype
    ) -> tuple[Adjacency, Tensor | None]:
        """Edges grouped by target, and weights in the order of the edges if they are not the values already."""
        ends, improved, loops, flow = self.ends(), self.improved, self.add_self_loops, self.flow
        if not self.normalize:
            return self.grouped(edge_index, n, n), weight
        if self.cached or self._cached_edge_index is not None:
            if self._cached_edge_index is None:
                if weight is None:
                    with unrecorded():  # it will serve every mode
                        self._cached_edge_index = gcn_norm(edge_index.clone(), None, n, improved, loops, flow, dtype)
                else:
                    self._cached_edge_index = gcn_norm(edge_index, weight, n, improved, loops, flow, dtype)
            edge_index, weight = self._cached_edge_index
            return self.grouped(edge_index, n, n), weight
        if weight is not None:

            def looped(edges: Tensor) -> Adjacency:
                edges = add_remaining_self_loops(edges, None, num_nodes=n)[0] if loops else edges
                return adjacency(edges, ends, n, n)

            adj = kept(self, ("loops", ends, n, loops), (edge_index,), looped)
            return adj, gcn_norm(edge_index, weight, n, improved, loops, flow, dtype)[1]

        def normalized(edges: Tensor) -> Adjacency:
            edges, values = gcn_norm(edges, None, n, improved, loops, flow, dtype)
            adj = adjacency(edges, ends, n, n)
            return adj.with_values(adj.entry_order(values))

        return kept(self, ("gcn", ends, n, improved, loops, dtype), (edge_index,), normalized), None


class SAGEConv(_Sum, pyg.SAGEConv):  # type: ignore[misc]
    """:class:`torch_geometric.nn.SAGEConv` on graphrep's kernels, for the aggregations sum, mean, max and min.

    Parameters as in :class:`torch_geometric.nn.SAGEConv`.

    Examples
    --------
    >>> import torch
    >>> import graphrep as gr
    >>> gr.pyg.SAGEConv(8, 4)(torch.ones(3, 8), torch.tensor([[0, 1], [1, 2]])).shape
    torch.Size([3, 4])
    """

    origin = pyg.SAGEConv
    known = ("in_channels out_channels aggr normalize root_weight project bias", "x edge_index size")

    def forward(self, x: Any, edge_index: Any, size: Any = None) -> Any:
        """Node features of shape (..., num_nodes, out_channels)."""
        out = self.neighbors(x, edge_index, size)
        if out is None:
            return super().forward(x, edge_index, size)
        out = self.lin_l(out)
        own = x if isinstance(x, Tensor) else x[1]
        if self.root_weight and own is not None:
            out = out + self.lin_r(own)
        return torch.nn.functional.normalize(out, dim=-1) if self.normalize else out

    def projected(self, x: Tensor) -> Tensor:
        """Features of the sources; with ``project``, they pass a linear layer first."""
        out: Tensor = self.lin(x).relu() if self.project else x
        return out


class GINConv(_Sum, pyg.GINConv):  # type: ignore[misc]
    """:class:`torch_geometric.nn.GINConv` on graphrep's kernels.

    Parameters as in :class:`torch_geometric.nn.GINConv`.

    Examples
    --------
    >>> import torch
    >>> import graphrep as gr
    >>> gr.pyg.GINConv(torch.nn.Linear(8, 4))(torch.ones(3, 8), torch.tensor([[0, 1], [1, 2]])).shape
    torch.Size([3, 4])
    """

    origin = pyg.GINConv
    known = ("nn eps train_eps", "x edge_index size")

    def forward(self, x: Any, edge_index: Any, size: Any = None) -> Any:
        """Node features, as ``nn`` returns them."""
        out = self.neighbors(x, edge_index, size)
        if out is None:
            return super().forward(x, edge_index, size)
        own = x if isinstance(x, Tensor) else x[1]
        return self.nn(out if own is None else out + (1 + self.eps) * own)


class GraphConv(_Sum, pyg.GraphConv):  # type: ignore[misc]
    """:class:`torch_geometric.nn.GraphConv` on graphrep's kernels.

    Parameters as in :class:`torch_geometric.nn.GraphConv`.

    Examples
    --------
    >>> import torch
    >>> import graphrep as gr
    >>> gr.pyg.GraphConv(8, 4)(torch.ones(3, 8), torch.tensor([[0, 1], [1, 2]])).shape
    torch.Size([3, 4])
    """

    origin = pyg.GraphConv
    known = ("in_channels out_channels aggr bias", "x edge_index edge_weight size")

    def forward(self, x: Any, edge_index: Any, edge_weight: Any = None, size: Any = None) -> Any:
        """Node features of shape (..., num_nodes, out_channels)."""
        out = self.neighbors(x, edge_index, size, edge_weight)
        if out is None:
            return super().forward(x, edge_index, edge_weight, size)
        out = self.lin_rel(out)
        own = x if isinstance(x, Tensor) else x[1]
        return out if own is None else out + self.lin_root(own)
