"""Scatter: reduce the entries that share an index."""

from __future__ import annotations

import torch

from graphrep.ops.library import differentiating
from graphrep.ops.segment.arguments import merge_extreme, scatter_arguments
from graphrep.ops.segment.kernels import MEAN, MUL, SUM, counts, divided, extreme_op, fold_op

__all__ = ["scatter", "scatter_add", "scatter_max", "scatter_mean", "scatter_min", "scatter_mul", "scatter_sum"]

Tensor = torch.Tensor


def scatter(
    src: Tensor,
    index: Tensor,
    dim: int = -1,
    out: Tensor | None = None,
    dim_size: int | None = None,
    reduce: str = "sum",
) -> Tensor:
    r"""Reduce the entries of ``src`` that share an index: :math:`y_i = \bigoplus_{e:\, \mathrm{index}_e = i} x_e`.

    Names, arguments and results are those of torch-scatter. If the entries are rows gathered from a matrix,
    :func:`spmm` computes the same without storing them.

    Parameters
    ----------
    src : float32, float64, bfloat16, float16 or integer tensor
    index : int32 or int64 tensor
        One-dimensional along ``dim``, or aligned with the first dimensions of ``src`` and broadcast over the others.
    dim : int
        Dimension to reduce.
    out : tensor, optional
        Included in the reduction (for a mean, added to the sums before they are divided), then overwritten by the
        result and returned.
    dim_size : int, optional
        Size of the result along ``dim``. Default: ``index.max() + 1``.
    reduce : {"sum", "add", "mul", "mean", "min", "max"}

    Returns
    -------
    tensor of the shape of ``src``, with ``dim_size`` along ``dim``
        Groups without entries become 0, or 1 for products.

    Raises
    ------
    IndexError
        An index lies outside [0, dim_size), or ``dim`` is not a dimension of ``src``.
    TypeError, ValueError
        A dtype, device or shape is wrong, or ``reduce`` is unknown.

    Notes
    -----
    Differentiable in ``src`` and ``out``, twice for sum and mean. Time O(elements of ``src`` + elements of the result).
    Entries are reduced in order, 16-bit floats in float32: results have the same bits for any number of threads. Among
    equal extremes the first entry gets the gradient. Means of integers are rounded down.

    Differences from torch-scatter: the maximum or minimum of a group with a NaN is NaN, and that of a group with
    nothing but infinities is infinite. The mean of many 16-bit values does not lose its count.

    Examples
    --------
    >>> import torch
    >>> import graphrep as gr
    >>> src = torch.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    >>> gr.ops.scatter(src, torch.tensor([0, 2, 0]), dim=0)
    tensor([[6., 8.],
            [0., 0.],
            [3., 4.]])
    """
    if reduce in ("sum", "add"):
        return scatter_sum(src, index, dim, out, dim_size)
    if reduce == "mean":
        return scatter_mean(src, index, dim, out, dim_size)
    if reduce == "mul":
        return scatter_mul(src, index, dim, out, dim_size)
    if reduce not in ("min", "max"):
        raise ValueError(f"reduce must be one of sum, add, mul, mean, min, max; got {reduce!r}.")
    if out is not None:
        return _extreme(src, index, dim, out, dim_size, largest=reduce == "max")[0]
    x, at, dim, size = scatter_arguments(src, index, dim, None, dim_size)
    best: Tensor = extreme_op(x, at, dim, size, reduce == "max", differentiating(src))[0]
    return best


def scatter_sum(
    src: Tensor, index: Tensor, dim: int = -1, out: Tensor | None = None, dim_size: int | None = None
) -> Tensor:
    """Sum of the entries that share an index; see :func:`scatter`."""
    x, at, dim, size = scatter_arguments(src, index, dim, out, dim_size)
    total: Tensor = fold_op(x, at, dim, size, SUM)
    return total if out is None else out.add_(total)


def scatter_add(
    src: Tensor, index: Tensor, dim: int = -1, out: Tensor | None = None, dim_size: int | None = None
) -> Tensor:
    """Another name of :func:`scatter_sum`."""
    return scatter_sum(src, index, dim, out, dim_size)


def scatter_mul(
    src: Tensor, index: Tensor, dim: int = -1, out: Tensor | None = None, dim_size: int | None = None
) -> Tensor:
    """Product of the entries that share an index; see :func:`scatter`.

    As in torch-scatter, the gradient of an entry is that of the result times the result divided by the entry, and 0
    where this is NaN, as at entries that are 0.
    """
    x, at, dim, size = scatter_arguments(src, index, dim, out, dim_size)
    product: Tensor = fold_op(x, at, dim, size, MUL)
    return product if out is None else out.mul_(product)


def scatter_mean(
    src: Tensor, index: Tensor, dim: int = -1, out: Tensor | None = None, dim_size: int | None = None
) -> Tensor:
    """Mean of the entries that share an index; see :func:`scatter`."""
    x, at, dim, size = scatter_arguments(src, index, dim, out, dim_size)
    if out is None:
        mean: Tensor = fold_op(x, at, dim, size, MEAN)
        return mean
    total = out + fold_op(x, at, dim, size, SUM)
    return out.copy_(divided(total, counts(at, dim, size, total.dim())))


def scatter_min(
    src: Tensor, index: Tensor, dim: int = -1, out: Tensor | None = None, dim_size: int | None = None
) -> tuple[Tensor, Tensor]:
    """Minimum of the entries that share an index, and its position; see :func:`scatter_max`."""
    return _extreme(src, index, dim, out, dim_size, largest=False)


def scatter_max(
    src: Tensor, index: Tensor, dim: int = -1, out: Tensor | None = None, dim_size: int | None = None
) -> tuple[Tensor, Tensor]:
    """Maximum of the entries that share an index, and its position; see :func:`scatter`.

    Returns
    -------
    values : tensor
    arg : int64 tensor of the same shape
        Position along ``dim`` of the first entry with this value; ``src.shape[dim]`` if there is none, which is the
        case for groups without entries and for values of ``out``.

    Examples
    --------
    >>> import torch
    >>> import graphrep as gr
    >>> gr.ops.scatter_max(torch.tensor([1.0, 5.0, 3.0]), torch.tensor([0, 2, 0]))
    (tensor([3., 0., 5.]), tensor([2, 3, 1]))
    """
    return _extreme(src, index, dim, out, dim_size, largest=True)


def _extreme(
    src: Tensor, index: Tensor, dim: int, out: Tensor | None, dim_size: int | None, *, largest: bool
) -> tuple[Tensor, Tensor]:
    x, at, dim, size = scatter_arguments(src, index, dim, out, dim_size)
    best, arg = extreme_op(x, at, dim, size, largest, True)
    if out is None:
        return best, arg
    return merge_extreme(out, best, arg, x.shape[dim], largest=largest)
