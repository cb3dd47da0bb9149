"""Neighbor sets of pairs with the native kernels."""

from __future__ import annotations

import math

import torch

from graphrep import _core
from graphrep.ops.adjacency import transposed_entries
from graphrep.ops.library import SCALARS, SMALL, empty, threads
from graphrep.ops.sparse_dense import cpu as sparse_dense

Tensor = torch.Tensor
FEW_PAIRS = 1024  # below, one thread is used


def _task(
    indptr: Tensor, indices: Tensor, pairs: Tensor, removed: Tensor | None, both: bool, difference: bool
) -> tuple[int, Tensor, Tensor, Tensor, bool, Tensor | None, bool]:
    return SCALARS[indices.dtype], indptr, indices, pairs, difference, removed, both


def _threads(pairs: Tensor) -> int:
    return 1 if pairs.shape[1] < FEW_PAIRS else threads()


def count(
    indptr: Tensor, indices: Tensor, pairs: Tensor, removed: Tensor | None, both: bool, difference: bool
) -> Tensor:
    """See :func:`graphrep.ops.intersection_count`."""
    out = pairs.new_empty(pairs.shape[1])
    _core.count_sets(*_task(indptr, indices, pairs, removed, both, difference), out, _threads(pairs))
    return out


def collect(
    indptr: Tensor,
    indices: Tensor,
    pairs: Tensor,
    removed: Tensor | None,
    both: bool,
    difference: bool,
    limit: int = 0,
    seed: int = 0,
) -> tuple[Tensor, Tensor, Tensor]:
    """See :func:`graphrep.ops.neighbor_intersection`: offsets, ids, and weights (empty without a limit)."""
    offsets = pairs.new_empty(pairs.shape[1] + 1)
    task = _task(indptr, indices, pairs, removed, both, difference)
    ids, weights = _core.collect_sets(*task, limit, seed, offsets, _threads(pairs))
    return offsets, torch.from_numpy(ids), torch.empty(0) if weights is None else torch.from_numpy(weights)


def pool(
    indptr: Tensor,
    indices: Tensor,
    pairs: Tensor,
    removed: Tensor | None,
    both: bool,
    difference: bool,
    x: Tensor,
    weights: Tensor | None,
    with_sets: bool,
) -> tuple[Tensor, Tensor, Tensor]:
    """See :func:`graphrep.ops.pool_common_neighbors`; also returns the sets (offsets, ids), empty unless requested."""
    if with_sets:
        offsets, ids, _ = collect(indptr, indices, pairs, removed, both, difference)
        values = None if weights is None else weights.index_select(0, ids)
        return sparse_dense.spmm_sum(offsets, ids, values, x, False), offsets, ids
    out = empty(x, (pairs.shape[1], *x.shape[1:]))
    weights = None if weights is None else weights.contiguous()
    columns = math.prod(x.shape[1:])
    if out.numel():
        task = _task(indptr, indices, pairs, removed, both, difference)
        _core.pool_sets(
            SCALARS[x.dtype],
            *task,
            x,
            weights,
            x.shape[0],
            columns,
            out,
            1 if out.numel() < SMALL else threads(),
        )
    return out, pairs.new_empty(0), indices.new_empty(0)


def pool_transposed(
    indptr: Tensor,
    indices: Tensor,
    pairs: Tensor,
    removed: Tensor | None,
    both: bool,
    difference: bool,
    grad: Tensor,
    offsets: Tensor | None,
    ids: Tensor | None,
    num_x: int,
) -> Tensor:
    """For each node, sum the rows of ``grad`` over the pairs whose set contains it: the gradient of its features."""
    if offsets is None or ids is None:
        offsets, ids, _ = collect(indptr, indices, pairs, removed, both, difference)
    t_indptr, of_pairs, _ = transposed_entries(offsets, ids, num_x)
    return sparse_dense.spmm_sum(t_indptr, of_pairs, None, grad.contiguous(), False)
