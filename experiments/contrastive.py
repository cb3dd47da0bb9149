"""Node vectors without labels: StructComp and full-graph training of four objectives, with untrained baselines.

    python experiments/contrastive.py --dataset cora --root data
    python experiments/contrastive.py --dataset amazon-photo --root data --configs structcomp_sce_half full_sce_half
    python experiments/contrastive.py --dataset debian --configs structcomp_cca-ssg full_cca-ssg --seeds 1
    python experiments/contrastive.py --dataset synthetic-2m --configs structcomp_cca-ssg --seeds 1

Only the evaluation uses labels. The stop rule of each configuration selects the epoch whose weights are used: the
agreement of neighboring clusters for StructComp, the last epoch for full-graph training. Rows are scaled to unit
length. Logistic regression is trained on 20 random nodes per class, its penalty chosen on 500 others, and tested on
the rest (of a fixed sample of 50,000 nodes of larger graphs). Mean and unbiased standard deviation over all splits and
seeds. ``--protocol public`` uses the Planetoid split, ``10/90`` a tenth of the nodes for training and a tenth for
validation.

Configurations that end in "_half" are the defaults of the estimators: half of the columns are untrained features of
several hops. In the others all columns are learned, as published. How the half was chosen: on Cora, Citeseer and Wiki.
The other sets played no part in it.

Every fit runs in a separate process, which reports its end-to-end time (including METIS and inference, excluding
reading the graph; processor time if other programs kept the machine busy) and the increase of its peak resident size.
``--epochs`` limits the training to measure configurations that take too long; such rows are marked.

Runs are added to experiments/results/contrastive_DATASET.json one by one; existing runs are not repeated, except those
named after ``--again`` ("untrained" among them).
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import yaml

import graphrep as gr

sys.path.insert(0, str(Path(__file__).parent / "bench"))
from _graph_files import load_graph
from _harness import LOAD_BEFORE, RESULTS, environment, write_results

CONFIGS = Path(__file__).parent / "configs" / "contrastive"
OBJECTIVES = ("sce", "coles", "grace", "cca-ssg")
KINDS = ("structcomp", "full")
ALL = [f"{kind}_{objective}{half}" for objective in OBJECTIVES for kind in KINDS for half in ("", "_half")]
ALL.remove("full_grace_half")  # its 200 epochs take minutes on the smallest set
STRENGTHS = [2.0**k for k in range(-10, 11, 2)]
MOST_JUDGED = 50_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--dataset", required=True, help="cora, citeseer, amazon-photo, wiki, debian, synthetic-2m, ..."
    )
    parser.add_argument("--root", help="folder of the data sets")
    parser.add_argument("--configs", nargs="*", default=ALL, help="names under experiments/configs/contrastive")
    parser.add_argument("--protocol", choices=("20-per-class", "public", "10/90"), default="20-per-class")
    parser.add_argument("--seeds", type=int, default=5, help="seeds of the training")
    parser.add_argument("--splits", type=int, default=10, help="random splits per seed")
    parser.add_argument("--epochs", type=int, help="train for so many epochs, whatever the configuration says")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="start no run after this time")
    parser.add_argument("--again", nargs="*", default=[], help="configurations, or untrained, to run again")
    parser.add_argument("--run", nargs=4, help=argparse.SUPPRESS)  # config, seed, epochs, file for the vectors
    options = parser.parse_args()
    if options.run:
        fit(options, *options.run)
        return
    deadline = time.monotonic() + 60 * options.minutes
    suffix = {"20-per-class": "", "public": "_public", "10/90": "_10_90"}[options.protocol]
    name = f"contrastive_{options.dataset}{suffix}"
    path = RESULTS / f"{name}.json"
    runs = json.loads(path.read_text(encoding="utf-8"))["runs"] if path.exists() else []
    runs = [run for run in runs if run["config"] not in options.again]
    graph, public = load_graph(options.dataset, options.root)
    rows = judged_rows(graph)
    print(f"{options.dataset}: {graph}", flush=True)

    def note(run: dict[str, Any]) -> None:
        runs.append(run)
        print(f"{run['config']} {run['seed']}: {100 * statistics.fmean(run['accuracy']):.2f}", flush=True)
        payload = {"dataset": options.dataset, "nodes": graph.num_nodes, "edges": graph.num_edges, "runs": runs}
        write_results(name, {"environment": environment(["pymetis"]), "protocol": __doc__, **payload})
        (RESULTS / f"{name}.md").write_text(markdown(options.dataset, graph, runs, options.protocol), encoding="utf-8")

    done = {(run[key], run["seed"]) for run in runs for key in ("config", "name")}
    for seed in range(options.seeds):
        if ("several hops (untrained)", seed) not in done and graph.num_nodes <= 10 * MOST_JUDGED:
            for title, vectors in untrained(graph, seed).items():
                row = f"{title} (untrained)"
                if title != "random" and (row, seed) not in done:
                    accuracy = judge(vectors, graph, rows, public, seed, options)
                    note({"config": "untrained", "name": row, "seed": seed, "accuracy": accuracy})
        for config in options.configs:
            if (config, seed) in done or time.monotonic() > deadline:
                continue
            with tempfile.TemporaryDirectory() as folder:
                file = str(Path(folder) / "vectors.npy")
                settings = [config, str(seed), str(options.epochs or 0), file]
                command = [sys.executable, __file__, "--dataset", options.dataset, "--run", *settings]
                command += ["--root", options.root] if options.root else []
                report = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
                vectors = np.load(file, mmap_mode="r")
                scores = judge(vectors, graph, rows, public, seed, options)
            note({"config": config, "seed": seed, "accuracy": scores, **json.loads(report.splitlines()[-1])})
    print((RESULTS / f"{name}.md").read_text(encoding="utf-8"))


def fit(options: argparse.Namespace, config: str, seed: str, epochs: str, file: str) -> None:
    """One run: writes vectors to a file and prints time and memory as JSON on the last line."""
    settings = yaml.safe_load((CONFIGS / f"{config}.yaml").read_text(encoding="utf-8"))
    graph, _ = load_graph(options.dataset, options.root)
    parameters = settings["parameters"] | (settings.get("datasets") or {}).get(options.dataset, {})
    parameters |= {"epochs": int(epochs)} if int(epochs) else {}
    small = gr.as_graph([[0, 1], [1, 2]], directed=False)  # so that no library is loaded while the clock runs
    getattr(gr, settings["estimator"])(objective=parameters["objective"], dimensions=4, epochs=1, random_state=0).fit(
        small
    )
    model = getattr(gr, settings["estimator"])(**parameters, random_state=int(seed), progress=False)
    before = reset_peak()
    begin, processor = time.perf_counter(), time.process_time()
    model.fit(graph)
    seconds, processor = time.perf_counter() - begin, time.process_time() - processor
    peak = memory("VmHWM")
    np.save(file, model.embedding_)
    report = {
        "name": settings["name"],
        "parameters": parameters,
        "published": (settings.get("published") or {}).get(options.dataset),
        "seconds": seconds,
        "cpu_seconds": processor,
        "busy": LOAD_BEFORE[0] > 1.5 * (os.cpu_count() or 1),
        "parts": {name: round(value, 4) for name, value in getattr(model, "seconds_", {}).items()},
        "epochs": len(model.history_),
        "best_epoch": model.best_epoch_,
        "cut_short": bool(int(epochs)),
        "peak_mb": peak,
        "fit_mb": peak - before,
        "clusters": getattr(model, "n_clusters_", None),
        "rank": gr.contrast.rankme(model.embedding_),
    }
    print(json.dumps(report))


def memory(field: str) -> float:
    """MB of a field of /proc/self/status."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith(field)) / 1024


def reset_peak() -> float:
    """Current resident MB; resets the peak."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    return memory("VmRSS")


def judged_rows(graph: gr.Graph) -> np.ndarray:
    """At most MOST_JUDGED labeled rows."""
    rows = np.flatnonzero(np.asarray(graph.y) >= 0)
    if len(rows) > MOST_JUDGED:
        rows = np.sort(np.random.default_rng(0).choice(rows, MOST_JUDGED, replace=False))
    return rows


def judge(
    vectors: np.ndarray, graph: gr.Graph, rows: np.ndarray, public: Any, seed: int, options: argparse.Namespace
) -> list[float]:
    """Accuracy of every split."""
    how: dict[str, Any] = {"per_class": 20, "num_valid": 500}
    if options.protocol == "10/90":
        how = {"ratios": [0.1], "num_valid": 0.1}
    if options.protocol == "public":
        how = {"train": public.train, "valid": public.valid, "test": public.test}
        rows = np.arange(graph.num_nodes)
    result = gr.evaluate.node_classification(
        np.asarray(vectors[rows]),
        np.asarray(graph.y)[rows],
        repeats=options.splits,
        C=STRENGTHS,
        majority=False,
        normalize="l2",
        random_state=seed,
        **how,
    )
    return [round(float(value), 6) for value in result.scores["accuracy"][0]]


def untrained(graph: gr.Graph, seed: int) -> dict[str, np.ndarray]:
    """Untrained baselines; features of a large graph, and its encoder, have 256 columns."""
    if graph.num_nodes <= MOST_JUDGED:
        sizes = {"max_features": 8192, "dimensions": 512, "components": 256, "encoder": 512}
    else:
        sizes = {"max_features": 256, "dimensions": 256, "encoder": 256}
    found = gr.evaluate.node_baselines(graph, columns_per_hop=128, random_state=seed, **sizes)
    if graph.num_nodes > MOST_JUDGED:
        found = {f"{name}, 256 random columns" if "features" in name else name: x for name, x in found.items()}
    found["several hops"] = found.pop("several hops")  # last: once it is there, all are
    return found


def markdown(dataset: str, graph: gr.Graph, runs: list[dict[str, Any]], protocol: str) -> str:
    """The table, best first."""
    rows = []
    for name in dict.fromkeys(run["name"] for run in runs):
        own = [run for run in runs if run["name"] == name]
        scores = [100 * value for run in own for value in run["accuracy"]]
        deviation = statistics.stdev(scores) if len(scores) > 1 else 0.0
        cells = [f"{statistics.fmean(scores):.2f} ± {deviation:.2f}", str(len(scores))]
        published = own[0].get("published")
        cells.append(f"{published[0]} ± {published[1]}" if published else "")
        if "seconds" in own[0]:
            epochs = sorted(run["best_epoch"] for run in own)
            clock = "cpu_seconds" if any(run.get("busy") for run in own) else "seconds"
            seconds = [run[clock] for run in own if clock in run]
            cells += [
                (f"{statistics.median(seconds):.2f}" if seconds else "")
                + (" CPU" if seconds and clock == "cpu_seconds" else "")
                + (" (cut short)" if own[0]["cut_short"] else ""),
                f"{max(run['fit_mb'] for run in own):.0f}",
                f"{epochs[0]} … {epochs[-1]}" if epochs[0] != epochs[-1] else str(epochs[0]),
            ]
        rows.append((statistics.fmean(scores), name, [*cells, *[""] * (6 - len(cells))]))
    lines = [
        f"# Contrastive training on {dataset}",
        "",
        f"{graph.num_nodes:,} nodes, {graph.num_edges:,} edges. Protocol {protocol}; see experiments/contrastive.py.",
        "Seconds end to end (CPU: of the processor), median over seeds; MB that the peak grew by during the fit,",
        "maximum over seeds.",
        "",
        "| vectors | accuracy % | splits | published | seconds | MB | epoch used |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    lines += [f"| {name} | {' | '.join(cells)} |" for _, name, cells in sorted(rows, reverse=True)]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
