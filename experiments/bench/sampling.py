"""Neighbor samples of two hops, 15 and 10: graphrep, DGL, and a vectorized sampler in torch.

    python experiments/bench/sampling.py [--batches 20] [--rounds 5]

The graph has 100,000 nodes and 2 million arcs with a power-law degree distribution; a batch has 1,024 seeds. A sample
is the subgraph with local numbers and edge ids. Rates are sampled edges per second, for samplers draw different numbers
of them: DGL expands the seeds in the second hop, too.

PyG's NeighborLoader samples with pyg-lib or torch-sparse; pip found no wheel of either here, nor of torch-cluster;
graphlearn-torch's needs CUDA, and DGL 2.1.0 does not import with a current torchdata. DGL 1.1.3 is timed where it is
installed (``pip install --no-deps dgl==1.1.3``): its C++ samples with as many threads.
"""

from __future__ import annotations

import argparse
import importlib.util
import warnings
from typing import TYPE_CHECKING, Any

from _graphs import describe, power_law_graph
from _harness import alternate, environment, report_rates, write_results
from _peers import THREADS, limit_threads

limit_threads()

import torch  # noqa: E402

import graphrep as gr  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable

Tensor = torch.Tensor
FANOUTS, SEEDS = (15, 10), 1024


def rows_of(indptr: Tensor, nodes: Tensor) -> tuple[Tensor, Tensor]:
    """Every entry of the rows of the nodes, and which of the nodes it belongs to."""
    counts = indptr[nodes + 1] - indptr[nodes]
    owner = torch.repeat_interleave(torch.arange(len(nodes), device=nodes.device), counts)
    return indptr[nodes][owner] + torch.arange(len(owner), device=nodes.device) - (counts.cumsum(0) - counts)[
        owner
    ], owner


def torch_sampler(indptr: Tensor, indices: Tensor, *, replace: bool) -> Callable[[Tensor], int]:
    """Vectorised over a hop: a random key per entry and a sort (distinct), or a random place per draw; then unique."""

    def sample(seeds: Tensor) -> int:
        node, frontier, edges, device = seeds, seeds, 0, seeds.device
        for fanout in FANOUTS:
            if replace:
                counts = indptr[frontier + 1] - indptr[frontier]
                place = (torch.rand(len(frontier), fanout, device=device) * counts[:, None]).long()
                entry = (indptr[frontier][:, None] + place)[counts > 0].view(-1)
            else:
                entry, owner = rows_of(indptr, frontier)
                order = torch.argsort(owner + torch.rand(len(owner), dtype=torch.float64, device=device))
                entry, owner = entry[order], owner[order]
                first = torch.searchsorted(owner, torch.arange(len(frontier), device=device))
                entry = entry[torch.arange(len(owner), device=device) - first[owner] < fanout]
            source = indices[entry]
            edges += len(entry)
            # local numbers, nodes met before first
            distinct, inverse = torch.unique(torch.cat([node, source]), return_inverse=True)
            known = torch.zeros(len(distinct), dtype=torch.bool, device=device).index_fill(0, inverse[: len(node)], 1)
            frontier = distinct[~known]
            number = torch.empty(len(distinct), dtype=torch.int64, device=device)
            number[inverse[: len(node)]] = torch.arange(len(node), device=device)
            number[~known] = torch.arange(len(node), len(distinct), device=device)
            _row = number[inverse[len(node) :]]
            node = torch.cat([node, frontier])
        return edges

    return sample


def dgl_sampler(graph: gr.Graph, *, replace: bool) -> Callable[[Tensor], int] | None:
    """None where DGL is not installed, or not one that runs."""
    if importlib.util.find_spec("dgl") is None:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            import dgl
        except Exception as error:  # a version tied to another torch fails in its own ways
            print(f"DGL is not timed: {type(error).__name__}")
            return None
    source, target = (torch.from_numpy(end.copy()) for end in (graph.indices, graph.sources()))
    peer = dgl.graph((source, target.to(source.dtype)), num_nodes=graph.num_nodes).formats("csc").long()
    sampler = dgl.dataloading.NeighborSampler(list(reversed(FANOUTS)), replace=replace)

    def sample(seeds: Tensor) -> int:
        return sum(block.num_edges() for block in sampler.sample(peer, seeds)[2])

    return sample


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batches", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(THREADS)

    graph = power_law_graph()
    plain = gr.ops.as_adjacency(graph)
    weighted = plain.with_values(torch.rand(plain.num_entries, generator=torch.Generator().manual_seed(0)) + 0.1)
    indptr, indices = torch.from_numpy(graph.indptr.copy()), torch.from_numpy(graph.indices.astype("int64"))
    order = torch.randperm(graph.num_nodes, generator=torch.Generator().manual_seed(1))
    batches = order[: options.batches * SEEDS].split(SEEDS)

    def ours(**settings: Any) -> Callable[[Tensor], int]:
        adj = weighted if settings.get("weighted") else plain
        return lambda seeds: len(gr.ops.sample_neighbors(adj, seeds, FANOUTS, seed=0, **settings).edge)

    def one_thread(sample: Callable[[Tensor], int]) -> Callable[[Tensor], int]:
        def alone(seeds: Tensor) -> int:
            torch.set_num_threads(1)
            try:
                return sample(seeds)
            finally:
                torch.set_num_threads(THREADS)

        return alone

    tables: dict[str, Any] = {}
    for name, replace in (("without replacement", False), ("with replacement", True)):
        samplers = {
            "graphrep": ours(replace=replace),
            "graphrep, 1 thread": one_thread(ours(replace=replace)),
            "graphrep, weighted": ours(replace=replace, weighted=True),
            "torch, vectorized": torch_sampler(indptr, indices, replace=replace),
            "DGL 1.1.3": dgl_sampler(graph, replace=replace),
        }
        samplers = {key: sample for key, sample in samplers.items() if sample is not None}
        edges = {key: sum(map(sample, batches)) for key, sample in samplers.items()}
        runs = {key: lambda sample=sample: sum(map(sample, batches)) for key, sample in samplers.items()}
        title = f"Neighbour sampling {name}, 15 then 10, {SEEDS:,} seeds a batch, {THREADS} threads"
        seconds = alternate(runs, options.rounds)
        summary = report_rates(title, seconds, edges, unit="edges", ours="graphrep")
        per_batch = {key: sorted(times)[len(times) // 2] / len(batches) * 1e3 for key, times in seconds.items()}
        print("ms per batch:", ", ".join(f"{key} {value:.2f}" for key, value in per_batch.items()))
        tables[name] = {"title": title, "ms_per_batch": per_batch, "summary": summary}
    path = write_results(
        "bench_sampling",
        {
            "environment": environment(["torch-geometric", "dgl"]),
            "title": "Neighbour sampling, 15 then 10 of 1,024 seeds",
            "graph": describe(graph),
            "batches": options.batches,
            "threads": THREADS,
            **tables,
        },
    )
    print(f"written to {path.relative_to(path.parents[2])}")


if __name__ == "__main__":
    main()
