"""Reading edge lists, reading and writing node vectors.

The readers are imported on first use: each needs a library that the others do not.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from graphrep.io.edgelist import EdgeList, read_edges
    from graphrep.io.vectors import VectorTable, check_vector_path, read_vectors, write_vectors

_HOME = {
    "EdgeList": "graphrep.io.edgelist",
    "VectorTable": "graphrep.io.vectors",
    "check_vector_path": "graphrep.io.vectors",
    "read_edges": "graphrep.io.edgelist",
    "read_vectors": "graphrep.io.vectors",
    "write_vectors": "graphrep.io.vectors",
}

__all__ = [
    "EdgeList",
    "VectorTable",
    "check_vector_path",
    "read_edges",
    "read_vectors",
    "write_vectors",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'graphrep.io' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return list(__all__)
