"""Directive ``cards``: links to pages as a grid.

A line of its content is the name of a page, as in a toctree, and after a ``|`` a text without markup that stands below
the title. Without a text, the first picture of the page stands above it, or what the page prints.
"""

from __future__ import annotations

import html
import posixpath
from typing import TYPE_CHECKING

from docutils import nodes
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective
from sphinx.util.nodes import make_refnode

if TYPE_CHECKING:
    from sphinx.application import Sphinx

LINES, COLUMNS = 8, 44  # of printed output in a card


class cards(nodes.General, nodes.Element):  # noqa: N801
    """Stands for the grid until all pages are read."""


class Cards(SphinxDirective):
    has_content = True

    def run(self) -> list[nodes.Node]:
        entries = []
        for line in filter(None, map(str.strip, self.content)):
            name, _, text = (part.strip() for part in line.partition("|"))
            page = posixpath.normpath(posixpath.join(posixpath.dirname(self.env.docname), name))
            self.env.note_dependency(str(self.env.doc2path(page)))
            entries.append((page, text))
        return [cards("", entries=entries)]


def resolve(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    for grid in list(doctree.findall(cards)):
        found = nodes.container(classes=["cards"])
        for page, text in grid["entries"]:
            if page not in app.env.titles:
                logging.getLogger(__name__).warning("there is no page %s", page, location=docname)
                continue
            title = nodes.strong("", app.env.titles[page].astext())
            link = make_refnode(app.builder, docname, page, "", [*([] if text else thumbnail(app, page)), title])
            card = nodes.container("", nodes.paragraph("", "", link), classes=["card"])
            if text:
                card += nodes.paragraph("", text)
            found += card
        grid.replace_self(found)


def thumbnail(app: Sphinx, page: str) -> list[nodes.Node]:
    """The first picture of a page, or the longest that it prints; hidden from screen readers, which get the title."""
    outputs = [
        output for output in app.env.get_doctree(page).findall(nodes.container) if "cell_output" in output["classes"]
    ]
    for output in outputs:
        for image in output.findall(nodes.image):
            picture = image.deepcopy()
            picture.attributes.update(alt="", classes=["thumbnail"])
            return [picture]
    texts = [block.astext() for output in outputs for block in output.findall(nodes.literal_block)]
    if texts:
        longest = max(texts, key=lambda text: text.count("\n")).split("\n")
        text = html.escape("\n".join(line[:COLUMNS] for line in longest[:LINES]))
        return [nodes.raw("", f'<span class="thumbnail" aria-hidden="true">{text}</span>', format="html")]
    return []


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_node(cards)
    app.add_directive("cards", Cards)
    app.connect("doctree-resolved", resolve)
    return {"parallel_read_safe": True, "parallel_write_safe": False}
