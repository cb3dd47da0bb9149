"""The sparse message-passing backend: one folder per family of operations.

Each folder holds the public functions (``__init__``), a plain ``reference``, the call into the native kernel (``cpu``)
and, for what runs on a GPU, a Triton kernel (``triton``). The environment variable ``GRAPHREP_BACKEND`` (auto, native,
triton, reference) chooses between them. Names are imported on first use, so that those which work on NumPy arrays do
not load torch; no folder bears the name of a function.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from graphrep.ops._library import unchecked
    from graphrep.ops.adjacency import Adjacency, as_adjacency
    from graphrep.ops.edge_attention import additive_attention, dot_attention, edge_softmax
    from graphrep.ops.neighbors import weighted_intersection
    from graphrep.ops.projection import project_neighbors, random_projection
    from graphrep.ops.propagation import propagate
    from graphrep.ops.skipgram import SkipGram
    from graphrep.ops.sparse_dense import sddmm, spmm
    from graphrep.ops.walks import WalkSampler, iter_walks, random_walks, transition_probabilities

_HOME = {
    "Adjacency": "adjacency",
    "SkipGram": "skipgram",
    "WalkSampler": "walks",
    "additive_attention": "edge_attention",
    "as_adjacency": "adjacency",
    "dot_attention": "edge_attention",
    "edge_softmax": "edge_attention",
    "iter_walks": "walks",
    "project_neighbors": "projection",
    "propagate": "propagation",
    "random_projection": "projection",
    "random_walks": "walks",
    "sddmm": "sparse_dense",
    "spmm": "sparse_dense",
    "transition_probabilities": "walks",
    "unchecked": "_library",
    "weighted_intersection": "neighbors",
}

__all__ = [
    "Adjacency",
    "SkipGram",
    "WalkSampler",
    "additive_attention",
    "as_adjacency",
    "dot_attention",
    "edge_softmax",
    "iter_walks",
    "project_neighbors",
    "propagate",
    "random_projection",
    "random_walks",
    "sddmm",
    "spmm",
    "transition_probabilities",
    "unchecked",
    "weighted_intersection",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'graphrep.ops' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"graphrep.ops.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
