"""The training loop: batches, validation or label-free stopping, checkpoints, callbacks and progress."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from graphrep._progress import progress_bar
from graphrep.learn.checkpoint import Checkpoint
from graphrep.learn.stopping import LastEpoch, StopRule
from graphrep.nn.generators import make_generator, using_generator

if TYPE_CHECKING:
    Loss = torch.Tensor | Mapping[str, torch.Tensor]

__all__ = ["Alone", "Loop"]

log = logging.getLogger("graphrep.learn")


class Alone:
    """What a training loop exchanges with other processes: nothing, as there are none.

    :class:`graphrep.distributed.training.SharedTraining` does the same with several.
    """

    #: Whether this process calls back and shows progress.
    leads = True

    def add(self, parameters: Iterable[nn.Parameter], values: dict[str, float]) -> dict[str, float]:
        """Replace gradients by their sums over the processes; returns the sums of ``values``."""
        del parameters
        return values

    def any(self, flag: bool, step: str) -> bool:  # noqa: FBT001
        """Whether the flag of any process is set."""
        del step
        return flag

    def check(self, model: nn.Module, epoch: int) -> None:
        """Raise an error if the parameters of the processes differ."""


class Loop:
    r"""Train a model with an optimizer on batches.

    Random numbers are a function of the seed and counters: (seed, epoch) in ``batches`` and (seed, epoch, batch number)
    in ``loss``. They come from ``graphrep.nn.generators.current_generator``, which modules of :mod:`graphrep.nn`
    use; torch's global generator is neither read nor changed. Fits in other threads therefore do not change the
    result, and a resumed fit gives the same bits as an uninterrupted one.

    Parameters
    ----------
    model : torch.nn.Module
        The model to train and save. If the stop rule selects an earlier epoch, its parameters are restored.
    loss : callable
        ``loss(batch)`` returns a scalar tensor to minimize, or a mapping with this tensor as "loss" and further scalars
        to record. A tensor without a gradient means that ``loss`` has already accumulated the gradients.
    batches : callable
        ``batches(epoch)`` returns the batches of an epoch (from 0).
    optimizer : torch.optim.Optimizer
    epochs : int
        Upper bound on the number of epochs.
    seed : int
    stop : StopRule, optional
        Default: :class:`LastEpoch`.
    probe : object
        Passed to the stop rule.
    validate : callable, optional
        Returns the metrics of an epoch, which are added to its record.
    schedule : callable, optional
        ``schedule(epoch)`` returns the factor of the optimizer's learning rates in an epoch (from 0).
    clip_norm : float, optional
        Maximum norm of the gradient, for each module of ``clipped`` separately.
    clipped : sequence of torch.nn.Module
        Default: the model.
    after_step : callable, optional
        ``after_step(progress)`` is called after each step of the optimizer; ``progress`` grows from 0 to 1.
    on_epoch : callable, optional
        ``on_epoch(epoch, record)``, epochs from 1. The training ends if it returns True.
    max_seconds : float, optional
        Start no epoch but the first after this time.
    whole_epochs : bool
        If False, the time limit also ends an epoch after any of its batches, so early that the validation, if it takes
        as long as the one before, ends in time. The stop rule judges the part that was trained like an epoch.
    checkpoint : Checkpoint, optional
        Saved after every epoch; training resumes from it.
    stage : str
        Name of this loop in the checkpoint.
    together : Alone, optional
        What several processes that train one model exchange; ``loss`` and its gradient are then a part of a sum. The
        first one calls back. Default: there is one process.
    progress : bool or None
        Whether to show a progress bar; None: in terminals and in Jupyter.
    name : str
        Shown by the progress bar and in log messages.

    Attributes
    ----------
    history : list of dict
        Records of the epochs.
    best_epoch : int
        From 1; 0 before the first epoch.
    timed_out : bool
        Whether ``max_seconds`` ended the training.
    stopped_by : str
        What ended the training: "epochs", their number; "rule", the stop rule; "callback"; or "time".
    num_batches : int
        Number of batches of the last epoch that were trained on.

    Examples
    --------
    >>> import torch
    >>> from graphrep.learn import Loop
    >>> model = torch.nn.Linear(1, 1, bias=False)
    >>> x = torch.tensor([[1.0], [2.0]])
    >>> loop = Loop(
    ...     model,
    ...     lambda rows: (model(x[rows]) - 3 * x[rows]).square().mean(),
    ...     lambda epoch: [slice(0, 2)],
    ...     torch.optim.SGD(model.parameters(), lr=0.1),
    ...     epochs=20,
    ... )
    >>> loop.run()
    >>> round(model.weight.item(), 2), len(loop.history)
    (3.0, 20)
    """

    def __init__(
        self,
        model: nn.Module,
        loss: Callable[[Any], Loss],
        batches: Callable[[int], Iterable[Any]],
        optimizer: torch.optim.Optimizer,
        *,
        epochs: int,
        seed: int = 0,
        stop: StopRule | None = None,
        probe: Any = None,
        validate: Callable[[], Mapping[str, float]] | None = None,
        schedule: Callable[[int], float] | None = None,
        clip_norm: float | None = None,
        clipped: Iterable[nn.Module] = (),
        after_step: Callable[[float], None] | None = None,
        on_epoch: Callable[[int, dict[str, float]], bool] | None = None,
        max_seconds: float | None = None,
        whole_epochs: bool = True,
        checkpoint: Checkpoint | None = None,
        stage: str = "training",
        together: Any = None,
        progress: bool | None = None,
        name: str = "training",
    ) -> None:
        self.model, self.loss, self.batches, self.optimizer = model, loss, batches, optimizer
        self.epochs, self.seed, self.probe, self.validate, self.schedule = epochs, seed, probe, validate, schedule
        self.stop = stop or LastEpoch()
        self.clip_norm, self.clipped = clip_norm, tuple(clipped) or (model,)
        self.after_step, self.on_epoch, self.max_seconds = after_step, on_epoch, max_seconds
        self.whole_epochs = whole_epochs
        self.checkpoint, self.stage = checkpoint or Checkpoint(None), stage
        self.together: Any = together or Alone()
        self.progress, self.name = progress if self.together.leads else False, name
        self.history: list[dict[str, float]] = []
        self.best_epoch = 0
        self.timed_out = False
        self.stopped_by = "epochs"
        self.num_batches = 0
        self._begin = self._validation_seconds = 0.0
        self._cut = False
        self._best_state: dict[str, torch.Tensor] | None = None
        self._stopped = False
        self._rates = [group["lr"] for group in optimizer.param_groups]

    def run(self) -> None:
        """Train, resuming from the checkpoint if possible; the model gets the parameters of the best epoch."""
        self._resume()
        self.together.check(self.model, len(self.history))
        self._begin, first = time.monotonic(), len(self.history)
        with progress_bar(
            total=self.epochs, initial=first, desc=self.name, unit="epoch", progress=self.progress
        ) as bar:
            while len(self.history) < self.epochs and not self._stopped:
                self.timed_out = self._cut or self._late()
                if self.timed_out and len(self.history) > first:
                    part = " was cut" if self._cut else ""
                    log.info(
                        "%s: time limit of %g s, after epoch %d of %d%s; best epoch %d",
                        self.name,
                        self.max_seconds,
                        len(self.history),
                        self.epochs,
                        part,
                        self.best_epoch,
                    )
                    break
                self._epoch()
                bar.set_postfix(self.history[-1], refresh=False)
                bar.update()
        self.timed_out = (self._cut or (self.timed_out and len(self.history) < self.epochs)) and not self._stopped
        if self.timed_out:
            self.stopped_by = "time"
        if self._best_state is not None:
            self.model.load_state_dict(self._best_state)

    def _late(self) -> bool:
        """Whether the time is over, or will be after a validation."""
        if self.max_seconds is None:
            return False
        spare = 0.0 if self.whole_epochs else self._validation_seconds
        late = time.monotonic() - self._begin > self.max_seconds - spare
        return bool(self.together.any(late, "the time limit"))

    def _epoch(self) -> None:
        """Train for one epoch, apply the stop rule, call back and save."""
        started = time.perf_counter()
        record = self.train_epoch(len(self.history))
        seconds = time.perf_counter() - started
        self.together.check(self.model, len(self.history) + 1)
        if self.validate is not None:
            validated = time.monotonic()
            record |= self.validate()
            self._validation_seconds = time.monotonic() - validated
        epoch = len(self.history) + 1
        verdict = self.stop.after(epoch, record, self.probe)
        record |= verdict.notes
        self.history.append(record)
        if verdict.best:
            self.best_epoch = epoch
            if self.stop.keeps_best:
                self._best_state = {key: part.detach().clone() for key, part in self.model.state_dict().items()}
        self._stopped = verdict.stop
        if verdict.stop:
            self.stopped_by = "rule"
        report = record | {"seconds": seconds}
        line = ", ".join(f"{name} {value:.4g}" for name, value in report.items())
        log.info("%s: epoch %d of %d, %s", self.name, epoch, self.epochs, line)
        ended = self.on_epoch is not None and self.together.leads and self.on_epoch(epoch, report)
        if self.together.any(ended, "the callbacks"):
            self._stopped, self.stopped_by = True, "callback"
        if self._stopped:
            log.info("%s: stopped after epoch %d, best epoch %d", self.name, epoch, self.best_epoch)
        self._save()

    def train_epoch(self, epoch: int) -> dict[str, float]:
        """Train for one epoch (from 0) without stop rule or checkpoint; returns the means of the recorded scalars."""
        self.model.train()
        factor = 1.0 if self.schedule is None else self.schedule(epoch)
        for group, rate in zip(self.optimizer.param_groups, self._rates, strict=True):
            group["lr"] = rate * factor
        sums: dict[str, float] = {}
        count = 0
        for batch in self._batches(epoch):
            with using_generator(make_generator(self.seed, epoch, count)):
                for name, value in self._step(batch, epoch).items():
                    sums[name] = sums.get(name, 0.0) + value
            count += 1
            if not self.whole_epochs and self._late():
                self._cut = True
                break
        self.num_batches = count
        return {name: total / count for name, total in sums.items()} or {"loss": 0.0}

    def _batches(self, epoch: int) -> Iterator[Any]:
        """Batches of an epoch; their random numbers always come from the epoch's generator."""
        generator, end = make_generator(self.seed, epoch), object()
        with using_generator(generator):
            batches = iter(self.batches(epoch))
        while True:
            with using_generator(generator):
                batch = next(batches, end)
            if batch is end:
                return
            yield batch

    def _step(self, batch: Any, epoch: int) -> dict[str, float]:
        self.optimizer.zero_grad(set_to_none=True)
        found = self.loss(batch)
        scalars = dict(found) if isinstance(found, Mapping) else {"loss": found}
        if scalars["loss"].requires_grad:
            scalars["loss"].backward()  # type: ignore[no-untyped-call]
        own = {name: float(value.detach()) for name, value in scalars.items()}
        values: dict[str, float] = self.together.add(self.model.parameters(), own)
        if not math.isfinite(values["loss"]):
            raise ValueError(
                f"the loss became {values['loss']} in epoch {epoch + 1} of {self.name}; try a smaller learning rate, "
                "smaller features or fewer epochs."
            )
        if self.clip_norm is not None:
            for part in self.clipped:
                nn.utils.clip_grad_norm_(part.parameters(), self.clip_norm)
        self.optimizer.step()
        if self.after_step is not None:
            self.after_step(epoch / max(1, self.epochs))
        return values

    def _save(self) -> None:
        if self.checkpoint.path is None:
            return
        state = {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "history": self.history,
            "best": [self.best_epoch, self._best_state],
            "stop": self.stop.state(),
            "stopped": self._stopped,
        }
        self.checkpoint.save(self.stage, state)

    def _resume(self) -> None:
        state = self.checkpoint.load(self.stage)
        if state is None:
            return
        try:
            self.model.load_state_dict(state["model"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.history = state["history"]
            self.best_epoch, self._best_state = state["best"]
            self.stop.load(state["stop"])
            self._stopped = state["stopped"]
        except (KeyError, ValueError, TypeError, RuntimeError) as error:
            raise ValueError(f"checkpoint {self.checkpoint.path} does not fit the model: {error}") from error
        log.info("%s: resumed from %s after epoch %d", self.name, self.checkpoint.path, len(self.history))
