"""Neighbor sets of pairs in plain torch, one key per (pair, neighbor), on any device: the test oracle."""

from __future__ import annotations

import numpy as np
import torch

from graphrep._random import bounded, random_bits, stream_key
from graphrep.ops.sparse_dense import reference as sparse_dense

Tensor = torch.Tensor


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
    num_pairs, width = pairs.shape[1], int(indices.max()) + 1 if len(indices) else 1
    gone = None
    if removed is not None and removed.numel():
        width = max(width, int(removed.max()) + 1)
        rows, cols = torch.cat([removed, removed.flip(0)], 1) if both else removed
        gone = rows * width + cols

    def keys(nodes: Tensor) -> Tensor:
        """One key per neighbor of an end of a pair, without removed arcs."""
        counts = (indptr[1:] - indptr[:-1])[nodes]
        pair = torch.repeat_interleave(torch.arange(num_pairs, device=pairs.device), counts)
        place = torch.arange(len(pair), device=pairs.device) - (counts.cumsum(0) - counts)[pair]
        cols = indices[indptr[nodes][pair] + place].long()
        key = pair * width + cols
        return key if gone is None else key[~torch.isin(nodes[pair] * width + cols, gone)]

    first = torch.unique_consecutive(keys(pairs[0]))
    shared = torch.isin(first, keys(pairs[1]))
    members = first[~shared] if difference else first[shared]
    ids = (members % width).to(indices.dtype)
    counts = torch.bincount(members // width, minlength=num_pairs)
    offsets = torch.cat([counts.new_zeros(1), counts.cumsum(0)])
    if limit:
        return _sample(offsets, ids, pairs, limit, seed)
    return offsets, ids, torch.empty(0, device=ids.device)


def _sample(offsets: Tensor, ids: Tensor, pairs: Tensor, limit: int, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    kept, weights, counts = [], [], [0]
    for i, (u, v) in enumerate(pairs.T.tolist()):
        members = ids[offsets[i] : offsets[i + 1]]
        weight = torch.ones(len(members), device=ids.device)
        n = len(members)
        if n > limit:
            key = stream_key(int(stream_key(seed, u)), v)
            drawn = np.bincount(bounded(random_bits(key, np.arange(limit)), n).astype(np.int64), minlength=n)
            members = members[torch.from_numpy(drawn > 0).to(ids.device)]
            weight = torch.from_numpy((drawn[drawn > 0] * n / limit).astype(np.float32)).to(ids.device)
        kept.append(members)
        weights.append(weight)
        counts.append(len(members))
    offsets = torch.tensor(counts, device=ids.device).cumsum(0)
    return offsets, torch.cat([ids[:0], *kept]), torch.cat([torch.empty(0, device=ids.device), *weights])


def count(
    indptr: Tensor, indices: Tensor, pairs: Tensor, removed: Tensor | None, both: bool, difference: bool
) -> Tensor:
    """See :func:`graphrep.ops.intersection_count`."""
    return collect(indptr, indices, pairs, removed, both, difference)[0].diff()


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
    offsets, ids, _ = collect(indptr, indices, pairs, removed, both, difference)
    values = None if weights is None else weights[ids]
    out = sparse_dense.spmm_sum(offsets, ids, values, x, False)
    return (out, offsets, ids) if with_sets else (out, offsets[:0].clone(), ids[:0].clone())


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
    wide = torch.float64 if grad.dtype == torch.float64 else torch.float32
    pair = sparse_dense.rows_of(offsets)
    out = torch.zeros((num_x, *grad.shape[1:]), dtype=wide, device=grad.device)
    return out.index_add(0, ids, grad[pair].to(wide)).to(grad.dtype)
