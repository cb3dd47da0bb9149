"""What the Triton kernels share. Imported only when one of them runs; needs the package triton."""

from __future__ import annotations

import os
from typing import Any

import torch
import triton.language as tl

__all__ = ["INTERPRETED", "accumulator", "on_device_of"]

INTERPRETED = os.environ.get("TRITON_INTERPRET") == "1"  # triton looks when it decorates, which is now


def accumulator(dtype: torch.dtype) -> Any:
    """Type that elements of ``dtype`` are reduced in: float32 for what is narrower, int64 for integers."""
    if dtype.is_floating_point:
        return tl.float64 if dtype == torch.float64 else tl.float32
    return tl.int64


def on_device_of(tensor: torch.Tensor) -> Any:
    """Context that makes the GPU of ``tensor`` the current one, which is where triton launches."""
    return torch.cuda.device_of(tensor)  # type: ignore[no-untyped-call]
