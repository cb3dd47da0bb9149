"""The work of ``graphrep linkpred --config``: models with their published settings on the data sets of OGB.

A configuration is a file in the folder ``configs`` beside this one.
"""

from __future__ import annotations

import json
import statistics
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from graphrep.datasets import LinkSplit
    from graphrep.graph import Graph

CONFIGS = Path(__file__).parent / "configs"
SEEDS = 10  # as OGB asks
_CHUNK = 1 << 22  # pairs to score at a time
_TRAINED = "Training edges alone are trained on and are the graph; validation edges choose the epoch."
_AT_TEST = f"{_TRAINED} At test time they are part of the graph, as OGB allows for this data set alone."
_WITHOUT = f"{_TRAINED} They are not part of the graph at test time."

Settings = dict[str, Any]


def names() -> list[str]:
    """Names of the configurations."""
    return sorted(path.stem for path in CONFIGS.glob("*.json"))


def read(name: str) -> Settings:
    """Settings of a configuration."""
    if name not in names():
        raise ValueError(f"--config must be list or one of {', '.join(names())}; got {name!r}.")
    settings: Settings = json.loads((CONFIGS / f"{name}.json").read_text(encoding="utf-8"))
    return settings


def table() -> str:
    """All configurations: what is published, and what is known about time and memory."""
    from graphrep.evaluate.tables import format_table

    def row(name: str) -> list[str]:
        settings = read(name)
        expected = settings["expected"]
        return [name, settings["dataset"], *settings["metrics"], settings["published"] or "-", *expected.values()]

    head = ["", "data set", "metric", "published, %", "time of a seed", "memory"]
    notes = "\n".join(f"{name}: {read(name)['note']} {protocol(read(name))}" for name in names())
    return f"{format_table(head, [row(name) for name in names()])}\n\n{notes}"


def protocol(settings: Settings) -> str:
    """What the edges of validation are used for."""
    return _AT_TEST if settings.get("valid_at_test") else _WITHOUT


def read_split(settings: Settings, root: Path | None) -> LinkSplit:
    """The data set's own split."""
    from graphrep import datasets

    split = datasets.load(settings["dataset"], root=root).split
    assert split is not None
    return split


def fit(settings: Settings, split: LinkSplit, seed: int, start: Any = None, **options: Any) -> Any:
    """The model of a configuration, trained on the training edges as they are listed, repeats included."""
    from graphrep import linkpred

    kind = getattr(linkpred, settings["estimator"])
    model = kind(metric=settings["metrics"][0], random_state=seed, **settings["parameters"] | options)
    return model.fit(split.graph.to_undirected(), split.train, val=split, start=start)


def test_metrics(settings: Settings, model: Any, split: LinkSplit) -> dict[str, float]:
    """Metrics of a fitted model on the test edges."""
    if not settings.get("valid_at_test"):
        return _metrics(settings, model.score_pairs, split)
    graph = _test_graph(settings, split)
    return _metrics(settings, lambda pairs: model.score_pairs(pairs, graph=graph), split)


def untrained_metrics(settings: Settings, split: LinkSplit) -> dict[str, dict[str, float]]:
    """The same of local scores in the same graph, by their names."""
    from graphrep import heuristics

    graph = _test_graph(settings, split)
    scores = {
        "common neighbors": heuristics.common_neighbors,
        "Adamic-Adar": heuristics.adamic_adar,
        "resource allocation": heuristics.resource_allocation,
    }
    return {name: _metrics(settings, partial(score, graph), split) for name, score in scores.items()}


def _test_graph(settings: Settings, split: LinkSplit) -> Graph:
    """The training edges, with the validation edges if the rules allow them when test edges are scored."""
    return (split.graph_with_valid if settings.get("valid_at_test") else split.graph).to_undirected()


def study(
    name: str,
    seeds: list[int],
    *,
    root: Path | None = None,
    output: Path | None = None,
    report: Callable[[str], None] = print,
    **options: Any,
) -> dict[str, Any]:
    """Fit a configuration with every seed that ``output`` does not hold yet, and sum up.

    ``options`` replace parameters of the configuration. ``output`` is written after every seed.
    """
    options = {key: value for key, value in options.items() if value is not None}
    settings = read(name)
    device, threads = options.pop("device", None), options.pop("n_jobs", None)
    settings["parameters"] |= options
    runs = _earlier(output, name, settings)
    split = read_split(settings, root)
    untrained = untrained_metrics(settings, split)
    found: dict[str, Any] = {}
    for seed in seeds:
        if seed not in [run["seed"] for run in runs]:
            run = _run(settings, split, seed, {"device": device, "n_jobs": threads})
            runs.append(run)
            values = [100 * run[part][settings["metrics"][0]] for part in ("test", "valid")]
            report(f"seed {seed}: test {values[0]:.2f}, validation {values[1]:.2f}, {run['seconds']:.0f} s")
        chosen = [run for run in runs if run["seed"] in seeds]
        found = summary(name, settings, chosen, device) | {"untrained": untrained, "runs": runs}
        if output is not None:
            _write(output, found)
    return found


def summary(name: str, settings: Settings, runs: list[dict[str, Any]], device: str | None) -> dict[str, Any]:
    """What OGB's form for results asks for: mean, unbiased standard deviation, parameters, hardware."""

    def spread(part: str) -> dict[str, float | None]:
        values = [run[part][settings["metrics"][0]] for run in runs]
        return {
            "mean": statistics.fmean(values),
            "std": statistics.stdev(values) if len(values) > 1 else None,
        }

    return {
        "config": name,
        "dataset": settings["dataset"],
        "method": settings["name"],
        "metric": settings["metrics"][0],
        "test": spread("test"),
        "valid": spread("valid"),
        "parameters": runs[0]["parameters"],
        "seeds": sorted(run["seed"] for run in runs),
        "hardware": hardware(device),
        "protocol": protocol(settings),
        "settings": settings,
    }


def hardware(device: str | None) -> str:
    """Name of the GPU or processor, and versions."""
    import torch

    from graphrep.bench.engine import package_version, processor

    gpu = device is not None and torch.device(device).type == "cuda"
    unit = torch.cuda.get_device_name(device) if gpu else f"{processor()}, {torch.get_num_threads()} threads"
    return f"{unit}; {', '.join(f'{package} {package_version(package)}' for package in ('graphrep', 'torch'))}"


def lines(found: Mapping[str, Any]) -> Iterator[str]:
    """The summary to print."""

    def spread(part: str) -> str:
        deviation = "" if found[part]["std"] is None else f" ± {100 * found[part]['std']:.2f}"
        return f"{100 * found[part]['mean']:.2f}{deviation}"

    settings, count = found["settings"], len(found["seeds"])
    rows = {
        "data set": f"{found['dataset']}, {found['metric']} in %",
        "method": found["method"],
        "test": spread("test"),
        "validation": spread("valid"),
        "published": settings["published"] or "-",
        "untrained": ", ".join(
            f"{name} {100 * scores[found['metric']]:.2f}" for name, scores in found["untrained"].items()
        ),
        "parameters": f"{found['parameters']:,}",
        "seeds": ", ".join(map(str, found["seeds"])),
        "hardware": found["hardware"],
        "protocol": found["protocol"],
        "note": settings["note"],
    }
    yield from (f"{title:<12}{value}" for title, value in rows.items())
    if count < SEEDS:
        yield f"OGB asks for {SEEDS} seeds, 0 to {SEEDS - 1}; this is {count}."


def _run(settings: Settings, split: LinkSplit, seed: int, options: dict[str, Any]) -> dict[str, Any]:
    began = time.perf_counter()
    start = fit(read(settings["start"]), split, seed, **options) if "start" in settings else None
    model = fit(settings, split, seed, start, **options)
    seconds = time.perf_counter() - began
    best = model.history_[model.best_epoch_ - 1]
    return {
        "seed": seed,
        "test": test_metrics(settings, model, split),
        "valid": {metric: best[metric] for metric in settings["metrics"]},
        "epoch": model.best_epoch_,
        "epochs": len(model.history_),
        "parameters": model.num_parameters_,
        "seconds": seconds,
    }


def _metrics(settings: Settings, score: Callable[[Any], Any], split: LinkSplit) -> dict[str, float]:
    from graphrep.evaluate import link_metrics

    values = link_metrics(_scores(score, split.test), _scores(score, split.test_neg), settings["metrics"])
    return {metric: float(value) for metric, value in values.items()}


def _scores(score: Callable[[Any], Any], pairs: Any) -> Any:
    """Scores of pairs of any shape (2, ...), some millions at a time."""
    import numpy as np

    flat = pairs.reshape(2, -1)
    parts = [score(flat[:, begin : begin + _CHUNK]) for begin in range(0, flat.shape[1], _CHUNK)]
    return np.concatenate(parts).reshape(pairs.shape[1:])


def _earlier(output: Path | None, name: str, settings: Settings) -> list[dict[str, Any]]:
    """Runs that ``output`` holds; ValueError if they have other settings."""
    if output is None or not output.exists():
        return []
    try:
        found = json.loads(output.read_text(encoding="utf-8"))
        same, runs = found["settings"] == settings, found["runs"]
    except (ValueError, KeyError, TypeError):
        raise ValueError(f"{output} holds no results of graphrep linkpred --config; give another --output.") from None
    if not same:
        raise ValueError(f"{output} holds results of other settings than those of {name}; give another --output.")
    earlier: list[dict[str, Any]] = runs
    return earlier


def _write(output: Path, found: dict[str, Any]) -> None:
    from graphrep.io.atomic import replacing

    with replacing(output) as temporary:
        temporary.write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
