"""Judging node vectors and link scores."""

from __future__ import annotations
