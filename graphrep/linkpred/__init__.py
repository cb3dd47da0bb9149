"""Estimators that learn to score pairs of nodes: the likelier an edge between them, the higher the score."""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
