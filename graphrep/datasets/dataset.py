"""``Dataset``: a graph with its fixed splits and their description."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from graphrep.datasets.splits import LabelSplit, LinkSplit, TripleSplit
    from graphrep.graph import Graph


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """A graph with its fixed splits.

    Attributes
    ----------
    name : str
    graph : Graph
        ``graph.x`` holds the features, ``graph.y`` the labels. It has all edges, or only the training edges if the
        source provides these, as OGB does.
    split : LinkSplit or None
        Training, validation and test edges, and fixed negatives. Train on ``split.graph``, not on ``graph``.
    triple_split : TripleSplit or None
        The same for triples (head, relation, tail), if there are several relations.
    label_split : LabelSplit or None
        Training, validation and test nodes.
    label_names : tuple of str
        Name of each class of ``graph.y``.
    feature_names : tuple of str
        Name of each column of ``graph.x``.
    metric : str
        The usual metric of link prediction on this data set, such as ``"hits@100"``; "" if there is none.
    card : str
        The data card in Markdown: origin, construction and intended use of the data.
    extras : mapping
        Further contents of the data set, described by the data card.
    """

    name: str
    graph: Graph
    split: LinkSplit | None = None
    triple_split: TripleSplit | None = None
    label_split: LabelSplit | None = None
    label_names: tuple[str, ...] = ()
    feature_names: tuple[str, ...] = ()
    metric: str = ""
    card: str = ""
    extras: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))

    def __repr__(self) -> str:
        splits = f"split={self.split!r}, label_split={self.label_split!r}"
        splits += f", triple_split={self.triple_split!r}" if self.triple_split is not None else ""
        return f"Dataset({self.name!r}, {self.graph!r}, {splits})"
