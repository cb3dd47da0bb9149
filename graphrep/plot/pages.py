"""A map of node vectors as one HTML file that needs no network: pan, zoom, hover, search."""

from __future__ import annotations

import base64
import html
import json
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from graphrep._checks import checked_int
from graphrep._progress import progress_bar
from graphrep.graph import as_graph
from graphrep.io.atomic import replacing
from graphrep.io.paths import check_writable, checked_suffix
from graphrep.plot.groups import COLORS, groups_of, readable, texts_of
from graphrep.plot.layouts import LayoutMethod, LayoutMetric, as_vectors, check_method, described, positions_of

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

    from graphrep.vectors import NodeVectors

__all__ = ["HtmlMap", "check_page", "map_html"]

_DARK = "#14171A"  # background of the page for readers who prefer a dark one, as in map.html
_CHUNK = 4096  # nodes whose nearest vectors are found at a time


class HtmlMap:
    """The page that :func:`map_html` makes; Jupyter shows it.

    Parameters
    ----------
    html : str
        The whole page.

    Attributes
    ----------
    html : str

    Examples
    --------
    >>> import graphrep as gr
    >>> v = gr.NodeVectors([[1, 0, 0], [2, 1, 0], [-1, 3, 1]], nodes=["curl", "wget", "gimp"])
    >>> page = gr.plot.map_html(v, None, method="pca")
    >>> page.html[:15], "curl" in page.html
    ('<!doctype html>', True)
    """

    def __init__(self, html: str) -> None:
        self.html = html

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the page, whole or not at all, to a file whose name ends in .html."""
        check_page(path)
        with replacing(path) as temporary:
            Path(temporary).write_bytes(self.html.encode("utf-8", "replace"))

    def __repr__(self) -> str:
        return f"HtmlMap({len(self.html):,} characters)"

    def _repr_html_(self) -> str:
        """The page in a frame, which keeps its style and scripts to itself."""
        frame = 'style="width:100%;height:560px;border:1px solid #8884" sandbox="allow-scripts"'
        return f'<iframe title="map of nodes" {frame} srcdoc="{html.escape(self.html)}"></iframe>'


def map_html(
    vectors: Any,
    path: str | os.PathLike[str] | None,
    labels: Any = None,
    *,
    names: Any = None,
    graph: Any = None,
    neighbors: int = 10,
    method: LayoutMethod = "auto",
    metric: LayoutMetric = "cosine",
    layout: Any = None,
    max_groups: int = 20,
    title: str | None = None,
    random_state: Any = 0,
    options: Mapping[str, Any] | None = None,
) -> HtmlMap:
    """Write the map as one HTML file to explore in a browser, without network.

    Drag or use the arrow keys to move, the wheel, two fingers or + and - to zoom, 0 to see everything. A node under the
    pointer shows its name, label and neighbors; a click keeps it. The search box (key /) finds names. The page follows
    the browser's light or dark mode. ``map.html#curl`` opens at the node curl.

    Parameters
    ----------
    vectors : NodeVectors, fitted estimator, mapping, data frame, or array of shape (num_nodes, dimensions)
        As in :func:`layout`.
    path : path ending in .html, or None
        None only returns the page.
    labels : Series, mapping from names to labels, or sequence of length num_nodes, optional
        As in :func:`map`. A node of a gray group shows its label, too.
    names : Series, mapping from names of nodes to other names, or sequence of length num_nodes, optional
        What is shown and searched instead of the names of the nodes, such as titles of numbered articles.
    graph : Graph, or what :func:`graphrep.as_graph` takes, optional
        The neighbors are then those in this graph, matched by name: of the largest weight first, then of the smallest
        degree; of a directed graph, those that arcs lead to. Default: the nearest vectors by ``metric``.
    neighbors : int
        Number of neighbors that a node shows, from 0 to 50.
    method, metric, layout, random_state, options, max_groups, title
        As in :func:`map`.

    Returns
    -------
    HtmlMap

    Raises
    ------
    ImportError
        The method is not installed.
    ValueError
        Labels, names or a graph that do not match the nodes, a suffix other than .html, and what :func:`layout`
        refuses.

    Notes
    -----
    Time is that of :func:`layout`, and O(num_nodes² * dimensions) for nearest vectors; ``neighbors=0`` or a graph takes
    no such time. The file has about 30 bytes per node and its name, and 54 more with ten neighbors; to draw 100,000
    nodes takes some 45 ms without a GPU. The page forbids itself to load anything, and names are never read as HTML.

    Examples
    --------
    >>> import graphrep as gr
    >>> v = gr.NodeVectors([[1, 0, 0], [2, 1, 0], [-1, 3, 1]], nodes=["curl", "wget", "gimp"])
    >>> kinds = {"curl": "net", "wget": "net", "gimp": "graphics"}
    >>> page = gr.plot.map_html(v, None, kinds, method="pca")
    """
    if path is not None:
        check_page(path)
    check_method(method, metric)
    table = as_vectors(vectors)
    k = checked_int("neighbors", neighbors, 0, 50)
    groups = groups_of(labels, table, max_groups)
    shown = [str(name) for name in table]
    if names is not None:
        shown = [
            own if text is None else text for own, text in zip(shown, texts_of(names, table, "names"), strict=True)
        ]
    shown = [text.encode("utf-8", "replace").decode("utf-8") for text in shown]  # half a character is none
    linked = None if graph is None or not k else _of_graph(as_graph(graph), table, k)
    places = positions_of(table, layout, method=method, metric=metric, random_state=random_state, options=options)
    ends, rows, totals = linked if linked is not None else _nearest(table, k, metric)
    colors = COLORS[: groups.num_colored] if groups.num_colored else COLORS[:1]
    data = {
        "title": title or "",
        "caption": " · ".join(filter(None, (described(places), groups.described()))),
        "names": shown,
        "labels": groups.names,
        "count": groups.num_colored,
        "light": [[color, readable(color)] for color in colors],
        "dark": [[readable(color, _DARK, 3.0), readable(color, _DARK)] for color in colors],
        "kind": "neighbors" if graph is not None else "nearest",
        "places": _packed(places.vectors, "<f4"),
        "codes": _packed(groups.codes, "<i4"),
        "ends": _packed(ends, "<u4"),
        "rows": _packed(rows, "<u4"),
        "totals": _packed(totals, "<u4"),
    }
    # Inside a script element only "<" could begin something else; the others are escaped for older parsers.
    text = json.dumps(data).replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    frame = resources.files("graphrep.plot").joinpath("map.html").read_text(encoding="utf-8")
    before, after = frame.split("{{data}}")
    page = HtmlMap(before.replace("{{title}}", html.escape(title or "Map of nodes")) + text + after)
    if path is not None:
        page.save(path)
    return page


def check_page(path: str | os.PathLike[str], *sources: str | os.PathLike[str]) -> None:
    """Raise an error if no page can be written to ``path``."""
    checked_suffix(path, (".html", ".htm"))
    check_writable(path, *sources)


def _nearest(vectors: NodeVectors, k: int, metric: LayoutMetric) -> tuple[Any, Any, Any]:
    """Rows of the nearest vectors of each node, one after another, and where those of each node end."""
    found = min(k, len(vectors) - 1)
    rows = np.empty((len(vectors), found), dtype=np.int64)
    if found:
        unnamed = type(vectors)(vectors.vectors)  # whose names are its rows
        with progress_bar(total=len(vectors), desc="neighbors", unit="node", unit_scale=True) as bar:
            for begin in range(0, len(vectors), _CHUNK):
                these = np.arange(begin, min(begin + _CHUNK, len(vectors)))
                rows[these] = unnamed.neighbors(these, k=found, metric=metric)[0]
                bar.update(len(these))
    ends = found * np.arange(1, len(vectors) + 1)
    return ends, rows.ravel(), np.full(len(vectors), found)


def _of_graph(graph: Any, vectors: NodeVectors, k: int) -> tuple[Any, Any, Any]:
    """The k heaviest arcs of each node, as for ``_nearest``; and the number of all that lead to other nodes."""
    at = vectors._index.find(graph.nodes)  # row of each node of the graph
    if (at < 0).all():
        raise ValueError(
            f"graph has none of the nodes of vectors, such as {next(iter(vectors))!r}; its own are such as "
            f"{graph.nodes[:1].tolist()[0] if graph.num_nodes else 'none'!r}."
        )
    degree = np.diff(graph.indptr)
    source, target = np.repeat(np.arange(graph.num_nodes), degree), np.asarray(graph.indices)
    weight = np.ones(len(target)) if graph.weights is None else np.asarray(graph.weights, dtype=np.float64)
    keep = source != target
    source, target, weight = source[keep], target[keep], weight[keep]
    totals = np.zeros(len(vectors), dtype=np.int64)
    inside = at >= 0
    totals[at[inside]] = np.bincount(source, minlength=graph.num_nodes)[inside]
    keep = inside[source] & inside[target]
    source, target, weight = source[keep], target[keep], weight[keep]
    order = np.lexsort((target, degree[target], -weight, at[source]))
    start, target = at[source][order], at[target][order]
    first = np.searchsorted(start, np.arange(len(vectors)))
    keep = np.arange(len(start)) - first[start] < k
    return np.cumsum(np.bincount(start[keep], minlength=len(vectors))), target[keep], totals


def _packed(values: Any, dtype: str) -> str:
    return base64.b64encode(np.ascontiguousarray(values, dtype=dtype).tobytes()).decode("ascii")
