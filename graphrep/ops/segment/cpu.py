"""Scatter and segment reductions with the native kernels."""

from __future__ import annotations

import math

import torch

from graphrep import _core
from graphrep.ops.library import SCALARS, SMALL, empty, threads
from graphrep.ops.segment.reference import MAX, MIN, SUM

Tensor = torch.Tensor
SHORT = (torch.int16, torch.int8, torch.uint8)  # reduced as int32
PATH = 0  # scatter strategy, see csrc/segment.hpp; 0 selects it automatically


def _threads(elements: int) -> int:
    return 1 if elements < SMALL else threads()


def _scatter(
    src: Tensor, index: Tensor, dim: int, size: int, reduce: int, with_arg: bool
) -> tuple[Tensor, Tensor | None]:
    shape = list(src.shape)
    entries, shape[dim] = shape[dim], size
    out = empty(src, tuple(shape))
    arg = empty(src, tuple(shape), torch.int64) if with_arg else None
    if out.numel():
        batch = 1 if dim == 0 else math.prod(shape[:dim])
        columns = out.numel() // (batch * size)
        per_column = index.dim() > dim + 1
        bad = _core.scatter(
            SCALARS[src.dtype],
            SCALARS[index.dtype],
            reduce,
            src,
            index,
            0 if dim and index.dim() == 1 else entries * columns if per_column else entries,
            per_column,
            batch,
            entries,
            columns,
            size,
            out,
            arg,
            PATH,
            _threads(src.numel()),
        )
        if bad >= 0:
            raise _outside(index, bad, size)
    elif index.numel() and src.numel():
        raise _outside(index, 0, size)
    return out, arg


def _outside(index: Tensor, position: int, size: int) -> IndexError:
    at = tuple(int(i) for i in torch.unravel_index(torch.tensor(position), index.shape))
    place = f"position {at[0]}" if len(at) == 1 else f"position {at}"
    return IndexError(f"index must lie in [0, {size}), got {int(index[at])} at {place}.")


def fold(src: Tensor, index: Tensor, dim: int, size: int, reduce: int) -> Tensor:
    """Sum, mean or product of the entries that share an index."""
    if src.dtype in SHORT:
        return fold(src.int(), index, dim, size, reduce).to(src.dtype)
    return _scatter(src, index, dim, size, reduce, False)[0]


def extreme(src: Tensor, index: Tensor, dim: int, size: int, largest: bool, with_arg: bool) -> tuple[Tensor, Tensor]:
    """Maximum or minimum of the entries that share an index, and the position of the first such entry."""
    if src.dtype in SHORT:
        out, arg = extreme(src.int(), index, dim, size, largest, with_arg)
        return out.to(src.dtype), arg
    out, found = _scatter(src, index, dim, size, MAX if largest else MIN, with_arg)
    return out, torch.empty(0, dtype=torch.int64) if found is None else found


def gather(src: Tensor, index: Tensor, dim: int) -> Tensor:
    """For each entry, the row of its group."""
    shape = list(src.shape)
    size = shape[dim]
    entries = shape[dim] = index.shape[0] if index.dim() == 1 else index.shape[dim]
    out = empty(src, tuple(shape))
    if out.numel():
        batch = 1 if dim == 0 else math.prod(shape[:dim])
        columns = out.numel() // (batch * entries)
        per_column = index.dim() > dim + 1
        bad = _core.gather_groups(
            SCALARS[index.dtype],
            src,
            index,
            0 if dim and index.dim() == 1 else entries * columns if per_column else entries,
            per_column,
            batch,
            entries,
            columns,
            size,
            src.element_size(),
            out,
            _threads(out.numel()),
        )
        if bad >= 0:
            raise _outside(index, bad, size)
    return out


def place(src: Tensor, arg: Tensor, dim: int, size: int) -> Tensor:
    """Write src[group] to entry arg[group] of ``size`` entries, except where arg == size; the rest is 0."""
    shape = list(src.shape)
    number, shape[dim] = shape[dim], size
    if not src.numel():
        return src.new_zeros(shape)
    out = empty(src, tuple(shape))
    batch = math.prod(shape[:dim])
    _core.place_entries(
        src,
        arg,
        batch,
        number,
        src.numel() // (batch * number),
        size,
        src.element_size(),
        out,
        _threads(out.numel()),
    )
    return out


def _segments(src: Tensor, indptr: Tensor, dim: int, reduce: int, with_arg: bool) -> tuple[Tensor, Tensor | None]:
    shape = list(src.shape)
    entries = shape[dim]
    number = shape[dim] = indptr.shape[-1] - 1
    out = empty(src, tuple(shape))
    arg = empty(src, tuple(shape), torch.int64) if with_arg else None
    if out.numel():
        batch = 1 if dim == 0 else math.prod(shape[:dim])
        _core.segment_reduce(
            SCALARS[src.dtype],
            reduce,
            src,
            indptr,
            0 if indptr.dim() == 1 else number + 1,
            batch,
            entries,
            out.numel() // (batch * number),
            number,
            out,
            arg,
            _threads(src.numel()),
        )
    return out, arg


def segment_fold(src: Tensor, indptr: Tensor, dim: int, reduce: int) -> Tensor:
    """Sum or mean over ranges of entries."""
    if src.dtype in SHORT:
        return segment_fold(src.int(), indptr, dim, reduce).to(src.dtype)
    return _segments(src, indptr, dim, reduce, False)[0]


def segment_extreme(src: Tensor, indptr: Tensor, dim: int, largest: bool, with_arg: bool) -> tuple[Tensor, Tensor]:
    """Maximum or minimum over ranges of entries, and the position of the first such entry."""
    if src.dtype in SHORT:
        out, arg = segment_extreme(src.int(), indptr, dim, largest, with_arg)
        return out.to(src.dtype), arg
    out, found = _segments(src, indptr, dim, MAX if largest else MIN, with_arg)
    return out, torch.empty(0, dtype=torch.int64) if found is None else found


def segment_expand(src: Tensor, indptr: Tensor, dim: int, size: int) -> Tensor:
    """For each of ``size`` entries, the row of its segment; 0 for entries outside all segments."""
    shape = list(src.shape)
    number, shape[dim] = shape[dim], size
    if not number:
        return src.new_zeros(shape)
    out = empty(src, tuple(shape))
    if out.numel():
        batch = 1 if dim == 0 else math.prod(shape[:dim])
        _core.expand_segments(
            src,
            indptr,
            0 if indptr.dim() == 1 else number + 1,
            batch,
            number,
            size,
            out.numel() // (batch * size) * src.element_size(),
            out,
            _threads(out.numel()),
        )
    return out


def offsets(index: Tensor, size: int) -> Tensor:
    """Offsets of the groups of a sorted index: for g in 0 … size, the number of ids below g."""
    indptr = empty(index, (*index.shape[:-1], size + 1), torch.int64)
    entries = index.shape[-1]
    bad = _core.sorted_offsets(
        SCALARS[index.dtype],
        index,
        math.prod(index.shape[:-1]),
        entries,
        size,
        indptr,
        _threads(index.numel()),
    )
    if bad >= 0:
        falls = (index[..., 1:] < index[..., :-1]).nonzero()
        if not len(falls):
            raise _outside(index, bad, size)
        *row, place = falls[0].tolist()
        before, after = index[tuple(row)][place : place + 2].tolist()
        raise ValueError(
            f"index must ascend along its last dimension, got {after} after {before} at position {place + 1}."
        )
    return indptr


def softmax(src: Tensor, index: Tensor, dim: int, size: int) -> Tensor:
    """Softmax over the entries that share an index."""
    x = src.float() if src.dtype in (torch.bfloat16, torch.float16) else src
    largest = _scatter(x, index, dim, size, MAX, False)[0]
    largest.masked_fill_(largest == -torch.inf, 0)
    e = torch.sub(x, gather(largest, index, dim)).exp_()
    total = fold(e, index, dim, size, SUM)
    return e.div_(gather(total, index, dim)).to(src.dtype)


def largest_id(index: Tensor) -> int:
    """Largest id, -1 for an empty index."""
    return int(_core.largest_id(SCALARS[index.dtype], index, _threads(index.numel())))
