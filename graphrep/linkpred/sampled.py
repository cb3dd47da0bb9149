"""Training of link predictors on sampled neighborhoods of the pairs, for graphs too large for a step on the whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any

import torch

from graphrep.linkpred.predictors import NeighborPredictor, PairInputs, kept_entries
from graphrep.linkpred.training import PairBatch, PairTask
from graphrep.nn.blocks import Block, sample_blocks
from graphrep.nn.generators import using_rows
from graphrep.nn.layers import drop
from graphrep.nn.sparse import feature_rows
from graphrep.ops.adjacency import Adjacency, Structure
from graphrep.ops.neighbors.sets import neighbor_intersection

__all__ = ["SampledTask"]

Tensor = torch.Tensor


@dataclass(eq=False, repr=False)
class SampledTask(PairTask):
    """A :class:`PairTask` whose encoder computes the vectors that a batch needs, from sampled neighbors.

    Those are the ends of the pairs and, for a :class:`NeighborPredictor`, all their common neighbors. The edges of the
    batch are hidden from both. Samples and dropout are functions of the batch and the node, or of the pair and the
    node, so that several ranks compute vectors for their shares of the pairs alone. Validation uses all neighbors,
    layer by layer in blocks of rows.

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
        every, sizes = torch.cat(batch[:2], 1), (batch.pos.shape[1], batch.neg.shape[1])
        blocks_of_pairs = self._blocks(every.shape[1])
        own = self._places(blocks_of_pairs)
        pairs = every.index_select(1, own)
        common = self._common(pairs, own, batch.pos)
        used = torch.zeros(self.graph.num_nodes, dtype=torch.bool, device=self.device)
        used[pairs.flatten()] = True
        if common is not None:
            used[common.indices.long()] = True
        nodes, place = used.nonzero().squeeze(1), used.cumsum(0) - 1
        x, blocks = self._sampled(nodes, batch.pos)
        with self._autocast():
            h, local = encoder(x, blocks), place[pairs]
            if common is None:
                inputs: PairInputs = predictor.inputs(h, None, None, local)
            else:
                indices = place.index_select(0, common.indices.long())
                structure = Structure(common.indptr, indices, len(h))
                inputs = predictor.pooled_inputs(h, local, Adjacency._of(structure, None, None), nodes)
        return self._loss_of_rows(inputs, 0, blocks_of_pairs, sizes, batch.offset)

    def _common(self, pairs: Tensor, own: Tensor, edges: Tensor) -> Adjacency | None:
        """The common neighbors of pairs; in training, without those that the dropout of edges of either end hides.

        What is hidden is a function of the node and of the position of the pair in the batch, ``own``.
        """
        predictor: Any = self.model.predictor
        if not isinstance(predictor, NeighborPredictor):
            return None
        removed = edges if self.hide_targets else None
        common = neighbor_intersection(self.adj, pairs, removed=removed, directed=False)
        if not predictor.training or not predictor.edge_dropout:
            return common
        of_entry = own.index_select(0, common.rows().long()) * self.graph.num_nodes + common.indices.long()
        share, ones = 1 - (1 - predictor.edge_dropout) ** 2, torch.ones(len(of_entry), 1, device=self.device)
        with using_rows(of_entry, None):
            return kept_entries(common, drop(ones, share, training=True).squeeze(1) > 0)

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
