"""A graph whose rows are divided among the ranks, and the exchange of the rows that arcs between them lead to."""

from __future__ import annotations

import itertools
from hashlib import blake2b
from typing import Any

import numpy as np
import numpy.typing as npt

from graphrep._mapped import forget
from graphrep.csr import CSR, index_dtype
from graphrep.distributed.ranks import Range, Ranks
from graphrep.graph import Graph
from graphrep.ops.propagation import rows_matmul

__all__ = ["RowGraph", "agree_on_graph", "balanced_parts"]

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

    Attributes
    ----------
    parts : list of (begin, end)
        Rows of each rank.
    begin, end : int
        Those of this one.
    csr : CSR
    halo : int64 array
        Row numbers.
    """

    def __init__(self, graph: Graph, ranks: Ranks, block: int) -> None:
        self._ranks = ranks
        self.parts = balanced_parts(graph, ranks, block)
        self.begin, self.end = self.parts[ranks.rank]
        indptr = graph.indptr[self.begin : self.end + 1] - graph.indptr[self.begin]
        first, last = int(graph.indptr[self.begin]), int(graph.indptr[self.end])
        if not 0 <= first <= last <= graph.num_arcs or np.any(np.diff(indptr) < 0):
            self._refuse()
        pieces = [slice(at, min(at + _ARCS, last)) for at in range(first, last, _ARCS)]
        outside = np.zeros(graph.num_nodes, dtype=bool)
        for piece in pieces:
            outside[self._checked(graph, piece)] = True
        outside[self.begin : self.end] = False
        self.halo = np.flatnonzero(outside)
        del outside
        dtype = index_dtype(self.num_rows + len(self.halo))
        place = np.empty(graph.num_nodes, dtype=dtype)
        place[self.begin : self.end] = np.arange(self.num_rows)
        place[self.halo] = np.arange(self.num_rows, self.num_rows + len(self.halo))
        indices = np.empty(last - first, dtype=dtype)
        for piece in pieces:
            indices[piece.start - first : piece.stop - first] = place[graph.indices[piece]]
        weights = None if graph.weights is None else np.array(graph.weights[first:last])
        self.csr = CSR(indptr, indices, weights)
        for array in (graph.indptr, graph.indices, graph.weights):
            forget(array)
        starts = np.searchsorted(self.halo, [0, *(end for _, end in self.parts)])
        self._taken = np.diff(starts).tolist()
        asked = ranks.tell("rows of the halo", self._taken)
        self._given = [counts[ranks.rank] for counts in asked]
        self._wanted = ranks.swap("numbers of rows", self.halo, self._taken, self._given) - self.begin

    def _checked(self, graph: Graph, piece: slice) -> npt.NDArray[np.integer[Any]]:
        """Columns of some arcs; a graph that was opened with ``verify=False`` may hold anything."""
        columns = graph.indices[piece]
        weights = None if graph.weights is None else graph.weights[piece]
        wrong = columns.min() < 0 or columns.max() >= graph.num_nodes
        if wrong or (weights is not None and not (weights.min() > 0 and np.isfinite(weights.max()))):
            self._refuse()
        return columns

    def _refuse(self) -> None:
        raise ValueError(
            f"rows {self.begin} to {self.end - 1} of the graph are damaged; open it with verify=True to see how."
        )

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
        for begin in range(0, x.shape[1], width):
            columns = x[:, begin : begin + width]
            product = np.empty(columns.shape, dtype=x.dtype)
            rows_matmul(self.csr, self.table(columns), product, scale=scale, n_jobs=n_jobs)
            columns[...] = product

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
