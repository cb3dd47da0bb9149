"""What the contrastive estimators share: features, settings, the fit itself."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
import torch

from graphrep._arrays import to_numpy
from graphrep._checks import check_finite, checked_float, checked_int
from graphrep._embedder import F32, GraphEmbedder
from graphrep._random import resolve_seed
from graphrep._training import load_state, seeded
from graphrep.contrast._trainer import Trainer
from graphrep.contrast.heads import HEADS
from graphrep.contrast.stopping import make_stop
from graphrep.graph import Graph, as_graph
from graphrep.nn.gcn import GCN
from graphrep.ops.projection import random_projection

Tensor = torch.Tensor


class ContrastiveEmbedder(GraphEmbedder):
    """Base: subclasses name their published settings and make the source of a fit."""

    SETTINGS: dict[str, dict[str, Any]]
    history_: list[dict[str, float]]
    best_epoch_: int

    def fit(
        self, graph: Any, y: Any = None, *, on_epoch: Callable[[int, Callable[[], F32]], None] | None = None
    ) -> Any:
        """Train on a graph and embed it.

        Parameters
        ----------
        graph : Graph or anything :func:`graphrep.as_graph` takes
            Undirected; its features ``x`` are the input. A square NumPy array is taken for a dense adjacency.
        y : ignored
        on_epoch : callable, optional
            Called after every epoch with its number and a function that gives the vectors as they would be now.
        """
        del y
        return self._fit(graph, on_epoch=on_epoch)

    def _setting(self, name: str) -> Any:
        """A parameter, or the published setting of the objective where it is None."""
        value = getattr(self, name)
        return self.SETTINGS[self.objective][name] if value is None else value

    def _checked_graph(self, graph: Graph) -> Graph:
        if self.objective not in self.SETTINGS:
            raise ValueError(f"objective must be one of {', '.join(self.SETTINGS)}; got {self.objective!r}.")
        checked_int("dimensions", self._setting("dimensions"), 1)
        checked_int("layers", self._setting("layers"), 1)
        checked_int("epochs", self._setting("epochs"), 0)
        checked_int("negatives", self.negatives, 1)
        checked_float("learning_rate", self._setting("learning_rate"), 0.0)
        checked_float("weight_decay", self._setting("weight_decay"), 0.0)
        if graph.directed:
            raise ValueError("graph must be undirected; graph.to_undirected() makes it so.")
        return as_graph(graph, weights=False) if graph.weights is not None else graph

    def _features(self, graph: Graph, seed: int) -> Any:
        """Features of the graph as a sparse matrix or a float32 array, or random ones if it has none."""
        x = graph.x
        if x is None:
            width = checked_int("random_features", self.random_features, 1)
            return random_projection(graph.num_nodes, width, density=1.0, seed=seed)
        if sp.issparse(x):
            x = sp.csr_array(x, dtype=np.float32)
        else:
            x = to_numpy(x)
            if x.ndim != 2 or x.dtype.kind not in "biuf":
                raise ValueError(f"x must be a real matrix with a row per node, got {x.dtype} {x.shape}.")
            x = x.astype(np.float32, copy=False)
        if x.shape[1] == 0:
            raise ValueError("x has no columns; a graph without features has x=None.")
        check_finite("x", x)
        return x

    def _encoder(self, in_channels: int, init: str) -> GCN:
        return GCN(
            in_channels,
            self._setting("dimensions"),
            hidden=self._setting("hidden"),
            layers=self._setting("layers"),
            hops=self._setting("hops"),
            inner_activation=self._setting("inner_activation"),
            activation=self._setting("activation"),
            batch_norm=self.SETTINGS[self.objective].get("batch_norm", False),
            init=init,
        )

    def _train(
        self,
        make_source: Callable[[], Any],
        x: Any,
        graph: Graph,
        seed: int,
        infer: Callable[[GCN], Tensor],
        on_epoch: Callable[[int, Callable[[], F32]], None] | None,
        *,
        init: str,
    ) -> None:
        """Train ``encoder_`` and note the history."""
        s = self._setting
        device = torch.device(self.device or "cpu")
        source = make_source()
        with seeded(seed):
            encoder = self._encoder(x.shape[1], init).to(device)
            head = HEADS[self.objective](
                s("dimensions"),
                temperature=self._setting("temperature"),
                weight=self._setting("weight"),
                negatives=self.negatives,
                seed=seed,
                make_encoder=lambda: self._encoder(x.shape[1], init),
            ).to(device)
            state_of_random = torch.get_rng_state()
        learned = [p for p in (*encoder.parameters(), *head.parameters()) if p.requires_grad]
        kind = torch.optim.AdamW if self.objective == "bgrl" else torch.optim.Adam
        trainer = Trainer(
            encoder,
            head,
            source,
            optimiser=kind(learned, lr=s("learning_rate"), weight_decay=s("weight_decay"), fused=True),
            epochs=s("epochs"),
            stop=make_stop(self.stop),
            state_of_random=state_of_random,
            fingerprint=self._fingerprint(graph, x, seed),
            checkpoint=self.checkpoint,
            progress=self.progress,
            on_epoch=None if on_epoch is None else lambda epoch: on_epoch(epoch, lambda: infer(encoder).cpu().numpy()),
        )
        trainer.run()
        self.encoder_, self.history_, self.best_epoch_ = encoder, trainer.history, trainer.best_epoch
        self.num_parameters_ = sum(p.numel() for p in learned)

    def _seed(self) -> int:
        """The seed of this fit; without a random_state that of the checkpoint to go on with."""
        if self.random_state is None and self.checkpoint is not None and Path(self.checkpoint).exists():
            return int(load_state(self.checkpoint, torch.device("cpu"))["fingerprint"]["seed"])
        return resolve_seed(self.random_state)

    def _fingerprint(self, graph: Graph, x: Any, seed: int) -> dict[str, Any]:
        """What must agree for a saved fit to be gone on with."""
        left_out = ("epochs", "progress", "checkpoint", "random_state", "partition")
        kept = {name: value for name, value in self.get_params(deep=False).items() if name not in left_out}
        sizes = [graph.num_nodes, graph.num_arcs, int(x.shape[1])]
        return {"settings": repr(sorted(kept.items())), "seed": seed, "sizes": sizes}

    def _store(self, values: dict[str, Any]) -> None:
        for name, value in values.items():
            if name not in ("self", "__class__"):
                setattr(self, name, value)
