"""``Contrastive``: self-supervised training of an encoder on the whole graph."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import torch

from graphrep._checks import checked_float
from graphrep._embedder import F32
from graphrep._training import as_features
from graphrep.contrast._base import ContrastiveEmbedder
from graphrep.contrast.sources import GraphSource
from graphrep.graph import Graph
from graphrep.nn.gcn import GCN
from graphrep.ops.adjacency import as_adjacency
from graphrep.ops.convolution import propagate

__all__ = ["Contrastive"]

Tensor = torch.Tensor

_COMMON: dict[str, Any] = {
    "dimensions": 512,
    "hidden": None,
    "layers": 1,
    "hops": 1,
    "inner_activation": "relu",
    "activation": "prelu",
    "learning_rate": 1e-3,
    "weight_decay": 0.0,
    "temperature": 0.5,
    "weight": None,
    "feature_masking": (0.0, 0.0),
    "edge_dropping": (0.0, 0.0),
    "power_steps": 0,
}
_SGC = {"hops": 2, "inner_activation": "none", "activation": "none", "weight_decay": 5e-4}


class Contrastive(ContrastiveEmbedder):
    r"""Train a graph encoder without labels, on the whole graph, by one of eight objectives.

    One step per epoch over all nodes. The two-view objectives see the graph twice, some feature columns masked and some
    arcs dropped; DGI and GGD tell it from a copy with shuffled features; SCE and COLES pull random pairs apart.

    Parameters
    ----------
    objective : {"grace", "cca-ssg", "barlow-twins", "sce", "coles", "dgi", "ggd", "bgrl"}
        The functions are in :mod:`graphrep.contrast`. It sets the defaults of every parameter that is None: the
        published settings for Cora where there are any (see Notes).
    encoder : {"gcn", "mlp"}
        ``"mlp"`` leaves message passing out, in training and after. SGC is ``layers=1, hops=2, activation="none"``.
    dimensions : int, optional
        Columns of the result.
    hidden : int, optional
        Width of the layers before the last; default ``dimensions``.
    layers, hops : int, optional
    inner_activation, activation : str, optional
        See :class:`graphrep.nn.GCN`.
    feature_masking, edge_dropping : pair of float, optional
        Probabilities of either view.
    temperature : float, optional
        Of GRACE.
    weight : float, optional
        :math:`\lambda` of CCA-SSG, Barlow Twins and COLES, :math:`\alpha` of SCE.
    negatives : int
        Random pairs that each node draws in SCE and COLES.
    power_steps : int, optional
        k > 0 returns :math:`H + \hat A^k H`, as GGD does.
    learning_rate, weight_decay : float, optional
        Of Adam (of AdamW for BGRL).
    epochs : int, optional
    stop : {"last", "loss", "agreement"} or StopRule
        What decides which epoch's weights are used, never a label; see :mod:`graphrep.contrast.stopping`.
    random_features : int
        Columns of the random normal features of a graph that has none.
    checkpoint : path, optional
        File to which every epoch is saved, and from which an interrupted fit goes on.
    device : str, optional
        Default: the CPU.
    random_state : int, RandomState, Generator or None
    progress : bool
        Show a bar if the output is a terminal.

    Attributes
    ----------
    embedding_ : float32 array of shape (num_nodes, dimensions)
    encoder_ : graphrep.nn.GCN
    history_ : list of dict
        Per epoch: loss, and what the stopping rule looked at.
    best_epoch_ : int
        Whose weights are used, counted from 1.
    num_parameters_ : int
    nodes_ : array
        Names of the rows.

    Raises
    ------
    ValueError
        A directed graph, features that are not finite, settings out of range, or a loss that is no longer finite.

    Notes
    -----
    Edge weights are not used. Features stay sparse. An epoch takes O(num_arcs * dimensions) for propagation, the
    product of the features with the first weights, and the objective: O(num_nodes²) time and O(num_nodes) memory for
    GRACE, O(num_nodes * dimensions²) for CCA-SSG and Barlow Twins, O(num_nodes * dimensions) for the others. Memory
    O(num_nodes * dimensions).

    Defaults: GRACE, CCA-SSG, DGI (without its patience), GGD as published for Cora; SCE and COLES an SGC encoder and
    the epochs of the StructComp authors; BGRL a tenth of the published 10,000 epochs at a constant learning rate;
    Barlow Twins the encoder of CCA-SSG.

    Examples
    --------
    >>> import networkx as nx
    >>> import graphrep as gr
    >>> model = gr.Contrastive(objective="cca-ssg", dimensions=8, epochs=3, random_state=0, progress=False)
    >>> model.fit_transform(nx.karate_club_graph()).shape
    (34, 8)
    """

    SETTINGS = {  # noqa: RUF012
        "grace": _COMMON
        | {
            "layers": 2,
            "dimensions": 128,
            "hidden": 256,
            "activation": "relu",
            "learning_rate": 5e-4,
            "weight_decay": 1e-5,
            "temperature": 0.4,
            "feature_masking": (0.3, 0.4),
            "edge_dropping": (0.2, 0.4),
            "epochs": 200,
        },
        "cca-ssg": _COMMON
        | {
            "layers": 2,
            "activation": "none",
            "weight": 1e-3,
            "feature_masking": (0.1, 0.1),
            "edge_dropping": (0.4, 0.4),
            "epochs": 50,
        },
        "barlow-twins": _COMMON
        | {
            "layers": 2,
            "activation": "none",
            "feature_masking": (0.1, 0.1),
            "edge_dropping": (0.4, 0.4),
            "epochs": 50,
        },
        "sce": _COMMON | _SGC | {"weight": 2e4, "epochs": 50},
        "coles": _COMMON | _SGC | {"weight": 0.8, "epochs": 20},
        "dgi": _COMMON | {"epochs": 200},
        "ggd": _COMMON | {"feature_masking": (0.2, 0.2), "epochs": 500, "power_steps": 5},
        "bgrl": _COMMON
        | {
            "layers": 2,
            "dimensions": 256,
            "hidden": 512,
            "inner_activation": "prelu",
            "batch_norm": True,
            "learning_rate": 5e-4,
            "weight_decay": 1e-5,
            "feature_masking": (0.2, 0.1),
            "edge_dropping": (0.2, 0.3),
            "epochs": 1000,
        },
    }

    def __init__(
        self,
        *,
        objective: str = "grace",
        encoder: str = "gcn",
        dimensions: int | None = None,
        hidden: int | None = None,
        layers: int | None = None,
        hops: int | None = None,
        inner_activation: str | None = None,
        activation: str | None = None,
        feature_masking: tuple[float, float] | None = None,
        edge_dropping: tuple[float, float] | None = None,
        temperature: float | None = None,
        weight: float | None = None,
        negatives: int = 5,
        power_steps: int | None = None,
        learning_rate: float | None = None,
        weight_decay: float | None = None,
        epochs: int | None = None,
        stop: Any = "last",
        random_features: int = 128,
        checkpoint: str | os.PathLike[str] | None = None,
        device: str | None = None,
        random_state: Any = None,
        progress: bool = True,
    ) -> None:
        self._store(locals())

    def _embed(
        self, graph: Graph, *, on_epoch: Callable[[int, Callable[[], F32]], None] | None = None, **_: Any
    ) -> F32:
        graph = self._checked_graph(graph)
        if self.encoder not in ("gcn", "mlp"):
            raise ValueError(f"encoder must be gcn or mlp; got {self.encoder!r}.")
        augmentation = {name: _pair(name, self._setting(name)) for name in ("feature_masking", "edge_dropping")}
        device, seed = torch.device(self.device or "cpu"), self._seed()
        features = self._features(graph, seed)
        x, adj = as_features(features, device), as_adjacency(graph).to(device)
        passing = adj if self.encoder == "gcn" else None

        def infer(encoder: GCN) -> Tensor:
            h = encoder.infer(x, passing)
            smooth = h
            for _ in range(self._setting("power_steps")):
                smooth = propagate(adj, smooth)
            return h + smooth if smooth is not h else h

        self._train(
            lambda: GraphSource(x, adj, **augmentation, message_passing=passing is not None),
            features,
            graph,
            seed,
            infer,
            on_epoch,
            init="glorot",
        )
        return infer(self.encoder_).cpu().numpy()


def _pair(name: str, value: Any) -> tuple[float, float]:
    parts = tuple(value) if isinstance(value, (tuple, list)) else (value, value)
    if len(parts) != 2:
        raise ValueError(f"{name} must be two probabilities, got {value!r}.")
    return checked_float(name, parts[0], 0.0, 1.0), checked_float(name, parts[1], 0.0, 1.0)
