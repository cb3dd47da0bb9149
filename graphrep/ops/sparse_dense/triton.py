"""spmm and sddmm with Triton kernels.

A program handles one row of the matrix and a block of features: it gathers tiles (entries, features), whose rows are
contiguous in memory, keeps one partial result per element of the tile, and reduces over the entries once at the end.
There are no atomic additions, so results are reproducible. Rows with more than ``LONG`` entries, as hubs have, are
split into pieces, each handled by its own program; a second kernel combines the pieces.

With ``indices=None``, entry e refers to row e of x, which is a segmented reduction.
"""

from __future__ import annotations

import math
from typing import Any

import torch
import triton
import triton.language as tl
from torch.utils.weak import WeakIdKeyDictionary

from graphrep.ops._triton import accumulator, on_device_of
from graphrep.ops.adjacency import entry_rows
from graphrep.ops.sparse_dense import reference
from graphrep.ops.sparse_dense import triton_kernels as kernels

Tensor = torch.Tensor

LONG = 1024  # largest number of entries of a row, or of a piece of a row, that one program reduces
TILE = 2048  # elements gathered at a time: 16 per thread of four warps


def spmm_sum(
    indptr: Tensor,
    indices: Tensor | None,
    values: Tensor | None,
    x: Tensor,
    mean: bool,
    *transposed: Tensor | None,
) -> Tensor:
    """See :func:`graphrep.ops.spmm`."""
    out = x.new_empty((len(indptr) - 1, *x.shape[1:]))
    if out.numel():
        job = RowJob(indptr, indices, values, x)
        partial = job.partial(None)
        with on_device_of(x):
            kernels.sum_kernel[job.grid](*job.operands, out, partial, *job.cut, *job.sizes, MEAN=mean, **job.options)
            if partial is not None:
                kernels.sum_join_kernel[job.join_grid](
                    indptr, out, partial, *job.cut, *job.sizes[:2], MEAN=mean, **job.options
                )
    return out


def spmm_extreme(
    indptr: Tensor, indices: Tensor | None, values: Tensor | None, x: Tensor, largest: bool, with_arg: bool
) -> tuple[Tensor, Tensor]:
    """See :func:`graphrep.ops.sparse_dense.spmm_extreme`."""
    out = x.new_empty((len(indptr) - 1, *x.shape[1:]))
    arg = torch.empty(out.shape if with_arg else (0,), dtype=torch.int32, device=x.device)
    if out.numel():
        job = RowJob(indptr, indices, values, x)
        results = (out, arg if with_arg else None, job.partial(None), job.partial(torch.int32))
        with on_device_of(x):
            kernels.extreme_kernel[job.grid](
                *job.operands, *results, *job.cut, *job.sizes, LARGEST=largest, **job.options
            )
            if results[2] is not None:
                kernels.extreme_join_kernel[job.join_grid](
                    indptr, *results, *job.cut, *job.sizes[:2], LARGEST=largest, **job.options
                )
    return out, arg


def spmm_extreme_backward(
    indptr: Tensor, indices: Tensor | None, values: Tensor | None, arg: Tensor, grad: Tensor, num_x: int
) -> Tensor:
    """Gradient of the maximum or minimum with respect to x: each gradient goes to the row of x of the extreme entry.

    Atomic additions sum in an order that may change from call to call; if torch is set to deterministic algorithms, the
    reference runs instead.
    """
    if indices is not None and torch.are_deterministic_algorithms_enabled():
        return reference.spmm_extreme_backward(indptr, indices, values, arg, grad, num_x)
    wide = torch.float64 if grad.dtype == torch.float64 else torch.float32
    out = torch.zeros((num_x, *grad.shape[1:]), dtype=wide, device=grad.device)
    if grad.numel():
        width = math.prod(grad.shape[1:])
        heads = _heads(values)
        block = 512
        with on_device_of(grad):
            kernels.extreme_backward_kernel[(triton.cdiv(grad.numel(), block),)](
                indptr,
                indices,
                None if values is None else values.contiguous(),
                arg.contiguous(),
                grad.contiguous(),
                out,
                grad.numel(),
                width,
                heads,
                width // heads,
                WIDE=accumulator(grad.dtype),
                BLOCK=block,
            )
    return out.to(grad.dtype)


def sddmm(indptr: Tensor, indices: Tensor, x: Tensor, y: Tensor, heads: int) -> Tensor:
    """See :func:`graphrep.ops.sddmm`. Programs handle equal shares of the entries, whatever the lengths of the rows."""
    out = x.new_empty(len(indices), heads)
    columns = math.prod(x.shape[1:]) // max(heads, 1)
    if out.numel():
        rows = entry_rows(indptr, indices)
        block_f = min(triton.next_power_of_2(max(columns, 1)), 128)
        block_e = min(TILE // block_f, 64)
        with on_device_of(x):
            kernels.sddmm_kernel[(triton.cdiv(len(indices), block_e) * heads,)](
                rows,
                indices,
                x.contiguous(),
                y.contiguous(),
                out,
                len(indices),
                heads,
                columns,
                WIDE=accumulator(x.dtype),
                BLOCK_E=block_e,
                BLOCK_F=block_f,
                num_warps=warps(block_e * block_f),
            )
    return out


class RowJob:
    """Operands, grid and block sizes of a reduction over rows, and the splitting of long rows."""

    def __init__(self, indptr: Tensor, indices: Tensor | None, values: Tensor | None, x: Tensor) -> None:
        num_rows, num_entries = len(indptr) - 1, len(x) if indices is None else len(indices)
        width, heads = math.prod(x.shape[1:]), _heads(values)
        self.operands = (indptr, indices, None if values is None else values.contiguous(), x.contiguous())
        self.sizes = (num_rows, width, heads, width // heads)
        block_f = min(triton.next_power_of_2(width), 128)
        typical = triton.next_power_of_2(max(num_entries // num_rows, 4))
        block_e = min(TILE // block_f, 64, typical)  # tiles longer than the rows would be mostly empty
        self.options = {
            "LONG": LONG,
            "WIDE": accumulator(x.dtype),
            "BLOCK_E": block_e,
            "BLOCK_F": block_f,
            "num_warps": warps(block_e * block_f),
        }
        blocks = triton.cdiv(width, block_f)
        self.slots, self.cut = cutting(indptr, num_entries)
        self.grid, self.join_grid = (num_rows + self.slots, blocks), (self.slots, blocks)

    def partial(self, dtype: torch.dtype | None) -> Tensor | None:
        """Buffer for the pieces, of the given dtype or that of the sums."""
        if not self.slots:
            return None
        wide = {tl.float64: torch.float64, tl.float32: torch.float32, tl.int64: torch.int64}[self.options["WIDE"]]
        return torch.empty(self.slots, self.sizes[1], dtype=dtype or wide, device=self.operands[0].device)


def cutting(indptr: Tensor, num_entries: int) -> tuple[int, tuple[Tensor | None, Tensor | None]]:
    """Number of additional programs for long rows, and the positions where these rows are split (None: nowhere)."""
    slots = 2 * num_entries // (LONG + 1)  # upper bound on the number of pieces, without a device synchronization
    return slots, _cut(indptr, slots) if slots else (None, None)


def join_sums(
    indptr: Tensor, out: Tensor, partial: Tensor, slots: int, cut: tuple[Tensor | None, Tensor | None]
) -> None:
    """Sum the pieces of each long row of ``partial`` into its row of ``out``."""
    width = math.prod(out.shape[1:])
    block_f = min(triton.next_power_of_2(max(width, 1)), 128)
    kernels.sum_join_kernel[(slots, triton.cdiv(width, block_f))](
        indptr,
        out,
        partial,
        *cut,
        len(indptr) - 1,
        width,
        MEAN=False,
        LONG=LONG,
        WIDE=accumulator(out.dtype),
        BLOCK_E=16,
        BLOCK_F=block_f,
        num_warps=warps(16 * block_f),
    )


_cuts: Any = WeakIdKeyDictionary()  # keyed by indptr, which belongs to a graph and is reused


def _cut(indptr: Tensor, slots: int) -> tuple[Tensor, Tensor]:
    """Cumulative number of pieces per row, and the row of each piece (the number of rows for unused slots)."""
    found: tuple[Any, tuple[Tensor, Tensor]] | None = _cuts.get(indptr)
    lasting = not indptr.is_inference() and not (indptr.is_cuda and torch.cuda.is_current_stream_capturing())
    key = (LONG, slots, indptr._version) if lasting else None
    if found is not None and found[0] == key:
        return found[1]
    length = indptr.diff()
    ends = torch.where(length > LONG, (length + (LONG - 1)) // LONG, 0).cumsum(0)
    cut = ends, torch.searchsorted(ends, torch.arange(slots, device=ends.device), right=True)
    if lasting:
        _cuts[indptr] = key, cut
    return cut


def _heads(values: Tensor | None) -> int:
    return 1 if values is None or values.dim() == 1 else max(values.shape[1], 1)


def warps(elements: int) -> int:
    """Number of warps for a tile."""
    return min(max(elements // 512, 1), 4)
