"""Neighbor sampling on a GPU: draws with Triton kernels, local numbers with torch's sort.

Random numbers and sums are those of the native kernel, so that a GPU draws the same neighbors as a CPU. Only the
logarithm of weighted draws without replacement may differ in its last bit, which matters if two keys of a row are that
close. If more than ``WIDEST`` neighbors have to be drawn from a longer row, too many for one program to hold, the
reference runs on the CPU. Disjoint samples and those with times are drawn on the CPU, from a copy of the graph.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import triton

from graphrep._random import stream_key
from graphrep.ops._triton import on_device_of
from graphrep.ops.sampling import cpu, reference
from graphrep.ops.sampling import triton_kernels as kernels
from graphrep.ops.sampling.relations import Edges, Nodes, Relation, Task

Tensor = torch.Tensor

WIDEST = 2048
TILE = 1024  # number of targets times number of draws of a program


def sample(seeds: Sequence[Tensor], relations: Sequence[Relation], task: Task) -> tuple[int, list[Nodes], list[Edges]]:
    """Returns a node with invalid weights or -1, then the sample: see :func:`graphrep.ops.sampling.draw`."""
    if task.disjoint or len(relations) != 1:
        bad, nodes, edges = cpu.sample(*_moved((seeds, relations, task), torch.device("cpu")))
        device = relations[0].indptr.device
        return bad, _moved(nodes, device), _moved(edges, device)
    relation = relations[0]
    bad, *parts = _sample(
        relation.indptr,
        relation.indices,
        relation.edge_ids,
        relation.weights,
        seeds[0],
        list(relation.fanouts),
        task.replace,
        task.seed,
        task.batch,
    )
    if bad >= 0:
        return bad, [], []
    node, row, col, edge, num_nodes, num_edges = parts
    return -1, [Nodes(node, None, num_nodes)], [Edges(row, col, edge, num_edges)]


def _moved(part: Any, device: torch.device) -> Any:
    if isinstance(part, Tensor):
        return part.to(device)
    if isinstance(part, (tuple, list)):
        moved = [_moved(inner, device) for inner in part]
        return type(part)(*moved) if hasattr(part, "_fields") else type(part)(moved)
    return part


def _sample(
    indptr: Tensor,
    indices: Tensor,
    edge_ids: Tensor | None,
    weights: Tensor | None,
    seeds: Tensor,
    fanouts: list[int],
    replace: bool,
    seed: int,
    batch: int,
) -> tuple[Any, ...]:
    nodes, begin = seeds, 0
    parts: list[tuple[Tensor, Tensor, Tensor]] = []
    num_nodes, num_edges = [len(seeds)], []
    for hop, fanout in enumerate(fanouts):
        targets = nodes[begin:]
        degree = indptr.index_select(0, targets + 1) - indptr.index_select(0, targets)
        if not (replace and fanout >= 0) and fanout > WIDEST and bool((degree > fanout).any()):
            relation = Relation(indptr, indices, edge_ids, weights, None, None, fanouts)
            task = Task(len(fanouts), replace, disjoint=False, last=False, seed_time=None, seed=seed, batch=batch)
            invalid, drawn_nodes, drawn_edges = reference.sample([seeds], [relation], task)
            if invalid >= 0:
                return (invalid,)
            return -1, drawn_nodes[0].node, *drawn_edges[0][:3], drawn_nodes[0].per_hop, drawn_edges[0].per_hop
        hop_key = int(stream_key(int(stream_key(seed, batch)), hop))
        of, place = _draw(indptr, weights, targets, degree, fanout, replace and fanout >= 0, hop_key)
        entry = indptr.index_select(0, targets.index_select(0, of)) + place
        if weights is not None:
            bad, kept = _usable(weights, entry, place)
            if bool(bad.any()):
                return (int(targets.index_select(0, of[bad]).min()),)
            of, entry = of[kept], entry[kept]
        row, fresh = _number(nodes, indices.index_select(0, entry).long())
        parts.append((row, of + begin, entry if edge_ids is None else edge_ids.index_select(0, entry).long()))
        begin = len(nodes)
        nodes = torch.cat([nodes, fresh])
        num_nodes.append(len(fresh))
        num_edges.append(len(row))
    none = seeds[:0]
    edges = (torch.cat([none, *columns]) for columns in zip(*parts, strict=True)) if parts else (none, none, none)
    return (-1, nodes.clone(), *edges, num_nodes, num_edges)


def _draw(
    indptr: Tensor,
    weights: Tensor | None,
    targets: Tensor,
    degree: Tensor,
    fanout: int,
    replace: bool,
    hop_key: int,
) -> tuple[Tensor, Tensor]:
    """Target of every draw and the position within its row; negative positions mean no draw."""
    longest = fanout if fanout >= 0 else None
    number = torch.where(degree > 0, fanout, 0) if replace else degree.clamp(min=0, max=longest)
    first = torch.cat([number.new_zeros(1), number.cumsum(0)])
    draws = int(first[-1])
    of = torch.repeat_interleave(number, output_size=draws)
    place = torch.arange(draws, device=first.device) - first.index_select(0, of)  # for rows taken whole
    if not draws or fanout < 0 or (fanout > WIDEST and not replace):
        return of, place
    block_k = triton.next_power_of_2(min(fanout, WIDEST))
    block = min(max(TILE // block_k, 1), 64)
    size = {"BLOCK": block, "BLOCK_K": block_k, "num_warps": min(max(block * block_k // 256, 1), 8)}
    grid = triton.cdiv(len(targets), block)
    with on_device_of(targets):
        if weights is None and replace:
            kernels.repeated_kernel[(triton.cdiv(draws, 256),)](
                indptr, targets, first, of, place, hop_key, draws, BLOCK=256
            )
        elif weights is None:
            kernels.distinct_kernel[(grid,)](indptr, targets, first, place, hop_key, len(targets), fanout, **size)
        elif replace:
            kernels.weighted_repeated_kernel[(grid, triton.cdiv(fanout, block_k))](
                indptr, weights, targets, first, place, hop_key, len(targets), **size
            )
        else:
            kernels.weighted_distinct_kernel[(grid,)](
                indptr, weights, targets, first, place, hop_key, len(targets), fanout, **size
            )
    return of, place


def _usable(weights: Tensor, entry: Tensor, place: Tensor) -> tuple[Tensor, Tensor]:
    """Which draws have invalid weights, and which of the others are edges."""
    drawn = place >= 0
    weight = weights.index_select(0, torch.where(drawn, entry, 0))
    bad = (place == kernels.BAD.value) | (drawn & ~((weight >= 0) & weight.isfinite()))
    return bad, drawn & (weight > 0)


def _number(nodes: Tensor, ids: Tensor) -> tuple[Tensor, Tensor]:
    """Position of each id in ``nodes`` extended by the new ids, and these new ids in the order of their appearance."""
    everything = torch.cat([nodes, ids])
    unique, which = torch.unique(everything, return_inverse=True)
    position = torch.arange(len(everything), device=ids.device)
    met = position.new_full((len(unique),), len(everything)).scatter_reduce(0, which, position, "amin")
    new = met[met >= len(nodes)].sort().values
    local = torch.where(met < len(nodes), met, len(nodes) + torch.searchsorted(new, met))
    return local.index_select(0, which[len(nodes) :]), everything.index_select(0, new)
