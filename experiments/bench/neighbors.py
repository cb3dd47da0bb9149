"""Features summed over the common neighbors of 100,000 pairs: graphrep and the sparse products that NCN is written in.

    python experiments/bench/neighbors.py [--pairs 100000] [--columns 64] [--rounds 7]

The graph has 100,000 nodes and 2 million arcs with a power-law degree distribution. Half of the pairs are edges, half
are random, as in a training batch. Everybody computes the same (pairs, columns) matrix:

* graphrep: ``pool_common_neighbors``, forward alone and with the gradient in the features; with the batch's own edges
  removed (for which the others would have to build the adjacency anew, so they are not asked to); and in two steps, the
  sets first;
* SciPy: rows ``A[u]`` and ``A[v]``, their elementwise product, times the features;
* torch: the same with one sorted key per (pair, neighbor) and a binary search, as NCN's public code intersects two
  sparse matrices, then ``torch.sparse`` times the features, or ``F.embedding_bag`` on the ids.
"""

from __future__ import annotations

import argparse

import numpy as np
import torch
from _graphs import describe, power_law_graph
from _harness import alternate, environment, report, write_results
from _peers import THREADS, limit_threads

import graphrep as gr

Tensor = torch.Tensor


def torch_sets(indptr: Tensor, indices: Tensor, pairs: Tensor, num_nodes: int) -> tuple[Tensor, Tensor]:
    """Offsets and ids of the common neighbors: rows gathered, keys searched."""

    def keys(nodes: Tensor) -> Tensor:
        counts = indptr[nodes + 1] - indptr[nodes]
        pair = torch.repeat_interleave(torch.arange(len(nodes), device=nodes.device), counts)
        start = torch.repeat_interleave(indptr[nodes] - (counts.cumsum(0) - counts), counts)
        return pair * num_nodes + indices[start + torch.arange(len(pair), device=nodes.device)]

    a, b = keys(pairs[0]), keys(pairs[1])
    if len(a) < len(b):
        a, b = b, a
    common = b[a[torch.searchsorted(a[:-1], b)] == b]
    counts = torch.bincount(common // num_nodes, minlength=pairs.shape[1])
    return torch.cat([counts.new_zeros(1), counts.cumsum(0)]), common % num_nodes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=100_000)
    parser.add_argument("--columns", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    limit_threads()
    torch.set_num_threads(THREADS)

    graph = power_law_graph()
    n, half = graph.num_nodes, options.pairs // 2
    rng = np.random.default_rng(1)
    edges = graph.edges()
    chosen = edges[:, rng.choice(edges.shape[1], half, replace=False)]
    pairs = np.concatenate([chosen, rng.integers(n, size=(2, options.pairs - half))], axis=1)[
        :, rng.permutation(options.pairs)
    ].astype(np.int64)
    ends = torch.from_numpy(pairs)
    x = torch.randn(n, options.columns, generator=torch.Generator().manual_seed(0))
    wanted = x.clone().requires_grad_()
    grad = torch.randn(options.pairs, options.columns, generator=torch.Generator().manual_seed(1))

    adjacency = graph.to_scipy().astype(np.float32)
    features = x.numpy()
    indptr, indices = torch.from_numpy(graph.indptr.copy()), torch.from_numpy(graph.indices.astype(np.int64))

    def scipy_pool() -> np.ndarray:
        return adjacency[pairs[0]].multiply(adjacency[pairs[1]]) @ features

    def torch_pool(x: Tensor) -> Tensor:
        offsets, ids = torch_sets(indptr, indices, ends, n)
        matrix = torch.sparse_csr_tensor(offsets, ids, torch.ones(len(ids)), (options.pairs, n))
        return torch.sparse.mm(matrix, x)

    def bag_pool(x: Tensor) -> Tensor:
        offsets, ids = torch_sets(indptr, indices, ends, n)
        return torch.nn.functional.embedding_bag(ids, x, offsets, mode="sum", include_last_offset=True)

    def gradient(pool, **settings) -> Tensor:
        wanted.grad = None
        pool(wanted, **settings).backward(grad)
        return wanted.grad

    def ours(x: Tensor, removed: str | None = None) -> Tensor:
        return gr.ops.pool_common_neighbors(graph, ends, x, removed=removed)

    expected = ours(x)
    for other in (torch.from_numpy(scipy_pool()), torch_pool(x), bag_pool(x)):
        torch.testing.assert_close(other, expected, rtol=1e-4, atol=1e-3)
    expected = gradient(ours)
    for other in (torch_pool, bag_pool):
        torch.testing.assert_close(gradient(other), expected, rtol=1e-4, atol=1e-3)

    common = gr.ops.neighbor_intersection(graph, ends)
    size = f"{options.pairs:,} pairs, d={options.columns}, {common.num_entries:,} common neighbors, {THREADS} threads"
    forward = alternate(
        {
            "graphrep": lambda: ours(x),
            "graphrep, own edges removed": lambda: ours(x, removed="pairs"),
            "graphrep, sets kept": lambda: gr.ops.spmm(gr.ops.neighbor_intersection(graph, ends), x),
            "graphrep, sets alone": lambda: gr.ops.neighbor_intersection(graph, ends),
            "graphrep, count alone": lambda: gr.ops.intersection_count(graph, ends),
            "SciPy row products": scipy_pool,
            "torch keys and torch.sparse": lambda: torch_pool(x),
            "torch keys and embedding_bag": lambda: bag_pool(x),
        },
        options.rounds,
    )
    both = alternate(
        {
            "graphrep": lambda: gradient(ours),
            "graphrep, own edges removed": lambda: gradient(ours, removed="pairs"),
            "torch keys and torch.sparse": lambda: gradient(torch_pool),
            "torch keys and embedding_bag": lambda: gradient(bag_pool),
        },
        options.rounds,
    )
    titles = {
        "forward": f"Pooled common neighbors; {size}",
        "backward": f"Pooled common neighbors, forward and backward; {size}",
    }
    path = write_results(
        "bench_neighbors",
        {
            "environment": environment(),
            "graph": describe(graph),
            "pairs": options.pairs,
            "columns": options.columns,
            "common_neighbors": common.num_entries,
            "threads": THREADS,
            "title": titles["forward"],
            "forward": {"title": titles["forward"], "summary": report(titles["forward"], forward, ours="graphrep")},
            "backward": {"title": titles["backward"], "summary": report(titles["backward"], both, ours="graphrep")},
        },
    )
    print(f"written to {path.relative_to(path.parents[2])}")


if __name__ == "__main__":
    main()
