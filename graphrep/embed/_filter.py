"""Leading eigenvectors of a normalized adjacency matrix by subspace iteration with Chebyshev filters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.linalg import LinAlgError, eigh

from graphrep._rows import Arcs, Rows
from graphrep._svd import Eigenpairs
from graphrep._threads import one_blas_thread

__all__ = ["eigenpairs", "leading_eigenpairs"]

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]

_DENSE = 256  # nodes up to which a dense decomposition takes some milliseconds
_POWER_STEPS = 8  # of the bound of the spectrum
_GROWTH = np.log(2e5)
_DEGREE = 10  # largest of a polynomial
_SMALLEST = 1e-6  # directions of a block below this share of the largest are rounding errors


def leading_eigenpairs(
    arcs: Arcs,
    factor: F64,
    k: int,
    *,
    magnitude: bool,
    degrees: Sequence[int],
    oversampling: int,
    seed: int,
    rows: Rows,
    keys: Any = None,
    step: Any = None,
) -> Eigenpairs:
    r"""The k largest eigenvalues of :math:`S = \mathrm{diag}(f) A \,\mathrm{diag}(f)` and their eigenvectors.

    Parameters
    ----------
    arcs : Arcs
        Of A, symmetric and not negative.
    factor : float64 array, a number per row of ``arcs``
        f, not negative.
    k : int
    magnitude : bool
        Order by absolute value ("LM") instead of by value ("LA").
    degrees : sequence of int
        Degrees of the Chebyshev polynomials, one per round. A round damps the interval that is not wanted.
    oversampling : int
        Columns of the block beyond k.
    seed, keys
        Of the random start; a row belongs to its key.
    rows : Rows
        How the blocks, and the vectors that are returned, are divided among processes.
    step : callable, optional
        Called after each sparse product.

    Returns
    -------
    Eigenpairs
        The vectors are a block by rows.

    Notes
    -----
    The iterate is kept as :math:`U = \mathrm{diag}(f) T`, so that a product with S is one with the unweighted A whose
    rows are scaled by :math:`f^2`, and the three-term recurrence runs in place. Rayleigh-Ritz steps solve the
    generalized problem :math:`U^\top A U v = \theta\, U^\top \mathrm{diag}(f)^{-2} U v` in float64, which makes the
    block orthonormal without a QR decomposition.
    """
    width = k + oversampling
    if rows.num_rows <= max(width, _DENSE):
        vectors, values = rows.common(*eigenpairs(arcs, factor, k, magnitude=magnitude))
        return Eigenpairs(rows.held(vectors), values)
    block = _Block(arcs, factor, width, seed, keys, rows, step)
    if magnitude:  # damp [-b, b]; two products tell how large b may be
        values = block.iterate(block.power(2), magnitude=magnitude)
        left = sum(degrees) - 2
        while left > 0:
            largest, cut = float(np.abs(values).max()), float(np.abs(values).min())
            # Within a round, the largest eigenvalue must not outgrow the others by what float32 resolves.
            if not largest:
                break
            ratio = largest / max(cut, 1e-3 * largest)
            degree = int(min(left, _DEGREE, max(1, _GROWTH // max(np.arccosh(ratio), 1e-3))))
            steps = block.filter(degree, -largest / ratio, largest / ratio) if degree > 1 else block.power(1)
            values = block.iterate(steps, magnitude=magnitude)
            left -= degree
    else:
        (bound,) = rows.common(np.array(_spectral_bound(arcs, factor)))
        low, cut = -float(bound), 0.0
        for degree in degrees:
            values = block.iterate(block.filter(degree, low, cut), magnitude=magnitude)
            cut = max(float(values.min()), low / 2)
    return Eigenpairs(block.vectors(k), values[:k])


def eigenpairs(arcs: Arcs, factor: F64, k: int, *, magnitude: bool) -> Eigenpairs:
    """All rows, by a dense decomposition, for small graphs and as the oracle; columns beyond the rows are zero."""
    dense = arcs.dense(factor)
    n = len(dense)
    with one_blas_thread():
        values, vectors = np.linalg.eigh((dense + dense.T) / 2)
    order = _order(values, magnitude=magnitude)[:k]
    out, kept = np.zeros((n, k), dtype=np.float32), np.zeros(k)
    out[:, : len(order)], kept[: len(order)] = vectors[:, order], values[order]
    out[~dense.any(axis=1)] = 0  # vectors of the eigenvalue 0 may stand there
    return Eigenpairs(out, kept)


def _order(values: F64, *, magnitude: bool) -> npt.NDArray[np.int64]:
    return np.argsort(-np.abs(values) if magnitude else -values, kind="stable")


def _spectral_bound(arcs: Arcs, factor: F64) -> float:
    """An upper bound of the eigenvalues' absolute values: max (Sx)_i / x_i of a positive x (Collatz, Wielandt)."""
    there = factor.astype(np.float32) > 0
    if not arcs.largest(there):
        return 1.0
    x = np.where(there, 1 / np.where(there, factor, 1.0), 0.0)  # about the leading eigenvector for any power of degrees
    best = np.inf
    for _ in range(_POWER_STEPS):
        scaled = (factor * x).astype(np.float32)[:, None]
        product = factor * arcs.product(scaled)[:, 0].astype(np.float64)
        best = min(best, arcs.largest(product[there] / x[there]))
        x = product + best * x  # shifted, or x would oscillate on a bipartite graph
        x /= arcs.largest(x) or 1.0
        x[there] = np.maximum(x[there], 1e-30)
    return best * (1 + 1e-4) if best > 0 else 1.0  # float32 products


class _Step(NamedTuple):
    """A product: diag(scale) A u + own u + before (the iterate before u)."""

    scale: F32
    own: float
    before: float


class _Block:
    """The iterate and a second block, by rows, with the products and rotations of them."""

    def __init__(self, arcs: Arcs, factor: F64, width: int, seed: int, keys: Any, rows: Rows, step: Any) -> None:
        self.arcs, self.rows, self.width, self.step = arcs, rows, width, step or (lambda: None)
        self.square = (factor**2).astype(np.float32)
        self.inverse = np.divide(1.0, factor, out=np.zeros_like(factor), where=factor > 0)
        self.weight = (self.inverse**2).astype(np.float32)
        self.draw = {"seed": seed, "keys": keys}
        self.scale = np.where(np.diff(arcs.csr.indptr) > 0, factor, 0).astype(np.float32)  # of the random start
        self.blocks: list[Any] = []  # the iterate, and the second one

    def power(self, steps: int) -> list[_Step]:
        """Products with S."""
        return [_Step(self.square, 0.0, 0.0)] * steps

    def filter(self, degree: int, low: float, high: float) -> list[_Step]:
        """The Chebyshev polynomial that is small on [low, high]."""
        half, center = (high - low) / 2, (high + low) / 2
        scale = self.square / np.float32(half)
        first = _Step(scale, -center / half, 0.0)
        return [first, *[_Step(2 * scale, -2 * center / half, -1.0)] * (degree - 1)] if degree > 1 else [first]

    def iterate(self, steps: Sequence[_Step], *, magnitude: bool) -> F64:
        """Products, then Rayleigh-Ritz: the columns become orthonormal approximate eigenvectors in order of values."""

        def multiplied(u: F32, other: F32) -> tuple[F32, F32]:
            for step in steps:
                self.arcs.step(u, other, **step._asdict())
                u, other = other, u
                self.step()
            image = self.arcs.product(u, out=other)
            self.step()
            return u, image

        u, image = self.rows.filtered(multiplied, self.width, self._drawn, self.blocks)
        overlap = self.rows.gram(u, scale=self.rows.own(self.weight))
        moved = self.rows.gram(u, image, symmetric=True)
        if magnitude:  # by the lengths of images: where signs are mixed, the Ritz values of S would cancel
            lengths = self.rows.gram(image, scale=self.rows.own(self.square))
            squares, basis = _ritz(overlap, lengths, magnitude=magnitude)
            sign = np.where(np.einsum("ij,ik,kj->j", basis, moved, basis, optimize=True) < 0, -1.0, 1.0)
            values = sign * np.sqrt(np.maximum(squares, 0))
        else:
            values, basis = _ritz(overlap, moved, magnitude=magnitude)
        values, basis = self.rows.common(values, basis)
        self.blocks = [self.rows.multiply(u, basis, out=image), u]
        return values

    def _drawn(self, **part: Any) -> F32:
        return self.rows.drawn(self.width, scale=self.scale, **self.draw, **part)

    def vectors(self, k: int) -> Any:
        self.blocks.pop()  # freed before the result is allocated

        def scaled(u: F32, inverse: F32) -> F32:
            out = np.ascontiguousarray(u[:, :k])
            out *= inverse[:, None]
            return out

        return self.rows.map(scaled, *self.blocks, self.rows.own(self.inverse.astype(np.float32)))


def _ritz(overlap: F64, moved: F64, *, magnitude: bool) -> tuple[F64, F64]:
    """Solve ``moved v = theta overlap v``; a rank that is too small leaves zero columns at the end."""
    width = len(overlap)
    length = np.sqrt(np.maximum(np.diag(overlap), 0))
    unit = np.divide(1.0, length, out=np.zeros(width), where=length > 0)
    overlap, moved = overlap * unit[:, None] * unit, moved * unit[:, None] * unit
    with one_blas_thread():
        try:
            values, basis = eigh(moved, overlap + 1e-7 * np.eye(width), check_finite=True)
        except LinAlgError:
            values, basis = _deficient(overlap, moved)
        else:
            if np.abs(np.einsum("ij,ik,kj->j", basis, overlap, basis) - 1).max() > 0.1:
                values, basis = _deficient(overlap, moved)
    order = _order(values, magnitude=magnitude)
    count = len(order)
    out, sorted_values = np.zeros((width, width)), np.zeros(width)
    out[:, :count], sorted_values[:count] = unit[:, None] * basis[:, order], values[order]
    return sorted_values, out


def _deficient(overlap: F64, moved: F64) -> tuple[F64, F64]:
    """The same within the directions that the block spans."""
    sizes, directions = np.linalg.eigh(overlap)
    kept = sizes > _SMALLEST * sizes.max()
    span = directions[:, kept] / np.sqrt(sizes[kept])
    values, inside = np.linalg.eigh(span.T @ moved @ span)
    return values, span @ inside
