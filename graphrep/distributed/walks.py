"""Walkers that go from the rank of one node to the rank of the next, on a graph whose rows are divided."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import blake2b
from typing import Any

import numpy as np
import numpy.typing as npt

from graphrep import _random
from graphrep._checks import checked_int
from graphrep.csr import CSR, find_arcs
from graphrep.distributed.halo import RowGraph, agree_on_graph
from graphrep.distributed.ranks import Ranks, checked_ranks
from graphrep.graph import Graph
from graphrep.ops.walks import WalkSampler
from graphrep.ops.walks.cpu import alias_tables

__all__ = ["iter_walks"]

Walks = npt.NDArray[np.integer[Any]]
I64 = npt.NDArray[np.int64]
U64 = npt.NDArray[np.uint64]
F64 = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

_FRACTION, _TRIALS = np.uint64(31), 64  # as in csrc/walks.cpp
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
    goes to the rank of its node. With p and q, that rank asks the one that has the node before whether there is an arc
    from it to a proposed node. The batches are those of ``iter_walks(rank=, world_size=)``, number by number, so that
    all ranks together have the walks of one process. They advance together: all ranks must go on to the end.

    Parameters
    ----------
    graph : Graph or anything :func:`graphrep.as_graph` takes
        Preferably mapped: :func:`graphrep.open_graph` with ``verify=False``.
    ranks : Ranks, optional
        Of :func:`graphrep.distributed.connect`.
    batch_size, walk_length, walks_per_node, p, q, start, seed, n_jobs
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
    Steps of all walkers of a batch of every rank are taken at once, in NumPy, which takes 10 to 40 times as long
    as :func:`graphrep.iter_walks`. A step sends 16 bytes for each walker that leaves its rank, and later 16 to the rank
    that yields the walk; in memory, 16 bytes per node of the walks of a batch.

    With p or q other than 1, a walker takes 32 bytes, a question and its answer 17. A step draws like the kernel of one
    process until a proposal is accepted whatever the answers, and asks about all proposals before it at once: on
    average at most max(q, 1 / q) - 1 questions, and never more than 64. After 64 rejections, which only extreme values
    make likely, it asks about all neighbors of its node, and takes time proportional to their number.

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
        walkers = _Walkers(sampler, ranks, batch_size)
    return walkers.batches(total)


class _Walkers:
    def __init__(self, sampler: WalkSampler, ranks: Ranks, batch_size: int) -> None:
        self._sampler, self._ranks, self._batch = sampler, ranks, batch_size
        graph = sampler.graph
        rows = RowGraph(graph, ranks, max(1, graph.num_nodes // (256 * ranks.world_size)))
        self._ends = np.array([end for _, end in rows.parts])
        self._begin, self._end = rows.begin, rows.end
        self._own, self._nodes = _own_graph(rows)
        self._before = rows.begin - int(np.searchsorted(self._nodes, rows.begin))  # of row numbers, what is not here
        self._keep, self._slot, self._sums = alias_tables(self._own, sampler.num_threads)
        self._alphas = None if (sampler.p, sampler.q) == (1.0, 1.0) else _Alphas(sampler.p, sampler.q)

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
        mine = (at >= self._begin) & (at < self._end)
        walker, at = walker[mine], at[mine]
        # Of second order, a walker also has the node before and how many random numbers it has drawn.
        more: list[I64] = [] if self._alphas is None else [at, np.zeros_like(at)]
        places, nodes = [walker * length], [at]
        for step in range(1, length):
            walker, at, *more = self._moved(step, first, walker, at, *more)
            places.append(walker * length + step)
            nodes.append(at)
            if step + 1 < length:
                walker, at, *more = self._sent("walkers", self._owner(at), walker, at, *more)
        place, node = np.concatenate(places), np.concatenate(nodes)
        place, node = self._sent("walks", place // (length * self._batch), place, node)
        begin = min(count, self._batch * self._ranks.rank)
        out = np.full((min(count - begin, self._batch), length), -1, self._sampler.graph.indices.dtype)
        out.reshape(-1)[place - begin * length] = node
        return out

    def _owner(self, node: I64) -> I64:
        return np.searchsorted(self._ends, node, side="right")

    def _moved(self, step: int, first: int, walker: I64, at: I64, *more: I64) -> tuple[I64, ...]:
        """Walkers that are not at a dead end, after a step with the random numbers of the kernel of all walks."""
        indptr, row = self._own.indptr, at - self._before
        begin, degree = indptr[row], indptr[row + 1] - indptr[row]
        alive = degree > 0
        walker, at, begin, degree, row = walker[alive], at[alive], begin[alive], degree[alive], row[alive]
        key = _random.stream_key(self._sampler.seed, first + walker)
        if self._alphas is not None:
            before, drawn = (part[alive] for part in more)
            node = self._proposed(self._alphas, step, key, row, before, drawn)
            return walker, node, at, drawn
        bits, slots = _random.random_bits(key, step), degree.astype(np.uint64)
        arc = begin + _random.bounded(bits, slots).astype(np.int64)
        if self._keep is not None:
            with np.errstate(over="ignore"):
                kept = _random.uniform_float(bits * slots) < self._keep[arc]
            arc = np.where(kept, arc, begin + self._slot[arc])
        return walker, self._nodes[self._own.indices[arc]]

    def _proposed(self, alphas: _Alphas, step: int, key: U64, row: I64, before: I64, drawn: I64) -> I64:
        """The next node of each walker; ``drawn`` counts on.

        The trials of the kernel up to one that is accepted whatever arcs there are; the first one whose arc, asked for,
        makes it accepted comes before.
        """
        indptr, indices = self._own.indptr, self._own.indices
        degree, node = indptr[row + 1] - indptr[row], np.full(len(row), -1)
        span = degree.astype(np.uint64) << _FRACTION
        if step > 1:
            span += self._excess(alphas, row, before, degree)
        trying, asked = np.arange(len(row)), [(np.zeros(0, np.int64),) * 3]
        for _ in range(_TRIALS):
            if not len(trying):
                break
            begin, last = indptr[row[trying]], before[trying]
            bits = _random.bounded(_random.random_bits(key[trying], drawn[trying]), span[trying])
            drawn[trying] += 1
            slot, height = (bits >> _FRACTION).astype(np.int64), bits & np.uint64((1 << 31) - 1)
            folded = slot >= degree[trying]
            arc = begin + np.where(folded, 0, slot)
            if self._keep is not None:
                kept = _random.uniform_float(_random.random_bits(key[trying], drawn[trying])) < self._keep[arc]
                drawn[trying] += 1
                arc = np.where(kept, arc, begin + self._slot[arc])
            found = np.where(folded, last, self._nodes[indices[arc]])
            back = found == last
            sure = folded | (height < np.where(back, alphas.back, min(alphas.near, alphas.far))) | (step == 1)
            asks = ~sure & ~back
            asked.append((trying[asks], found[asks], drawn[trying[asks]]))
            node[trying[sure]] = found[sure]
            trying = trying[~sure]
        who, found, count = (np.concatenate(parts) for parts in zip(*asked, strict=True))
        accepted = self._exist(before[who], found) == (alphas.near > alphas.far)
        chosen, place = np.unique(who[accepted], return_index=True)  # the first one of each
        node[chosen], drawn[chosen] = found[accepted][place], count[accepted][place]
        rest = np.flatnonzero(node < 0)
        u = _random.uniform_double(_random.random_bits(key[rest], drawn[rest]))
        drawn[rest] += 1
        node[rest] = self._exact(alphas, row[rest], before[rest], u)
        return node

    def _excess(self, alphas: _Alphas, row: I64, before: I64, degree: I64) -> U64:
        """What returning has beyond a slot, where the kernel makes it an outcome of its own."""
        out = np.zeros(len(row), np.uint64)
        if not alphas.excess:
            return out
        if self._own.weights is None and not self._sampler.graph.directed:  # every row has an arc back
            return np.full_like(out, _fixed(alphas.excess))
        column, known = self._columns(before)
        arc = find_arcs(self._own._csr, row[known], column[known])
        there = np.flatnonzero(known)[arc >= 0]
        slots = np.ones(len(there))
        if self._own.weights is not None:
            mass = self._own.weights[arc[arc >= 0]].astype(np.float64)
            slots = mass * degree[there].astype(np.float64) / self._sums[row[there]]
        out[there] = _fixed(alphas.excess * slots)
        return out

    def _exact(self, alphas: _Alphas, row: I64, before: I64, u: F64) -> I64:
        """The scan of the kernel after many rejections: the first node at which the sum of masses exceeds u."""
        out, indptr = np.empty(len(row), np.int64), self._own.indptr
        degree = indptr[row + 1] - indptr[row]
        part = np.cumsum(degree) // _ASKED  # all arcs of a part are asked for at once
        parts = np.split(np.arange(len(row)), np.flatnonzero(np.diff(part)) + 1)
        for i in range(max(self._ranks.tell("exact steps", len(parts) if len(row) else 0))):
            some = parts[i] if i < len(parts) else np.zeros(0, np.int64)
            counts = degree[some]
            ends = np.cumsum(counts)
            arc = np.arange(counts.sum()) + np.repeat(indptr[row[some]] - (ends - counts), counts)
            node, last = self._nodes[self._own.indices[arc]], np.repeat(before[some], counts)
            mass = np.where(node == last, alphas.masses[0], np.where(self._exist(last, node), *alphas.masses[1:]))
            if self._own.weights is not None:
                mass *= self._own.weights[arc]
            for walker, begin, end in zip(some, ends - counts, ends, strict=True):
                own = mass[begin:end]
                left = np.cumsum(np.append(u[walker] * np.cumsum(own)[-1], -own))[1:]
                at = np.flatnonzero((left < 0) & (own > 0))[:1]
                at = at if len(at) else np.flatnonzero(own > 0)[-1:]
                out[walker] = node[begin + (at[0] if len(at) else 0)]
        return out

    def _exist(self, source: I64, target: I64) -> Bools:
        """Whether there are arcs, as the ranks of their sources say."""
        order, counts, received, asked = self._swapped("questions", self._owner(source), source, target)
        column, known = self._columns(asked[1])
        known[known] = find_arcs(self._own._csr, asked[0][known] - self._before, column[known]) >= 0
        out = np.empty(len(source), bool)
        out[order] = self._ranks.swap("answers", known, received, counts)
        return out

    def _columns(self, node: I64) -> tuple[I64, Bools]:
        """Numbers of nodes in the own graph, and whether they are there."""
        column = np.searchsorted(self._nodes, node)
        known = column < len(self._nodes)
        known[known] = self._nodes[column[known]] == node[known]
        return column, known

    def _sent(self, step: str, to: I64, *values: I64) -> list[I64]:
        """Values that each rank has for each other rank."""
        return self._swapped(step, to, *values)[-1]

    def _swapped(self, step: str, to: I64, *values: I64) -> tuple[I64, list[int], list[int], list[I64]]:
        """The order in which values are sent, how many go to and come from each rank, and what came."""
        order = np.argsort(to, kind="stable")
        counts = np.bincount(to, minlength=self._ranks.world_size).tolist()
        received = [told[self._ranks.rank] for told in self._ranks.tell(f"number of {step}", counts)]
        items = self._ranks.swap(step, np.stack(values, axis=1)[order], counts, received)
        return order, counts, received, list(items.T)


class _Alphas:
    """The constants of the kernel for second order: masses, and heights below which a trial is accepted."""

    def __init__(self, p: float, q: float) -> None:
        back, near, far = self.masses = 1 / p, 1.0, 1 / q
        bound = max(near, far)
        self.excess = max(back / bound - 1, 0.0)
        self.back, self.near, self.far = (_fixed(min(mass / bound, 1.0)) for mass in self.masses)


def _fixed(value: Any) -> Any:
    """In units of 2**-31, at most 2**31 of them, which are 1."""
    return (np.minimum(value, 2.0**31) * 2.0**31).astype(np.uint64)


def _own_graph(rows: RowGraph) -> tuple[Graph, I64]:
    """The arcs of the own rows as a graph of these rows and the halo, in the order of the row numbers it returns."""
    size, below = rows.num_rows, int(np.searchsorted(rows.halo, rows.begin))
    nodes = np.concatenate([rows.halo[:below], np.arange(rows.begin, rows.end), rows.halo[below:]])
    indptr, indices, weights = rows.csr
    for at in range(0, len(indices), _PIECE):
        piece = indices[at : at + _PIECE]
        piece += np.where(piece < size, below, np.where(piece < size + below, -size, 0)).astype(piece.dtype)
    indptr = np.pad(indptr, (below, len(rows.halo) - below), mode="edge")
    return Graph._trusted(CSR(indptr, indices, weights), directed=True), nodes
