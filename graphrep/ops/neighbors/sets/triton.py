"""Neighbor sets of pairs with Triton kernels: the entries of the shorter row are searched in the longer one.

Sets are counted first and written second, so that only the ids are stored. Random numbers are those of the native
kernel: a GPU draws the same nodes as a CPU.
"""

from __future__ import annotations

import math
from typing import Any

import torch
import triton

from graphrep.ops._triton import accumulator, on_device_of
from graphrep.ops.adjacency import transposed_entries
from graphrep.ops.neighbors.sets import triton_kernels as kernels
from graphrep.ops.sparse_dense import triton as rows

Tensor = torch.Tensor


def count(
    indptr: Tensor, indices: Tensor, pairs: Tensor, removed: Tensor | None, both: bool, difference: bool
) -> Tensor:
    """See :func:`graphrep.ops.intersection_count`."""
    return _Job(indptr, indices, pairs, removed, both, difference).count()


def collect(
    indptr: Tensor,
    indices: Tensor,
    pairs: Tensor,
    removed: Tensor | None,
    both: bool,
    difference: bool,
    limit: int = 0,
    seed: int = 0,
) -> tuple[Tensor, Tensor, Tensor]:
    """See :func:`graphrep.ops.neighbor_intersection`: offsets, ids, and weights (empty without a limit)."""
    job = _Job(indptr, indices, pairs, removed, both, difference)
    counts = job.count()
    offsets = torch.cat([counts.new_zeros(1), counts.cumsum(0)])
    ids = indices.new_empty(int(offsets[-1]))
    if len(ids):
        job.fill(offsets, ids)
    if limit:
        return _sample(offsets, counts, ids, job.operands[2], limit, seed)
    return offsets, ids, torch.empty(0, device=ids.device)


def _sample(
    offsets: Tensor, counts: Tensor, ids: Tensor, pairs: Tensor, limit: int, seed: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Replace sets above the limit by the drawn members, each once, weighted by its number of draws."""
    large = counts > limit
    drawn_for = large.nonzero().view(-1)
    entries = offsets.index_select(0, drawn_for)[:, None] + _draw(pairs, drawn_for, counts, limit, seed)
    times = torch.bincount(entries.view(-1), minlength=len(ids))
    sampled, size = (torch.repeat_interleave(part, counts, output_size=len(ids)) for part in (large, counts))
    kept = ~sampled | (times > 0)
    weights = torch.where(sampled, times.double() * size / limit, 1)[kept].float()
    return torch.cat([offsets[:1], kept.cumsum(0)]).index_select(0, offsets), ids[kept], weights


def _draw(pairs: Tensor, drawn_for: Tensor, counts: Tensor, limit: int, seed: int) -> Tensor:
    """Positions drawn from the sets of the given pairs."""
    drawn = counts.new_empty(len(drawn_for), limit)
    if len(drawn_for):
        block = min(triton.next_power_of_2(limit), 128)
        with on_device_of(drawn):
            kernels.draw_kernel[(len(drawn_for), triton.cdiv(limit, block))](
                pairs, drawn_for, counts, drawn, seed, len(counts), limit, BLOCK=block
            )
    return drawn


def pool(
    indptr: Tensor,
    indices: Tensor,
    pairs: Tensor,
    removed: Tensor | None,
    both: bool,
    difference: bool,
    x: Tensor,
    weights: Tensor | None,
    with_sets: bool,
) -> tuple[Tensor, Tensor, Tensor]:
    """See :func:`graphrep.ops.pool_common_neighbors`; also returns the sets (offsets, ids), empty unless requested."""
    if with_sets:
        offsets, ids, _ = collect(indptr, indices, pairs, removed, both, difference)
        values = None if weights is None else weights.index_select(0, ids)
        return rows.spmm_sum(offsets, ids, values, x, False), offsets, ids
    out = pool_sets(indptr, indices, pairs, removed, both, difference, x, weights)
    return out, pairs.new_empty(0), indices.new_empty(0)


def pool_sets(
    indptr: Tensor,
    indices: Tensor,
    pairs: Tensor,
    removed: Tensor | None,
    both: bool,
    difference: bool,
    x: Tensor,
    weights: Tensor | None,
    *,
    with_ends: bool = True,
) -> Tensor:
    """Sum features over the set of each pair, with or without the two nodes of the pair."""
    out = x.new_empty(pairs.shape[1], *x.shape[1:])
    if out.numel():
        job = _Job(indptr, indices, pairs, removed, both, difference)
        width = math.prod(x.shape[1:])
        block_f = min(triton.next_power_of_2(width), 128)
        block = min(rows.TILE // block_f, job.options["BLOCK"])
        options = job.options | {"BLOCK": block, "num_warps": rows.warps(block * block_f), "WITH_ENDS": with_ends}
        grid = (*job.grid, triton.cdiv(width, block_f))
        features = x.contiguous(), None if weights is None else weights.contiguous()
        with on_device_of(x):
            kernels.pool_kernel[grid](
                *job.operands, *features, out, *job.sizes, width, WIDE=accumulator(x.dtype), BLOCK_F=block_f, **options
            )
    return out


def pool_transposed(
    indptr: Tensor,
    indices: Tensor,
    pairs: Tensor,
    removed: Tensor | None,
    both: bool,
    difference: bool,
    grad: Tensor,
    offsets: Tensor | None,
    ids: Tensor | None,
    num_x: int,
) -> Tensor:
    """For each node, sum the rows of ``grad`` over the pairs whose set contains it: the gradient of its features."""
    if offsets is None or ids is None:
        offsets, ids, _ = collect(indptr, indices, pairs, removed, both, difference)
    t_indptr, of_pairs, _ = transposed_entries(offsets, ids, num_x)
    return rows.spmm_sum(t_indptr, of_pairs, None, grad, False)


class _Job:
    """Arguments common to all kernels, and the number of ids that they read at a time."""

    def __init__(
        self, indptr: Tensor, indices: Tensor, pairs: Tensor, removed: Tensor | None, both: bool, difference: bool
    ) -> None:
        gone = _sorted_arcs(removed, both)
        self.operands = (indptr, indices, pairs.contiguous(), *gone)
        self.sizes = (pairs.shape[1], 0 if gone[0] is None else len(gone[0]))
        typical = triton.next_power_of_2(max(len(indices) // max(len(indptr) - 1, 1), 16))
        block = min(typical, 128)
        self.grid = (pairs.shape[1],)
        self.options: dict[str, Any] = {"DIFFERENCE": difference, "BLOCK": block, "num_warps": max(block // 64, 1)}

    def count(self) -> Tensor:
        """Number of members of each set."""
        pairs = self.operands[2]
        out = pairs.new_empty(pairs.shape[1])
        if len(out):
            with on_device_of(out):
                kernels.count_kernel[self.grid](*self.operands, out, *self.sizes, **self.options)
        return out

    def fill(self, offsets: Tensor, ids: Tensor) -> None:
        """Write the members of each set."""
        with on_device_of(ids):
            kernels.fill_kernel[self.grid](*self.operands, offsets, ids, *self.sizes, **self.options)


def _sorted_arcs(removed: Tensor | None, both: bool) -> tuple[Tensor | None, Tensor | None]:
    """Rows of the removed arcs in ascending order, and their columns, ascending within each row."""
    if removed is None or not removed.numel():
        return None, None
    arcs = torch.cat([removed, removed.flip(0)], 1) if both else removed
    arcs = arcs[:, arcs[1].argsort()]
    arcs = arcs[:, arcs[0].argsort(stable=True)]
    return arcs[0].contiguous(), arcs[1].contiguous()
