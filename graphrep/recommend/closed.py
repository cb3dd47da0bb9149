"""Recommenders in closed form: popularity, nearest items, and EASE."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from sklearn.utils.validation import check_is_fitted

from graphrep._checks import checked_float, checked_int
from graphrep._interactions import as_interactions
from graphrep._memory import check_memory
from graphrep._names import NodeIndex
from graphrep._saving import SavedEstimator
from graphrep.evaluate.recommendation import top_items

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["EASE", "ItemKNN", "Popularity"]

F32 = npt.NDArray[np.float32]


@dataclass(kw_only=True, eq=False, repr=False)
class Recommender(SavedEstimator):
    """Base class: names, known items and the best k; a subclass learns from a matrix and scores rows of one."""

    _fitted_name: ClassVar[str] = "interactions_"
    _learned: ClassVar[str] = ""

    def fit(self, graph: Any, y: Any = None) -> Self:
        """Learn from users and their items.

        Parameters
        ----------
        graph : table, pairs, scipy matrix of users by items, or Graph with sides
            Anything :func:`graphrep.as_graph` takes with ``bipartite=True``. Only whether a user has an item counts.
        y : ignored

        Returns
        -------
        self
        """
        del y
        found = as_interactions(graph)
        if not found.matrix.nnz:
            raise ValueError("graph must hold at least one item of a user, got none.")
        matrix = found.matrix.astype(bool).astype(np.float32)
        self._learn(matrix)
        self.interactions_, self.users_, self.items_ = matrix, found.users, found.items
        return self

    def score_users(self, users: npt.NDArray[np.int64]) -> F32:
        """Scores of all items for users given by row number, float32 of shape (n, num_items)."""
        check_is_fitted(self, "interactions_")
        return self._score(self.interactions_[users])

    def recommend(self, users: Any, k: int = 20, *, known: bool = False) -> list[list[tuple[Any, float]]]:
        """For each user, given by name, the best k items as pairs of name and score, best first.

        Items that the user has are left out unless ``known``. Raises KeyError for an unknown user.
        """
        check_is_fitted(self, "interactions_")
        checked_int("k", k, 1)
        rows = self._rows("user", [users] if isinstance(users, str) or np.ndim(users) == 0 else users)
        return self._best(self.interactions_[rows], k, known=known)

    def recommend_for(self, items: Any, k: int = 20, *, known: bool = False) -> list[tuple[Any, float]]:
        """The best k items for a new user who has ``items``, given by name; as :meth:`recommend` for one user."""
        check_is_fitted(self, "interactions_")
        checked_int("k", k, 1)
        columns = np.unique(self._rows("item", items))
        shape = (1, self.interactions_.shape[1])
        row = sp.csr_array((np.ones(len(columns), np.float32), columns, [0, len(columns)]), shape=shape)
        return self._best(row, k, known=known)[0]

    def score_pairs(self, pairs: Any) -> F32:
        """Float32 scores of a list of pairs (user, item), by name."""
        check_is_fitted(self, "interactions_")
        pairs = list(pairs)
        users, items = self._rows("user", [u for u, _ in pairs]), self._rows("item", [i for _, i in pairs])
        distinct, at = np.unique(users, return_inverse=True)
        out = np.empty(len(pairs), dtype=np.float32)
        step = max(1, (1 << 24) // self.interactions_.shape[1])
        for first in range(0, len(distinct), step):
            here = np.flatnonzero((at >= first) & (at < first + step))
            out[here] = self.score_users(distinct[first : first + step])[at[here] - first, items[here]]
        return out

    def _rows(self, kind: str, names: Any) -> npt.NDArray[np.int64]:
        own = self.users_ if kind == "user" else self.items_
        names = list(names)
        rows = NodeIndex(own, self.interactions_.shape[kind == "item"]).find(names)
        if len(rows) and rows.min() < 0:
            advice = "; recommend_for(items) takes the items of a new user" if kind == "user" else ""
            raise KeyError(f"there is no {kind} {names[int(np.argmax(rows < 0))]!r} in what was fitted{advice}.")
        return rows

    def _best(self, rows: Any, k: int, *, known: bool) -> list[list[tuple[Any, float]]]:
        out = []
        step = max(1, (1 << 24) // rows.shape[1])
        for first in range(0, rows.shape[0], step):
            block = rows[first : first + step]
            columns, values = top_items(self._score(block), k, None if known else block)
            for line, scores in zip(columns, values.tolist(), strict=True):
                kept = line[line >= 0]
                names = (kept if self.items_ is None else self.items_[kept]).tolist()
                out.append(list(zip(names, scores, strict=False)))
        return out

    def _state(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("users_", "items_", self._learned)}

    def _restore(self, state: dict[str, Any]) -> None:
        if state[self._learned].shape[-1] != state["interactions_"].shape[1]:
            raise ValueError("interactions and model differ in size")
        super()._restore(state)

    def _learn(self, matrix: Any) -> None:
        raise NotImplementedError

    def _score(self, rows: Any) -> F32:
        raise NotImplementedError


@dataclass(kw_only=True, eq=False, repr=False)
class Popularity(Recommender):
    """The number of users of each item: the same ranking for all users, the row that every table needs.

    Examples
    --------
    >>> import graphrep as gr
    >>> from graphrep.recommend import Popularity
    >>> Popularity().fit([("ann", "tea"), ("bob", "tea"), ("bob", "jam")]).recommend("ann")
    [[('jam', 1.0)]]
    """

    _learned: ClassVar[str] = "counts_"

    def _learn(self, matrix: Any) -> None:
        self.counts_ = np.asarray(matrix.sum(axis=0), dtype=np.float32).ravel()

    def _score(self, rows: Any) -> F32:
        return np.tile(self.counts_, (rows.shape[0], 1))


@dataclass(kw_only=True, eq=False, repr=False)
class ItemKNN(Recommender):
    r"""Scores by the most similar items: the sum over a user's items j of the cosine of i and j.

    .. math:: S_{ij} = \frac{(X^\top X)_{ij}}{\sqrt{n_i n_j} + \texttt{shrinkage}}, \quad S_{ii} = 0, \qquad
        \mathrm{score} = X S.

    Parameters
    ----------
    neighbors : int
        Entries that are kept in each row of S, the largest ones, the lower column first if equal.
    shrinkage : float

    Notes
    -----
    Time and memory of the sparse product :math:`X^\top X`, in blocks of items.

    Examples
    --------
    >>> from graphrep.recommend import ItemKNN
    >>> pairs = [("ann", "tea"), ("bob", "tea"), ("bob", "jam"), ("cy", "jam"), ("cy", "nut")]
    >>> ItemKNN().fit(pairs).recommend("ann", k=1)
    [[('jam', 0.5)]]
    """

    neighbors: int = 100
    shrinkage: float = 0.0

    _learned: ClassVar[str] = "similarity_"

    def _learn(self, matrix: Any) -> None:
        checked_int("neighbors", self.neighbors, 1)
        checked_float("shrinkage", self.shrinkage, 0.0)
        counts = np.asarray(matrix.sum(axis=0)).ravel()
        transposed, parts = sp.csr_array(matrix.T), []
        for first in range(0, matrix.shape[1], 1024):
            block = sp.csr_array(transposed[first : first + 1024] @ matrix)
            block.sort_indices()
            rows = np.repeat(np.arange(block.shape[0]), np.diff(block.indptr))
            values = block.data / (np.sqrt(counts[rows + first] * counts[block.indices]) + self.shrinkage)
            values[rows + first == block.indices] = 0
            order = np.lexsort((block.indices, -values, rows))
            place = np.arange(len(order)) - np.repeat(block.indptr[:-1], np.diff(block.indptr))
            kept = order[place < self.neighbors]
            kept = kept[values[kept] > 0]
            data = (values[kept].astype(np.float32), (rows[kept], block.indices[kept]))
            parts.append(sp.csr_array(data, shape=block.shape))
        self.similarity_ = sp.csr_array(sp.vstack(parts))

    def _score(self, rows: Any) -> F32:
        scores: F32 = (rows @ self.similarity_.T).toarray()
        return scores


@dataclass(kw_only=True, eq=False, repr=False)
class EASE(Recommender):
    r"""A linear model of items on items with a zero diagonal, in closed form.

    .. math:: P = (X^\top X + \lambda I)^{-1}, \qquad B_{ij} = -P_{ij} / P_{jj}, \quad B_{jj} = 0, \qquad
        \mathrm{score} = X B.

    Parameters
    ----------
    l2 : float
        :math:`\lambda`.

    Notes
    -----
    Time O(num_items ** 3), memory 24 bytes * num_items ** 2; MemoryError beyond what is available.

    References
    ----------
    Steck. Embarrassingly Shallow Autoencoders for Sparse Data. WWW 2019, section 3.

    Examples
    --------
    >>> from graphrep.recommend import EASE
    >>> pairs = [("ann", "tea"), ("bob", "tea"), ("bob", "jam"), ("cy", "jam"), ("cy", "nut")]
    >>> EASE(l2=1.0).fit(pairs).recommend("ann", k=1)[0][0][0]
    'jam'
    """

    l2: float = 100.0

    _learned: ClassVar[str] = "weights_"

    def _learn(self, matrix: Any) -> None:
        checked_float("l2", self.l2, 0.0, exclusive=True)
        n = matrix.shape[1]
        check_memory(24 * n * n, f"EASE with {n:,} items", "use ItemKNN, which is sparse")
        gram = (matrix.T @ matrix).toarray().astype(np.float64)
        gram[np.diag_indices(n)] += self.l2
        inverse = np.linalg.inv(gram)
        weights = -inverse / np.diagonal(inverse)
        weights[np.diag_indices(n)] = 0
        self.weights_ = weights.astype(np.float32)

    def _score(self, rows: Any) -> F32:
        scores: F32 = rows @ self.weights_
        return scores
