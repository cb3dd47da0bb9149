"""What a benchmark found: cells of learner and task, as tables, Markdown and JSON."""

from __future__ import annotations

import html
import json
import math
import os
import statistics
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from graphrep.bench.tasks import FIRST, Protocol
from graphrep.evaluate.tables import format_table
from graphrep.io.atomic import replacing

__all__ = ["Benchmark", "Cell", "Run", "read_benchmark"]

FORMAT, VERSION = "graphrep bench", 1
STATES = ("done", "skipped", "stopped", "failed")
NAMES = {
    "macro_f1": "macro-F1",
    "micro_f1": "micro-F1",
    "auc": "AUC",
    "mrr": "MRR",
    "nmi": "NMI",
    "ari": "ARI",
}


@dataclass
class Run:
    """One fit and its scores.

    Attributes
    ----------
    seed : int
    wall_seconds, cpu_seconds : float
        Of the fit; processor seconds are summed over all threads.
    scores : dict of str to list of float
        By metric, a value per split.
    """

    seed: int
    wall_seconds: float
    cpu_seconds: float
    scores: dict[str, list[float]]


@dataclass
class Cell:
    """A learner on a task.

    Attributes
    ----------
    learner, task : str
    baseline : bool
    state : {"done", "skipped", "stopped", "failed"}
        Skipped: it cannot serve the graph. Stopped: a fit took longer than ``max_seconds``. Failed: it raised an error.
    reason : str
        Why it is not done.
    settings : dict
        Class and parameters of the learner.
    runs : list of Run
        One per seed.
    peak_mb, fit_mb : float or None
        Largest resident size of the process during its first fit, and by how much that exceeds the size before.
    warnings : list of str
        What the fits warned of.
    """

    learner: str
    task: str
    baseline: bool = False
    state: str = "done"
    reason: str = ""
    settings: dict[str, Any] = field(default_factory=dict)
    runs: list[Run] = field(default_factory=list)
    peak_mb: float | None = None
    fit_mb: float | None = None
    warnings: list[str] = field(default_factory=list)

    def values(self, metric: str) -> list[float]:
        """Values of a metric over all seeds and splits."""
        return [value for run in self.runs for value in run.scores.get(metric, ())]

    def mean(self, metric: str) -> float:
        """Mean of a metric over all seeds and splits; NaN if there is none."""
        values = self.values(metric)
        return statistics.fmean(values) if values else math.nan

    def std(self, metric: str) -> float:
        """Unbiased standard deviation of a metric over all seeds and splits; NaN for fewer than two values."""
        values = self.values(metric)
        return statistics.stdev(values) if len(values) > 1 else math.nan

    def seconds(self, clock: str = "cpu") -> float:
        """Mean seconds of a fit, of all processors ("cpu") or of the clock ("wall")."""
        return statistics.fmean([getattr(run, f"{clock}_seconds") for run in self.runs]) if self.runs else math.nan


@dataclass(repr=False)
class Benchmark:
    """Results of :func:`benchmark`; print it for tables.

    Attributes
    ----------
    graph : dict
        Name, sizes and digest of the graph.
    protocol : Protocol
        What was held fixed.
    cells : list of Cell
    environment : dict
        Processor, system and versions.

    Examples
    --------
    >>> import networkx as nx
    >>> import graphrep as gr
    >>> options = {"tasks": ["links"], "baselines": False}
    >>> found = gr.bench.benchmark(nx.karate_club_graph(), learners=["structcomp"], **options)
    >>> cell = found.cell("structcomp", "links")
    >>> cell.state, cell.reason
    ('skipped', 'it needs node features, which the graph does not have')
    """

    graph: dict[str, Any]
    protocol: Protocol
    cells: list[Cell] = field(default_factory=list)
    environment: dict[str, Any] = field(default_factory=dict)

    @property
    def tasks(self) -> list[str]:
        """Tasks that have a cell."""
        return list(dict.fromkeys(cell.task for cell in self.cells))

    def cell(self, learner: str, task: str) -> Cell | None:
        """The cell of a learner and a task, or None."""
        return next((cell for cell in self.cells if (cell.learner, cell.task) == (learner, task)), None)

    def of_task(self, task: str) -> list[Cell]:
        """Cells of a task: those that are done by their first metric, best first; then the others."""
        mine = [cell for cell in self.cells if cell.task == task]
        first = self.first_metric(task)

        def order(cell: Cell) -> tuple[bool, float]:
            value = cell.mean(first)
            return cell.state != "done", math.inf if math.isnan(value) else -value

        return sorted(mine, key=order)

    def first_metric(self, task: str) -> str:
        """Metric by which the cells of a task are ordered."""
        known = self.metrics(task)
        wanted = "nmi" if task == "clusters" and "nmi" in known else FIRST[task]
        wanted = self.protocol.link_metric or wanted if task == "links" else wanted
        return wanted if wanted in known or not known else known[0]

    def metrics(self, task: str) -> list[str]:
        """Metrics of a task, in the order of the first cell that has any."""
        return next((list(cell.runs[0].scores) for cell in self.cells if cell.task == task and cell.runs), [])

    def __repr__(self) -> str:
        parts = [_sizes(self.graph)]
        for task in self.tasks:
            header, rows = self._table(task)
            text = format_table(header, rows, self._title(task)) if rows else self._title(task)
            parts.append("\n".join([text, *self._notes(task)]))
        return "\n\n".join(parts)

    def _repr_html_(self) -> str:
        parts = [f"<p>{html.escape(_sizes(self.graph))}</p>"]
        for task in self.tasks:
            header, rows = self._table(task)
            lines = ["".join(f"<td>{html.escape(cell)}</td>" for cell in row) for row in rows]
            head = "".join(f"<th>{html.escape(text)}</th>" for text in header)
            body = "".join(f"<tr>{line}</tr>" for line in lines)
            notes = "".join(f"<p>{html.escape(note.strip())}</p>" for note in self._notes(task))
            title = f"<caption>{html.escape(self._title(task))}</caption>"
            parts.append(f"<table>{title}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{notes}")
        return "".join(parts)

    def to_markdown(self) -> str:
        """The tables in Markdown."""
        parts = []
        for task in self.tasks:
            header, rows = self._table(task)
            lines = [self._title(task) + ".", ""]
            lines += ["| " + " | ".join(header) + " |", "|---" + "|---:" * (len(header) - 1) + "|"]
            lines += ["| " + " | ".join(row) + " |" for row in rows]
            notes = [f"* {note.strip()}" for note in self._notes(task)]
            parts.append("\n".join([*lines, *([""] if notes else []), *notes]))
        return "\n\n".join([f"{_sizes(self.graph)}. {self._circumstances()}", *parts]) + "\n"

    def _title(self, task: str) -> str:
        seeds = max((len(cell.runs) for cell in self.cells if cell.task == task), default=0)
        return self.protocol.title(task, seeds, classes="nmi" in self.metrics(task))

    def _table(self, task: str) -> tuple[list[str], list[list[str]]]:
        metrics = self.metrics(task)
        first = self.first_metric(task)
        metrics = sorted(metrics, key=lambda name: name != first)
        header = ["", *(NAMES.get(name, name) for name in metrics), "CPU s", "wall s", "MB of the fit"]
        rows = []
        for cell in self.of_task(task):
            name = f"{cell.learner} (baseline)" if cell.baseline else cell.learner
            if cell.state != "done":
                rows.append([name, *[cell.state] * bool(metrics), *["-"] * (len(header) - 1 - bool(metrics))])
                continue
            memory = "?" if cell.fit_mb is None else f"{cell.fit_mb:.0f}"
            seconds = [_seconds(cell.seconds(clock)) for clock in ("cpu", "wall")]
            rows.append([name, *(_quality(cell, metric) for metric in metrics), *seconds, memory])
        return header, rows

    def _notes(self, task: str) -> list[str]:
        notes = [
            f"  {cell.learner}: {cell.state}; {cell.reason}" for cell in self.of_task(task) if cell.state != "done"
        ]
        for cell in self.of_task(task):
            notes += [f"  {cell.learner} warned: {text}" for text in cell.warnings]
        return notes

    def _circumstances(self) -> str:
        versions = ", ".join(f"{name} {version}" for name, version in self.environment.get("packages", {}).items())
        return (
            f"{self.protocol.dimensions} dimensions. Seconds are those of one fit, CPU seconds those of all threads; "
            f"memory is what the fit adds to a process that holds the graph and the libraries. "
            f"Measured on {self.environment.get('cpu', 'unknown')}, {self.environment.get('cores', '?')} processors, "
            f"{self.environment.get('system', '')}; {versions}."
        )

    def as_dict(self) -> dict[str, Any]:
        """The results as JSON holds them, with a summary of every cell that is done."""
        cells = []
        for cell in self.cells:
            plain = asdict(cell)
            plain["summary"] = {metric: _summary(cell, metric) for metric in (cell.runs[0].scores if cell.runs else ())}
            cells.append(plain)
        return {
            "format": FORMAT,
            "version": VERSION,
            "graph": self.graph,
            "protocol": self.protocol.as_dict(),
            "environment": self.environment,
            "cells": cells,
        }

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the results as JSON, whole or not at all."""
        text = json.dumps(self.as_dict(), indent=1, allow_nan=False, ensure_ascii=False) + "\n"
        with replacing(path) as temporary:
            temporary.write_text(text, encoding="utf-8")

    def picture(self, path: str | os.PathLike[str]) -> None:
        """Draw quality against processor seconds, a panel per task, into a .png, .svg or .pdf; needs matplotlib."""
        from graphrep.bench.picture import draw

        draw(self, path)


def read_benchmark(path: str | os.PathLike[str]) -> Benchmark:
    """Read the results that :func:`benchmark` or ``graphrep bench`` wrote.

    Parameters
    ----------
    path : path
        A JSON file.

    Returns
    -------
    Benchmark

    Raises
    ------
    FileNotFoundError
        There is no such file.
    ValueError
        It is not a file of results.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import networkx as nx
    >>> import graphrep as gr
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "results.json"
    >>> options = {"learners": ["structcomp"], "tasks": ["links"], "baselines": False}
    >>> found = gr.bench.benchmark(nx.karate_club_graph(), path=path, **options)
    >>> gr.bench.read_benchmark(path).cells == found.cells
    True
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"there is no file {path}.")
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except ValueError:
        raise ValueError(f"{path} is not a file of graphrep bench: it is not JSON.") from None
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise ValueError(f'{path} is not a file of graphrep bench: it has no "format": "{FORMAT}".')
    if content.get("version") != VERSION:
        raise ValueError(
            f"{path} has version {content.get('version')} of the results of graphrep bench, not {VERSION}."
        )
    try:
        cells = [_cell(dict(cell)) for cell in content["cells"]]
        return Benchmark(dict(content["graph"]), Protocol(**content["protocol"]), cells, dict(content["environment"]))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ValueError(f"{path} is a damaged file of graphrep bench: {error}.") from None


def _cell(content: dict[str, Any]) -> Cell:
    content.pop("summary", None)
    cell = Cell(**content | {"runs": [Run(**run) for run in content["runs"]]})
    if cell.state not in STATES:
        raise ValueError(f"state must be one of {', '.join(STATES)}, got {cell.state!r}")
    for run in cell.runs:
        for values in run.scores.values():
            if not all(isinstance(value, (int, float)) for value in values):
                raise ValueError("scores must be numbers")
    return cell


def _sizes(graph: dict[str, Any]) -> str:
    kind = "directed" if graph.get("directed") else "undirected"
    beside = [f"{graph['features']:,} features"] if graph.get("features") else []
    beside += [f"{graph['classes']:,} classes"] if graph.get("classes") else []
    sizes = f"{graph.get('nodes', 0):,} nodes, {graph.get('edges', 0):,} {kind} edges"
    return ", ".join([f"{graph.get('name') or 'graph'}: {sizes}", *beside])


def _quality(cell: Cell, metric: str) -> str:
    mean, std = cell.mean(metric), cell.std(metric)
    return "-" if math.isnan(mean) else f"{mean:.4f}" + ("" if math.isnan(std) else f" ± {std:.4f}")


def _seconds(value: float) -> str:
    return f"{value:.2f}" if value < 10 else f"{value:.0f}"


def _summary(cell: Cell, metric: str) -> dict[str, float | None]:
    std = cell.std(metric)
    return {
        "mean": cell.mean(metric),
        "std": None if math.isnan(std) else std,
        "count": len(cell.values(metric)),
    }
