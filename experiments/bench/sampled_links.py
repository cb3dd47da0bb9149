"""Memory and steps of link predictors on graphs of the sizes of ogbl-ppa and ogbl-citation2, sampled and whole.

    python experiments/bench/sampled_links.py --folder /tmp/graphs --threads 1

The graphs are R-MAT, and their features normal numbers in a mapped file; both are written to --folder, 3 GB, at the
first use and kept. Every fit is a process of its own that trains for --seconds, or one step if that takes longer, and
then computes all vectors and scores a million pairs. Memory is the largest that was not pages of files, looked at every
5 ms; seconds are those of the processor, of steps after the first where there were more. An epoch is extrapolated from
them. Result: experiments/results/bench_sampled_links.json; fits that --only leaves out stay as they were.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from _harness import RESULTS, environment, largest, write_results

import graphrep as gr
from graphrep.learn import Loop

GRAPHS = {"ppa": (576_289, 36_000_000, 58), "citation2": (2_927_963, 32_500_000, 128)}  # nodes, edges drawn, features
FITS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "ppa, NCN(neighbors=[15])": ("ppa", "NCN", {"neighbors": [15]}),
    "ppa, NCN()": ("ppa", "NCN", {}),
    "citation2, NCN(neighbors=[15])": ("citation2", "NCN", {"neighbors": [15]}),
    "citation2, GAE(neighbors=[15, 10])": (
        "citation2",
        "GAE",
        {"neighbors": [15, 10], "layers": 2, "convolution": "gcn"},
    ),
    "citation2, NCN()": ("citation2", "NCN", {}),
}


def graph_of(name: str, folder: Path) -> gr.Graph:
    """A graph, mapped, with mapped features."""
    num_nodes, num_edges, width = GRAPHS[name]
    path, features = folder / f"{name}.graph", folder / f"{name}.npy"
    if not path.exists():
        gr.datasets.write_rmat(path, num_nodes=num_nodes, num_edges=num_edges)
    if not features.exists():
        rng, part = np.random.default_rng(0), folder / f"{name}.part.npy"
        x = np.lib.format.open_memmap(part, mode="w+", dtype=np.float32, shape=(num_nodes, width))
        for begin in range(0, num_nodes, 100_000):
            rows = x[begin : begin + 100_000]
            rows[:] = rng.standard_normal(rows.shape, dtype=np.float32)
        x.flush()
        part.replace(features)
    g = gr.open_graph(path)
    return gr.Graph(g.indptr, g.indices, directed=False, x=np.load(features, mmap_mode="r"))


def measured(fit: str, folder: Path, seconds: float, threads: int) -> dict[str, Any]:
    """One fit in this process."""
    graph_name, learner, options = FITS[fit]
    graph, steps = graph_of(graph_name, folder), []
    step = Loop._step

    def timed(self: Loop, *args: Any) -> Any:
        before = time.process_time()
        found = step(self, *args)
        steps.append(time.process_time() - before)
        return found

    Loop._step = timed  # type: ignore[method-assign]
    with largest(every=0.005) as memory:
        begin = time.process_time()
        model = getattr(gr, learner)(
            **options,
            dimensions=64,
            epochs=1,
            untrained_scores=False,
            max_seconds=seconds,
            progress=False,
            n_jobs=threads,
        ).fit(graph)
        fitted = time.process_time() - begin
        pairs = np.random.default_rng(1).integers(graph.num_nodes, size=(2, 1_000_000))
        begin = time.process_time()
        model.score_pairs(pairs)
        scored = time.process_time() - begin
    number = -(-graph.num_edges // model.sizes_["batch_size"])
    each = statistics.mean(steps[1:] or steps)
    return {
        "num_nodes": graph.num_nodes,
        "num_edges": graph.num_edges,
        "features": int(graph.x.shape[1]),
        "batch_size": model.sizes_["batch_size"],
        "memory_gb": round(memory[0] / 1e9, 2),
        "steps": len(steps),
        "first_step_seconds": round(steps[0], 2),
        "step_seconds": round(each, 2),
        "other_seconds": round(fitted - sum(steps), 1),
        "score_million_seconds": round(scored, 1),
        "epoch_minutes_extrapolated": round(each * number / 60, 1),
        "threads": threads,
    }


def main() -> None:
    """Measure, each fit in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True, help="for the graphs and features")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--only", nargs="+", choices=list(FITS), default=list(FITS))
    parser.add_argument("--fit", choices=list(FITS), help="measure this one here and print it")
    args = parser.parse_args()
    if args.fit:
        print(json.dumps(measured(args.fit, args.folder, args.seconds, args.threads)))
        return
    path = RESULTS / "bench_sampled_links.json"
    found = json.loads(path.read_text(encoding="utf-8"))["fits"] if path.exists() else {}
    for fit in args.only:
        command = [sys.executable, __file__, "--fit", fit, "--folder", str(args.folder), "--seconds", str(args.seconds)]
        out = subprocess.run([*command, "--threads", str(args.threads)], check=True, capture_output=True, text=True)
        found[fit] = json.loads(out.stdout.splitlines()[-1])
        print(fit, found[fit], flush=True)
        write_results(
            path.stem, {"environment": environment(), "fits": {name: found[name] for name in FITS if name in found}}
        )


if __name__ == "__main__":
    main()
