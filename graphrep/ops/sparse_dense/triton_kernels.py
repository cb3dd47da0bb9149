"""Triton kernels for spmm and sddmm; launched by the module ``triton`` in this folder.

``cut_ends`` and ``cut_rows`` describe how long rows are split, see ``cutting`` in that module; None if no row is split.
``width`` is the number of features, heads times columns.
"""

from __future__ import annotations

from typing import Any

import triton
import triton.language as tl

NONE = tl.constexpr(2**31 - 1)  # position of an entry that does not exist


@triton.jit
def row_entries(indptr, cut_ends, cut_rows, num_rows, program, LONG: tl.constexpr) -> Any:
    """Row of a program, its first entry, the number of entries, its position in the row, and where the result goes.

    Programs from num_rows on handle pieces of long rows. The last two results tell whether to store a row or a piece.
    """
    if cut_ends is None:
        row = program
        begin = tl.load(indptr + row)
        count = (tl.load(indptr + row + 1) - begin).to(tl.int32)
        first = count * 0
        whole = count >= 0
        piece = count < 0
    else:
        slot = program - num_rows
        piece = slot >= 0
        row = tl.where(piece, tl.load(cut_rows + slot, mask=piece, other=0), program)
        piece = piece & (row < num_rows)  # the number of slots is an upper bound: some are unused
        begin = tl.load(indptr + row, mask=row < num_rows, other=0)
        length = (tl.load(indptr + row + 1, mask=row < num_rows, other=0) - begin).to(tl.int32)
        whole = (slot < 0) & (length <= LONG)
        before = tl.load(cut_ends + row, mask=piece, other=0) - tl.cdiv(length, LONG)
        first = tl.where(piece, (slot - before).to(tl.int32) * LONG, 0)
        count = tl.where(whole, length, tl.where(piece, tl.minimum(length - first, LONG), 0))
    return row, begin + first, count, first, whole, piece


@triton.jit
def _messages(indices, values, x, entry, flat, valid, inside, width, heads, columns, WIDE: tl.constexpr) -> Any:
    """Tile (entries, features) of values[e] * x[indices[e]], 0 outside."""
    tile = valid[:, None] & inside[None, :]
    source = entry
    if indices is not None:
        source = tl.load(indices + entry, mask=valid, other=0).to(tl.int64)
    m = tl.load(x + source[:, None] * width + flat[None, :], mask=tile, other=0).to(WIDE)
    if values is not None:
        at = entry[:, None] * heads + (flat // columns)[None, :]
        m = m * tl.load(values + at, mask=tile, other=0).to(WIDE)
    return m


@triton.jit
def _divided(total, count) -> Any:
    """Mean from a sum and a count; integers are rounded down."""
    n = tl.maximum(count, 1).to(total.dtype)
    if total.dtype.is_floating():
        total = total / n
    else:
        quotient = total // n  # rounded toward 0
        total = quotient - (total - quotient * n < 0)
    return total


@triton.jit
def sum_kernel(
    indptr,
    indices,
    values,
    x,
    out,
    partial,
    cut_ends,
    cut_rows,
    num_rows,
    width,
    heads,
    columns,
    MEAN: tl.constexpr,
    LONG: tl.constexpr,
    WIDE: tl.constexpr,
    BLOCK_E: tl.constexpr,
    BLOCK_F: tl.constexpr,
) -> None:
    """Sum or mean of a row, or sum of a piece of a row."""
    program = tl.program_id(0).to(tl.int64)
    flat = tl.program_id(1) * BLOCK_F + tl.arange(0, BLOCK_F)
    inside = flat < width
    row, begin, count, _, whole, piece = row_entries(indptr, cut_ends, cut_rows, num_rows, program, LONG)
    lane = tl.arange(0, BLOCK_E)
    acc = tl.zeros((BLOCK_E, BLOCK_F), WIDE)
    for start in range(0, count, BLOCK_E):
        at = start + lane
        acc += _messages(indices, values, x, begin + at, flat, at < count, inside, width, heads, columns, WIDE)
    total = tl.sum(acc, 0)
    if cut_ends is not None:
        tl.store(partial + (program - num_rows) * width + flat, total, mask=inside & piece)
    if MEAN:
        total = _divided(total, count)
    tl.store(out + row * width + flat, total.to(out.dtype.element_ty), mask=inside & whole)


@triton.jit
def row_pieces(indptr, cut_ends, cut_rows, num_rows, slot, LONG: tl.constexpr) -> Any:
    """Row whose first piece is in a slot, its length and number of pieces; 0 pieces if the slot has no first piece."""
    row = tl.load(cut_rows + slot)
    used = row < num_rows
    length = tl.load(indptr + row + 1, mask=used, other=0) - tl.load(indptr + row, mask=used, other=0)
    pieces = tl.cdiv(length, LONG)
    starts = used & (tl.load(cut_ends + row, mask=used, other=0) - pieces == slot)
    return row, length, tl.where(starts, pieces, 0).to(tl.int32)


@triton.jit
def sum_join_kernel(
    indptr,
    out,
    partial,
    cut_ends,
    cut_rows,
    num_rows,
    width,
    MEAN: tl.constexpr,
    LONG: tl.constexpr,
    WIDE: tl.constexpr,
    BLOCK_E: tl.constexpr,
    BLOCK_F: tl.constexpr,
) -> None:
    """Sum or mean of a row, from its pieces."""
    slot = tl.program_id(0).to(tl.int64)
    flat = tl.program_id(1) * BLOCK_F + tl.arange(0, BLOCK_F)
    inside = flat < width
    row, length, pieces = row_pieces(indptr, cut_ends, cut_rows, num_rows, slot, LONG)
    lane = tl.arange(0, BLOCK_E)
    acc = tl.zeros((BLOCK_E, BLOCK_F), WIDE)
    for start in range(0, pieces, BLOCK_E):
        at = start + lane
        mask = (at < pieces)[:, None] & inside[None, :]
        acc += tl.load(partial + (slot + at)[:, None] * width + flat[None, :], mask=mask, other=0)
    total = tl.sum(acc, 0)
    if MEAN:
        total = _divided(total, length)
    tl.store(out + row * width + flat, total.to(out.dtype.element_ty), mask=inside & (pieces > 0))


@triton.jit
def _keep_better(best, place, new, at, mask) -> Any:
    """Best value so far and its position, updated with later candidates: larger ones and the first NaN win."""
    wins = mask & ((place == NONE) | ((new > best) | (new != new)) & (best == best))
    return tl.where(wins, new, best), tl.where(wins, at, place)


@triton.jit
def _first_best(best, place) -> Any:
    """Reduce the lanes of a tile: the largest value, or NaN if there is one, and its first position."""
    some = place != NONE
    nan = some & (best != best)
    has_nan = tl.max(nan.to(tl.int32), 0) > 0
    lowest = float("-inf") if best.dtype.is_floating() else -(2**63)
    top = tl.max(tl.where(some & (best == best), best, lowest), 0)
    wins = tl.where(has_nan[None, :], nan, some & (best == top[None, :]))
    if best.dtype.is_floating():
        top = tl.where(has_nan, float("nan"), top)
    return top, tl.min(tl.where(wins, place, NONE), 0)


@triton.jit
def _reversed(m, LARGEST: tl.constexpr) -> Any:
    """Order-reversing map that turns a minimum into a maximum; its own inverse, exact even for the smallest integer."""
    if not LARGEST:
        m = -m if m.dtype.is_floating() else ~m
    return m


@triton.jit
def _store_extreme(out, arg, offset, best, place, mask, LARGEST: tl.constexpr) -> None:
    best = tl.where(place == NONE, tl.zeros_like(best), _reversed(best, LARGEST))
    tl.store(out + offset, best.to(out.dtype.element_ty), mask=mask)
    if arg is not None:
        tl.store(arg + offset, tl.where(place == NONE, -1, place), mask=mask)


@triton.jit
def extreme_kernel(
    indptr,
    indices,
    values,
    x,
    out,
    arg,
    partial,
    partial_place,
    cut_ends,
    cut_rows,
    num_rows,
    width,
    heads,
    columns,
    LARGEST: tl.constexpr,
    LONG: tl.constexpr,
    WIDE: tl.constexpr,
    BLOCK_E: tl.constexpr,
    BLOCK_F: tl.constexpr,
) -> None:
    """Maximum or minimum of a row, or of a piece of a row, and its position in the row."""
    program = tl.program_id(0).to(tl.int64)
    flat = tl.program_id(1) * BLOCK_F + tl.arange(0, BLOCK_F)
    inside = flat < width
    row, begin, count, first, whole, piece = row_entries(indptr, cut_ends, cut_rows, num_rows, program, LONG)
    lane = tl.arange(0, BLOCK_E)
    best = tl.zeros((BLOCK_E, BLOCK_F), WIDE)
    place = tl.full((BLOCK_E, BLOCK_F), NONE, tl.int32)
    for start in range(0, count, BLOCK_E):
        at = start + lane
        m = _messages(indices, values, x, begin + at, flat, at < count, inside, width, heads, columns, WIDE)
        mask = (at < count)[:, None] & inside[None, :]
        best, place = _keep_better(best, place, _reversed(m, LARGEST), (first + at)[:, None], mask)
    top, winner = _first_best(best, place)
    if cut_ends is not None:
        offset = (program - num_rows) * width + flat
        tl.store(partial + offset, top, mask=inside & piece)
        tl.store(partial_place + offset, winner, mask=inside & piece)
    _store_extreme(out, arg, row * width + flat, top, winner, inside & whole, LARGEST)


@triton.jit
def extreme_join_kernel(
    indptr,
    out,
    arg,
    partial,
    partial_place,
    cut_ends,
    cut_rows,
    num_rows,
    width,
    LARGEST: tl.constexpr,
    LONG: tl.constexpr,
    WIDE: tl.constexpr,
    BLOCK_E: tl.constexpr,
    BLOCK_F: tl.constexpr,
) -> None:
    """Maximum or minimum of a row, from those of its pieces, which are stored as maxima."""
    slot = tl.program_id(0).to(tl.int64)
    flat = tl.program_id(1) * BLOCK_F + tl.arange(0, BLOCK_F)
    inside = flat < width
    row, _, pieces = row_pieces(indptr, cut_ends, cut_rows, num_rows, slot, LONG)
    lane = tl.arange(0, BLOCK_E)
    best = tl.zeros((BLOCK_E, BLOCK_F), WIDE)
    place = tl.full((BLOCK_E, BLOCK_F), NONE, tl.int32)
    for start in range(0, pieces, BLOCK_E):
        at = start + lane
        mask = (at < pieces)[:, None] & inside[None, :]
        offset = (slot + at)[:, None] * width + flat[None, :]
        new = tl.load(partial + offset, mask=mask, other=0)
        best, place = _keep_better(best, place, new, tl.load(partial_place + offset, mask=mask, other=0), mask)
    top, winner = _first_best(best, place)
    _store_extreme(out, arg, row * width + flat, top, winner, inside & (pieces > 0), LARGEST)


@triton.jit
def extreme_backward_kernel(
    indptr,
    indices,
    values,
    arg,
    grad,
    out,
    size,
    width,
    heads,
    columns,
    WIDE: tl.constexpr,
    BLOCK: tl.constexpr,
) -> None:
    """Add the gradient of every result to the row of x of its extreme entry."""
    at = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    place = tl.load(arg + at, mask=at < size, other=-1)
    chosen = place >= 0
    flat = at % width
    entry = tl.load(indptr + at // width, mask=chosen, other=0) + place
    g = tl.load(grad + at, mask=chosen, other=0).to(WIDE)
    if values is not None:
        g = g * tl.load(values + entry * heads + flat // columns, mask=chosen, other=0).to(WIDE)
    if indices is None:
        tl.store(out + entry * width + flat, g, mask=chosen)  # with one entry per row of x there is nothing to add to
    else:
        source = tl.load(indices + entry, mask=chosen, other=0).to(tl.int64)
        tl.atomic_add(out + source * width + flat, g, mask=chosen, sem="relaxed")


@triton.jit
def sddmm_kernel(
    rows,
    indices,
    x,
    y,
    out,
    num_entries,
    heads,
    columns,
    WIDE: tl.constexpr,
    BLOCK_E: tl.constexpr,
    BLOCK_F: tl.constexpr,
) -> None:
    """Scores of a block of entries in one head."""
    program = tl.program_id(0).to(tl.int64)
    head = program % heads  # neighboring programs read the heads of the same rows
    entry = program // heads * BLOCK_E + tl.arange(0, BLOCK_E)
    valid = entry < num_entries
    row = tl.load(rows + entry, mask=valid, other=0).to(tl.int64) * heads + head
    col = tl.load(indices + entry, mask=valid, other=0).to(tl.int64) * heads + head
    acc = tl.zeros((BLOCK_E, BLOCK_F), WIDE)
    for start in range(0, columns, BLOCK_F):
        flat = start + tl.arange(0, BLOCK_F)
        mask = valid[:, None] & (flat < columns)[None, :]
        a = tl.load(x + row[:, None] * columns + flat[None, :], mask=mask, other=0).to(WIDE)
        acc += a * tl.load(y + col[:, None] * columns + flat[None, :], mask=mask, other=0).to(WIDE)
    tl.store(out + entry * heads + head, tl.sum(acc, 1).to(out.dtype.element_ty), mask=valid)
