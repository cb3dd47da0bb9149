"""Implicit matrix factorization by alternating least squares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from graphrep._checks import checked_float, checked_int, warn_caller
from graphrep._interactions import Interactions
from graphrep._random import resolve_seed
from graphrep._threads import limited_threads
from graphrep.ops.tall import gram, multiply_rows
from graphrep.recommend._base import FactorRecommender, initial_vectors

if TYPE_CHECKING:
    from graphrep.ops.adjacency import Adjacency

__all__ = ["ALS"]

F32 = npt.NDArray[np.float32]

_VANISHED = 0.1  # mean score of what users have below which a model is hardly more than zero
_EXACT = 30  # steps of conjugate gradients for the vectors of users, which start from zero


@dataclass(kw_only=True, eq=False, repr=False)
class ALS(FactorRecommender):
    r"""Matrix factorization of implicit feedback with weights as confidence, by alternating least squares.

    With :math:`p_{ui} = 1` where user u has item i, else 0, and the weight :math:`r_{ui}` of the input (1 by default;
    an item that is listed twice weighs 2),

    .. math:: \min_{x, y} \sum_{u, i} (1 + \alpha r_{ui}) (p_{ui} - x_u^\top y_i)^2
        + \lambda \Bigl(\sum_u c_u^\nu \lVert x_u \rVert^2 + \sum_i c_i^\nu \lVert y_i \rVert^2\Bigr), \qquad
        c_u = \frac{\sum_i (1 + \alpha r_{ui})}{\alpha}.

    Parameters
    ----------
    dimensions : int
        Length of the vectors.
    alpha : float
        :math:`\alpha`, how much more an item that a user has counts than one that the user has not, per unit of weight.
    l2 : float
        :math:`\lambda`.
    l2_power : float in [0, 1]
        :math:`\nu`: 0 penalizes all vectors alike, as in the first reference; 1 by their confidence, as in the second,
        which can be better, but needs l2 to be tuned: all vectors vanish if it is too large.
    iterations : int
        Passes over users and items.
    cg_steps : int
        Steps of conjugate gradients per pass, from the vectors of the pass before.
    random_state : int, RandomState, Generator or None
        Start of the item vectors, a function of the seed and the item's name.
    n_jobs : int or None
        Number of threads; the result does not depend on it.

    Attributes
    ----------
    user_factors_ : float32 array of shape (num_users, dimensions)
    item_factors_ : float32 array of shape (num_items, dimensions)

    Notes
    -----
    Time O(iterations * cg_steps * (num_entries * dimensions + (num_users + num_items) * dimensions ** 2)), without a
    loop over users. The vector of a user minimizes the objective for the final item vectors, so that a new user with
    the same items gets the same vector. A large weight can drown all others: logarithms of counts are a usual input.
    The defaults were chosen on validation items of last.fm, tags of Debian packages and words of Cora papers. A fit
    warns if l2 is so large that the vectors nearly vanish.

    References
    ----------
    Hu, Koren, Volinsky. Collaborative Filtering for Implicit Feedback Datasets. ICDM 2008, section 4.
    Rendle, Krichene, Zhang, Koren. Revisiting the Performance of iALS on Item Recommendation Benchmarks. RecSys 2022,
    section 3.
    Takács, Pilászy, Tikk. Applications of the Conjugate Gradient Method for Implicit Feedback Collaborative Filtering.
    RecSys 2011.

    Examples
    --------
    >>> import graphrep as gr
    >>> pairs = [("ann", "tea"), ("bob", "tea"), ("bob", "jam"), ("cy", "jam"), ("cy", "nut")]
    >>> gr.ALS(dimensions=2, l2=0.1).fit(pairs).recommend("ann", k=1)[0][0][0]
    'jam'
    """

    dimensions: int = 64
    alpha: float = 40.0
    l2: float = 10.0
    l2_power: float = 0.5
    iterations: int = 15
    cg_steps: int = 3
    random_state: Any = 0
    n_jobs: int | None = None

    _takes_weights: ClassVar[bool] = True

    def _learn(self, found: Interactions) -> None:
        for name in ("dimensions", "iterations", "cg_steps"):
            checked_int(name, getattr(self, name), 1)
        checked_float("alpha", self.alpha, 0.0, exclusive=True)
        checked_float("l2", self.l2, 0.0, exclusive=True)
        checked_float("l2_power", self.l2_power, 0.0, 1.0)
        with limited_threads(self.n_jobs):
            matrix = found.matrix
            sides = _Half(matrix, self), _Half(sp.csr_array(matrix.T), self)
            seed, width = resolve_seed(self.random_state), self.dimensions
            items = initial_vectors(found.items, matrix.shape[1], width, seed, scale=0.1 / np.sqrt(width))
            users = np.zeros((matrix.shape[0], width), dtype=np.float32)
            for _ in range(self.iterations):
                users = sides[0].solve(items, users, self.cg_steps)
                items = sides[1].solve(users, items, self.cg_steps)
            self.item_factors_ = items
            self.user_factors_ = self._fold_in(matrix)
        self._warn_if_vanished(matrix)

    def _warn_if_vanished(self, matrix: Any) -> None:
        at = np.unique(np.linspace(0, matrix.nnz - 1, 10_000).astype(np.int64))
        users = np.searchsorted(matrix.indptr, at, side="right") - 1
        scores = np.einsum("ij,ij->i", self.user_factors_[users], self.item_factors_[matrix.indices[at]])
        if scores.mean() < _VANISHED:
            warn_caller(
                f"the vectors nearly vanish: the mean score of an item that a user has is {scores.mean():.1e}, where 1 "
                f"is aimed at; take a smaller l2 than {self.l2} or a larger alpha than {self.alpha}."
            )

    def _fold_in(self, rows: Any) -> F32:
        with limited_threads(self.n_jobs):
            start = np.zeros((rows.shape[0], self.dimensions), dtype=np.float32)
            return _Half(rows, self).solve(self.item_factors_, start, max(_EXACT, self.cg_steps))


class _Half:
    """Least squares for the rows of a matrix of weights, given the vectors of its columns."""

    def __init__(self, matrix: Any, model: ALS) -> None:
        import torch

        from graphrep.ops.adjacency import Adjacency

        self.extra = torch.from_numpy(matrix.data * np.float32(model.alpha))
        self.adj: Adjacency = Adjacency(
            torch.from_numpy(matrix.indptr.astype(np.int64)),
            torch.from_numpy(matrix.indices.astype(np.int64)),
            num_cols=matrix.shape[1],
        )
        total = np.asarray(matrix.sum(axis=1), dtype=np.float64).ravel()
        confidence = total + matrix.shape[1] / model.alpha
        self.l2: F32 = (model.l2 * confidence**model.l2_power).astype(np.float32)[:, None]
        self.n_jobs = model.n_jobs

    def solve(self, other: F32, start: F32, steps: int) -> F32:
        """Conjugate gradients for all rows at once."""
        import torch

        from graphrep.ops.sparse_dense import sddmm, spmm

        columns = torch.from_numpy(other)
        square = gram(other, n_jobs=self.n_jobs).astype(np.float32)

        def sums(values: torch.Tensor) -> F32:
            return np.asarray(spmm(self.adj.with_values(values), columns).numpy())

        def normal(x: F32) -> F32:
            own = sums(sddmm(self.adj, torch.from_numpy(x), columns) * self.extra)
            return np.asarray(multiply_rows(x, square, n_jobs=self.n_jobs) + own + self.l2 * x)

        x: F32 = start.copy()
        residual = sums(1 + self.extra) - normal(x)
        direction, size = residual, _squares(residual)
        for _ in range(steps):
            image = normal(direction)
            length = _ratio(size, np.einsum("ij,ij->i", direction, image)[:, None])
            x += length * direction
            residual = residual - length * image
            before, size = size, _squares(residual)
            direction = residual + _ratio(size, before) * direction
        return x


def _squares(x: F32) -> F32:
    return np.asarray(np.einsum("ij,ij->i", x, x)[:, None])


def _ratio(one: F32, other: F32) -> F32:
    """One / other, 0 where a row is solved."""
    return np.asarray(np.divide(one, other, out=np.zeros_like(one), where=other > 1e-30))
