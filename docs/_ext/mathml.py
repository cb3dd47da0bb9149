"""Formulas as MathML, which browsers draw by themselves: the pages need no script and no network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from docutils import nodes
from docutils.utils.math import MathError, latex2mathml
from sphinx.util import logging

if TYPE_CHECKING:
    from sphinx.application import Sphinx

# What docutils does not know, in terms of what it knows.
_SYNONYMS = {r"\dots": r"\ldots", r"\texttt": r"\mathtt"}


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_html_math_renderer("mathml", (_visit_inline, None), (_visit_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _visit_inline(translator: Any, node: nodes.math) -> None:
    translator.body.append(_mathml(node, as_block=False))
    raise nodes.SkipNode


def _visit_block(translator: Any, node: nodes.math_block) -> None:
    translator.body.append(f'<div class="math">{_mathml(node, as_block=True)}</div>\n')
    raise nodes.SkipNode


def _mathml(node: nodes.Node, *, as_block: bool) -> str:
    formula = node.astext()
    for unknown, known in _SYNONYMS.items():
        formula = formula.replace(unknown, known)
    try:
        return latex2mathml.tex2mathml(formula, as_block=as_block)
    except MathError as error:
        logging.getLogger(__name__).warning("cannot draw the formula %s: %s", formula, error, location=node)
        return ""
