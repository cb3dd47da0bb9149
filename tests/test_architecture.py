"""Imports between the rooms of the package point downward, and no room uses another's private modules or names."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

import graphrep

SOURCES = Path(graphrep.__file__).parent
ROOT = SOURCES.parent

# From the bottom up. A room may import the rooms below it, not those on its own level. A room is a folder or a module
# of the package; modules that begin with an underscore are shared, and count with all that they import.
LEVELS = (
    ("csr",),
    ("io",),
    ("graph",),
    ("vectors", "ops"),
    ("datasets", "heuristics", "nn", "pyg", "loader"),
    ("evaluate",),
    ("distributed", "learn"),
    ("embed", "contrast", "cluster", "linkpred", "recommend", "relational"),
    ("models",),
    ("graphrep",),  # the public names of the package, as in "import graphrep"
    ("bench",),
    ("plot",),
    ("cli",),
)
LEVEL = {room: level for level, rooms in enumerate(LEVELS) for room in rooms}
CORE = "_core"  # the native module, which every room may call


@cache
def modules():
    """Files of the package by dotted name without the leading "graphrep."."""
    found = {}
    for path in SOURCES.rglob("*.py"):
        parts = path.relative_to(SOURCES).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        if name not in ("", "__main__"):
            found[name] = path
    return found


def imports(source, module, known):
    """Modules and names that a file imports, anywhere in it, without the leading "graphrep."."""
    is_package = known.get(module, Path()).name == "__init__.py"
    package = module if is_package else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join(["graphrep", *filter(None, above), *([base] if base else [])])
            names = [f"{base}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            if name == "graphrep" or name.startswith("graphrep."):
                inner = name.removeprefix("graphrep.")
                room = inner.split(".")[0]
                yield inner if room in known or room == CORE else "graphrep"


@cache
def arrows():
    """Imports of every module."""
    known = modules()
    return {name: set(imports(path.read_text(encoding="utf-8"), name, known)) for name, path in known.items()}


def shared(name):
    return name.startswith("_")


def rooms_of(target, graph, seen=frozenset()):
    """Room of an import, or the rooms behind a shared module."""
    room = target.split(".")[0]
    if not shared(room):
        return {room}
    if room in (CORE, *seen):
        return set()
    return {found for name in graph[room] for found in rooms_of(name, graph, seen | {room})} if room in graph else set()


def upward(graph):
    """Imports that do not point downward."""
    wrong = []
    for module, targets in graph.items():
        room = module.split(".")[0]
        if shared(room):
            continue
        for target in sorted(targets):
            for other in sorted(rooms_of(target, graph) - {room}):
                if LEVEL.get(other, len(LEVELS)) >= LEVEL[room]:
                    wrong.append(f"{module} imports {target}, and with it {other}")
    return wrong


def private(graph):
    """Imports of a module or name of another room, or of a shared module, that begins with an underscore."""
    wrong = []
    for module, targets in graph.items():
        for target in sorted(targets):
            room, *rest = target.split(".")
            other = room != module.split(".")[0]
            if other and room != CORE and any(part.startswith("_") and part != "__version__" for part in rest):
                wrong.append(f"{module} imports {target}")
    return wrong


def test_every_room_has_a_level():
    rooms = {name.split(".")[0] for name in arrows()}
    assert {room for room in rooms if not shared(room)} <= LEVEL.keys()


def test_imports_point_downward():
    assert upward(arrows()) == []


def test_no_room_imports_a_private_name_of_another():
    assert private(arrows()) == []


@pytest.mark.parametrize(
    ("source", "wrong"),
    [
        ("from graphrep.cli import main", "ops.new imports cli.main, and with it cli"),
        ("def f():\n    from graphrep.evaluate.metrics import mrr", "ops.new imports evaluate.metrics.mrr"),
        ("if TYPE_CHECKING:\n    import graphrep.linkpred", "ops.new imports linkpred, and with it linkpred"),
        ("from graphrep import _embedder", "ops.new imports _embedder, and with it vectors"),
        ("import graphrep as gr", "ops.new imports graphrep, and with it graphrep"),
        ("from graphrep import as_graph", "ops.new imports graphrep, and with it graphrep"),
        ("from ..embed import FastRP", "ops.new imports embed.FastRP, and with it embed"),
        ("from . import walks\nfrom graphrep._threads import resolve_threads\nfrom graphrep import _core", None),
        ("from graphrep.graph import Graph", None),
    ],
)
def test_an_upward_import_is_found(source, wrong):
    graph = arrows() | {"ops.new": set(imports(source, "ops.new", modules()))}
    found = upward(graph)
    assert len(found) == (wrong is not None)
    assert wrong is None or found[0].startswith(wrong)


@pytest.mark.parametrize(
    ("source", "count"),
    [
        ("from graphrep.io._text import join", 1),
        ("from graphrep.graph import _checked_csr", 1),
        ("def f():\n    import graphrep.csr._private", 1),
        ("from graphrep._threads import _hidden", 1),
        ("from graphrep.ops._hidden import name\nfrom graphrep._threads import resolve_threads", 0),
        ("from graphrep._core import spmm", 0),
    ],
)
def test_a_private_import_is_found(source, count):
    assert len(private({"ops.new": set(imports(source, "ops.new", modules()))})) == count


@pytest.mark.skipif(not (ROOT / "CONTRIBUTING.md").exists(), reason="needs a checkout")
@pytest.mark.parametrize("page", ["docs/design.md", "CONTRIBUTING.md"])
def test_every_folder_is_on_the_page(page):
    folders = {path.name for path in SOURCES.iterdir() if path.is_dir() and any(path.glob("*.[ch]pp"))}
    folders |= {path.parent.name for path in SOURCES.glob("*/__init__.py")}
    assert {"csrc", "ops"} <= folders
    text = (ROOT / page).read_text(encoding="utf-8")
    table = "\n".join(line for line in text.splitlines() if line.startswith("| `graphrep/"))
    assert folders - set(re.findall(r"`(?:graphrep/)?(\w+)/`", table)) == set()
