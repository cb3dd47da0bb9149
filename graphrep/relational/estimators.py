"""Estimators of knowledge graphs: ComplEx, DistMult, RotatE and TransE."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch
from sklearn.utils.validation import check_is_fitted

from graphrep._checks import checked_float, checked_int, warn_caller
from graphrep._embedder import plain_settings
from graphrep._estimator import LoopEstimator
from graphrep._names import NodeIndex, node_keys
from graphrep._saving import SavedEstimator
from graphrep._threads import limited_threads
from graphrep._triples import Vocabulary, is_typed_graph, vocabulary_of
from graphrep.distributed.ranks import Ranks, checked_ranks
from graphrep.distributed.training import SharedTraining
from graphrep.evaluate.ranking import KnownTriples, Ranking, ranking
from graphrep.learn.loop import Loop
from graphrep.learn.stopping import BestMetric
from graphrep.ops.ranking import RankCounts
from graphrep.relational.factorization import RowAdagrad, TripleModel, TripleTask
from graphrep.relational.rules import rule_rows

if TYPE_CHECKING:
    from typing_extensions import Self

    from graphrep.vectors import NodeVectors

__all__ = ["ComplEx", "DistMult", "RotatE", "TransE", "TripleEstimator", "TripleScorer", "checked_side", "names_of"]

F32 = npt.NDArray[np.float32]
I64 = npt.NDArray[np.int64]

_BLOCK = 1 << 16  # triples scored at a time
_COMPARED, _SAMPLED = 10_000, 1000  # entities up to which a query is compared with all, and that are drawn else


class TripleScorer(SavedEstimator):
    """Base class of what ranks the missing ends of triples: a subclass scores all entities at the place of one."""

    if TYPE_CHECKING:
        vocabulary_: Vocabulary
        triples_: I64
        entities_: npt.NDArray[Any]
        relations_: npt.NDArray[Any]

    def score_candidates(self, triples: Any, side: str) -> npt.NDArray[np.floating[Any]]:
        """Scores of all entities at the place of the missing ``side``, of shape (num_triples, num_entities).

        Triples are numbers of ``entities_`` and ``relations_`` here; what stands at the missing side does not matter.
        """
        raise NotImplementedError

    def rank(self, triples: Any, *, known: Sequence[Any] = (), sides: Sequence[str] = ("head", "tail")) -> Ranking:
        """Filtered ranks of triples among all entities: :func:`graphrep.evaluate.ranking` of this estimator.

        Parameters
        ----------
        triples : triples
        known : sequence of triples
            Usually ``[train, valid, test]``.
        sides : sequence of {"head", "tail"}

        Returns
        -------
        Ranking
            A mapping with "mrr", "hits@1", "hits@3", "hits@10", "mean_rank", "mrr_optimistic" and "mrr_pessimistic";
            its attributes ``sides`` and ``relations`` hold the same for each side and relation.
        """
        return ranking(self, triples, known=known, sides=sides)

    def predict(
        self, *, head: Any = None, relation: Any = None, tail: Any = None, k: int = 10, new: bool = True
    ) -> list[tuple[Any, float]]:
        """The likeliest entities at the side of a triple that is left out.

        Parameters
        ----------
        head, tail : name
            One of them; the other is what is predicted.
        relation : name
        k : int
            At most this many entities.
        new : bool
            Leave out those that make a training triple.

        Returns
        -------
        list of (name, score)
            From the highest score on; of equal scores, the entity with the smaller number comes first.

        Raises
        ------
        ValueError
            Both or neither of ``head`` and ``tail``, or no ``relation``.
        KeyError
            An entity or relation that was not fitted.
        """
        check_is_fitted(self, "triples_")
        if (head is None) == (tail is None) or relation is None:
            raise ValueError("predict needs a relation and either a head or a tail.")
        k = checked_int("k", k, 1)
        side, given = ("head", tail) if head is None else ("tail", head)
        kind = self.vocabulary_.relation_row(relation)
        entity = int(self.vocabulary_.entity_rows([given], side)[0])
        triple = np.array([[entity, kind, entity]])
        scores = self.score_candidates(triple, side)[0]
        order = np.argsort(-scores, kind="stable")
        if new:
            order = order[~np.isin(order, KnownTriples(self.triples_).lists(triple, side)[1])]
        names = self.entities_[order[:k]].tolist()
        return list(zip(names, scores[order[:k]].tolist(), strict=True))


@dataclass(kw_only=True, eq=False, repr=False)
class TripleEstimator(LoopEstimator, TripleScorer):
    """Base class of the estimators of triples; a subclass says how vectors are combined."""

    dimensions: int = 50
    learning_rate: float = 0.1
    batch_size: int = 500
    num_negatives: Any = "auto"
    init_scale: Any = 1e-3
    patience: int | None = 10
    epochs: Any = 100

    _kind = ""
    _whole = True  # whether the loss may compare with all entities

    def _options(self, words: Vocabulary) -> dict[str, Any]:
        """Options of the task."""
        del words
        return {}

    def fit(
        self,
        triples: Any,
        y: Any = None,
        *,
        val: Any = None,
        entities: Any = None,
        relations: Any = None,
        ranks: Ranks | None = None,
    ) -> Self:
        """Train on triples (head, relation, tail).

        Parameters
        ----------
        triples : int array of shape (num_triples, 3), names, or a graph with types of edges
            Columns head, relation, tail. Integers are numbers from 0; names are a list of tuples, an array of strings,
            or a table with columns of these names. A graph gives its arcs, with the names of its nodes and of its types
            of edges. Where names are integers, as those of nodes may be, integers are names in every method.
        y : ignored
        val : triples, optional
            Validation triples, which select the epoch and stop the training. Their ranks are filtered by themselves and
            the training triples; test triples play no part.
        entities, relations : int or sequence of names, optional
            All entities and relations, where some occur in neither; the test triples may only have these. Default:
            those of ``triples`` and ``val``.
        ranks : Ranks, optional
            Of :func:`graphrep.distributed.connect`: each computes the gradient of a share of the queries of every
            batch, and ranks a share of the validation triples. All call ``fit`` with the same arguments, which is
            checked, and get the same model, that of one process up to the rounding of sums. The first one writes the
            checkpoint, calls the callbacks and shows progress.

        Returns
        -------
        self

        Raises
        ------
        RankError
            Another rank failed.
        ValueError, TypeError, IndexError, KeyError
            No triples, or one that is misshapen or unknown; a setting out of range; or the ranks disagree.
        """
        del y
        ranks = checked_ranks(ranks)
        with ranks.together():
            return self._fit(triples, val, entities, relations, ranks)

    def _fit(self, triples: Any, val: Any, entities: Any, relations: Any, ranks: Ranks) -> Self:
        self._check()
        if getattr(triples, "weights", None) is not None:
            warn_caller(f"{type(self).__name__} counts each triple once and does not use the weights of the graph.")
        parts = {"triples": triples} | ({} if val is None else {"val": val})
        words = vocabulary_of(parts, entities, relations)
        rows = np.unique(words.rows(triples), axis=0)
        if not len(rows):
            raise ValueError("triples must hold at least one triple, got none.")
        held_out = None if val is None else words.rows(val, "val")
        if held_out is not None and not len(held_out):
            raise ValueError("val must hold at least one triple, got none; leave it out to train for all epochs.")
        named = relations is not None or is_typed_graph(triples)
        asked = np.arange(words.relations.num_nodes) if named else rows[:0, 1] if held_out is None else held_out[:, 1]
        self._warn_of_untrained(words, np.setdiff1d(asked, rows[:, 1]))
        with limited_threads(self.n_jobs):
            self._train(words, rows, held_out, ranks)
        return self

    def _warn_of_untrained(self, words: Vocabulary, missing: I64) -> None:
        """Name relations without a training triple, whose ranks would say nothing."""
        if len(missing):
            shown = ", ".join(map(repr, names_of(words.relations)[missing[:3]].tolist()))
            more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
            warn_caller(
                f"{type(self).__name__} has no triple of the relations {shown}{more} to learn from; ranks and scores "
                "of their triples are those of random vectors; add triples, or leave these relations out."
            )

    def fit_transform(self, triples: Any, y: Any = None, **options: Any) -> F32:
        """Train on triples; return the vectors of the entities, in the order of ``entities_``."""
        return self.fit(triples, y, **options).embedding_

    @property
    def node_vectors_(self) -> NodeVectors:
        """The vectors of the entities with their names: look-up, neighbors, saving."""
        from graphrep.vectors import NodeVectors

        check_is_fitted(self, "embedding_")
        settings = {"method": type(self).__name__, **plain_settings(self.get_params(deep=False))}
        return NodeVectors(self.embedding_, self.entities_, settings)

    @property
    def _width(self) -> int:
        """Length of the vector of an entity."""
        return int(self.dimensions) * (2 if self._kind in ("complex", "rotate") else 1)

    def _memory_needed(self, graph: Any) -> int:
        """Bytes that fitting allocates beside the graph, about: parameters, gradients and sums of their squares."""
        return (
            20 * self._width * int(graph.num_nodes + 2 * len(graph.edge_types)) + 96 * int(graph.num_arcs) + (8 << 20)
        )

    def _train(self, words: Vocabulary, rows: I64, val: I64 | None, ranks: Ranks) -> None:
        names = words.entities.names, words.relations.names
        sizes = {"num_entities": words.entities.num_nodes, "num_relations": words.relations.num_nodes}
        sizes["num_triples"] = len(rows)
        data = (rows, val, *names, words.entities.num_nodes, words.relations.num_nodes)
        checkpoint = self._open_checkpoint(*data, ranks=ranks, sizes=sizes)
        model = self._made(words, checkpoint.seed)
        if getattr(self, "nonnegative", False):
            with torch.no_grad():
                model.entities.abs_()
        negatives = self._negatives(words.entities.num_nodes)
        options: dict[str, Any] = {"batch_size": self.batch_size, "num_negatives": negatives, "ranks": ranks}
        options |= self._options(words)
        task = TripleTask(model, rows, val=val, **options)
        loop = Loop(
            model,
            task.loss,
            task.batches,
            RowAdagrad(model.parameters(), self.learning_rate),
            epochs=self.epochs,
            seed=checkpoint.seed,
            stop=None if val is None else BestMetric("mrr", self.patience),
            validate=None if val is None else task.validate,
            after_step=task.after_step,
            on_epoch=self._notify,
            max_seconds=self.max_seconds,
            checkpoint=checkpoint,
            together=SharedTraining(ranks) if ranks.world_size > 1 else None,
            progress=self.progress,
            name=type(self).__name__,
        )
        # Set before training, so that callbacks can use them.
        self.vocabulary_, self.triples_, self.model_, self.history_ = words, rows, model, loop.history
        self.entities_, self.relations_ = names_of(words.entities), names_of(words.relations)
        loop.run()
        self.history_, self.best_epoch_ = loop.history, loop.best_epoch
        self.num_parameters_ = sum(parameter.numel() for parameter in model.parameters())
        self._set_tables()
        if not loop.timed_out:
            checkpoint.remove()
        ranks.meet("the end of the fit")  # the next one finds no checkpoint, or the same

    def _made(self, words: Vocabulary, seed: int) -> TripleModel:
        keys = node_keys(words.entities.names), node_keys(words.relations.names)
        sizes = words.entities.num_nodes, words.relations.num_nodes, self.dimensions
        reciprocal, scale = getattr(self, "reciprocal", False), self._scale()
        model = TripleModel(self._kind, *sizes, reciprocal=reciprocal, scale=scale, seed=seed, keys=keys)
        return model.to(self._device(), torch.float32)

    def _negatives(self, num_entities: int) -> int | None:
        """Number of entities that a batch is compared with; None: all."""
        if self.num_negatives is None or self.num_negatives != "auto":
            return None if self.num_negatives is None else int(self.num_negatives)
        return None if num_entities <= _COMPARED else _SAMPLED

    def _scale(self) -> float:
        return float(self.init_scale)

    def _set_tables(self) -> None:
        self.embedding_: F32 = self.model_.entities.detach().cpu().numpy()
        self.relation_embedding_: F32 = self.model_.relations.detach().cpu().numpy()

    @torch.no_grad()
    def score(self, triples: Any, y: Any = None, *, side: str = "tail") -> F32:
        """Scores of triples, float32 of shape (num_triples,); higher is likelier.

        With ``reciprocal`` relations, a triple has one score as an answer to the query without tail, and another as an
        answer to the query without head: ``side`` says what is missing. Scores of different sides or models are not
        comparable. A score does not depend on the other triples.
        """
        del y
        check_is_fitted(self, "model_")
        rows, side = self.vocabulary_.rows(triples), checked_side(side)
        scores = np.empty(len(rows), dtype=np.float32)
        table = self.model_.entities
        for begin in range(0, len(rows), _BLOCK):
            block = rows[begin : begin + _BLOCK]
            answers = torch.from_numpy(np.ascontiguousarray(block[:, 0 if side == "head" else 2])).to(table.device)
            found = self.model_.score(self.model_.queries_of(block, side), table[answers])
            scores[begin : begin + _BLOCK] = found.cpu().numpy()
        return scores

    @torch.no_grad()
    def score_candidates(self, triples: Any, side: str) -> F32:
        """Scores of all entities at the place of the missing ``side``, float32 of shape (num_triples, num_entities).

        Triples are numbers of ``entities_`` and ``relations_`` here; what stands at the missing side does not matter.
        """
        check_is_fitted(self, "model_")
        queries = self.model_.queries_of(self.vocabulary_.numbers(triples), checked_side(side))
        scores = [self.model_.score(query, self.model_.entities).cpu().numpy() for query in torch.split(queries, 1)]
        return np.stack(scores) if scores else np.zeros((0, self.vocabulary_.entities.num_nodes), np.float32)

    def rank_counts(self, triples: Any, side: str, known: tuple[I64, I64]) -> RankCounts:
        """Counts of better and equal entities at the missing ``side``, without the ``known`` ones of each triple.

        Triples are numbers of ``entities_`` and ``relations_`` here.
        """
        check_is_fitted(self, "model_")
        with limited_threads(self.n_jobs):
            return self.model_.rank_counts(self.vocabulary_.numbers(triples), checked_side(side), known)

    def _check(self) -> None:
        self._check_training()
        for name in ("dimensions", "batch_size"):
            checked_int(name, getattr(self, name), 1)
        checked_float("learning_rate", self.learning_rate, 0.0, math.inf, exclusive=True)
        if self.patience is not None:
            checked_int("patience", self.patience, 1)
        if self.num_negatives is None or isinstance(self.num_negatives, str):
            if not self._whole or self.num_negatives not in (None, "auto"):
                auto = ', None or "auto"' if self._whole else f" for {type(self).__name__}"
                raise ValueError(f"num_negatives must be a number{auto}, got {self.num_negatives!r}.")
        else:
            checked_int("num_negatives", self.num_negatives, 1)
        for name in ("regularization", "temperature", "rule_weight"):
            checked_float(name, getattr(self, name, 0.0), 0.0, math.inf)
        checked_float("margin", getattr(self, "margin", 0.0))
        checked_float("init_scale", self._scale() if self.init_scale is None else self.init_scale, 0.0, math.inf)

    def _state(self) -> dict[str, Any]:
        words = self.vocabulary_
        names = {"entities": words.entities.names, "relations": words.relations.names}
        sizes = [words.entities.num_nodes, words.relations.num_nodes]
        fitted = {name: getattr(self, name) for name in ("triples_", "history_", "best_epoch_", "num_parameters_")}
        return fitted | {"relation_embedding_": self.relation_embedding_, "_names": names, "_sizes": sizes}

    def _restore(self, state: dict[str, Any]) -> None:
        names, sizes = state.pop("_names"), state.pop("_sizes")
        words = Vocabulary(NodeIndex(names["entities"], sizes[0]), NodeIndex(names["relations"], sizes[1]))
        model = self._made(words, 0)
        tables = {"entities": state["embedding_"], "relations": state["relation_embedding_"]}
        for name, table in tables.items():
            if table.shape != tuple(getattr(model, name).shape):
                raise ValueError("vectors and names differ in number")
        model.load_state_dict({name: torch.from_numpy(np.array(table)) for name, table in tables.items()})
        words.rows(state["triples_"])
        self.vocabulary_, self.model_ = words, model
        self.entities_, self.relations_ = names_of(words.entities), names_of(words.relations)
        super()._restore(state)


@dataclass(kw_only=True, eq=False, repr=False)
class ComplEx(TripleEstimator):
    r"""Complex vectors of entities and relations, with the N3 penalty, reciprocal relations and a full softmax.

    .. math::
        s(h, r, t) = \mathrm{Re} \sum_{k=1}^{d} h_k r_k \bar t_k, \qquad
        L = \frac1B \sum_i \Bigl[ \log \sum_{c} e^{s(h_i, r_i, c)} - s(h_i, r_i, t_i)
        + \lambda \sum_k \bigl(|h_{ik}|^3 + |r_{ik}|^3 + |t_{ik}|^3\bigr) \Bigr]

    Each triple (h, r, t) also counts as (t, r', h) with a reciprocal relation r', so that a query always misses a tail.
    For each of the ``rules``, that b entails r with confidence c, the loss of a step also has

    .. math:: \mu c \sum_k \bigl[\max(0, \mathrm{Re}\, b_k - \mathrm{Re}\, r_k)
        + (\mathrm{Im}\, b_k - \mathrm{Im}\, r_k)^2\bigr],

    and as much for b' and r'. Where it is zero and entities are nonnegative, no triple (h, b, t) scores higher than
    (h, r, t). An inverse rule relates b with r' and b' with r; without ``reciprocal``, the conjugate of b with r.

    Parameters
    ----------
    dimensions : int
        Complex rank d; a vector has 2 d real entries.
    regularization : float
        :math:`\lambda`. Published with the full softmax: 0.1 for WN18RR, 0.05 for FB15k-237.
    reciprocal : bool
        Whether queries without head have relations of their own; else they use the conjugates.
    nonnegative : bool
        Keep real and imaginary parts of entities in [0, 1], which makes their vectors sparse and readable (Ding et
        al.); relations are free. Costs accuracy.
    rules : sequence of tuples (body, head[, confidence[, inverse]])
        Relations that entail others, such as ``("capital of", "lies in")``; ``inverse=True`` means that (h, body, t)
        entails (t, head, h). :func:`graphrep.relational.entailments` finds some. Needs ``nonnegative=True``.
    rule_weight : float
        :math:`\mu` of the rules.
    num_negatives : int, None or "auto"
        Compare a batch with this number of different entities, drawn uniformly, which it shares, and update only their
        rows. Each stands for num_entities / num_negatives entities in the sum of the softmax, which makes its mean that
        over all. None: compare with all entities. "auto": with all of up to 10,000 entities, else with 1,000.
    learning_rate : float
        Of Adagrad.
    batch_size : int
        Number of queries in a step; a triple makes two. Every step of the full softmax updates all entities, so that
        small batches are slow.
    init_scale : float
        Entries are initially uniform in [-init_scale, init_scale].
    patience : int, optional
        Stop after this number of epochs without a better validation MRR; None: never.
    epochs : int
        Upper bound on the number of epochs. 0 keeps the vectors as they were drawn, which know nothing of the triples.
    max_seconds : float, optional
        Start no epoch but the first after this time.
    checkpoint : path, optional
        File to which the state is saved after every epoch and from which an interrupted fit resumes.
    callbacks : sequence of callable
        Called after every epoch with (epoch, record, estimator). One that returns True ends the training.
    device : str, optional
        Default: the CPU.
    n_jobs : int, optional
        Number of threads. Default: torch's.
    random_state : int, RandomState, Generator or None
    progress : bool, optional

    Attributes
    ----------
    embedding_ : float32 array of shape (num_entities, 2 d)
        Real, then imaginary parts.
    relation_embedding_ : float32 array of shape (num_relations, 2 d)
        With ``reciprocal``, (2 num_relations, 2 d): the reciprocal relations come last.
    entities_, relations_ : arrays
        Names, in the order of the rows.
    history_ : list of dict
        Per epoch: the loss, and "mrr" of the validation triples.
    best_epoch_ : int
        Epoch whose parameters are used, from 1: the one with the best validation MRR, or the last.
    triples_ : int64 array of shape (num_triples, 3)
        Training triples, each once.
    model_ : torch.nn.Module
    vocabulary_ : object
    num_parameters_ : int

    Notes
    -----
    An epoch of the full softmax takes three products of 4 num_triples * num_entities * d multiplications each; with
    40,943 entities (WN18RR) and d = 25, about 100 s on one core, against 2 s with ``num_negatives=1000``. Memory: five
    times the parameters, and 8 MB of scores. On WN18RR, 25 dimensions with ``regularization=0.1`` reach a test MRR of
    .437 in 45 epochs, and 100 dimensions .461 in as many (published for the full softmax: .44 and .47). The guide about
    graphs with types has a table.

    References
    ----------
    Trouillon et al. Complex Embeddings for Simple Link Prediction. ICML 2016. Lacroix, Usunier, Obozinski. Canonical
    Tensor Decomposition for Knowledge Base Completion. ICML 2018, sections 3 to 5. Ding et al. Improving Knowledge
    Graph Embedding Using Simple Constraints. ACL 2018, sections 3.2 to 3.4, for ``nonnegative`` and ``rules``.

    Examples
    --------
    >>> import graphrep as gr
    >>> triples = [(f"city {i}", "next to", f"city {i + 1}") for i in range(20)]
    >>> model = gr.ComplEx(dimensions=8, epochs=20).fit(triples)
    >>> model.score([("city 3", "next to", "city 4")]).shape
    (1,)
    >>> len(model.predict(head="city 3", relation="next to", k=2))
    2
    """

    learning_rate: float = 0.3
    batch_size: int = 2000
    regularization: float = 0.05
    reciprocal: bool = True
    nonnegative: bool = False
    rules: Any = ()
    rule_weight: float = 0.01

    _kind = "complex"

    def _options(self, words: Vocabulary) -> dict[str, Any]:
        rules = rule_rows(self.rules, words, reciprocal=self.reciprocal)
        if rules is not None and not self.nonnegative:
            raise ValueError("rules need nonnegative=True, without which they do not order the scores of triples.")
        options = {"regularization": self.regularization, "nonnegative": self.nonnegative}
        return options | {"rules": rules, "rule_weight": float(self.rule_weight)}


@dataclass(kw_only=True, eq=False, repr=False)
class DistMult(ComplEx):
    r"""Real vectors of entities and relations, trained like :class:`ComplEx`.

    .. math:: s(h, r, t) = \sum_{k=1}^{d} h_k r_k t_k

    Without ``reciprocal`` the score is symmetric in h and t. A vector has ``dimensions`` entries.
    Parameters and attributes as in :class:`ComplEx`.

    References
    ----------
    Yang et al. Embedding Entities and Relations for Learning and Inference in Knowledge Bases. ICLR 2015, section 3.

    Examples
    --------
    >>> import graphrep as gr
    >>> triples = [(f"city {i}", "next to", f"city {i + 1}") for i in range(20)]
    >>> gr.DistMult(dimensions=8, epochs=5).fit(triples).embedding_.shape
    (21, 8)
    """

    _kind = "distmult"


@dataclass(kw_only=True, eq=False, repr=False)
class RotatE(TripleEstimator):
    r"""Relations as rotations of complex vectors, with self-adversarial negatives.

    .. math::
        d(h, r, t) = \sum_{k=1}^{d} |h_k e^{i \theta_{rk}} - t_k|, \qquad
        L = -\tfrac12 \log \sigma(\gamma - d(h, r, t)) - \tfrac12 \sum_j p_j \log \sigma(d_j - \gamma), \qquad
        p_j \propto e^{-\alpha d_j}

    The score is -d. The negatives, uniformly drawn entities at the place of the tail or the head, are shared by a
    batch, whereas the authors draw some for each triple; true answers among them count as negatives. Parameters and
    methods that are not listed are those of :class:`ComplEx`.

    Parameters
    ----------
    dimensions : int
        Complex dimension d.
    margin : float
        :math:`\gamma`. Published: 6 for WN18RR, 9 for FB15k-237.
    temperature : float
        :math:`\alpha`. Published: 0.5 for WN18RR, 1 for FB15k-237.
    num_negatives : int
    init_scale : float, optional
        Default: (margin + 2) / dimensions, as in the authors' code.

    References
    ----------
    Sun et al. RotatE: Knowledge Graph Embedding by Relational Rotation in Complex Space. ICLR 2019, sections 3 and 4.

    Examples
    --------
    >>> import graphrep as gr
    >>> triples = [(f"city {i}", "next to", f"city {i + 1}") for i in range(20)]
    >>> gr.RotatE(dimensions=8, epochs=5, num_negatives=10).fit(triples).relation_embedding_.shape
    (1, 8)
    """

    margin: float = 6.0
    temperature: float = 1.0
    num_negatives: Any = 256
    init_scale: Any = None

    _kind = "rotate"
    _whole = False

    def _scale(self) -> float:
        return (self.margin + 2) / self.dimensions if self.init_scale is None else float(self.init_scale)

    def _options(self, words: Vocabulary) -> dict[str, Any]:
        del words
        return {"margin": self.margin, "temperature": self.temperature}


@dataclass(kw_only=True, eq=False, repr=False)
class TransE(RotatE):
    r"""Relations as translations, with the loss of :class:`RotatE`.

    .. math:: d(h, r, t) = \sum_{k=1}^{d} |h_k + r_k - t_k|

    A vector has ``dimensions`` real entries. Parameters and attributes as in :class:`RotatE`.

    References
    ----------
    Bordes et al. Translating Embeddings for Modeling Multi-relational Data. NeurIPS 2013, section 2.

    Examples
    --------
    >>> import graphrep as gr
    >>> triples = [(f"city {i}", "next to", f"city {i + 1}") for i in range(20)]
    >>> gr.TransE(dimensions=8, epochs=5, num_negatives=10).fit(triples).relation_embedding_.shape
    (1, 8)
    """

    _kind = "translate"


def names_of(index: NodeIndex) -> npt.NDArray[Any]:
    """Names of entities or relations, which are numbers if they have no others."""
    return np.arange(index.num_nodes) if index.names is None else index.names


def checked_side(side: str) -> str:
    """The side that is missing, head or tail."""
    if side not in ("head", "tail"):
        raise ValueError(f"side must be head or tail, got {side!r}.")
    return side
