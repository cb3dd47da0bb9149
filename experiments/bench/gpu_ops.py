"""Attention, neighbor sets and samples on a GPU: graphrep's Triton kernels compared with common alternatives.

    python experiments/bench/gpu_ops.py

The graphs are those of gpu_spmm.py. float32; forward, and forward and backward for all gradients. Peers:

* attention with one head of 64 columns and with eight of 8: messages stored, the softmax of ``scatter_reduce_`` and
  ``index_add_``; PyG's ``softmax`` and ``scatter``; for one head the scores of ``torch.sparse.sampled_addmm`` and the
  product of ``torch.sparse``;
* common neighbors of 100,000 pairs, half of them edges: keys of (pair, neighbor) searched in each other, as in NCN's
  public code, then ``index_add_`` or ``torch.sparse`` for the features;
* samples of 15, then 10 neighbors of 1,024 seeds: a sampler in torch that is vectorized over a hop, and graphrep on
  the CPU. The torch sampler numbers nodes in another order, so that only the numbers of edges are compared.

Times are medians by CUDA events, the functions taking turns, each after one untimed call.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import torch
from _gpu import OURS, Functions, check, finish, graphs, measure, need_gpu
from gpu_spmm import sparse_csr
from neighbors import torch_sets
from sampling import FANOUTS, SEEDS, torch_sampler

import graphrep as gr

if TYPE_CHECKING:
    from collections.abc import Callable

Tensor = torch.Tensor

HEADS = ((1, 64), (8, 8))  # heads, columns
PAIRS = 100_000


def main() -> None:
    need_gpu()
    rows, sizes = [], {}
    for name, graph in graphs():
        sizes[name] = graph
        adj = gr.ops.as_adjacency(graph).to("cuda")
        for heads, columns in HEADS:
            for task, functions in attention_tasks(adj, heads, columns).items():
                check(functions, task, 1e-3)
                rows.append(measure(f"{name}, {heads} x {columns}", task, functions))
        for task, functions in set_tasks(adj, graph).items():
            check(functions, task, 1e-3)
            rows.append(measure(name, task, functions))
        for task, functions in sampling_tasks(adj, graph).items():
            check(functions, task, 0.2)  # numbers of edges
            rows.append(measure(name, task, functions))
    finish("bench_gpu_ops", rows, sizes, {"dtype": "float32", "pairs": PAIRS, "fanouts": FANOUTS, "seeds": SEEDS})


def both_ways(name: str, peers: dict[str, Callable[..., Tensor]], inputs: list[Tensor]) -> dict[str, Functions]:
    """Each peer forward, and forward and backward for all inputs."""
    leaves = [part.clone().requires_grad_() for part in inputs]
    grad = torch.randn_like(peers[OURS](*inputs))
    return {
        name: {peer: lambda f=f: f(*inputs) for peer, f in peers.items()},
        f"{name}, forward and backward": {
            peer: lambda f=f: torch.autograd.grad(f(*leaves), leaves, grad) for peer, f in peers.items()
        },
    }


def attention_tasks(adj: gr.ops.Adjacency, heads: int, columns: int) -> dict[str, Functions]:
    """Softmax over rows, attention by scalar products, and additive attention."""
    from torch_geometric.utils import scatter, softmax

    rows, cols, n, device = adj.rows().long(), adj.indices.long(), adj.num_rows, adj.device
    ones = sparse_csr(adj, torch.int64)

    def stored_softmax(scores: Tensor) -> Tensor:
        index = rows[:, None].expand_as(scores)
        top = scores.new_full((n, heads), -torch.inf).scatter_reduce_(0, index, scores.detach(), "amax")
        weight = (scores - top[rows]).exp()
        return weight / scores.new_zeros(n, heads).index_add_(0, rows, weight)[rows]

    def stored_sum(p: Tensor, value: Tensor) -> Tensor:
        return value.new_zeros(n, heads, columns).index_add_(0, rows, p[:, :, None] * value[cols])

    def pyg_softmax(scores: Tensor) -> Tensor:
        return softmax(scores, rows, num_nodes=n)

    def pyg_sum(p: Tensor, value: Tensor) -> Tensor:
        return scatter(p[:, :, None] * value[cols], rows, dim=0, dim_size=n)

    def dots(query: Tensor, key: Tensor) -> Tensor:
        return (query[rows] * key[cols]).sum(-1) * columns**-0.5

    def sparse(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        sampled = torch.sparse.sampled_addmm(ones, query[:, 0], key[:, 0].t(), beta=0.0, alpha=columns**-0.5)
        p = stored_softmax(sampled.values()[:, None])[:, 0]
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Sparse CSR tensor support is in beta")
            matrix = torch.sparse_csr_tensor(ones.crow_indices(), ones.col_indices(), p, ones.shape)
        return (matrix @ value[:, 0])[:, None]

    def leaky(row_score: Tensor, col_score: Tensor) -> Tensor:
        return torch.nn.functional.leaky_relu(row_score[rows] + col_score[cols], 0.2)

    query, key, value = torch.randn(3, n, heads, columns, device=device)
    row_score, col_score = torch.randn(2, n, heads, device=device)
    by_dots: dict[str, Callable[..., Tensor]] = {
        OURS: lambda q, k, v: gr.ops.dot_attention(adj, q, k, v),
        "stored": lambda q, k, v: stored_sum(stored_softmax(dots(q, k)), v),
        "PyG": lambda q, k, v: pyg_sum(pyg_softmax(dots(q, k)), v),
    }
    tasks = both_ways("dot attention", by_dots, [query, key, value])
    if heads == 1:  # its derivative is not offered for CSR
        tasks["dot attention"]["torch.sparse"] = lambda: sparse(query, key, value)
    return {
        **both_ways(
            "edge softmax",
            {OURS: lambda s: gr.ops.edge_softmax(adj, s), "stored": stored_softmax, "PyG": pyg_softmax},
            [torch.randn(adj.num_entries, heads, device=device)],
        ),
        **tasks,
        **both_ways(
            "additive attention",
            {
                OURS: lambda r, c, v: gr.ops.additive_attention(adj, r, c, v),
                "stored": lambda r, c, v: stored_sum(stored_softmax(leaky(r, c)), v),
                "PyG": lambda r, c, v: pyg_sum(pyg_softmax(leaky(r, c)), v),
            },
            [row_score, col_score, value],
        ),
    }


def set_tasks(adj: gr.ops.Adjacency, graph: gr.Graph) -> dict[str, Functions]:
    """Numbers of common neighbors, and their features summed."""
    generator = torch.Generator().manual_seed(1)
    edges, n = torch.from_numpy(graph.edges()), graph.num_nodes
    chosen = edges[:, torch.randperm(edges.shape[1], generator=generator)[: PAIRS // 2]]
    pairs = torch.cat([chosen, torch.randint(n, (2, PAIRS - PAIRS // 2), generator=generator)], 1).to(adj.device)
    x = torch.randn(n, 64, device=adj.device)
    indptr, indices = adj.indptr, adj.indices.long()

    def sets() -> tuple[Tensor, Tensor]:
        return torch_sets(indptr, indices, pairs, n)

    def added(x: Tensor) -> Tensor:
        offsets, ids = sets()
        pair = torch.repeat_interleave(torch.arange(len(offsets) - 1, device=ids.device), offsets.diff())
        return x.new_zeros(len(offsets) - 1, x.shape[1]).index_add_(0, pair, x[ids])

    def product(x: Tensor) -> Tensor:
        offsets, ids = sets()
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Sparse CSR tensor support is in beta")
            ones = torch.ones(len(ids), device=ids.device)
            return torch.sparse_csr_tensor(offsets, ids, ones, (len(offsets) - 1, n)) @ x

    pools: dict[str, Callable[..., Tensor]] = {
        OURS: lambda x: gr.ops.pool_common_neighbors(adj, pairs, x),
        "keys, index_add_": added,
        "keys, torch.sparse": product,
    }
    counts = {OURS: lambda: gr.ops.intersection_count(adj, pairs), "keys": lambda: sets()[0].diff()}
    return {"common neighbors counted": counts, **both_ways("common neighbors pooled", pools, [x])}


def sampling_tasks(adj: gr.ops.Adjacency, graph: gr.Graph) -> dict[str, Functions]:
    """Numbers of edges of samples."""
    seeds = torch.randperm(graph.num_nodes, generator=torch.Generator().manual_seed(1))[:SEEDS]
    there = seeds.to(adj.device)
    on_cpu = gr.ops.as_adjacency(graph)

    def ours(adj: gr.ops.Adjacency, seeds: Tensor, **options: Any) -> Callable[[], Tensor]:
        return lambda: torch.tensor(float(len(gr.ops.sample_neighbors(adj, seeds, FANOUTS, seed=0, **options).edge)))

    tasks = {}
    for name, replace in (("without", False), ("with", True)):
        peer = torch_sampler(adj.indptr, adj.indices.long(), replace=replace)
        tasks[f"sampled {name} replacement"] = {
            OURS: ours(adj, there, replace=replace),
            "graphrep on the CPU": ours(on_cpu, seeds, replace=replace),
            "torch, vectorized": lambda peer=peer: torch.tensor(float(peer(there))),
        }
    return tasks


if __name__ == "__main__":
    main()
