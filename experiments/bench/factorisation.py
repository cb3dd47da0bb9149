"""Factorization embedders: seconds of graphrep beside published code and the same formulas in SciPy.

    python experiments/bench/factorisation.py [--rounds 3] [--small]

d = 128 and two threads for all engines (SciPy's sparse products and ARPACK use one; its BLAS two).

* ProNE on a power-law graph of 100,000 nodes and 2 million arcs: nodevectors' ProNE (the reimplementation on PyPI), and
  the steps of the authors' script in NumPy and SciPy, with their settings: five power iterations, ten terms of the
  series, the dense SVD by LAPACK. Ours ends the series after the five terms that count. Timed from the graph in CSR.
* HOPE with the Katz index, beta = 0.5 / rho: undirected on the same graph, against ARPACK's eigenpairs of A to 1e-4, of
  which the eigenvalues of the Katz matrix follow; directed on 20,000 nodes and 200,000 arcs, against ARPACK's singular
  vectors of an operator that solves with I - beta A by the same series. SciPy is given the spectral radius.
* NetMF of the protein interactions (3,890 nodes, 76,584 arcs): window 10, the exact matrix by sparse times dense
  products, the logarithm, and ARPACK's singular vectors.

Equal results: on a graph so small that the subspaces are exact, each formula gives the same vectors up to signs; on the
protein interactions the vectors classify as well: macro-F1 at 50 % labels, unit rows, C = 10.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from _datasets import load_ppi
from _graphs import describe, power_law_graph
from _harness import alternate, environment, keep_freed_memory, print_table, report, write_results
from _peers import THREADS
from scipy.linalg import svd
from scipy.sparse.linalg import LinearOperator, eigsh, svds
from scipy.special import iv
from sklearn.preprocessing import normalize
from sklearn.utils.extmath import randomized_svd

import graphrep as gr

if TYPE_CHECKING:
    from collections.abc import Callable

DIMENSIONS = 128
FACTOR = 0.5
TARGETS = {"nodevectors": 5.0, "authors' steps": 5.0}

Array = npt.NDArray[Any]


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument(
        "--small", action="store_true", help="graphs of a tenth of the size and two splits, to try the script"
    )
    asked = arguments.parse_args()
    kept = keep_freed_memory()
    same = check_same_results()
    size = 10 if asked.small else 1
    large = power_law_graph(100_000 // size, 1_000_000 // size)
    middle = directed_graph(20_000 // size, 200_000 // size)
    ppi, labels = load_ppi()

    prone = report("ProNE", alternate(prone_engines(large), asked.rounds), ours="graphrep")
    hope = report("HOPE, undirected", alternate(hope_engines(large), asked.rounds), ours="graphrep")
    directed = report("HOPE, directed", alternate(hope_engines(middle), asked.rounds), ours="graphrep")
    netmf = report(
        "NetMF",
        alternate(netmf_engines(power_law_graph(1000, 10_000) if asked.small else ppi), asked.rounds),
        ours="graphrep",
    )
    quality = compare_quality(ppi, labels, repeats=2 if asked.small else 10)
    reached = {name: prone[name]["ratio"] for name in TARGETS if name in prone}
    for name, ratio in reached.items():
        print(f"ProNE, {name}: {ratio:.1f} times, target {TARGETS[name]:g}")
    results = {
        "environment": environment(["nodevectors"]),
        "graphs": {"undirected": describe(large), "directed": describe(middle), "ppi": describe(ppi)},
        "settings": {
            "dimensions": DIMENSIONS,
            "factor": FACTOR,
            "threads": THREADS,
            "rounds": asked.rounds,
            "freed_memory_kept": kept,
        },
        "ProNE": prone,
        "HOPE_undirected": hope,
        "HOPE_directed": directed,
        "NetMF": netmf,
        "same_results": same,
        "quality": quality,
        "targets": {name: {"target": TARGETS[name], "reached": ratio} for name, ratio in reached.items()},
    }
    print(write_results("bench_factorisation", results))


def directed_graph(num_nodes: int, num_arcs: int) -> gr.Graph:
    """Arcs between the ends of a power-law graph's edges, each in one direction, drawn by lot."""
    edges = power_law_graph(num_nodes, num_arcs).edges()
    turned = np.random.default_rng(0).random(edges.shape[1]) < 0.5
    return gr.as_graph(np.where(turned, edges[::-1], edges), num_nodes=num_nodes, directed=True)


def prone_engines(graph: gr.Graph) -> dict[str, Callable[[], Array]]:
    adjacency = sp.csr_matrix(graph.to_scipy().astype(np.float64))
    engines: dict[str, Callable[[], Array]] = {
        "graphrep": lambda: gr.ProNE(n_jobs=THREADS).fit_transform(graph),
        "graphrep, 1 thread": lambda: gr.ProNE(n_jobs=1).fit_transform(graph),
        "authors' steps": lambda: prone_in_scipy(adjacency),
    }
    try:
        from nodevectors import ProNE
    except ImportError:
        print("nodevectors is not installed")
    else:
        # It takes its matrix as it is, and changes it.
        engines["nodevectors"] = lambda: np.asarray(
            ProNE(n_components=DIMENSIONS, step=10, mu=0.2, theta=0.5, verbose=False).fit_transform(adjacency.copy())
        )
    return engines


def prone_in_scipy(
    adjacency: Any, dimensions: int = DIMENSIONS, *, step: int = 10, mu: float = 0.2, theta: float = 0.5
) -> Array:
    """The steps of the authors' script, in its order, float64."""
    walk = normalize(adjacency, "l1")
    mass = np.asarray(walk.sum(axis=0)).ravel() ** 0.75
    ratios = walk.copy()
    ratios.data = np.log(walk.data) - np.log(mass / mass.sum())[walk.indices]
    u, s, _ = randomized_svd(ratios, dimensions, n_iter=5, random_state=0)
    features = normalize(u * np.sqrt(s))
    looped = sp.csr_matrix(sp.eye_array(len(features)) + adjacency)
    shifted = sp.csr_matrix(sp.eye_array(len(features)) * (1 - mu) - normalize(looped, "l1"))
    before, power = features, 0.5 * (shifted @ (shifted @ features)) - features
    total = iv(0, theta) * before - 2 * iv(1, theta) * power
    for order in range(2, step):
        before, power = power, shifted @ (shifted @ power) - 2 * power - before
        total += (-1) ** order * 2 * iv(order, theta) * power
    u, s, _ = svd(looped @ (features - total), full_matrices=False, check_finite=False)
    return normalize(u[:, :dimensions] * np.sqrt(s[:dimensions]))


def hope_engines(graph: gr.Graph) -> dict[str, Callable[[], Array]]:
    adjacency = graph.to_scipy().astype(np.float64)
    beta = gr.HOPE(dimensions=2, factor=FACTOR).fit(graph).beta_
    return {
        "graphrep": lambda: gr.HOPE(factor=FACTOR, n_jobs=THREADS).fit_transform(graph),
        "graphrep, 1 thread": lambda: gr.HOPE(factor=FACTOR, n_jobs=1).fit_transform(graph),
        "SciPy": lambda: katz_in_scipy(adjacency, beta, DIMENSIONS, directed=graph.directed),
    }


def katz_in_scipy(adjacency: Any, beta: float, dimensions: int, *, directed: bool, tol: float = 1e-4) -> Array:
    """Vectors of an undirected graph, or those of sources and of targets side by side."""
    n = adjacency.shape[0]
    start = np.random.default_rng(0).standard_normal(n)
    if not directed:
        w, v = eigsh(adjacency, k=min(2 * dimensions if n < 1000 else dimensions, n - 1), tol=tol, v0=start)
        katz = beta * w / (1 - beta * w)
        order = np.argsort(-np.abs(katz))[:dimensions]
        return np.asarray(v[:, order] * np.sqrt(np.abs(katz[order])))
    forward, backward = sp.csr_array(beta * adjacency), sp.csr_array(beta * adjacency.T)

    def series(matrix: Any) -> Callable[[Array], Array]:
        def product(x: Array) -> Array:
            total = matrix @ x
            for _ in range(16):
                total = matrix @ (total + x)
            return total

        return product

    operator = LinearOperator((n, n), matvec=series(forward), rmatvec=series(backward), dtype=np.float64)
    u, s, v = svds(operator, k=dimensions // 2, tol=tol, v0=start)
    return np.concatenate([u[:, ::-1], v[::-1].T], axis=1) * np.sqrt(np.tile(s[::-1], 2))


def netmf_engines(graph: gr.Graph) -> dict[str, Callable[[], Array]]:
    adjacency = graph.to_scipy().astype(np.float64)
    return {
        "graphrep": lambda: gr.NetMF(n_jobs=THREADS).fit_transform(graph),
        "graphrep, 1 thread": lambda: gr.NetMF(n_jobs=1).fit_transform(graph),
        "SciPy": lambda: netmf_in_scipy(adjacency, DIMENSIONS),
    }


def netmf_in_scipy(adjacency: Any, dimensions: int, window: int = 10) -> Array:
    degree = np.asarray(adjacency.sum(axis=1)).ravel()
    inverse = np.divide(1, degree, out=np.zeros_like(degree), where=degree > 0)
    walk = sp.csr_array(sp.diags_array(inverse) @ adjacency)
    power = np.diag(inverse)
    total = np.zeros_like(power)
    for _ in range(window):
        power = walk @ power
        total += power
    logs = np.log(np.maximum(1, total * (degree.sum() / window)))
    u, s, _ = svds(logs, k=dimensions, v0=np.random.default_rng(0).standard_normal(len(degree)))
    return np.asarray(u[:, ::-1] * np.sqrt(s[::-1]))


def check_same_results() -> dict[str, float]:
    """Largest difference of the cosines of rows on graphs of 130 nodes, with all columns in the random blocks."""
    undirected, directed = power_law_graph(130, 700), directed_graph(130, 700)
    a, arcs = (graph.to_scipy().astype(np.float64) for graph in (undirected, directed))
    hope, both = gr.HOPE(dimensions=120).fit(undirected), gr.HOPE(dimensions=240).fit(directed)
    pairs = {
        "ProNE": (gr.ProNE(dimensions=120).fit_transform(undirected), prone_in_scipy(sp.csr_matrix(a), 120)),
        "HOPE, undirected": (hope.embedding_, katz_in_scipy(a, hope.beta_, 120, directed=False, tol=0)),
        "HOPE, directed": (both.embedding_, katz_in_scipy(arcs, both.beta_, 240, directed=True, tol=0)),
        "NetMF": (gr.NetMF(dimensions=120).fit_transform(undirected), netmf_in_scipy(a, 120)),
    }
    found = {}
    for name, (ours, theirs) in pairs.items():
        cosines = [normalize(x) @ normalize(x).T for x in (ours.astype(np.float64), theirs)]
        found[name] = float(np.abs(cosines[0] - cosines[1]).max())
        print(f"{name}: cosines differ by at most {found[name]:.2g}")
        if found[name] > 0.01:
            raise AssertionError(f"{name} gives another result than in SciPy.")
    return found


def compare_quality(graph: gr.Graph, labels: sp.csr_array, repeats: int) -> dict[str, dict[str, float]]:
    """Classification of the protein interactions: half of the labels, unit rows, C = 10, TopK."""
    engines = {
        "ProNE, graphrep": prone_engines(graph)["graphrep"],
        **{f"ProNE, {name}": run for name, run in prone_engines(graph).items() if not name.startswith("graphrep")},
        "NetMF, graphrep": netmf_engines(graph)["graphrep"],
        "NetMF, SciPy": netmf_engines(graph)["SciPy"],
        "HOPE, graphrep": hope_engines(graph)["graphrep"],
        "HOPE, SciPy": hope_engines(graph)["SciPy"],
    }
    found = {}
    for name, engine in engines.items():
        table = gr.evaluate.node_classification(
            normalize(engine()).astype(np.float32),
            labels,
            ratios=[0.5],
            repeats=repeats,
            C=10.0,
            majority=False,
            n_jobs=1,
        )
        found[name] = {"micro-F1": float(table.mean("micro_f1")[0]), "macro-F1": float(table.mean("macro_f1")[0])}
    rows = [(name, *(f"{value:.4f}" for value in cells.values())) for name, cells in found.items()]
    print("PPI, 50 % labeled, unit rows, C = 10")
    print_table(("", "micro-F1", "macro-F1"), rows)
    return found


if __name__ == "__main__":
    main()
