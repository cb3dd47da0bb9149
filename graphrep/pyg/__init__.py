"""torch_geometric on graphrep's kernels: its convolutions, and the operators that its samplers take from pyg-lib.

``accelerate(model)`` switches the convolutions of a model. The classes can also be used in place of their namesakes:
``GCNConv``, ``SAGEConv``, ``GINConv``, ``GraphConv``, ``GATConv``, ``GATv2Conv``, ``TransformerConv`` and ``RGCNConv``.
They aggregate without storing a message per edge. The rows into which an ``edge_index`` is grouped are kept, shared by
the layers of a model, and used again as long as the edges are the same, as in full-batch training.

Cases that the kernels do not cover (a torch sparse matrix or EdgeIndex as input, an aggregation other than sum, mean,
max or min, explanations, hooks, decomposed layers, TorchScript) run on torch_geometric's own code.
"""

from __future__ import annotations

from graphrep.pyg.attention import GATConv, GATv2Conv, TransformerConv
from graphrep.pyg.convolutions import GCNConv, GINConv, GraphConv, SAGEConv
from graphrep.pyg.operators import Provided, provide
from graphrep.pyg.relational import RGCNConv
from graphrep.pyg.switch import accelerate, report

__all__ = [
    "GATConv",
    "GATv2Conv",
    "GCNConv",
    "GINConv",
    "GraphConv",
    "Provided",
    "RGCNConv",
    "SAGEConv",
    "TransformerConv",
    "accelerate",
    "provide",
    "report",
]
