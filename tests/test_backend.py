from __future__ import annotations

import pytest

from graphrep._backend import BACKENDS, choose


def native():
    return "native"


def reference():
    return "reference"


BOTH = {"native": native, "reference": reference}


@pytest.mark.parametrize(
    ("backend", "expected"),
    [(None, native), ("", native), ("auto", native), ("native", native), ("reference", reference)],
)
def test_the_variable_chooses(backend, expected, monkeypatch):
    monkeypatch.delenv("GRAPHREP_BACKEND", raising=False)
    if backend is not None:
        monkeypatch.setenv("GRAPHREP_BACKEND", backend)
    assert choose("op", BOTH) is expected


def test_auto_takes_the_first_that_is_listed(monkeypatch):
    monkeypatch.setenv("GRAPHREP_BACKEND", "auto")
    assert choose("op", {"reference": reference, "native": native}) is reference


def test_the_variable_is_read_at_every_call(monkeypatch):
    for backend in ("reference", "native", "reference"):
        monkeypatch.setenv("GRAPHREP_BACKEND", backend)
        assert choose("op", BOTH)() == backend


def test_an_implementation_that_an_op_lacks(monkeypatch):
    monkeypatch.setenv("GRAPHREP_BACKEND", "triton")
    with pytest.raises(NotImplementedError, match=r"spmm has no 'triton' .* auto or native, reference"):
        choose("spmm", BOTH)


@pytest.mark.parametrize("backend", ["cuda", "Native", "auto "])
def test_an_unknown_name_is_refused_for_every_op(backend, monkeypatch):
    monkeypatch.setenv("GRAPHREP_BACKEND", backend)
    with pytest.raises(ValueError, match="GRAPHREP_BACKEND must be one of auto, native, triton, reference; got"):
        choose("op", BOTH)
    assert backend not in BACKENDS
