"""What validation pairs choose among link predictors, how good it is, and what each of them reaches alone.

    python experiments/link_choice.py [--graphs cora,photo] [--seconds 3] [--published]
    python experiments/link_choice.py --render

A tenth of the edges is hidden for the test and as many for validation, any edge, with as many random pairs without an
edge; the training edges alone are the graph. Each default candidate of ``BestLinkPredictor`` is fitted once, GAE and
NCN until the first epoch that ends after ``--seconds`` of one thread; ``BestLinkPredictor`` combines them by the
validation pairs, or with ``combine=False`` chooses one. Test scores of all of them stand beside those of the heuristic
that is best in validation and, with ``--published``, of GAE and NCN with ``untrained_scores=False`` in the same time.
Hits@100 and AUC are judged; the choice uses its default metric, Hits@100, or AUC with fewer than 500 validation
negatives.

The untrained scores of GAE and NCN were designed on Cora, Wiki and Photo and changed once more by PubMed and Debian;
the number of steps of the combination was chosen on another split of the first seven graphs.
Runs are added to experiments/results/link_choice.json one by one, and those that are there are not repeated.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn.base import BaseEstimator

import graphrep as gr
from graphrep.linkpred.choice import per_edge

sys.path.insert(0, str(Path(__file__).parent / "bench"))
from _datasets import SHARED_DATA
from _harness import RESULTS, environment, write_results

PATH = RESULTS / "link_choice.json"
CHOSEN_ON = ("cora", "wiki", "photo")
OTHERS = ("citeseer", "chameleon", "acm", "ppi", "pubmed", "wn18rr", "nested")
FOLDERS = {"photo": "amazon-photo", "acm": "acm-clustering", "ppi": "ppi-homo-sapiens"}
PUBLISHED = {"GAE, published": gr.GAE, "NCN, published": gr.NCN}
ROWS = ("heuristic", "untrained", "walks", "vectors", "linear", "GAE", "NCN", *PUBLISHED, "together")
METRICS = ("hits@100", "auc")
FITTED: dict[str, Any] = {}


class Ready(BaseEstimator):
    """A candidate that is fitted already, by its name."""

    def __init__(self, name: str) -> None:
        self.name = name

    def fit(self, graph: Any, edges: Any = None, *, val: Any = None) -> Any:
        del graph, edges, val
        self.embedding_ = FITTED[self.name].embedding_
        return self

    def score_pairs(self, pairs: Any) -> Any:
        return FITTED[self.name].score_pairs(pairs)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--graphs", default=",".join((*CHOSEN_ON, *OTHERS)))
    parser.add_argument("--seconds", type=float, default=3.0, help="CPU seconds after which a network stops")
    parser.add_argument("--published", action="store_true", help="also GAE and NCN without untrained scores")
    parser.add_argument("--render", action="store_true", help="only write the table")
    options = parser.parse_args()
    for name in () if options.render else options.graphs.split(","):
        if name not in read()["graphs"]:
            found = study(name, options.seconds, with_published=options.published)
            print(name, json.dumps(found), flush=True)
            results = read()
            results["graphs"][name] = found
            write_results(PATH.stem, {**results, "protocol": __doc__, "environment": environment()})
    PATH.with_suffix(".md").write_text(table(read()["graphs"]), encoding="utf-8")
    print(PATH.with_suffix(".md").read_text(encoding="utf-8"))


def study(name: str, seconds: float, *, with_published: bool) -> dict[str, Any]:
    """All rows of a graph."""
    graph = load(name)
    split = gr.evaluate.random_link_split(graph, test=0.1, valid=0.1, connected=False, random_state=2)
    choice = gr.linkpred.BestLinkPredictor(n_jobs=1)
    candidates = choice._candidates(split.graph, split.valid.shape[1])
    metric = "hits@100" if split.valid_neg.shape[1] >= 500 else "auc"
    rows = {}
    published = {key: kind(untrained_scores=False) for key, kind in PUBLISHED.items()} if with_published else {}
    for key, model in {**candidates, **published}.items():
        options: dict[str, Any] = {"metric": metric, "n_jobs": 1}
        begin = time.process_time()
        if hasattr(model, "callbacks"):
            end = begin + seconds
            options |= {"callbacks": [lambda *_, end=end: time.process_time() > end], "progress": False}
        FITTED[key] = model.set_params(**options).fit(split.graph, val=split)
        cost = time.process_time() - begin
        rows[key] = judged(model.score_pairs, split, metric) | {"cpu_seconds": cost}
        rows[key] |= {"epochs": model.training_["epochs"]} if hasattr(model, "training_") else {}
    choice.set_params(candidates={key: Ready(key) for key in candidates}, metric=metric).fit(split.graph, val=split)
    rows["together"] = judged(choice.score_pairs, split, metric)
    found = {
        key: judged(lambda pairs, score=score: score(split.graph, pairs), split, metric)
        for key, score in gr.heuristics.HEURISTICS.items()
    }
    best = max(found, key=lambda key: found[key]["valid"])
    return {
        "nodes": split.graph.num_nodes,
        "mean_degree": split.graph.num_arcs / split.graph.num_nodes,
        "hidden": split.test.shape[1],
        "metric": metric,
        "heuristic": best,
        "chosen": choice.name_,
        "weights": choice.weights_,
        "seconds": seconds,
        "rows": {"heuristic": found[best], **rows},
        "ahead": ahead(choice, candidates, split),
    }


def judged(score: Any, split: Any, metric: str) -> dict[str, Any]:
    """The metric of the choice on validation pairs, and metrics of the test."""
    valid = gr.evaluate.link_metrics(score(split.valid), score(split.valid_neg), [metric])[metric]
    return {"valid": valid, **gr.evaluate.link_metrics(score(split.test), score(split.test_neg), list(METRICS))}


def ahead(choice: Any, candidates: Any, split: Any) -> dict[str, float]:
    """The combination minus the best candidate in test Hits@100, and the standard error of the difference."""

    def found(model: Any) -> Any:
        return per_edge(model.score_pairs(split.test), model.score_pairs(split.test_neg), "hits@100")

    difference = found(choice) - max((found(FITTED[key]) for key in candidates), key=lambda part: part.mean())
    return {"difference": float(difference.mean()), "error": float(difference.std(ddof=1) / np.sqrt(len(difference)))}


def load(name: str) -> gr.Graph:
    """An undirected graph, with features if the data set has them."""
    if name == "nested":
        from spectral import nested

        return nested(5_000, 40_000, 9, seed=7)[0]
    with np.load(SHARED_DATA / FOLDERS.get(name, name) / "graph.npz") as file:
        x = None
        if "x_indptr" in file:
            x = sp.csr_array((file["x_data"], file["x_indices"], file["x_indptr"]), shape=tuple(file["x_shape"]))
        edges, nodes = file["edge_index"], int(file["num_nodes"])
        return gr.as_graph(edges, num_nodes=nodes, directed=False, self_loops=False, x=x, weights=False)


def read() -> dict[str, Any]:
    """The results so far."""
    found: dict[str, Any] = json.loads(PATH.read_text(encoding="utf-8")) if PATH.exists() else {"graphs": {}}
    return found


def table(graphs: dict[str, Any]) -> str:
    """A row per graph, test Hits@100 in percent; the choice of one in bold."""
    names = [name for name in ROWS if any(name in one["rows"] for one in graphs.values())]
    lines = [
        "Test Hits@100, percent. Bold: chosen by validation without `combine`. Ahead: what all are together, less the",
        "best of them in the test, ± standard error.",
        "",
        f"| | {' | '.join(names)} | ahead |",
        "|---" * (len(names) + 2) + "|",
    ]
    for graph in (name for name in (*CHOSEN_ON, *OTHERS) if name in graphs):
        one = graphs[graph]
        found = [one["rows"].get(name) for name in names]
        cells = ["" if row is None else f"{100 * row['hits@100']:.1f}" for row in found]
        cells = [f"**{cell}**" if name == one["chosen"] else cell for cell, name in zip(cells, names, strict=True)]
        gap = " ± ".join(f"{100 * one['ahead'][key]:.1f}" for key in ("difference", "error"))
        lines.append(f"| {graph} | {' | '.join(cells)} | {gap} |")
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
