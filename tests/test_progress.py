from __future__ import annotations

import importlib.machinery
import io
import sys
import types

import nbformat
import pytest
from nbclient import NotebookClient
from tqdm import tqdm

from graphrep._progress import in_jupyter, is_shown, progress_bar


class Terminal(io.StringIO):
    def isatty(self):
        return True


class Widget(tqdm):
    pass


def shell(monkeypatch, **attributes):
    """Pretend that the code runs in an IPython shell."""
    ipython = types.ModuleType("IPython")
    ipython.get_ipython = lambda: types.SimpleNamespace(**attributes)
    monkeypatch.setitem(sys.modules, "IPython", ipython)


def widgets(monkeypatch, *, installed):
    if not installed:
        monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
        monkeypatch.setitem(sys.modules, "tqdm.notebook", None)  # importing it fails
        return
    module = types.ModuleType("ipywidgets")
    module.__spec__ = importlib.machinery.ModuleSpec("ipywidgets", None)
    monkeypatch.setitem(sys.modules, "ipywidgets", module)
    notebook = types.ModuleType("tqdm.notebook")
    notebook.tqdm = Widget
    monkeypatch.setitem(sys.modules, "tqdm.notebook", notebook)


def shown(monkeypatch, stream, progress):
    monkeypatch.setattr("sys.stderr", stream)
    with progress_bar(total=3, initial=1, desc="training", unit="epoch", progress=progress) as bar:
        bar.update(2)
    if stream.getvalue():
        assert "training: 100%" in stream.getvalue()
        assert "3/3" in stream.getvalue()
    return type(bar), stream.getvalue() != ""


@pytest.mark.parametrize(
    ("progress", "terminal", "expected"),
    [
        (None, True, True),
        (None, False, False),
        (True, True, True),
        (True, False, True),
        (False, True, False),
        (False, False, False),
    ],
)
def test_a_bar_shows_in_terminals_unless_told_otherwise(monkeypatch, progress, terminal, expected):
    monkeypatch.delitem(sys.modules, "IPython", raising=False)
    stream = Terminal() if terminal else io.StringIO()
    assert shown(monkeypatch, stream, progress) == (tqdm, expected)


@pytest.mark.parametrize(("progress", "expected"), [(None, True), (True, True), (False, False)])
@pytest.mark.parametrize(("installed", "kind"), [(True, Widget), (False, tqdm)])
def test_a_bar_shows_in_jupyter_as_a_widget_or_as_text(monkeypatch, installed, kind, progress, expected):
    shell(monkeypatch, kernel=object())
    widgets(monkeypatch, installed=installed)
    assert shown(monkeypatch, io.StringIO(), progress) == (kind, expected)


def test_ipython_without_a_kernel_is_not_jupyter(monkeypatch):
    shell(monkeypatch)
    assert not in_jupyter()
    assert shown(monkeypatch, io.StringIO(), None) == (tqdm, False)


def test_a_stream_that_does_not_say_what_it_is_gets_no_bar(monkeypatch):
    monkeypatch.delitem(sys.modules, "IPython", raising=False)
    stream = types.SimpleNamespace(write=pytest.fail, flush=lambda: None)
    monkeypatch.setattr("sys.stderr", stream)
    assert progress_bar(total=1).disable


def test_a_kernel_without_ipywidgets_shows_text_and_no_warning(tmp_path):
    code = """
import importlib.util, sys, warnings
sys.modules["ipywidgets"] = None
found = importlib.util.find_spec
importlib.util.find_spec = lambda name, *rest: None if name == "ipywidgets" else found(name, *rest)
from graphrep._progress import progress_bar
with warnings.catch_warnings():
    warnings.simplefilter("error")
    with progress_bar(total=2, desc="training") as bar:
        bar.update(2)
"""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    where = {"metadata": {"path": str(tmp_path)}}
    NotebookClient(notebook, timeout=60, kernel_name="python3", resources=where).execute()
    outputs = notebook.cells[0].outputs
    assert {output["name"] for output in outputs} == {"stderr"}
    text = "".join(output["text"] for output in outputs)
    assert "training: 100%" in text
    assert "Warning" not in text


@pytest.mark.parametrize(("value", "expected"), [("1", False), ("0", True), ("", True)])
def test_the_variable_of_tqdm_turns_bars_off(monkeypatch, value, expected):
    monkeypatch.setattr("graphrep._progress.in_jupyter", lambda: True)
    monkeypatch.setenv("TQDM_DISABLE", value)
    assert is_shown(None) is expected
    assert is_shown(True) is True
