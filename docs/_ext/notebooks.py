"""Executed pages as notebooks with their outputs: a copy beside the page, and a link to it at the end."""

from __future__ import annotations

import posixpath
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sphinx.application import Sphinx


def notebook(app: Sphinx, page: str) -> Path | None:
    """The notebook that the execution of a page wrote; None for pages without code cells."""
    path = Path(app.env.mystnb_config.output_folder, *page.split("/")).with_suffix(".ipynb")
    return path if path.is_file() else None


def link(app: Sphinx, pagename: str, _template: str, context: dict[str, Any], doctree: Any) -> None:
    if doctree is not None and notebook(app, pagename):
        name = posixpath.basename(pagename) + ".ipynb"
        context["body"] += f'<p class="notebook"><a href="{name}" download>Download this page as a notebook</a></p>'


def copy(app: Sphinx, error: Exception | None) -> None:
    if error or app.builder.format != "html":
        return
    for page in sorted(app.env.found_docs):
        if source := notebook(app, page):
            shutil.copyfile(source, Path(app.outdir, *page.split("/")).with_suffix(".ipynb"))


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("html-page-context", link)
    app.connect("build-finished", copy)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
