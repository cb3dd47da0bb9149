"""``Contrastive``: self-supervised training of an encoder on the whole graph."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import nn

from graphrep._checks import checked_float
from graphrep._embedder import F32
from graphrep._estimator import graph_sizes
from graphrep.contrast._base import COMMON_SETTINGS, ContrastiveEmbedder
from graphrep.contrast.sources import GraphSource
from graphrep.distributed.ranks import Ranks
from graphrep.graph import Graph
from graphrep.nn.layers import evaluating
from graphrep.nn.sparse import SparseFeatures
from graphrep.ops.convolution import propagate

__all__ = ["Contrastive"]

Tensor = torch.Tensor

_COMMON = COMMON_SETTINGS | {
    "inner_activation": "relu",
    "weight_decay": 0.0,
    "feature_masking": (0.0, 0.0),
    "edge_dropping": (0.0, 0.0),
    "power_steps": 0,
}
_AUGMENTED = {"feature_masking": (0.1, 0.1), "edge_dropping": (0.4, 0.4)}
_SGC = {"hops": 2, "inner_activation": "none", "activation": "none", "weight_decay": 5e-4}
_GRACE = {"layers": 2, "dimensions": 128, "hidden": 256, "activation": "relu", "temperature": 0.4, "epochs": 200}
_BGRL = {"layers": 2, "dimensions": 256, "hidden": 512, "inner_activation": "prelu", "batch_norm": True, "epochs": 1000}
_SLOW = {"learning_rate": 5e-4, "weight_decay": 1e-5}


@dataclass(kw_only=True, eq=False, repr=False)
class Contrastive(ContrastiveEmbedder):
    r"""Train a graph encoder without labels, on the whole graph, by one of eight objectives.

    Training is full-batch: one step per epoch. Two-view objectives compare two augmented copies of the graph, with some
    feature columns masked and some arcs dropped. DGI and GGD discriminate the graph from a copy with shuffled features.
    SCE and COLES push random pairs apart.

    Parameters
    ----------
    objective : {"grace", "cca-ssg", "barlow-twins", "sce", "coles", "dgi", "ggd", "bgrl"}, callable or torch.nn.Module
        Loss function from :mod:`graphrep.contrast`. The name also sets the default of every parameter that is None: the
        published settings for Cora, if there are any (see Notes). A custom function or module takes the vectors of two
        views, tensors of shape (num_nodes, dimensions), and returns the loss; a copy of a module is trained with the
        encoder.
    encoder : {"gcn", "mlp"}, torch.nn.Module or callable
        ``"mlp"`` uses no message passing, neither in training nor for the result. SGC is ``layers=1, hops=2,
        activation="none"``. A custom encoder is a module, a copy of which is trained, or a function of ``in_channels``
        that returns one; its ``forward(x, adj)`` returns vectors of shape (num_nodes, dimensions).
    dimensions : int, optional
        Number of columns of the result; default: 512 if half of them are untrained, else as published.
    hidden : int, optional
        Width of all layers but the last; default: ``dimensions``.
    layers, hops : int, optional
    inner_activation, activation : str, optional
        See :class:`graphrep.nn.GCN`.
    feature_masking, edge_dropping : pair of float, optional
        Probabilities in the first and second view.
    temperature : float, optional
        Temperature of GRACE.
    weight : float, optional
        :math:`\lambda` of CCA-SSG, Barlow Twins and COLES, :math:`\alpha` of SCE.
    num_negatives : int
        Number of random pairs that each node draws in SCE and COLES.
    power_steps : int, optional
        If positive, k: the result is :math:`H + \hat A^k H`, as in GGD.
    learning_rate, weight_decay : float, optional
        Settings of Adam (AdamW for BGRL).
    epochs : int, optional
        Upper bound on the number of epochs. 0 keeps the encoder as it was drawn, which is an untrained baseline.
    stop : {"last", "loss", "agreement"} or StopRule
        Selects, without labels, the epoch whose weights are used; see :class:`graphrep.contrast.HighestAgreement`.
    residual : bool, optional
        Whether half of the columns are untrained features of several hops (see Notes). False: all columns are learned,
        as published. Default: True, except with a custom objective or encoder and with ``encoder="mlp"``.
    random_features : int
        Number of random normal features to use if the graph has none.
    checkpoint, callbacks, max_seconds, device, n_jobs, random_state, progress
        As in :class:`graphrep.GAE`. In a callback, ``current_embedding()`` returns the current vectors.

    Attributes
    ----------
    embedding_ : float32 array of shape (num_nodes, dimensions)
        With ``residual``: the untrained columns, then the learned ones.
    num_untrained_ : int
        Number of untrained columns; 0 without ``residual``.
    encoder_ : graphrep.nn.GCN
        Computes the learned columns.
    history_ : list of dict
        Per epoch: the loss and the values that the stop rule computed.
    best_epoch_ : int
        Epoch whose weights are used, from 1.
    num_parameters_ : int
    nodes_ : array
        Names of the rows.

    Raises
    ------
    ValueError
        The graph is directed, features or the loss are not finite, or a setting is out of range.

    Notes
    -----
    Edge weights are ignored. Features stay sparse. The time of an epoch is O(num_arcs * dimensions) for propagation,
    plus the product of the features with the first weights, plus the objective: O(num_nodes²) time and O(num_nodes)
    memory for GRACE, O(num_nodes * dimensions²) for CCA-SSG and Barlow Twins, O(num_nodes * dimensions) for the others.
    Memory is O(num_nodes * dimensions).

    With ``residual``, the first half of the columns (at most 512) comes from no training: with unit rows of X, the unit
    rows of the truncated SVDs of :math:`\hat A^t X`, t = 0, 1, 2, 4, side by side, with at most 128 columns each, and
    the leading directions of these columns. The second half is learned. The rows of each half have length 1. On graphs
    where an objective loses against such features, the result keeps their quality, and where it wins it keeps most of
    the gain; the guide on contrastive training has the measurements. The additional time is O(num_arcs * dimensions +
    num_nodes * dimensions²) once, and the memory O(num_nodes * dimensions).

    Defaults: GRACE, CCA-SSG, DGI (without its patience) and GGD use the published settings for Cora. SCE and COLES use
    an SGC encoder and the numbers of epochs of the StructComp authors. BGRL uses a tenth of the published 10,000 epochs
    at a constant learning rate. Barlow Twins uses the encoder of CCA-SSG.

    Examples
    --------
    >>> import networkx as nx
    >>> import graphrep as gr
    >>> model = gr.Contrastive(objective="cca-ssg", dimensions=8, epochs=3)
    >>> model.fit_transform(nx.karate_club_graph()).shape
    (34, 8)
    """

    SETTINGS: ClassVar[dict[str, dict[str, Any]]] = {
        "grace": _COMMON | _GRACE | _SLOW | {"feature_masking": (0.3, 0.4), "edge_dropping": (0.2, 0.4)},
        "cca-ssg": _COMMON | _AUGMENTED | {"layers": 2, "activation": "none", "weight": 1e-3, "epochs": 50},
        "barlow-twins": _COMMON | _AUGMENTED | {"layers": 2, "activation": "none", "epochs": 50},
        "sce": _COMMON | _SGC | {"weight": 2e4, "epochs": 50},
        "coles": _COMMON | _SGC | {"weight": 0.8, "epochs": 20},
        "dgi": _COMMON | {"epochs": 200},
        "ggd": _COMMON | {"feature_masking": (0.2, 0.2), "epochs": 500, "power_steps": 5},
        "bgrl": _COMMON | _BGRL | _SLOW | {"feature_masking": (0.2, 0.1), "edge_dropping": (0.2, 0.3)},
        "own": _COMMON | _AUGMENTED | {"layers": 2, "activation": "none", "epochs": 50},
    }

    objective: Any = "grace"
    encoder: Any = "gcn"
    feature_masking: tuple[float, float] | None = None
    edge_dropping: tuple[float, float] | None = None
    power_steps: int | None = None

    def _fit_vectors(self, graph: Graph, ranks: Ranks) -> F32:
        augmentation = {name: _pair(name, self._setting(name)) for name in ("feature_masking", "edge_dropping")}
        checkpoint = self._open_checkpoint(graph, graph.x, ranks=ranks, sizes=graph_sizes(graph))
        features = self._features(graph, checkpoint.seed)
        x, adj = self._tensors(graph, features)

        def infer(encoder: Any) -> Tensor:
            return self._encode(encoder, x, adj)

        def source() -> GraphSource:
            return GraphSource(x, adj, **augmentation, message_passing=self.encoder != "mlp")

        complete = self._train(source, int(features.shape[1]), infer, checkpoint, ranks, init="glorot")
        embedding: F32 = infer(self.encoder_).cpu().numpy()
        if complete:
            checkpoint.remove()
        ranks.meet("the end of the fit")
        return embedding

    def _tensors(self, graph: Graph, features: Any) -> tuple[Any, Any]:
        x, adj = super()._tensors(graph, features)
        return (x.to_dense() if isinstance(x, SparseFeatures) and not isinstance(self.encoder, str) else x), adj

    def _encode(self, encoder: Any, x: Any, adj: Any) -> Tensor:
        h: Tensor = encoder.infer(x, adj if self.encoder != "mlp" else None)
        smooth = h
        for _ in range(self._setting("power_steps")):
            smooth = propagate(adj, smooth)
        return h + smooth if smooth is not h else h

    def _make_encoder(self, in_channels: int, init: str) -> Any:
        if isinstance(self.encoder, str):
            return super()._make_encoder(in_channels, init)
        own = copy.deepcopy(self.encoder) if isinstance(self.encoder, nn.Module) else self.encoder(in_channels)
        return OwnEncoder(own, self._learned_columns())

    def _has_residual(self) -> bool:
        named = isinstance(self.encoder, str) and self.encoder == "gcn"  # others: what was asked for, and no more
        return super()._has_residual() and (named or self.residual is not None)

    def _check(self) -> None:
        super()._check()
        if isinstance(self.encoder, str) and self.encoder not in ("gcn", "mlp"):
            raise ValueError(f"encoder must be gcn or mlp, or a custom encoder; got {self.encoder!r}.")
        if not isinstance(self.encoder, str):
            if not callable(self.encoder):
                raise TypeError(f"encoder must be a name, a module or a function of in_channels, got {self.encoder!r}.")
            if self.dimensions is None:
                raise ValueError("dimensions must be the width of the result of a custom encoder, got None.")


class OwnEncoder(nn.Module):
    """Adds masked columns and shuffled rows to a custom encoder ``module(x, adj)``."""

    def __init__(self, module: nn.Module, dimensions: int) -> None:
        super().__init__()
        self.module, self.dimensions = module, dimensions

    def forward(
        self, x: Tensor, adj: Any = None, *, columns: Tensor | None = None, rows: Tensor | None = None
    ) -> Tensor:
        """Vectors of shape (num_nodes, dimensions)."""
        if columns is not None:
            x = x * columns
        if rows is not None:
            x = x.index_select(0, rows)
        out: Tensor = self.module(x, adj)
        if tuple(out.shape) != (len(x), self.dimensions):
            raise ValueError(
                f"encoder must return vectors of shape (num_nodes, dimensions) = ({len(x)}, {self.dimensions}), "
                f"got {tuple(out.shape)}."
            )
        return out

    @torch.no_grad()
    def infer(self, x: Tensor, adj: Any = None) -> Tensor:
        """As :meth:`forward` in evaluation mode."""
        with evaluating(self):
            out: Tensor = self(x, adj)
        return out


def _pair(name: str, value: Any) -> tuple[float, float]:
    parts = tuple(value) if isinstance(value, (tuple, list)) else (value, value)
    if len(parts) != 2:
        raise ValueError(f"{name} must be two probabilities, got {value!r}.")
    return checked_float(name, parts[0], 0.0, 1.0), checked_float(name, parts[1], 0.0, 1.0)
