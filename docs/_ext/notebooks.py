"""Executed pages as notebooks with their outputs: a copy beside the page, and links at its end to download and open it.

A copy begins with how to install graphrep, which another machine, such as Colab's after an upload, does not have.
"""

from __future__ import annotations

import json
import posixpath
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

if TYPE_CHECKING:
    from sphinx.application import Sphinx


INSTALL = [
    "This notebook needs [graphrep](https://github.com/graphrep/graphrep); in Colab, run this in a cell first:\n",
    "\n",
    '    %pip install "graphrep[search,viz] @ git+https://github.com/graphrep/graphrep"',
]


def merged(outputs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Outputs without the text that myst-nb, which merges streams in place, has appended to the first of its name."""
    kept: list[dict[str, Any]] = []
    first: dict[str, str] = {}
    for output in outputs:
        if output["output_type"] == "stream":
            text = "".join(output["text"])
            if text.rstrip() in first.setdefault(output["name"], "") and first[output["name"]]:
                continue
            first[output["name"]] = first[output["name"]] or text
        kept.append(output)
    return kept


def with_install(text: str) -> str:
    """The notebook with a first cell in Markdown."""
    content = json.loads(text)
    cell = {"cell_type": "markdown", "metadata": {}, "source": INSTALL}
    if (content["nbformat"], content["nbformat_minor"]) >= (4, 5):
        cell["id"] = "install"
    for own in content["cells"]:
        if "outputs" in own:
            own["outputs"] = merged(own["outputs"])
    content["cells"].insert(0, cell)
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def notebook(app: Sphinx, page: str) -> Path | None:
    """The notebook that the execution of a page wrote; None for pages without code cells."""
    path = Path(app.env.mystnb_config.output_folder, *page.split("/")).with_suffix(".ipynb")
    return path if path.is_file() else None


def link(app: Sphinx, pagename: str, _template: str, context: dict[str, Any], doctree: Any) -> None:
    if doctree is not None and notebook(app, pagename):
        name = posixpath.basename(pagename) + ".ipynb"
        links = [f'<a href="{name}" download>Download this page as a notebook</a>']
        if app.config.notebook_repository:
            repository, branch = app.config.notebook_repository, app.config.notebook_branch
            opened = {
                "Colab": f"https://colab.research.google.com/github/{repository}/blob/{branch}/{pagename}.ipynb",
                "Binder": f"https://mybinder.org/v2/gh/{repository}/{branch}?labpath={quote(pagename, safe='')}.ipynb",
            }
            links += [f'<a href="{address}">Open in {place}</a>' for place, address in opened.items()]
        context["body"] += f'<p class="notebook">{" · ".join(links)}</p>'


def copy(app: Sphinx, error: Exception | None) -> None:
    if error or app.builder.format != "html":
        return
    for page in sorted(app.env.found_docs):
        if source := notebook(app, page):
            target = Path(app.outdir, *page.split("/")).with_suffix(".ipynb")
            target.write_text(with_install(source.read_text(encoding="utf-8")), encoding="utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_config_value("notebook_repository", "", "html")  # owner/name; its branch holds the built pages
    app.add_config_value("notebook_branch", "gh-pages", "html")
    app.connect("html-page-context", link)
    app.connect("build-finished", copy)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
