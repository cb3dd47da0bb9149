"""A link predictor that validation pairs choose, or put together, from untrained, linear and neural ones."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from sklearn.base import clone
from sklearn.utils.validation import check_is_fitted

from graphrep._checks import checked_float
from graphrep._names import as_pairs
from graphrep._random import resolve_seed
from graphrep._saving import SavedEstimator
from graphrep.evaluate.baselines import smooth_features
from graphrep.evaluate.metrics import check_metrics, link_metrics, refuse_constant, selection_metric
from graphrep.evaluate.netinfof import netinfof_components
from graphrep.graph import Graph, untyped_graph
from graphrep.heuristics.local import HEURISTICS
from graphrep.heuristics.paths import PATH_HEURISTICS
from graphrep.linkpred._validation import checked_validation
from graphrep.linkpred.act import NetInfoFAct
from graphrep.linkpred.embedding import EmbeddingScorer
from graphrep.linkpred.neural import GAE, NCN

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["BestLinkPredictor"]

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]

log = logging.getLogger("graphrep.linkpred")

_WIDEST = 1 << 28  # entries of propagated features that are made dense
_SOURCES = 100_000  # of walks, for a minute or so
_STEPS = 8  # of the greedy selection
_RANKED = 1 << 23  # negatives of separate edges that a step of it ranks
_POINTS = 4096  # of the function of rarity: the highest negatives, and as many of the others

Scores = tuple[npt.NDArray[Any], npt.NDArray[Any]]


@dataclass(kw_only=True, eq=False, repr=False)
class BestLinkPredictor(SavedEstimator):
    r"""Fit link predictors from untrained to neural, and combine those that together are best in validation.

    No kind of predictor is best on all graphs: on small sparse graphs the cosine of propagated features can beat
    trained networks, on graphs of many triangles a heuristic can, and together they often beat the best of them. Each
    candidate is fitted, and the score of a pair is a weighted sum

    .. math:: -\sum_i w_i \log \bar F_i(s_i),

    where :math:`\bar F_i(s)` is the share of the validation negatives to which candidate i gives a higher score than s,
    interpolated and continued beyond them: how rare the score is among pairs without an edge, whatever its scale. The
    weights are those of a greedy selection with replacement: beginning with the best candidate, the one whose
    addition makes the metric on the validation pairs largest is added, eight times in all; the best sum on the way is
    kept, and of equally good ones that with the fewest terms.

    Without ``combine``, one candidate is kept: of those whose difference from the best is at most one standard error of
    that difference over the validation edges, the first. Candidates are in ascending order of their cost.

    Parameters
    ----------
    candidates : mapping of str to estimator, optional
        Each with ``fit(graph, edges, val=)`` and ``score_pairs``, in order of preference; they are cloned. Default:

        * "untrained": cosines of propagated features, or without features of a decomposition of the adjacency, and each
          heuristic alone;
        * "walks": Katz or personalized PageRank, with at most 100,000 validation edges or nodes;
        * "vectors": :class:`EmbeddingScorer` with all its methods on decompositions of the adjacency and of propagated
          features;
        * "linear": :class:`NetInfoFAct`;
        * "GAE" and "NCN", if the graph is undirected.
    combine : bool
        Whether candidates are combined. The score then takes the time of all that have a weight.
    metric : str, optional
        "auc", "ap", "mrr" or "hits@K", passed to candidates with this parameter; default as for
        :class:`EmbeddingScorer`.
    max_seconds : float, optional
        Time limit for all candidates: each neural one gets an equal share of what is left, and none is begun after it,
        except the first.
    random_state : int, RandomState, Generator or None
    n_jobs : int or None
        Threads of the default candidates.

    Attributes
    ----------
    weights_ : dict of str to float
        Weight of each candidate that is part of the score; they sum to 1.
    members_ : dict of str to estimator
        These candidates, fitted.
    name_ : str
        Name of the simplest candidate that validation cannot tell from the best.
    predictor_ : estimator
        This one, fitted.
    validation_ : dict of str to float
        Value of each candidate that was fitted.
    combined_ : float
        Value of what :meth:`score_pairs` returns. It is the best of many sums and so a little too high.
    metric_ : str
    embedding_ : float32 array of shape (num_nodes, dimensions)
        That of ``predictor_``.
    graph_ : Graph
        The graph it was fitted to.

    References
    ----------
    Caruana, Niculescu-Mizil, Crew, Ksikes. Ensemble Selection from Libraries of Models. ICML 2004, section 2.

    Examples
    --------
    >>> import networkx as nx
    >>> import graphrep as gr
    >>> split = gr.evaluate.random_link_split(nx.karate_club_graph(), test=0.1, valid=0.2)
    >>> candidates = {
    ...     "vectors": gr.EmbeddingScorer(gr.FastRP(dimensions=8)), "network": gr.GAE(dimensions=8, epochs=5)
    ... }
    >>> model = gr.linkpred.BestLinkPredictor(candidates=candidates).fit(split.graph, val=split)
    >>> list(model.validation_)
    ['vectors', 'network']
    """

    candidates: Mapping[str, Any] | None = None
    combine: bool = True
    metric: str | None = None
    max_seconds: float | None = None
    random_state: Any = 0
    n_jobs: int | None = None

    def fit(self, graph: Any, edges: Any = None, *, val: Any = None) -> Self:
        """Fit all candidates, and choose among them or weigh them.

        Parameters
        ----------
        graph : Graph or anything :func:`graphrep.as_graph` takes
        edges : int array of shape (2, num_edges), optional
            Positive training pairs; default: the edges of the graph without self loops.
        val : LinkSplit, or pair of int arrays of shapes (2, num_pos) and (2, num_neg)
            Validation pairs; required.

        Returns
        -------
        self

        Raises
        ------
        ValueError, IndexError, TypeError
            There are no validation pairs, or what a candidate raises.
        """
        begin, g = time.monotonic(), untyped_graph(graph)
        if val is None:
            raise ValueError("val must be given: without validation pairs there is nothing to choose by.")
        valid, negative = checked_validation(val, g, edges, own_negatives=True)
        if self.metric is not None:
            check_metrics([self.metric])
        if self.max_seconds is not None:
            checked_float("max_seconds", self.max_seconds, 0.0, math.inf)
        self.metric_ = selection_metric(negative.shape[1:]) if self.metric is None else self.metric
        refuse_constant([self.metric_], negative.shape[1:])
        candidates = self._candidates(g, valid.shape[1]) if self.candidates is None else dict(self.candidates)
        if not candidates:
            raise ValueError("candidates must name at least one estimator, got none.")
        timed = [name for name, model in candidates.items() if hasattr(model, "max_seconds")]
        fitted: dict[str, Any] = {}
        scores: dict[str, Scores] = {}
        self.validation_: dict[str, float] = {}
        for name, given in candidates.items():
            left = math.inf if self.max_seconds is None else self.max_seconds - (time.monotonic() - begin)
            if fitted and left <= 0:
                log.info("time limit of %g s: %s was not tried", self.max_seconds, name)
                continue
            model = clone(given)
            if hasattr(model, "metric"):
                model.set_params(metric=self.metric_)
            if name in timed and math.isfinite(left):
                model.set_params(max_seconds=max(left, 0.0) / (len(timed) - timed.index(name)))
            fitted[name] = model.fit(g, edges, val=val)
            other = model.score_pairs(negative.reshape(2, -1)).reshape(negative.shape[1:])
            scores[name] = model.score_pairs(valid), other
            self.validation_[name] = link_metrics(*scores[name], [self.metric_])[self.metric_]
            log.info("%s: %s %.4f on validation", name, self.metric_, self.validation_[name])
        best = max(self.validation_, key=lambda name: self.validation_[name])
        parts = {name: per_edge(*pair, self.metric_) for name, pair in scores.items()}
        self.name_ = next(name for name in fitted if not _worse(parts[name], parts[best]))
        self.predictor_, self.graph_ = fitted[self.name_], g
        self.embedding_ = self.predictor_.embedding_
        self.weights_, self.combined_ = {self.name_: 1.0}, self.validation_[self.name_]
        if self.combine:
            self.weights_, self.combined_ = selected(scores, self.metric_)
        log.info("weights %s: %s %.4f on validation", self.weights_, self.metric_, self.combined_)
        self.members_ = {name: fitted[name] for name in self.weights_}
        self._rarities = {name: rarity(scores[name][1]) for name in self.weights_}
        return self

    def score_pairs(self, pairs: Any) -> F32:
        """Scores of pairs: row numbers of shape (2, num_pairs), or pairs of names (u, v).

        Those of the predictor itself if there is one, else the weighted sum, float32.
        """
        check_is_fitted(self, "predictor_")
        if len(self.weights_) == 1:
            alone: F32 = next(iter(self.members_.values())).score_pairs(pairs)
            return alone
        pairs = as_pairs(pairs, self.graph_, name="pairs")
        total: Any = 0.0
        for name, weight in self.weights_.items():
            total = total + weight * rare(self.members_[name].score_pairs(pairs), self._rarities[name])
        return np.asarray(total, dtype=np.float32)

    def _candidates(self, graph: Graph, num_edges: int) -> dict[str, Any]:
        """The default candidates for so many validation edges, in ascending order of cost."""
        seed = resolve_seed(self.random_state)
        options: dict[str, Any] = {"random_state": seed, "n_jobs": self.n_jobs}
        views = netinfof_components(graph, random_state=seed)
        chosen = [view for name, view in views.items() if name in ("structure", "propagated features, with self loops")]
        smooth: Any = views["structure"]
        if graph.x is not None and graph.num_nodes * graph.x.shape[1] <= _WIDEST:
            smooth = smooth_features(graph, graph.x, 2, n_jobs=self.n_jobs)
        found: dict[str, Any] = {
            "untrained": EmbeddingScorer(smooth, operator=("cosine", *HEURISTICS), **options),
            "walks": EmbeddingScorer(smooth, operator=list(PATH_HEURISTICS), **options),
            "vectors": EmbeddingScorer(np.concatenate(chosen, axis=1), **options),
            "linear": NetInfoFAct(**options),
        }
        if min(num_edges, graph.num_nodes) > _SOURCES:
            del found["walks"]
        return found if graph.directed else found | {"GAE": GAE(**options), "NCN": NCN(**options)}

    def _saved_params(self) -> dict[str, Any]:
        return super()._saved_params() | {"candidates": None}

    def _state(self) -> dict[str, Any]:
        names = ("predictor_", "name_", "validation_", "metric_", "weights_", "combined_", "_rarities")
        others = {name: member for name, member in self.members_.items() if name != self.name_}
        state = {name: getattr(self, name) for name in names}
        return state | {f"member {name}": member for name, member in others.items()}

    def _restore(self, state: dict[str, Any]) -> None:
        others = {name.removeprefix("member "): state.pop(name) for name in [*state] if name.startswith("member ")}
        super()._restore(state)
        every = others | {self.name_: self.predictor_}
        self.members_ = {name: every[name] for name in self.weights_}
        self.graph_ = self.predictor_.graph_


def selected(scores: Mapping[str, Scores], metric: str) -> tuple[dict[str, float], float]:
    """Weights of a greedy selection among scores of edges and negatives, and the metric of their sum."""
    scaled = {name: _scaled(*pair) for name, pair in scores.items()}
    total: Any = (0.0, 0.0)
    found: list[tuple[float, str]] = []
    for _ in range(_STEPS):
        sums = {name: (total[0] + pair[0], total[1] + pair[1]) for name, pair in scaled.items()}
        values = {name: link_metrics(*pair, [metric])[metric] for name, pair in sums.items()}
        name = max(values, key=lambda one: values[one])
        total = sums[name]
        found.append((values[name], name))
    value = max(one for one, _ in found)
    count = 1 + next(i for i, (one, _) in enumerate(found) if one == value)
    names = [name for _, name in found[:count]]
    return {name: names.count(name) / count for name in scores if name in names}, value


def rarity(negatives: npt.NDArray[Any]) -> F64:
    """Scores, ascending, and minus the logarithm of the share of negatives above each, of shape (2, num_points)."""
    values, counts = np.unique(np.asarray(negatives, dtype=np.float64), return_counts=True)
    above = counts.sum() - np.cumsum(counts) + counts / 2  # of equal ones, half
    points = np.stack([values, -np.log((above + 0.5) / (counts.sum() + 1))])
    if len(values) <= 2 * _POINTS:
        return points
    evenly = np.linspace(0, len(values) - _POINTS - 1, _POINTS).astype(np.int64)
    return points[:, np.concatenate([evenly, np.arange(len(values) - _POINTS, len(values))])]


def rare(scores: Any, points: F64) -> F64:
    """How rare scores are among negatives; beyond all of them, by the slope of the nearest ones and its logarithm."""
    values, (x, y) = np.asarray(scores, dtype=np.float64), points
    few = min(1 + len(x) // 50, len(x) - 1)
    above, below = _slope(points[:, -1 - few :]), _slope(points[:, : 1 + few])
    more, less = np.maximum(values - x[-1], 0) * above, np.maximum(x[0] - values, 0) * below
    return np.asarray(np.interp(values, x, y) + np.log1p(more) - np.log1p(less))


def _slope(points: F64) -> float:
    run, rise = points[:, -1] - points[:, 0]
    return float(rise / run) if run > 0 else 1.0


def _scaled(positive: npt.NDArray[Any], negative: npt.NDArray[Any]) -> Scores:
    points = rarity(negative)
    if negative.ndim == 2:  # some of the edges, with their own negatives
        step = -(-negative.size // _RANKED)
        positive, negative = positive[::step], negative[::step]
    return rare(positive, points), rare(negative, points)


def per_edge(positive: Any, negative: Any, metric: str) -> npt.NDArray[np.float64]:
    """What each edge adds to a metric: found or not, its reciprocal rank, or the share of negatives below it."""
    pos = np.asarray(positive, dtype=np.float64)
    neg = np.sort(np.asarray(negative, dtype=np.float64), axis=-1)
    if neg.ndim == 1:
        above = neg.shape[-1] - np.searchsorted(neg, pos, side="right")
        level = neg.shape[-1] - np.searchsorted(neg, pos, side="left")
    else:
        above, level = (neg > pos[:, None]).sum(axis=1), (neg >= pos[:, None]).sum(axis=1)
    if metric.startswith("hits@"):
        last = int(metric[5:]) - 1  # negatives that may be ranked before
        return np.asarray((level if neg.ndim == 1 else (above + level) / 2) <= last, dtype=np.float64)
    if metric == "mrr":
        return np.asarray(1 / (1 + (above + level) / 2))
    return np.asarray(1 - (above + level) / 2 / neg.shape[-1])


def _worse(one: npt.NDArray[np.float64], best: npt.NDArray[np.float64]) -> bool:
    """Whether the mean difference is more than its standard error, beyond rounding."""
    difference = best - one
    error = difference.std(ddof=1) / math.sqrt(len(difference)) if len(difference) > 1 else 0.0
    return bool(difference.mean() > error + 1e-12)
