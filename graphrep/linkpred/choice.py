"""A link predictor that validation pairs choose among untrained, linear and neural ones."""

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
from graphrep._random import resolve_seed
from graphrep._saving import SavedEstimator
from graphrep.evaluate.baselines import smooth_features
from graphrep.evaluate.metrics import check_metrics, link_metrics, refuse_constant, selection_metric
from graphrep.evaluate.netinfof import netinfof_components
from graphrep.graph import Graph, untyped_graph
from graphrep.heuristics.local import HEURISTICS
from graphrep.linkpred._validation import checked_validation
from graphrep.linkpred.act import NetInfoFAct
from graphrep.linkpred.embedding import EmbeddingScorer
from graphrep.linkpred.neural import GAE, NCN

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["BestLinkPredictor"]

F32 = npt.NDArray[np.float32]

log = logging.getLogger("graphrep.linkpred")

_WIDEST = 1 << 28  # entries of propagated features that are made dense


@dataclass(kw_only=True, eq=False, repr=False)
class BestLinkPredictor(SavedEstimator):
    r"""Fit link predictors from untrained to neural, and keep the simplest that validation cannot tell from the best.

    No kind of predictor is best on all graphs: on small sparse graphs the cosine of propagated features can beat
    trained networks, on graphs of many triangles a heuristic can. Each candidate is fitted and scored on validation
    pairs; of those whose difference from the best is at most one standard error of that difference over the validation
    edges, the first is kept. Candidates are in ascending order of their cost.

    Parameters
    ----------
    candidates : mapping of str to estimator, optional
        Each with ``fit(graph, edges, val=)`` and ``score_pairs``, in order of preference; they are cloned. Default:

        * "untrained": cosines of propagated features, or without features of a decomposition of the adjacency, and each
          heuristic alone;
        * "vectors": :class:`EmbeddingScorer` with all its methods on decompositions of the adjacency and of propagated
          features;
        * "linear": :class:`NetInfoFAct`;
        * "GAE" and "NCN", if the graph is undirected.
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
    predictor_ : estimator
        The chosen one, fitted.
    name_ : str
        Its name among the candidates.
    validation_ : dict of str to float
        Value of each candidate that was fitted.
    metric_ : str
    embedding_ : float32 array of shape (num_nodes, dimensions)
        That of the chosen predictor.
    graph_ : Graph
        The graph it was fitted to.

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
    metric: str | None = None
    max_seconds: float | None = None
    random_state: Any = 0
    n_jobs: int | None = None

    def fit(self, graph: Any, edges: Any = None, *, val: Any = None) -> Self:
        """Fit all candidates and keep one.

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
        candidates = self._candidates(g) if self.candidates is None else dict(self.candidates)
        if not candidates:
            raise ValueError("candidates must name at least one estimator, got none.")
        timed = [name for name, model in candidates.items() if hasattr(model, "max_seconds")]
        fitted: dict[str, Any] = {}
        scores: dict[str, tuple[Any, Any]] = {}
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
        return self

    def score_pairs(self, pairs: Any) -> F32:
        """Scores of pairs by the chosen predictor: row numbers of shape (2, num_pairs), or pairs of names (u, v)."""
        check_is_fitted(self, "predictor_")
        scores: F32 = self.predictor_.score_pairs(pairs)
        return scores

    def _candidates(self, graph: Graph) -> dict[str, Any]:
        """The default candidates, in ascending order of cost."""
        seed = resolve_seed(self.random_state)
        options: dict[str, Any] = {"random_state": seed, "n_jobs": self.n_jobs}
        views = netinfof_components(graph, random_state=seed)
        chosen = [view for name, view in views.items() if name in ("structure", "propagated features, with self loops")]
        smooth: Any = views["structure"]
        if graph.x is not None and graph.num_nodes * graph.x.shape[1] <= _WIDEST:
            smooth = smooth_features(graph, graph.x, 2, n_jobs=self.n_jobs)
        found: dict[str, Any] = {
            "untrained": EmbeddingScorer(smooth, operator=("cosine", *HEURISTICS), **options),
            "vectors": EmbeddingScorer(np.concatenate(chosen, axis=1), **options),
            "linear": NetInfoFAct(**options),
        }
        return found if graph.directed else found | {"GAE": GAE(**options), "NCN": NCN(**options)}

    def _saved_params(self) -> dict[str, Any]:
        return super()._saved_params() | {"candidates": None}

    def _state(self) -> dict[str, Any]:
        names = ("predictor_", "name_", "validation_", "metric_")
        return {name: getattr(self, name) for name in names}

    def _restore(self, state: dict[str, Any]) -> None:
        super()._restore(state)
        self.graph_ = self.predictor_.graph_


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
