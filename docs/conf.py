"""Sphinx configuration. ``make docs`` builds; warnings are errors, and so is a cell that fails."""

from __future__ import annotations

import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path.insert(0, str(HERE / "_ext"))
# Cells run `graphrep ...`; the command lies beside this interpreter, active environment or not.
os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
# Other libraries look for ipywidgets, for progress bars that no page shows.
os.environ.setdefault("PYTHONWARNINGS", "ignore:IProgress not found")
os.environ["TQDM_DISABLE"] = "1"  # how long a cell takes decides whether a bar is drawn

from graphrep import __version__  # noqa: E402

project = "graphrep"
author = "The graphrep developers"
copyright = author
version = release = __version__

extensions = ["myst_nb", "numpydoc", "sphinx.ext.autodoc", "benchmark_tables", "cards", "mathml", "notebooks", "social"]
exclude_patterns = ["_build", "jupyter_execute"]
nitpicky = True  # a cross-reference that leads nowhere is a warning, hence an error

html_theme = "furo"
html_title = "graphrep"
html_math_renderer = "mathml"
html_show_sphinx = False
html_static_path = ["_static"]
html_favicon = "_static/icon.svg"
social_card = "https://raw.githubusercontent.com/graphrep/graphrep/main/docs/_static/card.png"
social_words = "Graph representation learning in Python: node vectors, clusters, missing links."
html_css_files = ["pages.css"]
html_js_files = ["copy.js", "versions.js"]
html_theme_options = {
    "source_repository": "https://github.com/graphrep/graphrep/",
    "source_branch": "main",
    "source_directory": "docs/",
    "top_of_page_buttons": ["view", "edit"],
}
html_copy_source = False
notebook_repository = "graphrep/graphrep"

autodoc_member_order = "bysource"
autodoc_typehints = "none"  # the docstrings say shape and dtype, which annotations cannot
numpydoc_show_class_members = False
numpydoc_xref_param_type = False

myst_enable_extensions = ["colon_fence", "deflist", "dollarmath", "tasklist"]
myst_heading_anchors = 3

nb_execution_mode = "force"
nb_execution_timeout = 1200  # a cell that takes half a minute alone takes ten on a busy machine
nb_execution_raise_on_error = True
nb_execution_show_tb = True
nb_output_stderr = "remove-warn"  # a warning in a cell fails the build too
nb_merge_streams = True
nb_render_markdown_format = "myst"
# ref.python: numpydoc links an attribute of a class by its name alone, which other classes have, too.
suppress_warnings = ["mystnb.unknown_mime_type", "ref.python"]

# Its pages are not among those that references are looked up in.
nitpick_ignore_regex = [("py:obj", r"\w+_"), ("py:class", r"torch_geometric\..*"), ("py:class", r"torch\.nn\..*")]
