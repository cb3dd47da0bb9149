from __future__ import annotations

import os
import pickle
import zipfile
from collections import OrderedDict

import numpy as np
import pytest
import torch

from graphrep.datasets._torch_file import read_torch_file

ARRAYS = {
    "int64": np.arange(12).reshape(3, 4),
    "int32": np.arange(5, dtype=np.int32),
    "big endian": np.arange(3, dtype=">i4"),
    "float32": np.linspace(0, 1, 6, dtype=np.float32).reshape(2, 3),
    "bool": np.array([True, False]),
    "words": np.array(["gene", "disease"]),
    "fortran": np.asfortranarray(np.arange(6).reshape(2, 3)),
    "a slice": np.arange(20).reshape(4, 5)[1:3, ::2],
    "empty": np.zeros((0, 2), dtype=np.int64),
    "scalar array": np.array(7),
}


def saved(path, value, *, legacy, protocol=2):
    torch.save(value, path, pickle_protocol=protocol, _use_new_zipfile_serialization=not legacy)
    return path


def assert_equal(ours, expected):
    assert isinstance(ours, np.ndarray)
    assert ours.dtype == expected.dtype
    np.testing.assert_array_equal(ours, expected)


@pytest.mark.parametrize("legacy", [True, False])
@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_arrays_of_any_kind(tmp_path, legacy, protocol):
    held = read_torch_file(saved(tmp_path / "a.pt", ARRAYS, legacy=legacy, protocol=protocol))
    assert list(held) == list(ARRAYS)
    for name, array in ARRAYS.items():
        assert_equal(held[name], array)


@pytest.mark.parametrize("legacy", [True, False])
def test_tensors_become_arrays(tmp_path, legacy):
    base = torch.arange(24)
    tensors = {
        "plain": torch.arange(4),
        "view": base.view(4, 6)[1:3, ::2],
        "transposed": base.view(4, 6).T,
        "the same storage": base,
        "floats": torch.randn(2, 3, dtype=torch.float64),
        "bytes": torch.tensor([1, 2], dtype=torch.uint8),
        "bools": torch.tensor([True, False]),
        "empty": torch.zeros(0, 2),
        "scalar": torch.tensor(3),
        "gradient": torch.ones(2, requires_grad=True),
    }
    held = read_torch_file(saved(tmp_path / "a.pt", tensors, legacy=legacy))
    for name, tensor in tensors.items():
        assert_equal(held[name], tensor.detach().numpy())


@pytest.mark.parametrize("legacy", [True, False])
def test_containers_and_plain_values(tmp_path, legacy):
    value = {
        "list": ["a", "b"],
        "tuple": (1, 2.5, None),
        "nested": {"x": [np.arange(2)]},
        3: True,
        "bytes": b"ab\xff",
        "": b"",
    }
    held = read_torch_file(saved(tmp_path / "a.pt", OrderedDict(value), legacy=legacy))
    assert_equal(held["nested"].pop("x")[0], np.arange(2))
    value["nested"].pop("x")
    assert held == value
    assert read_torch_file(saved(tmp_path / "b.pt", np.float64(2.5), legacy=legacy)) == 2.5


class Malice:
    def __init__(self, call, *arguments):
        self.call, self.arguments = call, arguments

    def __reduce__(self):
        return self.call, self.arguments


@pytest.mark.parametrize("legacy", [True, False])
@pytest.mark.parametrize(
    ("value", "named"),
    [
        (lambda mark: Malice(os.mkdir, mark), "posix.mkdir"),
        (lambda mark: {"edge": np.arange(3), "more": [Malice(eval, f"open({mark!r}, 'w')")]}, r"\w+.eval"),
        (lambda mark: Malice(getattr, "a", "upper"), r"\w+.getattr"),
        (lambda mark: {"edge": np.dtype}, "a type"),
        (lambda mark: np.dtype("i4"), "a Dtype"),
        (lambda mark: {1, 2}, r"\w+.set"),
        (lambda mark: torch.nn.Linear(1, 1), r"torch.nn.modules.linear.Linear"),
    ],
)
def test_everything_else_is_refused_and_not_run(tmp_path, legacy, value, named):
    mark = str(tmp_path / "was here")
    path = saved(tmp_path / "a.pt", value(mark), legacy=legacy)
    with pytest.raises(ValueError, match=rf"a.pt refers to {named}, which is refused: only arrays"):
        read_torch_file(path)
    assert not os.path.exists(mark)


@pytest.mark.parametrize("legacy", [True, False])
@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (np.array([{}, None], dtype=object), "array of"),
        (np.array([(1, 2.0)], dtype=[("a", int), ("b", float)]), "structured array|array of type"),
    ],
)
def test_arrays_of_objects_and_records_are_refused(tmp_path, legacy, value, reason):
    with pytest.raises(ValueError, match=rf"damaged or not a file of torch.save \(it holds an? .*({reason})"):
        read_torch_file(saved(tmp_path / "a.pt", value, legacy=legacy))


def test_codecs_other_than_the_one_of_protocol_2_are_refused(tmp_path):
    import codecs

    path = saved(tmp_path / "a.pt", Malice(codecs.encode, "a", "rot13"), legacy=True)
    with pytest.raises(ValueError, match="uses the encoding 'rot13'"):
        read_torch_file(path)


@pytest.mark.parametrize("legacy", [True, False])
def test_a_file_cut_anywhere_is_one_sentence(tmp_path, legacy):
    value = {"edge": np.arange(40), "tensor": torch.arange(9), "names": ["a", "b"]}
    path = saved(tmp_path / "a.pt", value, legacy=legacy)
    whole = path.read_bytes()
    cut = tmp_path / "cut.pt"
    for length in range(0, len(whole) - 1, 7):
        cut.write_bytes(whole[:length])
        with pytest.raises(ValueError, match=r"cut.pt is damaged or not a file of torch.save"):
            read_torch_file(cut)


def test_a_tensor_may_not_reach_beyond_its_data(tmp_path):
    path = saved(tmp_path / "a.pt", {"t": torch.arange(4)}, legacy=False)
    other = tmp_path / "b.pt"
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(other, "w") as target:
        for name in source.namelist():
            data = source.read(name)
            # shape (4,) becomes (9,): BININT1 4 and TUPLE1, as in the pickle
            target.writestr(name, data.replace(b"K\x04\x85", b"K\x09\x85") if name.endswith("data.pkl") else data)
    with pytest.raises(ValueError, match="a tensor extends beyond its data"):
        read_torch_file(other)


def test_a_bare_pickle_is_no_torch_file(tmp_path):
    (tmp_path / "a.pt").write_bytes(pickle.dumps({"edge": [1]}))
    with pytest.raises(ValueError, match="it does not start like one"):
        read_torch_file(tmp_path / "a.pt")
