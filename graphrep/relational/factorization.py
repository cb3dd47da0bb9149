"""Tables of entities and relations, how they are combined, and their training on triples."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import KW_ONLY, dataclass, field
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from graphrep._random import random_bits, stream_key, uniform_float
from graphrep.distributed.ranks import Ranks
from graphrep.evaluate.ranking import KnownTriples, ranking
from graphrep.nn.generators import random_seed
from graphrep.ops.distances import distances
from graphrep.ops.ranking import RankCounts, rank_candidates
from graphrep.relational.rules import RuleRows

__all__ = ["RowAdagrad", "TripleBatch", "TripleModel", "TripleTask"]

F32 = npt.NDArray[np.float32]
I64 = npt.NDArray[np.int64]
Tensor = torch.Tensor

_SCORES = 1 << 21  # held at once: they are read several times, and stay in the cache

#: How the vector of an entity and that of a relation make a query, and how it is compared with the candidates.
METRICS = {"complex": "dot", "distmult": "dot", "rotate": "complex", "translate": "l1"}


class TripleModel(nn.Module):
    r"""Vectors of entities and relations, and the query that an entity and a relation make.

    =============  ==================================  ============================================
    ``complex``    :math:`q = h \circ r`, complex      :math:`s = \mathrm{Re} \langle q, \bar t \rangle`
    ``distmult``   :math:`q = h \circ r`, real         :math:`s = \langle q, t \rangle`
    ``rotate``     :math:`q = h \circ e^{i \theta}`    :math:`s = -\sum_k |q_k - t_k|`
    ``translate``  :math:`q = h + r`                   :math:`s = -\sum_k |q_k - t_k|`
    =============  ==================================  ============================================

    A query that misses the head is made of t and of the conjugate, the negative or, for ``reciprocal``, a relation of
    its own. Complex vectors are stored as their real and then their imaginary parts.

    Parameters
    ----------
    kind : {"complex", "distmult", "rotate", "translate"}
    num_entities, num_relations, dimensions : int
    reciprocal : bool
    scale : float
        Entries are uniform in [-scale, scale]; the angles of ``rotate`` in [-pi, pi].
    seed : int
    keys : pair of uint64 arrays, optional
        Keys of the random numbers of each entity and relation; default: their numbers.
    """

    def __init__(
        self,
        kind: str,
        num_entities: int,
        num_relations: int,
        dimensions: int,
        *,
        reciprocal: bool = False,
        scale: float = 1e-3,
        seed: int = 0,
        keys: tuple[Any, Any] = (None, None),
    ) -> None:
        super().__init__()
        self.kind, self.num_relations, self.reciprocal = kind, num_relations, reciprocal
        width = dimensions * (2 if METRICS[kind] == "complex" or kind == "complex" else 1)
        of_relation = dimensions if kind == "rotate" else width
        spread = np.pi if kind == "rotate" else scale
        tables = [_uniform(num_entities, width, scale, seed, 0, keys[0])]
        tables += [_uniform(num_relations, of_relation, spread, seed, 1 + i, keys[1]) for i in range(1 + reciprocal)]
        self.entities = nn.Parameter(torch.from_numpy(tables[0]))
        self.relations = nn.Parameter(torch.from_numpy(np.concatenate(tables[1:])))

    @property
    def metric(self) -> str:
        """How queries and entities are compared; see :func:`graphrep.ops.rank_candidates`."""
        return METRICS[self.kind]

    def rows(self, relations: Any, backward: Any) -> Any:
        """Rows of the table of relations for queries, some of which miss the head."""
        return relations + self.num_relations * backward if self.reciprocal else relations

    def query(self, entity: Tensor, relation: Tensor, backward: Tensor) -> Tensor:
        """Queries of shape (num, width) from rows of both tables; ``backward`` marks those that miss the head."""
        turned = torch.zeros_like(backward) if self.reciprocal else backward
        sign = 1 - 2 * turned[:, None].to(entity.dtype)
        if self.kind == "distmult":
            return entity * relation
        if self.kind == "translate":
            return entity + sign * relation
        if self.kind == "rotate":
            re_r, im_r = torch.cos(relation), torch.sin(relation)
        else:
            re_r, im_r = relation.chunk(2, dim=1)
        im_r = sign * im_r
        re, im = entity.chunk(2, dim=1)
        return torch.cat([re * re_r - im * im_r, re * im_r + im * re_r], dim=1)

    def score(self, query: Tensor, answer: Tensor) -> Tensor:
        """Score of each query and its answer; summed row by row, so that it does not depend on the batch."""
        if self.metric == "dot":
            return (query * answer).sum(1)
        if self.metric == "l1":
            return -(query - answer).abs().sum(1)
        re, im = (query - answer).chunk(2, dim=1)
        return -(re.square() + im.square() + 1e-12).sqrt().sum(1)  # the derivative of a root is infinite at 0

    @torch.no_grad()
    def queries_of(self, triples: I64, side: str) -> Tensor:
        """Queries of triples that miss one side."""
        backward = torch.full((len(triples),), side == "head", device=self.entities.device)
        known = torch.from_numpy(np.ascontiguousarray(triples[:, 2 if side == "head" else 0]))
        kinds = torch.from_numpy(np.ascontiguousarray(triples[:, 1])).to(backward.device)
        at = self.rows(kinds, backward.long())
        return self.query(self.entities[known.to(backward.device)], self.relations[at], backward)

    @torch.no_grad()
    def rank_counts(self, triples: I64, side: str, known: tuple[I64, I64]) -> RankCounts:
        """Counts of :func:`graphrep.ops.rank_candidates` for triples that miss one side."""
        queries, entities = self.queries_of(triples, side).cpu().numpy(), self.entities.detach().cpu().numpy()
        return rank_candidates(queries, entities, triples[:, 0 if side == "head" else 2], known, metric=self.metric)


def _leave_out(scores: Tensor, column: Tensor) -> None:
    """Set the score in the column of each row to minus infinity; -1: none."""
    rows = (column >= 0).nonzero()[:, 0]
    scores[rows, column[rows]] = -torch.inf


def _uniform(rows: int, columns: int, scale: float, seed: int, stream: int, keys: Any) -> F32:
    """Uniform numbers, a row being a function of (seed, stream, key)."""
    own = np.arange(rows, dtype=np.uint64) if keys is None else keys
    mixed = stream_key(int(stream_key(seed, stream)), own)
    drawn = uniform_float(random_bits(mixed[:, None], np.arange(columns)))
    return np.ascontiguousarray((2 * drawn - 1) * np.float32(scale))


class RowAdagrad(torch.optim.Optimizer):
    r"""Adagrad, :math:`G \mathrel{+}= g^2,\ x \mathrel{-}= \eta\, g / (\sqrt G + 10^{-10})`, on rows with a gradient.

    A sparse gradient must be coalesced; its rows alone are read and written. torch's own Adagrad makes the gradient
    again as a sparse tensor several times per step, and warns of it.

    Parameters
    ----------
    params : iterable of torch.nn.Parameter
    lr : float
    """

    def __init__(self, params: Any, lr: float) -> None:
        super().__init__(params, {"lr": lr})
        for group in self.param_groups:
            for parameter in group["params"]:
                self.state[parameter]["sum"] = torch.zeros_like(parameter)

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """One step of all parameters that have a gradient."""
        del closure
        for group in self.param_groups:
            for parameter in group["params"]:
                gradient, total = parameter.grad, self.state[parameter]["sum"]
                if gradient is None:
                    continue
                if gradient.is_sparse:
                    rows, values = gradient._indices()[0], gradient._values()
                    sums = total[rows].addcmul_(values, values)
                    total[rows] = sums
                    parameter.index_add_(0, rows, values / sums.sqrt_().add_(1e-10), alpha=-group["lr"])
                else:
                    total.addcmul_(gradient, gradient)
                    parameter.addcdiv_(gradient, total.sqrt().add_(1e-10), value=-group["lr"])


class TripleBatch(NamedTuple):
    """Queries of one step: the known entity, the relation, the answer, and whether the head is missing."""

    known: Tensor
    relations: Tensor
    answers: Tensor
    backward: Tensor


@dataclass(eq=False, repr=False)
class TripleTask:
    """The ``batches``, ``loss``, ``after_step`` and ``validate`` of a :class:`graphrep.learn.Loop`.

    Parameters
    ----------
    model : TripleModel
    triples : int64 array of shape (num_triples, 3)
    batch_size : int
        Number of queries; each triple makes two.
    num_negatives : int, optional
        Number of different entities that a batch is compared with; None: all.
    regularization : float
        Weight of the sum of cubes of moduli.
    margin, temperature : float
        Of the loss of distances.
    nonnegative : bool
        Keep the vectors of entities in [0, 1].
    rules : RuleRows, optional
        Relations that entail others.
    rule_weight : float
        Weight of the amount by which they do not.
    val : int64 array of shape (num, 3), optional
    ranks : Ranks
        Processes that share the queries of each batch: :meth:`loss` is the part of this one.
    """

    model: TripleModel
    triples: I64
    _: KW_ONLY
    batch_size: int
    num_negatives: int | None
    regularization: float = 0.0
    margin: float = 6.0
    temperature: float = 1.0
    nonnegative: bool = False
    rules: RuleRows | None = None
    rule_weight: float = 0.0
    val: I64 | None = None
    ranks: Ranks = field(default_factory=Ranks)

    def __post_init__(self) -> None:
        heads, kinds, tails = (torch.from_numpy(np.ascontiguousarray(part)) for part in self.triples.T)
        count, device = len(self.triples), self.model.entities.device
        backward = torch.arange(2 * count) >= count
        parts = torch.cat([heads, tails]), torch.cat([kinds, kinds]), torch.cat([tails, heads]), backward
        self.queries = TripleBatch(*(part.to(device) for part in parts))
        if self.rules is not None:
            self._rules = [torch.from_numpy(part).to(device) for part in self.rules]
        self._touched: Tensor | None = None
        if self.val is not None:
            self._truths = KnownTriples(np.concatenate([self.triples, self.val]))

    def batches(self, epoch: int) -> Iterator[TripleBatch]:
        """Queries of an epoch in random order."""
        del epoch  # the generator depends on it
        order = np.random.default_rng(random_seed()).permutation(len(self.queries.known))
        for begin in range(0, len(order), self.batch_size):
            rows = torch.from_numpy(order[begin : begin + self.batch_size]).to(self.queries.known.device)
            yield TripleBatch(*(part[rows] for part in self.queries))

    def loss(self, batch: TripleBatch) -> Tensor:
        """The loss of a batch; also accumulates the gradients, in closed form where they are large."""
        share = slice(*self.ranks.part(len(batch.known)))
        own = TripleBatch(*(part[share] for part in batch))
        if self.num_negatives is None:
            return self._loss_against_all(own, len(batch.known))
        return self._loss_against_some(own, batch, share)

    def _loss_against_all(self, batch: TripleBatch, size: int) -> Tensor:
        """Cross-entropy over all entities: three products of (batch_size, width) and (num_entities, width)."""
        model = self.model
        table = model.entities.detach()
        known, answers = (table[part].requires_grad_() for part in (batch.known, batch.answers))
        relations = model.relations[model.rows(batch.relations, batch.backward.long())]
        query = model.query(known, relations, batch.backward)
        gradient, of_query = torch.zeros_like(table), torch.empty_like(query)
        loss = torch.zeros((), dtype=table.dtype, device=table.device)
        with torch.no_grad():
            for rows in torch.split(torch.arange(len(query), device=table.device), max(16, _SCORES // len(table))):
                found, answer = query[rows], batch.answers[rows]
                scores, each = found @ table.T, torch.arange(len(rows), device=table.device)
                own, top = scores[each, answer], scores.amax(1, keepdim=True)
                total = scores.sub_(top).exp_().sum(1)
                loss += (total.log() + top[:, 0] - own).sum() / size
                scores.mul_((1 / (total * size))[:, None])  # softmax, and below minus one at the answers
                scores[each, answer] -= 1 / size
                gradient.addmm_(scores.T, found)
                of_query[rows] = scores @ table
        penalty = self._penalty(size, known, relations, answers)
        torch.autograd.backward([query, penalty], [of_query, torch.ones_like(penalty)])
        for rows, part in ((batch.known, known), (batch.answers, answers)):
            if part.grad is not None:
                gradient.index_add_(0, rows, part.grad)
        model.entities.grad = gradient
        return (loss + penalty).detach()

    def _loss_against_some(self, own: TripleBatch, batch: TripleBatch, share: slice) -> Tensor:
        """Loss over the answer and sampled entities, which a batch shares; the gradient has their rows alone."""
        model, size = self.model, len(batch.known)
        rng = np.random.default_rng(random_seed())
        count = min(self.num_negatives or 0, len(model.entities))
        drawn = torch.from_numpy(rng.choice(len(model.entities), count, replace=False, shuffle=False))
        every = torch.cat([batch.known, batch.answers, drawn.to(batch.known.device)])
        touched, at = torch.unique(every, return_inverse=True)
        rows = model.entities.detach()[touched].requires_grad_()
        answer = at[size : 2 * size][share]
        known, answers, candidates = rows[at[:size][share]], rows[answer], rows[at[2 * size :]]
        relations = model.relations[model.rows(own.relations, own.backward.long())]
        query = model.query(known, relations, own.backward)
        column = torch.full((len(touched),), -1, device=at.device)
        column[at[2 * size :]] = torch.arange(count, device=at.device)
        column = column[answer]  # where the answer was drawn, which is no negative then
        penalty = self._penalty(size, known, relations, answers)
        against = self._likelier_than if model.metric == "dot" else self._nearer_than
        loss = against(candidates, query, answers, column, penalty, size)
        assert rows.grad is not None
        shape = model.entities.shape
        model.entities.grad = torch.sparse_coo_tensor(
            touched[None], rows.grad, shape, is_coalesced=True, check_invariants=False
        )
        self._touched = touched
        return loss

    def _likelier_than(
        self, candidates: Tensor, query: Tensor, answers: Tensor, column: Tensor, penalty: Tensor, size: int
    ) -> Tensor:
        """Cross-entropy of the answers among candidates, each of which stands for an equal share of all entities."""
        with torch.no_grad():
            weight = len(self.model.entities) / len(candidates)  # makes the mean of the sum that over all
            scores, own = query @ candidates.T, (query * answers).sum(1, keepdim=True)
            _leave_out(scores, column)
            top = torch.maximum(scores.amax(1, keepdim=True), own)
            total = scores.sub_(top).exp_().sum(1, keepdim=True) * weight + (own - top).exp()
            loss = (total.log() + top - own).sum() / size
            scores.mul_(weight / (total * size))
            of_answer = -scores.sum(1, keepdim=True)
            of_query = (scores @ candidates).addcmul_(of_answer, answers)
            gradients = [of_query, of_answer * query, scores.T @ query, torch.ones_like(penalty)]
        torch.autograd.backward([query, answers, candidates, penalty], gradients)
        return loss + penalty.detach()

    def _nearer_than(
        self, candidates: Tensor, query: Tensor, answers: Tensor, column: Tensor, penalty: Tensor, size: int
    ) -> Tensor:
        """Self-adversarial loss of distances."""
        found = -distances(query, candidates, metric=self.model.metric)
        with torch.no_grad():
            left_out = torch.zeros_like(found)
            _leave_out(left_out, column)
            share = torch.softmax(self.temperature * (found + left_out), 1).nan_to_num(0.0)  # no row may be empty
        positive = nn.functional.softplus(-self.model.score(query, answers) - self.margin)
        loss = (positive + (share * nn.functional.softplus(found + self.margin)).sum(1)).sum() / size / 2 + penalty
        loss.backward()  # type: ignore[no-untyped-call]
        return loss.detach()

    def _penalty(self, size: int, *parts: Tensor) -> Tensor:
        """Mean over the queries of the sum of cubes of moduli, times the weight, and what breaks the rules."""
        total = torch.zeros((), device=parts[0].device)
        none = self.rules is None or self.ranks.rank > 0  # of a sum over the ranks, the first one adds it
        broken = total.requires_grad_() if none else self.rule_weight * self._broken()
        if self.regularization == 0:
            return broken
        for part in parts:
            if self.model.kind == "complex":
                re, im = part.chunk(2, dim=1)
                square = re.square() + im.square() + 1e-30  # the derivative of a root is infinite at 0
                cubes = square * square.sqrt()
            else:
                cubes = part.abs().pow(3)
            total = total + cubes.sum() / size
        return self.regularization * total + broken

    def _broken(self) -> Tensor:
        """Sum over the rules of confidence times the amount by which the body is above the head."""
        body, head, confidence, conjugate = self._rules
        above = self.model.relations[body], self.model.relations[head]
        if self.model.kind == "distmult":
            amount = (above[0] - above[1]).clamp_min(0).sum(1)
        else:
            (re_b, im_b), (re_h, im_h) = (part.chunk(2, dim=1) for part in above)
            im_b = torch.where(conjugate[:, None], -im_b, im_b)
            amount = (re_b - re_h).clamp_min(0).sum(1) + (im_b - im_h).square().sum(1)
        return (confidence * amount).sum()

    @torch.no_grad()
    def after_step(self, progress: float) -> None:
        """Clip the vectors of entities, if they are to be nonnegative."""
        del progress
        if not self.nonnegative:
            return
        if self._touched is None:
            self.model.entities.clamp_(0, 1)
        else:
            self.model.entities[self._touched] = self.model.entities[self._touched].clamp_(0, 1)

    def validate(self) -> dict[str, float]:
        """MRR of the validation triples, filtered by them and the training triples."""
        assert self.val is not None
        return {"mrr": ranking(self.ranks.scorer(self.model), self.val, known=self._truths)["mrr"]}
