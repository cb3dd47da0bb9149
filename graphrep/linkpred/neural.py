"""Estimators that learn to score pairs of nodes: GAE, NCN and NCNC."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted
from torch import nn
from tqdm.auto import tqdm

from graphrep._checks import checked_float, checked_int
from graphrep._pairs import as_pairs
from graphrep._random import resolve_seed
from graphrep._training import as_features, load_state, save_state, seeded
from graphrep.evaluate.metrics import check_metrics, link_metrics
from graphrep.graph import Graph, as_graph
from graphrep.linkpred.predictors import CompletionPredictor, HadamardPredictor, NeighborPredictor
from graphrep.nn import Encoder
from graphrep.ops.adjacency import Adjacency, as_adjacency

__all__ = ["GAE", "NCN", "NCNC"]

Tensor = torch.Tensor
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
        See :class:`graphrep.nn.Encoder`; ``layer_norm`` also holds for the predictor.
    predictor_dropout : float
    tail_activation, two_layer_head : bool
        See :class:`graphrep.linkpred.HadamardPredictor`.
    learning_rate, predictor_learning_rate : float
        Of Adam, for the encoder and for the predictor.
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
    score_batch : int
        Pairs scored at a time; changes memory, not scores.
    checkpoint : path, optional
        File to which every epoch is saved, and from which an interrupted fit goes on.
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
        predictor_dropout: float = 0.0,
        tail_activation: bool = True,
        two_layer_head: bool = False,
        learning_rate: float = 0.003,
        predictor_learning_rate: float = 0.003,
        batch_size: int = 1024,
        drop_last: bool = False,
        epochs: int = 100,
        hide_targets: bool = True,
        metric: str = "hits@100",
        patience: int | None = None,
        score_batch: int = 8192,
        checkpoint: str | os.PathLike[str] | None = None,
        device: str | None = None,
        random_state: Any = None,
        progress: bool = True,
    ) -> None:
        self._store(locals())

    def _store(self, values: dict[str, Any]) -> None:
        for name, value in values.items():
            if name not in ("self", "__class__"):
                setattr(self, name, value)

    def _predictor(self) -> nn.Module:
        return HadamardPredictor(
            self.dimensions,
            dropout=self.predictor_dropout,
            layer_norm=self.layer_norm,
            tail_activation=self.tail_activation,
            two_layer_head=self.two_layer_head,
        )

    def fit(self, graph: Any, edges: Any = None, *, val: Any = None) -> Any:
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
            ``valid_neg`` are taken.

        Raises
        ------
        ValueError, IndexError, TypeError
            A directed graph, pairs out of range, features that are not finite, or settings out of range.
        """
        g = as_graph(graph)
        if g.directed:
            raise ValueError("graph must be undirected; graph.to_undirected() makes it so.")
        positives = g.edges() if edges is None else as_pairs(edges, g.num_nodes, name="edges")
        positives = np.ascontiguousarray(positives[:, positives[0] != positives[1]])
        if positives.shape[1] == 0:
            raise ValueError("there are no edges to learn from (self loops do not count).")
        held_out = _validation(val, g.num_nodes)
        trainer = _Trainer(self, g, torch.from_numpy(positives), held_out)
        trainer.run()
        self.model_, self.history_, self.best_epoch_ = trainer.model, trainer.history, trainer.best_epoch
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
        ends = torch.from_numpy(np.ascontiguousarray(as_pairs(pairs, len(self.embedding_), name="pairs")))
        h = torch.from_numpy(self.embedding_).to(self._adj.device)
        self.model_.eval()
        return _scores(self.model_.predictor, h, self._adj, ends.to(h.device), self.score_batch).cpu().numpy()


class NCN(GAE):
    r"""Neural Common Neighbor: :class:`GAE` whose predictor also sees the pooled common neighbours of a pair.

    The defaults are the published settings for Cora.

    Parameters
    ----------
    dimensions, layers, convolution, feature_dropout, encoder_dropout, encoder_edge_dropout, output_dropout
    layer_norm, residual, jumping_knowledge, predictor_dropout, tail_activation, two_layer_head, learning_rate
    predictor_learning_rate, batch_size, drop_last, epochs, hide_targets, metric, patience, score_batch, checkpoint
    device, random_state, progress
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
        predictor_dropout: float = 0.05,
        predictor_edge_dropout: float = 0.4,
        node_transform: bool = True,
        tail_activation: bool = True,
        two_layer_head: bool = False,
        beta: float = 1.0,
        learning_rate: float = 0.0043,
        predictor_learning_rate: float = 0.0024,
        batch_size: int = 1152,
        drop_last: bool = True,
        epochs: int = 100,
        hide_targets: bool = True,
        metric: str = "hits@100",
        patience: int | None = None,
        score_batch: int = 8192,
        checkpoint: str | os.PathLike[str] | None = None,
        device: str | None = None,
        random_state: Any = None,
        progress: bool = True,
    ) -> None:
        self._store(locals())

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

    def _predictor(self) -> nn.Module:
        return NeighborPredictor(self.dimensions, **self._neighbor_options())


class NCNC(NCN):
    r"""Neural Common Neighbor with Completion: neighbours of one end count by the probability of the missing edge.

    The defaults are the published settings for Cora.

    Parameters
    ----------
    dimensions, layers, convolution, feature_dropout, encoder_dropout, encoder_edge_dropout, output_dropout
    layer_norm, residual, jumping_knowledge, predictor_dropout, tail_activation, two_layer_head, learning_rate
    predictor_learning_rate, batch_size, drop_last, epochs, hide_targets, metric, patience, score_batch, checkpoint
    device, random_state, progress
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
        batch_size: int = 1152,
        drop_last: bool = True,
        epochs: int = 100,
        hide_targets: bool = True,
        metric: str = "hits@100",
        patience: int | None = None,
        score_batch: int = 8192,
        checkpoint: str | os.PathLike[str] | None = None,
        device: str | None = None,
        random_state: Any = None,
        progress: bool = True,
    ) -> None:
        self._store(locals())

    def _predictor(self) -> nn.Module:
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


class _Model(nn.Module):
    def __init__(self, encoder: Encoder, predictor: nn.Module) -> None:
        super().__init__()
        self.encoder, self.predictor = encoder, predictor


class _Trainer:
    """One fit: its model, its random numbers, its epochs."""

    def __init__(self, settings: GAE, graph: Graph, positives: Tensor, val: tuple[Tensor, Tensor] | None) -> None:
        s = self.settings = settings
        checked_int("dimensions", s.dimensions, 1)
        checked_int("layers", s.layers, 0)
        checked_int("epochs", s.epochs, 0)
        checked_int("batch_size", s.batch_size, 1)
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
        groups = [
            {"params": self.model.encoder.parameters(), "lr": s.learning_rate},
            {"params": self.model.predictor.parameters(), "lr": s.predictor_learning_rate},
        ]
        self.optimiser = torch.optim.Adam(groups, fused=True)

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
        )

    def run(self) -> None:
        s = self.settings
        self._resume()
        with (
            seeded(self.seed),
            tqdm(total=s.epochs, initial=len(self.history), disable=None if s.progress else True, unit="epoch") as bar,
        ):
            torch.set_rng_state(self.state_of_random)
            while len(self.history) < s.epochs and not self._stalled():
                record = {"loss": self._epoch()}
                if self.val is not None:
                    record[s.metric] = self._validate()
                self.history.append(record)
                value = record.get(s.metric, float(len(self.history)))
                if value > self.best_value:
                    self.best_value, self.best_epoch = value, len(self.history)
                    self.best_state = {name: part.detach().clone() for name, part in self.model.state_dict().items()}
                self._save()
                bar.set_postfix(record)
                bar.update()
        if self.best_state is not None and self.val is not None:
            self.model.load_state_dict(self.best_state)

    def _stalled(self) -> bool:
        patience = self.settings.patience
        return patience is not None and self.val is not None and len(self.history) - self.best_epoch >= patience

    def _epoch(self) -> float:
        s, model = self.settings, self.model
        model.train()
        count = self.positives.shape[1]
        negatives = self._negatives(count)
        order = torch.randperm(count).to(self.device)
        size = min(s.batch_size, count)
        total, batches = 0.0, 0
        for begin in range(0, count, size):
            chosen = order[begin : begin + size]
            if len(chosen) < size and s.drop_last:
                break
            pos, neg = self.positives[:, chosen], negatives[:, chosen]
            adj, hidden = self.adj, None
            if s.hide_targets:
                hidden = pos
                adj = self.adj.with_values(self._without(pos))
            h = model.encoder(self.x, adj)
            logits = model.predictor(h, self.adj, torch.cat([pos, neg], 1), hidden)
            loss = nn.functional.softplus(-logits[: len(chosen)]).mean()
            loss = loss + nn.functional.softplus(logits[len(chosen) :]).mean()
            self.optimiser.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            self.optimiser.step()
            total, batches = total + loss.item(), batches + 1
        return total / max(batches, 1)

    def _without(self, edges: Tensor) -> Tensor:
        """1 for every entry of the adjacency but those of these edges, in either direction, which get 0."""
        n = self.graph.num_nodes
        both = torch.cat([edges[0] * n + edges[1], edges[1] * n + edges[0]])
        at = torch.searchsorted(self.keys, both).clamp(max=len(self.keys) - 1)
        values = torch.ones(len(self.keys), device=self.device)
        values[at[self.keys[at] == both]] = 0
        return values

    def _negatives(self, count: int) -> Tensor:
        """Ordered pairs of different nodes that are no edges of the graph, uniformly."""
        n, found = self.graph.num_nodes, []
        missing = count
        for _ in range(100):
            u = torch.randint(n, (missing + missing // 8 + 8,))
            v = torch.randint(n, u.shape)
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
        self.model.eval()
        h: Tensor = self.model.encoder(self.x, self.adj)
        return h

    @torch.no_grad()
    def _validate(self) -> float:
        assert self.val is not None
        h = self.encode()
        scores = [
            _scores(self.model.predictor, h, self.adj, part.to(self.device), self.settings.score_batch).cpu().numpy()
            for part in self.val
        ]
        return float(link_metrics(scores[0], scores[1], [self.settings.metric])[self.settings.metric])

    def _fingerprint(self) -> dict[str, Any]:
        """What must agree for a saved fit to be gone on with."""
        parameters = self.settings.get_params(deep=False)
        kept = {k: v for k, v in parameters.items() if k not in ("epochs", "progress", "checkpoint", "random_state")}
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
        if fingerprint != self._fingerprint():
            raise ValueError(f"checkpoint {os.fspath(path)} is of another fit: its settings, seed or graph differ.")
        self.model.load_state_dict(state["model"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.state_of_random, self.history = state["random"].cpu(), state["history"]
        self.best_epoch, self.best_value, self.best_state = state["best"]


def _scores(predictor: nn.Module, h: Tensor, adj: Adjacency, pairs: Tensor, batch: int) -> Tensor:
    parts = [predictor(h, adj, part).float() for part in torch.split(pairs, batch, 1)]
    return torch.cat(parts) if parts else h.new_zeros(0)


def _validation(val: Any, num_nodes: int) -> tuple[Tensor, Tensor] | None:
    if val is None:
        return None
    parts = (val.valid, val.valid_neg) if hasattr(val, "valid_neg") else tuple(val)
    if len(parts) != 2:
        raise ValueError(f"val must be a LinkSplit or a pair (positives, negatives), got {len(parts)} parts.")
    pairs = [np.array(as_pairs(part, num_nodes, name="val")) for part in parts]
    if not all(part.shape[1] for part in pairs):
        raise ValueError("val must hold positives and negatives, got none of one kind.")
    return torch.from_numpy(pairs[0]), torch.from_numpy(pairs[1])
