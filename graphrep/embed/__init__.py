"""Estimators that give one vector per node."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from graphrep.embed.fastrp import FastRP, FastRPTrial, tune_fastrp
    from graphrep.embed.node2vec import DeepWalk, Node2Vec
    from graphrep.embed.vectors import NodeVectors, load_vectors

_HOME = {
    "DeepWalk": "node2vec",
    "FastRP": "fastrp",
    "FastRPTrial": "fastrp",
    "Node2Vec": "node2vec",
    "NodeVectors": "vectors",
    "load_vectors": "vectors",
    "tune_fastrp": "fastrp",
}

__all__ = ["DeepWalk", "FastRP", "FastRPTrial", "Node2Vec", "NodeVectors", "load_vectors", "tune_fastrp"]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(f"graphrep.embed.{_HOME[name]}"), name)
    raise AttributeError(f"module 'graphrep.embed' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
