"""What pictures of all rooms share: files, labels that do not cover each other, quality against time."""

from __future__ import annotations

import importlib.util
import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from graphrep.io.atomic import replacing
from graphrep.io.paths import check_writable, checked_suffix

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

__all__ = [
    "Label",
    "Point",
    "beside",
    "check_picture",
    "draw_points",
    "half_sizes",
    "save_picture",
    "spread",
    "write_labels",
]

F64 = npt.NDArray[np.float64]

SUFFIXES = (".png", ".svg", ".pdf")
BLUE = "#0072B2"
GRAY = "#666666"

# Path effects would turn the text of an .svg or .pdf into shapes.
_BEHIND = {"boxstyle": "square,pad=0.05", "facecolor": "white", "alpha": 0.7, "edgecolor": "none"}
_SIZE = 8.0  # of labels, in points
_MARKER = 3.5  # half of a marker with a margin, in points
_DIRECTIONS = ((1, 1), (1, 0), (1, -1), (-1, 1), (-1, 0), (-1, -1), (0, 1), (0, -1))
_LEAST = 1e-3  # seconds; shorter fits stand at the left edge


class Label(NamedTuple):
    """A text beside a point of the data."""

    text: str
    x: float
    y: float
    color: str


class Point(NamedTuple):
    """A learner in a picture of quality against time; baselines are gray squares."""

    name: str
    seconds: float
    mean: float
    std: float = math.nan
    baseline: bool = False


def check_picture(path: str | os.PathLike[str], *sources: str | os.PathLike[str]) -> str:
    """Suffix of a picture that can be written; an error says what is missing, before anything is computed."""
    suffix = checked_suffix(path, SUFFIXES)
    if importlib.util.find_spec("matplotlib") is None:
        raise ImportError(f"{path}: a picture needs matplotlib; pip install 'graphrep[viz]'.")
    check_writable(path, *sources)
    return suffix


def save_picture(figure: Any, path: str | os.PathLike[str]) -> None:
    """Write a matplotlib figure whole or not at all, the same bytes each time."""
    import matplotlib as mpl

    suffix = checked_suffix(path, SUFFIXES)
    metadata = {"Date": None} if suffix == ".svg" else {"CreationDate": None} if suffix == ".pdf" else None
    with mpl.rc_context({"svg.hashsalt": "graphrep", "svg.fonttype": "none"}), replacing(path) as temporary:
        figure.savefig(temporary, format=suffix[1:], dpi=150, metadata=metadata)


def half_sizes(texts: Sequence[str], size: float) -> F64:
    """Half of the width and height of labels with a margin, in points, shape (num_texts, 2); needs no canvas."""
    from matplotlib.textpath import TextPath

    # A dollar sign would begin a formula.
    widths = [TextPath((0, 0), text.replace("$", "S") or " ", size=size).get_extents().width for text in texts]
    return np.array([(width / 2 + 4, size * 0.75) for width in widths]).reshape(-1, 2)


def spread(centers: F64, halves: F64, inside: F64, rounds: int = 300) -> F64:
    """Move boxes until none covers another, each as little as a greedy rule can.

    Parameters
    ----------
    centers, halves : float64 arrays of shape (num_boxes, 2)
        Where each box wants to be, and half of its width and height.
    inside : float64 array of shape (2, 2)
        Lower left and upper right corner of the picture, in which the boxes stay.
    rounds : int
        Bound on the number of passes over the pairs.

    Returns
    -------
    float64 array of shape (num_boxes, 2)
    """
    placed = np.clip(centers, inside[0] + halves, np.maximum(inside[1] - halves, inside[0] + halves))
    for _ in range(rounds):
        moved = False
        for i in range(len(placed)):
            for j in range(i):
                apart = placed[i] - placed[j]
                overlap = halves[i] + halves[j] - np.abs(apart)
                if (overlap <= 1e-9).any():
                    continue
                axis = int(np.argmin(overlap))
                step = np.zeros(2)
                step[axis] = (overlap[axis] / 2 + 1e-6) * (1 if apart[axis] >= 0 else -1)
                placed[i] += step
                placed[j] -= step
                moved = True
        placed = np.clip(placed, inside[0] + halves, np.maximum(inside[1] - halves, inside[0] + halves))
        if not moved:
            break
    return placed


def beside(at: F64, halves: F64, inside: F64, rounds: int = 50) -> F64:
    """Centers of boxes next to points, near their own point, off all others and off each other as far as possible.

    One box after the other takes its best place, and the best of some orders counts; the other arguments are as in
    :func:`spread`, with the points in ``at``.
    """
    gaps = np.repeat([0.0, 6, 12, 20, 30, 45], len(_DIRECTIONS))[:, None]
    directions = np.tile(_DIRECTIONS, (len(gaps) // len(_DIRECTIONS), 1))
    centers = at[:, None] + directions * (halves[:, None] + _MARKER + gaps)
    outside = np.maximum(np.maximum(inside[0] + halves[:, None] - centers, centers + halves[:, None] - inside[1]), 0)
    own = gaps[:, 0] + 100 * outside.sum(2)
    order, least, placed = np.argsort(-halves[:, 0], kind="stable"), math.inf, at
    random = np.random.default_rng(0)
    for _ in range(rounds):
        boxes, sizes, total, found = at, np.full(at.shape, _MARKER), 0.0, at.copy()
        for i in order:
            apart = np.abs(centers[i][:, None] - boxes)
            cost = own[i] + np.maximum(halves[i] + sizes - apart, 0).prod(2).sum(1)
            best = int(cost.argmin())
            found[i], total = centers[i, best], total + cost[best]
            boxes, sizes = np.concatenate([boxes, found[i : i + 1]]), np.concatenate([sizes, halves[i : i + 1]])
        if total < least:
            least, placed = total, found
        order = random.permutation(len(at))
    return placed


def draw_points(axes: Any, points: Sequence[Point]) -> list[Label]:
    """Draw quality against seconds, with a line through what nothing beats in less time; returns the labels."""
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter("")
    axes.grid(visible=True, alpha=0.3)
    placed = [point._replace(seconds=max(point.seconds, _LEAST)) for point in points if not math.isnan(point.mean)]
    best: list[Point] = []
    for point in sorted(placed, key=lambda point: (point.seconds, -point.mean)):
        if not best or point.mean > best[-1].mean:
            best.append(point)
    if len(best) > 1:
        x, y = [point.seconds for point in best], [point.mean for point in best]
        axes.plot(x, y, color="0.8", linewidth=1.2, drawstyle="steps-post", zorder=1)
    for point in placed:
        color, marker = (GRAY, "s") if point.baseline else (BLUE, "o")
        bar = 0 if math.isnan(point.std) else point.std
        axes.errorbar(point.seconds, point.mean, yerr=bar, fmt=marker, color=color, capsize=2, markersize=5, zorder=4)
    if placed:
        places = [math.log10(point.seconds) for point in placed]
        # Margins of matplotlib are a share of the span, which is next to nothing where fits take equally long.
        margin = max(0.25 * (max(places) - min(places)), 0.5)
        axes.set_xlim(10 ** (min(places) - margin), 10 ** (max(places) + margin))
    return [Label(point.name, point.seconds, point.mean, GRAY if point.baseline else BLUE) for point in placed]


def write_labels(axes: Any, labels: Sequence[Label], *, bold: bool = False, points: bool = False) -> None:
    """Write the labels to the upper right of their points, moved where they would cover each other.

    ``points``: they are those of :func:`draw_points`, which they do not cover either; a line leads to a distant one.
    The figure must have been drawn, which places its axes.
    """
    if not labels:
        return
    scale = 72 / axes.figure.dpi
    at = axes.transData.transform([(label.x, label.y) for label in labels]) * scale
    halves = half_sizes([label.text for label in labels], _SIZE) * (1, 0.8)
    box = axes.get_window_extent()
    inside = np.array([[box.x0, box.y0], [box.x1 + (0 if points else 200), box.y1]]) * scale
    wanted = at + halves * (1, 0) + (3, 7)
    placed = beside(at, halves, inside) if points else spread(wanted, halves, inside)
    for label, anchor, place, half in zip(labels, at, placed, halves, strict=True):
        distant = points and bool((np.abs(place - anchor) > half + 8).any())
        line = {"arrowstyle": "-", "color": label.color, "linewidth": 0.5, "alpha": 0.6, "shrinkA": 0, "shrinkB": 3}
        axes.annotate(
            label.text, (label.x, label.y), xytext=place - anchor, textcoords="offset points", ha="center",
            va="center", fontsize=_SIZE, fontweight="bold" if bold else None, color=label.color,
            annotation_clip=False, parse_math=False, bbox=_BEHIND, arrowprops=line if distant else None,
        )  # fmt: skip
