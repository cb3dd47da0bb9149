"""Sums over the common neighbors of two nodes."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import numpy.typing as npt

from graphrep._backend import choose
from graphrep._names import as_pairs
from graphrep._threads import resolve_threads
from graphrep.graph import untyped_graph
from graphrep.ops.neighbors import cpu, reference

__all__ = ["weighted_intersection"]


def weighted_intersection(
    graph: Any,
    pairs: npt.ArrayLike,
    node_weights: npt.ArrayLike | None = None,
    *,
    dtype: npt.DTypeLike = np.float64,
    n_jobs: int | None = None,
) -> npt.NDArray[np.floating]:
    r"""Sum node weights over the common neighbors of each pair.

    .. math:: s_i = \sum_{z \in \Gamma(u_i) \cap \Gamma(v_i) \setminus \{u_i, v_i\}} \omega_z

    :math:`\Gamma` are the out-neighbors. The end points themselves, which only self loops could add, never count.

    Parameters
    ----------
    graph : Graph or anything :func:`graphrep.as_graph` takes
        Edge weights are ignored.
    pairs : int array of shape (2, num_pairs)
        Row numbers :math:`u_i, v_i`.
    node_weights : float array of shape (num_nodes,), optional
        :math:`\omega`; default 1 for every node, which counts the common neighbors.
    dtype : {float64, float32}
        Dtype of the result. Sums are computed in float64 in both cases.
    n_jobs : int or None
        Number of threads; the result does not depend on it.

    Returns
    -------
    float array of shape (num_pairs,)
        Swapping the two ends of a pair gives the same bits.

    Raises
    ------
    ValueError
        ``pairs`` or ``node_weights`` has a wrong shape, or ``dtype`` is neither float64 nor float32.
    IndexError
        A row number lies outside [0, num_nodes).

    Notes
    -----
    Two rows of lengths a <= b are merged in O(a + b); if b > 16 a, each entry of the shorter row is searched in the
    longer one instead, in O(a log(b / a)). With ``GRAPHREP_BACKEND=triton`` the graph and the pairs are copied to the
    GPU; for tensors that are already there, see :func:`graphrep.ops.pool_common_neighbors`.

    Examples
    --------
    >>> import graphrep as gr
    >>> from graphrep.ops.neighbors import weighted_intersection
    >>> g = gr.as_graph([[0, 0, 1, 1, 2], [1, 2, 2, 3, 3]], directed=False)
    >>> weighted_intersection(g, [[0, 1], [3, 0]])
    array([2., 1.])
    >>> weighted_intersection(g, [[0, 1], [3, 0]], node_weights=1 / g.out_degree)
    array([0.66666667, 0.33333333])
    """
    g = untyped_graph(graph)
    n = g.num_nodes
    ends = as_pairs(pairs, g)
    if ends.ndim != 2:
        raise ValueError(f"pairs must have shape (2, num_pairs), got {ends.shape}.")
    weights = None
    if node_weights is not None:
        weights = np.ascontiguousarray(node_weights, dtype=np.float64)
        if weights.shape != (n,):
            raise ValueError(f"node_weights must have shape ({n},), one per node; got {weights.shape}.")
    if np.dtype(dtype) not in (np.float32, np.float64):
        raise ValueError(f"dtype must be float64 or float32, got {np.dtype(dtype)}.")
    out = np.empty(ends.shape[1], dtype=dtype)
    run = choose(
        "weighted_intersection",
        {
            "native": cpu.weighted_intersection,
            "reference": reference.weighted_intersection,
            "triton": lambda *args: importlib.import_module(f"{__name__}.triton").weighted_intersection(*args),
        },
    )
    run(g.indptr, g.indices, weights, ends[0], ends[1], out, resolve_threads(n_jobs))
    return out
