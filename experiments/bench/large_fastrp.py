"""FastRP on the disk, of R-MAT graphs of several sizes: time of each pass, memory and disk.

    python experiments/bench/large_fastrp.py --folder /data --fits 65M,float16,128 --threads 2

Graphs are written to --folder at the first use and kept; the vectors are removed. Every fit is a process of its own.
Memory is the largest that was not pages of files, looked at every 20 ms; disk is the largest use of the folder beyond
the graph, every second. Beside each fit, a probe fetches a row of 64 bytes for each of 100 million arcs of the graph,
from a table as large as those of the fit: what the memory allows at best. Result:
experiments/results/bench_large_fastrp.json, in which a fit replaces an older one of its name.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from _harness import largest, measured_apart, resident

import graphrep as gr
from graphrep.embed import _on_disk

HERE = Path(__file__).parent
GRAPHS = {  # nodes, edges drawn
    "1M": (1_000_000, 30_500_000),
    "8M": (8_000_000, 244_000_000),
    "16M": (16_000_000, 280_000_000),
    "65M": (65_608_366, 2_000_000_000),
}
MEMORY = {"1M": "200MB", "8M": "1.5GB", "16M": "3GB", "65M": "12GB"}  # 32 columns of float16 at a time, 16 of float32


def used(folder: Path) -> int:
    """Bytes on the disk; files may vanish meanwhile."""
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_blocks * 512
        except FileNotFoundError:
            continue
    return total


def graph_of(name: str, folder: Path, threads: int) -> Path:
    """The saved graph."""
    path = folder / f"{name}.graph"
    if not path.exists():
        nodes, edges = GRAPHS[name]
        gr.datasets.write_rmat(path, num_nodes=nodes, num_edges=edges, memory="12GB", n_jobs=threads)
    return path


def probed(graph: gr.Graph, row_bytes: int, threads: int) -> float:
    """Nanoseconds of one thread per row that is fetched in the order of the arcs, and nothing else."""
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder) / "probe.so"
        command = ["g++", "-O3", "-march=native", "-shared", "-fPIC", "-fopenmp", str(HERE / "gather_probe.cpp")]
        subprocess.run([*command, "-o", str(library)], check=True)
        fetch = ctypes.CDLL(str(library)).gather_probe
        fetch.restype = ctypes.c_int64
        table = np.ones((graph.num_nodes, row_bytes), dtype=np.uint8)
        middle = graph.num_arcs // 2
        rows = np.array(graph.indices[middle : middle + 100_000_000], dtype=np.int32)
        given = [ctypes.c_void_p(table.ctypes.data), ctypes.c_int64(row_bytes), ctypes.c_void_p(rows.ctypes.data)]
        fetch(*given, ctypes.c_int64(len(rows) // 10), ctypes.c_int64(16), ctypes.c_int(threads))
        begin = time.perf_counter()
        fetch(*given, ctypes.c_int64(len(rows)), ctypes.c_int64(16), ctypes.c_int(threads))
        return (time.perf_counter() - begin) * threads / len(rows) * 1e9  # by the clock: OpenMP waits in a busy loop


def measured(name: str, precision: str, dimensions: int, folder: Path, threads: int) -> dict[str, Any]:
    """One fit in this process."""
    path, out = graph_of(name, folder, threads), folder / "vectors" / "vectors.npy"
    out.parent.mkdir(exist_ok=True)
    start, passes = time.perf_counter(), []

    def say(text: str) -> None:
        print(f"{time.perf_counter() - start:8.1f} s  {text}", file=sys.stderr, flush=True)

    def timed(what: str, call: Any) -> Any:
        def run(*args: Any, **options: Any) -> Any:
            begin = time.perf_counter(), time.process_time()
            found = call(*args, **options)
            passes.append([what, time.perf_counter() - begin[0], time.process_time() - begin[1]])
            held = resident("RssAnon") / 1e9
            say(f"{what}: {passes[-1][1]:.1f} s, {passes[-1][2]:.1f} s of processors, {held:.2f} GB")
            return found

        return run

    processor = time.process_time()
    graph = timed("open and verify", gr.open_graph)(path)
    say(f"{graph.num_nodes:,} nodes, {graph.num_edges:,} edges")
    _on_disk.recurrence_step = timed("product", _on_disk.recurrence_step)  # type: ignore[assignment]
    from graphrep.embed import fastrp

    fastrp.project_neighbors = timed("first power", fastrp.project_neighbors)  # type: ignore[assignment]
    _on_disk._Rows.standardize = timed("standardize", _on_disk._Rows.standardize)  # type: ignore[method-assign]
    fastrp._warn_of_sameness = timed("zero and equal rows", fastrp._warn_of_sameness)
    model = gr.FastRP(dimensions=dimensions, iteration_weights=(0, 0, 1, 4), precision=precision, n_jobs=threads)
    estimate = model.estimate(graph, memory=MEMORY[name])
    say(f"estimate: memory {estimate.memory / 1e9:.2f} GB, disk {estimate.disk / 1e9:.2f} GB, {estimate.seconds:.0f} s")
    with largest(every=0.02) as memory, largest(lambda: used(out.parent), every=1) as disk:
        vectors = model.fit(graph, out=out, memory=MEMORY[name]).embedding_
    seconds, processor = time.perf_counter() - start, time.process_time() - processor
    say(f"{vectors.shape} written")
    columns = dimensions // sum(what == "first power" for what, _, _ in passes)
    out.unlink()
    own = [sum(cpu for what, _, cpu in passes if what == kind) for kind in ("first power", "product")]
    return {
        "num_nodes": graph.num_nodes,
        "num_edges": graph.num_edges,
        "precision": precision,
        "dimensions": dimensions,
        "columns_at_a_time": columns,
        "threads": threads,
        "seconds": round(seconds, 1),
        "processor_seconds": round(processor, 1),
        "first_power_ns_per_arc_and_block": round(own[0] / graph.num_arcs / (dimensions / columns) * 1e9, 2),
        "product_ns_per_arc_and_block": round(own[1] / graph.num_arcs / (3 * dimensions / columns) * 1e9, 2),
        "probe_ns_per_row": round(probed(graph, columns * np.dtype(precision).itemsize, threads), 2),
        "memory_gb": round(memory[0] / 1e9, 2),
        "estimated_memory_gb": round(estimate.memory / 1e9, 2),
        "disk_gb": round(disk[0] / 1e9, 2),
        "estimated_disk_gb": round(estimate.disk / 1e9, 2),
        "estimated_seconds": round(estimate.seconds),
        "passes": [[what, round(wall, 1), round(cpu, 1)] for what, wall, cpu in passes],
    }


def main() -> None:
    """Measure, each fit in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True, help="for the graphs and the vectors")
    parser.add_argument("--fits", nargs="+", default=["1M,float16,128"], help="GRAPH,PRECISION,DIMENSIONS")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--here", action="store_true", help="measure the only fit in this process and print it")
    args = parser.parse_args()
    if args.here:
        name, precision, dimensions = args.fits[0].split(",")
        print(json.dumps(measured(name, precision, int(dimensions), args.folder, args.threads)))
        return
    options = ["--folder", str(args.folder), "--threads", str(args.threads)]
    for fit, found in measured_apart(__file__, "bench_large_fastrp", args.fits, options):
        print(fit, {key: value for key, value in found[fit].items() if key != "passes"}, flush=True)


if __name__ == "__main__":
    main()
