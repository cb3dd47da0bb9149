"""The files around the package agree with it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import graphrep

ROOT = Path(__file__).resolve().parents[1]
SOURCES = Path(graphrep.__file__).parent

pytestmark = pytest.mark.skipif(not (ROOT / "CITATION.cff").exists(), reason="needs a checkout")


def test_the_citation_names_this_version():
    assert f"\nversion: {graphrep.__version__}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")


def test_the_changelog_knows_this_version():
    assert graphrep.__version__ in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_every_environment_variable_is_on_the_page():
    page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    reads = re.compile(r"""(?:environ(?:\.get\(|\[)|getenv\()["'](\w+)["']""")
    files = [path for path in SOURCES.rglob("*") if path.suffix in (".py", ".cpp", ".hpp")]
    variables = {name for path in files for name in reads.findall(path.read_text(encoding="utf-8"))}
    assert {"GRAPHREP_BACKEND", "GRAPHREP_ISA", "OMP_NUM_THREADS"} <= variables
    for name in variables:
        assert f"| `{name}` |" in page
