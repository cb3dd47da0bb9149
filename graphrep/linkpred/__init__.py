"""Scores for pairs of nodes: the likelier an edge between them, the higher.

Heuristics on the native kernels, and estimators that learn. The latter and their predictors load torch, so they are
imported on first use.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from graphrep.linkpred.candidates import two_hop_pairs
from graphrep.linkpred.hard_negatives import hard_negatives
from graphrep.linkpred.heuristics import (
    HEURISTICS,
    adamic_adar,
    common_neighbors,
    jaccard,
    preferential_attachment,
    resource_allocation,
)
from graphrep.linkpred.paths import PATH_HEURISTICS, katz, personalized_pagerank

if TYPE_CHECKING:
    from graphrep.linkpred.embedding import EmbeddingScorer
    from graphrep.linkpred.neural import GAE, NCN, NCNC
    from graphrep.linkpred.predictors import (
        CompletionPredictor,
        HadamardPredictor,
        NeighborPredictor,
        ResidualPredictor,
    )

_HOME = {
    "CompletionPredictor": "predictors",
    "EmbeddingScorer": "embedding",
    "GAE": "neural",
    "HadamardPredictor": "predictors",
    "NCN": "neural",
    "NCNC": "neural",
    "NeighborPredictor": "predictors",
    "ResidualPredictor": "predictors",
}

__all__ = [
    "GAE",
    "HEURISTICS",
    "NCN",
    "NCNC",
    "PATH_HEURISTICS",
    "CompletionPredictor",
    "EmbeddingScorer",
    "HadamardPredictor",
    "NeighborPredictor",
    "ResidualPredictor",
    "adamic_adar",
    "common_neighbors",
    "hard_negatives",
    "jaccard",
    "katz",
    "personalized_pagerank",
    "preferential_attachment",
    "resource_allocation",
    "two_hop_pairs",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'graphrep.linkpred' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"graphrep.linkpred.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
