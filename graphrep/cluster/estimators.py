"""Contrastive graph clustering by an encoder that needs no graph afterwards: PamC, and SCGC beside it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
import torch
from sklearn.base import ClusterMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from graphrep._checks import checked_float, checked_int
from graphrep._estimator import LoopEstimator
from graphrep._threads import limited_threads
from graphrep.cluster.affinity import influence, knn_graph, spectral_features
from graphrep.cluster.autoencoder import AutoEncoder, FeatureTable
from graphrep.cluster.losses import meta_node_loss, neighbor_contrast_loss
from graphrep.cluster.training import ClusterTask, Settled, clustering_loop, starting_point
from graphrep.graph import Graph, as_graph
from graphrep.learn.checkpoint import Checkpoint
from graphrep.ops.adjacency import Adjacency

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["SCGC", "PamC"]

Tensor = torch.Tensor
F32 = npt.NDArray[np.float32]
I64 = npt.NDArray[np.int64]


@dataclass(kw_only=True, eq=False, repr=False)
class PamC(ClusterMixin, LoopEstimator):  # type: ignore[misc]
    r"""Graph clustering by a contrastive loss whose negatives are clusters, in time linear in the nodes.

    An auto-encoder of the features is trained, k-means on its codes gives centers, then encoder and centers are trained
    on all nodes at once by :math:`\alpha L + \beta\, \mathrm{KL}(p \| q)`: L is
    :func:`graphrep.cluster.meta_node_loss` with the hard assignments of the moment, q the Student-t assignments
    (:func:`graphrep.cluster.soft_assignment`), p their sharpened target. The graph appears in L alone, so new rows are
    assigned without one. Training ends after the last epoch or when the assignments settle; labels play no part.

    Parameters
    ----------
    n_clusters : int
    dimensions : int
        Width of the code.
    hidden : sequence of int
        Widths of the encoder's hidden layers.
    alpha, beta : float
        Weights of the contrastive loss and of the divergence. Without the latter nothing keeps clusters from
        collapsing.
    temperature : float
        Divides cosines in the loss. The papers multiply by :math:`\tau`, its inverse.
    hops : int
        Powers of the adjacency, see :func:`graphrep.cluster.influence`.
    cumulative : bool
        Sum the powers, or take the last one alone.
    max_entries : int, optional
        Largest entries of a row that are kept of each power; None keeps all.
    n_neighbors : int
        Of the graph that is made of a plain table, see :func:`graphrep.cluster.knn_graph`.
    pretraining_epochs, pretraining_batch_size : int
    pretraining_learning_rate : float
        Of the auto-encoder.
    epochs : int
    learning_rate : float
        Of Adam.
    tol : float, optional
        Stop once the share of nodes that change clusters was at most this in ``patience`` epochs in a row.
    patience : int
    n_init : int
        Starts of k-means.
    degrees_of_freedom : float
        Of the Student-t assignment.
    max_seconds : float, optional
        Start no epoch but the first after this time. With a checkpoint, the next fit resumes there.
    checkpoint : path, optional
        File to which the state is saved after every epoch and from which an interrupted fit resumes. Only a fit with
        the same graph, features and settings can resume from it. A complete fit removes it.
    callbacks : sequence of callable
        Called after every epoch of the clustering with (epoch, record, estimator). One that returns True ends the
        training. ``estimator.labels_`` are the assignments that the epoch was trained with.
    device : str, optional
        Default: the CPU.
    n_jobs : int, optional
        Number of threads of a fit; None: torch's. The last digits of dense products depend on it. So it is fixed: a
        seed gives the same result whatever torch is set to.
    random_state : int, RandomState, Generator or None
        None asks for fresh randomness.
    progress : bool, optional
        Whether a progress bar is shown. Default: in terminals and Jupyter.

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
        What k-means on the auto-encoder found: the baseline that training has to beat.
    model_ : torch.nn.Module
        ``autoencoder`` and ``centers``; called with features it returns codes and soft assignments.
    nodes_ : array of shape (num_nodes,)
        Names of the nodes, in the order of the rows.
    history_ : list of dict
        Per epoch: loss, its two terms, and the share of nodes that changed clusters.
    pretraining_loss_ : list of float
        Per epoch of the auto-encoder.
    n_iter_ : int
        Epochs that were run.

    Notes
    -----
    An epoch takes O(num_nodes) passes of the encoder and O((e + n_clusters) * num_nodes * dimensions) for the loss,
    with at most e entries of the influence per row.

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
            A graph, directions ignored, with its features ``x``; without any,
            :func:`graphrep.cluster.spectral_features` take their place. A matrix is a table of features, of which a
            graph of nearest neighbors is made; an adjacency matrix has to go through :func:`graphrep.as_graph`.
        y : ignored
        autoencoder : AutoEncoder, optional
            Already trained, see :func:`graphrep.cluster.pretrain_autoencoder`; a copy of it is used.

        Returns
        -------
        self

        Raises
        ------
        ValueError, TypeError
            Features are not finite, there are fewer nodes than clusters or neither features nor edges, or settings are
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
        start = starting_point(
            table,
            checkpoint,
            n_clusters=self.n_clusters,
            n_init=self.n_init,
            degrees_of_freedom=self.degrees_of_freedom,
            hidden=self.hidden,
            dimensions=self.dimensions,
            autoencoder=autoencoder,
            epochs=self.pretraining_epochs,
            batch_size=self.pretraining_batch_size,
            learning_rate=self.pretraining_learning_rate,
            progress=self.progress,
            max_seconds=self.max_seconds,
        )
        if start.timed_out:  # the next fit goes on with the pre-training
            checkpoint = Checkpoint(None, random_state=checkpoint.seed)
        influences = influence(graph, self.hops, cumulative=self.cumulative, max_entries=self.max_entries)
        task = ClusterTask(
            start.model,
            table,
            influences.to(table.device),
            self._contrast,
            alpha=self.alpha,
            beta=self.beta,
            reconstruction=self._reconstruction(),
        )

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
        """Clusters of rows of features, or of a graph's; edges play no part.

        Returns
        -------
        int64 array of shape (num_rows,)
        """
        with limited_threads(self.n_jobs):
            probabilities = self._encode(self._new_rows(x))[1]
        return np.asarray(probabilities.argmax(1))

    def transform(self, x: Any) -> F32:
        """Codes of rows of features, or of a graph's, float32 of shape (num_rows, dimensions)."""
        with limited_threads(self.n_jobs):
            return self._encode(self._new_rows(x))[0]

    def _contrast(self, z: Tensor, labels: Tensor, weights: Adjacency) -> Tensor:
        return meta_node_loss(z, labels, weights, n_clusters=self.n_clusters, temperature=self.temperature)

    def _reconstruction(self) -> float:
        return 0.0

    def _encode(self, table: FeatureTable) -> tuple[F32, F32]:
        both = table.encoded(lambda x: torch.cat(self.model_(x), 1)).cpu().numpy()
        width = self.model_.centers.shape[1]
        return np.ascontiguousarray(both[:, :width]), np.ascontiguousarray(both[:, width:])

    def _graph_and_features(self, graph: Any) -> tuple[Graph, Any]:
        if _is_table(graph):
            table = validate_data(self, _array(graph), accept_sparse="csr", dtype=[np.float64, np.float32])
            self._has_features = True
            return knn_graph(table, self.n_neighbors, n_jobs=self.n_jobs), table
        g = as_graph(graph)
        if not g.num_nodes:
            raise ValueError("graph has no nodes; at least one is needed.")
        self._has_features = g.x is not None
        if self._has_features:
            if not np.shape(g.x)[1]:
                raise ValueError("graph has features x without a column; at least one is needed, or no x at all.")
            self.n_features_in_ = int(np.shape(g.x)[1])
            return g, g.x
        if not g.num_arcs:
            raise ValueError("graph has neither features nor edges; there is nothing to cluster by.")
        return g, None

    def _new_rows(self, x: Any) -> FeatureTable:
        check_is_fitted(self, "model_")
        if not self._has_features:
            raise ValueError(
                f"this {type(self).__name__} was fitted to a graph without features, so that it knows only the nodes "
                "of that graph; their clusters are in labels_."
            )
        if not _is_table(x):
            x = as_graph(x).x
            if x is None:
                raise ValueError("graph has no features x; new nodes are assigned by their features.")
        rows = validate_data(self, _array(x), accept_sparse="csr", dtype=[np.float64, np.float32], reset=False)
        return FeatureTable(rows, self.device)

    def _check(self) -> None:
        self._check_training()
        for name, minimum in (
            ("n_clusters", 1),
            ("dimensions", 1),
            ("n_neighbors", 1),
            ("pretraining_epochs", 0),
            ("pretraining_batch_size", 1),
            ("patience", 1),
            ("n_init", 1),
        ):
            checked_int(name, getattr(self, name), minimum)
        for width in self.hidden:
            checked_int("hidden", width, 1)
        for name in ("alpha", "beta", "learning_rate", "pretraining_learning_rate"):
            checked_float(name, getattr(self, name), 0.0)
        checked_float("temperature", self.temperature, 0.0, exclusive=True)
        checked_float("degrees_of_freedom", self.degrees_of_freedom, 0.0, exclusive=True)
        if self.tol is not None:
            checked_float("tol", self.tol, 0.0, 1.0)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


@dataclass(kw_only=True, eq=False, repr=False)
class SCGC(PamC):
    r"""Graph clustering by a contrastive loss against all nodes: :class:`PamC` with the negatives that it avoids.

    L is :func:`graphrep.cluster.neighbor_contrast_loss`, over blocks of rows of the N x N similarities: an epoch takes
    time O(num_nodes**2), its memory stays bounded. With ``reconstruction`` the decoder is kept and the mean squared
    error of the features, so weighted, joins the loss (the published "SCGC", which has ``cumulative=False`` too);
    without it this is the published "SCGC*". Parameters and attributes that are not listed are those of :class:`PamC`.

    Parameters
    ----------
    reconstruction : float
        Weight of the reconstruction error.
    block : int, optional
        Rows of the similarity matrix at a time, see :func:`graphrep.cluster.all_pairs_similarity`.

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

    def _reconstruction(self) -> float:
        return float(self.reconstruction)

    def _check(self) -> None:
        super()._check()
        checked_float("reconstruction", self.reconstruction, 0.0)
        if self.block is not None:
            checked_int("block", self.block, 1)


def _is_table(obj: Any) -> bool:
    """Matrices are tables; all else that :func:`graphrep.as_graph` takes is a graph."""
    if isinstance(obj, torch.Tensor):
        return obj.layout == torch.strided
    return sp.issparse(obj) or hasattr(obj, "__array__") or isinstance(obj, (list, tuple))


def _array(obj: Any) -> Any:
    return obj.detach().cpu().numpy() if isinstance(obj, torch.Tensor) else obj
