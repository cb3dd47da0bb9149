"""The work of ``graphrep plot``: read vectors, labels and a graph, place the nodes once, write every output."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphrep.cli.bench import label_rows
from graphrep.io.paths import checked_suffix
from graphrep.plot.figures import check_target
from graphrep.plot.pages import check_page

if TYPE_CHECKING:
    from graphrep.vectors import NodeVectors

PAGES = (".html", ".htm")
_SUFFIXES = (".html", ".htm", ".png", ".svg", ".pdf")


def check_outputs(outputs: list[Path], sources: list[str | Path]) -> None:
    """Raise an error if an output cannot be written, before anything is read."""
    if len({output.absolute() for output in outputs}) < len(outputs):
        raise ValueError("the outputs must be different files.")
    for output in outputs:
        if checked_suffix(output, _SUFFIXES) in PAGES:
            check_page(output, *sources)
        else:
            check_target(output, *sources)


def read_labels(path: Path, vectors: NodeVectors, column: str | int | None) -> list[str | None]:
    """Label of each node by a table of node and label, None without one."""
    labels: list[str | None] = [None] * len(vectors)
    rows, texts = label_rows(path, vectors.nodes, column, "the vectors")
    for row, text in zip(rows.tolist(), texts, strict=True):
        if labels[row] not in (None, text):
            node = vectors.nodes[[row]].tolist()[0]
            raise ValueError(f"{path} gives {node!r} the labels {labels[row]!r} and {text!r}; a map shows one.")
        labels[row] = text
    return labels


def write(vectors: NodeVectors, labels: Any, graph: Any, outputs: list[Path], title: str | None, how: Any) -> str:
    """Write the map to every output; returns its caption."""
    from graphrep import plot
    from graphrep.plot.layouts import described

    places = plot.layout(vectors, **how)
    for output in outputs:
        if output.suffix.lower() in PAGES:
            metric = how["metric"]
            plot.map_html(vectors, output, labels, graph=graph, metric=metric, layout=places, title=title)
        else:
            plot.map(vectors, labels, layout=places, title=title, path=output)
    return described(places)
