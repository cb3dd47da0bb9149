"""Learners that give one vector per node, and the vectors they give."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from graphrep.embed.fastrp import FastRP
    from graphrep.embed.node2vec import DeepWalk, Node2Vec
    from graphrep.embed.vectors import NodeVectors, load_vectors

_HOME = {
    "DeepWalk": "graphrep.embed.node2vec",
    "FastRP": "graphrep.embed.fastrp",
    "Node2Vec": "graphrep.embed.node2vec",
    "NodeVectors": "graphrep.embed.vectors",
    "load_vectors": "graphrep.embed.vectors",
}

__all__ = ["DeepWalk", "FastRP", "Node2Vec", "NodeVectors", "load_vectors"]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'graphrep.embed' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return list(__all__)
