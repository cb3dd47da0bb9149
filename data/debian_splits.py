"""Fixed splits of the package graph that keep the binary packages of one source together.

All randomness is a function of (seed, stream, counter), so the result does not depend on the version of NumPy.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from graphrep._random import bounded, random_bits, stream_key

Ints = npt.NDArray[np.int64]
TRAIN, VALID, TEST = 0, 1, 2
LINKS, LABELS, UNIFORM, MATCHED = 0, 1, 2, 3  # streams


def source_pairs(pairs: Ints, source: Ints) -> Ints:
    """One number per unordered pair of source packages, for pairs of packages of shape (2, num_pairs)."""
    low, high = np.sort(source[pairs], axis=0)
    return low * (int(source.max(initial=0)) + 1) + high


def split_links(edges: Ints, source: Ints, seed: int) -> npt.NDArray[np.uint8]:
    """Part of every edge: 80/10/10 of the edges between sources; the edges between two sources stay together.

    Edges inside one source are training edges: a test on them would only ask which packages were built together.
    """
    part = np.full(edges.shape[1], TRAIN, dtype=np.uint8)
    between = np.flatnonzero(source[edges[0]] != source[edges[1]])
    _, group, size = np.unique(source_pairs(edges[:, between], source), return_inverse=True, return_counts=True)
    order = _shuffled(len(size), seed, LINKS)
    part[between] = _fill(size, order, (0.8, 0.9))[group]
    return part


def split_labels(label: Ints, source: Ints, seed: int) -> npt.NDArray[np.uint8]:
    """Part of every package: 20/10/70, whole sources, stratified by the section that most packages of a source have."""
    num_sources, num_labels = int(source.max()) + 1, int(label.max()) + 1
    table = np.zeros((num_sources, num_labels), dtype=np.int64)
    np.add.at(table, (source, label), 1)
    main, size = table.argmax(axis=1), table.sum(axis=1)
    part = np.full(num_sources, TRAIN, dtype=np.uint8)
    order = _shuffled(num_sources, seed, LABELS)
    for section in range(num_labels):
        members = order[main[order] == section]
        if len(members):
            part[members] = _fill(size[members], np.arange(len(members)), (0.2, 0.3))
            part[members[0]] = TRAIN
    # A section that is nowhere the main one may still be absent from train.
    for section in np.flatnonzero(table[part == TRAIN].sum(axis=0) == 0):
        part[order[table[order, section] > 0][0]] = TRAIN
    return part[source]


def uniform_negatives(source: Ints, linked: Ints, count: int, seed: int) -> Ints:
    """Pairs drawn uniformly from all pairs of packages whose sources are not linked, shape (2, count)."""
    nodes = np.arange(len(source))
    return _draw(nodes, nodes, source, linked, count, seed, UNIFORM)


def matched_negatives(
    depender: Ints, dependee: Ints, source: Ints, linked: Ints, count: int, seed: int, *, part: int, taken: Ints
) -> Ints:
    """Pairs (a, b) with a drawn from ``depender`` and b, independently, from ``dependee``; shape (2, count).

    Each package is thus as frequent among the negatives as among the edges the two lists come from, apart from what is
    rejected: pairs whose sources are linked, and pairs among ``taken``.
    """
    return _draw(depender, dependee, source, linked, count, seed, MATCHED + part, taken)


def pair_keys(pairs: Ints, num_nodes: int) -> Ints:
    """One number per unordered pair."""
    return pairs.min(axis=0) * num_nodes + pairs.max(axis=0)


def _draw(
    first: Ints, second: Ints, source: Ints, linked: Ints, count: int, seed: int, stream: int, taken: Ints | None = None
) -> Ints:
    """Distinct pairs u < v of packages whose pair of sources is not in ``linked`` (sorted), in the order drawn."""
    n, batch = len(source), 2 * count
    keys = np.zeros(0, dtype=np.int64)
    if not len(first) or not len(second):
        return np.zeros((2, 0), dtype=np.int64)
    for turn in range(50):  # a small graph may not hold as many pairs as asked for
        bits = random_bits(stream_key(seed, stream), np.arange(2 * batch * turn, 2 * batch * (turn + 1)))
        drawn = np.stack([first[bounded(bits[0::2], len(first))], second[bounded(bits[1::2], len(second))]])
        drawn = drawn[:, source[drawn[0]] != source[drawn[1]]]
        drawn = drawn[:, ~np.isin(source_pairs(drawn, source), linked)]
        keys = np.concatenate([keys, pair_keys(drawn, n)])
        if taken is not None:
            keys = keys[~np.isin(keys, pair_keys(taken, n))]
        keys = keys[np.sort(np.unique(keys, return_index=True)[1])]
        if len(keys) >= count:
            break
    return np.stack(np.divmod(keys[:count], n))


def _fill(size: Ints, order: Ints, limits: tuple[float, float]) -> npt.NDArray[np.uint8]:
    """Give whole groups, in ``order``, to train, valid and test by where the middle of each group comes to lie."""
    middle = np.cumsum(size[order]) - size[order] / 2
    part = np.empty(len(size), dtype=np.uint8)
    part[order] = np.searchsorted(np.array(limits) * size.sum(), middle, side="right")
    return part


def _shuffled(n: int, seed: int, stream: int) -> Ints:
    return np.argsort(random_bits(stream_key(seed, stream), np.arange(n)), kind="stable")
