"""Estimators that learn to score pairs of nodes: GAE, NCN and NCNC."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted
from torch import nn

from graphrep._arrays import as_pairs
from graphrep.graph import as_graph
from graphrep.linkpred._validation import checked_validation
from graphrep.linkpred.predictors import (
    CompletionPredictor,
    HadamardPredictor,
    NeighborPredictor,
    PairPredictor,
    ResidualPredictor,
)
from graphrep.linkpred.training import Trainer

__all__ = ["GAE", "NCN", "NCNC"]

F32 = npt.NDArray[np.float32]


class GAE(BaseEstimator):  # type: ignore[misc]
    r"""Graph auto-encoder: a message-passing encoder, pairs scored by the Hadamard product of their vectors.

    The loss is :math:`-\log \sigma(s_{uv})` over edges and :math:`-\log \sigma(-s_{uv})` over as many pairs that are no
    edges, drawn anew in every epoch. While a batch of edges is scored they are hidden from the graph, so that no edge
    tells of itself.

    Parameters
    ----------
    dimensions : int
        Width of the encoder and the predictor.
    layers : int
    convolution : str
        One of :data:`graphrep.nn.CONVOLUTIONS`.
    feature_dropout, encoder_dropout, encoder_edge_dropout, output_dropout : float
        See :class:`graphrep.nn.Encoder`.
    layer_norm, residual, jumping_knowledge : bool
    jumping_weights : str
        See :class:`graphrep.nn.Encoder`; ``layer_norm`` also holds for the predictor.
    shared_convolution : bool
    initial_residual : float
        See :class:`graphrep.nn.Encoder`; with ``predictor_layers`` they make the refined auto-encoder of Ma et al.
    predictor_dropout : float
    predictor_layers : int, optional
    predictor_residual : bool
        Score pairs by :class:`graphrep.linkpred.ResidualPredictor` with so many layers. Default: by
        :class:`graphrep.linkpred.HadamardPredictor`, that of the NCN code.
    tail_activation, two_layer_head : bool
        See :class:`graphrep.linkpred.HadamardPredictor`.
    learning_rate, predictor_learning_rate : float
        Of Adam, for the encoder and for the predictor.
    weight_decay : float
        Of Adam.
    clip_norm : float, optional
        Largest norm of the gradient, of the encoder and of the predictor.
    decay_every : int, optional
        After so many epochs, each time, the learning rates become their share of epochs that are left.
    num_negatives : int
        For each edge.
    negatives : {"uniform", "degree"}
        How their ends are drawn: every node alike, or in proportion to degree, so that they are as popular as those of
        edges. Popularity alone tells edges from uniform pairs, and a model that learned no more fails where the pairs
        to be ranked are all popular.
    batch_size : int
        Edges in a batch.
    drop_last : bool
        Leave out the last batch of an epoch if it is not full, as the released NCN code does.
    epochs : int
    hide_targets : bool
        Whether the edges of a batch are hidden.
    metric : str
        What the best epoch is chosen by where validation pairs are given: "hits@K", "mrr", "auc" or "ap".
    patience : int, optional
        Stop when so many epochs brought no better one.
    train_metric_limit : float, optional
        Stop when training edges, scored among the validation negatives, exceed this value of ``metric``.
    max_seconds : float, optional
        Start no epoch but the first after so much time; with a checkpoint, another fit goes on from there.
    score_batch : int
        Pairs scored at a time; changes memory, not scores.
    precision : {"float32", "bfloat16"}
        Of matrix products while training. Parameters, norms, the loss and all scores are float32.
    checkpoint : path, optional
        File to which every epoch is saved, and from which an interrupted fit goes on.
    on_epoch : callable, optional
        Called with the number of each epoch, from 1, and its record: that of ``history_`` and the seconds of training.
    device : str, optional
        Default: the CPU.
    random_state : int, RandomState, Generator or None
    progress : bool
        Show a bar if the output is a terminal.

    Attributes
    ----------
    model_ : torch.nn.Module
        With ``encoder`` and ``predictor``.
    embedding_ : float32 array of shape (num_nodes, dimensions)
    history_ : list of dict
        Per epoch: loss, and the metric on the validation pairs.
    best_epoch_ : int
        Counted from 1: that of the best metric, or the last one without validation pairs.

    References
    ----------
    Kipf, Welling. Variational Graph Auto-Encoders. 2016. Li et al. Reconsidering the Performance of GAE in Link
    Prediction. 2024.

    Examples
    --------
    >>> import networkx as nx
    >>> import graphrep as gr
    >>> model = gr.linkpred.GAE(dimensions=16, epochs=5, batch_size=32, random_state=0, progress=False)
    >>> model.fit(nx.karate_club_graph()).score_pairs([[0, 0], [1, 9]]).shape
    (2,)
    """

    def __init__(
        self,
        *,
        dimensions: int = 256,
        layers: int = 1,
        convolution: str = "puregcn",
        feature_dropout: float = 0.0,
        encoder_dropout: float = 0.0,
        encoder_edge_dropout: float = 0.0,
        output_dropout: float = 0.0,
        layer_norm: bool = True,
        residual: bool = False,
        jumping_knowledge: bool = False,
        jumping_weights: str = "normal",
        shared_convolution: bool = False,
        initial_residual: float = 0.0,
        predictor_dropout: float = 0.0,
        predictor_layers: int | None = None,
        predictor_residual: bool = True,
        tail_activation: bool = True,
        two_layer_head: bool = False,
        learning_rate: float = 0.003,
        predictor_learning_rate: float = 0.003,
        weight_decay: float = 0.0,
        clip_norm: float | None = None,
        decay_every: int | None = None,
        num_negatives: int = 1,
        negatives: str = "uniform",
        batch_size: int = 1024,
        drop_last: bool = False,
        epochs: int = 100,
        hide_targets: bool = True,
        metric: str = "hits@100",
        patience: int | None = None,
        train_metric_limit: float | None = None,
        max_seconds: float | None = None,
        score_batch: int = 8192,
        precision: str = "float32",
        checkpoint: str | os.PathLike[str] | None = None,
        on_epoch: Callable[[int, dict[str, float]], object] | None = None,
        device: str | None = None,
        random_state: Any = None,
        progress: bool = True,
    ) -> None:
        self._store(locals())

    def _store(self, values: dict[str, Any]) -> None:
        for name, value in values.items():
            if name not in ("self", "__class__"):
                setattr(self, name, value)

    def _encoder_options(self) -> dict[str, Any]:
        return {"shared_convolution": self.shared_convolution, "initial_residual": self.initial_residual}

    def _predictor(self) -> PairPredictor:
        if self.predictor_layers is not None:
            return ResidualPredictor(
                self.dimensions,
                layers=self.predictor_layers,
                dropout=self.predictor_dropout,
                layer_norm=self.layer_norm,
                residual=self.predictor_residual,
            )
        return HadamardPredictor(
            self.dimensions,
            dropout=self.predictor_dropout,
            layer_norm=self.layer_norm,
            tail_activation=self.tail_activation,
            two_layer_head=self.two_layer_head,
        )

    def fit(self, graph: Any, edges: Any = None, *, val: Any = None, start: GAE | None = None) -> Any:
        """Learn from the edges of a graph.

        Parameters
        ----------
        graph : Graph or anything :func:`graphrep.as_graph` takes
            Undirected: what message passing and common neighbours see. Its features ``x`` are the input; without any, a
            vector per node is learned. Weights are not used.
        edges : int array of shape (2, num_edges), optional
            Pairs to learn from; default: the edges of the graph, each once, without self loops.
        val : LinkSplit, or pair of int arrays of shapes (2, num_pos) and (2, num_neg), optional
            Validation pairs, which choose the epoch whose parameters are kept. Of a LinkSplit its ``valid`` and
            ``valid_neg`` are taken. Negatives of shape (2, num_pos, num_neg) belong to one positive each.
        start : fitted estimator of the same encoder and predictor options, optional
            Its parameters are where training starts, such as those of an NCN for an NCNC.

        Raises
        ------
        ValueError, IndexError, TypeError
            A directed graph, one that holds validation edges, pairs out of range, features that are not finite, or
            settings out of range.
        """
        g = as_graph(graph)
        if g.directed:
            raise ValueError("graph must be undirected; graph.to_undirected() makes it so.")
        positives = g.edges() if edges is None else as_pairs(edges, g.num_nodes, name="edges")
        positives = np.ascontiguousarray(positives[:, positives[0] != positives[1]])
        if positives.shape[1] == 0:
            raise ValueError("there are no edges to learn from (self loops do not count).")
        held_out = None
        if val is not None:
            pos, neg = checked_validation(val, g, edges, own_negatives=True)
            held_out = torch.tensor(pos), torch.tensor(neg)
        begin: nn.Module | None = None
        if start is not None:
            check_is_fitted(start, "model_")
            begin = start.model_
        trainer = Trainer(self, g, torch.from_numpy(positives), held_out, begin)
        trainer.run()
        self.model_: nn.Module = trainer.model
        self.history_, self.best_epoch_ = trainer.history, trainer.best_epoch
        self.num_parameters_ = sum(p.numel() for p in self.model_.parameters())
        self._adj = trainer.adj
        self.embedding_ = trainer.encode().detach().cpu().numpy()
        return self

    @torch.no_grad()
    def score_pairs(self, pairs: Any) -> F32:
        """Logits of pairs of shape (2, num_pairs), float32; the likelier an edge, the higher.

        A pair's score does not depend on the other pairs.
        """
        check_is_fitted(self, "model_")
        table = as_pairs(pairs, len(self.embedding_), name="pairs")
        if table.ndim != 2:
            raise ValueError(f"pairs must have shape (2, num_pairs), got {table.shape}.")
        ends = torch.tensor(table)
        h = torch.from_numpy(self.embedding_).to(self._adj.device)
        self.model_.eval()
        predictor: Any = self.model_.predictor
        scores: F32 = predictor.scores(h, self._adj, ends.to(h.device), self.score_batch).cpu().numpy()
        return scores


class NCN(GAE):
    r"""Neural Common Neighbor: :class:`GAE` whose predictor also sees the pooled common neighbours of a pair.

    The defaults are the published settings for Cora.

    Parameters
    ----------
    dimensions, layers, convolution, feature_dropout, encoder_dropout, encoder_edge_dropout, output_dropout
    layer_norm, residual, jumping_knowledge, jumping_weights, predictor_dropout, tail_activation, two_layer_head
    learning_rate, predictor_learning_rate, weight_decay, clip_norm, decay_every, num_negatives, negatives, batch_size
    drop_last, epochs, hide_targets, metric, patience, train_metric_limit, max_seconds, score_batch, precision
    checkpoint, on_epoch, device, random_state, progress
        As in :class:`GAE`.
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
    >>> model = gr.linkpred.NCN(dimensions=16, epochs=5, batch_size=32, random_state=0, progress=False)
    >>> model.fit(nx.karate_club_graph()).score_pairs([[0, 0], [1, 9]]).shape
    (2,)
    """

    def __init__(
        self,
        *,
        dimensions: int = 256,
        layers: int = 1,
        convolution: str = "puregcn",
        feature_dropout: float = 0.7,
        encoder_dropout: float = 0.05,
        encoder_edge_dropout: float = 0.0,
        output_dropout: float = 0.3,
        layer_norm: bool = True,
        residual: bool = False,
        jumping_knowledge: bool = True,
        jumping_weights: str = "normal",
        predictor_dropout: float = 0.05,
        predictor_edge_dropout: float = 0.4,
        node_transform: bool = True,
        tail_activation: bool = True,
        two_layer_head: bool = False,
        beta: float = 1.0,
        learning_rate: float = 0.0043,
        predictor_learning_rate: float = 0.0024,
        weight_decay: float = 0.0,
        clip_norm: float | None = None,
        decay_every: int | None = None,
        num_negatives: int = 1,
        negatives: str = "uniform",
        batch_size: int = 1152,
        drop_last: bool = True,
        epochs: int = 100,
        hide_targets: bool = True,
        metric: str = "hits@100",
        patience: int | None = None,
        train_metric_limit: float | None = None,
        max_seconds: float | None = None,
        score_batch: int = 8192,
        precision: str = "float32",
        checkpoint: str | os.PathLike[str] | None = None,
        on_epoch: Callable[[int, dict[str, float]], object] | None = None,
        device: str | None = None,
        random_state: Any = None,
        progress: bool = True,
    ) -> None:
        self._store(locals())

    def _encoder_options(self) -> dict[str, Any]:
        return {}

    def _neighbor_options(self) -> dict[str, Any]:
        return {
            "dropout": self.predictor_dropout,
            "edge_dropout": self.predictor_edge_dropout,
            "layer_norm": self.layer_norm,
            "node_transform": self.node_transform,
            "tail_activation": self.tail_activation,
            "two_layer_head": self.two_layer_head,
            "beta": self.beta,
        }

    def _predictor(self) -> PairPredictor:
        return NeighborPredictor(self.dimensions, **self._neighbor_options())


class NCNC(NCN):
    r"""Neural Common Neighbor with Completion: neighbours of one end count by the probability of the missing edge.

    The defaults are the published settings for Cora.

    Parameters
    ----------
    dimensions, layers, convolution, feature_dropout, encoder_dropout, encoder_edge_dropout, output_dropout
    layer_norm, residual, jumping_knowledge, jumping_weights, predictor_dropout, tail_activation, two_layer_head
    learning_rate, predictor_learning_rate, weight_decay, clip_norm, decay_every, num_negatives, negatives, batch_size
    drop_last, epochs, hide_targets, metric, patience, train_metric_limit, max_seconds, score_batch, precision
    checkpoint, on_epoch, device, random_state, progress
        As in :class:`GAE`.
    predictor_edge_dropout, node_transform, beta
        As in :class:`NCN`.
    completion_scale, completion_offset, completion_prior, completion_alpha : float
    completion_depth : int
    max_neighbors : int, optional
    inner_transform_twice : bool
        See :class:`graphrep.linkpred.CompletionPredictor`.

    References
    ----------
    Wang, Yang, Zhang. Neural Common Neighbor with Completion for Link Prediction. ICLR 2024, section 5.

    Examples
    --------
    >>> import networkx as nx
    >>> import graphrep as gr
    >>> model = gr.linkpred.NCNC(dimensions=16, epochs=5, batch_size=32, random_state=0, progress=False)
    >>> model.fit(nx.karate_club_graph()).score_pairs([[0, 0], [1, 9]]).shape
    (2,)
    """

    def __init__(
        self,
        *,
        dimensions: int = 256,
        layers: int = 1,
        convolution: str = "puregcn",
        feature_dropout: float = 0.7,
        encoder_dropout: float = 0.05,
        encoder_edge_dropout: float = 0.0,
        output_dropout: float = 0.3,
        layer_norm: bool = True,
        residual: bool = False,
        jumping_knowledge: bool = True,
        jumping_weights: str = "normal",
        predictor_dropout: float = 0.05,
        predictor_edge_dropout: float = 0.4,
        node_transform: bool = True,
        tail_activation: bool = True,
        two_layer_head: bool = False,
        beta: float = 1.0,
        completion_scale: float = 4.3,
        completion_offset: float = 2.8,
        completion_prior: float = 0.75,
        completion_alpha: float = 1.0,
        completion_depth: int = 1,
        max_neighbors: int | None = None,
        inner_transform_twice: bool = True,
        learning_rate: float = 0.0043,
        predictor_learning_rate: float = 0.0024,
        weight_decay: float = 0.0,
        clip_norm: float | None = None,
        decay_every: int | None = None,
        num_negatives: int = 1,
        negatives: str = "uniform",
        batch_size: int = 1152,
        drop_last: bool = True,
        epochs: int = 100,
        hide_targets: bool = True,
        metric: str = "hits@100",
        patience: int | None = None,
        train_metric_limit: float | None = None,
        max_seconds: float | None = None,
        score_batch: int = 8192,
        precision: str = "float32",
        checkpoint: str | os.PathLike[str] | None = None,
        on_epoch: Callable[[int, dict[str, float]], object] | None = None,
        device: str | None = None,
        random_state: Any = None,
        progress: bool = True,
    ) -> None:
        self._store(locals())

    def _predictor(self) -> PairPredictor:
        return CompletionPredictor(
            self.dimensions,
            scale=self.completion_scale,
            offset=self.completion_offset,
            prior=self.completion_prior,
            alpha=self.completion_alpha,
            depth=self.completion_depth,
            max_neighbors=self.max_neighbors,
            inner_transform_twice=self.inner_transform_twice,
            **self._neighbor_options(),
        )
