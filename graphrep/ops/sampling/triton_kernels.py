"""Triton kernels for neighbor sampling; launched by the module ``triton`` in this folder.

All kernels write positions within the rows of ``targets``, starting at ``first[target]``. The weighted kernels write
``NONE`` if they find fewer entries, and ``BAD`` for a row with a negative or non-finite weight. They process a row
entry by entry, each lane of a program a different row, so that sums of weights have the same bits as on a CPU.
"""

from __future__ import annotations

from typing import Any

import triton
import triton.language as tl

from graphrep.ops._triton_random import bounded, random_bits, stream_key, uniform_double

NONE = tl.constexpr(-1)
BAD = tl.constexpr(-2)
BIG = tl.constexpr(2**62)


@triton.jit
def _target(indptr, targets, first, hop_key, target, valid) -> Any:
    """Start and length of the row of a target, start and number of its draws, and its random stream."""
    node = tl.load(targets + target, mask=valid, other=0)
    begin = tl.load(indptr + node, mask=valid, other=0)
    length = tl.load(indptr + node + 1, mask=valid, other=0) - begin
    to = tl.load(first + target, mask=valid, other=0)
    room = tl.load(first + target + 1, mask=valid, other=0) - to
    return begin, length, to, room, stream_key(hop_key.to(tl.uint64), node)


@triton.jit(do_not_specialize=["hop_key"])
def repeated_kernel(indptr, targets, first, of, out, hop_key, draws, BLOCK: tl.constexpr) -> None:
    """Uniform draws with replacement; ``of`` is the target of each draw."""
    draw = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    valid = draw < draws
    target = tl.load(of + draw, mask=valid, other=0)
    _begin, length, to, _room, key = _target(indptr, targets, first, hop_key, target, valid)
    tl.store(out + draw, bounded(random_bits(key, draw - to), length).to(tl.int64), mask=valid)


@triton.jit(do_not_specialize=["hop_key"])
def distinct_kernel(
    indptr, targets, first, out, hop_key, num_targets, fanout, BLOCK: tl.constexpr, BLOCK_K: tl.constexpr
) -> None:
    """Uniform draws without replacement, by Floyd's algorithm, for rows that are longer than the fanout."""
    target = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    _begin, length, to, _room, key = _target(indptr, targets, first, hop_key, target, target < num_targets)
    longer = length > fanout
    slot = tl.arange(0, BLOCK_K)[None, :]
    chosen = tl.full((BLOCK, BLOCK_K), NONE, tl.int64)
    for j in range(fanout):
        highest = length - fanout + j
        place = bounded(random_bits(key, tl.zeros_like(length) + j), highest + 1).to(tl.int64)
        taken = tl.max((chosen == place[:, None]).to(tl.int32), 1) > 0
        place = tl.where(taken, highest, place)
        chosen = tl.where(slot == j, place[:, None], chosen)
        tl.store(out + to + j, place, mask=longer)


@triton.jit
def _weight(weights, begin, length, place) -> Any:
    """Weight at a position of each row, 0 beyond its end, and whether the weight is valid."""
    w = tl.load(weights + begin + place, mask=place < length, other=0).to(tl.float64)
    return w, (w >= 0) & (w < float("inf"))


@triton.jit(do_not_specialize=["hop_key"])
def weighted_repeated_kernel(
    indptr, weights, targets, first, out, hop_key, num_targets, BLOCK: tl.constexpr, BLOCK_K: tl.constexpr
) -> None:
    """Draws in proportion to weights, with replacement; the programs of the second grid axis share the draws."""
    target = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    begin, length, to, room, key = _target(indptr, targets, first, hop_key, target, target < num_targets)
    longest = tl.max(length, 0)
    total = tl.zeros((BLOCK,), tl.float64)
    last = tl.full((BLOCK,), NONE, tl.int64)
    good = length >= 0
    for place in range(longest):
        w, usable = _weight(weights, begin, length, place)
        good = good & usable
        total += w
        last = tl.where(w > 0, place, last)
    draw = tl.program_id(1) * BLOCK_K + tl.arange(0, BLOCK_K)[None, :] + tl.zeros((BLOCK, 1), tl.int64)
    point = uniform_double(random_bits(key[:, None], draw)) * total[:, None]
    at = tl.zeros((BLOCK, BLOCK_K), tl.int64)
    running = tl.zeros((BLOCK,), tl.float64)
    for place in range(longest):
        w, usable = _weight(weights, begin, length, place)
        running += w
        at += ((running[:, None] <= point) & (place < length)[:, None]).to(tl.int64)
    found = tl.minimum(at, last[:, None])  # NONE if all weights are 0
    found = tl.where(good[:, None], found, BAD)
    tl.store(out + to[:, None] + draw, found, mask=draw < room[:, None])


@triton.jit(do_not_specialize=["hop_key"])
def weighted_distinct_kernel(
    indptr, weights, targets, first, out, hop_key, num_targets, fanout, BLOCK: tl.constexpr, BLOCK_K: tl.constexpr
) -> None:
    """Positions of the smallest keys -log(1 - u) / w, in ascending order, for rows that are longer than the fanout."""
    target = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    begin, length, to, _room, key = _target(indptr, targets, first, hop_key, target, target < num_targets)
    longer = length > fanout
    length = tl.where(longer, length, 0)
    slot = tl.arange(0, BLOCK_K)[None, :]
    kept_key = tl.full((BLOCK, BLOCK_K), float("-inf"), tl.float64)
    kept = tl.full((BLOCK, BLOCK_K), NONE, tl.int64)
    filled = tl.zeros((BLOCK,), tl.int32)
    good = length >= 0
    for place in range(tl.max(length, 0)):
        w, usable = _weight(weights, begin, length, place)
        good = good & usable
        u = uniform_double(random_bits(key, tl.zeros_like(length) + place))
        value = -tl.log(1 - u) / tl.where(w > 0, w, 1)
        room = filled < fanout
        better = (w > 0) & (room | (value < tl.max(kept_key, 1)))
        put = better[:, None] & (slot == tl.where(room, filled, tl.argmax(kept_key, 1))[:, None])
        kept_key = tl.where(put, value[:, None], kept_key)
        kept = tl.where(put, place, kept)
        filled += (better & room).to(tl.int32)
    before = tl.full((BLOCK,), NONE, tl.int64)
    for j in range(fanout):
        after = tl.min(tl.where(kept > before[:, None], kept, BIG), 1)
        found = tl.where(good, tl.where(after == BIG, NONE, after), BAD)
        tl.store(out + to + j, found, mask=longer)
        before = after
