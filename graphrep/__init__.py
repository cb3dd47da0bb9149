"""Graph representation learning: a graph in; vectors, clusters or missing links out.

The public names are listed here and nowhere else. They are imported on first use, so ``import graphrep`` is light and
loads neither torch nor scikit-learn.
"""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
