"""Graphs with types of nodes and edges: estimators of triples, their untrained bars, and meta-paths."""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
