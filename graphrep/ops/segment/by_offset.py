"""Segments given by offsets (CSR): reduce ranges of entries, and repeat values over them."""

from __future__ import annotations

import torch

from graphrep.ops.library import differentiating
from graphrep.ops.segment.arguments import check_out, segment_arguments
from graphrep.ops.segment.kernels import MEAN, SUM, expand_op, segment_extreme_op, segment_op

__all__ = [
    "gather_csr",
    "segment_add_csr",
    "segment_csr",
    "segment_max_csr",
    "segment_mean_csr",
    "segment_min_csr",
    "segment_sum_csr",
]

Tensor = torch.Tensor


def segment_csr(src: Tensor, indptr: Tensor, out: Tensor | None = None, reduce: str = "sum") -> Tensor:
    r"""Reduce ranges of entries: :math:`y_i = \bigoplus_{e = \mathrm{indptr}_i}^{\mathrm{indptr}_{i+1} - 1} x_e`.

    Names, arguments and results are those of torch-scatter.

    Parameters
    ----------
    src : float32, float64, bfloat16, float16 or integer tensor
    indptr : int32 or int64 tensor of shape (N + 1,) or (..., N + 1)
        Ascending offsets along dimension ``indptr.dim() - 1`` of ``src``; its other dimensions are aligned with the
        first ones of ``src`` and may be 1. Without any offset there are no segments.
    out : tensor, optional
        Overwritten by the result and returned.
    reduce : {"sum", "add", "mean", "min", "max"}

    Returns
    -------
    tensor of the shape of ``src``, with N along that dimension
        Segments without entries become 0.

    Raises
    ------
    IndexError, ValueError, TypeError
        Offsets are out of range or descend, a shape, device or dtype is wrong, or ``reduce`` is unknown.

    Notes
    -----
    Differentiable in ``src``, twice for sum and mean. Time O(elements of ``src``). Sums are computed in float32 or
    wider, in an order that depends only on the length of the segment. Unlike in torch-scatter, the maximum or minimum
    of a segment with a NaN is NaN.

    Examples
    --------
    >>> import torch
    >>> import graphrep as gr
    >>> gr.ops.segment_csr(torch.arange(6.0), torch.tensor([0, 2, 2, 6]), reduce="mean")
    tensor([0.5000, 0.0000, 3.5000])
    """
    if reduce in ("sum", "add"):
        return segment_sum_csr(src, indptr, out)
    if reduce == "mean":
        return segment_mean_csr(src, indptr, out)
    if reduce not in ("min", "max"):
        raise ValueError(f"reduce must be one of sum, add, mean, min, max; got {reduce!r}.")
    return _extreme(src, indptr, out, largest=reduce == "max", with_arg=differentiating(src))[0]


def segment_sum_csr(src: Tensor, indptr: Tensor, out: Tensor | None = None) -> Tensor:
    """Sum over ranges of entries; see :func:`segment_csr`."""
    return _fold(src, indptr, out, SUM)


def segment_add_csr(src: Tensor, indptr: Tensor, out: Tensor | None = None) -> Tensor:
    """Another name of :func:`segment_sum_csr`."""
    return _fold(src, indptr, out, SUM)


def segment_mean_csr(src: Tensor, indptr: Tensor, out: Tensor | None = None) -> Tensor:
    """Mean over ranges of entries; see :func:`segment_csr`."""
    return _fold(src, indptr, out, MEAN)


def segment_min_csr(src: Tensor, indptr: Tensor, out: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Minimum over ranges of entries, and its position; see :func:`segment_max_csr`."""
    return _extreme(src, indptr, out, largest=False)


def segment_max_csr(src: Tensor, indptr: Tensor, out: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Maximum over ranges of entries, and its position (the number of entries if a range is empty).

    See :func:`segment_csr`.
    """
    return _extreme(src, indptr, out, largest=True)


def gather_csr(src: Tensor, indptr: Tensor, out: Tensor | None = None) -> Tensor:
    r"""Repeat values over ranges: :math:`y_e = x_i` for :math:`\mathrm{indptr}_i \le e < \mathrm{indptr}_{i+1}`.

    The derivative of :func:`segment_sum_csr`, and vice versa.

    Parameters
    ----------
    src : float32, float64, bfloat16, float16 or integer tensor
        N along dimension ``indptr.dim() - 1``.
    indptr : int32 or int64 tensor of shape (N + 1,) or (..., N + 1)
    out : tensor, optional
        Overwritten by the result and returned; its size is the number of entries. Default: the last offset.

    Returns
    -------
    tensor
        Entries outside all ranges become 0.

    Raises
    ------
    IndexError, ValueError, TypeError
        As :func:`segment_csr`.

    Examples
    --------
    >>> import torch
    >>> import graphrep as gr
    >>> gr.ops.gather_csr(torch.tensor([7.0, 8.0, 9.0]), torch.tensor([0, 2, 2, 3]))
    tensor([7., 7., 9.])
    """
    if out is not None:
        entries = out.shape[indptr.dim() - 1] if 0 < indptr.dim() <= out.dim() else 0
    else:
        entries = max(int(indptr.max()), 0) if indptr.numel() else 0
    x, offsets, dim = segment_arguments(src, indptr, entries)
    if x.shape[dim] != offsets.shape[-1] - 1:
        raise ValueError(
            f"src must have {offsets.shape[-1] - 1} rows along dimension {dim}, one per range of indptr; "
            f"got {x.shape[dim]}."
        )
    result: Tensor = expand_op(x, offsets, dim, entries)
    if out is None:
        return result
    check_out(out, src, dim, entries)
    return out.copy_(result)


def _fold(src: Tensor, indptr: Tensor, out: Tensor | None, reduce: int) -> Tensor:
    x, offsets, dim = segment_arguments(src, indptr, None)
    result: Tensor = segment_op(x, offsets, dim, reduce)
    if out is None:
        return result
    check_out(out, src, dim, result.shape[dim])
    return out.copy_(result)


def _extreme(
    src: Tensor, indptr: Tensor, out: Tensor | None, *, largest: bool, with_arg: bool = True
) -> tuple[Tensor, Tensor]:
    x, offsets, dim = segment_arguments(src, indptr, None)
    best, arg = segment_extreme_op(x, offsets, dim, largest, with_arg)
    if out is None:
        return best, arg
    check_out(out, src, dim, best.shape[dim])
    return out.copy_(best), arg
