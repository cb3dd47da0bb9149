"""Learners divided among processes: processor time of each rank and bytes sent, as docs/scaling.md expects them.

    OMP_NUM_THREADS=1 torchrun --nproc-per-node 2 experiments/bench/ranks.py [--learner fastrp] [--nodes 400000] ...

Run it with other numbers of processes, too, and in a network namespace of its own (``unshare -n``), since the bytes are
those of all interfaces. Bytes are counted once, as sent. ``--learner rows`` is FastRP with its rows divided, and so are
``spectral_rows`` and ``prone_rows``.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
from _harness import environment, write_results

import graphrep as gr
from graphrep.distributed.halo import RowGraph
from graphrep.distributed.rows import column_parts
from graphrep.embed._on_disk import ROWS
from graphrep.ops.tall import share_rows

LEARNERS = ("fastrp", "rows", "spectral", "spectral_rows", "prone", "prone_rows")
WEIGHTS = (0.0, 0.0, 1.0, 4.0)
DIMENSIONS = 128
POWER, FILTER = 5, 9  # of ProNE: iterations of the first SVD, products of the filter


def sent_bytes() -> int:
    """Bytes that all interfaces of this namespace have sent."""
    lines = Path("/proc/net/dev").read_text(encoding="ascii").splitlines()[2:]
    return sum(int(line.partition(":")[2].split()[8]) for line in lines)


def turned(n: int, width: int, ranks: gr.distributed.Ranks, block: int) -> int:
    """A block from columns to rows, or back: what does not stay on its rank."""
    columns = [end - begin for begin, end in column_parts(width, ranks)]
    rows = [end - begin for begin, end in ranks.parts(n, block)]
    return 4 * (n * width - sum(c * r for c, r in zip(columns, rows, strict=True)))


def expected_bytes(learner: str, graph: gr.Graph, ranks: gr.distributed.Ranks) -> int:
    """Bytes of all ranks together, by the formulas of docs/scaling.md."""
    n, others = graph.num_nodes, ranks.world_size - 1
    terms = sum(weight > 0 for weight in WEIGHTS)
    isolated = int(np.count_nonzero(graph.out_degree == 0))
    flags = others * n * (1 if isolated > n / 5 else 9)  # and hashes of rows, unless a fifth of the rows are zero
    whole = others * n * 4 * DIMENSIONS
    if learner == "fastrp":
        return terms * turned(n, DIMENSIONS, ranks, ROWS) + whole + flags
    if learner == "rows":
        halo, _ = RowGraph(graph, ranks, ROWS).sizes
        exchanged = sum(ranks.tell("sizes of the halo", halo))
        return exchanged * (8 + 4 * DIMENSIONS * (len(WEIGHTS) - 1)) + flags  # the first product draws its rows
    width, share = DIMENSIONS + 16, share_rows(n)
    block = turned(n, width, ranks, share)
    small = others * 8 * width**2  # a rotation, from rank 0
    gram = small + 8 * width**2 * -(-n // share) * others // ranks.world_size
    products, sums = 2 * POWER + 2, 4 * gram + 2 * small
    if learner.startswith("prone"):
        sums = (2 * POWER + 3) * (gram + small)  # one for each of three orthonormal blocks, or a few if ill-conditioned
    if learner.endswith("_rows"):
        halo, _ = RowGraph(graph, ranks, share).sizes
        columns = 14 * width + 8 if learner == "spectral_rows" else products * width + FILTER * DIMENSIONS + 3
        return sum(ranks.tell("sizes of the halo", halo)) * (8 + 4 * columns) + sums
    if learner == "spectral":  # two rotations; the block goes back after the first
        return 5 * block + sums + whole
    return (2 * products + 2) * block + sums + 2 * whole


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--learner", choices=LEARNERS, default="fastrp")
    parser.add_argument("--nodes", type=int, default=400_000)
    parser.add_argument("--edges", type=int, default=4_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    learner = options.learner

    with gr.distributed.connect() as ranks:
        folder = Path(ranks.tell("a folder", tempfile.mkdtemp() if ranks.rank == 0 else None)[0])
        if ranks.rank == 0:
            made = gr.datasets.rmat(num_nodes=options.nodes, num_edges=options.edges, n_jobs=1)
            made.save(folder / "random.graph")
        ranks.meet("the graph is saved")
        graph = gr.open_graph(folder / "random.graph")

        def fit() -> None:
            common = {"dimensions": DIMENSIONS, "n_jobs": 1}
            where = {"out": folder / "vectors.npy", "shard": "rows"} if learner.endswith("rows") else {}
            if learner.startswith("spectral"):
                gr.Spectral(**common).fit(graph, ranks=ranks, **where)
            elif learner.startswith("prone"):
                gr.ProNE(power=POWER, **common).fit(graph, ranks=ranks, **where)
            else:
                gr.FastRP(iteration_weights=WEIGHTS, **common).fit(graph, ranks=ranks, **where)

        found = []
        for _ in range(options.rounds + 1):
            ranks.meet("a round begins")
            before, wall, cpu = sent_bytes(), time.perf_counter(), time.process_time()
            fit()
            cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
            ranks.meet("a round ends")
            each = ranks.tell("seconds", [cpu, wall])
            found.append({"cpu_seconds": [one for one, _ in each], "wall_seconds": max(one for _, one in each)})
            found[-1]["sent_bytes"] = sent_bytes() - before
        expected = expected_bytes(learner, graph, ranks)
        if ranks.rank > 0:
            return
        for file in folder.iterdir():
            file.unlink()
        best = min(found[1:], key=lambda one: max(one["cpu_seconds"]))
        results = {
            "learner": learner,
            "num_nodes": graph.num_nodes,
            "num_arcs": graph.num_arcs,
            "world_size": ranks.world_size,
            "expected_bytes": expected,
            "best": best,
            "rounds": found[1:],
        }
        print(results)
        name = "bench_ranks" if learner == "fastrp" else f"bench_ranks_{learner}"
        write_results(f"{name}_{ranks.world_size}", {"environment": environment(), **results})


if __name__ == "__main__":
    main()
