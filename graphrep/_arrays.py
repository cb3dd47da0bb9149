"""Arrays out of what callers give, checked once: tensors, row numbers, node vectors."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt


def detached(value: Any) -> Any:
    """Return a tensor on any device as a NumPy array, and anything else unchanged; bfloat16 becomes float32."""
    if not hasattr(value, "detach"):
        return value
    if hasattr(value, "as_tensor"):  # PyG EdgeIndex
        value = value.as_tensor()
    value = value.detach().cpu()
    return (value.float() if str(value.dtype) == "torch.bfloat16" else value).numpy()


def to_numpy(value: Any) -> npt.NDArray[Any]:
    """Return an array, list or tensor on any device as a NumPy array, without a copy if possible."""
    return np.asarray(detached(value))


def check_integers(name: str, array: npt.NDArray[Any]) -> None:
    """Raise TypeError unless the array is empty or has an integer dtype."""
    if array.size and array.dtype.kind not in "iu":
        raise TypeError(f"{name} must hold integers, got dtype {array.dtype}.")


def check_rows(name: str, rows: Any, stop: int, *, start: int = 0, error: type[Exception] = IndexError) -> None:
    """Raise ``error`` if an entry of an integer array or tensor lies outside [start, stop)."""
    if 0 not in rows.shape:
        low, high = int(rows.min()), int(rows.max())
        if low < start or high >= stop:
            raise error(f"{name} must lie in [{start}, {stop}), got {low} … {high}.")


def as_vectors(value: Any) -> npt.NDArray[Any]:
    """Node vectors, or the ``vectors`` of an object, as a finite float32 or float64 matrix."""
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
