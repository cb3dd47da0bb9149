"""The experiment with recommenders on a small graph: its cut, and what it writes."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp

FOLDER = Path(__file__).resolve().parents[2] / "experiments"


@pytest.fixture
def script(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", [str(FOLDER), *sys.path])
    spec = importlib.util.spec_from_file_location("experiment_recommend", FOLDER / "recommend.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    import _harness

    for place in (_harness, module):
        monkeypatch.setattr(place, "RESULTS", tmp_path)
    return module


def test_what_is_left_has_enough_entries(script):
    matrix = sp.csr_array(np.random.default_rng(0).random((60, 40)) < 0.1, dtype=float)
    left = script.cut(matrix, 3, 50)
    assert 0 < left.shape[0] <= 50
    assert min(np.diff(left.indptr).min(), np.bincount(left.indices, minlength=left.shape[1]).min()) >= 3


def test_a_row_per_method_with_its_deviation(script, tmp_path, monkeypatch):
    tastes = np.kron(np.eye(3), np.ones((10, 12)))
    some = sp.csr_array(tastes * (np.random.default_rng(0).random(tastes.shape) < 0.7))
    monkeypatch.setattr(script, "read", lambda name, root: some)
    monkeypatch.setattr(script, "METHODS", {"Popularity": {}, "ItemKNN": {}})
    monkeypatch.setattr(sys, "argv", ["recommend.py", "tastes", "--seeds", "2"])
    script.main()
    found = json.loads((tmp_path / "recommend.json").read_text())["graphs"][0]
    popular, nearest = ([run["recall"] for run in row["runs"]] for row in found["rows"])
    assert min(nearest) > 0.9 > max(popular)
    mean, spread = np.mean(popular), np.std(popular, ddof=1)
    line = f"| `Popularity` | {mean:.4f} ± {spread:.4f} |".replace("0.", ".")
    assert line in (tmp_path / "recommend.md").read_text()
