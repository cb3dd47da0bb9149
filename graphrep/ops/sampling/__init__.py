"""Neighbor sampling over several hops: the subgraphs of mini-batch training."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch

from graphrep._arrays import check_rows
from graphrep._checks import checked_int
from graphrep._random import resolve_seed
from graphrep.ops.adjacency import Adjacency, as_adjacency, describe
from graphrep.ops.library import Implementations, checking
from graphrep.ops.sampling import cpu, reference

__all__ = ["NeighborSample", "sample_neighbors"]

Tensor = torch.Tensor


class NeighborSample(NamedTuple):
    """A sampled subgraph; edges ``row -> col`` point toward the seeds, as in PyG's loaders.

    Attributes
    ----------
    node : int64 tensor of shape (num_nodes,)
        Ids in the whole graph: the seeds in their order, then the other nodes in the order of their discovery.
    row, col : int64 tensors of shape (num_edges,)
        Positions in ``node`` of the sampled neighbor and of the node that it was sampled for. ``col`` ascends.
    edge : int64 tensor of shape (num_edges,)
        Number of the edge in the list that the adjacency was made from, or else the position of the entry.
    num_sampled_nodes : list of int
        Number of seeds, then the number of nodes that each hop added.
    num_sampled_edges : list of int
        Number of edges of each hop.
    """

    node: Tensor
    row: Tensor
    col: Tensor
    edge: Tensor
    num_sampled_nodes: list[int]
    num_sampled_edges: list[int]

    def adjacency(self) -> Adjacency:
        """Sampled subgraph as a square Adjacency over ``node``: row ``v`` holds the neighbors sampled for ``v``."""
        n = len(self.node)
        indptr = torch.zeros(n + 1, dtype=torch.int64, device=self.col.device)
        torch.cumsum(torch.bincount(self.col, minlength=n), 0, out=indptr[1:])
        return Adjacency(indptr, self.row)


def sample_neighbors(
    adj: Any,
    seeds: Any,
    num_neighbors: Sequence[int],
    *,
    replace: bool = False,
    weighted: bool = False,
    seed: Any = 0,
    batch: int = 0,
) -> NeighborSample:
    r"""Sample neighbors of the seeds, then neighbors of those, and so on.

    Every node is expanded once, in the hop after its discovery. Its row holds the nodes that it aggregates (see
    :class:`Adjacency`): for a PyG ``edge_index``, the sources of its incoming edges.

    Parameters
    ----------
    adj : Adjacency, Graph or anything :func:`graphrep.ops.as_adjacency` takes
        Square. For an adjacency on a GPU the sample is drawn there and stays there.
    seeds : int32 or int64 tensor or array of shape (num_seeds,)
        Repeats are kept, each with the same neighbors.
    num_neighbors : sequence of int
        Number of neighbors per node in each hop; -1 takes all. Without replacement, a row that has no more entries than
        this is taken whole.
    replace : bool
        Whether to draw with replacement.
    weighted : bool
        Whether to draw in proportion to ``adj.values`` (float32 or float64, non-negative). Entries of weight 0 are
        never drawn. Without replacement this is successive sampling: each draw is in proportion to weight among the
        remaining entries.
    seed : int or None
        None uses a new seed in every call.
    batch : int
        Number of the batch; the batches of one seed are independent.

    Returns
    -------
    NeighborSample

    Raises
    ------
    TypeError, ValueError, IndexError
        Seeds have a wrong dtype or shape or are out of range, the matrix is not square, there are no values for
        weighted sampling, or a value in a sampled row is negative or not finite.

    Notes
    -----
    Random numbers are a function of (seed, batch, hop, node). The sample does not depend on the number of threads. It
    does not depend on the device either, unless two keys of a weighted draw without replacement differ only by
    rounding. Uniform draws without replacement use Floyd's algorithm, O(k) per node; weighted draws take the ``k``
    smallest of the exponential keys :math:`-\log(u_e) / w_e` [1]_, O(degree). Local numbers come from a hash map of the
    size of the sample, so neither time nor memory depends on the number of nodes of the graph.

    References
    ----------
    .. [1] Efraimidis, Spirakis: "Weighted random sampling with a reservoir", Information Processing Letters 97, 2006.
    .. [2] Hamilton, Ying, Leskovec: "Inductive Representation Learning on Large Graphs", NeurIPS 2017, algorithm 2.

    Examples
    --------
    >>> import graphrep as gr
    >>> star = gr.as_graph([[0, 0, 0, 3], [1, 2, 3, 4]], directed=False)
    >>> sample = gr.ops.sample_neighbors(star, [1], [2, -1], seed=0)
    >>> sample.node
    tensor([1, 0, 2, 3])
    >>> sample.row, sample.col
    (tensor([1, 0, 2, 3]), tensor([0, 1, 1, 1]))
    >>> sample.num_sampled_nodes, sample.num_sampled_edges
    ([1, 1, 2], [1, 3])
    """
    a = as_adjacency(adj)
    if a.num_rows != a.num_cols:
        raise ValueError(f"adj must be square for neighbor sampling, got {a.num_rows} x {a.num_cols}.")
    fanouts = [checked_int("num_neighbors", k, -1) for k in num_neighbors]
    nodes = _seeds(seeds, a)
    values = None
    if weighted:
        values = a.values
        if values is None or values.dim() != 1 or values.dtype not in (torch.float32, torch.float64):
            got = "none" if values is None else describe(values)
            raise ValueError(f"weighted sampling needs one float32 or float64 value per entry, got {got}.")
        values = values.detach().contiguous()
    key, batch = resolve_seed(seed), checked_int("batch", batch, 0)
    bad, *parts = implementations.kernel(
        a.indptr, a.indices, a.permutation, values, nodes, fanouts, bool(replace), key, batch
    )
    if bad >= 0:
        raise ValueError(
            f"values must be finite and non-negative for weighted sampling, but in row {bad} they are not."
        )
    return NeighborSample(*parts)


implementations = Implementations(
    "sample_neighbors",
    native=cpu.sample_neighbors,
    reference=reference.sample_neighbors,
    triton=lambda: importlib.import_module("graphrep.ops.sampling.triton").sample_neighbors,
)


def _seeds(seeds: Any, adj: Adjacency) -> Tensor:
    nodes = seeds if isinstance(seeds, Tensor) else torch.from_numpy(np.ascontiguousarray(seeds))
    if not nodes.numel():
        nodes = nodes.long()
    if nodes.dim() != 1:
        raise ValueError(f"seeds must have shape (num_seeds,), got {tuple(nodes.shape)}.")
    if nodes.dtype not in (torch.int32, torch.int64):
        raise TypeError(f"seeds must be int32 or int64 node numbers, got {describe(nodes)}.")
    nodes = nodes.to(adj.device).long().contiguous()
    if checking():
        check_rows("seeds", nodes, adj.num_rows)
    return nodes
