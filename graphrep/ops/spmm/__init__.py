"""Sparse times dense: sums and means over neighbours."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from graphrep._backend import choose
from graphrep._threads import resolve_threads
from graphrep.graph import Graph, as_graph
from graphrep.ops.spmm import cpu, reference

__all__ = ["spmm"]

REDUCES = ("sum", "mean")


def spmm(
    graph: Any,
    x: npt.NDArray[np.float32],
    reduce: str = "sum",
    *,
    out: npt.NDArray[np.float32] | None = None,
    n_jobs: int | None = None,
) -> npt.NDArray[np.float32]:
    r"""Aggregate neighbours: :math:`y_v = \sum_{u \in N(v)} w_{vu}\, x_u`, without storing a message.

    With ``reduce="mean"`` the sum is divided by :math:`\sum_u w_{vu}` (so :math:`y = D^{-1} A x`). Nodes without
    out-neighbours get zeros.

    Parameters
    ----------
    graph : Graph or anything :func:`graphrep.as_graph` takes
    x : float32 array of shape (num_nodes, columns)
    reduce : {"sum", "mean"}
    out : float32 array of shape (num_nodes, columns), optional
        C-contiguous, written and returned; must not overlap x.
    n_jobs : int or None
        Threads; the result does not depend on it.

    Returns
    -------
    float32 array of shape (num_nodes, columns)

    Raises
    ------
    TypeError
        x is not a float32 NumPy array. Tensors are refused: this form has no gradient.
    ValueError
        Shapes that disagree, or an unknown reduce.

    Notes
    -----
    Time O(num_arcs * columns), bound by gathering num_arcs * columns * 4 bytes; no memory beyond ``out``.

    Examples
    --------
    >>> import numpy as np
    >>> import graphrep as gr
    >>> path = gr.as_graph([[0, 1], [1, 2]], directed=False)
    >>> gr.ops.spmm(path, np.array([[1.0], [10.0], [100.0]], dtype=np.float32), "mean").ravel()
    array([10. , 50.5, 10. ], dtype=float32)
    """
    g: Graph = as_graph(graph)
    if reduce not in REDUCES:
        raise ValueError(f"reduce must be one of {', '.join(REDUCES)}; got {reduce!r}.")
    if not isinstance(x, np.ndarray) or x.dtype != np.float32:
        raise TypeError(f"x must be a float32 NumPy array, got {getattr(x, 'dtype', type(x).__name__)}.")
    if x.ndim != 2 or len(x) != g.num_nodes:
        raise ValueError(f"x must have shape ({g.num_nodes}, columns), got {x.shape}.")
    if out is None:
        out = np.empty(x.shape, dtype=np.float32)
    elif not (
        isinstance(out, np.ndarray)
        and out.shape == x.shape
        and out.dtype == np.float32
        and out.flags.c_contiguous
        and out.flags.writeable
    ):
        raise ValueError(f"out must be a writeable C-contiguous float32 array of shape {x.shape}.")
    elif np.shares_memory(out, x):
        raise ValueError("out must not overlap x.")
    scale = inverse_degrees(g) if reduce == "mean" else None
    choose("spmm", {"native": cpu.spmm, "reference": reference.spmm})(
        g, np.ascontiguousarray(x), scale, out, resolve_threads(n_jobs)
    )
    return out


def inverse_degrees(graph: Graph) -> npt.NDArray[np.float32]:
    """1 / weighted out-degree, 0 where the degree is 0, float32 of shape (num_nodes,)."""
    degree = graph.weighted_degree()
    return np.divide(1.0, degree, out=np.zeros_like(degree), where=degree > 0).astype(np.float32)
