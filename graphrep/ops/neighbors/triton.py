"""weighted_intersection with the Triton kernel for pooled features, on the current GPU."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from graphrep.ops._triton import INTERPRETED
from graphrep.ops.adjacency import shared
from graphrep.ops.neighbors.sets.triton import pool_sets

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]


def weighted_intersection(
    indptr: I64, indices: npt.NDArray[Any], weights: F64 | None, u: I64, v: I64, out: npt.NDArray[Any], num_threads: int
) -> None:
    """See :func:`graphrep.ops.neighbors.weighted_intersection`; fills ``out``."""
    if not INTERPRETED and not torch.cuda.is_available():
        raise RuntimeError("weighted_intersection: Triton kernels need a GPU, but torch finds none.")
    x = np.ones(len(indptr) - 1) if weights is None else weights
    graph = (shared(part).to("cpu" if INTERPRETED else "cuda") for part in (indptr, indices, np.stack([u, v]), x))
    a, b, pairs, features = graph
    sums = pool_sets(a, b, pairs, None, False, False, features, None, with_ends=False)
    out[:] = sums.cpu().numpy()
