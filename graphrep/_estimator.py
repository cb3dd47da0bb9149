"""What every estimator that trains shares: its options, their checks, its checkpoint and its callbacks."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sklearn.base import BaseEstimator

from graphrep._checks import checked_float, checked_int

if TYPE_CHECKING:
    import torch

    from graphrep.learn.callbacks import Callback
    from graphrep.learn.checkpoint import Checkpoint

__all__ = ["LoopEstimator", "TrainedEstimator"]

# Parameters that may differ between an interrupted fit and the fit that resumes it: they do not change its result.
RUN_OPTIONS = ("callbacks", "checkpoint", "checkpoint_seconds", "device", "max_seconds", "n_jobs", "progress")


@dataclass(kw_only=True, eq=False, repr=False)
class TrainedEstimator(BaseEstimator):  # type: ignore[misc]
    """Base class of estimators that train: keyword-only parameters, stored untouched, as scikit-learn wants them.

    Parameters
    ----------
    checkpoint : path, optional
        File from which an interrupted fit resumes. Only a fit with the same graph, features and settings can resume
        from it. A complete fit removes it.
    callbacks : sequence of callable
        Called after every epoch with (epoch, record, estimator); epochs count from 1. One that returns True ends the
        training.
    n_jobs : int, optional
        Number of threads. Default: torch's.
    random_state : int, RandomState, Generator or None
        None asks for fresh randomness.
    progress : bool, optional
        Whether a progress bar is shown. Default: in terminals and Jupyter.
    """

    checkpoint: str | os.PathLike[str] | None = None
    callbacks: Sequence[Callback] = ()
    n_jobs: int | None = None
    random_state: Any = 0
    progress: bool | None = None

    def _open_checkpoint(self, *data: Any) -> Checkpoint:
        """The checkpoint of a fit to ``data``; without a path it only resolves the seed."""
        from graphrep.learn.checkpoint import Checkpoint, digest

        if self.checkpoint is None:
            return Checkpoint(None, random_state=self.random_state)
        left_out = (*RUN_OPTIONS, "random_state")
        settings = {name: value for name, value in self.get_params(deep=False).items() if name not in left_out}
        return Checkpoint(self.checkpoint, digest(type(self).__name__, settings, data), self.random_state)

    def _notify(self, epoch: int, record: dict[str, float]) -> bool:
        """Call the callbacks; whether one wants the training to end."""
        from graphrep.learn.callbacks import notify

        return notify(self.callbacks, epoch, record, self)


@dataclass(kw_only=True, eq=False, repr=False)
class LoopEstimator(TrainedEstimator):
    """Base class of estimators trained by :class:`graphrep.learn.Loop`.

    Parameters
    ----------
    epochs : int
        Upper bound on the number of epochs.
    max_seconds : float, optional
        Start no epoch but the first after this time. With a checkpoint, the next fit resumes there.
    device : str, optional
        Default: the CPU.
    """

    epochs: Any = 100
    max_seconds: float | None = None
    device: str | None = None

    def _check_training(self) -> None:
        from graphrep.learn.callbacks import check_callbacks

        check_callbacks(self.callbacks)
        if self.max_seconds is not None:
            checked_float("max_seconds", self.max_seconds, 0.0, math.inf)
        if self.epochs is not None:
            checked_int("epochs", self.epochs, 0)

    def _device(self) -> torch.device:
        import torch

        return torch.device(self.device or "cpu")
