"""Evaluation of vectors, scores and clusters beside untrained baselines. Importing this loads no scikit-learn."""

from __future__ import annotations

from graphrep.evaluate.baselines import (
    compare,
    compare_nodes,
    link_baselines,
    node_baselines,
    smooth_features,
)
from graphrep.evaluate.clustering import Clustering, clustering, clustering_baselines
from graphrep.evaluate.link_prediction import LinkPrediction, edge_features, link_prediction
from graphrep.evaluate.metrics import average_precision, hits_at_k, link_metrics, mrr, mrr_report, roc_auc
from graphrep.evaluate.netinfof import netinfof_components, netinfof_probe
from graphrep.evaluate.node_classification import NodeClassification, node_classification
from graphrep.evaluate.splits import ncn_link_split, random_link_split
from graphrep.evaluate.tables import Comparison

__all__ = [
    "Clustering",
    "Comparison",
    "LinkPrediction",
    "NodeClassification",
    "average_precision",
    "clustering",
    "clustering_baselines",
    "compare",
    "compare_nodes",
    "edge_features",
    "hits_at_k",
    "link_baselines",
    "link_metrics",
    "link_prediction",
    "mrr",
    "mrr_report",
    "ncn_link_split",
    "netinfof_components",
    "netinfof_probe",
    "node_baselines",
    "node_classification",
    "random_link_split",
    "roc_auc",
    "smooth_features",
]
