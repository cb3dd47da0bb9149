"""Counter-based random numbers in NumPy: the twin of ``csrc/random.hpp``, used by the reference implementations."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

U64 = npt.NDArray[np.uint64]

GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def mix64(z: U64) -> U64:
    """Finalizer of SplitMix64, element by element."""
    with np.errstate(over="ignore"):
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return np.asarray(z ^ (z >> np.uint64(31)), dtype=np.uint64)


def stream_key(seed: int, stream: npt.ArrayLike) -> U64:
    """Key of each independent stream."""
    with np.errstate(over="ignore"):
        first = mix64(np.asarray(seed, dtype=np.uint64) + GOLDEN)
        return mix64(first ^ (np.asarray(stream, dtype=np.uint64) * np.uint64(0xD1342543DE82EF95) + GOLDEN))


def random_bits(key: npt.ArrayLike, counter: npt.ArrayLike) -> U64:
    """64 random bits of a stream at ``counter``."""
    with np.errstate(over="ignore"):
        offset = (np.asarray(counter, dtype=np.uint64) + np.uint64(1)) * GOLDEN
        return mix64(np.asarray(key, dtype=np.uint64) + offset)


def bounded(bits: npt.ArrayLike, n: npt.ArrayLike) -> U64:
    """Integers in [0, n) from 64 random bits: the high word of the 128-bit product."""
    bits, n = np.broadcast_arrays(np.asarray(bits, dtype=np.uint64), np.asarray(n, dtype=np.uint64))
    low32, shift = np.uint64(0xFFFFFFFF), np.uint64(32)
    b0, b1, n0, n1 = bits & low32, bits >> shift, n & low32, n >> shift
    middle = ((b0 * n0) >> shift) + ((b1 * n0) & low32) + ((b0 * n1) & low32)
    return np.asarray(b1 * n1 + ((b1 * n0) >> shift) + ((b0 * n1) >> shift) + (middle >> shift), dtype=np.uint64)


def uniform_float(bits: npt.ArrayLike) -> npt.NDArray[np.float32]:
    """The upper 24 bits as float32 in [0, 1)."""
    return np.asarray((np.asarray(bits, dtype=np.uint64) >> np.uint64(40)).astype(np.float32) * np.float32(2.0**-24))


def uniform_double(bits: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """The upper 53 bits as float64 in [0, 1)."""
    return np.asarray((np.asarray(bits, dtype=np.uint64) >> np.uint64(11)).astype(np.float64) * 2.0**-53)


def resolve_seed(seed: object) -> int:
    """Turn a ``random_state`` (None, int, NumPy RandomState or Generator) into a seed of 63 bits."""
    if seed is None:
        return int(np.random.SeedSequence().generate_state(1, np.uint64)[0] >> np.uint64(1))
    if isinstance(seed, np.random.RandomState):
        return int(seed.randint(0, 2**63 - 1, dtype=np.int64))
    if isinstance(seed, np.random.Generator):
        return int(seed.integers(0, 2**63 - 1, dtype=np.int64))
    if isinstance(seed, (int, np.integer)) and not isinstance(seed, bool):
        if not 0 <= int(seed) < 2**63:
            raise ValueError(f"the seed must lie in [0, 2**63), got {seed}.")
        return int(seed)
    raise TypeError(f"the seed must be None, an integer, a RandomState or a Generator, got {type(seed).__name__}.")
