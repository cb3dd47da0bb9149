"""One module per file layout of node vectors, each with ``write`` and ``read``; ``graphrep.io.vectors`` selects one.

A module lists in ``TAKES`` the options of ``read_vectors`` that mean something for its layout.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Names = npt.NDArray[np.int64] | list[str]

FORMAT = "graphrep node vectors, 1"  # increase the number when an older reader would misread a new file


class VectorTable(NamedTuple):
    """Content of a file of node vectors.

    Attributes
    ----------
    vectors : float32 array of shape (num_nodes, dimensions)
    nodes : int64 array, list of str, or None
        Names in row order; None for 0 … num_nodes - 1.
    settings : dict
        How the vectors were made; empty if the layout does not store settings.
    """

    vectors: npt.NDArray[Any]
    nodes: Names | None
    settings: dict[str, Any]


class Options(NamedTuple):
    """How a file is to be read: columns by name, header or not, mapped or not."""

    nodes: str | None = None
    vectors: str | list[str] | None = None
    header: bool | None = None
    mmap: bool | None = False


class MalformedError(Exception):
    """The content of a file is invalid; ``read_vectors`` adds the file name to the message."""


def pack_settings(settings: dict[str, Any]) -> str:
    """Serialize settings for the metadata of a file."""
    return json.dumps({"format": FORMAT, "settings": settings}, sort_keys=True, allow_nan=False)


def unpack_settings(text: str | bytes | None) -> dict[str, Any]:
    """Read settings from the metadata of a file; files of other programs have none."""
    if text is None:
        return {}
    try:
        content = json.loads(text)
    except ValueError:
        raise MalformedError("its metadata is not JSON.") from None
    if not isinstance(content, dict) or not isinstance(content.get("settings", {}), dict):
        raise MalformedError("its metadata is not a JSON object with settings.")
    if content.get("format", FORMAT) != FORMAT:
        raise MalformedError(f"its format is {content['format']!r}; this version of graphrep reads {FORMAT!r}.")
    return dict(content.get("settings", {}))
