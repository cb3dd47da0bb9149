"""Random walks: steps per second of graphrep, GRAPE (ensmallen) and PecanPy.

    python experiments/bench/walks.py

A power-law graph of 100,000 nodes and 2 million arcs, walks of 80 nodes (79 steps), first order and second order with
p = 0.5, q = 2, two threads for everybody. Two walks from every node, or fewer where an engine needs many seconds for
them; what is compared is the rate.
First all engines walk on a small graph, and their steps are held against the enumerated law.

What the peers do:

* By default, GRAPE samples ``max_neighbours=100`` random neighbors of a node (``None`` means 100, too), so its walks
  are approximate at nodes of larger degree. It is timed with the default and with a limit above the largest degree; the
  target ratio uses the default, which is faster.
* GRAPE's second-order walks follow another law than node2vec's: see ``law`` in the results.
* PecanPy's public ``simulate_walks`` compiles its kernel at every call and turns walks into lists of strings. The
  target ratio uses only the compiled kernel; the public call is timed once in addition.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from _graphs import dense_test_graph, describe, power_law_graph
from _harness import alternate, environment, keep_freed_memory, report_rates, write_results
from _peers import THREADS, ensmallen_graph, pecanpy_graph, pecanpy_walks
from scipy.stats import chi2

import graphrep as gr

if TYPE_CHECKING:
    from collections.abc import Callable

LENGTH = 80  # nodes
P, Q = 0.5, 2.0
ROUNDS = 5
TARGETS = {"first order, GRAPE": 20.0, "second order, GRAPE": 10.0, "second order, PecanPy simulate_walks": 50.0}


def main() -> None:
    kept = keep_freed_memory()
    law = check_law()
    graph = power_law_graph()
    results: dict[str, Any] = {
        "environment": environment(["ensmallen", "grape", "pecanpy", "numba"]),
        "graph": describe(graph),
        "walk_nodes": LENGTH,
        "threads": THREADS,
        "freed_memory_kept": kept,
        "law": law,
    }
    grape = ensmallen_graph(graph)
    nodes = np.arange(graph.num_nodes)
    all_neighbours = int(graph.out_degree.max()) + 1

    def ours(p: float, q: float) -> npt.NDArray[Any]:
        return gr.random_walks(graph, walk_length=LENGTH, walks_per_node=2, p=p, q=q, n_jobs=THREADS)

    first = pecanpy_graph("FirstOrderUnweighted", graph)
    first_walks = pecanpy_walks(first)
    results["first_order"] = compare(
        "first order",
        {
            "graphrep": (2 * graph.num_nodes, lambda: ours(1, 1)),
            "GRAPE": (2 * graph.num_nodes, lambda: grape.complete_walks(walk_length=LENGTH, iterations=2)),
            "PecanPy FirstOrderUnweighted": (2 * graph.num_nodes, lambda: first_walks(np.tile(nodes, 2), LENGTH)),
        },
    )

    second = pecanpy_graph("SparseOTF", graph, p=P, q=Q)
    second_walks = pecanpy_walks(second)
    start = np.random.default_rng(0).choice(nodes, 20_000, replace=False)
    bias = {"return_weight": 1 / P, "explore_weight": 1 / Q}
    results["second_order"] = compare(
        f"second order, p={P:g}, q={Q:g}",
        {
            "graphrep": (2 * graph.num_nodes, lambda: ours(P, Q)),
            "GRAPE": (40_000, lambda: grape.random_walks(walk_length=LENGTH, quantity=40_000, **bias)),
            "GRAPE, all neighbours": (
                20_000,
                lambda: grape.random_walks(walk_length=LENGTH, quantity=20_000, max_neighbours=all_neighbours, **bias),
            ),
            "PecanPy SparseOTF": (20_000, lambda: second_walks(start, LENGTH)),
        },
    )
    results["pecanpy_public_call"] = {"first_order": public_call(first), "second_order": public_call(second)}
    rate = results["second_order"]["graphrep"]["median"]
    results["targets"] = {
        name: {"target": target, "reached": times}
        for (name, target), times in zip(
            TARGETS.items(),
            (
                results["first_order"]["GRAPE"]["ours_times"],
                results["second_order"]["GRAPE"]["ours_times"],
                rate / results["pecanpy_public_call"]["second_order"]["rate"],
            ),
            strict=True,
        )
    }
    for name, target in results["targets"].items():
        print(f"{name}: {target['reached']:.1f} times, target {target['target']:g}")
    print(write_results("bench_walks", results))


def compare(title: str, engines: dict[str, tuple[int, Callable[[], object]]]) -> dict[str, dict[str, Any]]:
    seconds = alternate({name: run for name, (_, run) in engines.items()}, ROUNDS)
    steps = {name: float(walks * (LENGTH - 1)) for name, (walks, _) in engines.items()}
    return report_rates(title, seconds, steps, unit="steps", ours="graphrep")


def public_call(peer: Any) -> dict[str, float]:
    """One walk of 80 nodes per node through PecanPy's own interface, compiling and conversion to strings included."""
    begin = time.perf_counter()
    walks = peer.simulate_walks(num_walks=1, walk_length=LENGTH - 1)
    seconds = time.perf_counter() - begin
    steps = sum(len(walk) - 1 for walk in walks)
    return {"work": float(steps), "seconds": seconds, "rate": steps / seconds}


def check_law(walks_per_node: int = 400) -> dict[str, Any]:
    """Chi-square of every engine's steps t -> v -> x against the enumerated law, over all states (t, v)."""
    graph = dense_test_graph()
    grape = ensmallen_graph(graph)
    start = np.tile(np.arange(graph.num_nodes), walks_per_node)
    found: dict[str, Any] = {"graph": describe(graph)}
    for p, q in ((1.0, 1.0), (P, Q)):
        kind = "FirstOrderUnweighted" if p == q == 1 else "SparseOTF"
        peer = pecanpy_walks(pecanpy_graph(kind, graph, p=p, q=q))
        walks = {
            "graphrep": gr.random_walks(graph, walk_length=LENGTH, walks_per_node=walks_per_node, p=p, q=q),
            "GRAPE": np.asarray(
                grape.complete_walks(
                    walk_length=LENGTH, iterations=walks_per_node, return_weight=1 / p, explore_weight=1 / q
                )
            ),
            f"PecanPy {kind}": peer(start, LENGTH),
        }
        for name, found_walks in walks.items():
            if found_walks.shape != (len(start), LENGTH):
                raise AssertionError(f"{name} made walks of shape {found_walks.shape}.")
        fits = {name: goodness_of_fit(graph, p, q, found_walks) for name, found_walks in walks.items()}
        found[f"p={p:g}, q={q:g}"] = fits
        for name, fit in fits.items():
            print(f"p={p:g} q={q:g} {name}: chi2 / degrees of freedom {fit['ratio']:.3f}, p-value {fit['p_value']:.3g}")
            if name == "graphrep" and fit["p_value"] < 1e-4:
                raise AssertionError("our walks do not follow their law.")
    return found


def goodness_of_fit(graph: gr.Graph, p: float, q: float, walks: npt.NDArray[Any]) -> dict[str, float]:
    n = graph.num_nodes
    walks = walks.astype(np.int64)
    states = (walks[:, :-2] * n + walks[:, 1:-1]) * n + walks[:, 2:]
    counts = np.bincount(states.ravel(), minlength=n**3).reshape(n, n, n)
    statistic, freedom, impossible = 0.0, 0, int(counts.sum())
    for t in range(n):
        for v in graph.neighbor_rows(t):
            observed = counts[t, v, graph.neighbor_rows(v)]
            expected = observed.sum() * gr.ops.transition_probabilities(graph, v, t, p, q)
            statistic += float(((observed - expected) ** 2 / expected).sum())
            freedom += len(observed) - 1
            impossible -= int(observed.sum())
    if impossible:
        raise AssertionError(f"{impossible} steps along no edge.")
    return {
        "statistic": statistic,
        "degrees_of_freedom": freedom,
        "ratio": statistic / freedom,
        "p_value": float(chi2.sf(statistic, freedom)),
    }


if __name__ == "__main__":
    main()
