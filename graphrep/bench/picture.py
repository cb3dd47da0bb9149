"""Quality against processor seconds, a panel per task."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from graphrep._pictures import check_picture, half_sizes, save_picture, spread

if TYPE_CHECKING:
    import os

    from graphrep.bench.results import Benchmark

__all__ = ["draw"]

_SIZE = 8.0  # of labels, in points
_LEAST = 1e-3  # seconds; shorter fits stand at the left edge


class _Label(NamedTuple):
    """A name beside a point."""

    text: str
    x: float
    y: float
    color: str


def draw(found: Benchmark, path: str | os.PathLike[str]) -> None:
    """Write the picture whole or not at all."""
    check_picture(path)
    from matplotlib.figure import Figure

    from graphrep.bench.results import NAMES

    tasks = [task for task in found.tasks if any(cell.runs for cell in found.of_task(task))]
    if not tasks:
        raise ValueError("there is nothing to draw: no cell is done.")
    figure = Figure(figsize=(5.2 * len(tasks), 4.6), layout="constrained")
    panels = figure.subplots(1, len(tasks), squeeze=False)[0]
    labels = []
    for axes, task in zip(panels, tasks, strict=True):
        metric = found.first_metric(task)
        labels.append(_panel(axes, found, task, metric))
        axes.set_title(task)
        axes.set_xlabel("CPU seconds of a fit")
        axes.set_ylabel(NAMES.get(metric, metric))
    figure.suptitle(str(found.graph.get("name") or ""))
    figure.draw_without_rendering()  # places the panels
    for axes, texts in zip(panels, labels, strict=True):
        _write_labels(axes, texts)
    save_picture(figure, path)


def _panel(axes: Any, found: Benchmark, task: str, metric: str) -> list[_Label]:
    """Draw the points of a task; returns their labels."""
    axes.set_xscale("log")
    axes.grid(visible=True, alpha=0.3)
    labels = []
    for cell in found.of_task(task):
        mean, std = cell.mean(metric), cell.std(metric)
        if cell.state != "done" or math.isnan(mean):
            continue
        x = max(cell.seconds(), _LEAST)
        color, marker = ("0.45", "s") if cell.baseline else ("C0", "o")
        axes.errorbar(x, mean, yerr=0 if math.isnan(std) else std, fmt=marker, color=color, capsize=2, markersize=5)
        labels.append(_Label(cell.learner, x, mean, color))
    if labels:
        places = [math.log10(label.x) for label in labels]
        # Margins of matplotlib are a share of the span, which is next to nothing where fits take equally long.
        margin = max(0.25 * (max(places) - min(places)), 0.5)
        axes.set_xlim(10 ** (min(places) - margin), 10 ** (max(places) + margin))
    return labels


def _write_labels(axes: Any, labels: list[_Label]) -> None:
    """Write the labels to the upper right of their points, moved where they would cover each other."""
    if not labels:
        return
    points = 72 / axes.figure.dpi
    at = axes.transData.transform([(label.x, label.y) for label in labels]) * points
    halves = half_sizes([label.text for label in labels], _SIZE) * (1, 0.8)
    box = axes.get_window_extent()
    wanted = at + halves * (1, 0) + (3, 7)
    placed = spread(wanted, halves, np.array([[box.x0, box.y0], [box.x1 + 200, box.y1]]) * points)
    for label, anchor, place in zip(labels, at, placed, strict=True):
        axes.annotate(
            label.text, (label.x, label.y), xytext=place - anchor, textcoords="offset points", ha="center",
            va="center", fontsize=_SIZE, color=label.color, annotation_clip=False, parse_math=False,
        )  # fmt: skip
