"""weighted_intersection with a NumPy set operation per pair: the test oracle."""

from __future__ import annotations

from typing import Any

import numpy as np


def weighted_intersection(
    indptr: Any,
    indices: Any,
    weights: Any,
    u: Any,
    v: Any,
    out: Any,
    num_threads: int,
) -> None:
    """See :func:`graphrep.ops.neighbors.weighted_intersection`; fills ``out``."""
    for i, (a, b) in enumerate(zip(u.tolist(), v.tolist(), strict=True)):
        common = np.intersect1d(indices[indptr[a] : indptr[a + 1]], indices[indptr[b] : indptr[b + 1]])
        common = common[(common != a) & (common != b)]
        out[i] = len(common) if weights is None else weights[common].sum()
