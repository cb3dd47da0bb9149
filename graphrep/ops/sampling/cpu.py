"""Neighbor sampling with the native kernels."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from graphrep import _core
from graphrep.ops.library import SCALARS, threads
from graphrep.ops.sampling.relations import Edges, Nodes, Relation, Task

Tensor = torch.Tensor


def sample(seeds: Sequence[Tensor], relations: Sequence[Relation], task: Task) -> tuple[int, list[Nodes], list[Edges]]:
    """Returns a node with invalid weights or -1, then the sample: see :func:`graphrep.ops.sampling.draw`."""
    weights = next((relation.weights for relation in relations if relation.weights is not None), None)
    bad, nodes, edges = _core.sample_neighbors(
        SCALARS[torch.float32 if weights is None else weights.dtype],
        SCALARS[relations[0].indices.dtype if relations else torch.int64],
        [
            (
                r.indptr,
                r.indices,
                r.edge_ids,
                r.weights,
                r.entry_time,
                r.node_time,
                r.fanouts,
                r.target,
                r.source,
            )
            for r in relations
        ],
        list(seeds),
        task.hops,
        task.replace,
        task.disjoint,
        task.last,
        task.seed_time,
        task.seed,
        task.batch,
        threads(),
    )
    if bad >= 0:
        return bad, [], []
    return (
        bad,
        [Nodes(_tensor(node), None if of is None else _tensor(of), hops) for node, of, hops in nodes],
        [Edges(_tensor(row), _tensor(col), _tensor(edge), hops) for row, col, edge, hops in edges],
    )


def induced(
    nodes: Tensor, examples: Tensor | None, seed_time: Tensor | None, relation: Relation
) -> tuple[Tensor, Tensor, Tensor]:
    """See :func:`graphrep.ops.sampling.induced_edges`."""
    row, col, edge = _core.induced_edges(
        SCALARS[relation.indices.dtype],
        relation.indptr,
        relation.indices,
        relation.edge_ids,
        relation.entry_time,
        relation.node_time,
        nodes,
        examples,
        seed_time,
        threads(),
    )
    return _tensor(row), _tensor(col), _tensor(edge)


_tensor = torch.from_numpy
