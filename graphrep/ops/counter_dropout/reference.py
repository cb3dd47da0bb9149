"""Counter-based dropout in plain torch: the test oracle, and the implementation without a kernel."""

from __future__ import annotations

import numpy as np
import torch

from graphrep._random import stream_key

Tensor = torch.Tensor

_GOLDEN = 0x9E3779B97F4A7C15 - 2**64
_FIRST, _SECOND = 0xBF58476D1CE4E5B9 - 2**64, 0x94D049BB133111EB - 2**64


def threshold(p: float) -> int:
    """Lower bound on the 32 random bits of an entry that is kept."""
    return min(round(p * 2**32), 2**32 - 1)


def scale(p: float) -> float:
    """Factor of the entries that are kept."""
    return 0.0 if p == 1 else 1 / (1 - p)


def _shifted(z: Tensor, bits: int) -> Tensor:
    """Logical right shift of 64-bit integers, which are signed in torch."""
    return (z >> bits) & ((1 << (64 - bits)) - 1)


def kept(x: Tensor, p: float, seed: int, rows: Tensor | None = None) -> Tensor:
    """Mask of the kept entries, bool of the shape of ``x``; integers wrap as in ``csrc/random.hpp``."""
    key = int(stream_key(seed, 0).astype(np.int64))
    if rows is None:
        position = torch.arange(x.numel(), device=x.device)
    else:
        position = (rows[:, None] * x.shape[1] + torch.arange(x.shape[1], device=x.device)).flatten()
    z = ((position >> 1) + 1) * _GOLDEN + key
    z = (z ^ _shifted(z, 30)) * _FIRST
    z = (z ^ _shifted(z, 27)) * _SECOND
    z = z ^ _shifted(z, 31)
    half = torch.where(position % 2 == 1, _shifted(z, 32), z & 0xFFFFFFFF)
    return (half >= threshold(p)).view(x.shape)


def _wide(x: Tensor) -> Tensor:
    return x if x.dtype == torch.float64 else x.float()


def dropout(x: Tensor, p: float, seed: int, relu: bool, rows: Tensor | None = None) -> Tensor:
    """See :func:`graphrep.ops.dropout`."""
    wide = _wide(x).relu() if relu else _wide(x)
    return torch.where(kept(x, p, seed, rows), wide * scale(p), 0).to(x.dtype)


def relu_dropout_backward(y: Tensor, grad: Tensor, p: float) -> Tensor:
    """Gradient of the input, from the result and its gradient."""
    return torch.where(y <= 0, 0, _wide(grad) * scale(p)).to(grad.dtype)


def inverse_deviation(wide: Tensor, mean: Tensor, eps: float) -> Tensor:
    """Inverse standard deviation of each row."""
    return ((wide - mean[..., None]).square().mean(-1) + eps).rsqrt()


def norm_dropout_relu(
    x: Tensor, weight: Tensor, bias: Tensor, eps: float, p: float, seed: int, rows: Tensor | None = None
) -> tuple[Tensor, Tensor, Tensor]:
    """Result, and the mean and inverse standard deviation of each row."""
    wide = _wide(x)
    mean = wide.mean(-1)
    inverse = inverse_deviation(wide, mean, eps)
    norm = (wide - mean[..., None]) * inverse[..., None] * _wide(weight) + _wide(bias)
    y = torch.where(kept(x, p, seed, rows), norm.relu() * scale(p), 0).to(x.dtype)
    return y, mean, inverse


def norm_dropout_relu_backward(
    x: Tensor, weight: Tensor, mean: Tensor, inverse: Tensor, y: Tensor, grad: Tensor, p: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of x, weight and bias."""
    through = torch.where(y <= 0, 0, _wide(grad) * scale(p))
    norm = (_wide(x) - mean[..., None]) * inverse[..., None]
    rows = tuple(range(x.dim() - 1))
    g = through * _wide(weight)
    slope = (g * norm).mean(-1, keepdim=True)
    to_x = (g - g.mean(-1, keepdim=True) - norm * slope) * inverse[..., None]
    to_weight, to_bias = (through * norm).sum(rows), through.sum(rows)
    return to_x.to(x.dtype), to_weight.to(weight.dtype), to_bias.to(weight.dtype)
