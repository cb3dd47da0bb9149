"""A map of node vectors as a matplotlib picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from graphrep._checks import checked_float
from graphrep._pictures import half_sizes, spread
from graphrep.plot.figures import axes_for, check_target, save_to
from graphrep.plot.groups import COLORS, OTHER, groups_of, readable
from graphrep.plot.layouts import LayoutMethod, LayoutMetric, as_vectors, check_method, described, positions_of

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

__all__ = ["map"]

F64 = npt.NDArray[np.float64]

_RASTERIZED = 5_000  # more points make a .svg or .pdf larger than a picture of them is
_LINE = {"arrowstyle": "-", "color": "0.35", "linewidth": 0.7, "shrinkA": 0, "shrinkB": 0}
_LONGEST = 28  # characters of a label in a picture


def map(  # noqa: A001
    vectors: Any,
    labels: Any = None,
    *,
    method: LayoutMethod = "auto",
    metric: LayoutMetric = "cosine",
    layout: Any = None,
    max_groups: int = 20,
    point_size: float | None = None,
    title: str | None = None,
    random_state: Any = 0,
    options: Mapping[str, Any] | None = None,
    ax: Any = None,
    path: str | os.PathLike[str] | None = None,
) -> Any:
    """Draw the nodes in the plane, colored by label, with each label written at the median of its group.

    The caption below the map says how many nodes there are, which method placed them, and what is gray.

    Parameters
    ----------
    vectors : NodeVectors, fitted estimator, mapping, data frame, or array of shape (num_nodes, dimensions)
        As in :func:`layout`.
    labels : Series, mapping from names to labels, or sequence of length num_nodes, optional
        The group of each node. A pandas Series with names is matched by them and must hold every node. Nodes without a
        label are gray: those that a mapping lacks, None, NaN, and -1 among integers.
    method, metric, random_state, options
        As in :func:`layout`.
    layout : NodeVectors or array of shape (num_nodes, 2), optional
        Positions that :func:`layout` computed, matched by name; default: computed here.
    max_groups : int
        From 1 to 20. The largest groups have a color and a label; the smaller ones are gray. The colors of up to 8
        groups are those of Okabe and Ito, which color-blind readers can tell apart; of more, the label helps.
    point_size : float, optional
        Diameter in points; default: the smaller, the more nodes.
    title : str, optional
    ax : matplotlib Axes, optional
        Default: a new figure of pyplot; with ``path``, one of its own that pyplot does not show.
    path : path, optional
        Save the picture, too, whole or not at all: .png, .svg or .pdf.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ImportError
        matplotlib (extra ``viz``) or the method (extra ``maps``) is not installed.
    ValueError
        Labels that do not match the nodes or are measurements, a suffix that is no picture's, and what :func:`layout`
        refuses.

    Notes
    -----
    Time is that of :func:`layout`. Points are drawn in random order, so that no group covers another. In .svg and .pdf
    files, more than 5,000 points are one image, and labels are shapes with a white edge.

    References
    ----------
    Okabe and Ito. Color Universal Design. 2008.

    Examples
    --------
    >>> import numpy as np
    >>> import graphrep as gr
    >>> colors = np.repeat(["red", "blue"], 10)
    >>> x = np.random.default_rng(0).standard_normal((20, 8))
    >>> x += 4 * np.eye(8)[(colors == "red").astype(int)]
    >>> axes = gr.plot.map(x, colors, method="pca", path="map.png")  # doctest: +SKIP
    """
    check_target(path)
    check_method(method, metric)
    table = as_vectors(vectors)
    groups = groups_of(labels, table, max_groups)
    diameter = None if point_size is None else checked_float("point_size", point_size, 0, exclusive=True)
    places = positions_of(table, layout, method=method, metric=metric, random_state=random_state, options=options)
    at = places.vectors.astype(np.float64)
    width, height = np.maximum(np.ptp(at, axis=0), 1e-12)
    axes = axes_for(ax, (8.0, float(np.clip(8.0 * height / width, 5.0, 9.0)) + 0.4), path, bare=True)
    size = np.clip(180 / np.sqrt(len(at)), 1.2, 6.0) if diameter is None else diameter
    colors = np.array([*COLORS[: groups.num_colored], OTHER if groups.num_colored else COLORS[0]], dtype=object)
    colored = groups.colored
    order = np.random.default_rng(0).permutation(len(at))
    order = order[np.argsort(colored[order] >= 0, kind="stable")]  # gray below
    axes.scatter(
        *at[order].T, s=size**2, c=colors[colored[order]].tolist(), linewidths=0, alpha=0.85,
        rasterized=len(at) > _RASTERIZED,
    )  # fmt: skip
    axes.set_aspect("equal", adjustable="datalim")
    axes.margins(0.04)
    axes.set_axis_off()
    if title:
        axes.set_title(title, parse_math=False)
    caption = " · ".join(filter(None, (described(places), groups.described())))
    axes.text(
        0.01, -0.01, caption, transform=axes.transAxes, ha="left", va="top", fontsize=8, color="0.4", parse_math=False
    )
    _write_labels(axes, at, colored, groups.names[: groups.num_colored])
    save_to(axes, path)
    return axes


def _write_labels(axes: Any, at: F64, colored: npt.NDArray[np.int64], names: list[str]) -> None:
    """Write each label at the median of its group, moved if others are in the way; a line says how far."""
    from matplotlib.patheffects import withStroke

    if not names:
        return
    axes.apply_aspect()
    axes.autoscale_view()
    medians = np.array([np.median(at[colored == group], axis=0) for group in range(len(names))])
    points = 72 / axes.figure.dpi
    anchors = axes.transData.transform(medians) * points
    size = 11.0 if len(names) <= 8 else 9.0
    texts = [name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…" for name in names]
    halves = half_sizes(texts, size)
    box = axes.get_window_extent()
    inside = np.array([[box.x0, box.y0], [box.x1, box.y1]]) * points
    placed = spread(anchors, halves, inside)
    for text, group, anchor, place, half in zip(texts, range(len(names)), anchors, placed, halves, strict=True):
        moved = np.abs(place - anchor)
        far = bool((moved > half + 2).any())
        axes.annotate(
            text, medians[group], xytext=place - anchor, textcoords="offset points", ha="center", va="center",
            fontsize=size, fontweight="bold", color=readable(COLORS[group]), parse_math=False, zorder=5,
            path_effects=[withStroke(linewidth=2.5, foreground="white")], annotation_clip=False,
            arrowprops=_LINE if far else None,
        )  # fmt: skip
