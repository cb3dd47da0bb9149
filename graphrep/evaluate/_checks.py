"""What the judges share: arrays out of NumPy or torch, and refusals in one sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from graphrep.graph import Graph

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]


def to_numpy(value: Any) -> npt.NDArray[Any]:
    """NumPy view or copy of an array, list or tensor on any device; bfloat16 becomes float32, without loss."""
    if hasattr(value, "detach"):
        value = value.detach().cpu()
        if str(value.dtype) == "torch.bfloat16":
            value = value.float()
        return np.asarray(value.numpy())
    return np.asarray(value)


def as_scores(name: str, value: Any) -> npt.NDArray[Any]:
    """Scores as a non-empty float32 or float64 array; NaN has no rank and is refused, infinities have one."""
    scores = to_numpy(value)
    if scores.dtype.kind not in "biuf":
        raise TypeError(f"{name} must hold real numbers, got dtype {scores.dtype}.")
    if scores.size == 0:
        raise ValueError(f"{name} is empty, shape {scores.shape}: there is nothing to rank.")
    if scores.dtype not in (np.float32, np.float64):
        scores = scores.astype(np.float32 if scores.dtype == np.float16 else np.float64)
    num_nan = int(np.isnan(scores).sum())
    if num_nan:
        raise ValueError(f"{name} holds {num_nan} NaN of {scores.size} scores; a NaN has no rank.")
    return scores


def as_score_vector(name: str, value: Any) -> npt.NDArray[Any]:
    """One-dimensional scores."""
    scores = as_scores(name, value)
    if scores.ndim != 1:
        raise ValueError(f"{name} must have shape (num_pairs,), got {scores.shape}.")
    return scores


def as_vectors(value: Any) -> npt.NDArray[Any]:
    """Node vectors, or those an object holds as ``vectors``, as a float32 or float64 matrix of finite numbers."""
    vectors = to_numpy(getattr(value, "vectors", value))
    if vectors.ndim != 2 or vectors.dtype.kind not in "biuf":
        raise ValueError(
            f"vectors must be a real matrix of shape (num_nodes, dimensions), got {vectors.dtype} {vectors.shape}."
        )
    if vectors.dtype not in (np.float32, np.float64):
        vectors = vectors.astype(np.float32)
    if not np.isfinite(vectors).all():
        bad = int(np.flatnonzero(~np.isfinite(vectors).all(axis=1))[0])
        raise ValueError(f"vectors must be finite; row {bad} is not.")
    return vectors


def refuse_leaks(graph: Graph, hidden: I64, train: I64, part: str, *, repeats: bool = True) -> None:
    """Refuse a graph that holds edges to be predicted; with ``repeats``, unless training holds them too."""
    known = graph.with_edges(train).has_edges(*hidden)
    if known.any() and not repeats:
        raise ValueError(
            f"{int(np.count_nonzero(known))} of the {hidden.shape[1]} {part} edges are training edges, too: "
            "the split leaks."
        )
    leaked = int(np.count_nonzero(graph.has_edges(*hidden) & ~known))
    if leaked:
        raise ValueError(
            f"graph holds {leaked} of the {hidden.shape[1]} {part} edges; give the graph of training edges."
        )
