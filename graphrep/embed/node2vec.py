"""Node2Vec and DeepWalk: skip-gram vectors from random walks that are never stored."""

from __future__ import annotations

import logging
import math
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from graphrep._arrays import as_vectors
from graphrep._checks import checked_float, checked_int
from graphrep._embedder import F32, extended_graph, is_matrix, new_arcs
from graphrep._estimator import graph_sizes
from graphrep._memory import Estimate, check_memory, checked_bytes, readable_bytes
from graphrep._names import NodeIndex, names_of
from graphrep._random import resolve_seed
from graphrep._saving import packed_graph, unpacked_graph
from graphrep.distributed.ranks import Ranks, checked_ranks
from graphrep.distributed.skipgram import Dealt, SharedSkipGram
from graphrep.embed._base import DividedEmbedder, NodeEmbedder
from graphrep.embed._chunks import ChunkTrainer
from graphrep.embed._walks_on_disk import (
    MOST_PARTS,
    PER_NODE,
    Manifest,
    Plan,
    TableFiles,
    WalkFile,
    check_disk,
    publish,
)
from graphrep.embed.finishing import is_centering
from graphrep.graph import Graph
from graphrep.io.partial import beside
from graphrep.learn.callbacks import check_callbacks
from graphrep.learn.checkpoint import Checkpoint
from graphrep.ops.skipgram import SkipGram
from graphrep.ops.walks import WalkSampler

if TYPE_CHECKING:
    from collections.abc import Iterator

    from typing_extensions import Self

__all__ = ["DeepWalk", "Node2Vec", "WalkEmbedder"]

log = logging.getLogger("graphrep.embed")

_STAGE = "skip-gram"

# Tokens per chunk, the only part of the corpus in memory at a time.
_CHUNK_TOKENS = 1_000_000

# Of a chunk that ranks share: tokens per node, and the least number of chunks. Contexts go around once for each.
_ROUND_TOKENS, _ROUNDS = 8, 20

# The same of a round on the disk, where all vectors are read and written several times.
_DISK_ROUND_TOKENS = 40


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
        copied = 0 if self._padded() == self.dimensions else 4 * self.dimensions * graph.num_nodes
        return self._bytes_of_tables(graph) + copied

    def _bytes_of_tables(self, graph: Graph) -> int:
        """Bytes of a training in memory."""
        tokens = min(2 * _CHUNK_TOKENS, self._tokens(graph))  # of the walks at hand and of those before
        size = graph.indices.dtype.itemsize
        return (8 * self._padded() + 32) * graph.num_nodes + self._bytes_of_sampler(graph) + (size + 1) * tokens

    def _bytes_of_sampler(self, graph: Graph) -> int:
        size = graph.indices.dtype.itemsize
        return 0 if graph.weights is None else (4 + size) * graph.num_arcs + 8 * graph.num_nodes

    def _padded(self) -> int:
        """Columns of the tables."""
        return -(-checked_int("dimensions", self.dimensions, 1) // 16) * 16

    def _tokens(self, graph: Graph) -> int:
        """Length of all walks."""
        names = ("epochs", "walks_per_node", "walk_length")
        return math.prod(checked_int(name, getattr(self, name), 1) for name in names) * graph.num_nodes

    def _thread_seconds(self, graph: Graph) -> float:
        return self._tokens(graph) * (self.dimensions + 32) / 1.6e8

    def _embed(self, graph: Graph, **options: Any) -> F32:
        ranks: Ranks = options.get("ranks") or Ranks()
        several = ranks.world_size > 1
        self._check_training()
        if several and self.checkpoint is not None:
            raise ValueError("checkpoint cannot be written by several ranks; leave it out, or fit in one process.")
        data = self._identity(graph)
        if several and self.init is not None:
            data = (*data, *self._earlier(self.init))
        checkpoint = self._open_checkpoint(*data, mapped=True, ranks=ranks, sizes=graph_sizes(graph))
        sampler = self._sampler(graph, checkpoint.seed)
        trained = self._train_together if several else self._train_alone
        x, contexts = trained(graph, sampler, checkpoint, ranks)
        self._contexts: F32 | None = contexts
        self._graph = graph
        return x if x.shape[1] == self.dimensions else np.ascontiguousarray(x[:, : self.dimensions])

    def _check_training(self) -> None:
        check_callbacks(self.callbacks)
        checked_float("checkpoint_seconds", self.checkpoint_seconds, 0)

    def _train_alone(self, graph: Graph, sampler: WalkSampler, checkpoint: Checkpoint, ranks: Ranks) -> tuple[F32, F32]:
        """The vectors of nodes, and as contexts."""
        epoch, total = self._num_walks(sampler)
        chunk = max(1, min(total, _CHUNK_TOKENS // sampler.walk_length))
        model = self._skip_gram(graph, checkpoint.seed, _visits(sampler, ranks), self.subsampling)
        if self.init is not None:
            self._starter(graph)(model)

        def draw(position: int, most: int) -> tuple[Any, Any]:
            ids = sampler.shuffled_ids(position, min(chunk, most))
            return ids, sampler.sample_ids(ids)

        def train(position: int, ids: Any, walks: Any) -> int:
            model.train_unchecked(walks, ids, position, total)
            return int(np.count_nonzero(walks >= 0))

        tables = {"input": model.input, "output": model.output}
        self._train_walks(checkpoint, tables, draw, train, epoch, total, ranks)
        return model.input, model.output

    def _train_together(
        self, graph: Graph, sampler: WalkSampler, checkpoint: Checkpoint, ranks: Ranks
    ) -> tuple[F32, F32]:
        """The same, of which each rank trains a part; walks are drawn by parts, too, and each rank gets all of them."""
        n = graph.num_nodes
        epoch, total = self._num_walks(sampler)
        chunk = max(1, min(total // _ROUNDS, _ROUND_TOKENS * n // sampler.walk_length))
        needed = self._memory_needed(graph) + (4 * self._padded() // ranks.world_size + 64) * n
        check_memory(needed, f"each rank of {type(self).__name__} of {n:,} nodes", self._memory_advice)
        shared = SharedSkipGram(
            ranks,
            self.dimensions,
            counts=_visits(sampler, ranks),
            subsampling=self.subsampling,
            dtype=graph.indices.dtype,
            **self._settings(graph, checkpoint.seed),
        )
        if self.init is not None:
            self._starter(graph)(shared.model, shared.nodes)

        def draw(position: int, most: int) -> tuple[Any, Any]:
            ids = sampler.shuffled_ids(position, min(chunk, most))
            begin, end = ranks.part(len(ids))
            return ids, ranks.gather("walks", shared.places(sampler.sample_ids(ids[begin:end])), len(ids))

        def train(position: int, ids: Any, walks: Any) -> int:
            shared.train(walks, ids, position, total)
            return int(np.count_nonzero(walks >= 0))

        self._train_walks(checkpoint, {}, draw, train, epoch, total, ranks)
        return shared.tables()

    def _train_in_parts(
        self, graph: Graph, sampler: WalkSampler, checkpoint: Checkpoint, plan: Plan, folder: Path
    ) -> tuple[TableFiles, Dealt]:
        """The tables in files of a folder, and the order of their rows."""
        counts = _visits(sampler, Ranks(), plan.chunk)
        dealt = Dealt(counts, plan.parts, graph.indices.dtype)
        settings = {"subsampling": self.subsampling, **self._settings(graph, checkpoint.seed)}
        model = dealt.model(self.dimensions, counts=counts, **settings)
        del counts
        name, rounds = type(self).__name__, -(-plan.total // plan.round)
        log.info("%s: %d parts in %s, about %d rounds of %d walks", name, plan.parts, folder, rounds, plan.round)
        tables = TableFiles(folder, model, kept=checkpoint.path is not None)
        file = WalkFile(folder / "walks", sampler, dealt, plan.chunk)
        trained = 0

        def start(model: SkipGram, part: int) -> None:
            if self.init is not None:
                self._starter(graph)(model, dealt.order[slice(*model.parts[part])])

        def draw(position: int, most: int) -> tuple[Any, Any]:
            del most  # no round is longer than an epoch
            return file.walks(plan.place(position))

        def train(position: int, ids: Any, walks: Any) -> int:
            nonlocal trained
            place = plan.place(position)
            tables.bring(place.centers, place.contexts)
            model.train_unchecked(walks, ids, place.first, plan.total)
            trained = position + len(ids)
            return int(np.count_nonzero(walks >= 0)) // plan.pairs

        manifest = Manifest(checkpoint, tables, start)
        self._train_chunks(
            manifest,
            _STAGE,
            {},
            draw,
            train,
            total=plan.pairs * plan.total,
            epoch=plan.pairs * plan.epoch,
            seconds=self.checkpoint_seconds,
            unit=" parts of walks",
        )
        manifest.save(_STAGE, {"position": trained or plan.pairs * plan.total})
        return tables, dealt

    def _num_walks(self, sampler: WalkSampler) -> tuple[int, int]:
        """Number of walks of an epoch, and of all."""
        epoch = checked_int("walks_per_node", self.walks_per_node, 1) * sampler.num_starts
        return epoch, checked_int("epochs", self.epochs, 1) * epoch

    def _train_walks(
        self, checkpoint: Checkpoint, tables: Any, draw: Any, train: Any, epoch: int, total: int, ranks: Ranks
    ) -> None:
        seconds = self.checkpoint_seconds
        options: dict[str, Any] = {"total": total, "epoch": epoch, "seconds": seconds, "ranks": ranks, "unit": " walks"}
        self._train_chunks(checkpoint, _STAGE, tables, draw, train, **options)

    def _skip_gram(
        self, graph: Graph, seed: int, counts: Any, subsampling: float = 0.0, *, kinds: Any = None
    ) -> SkipGram:
        """The untrained model of the nodes of a graph; ``counts`` give the noise distribution."""
        settings = self._settings(graph, seed)
        return SkipGram(
            graph.num_nodes, self.dimensions, counts=counts, subsampling=subsampling, kinds=kinds, **settings
        )

    def _settings(self, graph: Graph, seed: int) -> dict[str, Any]:
        names = ("window", "num_negatives", "noise_power", "learning_rate", "min_learning_rate", "n_jobs")
        return {name: getattr(self, name) for name in names} | {"seed": seed, "node_keys": graph.node_keys()}

    def _earlier(self, init: Any) -> tuple[Any, Any, Any]:
        """Vectors to start from, as contexts as well or None, and their names or None."""
        fitted = getattr(init, "node_vectors_", init)
        if isinstance(init, WalkEmbedder):
            return init._unfinished, init._contexts, names_of(fitted)
        return as_vectors(fitted), None, names_of(fitted)

    def _starter(self, graph: Graph) -> Callable[..., None]:
        """Fills tables, whose rows are all nodes or those given, from earlier vectors that have the same names."""
        vectors, contexts, names = self._earlier(self.init)
        if vectors.shape[1] != self.dimensions:
            raise ValueError(f"init must have {self.dimensions} dimensions, got {vectors.shape[1]}.")
        if names is None and len(vectors) != graph.num_nodes:
            raise ValueError(f"init has {len(vectors)} rows without names, but the graph has {graph.num_nodes} nodes.")
        found = np.arange(graph.num_nodes) if names is None else NodeIndex(names, len(names)).find(graph.nodes)
        if not (found >= 0).any():
            raise ValueError(f"init has none of the nodes of the graph, such as {graph.nodes[0]!r}; names must agree.")

        def start(model: SkipGram, nodes: Any = slice(None)) -> None:
            rows = found[nodes]
            known = rows >= 0
            model.vectors[known] = vectors[rows[known]]
            if contexts is not None:
                model.output[known] = contexts[rows[known]]

        return start

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
        if self._contexts is None:
            raise ValueError("transform needs the vectors of contexts, which a fit with out= does not keep; fit again.")
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
        fits = contexts is None or (contexts.ndim == 2 and len(contexts) == graph.num_nodes)
        if graph.num_nodes != len(state["embedding_"]) or not fits:
            raise ValueError("graph and vectors differ in size")
        super()._restore(state | {"_graph": graph})


@dataclass(kw_only=True, eq=False, repr=False)
class DividedWalkEmbedder(WalkEmbedder, DividedEmbedder):
    """Base of those that ranks can train together."""

    _centers_on_disk = True

    def fit(
        self,
        graph: Any,
        y: Any = None,
        *,
        out: str | os.PathLike[str] | None = None,
        memory: int | str | None = None,
        ranks: Ranks | None = None,
    ) -> Self:
        """Embed a graph.

        Parameters
        ----------
        graph : Graph or anything :func:`graphrep.as_graph` takes
            A square NumPy array, or list of lists of numbers, is a dense adjacency matrix, as in scikit-learn.
        y : ignored
        out : path, optional
            Train within ``memory`` and write the vectors to this ``.npy`` file. ``embedding_`` is then mapped from it,
            read-only, and no vectors of contexts are kept for ``transform``. Not with ``ranks``, and of ``finish``
            with "center" alone.
        memory : int or str, optional
            With ``out``: bytes to use, such as ``"4GB"`` (the default), beside those of the interpreter, its libraries
            and the graph; a mapped graph takes none.
        ranks : Ranks, optional
            Of :func:`graphrep.distributed.connect`: each draws some of the walks, has the vectors of some of the nodes,
            and trains these as centers with all contexts of all walks, whose vectors go from rank to rank. The loss,
            walks and contexts are those of one process, but not the noise and the order and size of the steps, so that
            each number of ranks gives other vectors; the guide "Several machines" has their quality. With ``n_jobs=1``
            on every rank they are the same bits in every run. All ranks call ``fit`` with the same graph and settings,
            which is checked, and each gets all vectors.

        Returns
        -------
        self

        Raises
        ------
        MemoryError
            The graph does not fit; or ``memory`` is less than about 56 bytes per node and a sixteenth of a table.
        OSError
            The disk is full, or ``out`` cannot be written.
        RankError
            Another rank failed.
        ValueError
            Among others: the ranks disagree on the graph or the settings, or several are to write a checkpoint.

        Notes
        -----
        With ``out`` and tables that fit into ``memory``, the bits are those of a fit without. Otherwise nodes are dealt
        to R parts, the fewest of which two fit, one of the vectors and one of the context vectors; all parts are files
        beside ``out``. Walks are drawn in rounds, 20 or more in all, and kept in a file; each round is trained with
        every pair of parts, as by R ``ranks``. The guide "Large graphs" has the quality: labels are predicted as well,
        links with an AUC up to .03 less, or .012 with ``finish="center"``. Each R gives other vectors, which
        are the same bits in every run with ``n_jobs=1``. A round reads and writes 8 * (R + 1) * num_nodes * dimensions
        bytes of parts, and reads its walks R^2 times.

        With ``checkpoint``, the parts lie in a folder beside it, with ".tables" after its name, and take up to twice
        the disk; an interrupted fit goes on from its last save with the same ``memory``.

        References
        ----------
        Lerer et al. PyTorch-BigGraph: A Large-scale Graph Embedding System. MLSys 2019, section 4, for buckets of
        pairs of parts, on the disk and on several machines; its negatives are of the part of the context, while here
        all parts are weighted as in the loss.
        """
        del y
        if out is None:
            if memory is not None:
                raise TypeError("memory= bounds a fit on the disk; give out=, the file of the vectors, too.")
            return self._fit_together(graph, ranks)
        if checked_ranks(ranks).world_size > 1:
            raise ValueError("out= is for one process; leave it out on several ranks, each of which gets all vectors.")
        return self._fit_on_disk(graph, Path(out), checked_bytes("memory", "4GB" if memory is None else memory, 10**6))

    def fit_transform(
        self,
        graph: Any,
        y: Any = None,
        *,
        out: str | os.PathLike[str] | None = None,
        memory: int | str | None = None,
        ranks: Ranks | None = None,
    ) -> F32:
        """Embed a graph; return float32 vectors of shape (num_nodes, dimensions), in the order of ``g.nodes``.

        The parameters are those of :meth:`fit`.
        """
        return self.fit(graph, y, out=out, memory=memory, ranks=ranks).embedding_

    def _estimate_on_disk(self, graph: Graph, memory: int) -> Estimate:
        plan, needed = self._plan(graph, memory)
        seconds = self._seconds(graph)
        assert seconds is not None
        if plan.parts == 1:
            return Estimate(needed, 4 * graph.num_nodes * self.dimensions, seconds)
        traffic = plan.traffic(4 * graph.num_nodes * self._padded(), graph.indices.dtype.itemsize * self.walk_length)
        return Estimate(needed, self._bytes_on_disk(graph, plan), seconds + 1e-9 * traffic)

    def _fit_on_disk(self, graph: Any, out: Path, memory: int) -> Self:
        self._check_training()
        g = self._checked_for_file(graph, out, "out=")
        plan, _ = self._plan(g, memory)
        # With one part, the fit is that in memory, and so is its checkpoint.
        divided = [] if plan.parts == 1 else [plan.parts, plan.round]
        checkpoint = self._open_checkpoint(*self._identity(g), *divided, mapped=True)
        sampler = self._sampler(g, checkpoint.seed)
        shape = g.num_nodes, self.dimensions
        names = g.nodes if g.node_keys() is not None else None
        centered = is_centering(self.finish)
        with beside(out) as temporary:
            place = temporary / out.name
            if plan.parts == 1:
                check_disk(out, temporary, 0, 4 * math.prod(shape))
                x = self._train_alone(g, sampler, checkpoint, Ranks())[0]
                vectors = publish(out, place, _blocks(x, self.dimensions), shape, names, centered=centered)
            else:
                folder = _tables_folder(checkpoint, temporary)
                check_disk(out, folder, self._bytes_on_disk(g, plan), 4 * math.prod(shape))
                tables, dealt = self._train_in_parts(g, sampler, checkpoint, plan, folder)
                if checkpoint.path is None:
                    tables.remove("y")
                rows = tables.rows(dealt.order, self.dimensions)
                vectors = publish(out, place, rows, shape, names, centered=centered)
                checkpoint.remove()
                tables.remove("x", "y")
                (folder / "walks").unlink()
                if checkpoint.path is not None:
                    with suppress(OSError):  # it has files of somebody else
                        folder.rmdir()
        self._graph, self._contexts = g, None
        return self._fitted_on_disk(g, vectors)

    def _plan(self, graph: Graph, memory: int) -> tuple[Plan, int]:
        """How the training is divided so that it takes at most so many bytes, and the bytes that it takes."""
        n, length = graph.num_nodes, checked_int("walk_length", self.walk_length, 1)
        epoch = checked_int("walks_per_node", self.walks_per_node, 1) * n
        total = checked_int("epochs", self.epochs, 1) * epoch
        table, alone = 4 * self._padded(), self._bytes_of_tables(graph)
        if alone <= memory:
            return Plan(1, epoch, total, total, total), alone
        per_node = PER_NODE + 24 * (self.subsampling != 0)
        per_token = 2 * graph.indices.dtype.itemsize + 1

        def needed(parts: int, tokens: int) -> int:
            walks = per_token * max(tokens, length)
            return self._bytes_of_sampler(graph) + per_node * n + 2 * table * -(-n // parts) + walks

        tokens = min(_CHUNK_TOKENS, memory // 64, self._tokens(graph))
        parts = next((parts for parts in range(2, MOST_PARTS + 1) if needed(parts, tokens) <= memory), None)
        if parts is None:
            least = needed(MOST_PARTS, min(_CHUNK_TOKENS, self._tokens(graph)))
            raise MemoryError(
                f"memory= is {readable_bytes(memory)}, but {type(self).__name__} of {n:,} nodes on the disk needs "
                f"{readable_bytes(least)}; give memory={least} or more."
            )
        walks = max(1, min(total // _ROUNDS, _DISK_ROUND_TOKENS * n // length))
        return Plan(parts, epoch, total, min(walks, epoch), max(1, tokens // length)), needed(parts, tokens)

    def _bytes_on_disk(self, graph: Graph, plan: Plan) -> int:
        """Bytes of the files of tables and walks."""
        tables = 8 * self._padded() * graph.num_nodes * (1 if self.checkpoint is None else 2)
        return tables + graph.indices.dtype.itemsize * self.walk_length * plan.round


@dataclass(kw_only=True, eq=False, repr=False)
class Node2Vec(DividedWalkEmbedder):
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
    finish : {"center", "smooth", "orthogonalise", "whiten"}, sequence of them, or None
        Finishing steps, in order: :func:`graphrep.embed.smooth` and its neighbors. New nodes go through them as well.
        "smooth" helps labels and links most. "center" helps products and cosines in most undirected graphs, and most of
        all where vectors are trained in parts or on ranks; the guide "Which embedder?" says where it does not.
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

    def _bytes_of_sampler(self, graph: Graph) -> int:
        edges = graph.num_arcs if graph.directed else graph.num_arcs // 2
        bloom = 0 if (self.p, self.q) == (1, 1) else 2 * edges  # two bytes per edge at most
        return super()._bytes_of_sampler(graph) + bloom

    def _sampler(self, graph: Graph, seed: int, start: Any = None) -> WalkSampler:
        options = {"walk_length": self.walk_length, "start": start, "seed": seed, "n_jobs": self.n_jobs}
        return WalkSampler(graph, p=self.p, q=self.q, **options)


@dataclass(kw_only=True, eq=False, repr=False)
class DeepWalk(DividedWalkEmbedder):
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


def _tables_folder(checkpoint: Checkpoint, temporary: Path) -> Path:
    """A folder for tables, which stays if the fit is interrupted and can resume."""
    if checkpoint.path is None:
        return temporary
    folder = checkpoint.path.with_name(checkpoint.path.name + ".tables")
    folder.mkdir(exist_ok=True)
    return folder


def _blocks(table: F32, dimensions: int) -> Iterator[F32]:
    """Rows without their padding, in blocks."""
    for begin in range(0, len(table), 1 << 14):
        yield np.ascontiguousarray(table[begin : begin + (1 << 14), :dimensions])


def _visits(sampler: WalkSampler, ranks: Ranks, chunk: int | None = None) -> Any:
    """Visit counts of one pass over all nodes, enough for the noise distribution; so many walks at a time."""
    counts = np.zeros(sampler.num_nodes, dtype=np.int64)
    begin, end = ranks.part(sampler.num_starts)
    chunk = chunk or max(1, _CHUNK_TOKENS // sampler.walk_length)
    for first in range(begin, end, chunk):
        sampler.count_visits(sampler.sample(first, min(chunk, end - first)), counts)
    return ranks.summed("visits", counts)
