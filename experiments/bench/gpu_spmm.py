"""Sums and maxima over neighbors on a GPU: graphrep's Triton kernels compared with common libraries.

    python experiments/bench/gpu_spmm.py

float32 features of 16 to 256 columns on graphs with 10,000 nodes and 2 million arcs, 100,000 and 2 million, 500,000 and
5 million, with uniform and with power-law degrees; no weights. Peers:

* torch.sparse: product with a CSR tensor, ids of int32 and of int64 (cuSPARSE); sums only.
* stored messages: ``index_add_`` or ``scatter_reduce_`` over x[col], the gather included: atomic additions, what
  scatter-based layers do.
* PyG: ``EdgeIndex.matmul``, caches filled.

Times are medians by CUDA events, the functions taking turns, each after one untimed call. All results are compared with
ours before. Backward is timed together with forward, for the gradient in x; the transposes that can be kept are.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import torch
from _gpu import OURS, check, finish, graphs, measure, need_gpu

import graphrep as gr

if TYPE_CHECKING:
    from collections.abc import Callable

Tensor = torch.Tensor

WIDTHS = (16, 32, 64, 128, 256)


def main() -> None:
    need_gpu()
    rows, sizes = [], {}
    for name, graph in graphs():
        sizes[name] = graph
        adj = gr.ops.Adjacency.from_graph(graph).to("cuda")
        for width in WIDTHS:
            x = torch.randn(adj.num_cols, width, device="cuda")
            for task, functions in tasks(adj, x).items():
                # Maxima exactly; sums of thousands of terms of size 1 are made in another order.
                check(functions, task, 0.0 if task == "max" else 1e-3)
                rows.append(measure(f"{name}, {width}", task, functions))
    finish("bench_gpu_spmm", rows, sizes, {"dtype": "float32", "weights": False})


def tasks(adj: gr.ops.Adjacency, x: Tensor) -> dict[str, dict[str, Callable[[], Tensor]]]:
    """Sum, maximum, and sum with its gradient in x, each by name of who computes it."""
    from torch_geometric import EdgeIndex

    rows, cols = adj.rows().long(), adj.indices.long()
    shape = (adj.num_rows, x.shape[1])
    narrow, wide = (sparse_csr(adj, ids) for ids in (torch.int32, torch.int64))
    edges = EdgeIndex(torch.stack([rows, cols]), sparse_size=(adj.num_rows, adj.num_cols), sort_order="row")
    edges.fill_cache_()
    index = rows.view(-1, 1).expand(-1, x.shape[1])
    leaf = x.clone().requires_grad_()
    grad = torch.randn(shape, device=x.device)

    def gradient(function: Callable[[Tensor], Tensor]) -> Callable[[], Tensor]:
        return lambda: torch.autograd.grad(function(leaf), leaf, grad)[0]

    sums: dict[str, Callable[[Tensor], Tensor]] = {
        OURS: lambda t: gr.ops.spmm(adj, t),
        "torch.sparse int32": lambda t: narrow @ t,
        "torch.sparse int64": lambda t: wide @ t,
        "index_add_": lambda t: torch.zeros(shape, device=t.device).index_add_(0, rows, t.index_select(0, cols)),
        "PyG": lambda t: edges.matmul(t),
    }
    largest: dict[str, Callable[[Tensor], Tensor]] = {
        OURS: lambda t: gr.ops.spmm(adj, t, "max"),
        "scatter_reduce_": lambda t: torch.zeros(shape, device=t.device).scatter_reduce_(
            0, index, t.index_select(0, cols), "amax", include_self=False
        ),
        "PyG": lambda t: edges.matmul(t, reduce="max"),
    }
    return {
        "sum": {name: lambda f=f: f(x) for name, f in sums.items()},
        "max": {name: lambda f=f: f(x) for name, f in largest.items()},
        "sum, forward and backward": {name: gradient(f) for name, f in sums.items()},
    }


def sparse_csr(adj: gr.ops.Adjacency, ids: torch.dtype) -> Tensor:
    ones = torch.ones(adj.num_entries, device=adj.device)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Sparse CSR tensor support is in beta")
        return torch.sparse_csr_tensor(
            adj.indptr.to(ids), adj.indices.to(ids), ones, (adj.num_rows, adj.num_cols), check_invariants=False
        )


if __name__ == "__main__":
    main()
