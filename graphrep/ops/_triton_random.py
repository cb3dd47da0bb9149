"""Counter-based random numbers in Triton kernels, equal to those of ``csrc/random.hpp`` and ``graphrep/_random.py``."""

from __future__ import annotations

from typing import Any

import triton
import triton.language as tl


@triton.jit
def mix64(z) -> Any:
    """Finalizer of SplitMix64."""
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB
    return z ^ (z >> 31)


@triton.jit
def stream_key(seed, stream) -> Any:
    """Key of each independent stream; the seed is a uint64."""
    first = mix64(seed + 0x9E3779B97F4A7C15)
    return mix64(first ^ (stream.to(tl.uint64) * 0xD1342543DE82EF95 + 0x9E3779B97F4A7C15))


@triton.jit
def random_bits(key, counter) -> Any:
    """64 random bits of a stream at ``counter``."""
    return mix64(key + (counter.to(tl.uint64) + 1) * 0x9E3779B97F4A7C15)


@triton.jit
def bounded(bits, n) -> Any:
    """Integers in [0, n) from 64 random bits: the high word of the 128-bit product."""
    return tl.umulhi(bits, tl.zeros_like(bits) + n.to(tl.uint64))


@triton.jit
def uniform_double(bits) -> Any:
    """The upper 53 bits as float64 in [0, 1)."""
    return (bits >> 11).to(tl.float64) * 1.1102230246251565e-16
