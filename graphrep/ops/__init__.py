"""The sparse message-passing backend: one folder per family of operations.

Each folder holds the public function (``__init__``), a plain ``reference`` and the call into the native kernel
(``cpu``). The environment variable ``GRAPHREP_BACKEND`` (auto, native, reference) chooses between them.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from graphrep.ops.neighbors import weighted_intersection
    from graphrep.ops.skipgram import SkipGram
    from graphrep.ops.spmm import spmm
    from graphrep.ops.walks import WalkSampler, iter_walks, random_walks, transition_probabilities

_HOME = {
    "SkipGram": "skipgram",
    "WalkSampler": "walks",
    "iter_walks": "walks",
    "random_walks": "walks",
    "spmm": "spmm",
    "transition_probabilities": "walks",
    "weighted_intersection": "neighbors",
}

__all__ = [
    "SkipGram",
    "WalkSampler",
    "iter_walks",
    "random_walks",
    "spmm",
    "transition_probabilities",
    "weighted_intersection",
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(f"graphrep.ops.{_HOME[name]}"), name)
    raise AttributeError(f"module 'graphrep.ops' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
