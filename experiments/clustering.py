"""Clustering of ACM and Citeseer by PamC and SCGC, with untrained baselines: a row per configuration.

    python experiments/clustering.py pamc_acm scgc_star_acm scgc_acm --data FOLDER --seeds 10
    python experiments/clustering.py pamc_citeseer scgc_star_citeseer scgc_citeseer --data FOLDER --seeds 10

FOLDER/DATASET/graph.npz holds edge_index, num_nodes, y (negative: unlabeled, excluded from the scores) and the features
as x_indptr, x_indices, x_data, x_shape. All methods start from the same autoencoder for a given seed.

Three ways to choose the epoch, from the same runs:

* last: the last epoch. Quote this result;
* label-free stop: the first epoch after 10 consecutive epochs in which at most 0.1 % of the nodes changed clusters, or
  the last epoch;
* max over epochs: for every metric separately, the epoch where it is highest according to the true labels, as in the
  published results. It uses the labels and is listed only for comparison with them.

The untrained rows are those of graphrep.evaluate.clustering_baselines with its defaults, whose number of hops is chosen
by modularity, and one with k-means on propagated features as they are. Methods that choose the number of clusters
themselves have the median number that stands in brackets.

Mean and unbiased standard deviation over seeds. Seconds are those of the fit without pre-training and scoring; memory
is the increase of the peak resident size during the fit.

Runs are added to experiments/results/clustering_DATASET.json one by one; existing runs are not repeated, except those
named after ``--again`` ("untrained" among them). A table is written to clustering_DATASET.md.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
import torch
import yaml
from sklearn.cluster import KMeans

import graphrep as gr

sys.path.insert(0, str(Path(__file__).parent / "bench"))
from _harness import RESULTS, environment, resident, write_results

CONFIGS = Path(__file__).parent / "configs" / "clustering"
METRICS = {"accuracy": "accuracy", "nmi": "NMI", "ari": "ARI", "macro_f1": "macro-F1"}
STOP_SHARE, STOP_EPOCHS = 0.001, 10


def main() -> None:
    parser = argparse.ArgumentParser(description="Clustering by PamC and SCGC.")
    parser.add_argument("configs", nargs="+", help="names under experiments/configs/clustering")
    parser.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--pretraining-epochs", type=int, default=30)
    parser.add_argument("--epochs", type=int, help="instead of those of the configuration, to try it out")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="start no run after this time")
    parser.add_argument("--untrained-seeds", type=int, default=10)
    parser.add_argument("--again", nargs="*", default=[], help="configurations, or untrained, to run again")
    options = parser.parse_args()
    deadline = time.monotonic() + 60 * options.minutes
    by_dataset: dict[str, dict[str, Any]] = {}
    for config in options.configs:
        settings = yaml.safe_load((CONFIGS / f"{config}.yaml").read_text(encoding="utf-8"))
        if options.epochs is not None:
            settings["parameters"]["epochs"] = options.epochs
        by_dataset.setdefault(settings["dataset"], {})[config] = settings
    for dataset, configs in by_dataset.items():
        study(dataset, configs, options, deadline)


def study(dataset: str, configs: dict[str, Any], options: argparse.Namespace, deadline: float) -> None:
    graph = read(options.data / dataset / "graph.npz")
    clusters = len(np.unique(graph.y[graph.y >= 0]))
    name = f"clustering_{dataset.removesuffix('-clustering')}"
    path = RESULTS / f"{name}.json"
    saved = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {"runs": []}
    runs = [run for run in saved["runs"] if run["config"] not in options.again]
    print(f"{dataset}: {graph}, {clusters} classes")

    def write() -> None:
        rows = table(runs)
        write_results(name, {"environment": environment(), "protocol": __doc__, "runs": runs, "table": rows})
        (RESULTS / f"{name}.md").write_text(markdown(dataset, graph, clusters, runs, rows), encoding="utf-8")

    for seed in range(options.untrained_seeds):
        if ("untrained", seed) not in {(run["config"], run["seed"]) for run in runs}:
            runs[:0] = untrained(graph, clusters, seed)
            runs.sort(
                key=lambda run: (run["config"] != "untrained", run["seed"] if run["config"] == "untrained" else 0)
            )
            write()
    for seed in range(options.seeds):
        done = {(run["config"], run["seed"]) for run in runs}
        missing = [config for config in configs if (config, seed) not in done]
        if not missing or time.monotonic() >= deadline:
            continue
        begin = time.perf_counter()
        autoencoder = gr.cluster.pretrain_autoencoder(
            graph.x, epochs=options.pretraining_epochs, random_state=seed, progress=False
        )
        seconds = time.perf_counter() - begin
        for config in missing:
            run = fitted(configs[config], graph, clusters, autoencoder, seed)
            labels = run.pop("initial_labels")
            if ("autoencoder", seed) not in {(run["config"], run["seed"]) for run in runs}:
                scores = dict(gr.evaluate.clustering(graph.y, labels))
                runs.append(
                    {
                        "config": "autoencoder",
                        "seed": seed,
                        "model": "auto-encoder, k-means",
                        "last": scores,
                        "seconds": seconds,
                        "epochs": options.pretraining_epochs,
                    }
                )
            runs.append({"config": config, "seed": seed, **run})
            print(config, seed, run["last"], f"{run['seconds']:.0f} s", flush=True)
            write()
    print(markdown(dataset, graph, clusters, runs, table(runs)))


def fitted(settings: dict[str, Any], graph: gr.Graph, clusters: int, autoencoder: Any, seed: int) -> dict[str, Any]:
    trace: list[dict[str, float]] = []
    assignments: list[np.ndarray] = []
    scoring = 0.0

    def watch(_: int, __: dict[str, float], model: Any) -> None:
        nonlocal scoring
        begin = time.perf_counter()
        trace.append(dict(gr.evaluate.clustering(graph.y, model.labels_)))
        assignments.append(model.labels_.copy())
        scoring += time.perf_counter() - begin

    model = getattr(gr, settings["estimator"])(
        n_clusters=clusters, random_state=seed, progress=False, callbacks=[watch], **settings["parameters"]
    )
    held = resident(reset=True)
    begin = time.perf_counter()
    model.fit(graph, autoencoder=autoencoder)
    seconds = time.perf_counter() - begin - scoring
    watch(model.n_iter_ + 1, {}, model)  # the assignments after the last step
    stop = settled(assignments)
    return {
        "model": settings["name"],
        "parameters": settings["parameters"],
        "last": trace[-1],
        "label_free_stop": trace[stop],
        "stop_epoch": stop,
        "max_over_epochs": {metric: max(scores[metric] for scores in trace) for metric in METRICS},
        "accuracy_over_epochs": [round(scores["accuracy"], 4) for scores in trace],
        "initial_labels": model.initial_labels_,
        "seconds": seconds,
        "seconds_per_epoch": seconds / max(1, model.n_iter_),
        "epochs": model.n_iter_,
        "peak_mb": (resident("VmHWM") - held) / 1e6,
        "threads": torch.get_num_threads() if model.n_jobs is None else model.n_jobs,
    }


def settled(assignments: list[np.ndarray]) -> int:
    """First epoch at which the assignments have settled, or the last epoch."""
    calm = 0
    for epoch in range(1, len(assignments)):
        changed = float(np.mean(assignments[epoch] != assignments[epoch - 1]))
        calm = calm + 1 if changed <= STOP_SHARE else 0
        if calm == STOP_EPOCHS:
            return epoch
    return len(assignments) - 1


def untrained(graph: gr.Graph, clusters: int, seed: int) -> list[dict[str, Any]]:
    found = gr.evaluate.clustering_baselines(graph, clusters, random_state=seed)
    smooth = gr.evaluate.smooth_features(graph, graph.x, 2)
    plain = KMeans(clusters, n_init=10, random_state=seed).fit_predict(smooth)
    rows = []
    for name, labels in [("propagated features as they are", plain), *found.items()]:
        run = {
            "config": "untrained",
            "seed": seed,
            "model": f"{name} (untrained)",
            "last": dict(gr.evaluate.clustering(graph.y, labels)),
            "clusters": len(np.unique(labels)),
        }
        rows.append(run | ({"hops": found.hops} if name == "propagated features" else {}))
    return rows


def table(runs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    rows = []
    for model in dict.fromkeys(run["model"] for run in runs):
        own = [run for run in runs if run["model"] == model]
        row: dict[str, Any] = {"model": model, "seeds": len(own)}
        for choice in ("last", "label_free_stop", "max_over_epochs"):
            if choice in own[0]:
                row[choice] = {metric: summary([run[choice][metric] for run in own]) for metric in METRICS}
        for key in ("seconds", "seconds_per_epoch", "peak_mb", "stop_epoch", "clusters"):
            if key in own[0]:
                row[key] = statistics.median(run[key] for run in own)
        rows.append(row)
    return rows


def summary(values: list[float]) -> dict[str, float | None]:
    return {"mean": statistics.fmean(values), "std": statistics.stdev(values) if len(values) > 1 else None}


def markdown(
    dataset: str, graph: gr.Graph, clusters: int, runs: list[dict[str, Any]], rows: list[dict[str, Any]]
) -> str:
    names = list(METRICS.values())
    hops = sorted({run["hops"] for run in runs if "hops" in run})
    lines = [
        f"# Clustering of {dataset}",
        "",
        f"{graph.num_nodes:,} nodes, {graph.num_edges:,} edges, {graph.x.shape[1]:,} features, {clusters} classes.",
        "Per cent, mean ± unbiased standard deviation over seeds; seconds and peak memory of the fit, its median.",
        f"Hops of the propagated features, chosen by modularity: {' or '.join(map(str, hops))}.",
        "",
        "At the last epoch:",
        "",
        f"| method | seeds | {' | '.join(names)} | s | ms per epoch | peak MB |",
        "|---|" + "---:|" * (len(names) + 4),
    ]
    for row in rows:
        cost = (f"{row['seconds']:.0f}" if "seconds" in row else "",)
        if "peak_mb" in row:
            cost += (f"{1e3 * row['seconds_per_epoch']:.0f}", f"{row['peak_mb']:.0f}")
        cells = [_cell(row["last"][metric]) for metric in METRICS] + [*cost, "", ""][:3]
        found = round(row.get("clusters", clusters))
        model = row["model"] if found == clusters else f"{row['model']} [{found} clusters]"
        lines.append(f"| {model} | {row['seeds']} | {' | '.join(cells)} |")
    stop = "Where the assignments stop to change (no label is looked at):"
    best = (
        "**Not honest, for comparison with published figures only**: the maximum over all epochs, chosen by the true\n"
        "labels, each metric by itself:"
    )
    for choice, title in (("label_free_stop", stop), ("max_over_epochs", best)):
        lines += ["", title, "", f"| method | {' | '.join(names)} |", "|---|" + "---:|" * len(names)]
        for row in rows:
            if choice in row:
                lines.append(f"| {row['model']} | " + " | ".join(_cell(row[choice][key]) for key in METRICS) + " |")
    return "\n".join(lines) + "\n"


def _cell(score: dict[str, float | None]) -> str:
    mean, std = score["mean"], score["std"]
    return f"{100 * mean:.2f}" if std is None else f"{100 * mean:.2f} ± {100 * std:.2f}"


def read(path: Path) -> gr.Graph:
    with np.load(path, allow_pickle=False) as content:
        x = sp.csr_array(
            (content["x_data"], content["x_indices"], content["x_indptr"]), shape=tuple(content["x_shape"])
        )
        n = int(content["num_nodes"])
        return gr.as_graph(content["edge_index"], num_nodes=n, directed=False, x=x, y=content["y"])


if __name__ == "__main__":
    main()
