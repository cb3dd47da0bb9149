"""Tall blocks of which this process holds all rows and columns; those of several ranks are in distributed.rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from graphrep.ops.projection import random_projection
from graphrep.ops.tall import grams, share_rows, total

__all__ = ["Rows"]

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
U64 = npt.NDArray[np.uint64]


class Rows:
    """What an iteration on blocks of shape (num_rows, width) needs from all rows or all columns of them.

    A block is held by rows, some of the rows with all columns, or by columns, all rows of some of the columns; both are
    the block itself if there is one process. All results are the same bits on every rank and for any number of ranks.
    """

    def __init__(self, num_rows: int, n_jobs: int | None = None) -> None:
        self.num_rows, self.n_jobs = num_rows, n_jobs
        self.mine = slice(0, num_rows)

    def random(self, width: int, *, seed: int, keys: U64 | None) -> F32:
        """A random block of signs, by rows."""
        begin, end = self.mine.start, self.mine.stop
        own = np.arange(begin, end, dtype=np.uint64) if keys is None else keys[begin:end]
        return random_projection(end - begin, width, density=1.0, seed=seed, keys=own, n_jobs=self.n_jobs)

    def gram(self, x: F32, y: F32 | None = None, *, scale: F32 | None = None, symmetric: bool = False) -> F64:
        """:func:`graphrep.ops.tall.gram` of blocks by rows."""
        share = share_rows(self.num_rows)
        return total(self._all_shares(grams(x, y, share, scale=scale, symmetric=symmetric, n_jobs=self.n_jobs)))

    def extremes(self, x: F32) -> tuple[F32, F32]:
        """Largest and least entry of each column of a block by rows, and 0."""
        return x.max(axis=0, initial=0), x.min(axis=0, initial=0)

    def common(self, *arrays: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], ...]:
        """Those of rank 0, since two kinds of processors may round a small decomposition in two ways."""
        return arrays

    def part(self, width: int) -> tuple[int, int]:
        """The columns (begin, end) that this process holds of a block by columns."""
        return 0, width

    def columns(self, x: F32) -> F32:
        """A block by columns, from one by rows."""
        return x

    def rows(self, x: F32, width: int) -> F32:  # noqa: ARG002
        """A block by rows, from one by columns."""
        return x

    def whole(self, x: F32) -> F32:
        """All rows, of a block by rows."""
        return x

    def by_columns(self, function: Callable[[F32], F32]) -> Callable[[F32], F32]:
        """A function of blocks by columns as one of blocks by rows."""
        return lambda x: self.rows(function(self.columns(x)), x.shape[1])

    def _all_shares(self, sums: F64) -> F64:
        return sums
