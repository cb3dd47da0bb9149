"""Shared by the GPU benchmarks: graphs, timing by CUDA events, comparison, tables and results."""

from __future__ import annotations

import math
import statistics
import sys
from typing import TYPE_CHECKING, Any

import torch
from _graphs import describe, power_law_graph
from _harness import environment, print_table, write_results

import graphrep as gr

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

Tensor = torch.Tensor
Functions = dict[str, "Callable[[], Any]"]

GRAPHS = ((10_000, 2_000_000), (100_000, 2_000_000), (500_000, 5_000_000))  # nodes, arcs
ROUNDS = 20
OURS = "graphrep"


def need_gpu() -> None:
    if not torch.cuda.is_available():
        sys.exit("This benchmark needs a GPU, and torch sees none.")


def graphs() -> Iterator[tuple[str, gr.Graph]]:
    """Name and graph, with uniform and with power-law degrees."""
    for nodes, arcs in GRAPHS:
        name = f"{nodes // 1000} k / {arcs / 1e6:g} M"
        # Arcs between nodes drawn uniformly, each in both directions; the few that are drawn twice count once.
        ends = torch.randint(nodes, (2, arcs // 2), generator=torch.Generator().manual_seed(0))
        yield f"{name}, uniform", gr.as_graph(ends.unique(dim=1), num_nodes=nodes, directed=False)
        yield f"{name}, power law", power_law_graph(nodes, arcs // 2)


def check(functions: Functions, task: str, tolerance: float) -> None:
    """Check that all results are equal; this also warms up the functions."""
    expected = functions[OURS]()
    for name, function in functions.items():
        torch.testing.assert_close(
            function(), expected, rtol=tolerance, atol=tolerance, msg=lambda text, name=name: f"{name}, {task}: {text}"
        )


def alternate_events(functions: Functions) -> dict[str, list[float]]:
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


def measure(label: str, task: str, functions: Functions) -> dict[str, Any]:
    """One row of the results: medians, and how many times longer than ours the fastest peer takes."""
    seconds = alternate_events(functions)
    print(f"measured {task}, {label}", flush=True)
    medians = {name: statistics.median(times) for name, times in seconds.items()}
    fastest = min((name for name in medians if not name.startswith(OURS)), key=lambda name: medians[name])
    return {
        "setting": label,
        "task": task,
        "median_seconds": medians,
        "fastest_peer": fastest,
        "fastest_peer_ratio": medians[fastest] / medians[OURS],
    }


def finish(name: str, rows: list[dict[str, Any]], sizes: Mapping[str, gr.Graph], settings: Mapping[str, Any]) -> None:
    """Print a table per task and write the results, with the device's name."""
    ratios = {}
    for task in dict.fromkeys(row["task"] for row in rows):
        here = [row for row in rows if row["task"] == task]
        names = list(here[0]["median_seconds"])
        print(task)
        print_table(
            ("", *(f"{peer} ms" for peer in names), f"fastest peer / {OURS}"),
            [
                (
                    row["setting"],
                    *(f"{row['median_seconds'][peer] * 1e3:.3f}" for peer in names),
                    f"{row['fastest_peer_ratio']:.2f}",
                )
                for row in here
            ],
        )
        ratios[task] = math.exp(statistics.fmean(math.log(row["fastest_peer_ratio"]) for row in here))
        print(f"geometric mean {ratios[task]:.2f}")
    device = torch.cuda.get_device_properties(0)
    results = {
        "environment": {
            **environment(["triton", "torch-geometric"]),
            "gpu": device.name,
            "gpu_memory_gib": round(device.total_memory / 2**30, 1),
            "cuda": torch.version.cuda,
        },
        "settings": {"rounds": ROUNDS, **settings},
        "graphs": {key: describe(graph) for key, graph in sizes.items()},
        "geometric_mean_ratio_to_fastest_peer": ratios,
        "measurements": rows,
    }
    print(write_results(name, results))
