"""The two stages of contrastive clustering: an autoencoder with k-means, then joint training with the centers."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from graphrep.cluster.autoencoder import AutoEncoder, FeatureTable, reconstruction_loop
from graphrep.cluster.losses import clustering_divergence, soft_assignment, target_distribution
from graphrep.evaluate.clustering import k_means
from graphrep.learn.checkpoint import Checkpoint
from graphrep.learn.loop import Loop
from graphrep.learn.stopping import StopRule, Verdict
from graphrep.nn.generators import make_generator, using_generator
from graphrep.ops.adjacency import Adjacency

__all__ = ["ClusterModel", "ClusterTask", "Settled", "Start", "starting_point"]

Tensor = torch.Tensor
I64 = npt.NDArray[np.int64]


class ClusterModel(nn.Module):
    """An autoencoder and cluster centers in its code space.

    Parameters
    ----------
    autoencoder : AutoEncoder
    centers : tensor of shape (n_clusters, dimensions)
    degrees_of_freedom : float
        As in ``graphrep.cluster.losses.soft_assignment``.
    """

    def __init__(self, autoencoder: AutoEncoder, centers: Tensor, degrees_of_freedom: float = 1.0) -> None:
        super().__init__()
        self.autoencoder, self.degrees_of_freedom = autoencoder, degrees_of_freedom
        self.centers = nn.Parameter(centers.clone())

    def forward(self, x: Any) -> tuple[Tensor, Tensor]:
        """Codes (num_nodes, dimensions) and soft assignments (num_nodes, n_clusters)."""
        z = self.autoencoder.encode(x)
        return z, soft_assignment(z, self.centers, self.degrees_of_freedom)


@dataclass
class Start:
    """Result of pre-training: the model, the clusters of k-means, the history, and whether the time ran out."""

    model: ClusterModel
    labels: I64
    history: list[dict[str, float]]
    timed_out: bool = False


def starting_point(
    table: FeatureTable,
    checkpoint: Checkpoint,
    *,
    n_clusters: int,
    n_init: int,
    degrees_of_freedom: float,
    hidden: Any,
    dimensions: int,
    autoencoder: AutoEncoder | None = None,
    learning_rate: float,
    **options: Any,
) -> Start:
    """Pre-train an autoencoder, or copy the given one, and compute centers of its codes by k-means.

    Options as in :func:`graphrep.cluster.autoencoder.reconstruction_loop`.
    """
    seed, saved = checkpoint.seed, checkpoint.load("start")
    if autoencoder is None:
        with using_generator(make_generator(seed)):
            autoencoder = AutoEncoder(table.shape[1], hidden=hidden, dimensions=dimensions)
        pretrained = saved is not None
    else:
        autoencoder, pretrained = copy.deepcopy(autoencoder), True
    autoencoder = autoencoder.to(table.device, torch.float32)
    if saved is not None:
        model = ClusterModel(autoencoder, saved["model"]["centers"].to(table.device), degrees_of_freedom)
        model.load_state_dict(saved["model"])
        return Start(model, saved["labels"], saved["history"])
    history: list[dict[str, float]] = []
    timed_out = False
    if not pretrained:
        options |= {"learning_rate": learning_rate, "seed": seed, "checkpoint": checkpoint}
        loop = reconstruction_loop(autoencoder, table, **options)
        loop.run()
        history, timed_out = loop.history, loop.timed_out
    codes = table.encoded(autoencoder.encode)
    if not bool(codes.isfinite().all()):
        raise ValueError(
            f"the codes of the autoencoder are not finite; try a learning rate below {learning_rate:g} or smaller "
            "features."
        )
    centers, labels = k_means(codes.cpu().numpy(), n_clusters, n_init=n_init, seed=seed)
    model = ClusterModel(autoencoder, torch.from_numpy(centers).to(table.device), degrees_of_freedom)
    start = Start(model, labels, history, timed_out)
    if not timed_out:
        checkpoint.discard("pre-training")
        checkpoint.save("start", {"model": start.model.state_dict(), "labels": labels, "history": history})
    return start


@dataclass(eq=False, repr=False)
class ClusterTask:
    """Full-batch loss of the clustering stage.

    Parameters
    ----------
    model : ClusterModel
    table : FeatureTable
    influence : Adjacency
    contrast : callable
        ``contrast(z, labels, influence)`` returns the contrastive loss.
    alpha, beta, reconstruction : float
        Weights of the contrastive loss, the divergence and the reconstruction error.

    Attributes
    ----------
    labels : int64 tensor of shape (num_nodes,)
        Hard assignments of the last step, -1 before the first step. They are part of the model's state and therefore of
        checkpoints.
    """

    model: ClusterModel
    table: FeatureTable
    influence: Adjacency
    contrast: Callable[[Tensor, Tensor, Adjacency], Tensor]
    _: KW_ONLY
    alpha: float
    beta: float
    reconstruction: float = 0.0

    def __post_init__(self) -> None:
        self.model.register_buffer("labels", torch.full((self.table.shape[0],), -1, device=self.table.device))

    @property
    def labels(self) -> Tensor:
        """Hard assignments of the last step."""
        return self.model.get_buffer("labels")

    def parameters(self) -> list[nn.Parameter]:
        """Parameters to train, including the decoder only if its error is part of the loss."""
        if self.reconstruction:
            return list(self.model.parameters())
        return [*self.model.autoencoder.encoder.parameters(), self.model.centers]

    def loss(self, _: Any) -> Mapping[str, Tensor]:
        """The loss, its two terms, and the fraction of nodes that changed clusters."""
        z, q = self.model(self.table.full)
        labels = q.detach().argmax(1)
        changed = (labels != self.labels).double().mean()
        self.labels.copy_(labels)
        contrast = self.contrast(z, labels, self.influence)
        divergence = clustering_divergence(q, target_distribution(q))
        loss = self.alpha * contrast + self.beta * divergence
        if self.reconstruction:
            loss = loss + self.reconstruction * self.table.squared_error(self.model.autoencoder.decode(z))
        return {"loss": loss, "contrast": contrast, "kl": divergence, "changed": changed}


class Settled(StopRule):
    """Use the last epoch; stop after ``patience`` epochs in which at most a fraction ``tol`` of nodes changed."""

    def __init__(self, tol: float | None, patience: int) -> None:
        self.tol, self.patience = tol, patience
        self._calm = 0

    def after(self, epoch: int, record: dict[str, float], probe: Any = None) -> Verdict:
        """Judge an epoch by the fraction of nodes that changed clusters."""
        del epoch, probe
        self._calm = self._calm + 1 if self.tol is not None and record["changed"] <= self.tol else 0
        return Verdict(best=True, stop=self.tol is not None and self._calm >= self.patience)


def clustering_loop(task: ClusterTask, *, learning_rate: float, **options: Any) -> Loop:
    """Full-batch training of encoder and centers; options as in :class:`graphrep.learn.Loop`."""
    optimizer = torch.optim.Adam(task.parameters(), lr=learning_rate)
    return Loop(task.model, task.loss, lambda _: [None], optimizer, stage="clustering", **options)
