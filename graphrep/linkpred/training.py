"""Training of the neural link predictors: batches of edges and non-edges, their loss and their scores."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator
from dataclasses import KW_ONLY, dataclass, field
from functools import cached_property, partial
from typing import Any, NamedTuple, cast

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from graphrep.distributed.ranks import Ranks
from graphrep.evaluate.metrics import link_metrics
from graphrep.graph import Graph
from graphrep.heuristics.non_edges import sample_non_edges
from graphrep.linkpred._columns import PairColumns, UntrainedColumns
from graphrep.linkpred.predictors import PairInputs, PairPredictor, rows_at_a_time
from graphrep.nn.generators import random_seed, using_rows
from graphrep.ops.adjacency import Adjacency, Structure

__all__ = ["PairBatch", "PairModel", "PairTask"]

Tensor = torch.Tensor
I64 = npt.NDArray[np.int64]

PRECISIONS = ("float32", "bfloat16")

COLUMN_BATCH = 1 << 17  # pairs whose columns are in memory at a time
_SHARE = 1 << 12  # pairs that a rank scores at a time, where ranks share them

#: Weights of the network's logit and of that of the columns, of which validation chooses one; without validation, the
#: first: the loss is least where the network has learned half of what the columns know.
WEIGHTS = ((1.0, 0.5), (1.0, 1.0), (1.0, 0.25), (1.0, 2.0), (1.0, 0.0), (1.0, 4.0), (0.0, 1.0))


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
        Its weighted logit is added to that of the predictor; it is fitted before, and then remains as it is.
    """

    weights: Tensor

    def __init__(self, encoder: nn.Module, predictor: nn.Module, columns: PairColumns | None = None) -> None:
        super().__init__()
        self.encoder, self.predictor, self.columns = encoder, predictor, columns
        if columns is not None:
            self.register_buffer("weights", torch.tensor(WEIGHTS[0]))

    def combined(self, logits: Tensor, offset: Tensor | None) -> Tensor:
        """Weighted sum of logits of the predictor and of the columns."""
        return logits if offset is None else self.weights[0] * logits + self.weights[1] * offset


class PairBatch(NamedTuple):
    """Edges and non-edges of one step, int64 tensors of shape (2, num_pairs), and logits of the columns for both."""

    pos: Tensor
    neg: Tensor
    offset: Tensor | None = None


class _Block(NamedTuple):
    """Pairs that a network processes at once: the first, their number, and the places of those of this rank."""

    begin: int
    size: int
    own: range


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
    ranks : Ranks
        Processes that share the pairs of each batch: of every block of pairs, :meth:`loss` is the part of this one.
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
    ranks: Ranks = field(default_factory=Ranks)

    def __post_init__(self) -> None:
        self.device = self.adj.device
        if self.untrained is not None and self.model.columns is not None:
            self.of_positives = self._fit_columns(self.untrained, self.model.columns)
        self.positives = self.positives.to(self.device)

    @cached_property
    def keys(self) -> Tensor:
        """Ascending keys of the adjacency entries, for binary search."""
        return self.adj.rows().long() * self.graph.num_nodes + self.adj.indices.long()

    def _fit_columns(self, untrained: UntrainedColumns, columns: PairColumns) -> Tensor:
        """Fit the columns to edges and as many non-edges; the logits of all edges."""
        rng, edges = np.random.default_rng(0), self.positives.numpy()
        some = edges
        if edges.shape[1] > COLUMN_BATCH:
            some = edges[:, np.sort(rng.choice(edges.shape[1], COLUMN_BATCH, replace=False))]
        drawn = sample_non_edges(self.graph, some.shape[1], rng=rng, sampling=self.negative_sampling, distinct=False)
        columns.fit(*(torch.from_numpy(untrained(pairs)).to(self.device) for pairs in (some, drawn)))
        return offsets(self.model, untrained, edges, self.device)

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
            others = self._divided(partial(offsets, self.model, self.untrained, device=self.device), drawn)
            others = others.view(self.num_negatives, count)
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
            adj = self.adj.with_values(self._kept(hidden).to(next(self.model.parameters()).dtype))
        with self._autocast():
            h = self.model.encoder(self.x, adj)
        if isinstance(self.model.predictor, PairPredictor):
            return self._loss_in_parts(h, batch, hidden)
        seen = self.adj if hidden is None else self._without(hidden)
        pairs, sizes = torch.cat(batch[:2], 1), (batch.pos.shape[1], batch.neg.shape[1])
        count = pairs.shape[1]
        own = self._own(count)
        with self._autocast(), using_rows(self._rows(own), count):
            logits = _full(self.model.predictor(h, seen, _taken(pairs, own)))
        return cross_entropy(logits, _taken(batch.offset, own), own, sizes)

    def _own(self, count: int) -> range:
        """Places of this rank's pairs among so many: dealt out, since edges come first and take longer than others."""
        return range(self.ranks.rank, count, self.ranks.world_size)

    def _rows(self, own: range) -> Tensor | None:
        """Places of this rank's pairs among those of all ranks; None for a single rank."""
        return None if self.ranks.world_size == 1 else _tensor(own, self.device)

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
        total, begin = torch.zeros((), dtype=_full(h).dtype, device=self.device), 0
        for part in torch.split(pairs, max(rows_at_a_time(self.device), 2 * len(h)), 1):
            blocks = self._blocks(part.shape[1])
            own = None if self.ranks.world_size == 1 else self._places(blocks)
            with self._autocast():
                inputs = predictor.inputs(leaves[0], seen, wide, part, hidden, own)
            total += self._loss_of_rows(inputs, begin, blocks, sizes, batch.offset)
            begin += part.shape[1]
        torch.autograd.backward(shared, [leaf.grad for leaf in leaves])
        return total

    def _blocks(self, count: int) -> list[_Block]:
        """Blocks of ``count`` pairs that a network processes at once; all ranks have a share of each."""
        size = rows_at_a_time(self.device)
        sizes = [min(size, count - begin) for begin in range(0, count, size)]
        return [_Block(i * size, part, self._own(part)) for i, part in enumerate(sizes)]

    def _places(self, blocks: list[_Block]) -> Tensor:
        """Places of this rank's pairs among those of all blocks."""
        return torch.cat([_tensor(block.own, self.device) + block.begin for block in blocks])

    def _loss_of_rows(
        self, inputs: PairInputs, first: int, blocks: list[_Block], sizes: tuple[int, int], offset: Tensor | None
    ) -> Tensor:
        """As above, for the pairs from ``first`` on of a batch with these numbers of positives and negatives."""
        held, predictor = inputs.detached(), cast("PairPredictor", self.model.predictor)
        total: Any = 0.0
        for part, block in zip(held.parts([len(block.own) for block in blocks]), blocks, strict=True):
            leaf = part.detached()
            for tensor in leaf.tensors():
                tensor.requires_grad_()
            with self._autocast(), using_rows(self._rows(block.own), block.size):
                logits = _full(predictor.logits(leaf))
            begin = first + block.begin
            own = range(begin + block.own.start, begin + block.size, block.own.step)
            loss = cross_entropy(logits, _taken(offset, own), own, sizes)
            loss.backward()  # type: ignore[no-untyped-call]
            for tensor, there in zip(leaf.tensors(), part.tensors(), strict=True):
                there.copy_(tensor.grad)  # type: ignore[arg-type]  # the gradient replaces the value
            total += loss.detach()
        torch.autograd.backward(inputs.tensors(), held.tensors())
        return cast("Tensor", total)

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

    def _divided(self, function: Callable[[I64], Tensor], pairs: I64) -> Tensor:
        """``function`` of pairs of shape (2, num_pairs), of which each rank computes a part."""
        if self.ranks.world_size == 1:
            return function(pairs)
        values = self.ranks.map(
            lambda rows: function(np.ascontiguousarray(rows.T)).cpu().numpy(), pairs.T, block=_SHARE
        )
        return torch.from_numpy(values).to(self.device)

    @torch.no_grad()
    def encode(self) -> Tensor:
        """Node vectors without dropout."""
        self.model.eval()
        h: Tensor = self.model.encoder(self.x, self.adj)
        return h

    def validate(self) -> dict[str, float]:
        """The metric on the validation pairs, with the weights of the columns for which it is best."""
        assert self.val is not None
        h, (positives, negatives) = self.encode(), self.val
        of_edges, of_others = self._scores(h, positives), self._scores(h, negatives.flatten(1))
        if self.untrained is not None:
            self._weigh(of_edges, of_others)
        own = self._of_val
        of_others = self.model.combined(of_others, own[1])
        record = self._judged(self.model.combined(of_edges, own[0]), of_others)
        if self.with_train_metric:  # on a fixed subset of the training edges
            count = min(self.positives.shape[1], positives.shape[1])
            some = torch.linspace(0, self.positives.shape[1] - 1, count).long()
            known = None if self.untrained is None else self.of_positives[some]
            of_known = self.model.combined(self._scores(h, self.positives[:, some]), known)
            record[f"train_{self.metric}"] = self._judged(of_known, of_others)[self.metric]
        return record

    def _weigh(self, of_edges: Tensor, of_others: Tensor) -> None:
        """Set the weights of the model to the best ones for the validation pairs.

        Others than the first must be better by more than the standard error of a fraction of so many edges.
        """
        best, chosen = -math.inf, WEIGHTS[0]
        for weights in WEIGHTS:
            self.model.weights.copy_(torch.tensor(weights))
            edges, others = (self.model.combined(*of) for of in zip((of_edges, of_others), self._of_val, strict=True))
            value = self._judged(edges, others)[self.metric]
            if value > best:
                best, chosen = value + (weights == WEIGHTS[0]) * 0.5 / len(of_edges) ** 0.5, weights
        self.model.weights.copy_(torch.tensor(chosen))

    def _judged(self, of_edges: Tensor, of_others: Tensor) -> dict[str, float]:
        """The metric of scores of edges, and of the validation negatives."""
        assert self.val is not None
        negatives = of_others.cpu().numpy().reshape(self.val[1].shape[1:])
        return link_metrics(of_edges.cpu().numpy(), negatives, [self.metric])

    def _scores(self, h: Tensor, pairs: Tensor) -> Tensor:
        def of_some(some: I64) -> Tensor:
            ends = torch.from_numpy(some).to(self.device)
            return network_scores(self.model, h, self.adj, ends, self.score_batch)

        return self._divided(of_some, pairs.cpu().numpy())

    @cached_property
    def _of_val(self) -> tuple[Any, Any]:
        """Logits of the columns for validation edges and negatives."""
        assert self.val is not None
        if self.untrained is None:
            return None, None
        columns = partial(offsets, self.model, self.untrained, device=self.device)
        edges, others = (self._divided(columns, pairs.flatten(1).numpy()) for pairs in self.val)
        return edges, others


def _tensor(own: range, device: torch.device) -> Tensor:
    return torch.arange(len(own), device=device) * own.step + own.start


def _taken(x: Any, own: range) -> Any:
    """The places ``own`` of the last dimension; None of None."""
    return None if x is None else x[..., own.start : own.stop : own.step]


def cross_entropy(logits: Tensor, offset: Tensor | None, places: range, sizes: tuple[int, int]) -> Tensor:
    """Sums of the binary cross-entropy of edges and of other pairs, each divided by its size.

    ``places`` are those of the pairs in the batch, where edges come first.

    With logits of the columns: the mean of the loss of the network alone and of its sum with the columns. The sum alone
    would leave the network little to learn where the columns are good, and a network that learned so little ranks worse
    than one without columns on graphs without features.
    """
    first = len(range(places.start, min(places.stop, sizes[0]), places.step))
    shares = [(1.0, logits)] if offset is None else [(0.5, logits), (0.5, logits + offset)]
    total = torch.zeros((), device=logits.device)
    for share, of in shares:
        edges, others = nn.functional.softplus(-of[:first]), nn.functional.softplus(of[first:])
        total = total + share * (edges.sum() / sizes[0] + others.sum() / sizes[1])
    return total


@torch.no_grad()
def network_scores(model: PairModel, h: Tensor, adj: Adjacency, pairs: Tensor, batch: int) -> Tensor:
    """Float32 logits of the predictor for pairs of shape (2, num_pairs), in batches."""
    predictor = model.eval().predictor
    if isinstance(predictor, PairPredictor):
        return predictor.scores(h, adj, pairs, batch)
    parts = [predictor(h, adj, part).float() for part in torch.split(pairs, batch, 1)]
    return torch.cat(parts) if parts else h.new_empty(0)


def _full(x: Tensor) -> Tensor:
    """In the precision of a loss."""
    return x if x.dtype == torch.float64 else x.float()


@torch.no_grad()
def score_pairs(
    model: PairModel, h: Tensor, adj: Adjacency, pairs: Tensor, batch: int, untrained: UntrainedColumns | None
) -> Tensor:
    """Float32 logits of pairs of shape (2, num_pairs), in batches."""
    scores = network_scores(model, h, adj, pairs, batch)
    own = None if untrained is None else offsets(model, untrained, pairs.cpu().numpy(), scores.device)
    return model.combined(scores, own)


@torch.no_grad()
def offsets(model: PairModel, untrained: UntrainedColumns, pairs: I64, device: torch.device) -> Tensor:
    """Logits of the columns of pairs, float32 of shape (num_pairs,)."""
    assert model.columns is not None
    out = torch.empty(pairs.shape[1], dtype=torch.float32, device=device)
    for begin in range(0, pairs.shape[1], COLUMN_BATCH):
        part = untrained(pairs[:, begin : begin + COLUMN_BATCH])
        out[begin : begin + COLUMN_BATCH] = model.columns(torch.from_numpy(part).to(device))
    return out
