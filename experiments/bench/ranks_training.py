"""Learners that share batches among processes: processor time per epoch, bytes sent, and the metric, for R processes.

    OMP_NUM_THREADS=1 torchrun --nproc-per-node 2 experiments/bench/ranks_training.py WN18RR

Run it with one process as well, and in a network namespace of its own for the bytes, which are those of all interfaces.
NCN on 80,000 edges of the Debian graph, on the whole graph and on sampled neighborhoods; NCN and GAE on sampled
neighborhoods of eight batches of edges of a random graph of 400,000 nodes with 64 features; ComplEx on 20,000 triples
of WN18RR (a folder or an .npz as in triples.py) against sampled and against all entities; GRACE on a random graph of
8,000 nodes.
"""

from __future__ import annotations

import argparse
import itertools
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
from _harness import RESULTS, environment, write_results
from ranks import sent_bytes
from triples import load

import graphrep as gr

PAIRS = 20_000


def tasks(triples: Path) -> Any:
    """Name, estimator and arguments of fit."""
    options: dict[str, Any] = {"epochs": 2, "n_jobs": 1, "progress": False}
    debian = gr.datasets.load("debian")
    graph, edges = debian.split.graph, debian.split.train[:, : 4 * PAIRS]
    held_out = debian.split.valid[:, :PAIRS], debian.split.valid_neg[:, :PAIRS]
    for batch in (None, 40_000):
        model = gr.NCN(untrained_scores=False, batch_size=batch, **options)
        yield f"NCN, batch_size={batch}", model, (graph, edges), {"val": held_out}
    sampled = {"neighbors": [15], "untrained_scores": False}
    for batch in (None, 40_000):
        model = gr.NCN(batch_size=batch, **sampled, **options)
        yield f"NCN, sampled, batch_size={batch}", model, (graph, edges), {"val": held_out}
    sparse, drawn = gr.datasets.rmat(num_nodes=400_000, num_edges=2_000_000), np.random.default_rng(0)
    x = drawn.standard_normal((400_000, 64), dtype=np.float32)
    sparse = gr.Graph(sparse.indptr, sparse.indices, directed=False, x=x)
    some = sparse.edges()[:, drawn.choice(sparse.num_edges, 4 * PAIRS, replace=False)]
    two = {"layers": 2, "neighbors": [15, 10], "convolution": "gcn"}
    for batch in (2000, 10_000):
        for name, model in (("NCN, 1 layer", gr.NCN(**sampled)), ("GAE, 2 layers", gr.GAE(**sampled | two))):
            model.set_params(dimensions=64, batch_size=batch, **options | {"epochs": 3})
            yield f"{name}, sampled, 400,000 nodes, batch_size={batch}", model, (sparse, some[:, : 8 * batch]), {}
    parts, _ = load(triples)
    some = parts["train"][:PAIRS]
    for negatives in (1000, None):
        yield f"ComplEx, num_negatives={negatives}", gr.ComplEx(num_negatives=negatives, **options), (some,), {}
    random = gr.datasets.rmat(num_nodes=8000, num_edges=40_000)
    yield "GRACE", gr.Contrastive(objective="grace", dimensions=128, residual=False, **options), (random,), {}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("triples", type=Path)
    parser.add_argument("--only", help="names of tasks that contain this text; the results of others stay")
    options = parser.parse_args()
    results = []
    with gr.distributed.connect() as ranks:
        for name, model, data, given in tasks(options.triples):
            if options.only and options.only not in name:
                continue
            ends: list[tuple[float, float]] = []  # processor and wall time, which all ranks reach together

            def note(epoch: int, record: Any, model: Any, ends: list[tuple[float, float]] = ends) -> None:
                del epoch, record, model
                ends.append((time.process_time(), time.perf_counter()))

            ranks.meet("a fit begins")
            before, cpu, wall = sent_bytes(), time.process_time(), time.perf_counter()
            model.set_params(callbacks=[note]).fit(*data, **given, ranks=ranks)
            found = {"cpu_seconds": time.process_time() - cpu, "wall_seconds": time.perf_counter() - wall}
            found["bytes_sent"] = sent_bytes() - before
            each = ranks.tell("seconds", found)
            epochs = [b[0] - a[0] for a, b in itertools.pairwise(ends)]
            results.append(
                {
                    "task": name,
                    "cpu_seconds": [one["cpu_seconds"] for one in each],
                    "cpu_seconds_of_an_epoch_of_rank_0": min(epochs, default=None),
                    "wall_seconds": each[0]["wall_seconds"],
                    "bytes_sent": each[0]["bytes_sent"],
                    "num_parameters": model.num_parameters_,
                    "sizes": getattr(model, "sizes_", {}),
                    "last": model.history_[-1],
                }
            )
            if ranks.rank == 0:
                print(results[-1], flush=True)
        if ranks.rank == 0:
            name = f"bench_ranks_training_{ranks.world_size}"
            path, known = RESULTS / f"{name}.json", {}
            if options.only and path.exists():
                known = {one["task"]: one for one in json.loads(path.read_text(encoding="utf-8"))["results"]}
            found = list((known | {one["task"]: one for one in results}).values())
            write_results(name, {"environment": environment(), "world_size": ranks.world_size, "results": found})


if __name__ == "__main__":
    main()
