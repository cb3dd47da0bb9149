"""A graph and blocks with a row per node, all in this process; those of several ranks are in ``distributed``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from graphrep.csr import CSR
from graphrep.graph import Graph
from graphrep.ops.projection import random_projection
from graphrep.ops.propagation import graph_matmul, recurrence_step
from graphrep.ops.tall import grams, multiply_rows, share_rows, total

__all__ = ["Arcs", "Rows", "mean_weight", "smoothed"]

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
U64 = npt.NDArray[np.uint64]


class Arcs:
    """All arcs of a graph, for products with blocks by columns; :class:`graphrep.distributed.halo.HaloArcs` has some.

    Attributes
    ----------
    csr : CSR
        Its columns are places in :meth:`table`.
    num_rows, num_columns : int
        Of ``csr``.
    num_arcs : int
        Of the whole graph.
    weighted : bool
    """

    csr: CSR
    num_rows: int
    num_columns: int
    num_arcs: int
    weighted: bool

    def __init__(self, graph: Graph, n_jobs: int | None = None) -> None:
        self._graph, self._n_jobs = graph, n_jobs
        self.csr = CSR(graph.indptr, graph.indices, graph.weights)
        self.num_rows = self.num_columns = graph.num_nodes
        self.num_arcs, self.weighted = graph.num_arcs, graph.weights is not None

    def product(self, x: F32, *, values: F32 | None = None, out: F32 | None = None) -> F32:
        """A x, or with a number per arc in place of its weight."""
        return graph_matmul(self._graph, x, values=values, out=out, n_jobs=self._n_jobs)

    def step(self, x: F32, out: F32, *, scale: F32, own: float, before: float) -> None:
        """Step of a recurrence in place: out = diag(scale) A x + own x + before out."""
        recurrence_step(self._graph, x, out, scale=scale, own=own, before=before, n_jobs=self._n_jobs)

    def table(self, x: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """What ``csr`` is multiplied with, of a number or a row per node."""
        return x

    def degree(self) -> F64:
        """Weighted out-degrees."""
        return self._graph.weighted_degree()

    def largest(self, x: npt.NDArray[Any]) -> float:
        """Largest entry on all ranks, and 0."""
        return float(x.max(initial=0))

    def dense(self, scale: F64) -> F64:
        """Diag(scale) A diag(scale), all of it, on every rank."""
        return np.asarray(self._graph.to_scipy().toarray().astype(np.float64) * scale[:, None] * scale)


class Rows:
    """What an iteration on blocks of shape (num_rows, width) needs from all rows or all columns of them.

    A block is held by rows, some of the rows with all columns, or by columns, as products need it: all rows of some of
    the columns. Both are the block itself if there is one process. Sums are those of shares of the rows, one after the
    other, so that all results are the same bits on every rank and for any number of ranks.
    """

    def __init__(self, num_rows: int, n_jobs: int | None = None, *, share: int | None = None) -> None:
        self.num_rows, self.n_jobs, self.share = num_rows, n_jobs, share or share_rows(num_rows)
        self.mine = slice(0, num_rows)

    def random(self, width: int, *, seed: int, keys: U64 | None, scale: F32 | None = None) -> F32:
        """A random block of signs, by rows; a row is multiplied by its ``scale``."""
        begin, end = self.mine.start, self.mine.stop
        own = np.arange(begin, end, dtype=np.uint64) if keys is None else keys[begin:end]
        drawn: dict[str, Any] = {"density": 1.0, "seed": seed, "keys": own, "row_scale": scale}
        return random_projection(end - begin, width, **drawn, n_jobs=self.n_jobs)

    def drawn(self, width: int, *, seed: int, keys: U64 | None, scale: F32) -> F32:
        """The same by columns."""
        options: dict[str, Any] = {"density": 1.0, "seed": seed, "keys": keys, "row_scale": scale}
        return random_projection(self.num_rows, width, part=self.part(width), **options, n_jobs=self.n_jobs)

    def passes(self, width: int) -> int:  # noqa: ARG002
        """How often a product with a block of so many columns passes over the arcs."""
        return 1

    def filtered(
        self,
        function: Callable[[F32, F32], tuple[F32, F32]],
        width: int,
        draw: Callable[..., F32],
        blocks: list[Any],
    ) -> tuple[Any, Any]:
        """Two blocks by rows that ``function`` makes of one by columns and of a second one that it overwrites.

        ``blocks`` holds what an earlier call returned, and is emptied; where it is empty, the block is drawn.
        """
        del width
        u, other = blocks or (draw(), None)
        blocks.clear()
        return function(u, np.empty_like(u) if other is None else other)

    def empty(self, width: int) -> Any:
        """A block by rows, to be filled."""
        return np.empty((self.mine.stop - self.mine.start, width), dtype=np.float32)

    def put(self, out: Any, column: int, function: Callable[[F32], F32], x: Any) -> None:
        """Write what the function makes of rows of x to columns of ``out``, both by rows."""
        found = function(x)
        out[:, column : column + found.shape[1]] = found

    def part_of(self, x: F32) -> Any:
        """A block by columns, of one that this process has whole."""
        return np.ascontiguousarray(x[:, slice(*self.part(x.shape[1]))])

    def on_columns(self, function: Callable[[F32], F32], x: Any, *, blocks: int) -> Any:  # noqa: ARG002
        """What a function, which holds so many blocks, makes of a block by columns."""
        return function(x)

    def held(self, x: F32) -> Any:
        """A block by rows, of an array of all rows."""
        return x[self.mine]

    def each(self, function: Callable[..., object], *blocks: Any) -> None:
        """Change the first of these blocks by rows in place: the function takes all or some of the rows of each."""
        function(*blocks)

    def map(self, function: Callable[..., F32], *blocks: Any) -> Any:
        """A block of the rows that the function makes of all or some of the rows of blocks, and of numbers, by rows."""
        return function(*blocks)

    def numbers(self, function: Callable[[F32], npt.NDArray[Any]], x: Any) -> npt.NDArray[Any]:
        """Numbers by rows, that the function makes of all or some of the rows of a block."""
        return function(x)

    def multiply(self, x: Any, matrix: npt.NDArray[np.floating], out: Any = None) -> Any:
        """:func:`graphrep.ops.tall.multiply_rows` of a block by rows."""
        return multiply_rows(x, matrix, out=out, n_jobs=self.n_jobs)

    def shares(self, x: Any) -> Iterator[Any]:
        """The shares of a block, or matrix, by rows."""
        return (x[begin : begin + self.share] for begin in range(0, x.shape[0], self.share))

    def gram(self, x: F32, y: F32 | None = None, *, scale: F32 | None = None, symmetric: bool = False) -> F64:
        """:func:`graphrep.ops.tall.gram` of blocks by rows."""
        return self.total(grams(x, y, self.share, scale=scale, symmetric=symmetric, n_jobs=self.n_jobs))

    def sum(self, x: npt.NDArray[Any]) -> F64:
        """Sum of numbers by rows, or of each column of a block by rows."""
        return self.total_of((share.sum(axis=0, dtype=np.float64) for share in self.shares(x)), x.shape[1:])

    def squares(self, x: F32) -> F64:
        """Sum of the squares of each column of a block by rows."""
        sums = (np.einsum("ij,ij->j", share, share, dtype=np.float64) for share in self.shares(x))
        return self.total_of(sums, x.shape[1:])

    def extremes(self, x: F32) -> tuple[F32, F32]:
        """Largest and least entry of each column of a block by rows, and 0."""
        return x.max(axis=0, initial=0), x.min(axis=0, initial=0)

    def common(self, *arrays: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], ...]:
        """Those of rank 0, since two kinds of processors may round a small decomposition in two ways."""
        return arrays

    def part(self, width: int) -> tuple[int, int]:
        """The columns (begin, end) that this process holds of a block by columns."""
        return 0, width

    def own(self, x: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Numbers by rows, from those by columns, which all columns share."""
        return x[self.mine]

    def columns(self, x: F32) -> F32:
        """A block by columns, from one by rows."""
        return x

    def rows(self, x: F32, width: int) -> F32:  # noqa: ARG002
        """A block by rows, from one by columns."""
        return x

    def whole(self, x: F32) -> F32:
        """All rows, of a block by rows, on every rank."""
        return x

    def by_columns(self, function: Callable[[F32], F32], *, blocks: int = 2) -> Callable[[Any], Any]:  # noqa: ARG002
        """A function of blocks by columns as one of blocks by rows; it takes so many blocks, with both of these."""
        return lambda x: self.rows(function(self.columns(x)), x.shape[1])

    def total(self, shares: F64) -> F64:
        """The sum of arrays, of which this process has one for each of its shares."""
        return total(shares)

    def total_of(self, shares: Iterable[npt.NDArray[Any]], shape: tuple[int, ...]) -> F64:
        """The same of arrays of this shape that are made one after the other."""
        out = np.zeros(shape)
        for share in shares:
            out += share
        return out


def mean_weight(arcs: Arcs, rows: Rows, degree: F64) -> float:
    """Mean weight of an arc, of weighted degrees by columns."""
    if not arcs.weighted or not arcs.num_arcs:
        return 1.0
    return float(rows.sum(rows.own(degree))) / arcs.num_arcs


def smoothed(arcs: Arcs, x: F32, hops: int) -> F32:
    r""":math:`S^k X` with :math:`S = (D+I)^{-1/2} (A+I) (D+I)^{-1/2}`, of a block by columns."""
    scale = (1 / np.sqrt(arcs.degree() + 1)).astype(np.float32)[:, None]
    for _ in range(hops):
        x = x * scale
        x = (arcs.product(x) + x) * scale
    return x
