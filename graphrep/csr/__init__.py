"""From a list of edges to a compressed sparse row (CSR) adjacency: sort, symmetrise, merge duplicates."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from graphrep._backend import choose
from graphrep.csr import reference

__all__ = ["CSR", "MERGES", "build_csr", "index_dtype"]

MERGES = ("sum", "max", "first")


class CSR(NamedTuple):
    """Rows sorted by column, without duplicates."""

    indptr: npt.NDArray[np.int64]
    indices: npt.NDArray[np.int32] | npt.NDArray[np.int64]
    weights: npt.NDArray[np.float32] | None


def index_dtype(num_nodes: int) -> type[np.int32] | type[np.int64]:
    """The narrower integer type that holds every node id: int32 below 2**31 nodes, else int64."""
    return np.int32 if num_nodes < 2**31 else np.int64


def build_csr(
    source: npt.NDArray[np.integer],
    target: npt.NDArray[np.integer],
    weights: npt.NDArray[np.float32] | None,
    num_nodes: int,
    *,
    symmetrise: bool = False,
    merge: str = "sum",
    self_loops: bool = True,
    n_jobs: int | None = None,
) -> CSR:
    r"""Build a CSR adjacency from edges.

    Parallel edges are merged by ``merge`` ("sum", "max" or "first" in input order). With ``symmetrise`` an edge listed
    in both directions is one edge: parallel edges are merged in each direction, then
    :math:`A \leftarrow \max(A, A^\top)`.

    Without weights every edge counts 1; weights are returned only where a merged edge differs from 1.

    Parameters
    ----------
    source, target : int32 or int64 arrays of shape (num_edges,)
        End points, each in [0, num_nodes).
    weights : float32 array of shape (num_edges,) or None
        Finite and positive.
    num_nodes : int
    symmetrise : bool
    merge : {"sum", "max", "first"}
    self_loops : bool
        Keep edges from a node to itself.
    n_jobs : int or None
        Threads; the result does not depend on it.

    Returns
    -------
    CSR
        ``indptr`` int64 (num_nodes + 1,), ``indices`` int32 where node ids fit, else int64, ``weights`` float32 or None.

    Raises
    ------
    IndexError
        An end point outside [0, num_nodes).

    Notes
    -----
    Time O(num_edges log(max degree)), memory 2 copies of the arcs.
    """
    if merge not in MERGES:
        raise ValueError(f"merge must be one of {', '.join(MERGES)}; got {merge!r}.")
    return choose("build_csr", {"reference": reference.build_csr})(
        source, target, weights, num_nodes, symmetrise=symmetrise, merge=merge, self_loops=self_loops, n_jobs=n_jobs
    )
