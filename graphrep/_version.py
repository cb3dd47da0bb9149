"""The version. The build reads it from here, so a checkout that is not installed has the same one."""

from __future__ import annotations

__version__ = "0.1.0"
