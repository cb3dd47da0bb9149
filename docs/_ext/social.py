"""What a link to a page looks like elsewhere: its title, its first words and the card."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any

from docutils import nodes

if TYPE_CHECKING:
    from sphinx.application import Sphinx

LONGEST = 200  # characters of a description


def description(tree: nodes.document) -> str:
    """The first paragraph of a page, shortened at a space."""
    first = next((node for node in tree.findall(nodes.paragraph) if not node.next_node(nodes.image)), None)
    text = " ".join(first.astext().split()) if first is not None else ""
    return text if len(text) <= LONGEST else text[: text.rfind(" ", 0, LONGEST)] + " …"


def add_tags(app: Sphinx, pagename: str, _template: str, context: dict[str, Any], doctree: Any) -> None:
    if doctree is None:
        return
    title = html.unescape(nodes.unescape(app.env.titles[pagename].astext()))
    words = description(doctree) or app.config.social_words
    tags = {"og:title": title, "og:description": words, "og:type": "website", "og:site_name": app.config.project}
    tags |= {"og:image": app.config.social_card, "og:image:alt": app.config.social_words}
    lines = [f'<meta property="{name}" content="{html.escape(text)}" />' for name, text in tags.items()]
    lines += [f'<meta name="description" content="{html.escape(words)}" />']
    lines += ['<meta name="twitter:card" content="summary_large_image" />']
    context["metatags"] = context.get("metatags", "") + "\n    ".join(["", *lines])


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_config_value("social_card", "", "html")  # an absolute address: readers of links take no other
    app.add_config_value("social_words", "", "html")
    app.connect("html-page-context", add_tags)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
