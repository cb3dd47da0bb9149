"""The sparse message-passing backend: one folder per family of operations.

Each folder holds the public function (``__init__``), a plain ``reference`` and the call into the native kernel
(``cpu``). The environment variable ``GRAPHREP_BACKEND`` (auto, native, reference) chooses between them.
"""

from __future__ import annotations

from graphrep.ops.neighbors import weighted_intersection
from graphrep.ops.projection import project_neighbors, random_projection
from graphrep.ops.skipgram import SkipGram
from graphrep.ops.spmm import spmm
from graphrep.ops.walks import WalkSampler, iter_walks, random_walks, transition_probabilities

__all__ = [
    "SkipGram",
    "WalkSampler",
    "iter_walks",
    "project_neighbors",
    "random_projection",
    "random_walks",
    "spmm",
    "transition_probabilities",
    "weighted_intersection",
]
