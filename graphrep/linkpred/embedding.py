"""Link prediction with node vectors, edge operators, heuristics and a logistic regression."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
from sklearn.base import clone
from sklearn.utils.validation import check_is_fitted

from graphrep._arrays import as_vectors
from graphrep._checks import checked_float, checked_int
from graphrep._names import aligned, as_pairs
from graphrep._random import resolve_seed
from graphrep._saving import SavedEstimator, packed_graph, unpacked_graph
from graphrep._threads import limited_threads
from graphrep.evaluate.link_prediction import LEARNED, UNTRAINED, edge_features
from graphrep.evaluate.logistic import LinearScorer, fit_one_vs_rest
from graphrep.evaluate.metrics import check_metrics, link_metrics, refuse_constant, selection_metric
from graphrep.graph import Graph, untyped_graph
from graphrep.heuristics.features import pair_features
from graphrep.heuristics.local import HEURISTICS
from graphrep.heuristics.non_edges import check_sampling, sample_non_edges
from graphrep.heuristics.paths import PATH_HEURISTICS
from graphrep.linkpred._validation import checked_validation, sampling_of
from graphrep.vectors import NodeVectors

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["EmbeddingScorer"]

F32 = npt.NDArray[np.float32]
I64 = npt.NDArray[np.int64]

_STRENGTHS = (0.001, 0.01, 0.1, 1.0)
_STRENGTH = 0.01  # without validation pairs
_SCREENED = 10_000  # edges on which the operators are compared before the best of them are fitted to more
_KEPT = 2
_CHUNK = 1 << 22  # floats of features held at once


class Method(NamedTuple):
    """How pairs are scored: without training, or by a logistic regression on these blocks of columns."""

    untrained: bool = False
    operator: str = ""
    unit: bool = False
    heuristics: bool = False
    similarity: bool = False


METHODS = {name: Method(untrained=True) for name in (*HEURISTICS, *PATH_HEURISTICS, *UNTRAINED)}
METHODS |= {
    "heuristics": Method(heuristics=True),
    "heuristics + similarity": Method(heuristics=True, similarity=True),
}
for _operator in LEARNED:
    for _unit in (False, True):
        _name = f"{_operator} unit" if _unit else _operator
        METHODS[_name] = Method(operator=_operator, unit=_unit)
        METHODS[f"{_name} + heuristics"] = Method(operator=_operator, unit=_unit, heuristics=True, similarity=True)

_WITHOUT_VALIDATION = "l2 + heuristics"


class Fitted(NamedTuple):
    """A method, its penalty and its weights; no weights if it has no regression."""

    method: str
    C: float | None = None
    model: LinearScorer | None = None


class Columns:
    """Columns of some pairs, each block computed when it is first used."""

    def __init__(self, graph: Graph, X: F32, lengths: F32, pairs: I64, n_jobs: int | None) -> None:
        self.graph, self.X, self.lengths, self.pairs, self.n_jobs = graph, X, lengths, pairs, n_jobs

    def of(self, method: Method) -> F32:
        """Input of a regression, float32 of shape (num_pairs, num_columns)."""
        blocks = []
        if method.operator:
            X = self.X / self.lengths[:, None] if method.unit else self.X
            blocks.append(edge_features(X, self.pairs, method.operator))
        blocks += [self._heuristics] if method.heuristics else []
        blocks += [self._similarity] if method.similarity else []
        return np.concatenate(blocks, axis=1)

    def untrained(self, name: str) -> npt.NDArray[Any]:
        """Scores of shape (num_pairs,) by a method without a regression."""
        if name not in UNTRAINED:
            return {**HEURISTICS, **PATH_HEURISTICS}[name](self.graph, self.pairs, n_jobs=self.n_jobs)
        return self._dot if name == "dot" else self._cosine

    @cached_property
    def _dot(self) -> F32:
        return np.asarray(np.einsum("ij,ij->i", self.X[self.pairs[0]], self.X[self.pairs[1]]))

    @property
    def _cosine(self) -> F32:
        return np.asarray(self._dot / (self.lengths[self.pairs[0]] * self.lengths[self.pairs[1]]))

    @cached_property
    def _heuristics(self) -> F32:
        columns = pair_features(self.graph, self.pairs, n_jobs=self.n_jobs)
        return np.stack(list(columns.values()), axis=1).astype(np.float32)

    @cached_property
    def _similarity(self) -> F32:
        # The logarithm, because inner products of popular nodes are far larger than all others.
        return np.stack([np.sign(self._dot) * np.log1p(np.abs(self._dot)), self._cosine], axis=1)


@dataclass(eq=False, repr=False)
class EmbeddingScorer(SavedEstimator):
    r"""Score pairs of nodes with an embedding, an edge operator, heuristics and a logistic regression.

    An operator combines the vectors a and b of the two ends into features :math:`f(a, b)`. Similarities of vectors miss
    much of what predicts links: products of unit vectors cannot see degrees, and no product sees common neighbors as
    exactly as a count. The regression therefore also gets the columns of :func:`graphrep.heuristics.pair_features`,
    which are computed as if a pair had no edge, and the inner product and cosine of the two vectors. Its score is the
    logit :math:`w^\top f + c` over standardized columns, trained on edges against as many random pairs without an
    edge.

    With validation pairs the best of all methods and penalties is chosen, among them each heuristic and each similarity
    alone; the scorer is then at least as good on these pairs as each of its ingredients. The interface is that of
    :class:`NCN`.

    Parameters
    ----------
    embedding : estimator, array of shape (num_nodes, dimensions), NodeVectors or DataFrame
        An embedder such as :class:`graphrep.FastRP` or :class:`graphrep.Node2Vec`, which is cloned and fitted to the
        graph; or vectors, which must not depend on the validation edges. Vectors with names are matched with the nodes
        of the graph by name.
    operator : str or sequence of str
        A method, or several from which validation pairs choose:

        * ``"hadamard"``, ``"average"``, ``"l1"``, ``"l2"``: a regression on the features of
          :func:`graphrep.evaluate.edge_features`; ``"hadamard unit"`` and so on: of vectors divided by their lengths.
        * ``"hadamard + heuristics"``, ``"hadamard unit + heuristics"`` and so on: with the further columns.
        * ``"heuristics"``: a regression on the columns of ``pair_features`` alone; ``"heuristics + similarity"``: with
          the inner product and cosine.
        * ``"dot"``, ``"cosine"``, and the names of :data:`graphrep.heuristics.HEURISTICS` and
          :data:`graphrep.heuristics.PATH_HEURISTICS`: scores without training.
        * ``"auto"``, the default: all of these but the last with validation pairs, "l2 + heuristics" without.
    C : float or sequence of float, optional
        Inverse strengths of the L2 penalty to try; several values need validation pairs. Default: the best of 0.001,
        0.01, 0.1 and 1 with validation pairs, 0.01 without.
    metric : str, optional
        Metric for the choice: "auc", "ap", "mrr" or "hits@K". Default: "hits@100" with at least 500 validation
        negatives, "auc" with fewer, "mrr" with separate negatives for each edge. Of equally good methods, the first in
        the order above from below is used, of equally good values of C the strongest penalty.
    max_train : int
        Upper bound on the number of edges for the logistic regression; a random sample is used if there are more.
    negative_sampling : {"uniform", "degree"}, optional
        Distribution of the ends of random pairs: uniform or proportional to degree; see :class:`GAE`. Default: the one
        to which the degrees of the validation negatives are nearer, uniform without validation pairs.
    random_state : int, RandomState, Generator or None
        For the sample and the negatives; independent of that of the embedder.
    n_jobs : int or None
        Threads of the heuristics and the regression, independent of those of the embedder; None keeps the settings of
        the libraries.

    Attributes
    ----------
    embedding_ : float32 array of shape (num_nodes, dimensions)
    embedder_ : estimator
        The fitted clone, if ``embedding`` is an estimator.
    operator_ : str
        The chosen method. ``EmbeddingScorer(..., operator=model.operator_, C=model.C_)`` repeats the choice on another
        graph.
    C_ : float or None
        The chosen value; None if the method has no regression.
    negative_sampling_ : str
    metric_ : str
        Metric of the choice; absent without validation pairs.
    validation_ : dict of str to float
        Best value of each method on the validation pairs; empty without them. Among several operators, those that are
        behind on a sample of 10,000 edges are left out.
    graph_ : Graph
        The graph it was fitted to.
    coef_ : float64 array of shape (num_columns,)
        Weights of the operator's features, the heuristics, the inner product and the cosine, as far as they are used.
    intercept_ : float

    Notes
    -----
    With validation pairs and E edges, the regressions take O(min(E, max_train) * dimensions) per step, about ten times
    the time of a single one.

    References
    ----------
    Grover, Leskovec. node2vec: Scalable Feature Learning for Networks. KDD 2016, section 4.4 and table 1.

    Examples
    --------
    >>> import networkx as nx
    >>> import graphrep as gr
    >>> split = gr.evaluate.random_link_split(nx.karate_club_graph(), test=0.2, valid=0.1)
    >>> model = gr.EmbeddingScorer(gr.FastRP(dimensions=8, random_state=0), random_state=0)
    >>> model.fit(split.graph, split.train, val=split).score_pairs(split.test).shape
    (16,)
    >>> model.operator_ in model.validation_
    True
    """

    embedding: Any
    _: KW_ONLY
    operator: str | Sequence[str] = "auto"
    C: float | Sequence[float] | None = None
    metric: str | None = None
    max_train: int = 30_000
    negative_sampling: str | None = None
    random_state: Any = 0
    n_jobs: int | None = None

    def fit(self, graph: Any, edges: Any = None, *, val: Any = None) -> Self:
        """Embed the graph, then learn to separate its edges from other pairs.

        Parameters
        ----------
        graph : Graph or anything :func:`graphrep.as_graph` takes
            The graph to embed.
        edges : int array of shape (2, num_edges), optional
            Positive training pairs; default: the edges of the graph without self loops.
        val : LinkSplit, or pair of int arrays of shapes (2, num_pos) and (2, num_neg), optional
            Validation pairs for the choice: ``valid`` and ``valid_neg`` of a LinkSplit. Negatives of shape
            (2, num_pos, num_neg) are separate for each positive.

        Returns
        -------
        self

        Raises
        ------
        ValueError, IndexError, TypeError
            A setting or a pair is out of range, the number of vectors differs from that of nodes, there are several
            methods or values of C without ``val``, or the graph contains validation edges.
        """
        g = untyped_graph(graph)
        valid, valid_neg = checked_validation(val, g, edges, own_negatives=True)
        methods, strengths = self._methods(valid.size > 0), self._strengths(valid.size > 0)
        checked_int("max_train", self.max_train, 1)
        if self.negative_sampling is not None:
            check_sampling("negative_sampling", self.negative_sampling)
        if self.metric is not None:
            check_metrics([self.metric])
        positives = g.edges() if edges is None else as_pairs(edges, g, name="edges")
        positives = np.ascontiguousarray(positives[:, positives[0] != positives[1]])
        if positives.shape[1] == 0 and not all(METHODS[name].untrained for name in methods):
            raise ValueError("edges must hold at least one edge that is not a self loop, got none.")
        self.__dict__.pop("metric_", None)  # of an earlier fit
        if valid.size:
            self.metric_ = selection_metric(valid_neg.shape[1:]) if self.metric is None else self.metric
            refuse_constant([self.metric_], valid_neg.shape[1:])
        self.negative_sampling_ = self.negative_sampling or sampling_of(g, valid_neg)
        self.graph_ = g
        self._embed(g)
        with limited_threads(self.n_jobs):
            self._choose(methods, strengths, positives, valid, valid_neg)
        return self

    def score_pairs(self, pairs: Any) -> F32:
        """Float32 scores of pairs: row numbers of shape (2, num_pairs), or a list of pairs of names (u, v).

        Likelier edges have higher scores. A pair's score does not depend on the other pairs.
        """
        check_is_fitted(self, "embedding_")
        ends = as_pairs(pairs, self.graph_)
        if ends.ndim != 2:
            raise ValueError(f"pairs must have shape (2, num_pairs), got {ends.shape}.")
        model = None if self.C_ is None else LinearScorer(self.coef_[:, None], np.array([self.intercept_]))
        with limited_threads(self.n_jobs):
            scores: F32 = self._scores([Fitted(self.operator_, self.C_, model)], ends)[0]
        return scores

    def _methods(self, validated: bool) -> list[str]:  # noqa: FBT001
        """Names of the methods to try, those without training first."""
        if isinstance(self.operator, str) and self.operator == "auto":
            every = [name for name in METHODS if name not in PATH_HEURISTICS]  # which take longer than all others
            return every if validated else [_WITHOUT_VALIDATION]
        given = [self.operator] if isinstance(self.operator, str) else list(self.operator)
        for name in given:
            if name not in METHODS:
                raise ValueError(f"operator must be one of auto, {', '.join(METHODS)}, or several; got {name!r}.")
        if not given or (len(given) > 1 and not validated):
            raise ValueError(f"operator must be one method without validation pairs, got {self.operator!r}; pass val.")
        return [name for name in METHODS if name in given]

    def _strengths(self, validated: bool) -> list[float]:  # noqa: FBT001
        """Values of C to try, the strongest penalty first."""
        if self.C is None:
            return list(_STRENGTHS) if validated else [_STRENGTH]
        given: Any = [self.C] if np.ndim(self.C) == 0 else self.C
        strengths = [checked_float("C", value, 0.0, exclusive=True) for value in given]
        if not strengths or (len(strengths) > 1 and not validated):
            raise ValueError(f"C must be one number without validation pairs, got {self.C!r}; pass val for several.")
        return sorted(strengths)

    def _choose(self, methods: list[str], strengths: list[float], positives: I64, valid: I64, valid_neg: I64) -> None:
        """Fit the methods and keep the one with the best value on the validation pairs."""
        rng = np.random.default_rng(resolve_seed(self.random_state))
        tried = [Fitted(name) for name in methods if METHODS[name].untrained]
        trained = [name for name in methods if not METHODS[name].untrained]
        if trained:
            drawn = positives[:, rng.permutation(positives.shape[1])[: self.max_train]]
            count = drawn.shape[1]
            others = self._negatives(count, positives, rng)
            columns = self._columns(np.concatenate([drawn, others], axis=1))

            def fit(name: str, strengths: list[float], size: int) -> list[Fitted]:
                X = columns.of(METHODS[name])
                X = X if size >= count else np.concatenate([X[:size], X[count : count + size]])
                labels = np.arange(len(X))[:, None] < len(X) // 2
                tol = 1e-4 if size >= count else 1e-3
                return [Fitted(name, C, fit_one_vs_rest(X, labels, C, standardize=True, tol=tol)) for C in strengths]

            operators = [name for name in trained if METHODS[name].operator]
            if len(operators) > _KEPT:
                middle = [strengths[len(strengths) // 2]]
                values = self._values([fit(name, middle, _SCREENED)[0] for name in operators], valid, valid_neg)
                best = sorted(range(len(values)), key=lambda i: -values[i])[:_KEPT]
                trained = [name for name in trained if name not in operators or operators.index(name) in best]
            tried += [one for name in trained for one in fit(name, strengths, count)]
        self.validation_: dict[str, float] = {}
        chosen = tried[0]
        if valid.size:
            values = self._values(tried, valid, valid_neg)
            chosen = tried[max(range(len(tried)), key=values.__getitem__)]  # the first of equally good ones
            for one, value in zip(tried, values, strict=True):
                self.validation_[one.method] = max(value, self.validation_.get(one.method, 0.0))
        self.operator_, self.C_ = chosen.method, chosen.C
        for name in ("coef_", "intercept_"):  # of an earlier fit
            self.__dict__.pop(name, None)
        if chosen.model is not None:
            self.coef_, self.intercept_ = chosen.model.coef[:, 0], float(chosen.model.intercept[0])

    def _negatives(self, count: int, positives: I64, rng: np.random.Generator) -> I64:
        """Random pairs that are neither edges of the graph nor to be learned."""
        g = self.graph_
        known = g if g.has_edges(*positives).all() else g.with_edges(np.concatenate([g.edges(), positives], axis=1))
        sampling = self.negative_sampling_
        return sample_non_edges(known, count, rng=rng, sampling=sampling, distinct=sampling == "uniform")

    def _columns(self, pairs: I64) -> Columns:
        return Columns(self.graph_, self.embedding_, self._lengths, pairs, self.n_jobs)

    def _values(self, fitted: list[Fitted], valid: I64, valid_neg: I64) -> list[float]:
        """The metric of several methods on the validation pairs."""
        positive, negative = self._scores(fitted, valid), self._scores(fitted, valid_neg.reshape(2, -1))
        names = [self.metric_]
        return [
            link_metrics(one, other.reshape(valid_neg.shape[1:]), names)[self.metric_]
            for one, other in zip(positive, negative, strict=True)
        ]

    def _scores(self, fitted: list[Fitted], pairs: I64) -> F32:
        """Scores by several methods, float32 of shape (len(fitted), num_pairs)."""
        out = np.empty((len(fitted), pairs.shape[1]), dtype=np.float32)
        size = max(1, _CHUNK // self.embedding_.shape[1])
        for start in range(0, pairs.shape[1], size):
            columns = self._columns(pairs[:, start : start + size])
            of, X = "", np.empty((0, 0), dtype=np.float32)  # the columns of a method serve all its penalties
            for row, (name, _, model) in zip(out, fitted, strict=True):
                if model is None:
                    row[start : start + size] = columns.untrained(name)
                    continue
                if name != of:
                    of, X = name, columns.of(METHODS[name])
                coef, intercept = model.coef[:, 0].astype(np.float32), np.float32(model.intercept[0])
                # einsum sums each row by itself; the rounding of a matrix product may depend on the place in the batch
                row[start : start + size] = np.einsum("ij,j->i", X, coef) + intercept
        return out

    def _embed(self, graph: Graph) -> None:
        given = self.embedding
        if hasattr(given, "fit_transform"):
            self.embedder_ = clone(given)
            vectors = as_vectors(self.embedder_.fit_transform(graph))
        else:
            vectors = as_vectors(aligned(given, graph.node_index, "embedding"))
        if len(vectors) != graph.num_nodes:
            raise ValueError(
                f"embedding must have a row per node of graph, {graph.num_nodes}; got {len(vectors)} rows."
            )
        self.embedding_ = np.ascontiguousarray(vectors, dtype=np.float32)
        self._lengths = _lengths(self.embedding_)

    def _saved_params(self) -> dict[str, Any]:
        params = super()._saved_params()
        if not hasattr(self.embedding, "fit_transform"):
            params["embedding"] = None  # the fitted vectors, which the file holds once
        return params

    def _state(self) -> dict[str, Any]:
        names = ("operator_", "C_", "negative_sampling_", "metric_", "validation_", "coef_", "intercept_", "embedder_")
        return {name: getattr(self, name) for name in names if hasattr(self, name)} | {
            "graph_": packed_graph(self.graph_)
        }

    def _restore(self, state: dict[str, Any]) -> None:
        graph, vectors = unpacked_graph(state["graph_"]), state["embedding_"]
        if vectors.ndim != 2 or len(vectors) != graph.num_nodes:
            raise ValueError("graph and vectors differ in size")
        super()._restore(state | {"graph_": graph})
        self._lengths = _lengths(vectors)
        if self.C_ is not None:
            columns = self._columns(np.zeros((2, 0), dtype=np.int64)).of(METHODS[self.operator_])
            if self.coef_.shape != columns.shape[1:]:
                raise ValueError("coefficients and columns differ in number")
        if self.embedding is None:
            self.embedding = NodeVectors(vectors, graph.nodes)


def _lengths(X: F32) -> F32:
    """Lengths of the vectors; 1 for zero vectors, so that they can be divided by."""
    length = np.linalg.norm(X, axis=1)
    return np.asarray(np.where(length > 0, length, np.float32(1)))
