"""Conversions that are stopped go on where they were, with the file of an uninterrupted one."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import sys

import numpy as np
import pytest

import graphrep as gr
from graphrep.io import buckets, conversion
from graphrep.io.partial import Work, partial_work, stamp

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="has no locks of whole files")
RNG = np.random.default_rng(0)


def table_of(path, *, names="integers", weighted=True, typed=False):
    ends = RNG.integers(400, size=(2, 30_000))
    ends = ends * 7 + 3 if names == "gaps" else ends
    columns = [[f"n{end}" for end in row] if names == "strings" else row.tolist() for row in ends]
    header = "source,target" + ",weight" * weighted + ",type" * typed
    columns += [RNG.integers(1, 9, size=30_000).tolist()] * weighted + [RNG.choice(["a", "b"], 30_000).tolist()] * typed
    path.write_text("\n".join([header, *(",".join(map(str, row)) for row in zip(*columns, strict=True))]))
    return path


def nodes_of(path, count=450):
    lines = [f"n{i},{'xy'[i % 2]},{i / 8},{i % 5}" for i in range(count)]
    path.write_text("\n".join(["id,:LABEL,age:float,group:int", *lines]))
    return path


CASES = {
    "integers": ({}, {}),
    "gaps": ({"names": "gaps"}, {"directed": True}),
    "strings": ({"names": "strings", "weighted": False}, {}),
    "typed": ({"typed": True, "weighted": False}, {"edge_type": "type"}),
    "nodes": ({"names": "strings"}, {"nodes": True, "x": ["age"], "y": "group"}),
}


def interrupting(number):
    """A function that raises KeyboardInterrupt at its number-th call, around another one."""

    def around(function):
        calls = [0]

        def called(*args, **options):
            calls[0] += 1
            if calls[0] == number:
                raise KeyboardInterrupt
            return function(*args, **options)

        return called

    return around


def never(*_args, **_options):
    raise AssertionError("this was done before")


@pytest.mark.parametrize("case", CASES)
def test_a_stopped_conversion_goes_on(case, tmp_path, monkeypatch):
    made, options = CASES[case]
    file, out = table_of(tmp_path / "edges.csv", **made), tmp_path / "out.graph"
    options = {**options, "memory": 1_000_000}
    if options.pop("nodes", False):
        options["nodes"] = nodes_of(tmp_path / "nodes.csv")
    gr.io.convert_edges(file, tmp_path / "expected.graph", **options)
    expected = (tmp_path / "expected.graph").read_bytes()

    stops = [
        (buckets, "_count", 1, [(conversion, "_read")]),
        (buckets, "_append", 3, [(conversion, "_read")]),
        (buckets, "_bucket", 1, [(conversion, "_read"), (buckets, "_count"), (buckets, "_distribute")]),
        (buckets, "_bucket", 2, [(conversion, "_read"), (buckets, "_count"), (buckets, "_distribute")]),
        (buckets, "write_saved", 1, [(conversion, "_read"), (buckets, "_distribute"), (buckets, "_bucket")]),
    ]
    for place, name, number, done in stops:
        with monkeypatch.context() as patch:
            patch.setattr(place, name, interrupting(number)(getattr(place, name)))
            told = pytest.warns(UserWarning, match=r"what was done is kept in .*partial; the same call goes on")
            with told, pytest.raises(KeyboardInterrupt):
                gr.io.convert_edges(file, out, **options)
        assert not out.exists()
        with monkeypatch.context() as patch:
            for module, what in done:
                patch.setattr(module, what, never)
            gr.io.convert_edges(file, out, **options)
        assert out.read_bytes() == expected, (name, number)
        assert not [path.name for path in tmp_path.iterdir() if path.name.startswith(".")]
        out.unlink()


def test_a_killed_process_leaves_what_it_did(tmp_path, monkeypatch):
    file, out = table_of(tmp_path / "edges.csv"), tmp_path / "out.graph"
    gr.io.convert_edges(file, tmp_path / "expected.graph", memory="1MB")

    def killed():
        buckets._bucket = lambda *_args: os.kill(os.getpid(), signal.SIGKILL)
        gr.io.convert_edges(file, out, memory="1MB")

    process = multiprocessing.get_context("fork").Process(target=killed)
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    monkeypatch.setattr(buckets, "_distribute", never)
    gr.io.convert_edges(file, out, memory="1MB")
    assert out.read_bytes() == (tmp_path / "expected.graph").read_bytes()


def stopped(file, out, **options):
    """Stop a conversion after its first bucket; the folder of what was done."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(buckets, "_bucket", interrupting(2)(buckets._bucket))
        with pytest.warns(UserWarning, match="is kept"), pytest.raises(KeyboardInterrupt):
            gr.io.convert_edges(file, out, memory="1MB", **options)
    (folder,) = (path for path in out.parent.iterdir() if path.name.startswith("."))
    return folder


@pytest.mark.parametrize("change", ["input", "option", "state", "a file"])
def test_other_work_begins_anew(change, tmp_path, monkeypatch):
    file, out = table_of(tmp_path / "edges.csv"), tmp_path / "out.graph"
    folder, options = stopped(file, out), {}
    if change == "input":
        table_of(file)
    elif change == "option":
        options = {"directed": True}
    elif change == "state":
        (folder / "state.json").write_text("{")
    else:
        (folder / "indices").write_bytes(b"")
        with pytest.raises(OSError, match="indices was cut short by another program"):
            gr.io.convert_edges(file, out, memory="1MB")
    gr.io.convert_edges(file, out, memory="1MB", **options)
    gr.io.convert_edges(file, tmp_path / "expected.graph", memory="1MB", **options)
    assert out.read_bytes() == (tmp_path / "expected.graph").read_bytes()


def test_what_is_stopped_early_or_fails_leaves_nothing(tmp_path, monkeypatch):
    file, out = table_of(tmp_path / "edges.csv"), tmp_path / "out.graph"
    for error in (KeyboardInterrupt, ValueError):

        def stop(*_args, error=error, **_options):
            raise error

        monkeypatch.setattr(conversion, "_read" if error is KeyboardInterrupt else "_write_spool", stop)
        with pytest.raises(error):
            gr.io.convert_edges(file, out, memory="1MB")
        assert [path.name for path in tmp_path.iterdir()] == ["edges.csv"]
        monkeypatch.undo()


def test_a_random_graph_and_an_array_go_on(tmp_path, monkeypatch):
    out, array = tmp_path / "out.graph", tmp_path / "edges.npy"
    np.save(array, RNG.integers(3000, size=(2, 60_000)))
    calls = {
        "rmat": lambda path: gr.datasets.write_rmat(path, num_nodes=3000, memory="1MB"),
        "array": lambda path: gr.io.convert_edges(array, path, memory="1MB"),
    }
    for call in calls.values():
        call(tmp_path / "expected.graph")
        with monkeypatch.context() as patch:
            patch.setattr(buckets, "_bucket", interrupting(2)(buckets._bucket))
            with pytest.warns(UserWarning, match="is kept"), pytest.raises(KeyboardInterrupt):
                call(out)
        with monkeypatch.context() as patch:
            patch.setattr(buckets, "_distribute", never)
            call(out)
        assert out.read_bytes() == (tmp_path / "expected.graph").read_bytes()


def test_two_processes_do_not_share_a_folder(tmp_path):
    with partial_work(tmp_path / "a", ["same"]) as first:
        first.save(value=1)
        with partial_work(tmp_path / "a", ["same"]) as second:
            assert second.state == {}
            assert second.folder != first.folder
        assert json.loads((first.folder / "state.json").read_text())["state"] == {"value": 1}
    assert not list(tmp_path.iterdir())


def test_arrays_of_a_work(tmp_path):
    work, array = Work(tmp_path), RNG.random((3, 2))
    np.testing.assert_array_equal(work.array(work.stored("x", array)), array)
    assert work.array(work.stored("y", None)) is None
    file = tmp_path / "x"
    before = stamp(file)
    file.write_bytes(b"other")
    assert stamp(file) != before
