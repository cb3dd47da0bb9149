from __future__ import annotations

import os
from functools import partial

import numpy as np
import pytest
import scipy.sparse as sp
import torch

import graphrep as gr
from graphrep.learn import Checkpoint, digest

STATE = {
    "model": {"weight": torch.arange(6.0).reshape(2, 3), "count": torch.tensor(4), "none": None},
    "optimizer": {"state": {0: {"step": torch.tensor(1.0)}}, "param_groups": [{"lr": 0.1, "betas": (0.9, 0.999)}]},
    "array": np.array([[1, 2]], dtype=np.int32),
    "empty": torch.zeros(0, 3),
    "flags": [True, False, "text", 7, 0.25, []],
}


def equal(a, b):
    if isinstance(a, torch.Tensor):
        return isinstance(b, torch.Tensor) and a.dtype == b.dtype and a.shape == b.shape and torch.equal(a, b)
    if isinstance(a, np.ndarray):
        return isinstance(b, np.ndarray) and a.dtype == b.dtype and np.array_equal(a, b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(equal(a[key], b[key]) for key in a)
    if isinstance(a, (list, tuple)):
        return type(a) is type(b) and len(a) == len(b) and all(map(equal, a, b))
    return type(a) is type(b) and a == b


def test_states_come_back_as_they_were(tmp_path):
    path = tmp_path / "c"
    checkpoint = Checkpoint(path, "id", 3)
    assert checkpoint.load("training") is None
    checkpoint.save("start", {"history": [1.5]})
    checkpoint.save("training", STATE)
    again = Checkpoint(path, "id", 3)
    assert equal(again.load("training"), STATE)
    assert again.load("start") == {"history": [1.5]}
    again.discard("start")
    again.save("training", {"a": 1})
    assert Checkpoint(path, "id", 3).load("start") is None
    again.remove()
    again.remove()
    assert not path.exists()


def test_without_a_path_nothing_happens(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    checkpoint = Checkpoint(None, random_state=5)
    checkpoint.save("training", STATE)
    checkpoint.remove()
    assert checkpoint.load("training") is None
    assert checkpoint.seed == 5
    assert not list(tmp_path.iterdir())


def test_the_seed_is_part_of_it(tmp_path):
    path = tmp_path / "c"
    drawn = Checkpoint(path, "id", None)
    assert drawn.seed != Checkpoint(path, "id", None).seed
    drawn.save("training", STATE)
    assert Checkpoint(path, "id", None).seed == drawn.seed
    with pytest.raises(ValueError, match=f"checkpoint {path} belongs to a fit with another random_state; remove it"):
        Checkpoint(path, "id", 0)


def test_files_are_not_believed(tmp_path):
    path = tmp_path / "c"
    Checkpoint(path, "id", 0).save("training", STATE)
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    for place in [*range(40), *rng.integers(len(whole), size=200)]:
        damaged = bytearray(whole)
        damaged[place] ^= 1 << rng.integers(8)
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match=rf"checkpoint {path} (cannot be read|belongs to)"):
            Checkpoint(path, "id", 0)
    for length in (0, 1, 8, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(ValueError, match="cannot be read"):
            Checkpoint(path, "id", 0)
    path.write_bytes(whole)
    with pytest.raises(ValueError, match=r"belongs to another fit \(graph, features or settings differ\)"):
        Checkpoint(path, "other", 0)
    with pytest.raises(FileNotFoundError, match="nowhere, which is not a directory"):
        Checkpoint(tmp_path / "nowhere" / "c", "id", 0)


def test_a_failed_write_leaves_the_last_checkpoint_and_no_other_file(tmp_path, monkeypatch):
    import safetensors.numpy

    path = tmp_path / "c"
    checkpoint = Checkpoint(path, "id", 0)
    checkpoint.save("training", {"epoch": 1})
    before = path.read_bytes()

    def full(tensors, name, metadata=None):
        with open(name, "wb") as file:
            file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(safetensors.numpy, "save_file", full)
    with pytest.raises(OSError, match=rf"checkpoint {path} cannot be written: .*No space left on device"):
        checkpoint.save("training", {"epoch": 2})
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_the_mode_is_that_of_any_new_file(tmp_path):
    before = os.umask(0o027)
    try:
        Checkpoint(tmp_path / "c", "id", 0).save("training", STATE)
    finally:
        os.umask(before)
    assert (tmp_path / "c").stat().st_mode & 0o777 == 0o640


def closed(value):
    return lambda x: x * value


GRAPH = gr.as_graph([[0, 1, 2], [1, 2, 3]], directed=False)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (np.arange(4), np.arange(4).astype(np.int32)),
        (np.arange(4), np.arange(4).reshape(2, 2)),
        (np.arange(4), np.array([0, 1, 2, 4])),
        (np.array(["a", "b"], dtype=object), np.array(["a", "c"], dtype=object)),
        (torch.zeros(3), torch.zeros(3, dtype=torch.float64)),
        (sp.csr_array([[0, 1.0]]), sp.csr_array([[1.0, 0]])),
        (sp.csr_array([[0, 1.0]]), sp.csr_array([[0, 1.0, 0]])),
        ({"a": 1}, {"a": 1.0}),
        ({"a": 1}, {"b": 1}),
        ([1, [2]], [1, 2]),
        (None, 0),
        (True, 1),
        ("1", 1),
        (GRAPH, gr.as_graph([[0, 1, 2], [1, 2, 0]], num_nodes=4, directed=False)),
        (GRAPH, gr.as_graph([[0, 1, 2], [1, 2, 3]], weights=[1.0, 2.0, 1.0], directed=False)),
        (torch.nn.Linear(2, 2), torch.nn.Linear(2, 2)),
        (len, max),
        (lambda a: a + 1, lambda a: a + 2),
        (lambda a: a + 1, lambda a: a - 1),
        (lambda a, b=1: a, lambda a, b=2: a),
        (partial(max, 1), partial(max, 2)),
        (closed(1), closed(2)),
    ],
)
def test_digests_tell_apart(one, other):
    assert digest(one) == digest(one) != digest(other)
    assert digest(one, other) != digest(other, one)


def test_the_order_of_settings_does_not_matter():
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
    assert digest(np.asfortranarray(np.eye(3))) == digest(np.eye(3))
