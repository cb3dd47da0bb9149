"""FastRP divided among processes: processor time of each rank and bytes sent, as docs/several_machines.md expects them.

    OMP_NUM_THREADS=1 torchrun --nproc-per-node 2 experiments/bench/ranks.py [--nodes 400000] [--edges 4000000]

Run it with other numbers of processes, too, and each in a network namespace of its own (``ip netns exec``), since the
bytes are those of all interfaces. Bytes are counted once, as sent.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from _harness import environment, write_results

import graphrep as gr

WEIGHTS = (0.0, 0.0, 1.0, 4.0)
DIMENSIONS = 128


def sent_bytes() -> int:
    """Bytes that all interfaces of this namespace have sent."""
    lines = Path("/proc/net/dev").read_text(encoding="ascii").splitlines()[2:]
    return sum(int(line.partition(":")[2].split()[8]) for line in lines)


def expected_bytes(n: int, ranks: gr.distributed.Ranks) -> int:
    """Two powers from columns to rows, and the rows, flags and hashes to every rank."""
    size = ranks.world_size
    widths = [end - begin for begin, end in ranks.parts(DIMENSIONS, 16)]
    rows = [end - begin for begin, end in ranks.parts(n, 1 << 14)]
    kept = sum(width * count for width, count in zip(widths, rows, strict=True))
    powers = sum(weight > 0 for weight in WEIGHTS) * 4 * (n * DIMENSIONS - kept)
    return powers + (size - 1) * n * (4 * DIMENSIONS + 1 + 8)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nodes", type=int, default=400_000)
    parser.add_argument("--edges", type=int, default=4_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()

    with gr.distributed.connect() as ranks:
        folder = Path(ranks.tell("a folder", tempfile.mkdtemp() if ranks.rank == 0 else None)[0])
        if ranks.rank == 0:
            made = gr.datasets.rmat(num_nodes=options.nodes, num_edges=options.edges, n_jobs=1)
            made.save(folder / "random.graph")
        ranks.meet("the graph is saved")
        graph = gr.open_graph(folder / "random.graph")
        found = []
        for _ in range(options.rounds + 1):
            ranks.meet("a round begins")
            before, wall, cpu = sent_bytes(), time.perf_counter(), time.process_time()
            gr.FastRP(dimensions=DIMENSIONS, iteration_weights=WEIGHTS, n_jobs=1).fit(graph, ranks=ranks)
            cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
            ranks.meet("a round ends")
            each = ranks.tell("seconds", [cpu, wall])
            found.append({"cpu_seconds": [one for one, _ in each], "wall_seconds": max(one for _, one in each)})
            found[-1]["sent_bytes"] = sent_bytes() - before
        if ranks.rank > 0:
            return
        (folder / "random.graph").unlink()
        best = min(found[1:], key=lambda one: max(one["cpu_seconds"]))
        results = {
            "num_nodes": graph.num_nodes,
            "num_arcs": graph.num_arcs,
            "world_size": ranks.world_size,
            "expected_bytes": expected_bytes(graph.num_nodes, ranks),
            "best": best,
            "rounds": found[1:],
        }
        print(results)
        write_results(f"bench_ranks_{ranks.world_size}", {"environment": environment(), **results})


if __name__ == "__main__":
    main()
