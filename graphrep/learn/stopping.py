"""Stop rules: when to stop training, and which epoch's parameters to use."""

from __future__ import annotations

from typing import Any, NamedTuple

__all__ = ["BestMetric", "LastEpoch", "LowestLoss", "StopRule", "Verdict"]


class Verdict(NamedTuple):
    """Decision of a stop rule after an epoch.

    Attributes
    ----------
    best : bool
        Whether this epoch's parameters are preferred to those of earlier epochs.
    stop : bool
        Whether training ends after this epoch.
    notes : dict of str to float
        Values that the rule computed, which are added to the epoch's record.
    """

    best: bool
    stop: bool
    notes: dict[str, float] = {}  # noqa: RUF012  # the default is never modified


class StopRule:
    """Base class of stop rules, which never use test data.

    Attributes whose names begin with an underscore hold the state of the rule, which is saved in checkpoints; they must
    be numbers.

    Examples
    --------
    A rule that stops once the loss falls below a threshold:

    >>> from graphrep.learn import StopRule, Verdict
    >>> class Below(StopRule):
    ...     def __init__(self, threshold):
    ...         self.threshold = threshold
    ...     def after(self, epoch, record, probe=None):
    ...         return Verdict(best=True, stop=record["loss"] < self.threshold)
    >>> Below(0.5).after(1, {"loss": 0.4}).stop
    True
    """

    #: Whether an epoch before the last may be selected. If so, a copy of its parameters is kept.
    keeps_best = False

    def after(self, epoch: int, record: dict[str, float], probe: Any = None) -> Verdict:
        """Judge an epoch.

        Parameters
        ----------
        epoch : int
            Number of the epoch that ended, from 1.
        record : dict
            "loss", the mean over the batches, and validation metrics, if any.
        probe : object
            Information from the learner; see for example :class:`graphrep.contrast.Probe`.
        """
        raise NotImplementedError

    def state(self) -> dict[str, float]:
        """State of the rule, for a checkpoint."""
        return {name: value for name, value in vars(self).items() if name.startswith("_")}

    def load(self, state: dict[str, float]) -> None:
        """Restore the state from a checkpoint."""
        vars(self).update(state)

    def __repr__(self) -> str:
        settings = ", ".join(f"{name}={value!r}" for name, value in vars(self).items() if not name.startswith("_"))
        return f"{type(self).__name__}({settings})"


class LastEpoch(StopRule):
    """Train for all epochs and use the last one.

    Examples
    --------
    >>> from graphrep.learn import LastEpoch
    >>> LastEpoch().after(3, {"loss": 0.5})
    Verdict(best=True, stop=False, notes={})
    """

    def after(self, epoch: int, record: dict[str, float], probe: Any = None) -> Verdict:
        """Prefer every epoch to the earlier ones."""
        del epoch, record, probe
        return Verdict(best=True, stop=False)


class LowestLoss(StopRule):
    """Use the epoch of the lowest training loss; stop after ``patience`` epochs without a lower one, as DGI does.

    Parameters
    ----------
    patience : int

    Examples
    --------
    >>> from graphrep.learn import LowestLoss
    >>> rule = LowestLoss(patience=1)
    >>> rule.after(1, {"loss": 0.5}).best, rule.after(2, {"loss": 0.6}).stop
    (True, True)
    """

    keeps_best = True

    def __init__(self, patience: int = 20) -> None:
        self.patience = patience
        self._best, self._since = float("inf"), 0

    def after(self, epoch: int, record: dict[str, float], probe: Any = None) -> Verdict:
        """Judge an epoch by its loss."""
        del epoch, probe
        best = record["loss"] < self._best
        self._best, self._since = (record["loss"], 0) if best else (self._best, self._since + 1)
        return Verdict(best, self._since >= self.patience)


class BestMetric(StopRule):
    """Use the epoch with the highest value of a validation metric, the first of equally good ones.

    Parameters
    ----------
    metric : str
        Key of the record.
    patience : int, optional
        Stop after this many epochs without a higher value.
    train_limit : float, optional
        Stop when ``record["train_" + metric]`` exceeds this value, which indicates overfitting.

    Examples
    --------
    >>> from graphrep.learn import BestMetric
    >>> rule = BestMetric("auc", patience=5)
    >>> rule.after(1, {"loss": 0.5, "auc": 0.8}).best, rule.after(2, {"loss": 0.4, "auc": 0.8}).best
    (True, False)
    """

    keeps_best = True

    def __init__(self, metric: str, patience: int | None = None, train_limit: float | None = None) -> None:
        self.metric, self.patience, self.train_limit = metric, patience, train_limit
        self._best, self._since = -float("inf"), 0

    def after(self, epoch: int, record: dict[str, float], probe: Any = None) -> Verdict:
        """Judge an epoch by its metric."""
        del epoch, probe
        best = record[self.metric] > self._best
        self._best, self._since = (record[self.metric], 0) if best else (self._best, self._since + 1)
        overfits = self.train_limit is not None and record[f"train_{self.metric}"] > self.train_limit
        return Verdict(best, overfits or (self.patience is not None and self._since >= self.patience))
