"""Sums and maxima over neighbours on a GPU: graphrep's Triton kernels beside what people install today.

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

import math
import statistics
import sys
import warnings
from typing import TYPE_CHECKING, Any

import torch
from _graphs import describe, power_law_graph
from _harness import environment, print_table, write_results

import graphrep as gr

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Tensor = torch.Tensor

GRAPHS = ((10_000, 2_000_000), (100_000, 2_000_000), (500_000, 5_000_000))  # nodes, arcs
WIDTHS = (16, 32, 64, 128, 256)
ROUNDS = 20
OURS = "graphrep"


def main() -> None:
    if not torch.cuda.is_available():
        sys.exit("This benchmark needs a GPU, and torch sees none.")
    rows: list[dict[str, Any]] = []
    graphs = {}
    for nodes, arcs in GRAPHS:
        for kind, make in (("uniform", uniform_graph), ("power law", power_law)):
            graph = make(nodes, arcs)
            name = f"{nodes // 1000} k / {arcs / 1e6:g} M, {kind}"
            graphs[name] = describe(graph)
            adj = gr.ops.Adjacency.from_graph(graph).to("cuda")
            for width in WIDTHS:
                x = torch.randn(adj.num_cols, width, device="cuda")
                for task, functions in tasks(adj, x).items():
                    check(functions, task)
                    seconds = alternate_events(functions)
                    rows.append({"graph": name, "width": width, "task": task, **summarise(seconds)})
                    print(f"measured {task}, {name}, width {width}", flush=True)
    for task in dict.fromkeys(row["task"] for row in rows):
        show(task, [row for row in rows if row["task"] == task])
    device = torch.cuda.get_device_properties(0)
    results = {
        "environment": {
            **environment(["triton", "torch-geometric"]),
            "gpu": device.name,
            "gpu_memory_gib": round(device.total_memory / 2**30, 1),
            "cuda": torch.version.cuda,
        },
        "settings": {"dtype": "float32", "rounds": ROUNDS, "weights": False},
        "graphs": graphs,
        "geometric_mean_ratio_to_fastest_peer": {
            task: geometric_mean([row["fastest_peer_ratio"] for row in rows if row["task"] == task])
            for task in dict.fromkeys(row["task"] for row in rows)
        },
        "measurements": rows,
    }
    print(write_results("bench_gpu_spmm", results))


def uniform_graph(nodes: int, arcs: int) -> gr.Graph:
    """Arcs between nodes drawn uniformly, each in both directions; the few that are drawn twice count once."""
    ends = torch.randint(nodes, (2, arcs // 2), generator=torch.Generator().manual_seed(0))
    return gr.as_graph(ends.unique(dim=1), num_nodes=nodes, directed=False)


def power_law(nodes: int, arcs: int) -> gr.Graph:
    return power_law_graph(nodes, arcs // 2)


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


def check(functions: Mapping[str, Callable[[], Tensor]], task: str) -> None:
    """All give the same: maxima exactly, sums up to rounding. Also warms up every one of them."""
    expected = functions[OURS]()
    for name, function in functions.items():
        tolerance = 0.0 if task == "max" else 1e-3  # of sums of thousands of terms of size 1, in another order
        torch.testing.assert_close(
            function(), expected, rtol=tolerance, atol=tolerance, msg=lambda text, name=name: f"{name}, {task}: {text}"
        )


def alternate_events(functions: Mapping[str, Callable[[], Tensor]]) -> dict[str, list[float]]:
    """Seconds on the GPU of each function; every round starts with another one."""
    names = list(functions)
    events: dict[str, list[tuple[torch.cuda.Event, torch.cuda.Event]]] = {name: [] for name in names}
    for turn in range(ROUNDS):
        shift = turn % len(names)
        for name in names[shift:] + names[:shift]:
            start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
            start.record()
            functions[name]()
            end.record()
            events[name].append((start, end))
            torch.cuda.synchronize()
    return {name: [start.elapsed_time(end) / 1e3 for start, end in pairs] for name, pairs in events.items()}


def summarise(seconds: Mapping[str, list[float]]) -> dict[str, Any]:
    medians = {name: statistics.median(times) for name, times in seconds.items()}
    fastest = min((name for name in medians if name != OURS), key=lambda name: medians[name])
    return {
        "median_seconds": medians,
        "fastest_peer": fastest,
        "fastest_peer_ratio": medians[fastest] / medians[OURS],
    }


def show(task: str, rows: list[dict[str, Any]]) -> None:
    names = list(rows[0]["median_seconds"])
    lines = [
        (
            f"{row['graph']}, {row['width']}",
            *(f"{row['median_seconds'][name] * 1e3:.3f}" for name in names),
            f"{row['fastest_peer_ratio']:.2f}",
        )
        for row in rows
    ]
    print(task)
    print_table(("", *(f"{name} ms" for name in names), f"fastest peer / {OURS}"), lines)
    print(f"geometric mean {geometric_mean([row['fastest_peer_ratio'] for row in rows]):.2f}")


def geometric_mean(values: list[float]) -> float:
    return math.exp(statistics.fmean(map(math.log, values)))


if __name__ == "__main__":
    main()
