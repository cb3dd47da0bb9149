"""Quality against processor seconds, a panel per task."""

from __future__ import annotations

import importlib.util
import math
from typing import TYPE_CHECKING, Any

from graphrep.io.atomic import replacing
from graphrep.io.paths import check_writable, checked_suffix

if TYPE_CHECKING:
    import os

    from graphrep.bench.results import Benchmark

__all__ = ["check_picture", "draw", "save_picture"]

SUFFIXES = (".png", ".svg", ".pdf")
_LEAST = 1e-3  # seconds; shorter fits stand at the left edge


def check_picture(path: str | os.PathLike[str], *sources: str | os.PathLike[str]) -> str:
    """Suffix of a picture that can be written; an error says what is missing, before anything is computed."""
    suffix = checked_suffix(path, SUFFIXES)
    if importlib.util.find_spec("matplotlib") is None:
        raise ImportError(f"{path}: a picture needs matplotlib; pip install 'graphrep[viz]'.")
    check_writable(path, *sources)
    return suffix


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
    for axes, task in zip(panels, tasks, strict=True):
        metric = found.first_metric(task)
        _panel(axes, found, task, metric)
        axes.set_title(task)
        axes.set_xlabel("CPU seconds of a fit")
        axes.set_ylabel(NAMES.get(metric, metric))
    figure.suptitle(str(found.graph.get("name") or ""))
    save_picture(figure, path)


def save_picture(figure: Any, path: str | os.PathLike[str]) -> None:
    """Write a matplotlib figure whole or not at all, the same bytes each time."""
    import matplotlib as mpl

    suffix = checked_suffix(path, SUFFIXES)
    metadata = {"Date": None} if suffix == ".svg" else {"CreationDate": None} if suffix == ".pdf" else None
    with mpl.rc_context({"svg.hashsalt": "graphrep", "svg.fonttype": "none"}), replacing(path) as temporary:
        figure.savefig(temporary, format=suffix[1:], dpi=150, metadata=metadata)


def _panel(axes: Any, found: Benchmark, task: str, metric: str) -> None:
    axes.set_xscale("log")
    axes.grid(visible=True, alpha=0.3)
    places = []
    for cell in found.of_task(task):
        mean, std = cell.mean(metric), cell.std(metric)
        if cell.state != "done" or math.isnan(mean):
            continue
        x = max(cell.seconds(), _LEAST)
        places.append(math.log10(x))
        color, marker = ("0.45", "s") if cell.baseline else ("C0", "o")
        axes.errorbar(x, mean, yerr=0 if math.isnan(std) else std, fmt=marker, color=color, capsize=2, markersize=5)
        axes.annotate(
            cell.learner, (x, mean), xytext=(5, 4), textcoords="offset points", fontsize=8, color=color,
            annotation_clip=False,
        )  # fmt: skip
    if places:
        # Margins of matplotlib are a share of the span, which is next to nothing where fits take equally long.
        margin = max(0.25 * (max(places) - min(places)), 0.5)
        axes.set_xlim(10 ** (min(places) - margin), 10 ** (max(places) + margin))
