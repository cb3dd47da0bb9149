from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest


@pytest.fixture(scope="session", autouse=True)
def _ctrl_c():
    """Ctrl-C raises KeyboardInterrupt in a run that was started in the background, too, where shells ignore it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


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
    """``ogb.linkproppred`` as torch 2.6 and later need it; tests that need it are skipped without it."""
    torch = pytest.importorskip("torch")
    monkeypatch.setitem(sys.modules, "outdated", None)  # keeps ogb from looking for newer releases online
    module = pytest.importorskip("ogb.linkproppred")
    load = torch.load  # since 2.6 it refuses arrays unless told, and ogb gives "rb" for map_location
    monkeypatch.setattr(torch, "load", lambda path, *_args, **_options: load(path, weights_only=False))
    return module
