"""A short run of the fuzzer: a few damaged files for every reader, in a process of their own."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

HERE = Path(__file__).parent
CASES = 200


@pytest.fixture(scope="module")
def fuzz():
    sys.path.insert(0, str(HERE))
    try:
        import mutate
        import readers
        import run
    finally:
        sys.path.remove(str(HERE))
    return mutate, readers, run


@pytest.mark.filterwarnings("ignore::UserWarning")  # of edge lists that can be read in two ways
def test_damaged_files_end_in_a_result_or_a_sentence(fuzz, tmp_path):
    _, readers, run = fuzz
    seeds = readers.write_seeds(tmp_path / "seeds", slow=False)
    outcomes = run.run(tmp_path, run.plan(seeds, CASES, first=10_000), workers=1, timeout=60)
    assert len(outcomes) == CASES
    assert run.bad(outcomes) == {}
    assert set(outcomes.values()) == {"result", "refused"}


def test_a_crash_a_timeout_and_a_bad_sentence_are_found(fuzz, tmp_path, monkeypatch):
    _, _, run = fuzz
    (tmp_path / "seeds").mkdir()
    worker = tmp_path / "worker.py"
    worker.write_text(
        "import os, sys, time\n"
        "for line in sys.stdin:\n"
        "    print('start', line, end='', flush=True)\n"
        "    name = line.split()[0]\n"
        "    if name == 'crash': os.abort()\n"
        "    if name == 'slow': time.sleep(60)\n"
        "    print('end', 'refused' if name == 'good' else 'no name of the file', flush=True)\n"
    )
    monkeypatch.setattr(run, "HERE", tmp_path)
    monkeypatch.setattr(run, "IMPORTS", 0)
    monkeypatch.setattr(run, "PATIENCE", 2)  # it sleeps, which takes no time of a processor
    cases = [("good", 0), ("crash", 1), ("good", 2), ("slow", 3), ("bad", 4), ("good", 5)]
    outcomes = run.run(tmp_path, cases, workers=1, timeout=1)
    assert list(outcomes) == cases
    assert list(run.bad(outcomes)) == [("crash", 1), ("slow", 3), ("bad", 4)]
    assert outcomes["crash", 1].startswith("crash with status -6: ")
    assert outcomes["slow", 3] == "timeout"


def test_changes_are_a_function_of_the_seed_and_differ(fuzz):
    mutate, _, _ = fuzz
    content = b"".join(b"%d %d\n" % (i, i + 1) for i in range(50))
    made = [mutate.changed(np.random.default_rng(i), "a.txt", content, [content]) for i in range(50)]
    assert made == [mutate.changed(np.random.default_rng(i), "a.txt", content, [content]) for i in range(50)]
    assert len(set(made)) > 40
    assert made.count(content) < 5


def test_the_counts_of_the_long_run_are_there():
    counts = json.loads((HERE / "counts.json").read_text())
    assert counts["cases"] == sum(counts["total"].values()) >= 10_000
    assert "bad" not in counts["total"]


def test_readers_without_new_cases_keep_their_numbers(fuzz):
    _, _, run = fuzz
    outcomes = {("a", 1): "result", ("a", 2): "refused", ("b", 1): "timeout"}
    counts = run.counted(outcomes, {"a": "read", "b": "load"}, {"read": {"result": 2}, "other": {"refused": 7}})
    assert counts == {"load": {"bad": 1}, "other": {"refused": 7}, "read": {"refused": 1, "result": 3}}
