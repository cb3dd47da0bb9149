"""Helpers shared by the Triton kernels. Imported only when one of them runs; needs the package triton."""

from __future__ import annotations

import os
from typing import Any

import torch
import triton.language as tl

__all__ = ["INTERPRETED", "accumulator", "on_device_of"]

INTERPRETED = os.environ.get("TRITON_INTERPRET") == "1"  # triton reads it when a kernel is decorated


def accumulator(dtype: torch.dtype) -> Any:
    """Type in which elements of ``dtype`` are reduced: at least float32 for floats, int64 for integers."""
    if dtype.is_floating_point:
        return tl.float64 if dtype == torch.float64 else tl.float32
    return tl.int64


def on_device_of(tensor: torch.Tensor) -> Any:
    """Context that makes the GPU of ``tensor`` the current device, on which triton launches kernels."""
    return torch.cuda.device_of(tensor)  # type: ignore[no-untyped-call]
