"""sample_neighbors node by node in Python, with the random numbers of the kernel: the test oracle.

Runs on the CPU, whatever the device of the tensors.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from graphrep._random import bounded, random_bits, stream_key, uniform_double

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
    device, nodes = seeds.device, seeds.tolist()
    indptr, indices = indptr.cpu(), indices.cpu()
    edge_ids, weights = (None if part is None else part.cpu() for part in (edge_ids, weights))
    place: dict[int, int] = {}
    for i, node in enumerate(nodes):
        place.setdefault(node, i)
    row: list[int] = []
    col: list[int] = []
    edge: list[int] = []
    num_nodes, num_edges, begin = [len(nodes)], [], 0
    for hop, fanout in enumerate(fanouts):
        end, hop_key = len(nodes), int(stream_key(int(stream_key(seed, batch)), hop))
        before = len(row)
        for target in range(begin, end):
            node = nodes[target]
            first, last = int(indptr[node]), int(indptr[node + 1])
            w = None if weights is None else weights[first:last].double().numpy()
            if w is not None and not (np.isfinite(w) & (w >= 0)).all():
                return (node,)
            for chosen in _places(last - first, fanout, replace, w, int(stream_key(hop_key, node))):
                entry = first + chosen
                source = int(indices[entry])
                if source not in place:
                    place[source] = len(nodes)
                    nodes.append(source)
                row.append(place[source])
                col.append(target)
                edge.append(entry if edge_ids is None else int(edge_ids[entry]))
        num_edges.append(len(row) - before)
        num_nodes.append(len(nodes) - end)
        begin = end
    tensors = (torch.tensor(part, dtype=torch.int64, device=device) for part in (nodes, row, col, edge))
    return (-1, *tensors, num_nodes, num_edges)


def _places(n: int, fanout: int, replace: bool, weights: npt.NDArray[np.float64] | None, key: int) -> list[int]:
    """Drawn positions within a row of n entries."""
    replace = replace and fanout >= 0
    k = fanout if replace else min(n, fanout) if fanout >= 0 else n
    if n == 0 or k == 0:
        return []
    if weights is not None:
        positive = np.flatnonzero(weights)
        if replace:
            if not len(positive):
                return []
            sums = weights.cumsum()
            points = uniform_double(random_bits(key, np.arange(k))) * sums[-1]
            return [min(int(at), int(positive[-1])) for at in np.searchsorted(sums, points, side="right")]
        keys = -np.log1p(-uniform_double(random_bits(key, positive))) / weights[positive]
        return sorted(positive[np.argsort(keys, kind="stable")[:k]].tolist())
    if replace:
        drawn: list[int] = bounded(random_bits(key, np.arange(k)), n).tolist()
        return drawn
    if k == n:
        return list(range(n))
    chosen: list[int] = []
    for j in range(k):  # Floyd's algorithm: every set of k is equally likely
        t = int(bounded(random_bits(key, j), n - k + j + 1))
        chosen.append(n - k + j if t in chosen else t)
    return chosen
