"""Attention layers of torch_geometric on graphrep's kernels."""

from __future__ import annotations

from typing import Any

import torch
import torch_geometric.nn as pyg
from torch.nn.functional import dropout, leaky_relu
from torch_geometric.utils import add_self_loops, remove_self_loops

from graphrep.ops import Adjacency, edge_softmax, sddmm, spmm, unchecked
from graphrep.pyg.fused import additive, dot
from graphrep.pyg.kept import kept, unrecorded
from graphrep.pyg.native import Native, adjacency, plain
from graphrep.pyg.pair_scores import pair_scores

__all__ = ["GATConv", "GATv2Conv", "TransformerConv"]

Tensor = torch.Tensor


class _Attention(Native):
    """What the three layers share: the loops, the weights per edge, and what follows the weighted sum."""

    def obstacle(self) -> str:
        """See :class:`Native`; a maximum of weighted features is rare enough."""
        found = super().obstacle()
        return found or ("" if self.reduction() in ("sum", "mean") else f"aggregation {self.reduction()}")

    def looped(self, edge_index: Tensor, attr: Any, rows: int, cols: int, n: int) -> tuple[Tensor, Any, Adjacency]:
        """Edges with one loop per node, their features, and the edges grouped by target."""
        ends = self.ends()

        def build(edges: Tensor) -> tuple[Tensor, Adjacency]:
            edges = add_self_loops(remove_self_loops(edges)[0], num_nodes=n)[0]
            return edges, adjacency(edges, ends, rows, cols)

        edges, adj = kept(self, ("attention loops", ends, rows, cols, n), (edge_index,), build)  # type: ignore[arg-type]
        if attr is not None:
            attr = add_self_loops(
                *remove_self_loops(edge_index, attr),
                fill_value=self.fill_value,  # type: ignore[attr-defined]
                num_nodes=n,
            )[1]
        return edges, attr, adj

    def dropped(self, adj: Adjacency, alpha: Tensor, *, wanted: bool) -> tuple[Tensor, Tensor | None]:
        """Dropout of the attention in the order of the edges, as torch_geometric draws it; with it if ``wanted``."""
        p = self.dropout if self.training else 0.0  # type: ignore[attr-defined]
        if not p and not wanted:
            return alpha, None
        per_edge = dropout(edge_order(adj, alpha), p) if p else edge_order(adj, alpha)
        return (adj.entry_order(per_edge) if p else alpha), per_edge

    def finished(self, out: Tensor) -> Tensor:
        """Heads side by side, or their mean."""
        return out.flatten(1) if self.concat else out.mean(dim=1)  # type: ignore[attr-defined]

    def fits(self, attr: Any, edge_index: Tensor) -> bool:
        """Whether these are no edge features, or one row per edge."""
        return attr is None or (
            plain(attr)
            and attr.dim() in (1, 2)
            and attr.shape[0] == edge_index.shape[1]
            and attr.device == edge_index.device
        )


class GATConv(_Attention, pyg.GATConv):  # type: ignore[misc]
    """:class:`torch_geometric.nn.GATConv` on graphrep's kernels.

    Nothing is stored per edge unless the layer uses attention dropout or edge features, or the attention weights are
    requested; then one score per edge and head is stored.

    Parameters as in :class:`torch_geometric.nn.GATConv`.

    Examples
    --------
    >>> import torch
    >>> import graphrep as gr
    >>> gr.pyg.GATConv(8, 4, heads=2)(torch.ones(3, 8), torch.tensor([[0, 1], [1, 2]])).shape
    torch.Size([3, 8])
    """

    origin = pyg.GATConv
    known = (
        "in_channels out_channels heads concat negative_slope dropout add_self_loops edge_dim fill_value bias residual",
        "x edge_index edge_attr size return_attention_weights",
    )

    def forward(
        self, x: Any, edge_index: Any, edge_attr: Any = None, size: Any = None, return_attention_weights: Any = None
    ) -> Any:
        """Node features of shape (num_nodes, heads * out_channels), or their mean over heads."""
        pair = x if isinstance(x, (tuple, list)) else (x, x)
        sizes = None
        if (
            len(pair) == 2
            and (return_attention_weights is None or return_attention_weights is True)
            and self.covers(edge_index, *pair)
            and all(part is None or part.dim() == 2 for part in pair)
            and self.fits(edge_attr, edge_index)
        ):
            sizes = self.sizes(pair, size)
        if sizes is None:
            return super().forward(x, edge_index, edge_attr, size, return_attention_weights)
        own = pair[1]
        residual = self.res(own) if self.res is not None and own is not None else None
        source, target = self._transformed(x)
        scores = [
            None if part is None else (part * att).sum(-1)
            for part, att in ((source, self.att_src), (target, self.att_dst))
        ]
        if self.add_self_loops:
            n = min(part.shape[0] for part in pair if part is not None) if size is None else min(size)
            edge_index, edge_attr, adj = self.looped(edge_index, edge_attr, *sizes, n)
        else:
            adj = self.grouped(edge_index, *sizes)
        out, alpha = self._attended(adj, source, scores, edge_attr, wanted=bool(return_attention_weights))
        out = self.finished(out)
        out = out if residual is None else out + residual
        out = out if self.bias is None else out + self.bias
        return (out, (edge_index, alpha)) if return_attention_weights else out

    def _transformed(self, x: Any) -> tuple[Tensor, Tensor | None]:
        shape = (-1, self.heads, self.out_channels)
        if isinstance(x, Tensor) and self.lin is not None:
            both = self.lin(x).view(shape)
            return both, both
        source, target = x if isinstance(x, (tuple, list)) else (x, x)
        of_source, of_target = (self.lin, self.lin) if self.lin is not None else (self.lin_src, self.lin_dst)
        return of_source(source).view(shape), None if target is None else of_target(target).view(shape)

    def _attended(
        self, adj: Adjacency, value: Tensor, scores: list[Any], attr: Any, *, wanted: bool
    ) -> tuple[Tensor, Tensor | None]:
        """Weighted sum of the sources, and the weights in the order of the edges if they are wanted."""
        by_col, by_row = scores
        of_edges = attr is not None and self.lin_edge is not None
        dtype = torch.promote_types(value.dtype, by_col.dtype)
        value = value.to(dtype)
        plain_sum = self.reduction() == "sum" and not (self.dropout and self.training)
        if plain_sum and by_row is not None and not of_edges and not wanted:
            return additive(adj, by_row.to(dtype), by_col.to(dtype), value, self.negative_slope), None
        score = by_col.index_select(0, adj.indices)
        if by_row is not None:
            score = score + by_row.index_select(0, row_ids(adj))
        if of_edges:
            attr = self.lin_edge(attr.view(-1, 1) if attr.dim() == 1 else attr)
            score = score + adj.entry_order((attr.view(-1, self.heads, self.out_channels) * self.att_edge).sum(-1))
        alpha, per_edge = self.dropped(adj, edge_softmax(adj, leaky_relu(score, self.negative_slope)), wanted=wanted)
        return spmm(adj.with_values(alpha.to(dtype)), value, self.reduction()), per_edge


class GATv2Conv(_Attention, pyg.GATv2Conv):  # type: ignore[misc]
    """:class:`torch_geometric.nn.GATv2Conv` on graphrep's kernels.

    One score per edge and head is stored. The sums of the features of both ends, which the scores are made of, are
    computed block by block, in the backward pass again; only with edge features one message per edge is stored.

    Parameters as in :class:`torch_geometric.nn.GATv2Conv`.

    Examples
    --------
    >>> import torch
    >>> import graphrep as gr
    >>> gr.pyg.GATv2Conv(8, 4, heads=2)(torch.ones(3, 8), torch.tensor([[0, 1], [1, 2]])).shape
    torch.Size([3, 8])
    """

    origin = pyg.GATv2Conv
    known = (
        f"{GATConv.known[0].removesuffix(' residual')} share_weights residual",
        "x edge_index edge_attr return_attention_weights",
    )

    def forward(self, x: Any, edge_index: Any, edge_attr: Any = None, return_attention_weights: Any = None) -> Any:
        """Node features of shape (num_nodes, heads * out_channels), or their mean over heads."""
        pair = x if isinstance(x, (tuple, list)) else (x, x)
        sizes = None
        if (
            len(pair) == 2
            and (return_attention_weights is None or return_attention_weights is True)
            and not torch.compiler.is_compiling()  # torch.compile fuses torch_geometric's code
            and self.covers(edge_index, *pair)
            and all(part is not None and part.dim() == 2 for part in pair)
            and self.fits(edge_attr, edge_index)
            and (edge_attr is None or self.lin_edge is not None)
        ):
            sizes = self.sizes(pair, None)
        if sizes is None:
            return super().forward(x, edge_index, edge_attr, return_attention_weights)
        residual = None if self.res is None else self.res(pair[1])
        shape = (-1, self.heads, self.out_channels)
        left = self.lin_l(pair[0]).view(shape)
        shared = self.share_weights and isinstance(x, Tensor)
        ends = (left, left if shared else self.lin_r(pair[1]).view(shape))
        if self.add_self_loops:
            n = min(part.shape[0] for part in pair)
            edge_index, edge_attr, adj = self.looped(edge_index, edge_attr, *sizes, n)
        else:
            adj = self.grouped(edge_index, *sizes)
        if edge_attr is not None:
            edge_attr = self.lin_edge(edge_attr.view(-1, 1) if edge_attr.dim() == 1 else edge_attr).view(shape)
            edge_attr = adj.entry_order(edge_attr)
        row_ids(adj)
        score = pair_scores(adj, ends[1], ends[0], self.att[0], edge_attr, self.negative_slope)
        alpha, per_edge = self.dropped(adj, edge_softmax(adj, score), wanted=bool(return_attention_weights))
        dtype = torch.promote_types(alpha.dtype, left.dtype)
        out = self.finished(spmm(adj.with_values(alpha.to(dtype)), left.to(dtype), self.reduction()))
        out = out if residual is None else out + residual
        out = out if self.bias is None else out + self.bias
        return (out, (edge_index, per_edge)) if return_attention_weights else out


class TransformerConv(_Attention, pyg.TransformerConv):  # type: ignore[misc]
    """:class:`torch_geometric.nn.TransformerConv` on graphrep's kernels.

    Nothing is stored per edge unless the layer uses attention dropout or edge features, or the attention weights are
    requested; then one score per edge and head is stored.

    Parameters as in :class:`torch_geometric.nn.TransformerConv`.

    Examples
    --------
    >>> import torch
    >>> import graphrep as gr
    >>> gr.pyg.TransformerConv(8, 4, heads=2)(torch.ones(3, 8), torch.tensor([[0, 1], [1, 2]])).shape
    torch.Size([3, 8])
    """

    origin = pyg.TransformerConv
    known = (
        "in_channels out_channels heads concat beta dropout edge_dim bias root_weight",
        "x edge_index edge_attr return_attention_weights",
    )

    def forward(self, x: Any, edge_index: Any, edge_attr: Any = None, return_attention_weights: Any = None) -> Any:
        """Node features of shape (num_nodes, heads * out_channels), or their mean over heads."""
        pair = x if isinstance(x, (tuple, list)) else (x, x)
        if not (
            len(pair) == 2
            and (return_attention_weights is None or return_attention_weights is True)
            and self.covers(edge_index, *pair)
            and all(part is not None and part.dim() == 2 for part in pair)
            and self._takes(edge_attr, edge_index)
        ):
            return super().forward(x, edge_index, edge_attr, return_attention_weights)
        shape = (-1, self.heads, self.out_channels)
        query = self.lin_query(pair[1]).view(shape)
        key, value = self.lin_key(pair[0]).view(shape), self.lin_value(pair[0]).view(shape)
        sizes = query.shape[0], key.shape[0]
        wanted = return_attention_weights is not None
        if edge_attr is None:
            out, alpha = self._attended(self.grouped(edge_index, *sizes), query, key, value, wanted=wanted)
        else:
            ends = self.ends()

            def build(edges: Tensor) -> tuple[Adjacency, Adjacency]:
                adj = adjacency(edges, ends, *sizes)
                return adj, by_edge(adj)

            adj, of_edges = kept(self, ("by edge", ends, *sizes), (edge_index,), build)
            out, alpha = self._attended(adj, query, key, value, edge_attr, of_edges, wanted=wanted)
        out = self.finished(out)
        if self.root_weight:
            own = self.lin_skip(pair[1])
            if self.lin_beta is None:
                out = out + own
            else:
                share = self.lin_beta(torch.cat([out, own, out - own], dim=-1)).sigmoid()
                out = share * own + (1 - share) * out
        return out if return_attention_weights is None else (out, (edge_index, alpha))

    def _takes(self, attr: Any, edge_index: Tensor) -> bool:
        """Whether edge features come if and only if the layer has weights for them."""
        if self.lin_edge is None:
            return attr is None
        weight = self.lin_edge.weight
        return (
            attr is not None
            and attr.dim() == 2
            and self.fits(attr, edge_index)
            and plain(weight, (attr.dtype,))
            and not (self.lin_edge._forward_hooks or self.lin_edge._forward_pre_hooks)
            and not torch.is_autocast_enabled(edge_index.device.type)
        )

    def _attended(
        self,
        adj: Adjacency,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        attr: Any = None,
        of_edges: Any = None,
        *,
        wanted: bool,
    ) -> tuple[Tensor, Tensor | None]:
        """Weighted sum of the values, and the weights before dropout, in the order of the edges, if they are wanted."""
        scale = self.out_channels**-0.5
        dropping = self.dropout and self.training
        if attr is None and not dropping and not wanted and self.reduction() == "sum":
            return dot(adj, query, key, value, scale), None
        score = sddmm(adj, query, key)
        if attr is not None:
            # The features stay as narrow as they come: <q, k + W a> = <q, k> + <W' q, a>, and sum p W a = W sum p a.
            # A head of them is a matrix whose columns are the edges.
            weight = self.lin_edge.weight.view(self.heads, self.out_channels, -1)
            narrow = torch.einsum("nhc,hcd->hnd", query, weight)
            score = score + torch.stack([sddmm(of_edges, part, attr) for part in narrow], 1)
        alpha = edge_softmax(adj, score * scale)
        before = edge_order(adj, alpha) if wanted else None
        alpha = self.dropped(adj, alpha, wanted=False)[0]
        out = spmm(adj.with_values(alpha.to(value.dtype)), value, self.reduction())
        if attr is not None:
            parts = [spmm(of_edges.with_values(p), attr, self.reduction()) for p in alpha.unbind(1)]
            out = out + torch.einsum("hnd,hcd->nhc", torch.stack(parts), weight)
        return out, before


def edge_order(adj: Adjacency, per_entry: Tensor) -> Tensor:
    """The inverse of :meth:`graphrep.ops.Adjacency.entry_order`."""
    assert adj.permutation is not None
    return torch.empty_like(per_entry).index_copy(0, adj.permutation, per_entry)


def row_ids(adj: Adjacency) -> Tensor:
    """Target of every entry. They are kept, so they must not be inference tensors."""
    if torch.compiler.is_compiling():
        return adj.rows()
    with unrecorded():
        return adj.rows()


def by_edge(adj: Adjacency) -> Adjacency:
    """The same rows, but the columns are the edges themselves."""
    assert adj.permutation is not None
    with unchecked():
        return Adjacency(adj.indptr, adj.permutation, num_cols=adj.num_entries)
