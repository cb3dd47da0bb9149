"""Self-supervised learners: contrastive objectives, training on the whole graph or on cluster means, and clustering.

Everything here loads torch, so it is imported on first use.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from graphrep.contrast.autoencoder import AutoEncoder, pretrain_autoencoder
    from graphrep.contrast.cluster_losses import (
        all_pairs_similarity,
        clustering_divergence,
        meta_node_loss,
        meta_nodes,
        neighbor_contrast_loss,
        neighbor_similarity,
        soft_assignment,
        target_distribution,
    )
    from graphrep.contrast.clustering import SCGC, PamC
    from graphrep.contrast.compress import ClusterMeans
    from graphrep.contrast.contrastive import Contrastive
    from graphrep.contrast.infonce import info_nce
    from graphrep.contrast.nearness import influence, knn_graph, spectral_features
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
    "SCGC": "clustering",
    "AutoEncoder": "autoencoder",
    "ClusterMeans": "compress",
    "Clusters": "partition",
    "Contrastive": "contrastive",
    "PamC": "clustering",
    "StructComp": "structcomp",
    "all_pairs_similarity": "cluster_losses",
    "barlow_twins": "objectives",
    "bgrl": "objectives",
    "cca_ssg": "objectives",
    "clustering_divergence": "cluster_losses",
    "coles": "objectives",
    "dgi": "objectives",
    "ggd": "objectives",
    "influence": "nearness",
    "info_nce": "infonce",
    "knn_graph": "nearness",
    "meta_node_loss": "cluster_losses",
    "meta_nodes": "cluster_losses",
    "metis": "partition",
    "neighbor_contrast_loss": "cluster_losses",
    "neighbor_similarity": "cluster_losses",
    "pretrain_autoencoder": "autoencoder",
    "random_negatives": "objectives",
    "rankme": "rank",
    "sce": "objectives",
    "soft_assignment": "cluster_losses",
    "spectral_features": "nearness",
    "symmetric_normalised": "objectives",
    "target_distribution": "cluster_losses",
}

__all__ = [
    "SCGC",
    "AutoEncoder",
    "ClusterMeans",
    "Clusters",
    "Contrastive",
    "PamC",
    "StructComp",
    "all_pairs_similarity",
    "barlow_twins",
    "bgrl",
    "cca_ssg",
    "clustering_divergence",
    "coles",
    "dgi",
    "ggd",
    "influence",
    "info_nce",
    "knn_graph",
    "meta_node_loss",
    "meta_nodes",
    "metis",
    "neighbor_contrast_loss",
    "neighbor_similarity",
    "pretrain_autoencoder",
    "random_negatives",
    "rankme",
    "sce",
    "soft_assignment",
    "spectral_features",
    "symmetric_normalised",
    "target_distribution",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'graphrep.contrast' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"graphrep.contrast.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
