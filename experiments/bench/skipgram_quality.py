"""Quality of graphrep's and gensim's skip-gram vectors, trained on the same walks, in downstream tasks.

    python experiments/bench/skipgram_quality.py [--data ppi debian] [--seeds 5] [--minutes 3]

d = 128, window 10, 5 negatives, one epoch. For every seed both train on the same walks:

* ppi: p = 4, q = 1, 10 walks of 80 nodes per node. Multi-label classification: half of the nodes labeled, one-vs-rest
  logistic regression with C = 1, the TopK rule, mean over 10 splits.
* debian: first order, 4 walks of 80 nodes per node, training edges only. Sections (the data set's label split,
  accuracy and macro-F1) and links (its link split: AUC and Hits@1000 on its fixed negatives).

Beside them stand vectors that were never trained, GRAPE on its own walks of the same number (ppi only), and pools of
10, 20 and 80 noise rows in place of our 40. Runs are added to experiments/results/skipgram_quality.json one by one;
those that are there already are not repeated, so a long study can be made in parts (``--minutes``).
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from _datasets import Labelled, link_scores, load_ppi
from _harness import RESULTS, environment, print_table, write_results
from _peers import THREADS, ensmallen_graph, ensmallen_skipgram, gensim_corpus, gensim_model

import graphrep as gr

NAME = "skipgram_quality"
SETTINGS = {"dimensions": 128, "window": 10, "num_negatives": 5}
LENGTH = 80
BASE = "gensim"  # what differences are taken to

Vectors = npt.NDArray[np.float32]


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--data", nargs="+", choices=["ppi", "debian"], default=["ppi", "debian"])
    arguments.add_argument("--seeds", type=int, default=5)
    arguments.add_argument("--minutes", type=float, default=float("inf"), help="start no run after this time")
    arguments.add_argument("--ppi", type=Path, help="folder or npz file of the PPI graph")
    options = arguments.parse_args()
    deadline = time.monotonic() + 60 * options.minutes
    path = RESULTS / f"{NAME}.json"
    runs: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["runs"] if path.exists() else []
    done = {(run["data"], run["engine"], run["seed"]) for run in runs}
    for data in options.data:
        study = Ppi(load_ppi(options.ppi)) if data == "ppi" else Debian()
        for seed in range(options.seeds):
            for engine in study.engines:
                if (data, engine, seed) in done or time.monotonic() > deadline:
                    continue
                begin = time.perf_counter()
                vectors = study.engines[engine](seed)
                seconds = time.perf_counter() - begin
                scores = study.judge(vectors)
                runs.append({"data": data, "engine": engine, "seed": seed, "seconds": seconds, "scores": scores})
                print(data, seed, engine, f"{seconds:.1f} s", {name: round(value, 4) for name, value in scores.items()})
                write_results(NAME, results(runs))
    for data in options.data:
        print_summary(data, summary([run for run in runs if run["data"] == data]))


class Study:
    """One data set: walks per seed, engines as functions of a seed, and a judge."""

    graph: gr.Graph
    walks_per_node: int
    p = q = 1.0

    def __init__(self) -> None:
        self.engines: dict[str, Callable[[int], Vectors]] = {
            BASE: self.gensim,
            "graphrep, 1 thread": lambda seed: self.ours(seed, n_jobs=1),
            "graphrep, 2 threads": lambda seed: self.ours(seed, n_jobs=THREADS),
            "noise_rows=10": lambda seed: self.ours(seed, noise_rows=10),
            "noise_rows=20": lambda seed: self.ours(seed, noise_rows=20),
            "noise_rows=80": lambda seed: self.ours(seed, noise_rows=80),
            "random vectors": self.random,
        }

    def walks(self, seed: int) -> npt.NDArray[np.integer[Any]]:
        walks = gr.random_walks(
            self.graph, walk_length=LENGTH, walks_per_node=self.walks_per_node, p=self.p, q=self.q, seed=seed
        )
        return np.random.default_rng(seed).permutation(walks)

    def ours(self, seed: int, **options: Any) -> Vectors:
        walks = self.walks(seed)
        counts = np.bincount(walks[walks >= 0], minlength=self.graph.num_nodes)
        model = gr.ops.SkipGram(
            self.graph.num_nodes, counts=counts, seed=seed, **{"n_jobs": THREADS, **SETTINGS, **options}
        )
        model.train(walks, first_position=0, total_positions=len(walks))
        return np.ascontiguousarray(model.vectors)

    def gensim(self, seed: int) -> Vectors:
        corpus = gensim_corpus(self.walks(seed))
        model = gensim_model(corpus, seed=seed, **SETTINGS)
        model.train(corpus_iterable=corpus, total_examples=len(corpus), epochs=1)
        return np.asarray(model.wv[[str(node) for node in range(self.graph.num_nodes)]])

    def random(self, seed: int) -> Vectors:
        shape = self.graph.num_nodes, SETTINGS["dimensions"]
        return np.random.default_rng(seed).standard_normal(shape, dtype=np.float32)

    def judge(self, vectors: Vectors) -> dict[str, float]:
        raise NotImplementedError


class Ppi(Study):
    walks_per_node = 10
    p = 4.0

    def __init__(self, data: Labelled) -> None:
        super().__init__()
        self.graph, self.labels = data
        self.engines["GRAPE"] = self.grape

    def grape(self, seed: int) -> Vectors:
        model = ensmallen_skipgram(
            walk_length=LENGTH, walks_per_node=self.walks_per_node, seed=seed, p=self.p, q=self.q, **SETTINGS
        )
        loops = self.graph.edges()
        without = gr.as_graph(loops[:, loops[0] != loops[1]], num_nodes=self.graph.num_nodes, directed=False)
        return np.asarray(model.fit_transform(ensmallen_graph(without))[0])

    def judge(self, vectors: Vectors) -> dict[str, float]:
        table = gr.evaluate.node_classification(
            vectors, self.labels, ratios=[0.5], repeats=10, majority=False, n_jobs=1
        )
        return {"micro-F1": float(table.mean("micro_f1")[0]), "macro-F1": float(table.mean("macro_f1")[0])}


class Debian(Study):
    walks_per_node = 4

    def __init__(self) -> None:
        super().__init__()
        self.data = gr.datasets.load("debian")
        self.graph = self.data.split.graph

    def judge(self, vectors: Vectors) -> dict[str, float]:
        split = self.data.label_split
        table = gr.evaluate.node_classification(
            vectors, self.data.graph.y, train=split.train, test=split.test, majority=False, n_jobs=1
        )
        sections = {"accuracy": float(table.mean("accuracy")[0]), "macro-F1": float(table.mean("macro_f1")[0])}
        return {**sections, **link_scores(vectors, self.data.split, "test")}


def summary(runs: list[dict[str, Any]]) -> dict[str, dict[str, dict[str, float]]]:
    """Mean and unbiased deviation over seeds, and the paired difference to gensim with its standard error."""
    by_engine: dict[str, dict[int, dict[str, float]]] = {}
    for run in runs:
        by_engine.setdefault(run["engine"], {})[run["seed"]] = run["scores"]
    table: dict[str, dict[str, dict[str, float]]] = {}
    for engine, seeds in by_engine.items():
        if len(seeds) < 2:
            continue
        table[engine] = {}
        for metric in next(iter(seeds.values())):
            values = np.array([scores[metric] for scores in seeds.values()])
            cell = {"mean": float(values.mean()), "sd": float(values.std(ddof=1)), "seeds": len(values)}
            both = sorted(seeds.keys() & by_engine.get(BASE, {}).keys())
            if engine != BASE and len(both) > 1:
                gap = np.array([seeds[seed][metric] - by_engine[BASE][seed][metric] for seed in both])
                cell |= {"difference": float(gap.mean()), "standard_error": float(gap.std(ddof=1) / len(both) ** 0.5)}
            table[engine][metric] = cell
    return table


def results(runs: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "environment": environment(["gensim", "ensmallen", "grape"]),
        "settings": {**SETTINGS, "walk_nodes": LENGTH, "noise_rows": 20},
        "summary": {
            data: summary([run for run in runs if run["data"] == data])
            for data in dict.fromkeys(run["data"] for run in runs)
        },
        "runs": runs,
    }


def print_summary(data: str, table: dict[str, dict[str, dict[str, float]]]) -> None:
    if not table:
        return
    metrics = list(next(iter(table.values())))
    rows = [
        (
            engine,
            *(
                f"{cell['mean']:.4f} ± {cell['sd']:.4f}"
                + (f" ({cell['difference']:+.4f} ± {cell['standard_error']:.4f})" if "difference" in cell else "")
                for cell in scores.values()
            ),
        )
        for engine, scores in table.items()
    ]
    print(f"\n{data}: mean ± deviation over seeds (difference to {BASE} ± its standard error)")
    print_table(("", *metrics), rows)


if __name__ == "__main__":
    main()
