"""Distances with the native kernel, which is for float32."""

from __future__ import annotations

import torch

from graphrep import _core
from graphrep.ops.distances import reference
from graphrep.ops.library import empty, threads

Tensor = torch.Tensor


def distances(x: Tensor, y: Tensor, moduli: bool) -> Tensor:
    """See :func:`graphrep.ops.distances`."""
    if x.dtype != torch.float32:
        return reference.distances(x, y, moduli)
    out = empty(x, (len(x), len(y)))
    _core.distances(x, y, len(x), len(y), x.shape[1], moduli, out, threads())
    return out


def gradient(x: Tensor, y: Tensor, factor: Tensor, moduli: bool) -> Tensor:
    """Gradient of the rows of ``x``, from that of their distances."""
    if x.dtype != torch.float32:
        return reference.gradient(x, y, factor, moduli)
    out = empty(x, tuple(x.shape))
    _core.distance_gradient(x, y, factor, len(x), len(y), x.shape[1], moduli, out, threads())
    return out
