"""The one switch between implementations of an op: the environment variable ``GRAPHREP_BACKEND``."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import TypeVar

BACKENDS = ("auto", "native", "triton", "reference")

F = TypeVar("F", bound=Callable[..., object])


def wanted() -> str:
    """Value of ``GRAPHREP_BACKEND``, "auto" if it is not set; read at every call, so that a test can set it for one."""
    backend = os.environ.get("GRAPHREP_BACKEND") or "auto"
    if backend not in BACKENDS:
        raise ValueError(f"GRAPHREP_BACKEND must be one of {', '.join(BACKENDS)}; got {backend!r}.")
    return backend


def choose(op: str, implementations: Mapping[str, F]) -> F:
    """Pick the implementation of ``op`` that ``GRAPHREP_BACKEND`` asks for; ``auto`` takes the first one listed."""
    backend = wanted()
    if backend == "auto":
        return next(iter(implementations.values()))
    if backend not in implementations:
        raise NotImplementedError(
            f"{op} has no {backend!r} implementation; set GRAPHREP_BACKEND to auto or {', '.join(implementations)}."
        )
    return implementations[backend]
