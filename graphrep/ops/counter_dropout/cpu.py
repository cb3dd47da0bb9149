"""Counter-based dropout with the native kernels."""

from __future__ import annotations

import torch

from graphrep import _core
from graphrep.ops.counter_dropout.reference import scale, threshold
from graphrep.ops.library import SCALARS, SMALL, empty, threads

Tensor = torch.Tensor


def dropout(x: Tensor, p: float, seed: int, relu: bool, rows: Tensor | None = None) -> Tensor:
    """See :func:`graphrep.ops.dropout`."""
    out = empty(x, tuple(x.shape))
    if x.numel():
        _core.dropout(
            SCALARS[x.dtype],
            x,
            seed,
            threshold(p),
            scale(p),
            relu,
            rows,
            1 if rows is None else x.shape[1],
            out,
            _threads(x),
        )
    return out


def relu_dropout_backward(y: Tensor, grad: Tensor, p: float) -> Tensor:
    """Gradient of the input, from the result and its gradient."""
    out = empty(y, tuple(y.shape))
    if y.numel():
        _core.relu_dropout_backward(SCALARS[y.dtype], y, grad, scale(p), out, _threads(y))
    return out


def norm_dropout_relu(
    x: Tensor, weight: Tensor, bias: Tensor, eps: float, p: float, seed: int, rows: Tensor | None = None
) -> tuple[Tensor, Tensor, Tensor]:
    """Result, and the mean and inverse standard deviation of each row."""
    statistics = torch.float64 if x.dtype == torch.float64 else torch.float32
    y, columns = empty(x, tuple(x.shape)), x.shape[-1]
    mean, inverse = (empty(x, tuple(x.shape[:-1]), statistics) for _ in range(2))
    if x.numel():
        _core.norm_dropout_relu(
            SCALARS[x.dtype],
            x,
            weight,
            bias,
            x.numel() // columns,
            columns,
            eps,
            seed,
            threshold(p),
            scale(p),
            rows,
            y,
            mean,
            inverse,
            _threads(x),
        )
    return y, mean, inverse


def norm_dropout_relu_backward(
    x: Tensor, weight: Tensor, mean: Tensor, inverse: Tensor, y: Tensor, grad: Tensor, p: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of x, weight and bias."""
    columns = x.shape[-1]
    to_x, to_weight, to_bias = (empty(x, tuple(part.shape)) for part in (x, weight, weight))
    if not x.numel():
        return to_x, to_weight.zero_(), to_bias.zero_()
    _core.norm_dropout_relu_backward(
        SCALARS[x.dtype],
        x,
        weight,
        mean,
        inverse,
        y,
        grad,
        x.numel() // columns,
        columns,
        scale(p),
        to_x,
        to_weight,
        to_bias,
        _threads(x),
    )
    return to_x, to_weight, to_bias


def _threads(x: Tensor) -> int:
    return 1 if x.numel() < SMALL else threads()
