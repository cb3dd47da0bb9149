"""The training loop of the contrastive estimators: seeded, resumable, stopped without labels."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from tqdm.auto import tqdm

from graphrep._training import load_state, refuse_other_fit, save_state, seeded
from graphrep.contrast.heads import Head
from graphrep.contrast.sources import View
from graphrep.contrast.stopping import Probe, StopRule
from graphrep.nn.gcn import GCN
from graphrep.ops.adjacency import Adjacency

__all__ = ["Trainer"]

Tensor = torch.Tensor


class Trainer:
    """One fit: encoder and head, optimiser, epochs; every epoch is one step over all rows of the source.

    Parameters
    ----------
    encoder, head, source
    optimiser : torch.optim.Optimizer
    epochs : int
    stop : StopRule
        Decides after each epoch, and which epoch's weights are kept.
    state_of_random : tensor
        Of torch, to begin with.
    fingerprint : dict
        What must agree for a checkpoint to be gone on with.
    checkpoint : path or None
    progress : bool
    on_epoch : callable, optional
        Called after each epoch with its number, from 1.
    """

    def __init__(
        self,
        encoder: GCN,
        head: Head,
        source: Any,
        *,
        optimiser: torch.optim.Optimizer,
        epochs: int,
        stop: StopRule,
        state_of_random: Tensor,
        fingerprint: dict[str, Any],
        checkpoint: str | os.PathLike[str] | None,
        progress: bool,
        on_epoch: Callable[[int], None] | None = None,
    ) -> None:
        self.encoder, self.head, self.source, self.optimiser = encoder, head, source, optimiser
        self.epochs, self.stop, self.state_of_random = epochs, stop, state_of_random
        self.fingerprint, self.checkpoint = fingerprint, checkpoint
        self.progress, self.on_epoch = progress, on_epoch
        self.history: list[dict[str, float]] = []
        self.best_epoch = 0
        self.best_state: dict[str, Tensor] | None = None
        self.stopped = False

    def run(self) -> None:
        """Train; afterwards the encoder has the weights of ``best_epoch``."""
        self._resume()
        bar = tqdm(total=self.epochs, initial=len(self.history), disable=None if self.progress else True, unit="epoch")
        with seeded(0), bar:
            torch.set_rng_state(self.state_of_random)
            while len(self.history) < self.epochs and not self.stopped:
                loss = self._step()
                epoch = len(self.history) + 1
                record, best, self.stopped = self.stop.after(epoch, loss, Probe(self._vectors, self._neighbors))
                self.history.append({"loss": loss, **record})
                if best:
                    self.best_epoch = epoch
                    if self.stop.keeps_earlier:
                        self.best_state = {k: v.detach().clone() for k, v in self.encoder.state_dict().items()}
                self._save()
                if self.on_epoch is not None:
                    self.on_epoch(epoch)
                bar.set_postfix(self.history[-1])
                bar.update()
        if self.best_state is not None:
            self.encoder.load_state_dict(self.best_state)

    def _step(self) -> float:
        self.encoder.train()
        self.head.train()
        loss = self.head(self._encode, self.source)
        value = float(loss.detach())
        if not value - value == 0:
            raise ValueError(
                f"the loss became {value} in epoch {len(self.history) + 1}; a smaller learning_rate or fewer epochs "
                "may help."
            )
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.optimiser.step()
        self.head.after_step(self.encoder, len(self.history) / max(1, self.epochs))
        return value

    def _encode(self, view: View) -> Tensor:
        out: Tensor = self.encoder(*view[:2], columns=view.columns, rows=view.rows)
        return out

    @torch.no_grad()
    def _vectors(self) -> Tensor:
        view = self.source.plain()
        return self.encoder.infer(view.x, view.adj)

    def _neighbors(self) -> Adjacency:
        adj: Adjacency = self.source.neighbors()
        return adj

    def _save(self) -> None:
        if self.checkpoint is None:
            return
        state = {
            "fingerprint": self.fingerprint,
            "encoder": self.encoder.state_dict(),
            "head": self.head.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "random": torch.get_rng_state(),
            "history": self.history,
            "best": [self.best_epoch, self.best_state, self.stopped],
            "stop": self.stop.state(),
        }
        save_state(self.checkpoint, state)

    def _resume(self) -> None:
        if self.checkpoint is None or not Path(self.checkpoint).exists():
            return
        state = load_state(self.checkpoint, next(self.encoder.parameters()).device)
        refuse_other_fit(self.checkpoint, same=state["fingerprint"] == self.fingerprint)
        self.encoder.load_state_dict(state["encoder"])
        self.head.load_state_dict(state["head"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.state_of_random, self.history = state["random"].cpu(), state["history"]
        self.best_epoch, self.best_state, self.stopped = state["best"]
        self.stop.load(state["stop"])
