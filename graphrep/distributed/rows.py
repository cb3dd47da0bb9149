"""Tall blocks, of which every rank holds some of the rows or some of the columns."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from graphrep._rows import Rows
from graphrep.distributed.ranks import Range, Ranks
from graphrep.ops.tall import total

__all__ = ["UNITS", "DividedRows", "HaloRows", "column_parts"]

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
U64 = npt.NDArray[np.uint64]

UNITS = (16, 8, 4, 1)  # columns in a block: rows should not straddle cache lines, of 16 numbers


def column_parts(width: int, ranks: Ranks) -> list[tuple[int, int]]:
    """Columns of each rank, in the widest blocks of which every rank gets one."""
    return ranks.parts(width, next((unit for unit in UNITS if width >= unit * ranks.world_size), 1))


class DividedRows(Rows):
    """Rows in shares, by default at most 64, of which each rank holds some, one after the other."""

    def __init__(
        self,
        num_rows: int,
        ranks: Ranks,
        n_jobs: int | None = None,
        *,
        share: int | None = None,
        parts: Sequence[Range] | None = None,
    ) -> None:
        super().__init__(num_rows, n_jobs, share=share)
        self._ranks = ranks
        self._parts = parts or ranks.parts(num_rows, self.share)
        self.mine = slice(*self._parts[ranks.rank])

    def extremes(self, x: F32) -> tuple[F32, F32]:
        """Largest and least entry of each column, and 0."""
        found = self._ranks.gather("extremes", np.stack(super().extremes(x))[None], self._ranks.world_size)
        return found[:, 0].max(axis=0), found[:, 1].min(axis=0)

    def common(self, *arrays: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], ...]:
        """The arrays of rank 0, whose shapes the others need not have."""
        return tuple(self._ranks.of_first("small arrays", array) for array in arrays)

    def part(self, width: int) -> tuple[int, int]:
        """The columns that this rank holds."""
        return column_parts(width, self._ranks)[self._ranks.rank]

    def columns(self, x: F32) -> F32:
        """A block by columns, from one by rows."""
        return self._ranks.to_columns("columns", x, column_parts(x.shape[1], self._ranks), self._parts)

    def rows(self, x: F32, width: int) -> F32:
        """A block by rows, from one by columns."""
        widths = [end - begin for begin, end in column_parts(width, self._ranks)]
        blocks = self._ranks.to_rows("rows", x, widths, self._parts)
        return blocks[0] if len(blocks) == 1 else np.concatenate(blocks, axis=1)

    def filtered(self, function: Any, width: int, draw: Any, blocks: list[Any]) -> tuple[F32, F32]:
        """Two blocks by rows that ``function`` makes of one by columns, as :meth:`Rows.filtered`."""
        other = blocks.pop() if blocks else None
        x = self.columns(blocks.pop()) if blocks else draw()
        if other is None or other.shape != x.shape:
            other = np.empty_like(x)
        x, other = function(x, other)
        return self.rows(x, width), self.rows(other, width)

    def whole(self, x: F32) -> F32:
        """All rows, on every rank."""
        return self._ranks.gather("all rows", x, self.num_rows, parts=self._parts)

    def total(self, shares: F64) -> F64:
        """The sum of arrays, of which this rank has one for each of its shares: each rank adds up some entries."""
        if self._ranks.world_size == 1:
            return total(shares)
        size = math.prod(shares.shape[1:])
        parts = self._ranks.parts(size)
        begin, end = parts[self._ranks.rank]
        counts = [-(-(end - begin) // self.share) for begin, end in self._parts]
        flat = shares.reshape(len(shares), size)
        items = np.concatenate([flat[:, first:last].reshape(-1) for first, last in parts])
        sent = [len(shares) * (last - first) for first, last in parts]
        found = self._ranks.swap("shares of a sum", items, sent, [count * (end - begin) for count in counts])
        own = total(found.reshape(sum(counts), end - begin))
        return self._ranks.gather("a sum", own, size, parts=parts).reshape(shares.shape[1:])

    def total_of(self, shares: Iterable[npt.NDArray[Any]], shape: tuple[int, ...]) -> F64:
        """The same of arrays of this shape that are made one after the other."""
        if self._ranks.world_size == 1:
            return super().total_of(shares, shape)
        return self.total(np.array(list(shares), dtype=np.float64).reshape(-1, *shape))


class HaloRows(DividedRows):
    """Rows of a graph that is divided like them: products take blocks by rows, too."""

    def drawn(self, width: int, *, seed: int, keys: U64 | None, scale: F32) -> F32:
        """A random block of signs, as products take it; a row is multiplied by its ``scale``."""
        return self.random(width, seed=seed, keys=keys, scale=scale)

    def part(self, width: int) -> tuple[int, int]:
        """All columns."""
        return 0, width

    def own(self, x: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Numbers of the own rows, as they are."""
        return x

    def columns(self, x: F32) -> F32:
        """A block as products take it, which it is."""
        return x

    def rows(self, x: F32, width: int) -> F32:  # noqa: ARG002
        """A block by rows, which it is."""
        return x
