"""Pairs of nodes without an edge."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from graphrep.evaluate.checks import I64


def sample_non_edges(
    num_nodes: int, edges: I64, size: int, rng: np.random.Generator, *, directed: bool = False, avoid: I64 | None = None
) -> I64:
    """Draw distinct pairs uniformly from all that are no edge and no self loop.

    Parameters
    ----------
    num_nodes : int
    edges : int64 array of shape (2, num_edges)
        Unless ``directed``, an edge forbids both orders of its ends, and pairs come out with the smaller end first.
    size : int
    rng : numpy.random.Generator
    avoid : int64 array of shape (2, num_pairs), optional
        Further pairs to leave out.

    Returns
    -------
    int64 array of shape (2, size)

    Raises
    ------
    ValueError
        There are fewer than ``size`` such pairs.
    """
    taken = _keys(edges if avoid is None else np.concatenate([edges, avoid], axis=1), num_nodes, directed=directed)
    taken = np.unique(taken[taken // max(1, num_nodes) != taken % max(1, num_nodes)])
    total = num_nodes * (num_nodes - 1) // (1 if directed else 2)
    free = total - len(taken)
    if size > free:
        raise ValueError(f"{size} pairs without an edge were asked for, but the graph has only {free}.")
    if num_nodes <= 2048:  # few enough to list them all, which also serves graphs that are almost complete
        u, v = np.nonzero(~np.eye(num_nodes, dtype=bool) if directed else np.tri(num_nodes, k=-1, dtype=bool).T)
        keys = u * num_nodes + v
        keys = keys[~_contains(taken, keys)]
        return np.stack(np.divmod(rng.permutation(keys)[:size], max(1, num_nodes)))
    found = np.zeros(0, dtype=np.int64)
    while len(found) < size:
        missing = size - len(found)
        drawn = rng.integers(num_nodes, size=(2, int(1.1 * missing * total / free) + 16))
        keys = _keys(drawn[:, drawn[0] != drawn[1]], num_nodes, directed=directed)
        keys = np.concatenate([found, keys[~_contains(taken, keys)]])
        found = keys[np.sort(np.unique(keys, return_index=True)[1])]
    return np.stack(np.divmod(found[:size], num_nodes))


def sample_popular_non_edges(
    num_nodes: int, edges: I64, size: int, rng: np.random.Generator, *, avoid: I64 | None = None
) -> I64:
    """Draw pairs whose ends are ends of random edges, each by itself, and that are no edge and no self loop.

    So a node is drawn in proportion to its degree, as in the configuration model. Pairs may repeat. Parameters as in
    :func:`sample_non_edges`; ``ValueError`` where hardly such a pair is left.
    """
    taken = np.unique(
        _keys(edges if avoid is None else np.concatenate([edges, avoid], axis=1), num_nodes, directed=False)
    )
    ends, found = edges.reshape(-1), np.zeros((2, 0), dtype=np.int64)
    for _ in range(100):
        missing = size - found.shape[1]
        drawn = ends[rng.integers(max(1, len(ends)), size=(2, missing + missing // 8 + 8))]
        free = (drawn[0] != drawn[1]) & ~_contains(taken, _keys(drawn, num_nodes, directed=False))
        found = np.concatenate([found, drawn[:, free][:, :missing]], axis=1)
        if found.shape[1] == size:
            return found
    raise ValueError(f"{size} pairs without an edge were asked for, but nodes that have edges have hardly any.")


def _keys(pairs: I64, num_nodes: int, *, directed: bool) -> I64:
    """One number per pair, the same for both orders unless ``directed``."""
    if directed:
        return np.asarray(pairs[0] * num_nodes + pairs[1])
    return np.asarray(pairs.min(axis=0) * num_nodes + pairs.max(axis=0))


def _contains(ascending: I64, keys: I64) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    if not len(ascending):
        return np.zeros(len(keys), dtype=bool)
    at = np.minimum(np.searchsorted(ascending, keys), len(ascending) - 1)
    return np.asarray(ascending[at] == keys)
