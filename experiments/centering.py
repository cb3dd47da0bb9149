"""What the mean of skip-gram vectors costs: labels, links and neighbors with and without it.

    OMP_NUM_THREADS=1 python experiments/centering.py [--graphs "ppi;wiki"] [--learners LINE] [--seeds 0,1]
    python experiments/centering.py --render

d = 128 and one thread. A tenth of the edges is hidden and as many are for validation; vectors are those of the rest,
for labels, too. Small graphs have 10 walks of 80 per node, the default, others fewer. Every fit is judged as it is and
after the finishing steps of VARIANTS:

* labels: micro- and macro-F1 of one-vs-rest logistic regression, half of the labeled nodes, 3 splits, of raw vectors
  with C = 1 and of unit rows with C = 10; the true number of labels where nodes have several. Of a graph with 10,000
  nodes or more, 5,000 labeled nodes count, and there are fewer variants.
* links: AUC and Hits@100 of the hidden edges against random pairs, by inner product, by cosine and by logistic
  regression on Hadamard products of 10,000 edges, and, with seed 0 on small graphs, AUC of the scorer that is best on
  validation.
* neighbors: of 500 nodes, the share of the 10 nearest by cosine that have a label in common with them, and the share
  of their hidden edges that lead to one of the 10 nearest that they have no edge to.

What is default was chosen on the graphs of CHOSEN_ON; those of CONFIRMED_ON played no part. Cells are added to
experiments/results/centering.json one by one, and those that are there are not repeated.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import graphrep as gr

sys.path.insert(0, str(Path(__file__).parent / "bench"))
from _datasets import SHARED_DATA
from _harness import RESULTS, environment, write_results
from embedders import load

if TYPE_CHECKING:
    from collections.abc import Callable

PATH = RESULTS / "centering.json"
CHOSEN_ON = ("ppi", "wiki", "cora", "debian, directed")
CONFIRMED_ON = ("citeseer", "acm", "chameleon", "photo", "pubmed", "debian", "wn18rr, directed", "cnr, directed")
FEW_WALKS = {"pubmed": 2, "debian": 2, "debian, directed": 2, "wn18rr, directed": 4, "cnr, directed": 2}
LEARNERS: dict[str, Callable[[int, int], Any]] = {
    "DeepWalk": lambda walks, seed: gr.DeepWalk(walks_per_node=walks, random_state=seed, n_jobs=1),
    "LINE": lambda _, seed: gr.LINE(random_state=seed, n_jobs=1),
    "LINE, raw": lambda _, seed: gr.LINE(normalize_rows=False, random_state=seed, n_jobs=1),
}
LARGE, LABELED = 10_000, 5_000
VARIANTS: dict[str, tuple[str, ...]] = {
    "as trained": (),
    "center": ("center",),
    "smooth": ("smooth",),
    "center, smooth": ("center", "smooth"),
    "smooth, center": ("smooth", "center"),
    "whiten": ("whiten",),
}
OPERATORS = ("dot", "cosine", "hadamard", "hadamard unit", "l2", "l2 unit")
COMPARED = ("as trained", "center", "smooth")
SHOWN = {
    "labels, micro-F1, unit rows": "labels/unit/micro_f1",
    "links, AUC: products": "links/dot/auc",
    "cosine": "links/cosine/auc",
    "regression": "links/hadamard/auc",
    "best of six": "links/best/auc",
    "neighbors of the same label": "neighbors/label",
    "hidden neighbors found": "neighbors/hidden",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--graphs", default=";".join((*CHOSEN_ON, *CONFIRMED_ON)), help="names between semicolons")
    parser.add_argument("--learners", default="DeepWalk")
    parser.add_argument("--seeds", default="0,1")
    parser.add_argument("--render", action="store_true", help="only write the table")
    options = parser.parse_args()
    if not options.render:
        for seed in map(int, options.seeds.split(",")):
            for name in options.graphs.split(";"):
                for learner in options.learners.split(";"):
                    study(name, learner, seed)
    render(read()["cells"])


def study(name: str, learner: str, seed: int) -> None:
    """The cells of one fit, unless they are there."""
    key = f"{name}/{learner}/{seed}"
    if key in read()["cells"]:
        return
    graph, labels = graph_of(name)
    split = gr.evaluate.random_link_split(graph, test=0.1, valid=0.1, random_state=0)
    begin = time.process_time()
    trained = LEARNERS[learner](FEW_WALKS.get(name, 10), seed).set_params(progress=False).fit_transform(split.graph)
    cell: dict[str, Any] = {"seconds": time.process_time() - begin}
    small = graph.num_nodes < LARGE
    for variant, steps in VARIANTS.items():
        if not small and variant not in ("as trained", "center", "smooth"):
            continue
        vectors = trained
        for step in steps:
            vectors = gr.embed.smooth(split.graph, vectors) if step == "smooth" else getattr(gr.embed, step)(vectors)
        cell[variant] = judged(vectors, labels, split, best=small and seed == 0 and len(steps) < 2)
    cell["seconds of all"] = time.process_time() - begin
    results = read()
    results["cells"][key] = cell
    print(key, json.dumps(cell), flush=True)
    write_results(PATH.stem, {**results, "environment": environment()})


def judged(vectors: Any, labels: Any, split: Any, *, best: bool) -> dict[str, float]:
    """All numbers of one table of vectors."""
    found = {}
    if labels is not None:
        known = np.array(labels)
        if len(known) >= LARGE:
            known[np.random.default_rng(0).permutation(len(known))[LABELED:]] = -1
        table = gr.evaluate.node_classification(vectors, known, ratios=[0.5], repeats=3, majority=False, n_jobs=1)
        for protocol, one in {"published": table, **table.beside}.items():
            for metric in ("micro_f1", "macro_f1"):
                found[f"labels/{protocol}/{metric}"] = float(one.mean(metric)[0])
    for operator in ("dot", "cosine", "hadamard"):
        options: dict[str, Any] = {"operator": operator, "C": 1.0, "max_train": 10_000, "n_jobs": 1}
        one = gr.evaluate.link_prediction(vectors, split, metrics=["auc", "hits@100"], **options)
        found |= {f"links/{operator}/{metric}": float(one[metric]) for metric in ("auc", "hits@100")}
    if best:
        model = gr.EmbeddingScorer(vectors, operator=OPERATORS, metric="auc", n_jobs=1).fit(split.graph, val=split)
        pairs = gr.evaluate.link_prediction(model, split, metrics=["auc"])
        found["links/best/auc"] = float(pairs["auc"])
    return found | neighbors(vectors, labels, split)


def neighbors(vectors: Any, labels: Any, split: Any) -> dict[str, float]:
    """Shares of the nearest that have the label, and of the hidden edges that are found."""
    rng = np.random.default_rng(0)
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit = vectors / np.where(length > 0, length, 1)
    found = {}
    if labels is not None:
        has = (
            np.asarray(labels)
            if np.ndim(labels) == 2
            else np.asarray(labels)[:, None] == np.unique(labels[labels >= 0])
        )
        asked = rng.choice(np.flatnonzero(has.any(axis=1)), 500, replace=False)
        near = nearest(unit, asked, asked[:, None])
        found["neighbors/label"] = float((has[near] & has[asked][:, None]).any(axis=2).mean())
    hidden = np.concatenate([split.test, split.test[::-1]], axis=1) if not split.graph.directed else split.test
    asked = rng.choice(np.unique(hidden[0]), min(500, len(np.unique(hidden[0]))), replace=False)
    known = [np.append(split.graph.neighbors(node), node) for node in asked.tolist()]
    near = nearest(unit, asked, known)
    hits = [np.isin(hidden[1][hidden[0] == node], row).mean() for node, row in zip(asked, near, strict=True)]
    return found | {"neighbors/hidden": float(np.mean(hits))}


def nearest(unit: Any, asked: Any, without: Any) -> Any:
    """The 10 rows of the largest cosine for each row that is asked for, without some."""
    cosine = unit[asked] @ unit.T
    for row, nodes in zip(cosine, without, strict=True):
        row[nodes] = -np.inf
    return np.argpartition(-cosine, 10, axis=1)[:, :10]


def graph_of(name: str) -> tuple[gr.Graph, Any]:
    """A graph without features, and its labels or None."""
    name, _, directed = name.partition(", ")
    if name == "debian" and directed:
        graph = gr.datasets.load("debian").graph.untyped()
        return gr.as_graph(graph.edge_index(), num_nodes=graph.num_nodes, directed=True), graph.y
    if not directed and name != "acm":
        return load(name)
    folder = SHARED_DATA / {"acm": "acm-clustering", "cnr": "cnr-2000"}.get(name, name)
    with np.load(folder / "graph.npz") as file:
        edges, nodes = np.unique(file["edge_index"], axis=1), int(file["num_nodes"])
        if name == "cnr":
            nodes = 20_000  # the first pages, in the order of their addresses
            edges = edges[:, (edges < nodes).all(axis=0)]
        graph = gr.as_graph(edges, num_nodes=nodes, directed=bool(directed))
        return graph, file["y"] if "y" in file.files else None


def read() -> dict[str, Any]:
    """The results so far."""
    found: dict[str, Any] = json.loads(PATH.read_text(encoding="utf-8")) if PATH.exists() else {"cells": {}}
    return found


def render(cells: dict[str, Any]) -> None:
    """A table of each learner, a row per graph, and in each cell the values as trained, centered and smoothed."""
    lines = []
    for learner in LEARNERS:
        lines += [f"| {learner} | {' | '.join(SHOWN)} |", "|---" * (len(SHOWN) + 1) + "|"]
        for graph in (*CHOSEN_ON, *CONFIRMED_ON):
            runs = [cell for key, cell in cells.items() if key.startswith(f"{graph}/{learner}/")]
            row = [" / ".join(mean(runs, variant, metric) for variant in COMPARED) for metric in SHOWN.values()]
            if runs:
                lines.append(f"| {graph} | {' | '.join(row).replace(' /  / ', '')} |")
        lines.append("")
    PATH.with_suffix(".md").write_text("\n".join(lines), encoding="utf-8")
    print("\n".join(lines))


def mean(runs: list[dict[str, Any]], variant: str, metric: str) -> str:
    """Over the seeds, with three decimals."""
    values = [run[variant][metric] for run in runs if metric in run[variant]]
    return f"{np.mean(values):.3f}".removeprefix("0") if values else ""


if __name__ == "__main__":
    main()
