"""Walkers that go from the rank of one node to the rank of the next, on a graph whose rows are divided."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import blake2b
from typing import Any

import numpy as np
import numpy.typing as npt

from graphrep import _random
from graphrep._checks import checked_int
from graphrep.distributed.halo import RowGraph, agree_on_graph
from graphrep.distributed.ranks import Ranks, checked_ranks
from graphrep.graph import Graph
from graphrep.ops.walks import WalkSampler
from graphrep.ops.walks.cpu import alias_tables

__all__ = ["iter_walks"]

Walks = npt.NDArray[np.integer[Any]]
I64 = npt.NDArray[np.int64]


def iter_walks(
    graph: Any,
    ranks: Ranks | None = None,
    *,
    batch_size: int = 65536,
    walk_length: int = 80,
    walks_per_node: int = 10,
    start: npt.ArrayLike | None = None,
    seed: Any = 0,
    n_jobs: int | None = None,
) -> Iterator[Walks]:
    """The first-order walks of :func:`graphrep.iter_walks` on a graph that does not fit one host.

    Each rank reads and holds the arcs of some rows, as ``FastRP.fit(shard="rows")`` does; after every step a walker
    goes to the rank of its node. The batches are those of ``iter_walks(rank=, world_size=)``, number by number, so that
    all ranks together have the walks of one process. They advance together: all ranks must go on to the end.

    Parameters
    ----------
    graph : Graph or anything :func:`graphrep.as_graph` takes
        Preferably mapped: :func:`graphrep.open_graph` with ``verify=False``.
    ranks : Ranks, optional
        Of :func:`graphrep.distributed.connect`.
    batch_size, walk_length, walks_per_node, start, seed, n_jobs
        As in :func:`graphrep.iter_walks`; the threads are for the tables of a weighted graph.

    Yields
    ------
    int32 or int64 array of shape (at most batch_size, walk_length)

    Raises
    ------
    RankError
        Another rank failed.
    ValueError
        Among others: the ranks disagree on the graph or the settings.

    Notes
    -----
    Steps of all walkers of a batch of every rank are taken at once, in NumPy, which takes 10 to 30 times as long
    as :func:`graphrep.iter_walks`. A step sends 16 bytes for each walker that leaves its rank, and later 16 to the rank
    that yields the walk; in memory, 16 bytes per node of the walks of a batch.

    Examples
    --------
    >>> import graphrep as gr
    >>> ring = gr.as_graph([[0, 1, 2, 3], [1, 2, 3, 0]], directed=False)
    >>> with gr.distributed.connect() as ranks:
    ...     walks = gr.distributed.iter_walks(ring, ranks, batch_size=6, walk_length=5, walks_per_node=2)
    ...     [batch.shape for batch in walks]
    [(6, 5), (2, 5)]
    """
    ranks = checked_ranks(ranks)
    with ranks.together():
        sampler = WalkSampler(graph, walk_length=walk_length, start=start, seed=seed, n_jobs=n_jobs)
        sampler.seed = ranks.tell("the seed", sampler.seed)[0] if seed is None else sampler.seed
        batch_size = checked_int("batch_size", batch_size, 1)
        total = checked_int("walks_per_node", walks_per_node, 0) * sampler.num_starts
        agree_on_graph(ranks, sampler.graph)
        settings = {"batch_size": batch_size, "walk_length": walk_length, "number of walks": total}
        starts = None if sampler.start is None else blake2b(sampler.start.data, digest_size=16).hexdigest()
        ranks.agree("the walks", {**settings, "seed": sampler.seed, "start": starts})
        walkers = _Walkers(sampler, ranks, batch_size)
    return walkers.batches(total)


class _Walkers:
    def __init__(self, sampler: WalkSampler, ranks: Ranks, batch_size: int) -> None:
        self._sampler, self._ranks, self._batch = sampler, ranks, batch_size
        graph = sampler.graph
        self._rows = RowGraph(graph, ranks, max(1, graph.num_nodes // (256 * ranks.world_size)))
        self._ends = np.array([end for _, end in self._rows.parts])
        own = Graph._trusted(self._rows.csr, directed=True)
        self._keep, self._slot, _ = alias_tables(own, sampler.num_threads)

    def batches(self, total: int) -> Iterator[Walks]:
        together = self._batch * self._ranks.world_size
        for first in range(0, total, together):
            with self._ranks.together():
                walks = self._walk(first, min(together, total - first))
            if len(walks):
                yield walks

    def _walk(self, first: int, count: int) -> Walks:
        """The batch of this rank of those that walks ``first``, … of all ranks make."""
        length, starts = self._sampler.walk_length, self._sampler.start
        walker = np.arange(count)
        at = (first + walker) % self._sampler.num_starts
        at = at if starts is None else starts[at]
        mine = (at >= self._rows.begin) & (at < self._rows.end)
        walker, at = walker[mine], at[mine]
        places, nodes = [walker * length], [at]
        for step in range(1, length):
            walker, at = self._moved(walker, at, first, step)
            places.append(walker * length + step)
            nodes.append(at)
            if step + 1 < length:
                walker, at = self._sent("walkers", np.searchsorted(self._ends, at, side="right"), walker, at)
        place, node = np.concatenate(places), np.concatenate(nodes)
        place, node = self._sent("walks", place // (length * self._batch), place, node)
        begin = min(count, self._batch * self._ranks.rank)
        out = np.full((min(count - begin, self._batch), length), -1, self._sampler.graph.indices.dtype)
        out.reshape(-1)[place - begin * length] = node
        return out

    def _moved(self, walker: I64, at: I64, first: int, step: int) -> tuple[I64, I64]:
        """Walkers that are not at a dead end, after a step with the random numbers of the kernel of all walks."""
        indptr, indices, _ = self._rows.csr
        row = at - self._rows.begin
        begin, degree = indptr[row], indptr[row + 1] - indptr[row]
        alive = degree > 0
        walker, begin, degree = walker[alive], begin[alive], degree[alive].astype(np.uint64)
        bits = _random.random_bits(_random.stream_key(self._sampler.seed, first + walker), step)
        arc = begin + _random.bounded(bits, degree).astype(np.int64)
        if self._keep is not None:
            with np.errstate(over="ignore"):
                kept = _random.uniform_float(bits * degree) < self._keep[arc]
            arc = np.where(kept, arc, begin + self._slot[arc])
        place, halo = indices[arc].astype(np.int64), self._rows.halo
        outside = place >= self._rows.num_rows
        node = place + self._rows.begin
        node[outside] = halo[place[outside] - self._rows.num_rows]
        return walker, node

    def _sent(self, step: str, to: I64, *values: I64) -> tuple[I64, ...]:
        """Values that each rank has for each other rank."""
        order = np.argsort(to, kind="stable")
        counts = np.bincount(to, minlength=self._ranks.world_size).tolist()
        received = [told[self._ranks.rank] for told in self._ranks.tell(f"number of {step}", counts)]
        items = self._ranks.swap(step, np.stack(values, axis=1)[order], counts, received)
        return tuple(items.T)
