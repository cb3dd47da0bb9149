"""spmm and sddmm by Triton kernels.

A program takes one row of the matrix and a block of features: it gathers a tile of (entries, features), whose rows are
contiguous in memory, keeps one partial result per place of the tile, and reduces over the entries once, at the end.
Nothing is added atomically, so that results are reproducible. Rows with more than ``LONG`` entries, of which graphs
with hubs have some, are cut into pieces, each with a program of its own; a second kernel joins the pieces.

With ``indices=None`` entry e stands for row e of x: a segmented reduction.
"""

from __future__ import annotations

import math
from typing import Any

import torch
import triton
import triton.language as tl
from torch.utils.weak import WeakIdKeyDictionary

from graphrep.ops._triton import accumulator, on_device_of
from graphrep.ops.sparse_dense import reference

Tensor = torch.Tensor

LONG = 1024  # entries of a row, or of a piece of it, that one program reduces
TILE = 2048  # elements gathered at a time: 16 per thread of four warps
NONE = tl.constexpr(2**31 - 1)  # place in the row of an entry that does not exist


@triton.jit
def _entries(indptr, cut_ends, cut_rows, num_rows, program, LONG: tl.constexpr) -> Any:
    """Row of a program, its first entry, their number, its place in the row, and where the result goes.

    Programs from num_rows on have the pieces of long rows. The last two say whether a whole row or a piece is stored.
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
        piece = piece & (row < num_rows)  # slots are as many as there may be: some are not used
        begin = tl.load(indptr + row, mask=row < num_rows, other=0)
        length = (tl.load(indptr + row + 1, mask=row < num_rows, other=0) - begin).to(tl.int32)
        whole = (slot < 0) & (length <= LONG)
        before = tl.load(cut_ends + row, mask=piece, other=0) - tl.cdiv(length, LONG)
        first = tl.where(piece, (slot - before).to(tl.int32) * LONG, 0)
        count = tl.where(whole, length, tl.where(piece, tl.minimum(length - first, LONG), 0))
    return row, begin + first, count, first, whole, piece


@triton.jit
def _messages(indices, values, x, entry, flat, valid, inside, width, heads, columns, WIDE: tl.constexpr) -> Any:
    """Tile of values[e] * x[indices[e]]: entries down, features across, 0 outside."""
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
    """Mean of that many; integers are rounded down."""
    n = tl.maximum(count, 1).to(total.dtype)
    if total.dtype.is_floating():
        total = total / n
    else:
        quotient = total // n  # rounded towards 0
        total = quotient - (total - quotient * n < 0)
    return total


@triton.jit
def _sum_kernel(
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
    program = tl.program_id(0).to(tl.int64)
    flat = tl.program_id(1) * BLOCK_F + tl.arange(0, BLOCK_F)
    inside = flat < width
    row, begin, count, _, whole, piece = _entries(indptr, cut_ends, cut_rows, num_rows, program, LONG)
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
def _pieces(indptr, cut_ends, cut_rows, num_rows, slot, LONG: tl.constexpr) -> Any:
    """Row whose first piece is in a slot, its length, and its number of pieces: 0 if the slot holds no first piece."""
    row = tl.load(cut_rows + slot)
    used = row < num_rows
    length = tl.load(indptr + row + 1, mask=used, other=0) - tl.load(indptr + row, mask=used, other=0)
    pieces = tl.cdiv(length, LONG)
    starts = used & (tl.load(cut_ends + row, mask=used, other=0) - pieces == slot)
    return row, length, tl.where(starts, pieces, 0).to(tl.int32)


@triton.jit
def _sum_join_kernel(
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
    slot = tl.program_id(0).to(tl.int64)
    flat = tl.program_id(1) * BLOCK_F + tl.arange(0, BLOCK_F)
    inside = flat < width
    row, length, pieces = _pieces(indptr, cut_ends, cut_rows, num_rows, slot, LONG)
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
    """Best so far and its place, given other candidates further on: larger ones and the first NaN win."""
    wins = mask & ((place == NONE) | ((new > best) | (new != new)) & (best == best))
    return tl.where(wins, new, best), tl.where(wins, at, place)


@triton.jit
def _first_best(best, place) -> Any:
    """Reduce the lanes of a tile: the largest of all, or NaN if there is one, and its first place."""
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
    """A minimum is a maximum in reversed order; its own inverse, exact also for the least integer."""
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
def _extreme_kernel(
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
    program = tl.program_id(0).to(tl.int64)
    flat = tl.program_id(1) * BLOCK_F + tl.arange(0, BLOCK_F)
    inside = flat < width
    row, begin, count, first, whole, piece = _entries(indptr, cut_ends, cut_rows, num_rows, program, LONG)
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
def _extreme_join_kernel(
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
    slot = tl.program_id(0).to(tl.int64)
    flat = tl.program_id(1) * BLOCK_F + tl.arange(0, BLOCK_F)
    inside = flat < width
    row, _, pieces = _pieces(indptr, cut_ends, cut_rows, num_rows, slot, LONG)
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
def _extreme_backward_kernel(
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
    at = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    place = tl.load(arg + at, mask=at < size, other=-1)
    chosen = place >= 0
    flat = at % width
    entry = tl.load(indptr + at // width, mask=chosen, other=0) + place
    g = tl.load(grad + at, mask=chosen, other=0).to(WIDE)
    if values is not None:
        g = g * tl.load(values + entry * heads + flat // columns, mask=chosen, other=0).to(WIDE)
    if indices is None:
        tl.store(out + entry * width + flat, g, mask=chosen)  # an entry has one row: nothing to add to
    else:
        source = tl.load(indices + entry, mask=chosen, other=0).to(tl.int64)
        tl.atomic_add(out + source * width + flat, g, mask=chosen, sem="relaxed")


@triton.jit
def _sddmm_kernel(
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
    program = tl.program_id(0).to(tl.int64)
    head = program % heads  # neighbouring programs read the heads of the same rows
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
        job = _Job(indptr, indices, values, x)
        partial = job.partial(None)
        with on_device_of(x):
            _sum_kernel[job.grid](*job.operands, out, partial, *job.cut, *job.sizes, MEAN=mean, **job.options)
            if partial is not None:
                _sum_join_kernel[job.join_grid](
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
        job = _Job(indptr, indices, values, x)
        results = (out, arg if with_arg else None, job.partial(None), job.partial(torch.int32))
        with on_device_of(x):
            _extreme_kernel[job.grid](*job.operands, *results, *job.cut, *job.sizes, LARGEST=largest, **job.options)
            if results[2] is not None:
                _extreme_join_kernel[job.join_grid](
                    indptr, *results, *job.cut, *job.sizes[:2], LARGEST=largest, **job.options
                )
    return out, arg


def spmm_extreme_backward(
    indptr: Tensor, indices: Tensor | None, values: Tensor | None, arg: Tensor, grad: Tensor, num_x: int
) -> Tensor:
    """Gradient in x of the maximum or minimum: the gradient of a result goes to the entry that it came from.

    Sums are made by atomic additions, in an order that may change from call to call; where torch is told to use
    deterministic algorithms, the reference runs instead.
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
            _extreme_backward_kernel[(triton.cdiv(grad.numel(), block),)](
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
    """See :func:`graphrep.ops.sddmm`. Programs take equal shares of the entries, whatever the rows' lengths."""
    out = x.new_empty(len(indices), heads)
    columns = math.prod(x.shape[1:]) // max(heads, 1)
    if out.numel():
        ids = torch.arange(len(indptr) - 1, dtype=indices.dtype, device=indices.device)
        rows = torch.repeat_interleave(ids, indptr.diff(), output_size=len(indices))
        block_f = min(triton.next_power_of_2(max(columns, 1)), 128)
        block_e = min(TILE // block_f, 64)
        with on_device_of(x):
            _sddmm_kernel[(triton.cdiv(len(indices), block_e) * heads,)](
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
                num_warps=_warps(block_e * block_f),
            )
    return out


class _Job:
    """Operands, grid and block sizes of a reduction over rows, and the cutting of its long rows."""

    def __init__(self, indptr: Tensor, indices: Tensor | None, values: Tensor | None, x: Tensor) -> None:
        num_rows, num_entries = len(indptr) - 1, len(x) if indices is None else len(indices)
        width, heads = math.prod(x.shape[1:]), _heads(values)
        self.operands = (indptr, indices, None if values is None else values.contiguous(), x.contiguous())
        self.sizes = (num_rows, width, heads, width // heads)
        block_f = min(triton.next_power_of_2(width), 128)
        typical = triton.next_power_of_2(max(num_entries // num_rows, 4))
        block_e = min(TILE // block_f, 64, typical)  # longer tiles than rows would be empty for the most part
        self.options = {
            "LONG": LONG,
            "WIDE": accumulator(x.dtype),
            "BLOCK_E": block_e,
            "BLOCK_F": block_f,
            "num_warps": _warps(block_e * block_f),
        }
        blocks = triton.cdiv(width, block_f)
        self.slots = 2 * num_entries // (LONG + 1)  # bound on the pieces of all long rows: no need to ask the device
        self.cut = _cut(indptr, self.slots) if self.slots else (None, None)
        self.grid, self.join_grid = (num_rows + self.slots, blocks), (self.slots, blocks)

    def partial(self, dtype: torch.dtype | None) -> Tensor | None:
        """Space for the pieces, of a given type or of that of the sums."""
        if not self.slots:
            return None
        wide = {tl.float64: torch.float64, tl.float32: torch.float32, tl.int64: torch.int64}[self.options["WIDE"]]
        return torch.empty(self.slots, self.sizes[1], dtype=dtype or wide, device=self.operands[0].device)


_cuts: Any = WeakIdKeyDictionary()  # by indptr, which belongs to a graph and is used again and again


def _cut(indptr: Tensor, slots: int) -> tuple[Tensor, Tensor]:
    """Pieces up to and including each row, and row of each piece (the number of rows: of none)."""
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


def _warps(elements: int) -> int:
    return min(max(elements // 512, 1), 4)
