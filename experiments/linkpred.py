"""Link prediction by GAE, NCN and NCNC: a row per configuration, beside what needs no training.

    python experiments/linkpred.py ncn_cora ncnc_cora --root data/planetoid --seeds 10

Cora and Citeseer by the protocol of the NCN paper: for every seed a new 70/10/20 split of the edges, the training edges
alone as the graph, the epoch chosen by the validation pairs, Hits@100 of the test edges against as many pairs that are
no edges. Validation edges are never trained on nor part of the test graph. Mean and unbiased standard deviation over
seeds; time of a fit and of an epoch, evaluation included. Beside the learned rows: common neighbours, Adamic-Adar,
resource allocation and propagated features, scored on the same splits.

Runs are added to experiments/results/linkpred_DATASET.json one by one; those that are there are not repeated
(``--again`` does), so that a long table can be made in parts.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml

import graphrep as gr

sys.path.insert(0, str(Path(__file__).parent / "bench"))
from _harness import RESULTS, environment, print_table, write_results

CONFIGS = Path(__file__).parent / "configs" / "linkpred"


def main() -> None:
    parser = argparse.ArgumentParser(description="Link prediction by GAE, NCN and NCNC.")
    parser.add_argument("configs", nargs="+", help="names under experiments/configs/linkpred")
    parser.add_argument("--root", help="folder of the data sets; default: where graphrep looks for them")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--minutes", type=float, default=float("inf"), help="start no run after this time")
    parser.add_argument("--again", action="store_true")
    options = parser.parse_args()
    deadline = time.monotonic() + 60 * options.minutes
    for config in options.configs:
        settings = yaml.safe_load((CONFIGS / f"{config}.yaml").read_text(encoding="utf-8"))
        study(config, settings, options, deadline)


def study(config: str, settings: dict[str, Any], options: argparse.Namespace, deadline: float) -> None:
    name = f"linkpred_{settings['dataset']}"
    path = RESULTS / f"{name}.json"
    saved = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {"runs": []}
    runs = [run for run in saved["runs"] if not (options.again and run["config"] == config)]
    graph = gr.datasets.load(settings["dataset"], root=options.root).graph
    print(f"{config}: {graph}")
    for seed in range(options.seeds):
        split = gr.evaluate.ncn_link_split(graph, seed=seed)
        done = {(run["config"], run["seed"]) for run in runs}
        if ("untrained", seed) not in done:
            runs += [{"config": "untrained", "seed": seed, **row} for row in untrained(split, settings["metrics"])]
        if (config, seed) not in done and time.monotonic() < deadline:
            runs.append({"config": config, "seed": seed, **fitted(settings, split, seed)})
            print(
                seed,
                {key: value for key, value in runs[-1].items() if key not in ("config", "seed", "model")},
                flush=True,
            )
        write_results(name, {"environment": environment(), "protocol": __doc__, "runs": runs, "table": table(runs)})
    print_table(
        ("", "seeds", *(metric for metric in settings["metrics"]), "published", "s per epoch"),
        [
            (
                row["model"],
                row["seeds"],
                *(
                    f"{100 * row[metric]['mean']:.2f} ± {100 * row[metric]['std']:.2f}"
                    for metric in settings["metrics"]
                ),
                row.get("published", ""),
                f"{row['seconds_per_epoch']:.3f}" if "seconds_per_epoch" in row else "",
            )
            for row in table(runs)
        ],
    )
    print(path)


def fitted(settings: dict[str, Any], split: Any, seed: int) -> dict[str, Any]:
    metric = settings["metrics"][0]
    model = getattr(gr.linkpred, settings["estimator"])(metric=metric, random_state=seed, **settings["parameters"])
    begin = time.perf_counter()
    model.fit(split.graph, val=split)
    seconds = time.perf_counter() - begin
    scores = gr.evaluate.link_metrics(
        model.score_pairs(split.test), model.score_pairs(split.test_neg), settings["metrics"]
    )
    return {
        "model": settings["name"],
        "published": settings.get("published", ""),
        "scores": {name: float(value) for name, value in scores.items()},
        "valid": model.history_[model.best_epoch_ - 1][metric],
        "epoch": model.best_epoch_,
        "parameters": model.num_parameters_,
        "seconds": seconds,
        "seconds_per_epoch": seconds / len(model.history_),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "threads": torch.get_num_threads(),
    }


def untrained(split: Any, metrics: list[str]) -> list[dict[str, Any]]:
    graph = split.graph
    x = gr.evaluate.propagate(graph, graph.x, hops=2)
    x = x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12)
    scorers = {
        "common neighbours": lambda pairs: gr.linkpred.common_neighbors(graph, pairs),
        "Adamic-Adar": lambda pairs: gr.linkpred.adamic_adar(graph, pairs),
        "resource allocation": lambda pairs: gr.linkpred.resource_allocation(graph, pairs),
        "propagated features, cosine": lambda pairs: (x[pairs[0]] * x[pairs[1]]).sum(1),
    }
    rows = []
    for name, score in scorers.items():
        scores = gr.evaluate.link_metrics(score(split.test), score(split.test_neg), metrics)
        rows.append({"model": f"{name} (untrained)", "scores": {key: float(value) for key, value in scores.items()}})
    return rows


def table(runs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    rows = []
    for model in dict.fromkeys(run["model"] for run in runs):
        own = [run for run in runs if run["model"] == model]
        row: dict[str, Any] = {"model": model, "seeds": len(own), "published": own[0].get("published", "")}
        for metric in own[0]["scores"]:
            values = [run["scores"][metric] for run in own]
            row[metric] = {
                "mean": statistics.fmean(values),
                "std": statistics.stdev(values) if len(values) > 1 else 0.0,
            }
        if "seconds_per_epoch" in own[0]:
            row["seconds_per_epoch"] = statistics.median(run["seconds_per_epoch"] for run in own)
            row["peak_mb"] = max(run["peak_mb"] for run in own)
            row["parameters"] = own[0]["parameters"]
        rows.append(row)
    return rows


if __name__ == "__main__":
    main()
