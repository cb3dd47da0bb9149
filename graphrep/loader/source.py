"""What a loader samples from, and how the attributes of a sample are gathered: PyG's Data or stores, or a Graph."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import torch

from graphrep._arrays import check_rows
from graphrep._checks import warn_caller
from graphrep.graph import Graph
from graphrep.ops.adjacency import Adjacency, describe
from graphrep.ops.sampling import Relation, time_keys, time_order

__all__ = ["Source", "plain"]

Tensor = torch.Tensor


class Source:
    """A graph with its attributes; pickled for workers.

    Attributes
    ----------
    relation : Relation
        The incoming edges of every node, by time within each row if there are times.
    node_time : tensor or None
        Times of the nodes as keys of :func:`graphrep.ops.sampling.time_keys`.
    seed_time : tensor or None
        Keys of the times given for the seeds.
    """

    relation: Relation

    def __init__(
        self, data: Any, *, weight_attr: str | None, time_attr: str | None, seed_time: Any, is_sorted: bool
    ) -> None:
        self.graph = data if isinstance(data, Graph) else None
        self.data = data = data.to_pyg() if isinstance(data, Graph) else data
        self.stores = isinstance(data, tuple) and len(data) == 2 and hasattr(data[1], "get_all_edge_attrs")
        if not self.stores and (not hasattr(data, "is_edge_attr") or not hasattr(data, "edge_index")):
            raise TypeError(
                "data must be a torch_geometric.data.Data of one node and edge type, a pair of FeatureStore and "
                f"GraphStore, or a Graph, got {type(data).__name__}; for HeteroData use torch_geometric.loader after "
                "graphrep.pyg.provide()."
            )
        adj = self._from_stores() if self.stores else self._from_data(is_sorted)
        self.num_nodes = adj.num_rows
        self.node_time: Tensor | None = None
        self.seed_time: Tensor | None = None
        indices, edge_ids, weights, times = adj.indices, adj.permutation, self._weights(adj, weight_attr), None
        if time_attr is None:
            if seed_time is not None:
                raise ValueError("times of the seeds need time_attr, got none.")
        else:
            times = self._times(adj, time_attr, seed_time)
            order = time_order(adj, times)
            if bool((order[1:] < order[:-1]).any()):
                if is_sorted:
                    raise ValueError("is_sorted is True, but the incoming edges of a node do not ascend by time.")
                edge_ids = order if edge_ids is None else edge_ids.index_select(0, order)
                indices, times = indices.index_select(0, order), times.index_select(0, order)
                weights = None if weights is None else weights.index_select(0, order)
        self.relation = Relation(adj.indptr, indices, edge_ids, weights, times, None, [])

    @property
    def is_cuda(self) -> bool:
        """Whether attributes are on a GPU."""
        return not self.stores and bool(self.data.is_cuda)

    def rows(self, name: str, ids: Any, dim: int) -> Tensor:
        """Checked row numbers, from names where the graph has names."""
        if self.graph is not None:
            named = np.asarray(ids)
            ids = self.graph.rows(named.ravel()).reshape(named.shape)
        if not isinstance(ids, Tensor) and np.asarray(ids).dtype.kind in "OUS" and np.size(ids):
            raise TypeError(f"{name} must hold node numbers, since data has no names; pass a graphrep.Graph for names.")
        rows = plain(torch.as_tensor(ids)).cpu()
        if rows.dim() != dim or (dim == 2 and rows.shape[0] != 2):
            raise ValueError(f"{name} must have shape {'(n,)' if dim == 1 else '(2, n)'}, got {tuple(rows.shape)}.")
        if rows.numel() and rows.dtype not in (torch.int32, torch.int64):
            raise TypeError(f"{name} must hold int32 or int64 node numbers, got {describe(rows)}.")
        check_rows(name, rows, self.num_nodes)
        return rows.long()

    def all_edges(self) -> Tensor:
        """Every edge, in the order of the data."""
        if not self.stores and self.data.edge_index is not None:
            return plain(self.data.edge_index).cpu().long()
        relation = self.relation
        targets = torch.repeat_interleave(relation.indptr.diff())
        edges = torch.stack([relation.indices.long(), targets])
        return edges if relation.edge_ids is None else edges[:, relation.edge_ids.argsort()]

    def gather(self, out: Any, permutation: Tensor | None, custom_cls: Any) -> Any:
        """Subgraph of a SamplerOutput, with the attributes of its nodes and edges."""
        edge = out.edge if permutation is None or out.edge is None else permutation[out.edge.long()]
        part = self._gather_stores(out, custom_cls) if self.stores else self._gather_data(out, edge)
        part.n_id = out.node
        extra = {"e_id": edge, "batch": out.batch, "num_sampled_nodes": out.num_sampled_nodes}
        for key, value in (extra | {"num_sampled_edges": out.num_sampled_edges}).items():
            if value is not None:
                part[key] = value
        return part

    def _gather_data(self, out: Any, edge: Tensor | None) -> Any:
        part, data = copy.copy(self.data), self.data
        for name, value in data.to_dict().items():
            if name == "edge_index":
                part.edge_index = torch.stack([out.row, out.col]).to(value.device, value.dtype)
            elif name == "adj_t":
                part.adj_t = _adj_t(value, out, edge)
            elif name != "num_nodes" and data.is_node_attr(name):
                part[name] = _select(value, out.node, data.__cat_dim__(name, value))
            elif data.is_edge_attr(name):
                part[name] = None if edge is None else _select(value, edge, data.__cat_dim__(name, value))
        part.num_nodes = len(out.node)
        return part

    def _gather_stores(self, out: Any, custom_cls: Any) -> Any:
        from torch_geometric.data import Data

        part = Data() if custom_cls is None else custom_cls()
        part.edge_index, part.num_nodes = torch.stack([out.row, out.col]), len(out.node)
        attributes = [copy.copy(attribute) for attribute in self.data[0].get_all_tensor_attrs()]
        for attribute in attributes:
            attribute.index = out.node
        for attribute, value in zip(attributes, self.data[0].multi_get_tensor(attributes), strict=True):
            part[attribute.attr_name] = value
        return part

    def _from_stores(self) -> Adjacency:
        attributes = self.data[1].get_all_edge_attrs()
        if len(attributes) != 1 or attributes[0].edge_type is not None:
            raise TypeError(
                "the GraphStore must hold the edges of one type, with edge_type=None; for others use "
                "torch_geometric.loader after graphrep.pyg.provide()."
            )
        row, offsets, permutation = self.data[1].csc()
        num_nodes = max(attributes[0].size)
        offsets = torch.cat([offsets, offsets[-1:].expand(num_nodes + 1 - len(offsets))]).long()
        adj = Adjacency(offsets, plain(row).contiguous(), num_cols=num_nodes)
        adj.permutation = permutation
        return adj

    def _from_data(self, is_sorted: bool) -> Adjacency:  # noqa: FBT001
        data = self.data
        if data.edge_index is None:
            adj_t = getattr(data, "adj_t", None)
            if adj_t is not None:
                return _rows_of(adj_t)
            warn_caller("data has neither edge_index nor adj_t, so the batches have no edges.")
            return Adjacency(torch.zeros(data.num_nodes + 1, dtype=torch.int64), torch.zeros(0, dtype=torch.int64))
        edge_index = plain(data.edge_index).cpu()
        if edge_index.dim() != 2 or len(edge_index) != 2 or edge_index.dtype not in (torch.int32, torch.int64):
            raise ValueError(f"edge_index must be an integer tensor of shape (2, n), got {describe(edge_index)}.")
        if not is_sorted:
            return Adjacency.from_edge_index(edge_index, num_nodes=data.num_nodes)
        source, target = edge_index
        if bool((target[1:] < target[:-1]).any()):
            raise ValueError("is_sorted is True, but the targets edge_index[1] do not ascend.")
        check_rows("edge_index", target, data.num_nodes)
        offsets = torch.searchsorted(target.contiguous(), torch.arange(data.num_nodes + 1, dtype=target.dtype))
        return Adjacency(offsets.long(), source.contiguous())

    def _weights(self, adj: Adjacency, name: str | None) -> Tensor | None:
        if name is None:
            return None
        if self.stores:
            raise NotImplementedError("weight_attr needs Data or a Graph, since stores hold no attributes of edges.")
        weights = getattr(self.data, name, None)
        if not isinstance(weights, Tensor) or weights.shape != (adj.num_entries,):
            raise ValueError(f"data.{name} must hold one weight per edge, {adj.num_entries}; got {describe(weights)}.")
        weights = plain(weights).detach().cpu()
        weights = weights if weights.dtype in (torch.float32, torch.float64) else weights.double()
        return adj.entry_order(weights).contiguous()

    def _times(self, adj: Adjacency, name: str, seed_time: Any) -> Tensor:
        """Times of the entries as keys; sets those of nodes and seeds."""
        values = self._attribute(name)
        if not isinstance(values, (Tensor, np.ndarray)) or len(values.shape) != 1:
            got = "nothing of this name" if values is None else f"{type(values).__name__}"
            raise ValueError(f"time_attr must name a vector of times of the nodes or edges, got {got} for {name!r}.")
        lengths = (adj.num_rows, adj.num_entries)
        if len(values) not in lengths:
            raise ValueError(
                f"{name} must hold a time per node, {lengths[0]}, or edge, {lengths[1]}; got {len(values)}."
            )
        of_nodes = len(values) == lengths[0]
        if lengths[0] == lengths[1]:  # then only the name can tell
            of_nodes = name == "time" if self.stores else bool(self.data.is_node_attr(name))
        keys = time_keys(*(_cpu(part) for part in (values, seed_time) if part is not None))
        self.seed_time = None if seed_time is None else keys[1]
        if of_nodes:
            self.node_time = keys[0]
            return keys[0].index_select(0, adj.indices)
        if seed_time is None:
            raise ValueError(f"{name} holds times of edges, so the times of the seeds must be given, too.")
        return adj.entry_order(keys[0])

    def _attribute(self, name: str) -> Any:
        if not self.stores:
            return getattr(self.data, name, None)
        for attribute in self.data[0].get_all_tensor_attrs():
            if attribute.attr_name == name:
                attribute = copy.copy(attribute)
                attribute.index = None
                return self.data[0].get_tensor(attribute)
        return None


def plain(tensor: Tensor) -> Tensor:
    """The tensor without a subclass: PyG's EdgeIndex and Index wrap another tensor and own no memory."""
    if hasattr(tensor, "as_tensor"):
        tensor = tensor.as_tensor()
    return tensor if type(tensor) is Tensor else tensor.as_subclass(Tensor)


def _cpu(times: Any) -> Tensor:
    return plain(torch.as_tensor(times)).detach().cpu()


def _rows_of(adj_t: Any) -> Adjacency:
    """Adjacency of a transposed matrix: torch.sparse, or an object with ``csr()`` such as torch_sparse's."""
    if isinstance(adj_t, Tensor):
        if adj_t.layout is torch.strided:
            raise TypeError(f"adj_t must be a sparse matrix, got a dense {describe(adj_t)}.")
        matrix = plain(adj_t).detach().cpu().to_sparse_csr()
        offsets, columns = matrix.crow_indices(), matrix.col_indices()
        size = tuple(adj_t.shape)
    else:
        offsets, columns, _ = adj_t.csr()
        size = (adj_t.size(0), adj_t.size(1))
    if size[0] != size[1]:
        raise ValueError(f"adj_t must be square, got {size[0]} x {size[1]}.")
    return Adjacency(offsets.cpu().long(), columns.cpu().contiguous(), num_cols=size[1])


def _adj_t(whole: Any, out: Any, edge: Tensor | None) -> Any:
    """The sampled part of ``adj_t``, of the same kind."""
    size = len(out.node), len(out.node)
    if not isinstance(whole, Tensor):
        value = whole.csr()[2]
        value = None if value is None or edge is None else value[edge.to(value.device)]
        return type(whole)(row=out.col, col=out.row, value=value, sparse_sizes=size)
    matrix = whole.to_sparse_csr()
    values = matrix.values()
    values = values.new_ones(len(out.row)) if edge is None else values[edge.to(values.device)]
    indices = torch.stack([out.col, out.row]).to(values.device)
    part = torch.sparse_coo_tensor(indices, values, size, check_invariants=False)
    return part if whole.layout is torch.sparse_coo else part.to_sparse(layout=whole.layout)


def _select(value: Any, index: Tensor, dim: int) -> Any:
    if isinstance(value, Tensor):
        return plain(value).index_select(dim, index.to(value.device))
    if isinstance(value, np.ndarray):
        return torch.from_numpy(value.take(index.numpy(), axis=dim))
    return [value[i] for i in index.tolist()]
