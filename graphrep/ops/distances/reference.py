"""Distances in plain torch, some rows at a time."""

from __future__ import annotations

from collections.abc import Iterator

import torch

Tensor = torch.Tensor

_DIFFERENCES = 1 << 24  # held at once


def distances(x: Tensor, y: Tensor, moduli: bool) -> Tensor:
    """See :func:`graphrep.ops.distances`."""
    out = x.new_empty((len(x), len(y)))
    for begin, end in _blocks(x, y):
        apart = x[begin:end, None] - y
        out[begin:end] = (_length(apart) if moduli else apart.abs()).sum(-1)
    return out


def gradient(x: Tensor, y: Tensor, factor: Tensor, moduli: bool) -> Tensor:
    """Gradient of the rows of ``x``, from that of their distances."""
    out = torch.empty_like(x)
    for begin, end in _blocks(x, y):
        apart = x[begin:end, None] - y
        if moduli:
            length = _length(apart)
            unit = apart / torch.where(length > 0, length, 1).repeat(1, 1, 2)
        else:
            unit = apart.sign()
        out[begin:end] = (factor[begin:end, :, None] * unit).sum(1)
    return out


def _length(apart: Tensor) -> Tensor:
    real, imaginary = apart.chunk(2, dim=-1)
    return torch.hypot(real, imaginary)


def _blocks(x: Tensor, y: Tensor) -> Iterator[tuple[int, int]]:
    step = max(1, _DIFFERENCES // max(1, y.numel()))
    for begin in range(0, len(x), step):
        yield begin, min(begin + step, len(x))
