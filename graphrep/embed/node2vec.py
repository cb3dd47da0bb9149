"""Node2Vec and DeepWalk: skip-gram vectors from random walks that are never stored."""

from __future__ import annotations

import os
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np

from graphrep import _random
from graphrep._checks import checked_float, checked_int
from graphrep._embedder import F32, GraphEmbedder
from graphrep._progress import progress_bar
from graphrep.embed._checkpoint import Checkpoint, DeferredInterrupt
from graphrep.graph import Graph
from graphrep.ops.skipgram import SkipGram
from graphrep.ops.walks import WalkSampler

__all__ = ["DeepWalk", "Node2Vec"]

# Tokens per chunk, the only part of the corpus in memory at a time.
_CHUNK_TOKENS = 1_000_000


class Node2Vec(GraphEmbedder):
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
    random_state : int, RandomState, Generator or None
    n_jobs : int or None
        Threads. The walks never depend on it. Training with more than one thread updates vectors without locks, so
        results differ in the last digits from run to run; ``n_jobs=1`` is reproducible bit by bit.
    checkpoint : path or None
        File to which an interrupted ``fit`` saves its state, and from which the next ``fit`` with the same settings and
        graph resumes; removed at the end. Written every ``checkpoint_seconds`` and upon Ctrl-C, which takes effect
        after the current chunk of walks, within a few seconds (a second Ctrl-C stops immediately, without saving). A
        resumed fit equals an uninterrupted one (bit by bit with ``n_jobs=1``). Needs an integer ``random_state``.
    checkpoint_seconds : float
    progress : bool or None
        Whether to show a progress bar; None shows it in terminals and Jupyter.

    Attributes
    ----------
    embedding_ : float32 array of shape (num_nodes, dimensions)
        An isolated node keeps its small random initial vector.
    nodes_ : array of shape (num_nodes,)
        Node names in row order.
    node_vectors_ : NodeVectors
    n_features_in_ : int
        Number of nodes.

    Notes ----- Tokens T = epochs * walks_per_node * walk_length * num_nodes. Time O(T * dimensions * (window +
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

    def __init__(
        self,
        *,
        dimensions: int = 128,
        walk_length: int = 80,
        walks_per_node: int = 10,
        window: int = 10,
        p: float = 1.0,
        q: float = 1.0,
        num_negatives: int = 5,
        epochs: int = 1,
        learning_rate: float = 0.025,
        min_learning_rate: float = 1e-4,
        noise_power: float = 0.75,
        subsampling: float = 0.0,
        random_state: Any = 0,
        n_jobs: int | None = None,
        checkpoint: str | os.PathLike[str] | None = None,
        checkpoint_seconds: float = 60.0,
        progress: bool | None = None,
    ) -> None:
        self.dimensions = dimensions
        self.walk_length = walk_length
        self.walks_per_node = walks_per_node
        self.window = window
        self.p = p
        self.q = q
        self.num_negatives = num_negatives
        self.epochs = epochs
        self.learning_rate = learning_rate
        self.min_learning_rate = min_learning_rate
        self.noise_power = noise_power
        self.subsampling = subsampling
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.checkpoint = checkpoint
        self.checkpoint_seconds = checkpoint_seconds
        self.progress = progress

    def _walk_bias(self) -> tuple[float, float]:
        return self.p, self.q

    def _embed(self, graph: Graph, **options: Any) -> F32:
        del options
        seed = _random.resolve_seed(self.random_state)
        p, q = self._walk_bias()
        sampler = WalkSampler(graph, walk_length=self.walk_length, p=p, q=q, seed=seed, n_jobs=self.n_jobs)
        per_pass = graph.num_nodes
        passes = checked_int("walks_per_node", self.walks_per_node, 1) * checked_int("epochs", self.epochs, 1)
        total = passes * per_pass
        chunk = max(1, min(total, _CHUNK_TOKENS // sampler.walk_length))
        model = SkipGram(
            graph.num_nodes,
            self.dimensions,
            counts=_visits(sampler, chunk),
            window=self.window,
            num_negatives=self.num_negatives,
            noise_power=self.noise_power,
            subsampling=self.subsampling,
            learning_rate=self.learning_rate,
            min_learning_rate=self.min_learning_rate,
            seed=seed,
            n_jobs=self.n_jobs,
        )
        saved = self._checkpoint_of(graph, seed, p, q)
        position = saved.restore(model, total) if saved else 0
        interrupts = DeferredInterrupt()
        bar = progress_bar(
            total=total, initial=position, desc=type(self).__name__, unit=" walks", progress=self.progress
        )
        with bar, interrupts if saved else nullcontext():
            whole = True  # the tables are trained on exactly the walks before `position`
            try:
                while position < total:
                    ids = sampler.shuffled_ids(position, min(chunk, total - position))
                    walks = sampler.sample_ids(ids)
                    whole = False
                    model._train_trusted(walks, ids, position, total)
                    position += len(ids)
                    whole = True
                    bar.update(len(ids))
                    interrupts.check()
                    if saved:
                        saved.save_if_due(model, position, total)
            except KeyboardInterrupt:
                if saved and whole:
                    saved.save(model, position, total)
                raise
        if saved:
            saved.remove()
        return model.input if model.input.shape[1] == model.dimensions else np.ascontiguousarray(model.vectors)

    def _checkpoint_of(self, graph: Graph, seed: int, p: float, q: float) -> Checkpoint | None:
        if self.checkpoint is None:
            return None
        if isinstance(self.random_state, bool) or not isinstance(self.random_state, (int, np.integer)):
            raise ValueError(f"checkpoint needs an integer random_state, got {self.random_state!r}.")
        seconds = checked_float("checkpoint_seconds", self.checkpoint_seconds, 0)
        settings = {
            name: value
            for name, value in self.get_params(deep=False).items()
            if name not in ("checkpoint", "checkpoint_seconds", "progress", "n_jobs", "random_state")
        }
        return Checkpoint(Path(self.checkpoint), graph, {**settings, "p": p, "q": q, "seed": seed}, seconds)


class DeepWalk(Node2Vec):
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

    def __init__(
        self,
        *,
        dimensions: int = 128,
        walk_length: int = 80,
        walks_per_node: int = 10,
        window: int = 10,
        num_negatives: int = 5,
        epochs: int = 1,
        learning_rate: float = 0.025,
        min_learning_rate: float = 1e-4,
        noise_power: float = 0.75,
        subsampling: float = 0.0,
        random_state: Any = 0,
        n_jobs: int | None = None,
        checkpoint: str | os.PathLike[str] | None = None,
        checkpoint_seconds: float = 60.0,
        progress: bool | None = None,
    ) -> None:
        self.dimensions = dimensions
        self.walk_length = walk_length
        self.walks_per_node = walks_per_node
        self.window = window
        self.num_negatives = num_negatives
        self.epochs = epochs
        self.learning_rate = learning_rate
        self.min_learning_rate = min_learning_rate
        self.noise_power = noise_power
        self.subsampling = subsampling
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.checkpoint = checkpoint
        self.checkpoint_seconds = checkpoint_seconds
        self.progress = progress

    def _walk_bias(self) -> tuple[float, float]:
        return 1.0, 1.0


def _visits(sampler: WalkSampler, chunk: int) -> Any:
    """Visit counts of one pass over all nodes, enough for the noise distribution."""
    counts = np.zeros(sampler.graph.num_nodes, dtype=np.int64)
    for first in range(0, sampler.num_starts, chunk):
        sampler.count_visits(sampler.sample(first, min(chunk, sampler.num_starts - first)), counts)
    return counts
