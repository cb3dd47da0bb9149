"""Proximity of nodes: powers of the row-normalized adjacency, and nearest neighbors in feature space."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
import torch

from graphrep._checks import checked_int
from graphrep._sparse import largest_entries
from graphrep.graph import Graph, as_graph, untyped_graph
from graphrep.ops.adjacency import Adjacency

__all__ = ["influence", "knn_graph", "spectral_features"]

BLOCK_PRODUCTS = 2**23  # products of entries per block of rows


def influence(graph: Any, hops: int = 1, *, cumulative: bool = True, max_entries: int | None = None) -> Adjacency:
    r"""Sum of random-walk powers: :math:`\gamma = \sum_{r=1}^{R} \tilde A^r` with :math:`\tilde A = D^{-1} (A + I)`.

    A is the adjacency, symmetrized by the maximum of the two directions, and D contains the row sums of A + I.

    Parameters
    ----------
    graph : Graph or anything :func:`graphrep.as_graph` takes
    hops : int
        R, at least 1.
    cumulative : bool
        False: only :math:`\tilde A^R`.
    max_entries : int, optional
        Number of entries to keep per row, in every power and in the sum: the largest, and the first of equal ones. Rows
        are not renormalized. Without a limit, memory can grow with the square of the number of nodes.

    Returns
    -------
    Adjacency
        Square, with float32 values and columns in ascending order within a row.

    Notes
    -----
    With at most e entries per row: O(hops * num_arcs * e) time, O(num_nodes * e) memory plus a block of bounded size.

    References
    ----------
    Kulatilleke, Portmann, Chandra. SCGC: Self-Supervised Contrastive Graph Clustering. 2022, section 3.

    Examples
    --------
    >>> import graphrep as gr
    >>> path = gr.as_graph([(0, 1), (1, 2)], directed=False)
    >>> gr.cluster.influence(path, 2, cumulative=False).to_dense()
    tensor([[0.4167, 0.4167, 0.1667],
            [0.2778, 0.4444, 0.2778],
            [0.1667, 0.4167, 0.4167]])
    """
    checked_int("hops", hops, 1)
    if max_entries is not None:
        checked_int("max_entries", max_entries, 1)
    g = untyped_graph(graph).to_undirected()
    step = _walk_matrix(g)
    power = total = largest_entries(step, max_entries)
    for _ in range(hops - 1):
        power = _product(power, step, max_entries)
        total = largest_entries(total + power, max_entries) if cumulative else power
    total.sort_indices()
    indptr = torch.from_numpy(total.indptr.astype(np.int64))
    indices = torch.from_numpy(total.indices.astype(np.int32 if g.num_nodes < 2**31 else np.int64))
    return Adjacency(indptr, indices, torch.from_numpy(total.data.astype(np.float32)))


def knn_graph(x: Any, n_neighbors: int = 5, *, metric: str = "euclidean", n_jobs: int | None = None) -> Graph:
    """Connect every row of a table with its nearest neighbors.

    Parameters
    ----------
    x : array, tensor or scipy.sparse matrix of shape (num_nodes, num_features)
    n_neighbors : int
        Number of neighbors per row; fewer if there are fewer other rows.
    metric : str
        A metric of scikit-learn's NearestNeighbors: "euclidean", "cosine", "manhattan", ...
    n_jobs : int or None
        As in NearestNeighbors.

    Returns
    -------
    Graph
        Undirected, with features ``x``; two rows are connected if either is among the nearest neighbors of the other.

    Raises
    ------
    ValueError
        ``x`` is not a table of finite numbers.

    Notes
    -----
    A tree search for few columns, otherwise O(num_nodes**2 * num_features) time in blocks.

    Examples
    --------
    >>> import graphrep as gr
    >>> gr.cluster.knn_graph([[0.0], [1.0], [5.0], [6.0]], 1).edges().tolist()
    [[0, 2], [1, 3]]
    """
    from sklearn.neighbors import NearestNeighbors
    from sklearn.utils.validation import check_array

    checked_int("n_neighbors", n_neighbors, 1)
    table = check_array(x, accept_sparse="csr", dtype=[np.float32, np.float64], input_name="x")
    count = min(n_neighbors, table.shape[0] - 1)
    if not count:
        return as_graph(np.zeros((2, 0), dtype=np.int64), num_nodes=table.shape[0], directed=False, x=table)
    search = NearestNeighbors(n_neighbors=count, metric=metric, n_jobs=n_jobs).fit(table)
    nearest = search.kneighbors(return_distance=False)
    edges = np.stack([np.repeat(np.arange(len(nearest)), count), nearest.ravel()])
    merged = as_graph((edges[0], edges[1]), num_nodes=len(nearest), merge="max", x=table)
    return merged if merged.weights is None else as_graph(merged, weights=False)


def spectral_features(graph: Any, dimensions: int = 64, *, seed: int = 0) -> npt.NDArray[np.float32]:
    r"""Features for nodes without features: leading singular vectors of the regularized adjacency.

    The matrix is :math:`(D + \bar d I)^{-1/2} A (D + \bar d I)^{-1/2}`. The mean degree :math:`\bar d` prevents small
    components from dominating the leading vectors. The vectors are multiplied by their singular values and by the
    square root of the number of nodes.

    Parameters
    ----------
    graph : Graph or anything :func:`graphrep.as_graph` takes
    dimensions : int
        Fewer if there are fewer nodes.
    seed : int
        Seed of the randomized decomposition.

    Returns
    -------
    float32 array of shape (num_nodes, dimensions)
        Rows of isolated nodes are zero.

    References
    ----------
    Qin, Rohe. Regularized Spectral Clustering under the Degree-Corrected Stochastic Blockmodel. NIPS 2013, section 3.

    Examples
    --------
    >>> import networkx as nx
    >>> from graphrep.cluster import spectral_features
    >>> spectral_features(nx.karate_club_graph(), 4).shape
    (34, 4)
    """
    from sklearn.utils.extmath import randomized_svd

    g = untyped_graph(graph).to_undirected()
    degree = g.weighted_degree()
    scale = sp.diags_array(1 / np.sqrt(np.maximum(degree + degree.mean(), 1e-12)))
    matrix = sp.csr_array(scale @ g.to_scipy().astype(np.float64) @ scale)
    left, values, _ = randomized_svd(matrix, min(dimensions, g.num_nodes), n_iter=7, random_state=seed % 2**32)
    return np.ascontiguousarray(left * values * np.sqrt(g.num_nodes), dtype=np.float32)


def _walk_matrix(graph: Graph) -> sp.csr_array:
    a = sp.csr_array(graph.to_scipy() + sp.eye_array(graph.num_nodes, dtype=np.float32, format="csr"))
    inverse = 1 / (graph.weighted_degree() + 1)
    values = a.data * np.repeat(inverse, np.diff(a.indptr))
    return sp.csr_array((values.astype(np.float32), a.indices, a.indptr), shape=a.shape)


def _product(left: sp.csr_array, right: sp.csr_array, limit: int | None) -> sp.csr_array:
    """Product with at most ``limit`` entries per row, in blocks of rows to bound memory."""
    work = np.zeros(left.shape[0] + 1, dtype=np.int64)
    per_entry = np.diff(right.indptr)[left.indices].astype(np.int64)
    work[1:] = np.concatenate([[0], np.cumsum(per_entry)])[left.indptr[1:]]
    parts, begin = [], 0
    while begin < left.shape[0]:
        end = int(np.searchsorted(work, work[begin] + BLOCK_PRODUCTS, side="right")) - 1
        end = min(max(end, begin + 1), left.shape[0])
        parts.append(largest_entries(sp.csr_array(left[begin:end] @ right), limit))
        begin = end
    return sp.csr_array(sp.vstack(parts, format="csr"))
