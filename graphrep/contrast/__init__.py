"""Contrastive learners: estimators over plain losses and modules.

They load torch, so names are imported on first use.
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
    from graphrep.contrast.nearness import influence, knn_graph, spectral_features

_HOME = {
    "AutoEncoder": "autoencoder",
    "PamC": "clustering",
    "SCGC": "clustering",
    "all_pairs_similarity": "cluster_losses",
    "clustering_divergence": "cluster_losses",
    "influence": "nearness",
    "knn_graph": "nearness",
    "meta_node_loss": "cluster_losses",
    "meta_nodes": "cluster_losses",
    "neighbor_contrast_loss": "cluster_losses",
    "neighbor_similarity": "cluster_losses",
    "pretrain_autoencoder": "autoencoder",
    "soft_assignment": "cluster_losses",
    "spectral_features": "nearness",
    "target_distribution": "cluster_losses",
}

__all__ = [
    "SCGC",
    "AutoEncoder",
    "PamC",
    "all_pairs_similarity",
    "clustering_divergence",
    "influence",
    "knn_graph",
    "meta_node_loss",
    "meta_nodes",
    "neighbor_contrast_loss",
    "neighbor_similarity",
    "pretrain_autoencoder",
    "soft_assignment",
    "spectral_features",
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
