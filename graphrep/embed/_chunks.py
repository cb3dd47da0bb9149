"""Training in chunks: resumable, interruptible between chunks, with progress and callbacks."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from graphrep._estimator import TrainedEstimator
from graphrep._mapped import in_memory
from graphrep._progress import progress_bar
from graphrep.distributed.ranks import Ranks
from graphrep.embed.interrupts import DeferredInterrupt

__all__ = ["ChunkTrainer"]

log = logging.getLogger("graphrep.embed")

_LOGGED_EVERY = 30.0  # seconds
_TIMES_A_SAVE = 19  # of training, at least, before the next save


class Saves(Protocol):
    """What is needed of a :class:`graphrep.learn.Checkpoint`."""

    path: Path | None

    def load(self, stage: str) -> Any:
        """State of a stage; None if it was not reached."""

    def discard(self, stage: str) -> None:
        """Exclude a stage from later saves."""

    def save(self, stage: str, state: Any) -> None:
        """Write the state of a stage."""

    def remove(self) -> None:
        """Called when the stage is complete."""


class ChunkTrainer(TrainedEstimator):
    """Base of estimators whose tables are trained on chunks of items that are drawn by their position."""

    def _train_chunks(
        self,
        checkpoint: Saves,
        stage: str,
        tables: Mapping[str, Any],
        draw: Callable[[int, int], tuple[Any, ...]],
        train: Callable[..., int],
        *,
        total: int,
        epoch: int,
        seconds: float,
        ranks: Ranks | None = None,
        **bar_options: Any,
    ) -> None:
        """Train the tables on items 0 … total - 1, of which ``epoch`` make a pass.

        ``draw(position, most)`` returns at most so many items from a position on, in arrays of equal length, and
        ``train(position, *arrays)`` trains on them and returns the number of tokens. The tables are saved every
        ``seconds`` where there is a checkpoint, less often where that would take more than a twentieth of the time, and
        upon Ctrl-C. Of several ranks, the first calls back and shows progress.
        """
        together = Ranks() if ranks is None else ranks
        position = _restored(checkpoint, stage, tables, total)

        def save() -> None:
            checkpoint.save(stage, {**tables, "position": position})

        name, kept = type(self).__name__, self.checkpoint is not None
        shown = self.progress if together.rank == 0 else False
        bar = progress_bar(total=total, initial=position, desc=name, progress=shown, **bar_options)
        begin = last = logged = time.monotonic()
        tokens, pause = 0, seconds
        with bar, DeferredInterrupt() if kept else nullcontext(DeferredInterrupt()) as interrupts:
            whole = True  # the tables are trained on exactly the items before `position`
            try:
                while position < total:
                    items = draw(position, min(epoch - position % epoch, total - position))
                    whole = False
                    tokens += train(position, *items)
                    position += len(items[0])
                    whole = True
                    bar.update(len(items[0]))
                    interrupts.check()
                    now = time.monotonic()
                    if now - logged >= _LOGGED_EVERY:
                        rate = tokens / (now - logged)
                        log.info("%s: %d of %d%s, %.3g tokens/s", name, position, total, bar_options["unit"], rate)
                        logged, tokens = now, 0
                    if kept and now - last >= pause:
                        save()
                        last = time.monotonic()
                        pause = seconds and max(seconds, _TIMES_A_SAVE * (last - now))
                        logged += last - now
                    if position % epoch == 0:
                        passes, record = position // epoch, {"seconds": time.monotonic() - begin}
                        log.info("%s: epoch %d of %g, %s", name, passes, total / epoch, record)
                        ended = together.rank == 0 and self._notify(passes, record)
                        if together.tell("the end of an epoch", bool(ended))[0]:
                            break
                        begin = time.monotonic()
            except KeyboardInterrupt:
                if whole:
                    save()
                raise
        checkpoint.remove()


def _restored(checkpoint: Saves, stage: str, tables: Mapping[str, Any], total: int) -> int:
    """Fill the tables from the checkpoint, if it has them; return the number of items behind them."""
    state = checkpoint.load(stage)
    if state is None:
        return 0
    checkpoint.discard(stage)  # the tables are large
    saved, position = {name: state.get(name) for name in tables}, state.get("position")
    fits = all(
        getattr(saved[name], "shape", None) == table.shape and saved[name].dtype == np.float32
        for name, table in tables.items()
    )
    if not fits or not isinstance(position, int) or not 0 <= position <= total:
        raise ValueError(f"checkpoint {checkpoint.path} does not fit the model; remove it or name another file.")
    for name, table in tables.items():
        in_memory(saved[name], table)
    return position
