"""Products of a Graph with a NumPy array, optionally in place, for embedders that need no gradient."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from graphrep._backend import choose
from graphrep._threads import resolve_threads
from graphrep.csr import CSR
from graphrep.graph import Graph, untyped_graph
from graphrep.ops.propagation import cpu, reference

__all__ = ["graph_matmul", "inverse_degrees", "inverses", "recurrence_step", "rows_matmul"]

Table = TypeVar("Table", npt.NDArray[np.float32], npt.NDArray[np.float16])


def graph_matmul(
    graph: Any,
    x: Table,
    *,
    values: npt.NDArray[np.float32] | None = None,
    normalize: bool = False,
    out: Table | None = None,
    n_jobs: int | None = None,
) -> Table:
    r"""One step of propagation in NumPy: :math:`y = A x`, or :math:`D^{-1} A x` with ``normalize``.

    :math:`D` holds the weighted out-degrees; nodes without out-neighbors get zeros. :func:`graphrep.ops.spmm` is the
    differentiable form on tensors; this function needs no torch and can write into a given array.

    Parameters
    ----------
    graph : Graph or anything :func:`graphrep.as_graph` takes
    x : float32 or float16 array of shape (num_nodes, columns)
        Rows of float16 are half as many bytes to gather; sums are formed in float32 and rounded at the end, to infinity
        beyond 65504.
    values : float32 array of shape (num_arcs,), optional
        A number per arc, in the order of ``graph.indices``, that takes the place of its weight; it may be negative.
    normalize : bool
        Divide each row by its degree, a sum of weights; not with ``values``.
    out : array of shape (num_nodes, columns), optional
        Of the dtype of x, C-contiguous, written and returned; must not overlap x.
    n_jobs : int or None
        Number of threads; the result does not depend on it.

    Returns
    -------
    array of shape (num_nodes, columns)
        Of the dtype of x.

    Raises
    ------
    TypeError
        ``x`` is not a float32 or float16 NumPy array. Tensors are rejected.
    ValueError
        Shapes disagree, or both ``values`` and ``normalize`` are given.

    Notes
    -----
    Time O(num_arcs * columns), bound by gathering num_arcs * columns * 4 bytes, or 2 of float16; no extra memory except
    ``out``.

    Examples
    --------
    >>> import numpy as np
    >>> import graphrep as gr
    >>> path = gr.as_graph([(0, 1), (1, 2)], directed=False)
    >>> x = np.array([[1.0], [10.0], [100.0]], dtype=np.float32)
    >>> gr.ops.graph_matmul(path, x, normalize=True).ravel()
    array([10. , 50.5, 10. ], dtype=float32)
    """
    g: Graph = untyped_graph(graph)
    if not isinstance(x, np.ndarray) or x.dtype not in (np.float32, np.float16):
        raise TypeError(f"x must be a float32 or float16 NumPy array, got {getattr(x, 'dtype', type(x).__name__)}.")
    if x.ndim != 2 or len(x) != g.num_nodes:
        raise ValueError(f"x must have shape ({g.num_nodes}, columns), got {x.shape}.")
    if values is not None:
        if normalize:
            raise ValueError("normalize divides by sums of weights; divide values by what they should be divided by.")
        kind = isinstance(values, np.ndarray) and values.dtype == np.float32 and values.flags.c_contiguous
        if not kind or values.shape != (g.num_arcs,):
            raise ValueError(f"values must be a C-contiguous float32 array of shape ({g.num_arcs},).")
    if out is None:
        out = np.empty_like(x, order="C")
    elif not (
        isinstance(out, np.ndarray)
        and out.shape == x.shape
        and out.dtype == x.dtype
        and out.flags.c_contiguous
        and out.flags.writeable
    ):
        raise ValueError(f"out must be a writeable C-contiguous {x.dtype.name} array of shape {x.shape}.")
    elif np.shares_memory(out, x):
        raise ValueError("out must not overlap x.")
    scale = inverse_degrees(g) if normalize else None
    choose("graph_matmul", {"native": cpu.graph_matmul, "reference": reference.graph_matmul})(
        g, g.weights if values is None else values, np.ascontiguousarray(x), scale, out, resolve_threads(n_jobs)
    )
    return out


def recurrence_step(
    graph: Graph,
    x: Table,
    out: Table,
    *,
    scale: npt.NDArray[np.float32],
    own: float,
    before: float,
    n_jobs: int | None = None,
) -> None:
    r"""A step of a three-term recurrence, in place: :math:`y \leftarrow \mathrm{diag}(s) A x + a x + b y`.

    One pass over the graph, in which the rows of x and y are read once more. ``out`` (y) is not read if ``before``
    (b) is 0. Both arrays are C-contiguous, of shape (num_nodes, columns), and must not overlap; both are float32 or
    float16. ``scale`` (s) is float32 of shape (num_nodes,). The result does not depend on the number of threads.
    """
    choose("graph_matmul", {"native": cpu.graph_matmul, "reference": reference.graph_matmul})(
        graph, graph.weights, x, scale, out, resolve_threads(n_jobs), own, before
    )


def rows_matmul(
    rows: CSR,
    x: Table,
    out: Table,
    *,
    values: npt.NDArray[np.float32] | None = None,
    scale: npt.NDArray[np.float32] | None = None,
    own: float = 0.0,
    before: float = 0.0,
    n_jobs: int | None = None,
) -> None:
    r""":math:`y \leftarrow \mathrm{diag}(s) A x + a x + b y` for some rows of an adjacency, the first rows of x.

    Columns of A are rows of x. Neighbors are added in the order of ``rows.indices``, so the bits are those of
    :func:`graph_matmul` with these ``values``, and of :func:`recurrence_step`.
    """
    choose("graph_matmul", {"native": cpu.graph_matmul, "reference": reference.graph_matmul})(
        rows, rows.weights if values is None else values, x, scale, out, resolve_threads(n_jobs), own, before
    )


def inverse_degrees(graph: Graph) -> npt.NDArray[np.float32]:
    """1 / weighted out-degree, 0 if the degree is 0, float32 of shape (num_nodes,)."""
    return inverses(graph.weighted_degree())


def inverses(degree: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    """1 / degree, 0 where it is 0, float32."""
    return np.divide(1.0, degree, out=np.zeros_like(degree), where=degree > 0).astype(np.float32)
