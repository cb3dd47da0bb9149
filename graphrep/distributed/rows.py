"""Tall blocks, of which every rank holds some of the rows or some of the columns."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from graphrep._rows import Rows
from graphrep.distributed.ranks import Ranks
from graphrep.ops.tall import share_rows

__all__ = ["UNITS", "DividedRows", "column_parts"]

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]

UNITS = (16, 8, 4, 1)  # columns in a block: rows should not straddle cache lines, of 16 numbers


def column_parts(width: int, ranks: Ranks) -> list[tuple[int, int]]:
    """Columns of each rank, in the widest blocks of which every rank gets one."""
    return ranks.parts(width, next((unit for unit in UNITS if width >= unit * ranks.world_size), 1))


class DividedRows(Rows):
    """Rows in at most 64 shares, of which each rank holds some, one after the other."""

    def __init__(self, num_rows: int, ranks: Ranks, n_jobs: int | None = None) -> None:
        super().__init__(num_rows, n_jobs)
        self._ranks, self._share = ranks, share_rows(num_rows)
        self._parts = ranks.parts(num_rows, self._share)
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

    def whole(self, x: F32) -> F32:
        """All rows, on every rank."""
        return self._ranks.gather("all rows", x, self.num_rows, self._share)

    def _all_shares(self, sums: F64) -> F64:
        return self._ranks.gather("shares of a sum", sums, -(-self.num_rows // self._share))
