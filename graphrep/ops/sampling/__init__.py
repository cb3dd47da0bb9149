"""Neighbor sampling over several hops: the subgraphs of mini-batch training."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch

from graphrep._arrays import check_rows
from graphrep._checks import checked_int, checked_ints
from graphrep._random import resolve_seed
from graphrep.ops.adjacency import Adjacency, as_adjacency, describe, group_by_key
from graphrep.ops.library import Implementations, checking
from graphrep.ops.sampling import cpu, reference
from graphrep.ops.sampling.relations import Edges, Nodes, Relation, Task

__all__ = [
    "Edges",
    "NeighborSample",
    "Nodes",
    "Relation",
    "Task",
    "draw",
    "induced_edges",
    "sample_neighbors",
    "time_keys",
    "time_order",
]

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
    example : int64 tensor of shape (num_nodes,) or None
        For a disjoint sample: position of the seed that each node was sampled for.
    """

    node: Tensor
    row: Tensor
    col: Tensor
    edge: Tensor
    num_sampled_nodes: list[int]
    num_sampled_edges: list[int]
    example: Tensor | None = None

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
    disjoint: bool = False,
    node_time: Any = None,
    edge_time: Any = None,
    seed_time: Any = None,
    last: bool = False,
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
    disjoint : bool
        Whether every seed gets a subgraph of its own: a node that two seeds reach is there twice, with other draws.
    node_time, edge_time : real tensor or array of shape (num_nodes,) or (num_edges,), optional
        At most one of them. Only neighbors, or edges, are drawn that are not later than the seed in whose subgraph they
        are; a sample with times is disjoint. ``edge_time`` is in the order of the edge numbers ``edge``.
    seed_time : real tensor or array of shape (num_seeds,), optional
        Times of the seeds; default ``node_time[seeds]``.
    last : bool
        With times: draw only from the latest ``num_neighbors`` entries of what the time allows. Of entries of the same
        time, later ones of the row count as later.
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
        weighted sampling, a value in a sampled row is negative or not finite, or times have a wrong shape, are NaN, or
        lack those of the seeds.

    Notes
    -----
    Random numbers are a function of (seed, batch, hop, node), and of the position of the seed if the sample is
    disjoint. The sample does not depend on the number of threads. It does not depend on the device either, unless two
    keys of a weighted draw without replacement differ only by rounding; disjoint samples are drawn on the CPU.

    Uniform draws without replacement use Floyd's algorithm, O(k) per node; weighted draws take the ``k`` smallest of
    the exponential keys :math:`-\log(u_e) / w_e` [1]_, O(degree). What a time allows is found in O(log degree), after
    the rows have been sorted by time, O(num_entries log num_entries) in every call; the loaders of
    :mod:`graphrep.loader` sort once. Local numbers come from a hash map of the size of the sample, so without times
    neither time nor memory depends on the number of nodes of the graph.

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
    fanouts = checked_ints("num_neighbors", num_neighbors, -1)
    nodes = _seeds(seeds, a)
    values = None
    if weighted:
        values = a.values
        if values is None or values.dim() != 1 or values.dtype not in (torch.float32, torch.float64):
            got = "none" if values is None else describe(values)
            raise ValueError(f"weighted sampling needs one float32 or float64 value per entry, got {got}.")
        values = values.detach().contiguous()
    entry_time, times = _checked_times(a, nodes, node_time, edge_time, seed_time)
    if last and entry_time is None:
        raise ValueError("last needs node_time or edge_time, got neither.")
    indptr, indices, edge_ids = a.indptr, a.indices, a.permutation
    if entry_time is not None:
        order = time_order(a, entry_time)
        edge_ids = order if edge_ids is None else edge_ids.index_select(0, order)
        indices, entry_time = indices.index_select(0, order), entry_time.index_select(0, order)
        values = None if values is None else values.index_select(0, order)
    task = Task(
        hops=len(fanouts),
        replace=bool(replace),
        disjoint=bool(disjoint) or entry_time is not None,
        last=bool(last),
        seed_time=times,
        seed=resolve_seed(seed),
        batch=checked_int("batch", batch, 0),
    )
    relation = Relation(indptr, indices, edge_ids, values, entry_time, None, fanouts)
    drawn, edges = draw([nodes], [relation], task)
    return NeighborSample(drawn[0].node, *edges[0][:3], drawn[0].per_hop, edges[0].per_hop, drawn[0].example)


def draw(seeds: Sequence[Tensor], relations: Sequence[Relation], task: Task) -> tuple[list[Nodes], list[Edges]]:
    """Sample a graph with several types of nodes and relations; all values have been checked, except weights.

    Parameters
    ----------
    seeds : sequence of int64 tensors
        Per type.
    relations : sequence of Relation
        Every hop expands them in this order.
    task : Task

    Returns
    -------
    list of Nodes, list of Edges
        Per type and per relation, as in :class:`NeighborSample`.

    Raises
    ------
    ValueError
        A weight in a sampled row is negative or not finite.
    """
    witness = relations[0].indptr if relations else seeds[0]
    bad, nodes, edges = implementations.kernel(witness, seeds, relations, task)
    if bad >= 0:
        raise ValueError(
            f"values must be finite and non-negative for weighted sampling, but in row {bad} they are not."
        )
    return nodes, edges


def induced_edges(
    nodes: Tensor, examples: Tensor | None, seed_time: Tensor | None, relation: Relation
) -> tuple[Tensor, Tensor, Tensor]:
    """All edges between the given nodes, on the CPU.

    Parameters
    ----------
    nodes : int64 tensor
        Checked rows of the relation, whose two types are the same.
    examples : int64 tensor or None
        The example of each node; edges are within examples.
    seed_time : int64 tensor or None
        The time of each example, beyond which the relation's times may not go.
    relation : Relation

    Returns
    -------
    row, col, edge : int64 tensors
        As in :class:`NeighborSample`. A repeated node is a target each time, and a source only where it comes first.
    """
    row, col, edge = induced_implementations.kernel(nodes, examples, seed_time, relation)
    return row, col, edge


def time_keys(*times: Any) -> list[Tensor]:
    """int64 tensors in the order of real numbers: the numbers themselves, or the ordered bits if some are floats.

    Raises
    ------
    TypeError, ValueError
        Complex or boolean times, or NaN.
    """
    parts = [part if isinstance(part, Tensor) else torch.as_tensor(np.asarray(part)) for part in times]
    for part in parts:
        if part.is_complex() or part.dtype is torch.bool:
            raise TypeError(f"times must be integers or floating-point numbers, got {describe(part)}.")
    if not any(part.is_floating_point() for part in parts):
        return [part.long().contiguous() for part in parts]
    keys = []
    for part in parts:
        if bool(part.isnan().any()):
            raise ValueError("times must not be NaN; give edges without a time a time before or after all others.")
        bits = (part.double() + 0.0).view(torch.int64)  # -0.0 becomes 0.0
        keys.append(torch.where(bits < 0, bits ^ torch.iinfo(torch.int64).max, bits))
    return keys


def time_order(adj: Adjacency, entry_time: Tensor) -> Tensor:
    """Order of the entries that sorts every row by time and leaves entries of the same time in their order."""
    _, order = group_by_key(adj.rows().contiguous(), entry_time.argsort(stable=True), adj.num_rows)
    return order  # type: ignore[no-any-return]


implementations = Implementations(
    "sample_neighbors",
    native=lambda witness, *args: cpu.sample(*args),
    reference=lambda witness, *args: reference.sample(*args),
    triton=lambda: _triton(),
)
induced_implementations = Implementations("induced_edges", native=cpu.induced, reference=reference.induced)


def _triton() -> Any:
    module = importlib.import_module("graphrep.ops.sampling.triton")
    return lambda witness, *args: module.sample(*args)


def _checked_times(
    adj: Adjacency, seeds: Tensor, node_time: Any, edge_time: Any, seed_time: Any
) -> tuple[Tensor | None, Tensor | None]:
    """Times of the entries and of the seeds, as keys on the device of the adjacency."""
    if node_time is None and edge_time is None:
        if seed_time is not None:
            raise ValueError("seed_time needs node_time or edge_time, got neither.")
        return None, None
    if node_time is not None and edge_time is not None:
        raise ValueError("node_time and edge_time exclude each other, got both.")
    if seed_time is None and edge_time is not None:
        raise ValueError("edge_time needs seed_time, got none.")
    name, given = ("node_time", node_time) if edge_time is None else ("edge_time", edge_time)
    keys = time_keys(given) if seed_time is None else time_keys(given, seed_time)
    keys = [key.to(adj.device) for key in keys]
    length = adj.num_rows if edge_time is None else adj.num_entries
    if keys[0].shape != (length,):
        raise ValueError(f"{name} must have shape ({length},), got {tuple(keys[0].shape)}.")
    times = keys[0].index_select(0, seeds) if seed_time is None else keys[1]
    if times.shape != seeds.shape:
        raise ValueError(f"seed_time must have shape ({len(seeds)},), got {tuple(times.shape)}.")
    if edge_time is None:
        return keys[0].index_select(0, adj.indices), times
    return adj.entry_order(keys[0]), times


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
