"""The one switch between implementations of an op: the environment variable ``GRAPHREP_BACKEND``."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import TypeVar

BACKENDS = ("auto", "native", "triton", "reference")

F = TypeVar("F", bound=Callable[..., object])


def choose(op: str, implementations: Mapping[str, F]) -> F:
    """Pick the implementation of ``op`` that ``GRAPHREP_BACKEND`` asks for; ``auto`` takes the first one listed.

    The variable is read at every call, so a test can set it for one call.
    """
    wanted = os.environ.get("GRAPHREP_BACKEND", "auto") or "auto"
    if wanted not in BACKENDS:
        raise ValueError(f"GRAPHREP_BACKEND must be one of {', '.join(BACKENDS)}; got {wanted!r}.")
    if wanted == "auto":
        return next(iter(implementations.values()))
    if wanted not in implementations:
        raise NotImplementedError(
            f"{op} has no {wanted!r} implementation; GRAPHREP_BACKEND can be auto or {', '.join(implementations)} here."
        )
    return implementations[wanted]
