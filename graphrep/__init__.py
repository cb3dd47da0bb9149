"""Graph representation learning: a graph in; vectors, clusters or missing links out.

The public names are listed here and nowhere else. They are imported on first use, so ``import graphrep`` is light and
loads neither torch nor scikit-learn.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import lazy_loader


def _share_openmp() -> None:
    """Let the kernels use the OpenMP runtime of a torch that has it under a name of its own, such as 2.4."""
    torch = None if "torch" in sys.modules or sys.platform != "linux" else importlib.util.find_spec("torch")
    for folder in (torch and torch.submodule_search_locations) or ():
        for path in Path(folder, "lib").glob("libgomp-*.so*"):
            import ctypes

            ctypes.CDLL(str(path), mode=ctypes.RTLD_GLOBAL)


_share_openmp()
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
