"""Link prediction by GAE, NCN and NCNC: a result file per configuration, and a table of all results.

    python experiments/linkpred.py ncn_cora ncnc_cora untrained_cora --root data/planetoid --seeds 10
    python experiments/linkpred.py ncn_ddi --root data --seeds 1 --time-limit 40   # a learning curve; rerun to go on
    python experiments/linkpred.py gae_cora --root data/planetoid --tune 30        # by validation only
    python experiments/linkpred.py --table --draw

A configuration is a YAML file under experiments/configs/linkpred, or one of those of ``graphrep linkpred --config``,
whose results can be made by that command as well. Its runs are added to
experiments/results/linkpred_CONFIG.json one by one; existing runs are not repeated unless ``--again`` is given, so that
a long table can be computed in parts. Each run has a folder under --runs with settings, versions, ``metrics.jsonl``
and, if a time limit interrupted the fit, a checkpoint.

``--tune N`` draws N settings from the lists under ``search`` of a configuration, fits each on the splits of three
seeds, and writes all of them with their validation values to experiments/results/linkpred_CONFIG_tune.json. The setting
with the best mean, unless it is that of CONFIG, is written to experiments/configs/linkpred/CONFIG_tuned.yaml. A setting
that is far worse on the first split is skipped. Test edges are not scored. Settings in the file are not fitted again
if the file belongs to the same search.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import yaml

import graphrep as gr
from graphrep.cli import published

sys.path.insert(0, str(Path(__file__).parent / "bench"))
from _harness import RESULTS, environment, write_results
from _link_data import ALWAYS, PROTOCOLS, split_of
from _runs import PeakMemory, Run

if TYPE_CHECKING:
    from collections.abc import Iterator

CONFIGS = Path(__file__).parent / "configs" / "linkpred"
TABLE = RESULTS / "linkpred.md"
CURVES = RESULTS / "linkpred_curves.png"
TUNING_SPLITS = 3
HOPELESS = 0.02  # of the metric below the first trial on the first split


def main() -> None:
    parser = argparse.ArgumentParser(description="Link prediction by GAE, NCN and NCNC.")
    parser.add_argument("configs", nargs="*", help="names under experiments/configs/linkpred")
    parser.add_argument("--root", help="folder of the data sets; default: where graphrep looks for them")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=float("inf"), help="start no run after this time")
    parser.add_argument(
        "--time-limit", type=float, help="minutes of training per run; the next call goes on from there"
    )
    parser.add_argument("--again", action="store_true", help="repeat runs that are there")
    parser.add_argument("--runs", type=Path, default=Path("runs") / "linkpred", help="folder of the run folders")
    parser.add_argument("--tensorboard", action="store_true")
    parser.add_argument("--device")
    parser.add_argument("--tune", type=int, metavar="N", help="search the settings instead")
    parser.add_argument("--table", action="store_true", help=f"write {TABLE.name} from all result files")
    parser.add_argument("--draw", action="store_true", help=f"write {CURVES.name}: runs that a time limit has cut")
    options = parser.parse_args()
    deadline = time.monotonic() + 60 * options.minutes
    for config in options.configs:
        if options.tune:
            tune(config, options)
        else:
            study(config, options, deadline)
    if options.table:
        write_table()
    if options.draw:
        draw()


def read_config(config: str) -> dict[str, Any]:
    path = CONFIGS / f"{config}.yaml"
    if not path.exists():
        if config in published.names():
            return published.read(config)
        names = ", ".join(sorted([*(file.stem for file in CONFIGS.glob("*.yaml")), *published.names()]))
        raise SystemExit(f"there is no configuration {config}; those there are: {names}")
    settings: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return settings


def study(config: str, options: argparse.Namespace, deadline: float) -> None:
    """Add the missing runs to the result file of a configuration."""
    settings, name = read_config(config), f"linkpred_{config}"
    path = RESULTS / f"{name}.json"
    runs = [] if options.again or not path.exists() else json.loads(path.read_text(encoding="utf-8"))["runs"]
    for seed in range(options.first_seed, options.first_seed + options.seeds):
        if any(run["seed"] == seed and run["complete"] for run in runs) or time.monotonic() > deadline:
            continue
        split = split_of(settings, seed, options.root)
        make = untrained if settings["estimator"] == "untrained" else fitted
        runs = [run for run in runs if run["seed"] != seed] + make(config, settings, split, seed, options)
        for run in runs:
            if run["seed"] == seed:
                print(config, {key: value for key, value in run.items() if key != "curve"}, flush=True)
        always = published.protocol(settings) if settings.get("valid_at_test") else ALWAYS
        statement = f"{PROTOCOLS[settings['protocol']]} {always} Mean and unbiased standard deviation over seeds."
        write_results(
            name,
            {
                "environment": environment(),
                "protocol": statement,
                "config": settings,
                "runs": runs,
                "table": summary(runs),
            },
        )
    print(path)


def estimator(settings: dict[str, Any], seed: int, **more: Any) -> Any:
    module: Any = gr.linkpred
    if settings["estimator"] == "PlainGCN":
        import _plain_gcn as module
    kind = getattr(module, settings["estimator"])
    return kind(metric=settings["metrics"][0], random_state=seed, **settings["parameters"], **more)


def fitted(
    config: str, settings: dict[str, Any], split: Any, seed: int, options: argparse.Namespace
) -> list[dict[str, Any]]:
    """One run."""
    limited = options.time_limit is not None
    run = Run(options.runs / config / f"seed{seed}", settings, keep=limited, tensorboard=options.tensorboard)
    more: dict[str, Any] = {"callbacks": run.callbacks, "device": options.device}
    if limited:
        more |= {"checkpoint": run.checkpoint, "max_seconds": 60 * options.time_limit}
    start = None
    if "start" in settings:  # parameters of another configuration's fit with the same seed
        other = read_config(settings["start"])
        first = Run(options.runs / settings["start"] / f"seed{seed}", other, keep=True, tensorboard=False)
        start = estimator(other, seed, device=options.device, checkpoint=first.checkpoint, callbacks=first.callbacks)
        start.fit(split.graph.to_undirected(), split.train, val=split)
    model = estimator(settings, seed, **more)
    with PeakMemory(options.device) as memory:
        begin = time.perf_counter()
        model.fit(split.graph.to_undirected(), split.train, val=split, start=start)
        seconds = time.perf_counter() - begin
    curve = run.curve()
    begin = time.perf_counter()
    scores = published.test_metrics(settings, model, split)
    return [
        {
            "model": settings["name"],
            "seed": seed,
            "complete": not run.checkpoint.exists(),
            "scores": scores,
            "valid": model.history_[model.best_epoch_ - 1][settings["metrics"][0]],
            "epoch": model.best_epoch_,
            "epochs": len(model.history_),
            "parameters": model.num_parameters_,
            "seconds": seconds,
            "seconds_per_epoch": statistics.median(record["seconds"] for record in curve),
            "seconds_to_test": time.perf_counter() - begin,
            "peak_mb": memory.mb,
            "threads": torch.get_num_threads(),
            "device": options.device or "cpu",
            "curve": curve if limited else [],
        }
    ]


def untrained(
    config: str,  # noqa: ARG001
    settings: dict[str, Any],
    split: Any,
    seed: int,
    options: argparse.Namespace,  # noqa: ARG001
) -> list[dict[str, Any]]:
    """Scores that need no training, and a linear model."""
    graph = split.graph
    scorers = {
        "common neighbors": lambda pairs: gr.heuristics.common_neighbors(graph, pairs),
        "Adamic-Adar": lambda pairs: gr.heuristics.adamic_adar(graph, pairs),
        "resource allocation": lambda pairs: gr.heuristics.resource_allocation(graph, pairs),
    }
    if graph.x is not None:
        x = gr.evaluate.smooth_features(graph, graph.x, hops=2)
        x = x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12)
        scorers["propagated features, cosine"] = lambda pairs: (x[pairs[0]] * x[pairs[1]]).sum(1)
    rows = []
    for name, score in scorers.items():
        negatives = score(split.test_neg.reshape(2, -1)).reshape(split.test_neg.shape[1:])
        values = gr.evaluate.link_metrics(score(split.test), negatives, settings["metrics"])
        scores = {key: float(value) for key, value in values.items()}
        rows.append({"model": f"{name} (untrained)", "seed": seed, "complete": True, "scores": scores})
    act = gr.NetInfoFAct(metric=settings["metrics"][0], random_state=seed).fit(graph, val=split)
    negatives = act.score_pairs(split.test_neg.reshape(2, -1)).reshape(split.test_neg.shape[1:])
    values = gr.evaluate.link_metrics(act.score_pairs(split.test), negatives, settings["metrics"])
    scores = {key: float(value) for key, value in values.items()}
    rows.append({"model": "NetInfoF Act (linear)", "seed": seed, "complete": True, "scores": scores})
    return rows


def summary(runs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A row per model: mean and unbiased standard deviation over its runs."""
    rows = []
    for model in dict.fromkeys(run["model"] for run in runs):
        own = [run for run in runs if run["model"] == model]
        row: dict[str, Any] = {"model": model, "seeds": [run["seed"] for run in own]}
        row["complete"] = all(run["complete"] for run in own)
        for metric in own[0]["scores"]:
            values = [run["scores"][metric] for run in own]
            deviation = statistics.stdev(values) if len(values) > 1 else None
            row[metric] = {"mean": statistics.fmean(values), "std": deviation}
        if "seconds_per_epoch" in own[0]:
            row["seconds_per_epoch"] = min(run["seconds_per_epoch"] for run in own)  # of the least disturbed run
            row["threads"] = own[0]["threads"]
            row["peak_mb"] = max(run["peak_mb"] for run in own)
            row["parameters"] = own[0]["parameters"]
        rows.append(row)
    return rows


def results() -> Iterator[tuple[Path, dict[str, Any]]]:
    """Results written by :func:`study`, without those of searches and other scripts."""
    for path in sorted(RESULTS.glob("linkpred_*.json")):
        content = json.loads(path.read_text(encoding="utf-8"))
        if "config" in content and "table" in content:
            yield path, content


def write_table() -> None:
    """All result files as Markdown, a section per data set and protocol."""
    sections: dict[tuple[str, str], list[str]] = {}
    scores: dict[tuple[str, str], dict[str, dict[int, float]]] = {}
    for path, content in results():
        settings = content["config"]
        title = settings["dataset"] + (", structure only" if settings.get("structure_only") else "")
        title += {"heart": ", split and negatives of HeaRT", "hard": ", hard negatives"}.get(settings["protocol"], "")
        lines = sections.setdefault((title, content["protocol"]), [])
        for run in content["runs"]:
            of_model = scores.setdefault((title, content["protocol"]), {}).setdefault(run["model"], {})
            of_model[run["seed"]] = 100 * run["scores"][settings["metrics"][0]]
        for row in summary(content["runs"]):
            for metric in settings["metrics"]:
                value, deviation = row[metric]["mean"], row[metric]["std"]
                spread = f" ± {100 * deviation:.2f}" if deviation is not None else ""
                cells = [
                    row["model"] + ("" if row["complete"] else " (cut by a time limit)"),
                    metric,
                    f"{100 * value:.2f}{spread}",
                    settings.get("published", ""),
                    len(row["seeds"]),
                    f"{row['seconds_per_epoch']:.3g} ({row['threads']})" if "seconds_per_epoch" in row else "",
                    f"{row['peak_mb']:.0f}" if "peak_mb" in row else "",
                    path.stem.removeprefix("linkpred_"),
                ]
                lines.append("| " + " | ".join(str(cell) for cell in cells) + " |")
    columns = ("model", "metric", "%", "published", "seeds", "s per epoch (threads)", "peak MB", "configuration")
    head = f"| {' | '.join(columns)} |\n{'|---' * len(columns)}|"
    text = "\n\n".join(
        f"## {title}\n\n{protocol}\n\n{head}\n" + "\n".join(lines) + differences(scores[title, protocol])
        for (title, protocol), lines in sections.items()
    )
    TABLE.write_text(f"# Link prediction\n\n{text}\n", encoding="utf-8")
    print(TABLE)


def differences(scores: dict[str, dict[int, float]], to: str = "NCN") -> str:
    """A sentence with the paired differences between trained models on the same splits."""
    found = []
    for model, values in scores.items():
        shared = [values[seed] - scores[to][seed] for seed in values if seed in scores.get(to, {})]
        if model != to and "untrained" not in model and "linear" not in model and len(shared) > 2:
            error = statistics.stdev(shared) / len(shared) ** 0.5
            found.append(f"{model} {statistics.fmean(shared):+.2f} ± {error:.2f} ({len(shared)} seeds)")
    return f"\n\nAbove {to} on the same splits, mean and its standard error: {'; '.join(found)}." if found else ""


def draw() -> None:
    """Validation metric over minutes of training for every run with a learning curve, and its test metric."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, axis = plt.subplots(figsize=(7, 4), constrained_layout=True)
    for _, content in results():
        settings, metric = content["config"], content["config"]["metrics"][0]
        for run in content["runs"]:
            if not run.get("curve"):
                continue
            minutes = np.cumsum([record["seconds"] for record in run["curve"]]) / 60
            values = [100 * record[metric] for record in run["curve"]]
            (line,) = axis.plot(minutes, values, label=f"{run['model']} on {settings['dataset']}, validation {metric}")
            best = run["epoch"] - 1
            axis.plot(
                minutes[best], 100 * run["scores"][metric], "o", color=line.get_color(), label="test, at the best epoch"
            )
    axis.set_xlabel("minutes of training")
    axis.set_ylabel("%")
    figure.legend(loc="outside lower center", ncols=2, fontsize=8)
    figure.savefig(CURVES, dpi=120)
    print(CURVES)


def trial(
    settings: dict[str, Any], drawn: dict[str, Any], splits: list[Any], least: float, device: str | None
) -> dict[str, Any]:
    """Validation values of a setting on every split, or only on the first if its value is below ``least``."""
    changed, metric = settings | {"parameters": settings["parameters"] | drawn}, settings["metrics"][0]
    values, epochs = [], []
    for seed, split in enumerate(splits):
        model = estimator(changed, seed, device=device).fit(split.graph, val=split)
        values.append(model.history_[model.best_epoch_ - 1][metric])
        epochs.append(model.best_epoch_)
        if values[0] < least:
            break  # the other splits would not make up for it
    return {"parameters": drawn, "valid": statistics.fmean(values), "values": values, "epochs": epochs}


def tune(config: str, options: argparse.Namespace) -> None:
    """Random search by the mean validation value over the first seeds; the first trial is the configuration itself."""
    settings = read_config(config)
    if "search" not in settings:
        raise SystemExit(f"{config}.yaml has no lists under `search` to draw settings from")
    space: dict[str, list[Any]] = settings["search"]
    metric, splits = settings["metrics"][0], [split_of(settings, seed, options.root) for seed in range(TUNING_SPLITS)]
    path = RESULTS / f"linkpred_{config}_tune.json"
    known = json.loads(path.read_text(encoding="utf-8")) if path.exists() and not options.again else {}
    done = known["trials"] if known.get("settings") == settings else []
    rng, trials = np.random.default_rng(0), []
    for number in range(options.tune):
        drawn = {name: values[int(rng.integers(len(values)))] for name, values in space.items()} if number else {}
        if number < len(done):
            trials.append(done[number])
        else:
            least = trials[0]["values"][0] - HOPELESS if trials else -np.inf
            trials.append(trial(settings, drawn, splits, least, options.device))
        print(number, f"{trials[-1]['valid']:.4f}", drawn, flush=True)
        whole = [entry for entry in trials if len(entry["values"]) == len(splits)]
        best = max(whole, key=lambda entry: entry["valid"])
        content = {"config": config, "settings": settings, "metric": metric, "best": best, "trials": trials}
        write_results(f"linkpred_{config}_tune", content)
    if not best["parameters"]:
        print(f"none of {options.tune} settings is better than those of {config}.yaml")
        return
    tuned = {key: value for key, value in settings.items() if key not in ("search", "published")}
    tuned |= {"name": f"{settings['name']}, tuned", "parameters": settings["parameters"] | best["parameters"]}
    text = yaml.safe_dump(tuned, sort_keys=False)
    path = CONFIGS / f"{config}_tuned.yaml"
    path.write_text(
        f"# Best of {options.tune} settings by the mean validation value of {TUNING_SPLITS} splits; all of them in\n"
        f"# results/linkpred_{config}_tune.json.\n{text}",
        encoding="utf-8",
    )
    print(path)


if __name__ == "__main__":
    main()
