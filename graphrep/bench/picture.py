"""Quality against processor seconds, a panel per task."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphrep._pictures import Point, check_picture, draw_points, save_picture, write_labels

if TYPE_CHECKING:
    import os

    from graphrep.bench.results import Benchmark

__all__ = ["draw", "points_of"]


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
        labels.append(draw_points(axes, points_of(found, task, metric)))
        axes.set_title(task)
        axes.set_xlabel("CPU seconds of a fit")
        axes.set_ylabel(NAMES.get(metric, metric))
    figure.suptitle(str(found.graph.get("name") or ""))
    figure.draw_without_rendering()  # places the panels
    for axes, texts in zip(panels, labels, strict=True):
        write_labels(axes, texts, points=True)
    save_picture(figure, path)


def points_of(found: Benchmark, task: str, metric: str, clock: str = "cpu") -> list[Point]:
    """Seconds and quality of each learner whose cell is done."""
    return [
        Point(cell.learner, cell.seconds(clock), cell.mean(metric), cell.std(metric), cell.baseline)
        for cell in found.of_task(task)
        if cell.state == "done"
    ]
