"""Defaults of the recommenders on bipartite graphs beside last.fm.

    python experiments/recommend.py --root data

The graphs are cut to 1,000 random users (2,000 of debian-sources), and then to users and items with at least five
entries (``--core``):

* debian-tags: packages and their debtags, from the built-in data set;
* debian-sources: source packages and what their packages declare a dependency on;
* acm-authors: papers and their authors, all of them, cut to three entries;
* cora-words: papers and the words in them; only if asked for, since the trained models take minutes.

The defaults of ALS were chosen on validation items of last.fm, debian-tags and cora-words, those of ItemKNN and GFCF on
last.fm and on dependencies of 2,564 other packages of Debian, the others on last.fm: acm-authors played no part, and
debian-sources none but that it is a part of the same archive.

For each seed, a fifth of each user's items is held out for the test, at random; a trained model chooses its epoch on a
tenth of the others. All items that a user has not are ranked. Means over the seeds and their unbiased deviations are
written to experiments/results/recommend.json and recommend.md, with the seconds of CPU time of a fit on one thread.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp

import graphrep as gr

sys.path.insert(0, str(Path(__file__).parent / "bench"))
from _harness import RESULTS, environment, write_results

METHODS: dict[str, dict[str, Any]] = {
    "Popularity": {},
    "ItemKNN": {},
    "EASE": {},
    "GFCF": {},
    "ALS": {},
    "MatrixFactorization": {},
    'MatrixFactorization(loss="ccl")': {"loss": "ccl"},
    'MatrixFactorization(loss="ccl", history=0.5)': {"loss": "ccl", "history": 0.5},
    "LightGCN": {},
}
CORES = {"acm-authors": 3}
USERS = {"acm-authors": 10_000, "debian-sources": 2000}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("graphs", nargs="*", default=["acm-authors", "debian-sources", "debian-tags"])
    parser.add_argument("--root", help="folder of the data sets that are not built in")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--core", type=int, default=5)
    parser.add_argument("--only", nargs="*", help="methods that replace their rows, instead of all")
    options = parser.parse_args()
    path, tables = RESULTS / "recommend.json", []
    if options.only and path.exists():
        tables = json.loads(path.read_text(encoding="utf-8"))["graphs"]
    for graph in options.graphs:
        new = judged(graph, options)
        old = next((table for table in tables if table["graph"] == graph), {"rows": []})
        rows = {row["method"]: row for row in old["rows"] + new["rows"]}
        new["rows"] = [rows[method] for method in METHODS if method in rows]
        tables = sorted([table for table in tables if table["graph"] != graph] + [new], key=lambda one: one["graph"])
        write_results("recommend", {"environment": environment(), "protocol": __doc__, "graphs": tables})
        (RESULTS / "recommend.md").write_text(markdown(tables), encoding="utf-8")
    print(markdown(tables))


def judged(name: str, options: argparse.Namespace) -> dict[str, Any]:
    """All methods on one graph, for every seed."""
    matrix = cut(read(name, options.root), CORES.get(name, options.core), USERS.get(name, 1000))
    rows = []
    for method in options.only or METHODS:
        settings, runs = METHODS[method], []
        for seed in range(options.seeds):
            split = gr.evaluate.hold_out_items(matrix, share=0.2, random_state=seed)
            model = getattr(gr, method.split("(")[0])(**settings)
            given = {"n_jobs": 1, "random_state": seed, "progress": False}
            model.set_params(**{key: value for key, value in given.items() if key in model.get_params()})
            begin = time.process_time()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)  # users with few items hold none out
                model.fit(split.train)
            seconds = time.process_time() - begin
            found = gr.evaluate.recommendation(model, split.train, split.valid)
            runs.append({"recall": found.recall, "ndcg": found.ndcg, "seconds": seconds})
        rows.append({"method": method, "runs": runs})
        print(
            name, method, [f"{run['recall']:.4f} {run['ndcg']:.4f} {run['seconds']:.1f} s" for run in runs], flush=True
        )
    return {"graph": name, "users": matrix.shape[0], "items": matrix.shape[1], "entries": matrix.nnz, "rows": rows}


def read(name: str, root: str | None) -> sp.csr_array:
    """The binary matrix of users by items of a graph."""
    if name.startswith("debian"):
        debian = gr.datasets.load("debian")
        if name == "debian-tags":
            tags = [i for i, feature in enumerate(debian.feature_names) if feature.startswith("tag:")]
            return sp.csr_array(debian.graph.x[:, tags])
        (u, v), kind = debian.extras["edges"], debian.extras["edge_kind"]
        forward, backward = kind & 15 > 0, kind >> 4 > 0  # u declares a dependency on v, or v on u
        sources = debian.extras["source"][np.r_[u[forward], v[backward]]]
        targets = np.r_[v[forward], u[backward]]
        own = debian.extras["source"][targets] == sources
        return of_pairs(sources[~own], targets[~own])
    data = np.load(Path(root or ".") / {"cora-words": "cora", "acm-authors": "acm-hetero"}[name] / "graph.npz")
    if name == "acm-authors":
        return of_pairs(*data["edge_index_p_a"].astype(np.int64))
    shape = tuple(data["x_shape"])
    return sp.csr_array((np.ones(len(data["x_indices"])), data["x_indices"], data["x_indptr"]), shape=shape)


def of_pairs(users: np.ndarray, items: np.ndarray) -> sp.csr_array:
    matrix = sp.csr_array((np.ones(len(users)), (users, items)))
    matrix.data[:] = 1  # pairs that are listed twice were added
    return matrix


def cut(matrix: sp.csr_array, core: int, users: int) -> sp.csr_array:
    """Random users, and of them and their items those with ``core`` entries, until all that are left have as many."""
    rng = np.random.default_rng(0)
    enough = np.flatnonzero(np.diff(matrix.indptr) >= core)
    matrix = matrix[np.sort(rng.permutation(enough)[:users])]
    while matrix.nnz:
        rows, columns = np.diff(matrix.indptr) >= core, np.bincount(matrix.indices, minlength=matrix.shape[1]) >= core
        if rows.all() and columns.all():
            break
        matrix = sp.csr_array(matrix[rows][:, columns])
    return matrix


def markdown(tables: list[dict[str, Any]]) -> str:
    lines = ["# Defaults of the recommenders on other graphs than last.fm", ""]
    for table in tables:
        lines += [
            f"{table['graph']}: {table['users']:,} users, {table['items']:,} items, {table['entries']:,} entries.",
            "",
            "| | recall@20 | NDCG@20 | CPU s |",
            "|---|---:|---:|---:|",
        ]
        for row in table["rows"]:
            cells = [cell([run[metric] for run in row["runs"]]) for metric in ("recall", "ndcg")]
            seconds = statistics.mean(run["seconds"] for run in row["runs"])
            lines.append(f"| `{row['method']}` | {cells[0]} | {cells[1]} | {seconds:.1f} |")
        lines.append("")
    return "\n".join(lines)


def cell(values: list[float]) -> str:
    spread = f" ± {statistics.stdev(values):.4f}" if len(values) > 1 else ""
    return f"{statistics.mean(values):.4f}{spread}".replace("0.", ".")


if __name__ == "__main__":
    main()
