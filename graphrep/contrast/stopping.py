"""When to stop training without labels, and which epoch's weights to use."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch.nn import functional

from graphrep.ops.adjacency import Adjacency
from graphrep.ops.sparse_dense import spmm

Tensor = torch.Tensor

__all__ = ["RULES", "HighestAgreement", "LastEpoch", "LowestLoss", "Probe", "StopRule", "agreement", "make_stop"]


class Probe(NamedTuple):
    """What a rule may look at; each is worked out when it is called."""

    vectors: Callable[[], Tensor]
    """Vectors of the rows that are trained on, unaugmented."""
    neighbors: Callable[[], Adjacency]
    """Which of these rows are neighbours, values counting the edges, if any."""


def agreement(z: Tensor, neighbors: Adjacency) -> float:
    r"""Mean cosine of neighbours after centring: 1 if they agree wholly, about 0 if vectors know nothing of edges.

    :math:`\sum_{i \ne j} w_{ij} \cos(z_i - \bar z, z_j - \bar z) / \sum_{i \ne j} w_{ij}`; 0 without edges.

    Parameters
    ----------
    z : tensor of shape (num_rows, dimensions)
    neighbors : Adjacency
        Its values are the weights; entries of a row with itself do not count.

    Returns
    -------
    float

    Examples
    --------
    >>> import torch
    >>> import graphrep as gr
    >>> from graphrep.contrast.stopping import agreement
    >>> path = gr.ops.as_adjacency(gr.as_graph([[0, 2], [1, 3]], directed=False))
    >>> round(agreement(torch.tensor([[1.0], [2.0], [-1.0], [-2.0]]), path), 4)
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


class StopRule:
    """Base: what a rule is asked. Attributes that begin with an underscore are its progress and go into checkpoints."""

    #: Whether the weights of an earlier epoch may be the ones to use.
    keeps_earlier = False

    def after(self, epoch: int, loss: float, probe: Probe) -> tuple[dict[str, float], bool, bool]:
        """After an epoch: what to note in the history, whether to prefer it to those before, and whether to stop."""
        raise NotImplementedError

    def state(self) -> dict[str, float]:
        """What a checkpoint must keep."""
        return {name: value for name, value in vars(self).items() if name.startswith("_")}

    def load(self, state: dict[str, float]) -> None:
        """Go on from a checkpoint."""
        vars(self).update(state)

    def __repr__(self) -> str:
        settings = ", ".join(f"{name}={value!r}" for name, value in vars(self).items() if not name.startswith("_"))
        return f"{type(self).__name__}({settings})"


class LastEpoch(StopRule):
    """Train for all epochs, use the last."""

    def after(self, epoch: int, loss: float, probe: Probe) -> tuple[dict[str, float], bool, bool]:
        """Every epoch is better than those before."""
        del epoch, loss, probe
        return {}, True, False


class LowestLoss(StopRule):
    """Use the epoch of the lowest training loss; stop when ``patience`` epochs brought none lower, as DGI does."""

    keeps_earlier = True

    def __init__(self, patience: int = 20) -> None:
        self.patience = patience
        self._best, self._since = float("inf"), 0

    def after(self, epoch: int, loss: float, probe: Probe) -> tuple[dict[str, float], bool, bool]:
        """Looks at the loss."""
        del epoch, probe
        best = loss < self._best
        self._best, self._since = (loss, 0) if best else (self._best, self._since + 1)
        return {}, best, self._since >= self.patience


class HighestAgreement(StopRule):
    r"""Use the last epoch at which neighbours agree about as much as they ever did.

    The objectives of StructComp but for COLES never see the edges between clusters, so these can judge: vectors that
    hold what neighbours share make neighbouring clusters alike (:func:`agreement`). While CCA-SSG and GRACE learn that,
    the agreement rises; when they go on to make all directions equally strong, noise included, it falls, and the
    accuracy of a linear classifier with it. With SCE it rises throughout. The effective rank
    (:func:`graphrep.contrast.rankme`) has no such turning point that holds on all graphs; the guide on contrastive
    training shows both.

    Parameters
    ----------
    tolerance : float
        Share of the highest agreement that may be lacking.
    patience : int
        Epochs below that in a row after which to stop.
    """

    keeps_earlier = True

    def __init__(self, tolerance: float = 0.02, patience: int = 3) -> None:
        self.tolerance, self.patience = tolerance, patience
        self._best, self._since = -float("inf"), 0

    def after(self, epoch: int, loss: float, probe: Probe) -> tuple[dict[str, float], bool, bool]:
        """Looks at the agreement."""
        del epoch, loss
        value = agreement(probe.vectors(), probe.neighbors())
        self._best = max(self._best, value)
        good = value >= self._best - self.tolerance * abs(self._best)
        self._since = 0 if good else self._since + 1
        return {"agreement": value}, good, self._since >= self.patience


#: Name of a rule -> how to make one.
RULES: dict[str, Callable[[], StopRule]] = {"last": LastEpoch, "loss": LowestLoss, "agreement": HighestAgreement}


def make_stop(stop: Any) -> StopRule:
    """A fresh rule from a name or a rule; ValueError otherwise."""
    if isinstance(stop, StopRule):
        return copy.deepcopy(stop)
    if not isinstance(stop, str) or stop not in RULES:
        raise ValueError(f"stop must be one of {', '.join(RULES)} or a StopRule; got {stop!r}.")
    return RULES[stop]()
