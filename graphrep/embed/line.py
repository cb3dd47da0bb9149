"""LINE: node vectors that preserve first- and second-order proximity, trained on sampled edges."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.utils.validation import check_is_fitted

from graphrep._checks import checked_float, checked_int
from graphrep._embedder import F32, is_matrix, new_arcs
from graphrep._names import node_keys
from graphrep._random import resolve_seed, stream_key
from graphrep._saving import packed_graph, unpacked_graph
from graphrep.embed._base import NodeEmbedder
from graphrep.embed._chunks import ChunkTrainer
from graphrep.graph import Graph, as_graph
from graphrep.learn.callbacks import check_callbacks
from graphrep.ops.skipgram import ArcSampler, SkipGram

__all__ = ["LINE"]

_STAGE = "edges"

# Edges per chunk, the only sampled edges in memory at a time.
_CHUNK = 500_000

# Samples of the default: per node, and per arc where nodes have many.
_PER_NODE, _PER_ARC = 2_000, 40

# Euclidean norm of the rows.
_NORM = 3.0


@dataclass(kw_only=True, eq=False, repr=False)
class LINE(ChunkTrainer, NodeEmbedder):
    r"""LINE: first-order proximity, second-order proximity, or both.

    Arcs :math:`u \to v` are drawn in proportion to their weights. First order gives linked nodes similar vectors,

    .. math:: O_1 = -\sum_{u \to v} w_{uv} \Bigl[ \log \sigma(x_u \cdot x_v)
        + k\, \mathbb{E}_{n \sim P} \log \sigma(-x_u \cdot x_n) \Bigr],

    second order gives similar vectors to nodes with similar neighbors, through a second vector y of each node as a
    context,

    .. math:: O_2 = -\sum_{u \to v} w_{uv} \Bigl[ \log \sigma(x_u \cdot y_v)
        + k\, \mathbb{E}_{n \sim P} \log \sigma(-x_u \cdot y_n) \Bigr],

    with noise :math:`P(v) \propto d_v^{3/4}`, :math:`d_v` the weighted degree (in- plus out-degree in a directed
    graph). The learning rate decreases linearly. Of both orders, the vectors are put side by side.

    Parameters
    ----------
    dimensions : int
    order : {"auto", "both", 1, 2}
        ``"both"`` gives half of the dimensions to each order. First-order proximity is symmetric and thus undefined in
        a directed graph; ``"auto"`` is "both" for an undirected and 2 for a directed graph.
    samples : int, optional
        Number of drawn arcs, for each order. Default: 2,000 per node, or 40 per arc if that is more.
    num_negatives : int
        k in the objective.
    learning_rate, min_learning_rate : float
        Start and end of the linear decay.
    noise_power : float
        Exponent of the noise distribution.
    normalize_rows : bool
        Scale the vectors of each order to the same length, so that a row has length 3 (as published, but for the
        factor, which suits linear classifiers with the usual penalty). False leaves them as trained; their length grows
        with the degree, which helps to score links.
    finish : {"center", "smooth", "orthogonalise", "whiten"}, sequence of them, or None
        Finishing steps, in order: :func:`graphrep.embed.smooth` and its neighbors. New nodes go through them as well.
    random_state : int, RandomState, Generator or None
    n_jobs : int or None
        Threads. The drawn arcs never depend on it. Training with more than one thread updates vectors without locks, so
        results differ in the last digits from run to run; ``n_jobs=1`` is reproducible bit by bit.
    checkpoint : path, optional
        File from which an interrupted ``fit`` resumes, as in :class:`graphrep.Node2Vec`.
    checkpoint_seconds : float
    callbacks : sequence of callable
        Called with (epoch, record, estimator) after every epoch, which is as many samples as there are arcs; the record
        holds the seconds of the epoch. One that returns True ends the training.
    progress : bool, optional
        Whether a progress bar is shown. Default: in terminals and Jupyter.

    Attributes
    ----------
    embedding_ : float32 array of shape (num_nodes, dimensions)
        First order, then second order. Zero for nodes without (out-)edges, which nothing was learned about.
    target_embedding_ : float32 array of shape (num_nodes, dimensions)
        Only of a directed graph: the vectors y of nodes as targets of arcs, as trained. With
        ``normalize_rows=False``, :math:`\sigma(x_u \cdot y_v)` ranks the arcs u → v.
    order_ : {"both", 1, 2}
        The order that was trained.
    samples_ : int
        Number of samples of each order.
    nodes_ : array of shape (num_nodes,)
        Node names in row order.
    node_vectors_ : NodeVectors
    n_features_in_ : int
        Number of nodes.

    Raises
    ------
    ValueError
        Order 1 or both of a directed graph, and parameters out of range.

    Notes
    -----
    Time O(samples * dimensions * (num_negatives + 1)) for each order, memory the graph plus 16 * num_nodes * dimensions
    bytes plus 8 bytes per arc of a weighted graph.

    References
    ----------
    .. [1] Tang, Qu, Wang, Zhang, Yan, Mei. LINE: Large-scale Information Network Embedding. WWW 2015, section 4.

    Examples
    --------
    >>> import networkx as nx
    >>> import graphrep as gr
    >>> model = gr.LINE(dimensions=16, n_jobs=1)
    >>> model.fit_transform(nx.karate_club_graph()).shape
    (34, 16)
    """

    dimensions: int = 128
    order: str | int = "auto"
    samples: int | None = None
    num_negatives: int = 5
    learning_rate: float = 0.025
    min_learning_rate: float = 2.5e-6
    noise_power: float = 0.75
    normalize_rows: bool = True
    checkpoint_seconds: float = 60.0

    def _memory_needed(self, graph: Graph) -> int:
        padded = -(-checked_int("dimensions", self.dimensions, 1) // 16) * 16
        alias = 0 if graph.weights is None else 8 * graph.num_arcs
        return 16 * graph.num_nodes * (padded + 16) + alias + 16 * _CHUNK  # tables, the vectors, and what is kept

    def _embed(self, graph: Graph, **options: Any) -> F32:
        del options
        check_callbacks(self.callbacks)
        seconds = checked_float("checkpoint_seconds", self.checkpoint_seconds, 0)
        if not isinstance(self.normalize_rows, (bool, np.bool_)):
            raise TypeError(f"normalize_rows must be True or False, got {self.normalize_rows!r}.")
        self.order_ = self._checked_order(graph)
        total = self._checked_samples(graph)
        self.samples_ = total
        checkpoint = self._open_checkpoint(graph, mapped=True)
        models = self._models(graph, checkpoint.seed)
        total = total if graph.num_arcs else 0
        sampler = ArcSampler(graph, seed=checkpoint.seed, n_jobs=self.n_jobs)
        tables = {f"input {i}": model.input for i, model in enumerate(models)}
        tables |= {f"output {i}": model.output for i, model in enumerate(models) if not model.tied}

        def draw(position: int, most: int) -> tuple[Any]:
            return (sampler.sample(position, min(_CHUNK, most)),)

        def train(position: int, pairs: Any) -> int:
            for model in models:
                model.train_unchecked(pairs, None, position, total)
            return int(pairs.size)

        self._train_chunks(
            checkpoint,
            _STAGE,
            tables,
            draw,
            train,
            total=total,
            epoch=graph.num_arcs,
            seconds=seconds,
            unit=" edges",
            unit_scale=True,
        )
        return self._keep(graph, models)

    def _checked_order(self, graph: Graph) -> str | int:
        if isinstance(self.order, (bool, np.bool_)) or self.order not in ("auto", "both", 1, 2):
            raise ValueError(f'order must be "auto", "both", 1 or 2, got {self.order!r}.')
        if not graph.directed:
            return "both" if self.order == "auto" else self.order
        if self.order in ("both", 1):
            raise ValueError(
                f"order must be 2 for a directed graph, got {self.order!r}: first-order proximity is symmetric; pass "
                "order=2 or graph.to_undirected()."
            )
        return 2

    def _checked_samples(self, graph: Graph) -> int:
        if self.samples is not None:
            return checked_int("samples", self.samples, 1)
        busy = int(np.count_nonzero(graph.weighted_degree()))
        return max(_PER_NODE * busy, _PER_ARC * graph.num_arcs)

    def _columns(self, dimensions: int) -> dict[int, int]:
        """Number of columns of each order."""
        if self.order_ == "both":
            return {1: dimensions // 2, 2: dimensions - dimensions // 2}
        return {int(self.order_): dimensions}

    def _models(self, graph: Graph, seed: int) -> list[SkipGram]:
        degree, keys = _degree(graph), graph.node_keys()
        dimensions = checked_int("dimensions", self.dimensions, 2 if self.order_ == "both" else 1)
        return [
            SkipGram(
                graph.num_nodes,
                columns,
                counts=degree,
                one_sided=True,
                tied=order == 1,
                node_keys=keys,
                **self._options(seed, order),
            )
            for order, columns in self._columns(dimensions).items()
        ]

    def _options(self, seed: int, order: int) -> dict[str, Any]:
        return {
            "window": 1,
            "num_negatives": self.num_negatives,
            "noise_power": self.noise_power,
            "learning_rate": self.learning_rate,
            "min_learning_rate": self.min_learning_rate,
            "seed": int(stream_key(seed, order) >> np.uint64(1)),
            "n_jobs": self.n_jobs,
        }

    def _keep(self, graph: Graph, models: list[SkipGram]) -> F32:
        """The vectors; what new nodes are trained against is kept."""
        self._graph = graph
        self._contexts = np.concatenate([model.output[:, : model.dimensions] for model in models], axis=1)
        if graph.directed:
            self.target_embedding_ = self._contexts
        elif hasattr(self, "target_embedding_"):
            del self.target_embedding_  # of an earlier fit
        trained = graph.weighted_degree() > 0
        return self._arranged([model.vectors for model in models], trained)

    def _arranged(self, halves: list[F32], trained: Any) -> F32:
        """The vectors of the orders side by side, scaled; zero where nothing was trained."""
        vectors = np.concatenate(halves, axis=1)
        vectors[~trained] = 0
        if self.normalize_rows:
            begin = 0
            for half in halves:
                part = vectors[:, begin : begin + half.shape[1]]
                length = np.linalg.norm(part, axis=1, keepdims=True)
                part *= _NORM / np.sqrt(len(halves)) / np.where(length > 0, length, 1)
                begin += half.shape[1]
        return vectors

    def transform(self, new: Any) -> Any:
        """Vectors of new nodes, trained with the vectors of all fitted nodes held fixed.

        The objective of each order is minimized over the vectors of the new nodes alone, on samples of their arcs to
        fitted nodes, as the paper proposes for new vertices (section 4.3).

        Parameters
        ----------
        new : array or scipy.sparse matrix of shape (num_new, num_nodes), or graph
            As in :meth:`graphrep.FastRP.transform`.

        Returns
        -------
        float32 array of shape (num_new, dimensions), or NodeVectors
            A NodeVectors holds the nodes that were not fitted, or all nodes of the graph if every one was. New nodes
            without an arc to a fitted node get zeros.

        Raises
        ------
        ValueError
            None of the nodes of the graph was fitted.
        """
        from graphrep.vectors import NodeVectors

        check_is_fitted(self, "embedding_")
        if is_matrix(new):
            return self._train_rows(self._new_rows(new), None)
        names, arcs = new_arcs(new, self._graph)
        return NodeVectors(self._train_rows(arcs, names), names, {"method": "LINE.transform"})

    def _train_rows(self, arcs: Any, names: Any) -> F32:
        """Vectors of new nodes with these weights of the arcs to the fitted nodes, a CSR matrix."""
        old, added = self._graph.num_nodes, arcs.shape[0]
        seed = resolve_seed(self.random_state)
        entries = arcs.tocoo()
        graph = as_graph(
            np.stack([entries.row.astype(np.int64) + old, entries.col.astype(np.int64)]),
            weights=entries.data.astype(np.float32),
            num_nodes=old + added,
            directed=True,
        )
        keys = None if names is None else np.r_[np.zeros(old, dtype=np.uint64), node_keys(names)]
        degree = np.r_[_degree(self._graph), np.zeros(added)]
        trained = graph.weighted_degree()[old:] > 0
        total = 2 * _PER_NODE * int(np.count_nonzero(trained))
        sampler = ArcSampler(graph, seed=seed, n_jobs=self.n_jobs)
        halves, begin = [], 0
        for order, columns in self._columns(self._contexts.shape[1]).items():
            options = self._options(seed, order) | {"one_sided": True, "fixed_contexts": True, "node_keys": keys}
            model = SkipGram(old + added, columns, counts=degree, **options)
            model.output[:old, :columns] = self._contexts[:, begin : begin + columns]
            for first in range(0, total, _CHUNK):
                model.train_unchecked(sampler.sample(first, min(_CHUNK, total - first)), None, first, total)
            halves.append(model.vectors[old:])
            begin += columns
        return self._finish_rows(arcs, self._arranged(halves, trained))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.non_deterministic = True  # with several threads; and new rows do not repeat the training of old ones
        return tags

    def _state(self) -> dict[str, Any]:
        fitted = {"order_": self.order_, "samples_": self.samples_, "_contexts": self._contexts}
        return super()._state() | fitted | {"_graph": packed_graph(self._graph)}

    def _restore(self, state: dict[str, Any]) -> None:
        graph, contexts = unpacked_graph(state["_graph"]), state["_contexts"]
        if graph.num_nodes != len(state["embedding_"]) or contexts.shape != state["embedding_"].shape:
            raise ValueError("graph and vectors differ in size")
        if state["order_"] not in ("both", 1, 2):
            raise ValueError("order_ is unknown")
        super()._restore(state | {"_graph": graph})
        if graph.directed:
            self.target_embedding_ = self._contexts


def _degree(graph: Graph) -> npt.NDArray[np.float64]:
    """Weighted degree, in- plus out-degree in a directed graph."""
    return graph.weighted_degree() + (graph.weighted_degree(incoming=True) if graph.directed else 0)
