"""What the implementations of neighbor sampling take and return."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch

Tensor = torch.Tensor

__all__ = ["Edges", "Nodes", "Relation", "Task"]


class Relation(NamedTuple):
    """The edges from nodes of one type to nodes of another; row ``v`` holds the neighbors of ``v``.

    A graph without types has one relation, from type 0 to type 0. With times, the rows of a relation ascend by time.
    """

    indptr: Tensor  # int64
    indices: Tensor  # int32 or int64, the same in all relations
    edge_ids: Tensor | None  # int64, id of every entry; None: its position
    weights: Tensor | None  # float32 or float64, the same in all relations
    entry_time: Tensor | None  # int64; later entries than the seed are not drawn
    node_time: Tensor | None  # int64, the same by the time of the neighbor
    fanouts: Sequence[int]
    target: int = 0
    source: int = 0


class Task(NamedTuple):
    """Arguments of a sample besides its relations and seeds."""

    hops: int
    replace: bool
    disjoint: bool
    last: bool
    seed_time: Tensor | None  # int64, per seed, in the order of the types
    seed: int
    batch: int


class Nodes(NamedTuple):
    """Sampled nodes of one type."""

    node: Tensor
    example: Tensor | None  # number of the seed that each node belongs to, if disjoint
    per_hop: list[int]


class Edges(NamedTuple):
    """Sampled edges of one relation."""

    row: Tensor
    col: Tensor
    edge: Tensor
    per_hop: list[int]
