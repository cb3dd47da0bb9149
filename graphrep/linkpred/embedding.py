"""Link prediction with node vectors, an edge operator and a logistic regression."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from sklearn.base import clone
from sklearn.utils.validation import check_is_fitted

from graphrep._arrays import as_vectors
from graphrep._checks import checked_int
from graphrep._names import aligned, as_pairs
from graphrep._random import resolve_seed
from graphrep._saving import SavedEstimator, packed_graph, unpacked_graph
from graphrep._threads import limited_threads
from graphrep.evaluate.link_prediction import LEARNED, UNTRAINED, fit_operator, linear_scorer, untrained_scorer
from graphrep.evaluate.logistic import LinearScorer
from graphrep.evaluate.metrics import check_metrics, refuse_constant
from graphrep.graph import Graph, as_graph
from graphrep.heuristics.non_edges import check_sampling
from graphrep.linkpred._validation import checked_validation
from graphrep.vectors import NodeVectors

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["EmbeddingScorer"]

F32 = npt.NDArray[np.float32]


@dataclass(eq=False, repr=False)
class EmbeddingScorer(SavedEstimator):
    r"""Score pairs of nodes with an embedding, an edge operator and a logistic regression.

    The operator combines the vectors a and b of the two ends into features :math:`f(a, b)`, and the score is the logit
    :math:`w^\top f(a, b) + c`. The regression is trained on standardized features of the edges and of an equal number
    of random pairs without an edge, with the penalty that is best on validation pairs. The interface is that of
    :class:`NCN`.

    Parameters
    ----------
    embedding : estimator, array of shape (num_nodes, dimensions), NodeVectors or DataFrame
        An embedder such as :class:`graphrep.FastRP` or :class:`graphrep.Node2Vec`, which is cloned and fitted to the
        graph; or vectors, which must not depend on the validation edges. Vectors with names are matched with the nodes
        of the graph by name.
    operator : {"hadamard", "average", "l1", "l2", "dot", "cosine"}
        The first four are those of :func:`graphrep.evaluate.edge_features`. The last two are scores without a
        regression.
    C : float or sequence of float, optional
        Inverse strengths of the L2 penalty to try; several values need validation pairs. Default: the best of 0.01,
        0.1, 1, 10 and 100 with validation pairs, 1 without.
    metric : str
        Metric for the choice of C: "auc", "ap", "mrr" or "hits@K". Of equally good values, the strongest penalty is
        used.
    max_train : int
        Upper bound on the number of edges for the logistic regression; a random sample is used if there are more.
    negative_sampling : {"uniform", "degree"}
        Distribution of the ends of random pairs: uniform or proportional to degree; see :class:`GAE`.
    random_state : int, RandomState, Generator or None
        For the sample and the negatives; independent of that of the embedder.
    n_jobs : int or None
        Threads of the logistic regression, independent of those of the embedder; None keeps the settings of the
        libraries.

    Attributes
    ----------
    embedding_ : float32 array of shape (num_nodes, dimensions)
    embedder_ : estimator
        The fitted clone, if ``embedding`` is an estimator.
    C_ : float
        The chosen value; absent with "dot" and "cosine".
    graph_ : Graph
        The graph it was fitted to.
    coef_ : float64 array of shape (dimensions,)
    intercept_ : float

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
    """

    embedding: Any
    _: KW_ONLY
    operator: str = "hadamard"
    C: float | Sequence[float] | None = None
    metric: str = "auc"
    max_train: int = 100_000
    negative_sampling: str = "uniform"
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
            Validation pairs for the choice of C: ``valid`` and ``valid_neg`` of a LinkSplit.

        Returns
        -------
        self

        Raises
        ------
        ValueError, IndexError, TypeError
            A setting or a pair is out of range, the number of vectors differs from that of nodes, there are several
            values of C without ``val``, or the graph contains validation edges.
        """
        g = as_graph(graph)
        if self.operator not in LEARNED + UNTRAINED:
            raise ValueError(f"operator must be one of {', '.join(LEARNED + UNTRAINED)}; got {self.operator!r}.")
        check_metrics([self.metric])
        checked_int("max_train", self.max_train, 1)
        check_sampling("negative_sampling", self.negative_sampling)
        learned = self.operator in LEARNED
        positives = g.edges() if edges is None else as_pairs(edges, g, name="edges")
        positives = np.ascontiguousarray(positives[:, positives[0] != positives[1]])
        if learned and positives.shape[1] == 0:
            raise ValueError("edges must hold at least one edge that is not a self loop, got none.")
        valid, valid_neg = checked_validation(val, g, edges)
        strengths = ((0.01, 0.1, 1.0, 10.0, 100.0) if valid.size else 1.0) if self.C is None else self.C
        if learned and np.size(strengths) > 1 and not valid.size:
            raise ValueError(f"C must be one number without validation pairs, got {self.C!r}; pass val for several.")
        if valid.size:
            refuse_constant([self.metric], valid_neg.shape[1:])
        self.graph_ = g
        self._embed(g)
        if learned:
            parts = SimpleNamespace(train=positives, valid=valid, valid_neg=valid_neg)
            seed = resolve_seed(self.random_state)
            options: Any = {"metric": self.metric, "avoid": g.edges(), "sampling": self.negative_sampling}
            with limited_threads(self.n_jobs):
                model, self.C_ = fit_operator(
                    self.embedding_, parts, self.operator, strengths, self.max_train, seed, **options
                )
            self.coef_, self.intercept_ = model.coef[:, 0], float(model.intercept[0])
        return self

    def score_pairs(self, pairs: Any) -> F32:
        """Float32 scores of pairs: row numbers of shape (2, num_pairs), or a list of pairs of names (u, v).

        Likelier edges have higher scores. A pair's score does not depend on the other pairs.
        """
        check_is_fitted(self, "embedding_")
        ends = as_pairs(pairs, self.graph_)
        if ends.ndim != 2:
            raise ValueError(f"pairs must have shape (2, num_pairs), got {ends.shape}.")
        if self.operator in UNTRAINED:
            score = untrained_scorer(self.embedding_, self.operator)
        else:
            model = LinearScorer(self.coef_[:, None], np.array([self.intercept_]))
            score = linear_scorer(self.embedding_, self.operator, model)
        return np.asarray(score(ends), dtype=np.float32)

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

    def _saved_params(self) -> dict[str, Any]:
        params = super()._saved_params()
        if not hasattr(self.embedding, "fit_transform"):
            params["embedding"] = None  # the fitted vectors, which the file holds once
        return params

    def _state(self) -> dict[str, Any]:
        names = ("C_", "coef_", "intercept_", "embedder_")
        return {name: getattr(self, name) for name in names if hasattr(self, name)} | {
            "graph_": packed_graph(self.graph_)
        }

    def _restore(self, state: dict[str, Any]) -> None:
        graph, vectors = unpacked_graph(state["graph_"]), state["embedding_"]
        if vectors.ndim != 2 or len(vectors) != graph.num_nodes:
            raise ValueError("graph and vectors differ in size")
        if self.operator in LEARNED and state["coef_"].shape != vectors.shape[1:]:
            raise ValueError("coefficients and vectors differ in size")
        super()._restore(state | {"graph_": graph})
        if self.embedding is None:
            self.embedding = NodeVectors(vectors, graph.nodes)
