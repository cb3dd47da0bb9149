"""Negatives that resemble edges, separate for every pair, as in HeaRT."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from graphrep._checks import checked_features, checked_float, checked_int
from graphrep._names import as_pairs
from graphrep._progress import progress_bar
from graphrep._random import resolve_seed
from graphrep.graph import Graph, untyped_graph
from graphrep.ops.diffusion import push_pagerank
from graphrep.ops.diffusion.loops import adjacency_without_loops, degrees_without_loops

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["hard_negatives"]

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]

_BLOCK = 1 << 22  # scores held at once
_SCORES = ("common neighbors", "Adamic-Adar", "resource allocation", "personalized PageRank", "features")


def hard_negatives(
    graph: Any,
    pairs: npt.ArrayLike,
    *,
    num_negatives: int = 500,
    exclude: npt.ArrayLike | None = None,
    scores: Sequence[str] | None = None,
    restart: float = 0.15,
    tolerance: float = 1e-7,
    rank_unseen: bool = False,
    random_state: Any = 0,
    n_jobs: int | None = None,
    progress: bool | None = None,
) -> I64:
    r"""Draw for each pair (a, b) the pairs (a, u) and (u, b) that heuristics rank highest.

    Random pairs are mostly far apart and easy to distinguish from edges. Here every node that is an end gets a list of
    other nodes. They are ranked by each score, from 1, and ties share the best rank. A node's rank is the smallest over
    the scores, and the list holds the nodes of smallest rank; ties are broken at random. Nodes for which all scores are
    0 have no rank; if too few nodes have one, random nodes fill the list. Half of the negatives of (a, b) pair a with
    the nodes of its list, the other half pair the nodes of b's list with b.

    Parameters
    ----------
    graph : Graph or anything :func:`graphrep.as_graph` takes
        Undirected; the graph that the scores use. Its edges are not negatives.
    pairs : int array of shape (2, num_pairs)
        The edges to be ranked, by row number. None of them is a negative.
    num_negatives : int
        Number for each pair; (num_negatives + 1) // 2 keep its first end.
    exclude : int array of shape (2, num_excluded), optional
        Further pairs that must not be negatives, such as the other hidden edges.
    scores : sequence of str, optional
        Some of "common neighbors", "Adamic-Adar", "resource allocation", "personalized PageRank" and "features", the
        cosine of the nodes' features. Default: the third and fourth, and the last if the graph has features.
    restart, tolerance : float
        See :func:`graphrep.ops.push_pagerank`; a tolerance of 1e-5 is enough for large graphs.
    rank_unseen : bool
        Whether nodes with a score of 0 get the rank after the last one, as in the published files. If few nodes have a
        positive score, all others then rank high, and most negatives are arbitrary.
    random_state : int, RandomState, Generator or None
        For ties and for the nodes that fill a list.
    n_jobs : int or None
        Threads; the result does not depend on it.
    progress : bool or None
        Whether to show a progress bar; None shows it in terminals and Jupyter.

    Returns
    -------
    int64 array of shape (2, num_pairs, num_negatives)
        In the form of ``valid_neg`` of a :class:`graphrep.datasets.LinkSplit`, separate for each pair.

    Raises
    ------
    ValueError, TypeError, IndexError
        A directed graph, settings or pairs out of range, or an end with edges to nearly all nodes.

    Notes
    -----
    For each distinct end, O(num_nodes) memory in a block and O(num_nodes) time in addition to that of the
    scores: the two-step neighborhood, the push, and the non-zero features of all nodes. The published files exclude
    edges of the graph and ``exclude``, but not the other pairs.

    References
    ----------
    Li, Shomer et al. Evaluating Graph Neural Networks for Link Prediction: Current Pitfalls and New Benchmarking.
    NeurIPS 2023, section 4.

    Examples
    --------
    >>> import networkx as nx
    >>> import graphrep as gr
    >>> split = gr.evaluate.random_link_split(nx.karate_club_graph(), test=0.1, valid=0.1)
    >>> known = split.valid
    >>> negatives = gr.heuristics.hard_negatives(split.graph, split.test, num_negatives=6, exclude=known)
    >>> negatives.shape
    (2, 8, 6)
    """
    g = untyped_graph(graph)
    if g.directed:
        raise ValueError("graph must be undirected; graph.to_undirected() makes it so.")
    count = checked_int("num_negatives", num_negatives, 1)
    ends = as_pairs(pairs, g)
    others = np.zeros((2, 0), dtype=np.int64) if exclude is None else as_pairs(exclude, g, name="exclude")
    rules = _scorers(g, scores, restart, tolerance, n_jobs)
    nodes, place = np.unique(ends, return_inverse=True)
    place = place.reshape(ends.shape)
    taken = _taken(g, np.concatenate([ends, others], axis=1))
    wanted = (count + 1) // 2
    rng = np.random.default_rng(resolve_seed(random_state))
    lists = np.empty((len(nodes), wanted), dtype=np.int64)
    block = max(1, _BLOCK // max(1, g.num_nodes))
    with progress_bar(total=len(nodes), desc="hard negatives", unit="node", progress=progress) as bar:
        for begin in range(0, len(nodes), block):
            some = nodes[begin : begin + block]
            # Sums of the same shares in another order differ in the last bits, which must not break ties.
            tables = [rule(some).round(12) for rule in rules]
            for row, node in enumerate(some.tolist()):
                free = np.ones(g.num_nodes, dtype=bool)
                free[taken.indices[taken.indptr[node] : taken.indptr[node + 1]]] = False
                free[node] = False
                lists[begin + row] = _best(
                    [table[row] for table in tables], free, wanted, rng, node, rank_unseen=rank_unseen
                )
            bar.update(len(some))
    out = np.empty((2, ends.shape[1], count), dtype=np.int64)
    out[0, :, :wanted], out[1, :, :wanted] = ends[0][:, None], lists[place[0]]
    out[0, :, wanted:], out[1, :, wanted:] = lists[place[1], : count - wanted], ends[1][:, None]
    return out


def _best(
    rows: list[F64],
    free: npt.NDArray[np.bool_],
    wanted: int,
    rng: np.random.Generator,
    node: int,
    *,
    rank_unseen: bool,
) -> I64:
    """The ``wanted`` free nodes of smallest rank, and random ones if too few have a rank."""
    rank, last = np.full(len(free), np.iinfo(np.int64).max), []
    for row in rows:
        at = np.flatnonzero(free & (row > 0))
        value = -row[at]
        places = np.searchsorted(np.sort(value), value) + 1
        if rank_unseen:
            last.append(int(places.max(initial=0)) + 1)
        rank[at] = np.minimum(rank[at], places)
    ranked = rng.permutation(np.flatnonzero(rank < np.iinfo(np.int64).max))
    if last:
        rank = np.minimum(rank, min(last))
    chosen = ranked[np.argsort(rank[ranked], kind="stable")[:wanted]]
    if len(chosen) < wanted:
        free[chosen] = False
        rest = np.flatnonzero(free)
        if len(chosen) + len(rest) < wanted:
            raise ValueError(
                f"num_negatives needs {wanted} pairs at each end, but node {node} is without an edge to only "
                f"{len(chosen) + len(rest)} other nodes."
            )
        chosen = np.concatenate([chosen, rng.choice(rest, wanted - len(chosen), replace=False)])
    return chosen


def _taken(graph: Graph, pairs: I64) -> Any:
    """Sparse matrix of the pairs that must not be negatives."""
    both = np.concatenate([pairs, pairs[::-1]], axis=1)
    n = graph.num_nodes
    held = sp.csr_array((np.ones(graph.num_arcs, dtype=np.int8), graph.indices, graph.indptr), shape=(n, n))
    return sp.csr_array(held + sp.csr_array((np.ones(both.shape[1], dtype=np.int8), (both[0], both[1])), shape=(n, n)))


def _scorers(
    graph: Graph, names: Sequence[str] | None, restart: float, tolerance: float, n_jobs: int | None
) -> list[Callable[[I64], F64]]:
    """Functions from rows to their scores with all nodes."""
    checked_float("restart", restart, 0.0, 1.0, exclusive=True)
    checked_float("tolerance", tolerance, 0.0, exclusive=True)
    if names is None:
        names = _SCORES[2:4] if graph.x is None else _SCORES[2:]
    if isinstance(names, str) or not len(names) or any(name not in _SCORES for name in names):
        raise ValueError(f"scores must be some of {', '.join(_SCORES)}; got {names!r}.")
    n = graph.num_nodes
    adjacency = adjacency_without_loops(graph)
    degree = np.maximum(degrees_without_loops(graph), 1)
    # A common neighbor of two nodes has at least degree 2, so the logarithm is not 0 where it is used.
    weights = {
        "common neighbors": np.ones(n),
        "Adamic-Adar": 1 / np.log(np.maximum(degree, 2)),
        "resource allocation": 1 / degree,
    }

    def shared(name: str) -> Callable[[I64], F64]:
        onward = sp.csr_array(sp.diags_array(weights[name]) @ adjacency)
        return lambda rows: np.asarray((adjacency[rows] @ onward).toarray())

    def walks(rows: I64) -> F64:
        every = np.stack([np.repeat(rows, n), np.tile(np.arange(n), len(rows))])
        found = push_pagerank(graph, every, restart=restart, tolerance=tolerance, n_jobs=n_jobs)
        return np.asarray(found.reshape(len(rows), n))

    made: list[Callable[[I64], F64]] = []
    for name in names:
        if name == "features":
            made.append(_cosine(graph.x))
        else:
            made.append(walks if name == "personalized PageRank" else shared(name))
    return made


def _cosine(x: Any) -> Callable[[I64], F64]:
    if x is None:
        raise ValueError('scores must not have "features" if graph.x is None.')
    from sklearn.preprocessing import normalize

    table = checked_features("x", x, dtype=np.float64)
    unit = normalize(table)
    if sp.issparse(unit):
        return lambda rows: np.asarray((unit[rows] @ unit.T).toarray())
    return lambda rows: np.asarray(unit[rows] @ unit.T)
