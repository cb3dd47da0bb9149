"""Ranks of the answers of triples among all entities, or among given ones: the protocols of knowledge graphs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from graphrep._arrays import check_integers, check_rows, to_numpy
from graphrep._checks import checked_int
from graphrep._triples import Vocabulary, as_triples, is_typed_graph
from graphrep.evaluate.checks import as_scores
from graphrep.evaluate.tables import format_table
from graphrep.ops.ranking import RankCounts

__all__ = ["KnownTriples", "Ranking", "ranking"]

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]

SIDES = ("head", "tail")
_QUERIES = 8192  # ranked at a time, which bounds the lists of known answers
_SCORES = 1 << 24  # held at once by a scorer without ranks of its own
_TIES = {"mean": "", "optimistic": "_optimistic", "pessimistic": "_pessimistic"}


class Ranking(Mapping[str, float]):
    """Metrics of a list of triples; ``result["mrr"]`` gives one of them.

    "mrr", "hits@1", "hits@3", "hits@10" and "mean_rank" count ties half; "mrr_optimistic" and "mrr_pessimistic" count
    them for and against the answer, so that their difference exposes a scorer that gives many candidates one score.

    Parameters
    ----------
    counts : mapping of str to RankCounts
        For each side.
    kinds : int64 array of shape (num_triples,)
        Relations of the triples.
    names : sequence, optional
        Names of the relations.

    Attributes
    ----------
    ranks : float64 array of shape (num_triples, num_sides)
        Rank of the answer of each triple, ties counted half, one column per side.
    sides : mapping of str to mapping
        The metrics for queries that miss the head, and for those that miss the tail.
    relations : mapping of name to mapping
        The metrics of the triples of each relation, and "count", their number.

    Examples
    --------
    >>> import numpy as np
    >>> from graphrep.evaluate import Ranking
    >>> from graphrep.ops import RankCounts
    >>> result = Ranking({"tail": RankCounts(np.array([0, 2]), np.array([0, 2]))}, np.array([0, 1]), ["is", "has"])
    >>> result["mrr"], result.relations["has"]["mean_rank"]
    (0.625, 4.0)
    """

    def __init__(self, counts: Mapping[str, RankCounts], kinds: I64, names: Sequence[Any] | None) -> None:
        ranks = {ties: np.stack([part.ranks(ties) for part in counts.values()], axis=1) for ties in _TIES}
        self.ranks: F64 = ranks["mean"]
        self.scores = _metrics(ranks)
        self.sides = {
            side: _metrics({ties: part[:, [i]] for ties, part in ranks.items()}) for i, side in enumerate(counts)
        }
        self.relations: dict[Any, dict[str, float]] = {}
        for kind in np.unique(kinds).tolist():
            of_kind = {ties: part[kinds == kind] for ties, part in ranks.items()}
            name = kind if names is None else names[kind]
            self.relations[name] = _metrics(of_kind) | {"count": float(len(of_kind["mean"]))}

    def __getitem__(self, metric: str) -> float:
        return self.scores[metric]

    def __iter__(self) -> Iterator[str]:
        return iter(self.scores)

    def __len__(self) -> int:
        return len(self.scores)

    def __repr__(self) -> str:
        header = ["mrr", "hits@1", "hits@3", "hits@10", "mean_rank"]
        rows = [("both sides" if len(self.sides) > 1 else "ranks", self.scores)]
        rows += [(f"missing {side}", part) for side, part in self.sides.items() if len(self.sides) > 1]
        cells = [[title, *(f"{part[m]:.4f}" for m in header[:-1]), f"{part['mean_rank']:.1f}"] for title, part in rows]
        return format_table(["", *header], cells, f"{len(self.ranks)} triples")


def _metrics(ranks: Mapping[str, F64]) -> dict[str, float]:
    found = {"mrr": float(np.mean(1 / ranks["mean"]))}
    found |= {f"hits@{k}": float(np.mean(ranks["mean"] <= k)) for k in (1, 3, 10)}
    found["mean_rank"] = float(np.mean(ranks["mean"]))
    return found | {f"mrr{end}": float(np.mean(1 / ranks[ties])) for ties, end in _TIES.items() if end}


class KnownTriples:
    """Index of the answers that are known to be true, for the filter of :func:`ranking`.

    Parameters
    ----------
    triples : int64 array of shape (num_triples, 3)
        Numbers of entities and relations, as the scorer has them.

    Notes
    -----
    Time O(n log n) and memory O(n) for n triples: worth making once where the same triples filter many rankings.

    Examples
    --------
    >>> import numpy as np
    >>> from graphrep.evaluate import KnownTriples
    >>> KnownTriples(np.array([[0, 0, 1], [0, 0, 2]])).lists(np.array([[0, 0, 1]]), "tail")
    (array([0, 2]), array([1, 2]))
    """

    def __init__(self, triples: I64) -> None:
        self._num_relations = int(triples[:, 1].max(initial=-1)) + 1
        self._keys: dict[str, I64] = {}
        self._answers: dict[str, I64] = {}
        for side in SIDES:
            given, missing = (2, 0) if side == "head" else (0, 2)
            order = np.lexsort((triples[:, missing], triples[:, 1], triples[:, given]))
            self._keys[side] = self._key(triples[order, given], triples[order, 1])
            self._answers[side] = np.ascontiguousarray(triples[order, missing])

    def _key(self, entities: I64, relations: I64) -> I64:
        key = entities * self._num_relations + relations
        return np.asarray(np.where(relations < self._num_relations, key, -1), dtype=np.int64)

    def lists(self, triples: I64, side: str) -> tuple[I64, I64]:
        """Known answers of each query as (indptr, ids), ascending in each row."""
        wanted = self._key(triples[:, 2 if side == "head" else 0], triples[:, 1])
        begin = np.searchsorted(self._keys[side], wanted)
        sizes = np.searchsorted(self._keys[side], wanted, side="right") - begin
        indptr = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        at = np.arange(indptr[-1]) + np.repeat(begin - indptr[:-1], sizes)
        return indptr, self._answers[side][at]


def ranking(
    scorer: Any,
    triples: Any,
    *,
    known: Sequence[Any] | KnownTriples = (),
    sides: Sequence[str] = SIDES,
    num_entities: int | None = None,
    head_neg: Any = None,
    tail_neg: Any = None,
) -> Ranking:
    r"""Rank the true head and the true tail of each triple among all entities, or among given ones.

    .. math:: r = 1 + |\{c : s_c > s\}| + \tfrac12 |\{c : s_c = s\}|

    s is the score of the true entity. The candidates c are all other entities that do not make a triple of ``known``
    (the *filtered* setting of Bordes et al.); or, with ``head_neg`` and ``tail_neg``, the given ones, as for ogbl-biokg
    and ogbl-wikikg2, whose evaluator gives the same numbers.

    Parameters
    ----------
    scorer : fitted estimator of :mod:`graphrep.relational`, object or callable
        All but the estimators get triples of numbers.

        * An object with ``rank_counts(triples, side, known)``, such as the estimators, which returns
          :class:`graphrep.ops.RankCounts`; for given candidates with ``score(triples, side=side)``.
        * An object with ``score_candidates(triples, side)``, which returns scores of shape (num_triples, num_entities)
          of all entities at the place of the missing side.
        * A function of triples of shape (num, 3) that returns one score each.
    triples : int array of shape (num_triples, 3), names, or a graph with types of edges
        Columns head, relation, tail; see :meth:`graphrep.ComplEx.fit`.
    known : sequence of triples, or KnownTriples
        Usually ``[train, valid, test]``. Without them the ranks are not filtered: true answers count against each
        other. A filter without the test triples gives lower figures than published ones. The index of these triples
        can be made once for many calls: :class:`graphrep.evaluate.KnownTriples`, of numbers.
    sides : sequence of {"head", "tail"}
        What queries miss.
    num_entities : int, optional
        For a function of triples, which does not say how many there are.
    head_neg, tail_neg : int arrays of shape (num_triples, num_negatives), optional
        Candidates in place of the head, and of the tail. Give both or neither; ``known`` is not used then.

    Returns
    -------
    Ranking

    Raises
    ------
    ValueError
        No triples, an unknown side, scores that are NaN or of a wrong shape.
    IndexError, KeyError
        An entity or relation that the scorer does not know.

    Notes
    -----
    Estimators count in registers (:func:`graphrep.ops.rank_candidates`) and store no scores. Other scorers are called
    on blocks of about 16 million scores.

    References
    ----------
    Bordes et al. Translating Embeddings for Modeling Multi-relational Data. NeurIPS 2013, section 4.1. Sun et al. A
    Re-evaluation of Knowledge Graph Completion Methods. ACL 2020, for ties. Hu et al. Open Graph Benchmark. NeurIPS
    2020, section 5.

    Examples
    --------
    >>> import graphrep as gr
    >>> nearest = lambda triples: -abs(triples[:, 0] + 1 - triples[:, 2])
    >>> gr.evaluate.ranking(nearest, [(0, 0, 1), (1, 0, 2), (1, 0, 3)], num_entities=4)
    3 triples
                     mrr  hits@1  hits@3  hits@10  mean_rank
    --------------------------------------------------------
    both sides    0.8000  0.6667  1.0000   1.0000        1.5
    missing head  0.8000  0.6667  1.0000   1.0000        1.5
    missing tail  0.8000  0.6667  1.0000   1.0000        1.5
    """
    wanted = [side for side in SIDES if side in sides]
    if isinstance(sides, str) or not wanted or len(wanted) < len(sides):
        raise ValueError(f"sides must be a list of head, tail or both; got {sides!r}.")
    words: Vocabulary | None = getattr(scorer, "vocabulary_", None)
    rows = _resolved(words, triples, "triples")
    if not len(rows):
        raise ValueError("triples must hold at least one triple, got none.")
    names = None if words is None or words.relations.names is None else words.relations.names.tolist()
    if (head_neg is None) != (tail_neg is None):
        raise ValueError("head_neg and tail_neg must be given together.")
    if head_neg is not None:
        given = {"head": head_neg, "tail": tail_neg}
        counts = {side: _among_given(scorer, rows, side, given[side], words) for side in wanted}
        return Ranking(counts, rows[:, 1], names)
    truths = known if isinstance(known, KnownTriples) else _indexed(words, known, rows[:0])
    counts = {side: _among_all(scorer, rows, side, truths, num_entities) for side in wanted}
    return Ranking(counts, rows[:, 1], names)


def _indexed(words: Vocabulary | None, known: Any, none: I64) -> KnownTriples:
    return KnownTriples(np.concatenate([_resolved(words, part, "known") for part in _parts(known)] or [none]))


def _parts(known: Any) -> list[Any]:
    parts = [known] if hasattr(known, "triples") or (hasattr(known, "ndim") and known.ndim == 2) else list(known)
    if parts and isinstance(parts[0], tuple):
        parts = [parts]  # one list of triples instead of several
    return parts


def _resolved(words: Vocabulary | None, triples: Any, name: str) -> I64:
    if words is not None:
        return words.rows(triples, name)
    found = triples.triples() if is_typed_graph(triples) else as_triples(triples, name)
    if not isinstance(found, np.ndarray):
        raise TypeError(f"{name} must be numbers here, since the scorer has no names of entities; got names.")
    check_rows(name, found, np.iinfo(np.int64).max)
    return found


def _among_all(scorer: Any, rows: I64, side: str, truths: KnownTriples, num_entities: int | None) -> RankCounts:
    size = _QUERIES
    if not hasattr(scorer, "rank_counts"):
        size = max(1, _SCORES // max(1, checked_int("num_entities", num_entities or 40_000, 1)))
    parts = []
    for begin in range(0, len(rows), size):
        block = rows[begin : begin + size]
        lists = truths.lists(block, side)
        if hasattr(scorer, "rank_counts"):
            parts.append(scorer.rank_counts(block, side, lists))
        else:
            parts.append(_counted(_all_scores(scorer, block, side, num_entities), block, side, lists))
    return RankCounts(*(np.concatenate(part) for part in zip(*parts, strict=True)))


def _all_scores(scorer: Any, block: I64, side: str, num_entities: int | None) -> npt.NDArray[Any]:
    """Scores of all entities at the place of the missing side, one row per triple."""
    if hasattr(scorer, "score_candidates"):
        scores = as_scores("scores", scorer.score_candidates(block, side))
        if scores.ndim != 2 or len(scores) != len(block):
            raise ValueError(f"score_candidates must return one row of scores per triple, got shape {scores.shape}.")
        return scores
    if num_entities is None:
        raise ValueError("num_entities must be given for a function of triples, which does not say how many there are.")
    check_rows("entities of triples", block[:, ::2], num_entities)
    every = np.repeat(block, num_entities, axis=0)
    every[:, SIDES.index(side) * 2] = np.tile(np.arange(num_entities), len(block))
    return _scored(scorer, every, side).reshape(len(block), num_entities)


def _scored(scorer: Any, triples: I64, side: str) -> npt.NDArray[Any]:
    score = scorer.score if hasattr(scorer, "score") else None
    scores = as_scores("scores", scorer(triples) if score is None else score(triples, side=side))
    if scores.shape != (len(triples),):
        raise ValueError(f"the scorer must return one score per triple, shape ({len(triples)},); got {scores.shape}.")
    return scores


def _counted(scores: npt.NDArray[Any], block: I64, side: str, lists: tuple[I64, I64]) -> RankCounts:
    """Counts of a matrix of scores."""
    answers, (indptr, ids) = block[:, SIDES.index(side) * 2], lists
    each = np.arange(len(block))
    check_rows("entities of triples", answers, scores.shape[1])
    own = scores[each, answers][:, None]
    greater, equal = np.count_nonzero(scores > own, axis=1), np.count_nonzero(scores == own, axis=1) - 1
    check_rows("entities of known", ids, scores.shape[1])
    owner = np.repeat(each, np.diff(indptr))
    first = np.ones(len(ids), dtype=bool)
    first[1:] = (ids[1:] != ids[:-1]) | (owner[1:] != owner[:-1])  # a known triple may be listed twice
    owner, ids = owner[first & (ids != answers[owner])], ids[first & (ids != answers[owner])]
    of_known = scores[owner, ids]
    greater = greater - np.bincount(owner, of_known > own[owner, 0], minlength=len(block)).astype(np.int64)
    equal = equal - np.bincount(owner, of_known == own[owner, 0], minlength=len(block)).astype(np.int64)
    return RankCounts(np.asarray(greater, dtype=np.int64), np.asarray(equal, dtype=np.int64))


def _among_given(scorer: Any, rows: I64, side: str, candidates: Any, words: Vocabulary | None) -> RankCounts:
    name = f"{side}_neg"
    given = to_numpy(candidates)
    check_integers(name, given)
    if given.ndim != 2 or len(given) != len(rows):
        raise ValueError(f"{name} must have shape ({len(rows)}, num_negatives), got {given.shape}.")
    check_rows(name, given, np.iinfo(np.int64).max if words is None else words.entities.num_nodes)
    spelled = (lambda triples: triples) if words is None else words.spelled
    own, greater, equal = _scored(scorer, spelled(rows), side), [], []
    size = max(1, (1 << 21) // max(1, given.shape[1]))
    for begin in range(0, len(rows), size):
        block = np.repeat(rows[begin : begin + size], given.shape[1], axis=0)
        block[:, SIDES.index(side) * 2] = given[begin : begin + size].reshape(-1)
        scores = _scored(scorer, spelled(block), side).reshape(-1, given.shape[1])
        threshold = own[begin : begin + size, None]
        greater.append(np.count_nonzero(scores > threshold, axis=1))
        equal.append(np.count_nonzero(scores == threshold, axis=1))
    return RankCounts(np.concatenate(greater).astype(np.int64), np.concatenate(equal).astype(np.int64))
