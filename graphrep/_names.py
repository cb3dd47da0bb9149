"""The error for a name that no node has."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy.typing as npt

_SEARCHED = 200_000  # a search for similar names among more takes seconds


class UnknownNodeError(KeyError):
    """No node has this name; the message, made when it is read, suggests similar names.

    A loop that catches the error a million times does not pay for a million searches.
    """

    def __init__(self, node: Any, nodes: npt.NDArray[Any]) -> None:
        super().__init__(node)
        self._nodes = nodes

    def __reduce__(self) -> tuple[Any, ...]:
        return KeyError, (str(self),)

    def __str__(self) -> str:
        node, nodes = self.args[0], self._nodes
        if isinstance(node, str) and nodes.dtype.kind == "i":
            return f"there is no node {node!r}; the nodes are integers."
        alike: list[str] = []
        if isinstance(node, str) and len(nodes) <= _SEARCHED:
            names = [name for name in nodes.tolist() if isinstance(name, str)]
            alike = difflib.get_close_matches(node, names, n=3)
        elif nodes.dtype == object and str(node) in set(nodes.tolist()):
            return f"there is no node {node!r}, but there is {str(node)!r}, a string."
        hint = f"; did you mean {' or '.join(alike)}?" if alike else "."
        return f"there is no node {node!r}{hint}"
