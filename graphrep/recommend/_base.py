"""Base class of the recommenders: names, known items, the best k, and what is saved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from sklearn.utils.validation import check_is_fitted

from graphrep import _random
from graphrep._arrays import check_integers, check_rows, to_numpy
from graphrep._checks import checked_int
from graphrep._interactions import Interactions, as_interactions, binary_interactions, warn_of_ratings
from graphrep._names import NodeIndex, as_name_pairs, node_keys
from graphrep._saving import SavedEstimator
from graphrep.evaluate.recommendation import top_items
from graphrep.ops.tall import multiply_rows

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["FactorRecommender", "Recommender", "initial_vectors"]

F32 = npt.NDArray[np.float32]

_SCORES = 1 << 24  # scores held at once


@dataclass(kw_only=True, eq=False, repr=False)
class Recommender(SavedEstimator):
    """Base class: a subclass learns from a matrix of users by items, and scores rows of one.

    A user without items gets the number of users of each item as scores, from every recommender.
    """

    _fitted_name: ClassVar[str] = "interactions_"
    _learned: ClassVar[tuple[str, ...]] = ()
    _takes_weights: ClassVar[bool] = False

    def fit(self, graph: Any, y: Any = None) -> Self:
        """Learn from users and their items.

        Parameters
        ----------
        graph : table, pairs, path, matrix of users by items, or Graph with sides
            Anything :func:`graphrep.as_graph` takes with ``bipartite=True``: sources are users, targets items. A table,
            a file or pairs keep their names without the labels of the sides; a Graph keeps the names of its nodes. Only
            whether a user has an item counts, however often it is listed; ALS takes weights.
        y : ignored

        Returns
        -------
        self

        Raises
        ------
        ValueError, TypeError
            The input is not bipartite, holds no item of a user, or has weights that are negative or not finite.

        Warns
        -----
        UserWarning
            There are weights, which the method does not use, or ratings in a column that is not read as weights.
        """
        del y
        found = self._read(graph)
        self._learn(found)
        self._keep(found)
        return self

    def _read(self, graph: Any) -> Interactions:
        found = as_interactions(graph)
        if 0 in found.matrix.shape:
            raise ValueError(
                f"graph must hold at least one user and one item, got {found.matrix.shape[0]} sample(s) and "
                f"0 feature(s) (shape={found.matrix.shape}) while a minimum of 1 is required."
            )
        if not found.matrix.nnz:
            raise ValueError("graph must hold at least one item of a user, got none.")
        if self._takes_weights:
            if not found.weighted:
                warn_of_ratings(graph, type(self).__name__)
            return found
        return found._replace(matrix=binary_interactions(found, type(self).__name__))

    def _keep(self, found: Interactions) -> None:
        self.interactions_, self.users_, self.items_ = found.matrix, found.users, found.items
        self.n_features_in_ = int(found.matrix.shape[1])

    def score_users(self, users: Any) -> F32:
        """Scores of all items for users given by row number, float32 of shape (n, num_items)."""
        check_is_fitted(self, "interactions_")
        users = np.asarray(users)
        check_integers("users", users)
        check_rows("users", users, self.interactions_.shape[0])
        rows = self.interactions_[users]
        return self._or_popular(rows, self._score_known(users, rows))

    def recommend(self, users: Any = None, k: int = 20, *, known: bool = False) -> list[list[tuple[Any, float]]]:
        """For each user, given by name, the best k items as pairs of name and score, best first.

        Parameters
        ----------
        users : name or sequence of names, optional
            Default: all users, in the order of ``users_``.
        k : int
        known : bool
            Whether items that the user has may be recommended, too.

        Returns
        -------
        list of lists of pairs (item, score)
            Fewer than k where fewer items are left. Of equal scores, the item with the lower column comes first.

        Raises
        ------
        KeyError
            A user was not there in ``fit``; :meth:`recommend_for` takes the items of new users.
        """
        check_is_fitted(self, "interactions_")
        checked_int("k", k, 1)
        single = isinstance(users, str) or np.ndim(users) == 0
        rows = (
            np.arange(self.interactions_.shape[0])
            if users is None
            else self._rows("user", [users] if single else users)
        )
        found = []
        step = max(1, _SCORES // self.interactions_.shape[1])
        for first in range(0, len(rows), step):
            part = rows[first : first + step]
            found += self._best(self.score_users(part), self.interactions_[part], k, known=known)
        return found

    def recommend_for(self, items: Any, k: int = 20, *, known: bool = False) -> list[tuple[Any, float]]:
        """The best k items for a new user who has ``items``, given by name, without fitting again.

        Raises KeyError for an unknown item. ``k`` and ``known`` are those of :meth:`recommend`.
        """
        check_is_fitted(self, "interactions_")
        checked_int("k", k, 1)
        single = isinstance(items, str) or np.ndim(items) == 0
        columns = np.unique(self._rows("item", [items] if single else items))
        shape = (1, self.interactions_.shape[1])
        row = sp.csr_array((np.ones(len(columns), np.float32), columns, [0, len(columns)]), shape=shape)
        return self._best(self._or_popular(row, self._score(row)), row, k, known=known)[0]

    def score_pairs(self, pairs: Any) -> F32:
        """Float32 scores of pairs (user, item).

        Parameters
        ----------
        pairs : names, or int array of shape (2, num_pairs)
            Names are a list of tuples (user, item), a table with two columns, or an array of strings of shape
            (num_pairs, 2); integers of shape (2, num_pairs) are row numbers of users and column numbers of items.

        Returns
        -------
        float32 array of shape (num_pairs,)
        """
        check_is_fitted(self, "interactions_")
        names = [] if isinstance(pairs, list) and not pairs else as_name_pairs(pairs)
        if names is not None:
            users, items = self._rows("user", names[::2]), self._rows("item", names[1::2])
        else:
            ends = to_numpy(pairs)
            if ends.ndim != 2 or len(ends) != 2:
                raise ValueError(
                    f"pairs must be a list of tuples (user, item), a table with two columns, or row numbers of shape "
                    f"(2, num_pairs), got shape {ends.shape}."
                )
            check_integers("pairs", ends)
            users, items = ends.astype(np.int64)
            for name, given, stop in zip(("users", "items"), (users, items), self.interactions_.shape, strict=True):
                check_rows(f"{name} of pairs", given, stop)
        distinct, at = np.unique(users, return_inverse=True)
        out = np.empty(len(users), dtype=np.float32)
        step = max(1, _SCORES // self.interactions_.shape[1])
        order = np.argsort(at, kind="stable")
        bounds = np.searchsorted(at[order], np.arange(0, len(distinct) + step, step))
        for i, first in enumerate(range(0, len(distinct), step)):
            here = order[bounds[i] : bounds[i + 1]]
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

    def _best(self, scores: F32, rows: Any, k: int, *, known: bool) -> list[list[tuple[Any, float]]]:
        columns, values = top_items(scores, k, None if known else rows)
        out = []
        for line, row in zip(columns, values.tolist(), strict=True):
            kept = line[line >= 0]
            names = (kept if self.items_ is None else self.items_[kept]).tolist()
            out.append(list(zip(names, row, strict=False)))
        return out

    def _or_popular(self, rows: Any, scores: F32) -> F32:
        """The scores, and for users without items the number of users of each item."""
        empty = np.diff(rows.indptr) == 0
        if empty.any():
            scores[empty] = np.bincount(self.interactions_.indices, minlength=rows.shape[1])
        return scores

    def _state(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("users_", "items_", *self._learned)}

    def _restore(self, state: dict[str, Any]) -> None:
        height, width = state["interactions_"].shape
        for name, size in (("users_", height), ("items_", width)):
            if state[name] is not None and len(state[name]) != size:
                raise ValueError("names and interactions differ in number")
        super()._restore(state | {"n_features_in_": int(width)})
        self._check_learned(height, width)

    def _check_learned(self, num_users: int, num_items: int) -> None:
        """Raise ValueError unless the learned arrays have these sizes."""
        del num_users
        if any(getattr(self, name).shape[-1] != num_items for name in self._learned):
            raise ValueError("interactions and model differ in size")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.input_tags.positive_only = True
        return tags

    def _learn(self, found: Interactions) -> None:
        raise NotImplementedError

    def _score_known(self, users: npt.NDArray[np.int64], rows: Any) -> F32:
        """Scores for users of ``fit``, whose items are ``rows``; a new array."""
        del users
        return self._score(rows)

    def _score(self, rows: Any) -> F32:
        """Scores for users of whom only the items are known; a new array."""
        raise NotImplementedError


@dataclass(kw_only=True, eq=False, repr=False)
class FactorRecommender(Recommender):
    """Base class of recommenders that score by inner products of a user's and an item's vector."""

    n_jobs: int | None = None

    if TYPE_CHECKING:  # no parameters, as which the dataclass would take them
        user_factors_: F32
        item_factors_: F32

    _learned: ClassVar[tuple[str, ...]] = ("user_factors_", "item_factors_")

    def _score_known(self, users: npt.NDArray[np.int64], rows: Any) -> F32:
        del rows
        return multiply_rows(self.user_factors_[users], self.item_factors_.T, n_jobs=self.n_jobs)

    def _score(self, rows: Any) -> F32:
        return multiply_rows(self._fold_in(rows), self.item_factors_.T, n_jobs=self.n_jobs)

    def _fold_in(self, rows: Any) -> F32:
        """Vectors of new users from their items, float32 of shape (n, dimensions), C-contiguous."""
        raise NotImplementedError

    def _check_learned(self, num_users: int, num_items: int) -> None:
        users, items = self.user_factors_, self.item_factors_
        if users.ndim != 2 or users.shape != (num_users, items.shape[-1]) or len(items) != num_items:
            raise ValueError("interactions and model differ in size")


def initial_vectors(names: Any, size: int, dimensions: int, seed: int, *, scale: float, stream: int = 0) -> F32:
    """Normal numbers of this standard deviation; those of a row are a function of (seed, stream, its name)."""
    keys = node_keys(names)
    keys = np.arange(size, dtype=np.uint64) if keys is None else keys
    key = _random.stream_key(int(_random.stream_key(seed, stream)) >> 1, keys)[:, None]
    half = -(-dimensions // 2)
    length, angle = (
        _random.uniform_double(_random.random_bits(key, np.arange(first, first + half))) for first in (0, half)
    )
    length = scale * np.sqrt(-2 * np.log1p(-length))
    pairs = np.concatenate([length * np.cos(2 * np.pi * angle), length * np.sin(2 * np.pi * angle)], axis=1)
    return np.ascontiguousarray(pairs[:, :dimensions], dtype=np.float32)
