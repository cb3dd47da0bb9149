"""Reading edge lists, reading and writing node vectors."""

from __future__ import annotations
