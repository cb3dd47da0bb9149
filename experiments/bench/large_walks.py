"""DeepWalk on a graph of 5 million nodes and 100 million edges with nested communities: tokens per second, and links.

    python experiments/bench/large_walks.py [--nodes 5000000] [--walks 10] [--threads 2] [--checkpoint FILE]

Each node draws 14 neighbors in its community of 500 nodes, 4 in one of 50,000 and 2 anywhere. Hidden edges are 20,000
more draws of the same kind, without those that are edges; other pairs are random ones, of all nodes or of the same
community of 50,000. Scores are cosines; common neighbors stand beside them, and what knowing the communities would
give. The clock includes everything from the first walk to the vectors. Result:
experiments/results/bench_large_walks.json, or with the number of walks in its name if that is not 10.
"""

from __future__ import annotations

import argparse
import json
import time
from typing import Any

import numpy as np
import numpy.typing as npt
from _harness import environment, largest, write_results

import graphrep as gr

LEVELS = ((14, 500), (4, 50_000), (2, None))
I64 = npt.NDArray[np.int64]


def drawn(rng: np.random.Generator, source: I64, size: int | None, n: int) -> I64:
    """A neighbor of each node in its community of this size."""
    if size is None:
        return rng.integers(n, size=len(source))
    begin = source // size * size
    return begin + rng.integers(np.minimum(size, n - begin))


def edges_of(n: int, rng: np.random.Generator) -> I64:
    """All draws."""
    nodes, parts = np.arange(n), []
    for count, size in LEVELS:
        source = np.repeat(nodes, count)
        parts.append(np.stack([source, drawn(rng, source, size, n)]))
    return np.concatenate(parts, axis=1)


def pairs_of(graph: gr.Graph, rng: np.random.Generator, count: int) -> tuple[I64, dict[str, I64]]:
    """Hidden edges and other pairs."""
    n = graph.num_nodes
    shares = np.array([share for share, _ in LEVELS], dtype=float)
    level = rng.choice(len(LEVELS), size=count, p=shares / shares.sum())
    source = rng.integers(n, size=count)
    target = np.empty(count, dtype=np.int64)
    for i, (_, size) in enumerate(LEVELS):
        target[level == i] = drawn(rng, source[level == i], size, n)
    pairs = np.stack([source, target])
    new = ~graph.has_edges(source, target) & (source != target)
    other = rng.integers(n, size=count)
    return pairs[:, new], {
        "random pairs": np.stack([other, rng.integers(n, size=count)]),
        "pairs of a community of 50,000": np.stack([other, drawn(rng, other, LEVELS[1][1], n)]),
    }  # fmt: skip


def judged(positive: Any, negative: dict[str, Any]) -> dict[str, float]:
    """AUC against each kind of other pairs."""
    return {name: round(float(gr.evaluate.roc_auc(positive, scores)), 4) for name, scores in negative.items()}


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nodes", type=int, default=5_000_000)
    parser.add_argument("--walks", type=int, default=10)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--checkpoint", help="where an interrupted run resumes; its writing is part of the time")
    args = parser.parse_args()
    rng = np.random.default_rng(0)
    graph = gr.as_graph(edges_of(args.nodes, rng), num_nodes=args.nodes, merge="first")
    hidden, others = pairs_of(graph, rng, 20_000)
    print(graph, f"{hidden.shape[1]} hidden edges", flush=True)
    model = gr.DeepWalk(walks_per_node=args.walks, n_jobs=args.threads, checkpoint=args.checkpoint)
    needed = model.estimate(graph)
    with largest() as memory:
        before, clock, processor = memory[0], time.perf_counter(), time.process_time()
        vectors = model.fit_transform(graph)
        clock, processor = time.perf_counter() - clock, time.process_time() - processor
    tokens = args.walks * args.nodes * model.walk_length
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    def cosine(pairs: I64) -> Any:
        return np.einsum("ij,ij->i", unit[pairs[0]], unit[pairs[1]])

    common = gr.heuristics.common_neighbors

    def known(pairs: I64) -> Any:
        return np.select([pairs[0] // size == pairs[1] // size for _, size in LEVELS[:2]], [2.0, 1.0], 0.0)

    row = {
        "num_nodes": graph.num_nodes,
        "num_edges": graph.num_edges,
        "walks_per_node": args.walks,
        "tokens": tokens,
        "threads": args.threads,
        "checkpoint": args.checkpoint is not None,
        "seconds": round(clock, 1),
        "processor_seconds": round(processor, 1),
        "tokens_per_second": round(tokens / clock),
        "memory_gb": round((memory[0] - before) / 1e9, 2),
        "estimated_memory_gb": round(needed.memory / 1e9, 2),
        "auc": {
            "cosine": judged(cosine(hidden), {name: cosine(pairs) for name, pairs in others.items()}),
            "common neighbors": judged(
                common(graph, hidden), {name: common(graph, pairs) for name, pairs in others.items()}
            ),
            "communities known": judged(known(hidden), {name: known(pairs) for name, pairs in others.items()}),
        },
    }
    print(json.dumps(row, indent=1), flush=True)
    name = "bench_large_walks" if args.walks == 10 else f"bench_large_walks_{args.walks}"
    write_results(name, {"environment": environment(), "protocol": __doc__, "run": row})


if __name__ == "__main__":
    main()
