"""How much of a graph its vectors keep: whether the nodes so many hops away have the best scores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from graphrep._checks import checked_int, checked_ints
from graphrep._random import resolve_seed
from graphrep.evaluate._sampling import in_threads, node_matrix, sampled_nodes
from graphrep.evaluate.checks import F64, I64, unit_rows
from graphrep.evaluate.tables import Row, format_table
from graphrep.graph import Graph, untyped_graph

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Reconstruction", "reconstruction"]

SCORES = ("dot", "cosine")
_SCORES = 1 << 24  # scores held at once
_BLOCK = 1 << 20  # entries of the float64 copy of a block of vectors, and neighbors gathered at once


@dataclass(frozen=True, repr=False)
class Reconstruction:
    """Mean average precision by number of hops; ``result[2]`` gives that of two hops, printing a table by degree.

    Attributes
    ----------
    hops : tuple of int
    scores, chance : float64 array of shape (num_hops,)
        Mean over the nodes that have a node so far away, and its expectation for a random order of the other nodes.
    counts : int64 array of shape (num_hops,)
        Number of these nodes.
    degrees : int64 array of shape (num_bins,)
        Lowest degree of each group of nodes.
    by_degree : float64 array of shape (num_bins, num_hops)
        The same means in each group, NaN where it has no such node.
    by_degree_counts : int64 array of shape (num_bins, num_hops)
    method : str
        What was scored and ranked, in words.
    """

    hops: tuple[int, ...]
    scores: F64
    chance: F64
    counts: I64
    degrees: I64
    by_degree: F64
    by_degree_counts: I64
    method: str

    def __getitem__(self, hops: int) -> float:
        if hops not in self.hops:
            raise KeyError(f"hops must be one of {', '.join(map(str, self.hops))}; got {hops}.")
        return float(self.scores[self.hops.index(hops)])

    def row(self) -> Row:
        """Row of a table, with a column per number of hops."""
        return Row(self.method, self._header(), [f"{value:.4f}" for value in self.scores])

    def _header(self) -> list[str]:
        return [f"{hop} hop{'s' if hop > 1 else ''}" for hop in self.hops]

    def __repr__(self) -> str:
        def cells(values: Any) -> list[str]:
            return ["" if np.isnan(value) else f"{value:.4f}" for value in values]

        ends = [f"{low}" if low + 1 == high else f"{low} to {high - 1}" for low, high in self._ranges()]
        ends[-1:] = [f"{low} or more" for low in self.degrees[-1:]]
        rows = [
            ["all nodes", *cells(self.scores), str(self.counts.max(initial=0))],
            ["chance", *cells(self.chance), ""],
        ]
        for name, values, counts in zip(ends, self.by_degree, self.by_degree_counts, strict=True):
            rows.append([f"degree {name}", *cells(values), str(counts.max(initial=0))])
        return format_table(["", *self._header(), "nodes"], rows, self.method)

    def _ranges(self) -> list[tuple[int, int]]:
        lows = self.degrees.tolist()
        return list(zip(lows, [*lows[1:], 0], strict=True))


def reconstruction(
    vectors: Any,
    graph: Any,
    hops: Sequence[int] = (1, 2, 3),
    *,
    targets: Any = None,
    n_sample: int = 1000,
    score: str = "dot",
    within: bool = False,
    degree_bins: Sequence[int] = (1, 3, 10, 30, 100, 300, 1000),
    random_state: Any = 0,
    n_jobs: int | None = None,
) -> Reconstruction:
    r"""Rank all other nodes by the vectors, and measure whether those exactly k hops away come first.

    For a node v with the set :math:`R_v` of nodes at distance k, and with :math:`s_u` the score of v and u,

    .. math:: \mathrm{AP}(v) = \frac{1}{|R_v|} \sum_{u \in R_v}
              \frac{|\{w \in R_v : s_w \ge s_u\}|}{|\{w \ne v : s_w \ge s_u\}|},

    the average precision of scikit-learn. The result is its mean over the sampled nodes for which :math:`R_v` is not
    empty. The graph is the one that the vectors were made from: this says what they keep, not what they predict.

    Parameters
    ----------
    vectors : array or tensor of shape (num_nodes, dimensions), NodeVectors or DataFrame
        Matched with the nodes by name if it carries names.
    graph : Graph or anything :func:`graphrep.as_graph` takes
        Distances follow the arcs and ignore weights.
    hops : sequence of int
        Values of k.
    targets : like ``vectors``, optional
        Vectors of the nodes as targets, for embedders of directed graphs that have two vectors per node; default:
        ``vectors``.
    n_sample : int
        Number of nodes v, drawn by their names from those with a neighbor; all of them if there are fewer.
    score : {"dot", "cosine"}
        Inner product or cosine (0 with a zero vector) of the two vectors.
    within : bool
        Whether :math:`R_v` holds the nodes at distance 1 to k instead.
    degree_bins : sequence of int
        Lowest out-degree of each group of nodes, ascending; self loops do not count. Empty groups are left out.
    random_state : int, RandomState, Generator or None
        For the sample.
    n_jobs : int or None
        Threads; the result does not depend on it.

    Returns
    -------
    Reconstruction
        Several of them go into a table with ``Comparison({"mine": one}, {"random projection": other})``, say of
        :func:`node_baselines`.

    Raises
    ------
    ValueError
        Vectors that do not match the graph or each other, an unknown option, or a graph without an edge.

    Notes
    -----
    O(n_sample * num_nodes * dimensions) for the scores, computed in float64 and compared in float32, and
    O(n_sample * (num_nodes log num_nodes + num_arcs)). Scores are held for some nodes at a time, 2**24 of them.
    For a random order, the expectation of AP with R of N nodes relevant is
    :math:`\frac{1}{N}\bigl(H_N + \frac{R - 1}{N - 1}(N - H_N)\bigr)` with the harmonic number :math:`H_N`.

    References
    ----------
    Wang, Cui, Zhu: Structural Deep Network Embedding, KDD 2016, section 4, for one hop. Yip et al.: RESTORE: Graph
    Embedding Assessment Through Reconstruction, arXiv 2308.14659, for more hops.

    Examples
    --------
    >>> import networkx as nx
    >>> import graphrep as gr
    >>> ring = gr.as_graph(nx.circular_ladder_graph(30))
    >>> vectors = gr.FastRP(dimensions=32).fit_transform(ring)
    >>> result = gr.evaluate.reconstruction(vectors, ring, hops=(1, 2))
    >>> result.hops, bool(result[1] > 3 * result.chance[0])
    ((1, 2), True)
    """
    g = untyped_graph(graph)
    X = node_matrix(vectors, g)
    Y = X if targets is None else node_matrix(targets, g, "targets")
    if X.shape[1] != Y.shape[1]:
        raise ValueError(f"targets must have the {X.shape[1]} columns of vectors, got {Y.shape[1]}.")
    if score not in SCORES:
        raise ValueError(f"score must be one of {', '.join(SCORES)}; got {score!r}.")
    wanted = tuple(checked_ints("hops", np.atleast_1d(np.asarray(hops)).tolist(), 1, 100))
    lows = np.array(checked_ints("degree_bins", degree_bins, 1), dtype=np.int64)
    if not wanted or len(set(wanted)) < len(wanted):
        raise ValueError(f"hops must be distinct, and at least one; got {list(wanted)}.")
    if not len(lows) or lows[0] != 1 or (np.diff(lows) <= 0).any():
        raise ValueError(f"degree_bins must ascend from 1, got {lows.tolist()}.")
    degree = g.out_degree - g.has_edges(np.arange(g.num_nodes), np.arange(g.num_nodes))
    sources = np.flatnonzero(degree)
    if not len(sources):
        raise ValueError("graph must have an edge between two nodes, got none.")
    sources = sampled_nodes(sources, g.node_index, checked_int("n_sample", n_sample, 1), resolve_seed(random_state))

    largest = float(np.abs(Y).max(initial=0)) or 1.0  # a common factor changes no order, and nothing overflows
    queries = unit_rows(X[sources].astype(np.float64))
    precision = np.full((len(sources), len(wanted)), np.nan)
    relevant = np.zeros((len(sources), len(wanted)), dtype=np.int64)
    step, height = max(1, _SCORES // g.num_nodes), max(1, _BLOCK // max(1, Y.shape[1]))
    for begin in range(0, len(sources), step):
        these = slice(begin, begin + step)
        scores = np.empty((len(sources[these]), g.num_nodes), dtype=np.float32)

        def fill(start: int, these: slice = these, scores: npt.NDArray[np.float32] = scores) -> None:
            block = Y[start : start + height].astype(np.float64)
            block = unit_rows(block) if score == "cosine" else block / largest
            scores[:, start : start + height] = queries[these] @ block.T

        def judge(i: int, begin: int = begin, scores: npt.NDArray[np.float32] = scores) -> None:
            distance = _distances(g, int(sources[begin + i]), max(wanted))
            precision[begin + i], relevant[begin + i] = _precisions(
                scores[i], int(sources[begin + i]), distance, wanted, within=within
            )

        in_threads(fill, range(0, g.num_nodes, height), n_jobs)
        in_threads(judge, range(len(scores)), n_jobs)

    known = relevant > 0
    bins = np.searchsorted(lows, degree[sources], side="right") - 1
    used = np.unique(bins)
    return Reconstruction(
        wanted,
        _mean(precision, known),
        _mean(_chance(relevant, g.num_nodes - 1), known),
        known.sum(axis=0),
        lows[used],
        np.array([_mean(precision[bins == one], known[bins == one]) for one in used]),
        np.array([known[bins == one].sum(axis=0) for one in used]),
        f"mean average precision by {score}, nodes {'within' if within else 'at exactly'} so many hops",
    )


def _distances(graph: Graph, source: int, most: int) -> npt.NDArray[np.int8]:
    """Hops from a node to every node along the arcs, -1 where there are more than ``most``."""
    indptr, indices = graph.indptr, graph.indices
    distance = np.full(graph.num_nodes, -1, dtype=np.int8)
    distance[source] = 0
    frontier = np.array([source])
    for hop in range(1, most + 1):
        counts = indptr[frontier + 1] - indptr[frontier]
        for part in np.split(frontier, np.flatnonzero(np.diff(np.cumsum(counts) // _BLOCK)) + 1):
            degree = indptr[part + 1] - indptr[part]
            reached = indices[np.repeat(indptr[part] - (np.cumsum(degree) - degree), degree) + np.arange(degree.sum())]
            distance[reached[distance[reached] < 0]] = hop
        frontier = np.flatnonzero(distance == hop)
        if not len(frontier):
            break
    return distance


def _precisions(
    scores: npt.NDArray[np.float32],
    source: int,
    distance: npt.NDArray[np.int8],
    hops: tuple[int, ...],
    *,
    within: bool,
) -> tuple[list[float], list[int]]:
    scores[source] = -np.inf
    ranked = np.sort(scores)
    precision, counts = [], []
    for hop in hops:
        relevant = np.sort(scores[(distance > 0) & (distance <= hop) if within else distance == hop])
        counts.append(len(relevant))
        found = len(relevant) - np.searchsorted(relevant, relevant, side="left")
        shown = len(ranked) - np.searchsorted(ranked, relevant, side="left")
        precision.append(float((found / shown).mean()) if len(relevant) else np.nan)
    return precision, counts


def _chance(relevant: I64, others: int) -> F64:
    """Expected average precision of a random order of ``others`` nodes."""
    from scipy.special import digamma

    harmonic = float(digamma(others + 1) + np.euler_gamma)
    share = (relevant - 1) / max(1, others - 1)
    return np.asarray((harmonic + share * (others - harmonic)) / others)


def _mean(values: F64, known: npt.NDArray[np.bool_]) -> F64:
    counts = known.sum(axis=0)
    total = np.where(known, values, 0).sum(axis=0)
    return np.asarray(np.divide(total, counts, out=np.full(counts.shape, np.nan), where=counts > 0))
