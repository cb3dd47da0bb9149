"""Spectral: seconds and quality of graphrep, scikit-network, and SciPy's eigsh.

    python experiments/bench/spectral.py

d = 128, two threads for all. Two graphs with communities and power-law degrees: one of BlogCatalog's size (10,312
nodes, 668,000 arcs) and one of 100,000 nodes and 2 million arcs; and 1 million nodes with 20 million arcs for us alone,
with the peak memory.

* scikit-network's ``Spectral(128)`` with its defaults, from a SciPy matrix.
* SciPy: ``eigsh`` of the matrix that we decompose, 128 largest algebraic eigenvalues, with ARPACK's own tolerance and
  with 1e-4, which is closer to what we compute.

Equal results: macro-F1 of a logistic regression (unit rows, C = 10, half of the nodes) on the communities, each
node having one, and on the PPI graph. The limit: products with the graph gather 4 (k + q) bytes per arc; a probe finds
the bandwidth of such gathers, and dense products are counted at the speed of a BLAS product of the same shape.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from _datasets import load_ppi
from _graphs import describe
from _harness import alternate, environment, keep_freed_memory, peak_mb, print_table, report, reset_peak, write_results
from _peers import THREADS, limit_threads

import graphrep as gr
from graphrep.evaluate import node_classification

if TYPE_CHECKING:
    from collections.abc import Callable

DIMENSIONS = 128
TARGET = 12.0
GRAPHS = {"BlogCatalog's size": (10_312, 370_000, 10, 3), "100 k / 2 M": (100_000, 1_030_000, 11, 1)}
LARGE = (1_000_000, 10_200_000, 12)


def main() -> None:
    limit_threads()
    kept = keep_freed_memory()
    payload: dict[str, Any] = {"environment": environment(["scikit-network"]), "freed_memory_kept": kept}
    payload |= {"dimensions": DIMENSIONS, "threads": THREADS, "target": TARGET}
    payload["graphs"] = {name: compare(name, *size) for name, size in GRAPHS.items()}
    payload["ppi"] = ppi()
    payload["large"] = large()
    print(f"written to {write_results('bench_spectral', payload)}")


def compare(name: str, nodes: int, edges: int, levels: int, rounds: int) -> dict[str, Any]:
    """Seconds, ratios and quality on one graph."""
    graph, labels = nested(nodes, edges, levels)
    found: dict[str, npt.NDArray[Any]] = {}

    def run(key: str, embed: Callable[[], npt.NDArray[Any]]) -> Callable[[], None]:
        def call() -> None:
            found[key] = embed()

        return call

    calls = {key: run(key, embed) for key, embed in methods(graph).items()}
    seconds = alternate(calls, rounds, warmup=0)
    summary = report(f"{name}: {graph.num_nodes:,} nodes, {graph.num_arcs:,} arcs", seconds, ours="graphrep")
    quality = {key: macro_f1(vectors, labels, repeats=3) for key, vectors in found.items()}
    print_table(("", "macro-F1"), [(key, f"{value:.4f}") for key, value in quality.items()])
    return {"graph": describe(graph), "seconds": summary, "macro_f1": quality, "limit": limit(graph)}


def methods(graph: gr.Graph) -> dict[str, Callable[[], npt.NDArray[Any]]]:
    """Ours and the peers'."""
    from scipy.sparse.linalg import eigsh
    from sknetwork.embedding import Spectral

    adjacency = sp.csr_matrix(graph.to_scipy().astype(np.float64))
    scale = sp.diags((graph.weighted_degree() + 1) ** -0.45)
    matrix = sp.csr_matrix(scale @ adjacency @ scale)
    return {
        "graphrep": lambda: gr.Spectral(dimensions=DIMENSIONS, n_jobs=THREADS).fit_transform(graph),
        "graphrep, 1 thread": lambda: gr.Spectral(dimensions=DIMENSIONS, n_jobs=1).fit_transform(graph),
        "scikit-network": lambda: Spectral(DIMENSIONS).fit_transform(adjacency),
        "SciPy eigsh": lambda: scaled(*eigsh(matrix, DIMENSIONS, which="LA")),
        "SciPy eigsh, tolerance 1e-4": lambda: scaled(*eigsh(matrix, DIMENSIONS, which="LA", tol=1e-4)),
    }


def scaled(values: npt.NDArray[Any], vectors: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Eigenvectors times eigenvalues, as ours are."""
    return np.asarray(vectors * np.maximum(values, 0))


def macro_f1(vectors: npt.NDArray[Any], labels: Any, repeats: int) -> float:
    """Half of the nodes for training, unit rows, C = 10."""
    options: dict[str, Any] = {"ratios": [0.5], "repeats": repeats, "C": 10, "normalize": "l2", "majority": False}
    return float(node_classification(vectors, labels, **options).mean("macro_f1")[0])


def ppi() -> dict[str, Any]:
    """Macro-F1 over ten splits of the PPI graph, and the seconds."""
    graph, labels = load_ppi()
    result = {}
    for key, embed in methods(graph).items():
        begin = time.perf_counter()
        vectors = embed()
        result[key] = {"seconds": time.perf_counter() - begin, "macro_f1": macro_f1(vectors, labels.toarray(), 10)}
    rows = [(key, f"{row['seconds']:.3f}", f"{row['macro_f1']:.4f}") for key, row in result.items()]
    print_table(("PPI", "s", "macro-F1"), rows)
    return result


def large() -> dict[str, Any]:
    """A million nodes: seconds of each of two calls, peak memory, and the limit."""
    graph, _ = nested(*LARGE)
    before, seconds = peak_mb() if reset_peak() else float("nan"), []
    for _ in range(2):
        begin = time.perf_counter()
        gr.Spectral(dimensions=DIMENSIONS, n_jobs=THREADS, progress=False).fit(graph)
        seconds.append(time.perf_counter() - begin)
    peak = peak_mb()
    bound = limit(graph)
    print(f"1 M / 20 M: {seconds} s, peak {peak:,.0f} MB of which graph and interpreter {before:,.0f}; limit {bound}")
    return {"graph": describe(graph), "seconds": seconds, "peak_mb": peak, "mb_before": before, "limit": bound}


def limit(graph: gr.Graph) -> dict[str, float]:
    """Seconds of the 14 products at the bandwidth of one plain product, and of the dense work at BLAS's speed."""
    width = DIMENSIONS + 16
    x = np.random.default_rng(0).standard_normal((graph.num_nodes, width)).astype(np.float32)
    out = np.empty_like(x)
    products, dense = [], []
    for _ in range(3):
        begin = time.perf_counter()
        gr.ops.graph_matmul(graph, x, out=out, n_jobs=THREADS)
        products.append(time.perf_counter() - begin)
        begin = time.perf_counter()
        x @ out[:width]
        dense.append(time.perf_counter() - begin)
    product, block = float(np.median(products)), float(np.median(dense))
    return {
        "product_s": product,
        "gather_gb_per_s": graph.num_arcs * width * 4 / product / 1e9,
        "products_s": 14 * product,
        "dense_s": 2 * 2 * block,  # two symmetric halves and a rotation in each of two rounds
    }


def nested(nodes: int, edges: int, levels: int, seed: int = 0) -> tuple[gr.Graph, npt.NDArray[np.int64]]:
    """Communities within communities, power-law degrees; and the community of each node at level 6.

    A community has two halves, down to ``levels``. An edge stays within the community of its first end on a level that
    is drawn evenly, so that the eigenvalues decay in steps, as those of social networks do, instead of falling off
    after the last community, where ARPACK would search long among equals.
    """
    rng = np.random.default_rng(seed)
    weight = (np.arange(nodes) + 10.0) ** (-1 / 1.5)
    leaf = np.sort(rng.integers(0, 2**levels, nodes))  # rows in the order of communities
    total = np.append(0, np.cumsum(rng.permutation(weight)))
    u = np.searchsorted(total[1:], rng.random(edges) * total[-1], side="right")
    shift = levels - rng.integers(0, levels + 1, edges)
    low, high = leaf[u] >> shift << shift, ((leaf[u] >> shift) + 1) << shift
    first, last = (total[np.searchsorted(leaf, ends)] for ends in (low, high))
    v = np.searchsorted(total[1:], first + rng.random(edges) * (last - first), side="right")
    name, labels = rng.permutation(nodes), np.empty(nodes, dtype=np.int64)
    labels[name] = leaf >> levels - 6
    return gr.as_graph(name[np.stack([u, np.minimum(v, nodes - 1)])[:, u != v]], num_nodes=nodes), labels


if __name__ == "__main__":
    main()
