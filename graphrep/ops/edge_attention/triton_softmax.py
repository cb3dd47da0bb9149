"""Softmax over the entries of each row with Triton kernels.

One program reads a row twice, the second time from cache. For a long row, a first launch sums up the pieces; in a
second launch, the program of each piece combines these sums and writes the piece.
"""

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl

from graphrep.ops._triton import on_device_of
from graphrep.ops.edge_attention.triton_kernels import finite, larger
from graphrep.ops.sparse_dense import triton as rows
from graphrep.ops.sparse_dense.triton_kernels import row_entries

Tensor = torch.Tensor


def edge_softmax(indptr: Tensor, scores: Tensor) -> Tensor:
    """See :func:`graphrep.ops.edge_softmax`."""
    return _launch(indptr, scores, None)


def edge_softmax_backward(indptr: Tensor, p: Tensor, grad: Tensor) -> Tensor:
    """Gradient of the scores, from the probabilities and their gradient."""
    return _launch(indptr, p, grad.contiguous())


def _launch(indptr: Tensor, x: Tensor, grad: Tensor | None) -> Tensor:
    out = torch.empty_like(x, memory_format=torch.contiguous_format)
    if out.numel():
        job = rows.RowJob(indptr, None, None, x)
        num_rows, width, *_ = job.sizes
        args = (indptr, job.operands[3], grad, out, job.partial(None), job.partial(None), *job.cut, num_rows, width)
        with on_device_of(x):
            softmax_kernel[job.grid](*args, SECOND=False, **job.options)
            if job.slots:
                softmax_kernel[job.join_grid](*args, SECOND=True, **job.options)
    return out


@triton.jit
def _tile(x, begin, at, count, flat, width, other, WIDE: tl.constexpr) -> Any:
    """Tile (entries, heads) of scores, probabilities or gradients."""
    mask = (at < count)[:, None] & (flat < width)[None, :]
    return tl.load(x + (begin + at)[:, None] * width + flat[None, :], mask=mask, other=other).to(WIDE)


@triton.jit
def _sums(x, grad, begin, count, flat, width, WIDE: tl.constexpr, BLOCK_E: tl.constexpr, BLOCK_F: tl.constexpr) -> Any:
    """Largest score and the sum of exponentials relative to it, or 0 and the sum of p times its gradient."""
    total = tl.zeros((BLOCK_E, BLOCK_F), WIDE)
    if grad is not None:
        for start in range(0, count, BLOCK_E):
            at = start + tl.arange(0, BLOCK_E)
            p = _tile(x, begin, at, count, flat, width, 0, WIDE)
            total += p * _tile(grad, begin, at, count, flat, width, 0, WIDE)
        top = tl.zeros((BLOCK_F,), WIDE)
        total = tl.sum(total, 0)
    else:
        most = tl.full((BLOCK_E, BLOCK_F), float("-inf"), WIDE)
        for start in range(0, count, BLOCK_E):
            at = start + tl.arange(0, BLOCK_E)
            score = _tile(x, begin, at, count, flat, width, float("-inf"), WIDE)
            new = larger(most, score)
            total = total * tl.exp(most - finite(new)) + tl.exp(score - finite(new))
            most = new
        top = tl.max(most, 0)
        total = tl.sum(total * tl.exp(most - finite(top)[None, :]), 0)
    return top, total


@triton.jit
def _join(partial_top, partial_total, first, pieces, flat, width, BACKWARD: tl.constexpr) -> Any:
    """Combine the results of :func:`_sums` for the pieces of a row."""
    top = tl.load(partial_top + first * width + flat, mask=flat < width, other=0)
    total = tl.load(partial_total + first * width + flat, mask=flat < width, other=0)
    for piece in range(1, pieces):
        at = (first + piece) * width + flat
        new_top = tl.load(partial_top + at, mask=flat < width, other=0)
        new_total = tl.load(partial_total + at, mask=flat < width, other=0)
        if not BACKWARD:
            both = larger(top, new_top)
            total = total * tl.exp(top - finite(both))
            new_total = new_total * tl.exp(new_top - finite(both))
            top = both
        total += new_total
    return top, total


@triton.jit
def softmax_kernel(
    indptr,
    x,
    grad,
    out,
    partial_top,
    partial_total,
    cut_ends,
    cut_rows,
    num_rows,
    width,
    SECOND: tl.constexpr,
    LONG: tl.constexpr,
    WIDE: tl.constexpr,
    BLOCK_E: tl.constexpr,
    BLOCK_F: tl.constexpr,
) -> None:
    """Softmax of a row of scores, or the gradient of the scores from the gradient of the softmax x.

    The first launch computes whole rows and sums up the pieces of long rows, the second writes the pieces.
    """
    program = tl.program_id(0).to(tl.int64)
    if SECOND:
        program += num_rows
    flat = tl.program_id(1) * BLOCK_F + tl.arange(0, BLOCK_F)
    row, begin, count, before, whole, piece = row_entries(indptr, cut_ends, cut_rows, num_rows, program, LONG)
    if SECOND:
        length = (tl.load(indptr + row + 1, mask=piece, other=0) - tl.load(indptr + row, mask=piece, other=0)).to(
            tl.int32
        )
        first = tl.where(piece, program - num_rows - before // LONG, 0)
        top, total = _join(
            partial_top, partial_total, first, tl.cdiv(length, LONG), flat, width, BACKWARD=grad is not None
        )
        number = tl.where(piece, count, 0)
    else:
        top, total = _sums(x, grad, begin, count, flat, width, WIDE, BLOCK_E, BLOCK_F)
        if cut_ends is not None:
            slot = (program - num_rows) * width + flat
            tl.store(partial_top + slot, top, mask=(flat < width) & piece)
            tl.store(partial_total + slot, total, mask=(flat < width) & piece)
        number = tl.where(whole, count, 0)
    for start in range(0, number, BLOCK_E):
        at = start + tl.arange(0, BLOCK_E)
        p = _tile(x, begin, at, number, flat, width, 0, WIDE)
        if grad is not None:
            p = p * (_tile(grad, begin, at, number, flat, width, 0, WIDE) - total[None, :])
        else:
            p = tl.exp(p - finite(top)[None, :]) / tl.where(flat < width, total, 1)[None, :]
        place = (begin + at)[:, None] * width + flat[None, :]
        mask = (at < number)[:, None] & (flat < width)[None, :]
        tl.store(out + place, p.to(out.dtype.element_ty), mask=mask)
