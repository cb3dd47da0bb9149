"""Training of the neural link predictors: batches of edges and non-edges, their loss and their scores."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import KW_ONLY, dataclass
from typing import Any, NamedTuple, cast

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from graphrep.evaluate.metrics import link_metrics
from graphrep.graph import Graph
from graphrep.heuristics.non_edges import sample_non_edges
from graphrep.linkpred._columns import PairColumns, UntrainedColumns
from graphrep.linkpred.predictors import PairInputs, PairPredictor, rows_at_a_time
from graphrep.nn.generators import random_seed
from graphrep.ops.adjacency import Adjacency, Structure

__all__ = ["PairBatch", "PairModel", "PairTask"]

Tensor = torch.Tensor
I64 = npt.NDArray[np.int64]

PRECISIONS = ("float32", "bfloat16")

COLUMN_BATCH = 1 << 17  # pairs whose columns are in memory at a time


class PairModel(nn.Module):
    """An encoder of nodes and a predictor of pairs.

    Parameters
    ----------
    encoder : torch.nn.Module
        ``encoder(x, adj)`` returns vectors of shape (num_nodes, dimensions).
    predictor : torch.nn.Module
        ``predictor(h, adj, pairs)`` returns logits of shape (num_pairs,). A
        :class:`graphrep.linkpred.predictors.PairPredictor` is trained in parts that fit in the cache.
    columns : PairColumns, optional
        Its logits are added to those of the predictor; it is fitted before, and then remains as it is.
    """

    def __init__(self, encoder: nn.Module, predictor: nn.Module, columns: PairColumns | None = None) -> None:
        super().__init__()
        self.encoder, self.predictor, self.columns = encoder, predictor, columns


class PairBatch(NamedTuple):
    """Edges and non-edges of one step, int64 tensors of shape (2, num_pairs), and logits to add to those of both."""

    pos: Tensor
    neg: Tensor
    offset: Tensor | None = None


@dataclass(eq=False, repr=False)
class PairTask:
    """The ``batches``, ``loss`` and ``validate`` of a :class:`graphrep.learn.Loop`.

    Parameters
    ----------
    model : PairModel
    graph : Graph
    adj : Adjacency
        Adjacency of the graph, without weights, on the device of the model.
    x : SparseFeatures, tensor or None
    positives : int64 tensor of shape (2, num_edges)
    batch_size, num_negatives : int
    negative_sampling : {"uniform", "degree"}
    drop_last, hide_targets : bool
    precision : {"float32", "bfloat16"}
    val : pair of int64 tensors, optional
        Validation edges of shape (2, num_pos) and non-edges of shape (2, num_neg) or (2, num_pos, num_neg).
    metric : str
    with_train_metric : bool
        Whether :meth:`validate` also scores training edges.
    score_batch : int
    untrained : UntrainedColumns, optional
        Input of ``model.columns``.
    """

    model: PairModel
    graph: Graph
    adj: Adjacency
    x: Any
    positives: Tensor
    _: KW_ONLY
    batch_size: int
    num_negatives: int = 1
    negative_sampling: str = "uniform"
    drop_last: bool = False
    hide_targets: bool = True
    precision: str = "float32"
    val: tuple[Tensor, Tensor] | None = None
    metric: str = "hits@100"
    with_train_metric: bool = False
    score_batch: int = 8192
    untrained: UntrainedColumns | None = None

    def __post_init__(self) -> None:
        self.device = self.adj.device
        if self.untrained is not None and self.model.columns is not None:
            self.of_positives = self._fit_columns(self.untrained, self.model.columns)
        self.positives = self.positives.to(self.device)
        # Ascending keys of the entries, for binary search.
        self.keys = self.adj.rows().long() * self.graph.num_nodes + self.adj.indices.long()

    def _fit_columns(self, untrained: UntrainedColumns, columns: PairColumns) -> Tensor:
        """Fit the columns to edges and as many non-edges; the logits of the edges."""
        edges = torch.from_numpy(untrained(self.positives.numpy())).to(self.device)
        rng, count = np.random.default_rng(0), min(self.positives.shape[1], COLUMN_BATCH)
        drawn = sample_non_edges(self.graph, count, rng=rng, sampling=self.negative_sampling, distinct=False)
        columns.fit(edges, torch.from_numpy(untrained(drawn)).to(self.device))
        logits: Tensor = columns(edges)
        return logits

    @property
    def num_batches(self) -> int:
        """Number of batches of an epoch."""
        count = self.positives.shape[1]
        size = min(self.batch_size, count)
        return count // size if self.drop_last else -(-count // size)

    def batches(self, epoch: int) -> Iterator[PairBatch]:
        """Batches of an epoch in random order; each edge has separate negatives."""
        del epoch  # the generator depends on it
        count, rng = self.positives.shape[1], np.random.default_rng(random_seed())
        order = torch.from_numpy(rng.permutation(count)).to(self.device)
        drawn = sample_non_edges(
            self.graph, count * self.num_negatives, rng=rng, sampling=self.negative_sampling, distinct=False
        )
        negatives = torch.from_numpy(drawn).to(self.device).view(2, self.num_negatives, count)
        others = None
        if self.untrained is not None:
            others = offsets(self.model, self.untrained, drawn, self.device).view(self.num_negatives, count)
        size = min(self.batch_size, count)
        for begin in range(0, count, size):
            chosen = order[begin : begin + size]
            if len(chosen) < size and self.drop_last:
                return
            offset = None if others is None else torch.cat([self.of_positives[chosen], others[:, chosen].flatten()])
            yield PairBatch(self.positives[:, chosen], negatives[:, :, chosen].flatten(1), offset)

    def loss(self, batch: PairBatch) -> Tensor:
        """Binary cross-entropy of a batch; for a :class:`PairPredictor`, this also accumulates the gradients."""
        hidden, adj = None, self.adj
        if self.hide_targets:
            hidden = batch.pos
            adj = self.adj.with_values(self._kept(hidden).float())
        with self._autocast():
            h = self.model.encoder(self.x, adj)
        if isinstance(self.model.predictor, PairPredictor):
            return self._loss_in_parts(h, batch, hidden)
        seen = self.adj if hidden is None else self._without(hidden)
        with self._autocast():
            logits = self.model.predictor(h, seen, torch.cat(batch[:2], 1)).float()
        logits = logits if batch.offset is None else logits + batch.offset
        first = batch.pos.shape[1]
        return nn.functional.softplus(-logits[:first]).mean() + nn.functional.softplus(logits[first:]).mean()

    def _loss_in_parts(self, h: Tensor, batch: PairBatch, hidden: Tensor | None) -> Tensor:
        """The loss of a batch; also accumulates the gradients of all parameters.

        Pairs are scored independently, so the batch is processed in parts, and the memory for the derivative is
        bounded by the size of a part. A part has at least twice as many pairs as there are nodes, because each part
        writes a gradient for every node.
        """
        predictor: Any = self.model.predictor
        pairs, sizes = torch.cat(batch[:2], 1), (batch.pos.shape[1], batch.neg.shape[1])
        with self._autocast():
            seen, wide = predictor.shared(h, self.adj, pairs.shape[1])
        shared = [h] if wide is None else [h, wide]
        leaves = [tensor.detach().requires_grad_() for tensor in shared]
        wide = None if wide is None else leaves[1]
        total, begin = torch.zeros((), dtype=torch.float32, device=self.device), 0
        for part in torch.split(pairs, max(rows_at_a_time(self.device), 2 * len(h)), 1):
            with self._autocast():
                inputs = predictor.inputs(leaves[0], seen, wide, part, hidden)
            total += self._loss_of_rows(inputs, begin, sizes, batch.offset)
            begin += part.shape[1]
        torch.autograd.backward(shared, [leaf.grad for leaf in leaves])
        return total

    def _loss_of_rows(self, inputs: PairInputs, begin: int, sizes: tuple[int, int], offset: Tensor | None) -> Tensor:
        """As above, for the pairs from ``begin`` on of a batch with these numbers of positives and negatives."""
        held, predictor = inputs.detached(), cast("PairPredictor", self.model.predictor)
        total = torch.zeros((), dtype=torch.float32, device=self.device)
        for part in held.parts(rows_at_a_time(self.device)):
            leaf = part.detached()
            for tensor in leaf.tensors():
                tensor.requires_grad_()
            with self._autocast():
                logits = predictor.logits(leaf).float()
            logits = logits if offset is None else logits + offset[begin : begin + len(logits)]
            first = min(max(sizes[0] - begin, 0), len(logits))
            loss = nn.functional.softplus(-logits[:first]).sum() / sizes[0]
            loss = loss + nn.functional.softplus(logits[first:]).sum() / sizes[1]
            loss.backward()  # type: ignore[no-untyped-call]
            for tensor, there in zip(leaf.tensors(), part.tensors(), strict=True):
                there.copy_(tensor.grad)  # type: ignore[arg-type]  # the gradient replaces the value
            total += loss.detach()
            begin += len(logits)
        torch.autograd.backward(inputs.tensors(), held.tensors())
        return total

    def _autocast(self) -> contextlib.AbstractContextManager[None]:
        """Matrix products in ``precision``; parameters, norms and the loss remain float32."""
        if self.precision == "float32":
            return contextlib.nullcontext()
        return torch.autocast(self.device.type, torch.bfloat16)

    def _kept(self, edges: Tensor) -> Tensor:
        """Whether each adjacency entry is none of these edges, in either direction."""
        n = self.graph.num_nodes
        both = torch.cat([edges[0] * n + edges[1], edges[1] * n + edges[0]])
        at = torch.searchsorted(self.keys, both).clamp(max=len(self.keys) - 1)
        kept = torch.ones(len(self.keys), dtype=torch.bool, device=self.device)
        kept[at[self.keys[at] == both]] = False
        return kept

    def _without(self, edges: Tensor) -> Adjacency:
        """The adjacency without these edges."""
        kept = self._kept(edges)
        counts = torch.zeros(len(kept) + 1, dtype=torch.int64, device=self.device)
        torch.cumsum(kept, 0, out=counts[1:])
        structure = Structure(counts.index_select(0, self.adj.indptr.long()), self.adj.indices[kept], self.adj.num_cols)
        return Adjacency._of(structure, None, None)

    @torch.no_grad()
    def encode(self) -> Tensor:
        """Node vectors without dropout."""
        self.model.eval()
        h: Tensor = self.model.encoder(self.x, self.adj)
        return h

    def validate(self) -> dict[str, float]:
        """The metric on the validation pairs."""
        assert self.val is not None
        h, metric, (positives, negatives) = self.encode(), self.metric, self.val

        def scores(pairs: Tensor) -> Any:
            ends = pairs.to(self.device)
            return score_pairs(self.model, h, self.adj, ends, self.score_batch, self.untrained).cpu().numpy()

        of_negatives = scores(negatives.flatten(1)).reshape(negatives.shape[1:])
        record = link_metrics(scores(positives), of_negatives, [metric])
        if self.with_train_metric:  # on a fixed subset of the training edges
            count = min(self.positives.shape[1], positives.shape[1])
            some = self.positives[:, torch.linspace(0, self.positives.shape[1] - 1, count).long()]
            record[f"train_{metric}"] = link_metrics(scores(some), of_negatives, [metric])[metric]
        return record


@torch.no_grad()
def score_pairs(
    model: PairModel, h: Tensor, adj: Adjacency, pairs: Tensor, batch: int, untrained: UntrainedColumns | None
) -> Tensor:
    """Float32 logits of pairs of shape (2, num_pairs), in batches."""
    predictor = model.eval().predictor
    if isinstance(predictor, PairPredictor):
        scores = predictor.scores(h, adj, pairs, batch)
    else:
        parts = [predictor(h, adj, part).float() for part in torch.split(pairs, batch, 1)]
        scores = torch.cat(parts) if parts else h.new_empty(0)
    return scores if untrained is None else scores + offsets(model, untrained, pairs.cpu().numpy(), scores.device)


@torch.no_grad()
def offsets(model: PairModel, untrained: UntrainedColumns, pairs: I64, device: torch.device) -> Tensor:
    """Logits of the columns of pairs, float32 of shape (num_pairs,)."""
    assert model.columns is not None
    out = torch.empty(pairs.shape[1], dtype=torch.float32, device=device)
    for begin in range(0, pairs.shape[1], COLUMN_BATCH):
        part = untrained(pairs[:, begin : begin + COLUMN_BATCH])
        out[begin : begin + COLUMN_BATCH] = model.columns(torch.from_numpy(part).to(device))
    return out
