"""Walkers that go from the rank of one node to the rank of the next, on a graph whose rows are divided."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from hashlib import blake2b
from typing import Any

import numpy as np
import numpy.typing as npt

from graphrep import _core
from graphrep._checks import checked_int
from graphrep.csr import CSR
from graphrep.distributed.halo import RowGraph, agree_on_graph
from graphrep.distributed.ranks import Ranks, checked_ranks
from graphrep.graph import Graph
from graphrep.ops.walks import WalkSampler
from graphrep.ops.walks.cpu import alias_tables, edge_filter

__all__ = ["iter_walks"]

Walks = npt.NDArray[np.integer[Any]]
I64 = npt.NDArray[np.int64]
U8 = npt.NDArray[np.uint8]

_ASKED = 1 << 20  # arcs that exact steps ask for at a time
_PIECE = 1 << 20  # arcs that are numbered at a time


def iter_walks(
    graph: Any,
    ranks: Ranks | None = None,
    *,
    batch_size: int = 65536,
    walk_length: int = 80,
    walks_per_node: int = 10,
    p: float = 1.0,
    q: float = 1.0,
    start: npt.ArrayLike | None = None,
    seed: Any = 0,
    n_jobs: int | None = None,
) -> Iterator[Walks]:
    """The walks of :func:`graphrep.iter_walks` on a graph that does not fit one host.

    Each rank reads and holds the arcs of some rows, as ``FastRP.fit(shard="rows")`` does; after every step a walker
    goes to the rank of its node. With p and q, that rank may have to ask the one that has the node before whether there
    is an arc from it to a proposed node. The batches are those of ``iter_walks(rank=, world_size=)``, number by number,
    so that all ranks together have the walks of one process. They advance together: all ranks must go on to the end.

    Parameters
    ----------
    graph : Graph or anything :func:`graphrep.as_graph` takes
        Preferably mapped: :func:`graphrep.open_graph` with ``verify=False``.
    ranks : Ranks, optional
        Of :func:`graphrep.distributed.connect`.
    batch_size, walk_length, walks_per_node, p, q, start, seed, n_jobs
        As in :func:`graphrep.iter_walks`; the threads are those of each rank.

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
    Steps of all walkers of a batch of every rank are taken at once. A thread takes 1.2 to 2.3 times as long for a step
    as in :func:`graphrep.iter_walks` where one rank has all rows, 2 to 7 times on each of two ranks, and 2 to 8 times
    on each of three, about half of it for the exchange. A step sends 16 bytes for each walker that leaves its rank, and
    later 16 to the rank that yields the walk; in memory, 16 bytes per node of the walks of a batch.

    With p or q other than 1, a walker takes 32 bytes, a question and its answer 17. A rank answers itself what its rows
    tell, in an undirected graph also those of proposed nodes. A step draws like the kernel of one process until a
    proposal is accepted whatever the other ranks answer, and asks about all proposals before it at once: on average
    at most max(q, 1 / q) - 1 questions, and never more than 64. After 64 rejections, which only extreme values make
    likely, it asks about all neighbors of its node, and takes time proportional to their number. With q other than 1, a
    Bloom filter of one to two bytes per arc answers most questions.

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
        sampler = WalkSampler(graph, walk_length=walk_length, p=p, q=q, start=start, seed=seed, n_jobs=n_jobs)
        sampler.seed = ranks.tell("the seed", sampler.seed)[0] if seed is None else sampler.seed
        batch_size = checked_int("batch_size", batch_size, 1)
        total = checked_int("walks_per_node", walks_per_node, 0) * sampler.num_starts
        agree_on_graph(ranks, sampler.graph)
        settings = {"batch_size": batch_size, "walk_length": walk_length, "number of walks": total}
        biases = {"p": sampler.p, "q": sampler.q}
        starts = None if sampler.start is None else blake2b(sampler.start.data, digest_size=16).hexdigest()
        ranks.agree("the walks", {**settings, **biases, "seed": sampler.seed, "start": starts})
        walkers = _Walkers(sampler, ranks, min(batch_size, max(total, 1)))
    return walkers.batches(total)


class _Walkers:
    def __init__(self, sampler: WalkSampler, ranks: Ranks, batch_size: int) -> None:
        self._sampler, self._ranks, self._batch, graph = sampler, ranks, batch_size, sampler.graph
        self._biases: dict[str, Any] = {} if (sampler.p, sampler.q) == (1.0, 1.0) else {"p": sampler.p, "q": sampler.q}
        rows = RowGraph(graph, ranks, max(1, graph.num_nodes // (256 * ranks.world_size)))
        self._ends = np.array([end for _, end in rows.parts])
        own = self._own = _own_rows(rows, graph.indices.dtype)
        keep, slot, sums = alias_tables(own, sampler.num_threads)
        tables = {"weights": own.weights, "alias_keep": keep, "alias_slot": slot, "row_sums": sums}
        arcs = {"indptr": own.indptr, "indices": own.indices, "first_node": rows.begin, "num_nodes": graph.num_nodes}
        # Arguments of the kernels.
        self._arcs: dict[str, Any] = {**arcs, "num_threads": sampler.num_threads}
        self._graph: dict[str, Any] = {**self._arcs, **tables}
        self._filter: dict[str, Any] = {"filter": None if sampler.q == 1 else edge_filter(own, sampler.num_threads)}
        self._direction: dict[str, Any] = {"directed": graph.directed}
        self._rule: dict[str, Any] = {"walk_length": sampler.walk_length, "seed": sampler.seed}

    def batches(self, total: int) -> Iterator[Walks]:
        together = self._batch * self._ranks.world_size
        for first in range(0, total, together):
            with self._ranks.together():
                walks = self._walk(first, min(together, total - first))
            if len(walks):
                yield walks

    def _walk(self, first: int, count: int) -> Walks:
        """The batch of this rank of those that walks ``first``, … of all ranks make."""
        length, starts, ranks = self._sampler.walk_length, self._sampler.start, self._ranks
        begin = min(count, self._batch * ranks.rank)
        # A walker of second order also has the node before and how many random numbers it has drawn.
        walkers = np.zeros((min(count - begin, self._batch), 4 if self._biases else 2), np.int64)
        walkers[:, 0] = np.arange(begin, begin + len(walkers))
        at = (first + walkers[:, 0]) % self._sampler.num_starts
        walkers[:, 1] = at if starts is None else starts[at]
        out = np.full((len(walkers), length), -1, self._sampler.graph.indices.dtype)
        out[:, 0] = walkers[:, 1]
        ends = length * self._batch * np.arange(1, ranks.world_size + 1)  # places of the walks of each rank
        found: list[list[I64]] = [[] for _ in ends]
        for step in range(1, length):
            walkers, _ = self._ranks.exchange("walkers", *self._routed(walkers, 1, self._ends))
            made = np.empty((len(walkers), 2), np.int64)  # place and node
            self._move({**self._rule, "first_walk": first, "step": step}, walkers, made)
            made, counts = self._routed(made, 0, ends)
            for rank, part in enumerate(np.split(made, np.cumsum(counts)[:-1])):
                if rank == ranks.rank:
                    _core.place_nodes(part, begin * length, out, self._sampler.num_threads)
                else:
                    found[rank].append(part)
        counts = [sum(map(len, parts)) for parts in found]
        made = np.concatenate([np.empty((0, 2), np.int64), *itertools.chain(*found)])
        made, _ = ranks.exchange("walks", made, counts)
        _core.place_nodes(made, begin * length, out, self._sampler.num_threads)
        return out

    def _move(self, rule: dict[str, Any], walkers: I64, made: I64) -> None:
        """A step of the walkers here, with the random numbers of the kernel of all walks."""
        moved: dict[str, Any] = {"walkers": walkers, "made": made}
        if not self._biases:
            _core.step_walkers(**self._graph, **rule, **moved)
            return
        rule = rule | self._biases
        asked = _core.try_steps(**self._graph, **self._filter, **self._direction, **rule, **moved)
        if self._ranks.world_size == 1 or self._sampler.q == 1:  # no arc is asked for
            return
        pairs, askers = (part.reshape(-1, 2) for part in asked)
        answers, where = self._answers(pairs)
        questions: dict[str, Any] = {"pairs": pairs, "askers": askers, "where": where, "answers": answers}
        rest = _core.settle_steps(**rule, **questions, **moved, num_threads=self._sampler.num_threads)
        parts = np.split(rest, np.flatnonzero(np.diff(np.cumsum(self._rows(walkers, rest)[1]) // _ASKED)) + 1)
        for i in range(max(self._ranks.tell("exact steps", len(parts) if len(rest) else 0))):
            rows = parts[i] if i < len(parts) else rest[:0]
            begin, degree = self._rows(walkers, rows)
            offsets = np.concatenate([[0], np.cumsum(degree)])
            arc = np.arange(offsets[-1]) + np.repeat(begin - offsets[:-1], degree)
            pairs = np.stack([np.repeat(walkers[rows, 2], degree), self._own.indices[arc]], axis=1)
            answers, where = self._answers(pairs)
            _core.scan_steps(**self._graph, **rule, **moved, rows=rows, offsets=offsets, answers=answers[where])

    def _rows(self, walkers: I64, some: I64) -> tuple[I64, I64]:
        """Where the arcs from the nodes of some walkers begin, and how many there are."""
        indptr, row = self._own.indptr, walkers[some, 1] - self._arcs["first_node"]
        return indptr[row], indptr[row + 1] - indptr[row]

    def _answers(self, pairs: I64) -> tuple[U8, I64]:
        """Whether there are arcs, as the ranks of their sources say, and which answer is that of each pair."""
        where = np.empty(len(pairs), np.int64)
        questions, counts = self._routed(pairs, 0, self._ends, where)
        asked, received = self._ranks.exchange("questions", questions, counts)
        answers = np.empty(len(asked), np.uint8)
        _core.answer_questions(**self._arcs, **self._filter, pairs=asked, answers=answers)
        return self._ranks.swap("answers", answers, received, counts), where

    def _routed(self, items: I64, column: int, ends: I64, where: I64 | None = None) -> tuple[I64, list[int]]:
        """Items by the rank to which a number of theirs, if not negative, belongs, and how many there are for each."""
        if len(ends) == 1:
            return items, [len(items)]
        counts, out = np.empty(len(ends), np.int64), np.empty_like(items)
        _core.route_items(items, column, ends, counts, out, where, self._sampler.num_threads)
        return out[: counts.sum()], counts.tolist()


def _own_rows(rows: RowGraph, dtype: npt.DTypeLike) -> Graph:
    """The arcs of the own rows; their columns are those of the whole graph."""
    indptr, indices, weights = rows.csr
    nodes = np.concatenate([np.arange(rows.begin, rows.end), rows.halo]).astype(dtype)
    columns = indices if indices.dtype == dtype else np.empty(len(indices), dtype)
    for at in range(0, len(indices), _PIECE):
        columns[at : at + _PIECE] = nodes[indices[at : at + _PIECE]]
    return Graph._trusted(CSR(indptr, columns, weights), directed=True)
