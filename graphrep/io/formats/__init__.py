"""One module per layout of node vectors on disk, each with ``write`` and ``read``; ``graphrep.io.vectors`` chooses."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Names = npt.NDArray[np.int64] | list[str]

FORMAT = "graphrep node vectors, 1"  # to be raised when an older reader would misread what is written


class VectorTable(NamedTuple):
    """What a file of node vectors holds.

    Attributes
    ----------
    vectors : float32 array of shape (num_nodes, dimensions)
    nodes : int64 array, list of str, or None
        Names in row order; None for 0 … num_nodes - 1.
    settings : dict
        What made the vectors; empty if the layout keeps none.
    """

    vectors: npt.NDArray[Any]
    nodes: Names | None
    settings: dict[str, Any]


class MalformedError(Exception):
    """What is wrong with the content of a file, a sentence to which ``read_vectors`` adds the name of the file."""


def pack_settings(settings: dict[str, Any]) -> str:
    """Give settings as the text that a file's metadata holds."""
    return json.dumps({"format": FORMAT, "settings": settings}, sort_keys=True, allow_nan=False)


def unpack_settings(text: str | bytes | None) -> dict[str, Any]:
    """Read settings from a file's metadata; a file that another program wrote has none."""
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
