"""Skip-gram tables divided among processes: quality, processor time and bytes sent, for R processes.

    OMP_NUM_THREADS=1 torchrun --nproc-per-node 2 experiments/bench/ranks_walks.py

Run it with one process as well, and in a network namespace of its own for the bytes, which are those of all interfaces.
DeepWalk with d = 128 and 10 walks of 80 nodes per node on the PPI graph: labels (half of the nodes labeled, one-vs-rest
logistic regression with C = 1, the TopK rule, mean over 10 splits), and links (a tenth of the edges hidden, AUC of
the cosine and of a logistic regression on Hadamard products; of the vectors, centered and smoothed), beside random
vectors and, with one process, finer steps: half the learning rate and twice the walks.
``--graph debian`` is for links of the Debian graph, from 2 walks of 80.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np
from _datasets import link_scores, load_ppi
from _harness import environment, write_results
from ranks import sent_bytes

import graphrep as gr


def links(vectors: Any, split: Any) -> dict[str, float]:
    found = {}
    tables = {"": vectors, "centered ": gr.embed.center(vectors), "smooth ": gr.embed.smooth(split.graph, vectors)}
    for prefix, table in tables.items():
        scores = link_scores(table, split, "test", examples=20_000)
        found |= {prefix + name: value for name, value in scores.items() if name.endswith("AUC")}
    return found


def judged(vectors: Any, labels: Any) -> dict[str, float]:
    table = gr.evaluate.node_classification(vectors, labels, ratios=[0.5], repeats=10, majority=False, n_jobs=1)
    return {"micro-F1": float(table.mean("micro_f1")[0])}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--graph", choices=("ppi", "debian"), default="ppi")
    parser.add_argument("--ppi", type=Path, help="folder or npz file of the PPI graph")
    options = parser.parse_args()
    debian = options.graph == "debian"
    if debian:
        graph, labels = gr.datasets.load("debian").graph.untyped().to_undirected(), None
    else:
        graph, labels = load_ppi(options.ppi)
    walks = 2 if debian else 10
    split = gr.evaluate.random_link_split(graph, valid=0.0, test=0.1, random_state=0)
    results = []
    with gr.distributed.connect() as ranks:
        for seed in range(options.seeds):
            model = gr.DeepWalk(walks_per_node=walks, random_state=seed, n_jobs=1, progress=False)
            found: dict[str, Any] = {"seed": seed}
            for name, data in (("labels", graph), ("links", split.graph))[debian:]:
                ranks.meet("a fit begins")
                before, cpu, wall = sent_bytes(), time.process_time(), time.perf_counter()
                vectors = model.fit_transform(data, ranks=ranks)
                each = ranks.tell("seconds", [time.process_time() - cpu, time.perf_counter() - wall])
                found[name] = {"cpu_seconds": [one[0] for one in each], "wall_seconds": each[0][1]}
                found[name]["bytes_sent"] = sent_bytes() - before
                if ranks.rank == 0:
                    found[name] |= judged(vectors, labels) if name == "labels" else links(vectors, split)
            results.append(found)
            if ranks.rank == 0:
                print(found, flush=True)
        if ranks.rank == 0:
            random = np.random.default_rng(0).standard_normal((graph.num_nodes, 128)).astype(np.float32)
            table = {
                "environment": environment(),
                "world_size": ranks.world_size,
                "nodes": graph.num_nodes,
                "walks": walks * graph.num_nodes,
                "random_vectors": links(random, split) | ({} if debian else judged(random, labels)),
                "results": results,
            }
            if ranks.world_size == 1 and not debian:
                finer = gr.DeepWalk(walks_per_node=20, learning_rate=0.0125, min_learning_rate=5e-5, n_jobs=1)
                table["finer_steps"] = links(finer.set_params(progress=False).fit_transform(split.graph), split)
            write_results(f"bench_ranks_walks_{'debian_' * debian}{ranks.world_size}", table)


if __name__ == "__main__":
    main()
