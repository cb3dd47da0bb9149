"""How the neural link predictors learn: epochs, batches, negatives, validation, checkpoints."""

from __future__ import annotations

import contextlib
import math
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn
from tqdm.auto import tqdm

from graphrep._checks import checked_float, checked_int
from graphrep._random import resolve_seed
from graphrep._training import as_features, load_state, refuse_other_fit, save_state, seeded
from graphrep.evaluate.metrics import check_metrics, link_metrics
from graphrep.graph import Graph, as_graph
from graphrep.linkpred._validation import checked_negatives
from graphrep.linkpred.predictors import PairInputs, PairPredictor, rows_at_a_time
from graphrep.nn import Encoder
from graphrep.ops.adjacency import Adjacency, as_adjacency

if TYPE_CHECKING:
    from graphrep.linkpred.neural import GAE

__all__ = ["Trainer"]

Tensor = torch.Tensor

PRECISIONS = ("float32", "bfloat16")
# Parameters that may change between a fit and its continuation.
UNLIKE_SETTINGS = ("epochs", "progress", "checkpoint", "random_state", "max_seconds", "on_epoch")


class _Model(nn.Module):
    encoder: Encoder
    predictor: PairPredictor

    def __init__(self, encoder: Encoder, predictor: PairPredictor) -> None:
        super().__init__()
        self.encoder, self.predictor = encoder, predictor


class Trainer:
    """One fit: its model, its random numbers, its epochs."""

    def __init__(
        self,
        settings: GAE,
        graph: Graph,
        positives: Tensor,
        val: tuple[Tensor, Tensor] | None,
        start: nn.Module | None = None,
    ) -> None:
        s = self.settings = settings
        checked_int("dimensions", s.dimensions, 1)
        checked_int("layers", s.layers, 0)
        checked_int("epochs", s.epochs, 0)
        checked_int("batch_size", s.batch_size, 1)
        checked_int("num_negatives", s.num_negatives, 1)
        checked_negatives(s.negatives)
        if s.precision not in PRECISIONS:
            raise ValueError(f"precision must be one of {', '.join(PRECISIONS)}; got {s.precision!r}.")
        for name in ("weight_decay", "clip_norm", "max_seconds"):
            if getattr(s, name) is not None:
                checked_float(name, getattr(s, name), 0.0, math.inf)
        for name in (
            "feature_dropout",
            "encoder_dropout",
            "encoder_edge_dropout",
            "output_dropout",
            "predictor_dropout",
        ):
            checked_float(name, getattr(s, name), 0.0, 1.0)
        check_metrics([s.metric])
        self.device = torch.device(s.device or "cpu")
        self.graph, self.positives, self.val = graph, positives.to(self.device), val
        plain = as_graph(graph, weights=False) if graph.weights is not None else graph
        self.adj: Adjacency = as_adjacency(plain).to(self.device)
        # Entries as ascending numbers, so that an edge is found by bisection.
        self.keys = self.adj.rows().long() * graph.num_nodes + self.adj.indices.long()
        self.x = None if graph.x is None else as_features(graph.x, self.device)
        self.history: list[dict[str, float]] = []
        self.best_epoch, self.best_value = 0, -np.inf
        self.best_state: dict[str, Tensor] | None = None
        self.seed = resolve_seed(s.random_state)
        with seeded(self.seed):
            self.model = _Model(self._encoder(), s._predictor()).to(self.device)
            self.state_of_random = torch.get_rng_state()
        if start is not None:
            _begin_with(self.model, start)
        groups = [
            {"params": self.model.encoder.parameters(), "lr": s.learning_rate},
            {"params": self.model.predictor.parameters(), "lr": s.predictor_learning_rate},
        ]
        self.optimiser = torch.optim.Adam(groups, fused=True, weight_decay=s.weight_decay)

    def _encoder(self) -> Encoder:
        s = self.settings
        return Encoder(
            None if self.x is None else self.x.shape[1],
            dimensions=s.dimensions,
            layers=s.layers,
            convolution=s.convolution,
            num_embeddings=self.graph.num_nodes,
            feature_dropout=s.feature_dropout,
            dropout=s.encoder_dropout,
            edge_dropout=s.encoder_edge_dropout,
            output_dropout=s.output_dropout,
            layer_norm=s.layer_norm,
            residual=s.residual,
            jumping_knowledge=s.jumping_knowledge,
            jumping_weights=s.jumping_weights,
            **s._encoder_options(),
        )

    def run(self) -> None:
        """Train, from a checkpoint on if there is one, and take the parameters of the best epoch."""
        s = self.settings
        self._resume()
        begin, before = time.monotonic(), len(self.history)
        with (
            seeded(self.seed),
            tqdm(total=s.epochs, initial=len(self.history), disable=None if s.progress else True, unit="epoch") as bar,
        ):
            torch.set_rng_state(self.state_of_random)
            while len(self.history) < s.epochs and not self._stalled():
                late = s.max_seconds is not None and time.monotonic() - begin > s.max_seconds
                if late and len(self.history) > before:
                    break
                started = time.perf_counter()
                record = {"loss": self._epoch()}
                seconds = time.perf_counter() - started
                if self.val is not None:
                    record |= self._validate()
                self.history.append(record)
                value = record.get(s.metric, float(len(self.history)))
                if s.on_epoch is not None:
                    s.on_epoch(len(self.history), {**record, "seconds": seconds})
                if value > self.best_value:
                    self.best_value, self.best_epoch = value, len(self.history)
                    self.best_state = {name: part.detach().clone() for name, part in self.model.state_dict().items()}
                self._save()
                bar.set_postfix(record)
                bar.update()
        if self.best_state is not None and self.val is not None:
            self.model.load_state_dict(self.best_state)

    def _stalled(self) -> bool:
        patience, limit = self.settings.patience, self.settings.train_metric_limit
        if limit is not None and self.history and self.history[-1].get(f"train_{self.settings.metric}", 0.0) > limit:
            return True
        return patience is not None and self.val is not None and len(self.history) - self.best_epoch >= patience

    def _epoch(self) -> float:
        s, model = self.settings, self.model
        model.train()
        self._set_rates()
        count = self.positives.shape[1]
        negatives = self._negatives(count * s.num_negatives).view(2, s.num_negatives, count)
        order = torch.randperm(count).to(self.device)
        size = min(s.batch_size, count)
        total, batches = 0.0, 0
        for begin in range(0, count, size):
            chosen = order[begin : begin + size]
            if len(chosen) < size and s.drop_last:
                break
            pos, neg = self.positives[:, chosen], negatives[:, :, chosen].flatten(1)
            adj, hidden = self.adj, None
            if s.hide_targets:
                hidden = pos
                adj = self.adj.with_values(self._without(pos))
            self.optimiser.zero_grad(set_to_none=True)
            with self._autocast():
                h = model.encoder(self.x, adj)
            loss = self._backward(h, pos, neg, hidden)
            if s.clip_norm is not None:
                for part in (model.encoder, model.predictor):
                    nn.utils.clip_grad_norm_(part.parameters(), s.clip_norm)
            self.optimiser.step()
            total, batches = total + loss, batches + 1
        return total / max(batches, 1)

    def _backward(self, h: Tensor, pos: Tensor, neg: Tensor, hidden: Tensor | None) -> float:
        """The loss of a batch; its gradient is added to those of all parameters.

        Pairs are scored by themselves, so that some are learned from after others: what is kept for the derivative is
        bounded by their number, at twice that of nodes or more, whose gradient is written for each part.
        """
        pairs, sizes = torch.cat([pos, neg], 1), (pos.shape[1], neg.shape[1])
        with self._autocast():
            seen, wide = self.model.predictor.shared(h, self.adj, pairs.shape[1])
        shared = [h] if wide is None else [h, wide]
        leaves = [tensor.detach().requires_grad_() for tensor in shared]
        wide = None if wide is None else leaves[1]
        total, begin = 0.0, 0
        for part in torch.split(pairs, max(rows_at_a_time(self.device), 2 * len(h)), 1):
            with self._autocast():
                inputs = self.model.predictor.inputs(leaves[0], seen, wide, part, hidden)
            total += self._backward_of_rows(inputs, begin, sizes)
            begin += part.shape[1]
        torch.autograd.backward(shared, [leaf.grad for leaf in leaves])
        return total

    def _backward_of_rows(self, inputs: PairInputs, begin: int, sizes: tuple[int, int]) -> float:
        """Likewise for pairs from number ``begin`` on, of a batch with so many positives, then negatives."""
        held = inputs.detached()
        total = torch.zeros((), device=self.device)
        for part in held.parts(rows_at_a_time(self.device)):
            leaf = part.detached()
            for tensor in leaf.tensors():
                tensor.requires_grad_()
            with self._autocast():
                logits = self.model.predictor.logits(leaf).float()
            first = min(max(sizes[0] - begin, 0), len(logits))
            loss = nn.functional.softplus(-logits[:first]).sum() / sizes[0]
            loss = loss + nn.functional.softplus(logits[first:]).sum() / sizes[1]
            loss.backward()  # type: ignore[no-untyped-call]
            for tensor, there in zip(leaf.tensors(), part.tensors(), strict=True):
                there.copy_(tensor.grad)  # type: ignore[arg-type]  # the gradient in the place of the value
            total += loss.detach()
            begin += len(logits)
        torch.autograd.backward(inputs.tensors(), held.tensors())
        return float(total)

    def _autocast(self) -> contextlib.AbstractContextManager[None]:
        """Products of matrices in the precision asked for; parameters, norms and the loss stay float32."""
        if self.settings.precision == "float32":
            return contextlib.nullcontext()
        return torch.autocast(self.device.type, torch.bfloat16)

    def _set_rates(self) -> None:
        """Learning rates of this epoch."""
        s, epoch = self.settings, len(self.history)
        share = max(1 - epoch // s.decay_every * s.decay_every / s.epochs, 1e-4) if s.decay_every else 1.0
        for group, rate in zip(self.optimiser.param_groups, (s.learning_rate, s.predictor_learning_rate), strict=True):
            group["lr"] = rate * share

    def _without(self, edges: Tensor) -> Tensor:
        """1 for every entry of the adjacency but those of these edges, in either direction, which get 0."""
        n = self.graph.num_nodes
        both = torch.cat([edges[0] * n + edges[1], edges[1] * n + edges[0]])
        at = torch.searchsorted(self.keys, both).clamp(max=len(self.keys) - 1)
        values = torch.ones(len(self.keys), device=self.device)
        values[at[self.keys[at] == both]] = 0
        return values

    def _negatives(self, count: int) -> Tensor:
        """Ordered pairs of different nodes that are no edges of the graph."""
        n, found, missing = self.graph.num_nodes, [], count
        # The column of a random entry of the adjacency: a node in proportion to its degree.
        ends = self.adj.indices.cpu() if self.settings.negatives == "degree" else None
        for _ in range(100):
            size = (missing + missing // 8 + 8,)
            u, v = (torch.randint(n if ends is None else len(ends), size) for _ in range(2))
            if ends is not None:
                u, v = ends[u].long(), ends[v].long()
            kept = (u != v) & ~torch.from_numpy(self.graph.has_edges(u.numpy(), v.numpy()))
            found.append(torch.stack([u[kept], v[kept]])[:, :missing])
            missing -= found[-1].shape[1]
            if not missing:
                return torch.cat(found, 1).to(self.device)
        raise ValueError(
            "the graph has hardly a pair of nodes without an edge, so that there are no negatives to draw."
        )

    @torch.no_grad()
    def encode(self) -> Tensor:
        """Node vectors without dropout."""
        self.model.eval()
        h: Tensor = self.model.encoder(self.x, self.adj)
        return h

    @torch.no_grad()
    def _validate(self) -> dict[str, float]:
        assert self.val is not None
        h, metric, (positives, negatives) = self.encode(), self.settings.metric, self.val
        predictor, batch = self.model.predictor, self.settings.score_batch

        def scores(pairs: Tensor) -> Any:
            return predictor.scores(h, self.adj, pairs.to(self.device), batch).cpu().numpy()

        of_negatives = scores(negatives.flatten(1)).reshape(negatives.shape[1:])
        record = link_metrics(scores(positives), of_negatives, [metric])
        if self.settings.train_metric_limit is not None:  # of some training edges, always the same ones
            count = min(self.positives.shape[1], positives.shape[1])
            some = self.positives[:, torch.linspace(0, self.positives.shape[1] - 1, count).long()]
            record[f"train_{metric}"] = link_metrics(scores(some), of_negatives, [metric])[metric]
        return record

    def _fingerprint(self) -> dict[str, Any]:
        """What must agree for a saved fit to be gone on with."""
        parameters = self.settings.get_params(deep=False)
        kept = {k: v for k, v in parameters.items() if k not in UNLIKE_SETTINGS}
        sizes = [self.graph.num_nodes, self.graph.num_arcs, self.positives.shape[1]]
        return {"settings": repr(sorted(kept.items())), "seed": self.seed, "sizes": sizes}

    def _save(self) -> None:
        if self.settings.checkpoint is None:
            return
        state = {
            "fingerprint": self._fingerprint(),
            "model": self.model.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "random": torch.get_rng_state(),
            "history": self.history,
            "best": [self.best_epoch, self.best_value, self.best_state],
        }
        save_state(self.settings.checkpoint, state)

    def _resume(self) -> None:
        path = self.settings.checkpoint
        if path is None or not Path(path).exists():
            return
        state = load_state(path, self.device)
        fingerprint = state["fingerprint"]
        if self.settings.random_state is None:
            self.seed = fingerprint["seed"]
        refuse_other_fit(path, same=fingerprint == self._fingerprint())
        self.model.load_state_dict(state["model"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.state_of_random, self.history = state["random"].cpu(), state["history"]
        self.best_epoch, self.best_value, self.best_state = state["best"]


def _begin_with(model: nn.Module, other: nn.Module) -> None:
    """Copy the parameters of a fitted model."""
    state, wanted = other.state_dict(), model.state_dict()
    if state.keys() != wanted.keys() or any(part.shape != wanted[name].shape for name, part in state.items()):
        raise ValueError("start must be fitted with the same encoder, width and predictor options.")
    model.load_state_dict(state)
