"""Peak memory of Node2Vec on 1 million nodes and 10 million edges, d = 128, beside PecanPy + gensim.

    python experiments/bench/memory.py

Every run is a process of its own that loads a prepared CSR from .npy files and reports its own peak resident size
(VmHWM). What graphrep holds beyond the graph and the two vector tables is the figure of the target, at most 200 MB. It
must not grow with the number of walks, so it is measured for two corpora. PecanPy keeps its walks as lists of strings
for gensim; it is given the smaller corpus only.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from _harness import environment, print_table, write_results

NODES, EDGES, DIMENSIONS = 1_000_000, 10_000_000, 128
TARGET_MB = 200.0
MB = 1e6
CORPORA = {"1 walk of 20 nodes": (1, 20), "4 walks of 40 nodes": (4, 40)}


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        sizes = prepare(Path(folder))
        rows: dict[str, dict[str, float]] = {}
        for title, (walks, length) in CORPORA.items():
            rows[f"graphrep, {title} per node"] = run("graphrep", folder, walks, length)
            print(f"measured graphrep, {title}", flush=True)
        walks, length = CORPORA["1 walk of 20 nodes"]
        rows["PecanPy + gensim, 1 walk of 20 nodes per node"] = run("pecanpy", folder, walks, length)
    tables = 2 * NODES * DIMENSIONS * 4
    for row in rows.values():
        row["beyond_graph_and_tables_mb"] = (row["peak_bytes"] - sizes["graph_bytes"] - tables) / MB
    print(f"graph {sizes['graph_bytes'] / MB:.0f} MB, two tables {tables / MB:.0f} MB")
    print_table(
        ("", "peak MB", "beyond graph and tables MB", "at start MB", "seconds"),
        [
            (
                name,
                f"{row['peak_bytes'] / MB:.0f}",
                f"{row['beyond_graph_and_tables_mb']:.0f}",
                f"{row['start_bytes'] / MB:.0f}",
                f"{row['seconds']:.0f}",
            )
            for name, row in rows.items()
        ],
    )
    reached = max(row["beyond_graph_and_tables_mb"] for name, row in rows.items() if name.startswith("graphrep"))
    print(f"beyond graph and tables: {reached:.0f} MB, target {TARGET_MB:.0f} MB")
    payload = {
        "environment": environment(["pecanpy", "gensim"]),
        "nodes": NODES,
        "edges": EDGES,
        "dimensions": DIMENSIONS,
        **sizes,
        "tables_bytes": tables,
        "runs": rows,
        "target_mb": TARGET_MB,
        "reached_mb": reached,
    }
    print(write_results("bench_memory", payload))


def prepare(folder: Path) -> dict[str, int]:
    """Write the CSR once, so that no run pays for making it."""
    from _graphs import power_law_graph

    graph = power_law_graph(NODES, EDGES)
    np.save(folder / "indptr.npy", graph.indptr)
    np.save(folder / "indices.npy", graph.indices)
    return {"arcs": graph.num_arcs, "graph_bytes": graph.indptr.nbytes + graph.indices.nbytes}


def run(engine: str, folder: str, walks: int, length: int) -> dict[str, float]:
    """One measured process."""
    command = [sys.executable, __file__, engine, folder, str(walks), str(length)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        raise RuntimeError(f"{engine} failed:\n{result.stderr[-2000:]}")
    measured: dict[str, float] = json.loads(result.stdout.splitlines()[-1])
    return measured


def child(engine: str, folder: str, walks: int, length: int) -> None:
    start = time.perf_counter()
    if engine == "graphrep":
        import graphrep as gr

        model = gr.Node2Vec(dimensions=DIMENSIONS, walks_per_node=walks, walk_length=length, progress=False)
        loaded = resident("VmRSS")
        graph = gr.Graph(np.load(Path(folder, "indptr.npy")), np.load(Path(folder, "indices.npy")))
        vectors: Any = model.fit_transform(graph)
    else:
        from _peers import pecanpy_graph
        from gensim.models import Word2Vec

        import graphrep as gr

        loaded = resident("VmRSS")
        graph = gr.Graph(np.load(Path(folder, "indptr.npy")), np.load(Path(folder, "indices.npy")))
        peer = pecanpy_graph("SparseOTF", graph, p=1, q=1)
        del graph
        corpus = peer.simulate_walks(num_walks=walks, walk_length=length - 1)
        model = Word2Vec(
            corpus,
            vector_size=DIMENSIONS,
            window=10,
            sg=1,
            hs=0,
            negative=5,
            sample=0,
            min_count=0,
            epochs=1,
            workers=2,
        )
        vectors = model.wv.vectors
    assert vectors.shape == (NODES, DIMENSIONS)
    print(
        json.dumps(
            {
                "peak_bytes": resident("VmHWM"),
                "start_bytes": loaded,
                "seconds": time.perf_counter() - start,
            }
        )
    )


def resident(field: str) -> int:
    """A size from /proc/self/status, in bytes."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(field + ":"))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        child(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
    else:
        main()
