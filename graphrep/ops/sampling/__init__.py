"""Samples of neighbours over several hops: the subgraphs that mini-batches are computed on."""

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
    """A sampled subgraph; edges ``row -> col`` point towards the seeds, as PyG's loaders have them.

    Attributes
    ----------
    node : int64 tensor of shape (num_nodes,)
        Ids in the whole graph: the seeds in their order, then others in the order in which they were met.
    row, col : int64 tensors of shape (num_edges,)
        Places in ``node`` of the sampled neighbour and of the node that it was sampled for. ``col`` ascends.
    edge : int64 tensor of shape (num_edges,)
        The edge: its number in the list that the adjacency was made from, or its place among the entries.
    num_sampled_nodes : list of int
        Seeds, then the nodes that each hop added.
    num_sampled_edges : list of int
        Edges of each hop.
    """

    node: Tensor
    row: Tensor
    col: Tensor
    edge: Tensor
    num_sampled_nodes: list[int]
    num_sampled_edges: list[int]

    def adjacency(self) -> Adjacency:
        """Sampled subgraph as a square Adjacency over ``node``: row ``v`` holds the neighbours sampled for ``v``."""
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
    seed: Any = None,
    batch: int = 0,
) -> NeighborSample:
    r"""Sample neighbours of the seeds, then neighbours of those, and so on.

    Every node is expanded once, in the hop after it was first met. Its row holds what it aggregates (see
    :class:`Adjacency`): from a PyG ``edge_index``, the sources of its incoming edges.

    Parameters
    ----------
    adj : Adjacency, Graph or anything :func:`graphrep.ops.as_adjacency` takes
        Square. On a GPU the sample is drawn and stays there.
    seeds : int32 or int64 tensor or array of shape (num_seeds,)
        Repeats are kept, each with the same neighbours.
    num_neighbors : sequence of int
        Neighbours per node in each hop; -1: all. A row is taken whole where it has no more, unless with replacement.
    replace : bool
        Draw with replacement.
    weighted : bool
        Draw in proportion to ``adj.values`` (float32 or float64, not negative). Entries of weight 0 are never drawn.
        Without replacement this is successive sampling: the next in proportion to weight among those left.
    seed : int, optional
        Default: another one at every call.
    batch : int
        Which batch this is; batches of one seed are independent.

    Returns
    -------
    NeighborSample

    Raises
    ------
    TypeError, ValueError, IndexError
        Seeds of another dtype or shape or out of range; a matrix that is not square; no values to draw by, or
        one that is negative or not finite in a row that was sampled.

    Notes
    -----
    Random numbers are a function of (seed, batch, hop, node): the number of threads changes nothing, nor does the
    device, unless two keys of a weighted draw without replacement are equal but for rounding. Uniform draws without
    replacement follow Floyd, O(k) for each node; weighted ones take the ``k`` smallest of exponential keys
    :math:`-\log(u_e) / w_e` [1]_, O(degree). Local numbers come from a hash map of the size of the sample: no work or
    memory follows the number of nodes of the graph.

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
        raise ValueError(f"neighbours can only be sampled from a square matrix, got {a.num_rows} x {a.num_cols}.")
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
        raise ValueError(f"values must be finite and not negative to sample by, but those of row {bad} are not.")
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
