"""Scatter and segment reductions on a GPU.

Segments are rows of a CSR without column ids, so the kernels of the sparse products reduce them. Scattered sums use
atomic additions. If torch is set to deterministic algorithms, they are sorted and reduced as segments instead, as are
scattered extremes whose positions are requested. Everything else runs on the reference, where torch's kernels are fast.
"""

from __future__ import annotations

import math

import torch
import triton
import triton.language as tl

from graphrep.ops._triton import on_device_of
from graphrep.ops.adjacency import group_by_key
from graphrep.ops.library import checking
from graphrep.ops.segment import reference
from graphrep.ops.segment.reference import MEAN, MUL, SUM, gather, offsets, place, segment_expand, softmax
from graphrep.ops.sparse_dense import triton as rows

__all__ = [
    "extreme",
    "fold",
    "gather",
    "offsets",
    "place",
    "segment_expand",
    "segment_extreme",
    "segment_fold",
    "softmax",
]

Tensor = torch.Tensor


@triton.jit
def add_kernel(src, index, out, entries, width, BLOCK_E: tl.constexpr, BLOCK_F: tl.constexpr) -> None:
    """Add every row of src to the row of out given by its index."""
    entry = tl.program_id(0).to(tl.int64) * BLOCK_E + tl.arange(0, BLOCK_E)
    flat = tl.program_id(1) * BLOCK_F + tl.arange(0, BLOCK_F)
    valid = entry < entries
    group = tl.load(index + entry, mask=valid, other=0).to(tl.int64)
    mask = valid[:, None] & (flat < width)[None, :]
    value = tl.load(src + entry[:, None] * width + flat[None, :], mask=mask, other=0).to(out.dtype.element_ty)
    tl.atomic_add(out + group[:, None] * width + flat[None, :], value, mask=mask, sem="relaxed")


class _Rows:
    """A scatter along any dimension, expressed as a scatter of matrix rows."""

    def __init__(self, src: Tensor, index: Tensor, dim: int, size: int) -> None:
        if checking() and index.numel() and (int(index.min()) < 0 or int(index.max()) >= size):
            wrong = index[(index < 0) | (index >= size)]
            raise IndexError(f"index must lie in [0, {size}), got {int(wrong[0])}.")
        lead, trail, entries = src.shape[:dim], src.shape[dim + 1 :], src.shape[dim]
        if index.dim() == 1:  # shared by the leading dimensions, which are merged with the features
            self.src, self.index, self.groups = src.movedim(dim, 0).reshape(entries, -1).contiguous(), index, size
            self.result, self.front = (size, *lead, *trail), dim
        else:  # one index per leading position: their groups are numbered consecutively
            batch = math.prod(lead)
            first = torch.arange(batch, device=index.device).view(-1, 1) * size
            self.src, self.groups = src.reshape(batch * entries, -1).contiguous(), batch * size
            self.index = (index.reshape(batch, entries) + first).view(-1)
            self.result, self.front = (*lead, size, *trail), 0

    def sorted(self) -> tuple[Tensor, Tensor]:
        """Offsets of the groups, and the entries sorted by group."""
        indptr, order = group_by_key(self.index.contiguous(), None, self.groups)
        return indptr, order

    def back(self, out: Tensor) -> Tensor:
        """Reshape a result with one row per group."""
        return out.view(self.result).movedim(0, self.front).contiguous()


def fold(src: Tensor, index: Tensor, dim: int, size: int, reduce: int) -> Tensor:
    """Sum, mean or product of the entries that share an index."""
    if reduce == MUL or index.dim() > dim + 1 or not src.numel():
        return reference.fold(src, index, dim, size, reduce)
    job = _Rows(src, index, dim, size)
    if torch.are_deterministic_algorithms_enabled():
        indptr, order = job.sorted()
        return job.back(rows.spmm_sum(indptr, order, None, job.src, reduce == MEAN))
    entries, width = job.src.shape
    out = torch.zeros(job.groups, width, dtype=_sum_dtype(src), device=src.device)
    block_f = min(triton.next_power_of_2(width), 128)
    block_e = min(rows.TILE // block_f, 256)
    grid = (triton.cdiv(entries, block_e), triton.cdiv(width, block_f))
    with on_device_of(src):
        add_kernel[grid](job.src, job.index, out, entries, width, BLOCK_E=block_e, BLOCK_F=block_f)
    out = job.back(out)
    if reduce == MEAN:
        number = reference.counts(index, src.shape, dim, size)
        out = out / number if src.is_floating_point() else out.div(number, rounding_mode="floor")
    return out.to(src.dtype)


def extreme(src: Tensor, index: Tensor, dim: int, size: int, largest: bool, with_arg: bool) -> tuple[Tensor, Tensor]:
    """Maximum or minimum of the entries that share an index, and the position of the first such entry."""
    if not with_arg or index.dim() > dim + 1 or not src.numel():
        return reference.extreme(src, index, dim, size, largest, with_arg)
    job = _Rows(src, index, dim, size)
    indptr, order = job.sorted()
    out, arg = rows.spmm_extreme(indptr, order, None, job.src, largest, True)
    entry = order.take((indptr[:-1, None] + arg).clamp_(0, len(order) - 1)) % src.shape[dim]
    return job.back(out), job.back(torch.where(arg < 0, src.shape[dim], entry))


def segment_fold(src: Tensor, indptr: Tensor, dim: int, reduce: int) -> Tensor:
    """Sum or mean over ranges of entries."""
    if indptr.dim() > 1 or reduce not in (SUM, MEAN):
        return reference.segment_fold(src, indptr, dim, reduce)
    return _along(dim, rows.spmm_sum(indptr, None, None, _first(src, dim), reduce == MEAN))


def segment_extreme(src: Tensor, indptr: Tensor, dim: int, largest: bool, with_arg: bool) -> tuple[Tensor, Tensor]:
    """Maximum or minimum over ranges of entries, and the position of the first such entry."""
    if indptr.dim() > 1:
        return reference.segment_extreme(src, indptr, dim, largest, with_arg)
    out, arg = rows.spmm_extreme(indptr, None, None, _first(src, dim), largest, with_arg)
    if not with_arg:
        return _along(dim, out), arg.long()
    entry = indptr[:-1].view(-1, *[1] * (arg.dim() - 1)) + arg
    return _along(dim, out), _along(dim, torch.where(arg < 0, src.shape[dim], entry))


def _first(src: Tensor, dim: int) -> Tensor:
    return src.movedim(dim, 0).contiguous()


def _along(dim: int, out: Tensor) -> Tensor:
    return out.movedim(0, dim).contiguous()


def _sum_dtype(src: Tensor) -> torch.dtype:
    if src.dtype in (torch.bfloat16, torch.float16):
        return torch.float32
    return torch.int32 if src.dtype in (torch.int16, torch.int8, torch.uint8) else src.dtype
