"""Several processes, on one host or many, that compute parts of one result: the ranks of ``torch.distributed``."""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
