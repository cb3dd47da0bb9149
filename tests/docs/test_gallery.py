"""The examples of the gallery hang together; ``make docs`` executes them, which takes a minute."""

from __future__ import annotations

import ast
import builtins
import inspect
import re
from pathlib import Path

import pytest

import graphrep

GALLERY = Path(__file__).resolve().parents[2] / "docs" / "gallery"
PAGES = sorted(page for page in GALLERY.glob("*.md") if page.name != "index.md")

pytestmark = pytest.mark.skipif(not GALLERY.is_dir(), reason="needs a checkout")


def cells(page):
    """Code of each cell, and the header above it."""
    for cell in re.findall(
        r"^```\{code-cell\}\n(.*?)^```$", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    ):
        header = re.match(r"---\n(.*?\n)---\n", cell, re.DOTALL)
        yield cell[header.end() :] if header else cell, header[1] if header else ""


def tree(page):
    return ast.parse("\n".join(code for code, _ in cells(page)), str(page))


def dotted(node):
    """``a.b.c`` as ["a", "b", "c"], or None for any other expression."""
    if isinstance(node, ast.Name):
        return [node.id]
    if isinstance(node, ast.Attribute) and (names := dotted(node.value)):
        return [*names, node.attr]
    return None


def test_the_index_shows_every_page_and_no_other():
    assert len(PAGES) >= 12
    text = (GALLERY / "index.md").read_text(encoding="utf-8")
    for block in ("cards", "toctree"):
        lines = re.search(rf"```\{{{block}\}}\n(.*?)```", text, re.DOTALL)[1].split("\n")
        entries = [line.split("|")[0].strip() for line in lines if line and line[0] != ":"]
        assert sorted(entries) == [page.stem for page in PAGES]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_is_a_question_with_a_short_answer(page):
    text = page.read_text(encoding="utf-8")
    assert text.startswith("---\nfile_format: mystnb\n")
    (title,) = re.findall(r"^# (.+)$", re.sub(r"```.*?```", "", text, flags=re.DOTALL), re.MULTILINE)
    assert title.endswith("?")
    assert 8 <= sum(1 for code, _ in cells(page) for line in code.split("\n") if line.strip()) <= 40
    for code, header in cells(page):
        compile(code, str(page), "exec")
        if "plt.show" in code or "plot.map(" in code:
            assert re.search(r"^ +alt: \S", header, re.MULTILINE), "a picture has an alternative text"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_code_uses_names_and_arguments_that_exist(page):
    defined, loaded = set(dir(builtins)), set()
    for node in ast.walk(tree(page)):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            defined |= {alias.asname or alias.name for alias in node.names}
        elif isinstance(node, ast.Name):
            (loaded if isinstance(node.ctx, ast.Load) else defined).add(node.id)
    assert loaded <= defined, "every name is defined on the page"

    checked = 0
    for node in ast.walk(tree(page)):
        names = dotted(node.func if isinstance(node, ast.Call) else node)
        if not names or names[0] != "gr" or len(names) == 1:
            continue
        thing = graphrep
        for name in names[1:]:
            thing = getattr(thing, name)
        if isinstance(node, ast.Call):
            checked += 1
            parameters = inspect.signature(thing).parameters
            if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()):
                assert {keyword.arg for keyword in node.keywords} - {None} <= set(parameters), ast.unparse(node)
    assert checked
