"""A linear link predictor on untrained views of a graph: NetInfoF's Act."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from sklearn.utils.validation import check_is_fitted

from graphrep._checks import checked_float, checked_int
from graphrep._names import as_pairs
from graphrep._random import resolve_seed
from graphrep._saving import SavedEstimator, packed_graph, unpacked_graph
from graphrep._threads import limited_threads
from graphrep.evaluate.metrics import check_metrics, refuse_constant, selection_metric
from graphrep.evaluate.netinfof import (
    ACT_STRENGTH,
    ACT_STRENGTHS,
    ActModel,
    fit_act,
    training_pairs,
    views_and_partners,
)
from graphrep.graph import untyped_graph
from graphrep.heuristics.non_edges import check_sampling
from graphrep.linkpred._validation import checked_validation, sampling_of

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["NetInfoFAct"]

F32 = npt.NDArray[np.float32]


@dataclass(kw_only=True, eq=False, repr=False)
class NetInfoFAct(SavedEstimator):
    r"""Score pairs linearly on structure, walks, features and their propagation; nothing is trained but 640 weights.

    For each view Z of :func:`graphrep.evaluate.netinfof_components` and its compatibility matrix H (see
    :func:`graphrep.evaluate.netinfof_probe`), the products :math:`(H z_u) \odot z_v`, averaged over the two orders of
    the ends, are the columns of a logistic regression. H lets nodes that differ be likely neighbors, which cosines and
    Hadamard products of neighborhoods cannot express. It is what a neural predictor should beat.

    Parameters
    ----------
    dimensions : int
        Columns of each view.
    hops : int
        Steps of propagation of the features.
    C : float or sequence of float, optional
        Inverse strengths of the L2 penalty to try; several values need validation pairs. Default: the best of 0.1, 1,
        10 and 100 with validation pairs, 10 without.
    metric : str, optional
        Metric for the choice of C: "auc", "ap", "mrr" or "hits@K"; default as for :class:`EmbeddingScorer`.
    max_train : int
        Upper bound on the number of training edges, a random sample if there are more; against twice as many random
        pairs.
    negative_sampling : {"uniform", "degree"}, optional
        Distribution of the ends of random pairs; default as for :class:`EmbeddingScorer`.
    random_state : int, RandomState, Generator or None
    n_jobs : int or None
        Threads of the dense products; None keeps the settings of the libraries.

    Attributes
    ----------
    embedding_ : float32 array of shape (num_nodes, num_columns)
        The views side by side.
    components_ : list of str
        Their names.
    compatibility_ : dict of str to float32 array
        H of each view.
    coef_ : float32 array of shape (num_columns,)
    intercept_ : float
    C_ : float
        The chosen value.
    metric_ : str
        Metric of the choice; absent without validation pairs.
    negative_sampling_ : str
    graph_ : Graph
        The graph it was fitted to.

    Notes
    -----
    Time of :func:`graphrep.evaluate.netinfof_probe`, and of the regression on five views. The authors penalize with
    sparse groups instead, draw new negatives in each step, and use products in one order of the ends, whose scores
    differ for (u, v) and (v, u). Directions are ignored.

    References
    ----------
    Lee et al.: NetInfoF Framework: Measuring and Exploiting Network Usable Information, ICLR 2024, section 5.

    Examples
    --------
    >>> import networkx as nx
    >>> import graphrep as gr
    >>> model = gr.NetInfoFAct(dimensions=8).fit(nx.karate_club_graph())
    >>> model.score_pairs([[0, 0], [1, 9]]).shape
    (2,)
    """

    dimensions: int = 128
    hops: int = 2
    C: float | Sequence[float] | None = None
    metric: str | None = None
    max_train: int = 30_000
    negative_sampling: str | None = None
    random_state: Any = 0
    n_jobs: int | None = None

    def fit(self, graph: Any, edges: Any = None, *, val: Any = None) -> Self:
        """Compute the views of a graph, and learn to separate its edges from other pairs.

        Parameters
        ----------
        graph : Graph or anything :func:`graphrep.as_graph` takes
        edges : int array of shape (2, num_edges), optional
            Positive training pairs; default: the edges of the graph without self loops.
        val : LinkSplit, or pair of int arrays of shapes (2, num_pos) and (2, num_neg), optional
            Validation pairs for the choice of C, as for :class:`EmbeddingScorer`.

        Returns
        -------
        self

        Raises
        ------
        ValueError, IndexError, TypeError
            A setting or a pair is out of range, there are several values of C without ``val``, or the graph contains
            validation edges.
        """
        g = untyped_graph(graph)
        checked_int("dimensions", self.dimensions, 1)
        checked_int("hops", self.hops, 0)
        checked_int("max_train", self.max_train, 1)
        if self.metric is not None:
            check_metrics([self.metric])
        if self.negative_sampling is not None:
            check_sampling("negative_sampling", self.negative_sampling)
        valid, valid_neg = checked_validation(val, g, edges, own_negatives=True)
        given: Any = self.C
        if self.C is None:
            given = ACT_STRENGTHS if valid.size else (ACT_STRENGTH,)
        elif np.ndim(given) == 0:
            given = [given]
        strengths = [checked_float("C", value, 0.0, exclusive=True) for value in given]
        if not strengths or (len(strengths) > 1 and not valid.size):
            raise ValueError(f"C must be one number without validation pairs, got {self.C!r}; pass val for several.")
        self.__dict__.pop("metric_", None)  # of an earlier fit
        if valid.size:
            self.metric_ = selection_metric(valid_neg.shape[1:]) if self.metric is None else self.metric
            refuse_constant([self.metric_], valid_neg.shape[1:])
        self.negative_sampling_ = self.negative_sampling or sampling_of(g, valid_neg)
        positives = g.edges() if edges is None else as_pairs(edges, g, name="edges")
        seed = resolve_seed(self.random_state)
        known = g if g.has_edges(*positives).all() else g.with_edges(np.concatenate([g.edges(), positives], axis=1))
        train, others = training_pairs(known, positives, self.max_train, seed, self.negative_sampling_)
        options: dict[str, Any] = {"val": (valid, valid_neg), "metric": self.metric_} if valid.size else {}
        with limited_threads(self.n_jobs):
            self.components_, self.embedding_, right, self.compatibility_ = views_and_partners(
                g, train, others, dimensions=self.dimensions, hops=self.hops, seed=seed
            )
            self._model, self.C_ = fit_act(self.embedding_, right, train, others, C=strengths, **options)
        self.coef_, self.intercept_, self.graph_ = self._model.coef, self._model.intercept, g
        return self

    def score_pairs(self, pairs: Any) -> F32:
        """Float32 scores of pairs: row numbers of shape (2, num_pairs), or a list of pairs of names (u, v).

        Likelier edges have higher scores. A pair's score depends neither on other pairs nor on the order of its ends.
        """
        check_is_fitted(self, "embedding_")
        ends = as_pairs(pairs, self.graph_)
        if ends.ndim != 2:
            raise ValueError(f"pairs must have shape (2, num_pairs), got {ends.shape}.")
        return self._model(ends)

    def _state(self) -> dict[str, Any]:
        names = ("components_", "compatibility_", "coef_", "intercept_", "C_", "metric_", "negative_sampling_")
        return {name: getattr(self, name) for name in names if hasattr(self, name)} | {
            "graph_": packed_graph(self.graph_)
        }

    def _restore(self, state: dict[str, Any]) -> None:
        graph, X = unpacked_graph(state["graph_"]), state["embedding_"]
        matrices = [state["compatibility_"][name] for name in state["components_"]]
        ends = np.cumsum([0, *(len(H) for H in matrices)])
        if X.shape != (graph.num_nodes, ends[-1]) or state["coef_"].shape != X.shape[1:]:
            raise ValueError("graph, vectors and coefficients differ in size")
        super()._restore(state | {"graph_": graph})
        parts = [X[:, a:b] @ H for a, b, H in zip(ends[:-1], ends[1:], matrices, strict=True)]
        self._model = ActModel(X, np.concatenate(parts, axis=1), self.coef_, self.intercept_)
