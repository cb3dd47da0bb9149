"""Arcs of a graph drawn in proportion to their weights."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from graphrep import _random
from graphrep._backend import choose
from graphrep._checks import checked_int
from graphrep._threads import resolve_threads
from graphrep.graph import Graph, untyped_graph
from graphrep.ops.skipgram import cpu, reference

__all__ = ["ArcSampler"]


class ArcSampler:
    r"""An infinite numbered sequence of arcs, drawn with replacement.

    .. math:: P(u \to v) = \frac{w_{uv}}{\sum_{a \to b} w_{ab}}

    An undirected edge is two arcs, drawn in either direction. Draw ``i`` depends only on (seed, i).

    Parameters
    ----------
    graph : Graph or anything :func:`graphrep.as_graph` takes
    seed : int, None, RandomState or Generator
        None uses a new seed.
    n_jobs : int or None
        Number of threads; the arcs do not depend on it.

    Notes
    -----
    The source is drawn by its weighted out-degree, then one of its arcs, both by alias tables: time O(1) per draw;
    memory 8 bytes per node and, on a weighted graph, 8 bytes per arc.

    References
    ----------
    Tang et al. LINE: Large-scale Information Network Embedding. WWW 2015, section 4.1.2.

    Examples
    --------
    >>> import graphrep as gr
    >>> path = gr.as_graph([(0, 1), (1, 2)], directed=True)
    >>> sampler = gr.ops.ArcSampler(path)
    >>> sorted(set(map(tuple, sampler.sample(0, 100).tolist())))
    [(0, 1), (1, 2)]
    """

    def __init__(self, graph: Any, *, seed: Any = 0, n_jobs: int | None = None) -> None:
        self.graph: Graph = untyped_graph(graph)
        self.seed = _random.resolve_seed(seed)
        self.num_threads = resolve_threads(n_jobs)
        table = choose("noise_table", {"native": cpu.noise_table, "reference": reference.noise_table})
        self.sources = table(self.graph.weighted_degree(), 1.0)

    def sample(self, first: int, count: int) -> npt.NDArray[np.integer[Any]]:
        """Draws first … first + count - 1: rows (source, target), shape (count, 2), in the dtype of ``graph.indices``.

        Raises
        ------
        ValueError
            The graph has no arcs, and ``count`` is not 0.
        """
        first, count = checked_int("first", first, 0), checked_int("count", count, 0)
        if count and not self.graph.num_arcs:
            raise ValueError(f"count must be 0 because the graph has no edges, got {count}.")
        pairs = np.empty((count, 2), dtype=self.graph.indices.dtype)
        if count:
            choose("sample_arcs", {"native": cpu.sample_arcs, "reference": reference.sample_arcs})(self, first, pairs)
        return pairs
