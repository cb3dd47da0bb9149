"""Checks of plain arguments, each with one clear sentence."""

from __future__ import annotations

import math
import numbers
import sys
import warnings
from typing import Any

import numpy as np
import scipy.sparse as sp


def checked_int(name: str, value: Any, minimum: int, maximum: int | None = None) -> int:
    """``value`` as an int in [minimum, maximum]."""
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise TypeError(f"{name} must be an integer, got {value!r}.")
    number = int(value)
    if number < minimum or (maximum is not None and number > maximum):
        limits = f"at least {minimum}" if maximum is None else f"from {minimum} to {maximum}"
        raise ValueError(f"{name} must be {limits}, got {value}.")
    return number


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


def outer_level() -> int:
    """``stacklevel`` with which the function that calls this one warns at the line outside of graphrep."""
    frame, level = sys._getframe(1), 1
    while frame.f_back and frame.f_globals.get("__name__", "").partition(".")[0] == "graphrep":
        frame, level = frame.f_back, level + 1
    return level


def warn_caller(text: str) -> None:
    """Warn at the line outside of graphrep that led here."""
    warnings.warn(text, UserWarning, stacklevel=outer_level())


def check_finite(name: str, x: Any) -> None:
    """Refuse an array or SciPy matrix that holds NaN or infinity."""
    bad = int(np.count_nonzero(~np.isfinite(x.data if sp.issparse(x) else x)))
    if bad:
        raise ValueError(f"{name} must be finite, but {bad:,} of its entries are NaN or infinite.")
