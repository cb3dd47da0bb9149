"""Convolutions of torch_geometric on graphrep's kernels: same classes, same parameters, same results.

``accelerate(model)`` switches the convolutions of a model; ``GCNConv``, ``SAGEConv``, ``GINConv``, ``GraphConv`` and
``GATConv`` can also be used in place of their namesakes. They aggregate without storing a message per edge. The rows
into which an ``edge_index`` is grouped are cached and reused while the same tensor is passed, as in full-batch
training.

Cases that the kernels do not cover (a torch sparse matrix or EdgeIndex as input, an aggregation other than sum, mean,
max or min, explanations, hooks) run on torch_geometric's own code.
"""

from __future__ import annotations

import weakref
from typing import Any, TypeVar

import torch
import torch_geometric.nn as pyg

from graphrep.ops import Adjacency, additive_attention, edge_softmax, spmm

__all__ = ["GATConv", "GCNConv", "GINConv", "GraphConv", "SAGEConv", "accelerate"]

Tensor = torch.Tensor
Module = TypeVar("Module", bound=torch.nn.Module)
AGGREGATIONS = {"add": "sum", "sum": "sum", "mean": "mean", "max": "max", "min": "min"}
HOOKS = (
    "_propagate_forward_pre_hooks",
    "_propagate_forward_hooks",
    "_message_forward_pre_hooks",
    "_message_forward_hooks",
    "_aggregate_forward_pre_hooks",
    "_aggregate_forward_hooks",
    "_edge_update_forward_pre_hooks",
    "_edge_update_forward_hooks",
)


def accelerate(module: Module) -> Module:
    """Run the graph convolutions inside a module on graphrep's kernels, in place.

    Parameters
    ----------
    module : torch.nn.Module
        Its :class:`torch_geometric.nn` layers GCNConv, SAGEConv, GINConv, GraphConv and GATConv are switched;
        parameters, buffers and settings stay unchanged.

    Returns
    -------
    torch.nn.Module
        ``module`` itself.

    Examples
    --------
    >>> import torch
    >>> import graphrep as gr
    >>> from torch_geometric.nn import GCN
    >>> model = gr.pyg.accelerate(GCN(8, 16, num_layers=2, out_channels=4))
    >>> model(torch.ones(3, 8), torch.tensor([[0, 1], [1, 2]])).shape
    torch.Size([3, 4])
    """
    for part in module.modules():
        switched = _SWITCHED.get(type(part))
        if switched is not None:
            part.__class__ = switched
    return module


class _Grouped:
    """Mixin for a convolution that caches the Adjacency of the last edge_index."""

    def forward(self, x: Any, edge_index: Any, *args: Any, **kwargs: Any) -> Any:
        self.__dict__["_given"] = edge_index
        try:
            return super().forward(x, edge_index, *args, **kwargs)  # type: ignore[misc]
        finally:
            self.__dict__["_given"] = None

    def __getstate__(self) -> dict[str, Any]:
        # The cache refers to a tensor of this process.
        return {name: value for name, value in self.__dict__.items() if name not in ("_given", "_kept")}

    def _key(self) -> tuple[int, int] | None:
        given = self.__dict__.get("_given")
        return None if given is None else (given.data_ptr(), given._version)

    def _adjacency(self, edge_index: Tensor, num_rows: int, num_cols: int) -> Adjacency:
        """Group edges by target. ``edge_index`` may be the given one plus self loops, so the given one is the key."""
        given, shape = self.__dict__.get("_given"), (num_rows, num_cols, edge_index.shape[1])
        kept = self.__dict__.get("_kept")
        if given is not None and kept is not None:
            tensor, key, kept_shape, adj = kept
            if tensor() is given and key == self._key() and shape == kept_shape:
                return adj  # type: ignore[no-any-return]
        rows, cols = (1, 0) if self.flow == "source_to_target" else (0, 1)  # type: ignore[attr-defined]
        adj = Adjacency.from_edges(edge_index[rows], edge_index[cols], num_rows=num_rows, num_cols=num_cols)
        if given is not None and not torch.compiler.is_compiling():
            self.__dict__["_kept"] = (weakref.ref(given), self._key(), shape, adj)
        return adj

    def _covered(self, edge_index: Any) -> bool:
        return (
            type(edge_index) is Tensor
            and edge_index.layout is torch.strided
            and self.aggr in AGGREGATIONS  # type: ignore[attr-defined]
            and self.node_dim in (-2, 0)  # type: ignore[attr-defined]
            and not self.explain  # type: ignore[attr-defined]
            and not any(getattr(self, name, None) for name in HOOKS)
        )

    def _aggregate(self, edge_index: Tensor, size: Any, x: Any, weight: Tensor | None) -> Tensor:
        x_source, x_target = x if isinstance(x, (tuple, list)) else (x, x)
        num_rows = x_target.shape[0] if x_target is not None else int(size[1])
        adj = self._adjacency(edge_index, num_rows, x_source.shape[0])
        values = None if weight is None else adj.entry_order(weight).to(x_source.dtype)
        out: Tensor = spmm(adj.with_values(values), x_source, AGGREGATIONS[self.aggr])  # type: ignore[attr-defined]
        return out


def _propagate(self: Any, edge_index: Any, size: Any = None, **kwargs: Any) -> Tensor:
    # The messages of these layers are x_j, times edge_weight if the layer has one.
    if not self._covered(edge_index):
        out: Tensor = pyg.MessagePassing.propagate(self, edge_index, size=size, **kwargs)
        return out
    return self._aggregate(edge_index, size, kwargs["x"], kwargs.get("edge_weight"))  # type: ignore[no-any-return]


class GCNConv(_Grouped, pyg.GCNConv):  # type: ignore[misc]
    """:class:`torch_geometric.nn.GCNConv` on graphrep's kernels.

    Parameters as in :class:`torch_geometric.nn.GCNConv`.

    Examples
    --------
    >>> import torch
    >>> import graphrep as gr
    >>> gr.pyg.GCNConv(8, 4)(torch.ones(3, 8), torch.tensor([[0, 1], [1, 2]])).shape
    torch.Size([3, 4])
    """

    cached: bool
    propagate = _propagate

    def forward(self, x: Any, edge_index: Any, edge_weight: Tensor | None = None) -> Any:
        """Node features of shape (num_nodes, out_channels)."""
        # Without edge weights the normalization depends on edge_index alone, so it is cached too.
        keep = self.normalize and not self.cached and edge_weight is None and type(edge_index) is Tensor
        if not keep or torch.compiler.is_compiling():
            return super().forward(x, edge_index, edge_weight)
        kept = self.__dict__.get("_normalized")
        key = (edge_index.data_ptr(), edge_index._version, tuple(x.shape[:1]), x.dtype)
        if kept is not None and kept[0]() is edge_index and kept[1] == key:
            self._cached_edge_index = kept[2]
        self.cached = True
        try:
            out = super().forward(x, edge_index, None)
            self.__dict__["_normalized"] = (weakref.ref(edge_index), key, self._cached_edge_index)
        finally:
            self.cached, self._cached_edge_index = False, None
        return out

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in super().__getstate__().items() if name != "_normalized"}


class SAGEConv(_Grouped, pyg.SAGEConv):  # type: ignore[misc]
    """:class:`torch_geometric.nn.SAGEConv` on graphrep's kernels.

    Parameters as in :class:`torch_geometric.nn.SAGEConv`.

    Examples
    --------
    >>> import torch
    >>> import graphrep as gr
    >>> gr.pyg.SAGEConv(8, 4)(torch.ones(3, 8), torch.tensor([[0, 1], [1, 2]])).shape
    torch.Size([3, 4])
    """

    propagate = _propagate


class GINConv(_Grouped, pyg.GINConv):  # type: ignore[misc]
    """:class:`torch_geometric.nn.GINConv` on graphrep's kernels.

    Parameters as in :class:`torch_geometric.nn.GINConv`.

    Examples
    --------
    >>> import torch
    >>> import graphrep as gr
    >>> gr.pyg.GINConv(torch.nn.Linear(8, 4))(torch.ones(3, 8), torch.tensor([[0, 1], [1, 2]])).shape
    torch.Size([3, 4])
    """

    propagate = _propagate


class GraphConv(_Grouped, pyg.GraphConv):  # type: ignore[misc]
    """:class:`torch_geometric.nn.GraphConv` on graphrep's kernels.

    Parameters as in :class:`torch_geometric.nn.GraphConv`.

    Examples
    --------
    >>> import torch
    >>> import graphrep as gr
    >>> gr.pyg.GraphConv(8, 4)(torch.ones(3, 8), torch.tensor([[0, 1], [1, 2]])).shape
    torch.Size([3, 4])
    """

    propagate = _propagate


class GATConv(_Grouped, pyg.GATConv):  # type: ignore[misc]
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

    def forward(self, x: Any, edge_index: Any, *args: Any, **kwargs: Any) -> Any:
        """Node features of shape (num_nodes, heads * out_channels), or their mean over heads."""
        wanted = kwargs.get("return_attention_weights", args[2] if len(args) > 2 else None)
        self.__dict__["_weights_wanted"] = wanted is not None
        return super().forward(x, edge_index, *args, **kwargs)

    def edge_updater(self, edge_index: Any, size: Any = None, **kwargs: Any) -> Any:
        """Attention per edge; if only the weighted sum is needed, the scores of both ends are returned instead."""
        if not self._covered(edge_index):
            return pyg.MessagePassing.edge_updater(self, edge_index, size=size, **kwargs)
        source, target = kwargs["alpha"]
        plain = target is not None and kwargs.get("edge_attr") is None
        dropout = self.dropout if self.training else 0.0
        if plain and not dropout and not self._weights_wanted and self.aggr in ("add", "sum"):
            return kwargs["alpha"]
        rows = target.shape[0] if target is not None else int(size[1])
        adj = self._adjacency(edge_index, rows, source.shape[0])
        scores = source.index_select(0, adj.indices)
        if target is not None:
            scores = scores + target.index_select(0, adj.rows())
        if kwargs.get("edge_attr") is not None and self.lin_edge is not None:
            attributes = kwargs["edge_attr"]
            attributes = self.lin_edge(attributes.view(-1, 1) if attributes.dim() == 1 else attributes)
            attributes = attributes.view(-1, self.heads, self.out_channels)
            scores = scores + adj.entry_order((attributes * self.att_edge).sum(-1))
        scores = edge_softmax(adj, torch.nn.functional.leaky_relu(scores, self.negative_slope))
        assert adj.permutation is not None
        per_edge = torch.empty_like(scores).index_copy(0, adj.permutation, scores)
        return torch.nn.functional.dropout(per_edge, dropout, training=self.training)

    def propagate(self, edge_index: Any, size: Any = None, **kwargs: Any) -> Any:
        """Weighted sum over neighbors."""
        if not self._covered(edge_index):
            return pyg.MessagePassing.propagate(self, edge_index, size=size, **kwargs)
        x, alpha = kwargs["x"], kwargs["alpha"]
        if isinstance(alpha, Tensor):
            return self._aggregate(edge_index, size, x, alpha)
        source, target = alpha
        adj = self._adjacency(edge_index, target.shape[0], source.shape[0])
        return additive_attention(adj, target, source, x[0], negative_slope=self.negative_slope)


_SWITCHED: dict[type, type] = {
    pyg.GCNConv: GCNConv,
    pyg.SAGEConv: SAGEConv,
    pyg.GINConv: GINConv,
    pyg.GraphConv: GraphConv,
    pyg.GATConv: GATConv,
}
