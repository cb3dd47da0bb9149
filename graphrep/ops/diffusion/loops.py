"""Degrees and adjacency of a graph without its self loops."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from graphrep.graph import Graph


def degrees_without_loops(graph: Graph) -> npt.NDArray[np.int64]:
    """Number of out-neighbors of each node other than itself, int64; cached on the graph, which is immutable."""
    if "degrees without loops" not in graph._cache:
        at = graph.indices[graph.indices == graph.sources()]
        graph._cache["degrees without loops"] = graph.out_degree - np.bincount(at, minlength=graph.num_nodes)
    return np.asarray(graph._cache["degrees without loops"])


def adjacency_without_loops(graph: Graph) -> Any:
    """SciPy CSR array with a float64 one for every arc between different nodes."""
    n = graph.num_nodes
    a = sp.csr_array((np.ones(graph.num_arcs), graph.indices, graph.indptr), shape=(n, n))
    a = sp.csr_array(a - sp.diags_array(a.diagonal()))
    a.eliminate_zeros()
    return a
