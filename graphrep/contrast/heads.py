"""Heads of the objectives: projections, discriminators, random pairs and the loss."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import nn

from graphrep.contrast import objectives
from graphrep.contrast.infonce import info_nce
from graphrep.contrast.sources import ClusterSource, GraphSource, View
from graphrep.distributed.ranks import Ranks
from graphrep.nn.gcn import GCN
from graphrep.nn.generators import current_generator, make_generator
from graphrep.nn.layers import Linear
from graphrep.ops.adjacency import Adjacency
from graphrep.ops.normalization import symmetric_normalize

__all__ = ["HEADS", "Head", "PairHead"]

Tensor = torch.Tensor
Encode = Callable[[View], Tensor]


class Head(nn.Module):
    """Base class: ``forward(encode, source)`` is the loss of one step; ``encode`` applies the encoder to a view."""

    def forward(self, encode: Encode, source: Any) -> Tensor:
        """Loss, a scalar tensor."""
        raise NotImplementedError

    def after_step(self, encoder: GCN, progress: float) -> None:
        """Called after each step of the optimizer; ``progress`` grows from 0 to 1 over the training."""


class GraceHead(Head):
    """GRACE: InfoNCE between the projections (Linear, ELU, Linear) of two views."""

    def __init__(self, dimensions: int, *, temperature: float, ranks: Ranks | None = None, **_: Any) -> None:
        super().__init__()
        self.temperature, self.ranks = temperature, ranks
        self.projection = nn.Sequential(Linear(dimensions, dimensions), nn.ELU(), Linear(dimensions, dimensions))

    def forward(self, encode: Encode, source: GraphSource | ClusterSource) -> Tensor:
        first, second = source.pair()
        h1, h2 = self.projection(encode(first)), self.projection(encode(second))
        return info_nce(h1, h2, self.temperature, ranks=self.ranks)


class PairHead(Head):
    """A loss ``objective(z1, z2)`` between the vectors of two views."""

    def __init__(self, objective: Callable[[Tensor, Tensor], Tensor]) -> None:
        super().__init__()
        self.objective = objective  # a module is registered and therefore trained

    @classmethod
    def weighted(cls, objective: Callable[..., Tensor], _dimensions: int, *, weight: float, **_: Any) -> PairHead:
        """Head of an objective with a weight."""
        return cls(partial(objective, weight=weight))

    def forward(self, encode: Encode, source: GraphSource | ClusterSource) -> Tensor:
        """Loss of two views."""
        first, second = source.pair()
        return self.objective(encode(first), encode(second))


class SceHead(Head):
    """SCE; its random pairs are drawn in every step."""

    def __init__(self, _dimensions: int, *, weight: float, num_negatives: int, **_: Any) -> None:
        super().__init__()
        self.weight, self.num_negatives = weight, num_negatives

    def forward(self, encode: Encode, source: GraphSource | ClusterSource) -> Tensor:
        z = encode(source.plain())
        return objectives.sce(z, objectives.random_negatives(len(z), self.num_negatives).to(z.device), self.weight)


class ColesHead(Head):
    """COLES; its random pairs are drawn once."""

    def __init__(self, _dimensions: int, *, weight: float, num_negatives: int, seed: int, **_: Any) -> None:
        super().__init__()
        self.weight, self.num_negatives, self.seed = weight, num_negatives, seed
        self._pairs: tuple[Adjacency, Adjacency] | None = None

    def forward(self, encode: Encode, source: GraphSource | ClusterSource) -> Tensor:
        z = encode(source.plain())
        if self._pairs is None:  # from a separate generator, so that a resumed fit draws the same pairs
            generator = make_generator(self.seed)
            pairs = objectives.random_negatives(len(z), self.num_negatives, self_pairs=False, generator=generator)
            self._pairs = source.positives().to(z.device), symmetric_normalize(pairs).to(z.device)
        return objectives.coles(z, *self._pairs, self.weight)


class DgiHead(Head):
    """DGI's bilinear discriminator, against shuffled features."""

    def __init__(self, dimensions: int, **_: Any) -> None:
        super().__init__()
        table = torch.empty(dimensions, dimensions)
        self.bilinear = nn.Parameter(nn.init.xavier_uniform_(table, generator=current_generator()))

    def forward(self, encode: Encode, source: GraphSource) -> Tensor:
        return objectives.dgi(encode(source.masked()), encode(source.shuffled()), self.bilinear)


class GgdHead(Head):
    """GGD's linear head, against shuffled features."""

    def __init__(self, dimensions: int, **_: Any) -> None:
        super().__init__()
        self.projection = Linear(dimensions, dimensions)

    def forward(self, encode: Encode, source: GraphSource) -> Tensor:
        return objectives.ggd(self.projection(encode(source.masked())), self.projection(encode(source.shuffled())))


class BgrlHead(Head):
    r"""BGRL's predictor and target encoder, a moving average of the trained encoder with momentum from 0.99 to 1."""

    def __init__(self, dimensions: int, *, make_encoder: Callable[[], GCN], **_: Any) -> None:
        super().__init__()
        self.predictor = nn.Sequential(Linear(dimensions, 512), nn.PReLU(), Linear(512, dimensions))
        self.target = make_encoder()  # initialized independently, as published, not a copy
        self.target.requires_grad_(requires_grad=False)

    def forward(self, encode: Encode, source: GraphSource) -> Tensor:
        first, second = source.pair()
        with torch.no_grad():
            targets = [self.target(view.x, view.adj, columns=view.columns) for view in (first, second)]
        return objectives.bgrl(self.predictor(encode(first)), targets[1], self.predictor(encode(second)), targets[0])

    @torch.no_grad()
    def after_step(self, encoder: GCN, progress: float) -> None:
        share = 0.01 * (1 + torch.cos(torch.tensor(torch.pi * progress)).item()) / 2
        for slow, fast in zip(self.target.parameters(), encoder.parameters(), strict=True):
            slow.lerp_(fast, share)


#: Name of an objective -> constructor of its head.
HEADS: dict[str, Callable[..., Head]] = {
    "grace": GraceHead,
    "cca-ssg": partial(PairHead.weighted, objectives.cca_ssg),
    "barlow-twins": partial(PairHead.weighted, objectives.barlow_twins),
    "sce": SceHead,
    "coles": ColesHead,
    "dgi": DgiHead,
    "ggd": GgdHead,
    "bgrl": BgrlHead,
}
