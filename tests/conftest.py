from __future__ import annotations

import os
import sys
import types
import urllib.request
import warnings
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared_data():
    """Folder of real data sets that are not part of the repository; tests that need it are skipped without it."""
    default = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("GRAPHREP_SHARED_DATA", default))
    if not folder.is_dir():
        pytest.skip("no shared data; set GRAPHREP_SHARED_DATA")
    return folder


@pytest.fixture
def ogb(monkeypatch):
    """``ogb.linkproppred``, patched where ogb 1.3.6 breaks; tests that need it are skipped without it."""
    torch = pytest.importorskip("torch")
    if "six" not in sys.modules:  # ogb wants it for nothing but this
        moves = types.ModuleType("six.moves")
        moves.urllib = urllib
        monkeypatch.setitem(sys.modules, "six", types.ModuleType("six"))
        monkeypatch.setitem(sys.modules, "six.moves", moves)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module = pytest.importorskip("ogb.linkproppred", exc_type=ImportError)
    load = torch.load  # since 2.6 it refuses arrays unless told, and ogb gives "rb" for map_location
    monkeypatch.setattr(torch, "load", lambda path, *_args, **_options: load(path, weights_only=False))
    return module
