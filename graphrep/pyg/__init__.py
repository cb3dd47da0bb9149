"""torch_geometric on graphrep's kernels: its convolutions, and the operators that its samplers take from pyg-lib."""

from __future__ import annotations

from __future__ import annotations

from __future__ import annotations

from graphrep.pyg.convolutions import GATConv, GCNConv, GINConv, GraphConv, SAGEConv, accelerate
from graphrep.pyg.operators import Provided, provide

__all__ = ["GATConv", "GCNConv", "GINConv", "GraphConv", "Provided", "SAGEConv", "accelerate", "provide"]
