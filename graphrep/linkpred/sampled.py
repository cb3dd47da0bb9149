"""Training of link predictors on sampled neighborhoods of the pairs, for graphs too large for a step on the whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any

import torch

from graphrep.linkpred.predictors import NeighborPredictor, PairInputs, hide_entries
from graphrep.linkpred.training import PairBatch, PairTask
from graphrep.nn.blocks import Block, sample_blocks
from graphrep.nn.sparse import feature_rows
from graphrep.ops.adjacency import Adjacency, Structure
from graphrep.ops.neighbors.sets import neighbor_intersection

__all__ = ["SampledTask"]

Tensor = torch.Tensor


@dataclass(eq=False, repr=False)
class SampledTask(PairTask):
    """A :class:`PairTask` whose encoder computes the vectors that a batch needs, from sampled neighbors.

    Those are the ends of the pairs and, for a :class:`NeighborPredictor`, all their common neighbors. The edges of the
    batch are hidden from both. Validation uses all neighbors, layer by layer in blocks of rows.

    Parameters
    ----------
    neighbors : sequence of int
        See :func:`graphrep.nn.sample_blocks`.
    """

    _: KW_ONLY
    neighbors: Sequence[int] = ()

    def loss(self, batch: PairBatch) -> Tensor:
        """As :meth:`PairTask.loss`, which it equals with all neighbors and without dropout; accumulates gradients."""
        encoder: Any = self.model.encoder
        predictor: Any = self.model.predictor
        pairs = torch.cat(batch[:2], 1)
        common = self._common(pairs, batch.pos)
        used = torch.zeros(self.graph.num_nodes, dtype=torch.bool, device=self.device)
        used[pairs.flatten()] = True
        if common is not None:
            used[common.indices.long()] = True
        place = used.cumsum(0) - 1
        x, blocks = self._sampled(used.nonzero().squeeze(1), batch.pos)
        with self._autocast():
            h, local = encoder(x, blocks), place[pairs]
            if common is None:
                inputs: PairInputs = predictor.inputs(h, None, None, local)
            else:
                indices = place.index_select(0, common.indices.long())
                structure = Structure(common.indptr, indices, len(h))
                inputs = predictor.pooled_inputs(h, local, Adjacency._of(structure, None, None))
        sizes = batch.pos.shape[1], batch.neg.shape[1]
        return self._loss_of_rows(inputs, 0, self._blocks(pairs.shape[1]), sizes, batch.offset)

    def _common(self, pairs: Tensor, edges: Tensor) -> Adjacency | None:
        """The common neighbors of pairs; in training, without those that the dropout of edges of either end hides."""
        predictor: Any = self.model.predictor
        if not isinstance(predictor, NeighborPredictor):
            return None
        removed = edges if self.hide_targets else None
        common = neighbor_intersection(self.adj, pairs, removed=removed, directed=False)
        return hide_entries(common, 1 - (1 - predictor.edge_dropout) ** 2) if predictor.training else common

    def _sampled(self, nodes: Tensor, edges: Tensor) -> tuple[Any, list[Block]]:
        """Input of the encoder and blocks for the vectors of ``nodes``."""
        removed = None
        if self.hide_targets:  # edges need not be in the graph
            there = torch.from_numpy(self.graph.has_edges(*edges.cpu().numpy())).to(self.device)
            removed = edges[:, there]
        encoder: Any = self.model.encoder
        read, blocks = sample_blocks(self.adj, nodes, self.neighbors, encoder.kind, removed)
        return read if self.x is None else feature_rows(self.x, read), blocks

    @torch.no_grad()
    def encode(self) -> Tensor:
        """Node vectors without dropout, from all neighbors."""
        encoder: Any = self.model.eval().encoder
        h: Tensor = encoder.infer(self.x, self.adj)
        return h
