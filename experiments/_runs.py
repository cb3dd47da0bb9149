"""Support for experiments with epochs: a folder per run with settings, versions and metrics; peak memory."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import torch
import yaml

from graphrep.learn import JSONLines, TensorBoard

sys.path.insert(0, str(Path(__file__).parent / "bench"))
from _harness import environment, peak_mb, reset_peak


class Run:
    """A folder with ``config.yaml``, ``environment.json``, ``metrics.jsonl`` and the checkpoint of an interrupted fit.

    ``callbacks`` write every epoch as a line of ``metrics.jsonl`` and, optionally, for TensorBoard.
    """

    def __init__(self, folder: Path, settings: dict[str, Any], *, keep: bool, tensorboard: bool) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.checkpoint, self._metrics = folder / "fit.ckpt", folder / "metrics.jsonl"
        if not keep or not self.checkpoint.exists():
            self.checkpoint.unlink(missing_ok=True)
            self._metrics.unlink(missing_ok=True)
        (folder / "config.yaml").write_text(yaml.safe_dump(settings, sort_keys=False), encoding="utf-8")
        (folder / "environment.json").write_text(json.dumps(environment(), indent=2) + "\n", encoding="utf-8")
        self.callbacks: list[Any] = [JSONLines(self._metrics)]
        if tensorboard:
            self.callbacks.append(TensorBoard(folder))

    def curve(self) -> list[dict[str, float]]:
        """All epochs so far."""
        if not self._metrics.exists():
            return []
        return [json.loads(line) for line in self._metrics.read_text(encoding="utf-8").splitlines()]


class PeakMemory:
    """Peak memory of a block: of the GPU if torch uses one, otherwise resident memory of the process."""

    def __init__(self, device: str | None) -> None:
        self.gpu = device is not None and device.startswith("cuda")
        self.mb = 0.0

    def __enter__(self) -> PeakMemory:
        if self.gpu:
            torch.cuda.reset_peak_memory_stats()
        else:
            reset_peak()
        return self

    def __exit__(self, *_: object) -> None:
        self.mb = torch.cuda.max_memory_allocated() / 2**20 if self.gpu else peak_mb()
