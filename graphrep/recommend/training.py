"""What the trained recommenders optimize: losses of users, items and unknown items, with gradients by hand."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
import torch
from torch import nn

from graphrep._interactions import Interactions
from graphrep._svd import inverse
from graphrep.evaluate.recommendation import recommendation
from graphrep.nn.generators import current_generator, random_seed
from graphrep.ops.adjacency import Adjacency
from graphrep.ops.segment import scatter_sum
from graphrep.ops.sparse_dense import spmm
from graphrep.ops.tall import multiply_rows

if TYPE_CHECKING:
    from graphrep.evaluate.recommendation import Recommendation

__all__ = ["Losses", "RankingTask", "Table", "propagated", "symmetric_adjacency", "unknown_items"]

I64 = npt.NDArray[np.int64]
F32 = npt.NDArray[np.float32]
Tensor = torch.Tensor


class Losses(NamedTuple):
    """Settings of the losses."""

    loss: str  # "bpr" or "ccl"
    num_negatives: int
    margin: float
    negative_weight: float
    l2: float
    history: float = 0.0  # share of the mean of a user's items in the vector of the user


class Table(nn.Module):
    """A vector per user and per item, those of users first; with ``mixing``, a map of the means of items."""

    def __init__(self, vectors: F32, *, mixing: bool = False) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.from_numpy(vectors))
        self.mix: Any = nn.Parameter(torch.eye(vectors.shape[1])) if mixing else None


class RankingTask:
    """Batches of interactions and the loss of one.

    The gradient of the vectors after propagation is a sum over the rows of a batch. The propagation is a symmetric
    linear map, so that it takes this gradient to that of the table without a record of the layers.

    Parameters
    ----------
    table : Table
    matrix : CSR matrix of users by items
    layers : int
        Steps of propagation.
    settings : Losses
    batch_size : int
    """

    def __init__(self, table: Table, matrix: Any, layers: int, settings: Losses, batch_size: int) -> None:
        self.table, self.matrix, self.layers, self.settings = table, matrix, layers, settings
        self.batch_size = batch_size
        device = table.weight.device
        self.adj = symmetric_adjacency(matrix).to(device) if layers else None
        self.means = item_means(matrix).to(device) if settings.history else None
        self.users = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
        self.items = matrix.indices.astype(np.int64)
        # A user who has all items has none that is unknown.
        self.usable = np.flatnonzero(np.diff(matrix.indptr)[self.users] < matrix.shape[1])
        self.gaps = gaps(matrix)

    def batches(self, epoch: int) -> Iterator[I64]:
        """Numbers of interactions, in an order that is a function of seed and epoch."""
        del epoch
        order = self.usable[torch.randperm(len(self.usable), generator=current_generator()).numpy()]
        for first in range(0, len(order), self.batch_size):
            yield order[first : first + self.batch_size]

    @torch.no_grad()
    def loss(self, batch: I64) -> Tensor:
        """Mean loss of a batch; sets the gradient of the table."""
        weight = self.table.weight
        vectors = self.vectors()
        rng = np.random.default_rng(random_seed())
        step = self._ccl if self.settings.loss == "ccl" else self._bpr
        loss, rows, gradient = step(vectors, self.users[batch], self.items[batch], rng)
        at = torch.from_numpy(rows).to(weight.device)
        total = scatter_sum(gradient, at, dim=0, dim_size=len(weight))
        total = self._to_table(total)
        if self.settings.l2:
            own, times = np.unique(rows, return_counts=True)
            share = torch.from_numpy(times.astype(np.float32) * np.float32(self.settings.l2 / len(batch)))
            at = torch.from_numpy(own).to(weight.device)
            total[at] += weight[at] * share.to(weight.device)[:, None]
        weight.grad = total
        return torch.tensor(loss)

    def _bpr(self, vectors: Tensor, users: I64, items: I64, rng: np.random.Generator) -> tuple[float, I64, Tensor]:
        """Softplus of the difference to an unknown item: loss, and rows with their gradients."""
        height, count = self.matrix.shape[0], self.settings.num_negatives
        owners = np.repeat(users, count)
        others = unknown_items(self.gaps, owners, rng)
        rows = np.concatenate([owners, np.repeat(items, count) + height, others + height])
        u, p, n = vectors[torch.from_numpy(rows).to(vectors.device)].chunk(3)
        away = n - p
        margin = (u * away).sum(1)
        factor = (torch.sigmoid(margin) / len(rows) * 3)[:, None]
        near = factor * u
        loss = float(np.logaddexp(0, margin.cpu().numpy().astype(np.float64)).mean())
        return loss, rows, torch.cat([factor * away, -near, near])

    def _ccl(self, vectors: Tensor, users: I64, items: I64, rng: np.random.Generator) -> tuple[float, I64, Tensor]:
        """Cosine contrastive loss against unknown items that the batch shares."""
        height, width = self.matrix.shape
        setting, size = self.settings, len(users)
        shared = rng.permutation(width)[: setting.num_negatives]
        rows = np.concatenate([users, items + height, shared + height])
        x = vectors[torch.from_numpy(rows).to(vectors.device)]
        length = x.norm(dim=1, keepdim=True).clamp_min(1e-12)
        unit = x / length
        u, p, n = unit.split([size, size, len(shared)])
        known = torch.from_numpy(self.matrix[users][:, shared].toarray() > 0).to(x.device)
        over = _product(u, n.T).sub_(setting.margin).clamp_min_(0).masked_fill_(known, 0)
        share = setting.negative_weight / len(shared) / size
        loss = float((1 - (u * p).sum(1)).double().mean() + over.sum(1).double().sum() * share)
        active = over.sign_().mul_(share)
        parts = [_product(active, n) - p / size, -u / size, _product(active.T, u)]
        gradient = torch.cat(parts)
        return loss, rows, (gradient - (gradient * unit).sum(1, keepdim=True) * unit) / length

    def vectors(self) -> Tensor:
        """Vectors of users and items: those of the table, propagated, or mixed with the means of items."""
        weight = self.table.weight.detach()
        if self.means is None:
            return propagated(self.adj, weight, self.layers)
        height, share = self.matrix.shape[0], self.settings.history
        mixed = _product(spmm(self.means, weight[height:].contiguous()), self.table.mix.detach().T)
        return torch.cat([(1 - share) * weight[:height] + share * mixed, weight[height:]])

    def _to_table(self, gradient: Tensor) -> Tensor:
        """Gradient of the table from that of the vectors; sets that of the map."""
        if self.means is None:
            return propagated(self.adj, gradient, self.layers)
        height, share, mix = self.matrix.shape[0], self.settings.history, self.table.mix
        of_users, items = gradient[:height], self.table.weight.detach()[height:].contiguous()
        mix.grad = share * _product(of_users.T, spmm(self.means, items))
        of_means = _product(of_users, mix.detach()) * share
        of_items = gradient[height:] + spmm(self.means.t(), of_means)
        return torch.cat([(1 - share) * of_users, of_items])

    def factors(self) -> tuple[F32, F32]:
        """Vectors of users and items with which scores are inner products."""
        with torch.no_grad():
            vectors = self.vectors()
            if self.settings.loss == "ccl":
                vectors = vectors / vectors.norm(dim=1, keepdim=True).clamp_min(1e-12)
        height, found = self.matrix.shape[0], vectors.cpu().numpy()
        return np.ascontiguousarray(found[:height]), np.ascontiguousarray(found[height:])

    def basis(self) -> F32:
        """Vectors of items whose sum, over the items of a new user, is that user's vector but for its length."""
        height, weight = self.matrix.shape[0], self.table.weight.detach()
        if self.means is not None:
            return _product(weight[height:].contiguous(), self.table.mix.detach().T).cpu().numpy()
        if not self.layers:
            return self.factors()[1]
        layers = propagated(self.adj, weight, self.layers - 1).cpu().numpy()[height:] * (
            self.layers / (self.layers + 1)
        )
        counts = np.bincount(self.items, minlength=len(layers))
        return np.asarray(layers * inverse(np.sqrt(counts))[:, None], dtype=np.float32)

    def validated(self, valid: Any, k: int) -> Recommendation:
        """How well validation items are found among those that are not in training."""
        users, items = self.factors()
        return recommendation(
            lambda rows: multiply_rows(users[rows], items.T), Interactions(self.matrix), Interactions(valid), k=k
        )


def symmetric_adjacency(matrix: Any) -> Adjacency:
    """Users and items as nodes of one graph, with entries divided by the roots of both degrees."""
    height, width = matrix.shape
    users, items = np.diff(matrix.indptr), np.bincount(matrix.indices, minlength=width)
    normal = sp.csr_array(matrix, dtype=np.float64)
    normal.data = 1 / np.sqrt(np.repeat(users, users).astype(np.float64) * items[normal.indices])
    whole = sp.csr_array(sp.block_array([[sp.csr_array((height, height)), normal], [normal.T, None]], format="csr"))
    whole.sort_indices()
    return Adjacency(
        torch.from_numpy(whole.indptr.astype(np.int64)),
        torch.from_numpy(whole.indices.astype(np.int64)),
        torch.from_numpy(whole.data.astype(np.float32)),
    )


def item_means(matrix: Any) -> Adjacency:
    """Users by items, with entries divided by the number of items of the user."""
    counts = np.diff(matrix.indptr)
    return Adjacency(
        torch.from_numpy(matrix.indptr.astype(np.int64)),
        torch.from_numpy(matrix.indices.astype(np.int64)),
        torch.from_numpy(np.repeat(1 / np.maximum(counts, 1), counts).astype(np.float32)),
        num_cols=matrix.shape[1],
    )


def propagated(adj: Adjacency | None, x: Tensor, layers: int) -> Tensor:
    """Mean of x and what 1, 2, … layers of propagation make of it; a new tensor."""
    total = x.detach().clone()
    if adj is not None:
        layer = total
        for _ in range(layers):
            layer = spmm(adj, layer)
            total.add_(layer)
    return total.div_(layers + 1)


class Gaps(NamedTuple):
    """For each entry of a matrix, the number of unknown items of its user before it, as keys that ascend."""

    keys: I64
    indptr: I64
    width: int


def gaps(matrix: Any) -> Gaps:
    """What :func:`unknown_items` searches."""
    counts, width = np.diff(matrix.indptr), matrix.shape[1]
    users = np.repeat(np.arange(matrix.shape[0]), counts)
    place = np.arange(matrix.nnz) - np.repeat(matrix.indptr[:-1].astype(np.int64), counts)
    return Gaps(users * width + matrix.indices - place, matrix.indptr.astype(np.int64), width)


def unknown_items(found: Gaps, users: I64, rng: np.random.Generator) -> I64:
    """An item that each user has not, all equally likely, without trials; every user lacks at least one."""
    free = found.width - (found.indptr[users + 1] - found.indptr[users])
    chosen = rng.integers(0, free)
    return np.asarray(chosen + np.searchsorted(found.keys, users * found.width + chosen, "right") - found.indptr[users])


def _product(x: Tensor, y: Tensor) -> Tensor:
    """X @ y; on the CPU with the same bits for any number of threads."""
    if x.device.type != "cpu":
        return x @ y
    return torch.from_numpy(multiply_rows(x.contiguous().numpy(), y.contiguous().numpy()))
