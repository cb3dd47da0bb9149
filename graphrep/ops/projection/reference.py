"""Random projections in NumPy, with the random numbers of the kernel: the test oracle."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp

from graphrep import _random
from graphrep.csr import CSR


def fill(
    row_scale: Any,
    keys: Any,
    counts: Any,
    magnitude: float,
    seed: int,
    columns: int,
    first: int,
    out: Any,
    num_threads: int,
) -> None:
    """Out = diag(row_scale) R, from column ``first`` on; the entries of a row are the first columns of a shuffle."""
    whole = np.zeros((len(out), columns), dtype=np.float32)
    for row in range(len(out)):
        key = _random.stream_key(seed, row if keys is None else keys[row])
        drawn = _random.uniform_double(_random.random_bits(key, 0))
        order = np.arange(columns)
        for i in range(int(np.searchsorted(counts[:columns], drawn, side="right"))):
            bits = _random.random_bits(key, i + 1)
            at = i + int(_random.bounded(bits, columns - i))
            order[i], order[at] = order[at], order[i]
            whole[row, order[i]] = -magnitude if int(bits) & 1 else magnitude
    part = whole[:, first : first + out.shape[1]]
    out[...] = part if row_scale is None else part * row_scale[:, None]


def project_neighbors(
    rows: CSR,
    scale: Any,
    row_scale: Any,
    keys: Any,
    counts: Any,
    magnitude: float,
    seed: int,
    columns: int,
    first: int,
    out: Any,
    num_threads: int,
) -> None:
    """Out = diag(scale) A diag(row_scale) R."""
    r = np.empty((len(out) if keys is None else len(keys), out.shape[1]), dtype=np.float32)
    fill(row_scale, keys, counts, magnitude, seed, columns, first, r, num_threads)
    data = np.ones(len(rows.indices)) if rows.weights is None else rows.weights.astype(np.float64)
    y: Any = sp.csr_array((data, rows.indices, rows.indptr), shape=(len(out), len(r))) @ r.astype(np.float64)
    out[...] = y if scale is None else y * scale[:, None]


def accumulate_rows(y: Any, factor: float, total: Any, normalize: bool, num_threads: int) -> None:
    """Total += factor * y, with normalized rows."""
    y = y.astype(np.float64)
    norms = np.linalg.norm(y, axis=1, keepdims=True)
    total += factor * (np.divide(y, norms, out=np.zeros(y.shape), where=norms > 0) if normalize else y)
