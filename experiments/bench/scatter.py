"""Scatter and segments compared with torch-scatter and torch_geometric, and the effect of fusing the gather.

    python experiments/bench/scatter.py [--rounds 5]

Two million messages of 64 float32 values, unsorted, go to 100,000 targets (``scatter``); the same in sorted order
(segments); and the messages gathered from 100,000 rows first, which graphrep's ``spmm`` does not store. Softmax has 8
columns, as attention has heads. Forward, and forward with backward. Two threads for everybody; all results are compared
before they are timed. The overhead of a call is taken on 100 messages of 16 values.
"""

from __future__ import annotations

import argparse
import time
from typing import TYPE_CHECKING, Any

import torch
import torch_scatter
from _harness import alternate, environment, keep_freed_memory, print_table, report, write_results
from torch_geometric.utils import scatter as pyg_scatter
from torch_geometric.utils import softmax as pyg_softmax

import graphrep as gr

if TYPE_CHECKING:
    from collections.abc import Callable

THREADS = 2
TARGETS, MESSAGES, COLUMNS, HEADS = 100_000, 2_000_000, 64, 8
WIDTHS = (1, 8, 32)
GOALS = {"scatter": 3.0, "fused": 20.0, "overhead": 2.0}  # times faster; calls of index_add


def check(results: dict[str, torch.Tensor]) -> None:
    """All peers agree with the first, but for a few ties, whose gradient torch_geometric divides."""
    first, *rest = results.values()
    for other in rest:
        unlike = ~torch.isclose(other, first, rtol=1e-4, atol=1e-4)
        if int(unlike.sum()) > 1e-6 * first.numel():
            raise AssertionError(f"results differ at {int(unlike.sum())} of {first.numel()} elements")


def with_backward(
    function: Callable[[torch.Tensor], torch.Tensor], x: torch.Tensor, weight: torch.Tensor
) -> Callable[[], torch.Tensor]:
    """Gradient of ``x``; what follows is made of its own, so that nothing is shared between the peers."""
    leaf = x.clone().requires_grad_()
    return lambda: torch.autograd.grad(function(leaf), leaf, weight)[0]


def compare(
    title: str, peers: dict[str, Callable[[torch.Tensor], torch.Tensor]], x: torch.Tensor, rounds: int
) -> dict[str, Any]:
    """Check and time the peers, forward and with backward."""
    forward = {name: (lambda f=f: f(x)) for name, f in peers.items()}
    results = {name: f() for name, f in forward.items()}
    check(results)
    weight = torch.randn_like(results["graphrep"])
    backward = {name: with_backward(f, x, weight) for name, f in peers.items()}
    del results
    check({name: f() for name, f in backward.items()})
    return {
        label: report(f"{title}, {label}", alternate(functions, rounds), ours="graphrep")
        for label, functions in (("forward", forward), ("forward and backward", backward))
    }


def overhead(calls: int = 2000) -> dict[str, float]:
    """Microseconds of a call on 100 messages, the best of ten times."""
    x, index = torch.randn(100, 16), torch.randint(30, (100,))
    out = torch.zeros(30, 16)
    functions = {
        "torch.index_add": lambda: torch.index_add(out, 0, index, x),
        "graphrep": lambda: gr.ops.scatter(x, index, 0, dim_size=30),
        "graphrep, max": lambda: gr.ops.scatter(x, index, 0, dim_size=30, reduce="max"),
        "torch-scatter": lambda: torch_scatter.scatter(x, index, 0, dim_size=30),
        "torch_geometric": lambda: pyg_scatter(x, index, 0, dim_size=30),
    }
    best = dict.fromkeys(functions, float("inf"))
    for _ in range(10):
        for name, function in functions.items():
            start = time.perf_counter()
            for _ in range(calls):
                function()
            best[name] = min(best[name], (time.perf_counter() - start) / calls * 1e6)
    print(f"a call on 100 messages, best of ten times {calls:,}")
    print_table(("", "microseconds"), [(name, f"{value:.1f}") for name, value in best.items()])
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(THREADS)
    kept = keep_freed_memory()
    torch.manual_seed(0)
    index = torch.randint(TARGETS, (MESSAGES,))
    source = torch.randint(TARGETS, (MESSAGES,))
    ascending = index.sort().values
    indptr = torch.searchsorted(ascending, torch.arange(TARGETS + 1))
    messages, rows, scores = (
        torch.randn(n, c) for n, c in ((MESSAGES, COLUMNS), (TARGETS, COLUMNS), (MESSAGES, HEADS))
    )
    adjacency = gr.ops.Adjacency.from_edge_index(torch.stack([source, index]), num_nodes=TARGETS)
    adjacency.t()

    results: dict[str, Any] = {}
    calls = overhead()
    for reduce in ("sum", "mean", "max"):
        options_of = {"dim": 0, "dim_size": TARGETS, "reduce": reduce}
        results[f"scatter {reduce}"] = compare(
            f"scatter, {reduce}",
            {
                "graphrep": lambda x, o=options_of: gr.ops.scatter(x, index, **o),
                "torch-scatter": lambda x, o=options_of: torch_scatter.scatter(x, index, **o),
                "torch_geometric": lambda x, o=options_of: pyg_scatter(x, index, **o),
            },
            messages,
            options.rounds,
        )
        results[f"fused {reduce}"] = compare(
            f"gather and scatter, {reduce}",
            {
                "graphrep": lambda x, r=reduce: gr.ops.spmm(adjacency, x, r),
                "torch-scatter": lambda x, o=options_of: torch_scatter.scatter(x[source], index, **o),
                "torch_geometric": lambda x, o=options_of: pyg_scatter(x.index_select(0, source), index, **o),
            },
            rows,
            options.rounds,
        )
        results[f"segment_csr {reduce}"] = compare(
            f"segment_csr, {reduce}",
            {
                "graphrep": lambda x, r=reduce: gr.ops.segment_csr(x, indptr, reduce=r),
                "torch-scatter": lambda x, r=reduce: torch_scatter.segment_csr(x, indptr, reduce=r),
            },
            messages,
            options.rounds,
        )
        results[f"segment_coo {reduce}"] = compare(
            f"segment_coo, {reduce}",
            {
                "graphrep": lambda x, r=reduce: gr.ops.segment_coo(x, ascending, dim_size=TARGETS, reduce=r),
                "torch-scatter": lambda x, r=reduce: torch_scatter.segment_coo(
                    x, ascending, dim_size=TARGETS, reduce=r
                ),
            },
            messages,
            options.rounds,
        )
    for width in WIDTHS:
        x = messages[:, :width].contiguous()
        for reduce in ("sum", "max"):
            ours, theirs = (
                (lambda module=module, x=x, r=reduce: module.scatter(x, index, 0, dim_size=TARGETS, reduce=r))
                for module in (gr.ops, torch_scatter)
            )
            check({"ours": ours(), "theirs": theirs()})
            results[f"width {width} {reduce}"] = report(
                f"scatter of {width} columns, {reduce}, forward",
                alternate({"graphrep": ours, "torch-scatter": theirs}, options.rounds),
                ours="graphrep",
            )
    results["softmax"] = compare(
        f"softmax, {HEADS} columns",
        {
            "graphrep": lambda x: gr.ops.scatter_softmax(x, index, 0, dim_size=TARGETS),
            "torch-scatter": lambda x: torch_scatter.scatter_softmax(x, index, 0, dim_size=TARGETS),
            "torch_geometric": lambda x: pyg_softmax(x, index, num_nodes=TARGETS),
        },
        scores,
        options.rounds,
    )
    path = write_results(
        "bench_scatter",
        {
            "environment": environment(["torch-scatter", "torch-geometric"]),
            "threads": THREADS,
            "targets": TARGETS,
            "messages": MESSAGES,
            "columns": COLUMNS,
            "softmax_columns": HEADS,
            "freed_memory_kept": kept,
            "goals": GOALS,
            "overhead_microseconds": calls,
            "results": results,
        },
    )
    print(f"written to {path.relative_to(path.parents[2])}")


if __name__ == "__main__":
    main()
