"""Checks of plain arguments, each with one clear sentence."""

from __future__ import annotations

import math
import numbers
import sys
import warnings
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import scipy.sparse as sp

from graphrep._arrays import detached

# Squares of larger features, summed over many columns and neighbors, come near the largest float32.
LARGEST_FEATURE = 1e15

_BLOCK = 1 << 20  # features that are checked at a time


def is_missing(value: Any) -> bool:
    """Whether a value is None, NaN, or pandas' NA or NaT."""
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(value, numbers.Real) and math.isnan(value)


def checked_int(name: str, value: Any, minimum: int, maximum: int | None = None) -> int:
    """``value`` as an int in [minimum, maximum]."""
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise TypeError(f"{name} must be an integer, got {value!r}.")
    number = int(value)
    if number < minimum or (maximum is not None and number > maximum):
        limits = f"at least {minimum}" if maximum is None else f"from {minimum} to {maximum}"
        raise ValueError(f"{name} must be {limits}, got {value}.")
    return number


def checked_ints(name: str, values: Any, minimum: int, maximum: int | None = None) -> list[int]:
    """``values``, a sequence, as ints in [minimum, maximum]; an array or tensor of integers counts as a sequence."""
    if isinstance(values, (str, bytes, Mapping)) or not isinstance(values, Iterable) or getattr(values, "ndim", 1) == 0:
        raise TypeError(f"{name} must be a sequence of integers, got {brief(values)}.")
    values = detached(values)
    listed = values.tolist() if isinstance(values, np.ndarray) else values
    return [checked_int(name, value, minimum, maximum) for value in listed]


def checked_float(
    name: str, value: Any, minimum: float = -math.inf, maximum: float = math.inf, *, exclusive: bool = False
) -> float:
    """``value`` as a finite float in [minimum, maximum], or above minimum if ``exclusive``."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(f"{name} must be a number, got {value!r}.")
    number = float(value)
    below = number <= minimum if exclusive else number < minimum
    if not math.isfinite(number) or below or number > maximum:
        limits = f"{'greater than' if exclusive else 'at least'} {minimum:g}" if minimum > -math.inf else "finite"
        limits += f" and at most {maximum:g}" if maximum < math.inf else ""
        raise ValueError(f"{name} must be {limits}, got {value}.")
    return number


def brief(*values: Any, length: int = 40, most: int = 12) -> str:
    """Representations of values for an error, separated by commas; long ones and long lists are cut."""
    texts = [repr(value) for value in values[:most]]
    shown = [text if len(text) <= length else f"{text[: length - 1]}…" for text in texts]
    return ", ".join(shown + ["…"] * (len(values) > most))


def outer_level() -> int:
    """``stacklevel`` with which the function that calls this one warns at the line outside of graphrep.

    scikit-learn, which wraps ``transform`` and calls the steps of a pipeline, counts as part of it.
    """
    frame, level = sys._getframe(1), 1
    while frame.f_back and frame.f_globals.get("__name__", "").partition(".")[0] in ("graphrep", "sklearn"):
        frame, level = frame.f_back, level + 1
    return level


def warn_caller(text: str) -> None:
    """Warn at the line of the caller's code that led here."""
    warnings.warn(text, UserWarning, stacklevel=outer_level())


def checked_features(name: str, x: Any, num_rows: int | None = None, dtype: Any = np.float32) -> Any:
    """Features as a CSR or dense matrix of ``dtype`` with at least one column, and ``num_rows`` rows if that is given.

    Raises TypeError unless they are real numbers, and ValueError for another shape, for NaN and infinity, and for
    values so large that float32 arithmetic overflows.
    """
    x = detached(x)
    if not sp.issparse(x):
        try:
            x = np.asarray(x)
        except ValueError:
            raise ValueError(f"{name} must be a matrix, got rows of different lengths.") from None
    values = x.data if sp.issparse(x) else x
    if values.dtype == object and all(isinstance(value, numbers.Real) for value in values.ravel().tolist()):
        values = values.astype(np.float64)
        x = x.astype(np.float64)
    if values.dtype.kind not in "biuf":
        raise TypeError(f"{name} must hold real numbers, got dtype {values.dtype}.")
    rows = "num_nodes" if num_rows is None else num_rows
    if x.ndim != 2 or (num_rows is not None and x.shape[0] != num_rows):
        hint = "; reshape one feature per node to (num_nodes, 1)" if x.ndim == 1 else ""
        raise ValueError(f"{name} must have shape ({rows}, num_features), got {x.shape}{hint}.")
    if x.shape[1] == 0:
        raise ValueError(f"{name} has no columns; pass x=None for a graph without features.")
    bad, largest = 0, 0.0
    step = max(1, _BLOCK // (1 if values.ndim == 1 else values.shape[1]))
    for begin in range(0, len(values) if values.dtype.kind != "b" else 0, step):  # a mapped file is not copied whole
        part = values[begin : begin + step]
        bad += int(np.count_nonzero(~np.isfinite(part))) if values.dtype.kind == "f" else 0
        largest = largest if bad else max(largest, float(np.abs(part).max(initial=0)))
    if bad:
        raise ValueError(f"{name} must be finite, but {bad:,} of its entries are NaN or infinite.")
    if largest > LARGEST_FEATURE:
        raise ValueError(
            f"{name} holds values up to {largest:.3g}, so large that float32 arithmetic overflows; scale the columns, "
            "for example with sklearn.preprocessing.StandardScaler."
        )
    return sp.csr_array(x, dtype=dtype) if sp.issparse(x) else np.asarray(x, dtype=dtype)


def checked_rank(rank: Any, world_size: Any, seed: Any, name: str = "random_state") -> tuple[int, int]:
    """The number of a process, and of processes, that divide what is drawn with a seed."""
    world_size = checked_int("world_size", world_size, 1)
    rank = checked_int("rank", rank, 0, world_size - 1)
    if world_size > 1 and not isinstance(seed, (int, np.integer)):
        raise ValueError(f"{name} must be an integer, the same for all ranks, if world_size is above 1; got {seed!r}.")
    return rank, world_size
