"""Public names are documented, in the form the house asks for, and the pages hang together."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import re
from pathlib import Path

import pytest
from numpydoc.docscrape import NumpyDocString

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
ROOMS = (
    "bench",
    "cluster",
    "contrast",
    "datasets",
    "embed",
    "evaluate",
    "heuristics",
    "io",
    "learn",
    "linkpred",
    "loader",
    "nn",
)
ROOMS += ("ops", "plot", "pyg", "recommend", "relational")

pytestmark = pytest.mark.skipif(not DOCS.is_dir(), reason="needs a checkout")


def public_names():
    modules = ["graphrep", *(f"graphrep.{room}" for room in ROOMS)]
    return [f"{module}.{name}" for module in modules for name in importlib.import_module(module).__all__]


def resolve(dotted):
    try:
        return importlib.import_module(dotted)
    except ImportError:
        module, name = dotted.rsplit(".", 1)
        return getattr(importlib.import_module(module), name)


def documented_names():
    directive = re.compile(r"^\.\. auto(?:module|class|function|data):: (\S+)$", re.MULTILINE)
    return {
        name for page in (DOCS / "api").glob("*.md") for name in directive.findall(page.read_text(encoding="utf-8"))
    }


def callables():
    found = {}
    for dotted in public_names():
        thing = resolve(dotted)
        if callable(thing):
            found.setdefault(id(thing), (dotted, thing))
    return [pytest.param(thing, id=dotted) for dotted, thing in found.values()]


@pytest.mark.parametrize("dotted", public_names())
def test_every_public_name_is_in_the_reference(dotted):
    documented = documented_names()
    thing = resolve(dotted)
    # graphrep.embed.FastRP is documented as graphrep.FastRP: the same object under either name
    assert dotted in documented or any(resolve(name) is thing for name in documented), f"{dotted} is not in docs/api"


def test_the_reference_names_only_what_exists():
    for dotted in documented_names():
        resolve(dotted)


def test_references_of_docstrings_lead_to_the_reference():
    """What Sphinx says in `make docs` too, which takes minutes: a role names something that a page documents."""
    role = re.compile(r":(?:func|class|exc|data|mod):`(?:[^`<]*<)?[~!]?([\w.]+)>?`")
    documented = documented_names()
    wrong = [
        f"{dotted}: {name}"
        for dotted in sorted(documented)
        for name in role.findall(inspect.getdoc(resolve(dotted)) or "")
        if name.startswith("graphrep") and name not in documented
    ]
    assert wrong == []


def test_what_the_package_itself_exports_is_not_experimental():
    stable = {
        id(getattr(importlib.import_module("graphrep"), name)) for name in importlib.import_module("graphrep").__all__
    }
    found = 0
    for page in (DOCS / "api").glob("*.md"):
        for dotted in re.findall(
            r":: (graphrep\.\S+)", page.read_text(encoding="utf-8").partition("## Experimental")[2]
        ):
            assert id(resolve(dotted)) not in stable, f"{dotted} is experimental, but `import graphrep` exports it"
            found += 1
    assert found > 20


@pytest.mark.parametrize("thing", callables())
def test_docstrings_have_the_sections_of_the_house(thing):
    text = inspect.getdoc(thing) or ""
    doc = NumpyDocString(text)
    summary = text.split("\n\n")[0]
    assert summary.endswith("."), "the summary is one sentence"
    assert "\n" not in summary, "the summary is one line"
    assert not re.search(r"\S +-----", text), "the heading of a section stands on a line of its own"
    record = (dataclasses.is_dataclass(thing) and not hasattr(thing, "fit")) or (
        inspect.isclass(thing) and issubclass(thing, tuple)
    )
    if record:  # made by a function, which has the example
        assert doc["Attributes"] or (doc["Parameters"] and doc["Examples"])
        return
    # One of a family of short forms may leave the rest to the function that it names.
    if inspect.isfunction(thing) and (named := re.search(r"([Ss]ee|Another name of|are those of) :func:`(\w+)`", text)):
        rooms = (inspect.getmodule(thing), importlib.import_module("graphrep.ops"))
        assert any(getattr(room, named[2], None) for room in rooms)
        return
    elsewhere = re.search(r"Parameters( and attributes)? as in\s+:(func|class):`", text)
    assert doc["Parameters"] or elsewhere or not inspect.signature(thing).parameters
    if inspect.isfunction(thing) and inspect.signature(thing).return_annotation != "None":
        assert doc["Returns"] or doc["Yields"]
    assert ">>> " in "\n".join(doc["Examples"])


@pytest.mark.parametrize("thing", callables())
def test_docstrings_name_every_parameter(thing):
    doc = NumpyDocString(inspect.getdoc(thing) or "")
    if not doc["Parameters"]:
        return
    named = documented_parameters(doc)
    wanted = set(inspect.signature(thing).parameters)
    inherited = inherited_parameters(thing)
    assert wanted <= named | inherited | {"reader_options"}
    assert named - {""} <= wanted


def documented_parameters(doc):
    return {name.strip(" *") for entry in doc["Parameters"] for name in entry.name.split(",")}


def inherited_parameters(thing):
    """Parameters that a docstring leaves to those of other classes, which it names."""
    text = " ".join((inspect.getdoc(thing) or "").split())
    found = set()
    for sentence in re.findall(r"Parameters[^.]* not listed are those of ([^.]+)\.", text):
        for name in re.findall(r":class:`(\w+)`", sentence):
            other = getattr(inspect.getmodule(thing), name)
            found |= documented_parameters(NumpyDocString(inspect.getdoc(other))) | inherited_parameters(other)
    return found


@pytest.mark.parametrize("page", [*sorted(DOCS.rglob("*.md")), ROOT / "README.md"], ids=lambda page: page.name)
def test_relative_links_lead_somewhere(page):
    text = page.read_text(encoding="utf-8")
    if "_build" in page.parts:
        return
    targets = re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r"```\{include\} (\S+)", text)
    targets += [f"{name}.md" for name in re.findall(r"\{doc\}`[^<`]*<([^>`]+)>`", text)]
    for target in targets:
        path = target.split("#")[0]
        if path and not re.match(r"\w+:", path):
            assert (page.parent / path).exists(), f"{page.name} links to {target}"


def test_every_page_is_in_a_table_of_contents():
    entries = set()
    for page in DOCS.rglob("*.md"):
        for block in re.findall(r"```\{toctree\}\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL):
            entries |= {(page.parent / line).resolve() for line in block.split("\n") if line and line[0] != ":"}
    pages = {page.with_suffix("").resolve() for page in DOCS.rglob("*.md") if "_build" not in page.parts}
    assert pages - entries == {(DOCS / "index").resolve()}
    assert entries <= pages
