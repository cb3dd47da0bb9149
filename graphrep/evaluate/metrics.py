"""Ranking metrics of link prediction, equal to those of ``ogb.linkproppred.Evaluator`` (ogb 1.3.6)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from graphrep._arrays import detached
from graphrep._checks import warn_caller
from graphrep.evaluate.checks import F64, as_score_vector, as_scores

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["average_precision", "hits_at_k", "link_metrics", "mrr", "mrr_report", "roc_auc"]

_CHUNK = 1 << 24  # comparisons held at once while ranking


def hits_at_k(y_pos: npt.ArrayLike, y_neg: npt.ArrayLike, k: int) -> float:
    r"""Share of positives that score strictly above the ``k``-th best negative.

    .. math:: \mathrm{Hits@}K = \frac{1}{P} \sum_{i=1}^{P} [\, s_i > n_{(K)} \,]

    with :math:`n_{(K)}` the K-th largest of the N negative scores, which all positives share. A tie is a miss, so that
    a constant scorer gets 0. With fewer than K negatives the value is 1 for every scorer, as in OGB; this is a
    UserWarning.

    If each positive has its own negatives, a hit is a rank :math:`r_i \le K` among them, with ties counted half as in
    :func:`mrr`. HeaRT and the relational sets of OGB use this form; values of the two forms are not comparable.

    Parameters
    ----------
    y_pos : array or tensor of shape (num_pos,)
        Scores of the positive pairs.
    y_neg : array or tensor of shape (num_neg,) or (num_pos, num_neg)
        Scores of the negative pairs, shared by all positives or separate for each.
    k : int
        Positive.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        An empty or misshapen array, NaN among the scores, or ``k`` < 1.

    Notes
    -----
    O(P + N), or O(P N) for separate negatives. Rank logits in float32 or better: half precision and saturated sigmoids
    cause ties, which are misses.

    Examples
    --------
    >>> from graphrep.evaluate import hits_at_k
    >>> hits_at_k([0.9, 0.5, 0.2], [0.6, 0.5, 0.1], k=2)
    0.3333333333333333
    """
    hits = hits_of(y_pos, y_neg, k)
    return float(np.count_nonzero(hits)) / len(hits)


def hits_of(y_pos: Any, y_neg: Any, k: int) -> npt.NDArray[np.bool_]:
    """Whether each positive is a hit of :func:`hits_at_k`."""
    pos, neg = as_score_vector("y_pos", y_pos), as_scores("y_neg", y_neg)
    if isinstance(k, bool) or not hasattr(k, "__index__") or k < 1:
        raise ValueError(f"k must be a positive integer, got {k!r}.")
    if neg.ndim != 1:
        return np.asarray(_ranks(pos, neg) <= k)
    if len(neg) < k:
        warn_caller(f"Hits@{k} is 1 for every scorer with {len(neg)} negatives; take a smaller K.")
        return np.ones(len(pos), dtype=bool)
    threshold = np.partition(neg, len(neg) - k)[len(neg) - k]
    return np.asarray(pos > threshold)


def mrr(y_pos: npt.ArrayLike, y_neg: npt.ArrayLike) -> float:
    r"""Mean reciprocal rank of each positive among its negatives, ties counted half.

    .. math::
        \mathrm{MRR} = \frac1P \sum_i \frac{1}{r_i}, \qquad
        r_i = 1 + \tfrac12 \bigl(|\{j : n_{ij} > s_i\}| + |\{j : n_{ij} \ge s_i\}|\bigr)

    Parameters
    ----------
    y_pos : array or tensor of shape (num_pos,)
    y_neg : array or tensor of shape (num_pos, num_neg) or (num_neg,)
        The negatives of each positive, or one list shared by all.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        An empty or misshapen array, or NaN among the scores.

    Notes
    -----
    O(P N) time for separate negatives; O((P + N) log N) time and O(P + N) memory for shared ones.

    Examples
    --------
    >>> from graphrep.evaluate import mrr
    >>> mrr([0.9, 0.5], [[0.1, 0.2], [0.7, 0.5]])  # ranks 1 and 2.5
    0.7
    >>> mrr([0.9, 0.5], [0.7, 0.5])
    0.7
    """
    return float(np.mean(1.0 / _ranks(y_pos, y_neg)))


def mrr_report(y_pos: npt.ArrayLike, y_neg: npt.ArrayLike) -> dict[str, npt.NDArray[np.float32]]:
    """Per-positive results under the keys of ogb's evaluator.

    Parameters
    ----------
    y_pos, y_neg : array or tensor
        As for :func:`mrr`.

    Returns
    -------
    dict
        ``"hits@1_list"``, ``"hits@3_list"``, ``"hits@10_list"`` (1 where the rank is at most k) and ``"mrr_list"``
        (reciprocal ranks), each float32 of shape (num_pos,).

    Examples
    --------
    >>> from graphrep.evaluate import mrr_report
    >>> mrr_report([0.9, 0.5], [[0.1, 0.2], [0.7, 0.5]])["hits@1_list"].tolist()
    [1.0, 0.0]
    """
    ranks = _ranks(y_pos, y_neg)
    report = {f"hits@{k}_list": (ranks <= k).astype(np.float32) for k in (1, 3, 10)}
    return report | {"mrr_list": np.float32(1) / ranks.astype(np.float32)}


def roc_auc(y_pos: npt.ArrayLike, y_neg: npt.ArrayLike) -> float:
    r"""Area under the ROC curve: the probability that a positive outscores a negative, ties counted half.

    Parameters
    ----------
    y_pos : array or tensor of shape (num_pos,)
    y_neg : array or tensor of shape (num_neg,)

    Returns
    -------
    float

    Raises
    ------
    ValueError
        An empty or misshapen array, or NaN among the scores.

    Examples
    --------
    >>> from graphrep.evaluate import roc_auc
    >>> roc_auc([0.9, 0.5], [0.5, 0.1])
    0.875
    """
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(*_labeled(y_pos, y_neg)))


def average_precision(y_pos: npt.ArrayLike, y_neg: npt.ArrayLike) -> float:
    r"""Average precision :math:`\sum_t (R_t - R_{t-1}) P_t` over the distinct thresholds, without interpolation.

    It depends on the ratio of positives to negatives, so values are comparable only on the same split.

    Parameters and errors are those of :func:`roc_auc`.

    Examples
    --------
    >>> from graphrep.evaluate import average_precision
    >>> average_precision([0.9, 0.4], [0.5, 0.1])
    0.8333333333333333
    """
    from sklearn.metrics import average_precision_score

    return float(average_precision_score(*_labeled(y_pos, y_neg)))


def link_metrics(y_pos: npt.ArrayLike, y_neg: npt.ArrayLike, metrics: Iterable[str] | None = None) -> dict[str, float]:
    """Several metrics of the same scores by name.

    Parameters
    ----------
    y_pos : array or tensor of shape (num_pos,)
    y_neg : array or tensor of shape (num_neg,), or (num_pos, num_neg) where every metric is ``"mrr"`` or ``"hits@K"``
    metrics : iterable of str, optional
        ``"hits@K"`` for any positive integer K, ``"mrr"``, ``"auc"`` or ``"ap"``. Default: all of them that are
        defined, with K = 100 if there are more negatives than that.

    Returns
    -------
    dict
        Value of each metric, in the given order.

    Examples
    --------
    >>> from graphrep.evaluate import link_metrics
    >>> link_metrics([0.9, 0.5], [0.5, 0.1], ["hits@1", "auc"])
    {'hits@1': 0.5, 'auc': 0.875}
    """
    names = usual_metrics(np.shape(detached(y_neg))) if metrics is None else check_metrics(metrics)
    return {name: _metric(name, y_pos, y_neg) for name in names}


def check_metrics(metrics: Iterable[str]) -> tuple[str, ...]:
    """Names of metrics as a tuple; raises ValueError for an unknown one before anything is computed."""
    if isinstance(metrics, str):
        metrics = (metrics,)
    names = tuple(metrics)
    for name in names:
        if not (isinstance(name, str) and re.fullmatch(r"mrr|auc|ap|hits@[1-9]\d*", name)):
            raise ValueError(f'metrics must be "hits@K", "mrr", "auc" or "ap", got {name!r}.')
    if not names:
        raise ValueError("metrics must name at least one metric, got none.")
    return names


def usual_metrics(shape: tuple[int, ...]) -> tuple[str, ...]:
    """Metrics of scores of negatives of shape (num_neg,) or (num_pos, num_neg) that can tell scorers apart."""
    hits = ("hits@100",) if shape[-1] > 100 else ()
    return (*hits, "mrr", *(("auc", "ap") if len(shape) == 1 else ()))


def selection_metric(shape: tuple[int, ...]) -> str:
    """Metric for choosing an epoch: that of the field, where there are enough negatives for small differences."""
    return "mrr" if len(shape) > 1 else "hits@100" if shape[0] >= 500 else "auc"


def refuse_constant(names: Iterable[str], shape: tuple[int, ...]) -> None:
    """Raise ValueError if a metric of ``names`` is the same for every scorer: Hits@K with fewer than K negatives."""
    for name in names:
        if name.startswith("hits@") and shape[-1] < int(name[5:]):
            raise ValueError(
                f"{name} is 1 for every scorer with {shape[-1]} negatives; choose auc, mrr or a smaller K."
            )


def _metric(name: str, y_pos: npt.ArrayLike, y_neg: npt.ArrayLike) -> float:
    if name.startswith("hits@"):
        return hits_at_k(y_pos, y_neg, int(name[5:]))
    return {"mrr": mrr, "auc": roc_auc, "ap": average_precision}[name](y_pos, y_neg)


def _ranks(y_pos: Any, y_neg: Any) -> F64:
    """Mean of the optimistic and the pessimistic rank of each positive, from 1."""
    pos, neg = as_score_vector("y_pos", y_pos), as_scores("y_neg", y_neg)
    if neg.ndim == 1:
        neg = np.sort(neg)
        common = np.result_type(pos, neg)  # searchsorted must compare in the wider type, as > does
        pos, neg = pos.astype(common, copy=False), neg.astype(common, copy=False)
        above = len(neg) - np.searchsorted(neg, pos, side="right")
        not_below = len(neg) - np.searchsorted(neg, pos, side="left")
        return np.asarray(0.5 * (above + not_below) + 1)
    if neg.ndim != 2 or len(neg) != len(pos):
        raise ValueError(f"y_neg must have shape (num_neg,) or ({len(pos)}, num_neg), got {neg.shape}.")
    ranks = np.empty(len(pos))
    step = max(1, _CHUNK // neg.shape[1])
    for start in range(0, len(pos), step):
        rows = slice(start, start + step)
        above = np.count_nonzero(neg[rows] > pos[rows, None], axis=1)
        not_below = np.count_nonzero(neg[rows] >= pos[rows, None], axis=1)
        ranks[rows] = 0.5 * (above + not_below) + 1
    return ranks


def _labeled(y_pos: Any, y_neg: Any) -> tuple[npt.NDArray[np.int8], npt.NDArray[Any]]:
    """Labels and scores for scikit-learn."""
    pos, neg = as_score_vector("y_pos", y_pos), as_score_vector("y_neg", y_neg)
    scores = np.concatenate([pos, neg])
    if not np.isfinite(scores).all():  # scikit-learn refuses infinities; ranks give the same result
        scores = np.unique(scores, return_inverse=True)[1]
    return np.repeat(np.array([1, 0], dtype=np.int8), [len(pos), len(neg)]), scores
