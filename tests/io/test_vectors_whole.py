"""Vectors and the names beside them are never torn apart, wherever the writing is cut off."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import graphrep as gr

OLD = gr.NodeVectors(np.full((3, 2), 1.0), ["a", "b", "c"])
NEW = gr.NodeVectors(np.full((3, 2), 2.0), ["x", "y", "z"])
PLAIN = gr.NodeVectors(np.full((3, 2), 3.0))


def states_of_a_save(vectors, path, folder, monkeypatch):
    """Copies of the folder after every step that changes it, and the states of a file that is half written."""
    states = []

    def snapshot():
        copy = folder / f"state{len(states)}"
        shutil.copytree(path.parent, copy)
        states.append(copy / path.name)

    def watched(name):
        original = getattr(Path, name)

        def step(self, *args, **kwargs):
            result = original(self, *args, **kwargs)
            snapshot()
            return result

        monkeypatch.setattr(Path, name, step)

    for name in ("touch", "replace", "unlink", "write_text", "chmod"):
        watched(name)
    save = np.save

    def halves(file, array, **options):
        save(file, array, **options)
        file.flush()
        snapshot()

    monkeypatch.setattr(np, "save", halves)
    vectors.save(path)
    monkeypatch.undo()
    return states


@pytest.mark.parametrize("before", [OLD, PLAIN, None])
@pytest.mark.parametrize("after", [NEW, PLAIN])
def test_every_interruption_leaves_the_old_or_the_new(before, after, tmp_path, monkeypatch):
    (tmp_path / "home").mkdir()
    path = tmp_path / "home" / "out.npy"
    if before is not None:
        before.save(path)
    states = states_of_a_save(after, path, tmp_path, monkeypatch)
    assert len(states) >= 4
    seen = []
    for state in states:
        if not state.exists():
            assert before is None
            continue
        found = gr.load_vectors(state)
        assert found in (before, after)
        seen.append(found == after)
        (NEW if after is PLAIN else PLAIN).save(state)  # what was left behind is no obstacle
        assert gr.load_vectors(state) == (NEW if after is PLAIN else PLAIN)
    assert seen == sorted(seen)
    assert seen[-1]
    assert gr.load_vectors(path) == after
    left = {entry.name for entry in path.parent.iterdir()}
    assert left == ({"out.npy"} if after is PLAIN else {"out.npy", "out.npy.nodes.json"})


def test_an_error_after_the_names_were_written_leaves_the_old(tmp_path, monkeypatch):
    path = tmp_path / "out.npy"
    OLD.save(path)
    replace = Path.replace

    def fail(self, target):
        if Path(target) == path:
            raise OSError("no space left on device")
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OSError, match="no space left"):
        NEW.save(path)
    monkeypatch.undo()
    assert gr.load_vectors(path) == OLD
    assert {entry.name for entry in tmp_path.iterdir()} == {"out.npy", "out.npy.nodes.json"}


KILLS = """
import os, random, signal, sys, time
import numpy as np
import graphrep as gr

path = sys.argv[1]
n = 20_000
tables = [gr.NodeVectors(np.full((n, 8), float(t)), [f"{t}-{i}" for i in range(n)]) for t in (1, 2)]
began = time.perf_counter()
tables[0].save(path)
seconds = time.perf_counter() - began
random.seed(0)
for kill in range(60):
    child = os.fork()
    if child == 0:
        while True:
            for table in tables:
                table.save(path)
    time.sleep(random.uniform(0, 4 * seconds))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    found = gr.load_vectors(path)
    value = int(found.vectors[0, 0])
    assert (found.vectors == value).all() and found.nodes.tolist() == tables[value - 1].nodes.tolist(), kill
print("whole")
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_sixty_kills(tmp_path):
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", KILLS, str(tmp_path / "out.npy")]
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment)
    assert done.stdout == "whole\n", done.stderr


def test_a_copy_under_another_name_and_a_link_find_their_names(tmp_path):
    path = tmp_path / "out.npy"
    OLD.save(path)
    (tmp_path / "link.npy").symlink_to(path)
    assert gr.load_vectors(tmp_path / "link.npy") == OLD
    (tmp_path / "other").mkdir()
    for name in ("out.npy", "out.npy.nodes.json"):
        shutil.copy(tmp_path / name, tmp_path / "other" / name)
    assert gr.load_vectors(tmp_path / "other" / "out.npy", mmap=True) == OLD


def test_a_file_that_is_replaced_while_it_is_read(tmp_path, monkeypatch):
    from graphrep.io.formats import beside

    path = tmp_path / "out.npy"
    OLD.save(path)
    digest, replaced = beside._digest, []

    def slow(file):
        if not replaced:
            replaced.append(True)
            monkeypatch.setattr(beside, "_digest", digest)
            NEW.save(path)
        return digest(file)

    monkeypatch.setattr(beside, "_digest", slow)
    assert gr.load_vectors(path) == NEW
