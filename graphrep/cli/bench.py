"""The steps of ``graphrep bench``: read graph, labels and features, run the benchmark, write what it found."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from graphrep._checks import warn_caller
from graphrep._names import NodeIndex
from graphrep.graph import Graph, as_graph
from graphrep.vectors import load_vectors

if TYPE_CHECKING:
    from graphrep.datasets import LinkSplit


def listed(text: str | None, option: str) -> list[str] | None:
    """Names between commas."""
    if text is None:
        return None
    names = [part.strip() for part in text.split(",") if part.strip()]
    if not names:
        raise ValueError(f"{option} must be names between commas, got {text!r}.")
    return names


def table_of_learners() -> str:
    """What --learners takes: names, tasks, and what a graph must have."""
    from graphrep.bench import LEARNERS
    from graphrep.evaluate.tables import format_table

    def row(name: str) -> list[str]:
        learner = LEARNERS[name]
        kind = "baseline" if learner.baseline else ""
        return [name, ", ".join(learner.tasks), ", ".join(learner.needs), kind, "yes" if learner.default else "no"]

    return format_table(["", "tasks", "needs", "", "default"], [row(name) for name in LEARNERS])


def given_split(name: str) -> tuple[LinkSplit | None, str | None]:
    """The link split of a data set and its usual metric, or None if it has none."""
    from graphrep import datasets

    loaded = datasets.load(name)
    if loaded.triple_split is not None:
        raise ValueError(f"{name} has edges of several relations, which graphrep bench does not distinguish.")
    return loaded.split, (loaded.metric or None) if loaded.split is not None else None


def with_features(graph: Graph, path: Path) -> Graph:
    """The graph with the features of a file of vectors, by name."""
    table = load_vectors(path)
    return as_graph(graph, x=table.vectors[_rows(graph.nodes, table.nodes, path, complete=True)])


def read_labels(path: Path, graph: Graph, column: str | int | None) -> Any:
    """Labels of a table of node and label: a code per node, -1 without one; a 0/1 matrix if a node has several."""
    rows, texts = label_rows(path, graph.nodes, column, "the graph")
    classes, codes = np.unique(np.array(texts), return_inverse=True)
    if len(classes) < 2:
        raise ValueError(f"{path} must hold at least two labels, got {', '.join(classes.tolist()) or 'none'}.")
    node, code = np.unique(np.stack([rows, codes]), axis=1)
    if len(np.unique(node)) == len(node):
        y = np.full(graph.num_nodes, -1, dtype=np.int64)
        y[node] = code
        return y
    matrix = np.zeros((graph.num_nodes, len(classes)), dtype=bool)
    matrix[node, code] = True
    return matrix


def label_rows(path: Path, nodes: Any, column: str | int | None, owner: str) -> tuple[Any, list[str]]:
    """Row in ``nodes`` and label of each line of a table that names one of them and has a label."""
    from graphrep.io import read_edges

    columns: dict[str, Any] = {} if column is None else {"source": 0, "target": column}
    with warnings.catch_warnings():  # a header names no node, and is left out below
        warnings.filterwarnings("ignore", ".*the first line, with", UserWarning)
        table = read_edges(path, weight=False, bipartite=False, **columns)
    named = table.nodes
    rows = _rows(nodes, named[table.source], path, complete=False)
    known = rows >= 0
    if not known.any():
        raise ValueError(f"{path} names none of the nodes of {owner}, such as {nodes[0]!r}; names must agree.")
    strangers = int((~known[1:]).sum())  # the first row may be a header
    if strangers:
        warn_caller(f"{strangers:,} of {len(rows) - (not known[0]):,} rows of {path} name no node of {owner}.")
    texts = [str(name) for name in named[table.target[known]].tolist()]
    numbers = all(text.lstrip("-").isdecimal() for text in texts)
    labeled = np.array([not (numbers and text.startswith("-")) for text in texts], dtype=bool)  # negative: unlabeled
    return rows[known][labeled], [text for text, kept in zip(texts, labeled, strict=True) if kept]


def _rows(nodes: Any, names: Any, path: Path, *, complete: bool) -> Any:
    """Row of each name in ``nodes``, -1 if it is not there; or the row in ``names`` of each of ``nodes``."""
    if nodes.dtype.kind == "i" and np.asarray(names).dtype.kind != "i":  # all names in the file were strings
        texts = [str(name) for name in np.asarray(names).tolist()]
        names = np.array([int(text) if text.lstrip("-").isdecimal() else -1 for text in texts], dtype=np.int64)
    elif nodes.dtype.kind != "i" and np.asarray(names).dtype.kind == "i":
        names = np.array([str(name) for name in np.asarray(names).tolist()], dtype=object)
    if not complete:
        return NodeIndex(nodes, len(nodes)).find(names)
    rows = NodeIndex(names, len(names)).find(nodes)
    if (rows < 0).any():
        missing = int((rows < 0).sum())
        example = nodes[int(np.argmin(rows))]
        raise ValueError(f"{path} lacks the features of {missing:,} of {len(nodes):,} nodes, such as {example!r}.")
    return rows
