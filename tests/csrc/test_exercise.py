"""The sanitizers run every kernel: exercise.cpp calls all functions that the headers of the kernels declare."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = ROOT / "graphrep" / "csrc"
EXERCISE = re.sub(r"//.*", "", Path(__file__).with_name("exercise.cpp").read_text(encoding="utf-8"))
HEADERS = sorted(path.name for path in SOURCES.glob("*.hpp"))


def declared(text: str) -> list[str]:
    """Functions that a header declares at the left margin; macros and functions with a body are left out."""
    text = re.sub(r"#define(?:.*\\\n)*.*", "", re.sub(r"//.*", "", text))
    return re.findall(r"^\w[\w:<>*& ,]*?\b(\w+)\([^;{}]*\);", text, flags=re.MULTILINE)


def test_declared():
    text = """// void comment();
#define MACRO(isa) \\
void isa();
template <class T>
Buffer<T> yes(const T* x,
              int n);
inline int with_body(int x) { return f(x); }
struct Class {
    int method();
};
"""
    assert declared(text) == ["yes"]


def test_kernels_are_found():
    found = [name for header in HEADERS for name in declared((SOURCES / header).read_text(encoding="utf-8"))]
    assert {"spmm", "collect_sets", "count_walks", "push_pagerank", "read_edge_list"} <= set(found)


@pytest.mark.parametrize("header", HEADERS)
def test_every_function_is_called(header):
    functions = declared((SOURCES / header).read_text(encoding="utf-8"))
    assert [name for name in functions if not re.search(rf"\b{name}\s*[<(]", EXERCISE)] == []


def test_headers_of_bindings_are_included():
    bound = {
        header
        for path in (SOURCES / "bindings").glob("*.?pp")
        for header in re.findall(r'#include "\.\./(.*)"', path.read_text(encoding="utf-8"))
    }
    assert bound
    assert bound <= set(re.findall(r'#include "(.*)"', EXERCISE))
