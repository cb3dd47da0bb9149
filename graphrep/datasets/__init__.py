"""Built-in and well-known graphs with their fixed splits.

``load`` reads all of them; the module of a data set is imported when it is loaded, and importing uses no network.
"""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
