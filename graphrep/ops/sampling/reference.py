"""Neighbor sampling node by node in Python, with the random numbers of the kernel: the test oracle.

Runs on the CPU, whatever the device of the tensors.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch

from graphrep._random import bounded, random_bits, stream_key, uniform_double
from graphrep.ops.sampling.relations import Edges, Nodes, Relation, Task

Tensor = torch.Tensor


def sample(seeds: Sequence[Tensor], relations: Sequence[Relation], task: Task) -> tuple[int, list[Nodes], list[Edges]]:
    """Returns a node with invalid weights or -1, then the sample: see :func:`graphrep.ops.sampling.draw`."""
    times = None if task.seed_time is None else task.seed_time.tolist()
    drawn: list[list[tuple[int, int, int]]] = [[] for _ in relations]
    edges_per_hop: list[list[int]] = [[] for _ in relations]
    found: list[list[tuple[int, int]]] = []  # (node, example) of every type; all belong to example 0 unless disjoint
    for ids in seeds:
        first = sum(map(len, found))
        found.append([(node, first + i if task.disjoint else 0) for i, node in enumerate(ids.tolist())])
    place: list[dict[tuple[int, int], int]] = [{} for _ in seeds]
    for pairs, known in zip(found, place, strict=True):
        for i, pair in enumerate(pairs):
            known.setdefault(pair, i)
    frontier = [range(len(pairs)) for pairs in found]
    nodes_per_hop = [[len(pairs)] for pairs in found]
    batch_key = int(stream_key(task.seed, task.batch))
    for hop in range(task.hops):
        hop_key = int(stream_key(batch_key, hop))
        for r, relation in enumerate(relations):
            relation_key = hop_key if len(relations) == 1 else int(stream_key(hop_key, r))
            before, fanout = len(drawn[r]), relation.fanouts[hop]
            for target in frontier[relation.target]:
                node, example = found[relation.target][target]
                entries = _allowed(relation, node, None if times is None else times[example])
                if _has_times(relation) and task.last and fanout >= 0:
                    entries = entries[len(entries) - min(len(entries), fanout) :]
                w = None
                if relation.weights is not None:
                    w = relation.weights[entries.start : entries.stop].cpu().double().numpy()
                    if not (np.isfinite(w) & (w >= 0)).all():
                        return node, [], []
                key = int(stream_key(relation_key, node))
                key = int(stream_key(key, example)) if task.disjoint else key
                for chosen in _places(len(entries), fanout, task.replace, w, key):
                    entry = entries[chosen]
                    pair = int(relation.indices[entry]), example
                    known, pairs = place[relation.source], found[relation.source]
                    if pair not in known:
                        known[pair] = len(pairs)
                        pairs.append(pair)
                    drawn[r].append((known[pair], target, _edge(relation, entry)))
            edges_per_hop[r].append(len(drawn[r]) - before)
        frontier = [range(old.stop, len(pairs)) for old, pairs in zip(frontier, found, strict=True)]
        for counts, new in zip(nodes_per_hop, frontier, strict=True):
            counts.append(len(new))
    device = relations[0].indptr.device if relations else torch.device("cpu")
    nodes = []
    for pairs, counts in zip(found, nodes_per_hop, strict=True):
        ids, of = _columns(pairs, 2, device)
        nodes.append(Nodes(ids, of if task.disjoint else None, counts))
    edges = []
    for part, counts in zip(drawn, edges_per_hop, strict=True):
        row, col, edge = _columns(part, 3, device)
        edges.append(Edges(row, col, edge, counts))
    return -1, nodes, edges


def induced(
    nodes: Tensor, examples: Tensor | None, seed_time: Tensor | None, relation: Relation
) -> tuple[Tensor, Tensor, Tensor]:
    """See :func:`graphrep.ops.sampling.induced_edges`."""
    of = [0] * len(nodes) if examples is None else examples.tolist()
    pairs = list(zip(nodes.tolist(), of, strict=True))
    place: dict[tuple[int, int], int] = {}
    for i, pair in enumerate(pairs):
        place.setdefault(pair, i)
    edges = [
        (place[source], i, _edge(relation, entry))
        for i, (node, example) in enumerate(pairs)
        for entry in _allowed(relation, node, None if seed_time is None else int(seed_time[example]))
        if (source := (int(relation.indices[entry]), example)) in place
    ]
    row, col, edge = _columns(edges, 3, nodes.device)
    return row, col, edge


def _has_times(relation: Relation) -> bool:
    return relation.entry_time is not None or relation.node_time is not None


def _allowed(relation: Relation, node: int, time: int | None) -> range:
    """Entries of a row that are not later than a time."""
    entries = range(int(relation.indptr[node]), int(relation.indptr[node + 1]))
    if not _has_times(relation):
        return entries
    if relation.entry_time is not None:
        times = [int(relation.entry_time[entry]) for entry in entries]
    else:
        assert relation.node_time is not None
        times = [int(relation.node_time[int(relation.indices[entry])]) for entry in entries]
    assert time is not None
    return entries[: sum(at <= time for at in times)]


def _edge(relation: Relation, entry: int) -> int:
    return entry if relation.edge_ids is None else int(relation.edge_ids[entry])


def _columns(rows: Sequence[tuple[int, ...]], width: int, device: torch.device) -> tuple[Tensor, ...]:
    return torch.tensor(rows, dtype=torch.int64, device=device).view(-1, width).t().contiguous().unbind()


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
