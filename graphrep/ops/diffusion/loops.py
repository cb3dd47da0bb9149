"""A graph without its self loops."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from graphrep.graph import Graph


def degrees_without_loops(graph: Graph) -> npt.NDArray[np.int64]:
    """Out-neighbours of each node other than itself, int64; kept with the graph, which never changes."""
    if "degrees without loops" not in graph._cache:
        at = graph.indices[graph.indices == graph.sources()]
        graph._cache["degrees without loops"] = graph.out_degree - np.bincount(at, minlength=graph.num_nodes)
    return np.asarray(graph._cache["degrees without loops"])


def adjacency_without_loops(graph: Graph) -> Any:
    """SciPy CSR array of float64 ones where there is an arc between different nodes, and nothing elsewhere."""
    n = graph.num_nodes
    a = sp.csr_array((np.ones(graph.num_arcs), graph.indices, graph.indptr), shape=(n, n))
    a = sp.csr_array(a - sp.diags_array(a.diagonal()))
    a.eliminate_zeros()
    return a
