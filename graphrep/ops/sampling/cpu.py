"""sample_neighbors with the native kernel."""

from __future__ import annotations

from typing import Any

import torch

from graphrep import _core
from graphrep.ops.library import SCALARS, address, threads

Tensor = torch.Tensor


def sample_neighbors(
    indptr: Tensor,
    indices: Tensor,
    edge_ids: Tensor | None,
    weights: Tensor | None,
    seeds: Tensor,
    fanouts: list[int],
    replace: bool,
    seed: int,
    batch: int,
) -> tuple[Any, ...]:
    """See :func:`graphrep.ops.sample_neighbors`; returns a node with invalid weights or -1, then the sample."""
    bad, *arrays, nodes, edges = _core.sample_neighbors(
        SCALARS[torch.float32 if weights is None else weights.dtype],
        SCALARS[indices.dtype],
        address(indptr),
        address(indices),
        address(edge_ids),
        address(weights),
        address(seeds),
        len(seeds),
        fanouts,
        replace,
        seed,
        batch,
        threads(),
    )
    if bad >= 0:
        return (bad,)
    return (bad, *(torch.from_numpy(array) for array in arrays), nodes, edges)
