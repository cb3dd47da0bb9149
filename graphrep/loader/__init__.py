"""Mini-batches of sampled subgraphs, shaped like those of PyG's loaders, without pyg-lib or torch-sparse.

A batch is a function of (seed, epoch, number of the batch) only. The number of workers and threads and the way in which
workers are started do not change it.
"""

from __future__ import annotations

from graphrep.loader.loaders import LinkNeighborLoader, NeighborLoader

__all__ = ["LinkNeighborLoader", "NeighborLoader"]
