"""Node2Vec and DeepWalk: skip-gram vectors from random walks that are never stored."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from graphrep._arrays import as_vectors
from graphrep._checks import checked_float, checked_int
from graphrep._embedder import F32, extended_graph, is_matrix, new_arcs
from graphrep._names import NodeIndex, names_of
from graphrep._random import resolve_seed
from graphrep._saving import packed_graph, unpacked_graph
from graphrep.embed._base import NodeEmbedder
from graphrep.embed._chunks import ChunkTrainer
from graphrep.graph import Graph
from graphrep.learn.callbacks import check_callbacks
from graphrep.ops.skipgram import SkipGram
from graphrep.ops.walks import WalkSampler

__all__ = ["DeepWalk", "Node2Vec", "WalkEmbedder"]

_STAGE = "skip-gram"

# Tokens per chunk, the only part of the corpus in memory at a time.
_CHUNK_TOKENS = 1_000_000


@dataclass(kw_only=True, eq=False, repr=False)
class WalkEmbedder(ChunkTrainer, NodeEmbedder):
    """Base class: skip-gram vectors from walks; subclasses say how the walks are biased."""

    _follows_arcs = True

    dimensions: int = 128
    walk_length: int = 80
    walks_per_node: int = 10
    window: int = 10
    num_negatives: int = 5
    epochs: int = 1
    learning_rate: float = 0.025
    min_learning_rate: float = 1e-4
    noise_power: float = 0.75
    subsampling: float = 0.0
    checkpoint_seconds: float = 60.0
    init: Any = None

    def _sampler(self, graph: Graph, seed: int, start: Any = None) -> WalkSampler:
        """The walks on a graph."""
        raise NotImplementedError

    def _identity(self, graph: Graph) -> tuple[Any, ...]:
        """What a fit to a graph depends on beside the parameters."""
        return (graph,)

    def _memory_needed(self, graph: Graph) -> int:
        padded = -(-checked_int("dimensions", self.dimensions, 1) // 16) * 16
        size = graph.indices.dtype.itemsize
        alias = 0 if graph.weights is None else (4 + size) * graph.num_arcs + 8 * graph.num_nodes
        tokens = min(2 * _CHUNK_TOKENS, self._tokens(graph))  # of the walks at hand and of those before
        copied = 0 if padded == self.dimensions else 4 * self.dimensions
        return (8 * padded + copied + 32) * graph.num_nodes + alias + (size + 1) * tokens

    def _tokens(self, graph: Graph) -> int:
        """Length of all walks."""
        names = ("epochs", "walks_per_node", "walk_length")
        return math.prod(checked_int(name, getattr(self, name), 1) for name in names) * graph.num_nodes

    def _thread_seconds(self, graph: Graph) -> float:
        return self._tokens(graph) * (self.dimensions + 32) / 1.6e8

    def _embed(self, graph: Graph, **options: Any) -> F32:
        del options
        check_callbacks(self.callbacks)
        seconds = checked_float("checkpoint_seconds", self.checkpoint_seconds, 0)
        checkpoint = self._open_checkpoint(*self._identity(graph), mapped=True)
        seed = checkpoint.seed
        sampler = self._sampler(graph, seed)
        epoch_walks = checked_int("walks_per_node", self.walks_per_node, 1) * sampler.num_starts
        total = checked_int("epochs", self.epochs, 1) * epoch_walks
        chunk = max(1, min(total, _CHUNK_TOKENS // sampler.walk_length))
        model = self._skip_gram(graph, seed, _visits(sampler, chunk), self.subsampling)
        if self.init is not None:
            self._start_from(self.init, graph, model)

        def draw(position: int, most: int) -> tuple[Any, Any]:
            ids = sampler.shuffled_ids(position, min(chunk, most))
            return ids, sampler.sample_ids(ids)

        def train(position: int, ids: Any, walks: Any) -> int:
            model.train_unchecked(walks, ids, position, total)
            return int(np.count_nonzero(walks >= 0))

        self._train_chunks(
            checkpoint,
            _STAGE,
            {"input": model.input, "output": model.output},
            draw,
            train,
            total=total,
            epoch=epoch_walks,
            seconds=seconds,
            unit=" walks",
        )
        self._graph, self._contexts = graph, model.output
        return model.input if model.input.shape[1] == model.dimensions else np.ascontiguousarray(model.vectors)

    def _skip_gram(
        self, graph: Graph, seed: int, counts: Any, subsampling: float = 0.0, *, kinds: Any = None
    ) -> SkipGram:
        """The untrained model of the nodes of a graph; ``counts`` give the noise distribution."""
        return SkipGram(
            graph.num_nodes,
            self.dimensions,
            counts=counts,
            window=self.window,
            num_negatives=self.num_negatives,
            noise_power=self.noise_power,
            subsampling=subsampling,
            learning_rate=self.learning_rate,
            min_learning_rate=self.min_learning_rate,
            seed=seed,
            node_keys=graph.node_keys(),
            kinds=kinds,
            n_jobs=self.n_jobs,
        )

    def _start_from(self, init: Any, graph: Graph, model: SkipGram) -> None:
        """Fill the tables from earlier vectors, matched by name; other nodes keep their random start."""
        fitted = getattr(init, "node_vectors_", init)
        vectors = init._unfinished if isinstance(init, WalkEmbedder) else as_vectors(fitted)
        names = names_of(fitted)
        if vectors.shape[1] != self.dimensions:
            raise ValueError(f"init must have {self.dimensions} dimensions, got {vectors.shape[1]}.")
        if names is None and len(vectors) != graph.num_nodes:
            raise ValueError(f"init has {len(vectors)} rows without names, but the graph has {graph.num_nodes} nodes.")
        rows = np.arange(graph.num_nodes) if names is None else NodeIndex(names, len(names)).find(graph.nodes)
        known = rows >= 0
        if not known.any():
            raise ValueError(f"init has none of the nodes of the graph, such as {graph.nodes[0]!r}; names must agree.")
        model.vectors[known] = vectors[rows[known]]
        if isinstance(init, WalkEmbedder):
            model.output[known] = init._contexts[rows[known]]

    def transform(self, new: Any) -> Any:
        """Vectors of new nodes, trained with the vectors of all fitted nodes held fixed.

        The new nodes are added to the fitted graph, and the skip-gram model is trained on walks that start at them, as
        many per node as in ``fit``. The fitted vectors and context vectors are restored after each pass.

        Parameters
        ----------
        new : array or scipy.sparse matrix of shape (num_new, num_nodes), or graph
            As in :meth:`graphrep.FastRP.transform`.

        Returns
        -------
        float32 array of shape (num_new, dimensions), or NodeVectors
            A NodeVectors holds the nodes that were not fitted.

        Raises
        ------
        ValueError
            Every node of the graph was fitted, or none was.

        Notes
        -----
        Results are reproducible with ``n_jobs=1``, and vary in the last digits with several threads.
        """
        from graphrep.vectors import NodeVectors

        check_is_fitted(self, "embedding_")
        if is_matrix(new):
            return self._train_rows(None, self._new_rows(new))
        names, arcs = new_arcs(new, self._graph)
        if (self._graph.node_index.find(names) >= 0).any():
            raise ValueError("new must have a node that was not fitted, got none.")
        return NodeVectors(self._train_rows(names, arcs), names, {"method": f"{type(self).__name__}.transform"})

    def _train_rows(self, names: Any, arcs: Any) -> F32:
        """Vectors of new nodes with these weights of the arcs to the fitted nodes, a CSR matrix."""
        old, added = self._graph.num_nodes, arcs.shape[0]
        seed = resolve_seed(self.random_state)
        graph = extended_graph(self._graph, names, arcs)
        sampler = self._sampler(graph, seed, np.arange(old, old + added))
        model = self._skip_gram(graph, seed, np.maximum(graph.out_degree, 1))
        return self._train_new(model, sampler, arcs)

    def _train_new(self, model: SkipGram, sampler: WalkSampler, arcs: Any) -> F32:
        """Vectors of new nodes, in the last rows of a model, from walks that start at them."""
        old, added = self._graph.num_nodes, sampler.num_starts
        passes = self.walks_per_node * self.epochs
        # A walk visits its start more often than a new node is visited in a fit, so new nodes begin near neighbors.
        degree = np.maximum(arcs.sum(axis=1), 1e-12)[:, None]
        model.vectors[old:] += arcs @ self._unfinished / degree
        for begin in range(0, passes * added, max(added, 1)):
            model.vectors[:old], model.output[:old] = self._unfinished, self._contexts
            ids = np.arange(begin, begin + added)
            model.train_unchecked(sampler.sample_ids(ids), ids, begin, passes * added)
        return self._finish_rows(arcs, np.ascontiguousarray(model.vectors[old:]))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.non_deterministic = True  # with several threads; and new rows do not repeat the training of old ones
        return tags

    def _state(self) -> dict[str, Any]:
        return super()._state() | {"_graph": packed_graph(self._graph), "_contexts": self._contexts}

    def _restore(self, state: dict[str, Any]) -> None:
        graph, contexts = unpacked_graph(state["_graph"]), state["_contexts"]
        if graph.num_nodes != len(state["embedding_"]) or len(contexts) != graph.num_nodes or contexts.ndim != 2:
            raise ValueError("graph and vectors differ in size")
        super()._restore(state | {"_graph": graph})


@dataclass(kw_only=True, eq=False, repr=False)
class Node2Vec(WalkEmbedder):
    r"""node2vec: second-order random walks, then skip-gram with negative sampling.

    Nodes that occur near each other on walks get vectors with a large dot product with each other's context vector:
    see :func:`graphrep.random_walks` for the distribution of the walks and :class:`graphrep.ops.SkipGram` for the
    objective. Walks are generated in chunks and used for training immediately, so memory does not grow with their
    number. Each epoch draws new walks; the order of start nodes is shuffled in each pass.

    Parameters
    ----------
    dimensions : int
    walk_length : int
        Number of nodes in a walk.
    walks_per_node : int
    window : int
        Largest distance between a node and its context on a walk; the distance is drawn from 1 … window at each node.
    p, q : float
        Return and in-out parameters of the walk; q < 1 explores outward, q > 1 stays near, p > 1 avoids going back.
    num_negatives : int
        Noise nodes per pair in the objective.
    epochs : int
    learning_rate, min_learning_rate : float
        Start and end of the linear decay.
    noise_power : float
        Exponent of the noise distribution over visit counts.
    subsampling : float
        Threshold of word2vec's subsampling of frequent nodes; 0 keeps all.
    finish : {"smooth", "orthogonalise", "whiten"}, sequence of them, or None
        Finishing steps, in order: :func:`graphrep.embed.smooth` and its neighbors. New nodes go through them as well.
    random_state : int, RandomState, Generator or None
    n_jobs : int or None
        Threads. The walks never depend on it. Training with more than one thread updates vectors without locks, so
        results differ in the last digits from run to run; ``n_jobs=1`` is reproducible bit by bit.
    checkpoint : path, optional
        File from which an interrupted ``fit`` resumes. Only a fit with the same graph and settings can resume from it;
        a complete fit removes it. It is written every ``checkpoint_seconds``, less often where that would take more
        than a twentieth of the time (0: after every chunk of walks), and upon Ctrl-C, which takes effect after
        the chunk of walks in progress, a few seconds (a second Ctrl-C stops at once, without saving). A resumed fit
        equals an uninterrupted one (bit by bit with ``n_jobs=1``).
    checkpoint_seconds : float
    init : NodeVectors, DataFrame, array, or fitted Node2Vec, optional
        Earlier vectors to start from, matched by name, so that the vectors of a graph that changed a little stay near
        those of yesterday; nodes that they lack start at random. A fitted estimator brings its context vectors as well,
        which keeps the new vectors nearest.
    callbacks : sequence of callable
        Called after every epoch with (epoch, record, estimator); the record holds the seconds of the epoch. One that
        returns True ends the training.
    progress : bool, optional
        Whether a progress bar is shown. Default: in terminals and Jupyter.

    Attributes
    ----------
    embedding_ : float32 array of shape (num_nodes, dimensions)
        An isolated node keeps its small random initial vector.
    nodes_ : array of shape (num_nodes,)
        Node names in row order.
    node_vectors_ : NodeVectors
    n_features_in_ : int
        Number of nodes.

    Notes
    -----
    Tokens T = epochs * walks_per_node * walk_length * num_nodes. Time O(T * dimensions * (window +
    num_negatives)), memory the graph plus 8 * num_nodes * dimensions bytes plus a few megabytes.

    References
    ----------
    .. [1] Grover, Leskovec. node2vec: Scalable Feature Learning for Networks. KDD 2016, Algorithm 1.

    Examples
    --------
    >>> import networkx as nx
    >>> import graphrep as gr
    >>> model = gr.Node2Vec(dimensions=16, walks_per_node=2, p=0.5, q=2.0, n_jobs=1)
    >>> model.fit_transform(nx.karate_club_graph()).shape
    (34, 16)
    """

    p: float = 1.0
    q: float = 1.0

    def _memory_needed(self, graph: Graph) -> int:
        edges = graph.num_arcs if graph.directed else graph.num_arcs // 2
        bloom = 0 if (self.p, self.q) == (1, 1) else 2 * edges  # two bytes per edge at most
        return super()._memory_needed(graph) + bloom

    def _sampler(self, graph: Graph, seed: int, start: Any = None) -> WalkSampler:
        options = {"walk_length": self.walk_length, "start": start, "seed": seed, "n_jobs": self.n_jobs}
        return WalkSampler(graph, p=self.p, q=self.q, **options)


@dataclass(kw_only=True, eq=False, repr=False)
class DeepWalk(WalkEmbedder):
    r"""DeepWalk: first-order random walks, then skip-gram.

    :class:`Node2Vec` with p = q = 1, trained with negative sampling as in the node2vec paper's comparison (the DeepWalk
    paper uses hierarchical softmax). Parameters and attributes as in :class:`Node2Vec`, without p and q.

    References
    ----------
    Perozzi, Al-Rfou, Skiena. DeepWalk: Online Learning of Social Representations. KDD 2014, Algorithm 1.

    Examples
    --------
    >>> import networkx as nx
    >>> import graphrep as gr
    >>> gr.DeepWalk(dimensions=16, walks_per_node=2, n_jobs=1).fit_transform(nx.karate_club_graph()).shape
    (34, 16)
    """

    def _sampler(self, graph: Graph, seed: int, start: Any = None) -> WalkSampler:
        return WalkSampler(graph, walk_length=self.walk_length, start=start, seed=seed, n_jobs=self.n_jobs)


def _visits(sampler: WalkSampler, chunk: int) -> Any:
    """Visit counts of one pass over all nodes, enough for the noise distribution."""
    counts = np.zeros(sampler.num_nodes, dtype=np.int64)
    for first in range(0, sampler.num_starts, chunk):
        sampler.count_visits(sampler.sample(first, min(chunk, sampler.num_starts - first)), counts)
    return counts
