"""Stop rules that need no labels: when to stop training, and which epoch's weights to use."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch.nn import functional

from graphrep.learn.stopping import LastEpoch, LowestLoss, StopRule, Verdict
from graphrep.ops.adjacency import Adjacency
from graphrep.ops.sparse_dense import spmm

Tensor = torch.Tensor

__all__ = ["RULES", "HighestAgreement", "Probe", "agreement", "make_stop"]


class Probe(NamedTuple):
    """Information available to a stop rule.

    Attributes
    ----------
    vectors : callable
        ``vectors()`` computes the vectors of the training rows, without augmentation.
    neighbors : callable
        ``neighbors()`` returns an Adjacency of these rows; its values, if any, count the edges.
    """

    vectors: Callable[[], Tensor]
    neighbors: Callable[[], Adjacency]


def agreement(z: Tensor, neighbors: Adjacency) -> float:
    r"""Mean cosine of neighbors after centering: 1 if they agree, about 0 if vectors do not depend on the edges.

    :math:`\sum_{i \ne j} w_{ij} \cos(z_i - \bar z, z_j - \bar z) / \sum_{i \ne j} w_{ij}`; 0 without edges.

    Parameters
    ----------
    z : tensor of shape (num_rows, dimensions)
    neighbors : Adjacency
        Its values are the weights; diagonal entries are ignored.

    Returns
    -------
    float

    Examples
    --------
    >>> import torch
    >>> import graphrep as gr
    >>> path = gr.ops.as_adjacency(gr.as_graph([(0, 1), (2, 3)], directed=False))
    >>> round(gr.contrast.agreement(torch.tensor([[1.0], [2.0], [-1.0], [-2.0]]), path), 4)
    1.0
    """
    values = neighbors.values
    if values is None:
        values = z.new_ones(neighbors.num_entries)
    values = values.to(z.dtype) * (neighbors.rows() != neighbors.indices)
    total = float(values.sum())
    if not total:
        return 0.0
    u = functional.normalize(z - z.mean(0))
    return float((u * spmm(neighbors.with_values(values), u)).sum()) / total


class HighestAgreement(StopRule):
    r"""Use the last epoch whose agreement of neighbors is close to its maximum.

    The objectives of StructComp, except COLES, do not use the edges between clusters, so these edges can validate: if
    vectors represent what neighbors share, neighboring clusters are similar (:func:`agreement`). The agreement rises
    while CCA-SSG and GRACE learn these features. It falls, like the accuracy of a linear classifier, when they continue
    to equalize the variance of all directions, including noise. With SCE it rises throughout. The effective rank
    (:func:`graphrep.contrast.rankme`) has no turning point that holds for all graphs; the guide on contrastive training
    shows both.

    Parameters
    ----------
    tolerance : float
        Relative distance from the highest agreement that is tolerated.
    patience : int
        Stop after this number of consecutive epochs outside the tolerance.

    Examples
    --------
    >>> import networkx as nx
    >>> import graphrep as gr
    >>> stop = gr.contrast.HighestAgreement(patience=2)
    >>> model = gr.StructComp(compression=4, dimensions=8, epochs=9, stop=stop)
    >>> model = model.fit(nx.karate_club_graph())
    >>> 1 <= model.best_epoch_ <= len(model.history_)
    True
    """

    keeps_best = True

    def __init__(self, tolerance: float = 0.02, patience: int = 3) -> None:
        self.tolerance, self.patience = tolerance, patience
        self._best, self._since = -float("inf"), 0

    def after(self, epoch: int, record: dict[str, float], probe: Any = None) -> Verdict:
        """Judge an epoch by its agreement."""
        del epoch, record
        value = agreement(probe.vectors(), probe.neighbors())
        self._best = max(self._best, value)
        good = value >= self._best - self.tolerance * abs(self._best)
        self._since = 0 if good else self._since + 1
        return Verdict(good, self._since >= self.patience, {"agreement": value})


#: Name of a rule -> its constructor.
RULES: dict[str, Callable[[], StopRule]] = {"last": LastEpoch, "loss": LowestLoss, "agreement": HighestAgreement}


def make_stop(stop: Any) -> StopRule:
    """A new rule from a name, or a copy of a rule; ValueError otherwise."""
    if isinstance(stop, StopRule):
        return copy.deepcopy(stop)
    if not isinstance(stop, str) or stop not in RULES:
        raise ValueError(f"stop must be one of {', '.join(RULES)} or a StopRule; got {stop!r}.")
    return RULES[stop]()
