"""Argument checks shared by the public functions, and reduction of an index to its smallest equivalent shape."""

from __future__ import annotations

import os

import torch

from graphrep import _core
from graphrep.ops.adjacency import describe
from graphrep.ops.library import SCALARS, checking, eager, plain
from graphrep.ops.segment.cpu import largest_id

Tensor = torch.Tensor
IDS = (torch.int32, torch.int64)


def check_source(src: Tensor, index: Tensor, name: str) -> None:
    """Check dtypes and devices of the input and of ``index`` or ``indptr``."""
    if not isinstance(src, Tensor) or src.dtype not in SCALARS:
        raise TypeError(f"src must be a tensor of floats or integers, got {describe(src)}.")
    if not isinstance(index, Tensor) or index.dtype not in IDS:
        raise TypeError(f"{name} must be an int32 or int64 tensor, got {describe(index)}.")
    if index.device != src.device:
        raise ValueError(f"src is on {src.device}, but {name} is on {index.device}.")


def check_floating(src: Tensor, name: str) -> None:
    """Raise torch-scatter's ValueError, for functions that accept floats only."""
    if not isinstance(src, Tensor) or not src.is_floating_point():
        raise ValueError(f"{name} needs a floating-point src, got {describe(src)}.")


def check_out(out: Tensor, src: Tensor, dim: int, size: int | None = None) -> None:
    """Check that ``out`` is a tensor like ``src`` except for its size along ``dim``."""
    if not isinstance(out, Tensor) or out.dtype != src.dtype or out.device != src.device:
        raise TypeError(f"out must be a {src.dtype} tensor on {src.device}, got {describe(out)}.")
    wanted = list(src.shape)
    if out.dim() == src.dim():
        wanted[dim] = out.shape[dim] if size is None else size
    if list(out.shape) != wanted:
        raise ValueError(
            f"out must have the shape of src, {tuple(src.shape)}, except along dimension {dim}; got {describe(out)}."
        )


def axis(src: Tensor, dim: int) -> int:
    """``dim`` as a non-negative number."""
    n = src.dim()
    if not -n <= dim < n:
        raise IndexError(f"dim must lie in [{-n}, {n}), got {dim}.")
    return dim + n if dim < 0 else dim


def compact(index: Tensor, shape: torch.Size, dim: int, name: str = "index") -> Tensor:
    """Index that broadcasts to ``shape`` in all dimensions except ``dim``, in the smallest shape that the ops accept.

    A one-dimensional index lies along ``dim``; others are aligned with the first dimensions. An ``expand`` is undone,
    so that an expanded index costs nothing.
    """
    n = len(shape)
    if index.dim() == 1 and index.shape[0] == shape[dim]:
        return index.contiguous()
    wrong = ValueError(
        f"{name} of shape {tuple(index.shape)} does not broadcast to {tuple(shape)} along dimension {dim}."
    )
    if index.dim() == 1:
        index = index.view(*[1] * dim, -1)
    if not 0 < index.dim() <= n:
        raise wrong
    for _ in range(index.dim(), n):
        index = index.unsqueeze(-1)
    if any(have not in (1, want) for have, want in zip(index.shape, shape, strict=True)):
        raise wrong
    index = index.expand(shape)
    if 0 in shape:
        return index.new_zeros(shape[dim])
    stride = index.stride()
    if all(stride[a] == 0 or shape[a] == 1 for a in range(dim + 1, n)):
        index = index[(slice(None),) * (dim + 1) + (0,) * (n - dim - 1)]
        if all(stride[a] == 0 or shape[a] == 1 for a in range(dim)):
            index = index[(0,) * dim]
    return index.contiguous()


def number_of_groups(index: Tensor) -> int:
    """One more than the largest id, 0 for an empty index."""
    if _native(index):
        return max(largest_id(index.contiguous()) + 1, 0)
    return max(int(index.max()) + 1, 0) if index.numel() else 0


def _native(index: Tensor) -> bool:
    """Whether a native kernel can read this tensor directly."""
    return (
        index.device.type == "cpu"
        and type(index) is Tensor
        and eager()
        and os.environ.get("GRAPHREP_BACKEND") != "reference"
    )


def scatter_arguments(
    src: Tensor, index: Tensor, dim: int, out: Tensor | None, dim_size: int | None
) -> tuple[Tensor, Tensor, int, int]:
    """Contiguous ``src``, compact ``index``, non-negative ``dim``, and the number of groups."""
    src, index = plain(src), plain(index)
    check_source(src, index, "index")
    dim = axis(src, dim)
    if out is not None:
        check_out(out, src, dim)
        size = out.shape[dim]
    elif dim_size is not None:
        size = dim_size
        if size < 0:
            raise ValueError(f"dim_size must not be negative, got {size}.")
    given = index
    index = compact(index, src.shape, dim)
    if out is None and dim_size is None:
        size = number_of_groups(index if src.numel() else given)
    return src.contiguous(), index, dim, size


def segment_arguments(src: Tensor, indptr: Tensor, entries: int | None) -> tuple[Tensor, Tensor, int]:
    """Contiguous ``src``, compact int64 ``indptr``, and its dimension; offsets checked against ``entries``.

    As in torch-scatter, an ``indptr`` without offsets has no segments, like one with a single offset.
    """
    src, indptr = plain(src), plain(indptr)
    check_source(src, indptr, "indptr")
    dim = indptr.dim() - 1
    if not 0 <= dim < src.dim():
        raise ValueError(
            f"indptr must have 1 to {src.dim()} dimensions, at most as many as src; got {describe(indptr)}."
        )
    if indptr.shape[-1] == 0:
        indptr = indptr.new_zeros(*indptr.shape[:-1], 1)
    indptr = compact(indptr, torch.Size((*src.shape[:dim], indptr.shape[-1])), dim, "indptr").long()
    if checking():
        check_offsets(indptr, src.shape[dim] if entries is None else entries)
    return src.contiguous(), indptr, dim


def check_offsets(indptr: Tensor, entries: int) -> None:
    """Check that the offsets ascend within [0, entries]."""
    if not indptr.numel():
        return
    rows = indptr.reshape(-1, indptr.shape[-1])
    if _native(rows):
        bad = _core.wrong_offset(rows, rows.shape[0], rows.shape[1] - 1, entries)
    else:
        before = torch.cat([torch.zeros_like(rows[:, :1]), rows[:, :-1]], 1)
        wrong = ((rows < before) | (rows > entries)).view(-1).nonzero()
        bad = int(wrong[0]) if len(wrong) else -1
    if bad >= 0:
        row, place = divmod(bad, rows.shape[1])
        value = int(rows[row, place])
        if not 0 <= value <= entries:
            raise IndexError(f"indptr must lie in [0, {entries}], got {value} at position {place}.")
        raise ValueError(f"indptr must ascend, got {value} after {int(rows[row, place - 1])} at position {place}.")


def merge_extreme(out: Tensor, best: Tensor, arg: Tensor, entries: int, *, largest: bool) -> tuple[Tensor, Tensor]:
    """Include ``out`` in a maximum or minimum, in place; on a tie the value of ``out`` wins, which has no entry."""
    wins = (best > out) if largest else (best < out)
    if best.is_floating_point():
        wins |= best.isnan() & ~out.isnan()
    wins &= arg < entries
    return out.copy_(torch.where(wins, best, out)), torch.where(wins, arg, entries)
