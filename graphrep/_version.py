"""The version, written here and nowhere else: the build reads it, and a checkout needs no installation to know it."""

from __future__ import annotations

__version__ = "0.1.0"
