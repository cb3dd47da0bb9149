"""Self-supervised learners: contrastive objectives, training on the whole graph, and training on cluster means.

Everything here loads torch, so it is imported on first use.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from graphrep.contrast.compress import ClusterMeans
    from graphrep.contrast.contrastive import Contrastive
    from graphrep.contrast.infonce import info_nce
    from graphrep.contrast.objectives import (
        barlow_twins,
        bgrl,
        cca_ssg,
        coles,
        dgi,
        ggd,
        random_negatives,
        sce,
        symmetric_normalised,
    )
    from graphrep.contrast.partition import Clusters, metis
    from graphrep.contrast.rank import rankme
    from graphrep.contrast.structcomp import StructComp

_HOME = {
    "ClusterMeans": "compress",
    "Clusters": "partition",
    "Contrastive": "contrastive",
    "StructComp": "structcomp",
    "barlow_twins": "objectives",
    "bgrl": "objectives",
    "cca_ssg": "objectives",
    "coles": "objectives",
    "dgi": "objectives",
    "ggd": "objectives",
    "info_nce": "infonce",
    "metis": "partition",
    "random_negatives": "objectives",
    "rankme": "rank",
    "sce": "objectives",
    "symmetric_normalised": "objectives",
}

__all__ = [
    "ClusterMeans",
    "Clusters",
    "Contrastive",
    "StructComp",
    "barlow_twins",
    "bgrl",
    "cca_ssg",
    "coles",
    "dgi",
    "ggd",
    "info_nce",
    "metis",
    "random_negatives",
    "rankme",
    "sce",
    "symmetric_normalised",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'graphrep.contrast' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"graphrep.contrast.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
