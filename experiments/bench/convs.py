"""Epochs of torch_geometric's convolutions: graphrep.pyg.accelerate compared with the same layers as they come.

    python experiments/bench/convs.py [--rounds 5] [--nodes 100000] [--edges 2000000] [--layers GCN SAGE ...]

A random graph with 100 k nodes and 2 M edges, 64 features, one layer of 64 outputs (attention: 4 heads of 16). An epoch
is a forward and a backward pass, with the gradients of the parameters and of the features. Both sides have the same
parameters and alternate in one process; outputs and gradients are compared first. The first epoch, in which the edges
are grouped, is timed on its own ("first"): in a new layer, on edges that it has not seen.
"""

from __future__ import annotations

import argparse
import copy
import json
import math
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch_geometric.nn as pyg
from _harness import RESULTS, alternate, environment, print_table, spread, write_results

import graphrep as gr

THREADS, WIDTH, HEADS, RELATIONS = 2, 64, 4, 8
OURS, PEER = "graphrep", "torch_geometric"
MAIN = ("GCN", "SAGE", "GAT", "GIN")
TARGET = 3.0  # geometric mean over MAIN

Tensor = torch.Tensor

LAYERS: dict[str, Callable[[], torch.nn.Module]] = {
    "GCN": lambda: pyg.GCNConv(WIDTH, WIDTH),
    "SAGE": lambda: pyg.SAGEConv(WIDTH, WIDTH),
    "GAT": lambda: pyg.GATConv(WIDTH, WIDTH // HEADS, heads=HEADS),
    "GIN": lambda: pyg.GINConv(torch.nn.Linear(WIDTH, WIDTH)),
    "GraphConv": lambda: pyg.GraphConv(WIDTH, WIDTH),
    "GATv2": lambda: pyg.GATv2Conv(WIDTH, WIDTH // HEADS, heads=HEADS),
    "Transformer": lambda: pyg.TransformerConv(WIDTH, WIDTH // HEADS, heads=HEADS),
    "RGCN": lambda: pyg.RGCNConv(WIDTH, WIDTH, RELATIONS),
}


def main() -> None:
    parser = argparse.ArgumentParser(description="Convolutions of torch_geometric with and without graphrep's kernels.")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--nodes", type=int, default=100_000)
    parser.add_argument("--edges", type=int, default=2_000_000)
    parser.add_argument("--layers", nargs="+", choices=list(LAYERS), default=list(LAYERS))
    options = parser.parse_args()
    torch.set_num_threads(THREADS)
    torch.manual_seed(0)
    x = torch.randn(options.nodes, WIDTH)
    edge_index = torch.randint(options.nodes, (2, options.edges))
    types = torch.randint(RELATIONS, (options.edges,))
    path = RESULTS / "bench_convs.json"
    graph = {"nodes": options.nodes, "edges": options.edges, "features": WIDTH}
    before = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    # Layers that are not asked for keep what was measured before, on the same graph.
    rows = before["rows"] if before.get("graph") == graph else []
    for name in options.layers:
        rows = [row for row in rows if row["layer"] != name] + [compared(name, x, edge_index, types, options.rounds)]
        save(rows, graph)
    print_table(
        ("layer", f"{OURS} ms", f"{PEER} ms", "ratio", "first ratio"),
        [
            (
                row["layer"],
                f"{1e3 * row['median'][OURS]:.0f}",
                f"{1e3 * row['median'][PEER]:.0f}",
                f"{row['ratio']:.2f}",
                f"{row['first'][PEER] / row['first'][OURS]:.2f}",
            )
            for row in rows
        ],
    )
    print(save(rows, graph))


def save(rows: list[dict[str, Any]], graph: dict[str, int]) -> Path:
    ratios = [row["ratio"] for row in rows if row["layer"] in MAIN]
    summary = {}
    if len(ratios) == len(MAIN):
        summary = {"geometric_mean": math.exp(statistics.fmean(map(math.log, ratios))), "over": MAIN, "target": TARGET}
        print(f"geometric mean over {', '.join(MAIN)}: {summary['geometric_mean']:.2f}", flush=True)
    packages = ["torch-geometric", "pyg-lib", "torch-scatter", "torch-sparse"]
    payload = {"environment": environment(packages), "threads": THREADS, "graph": graph, "rows": rows}
    return write_results("bench_convs", payload | {"summary": summary, "results": tables(rows)})


def compared(name: str, x: Tensor, edge_index: Tensor, types: Tensor, rounds: int) -> dict[str, Any]:
    plain = LAYERS[name]()
    fast = gr.pyg.accelerate(copy.deepcopy(plain))
    extra = (types,) if name == "RGCN" else ()
    first, outputs = {}, []
    for label, layer in ((OURS, fast), (PEER, plain)):
        begin = time.perf_counter()
        outputs.append(epoch(layer, x, edge_index, *extra))
        first[label] = time.perf_counter() - begin
    for ours, theirs in zip(*outputs, strict=True):
        difference = float((ours - theirs).abs().max()) / max(1e-6, float(theirs.abs().max()))
        if not difference < 1e-3:
            raise SystemExit(f"{name}: results differ by {difference:.1e} of the largest number")
    del outputs
    seconds = alternate(
        {OURS: lambda: epoch(fast, x, edge_index, *extra), PEER: lambda: epoch(plain, x, edge_index, *extra)}, rounds
    )
    median = {label: statistics.median(times) for label, times in seconds.items()}
    found = {
        "layer": name,
        "median": median,
        "seconds": seconds,
        "first": first,
        "ratio": median[PEER] / median[OURS],
    }
    print(
        f"{name}: {1e3 * median[OURS]:.0f} ms against {1e3 * median[PEER]:.0f} ms, {found['ratio']:.2f} x", flush=True
    )
    return found


def epoch(layer: torch.nn.Module, x: Tensor, edge_index: Tensor, *extra: Tensor) -> list[Tensor]:
    leaf = x.detach().requires_grad_()
    out = layer(leaf, edge_index, *extra)
    gradients = torch.autograd.grad(out.square().mean(), [leaf, *layer.parameters()])
    return [out.detach(), *gradients]


def tables(rows: list[dict[str, Any]]) -> dict[str, dict[str, dict[str, float]]]:
    """In the form that readme_table.py shows."""
    return {f"{row['layer']}, forward and backward": spread(row["seconds"], ours=OURS) for row in rows}


if __name__ == "__main__":
    main()
