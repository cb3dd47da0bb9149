"""build_csr in plain NumPy: the oracle of the tests."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def build_csr(source, target, weights, num_nodes, *, symmetrise, merge, self_loops, n_jobs=None):  # type: ignore[no-untyped-def]
    """See :func:`graphrep.csr.build_csr`."""
    from graphrep.csr import CSR, index_dtype

    for name, ends in (("source", source), ("target", target)):
        if len(ends) and (ends.min() < 0 or ends.max() >= num_nodes):
            bad = ends[(ends < 0) | (ends >= num_nodes)][0]
            raise IndexError(f"{name} holds node id {bad}, outside [0, {num_nodes}).")
    u, v = source.astype(np.int64), target.astype(np.int64)
    w = np.ones(len(u)) if weights is None else weights.astype(np.float64)
    if not self_loops:
        keep = u != v
        u, v, w = u[keep], v[keep], w[keep]
    u, v, w = _merge(u, v, w, merge)
    if symmetrise:
        loops = u == v
        u, v, w = np.r_[u, v[~loops]], np.r_[v, u[~loops]], np.r_[w, w[~loops]]
        u, v, w = _merge(u, v, w, "max")
    indptr = np.zeros(num_nodes + 1, dtype=np.int64)
    np.cumsum(np.bincount(u, minlength=num_nodes), out=indptr[1:])
    plain = weights is None and bool((w == 1).all())
    return CSR(indptr, v.astype(index_dtype(num_nodes)), None if plain else w.astype(np.float32))


def _merge(
    u: npt.NDArray[np.int64], v: npt.NDArray[np.int64], w: npt.NDArray[np.float64], merge: str
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    order = np.lexsort((v, u))  # stable: parallel edges stay in input order
    u, v, w = u[order], v[order], w[order]
    first = np.flatnonzero(np.r_[True, (u[1:] != u[:-1]) | (v[1:] != v[:-1])]) if len(u) else np.zeros(0, np.int64)
    if len(first):
        w = {"sum": np.add.reduceat, "max": np.maximum.reduceat, "first": lambda a, i: a[i]}[merge](w, first)
    return u[first], v[first], w
