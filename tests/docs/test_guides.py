"""Guides name what exists: files, results, options, public names."""

from __future__ import annotations

import fnmatch
import re
from pathlib import Path

import pytest

from graphrep.bench import LEARNERS

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
RESULTS = ROOT / "experiments" / "results"

pytestmark = pytest.mark.skipif(not DOCS.is_dir(), reason="needs a checkout")


def read(name):
    return (DOCS / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["add_model.md", "add_dataset.md", "reproduce.md"])
def test_the_files_that_a_guide_names_are_there(name):
    found = re.findall(r"`((?:graphrep|tests|docs|experiments|data)/[\w./-]*|[A-Z]+\.md)", read(name))
    paths = [path for path in found if not path.endswith("NAME.py")]
    assert len(paths) > 5
    assert [path for path in paths if not (ROOT / path).exists()] == []


@pytest.mark.skipif(not RESULTS.is_dir(), reason="needs the results")
def test_every_result_has_a_command_and_every_command_its_options():
    text = read("reproduce.md")
    patterns = re.findall(r"`([\w*-]+\.json)`", text)
    assert [
        path.name for path in RESULTS.glob("*.json") if not any(fnmatch.fnmatch(path.name, p) for p in patterns)
    ] == []
    for script, arguments in re.findall(r"`(experiments/[\w/]+\.py)([^`]*)`", text):
        if "NAME" in script:
            continue
        code = (ROOT / script).read_text(encoding="utf-8")
        for option in re.findall(r"--[a-z-]+", arguments):
            assert f'"{option}"' in code, f"{script} has no {option}"
        own, published = ROOT / "experiments" / "configs" / Path(script).stem, ROOT / "graphrep" / "cli" / "configs"
        for config in re.findall(r"\b(?:gae|ncnc?|untrained|pamc|scgc(?:_star)?|structcomp)_[\w-]+", arguments):
            assert (own / f"{config}.yaml").is_file() or (published / f"{config}.json").is_file(), config


def test_the_lists_that_a_model_joins_are_called_so():
    text = read("add_model.md")
    for path, name in (
        ("graphrep/bench/learners.py", "_ALL"),
        ("graphrep/cli/app.py", "Method"),
        ("tests/embed/test_sklearn.py", "ESTIMATORS"),
        ("tests/learn/test_estimators.py", "MODELS"),
        ("tests/test_features.py", "LEARNERS"),
    ):
        assert f"`{path}`" in text
        assert f"`{name}`" in text
        assert re.search(rf"^(class )?{name}\b", (ROOT / path).read_text(encoding="utf-8"), re.MULTILINE)
    assert "`_HOME`" in read("add_dataset.md")
    assert "prone" in LEARNERS


def test_roles_of_pages_lead_to_the_reference():
    """What Sphinx says in `make docs` too: a role names something that a page documents, or a member of it."""
    directive = re.compile(r"^ *\.\. auto(?:module|class|function|data):: (\S+)$", re.MULTILINE)
    documented = {name for page in DOCS.rglob("*.md") for name in directive.findall(page.read_text("utf-8"))}
    wrong = []
    for page in DOCS.rglob("*.md"):
        if "_build" in page.parts:
            continue
        for kind, name in re.findall(
            r"\{(func|class|mod|meth|data)\}`(?:[^`<]*<)?~?([\w.]+)>?`", page.read_text("utf-8")
        ):
            owner = name.rpartition(".")[0] if kind == "meth" else name
            if owner.startswith("graphrep") and owner not in documented:
                wrong.append(f"{page.name}: {name}")
    assert wrong == []


def test_every_picture_has_an_alternative_text():
    """A cell that draws says so in its header; pages to explore are no pictures."""
    draws = re.compile(r"plt\.show|\bplot\.(?!map_html|layout)\w+\(")
    wrong = []
    for page in DOCS.rglob("*.md"):
        if "_build" in page.parts or "jupyter_execute" in page.parts:
            continue
        for cell in re.findall(r"^```\{code-cell\}.*?\n(.*?)^```$", page.read_text("utf-8"), re.DOTALL | re.MULTILINE):
            if draws.search(cell) and not re.search(r"^ +alt: \S", cell, re.MULTILINE):
                wrong.append(f"{page.relative_to(DOCS)}: {cell[:60]!r}")
    assert wrong == []
