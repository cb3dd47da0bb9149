"""Peak memory of Node2Vec on 1 million nodes and 10 million edges, d = 128; PecanPy + gensim on a tenth of that.

    python experiments/bench/memory.py [--python .venv/bin/python]

Every run is a process of its own that loads a prepared CSR from .npy files and reports its own peak resident size
(VmHWM). What graphrep holds beyond the graph and the two vector tables is the figure of the target, at most 200 MB. It
must not grow with the number of walks, so it is measured for two corpora, on a graph of a tenth the size. PecanPy keeps
its walks as lists of strings for gensim; it takes too long on the large graph and is measured on the smaller one, too.

Where pandas and pyarrow are installed, scikit-learn imports them, 115 MB that say nothing about graphrep; ``--python``
names the interpreter of graphrep's own runs, so that they can be those of a plain installation (``make setup``).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from _harness import environment, print_table, write_results

NODES, EDGES, DIMENSIONS = 1_000_000, 10_000_000, 128
TARGET_MB = 200.0
MB = 1e6
RUN = "--run"  # first argument of a measured process
RUNS = (  # engine, share of the graph, walks per node, nodes per walk
    ("graphrep", 1, 1, 20),
    ("graphrep", 10, 1, 20),
    ("graphrep", 10, 4, 80),
    ("PecanPy + gensim", 10, 1, 20),
)


def main() -> None:
    parser = argparse.ArgumentParser(description="Peak memory of Node2Vec.")
    parser.add_argument("--python", default=sys.executable, help="interpreter of graphrep's own runs")
    python = parser.parse_args().python
    rows = []
    for engine, share, walks, length in RUNS:
        with tempfile.TemporaryDirectory() as folder:
            nodes, edges = NODES // share, EDGES // share
            graph_bytes = prepare(Path(folder), nodes, edges)
            row = run(python if engine == "graphrep" else sys.executable, engine, folder, walks, length)
        tables = 2 * nodes * DIMENSIONS * 4
        beyond = (row["peak_bytes"] - graph_bytes - tables) / MB
        name = f"{engine}: {nodes:,} nodes, {edges:,} edges, {walks} x {length} nodes"
        rows.append({"name": name, "graph_bytes": graph_bytes, "tables_bytes": tables, "beyond_mb": beyond, **row})
        print(f"measured {name}", flush=True)
    print_table(
        ("", "peak MB", "graph MB", "tables MB", "beyond MB", "at start MB", "seconds"),
        [
            (
                row["name"],
                *(f"{row[key] / MB:.0f}" for key in ("peak_bytes", "graph_bytes", "tables_bytes")),
                f"{row['beyond_mb']:.0f}",
                f"{row['start_bytes'] / MB:.0f}",
                f"{row['seconds']:.0f}",
            )
            for row in rows
        ],
    )
    reached = rows[0]["beyond_mb"]
    print(f"beyond graph and tables: {reached:.0f} MB, target {TARGET_MB:.0f} MB")
    payload = {"dimensions": DIMENSIONS, "runs": rows, "target_mb": TARGET_MB, "reached_mb": reached}
    print(write_results("bench_memory", {"environment": environment(["pecanpy", "gensim"]), **payload}))


def prepare(folder: Path, nodes: int, edges: int) -> int:
    """Write the CSR, so that no run pays for making it; return its size in bytes."""
    from _graphs import power_law_graph

    graph = power_law_graph(nodes, edges)
    np.save(folder / "indptr.npy", graph.indptr)
    np.save(folder / "indices.npy", graph.indices)
    return graph.indptr.nbytes + graph.indices.nbytes


def run(python: str, engine: str, folder: str, walks: int, length: int) -> dict[str, float]:
    """One measured process."""
    command = [python, __file__, RUN, engine, folder, str(walks), str(length)]
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
        shape = model.fit_transform(graph).shape
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
        shape = model.wv.vectors.shape
    if shape[1] != DIMENSIONS:
        raise AssertionError(f"vectors of shape {shape}")
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
    if sys.argv[1:2] == [RUN]:
        child(sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5]))
    else:
        main()
