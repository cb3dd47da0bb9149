"""Sparse times dense: graphrep.ops.spmm compared with everything that pip installs for it on a CPU.

    python experiments/bench/spmm.py [--rounds 5] [--graphs 100k/2M ...] [--widths 16 32 64 128 256] [--backward 64]

Sum over the rows of a CSR with 10 k nodes and 2 M entries, 100 k and 2 M, 500 k and 5 M, columns drawn uniformly or by
a power law; float32 features of 16 to 256 columns; forward, and forward with the gradient of the features. Then maximum
and mean, a weighted sum with the gradient of its weights, and what a call costs on 100 edges. Every peer's result is
compared with ours. Memory is handled as a user has it: peers take a large result from
the allocator, as fresh pages; ours keeps the memory of the last one (graphrep.ops.empty_cache).

Peers: torch.sparse.mm on CSR (int32 and int64) and with a reduction, embedding_bag (int32 and int64), PyG's
EdgeIndex.matmul, and PyG's scatter over gathered messages. "Share of probe" is the share of the machine's gather
bandwidth: gather_probe.cpp's best time for the same rows over our best. (The probe writes no result; ours does.)
"""

from __future__ import annotations

import argparse
import ctypes
import json
import math
import statistics
import subprocess
import tempfile
import time
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from _harness import RESULTS, alternate, environment, print_table, spread, write_results
from torch.nn.functional import embedding_bag

import graphrep as gr

THREADS = 2
GRAPHS = {"10k/2M": (10_000, 2_000_000), "100k/2M": (100_000, 2_000_000), "500k/5M": (500_000, 5_000_000)}
WIDTHS = (16, 32, 64, 128, 256)
OURS = "graphrep"
TARGETS = {"sum, geometric mean over the fastest peer": 1.4, "max, mean, weighted": 2.0, "gather bandwidth": 0.8}

Tensor = torch.Tensor


class Case:
    """One graph in the form that each engine wants."""

    def __init__(self, nodes: int, entries: int, law: str) -> None:
        rng = np.random.default_rng(0)
        rows = rng.integers(nodes, size=entries)
        if law == "uniform":
            cols = rng.integers(nodes, size=entries)
        else:  # degrees of columns follow a power law of exponent 2.5; ids say nothing about them
            mass = np.cumsum((np.arange(nodes) + 10.0) ** (-1 / 1.5))
            cols = rng.permutation(nodes)[np.searchsorted(mass, rng.random(entries) * mass[-1], side="right")]
            rows = rng.permutation(nodes)[np.searchsorted(mass, rng.random(entries) * mass[-1], side="right")]
        self.nodes, self.entries = nodes, entries
        self.wide = gr.ops.Adjacency.from_edges(torch.from_numpy(rows), torch.from_numpy(cols), num_rows=nodes)
        self.adj = gr.ops.Adjacency(self.wide.indptr, self.wide.indices.int())
        self.adj.t(), self.wide.t()
        ones = torch.ones(entries)
        self.csr64 = torch.sparse_csr_tensor(self.wide.indptr, self.wide.indices, ones, (nodes, nodes))
        self.csr32 = torch.sparse_csr_tensor(self.wide.indptr.int(), self.adj.indices, ones, (nodes, nodes))
        self.offsets32 = self.wide.indptr[:-1].int()
        from torch_geometric import EdgeIndex

        pairs = torch.stack([self.wide.indices, self.wide.rows()])
        self.edge_index = EdgeIndex(pairs, sparse_size=(nodes, nodes), sort_order="col").fill_cache_()

    def sums(self) -> dict[str, Callable[[Tensor], Tensor]]:
        return {
            OURS: lambda x: gr.ops.spmm(self.adj, x),
            "torch.sparse int64": lambda x: torch.sparse.mm(self.csr64, x),
            "torch.sparse int32": lambda x: torch.sparse.mm(self.csr32, x),
            "torch.sparse reduce": lambda x: torch.sparse.mm(self.csr64, x, "sum"),
            "embedding_bag int64": lambda x: embedding_bag(self.wide.indices, x, self.wide.indptr[:-1], mode="sum"),
            "embedding_bag int32": lambda x: embedding_bag(self.adj.indices, x, self.offsets32, mode="sum"),
            "EdgeIndex.matmul": lambda x: self.edge_index.matmul(x, transpose=True),
        }

    def scattered(self, x: Tensor, reduce: str) -> Tensor:
        from torch_geometric.utils import scatter

        return scatter(x[self.wide.indices], self.wide.rows(), 0, self.nodes, reduce)

    def reductions(self, reduce: str) -> dict[str, Callable[[Tensor], Tensor]]:
        bag = {"max": "max", "mean": "mean"}[reduce]
        return {
            OURS: lambda x: gr.ops.spmm(self.adj, x, reduce),
            "torch.sparse reduce": lambda x: torch.sparse.mm(self.csr64, x, {"max": "amax"}.get(reduce, reduce)),
            "embedding_bag int64": lambda x: embedding_bag(self.wide.indices, x, self.wide.indptr[:-1], mode=bag),
            "PyG scatter": lambda x: self.scattered(x, reduce),
        }

    def weighted(self, weights: Tensor) -> dict[str, Callable[[Tensor], Tensor]]:
        """Functions of x whose weights want a gradient, too."""
        adj = self.adj.with_values(weights)

        def bag(x: Tensor) -> Tensor:
            return embedding_bag(self.wide.indices, x, self.wide.indptr[:-1], mode="sum", per_sample_weights=weights)

        def torch_sparse(x: Tensor) -> Tensor:
            matrix = torch.sparse_csr_tensor(self.wide.indptr, self.wide.indices, weights, (self.nodes, self.nodes))
            return torch.sparse.mm(matrix, x)

        def scattered(x: Tensor) -> Tensor:
            from torch_geometric.utils import scatter

            return scatter(x[self.wide.indices] * weights[:, None], self.wide.rows(), 0, self.nodes, "sum")

        return {
            OURS: lambda x: gr.ops.spmm(adj, x),
            "embedding_bag int64": bag,
            "torch.sparse int64": torch_sparse,
            "EdgeIndex.matmul": lambda x: self.edge_index.matmul(x, input_value=weights, transpose=True),
            "PyG scatter": scattered,
        }


def main() -> None:
    parser = argparse.ArgumentParser(description="Sparse times dense compared with other libraries.")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--graphs", nargs="+", choices=list(GRAPHS), default=list(GRAPHS))
    parser.add_argument("--widths", nargs="+", type=int, default=list(WIDTHS))
    parser.add_argument("--backward", nargs="+", type=int, default=[64], help="widths whose gradient is timed, too")
    options = parser.parse_args()
    torch.set_num_threads(THREADS)
    warnings.filterwarnings("ignore", "Sparse")
    probe = compiled_probe()
    path = RESULTS / "bench_spmm.json"
    # Graphs that are not asked for keep what was measured before.
    rows: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["rows"] if path.exists() else []
    rows = [found for found in rows if found["graph"].split()[0] not in options.graphs]
    for graph in options.graphs:
        for law in ("uniform", "power law"):
            case = Case(*GRAPHS[graph], law)
            for width in options.widths:
                backward = width in options.backward
                rows += sum_rows(case, f"{graph} {law}", width, options.rounds, probe, backward=backward)
            if graph == "100k/2M":
                rows += other_rows(case, f"{graph} {law}", options.rounds)
            save(rows, {})
    print(save(rows, call_overhead()))


def save(rows: list[dict[str, Any]], calls: dict[str, float]) -> Path:
    payload = {"environment": environment(["torch-geometric"]), "rows": rows, "calls": calls, "results": tables(rows)}
    return write_results("bench_spmm", payload | {"summary": summarise(rows, calls)})


def tables(rows: list[dict[str, Any]]) -> dict[str, dict[str, dict[str, float]]]:
    """Rows of 64 and 128 columns in the form that readme_table.py shows."""
    return {
        f"{row['kind']}, {row['pass']}, {row['graph']}, {row['width']} columns": spread(row["seconds"], ours=OURS)
        for row in rows
        if row["width"] in (64, 128)
    }


def sum_rows(
    case: Case, name: str, width: int, rounds: int, probe: Callable[[Tensor, Tensor], float], *, backward: bool
) -> list[Any]:
    x = torch.randn(case.nodes, width)
    engines = working(case.sums(), x)
    seconds = alternate({engine: partial(run, x) for engine, run in engines.items()}, rounds)
    limit = min(probe(x, case.adj.indices) for _ in range(rounds))
    forward = row("sum", "forward", name, width, seconds)
    gathered = case.entries * width * 4
    best = min(seconds[OURS])  # as of the probe: a limit is compared with what was undisturbed
    forward["gather_gb_per_s"] = gathered / best / 1e9
    forward["probe_gb_per_s"] = gathered / limit / 1e9
    forward["share_of_probe"] = limit / best
    show(forward)
    if not backward:
        return [forward]
    grad = torch.randn(case.nodes, width)
    return [forward, backward_row("sum", name, x, grad, engines, rounds)]


def backward_row(kind: str, name: str, x: Tensor, grad: Tensor, engines: Any, rounds: int, *extra: Tensor) -> Any:
    leaf = x.clone().requires_grad_()

    def both(run: Callable[[Tensor], Tensor]) -> tuple[Tensor, ...]:
        return torch.autograd.grad(run(leaf), [leaf, *extra], grad)

    able = {engine: lambda _, run=run: torch.cat([g.reshape(-1) for g in both(run)]) for engine, run in engines.items()}
    able = working(able, x)
    seconds = alternate({engine: partial(both, engines[engine]) for engine in able}, rounds)
    found = row(kind, "forward + backward", name, x.shape[1], seconds)
    show(found)
    return found


def other_rows(case: Case, name: str, rounds: int) -> list[Any]:
    found = []
    for width in (64, 128):
        x, grad = torch.randn(case.nodes, width), torch.randn(case.nodes, width)
        for reduce in ("max", "mean"):
            engines = working(case.reductions(reduce), x)
            seconds = alternate({engine: partial(run, x) for engine, run in engines.items()}, rounds)
            found.append(row(reduce, "forward", name, width, seconds))
            show(found[-1])
            found.append(backward_row(reduce, name, x, grad, engines, rounds))
        weights = torch.rand(case.entries).requires_grad_()
        engines = working(case.weighted(weights), x)
        found.append(backward_row("weighted", name, x, grad, engines, rounds, weights))
    return found


def working(engines: dict[str, Callable[[Tensor], Tensor]], x: Tensor) -> dict[str, Callable[[Tensor], Tensor]]:
    """Drop the engines that cannot do it; compare the others with ours."""
    wanted, able = engines[OURS](x).detach(), {}
    for name, run in engines.items():
        try:
            got = run(x).detach()
        except (RuntimeError, NotImplementedError, ValueError) as error:
            print(f"  {name} cannot: {str(error).splitlines()[0][:90]}")
            continue
        difference = float((got - wanted).abs().max()) / max(1.0, float(wanted.abs().max()))
        if not difference < 1e-4:
            print(f"  {name} differs from ours by {difference:.1e} and is left out")
            continue
        able[name] = run
    return able


def row(kind: str, passes: str, graph: str, width: int, seconds: dict[str, list[float]]) -> dict[str, Any]:
    median = {name: statistics.median(times) for name, times in seconds.items()}
    peers = {name: time for name, time in median.items() if name != OURS}
    fastest = min(peers, key=peers.__getitem__) if peers else None
    ratio = peers[fastest] / median[OURS] if fastest else None
    return {
        "kind": kind,
        "pass": passes,
        "graph": graph,
        "width": width,
        "median": median,
        "seconds": seconds,
        "fastest_peer": fastest,
        "ratio": ratio,
    }


def show(found: dict[str, Any]) -> None:
    times = "  ".join(f"{name} {1e3 * time:.2f}" for name, time in found["median"].items())
    share = f"  share of probe {found['share_of_probe']:.2f}" if "share_of_probe" in found else ""
    ratio = f"{found['ratio']:.2f} x {found['fastest_peer']}" if found["ratio"] else "no peer"
    print(
        f"{found['kind']} {found['pass']} {found['graph']} d={found['width']}: {ratio}  (ms: {times}){share}",
        flush=True,
    )


def call_overhead(calls: int = 20_000) -> dict[str, float]:
    """Microseconds of a call on 100 edges, the better of five runs."""
    adj = gr.ops.Adjacency.from_edges(torch.randint(50, (100,)), torch.randint(50, (100,)), num_rows=50)
    x, messages, index = torch.randn(50, 16), torch.randn(100, 16), adj.rows().long()
    x_grad, messages_grad, zeros = x.clone().requires_grad_(), messages.clone().requires_grad_(), torch.zeros(50, 16)
    runs: dict[str, Callable[[], object]] = {
        "spmm": lambda: gr.ops.spmm(adj, x),
        "torch.index_add": lambda: torch.index_add(zeros, 0, index, messages),
        "spmm, gradient wanted": lambda: gr.ops.spmm(adj, x_grad),
        "torch.index_add, gradient wanted": lambda: torch.index_add(zeros, 0, index, messages_grad),
    }

    def microseconds(run: Callable[[], object]) -> float:
        begin = time.perf_counter()
        for _ in range(calls):
            run()
        return (time.perf_counter() - begin) / calls * 1e6

    return {name: min(microseconds(run) for _ in range(5)) for name, run in runs.items()}


def summarise(rows: list[dict[str, Any]], calls: dict[str, float]) -> dict[str, Any]:
    groups: dict[str, list[float]] = {}
    for found in rows:
        if found["ratio"]:
            groups.setdefault(f"{found['kind']}, {found['pass']}", []).append(found["ratio"])
    table = {
        name: {"geometric_mean": math.exp(statistics.fmean(map(math.log, values))), "lowest": min(values)}
        for name, values in groups.items()
    }
    shares = [found["share_of_probe"] for found in rows if "share_of_probe" in found]
    if not calls:
        return {}
    print_table(
        ("over the fastest peer", "geometric mean", "lowest"),
        [(name, f"{value['geometric_mean']:.2f}", f"{value['lowest']:.2f}") for name, value in table.items()],
    )
    print(f"share of the gather probe: median {statistics.median(shares):.2f}, lowest {min(shares):.2f}")
    print("  ".join(f"{name} {value:.1f} us" for name, value in calls.items()))
    return {
        "ratios": table,
        "share_of_probe": {"median": statistics.median(shares), "lowest": min(shares)},
        "targets": TARGETS,
    }


def compiled_probe() -> Callable[[Tensor, Tensor], float]:
    """Seconds that the probe takes for rows of x."""
    source = Path(__file__).with_name("gather_probe.cpp")
    library = Path(tempfile.mkdtemp()) / "gather_probe.so"
    subprocess.run(["g++", "-O3", "-fopenmp", "-shared", "-fPIC", str(source), "-o", str(library)], check=True)
    probe = ctypes.CDLL(str(library)).gather_probe
    probe.argtypes = [ctypes.c_void_p, ctypes.c_int64, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64, ctypes.c_int]

    def seconds(x: Tensor, rows: Tensor) -> float:
        found = []
        for ahead in (8, 16, 32, 64):  # the best distance depends on where the table lies
            begin = time.perf_counter()
            probe(x.data_ptr(), x.shape[1] * x.element_size(), rows.data_ptr(), len(rows), ahead, THREADS)
            found.append(time.perf_counter() - begin)
        return min(found)

    return seconds


if __name__ == "__main__":
    main()
