"""Spectral and ProNE on the disk beside the same fits in memory: seconds, memory, disk, and equal bits.

    python experiments/bench/large_spectral.py --folder /data --fits 1M,Spectral,300MB 1M,Spectral,memory

Graphs are those of large_fastrp.py, written to --folder at the first use and kept; the vectors are removed. Every fit
is a process of its own, with 128 dimensions. Memory is the largest that was not pages of files, looked at every 20 ms.
A digest of the vectors tells whether a fit on the disk has the bits of the one in memory. Result:
experiments/results/bench_large_spectral.json, in which a fit replaces an older one of its name.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
from _harness import largest, measured_apart, resident
from large_fastrp import graph_of

import graphrep as gr


def measured(name: str, learner: str, memory: str, folder: Path, threads: int) -> dict[str, Any]:
    """One fit in this process, with the graph mapped."""
    graph = gr.open_graph(graph_of(name, folder, threads))
    model = getattr(gr, learner)(dimensions=128, n_jobs=threads)
    out = folder / "vectors.npy"
    on_disk = memory != "memory"
    estimate = model.estimate(graph, memory=memory) if on_disk else model.estimate(graph)
    before = resident("RssAnon")
    with largest(every=0.02) as peak:
        clock, processor = time.perf_counter(), time.process_time()
        vectors = model.fit_transform(graph, **({"out": out, "memory": memory} if on_disk else {}))
        clock, processor = time.perf_counter() - clock, time.process_time() - processor
    digest = hashlib.blake2b(digest_size=16)
    for begin in range(0, len(vectors), 1 << 16):
        digest.update(np.ascontiguousarray(vectors[begin : begin + (1 << 16)]))
    out.unlink(missing_ok=True)
    return {
        "num_nodes": graph.num_nodes,
        "num_edges": graph.num_edges,
        "threads": threads,
        "seconds": round(clock, 1),
        "processor_seconds": round(processor, 1),
        "memory_gb": round((peak[0] - before) / 1e9, 3),
        "estimated_memory_gb": round(estimate.memory / 1e9, 3),
        "estimated_disk_gb": round(estimate.disk / 1e9, 2),
        "estimated_seconds": None if estimate.seconds is None else round(estimate.seconds),
        "digest": digest.hexdigest(),
    }


def main() -> None:
    """Measure, each fit in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True, help="for the graphs and the vectors")
    parser.add_argument("--fits", nargs="+", default=["1M,Spectral,300MB"], help='GRAPH,LEARNER,BYTES or "memory"')
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--here", action="store_true", help="measure the only fit in this process and print it")
    args = parser.parse_args()
    if args.here:
        name, learner, memory = args.fits[0].split(",")
        print(json.dumps(measured(name, learner, memory, args.folder, args.threads)))
        return
    options = ["--folder", str(args.folder), "--threads", str(args.threads)]
    for fit, found in measured_apart(__file__, "bench_large_spectral", args.fits, options):
        print(fit, found[fit], flush=True)
        of_graph = {row["digest"] for name, row in found.items() if name.split(",")[:2] == fit.split(",")[:2]}
        if len(of_graph) > 1:
            raise SystemExit(f"{fit} has other vectors than the same fit with more or less memory")


if __name__ == "__main__":
    main()
