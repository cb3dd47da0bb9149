"""Base classes of estimators that train: shared options, checks, checkpoints and callbacks."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sklearn.base import BaseEstimator

from graphrep._checks import checked_float, checked_int
from graphrep.graph import Graph, as_graph

if TYPE_CHECKING:
    import torch

    from graphrep.learn.callbacks import Callback
    from graphrep.learn.checkpoint import Checkpoint

__all__ = ["LoopEstimator", "TrainedEstimator", "undirected_unweighted"]

# Parameters that may differ between an interrupted fit and the one that resumes it, because they do not change results.
RUN_OPTIONS = ("callbacks", "checkpoint", "checkpoint_seconds", "device", "max_seconds", "n_jobs", "progress")


@dataclass(kw_only=True, eq=False, repr=False)
class TrainedEstimator(BaseEstimator):  # type: ignore[misc]
    """Base class of estimators that train; parameters are keyword-only and stored unchanged, as in scikit-learn.

    :class:`graphrep.GAE` documents the parameters.
    """

    checkpoint: str | os.PathLike[str] | None = None
    callbacks: Sequence[Callback] = ()
    n_jobs: int | None = None
    random_state: Any = 0
    progress: bool | None = None

    def _open_checkpoint(self, *data: Any, mapped: bool = False) -> Checkpoint:
        """The checkpoint of a fit to ``data``, mapped or read; without a path it only resolves the seed."""
        from graphrep.learn.checkpoint import Checkpoint, digest

        if self.checkpoint is None:
            return Checkpoint(None, random_state=self.random_state)
        excluded = (*RUN_OPTIONS, "random_state")
        settings = {name: value for name, value in self.get_params(deep=False).items() if name not in excluded}
        identity = digest(type(self).__name__, settings, data)
        return Checkpoint(self.checkpoint, identity, self.random_state, mapped=mapped)

    def _notify(self, epoch: int, record: dict[str, float]) -> bool:
        """Call the callbacks; returns whether one of them ends the training."""
        from graphrep.learn.callbacks import notify

        return notify(self.callbacks, epoch, record, self)


@dataclass(kw_only=True, eq=False, repr=False)
class LoopEstimator(TrainedEstimator):
    """Base class of estimators trained by :class:`graphrep.learn.Loop`."""

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


def undirected_unweighted(graph: Graph) -> Graph:
    """The graph without weights; ValueError if it is directed."""
    if graph.directed:
        raise ValueError("graph must be undirected, got a directed graph; pass graph.to_undirected().")
    return graph if graph.weights is None else as_graph(graph, weights=False)
