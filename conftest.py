"""What pytest leaves out of the search for doctests: modules whose optional package is missing."""

from __future__ import annotations

from importlib.util import find_spec

collect_ignore_glob = [] if find_spec("triton") else ["graphrep/ops/_triton.py", "graphrep/ops/*/triton*.py"]
