"""Segments given by a sorted index (COO): reduced and gathered through the equivalent offsets."""

from __future__ import annotations

import torch

from graphrep.ops.library import differentiating, plain
from graphrep.ops.segment.arguments import (
    check_out,
    check_source,
    compact,
    merge_extreme,
    number_of_groups,
)
from graphrep.ops.segment.kernels import (
    MEAN,
    SUM,
    divided,
    expand_op,
    offsets_op,
    segment_counts,
    segment_extreme_op,
    segment_op,
)

__all__ = [
    "gather_coo",
    "segment_add_coo",
    "segment_coo",
    "segment_max_coo",
    "segment_mean_coo",
    "segment_min_coo",
    "segment_sum_coo",
]

Tensor = torch.Tensor


def segment_coo(
    src: Tensor, index: Tensor, out: Tensor | None = None, dim_size: int | None = None, reduce: str = "sum"
) -> Tensor:
    r"""Reduce the entries that share a sorted index: :math:`y_i = \bigoplus_{e:\, \mathrm{index}_e = i} x_e`.

    Names, arguments and results are those of torch-scatter. Computes the same as :func:`scatter`, but faster, since the
    entries of a group are adjacent.

    Parameters
    ----------
    src : float32, float64, bfloat16, float16 or integer tensor
    index : int32 or int64 tensor
        Ascending along its last dimension, the one of ``src`` to be reduced; its other dimensions are aligned with the
        first ones of ``src`` and may be 1.
    out : tensor, optional
        Included in the reduction (for a mean, added to the sums before they are divided), then overwritten by the
        result and returned.
    dim_size : int, optional
        Size of the result along that dimension. Default: ``index.max() + 1``.
    reduce : {"sum", "add", "mean", "min", "max"}

    Returns
    -------
    tensor of the shape of ``src``, with ``dim_size`` along that dimension
        Groups without entries become 0.

    Raises
    ------
    ValueError
        ``index`` descends, its shape or device does not match, or ``reduce`` is unknown.
    IndexError, TypeError
        An index lies outside [0, dim_size), or a dtype is wrong.

    Notes
    -----
    As :func:`segment_csr`.

    Examples
    --------
    >>> import torch
    >>> import graphrep as gr
    >>> gr.ops.segment_coo(torch.arange(4.0), torch.tensor([0, 0, 2, 2]), reduce="max")
    tensor([1., 0., 3.])
    """
    if reduce in ("sum", "add"):
        return segment_sum_coo(src, index, out, dim_size)
    if reduce == "mean":
        return segment_mean_coo(src, index, out, dim_size)
    if reduce not in ("min", "max"):
        raise ValueError(f"reduce must be one of sum, add, mean, min, max; got {reduce!r}.")
    with_arg = out is not None or differentiating(src)
    return _extreme(src, index, out, dim_size, largest=reduce == "max", with_arg=with_arg)[0]


def segment_sum_coo(src: Tensor, index: Tensor, out: Tensor | None = None, dim_size: int | None = None) -> Tensor:
    """Sum of the entries that share a sorted index; see :func:`segment_coo`."""
    x, indptr, dim = _arguments(src, index, out, dim_size)
    total: Tensor = segment_op(x, indptr, dim, SUM)
    return total if out is None else out.add_(total)


def segment_add_coo(src: Tensor, index: Tensor, out: Tensor | None = None, dim_size: int | None = None) -> Tensor:
    """Another name of :func:`segment_sum_coo`."""
    return segment_sum_coo(src, index, out, dim_size)


def segment_mean_coo(src: Tensor, index: Tensor, out: Tensor | None = None, dim_size: int | None = None) -> Tensor:
    """Mean of the entries that share a sorted index; see :func:`segment_coo`."""
    x, indptr, dim = _arguments(src, index, out, dim_size)
    if out is None:
        mean: Tensor = segment_op(x, indptr, dim, MEAN)
        return mean
    total = out + segment_op(x, indptr, dim, SUM)
    return out.copy_(divided(total, segment_counts(indptr, dim, total.dim())))


def segment_min_coo(
    src: Tensor, index: Tensor, out: Tensor | None = None, dim_size: int | None = None
) -> tuple[Tensor, Tensor]:
    """Minimum of the entries that share a sorted index, and its position; see :func:`scatter_max`."""
    return _extreme(src, index, out, dim_size, largest=False)


def segment_max_coo(
    src: Tensor, index: Tensor, out: Tensor | None = None, dim_size: int | None = None
) -> tuple[Tensor, Tensor]:
    """Maximum of the entries that share a sorted index, and its position; see :func:`scatter_max`."""
    return _extreme(src, index, out, dim_size, largest=True)


def gather_coo(src: Tensor, index: Tensor, out: Tensor | None = None) -> Tensor:
    r"""Value of the group of each entry: :math:`y_e = x_{\mathrm{index}_e}`, for a sorted index.

    The derivative of :func:`segment_sum_coo`, and vice versa.

    Parameters
    ----------
    src : float32, float64, bfloat16, float16 or integer tensor
    index : int32 or int64 tensor
        As in :func:`segment_coo`.
    out : tensor, optional
        Overwritten by the result and returned.

    Returns
    -------
    tensor of the shape of ``src``, with the size of ``index`` along its last dimension

    Raises
    ------
    IndexError, ValueError, TypeError
        As :func:`segment_coo`.

    Examples
    --------
    >>> import torch
    >>> import graphrep as gr
    >>> gr.ops.gather_coo(torch.tensor([7.0, 8.0, 9.0]), torch.tensor([0, 0, 2]))
    tensor([7., 7., 9.])
    """
    dim = _dimension(src, index)
    entries = index.shape[dim]
    at = compact(index, torch.Size((*src.shape[:dim], entries)), dim)
    x = src.contiguous()
    result: Tensor = expand_op(x, offsets_op(at, x.shape[dim]), dim, entries)
    if out is None:
        return result
    check_out(out, src, dim, entries)
    return out.copy_(result)


def _dimension(src: Tensor, index: Tensor) -> int:
    check_source(src, index, "index")
    if not 0 < index.dim() <= src.dim():
        raise ValueError(f"index must have 1 to {src.dim()} dimensions, at most as many as src; got {index.dim()}.")
    return index.dim() - 1


def _arguments(src: Tensor, index: Tensor, out: Tensor | None, dim_size: int | None) -> tuple[Tensor, Tensor, int]:
    src, index = plain(src), plain(index)
    dim = _dimension(src, index)
    at = compact(index, src.shape[: dim + 1], dim)
    if out is not None:
        check_out(out, src, dim)
        size = out.shape[dim]
    elif dim_size is not None:
        size = dim_size
        if size < 0:
            raise ValueError(f"dim_size must not be negative, got {size}.")
    else:
        size = number_of_groups(at[..., -1:] if at.numel() else at)
    return src.contiguous(), offsets_op(at, size), dim


def _extreme(
    src: Tensor, index: Tensor, out: Tensor | None, dim_size: int | None, *, largest: bool, with_arg: bool = True
) -> tuple[Tensor, Tensor]:
    x, indptr, dim = _arguments(src, index, out, dim_size)
    best, arg = segment_extreme_op(x, indptr, dim, largest, with_arg)
    if out is None:
        return best, arg
    return merge_extreme(out, best, arg, x.shape[dim], largest=largest)
