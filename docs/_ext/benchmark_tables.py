"""Directive ``benchmark-tables``: what lies in ``experiments/results``, one section of tables per file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from sphinx.util.docutils import SphinxDirective

if TYPE_CHECKING:
    from docutils import nodes
    from sphinx.application import Sphinx

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "experiments" / "bench"))

from readme_table import RESULTS, full_tables  # noqa: E402


class BenchmarkTables(SphinxDirective):
    """Takes neither argument nor content. A page that uses it is written anew when a result changes."""

    def run(self) -> list[nodes.Node]:
        text = []
        for path in sorted(RESULTS.glob("*.json")):
            self.env.note_dependency(str(path))
            text.append(full_tables(path))
        return self.parse_text_to_nodes("\n\n".join(filter(None, text)) or "*Nothing has been measured yet.*")


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("benchmark-tables", BenchmarkTables)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
