"""How well scores of pairs, or vectors of nodes, separate edges from other pairs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from graphrep._arrays import as_vectors
from graphrep._names import NodeIndex, aligned, as_pairs, names_of
from graphrep._random import resolve_seed
from graphrep._threads import limited_threads
from graphrep.datasets.splits import refuse_overlap
from graphrep.evaluate.checks import I64, as_scores, refuse_leaks, warn_of_edges
from graphrep.evaluate.logistic import LinearScorer, fit_one_vs_rest
from graphrep.evaluate.metrics import check_metrics, link_metrics, refuse_constant, usual_metrics
from graphrep.evaluate.tables import Row, format_table
from graphrep.graph import Graph, as_graph
from graphrep.heuristics.non_edges import sample_non_edges

__all__ = ["LinkPrediction", "edge_features", "link_prediction"]

Reals = npt.NDArray[Any]
PairScorer = Callable[[I64], Any]

LEARNED = ("average", "hadamard", "l1", "l2")
UNTRAINED = ("dot", "cosine")
STRENGTHS = (0.01, 0.1, 1.0, 10.0, 100.0)  # of the penalty that validation edges choose from
_CHUNK = 1 << 22  # floats of edge features held at once


@dataclass(frozen=True, repr=False)
class LinkPrediction:
    """Metrics of one scorer on one part of a split; ``result["auc"]`` gives one of them.

    Attributes
    ----------
    scores : mapping of str to float
        Value of each metric.
    method : str
        How pairs were scored, in words.
    part : str
        "test" or "valid".
    num_pos, num_neg : int
        Numbers of edges and of other pairs.
    """

    scores: Mapping[str, float]
    method: str
    part: str
    num_pos: int
    num_neg: int

    def __getitem__(self, metric: str) -> float:
        return self.scores[metric]

    def row(self) -> Row:
        """Row of a table, under the number of pairs and the names of the metrics."""
        title = f"{self.part}: {self.num_pos} edges against {self.num_neg} other pairs"
        return Row(title, list(self.scores), [f"{value:.4f}" for value in self.scores.values()])

    def __repr__(self) -> str:
        title, header, cells = self.row()
        return format_table(["", *header], [[self.method, *cells]], title)


def link_prediction(
    scorer: Any,
    split: Any,
    *,
    part: str = "test",
    metrics: Sequence[str] | None = None,
    operator: str = "hadamard",
    C: float | Sequence[float] = STRENGTHS,
    max_train: int = 100_000,
    batch_size: int = 1 << 18,
    random_state: Any = 0,
    n_jobs: int | None = None,
) -> LinkPrediction:
    r"""Score the edges and the negatives of a split, and measure how well the scores separate them.

    Parameters
    ----------
    scorer : callable, object with ``score_pairs``, or vectors
        * A function that takes int64 pairs of row numbers, shape (2, num_pairs), and returns one score per pair, higher
          for likelier edges; or an object with such a method ``score_pairs``.
        * Node vectors, an array or tensor of shape (num_nodes, dimensions); or a :class:`graphrep.NodeVectors` or a
          pandas DataFrame, whose rows are matched with the nodes of ``split.full`` by name. ``operator`` turns them
          into scores.
    split : LinkSplit
        Or any object with ``train``, ``valid``, ``test`` of shape (2, num_edges) and ``valid_neg``, ``test_neg`` of
        shape (2, num_negatives), shared by all edges, or (2, num_edges, num_negatives), separate for each edge.
    part : {"test", "valid"}
    metrics : sequence of str, optional
        ``"hits@K"``, ``"mrr"``, ``"auc"``, ``"ap"``; see :func:`hits_at_k`, :func:`mrr`, :func:`roc_auc`
        and :func:`average_precision`. If each edge has its own negatives, only the first two are defined. Hits@K with
        fewer than K negatives is 1 for every scorer, and refused. Default: all that are defined, with K = 100 if there
        are that many negatives.
    operator : {"average", "hadamard", "l1", "l2", "dot", "cosine"}
        How vectors become scores: by logistic regression on :func:`edge_features` (the first four), or without training
        by their inner product or cosine.
    C : float or sequence of float
        Inverse strengths of the L2 penalty to try, on standardized features. The one with the best AUC on ``valid`` is
        kept, among equals the strongest penalty; without validation edges C must be one number. Test edges are not
        used.
    max_train : int
        Upper bound on the number of training edges for the logistic regression, which are sampled if there are more. As
        many pairs without a training edge are drawn as negatives.
    batch_size : int
        Number of pairs that a callable gets at once. Scores should not depend on it.
    random_state : int, RandomState, Generator or None
        For the training sample.
    n_jobs : int or None
        Threads of the logistic regression; None leaves the settings of the libraries unchanged.

    Returns
    -------
    LinkPrediction

    Raises
    ------
    ValueError
        An unknown option, an empty part, scores of the wrong shape, or NaN among the scores; a node without vector; a
        hidden edge among the training edges of the split, or in the graph that ``scorer`` was fitted to.
    IndexError
        A pair refers to a row that the vectors do not have.

    Warns
    -----
    UserWarning
        Negatives of the split are edges of its graph.

    Notes
    -----
    Apart from the scores, memory is bounded by ``max_train * dimensions`` floats for the fit and by a fixed chunk of
    edge features for scoring.

    References
    ----------
    Grover, Leskovec: node2vec, KDD 2016, section 4.7 and table 1, for the operators. The paper does not name its
    classifier.

    Examples
    --------
    >>> import networkx as nx
    >>> import graphrep as gr
    >>> split = gr.evaluate.random_link_split(nx.karate_club_graph(), test=0.3)
    >>> gr.evaluate.link_prediction(
    ...     lambda pairs: gr.heuristics.resource_allocation(split.graph, pairs), split, metrics=["hits@5", "auc"]
    ... )
    test: 23 edges against 23 other pairs
                        hits@5     auc
    ----------------------------------
    score of each pair  0.4783  0.6730
    """
    pos, neg = split_pairs(split, part)
    names = usual_metrics(neg.shape[1:]) if metrics is None else check_metrics(metrics)
    refuse_constant(names, neg.shape[1:])
    if neg.ndim == 3 and {"auc", "ap"} & set(names):
        raise ValueError(
            f"metrics must be mrr or hits@K where each edge has its own negatives; {part}_neg has shape {neg.shape}."
        )
    options = {"operator": operator, "C": C, "max_train": max_train, "batch_size": batch_size}
    with limited_threads(n_jobs):
        y_pos, y_neg, method = split_scores(scorer, split, part, seed=resolve_seed(random_state), **options)
    values = link_metrics(y_pos, y_neg, names)
    return LinkPrediction(MappingProxyType(values), method, part, pos.shape[1], y_neg.shape[-1])


def split_pairs(split: Any, part: str) -> tuple[I64, I64]:
    """Edges of a part, shape (2, num_edges), and its negatives, (2, num_neg) or (2, num_edges, num_neg)."""
    if part not in ("test", "valid"):
        raise ValueError(f"part must be test or valid, got {part!r}.")
    index = index_of(split)
    pos = as_pairs(getattr(split, part), index, name=part)
    return pos, as_pairs(getattr(split, f"{part}_neg"), index, name=f"{part}_neg")


def split_scores(scorer: Any, split: Any, part: str, *, seed: int, **options: Any) -> tuple[Reals, Reals, str]:
    """Scores of the edges and of the negatives of a part, in their shapes, and in words how they were made."""
    pos, neg = split_pairs(split, part)
    check_split(split, part, pos, neg, getattr(scorer, "graph_", None))
    score, method = pair_scorer(scorer, split, seed=seed, **options)
    of_negatives = score(neg.reshape(2, -1)).reshape(neg.shape[1:])
    return score(pos), of_negatives, method


def edge_features(vectors: npt.ArrayLike, pairs: npt.ArrayLike, operator: str = "hadamard") -> Reals:
    r"""Combine the vectors a and b of the two ends of each pair componentwise.

    =============  ======================
    ``average``    :math:`(a + b) / 2`
    ``hadamard``   :math:`a \cdot b`
    ``l1``         :math:`|a - b|`
    ``l2``         :math:`(a - b)^2`
    =============  ======================

    Parameters
    ----------
    vectors : array or tensor of shape (num_nodes, dimensions)
    pairs : int array of shape (2, num_pairs)
    operator : {"average", "hadamard", "l1", "l2"}

    Returns
    -------
    float32 or float64 array of shape (num_pairs, dimensions)
        All are symmetric in the two ends.

    Raises
    ------
    ValueError
        An unknown operator, or vectors or pairs of another shape.
    IndexError
        A row number outside [0, num_nodes).

    References
    ----------
    Grover, Leskovec: node2vec, KDD 2016, table 1.

    Examples
    --------
    >>> from graphrep.evaluate import edge_features
    >>> edge_features([[1.0, 2.0], [3.0, -1.0]], [[0], [1]], "l2").tolist()
    [[4.0, 9.0]]
    """
    if operator not in LEARNED:
        raise ValueError(f"operator must be one of {', '.join(LEARNED)}; got {operator!r}.")
    X, names = as_vectors(vectors), names_of(vectors)
    return _combine(X, as_pairs(pairs, NodeIndex(names, len(X))), operator)


def index_of(split: Any) -> NodeIndex | None:
    """Names and rows of the nodes of a split; None if it has no graph."""
    graph = getattr(split, "full", None)
    graph = getattr(split, "graph", None) if graph is None else graph
    index: NodeIndex | None = getattr(graph, "node_index", None)
    return index


def check_split(split: Any, part: str, pos: I64, neg: I64, fitted: Graph | None) -> None:
    """Refuse hidden edges that were trained on; warn of negatives that are edges."""
    repeats = bool(getattr(split, "attributes", None))  # the same pair may be an edge in several years
    train = as_pairs(getattr(split, "train", np.zeros((2, 0), dtype=np.int64)), index_of(split), name="train")
    if fitted is not None:
        refuse_leaks(fitted, pos, train, part, repeats=repeats)
    full = getattr(split, "full", None)
    if not isinstance(full, Graph):
        return
    if not repeats and train.size and pos.size:
        refuse_overlap("the split", {"train": train, part: pos}, directed=full.directed)
    if neg.ndim == 2:
        warn_of_edges(full, neg, f"{part} negatives")


def pair_scorer(
    scorer: Any,
    split: Any,
    *,
    operator: str,
    seed: int,
    C: float | Sequence[float] = STRENGTHS,
    max_train: int = 100_000,
    batch_size: int = 1 << 18,
) -> tuple[PairScorer, str]:
    """Turn a scorer into a function of pairs, with a logistic regression if it needs one; and describe it in words."""
    if batch_size < 1:
        raise ValueError(f"batch_size must be positive, got {batch_size}.")
    call = getattr(scorer, "score_pairs", scorer)
    if callable(call):
        return lambda pairs: _batched(call, pairs, batch_size), "score of each pair"
    X = as_vectors(aligned(scorer, index_of(split), "vectors"))
    if operator in UNTRAINED:
        return untrained_scorer(X, operator), f"{operator} of the vectors"
    if operator not in LEARNED:
        raise ValueError(f"operator must be one of {', '.join(LEARNED + UNTRAINED)}; got {operator!r}.")
    model, strength = fit_operator(X, split, operator, C, max_train, seed)
    return linear_scorer(X, operator, model), f"logistic regression on {operator} features, C={strength:g}"


def fit_operator(
    X: Reals,
    split: Any,
    operator: str,
    C: float | Sequence[float],
    max_train: int,
    seed: int,
) -> tuple[LinearScorer, float]:
    """Fit on training edges and as many other pairs; choose C on validation edges by AUC."""
    strengths = np.atleast_1d(np.asarray(C, dtype=np.float64))
    if not len(strengths) or not (strengths > 0).all():
        raise ValueError(f"C must be positive, got {strengths.tolist()}.")
    train = as_pairs(split.train, len(X), name="train")
    if not train.shape[1] or max_train < 1:
        raise ValueError(f"logistic regression needs training edges, got {train.shape[1]} and max_train={max_train}.")
    rng = np.random.default_rng(seed)
    chosen = rng.permutation(train.shape[1])[:max_train]
    known = as_graph((train[0], train[1]), num_nodes=len(X))  # features do not depend on the order of the ends
    others = sample_non_edges(known, len(chosen), rng=rng)
    features = _combine(X, np.concatenate([train[:, chosen], others], axis=1), operator)
    labels = np.arange(len(features))[:, None] < len(chosen)
    if len(strengths) == 1:
        return fit_one_vs_rest(features, labels, float(strengths[0]), standardize=True), float(strengths[0])
    valid, valid_neg = as_pairs(split.valid, name="valid"), as_pairs(split.valid_neg, name="valid_neg")
    if not valid.size or not valid_neg.size:
        raise ValueError("C must be one number if the split has no validation edges or negatives.")
    best: tuple[float, LinearScorer, float] | None = None
    for strength in np.sort(strengths).tolist():
        model = fit_one_vs_rest(features, labels, strength, standardize=True)
        score = linear_scorer(X, operator, model)
        y_neg = score(valid_neg.reshape(2, -1))
        value = link_metrics(score(valid), y_neg, ["auc"])["auc"]
        if best is None or value > best[0]:
            best = value, model, strength
    assert best is not None
    return best[1], best[2]


def linear_scorer(X: Reals, operator: str, model: LinearScorer) -> PairScorer:
    coef, intercept = model.coef[:, 0].astype(X.dtype), X.dtype.type(model.intercept[0])

    def score(pairs: I64) -> Reals:
        # einsum sums each row by itself; the rounding of a matrix product may depend on a row's place in the batch
        return np.asarray(np.einsum("ij,j->i", _combine(X, pairs, operator), coef) + intercept)

    return lambda pairs: _batched(score, as_pairs(pairs, len(X)), max(1, _CHUNK // max(1, X.shape[1])))


def untrained_scorer(X: Reals, operator: str) -> PairScorer:
    if operator == "cosine":
        length = np.linalg.norm(X, axis=1, keepdims=True)
        X = X / np.where(length > 0, length, 1)

    def score(pairs: I64) -> Reals:
        return np.asarray(np.einsum("ij,ij->i", X[pairs[0]], X[pairs[1]]))

    return lambda pairs: _batched(score, as_pairs(pairs, len(X)), max(1, _CHUNK // max(1, X.shape[1])))


def _combine(X: Reals, pairs: I64, operator: str) -> Reals:
    a, b = X[pairs[0]], X[pairs[1]]
    if operator == "hadamard":
        a *= b
    elif operator == "average":
        a += b
        a *= a.dtype.type(0.5)
    else:
        a -= b
        np.abs(a, out=a) if operator == "l1" else np.square(a, out=a)
    return np.asarray(a)


def _batched(score: PairScorer, pairs: I64, size: int) -> Reals:
    """Scores of all pairs in batches; one real number per pair, never NaN."""
    parts = []
    for start in range(0, pairs.shape[1], size):
        batch = pairs[:, start : start + size]
        part = as_scores("scores", score(batch))
        if part.shape not in ((batch.shape[1],), (batch.shape[1], 1)):
            raise ValueError(f"the scorer must return one score per pair, shape ({batch.shape[1]},); got {part.shape}.")
        parts.append(part.reshape(-1))
    return np.concatenate(parts) if parts else np.zeros(0)
