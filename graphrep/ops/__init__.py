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
    from graphrep.ops._library import empty_cache, unchecked
    from graphrep.ops.adjacency import Adjacency, as_adjacency
    from graphrep.ops.counter_dropout import dropout, norm_dropout_relu
    from graphrep.ops.diffusion import push_pagerank, walk_sums
    from graphrep.ops.edge_attention import additive_attention, dot_attention, edge_softmax
    from graphrep.ops.neighbors import weighted_intersection
    from graphrep.ops.neighbors.sets import (
        common_neighbors,
        intersection_count,
        neighbor_difference,
        pool_common_neighbors,
        pool_difference,
    )
    from graphrep.ops.projection import project_neighbors, random_projection
    from graphrep.ops.propagation import propagate
    from graphrep.ops.sampling import NeighborSample, sample_neighbors
    from graphrep.ops.segment import (
        gather_coo,
        gather_csr,
        scatter,
        scatter_add,
        scatter_log_softmax,
        scatter_logsumexp,
        scatter_max,
        scatter_mean,
        scatter_min,
        scatter_mul,
        scatter_softmax,
        scatter_std,
        scatter_sum,
        segment_add_coo,
        segment_add_csr,
        segment_coo,
        segment_csr,
        segment_max_coo,
        segment_max_csr,
        segment_mean_coo,
        segment_mean_csr,
        segment_min_coo,
        segment_min_csr,
        segment_sum_coo,
        segment_sum_csr,
    )
    from graphrep.ops.skipgram import SkipGram
    from graphrep.ops.sparse_dense import sddmm, spmm
    from graphrep.ops.walks import WalkSampler, iter_walks, random_walks, transition_probabilities

_HOME = {
    "Adjacency": "adjacency",
    "NeighborSample": "sampling",
    "SkipGram": "skipgram",
    "WalkSampler": "walks",
    "additive_attention": "edge_attention",
    "as_adjacency": "adjacency",
    "dot_attention": "edge_attention",
    "dropout": "counter_dropout",
    "edge_softmax": "edge_attention",
    "empty_cache": "_library",
    "gather_coo": "segment",
    "gather_csr": "segment",
    "common_neighbors": "neighbors.sets",
    "intersection_count": "neighbors.sets",
    "iter_walks": "walks",
    "neighbor_difference": "neighbors.sets",
    "norm_dropout_relu": "counter_dropout",
    "pool_common_neighbors": "neighbors.sets",
    "pool_difference": "neighbors.sets",
    "project_neighbors": "projection",
    "push_pagerank": "diffusion",
    "walk_sums": "diffusion",
    "propagate": "propagation",
    "random_projection": "projection",
    "random_walks": "walks",
    "scatter": "segment",
    "scatter_add": "segment",
    "scatter_log_softmax": "segment",
    "scatter_logsumexp": "segment",
    "scatter_max": "segment",
    "scatter_mean": "segment",
    "scatter_min": "segment",
    "scatter_mul": "segment",
    "scatter_softmax": "segment",
    "scatter_std": "segment",
    "scatter_sum": "segment",
    "sample_neighbors": "sampling",
    "sddmm": "sparse_dense",
    "segment_add_coo": "segment",
    "segment_add_csr": "segment",
    "segment_coo": "segment",
    "segment_csr": "segment",
    "segment_max_coo": "segment",
    "segment_max_csr": "segment",
    "segment_mean_coo": "segment",
    "segment_mean_csr": "segment",
    "segment_min_coo": "segment",
    "segment_min_csr": "segment",
    "segment_sum_coo": "segment",
    "segment_sum_csr": "segment",
    "spmm": "sparse_dense",
    "transition_probabilities": "walks",
    "unchecked": "_library",
    "weighted_intersection": "neighbors",
}

__all__ = [
    "Adjacency",
    "NeighborSample",
    "SkipGram",
    "WalkSampler",
    "additive_attention",
    "as_adjacency",
    "common_neighbors",
    "dot_attention",
    "dropout",
    "edge_softmax",
    "empty_cache",
    "gather_coo",
    "gather_csr",
    "intersection_count",
    "iter_walks",
    "neighbor_difference",
    "norm_dropout_relu",
    "pool_common_neighbors",
    "pool_difference",
    "project_neighbors",
    "propagate",
    "push_pagerank",
    "random_projection",
    "random_walks",
    "sample_neighbors",
    "scatter",
    "scatter_add",
    "scatter_log_softmax",
    "scatter_logsumexp",
    "scatter_max",
    "scatter_mean",
    "scatter_min",
    "scatter_mul",
    "scatter_softmax",
    "scatter_std",
    "scatter_sum",
    "sddmm",
    "segment_add_coo",
    "segment_add_csr",
    "segment_coo",
    "segment_csr",
    "segment_max_coo",
    "segment_max_csr",
    "segment_mean_coo",
    "segment_mean_csr",
    "segment_min_coo",
    "segment_min_csr",
    "segment_sum_coo",
    "segment_sum_csr",
    "spmm",
    "transition_probabilities",
    "unchecked",
    "walk_sums",
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
