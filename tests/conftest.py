from __future__ import annotations

import os
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
