"""Evaluation of recommenders: every item is ranked for every user, known items left out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from graphrep._checks import checked_float, checked_int
from graphrep._interactions import Interactions, aligned_interactions, as_interactions
from graphrep._random import resolve_seed

__all__ = ["InteractionSplit", "Recommendation", "hold_out_items", "recommendation", "top_items"]

_SCORES = 1 << 24  # scores held at once


class Recommendation(NamedTuple):
    """How good the first k items are, means over the users with test items.

    Attributes
    ----------
    recall, ndcg, hit : float
    coverage : float
        Share of the items that are recommended to at least one of these users.
    k : int
    num_users : int
        Users with test items.
    """

    recall: float
    ndcg: float
    hit: float
    coverage: float
    k: int
    num_users: int


class InteractionSplit(NamedTuple):
    """Interactions to train on and interactions held out, each with all users and items.

    Attributes
    ----------
    train, valid : Interactions
        Named tuples of a CSR matrix of users by items, names of users and names of items.
    """

    train: Interactions
    valid: Interactions


def recommendation(scorer: Any, train: Any, test: Any, *, k: int = 20) -> Recommendation:
    r"""Rank all items for each user with test items, without the items known from training.

    With :math:`T_u` the test items and :math:`h_p` = 1 if the item in place :math:`p` is one of them,

    .. math:: \mathrm{recall} = \frac{\sum_{p \le k} h_p}{|T_u|}, \qquad \mathrm{ndcg} =
        \frac{\sum_{p \le k} h_p / \log_2(p + 1)}{\sum_{p \le \min(k, |T_u|)} 1 / \log_2(p + 1)}.

    Parameters
    ----------
    scorer : fitted recommender or callable
        A callable takes row numbers of users, int64 of shape (n,), and returns scores of shape (n, num_items). A
        recommender is asked by its ``score_users``.
    train, test : scipy matrix of users by items, or anything ``as_graph(..., bipartite=True)`` takes
        Test users and items must occur in train; a matrix has the shape of train. Weights are ignored, and so are
        repetitions.
    k : int

    Returns
    -------
    Recommendation

    Raises
    ------
    ValueError
        No test items, scores that are not finite, an unknown user or item, or test items that are training items.

    Notes
    -----
    Of equal scores, the item with the lower column number comes first. Scores are computed for blocks of users.

    Examples
    --------
    >>> import numpy as np
    >>> import graphrep as gr
    >>> train = np.array([[1, 1, 0, 0], [0, 1, 1, 0]])
    >>> test = np.array([[0, 0, 1, 0], [0, 0, 0, 1]])
    >>> popular = lambda users: np.broadcast_to(train.sum(axis=0), (len(users), 4))
    >>> gr.evaluate.recommendation(popular, train, test, k=1)
    Recommendation(recall=0.5, ndcg=0.5, hit=0.5, coverage=0.5, k=1, num_users=2)
    """
    checked_int("k", k, 1)
    known = as_interactions(train, "train")
    wanted = aligned_interactions(test, known, "test")
    held = wanted.astype(bool)
    both = held.multiply(known.matrix.astype(bool)).nnz
    if both:
        raise ValueError(f"test holds {both} items of users that train holds, too; they are left out of every ranking.")
    counts = np.diff(held.indptr)
    users = np.flatnonzero(counts)
    if not len(users):
        raise ValueError("test must hold at least one item.")
    score: Callable[[Any], Any] = scorer.score_users if hasattr(scorer, "score_users") else scorer
    num_items = known.matrix.shape[1]
    discount = 1 / np.log2(np.arange(2, k + 2))
    ideal = np.cumsum(discount)
    sums, seen = np.zeros(3), np.zeros(num_items, dtype=bool)
    step = max(1, _SCORES // num_items)
    for first in range(0, len(users), step):
        block = users[first : first + step]
        places, _ = top_items(score(block), k, known.matrix[block])
        rows = np.arange(len(block))[:, None]
        hits = held[block].toarray()[rows, np.maximum(places, 0)] & (places >= 0)
        seen[places[places >= 0]] = True
        size = counts[block]
        sums[0] += (hits.sum(axis=1) / size).sum()
        sums[1] += (hits @ discount[: hits.shape[1]] / ideal[np.minimum(size, k) - 1]).sum()
        sums[2] += hits.any(axis=1).sum()
    recall, ndcg, hit = (sums / len(users)).tolist()
    return Recommendation(recall, ndcg, hit, float(seen.mean()), k, len(users))


def top_items(scores: Any, k: int, known: Any = None) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """Columns and values of the k largest entries of each row, in descending order, the lower column first if equal.

    Parameters
    ----------
    scores : array of shape (num_rows, num_items)
    k : int
    known : CSR matrix of that shape, optional
        Its entries are left out.

    Returns
    -------
    columns : int64 array of shape (num_rows, min(k, num_items))
        -1 where a row has fewer items that are not known.
    values : float32 array of that shape
        Minus infinity there.

    Raises
    ------
    ValueError
        Another shape, or scores that are not finite.

    Examples
    --------
    >>> import numpy as np
    >>> from graphrep.evaluate.recommendation import top_items
    >>> top_items(np.array([[0.5, 2.0, 2.0]]), 2)[0].tolist()
    [[1, 2]]
    """
    import torch

    values = np.array(scores, dtype=np.float32)
    if values.ndim != 2 or (known is not None and values.shape != known.shape):
        wanted = "(num_users, num_items)" if known is None else known.shape
        raise ValueError(f"scores must have shape {wanted}, got {values.shape}.")
    if values.size and not (np.isfinite(values.max()) and np.isfinite(values.min())):
        raise ValueError("scores must be finite.")
    if known is not None:
        values[np.repeat(np.arange(len(values)), np.diff(known.indptr)), known.indices] = -np.inf
    width = values.shape[1]
    k = min(k, width)
    best = torch.from_numpy(values).topk(min(k + 1, width), dim=1)
    found, columns = best.values.numpy()[:, :k], best.indices.numpy()[:, :k]
    if k < width:  # topk may take any of the entries that equal the k-th
        bound = found[:, -1:]
        tied = np.flatnonzero((best.values.numpy()[:, k:] == bound)[:, 0] & np.isfinite(bound)[:, 0])
        rows, least = values[tied], bound[tied]
        above, equal = rows > least, rows == least
        chosen = above | (equal & (np.cumsum(equal, axis=1) <= k - above.sum(axis=1, keepdims=True)))
        columns[tied] = np.nonzero(chosen)[1].reshape(len(tied), k)
        found[tied] = np.take_along_axis(rows, columns[tied], axis=1)
    order = np.lexsort((columns, -found), axis=1)
    columns, found = np.take_along_axis(columns, order, axis=1), np.take_along_axis(found, order, axis=1)
    return np.where(np.isfinite(found), columns, -1), found


def hold_out_items(train: Any, *, share: float = 0.1, random_state: Any = 0) -> InteractionSplit:
    """Hold out a share of each user's items for validation; test items are not looked at.

    Parameters
    ----------
    train : scipy matrix of users by items, or anything ``as_graph(..., bipartite=True)`` takes
    share : float in [0, 1)
        Of n items of a user, floor(share * n + 0.5) are held out, and always fewer than n. With the default, users
        with fewer than 5 items keep all.
    random_state : int, RandomState, Generator or None

    Returns
    -------
    InteractionSplit

    Examples
    --------
    >>> import numpy as np
    >>> import graphrep as gr
    >>> split = gr.evaluate.hold_out_items(np.ones((2, 10)))
    >>> split.train.matrix.nnz, split.valid.matrix.nnz
    (18, 2)
    """
    if checked_float("share", share, 0.0, 1.0) == 1:
        raise ValueError("share must be below 1, because each user keeps an item to train on, got 1.")
    known = as_interactions(train, "train")
    matrix, rng = known.matrix, np.random.default_rng(resolve_seed(random_state))
    counts = np.diff(matrix.indptr)
    rows = np.repeat(np.arange(matrix.shape[0]), counts)
    order = np.lexsort((rng.random(matrix.nnz), rows))
    place = np.empty(matrix.nnz, dtype=np.int64)
    place[order] = np.arange(matrix.nnz) - np.repeat(matrix.indptr[:-1], counts)
    number = np.minimum(np.floor(share * counts + 0.5), np.maximum(counts - 1, 0))
    held = place < number[rows]
    parts = [
        sp.csr_array((matrix.data[part], (rows[part], matrix.indices[part])), shape=matrix.shape)
        for part in (~held, held)
    ]
    return InteractionSplit(*(known._replace(matrix=part) for part in parts))
