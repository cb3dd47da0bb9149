"""What a loader samples from, and how the attributes of a sample are gathered: PyG's data or stores, or a Graph."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from graphrep._arrays import check_rows
from graphrep._checks import warn_caller
from graphrep._types import code_of
from graphrep.graph import Graph
from graphrep.ops.adjacency import Adjacency, describe
from graphrep.ops.sampling import Relation, time_keys, time_order

__all__ = ["Source", "plain", "tensor_of"]

Tensor = torch.Tensor


class Source:
    """A graph with its attributes; pickled for workers.

    A graph without types has one type of nodes and one of edges, both None.

    Attributes
    ----------
    node_types, edge_types : list
        Names; types of edges are triples (source, name, target).
    num_nodes : list of int
        By type.
    relations : list of Relation
        The incoming edges of every node by type of edge, by time within each row if there are times.
    node_time : list of (tensor or None)
        By type, times of the nodes as keys of :func:`graphrep.ops.sampling.time_keys`.
    seed_time : tensor or None
        Keys of the times given for the seeds.
    """

    node_types: list[Any]
    edge_types: list[Any]
    num_nodes: list[int]

    def __init__(
        self, data: Any, *, weight_attr: str | None, time_attr: str | None, seed_time: Any, is_sorted: bool
    ) -> None:
        self.graph = data if isinstance(data, Graph) else None
        self.data = data = data.to_pyg() if isinstance(data, Graph) else data
        self.stores = isinstance(data, tuple) and len(data) == 2 and hasattr(data[1], "get_all_edge_attrs")
        self.typed = hasattr(data, "edge_stores") and hasattr(data, "node_types")
        if self.stores:
            self.typed = any(one.edge_type is not None for one in data[1].get_all_edge_attrs())
        elif not self.typed and (not hasattr(data, "is_edge_attr") or not hasattr(data, "edge_index")):
            raise TypeError(
                "data must be a Data or HeteroData of torch_geometric, a pair of FeatureStore and GraphStore, or a "
                f"Graph, got {type(data).__name__}."
            )
        if self.stores:
            adjs = self._from_stores()
        elif self.typed:
            adjs = self._from_hetero(is_sorted)
        else:
            self.node_types, self.edge_types = [None], [None]
            adjs = [_incoming(data, data.num_nodes, data.num_nodes, is_sorted)]
            self.num_nodes = [adjs[0].num_rows]
        self.node_time: list[Tensor | None] = [None] * len(self.node_types)
        self.seed_time: Tensor | None = None
        self._lengths = [adj.num_entries for adj in adjs]
        weights = self._weights(adjs, weight_attr)
        times: list[Tensor | None] = [None] * len(adjs)
        if time_attr is not None:
            times = self._times(adjs, time_attr, seed_time)
        elif seed_time is not None:
            raise ValueError("times of the seeds need time_attr, got none.")
        wide = any(adj.indices.dtype is torch.int64 for adj in adjs)  # the kernel takes one dtype
        self.relations = []
        for adj, weight, time, ends in zip(adjs, weights, times, map(self.ends, self.edge_types), strict=True):
            indices, edge_ids = adj.indices, adj.permutation
            if time is not None:
                order = time_order(adj, time)
                if bool((order[1:] < order[:-1]).any()):
                    if is_sorted:
                        raise ValueError("is_sorted is True, but the incoming edges of a node do not ascend by time.")
                    edge_ids = order if edge_ids is None else edge_ids.index_select(0, order)
                    indices, time = indices.index_select(0, order), time.index_select(0, order)
                    weight = None if weight is None else weight.index_select(0, order)
            indices = indices.long() if wide else indices
            self.relations.append(Relation(adj.indptr, indices, edge_ids, weight, time, None, [], ends[1], ends[0]))

    @property
    def is_cuda(self) -> bool:
        """Whether attributes are on a GPU."""
        return not self.stores and bool(self.data.is_cuda)

    def ends(self, edge_type: Any) -> tuple[int, int]:
        """Positions of the types of the sources and of the targets."""
        if edge_type is None:
            return 0, 0
        return self.kind(edge_type[0]), self.kind(edge_type[2])

    def kind(self, name: Any) -> int:
        """Position of a type of nodes."""
        return code_of(name, self.node_types, "nodes")

    def edge_types_of(self, key: Any) -> list[Any]:
        """Types of edges that a triple, a name or a pair of types of nodes means."""
        if isinstance(key, list):
            key = tuple(key)
        if key in self.edge_types:
            return [key]
        if isinstance(key, tuple) and len(key) == 1:
            key = key[0]
        return [kind for kind in self.edge_types if key in (kind[1], (kind[0], kind[2]), "__".join(kind))]

    def rows(self, name: str, ids: Any, dim: int, kinds: Sequence[int] = (0,)) -> Tensor:
        """Checked numbers of nodes, from names where the graph has names; ``kinds``: the types of the rows of ``ids``.

        Nodes of a type are numbered from 0.
        """
        if self.graph is not None and (not self.typed or self._named()):
            named = np.asarray(ids)
            ids = self.graph.rows(named.ravel()).reshape(named.shape)
            if self.typed:
                if ids.ndim != dim:
                    raise ValueError(f"{name} must have {dim} dimensions, got shape {ids.shape}.")
                ids = self._within_types(name, ids, kinds)
        if not isinstance(ids, Tensor) and np.asarray(ids).dtype.kind in "OUS" and np.size(ids):
            raise TypeError(f"{name} must hold node numbers, since data has no names; pass a graphrep.Graph for names.")
        rows = tensor_of(ids).cpu()
        if rows.dim() != dim or (dim == 2 and rows.shape[0] != 2):
            raise ValueError(f"{name} must have shape {'(n,)' if dim == 1 else '(2, n)'}, got {tuple(rows.shape)}.")
        if rows.numel() and rows.dtype not in (torch.int32, torch.int64):
            raise TypeError(f"{name} must hold int32 or int64 node numbers, got {describe(rows)}.")
        for part, kind in zip(rows.view(dim, -1) if dim > 1 else rows[None], kinds, strict=True):
            what = f"{name} of type {self.node_types[kind]!r}" if self.typed else name
            check_rows(what, part, self.num_nodes[kind])
        return rows.long()

    def nodes_of_one_type(self, name: str, ids: Any) -> tuple[int, Any]:
        """The type of nodes of a typed Graph, and the nodes: names or, where there are none, rows of the graph."""
        assert self.graph is not None
        rows = self.graph.rows(np.asarray(ids).ravel())
        codes = np.zeros(1) if self.graph.node_type is None else np.unique(self.graph.node_type[rows])
        if len(codes) != 1:
            found = ", ".join(repr(self.node_types[int(code)]) for code in codes) or "none"
            raise ValueError(f"{name} must hold nodes of one type, got nodes of {found}; use a loader for each type.")
        kind = int(codes[0])
        return kind, ids if self._named() else self._within_types(name, rows, [kind])

    def _named(self) -> bool:
        return any("node_names" in self.data[kind] for kind in self.node_types)

    def _within_types(self, name: str, rows: npt.NDArray[np.int64], kinds: Sequence[int]) -> npt.NDArray[np.int64]:
        """Numbers within their types, of rows of the graph that must have these types."""
        assert self.graph is not None
        code = self.graph.node_type
        if code is None:
            return rows
        out = np.empty_like(rows)
        for part, kind, into in zip(np.atleast_2d(rows), kinds, np.atleast_2d(out), strict=True):
            wrong = np.flatnonzero(code[part] != kind)
            if len(wrong):
                node, other = self.graph.nodes[part[wrong[0]]], self.node_types[code[part[wrong[0]]]]
                raise ValueError(
                    f"{name} must hold nodes of type {self.node_types[kind]!r}, but {node!r} has type {other!r}."
                )
            into[:] = np.searchsorted(np.flatnonzero(code == kind), part)
        return out

    def all_edges(self, edge_type: Any) -> Tensor:
        """Every edge of a type, in the order of the data."""
        if not self.stores:
            store = self.data[edge_type] if self.typed else self.data
            if store.get("edge_index") is not None:
                return plain(store.edge_index).cpu().long()
        relation = self.relations[self.edge_types.index(edge_type)]
        targets = torch.repeat_interleave(relation.indptr.diff())
        edges = torch.stack([relation.indices.long(), targets])
        return edges if relation.edge_ids is None else edges[:, relation.edge_ids.argsort()]

    def gather(self, out: Any, permutation: Any, custom_cls: Any) -> Any:
        """Subgraph of a SamplerOutput or HeteroSamplerOutput, with the attributes of its nodes and edges."""
        if not self.typed:
            edge = _permuted(out.edge, permutation)
            part = self._gather_stores(out, custom_cls) if self.stores else self._gather_data(out, edge)
            part.n_id = out.node
            extra = {"e_id": edge, "batch": out.batch, "num_sampled_nodes": out.num_sampled_nodes}
            for key, value in (extra | {"num_sampled_edges": out.num_sampled_edges}).items():
                if value is not None:
                    part[key] = value
            return part
        none: dict[Any, Any] = {}
        edges = {key: _permuted(edge, (permutation or none).get(key)) for key, edge in (out.edge or none).items()}
        part = self._gather_hetero_stores(out, custom_cls) if self.stores else self._gather_hetero(out, edges)
        for name, values in (("n_id", out.node), ("e_id", edges)):
            for key, value in values.items():
                if value is not None:
                    part[key][name] = value
        for name in ("batch", "num_sampled_nodes", "num_sampled_edges"):
            for key, value in (getattr(out, name) or none).items():
                part[key][name] = value
        return part

    def _gather_data(self, out: Any, edge: Tensor | None) -> Any:
        part = copy.copy(self.data)
        _fill(part, self.data, self.data.to_dict(), node=out.node, edge=edge, ends=(out.row, out.col))
        part.num_nodes = len(out.node)
        return part

    def _gather_hetero(self, out: Any, edges: dict[Any, Tensor | None]) -> Any:
        part, none = copy.copy(self.data), torch.zeros(0, dtype=torch.int64)
        for key in self.node_types:
            node = out.node.get(key, none)
            _fill(part[key], self.data[key], dict(self.data[key].items()), node=node)
            if "num_nodes" in self.data[key]:
                part[key].num_nodes = len(node)
        for key in self.data.edge_types:
            ends = out.row.get(key, none), out.col.get(key, none)
            edge = edges.get(key) if key in out.row else none
            size = len(out.node.get(key[0], none)), len(out.node.get(key[2], none))
            _fill(part[key], self.data[key], dict(self.data[key].items()), edge=edge, ends=ends, size=size)
        return part

    def _gather_stores(self, out: Any, custom_cls: Any) -> Any:
        from torch_geometric.data import Data

        part = Data() if custom_cls is None else custom_cls()
        part.edge_index, part.num_nodes = torch.stack([out.row, out.col]), len(out.node)
        for attribute, value in self._stored({None: out.node}):
            part[attribute.attr_name] = value
        return part

    def _gather_hetero_stores(self, out: Any, custom_cls: Any) -> Any:
        from torch_geometric.data import HeteroData

        part = HeteroData() if custom_cls is None else custom_cls()
        for attribute, value in self._stored(out.node):
            part[attribute.group_name].num_nodes = len(out.node[attribute.group_name])
            part[attribute.group_name][attribute.attr_name] = value
        for key, row in out.row.items():
            part[key].edge_index = torch.stack([row, out.col[key]])
        return part

    def _stored(self, nodes: dict[Any, Tensor]) -> Any:
        """Attributes of the feature store with their values for these nodes by type."""
        attributes = [copy.copy(one) for one in self.data[0].get_all_tensor_attrs()]
        if self.typed:
            attributes = [one for one in attributes if one.group_name in nodes]
        for attribute in attributes:
            attribute.index = nodes[attribute.group_name if self.typed else None]
        return zip(attributes, self.data[0].multi_get_tensor(attributes), strict=True)

    def _from_stores(self) -> list[Adjacency]:
        attributes = self.data[1].get_all_edge_attrs()
        if not self.typed:
            if len(attributes) != 1:
                raise TypeError(f"a GraphStore without types must hold one list of edges, got {len(attributes)}.")
            self.node_types, self.edge_types, self.num_nodes = [None], [None], [max(attributes[0].size)]
            row, offsets, permutation = self.data[1].csc()
            return [_stored_rows(row, offsets, permutation, self.num_nodes[0], self.num_nodes[0])]
        from torch_geometric.data.remote_backend_utils import num_nodes

        self.edge_types = list(dict.fromkeys(one.edge_type for one in attributes))
        groups = [one.group_name for one in self.data[0].get_all_tensor_attrs()]
        ends = [end for kind in self.edge_types for end in (kind[0], kind[2])]
        self.node_types = list(dict.fromkeys([*(one for one in groups if isinstance(one, str)), *ends]))
        self.num_nodes = [int(num_nodes(*self.data, kind)) for kind in self.node_types]
        rows, offsets, permutations = self.data[1].csc()
        adjs = []
        for key in self.edge_types:
            source, target = self.ends(key)
            size = self.num_nodes[target], self.num_nodes[source]
            adjs.append(_stored_rows(rows[key], offsets[key], permutations.get(key), *size))
        return adjs

    def _from_hetero(self, is_sorted: bool) -> list[Adjacency]:  # noqa: FBT001
        data = self.data
        self.node_types, self.edge_types = list(data.node_types), list(data.edge_types)
        if not self.node_types:
            raise ValueError("the HeteroData has no nodes; set num_nodes or x of each type of nodes.")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # PyG warns when it does not know the number of nodes
            sizes = [data[kind].num_nodes for kind in self.node_types]
        unknown = next((kind for kind, size in zip(self.node_types, sizes, strict=True) if size is None), None)
        if unknown is not None:
            raise ValueError(f"the number of nodes of type {unknown!r} is unknown; set data[{unknown!r}].num_nodes.")
        self.num_nodes = [int(size) for size in sizes]
        self.edge_types = [key for key in self.edge_types if "edge_index" in data[key] or "adj_t" in data[key]]
        if not self.edge_types:
            warn_caller("no type of edges of the HeteroData has edge_index or adj_t, so the batches have no edges.")
        adjs = []
        for key in self.edge_types:
            source, target = self.ends(key)
            adjs.append(_incoming(data[key], self.num_nodes[target], self.num_nodes[source], is_sorted, f" of {key}"))
        return adjs

    def _weights(self, adjs: list[Adjacency], name: str | None) -> list[Tensor | None]:
        """Weights of the entries of every relation, of one dtype; None for types of edges that have none."""
        if name is None:
            return [None] * len(adjs)
        if self.stores:
            raise NotImplementedError("weight_attr needs Data or a Graph, since stores hold no attributes of edges.")
        found: list[Tensor | None] = []
        for adj, key in zip(adjs, self.edge_types, strict=True):
            weights = getattr(self.data[key], name, None) if self.typed else getattr(self.data, name, None)
            if weights is None and self.typed:
                found.append(None)
                continue
            if not isinstance(weights, Tensor) or weights.shape != (adj.num_entries,):
                what = f"{name} of {key}" if self.typed else f"data.{name}"
                raise ValueError(f"{what} must hold one weight per edge, {adj.num_entries}; got {describe(weights)}.")
            weights = plain(weights).detach().cpu()
            weights = weights if weights.dtype in (torch.float32, torch.float64) else weights.double()
            found.append(adj.entry_order(weights).contiguous())
        if all(weights is None for weights in found):
            raise ValueError(f"no type of edges of the data has the attribute {name!r} that weight_attr names.")
        double = any(weights is not None and weights.dtype is torch.float64 for weights in found)
        return [None if weights is None else weights.double() if double else weights for weights in found]

    def _times(self, adjs: list[Adjacency], name: str, seed_time: Any) -> list[Tensor | None]:
        """Times of the entries of every relation as keys; sets those of nodes and seeds. None: at any time."""
        of_nodes, of_edges = self._attributes(name)
        parts = [value for value in (*of_nodes, *of_edges) if value is not None]
        keys = time_keys(*map(_cpu, parts), *(() if seed_time is None else (_cpu(seed_time),)))
        self.seed_time = None if seed_time is None else keys[-1]
        of_type = iter(keys)
        if any(value is not None for value in of_nodes):
            self.node_time = times = [None if value is None else next(of_type) for value in of_nodes]
            sources = [times[self.ends(key)[0]] for key in self.edge_types]
            return [
                None if time is None else time.index_select(0, adj.indices)
                for adj, time in zip(adjs, sources, strict=True)
            ]
        if seed_time is None:
            raise ValueError(f"{name} holds times of edges, so the times of the seeds must be given, too.")
        return [
            None if value is None else adj.entry_order(next(of_type)) for adj, value in zip(adjs, of_edges, strict=True)
        ]

    def _attributes(self, name: str) -> tuple[list[Any], list[Any]]:
        """Times of the nodes by type, and of the edges by type; only those of one kind are there."""
        if not self.typed:
            values: Any = self._stored_attribute(name, None) if self.stores else getattr(self.data, name, None)
            _check_times(name, values)
            sizes = self.num_nodes[0], self._lengths[0]
            if len(values) not in sizes:
                raise ValueError(
                    f"{name} must hold a time per node, {sizes[0]}, or edge, {sizes[1]}; got {len(values)}."
                )
            of_nodes = len(values) == sizes[0]
            if sizes[0] == sizes[1]:  # then only the name can tell
                of_nodes = name == "time" if self.stores else bool(self.data.is_node_attr(name))
            return ([values], [None]) if of_nodes else ([None], [values])
        found: list[list[Any]] = []
        for of_nodes in (True, False):
            types, lengths = (self.node_types, self.num_nodes) if of_nodes else (self.edge_types, self._lengths)
            found.append([])
            for key, length in zip(types, lengths, strict=True):
                values = self._stored_attribute(name, key) if self.stores else self.data[key].get(name)
                if values is not None:
                    _check_times(name, values)
                    if len(values) != length:
                        raise ValueError(f"{name} of {key!r} must hold {length} times, got {len(values)}.")
                found[-1].append(values)
        there = [any(value is not None for value in part) for part in found]
        if all(there):
            raise ValueError(f"time_attr must name times of nodes or of edges, but {name!r} is an attribute of both.")
        if not any(there):
            raise ValueError(f"time_attr must name times of the nodes or edges of a type, but none has {name!r}.")
        return found[0], found[1]

    def _stored_attribute(self, name: str, group: Any) -> Any:
        for attribute in self.data[0].get_all_tensor_attrs():
            if attribute.attr_name == name and (not self.typed or attribute.group_name == group):
                attribute = copy.copy(attribute)
                attribute.index = None
                return self.data[0].get_tensor(attribute)
        return None


def _check_times(name: str, values: Any) -> None:
    if not isinstance(values, (Tensor, np.ndarray)) or len(values.shape) != 1:
        got = "nothing of this name" if values is None else f"{type(values).__name__}"
        raise ValueError(f"time_attr must name a vector of times of the nodes or edges, got {got} for {name!r}.")


def _permuted(edge: Tensor | None, permutation: Tensor | None) -> Tensor | None:
    return edge if permutation is None or edge is None else permutation[edge.long()]


def _fill(
    part: Any,
    whole: Any,
    values: dict[str, Any],
    *,
    node: Tensor | None = None,
    edge: Tensor | None = None,
    ends: tuple[Tensor, Tensor] | None = None,
    size: tuple[int, int] | None = None,
) -> None:
    """Set the attributes of the sampled nodes and edges: of Data, or of a store of HeteroData."""
    parent = whole._parent() if hasattr(whole, "_parent") else None

    def dim(name: str, value: Any) -> int:
        found = whole.__cat_dim__(name, value) if parent is None else parent.__cat_dim__(name, value, whole)
        return int(found or 0)

    for name, value in values.items():
        if ends is not None and name == "edge_index":
            part[name] = torch.stack(list(ends)).to(value.device, value.dtype)
        elif ends is not None and name == "adj_t":
            part[name] = _adj_t(value, ends, edge, (len(node), len(node)) if size is None else size)  # type: ignore[arg-type]
        elif node is not None and name != "num_nodes" and whole.is_node_attr(name):
            part[name] = _select(value, node, dim(name, value))
        elif ends is not None and whole.is_edge_attr(name):
            part[name] = None if edge is None else _select(value, edge, dim(name, value))


def _incoming(store: Any, num_targets: int, num_sources: int, is_sorted: bool, of: str = "") -> Adjacency:  # noqa: FBT001
    """Rows of the targets of a Data, or of a store of HeteroData; ``of`` names the relation in errors."""
    if store.get("edge_index") is None:
        adj_t = store.get("adj_t")
        if adj_t is not None:
            return _rows_of(adj_t, (num_targets, num_sources) if of else None, of)
        warn_caller("data has neither edge_index nor adj_t, so the batches have no edges.")
        return Adjacency(torch.zeros(num_targets + 1, dtype=torch.int64), torch.zeros(0, dtype=torch.int64))
    edge_index = plain(store.edge_index).cpu()
    if edge_index.dim() != 2 or len(edge_index) != 2 or edge_index.dtype not in (torch.int32, torch.int64):
        raise ValueError(f"edge_index{of} must be an integer tensor of shape (2, n), got {describe(edge_index)}.")
    source, target = edge_index
    if of:
        check_rows(f"the sources edge_index[0]{of}", source, num_sources)
        check_rows(f"the targets edge_index[1]{of}", target, num_targets)
    if not is_sorted:
        return Adjacency.from_edges(target, source, num_rows=num_targets, num_cols=num_sources)
    if bool((target[1:] < target[:-1]).any()):
        raise ValueError(f"is_sorted is True, but the targets edge_index[1]{of} do not ascend.")
    check_rows("edge_index", target, num_targets)
    offsets = torch.searchsorted(target.contiguous(), torch.arange(num_targets + 1, dtype=target.dtype))
    return Adjacency(offsets.long(), source.contiguous(), num_cols=num_sources)


def _stored_rows(row: Tensor, offsets: Tensor, permutation: Any, num_targets: int, num_sources: int) -> Adjacency:
    offsets = torch.cat([offsets, offsets[-1:].expand(num_targets + 1 - len(offsets))]).long()
    adj = Adjacency(offsets, plain(row).contiguous(), num_cols=num_sources)
    adj.permutation = permutation
    return adj


def plain(tensor: Tensor) -> Tensor:
    """The tensor without a subclass: PyG's EdgeIndex and Index wrap another tensor and own no memory."""
    if hasattr(tensor, "as_tensor"):
        tensor = tensor.as_tensor()
    return tensor if type(tensor) is Tensor else tensor.as_subclass(Tensor)


def tensor_of(values: Any) -> Tensor:
    """Numbers as a plain tensor; torch takes no array that is read-only."""
    if isinstance(values, np.ndarray) and not values.flags.writeable:
        values = values.copy()
    return plain(torch.as_tensor(values))


def _cpu(times: Any) -> Tensor:
    return tensor_of(times).detach().cpu()


def _rows_of(adj_t: Any, shape: tuple[int, int] | None, of: str) -> Adjacency:
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
    if shape is None and size[0] != size[1]:
        raise ValueError(f"adj_t must be square, got {size[0]} x {size[1]}.")
    if shape is not None and size != shape:
        raise ValueError(f"adj_t{of} must be {shape[0]} x {shape[1]}, got {size[0]} x {size[1]}.")
    return Adjacency(offsets.cpu().long(), columns.cpu().contiguous(), num_cols=size[1])


def _adj_t(whole: Any, ends: tuple[Tensor, Tensor], edge: Tensor | None, num_nodes: tuple[int, int]) -> Any:
    """The sampled part of ``adj_t``, of the same kind, between numbers of sources and targets."""
    size, (row, col) = num_nodes[::-1], ends
    if not isinstance(whole, Tensor):
        value = whole.csr()[2]
        value = None if value is None or edge is None else value[edge.to(value.device)]
        return type(whole)(row=col, col=row, value=value, sparse_sizes=size)
    matrix = whole.to_sparse_csr()
    values = matrix.values()
    values = values.new_ones(len(row)) if edge is None else values[edge.to(values.device)]
    indices = torch.stack([col, row]).to(values.device)
    part = torch.sparse_coo_tensor(indices, values, size, check_invariants=False)
    return part if whole.layout is torch.sparse_coo else part.to_sparse(layout=whole.layout)


def _select(value: Any, index: Tensor, dim: int) -> Any:
    if isinstance(value, Tensor):
        return plain(value).index_select(dim, index.to(value.device))
    if isinstance(value, np.ndarray):
        return torch.from_numpy(value.take(index.numpy(), axis=dim))
    return [value[i] for i in index.tolist()]
