"""Scores of node pairs."""

from __future__ import annotations
