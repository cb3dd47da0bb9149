"""Scores for pairs of nodes: the likelier an edge between them, the higher."""

from __future__ import annotations

from graphrep.linkpred.heuristics import (
    HEURISTICS,
    adamic_adar,
    common_neighbors,
    jaccard,
    preferential_attachment,
    resource_allocation,
)

__all__ = [
    "HEURISTICS",
    "adamic_adar",
    "common_neighbors",
    "jaccard",
    "preferential_attachment",
    "resource_allocation",
]
