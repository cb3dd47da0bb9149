"""Base class of the contrastive estimators: options, features and training."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch
from sklearn.utils.validation import check_is_fitted
from torch import nn

from graphrep._checks import checked_features, checked_float, checked_int
from graphrep._embedder import F32, GraphEmbedder, is_matrix
from graphrep._estimator import LoopEstimator, undirected_unweighted
from graphrep._saving import load_weights, weights_of
from graphrep._threads import limited_threads
from graphrep.contrast.heads import HEADS, Head, PairHead
from graphrep.contrast.sources import View
from graphrep.contrast.stopping import Probe, make_stop
from graphrep.contrast.untrained import hop_columns, hop_directions, hop_features, hop_memory
from graphrep.distributed.ranks import Ranks, checked_ranks
from graphrep.distributed.training import SharedTraining, refuse_own_dropout
from graphrep.evaluate.baselines import unit_rows
from graphrep.graph import Graph
from graphrep.learn.checkpoint import Checkpoint
from graphrep.learn.loop import Loop
from graphrep.nn.gcn import GCN
from graphrep.nn.generators import make_generator, using_generator
from graphrep.nn.sparse import as_features
from graphrep.ops.adjacency import as_adjacency
from graphrep.ops.projection import random_projection

if TYPE_CHECKING:
    from typing_extensions import Self

Tensor = torch.Tensor

#: Defaults shared by all objectives, including custom ones.
COMMON_SETTINGS: dict[str, Any] = {
    "dimensions": 512,  # of the encoder without untrained columns
    "hidden": None,
    "layers": 1,
    "hops": 1,
    "activation": "prelu",
    "temperature": 0.5,
    "weight": None,
    "learning_rate": 1e-3,
}


class ContrastModel(nn.Module):
    """An encoder and the head that computes the loss."""

    def __init__(self, encoder: Any, head: Head) -> None:
        super().__init__()
        self.encoder, self.head = encoder, head


@dataclass(kw_only=True, eq=False, repr=False)
class ContrastiveEmbedder(LoopEstimator, GraphEmbedder):
    """Base class; a subclass defines its published settings and the data that it trains on."""

    SETTINGS: ClassVar[dict[str, dict[str, Any]]]

    objective: Any = "cca-ssg"
    dimensions: int | None = None
    hidden: int | None = None
    layers: int | None = None
    hops: int | None = None
    inner_activation: str | None = None
    activation: str | None = None
    temperature: float | None = None
    weight: float | None = None
    num_negatives: int = 5
    learning_rate: float | None = None
    weight_decay: float | None = None
    epochs: int | None = None
    stop: Any = "last"
    residual: bool | None = None
    random_features: int = 128

    def _setting(self, name: str) -> Any:
        """Value of a parameter; the published setting of the objective if it is None."""
        value = getattr(self, name)
        if name == "dimensions" and value is None and self._has_residual():
            return COMMON_SETTINGS[name]
        return self._settings()[name] if value is None else value

    def _has_residual(self) -> bool:
        """Whether the result has untrained columns."""
        return isinstance(self.objective, str) if self.residual is None else bool(self.residual)

    def _memory_needed(self, graph: Graph) -> int:
        dimensions = checked_int("dimensions", self._setting("dimensions"), 1)
        if not self._has_residual():
            return 4 * graph.num_nodes * dimensions
        width = int(np.prod(np.shape(graph.x)[1:], initial=1))
        if graph.x is None:
            width = checked_int("random_features", self.random_features, 1)
        sparse = hasattr(graph.x, "tocsr")
        learned = 4 * graph.num_nodes * (dimensions - dimensions // 2)
        return learned + hop_memory(dimensions // 2, graph.num_nodes, width, sparse=sparse)

    def _settings(self) -> dict[str, Any]:
        return self.SETTINGS[self.objective if isinstance(self.objective, str) else "own"]

    def _check(self) -> None:
        if isinstance(self.objective, str):
            if self.objective not in self.SETTINGS or self.objective == "own":
                names = ", ".join(name for name in self.SETTINGS if name != "own")
                raise ValueError(f"objective must be one of {names}, or a function; got {self.objective!r}.")
        elif not callable(self.objective):
            raise TypeError(f"objective must be a name or a function of two views' vectors, got {self.objective!r}.")
        self._check_training()
        for name, minimum in (("dimensions", 1), ("layers", 1), ("hops", 0), ("epochs", 0)):
            checked_int(name, self._setting(name), minimum)
        checked_int("num_negatives", self.num_negatives, 1)
        for name in ("learning_rate", "weight_decay"):
            checked_float(name, self._setting(name), 0.0)

    def fit(self, graph: Any, y: Any = None, *, ranks: Ranks | None = None) -> Self:
        """Embed a graph.

        Parameters
        ----------
        graph : Graph or anything :func:`graphrep.as_graph` takes
            A square NumPy array, or list of lists of numbers, is a dense adjacency matrix, as in scikit-learn.
        y : ignored
        ranks : Ranks, optional
            Of :func:`graphrep.distributed.connect`, for ``objective="grace"``: each computes a part of the rows of
            similarities, which take the time, and the encoder for all nodes. All call ``fit`` with the same arguments,
            which is checked, and get the same vectors, those of one process up to the rounding of sums. The first one
            writes the checkpoint, calls the callbacks and shows progress.

        Returns
        -------
        GraphEmbedder
            The estimator itself.

        Raises
        ------
        RankError
            Another rank failed.
        ValueError
            Among others: the ranks disagree; or the objective is another one, whose sums need all nodes at once.
        """
        del y
        ranks = checked_ranks(ranks)
        with ranks.together():
            return self._fit(graph, ranks=ranks)

    def fit_transform(self, graph: Any, y: Any = None, *, ranks: Ranks | None = None) -> F32:
        """Embed a graph; return float32 vectors of shape (num_nodes, dimensions), in the order of ``g.nodes``."""
        return self.fit(graph, y, ranks=ranks).embedding_

    def _embed(self, graph: Graph, **options: Any) -> F32:
        ranks: Ranks = options["ranks"]
        self._check()
        if ranks.world_size > 1 and self.objective != "grace":
            raise ValueError(
                f"objective={self.objective!r} cannot be divided among ranks, since its sums need all nodes at once; "
                'fit it in one process, or take "grace".'
            )
        with limited_threads(self.n_jobs):
            g = undirected_unweighted(graph)
            dimensions, residual = self._setting("dimensions"), self._has_residual()
            if g.x is None:
                width = checked_int("random_features", self.random_features, 1)
            else:
                width = checked_features("x", g.x, g.num_nodes).shape[1]
            self.num_untrained_ = hop_columns(dimensions // 2, g.num_nodes, width) if residual else 0
            learned = self._fit_vectors(g, ranks)
            self._directions: list[F32] = []
            if self.num_untrained_:
                x = self._features(g, self._seed)
                self._directions = hop_directions(g, x, self.num_untrained_, seed=self._seed)
            return self._combined(g, learned)

    def _combined(self, graph: Graph, learned: F32) -> F32:
        """Untrained columns, then the learned ones; every part has rows of length 1."""
        if not self._directions:
            return learned
        untrained = hop_features(graph, self._features(graph, self._seed), self._directions)
        return np.hstack([untrained, unit_rows(learned)])

    def transform(self, graph: Any) -> Any:
        """Vectors of all nodes of another graph by the trained encoder, without training.

        Parameters
        ----------
        graph : Graph or anything :func:`graphrep.as_graph` takes
            With features as in ``fit``; without features in both, a node's random features are a function of its name.

        Returns
        -------
        float32 array of shape (num_nodes, dimensions) for a matrix, else NodeVectors

        Raises
        ------
        ValueError
            The graph is directed, or its features have another number of columns.
        """
        from graphrep.vectors import NodeVectors

        check_is_fitted(self, "embedding_")
        g = undirected_unweighted(self._validated_graph(graph, reset=False))
        with limited_threads(self.n_jobs):
            features = self._features(g, self._seed)
            if features.shape[1] != self._in_channels:
                raise ValueError(
                    f"graph must have {self._in_channels} features per node as in fit, got {features.shape[1]}."
                )
            x, adj = self._tensors(g, features)
            vectors = self._combined(g, self._encode(self.encoder_, x, adj).cpu().numpy())
        return vectors if is_matrix(graph) else NodeVectors(vectors, g.nodes)

    def _tensors(self, graph: Graph, features: Any) -> tuple[Any, Any]:
        """Features and adjacency on the device, in the form that the encoder takes."""
        return as_features(features, self._device()), as_adjacency(graph).to(self._device())

    def _encode(self, encoder: Any, x: Any, adj: Any) -> Tensor:
        """Final vectors of a graph."""
        vectors: Tensor = encoder.infer(x, adj)
        return vectors

    def _state(self) -> dict[str, Any]:
        names = ("_seed", "_in_channels", "num_untrained_", "history_", "best_epoch_", "num_parameters_")
        fitted = {name: getattr(self, name) for name in names}
        untrained = {f"directions_{which}": matrix for which, matrix in enumerate(self._directions)}
        return super()._state() | fitted | {"encoder_": weights_of(self.encoder_), "untrained": untrained}

    def _restore(self, state: dict[str, Any]) -> None:
        untrained = state.pop("untrained")
        self._directions = [untrained[f"directions_{which}"] for which in range(len(untrained))]
        self.num_untrained_ = state["num_untrained_"]
        encoder = self._make_encoder(state["_in_channels"], "glorot")
        load_weights(encoder, state["encoder_"])
        super()._restore(state | {"encoder_": encoder.to(self._device(), torch.float32)})

    def _fit_vectors(self, graph: Graph, ranks: Ranks) -> F32:
        raise NotImplementedError

    def _features(self, graph: Graph, seed: int) -> Any:
        """Features of the graph as a sparse matrix or a float32 array; random features if it has none."""
        x = graph.x
        if x is None:
            width = checked_int("random_features", self.random_features, 1)
            return random_projection(graph.num_nodes, width, density=1.0, seed=seed, keys=graph.node_keys())
        return checked_features("x", x, graph.num_nodes)

    def _make_encoder(self, in_channels: int, init: str) -> Any:
        names = ("dimensions", "hidden", "layers", "hops", "inner_activation", "activation")
        settings = {name: self._setting(name) for name in names} | {"dimensions": self._learned_columns()}
        return GCN(in_channels, **settings, batch_norm=self._settings().get("batch_norm", False), init=init)

    def _learned_columns(self) -> int:
        return int(self._setting("dimensions")) - self.num_untrained_

    def _make_head(self, in_channels: int, seed: int, init: str, ranks: Ranks) -> Head:
        if isinstance(self.objective, Head):
            return copy.deepcopy(self.objective)
        if not isinstance(self.objective, str):
            custom = self.objective
            return PairHead(copy.deepcopy(custom) if isinstance(custom, nn.Module) else custom)
        return HEADS[self.objective](
            self._learned_columns(),
            temperature=self._setting("temperature"),
            weight=self._setting("weight"),
            num_negatives=self.num_negatives,
            seed=seed,
            ranks=ranks,
            make_encoder=lambda: self._make_encoder(in_channels, init),
        )

    def _train(
        self,
        make_source: Callable[[], Any],
        in_channels: int,
        infer: Callable[[Any], Tensor],
        checkpoint: Checkpoint,
        ranks: Ranks,
        *,
        init: str,
    ) -> bool:
        """Train ``encoder_`` and record the history; returns whether training is complete."""
        device, source = self._device(), make_source()
        self._seed, self._in_channels = checkpoint.seed, in_channels
        with using_generator(make_generator(checkpoint.seed)):
            encoder = self._make_encoder(in_channels, init)
            model = ContrastModel(encoder, self._make_head(in_channels, checkpoint.seed, init, ranks))
            model = model.to(device, torch.float32)
        if ranks.world_size > 1:
            refuse_own_dropout(model)

        def encode(view: View) -> Tensor:
            vectors: Tensor = model.encoder(*view[:2], columns=view.columns, rows=view.rows)
            return vectors

        def vectors() -> Tensor:
            view = source.plain()
            found: Tensor = model.encoder.infer(view.x, view.adj)
            return found

        learned = [parameter for parameter in model.parameters() if parameter.requires_grad]
        kind = torch.optim.AdamW if self.objective == "bgrl" else torch.optim.Adam
        rates = {"lr": self._setting("learning_rate"), "weight_decay": self._setting("weight_decay")}
        loop = Loop(
            model,
            lambda _: model.head(encode, source),
            lambda _: [None],  # full-batch training
            kind(learned, **rates, fused=True),
            epochs=self._setting("epochs"),
            seed=checkpoint.seed,
            stop=make_stop(self.stop),
            probe=Probe(vectors, source.neighbors),
            after_step=lambda progress: model.head.after_step(model.encoder, progress),
            on_epoch=self._notify,
            max_seconds=self.max_seconds,
            checkpoint=checkpoint,
            together=SharedTraining(ranks) if ranks.world_size > 1 else None,
            progress=self.progress,
            name=type(self).__name__,
        )
        # Set before training, so that callbacks can use them.
        self.encoder_, self.history_ = model.encoder, loop.history
        self._infer = infer
        self.num_parameters_ = sum(parameter.numel() for parameter in learned)
        try:
            loop.run()
        finally:
            del self._infer
        self.history_, self.best_epoch_ = loop.history, loop.best_epoch
        return not loop.timed_out

    def current_embedding(self) -> F32:
        """For callbacks: the learned columns for the current weights, float32 of shape (num_nodes, columns)."""
        if not hasattr(self, "_infer"):
            check_is_fitted(self, "embedding_")
            return self.embedding_
        vectors: F32 = self._infer(self.encoder_).cpu().numpy()
        return vectors
