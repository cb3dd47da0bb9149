"""Callbacks, called after every epoch with (epoch, record, estimator). One that returns True ends the training."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

__all__ = ["Callback", "JSONLines", "TensorBoard", "Tracker", "check_callbacks", "notify"]

#: ``callback(epoch, record, estimator)``: epochs count from 1, the record holds the loss, metrics and "seconds".
Callback = Callable[[int, dict[str, float], Any], object]


def check_callbacks(callbacks: Any) -> tuple[Callback, ...]:
    """Callbacks as a tuple; TypeError if one is not callable."""
    if callable(callbacks) or isinstance(callbacks, (str, bytes)) or not isinstance(callbacks, Iterable):
        raise TypeError(f"callbacks must be a sequence of functions of (epoch, record, estimator), got {callbacks!r}.")
    found = tuple(callbacks)
    for callback in found:
        if not callable(callback):
            raise TypeError(f"callbacks must be functions of (epoch, record, estimator), got {callback!r}.")
    return found


def notify(callbacks: Iterable[Callback], epoch: int, record: dict[str, float], estimator: Any) -> bool:
    """Call every callback; True if one of them returned True."""
    answers = [callback(epoch, dict(record), estimator) for callback in callbacks]
    return any(answer is True for answer in answers)


class JSONLines:
    r"""Write one line of JSON per epoch.

    Epoch 1 overwrites the file. A resumed fit continues it and replaces the lines of epochs that are trained again.

    Parameters
    ----------
    path : path
    **constants : str, int or float
        Added to every line, such as the seed.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from graphrep.learn import JSONLines
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "metrics.jsonl"
    >>> callback = JSONLines(path, seed=0)
    >>> callback(1, {"loss": 0.5}, None)
    >>> print(path.read_text(), end="")
    {"seed": 0, "epoch": 1, "loss": 0.5}
    """

    def __init__(self, path: str | os.PathLike[str], **constants: Any) -> None:
        self.path, self.constants = Path(path), constants

    def __call__(self, epoch: int, record: dict[str, float], estimator: Any) -> None:
        """Append the record of an epoch."""
        del estimator
        lines: list[str] = []
        if epoch > 1 and self.path.exists():
            lines = self.path.read_text(encoding="utf-8").splitlines()
        kept = [line for line in lines if _epoch_of(line) < epoch]
        text = json.dumps({**self.constants, "epoch": epoch, **record})
        if epoch > 1 and len(kept) == len(lines):
            with self.path.open("a", encoding="utf-8") as file:
                file.write(text + "\n")
        else:
            self.path.write_text("".join(f"{line}\n" for line in [*kept, text]), encoding="utf-8")


def _epoch_of(line: str) -> float:
    """Epoch of a line; infinity for a truncated line."""
    try:
        return float(json.loads(line)["epoch"])
    except (ValueError, KeyError, TypeError):
        return float("inf")


class TensorBoard:
    """Write the numbers of every epoch as TensorBoard scalars. Needs the extra ``tensorboard``.

    Parameters
    ----------
    folder : path
    prefix : str
        Prefix of the names of the scalars, for example ``"cora/"``.

    Examples
    --------
    >>> import graphrep as gr
    >>> model = gr.NCN(callbacks=[gr.learn.TensorBoard("runs/ncn")])
    """

    def __init__(self, folder: str | os.PathLike[str], prefix: str = "") -> None:
        self.folder, self.prefix = Path(folder), prefix
        self._writer: Any = None

    def __call__(self, epoch: int, record: dict[str, float], estimator: Any) -> None:
        """Write the record of an epoch."""
        del estimator
        if self._writer is None:
            from torch.utils.tensorboard import SummaryWriter

            # Replaces what an interrupted fit wrote from this epoch on.
            self._writer = SummaryWriter(str(self.folder), purge_step=epoch)
        for name, value in record.items():
            self._writer.add_scalar(self.prefix + name, value, epoch)
        self._writer.flush()

    def __getstate__(self) -> dict[str, Any]:
        return vars(self) | {"_writer": None}


class Tracker:
    """Give the record of every epoch to a tracker of experiments: ``log(record, step=epoch)``.

    This is the form of ``mlflow.log_metrics`` and of ``log`` of a run of Weights & Biases.

    Parameters
    ----------
    log : callable
        Called with a dict of str to float, and with the epoch as ``step``.
    prefix : str
        Prefix of the names, for example ``"cora/"``.
    rename : callable, optional
        From the name of a metric to that in the tracker. Default: ``"_"`` for every character that MLflow refuses, so
        that ``"hits@100"`` becomes ``"hits_100"``.

    Notes
    -----
    What the tracker raises ends the fit. A copy of an estimator, such as scikit-learn's ``clone``, logs to the same
    tracker.

    Examples
    --------
    >>> from graphrep.learn import Tracker
    >>> def log(record, step):
    ...     print(step, record)
    >>> Tracker(log, prefix="cora/")(1, {"loss": 0.5, "hits@10": 0.25}, None)
    1 {'cora/loss': 0.5, 'cora/hits_10': 0.25}
    """

    def __init__(
        self, log: Callable[..., object], prefix: str = "", rename: Callable[[str], str] | None = None
    ) -> None:
        if not callable(log):
            raise TypeError(f"log must be a function of a dict and step, such as mlflow.log_metrics, got {log!r}.")
        self.log, self.prefix, self.rename = log, prefix, rename

    def __call__(self, epoch: int, record: dict[str, float], estimator: Any) -> None:
        """Log the record of an epoch."""
        del estimator
        rename = _plain_name if self.rename is None else self.rename
        self.log({self.prefix + rename(name): float(value) for name, value in record.items()}, step=epoch)

    def __deepcopy__(self, memo: object) -> Tracker:
        return self  # a run of a tracker has threads and files, which have no copy


def _plain_name(name: str) -> str:
    return re.sub(r"[^\w\-. /:]", "_", name)
