"""Random walks of first order, of second order (node2vec), and along meta-paths."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from graphrep import _random
from graphrep._arrays import check_rows
from graphrep._backend import choose
from graphrep._checks import checked_int, checked_rank
from graphrep._parameters import explained
from graphrep._threads import resolve_threads
from graphrep.graph import Graph, as_graph, untyped_graph
from graphrep.ops.walks import cpu, reference
from graphrep.ops.walks.reference import transition_probabilities
from graphrep.ops.walks.states import States, starts_at, states_of

__all__ = ["MetaPathSampler", "WalkSampler", "iter_walks", "random_walks", "transition_probabilities"]

Walks = npt.NDArray[np.integer[Any]]


@explained("random_walks")
def random_walks(
    graph: Any,
    *,
    walk_length: int = 80,
    walks_per_node: int = 10,
    p: float = 1.0,
    q: float = 1.0,
    start: npt.ArrayLike | None = None,
    metapaths: Any = None,
    seed: Any = 0,
    n_jobs: int | None = None,
) -> Walks:
    r"""Sample random walks from every node.

    The first step from :math:`u` follows :math:`P(x) \propto w_{ux}`. Having moved :math:`t \to v`, the next node
    :math:`x` among the out-neighbors of :math:`v` follows :math:`P(x) \propto \alpha(t, x)\, w_{vx}` with

    .. math::
        \alpha(t, x) = \begin{cases}
            1/p & x = t \\
            1   & x \ne t \text{ and the arc } t \to x \text{ exists} \\
            1/q & \text{otherwise}
        \end{cases}

    With p = q = 1 this is the first-order walk of DeepWalk.

    Parameters
    ----------
    graph : Graph or anything :func:`graphrep.as_graph` takes
        May be weighted and directed; walks follow out-arcs.
    walk_length : int
        Number of nodes in a walk, the start included (``walk_length - 1`` steps).
    walks_per_node : int
    p, q : float
        Return and in-out parameters, from 1e-100 to 1e100.
    start : int array of shape (num_starts,), or sequence of str, optional
        Row numbers, or names, to start from; default: all nodes, or those in whose type a meta-path begins.
    metapaths : sequence of meta-paths, or one of them, optional
        The graph then has types, and each walk repeats one of the paths: see :class:`graphrep.ops.MetaPathSampler`.
    seed : int, None, RandomState or Generator
        A walk is a function of the seed and its number, so the result does not depend on ``n_jobs``. None uses a new
        seed in every call.
    n_jobs : int or None
        Number of threads; None uses torch's setting if torch is loaded, else all CPUs.

    Returns
    -------
    int32 or int64 array of shape (num_starts * walks_per_node, walk_length)
        Row numbers of the graph, in the dtype of ``graph.indices``. Walk ``i`` starts at ``start[i % num_starts]``.
        After a dead end (a node without out-neighbors) the rest is -1.

    Raises
    ------
    ValueError
        A length, count, p or q is out of range; or as :class:`graphrep.ops.MetaPathSampler`.
    IndexError
        A start is not a row number.

    Notes
    -----
    Time O(1) per first-order step; on a weighted graph, alias tables take O(num_arcs). Second-order steps use rejection
    sampling [2]_, in O(log degree) per trial; a Bloom filter of one byte per edge answers most adjacency tests.

    References
    ----------
    .. [1] Grover, Leskovec. node2vec: Scalable Feature Learning for Networks. KDD 2016, section 3.2.
    .. [2] Yang et al. KnightKing: A Fast Distributed Graph Random Walk Engine. SOSP 2019, section 4.

    Examples
    --------
    >>> import graphrep as gr
    >>> path = gr.as_graph([(0, 1), (1, 2)], directed=True)
    >>> gr.random_walks(path, walk_length=4, walks_per_node=1)
    array([[ 0,  1,  2, -1],
           [ 1,  2, -1, -1],
           [ 2, -1, -1, -1]], dtype=int32)
    """
    options = {"walk_length": walk_length, "start": start, "seed": seed, "n_jobs": n_jobs}
    sampler = _sampler(graph, metapaths, p, q, **options)
    return sampler.sample(0, checked_int("walks_per_node", walks_per_node, 0) * sampler.num_starts)


@explained("iter_walks")
def iter_walks(
    graph: Any,
    *,
    batch_size: int = 65536,
    walk_length: int = 80,
    walks_per_node: int = 10,
    p: float = 1.0,
    q: float = 1.0,
    start: npt.ArrayLike | None = None,
    metapaths: Any = None,
    seed: Any = 0,
    rank: int = 0,
    world_size: int = 1,
    n_jobs: int | None = None,
) -> Iterator[Walks]:
    """Stream the walks of :func:`random_walks` in batches, for corpora larger than memory.

    Concatenated, the batches equal the result of :func:`random_walks` for the same arguments.

    Parameters
    ----------
    batch_size : int
        Largest number of walks in a batch.
    rank, world_size : int
        Of ``world_size`` processes, this one gets the batches ``rank``, ``rank + world_size``, ... of those that one
        process would get.
    graph, walk_length, walks_per_node, p, q, start, metapaths, seed, n_jobs
        As in :func:`random_walks`.

    Yields
    ------
    int32 or int64 array of shape (at most batch_size, walk_length)

    Examples
    --------
    >>> import graphrep as gr
    >>> ring = gr.as_graph([[0, 1, 2, 3], [1, 2, 3, 0]], directed=False)
    >>> [batch.shape for batch in gr.iter_walks(ring, batch_size=3, walk_length=5, walks_per_node=2)]
    [(3, 5), (3, 5), (2, 5)]
    """
    options = {"walk_length": walk_length, "start": start, "seed": seed, "n_jobs": n_jobs}
    sampler = _sampler(graph, metapaths, p, q, **options)
    total = checked_int("walks_per_node", walks_per_node, 0) * sampler.num_starts
    batch_size = checked_int("batch_size", batch_size, 1)
    rank, world_size = checked_rank(rank, world_size, seed, "seed")
    firsts = range(rank * batch_size, total, world_size * batch_size)
    return (sampler.sample(first, min(batch_size, total - first)) for first in firsts)


class WalkSampler:
    """An infinite numbered sequence of walks, used by :func:`graphrep.random_walks` and the embedders.

    Walk ``i`` starts at ``start[i % num_starts]`` and depends only on (seed, i). Parameters as in
    :func:`graphrep.random_walks`.

    Examples
    --------
    >>> from graphrep.ops import WalkSampler
    >>> sampler = WalkSampler([[0, 1], [1, 0]], walk_length=3)
    >>> sampler.sample(10, 2).tolist()
    [[0, 1, 0], [1, 0, 1]]
    """

    #: The node that counts as the previous one after a step from a node; None: the node itself.
    back: npt.NDArray[Any] | None = None

    def __init__(
        self,
        graph: Any,
        *,
        walk_length: int = 80,
        p: float = 1.0,
        q: float = 1.0,
        start: npt.ArrayLike | None = None,
        seed: Any = 0,
        n_jobs: int | None = None,
    ) -> None:
        self.graph: Graph = untyped_graph(graph)
        self.walk_length = checked_int("walk_length", walk_length, 1)
        self.p, self.q = reference.checked_bias("p", p), reference.checked_bias("q", q)
        self.start = None if start is None else _checked_start(start, self.graph)
        self.seed = _random.resolve_seed(seed)
        self.num_threads = resolve_threads(n_jobs)

    @property
    def num_starts(self) -> int:
        """Number of start nodes."""
        return self.graph.num_nodes if self.start is None else len(self.start)

    @property
    def num_nodes(self) -> int:
        """Number of nodes that a walk can hold."""
        return self.graph.num_nodes

    def sample(self, first: int, count: int) -> Walks:
        """Walks first … first + count - 1, shape (count, walk_length)."""
        return self._run(None, checked_int("first", first, 0), checked_int("count", count, 0))

    def sample_ids(self, walk_ids: npt.NDArray[np.int64]) -> Walks:
        """Walks with the given numbers, shape (len(walk_ids), walk_length)."""
        ids = _checked_rows("walk_ids", walk_ids)
        if len(ids) and ids.min() < 0:
            raise ValueError(f"walk_ids must not be negative, got {ids.min()}.")
        return self._run(ids, 0, len(ids))

    def shuffled_ids(self, first: int, count: int) -> npt.NDArray[np.int64]:
        """Numbers of the walks at positions first … first + count - 1 of a shuffled order, int64.

        Each pass of ``num_starts`` positions visits every start once, in a different order per pass.
        """
        first, count = checked_int("first", first, 0), checked_int("count", count, 0)
        self._check_count(count)
        ids = np.empty(count, dtype=np.int64)
        if count:
            choose("shuffled_ids", {"native": cpu.shuffled_ids, "reference": reference.shuffled_ids})(self, first, ids)
        return ids

    def count_visits(self, walks: Walks, counts: npt.NDArray[np.int64]) -> None:
        """Add the occurrences of each node in ``walks`` to ``counts``, int64 of shape (num_nodes,), in place."""
        n = self.num_nodes
        walks = np.ascontiguousarray(walks)
        check_rows("walks", walks, n, start=-1)
        if counts.shape != (n,) or counts.dtype != np.int64 or not counts.flags.writeable:
            raise TypeError(
                f"counts must be a writeable int64 array of shape ({n},), got {counts.dtype} {counts.shape}."
            )
        choose("count_visits", {"native": cpu.count_visits, "reference": reference.count_visits})(self, walks, counts)

    def _run(self, walk_ids: npt.NDArray[np.int64] | None, first: int, count: int) -> Walks:
        self._check_count(count)
        out = np.empty((count, self.walk_length), dtype=self.graph.indices.dtype)
        if count:
            choose("random_walks", {"native": cpu.sample, "reference": reference.sample})(self, walk_ids, first, out)
        return out

    def _check_count(self, count: int) -> None:
        if count and not self.num_starts:
            raise ValueError(f"count must be 0 because there are no start nodes, got {count}.")


class MetaPathSampler(WalkSampler):
    r"""Walks that repeat meta-paths: step :math:`k` leads to a node of the next type of the path.

    Along :math:`t_0 \to t_1 \to \dots \to t_l = t_0`, a walk that is at :math:`u` after :math:`k` steps moves by
    :math:`P(x) \propto w_{ux}` to an :math:`x` of type :math:`t_{(k+1) \bmod l}`. It ends where there is none. The
    walks of several paths form one sequence: those of the first path, of the second, …, then the next pass.

    With p and q, the weight of x is multiplied by :math:`\alpha(t, x)`, where t is the node before u:

    .. math::
        \alpha(t, x) = \begin{cases}
            1/p & x = t \\
            1   & x \ne t, \text{ the path has one step, and the arc } t \to x \text{ is one of it} \\
            1/q & \text{otherwise}
        \end{cases}

    A path of one step gives the walks of node2vec. On longer ones no step leads from t to x, so that only p/q counts,
    and only where the types before and after u are the same: between two authors of a paper, for instance.

    Parameters
    ----------
    graph : Graph with types of nodes, or what :func:`graphrep.as_graph` makes one of
    metapaths : sequence of meta-paths, or one of them
        Each as in :func:`graphrep.relational.metapath`, ending in the type in which it begins.
    walk_length, p, q, start, seed, n_jobs
        As in :func:`graphrep.random_walks`. Nodes to start from belong to a type in which a path begins.

    Attributes
    ----------
    graph : Graph
        What the kernel walks on: a node for each pair of a position on a path and a node of its type.
    nodes : int array of shape (graph.num_nodes,)
        Row number of each of these in the typed graph.

    Raises
    ------
    ValueError
        A type is unknown, a step has no edges, a path does not end in its first type, or a start is of another type.

    Notes
    -----
    The position on the path is part of the state of a walk, so the kernel of all walks samples these, too.
    Memory is that of the arcs of all steps of all paths; time as for :func:`graphrep.random_walks`.

    References
    ----------
    Dong, Chawla, Swami. metapath2vec: Scalable Representation Learning for Heterogeneous Networks. KDD 2017, section
    3.2.

    Examples
    --------
    >>> import graphrep as gr
    >>> facts = [("p", "by", "ann"), ("q", "by", "bob")]
    >>> g = gr.as_graph(facts, edge_type=1, node_type=["paper", "author"] * 2)
    >>> sampler = gr.ops.MetaPathSampler(g, ("author", "paper", "author"), walk_length=4)
    >>> g.nodes[sampler.sample(0, 2)].tolist()
    [['ann', 'p', 'ann', 'p'], ['bob', 'q', 'bob', 'q']]
    """

    def __init__(
        self,
        graph: Any,
        metapaths: Any,
        *,
        walk_length: int = 80,
        p: float = 1.0,
        q: float = 1.0,
        start: npt.ArrayLike | None = None,
        seed: Any = 0,
        n_jobs: int | None = None,
    ) -> None:
        typed = as_graph(graph)
        states = states_of(typed, metapaths)
        begin = np.concatenate(states.begin)
        if start is not None:
            wanted = _checked_start(start, typed)
            wrong = ~np.isin(wanted, states.nodes[begin])
            if wrong.any():
                bad = typed.nodes[wanted[wrong][0]]
                raise ValueError(f"start must hold nodes of a type in which a meta-path begins, got {bad!r}.")
            begin = starts_at(states, wanted)
        self._set(states, typed.num_nodes, typed.indices.dtype)
        super().__init__(states.graph, walk_length=walk_length, p=p, q=q, start=begin, seed=seed, n_jobs=n_jobs)

    @classmethod
    def of_states(cls, states: States, num_nodes: int, start: npt.NDArray[np.int64], **options: Any) -> MetaPathSampler:
        """Sampler from states that are there already; ``start`` holds numbers of states."""
        sampler = cls.__new__(cls)
        sampler._set(states, num_nodes, states.graph.indices.dtype)
        WalkSampler.__init__(sampler, states.graph, start=start, **options)
        return sampler

    def _set(self, states: States, num_nodes: int, dtype: Any) -> None:
        self.nodes, self._num_nodes, self.back = states.nodes.astype(dtype), num_nodes, states.back
        self._table = np.append(self.nodes, self.nodes.dtype.type(-1))  # entry -1 is -1

    @property
    def num_nodes(self) -> int:
        """Number of nodes of the typed graph."""
        return self._num_nodes

    def _run(self, walk_ids: npt.NDArray[np.int64] | None, first: int, count: int) -> Walks:
        walks: Walks = self._table[super()._run(walk_ids, first, count)]
        return walks


def _sampler(graph: Any, metapaths: Any, p: float, q: float, **options: Any) -> WalkSampler:
    if metapaths is None:
        return WalkSampler(graph, p=p, q=q, **options)
    return MetaPathSampler(graph, metapaths, p=p, q=q, **options)


def _checked_start(start: npt.ArrayLike, graph: Graph) -> npt.NDArray[np.int64]:
    named = np.asarray(start)
    if named.ndim == 1 and named.dtype.kind in "OUT":
        return graph.rows(named)
    rows = _checked_rows("start", start)
    check_rows("start", rows, graph.num_nodes)
    return rows


def _checked_rows(name: str, values: npt.ArrayLike) -> npt.NDArray[np.int64]:
    rows = np.asarray(values)
    if rows.ndim != 1 or (rows.size and rows.dtype.kind not in "iu"):
        raise TypeError(f"{name} must be a one-dimensional integer array, got shape {rows.shape}, dtype {rows.dtype}.")
    return np.ascontiguousarray(rows, dtype=np.int64)
