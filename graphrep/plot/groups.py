"""Labels of nodes as groups: who belongs to which, and colors that can be told apart."""

from __future__ import annotations

import math
import numbers
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from graphrep._arrays import detached
from graphrep._checks import checked_int, is_missing, warn_caller
from graphrep._labels import of_mapping, refuse_table
from graphrep._names import aligned

if TYPE_CHECKING:
    from graphrep.vectors import NodeVectors

__all__ = ["COLORS", "OTHER", "Groups", "groups_of", "readable"]

I64 = npt.NDArray[np.int64]

# The first eight are those of Okabe and Ito (2008), for all kinds of color vision. Each of the others is the color of a
# grid that is farthest in OKLab from all before it and from the gray, as seen by normal, deuteranopic and protanopic
# eyes (Machado et al. 2009).
COLORS = (
    "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9", "#F0E442", "#000000",
    "#770044", "#3300AA", "#CC22FF", "#665522", "#00EEAA", "#BB0077", "#7700DD", "#88BB77",
    "#006666", "#8888DD", "#EEBBFF", "#551177",
)  # fmt: skip
OTHER = "#C4C4C4"


class Groups(NamedTuple):
    """Labels of the nodes, the largest groups first.

    Attributes
    ----------
    names : list of str
        All labels, from the most frequent one to the rarest.
    codes : int64 array of shape (num_nodes,)
        Position of each node's label in ``names``; -1 without a label.
    num_colored : int
        Number of groups that have a color; the others are gray.
    """

    names: list[str]
    codes: I64
    num_colored: int

    @property
    def colored(self) -> I64:
        """``codes``, with -1 for all that is gray."""
        return np.where(self.codes < self.num_colored, self.codes, -1)

    def described(self) -> str:
        """What is gray, for the caption; empty if nothing is."""
        rare = len(self.names) - self.num_colored
        parts = [f"{rare:,} smaller group{'s' * (rare > 1)}"] * (rare > 0)
        missing = int((self.codes < 0).sum())
        if missing and self.names:
            parts.append(f"{missing:,} without a label")
        return f"gray: {', '.join(parts)}" if parts else ""


def groups_of(labels: Any, vectors: NodeVectors, max_groups: int) -> Groups:
    """Groups of what a caller gives as labels; see :func:`graphrep.plot.map`."""
    most = checked_int("max_groups", max_groups, 1, len(COLORS))
    if labels is None:
        return Groups([], np.full(len(vectors), -1), 0)
    texts = texts_of(labels, vectors, "labels")
    known = np.array([text is not None for text in texts], dtype=bool)
    distinct, codes, counts = np.unique(
        np.array([text for text in texts if text is not None], dtype=object), return_inverse=True, return_counts=True
    )
    if len(distinct) > max(len(vectors) // 2, most):
        warn_caller(f"labels holds {len(distinct):,} different values for {len(vectors):,} nodes; most will be gray.")
    order = np.lexsort((np.arange(len(distinct)), -counts))
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    every = np.full(len(vectors), -1)
    every[known] = rank[codes]
    return Groups(distinct[order].tolist(), every, min(most, len(distinct)))


def texts_of(values: Any, vectors: NodeVectors, what: str) -> list[str | None]:
    """A text per node, matched by name where there are names; None for None, NaN and, among integer labels, -1."""
    if isinstance(values, (str, bytes)):
        raise TypeError(f"{what} must hold a value per node, got {values!r}.")
    if isinstance(values, Mapping) and not hasattr(values, "vectors"):
        given = of_mapping(values, vectors._index, what)
    else:
        refuse_table(values, what)
        array = detached(aligned(values, vectors._index, what))
        array = array if isinstance(array, np.ndarray) else np.array([*array, None], dtype=object)[:-1]
        array = array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array
        if array.ndim != 1:
            raise ValueError(f"{what} must have shape (num_nodes,), one for each node, got {array.shape}.")
        given = array.tolist()
    if len(given) != len(vectors):
        raise ValueError(f"{what} must hold a value for each of the {len(vectors):,} nodes, got {len(given):,}.")
    given = [None if is_missing(value) else value for value in given]
    some = [value for value in given if value is not None]
    if what == "labels" and some and all(_is_number(value) for value in some):
        broken = next((value for value in some if value != int(value)), None)
        if broken is not None:
            raise ValueError(
                f"labels must name groups, got numbers such as {broken}; cut them into ranges, as with pandas.cut."
            )
        given = [None if value is None or value == -1 else int(value) for value in given]
    return [None if value is None else str(value) for value in given]


def readable(color: str, background: str = "#FFFFFF", contrast: float = 4.5) -> str:
    """The color, darkened or lightened until text in it is legible on the background (WCAG 2.1, section 1.4.3)."""
    rgb, behind = _rgb(color), _luminance(_rgb(background))
    target = np.zeros(3) if behind > 0.4 else np.ones(3)
    for share in np.linspace(0, 1, 41):
        mixed = (1 - share) * rgb + share * target
        own = _luminance(mixed)
        if (max(own, behind) + 0.05) / (min(own, behind) + 0.05) >= contrast:
            break
    return "#" + "".join(f"{round(255 * float(part)):02X}" for part in mixed)


def _rgb(color: str) -> npt.NDArray[np.float64]:
    return np.array([int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)])


def _luminance(rgb: npt.NDArray[np.float64]) -> float:
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def _is_number(value: Any) -> bool:
    return not isinstance(value, bool) and isinstance(value, numbers.Real) and math.isfinite(value)
