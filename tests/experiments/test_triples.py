"""The experiment with triples on a small graph: its parts, and what it writes."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import pytest

FOLDER = Path(__file__).resolve().parents[2] / "experiments"


@pytest.fixture
def script(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", [str(FOLDER), *sys.path])
    spec = importlib.util.spec_from_file_location("experiment_triples", FOLDER / "triples.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    import _harness

    for place in (_harness, module):
        monkeypatch.setattr(place, "RESULTS", tmp_path)
    return module


def test_triples_of_debian_are_split_and_numbered(script, tmp_path):
    parts, (entities, relations) = script.triples_of("debian", tmp_path)
    every = np.concatenate(list(parts.values()))
    assert len(np.unique(every, axis=0)) == len(every)
    assert len(parts["valid"]) == len(parts["test"]) == len(every) // 10
    assert np.array_equal(np.unique(every[:, [0, 2]]), np.arange(entities))
    assert np.array_equal(np.unique(every[:, 1]), np.arange(relations))


def test_a_row_per_learner_that_is_not_repeated(script, tmp_path, monkeypatch, capsys):
    ring = np.array([[i, 0, (i + 1) % 12] for i in range(12)])
    parts = {"train": ring[:8], "valid": ring[8:10], "test": ring[10:]}
    monkeypatch.setattr(script, "triples_of", lambda name, root: (parts, (12, 1)))
    small = {"dimensions": 4, "epochs": 2}
    monkeypatch.setattr(script, "SETTINGS", {"ring": [("ComplEx", small), ("TransE", small)]})
    monkeypatch.setattr(sys, "argv", ["triples.py", "ring", "--only", "ComplEx"])
    script.main()
    first = json.loads((tmp_path / "triples.json").read_text(encoding="utf-8"))["graphs"][0]["rows"]
    assert [row["method"] for row in first] == ["degree", "symmetry", "ComplEx"]
    assert first[2]["valid_mrr"] == max(first[2]["curve"])
    assert first[2]["curve"][first[2]["best_epoch"] - 1] == first[2]["valid_mrr"]
    monkeypatch.setattr(sys, "argv", ["triples.py", "ring"])
    script.main()
    rows = json.loads((tmp_path / "triples.json").read_text(encoding="utf-8"))["graphs"][0]["rows"]
    assert rows[:3] == first
    table = (tmp_path / "triples.md").read_text(encoding="utf-8")
    assert "ring: 12 entities, 1 relations; 8 triples for training" in table
    assert table.count("(dimensions=4, epochs=2)") == 2
