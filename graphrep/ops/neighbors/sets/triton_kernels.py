"""Triton kernels for neighbor sets; launched by the module ``triton`` in this folder.

A program handles one pair. It reads a block of one row of the adjacency at a time, the shorter row for common
neighbors, and searches every entry in the other row by bisection. Removed arcs are searched for in ``gone_cols``, which
is sorted within the range that a row has in ``gone_rows``; None if no arc is removed.
"""

from __future__ import annotations

from typing import Any

import triton
import triton.language as tl

from graphrep.ops._triton_random import bounded, random_bits, stream_key


@triton.jit
def _last_not_above(ids, begin, length, wanted) -> Any:
    """Position of the last of the ascending ids that is at most the wanted one; ``begin`` if none is."""
    at = tl.zeros_like(wanted).to(tl.int64) + begin
    while length > 1:
        half = length // 2
        at = tl.where(tl.load(ids + at + half) <= wanted, at + half, at)
        length -= half
    return at


@triton.jit
def _holds(ids, begin, length, wanted) -> Any:
    """Whether the wanted ids are among the ascending ids."""
    at = _last_not_above(ids, begin, length, wanted)
    some = at < begin + length
    return some & (tl.load(ids + at, mask=some, other=-1) == wanted)


@triton.jit
def _removed_range(gone_rows, num_gone, row) -> Any:
    """Start and number of the removed arcs of a row."""
    begin = tl.zeros_like(row)
    end = tl.zeros_like(row)
    length = tl.zeros_like(row) + num_gone
    while length > 0:
        half = length // 2
        low = tl.load(gone_rows + begin + half) < row
        begin = tl.where(low, begin + half + 1, begin)
        length = tl.where(low, length - half - 1, half)
    end = begin
    length = num_gone - begin
    while length > 0:
        half = length // 2
        low = tl.load(gone_rows + end + half) <= row
        end = tl.where(low, end + half + 1, end)
        length = tl.where(low, length - half - 1, half)
    return begin, end - begin


@triton.jit
def _pair(indptr, pairs, gone_rows, num_pairs, num_gone, pair, DIFFERENCE: tl.constexpr) -> Any:
    """Start, length and range of removed arcs, of the row to read and of the row to search."""
    u = tl.load(pairs + pair)
    v = tl.load(pairs + num_pairs + pair)
    u_begin, v_begin = tl.load(indptr + u), tl.load(indptr + v)
    u_length, v_length = tl.load(indptr + u + 1) - u_begin, tl.load(indptr + v + 1) - v_begin
    if not DIFFERENCE:
        swap = (u_length > v_length) | ((u_length == v_length) & (u > v))  # sums do not depend on the order of a pair
        u, v = tl.where(swap, v, u), tl.where(swap, u, v)
        u_begin, v_begin = tl.where(swap, v_begin, u_begin), tl.where(swap, u_begin, v_begin)
        u_length, v_length = tl.where(swap, v_length, u_length), tl.where(swap, u_length, v_length)
    u_gone = u * 0
    u_count = u * 0
    v_gone = u * 0
    v_count = u * 0
    if gone_rows is not None:
        u_gone, u_count = _removed_range(gone_rows, num_gone, u)
        v_gone, v_count = _removed_range(gone_rows, num_gone, v)
    return u_begin, u_length, v_begin, v_length, u_gone, u_count, v_gone, v_count


@triton.jit
def _members(
    indices,
    gone_cols,
    at,
    u_begin,
    u_length,
    v_begin,
    v_length,
    u_gone,
    u_count,
    v_gone,
    v_count,
    DIFFERENCE: tl.constexpr,
) -> Any:
    """Ids at given positions of the row that is read, and whether each is a member of the set; repeats count once."""
    inside = at < u_length
    ids = tl.load(indices + u_begin + at, mask=inside, other=-1)
    before = tl.load(indices + u_begin + at - 1, mask=inside & (at > 0), other=-1)
    shared = _holds(indices, v_begin, v_length, ids)
    member = inside & (ids != before)
    if gone_cols is not None:
        shared = shared & ~_holds(gone_cols, v_gone, v_count, ids)
        member = member & ~_holds(gone_cols, u_gone, u_count, ids)
    if DIFFERENCE:
        shared = ~shared
    return ids, member & shared


@triton.jit
def count_kernel(
    indptr,
    indices,
    pairs,
    gone_rows,
    gone_cols,
    out,
    num_pairs,
    num_gone,
    DIFFERENCE: tl.constexpr,
    BLOCK: tl.constexpr,
) -> None:
    """Number of members of the set of a pair."""
    pair = tl.program_id(0).to(tl.int64)
    u_begin, u_length, v_begin, v_length, u_gone, u_count, v_gone, v_count = _pair(
        indptr, pairs, gone_rows, num_pairs, num_gone, pair, DIFFERENCE
    )
    number = tl.zeros((BLOCK,), tl.int64)
    for start in range(0, u_length, BLOCK):
        at = start + tl.arange(0, BLOCK)
        _ids, member = _members(
            indices,
            gone_cols,
            at,
            u_begin,
            u_length,
            v_begin,
            v_length,
            u_gone,
            u_count,
            v_gone,
            v_count,
            DIFFERENCE,
        )
        number += member.to(tl.int64)
    tl.store(out + pair, tl.sum(number, 0))


@triton.jit
def fill_kernel(
    indptr,
    indices,
    pairs,
    gone_rows,
    gone_cols,
    offsets,
    out,
    num_pairs,
    num_gone,
    DIFFERENCE: tl.constexpr,
    BLOCK: tl.constexpr,
) -> None:
    """Write the members of the set of a pair in ascending order, starting at its offset."""
    pair = tl.program_id(0).to(tl.int64)
    u_begin, u_length, v_begin, v_length, u_gone, u_count, v_gone, v_count = _pair(
        indptr, pairs, gone_rows, num_pairs, num_gone, pair, DIFFERENCE
    )
    to = tl.load(offsets + pair)
    for start in range(0, u_length, BLOCK):
        at = start + tl.arange(0, BLOCK)
        ids, member = _members(
            indices,
            gone_cols,
            at,
            u_begin,
            u_length,
            v_begin,
            v_length,
            u_gone,
            u_count,
            v_gone,
            v_count,
            DIFFERENCE,
        )
        number = member.to(tl.int64)
        tl.store(out + to + tl.cumsum(number, 0) - 1, ids, mask=member)
        to += tl.sum(number, 0)


@triton.jit
def pool_kernel(
    indptr,
    indices,
    pairs,
    gone_rows,
    gone_cols,
    x,
    weights,
    out,
    num_pairs,
    num_gone,
    width,
    WITH_ENDS: tl.constexpr,
    DIFFERENCE: tl.constexpr,
    WIDE: tl.constexpr,
    BLOCK: tl.constexpr,
    BLOCK_F: tl.constexpr,
) -> None:
    """Sum of the features over the set of a pair; without WITH_ENDS the two nodes of the pair are excluded."""
    pair = tl.program_id(0).to(tl.int64)
    flat = tl.program_id(1) * BLOCK_F + tl.arange(0, BLOCK_F)
    u_begin, u_length, v_begin, v_length, u_gone, u_count, v_gone, v_count = _pair(
        indptr, pairs, gone_rows, num_pairs, num_gone, pair, DIFFERENCE
    )
    acc = tl.zeros((BLOCK, BLOCK_F), WIDE)
    for start in range(0, u_length, BLOCK):
        at = start + tl.arange(0, BLOCK)
        ids, member = _members(
            indices,
            gone_cols,
            at,
            u_begin,
            u_length,
            v_begin,
            v_length,
            u_gone,
            u_count,
            v_gone,
            v_count,
            DIFFERENCE,
        )
        if not WITH_ENDS:
            member = member & (ids != tl.load(pairs + pair)) & (ids != tl.load(pairs + num_pairs + pair))
        if tl.max(member.to(tl.int32), 0) > 0:
            mask = member[:, None] & (flat < width)[None, :]
            part = tl.load(x + ids.to(tl.int64)[:, None] * width + flat[None, :], mask=mask, other=0).to(WIDE)
            if weights is not None:
                part = part * tl.load(weights + ids, mask=member, other=0).to(WIDE)[:, None]
            acc += part
    tl.store(out + pair * width + flat, tl.sum(acc, 0).to(out.dtype.element_ty), mask=flat < width)


@triton.jit(do_not_specialize=["seed"])
def draw_kernel(pairs, drawn_for, counts, out, seed, num_pairs, limit, BLOCK: tl.constexpr) -> None:
    """Positions drawn with replacement from each set that is larger than the limit."""
    job = tl.program_id(0).to(tl.int64)
    draw = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    pair = tl.load(drawn_for + job)
    key = stream_key(seed.to(tl.uint64), tl.load(pairs + pair))
    key = stream_key(key, tl.load(pairs + num_pairs + pair))
    place = bounded(random_bits(key, draw), tl.load(counts + pair))
    tl.store(out + job * limit + draw, place.to(tl.int64), mask=draw < limit)
