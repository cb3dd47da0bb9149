"""Propagation to a part of the nodes: from sampled neighbors of some, or from all neighbors of a range of rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch

from graphrep.nn.generators import random_seed
from graphrep.ops.adjacency import Adjacency, Structure
from graphrep.ops.normalization import row_sums
from graphrep.ops.sampling import sample_neighbors
from graphrep.ops.sparse_dense import spmm

__all__ = ["Block", "row_blocks", "sample_blocks"]

Tensor = torch.Tensor

_ROWS, _ENTRIES = 1 << 16, 1 << 22  # of a block of rows


@dataclass(eq=False)
class Block:
    """One step of propagation to some nodes, a rectangular matrix.

    Attributes
    ----------
    adj : Adjacency
        A row for each node that is computed, a column for each node that is read.
    reduce : {"sum", "mean", "max"}
    own : float32 tensor of shape (num_rows,), optional
        Weights of the vectors that the rows themselves had.
    begin : int
        Column of the first row; the others follow.
    nodes : int64 tensor of shape (num_cols,), optional
        Numbers of the nodes that are read, in the whole graph, on which their dropout depends.

    Examples
    --------
    >>> import torch
    >>> import graphrep as gr
    >>> halves = torch.tensor([0.5, 0.5])
    >>> mean = gr.ops.Adjacency(torch.tensor([0, 2]), torch.tensor([1, 2]), halves, num_cols=3)
    >>> gr.nn.Block(mean).propagate(torch.tensor([[1.0], [2.0], [4.0]]))
    tensor([[3.]])
    """

    adj: Adjacency
    reduce: str = "sum"
    own: Tensor | None = None
    begin: int = 0
    nodes: Tensor | None = None

    def rows_of(self, x: Tensor) -> Tensor:
        """The rows of ``x``, which has a row per column, that belong to the rows."""
        return x[self.begin : self.begin + self.adj.num_rows]

    def propagate(self, x: Tensor) -> Tensor:
        """Tensor of shape (num_rows, columns) of one of shape (num_cols, columns)."""
        values = self.adj.values
        adj = self.adj if values is None else self.adj.with_values(values.to(x.dtype))
        out: Tensor = spmm(adj, x, self.reduce)
        return out if self.own is None else out.addcmul_(self.own.to(x.dtype)[:, None], self.rows_of(x))


def sample_blocks(
    adj: Adjacency, nodes: Tensor, neighbors: Sequence[int], kind: str, removed: Tensor | None = None
) -> tuple[Tensor, list[Block]]:
    r"""Blocks of layers that compute vectors of ``nodes`` from sampled neighbors.

    In every layer, :math:`k_v = \min(k, d_v)` of the :math:`d_v` entries of row :math:`v` are drawn without
    replacement, independently of the other layers, and weigh :math:`d_v / k_v` times as much as in the whole graph.
    Removed edges among them weigh nothing, and the normalization is that of the graph without them. So each layer is in
    expectation the propagation in that graph, and so is a sequence of layers that are linear.

    Parameters
    ----------
    adj : Adjacency
        Square and symmetric, without values and repeated entries.
    nodes : int64 tensor of shape (num_nodes,)
        Distinct.
    neighbors : sequence of int
        :math:`k` for each layer, the last layer first; -1: all.
    kind : {"gcn", "mean", "sum"}
        As in :func:`graphrep.ops.propagate`.
    removed : int64 tensor of shape (2, num_removed), optional
        Edges of the graph, which may repeat; both directions are removed.

    Returns
    -------
    nodes : int64 tensor
        The nodes that the first layer reads: ``nodes``, then others.
    blocks : list of Block
        In the order of computation.

    Notes
    -----
    The sample of a node and its dropout in an :class:`Encoder` are functions of the state of the current generator, the
    layer and the node, so that processes that need some of the nodes compute what one process computes for them. Time
    and memory are proportional to the sample and the number of nodes, not to the number of edges.

    References
    ----------
    Hamilton, Ying, Leskovec. Inductive Representation Learning on Large Graphs. NeurIPS 2017, algorithm 2, whose means
    are over the sample. Horvitz, Thompson. A Generalization of Sampling Without Replacement from a Finite Universe.
    Journal of the American Statistical Association 1952, for the weights.

    Examples
    --------
    >>> import torch
    >>> import graphrep as gr
    >>> star = gr.ops.as_adjacency(gr.as_graph([[0, 0, 0], [1, 2, 3]], directed=False))
    >>> nodes, blocks = gr.nn.sample_blocks(star, torch.tensor([0]), [2], "sum")
    >>> len(nodes), blocks[0].propagate(torch.ones(len(nodes), 1))
    (3, tensor([[3.]]))
    """
    n, degree = adj.num_rows, adj.degree()
    left, keys = degree, None
    if removed is not None:
        keys = torch.unique(torch.cat([removed[0] * n + removed[1], removed[1] * n + removed[0]]))
        gone = torch.bincount(keys // n, minlength=n)
        left = degree - gone
    scale = (1 + left).float().rsqrt()
    blocks = []
    for count in neighbors:
        part = sample_neighbors(adj, nodes, [count], seed=random_seed())
        full = degree.index_select(0, nodes)
        taken = full if count < 0 else full.clamp(max=count)
        of_row = full / taken.clamp(min=1)
        own = None
        if kind == "mean":
            of_row = of_row / left.index_select(0, nodes).clamp(min=1)
        elif kind == "gcn":
            of_row = of_row * scale.index_select(0, nodes)
            own = scale.index_select(0, nodes).square()
        values = of_row.index_select(0, part.col)
        if kind == "gcn":
            values = values * scale.index_select(0, part.node).index_select(0, part.row)
        if keys is not None and len(keys):
            near = (gone.index_select(0, nodes) > 0).index_select(0, part.col).nonzero().squeeze(1)
            ends = nodes.index_select(0, part.col[near]), part.node.index_select(0, part.row[near])
            of_entry = ends[0] * n + ends[1]
            place = torch.searchsorted(keys, of_entry).clamp(max=len(keys) - 1)
            values[near[keys[place] == of_entry]] = 0
        indptr = torch.zeros(len(nodes) + 1, dtype=torch.int64, device=nodes.device)
        torch.cumsum(taken, 0, out=indptr[1:])
        structure = Structure(indptr, part.row, len(part.node))
        nodes = part.node
        blocks.append(Block(Adjacency._of(structure, values, None), own=own, nodes=nodes))
    return nodes, blocks[::-1]


def row_blocks(adj: Adjacency, kind: str) -> Iterator[Block]:
    """Blocks of successive rows, with all columns, that together are :func:`graphrep.ops.propagate`.

    Parameters
    ----------
    adj : Adjacency
        Square; its values, if any, weigh its entries.
    kind : {"gcn", "mean", "sum", "max"}
    """
    n, sums = adj.num_rows, None
    if kind == "gcn" or (kind == "mean" and adj.values is not None):
        sums = row_sums(adj)
    begin = 0
    while begin < n:
        last = int(torch.searchsorted(adj.indptr, adj.indptr[begin] + _ENTRIES, right=True)) - 1
        end = min(max(last, begin + 1), begin + _ROWS, n)
        entries = slice(int(adj.indptr[begin]), int(adj.indptr[end]))
        structure = Structure(adj.indptr[begin : end + 1] - entries.start, adj.indices[entries], n)
        part = Adjacency._of(structure, None if adj.values is None else adj.values[entries], None)
        own, reduce = None, "sum" if kind == "gcn" or sums is not None else kind
        if sums is not None:
            rows = part.rows()
            values = torch.ones(part.num_entries, device=adj.device) if part.values is None else part.values
            if kind == "gcn":
                scale = (1 + sums).rsqrt()
                own = scale[begin:end].square()
                values = values * scale[begin:end].index_select(0, rows) * scale.index_select(0, part.indices)
            else:
                values = values / sums[begin:end].clamp(min=1e-12).index_select(0, rows)
            part = part.with_values(values)
        yield Block(part, reduce, own, begin)
        begin = end
