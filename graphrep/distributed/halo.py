"""A graph whose rows are divided among the ranks, and the exchange of the rows that arcs between them lead to."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from hashlib import blake2b
from typing import Any

import numpy as np
import numpy.typing as npt

from graphrep._mapped import forget
from graphrep._rows import Arcs
from graphrep.csr import CSR, build_rows, double_cover, index_dtype
from graphrep.distributed.ranks import Range, Ranks
from graphrep.graph import Graph
from graphrep.ops.propagation import rows_matmul

__all__ = ["HaloArcs", "RowGraph", "agree_on_graph", "balanced_parts"]

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]

_ARCS = 1 << 20  # read at a time


def balanced_parts(graph: Graph, ranks: Ranks, block: int) -> list[Range]:
    """Consecutive rows of each rank, cut at multiples of ``block``: shares of rows and of arcs add up alike.

    No rank has more than about twice its part of either.
    """
    n, m = graph.num_nodes, graph.num_arcs
    cuts = np.minimum(np.arange(-(-n // block) + 1) * block, n)
    cost = cuts / max(n, 1) + graph.indptr[cuts] / max(m, 1)
    wanted = cost[-1] * np.arange(1, ranks.world_size) / ranks.world_size
    places = np.searchsorted((cost[:-1] + cost[1:]) / 2, wanted)  # the nearest cut
    return list(itertools.pairwise([0, *cuts[places].tolist(), n]))


def agree_on_graph(ranks: Ranks, graph: Graph) -> None:
    """Check that all ranks have the same arcs, without reading them where they are mapped from a saved graph."""
    if ranks.world_size == 1:
        return
    file = graph._cache.get("file")
    if file is None:
        hasher = blake2b(digest_size=16)
        for array in (graph.indptr, graph.indices, graph.weights):
            hasher.update(b"" if array is None else array.data)
        digest = hasher.hexdigest()
    else:
        digest = file[1]
    sizes = {"num_nodes": graph.num_nodes, "num_arcs": graph.num_arcs, "direction": graph.directed}
    ranks.agree("the graph", {**sizes, "the arcs": digest})


class RowGraph:
    """The arcs that leave some rows of a graph, and the halo: rows of other ranks that they lead to.

    Columns of ``csr`` are numbered by place in a table of the own rows and then the halo, in the order of their row
    numbers; arcs stay in their order, so that sums of neighbors have the bits of the whole graph.

    Parameters
    ----------
    graph : Graph
        Each rank reads the arcs of its rows alone.
    ranks : Ranks
    block : int
        Rows are cut at multiples of it.
    form : {"arcs", "undirected", "cover"}
        Of a directed graph: itself, :meth:`graphrep.Graph.to_undirected` or :func:`graphrep.csr.double_cover`; for
        these, arcs go to the rank of their target as well.
    room : callable, optional
        Called with the number of arcs that the rank will have, before it gets those of others.

    Attributes
    ----------
    parts : list of (begin, end)
        Rows of each rank; of a cover, two for each node.
    begin, end : int
        Those of this one.
    size : int
        Number of rows of all ranks.
    csr : CSR
    halo : int64 array
        Row numbers.
    """

    def __init__(
        self,
        graph: Graph,
        ranks: Ranks,
        block: int,
        *,
        form: str = "arcs",
        room: Callable[[int], object] | None = None,
    ) -> None:
        self._ranks = ranks
        self.parts, self.size = balanced_parts(graph, ranks, block), graph.num_nodes
        self.begin, self.end = self.parts[ranks.rank]
        csr: CSR = self._read(graph)
        if graph.directed and form != "arcs":
            for piece in _pieces(len(csr.indices)):
                self._check(csr, piece)
            csr = self._with_reverse(csr, form, room)
            if form == "cover":
                self.parts, self.size = [(2 * begin, 2 * end) for begin, end in self.parts], 2 * self.size
                self.begin, self.end = self.parts[ranks.rank]
        outside = np.zeros(self.size, dtype=bool)
        for piece in _pieces(len(csr.indices)):
            outside[self._check(csr, piece)] = True
        outside[self.begin : self.end] = False
        self.halo = np.flatnonzero(outside)
        del outside
        dtype = index_dtype(self.num_rows + len(self.halo))
        place = np.empty(self.size, dtype=dtype)
        place[self.begin : self.end] = np.arange(self.num_rows)
        place[self.halo] = np.arange(self.num_rows, self.num_rows + len(self.halo))
        indices = np.empty(len(csr.indices), dtype=dtype)
        for piece in _pieces(len(indices)):
            indices[piece] = place[csr.indices[piece]]
        self.csr = CSR(csr.indptr, indices, None if csr.weights is None else np.array(csr.weights))
        for array in (graph.indptr, graph.indices, graph.weights):
            forget(array)
        starts = np.searchsorted(self.halo, [0, *(end for _, end in self.parts)])
        self._taken = np.diff(starts).tolist()
        asked = ranks.tell("rows of the halo", self._taken)
        self._given = [counts[ranks.rank] for counts in asked]
        self._wanted = ranks.swap("numbers of rows", self.halo, self._taken, self._given) - self.begin

    def _read(self, graph: Graph) -> CSR:
        """The own rows, as views."""
        indptr = graph.indptr[self.begin : self.end + 1] - graph.indptr[self.begin]
        first, last = int(graph.indptr[self.begin]), int(graph.indptr[self.end])
        if not 0 <= first <= last <= graph.num_arcs or np.any(np.diff(indptr) < 0):
            self._refuse()
        weights = None if graph.weights is None else graph.weights[first:last]
        return CSR(indptr, graph.indices[first:last], weights)

    def _check(self, csr: CSR, piece: slice) -> npt.NDArray[np.integer[Any]]:
        """Columns of some arcs; a graph that was opened with ``verify=False`` may hold anything."""
        columns = csr.indices[piece]
        weights = None if csr.weights is None else csr.weights[piece]
        wrong = columns.min() < 0 or columns.max() >= self.size
        if wrong or (weights is not None and not (weights.min() > 0 and np.isfinite(weights.max()))):
            self._refuse()
        return columns

    def _refuse(self) -> None:
        raise ValueError(
            f"rows {self.begin} to {self.end - 1} of the graph are damaged; graphrep.open_graph(path, verify=True) "
            "says how."
        )

    def _with_reverse(self, own: CSR, form: str, room: Callable[[int], object] | None) -> CSR:
        """The own rows of another form of a directed graph: every arc goes to the rank of its target."""
        n, rows, ranks = self.size, (self.begin, self.end), self._ranks
        source = np.repeat(np.arange(*rows, dtype=index_dtype(n)), np.diff(own.indptr))
        owner = np.searchsorted([end for _, end in self.parts], own.indices, side="right").astype(np.uint16)
        counts = np.bincount(owner, minlength=ranks.world_size).tolist()
        received = [told[ranks.rank] for told in ranks.tell("arcs to each rank", counts)]
        if room is not None:
            room(len(source) + sum(received))
        order = np.argsort(owner, kind="stable")
        ends = ranks.swap("sources of arcs", source[order], counts, received)
        starts = ranks.swap("targets of arcs", own.indices[order].astype(source.dtype), counts, received)
        weights = None
        if own.weights is not None:
            weights = ranks.swap("weights of arcs", own.weights[order], counts, received)
        if form == "cover":
            back = build_rows(starts, ends, weights, n, rows=rows)
            if weights is not None and back.weights is None:  # each of these is 1
                back = back._replace(weights=np.ones(len(back.indices), dtype=np.float32))
            return double_cover(own, back)
        joined = None if weights is None else np.concatenate([own.weights, weights])
        row, column = np.concatenate([source, starts]), np.concatenate([own.indices.astype(source.dtype), ends])
        return build_rows(row, column, joined, n, rows=rows, num_forward=len(source), merge="max")

    @property
    def num_rows(self) -> int:
        """Number of rows of this rank."""
        return self.end - self.begin

    @property
    def sizes(self) -> tuple[int, int]:
        """Number of rows of the halo, and of rows sent to other ranks, once for each of them."""
        return len(self.halo), len(self._wanted)

    def table(self, x: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """The own rows, given, and those of the halo."""
        out = np.empty((self.num_rows + len(self.halo), *x.shape[1:]), x.dtype)
        out[: self.num_rows] = x
        self._ranks.swap("rows of the halo", x[self._wanted], self._given, self._taken, out[self.num_rows :])
        return out

    def multiply(self, x: npt.NDArray[Any], scale: F32, width: int, n_jobs: int | None) -> None:
        """Multiply all rows, of which this rank has x, by diag(scale) A, in place and ``width`` columns at a time."""
        self.step(x, x, width, scale=scale, n_jobs=n_jobs)

    def step(
        self,
        x: F32,
        out: F32,
        width: int,
        *,
        values: F32 | None = None,
        scale: F32 | None = None,
        own: float = 0.0,
        before: float = 0.0,
        n_jobs: int | None = None,
    ) -> None:
        """Out = diag(scale) A x + own x + before out, ``width`` columns at a time; out may be x if ``before`` is 0."""
        for begin in range(0, x.shape[1], width):
            columns = slice(begin, begin + width)
            table = self.table(x[:, columns])
            direct = width >= x.shape[1]
            product = out if direct else np.ascontiguousarray(out[:, columns])
            rows_matmul(self.csr, table, product, values=values, scale=scale, own=own, before=before, n_jobs=n_jobs)
            if not direct:
                out[:, columns] = product

    def degree(self) -> F64:
        """Weighted out-degrees of the own rows."""
        return Graph._trusted(self.csr, directed=True).weighted_degree()

    def incoming_degree(self) -> F64:
        """Weighted in-degrees of the own rows: every arc goes to the rank of its target, in the order of arcs."""
        indices, weights = self.csr.indices, self.csr.weights
        bounds = self.num_rows + np.concatenate([[0], np.cumsum(self._taken)])
        targets, masses, counts = [], [], []
        for rank, (begin, _) in enumerate(self.parts):
            own = rank == self._ranks.rank
            low, high = (0, self.num_rows) if own else bounds[rank : rank + 2]
            chosen = (indices >= low) & (indices < high)
            places = indices[chosen].astype(np.int64)
            targets.append(places if own else self.halo[places - self.num_rows] - begin)
            masses.append(np.ones(len(places), np.float32) if weights is None else weights[chosen])
            counts.append(len(places))
        received = [told[self._ranks.rank] for told in self._ranks.tell("arcs to each rank", counts)]
        total = np.zeros(self.num_rows)
        rows = self._ranks.swap("targets of arcs", np.concatenate(targets), counts, received)
        mass = self._ranks.swap("weights of arcs", np.concatenate(masses), counts, received)
        np.add.at(total, rows, mass.astype(np.float64))
        return total


class HaloArcs(Arcs):
    """The arcs of a :class:`RowGraph`, for products with blocks by rows: every rank gives its rows, and gets them.

    Parameters
    ----------
    rows : RowGraph
    ranks : Ranks
    width : int
        Columns that are exchanged at a time.
    weighted : bool
    """

    def __init__(self, rows: RowGraph, ranks: Ranks, width: int, *, weighted: bool, n_jobs: int | None) -> None:
        self._rows, self._ranks, self._width, self._n_jobs = rows, ranks, width, n_jobs
        self.csr, self.num_rows, self.weighted = rows.csr, rows.num_rows, weighted
        self.num_columns = rows.num_rows + len(rows.halo)
        self.num_arcs = sum(ranks.tell("number of arcs", len(rows.csr.indices)))

    def product(self, x: F32, *, values: F32 | None = None, out: F32 | None = None) -> F32:
        """A x, or with a number per arc in place of its weight."""
        out = np.empty(x.shape, dtype=np.float32) if out is None else out
        self._rows.step(x, out, self._width, values=values, n_jobs=self._n_jobs)
        return out

    def step(self, x: F32, out: F32, *, scale: F32, own: float, before: float) -> None:
        """Step of a recurrence in place: out = diag(scale) A x + own x + before out."""
        self._rows.step(x, out, self._width, scale=scale, own=own, before=before, n_jobs=self._n_jobs)

    def table(self, x: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """The own numbers, given, and those of the halo."""
        return self._rows.table(x)

    def degree(self) -> F64:
        """Weighted out-degrees of the own rows."""
        return self._rows.degree()

    def largest(self, x: npt.NDArray[Any]) -> float:
        """Largest entry on all ranks, and 0."""
        return float(max(self._ranks.tell("the largest entry", super().largest(x))))

    def dense(self, scale: F64) -> F64:
        """Diag(scale) A diag(scale), all of it, on every rank."""
        rows, (indptr, indices, weights) = self._rows, self.csr
        out = np.zeros((self.num_rows, rows.size))
        columns = np.concatenate([np.arange(rows.begin, rows.end), rows.halo])[indices]
        row = np.repeat(np.arange(self.num_rows), np.diff(indptr))
        values = np.ones(len(indices)) if weights is None else weights.astype(np.float64)
        out[row, columns] = values * scale[row] * rows.table(scale)[indices]
        return self._ranks.gather("rows of a small matrix", out, rows.size, parts=rows.parts)


def _pieces(count: int) -> Iterator[slice]:
    for begin in range(0, count, _ARCS):
        yield slice(begin, min(begin + _ARCS, count))
