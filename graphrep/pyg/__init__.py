"""torch_geometric on graphrep's kernels: its convolutions, with the same parameters and the same results."""

from __future__ import annotations

from graphrep.pyg.convolutions import GATConv, GCNConv, GINConv, GraphConv, SAGEConv, accelerate

__all__ = ["GATConv", "GCNConv", "GINConv", "GraphConv", "SAGEConv", "accelerate"]
