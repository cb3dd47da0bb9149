"""Triton kernels for the gradient of attention; the module ``triton_kernels`` describes the tiles.

Scores are recomputed from the logarithms of the softmax denominators.
"""

from __future__ import annotations

import triton
import triton.language as tl

from graphrep.ops.edge_attention.triton_kernels import dots, others, places, scores
from graphrep.ops.sparse_dense.triton_kernels import row_entries, row_pieces


@triton.jit
def _store_own_gradient(grad_own, delta, row, head, column, heads, key_columns, total, change, plain, stored) -> None:
    """Sum of p (dp - delta) k, from the sums of p dp, p dp k and p k."""
    mask = (head < heads) & stored
    at = row * heads + head
    tl.store(delta + at, total.to(tl.float64), mask=mask & (tl.program_id(2) == 0))
    grad = change - total[:, None] * plain
    mask = mask[:, None] & (column < key_columns)[None, :]
    tl.store(grad_own + at[:, None] * key_columns + column[None, :], grad.to(grad_own.dtype.element_ty), mask=mask)


@triton.jit
def attention_rows_kernel(
    indptr,
    indices,
    own,
    other,
    value,
    scale,
    log_sum,
    grad,
    grad_own,
    delta,
    partial_delta,
    partial_change,
    partial_plain,
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
    """Gradient of the row operand, and delta, the sum of p dp, in one pass, so that nothing is gathered twice."""
    program = tl.program_id(0).to(tl.int64)
    head = tl.program_id(1) * BLOCK_H + tl.arange(0, BLOCK_H)
    column = tl.program_id(2) * BLOCK_K + tl.arange(0, BLOCK_K)
    row, begin, count, _, whole, piece = row_entries(indptr, cut_ends, cut_rows, num_rows, program, LONG)
    factor = tl.load(scale).to(WIDE)
    norm = tl.load(log_sum + row * heads + head, mask=(head < heads) & (row < num_rows), other=0).to(WIDE)
    total = tl.zeros((BLOCK_E, BLOCK_H), WIDE)
    change = tl.zeros((BLOCK_E, BLOCK_H, BLOCK_K), WIDE)
    plain = tl.zeros((BLOCK_E, BLOCK_H, BLOCK_K), WIDE)
    for start in range(0, count, BLOCK_E):
        at = start + tl.arange(0, BLOCK_E)
        place = places(indices, begin + at, at < count, head, heads)
        mask = (at < count)[:, None] & (head < heads)[None, :]
        score, slope = scores(
            own, other, factor, row, head, place, mask, heads, key_columns, DOT, WIDE, BLOCK_E, BLOCK_H, BLOCK_K
        )
        p = tl.where(mask, tl.exp(score - norm[None, :]), 0)
        p_dp = p * dots(grad, value, row, head, place, mask, heads, columns, WIDE, BLOCK_E, BLOCK_H, BLOCK_C)
        total += p_dp
        slope = slope[:, :, None]
        if DOT:
            slope = slope * others(other, place, mask, column, key_columns, WIDE)
        change += p_dp[:, :, None] * slope
        plain += p[:, :, None] * slope
    total, change, plain = tl.sum(total, 0), tl.sum(change, 0), tl.sum(plain, 0)
    if cut_ends is not None:
        mask = (head < heads) & piece
        at = (program - num_rows) * heads + head
        tl.store(partial_delta + at, total, mask=mask)
        mask = mask[:, None] & (column < key_columns)[None, :]
        tl.store(partial_change + at[:, None] * key_columns + column[None, :], change, mask=mask)
        tl.store(partial_plain + at[:, None] * key_columns + column[None, :], plain, mask=mask)
    _store_own_gradient(grad_own, delta, row, head, column, heads, key_columns, total, change, plain, whole)


@triton.jit
def attention_rows_join_kernel(
    indptr,
    grad_own,
    delta,
    partial_delta,
    partial_change,
    partial_plain,
    cut_ends,
    cut_rows,
    num_rows,
    heads,
    key_columns,
    LONG: tl.constexpr,
    WIDE: tl.constexpr,
    BLOCK_E: tl.constexpr,
    BLOCK_H: tl.constexpr,
    BLOCK_K: tl.constexpr,
) -> None:
    """Gradient of the row operand of a row, from the pieces of the row."""
    slot = tl.program_id(0).to(tl.int64)
    head = tl.program_id(1) * BLOCK_H + tl.arange(0, BLOCK_H)
    column = tl.program_id(2) * BLOCK_K + tl.arange(0, BLOCK_K)
    row, _, pieces = row_pieces(indptr, cut_ends, cut_rows, num_rows, slot, LONG)
    total = tl.zeros((BLOCK_E, BLOCK_H), WIDE)
    change = tl.zeros((BLOCK_E, BLOCK_H, BLOCK_K), WIDE)
    plain = tl.zeros((BLOCK_E, BLOCK_H, BLOCK_K), WIDE)
    for start in range(0, pieces, BLOCK_E):
        at = start + tl.arange(0, BLOCK_E)
        mask = (at < pieces)[:, None] & (head < heads)[None, :]
        place = (slot + at)[:, None] * heads + head[None, :]
        total += tl.load(partial_delta + place, mask=mask, other=0)
        change += others(partial_change, place, mask, column, key_columns, WIDE)
        plain += others(partial_plain, place, mask, column, key_columns, WIDE)
    total, change, plain = tl.sum(total, 0), tl.sum(change, 0), tl.sum(plain, 0)
    _store_own_gradient(grad_own, delta, row, head, column, heads, key_columns, total, change, plain, pieces > 0)


@triton.jit
def attention_columns_kernel(
    indptr,
    indices,
    own,
    other,
    value,
    scale,
    log_sum,
    delta,
    grad,
    grad_own,
    grad_value,
    partial_own,
    partial_value,
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
    """Gradients of the column operand and the value of a column, which is a row of the transpose."""
    program = tl.program_id(0).to(tl.int64)
    head = tl.program_id(1) * BLOCK_H + tl.arange(0, BLOCK_H)
    key_column = tl.program_id(2) * BLOCK_K + tl.arange(0, BLOCK_K)
    column = tl.program_id(2) * BLOCK_C + tl.arange(0, BLOCK_C)
    row, begin, count, _, whole, piece = row_entries(indptr, cut_ends, cut_rows, num_rows, program, LONG)
    factor = tl.load(scale).to(WIDE)
    to_own = tl.zeros((BLOCK_E, BLOCK_H, BLOCK_K), WIDE)
    to_value = tl.zeros((BLOCK_E, BLOCK_H, BLOCK_C), WIDE)
    for start in range(0, count, BLOCK_E):
        at = start + tl.arange(0, BLOCK_E)
        place = places(indices, begin + at, at < count, head, heads)
        mask = (at < count)[:, None] & (head < heads)[None, :]
        score, slope = scores(
            own, other, factor, row, head, place, mask, heads, key_columns, DOT, WIDE, BLOCK_E, BLOCK_H, BLOCK_K
        )
        p = tl.where(mask, tl.exp(score - tl.load(log_sum + place, mask=mask, other=0).to(WIDE)), 0)
        dp = dots(value, grad, row, head, place, mask, heads, columns, WIDE, BLOCK_E, BLOCK_H, BLOCK_C)
        slope = (slope * p * (dp - tl.load(delta + place, mask=mask, other=0).to(WIDE)))[:, :, None]
        if DOT:
            slope = slope * others(other, place, mask, key_column, key_columns, WIDE)
        to_own += slope
        to_value += p[:, :, None] * others(grad, place, mask, column, columns, WIDE)
    own_sum, value_sum = tl.sum(to_own, 0), tl.sum(to_value, 0)
    own_inside = (head < heads)[:, None] & (key_column < key_columns)[None, :]
    value_inside = (head < heads)[:, None] & (column < columns)[None, :]
    if cut_ends is not None:
        at = ((program - num_rows) * heads + head)[:, None]
        tl.store(partial_own + at * key_columns + key_column[None, :], own_sum, mask=own_inside & piece)
        tl.store(partial_value + at * columns + column[None, :], value_sum, mask=value_inside & piece)
    at = (row * heads + head)[:, None]
    own_sum, value_sum = own_sum.to(grad_own.dtype.element_ty), value_sum.to(grad_value.dtype.element_ty)
    tl.store(grad_own + at * key_columns + key_column[None, :], own_sum, mask=own_inside & whole)
    tl.store(grad_value + at * columns + column[None, :], value_sum, mask=value_inside & whole)
