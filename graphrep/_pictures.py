"""What pictures of all rooms share: their files, and labels that do not cover each other."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from graphrep.io.atomic import replacing
from graphrep.io.paths import check_writable, checked_suffix

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

__all__ = ["check_picture", "half_sizes", "save_picture", "spread"]

F64 = npt.NDArray[np.float64]

SUFFIXES = (".png", ".svg", ".pdf")


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
