"""What an objective adds to an encoder: projections, discriminators, random pairs, and how the loss is computed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from graphrep.contrast import objectives
from graphrep.contrast.infonce import info_nce
from graphrep.contrast.sources import ClusterSource, GraphSource, View
from graphrep.nn.gcn import GCN
from graphrep.nn.generators import current_generator, make_generator
from graphrep.nn.layers import Linear
from graphrep.ops.adjacency import Adjacency
from graphrep.ops.normalization import symmetric_normalize

__all__ = ["HEADS", "Head", "PairHead"]

Tensor = torch.Tensor
Encode = Callable[[View], Tensor]


class Head(nn.Module):
    """Base: ``forward(encode, source)`` is the loss of one step, ``encode`` the encoder on a view."""

    def forward(self, encode: Encode, source: Any) -> Tensor:
        """Loss, a scalar tensor."""
        raise NotImplementedError

    def after_step(self, encoder: GCN, progress: float) -> None:
        """Called after each step of the optimizer; ``progress`` grows from 0 to 1 over the training."""


class GraceHead(Head):
    """GRACE: projection Linear, ELU, Linear, then InfoNCE between two views."""

    def __init__(self, dimensions: int, *, temperature: float, **_: Any) -> None:
        super().__init__()
        self.temperature = temperature
        self.projection = nn.Sequential(Linear(dimensions, dimensions), nn.ELU(), Linear(dimensions, dimensions))

    def forward(self, encode: Encode, source: GraphSource | ClusterSource) -> Tensor:
        first, second = source.pair()
        return info_nce(self.projection(encode(first)), self.projection(encode(second)), self.temperature)


class CcaHead(Head):
    """CCA-SSG between two views."""

    def __init__(self, dimensions: int, *, weight: float, **_: Any) -> None:
        super().__init__()
        del dimensions
        self.weight = weight

    def forward(self, encode: Encode, source: GraphSource | ClusterSource) -> Tensor:
        first, second = source.pair()
        return objectives.cca_ssg(encode(first), encode(second), self.weight)


class BarlowHead(CcaHead):
    """Barlow Twins between two views."""

    def forward(self, encode: Encode, source: GraphSource | ClusterSource) -> Tensor:
        first, second = source.pair()
        return objectives.barlow_twins(encode(first), encode(second), self.weight)


class SceHead(Head):
    """SCE, its random pairs drawn in every step."""

    def __init__(self, dimensions: int, *, weight: float, num_negatives: int, **_: Any) -> None:
        super().__init__()
        del dimensions
        self.weight, self.num_negatives = weight, num_negatives

    def forward(self, encode: Encode, source: GraphSource | ClusterSource) -> Tensor:
        z = encode(source.plain())
        return objectives.sce(z, objectives.random_negatives(len(z), self.num_negatives).to(z.device), self.weight)


class ColesHead(Head):
    """COLES, its random pairs drawn once."""

    def __init__(self, dimensions: int, *, weight: float, num_negatives: int, seed: int, **_: Any) -> None:
        super().__init__()
        del dimensions
        self.weight, self.num_negatives, self.seed = weight, num_negatives, seed
        self._pairs: tuple[Adjacency, Adjacency] | None = None

    def forward(self, encode: Encode, source: GraphSource | ClusterSource) -> Tensor:
        z = encode(source.plain())
        if self._pairs is None:  # from a generator of their own, so that a resumed fit draws the same pairs
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
    r"""BGRL's predictor and target encoder, which follows the trained one with a momentum from 0.99 to 1."""

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


class PairHead(Head):
    """An objective of one's own, ``objective(z1, z2)``, between the vectors of two views."""

    def __init__(self, objective: Callable[[Tensor, Tensor], Tensor]) -> None:
        super().__init__()
        self.objective = objective  # registered, and so trained, if it is a module

    def forward(self, encode: Encode, source: GraphSource | ClusterSource) -> Tensor:
        """Loss of two views."""
        first, second = source.pair()
        return self.objective(encode(first), encode(second))


#: Name of an objective -> its head.
HEADS: dict[str, type[Head]] = {
    "grace": GraceHead,
    "cca-ssg": CcaHead,
    "barlow-twins": BarlowHead,
    "sce": SceHead,
    "coles": ColesHead,
    "dgi": DgiHead,
    "ggd": GgdHead,
    "bgrl": BgrlHead,
}
