"""How good vectors and scores are, always beside an untrained baseline. Importing this loads no scikit-learn."""

from __future__ import annotations

from graphrep.evaluate.metrics import average_precision, hits_at_k, link_metrics, mrr, mrr_report, roc_auc
from graphrep.evaluate.node_classification import NodeClassification, node_classification

__all__ = [
    "NodeClassification",
    "average_precision",
    "hits_at_k",
    "link_metrics",
    "mrr",
    "mrr_report",
    "node_classification",
    "roc_auc",
]
