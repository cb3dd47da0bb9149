"""Truncated singular value decomposition and eigenpairs of an operator that is given by its products with blocks.

All results are the same bits for any number of threads: the random start is a function of (seed, key of the row), and
dense products are cut into blocks of rows of a fixed size, each computed by one thread of BLAS.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from graphrep._rows import Rows
from graphrep._threads import one_blas_thread, own_blas_thread

__all__ = [
    "Eigenpairs",
    "Factors",
    "by_rows",
    "column_signs",
    "inverse",
    "orthonormal",
    "randomized_svd",
    "rms_scaled",
    "symmetric_eigenpairs",
]

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
U64 = npt.NDArray[np.uint64]
Product = Callable[[F32], F32]
T = TypeVar("T")
F = TypeVar("F", F32, F64)

# Rows of a block. The result depends on it in the last digits, so it must not depend on the machine.
_BLOCK = 4096


class Factors(NamedTuple):
    """``A ~ left * values @ right.T``; the columns belong to descending values, and are zero where a value is.

    Attributes
    ----------
    left : float32 array of shape (num_rows, rank)
    values : float64 array of shape (rank,)
    right : float32 array of shape (num_columns, rank)
    """

    left: F32
    values: F64
    right: F32


class Eigenpairs(NamedTuple):
    """``A @ vectors ~ vectors * values``, the columns in the order that was asked for.

    Attributes
    ----------
    vectors : float32 array of shape (size, rank)
    values : float64 array of shape (rank,)
    """

    vectors: F32
    values: F64


def randomized_svd(
    product: Product,
    transposed: Product,
    shape: tuple[int, int],
    rank: int,
    *,
    power: int = 2,
    oversample: int = 16,
    seed: int = 0,
    keys: U64 | None = None,
    n_jobs: int | None = None,
    rows: Rows | None = None,
    advance: Callable[[], object] | None = None,
) -> Factors:
    r"""Largest singular values and vectors of a matrix A of which only the products with blocks are known.

    With a random block :math:`\Omega` of ``rank + oversample`` columns of signs and :math:`q` = ``power``,

    .. math:: Q = \mathrm{orth}\bigl((A A^\top)^q A\, \Omega\bigr), \qquad A^\top Q = W S Z^\top, \qquad
        U = Q Z, \quad V = W,

    with a normalization after each product. So :math:`A^\top U = V S` holds up to rounding, whatever the
    quality of the subspace.

    Parameters
    ----------
    product, transposed : callable
        x -> A x, from float32 (num_columns, k) to float32 (num_rows, k), and y -> A' y, the other way. They must not
        change their argument, and return a new C-contiguous array.
    shape : (num_rows, num_columns)
    rank : int
        May exceed the shape: the last columns are zero then.
    power : int
    oversample : int
    seed : int
    keys : uint64 array of shape (num_columns,), optional
        Keys of the random rows, such as ``graph.node_keys()``.
    n_jobs : int or None
        Threads of the dense work; those of the products are the caller's.
    rows : Rows, optional
        Of a square matrix: the rows that this process has of all blocks, also of those of the products and the result.
    advance : callable, optional
        Called after each of the 2 * power + 2 products.

    Returns
    -------
    Factors
        In each column of ``left``, the entry of largest magnitude is positive. Singular values below
        max(shape) * 1.2e-7 times the largest count as zero.

    Notes
    -----
    2 * power + 2 products; dense work about 6 (2 power + 3) n k^2 operations for the two sides together; memory about
    three blocks of each side. Small problems are solved in float64.

    References
    ----------
    Halko, Martinsson, Tropp. Finding Structure with Randomness. SIAM Review 53 (2011), algorithms 4.4 and 5.1.
    Fukaya et al. Shifted Cholesky QR for Computing the QR Factorization of Ill-Conditioned Matrices. SIAM Journal on
    Scientific Computing 42 (2020).
    """
    width = min(rank + oversample, *shape)
    if width == 0:
        return Factors(_zeros(shape[0], rank), np.zeros(rank), _zeros(shape[1], rank))
    left_rows, right_rows = (rows or Rows(size, n_jobs) for size in shape)

    def multiply(by: Product, block: F32) -> F32:
        result = by(block)
        if advance is not None:
            advance()
        return result

    with one_blas_thread():
        block = multiply(product, right_rows.random(width, seed=seed, keys=keys))
        for _ in range(power):
            block = multiply(transposed, _conditioned(block, left_rows))
            block = multiply(product, _conditioned(block, right_rows))
        basis, _ = orthonormal(block, rows=left_rows)
        del block
        right, triangle = orthonormal(multiply(transposed, basis), rows=right_rows)  # A' Q = W' R
        z, values, w = left_rows.common(*np.linalg.svd(triangle.T))  # Q R' W'' = (Q z) values (W' w)'
        kept = min(rank, int(np.count_nonzero(values > max(shape) * np.finfo(np.float32).eps * values[0])))
        left = left_rows.multiply(basis, _padded(z[:, :kept], rank))
        del basis
        flip = column_signs(left, left_rows)
        left_rows.each(partial(_multiply, flip), left)
        right = right_rows.multiply(right, _padded(w[:kept].T, rank) * flip)
    return Factors(left, np.append(values[:kept], np.zeros(rank - kept)), right)


def symmetric_eigenpairs(
    product: Product,
    size: int,
    rank: int,
    *,
    order: Callable[[F64], F64],
    steps: Iterable[Product],
    oversample: int = 16,
    seed: int = 0,
    keys: U64 | None = None,
    n_jobs: int | None = None,
    rows: Rows | None = None,
    advance: Callable[[], object] | None = None,
) -> Eigenpairs:
    r"""Eigenpairs of a symmetric matrix by subspace iteration and a Rayleigh-Ritz step.

    Parameters
    ----------
    product : callable
        x -> A x on float32 blocks of shape (size, k).
    size, rank : int
    order : callable from eigenvalues to keys
        The ``rank`` eigenvalues with the largest keys are kept, in descending order of the keys.
    steps : iterable of callables
        What the random block is multiplied by, one after the other with a normalization between them: functions of A
        that enlarge the wanted directions.
    oversample, seed, keys, n_jobs, rows
        As in :func:`randomized_svd`.
    advance : callable, optional
        Called after each step and after the product.

    Returns
    -------
    Eigenpairs
        In each column the entry of largest magnitude is positive. Directions that the block lacks, as in a matrix of
        low rank, give zero columns with value 0.
    """
    width = min(rank + oversample, size)
    rows = rows or Rows(size, n_jobs)
    with one_blas_thread():
        block = rows.random(max(width, 1), seed=seed, keys=keys)
        for step in steps:
            block = step(_conditioned(block, rows))
            if advance is not None:
                advance()
        basis, _ = orthonormal(block, rows=rows)
        del block
        small = rows.gram(basis, product(basis))
        if advance is not None:
            advance()
        values, vectors = rows.common(*np.linalg.eigh((small + small.T) / 2))
        there = np.any(rows.extremes(basis), axis=0)
        present = np.square(vectors[there]).sum(axis=0) > 0.5  # zero columns of the basis are no eigenvectors
        values, vectors = values[present], vectors[:, present]
        chosen = np.argsort(-order(values), kind="stable")[:rank]
        found = rows.multiply(basis, _padded(vectors[:, chosen], rank))
        rows.each(partial(_multiply, column_signs(found, rows)), found)
    return Eigenpairs(found, np.append(values[chosen], np.zeros(rank - len(chosen))))


def orthonormal(y: F32, *, n_jobs: int | None = None, rows: Rows | None = None) -> tuple[F32, F64]:
    r"""Q with orthonormal columns and a square R with :math:`Y = Q R`; y is left unchanged.

    Passes of :math:`Y \leftarrow Y V (E + \sigma)^{-1/2}` with the eigenpairs of the Gram matrix, whose columns were
    scaled to length 1, until its condition is small; sigma shifts the first pass only. Directions shorter than about
    3e-7 of the longest are dropped: the last columns of Q are zero in their place.
    """
    rows = rows or Rows(len(y), n_jobs)
    with one_blas_thread():
        q, r = _scaled(y, rows)
        for turn in range(5):
            first = turn == 0
            lengths, weights, directions = _spectrum(q, rows, scaled=first)
            # The first pass keeps all: a weight that rounding hides may belong to a direction of 3e-4 of the longest.
            # In later passes a column that stayed short is one that the first found nothing for.
            shift, kept = (1e-7, weights > -1) if first else (0.0, weights > 1e-6)
            spread = np.sqrt(np.maximum(weights, 0) + shift)
            by = inverse(lengths)[:, None] * directions * np.where(kept, inverse(spread), 0)
            q = rows.multiply(q, by)
            r = (np.where(kept, spread, 0)[:, None] * directions.T * lengths) @ r
            if weights[kept].min(initial=1) > 0.05:  # a further pass would only change what float32 cannot hold
                break
    return q, r


def column_signs(y: F32, rows: Rows | None = None) -> F32:
    """1 or -1 for each column, so that its entry of largest magnitude becomes positive."""
    high, low = (rows or Rows(len(y))).extremes(y)
    return np.where(high >= -low, 1, -1).astype(np.float32)


def rms_scaled(vectors: F32, target: float = 3.0, *, rows: Rows | None = None) -> tuple[F32, float]:
    """Vectors times a factor that makes the root mean square of the lengths of the non-zero rows ``target``.

    Returns the vectors, by rows and scaled in place, and the factor, 1 if all are zero.
    """
    rows = rows or Rows(len(vectors))
    squares = rows.numbers(lambda x: np.einsum("ij,ij->i", x, x, dtype=np.float64), vectors)
    used = squares > 1e-10 * rows.extremes(squares[:, None])[0]  # others are zero but for rounding
    total, count = rows.sum(np.stack([np.where(used, squares, 0), used], axis=1))
    factor = float(target / np.sqrt(total / count)) if count else 1.0
    rows.each(partial(_multiply, np.float32(factor)), vectors)
    return vectors, factor


def _conditioned(y: F32, rows: Rows) -> F32:
    """Another basis of the same space, nearly orthonormal: what an iteration needs between products."""
    y, _ = _scaled(y, rows)
    lengths, weights, directions = _spectrum(y, rows)
    by = inverse(lengths)[:, None] * directions / np.sqrt(np.maximum(weights, 0) + 1e-7)
    found: F32 = rows.multiply(y, by)
    return found


def _scaled(y: F32, rows: Rows) -> tuple[F32, F64]:
    """Y divided by its largest entry if squares could over- or underflow, and the factor as a diagonal matrix."""
    high, low = rows.extremes(y)
    largest = float(max(high.max(initial=0), -low.min(initial=0)))
    if not np.isfinite(largest):
        raise FloatingPointError("a product overflowed float32; divide the weights of the graph by their mean.")
    r = np.eye(y.shape[1])
    if largest == 0 or 1e-12 < largest < 1e12:
        return y, r
    scaled: F32 = rows.map(lambda x: (x.astype(np.float64) / largest).astype(np.float32), y)
    return scaled, r * largest


def _multiply(factor: F32, x: F32) -> None:
    """Multiply rows in place."""
    x *= factor


def _spectrum(y: F32, rows: Rows, *, scaled: bool = True) -> tuple[F64, F64, F64]:
    """Eigenpairs, descending, of the Gram matrix, or of its cosines if ``scaled``; first, the lengths divided by."""
    g = rows.gram(y)
    lengths = np.sqrt(np.maximum(np.diagonal(g), 0)) if scaled else np.ones(len(g))
    unit = inverse(lengths)
    weights, directions = rows.common(*np.linalg.eigh((g + g.T) / 2 * unit[:, None] * unit))
    return lengths, weights[::-1], directions[:, ::-1]


def inverse(x: F) -> F:
    """1 / x where x is positive, else 0."""
    return np.divide(1.0, x, out=np.zeros_like(x), where=x > 0)


def by_rows(work: Callable[[slice], object], num_rows: int, num_threads: int) -> None:
    """Run ``work`` on each block of rows, small enough for the caches."""
    for _ in _map(work, num_rows, num_threads):
        pass


def _map(work: Callable[[slice], T], num_rows: int, num_threads: int) -> Iterator[T]:
    """Results of ``work`` on each block of rows, in their order."""
    blocks = [slice(first, min(first + _BLOCK, num_rows)) for first in range(0, num_rows, _BLOCK)]
    if num_threads == 1 or len(blocks) < 2:
        yield from map(work, blocks)
        return

    def alone(rows: slice) -> T:
        with own_blas_thread():
            return work(rows)

    with ThreadPoolExecutor(min(num_threads, len(blocks))) as pool:
        yield from pool.map(alone, blocks)


def _padded(x: F64, columns: int) -> F64:
    """With columns of zeros at the end."""
    return np.pad(x, ((0, 0), (0, columns - x.shape[1])))


def _zeros(rows: int, columns: int) -> F32:
    return np.zeros((rows, columns), dtype=np.float32)
