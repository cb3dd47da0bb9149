"""Steps on SciPy matrices that several rooms take."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

__all__ = ["largest_entries"]


def largest_entries(matrix: sp.csr_array, limit: int | None) -> sp.csr_array:
    """The largest entries of every row; of equal entries, those in the first columns."""
    lengths = np.diff(matrix.indptr)
    if limit is None or not len(lengths) or lengths.max() <= limit:
        return matrix
    rows = np.repeat(np.arange(len(lengths)), lengths)
    order = np.lexsort((matrix.indices, -matrix.data, rows))
    rank = np.arange(len(rows)) - np.repeat(matrix.indptr[:-1], lengths)
    kept = order[rank < limit]
    indptr = np.concatenate([[0], np.cumsum(np.minimum(lengths, limit))])
    return sp.csr_array((matrix.data[kept], matrix.indices[kept], indptr), shape=matrix.shape)
