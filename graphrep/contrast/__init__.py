"""Self-supervised node vectors: contrastive objectives, trained on the whole graph or on cluster means."""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
