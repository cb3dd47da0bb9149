"""Graph representation learning: a graph in; vectors, clusters or missing links out.

The public names are listed here and nowhere else. They are imported on first use, so ``import graphrep`` is light and
loads neither torch nor scikit-learn.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from graphrep import contrast, datasets, embed, evaluate, io, linkpred, loader, nn, ops, pyg
    from graphrep._doctor import show_versions
    from graphrep._version import __version__
    from graphrep.contrast.clustering import SCGC, PamC
    from graphrep.contrast.contrastive import Contrastive
    from graphrep.contrast.structcomp import StructComp
    from graphrep.embed import DeepWalk, FastRP, Node2Vec, NodeVectors, load_vectors
    from graphrep.graph import Graph, as_graph
    from graphrep.linkpred.embedding import EmbeddingScorer
    from graphrep.linkpred.neural import GAE, NCN, NCNC
    from graphrep.ops.walks import iter_walks, random_walks

_HOME = {
    "Contrastive": "graphrep.contrast.contrastive",
    "DeepWalk": "graphrep.embed",
    "EmbeddingScorer": "graphrep.linkpred.embedding",
    "FastRP": "graphrep.embed",
    "GAE": "graphrep.linkpred.neural",
    "Graph": "graphrep.graph",
    "NCN": "graphrep.linkpred.neural",
    "NCNC": "graphrep.linkpred.neural",
    "Node2Vec": "graphrep.embed",
    "NodeVectors": "graphrep.embed",
    "PamC": "graphrep.contrast.clustering",
    "SCGC": "graphrep.contrast.clustering",
    "StructComp": "graphrep.contrast.structcomp",
    "__version__": "graphrep._version",
    "as_graph": "graphrep.graph",
    "iter_walks": "graphrep.ops.walks",
    "load_vectors": "graphrep.embed",
    "random_walks": "graphrep.ops.walks",
    "show_versions": "graphrep._doctor",
}
_MODULES = ("contrast", "datasets", "embed", "evaluate", "io", "linkpred", "loader", "nn", "ops", "pyg")

__all__ = [
    "GAE",
    "NCN",
    "NCNC",
    "SCGC",
    "Contrastive",
    "DeepWalk",
    "EmbeddingScorer",
    "FastRP",
    "Graph",
    "Node2Vec",
    "NodeVectors",
    "PamC",
    "StructComp",
    "__version__",
    "as_graph",
    "contrast",
    "datasets",
    "embed",
    "evaluate",
    "io",
    "iter_walks",
    "linkpred",
    "load_vectors",
    "loader",
    "nn",
    "ops",
    "pyg",
    "random_walks",
    "show_versions",
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        value = getattr(importlib.import_module(_HOME[name]), name)
        globals()[name] = value
        return value
    if name in _MODULES:
        return importlib.import_module(f"graphrep.{name}")
    raise AttributeError(f"module 'graphrep' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
