"""FastRP: seconds of graphrep, of the authors' method in scipy, and of Cleora.

    python experiments/bench/fastrp.py

d = 128, four powers, on a power-law graph of 100,000 nodes and 2 million arcs, two threads for all engines (scipy's
sparse products use one).

* scipy: the method of the paper and of the authors' code, written for this comparison: a sparse R with entries
  +-1/sqrt(density d), P L R, three more products with P, rows of each power to unit length, weighted sum, columns
  standardized. Timed twice: with powers kept sparse in float64 through all products, which is what follows from
  scikit-learn's SparseRandomProjection on a sparse matrix and what the target refers to; and, kinder to scipy, with
  dense float32 powers after the first product. From the same graph in CSR.
* Cleora (pycleora) does something else of the same cost: start vectors by hashing, four propagations, rows to unit
  length after each. It is timed from a list of edges (strings), and so are we (numbers), graph building included.

Given the same R, scipy's result must be ours; with its own, the vectors must classify the PPI graph as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from _datasets import load_ppi
from _graphs import describe, power_law_edges, power_law_graph
from _harness import alternate, environment, keep_freed_memory, print_table, report, write_results
from _peers import THREADS
from sklearn.preprocessing import normalize

import graphrep as gr

if TYPE_CHECKING:
    from collections.abc import Callable

DIMENSIONS = 128
WEIGHTS = (0.0, 0.0, 1.0, 6.67)
STRENGTH = -0.64
ROUNDS = 3
TARGETS = {"scipy, sparse powers": 20.0, "Cleora": 6.0}

Vectors = npt.NDArray[np.float32]


def main() -> None:
    import pycleora

    kept = keep_freed_memory()
    same = check_same_result()
    quality = compare_quality()

    graph, edges = power_law_graph(), power_law_edges()
    lines = [f"{u} {v}" for u, v in edges.T.tolist()]
    adjacency = graph.to_scipy().astype(np.float32)
    embed = {
        "graphrep": lambda: ours().fit_transform(graph),
        "graphrep, 1 thread": lambda: ours(n_jobs=1).fit_transform(graph),
        "scipy": lambda: in_scipy(adjacency, sparse_projection(graph.num_nodes, seed=0)),
        "scipy, sparse powers": lambda: in_scipy(
            adjacency.astype(np.float64), sparse_projection(graph.num_nodes, seed=0), keep_sparse=True
        ),
    }
    cleora_graph = pycleora.SparseMatrix.from_iterator(iter(lines), "complex::reflexive::node", num_workers=THREADS)
    total: dict[str, Callable[[], object]] = {
        "graphrep": lambda: ours().fit_transform(gr.as_graph(edges, directed=False)),
        "Cleora": lambda: cleora(lines),
        "Cleora, without building": lambda: cleora_embed(cleora_graph),
    }
    embedding = report("graph to vectors", alternate(embed, ROUNDS), ours="graphrep")
    whole = report("edges to vectors", alternate(total, ROUNDS), ours="graphrep")
    reached = {"scipy, sparse powers": embedding["scipy, sparse powers"]["ratio"], "Cleora": whole["Cleora"]["ratio"]}
    for name, target in TARGETS.items():
        print(f"{name}: {reached[name]:.1f} times, target {target:g}")
    results = {
        "environment": environment(["pycleora"]),
        "graph": describe(graph),
        "settings": {
            "dimensions": DIMENSIONS,
            "iteration_weights": WEIGHTS,
            "normalization_strength": STRENGTH,
            "threads": THREADS,
            "freed_memory_kept": kept,
        },
        "graph_to_vectors": embedding,
        "edges_to_vectors": whole,
        "same_result": same,
        "quality": quality,
        "targets": {name: {"target": target, "reached": reached[name]} for name, target in TARGETS.items()},
    }
    print(write_results("bench_fastrp", results))


def ours(**options: Any) -> gr.FastRP:
    settings = {"iteration_weights": WEIGHTS, "normalization_strength": STRENGTH, "n_jobs": THREADS, **options}
    return gr.FastRP(dimensions=DIMENSIONS, **settings)


def sparse_projection(num_nodes: int, seed: int) -> sp.csr_array:
    """R of density 1 / sqrt(n) with entries +-1 / sqrt(density d); the gaps between entries are geometric."""
    rng = np.random.default_rng(seed)
    density = 1 / np.sqrt(num_nodes)
    size = num_nodes * DIMENSIONS
    gaps = rng.geometric(density, size=int(size * density + 10 * np.sqrt(size * density) + 10))
    at = np.cumsum(gaps) - 1
    at = at[at < size]
    value = rng.choice(np.array([-1, 1], dtype=np.float32), len(at)) / np.float32(np.sqrt(density * DIMENSIONS))
    return sp.csr_array((value, (at // DIMENSIONS, at % DIMENSIONS)), shape=(num_nodes, DIMENSIONS))


def in_scipy(adjacency: sp.csr_array, projection: sp.csr_array, *, keep_sparse: bool = False) -> Vectors:
    degree = np.asarray(adjacency.sum(axis=1)).ravel().astype(np.float64)
    inverse = np.divide(1.0, degree, out=np.zeros_like(degree), where=degree > 0)
    factor = np.power(degree / degree.sum(), STRENGTH, out=np.zeros_like(degree), where=degree > 0)
    kind = adjacency.dtype
    walk = (sp.diags_array(inverse) @ adjacency).astype(kind)
    power: Any = walk @ (sp.diags_array(factor / factor.max()) @ projection).astype(kind)
    if not keep_sparse:
        power = power.toarray()
    total = np.zeros(power.shape, dtype=kind)
    for weight in WEIGHTS:
        if weight:
            unit = normalize(power)
            total += kind.type(weight) * (unit.toarray() if keep_sparse else unit)
        if weight != WEIGHTS[-1]:
            power = walk @ power
    total -= total.mean(axis=0)
    deviation = total.std(axis=0)
    return np.asarray(total / np.where(deviation > 0, deviation, 1))


def cleora(lines: list[str]) -> Vectors:
    import pycleora

    return cleora_embed(
        pycleora.SparseMatrix.from_iterator(iter(lines), "complex::reflexive::node", num_workers=THREADS)
    )


def cleora_embed(graph: Any) -> Vectors:
    import pycleora

    return np.asarray(pycleora.embed(graph, DIMENSIONS, len(WEIGHTS), num_workers=THREADS, whiten=False))


def check_same_result() -> dict[str, float]:
    """Largest difference between our result and scipy's on the same R, where entries have unit variance."""
    graph = power_law_graph(20_000, 200_000)
    projection = gr.ops.random_projection(
        graph.num_nodes, DIMENSIONS, density=float(1 / np.sqrt(graph.num_nodes)), seed=0
    )
    expected = in_scipy(graph.to_scipy().astype(np.float32), sp.csr_array(projection))
    difference = float(np.abs(ours(random_state=0).fit_transform(graph) - expected).max())
    print(f"same R: largest difference {difference:.2g}")
    if difference > 1e-2:
        raise AssertionError("the same R gives another result than in scipy.")
    return {"largest_difference": difference}


def compare_quality(seeds: int = 10) -> dict[str, dict[str, dict[str, float]]]:
    """Classification of the PPI graph: half of the labels, C = 1, TopK, mean over 10 splits; then over seeds."""
    graph, labels = load_ppi()
    adjacency = graph.to_scipy().astype(np.float32)
    lines = [f"{u} {v}" for u, v in graph.edges().T.tolist()]
    engines: dict[str, Callable[[int], Vectors]] = {
        "graphrep": lambda seed: ours(random_state=seed).fit_transform(graph),
        "scipy": lambda seed: in_scipy(adjacency, sparse_projection(graph.num_nodes, seed)),
        "Cleora": lambda seed: cleora_rows(lines, graph.num_nodes, seed),
    }
    found: dict[str, dict[str, list[float]]] = {}
    for name, engine in engines.items():
        found[name] = {"micro-F1": [], "macro-F1": []}
        for seed in range(seeds):
            table = gr.evaluate.node_classification(
                engine(seed), labels, ratios=[0.5], repeats=10, majority=False, n_jobs=1
            )
            found[name]["micro-F1"].append(float(table.mean("micro_f1")[0]))
            found[name]["macro-F1"].append(float(table.mean("macro_f1")[0]))
    summary = {
        name: {
            metric: {"mean": float(np.mean(values)), "sd": float(np.std(values, ddof=1)), "seeds": seeds}
            for metric, values in metrics.items()
        }
        for name, metrics in found.items()
    }
    rows = [
        (name, *(f"{cell['mean']:.4f} ± {cell['sd']:.4f}" for cell in cells.values()))
        for name, cells in summary.items()
    ]
    print("PPI, 50 % labeled, mean ± deviation over seeds")
    print_table(("", "micro-F1", "macro-F1"), rows)
    return summary


def cleora_rows(lines: list[str], num_nodes: int, seed: int) -> Vectors:
    """Cleora's vectors in our row order; nodes without an edge get zeros."""
    import pycleora

    graph = pycleora.SparseMatrix.from_iterator(iter(lines), "complex::reflexive::node")
    rows = np.array([int(name) for name in graph.entity_ids])
    vectors = np.zeros((num_nodes, DIMENSIONS), dtype=np.float32)
    vectors[rows] = pycleora.embed(graph, DIMENSIONS, len(WEIGHTS), seed=seed, whiten=False)
    return vectors


if __name__ == "__main__":
    main()
