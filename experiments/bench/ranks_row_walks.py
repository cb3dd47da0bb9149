"""Walks on a graph whose rows are divided among processes: nanoseconds and bytes per step, for R processes.

    OMP_NUM_THREADS=1 torchrun --nproc-per-node 2 experiments/bench/ranks_row_walks.py

Run it with one process as well, which also times the kernel on the whole graph, and in a network namespace of its own
for the bytes, which are those of all interfaces. A random graph of 100,000 nodes and two million arcs without locality,
or ``--scale`` times as large; 131,072 walks of 20 nodes advance together, one thread each. Seconds are those of the
processor of each rank, the least of three batches, over the steps that a rank takes on average.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import numpy as np
from _harness import environment, write_results
from ranks import sent_bytes

import graphrep as gr

WALKS, LENGTH, BATCHES = 131_072, 20, 3
BIASES = [(1, 1), (0.5, 2), (0.25, 4), (4, 0.25), (1, 20)]


def measured(graph: gr.Graph, p: float, q: float, ranks: gr.distributed.Ranks) -> dict[str, Any]:
    options: dict[str, Any] = {"walk_length": LENGTH, "p": p, "q": q, "n_jobs": 1}
    size = WALKS // ranks.world_size
    walks = gr.distributed.iter_walks(graph, ranks, batch_size=size, walks_per_node=4, **options)
    seconds, sent, steps = [], [], (LENGTH - 1) * WALKS  # no node is a dead end
    for _ in range(BATCHES):
        ranks.meet("a batch begins")
        before, begin = sent_bytes(), time.process_time()
        batch = next(walks)
        seconds.append(time.process_time() - begin)
        assert batch.min() >= 0
        ranks.meet("a batch ends")
        sent.append(sent_bytes() - before)
    least = ranks.tell("seconds", min(seconds))
    found = {"p": p, "q": q, "bytes_per_step": round(min(sent) / steps, 1)}
    found["nanoseconds"] = [round(1e9 * one * ranks.world_size / steps) for one in least]
    if ranks.world_size == 1:
        sampler = gr.ops.WalkSampler(graph, **options)
        sampler.sample(0, 100)  # tables are made at the first call
        own = []
        for _ in range(BATCHES):
            begin = time.process_time()
            sampler.sample(0, WALKS)
            own.append(time.process_time() - begin)
        found["nanoseconds_of_the_kernel"] = round(1e9 * min(own) / steps)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scale", type=int, default=1)
    scale = parser.parse_args().scale
    ends, results = np.random.default_rng(0).integers(100_000 * scale, size=(2, 1_000_000 * scale)), []
    graph = gr.as_graph(ends, num_nodes=100_000 * scale, merge="max")
    with gr.distributed.connect() as ranks:
        for p, q in BIASES if scale == 1 else BIASES[:2]:
            results.append(measured(graph, p, q, ranks))
            if ranks.rank == 0:
                print(results[-1], flush=True)
        if ranks.rank == 0:
            table = {
                "environment": environment(),
                "world_size": ranks.world_size,
                "arcs": graph.num_arcs,
                "results": results,
            }
            size = "" if scale == 1 else f"_x{scale}"
            write_results(f"bench_ranks_row_walks_{ranks.world_size}{size}", table)


if __name__ == "__main__":
    main()
