"""``RelationalConv``: the convolution of R-GCN, without a pass over the graph for each relation."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import nn

from graphrep._checks import checked_int
from graphrep.graph import Graph
from graphrep.nn.generators import current_generator
from graphrep.nn.layers import linear
from graphrep.ops.adjacency import Adjacency, describe, group_by_key, shared
from graphrep.ops.sparse_dense import spmm

__all__ = ["RelationalConv", "TypedAdjacency"]

Tensor = torch.Tensor


class TypedAdjacency:
    r"""Arcs of several relations, sorted once for :class:`RelationalConv`. Messages flow from source to target.

    Parameters
    ----------
    edge_index : int tensor of shape (2, num_arcs)
        Sources and targets, as in torch_geometric.
    edge_type : int tensor of shape (num_arcs,)
        Relation of each arc, from 0.
    num_nodes : int, or pair of int
        Number of nodes; or of sources and of targets, which then are nodes of two kinds.
    num_relations : int, optional
        Default: the largest relation + 1.
    weights : floating tensor of shape (num_arcs,), optional
        Factors of the messages.

    Attributes
    ----------
    num_sources, num_targets, num_relations, num_arcs, num_groups : int
        A group consists of the arcs of one relation to one target.

    Raises
    ------
    TypeError, ValueError, IndexError
        Shapes or dtypes disagree, or an id is out of range.

    Notes
    -----
    Time and memory O(num_arcs + num_nodes + num_relations), by counting sorts.

    Examples
    --------
    >>> import torch
    >>> from graphrep.nn import TypedAdjacency
    >>> TypedAdjacency(torch.tensor([[0, 1, 2], [2, 2, 0]]), torch.tensor([0, 0, 1]), 3)
    TypedAdjacency(sources=3, targets=3, relations=2, arcs=3, groups=2)
    """

    def __init__(
        self,
        edge_index: Tensor,
        edge_type: Tensor,
        num_nodes: int | tuple[int, int],
        *,
        num_relations: int | None = None,
        weights: Tensor | None = None,
    ) -> None:
        for name, ids, shape in (("edge_index", edge_index, (2, -1)), ("edge_type", edge_type, (-1,))):
            good = isinstance(ids, Tensor) and not ids.is_floating_point() and ids.dim() == len(shape)
            if not good or ids.dtype is torch.bool or shape[0] not in (-1, len(ids)):
                wanted = "(2, num_arcs)" if len(shape) == 2 else "(num_arcs,)"
                raise TypeError(f"{name} must be an integer tensor of shape {wanted}, got {describe(ids)}.")
        if len(edge_type) != edge_index.shape[1]:
            raise ValueError(f"edge_type must have an entry per arc, {edge_index.shape[1]}; got {len(edge_type)}.")
        if weights is not None and (weights.shape != edge_type.shape or not weights.is_floating_point()):
            raise ValueError(f"weights must have shape ({len(edge_type)},) and be floating, got {describe(weights)}.")
        sizes = num_nodes if isinstance(num_nodes, tuple) else (num_nodes, num_nodes)
        self.num_sources, self.num_targets = (checked_int("num_nodes", size, 0) for size in sizes)
        source, target = edge_index.long()
        kind = edge_type.long()
        if num_relations is None:
            num_relations = int(kind.max()) + 1 if len(kind) else 0
        self.num_relations = checked_int("num_relations", num_relations, 0)
        for name, ids, count in (
            ("sources", source, self.num_sources),
            ("targets", target, self.num_targets),
            ("edge_type", kind, self.num_relations),
        ):
            if len(ids) and (int(ids.min()) < 0 or int(ids.max()) >= count):
                raise IndexError(f"{name} must lie in [0, {count}), got {int(ids.min())} … {int(ids.max())}.")
        indptr, by_target = group_by_key(target, None, self.num_targets)
        order = group_by_key(kind, by_target, self.num_relations)[1]  # by relation, then by target
        begins = kind.new_ones(len(kind), dtype=torch.bool)
        sorted_kind, sorted_target = kind[order], target[order]
        begins[1:] = (sorted_kind.diff() != 0) | (sorted_target.diff() != 0)
        first = begins.nonzero().view(-1)
        ends = torch.cat([first, first.new_tensor([len(kind)])])
        self._kind, self._kind_of_group = kind[by_target], sorted_kind[first]
        self._sizes = torch.bincount(self._kind_of_group, minlength=self.num_relations).tolist()
        w = None if weights is None else weights.detach()
        # Rows by group: sums of messages before they meet the weights of their relation.
        self._groups = Adjacency(ends, source[order], None if w is None else w[order], num_cols=self.num_sources)
        # Rows by target: messages that have met theirs.
        self._arcs = Adjacency(indptr, source[by_target], num_cols=self.num_sources)
        self._members = Adjacency.from_edges(
            sorted_target[first],
            torch.arange(len(first), device=kind.device),
            num_rows=self.num_targets,
            num_cols=len(first),
        )
        total = ends.diff() if w is None else torch.zeros(len(first), dtype=torch.float64, device=kind.device)
        group = begins.cumsum(0) - 1
        if w is not None:
            total = total.index_add(0, group, w[order].double())
        self._inverse = 1 / total.double()
        of_arc = torch.empty_like(group)
        of_arc[order] = group
        self._group_of_arc = of_arc[by_target]
        self._weights = None if w is None else w[by_target]

    @classmethod
    def from_graph(cls, graph: Graph, *, inverse: bool = False) -> TypedAdjacency:
        """Arcs of a Graph with types of edges, and its weights.

        ``inverse`` adds every arc reversed, of relation r + len(graph.edge_types), so that messages flow both ways.
        """
        if graph.edge_type is None or graph.edge_types is None:
            raise ValueError("the graph has no types of edges; give edge_type= to as_graph.")
        ends, kind = torch.from_numpy(graph.edge_index()), torch.from_numpy(graph.edge_type.astype("int64"))
        weights, count = None if graph.weights is None else shared(graph.weights), len(graph.edge_types)
        if inverse:
            if not graph.directed:
                raise ValueError("inverse must be False for an undirected graph, which has both directions.")
            ends, kind = torch.cat([ends, ends.flip(0)], dim=1), torch.cat([kind, kind + count])
            weights, count = None if weights is None else weights.repeat(2), 2 * count
        return cls(ends, kind, graph.num_nodes, num_relations=count, weights=weights)

    @property
    def num_arcs(self) -> int:
        """Number of arcs."""
        return self._arcs.num_entries

    @property
    def num_groups(self) -> int:
        """Number of pairs of a relation and a target that have arcs."""
        return self._groups.num_rows

    def __repr__(self) -> str:
        ends = f"sources={self.num_sources}, targets={self.num_targets}, relations={self.num_relations}"
        return f"TypedAdjacency({ends}, arcs={self.num_arcs}, groups={self.num_groups})"


class RelationalConv(nn.Module):
    r"""Relational graph convolution (R-GCN): a weight matrix per relation.

    .. math::
        y_v = W_0^\top x_v + b + \sum_r \frac{1}{c_{v,r}} \sum_{u \xrightarrow{r} v} a_{uv}\, W_r^\top x_u,
        \qquad c_{v,r} = \sum_{u \xrightarrow{r} v} a_{uv} \text{ or } 1

    with :math:`a = 1` unless arcs have weights. With ``bases`` :math:`B`, :math:`W_r = \sum_{b \le B} \alpha_{rb} V_b`;
    with ``blocks`` :math:`B`, :math:`W_r` is block-diagonal with :math:`B` blocks.

    Parameters
    ----------
    in_channels, out_channels : int
    num_relations : int
    bases, blocks : int, optional
        At most one of them. ``blocks`` divides both widths.
    reduce : {"mean", "sum"}
        Normalization of each relation.
    root_weight : bool
        Whether nodes keep their own features, by :math:`W_0`.
    bias : bool

    Attributes
    ----------
    weight : parameter of shape (num_relations or bases, in_channels, out_channels)
        With blocks (num_relations, blocks, in_channels / blocks, out_channels / blocks).
    comp : parameter of shape (num_relations, bases), or None
        The coefficients of the bases.
    root, bias : parameters of shape (in_channels, out_channels) and (out_channels,), or None
        Names and shapes are those of ``torch_geometric.nn.RGCNConv``, so that either loads the other's ``state_dict``.

    Notes
    -----
    Let n be the nodes, m the arcs and g <= m the pairs of a relation and a target that have arcs. If
    2 * n * bases <= g, x is multiplied by the bases, and one sparse product with a coefficient per arc and basis sums
    the messages: time O(n * bases * in * out + m * bases * out), memory O((n * out + m) * bases). Otherwise one sparse
    product sums x over each pair, and the sums of a relation, which lie together, meet its weights: time
    O(m * in + g * in * out), divided by the number of blocks in the second term, memory O(g * (in + out)). No pass over
    the graph is made per relation, and no weights are gathered per arc. The result does not depend on the number of
    threads, except for the last digits of torch's dense products.

    References
    ----------
    Schlichtkrull et al. Modeling Relational Data with Graph Convolutional Networks. ESWC 2018, sections 2.1 and 2.2.

    Examples
    --------
    >>> import torch
    >>> import graphrep as gr
    >>> g = gr.as_graph([("ann", "knows", "bob"), ("cy", "likes", "bob")], edge_type=1)
    >>> conv = gr.nn.RelationalConv(4, 2, num_relations=2, bases=1)
    >>> conv(torch.ones(3, 4), g).shape
    torch.Size([3, 2])
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        num_relations: int,
        *,
        bases: int | None = None,
        blocks: int | None = None,
        reduce: str = "mean",
        root_weight: bool = True,
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.in_channels = checked_int("in_channels", in_channels, 1)
        self.out_channels = checked_int("out_channels", out_channels, 1)
        self.num_relations = checked_int("num_relations", num_relations, 1)
        self.bases = None if bases is None else checked_int("bases", bases, 1)
        self.blocks = None if blocks is None else checked_int("blocks", blocks, 1)
        if self.bases is not None and self.blocks is not None:
            raise ValueError(f"give bases or blocks, not both; got {bases} and {blocks}.")
        if self.blocks is not None and (in_channels % self.blocks or out_channels % self.blocks):
            raise ValueError(f"blocks must divide both widths, {in_channels} and {out_channels}; got {blocks}.")
        if reduce not in ("mean", "sum"):
            raise ValueError(f"reduce must be 'mean' or 'sum', got {reduce!r}.")
        self.reduce = reduce
        shape: tuple[int, ...] = (self.bases or self.num_relations, self.in_channels, self.out_channels)
        if self.blocks is not None:
            shape = (self.num_relations, self.blocks, self.in_channels // self.blocks, self.out_channels // self.blocks)
        self.weight = nn.Parameter(torch.empty(shape))
        self.comp = None if self.bases is None else nn.Parameter(torch.empty(self.num_relations, self.bases))
        self.root = nn.Parameter(torch.empty(self.in_channels, self.out_channels)) if root_weight else None
        self.bias = nn.Parameter(torch.empty(self.out_channels)) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Glorot weights and zero bias, as in torch_geometric, from the current generator."""
        for part in (self.weight, self.comp, self.root):
            if part is not None:
                bound = math.sqrt(6 / (part.shape[-2] + part.shape[-1]))
                nn.init.uniform_(part, -bound, bound, generator=current_generator())
        if self.bias is not None:
            nn.init.zeros_(self.bias)

    def forward(self, x: Any, graph: Any, edge_type: Tensor | None = None) -> Tensor:
        """Vectors of the targets, shape (num_targets, out_channels).

        Parameters
        ----------
        x : floating tensor of shape (num_nodes, in_channels), or pair of tensors
            A pair has the features of the sources and of the targets.
        graph : TypedAdjacency, Graph with types of edges, or ``edge_index`` of shape (2, num_arcs) with ``edge_type``
            Messages flow from source to target. A Graph keeps what is sorted for it; for tensors that is done in every
            call, which a :class:`TypedAdjacency` avoids.
        """
        sources, targets = x if isinstance(x, tuple) else (x, x)
        adj = self._adjacency(graph, edge_type, (len(sources), len(targets)))
        for name, part, rows in (("sources", sources, adj.num_sources), ("targets", targets, adj.num_targets)):
            if part.shape != (rows, self.in_channels):
                raise ValueError(f"x of the {name} must have shape ({rows}, {self.in_channels}), got {describe(part)}.")
        if adj.num_relations > self.num_relations:
            raise ValueError(f"the graph has {adj.num_relations} relations, but num_relations is {self.num_relations}.")
        by_basis = self.comp is not None and 2 * len(self.weight) * adj.num_sources <= adj.num_groups
        out = self._by_basis(sources, adj) if by_basis else self._by_group(sources, adj)
        if self.root is not None:
            out = out + linear(targets, self.root.T)
        return out if self.bias is None else out + self.bias

    def _adjacency(self, graph: Any, edge_type: Tensor | None, sizes: tuple[int, int]) -> TypedAdjacency:
        if isinstance(graph, TypedAdjacency):
            return graph
        if isinstance(graph, Graph):
            if "typed adjacency" not in graph._cache:
                graph._cache["typed adjacency"] = TypedAdjacency.from_graph(graph)
            adj: TypedAdjacency = graph._cache["typed adjacency"]
            return adj
        if edge_type is None:
            raise TypeError(f"edge_type must be given with an edge_index, got {describe(graph)} alone.")
        return TypedAdjacency(graph, edge_type, sizes, num_relations=self.num_relations)

    def _by_basis(self, x: Tensor, adj: TypedAdjacency) -> Tensor:
        """A sparse product of the products with the bases."""
        assert self.comp is not None
        basis = linear(x, self.weight.transpose(1, 2).reshape(-1, self.in_channels))
        coefficient = self.comp.index_select(0, adj._kind)
        scale = adj._weights
        if self.reduce == "mean":
            inverse = adj._inverse.index_select(0, adj._group_of_arc)
            scale = inverse if scale is None else inverse * scale
        if scale is not None:
            coefficient = coefficient * scale.to(coefficient.dtype)[:, None]
        heads: Tensor = spmm(adj._arcs.with_values(coefficient), basis.view(len(x), -1, self.out_channels))
        return heads.sum(1)

    def _by_group(self, x: Tensor, adj: TypedAdjacency) -> Tensor:
        """Products of the sums over each pair of a relation and a target."""
        groups, values = adj._groups, adj._groups.values
        if values is not None:
            groups = groups.with_values(values.to(x.dtype))
        summed: Tensor = spmm(groups, x, "mean" if self.reduce == "mean" and values is None else "sum")
        if self.reduce == "mean" and values is not None:
            summed = summed * adj._inverse.to(x.dtype)[:, None]
        weight: Tensor = self.weight
        if self.comp is not None:
            weight = torch.einsum("rb,bio->rio", self.comp, weight)
        present = [r for r, size in enumerate(adj._sizes) if size]
        parts = torch.split(summed, [adj._sizes[r] for r in present])
        matrices = weight.unbind(0)
        products = [self._times(part, matrices[r]) for part, r in zip(parts, present, strict=False)]
        if not products:
            return x.new_zeros(adj.num_targets, self.out_channels)
        out: Tensor = spmm(adj._members, torch.cat(products))
        return out

    def _times(self, part: Tensor, matrix: Tensor) -> Tensor:
        if matrix.dim() == 2:
            return linear(part, matrix.T)
        return torch.einsum("pbi,bio->pbo", part.view(len(part), *matrix.shape[:2]), matrix).flatten(1)

    def extra_repr(self) -> str:
        """Arguments shown in ``repr``."""
        text = f"{self.in_channels}, {self.out_channels}, num_relations={self.num_relations}"
        for name in ("bases", "blocks"):
            text += "" if getattr(self, name) is None else f", {name}={getattr(self, name)}"
        return text + (", reduce='sum'" if self.reduce == "sum" else "")
