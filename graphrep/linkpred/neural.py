"""Neural link predictors: GAE, NCN and NCNC."""

from __future__ import annotations

import copy
import logging
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch
from sklearn.utils.validation import check_is_fitted
from torch import nn

from graphrep._checks import checked_float, checked_int, checked_ints
from graphrep._estimator import LoopEstimator, graph_sizes, undirected_unweighted
from graphrep._memory import check_memory
from graphrep._names import as_pairs
from graphrep._saving import SavedEstimator, load_weights, packed_graph, unpacked_graph, weights_of
from graphrep._threads import limited_threads
from graphrep.distributed.ranks import Ranks, checked_ranks
from graphrep.distributed.training import SharedTraining, refuse_own_dropout
from graphrep.evaluate.metrics import check_metrics, refuse_constant, selection_metric
from graphrep.graph import Graph, untyped_graph
from graphrep.heuristics.non_edges import check_sampling
from graphrep.learn.checkpoint import Checkpoint
from graphrep.learn.loop import Loop
from graphrep.learn.stopping import BestMetric
from graphrep.linkpred._columns import PairColumns, UntrainedColumns
from graphrep.linkpred._validation import checked_validation, sampling_of
from graphrep.linkpred.predictors import (
    CompletionPredictor,
    HadamardPredictor,
    NeighborPredictor,
    PairPredictor,
    ResidualPredictor,
)
from graphrep.linkpred.sampled import SampledTask
from graphrep.linkpred.training import PRECISIONS, PairModel, PairTask, score_pairs
from graphrep.nn import Encoder
from graphrep.nn.generators import make_generator, using_generator
from graphrep.nn.sparse import SparseFeatures, as_features
from graphrep.ops.adjacency import Adjacency, as_adjacency

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["GAE", "NCN", "NCNC"]

log = logging.getLogger("graphrep.linkpred")

_FEW_EDGES = 20_000
_EPOCHS_IN_TIME = 20  # that the time limit should allow, if the width has a say in it

F32 = npt.NDArray[np.float32]
Tensor = torch.Tensor


@dataclass(kw_only=True, eq=False, repr=False)
class EncoderOptions:
    """Options of :class:`graphrep.nn.Encoder`, or a custom encoder."""

    encoder: nn.Module | Callable[[int | None, int], nn.Module] | None = None
    dimensions: int | None = None
    layers: int = 1
    convolution: str = "puregcn"
    feature_dropout: float = 0.0
    encoder_dropout: float = 0.0
    encoder_edge_dropout: float = 0.0
    output_dropout: float = 0.0
    layer_norm: bool = True
    residual: bool = False
    jumping_knowledge: bool = False
    jumping_weights: str = "normal"
    shared_convolution: bool = False
    initial_residual: float = 0.0

    def _make_encoder(self, in_channels: int | None, num_nodes: int, dimensions: int) -> nn.Module:
        if isinstance(self.encoder, nn.Module):
            return copy.deepcopy(self.encoder)
        if self.encoder is not None:
            return self.encoder(in_channels, num_nodes)
        names = (field.name for field in fields(EncoderOptions) if field.name != "encoder")
        options = {name.removeprefix("encoder_"): getattr(self, name) for name in names} | {"dimensions": dimensions}
        return Encoder(in_channels, num_embeddings=num_nodes, **options)

    def _check_encoder(self) -> None:
        if self.dimensions is not None:
            checked_int("dimensions", self.dimensions, 1)
        checked_int("layers", self.layers, 0)
        for name in ("feature_dropout", "encoder_dropout", "encoder_edge_dropout", "output_dropout"):
            checked_float(name, getattr(self, name), 0.0, 1.0)
        if self.encoder is None:
            return
        if not callable(self.encoder):
            raise TypeError(
                f"encoder must be a torch.nn.Module or a function of (in_channels, num_nodes), got {self.encoder!r}."
            )
        # The predictor uses layer_norm and dimensions, too.
        names = {field.name for field in fields(EncoderOptions)} - {"encoder", "dimensions", "layer_norm"}
        changed = [
            field.name for field in fields(self) if field.name in names and field.default != getattr(self, field.name)
        ]
        if changed:
            raise ValueError(
                f"{', '.join(changed)} would have no effect on a custom encoder; pass only one of the two."
            )


@dataclass(kw_only=True, eq=False, repr=False)
class PairOptions:
    """Options of the training on pairs."""

    learning_rate: float | None = None
    predictor_learning_rate: float | None = None
    weight_decay: float = 0.0
    clip_norm: float | None = None
    decay_every: int | None = None
    num_negatives: int = 1
    negative_sampling: str | None = None
    batch_size: int | None = None
    drop_last: bool = False
    hide_targets: bool = True
    neighbors: Sequence[int] | None = None
    metric: str | None = None
    patience: int | str | None = "auto"
    train_metric_limit: float | None = None
    score_batch: int = 8192
    precision: str = "float32"

    def _check_pairs(self) -> None:
        for name in ("num_negatives", "score_batch"):
            checked_int(name, getattr(self, name), 1)
        if isinstance(self.patience, str) and self.patience != "auto":
            raise ValueError(f'patience must be "auto", a number of epochs or None, got {self.patience!r}.')
        for name in ("batch_size", "patience", "decay_every"):
            if getattr(self, name) not in (None, "auto"):
                checked_int(name, getattr(self, name), 1)
        if self.negative_sampling is not None:
            check_sampling("negative_sampling", self.negative_sampling)
        if self.precision not in PRECISIONS:
            raise ValueError(f"precision must be one of {', '.join(PRECISIONS)}; got {self.precision!r}.")
        for name in ("learning_rate", "predictor_learning_rate", "weight_decay", "clip_norm"):
            if getattr(self, name) is not None:
                checked_float(name, getattr(self, name), 0.0, math.inf)
        if self.metric is not None:
            check_metrics([self.metric])


@dataclass(kw_only=True, eq=False, repr=False)
class LinkPredictor(EncoderOptions, PairOptions, LoopEstimator, SavedEstimator):
    """Base class of the neural link predictors; a subclass defines its predictor."""

    predictor_dropout: float = 0.0
    tail_activation: bool = True
    two_layer_head: bool = False
    untrained_scores: bool = True
    epochs: Any = None

    #: Seconds per edge and epoch of the predictor, divided by dimensions ** 1.25, on one core of a current processor.
    _edge_cost = 5e-8

    _large_graph_rate = 0.003

    def _make_predictor(self, dimensions: int) -> nn.Module:
        raise NotImplementedError

    def _sizes(self, graph: Graph, num_edges: int, *, validated: bool, dimensions: int | None = None) -> dict[str, Any]:
        """The options that were left to the graph: width, batch size, numbers of epochs."""
        given, device = dimensions or self.dimensions, self._device()
        if given is None:
            widths, few = (256, 128, 64) if device.type == "cpu" else (256,), _FEW_EDGES
            given = widths[0] if len(widths) == 1 else widths[(num_edges > few) + (num_edges > 3 * few)]
            if self.max_seconds is not None and device.type == "cpu":
                most = self.max_seconds / (_EPOCHS_IN_TIME * self._edge_cost * max(1, num_edges))
                given = next((d for d in (*widths, 32) if d <= given and d**1.25 <= most), 32)
        batch = self.batch_size
        if batch is None:
            # As many edges as take several times as long as the encoder, which every batch runs on the whole graph.
            entries = self.layers * (graph.num_arcs + graph.num_nodes) + _num_entries(graph.x)
            least, most = min(1024, max(64, num_edges // 4)), max(1024, min(1 << 16, num_edges // 8))
            batch = min(max(entries // 150, least), most)
        steps = math.ceil(num_edges / min(batch, num_edges))
        epochs = self.epochs
        if epochs is None:
            epochs = min(max(math.ceil((1000 if validated else 400) / steps), 20), 250 if validated else 100)
        patience = max(10, epochs // 5) if self.patience == "auto" else self.patience
        sizes = {"dimensions": given, "batch_size": batch, "epochs": epochs, "patience": patience}
        usual = 0.003 if num_edges <= _FEW_EDGES else self._large_graph_rate
        for name in ("learning_rate", "predictor_learning_rate"):
            sizes[name] = usual if getattr(self, name) is None else getattr(self, name)
        return sizes

    def fit(
        self,
        graph: Any,
        edges: Any = None,
        *,
        val: Any = None,
        start: LinkPredictor | None = None,
        ranks: Ranks | None = None,
    ) -> Self:
        """Train on the edges of a graph.

        Parameters
        ----------
        graph : Graph or anything :func:`graphrep.as_graph` takes
            Undirected; used for message passing and common neighbors. Its features ``x`` are the input; without
            features, a vector per node is learned. Weights are ignored.
        edges : int array of shape (2, num_edges), optional
            Positive training pairs; default: the edges of the graph, each once, without self loops.
        val : LinkSplit, or pair of int arrays of shapes (2, num_pos) and (2, num_neg), optional
            Validation pairs, which select the epoch whose parameters are used: ``valid`` and ``valid_neg`` of a
            LinkSplit. Negatives of shape (2, num_pos, num_neg) are separate for each positive.
        start : fitted estimator with the same encoder and predictor options, optional
            Training starts from its parameters, for example those of an NCN for an NCNC.
        ranks : Ranks, optional
            Of :func:`graphrep.distributed.connect`: each computes the gradient of a share of the pairs of every batch
            and, with ``neighbors``, only the vectors that this share needs; and scores a share of the validation pairs.
            All call ``fit`` with the same arguments, which is checked, and
            get the same model, that of one process up to the rounding of sums. The first one writes the checkpoint,
            calls the callbacks and shows progress. Custom modules must take random numbers from :mod:`graphrep.nn`.

        Returns
        -------
        self

        Raises
        ------
        RankError
            Another rank failed.
        ValueError, IndexError, TypeError
            The graph is directed or contains validation edges, features are not finite, or a pair or setting is out of
            range; or the ranks disagree.
        """
        ranks = checked_ranks(ranks)
        with ranks.together():
            return self._fit(graph, edges, val, start, ranks)

    def _fit(self, graph: Any, edges: Any, val: Any, start: LinkPredictor | None, ranks: Ranks) -> Self:
        self._begin = time.monotonic()
        self._check()
        g = undirected_unweighted(untyped_graph(graph))
        positives = g.edges() if edges is None else as_pairs(edges, g, name="edges")
        positives = np.ascontiguousarray(positives[:, positives[0] != positives[1]])
        if positives.shape[1] == 0:
            raise ValueError("edges must hold at least one edge that is not a self loop, got none.")
        held_out = None
        if val is not None:
            pos, neg = checked_validation(val, g, edges, own_negatives=True)
            held_out = torch.tensor(pos), torch.tensor(neg)
            self.metric_ = selection_metric(neg.shape[1:]) if self.metric is None else self.metric
            refuse_constant([self.metric_], neg.shape[1:])
        if start is not None:
            check_is_fitted(start, "embedding_")
        with limited_threads(self.n_jobs):
            self._train(g, positives, held_out, start, ranks)
        return self

    def _prepared(
        self, graph: Graph, positives: Any, val: Any, start: LinkPredictor | None, ranks: Ranks | None = None
    ) -> tuple[PairTask, Loop, Checkpoint]:
        """Task, loop and checkpoint of a fit, before the first epoch."""
        device, ranks = self._device(), checked_ranks(ranks)
        trained = None if start is None else start.model_
        counts = graph_sizes(graph) | {"num_edges": positives.shape[1]}
        checkpoint = self._open_checkpoint(graph, graph.x, positives, val, trained, ranks=ranks, sizes=counts)
        width = None if start is None else start.embedding_.shape[1]
        sizes = self._sizes(graph, positives.shape[1], validated=val is not None, dimensions=self.dimensions or width)
        if checkpoint.path is not None and self.dimensions is None:
            # The width can depend on max_seconds, which may differ in the fit that resumes.
            sizes["dimensions"] = checkpoint.load("dimensions") or sizes["dimensions"]
            checkpoint.save("dimensions", sizes["dimensions"])
        self._check_memory(graph, positives.shape[1], sizes["dimensions"])
        adj: Adjacency = as_adjacency(graph).to(device)
        x = self._input(graph, device)
        untrained = self._columns(graph)
        with using_generator(make_generator(checkpoint.seed)):
            self._in_channels = None if x is None else int(x.shape[1])
            encoder = self._make_encoder(self._in_channels, graph.num_nodes, sizes["dimensions"])
            if self.encoder is not None and self.dimensions is None:
                with torch.no_grad():
                    sizes["dimensions"] = int(encoder.to(device, torch.float32).eval()(x, adj).shape[-1])
            predictor = self._make_predictor(sizes["dimensions"])
            columns = None if untrained is None else PairColumns(untrained.num_columns)
            if columns is not None and isinstance(predictor, PairPredictor):
                predictor.silence()
            model = PairModel(encoder, predictor, columns).to(device, torch.float32)
        self.sizes_, dimensions = sizes, sizes["dimensions"]
        if trained is not None:
            state, wanted = trained.state_dict(), model.state_dict()
            if state.keys() != wanted.keys() or any(part.shape != wanted[name].shape for name, part in state.items()):
                raise ValueError(
                    "start must be fitted with the same encoder, width, predictor options and untrained_scores."
                )
            model.load_state_dict(state)
        if ranks.world_size > 1:
            refuse_own_dropout(model, model.predictor)
        names = ("num_negatives", "drop_last", "hide_targets", "precision", "score_batch")
        options = {name: getattr(self, name) for name in names}
        negatives = np.zeros((2, 0), dtype=np.int64) if val is None else val[1].numpy()
        self.negative_sampling_ = self.negative_sampling or sampling_of(graph, negatives)
        options |= {"batch_size": sizes["batch_size"], "negative_sampling": self.negative_sampling_}
        options |= {} if val is None else {"metric": self.metric_}
        limit = self.train_metric_limit
        edges = torch.from_numpy(positives)
        options |= {"with_train_metric": limit is not None, "untrained": untrained, "ranks": ranks}
        if self.neighbors is None:
            task = PairTask(model, graph, adj, x, edges, val=val, **options)
        else:
            task = SampledTask(model, graph, adj, x, edges, val=val, neighbors=list(self.neighbors), **options)
        if self.encoder is not None and tuple(task.encode().shape) != (graph.num_nodes, dimensions):
            raise ValueError(
                f"encoder must return vectors of shape (num_nodes, dimensions) = ({graph.num_nodes}, {dimensions}), "
                f"got {tuple(task.encode().shape)}."
            )
        groups = [
            {"params": model.encoder.parameters(), "lr": sizes["learning_rate"]},
            {"params": model.predictor.parameters(), "lr": sizes["predictor_learning_rate"]},
        ]
        loop = Loop(
            model,
            task.loss,
            task.batches,
            torch.optim.Adam(groups, fused=True, weight_decay=self.weight_decay),
            epochs=sizes["epochs"],
            seed=checkpoint.seed,
            stop=None if val is None else BestMetric(self.metric_, sizes["patience"], limit),
            validate=None if val is None else task.validate,
            schedule=self._schedule,
            clip_norm=self.clip_norm,
            clipped=(model.encoder, model.predictor),
            on_epoch=self._notify,
            max_seconds=None if self.max_seconds is None else self.max_seconds - (time.monotonic() - self._begin),
            whole_epochs=checkpoint.path is not None,  # a part of an epoch cannot be resumed
            checkpoint=checkpoint,
            together=SharedTraining(ranks) if ranks.world_size > 1 else None,
            progress=self.progress,
            name=type(self).__name__,
        )
        return task, loop, checkpoint

    def _check_memory(self, graph: Graph, num_edges: int, dimensions: int) -> None:
        """Raise MemoryError if the pairs of an epoch and the tables of a step cannot fit."""
        if self._device().type != "cpu":
            return
        tables, of_arc = (6, 24) if self.neighbors is None else (3, 0)  # at least; those of further layers come on top
        needed = 4 * tables * graph.num_nodes * dimensions + of_arc * graph.num_arcs
        needed += (24 + 16 * self.num_negatives) * num_edges
        advice = "take fewer dimensions"
        if self.neighbors is None and self.encoder is None and not isinstance(self, NCNC):
            advice = "sample neighbors, for example neighbors=[15] for one layer"
        check_memory(needed, f"{type(self).__name__} of {graph.num_nodes:,} nodes", advice)

    def _train(self, graph: Graph, positives: Any, val: Any, start: LinkPredictor | None, ranks: Ranks) -> None:
        task, loop, checkpoint = self._prepared(graph, positives, val, start, ranks)
        # Set before training, so that callbacks can use them.
        self.model_, self.history_, self._task, self.graph_ = task.model, loop.history, task, graph
        self.num_parameters_ = sum(parameter.numel() for parameter in task.model.parameters())
        try:
            loop.run()
            self.history_, self.best_epoch_ = loop.history, loop.best_epoch
            self.training_ = self._report(loop, task)
            self.embedding_ = self.current_embedding()
            self._adj, self._untrained = task.adj, task.untrained
        finally:
            del self._task
        if not loop.timed_out:
            checkpoint.remove()
        ranks.meet("the end of the fit")  # the next one finds no checkpoint, or the same

    def _report(self, loop: Loop, task: PairTask) -> dict[str, Any]:
        """How far the training came."""
        done = float(len(loop.history))
        if loop.timed_out and not loop.whole_epochs:
            done += loop.num_batches / task.num_batches - 1
        report = {
            "epochs": round(done, 3),
            "of": self.sizes_["epochs"],
            "seconds": round(time.monotonic() - self._begin, 3),
            "stopped_by": {"rule": "patience"}.get(loop.stopped_by, loop.stopped_by),
        }
        line = ", ".join(f"{name} {value}" for name, value in (report | self.sizes_).items())
        log.info("%s: %s; best epoch %d", type(self).__name__, line, loop.best_epoch)
        return report

    def current_embedding(self) -> F32:
        """Node vectors of the current parameters, float32 of shape (num_nodes, dimensions); for callbacks."""
        if not hasattr(self, "_task"):
            check_is_fitted(self, "embedding_")
            fitted: F32 = self.embedding_
            return fitted
        vectors: F32 = self._task.encode().detach().float().cpu().numpy()
        return vectors

    def score_pairs(self, pairs: Any, *, graph: Any = None) -> F32:
        """Float32 logits of pairs: row numbers of shape (2, num_pairs), or a list of pairs of names (u, v).

        Likelier edges have higher logits. A pair's score does not depend on the other pairs. In a callback, the current
        parameters are used. With ``graph``, the trained model is applied to the nodes, edges and features of this graph
        instead of those of ``fit``.
        """
        check_is_fitted(self, "graph_")
        g = self.graph_ if graph is None else undirected_unweighted(untyped_graph(graph))
        table = as_pairs(pairs, g, name="pairs")
        if table.ndim != 2:
            raise ValueError(f"pairs must have shape (2, num_pairs), got {table.shape}.")
        if graph is None:
            task = getattr(self, "_task", None)
            adj, untrained = (self._adj, self._untrained) if task is None else (task.adj, task.untrained)
            h = torch.from_numpy(self.current_embedding()).to(adj.device)
        else:
            h, adj = self._encode(g)
            untrained = None if self._untrained is None else UntrainedColumns(g, self.n_jobs, like=self._untrained)
        ends = torch.tensor(table).to(adj.device)
        scores: F32 = score_pairs(self.model_, h, adj, ends, self.score_batch, untrained).cpu().numpy()
        return scores

    def transform(self, graph: Any) -> Any:
        """Vectors of all nodes of another graph with the same kind of features, a NodeVectors; nothing is trained."""
        from graphrep.vectors import NodeVectors

        check_is_fitted(self, "embedding_")
        g = undirected_unweighted(untyped_graph(graph))
        return NodeVectors(self._encode(g)[0].float().cpu().numpy(), g.nodes)

    @torch.no_grad()
    def _encode(self, graph: Graph) -> tuple[Tensor, Adjacency]:
        """Vectors of the nodes of a graph that was not trained on, and its adjacency."""
        if self._in_channels is None:
            raise ValueError("a model that was fitted without features has vectors for the nodes of fit alone.")
        x = self._input(graph, self._device())
        if x is None or x.shape[1] != self._in_channels:
            got = "none" if x is None else x.shape[1]
            raise ValueError(f"graph must have {self._in_channels} features per node as in fit, got {got}.")
        adj: Adjacency = as_adjacency(graph).to(self._device())
        encoder: Any = self.model_.eval().encoder
        return (encoder if self.neighbors is None else encoder.infer)(x, adj), adj

    def _state(self) -> dict[str, Any]:
        names = ["history_", "best_epoch_", "num_parameters_", "_in_channels", "metric_", "negative_sampling_"]
        names += ["sizes_", "training_"]
        fitted = {name: getattr(self, name) for name in names if hasattr(self, name)}
        untrained = None if self._untrained is None else self._untrained.state()
        return fitted | {"model_": weights_of(self.model_), "graph_": packed_graph(self.graph_), "untrained": untrained}

    def _restore(self, state: dict[str, Any]) -> None:
        graph = unpacked_graph(state["graph_"])
        dimensions = state["sizes_"]["dimensions"]
        if state["embedding_"].shape != (graph.num_nodes, dimensions):
            raise ValueError("graph and vectors differ in size")
        encoder = self._make_encoder(state["_in_channels"], graph.num_nodes, dimensions)
        saved = state.pop("untrained")
        untrained = None if saved is None else UntrainedColumns.restored(graph, self.n_jobs, saved)
        columns = None if untrained is None else PairColumns(untrained.num_columns)
        model = PairModel(encoder, self._make_predictor(dimensions), columns)
        load_weights(model, state["model_"])
        self._adj, self._untrained = as_adjacency(graph).to(self._device()), untrained
        super()._restore(state | {"graph_": graph, "model_": model.to(self._device(), torch.float32)})

    def _input(self, graph: Graph, device: torch.device) -> Any:
        """Input of the encoder; a custom encoder gets a tensor unless it sets ``accepts_sparse``."""
        x = None if graph.x is None else as_features(graph.x, device)
        if isinstance(x, SparseFeatures) and self.encoder is not None:
            return x if getattr(self.encoder, "accepts_sparse", False) else x.to_dense()
        return x

    def _columns(self, graph: Graph) -> UntrainedColumns | None:
        """Columns of the untrained scores."""
        return UntrainedColumns(graph, self.n_jobs) if self.untrained_scores else None

    def _schedule(self, epoch: int) -> float:
        """Factor of the learning rates: the fraction of epochs that were left when it last changed."""
        if not self.decay_every:
            return 1.0
        return float(max(1 - epoch // self.decay_every * self.decay_every / self.sizes_["epochs"], 1e-4))

    def _check(self) -> None:
        self._check_training()
        self._check_encoder()
        self._check_pairs()
        checked_float("predictor_dropout", self.predictor_dropout, 0.0, 1.0)
        if self.neighbors is not None:
            self._check_neighbors()

    def _check_neighbors(self) -> None:
        counts = checked_ints("neighbors", self.neighbors, -1)
        if 0 in counts or len(counts) != self.layers or not counts:
            raise ValueError(
                f"neighbors must hold a positive number, or -1 for all, for each of the layers={self.layers}, "
                f"at least one; got {self.neighbors!r}."
            )
        if self.encoder is not None or getattr(self, "predictor", None) is not None:
            raise ValueError("neighbors cannot be sampled with an encoder or predictor of your own; leave them out.")
        unfit = f'convolution="{self.convolution}"' if self.convolution.endswith("max") else None
        if self.encoder_edge_dropout:
            unfit = f"encoder_edge_dropout={self.encoder_edge_dropout}"
        if unfit is not None:
            raise ValueError(
                f"neighbors cannot be sampled with {unfit}, whose mean over samples is not the result for all "
                "neighbors; leave one of the two out."
            )


@dataclass(kw_only=True, eq=False, repr=False)
class GAE(LinkPredictor):
    r"""Graph autoencoder: a message-passing encoder and a predictor on Hadamard products of node vectors.

    The loss is the mean of :math:`-\log \sigma(s_{uv})` over edges plus that of :math:`-\log \sigma(-s_{uv})` over
    pairs without an edge, sampled in every epoch. The edges of a batch are removed from the graph while they are
    scored, so that no edge reveals itself.

    Parameters
    ----------
    encoder : torch.nn.Module or callable, optional
        A custom encoder that replaces :class:`graphrep.nn.Encoder`: a module, a copy of which is trained, or a function
        of (in_channels, num_nodes) that returns one; ``in_channels`` is None for a graph without features. Its
        ``forward(x, adj)`` takes the features as a tensor (as :class:`graphrep.nn.SparseFeatures` if it has an
        attribute ``accepts_sparse = True``) and an :class:`graphrep.ops.Adjacency`, and returns vectors of shape
        (num_nodes, dimensions).
    predictor : torch.nn.Module or callable, optional
        A custom predictor: a module, a copy of which is trained, or a function of ``dimensions`` that returns one. Its
        ``forward(h, adj, pairs)`` takes the vectors, the adjacency without hidden edges and pairs of shape
        (2, num_pairs), and returns logits of shape (num_pairs,).
    dimensions : int, optional
        Width of the encoder and the predictor. Default: 256 with at most 20,000 training edges, 128 with at most
        60,000, 64 with more, and on a GPU always 256; less if 20 epochs would take longer than ``max_seconds`` on one
        core of a current processor. That of ``start`` or of a custom encoder, if there is one.
    layers : int
    convolution : str
        One of :data:`graphrep.nn.CONVOLUTIONS`.
    feature_dropout, encoder_dropout, encoder_edge_dropout, output_dropout : float
        See :class:`graphrep.nn.Encoder`.
    layer_norm, residual, jumping_knowledge : bool
    jumping_weights : str
        See :class:`graphrep.nn.Encoder`; ``layer_norm`` also applies to the predictor.
    shared_convolution : bool
    initial_residual : float
        See :class:`graphrep.nn.Encoder`; with ``predictor_layers``, this is the refined autoencoder of Ma et al.
    predictor_dropout : float
    predictor_layers : int, optional
    predictor_residual : bool
        Score pairs with a :class:`graphrep.linkpred.ResidualPredictor` of this number of layers. Default:
        :class:`graphrep.linkpred.HadamardPredictor`, as in the NCN code.
    tail_activation, two_layer_head : bool
        See :class:`graphrep.linkpred.HadamardPredictor`.
    untrained_scores : bool
        Whether untrained scores are part of the score: a small network on :func:`pair_features
        <graphrep.heuristics.pair_features>` and cosines of the features is fitted first, which takes seconds, and gives
        a logit c. With the logit s of the predictor, whose last layer starts at zero, the loss is the mean of that of s
        and that of s + c, and the score is :math:`a s + b c`. Validation pairs choose a and b, also s or c alone, in
        every epoch; without them, and if no others are better by more than a standard error, a is 1 and b is 1/2. A
        predictor of your own starts as it is. False gives the published models.
    learning_rate, predictor_learning_rate : float, optional
        Learning rates of Adam, for the encoder and for the predictor. Default: 0.003, and 0.001 for :class:`NCN` and
        :class:`NCNC` with more than 20,000 training edges.
    weight_decay : float
        Weight decay of Adam.
    clip_norm : float, optional
        Maximum norm of the gradient, for the encoder and the predictor separately.
    decay_every : int, optional
        After every ``decay_every`` epochs, the learning rates are set to their initial values times the fraction of
        epochs that are left.
    num_negatives : int
        Number of negatives per edge.
    negative_sampling : {"uniform", "degree"}, optional
        Distribution of the ends of negatives: uniform over the nodes, or proportional to degree, so that their degrees
        match those of edges. Degrees alone separate edges from uniform pairs, and a model that learned only degrees
        fails to rank pairs of high degree. Default: the one to which the degrees of the validation negatives are
        nearer, uniform without validation pairs.
    batch_size : int, optional
        Number of edges in a batch. Every batch runs the encoder on the whole graph. Default: so many that this is a
        small part of the work, but at least 1,024 or a quarter of the edges, and at most 65,536 or an eighth of them.
    drop_last : bool
        Skip the last batch of an epoch if it is not full, as the released NCN code does.
    hide_targets : bool
        Whether the edges of a batch are hidden.
    neighbors : sequence of int, optional
        Train on sampled neighborhoods, for graphs too large for a step on the whole: how many neighbors a node of a
        pair draws in the last layer, how many each of those draws in the layer before, and so on, a number for each of
        ``layers``; -1: all. Samples are weighted so that every layer is in expectation that of the whole graph; a node
        with no more neighbors takes all. All vectors and scores, during training too, are of all neighbors, computed in
        blocks of rows. Not for ``convolution="max"``, ``encoder_edge_dropout``, an encoder or predictor of your own,
        and :class:`NCNC`. Default: every step runs on the whole graph.
    metric : str, optional
        Metric that selects the best epoch if there are validation pairs: "hits@K", "mrr", "auc" or "ap". Hits@K with
        fewer than K negatives is 1 for every model, and refused. Default: "hits@100" with at least 500 negatives,
        "auc" with fewer, "mrr" with separate negatives for each edge; ``metric_`` says which.
    patience : int, "auto" or None
        Stop after this number of epochs without improvement; None: never. "auto": a fifth of ``epochs``, at least 10.
    train_metric_limit : float, optional
        Stop when ``metric`` of training edges against the validation negatives exceeds this value.
    score_batch : int
        Number of pairs scored at a time; changes memory, not scores.
    precision : {"float32", "bfloat16"}
        Precision of matrix products during training. Parameters, norms, the loss and all scores are float32.
    epochs : int, optional
        Upper bound on the number of epochs. Default: as many as make 1,000 batches, from 20 to 250; without validation
        pairs, which could stop the training, 400 batches and at most 100 epochs. 0 keeps the network as it was drawn,
        which is an untrained baseline.
    max_seconds : float, optional
        Time limit. Training ends after the batch at which the rest of the time is needed for a validation, and the best
        epoch is used, of which the last may be a part. With a checkpoint, epochs are finished, at least one, and the
        next fit resumes there.
    checkpoint : path, optional
        File to which the state is saved after every epoch and from which an interrupted fit resumes. Only a fit with
        the same graph, features and settings can resume from it. A complete fit removes it.
    callbacks : sequence of callable
        Called after every epoch with (epoch, record, estimator). One that returns True ends the training.
    device : str, optional
        Default: the CPU.
    n_jobs : int, optional
        Number of threads. Default: torch's.
    random_state : int, RandomState, Generator or None
        None asks for fresh randomness.
    progress : bool, optional
        Whether a progress bar is shown. Default: in terminals and Jupyter.

    Attributes
    ----------
    model_ : torch.nn.Module
        With ``encoder`` and ``predictor``, and ``weights``, (a, b), if there are untrained scores.
    embedding_ : float32 array of shape (num_nodes, dimensions)
    history_ : list of dict
        Per epoch: the loss, and the metric on the validation pairs.
    best_epoch_ : int
        Epoch whose parameters are used, from 1: the one with the best metric, the first of equally good ones, or the
        last epoch without validation pairs.
    metric_ : str
        Metric that selected the epoch; absent without validation pairs.
    sizes_ : dict
        The values of ``dimensions``, ``batch_size``, ``epochs``, ``patience`` and the learning rates that were used.
    negative_sampling_ : str
    training_ : dict
        How far the training came: ``"epochs"`` of ``"of"``, with a fraction if the time limit cut an epoch;
        ``"seconds"``; and ``"stopped_by"``: "epochs", "patience" (or ``train_metric_limit``), "callback" or "time".
    graph_ : Graph
        The graph it was fitted to.
    num_parameters_ : int

    References
    ----------
    Kipf, Welling. Variational Graph Auto-Encoders. 2016. Ma et al. Reconsidering the Performance of GAE in Link
    Prediction. CIKM 2025.

    Examples
    --------
    >>> import networkx as nx
    >>> import graphrep as gr
    >>> model = gr.GAE(dimensions=16, epochs=5, batch_size=32)
    >>> model.fit(nx.karate_club_graph()).score_pairs([[0, 0], [1, 9]]).shape
    (2,)
    """

    predictor: nn.Module | Callable[[int], nn.Module] | None = None
    predictor_layers: int | None = None
    predictor_residual: bool = True

    def _make_predictor(self, dimensions: int) -> nn.Module:
        if isinstance(self.predictor, nn.Module):
            return copy.deepcopy(self.predictor)
        if self.predictor is not None:
            return self.predictor(dimensions)
        options: dict[str, Any] = {"dropout": self.predictor_dropout, "layer_norm": self.layer_norm}
        if self.predictor_layers is not None:
            options |= {"layers": self.predictor_layers, "residual": self.predictor_residual}
            return ResidualPredictor(dimensions, **options)
        options |= {"tail_activation": self.tail_activation, "two_layer_head": self.two_layer_head}
        return HadamardPredictor(dimensions, **options)

    def _check(self) -> None:
        super()._check()
        if self.predictor_layers is not None:
            checked_int("predictor_layers", self.predictor_layers, 0)
        if self.predictor is not None and not callable(self.predictor):
            raise TypeError(f"predictor must be a torch.nn.Module or a function of dimensions, got {self.predictor!r}.")


@dataclass(kw_only=True, eq=False, repr=False)
class NCN(LinkPredictor):
    r"""Neural Common Neighbor: :class:`GAE` whose predictor also sees the pooled common neighbors of a pair.

    The default rates of dropout are those published for Cora. Parameters, attributes and methods that are not listed
    are those of :class:`GAE`.

    Parameters
    ----------
    predictor_edge_dropout : float
    node_transform : bool
    beta : float
        See :class:`graphrep.linkpred.NeighborPredictor`.

    References
    ----------
    Wang, Yang, Zhang. Neural Common Neighbor with Completion for Link Prediction. ICLR 2024, section 4.

    Examples
    --------
    >>> import networkx as nx
    >>> import graphrep as gr
    >>> model = gr.NCN(dimensions=16, epochs=5, batch_size=32)
    >>> model.fit(nx.karate_club_graph()).score_pairs([[0, 0], [1, 9]]).shape
    (2,)
    """

    feature_dropout: float = 0.7
    encoder_dropout: float = 0.05
    output_dropout: float = 0.3
    jumping_knowledge: bool = True
    predictor_dropout: float = 0.05
    drop_last: bool = True
    _edge_cost = 1.3e-7
    _large_graph_rate = 0.001  # sums over hundreds of common neighbors are learned too fast otherwise
    predictor_edge_dropout: float = 0.4
    node_transform: bool = True
    beta: float = 1.0

    def _neighbor_options(self) -> dict[str, Any]:
        names = ("layer_norm", "node_transform", "tail_activation", "two_layer_head", "beta")
        dropout = {"dropout": self.predictor_dropout, "edge_dropout": self.predictor_edge_dropout}
        return dropout | {name: getattr(self, name) for name in names}

    def _make_predictor(self, dimensions: int) -> nn.Module:
        return NeighborPredictor(dimensions, **self._neighbor_options())

    def _check(self) -> None:
        super()._check()
        checked_float("predictor_edge_dropout", self.predictor_edge_dropout, 0.0, 1.0)
        checked_float("beta", self.beta)


@dataclass(kw_only=True, eq=False, repr=False)
class NCNC(NCN):
    r"""Neural Common Neighbor with Completion: weights neighbors of one end by the probability of the missing edge.

    The default rates of dropout and the settings of the completion are those published for Cora. The completion uses
    the logit of the network, to which untrained scores are not added. Parameters, attributes and methods that are not
    listed are those of :class:`GAE` and :class:`NCN`.

    Parameters
    ----------
    completion_scale, completion_offset, completion_prior, completion_alpha : float
    completion_depth : int
    max_neighbors : int or None
    inner_transform_twice : bool
        See :class:`graphrep.linkpred.CompletionPredictor`.

    References
    ----------
    Wang, Yang, Zhang. Neural Common Neighbor with Completion for Link Prediction. ICLR 2024, section 5.

    Examples
    --------
    >>> import networkx as nx
    >>> import graphrep as gr
    >>> model = gr.NCNC(dimensions=16, epochs=5, batch_size=32)
    >>> model.fit(nx.karate_club_graph()).score_pairs([[0, 0], [1, 9]]).shape
    (2,)
    """

    completion_scale: float = 4.3
    completion_offset: float = 2.8
    completion_prior: float = 0.75
    completion_alpha: float = 1.0
    completion_depth: int = 1
    max_neighbors: int | None = 256
    inner_transform_twice: bool = True

    def _make_predictor(self, dimensions: int) -> nn.Module:
        names = ("scale", "offset", "prior", "alpha", "depth")
        options = self._neighbor_options() | {name: getattr(self, f"completion_{name}") for name in names}
        options |= {"max_neighbors": self.max_neighbors, "inner_transform_twice": self.inner_transform_twice}
        return CompletionPredictor(dimensions, **options)

    def _check(self) -> None:
        super()._check()
        if self.neighbors is not None:
            raise ValueError("NCNC cannot train on sampled neighbors, as it scores all neighbors of a pair; use NCN.")
        checked_int("completion_depth", self.completion_depth, 0)
        for name in ("completion_scale", "completion_offset"):
            checked_float(name, getattr(self, name))
        checked_float("completion_prior", self.completion_prior, 0.0, 1.0)
        checked_float("completion_alpha", self.completion_alpha, 0.0)


def _num_entries(x: Any) -> int:
    """Number of entries of features that a product reads."""
    if x is None:
        return 0
    return int(x.nnz) if hasattr(x, "nnz") else math.prod(x.shape)
