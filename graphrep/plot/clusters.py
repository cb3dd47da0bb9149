"""Clusters beside classes, as a table of shades."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from graphrep._checks import checked_int
from graphrep.evaluate.clustering import best_matching, contingency
from graphrep.plot.figures import axes_for, check_target, save_to

if TYPE_CHECKING:
    import os

__all__ = ["confusion"]

I64 = npt.NDArray[np.int64]

_LONGEST = 22  # characters of a name
_FRAME = "#D55E00"


def confusion(
    y: Any,
    labels: Any,
    *,
    max_groups: int = 20,
    ax: Any = None,
    path: str | os.PathLike[str] | None = None,
) -> Any:
    """Draw how many nodes of each class each cluster holds, each cluster in the row of the class that it matches.

    Classes are columns, the largest one first. The clusters stand in the order of their classes under the best
    one-to-one matching, that of the accuracy of :func:`graphrep.evaluate.clustering`, whose cells are framed; clusters
    without a partner follow, the largest first. The darker a cell, the larger its share of the cluster.

    Parameters
    ----------
    y : array of shape (num_nodes,)
        Classes, integers or strings; nodes with a negative integer, None or NaN are unlabeled and left out.
    labels : array of shape (num_nodes,), or an object with ``labels_``
        Clusters. If both carry names (a pandas index), they are matched by name.
    max_groups : int
        Most rows and columns, from 2 to 60; smaller classes and later clusters are summed in a last one.
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
        Lengths that disagree, floating-point numbers, or no labeled node.
    ImportError
        matplotlib (extra ``viz``) is not installed.

    Notes
    -----
    O(num_nodes log num_nodes) and the cube of the number of groups.

    Examples
    --------
    >>> import graphrep as gr
    >>> axes = gr.plot.confusion(["a", "a", "b", "b"], [1, 1, 1, 0], path="clusters.png")  # doctest: +SKIP
    """
    check_target(path)
    most = checked_int("max_groups", max_groups, 2, 60)
    counts, class_names, cluster_names = contingency(y, labels)
    rows, cols, matched = ordered(counts)
    table, clusters = _summed(counts[np.ix_(rows, cols)], cluster_names[rows].tolist(), most, "clusters")
    flipped, classes = _summed(table.T, class_names[cols].tolist(), most, "classes")
    table = flipped.T
    # Rows of clusters without a partner, and what is summed, have no frame.
    ends = [length if length <= most else most - 1 for length in counts.shape]
    frames = [(i, j) for i, j in matched if i < ends[0] and j < ends[1]]
    sizes = table.sum(axis=1)
    share = table / np.maximum(sizes, 1)[:, None]
    height, width = table.shape
    axes = axes_for(ax, (2.4 + 0.42 * max(width, 6), 1.5 + 0.3 * max(height, 5)), path)
    axes.imshow(share, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    axes.set_xticks(
        range(width), classes, rotation=45 if width > 4 else 0, ha="right" if width > 4 else "center", parse_math=False
    )
    axes.set_yticks(
        range(height), [f"{name}  ({size:,})" for name, size in zip(clusters, sizes, strict=True)], parse_math=False
    )
    axes.set_xlabel("class")
    axes.set_ylabel("cluster (nodes)")
    axes.tick_params(length=0, labelsize=8)
    axes.spines[:].set_visible(False)
    digits = len(f"{table.max():,}")
    if height * width <= 900:
        size = 8 if digits <= 5 else 6.5
        for i, j in np.argwhere(table > 0).tolist():
            color = "white" if share[i, j] > 0.55 else "0.15"
            axes.text(j, i, f"{table[i, j]:,}", ha="center", va="center", fontsize=size, color=color)
    for i, j in frames:
        axes.add_patch(_frame(i, j))
    right = counts[best_matching(counts)].sum() / counts.sum()
    caption = f"{counts.sum():,} nodes; {100 * right:.1f} % in the class of their cluster (framed)"
    axes.set_title(caption, fontsize=9, color="0.35", loc="left")
    save_to(axes, path)
    return axes


def ordered(counts: I64) -> tuple[I64, I64, list[tuple[int, int]]]:
    """Order of the rows and of the columns, and the places of the matched pairs in it."""
    cols = np.argsort(-counts.sum(axis=0), kind="stable")
    pairs = zip(*(side.tolist() for side in best_matching(counts)), strict=True)
    partner = {col: row for row, col in pairs if counts[row, col]}
    first = [partner[col] for col in cols.tolist() if col in partner]
    rest = np.setdiff1d(np.arange(len(counts)), first)
    rest = rest[np.argsort(-counts[rest].sum(axis=1), kind="stable")]
    places = [(row, col) for row, col in enumerate(j for j, at in enumerate(cols.tolist()) if at in partner)]
    return np.array([*first, *rest.tolist()], dtype=np.int64), cols, places


def _summed(table: I64, names: list[Any], most: int, what: str) -> tuple[I64, list[str]]:
    """The first rows, and the sum of all others if there are more than ``most``; and their names."""
    texts = [name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…" for name in map(str, names)]
    if len(table) <= most:
        return table, texts
    rest = len(table) - most + 1
    return np.vstack([table[: most - 1], table[most - 1 :].sum(axis=0)]), [*texts[: most - 1], f"{rest:,} more {what}"]


def _frame(row: int, column: int) -> Any:
    from matplotlib.patches import Rectangle

    return Rectangle((column - 0.5, row - 0.5), 1, 1, fill=False, edgecolor=_FRAME, linewidth=1.5)
