"""When to stop training without labels, and which epoch's weights to use."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import torch

from graphrep.contrast.rank import rankme

Tensor = torch.Tensor
Probe = Callable[[], Tensor]

__all__ = ["RULES", "LastEpoch", "LowestLoss", "LowestRank", "StopRule", "make_stop"]


class StopRule:
    """Base: what a rule is asked. Attributes that begin with an underscore are its progress and go into checkpoints."""

    #: Whether the weights of an earlier epoch may be the ones to use.
    keeps_earlier = False

    def after(self, epoch: int, loss: float, probe: Probe) -> tuple[dict[str, float], bool, bool]:
        """After an epoch: what to note in the history, whether it is the best so far, and whether to stop.

        ``probe()`` gives the vectors of what is trained on, unaugmented.
        """
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


class _Lowest(StopRule):
    """Use the epoch where a number is lowest; stop when ``patience`` epochs brought none lower."""

    keeps_earlier = True

    def __init__(self, patience: int) -> None:
        self.patience = patience
        self._best, self._since = float("inf"), 0.0

    def _note(self, value: float) -> tuple[bool, bool]:
        best = value < self._best
        self._best, self._since = (value, 0.0) if best else (self._best, self._since + 1)
        return best, self._since >= self.patience


class LowestLoss(_Lowest):
    """Use the epoch of the lowest training loss; stop when ``patience`` epochs brought none lower, as DGI does."""

    def __init__(self, patience: int = 20) -> None:
        super().__init__(patience)

    def after(self, epoch: int, loss: float, probe: Probe) -> tuple[dict[str, float], bool, bool]:
        """Looks at the loss."""
        del epoch, probe
        return {}, *self._note(loss)


class LowestRank(_Lowest):
    r"""Use the epoch whose vectors have the lowest effective rank, unless they collapse.

    Starting from random weights, training first turns the vectors towards the few directions that neighbours share, and
    their effective rank (:func:`graphrep.contrast.rankme`) falls. A decorrelating objective (CCA-SSG, GRACE) then
    spends its time on making all directions equally strong: the rank rises while what a linear classifier can read is
    lost. The turning point is where to stop. An objective without a lower bound (COLES) draws everything into ever
    fewer directions instead; that ends when the rank has fallen to ``collapse`` times its value after the first epoch.

    RankMe itself says "higher is better", of trained models that differ in their settings; along one run it is the
    other way round. The rule and its numbers were chosen on Cora and Citeseer, see the guide on contrastive training.

    Parameters
    ----------
    patience : int
        Epochs without a lower rank after which to stop.
    collapse : float
    max_rows : int
        Of more rows, so many are looked at, the same in every epoch.
    """

    def __init__(self, patience: int = 5, collapse: float = 1 / 3, max_rows: int = 2048) -> None:
        super().__init__(patience)
        self.collapse, self.max_rows = collapse, max_rows
        self._first = float("nan")

    def after(self, epoch: int, loss: float, probe: Probe) -> tuple[dict[str, float], bool, bool]:
        """Looks at the effective rank."""
        del loss
        rank = rankme(probe(), max_rows=self.max_rows)
        if epoch == 1:
            self._first = rank
        best, stop = self._note(rank)
        return {"rank": rank}, best, stop or rank <= self.collapse * self._first


#: Name of a rule -> how to make one.
RULES: dict[str, Callable[[], StopRule]] = {"last": LastEpoch, "loss": LowestLoss, "rank": LowestRank}


def make_stop(stop: Any) -> StopRule:
    """A fresh rule from a name or a rule; ValueError otherwise."""
    if isinstance(stop, StopRule):
        return copy.deepcopy(stop)
    if not isinstance(stop, str) or stop not in RULES:
        raise ValueError(f"stop must be one of {', '.join(RULES)} or a StopRule; got {stop!r}.")
    return RULES[stop]()
