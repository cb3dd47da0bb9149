"""Scatter and segment reductions in plain torch: the test oracle, and the implementation without a kernel."""

from __future__ import annotations

import torch

from graphrep.ops.library import checking

Tensor = torch.Tensor
SUM, MEAN, MAX, MIN, MUL = range(5)  # csrc/scalars.hpp


def spread(index: Tensor, dim: int, ndim: int) -> Tensor:
    """View an index of shape (E,), (leading..., E) or the full shape so that it broadcasts to ``ndim`` dimensions."""
    if index.dim() == 1:
        return index.view(*[1] * dim, -1, *[1] * (ndim - dim - 1))
    return index.view(*index.shape, *[1] * (ndim - index.dim()))


def _full(index: Tensor, shape: torch.Size, dim: int, size: int) -> Tensor:
    if checking() and index.numel() and (int(index.min()) < 0 or int(index.max()) >= size):
        wrong = index[(index < 0) | (index >= size)]
        raise IndexError(f"index must lie in [0, {size}), got {int(wrong[0])}.")
    return spread(index, dim, len(shape)).long().expand(shape)


def _wide(src: Tensor) -> Tensor:
    """Convert 16-bit floats and short integers to 32 bits."""
    if src.dtype in (torch.bfloat16, torch.float16):
        return src.float()
    return src.int() if src.dtype in (torch.int16, torch.int8, torch.uint8) else src


def _resized(shape: torch.Size, dim: int, size: int) -> tuple[int, ...]:
    return (*shape[:dim], size, *shape[dim + 1 :])


def counts(index: Tensor, shape: torch.Size, dim: int, size: int) -> Tensor:
    """Number of entries of each group, int64, at least 1, in a shape that broadcasts to the result."""
    if index.dim() == 1:
        axis, at = 0, index.long()
    else:
        axis, at = dim, index.long()
    ones = torch.ones_like(at)
    number = at.new_zeros(_resized(at.shape, axis, size)).scatter_add(axis, at, ones).clamp(min=1)
    return spread(number, dim, len(shape))


def fold(src: Tensor, index: Tensor, dim: int, size: int, reduce: int) -> Tensor:
    """Sum, mean or product of the entries that share an index."""
    at, wide, shape = _full(index, src.shape, dim, size), _wide(src), _resized(src.shape, dim, size)
    if reduce == MUL:
        return wide.new_ones(shape).scatter_reduce(dim, at, wide, "prod").to(src.dtype)
    out = wide.new_zeros(shape).scatter_add(dim, at, wide)
    if reduce == MEAN:
        number = counts(index, src.shape, dim, size)
        out = out / number if src.is_floating_point() else out.div(number, rounding_mode="floor")
    return out.to(src.dtype)


def extreme(src: Tensor, index: Tensor, dim: int, size: int, largest: bool, with_arg: bool) -> tuple[Tensor, Tensor]:
    """Maximum or minimum of the entries that share an index, and the position of the first such entry."""
    at, wide, shape = _full(index, src.shape, dim, size), _wide(src), _resized(src.shape, dim, size)
    how = "amax" if largest else "amin"
    out = wide.new_zeros(shape).scatter_reduce(dim, at, wide, how, include_self=False)
    if not with_arg:
        return out.to(src.dtype), torch.empty(0, dtype=torch.int64, device=src.device)
    none = src.shape[dim]
    wins = (wide == out.gather(dim, at)) | wide.isnan()
    entry = spread(torch.arange(none, device=src.device), dim, src.dim())
    arg = torch.full(shape, none, device=src.device)
    arg = arg.scatter_reduce(dim, at, torch.where(wins, entry, none), "amin")
    return out.to(src.dtype), arg


def gather(src: Tensor, index: Tensor, dim: int) -> Tensor:
    """For each entry, the row of its group."""
    entries = index.shape[0] if index.dim() == 1 else index.shape[dim]
    shape = torch.Size(_resized(src.shape, dim, entries))
    return src.gather(dim, _full(index, shape, dim, src.shape[dim]))


def place(src: Tensor, arg: Tensor, dim: int, size: int) -> Tensor:
    """Write src[group] to entry arg[group] of ``size`` entries, except where arg == size; the rest is 0."""
    out = src.new_zeros(_resized(src.shape, dim, size + 1))
    return out.scatter(dim, arg, src).narrow(dim, 0, size).contiguous()


def groups(indptr: Tensor, entries: int) -> Tensor:
    """Group of each entry; the number of groups for entries outside all groups."""
    number = indptr.shape[-1] - 1
    e = torch.arange(entries, device=indptr.device).expand(*indptr.shape[:-1], entries).contiguous()
    group = torch.searchsorted(indptr.contiguous(), e, right=True) - 1
    return torch.where(group < 0, number, group)


def segment_fold(src: Tensor, indptr: Tensor, dim: int, reduce: int) -> Tensor:
    """Sum or mean over ranges of entries."""
    number = indptr.shape[-1] - 1
    out = fold(src, groups(indptr, src.shape[dim]), dim, number + 1, reduce)
    return out.narrow(dim, 0, number).contiguous()


def segment_extreme(src: Tensor, indptr: Tensor, dim: int, largest: bool, with_arg: bool) -> tuple[Tensor, Tensor]:
    """Maximum or minimum over ranges of entries, and the position of the first such entry."""
    number = indptr.shape[-1] - 1
    out, arg = extreme(src, groups(indptr, src.shape[dim]), dim, number + 1, largest, with_arg)
    return out.narrow(dim, 0, number).contiguous(), arg.narrow(dim, 0, number).contiguous() if with_arg else arg


def segment_expand(src: Tensor, indptr: Tensor, dim: int, size: int) -> Tensor:
    """For each of ``size`` entries, the row of its segment; 0 for entries outside all segments."""
    padded = torch.cat([src, src.new_zeros(_resized(src.shape, dim, 1))], dim)
    return gather(padded, groups(indptr, size), dim)


def offsets(index: Tensor, size: int) -> Tensor:
    """Offsets of the groups of a sorted index: for g in 0 … size, the number of ids below g."""
    if checking() and index.numel():
        if bool((index[..., 1:] < index[..., :-1]).any()):
            raise ValueError("index must ascend along its last dimension.")
        if int(index.min()) < 0 or int(index.max()) >= size:
            wrong = index[(index < 0) | (index >= size)]
            raise IndexError(f"index must lie in [0, {size}), got {int(wrong[0])}.")
    ids = torch.arange(size + 1, device=index.device).expand(*index.shape[:-1], size + 1).contiguous()
    return torch.searchsorted(index.long().contiguous(), ids)


def softmax(src: Tensor, index: Tensor, dim: int, size: int) -> Tensor:
    """Softmax over the entries that share an index."""
    wide = _wide(src)
    largest = extreme(wide, index, dim, size, True, False)[0]
    largest = largest.masked_fill(largest == -torch.inf, 0)
    e = (wide - gather(largest, index, dim)).exp()
    return (e / gather(fold(e, index, dim, size, SUM), index, dim)).to(src.dtype)
