"""Batches of the loaders, kind by kind: graphrep's NeighborLoader beside torch_geometric's on lent operators.

    python experiments/bench/loaders.py [--batches 8] [--rounds 5] [--threads 1]

The graph has 100,000 nodes and 2 million arcs with a power-law degree distribution, and 16 features per node; a batch
has 512 seeds, of which 10 and then 5 neighbors are sampled. A call of an engine makes all its batches: samples them and
gathers features, edge numbers and times.

torch_geometric samples with pyg-lib or torch-sparse only, without a fallback in torch, and pip finds no wheel of them.
Its loader is therefore timed with ``graphrep.pyg.provide()``: the same kernel under another loader. It has no induced
subgraphs then. DGL, where it is installed, samples in the first kind only: in time it needs a function of the user, and
it has no disjoint samples. Its blocks draw neighbors of all nodes met so far in each hop, the seeds again, where the
others draw those of new nodes only; the numbers of entries are in the results. What time costs the kernel is seen
beside a search of the allowed entries in torch (``torch, by rank``), for "last" of one hop.

Before the timing, results are compared where nothing is random: whole neighborhoods of all kinds, and "last" without
ties.
"""

from __future__ import annotations

import argparse
import warnings
from typing import TYPE_CHECKING, Any

from _graphs import describe, power_law_graph
from _harness import alternate, environment, report, write_results
from _peers import imported_dgl, limit_threads

limit_threads()

import torch  # noqa: E402
from torch_geometric.data import Data  # noqa: E402
from torch_geometric.loader import NeighborLoader as TheirLoader  # noqa: E402

import graphrep as gr  # noqa: E402
from graphrep.loader import NeighborLoader  # noqa: E402
from graphrep.ops.sampling import time_order  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable

FANOUTS, SEEDS, FEATURES = (10, 5), 512, 16


def last_in_torch(data: Data, seeds: torch.Tensor, seed_time: torch.Tensor) -> Callable[[], torch.Tensor]:
    """The latest entries that the times allow, of one hop: a search over keys (row, time), then a range per seed."""
    adj = gr.ops.Adjacency.from_edge_index(data.edge_index, num_nodes=data.num_nodes)
    times = data.edge_time[adj.permutation]
    order = time_order(adj, times)
    span = int(times.max()) + 1
    keys = torch.repeat_interleave(adj.indptr.diff()) * span + times[order]
    edge_ids = adj.permutation[order]

    def sample() -> torch.Tensor:
        end = torch.searchsorted(keys, seeds * span + seed_time, right=True)
        count = torch.minimum(end - adj.indptr[seeds], torch.tensor(FANOUTS[0]))
        owner = torch.repeat_interleave(count)
        start = count.cumsum(0) - count
        entry = (end - count)[owner] + torch.arange(len(owner)) - start[owner]
        return edge_ids[entry]

    return sample


def dgl_loader(data: Data, seeds: torch.Tensor) -> Callable[[], int] | None:
    """Batches of DGL's sampler with features and edge numbers gathered, as a function of no arguments; None without it.

    Releases of DGL hold a library for each version of torch up to 2.4, which only its GraphBolt needs: a stand-in is
    imported in its place.
    """
    dgl = imported_dgl()
    if dgl is None:
        return None
    graph = dgl.graph((data.edge_index[0], data.edge_index[1]), num_nodes=data.num_nodes)
    graph = graph.formats("csc")
    graph.create_formats_()
    whole = dgl.dataloading.NeighborSampler([-1]).sample(graph, seeds[:64])[2][0]
    ours = next(iter(NeighborLoader(data, [-1], input_nodes=seeds[:64], batch_size=64)))
    if not torch.equal(whole.edata[dgl.EID].sort().values, ours.e_id.sort().values):
        raise SystemExit("directional: DGL samples other edges")
    sampler = dgl.dataloading.NeighborSampler(list(FANOUTS[::-1]))  # from the input to the seeds

    def run() -> int:
        count = 0
        for batch in seeds.split(SEEDS):
            nodes, _, blocks = sampler.sample(graph, batch)
            data.x[nodes]
            count += sum(len(block.edata[dgl.EID]) for block in blocks)
        return count

    return run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batches", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    warnings.filterwarnings("ignore", category=DeprecationWarning)
    gr.pyg.provide()

    graph = power_law_graph()
    generator = torch.Generator().manual_seed(0)
    data = graph.to_pyg()
    data.x = torch.randn(data.num_nodes, FEATURES, generator=generator)
    data.edge_time = torch.randperm(data.num_edges, generator=generator)
    seeds = torch.randperm(data.num_nodes, generator=generator)[: options.batches * SEEDS]
    seed_time = torch.randint(data.num_edges, (len(seeds),), generator=generator)
    temporal = {"time_attr": "edge_time", "input_time": seed_time}
    kinds: dict[str, dict[str, Any]] = {
        "directional": {},
        "disjoint": {"disjoint": True},
        "temporal, uniform": temporal,
        "temporal, last": temporal | {"temporal_strategy": "last"},
        "bidirectional": {"subgraph_type": "bidirectional"},
        "induced": {"subgraph_type": "induced"},
    }

    def loader(make: Any, settings: dict[str, Any], fanouts: Any = FANOUTS, count: int = len(seeds)) -> Any:
        settings = settings | ({"input_time": seed_time[:count]} if "input_time" in settings else {})
        return make(data, list(fanouts), input_nodes=seeds[:count], batch_size=SEEDS, **settings)

    for kind, settings in kinds.items():
        if kind == "induced":
            continue
        fanouts = FANOUTS if kind == "temporal, last" else (-1,)
        ours, theirs = (next(iter(loader(make, settings, fanouts, 64))) for make in (NeighborLoader, TheirLoader))
        for name in ("n_id", "edge_index", "e_id", "x"):
            a, b = ours[name], theirs[name]
            if not torch.equal(a, b) and not (name != "n_id" and torch.equal(a.sort().values, b.sort().values)):
                raise SystemExit(f"{kind}: {name} differs between the loaders")
    one_hop = loader(NeighborLoader, kinds["temporal, last"], FANOUTS[:1])
    by_rank = last_in_torch(data, seeds, seed_time)
    if sorted(torch.cat([batch.e_id for batch in one_hop]).tolist()) != sorted(by_rank().tolist()):
        raise SystemExit("temporal, last: the search in torch finds other edges")

    tables: dict[str, Any] = {}
    for kind, settings in kinds.items():
        engines = {"graphrep": loader(NeighborLoader, settings)}
        if kind != "induced":
            engines["torch_geometric, lent"] = loader(TheirLoader, settings)
        runs = {
            name: lambda engine=engine: sum(batch.num_edges for batch in engine) for name, engine in engines.items()
        }
        drawn = {}
        if kind == "directional":
            if (by_dgl := dgl_loader(data, seeds)) is not None:
                runs["dgl"] = by_dgl
            drawn = {name: run() for name, run in runs.items()}
            print(f"entries drawn: {drawn}")
        title = f"{kind}: {options.batches} batches of {SEEDS} seeds, 10 then 5 neighbors, {options.threads} threads"
        tables[kind] = {"title": title, "summary": report(title, alternate(runs, options.rounds), ours="graphrep")}
        if drawn:
            tables[kind]["entries drawn"] = drawn
    adj = gr.ops.Adjacency.from_edge_index(data.edge_index, num_nodes=data.num_nodes)
    examples: Any = one_hop.dataset
    runs = {
        "graphrep, kernel": lambda: examples.sample({0: seeds}, {0: seed_time}, next(iter(one_hop.sampler))),
        "torch, by rank": by_rank,
        "graphrep, op (sorts by time)": lambda: gr.ops.sample_neighbors(
            adj, seeds, FANOUTS[:1], edge_time=data.edge_time, seed_time=seed_time, last=True
        ),
    }
    title = (
        f'"last" of one hop, {len(seeds):,} seeds, without gathering; torch finds edges only, graphrep numbers nodes'
    )
    tables["last, one hop"] = {
        "title": title,
        "summary": report(title, alternate(runs, options.rounds), ours="graphrep, kernel"),
    }
    path = write_results(
        "bench_loaders",
        {
            "environment": environment(["torch-geometric", "dgl"]),
            "title": "Batches of the loaders",
            "graph": describe(graph),
            "batches": options.batches,
            "threads": options.threads,
            **tables,
        },
    )
    print(f"written to {path.relative_to(path.parents[2])}")


if __name__ == "__main__":
    main()
