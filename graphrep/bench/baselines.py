"""The strongest cheap vectors, scores and clusters, beside which a benchmark shows every learner."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from graphrep._communities import communities as communities_by

if TYPE_CHECKING:
    from graphrep.bench.learners import Setting
    from graphrep.graph import Graph

F32 = npt.NDArray[np.float32]


def degrees(setting: Setting, graph: Graph) -> Any:
    """Logarithms of the degrees of a node, and of the mean degree of its neighbors; nothing else about it."""
    del setting, graph
    return _degrees


def _degrees(graph: Graph) -> F32:
    out, into = graph.weighted_degree(), graph.weighted_degree(incoming=True)
    beside = graph.to_scipy() @ out / np.maximum(out, 1e-12)
    columns = [out, beside, *([into] if graph.directed else [])]
    table = np.log1p(np.stack(columns, axis=1))
    return np.asarray((table - table.mean(0)) / np.maximum(table.std(0), 1e-12), dtype=np.float32)


def svd(setting: Setting, graph: Graph) -> Any:
    r"""Truncated SVD of :math:`D^{-1/2} A D^{-1/2}`, columns scaled by the roots of the singular values."""
    del graph
    return partial(_svd, dimensions=setting.dimensions, seed=setting.seed)


def _svd(graph: Graph, *, dimensions: int, seed: int) -> F32:
    scale = [1 / np.sqrt(np.maximum(graph.weighted_degree(incoming=incoming), 1e-12)) for incoming in (False, True)]
    matrix = sp.csr_array(sp.diags_array(scale[0]) @ graph.to_scipy() @ sp.diags_array(scale[1]), dtype=np.float32)
    width = max(1, dimensions // 2 if graph.directed else dimensions)
    u, s, v = truncated_svd(matrix, width, seed)
    root = np.sqrt(s)
    found = np.hstack([u * root, v * root]) if graph.directed else u * root
    return np.ascontiguousarray(found * np.sqrt(graph.num_nodes), dtype=np.float32)


def truncated_svd(matrix: Any, width: int, seed: int) -> tuple[F32, F32, F32]:
    """Left vectors, singular values and right vectors as columns, at most ``width`` of them."""
    from sklearn.utils.extmath import randomized_svd

    u, s, vt = randomized_svd(matrix, min(width, *matrix.shape), n_iter=5, random_state=seed % 2**32)
    return u, s, vt.T


def features(setting: Setting, graph: Graph) -> Any:
    """The features themselves, as the columns of their SVD if there are more than ``dimensions``."""
    del graph
    return partial(_features, dimensions=setting.dimensions, seed=setting.seed)


def _features(graph: Graph, *, dimensions: int, seed: int) -> F32:
    x: Any = sp.csr_array(graph.x, dtype=np.float32) if sp.issparse(graph.x) else np.asarray(graph.x, dtype=np.float32)
    if x.shape[1] <= dimensions:
        return np.asarray(x.toarray() if sp.issparse(x) else x, dtype=np.float32)
    u, s, _ = truncated_svd(x, dimensions, seed)
    return np.ascontiguousarray(u * s, dtype=np.float32)


def heuristic(name: str, setting: Setting, graph: Graph) -> Any:
    """A score of pairs in :mod:`graphrep.heuristics`, a function of the graph and the pairs."""
    del graph
    from graphrep import heuristics

    return partial(getattr(heuristics, name), n_jobs=setting.n_jobs)


def communities(name: str, setting: Setting, graph: Graph) -> Any:
    """Communities of the edges, whose number follows from the graph: a function of the graph."""
    del graph
    return lambda given: communities_by(name, given.to_undirected(), setting.seed)
