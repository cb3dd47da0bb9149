"""The sparse message-passing backend: one folder per family of operations.

Each folder holds the public functions (``__init__``), a plain ``reference``, the call into the native kernel (``cpu``)
and, for operations that run on a GPU, a Triton kernel (``triton``). The environment variable ``GRAPHREP_BACKEND``
(auto, native, triton, reference) selects one of them. Names are imported on first use, so that the operations on NumPy
arrays do not load torch; no folder has the name of a function.
"""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
