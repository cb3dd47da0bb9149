"""The extensions of the documentation: cards, and notebooks to download."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs"

pytestmark = pytest.mark.skipif(not DOCS.is_dir(), reason="needs a checkout")

PRINTED = [{"output_type": "stream", "name": "stdout", "text": text} for text in ("a\nb\n", "b\n", "c\n")]
CELL = {"cell_type": "code", "id": "a", "metadata": {}, "source": "1", "outputs": PRINTED, "execution_count": 1}


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A tiny project: an executed page, as myst-nb leaves it, and one without code."""
    from sphinx.application import Sphinx
    from sphinx.util.docutils import docutils_namespace

    folder = tmp_path_factory.mktemp("docs")
    source, out, executed = folder / "source", folder / "build" / "html", folder / "build" / "jupyter_execute"
    (source / "deep").mkdir(parents=True)
    (source / "conf.py").write_text(
        "import sys, types\nfrom docutils import nodes\n"
        f"sys.path.insert(0, {str(DOCS / '_ext')!r})\n"
        'extensions, html_theme = ["cards", "notebooks", "social"], "basic"\n'
        'social_card, social_words = "https://example.org/card.png", "All & sundry"\n'
        'notebook_repository = "me/mine"\n'
        "def read(app, tree):\n"
        "    for found in tree.findall(nodes.container):\n        found['classes'] = ['cell_output']\n"
        "def before(app, env, names):\n"
        f"    env.mystnb_config = types.SimpleNamespace(output_folder={str(executed)!r})\n"
        "def setup(app):\n    app.connect('doctree-read', read)\n    app.connect('env-before-read-docs', before)\n"
    )
    cards = ".. cards::\n\n   deep/told | Short & sweet\n   deep/shown\n"
    (source / "index.rst").write_text(f"Start\n=====\n\n{cards}\n.. toctree::\n\n   deep/told\n   deep/shown\n")
    (source / "deep" / "told.rst").write_text("What is told?\n=============\n\nText.\n")
    output = ".. container::\n\n   ::\n\n     a < b\n     and more\n"
    (source / "deep" / "shown.rst").write_text(f"What is shown?\n==============\n\n{output}")
    (executed / "deep").mkdir(parents=True)
    notebook = {"cells": [CELL], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    (executed / "deep" / "shown.ipynb").write_text(json.dumps(notebook))
    with docutils_namespace():
        app = Sphinx(source, source, out, folder / "trees", "html", status=None, exception_on_warning=True)
        app.build()
    return out


def test_cards_have_titles_of_pages_with_a_text_or_what_the_page_prints(built):
    start = (built / "index.html").read_text(encoding="utf-8")
    told, shown = start.split('<div class="card ')[1:]
    assert 'href="deep/told.html"' in told
    assert "What is told?" in told
    assert "<p>Short &amp; sweet</p>" in told
    assert "thumbnail" not in told
    assert 'href="deep/shown.html"' in shown
    assert '<span class="thumbnail" aria-hidden="true">a &lt; b\nand more</span>' in shown


def test_an_executed_page_has_its_notebook_with_outputs_beside_it(built):
    page = (built / "deep" / "shown.html").read_text(encoding="utf-8")
    assert '<a href="shown.ipynb" download>' in page
    assert 'href="https://colab.research.google.com/github/me/mine/blob/gh-pages/deep/shown.ipynb"' in page
    assert 'href="https://mybinder.org/v2/gh/me/mine/gh-pages?labpath=deep%2Fshown.ipynb"' in page
    first, second = json.loads((built / "deep" / "shown.ipynb").read_text(encoding="utf-8"))["cells"]
    assert "%pip install" in first["source"][-1]
    # myst-nb has appended the second text to the first one, and not the third
    assert second == {**CELL, "outputs": [PRINTED[0], PRINTED[2]]}
    assert ".ipynb" not in (built / "deep" / "told.html").read_text(encoding="utf-8")


def test_links_to_a_page_have_its_title_its_words_and_the_card(built):
    def tags(page):
        text = (built / page).read_text(encoding="utf-8")
        return {
            name: html.unescape(value)
            for name, value in re.findall(r'<meta property="(og:\w+)" content="([^"]*)"', text)
        }

    assert tags("deep/told.html")["og:title"] == "What is told?"
    assert tags("deep/told.html")["og:description"] == "Text."
    assert tags("deep/told.html")["og:image"] == "https://example.org/card.png"
    assert tags("deep/shown.html")["og:description"] == "All & sundry"


def test_the_versions_of_the_menu_hold_this_one():
    from graphrep import __version__

    versions = [entry["version"] for entry in json.loads((DOCS / "switcher.json").read_text(encoding="utf-8"))]
    assert versions[0] == "latest"
    assert __version__ in versions
