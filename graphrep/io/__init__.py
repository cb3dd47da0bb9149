"""Reading edge lists, reading and writing node vectors.

The readers are imported on first use, since they need different libraries.
"""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
