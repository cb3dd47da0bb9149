"""Base classes of estimators that train: shared options, checks, checkpoints and callbacks."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sklearn.base import BaseEstimator

from graphrep._checks import checked_float, checked_int
from graphrep._version import __version__
from graphrep.graph import Graph, as_graph

if TYPE_CHECKING:
    import torch

    from graphrep.distributed.ranks import Ranks
    from graphrep.learn.callbacks import Callback
    from graphrep.learn.checkpoint import Checkpoint

__all__ = ["LoopEstimator", "TrainedEstimator", "graph_sizes", "undirected_unweighted"]

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

    def _open_checkpoint(
        self, *data: Any, mapped: bool = False, ranks: Ranks | None = None, sizes: Mapping[str, int] | None = None
    ) -> Checkpoint:
        """The checkpoint of a fit to ``data``, mapped or read; without a path it only resolves the seed.

        Of several ranks, the first one saves; they must have the same data, of these sizes, settings and checkpoint.
        """
        from graphrep.learn.checkpoint import Checkpoint, digest

        several = ranks is not None and ranks.world_size > 1
        if self.checkpoint is None and not several:
            return Checkpoint(None, random_state=self.random_state)
        excluded = (*RUN_OPTIONS, "random_state")
        settings = {name: value for name, value in self.get_params(deep=False).items() if name not in excluded}
        if several:
            assert ranks is not None
            ranks.agree("the data", {**(sizes or {}), "the contents": digest(data)[:16]})
            plain = {name: _plain(value, digest) for name, value in settings.items()}
            saves = self.checkpoint is not None
            ranks.agree(
                "the settings",
                plain
                | {"a checkpoint": saves, "max_seconds": getattr(self, "max_seconds", None), "version": __version__},
            )
        identity = digest(type(self).__name__, settings, data)
        writes = ranks is None or ranks.rank == 0
        checkpoint = Checkpoint(self.checkpoint, identity, self.random_state, mapped=mapped, writes=writes)
        if several:
            assert ranks is not None
            if self.random_state is None:
                checkpoint.seed = ranks.tell("the seed", checkpoint.seed)[0]
            # None is written before all have read it.
            ranks.agree("the checkpoint", {"random_state": checkpoint.seed, "the contents": checkpoint.contents})
        return checkpoint

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


def graph_sizes(graph: Graph) -> dict[str, int]:
    """What ranks with different graphs disagree on first."""
    return {"num_nodes": graph.num_nodes, "num_arcs": graph.num_arcs}


def _plain(value: Any, digest: Callable[..., str]) -> Any:
    """A setting as JSON; what JSON cannot hold is represented by a hash."""
    return value if isinstance(value, (str, int, float, bool, type(None))) else digest(value)[:16]


def undirected_unweighted(graph: Graph) -> Graph:
    """The graph without weights; ValueError if it is directed."""
    if graph.directed:
        raise ValueError("graph must be undirected, got a directed graph; pass graph.to_undirected().")
    return graph if graph.weights is None else as_graph(graph, weights=False)
