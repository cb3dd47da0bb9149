"""RelEns: an ensemble of scorers of triples with weights of its own for each relation and side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt
from sklearn.base import clone
from sklearn.utils.validation import check_is_fitted

from graphrep._checks import checked_int, warn_caller
from graphrep._names import NodeIndex
from graphrep._random import resolve_seed
from graphrep._saving import SavedEstimator
from graphrep._threads import limited_threads
from graphrep._triples import Vocabulary, vocabulary_of
from graphrep.evaluate.ranking import SIDES, KnownTriples
from graphrep.relational.estimators import ComplEx, TripleScorer, checked_side, names_of
from graphrep.relational.untrained import TripleRule

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["RelationEnsemble"]

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]

RULES = ("degree", "symmetry")
_QUERIES = 16  # ranked at a time by every model
_STEP = 4096  # weights are multiples of 1 / _STEP and ranks of 1/2, so that all sums are exact


@dataclass(kw_only=True, eq=False, repr=False)
class RelationEnsemble(TripleScorer):
    r"""RelEns: weighted means of the ranks of several models, with weights for each relation and each missing side.

    With :math:`\rho_k(c)` the rank of entity c among all entities by model k, ties counted half,

    .. math:: s(c) = -\sum_k w_{r k}\, \rho_k(c).

    The weights of a relation r are those of the highest MRR on its validation triples out of each model alone, equal
    weights, and ``trials`` random ones, so that on validation no model is better than the ensemble.

    Parameters
    ----------
    models : sequence of estimators, "degree", "symmetry" and scorers, optional
        Fitted estimators of triples are used as they are, others are cloned and fitted with the validation triples; the
        rules are those of :func:`graphrep.relational.triple_baselines`. A scorer is an object with
        ``score_candidates(triples, side)`` on the numbers of ``entities_`` and ``relations_``, as for
        :func:`graphrep.evaluate.ranking`. Default: ``("degree", "symmetry", ComplEx())``.
    trials : int
        Number of random weights, log-uniform between 1/1000 and 1.
    min_triples : int
        A relation with fewer validation triples shares its weights with all such relations: those of the highest MRR on
        all validation triples that are not worse on those of these relations than the best model.
    random_state : int, RandomState, Generator or None
        Of the random weights.
    n_jobs : int, optional
        Number of threads of the models' products. Default: torch's.

    Attributes
    ----------
    weights_ : float64 array of shape (num_relations, 2, num_models)
        For queries that miss the head, and those that miss the tail; the largest of each is 1.
    models_ : list
        The fitted models, in the order of ``models``.
    model_mrr_ : float64 array of shape (num_models,)
        MRR of each model on the validation triples, filtered by them and the training triples.
    mrr_ : float
        The same of the ensemble, by whose choice it is too high for other triples.
    entities_, relations_ : arrays
        Names, in the order of the rows.
    triples_ : int64 array of shape (num_triples, 3)
        Training triples, each once.
    vocabulary_ : object

    Notes
    -----
    A query takes num_models sorts of num_entities scores; fitting also compares the entities that a model puts before
    the answer under all weights, O(trials * num_models * num_entities) for each validation triple. The authors search
    300 weights per relation by a tree-structured Parzen estimator; of the relations without validation triples they
    weigh all models alike.

    References
    ----------
    Yue et al. Relation-aware Ensemble Learning for Knowledge Graph Embedding. EMNLP 2023, section 3.

    Examples
    --------
    >>> import graphrep as gr
    >>> triples = [(f"city {i}", "next to", f"city {i + 1}") for i in range(20)]
    >>> val = [(f"city {i + 1}", "next to", f"city {i}") for i in range(10)]
    >>> models = ["symmetry", gr.ComplEx(dimensions=8, epochs=5)]
    >>> model = gr.RelationEnsemble(models=models, trials=20)
    >>> bool(model.fit(triples, val=val).mrr_ >= model.model_mrr_.max())
    True
    >>> len(model.predict(head="city 3", relation="next to", k=2))
    2
    """

    models: Any = None
    trials: int = 200
    min_triples: int = 50
    random_state: Any = 0
    n_jobs: int | None = None

    _fitted_name: ClassVar[str] = "weights_"

    def fit(self, triples: Any, y: Any = None, *, val: Any, entities: Any = None, relations: Any = None) -> Self:
        """Fit the models that are not fitted, and choose the weights.

        Parameters
        ----------
        triples : triples
            Training triples, as for :meth:`graphrep.ComplEx.fit`; those by which the fitted models were trained.
        y : ignored
        val : triples
            Validation triples, which no model was trained on.
        entities, relations : int or sequence of names, optional
            As for :meth:`graphrep.ComplEx.fit`. Default: those of the fitted models, else of all triples.

        Returns
        -------
        self

        Raises
        ------
        ValueError, TypeError
            No models, or one that cannot score triples; models of different entities or relations; no triples.

        Warns
        -----
        UserWarning
            A fitted model was trained on validation triples, and gets too much weight.
        """
        del y
        checked_int("trials", self.trials, 0)
        checked_int("min_triples", self.min_triples, 1)
        given = self._given()
        fitted = [model for model in given if isinstance(model, TripleScorer) and hasattr(model, "vocabulary_")]
        if fitted:
            words: Vocabulary = fitted[0].vocabulary_
        else:
            words = vocabulary_of({"triples": triples, "val": val}, entities, relations)
        rows, held = (np.unique(words.rows(part, name), axis=0) for part, name in ((triples, "triples"), (val, "val")))
        for name, part in (("triples", rows), ("val", held)):
            if not len(part):
                raise ValueError(f"{name} must hold at least one triple, got none.")
        keys = {tuple(row) for row in held.tolist()}
        for model in fitted:
            same = [
                _equal(getattr(model.vocabulary_, side), getattr(words, side)) for side in ("entities", "relations")
            ]
            if not all(same):
                raise ValueError(
                    f"all models must know the same entities and relations in the same order, and {_called(model)} has "
                    f"others than {_called(fitted[0])}; fit them with the same entities= and relations=."
                )
            seen = sum(tuple(row) in keys for row in model.triples_.tolist())
            if seen:
                warn_caller(
                    f"{_called(model)} was trained on {seen} triples of val, by which it gets too much weight; fit it "
                    f"without them."
                )
        seed = resolve_seed(self.random_state)
        options = {"val": val, "entities": words.entities, "relations": words.relations}
        with limited_threads(self.n_jobs):
            self.models_ = [self._made(model, words, rows, triples, options) for model in given]
            self.vocabulary_, self.triples_ = words, rows
            self.entities_, self.relations_ = names_of(words.entities), names_of(words.relations)
            self._weigh(held, candidates(len(given), self.trials, seed))
        return self

    def _given(self) -> list[Any]:
        if isinstance(self.models, str) or not (self.models is None or hasattr(self.models, "__iter__")):
            raise TypeError(f"models must be a sequence of estimators and rules, got {self.models!r}.")
        given = [*RULES, ComplEx()] if self.models is None else list(self.models)
        if not given:
            raise ValueError("models must hold at least one model, got none.")
        for model in given:
            if model not in RULES if isinstance(model, str) else not hasattr(model, "score_candidates"):
                raise TypeError(
                    f'models must hold estimators of triples, "degree", "symmetry" or objects with score_candidates, '
                    f"got {model!r}."
                )
        return given

    def _made(self, model: Any, words: Vocabulary, rows: I64, triples: Any, options: dict[str, Any]) -> Any:
        """The model, fitted."""
        if isinstance(model, str):
            return TripleRule(words, rows, symmetric=model == "symmetry")
        if not isinstance(model, TripleScorer) or hasattr(model, "vocabulary_"):
            return model
        return clone(model).fit(triples, **options)

    def _weigh(self, held: I64, weights: F64) -> None:
        """Choose the weights of each relation and side among these, of which the first are the models alone."""
        num_relations, num_models = self.vocabulary_.relations.num_nodes, weights.shape[1]
        truths = KnownTriples(np.concatenate([self.triples_, held]))
        gained = np.zeros((num_relations, 2, len(weights)))  # sums of reciprocal ranks
        for s, side in enumerate(SIDES):
            for begin in range(0, len(held), _QUERIES):
                block = held[begin : begin + _QUERIES]
                ranks, (indptr, ids) = self._ranks(block, side), truths.lists(block, side)
                for i, (_, kind, _) in enumerate(block.tolist()):
                    own = ranks[:, i, block[i, 2 * s]][:, None]
                    ahead = ranks[:, i] - own
                    rivals = np.asarray((ahead <= 0).any(axis=0))  # others are behind the answer whatever the weights
                    rivals[ids[indptr[i] : indptr[i + 1]]] = False  # the answer itself is a known one
                    sums = weights @ ahead[:, rivals]
                    place = 1 + np.count_nonzero(sums < 0, axis=1) + np.count_nonzero(sums == 0, axis=1) / 2
                    gained[kind, s] += 1 / place
        total = gained.sum(axis=(0, 1))
        few = np.bincount(held[:, 1], minlength=num_relations) < self.min_triples
        of_few = gained[few].sum(axis=(0, 1))
        best = int(total[:num_models].argmax())
        shared = int(np.where(of_few >= of_few[best], total, -1).argmax())
        chosen = np.where(few[:, None], shared, gained.argmax(axis=2))
        self.weights_ = weights[chosen]
        self.model_mrr_ = total[:num_models] / (2 * len(held))
        self.mrr_ = float(np.take_along_axis(gained, chosen[:, :, None], axis=2).sum() / (2 * len(held)))

    def _ranks(self, rows: I64, side: str) -> F64:
        """Ranks of all entities by every model, shape (num_models, num_triples, num_entities)."""
        scores = [np.asarray(model.score_candidates(rows, side), dtype=np.float64) for model in self.models_]
        wanted = (len(rows), self.vocabulary_.entities.num_nodes)
        for found in scores:
            if found.shape != wanted or np.isnan(found).any():
                raise ValueError(f"score_candidates must return numbers of shape {wanted}, got shape {found.shape}.")
        return np.stack([mean_ranks(found) for found in scores])

    def score_candidates(self, triples: Any, side: str) -> F64:
        """Scores of all entities at the place of the missing ``side``, float64 of shape (num_triples, num_entities).

        Triples are numbers of ``entities_`` and ``relations_`` here; what stands at the missing side does not matter.
        """
        check_is_fitted(self, "weights_")
        rows, at = self.vocabulary_.numbers(triples), SIDES.index(checked_side(side))
        out = np.empty((len(rows), self.vocabulary_.entities.num_nodes))
        with limited_threads(self.n_jobs):
            for begin in range(0, len(rows), _QUERIES):
                block = rows[begin : begin + _QUERIES]
                weights = self.weights_[block[:, 1], at]
                out[begin : begin + _QUERIES] = -np.einsum("ik,kij->ij", weights, self._ranks(block, side))
        return out

    def score(self, triples: Any, y: Any = None, *, side: str = "tail") -> F64:
        """Scores of triples as answers to the query without ``side``, float64 of shape (num_triples,).

        Minus the weighted ranks of the answers: scores of different sides or relations are not comparable.
        """
        del y
        check_is_fitted(self, "weights_")
        rows, column = self.vocabulary_.rows(triples), 2 * SIDES.index(checked_side(side))
        found = np.empty(len(rows))
        for begin in range(0, len(rows), _QUERIES):
            block = rows[begin : begin + _QUERIES]
            scores = self.score_candidates(block, side)
            found[begin : begin + _QUERIES] = scores[np.arange(len(block)), block[:, column]]
        return found

    def _saved_params(self) -> dict[str, Any]:
        return {name: value for name, value in super()._saved_params().items() if name != "models"}

    def _state(self) -> dict[str, Any]:
        words = self.vocabulary_
        state: dict[str, Any] = {name: getattr(self, name) for name in ("triples_", "model_mrr_", "mrr_")}
        state["_names"] = {"entities": words.entities.names, "relations": words.relations.names}
        state["_sizes"] = [words.entities.num_nodes, words.relations.num_nodes]
        state["_kinds"] = [model.kind if isinstance(model, TripleRule) else "" for model in self.models_]
        for i, model in enumerate(self.models_):
            if isinstance(model, SavedEstimator):
                state[f"model {i}"] = model
            elif not isinstance(model, TripleRule):
                raise ValueError(f"models holds {_called(model)}, which a file cannot hold; save it on its own.")
        return state

    def _restore(self, state: dict[str, Any]) -> None:
        names, sizes, kinds = (state.pop(name) for name in ("_names", "_sizes", "_kinds"))
        words = Vocabulary(NodeIndex(names["entities"], sizes[0]), NodeIndex(names["relations"], sizes[1]))
        rows = words.numbers(state["triples_"])
        self.models_ = [
            TripleRule(words, rows, symmetric=kind == "symmetry") if kind else state.pop(f"model {i}")
            for i, kind in enumerate(kinds)
        ]
        if state["weights_"].shape != (sizes[1], 2, len(kinds)):
            raise ValueError("weights, relations and models differ in number")
        self.models = [kind or model for kind, model in zip(kinds, self.models_, strict=True)]
        self.vocabulary_ = words
        self.entities_, self.relations_ = names_of(words.entities), names_of(words.relations)
        super()._restore(state)


def candidates(num_models: int, trials: int, seed: int) -> F64:
    """Weights of shape (num, num_models) to choose from: each model alone, all alike, and log-uniform ones."""
    drawn = np.exp(np.random.default_rng(seed).uniform(np.log(1e-3), 0, (trials, num_models)))
    drawn = np.rint(drawn / drawn.max(axis=1, keepdims=True, initial=1e-3) * _STEP) / _STEP
    return np.concatenate([np.eye(num_models), np.ones((1, num_models)), drawn])


def mean_ranks(scores: F64) -> F64:
    """Ranks within each row, 1 for the highest score; equal scores share their mean rank."""
    order = np.argsort(-scores, axis=1)
    ranked = np.take_along_axis(scores, order, axis=1)
    place = np.arange(scores.shape[1])
    new = np.ones(scores.shape, dtype=bool)
    new[:, 1:] = ranked[:, 1:] != ranked[:, :-1]
    first = np.maximum.accumulate(np.where(new, place, 0), axis=1)
    ends = np.concatenate([new[:, 1:], np.ones((len(scores), 1), dtype=bool)], axis=1)
    last = np.minimum.accumulate(np.where(ends, place, scores.shape[1])[:, ::-1], axis=1)[:, ::-1]
    out = np.empty(scores.shape)
    np.put_along_axis(out, order, (first + last) / 2 + 1, axis=1)
    return out


def _equal(one: NodeIndex, other: NodeIndex) -> bool:
    return one is other or (one.num_nodes == other.num_nodes and names_of(one).tolist() == names_of(other).tolist())


def _called(model: Any) -> str:
    return type(model).__name__
