"""Evaluation of vectors, scores and clusters beside untrained baselines. Importing this loads no scikit-learn."""

from __future__ import annotations

from graphrep.evaluate.baselines import (
    compare,
    compare_nodes,
    link_baselines,
    node_baselines,
    smooth_features,
)
from graphrep.evaluate.clustering import Clustering, clustering
from graphrep.evaluate.geometry import (
    AlignmentUniformity,
    Hubness,
    Stability,
    align,
    alignment_and_uniformity,
    hubness,
    stability,
)
from graphrep.evaluate.hops import Reconstruction, reconstruction
from graphrep.evaluate.link_prediction import LinkPrediction, edge_features, link_prediction
from graphrep.evaluate.metrics import average_precision, hits_at_k, link_metrics, mrr, mrr_report, roc_auc
from graphrep.evaluate.netinfof import netinfof_components, netinfof_probe
from graphrep.evaluate.node_classification import NodeClassification, node_classification
from graphrep.evaluate.ranking import KnownTriples, Ranking, ranking
from graphrep.evaluate.recommendation import InteractionSplit, Recommendation, hold_out_items, recommendation
from graphrep.evaluate.reliability import (
    Calibration,
    Calibrator,
    calibration,
    edge_calibration,
    fit_calibrator,
    pair_groups,
)
from graphrep.evaluate.splits import ncn_link_split, random_link_split
from graphrep.evaluate.tables import Comparison
from graphrep.evaluate.topology import TopologicalConcentration, topological_concentration
from graphrep.evaluate.untrained_clusters import ClusteringBaselines, clustering_baselines, modularity

__all__ = [
    "AlignmentUniformity",
    "Calibration",
    "Calibrator",
    "Clustering",
    "ClusteringBaselines",
    "Comparison",
    "Hubness",
    "InteractionSplit",
    "KnownTriples",
    "LinkPrediction",
    "NodeClassification",
    "Ranking",
    "Recommendation",
    "Reconstruction",
    "Stability",
    "TopologicalConcentration",
    "align",
    "alignment_and_uniformity",
    "average_precision",
    "calibration",
    "clustering",
    "clustering_baselines",
    "compare",
    "compare_nodes",
    "edge_calibration",
    "edge_features",
    "fit_calibrator",
    "hits_at_k",
    "hold_out_items",
    "hubness",
    "link_baselines",
    "link_metrics",
    "link_prediction",
    "modularity",
    "mrr",
    "mrr_report",
    "ncn_link_split",
    "netinfof_components",
    "netinfof_probe",
    "node_baselines",
    "node_classification",
    "pair_groups",
    "random_link_split",
    "ranking",
    "recommendation",
    "reconstruction",
    "roc_auc",
    "smooth_features",
    "stability",
    "topological_concentration",
]
