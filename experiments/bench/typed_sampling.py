"""Typed neighbor samples of two hops: graphrep's loader kernel, and a vectorized sampler in torch.

    python experiments/bench/typed_sampling.py [--batches 20] [--rounds 5]

The graph has 100,000 nodes of three types and 1 million arcs of four relations, with sources that follow a power law; a
batch has 1,024 seeds of one type. A sample is the subgraph with local numbers and edge ids. The sampler in torch draws
for all nodes of a hop at once, relation by relation, as somebody would write it who has no kernel. Seconds are those of
the processor (``time.process_time``) on one thread, the median over the rounds; both draw equally many arcs.
"""

from __future__ import annotations

import argparse
import statistics
import time
from typing import TYPE_CHECKING

from _harness import environment, write_results
from _peers import limit_threads

limit_threads()

import torch  # noqa: E402
from sampling import rows_of  # noqa: E402

from graphrep.ops import Adjacency  # noqa: E402
from graphrep.ops.sampling import Relation, Task, draw  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable

Tensor = torch.Tensor
FANOUTS, SEEDS = (15, 10), 1024
SIZES = 50_000, 40_000, 10_000
RELATIONS = ((0, 0, 400_000), (0, 1, 300_000), (1, 0, 200_000), (1, 2, 100_000))  # target, source, arcs


def typed_graph() -> list[Relation]:
    """Relations between three types of nodes."""
    generator = torch.Generator().manual_seed(0)
    relations = []
    for target, source, arcs in RELATIONS:
        ends = torch.rand((2, arcs), generator=generator) ** torch.tensor([[3.0], [1.5]])
        ends = (ends * torch.tensor([[SIZES[source]], [SIZES[target]]])).long()
        adj = Adjacency.from_edges(ends[1], ends[0], num_rows=SIZES[target], num_cols=SIZES[source])
        indices = adj.indices.long()
        relations.append(Relation(adj.indptr, indices, adj.permutation, None, None, None, FANOUTS, target, source))
    return relations


def torch_sampler(relations: list[Relation], *, replace: bool) -> Callable[[Tensor], int]:
    """Vectorized over a hop and relation: a random key per entry and a sort, or a place per draw; then unique."""

    def entries(relation: Relation, frontier: Tensor, fanout: int) -> tuple[Tensor, Tensor]:
        if replace:
            counts = relation.indptr[frontier + 1] - relation.indptr[frontier]
            place = (torch.rand(len(frontier), fanout) * counts[:, None]).long()
            owner = torch.arange(len(frontier)).repeat_interleave(fanout)
            there = (counts > 0).repeat_interleave(fanout)
            return (relation.indptr[frontier][:, None] + place).view(-1)[there], owner[there]
        entry, owner = rows_of(relation.indptr, frontier)
        order = torch.argsort(owner + torch.rand(len(owner), dtype=torch.float64))
        entry, owner = entry[order], owner[order]
        first = torch.searchsorted(owner, torch.arange(len(frontier)))
        kept = torch.arange(len(owner)) - first[owner] < fanout
        return entry[kept], owner[kept]

    def sample(seeds: Tensor) -> int:
        nodes = [seeds, *(torch.zeros(0, dtype=torch.int64) for _ in SIZES[1:])]
        starts, edges = [0] * len(SIZES), 0
        for fanout in FANOUTS:
            ends = [len(found) for found in nodes]
            for relation in relations:
                frontier = nodes[relation.target][starts[relation.target] : ends[relation.target]]
                entry, owner = entries(relation, frontier, fanout)
                _col, _edge = owner + starts[relation.target], relation.edge_ids[entry]  # type: ignore[index]
                found = nodes[relation.source]
                distinct, inverse = torch.unique(torch.cat([found, relation.indices[entry]]), return_inverse=True)
                known = torch.zeros(len(distinct), dtype=torch.bool).index_fill(0, inverse[: len(found)], 1)
                number = torch.empty(len(distinct), dtype=torch.int64)
                number[inverse[: len(found)]] = torch.arange(len(found))
                number[~known] = torch.arange(len(found), len(distinct))
                _row = number[inverse[len(found) :]]
                nodes[relation.source] = torch.cat([found, distinct[~known]])
                edges += len(entry)
            starts = ends
        return edges

    return sample


def kernel_sampler(relations: list[Relation], *, replace: bool) -> Callable[[Tensor], int]:
    """What :class:`graphrep.loader.NeighborLoader` calls for a batch."""
    none = torch.zeros(0, dtype=torch.int64)

    def sample(seeds: Tensor) -> int:
        task = Task(len(FANOUTS), replace, disjoint=False, last=False, seed_time=None, seed=0, batch=int(seeds[0]))
        _, edges = draw([seeds, none, none], relations, task)
        return sum(len(part.edge) for part in edges)

    return sample


def main() -> None:
    """Time both, with and without replacement."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batches", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    relations = typed_graph()
    batches = torch.randperm(SIZES[0], generator=torch.Generator().manual_seed(1)).split(SEEDS)[: arguments.batches]
    rows = []
    for replace in (False, True):
        seconds: dict[str, list[float]] = {"graphrep": [], "torch": []}
        arcs = {}
        for _ in range(arguments.rounds):
            for name, make in (("graphrep", kernel_sampler), ("torch", torch_sampler)):
                sample = make(relations, replace=replace)
                start = time.process_time()
                arcs[name] = sum(map(sample, batches))
                seconds[name].append(time.process_time() - start)
        median = {name: statistics.median(values) for name, values in seconds.items()}
        rows.append(
            {"replace": replace, "arcs": arcs, "seconds": median, "ratio": median["torch"] / median["graphrep"]}
        )
        print(rows[-1])
    write_results("bench_typed_sampling", {"environment": environment(), "rows": rows})


if __name__ == "__main__":
    main()
