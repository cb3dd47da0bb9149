"""Embedders with their defaults on many graphs: the study behind the defaults and the page "Which embedder?".

    python experiments/embedders.py [--graphs ppi,wiki] [--embedders FastRP,Spectral] [--seeds 2]
    python experiments/embedders.py --render

Structure only: features are not used. d = 128, one thread, CPU seconds of the fit.

* labels: macro-F1 of one-vs-rest logistic regression on unit rows, C = 10, half of the labeled nodes, 3 splits; the
  true number of labels where nodes have several (DeepWalk's rule).
* links: a tenth of the edges hidden and as many for validation, random pairs as negatives. Scores: the best of inner
  product, cosine and regressions on Hadamard products and squared differences, of raw and unit rows, chosen on the
  validation pairs. AUC and Hits@100 on the hidden edges; preferential attachment and resource allocation beside them.

Defaults were chosen on the graphs marked "chosen on"; the others played no part. Cells are added to
experiments/results/embedders.json one by one, and those that are there are not repeated.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import graphrep as gr
from graphrep.evaluate import link_baselines, node_classification, random_link_split

sys.path.insert(0, str(Path(__file__).parent / "bench"))
from _datasets import SHARED_DATA, load_ppi
from _harness import RESULTS, environment, write_results

if TYPE_CHECKING:
    from collections.abc import Callable

PATH = RESULTS / "embedders.json"
CHOSEN_ON = ("ppi", "wiki", "cora", "chameleon")
OTHERS = ("citeseer", "photo", "pubmed", "debian", "nested")
OPERATORS = ("dot", "cosine", "hadamard", "hadamard unit", "l2", "l2 unit")
EMBEDDERS: dict[str, Callable[[int], Any]] = {
    "FastRP": lambda seed: gr.FastRP(random_state=seed, n_jobs=1),
    "FastRP, float16": lambda seed: gr.FastRP(random_state=seed, n_jobs=1, precision="float16"),
    "Spectral": lambda seed: gr.Spectral(random_state=seed, n_jobs=1),
    "Spectral, p = 0": lambda seed: gr.Spectral(random_state=seed, n_jobs=1, power=0),
    "Spectral, LM": lambda seed: gr.Spectral(random_state=seed, n_jobs=1, which="LM"),
    "ProNE": lambda seed: gr.ProNE(random_state=seed, n_jobs=1),
    "HOPE": lambda seed: gr.HOPE(random_state=seed, n_jobs=1),
    "NetMF": lambda seed: gr.NetMF(random_state=seed, n_jobs=1),
    "LINE": lambda seed: gr.LINE(random_state=seed, n_jobs=1),
    "Node2Vec": lambda seed: gr.Node2Vec(random_state=seed, n_jobs=1),
    "DeepWalk, 80 x 40": lambda seed: gr.DeepWalk(walks_per_node=80, walk_length=40, random_state=seed, n_jobs=1),
}
SMOOTHED = ("FastRP", "LINE", "Node2Vec", "DeepWalk, 80 x 40")  # also with finish="smooth", of the same fits
ROWS = [row for name in EMBEDDERS for row in ((name, f"{name}, smooth") if name in SMOOTHED else (name,))]
BASELINES = ("preferential attachment", "resource allocation")
MOST_NODES = {"NetMF": 8_000}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--graphs", default=",".join((*CHOSEN_ON, *OTHERS)))
    parser.add_argument("--embedders", help="names between semicolons; default: all")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--render", action="store_true", help="only write table and picture")
    options = parser.parse_args()
    if not options.render:
        names = options.embedders.split(";") if options.embedders else list(EMBEDDERS)
        for graph in options.graphs.split(","):
            study(graph, names, options.seeds)
    render(json.loads(PATH.read_text(encoding="utf-8")))


def study(name: str, embedders: list[str], seeds: int) -> None:
    """The cells of one graph that are missing."""
    graph, labels = load(name)
    split = random_link_split(graph, test=0.1, valid=0.1, random_state=0)
    cells, tiny = read()["cells"], gr.as_graph([(u, v) for u in range(200) for v in (u + 1, u + 7)])
    if f"{name}/baselines" not in cells:
        scorers = link_baselines(split.graph)
        links = {row: metrics(scorers[row], split) for row in BASELINES}
        keep(f"{name}/baselines", {"nodes": graph.num_nodes, "arcs": graph.num_arcs, "links": links})
    for embedder in embedders:
        for seed in range(seeds):
            key = f"{name}/{embedder}/{seed}"
            if key in cells or graph.num_nodes > MOST_NODES.get(embedder, graph.num_nodes):
                continue
            make = EMBEDDERS[embedder]
            make(seed).fit(tiny)  # loads what it needs
            begin = time.process_time()
            vectors = make(seed).fit_transform(graph)
            seconds = time.process_time() - begin
            hidden = make(seed).fit_transform(split.graph)
            if embedder in SMOOTHED:
                begin = time.process_time()
                smoothed = gr.embed.smooth(graph, vectors, n_jobs=1)
                more = time.process_time() - begin
                links = gr.embed.smooth(split.graph, hidden, n_jobs=1)
                keep(f"{name}/{embedder}, smooth/{seed}", judged(smoothed, links, labels, split, seconds + more))
            keep(key, judged(vectors, hidden, labels, split, seconds))


def judged(vectors: Any, hidden: Any, labels: Any, split: Any, seconds: float) -> dict[str, Any]:
    """A cell: vectors of the graph judged by labels, those of the graph without hidden edges by links."""
    return {"seconds": seconds, "labels": label_quality(vectors, labels), "links": link_quality(hidden, split)}


def label_quality(vectors: Any, labels: Any) -> dict[str, float]:
    """Mean and deviation over splits."""
    options: dict[str, Any] = {"ratios": [0.5], "repeats": 3, "protocol": "unit", "majority": False}
    found = node_classification(vectors, labels, **options)
    return {"macro_f1": float(found.mean("macro_f1")[0]), "std": float(found.std("macro_f1")[0])}


def link_quality(vectors: Any, split: Any) -> dict[str, float]:
    """AUC and Hits@100 of the scorer that is best on the validation pairs."""
    model = gr.EmbeddingScorer(vectors, operator=OPERATORS, metric="auc", n_jobs=1).fit(split.graph, val=split)
    return metrics(model.score_pairs, split)


def metrics(score: Callable[[Any], Any], split: Any) -> dict[str, float]:
    """Of the hidden edges."""
    positive, negative = (score(pairs) for pairs in (split.test, split.test_neg))
    auc = gr.evaluate.roc_auc(positive, negative)
    return {"auc": float(auc), "hits@100": float(gr.evaluate.hits_at_k(positive, negative, 100))}


def load(name: str) -> tuple[gr.Graph, Any]:
    """An undirected graph without features, and its labels."""
    if name == "ppi":
        graph, labels = load_ppi()
        return graph, labels.toarray()
    if name == "debian":
        data = gr.datasets.load("debian")
        graph = data.graph.to_undirected() if data.graph.directed else data.graph
        return gr.as_graph(graph.edges(), num_nodes=graph.num_nodes), graph.y
    if name == "nested":
        from spectral import nested

        return nested(5_000, 40_000, 9, seed=7)
    with np.load(SHARED_DATA / {"photo": "amazon-photo"}.get(name, name) / "graph.npz") as file:
        return gr.as_graph(file["edge_index"], num_nodes=int(file["num_nodes"]), directed=False), file["y"]


def read() -> dict[str, Any]:
    """The results so far."""
    found: dict[str, Any] = json.loads(PATH.read_text(encoding="utf-8")) if PATH.exists() else {"cells": {}}
    return found


def keep(key: str, cell: dict[str, Any]) -> None:
    """Add a cell to the file."""
    results = read()
    results["cells"][key] = cell
    print(key, json.dumps(cell), flush=True)
    write_results(PATH.stem, {**results, "environment": environment()})


def render(results: dict[str, Any]) -> None:
    """Tables as Markdown, a row per embedder and a column per graph, and a picture of quality against time."""
    cells = results["cells"]
    graphs = [name for name in (*CHOSEN_ON, *OTHERS) if f"{name}/baselines" in cells]
    lines = []
    for title, part, metric in (
        ("Labels: macro-F1", "labels", "macro_f1"),
        ("Links: AUC", "links", "auc"),
        ("Links: Hits@100", "links", "hits@100"),
        ("CPU seconds", "seconds", ""),
    ):
        table = {row: [value(cells, graph, row, part, metric) for graph in graphs] for row in ROWS}
        if part == "links":
            for row in BASELINES:
                found = [cells[f"{graph}/baselines"]["links"][row] for graph in graphs]
                table[f"{row} (untrained)"] = [float(one[metric]) for one in found]
        lines += [f"**{title}**", "", f"| | {' | '.join(graphs)} |", "|---" * (len(graphs) + 1) + "|"]
        for row, values in table.items():
            best = [max(column) for column in zip(*(np.nan_to_num(v) for v in table.values()), strict=True)]
            shown = [
                "" if np.isnan(v) else f"{v:.3g}" if part == "seconds" else f"**{v:.3f}**" if v == b else f"{v:.3f}"
                for v, b in zip(values, best, strict=True)
            ]
            lines.append(f"| {row} | {' | '.join(shown)} |")
        lines.append("")
    PATH.with_suffix(".md").write_text("\n".join(lines), encoding="utf-8")
    picture(cells, graphs)
    print("\n".join(lines))


def value(cells: dict[str, Any], graph: str, row: str, part: str, metric: str) -> float:
    """Mean over the seeds of one cell; NaN if it is missing."""
    found = [cell for key, cell in cells.items() if key.startswith(f"{graph}/{row}/") and part in cell]
    values = [cell[part][metric] if metric else cell[part] for cell in found]
    return float(np.mean(values)) if values else float("nan")


def picture(cells: dict[str, Any], graphs: list[str]) -> None:
    """The share of the best embedder's quality, averaged over graphs, against CPU seconds."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(11, 4.4), layout="constrained")
    for axis, (title, part, metric) in zip(
        axes, (("labels, macro-F1", "labels", "macro_f1"), ("links, Hits@100", "links", "hits@100")), strict=True
    ):
        points, fits = {}, {}
        for row in ROWS:
            shares, seconds = [], []
            for graph in graphs:
                all_values = [value(cells, graph, other, part, metric) for other in ROWS]
                own = value(cells, graph, row, part, metric)
                if not np.isnan(own):
                    shares.append(own / np.nanmax(all_values))
                    seconds.append(value(cells, graph, row, "seconds", ""))
            if shares and row != "Spectral, p = 0":  # which would lie on Spectral
                points[row], fits[row] = float(np.mean(shares)), float(np.exp(np.mean(np.log(seconds))))
        gr.plot.quality(points, "share of the best", seconds=fits, ax=axis)
        axis.set(xlabel="CPU seconds, geometric mean over graphs", title=title)
    mpl.rcParams["svg.hashsalt"] = "graphrep"
    figure.savefig(PATH.with_suffix(".svg"), metadata={"Date": None})


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
