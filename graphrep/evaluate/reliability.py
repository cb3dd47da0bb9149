"""Whether a probability means what it says: calibration of link scores, overall and by the kind of pair."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from graphrep._arrays import to_numpy
from graphrep._checks import checked_int, checked_ints, warn_caller
from graphrep._labels import node_labels
from graphrep._names import as_pairs
from graphrep.evaluate._sampling import vectors_and_pairs
from graphrep.evaluate.checks import F64, I64, as_scores
from graphrep.evaluate.tables import Row, format_table
from graphrep.graph import untyped_graph
from graphrep.ops.neighbors import weighted_intersection

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Calibration", "Calibrator", "calibration", "edge_calibration", "fit_calibrator", "pair_groups"]

METHODS = ("isotonic", "platt")
KINDS = ("common neighbors", "degree")


@dataclass(frozen=True, repr=False)
class Calibration:
    """How far probabilities are from frequencies; print it for the reliability of each bin and of each group.

    Attributes
    ----------
    ece : float
        Expected calibration error.
    brier : float
        Mean squared difference of probability and outcome.
    counts : int64 array of shape (num_bins,)
        Number of pairs whose probability is in the bin.
    confidence, frequency : float64 arrays of shape (num_bins,)
        Mean probability in each bin, and the share of its pairs that are edges; NaN in an empty bin.
    groups : dict of Calibration
        The same for each group of pairs, by its name.
    what : str
        What the pairs are, in words.
    """

    ece: float
    brier: float
    counts: I64
    confidence: F64
    frequency: F64
    groups: Mapping[Any, Calibration] = field(default_factory=dict)
    what: str = ""

    def row(self) -> Row:
        """Row of a table."""
        total = self.counts.sum()
        filled = self.counts > 0
        means = [float((self.counts * v)[filled].sum() / total) for v in (self.confidence, self.frequency)]
        values = [self.ece, self.brier, *means]
        return Row(f"{total} {self.what}", ["ECE", "Brier", "mean", "true"], [f"{value:.4f}" for value in values])

    def __repr__(self) -> str:
        title, header, cells = self.row()
        rows = [["all", str(self.counts.sum()), *cells]]
        rows += [[str(name), str(group.counts.sum()), *group.row().cells] for name, group in self.groups.items()]
        ends = np.arange(len(self.counts) + 1) / len(self.counts)
        bins = [
            [f"{ends[i]:.3g} to {ends[i + 1]:.3g}", f"{self.counts[i]}", f"{self.confidence[i]:.4f}", f"{share:.4f}"]
            for i, share in enumerate(self.frequency)
            if self.counts[i]
        ]
        summary = format_table(["", "pairs", *header], rows, title)
        return f"{summary}\n\n{format_table(['probability', 'pairs', 'mean', 'true'], bins)}"


def calibration(
    y_pos: npt.ArrayLike,
    y_neg: npt.ArrayLike,
    *,
    logits: bool = False,
    calibrator: Calibrator | None = None,
    groups: tuple[Any, Any] | None = None,
    bins: int = 15,
) -> Calibration:
    r"""Compare the probabilities that a predictor gives to pairs with the share of them that are edges.

    With :math:`B_1, \ldots, B_M` the pairs whose probability falls into the m-th of M equal parts of [0, 1],

    .. math:: \mathrm{ECE} = \sum_m \frac{|B_m|}{N} \, \Bigl| \frac{1}{|B_m|} \sum_{i \in B_m} y_i
              - \frac{1}{|B_m|} \sum_{i \in B_m} p_i \Bigr|, \qquad
              \mathrm{Brier} = \frac1N \sum_i (p_i - y_i)^2 .

    Both are relative to the ratio of edges to other pairs: a predictor that is trained and judged with as many other
    pairs as edges may be calibrated there, and give far too high probabilities to the pairs of an application.

    Parameters
    ----------
    y_pos, y_neg : array or tensor
        Scores of edges and of other pairs, of any shape: probabilities, or, with ``logits`` or a ``calibrator``, any
        finite numbers.
    logits : bool
        Whether the probability is :math:`1 / (1 + e^{-s})`, as for the scores of :class:`graphrep.GAE` and
        :class:`graphrep.NCN`.
    calibrator : Calibrator, optional
        From :func:`fit_calibrator`, fitted to validation pairs; turns the scores into probabilities.
    groups : tuple of two arrays, optional
        A group for each positive and each negative, such as those of :func:`pair_groups`: the calibration within each.
    bins : int
        M.

    Returns
    -------
    Calibration

    Raises
    ------
    ValueError
        Numbers outside [0, 1] without ``logits`` and ``calibrator``, scores that are not finite, or groups of another
        length.

    Warns
    -----
    UserWarning
        ``logits`` for numbers that all lie in [0, 1], and so look like probabilities.

    Notes
    -----
    O(num_pairs + bins) for each group. A probability on the border of two bins belongs to the upper one.

    References
    ----------
    Guo, Pleiss, Sun, Weinberger: On Calibration of Modern Neural Networks, ICML 2017, section 2.

    Examples
    --------
    >>> from graphrep.evaluate import calibration
    >>> calibration([0.9, 0.9, 0.6], [0.9, 0.1, 0.1], bins=5)
    6 pairs
         pairs     ECE   Brier    mean    true
    ------------------------------------------
    all      6  0.2167  0.1683  0.5833  0.5000
    <BLANKLINE>
    probability  pairs    mean    true
    ----------------------------------
    0 to 0.2         2  0.1000  0.0000
    0.6 to 0.8       1  0.6000  1.0000
    0.8 to 1         3  0.9000  0.6667
    """
    checked_int("bins", bins, 1)
    pos, neg = (_finite(name, value) for name, value in (("y_pos", y_pos), ("y_neg", y_neg)))
    if calibrator is not None:
        if logits:
            raise ValueError("logits must be False with a calibrator, which takes the scores that it was fitted to.")
        parts = [calibrator.transform(pos), calibrator.transform(neg)]
    elif logits:
        if min(pos.min(), neg.min()) >= 0 and max(pos.max(), neg.max()) <= 1:
            warn_caller("all scores lie in [0, 1]; give logits=False if they are probabilities already.")
        parts = [_sigmoid(pos), _sigmoid(neg)]
    else:
        for name, values in (("y_pos", pos), ("y_neg", neg)):
            if values.min() < 0 or values.max() > 1:
                raise ValueError(
                    f"{name} must hold probabilities in [0, 1], got {values.min():g} … {values.max():g}; give "
                    "logits=True for logits, or a calibrator that fit_calibrator has fitted to validation pairs."
                )
        parts = [pos, neg]
    probability = np.concatenate(parts)
    truth = np.repeat([True, False], [len(pos), len(neg)])
    if groups is None:
        return _binned(probability, truth, bins, {}, "pairs")
    named = [to_numpy(group).ravel() for group in groups]
    for name, group, values in zip(("positives", "negatives"), named, (pos, neg), strict=True):
        if len(group) != len(values):
            raise ValueError(f"groups must have one group for each of the {len(values)} {name}, got {len(group)}.")
    return _binned(probability, truth, bins, _by_group(np.concatenate(named)), "pairs")


def pair_groups(
    graph: Any,
    pairs: Any,
    by: str = "common neighbors",
    *,
    lows: Sequence[int] = (0, 1, 3, 10, 30, 100),
    n_jobs: int | None = None,
) -> I64:
    """Groups of pairs with about as many common neighbors, or with about the same degree.

    Parameters
    ----------
    graph : Graph or anything :func:`graphrep.as_graph` takes
        The training edges.
    pairs : int array of shape (2, ...), or names
        Row numbers, or names as in :func:`link_prediction`.
    by : {"common neighbors", "degree"}
        The number of common neighbors, or the smaller degree of the two ends; self loops do not count.
    lows : sequence of int
        Smallest number of each group, ascending from 0.
    n_jobs : int or None
        Threads; the result does not depend on it.

    Returns
    -------
    int64 array of shape (...)
        The smallest number of the group of each pair.

    Raises
    ------
    ValueError
        An unknown option, or ``lows`` that do not ascend from 0.

    Examples
    --------
    >>> import networkx as nx
    >>> import graphrep as gr
    >>> gr.evaluate.pair_groups(nx.karate_club_graph(), [[0, 0, 11], [1, 33, 26]])
    array([3, 3, 0])
    """
    g = untyped_graph(graph)
    ends = as_pairs(pairs, g)
    bounds = np.array(checked_ints("lows", lows, 0), dtype=np.int64)
    if not len(bounds) or bounds[0] != 0 or (np.diff(bounds) <= 0).any():
        raise ValueError(f"lows must ascend from 0, got {bounds.tolist()}.")
    if by not in KINDS:
        raise ValueError(f"by must be one of {', '.join(KINDS)}; got {by!r}.")
    if by == "degree":
        rows = np.arange(g.num_nodes)
        numbers = (g.out_degree - g.has_edges(rows, rows))[ends].min(axis=0)
    else:
        numbers = weighted_intersection(g, ends.reshape(2, -1), n_jobs=n_jobs).reshape(ends.shape[1:])
    return np.asarray(bounds[np.searchsorted(bounds, numbers, side="right") - 1])


def edge_calibration(probabilities: Any, y: Any, graph_or_pairs: Any, *, bins: int = 15) -> Calibration:
    r"""Calibration of the labels of both ends of edges, where the probabilities are those of a node classifier.

    An edge (i, j) is predicted to have the likeliest label at each end, with the confidence
    :math:`\max_c p_{ic} \max_c p_{jc}`, and is right if both labels are. ECE and Brier score are those of
    :func:`calibration` for this confidence and this outcome. The groups are the edges whose ends have the same label,
    and those whose ends have different ones: there, a classifier that smooths over edges is often too sure of itself.

    Parameters
    ----------
    probabilities : array or tensor of shape (num_nodes, num_classes), or DataFrame
        Each row sums to 1.
    y : int array of shape (num_nodes,)
        Column of the true class of each node; nodes with a negative number are unlabeled, and their edges are left out.
        Matched by name with ``probabilities`` if both carry names.
    graph_or_pairs : Graph or anything :func:`graphrep.as_graph` takes, or pairs
        As in :func:`alignment_and_uniformity`. Self loops do not count.
    bins : int
        Number of equal parts of [0, 1].

    Returns
    -------
    Calibration
        With the groups ``"same label"`` and ``"different labels"``.

    Raises
    ------
    ValueError
        Rows that do not sum to 1, labels that are not columns, lengths that disagree, or no edge with two labels.

    Notes
    -----
    O(num_nodes * num_classes + num_edges).

    References
    ----------
    Hsu, Shen, Cremers: A Graph Is More Than Its Nodes: Towards Structured Uncertainty-Aware Learning on Graphs, 2022,
    on edgewise calibration.

    Examples
    --------
    >>> import graphrep as gr
    >>> sure = [[0.9, 0.1], [0.9, 0.1], [0.2, 0.8]]
    >>> result = gr.evaluate.edge_calibration(sure, [0, 0, 0], [[0, 1], [1, 2]])
    >>> round(result.ece, 3), round(result.brier, 3), list(result.groups)
    (0.455, 0.277, ['same label'])
    """
    checked_int("bins", bins, 1)
    P, pairs, index = vectors_and_pairs(probabilities, graph_or_pairs, "graph_or_pairs")
    wrong = np.flatnonzero((P < 0).any(axis=1) | (np.abs(P.sum(axis=1, dtype=np.float64) - 1) > 1e-3))
    if len(wrong):
        raise ValueError(
            f"probabilities must be at least 0 and sum to 1 in each row; row {wrong[0]} sums to "
            f"{P[wrong[0]].sum():.4g}."
        )
    labels = np.asarray(node_labels(y, index, "y"))
    if labels.shape != (len(P),) or labels.dtype.kind not in "iu":
        raise ValueError(f"y must be one integer for each of the {len(P)} nodes, got {labels.dtype} {labels.shape}.")
    if labels.max(initial=0) >= P.shape[1]:
        raise ValueError(f"y must be column numbers below {P.shape[1]}, got {labels.max()}.")
    edges = pairs[:, (pairs[0] != pairs[1]) & (labels[pairs] >= 0).all(axis=0)]
    if not edges.shape[1]:
        raise ValueError("graph_or_pairs must have an edge between two labeled nodes, got none.")
    confidence = P.max(axis=1).astype(np.float64)[edges].prod(axis=0)
    right = (P.argmax(axis=1) == labels)[edges].all(axis=0)
    same = np.where(labels[edges[0]] == labels[edges[1]], "same label", "different labels")
    return _binned(np.minimum(confidence, 1), right, bins, _by_group(same), "edges")


@dataclass(frozen=True)
class Calibrator:
    """A monotone function from scores to probabilities, made by :func:`fit_calibrator`.

    Attributes
    ----------
    method : {"isotonic", "platt"}
    thresholds, values : float64 arrays of shape (num_thresholds,)
        For "isotonic": the function is linear between these points, and constant beyond the first and the last.
    slope, intercept : float
        For "platt": the logit of the probability is slope * score + intercept.
    """

    method: str
    thresholds: F64 | None = None
    values: F64 | None = None
    slope: float = 1.0
    intercept: float = 0.0

    def transform(self, scores: npt.ArrayLike) -> F64:
        """Probabilities of scores, float64 of the same shape; the scores must be finite."""
        given = to_numpy(scores)
        flat = _finite("scores", given) if given.size else np.zeros(0)
        if self.thresholds is not None and self.values is not None:
            found = np.interp(flat, self.thresholds, self.values)
        else:
            found = _sigmoid(self.slope * flat + self.intercept)
        return np.asarray(found.reshape(given.shape))


def fit_calibrator(y_pos: npt.ArrayLike, y_neg: npt.ArrayLike, method: str = "isotonic") -> Calibrator:
    r"""Fit a function that turns scores into probabilities, to the scores of validation pairs.

    * ``"isotonic"``: the non-decreasing function with the least squared error, for some hundred pairs or more. It can
      tie scores, so rank by the scores themselves.
    * ``"platt"``: :math:`p = 1 / (1 + e^{-(a s + b)})` with the largest likelihood, for few pairs. As in the paper, the
      targets are :math:`\frac{N_+ + 1}{N_+ + 2}` and :math:`\frac{1}{N_- + 2}` in place of 1 and 0, so that a and b are
      finite for scores that separate the pairs.

    Parameters
    ----------
    y_pos, y_neg : array or tensor
        Finite scores of edges and of other pairs, of any shape, which had no part in training. Their ratio is that for
        which the probabilities hold.
    method : {"isotonic", "platt"}

    Returns
    -------
    Calibrator

    Raises
    ------
    ValueError
        An unknown method, or scores that are not finite.

    Warns
    -----
    UserWarning
        "platt" finds that higher scores mean less likely edges.

    Notes
    -----
    O(N log N) for isotonic, O(N) for each of a few steps of Newton's method for Platt.

    References
    ----------
    Zadrozny, Elkan: Transforming classifier scores into accurate multiclass probability estimates, KDD 2002, section 3,
    for isotonic regression. Platt: Probabilistic outputs for support vector machines, 1999, section 2. Lin, Lin, Weng:
    A note on Platt's probabilistic outputs, Machine Learning 68, 2007, section 3, for the steps.

    Examples
    --------
    >>> from graphrep.evaluate import fit_calibrator
    >>> fit_calibrator([3.0, 2.0, 0.5], [1.0, 0.0, -1.0]).transform([2.5, 0.75, -2.0]).tolist()
    [1.0, 0.5, 0.0]
    """
    if method not in METHODS:
        raise ValueError(f"method must be one of {', '.join(METHODS)}; got {method!r}.")
    pos, neg = _finite("y_pos", y_pos), _finite("y_neg", y_neg)
    scores = np.concatenate([pos, neg])
    if method == "platt":
        slope, intercept = _platt(pos, neg)
        return Calibrator("platt", slope=slope, intercept=intercept)
    from sklearn.isotonic import IsotonicRegression

    truth = np.repeat([1.0, 0.0], [len(pos), len(neg)])
    fitted = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(scores, truth)
    thresholds, values = (np.asarray(x, dtype=np.float64) for x in (fitted.X_thresholds_, fitted.y_thresholds_))
    return Calibrator("isotonic", thresholds, values)


def _platt(pos: F64, neg: F64) -> tuple[float, float]:
    """Slope and intercept, by Newton's method with halved steps on standardized scores."""
    scores = np.concatenate([pos, neg])
    center, spread = float(scores.mean()), float(scores.std()) or 1.0
    design = np.stack([(scores - center) / spread, np.ones(len(scores))])
    target = np.repeat([(len(pos) + 1) / (len(pos) + 2), 1 / (len(neg) + 2)], [len(pos), len(neg)])

    def loss(line: F64) -> float:
        logit = line @ design
        return float((np.logaddexp(0, logit) - target * logit).sum())

    line = np.array([0.0, np.log((len(pos) + 1) / (len(neg) + 1))])
    best = loss(line)
    for _ in range(100):
        p = _sigmoid(line @ design)
        gradient = design @ (p - target)
        if np.abs(gradient).max() < 1e-9 * len(scores):
            break
        step = np.linalg.solve((design * (p * (1 - p))) @ design.T + 1e-12 * np.eye(2), gradient)
        size = 1.0
        while size > 1e-10 and not (value := loss(line - size * step)) < best - 1e-4 * size * (gradient @ step):
            size /= 2
        if size <= 1e-10:
            break
        line, best = line - size * step, value
    if line[0] < 0:
        warn_caller("higher scores mean less likely edges in these validation pairs; is the sign of the scores right?")
    slope = float(line[0]) / spread
    return slope, float(line[1]) - slope * center


def _binned(
    probability: F64, truth: npt.NDArray[np.bool_], bins: int, groups: Mapping[Any, I64], what: str
) -> Calibration:
    place = np.minimum((probability * bins).astype(np.int64), bins - 1)
    counts = np.bincount(place, minlength=bins)
    known = np.where(counts > 0, counts, np.nan)
    confidence = np.bincount(place, probability, minlength=bins) / known
    frequency = np.bincount(place, truth, minlength=bins) / known
    ece = float(np.nansum(counts * np.abs(frequency - confidence)) / len(truth))
    inner = {name: _binned(probability[rows], truth[rows], bins, {}, what) for name, rows in groups.items()}
    brier = float(((probability - truth) ** 2).mean())
    return Calibration(ece, brier, counts, confidence, frequency, inner, what)


def _by_group(groups: npt.NDArray[Any]) -> dict[Any, I64]:
    names, of = np.unique(groups, return_inverse=True)
    return {name: np.flatnonzero(of == i) for i, name in enumerate(names.tolist())}


def _finite(name: str, value: Any) -> F64:
    scores = as_scores(name, value).astype(np.float64).ravel()
    if not np.isfinite(scores).all():
        raise ValueError(
            f"{name} must be finite, but {int((~np.isfinite(scores)).sum())} of {len(scores)} scores are not."
        )
    return scores


def _sigmoid(scores: F64) -> F64:
    from scipy.special import expit

    return np.asarray(expit(scores))
