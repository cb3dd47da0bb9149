"""Edges of R-MAT in plain NumPy: the test oracle of ``csrc/rmat.cpp``."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from graphrep import _random

I64 = npt.NDArray[np.int64]
_PERMUTATION = 2**64 - 1  # the stream of the permutation
_ROUNDS = 4


def rmat_edges(
    seed: int,
    first: int,
    num_nodes: int,
    thresholds: tuple[int, int, int],
    scramble: bool,  # noqa: FBT001
    edges: I64,
    num_threads: int,  # noqa: ARG001
) -> None:
    """Write edges first … first + edges.shape[1] - 1."""
    count = edges.shape[1]
    key = _random.stream_key(seed, np.arange(first, first + count, dtype=np.uint64))
    at = np.zeros((2, count), dtype=np.int64)
    size = np.full((2, count), num_nodes, dtype=np.int64)
    level = 0
    while (size > 1).any():
        drawn = _random.random_bits(key, level // 2) >> np.uint64(32 * (level % 2)) & np.uint64(0xFFFFFFFF)
        down = drawn >= thresholds[1]
        right = np.where(down, drawn >= thresholds[2], drawn >= thresholds[0])
        half = (size + 1) // 2
        second = np.stack([down, right]) & (size > 1)
        at += np.where(second, half, 0)
        size = np.where(size > 1, np.where(second, size - half, half), size)
        level += 1
    edges[...] = permuted(seed, at, num_nodes) if scramble else at


def permuted(seed: int, nodes: I64, num_nodes: int) -> I64:
    """A permutation of [0, num_nodes), node by node."""
    bits = max(1, (num_nodes - 1).bit_length())
    mask, shift = np.uint64(2**bits - 1), np.uint64((bits + 1) // 2)
    drawn = _random.random_bits(_random.stream_key(seed, _PERMUTATION), np.arange(2 * _ROUNDS))
    value, outside = nodes.astype(np.uint64), np.ones(nodes.shape, dtype=bool)
    with np.errstate(over="ignore"):
        while outside.any():
            for i in range(_ROUNDS):
                mixed = (value + drawn[2 * i]) * (drawn[2 * i + 1] | np.uint64(1)) & mask
                value = np.where(outside, mixed ^ (mixed >> shift), value)
            outside = value >= num_nodes
    return value.astype(np.int64)
