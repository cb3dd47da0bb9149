"""``Dataset``: a graph, its fixed splits, and what they mean."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from graphrep.datasets.splits import LabelSplit, LinkSplit
    from graphrep.graph import Graph


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """A graph with its fixed splits.

    Attributes
    ----------
    name : str
    graph : Graph
        All edges; ``graph.x`` holds the features, ``graph.y`` the labels.
    split : LinkSplit or None
        Training, validation and test edges, and fixed negatives. Learn on ``split.graph``, not on ``graph``.
    label_split : LabelSplit or None
        Training, validation and test nodes.
    label_names : tuple of str
        Name of each class of ``graph.y``.
    feature_names : tuple of str
        Name of each column of ``graph.x``.
    metric : str
        The measure of link prediction that results are compared by, such as ``"hits@100"``; "" if there is none.
    card : str
        The data card in Markdown: where the data are from, how they were made, what they are good for.
    extras : mapping
        Whatever else the data set has; the data card says what.
    """

    name: str
    graph: Graph
    split: LinkSplit | None = None
    label_split: LabelSplit | None = None
    label_names: tuple[str, ...] = ()
    feature_names: tuple[str, ...] = ()
    metric: str = ""
    card: str = ""
    extras: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))

    def __repr__(self) -> str:
        return f"Dataset({self.name!r}, {self.graph!r}, split={self.split!r}, label_split={self.label_split!r})"
