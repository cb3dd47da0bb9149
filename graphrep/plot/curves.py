"""Curves: how a training went, and how the degrees of a graph are distributed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from graphrep.graph import as_graph
from graphrep.plot.figures import axes_for, check_target, save_to
from graphrep.plot.groups import COLORS, readable

if TYPE_CHECKING:
    import os

__all__ = ["degrees", "history"]


def history(
    model: Any, *, metric: str | None = None, ax: Any = None, path: str | os.PathLike[str] | None = None
) -> Any:
    """Draw the loss of each epoch and, above its own axis, the metric on the validation data.

    Parameters
    ----------
    model : fitted estimator with ``history_``, or list of dict
        One dict per epoch. The epoch whose parameters are used, ``best_epoch_``, is marked.
    metric : str, optional
        Key of the metric; default: ``metric_`` of the model, or the first key that is no part of the loss.
    ax : matplotlib Axes, optional
        Where the loss is drawn; the metric gets an axis on its right side. Default: a new figure of pyplot; with
        ``path``, one of its own that pyplot does not show.
    path : path, optional
        Save the picture, too, whole or not at all: .png, .svg or .pdf.

    Returns
    -------
    matplotlib Axes
        Of the loss.

    Raises
    ------
    TypeError
        The model keeps no history.
    ValueError
        The history is empty, or no epoch has the metric.
    ImportError
        matplotlib (extra ``viz``) is not installed.

    Notes
    -----
    Time and memory O(num_epochs).

    Examples
    --------
    >>> import graphrep as gr
    >>> epochs = [{"loss": 0.9, "auc": 0.6}, {"loss": 0.5, "auc": 0.8}]
    >>> axes = gr.plot.history(epochs, path="training.png")  # doctest: +SKIP
    """
    check_target(path)
    records = model if isinstance(model, (list, tuple)) else getattr(model, "history_", None)
    if records is None:
        raise TypeError(f"{type(model).__name__} has no history_: it is not fitted, or is not trained in epochs.")
    if not records or not all(isinstance(record, dict) for record in records):
        raise ValueError(f"the history must be a list of a dict per epoch, got {records!r:.60}.")
    keys = dict.fromkeys(key for record in records for key in record)
    if "loss" not in keys:
        raise ValueError(f"the history holds no loss, only {', '.join(map(str, keys))}.")
    chosen = metric if metric is not None else _metric_of(model, keys)
    if metric is not None and metric not in keys:
        raise ValueError(f"the history holds no {metric!r}, only {', '.join(map(str, keys))}.")
    axes = axes_for(ax, (7.0, 4.0), path)
    best = getattr(model, "best_epoch_", None)
    _curve(axes, records, "loss", COLORS[0])
    axes.set_xlabel("epoch")
    axes.spines[["top", "right"]].set_visible(False)
    axes.xaxis.get_major_locator().set_params(integer=True)
    if chosen is not None:
        right = axes.twinx()
        _curve(right, records, chosen, COLORS[4])
        right.spines["top"].set_visible(False)
    if best is not None:
        axes.axvline(best, color="0.6", linewidth=1, linestyle=":", zorder=0)
        axes.annotate(
            f"best epoch: {best:,}", (best, 1), xycoords=("data", "axes fraction"), xytext=(0, 3),
            textcoords="offset points", ha="center", va="bottom", fontsize=8, color="0.35",
        )  # fmt: skip
    save_to(axes, path)
    return axes


def degrees(graph: Any, *, ax: Any = None, path: str | os.PathLike[str] | None = None) -> Any:
    """Draw the share of nodes that have at least k neighbors against k, on logarithmic axes.

    Unlike a histogram, this curve needs no bins. A power law of exponent a is a straight line of slope 1 - a, and a
    random graph of the same mean degree bends down at once.

    Parameters
    ----------
    graph : Graph, or what :func:`graphrep.as_graph` takes
        Of a directed graph, arcs out of and into the nodes are two curves.
    ax : matplotlib Axes, optional
        Default: a new figure of pyplot; with ``path``, one of its own that pyplot does not show.
    path : path, optional
        Save the picture, too, whole or not at all: .png, .svg or .pdf.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ValueError
        The graph has no edges.
    ImportError
        matplotlib (extra ``viz``) is not installed.

    Notes
    -----
    Time O(num_nodes + num_arcs), memory O(num_nodes). Nodes of degree 0 have no place on a logarithmic axis: the curve
    begins at the share of the others, and the caption counts them.

    References
    ----------
    Clauset, Shalizi, Newman. Power-Law Distributions in Empirical Data. SIAM Review 2009, section 2.

    Examples
    --------
    >>> import graphrep as gr
    >>> axes = gr.plot.degrees([("a", "b"), ("b", "c")], path="degrees.png")  # doctest: +SKIP
    """
    check_target(path)
    g = as_graph(graph)
    if not g.num_arcs:
        raise ValueError("the graph has no edges, so there are no degrees to draw.")
    out = np.asarray(g.out_degree)
    curves = {"degree": out}
    if g.directed:
        curves = {"arcs out": out, "arcs in": np.bincount(g.indices, minlength=g.num_nodes)}
    axes = axes_for(ax, (6.0, 4.5), path)
    axes.set_xscale("log")
    axes.set_yscale("log")
    for color, (name, degree) in zip((COLORS[0], COLORS[4]), curves.items(), strict=False):
        k, share = tail(degree)
        axes.plot(k, share, "o-", color=color, markersize=3, linewidth=1, label=name)
        if len(curves) > 1:
            middle = len(k) // 2 if name == "arcs out" else len(k) // 4
            axes.annotate(
                name, (k[middle], share[middle]), xytext=(6, 6), textcoords="offset points", color=readable(color)
            )
    axes.set_xlabel("degree k" if len(curves) == 1 else "number of arcs k")
    axes.set_ylabel("share of nodes with at least k")
    axes.grid(visible=True, alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    alone = int((np.sum(list(curves.values()), axis=0) == 0).sum())
    caption = f"{g.num_nodes:,} nodes, mean {out.mean():.1f}, largest {int(max(d.max() for d in curves.values())):,}"
    caption += f", {alone:,} without an edge" if alone else ""
    axes.set_title(caption, fontsize=9, color="0.35", loc="left")
    save_to(axes, path)
    return axes


def tail(degree: Any) -> tuple[Any, Any]:
    """Each degree above 0 that occurs, and the share of all nodes that have at least that."""
    k, counts = np.unique(degree, return_counts=True)
    share = np.cumsum(counts[::-1])[::-1] / len(degree)
    return k[k > 0], share[k > 0]


def _metric_of(model: Any, keys: dict[Any, None]) -> str | None:
    own = getattr(model, "metric_", None)
    if own in keys:
        return str(own)
    # Further terms of the loss are no metric.
    return next((key for key in keys if "loss" not in str(key).lower() and _is_quality(str(key))), None)


def _is_quality(key: str) -> bool:
    known = ("auc", "ap", "mrr", "hits", "ndcg", "recall", "precision", "accuracy", "f1", "rankme", "nmi", "ari", "r2")
    return any(key.lower().startswith(name) or f"_{name}" in key.lower() for name in known)


def _curve(axes: Any, records: Any, key: str, color: str) -> None:
    epochs = [i for i, record in enumerate(records, 1) if record.get(key) is not None]
    values = [float(records[i - 1][key]) for i in epochs]
    axes.plot(epochs, values, color=color, linewidth=1.6, marker="o" if len(epochs) < 30 else None, markersize=3)
    axes.set_ylabel(key, color=readable(color))
    axes.tick_params(axis="y", colors=readable(color))
