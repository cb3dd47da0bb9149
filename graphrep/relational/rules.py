"""Rules that say that one relation entails another: found in triples, and as rows of a table of relations."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from graphrep._checks import checked_float, checked_int
from graphrep._triples import Vocabulary, vocabulary_of

__all__ = ["Entailment", "RuleRows", "entailments", "rule_rows"]

I64 = npt.NDArray[np.int64]


class Entailment(NamedTuple):
    """The rule that (h, body, t) entails (h, head, t), or (t, head, h) if it is ``inverse``.

    Attributes
    ----------
    body, head : name
        Relations.
    confidence : float in (0, 1]
        How often it holds.
    inverse : bool

    Examples
    --------
    >>> from graphrep.relational import Entailment
    >>> Entailment("part of", "has part", inverse=True)
    Entailment(body='part of', head='has part', confidence=1.0, inverse=True)
    """

    body: Any
    head: Any
    confidence: float = 1.0
    inverse: bool = False


def entailments(triples: Any, *, min_confidence: float = 0.8, min_support: int = 10) -> list[Entailment]:
    r"""Find the relations that entail another one, in the same or in the opposite direction.

    The support of a rule is the number of pairs for which both triples are there, and its confidence the share of these
    among the pairs of the body about whose entity something is known:

    .. math::
        \frac{|\{(h, t) : (h, b, t) \text{ and } (h, r, t)\}|}
        {|\{(h, t) : (h, b, t) \text{ and } (h, r, t') \text{ for some } t'\}|}

    for the rule that b entails r, and likewise with (t, r, h) for the inverse one. A missing triple counts against the
    rule only where the entity has others of the relation.

    Parameters
    ----------
    triples : triples
        As for :meth:`graphrep.ComplEx.fit`; those for training alone.
    min_confidence : float in (0, 1]
    min_support : int

    Returns
    -------
    list of Entailment
        The surest first, and of equal ones those with more support. What ``rules=`` of :class:`graphrep.ComplEx` takes.

    Notes
    -----
    Time and memory O(n) for n triples and two products of sparse matrices with a row per relation.

    References
    ----------
    Galárraga et al. Fast Rule Mining in Ontological Knowledge Bases with AMIE+. VLDB Journal 2015, section 3, for the
    confidence. Ding et al. Improving Knowledge Graph Embedding Using Simple Constraints. ACL 2018, section 4.1, for its
    bound.

    Examples
    --------
    >>> from graphrep.relational import entailments
    >>> triples = [(f"part {i}", "part of", "car") for i in range(12)]
    >>> triples += [("car", "has part", f"part {i}") for i in range(12)]
    >>> [(rule.body, rule.head, rule.inverse) for rule in entailments(triples)]
    [('part of', 'has part', True), ('has part', 'part of', True)]
    """
    checked_float("min_confidence", min_confidence, 0.0, 1.0, exclusive=True)
    checked_int("min_support", min_support, 1)
    words = vocabulary_of({"triples": triples})
    heads, kinds, tails = np.unique(words.rows(triples), axis=0).T
    n, count = words.entities.num_nodes, words.relations.num_nodes
    keys, at = np.unique(np.concatenate([heads * n + tails, tails * n + heads]), return_inverse=True)
    forward, backward = at.reshape(2, -1)
    of_pairs = _counts(kinds, forward, (count, len(keys)))
    starts, ends = _counts(kinds, heads, (count, n)), _counts(kinds, tails, (count, n))
    has = sp.csr_array((np.ones(starts.nnz), starts.indices, starts.indptr), shape=starts.shape)
    found = []
    for inverse, pairs, entities in (
        (False, of_pairs, starts),
        (True, _counts(kinds, backward, (count, len(keys))), ends),
    ):
        both, known = sp.coo_array(pairs @ of_pairs.T), sp.csr_array(entities @ has.T)
        bodies, relations = both.coords
        confidence = both.data / np.asarray(known[bodies, relations]).reshape(-1)
        kept = (both.data >= min_support) & (confidence >= min_confidence) & ((bodies != relations) | inverse)
        rows = zip(bodies[kept], relations[kept], confidence[kept], both.data[kept], strict=True)
        found += [(-float(sure), -int(support), inverse, int(b), int(r)) for b, r, sure, support in rows]
    names = list(range(count)) if words.relations.names is None else words.relations.names.tolist()
    return [Entailment(names[b], names[r], -sure, inverse) for sure, _, inverse, b, r in sorted(found)]


def _counts(rows: I64, columns: I64, shape: tuple[int, int]) -> sp.csr_array:
    return sp.csr_array(sp.coo_array((np.ones(len(rows)), (rows, columns)), shape=shape))


class RuleRows(NamedTuple):
    """Rules as rows of a table of relations.

    Attributes
    ----------
    body, head : int64 arrays
    confidence : float32 array
    conjugate : bool array
        Whether the conjugate of the body entails the head.
    """

    body: I64
    head: I64
    confidence: npt.NDArray[np.float32]
    conjugate: npt.NDArray[np.bool_]


def rule_rows(rules: Any, words: Vocabulary, *, reciprocal: bool) -> RuleRows | None:
    """Checked rules as rows, or None if there are none.

    With ``reciprocal`` relations a rule orders the answers to queries without tail, and those to queries without head:
    the reciprocal of a relation takes the place of its inverse.
    """
    count, rows = words.relations.num_nodes, []
    if isinstance(rules, str) or not isinstance(rules, Iterable):
        rules = [rules]
    for rule in rules:
        if not isinstance(rule, (tuple, list)) or not 2 <= len(rule) <= 4:
            raise ValueError(f"rules must be tuples (body, head, confidence=1, inverse=False), got {rule!r}.")
        body, head, confidence, inverse = Entailment(*rule)
        checked_float("the confidence of a rule", confidence, 0.0, 1.0, exclusive=True)
        if not isinstance(inverse, (bool, np.bool_)):
            raise TypeError(f"the fourth part of a rule says whether it is inverse, True or False; got {inverse!r}.")
        b, r = words.relation_row(body), words.relation_row(head)
        if b == r and not inverse:
            raise ValueError(f"a rule must have two relations unless it is inverse, got {body!r} twice.")
        if not reciprocal:
            rows.append((b, r, confidence, inverse))
        elif inverse:
            rows += [(b, r + count, confidence, False), (b + count, r, confidence, False)]
        else:
            rows += [(b, r, confidence, False), (b + count, r + count, confidence, False)]
    if not rows:
        return None
    bodies, heads, sure, turned = zip(*rows, strict=True)
    return RuleRows(np.array(bodies), np.array(heads), np.array(sure, dtype=np.float32), np.array(turned, dtype=bool))
