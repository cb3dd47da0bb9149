"""Checks of scores and of leaks, shared by everything that evaluates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from graphrep._arrays import to_numpy
from graphrep._checks import warn_caller

if TYPE_CHECKING:
    from graphrep.graph import Graph

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]


def as_scores(name: str, value: Any) -> npt.NDArray[Any]:
    """Scores as a non-empty float32 or float64 array; infinities can be ranked, NaN cannot and is refused."""
    scores = to_numpy(value)
    if scores.dtype.kind not in "biuf":
        raise TypeError(f"{name} must hold real numbers, got dtype {scores.dtype}.")
    if scores.size == 0:
        raise ValueError(f"{name} must hold at least one score, got shape {scores.shape}.")
    if scores.dtype not in (np.float32, np.float64):
        scores = scores.astype(np.float32 if scores.dtype == np.float16 else np.float64)
    num_nan = int(np.isnan(scores).sum())
    if num_nan:
        raise ValueError(f"{name} must not hold NaN, which has no rank; {num_nan} of {scores.size} scores do.")
    return scores


def as_score_vector(name: str, value: Any) -> npt.NDArray[Any]:
    """One-dimensional scores."""
    scores = as_scores(name, value)
    if scores.ndim != 1:
        raise ValueError(f"{name} must have shape (num_pairs,), got {scores.shape}.")
    return scores


def unit_rows(X: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Rows divided by their lengths, in the dtype of X; zero rows stay zero.

    Each row is first scaled by a power of two, which is exact: no square overflows or underflows, and the result is the
    same, to the bit, for X and for 2**k X.
    """
    exponent = np.frexp(np.abs(X).max(axis=1, initial=0))[1]
    Z = np.ldexp(X, -exponent[:, None])
    length = np.sqrt((Z * Z).sum(axis=1, keepdims=True))
    return np.asarray(Z / np.where(length > 0, length, 1))


def refuse_leaks(graph: Graph, hidden: I64, train: I64, part: str, *, repeats: bool = True) -> None:
    """Raise ValueError if ``graph`` contains edges of the ``hidden`` part.

    With ``repeats`` an edge may be hidden and a training edge at once, as in a multigraph.
    """
    known = graph.with_edges(train).has_edges(*hidden)
    if known.any() and not repeats:
        raise ValueError(
            f"{int(np.count_nonzero(known))} of the {hidden.shape[1]} {part} edges are also training edges: "
            "the split leaks."
        )
    leaked = int(np.count_nonzero(graph.has_edges(*hidden) & ~known))
    if leaked:
        raise ValueError(
            f"graph holds {leaked} of the {hidden.shape[1]} {part} edges; give the graph of training edges."
        )


def warn_of_edges(graph: Graph, negatives: I64, what: str) -> None:
    """Warn if pairs of shape (2, num_neg) that count as negatives are edges of the graph."""
    edges = int(np.count_nonzero(graph.has_edges(*negatives)))
    if edges:
        warn_caller(
            f"{edges} of the {negatives.shape[1]} {what} are edges of the graph; their good scores count as errors."
        )
