"""Softmax, log-softmax, logsumexp and standard deviation over the entries that share an index."""

from __future__ import annotations

import torch

from graphrep.ops.library import differentiating
from graphrep.ops.segment.arguments import check_floating, scatter_arguments
from graphrep.ops.segment.kernels import SUM, counts, divided, extreme_op, fold_op, gather_op, softmax_op

__all__ = ["scatter_log_softmax", "scatter_logsumexp", "scatter_softmax", "scatter_std"]

Tensor = torch.Tensor
SMALL_EPS = 1e-9


def scatter_softmax(src: Tensor, index: Tensor, dim: int = -1, dim_size: int | None = None) -> Tensor:
    r"""Softmax over the entries that share an index: :math:`y_e = \exp(x_e) / \sum_{f \sim e} \exp(x_f)`.

    Arguments and results are those of torch-scatter; see :func:`scatter`. Differentiable twice.

    Raises
    ------
    ValueError
        ``src`` is not floating-point, or as :func:`scatter`.

    Examples
    --------
    >>> import torch
    >>> import graphrep as gr
    >>> gr.ops.scatter_softmax(torch.tensor([0.0, 1.0, 0.0]), torch.tensor([0, 1, 0]))
    tensor([0.5000, 1.0000, 0.5000])
    """
    check_floating(src, "scatter_softmax")
    x, at, dim, size = scatter_arguments(src, index, dim, None, dim_size)
    share: Tensor = softmax_op(x, at, dim, size)
    return share


def scatter_log_softmax(
    src: Tensor, index: Tensor, dim: int = -1, eps: float = 1e-12, dim_size: int | None = None
) -> Tensor:
    r"""Logarithm of :func:`scatter_softmax`: :math:`y_e = x_e - m - \log(\sum_f \exp(x_f - m) + \epsilon)`.

    :math:`m` is the largest value of the group; see :func:`scatter`.

    Raises
    ------
    ValueError
        ``src`` is not floating-point, or as :func:`scatter`.
    """
    check_floating(src, "scatter_log_softmax")
    x, at, dim, size = scatter_arguments(src, index, dim, None, dim_size)
    centered = x - gather_op(_largest(x, at, dim, size, eps), at, dim)
    result: Tensor = centered - gather_op((fold_op(centered.exp(), at, dim, size, SUM) + eps).log(), at, dim)
    return result


def scatter_logsumexp(
    src: Tensor,
    index: Tensor,
    dim: int = -1,
    out: Tensor | None = None,
    dim_size: int | None = None,
    eps: float = 1e-12,
) -> Tensor:
    r"""Logarithm of the sum of exponentials of the entries that share an index.

    :math:`y_i = m_i + \log(\sum_{e:\, \mathrm{index}_e = i} \exp(x_e - m_i) + \epsilon)`, where :math:`m_i` is the
    largest value of the group. Groups whose sum is 0, such as those without entries, become 0. ``out`` counts as one
    more value of each group and is overwritten; see :func:`scatter`.

    Raises
    ------
    ValueError
        ``src`` is not floating-point, or as :func:`scatter`.

    Notes
    -----
    NaN and infinity are propagated; torch-scatter turns them into finite numbers.
    """
    check_floating(src, "scatter_logsumexp")
    x, at, dim, size = scatter_arguments(src, index, dim, out, dim_size)
    largest = _largest(x, at, dim, size, eps)
    largest = largest.masked_fill(~largest.isfinite(), 0)
    total = fold_op((x - gather_op(largest, at, dim)).exp(), at, dim, size, SUM)
    nothing = total == 0
    result: Tensor = (total.masked_fill(nothing, 1) + eps).log() + largest
    if out is None:
        return result.masked_fill(nothing, 0)
    return out.copy_(torch.logaddexp(out, result.masked_fill(nothing, -torch.inf)))


def scatter_std(
    src: Tensor,
    index: Tensor,
    dim: int = -1,
    out: Tensor | None = None,
    dim_size: int | None = None,
    unbiased: bool = True,
) -> Tensor:
    r"""Standard deviation of the entries that share an index.

    :math:`y_i = \sqrt{\sum_e (x_e - \bar{x}_i)^2 / (n_i + 10^{-6})}`, where :math:`n_i` is the number of entries, minus
    1 if ``unbiased``, and at least 1. If ``out`` is given, the squares are added to it. See :func:`scatter`.

    Raises
    ------
    IndexError, TypeError, ValueError
        As :func:`scatter`.

    Notes
    -----
    Where the deviation is 0, so is its gradient (torch-scatter: NaN).
    """
    if isinstance(src, Tensor) and not src.is_floating_point():
        src = src.to(torch.get_default_dtype())
    x, at, dim, size = scatter_arguments(src, index, dim, out, dim_size)
    number = counts(at, dim, size, x.dim())
    mean = divided(fold_op(x, at, dim, size, SUM), number)
    total: Tensor = fold_op((x - gather_op(mean, at, dim)).square(), at, dim, size, SUM)
    if out is not None:
        total = out.add_(total)
    if unbiased:
        number = (number - 1).clamp_(min=1)
    variance = divided(total, number.double() + 1e-6)
    flat = variance == 0
    return variance.masked_fill(flat, 1).sqrt().masked_fill(flat, 0)


def _largest(x: Tensor, index: Tensor, dim: int, size: int, eps: float) -> Tensor:
    """Largest value of each group, to be subtracted; 0 if it is minus infinity.

    Without eps the result does not depend on it; a small eps changes the gradient accordingly little.
    """
    matters = eps > SMALL_EPS and differentiating(x)
    largest: Tensor = extreme_op(x if matters else x.detach(), index, dim, size, True, matters)[0]
    return largest.masked_fill(largest == -torch.inf, 0)
