"""Triton kernels for attention over neighbors, forward; launched by the module ``triton`` in this folder.

The axes of a tile are entries, heads, columns. Every element of a tile keeps its own running softmax over the entries
(the largest score so far, and sums relative to it), so that threads exchange nothing before the end. ``own`` is the
operand of the rows of the matrix, ``other`` that of its columns. Long rows are split as in the sparse products.
"""

from __future__ import annotations

from typing import Any

import triton
import triton.language as tl

from graphrep.ops.sparse_dense.triton_kernels import row_entries, row_pieces


@triton.jit
def finite(most) -> Any:
    """Value to subtract before an exponential: the largest score, 0 if there is none."""
    return tl.where(most == float("-inf"), 0, most)


@triton.jit
def larger(a, b) -> Any:
    """Maximum that ignores a NaN in b; the NaN appears in the sum instead."""
    return tl.where(b > a, b, a)


@triton.jit
def _own(tensor, row, head, column, heads, columns, WIDE: tl.constexpr) -> Any:
    """Slice (1, heads, columns) of a row."""
    at = (row * heads + head)[None, :, None] * columns + column[None, None, :]
    mask = (head < heads)[None, :, None] & (column < columns)[None, None, :]
    return tl.load(tensor + at, mask=mask, other=0).to(WIDE)


@triton.jit
def others(tensor, place, mask, column, columns, WIDE: tl.constexpr) -> Any:
    """Tile (entries, heads, columns) of the rows that the entries point to."""
    at = place[:, :, None] * columns + column[None, None, :]
    return tl.load(tensor + at, mask=mask[:, :, None] & (column < columns)[None, None, :], other=0).to(WIDE)


@triton.jit
def dots(
    own,
    other,
    row,
    head,
    place,
    mask,
    heads,
    columns,
    WIDE: tl.constexpr,
    BLOCK_E: tl.constexpr,
    BLOCK_H: tl.constexpr,
    BLOCK: tl.constexpr,
) -> Any:
    """Scalar products of a row with the rows that its entries point to: (entries, heads)."""
    acc = tl.zeros((BLOCK_E, BLOCK_H, BLOCK), WIDE)
    for start in range(0, columns, BLOCK):
        column = start + tl.arange(0, BLOCK)
        mine = _own(own, row, head, column, heads, columns, WIDE)
        acc += mine * others(other, place, mask, column, columns, WIDE)
    return tl.sum(acc, 2)


@triton.jit
def scores(
    own,
    other,
    scale,
    row,
    head,
    place,
    mask,
    heads,
    key_columns,
    DOT: tl.constexpr,
    WIDE: tl.constexpr,
    BLOCK_E: tl.constexpr,
    BLOCK_H: tl.constexpr,
    BLOCK_K: tl.constexpr,
) -> Any:
    """Scores of entries, and their derivatives with respect to the scalar product or the sum."""
    if DOT:
        raw = dots(own, other, row, head, place, mask, heads, key_columns, WIDE, BLOCK_E, BLOCK_H, BLOCK_K)
        slope = tl.zeros_like(raw) + scale
    else:
        mine = tl.load(own + row * heads + head, mask=head < heads, other=0).to(WIDE)
        raw = mine[None, :] + tl.load(other + place, mask=mask, other=0).to(WIDE)
        slope = tl.where(raw >= 0, tl.zeros_like(raw) + 1, scale)
    return raw * slope, slope


@triton.jit
def places(indices, entry, valid, head, heads) -> Any:
    """Offset of (row, head) in a tensor of shape (rows, heads), for the rows that the entries point to."""
    return tl.load(indices + entry, mask=valid, other=0).to(tl.int64)[:, None] * heads + head[None, :]


@triton.jit
def _store_attention(out, log_sum, row, head, column, heads, columns, top, total, acc, number, stored) -> None:
    """Divide by the softmax denominator and store; a row without entries becomes 0."""
    mask = (head < heads) & stored
    at = row * heads + head
    total = tl.where((number > 0) & (head < heads), total, 1)
    logarithm = top.to(tl.float64) + tl.log(total).to(tl.float64)
    tl.store(log_sum + at, logarithm, mask=mask & (tl.program_id(2) == 0))
    mean = acc / total[:, None]
    mask = mask[:, None] & (column < columns)[None, :]
    tl.store(out + at[:, None] * columns + column[None, :], mean.to(out.dtype.element_ty), mask=mask)


@triton.jit
def attention_kernel(
    indptr,
    indices,
    own,
    other,
    value,
    scale,
    out,
    log_sum,
    partial,
    partial_most,
    partial_total,
    cut_ends,
    cut_rows,
    num_rows,
    heads,
    key_columns,
    columns,
    DOT: tl.constexpr,
    LONG: tl.constexpr,
    WIDE: tl.constexpr,
    BLOCK_E: tl.constexpr,
    BLOCK_H: tl.constexpr,
    BLOCK_K: tl.constexpr,
    BLOCK_C: tl.constexpr,
) -> None:
    """Attention of a row, or for a piece of a row its largest score and the sums relative to it."""
    program = tl.program_id(0).to(tl.int64)
    head = tl.program_id(1) * BLOCK_H + tl.arange(0, BLOCK_H)
    column = tl.program_id(2) * BLOCK_C + tl.arange(0, BLOCK_C)
    row, begin, count, _, whole, piece = row_entries(indptr, cut_ends, cut_rows, num_rows, program, LONG)
    factor = tl.load(scale).to(WIDE)
    most = tl.full((BLOCK_E, BLOCK_H), float("-inf"), WIDE)
    total = tl.zeros((BLOCK_E, BLOCK_H), WIDE)
    acc = tl.zeros((BLOCK_E, BLOCK_H, BLOCK_C), WIDE)
    for start in range(0, count, BLOCK_E):
        at = start + tl.arange(0, BLOCK_E)
        place = places(indices, begin + at, at < count, head, heads)
        mask = (at < count)[:, None] & (head < heads)[None, :]
        score, _slope = scores(
            own, other, factor, row, head, place, mask, heads, key_columns, DOT, WIDE, BLOCK_E, BLOCK_H, BLOCK_K
        )
        score = tl.where(mask, score, float("-inf"))
        top = larger(most, score)
        p = tl.exp(score - finite(top))
        decay = tl.exp(most - finite(top))
        total = total * decay + p
        acc = acc * decay[:, :, None] + p[:, :, None] * others(value, place, mask, column, columns, WIDE)
        most = top
    top = tl.max(most, 0)
    weight = tl.exp(most - finite(top)[None, :])
    total = tl.sum(total * weight, 0)
    acc = tl.sum(acc * weight[:, :, None], 0)
    if cut_ends is not None:
        mask = (head < heads) & piece
        at = (program - num_rows) * heads + head
        tl.store(partial_most + at, top, mask=mask)
        tl.store(partial_total + at, total, mask=mask)
        mask = mask[:, None] & (column < columns)[None, :]
        tl.store(partial + at[:, None] * columns + column[None, :], acc, mask=mask)
    _store_attention(out, log_sum, row, head, column, heads, columns, top, total, acc, count, whole)


@triton.jit
def attention_join_kernel(
    indptr,
    out,
    log_sum,
    partial,
    partial_most,
    partial_total,
    cut_ends,
    cut_rows,
    num_rows,
    heads,
    columns,
    LONG: tl.constexpr,
    WIDE: tl.constexpr,
    BLOCK_E: tl.constexpr,
    BLOCK_H: tl.constexpr,
    BLOCK_C: tl.constexpr,
) -> None:
    """Attention of a row, from the pieces of the row."""
    slot = tl.program_id(0).to(tl.int64)
    head = tl.program_id(1) * BLOCK_H + tl.arange(0, BLOCK_H)
    column = tl.program_id(2) * BLOCK_C + tl.arange(0, BLOCK_C)
    row, _, pieces = row_pieces(indptr, cut_ends, cut_rows, num_rows, slot, LONG)
    most = tl.full((BLOCK_E, BLOCK_H), float("-inf"), WIDE)
    for start in range(0, pieces, BLOCK_E):
        at = start + tl.arange(0, BLOCK_E)
        mask = (at < pieces)[:, None] & (head < heads)[None, :]
        place = (slot + at)[:, None] * heads + head[None, :]
        most = larger(most, tl.load(partial_most + place, mask=mask, other=float("-inf")))
    top = tl.max(most, 0)
    total = tl.zeros((BLOCK_E, BLOCK_H), WIDE)
    acc = tl.zeros((BLOCK_E, BLOCK_H, BLOCK_C), WIDE)
    for start in range(0, pieces, BLOCK_E):
        at = start + tl.arange(0, BLOCK_E)
        mask = (at < pieces)[:, None] & (head < heads)[None, :]
        place = (slot + at)[:, None] * heads + head[None, :]
        weight = tl.exp(tl.load(partial_most + place, mask=mask, other=float("-inf")) - finite(top)[None, :])
        total += weight * tl.load(partial_total + place, mask=mask, other=0)
        acc += weight[:, :, None] * others(partial, place, mask, column, columns, WIDE)
    total, acc = tl.sum(total, 0), tl.sum(acc, 0)
    _store_attention(out, log_sum, row, head, column, heads, columns, top, total, acc, pieces, pieces > 0)
