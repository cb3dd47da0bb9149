"""Contrastive graph clustering with an encoder that needs no graph after training: PamC and SCGC."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
import torch
from sklearn.base import ClassNamePrefixFeaturesOutMixin, ClusterMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from graphrep._arrays import detached
from graphrep._checks import checked_features, checked_float, checked_int, checked_ints
from graphrep._estimator import LoopEstimator
from graphrep._saving import SavedEstimator, load_weights, weights_of
from graphrep._threads import limited_threads
from graphrep.cluster.affinity import influence, knn_graph, spectral_features
from graphrep.cluster.autoencoder import AutoEncoder, FeatureTable
from graphrep.cluster.losses import meta_node_loss, neighbor_contrast_loss
from graphrep.cluster.training import ClusterModel, ClusterTask, Settled, clustering_loop, starting_point
from graphrep.graph import Graph, untyped_graph
from graphrep.learn.checkpoint import Checkpoint
from graphrep.ops.adjacency import Adjacency

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["SCGC", "PamC"]

Tensor = torch.Tensor
F32 = npt.NDArray[np.float32]
I64 = npt.NDArray[np.int64]


@dataclass(kw_only=True, eq=False, repr=False)
class PamC(ClassNamePrefixFeaturesOutMixin, TransformerMixin, ClusterMixin, LoopEstimator, SavedEstimator):  # type: ignore[misc]
    r"""Graph clustering by a contrastive loss whose negatives are clusters, in time linear in the number of nodes.

    Pre-training fits an autoencoder to the features, and k-means on its codes initializes the centers. Full-batch
    training of encoder and centers then minimizes :math:`\alpha L + \beta\, \mathrm{KL}(p \| q)`, where L is
    :func:`graphrep.cluster.meta_node_loss` with the current hard assignments, q are the Student-t assignments
    (``graphrep.cluster.losses.soft_assignment``) and p is their sharpened target. Only L uses the graph, so new
    rows are assigned without one. Training ends after the last epoch or when the assignments settle. It uses no
    labels.

    Parameters
    ----------
    n_clusters : int
    dimensions : int
        Width of the code.
    hidden : sequence of int
        Widths of the encoder's hidden layers.
    alpha, beta : float
        Weights of the contrastive loss and of the divergence. Clusters can collapse without the divergence.
    temperature : float
        Divides cosines in the loss. The papers multiply by :math:`\tau`, its inverse.
    hops : int
        Powers of the adjacency; see :func:`graphrep.cluster.influence`.
    cumulative : bool
        Whether to sum the powers or use only the last.
    max_entries : int, optional
        Number of entries to keep per row of each power, the largest ones; None keeps all.
    n_neighbors : int
        Neighbors in the graph of a plain table; see :func:`graphrep.cluster.knn_graph`.
    pretraining_epochs, pretraining_batch_size : int
    pretraining_learning_rate : float
        Settings of the autoencoder's training.
    epochs : int
    learning_rate : float
        Learning rate of Adam.
    tol : float, optional
        Stop after ``patience`` consecutive epochs in which at most this fraction of the nodes changed clusters.
    patience : int
    n_init : int
        Number of initializations of k-means.
    degrees_of_freedom : float
        Parameter of the Student-t assignment.
    checkpoint, callbacks, max_seconds, device, n_jobs, random_state, progress
        As in :class:`graphrep.GAE`. Callbacks are called in the clustering stage, where ``estimator.labels_`` are the
        assignments that the epoch was trained with. The last digits of dense products depend on the number of threads,
        so ``n_jobs`` is 1 by default: a seed gives the same result for any setting of torch; None uses torch's.

    Attributes
    ----------
    labels_ : int64 array of shape (num_nodes,)
        Cluster of each node; clusters may be empty.
    embedding_ : float32 array of shape (num_nodes, dimensions)
        Codes.
    probabilities_ : float32 array of shape (num_nodes, n_clusters)
        Soft assignments.
    cluster_centers_ : float32 array of shape (n_clusters, dimensions)
    initial_labels_ : int64 array of shape (num_nodes,)
        Clusters of k-means on the codes of the autoencoder: the baseline for the training.
    model_ : torch.nn.Module
        With ``autoencoder`` and ``centers``; its call returns codes and soft assignments of features.
    nodes_ : array of shape (num_nodes,)
        Names of the nodes, in the order of the rows.
    history_ : list of dict
        Per epoch: the loss, its two terms, and the fraction of nodes that changed clusters.
    pretraining_loss_ : list of float
        Loss per epoch of the autoencoder.
    n_iter_ : int
        Number of epochs.

    Notes
    -----
    An epoch takes O(num_nodes) passes of the encoder and O((e + n_clusters) * num_nodes * dimensions) for the loss,
    with at most e influence entries per row.

    Training does not always pay. Against k-means on unit rows of the SVD of propagated features
    (:func:`graphrep.evaluate.clustering_baselines`), which takes seconds, PamC gains 2.4 points of accuracy on ACM
    (90.1 against 87.7) and loses 4.3 on Citeseer (64.8 against 69.1). Unlike the baseline, it needs no edges of new
    rows.

    References
    ----------
    Kulatilleke, Portmann, Chandra. Efficient block contrastive learning via parameter-free meta-node approximation.
    2022.

    Examples
    --------
    >>> import numpy as np
    >>> import graphrep as gr
    >>> x = np.random.default_rng(0).standard_normal((40, 5)) + 6 * (np.arange(40) % 2)[:, None]
    >>> model = gr.PamC(n_clusters=2, hidden=(16,), epochs=5)
    >>> labels = model.fit_predict(gr.cluster.knn_graph(x))
    >>> gr.evaluate.clustering(np.arange(40) % 2, labels)["accuracy"]
    1.0
    >>> bool(model.predict(x[:1])[0] == labels[0])
    True
    """

    n_clusters: int = 8
    dimensions: int = 10
    hidden: Sequence[int] = (500, 500, 2000)
    alpha: float = 2.0
    beta: float = 2.0
    temperature: float = 2.0
    hops: int = 2
    cumulative: bool = True
    max_entries: int | None = 128
    n_neighbors: int = 5
    pretraining_epochs: int = 30
    pretraining_learning_rate: float = 0.001
    pretraining_batch_size: int = 256
    epochs: int = 200
    learning_rate: float = 0.001
    tol: float | None = None
    patience: int = 10
    n_init: int = 20
    degrees_of_freedom: float = 1.0
    n_jobs: int | None = 1

    def fit(self, graph: Any, y: Any = None, *, autoencoder: AutoEncoder | None = None) -> Self:
        """Cluster the nodes of a graph, or the rows of a table.

        Parameters
        ----------
        graph : Graph, networkx graph, PyG Data, path; or array or scipy.sparse matrix (num_nodes, num_features)
            A graph with features ``x``; directions are ignored. A graph without features gets
            :func:`graphrep.cluster.spectral_features`. A matrix is a table of features, from which a
            nearest-neighbor graph is built; convert an adjacency matrix with :func:`graphrep.as_graph` first.
        y : ignored
        autoencoder : AutoEncoder, optional
            A trained autoencoder, which is copied; see :func:`graphrep.cluster.pretrain_autoencoder`.

        Returns
        -------
        self

        Raises
        ------
        ValueError, TypeError
            Features are not finite, there are fewer nodes than clusters or neither features nor edges, or a setting is
            out of range.
        """
        del y
        self._check()
        with limited_threads(self.n_jobs):
            g, features = self._graph_and_features(graph)
            if g.num_nodes < self.n_clusters:
                raise ValueError(f"n_clusters is {self.n_clusters}, but there are n_samples = {g.num_nodes} nodes.")
            checkpoint = self._open_checkpoint(g, features, autoencoder)
            if features is None:
                features = spectral_features(g, seed=checkpoint.seed)
                self.n_features_in_ = features.shape[1]
            table = FeatureTable(features, self.device)
            if autoencoder is not None and autoencoder.encoder[0].in_features != table.shape[1]:
                raise ValueError(
                    f"autoencoder takes {autoencoder.encoder[0].in_features} features, but x has {table.shape[1]}."
                )
            if self._train(g, table, checkpoint, autoencoder):
                checkpoint.remove()
        return self

    def _train(
        self, graph: Graph, table: FeatureTable, checkpoint: Checkpoint, autoencoder: AutoEncoder | None
    ) -> bool:
        """Run both stages; returns whether they are complete."""
        begin = time.monotonic()
        names = ("n_clusters", "n_init", "degrees_of_freedom", "hidden", "dimensions", "progress", "max_seconds")
        options = {name: getattr(self, name) for name in names}
        options |= {name: getattr(self, f"pretraining_{name}") for name in ("epochs", "batch_size", "learning_rate")}
        start = starting_point(table, checkpoint, autoencoder=autoencoder, **options)
        if start.timed_out:  # the next fit continues the pre-training
            checkpoint = Checkpoint(None, random_state=checkpoint.seed)
        influences = influence(graph, self.hops, cumulative=self.cumulative, max_entries=self.max_entries)
        weights = {
            "alpha": self.alpha,
            "beta": self.beta,
            "reconstruction": getattr(self, "reconstruction", 0.0),
        }  # SCGC has it
        task = ClusterTask(start.model, table, influences.to(table.device), self._contrast, **weights)

        def on_epoch(epoch: int, record: dict[str, float]) -> bool:
            self.labels_ = task.labels.cpu().numpy()
            return self._notify(epoch, record)

        loop = clustering_loop(
            task,
            learning_rate=self.learning_rate,
            epochs=self.epochs,
            seed=checkpoint.seed,
            stop=Settled(self.tol, self.patience),
            on_epoch=on_epoch,
            max_seconds=None if self.max_seconds is None else self.max_seconds - (time.monotonic() - begin),
            checkpoint=checkpoint,
            progress=self.progress,
            name=type(self).__name__,
        )
        # Set before training, so that callbacks can use them.
        self.model_, self.history_, self.initial_labels_ = start.model, loop.history, start.labels
        self.pretraining_loss_ = [record["loss"] for record in start.history]
        self.nodes_ = graph.nodes
        loop.run()
        self.history_, self.n_iter_ = loop.history, len(loop.history)
        self.embedding_, self.probabilities_ = self._encode(table)
        self.labels_ = self.probabilities_.argmax(1)
        self.cluster_centers_ = self.model_.centers.detach().cpu().numpy()
        return not (start.timed_out or loop.timed_out)

    def fit_transform(self, graph: Any, y: Any = None, **options: Any) -> F32:
        """Fit and return the codes, float32 of shape (num_nodes, dimensions); options as in :meth:`fit`."""
        embedding: F32 = self.fit(graph, y, **options).embedding_
        return embedding

    def predict(self, x: Any) -> I64:
        """Clusters of rows of features, or of the nodes of a graph by their features; edges are ignored.

        Returns
        -------
        int64 array of shape (num_rows,)
        """
        with limited_threads(self.n_jobs):
            probabilities = self._encode(self._new_rows(x))[1]
        return np.asarray(probabilities.argmax(1))

    def transform(self, x: Any) -> F32:
        """Codes of rows of features, or of the nodes of a graph, float32 of shape (num_rows, dimensions)."""
        with limited_threads(self.n_jobs):
            return self._encode(self._new_rows(x))[0]

    def _contrast(self, z: Tensor, labels: Tensor, weights: Adjacency) -> Tensor:
        return meta_node_loss(z, labels, weights, n_clusters=self.n_clusters, temperature=self.temperature)

    def _encode(self, table: FeatureTable) -> tuple[F32, F32]:
        both = table.encoded(lambda x: torch.cat(self.model_(x), 1)).cpu().numpy()
        width = self.model_.centers.shape[1]
        return np.ascontiguousarray(both[:, :width]), np.ascontiguousarray(both[:, width:])

    def _graph_and_features(self, graph: Any) -> tuple[Graph, Any]:
        if _is_table(graph):
            table = validate_data(self, detached(graph), accept_sparse="csr", dtype=[np.float64, np.float32])
            self._has_features = True
            return knn_graph(table, self.n_neighbors, n_jobs=self.n_jobs), table
        g = untyped_graph(graph)
        if not g.num_nodes:
            raise ValueError("graph must have at least one node, got none.")
        self._has_features = g.x is not None
        if self._has_features:
            x = checked_features("x", g.x, g.num_nodes)
            self.n_features_in_ = int(x.shape[1])
            return g, x
        if not g.num_arcs:
            raise ValueError("graph has neither features nor edges; at least one is needed for clustering.")
        return g, None

    def _new_rows(self, x: Any) -> FeatureTable:
        check_is_fitted(self, "model_")
        if not self._has_features:
            raise ValueError(
                f"this {type(self).__name__} was fitted to a graph without features and cannot assign new nodes; the "
                "clusters of that graph are in labels_."
            )
        if not _is_table(x):
            x = untyped_graph(x).x
            if x is None:
                raise ValueError("graph has no features x, by which new nodes are assigned.")
        rows = validate_data(self, detached(x), accept_sparse="csr", dtype=[np.float64, np.float32], reset=False)
        return FeatureTable(rows, self.device)

    def _state(self) -> dict[str, Any]:
        names = ["nodes_", "initial_labels_", "probabilities_", "history_", "pretraining_loss_", "n_iter_"]
        names += ["n_features_in_", "_has_features", "feature_names_in_"]
        state = {name: getattr(self, name) for name in names if hasattr(self, name)}
        autoencoder = self.model_.autoencoder
        widths = [autoencoder.encoder[0].in_features, *(layer.out_features for layer in autoencoder.encoder)]
        weights = weights_of(self.model_)
        weights.pop("labels", None)  # of the last step of training
        return state | {"widths": widths, "model_": weights}

    def _restore(self, state: dict[str, Any]) -> None:
        inputs, *hidden, dimensions = state.pop("widths")
        autoencoder = AutoEncoder(inputs, hidden=hidden, dimensions=dimensions)
        centers = torch.empty(state["model_"]["centers"].shape)
        model = ClusterModel(autoencoder, centers, self.degrees_of_freedom)
        load_weights(model, state["model_"])
        num_nodes, shape = len(state["nodes_"]), (self.n_clusters, dimensions)
        found = [state[name].shape for name in ("embedding_", "probabilities_", "initial_labels_")]
        if tuple(centers.shape) != shape or found != [(num_nodes, dimensions), (num_nodes, shape[0]), (num_nodes,)]:
            raise ValueError("vectors, assignments and centers do not fit together")
        super()._restore(state | {"model_": model.to(self._device())})
        self.labels_ = self.probabilities_.argmax(1)
        self.cluster_centers_ = state["model_"]["centers"]

    def _check(self) -> None:
        self._check_training()
        for name in ("n_clusters", "dimensions", "n_neighbors", "pretraining_batch_size", "patience", "n_init"):
            checked_int(name, getattr(self, name), 1)
        checked_int("pretraining_epochs", self.pretraining_epochs, 0)
        checked_ints("hidden", self.hidden, 1)
        for name in ("alpha", "beta", "learning_rate", "pretraining_learning_rate"):
            checked_float(name, getattr(self, name), 0.0)
        checked_float("temperature", self.temperature, 0.0, exclusive=True)
        checked_float("degrees_of_freedom", self.degrees_of_freedom, 0.0, exclusive=True)
        if self.tol is not None:
            checked_float("tol", self.tol, 0.0, 1.0)

    @property
    def _n_features_out(self) -> int:
        return int(self.embedding_.shape[1])

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags


@dataclass(kw_only=True, eq=False, repr=False)
class SCGC(PamC):
    r"""Graph clustering by a contrastive loss: :class:`PamC` with all nodes as negatives.

    L is :func:`graphrep.cluster.neighbor_contrast_loss`, computed in blocks of rows of the N x N similarities: an epoch
    takes O(num_nodes**2) time and bounded memory. With ``reconstruction``, the loss includes the weighted mean squared
    error of the decoded features (published as "SCGC", which also has ``cumulative=False``); without it, this is the
    published "SCGC*". Parameters and attributes that are not listed are those of :class:`PamC`.

    Parameters
    ----------
    reconstruction : float
        Weight of the reconstruction error.
    block : int, optional
        Rows of the similarity matrix per block; see ``graphrep.cluster.losses.all_pairs_similarity``.

    References
    ----------
    Kulatilleke, Portmann, Chandra. SCGC: Self-Supervised Contrastive Graph Clustering. 2022.

    Examples
    --------
    >>> import networkx as nx
    >>> import graphrep as gr
    >>> model = gr.SCGC(n_clusters=2, hidden=(16,), epochs=5)
    >>> model.fit_predict(nx.karate_club_graph()).shape
    (34,)
    """

    alpha: float = 1.0
    beta: float = 0.1
    temperature: float = 4.0
    reconstruction: float = 0.0
    block: int | None = None

    def _contrast(self, z: Tensor, labels: Tensor, weights: Adjacency) -> Tensor:
        del labels
        return neighbor_contrast_loss(z, weights, temperature=self.temperature, block=self.block)

    def _check(self) -> None:
        super()._check()
        checked_float("reconstruction", self.reconstruction, 0.0)
        if self.block is not None:
            checked_int("block", self.block, 1)


def _is_table(obj: Any) -> bool:
    """Whether the input is a matrix and thus a table; anything else is a graph."""
    if isinstance(obj, torch.Tensor):
        return obj.layout == torch.strided
    return sp.issparse(obj) or hasattr(obj, "__array__") or isinstance(obj, (list, tuple))
